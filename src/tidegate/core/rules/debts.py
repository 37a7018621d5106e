"""The team that releases owes nothing that is overdue."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.debt import Debt, DebtKind, may_settle
from tidegate.core.emergency import is_emergency_type
from tidegate.core.rules.rule import START, Chapter, Context, Found, Rule, Waiting, denies
from tidegate.core.rules.saying import askable, at


def _owed(context: Context) -> list[Debt]:
    """What the teams of the release owe, the oldest first."""
    components = context.policy.components
    asked = [
        (item.component, components[item.component].owners or "" if item.component in components else "")
        for item in context.facts.release.items
    ]
    debts = [debt for debt in context.facts.debts if any(debt.is_of(name, owners) for name, owners in asked)]
    return sorted(debts, key=lambda debt: (debt.due_at, debt.id))


def _overdue(context: Context, debt: Debt) -> Found:
    people = may_settle(context.policy, debt)
    with_what = "" if debt.kind is DebtKind.APPROVAL else " --document FILE"
    command = f"tidegate debt settle {debt.id}{with_what}"
    group = debt.by[0] if debt.by else next(iter(debt.teams), "permits.open")
    return denies(
        RULE.id,
        f"{debt.what} was due {at(context, debt.due_at)} and is not settled",
        f"{command}, by {askable(people, 1, group)}"
        if people
        else f"nobody is left who may: add people to {group} in the policy, then {command}",
        [debt.id],
    )


def _not_yet(context: Context, debt: Debt) -> Waiting:
    # It passes today and not for ever: what waits beyond its due time waits for the debt, too.
    return Waiting(
        RULE.id,
        lambda moment: moment if moment < debt.due_at else None,
        lambda opens: f"{debt.what} is due {at(context, debt.due_at)}",
        lambda: f"{debt.what} is due {at(context, debt.due_at)}, and is not overdue yet",
        f"tidegate debt settle {debt.id}",
    )


def _check(context: Context) -> Iterator[Found]:
    if is_emergency_type(context.policy, context.facts.release.type):
        return  # Who must act now is not kept from it by what they owe of the last time.
    for debt in _owed(context):
        yield _overdue(context, debt) if debt.due_at <= context.now else _not_yet(context, debt)


RULE = Rule(
    "debts",
    "The team that releases owes nothing that is overdue. It never stops an emergency release or a rollback.",
    "7D-02, M1-15, HD-12",
    START,
    _check,
    since=3,
    chapter=Chapter.CHANGE,
    keys=("release_types.{type}.afterwards", "emergency"),
)
