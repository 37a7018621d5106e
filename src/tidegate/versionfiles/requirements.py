"""``requirements.txt``: the pins of the component among the requirements of something else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tidegate.core.plain import plain
from tidegate.errors import UsageError
from tidegate.versionfiles.contract import WRITTEN_BYTES, Hints, Reading, Refusal, Role, Value
from tidegate.versionfiles.source import Source
from tidegate.versionfiles.spelling import PEP440

_NAME = re.compile(r"(.*[-_.])?requirements([-_.].*)?\.(txt|in)|constraints([-_.].*)?\.txt")
# A line goes on after a backslash, as pip reads it.
_LOGICAL = re.compile(r"(?:[^\r\n\\]++|\\(?:\r\n|\r|\n)?)*(?:\r\n|\r|\n|\Z)")
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*")
_OPTIONS = re.compile(r"\s--?[a-z].*", re.DOTALL)
_PIN = re.compile(r"(?<![=<>!~])==(?!=)\s*([0-9][^\s,;)#\\]*)")


@dataclass(frozen=True, slots=True)
class _Pin:
    name: str
    version: str
    start: int
    end: int
    number: int
    line: str
    line_start: int


class Requirements:
    """``name==1.2.0``, with extras and markers; one with hashes is refused, since they are those of the old version."""

    name = "requirements.txt"
    form = "a list of Python requirements"
    spelling = PEP440
    limit = WRITTEN_BYTES

    def recognises(self, source: Source) -> bool:
        """By its name: ``requirements.txt``, ``requirements-dev.txt``, ``constraints.txt``."""
        in_folder = source.name.rpartition("/")[0].endswith("requirements") and source.base.endswith((".txt", ".in"))
        return in_folder or _NAME.fullmatch(source.base) is not None

    def read(self, source: Source, hints: Hints, wanted: str) -> Reading:
        """The pins."""
        lines = [line[0] for line in _LOGICAL.finditer(source.text)]
        pins = list(_pins(lines))
        named = [pin for pin in pins if pin.name in {_normal(name) for name in hints.names}]
        if hints.names and pins and not named:
            raise _none_is_called(source, hints.names, pins)
        role = Role.OWN if named else Role.FOUND
        values = tuple(_value(source, pin, role) for pin in named or pins)
        return Reading(values, dict(enumerate(lines)), len(lines), "it pins nothing with ==")


def _pins(lines: list[str]) -> Iterator[_Pin]:
    from packaging.requirements import InvalidRequirement, Requirement

    at = 0
    for number, line in enumerate(lines):
        # Blanked and not cut, so that what is found stands where it stands in the line.
        bare = _OPTIONS.sub(_blank, _COMMENT.sub(_blank, line)).replace("\\", " ")
        found = _PIN.search(bare)
        try:
            asked = Requirement(bare.strip()) if found else None
        except (InvalidRequirement, RecursionError):
            asked = None
        pinned = [s.version for s in asked.specifier if s.operator == "=="] if asked else []
        if found and asked and found[1] in pinned and "*" not in found[1]:
            start, end = at + found.start(1), at + found.end(1)
            yield _Pin(_normal(asked.name), found[1], start, end, number, line, at)
        at += len(line)


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])


def _normal(name: str) -> str:
    from packaging.utils import canonicalize_name

    return str(canonicalize_name(name))


def _value(source: Source, pin: _Pin, role: Role) -> Value:
    refusal = None
    if "--hash" in pin.line:
        refusal = Refusal(
            f"the pin of {plain(pin.name, 120)} has hashes, which are those of {plain(pin.version, 80)}",
            "let the tool that wrote them write the pin too, and take this file out of the version files",
        )
    return Value(
        source.at(pin.start),
        source.at(pin.end),
        pin.version,
        plain(pin.name, 120),
        role,
        pin.number,
        prefix=pin.line[: pin.start - pin.line_start],
        suffix=pin.line[pin.end - pin.line_start :],
        whose=pin.name,
        refusal=refusal,
    )


def _none_is_called(source: Source, names: tuple[str, ...], pins: list[_Pin]) -> UsageError:
    there = ", ".join(dict.fromkeys(plain(pin.name, 120) for pin in pins[:5]))
    return UsageError(
        f"nothing here is pinned that is called {' or '.join(plain(name, 120) for name in names)}; there is {there}",
        where=source.where(source.at(pins[0].start)),
        remedy="say with --name what the requirement is called here",
    )
