"""One database of one component: locked, fenced, migrated, and read back.

Whoever migrates holds an advisory lock of the database from the first look to the last, and writes its token into a
table of ours, ``tidegate_fence``, before anything is run. A higher token ends the sessions of a lower one; a lower one
is refused. Plain SQL asks for the token in each transaction again. A command of Django's or Alembic's asks for nothing,
and may be started by somebody who has slept since the token was asked for: there the database asks itself. A trigger of
ours on the tool's own table refuses what a session records that was started for another run than the one that counts
now, and so undoes it.

What became of a run is what the tool's own table holds, held against what the package says it should hold.

Source: PostgreSQL 15, 13.3.5 "Advisory Locks", 20.11 ``lock_timeout`` and ``statement_timeout``, 20.16 "Customized
Options", 34.15 ``PGOPTIONS``, 39.1 "Overview of Trigger Behavior".
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlunsplit

from tidegate.artifacts.image.login import secret_of
from tidegate.backups.credentials import database_of, split_address
from tidegate.core.duration import format_duration
from tidegate.core.effect import Act, Effect, Observation, Package, Presence, Stage, Token
from tidegate.core.secret import Secret
from tidegate.core.wave import DATABASE, UNTOUCHED
from tidegate.databases.contract import Files, Goal, Runner, Work
from tidegate.databases.package import archive_of, beside, files_in, lock_in, unpacked
from tidegate.databases.settings import DatabaseSettings
from tidegate.drivers.command import Limits, environment, redact, run
from tidegate.drivers.contract import Readiness, Target
from tidegate.errors import FencedError, NotPermittedError, TargetError, UsageError

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[Any]

TABLE = "tidegate_fence"
_CREATE = (
    f"CREATE TABLE IF NOT EXISTS {TABLE} (target text PRIMARY KEY, epoch bigint NOT NULL, counter bigint NOT NULL, "
    "glass integer NOT NULL, key text NOT NULL, stage text NOT NULL, version text NOT NULL, digest text NOT NULL, "
    "holds text NOT NULL, lacks text NOT NULL, detail text NOT NULL, at timestamptz NOT NULL DEFAULT now())"
)
_ROW = f"SELECT epoch, counter, glass, key, stage, version, digest, holds, lacks, detail FROM {TABLE} WHERE target = %s"  # noqa: S608
_CLAIM = (
    f"INSERT INTO {TABLE} (target, epoch, counter, glass, key, stage, version, digest, holds, lacks, detail) "  # noqa: S608
    "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, '') ON CONFLICT (target) DO UPDATE SET "
    "epoch = excluded.epoch, counter = excluded.counter, glass = excluded.glass, key = excluded.key, "
    "stage = excluded.stage, version = excluded.version, digest = excluded.digest, holds = excluded.holds, "
    "lacks = excluded.lacks, detail = '', at = now()"
)
_MARK = (
    f"UPDATE {TABLE} SET stage = %s, detail = %s, at = now() "  # noqa: S608
    "WHERE target = %s AND key = %s AND (epoch, counter, glass) = (%s, %s, %s)"
)
GUARD = "tidegate_guard"
"""The trigger on a tool's own table, and its function."""

_HOLDER = "tidegate.holder"
"""The setting of a session that says for which target and which run it was started, and under which token."""

_RUN = "(extract(epoch FROM at) * 1000000)::bigint"
"""A run is known by the moment at which it was claimed: two may have the same token, one after the other."""

_GUARD_FUNCTION = f"""
CREATE OR REPLACE FUNCTION {GUARD}() RETURNS trigger LANGUAGE plpgsql AS $guard$
DECLARE
    told text[] := string_to_array(nullif(current_setting('{_HOLDER}', true), ''), '/');
BEGIN
    IF told IS NULL THEN
        RETURN NULL;  -- nobody of Tidegate's: a person, or a tool that heeds no PGOPTIONS
    END IF;
    PERFORM FROM {{schema}}.{TABLE} WHERE target = told[1] || ' in ' || told[2]
        AND (epoch, counter, glass) = (told[3]::bigint, told[4]::bigint, told[5]::integer)
        AND {_RUN} = told[6]::bigint FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'tidegate: this run was overtaken, and nothing of it is kept';
    END IF;
    RETURN NULL;
END
$guard$
"""
_GUARDED = "SELECT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = to_regclass(%s) AND tgname = %s AND NOT tgisinternal)"
_LOCK_CLASS = 0x54696465
_HOLDERS = (
    "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND objid = %s AND objsubid = 2 AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid()"
)
_SESSIONS = (
    "SELECT pid FROM pg_stat_activity "
    "WHERE datname = current_database() AND application_name = %s AND pid <> pg_backend_pid()"
)
_ASLEEP = (
    "SELECT pid FROM pg_stat_activity WHERE pid = ANY(%s) AND state LIKE 'idle%%' "
    "AND clock_timestamp() - state_change > make_interval(secs => %s)"
)
ASLEEP_S = 30.0
"""How long who holds the lock may ask nothing, with no command of theirs at work, before we take them for frozen."""

PATIENCE_S = 10.0
"""How long another run is waited for that we do not outrank."""

BRIEFLY_S = 2.0
"""How long a look waits for a run under way."""

_LEAVES_TRACES = re.compile(rb"atomic\s*=\s*False|autocommit_block|no transaction|concurrently", re.IGNORECASE)
"""What may be half done when it fails."""

_NAMED = re.compile(r"(?:[A-Za-z_]\w*\.)*[A-Z]\w*[a-z]\w*: ")
"""How Python ends a traceback: ``django.db.utils.OperationalError: ...``."""

_UNTOLD = (
    ("due to lock timeout", "a lock was not to be had within {lock}, so nothing waits behind it"),
    ("due to statement timeout", "a statement took longer than {statement}"),
)


@dataclass(frozen=True, slots=True)
class _Row:
    """What our table says: under which token, for which key, and what was asked for."""

    token: Token
    key: str
    stage: Stage
    version: str
    digest: str
    goal: Goal
    detail: str


@dataclass(frozen=True, slots=True)
class _Plan:
    """What one effect asks for, as the packages say it."""

    package: Path
    files: Files
    code: Files
    goal: Goal
    back: bool


class Database:
    """The database of a component in an environment."""

    def __init__(self, target: Target, settings: DatabaseSettings, runner: Runner) -> None:
        self._target = target
        self._settings = settings
        self._runner = runner
        self._where = f"components.{target.component}.targets.{target.environment}.database"
        # With the environment: a copy of production's database, as staging has it, brings production's row along.
        self._key = f"{target.component} in {target.environment}"
        self._name = f"tidegate migrates {target.component}"[:63]
        self._lock_key = zlib.crc32(target.component.encode()) & 0x7FFFFFFF

    @property
    def tool(self) -> str:
        """The tool that runs the migrations."""
        return str(self._settings.tool)

    @property
    def goes_back(self) -> bool:
        """Whether the policy lets it go back."""
        return self._settings.goes_back

    def sentence(self, effect: Effect) -> tuple[str, tuple[str, ...]]:
        """What an effect would do, in words, and the command where one is called."""
        back = self._demand(effect)
        version = effect.to.version if effect.to else ""
        limits = (
            f"waiting at most {format_duration(self._settings.lock_timeout)} for a lock, "
            f"at most {format_duration(self._settings.statement_timeout)} for a statement"
        )
        what = f"undo the migrations that {version} does not have" if back else f"run the migrations of {version}"
        return f"{what} ({self.tool}; {limits})", self._runner.sentence(back)

    def online(self) -> Readiness:
        """Whether it answers, and we may create tables there."""
        try:
            with self._connected() as connection:
                row = connection.execute("SELECT has_schema_privilege(current_schema(), 'CREATE')").fetchone()
        except TargetError as error:
            return Readiness(DATABASE, False, str(error), error.remedy)
        if not row or not row[0]:
            return Readiness(
                DATABASE, False, "the database lets us create no table", "connect as who owns the application's tables"
            )
        return Readiness(DATABASE, True, f"the database answers; its migrations are run by {self.tool}")

    def observe(self) -> Observation:
        """What the database is at, by the tool's own table and by ours."""
        try:
            with self._connected() as connection:
                busy = self._is_busy(connection)
                return self._seen(self._row(connection), self._runner.recorded(connection), busy)
        except TargetError as error:
            return Observation(DATABASE, False, Presence.UNSEEN, detail=str(error))

    def apply(self, effect: Effect, package: Path | None, token: Token) -> Observation:
        """Bring the database to where ``effect.to`` has it; as the contract of drivers says."""
        try:
            plan = self._plan(effect, package)
        except TargetError as error:
            # It stays so however often it is tried: the package is what it is.
            raise UsageError(f"{UNTOUCHED}{error.what}", remedy=error.remedy) from error
        with self._connected() as connection:
            self._lock(connection, token)
            over = self._claim(connection, effect, token, plan.goal)
            if not over:
                self._carry(connection, effect, token, plan)
        return self.observe()

    # ---- what is asked for

    def _demand(self, effect: Effect) -> bool:
        """Whether the effect goes back; refuses one that cannot be carried out here."""
        if effect.act is Act.DEPLOY:
            return False
        if effect.act is Act.RESTORE and self._settings.goes_back:
            return True
        raise UsageError(
            f"the database of {self._target.component} in {self._target.environment} does not go back",
            remedy="say migrations.rule: reversible, where it may",
        )

    def _plan(self, effect: Effect, package: Path | None) -> _Plan:
        back = self._demand(effect)
        folder = self._settings.migrations
        if folder is None:
            raise UsageError(
                f"nobody has said where the migrations of {self._target.component} are in its package",
                where=self._where,
                remedy=f"declare components.{self._target.component}.migrations, below the component's path",
            )
        if package is None:
            raise TargetError(
                f"the package of {effect.to} is not here, and its migrations are in it",
                where=self._where,
                remedy="restore the packages beside Tidegate's database",
            )
        files = files_in(archive_of(package), folder)
        labels = self._settings.labels
        if not back:
            if not files:
                raise TargetError(
                    f"the package of {effect.to} holds no migrations in {folder}",
                    where=self._where,
                    remedy=f"correct components.{self._target.component}.migrations, or take database: away",
                )
            return _Plan(package, files, files, self._runner.goal(files, None, labels), back)
        if effect.previous is None:
            raise UsageError("nobody knows what the database goes back from", remedy="take it back by hand")
        left = beside(package, effect.previous)
        code = files_in(archive_of(left), folder)
        return _Plan(left, files, code, self._runner.goal(files, code, labels), back)

    # ---- looking

    def _row(self, connection: Connection) -> _Row | None:
        there = connection.execute(f"SELECT to_regclass('{TABLE}') IS NOT NULL").fetchone()
        if not there or not there[0]:
            return None
        row = connection.execute(_ROW.encode(), (self._key,)).fetchone()
        if row is None:
            return None
        epoch, counter, glass, key, stage, version, digest, holds, lacks, detail = row
        goal = Goal(frozenset(json.loads(holds)), frozenset(json.loads(lacks)))
        return _Row(Token(epoch, counter, glass), key, Stage(stage), version, digest, goal, detail)

    def _seen(self, row: _Row | None, recorded: frozenset[str], busy: bool) -> Observation:
        if row is None:
            return Observation(DATABASE, True, Presence.ABSENT, busy=busy)
        met = row.goal.met(recorded)
        running: Package | Presence = Package(row.version, row.digest) if met else Presence.FOREIGN
        stage = Stage.DONE if met and row.stage is Stage.MIGRATING and not busy else row.stage
        detail = row.detail
        if stage is Stage.DONE:
            detail = "" if met else f"it was changed since: {row.goal.missing(recorded)}"
        return Observation(DATABASE, True, running, row.token, row.key, stage, busy=busy, detail=detail)

    def _is_busy(self, connection: Connection) -> bool:
        until = time.monotonic() + BRIEFLY_S
        while (others := self._others(connection)) and not self._asleep(connection, others):
            if time.monotonic() > until:
                return True
            time.sleep(0.1)
        return False

    def _others(self, connection: Connection) -> list[int]:
        """The sessions of whoever else migrates this component: who holds the lock, and the commands they started."""
        rows = connection.execute(_HOLDERS, (_LOCK_CLASS, self._lock_key)).fetchall()
        rows += connection.execute(_SESSIONS, (self._name,)).fetchall()
        return [row[0] for row in rows]

    def _asleep(self, connection: Connection, others: Sequence[int]) -> bool:
        """Whether these hold the lock and do nothing with it: their process is frozen, or cut off.

        One whose command runs asks nothing meanwhile, but the command does. Should it be awake after all, it has lost
        its session: it can run nothing more, and what it has started is refused by the guard.
        """
        if connection.execute(_SESSIONS, (self._name,)).fetchone():
            return False
        idle = connection.execute(_ASLEEP, (list(others), ASLEEP_S)).fetchall()
        return {row[0] for row in idle} == set(others)

    # ---- acting

    def _lock(self, connection: Connection, token: Token) -> None:
        """Take the lock, and wait until no command of an earlier run is left; those of a lower token are ended.

        So is who has our own token and sleeps: it carried the same leg, and was given up.
        """
        until = time.monotonic() + PATIENCE_S
        ours = False
        while True:
            ours = ours or self._try_lock(connection)
            others = self._others(connection)
            if ours and not others:
                return
            row = self._row(connection)
            if row is not None and row.token > token:
                raise self._fenced(row.token, token)
            # Who has just taken the lock has written no token yet; who has none after a while is frozen there.
            late = row.token < token if row is not None else time.monotonic() > until - PATIENCE_S / 2
            if late or self._asleep(connection, others):
                for pid in others:
                    connection.execute("SELECT pg_terminate_backend(%s)", (pid,))
            if time.monotonic() > until:
                raise TargetError(
                    "its migrations are being run already", where=self._where, remedy="wait until that run has ended"
                )
            time.sleep(0.1)

    def _try_lock(self, connection: Connection) -> bool:
        row = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (_LOCK_CLASS, self._lock_key)).fetchone()
        return bool(row and row[0])

    def _fenced(self, seen: Token, ours: Token) -> FencedError:
        return FencedError(
            f"the database has seen the token {seen}, and ours is {ours}",
            where=self._where,
            remedy="whoever holds the newer token answers for it now",
        )

    def _claim(self, connection: Connection, effect: Effect, token: Token, goal: Goal) -> bool:
        """Write our token and what we are about to do, before it is done; whether this key is over already."""
        package = effect.to or Package("absent", "0" * 64)
        with connection.transaction():
            connection.execute(_CREATE)
            row = self._row(connection)
            if row is not None and row.token > token:
                raise self._fenced(row.token, token)
            same = row is not None and row.key == effect.key
            over = row is not None and same and row.stage is not Stage.MIGRATING
            stage = row.stage if row is not None and over else Stage.MIGRATING
            values = (self._key, token.epoch, token.counter, token.glass, effect.key, stage.value)
            more = (package.version, package.digest, json.dumps(sorted(goal.holds)), json.dumps(sorted(goal.lacks)))
            if not over:
                connection.execute(_CLAIM.encode(), (*values, *more))
        return over

    def _carry(self, connection: Connection, effect: Effect, token: Token, plan: _Plan) -> None:
        before = self._runner.recorded(connection)
        self._guard(connection)
        because = self._run(connection, token, plan, before)
        # The first run has made the tool's table: from now on it is guarded.
        self._guard(connection)
        after = self._runner.recorded(connection)
        if because is None and plan.goal.met(after):
            self._mark(connection, effect, token, Stage.DONE, "")
            return
        because = because or f"{self.tool} says that it is done, and {plan.goal.missing(after)}"
        touched = after != before or any(_LEAVES_TRACES.search(data) for data in plan.code.values())
        detail = because if touched else f"{UNTOUCHED}{because}"
        self._mark(connection, effect, token, Stage.MIGRATION_FAILED, detail[:1000])

    def _mark(self, connection: Connection, effect: Effect, token: Token, stage: Stage, detail: str) -> None:
        ours = (token.epoch, token.counter, token.glass)
        done = connection.execute(_MARK.encode(), (stage.value, detail, self._key, effect.key, *ours))
        if done.rowcount != 1:
            row = self._row(connection)
            raise self._fenced(row.token if row else token, token)

    def _run(self, connection: Connection, token: Token, plan: _Plan, before: frozenset[str]) -> str | None:
        """Run what is missing; why it failed, in words; None: it says that it did not."""
        if plan.goal.met(before) and (plan.back or not self._runner.runs_code):
            return None
        try:
            with self._place(plan) as place:
                work = Work(
                    plan.goal,
                    plan.files,
                    plan.code,
                    plan.back,
                    before,
                    lambda argv: self._call(connection, token, plan, place, argv),
                    connection,
                    lambda: self._demand_token(connection, token),
                    self._version(connection),
                    self._settings.labels,
                )
                self._runner.run(work)
        except FencedError:
            raise
        except TargetError as error:
            self._end_commands(connection)
            return self._said(error.what)
        return None

    def _guard(self, connection: Connection) -> None:
        """See that a command which is started too late can record nothing in the tool's own table.

        Who may make no trigger there goes on without it: the application's own role, as which we come, owns its tables.
        """
        import psycopg

        table = self._runner.table
        there = connection.execute("SELECT to_regclass(%s) IS NOT NULL, current_schema()", (table,)).fetchone()
        if not self._runner.runs_code or not there or not there[0]:
            return
        guarded = connection.execute(_GUARDED, (table, GUARD)).fetchone()
        if guarded and guarded[0]:
            return
        schema = '"' + str(there[1]).replace('"', '""') + '"'
        trigger = (
            f"CREATE TRIGGER {GUARD} BEFORE INSERT OR UPDATE OR DELETE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {GUARD}()"
        )
        with contextlib.suppress(psycopg.errors.InsufficientPrivilege), connection.transaction():
            connection.execute(_GUARD_FUNCTION.format(schema=schema).encode())
            connection.execute(trigger.encode())

    def _version(self, connection: Connection) -> str:
        row = self._row(connection)
        return row.version if row else ""

    @contextlib.contextmanager
    def _place(self, plan: _Plan) -> Iterator[Path]:
        """Where commands run: the package, unpacked; nowhere in particular, where none is run."""
        if not self._runner.runs_code:
            yield Path("/")
            return
        with unpacked(archive_of(plan.package)) as top:
            yield top / (self._settings.directory or ".")

    def _call(self, connection: Connection, token: Token, plan: _Plan, place: Path, argv: Sequence[str]) -> None:
        address = self._address()
        known = {"version": self._version(connection), "directory": str(place), "image": _image(plan.package)}
        words = [_filled(word, known) for word in argv]
        limits = Limits(timeout_s=self._settings.timeout.total_seconds(),
                        silence_s=self._settings.timeout.total_seconds())  # fmt: skip
        if not place.is_dir():
            raise TargetError(
                f"the package has no directory {self._settings.directory}", remedy="correct database.directory"
            )
        with connection.transaction():
            self._demand_token(connection, token)
        env = self._variables(address, self._holder(connection, token))
        done = run(words, (), limits, where=DATABASE, secrets=_secrets(address), env=env, cwd=place)
        if done.status != 0:
            said = _reason(done.stderr or redact(done.stdout.decode("utf-8", "replace"), _secrets(address)))
            raise TargetError(
                f"{Path(words[0]).name} ended with {done.status}: {said}",
                remedy="mend the migration, and release it again",
            )

    def _holder(self, connection: Connection, token: Token) -> str:
        """What the sessions of a command say of themselves, for the guard."""
        row = connection.execute(f"SELECT {_RUN} FROM {TABLE} WHERE target = %s".encode(), (self._key,)).fetchone()  # noqa: S608
        target = f"{self._target.component}/{self._target.environment}"
        return f"{target}/{token.epoch}/{token.counter}/{token.glass}/{row[0] if row else 0}"

    def _variables(self, address: Secret, holder: str) -> dict[str, str]:
        """The environment of a command: nothing of ours but what the settings name, the address, limits and holder."""
        passed = {name: os.environ[name] for name in self._settings.environment if name in os.environ}
        told = {**self._limits(), _HOLDER: holder}
        options = " ".join(f"-c {name}={value}" for name, value in told.items())
        named = {self._settings.variable: address.reveal(), "PGOPTIONS": options, "PGAPPNAME": self._name}
        return environment() | passed | named

    def _limits(self) -> dict[str, int]:
        """The time limits of the database, in milliseconds."""
        return {
            "lock_timeout": self._settings.lock_timeout // timedelta(milliseconds=1),
            "statement_timeout": self._settings.statement_timeout // timedelta(milliseconds=1),
        }

    def _demand_token(self, connection: Connection, token: Token) -> None:
        """Within a transaction: nobody has outranked us, and the time limits hold, whatever a file set before."""
        for name, value in self._limits().items():
            connection.execute(f"SET LOCAL {name} = {value}".encode())
        row = connection.execute(
            f"SELECT epoch, counter, glass FROM {TABLE} WHERE target = %s FOR SHARE".encode(),  # noqa: S608
            (self._key,),
        ).fetchone()
        if row is None or Token(*row) != token:
            raise self._fenced(Token(*row) if row else token, token)

    def _end_commands(self, connection: Connection) -> None:
        """A command that was stopped may have left a session that waits for a lock still."""
        for row in connection.execute(_SESSIONS, (self._name,)).fetchall():
            connection.execute("SELECT pg_terminate_backend(%s)", (row[0],))

    def _said(self, what: str) -> str:
        """Why it failed; a time limit in words of our own."""
        for sign, words in _UNTOLD:
            if sign in what:
                lock, statement = self._settings.lock_timeout, self._settings.statement_timeout
                told = words.format(lock=format_duration(lock), statement=format_duration(statement))
                return f"{told} ({what})"
        return what

    # ---- connecting

    def _address(self) -> Secret:
        try:
            return secret_of(self._settings.address, f"{self._where}.address", Path("/"), os.environ)
        except NotPermittedError as error:
            raise TargetError(error.what, where=f"{self._where}.address", remedy=error.remedy) from error

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Connection]:
        try:
            import psycopg
        except ImportError as error:
            # As on another machine, to which a way back was carried.
            raise TargetError(
                "this Tidegate cannot speak to PostgreSQL: psycopg is not there",
                where=self._where,
                remedy="install it: pip install 'tidegate[postgres]'",
            ) from error
        address = self._address()
        try:
            split = split_address(address, ("postgresql", "postgres"), self._where)
            database_of(split, self._where)
        except UsageError as error:
            raise TargetError(error.what, where=self._where, remedy=error.remedy) from error
        plain = urlunsplit(split._replace(scheme="postgresql"))
        try:
            with contextlib.closing(
                psycopg.connect(plain, autocommit=True, connect_timeout=10, application_name="tidegate")
            ) as connection:
                for name, value in self._limits().items():
                    connection.execute(f"SET {name} = {value}".encode())
                yield connection
        except psycopg.Error as error:
            said = redact(" ".join(str(error).split()), _secrets(address))
            raise TargetError(
                f"the database cannot be used: {said[:500]}", where=self._where, remedy="look at the database"
            ) from error


def _filled(word: str, known: dict[str, str]) -> str:
    """An argument with its placeholders; one that is not known there stays as it is."""
    return re.sub(r"\{([a-z]+)\}", lambda found: known.get(found[1]) or found[0], word)


def _image(package: Path) -> str:
    """The image of a version by its digest; empty where it has none, or several."""
    lock = lock_in(package)
    images = [f"{name}@{digest}" for name, digest in lock.images.items()] if lock else []
    return images[0] if len(images) == 1 else ""


def _reason(text: str) -> str:
    """The line that says why a command failed: the last one that names an error, else the last of all."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    named = [line for line in lines if _NAMED.match(line)]
    return (named or lines or ["it says nothing"])[-1][:300]


def _secrets(address: Secret) -> list[str]:
    password = split_address(address, ("postgresql", "postgres"), "").password or ""
    return [address.reveal(), password, unquote(password)]
