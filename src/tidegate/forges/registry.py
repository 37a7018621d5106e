"""The forges that there are, by the word that chooses them; what has no colon in it is a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tidegate.errors import UsageError
from tidegate.forges.contract import Forge
from tidegate.forges.file import FileForge

FORGES: Mapping[str, Callable[[str], Forge]] = {
    "file": FileForge,
}


def forge(name: str) -> Forge:
    """The forge that ``file:pulls.json``, or ``pulls.json``, names.

    Raises:
        UsageError: there is no such forge.
    """
    word, colon, rest = name.partition(":")
    if not colon:
        word, rest = "file", name
    if word not in FORGES:
        raise UsageError(f'there is no forge "{word[:40]}"', remedy=f"name one of: {', '.join(FORGES)}")
    return FORGES[word](rest)
