"""A changelog after keepachangelog.com 1.1.0, brought up to date in place.

The file is other people's: what is not ours stays byte for byte, line ends and all. A new version's section goes below
*Unreleased*, before the first lower version, and under its heading stands a comment with the digest of each group as it
was generated:

    ## [1.2.0] - 2026-02-11
    <!-- tidegate:generated 1.2.0 Added:3f2a9c11d0e4 Fixed:8b1c22d9a0f3 -->

So a section can be generated again later: groups that nobody touched are, and groups that somebody edited are kept and
named. A section without that comment was written by somebody else, and is left alone.

*Unreleased* belongs to people and to us. Below its heading a comment says of each group how many of its lines were
generated, and their digest; these are taken out again when the group is generated anew, or has become a version's, and
what people wrote above, below and between stays:

    ## [Unreleased]
    <!-- tidegate:unreleased Added:2:3f2a9c11d0e4 -->
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote

from tidegate.core.notes.outline import Heading, headings_of, without_comments
from tidegate.core.notes.regions import digest_of
from tidegate.core.pattern import pattern
from tidegate.core.plain import plain
from tidegate.errors import UsageError

HEADER = """\
# Changelog

All notable changes to this project are documented in this file.

The format is based on [Keep a Changelog](https://keepachangelog.com/en/1.1.0/),
and this project adheres to [Semantic Versioning](https://semver.org/spec/v2.0.0.html).

## [Unreleased]
"""
"""With what a new file begins. Source: keepachangelog.com 1.1.0."""

_TITLE = pattern(
    r"(?:\[(?P<linked>[^\[\]]+)\](?:\([^()\s]*\)|\[[^\[\]]*\])?|(?P<bare>[^\s()\[\]]+))(?P<rest>.*)", re.DOTALL
)
_UNRELEASED = pattern(r"\[?unreleased\]?(?:\s.*)?", re.IGNORECASE | re.DOTALL)
_DATE = pattern(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_META = pattern(r"<!-- tidegate:generated (?P<label>\S{1,260})(?P<groups>(?: [^\s:<>]{1,80}:[0-9a-f]{12})*) -->")
_WAITING = pattern(r"<!-- tidegate:unreleased(?P<groups>(?: [^\s:<>]{1,80}:[0-9]{1,9}:[0-9a-f]{12})*) -->")
_LINK = pattern(r" {0,3}\[(?P<label>[^\[\]]+)\]:[ \t]*(?P<address>\S{1,2000})[ \t]*")
_COMPARED = pattern(r"(?P<base>.*/(?:compare|branches/compare)/)(?P<old>.+?)(?P<dots>\.{2,3}|%0D)(?P<new>.+)")


class Section(NamedTuple):
    """One version's section: the heading and the groups as they were rendered.

    ``label`` is the version as the heading names it, ``tag`` its tag, ``previous_tag`` that of the release before it
    (empty: there is none). ``markdown`` is the whole section, from its heading on.
    """

    label: str
    tag: str
    previous_tag: str
    released_on: str
    markdown: str


class Update(NamedTuple):
    """A changelog brought up to date.

    Args:
        added: the versions whose sections are new.
        renewed: those that were generated again and came out different.
        kept: groups that people had edited, as ``1.2.0: Added``; they are as they were.
        outdated: those of ``kept`` for which something else would be generated now.
        foreign: versions whose sections Tidegate did not write, and which say something else than it would.
        waiting: whether something that people wrote still stands under *Unreleased*.
    """

    text: str
    added: tuple[str, ...] = ()
    renewed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    outdated: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    waiting: bool = False


class _Part(NamedTuple):
    """A piece of the file: a version's section, *Unreleased*, or what is neither (``label`` is None)."""

    label: str | None
    lines: tuple[str, ...]
    is_unreleased: bool = False


def update(
    text: str, sections: Sequence[Section], later: Callable[[str, str], bool], unreleased: str | None = None
) -> Update:
    """The changelog with these sections, the newest first, in their places.

    Args:
        unreleased: the section of what is not released yet; None: what was generated there goes into a newer version.
        text: the file as it is, or empty for a new one.
        later: whether the first version comes after the second; a label that is no version comes after nothing.

    Raises:
        UsageError: the file ends in code, or in a comment, that is never closed: what is put there would be part of it.
    """
    whole = text if text.strip() else HEADER
    ending = "\r\n" if re.search(r"\A[^\n]*\r\n", whole) else "\n"
    file = _File(whole.split("\n"), ending, later)
    for section in reversed(sections):
        file.take(section)
    if unreleased is not None:
        file.await_release(unreleased)
    made = file.update()
    there = {part.label for part in _parts(made.text.split("\n"))} if made.added else set()
    if not there.issuperset(made.added):
        raise UsageError(
            "the changelog has code or a comment that is never closed, and a new section would be part of it",
            remedy="Close it.",
        )
    return made


class _File:
    """The file in parts, while sections are put into it."""

    def __init__(self, lines: Sequence[str], ending: str, later: Callable[[str, str], bool]) -> None:
        body, links = _split_links(lines)
        self._parts = list(_parts(body))
        self._links = list(links)
        self._end = ending.removesuffix("\n")
        self._later = later
        self._like = next((part for part in self._parts if part.label), None)
        self._added: list[str] = []
        self._renewed: list[str] = []
        self._kept: list[str] = []
        self._outdated: list[str] = []
        self._foreign: list[str] = []
        self._waiting: bool | None = None

    def take(self, section: Section) -> None:
        """Put a section in its place, or generate the one that is there again."""
        there = [number for number, part in enumerate(self._parts) if part.label == section.label]
        if there:
            self._renew(there[0], section)
        else:
            if not any(part.label and self._later(part.label, section.label) for part in self._parts):
                self.await_release("")
            self._insert(section)
            self._link(section)

    def await_release(self, markdown: str) -> None:
        """Generate what stands under *Unreleased* again, and keep what people wrote there."""
        generated = _waiting_groups(markdown)
        numbers = [number for number, part in enumerate(self._parts) if part.is_unreleased]
        if not numbers and not generated:
            return
        if not numbers:
            numbers = [next((n for n, part in enumerate(self._parts) if part.label is not None), len(self._parts))]
            if numbers[0] == len(self._parts):
                self._finish_last_line()
            self._parts.insert(numbers[0], _Part(None, (f"## [Unreleased]{self._end}", self._end), is_unreleased=True))
        part = self._parts[numbers[0]]
        lines = [line.removesuffix("\r") for line in part.lines]
        found = next((match for line in lines if (match := _WAITING.fullmatch(line))), None)
        if found is None and not generated:
            return
        heading, there = _taken_apart([line for line in lines if not _WAITING.fullmatch(line)])
        self._waiting = False
        groups, known = self._awaiting(there, generated, _remembered(found["groups"] if found else ""))
        new = [*heading.split("\n"), *([f"<!-- tidegate:unreleased{known} -->"] if known else [])]
        for title, body in groups.items():
            new += ["", *([f"### {title}", ""] if title else []), *body.split("\n")]
        if [line for line in lines if line.strip()] != [line for line in new if line.strip()]:
            self._parts[numbers[0]] = _Part(None, tuple(self._ended([*new, ""])), is_unreleased=True)

    def _awaiting(
        self, there: Mapping[str, str], generated: Mapping[str, str], recorded: Mapping[str, tuple[int, str]]
    ) -> tuple[dict[str, str], str]:
        """The groups under *Unreleased* as they are to be, and what is to be remembered of those with lines of ours."""
        groups: dict[str, str] = {}
        known = ""
        for title in dict.fromkeys((*there, *generated)):
            lines = there.get(title, "").split("\n") if there.get(title) else []
            fresh = generated[title].split("\n") if title in generated else []
            if title in there and (remembered := recorded.get(_key(title))) is not None:
                own = _without_ours(lines, *remembered)
                if own is None:
                    # Somebody edited our lines: the group is theirs now, as it is.
                    told = [f"Unreleased: {title}"] if fresh else []
                    self._kept += told
                    self._outdated += told if digest_of("\n".join(fresh)) != remembered[1] else []
                    groups[title], self._waiting = there[title], True
                    known += f" {_key(title)}:{remembered[0]}:{remembered[1]}" if fresh else ""
                    continue
                lines = own
            fresh = [line for line in fresh if not line.strip() or line not in lines]
            self._waiting = self._waiting or _says_something(lines)
            if any(line.strip() for line in fresh):
                known += f" {_key(title)}:{len(fresh)}:{digest_of(chr(10).join(fresh))}"
                lines = [*lines, *([""] if lines and not _is_entry(lines[-1]) else []), *fresh]
            if lines or _key(title) not in recorded:
                groups[title] = "\n".join(lines)
        return groups, known

    def update(self) -> Update:
        lines = [line for part in self._parts for line in part.lines] + self._links
        waiting = self._waiting
        if waiting is None:
            waiting = any(part.is_unreleased and _says_something(part.lines[1:]) for part in self._parts)
        return Update(
            "\n".join(lines),
            tuple(reversed(self._added)),
            tuple(reversed(self._renewed)),
            tuple(self._kept),
            tuple(self._outdated),
            tuple(self._foreign),
            waiting,
        )

    # A section that is not there yet.

    def _insert(self, section: Section) -> None:
        place = self._place(section.label)
        heading, groups = _taken_apart(section.markdown.rstrip("\n").split("\n"))
        heading = self._as_others(heading, section)
        lines = [*_written(heading, section.label, groups, _digests(groups)), ""]
        if place == len(self._parts):
            self._finish_last_line()
            lines = lines if self._links else [*lines[:-1], ""]
        before = self._parts[place - 1].lines if place else ()
        if before and before[-1].strip() and place < len(self._parts):
            lines = ["", *lines]
        self._parts.insert(place, _Part(section.label, tuple(self._ended(lines))))
        self._added.append(section.label)

    def _ended(self, lines: Sequence[str]) -> Iterator[str]:
        return (line + self._end for line in lines)

    def _place(self, label: str) -> int:
        """Before the first lower version; else after all versions, *Unreleased* and what stands above them."""
        last = 0
        for number, part in enumerate(self._parts):
            if part.label is not None and self._later(label, part.label):
                return number
            if part.label is not None or part.is_unreleased or number == 0:
                last = number + 1
        return last

    def _finish_last_line(self) -> None:
        """The last part may end without a line end, or without an empty line."""
        if not self._parts:
            return
        part = self._parts[-1]
        lines = list(part.lines)
        if lines and not lines[-1].strip() and len(lines) > 1:
            lines.pop()
        while lines and lines[-1] == self._end and not lines[-1].strip():
            lines.pop()
        self._parts[-1] = _Part(part.label, (*lines, self._end), part.is_unreleased)

    def _as_others(self, heading: str, section: Section) -> str:
        """The heading as the file writes its others: ``## 1.2.0 (2026-02-11)`` where they look like that."""
        if self._like is None or self._like.label is None:
            return heading
        other, label = self._like.lines[0].removesuffix("\r"), self._like.label
        if not other.lstrip().startswith("#") or other.count(label) != 1 or len(_DATE.findall(other)) != 1:
            return heading
        return _DATE.sub(section.released_on, other.replace(label, section.label))

    # A section that is there.

    def _renew(self, number: int, section: Section) -> None:
        part = self._parts[number]
        _, generated = _taken_apart(section.markdown.rstrip("\n").split("\n"))
        recorded = _recorded(part.lines)
        if recorded is None:
            if not _has_all(part.lines, generated):
                self._foreign.append(section.label)
            return
        lines = [line.removesuffix("\r") for line in part.lines]
        heading, there = _taken_apart([line for line in lines if not _META.fullmatch(line)])
        result, digests = self._merged(section.label, there, generated, recorded)
        new = _written(heading, section.label, result, digests)
        if [line for line in lines if line.strip()] == [line for line in new if line.strip()]:
            return
        self._parts[number] = _Part(section.label, tuple(self._ended([*new, ""])))
        self._renewed.append(section.label)

    def _merged(
        self, label: str, there: Mapping[str, str], generated: Mapping[str, str], recorded: Mapping[str, str]
    ) -> tuple[dict[str, str], dict[str, str]]:
        """The groups as they are to be, and the digests to remember: generated ones anew, edited ones as they are."""
        result: dict[str, str] = {}
        for title in dict.fromkeys((*generated, *there)):
            edited = title in there and recorded.get(title) != digest_of(there[title])
            removed = title not in there and title in recorded
            fresh = generated.get(title)
            if not edited and not removed:
                result |= {title: fresh} if fresh is not None else {}
                continue
            if fresh != there.get(title):
                self._kept.append(f"{label}: {title or 'text'}")
            if title in there:
                result[title] = there[title]
            if fresh is not None and recorded.get(title) != digest_of(fresh):
                self._outdated.append(f"{label}: {title or 'text'}")
        return result, _digests(generated)

    # The addresses at the end.

    def _link(self, section: Section) -> None:
        """Add the address of a version after the shape of those that are there; none where there is none."""
        defined = [
            (number, found)
            for number, line in enumerate(self._links)
            if (found := _LINK.fullmatch(line.removesuffix("\r")))
        ]
        for number, found in defined:
            compared = _COMPARED.fullmatch(found["address"])
            if compared and _UNRELEASED.fullmatch(found["label"]):
                self._link_below_unreleased(number, found, compared, section)
                return
        for number, found in defined:
            if address := self._address_like(found, section):
                self._links.insert(number, f"[{section.label}]: {address}{self._end}")
                return

    def _link_below_unreleased(
        self, number: int, found: re.Match[str], compared: re.Match[str], section: Section
    ) -> None:
        tag = quote(section.tag, safe="/")
        newest = not any(part.label and self._later(part.label, section.label) for part in self._parts)
        if newest:
            address = f"{compared['base']}{tag}{compared['dots']}{compared['new']}"
            self._links[number] = f"[{found['label']}]: {address}{self._end}"
        old = quote(section.previous_tag, safe="/") or (compared["old"] if newest else "")
        own = f"{compared['base']}{old}{compared['dots']}{tag}" if old else compared["base"].partition("/compare/")[0]
        self._links.insert(self._link_place(number + 1, section), f"[{section.label}]: {own}{self._end}")

    def _link_place(self, start: int, section: Section) -> int:
        for number in range(start, len(self._links)):
            found = _LINK.fullmatch(self._links[number].removesuffix("\r"))
            if found is None or self._later(section.label, found["label"]):
                return number
        return len(self._links)

    def _address_like(self, found: re.Match[str], section: Section) -> str:
        """The address of another version, with this one in its place."""
        label, address = found["label"], found["address"]
        if label == section.label or not self._later(section.label, label) or address.count(label) != 1:
            return ""
        return address.replace(label, quote(section.label, safe=""))


def _split_links(lines: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """What comes before the definitions of links with which the file ends, and those."""
    start = len(lines)
    for number in range(len(lines) - 1, -1, -1):
        line = lines[number].removesuffix("\r")
        if line.strip() and not _LINK.fullmatch(line):
            break
        start = number if line.strip() else start
    return lines[:start], lines[start:]


def _parts(lines: Sequence[str]) -> Iterator[_Part]:
    """What comes before the first version, then each section with all that stands below its heading."""
    level = 2
    starts = [heading for heading in headings_of(lines) if heading.level == level]
    cuts = [heading.start for heading in starts]
    if before := lines[: cuts[0] if cuts else len(lines)]:
        yield _Part(None, tuple(before))
    for heading, end in zip(starts, [*cuts, len(lines)][1:], strict=True):
        yield _part(heading, tuple(lines[heading.start : end]))


def _part(heading: Heading, lines: tuple[str, ...]) -> _Part:
    if _UNRELEASED.fullmatch(heading.text):
        return _Part(None, lines, is_unreleased=True)
    title = _TITLE.match(heading.text)
    word = (title["linked"] or title["bare"]) if title else ""
    label = re.fullmatch(r"[vV]?([0-9][0-9A-Za-z.+-]*)", word.strip())
    return _Part(label[1] if label else None, lines)


def _taken_apart(lines: Sequence[str]) -> tuple[str, dict[str, str]]:
    """The heading (which may have two lines) and the groups below it; the group without a title is what comes first."""
    found = list(headings_of(lines))
    top = found[0]
    groups = [heading for heading in found[1:] if heading.level == 3]
    starts = [heading.start for heading in groups]
    first = "\n".join(lines[top.end : starts[0] if starts else len(lines)]).strip("\n")
    told = {"": first} if first.strip() else {}
    for heading, end in zip(groups, [*starts, len(lines)][1:], strict=True):
        body = "\n".join(lines[heading.end : end]).strip("\n")
        told[heading.text] = f"{told[heading.text]}\n\n{body}" if heading.text in told else body
    return "\n".join(lines[top.start : top.end]), told


def _written(heading: str, label: str, groups: Mapping[str, str], digests: Mapping[str, str]) -> list[str]:
    known = "".join(f" {_key(title)}:{digest}" for title, digest in digests.items())
    lines = [*heading.split("\n"), f"<!-- tidegate:generated {label}{known} -->"]
    for title, body in groups.items():
        lines += ["", *([f"### {title}", ""] if title else []), *body.split("\n")]
    return lines


def _key(title: str) -> str:
    return re.sub(r"[\s:<>]", "_", plain(title, 80)) or "_"


def _digests(groups: Mapping[str, str]) -> dict[str, str]:
    return {title: digest_of(body) for title, body in groups.items()}


def _recorded(lines: Sequence[str]) -> dict[str, str] | None:
    """The digests that were written with a section; None where it is not one of ours."""
    found = next((m for line in lines[:4] if (m := _META.fullmatch(line.removesuffix("\r")))), None)
    if found is None:
        return None
    pairs = (word.rpartition(":") for word in found["groups"].split())
    return {"" if key == "_" else key: digest for key, _, digest in pairs}


def _waiting_groups(markdown: str) -> dict[str, str]:
    """The groups of a section of what is not released; without a title there is only that nothing is noticed."""
    if not markdown.strip():
        return {}
    _, groups = _taken_apart(markdown.rstrip("\n").split("\n"))
    return {title: body for title, body in groups.items() if title}


def _remembered(groups: str) -> dict[str, tuple[int, str]]:
    rows = (word.rsplit(":", 2) for word in groups.split())
    return {key: (int(count), digest) for key, count, digest in rows}


def _without_ours(lines: Sequence[str], count: int, digest: str) -> list[str] | None:
    """A group's lines without those that were generated; None where these are not there as they were."""
    for start in range(len(lines) - count, -1, -1):
        if digest_of("\n".join(lines[start : start + count])) == digest:
            rest = "\n".join([*lines[:start], *lines[start + count :]]).strip("\n")
            return rest.split("\n") if rest else []
    return None


def _is_entry(line: str) -> bool:
    return line.startswith(("- ", "* ", "+ ", "  "))


def _has_all(lines: Sequence[str], generated: Mapping[str, str]) -> bool:
    there = {line.strip() for line in lines}
    return all(line.strip() in there for body in generated.values() for line in body.split("\n") if line.strip())


def _says_something(lines: Sequence[str]) -> bool:
    text = without_comments("\n".join(lines))
    return any(line.strip() and not line.lstrip().startswith("#") for line in text.split("\n"))
