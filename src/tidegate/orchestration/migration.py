"""Look at the migrations of a release: those that are not in the version that runs in an environment, what they
endanger, and what going back over them would mean.

Git answers slowly, so that it is asked outside any transaction, before a start. What was found then is kept with the
rollout: a rollback is judged by it, which must ask nobody, and certainly not a repository.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tidegate.core.effect import EffectState, Package
from tidegate.core.facts import Facts, Item, WayBack
from tidegate.core.migration.hazard import MAX_HAZARDS, Brought
from tidegate.core.migration.way_back import NOTHING_DECLARED, Consequence, chosen, goes_back
from tidegate.core.policy import Policy
from tidegate.core.rollout import Direction
from tidegate.core.version import TagFormat, parse_version
from tidegate.core.wave import DATABASE, UNTOUCHED
from tidegate.errors import TidegateError
from tidegate.git.repository import Repository, open_repository
from tidegate.store import databases, releases, rollouts
from tidegate.store.databases import Revision
from tidegate.store.rollouts import Rollout

if TYPE_CHECKING:
    from tidegate.core.migration.operation import Tree
    from tidegate.orchestration.house import House

MOST_FILES = 3_000
"""Files of one component's migrations; and so many mebibytes of them in all:"""

MOST_BYTES = 32 << 20

Files = Mapping[str, tuple[str, bytes | str]]
"""Files by path: the name of the content, and the content; or why it is not read, as text."""


def declares(policy: Policy, component: str) -> str:
    """The directory of a component's migrations; empty where the policy names none."""
    known = policy.components.get(component)
    return (known.migrations or "") if known else ""


@dataclass(frozen=True, slots=True)
class _Base:
    """What runs in an environment: its version, and its commit where a release names it; empty where nothing does."""

    environment: str
    version: str = ""
    commit: str = ""


def brought(house: House, items: Sequence[Item], asking: Sequence[Policy]) -> tuple[Brought, ...]:
    """What each item brings to each environment's database; nothing where no migrations are declared.

    The directory, the tool and the dialect are those of the last policy, the current one: that is where it would go.
    """
    policy = asking[-1]
    wanted = [item for item in items if declares(policy, item.component)]
    if not wanted:
        return ()
    with house.database.read() as connection:
        bases = {item.component: tuple(_bases(connection, policy, item)) for item in wanted}
    try:
        repository: Repository | TidegateError = open_repository(house.root)
    except TidegateError as error:
        repository = error
    return tuple(one for item in wanted for one in _of_item(repository, policy, item, bases[item.component]))


def _bases(connection: sa.Connection, policy: Policy, item: Item) -> Iterator[_Base]:
    """What runs in each environment; where nobody has recorded it, the version before, and not an empty database."""
    component = item.component
    for environment in policy.environments:
        stands = rollouts.last_good(connection, component, environment)
        if stands is None or stands.target is None:
            yield _Base(environment, item.from_version)
            continue
        commit = ""
        if stands.release:
            found = releases.load(connection, stands.release).facts.items
            commit = next((item.subject.commit for item in found if item.component == component), "")
        yield _Base(environment, stands.target.version, commit)


def _of_item(
    repository: Repository | TidegateError, policy: Policy, item: Item, bases: Sequence[_Base]
) -> Iterator[Brought]:
    found: dict[tuple[str, str], Brought | TidegateError] = {}
    for base in bases:
        key = (base.version, base.commit)
        if key not in found:
            try:
                if isinstance(repository, TidegateError):
                    raise repository
                found[key] = _against(repository, policy, item, base)
            except TidegateError as error:
                found[key] = error
        one = found[key]
        if isinstance(one, TidegateError):
            yield Brought(item.component, base.environment, base.version, unknown=one.what)
        else:
            yield Brought(one.component, base.environment, one.since, one.scripts, one.hazards, one.adds, one.unknown)


def _against(repository: Repository, policy: Policy, item: Item, base: _Base) -> Brought:
    folder = declares(policy, item.component)
    after = _files(repository, item.subject.commit, folder)
    before = _files(repository, base.commit or _tagged(policy, item.component, base.version), folder) if (
        base.version
    ) else {}  # fmt: skip
    if _names(after) == _names(before):
        return Brought(item.component, base.environment, base.version)
    # Here, since whoever changes no migrations need not wait for what reads them.
    from tidegate.core.migration.hazard import adds_of, brought_scripts, hazards_of

    known, new = (_tree(policy, files, item.component) for files in (before, after))
    scripts = brought_scripts(known, new)
    hazards = hazards_of(known, new, _dialect(policy))
    if len(hazards) > MAX_HAZARDS:
        unknown = f"there are {len(hazards)} findings, and at most {MAX_HAZARDS} are judged: release less at once"
        return Brought(item.component, base.environment, base.version, unknown=unknown)
    names = tuple(script.name for script in scripts)
    return Brought(item.component, base.environment, base.version, names, hazards, adds_of(scripts))


def _tagged(policy: Policy, component: str, version: str) -> str:
    """The tag of a version that was adopted, and has no release that would name its commit."""
    known = policy.components[component]
    return f"refs/tags/{TagFormat(known.tag, known.versions).tag_for(parse_version(version, known.versions))}"


def _names(files: Files) -> dict[str, str]:
    return {path: name for path, (name, _) in files.items()}


def _dialect(policy: Policy) -> str:
    return (policy.migrations.dialect or "") if policy.migrations else ""


def _tree(policy: Policy, files: Files, component: str) -> Tree:
    from tidegate.migrations.folder import in_transactions, read_tree

    tool = (policy.migrations.tool or "") if policy.migrations else ""
    tree = read_tree(files, _dialect(policy), tool)
    targets = policy.components[component].targets.values()
    runs_itself = any((target.model_extra or {}).get("database") is not None for target in targets)
    return in_transactions(tree, files) if runs_itself and _dialect(policy) == "postgres" else tree


def _files(repository: Repository, revision: str, folder: str) -> Files:
    """The files of a folder at a revision that may be migrations; none where the folder is not there.

    Raises:
        TidegateError: the revision is not there, or there are more files than anybody reads.
    """
    from tidegate.errors import UsageError
    from tidegate.git.tree import EXECUTABLE, FILE, sized_files_at
    from tidegate.migrations.folder import LIMIT_BYTES, is_migration

    entries = [(e, size) for e, size in sized_files_at(repository, revision, folder) if is_migration(e.name)]
    small = [e for e, size in entries if e.mode in (FILE, EXECUTABLE) and size <= LIMIT_BYTES]
    total = sum(size for e, size in entries if size <= LIMIT_BYTES)
    if len(entries) > MOST_FILES or total > MOST_BYTES:
        what = f"{folder} holds {len(entries)} files of {total >> 20} MiB, more than are read as migrations"
        raise UsageError(what, remedy="name the directory that holds the migrations alone")
    data = dict(zip((e.path for e in small), repository.blobs([e.oid for e in small]), strict=True))
    found: dict[str, tuple[str, bytes | str]] = {}
    for entry, size in entries:
        too_large = f"it has {size >> 10} KiB, and at most {LIMIT_BYTES >> 10} KiB are read"
        why = too_large if entry.mode in (FILE, EXECUTABLE) else "it is no file, but a link"
        found[entry.path.decode("utf-8", "replace")] = (entry.oid, data.get(entry.path, why))
    return found


def keep(connection: sa.Connection, rollout: Rollout, item: Item, facts: Facts, now: datetime) -> None:
    """Keep what a rollout brings to its database: from now on its migrations may have been run.

    A component whose policy declares no migrations has none that anybody could know.
    """
    for one in facts.brought:
        if (one.component, one.environment) == (rollout.component, rollout.environment):
            to = rollout.target.version if rollout.target else ""
            revision = Revision(
                rollout.id, rollout.component, rollout.environment, to, item.subject.migrations, one, now
            )
            databases.insert(connection, revision)


def way_back(
    connection: sa.Connection,
    policy: Policy,
    reversed_: Rollout,
    target: Package | None,
    *,
    accepts: bool = False,
    beforehand: bool = False,
) -> Consequence:
    """What going back from a rollout to a version means, by all that was rolled out after that version.

    The database stays where the newest of them has brought it, also of those that were taken back since, unless it was
    taken back with them, or goes back now.

    Args:
        accepts: whether a person accepts that data is lost.
        beforehand: the rollout has not begun yet, and what it is to bring counts as brought.
    """
    if target is None or not declares(policy, reversed_.component):
        return NOTHING_DECLARED
    later = _since(connection, reversed_, target)
    if later is None:
        return Consequence(None, None, f"nobody knows what was rolled out since {target.version}")
    kept = databases.of(connection, [one.id for one in later])
    expected = reversed_.id if beforehand else ""
    between = [_kept(one, kept) for one in later if one.id == expected or not _has_nothing(connection, one, kept)]
    allowed = goes_back(policy, reversed_.component, reversed_.environment)
    return chosen(between, may_go_back=allowed, accepts=accepts)


def _since(connection: sa.Connection, reversed_: Rollout, target: Package) -> list[Rollout] | None:
    """What was rolled out after a version, the last one first; None: the version is not among what is recorded."""
    found = rollouts.find(connection, component=reversed_.component, environment=reversed_.environment)
    later: list[Rollout] = []
    for one in found:
        if one.direction is Direction.BACK or one.token > reversed_.token:
            continue
        if one.id != reversed_.id and one.target is not None and one.target.same_as(target):
            return later
        later.append(one)
    return None


def _has_nothing(connection: sa.Connection, rollout: Rollout, kept: Mapping[str, Revision]) -> bool:
    """Whether nothing of a rollout is in the database: it was undone, or was never begun, or failed and left no trace.

    A rollout without a wave of its own for the database is run by whoever runs its migrations: nobody knows when.
    """
    if rollout.id in kept and kept[rollout.id].undone_at is not None:
        return True
    if not any(wave.units == (DATABASE,) for wave in rollout.waves):
        return False
    rows = [row for row in rollouts.effects_of(connection, rollout) if row.effect.unit == DATABASE]
    never = (EffectState.INTENDED, EffectState.WITHDRAWN)
    return all(row.state in never or (row.state is EffectState.FAILED and UNTOUCHED in row.detail[:60]) for row in rows)


def undone(connection: sa.Connection, back: Rollout, now: datetime) -> None:
    """A rollback has read the database back as it was: what was rolled out since is not in it any more."""
    if back.target is not None:
        later = _since(connection, rollouts.load(connection, back.reverses), back.target)
        databases.undo(connection, [one.id for one in later or ()], now)


def would_go_back(house: House, item: Item, environment: str, asking: Sequence[Policy]) -> Consequence:
    """What going back would mean from a rollout that nobody has started, to what runs there now."""
    here = [one for one in brought(house, [item], asking) if one.environment == environment]
    return chosen_here(asking[-1], here[0]) if here else NOTHING_DECLARED


def chosen_here(policy: Policy, one: Brought) -> Consequence:
    """What going back over what a release brings would mean, as the policy lets it."""
    return chosen([one], may_go_back=goes_back(policy, one.component, one.environment))


def _kept(rollout: Rollout, kept: Mapping[str, Revision]) -> Brought:
    if rollout.id in kept:
        return kept[rollout.id].brought
    version = rollout.target.version if rollout.target else "it"
    why = f"nobody has looked at the migrations of {version} when it was rolled out ({rollout.id})"
    return Brought(rollout.component, rollout.environment, unknown=why)


def as_fact(component: str, target: Package | None, verified_at: datetime | None, after: Consequence) -> WayBack:
    """The way back as a fact."""
    return WayBack(
        component=component,
        version=target.version if target else "",
        verified_at=verified_at,
        loses_data=after.loses_data,
        because=after.because,
        breaks=after.breaks,
        database=after.database,
    )
