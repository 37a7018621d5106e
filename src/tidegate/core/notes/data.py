"""The notes of a release as data: every section, from commits and hand-written fragments, before any format.

Three sources, each for what it knows. Commits say what changed. Their footers say what only their author knew:
``Highlight:``, ``Deprecated: x, removed in 3.0.0``, ``Removed-In:``, ``Migration:``, ``Upgrade-Step:``,
``Known-Issue:``, ``Release-Note:`` (a sentence for users below the entry). Fragments are written for readers: one that
names an issue stands in place of what commits of that issue say under the same topic.

All texts are as they were written, without control characters; whoever shows them escapes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import NamedTuple

from tidegate.core.change import REVERT, Change, Person
from tidegate.core.notes.fragment import Fragment
from tidegate.core.notes.prose import Block, BlockKind, paragraph
from tidegate.core.notes.topic import Topic, topic_of
from tidegate.core.pattern import pattern
from tidegate.core.plain import plain
from tidegate.errors import UsageError


class Reference(NamedTuple):
    """An issue or pull request by its number or key, and its address where one is known."""

    text: str
    url: str = ""


class Entry(NamedTuple):
    """One thing that is told, in a line, with what people wrote below it.

    ``breaks`` is what a commit says that it breaks, besides its title. ``commit`` is the full name of the commit that
    it comes from, ``fragment`` the file; one of them is empty. ``removed_in`` and ``removed_when`` are those of
    deprecations.
    """

    text: str
    scope: str = ""
    details: tuple[Block, ...] = ()
    references: tuple[Reference, ...] = ()
    breaking: bool = False
    breaks: tuple[str, ...] = ()
    kind: str = ""
    commit: str = ""
    fragment: str = ""
    removed_in: str = ""
    removed_when: str = ""

    @property
    def by_hand(self) -> bool:
        """Written for the notes, so that its links and strong words are meant."""
        return bool(self.fragment)


class Requirement(NamedTuple):
    """Another component, and the versions of it without which this one does not work."""

    component: str
    versions: str


class Contact(NamedTuple):
    """Where users find help: what it is, and how it is reached."""

    title: str
    reach: str


_ISSUE_LINK = pattern(r"https?://[^\s()<>\\{}\[\]]+\{number\}[^\s()<>\\{}\[\]]*")


class Material(NamedTuple):
    """All that notes are made of.

    ``title`` is what people call the component; without it its name. ``version`` is empty for what has no version yet.
    ``issue_link`` is an address with ``{number}`` in it, or empty: numbers are then not linked. ``requires`` maps
    components to versions (``{"platform": ">=3.1.0"}``).
    """

    component: str
    version: str
    released_on: date | None
    changes: Sequence[Change]
    title: str = ""
    fragments: Sequence[Fragment] = ()
    requires: Mapping[str, str] = MappingProxyType({})
    contacts: Sequence[Contact] = ()
    issue_link: str = ""
    previous: str = ""


class NotesData(NamedTuple):
    """The notes of one release, section by section. Its fields are what ``--json`` prints and what templates see."""

    component: str
    title: str
    version: str
    previous: str
    released_on: date | None
    highlights: tuple[Entry, ...] = ()
    features: tuple[Entry, ...] = ()
    fixes: tuple[Entry, ...] = ()
    security: tuple[Entry, ...] = ()
    performance: tuple[Entry, ...] = ()
    improvements: tuple[Entry, ...] = ()
    documentation: tuple[Entry, ...] = ()
    removed: tuple[Entry, ...] = ()
    breaking: tuple[Entry, ...] = ()
    deprecations: tuple[Entry, ...] = ()
    migration_guide: tuple[Block, ...] = ()
    upgrade_steps: tuple[Block, ...] = ()
    requires: tuple[Requirement, ...] = ()
    dependencies: tuple[Entry, ...] = ()
    known_issues: tuple[Entry, ...] = ()
    contacts: tuple[Contact, ...] = ()
    support: tuple[Entry, ...] = ()
    other: tuple[Entry, ...] = ()
    unconventional: tuple[Entry, ...] = ()
    contributors: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """``v2.1.0``, or ``Unreleased``."""
        return f"v{self.version}" if self.version else "Unreleased"

    @property
    def breaking_by_hand(self) -> tuple[Entry, ...]:
        """The breaking changes that are told in fragments alone; those of commits also stand under their own topic."""
        return tuple(entry for entry in self.breaking if entry.by_hand)

    @property
    def breaking_documentation(self) -> tuple[Entry, ...]:
        """What of the documentation tells of something that breaks."""
        return tuple(entry for entry in self.documentation if entry.breaking)

    @property
    def remaining(self) -> tuple[Entry, ...]:
        """What has no section of its own in 7D-13 and is noticed all the same."""
        improved = (entry for entry in self.improvements if not entry.breaking)
        return (*improved, *self.removed, *self.other, *self.unconventional)


def notes_data(material: Material) -> NotesData:
    """The data of the notes. Changes that were taken back before they were released are not told.

    Raises:
        UsageError: the link of issues is no address of the web, or could end its own parentheses.
    """
    if material.issue_link and not _ISSUE_LINK.fullmatch(material.issue_link):
        raise UsageError(
            f'"{plain(material.issue_link, 200)}" is not an address for issues',
            remedy="Write an https address with {number} in it, such as https://git.example/issues/{number}.",
        )
    counted = [change for change in material.changes if not change.void]
    told = _Told(material)
    for fragment in material.fragments:
        told.take_fragment(fragment)
    for change in counted:
        told.take_change(change)
    return NotesData(
        component=plain(material.component, 200),
        title=plain(material.title or material.component, 200),
        version=material.version,
        previous=material.previous,
        released_on=material.released_on,
        requires=tuple(Requirement(plain(n, 100), plain(v, 100)) for n, v in material.requires.items()),
        contacts=tuple(material.contacts),
        contributors=contributors(counted),
        migration_guide=tuple(told.blocks[Topic.MIGRATION_GUIDE]),
        upgrade_steps=tuple(told.blocks[Topic.UPGRADE_STEPS]),
        **{topic.value: tuple(entries) for topic, entries in told.entries.items()},
    )


_OF_BLOCKS = (Topic.MIGRATION_GUIDE, Topic.UPGRADE_STEPS)
_FOOTERS: Mapping[Topic, tuple[str, ...]] = {
    Topic.HIGHLIGHTS: ("Highlight", "Highlights"),
    Topic.KNOWN_ISSUES: ("Known-Issue", "Known-Issues"),
}
_BLOCK_FOOTERS: Mapping[Topic, tuple[str, ...]] = {
    Topic.MIGRATION_GUIDE: ("Migration", "Migration-Guide"),
    Topic.UPGRADE_STEPS: ("Upgrade", "Upgrade-Step", "Upgrade-Steps"),
}
_DEPRECATED = ("Deprecated", "Deprecates", "Deprecation")
_REMOVED_IN = ("Removed-In", "Removal")
_RELEASE_NOTE = "Release-Note"
_TOLD = frozenset(
    token.lower()
    for tokens in (*_FOOTERS.values(), *_BLOCK_FOOTERS.values(), _DEPRECATED, _REMOVED_IN, (_RELEASE_NOTE,))
    for token in tokens
)


class _Told:
    """Collects what is told, topic by topic; fragments come first, because they stand in place of commits."""

    def __init__(self, material: Material) -> None:
        self._material = material
        self.entries: dict[Topic, list[Entry]] = {topic: [] for topic in Topic if topic not in _OF_BLOCKS}
        self.blocks: dict[Topic, list[Block]] = {topic: [] for topic in _OF_BLOCKS}
        self._by_hand: set[tuple[Topic, str]] = set()

    def take_fragment(self, fragment: Fragment) -> None:
        if fragment.topic in self.blocks:
            self.blocks[fragment.topic] += fragment.blocks
            return
        self.entries[fragment.topic] += self._written(fragment)
        if fragment.issue:
            self._by_hand.add((fragment.topic, fragment.issue))

    def _written(self, fragment: Fragment) -> Iterator[Entry]:
        for first, *details in _grouped(fragment.blocks):
            removal = _removal(first.text) if fragment.topic is Topic.DEPRECATIONS else _NOT_SAID
            yield Entry(
                text=removal.text or first.text,
                details=tuple(details),
                references=self._references((fragment.issue,) if fragment.issue else ()),
                breaking=fragment.topic is Topic.BREAKING,
                fragment=fragment.path,
                removed_in=removal.version,
                removed_when=removal.when,
            )

    def take_change(self, change: Change) -> None:
        topic = topic_of(change)
        if topic is None and not change.notes and not change.breaking:
            return
        references = tuple(dict.fromkeys((*change.refs, *change.closes))) if change.closes else change.refs
        if topic is not None and topic is not Topic.DEPRECATIONS and not self._told_by_hand(topic, references):
            self.entries[topic].append(self._entry(change, _sentence(change), references, explained=True))
        if change.breaking and not self._told_by_hand(Topic.BREAKING, references):
            self.entries[Topic.BREAKING] += (self._entry(change, n, references) for n in change.breaking_notes)
        if topic is Topic.DEPRECATIONS or _has_told(change):
            self._take_footers(change, topic, references)

    def _take_footers(self, change: Change, topic: Topic | None, references: Sequence[str]) -> None:
        if not self._told_by_hand(Topic.DEPRECATIONS, references):
            self.entries[Topic.DEPRECATIONS] += self._deprecations(change, topic, references)
        for known, tokens in _FOOTERS.items():
            self.entries[known] += (Entry(text, commit=change.sha) for text in change.noted(*tokens))
        for known, tokens in _BLOCK_FOOTERS.items():
            self.blocks[known] += (paragraph(text) for text in change.noted(*tokens))

    def _deprecations(self, change: Change, topic: Topic | None, references: Sequence[str]) -> Iterator[Entry]:
        """From ``deprecate:`` titles and ``Deprecated:`` footers; the removal stands in them or in ``Removed-In:``."""
        told = change.noted(*_DEPRECATED) or ((change.summary,) if topic is Topic.DEPRECATIONS else ())
        stated = _stated_removal(" ".join(change.noted(*_REMOVED_IN)[:1]))
        for text in told:
            found = _removal(text)
            removal = found if found.version else stated
            entry = self._entry(change, found.text or text, references)
            yield _removed(entry, removal)

    def _told_by_hand(self, topic: Topic, references: Iterable[str]) -> bool:
        return bool(self._by_hand) and any((topic, issue) in self._by_hand for issue in references)

    def _entry(self, change: Change, text: str, references: Sequence[str], explained: bool = False) -> Entry:
        """An entry of a change; the sentence for users stands below its title alone, not below what its footers say."""
        told = change.noted(_RELEASE_NOTE) if explained and _has_told(change) else ()
        return Entry(
            text=text,
            scope=change.scope,
            details=tuple(paragraph(note) for note in told) if told else (),
            references=self._references(references) if references else (),
            breaking=change.breaking,
            breaks=tuple(n for n in change.breaking_notes if n != change.summary) if change.breaking else (),
            kind=change.kind,
            commit=change.sha,
        )

    def _references(self, issues: Sequence[str]) -> tuple[Reference, ...]:
        return tuple([Reference(issue, self._address(issue)) for issue in issues])

    def _address(self, issue: str) -> str:
        link = self._material.issue_link
        if not link:
            return ""
        number = re.fullmatch(r"#([0-9]{1,12})", issue)
        return link.replace("{number}", number[1]) if number else ""


def _has_told(change: Change) -> bool:
    """Whether a footer is there that is told; most name issues and people alone."""
    return bool(change.notes) and not _TOLD.isdisjoint([note.token.lower() for note in change.notes])


def _sentence(change: Change) -> str:
    """A revert of released work is told as what it is."""
    if change.kind == REVERT and not change.summary.lower().startswith("revert"):
        return f"Reverted: {change.summary}"
    return change.summary


def _grouped(blocks: Iterable[Block]) -> Iterator[list[Block]]:
    """A fragment's entries: all of it, or one for each item where it begins with a list."""
    found: list[list[Block]] = []
    for block in blocks:
        first = not found
        in_list = bool(found) and found[0][0].kind is not BlockKind.PARAGRAPH
        if first or (in_list and block.kind in {BlockKind.ITEM, BlockKind.STEP} and not block.level):
            found.append([block])
        else:
            found[-1].append(block)
    yield from found


class _Removal(NamedTuple):
    """When something deprecated goes: ``text`` is what is said without it."""

    text: str = ""
    version: str = ""
    when: str = ""


_NOT_SAID = _Removal()
_VERSION = r"v?(?P<version>[0-9]{1,9}(?:\.[0-9]{1,9}){0,3}(?:-[0-9A-Za-z.-]{1,40})?)(?: \((?P<when>[^()]{1,60})\))?"
_REMOVED = pattern(
    rf"[ ,;.:(-]{{0,4}}(?:(?:it )?(?:will be|to be|is|gets) )?removed in (?:version )?{_VERSION}[.)]{{0,2}}$",
    re.IGNORECASE,
)


def _removal(text: str) -> _Removal:
    """What ``x, removed in v3.0.0 (June 2026)`` says."""
    found = _REMOVED.search(text)
    if found is None:
        return _NOT_SAID
    return _Removal(text[: found.start()].strip(), found["version"], found["when"] or "")


def _stated_removal(text: str) -> _Removal:
    found = re.fullmatch(_VERSION, text)
    return _Removal("", found["version"], found["when"] or "") if found else _NOT_SAID


def _removed(entry: Entry, removal: _Removal) -> Entry:
    return entry._replace(removed_in=removal.version, removed_when=removal.when) if removal.version else entry


def contributors(changes: Iterable[Change]) -> tuple[str, ...]:
    """Who wrote these changes, each once, by name; their mail addresses are nobody's business.

    Two addresses of one name are one contributor. Programs (``dependabot[bot]``) and people without a name are left
    out.
    """
    spelled: dict[str, Person] = {}
    for change in changes:
        for author in change.authors:
            spelled.setdefault(author.email, author)
    people: dict[str, Person] = {}
    for email, author in spelled.items():
        people.setdefault(email.lower(), author)
    names: dict[str, str] = {}
    for person in people.values():
        # Some set their address as their name, or as a part of it.
        name = person.name.partition("<")[0].partition("@")[0].strip(" (\"'")
        if name and not name.lower().endswith("[bot]"):
            names.setdefault(name.casefold(), name)
    return tuple(names[key] for key in sorted(names))
