"""Versions by Semantic Versioning 2.0.0: read, ordered, raised; and the tags that carry them.

The tests hold the grammar and the arithmetic against the ``semver`` library. It is not asked here: twelve thousand tags
are read and sorted for each plan, and the library takes seven times as long.

A component whose versions are padded with zeros (``02.01.11``) has the same versions, compared as numbers and written
with the zeros with which they were found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum
from functools import total_ordering

from tidegate.core.pattern import pattern
from tidegate.errors import UsageError

MAX_LENGTH = 255
"""Characters. SemVer sets no limit; a tag is a file name, and those end at 255 bytes."""

_Identifier = tuple[int, int, str]
_Key = tuple[int, int, int, int, tuple[_Identifier, ...], str]


_Widths = tuple[int, int, int]
_PLAIN: _Widths = (1, 1, 1)


class Scheme(StrEnum):
    """How the versions of a component are written and compared."""

    SEMVER = "semver"
    PADDED = "padded"
    VENDOR = "vendor"

    @property
    def widths(self) -> tuple[int, int, int]:
        """The least digits of the three numbers, where no version was found yet."""
        return (2, 2, 2) if self is Scheme.PADDED else _PLAIN


class Level(IntEnum):
    """How much a change, or a release, asks of those who use a component; ordered."""

    NONE = 0
    PATCH = 1
    MINOR = 2
    MAJOR = 3

    @property
    def word(self) -> str:
        """``none``, ``patch``, ``minor`` or ``major``, as the policy writes it."""
        return self.name.lower()


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """A SemVer 2.0.0 version as a value; made by :func:`parse_version` or by raising another.

    Its order is SemVer's precedence. Versions that differ in build metadata alone have the same precedence; they are
    different values, so the order between them is that of the metadata's text: any order would do, but it is total.
    ``widths`` says how many digits each number has at least when it is written; versions do not differ by it.
    """

    major: int
    minor: int
    patch: int
    prerelease: str = ""
    build: str = ""
    widths: tuple[int, int, int] = field(default=_PLAIN, compare=False)

    def __str__(self) -> str:
        return f"{self.core}{'-' if self.prerelease else ''}{self.prerelease}{'+' if self.build else ''}{self.build}"

    def __lt__(self, other: Version) -> bool:
        return self.key < other.key

    @property
    def core(self) -> str:
        """The three numbers: ``1.2.0`` for ``1.2.0-rc.1+7``."""
        if self.widths == _PLAIN:
            return f"{self.major}.{self.minor}.{self.patch}"
        numbers = zip((self.major, self.minor, self.patch), self.widths, strict=True)
        return ".".join(str(number).zfill(width) for number, width in numbers)

    @property
    def final(self) -> Version:
        """The version that a pre-release prepares; a final version is its own, without build metadata."""
        return Version(self.major, self.minor, self.patch, widths=self.widths)

    @property
    def is_prerelease(self) -> bool:
        """True for ``1.0.0-rc.1``, which comes before ``1.0.0``."""
        return bool(self.prerelease)

    @property
    def is_initial_development(self) -> bool:
        """True for ``0.y.z``: nothing is promised yet. Source: SemVer 2.0.0, clause 4."""
        return self.major == 0

    @property
    def key(self) -> _Key:
        """What versions are sorted by. Source: SemVer 2.0.0, clause 11."""
        identifiers = tuple(_precedence(part) for part in self.prerelease.split(".")) if self.prerelease else ()
        return (self.major, self.minor, self.patch, 0 if self.prerelease else 1, identifiers, self.build)


def _precedence(identifier: str) -> _Identifier:
    """Numbers by value (a longer one without leading zeros is the larger) and before words; words by ASCII."""
    if identifier.isdigit():
        return (0, len(identifier), identifier)
    return (1, 0, identifier)


def parse_version(text: str, scheme: Scheme = Scheme.SEMVER) -> Version:
    """Read a version.

    Args:
        scheme: ``PADDED`` permits leading zeros in the three numbers; the rest of the grammar stays SemVer's.

    Raises:
        UsageError: ``text`` is no such version; says which part is wrong and, where that is clear, what to write.
    """
    if len(text) > MAX_LENGTH:
        raise UsageError(
            f"a version has at most {MAX_LENGTH} characters; this one has {len(text)}", remedy="Write a shorter one."
        )
    version = _read(text, scheme)
    if version is None:
        wrong, remedy = _diagnose(text)
        raise UsageError(f"{_shown(text)} is not a version: {wrong}", remedy=remedy)
    return version


_NUMBER, _PADDED_NUMBER = "(0|[1-9][0-9]*)", "([0-9]+)"
_IDENTIFIER = "(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_TAIL = rf"(?:-({_IDENTIFIER}(?:\.{_IDENTIFIER})*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
_SEMVER = pattern(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}{_TAIL}")
"""Source: semver.org, FAQ on checking a version by a regular expression, with ASCII digits."""
_PADDED = pattern(rf"{_PADDED_NUMBER}\.{_PADDED_NUMBER}\.{_PADDED_NUMBER}{_TAIL}")


def _read(text: str, scheme: Scheme = Scheme.SEMVER) -> Version | None:
    found = (_PADDED if scheme is Scheme.PADDED else _SEMVER).fullmatch(text)
    if found is None:
        return None
    major, minor, patch, prerelease, build = found.groups("")
    widths = _PLAIN
    if scheme is Scheme.PADDED:
        widths = (_width(major), _width(minor), _width(patch))
    return Version(int(major), int(minor), int(patch), prerelease, build, widths)


def _width(number: str) -> int:
    """The digits to which a number was padded; one that does not begin with 0 may have outgrown its two."""
    return len(number) if number.startswith("0") else min(len(number), 2)


def _shown(text: str) -> str:
    """The text as it may stand in a sentence: anything but plain ASCII is quoted and escaped."""
    plain = text.isascii() and text.isprintable() and text == text.strip() and text != ""
    return text if plain else ascii(text)


def _diagnose(text: str) -> tuple[str, str]:
    """What is wrong with a text that is no version, and what to write instead."""
    for likely, wrong in _repairs(text):
        if _read(likely) is not None:
            return wrong, f"Write {likely}."
    return _broken_part(text), "Write three numbers, such as 1.2.0, or a pre-release such as 1.2.0-rc.1."


def _repairs(text: str) -> Iterable[tuple[str, str]]:
    """The likely intentions, each with what then is wrong; the first that makes a version is the answer."""
    core, rest = _split_core(text)
    yield text.strip(), "there are spaces around it"
    yield text.removeprefix("v").removeprefix("V"), "the letter v belongs to the tag, not to the version"
    yield f"{core}.0{rest}", "it has no patch number"
    yield f"{core}.0.0{rest}", "it has no minor and no patch number"
    yield _without_leading_zeros(core) + rest, "a number must not begin with 0"


def _split_core(text: str) -> tuple[str, str]:
    """``1.2`` and ``-rc.1`` for ``1.2-rc.1``."""
    end = re.search(r"[-+]", text)
    return (text[: end.start()], text[end.start() :]) if end else (text, "")


def _without_leading_zeros(core: str) -> str:
    return ".".join(part.lstrip("0") or "0" if re.fullmatch(r"[0-9]+", part) else part for part in core.split("."))


def _broken_part(text: str) -> str:
    """The part of SemVer's grammar that a text without an obvious repair breaks."""
    core, rest = _split_core(text)
    parts = core.split(".")
    if not text:
        return "it is empty"
    if len(parts) > 3 and all(part.isdigit() for part in parts):
        return f"it has {len(parts)} numbers, and a version has three"
    if not re.fullmatch(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*)){2}", core, re.ASCII):
        return "it must begin with three numbers, MAJOR.MINOR.PATCH"
    name = "pre-release" if rest.startswith("-") else "build metadata"
    return f"its {name} must be dotted identifiers of ASCII letters, digits and hyphens, numbers without leading 0"


def bump(version: Version, level: Level) -> Version:
    """The next final version when changes of ``level`` were made since ``version``.

    In initial development (0.y.z) a breaking change raises the minor number: 1.0.0 is a promise that only a person
    makes. A pre-release leads to the final version it prepares, or higher where the level asks for more.
    Source: SemVer 2.0.0, clauses 4 and 6 to 9.
    """
    if level is Level.MAJOR and version.is_initial_development:
        level = Level.MINOR
    if level is Level.NONE:
        return version
    major, minor, patch = version.major, version.minor, version.patch
    prepared = version.is_prerelease
    if level is Level.MAJOR and not (prepared and minor == patch == 0):
        major, minor, patch = major + 1, 0, 0
    elif level is Level.MINOR and not (prepared and patch == 0):
        minor, patch = minor + 1, 0
    elif level is Level.PATCH and not prepared:
        patch += 1
    return Version(major, minor, patch, widths=version.widths)


def level_between(old: Version, new: Version) -> Level:
    """Which part a step from ``old`` to ``new`` raises, by its highest number that differs.

    A step from a pre-release to its own final version, or between two pre-releases of it, raises nothing: ``NONE``.
    """
    if old.major != new.major:
        return Level.MAJOR
    if old.minor != new.minor:
        return Level.MINOR
    return Level.PATCH if old.patch != new.patch else Level.NONE


def next_prerelease(
    final: Version, channel: str, taken: Iterable[Version], here: Iterable[Version] | None = None
) -> Version:
    """The next pre-release of ``final`` on a channel: ``-rc.2`` after ``-rc.1``, and ``-rc2`` after ``-rc1``.

    Args:
        taken: the versions that are there, on whichever line; none of them is given again.
        here: those of the line that is asked about, which the answer must come after; without it all of them. What is
            on the branch of a later channel alone, such as ``-beta.1``, does not end ``-alpha``.

    Raises:
        UsageError: ``channel`` is no identifier, or the answer would not come after those that are there already.
    """
    if not re.fullmatch(r"[A-Za-z][0-9A-Za-z-]*", channel):
        raise UsageError(f"{_shown(channel)} is not a pre-release channel", remedy="Write alpha, beta or rc.")
    there = [version for version in taken if version.is_prerelease and version.final == final.final]
    numbers = [found for version in there if (found := _number_on(channel, version)) is not None]
    # The next one is written as the last one is.
    dot = "" if numbers and not any(dotted for dotted, _ in numbers) else "."
    answer = replace(final.final, prerelease=f"{channel}{dot}{max((number for _, number in numbers), default=0) + 1}")
    before = there if here is None else (version for version in here if version in there)
    latest = max((answer, *before))
    if latest > answer:
        raise UsageError(
            f"{answer} would come before {latest}, which is there already",
            remedy=f"Begin {channel}.1 with the next version, since rc10 sorts before rc9 and rc.10 after rc.9."
            if not dot
            else "Use a channel that sorts later (alpha, beta, rc), or release the final version.",
        )
    return answer


def is_later(text: str, other: str) -> bool | None:
    """Whether one version comes after another, padded with zeros or not; None: they cannot be compared."""
    try:
        return parse_version(other, Scheme.PADDED) < parse_version(text, Scheme.PADDED)
    except UsageError:
        return None


def is_on(channel: str, version: Version) -> bool:
    """Whether a version is a pre-release of a channel: ``1.0.0-rc.2`` and ``1.0.0-rc2`` of ``rc``."""
    return version.prerelease.partition(".")[0] == channel or _number_on(channel, version) is not None


def _number_on(channel: str, version: Version) -> tuple[bool, int] | None:
    """Whether a dot stands before it, and 2 for ``1.0.0-rc.2`` on ``rc``; None for another channel or shape."""
    found = re.fullmatch(rf"{re.escape(channel)}(\.?)([1-9][0-9]*|0)", version.prerelease, re.ASCII)
    return (bool(found[1]), int(found[2])) if found else None


_PLACEHOLDER = "{version}"
_SAMPLE = "1.0.0-rc.1+b"


@dataclass(frozen=True, slots=True)
class TagFormat:
    """How a component's tags are written: ``billing-v{version}``.

    Raises:
        UsageError: there is not exactly one ``{version}``, or Git would not accept the tag's name.
    """

    text: str
    scheme: Scheme = Scheme.SEMVER

    def __post_init__(self) -> None:
        if wrong := _tag_format_fault(self.text):
            raise UsageError(
                f"{_shown(self.text)} is not a tag format: {wrong}",
                remedy="Write a tag name with {version} once, such as v{version} or billing-v{version}.",
            )

    @property
    def prefix(self) -> str:
        """What stands before the version."""
        return self.text.partition(_PLACEHOLDER)[0]

    @property
    def suffix(self) -> str:
        """What stands after the version."""
        return self.text.partition(_PLACEHOLDER)[2]

    def tag_for(self, version: Version) -> str:
        """The tag's name, without ``refs/tags/``."""
        return f"{self.prefix}{version}{self.suffix}"

    def match(self, tag: str) -> Version | None:
        """The version that ``tag`` carries; None for a tag of another format, or of something that is no version."""
        prefix, _, suffix = self.text.partition(_PLACEHOLDER)
        middle = tag[len(prefix) : len(tag) - len(suffix)]
        if tag != f"{prefix}{middle}{suffix}" or len(middle) > MAX_LENGTH:
            return None
        return _read(middle, self.scheme)


def _tag_format_fault(text: str) -> str:
    """What is wrong with a tag format; empty when nothing is."""
    if text.count(_PLACEHOLDER) != 1:
        return f"it must contain {_PLACEHOLDER} exactly once, and it does {text.count(_PLACEHOLDER)} times"
    if re.search(r"[{}]", text.replace(_PLACEHOLDER, "")):
        return f"{_PLACEHOLDER} is the only placeholder"
    return _tag_name_fault(text.replace(_PLACEHOLDER, _SAMPLE))


def _tag_name_fault(name: str) -> str:
    """Why Git would refuse a tag of this name; empty when it would not. Source: ``git help check-ref-format``."""
    forbidden = re.search(r"[\x00-\x20\x7f~^:?*\[\\]", name)
    parts = name.split("/")
    if forbidden:
        return f"a tag name cannot contain {_shown(forbidden.group())}"
    if name.startswith("-"):
        return "a tag name cannot begin with a hyphen"
    if ".." in name or "@{" in name or name.endswith("."):
        return "a tag name cannot contain .. or @{, nor end with a dot"
    if any(part == "" or part.startswith(".") or part.endswith(".lock") for part in parts):
        return "no part of a tag name between slashes can be empty, begin with a dot or end with .lock"
    return ""
