"""Marks: what people say, signed, of the papers and gates of a release: ticks, waivers, reviews, attached documents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tidegate.clock import to_text
from tidegate.core.actor import Actor
from tidegate.core.statement import Act


class MarkKind(StrEnum):
    """What a mark says.

    tick
        A point of a checklist is true of the subject as it is; ``name`` is the checklist, ``part`` the point.
    waiver
        Somebody asks that a release pass the gate ``name`` although it does not, until ``until``.
    waiver-yes
        Somebody agrees to the waiver whose id is ``part``.
    review
        Somebody has reviewed the document ``name`` of the component ``part``; ``subject`` is its digest.
    document
        Somebody attached the document ``name``; ``part`` is its file's name, ``subject`` its digest.
    """

    TICK = "tick"
    WAIVER = "waiver"
    WAIVER_YES = "waiver-yes"
    REVIEW = "review"
    DOCUMENT = "document"


ANYWHERE = ""
"""In place of an environment: ticks and waivers are about what is released, wherever it goes."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark. What its kind does not concern is empty.

    ``subject`` is the digest that it is bound to: of the release's subject, or of a document. ``not_needed`` says that
    a point need not be done, and ``reason`` why. ``key`` is the fingerprint of the key that signed it, ``invalid`` why
    the signature does not hold any more: both are found anew whenever facts are gathered. ``ended_at`` is when it was
    taken back.
    """

    id: str
    kind: MarkKind
    name: str
    part: str
    actor: Actor
    subject: str
    at: datetime
    until: datetime | None = None
    reason: str = ""
    not_needed: bool = False
    key: str = ""
    invalid: str = ""
    ended_at: datetime | None = None


def signed_as(mark: Mark) -> tuple[Act, dict[str, str]]:
    """What its person signs for a mark: the act, and the fields of the statement that it is bound to."""
    role = f"{mark.name}/{mark.part}"
    if mark.kind is MarkKind.WAIVER:
        role = f"{mark.name} until {to_text(mark.until) if mark.until else ''}"
    act = Act.NOT_NEEDED if mark.not_needed else _ACTS[mark.kind]
    return act, {"role": role, "subject": mark.subject, "reason": mark.reason}


_ACTS = {
    MarkKind.TICK: Act.TICK,
    MarkKind.WAIVER: Act.WAIVE,
    MarkKind.WAIVER_YES: Act.AGREE_WAIVER,
    MarkKind.REVIEW: Act.REVIEW_DOCUMENT,
    MarkKind.DOCUMENT: Act.ATTACH_DOCUMENT,
}
