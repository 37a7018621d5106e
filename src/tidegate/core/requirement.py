"""Requirements on versions, as ``>=3.1 <4`` or ``^1.2 || ^2.0``: read, held against a version, tried for sense.

The language is what npm and Cargo have in common, and where the two disagree it has nothing: ``1.2.3`` alone is that
very version for npm and ``^1.2.3`` for Cargo, so here one of the two must be written.

* Comparators side by side, with a space or a comma between them, must all hold; of parts with ``||`` between them one.
* ``>= > <= < =`` compare. A number that is left out, or written as ``x`` or ``*``, stands for all that there are.
* ``^1.2.3`` is what breaks nothing (``<2``; in initial development ``<0.3`` for ``^0.2.1``), ``~1.2.3`` is ``<1.3``.
* A pre-release fulfils only what asks for a pre-release of the same three numbers: ``>=1.2.0-rc.1`` takes
  ``1.2.0-rc.2`` and not ``1.3.0-rc.1``.

Versions are compared as numbers however they are written: ``02.01.11`` is ``2.1.11``.

Source: node-semver, README, "Ranges"; the Cargo book, "Specifying dependencies"; SemVer 2.0.0, clause 11.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from tidegate.core.version import MAX_LENGTH, Version
from tidegate.errors import UsageError

_NUMBERS = r"[0-9]+(?:\.[0-9]+){0,2}"
_TAIL = r"(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
_VERSION = re.compile(rf"(?P<numbers>{_NUMBERS}){_TAIL}", re.ASCII)
_PARTIAL = re.compile(rf"(?P<numbers>(?:[0-9]+|[xX*])(?:\.(?:[0-9]+|[xX*])){{0,2}}){_TAIL}", re.ASCII)
_OPERATORS = (">=", "<=", ">", "<", "=", "^", "~")
_SPACE_OR_COMMA = re.compile(r"\s*,?\s*")
_WORD = re.compile(r"[^\s,|]+")
_EXAMPLE = "Write comparators such as >=3.1.0, ^1.2, ~1.2 or 1.x, and || between alternatives."


class RequirementError(UsageError):
    """A text that is no requirement; ``offset`` is where, in characters from its start."""

    def __init__(self, what: str, remedy: str, offset: int) -> None:
        super().__init__(what, remedy=remedy)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class _Bound:
    """One side of a comparator: ``operator`` is one of ``>= > <= < =``.

    ``asked`` says that the bound was written with a pre-release, which lets those of the same three numbers in.
    """

    operator: str
    version: Version
    asked: bool = False

    def holds(self, version: Version) -> bool:
        found, wanted = version.key, self.version.key
        match self.operator:
            case ">=":
                return found >= wanted
            case ">":
                return found > wanted
            case "<=":
                return found <= wanted
            case "<":
                return found < wanted
            case _:
                return found == wanted


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a version must be; made by :func:`parse_requirement`. One of the alternatives must hold as a whole."""

    text: str
    alternatives: tuple[tuple[_Bound, ...], ...]

    def __str__(self) -> str:
        return self.text

    def holds(self, version: Version) -> bool:
        """Whether a version fulfils it; see :func:`read_number` for how one is read. Build metadata does not count."""
        plain = Version(version.major, version.minor, version.patch, version.prerelease)
        return any(_all_hold(bounds, plain) for bounds in self.alternatives)

    @property
    def example(self) -> Version | None:
        """A version that fulfils it; None where no version at all does, as with ``>=2 <1``."""
        return next((v for bounds in self.alternatives for v in _candidates(bounds) if self.holds(v)), None)


def asks_for_more(was: Requirement, now: Requirement) -> bool | None:
    """Whether the later of two requirements takes only versions that the earlier one takes, or the other way round.

    None where neither holds, where both take the same, and where pre-releases are spoken of.
    """
    bounds = [bound for one in (was, now) for alternative in one.alternatives for bound in alternative]
    if any(bound.asked for bound in bounds):
        return None
    # Between two bounds that follow each other nothing changes, so that one version of each gap tells of all.
    tried = {version for bound in bounds for version in _around(bound.version.final)}
    before, after = {v for v in tried if was.holds(v)}, {v for v in tried if now.holds(v)}
    if before == after or not (before < after or after < before):
        return None
    return after < before


_MANY = 10**9
"""More than any number of a version that follows another one's last."""


def _around(version: Version) -> Iterator[Version]:
    """A final version, the next above it, and one below it that is above all others there."""
    major, minor, patch = version.major, version.minor, version.patch
    yield version
    yield Version(major, minor, patch + 1)
    if patch:
        yield Version(major, minor, patch - 1)
    elif minor:
        yield Version(major, minor - 1, _MANY)
    elif major:
        yield Version(major - 1, _MANY, _MANY)


def _all_hold(bounds: tuple[_Bound, ...], version: Version) -> bool:
    if version.is_prerelease and not any(b.asked and b.version.core == version.core for b in bounds):
        return False
    return all(bound.holds(version) for bound in bounds)


def _candidates(bounds: tuple[_Bound, ...]) -> Iterator[Version]:
    """Versions of which one fulfils the bounds, if any does: the least that each of them could leave over."""
    yield Version(0, 0, 0)
    for bound in bounds:
        found = bound.version
        yield found.final
        yield Version(found.major, found.minor, found.patch + 1)
        if bound.asked:
            yield found
            yield Version(found.major, found.minor, found.patch, "0")
            yield Version(found.major, found.minor, found.patch, f"{found.prerelease}.0")


def read_number(text: str) -> Version | None:
    """A version as it is compared: one to three numbers, leading zeros or not, and what a pre-release says.

    None for what is no such version, such as ``main`` or ``5.1.2.3``: nobody can tell how it compares.
    """
    found = _VERSION.fullmatch(text) if len(text) <= MAX_LENGTH else None
    if found is None:
        return None
    numbers = [int(number) for number in found["numbers"].split(".")]
    major, minor, patch = (*numbers, 0, 0)[:3]
    return Version(major, minor, patch, found["pre"] or "")


@lru_cache(maxsize=1024)
def parse_requirement(text: str) -> Requirement:
    """Read a requirement.

    Raises:
        RequirementError: it is none; says what is wrong, where, and what to write.
    """
    alternatives: list[tuple[_Bound, ...]] = []
    start = 0
    for part in text.split("||"):
        alternatives.append(tuple(_alternative(text, start, start + len(part))))
        start += len(part) + len("||")
    return Requirement(text, tuple(alternatives))


def understood(text: str) -> Requirement | None:
    """A requirement, or None where it cannot be read: policies of before could say anything."""
    try:
        return parse_requirement(text)
    except RequirementError:
        return None


def _alternative(text: str, start: int, end: int) -> Iterator[_Bound]:
    """The bounds of one part between ``||``."""
    position = _skip(text, start, end)
    if position == end:
        raise RequirementError(
            "it is empty" if not text.strip() else "there is nothing on one side of ||", _EXAMPLE, start
        )
    while position < end:
        bounds, position = _comparator(text, position, end)
        yield from bounds
        position = _skip(text, position, end, comma=True)


def _skip(text: str, position: int, end: int, *, comma: bool = False) -> int:
    """The next place where something stands; behind a comparator one comma is passed over, and must lead somewhere."""
    found = _SPACE_OR_COMMA.match(text, position, end)
    after = found.end() if found else position
    if found and "," in found.group():
        at = text.index(",", position)
        if not comma or after == end:
            raise RequirementError("a comma stands between two comparators, and here is only one", _EXAMPLE, at)
    return after


def _comparator(text: str, start: int, end: int) -> tuple[tuple[_Bound, ...], int]:
    operator = next((known for known in _OPERATORS if text.startswith(known, start)), "")
    position = start + len(operator)
    while operator and position < end and text[position].isspace():
        position += 1
    word = _WORD.match(text, position, end)
    written = word.group() if word else ""
    found = _PARTIAL.fullmatch(written) if len(written) <= MAX_LENGTH else None
    if found is None:
        raise _misread(text[start:end], operator, written, start)
    numbers, given = _numbers(found["numbers"])
    prerelease = found["pre"] or ""
    if prerelease and given < 3:
        raise RequirementError(
            f"{written[:60]} has a pre-release, and not all of the three numbers before it",
            "Write all three, such as >=1.2.0-rc.1.",
            position,
        )
    if operator and given == 0:
        raise RequirementError(f"{operator} compares with no number", "Write * alone for any version.", start)
    if not operator and given and not re.search(r"[xX*]", found["numbers"]):
        if re.match(r"\s+-\s", text[start + len(written) : end]):
            raise _misread(text[start + len(written) : end].lstrip(), "", "-", start + len(written) + 1)
        raise RequirementError(
            f"{written[:60]} alone is one version for npm, and a range for Cargo",
            f"Write ={written[:60]} for the very version, or ^{written[:60]} for what does not break it.",
            start,
        )
    return _bounds(operator or "=", Version(*numbers, prerelease), given), position + len(written)


def _numbers(text: str) -> tuple[tuple[int, int, int], int]:
    """The three numbers of ``1.x``, and how many of them are given; after an ``x`` none counts."""
    given: list[int] = []
    for part in text.split("."):
        if not part.isdigit():
            break
        given.append(int(part))
    major, minor, patch = (*given, 0, 0, 0)[:3]
    return (major, minor, patch), len(given)


def _bounds(operator: str, version: Version, given: int) -> tuple[_Bound, ...]:
    """What a comparator asks for. ``given`` numbers were written; the others stand for all that there are."""
    asked = version.is_prerelease
    from_here = _Bound(">=", version, asked)
    if given == 0:
        return ()
    if operator == "^":
        return (from_here, _below(_after_caret(version, given)))
    if operator == "~":
        return (from_here, _below(_raised(version, min(given, 2))))
    if operator == ">=" or given == 3:
        return (_Bound(operator, version, asked),)
    whole = _raised(version, given)
    return {
        "=": (from_here, _below(whole)),
        ">": (_Bound(">=", whole),),
        "<=": (_below(whole),),
        "<": (_below(version),),
    }[operator]


def _below(version: Version) -> _Bound:
    """Before a version and all its pre-releases, of which ``-0`` is the first."""
    return _Bound("<", Version(version.major, version.minor, version.patch, "0"))


def _raised(version: Version, place: int) -> Version:
    """The first version with another number at that place, which counts from 1."""
    if place == 1:
        return Version(version.major + 1, 0, 0)
    if place == 2:
        return Version(version.major, version.minor + 1, 0)
    return Version(version.major, version.minor, version.patch + 1)


def _after_caret(version: Version, given: int) -> Version:
    """The first version that may break what uses this one: the leftmost number that is not 0 is another."""
    numbers = (version.major, version.minor, version.patch)[:given]
    place = next((place for place, number in enumerate(numbers, 1) if number), given)
    return _raised(version, place)


_HINTS = (
    (re.compile(r"=="), "Write = once."),
    (re.compile(r"=>"), "Write >= the other way round."),
    (re.compile(r"=<"), "Write <= the other way round."),
    (re.compile(r"!="), "Nothing is left out by name here: write what is wanted, such as <1.2 || >1.2."),
    (re.compile(r"~[>=]"), "Write ~ alone."),
    (re.compile(r"-(\s|$)"), "Write a range with its two ends: >=1.2 <=2.3."),
    (re.compile(r"\|"), "Write || twice between alternatives."),
    (re.compile(r"[<>=^~]*\s*[vV][0-9]"), "Leave out the letter v: it belongs to the tag, not to the version."),
)


def _misread(rest: str, operator: str, written: str, start: int) -> RequirementError:
    """What is wrong where a comparator should stand."""
    if numbers := re.fullmatch(rf"[vV]?({_NUMBERS})\+", written):
        return RequirementError(
            f"{written[:60]} is not how a least version is written", f"Write >={numbers[1]}.", start
        )
    remedy = next((hint for pattern, hint in _HINTS if pattern.match(rest)), _EXAMPLE)
    if operator and not written:
        return RequirementError(f"no version follows {operator}", remedy, start)
    shown = ascii(written or rest[:1])[1:-1][:60]
    return RequirementError(f"{shown} is not a version here", remedy, start + max(rest.find(written), 0))
