"""What is wrong with a condition, and why one could not be evaluated."""

from __future__ import annotations

from collections.abc import Iterable

from tidegate.errors import PolicyError


class ConditionError(PolicyError):
    """A condition that is no CEL, or that asks for what no evidence has.

    ``offset`` counts characters from the start of the condition's text; whoever knows in which file the text stands
    makes ``file:line:column`` of it. ``where`` is empty until then.
    """

    def __init__(self, what: str, *, offset: int, remedy: str, where: str = "") -> None:
        super().__init__(what, remedy=remedy, where=where)
        self.offset = offset


class CannotTellError(Exception):
    """Internal to this package: an operand has no value; its sentence becomes the reason of *cannot tell*."""


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """``; did you mean "failed"?`` where something known is close to what was found, or nothing."""
    from difflib import get_close_matches

    close = get_close_matches(found, list(known), n=1)
    return f'; did you mean "{close[0]}"?' if close else ""
