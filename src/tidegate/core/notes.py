"""Release notes and changelog sections, as Markdown, from changes.

The sections are those of 7D-13, always all of them and in its order, with ``None`` where there is nothing: a reader
sees that nobody forgot. What commits cannot know (highlights, the migration guide, known issues) comes from people, or
from the footers ``Highlight:``, ``Migration:`` and ``Known-Issue:`` of commits.

Every text is a stranger's: nothing in it becomes a heading, a list, a link, an image or HTML. A single pair of
backticks stays a code span, because titles are full of them and nothing inside one is markup.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from tidegate.core.commit import MERGE, QUIET_KINDS, REVERT, Change, plain
from tidegate.core.version import Version
from tidegate.errors import UsageError

NONE = "None"
NO_MIGRATION = "No migration required."
MIGRATION_MISSING = "Not written yet, although there are breaking changes."
_FEATURES = frozenset({"feat", "feature"})
_FIXES = frozenset({"fix", "security", REVERT})
_DEPENDENCY_SCOPES = frozenset({"deps", "dep", "dependencies", "deps-dev"})
_DEPENDENCY_KINDS = frozenset({"deps"})

_Choice = Callable[[Change], bool]


@dataclass(frozen=True, slots=True)
class Handwritten:
    """What only people know of a release; each text is one entry, or one paragraph of the migration guide."""

    highlights: tuple[str, ...] = ()
    migration_guide: tuple[str, ...] = ()
    known_issues: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notes:
    """All that release notes are made of.

    ``requires`` maps other components to the versions they must have (``{"platform": ">=3.1.0"}``). ``issue_link`` is
    an address with ``{number}`` in it, or empty: numbers are then not linked.
    """

    component: str
    version: Version
    released_on: date
    changes: tuple[Change, ...]
    requires: Mapping[str, str] = field(default_factory=dict)
    handwritten: Handwritten = Handwritten()
    issue_link: str = ""

    def __post_init__(self) -> None:
        """Refuse an address that is none of the web, or could end its own parentheses.

        Raises:
            UsageError: as said.
        """
        if self.issue_link and not re.fullmatch(r"https?://[^\s()<>\\{}]+\{number\}[^\s()<>\\{}]*", self.issue_link):
            raise UsageError(
                f'"{plain(self.issue_link, 200)}" is not an address for issues',
                remedy="Write an https address with {number} in it, such as https://git.example/issues/{number}.",
            )


def release_notes(notes: Notes) -> str:
    """The release notes as Markdown, ending with a line end. Source: 7D-13."""
    counted = [change for change in notes.changes if not change.void]
    sections = [
        ("Highlights", _bullets((*notes.handwritten.highlights, *_footers(counted, "Highlight", "Highlights")))),
        ("Features", _entries(counted, _is_feature, notes)),
        ("Fixes", _entries(counted, _is_fix, notes)),
        ("Performance", _entries(counted, _is_performance, notes)),
        ("Breaking Changes", _breaking(counted, notes)),
        ("Deprecations", _deprecations(counted, notes)),
        ("Migration Guide", _migration_guide(counted, notes)),
        ("Dependencies", _dependencies(counted, notes)),
        ("Known Issues", _bullets((*notes.handwritten.known_issues, *_footers(counted, "Known-Issue")))),
    ]
    other = _entries(counted, _is_other, notes)
    text = [f"# {escape(notes.component)} v{notes.version}", f"**Release Date:** {notes.released_on.isoformat()}"]
    text += [f"## {title}\n{body or NONE}" for title, body in sections]
    text += [f"## Other Changes\n{other}"] if other else []
    return "\n\n".join(text) + "\n"


def changelog_section(notes: Notes) -> str:
    """One version's section of a changelog after keepachangelog.com 1.1.0, ending with a line end.

    Groups without entries are left out, as that convention has it.
    """
    counted = [change for change in notes.changes if not change.void]
    groups = {
        "Added": _entries(counted, _is_feature, notes, mark_breaking=True),
        "Changed": _entries(counted, _is_changed, notes, mark_breaking=True),
        "Deprecated": _deprecations(counted, notes),
        "Fixed": _entries(counted, lambda change: _is_fix(change) and change.kind != "security", notes, True),
        "Security": _entries(counted, lambda change: change.kind == "security", notes, mark_breaking=True),
    }
    text = [f"## [{notes.version}] - {notes.released_on.isoformat()}"]
    text += [f"### {title}\n\n{body}" for title, body in groups.items() if body]
    text += [] if len(text) > 1 else ["Nothing that users notice."]
    return "\n\n".join(text) + "\n"


def escape(text: str, limit: int = 400) -> str:
    """A stranger's text as one line of Markdown in which nothing is markup but single code spans."""
    pieces = _CODE_SPAN.split(plain(text, limit))
    return "".join(piece if number % 2 else _escape_text(piece) for number, piece in enumerate(pieces))


# A pair of single backticks: no backtick beside either, none inside, and no backslash before the first one.
_CODE_SPAN = re.compile(r"(?<![`\\])(`[^`]+`)(?!`)")
_SPECIAL = re.compile(r"[\\`*_\[\]<>&~|$#!{}^]")
# What begins a list, a quotation, a heading or a rule; entries stand at the start of a line of their own.
_OPENING = re.compile(r"(?P<number>[0-9]{1,9})(?P<mark>[.)])|(?P<sign>[-+=:])")


def _escape_text(text: str) -> str:
    escaped = _SPECIAL.sub(lambda match: "\\" + match[0], text)
    return _OPENING.sub(_escape_opening, escaped, count=1) if _OPENING.match(escaped) else escaped


def _escape_opening(match: re.Match[str]) -> str:
    return f"{match['number']}\\{match['mark']}" if match["mark"] else f"\\{match['sign']}"


def _is_dependency(change: Change) -> bool:
    return change.kind in _DEPENDENCY_KINDS or change.scope.lower() in _DEPENDENCY_SCOPES


def _is_feature(change: Change) -> bool:
    return change.kind in _FEATURES and not _is_dependency(change)


def _is_fix(change: Change) -> bool:
    return change.kind in _FIXES and not _is_dependency(change)


def _is_performance(change: Change) -> bool:
    return change.kind == "perf" and not _is_dependency(change)


def _is_changed(change: Change) -> bool:
    """What a changelog calls changed: performance, dependencies, other kinds, and quiet ones that break something."""
    if _is_feature(change) or _is_fix(change) or change.kind == "deprecate":
        return False
    return change.breaking or _is_performance(change) or _is_dependency(change) or _is_other(change)


def _is_other(change: Change) -> bool:
    """Conventional in no way, or of a kind that we do not know: a reader must be able to see it."""
    known = _FEATURES | _FIXES | QUIET_KINDS | {"perf", "deprecate", MERGE}
    return change.kind not in known and not _is_dependency(change)


def _entries(changes: Iterable[Change], chosen: _Choice, notes: Notes, mark_breaking: bool = False) -> str:
    return "\n".join(_entry(change, notes, mark_breaking) for change in changes if chosen(change))


def _entry(change: Change, notes: Notes, mark_breaking: bool = False) -> str:
    mark = "**Breaking:** " if mark_breaking and change.breaking else ""
    scope = f"**{escape(change.scope)}:** " if change.scope else ""
    return f"- {mark}{scope}{escape(_sentence(change))}{_references(change, notes)}"


def _sentence(change: Change) -> str:
    """A revert of released work is told as what it is."""
    if change.kind == REVERT and not change.summary.lower().startswith("revert"):
        return f"Reverted: {change.summary}"
    return change.summary


def _references(change: Change, notes: Notes) -> str:
    issues = [_issue(issue, notes) for issue in dict.fromkeys((*change.refs, *change.closes))]
    return f" ({', '.join(issues)})" if issues else ""


def _issue(issue: str, notes: Notes) -> str:
    number = re.fullmatch(r"#([0-9]{1,12})", issue)
    if number is None or not notes.issue_link:
        return escape(issue)
    return f"[\\#{number[1]}]({notes.issue_link.replace('{number}', number[1])})"


def _breaking(changes: Iterable[Change], notes: Notes) -> str:
    lines = [
        f"- {_scoped(change, note)}{_references(change, notes)}"
        for change in changes
        if change.breaking
        for note in change.breaking_notes
    ]
    return "\n".join(lines)


def _scoped(change: Change, text: str) -> str:
    return f"**{escape(change.scope)}:** {escape(text)}" if change.scope else escape(text)


def _deprecations(changes: Iterable[Change], notes: Notes) -> str:
    """From ``deprecate:`` titles and from ``Deprecated:`` footers, which may say when it will be removed."""
    lines: list[str] = []
    for change in changes:
        told = change.noted("Deprecated", "Deprecates", "Deprecation")
        told = told or ((change.summary,) if change.kind == "deprecate" else ())
        lines += [f"- {_scoped(change, text)}{_references(change, notes)}" for text in told]
    return "\n".join(lines)


def _migration_guide(changes: Sequence[Change], notes: Notes) -> str:
    told = (*notes.handwritten.migration_guide, *_footers(changes, "Migration", "Migration-Guide"))
    if told:
        return "\n\n".join(escape(text, 4000) for text in told)
    return MIGRATION_MISSING if any(change.breaking for change in changes) else NO_MIGRATION


def _dependencies(changes: Iterable[Change], notes: Notes) -> str:
    required = [f"- Requires {escape(name)} {escape(_constraint(text))}" for name, text in notes.requires.items()]
    changed = [_entry(change, notes) for change in changes if _is_dependency(change)]
    return "\n".join((*required, *changed))


def _constraint(text: str) -> str:
    """``v3.1.0+`` for ``>=3.1.0``, as 7D writes it; other conditions as they are."""
    at_least = re.fullmatch(r">=\s*([0-9][0-9A-Za-z.+-]*)", text)
    return f"v{at_least[1]}+" if at_least else text


def _footers(changes: Iterable[Change], *tokens: str) -> tuple[str, ...]:
    return tuple(text for change in changes for text in change.noted(*tokens))


def _bullets(texts: Iterable[str]) -> str:
    return "\n".join(f"- {escape(text)}" for text in texts)
