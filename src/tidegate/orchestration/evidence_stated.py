"""Evidence that a person states: a backup was verified, a drill succeeded. Signed, since it rests on nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tidegate.clock import to_text
from tidegate.core.canonical import canonical
from tidegate.core.condition.types import Scalar
from tidegate.core.evidence_kind import KINDS, STATED, EvidenceKind, Value
from tidegate.errors import NotPermittedError, UsageError
from tidegate.orchestration.evidence import Added, keep, looked_at
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim
from tidegate.orchestration.refusal import refusals
from tidegate.readers.stated import FORMAT, StatedReader

_INTEGER = re.compile(r"[0-9]{1,16}")
_NUMBER = re.compile(r"[0-9]{1,16}(?:\.[0-9]{1,16})?")
_WORDS = {"yes": True, "true": True, "no": False, "false": False}


def state(
    house: House,
    release: str,
    kind: str,
    pairs: Sequence[str],
    claim: Claim,
    *,
    source: str = "",
    taken_at: str = "",
    summary: str = "",
    environment: str = "",
    component: str = "",
) -> Added:
    """Keep what a person states, as evidence of ``kind``; its source is the person unless another is named.

    Args:
        pairs: the values, each as ``field=value``.
        taken_at: when it was so, as RFC 3339 with an offset; empty: now.

    Raises:
        UsageError: nobody can state this kind, or the values are not those of the kind.
        NotPermittedError: the person does not sign, or as :func:`~tidegate.orchestration.evidence.add`.
        ConflictError, NotFoundError: as :func:`~tidegate.orchestration.evidence.add`.
    """
    if kind not in STATED:
        why = "evidence of this kind is read from reports" if kind in KINDS else "there is no such kind of evidence"
        raise UsageError(f"nobody can state {kind[:60]!r}: {why}", remedy=f"state one of: {', '.join(STATED)}")
    values = dict(_value(KINDS[kind], pair) for pair in pairs)
    if len(values) != len(pairs):
        raise UsageError("a field is given twice", remedy="give each field once")
    looked_at(house, release, claim, component, kind)
    if claim.key is None:
        with refusals(house, "evidence", claim.person, release, kind=kind):
            raise NotPermittedError(
                f"{claim.person} is only asserted; what a person states is signed",
                remedy="sign with your SSH key: --key PATH",
            )
    stated = {"tidegate": FORMAT, "kind": kind, "taken_at": taken_at or to_text(house.now()), "values": values}
    data = canonical(stated | ({"summary": summary} if summary else {}))
    reading = StatedReader(kind).read(data)
    return keep(
        house,
        release,
        reading,
        data,
        claim,
        source=source or claim.person,
        environment=environment,
        component=component,
    )


def _value(kind: EvidenceKind, pair: str) -> tuple[str, Value]:
    name, equals, text = pair.partition("=")
    scalar = kind.fields.get(name)
    fields = ", ".join(f"{field}={_EXAMPLES[of]}" for field, of in kind.fields.items())
    if not equals or scalar is None:
        raise UsageError(f"{pair[:80]!r} is no field of evidence of kind {kind.name}", remedy=f"give: {fields}")
    value = _typed(scalar, text)
    if value is None:
        raise UsageError(f"{name} has {text[:40]!r}, which is no {_NAMES[scalar]}", remedy=f"give: {fields}")
    return name, value


_EXAMPLES = {Scalar.INT: "3", Scalar.DOUBLE: "1.5", Scalar.BOOL: "yes", Scalar.STRING: "TEXT"}
_NAMES = {Scalar.INT: "count", Scalar.DOUBLE: "number", Scalar.BOOL: "yes or no", Scalar.STRING: "text"}


def _typed(scalar: Scalar, text: str) -> Value | None:
    """The value that a text gives; None where it gives none of this type."""
    if scalar is Scalar.BOOL:
        return _WORDS.get(text.lower())
    if scalar is Scalar.INT:
        return int(text) if _INTEGER.fullmatch(text) else None
    if scalar is Scalar.DOUBLE:
        return float(text) if _NUMBER.fullmatch(text) else None
    return text
