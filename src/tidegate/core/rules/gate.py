"""Every gate passes on the newest evidence of each of its kinds and sources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.duration import format_duration
from tidegate.core.evidence import Evidence, newest
from tidegate.core.evidence_kind import KINDS
from tidegate.core.facts import Item
from tidegate.core.policy import Gate
from tidegate.core.rules.demands import gate_names
from tidegate.core.rules.rule import START, Context, Found, Rule, cannot_tell, denies
from tidegate.core.verdict import Verdict, combine
from tidegate.core.decision import Finding


def _of_kind(context: Context, gate: Gate, kind: str, pieces: Sequence[Evidence]) -> list[Evidence]:
    return [
        piece
        for piece in pieces
        if piece.kind == kind
        and (gate.source is None or piece.source == gate.source)
        and piece.environment in ("", context.question.environment)
    ]


def _why_not(context: Context, item: Item, gate: Gate, piece: Evidence) -> str:
    """Why a piece counts as none; empty when it counts."""
    changed = item.subject.changed_parts(piece.bound, context.question.environment)
    if changed:
        return f"{piece.kind} from {piece.source} is of another {' and '.join(changed)}"
    if piece.taken_at > context.now:
        return f"{piece.kind} from {piece.source} says it was taken in the future"
    if gate.fresh is not None and context.now - piece.taken_at > gate.fresh:
        return f"{piece.kind} from {piece.source} is older than {format_duration(gate.fresh)}"
    return ""


def _judge(context: Context, name: str, gate: Gate, piece: Evidence) -> tuple[Verdict, str]:
    outcome = context.rulebook.conditions[name].evaluate({KINDS[piece.kind].root: dict(piece.values)})
    said = ", ".join(str(clause) for clause in outcome.clauses)
    return outcome.verdict, f"{piece.kind} from {piece.source}: {said}"


def _check_gate(context: Context, item: Item, name: str, gate: Gate, pieces: Sequence[Evidence]) -> Finding:
    rule = f"gate.{name}"
    verdicts: list[Verdict] = []
    said: list[str] = []
    looked_at: list[str] = []
    for kind in gate.evidence:
        candidates = _of_kind(context, gate, kind, pieces)
        refused = [why for piece in candidates if (why := _why_not(context, item, gate, piece))]
        if not candidates or refused:
            origin = f" from {gate.source}" if gate.source else ""
            missing = "; ".join(refused) or f"there is no {kind} evidence{origin} for {item.component}"
            return cannot_tell(
                rule, missing, f"tidegate evidence add {context.facts.release.id} FILE  (a {kind} report{origin})"
            )
        for piece in candidates:
            verdict, sentence = _judge(context, name, gate, piece)
            verdicts.append(verdict)
            said.append(sentence)
            looked_at.append(piece.report)
    verdict = combine(verdicts)
    remedy = "" if verdict is Verdict.ALLOW else f"make it so that {gate.condition}, and add the new report"
    return Finding(rule, verdict, "; ".join(said), remedy, looked_at=tuple(looked_at))


def _check(context: Context) -> Iterator[Found]:
    pieces = newest(context.facts.evidence)
    for name in gate_names(context):
        gate = context.policy.gates.get(name)
        if gate is None:
            yield denies(f"gate.{name}", f'the policy has no gate "{name}"', f"declare gates.{name}")
            continue
        for item in context.facts.release.items:
            yield _check_gate(context, item, name, gate, [p for p in pieces if p.component == item.component])


RULE = Rule(
    "gate",
    "Every gate passes on the newest evidence of each of its kinds and sources, about this very subject.",
    "HD-03, HD-08, TP-11, 7D-04",
    START,
    _check,
)
