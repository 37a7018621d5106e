"""The stories of the kill matrix: from where each begins, what is commanded, and how its commands are repeated.

A command is repeated after a crash by whoever gave it, and only if the rows do not show it: as a person would.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.support.compose import COMPOSE
from tests.support.databases import BACK, CUSTOMER, INDEX, INVOICES, PROJECT, PYTHON, django_migration
from tests.support.facts import merged
from tests.support.kill_around import (
    POOLS,
    Around,
    a_balancer,
    a_cluster,
    a_database,
    an_engine,
    changes_noted,
    hosts_alone,
    traffic_told,
)
from tests.support.kill_world import (
    BUNDLE,
    PLACE,
    RITA,
    World,
    all_is_quiet,
    change_the_policy,
    on_hosts,
    open_and_approve,
    open_together,
    say_of_release,
)
from tests.support.patience import PATIENCE_S
from tidegate.backups.keeping import hash_file
from tidegate.core.backup import BackupAct
from tidegate.core.joint_rollout import JointState
from tidegate.core.notice import NoticeState
from tidegate.core.rollout import Direction, RolloutState
from tidegate.core.train_run import Run, RunState
from tidegate.core.wave import DATABASE
from tidegate.orchestration import backup, drill, emergency, hold, incident, release, rollback, rollout, tag
from tidegate.orchestration.executor import until
from tidegate.orchestration.house import House
from tidegate.orchestration.sight import driver_of
from tidegate.store import (
    backups,
    debts,
    drills,
    emergencies,
    holds,
    incidents,
    joint_rollouts,
    notices,
    policies,
    releases,
    rollouts,
    trains,
)

RELEASE = "shop-0.11.0"
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Story:
    """One story.

    ``files`` is what the release brings, ``carried_to`` the environment that it was carried to before the story begins,
    ``runs`` the version that each environment runs in the end. An unprepared story begins without the release.

    ``policy`` is what the policy has beside, ``first`` what the first version brings, ``also_in`` the environments that
    it runs in beside staging and production. ``around`` starts what the story needs beside hosts, and ``tells`` asks
    that how it stands in the end, which must be the same each time. A story that ``repeats`` is begun anew by whoever
    killed it: it has more rollouts in the end than without a crash, and all else is as it would be.
    """

    name: str
    tell: Callable[[World, House], object]
    runs: Mapping[str, str]
    files: Mapping[str, str] = field(default_factory=dict)
    carried_to: str = ""
    prepared: bool = True
    over: Callable[[House], bool] = all_is_quiet
    policy: Mapping[str, Any] = field(default_factory=dict)
    first: Mapping[str, str] = field(default_factory=dict)
    also_in: tuple[str, ...] = ()
    around: Callable[[Path], AbstractContextManager[Around]] = hosts_alone
    tells: Callable[[World, House], list[str]] = lambda _, __: []
    repeats: bool = False


def _start(environment: str) -> Callable[[World, House], None]:
    def tell(_: World, house: House) -> None:
        with house.database.read() as connection:
            known = rollouts.find(connection, release=RELEASE, environment=environment)
        if not known:
            rollout.start(house, RELEASE, environment, RITA)

    return tell


def _roll_back(_: World, house: House) -> None:
    with house.database.read() as connection:
        known = rollouts.find(connection, release=RELEASE, environment="production")
    if not any(r.direction is Direction.BACK for r in known):
        rollback.roll_back(house, "shop", "production", RITA)


def _switched_on_and_off(_: World, house: House) -> None:
    """Deployed switched off, switched on; and taken back, which switches it off first."""
    with house.database.read() as connection:
        known = rollouts.find(connection, release=RELEASE, environment="staging")
    if not known:
        rollout.start(house, RELEASE, "staging", RITA, strategy="switched-on")
    assert until(lambda: _has_ended(house), PATIENCE_S)
    if not any(one.direction is Direction.BACK for one in known):
        rollback.roll_back(house, "shop", "staging", RITA)


def _there_and_back(environment: str, *, accepts_data_loss: bool = False) -> Callable[[World, House], None]:
    """Deployed, and taken back to what ran there before."""

    def tell(_: World, house: House) -> None:
        with house.database.read() as connection:
            known = rollouts.find(connection, release=RELEASE, environment=environment)
        if not known:
            rollout.start(house, RELEASE, environment, RITA)
        assert until(lambda: _has_ended(house, environment), PATIENCE_S), _standing(house)
        if not any(one.direction is Direction.BACK for one in known):
            rollback.roll_back(house, "shop", environment, RITA, accepts_data_loss=accepts_data_loss)

    return tell


def _is_closed(house: House) -> bool:
    with house.database.read() as connection:
        return not incidents.everything(connection, only_open=True) and all_is_quiet(house)


def _has_ended(house: House, environment: str = "staging") -> bool:
    with house.database.read() as connection:
        known = rollouts.find(connection, release=RELEASE, environment=environment)
    return any(one.direction is Direction.FORWARD and one.ended_at is not None for one in known) or len(known) > 1


def _standing(house: House) -> list[str]:
    """How the rollouts stand, for whoever waited in vain."""
    with house.database.read() as connection:
        found = rollouts.find(connection)
        acts = [row for one in found for row in rollouts.effects_of(connection, one)]
    told = [f"{one.id} is {one.state.value} ({one.because}), leg {one.legs}" for one in found]
    return told + [f"{row.effect.key} is {row.state.value} ({row.detail})" for row in acts]


def _back_and_closed(world: World, house: House) -> None:
    """Taken back in production, which opens an incident; a person closes it when what ran before runs again."""
    _roll_back(world, house)
    assert until(lambda: all_is_quiet(house), PATIENCE_S), _standing(house)
    with house.database.read() as connection:
        [one] = incidents.everything(connection)
    if one.closed_at is None:
        incident.close(house, world.claim("rita"), one.id, "it was mended")


def _backed_up(world: World, house: House) -> None:
    """A backup is taken, read back, and then the release goes; each only where the rows do not show it."""
    rita = world.claim("rita")
    with house.database.read() as connection:
        known = rollouts.find(connection, release=RELEASE, environment="kept")
        acts = [entry.act for entry in backups.every(connection, "data")]
    if BackupAct.TAKEN not in acts:
        assert backup.before_release(house, RELEASE, "kept", rita)
    elif BackupAct.VERIFIED not in acts:
        backup.verify(house, "data", rita, "kept")
    if not known:
        rollout.start(house, RELEASE, "kept", RITA)


def _backups_told(_: World, house: House) -> list[str]:
    """Of each backup that is recorded whether its file is what was taken, and how much of one lies there half."""
    with house.database.read() as connection:
        taken = [entry for entry in backups.every(connection, "data") if entry.act is BackupAct.TAKEN]
    place = house.state / "backups"
    whole = [f"sha256:{hash_file(place / f'{entry.backup}.tar.gz')[1]}" == entry.sha256 for entry in taken]
    return [*map(str, whole), *(path.name for path in place.glob(".*.part"))]


def _rehearsed(world: World, house: House) -> None:
    """A rollback is rehearsed in staging; one that was killed is brought to where it began, and held once more."""
    rita = world.claim("rita")

    def follow(name: str) -> bool:
        assert until(lambda: all_is_quiet(house), PATIENCE_S), _standing(house)
        with house.database.read() as connection:
            return rollouts.load(connection, name).state is RolloutState.SUCCEEDED

    assert until(lambda: all_is_quiet(house), PATIENCE_S), _standing(house)
    with house.database.read() as connection:
        held = [row.succeeded for row in drills.everything(connection)]
        shut = [one.id for one in holds.in_force(connection, house.now()) if one.version]
        last = rollouts.find(connection, release=RELEASE, environment="staging")[0]
    if any(held):
        return
    for one in shut:
        hold.lift(house, rita, one, "it was taken back by a rehearsal that was killed")
    if last.direction is Direction.BACK:
        assert follow(rollout.start(house, RELEASE, "staging", RITA))
    drill.carry(house, rita, drill.prepare(house, rita, "way-back", "staging", "shop"), follow)


def _drills_told(_: World, house: House) -> list[str]:
    """The rehearsals that are over: one that was killed before its end counts for nothing."""
    with house.database.read() as connection:
        rows = drills.everything(connection)
        open_holds = holds.in_force(connection, house.now())
    return [*(f"{row.name} {row.succeeded}" for row in rows if row.ended_at), *(one.id for one in open_holds)]


def _decide(world: World, house: House) -> None:
    say_of_release(world, house, open_and_approve(world, house, "0.11.0"))
    with house.database.read() as connection:
        held = holds.in_force(connection, house.now())
    if not held:
        hold.add(house, world.claim("rita"), "the line stops here", environment="staging")


def _tag(world: World, house: House) -> None:
    # Repeated after a crash it sets the tag that was recorded, or finds it there.
    tag.set_tag(house, "shop", "0.11.0", world.claim("rita"))


def _emergency(world: World, house: House) -> None:
    with house.database.read() as connection:
        known = emergencies.everything(connection)
    if not known:
        emergency.declare(
            house,
            world.claim("rita"),
            incident="INC-1",
            reason="it is down",
            criterion="Production down",
            components=["shop"],
        )
    assert until(lambda: _all_called(house), PATIENCE_S)
    with house.database.read() as connection:
        [row] = emergencies.everything(connection)
    if row.emergency.ended_at is None:
        emergency.end(house, world.claim("rita"), row.emergency.id, "it was nothing")


def _all_called(house: House) -> bool:
    with house.database.read() as connection:
        return emergencies.next_due(connection) is None


def _all_is_paid_for(house: House) -> bool:
    """Everybody was called, and what is owed was reminded of."""
    with house.database.read() as connection:
        waits = emergencies.next_due(connection) or debts.next_due(connection)
    return waits is None and all_is_quiet(house)


def _notices(world: World, house: House) -> None:
    """A release that is planned tells at its times; it is moved, and tells who was told."""
    month = timedelta(days=30)
    with house.database.read() as connection:
        there = RELEASE in releases.list_ids(connection)
    if not there:
        intent = release.Intent(planned_at=house.now() + month)
        release.open_release(house, "shop", world.claim("rita"), version=NEW, type_="told", intent=intent)
    assert until(lambda: _sent(house) == 2, PATIENCE_S)
    with house.database.read() as connection:
        facts = releases.load(connection, RELEASE).facts
    moved = facts.opened_at + month + timedelta(hours=12)
    if facts.planned_at is not None and facts.planned_at < moved:
        release.amend(house, RELEASE, world.claim("rita"), release.Intent(planned_at=moved))


def _sent(house: House) -> int:
    with house.database.read() as connection:
        return sum(row.state is NoticeState.SENT for row in notices.of_release(connection, RELEASE))


def _train(_: World, house: House) -> None:
    """A train whose boarding is due opens the release of what is unreleased, and locks it."""
    with house.database.read() as connection:
        known = trains.of_train(connection, "freight")
    if not known:
        now = house.now()
        with house.database.write() as connection:
            trains.plan(connection, Run("freight", now + DAY, now, now, now + 2 * DAY))
            house.database.after_commit(connection, house.wake)


def _is_locked(house: House) -> bool:
    with house.database.read() as connection:
        states = [row.state for row in trains.of_train(connection, "freight")]
    return states == [RunState.LOCKED] and all_is_quiet(house)


def _together(world: World, house: House) -> None:
    """Two components go as one release, and a person takes them back: the last first."""
    name = open_together(world, house)
    with house.database.read() as connection:
        known = joint_rollouts.find(connection, release=name)
    if not known:
        rollout.start(house, name, "staging", RITA)
    assert until(lambda: _state_of(house, name) is not JointState.RUNNING and all_is_quiet(house), PATIENCE_S)
    if _state_of(house, name) is JointState.SUCCEEDED:
        rollback.roll_back(house, name, "staging", RITA)


def _state_of(house: House, name: str) -> JointState:
    with house.database.read() as connection:
        return joint_rollouts.find(connection, release=name)[0].state


def _is_back(house: House) -> bool:
    with house.database.read() as connection:
        found = joint_rollouts.find(connection, release=BUNDLE)
    return [one.state for one in found] == [JointState.ROLLED_BACK] and all_is_quiet(house)


OLD, NEW = "0.10.0", "0.11.0"


def _somewhere(
    environment: str, target: Mapping[str, Any], strategy: Mapping[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """What a policy has beside for a target of the shop in an environment of its own."""
    return {
        "components": {"shop": {"targets": {environment: target}, **more}},
        "environments": {
            environment: {
                "purpose": "staging",
                "gates": ["tests"],
                "strategy": strategy or {"rolling": {"batch": 2}},
                "permits": {"start": ["rm"], "rollback": ["rm"]},
            }
        },
    }


def _behind_haproxy(environment: str) -> dict[str, Any]:
    """A target of hosts behind an HAProxy; the socket is that of the world."""
    traffic = {"switch": "haproxy", "socket": "/haproxy.socket", "backend": "shop", "pools": POOLS, "drain": "100ms"}
    return {**on_hosts(environment), "traffic": traffic}


def _migrated(where: str, tool: str, run: Mapping[str, Any], back: Mapping[str, Any]) -> dict[str, Any]:
    """The policy of a shop on hosts whose database is migrated by a tool, and goes back."""
    database = {"address": {"file": f"{PLACE}/app.address"}, "lock_timeout": "2s", **run}
    rules = {"dialect": "postgres", "tool": tool, "rule": "reversible", "drop_columns": "any", "new_columns": "any"}
    target = {**on_hosts("migrated"), "database": database}
    return {**_somewhere("migrated", target, migrations=where), "migrations": {**rules, **back}}


def _database_told(world: World, house: House) -> list[str]:
    """What the application's database was told, and what Tidegate sees of it."""
    with house.database.read() as connection:
        policy = policies.current(connection).policy
    seen = driver_of(house, policy, "shop", "migrated").observe(DATABASE)
    return [*changes_noted(world), f"{seen.running} {seen.last_stage} {seen.last_key} {seen.detail}"]


BACKED_UP = {"take": "before-release", "fresh": "24h", "environments": ["kept"]}
COMPOSED = {
    "driver": "compose",
    "places": [{"name": "web1", "directory": f"{PLACE}/composed/web1", "engine": "unix:///engine", "project": "shop"}],
    "program": "docker-compose",
    "health_timeout": "20s",
    "services": {"web": "registry.example/shop"},
}
SQL = {
    "app/db/1_first.up.sql": "CREATE TABLE invoice (id int PRIMARY KEY, name text);\n",
    "app/db/1_first.down.sql": "DROP TABLE invoice;\n",
}
FIRST_DJANGO = {**PROJECT, "shop/migrations/0001_initial.py": django_migration(INVOICES)}
MORE_SQL = {
    "app/db/2_customer.up.sql": "ALTER TABLE invoice ADD customer text;\n",
    "app/db/2_customer.down.sql": "ALTER TABLE invoice DROP customer;\n",
    "app/db/3_index.up.sql": "CREATE INDEX by_name ON invoice (name);\n",
    "app/db/3_index.down.sql": "DROP INDEX by_name;\n",
}

STORIES = {
    story.name: story
    for story in (
        Story("rollout", _start("staging"), {"staging": NEW, "production": OLD}),
        Story("watched-rollout", _start("production"), {"staging": OLD, "production": NEW}),
        Story("rollback", _roll_back, {"staging": OLD, "production": OLD}, carried_to="production"),
        Story("unhealthy", _start("production"), {"staging": OLD, "production": OLD}, {"app/unhealthy": ""}),
        Story("errors", _start("production"), {"staging": OLD, "production": OLD}, {"app/errors": ""}),
        Story("flag", _switched_on_and_off, {"staging": OLD, "production": OLD}),
        Story("scripted", _there_and_back("scripted"), {"scripted": "absent", "staging": OLD, "production": OLD}),
        Story(
            "cluster",
            _there_and_back("cluster"),
            {"cluster": "absent", "staging": OLD, "production": OLD},
            around=a_cluster,
        ),
        Story(
            "compose",
            _there_and_back("composed"),
            {"composed": "absent", "staging": OLD, "production": OLD},
            policy=_somewhere("composed", COMPOSED),
            first={"app/docker-compose.yml": COMPOSE.format(host="registry.example")},
            around=an_engine,
        ),
        Story(
            "blue-green",
            _there_and_back("balanced"),
            {"balanced": OLD, "staging": OLD, "production": OLD},
            policy=_somewhere("balanced", _behind_haproxy("balanced"), {"blue_green": {}}),
            also_in=("balanced",),
            around=a_balancer,
            tells=traffic_told,
        ),
        Story(
            "incident",
            _back_and_closed,
            {"staging": OLD, "production": OLD},
            carried_to="production",
            over=_is_closed,
        ),
        Story(
            "backup",
            _backed_up,
            {"kept": NEW, "staging": OLD, "production": OLD},
            policy=merged(
                _somewhere("kept", on_hosts("kept")),
                {
                    "backups": {"data": {"title": "Data", "of": {"files": {"directory": "data"}}, **BACKED_UP}},
                    "environments": {"kept": {"backups": ["data"]}},
                },
            ),
            first={"data/first": "one", "data/second": "two"},
            tells=_backups_told,
        ),
        Story(
            "drill",
            _rehearsed,
            {"staging": NEW, "production": OLD},
            carried_to="staging",
            policy={
                "drills": {"way-back": {"title": "The way back", "of": "rollback", "every": "quarterly", "by": "rm"}}
            },
            tells=_drills_told,
            repeats=True,
        ),
        Story(
            "databases",
            _there_and_back("migrated", accepts_data_loss=True),
            {"migrated": OLD, "staging": OLD, "production": OLD},
            MORE_SQL,
            policy=_migrated("app/db", "sql", {}, {}),
            first=SQL,
            also_in=("migrated",),
            around=a_database,
            tells=_database_told,
        ),
        Story(
            "django",
            _there_and_back("migrated", accepts_data_loss=True),
            {"migrated": OLD, "staging": OLD, "production": OLD},
            {"app/shop/migrations/0002_more.py": django_migration(CUSTOMER, INDEX, after="shop.0001_initial")},
            policy=_migrated("app/shop", "django", {"run": PYTHON}, {"back": BACK}),
            first={f"app/{name}": text for name, text in FIRST_DJANGO.items()},
            also_in=("migrated",),
            around=a_database,
            tells=_database_told,
        ),
        Story("policy", change_the_policy, {"staging": OLD, "production": OLD}),
        Story("tag", _tag, {"staging": OLD, "production": OLD}),
        Story("emergency", _emergency, {"staging": OLD, "production": OLD}, over=_all_is_paid_for),
        Story("notices", _notices, {"staging": OLD, "production": OLD}, prepared=False),
        Story("train", _train, {"staging": OLD, "production": OLD}, prepared=False, over=_is_locked),
        Story("together", _together, {"staging": OLD, "production": OLD}, prepared=False, over=_is_back),
        Story("decisions", _decide, {"staging": OLD, "production": OLD}, prepared=False),
    )
}
