"""What is overdue stops the next ordinary release of the team that owes it, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.facts import DAY, HOUR, NOW, asked, debt, emergency, facts, found, item, question, release, rulebook
from tidegate.core.debt import Debt, DebtKind
from tidegate.core.decide import decide
from tidegate.core.decision import Action, Decision, Policies
from tidegate.core.verdict import Verdict


def with_debts(*debts: Debt, **more: Any) -> Decision:
    return asked(facts(debts=debts), **more)


def test_what_is_overdue_denies_and_says_who_settles_it() -> None:
    finding = found(with_debts(debt()), "debts")
    assert (finding.verdict, finding.time_only) == (Verdict.DENY, False)
    assert finding.message == ("the post-mortem of billing-1.0.1 was due Tue 1 Dec 2026 09:00 PST and is not settled")
    assert finding.remedy == "tidegate debt settle billing-1.0.1.post-mortem --document FILE, by alice"
    assert finding.looked_at == ("billing-1.0.1.post-mortem",)


def test_it_is_overdue_at_its_time_and_not_before() -> None:
    assert found(with_debts(debt(due_at=NOW)), "debts").verdict is Verdict.DENY
    passed = found(with_debts(debt(due_at=NOW + HOUR)), "debts")
    assert (passed.verdict, passed.message) == (
        Verdict.ALLOW,
        "the post-mortem of billing-1.0.1 is due Tue 1 Dec 2026 11:00 PST, and is not overdue yet",
    )


WHOSE = {
    "of its team": (debt(components=("ledger",)), True),
    "of the component, whoever owns it": (debt(teams=()), True),
    "of another team and component": (debt(components=("identity",), teams=("identity-owners",)), False),
}


@pytest.mark.parametrize(("one", "stops"), WHOSE.values(), ids=WHOSE)
def test_whose_it_is(one: Debt, stops: bool) -> None:
    assert with_debts(one).allowed is not stops


def test_nobody_owes_what_nobody_owns() -> None:
    unowned = rulebook(components={"billing": {"kind": "module", "owners": None}})
    assert with_debts(debt(components=("ledger",), teams=("",)), policy=unowned).allowed


def test_an_approval_is_settled_by_who_did_not_write_it() -> None:
    owed = debt(id="billing-1.0.1.approval.module-team.1-1", kind=DebtKind.APPROVAL, name="module-team",
                by=("module-team",), authors=("bob",))  # fmt: skip
    finding = found(with_debts(owed), "debts")
    assert finding.message.startswith("an approval of billing-1.0.1 from module-team was due")
    assert finding.remedy == "tidegate debt settle billing-1.0.1.approval.module-team.1-1, by alice"
    nobody = found(with_debts(debt(kind=DebtKind.APPROVAL, name="x", by=("x",))), "debts")
    assert nobody.remedy.startswith("nobody is left who may: add people to x in the policy, then tidegate debt settle")


def test_a_rollback_and_a_checkpoint_never_ask() -> None:
    for about in (question(Action.ROLLBACK), question(Action.CONTINUE, granted=release().subject_for("production"))):
        assert not [f for f in with_debts(debt(), about=about).findings if f.rule == "debts"]


def test_an_emergency_release_never_asks() -> None:
    book = rulebook(
        release_types={"hotfix": {"criteria": ["Production down"]}},
        emergency={"types": ["hotfix"], "declared_by": ["ops"]},
    )
    hotfix = release(item(changes=()), type="hotfix")
    assert asked(facts(hotfix, debts=(debt(),), emergencies=(emergency(),)), book).allowed


def test_decisions_of_before_are_judged_without_it() -> None:
    book, known = rulebook(), facts(debts=(debt(),))
    both = Policies(book, book)
    assert decide(question(), both, known, NOW, version=2).allowed
    assert not decide(question(), both, known, NOW, version=3).allowed


def test_what_waits_beyond_its_time_waits_for_it() -> None:
    thursdays = rulebook(environments={"production": {"windows": [{"days": "thu", "from": "09:00", "to": "16:00"}]}})
    opens = NOW + 2 * DAY - HOUR
    assert with_debts(debt(due_at=opens + HOUR), policy=thursdays).next_possible == opens
    assert with_debts(debt(due_at=opens), policy=thursdays).next_possible is None
