"""The three answers, and how many of them become one."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """Allow, deny or cannot tell; only allow lets anything through."""

    ALLOW = "allow"
    """Everything asked was found, and is as the policy demands."""

    DENY = "deny"
    """Something was found, and is not as the policy demands."""

    CANNOT_TELL = "cannot tell"
    """Something is missing, or could not be evaluated: never a yes."""


def combine(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict over all of several: deny wins over cannot tell, which wins over allow.

    None at all is deny: where nothing was asked, nothing was permitted.
    """
    seen = frozenset(verdicts)
    if Verdict.DENY in seen or not seen:
        return Verdict.DENY
    return Verdict.CANNOT_TELL if Verdict.CANNOT_TELL in seen else Verdict.ALLOW
