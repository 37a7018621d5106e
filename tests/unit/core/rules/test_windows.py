from __future__ import annotations

from datetime import timedelta

from tests.support.facts import DAY, HOUR, NOW, Case, asked, facts, question, release, rulebook, table
from tidegate.core.decision import Action
from tidegate.core.verdict import Verdict

RULE = "windows"
OFFICE = {"environments": {"production": {"windows": [{"days": "mon-thu", "from": "09:00", "to": "16:00"}]}}}
INSIDE = "inside a window of production"


@table(
    Case("none named: at any time", RULE),
    Case("inside", RULE, Verdict.ALLOW, INSIDE, policy=OFFICE),
    Case("as it opens", RULE, Verdict.ALLOW, INSIDE, policy=OFFICE, now=NOW - HOUR),
    Case(
        "a moment before it opens",
        RULE,
        Verdict.DENY,
        "outside the windows of production; the next opens Tue 1 Dec 2026 09:00 PST",
        "wait until Tue 1 Dec 2026 09:00 PST",
        policy=OFFICE,
        now=NOW - HOUR - timedelta(microseconds=1),
    ),
    Case(
        "as it closes",
        RULE,
        Verdict.DENY,
        "outside the windows of production; the next opens Wed 2 Dec 2026 09:00 PST",
        "wait until Wed 2 Dec 2026 09:00 PST",
        policy=OFFICE,
        now=NOW + 6 * HOUR,
    ),
    Case(
        "over the weekend",
        RULE,
        Verdict.DENY,
        "outside the windows of production; the next opens Mon 7 Dec 2026 09:00 PST",
        "wait until Mon 7 Dec 2026 09:00 PST",
        policy=OFFICE,
        now=NOW + 3 * DAY,
    ),
    Case(
        "an empty list is never open",
        RULE,
        Verdict.DENY,
        "production has no window that ever opens",
        "it does not open within 400 days",
        policy={"environments": {"production": {"windows": []}}},
    ),
    Case(
        "skipped by the type",
        RULE,
        policy=OFFICE | {"release_types": {"hotfix": {"skips": ["windows"]}}},
        facts=facts(release(type="hotfix")),
        now=NOW + 3 * DAY,
    ),
    Case("at a checkpoint it is not asked", RULE, policy=OFFICE, about=question(Action.CONTINUE), now=NOW + 3 * DAY),
    Case("for a rollback it is not asked", RULE, policy=OFFICE, about=question(Action.ROLLBACK), now=NOW + 3 * DAY),
)
def test_the_table(case: Case) -> None:
    case.hold()


def test_only_time_stands_in_the_way_even_if_it_never_comes() -> None:
    decision = asked(policy=rulebook(environments={"production": {"windows": []}}))
    assert (decision.next_possible, decision.blocked_by_time_only) == (None, True)
