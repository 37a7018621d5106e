"""Every point of a release's checklists is ticked: by a person, by a gate that passes, or by a document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tidegate.core.decision import Finding
from tidegate.core.mark import Mark, MarkKind
from tidegate.core.policy import ChecklistItem
from tidegate.core.rules.demands import checklist_names
from tidegate.core.rules.document import applies, document_finding
from tidegate.core.rules.gate import gate_findings
from tidegate.core.rules.marks import marks_of, may_tick, subject_anywhere, why_not
from tidegate.core.rules.rule import START, Chapter, Context, Found, Rule, cannot_tell, denies, passes
from tidegate.core.rules.saying import count, names
from tidegate.core.verdict import Verdict, combine

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Point:
    """How a point of a checklist stands: ticked, open, or nobody can tell; ``said`` is why, ``people`` who may tick it.

    ``asked`` is False where it is not asked of this release.
    """

    name: str
    item: ChecklistItem
    verdict: Verdict
    said: str
    people: frozenset[str] = frozenset()
    looked_at: tuple[str, ...] = ()
    asked: bool = True

    @property
    def ticked(self) -> bool:
        """Whether it is done with."""
        return self.verdict is Verdict.ALLOW


def points(context: Context, name: str) -> list[Point]:
    """How each point of a checklist stands, in the checklist's order."""
    checklist = context.policy.checklists.get(name)
    return [_point(context, name, key, item) for key, item in checklist.items.items()] if checklist else []


def _point(context: Context, checklist: str, key: str, item: ChecklistItem) -> Point:
    if item.types and context.facts.release.type not in item.types:
        return Point(key, item, Verdict.ALLOW, f"not asked of {context.facts.release.type} releases", asked=False)
    answers = {applies(context, one, item.only) for one in context.facts.release.items}
    if answers == {False}:
        return Point(key, item, Verdict.ALLOW, f"not asked: the release has no {_NONE[item.only]}", asked=False)
    heard = [*_by_gate(context, item), *_by_document(context, item)]
    if item.by is not None or not (item.gate or item.document):
        return _ticked_by_person(context, checklist, key, item, heard)
    against = [finding for finding in heard if finding.verdict is not Verdict.ALLOW]
    said = "; ".join(finding.rule for finding in against or heard) or "nothing is asked"
    looked = tuple(found for finding in heard for found in finding.looked_at)
    return Point(key, item, combine([finding.verdict for finding in heard]), said, looked_at=looked)


_NONE = {"breaking": "breaking change", "migrations": "change of migrations"}


def _by_gate(context: Context, item: ChecklistItem) -> list[Finding]:
    if item.gate is None:
        return []
    gate = context.policy.gates.get(item.gate)
    if gate is not None and gate.types and context.facts.release.type not in gate.types:
        return [passes(f"gate.{item.gate}", "it is not asked of this type")]
    return gate_findings(context, item.gate)


def _by_document(context: Context, item: ChecklistItem) -> list[Finding]:
    if item.document is None:
        return []
    rule = f"document.{item.document}"
    items = sorted(context.facts.release.items, key=lambda i: i.component)
    found = [document_finding(context, one, item.document) for one in items]
    return [finding or passes(rule, "it is not asked for") for finding in found]


def _ticked_by_person(context: Context, checklist: str, key: str, item: ChecklistItem, heard: list[Finding]) -> Point:
    people, subject = may_tick(context.policy, item), subject_anywhere(context)
    given = [mark for mark in marks_of(context, MarkKind.TICK, checklist) if mark.part == key]
    void: dict[str, None] = {}
    standing: list[Mark] = []
    for mark in given:
        why = why_not(context, mark, people, subject) or _why_needed(item, mark)
        if why:
            void[why] = None
        else:
            standing.append(mark)
    against = [finding for finding in heard if finding.verdict is not Verdict.ALLOW]
    if standing and not against:
        return Point(key, item, Verdict.ALLOW, _told(standing[-1]), people, (standing[-1].id,))
    lacks = [] if standing else [f"nobody of {item.by} has ticked it" if item.by else "nobody has ticked it", *void]
    said = "; ".join([*lacks, *(finding.rule for finding in against)])
    verdict = combine([finding.verdict for finding in against]) if standing else Verdict.DENY
    return Point(key, item, verdict, said, people)


def _why_needed(item: ChecklistItem, mark: Mark) -> str:
    return f"{mark.actor.person} says that it is not needed" if mark.not_needed and item.only != "if-needed" else ""


def _told(mark: Mark) -> str:
    return f'{mark.actor.person}: not needed: "{mark.reason}"' if mark.not_needed else f"ticked by {mark.actor.person}"


def _finding(context: Context, name: str) -> Finding:
    rule, checklist = f"{RULE.id}.{name}", context.policy.checklists.get(name)
    if checklist is None:
        return denies(rule, f'the policy has no checklist "{name}"', f"declare checklists.{name}")
    asked = [point for point in points(context, name) if point.asked]
    left = [point for point in asked if not point.ticked]
    looked = [found for point in asked for found in point.looked_at]
    if not left:
        return passes(rule, f"{count(len(asked), 'point')} of {checklist.title}: all are ticked", looked)
    shown = "; ".join(f'"{point.item.says}": {point.said}' for point in left[:_SHOWN])
    more = f"; and {len(left) - _SHOWN} more" if len(left) > _SHOWN else ""
    said = f"{len(left)} of {count(len(asked), 'point')} of {checklist.title} {_are(left)} open: {shown}{more}"
    verdict = combine([point.verdict for point in left])
    say = denies if verdict is Verdict.DENY else cannot_tell
    return say(rule, said, _remedy(context, name, left), looked)


def _are(left: list[Point]) -> str:
    return "is" if len(left) == 1 else "are"


def _remedy(context: Context, name: str, left: list[Point]) -> str:
    release = context.facts.release.id
    mine = [point for point in left if point.people]
    look = f"look at each: tidegate checklist show {release}"
    if any(point.item.document for point in left):
        look += f", and tidegate document list {release}"
    if not mine:
        return look
    first = mine[0]
    return f"tidegate checklist tick {release} {name} {first.name}, by one of: {names(first.people)}; {look}"


def _check(context: Context) -> Iterator[Found]:
    for name in checklist_names(context):
        yield _finding(context, name)


RULE = Rule(
    "checklist",
    "Every point of the checklists is ticked: by a person, by a gate that passes, or by a document that is there.",
    "HD-03, TP-02, TP-11, 7D-04, M1-09, M2-02",
    START,
    _check,
    since=3,
    chapter=Chapter.EVIDENCE,
    keys=("checklists.{name}", "environments.{environment}.checklists", "release_types.{type}.checklists"),
)
