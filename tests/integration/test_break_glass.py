"""Going back without the database, and bringing the journal home: real hosts, real keys, a disk that is really full."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import kill_world
from tests.support.kill_checks import restarts
from tests.support.kill_stories import STORIES
from tests.support.kill_world import RITA, UNITS, World, all_is_quiet, execute
from tests.support.processes import PROJECT
from tidegate.clock import system_clock
from tidegate.core.effect import EffectState, Finding, Share, Token
from tidegate.core.rollout import RolloutState
from tidegate.core.wave import Wave
from tidegate.errors import NotPermittedError, StoreBusyError, StoreError
from tidegate.orchestration import audit, breakglass, resuming, rollback, wayback
from tidegate.orchestration.breakglass import UnitReturned
from tidegate.orchestration.glass_journal import Journal, read_journal
from tidegate.orchestration.homecoming import bring_home
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim
from tidegate.orchestration.wayback import WayBackDocument
from tidegate.store import leases, releases, rollouts

FORWARD = "shop-0.11.0.production.1"
NEW, OLD = "0.11.0", "0.10.0"


@pytest.fixture(scope="module")
def open_release(tmp_path_factory: pytest.TempPathFactory) -> World:
    """0.10.0 runs, and 0.11.0 may go to production."""
    world = World(tmp_path_factory.mktemp("open") / "w", forked=False)
    world.directory.mkdir()
    kill_world.found(world)
    kill_world.prepare(world, files={})
    return world


@pytest.fixture(scope="module")
def carried(open_release: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """0.11.0 was carried to production, and is found good."""
    world = World(tmp_path_factory.mktemp("carried") / "w", forked=False)
    kill_world.copy(open_release.directory, world.directory)
    assert execute(world, lambda _: None, lambda house: STORIES["watched-rollout"].tell(world, house), all_is_quiet)
    return world


@pytest.fixture(autouse=True)
def databases_closed() -> Iterator[None]:
    yield
    kill_world.close_all()


@pytest.fixture
def standing(carried: World, tmp_path: Path) -> World:
    """A world of its own, in which 0.11.0 runs in production."""
    world = World(tmp_path / "w", forked=False)
    kill_world.copy(carried.directory, world.directory)
    return world


@pytest.fixture
def beginning(open_release: World, tmp_path: Path) -> World:
    """A world of its own, in which 0.11.0 may go to production."""
    world = World(tmp_path / "w", forked=False)
    kill_world.copy(open_release.directory, world.directory)
    return world


def state_of(world: World) -> Path:
    return world.repository / ".tidegate"


def kill_at(world: World, story: str, point: str) -> None:
    """Tell a story in a process that is killed at the point."""
    command = [sys.executable, "-m", "tests.support.kill_worker", story, point, "SIGKILL", str(world.directory)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr[-3000:]


def break_glass(
    world: World,
    *,
    claim: Claim | None = None,
    document: WayBackDocument | None = None,
    journal: Journal | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> list[UnitReturned]:
    found = document or wayback.find(state_of(world), "shop", "production")
    return breakglass.roll_back(
        found,
        world.driver("shop", "production", found.settings),
        claim or world.claim("rita"),
        clock=system_clock,
        journal=journal or Journal(wayback.journal_path(state_of(world))),
        package=None,
        reason="the database is gone",
        say=say,
    )


def lose_database(world: World) -> Callable[[], None]:
    """Take the database away; what is returned puts it back."""
    away = world.directory / "away"
    away.mkdir()
    files = list(state_of(world).glob("tidegate.db*"))
    assert files
    for file in files:
        file.rename(away / file.name)

    def put_back() -> None:
        for file in away.iterdir():
            file.rename(state_of(world) / file.name)

    return put_back


def running(world: World) -> dict[str, str]:
    """The version of each unit, read from the link that runs."""
    links = {unit: (world.hosts / "production" / unit / "current").readlink().name for unit in UNITS}
    return {unit: name.partition("--")[0] for unit, name in links.items()}


def all_restarts(world: World) -> dict[str, list[tuple[str, str]]]:
    return {unit: restarts(world.hosts / "production" / unit) for unit in UNITS}


def states(house: House) -> dict[str, str]:
    with house.database.read() as connection:
        return {r.id: r.state.value for r in rollouts.find(connection, component="shop", environment="production")}


def the_glass(house: House) -> rollouts.Rollout:
    with house.database.read() as connection:
        found = rollouts.find(connection, component="shop", environment="production")
    (glass,) = [r for r in found if ".glass." in r.id]
    return glass


def demand_told(world: World, house: House, glass: int = 1) -> None:
    """The rows and the log tell what happened, and the next rollout outranks it."""
    told = states(house)
    assert told[FORWARD] == "rolled_back"
    # The newest first; an act that was cut off was taken over by the next.
    ends = [state for id_, state in told.items() if ".glass." in id_]
    assert len(ends) == glass
    assert ends[0] == "succeeded"
    assert set(ends) <= {"succeeded", "rolled_back"}
    with house.database.read() as connection:
        assert releases.load(connection, "shop-0.11.0").facts.state.value == "rolled_back"
        for id_ in told:
            for row in rollouts.effects_of(connection, rollouts.load(connection, id_)):
                assert row.state not in (EffectState.INTENDED, EffectState.DISPATCHED, EffectState.UNKNOWN), row
    seen = [world.driver("shop", "production", settings(house)).observe(unit).token for unit in UNITS]
    with house.database.write() as connection:
        next_token = leases.claim(connection, "shop", "production", "the next", house.now())
        leases.release(connection, "shop", "production", "the next")
    assert all(token is None or next_token > token for token in seen), (next_token, seen)
    assert audit.verify(house).holds
    assert [again.problem for again in audit.rejudge(house) if again.problem] == []
    kinds = [leaf.kind for leaf in audit.leaves(house)]
    assert kinds.count("glass.broken") == glass


def settings(house: House) -> dict[str, Any]:
    from tidegate.store import policies

    with house.database.read() as connection:
        policy = policies.current(connection).policy
    return policy.components["shop"].targets["production"].model_dump(mode="json")


# ---------------------------------------------------------------------------------------------- the way back


def test_the_way_back_lies_here_and_on_each_unit_before_anything_is_dispatched(beginning: World) -> None:
    kill_at(beginning, "watched-rollout", "commit:before leg.dispatch #1")

    document = wayback.find(state_of(beginning), "shop", "production")
    assert document.rollout == FORWARD
    assert document.target is not None
    assert document.target.version == OLD
    assert document.organization == "Example"
    assert set(document.may_roll_back) == {"rita"}
    driver = beginning.driver("shop", "production", document.settings)
    assert {driver.read_way_back(unit) for unit in UNITS} == {document.to_bytes()}
    assert wayback.journal_path(state_of(beginning)).read_bytes().strip(b"\n") == b""
    house = beginning.house()
    with house.database.read() as connection:
        effects = rollouts.effects_of(connection, rollouts.load(connection, FORWARD))
    assert {row.state for row in effects} == {EffectState.INTENDED}
    assert set(running(beginning).values()) == {OLD}


def test_names_of_two_targets_never_meet_in_one_way_back(tmp_path: Path) -> None:
    assert wayback.path_of(tmp_path, "a--b", "c") != wayback.path_of(tmp_path, "a", "b--c")


def test_what_is_no_way_back_is_refused(tmp_path: Path) -> None:
    for data in (b"", b"[]", b"{}", b'{"format": "tidegate/way-back/9"}', b"\xff"):
        with pytest.raises(StoreError, match="this is no way back that can be read"):
            wayback.read(data, "a file")


# ---------------------------------------------------------------------------------------------- going back


def test_a_way_back_that_leaves_units_out_is_refused(standing: World) -> None:
    document = wayback.find(state_of(standing), "shop", "production")
    for waves in ((), (Wave(("web1", "web2")),), (Wave(UNITS, Share("blue", 0)),)):
        with pytest.raises(StoreError, match="no way back that can be read: its waves leave units out"):
            wayback.read(dataclasses.replace(document, waves=waves).to_bytes(), "a file")
    former = json.loads(document.to_bytes())
    del former["waves"], former["database"]
    read = wayback.read(json.dumps({**former, "format": "tidegate/way-back/1"}).encode(), "a file")
    assert (read.waves, read.database) == ((Wave(UNITS, watched=False),), "")


def test_a_rollout_that_stands_is_taken_back_without_its_database_and_told_afterwards(standing: World) -> None:
    put_back = lose_database(standing)
    before = all_restarts(standing)

    results = break_glass(standing)

    assert {r.unit: r.finding for r in results} == dict.fromkeys(UNITS, Finding.CONFIRMED)
    assert set(running(standing).values()) == {OLD}
    assert not list(state_of(standing).glob("tidegate.db*"))
    put_back()
    house = standing.house()
    assert bring_home(house) == 1
    demand_told(standing, house)
    glass = the_glass(house)
    with house.database.read() as connection:
        keys = {row.effect.unit: row.effect.key for row in rollouts.effects_of(connection, glass)}
    after = {unit: done[len(before[unit]) :] for unit, done in all_restarts(standing).items()}
    assert after == {unit: [(OLD, keys[unit])] for unit in UNITS}
    assert glass.started_by.person == "rita"
    assert glass.started_by.via.startswith("ssh key SHA256:")
    assert bring_home(house) == 0
    assert wayback.journal_path(state_of(standing)).read_bytes().strip(b"\n") == b""


@pytest.mark.parametrize(
    ("point", "touched"),
    [
        ("commit:after leg.dispatch #1", 0),
        ("apply:after:web1 #1", 1),
        ("commit:after leg.conclude #1", 2),
        ("apply:after:web3 #1", 3),
    ],
)
def test_a_rollout_that_was_killed_midway_is_taken_back_and_never_goes_on(
    beginning: World, point: str, touched: int
) -> None:
    kill_at(beginning, "watched-rollout", point)
    put_back = lose_database(beginning)

    results = break_glass(beginning)

    assert {r.finding for r in results} == {Finding.CONFIRMED}
    assert set(running(beginning).values()) == {OLD}
    put_back()
    before = all_restarts(beginning)
    assert execute(beginning, lambda _: None, lambda _: None, all_is_quiet)
    assert all_restarts(beginning) == before
    assert sum(version == NEW for done in before.values() for version, _ in done) >= touched
    demand_told(beginning, beginning.house())


def test_a_rollback_that_was_killed_midway_is_finished_without_the_database(standing: World) -> None:
    kill_at(standing, "rollback", "apply:after:web1 #1")
    put_back = lose_database(standing)

    results = break_glass(standing)

    assert {r.finding for r in results} == {Finding.CONFIRMED}
    assert set(running(standing).values()) == {OLD}
    put_back()
    before = all_restarts(standing)
    assert execute(standing, lambda _: None, lambda _: None, all_is_quiet)
    assert all_restarts(standing) == before
    house = standing.house()
    assert states(house)[f"{FORWARD}.back.2"] == "rolled_back"
    demand_told(standing, house)


def test_breaking_the_glass_twice_restarts_nothing_twice(standing: World) -> None:
    put_back = lose_database(standing)
    break_glass(standing)
    before = all_restarts(standing)

    again = break_glass(standing)

    assert {(r.finding, r.detail) for r in again} == {(Finding.CONFIRMED, "it runs that version already")}
    assert all_restarts(standing) == before
    put_back()
    house = standing.house()
    assert bring_home(house) == 2
    demand_told(standing, house, glass=2)


def test_a_unit_that_does_not_answer_is_unknown_and_the_rest_is_resumed(standing: World) -> None:
    document = wayback.find(state_of(standing), "shop", "production")
    hosts = [
        {**host, "address": "ssh://127.0.0.1:1"} if host["name"] == "web2" else host
        for host in document.settings["hosts"]
    ]
    apart = dataclasses.replace(document, settings={**document.settings, "hosts": hosts, "ssh": {"config": "none"}})

    results = break_glass(standing, document=apart)

    assert {r.unit: r.finding for r in results} == {
        "web1": Finding.CONFIRMED,
        "web2": Finding.IN_DOUBT,
        "web3": Finding.CONFIRMED,
    }
    assert running(standing) == {"web1": OLD, "web2": NEW, "web3": OLD}
    house = standing.house()
    bring_home(house)
    glass = the_glass(house)
    assert glass.state is RolloutState.PAUSED
    assert glass.because == "break-glass did not bring every unit back: resume it, and the rest is read back and done"
    with house.database.read() as connection:
        rows = {row.effect.unit: row.state for row in rollouts.effects_of(connection, glass)}
    assert rows == {"web1": EffectState.CONFIRMED, "web2": EffectState.UNKNOWN, "web3": EffectState.CONFIRMED}
    assert execute(standing, lambda _: None, lambda house: resuming.resume(house, glass.id, RITA), all_is_quiet)
    assert set(running(standing).values()) == {OLD}
    demand_told(standing, standing.house())


def test_after_a_rollback_a_way_back_of_before_is_refused_by_the_units(standing: World) -> None:
    old = wayback.find(state_of(standing), "shop", "production")
    assert execute(
        standing, lambda _: None, lambda house: rollback.roll_back(house, "shop", "production", RITA), all_is_quiet
    )
    before = all_restarts(standing)

    results = break_glass(standing, document=old)

    assert {r.finding for r in results} == {Finding.OVERTAKEN}
    assert all_restarts(standing) == before
    house = standing.house()
    assert bring_home(house) == 1
    assert not [id_ for id_ in states(house) if ".glass." in id_]
    (leaf,) = [leaf for leaf in audit.leaves(house) if leaf.kind == "glass.broken"]
    assert leaf.data["apart"] == "every unit obeyed a higher token: nothing was done"


# ---------------------------------------------------------------------------------------------- who may


def test_whom_the_way_back_does_not_list_it_does_not_let(standing: World) -> None:
    with pytest.raises(NotPermittedError, match="alice may not take shop back in production") as error:
        break_glass(standing, claim=standing.claim("alice"))
    assert error.value.remedy == "ask one of: rita"
    assert read_journal(wayback.journal_path(state_of(standing))) == []
    assert set(running(standing).values()) == {NEW}


def test_a_typed_name_breaks_no_glass_in_production(standing: World) -> None:
    with pytest.raises(NotPermittedError, match="rita is only asserted; production asks for signature"):
        break_glass(standing, claim=Claim("rita"))
    assert set(running(standing).values()) == {NEW}


def test_a_key_of_somebody_else_breaks_no_glass(standing: World) -> None:
    with pytest.raises(NotPermittedError, match="rita"):
        break_glass(standing, claim=Claim("rita", standing.directory / "keys" / "alice"))
    assert read_journal(wayback.journal_path(state_of(standing))) == []
    assert set(running(standing).values()) == {NEW}


def test_a_forged_journal_makes_nobody_a_signer(standing: World) -> None:
    """Somebody without a key writes a journal whose chain is whole: the log says that nobody signed it."""
    document = wayback.find(state_of(standing), "shop", "production")
    signed = breakglass._SignedActor(dataclasses.replace(RITA, via="ssh key SHA256:forged"), "{}", "no signature")
    journal = Journal(wayback.journal_path(state_of(standing)))
    journal.write(breakglass._begun(document, signed, "00000000", "forged", system_clock))
    journal.close()
    house = standing.house()

    bring_home(house)

    (leaf,) = [leaf for leaf in audit.leaves(house) if leaf.kind == "glass.broken"]
    assert leaf.data["signed"] == "no"
    assert (leaf.actor.via, leaf.actor.assurance.value) == ("break-glass journal", "asserted")


def test_a_signature_of_another_act_proves_nothing(standing: World) -> None:
    """What rita signed for one act is copied into a journal that somebody else wrote."""
    break_glass(standing)
    path = wayback.journal_path(state_of(standing))
    begun = {name: value for name, value in read_journal(path)[0].items() if name != "after"}
    journal = Journal(path)
    for forged in ({**begun, "attempt": "00000000"}, {**begun, "reason": "another"}, begun):
        journal.write(forged)
    journal.close()
    house = standing.house()

    assert bring_home(house) == 4

    told = [leaf.data["signed"] for leaf in audit.leaves(house) if leaf.kind == "glass.broken"]
    # The last is the first once more, word for word: one signature is one act.
    assert told == ["yes", "no", "no", "no"]


# ---------------------------------------------------------------------------------------------- the journal


def test_a_changed_journal_is_refused(standing: World) -> None:
    break_glass(standing)
    path = wayback.journal_path(state_of(standing))
    whole = path.read_bytes()
    lines = whole.rstrip(b"\n").split(b"\n")
    house = standing.house()
    changed = {
        "a value": whole.replace(b'"finding":"confirmed"', b'"finding":"failed!!!"', 1),
        "a line is missing": b"\n".join([lines[0], *lines[2:]]) + b"\n",
        "two lines are swapped": b"\n".join([lines[0], lines[2], lines[1], *lines[3:]]) + b"\n",
        "a line is broken": b"\n".join([lines[0], lines[1][:40], *lines[2:]]) + b"\n",
        "a line is empty": b"\n".join([lines[0], b"", *lines[1:]]) + b"\n",
    }
    for what, data in changed.items():
        path.write_bytes(data)
        with pytest.raises(StoreError, match="the break-glass journal was changed"):
            bring_home(house)
        assert states(house)[FORWARD] == "succeeded", what
    path.write_bytes(whole)
    assert bring_home(house) == 1


def test_a_line_that_was_cut_off_is_overwritten_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    first = Journal(path)
    first.write({"kind": "begun"})
    first.close()
    whole = path.read_bytes()
    for torn in (b"{", b'{"kind": "ret', b"x" * 500, b'{"kind":"returned","after":""}'):
        path.write_bytes(whole + torn)
        assert [entry["kind"] for entry in read_journal(path)] == ["begun"]
        again = Journal(path)
        again.write({"kind": "ended"})
        again.write({"kind": "begun"})
        again.close()
        assert [entry["kind"] for entry in read_journal(path)] == ["begun", "ended", "begun"]


def test_nobody_imports_a_journal_that_is_being_written(standing: World) -> None:
    journal = Journal(wayback.journal_path(state_of(standing)))
    journal.write({"kind": "begun"})
    house = standing.house()
    with pytest.raises(StoreBusyError, match="the break-glass journal is being written or imported"):
        bring_home(house)
    with pytest.raises(StoreBusyError, match="the break-glass journal is being written or imported"):
        break_glass(standing)
    journal.close()


JOURNAL_POINTS = [f"journal:{side} #{number}" for number in range(1, 6) for side in ("before", "after")]


@pytest.mark.slow
@pytest.mark.parametrize("point", JOURNAL_POINTS)
def test_killed_at_any_line_of_the_journal_it_is_repeated(standing: World, point: str) -> None:
    put_back = lose_database(standing)
    kill_at(standing, "break-glass", point)

    results = break_glass(standing)

    assert {r.finding for r in results} == {Finding.CONFIRMED}
    assert set(running(standing).values()) == {OLD}
    for unit, done in all_restarts(standing).items():
        keys = [key for _, key in done]
        assert len(set(keys)) == len(keys), unit
    put_back()
    house = standing.house()
    begun = len([e for e in read_journal(wayback.journal_path(state_of(standing))) if e["kind"] == "begun"])
    assert bring_home(house) == begun
    demand_whole(standing)


def demand_whole(world: World) -> None:
    """After acts of which some were cut off: what is paused is resumed, and then all is told."""
    for _ in range(2):
        house = world.house()
        with house.database.read() as connection:
            paused = rollouts.find(connection, states=[RolloutState.PAUSED])
        for found in paused:
            resume = functools.partial(resuming.resume, rollout_id=found.id, by=RITA)
            assert execute(world, lambda _: None, resume, all_is_quiet)
    house = world.house()
    acts = len([id_ for id_ in states(house) if ".glass." in id_])
    demand_told(world, house, glass=acts)


@pytest.mark.parametrize("point", ["commit:before homecoming.import #1", "commit:after homecoming.import #1"])
def test_killed_in_the_middle_of_the_import_it_is_repeated(standing: World, point: str) -> None:
    break_glass(standing)
    break_glass(standing)

    kill_at(standing, "import", point)

    house = standing.house()
    assert bring_home(house) == 2
    demand_told(standing, house, glass=2)


def test_a_database_restored_from_before_the_rollout_still_learns_of_it(standing: World, open_release: World) -> None:
    break_glass(standing)
    for file in state_of(standing).glob("tidegate.db*"):
        file.unlink()
    for file in state_of(open_release).glob("tidegate.db*"):
        shutil.copy(file, state_of(standing))
    house = standing.house()

    assert bring_home(house) == 1

    (leaf,) = [leaf for leaf in audit.leaves(house) if leaf.kind == "glass.broken"]
    assert leaf.data["apart"] == "the database does not know this rollout"
    with house.database.write() as connection:
        token = leases.claim(connection, "shop", "production", "the next", house.now())
    document = wayback.find(state_of(standing), "shop", "production")
    assert token > document.token.breaking_glass()
    assert token == Token(document.token.epoch, document.token.counter + 1)


# ---------------------------------------------------------------------------------------------- a full disk


@pytest.fixture
def full_disk(standing: World) -> Iterator[Callable[[], None]]:
    """The state directory on a file system of 4 MiB; the function fills it to the last byte."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    place = state_of(standing)
    before = standing.directory / "before"
    place.rename(before)
    place.mkdir(mode=0o700)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m,mode=700", "tmpfs", str(place)])
    if mounted.returncode != 0:
        pytest.skip("this machine does not let us mount a small file system")
    try:
        shutil.copytree(before, place, dirs_exist_ok=True)
        yield lambda: fill(place)
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place: Path) -> None:
    with (place / "filling").open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            while True:
                try:
                    file.write(b"x" * size)
                except OSError:
                    break


def test_on_a_full_disk_nothing_is_decided_and_yet_it_goes_back(standing: World, full_disk: Callable[[], None]) -> None:
    house = standing.house()
    full_disk()
    with pytest.raises(StoreError, match="the disk is full: nothing was recorded"):
        rollback.roll_back(house, "shop", "production", RITA)
    assert states(house)[FORWARD] == "succeeded"

    results = break_glass(standing)

    assert {r.finding for r in results} == {Finding.CONFIRMED}
    assert set(running(standing).values()) == {OLD}
    kinds = [entry["kind"] for entry in read_journal(wayback.journal_path(state_of(standing)))]
    assert kinds == ["begun", "returned", "returned", "returned", "ended"]
    with pytest.raises(StoreError, match="the disk is full: nothing was recorded"):
        bring_home(house)
    (state_of(standing) / "filling").unlink()
    assert bring_home(house) == 1
    demand_told(standing, house)


def test_where_there_is_no_room_for_the_first_line_nothing_is_done(
    standing: World, full_disk: Callable[[], None]
) -> None:
    wayback.journal_path(state_of(standing)).unlink()
    full_disk()
    with pytest.raises(StoreError, match="the journal cannot be written: No space left on device") as error:
        break_glass(standing)
    assert "--journal" in error.value.remedy
    assert set(running(standing).values()) == {NEW}


def test_where_the_room_ends_the_units_are_taken_back_all_the_same(
    standing: World, full_disk: Callable[[], None]
) -> None:
    # A page of it: enough for the first line, not for all.
    wayback.journal_path(state_of(standing)).write_bytes(b"\n" * 4096)
    full_disk()
    said: list[str] = []
    results = break_glass(standing, claim=standing.claim("rita"), say=said.append)
    assert {r.finding for r in results} == {Finding.CONFIRMED}
    assert set(running(standing).values()) == {OLD}
    path = wayback.journal_path(state_of(standing))
    assert read_journal(path)[0]["kind"] == "begun"
