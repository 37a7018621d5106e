"""Who acts, how they came, and how sure we are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

AUTOMATION = "tidegate"
"""The name under which Tidegate itself acts; no person can have it."""


class Assurance(StrEnum):
    """How sure we are that the actor is who they say: each member more than the one before it."""

    ASSERTED = "asserted"
    TOKEN = "token"  # noqa: S105  the name of a grade, not a secret
    SESSION = "session"
    PASSKEY = "passkey"
    SIGNATURE = "signature"

    def at_least(self, minimum: Assurance) -> bool:
        """Whether this is as sure as ``minimum`` or surer."""
        return _GRADE[self] >= _GRADE[minimum]


_GRADE = {assurance: grade for grade, assurance in enumerate(Assurance)}


@dataclass(frozen=True, slots=True)
class Actor:
    """A person (by their id in the policy), the way they came, and the assurance; stored with what they did.

    Nothing upgrades an assurance later: who comes again more surely is another actor value.
    """

    person: str
    via: str
    assurance: Assurance

    @classmethod
    def automation(cls, via: str) -> Actor:
        """Tidegate acting by itself, as the policy told it to; it signs nothing, so it claims only its name."""
        return cls(AUTOMATION, via, Assurance.ASSERTED)

    @property
    def is_automation(self) -> bool:
        """Whether no person acts here."""
        return self.person == AUTOMATION
