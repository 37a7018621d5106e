"""What a release must show: gates with their numbers, documents, checklists, and releases with a plan filled in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tidegate.core.policy import Checklist, ChecklistItem, Document, Gate, Policy, ReleaseTemplate
from tidegate.views.explain.conditions import condition_in_words
from tidegate.views.explain.model import Item, Paragraph, Topic, listing, topic
from tidegate.views.explain.names import Names
from tidegate.views.explain.not_yet import not_yet, of_roots, of_value
from tidegate.views.explain.words import all_of, article, code, codes, dot, length, upper

ONLY = {
    "breaking": "only of breaking changes",
    "migrations": "only of releases with migrations",
    "downtime": "only of releases with downtime",
    "if-needed": "unless it is ticked as not needed, with a reason",
}
"""Of which releases something is asked; not of ``always``."""


def gates_topic(policy: Policy, names: Names) -> Topic:
    """Every gate, with its numbers in words and as they are written."""
    lead = "A gate passes when its condition holds of the newest evidence; what cannot be told never passes."
    return topic(
        "gates",
        "Gates",
        (
            listing(
                lead,
                (Item(_whole_gate(names, gate), names.heading(policy.gates, n), n) for n, gate in policy.gates.items()),
            ),
        ),
        not_yet=not_yet(of_roots(policy, "gates")),
    )


def gate_item(policy: Policy, names: Names, name: str) -> Item:
    """A gate where it is asked for: what it asks, in words."""
    gate = policy.gates.get(name)
    if gate is None:
        return Item("Not declared in this policy, so that it never passes.", names.heading(policy.gates, name))
    return Item(upper(dot(_asks(gate))), names.heading(policy.gates, name))


def _asks(gate: Gate) -> str:
    fresh = f"; the evidence is at most {length(gate.fresh)} old" if gate.fresh else ""
    return f"{condition_in_words(gate.condition)}{fresh}"


def _whole_gate(names: Names, gate: Gate) -> str:
    said = [upper(dot(_asks(gate)))]
    each = ", each by itself" if len(gate.evidence) > 1 else ""
    source = f", of the source {code(gate.source)} alone" if gate.source else ""
    kinds = f"the kind{'s' if len(gate.evidence) > 1 else ''} {codes(gate.evidence)}"
    said.append(f"It looks at evidence of {kinds}{each}{source}.")
    said.append(f"As written: {code(gate.condition)}.")
    if gate.types:
        said.append(f"It is asked of {names.types(gate.types)} only.")
    if gate.waiver:
        said.append(
            f"A release that does not pass may be let through by {names.approval(gate.waiver.by)}; with a reason, "
            f"for at most {length(gate.waiver.lasts)}."
        )
    return " ".join(said)


def documents_topic(policy: Policy, names: Names) -> Topic:
    """Everything that is written for a release."""
    return topic(
        "documents",
        "Documents",
        (listing("These are written for releases:", (document_item(policy, names, n) for n in policy.documents)),),
        not_yet=not_yet(of_roots(policy, "documents")),
    )


def document_item(policy: Policy, names: Names, name: str) -> Item:
    """A document: where it lies, what is in it, when it is asked for, who reviews it."""
    known = policy.documents.get(name)
    if known is None:
        return Item("Not described in this policy.", names.heading(policy.documents, name))
    return Item(" ".join(_document(names, known)) or "Nothing more is said of it.", known.title, name)


def document_briefly(policy: Policy, names: Names, name: str) -> str:
    """A document, and when it is asked for: ``“Migration guide” (only of breaking changes)``."""
    known = policy.documents.get(name)
    when = f" ({ONLY[known.only]})" if known and known.only != "always" else ""
    return f"“{names.document(name)}”{when}"


def _document(names: Names, document: Document) -> Iterator[str]:
    if document.only != "always":
        yield f"It is asked for {ONLY[document.only]}."
    if document.path:
        yield f"It lies at {code(document.path)}."
    if document.template:
        yield f"It is begun from {code(document.template)}; unedited, it counts as missing."
    if document.sections:
        several = "these sections" if len(document.sections) > 1 else "this section"
        yield f"It has {several}, with something in each: {dot(', '.join(document.sections))}"
    if document.reviewed_by:
        yield f"It is reviewed by {names.group(document.reviewed_by)}."
    if document.audience:
        yield f"It is for {all_of(map(names.audience, document.audience))}."


def checklists_topic(policy: Policy, names: Names) -> Topic:
    """Every checklist, point by point."""
    return topic(
        "checklists",
        "Checklists",
        (),
        topics=(checklist_topic(names, name, checklist) for name, checklist in policy.checklists.items()),
        not_yet=not_yet(of_roots(policy, "checklists")),
    )


def checklist_topic(names: Names, name: str, checklist: Checklist, type: str = "") -> Topic:  # noqa: A002
    """One checklist; of a release type only the points that are asked of it."""
    asked = {k: item for k, item in checklist.items.items() if not type or not item.types or type in item.types}
    headings = dict.fromkeys(item.heading or "" for item in asked.values())
    return topic(
        f"checklist-{name}" + (f"~{type}" if type else ""),
        checklist.title,
        (_points(names, heading, asked.items(), bool(type)) for heading in headings),
        key=name,
    )


def _points(names: Names, heading: str, items: Iterable[tuple[str, ChecklistItem]], of_type: bool) -> Paragraph | None:
    below = [Item(_point(names, item, of_type), key=k) for k, item in items if (item.heading or "") == heading]
    return listing(f"{heading.rstrip(':')}:" if heading else "", below)


def _point(names: Names, item: ChecklistItem, of_type: bool) -> str:
    ticked = [f"somebody of {names.group(item.by)}"] if item.by else []
    ticked += [f"the gate “{names.gate(item.gate)}”"] if item.gate else []
    ticked += [f"the document “{names.document(item.document)}” by being there"] if item.document else []
    said = [dot(item.says)]
    if ticked:
        said.append(f"Ticked by {all_of(ticked)}.")
    if item.types and not of_type:
        said.append(f"Asked of {names.types(item.types)}.")
    if item.only != "always":
        said.append(f"Asked {ONLY[item.only]}.")
    return " ".join(said)


def templates_topic(policy: Policy, names: Names) -> Topic:
    """Releases whose plan is already filled in."""
    return topic(
        "release-templates",
        "Prepared releases",
        (
            listing(
                "These releases have their plan already filled in:",
                (Item(_template(names, one), one.title, name) for name, one in policy.release_templates.items()),
            ),
        ),
    )


def _template(names: Names, template: ReleaseTemplate) -> str:
    what = all_of(map(names.component, template.components)) or "the components that are named when it is opened"
    more = [f"the document “{names.document(d)}”" for d in template.documents]
    more += [f"the checklist “{names.checklist(c)}”" for c in template.checklists]
    besides = f" Besides what its type asks for it has {all_of(more)}." if more else ""
    return f"{upper(article(names.type(template.type)))} of {what}.{besides}"


def asked_not_yet(policy: Policy, gates: Iterable[str]) -> Iterator[str]:
    """The keys of these gates that nothing acts on yet."""
    for name in gates:
        if name in policy.gates:
            yield from of_value(policy.gates[name], "gates")
