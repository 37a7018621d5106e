"""Every gate passes on the newest evidence of each of its kinds and sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from tidegate.core.decision import Finding
from tidegate.core.duration import format_duration
from tidegate.core.evidence import Evidence
from tidegate.core.evidence_kind import KINDS, STATED
from tidegate.core.facts import Item
from tidegate.core.policy import Gate
from tidegate.core.rules.backup import of_backups
from tidegate.core.rules.demands import gate_names
from tidegate.core.rules.document import SOURCE, of_documents
from tidegate.core.rules.rule import START, Chapter, Context, Found, Rule, cannot_tell, denies
from tidegate.core.rules.saying import at, names
from tidegate.core.rules.waiver import waived
from tidegate.core.subject import Part
from tidegate.core.verdict import Verdict, combine


class _Heard(NamedTuple):
    """What one piece of evidence, or the lack of one, says of a gate; ``remedy`` is empty where it passes."""

    verdict: Verdict
    said: str
    remedy: str = ""
    report: str = ""


def _missing(context: Context, item: Item, kind: str, source: str | None) -> _Heard:
    origin = f" from {source}" if source else ""
    return _Heard(
        Verdict.CANNOT_TELL,
        f"there is no {kind} evidence{origin} for {item.component}",
        _add(context, item, kind, source),
    )


def _add(context: Context, item: Item, kind: str, source: str | None) -> str:
    release, option = context.facts.release.id, f" --source {source}" if source else ""
    # A release of one component needs no name of it, and none of several could be opened before this was asked.
    option += f" --component {item.component}" if len(context.facts.release.items) > 1 else ""
    if context.since(3):
        where = f" --environment {context.question.environment}" if Part.TARGETS in KINDS[kind].binds else ""
        way = _WAYS.get(kind, "add a new {kind} report: tidegate evidence add {release} FILE{option}")
        place = context.question.environment
        return way.format(kind=kind, release=release, option=option + where, place=place)
    return f"add a new {kind} report: tidegate evidence add {release} FILE{option}"


_WAYS = {
    "command": "have it run: tidegate evidence run {release}{option} --expects TEXT -- COMMAND",
    "reviews": "add a new report: tidegate evidence add {release} FILE{option}, or count trailers: "
    "tidegate evidence reviews {release}",
    "documents": "look at each: tidegate document list {release}",
    "environment": "compare it: tidegate environment check {place} --facts FILE --release {release}",
    "benchmark": "add a new benchmark report: tidegate evidence add {release} FILE --baseline EARLIER{option}",
    **{
        kind: f"state it: tidegate evidence state {{release}} {kind} FIELD=VALUE...{{option}}"
        for kind in STATED
        if kind not in ("environment", "performance")  # these are compared, and measured
    },
}
"""How evidence comes by that is not simply read from a report."""


def _why_not(context: Context, item: Item, gate: Gate, piece: Evidence, binding: Mapping[str, str]) -> str:
    """Why a piece counts as none; empty when it counts."""
    if piece.bound != binding:
        why = _why_unbound(context, item, piece)
        if why:
            return why
    if piece.taken_at > context.now:
        return "says it was taken in the future"
    if gate.fresh is not None and context.now - piece.taken_at > gate.fresh:
        return f"is older than {format_duration(gate.fresh)}"
    return ""


def _why_unbound(context: Context, item: Item, piece: Evidence) -> str:
    """Why a piece does not speak of this subject; empty where it is bound to more than its kind asks, and all is so."""
    changed = item.subject.changed_parts(piece.bound, context.question.environment)
    if changed:
        return f"is of another {' and '.join(changed)}"
    missing = sorted(KINDS[piece.kind].binds - piece.bound.keys())
    return f"does not say of which {' and '.join(missing)} it is" if missing else ""


_Told = tuple[Verdict, str, str]
"""What comes of the values of a piece: the verdict, the clauses as they are told, and what would pass."""

_Seen = dict[tuple[object, ...], _Told]
"""What came of values that were judged already: of many scans, most find the same, which is nothing."""


def _told(context: Context, name: str, piece: Evidence, seen: _Seen) -> _Told:
    values = piece.values.values()
    # With their types, since True is 1 and 1.0 is 1, and are told otherwise.
    key = (piece.kind, *piece.values, *values, *map(type, values))
    try:
        told = seen.get(key)
    except TypeError:  # a list, which no kind has today
        return _judged(context, name, piece)
    if told is None:
        told = seen[key] = _judged(context, name, piece)
    return told


def _judged(context: Context, name: str, piece: Evidence) -> _Told:
    outcome = context.rulebook.conditions[name].evaluate({KINDS[piece.kind].root: piece.values})
    needs = [clause.needs or clause.text for clause in outcome.clauses if clause.verdict is not Verdict.ALLOW]
    return outcome.verdict, ", ".join(map(str, outcome.clauses)), " and ".join(needs)


def _hear(
    context: Context, item: Item, name: str, gate: Gate, piece: Evidence, binding: Mapping[str, str], seen: _Seen
) -> _Heard:
    origin = f"{piece.kind} from {piece.source}"
    why = _why_not(context, item, gate, piece, binding)
    if why:
        remedy = _add(context, item, piece.kind, piece.source)
        return _Heard(Verdict.CANNOT_TELL, f"{origin} {why}", remedy, piece.report)
    verdict, clauses, needs = _told(context, name, piece, seen)
    said = f"{origin}: {clauses}"
    if verdict is Verdict.ALLOW:
        return _Heard(verdict, said, "", piece.report)
    return _Heard(verdict, said, f"reach {needs}, then {_add(context, item, piece.kind, piece.source)}", piece.report)


def _hearings(context: Context, item: Item, name: str, gate: Gate) -> Iterator[_Heard]:
    seen: _Seen = {}
    for kind in dict.fromkeys(gate.evidence):
        pieces: Sequence[Evidence] = [
            piece
            for piece in context.known.evidence(context.facts, context.question.environment, item.component, kind)
            if gate.source is None or piece.source == gate.source
        ]
        if not pieces and kind == "documents" and gate.source in (None, SOURCE) and context.since(3):
            pieces = of_documents(context, item)
        if kind == "backup" and context.since(3):
            pieces = [*pieces, *of_backups(context, item, gate.source)]
        binding = context.known.binding(item, kind, context.question.environment)
        for piece in pieces:
            yield _hear(context, item, name, gate, piece, binding, seen)
        if not pieces:
            yield _missing(context, item, kind, gate.source)


def _check_gate(context: Context, item: Item, name: str, gate: Gate) -> Finding:
    heard = list(_hearings(context, item, name, gate))
    against = [h for h in heard if h.verdict is not Verdict.ALLOW]
    found = Finding(
        f"gate.{name}",
        combine([h.verdict for h in heard]),
        # What stands in the way comes first.
        "; ".join([h.said for h in against] + [h.said for h in heard if h.verdict is Verdict.ALLOW]),
        "; ".join(dict.fromkeys(h.remedy for h in against)),
        looked_at=tuple([h.report for h in heard if h.report]),
    )
    if found.verdict is Verdict.ALLOW or gate.waiver is None or not context.since(3):
        return found
    return _or_waived(context, name, gate, found)


def _or_waived(context: Context, name: str, gate: Gate, found: Finding) -> Finding:
    """The finding of a gate that does not pass, after looking whether it is waived; what it said is still told."""
    waiver = waived(context, name, gate)
    if waiver is None:
        return _with(found, "", _waive(context, name, "--reason TEXT --until DATE", "ask for a waiver"))
    mark = waiver.mark
    if waiver.holds:
        said = (
            f"waived until {at(context, waiver.ends_at)}: {mark.actor.person} asked and {names(waiver.agreed)} agreed: "
            f'"{mark.reason}"; without the waiver: {_WORDS[found.verdict]}: {found.message}'
        )
        return Finding(found.rule, Verdict.ALLOW, said, looked_at=(*found.looked_at, mark.id), notable=True)
    if waiver.open_to:
        remedy = _waive(context, name, "--agree", f"have {names(waiver.open_to)} agree to the waiver")
    else:
        remedy = _waive(context, name, "--reason TEXT --until DATE", "ask for a waiver")
    return _with(found, f"; the waiver that {mark.actor.person} asked for does not hold: {waiver.why}", remedy)


_WORDS = {Verdict.DENY: "it does not pass", Verdict.CANNOT_TELL: "nobody can tell"}


def _waive(context: Context, name: str, how: str, what: str) -> str:
    return f"{what}: tidegate waive {context.facts.release.id} {name} {how}"


def _with(found: Finding, said: str, remedy: str) -> Finding:
    return Finding(
        found.rule, found.verdict, found.message + said, f"{found.remedy}; or {remedy}", looked_at=found.looked_at
    )


def gate_findings(context: Context, name: str) -> list[Finding]:
    """What the rule finds of one gate, of each component."""
    items = sorted(context.facts.release.items, key=lambda i: i.component)
    gate = context.policy.gates.get(name)
    if gate is None:
        return [denies(f"gate.{name}", f'the policy has no gate "{name}"', f"declare gates.{name}")]
    if name not in context.rulebook.conditions:
        remedy = f"check gates.{name}: tidegate policy check"
        return [cannot_tell(f"gate.{name}", "its condition is not compiled", remedy)]
    return [_check_gate(context, item, name, gate) for item in items]


def _check(context: Context) -> Iterator[Found]:
    for name in gate_names(context):
        yield from gate_findings(context, name)


RULE = Rule(
    "gate",
    "Every gate passes on the newest evidence of each of its kinds and sources, about this very subject.",
    "HD-03, HD-08, TP-11, 7D-04",
    START,
    _check,
    chapter=Chapter.EVIDENCE,
    keys=("gates.{name}", "environments.{environment}.gates", "release_types.{type}.gates"),
)
