"""What every command that reads a history asks Git first, asked while that command is still imported.

Python takes longer to import a command than Git to answer these, and there are mostly two processors.
"""

from __future__ import annotations

from tidegate.git.calls import ask_ahead

OPENING = (
    "rev-parse",
    "--is-bare-repository",
    "--is-shallow-repository",
    "--show-object-format",
    "--is-inside-work-tree",
    "--absolute-git-dir",
    "--show-cdup",
)
ALL_TAGS = ("show-ref", "--dereference", "--tags")
HEAD_AND_TAGS = ("show-ref", "--dereference", "--head", "--tags")


def begin_reading(where: str = ".") -> None:
    """Ask what :func:`tidegate.git.repository.open_repository` and the first look at the tags will ask."""
    ask_ahead(OPENING, where)
    ask_ahead(HEAD_AND_TAGS, where)
