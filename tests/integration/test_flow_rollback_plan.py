"""The way back is planned from what the driver would do, and tried out before production."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.flows import Organisation
from tidegate.core.rollback_plan import DEFAULT
from tidegate.errors import NotFoundError, UsageError
from tidegate.orchestration import audit, rollback, rollback_plan
from tidegate.orchestration.judge import DecisionRefusedError
from tidegate.orchestration.rollback_plan import Tried
from tidegate.views.rollback_plan import markdown_of, rollback_plan_view

DEMANDED = {"rollback": {"validated": True, "criteria": ["Clients cannot work"]}}


def tried(org: Organisation, release: str, environment: str = "production") -> Tried:
    ((found, _),) = rollback_plan.validate(org.house, release, environment, org.claim("rita"))
    return found


def test_a_plan_is_what_the_driver_would_do(org: Organisation) -> None:
    org.released("1.1.0")
    release = org.prepared("1.2.0")
    view = rollback_plan_view(org.house, release, "production")
    (one,) = view.components
    assert (one.version, one.returns_to, one.loses_data) == ("1.2.0", "1.1.0", False)
    assert one.verified_at is not None
    assert {step.unit for step in one.steps} == {"web1", "web2"}
    assert all("1.1.0" in step.sentence for step in one.steps)
    assert [decider.person for decider in view.deciders] == ["rita"]


def test_the_first_version_returns_to_absent(org: Organisation) -> None:
    (one,) = rollback_plan_view(org.house, org.prepared(), "production").components
    assert (one.returns_to, one.verified_at) == ("absent", None)


def test_the_plan_is_what_the_rollback_then_does(org: Organisation) -> None:
    org.released("1.1.0")
    release = org.prepared("1.2.0")
    org.start(release)
    org.carry()
    (one,) = rollback_plan_view(org.house, release, "production").components
    back = rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
    org.carry()
    target = org.rollout(back).target
    assert target is not None
    assert target.version == one.returns_to


def test_production_asks_that_it_was_tried_out(org: Organisation) -> None:
    org.adopt(**DEMANDED)
    release = org.prepared()
    assert org.reasons(release) == ["nobody has validated the way back of billing in production"]
    assert org.reasons(release, "staging") == []
    found = tried(org, release)
    assert (found.valid, found.returns_to, len(found.units)) == (True, "", 2)
    assert org.reasons(release) == []
    org.start(release)
    org.carry()
    assert org.running() == ["1.1.0", "1.1.0"]
    assert {each.problem for each in audit.rejudge(org.house)} == {""}


def test_it_does_not_hold_for_another_return(org: Organisation) -> None:
    org.adopt(**DEMANDED)
    first, second = org.prepared("1.1.0"), org.prepared("1.2.0")
    tried(org, second)
    tried(org, first)
    org.start(first)
    org.carry()
    assert org.reasons(second) == ["billing: it would return to 1.1.0 now, and the way to absent was validated"]
    assert tried(org, second).returns_to == "1.1.0"
    assert org.reasons(second) == []


def test_what_stands_in_the_way_is_told_and_refuses(org: Organisation) -> None:
    org.adopt(**DEMANDED)
    release = org.prepared()
    org.worlds["production"].units["web2"].reachable = False
    found = tried(org, release)
    assert not found.valid
    assert found.problems == ("web2: web2: no answer",)
    assert [unit.online for unit in found.units] == [True, False]
    with pytest.raises(
        DecisionRefusedError, match="the way back of billing in production was tried out, and has 1 problem"
    ):
        org.start(release)
    org.worlds["production"].units["web2"].reachable = True
    assert tried(org, release).valid


def test_the_earlier_version_is_kept_there_or_here(org: Organisation) -> None:
    org.released("1.1.0")
    release = org.prepared("1.2.0")
    for unit in org.worlds["production"].units.values():
        unit.kept.clear()
        unit.running = unit.running.__class__("1.0.5", "a" * 64)  # type: ignore[call-arg]
    assert tried(org, release).valid  # its package is here
    for package in (org.house.state / "packages").iterdir():
        package.unlink()
    problems = tried(org, release).problems
    assert len(problems) == 2
    assert problems[0].startswith("web1 does not keep 1.1.0 (")


def test_nobody_may_take_it_back(org: Organisation) -> None:
    org.adopt(permits={"rollback": []})
    release = org.prepared()
    assert tried(org, release).problems == (
        "nobody may take it back in production: list people or groups under permits.rollback",
    )


def test_a_template_is_filled_in_and_never_evaluated(org: Organisation, tmp_path: Path) -> None:
    folder = org.house.root / "plans"
    folder.mkdir()
    org.adopt(rollback={"templates": "plans", "criteria": ["<script>{steps}</script> [x](y)"]})
    release = org.prepared()
    view = rollback_plan_view(org.house, release, "production")
    with pytest.raises(NotFoundError, match="there is no template of a rollback plan for billing") as caught:
        markdown_of(view, org.house.root)
    assert caught.value.remedy == "write one of: billing.md, minor.md, rollback-plan.md"
    (folder / "rollback-plan.md").write_text("# {component} to {returns_to}\n{criteria}\n")
    text = markdown_of(view, org.house.root)
    assert text == "# billing to absent\n- \\<script\\>{steps}\\</script\\> \\[x\\](y)\n"
    (folder / "billing.md").write_text("{component.__class__}")
    with pytest.raises(UsageError, match=r"the template asks for {component\.__class__}, which no rollback plan has"):
        markdown_of(view, org.house.root)


def test_the_template_of_the_documentation_is_the_built_in_one() -> None:
    path = Path(__file__).resolve().parents[2] / "docs" / "templates" / "rollback" / "rollback-plan.md"
    assert path.read_text() == DEFAULT
