"""Places in generated notes that people may edit, and that generating again keeps.

A template marks them; the written file carries with each mark the digest of what was generated there, and in its last
line the digest of everything around:

    <!-- tidegate:edit highlights 3f2a9c11d0e4 -->
    - What people wrote stays.
    <!-- /tidegate:edit -->
    ...
    <!-- tidegate:generated 8b1c22d9a0f3 -->

So it can be told without any other memory which regions were edited (their digest no longer fits: they are kept),
which were not (they are generated again), and whether somebody changed what is around them. Generated text never
contains a line that looks like a mark: strangers' texts are escaped, and code that begins like one is indented.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple

from tidegate.core.notes.markdown import tidy
from tidegate.core.pattern import pattern
from tidegate.errors import UsageError

_BEGIN = pattern(r"<!-- tidegate:edit (?P<name>[a-z][a-z-]{0,40})(?: (?P<digest>[0-9a-f]{12}))? -->")
_END = "<!-- /tidegate:edit -->"
_GENERATED = pattern(r"<!-- tidegate:generated (?P<digest>[0-9a-f]{12}) -->")


class Region(NamedTuple):
    """A place that may be edited: its content, and the digest of what was generated there (empty: not known)."""

    name: str
    digest: str
    content: str

    @property
    def is_edited(self) -> bool:
        """Whether somebody wrote something else here than what was generated."""
        return bool(self.digest) and digest_of(self.content) != self.digest


class Merge(NamedTuple):
    """A file that was generated again.

    Args:
        kept: the regions in which people had written.
        outdated: those of them for which something else would be generated now than when they were written.
        by_hand: lines outside the regions that people had written and that are not in ``text``.
        lost: regions with hand-written text that the template no longer has.
    """

    text: str
    kept: tuple[str, ...] = ()
    outdated: tuple[str, ...] = ()
    by_hand: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


def digest_of(text: str) -> str:
    """Twelve hexadecimal digits of the SHA-256: enough to see an edit, and no proof of anything."""
    return sha256(text.strip().encode("utf-8", "surrogatepass")).hexdigest()[:12]


def signed(generated: str) -> str:
    """What a template made, as the file is written: each mark with its digest, and the last line."""
    return _written(_parts(generated))


def bare(text: str) -> str:
    """The text without marks, as it is published."""
    lines = [line for line in text.split("\n") if not _is_mark(line)]
    return tidy("\n".join(lines))


def _is_mark(line: str) -> bool:
    return line == _END or bool(_BEGIN.fullmatch(line) or _GENERATED.fullmatch(line))


def was_written(text: str) -> bool:
    """Whether a file is one that :func:`signed` wrote."""
    return any(_GENERATED.fullmatch(line) for line in text.replace("\r\n", "\n").rstrip("\n").split("\n")[-1:])


def merge(existing: str, generated: str) -> Merge:
    """Generate a file again: what people wrote in its regions stays.

    Raises:
        UsageError: the marks in the existing file do not fit together.
    """
    old_parts = _parts(existing.replace("\r\n", "\n"))
    new_parts = _parts(generated)
    old = {part.name: part for part in old_parts if isinstance(part, Region)}
    new = {part.name: part for part in new_parts if isinstance(part, Region)}
    edited = {name: region for name, region in old.items() if region.is_edited}
    merged = [_merged(part, edited) for part in new_parts]
    return Merge(
        text=_written(merged, {name: digest_of(region.content) for name, region in new.items()}),
        kept=tuple(name for name in new if name in edited),
        outdated=tuple(n for n, r in new.items() if n in edited and edited[n].digest != digest_of(r.content)),
        by_hand=_by_hand(existing, old_parts, new_parts),
        lost=tuple(name for name in edited if name not in new),
    )


def _merged(part: str | Region, edited: dict[str, Region]) -> str | Region:
    return edited[part.name] if isinstance(part, Region) and part.name in edited else part


def _by_hand(existing: str, old: Sequence[str | Region], new: Sequence[str | Region]) -> tuple[str, ...]:
    recorded = _GENERATED.findall(existing.rstrip().rpartition("\n")[2])
    if recorded and recorded[-1] == digest_of(_around(old)):
        return ()
    there = set(_around(new).split("\n"))
    return tuple(line for line in _around(old).split("\n") if line.strip() and line not in there)


def _around(parts: Iterable[str | Region]) -> str:
    """Everything but the contents of the regions, with their marks in their places."""
    return "\n".join(f"<!-- tidegate:edit {part.name} -->" if isinstance(part, Region) else part for part in parts)


def _written(parts: Sequence[str | Region], digests: dict[str, str] | None = None) -> str:
    def shown(part: str | Region) -> str:
        if isinstance(part, str):
            return part
        digest = (digests or {}).get(part.name) or digest_of(part.content)
        return f"<!-- tidegate:edit {part.name} {digest} -->\n{part.content}\n{_END}"

    text = "\n".join(shown(part) for part in parts).rstrip("\n")
    return f"{text}\n\n<!-- tidegate:generated {digest_of(_around(parts))} -->\n"


def _parts(text: str) -> list[str | Region]:
    """The text between the regions, and the regions; the last line's digest is left out."""
    return list(_read([line for line in text.rstrip("\n").split("\n") if not _GENERATED.fullmatch(line)]))


def _read(lines: Sequence[str]) -> Iterator[str | Region]:
    around: list[str] = []
    names: set[str] = set()
    number = 0
    while number < len(lines):
        begin = _BEGIN.fullmatch(lines[number])
        if begin is None:
            around.append(lines[number])
            number += 1
            continue
        end = _end_of_region(lines, number, begin["name"], names)
        yield "\n".join(around)
        yield Region(begin["name"], begin["digest"] or "", "\n".join(lines[number + 1 : end]).strip("\n"))
        around, number = [], end + 1
    yield "\n".join(around)


def _end_of_region(lines: Sequence[str], start: int, name: str, names: set[str]) -> int:
    where = f"line {start + 1}"
    if name in names:
        raise UsageError(f'the region "{name}" stands there twice', where=where, remedy="Take one of them out.")
    names.add(name)
    for number in range(start + 1, len(lines)):
        if lines[number].strip() == _END:
            return number
        if _BEGIN.fullmatch(lines[number]):
            break
    raise UsageError(f'the region "{name}" has no end', where=where, remedy=f"Write {_END} where it ends.")
