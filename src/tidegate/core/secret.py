"""A text that must not be seen: passwords, tokens, signing secrets."""

from __future__ import annotations

from typing import Any


class Secret:
    """A text that shows itself to nobody who does not ask for it by :meth:`reveal`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text: for the wire, and for nothing else."""
        return self._text

    def __repr__(self) -> str:
        return "[hidden]"

    __str__ = __repr__

    def __format__(self, specification: str) -> str:
        return "[hidden]"

    def __reduce__(self) -> Any:
        raise TypeError("a secret is not written anywhere")
