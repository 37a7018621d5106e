from __future__ import annotations

from datetime import datetime

from tests.support.facts import DAY, HOUR, NOW, Case, against, asked, facts, item, question, release, rulebook, table
from tidegate.core.announcement import Announcement, content_of
from tidegate.core.decide import decide
from tidegate.core.decision import Action, Policies
from tidegate.core.facts import Change
from tidegate.core.verdict import Verdict

WEEK = {"release_types": {"minor": {"notice": "7d"}}}


@table(
    Case("none asked", "notice", facts=facts(release(announced_at=None))),
    Case(
        "given",
        "notice",
        Verdict.ALLOW,
        "7d of notice were over Sun 29 Nov 2026 10:00 PST",
        policy=WEEK,
    ),
    Case(
        "given exactly so long ago",
        "notice",
        Verdict.ALLOW,
        "7d of notice were over Tue 1 Dec 2026 10:00 PST",
        policy=WEEK,
        facts=facts(release(announced_at=NOW - 7 * DAY)),
    ),
    Case(
        "an hour too late",
        "notice",
        Verdict.DENY,
        "a minor release needs 7d of notice, until Tue 1 Dec 2026 11:00 PST",
        "wait until Tue 1 Dec 2026 11:00 PST",
        policy=WEEK,
        facts=facts(release(announced_at=NOW - 7 * DAY + HOUR)),
    ),
    Case(
        "over the end of summer time seven days are 168 hours",
        "notice",
        Verdict.DENY,
        "a minor release needs 7d of notice, until Mon 2 Nov 2026 09:00 PST",
        "wait until Mon 2 Nov 2026 09:00 PST",
        policy=WEEK,
        # 10:00 PDT on Monday 26 October; the clocks were set back on 1 November.
        facts=facts(release(announced_at=NOW - 36 * DAY - HOUR)),
        now=NOW - 30 * DAY,
    ),
    Case(
        "not announced",
        "notice.announced",
        Verdict.DENY,
        "no announcement of billing-1.1.0 has been delivered",
        "have one sent (communication: on: release.opened); tidegate status shows what is still due",
        policy=WEEK,
        facts=facts(release(announced_at=None)),
    ),
    Case(
        "skipped by the type",
        "notice",
        policy={"release_types": {"minor": {"notice": "7d", "skips": ["notice"]}}},
        facts=facts(release(announced_at=None)),
    ),
    Case(
        "before staging none is asked",
        "notice",
        policy=WEEK,
        facts=facts(release(announced_at=None)),
        about=question(environment="staging"),
    ),
    Case("at a checkpoint it is not asked", "notice", policy=WEEK, about=question(Action.CONTINUE)),
    Case("for a rollback it is not asked", "notice", policy=WEEK, about=question(Action.ROLLBACK)),
)
def test_the_table(case: Case) -> None:
    case.hold()


def test_what_was_not_announced_could_go_after_the_whole_notice_at_the_earliest() -> None:
    decision = asked(facts(release(announced_at=None)), rulebook(**WEEK))
    assert against(decision) == ["notice.announced", "notice"]
    assert (decision.next_possible, decision.blocked_by_time_only) == (NOW + 7 * DAY, False)


def test_what_was_announced_too_late_goes_by_waiting() -> None:
    decision = asked(facts(release(announced_at=NOW)), rulebook(**WEEK))
    assert (decision.next_possible, decision.blocked_by_time_only) == (NOW + 7 * DAY, True)


BREAKS = item(changes=(Change("0123456789abcdef", "feat", "no more XML", breaking=True),))
NEWS = "the announcement of billing-1.1.0 did not speak of billing 0123456789ab, which breaks something"


def told(at: datetime, *breaking: str) -> Announcement:
    return Announcement("opened", at, content_of([item()]), breaking)


OF_IT = told(NOW - 8 * DAY, "billing:0123456789abcdef")


@table(
    Case(
        "an announcement that spoke of other content does not count",
        "notice.announced",
        Verdict.DENY,
        NEWS,
        "have it announced again, as it is now; tidegate notice timeline shows what is still due",
        policy=WEEK,
        facts=facts(release(BREAKS, announcements=(told(NOW - 30 * DAY),))),
    ),
    Case(
        "one that spoke of it does, from its own time",
        "notice",
        Verdict.ALLOW,
        "7d of notice were over Mon 30 Nov 2026 10:00 PST",
        policy=WEEK,
        facts=facts(release(BREAKS, announcements=(told(NOW - 30 * DAY), OF_IT))),
    ),
    Case(
        "what breaks nothing new leaves the first one standing",
        "notice",
        Verdict.ALLOW,
        "7d of notice were over Sun 8 Nov 2026 10:00 PST",
        policy=WEEK,
        facts=facts(release(announced_at=NOW, announcements=(told(NOW - 30 * DAY),))),
    ),
    Case(
        "what was delivered before its content was kept still counts",
        "notice",
        Verdict.ALLOW,
        "7d of notice were over Sun 29 Nov 2026 10:00 PST",
        policy=WEEK,
        facts=facts(release(BREAKS, announcements=())),
    ),
)
def test_what_was_announced(case: Case) -> None:
    case.hold()


def test_an_earlier_version_of_the_rules_asked_for_the_first_announcement_alone() -> None:
    known = facts(release(BREAKS, announcements=(told(NOW - DAY),)))
    book = rulebook(**WEEK)
    both = Policies(book, book)
    now, then = (decide(question(), both, known, NOW, version=version) for version in (3, 2))
    assert "notice.announced" in against(now)
    assert "notice.announced" not in against(then)
