from __future__ import annotations

from typing import Any

from tests.support.facts import DAY, HOUR, NOW, Case, asked, facts, question, release, rulebook, table
from tidegate.core.decision import Action
from tidegate.core.verdict import Verdict

RULE = "blackout"


def blackout(
    first: str = "2026-12-01", last: str = "2026-12-02", more: dict[str, object] | None = None
) -> dict[str, Any]:
    return {"calendar": {"blackouts": [{"name": "stocktaking", "from": first, "to": last, **(more or {})}]}}


LASTS = 'the blackout "stocktaking" lasts until Thu 3 Dec 2026 00:00 PST'
WAIT = "wait until Thu 3 Dec 2026 00:00 PST"
NOT_NOW = 'the blackout "stocktaking" is not now'


@table(
    Case("none", RULE),
    Case("now", RULE, Verdict.DENY, LASTS, WAIT, blackout()),
    Case("before it", RULE, Verdict.ALLOW, NOT_NOW, policy=blackout("2026-12-02")),
    Case("its last moment is midnight", RULE, Verdict.ALLOW, NOT_NOW, policy=blackout(), now=NOW + DAY + 14 * HOUR),
    Case("its last hour", RULE, Verdict.DENY, LASTS, WAIT, blackout(), now=NOW + DAY + 13 * HOUR),
    Case("its first moment", RULE, Verdict.DENY, LASTS, WAIT, blackout(), now=NOW - 10 * HOUR),
    Case("the hour before", RULE, Verdict.ALLOW, NOT_NOW, policy=blackout(), now=NOW - 11 * HOUR),
    Case(
        "a type that is excepted",
        RULE,
        policy=blackout(more={"except": ["hotfix"]}),
        facts=facts(release(type="hotfix")),
    ),
    Case("a type that is not", RULE, Verdict.DENY, LASTS, WAIT, blackout(more={"except": ["hotfix"]})),
    Case(
        "a type that skips blackouts",
        RULE,
        policy=blackout() | {"release_types": {"minor": {"skips": ["blackouts"]}}},
    ),
    Case("holds for production", RULE, policy=blackout(), about=question(environment="staging")),
    Case(
        "holds where it says",
        RULE,
        Verdict.DENY,
        LASTS,
        WAIT,
        blackout(more={"environments": ["staging"]}),
        about=question(environment="staging"),
    ),
    Case("holds nowhere else", RULE, policy=blackout(more={"environments": ["staging"]})),
    Case("at a checkpoint it is not asked", RULE, policy=blackout(), about=question(Action.CONTINUE)),
    Case("for a rollback it is not asked", RULE, policy=blackout(), about=question(Action.ROLLBACK)),
)
def test_the_table(case: Case) -> None:
    case.hold()


def test_a_window_that_lies_in_a_blackout_opens_after_it() -> None:
    office = {"environments": {"production": {"windows": [{"days": "mon-thu", "from": "09:00", "to": "16:00"}]}}}
    decision = asked(policy=rulebook(**office, **blackout(last="2026-12-03")))
    # Thursday's window is in the blackout, and Friday has none.
    assert decision.next_possible == NOW + 6 * DAY - HOUR
    assert decision.blocked_by_time_only
