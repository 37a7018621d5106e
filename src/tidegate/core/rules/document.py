"""What is to be written for a release is there and filled in, and was reviewed where that is asked."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.canonical import digest_of
from tidegate.core.decision import Finding
from tidegate.core.evidence import Evidence
from tidegate.core.facts import Item
from tidegate.core.mark import MarkKind
from tidegate.core.paper import ATTACHED, Fault, Kind, Paper, faults, path_of
from tidegate.core.policy import Document
from tidegate.core.rules.content import level_of
from tidegate.core.rules.demands import document_names
from tidegate.core.rules.marks import authors_of, marks_of, why_not
from tidegate.core.rules.rule import START, Chapter, Context, Found, Rule, cannot_tell, denies, passes
from tidegate.core.rules.saying import names
from tidegate.core.version import Level

SOURCE = "the release itself"


def applies(context: Context, item: Item, only: str) -> bool | None:
    """Whether something that is asked for only of such changes is asked of this item; None where nobody can tell."""
    match only:
        case "breaking":
            return any(change.breaking or level_of(change) is Level.MAJOR for change in item.changes)
        case "migrations":
            found = {fact.changes for fact in context.facts.migrates if fact.component == item.component}
            return True if True in found else False if found == {False} else None
        case "downtime":
            return context.facts.release.downtime
    return True


def document_finding(context: Context, item: Item, name: str) -> Finding | None:
    """What is found of one document of one component; None where it is not asked for."""
    rule, document = f"{RULE.id}.{name}", context.policy.documents.get(name)
    if document is None:
        return denies(rule, f'the policy has no document "{name}"', f"declare documents.{name}")
    asked = applies(context, item, document.only)
    if asked is False:
        return None
    paper = paper_of(context, item, name, document)
    if paper is None:
        what = f"nobody has looked for {document.title} of {item.component}"
        return cannot_tell(rule, what, "ask where the repository is, by a command or a worker of this version")
    wrong = faults(paper, document)
    if asked is None and wrong:
        what = f"{document.title} of {item.component} is asked for {_ONLY[document.only]}, and nobody can tell"
        return cannot_tell(rule, f"{what}: {wrong[0].said}", _SAY[document.only].format(context.facts.release.id))
    if wrong:
        return _wrong(context, item, name, document, paper, wrong)
    return _reviewed(context, item, name, document, paper)


_ONLY = {"migrations": "where migrations change", "downtime": "where systems stand still"}
_SAY = {
    "migrations": "ask where the repository is, with its whole history; or write it",
    "downtime": "say whether it has downtime: tidegate release amend {} --downtime, or --no-downtime; or write it",
}


def paper_of(context: Context, item: Item, name: str, document: Document) -> Paper | None:
    """The document of a component as it was found where this policy says that it lies; None: nobody has looked."""
    where = path_of(document, item.component, item.to_version) or ATTACHED
    found = [
        paper
        for paper in context.facts.papers
        if (paper.document, paper.component, paper.where) == (name, item.component, where)
    ]
    return min(found, key=lambda paper: (paper.digest, repr(paper)), default=None)


def _wrong(
    context: Context, item: Item, name: str, document: Document, paper: Paper, wrong: tuple[Fault, ...]
) -> Finding:
    about = f"{document.title} of {item.component} {item.to_version}"
    said = f"{about}: {'; '.join(fault.said for fault in wrong)}"
    remedy = "; ".join(dict.fromkeys(_remedy(context, name, paper, fault) for fault in wrong))
    unknown = all(fault.kind is Kind.UNKNOWN for fault in wrong)
    looked = [paper.digest] if paper.digest else []
    rule = f"{RULE.id}.{name}"
    return cannot_tell(rule, said, remedy, looked) if unknown else denies(rule, said, remedy, looked)


def _remedy(context: Context, name: str, paper: Paper, fault: Fault) -> str:
    if fault.kind is Kind.UNKNOWN:
        return fault.remedy
    release = context.facts.release.id
    attach = f"tidegate document attach {release} {name} FILE"
    if paper.where == ATTACHED:
        return f"write it and attach it: {attach}" if not fault.remedy else f"{fault.remedy}, then {attach}"
    return _in_the_repository(context, name, paper.component, fault)


def _in_the_repository(context: Context, name: str, component: str, fault: Fault) -> str:
    """What to write and what then: what is released does not change, and a version is released once."""
    if not fault.remedy:
        # Without a version: what is opened again has another one, and it is written for that.
        begin = f"begin it with tidegate document new {name} --of {component}"
        return f"{begin}, commit it, and open the release again"
    if "{version}" in (context.policy.documents[name].path or ""):
        return (
            f"{fault.remedy}, commit it for the next version, and open that: "
            f"tidegate release open {component} --version VERSION"
        )
    return f"{fault.remedy}, commit it, and open the release again"


def _reviewed(context: Context, item: Item, name: str, document: Document, paper: Paper) -> Finding:
    rule, group = f"{RULE.id}.{name}", document.reviewed_by
    about = f"{document.title} of {item.component} is there"
    if group is None:
        return passes(rule, f"{about} ({paper.where})", [paper.digest])
    people = context.policy.people_of(group) - authors_of(context)
    given = [m for m in marks_of(context, MarkKind.REVIEW, name) if m.part == item.component]
    why = {mark.id: why_not(context, mark, people, paper.digest) for mark in given}
    standing = [mark for mark in given if not why[mark.id]]
    if standing:
        who = names({mark.actor.person for mark in standing})
        return passes(rule, f"{about} ({paper.where}), reviewed by {who}", [paper.digest, *(m.id for m in standing)])
    lost = list(dict.fromkeys(why.values()))
    of = f" --of {item.component}" if len(context.facts.release.items) > 1 else ""
    return denies(
        rule,
        f"{about} ({paper.where}), and nobody of {group} has reviewed it"
        + (f"; not counted: {'; '.join(lost)}" if lost else ""),
        f"tidegate document review {context.facts.release.id} {name}{of}, by one of: {names(people)}",
        [paper.digest],
    )


def of_documents(context: Context, item: Item) -> list[Evidence]:
    """What can be counted of an item's documents, as evidence: gates may name it, and nobody need report it.

    Where no document is asked for nothing is counted, so that a gate on them does not pass for want of any.
    """
    counts = dict.fromkeys(("required", "present", "unedited", "empty_sections"), 0)
    for name in document_names(context):
        document = context.policy.documents.get(name)
        if document is not None and applies(context, item, document.only) is not False:
            paper = paper_of(context, item, name, document)
            kinds = [fault.kind for fault in faults(paper, document)] if paper else [Kind.MISSING]
            counts["required"] += 1
            counts["present"] += not {Kind.MISSING, Kind.EMPTY, Kind.UNKNOWN} & set(kinds)
            counts["unedited"] += Kind.UNEDITED in kinds
            counts["empty_sections"] += kinds.count(Kind.EMPTY_SECTION) + kinds.count(Kind.ABSENT_SECTION)
    bound = context.known.binding(item, "documents", context.question.environment)
    now = context.now
    found = Evidence(item.component, "documents", SOURCE, bound, counts, now, now, digest_of(counts), "tidegate")
    return [found] if counts["required"] else []


def _check(context: Context) -> Iterator[Found]:
    for name in document_names(context):
        for item in sorted(context.facts.release.items, key=lambda i: i.component):
            found = document_finding(context, item, name)
            if found is not None:
                yield found


RULE = Rule(
    "document",
    "What is to be written for a release is there and filled in, and was reviewed where that is asked.",
    "M1-08, M1-23, M2-06, TP-14, 7D-09",
    START,
    _check,
    since=3,
    chapter=Chapter.EVIDENCE,
    keys=("documents.{name}", "environments.{environment}.documents", "release_types.{type}.documents"),
)
