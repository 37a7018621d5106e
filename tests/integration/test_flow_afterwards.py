"""What is done after a release, on both databases: opened once, reminded of, told by those who may, signed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.flows import NOW, Organisation, refused
from tidegate.core.debt import DebtKind
from tidegate.core.leaf import Leaf
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError, UsageError
from tidegate.orchestration import afterwards, debt, feedback, rollback, sweep
from tidegate.orchestration.train_plan import ensure_planned
from tidegate.store import debts
from tidegate.store.debts import DebtRow
from tidegate.views.afterwards import FOLLOWING, feedback_view, follow_views, review_view

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MakeOrg = Callable[..., Organisation]
RETRO = "look-back.retro.2027-01-01"

POLICY: dict[str, Any] = {
    "components": {"billing": {"owners": "module-team"}},
    "tasks": {
        "check-logs": {"says": "Check error logs", "due": "0-24 hours", "by": "tech-leads"},
        "collect": {"says": "Collect user feedback", "due": "1-7 days"},
        "lessons": {"says": "Gather lessons learned", "due": "1-4 weeks", "by": "module-team", "types": ["minor"]},
        "patches": {"says": "Look at the patch", "due": "1 day", "types": ["patch"]},
    },
    "reviews": {
        "retro": {"title": "Retrospective", "every": "monthly", "by": "rm", "tracks_improvements": True},
        "weekly": {"title": "Weekly look", "every": "weekly", "by": "rm"},
        "each": {"title": "Post-deployment review", "after": "2d", "by": "tech-leads"},
        "asked": {"title": "Whenever it is asked", "every": "on demand"},
    },
    "success": [{"says": "No critical issue", "by": "tech-leads"}, {"says": "Users are satisfied", "after": "10d"}],
    "communication": [
        {"on": one, "to": "file:NOTICES.md", "say": "status"} for one in ("task.due", "task.overdue", "debt.overdue")
    ],
}


@pytest.fixture
def org(make_org: MakeOrg) -> Organisation:
    return make_org(**POLICY)


def rows(org: Organisation, kind: DebtKind) -> dict[str, DebtRow]:
    with org.house.database.read() as connection:
        return {row.debt.id: row for row in debts.everything(connection, [kind])}


def of_kind(org: Organisation, *kinds: str) -> list[Leaf]:
    return [leaf for leaf in org.leaves() if leaf.kind in kinds]


def lines(org: Organisation) -> list[str]:
    path = org.root / "NOTICES.md"
    return [line.partition(" <!--")[0] for line in path.read_text().splitlines()] if path.exists() else []


def at(org: Organisation, moment: datetime) -> None:
    """Set the clock, and do what is due then, and what becomes due by it."""
    org.clock.now = moment
    for _ in range(4):
        org.sweep()


def gone(org: Organisation) -> str:
    """A release that is done; its id."""
    org.released()
    return "billing-1.1.0"


# ---- tasks


def test_a_release_that_is_done_opens_its_tasks_with_their_times(org: Organisation) -> None:
    release = gone(org)
    assert {row.debt.name: row.debt.due_at - NOW for row in rows(org, DebtKind.TASK).values()} == {
        "check-logs": DAY,
        "collect": 7 * DAY,
        "lessons": 28 * DAY,
    }
    assert rows(org, DebtKind.TASK)[f"{release}.task.collect"].debt.teams == ("module-team",)
    [leaf] = of_kind(org, "task.opened")
    assert leaf.data["tasks"][f"{release}.task.check-logs"] == "2026-12-02T18:00:00.000000Z"


def test_a_task_is_done_once_by_a_person_of_its_group_signed(org: Organisation) -> None:
    release = gone(org)
    with refused(org, NotPermittedError, '^alice may not settle "Check error logs" of billing-1.1.0$', "task"):
        afterwards.do(org.house, org.claim("alice"), release, "check-logs")
    with refused(org, NotPermittedError, "^carol has not signed: what was done is told with a signature$", "task"):
        afterwards.do(org.house, org.claim("carol", ""), release, "check-logs")
    with refused(org, NotFoundError, '^billing-1.1.0 has no task "logs"$', "task"):
        afterwards.do(org.house, org.claim("carol"), release, "logs")
    row = afterwards.do(org.house, org.claim("carol"), release, "check-logs", "no errors")
    assert (row.settled_by, row.note, row.remind_at) == ("carol", "no errors", None)
    leaf = of_kind(org, "task.done")[0]
    assert (leaf.data["late"], leaf.data["reason"]) == (False, "no errors")
    assert leaf.data["signature"].startswith("-----BEGIN SSH SIGNATURE-----")
    with refused(org, ConflictError, "check-logs was settled by carol", "task"):
        afterwards.do(org.house, org.claim("carol"), release, "check-logs")


def test_who_wrote_the_release_may_do_its_tasks(org: Organisation) -> None:
    release = gone(org)
    assert afterwards.do(org.house, org.claim("alice"), release, "lessons").settled_by == "alice"


def test_what_is_late_is_reminded_of_twice_and_stops_nothing(org: Organisation) -> None:
    release = gone(org)
    at(org, NOW + 12 * HOUR)
    at(org, NOW + 30 * HOUR)
    at(org, NOW + 40 * HOUR)
    told = [line for line in lines(org) if "Check error logs" in line]
    assert told == [
        (
            '- Example: "Check error logs" of billing-1.1.0 is due 2026-12-02 10:00 PST. '
            "Say that it is done: tidegate task done billing-1.1.0 check-logs"
        ),
        (
            '- Example: "Check error logs" of billing-1.1.0 was due 2026-12-02 10:00 PST. '
            "Say that it is done: tidegate task done billing-1.1.0 check-logs"
        ),
    ]
    assert [leaf.data["overdue"] for leaf in of_kind(org, "task.reminded")] == [False, True]
    later = org.open("1.2.0")
    assert not any("owe" in reason or "overdue" in reason for reason in org.reasons(later))
    [one] = [view for view in follow_views(org.house, FOLLOWING, mine="carol") if view.name == "check-logs"]
    assert (one.release, one.standing, one.may) == (release, "overdue", ("carol",))


def test_who_looks_at_the_same_time_reminds_once(org: Organisation) -> None:
    release = gone(org)
    org.clock.go(12 * HOUR)
    beside = org.beside()
    wanted = f"debt {release}.task.check-logs"
    both = [job for one in (org, beside) for name, job in sweep.due_jobs(one.house, "x") if name == wanted]
    assert len(both) == 2
    for job in both:
        job()
    assert len(of_kind(org, "task.reminded")) == 1
    beside.house.database.close()


def test_a_debt_is_not_settled_as_a_task_nor_a_task_as_a_debt(org: Organisation) -> None:
    release = gone(org)
    with pytest.raises(UsageError, match="is no debt") as caught:
        debt.settle(org.house, org.claim("carol"), f"{release}.task.check-logs")
    assert caught.value.remedy == "tidegate task done billing-1.1.0 check-logs"


def test_what_was_taken_back_need_not_be_looked_after(org: Organisation) -> None:
    org.released()
    org.released("1.2.0")
    rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
    org.carry()
    standing = {row.debt.release: row.outcome for row in rows(org, DebtKind.TASK).values()}
    assert standing == {"billing-1.1.0": "", "billing-1.2.0": "dropped"}
    assert of_kind(org, "task.dropped")[0].data["because"] == "the release was taken back"


# ---- reviews


def test_recurring_reviews_are_planned_and_follow_one_another(org: Organisation) -> None:
    planned = rows(org, DebtKind.LOOK_BACK)
    assert {name: row.debt.due_at for name, row in planned.items()} == {
        RETRO: datetime(2027, 1, 1, 8, tzinfo=UTC),
        "look-back.weekly.2026-12-08": datetime(2026, 12, 8, 8, tzinfo=UTC),
    }
    at(org, datetime(2026, 12, 8, 8, tzinfo=UTC))
    assert "look-back.weekly.2026-12-15" in rows(org, DebtKind.LOOK_BACK)


def test_a_year_of_reviews_that_nobody_looked_at_is_not_made_up_for(org: Organisation) -> None:
    at(org, NOW + 100 * DAY)
    weekly = [name for name in rows(org, DebtKind.LOOK_BACK) if ".weekly." in name]
    assert weekly == ["look-back.weekly.2026-12-08", "look-back.weekly.2027-03-16"]


def test_what_a_review_decides_is_followed_to_its_end(org: Organisation) -> None:
    row, [improvement] = afterwards.record_review(
        org.house,
        org.claim("rita"),
        RETRO,
        note="staging was too small",
        improvements=["double its memory"],
        improved_by="tech-leads",
        within=14 * DAY,
    )
    assert row.note == "staging was too small; improve: double its memory"
    assert (improvement.id, improvement.due_at) == (f"{RETRO}.1", NOW + 14 * DAY)
    assert "look-back.retro.2027-02-01" in rows(org, DebtKind.LOOK_BACK)
    assert of_kind(org, "review.recorded")[0].data["improvements"] == {f"{RETRO}.1": "double its memory"}
    at(org, NOW + 13 * DAY)
    assert any("tidegate review improved look-back.retro.2027-01-01.1" in line for line in lines(org))
    with refused(org, NotPermittedError, '^rita may not settle "double its memory"$', "improvement"):
        afterwards.improve(org.house, org.claim("rita"), f"{RETRO}.1")
    afterwards.improve(org.house, org.claim("carol"), f"{RETRO}.1", "it has 8 GB now")
    [done] = review_view(org.house, RETRO).improvements
    assert (done.standing, done.note) == ("done", "it has 8 GB now")


@pytest.mark.parametrize(
    ("review", "said", "sentence"),
    [
        (RETRO, {}, "^nothing is said of what was found$"),
        (RETRO, {"note": "x", "improvements": [" "]}, "^an improvement is told in 1 to 400 characters$"),
        (RETRO, {"note": "x", "improvements": ["y"], "improved_by": "nobody"}, '^nobody is in "nobody"$'),
        (
            "look-back.weekly.2026-12-08",
            {"note": "x", "improvements": ["y"]},
            "^weekly does not follow what it decides$",
        ),
    ],
)
def test_a_review_that_cannot_be_recorded_is_refused(
    org: Organisation, review: str, said: dict[str, Any], sentence: str
) -> None:
    before = org.counts()
    with pytest.raises(UsageError, match=sentence):
        afterwards.record_review(org.house, org.claim("rita"), review, **said)
    assert org.counts() == before


def test_a_review_follows_each_release(org: Organisation) -> None:
    release = gone(org)
    row, _ = afterwards.record_review(org.house, org.claim("carol"), f"{release}.look-back.each", note="all is well")
    assert (row.debt.due_at, row.settled_by) == (NOW + 2 * DAY, "carol")


def test_reviews_that_the_policy_no_longer_has_are_dropped(org: Organisation) -> None:
    org.adopt(**{**POLICY, "reviews": {"weekly": POLICY["reviews"]["weekly"]}})
    assert rows(org, DebtKind.LOOK_BACK)[RETRO].outcome == "dropped"
    assert rows(org, DebtKind.LOOK_BACK)["look-back.weekly.2026-12-08"].settled_at is None
    org.sql("DELETE FROM tg_debt")
    ensure_planned(org.house)
    assert list(rows(org, DebtKind.LOOK_BACK)) == ["look-back.weekly.2026-12-08"]


# ---- success and feedback


def test_success_is_judged_by_a_person_with_evidence(org: Organisation, tmp_path: Path) -> None:
    release = gone(org)
    with pytest.raises(UsageError, match=r"^a judgement names its evidence$"):
        afterwards.judge(org.house, org.claim("carol"), release, "1", met=True)
    with refused(org, NotPermittedError, '^alice may not settle "No critical issue" of billing-1.1.0$', "success"):
        afterwards.judge(org.house, org.claim("alice"), release, "1", met=True, evidence="I saw none")
    report = tmp_path / "report.md"
    report.write_text("none until 8 December\n")
    row = afterwards.judge(org.house, org.claim("carol"), release, "1", met=False, evidence="TG-9", document=report)
    assert (row.outcome, row.note) == ("not met", "TG-9")
    leaf = of_kind(org, "success.judged")[0]
    assert (leaf.data["outcome"], leaf.data["document"]) == ("not met", row.document)
    assert rows(org, DebtKind.JUDGEMENT)[f"{release}.judgement.2"].debt.due_at == NOW + 10 * DAY


def test_feedback_is_recorded_signed_and_its_mean_is_shown(org: Organisation) -> None:
    release = gone(org)
    feedback.add(org.house, org.claim("rita"), release, score=5, text="faster", whose="Acme")
    feedback.add(org.house, org.claim("carol"), release, score=4)
    feedback.add(org.house, org.claim("carol"), release, text="where is the button?")
    view = feedback_view(org.house, release)
    assert (view.satisfaction, view.scores, len(view.said)) == (4.5, 2, 3)
    leaf = of_kind(org, "feedback.added")[0]
    assert (leaf.data["score"], leaf.data["text"], leaf.data["whose"]) == (5, "faster", "Acme")
    with refused(org, NotPermittedError, "^carol has not signed", "feedback"):
        feedback.add(org.house, org.claim("carol", ""), release, score=1)
    with refused(org, NotPermittedError, '^the policy knows no person "mallory"$', "feedback"):
        feedback.add(org.house, org.claim("mallory"), release, score=1)
    with refused(org, NotFoundError, '^there is no release "nope"$', "feedback"):
        feedback.add(org.house, org.claim("carol"), "nope", score=1)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [({}, "^nothing is said$"), ({"score": 6}, "^the score is 6$"), ({"text": "x" * 4001}, "has 4001 characters$")],
)
def test_feedback_that_cannot_be_is_refused(org: Organisation, said: dict[str, Any], sentence: str) -> None:
    release = org.open()
    with pytest.raises(UsageError, match=sentence):
        feedback.add(org.house, org.claim("rita"), release, **said)
