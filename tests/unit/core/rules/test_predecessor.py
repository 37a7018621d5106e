from __future__ import annotations

from tests.support.facts import (
    DAY,
    HOUR,
    NOW,
    Case,
    against,
    asked,
    facts,
    found,
    item,
    question,
    release,
    rulebook,
    subject,
    table,
    verified,
)
from tidegate.core.decision import Action
from tidegate.core.verdict import Verdict

AFTER = {"environments": {"production": {"after": [{"environment": "staging"}]}}}
SOAK = {"environments": {"production": {"after": [{"environment": "staging", "soak": "24h"}]}}}
NOT_THERE = "billing 1.1.0 as it is now has not been verified in staging"
DEPLOY = "tidegate deploy billing-1.1.0 staging"
ANOTHER = item(subject=subject(source="sha256:other"))
CHANGED_FOR_STAGING = item(subject=subject(configuration={"staging": "sha256:x"}))


@table(
    Case(
        "verified",
        "after.staging",
        Verdict.ALLOW,
        "billing 1.1.0 was verified in staging Sun 29 Nov 2026 10:00 PST",
        policy=AFTER,
        facts=facts(verified=(verified(),)),
    ),
    Case("never", "after.staging", Verdict.DENY, NOT_THERE, DEPLOY, policy=AFTER),
    Case(
        "something else was",
        "after.staging",
        Verdict.DENY,
        NOT_THERE,
        DEPLOY,
        policy=AFTER,
        facts=facts(verified=(verified(ANOTHER),)),
    ),
    Case(
        "somewhere else",
        "after.staging",
        Verdict.DENY,
        NOT_THERE,
        DEPLOY,
        policy=AFTER,
        facts=facts(verified=(verified(environment="production"),)),
    ),
    Case(
        "another component of the same digest",
        "after.staging",
        Verdict.DENY,
        NOT_THERE,
        DEPLOY,
        policy=AFTER,
        facts=facts(verified=(verified(component="identity"),)),
    ),
    Case(
        "with another configuration there",
        "after.staging",
        Verdict.DENY,
        NOT_THERE,
        DEPLOY,
        policy=AFTER,
        facts=facts(verified=(verified(CHANGED_FOR_STAGING),)),
    ),
    Case(
        "in the future",
        "after.staging",
        Verdict.DENY,
        NOT_THERE,
        DEPLOY,
        policy=AFTER,
        facts=facts(verified=(verified(at=NOW + HOUR),)),
    ),
    Case("nothing comes before", "after.staging"),
    Case("without a soak nothing is said of it", "soak.staging", policy=AFTER, facts=facts(verified=(verified(),))),
    Case(
        "long enough",
        "soak.staging",
        Verdict.ALLOW,
        "billing was in staging for 1d, until Mon 30 Nov 2026 10:00 PST",
        policy=SOAK,
        facts=facts(verified=(verified(),)),
    ),
    Case(
        "exactly long enough",
        "soak.staging",
        Verdict.ALLOW,
        "billing was in staging for 1d, until Tue 1 Dec 2026 10:00 PST",
        policy=SOAK,
        facts=facts(verified=(verified(at=NOW - DAY),)),
    ),
    Case(
        "an hour too short",
        "soak.staging",
        Verdict.DENY,
        "billing must stay in staging for 1d, until Tue 1 Dec 2026 11:00 PST",
        "wait until Tue 1 Dec 2026 11:00 PST",
        policy=SOAK,
        facts=facts(verified=(verified(at=NOW - DAY + HOUR),)),
    ),
    Case(
        "not begun",
        "soak.staging",
        Verdict.DENY,
        "billing must stay in staging for 1d, until Wed 2 Dec 2026 10:00 PST",
        "wait until Wed 2 Dec 2026 10:00 PST",
        policy=SOAK,
    ),
    Case(
        "skipped by the type",
        "soak.staging",
        policy=SOAK | {"release_types": {"minor": {"skips": ["soak"]}}},
        facts=facts(verified=(verified(at=NOW - HOUR),)),
    ),
    Case(
        "left, but long enough before",
        "soak.staging",
        Verdict.ALLOW,
        "billing was in staging for 1d",
        policy=SOAK,
        facts=facts(verified=(verified(at=NOW - 3 * DAY), verified(ANOTHER, at=NOW - 2 * DAY))),
    ),
    Case(
        "came back, and was there long enough before",
        "soak.staging",
        Verdict.ALLOW,
        "billing was in staging for 1d",
        policy=SOAK,
        facts=facts(
            verified=(
                verified(at=NOW - 3 * DAY),
                verified(ANOTHER, at=NOW - 2 * DAY),
                verified(at=NOW - HOUR),
            )
        ),
    ),
    Case(
        "came back, and begins anew",
        "soak.staging",
        Verdict.DENY,
        "billing must stay in staging for 1d, until Wed 2 Dec 2026 09:00 PST",
        "wait until Wed 2 Dec 2026 09:00 PST",
        policy=SOAK,
        facts=facts(
            verified=(
                verified(at=NOW - 3 * HOUR),
                verified(ANOTHER, at=NOW - 2 * HOUR),
                verified(at=NOW - HOUR),
            )
        ),
    ),
    Case(
        "verified once more counts from the first time",
        "soak.staging",
        Verdict.ALLOW,
        "billing was in staging for 1d, until Mon 30 Nov 2026 10:00 PST",
        policy=SOAK,
        facts=facts(verified=(verified(), verified(at=NOW - HOUR))),
    ),
    Case("at a checkpoint it is not asked", "after.staging", policy=AFTER, about=question(Action.CONTINUE)),
    Case("for a rollback it is not asked", "after.staging", policy=AFTER, about=question(Action.ROLLBACK)),
)
def test_the_table(case: Case) -> None:
    case.hold()


def test_what_left_before_its_time_is_over_must_go_there_again() -> None:
    left = (verified(at=NOW - 3 * HOUR), verified(ANOTHER, at=NOW - 2 * HOUR))
    decision = asked(facts(verified=left), rulebook(**SOAK))
    said = [(f.message, f.remedy, f.time_only) for f in decision.against()]
    assert said == [
        ("billing left staging Tue 1 Dec 2026 08:00 PST, before 1d were over", DEPLOY, False),
        (
            "billing must stay in staging for 1d, until Wed 2 Dec 2026 10:00 PST",
            "wait until Wed 2 Dec 2026 10:00 PST",
            True,
        ),
    ]
    assert (decision.next_possible, decision.blocked_by_time_only) == (NOW + DAY, False)


def test_what_is_not_there_yet_could_be_there_now_at_the_earliest() -> None:
    decision = asked(policy=rulebook(**SOAK))
    assert against(decision) == ["after.staging", "soak.staging"]
    assert (decision.next_possible, decision.blocked_by_time_only) == (NOW + DAY, False)


def test_each_component_is_asked_about() -> None:
    two = release(item("identity"), item("billing"))
    decision = asked(facts(two, verified=(verified(item("billing")),)), rulebook(**SOAK))
    assert [f.message for f in decision.findings if f.rule == "after.staging"] == [
        "billing 1.1.0 was verified in staging Sun 29 Nov 2026 10:00 PST",
        "identity 1.1.0 as it is now has not been verified in staging",
    ]


def test_the_ledger_is_named() -> None:
    assert found(asked(policy=rulebook(**SOAK)), "soak.staging").reference == "7D-07, TP-07, HD-04"
