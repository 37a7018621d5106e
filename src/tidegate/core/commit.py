"""What commits say: Conventional Commits 1.0.0, read into changes, and the next version that follows from them.

A commit is never dropped. One that follows no convention is a change of no kind; one that was taken back inside the
range stays in the list with the reason why it does not count (``void``). Commit texts are written by strangers: what
is shown of them goes through :func:`~tidegate.core.plain.plain` and is escaped again by whoever renders it.

The shapes read beyond the plain convention, each because a common tool writes it:

* a merge commit whose *body* carries the conventional title (``Merge pull request #9``, then ``feat: ...``);
* a title that the code host wraps: ``Merged PR 9: feat: ...``, ``Merge pull request 'feat: ...' (#9) from ...``,
  ``Pull request #9: feat: ...``;
* a squash whose body lists ``* feat: ...`` items, each a change of its own, and what ``git merge --squash`` writes:
  ``Squashed commit of the following:`` with the messages of the commits, indented; and what ``git rebase -i`` makes
  of one, the messages one after the other;
* ``This reverts commit SHA``, with ``Revert "..."`` or ``Reapply "..."`` as the title; ``Reverts owner/repo#12``;
  ``revert: feat: ...`` with the whole title of what it takes back;
* ``(cherry picked from commit SHA)``, where both commits meet again in one range.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from heapq import heapify, heappop, heappush
from itertools import islice
from types import MappingProxyType
from typing import NamedTuple

from tidegate.core.pattern import pattern
from tidegate.core.plain import plain
from tidegate.core.version import Level, Version, bump
from tidegate.errors import ConflictError

INHERITED_REFS = 20
"""References of a squash that each of its items shows; a message of a megabyte has room for thousands of both."""

_MOST_CANDIDATES = 20
"""Commits of one title or pull request of which a revert without a commit's name may mean each."""
_MOST_STEPS = 1_000_000
"""Commits that are looked at to see what a release's reverts descend from."""

UNCONVENTIONAL = ""
"""The kind of a change whose commit follows no convention."""

MERGE = "merge"
"""The kind of a merge commit that says nothing of its own."""

REVERT = "revert"

LEVELS: Mapping[str, Level] = MappingProxyType(
    {
        "feat": Level.MINOR,
        "feature": Level.MINOR,
        "deprecate": Level.MINOR,
        "fix": Level.PATCH,
        "perf": Level.PATCH,
        "security": Level.PATCH,
        REVERT: Level.PATCH,
    }
)
"""What a kind asks for when it is not breaking; kinds that are not listed ask for nothing.

Source: Conventional Commits 1.0.0, clauses 2 and 3; 7D's versioning section, where security patches and performance
are PATCH and deprecations MINOR. A revert takes back released work: to its users it is a fix.
"""

QUIET_KINDS = frozenset({"build", "chore", "ci", "docs", "refactor", "style", "test"})
"""Well-known kinds that users of a component do not notice."""

INITIAL_VERSION = Version(0, 1, 0)
"""The first version of a component that was never released. Source: SemVer 2.0.0, FAQ on the 0.y.z phase."""


# A long history makes each of these a hundred thousand times, and a named tuple in a third of a dataclass's time.


class Person(NamedTuple):
    """A name and a mail address as a commit states them: a claim, not an identity."""

    name: str
    email: str


class Commit(NamedTuple):
    """A commit as Git tells it; ``message`` is raw and may hold anything but NUL."""

    sha: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    committed_s: int
    """Seconds since 1970 in UTC, as the committer's clock claimed."""
    message: str
    authored_s: int = 0
    """When it was written, as its author's clock claimed: what a cherry-pick keeps. 0: nobody knows."""


class Footer(NamedTuple):
    """A trailer: ``Refs: #12`` is the token ``Refs`` with the value ``#12``."""

    token: str
    value: str


class Change(NamedTuple):
    """One thing that a commit changed, ready to be shown (control characters are gone).

    ``void`` says why a change does not count: it was reverted in the same range, or is there twice; else it is empty.
    ``at_least`` is what a rule of the policy asks of it, whatever its commit says, and ``because`` why.
    """

    kind: str
    scope: str
    breaking: bool
    summary: str
    sha: str
    authors: tuple[Person, ...]
    closes: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    notes: tuple[Footer, ...] = ()
    void: str = ""
    at_least: Level = Level.NONE
    because: str = ""

    @property
    def is_conventional(self) -> bool:
        """False for what follows no convention; such a change asks for no version and is listed all the same."""
        return self.kind != UNCONVENTIONAL

    @property
    def short_sha(self) -> str:
        """Enough of the commit's name for a reader."""
        return self.sha[:10]

    def noted(self, *tokens: str) -> tuple[str, ...]:
        """The values of the footers of these tokens, spelled in any case."""
        wanted = {token.lower() for token in tokens}
        return tuple(note.value for note in self.notes if note.token.lower() in wanted)

    @property
    def breaking_notes(self) -> tuple[str, ...]:
        """What its BREAKING CHANGE footers say; the summary where it is marked with ``!`` alone."""
        told = tuple(note.value for note in self.notes if _is_break(note))
        return told or ((self.summary,) if self.breaking else ())

    def level(self, levels: Mapping[str, Level] = LEVELS) -> Level:
        """What this change asks of the next version."""
        if self.void:
            return Level.NONE
        return max(self.said_level(levels), self.at_least)

    def said_level(self, levels: Mapping[str, Level] = LEVELS) -> Level:
        """What its commit says by itself, void or not."""
        return Level.MAJOR if self.breaking else max(levels.get(self.kind, Level.NONE), self._deprecation_level())

    def _deprecation_level(self) -> Level:
        return Level.MINOR if self.noted(*_DEPRECATION) else Level.NONE


# The grammar. Each expression is linear: no two neighbouring repetitions can match the same character.
# The key of a ticket, ``PAY-12: text``, looks like a kind and is none.
_TICKET = r"[A-Z][A-Z0-9]{1,20}-[0-9]{1,12}"
_HEADER = pattern(
    rf"(?!{_TICKET}[(!:])(?P<kind>[A-Za-z][A-Za-z0-9_-]*)(?:\((?P<scope>[^()\r\n]+)\))?(?P<bang>!)?: +(?P<text>\S.*)"
)
_FOOTER = pattern(r"(?P<token>BREAKING CHANGES?|[A-Za-z][A-Za-z0-9-]*)(?:: +| (?=#))(?P<value>\S.*)")
_BREAKING_LINE = pattern(r"BREAKING[ -]CHANGES?(?:: | #|:$)")
_BREAKING = ("BREAKING CHANGE", "BREAKING-CHANGE", "BREAKING CHANGES", "BREAKING-CHANGES")
# What a template that was left as it is answers.
_NO_BREAK = frozenset({"", "none", "no", "n/a", "na", "nothing", "-"})
_DEPRECATION = ("Deprecated", "Deprecates", "Deprecation")
_ITEM = pattern(r"\* (?=\S)")
_SHA = r"[0-9a-f]{7,64}"
# What git merge --squash begins with, and the heading of each commit that it lists, as git log writes it.
_SQUASH = "Squashed commit of the following:"
_SQUASHED_COMMIT = pattern(rf"(?P<indent> *)commit {_SHA}(?: \([^\n]*\))?")
_SQUASHED_NAME = pattern(r"^ *commit ([0-9a-f]{40}(?:[0-9a-f]{24})?)(?: \([^\n]*\))?$", re.MULTILINE)
_SQUASHED_AUTHOR = pattern(r"^Author:([^<>\n]*)<([^<>\s]+)>[ \t]*$", re.MULTILINE)
_INDENT = pattern(r"^ +", re.MULTILINE)
_REVERTED_SHA = pattern(rf"\bThis reverts commits? ({_SHA}(?:(?:, and |, | and )(?:commit )?{_SHA})*)\b")
_REVERTED_PULL = pattern(r"^Reverts [\w./-]{0,200}[#!]([0-9]{1,12})\b", re.MULTILINE)
_REVERT_TITLE = pattern(r'(?P<word>Revert|Reapply) "(?P<title>.*)"(?: \([#!][0-9]{1,12}\))?$')
_PICKED_FROM = pattern(rf"^\(cherry picked from commit ({_SHA})\)$", re.MULTILINE)
# As people and tools write it, not only as forges count it: indented or in a list, with a space before the colon,
# without brackets, several on a line, folded. Whoever is named has a hand in it, and does not approve it.
_COAUTHORS = pattern(
    r"^[ \t]*(?:[*-][ \t]+)?co-?authored[- ]?by[ \t]*:(.*(?:\n[ \t]+\S.*)*)", re.MULTILINE | re.IGNORECASE
)
_COAUTHOR_WORDS = pattern(r"[\s<>,;()\"]+")
_ADDRESS = pattern(r"[^@]+@[^@]+")
_ISSUE = r"(?:[\w.-]{1,100}/[\w.-]{1,100})?#[0-9]{1,12}\b|\bGH-[0-9]{1,12}\b"
_CLOSING = r"(?i:close[sd]?|fix(?:e[sd])?|resolve[sd]?)"
_CLOSING_TOKEN = pattern(_CLOSING)
_REFS = pattern(r"(?i:refs?)")
_CLOSES = pattern(rf"\b{_CLOSING}:? +({_ISSUE})")
# Keys such as PAY-12 count in footers alone: in prose, "fixed UTF-8" closes nothing.
_FOOTER_ISSUE = pattern(rf"{_ISSUE}|\b{_TICKET}\b")
_PULL_IN_TITLE = pattern(r"\([#!]([0-9]{1,12})\)$|^Merge pull request #([0-9]{1,12})\b")
_PULL = pattern(r"\(([#!][0-9]{1,12})\)")
# Azure DevOps and Bitbucket Data Center wrap the title of a squash and of a merge; Gitea and Forgejo that of a merge.
_WRAPPED = pattern(
    r"Merged PR (?P<azure>[0-9]{1,12}): +(?P<title>\S.*)"
    r"|Pull request #(?P<bitbucket>[0-9]{1,12}): +(?P<told>\S.*)"
    r"|Merge pull request '(?P<quoted>.*)' \(#(?P<gitea>[0-9]{1,12})\) from \S.*"
)
# With what a line begins that is about something, and is no title of its own.
_NO_TITLE = pattern(
    r"(?i:(?:see|cf\.?|same as|none|nothing|n/a|todo|tbd"
    r"|not (?:needed|applicable|required)|no (?:changes?|tests?|docs?))\b|https?://|[#!][0-9])"
)
# What quotes: blocks of HTML, a comment, and code between fences.
_QUOTING = ("<details", "<DETAILS", "<Details", "<blockquote", "<BLOCKQUOTE", "<!--", "```", "~~~")
_QUOTED = pattern(r"<(/)?(details|blockquote)\b|<!--|-->", re.IGNORECASE)
_FENCES = ("```", "~~~")
_KNOWN_KINDS = frozenset(LEVELS) | QUIET_KINDS


class Message(NamedTuple):
    """A commit message taken apart by Conventional Commits 1.0.0; ``kind`` is empty where it follows none."""

    kind: str
    scope: str
    bang: bool
    description: str
    body: str
    footers: tuple[Footer, ...]

    @property
    def breaking(self) -> bool:
        """Marked with ``!`` or by a BREAKING CHANGE footer.

        A footer counts under an unconventional title too: to overlook a break costs more than to announce one.
        """
        return self.bang or any(_is_break(footer) for footer in self.footers)


def _is_break(footer: Footer) -> bool:
    return footer.token in _BREAKING and footer.value.lower().rstrip(".!") not in _NO_BREAK


def parse_message(text: str) -> Message:
    """Take a message apart: header, body, footers. Never fails: what fits no header is all description."""
    title, _, rest = text.replace("\r\n", "\n").strip().partition("\n")
    # Whatever is a footer has one of these two; most bodies have neither, and fifty thousand of them are read at once.
    body, footers = _split_footers(rest) if ":" in rest or "#" in rest else (_plain_body(rest), ())
    if _BREAKING_LINE.match(title):
        footers = (*_read_footers([title]), *footers)
    header = _HEADER.fullmatch(title.strip())
    if header is None:
        return Message(UNCONVENTIONAL, "", False, title.strip(), body, footers)
    kind, scope = header["kind"].lower(), (header["scope"] or "").strip()
    return Message(kind, scope, bool(header["bang"]), header["text"].strip(), body, footers)


def _plain_body(rest: str) -> str:
    return "\n".join(_body_lines(rest)).strip()


def _body_lines(rest: str) -> list[str]:
    """The lines without what Git's own tools put between them: trailing spaces, and rules of hyphens."""
    lines = [line.rstrip() for line in rest.split("\n")]
    return (
        [("" if line.endswith("---") and not line.strip("- \t") else line) for line in lines]
        if "---" in rest
        else lines
    )


def _split_footers(rest: str) -> tuple[str, tuple[Footer, ...]]:
    """The body and the footers.

    Footers begin at the first BREAKING CHANGE line, or at the end where there is none, and reach up over the paragraphs
    before it that all begin with a footer: ``Note: ...`` in the middle of a body is prose.
    """
    lines = _body_lines(rest)
    start = _trailing_footers(lines[: _first_breaking_line(lines)] if "BREAKING" in rest else lines)
    return "\n".join(lines[:start]).strip(), _read_footers(lines[start:])


def _first_breaking_line(lines: Sequence[str]) -> int:
    return next((number for number, line in enumerate(lines) if _BREAKING_LINE.match(line)), len(lines))


def _trailing_footers(lines: Sequence[str]) -> int:
    start = len(lines)
    for number in range(len(lines) - 1, -1, -1):
        begins_paragraph = lines[number] and (number == 0 or not lines[number - 1])
        if begins_paragraph and not _FOOTER.fullmatch(lines[number]):
            break
        start = number if begins_paragraph else start
    return start


def _read_footers(lines: Sequence[str]) -> tuple[Footer, ...]:
    """Each footer's value runs to the next footer. Source: Conventional Commits 1.0.0, clauses 8 to 10."""
    found: list[tuple[str, list[str]]] = []
    for line in lines:
        if match := _FOOTER.fullmatch(line):
            found.append((match["token"], [match["value"]]))
        elif line.endswith(":") and line[:-1] in _BREAKING:
            # Angular's way: what breaks stands below.
            found.append((line[:-1], []))
        elif found:
            found[-1][1].append(line)
    return tuple(Footer(token, "\n".join(value).strip()) for token, value in found)


def changes_of(commit: Commit) -> tuple[Change, ...]:
    """The changes of one commit by itself: its own, then the items that a squash lists."""
    if (plainly := _plain_change(commit)) is not None:
        return (plainly,)
    commit = _unquoted(commit)
    own_text, items = _squashed(commit.message)
    title = _title_message(commit, own_text)
    authors = _authors(commit)
    own = _change(commit, title, _kind_of(commit, title, own_text), authors)
    inherited = own.refs[:INHERITED_REFS]
    taken_back = _taken_back_inside(items)
    listed = [
        _void(_with_refs(_change(commit, item, _item_kind(item), authors), inherited), taken_back.get(number, ""))
        for number, item in enumerate(items)
    ]
    if listed and own.kind in {UNCONVENTIONAL, MERGE} and not own.breaking:
        return tuple(listed)
    # A squash of one commit lists its own title again.
    return (own, *(item for item in listed if _tale(item) != _tale(own)))


def _unquoted(commit: Commit) -> Commit:
    """The commit without what its message quotes: other projects' release notes, code, the comments of a template.

    Tools that bring dependencies up to date put the notes of these into ``<details>``: what breaks there, or was fixed
    or taken back, is nothing of ours. A quotation that never ends is none.
    """
    message = commit.message
    if not any(mark in message for mark in _QUOTING):
        return commit
    title, line_end, rest = message.replace("\r\n", "\n").lstrip().partition("\n")
    lines = rest.split("\n")
    quoted, end = _quotations(lines), 0
    for number in range(len(lines)):
        # The line with which it begins may have words of ours before that.
        if number < end:
            lines[number] = ""
        end = max(end, quoted.get(number, 0))
    return commit._replace(message=title + line_end + "\n".join(lines))


def _quotations(lines: Sequence[str]) -> dict[int, int]:
    """The lines at which quotations begin, and the lines after their ends; each line is looked at once."""
    bare = {mark: [number for number, line in enumerate(lines) if _is_fence(line, mark)] for mark in _FENCES}
    found: dict[int, int] = {}
    opened: dict[str, list[int]] = {}
    fenced = 0
    for number, line in enumerate(lines):
        if number < fenced:
            continue
        mark = line.lstrip(" ")[:3]
        if mark in bare and (closing := bisect_right(bare[mark], number)) < len(bare[mark]):
            found[number] = fenced = bare[mark][closing] + 1
            continue
        for tag in _QUOTED.finditer(line):
            starts = opened.setdefault((tag[2] or "").lower(), [])
            if tag[0] != "-->" and not tag[1]:
                starts.append(number)
            elif starts:
                begin = starts.pop()
                found[begin] = max(found.get(begin, 0), number + 1)
    return found


def _is_fence(line: str, mark: str) -> bool:
    text = line.strip()
    return len(text) >= len(mark) and not text.strip(mark[0])


# What a title begins with that has no header and may say more than its words: a break, a revert, an item of a squash,
# or the title that a code host has wrapped.
_SAYS_MORE = ("BREAKING", "Re", "* ", "Merged PR ", "Merge pull request '", "Pull request #")
# A merge that was squashed, rebased or copied is none any more, and carries its title in its body all the same.
_MERGES = ("Merge branch ", "Merge remote-tracking branch ", "Merge pull request ", "Merge tag ", "Merged in ")


def _plain_change(commit: Commit) -> Change | None:
    """The change of a commit that has a title, prose, and footers that are one line each; None where there may be more.

    It says what the long way says, of most commits. Fifty thousand are read for a whole changelog, and this takes a
    fifth.
    """
    title, _, rest = commit.message.partition("\n")
    header = _HEADER.fullmatch(title.strip())
    if header is None:
        title = title.strip()
        if not title or title.startswith(_SAYS_MORE) or "revert" in commit.message.lower():
            return None
        if len(commit.parents) > 1 or title.startswith(_MERGES):
            inner, _, below = rest.lstrip().partition("\n")
            header = _HEADER.fullmatch(inner.strip())
            rest = rest if header is None else below
    if header is not None:
        kind, scope, bang, text = header.groups()
    else:
        kind, scope, bang, text = MERGE if len(commit.parents) > 1 else UNCONVENTIONAL, None, None, title
    footers = _plain_footers(rest) if _may_say_more(rest) else ()
    if footers is None or kind.startswith("BREAKING") or text.startswith("Re"):
        return None
    # The long way looks for co-authors in titles too.
    if "authored" in commit.message[: len(commit.message) - len(rest)].lower():
        return None
    refs: list[str] = []
    if "#" in text or "!" in text or "GH-" in text:
        if _closed_in(text):
            return None
        text, refs = _without_pulls(text)
    closes: list[str] = []
    wrote: list[Person] = []
    for footer in footers:
        closes += footer.closes
        refs += footer.refs
        wrote += footer.wrote
    author = _clean(commit.author)
    return Change(
        kind=kind.lower(),
        scope=plain(scope.strip(), 80) if scope else "",
        breaking=bang is not None,
        summary=plain(text) or "(no description)",
        sha=commit.sha,
        authors=_together(author, wrote) if wrote else (author,),
        closes=_unique(closes) if closes else (),
        refs=_unique([issue for issue in refs if issue not in closes]) if refs else (),
        notes=tuple([footer.note for footer in footers]),
    )


def _may_say_more(text: str) -> bool:
    """Whether a text may be more than prose: without these it has no footer, no issue and no item of a squash."""
    return ":" in text or "#" in text or "*" in text or "\r" in text or "GH-" in text


class _PlainFooter(NamedTuple):
    """A footer on one line, ready to be shown, and what it says by itself: issues, or who wrote the change too."""

    note: Footer
    closes: Sequence[str]
    refs: Sequence[str]
    wrote: Sequence[Person]


def _plain_footers(rest: str) -> Sequence[_PlainFooter] | None:
    """The footers of a message without its title, each on one line, below prose; None where there may be more."""
    prose, _, tail = rest.strip().rpartition("\n\n")
    if "\r" in tail or "BREAKING" in tail or _may_say_more(prose) or "<!--" in prose:
        return None
    found: list[_PlainFooter] = []
    for line in tail.split("\n"):
        footer = _plain_footer(line)
        if footer is None:
            return None
        found.append(footer)
    return found


@lru_cache(maxsize=4096)
def _plain_footer(line: str) -> _PlainFooter | None:
    """One line as a footer; kept, since the same people and issues are named again and again."""
    match = _FOOTER.fullmatch(line.rstrip())
    if match is None or _is_lone_title(line.rstrip()):
        return None
    footer = Footer(match[1], match[2].strip())
    wrote = _COAUTHORS.fullmatch(line)
    return _PlainFooter(
        note=Footer(footer.token, plain(footer.value)),
        closes=_issues_in((footer,), _CLOSING_TOKEN),
        refs=_issues_in((footer,), _REFS),
        wrote=tuple(_co_authors(wrote[1])) if wrote else (),
    )


def _with_refs(change: Change, refs: Sequence[str]) -> Change:
    return change._replace(refs=_unique((*change.refs, *(issue for issue in refs if issue not in change.closes))))


def _tale(change: Change) -> tuple[str, str, str]:
    """What a change says, whoever says it."""
    return (change.kind, change.scope, change.summary)


def _squashed(message: str) -> tuple[str, tuple[Message, ...]]:
    """The message without what a squash lists, and that, the oldest first.

    Of ``* feat: ...`` lines only well-known kinds make an item; what ``git merge --squash`` lists are commits, whatever
    their titles say.
    """
    if _SQUASH in message and (listed := _squashed_by_git(message)) is not None:
        return listed
    return _squashed_by_stars(message)


def _squashed_by_stars(message: str) -> tuple[str, tuple[Message, ...]]:
    if "* " not in message:
        return _squashed_by_paragraphs(message)
    blocks: list[list[str]] = [[]]
    for line in message.replace("\r\n", "\n").split("\n"):
        if _ITEM.match(line) and _is_item(line[2:]):
            blocks.append([line[2:]])
        else:
            blocks[-1].append(line)
    if len(blocks) == 1:
        return _squashed_by_paragraphs(message)
    return "\n".join(blocks[0]), tuple(parse_message("\n".join(block)) for block in blocks[1:])


def _squashed_by_paragraphs(message: str) -> tuple[str, tuple[Message, ...]]:
    """The same of what ``git rebase -i`` makes of a squash: the messages one after the other.

    Prose has lines such as ``fix: see above`` too. A title is one only under a title of a known kind, as a paragraph of
    one line, its kind in lower case, of two words or more, and without what sentences end with; footers are written in
    upper case, or are about one issue.
    """
    title, _, rest = message.replace("\r\n", "\n").strip().partition("\n")
    if ": " not in rest or not _is_known(_HEADER.fullmatch(title.strip())):
        return message, ()
    lines = ["", *rest.split("\n"), ""]
    blocks: list[list[str]] = [[title]]
    for before, line, after in zip(lines, lines[1:], lines[2:], strict=False):
        if not before.strip() and not after.strip() and _is_lone_title(line.rstrip()):
            blocks.append([line])
        else:
            blocks[-1].append(line)
    if len(blocks) == 1:
        return message, ()
    return "\n".join(blocks[0]), tuple(parse_message("\n".join(block)) for block in blocks[1:])


def _is_lone_title(line: str) -> bool:
    header = _HEADER.fullmatch(line) if line[:1].islower() else None
    if header is None or not _is_known(header) or not header["kind"].islower():
        return False
    text = header["text"]
    return " " in text and text[-1] not in ".:;,?!" and _NO_TITLE.match(text) is None


def _is_known(header: re.Match[str] | None) -> bool:
    return header is not None and header["kind"].lower() in _KNOWN_KINDS


def _squashed_by_git(message: str) -> tuple[str, tuple[Message, ...]] | None:
    """The same of a message that ``git merge --squash`` began; None where it is none.

    A squash of squashes has lists in its lists, each further to the right. They are read in one pass, whatever a
    stranger made of their depth.
    """
    lines = message.replace("\r\n", "\n").split("\n")
    start = next((number for number, line in enumerate(lines) if line.rstrip() == _SQUASH), None)
    if start is None:
        return None
    own, listed = lines[: start or 1], list[_Squashed]()
    for line in lines[start + 1 :]:
        if heading := _SQUASHED_COMMIT.fullmatch(line.rstrip()):
            listed.append(_Squashed(len(heading["indent"])))
        elif not listed or not listed[-1].takes(line):
            own.append(line)
    return "\n".join(own), tuple(item for commit in reversed(listed) for item in commit.items())


class _Squashed:
    """One commit that ``git merge --squash`` lists: its head below the heading, an empty line, its message indented."""

    def __init__(self, indent: int) -> None:
        self._margins = (" " * indent, " " * (indent + 4))
        self._in_head = True
        self._joins = False
        self._lines: list[str] = []

    def takes(self, line: str) -> bool:
        """Whether a line belongs to it."""
        wanted = self._margins[0 if self._in_head else 1]
        if line.strip() and not line.startswith(wanted):
            return False
        if self._in_head:
            self._joins = self._joins or line.strip().startswith("Merge: ")
            self._in_head = bool(line.strip())
        else:
            self._lines.append(line[len(wanted) :])
        return True

    def items(self) -> tuple[Message, ...]:
        """What it says, and what it lists with stars; without itself where it only joins or lists others."""
        text, listed = _squashed_by_stars("\n".join(self._lines))
        message = parse_message(text)
        only_lists = self._joins or bool(listed) or message.description in {"", _SQUASH}
        return listed if only_lists and not message.kind else (message, *listed)


def _is_item(line: str) -> bool:
    title = line.strip()
    if title.startswith("Re") and (quoted := _REVERT_TITLE.fullmatch(title)):
        title = _unwrapped(quoted)[0]
    header = _HEADER.fullmatch(title)
    return header is not None and header["kind"].lower() in _KNOWN_KINDS


def _item_kind(item: Message) -> str:
    if (again := _brought_back(item)) is not None:
        return again.kind
    return item.kind or (REVERT if _REVERT_TITLE.fullmatch(item.description) else UNCONVENTIONAL)


def _taken_back_inside(items: Sequence[Message]) -> dict[int, str]:
    """Which items of a squash do not count, and why: what the squash itself took back; the oldest item comes first."""
    titles = [_spelled(item) for item in items]
    places: dict[str, list[int]] = {}
    for number, title in enumerate(titles):
        places.setdefault(title, []).append(number)
    void: dict[int, str] = {}
    for number in range(len(items) - 1, 0, -1):
        quoted = _REVERT_TITLE.fullmatch(titles[number]) if titles[number].startswith("Revert") else None
        if quoted is None or number in void:
            continue
        there = places.get(_without_pulls(quoted["title"])[0].strip(), [])
        # What is not older is not wanted any more: the numbers only fall.
        while there and (there[-1] >= number or there[-1] in void):
            there.pop()
        if there:
            void |= {there.pop(): "reverted in the same squash", number: "reverts what the same squash lists"}
    return void


def _spelled(item: Message) -> str:
    """The title of an item, without pull requests, in one spelling."""
    scope = f"({item.scope})" if item.scope else ""
    head = f"{item.kind}{scope}{'!' if item.bang else ''}: " if item.kind else ""
    return _without_pulls(f"{head}{item.description}")[0].strip()


def _title_message(commit: Commit, text: str) -> Message:
    """The message by which a commit is judged: a merge may carry its title as the first line of its body."""
    message = parse_message(_unwrapped_title(text))
    if message.kind or _REVERT_TITLE.fullmatch(message.description):
        return message
    if len(commit.parents) < 2 and not message.description.startswith(_MERGES):
        return message
    inner = parse_message(text.strip().partition("\n")[2])
    return inner if inner.kind else message


def _unwrapped_title(text: str) -> str:
    """The message with the title that its code host wrapped; as it is where nothing that we read was wrapped."""
    title, line_end, rest = text.lstrip().partition("\n")
    found = _WRAPPED.fullmatch(title.strip()) if title.startswith(("Merge", "Pull request #")) else None
    if found is None:
        return text
    told = found["title"] or found["told"] or found["quoted"]
    if _HEADER.fullmatch(told) is None and _REVERT_TITLE.fullmatch(told) is None:
        return text
    number = f"!{found['azure']}" if found["azure"] else f"#{found['bitbucket'] or found['gitea']}"
    return f"{told} ({number}){line_end}{rest}"


def _brought_back(message: Message) -> Message | None:
    """What a revert of a revert brings back: ``Reapply "feat!: x"`` is a ``feat`` again, and breaks again."""
    if not message.description.startswith("Re"):
        return None
    title = _REVERT_TITLE.fullmatch(message.description)
    inner, depth = _unwrapped(title) if title else ("", 1)
    return None if depth % 2 else parse_message(inner)


def _kind_of(commit: Commit, message: Message, text: str) -> str:
    """The kind of a commit's own change, where it is a revert, a merge, or neither; ``text`` is without its items."""
    if (again := _brought_back(message)) is not None:
        return again.kind or REVERT
    if message.description.startswith("Re") and _REVERT_TITLE.fullmatch(message.description):
        return REVERT
    if message.kind:
        return message.kind
    if _REVERTED_SHA.search(text):
        return REVERT
    return MERGE if len(commit.parents) > 1 else UNCONVENTIONAL


def _unwrapped(title: re.Match[str]) -> tuple[str, int]:
    """The innermost title and how often it was reverted; ``Reapply`` is a revert of a revert."""
    inner, depth = "", 0
    found: re.Match[str] | None = title
    while found and depth < 100:
        inner, depth = found["title"], depth + (1 if found["word"] == "Revert" else 2)
        found = _REVERT_TITLE.fullmatch(inner)
    return inner, depth


def _change(commit: Commit, message: Message, kind: str, authors: tuple[Person, ...]) -> Change:
    closes = dict.fromkeys(_closed(message))
    description = message.description
    summary, pulls = _without_pulls(description) if "(" in description else (description, [])
    named = _footer_issues(message, _REFS)
    again = _brought_back(message)
    return Change(
        kind=kind,
        scope=plain(message.scope, 80) if message.scope else "",
        breaking=message.breaking or (again is not None and again.breaking),
        summary=plain(summary) or "(no description)",
        sha=commit.sha,
        authors=authors,
        closes=tuple(closes),
        refs=tuple(issue for issue in _unique((*pulls, *named)) if issue not in closes) if pulls or named else (),
        notes=tuple(Footer(footer.token, plain(footer.value)) for footer in message.footers),
    )


def _without_pulls(title: str) -> tuple[str, list[str]]:
    """A title without the pull requests that it names, as in ``text (#12)``, and those."""
    *before, last = _PULL.split(title)
    text = "".join(part.removesuffix(" ") for part in before[::2]) + last if before else last
    return text, [number.replace("!", "#") for number in before[1::2]]


def _closed(message: Message) -> tuple[str, ...]:
    """The issues that a change closes, by a keyword in its text or by a footer such as ``Closes: PAY-12``."""
    in_text = [*_closed_in(message.description), *_closed_in(message.body)]
    named = _footer_issues(message, _CLOSING_TOKEN)
    return _unique((*in_text, *named))


def _closed_in(text: str) -> list[str]:
    # Line by line, since hardly one has an issue in it: the expression is slow, and looks at each word.
    if "#" not in text and "GH-" not in text:
        return []
    return [issue for line in text.split("\n") if "#" in line or "GH-" in line for issue in _CLOSES.findall(line)]


def _footer_issues(message: Message, token: re.Pattern[str]) -> list[str]:
    return _issues_in(message.footers, token)


def _issues_in(footers: Iterable[Footer], token: re.Pattern[str]) -> list[str]:
    named = (footer.value for footer in footers if token.fullmatch(footer.token))
    return [issue for value in named for issue in _FOOTER_ISSUE.findall(value)]


def _authors(commit: Commit) -> tuple[Person, ...]:
    """The author and the co-authors: all of them made the change, so none of them reviews it."""
    squashed = _SQUASH in commit.message
    # Most commits have no trailer at all.
    if not squashed and "authored" not in commit.message.lower():
        return (_clean(commit.author),)
    text = _INDENT.sub("", commit.message) if squashed else commit.message
    claimed = [_clean(Person(*found)) for found in _SQUASHED_AUTHOR.findall(text)] if squashed else []
    claimed += [each for named in _COAUTHORS.findall(text) for each in _co_authors(named)]
    return _together(_clean(commit.author), claimed)


def _together(author: Person, others: Iterable[Person]) -> tuple[Person, ...]:
    """An author and co-authors, each address once."""
    people = {author.email.lower(): author}
    for person in others:
        people.setdefault(person.email.lower(), person)
    return tuple(people.values())


def _co_authors(named: str) -> Iterator[Person]:
    """Everybody with an address in the value of a trailer, with the words before it as their name."""
    name: list[str] = []
    for word in _COAUTHOR_WORDS.split(named):
        if _ADDRESS.fullmatch(word):
            yield _clean(Person(" ".join(name), word))
            name = []
        elif word:
            name.append(word)


@lru_cache(maxsize=4096)
def _clean(person: Person) -> Person:
    return Person(plain(person.name, 200), plain(person.email, 254))


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def changes_from(
    commits: Sequence[Commit],
    parents: Mapping[str, Sequence[str]] | None = None,
    released: Mapping[str, str] = MappingProxyType({}),
    copies: Mapping[str, str] = MappingProxyType({}),
    lost: Collection[str] = frozenset(),
) -> tuple[Change, ...]:
    """All changes of a range, in its order, with what was taken back inside it marked void.

    Args:
        commits: those of the range that belong to the component, children before their parents.
        parents: the parents of *every* commit of the range; needed to see what a reverted merge had brought in.
            Where it is left out, those of ``commits``.
        released: commits of the range that were released before it, as a copy, and why they do not count.
        copies: commits that are copies and do not say so, and what each was copied from.
        lost: names of which messages say that they were reverted, and that no commit of the history has: a rebase gave
            what they named other names, and its title finds it.
    """
    graph = parents if parents is not None else {commit.sha: commit.parents for commit in commits}
    void = _taken_back(commits, graph, released, _Known(copies, lost, parents is not None))
    void |= _picked_twice(commits, void.keys() - released.keys(), copies)
    changes = tuple([change for commit in commits for change in changes_of(commit)])
    merges = {commit.sha for commit in commits if len(commit.parents) > 1}
    told = _told_besides(merges, changes) if merges else {}
    if not void and not told:
        return changes
    return tuple(
        [
            _void(change, void.get(change.sha, "") or (_echo(change, told) if change.sha in merges else ""))
            for change in changes
        ]
    )


def _void(change: Change, why: str) -> Change:
    return change._replace(void=why) if why else change


def _told_besides(merges: Collection[str], changes: Sequence[Change]) -> dict[tuple[str, str, str], str]:
    """Which commit says what a merge says too."""
    merged = {_tale(change) for change in changes if change.sha in merges}
    return {tale: change.sha for change in changes if (tale := _tale(change)) in merged and change.sha not in merges}


def _echo(change: Change, told: Mapping[tuple[str, str, str], str]) -> str:
    """Why a merge's title does not count: it only repeats what a commit of the range says."""
    repeated = told.get(_tale(change))
    return f"told by {repeated[:10]} already" if repeated else ""


class _Known(NamedTuple):
    """What is known of a range besides its commits.

    ``whole``: the graph has every commit of it, so that it says what a revert descends from. Nobody takes back what is
    not there.
    """

    copies: Mapping[str, str]
    lost: Collection[str]
    whole: bool


def _taken_back(
    commits: Sequence[Commit],
    graph: Mapping[str, Sequence[str]],
    released: Mapping[str, str],
    known: _Known,
) -> dict[str, str]:
    """Why commits do not count: reverted, or the revert of a commit of the same range; by commit.

    From the newest to the oldest: a revert that was reverted itself takes nothing back. A revert of which one target
    lies outside the range, or was released by a copy, takes back released work as well, and counts. So does a commit
    that says that it reverts another and is a feature by its own title, or breaks something.
    """
    # Every shape of a revert has this word in it; the other commits of a long history need not be read twice.
    reverting = [commit for commit in commits if "revert" in commit.message.lower()]
    void = dict(released)
    if not reverting:
        return void
    history = _Graph(graph)
    index = _Index([commit for commit in commits if commit.sha not in released], history, known)
    for commit in reverting:
        if commit.sha in void:
            continue
        targets, all_found = index.targets_of(commit)
        for sha in (reached for target in targets for reached in history.brought_in(target)):
            if sha in index.by_sha:
                void.setdefault(sha, f"reverted by {commit.sha[:10]}")
        if targets and all_found and not _is_news(commit):
            void[commit.sha] = f"reverts {', '.join(target[:10] for target in targets)}, which is not released yet"
    return void


def _is_news(commit: Commit) -> bool:
    """Whether a commit's own title says that it brings something, whatever it takes back."""
    message = parse_message(_unwrapped_title(_squashed(commit.message)[0]))
    return message.breaking or LEVELS.get(message.kind, Level.NONE) is Level.MINOR


class _Graph:
    """The commits of a range and their parents, children before their parents as Git's log tells them."""

    def __init__(self, parents: Mapping[str, Sequence[str]]) -> None:
        self._parents = parents
        self._names = list(parents)
        self._position = {sha: position for position, sha in enumerate(parents)}
        self._steps = _MOST_STEPS

    @cached_property
    def _chains(self) -> dict[str, tuple[int, int]]:
        """Each commit's line of first parents, and its place in it, the newest first."""
        found: dict[str, tuple[int, int]] = {}
        for number, begin in enumerate(self._names):
            name, place = begin, 0
            while name not in found and name in self._parents:
                found[name] = (number, place)
                above = self._parents[name]
                name, place = (above[0] if above else ""), place + 1
        return found

    def holds(self, sha: str, ancestor: str) -> bool:
        """Whether a commit descends from another; no, where a strange history would take too long to tell.

        Looks no further down than that lies, and along a line of first parents not at all.
        """
        deepest, outside = self._position[ancestor], len(self._position)
        line, place = self._chains[ancestor]
        waiting, seen = [sha], {sha}
        while waiting and self._steps:
            self._steps -= 1
            name = waiting.pop()
            own, at = self._chains[name]
            if own == line and at <= place:
                return True
            for parent in self._parents[name]:
                if parent not in seen and self._position.get(parent, outside) <= deepest:
                    seen.add(parent)
                    waiting.append(parent)
        return False

    def brought_in(self, sha: str) -> set[str]:
        """A commit; for a merge also what it brought to its first parent's line.

        Walks down from both sides at once, newest first, until nothing is left that one side alone has: what lies
        further back is of both, so that a merge costs what it brought and not the whole history.
        """
        first, *others = self._parents.get(sha, ()) or ("",)
        brought, had = {sha}, self._inside([first])
        alone = self._inside(others) - had
        waiting = [*alone, *had]
        heapify(waiting)
        while alone:
            position = heappop(waiting)
            parents = self._inside(self._parents[self._names[position]])
            if position in alone:
                alone.remove(position)
                brought.add(self._names[position])
                new = parents - alone - had
                alone |= new
            else:
                new = parents - had - alone
                had |= parents
                alone -= parents
            for parent in new:
                heappush(waiting, parent)
        return brought

    def _inside(self, names: Iterable[str]) -> set[int]:
        return {self._position[name] for name in names if name in self._position}


class _Index:
    """Finds the commits of a range that a revert speaks of."""

    def __init__(
        self,
        commits: Sequence[Commit],
        history: _Graph,
        known: _Known,
    ) -> None:
        self.by_sha = {commit.sha: position for position, commit in enumerate(commits)}
        self._commits = commits
        self._history = history
        self._known = known

    @cached_property
    def _by_origin(self) -> dict[str, list[str]]:
        """The copies of a commit, by its whole name."""
        found: dict[str, list[str]] = {}
        for commit in self._commits:
            for origin in {*origins_of(commit), self._known.copies.get(commit.sha, "")} - {"", commit.sha}:
                found.setdefault(origin, []).append(commit.sha)
        return found

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self.by_sha)

    @cached_property
    def _titles(self) -> list[tuple[str, str]]:
        messages = ((_unwrapped_title(commit.message), commit.sha) for commit in self._commits)
        return [(message.strip().partition("\n")[0].strip(), sha) for message, sha in messages]

    @cached_property
    def _by_title(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for title, sha in self._titles:
            found.setdefault(_without_pulls(title)[0].strip(), []).append(sha)
        return found

    @cached_property
    def _by_pull(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for title, sha in self._titles:
            for number in _PULL_IN_TITLE.findall(title):
                found.setdefault("".join(number), []).append(sha)
        return found

    def targets_of(self, commit: Commit) -> tuple[tuple[str, ...], bool]:
        """The commits of the range that ``commit`` reverts, and whether it reverts nothing outside of it."""
        commit = _unquoted(commit)
        # What an item of a squash reverts was on the branch that was squashed.
        text = _squashed(commit.message)[0]
        message = parse_message(_unwrapped_title(text))
        if stated := self._stated(text, message):
            found = [sha for prefix in stated if (sha := self._named(prefix, commit)) is not None]
            if not found and all(name in self._known.lost for name in stated):
                found = self._by_quoted_title(commit, message)
                return tuple(found), bool(found)
            return tuple(dict.fromkeys(found)), len(found) == len(stated)
        found = self._by_pull_number(commit, text) or self._by_quoted_title(commit, message)
        return tuple(found), bool(found)

    def _stated(self, text: str, message: Message) -> list[str]:
        stated = [sha for listed in _REVERTED_SHA.findall(text) for sha in re.findall(_SHA, listed)]
        if not stated and message.kind == REVERT:
            values = [footer.value for footer in message.footers if footer.token.lower() in {"ref", "refs", "reverts"}]
            stated = [sha for value in values for sha in re.findall(rf"(?<![\w#])({_SHA})\b", value)]
        return list(dict.fromkeys(stated))

    def _named(self, prefix: str, reverting: Commit) -> str | None:
        """The commit of that name, or the copy of it that is on the line of the revert, which was copied itself."""
        named = self._by_prefix(prefix, reverting)
        if named is not None and self._has(reverting.sha, named):
            return named
        return next(iter(self._newest_before(reverting, self._by_origin.get(prefix, []))), None)

    def _has(self, reverting: str, sha: str) -> bool:
        return not self._known.whole or self._history.holds(reverting, sha)

    def _by_prefix(self, prefix: str, reverting: Commit) -> str | None:
        start = bisect_left(self._sorted, prefix)
        matches = [sha for sha in self._sorted[start : start + 2] if sha.startswith(prefix)]
        return matches[0] if len(matches) == 1 and matches[0] != reverting.sha else None

    def _by_pull_number(self, commit: Commit, text: str) -> list[str]:
        numbers = _unique(_REVERTED_PULL.findall(text))
        return [sha for number in numbers for sha in self._newest_before(commit, self._by_pull.get(number, []))]

    def _by_quoted_title(self, commit: Commit, message: Message) -> list[str]:
        quoted = _REVERT_TITLE.fullmatch(message.description)
        if quoted is not None:
            title = quoted["title"] if quoted["word"] == "Revert" else ""
        else:
            # "revert: feat: x" names what it takes back by the whole title; "revert: x" may be any words.
            named = _without_pulls(message.description)[0].strip('" ') if message.kind == REVERT else ""
            title = named if _HEADER.fullmatch(named) else ""
        return self._newest_before(commit, self._by_title.get(_without_pulls(title)[0].strip(), [])) if title else []

    def _newest_before(self, commit: Commit, candidates: Sequence[str]) -> list[str]:
        """The newest of the candidates (newest first, as all is here) from which ``commit`` descends; none or one."""
        start = bisect_right(candidates, self.by_sha[commit.sha], key=self.by_sha.__getitem__)
        older = candidates[start : start + _MOST_CANDIDATES]
        return list(islice((sha for sha in older if self._has(commit.sha, sha)), 1))


def origins_of(commit: Commit) -> tuple[str, ...]:
    """The commits of which this one is a copy, by its ``(cherry picked from commit SHA)``; the nearest is the last."""
    if "(cherry picked from commit " not in commit.message:
        return ()
    return tuple(_PICKED_FROM.findall(commit.message))


def squashed_from(commit: Commit) -> tuple[str, ...]:
    """The commits of which this one was made, by what ``git merge --squash`` lists."""
    if _SQUASH not in commit.message:
        return ()
    return tuple(dict.fromkeys(_SQUASHED_NAME.findall(commit.message)))


def reverted_by(commit: Commit) -> tuple[str, ...]:
    """The names of commits, perhaps short ones, of which a message says ``This reverts commit SHA``."""
    if "This reverts commit" not in commit.message:
        return ()
    return tuple(sha for listed in _REVERTED_SHA.findall(commit.message) for sha in re.findall(_SHA, listed))


def picked_from(commit: Commit) -> str | None:
    """The commit of which this one is a copy; None for an original."""
    origins = origins_of(commit)
    return origins[-1] if origins else None


def _picked_twice(commits: Sequence[Commit], taken_back: Collection[str], copies: Mapping[str, str]) -> dict[str, str]:
    """Cherry-picks whose original is in the range too: it is counted there, unless it was taken back."""
    picked = [(commit.sha, origin) for commit in commits if (origin := picked_from(commit)) is not None]
    names = {commit.sha for commit in commits} if picked or copies else set()
    picked += [(copy, origin) for copy, origin in copies.items() if copy in names]
    there = names.difference(taken_back)
    return {sha: f"a copy of {origin[:10]}" for sha, origin in picked if sha != origin in there}


class Reason(NamedTuple):
    """Why a change asks for the level it asks for, in words."""

    sha: str
    level: Level
    why: str


class NextVersion(NamedTuple):
    """The version that the changes ask for; ``version`` is None when nothing asks for a release."""

    version: Version | None
    level: Level
    reasons: tuple[Reason, ...]
    why: str


def next_version(
    current: Version | None,
    changes: Sequence[Change],
    *,
    prerelease: Version | None = None,
    taken: Collection[Version] = (),
    levels: Mapping[str, Level] = LEVELS,
    widths: tuple[int, int, int] = INITIAL_VERSION.widths,
) -> NextVersion:
    """The next final version after ``current``, by what the changes since then ask for.

    Args:
        current: the last *final* version; None when there is none.
        prerelease: the highest pre-release made since then; its final version is announced, so the answer is at
            least that.
        taken: every version of the component that is tagged anywhere, also on lines of which this is no descendant.
        widths: the least digits of the numbers of a first version.

    Raises:
        ConflictError: the answer is tagged already, on another line.
    """
    reasons = tuple(Reason(change.sha, change.level(levels), _why(change, levels)) for change in changes)
    level = max((reason.level for reason in reasons), default=Level.NONE)
    version, why = _raise(current, level, bool(changes), prerelease)
    if version is not None and current is None and prerelease is None:
        version = replace(version, widths=widths)
    if version is not None and version in {other.final for other in taken if not other.is_prerelease}:
        since = current or "the beginning"
        raise ConflictError(
            f"the changes since {since} ask for {version}, and {version} is tagged already, on another line",
            remedy=(
                f"Merge the line of {version} first, or release from it; a hotfix line takes fixes only. If what was"
                " tagged has been rewritten since (git commit --amend, git rebase), go back to it, or release another"
                " version."
            ),
        )
    return NextVersion(version, level, reasons, why)


def _raise(
    current: Version | None, level: Level, any_change: bool, prerelease: Version | None
) -> tuple[Version | None, str]:
    """The next version and the sentence that explains it."""
    announced = prerelease.final if prerelease is not None else None
    asked = _asked(current, level, any_change)
    if announced is not None and (asked is None or announced >= asked) and (current is None or announced > current):
        return announced, f"{prerelease} has announced {announced}"
    if asked is None:
        return None, f"no change since {current or 'the beginning'} asks for a release"
    if current is None:
        return asked, "it is the first release"
    rule = ", and in initial development a breaking change raises the minor number" if _eased(current, level) else ""
    return asked, f"the highest level asked for since {current} is {level.word}{rule}"


def _asked(current: Version | None, level: Level, any_change: bool) -> Version | None:
    if current is None:
        return INITIAL_VERSION if any_change else None
    return bump(current, level) if level is not Level.NONE else None


def _eased(current: Version, level: Level) -> bool:
    return level is Level.MAJOR and current.is_initial_development


def _why(change: Change, levels: Mapping[str, Level]) -> str:
    """The reason for one change's level, in words."""
    if change.void:
        return change.void
    level = change.level(levels)
    if change.because and level > change.said_level(levels):
        return change.because
    if change.breaking:
        return "a breaking change"
    if not change.is_conventional:
        return "its title follows no convention, so it asks for nothing: look at it"
    if level > levels.get(change.kind, Level.NONE):
        return "it deprecates something"
    return f"{change.kind} asks for {level.word}" if level else f"{change.kind} asks for nothing"
