"""Change requests: who decides on them, how they go, how risky they are."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.policy import ChangeCategory, Policy, Risk, WorkflowStep
from tidegate.core.risk import stated_level
from tidegate.views.explain.model import Cell, Item, Matrix, Paragraph, Table, Topic, listing, paragraph, topic
from tidegate.views.explain.names import Names
from tidegate.views.explain.not_yet import not_yet, of_roots
from tidegate.views.explain.words import all_of, counted, dot, length, plain, semicolons, upper


def changes_topic(policy: Policy, names: Names) -> Topic:
    """Change requests and risk."""
    changes = policy.changes
    categories = changes.categories.items()
    return topic(
        "changes",
        "Changes and risk",
        (
            paragraph(*_needed(policy, names)),
            listing(
                "A change request goes through these steps:", (_step(names, s) for s in changes.workflow), ordered=True
            ),
            listing(
                "Change requests are of these categories:",
                (Item(_category(names, c), c.title, n) for n, c in categories),
            ),
            *_risk(changes.risk),
        ),
        not_yet=not_yet(of_roots(policy, "changes")),
    )


def _needed(policy: Policy, names: Names) -> Iterator[str]:
    changes = policy.changes
    if changes.required:
        yield f"Nothing goes to {names.environments(changes.required)} without an approved change request."
    if changes.tickets:
        yield f"Its ticket lives at {dot(changes.tickets)}"


_KINDS = {
    "request": "It is done by opening the change request.",
    "assessment": "It is done by assessing the impact, and the change request is not submitted before.",
    "decision": "It is done by the approvals, which are given to what was submitted.",
    "afterwards": "It is done when the release went, before the change request is closed.",
}


def _step(names: Names, step: WorkflowStep) -> Item:
    by = f" Done by {names.group(step.by)}." if step.by else ""
    kind = f" {_KINDS[step.kind]}" if step.kind in _KINDS else ""
    return Item(f"{dot(step.says)}{by}{kind}", upper(plain(step.name)), step.name)


def category_sentences(names: Names, category: ChangeCategory) -> Iterator[str]:
    """What a category asks for."""
    if category.preapproved:
        yield "A change of its catalogue needs no approval of its own."
    if category.catalogue:
        yield f"Approved beforehand: {dot(semicolons(category.catalogue))}"
    if category.approvals:
        yield f"It takes the yes of {'; and of '.join(map(names.approval, category.approvals))}."
    if category.steps:
        yield f"It goes through {counted(len(category.steps), 'step')}: {all_of(map(plain, category.steps))}."
    if category.within:
        yield f"It is decided within {length(category.within)} after it was submitted."
    if category.board:
        yield f"It comes before {names.group(category.board)}, whose members name the minutes with their yes."


def _category(names: Names, category: ChangeCategory) -> str:
    return " ".join(category_sentences(names, category)) or "It asks for nothing of its own."


def _risk(risk: Risk) -> Iterator[Paragraph | None]:
    if risk == Risk():
        return
    yield paragraph(
        f"Risk has {counted(len(risk.levels), 'level')}, the lowest first: {all_of(map(plain, risk.levels))}."
    )
    matrix = matrix_of(risk)
    if matrix is not None:
        lead = (
            "Impact (rows) and probability (columns) give the level; where it is undecided, the higher of both holds:"
        )
        head = ("Impact", *(upper(plain(p)) for p in matrix.probabilities))
        rows = tuple((upper(plain(row[0].impact)), *map(cell_text, row)) for row in matrix.rows)
        yield Paragraph((lead,), table=Table(head, rows))
    yield paragraph(
        "Beside it a level is computed from facts: the size of the change, migrations, files that were often broken, "
        "the time since the last deployment, rollouts that were taken back.",
        "Where that is above the stated level, "
        + ("it holds instead." if risk.facts == "raise" else "it is told, and the stated one holds."),
        f"A file counts as broken before where a fix touched it within {length(risk.fixes_within)}.",
    )
    yield listing(
        "What the release must show, by level:",
        (
            Item(dot(semicolons(shown)), upper(plain(level)), level)
            for level, shown in risk.mitigations.items()
            if shown
        ),
    )
    yield listing("Risk is lowered by:", risk.strategies)


def cell_text(cell: Cell) -> str:
    """The level, or that it is undecided and what holds meanwhile."""
    if not cell.undecided:
        return plain(cell.level)
    return f"undecided; {plain(cell.level)} holds" if cell.level else "undecided"


def matrix_of(risk: Risk) -> Matrix | None:
    """The grid, with what is undecided; None where the policy has no matrix."""
    if not risk.matrix:
        return None
    named = [name for columns in risk.matrix.values() for name in columns]
    probabilities = list(dict.fromkeys([*risk.levels, *named]))
    impacts = list(dict.fromkeys([*reversed(risk.levels), *risk.matrix]))
    rows = tuple(tuple(_cell(risk, impact, probability) for probability in probabilities) for impact in impacts)
    return Matrix(risk.levels, tuple(probabilities), rows)


def _cell(risk: Risk, impact: str, probability: str) -> Cell:
    level = risk.matrix.get(impact, {}).get(probability)
    if level is not None:
        return Cell(impact, probability, level, False)
    return Cell(impact, probability, stated_level(risk, impact, probability)[0], True)
