"""Which rule decides, in words, and what it would be without it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.planning import BREAKING, FEATURE, FIX, planner, preset, small
from tidegate.core.critical_path import cost_of, critical_path


def said(plan: Any) -> list[str]:
    return [step.what for step in critical_path(plan)]


def test_what_decides_is_told_with_what_it_costs() -> None:
    steps = critical_path(planner(preset("7d"), "billing", "major", changes=(BREAKING,)))
    assert [step.what for step in steps] == [
        "30 days' notice decides; without it: Tuesday 1 December 10:00",
        "the modules train decides; without it: Sunday 22 November 02:00",
        "the milestone code-freeze (-2d) decides; without it: Saturday 21 November 02:00",
        "24 hours' soak in staging decides; without it: at once",
    ]
    assert (steps[0].rules, steps[0].environments) == (("notice",), ("production",))
    assert [cost_of(step) for step in steps] == ["28d", "9d8h", "1d", "1d"]


def test_the_presets() -> None:
    assert said(planner(preset("towne-park"), "billing", "minor"))[:3] == [
        "the planning horizon of 1-2 months decides; without it: Monday 7 December 09:00",
        "the windows of production decide; without them: Friday 4 December 05:00",
        (
            "the milestone code-freeze (-14d) and the milestone feature-complete (-14d) decide; without them: "
            "Friday 27 November 05:00"
        ),
    ]
    assert said(planner(preset("helpdesk"), "helpdesk-platform", "hotfix", changes=(FIX,))) == [
        "the timeline of 4-24 hours decides; without it: at once"
    ]
    assert said(planner(preset("7d"), "billing", "hotfix", changes=(FIX,))) == []


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({"environments": {"production": {"windows": []}}},
         "the windows of production never open; without them: at once"),
        ({"calendar": {"blackouts": [{"name": "sale", "from": "2026-11-20", "to": "2026-11-30"}]}},
         'the blackout "sale" decides; without it: at once'),
        ({"components": {"shop": {"windows": []}}}, "the windows of shop never open; without them: at once"),
        ({"clients": {"acme": {"title": "Acme", "windows": []}}, "components": {"shop": {"client": "acme"}}},
         "the windows of acme never open; without them: at once"),
        ({"release_types": {"minor": {"bump": "minor", "notice": "24h", "horizon": "1-2 days"}}},
         "24 hours' notice and the planning horizon of 1-2 days decide; without them: at once"),
        ({"environments": {"production": {"freeze": {"before": "36h"}}}},
         "the freeze of 36 hours decides; without it: at once"),
        ({"watch": {"staging": {"for": "2h", "roll_back_when": [{"health_check": "failed"}]}},
          "environments": {"staging": {"purpose": "staging"}, "production": {"after": [{"environment": "staging"}]}}},
         "2 hours' watch in staging decides; without it: at once"),
        ({"calendar": {"blackouts": [{"name": "ever", "from": "2026-11-20", "to": "2029-11-30"}]},
          "release_types": {"minor": {"bump": "minor", "notice": "48h"}}},
         'the blackout "ever" never opens; without it: Sunday 22 November 02:00'),
        # Each of the two opens, and never when the other does.
        ({"environments": {"production": {"windows": [{"days": "mon", "from": "01:45", "to": "02:15"}]}},
          "trains": {"daily": {"of": {"component": "shop"}, "every": "day at 02:30", "lasts": "20m"}}},
         "the windows of production never open while all else holds; without them: Friday 20 November 02:30"),
    ],
)  # fmt: skip
def test_what_decides_is_told(changes: dict[str, Any], first: str) -> None:
    assert said(planner(small(**changes)))[0] == first


def test_several_rules_that_ask_for_the_same_decide_together_and_no_other_is_named() -> None:
    same = {"bump": "minor", "notice": "7d", "horizon": "1-2 weeks", "timeline": "3-5 days"}
    steps = critical_path(planner(small(release_types={"minor": same})))
    assert [set(step.rules) for step in steps] == [{"notice", "horizon"}, {"timeline"}]


def test_each_step_gets_earlier_until_nothing_is_waited_for() -> None:
    for name, component, type_ in (("7d", "billing", "minor"), ("towne-park", "billing", "patch")):
        plan = planner(preset(name), component, type_, changes=(FEATURE,))
        steps = critical_path(plan)
        assert steps
        moments = [steps[0].at, *(step.without for step in steps)]
        assert moments == sorted(moments, key=lambda moment: moment or plan.now, reverse=True)
        assert moments[-1] == plan.now
