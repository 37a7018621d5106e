"""What requirements and ``deploy_from`` are held against: what the record says runs, and what Git says of a commit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from tests.support.flows import UNITS, Organisation
from tests.support.gitrepo import GitRepository
from tidegate.core.decide import decide
from tidegate.core.facts import Head, Running
from tidegate.core.policy import Policy
from tidegate.drivers.contract import Driver, Target
from tidegate.drivers.simulator import SimulatedWorld, SimulatorDriver
from tidegate.errors import UsageError
from tidegate.orchestration import audit, judge, record, rollback
from tidegate.orchestration import release as release_flow
from tidegate.orchestration.facts import gather
from tidegate.orchestration.judge import DecisionRefusedError
from tidegate.orchestration.seen import look
from tidegate.store import policies, releases, tables

MakeOrg = Callable[..., Organisation]
HOST = {"driver": "host", "hosts": [{"name": u, "path": f"/srv/platform/{u}"} for u in UNITS], "restart": ["true"]}


def with_platform(make_org: MakeOrg, requires: str = ">=3.1.0", **changes: Any) -> Organisation:
    """An organisation whose billing requires a platform, with a world for each component in each environment."""
    platform = {
        "path": "platform",
        "tag": "platform-v{version}",
        "targets": dict.fromkeys(("staging", "production"), HOST),
    }
    components = {"billing": {"requires": {"platform": requires}}, "platform": platform}
    org = make_org(components=components, release_types={"major": {"bump": "major"}}, **changes)
    repository = GitRepository(org.root)
    repository.commit("feat: the platform", {"platform/b.txt": "1"})
    repository.tag("platform-v3.0.0")
    worlds: dict[tuple[str, str], SimulatedWorld] = {}

    def driver_for(component: str, environment: str, settings: Mapping[str, Any]) -> Driver:
        world = worlds.setdefault((component, environment), SimulatedWorld(UNITS))
        return SimulatorDriver(Target(component, environment), world)

    org.house = replace(org.house, driver_for=driver_for)
    return org


def platform(org: Organisation, version: str, message: str = "feat: more") -> str:
    """Carry a release of the platform to staging; its id."""
    GitRepository(org.root).commit(message, {"platform/b.txt": version})
    opened = release_flow.open_release(org.house, "platform", org.claim("rita"), version=version)
    org.tested(opened.release.id)
    org.start(opened.release.id, "staging")
    org.carry()
    return opened.release.id


def runs(org: Organisation, release: str) -> set[tuple[str, str, str]]:
    """What facts say runs of what has to do with a release."""
    return {(r.component, r.environment, r.version) for r in known(org, release)}


def known(org: Organisation, release: str) -> tuple[Running, ...]:
    with org.house.database.read() as connection:
        row = releases.load(connection, release)
        policy: Policy = policies.current(connection).policy
        return gather(connection, row, policy, org.house.now()).running


def test_what_runs_is_what_was_carried_there_last_and_not_taken_back(make_org: MakeOrg) -> None:
    org = with_platform(make_org)
    release = org.open()
    org.tested(release)
    assert runs(org, release) == set()
    assert "nobody knows which runs in staging" in org.reasons(release, "staging")[0]

    platform(org, "3.1.0")
    assert runs(org, release) == {("platform", "staging", "3.1.0")}
    assert org.reasons(release, "staging") == []

    newer = platform(org, "3.2.0")
    assert runs(org, release) == {("platform", "staging", "3.2.0")}
    rollback.roll_back(org.house, "platform", "staging", org.claim("rita"))
    # While it is under way, both run.
    assert runs(org, release) == {("platform", "staging", "3.2.0"), ("platform", "staging", "3.1.0")}
    org.carry()
    assert runs(org, release) == {("platform", "staging", "3.1.0")}
    assert newer == "platform-3.2.0"


def test_what_was_taken_back_to_nothing_is_known_to_be_absent(make_org: MakeOrg) -> None:
    org = with_platform(make_org)
    platform(org, "3.1.0")
    rollback.roll_back(org.house, "platform", "staging", org.claim("rita"))
    org.carry()
    release = org.open()
    assert runs(org, release) == {("platform", "staging", "")}
    assert "there is no platform in staging" in org.reasons(release, "staging")[0]


def test_a_rollout_that_is_under_way_runs_both(make_org: MakeOrg) -> None:
    org = with_platform(make_org)
    platform(org, "3.1.0")
    release = org.open()
    GitRepository(org.root).commit("feat: more", {"platform/b.txt": "x"})
    newer = release_flow.open_release(
        org.house, "platform", org.claim("rita"), version="4.0.0", type_="major"
    ).release.id
    org.tested(newer)
    org.start(newer, "staging")
    assert runs(org, release) == {("platform", "staging", "3.1.0"), ("platform", "staging", "4.0.0")}


def test_a_release_has_the_requirements_of_the_policy_that_it_was_opened_under(make_org: MakeOrg) -> None:
    org = with_platform(make_org)
    platform(org, "3.1.0")
    release = org.open()
    org.tested(release)
    changed = {"billing": {"requires": {"platform": ">=9"}}}
    org.adopt(components={**changed, "platform": _declared(org)}, release_types={"major": {"bump": "major"}})
    assert org.reasons(release, "staging") == []
    release_flow.rebase(org.house, release, org.claim("rita"))
    assert org.reasons(release, "staging") == [
        "billing 1.1.0 requires platform >=9, and staging runs 3.1.0",
    ]


def _declared(org: Organisation) -> dict[str, Any]:
    with org.house.database.read() as connection:
        component = policies.current(connection).policy.components["platform"]
    return {"path": component.path, "tag": component.tag, "targets": dict.fromkeys(("staging", "production"), HOST)}


def test_what_runs_keeps_the_requirements_with_which_it_was_released(make_org: MakeOrg) -> None:
    org = with_platform(make_org, ">=3 <4")
    platform(org, "3.1.0")
    release = org.open()
    org.tested(release)
    org.start(release, "staging")
    org.carry()
    changed = {"billing": {"requires": {"platform": "*"}}, "platform": _declared(org)}
    org.adopt(components=changed, release_types={"major": {"bump": "major"}})

    GitRepository(org.root).commit("feat: more", {"platform/b.txt": "x"})
    newer = release_flow.open_release(
        org.house, "platform", org.claim("rita"), version="4.0.0", type_="major"
    ).release.id
    org.tested(newer)

    with pytest.raises(DecisionRefusedError, match=r"billing 1\.1\.0, which runs in staging, requires platform >=3 <4"):
        org.start(newer, "staging")
    assert {f.problem for f in audit.rejudge(org.house)} == {""}


def test_what_requires_something_nobody_can_read_lets_nothing_through(make_org: MakeOrg) -> None:
    org = with_platform(make_org, ">=3 <4")
    platform(org, "3.1.0")
    release = org.open()
    org.tested(release)
    org.start(release, "staging")
    org.carry()
    with org.house.database.read() as connection:
        pinned = releases.load(connection, release).policy
    org.adopt(release_types={"major": {"bump": "major"}}, components={"platform": _declared(org)})
    newer = platform_opened(org)
    org.sql("DELETE FROM tg_content WHERE digest = :digest", digest=pinned)

    (reason,) = org.reasons(newer, "staging")

    assert reason == (
        f"what billing 1.1.0, which runs in staging, requires cannot be read: the content {pinned} is missing"
    )


def platform_opened(org: Organisation) -> str:
    GitRepository(org.root).commit("feat: more", {"platform/b.txt": "y"})
    opened = release_flow.open_release(org.house, "platform", org.claim("rita"), version="3.2.0").release.id
    org.tested(opened)
    return opened


def test_a_requirement_of_an_old_policy_that_is_none_is_told_and_loses_nothing(make_org: MakeOrg) -> None:
    """Policies that were adopted before requirements were read may say anything."""
    org = with_platform(make_org)
    release = org.open()
    org.tested(release)
    with org.house.database.write() as connection:
        row = releases.load(connection, release)
        old = connection.execute(
            sa.select(tables.content.c.bytes).where(tables.content.c.digest == row.policy)
        ).scalar_one()
        digest = policies.adopt(connection, bytes(old).replace(b">=3.1.0", b"3 or later"), org.house.now(), {})
        releases.pin(connection, release, digest)
    assert org.reasons(release, "staging") == [
        "billing 1.1.0 requires platform 3 or later, which says nothing about versions"
    ]


def test_decisions_of_before_are_judged_by_the_rules_of_before(
    org: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(record, "RULES_VERSION", 1)
        before.setattr(judge, "decide", partial(decide, version=1))
        org.released()
    found = list(audit.rejudge(org.house))
    assert found
    assert {f.problem for f in found} == {""}
    assert {tuple((f.other_versions or {}).items()) for f in found} == {(("rules", "1"),)}


def test_a_release_of_before_is_judged_by_the_kinds_of_its_commits(org: Organisation) -> None:
    release = org.open()
    assert "content.level" not in {f.rule for f in org.decide(release).against()}
    # As it was stored when nobody kept what a change asks for.
    stored = [{"sha": "c0ffee", "kind": "feat", "summary": "second", "breaking": False}]
    with org.house.database.write() as connection:
        connection.execute(sa.update(tables.item).values(changes=stored))
    with org.house.database.read() as connection:
        (change,) = releases.load(connection, release).facts.items[0].changes
    assert (change.kind, change.level) == ("feat", "")
    assert "content.level" not in {f.rule for f in org.decide(release).against()}
    org.sql("UPDATE tg_release SET type = 'patch'")
    (finding,) = [f for f in org.decide(release).findings if f.rule == "content.level"]
    assert finding.message == '"second" asks for minor, and a patch release of billing contains patch at most'


def test_a_type_that_raises_less_than_the_content_is_refused_before_anything_is_written(org: Organisation) -> None:
    before = org.counts()
    with pytest.raises(
        UsageError, match='"second" asks for minor, and a patch release contains patch at most'
    ) as caught:
        org.open(type_="patch")
    assert caught.value.remedy == "open it with --type: minor; or leave that out, with --at REVISION"
    assert {name: n - before[name] for name, n in org.counts().items() if n != before[name]} in ({}, {"tg_leaf": 1})


def from_main(make_org: MakeOrg, *sources: str) -> Organisation:
    return make_org(
        branches={"main": {"pattern": "main"}, "release": {"pattern": "release/v{version}"}},
        environments={"staging": {"deploy_from": list(sources)}},
    )


def test_which_branches_were_seen_is_part_of_the_facts(make_org: MakeOrg) -> None:
    org = from_main(make_org, "main", "release", "tag")
    repository = GitRepository(org.root)
    for name in ("release/v1.1.0", "release/v9.0.0"):
        repository.git("branch", name)
    repository.git("update-ref", "refs/remotes/origin/main", "main~1")
    release = org.open()
    commit, older = repository.head(), repository.git("rev-parse", "main~1")
    (seen,) = look(org.house, release).origins
    assert seen.heads == (
        Head("heads/release/v1.1.0", commit, True),
        Head("remotes/origin/main", older, False),
    )


def test_nobody_is_asked_where_nothing_asks(org: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    release = org.open()
    monkeypatch.setenv("PATH", "/nowhere")
    assert look(org.house, release).origins == ()


def test_without_git_nobody_can_tell(make_org: MakeOrg, monkeypatch: pytest.MonkeyPatch) -> None:
    org = from_main(make_org, "main")
    release = org.open()
    org.tested(release)
    monkeypatch.setenv("PATH", "/nowhere")
    (seen,) = look(org.house, release).origins
    assert (seen.heads, seen.unknown) == ((), "the git command is not installed")


def test_a_shallow_clone_can_say_yes_and_not_no(make_org: MakeOrg) -> None:
    org = from_main(make_org, "main")
    release = org.open()
    org.tested(release)
    repository = GitRepository(org.root)
    (org.root / ".git" / "shallow").write_text(repository.head() + "\n")
    (seen,) = look(org.house, release).origins
    assert [head.contains for head in seen.heads] == [True]
    assert seen.unknown == "this is a shallow clone, in which commits are missing"
    org.start(release, "staging")


def test_a_start_asks_git_before_it_decides(make_org: MakeOrg) -> None:
    org = from_main(make_org, "main")
    repository = GitRepository(org.root)
    repository.branch("side")
    repository.commit("feat: aside", {"app/a.txt": "9"})
    release = org.open()
    org.tested(release)
    with pytest.raises(DecisionRefusedError, match="which does not come from main"):
        org.start(release, "staging")
    repository.git("update-ref", "refs/heads/main", "side")
    started = org.start(release, "staging")
    org.carry()
    assert org.rollout(started).state == "succeeded"
    assert {f.problem for f in audit.rejudge(org.house)} == {""}
