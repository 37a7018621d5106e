from __future__ import annotations

from typing import Any

from tests.support.facts import DAY, HOUR, NOW, Case, asked, facts, item, question, release, rulebook, table
from tidegate.core.decision import Action
from tidegate.core.verdict import Verdict

RULE = "train"


def train(every: str = "week on tuesday at 10:00", of: object = None, **more: object) -> dict[str, Any]:
    return {"trains": {"modules": {"of": of or {"kind": "module"}, "every": every, "from": "2026-02-10", **more}}}


AT_PLATFORM = "billing can board the modules train now"
NEXT_WEEK = "billing rides the modules train, which departs Tue 8 Dec 2026 10:00 PST"


@table(
    Case("no train", RULE),
    Case("at the platform", RULE, Verdict.ALLOW, AT_PLATFORM, policy=train()),
    Case(
        "before it comes",
        RULE,
        Verdict.DENY,
        "billing rides the modules train, which departs Tue 1 Dec 2026 10:00 PST",
        "wait until Tue 1 Dec 2026 10:00 PST",
        policy=train(),
        now=NOW - HOUR,
    ),
    Case("to the end of its day", RULE, Verdict.ALLOW, AT_PLATFORM, policy=train(), now=NOW + 13 * HOUR),
    Case(
        "when its day is over",
        RULE,
        Verdict.DENY,
        NEXT_WEEK,
        "wait until Tue 8 Dec 2026 10:00 PST",
        policy=train(),
        now=NOW + 14 * HOUR,
    ),
    Case(
        "when its time is over",
        RULE,
        Verdict.DENY,
        NEXT_WEEK,
        "wait until Tue 8 Dec 2026 10:00 PST",
        policy=train(lasts="1h"),
        now=NOW + HOUR,
    ),
    Case("a train of its own", RULE, Verdict.ALLOW, AT_PLATFORM, policy=train(of={"component": "billing"})),
    Case("another component's train", RULE, policy=train(of={"component": "identity"}), now=NOW - DAY),
    Case(
        "to staging",
        RULE,
        Verdict.DENY,
        "billing rides the modules train, which departs Tue 1 Dec 2026 10:00 PST",
        "wait until Tue 1 Dec 2026 10:00 PST",
        policy=train(to="staging"),
        about=question(environment="staging"),
        now=NOW - HOUR,
    ),
    Case("a train to staging carries nothing to production", RULE, policy=train(to="staging"), now=NOW - HOUR),
    Case(
        "beyond all foresight",
        RULE,
        Verdict.DENY,
        "billing rides the modules train, which does not depart within 400 days",
        "it does not open within 400 days",
        policy={
            "trains": {
                "modules": {"of": {"kind": "module"}, "every": "day at 10:00", "from": "2030-01-01"},
            }
        },
    ),
    Case(
        "skipped by the type",
        RULE,
        policy=train() | {"release_types": {"minor": {"skips": ["train"]}}},
        now=NOW - DAY,
    ),
    Case("at a checkpoint it is not asked", RULE, policy=train(), about=question(Action.CONTINUE), now=NOW - DAY),
    Case("for a rollback it is not asked", RULE, policy=train(), about=question(Action.ROLLBACK), now=NOW - DAY),
)
def test_the_table(case: Case) -> None:
    case.hold()


def test_the_first_of_several_trains_is_taken() -> None:
    two = train()
    two["trains"]["express"] = {
        "of": {"component": "billing"},
        "every": "week on friday at 08:00",
        "from": "2026-02-10",
    }
    decision = asked(policy=rulebook(**two), now=NOW + DAY)
    assert decision.against()[0].message == (
        "billing rides the express or modules train, which departs Fri 4 Dec 2026 08:00 PST"
    )


def test_a_bundle_goes_when_all_its_components_can() -> None:
    apart = {
        "trains": {
            "a": {"of": {"component": "billing"}, "every": "week on tuesday at 10:00", "from": "2026-02-10"},
            "b": {"of": {"component": "identity"}, "every": "2 weeks on tuesday at 15:00", "from": "2026-02-17"},
        }
    }
    decision = asked(facts(release(item("billing"), item("identity"))), rulebook(**apart), now=NOW - DAY)
    # Both ride on Tuesdays; identity's fortnight begins on 17 February, so that 8 December is its next.
    assert decision.next_possible == NOW + 7 * DAY + 5 * HOUR
