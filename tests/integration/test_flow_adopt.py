"""Adopting what runs: real hosts that Tidegate did not fill, and the way back to what was there before it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.flows import Organisation
from tidegate.app import make_driver
from tidegate.core.effect import Package
from tidegate.core.rollout import Direction, RolloutState
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError, TargetError
from tidegate.orchestration import adopt, rollback
from tidegate.store import leases, rollouts


@pytest.fixture
def hosts(make_org: Callable[..., Organisation], tmp_path: Path) -> Organisation:
    """An organisation whose production are two real directories, driven by the host driver."""
    from dataclasses import replace

    places = [{"name": unit, "path": str(tmp_path / "hosts" / unit), "address": "local"} for unit in ("web1", "web2")]
    target = {"driver": "host", "hosts": places, "restart": ["true"], "stop": ["true"]}
    org = make_org(components={"billing": {"targets": {"production": target}}})
    org.house = replace(org.house, driver_for=make_driver)
    return org


def place(tmp_path: Path, unit: str, content: str) -> None:
    """What somebody else put on a host."""
    deployed = tmp_path / "hosts" / unit / "deployed-by-hand"
    deployed.mkdir(parents=True)
    (deployed / "a.txt").write_text(content)
    (tmp_path / "hosts" / unit / "current").symlink_to(deployed.name)


def files(tmp_path: Path) -> list[str]:
    found = []
    for unit in ("web1", "web2"):
        current = tmp_path / "hosts" / unit / "current"
        found.append((current / "a.txt").read_text() if current.exists() else "absent")
    return found


def test_what_was_adopted_is_returned_to(hosts: Organisation, tmp_path: Path) -> None:
    place(tmp_path, "web1", "old")
    place(tmp_path, "web2", "old")
    release = hosts.prepared()
    with pytest.raises(TargetError, match="something runs there that Tidegate did not put there") as caught:
        hosts.start(release)
    assert caught.value.remedy == "tidegate adopt billing production --version VERSION"
    package = adopt.adopt(hosts.house, "billing", "production", "0.9.0", hosts.claim("rita"))
    assert (package.version, files(tmp_path)) == ("0.9.0", ["old", "old"])
    leaf = hosts.leaves()[-1]
    assert (leaf.kind, leaf.data["version"], leaf.data["package"]) == ("version.adopted", "0.9.0", package.digest)
    with pytest.raises(NotFoundError, match=r"0\.9\.0 was adopted as it ran in production: there is nothing"):
        rollback.roll_back(hosts.house, "billing", "production", hosts.claim("rita"))
    started = hosts.start(release)
    hosts.carry()
    assert hosts.rollout(started).source == Package("0.9.0", package.digest)
    assert files(tmp_path) == ["2", "2"]
    rollback.roll_back(hosts.house, "billing", "production", hosts.claim("rita"))
    hosts.carry()
    assert files(tmp_path) == ["old", "old"]
    assert hosts.rollout(started).state is RolloutState.ROLLED_BACK


def test_units_that_run_different_things_are_not_one_version(hosts: Organisation, tmp_path: Path) -> None:
    place(tmp_path, "web1", "old")
    place(tmp_path, "web2", "older")
    before = hosts.counts()
    with pytest.raises(TargetError, match=r"the units run different things: web1 0\.9\.0"):
        adopt.adopt(hosts.house, "billing", "production", "0.9.0", hosts.claim("rita"))
    assert hosts.counts()["tg_rollout"] == before["tg_rollout"] == 0
    hosts.prepared()


def test_a_host_that_runs_nothing_has_nothing_to_adopt(hosts: Organisation, tmp_path: Path) -> None:
    with pytest.raises(TargetError):
        adopt.adopt(hosts.house, "billing", "production", "0.9.0", hosts.claim("rita"))
    assert hosts.counts()["tg_rollout"] == 0
    # What failed holds nothing: the first release can begin.
    hosts.start(hosts.prepared())
    hosts.carry()
    assert files(tmp_path) == ["2", "2"]


def test_a_first_release_that_fails_returns_to_absent_by_itself(
    make_org: Callable[..., Organisation], tmp_path: Path
) -> None:
    from dataclasses import replace

    places = [{"name": unit, "path": str(tmp_path / "hosts" / unit), "address": "local"} for unit in ("web1", "web2")]
    target = {
        "driver": "host",
        "hosts": places,
        "restart": ["true"],
        "stop": ["true"],
        "health": {"command": ["false"]},
        "health_timeout": "100ms",
    }
    watch = {"production": {"for": "1h", "roll_back_when": [{"health_check": "failed"}]}}
    org = make_org(components={"billing": {"targets": {"production": target}}}, watch=watch)
    org.house = replace(org.house, driver_for=make_driver)

    failed = org.start(org.prepared())
    org.carry()

    assert org.rollout(failed).state is RolloutState.ROLLED_BACK
    assert files(tmp_path) == ["absent", "absent"]
    assert "rollback.succeeded" in org.kinds()


def test_a_first_release_can_return_to_absent(hosts: Organisation, tmp_path: Path) -> None:
    hosts.start(hosts.prepared())
    hosts.carry()
    rollback.roll_back(hosts.house, "billing", "production", hosts.claim("rita"))
    hosts.carry()
    assert files(tmp_path) == ["absent", "absent"]


UNPERMITTED: list[tuple[str, str | None, str]] = [
    ("alice", None, "alice may not adopt in production"),
    ("rita", "", "rita is only asserted; production asks for signature"),
    ("rita", "alice", "which is none of rita"),
]


def test_who_may_not_adopt(org: Organisation) -> None:
    for person, key, sentence in UNPERMITTED:
        with pytest.raises(NotPermittedError, match=sentence):
            adopt.adopt(org.house, "billing", "production", "0.9.0", org.claim(person, key))
        assert org.kinds()[-1] == "version.denied"
    assert all(unit.token is None for unit in org.worlds["production"].units.values())


def test_what_is_under_way_is_not_adopted(org: Organisation) -> None:
    org.start(org.prepared())
    with pytest.raises(ConflictError, match="a rollout of billing is under way in production"):
        adopt.adopt(org.house, "billing", "production", "0.9.0", org.claim("rita"))


def test_a_start_in_the_middle_of_adopting_wins(org: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    release = org.prepared()

    def meanwhile(*arguments: Any) -> Any:
        org.start(release)
        org.carry()
        return Package("0.9.0", "9" * 64)

    monkeypatch.setattr(adopt, "_adopt_units", meanwhile)
    with pytest.raises(ConflictError, match="somebody else acted on billing in production meanwhile"):
        adopt.adopt(org.house, "billing", "production", "0.9.0", org.claim("rita"))
    assert org.running() == ["1.1.0", "1.1.0"]
    with org.house.database.read() as connection:
        standing = rollouts.last_good(connection, "billing", "production")
    assert standing is not None
    assert standing.direction is Direction.FORWARD


def test_a_crash_in_the_middle_of_adopting_blocks_nobody(org: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    class PowerCutError(BaseException):
        pass

    def cut(*_: Any) -> Any:
        raise PowerCutError

    monkeypatch.setattr(adopt, "_adopt_units", cut)
    with pytest.raises(PowerCutError):
        adopt.adopt(org.house, "billing", "production", "0.9.0", org.claim("rita"))
    with org.house.database.read() as connection:
        token = leases.token(connection, "billing", "production")
    org.released()
    with org.house.database.read() as connection:
        after = leases.token(connection, "billing", "production")
    assert token is not None
    assert after is not None
    assert after > token
