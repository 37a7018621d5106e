from __future__ import annotations

from tests.support.facts import DAY, HOUR, NOW, Case, asked, facts, found, item, question, release, rulebook, table
from tidegate.core.decide import decide
from tidegate.core.decision import Action, Policies
from tidegate.core.facts import Change, Facts
from tidegate.core.verdict import Verdict

RULE = "freeze"
FREEZE = {"environments": {"production": {"freeze": {"before": "2d", "allow": ["fix", "docs"]}}}}
TUESDAYS = {
    "trains": {"modules": {"of": {"kind": "module"}, "every": "week on tuesday at 10:00", "from": "2026-02-10"}}
}
OR = ", or leave out what is not of kind docs or fix"


def content(at: object, *changes: Change) -> Facts:
    given = {"changes": changes} if changes else {}
    return facts(release(item(content_at=at, **given)))  # type: ignore[arg-type]


@table(
    Case("none", RULE, facts=content(NOW)),
    Case("fixed before", RULE, Verdict.ALLOW, "the content of billing was fixed 2d before", policy=FREEZE),
    Case(
        "fixed exactly so long before",
        RULE,
        Verdict.ALLOW,
        "the content of billing was fixed 2d before",
        policy=FREEZE,
        facts=content(NOW - 2 * DAY),
    ),
    Case(
        "joined late",
        RULE,
        Verdict.DENY,
        '"pay by card" joined billing Tue 1 Dec 2026 09:00 PST, in the freeze of 2d before it goes',
        "wait until Thu 3 Dec 2026 09:00 PST" + OR,
        policy=FREEZE,
        facts=content(NOW - HOUR),
    ),
    Case("a fix may join late", RULE, policy=FREEZE, facts=content(NOW, Change("a", "fix", "round"))),
    Case(
        "a breaking fix is more than a fix",
        RULE,
        Verdict.DENY,
        '"round" joined billing Tue 1 Dec 2026 10:00 PST, in the freeze of 2d before it goes',
        "wait until Thu 3 Dec 2026 10:00 PST" + OR,
        policy=FREEZE,
        facts=content(NOW, Change("a", "fix", "round", breaking=True)),
    ),
    Case(
        "a change of no kind is no fix",
        RULE,
        Verdict.DENY,
        '"oops" and 1 more joined billing Tue 1 Dec 2026 10:00 PST, in the freeze of 2d before it goes',
        "wait until Thu 3 Dec 2026 10:00 PST" + OR,
        policy=FREEZE,
        facts=content(NOW, Change("b", "feat", "x"), Change("a", "", "oops"), Change("c", "fix", "y")),
    ),
    Case(
        "a train that stands since before is too early",
        RULE,
        Verdict.DENY,
        '"pay by card" joined billing Mon 30 Nov 2026 10:00 PST, in the freeze of 2d before it goes',
        "wait until Tue 8 Dec 2026 10:00 PST" + OR,
        policy=FREEZE | TUESDAYS,
        facts=content(NOW - DAY),
    ),
    Case(
        "a train that departs after the freeze is taken to the end of its day",
        RULE,
        Verdict.ALLOW,
        "the content of billing was fixed 2d before",
        policy=FREEZE | TUESDAYS,
        facts=content(NOW - 2 * DAY),
        now=NOW + 13 * HOUR,
    ),
    Case(
        "a train that departs after the freeze is waited for, and not the freeze",
        RULE,
        Verdict.ALLOW,
        "the content of billing was fixed 2d before",
        policy=FREEZE | TUESDAYS,
        facts=content(NOW - 2 * DAY),
        now=NOW - HOUR,
    ),
    Case(
        "a train that departs in the freeze is not boarded",
        RULE,
        Verdict.DENY,
        '"pay by card" joined billing Sun 29 Nov 2026 11:00 PST, in the freeze of 2d before it goes',
        "wait until Tue 8 Dec 2026 10:00 PST" + OR,
        policy=FREEZE | TUESDAYS,
        facts=content(NOW - 2 * DAY + HOUR),
        now=NOW - HOUR,
    ),
    Case(
        "who skips the train counts from the start",
        RULE,
        Verdict.DENY,
        '"pay by card" joined billing Mon 30 Nov 2026 10:00 PST, in the freeze of 2d before it goes',
        "wait until Wed 2 Dec 2026 10:00 PST" + OR,
        policy=FREEZE | TUESDAYS | {"release_types": {"minor": {"skips": ["train"]}}},
        facts=content(NOW - DAY),
    ),
    Case(
        "skipped by the type",
        RULE,
        policy=FREEZE | {"release_types": {"minor": {"skips": ["freeze"]}}},
        facts=content(NOW),
    ),
    Case("at a checkpoint it is not asked", RULE, policy=FREEZE, facts=content(NOW), about=question(Action.CONTINUE)),
    Case("for a rollback it is not asked", RULE, policy=FREEZE, facts=content(NOW), about=question(Action.ROLLBACK)),
)
def test_the_table(case: Case) -> None:
    case.hold()


def test_runs_that_overlap_are_told_apart() -> None:
    """Daily runs of three days each: one that can still be boarded departed before the freeze, a later one after."""
    daily = {"of": {"kind": "module"}, "every": "day at 10:00", "from": "2026-02-10", "lasts": "3d"}
    policy = rulebook(**FREEZE, trains={"modules": daily})
    decision = asked(content(NOW - 2 * DAY + HOUR), policy)
    assert decision.next_possible == NOW + DAY


def test_rules_of_before_waited_for_the_train_in_the_freeze_too() -> None:
    book = rulebook(**FREEZE, **TUESDAYS)
    of_before = decide(question(), Policies(book, book), content(NOW - 2 * DAY), NOW - HOUR, version=2)
    assert found(of_before, RULE).verdict is Verdict.DENY


def test_a_run_that_never_comes_is_not_foreseen() -> None:
    late = {"of": {"kind": "module"}, "every": "day at 10:00", "from": "2030-02-10"}
    decision = asked(content(NOW), rulebook(**FREEZE, trains={"modules": late}))
    assert found(decision, RULE).message == (
        '"pay by card" joined billing Tue 1 Dec 2026 10:00 PST, in the freeze of 2d before it goes'
    )
    assert decision.next_possible is None


def test_a_long_summary_is_cut() -> None:
    decision = asked(content(NOW, Change("a", "feat", "x" * 60)), rulebook(**FREEZE))
    assert found(decision, RULE).message.startswith(f'"{"x" * 39}…" joined billing')


def test_where_nothing_may_join_nothing_is_proposed() -> None:
    policy = rulebook(environments={"production": {"freeze": {"before": "2d", "allow": []}}})
    assert found(asked(content(NOW), policy), RULE).remedy == "wait until Thu 3 Dec 2026 10:00 PST"
