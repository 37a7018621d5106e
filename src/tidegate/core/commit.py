"""What commits say: Conventional Commits 1.0.0, read into changes, and the next version that follows from them.

A commit is never dropped. One that follows no convention is a change of no kind; one that was taken back inside the
range stays in the list with the reason why it does not count (``void``). Commit texts are written by strangers: what
is shown of them goes through :func:`plain` here and is escaped again by whoever renders it.

The shapes read beyond the plain convention, each because a common tool writes it:

* a merge commit whose *body* carries the conventional title (``Merge pull request #9``, then ``feat: ...``);
* a squash whose body lists ``* feat: ...`` items, each a change of its own;
* ``This reverts commit SHA``, with ``Revert "..."`` or ``Reapply "..."`` as the title; ``Reverts owner/repo#12``;
* ``(cherry picked from commit SHA)``, where both commits meet again in one range.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from tidegate.core.version import Level, Version, bump
from tidegate.errors import ConflictError

SUMMARY_LIMIT = 400
"""Characters of a summary or note that are shown; the rest of a longer one is cut with an ellipsis."""

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


@dataclass(frozen=True, slots=True)
class Person:
    """A name and a mail address as a commit states them: a claim, not an identity."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit as Git tells it; ``message`` is raw and may hold anything but NUL."""

    sha: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    committed_s: int
    """Seconds since 1970 in UTC, as the committer's clock claimed."""
    message: str


@dataclass(frozen=True, slots=True)
class Footer:
    """A trailer: ``Refs: #12`` is the token ``Refs`` with the value ``#12``."""

    token: str
    value: str


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that a commit changed, ready to be shown (control characters are gone).

    ``void`` says why a change does not count: it was reverted in the same range, or is there twice; else it is empty.
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
        return self.noted(*_BREAKING) or ((self.summary,) if self.breaking else ())

    def level(self, levels: Mapping[str, Level] = LEVELS) -> Level:
        """What this change asks of the next version."""
        if self.void:
            return Level.NONE
        return Level.MAJOR if self.breaking else max(levels.get(self.kind, Level.NONE), self._deprecation_level())

    def _deprecation_level(self) -> Level:
        return Level.MINOR if self.noted(*_DEPRECATION) else Level.NONE


def plain(text: str, limit: int = SUMMARY_LIMIT) -> str:
    """Text as it may be shown on one line: no control or direction marks, single spaces, at most ``limit`` characters.

    Joiners (U+200C, U+200D) stay, because words in several scripts, and emoji, are spelled with them.
    """
    visible = text if text.isascii() and text.isprintable() else "".join(_visible(character) for character in text)
    line = " ".join(visible.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category in {"Zl", "Zp", "Zs"} or character in "\t\n\r\v\f\x85":
        return " "
    joiner = character in "\u200c\u200d"
    return character if joiner or category not in {"Cc", "Cf", "Cs"} else ""


# The grammar. Each expression is linear: no two neighbouring repetitions can match the same character.
_HEADER = re.compile(r"(?P<kind>[A-Za-z][A-Za-z0-9_-]*)(?:\((?P<scope>[^()\r\n]+)\))?(?P<bang>!)?: +(?P<text>\S.*)")
_FOOTER = re.compile(r"(?P<token>BREAKING CHANGE|[A-Za-z][A-Za-z0-9-]*)(?:: +| (?=#))(?P<value>\S.*)")
_BREAKING_LINE = re.compile(r"BREAKING[ -]CHANGE(?:: | #)")
_BREAKING = ("BREAKING CHANGE", "BREAKING-CHANGE")
_DEPRECATION = ("Deprecated", "Deprecates", "Deprecation")
_ITEM = re.compile(r"\* (?=\S)")
_SHA = r"[0-9a-f]{7,64}"
_REVERTED_SHA = re.compile(rf"\bThis reverts commit ({_SHA})\b")
_REVERTED_PULL = re.compile(r"^Reverts [\w./-]{0,200}[#!]([0-9]{1,12})\b", re.MULTILINE)
_REVERT_TITLE = re.compile(r'(?P<word>Revert|Reapply) "(?P<title>.*)"(?: \(#[0-9]{1,12}\))?$')
_PICKED_FROM = re.compile(rf"^\(cherry picked from commit ({_SHA})\)$", re.MULTILINE)
_COAUTHOR = re.compile(r"^co-authored-by:([^<>\n]*)<([^<>\s]+)>[ \t]*$", re.MULTILINE | re.IGNORECASE)
_ISSUE = r"(?:[\w.-]{1,100}/[\w.-]{1,100})?#[0-9]{1,12}\b|\bGH-[0-9]{1,12}\b"
_CLOSING = r"(?i:close[sd]?|fix(?:e[sd])?|resolve[sd]?)"
_CLOSES = re.compile(rf"\b{_CLOSING}:? +({_ISSUE})")
# Keys such as PAY-12 count in footers alone: in prose, "fixed UTF-8" closes nothing.
_FOOTER_ISSUE = re.compile(rf"{_ISSUE}|\b[A-Z][A-Z0-9]{{1,20}}-[0-9]{{1,12}}\b")
_PULL = re.compile(r"\(([#!][0-9]{1,12})\)")
_KNOWN_KINDS = frozenset(LEVELS) | QUIET_KINDS


@dataclass(frozen=True, slots=True)
class Message:
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
        return self.bang or any(footer.token in _BREAKING for footer in self.footers)


def parse_message(text: str) -> Message:
    """Take a message apart: header, body, footers. Never fails: what fits no header is all description."""
    title, _, rest = text.replace("\r\n", "\n").strip().partition("\n")
    body, footers = _split_footers(rest)
    if _BREAKING_LINE.match(title):
        footers = (*_read_footers([title]), *footers)
    header = _HEADER.fullmatch(title.strip())
    if header is None:
        return Message(UNCONVENTIONAL, "", False, title.strip(), body, footers)
    kind, scope = header["kind"].lower(), (header["scope"] or "").strip()
    return Message(kind, scope, bool(header["bang"]), header["text"].strip(), body, footers)


def _split_footers(rest: str) -> tuple[str, tuple[Footer, ...]]:
    """The body and the footers.

    Footers begin at the first BREAKING CHANGE line, or at the end where there is none, and reach up over the paragraphs
    before it that all begin with a footer: ``Note: ...`` in the middle of a body is prose.
    """
    lines = ["" if re.fullmatch(r"\s*-{3,}\s*", line) else line.rstrip() for line in rest.split("\n")]
    start = _trailing_footers(lines[: _first_breaking_line(lines)])
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
        elif found:
            found[-1][1].append(line)
    return tuple(Footer(token, "\n".join(value).strip()) for token, value in found)


def changes_of(commit: Commit) -> tuple[Change, ...]:
    """The changes of one commit by itself: its own, then the items that a squash lists."""
    own_text, items = _squashed(commit.message)
    title = _title_message(commit, own_text)
    authors = _authors(commit)
    own = _change(commit, title, _kind_of(commit, title), authors)
    listed = [_with_refs(_change(commit, message, message.kind, authors), own.refs) for message in items]
    if listed and own.kind in {UNCONVENTIONAL, MERGE} and not own.breaking:
        return tuple(listed)
    # A squash of one commit lists its own title again.
    return (own, *(item for item in listed if _tale(item) != _tale(own)))


def _with_refs(change: Change, refs: Sequence[str]) -> Change:
    return replace(change, refs=_unique((*change.refs, *(issue for issue in refs if issue not in change.closes))))


def _tale(change: Change) -> tuple[str, str, str]:
    """What a change says, whoever says it."""
    return (change.kind, change.scope, change.summary)


def _squashed(message: str) -> tuple[str, tuple[Message, ...]]:
    """The message without its ``* feat: ...`` items, and the items; only well-known kinds make an item."""
    blocks: list[list[str]] = [[]]
    for line in message.replace("\r\n", "\n").split("\n"):
        if _ITEM.match(line) and _is_item(line[2:]):
            blocks.append([line[2:]])
        else:
            blocks[-1].append(line)
    return "\n".join(blocks[0]), tuple(parse_message("\n".join(block)) for block in blocks[1:])


def _is_item(line: str) -> bool:
    header = _HEADER.fullmatch(line.strip())
    return header is not None and header["kind"].lower() in _KNOWN_KINDS


def _title_message(commit: Commit, text: str) -> Message:
    """The message by which a commit is judged: a merge may carry its title as the first line of its body."""
    message = parse_message(text)
    if len(commit.parents) < 2 or message.kind:
        return message
    inner = parse_message(text.strip().partition("\n")[2])
    return inner if inner.kind else message


def _kind_of(commit: Commit, message: Message) -> str:
    """The kind of a commit's own change, where it is a revert, a merge, or neither.

    To revert a revert brings the first change back: ``Reapply "feat: x"`` is a ``feat`` again.
    """
    if title := _REVERT_TITLE.fullmatch(message.description):
        inner, depth = _unwrapped(title)
        return REVERT if depth % 2 else (parse_message(inner).kind or REVERT)
    if message.kind:
        return message.kind
    if _REVERTED_SHA.search(commit.message):
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
    closes = _closed(message)
    pulls = [number.replace("!", "#") for number in _PULL.findall(message.description)]
    named = _footer_issues(message, r"(?i:refs?)")
    return Change(
        kind=kind,
        scope=plain(message.scope, 80),
        breaking=message.breaking,
        summary=plain(_PULL.sub("", message.description)) or "(no description)",
        sha=commit.sha,
        authors=authors,
        closes=closes,
        refs=tuple(issue for issue in _unique((*pulls, *named)) if issue not in closes),
        notes=tuple(Footer(footer.token, plain(footer.value)) for footer in message.footers),
    )


def _closed(message: Message) -> tuple[str, ...]:
    """The issues that a change closes, by a keyword in its text or by a footer such as ``Closes: PAY-12``."""
    in_text = _CLOSES.findall(f"{message.description}\n{message.body}")
    return _unique((*in_text, *_footer_issues(message, _CLOSING)))


def _footer_issues(message: Message, token: str) -> list[str]:
    footers = [footer for footer in message.footers if re.fullmatch(token, footer.token)]
    return [issue for footer in footers for issue in _FOOTER_ISSUE.findall(footer.value)]


def _authors(commit: Commit) -> tuple[Person, ...]:
    """The author and the co-authors, each address once: all of them made the change, so none of them reviews it."""
    coauthors = [Person(*found) for found in _COAUTHOR.findall(commit.message)]
    people: dict[str, Person] = {}
    for person in (commit.author, *coauthors):
        clean = Person(plain(person.name, 200), plain(person.email, 254))
        people.setdefault(clean.email.lower(), clean)
    return tuple(people.values())


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def changes_from(commits: Sequence[Commit], parents: Mapping[str, Sequence[str]] | None = None) -> tuple[Change, ...]:
    """All changes of a range, in its order, with what was taken back inside it marked void.

    Args:
        commits: those of the range that belong to the component, children before their parents.
        parents: the parents of *every* commit of the range; needed to see what a reverted merge had brought in.
            Where it is left out, those of ``commits``.
    """
    graph = parents if parents is not None else {commit.sha: commit.parents for commit in commits}
    void = _taken_back(commits, graph) | _picked_twice(commits)
    changes = [change for commit in commits for change in changes_of(commit)]
    merges = {commit.sha for commit in commits if len(commit.parents) > 1}
    told = {_tale(change): change.sha for change in changes if change.sha not in merges}
    return tuple(replace(change, void=void.get(change.sha) or _echo(change, merges, told)) for change in changes)


def _echo(change: Change, merges: Collection[str], told: Mapping[tuple[str, str, str], str]) -> str:
    """Why a merge's title does not count: it only repeats what a commit of the range says."""
    repeated = told.get(_tale(change)) if change.sha in merges else None
    return f"told by {repeated[:10]} already" if repeated else ""


def _taken_back(commits: Sequence[Commit], graph: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Why commits do not count: reverted, or the revert of a commit of the same range; by commit.

    From the newest to the oldest: a revert that was reverted itself takes nothing back. A revert of which one target
    lies outside the range takes back released work as well, and counts.
    """
    index = _Index(commits)
    void: dict[str, str] = {}
    for commit in commits:
        if commit.sha in void:
            continue
        targets, all_found = index.targets_of(commit)
        for sha in (reached for target in targets for reached in _brought_in(target, graph)):
            if sha in index.by_sha:
                void.setdefault(sha, f"reverted by {commit.sha[:10]}")
        if targets and all_found:
            void[commit.sha] = f"reverts {', '.join(target[:10] for target in targets)}, which is not released yet"
    return void


def _brought_in(sha: str, graph: Mapping[str, Sequence[str]]) -> set[str]:
    """A commit; for a merge also what it brought to its first parent's line."""
    first, *others = graph.get(sha, ()) or ("",)
    if not others:
        return {sha}
    return {sha} | (_reachable(others, graph) - _reachable([first], graph))


def _reachable(start: Iterable[str], graph: Mapping[str, Sequence[str]]) -> set[str]:
    """The commits of the range from which ``start`` descends, itself included."""
    seen: set[str] = set()
    waiting = [sha for sha in start if sha in graph]
    while waiting:
        sha = waiting.pop()
        if sha not in seen:
            seen.add(sha)
            waiting.extend(parent for parent in graph[sha] if parent in graph and parent not in seen)
    return seen


class _Index:
    """Finds the commits of a range that a revert speaks of."""

    def __init__(self, commits: Sequence[Commit]) -> None:
        self.by_sha = {commit.sha: position for position, commit in enumerate(commits)}
        self._by_title: dict[str, list[str]] = {}
        self._by_pull: dict[str, list[str]] = {}
        for commit in commits:
            title = commit.message.strip().partition("\n")[0].strip()
            self._by_title.setdefault(_PULL.sub("", title).strip(), []).append(commit.sha)
            for number in re.findall(r"\(#([0-9]{1,12})\)$|^Merge pull request #([0-9]{1,12})\b", title):
                self._by_pull.setdefault("".join(number), []).append(commit.sha)

    def targets_of(self, commit: Commit) -> tuple[tuple[str, ...], bool]:
        """The commits of the range that ``commit`` reverts, and whether it reverts nothing outside of it."""
        # Every shape of a revert has this word in it; the other commits of a long history need not be read twice.
        if "revert" not in commit.message.lower():
            return (), False
        message = parse_message(commit.message)
        if stated := self._stated(commit, message):
            found = [sha for prefix in stated if (sha := self._by_prefix(prefix, commit)) is not None]
            return tuple(dict.fromkeys(found)), len(found) == len(stated)
        found = self._by_pull_number(commit) or self._by_quoted_title(commit, message)
        return tuple(found), bool(found)

    def _stated(self, commit: Commit, message: Message) -> list[str]:
        stated = _REVERTED_SHA.findall(commit.message)
        if not stated and message.kind == REVERT:
            values = [footer.value for footer in message.footers if footer.token.lower() in {"ref", "refs", "reverts"}]
            stated = [sha for value in values for sha in re.findall(rf"(?<![\w#])({_SHA})\b", value)]
        return list(dict.fromkeys(stated))

    def _by_prefix(self, prefix: str, reverting: Commit) -> str | None:
        matches = [sha for sha in self.by_sha if sha.startswith(prefix)] if prefix not in self.by_sha else [prefix]
        return matches[0] if len(matches) == 1 and matches[0] != reverting.sha else None

    def _by_pull_number(self, commit: Commit) -> list[str]:
        numbers = _REVERTED_PULL.findall(commit.message)
        return [sha for number in numbers for sha in self._older(self._by_pull.get(number, []), commit)[:1]]

    def _by_quoted_title(self, commit: Commit, message: Message) -> list[str]:
        quoted = _REVERT_TITLE.fullmatch(message.description)
        if quoted is None or quoted["word"] != "Revert":
            return []
        return self._older(self._by_title.get(_PULL.sub("", quoted["title"]).strip(), []), commit)[:1]

    def _older(self, candidates: Sequence[str], commit: Commit) -> list[str]:
        return [sha for sha in candidates if self.by_sha[sha] > self.by_sha[commit.sha]]


def _picked_twice(commits: Sequence[Commit]) -> dict[str, str]:
    """Cherry-picks whose original is in the range too: it is counted there."""
    there = {commit.sha for commit in commits}
    picked = ((commit.sha, _PICKED_FROM.findall(commit.message)) for commit in commits)
    return {sha: f"a copy of {origins[-1][:10]}" for sha, origins in picked if origins and origins[-1] in there - {sha}}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a change asks for the level it asks for, in words."""

    sha: str
    level: Level
    why: str


@dataclass(frozen=True, slots=True)
class NextVersion:
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
) -> NextVersion:
    """The next final version after ``current``, by what the changes since then ask for.

    Args:
        current: the last *final* version; None when there is none.
        prerelease: the highest pre-release made since then; its final version is announced, so the answer is at
            least that.
        taken: every version of the component that is tagged anywhere, also on lines of which this is no descendant.

    Raises:
        ConflictError: the answer is tagged already, on another line.
    """
    reasons = tuple(Reason(change.sha, change.level(levels), _why(change, levels)) for change in changes)
    level = max((reason.level for reason in reasons), default=Level.NONE)
    version, why = _raise(current, level, bool(changes), prerelease)
    if version is not None and version in {other.final for other in taken if not other.is_prerelease}:
        since = current or "the beginning"
        raise ConflictError(
            f"the changes since {since} ask for {version}, and {version} is tagged already, on another line",
            remedy=f"Merge the line of {version} first, or release from it; a hotfix line takes fixes only.",
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
    if change.breaking:
        return "a breaking change"
    if not change.is_conventional:
        return "its title follows no convention, so it asks for nothing: look at it"
    level = change.level(levels)
    if level > levels.get(change.kind, Level.NONE):
        return "it deprecates something"
    return f"{change.kind} asks for {level.word}" if level else f"{change.kind} asks for nothing"
