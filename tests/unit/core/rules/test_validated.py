from __future__ import annotations

from typing import Any

from tests.support.facts import HOUR, NOW, Case, asked, facts, item, question, release, rulebook, subject, table
from tidegate.core.decision import Action
from tidegate.core.evidence import Evidence
from tidegate.core.evidence_kind import KINDS
from tidegate.core.facts import Facts, Stands
from tidegate.core.verdict import Verdict

RULE = "rollback.validated"
ASKS: dict[str, Any] = {"rollback": {"validated": True}}
AGAIN = "tidegate rollback validate billing-1.1.0 --for production"
NOBODY = "nobody has validated the way back of billing in production"
CHANGED = "billing: the release has changed since its way back was validated"
STANDS = (Stands("billing", "production", "1.0.0"), Stands("billing", "staging", "1.1.0"))


def tried(environment: str = "production", *, valid: bool = True, returns_to: str = "1.0.0", **changes: Any) -> Facts:
    """The house, where the way back was tried out an hour ago."""
    values = {"valid": valid, "units": 2, "online": 2, "kept": 2, "problems": int(not valid), "returns_to": returns_to}
    bound = changes.pop("of", item()).subject.binding(KINDS["rollback-plan"].binds, environment)
    at = changes.pop("at", NOW - HOUR)
    piece = Evidence(
        "billing", "rollback-plan", "rollback-plan", bound, values, at, at, "sha256:r", "rita", environment
    )
    house = facts(**{"stands": STANDS, **changes})
    return facts(house.release, evidence=(*house.evidence, piece), stands=house.stands)


@table(
    Case("not asked for", RULE),
    Case("never tried out", RULE, Verdict.CANNOT_TELL, NOBODY, AGAIN, ASKS),
    Case(
        "tried out",
        RULE,
        Verdict.ALLOW,
        "the way back of billing to 1.0.0 was validated Tue 1 Dec 2026 09:00 PST",
        "",
        ASKS,
        tried(),
    ),
    Case("elsewhere", RULE, Verdict.CANNOT_TELL, NOBODY, AGAIN, ASKS, tried("staging")),
    Case(
        "of another subject",
        RULE,
        Verdict.CANNOT_TELL,
        CHANGED,
        AGAIN,
        ASKS,
        tried(of=item(subject=subject(artifacts="sha256:rebuilt"))),
    ),
    Case(
        "to another version",
        RULE,
        Verdict.CANNOT_TELL,
        "billing: it would return to 1.0.0 now, and the way to absent was validated",
        AGAIN,
        ASKS,
        tried(returns_to=""),
    ),
    Case(
        "in the future",
        RULE,
        Verdict.CANNOT_TELL,
        "billing: it says that it was validated in the future",
        AGAIN,
        ASKS,
        tried(at=NOW + HOUR),
    ),
    Case(
        "with a problem",
        RULE,
        Verdict.DENY,
        "the way back of billing in production was tried out, and has 1 problem",
        f"look at them, mend them: {AGAIN}",
        ASKS,
        tried(valid=False),
    ),
)
def test_validated(case: Case) -> None:
    case.hold()


def test_it_is_asked_of_production_alone_and_never_of_a_rollback() -> None:
    staging = asked(facts(release()), rulebook(**ASKS), question(environment="staging"))
    back = asked(facts(), rulebook(**ASKS), question(Action.ROLLBACK))
    assert [f for decision in (staging, back) for f in decision.findings if f.rule == RULE] == []
