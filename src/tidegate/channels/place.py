"""A file below the policy's directory that a channel may write."""

from __future__ import annotations

from pathlib import Path

from tidegate.errors import UsageError

LIMIT_BYTES = 64 << 20
"""A file that has grown longer is put away by a person, not read whole again for each message."""

_NOT_FOR_PEOPLE = frozenset({".tidegate", ".git", "tidegate.yaml"})


def below(address: str, root: Path) -> Path:
    """The file that an address names, below ``root``.

    Raises:
        UsageError: it lies elsewhere, or is one that nobody may overwrite.
    """
    try:
        path, home = (root / address).resolve(), root.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise UsageError(f"the file {address[:80]!r} cannot be found: {error}", remedy="name a plain file") from error
    if not path.is_relative_to(home) or path == home:
        raise UsageError(
            f"the file {address[:80]} lies outside {root}", remedy="name a file below the policy's directory"
        )
    if _NOT_FOR_PEOPLE & set(path.relative_to(home).parts):
        raise UsageError(
            f"the file {address[:80]} is not one that people read, and a line in it would destroy it",
            remedy="name a file of its own, such as NOTICES.md",
        )
    return path
