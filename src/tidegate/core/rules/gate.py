"""Every gate passes on the newest evidence of each of its kinds and sources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tidegate.core.decision import Finding
from tidegate.core.duration import format_duration
from tidegate.core.evidence import Evidence
from tidegate.core.evidence_kind import KINDS
from tidegate.core.facts import Item
from tidegate.core.policy import Gate
from tidegate.core.rules.demands import gate_names
from tidegate.core.rules.rule import START, Context, Found, Rule, cannot_tell, denies
from tidegate.core.verdict import Verdict, combine


@dataclass(frozen=True, slots=True)
class _Heard:
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
        _add(context, kind, source),
    )


def _add(context: Context, kind: str, source: str | None) -> str:
    option = f" --source {source}" if source else ""
    return f"add a new {kind} report: tidegate evidence add {context.facts.release.id} FILE{option}"


def _why_not(context: Context, item: Item, gate: Gate, piece: Evidence) -> str:
    """Why a piece counts as none; empty when it counts."""
    if piece.bound != context.known.binding(item, piece.kind, context.question.environment):
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


def _hear(context: Context, item: Item, name: str, gate: Gate, piece: Evidence) -> _Heard:
    origin = f"{piece.kind} from {piece.source}"
    why = _why_not(context, item, gate, piece)
    if why:
        return _Heard(
            Verdict.CANNOT_TELL, f"{origin} {why}", _add(context, piece.kind, piece.source), report=piece.report
        )
    outcome = context.rulebook.conditions[name].evaluate({KINDS[piece.kind].root: piece.values})
    said = f"{origin}: {', '.join(map(str, outcome.clauses))}"
    if outcome.verdict is Verdict.ALLOW:
        return _Heard(Verdict.ALLOW, said, report=piece.report)
    needs = " and ".join(
        clause.needs or clause.text for clause in outcome.clauses if clause.verdict is not Verdict.ALLOW
    )
    remedy = f"reach {needs}, then {_add(context, piece.kind, piece.source)}"
    return _Heard(outcome.verdict, said, remedy, piece.report)


def _hearings(context: Context, item: Item, name: str, gate: Gate) -> Iterator[_Heard]:
    for kind in dict.fromkeys(gate.evidence):
        pieces: Sequence[Evidence] = [
            piece
            for piece in context.known.evidence(context.facts, context.question.environment, item.component, kind)
            if gate.source is None or piece.source == gate.source
        ]
        for piece in pieces:
            yield _hear(context, item, name, gate, piece)
        if not pieces:
            yield _missing(context, item, kind, gate.source)


def _check_gate(context: Context, item: Item, name: str, gate: Gate) -> Finding:
    heard = list(_hearings(context, item, name, gate))
    against = [h for h in heard if h.verdict is not Verdict.ALLOW]
    return Finding(
        f"gate.{name}",
        combine([h.verdict for h in heard]),
        # What stands in the way comes first.
        "; ".join([h.said for h in against] + [h.said for h in heard if h.verdict is Verdict.ALLOW]),
        "; ".join(dict.fromkeys(h.remedy for h in against)),
        looked_at=tuple([h.report for h in heard if h.report]),
    )


def _check(context: Context) -> Iterator[Found]:
    items = sorted(context.facts.release.items, key=lambda i: i.component)
    for name in gate_names(context):
        gate = context.policy.gates.get(name)
        if gate is None:
            yield denies(f"gate.{name}", f'the policy has no gate "{name}"', f"declare gates.{name}")
        elif name not in context.rulebook.conditions:
            yield cannot_tell(
                f"gate.{name}", "its condition is not compiled", f"check gates.{name}: tidegate policy check"
            )
        else:
            yield from (_check_gate(context, item, name, gate) for item in items)


RULE = Rule(
    "gate",
    "Every gate passes on the newest evidence of each of its kinds and sources, about this very subject.",
    "HD-03, HD-08, TP-11, 7D-04",
    START,
    _check,
)
