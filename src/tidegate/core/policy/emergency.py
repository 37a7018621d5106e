"""What is done when something critical happens: who declares it, who is called, what it may go without, what never."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field, PlainSerializer

from tidegate.core.duration import Duration, PositiveDuration
from tidegate.core.policy.base import Identifier, Line, Names, Section, Stricter, in_order

NEVER: Final = {
    "audit": "the audit log",
    "evidence.binding": "evidence of the very subject that goes",
    "subject": "the digest of the subject that goes",
    "rollback": "a way back",
    "way_back": "a way back",
    "rollback_plan": "a way back",
    "identity": "a signed identity",
    "signature": "a signed identity",
    "permits": "a person who may start it",
    "hold": "that nobody has stopped the line",
}
"""What no release goes without, an emergency release least of all, by the words in which a policy might try."""


class Bypass(StrEnum):
    """What an environment asks of every release, and an emergency release may go without."""

    GATES = "gates"
    APPROVALS = "approvals"
    AFTER = "after"


class Emergency(Section):
    """What is done when something critical happens."""

    steps: tuple[Line, ...] = Field(default=())
    """What is done, in its order; shown with each emergency."""
    types: Annotated[tuple[Identifier, ...], Names("release type")] = Field(default=())
    """The release types that are emergency releases: each needs an emergency that was declared and is in force."""
    declared_by: Annotated[tuple[Identifier, ...], Stricter.GRANTS, Names("person or group")] = Field(default=())
    """Who may declare one, and end it; signed, always."""
    lasts: Annotated[PositiveDuration, Stricter.LESS] = Field(default=timedelta(hours=24))
    """How long a declared one is in force, unless it is ended before; then it is declared anew."""
    bypasses: Annotated[
        frozenset[Bypass],
        PlainSerializer(in_order, return_type=list[str], when_used="json"),
        Stricter.GRANTS,
    ] = Field(default=frozenset())
    """What the environment asks of every release and an emergency release goes without; its type's own demands stay."""
    acknowledge_within: Annotated[PositiveDuration | None, Stricter.LESS] = None
    """Within how long it is acknowledged; then the next contact is called."""
    call: Annotated[tuple[Identifier, ...], Stricter.DEMANDS, Names("contact")] = Field(default=())
    """The contacts that are called, in their order: the next one when nobody has acknowledged in time."""
    post_mortem: Annotated[Duration | None, Stricter.LESS] = None
    """Within how long after its end the post-mortem is written, where no release of it owes one."""
