"""What commits say, read into changes: their kinds, issues and authors, and what they name as their origin.

Commit texts are written by strangers: what is shown of them goes through :func:`~tidegate.core.plain.plain` and is
escaped again by whoever renders it. Beside the shapes of :mod:`~tidegate.core.message`:

* a merge commit whose *body* carries the conventional title (``Merge pull request #9``, then ``feat: ...``);
* ``This reverts commit SHA``, with ``Revert "..."`` or ``Reapply "..."`` as the title; ``Reverts owner/repo#12``;
  ``revert: feat: ...`` with the whole title of what it takes back (:mod:`~tidegate.core.reverts`);
* ``(cherry picked from commit SHA)``, where both commits meet again in one range.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from tidegate.core.change import MERGE, REVERT, UNCONVENTIONAL, Change, Commit, Footer, Person, tale, unique, voided
from tidegate.core.message import (
    FOOTER,
    HEADER,
    INDENT,
    MERGE_TITLES,
    QUOTING,
    REVERT_TITLE,
    REVERTED_SHA,
    SHA,
    SQUASH,
    TICKET,
    Message,
    brought_back,
    is_lone_title,
    item_kind,
    parse_message,
    quotations,
    squashed,
    taken_back_inside,
    unwrapped_title,
    without_pulls,
)
from tidegate.core.pattern import pattern
from tidegate.core.plain import plain

INHERITED_REFS = 20
"""References of a squash that each of its items shows; a message of a megabyte has room for thousands of both."""
_SQUASHED_NAME = pattern(r"^ *commit ([0-9a-f]{40}(?:[0-9a-f]{24})?)(?: \([^\n]*\))?$", re.MULTILINE)
_SQUASHED_AUTHOR = pattern(r"^Author:([^<>\n]*)<([^<>\s]+)>[ \t]*$", re.MULTILINE)
_PICKED_FROM = pattern(rf"^\(cherry picked from commit ({SHA})\)$", re.MULTILINE)
# As people and tools write it, not only as forges count it: indented or in a list, with a space before the colon,
# without brackets, several on a line, folded. Whoever is named has a hand in it, and does not approve it.
_COAUTHORS = pattern(
    r"^[ \t]*(?:[*-][ \t]+)?co-?authored[- ]?by[ \t]*:(.*(?:\n[ \t]+\S.*)*)", re.MULTILINE | re.IGNORECASE
)
_COAUTHOR_WORDS = pattern(r"[\s<>,;()\"]+")
_ADDRESS = pattern(r"[^@]+@[^@]+")
_ISSUE = r"(?:[\w.-]{1,100}/[\w.-]{1,100})?#[0-9]{1,12}\b|\bGH-[0-9]{1,12}\b"
_CLOSING = r"(?i:close[sd]?|fix(?:e[sd])?|resolve[sd]?)"
_CLOSING_TOKENS = frozenset(("close", "closes", "closed", "fix", "fixes", "fixed", "resolve", "resolves", "resolved"))
_REFS = frozenset(("ref", "refs"))
_CLOSES = pattern(rf"\b{_CLOSING}:? +({_ISSUE})")
# Keys such as PAY-12 count in footers alone: in prose, "fixed UTF-8" closes nothing.
_FOOTER_ISSUE = pattern(rf"{_ISSUE}|\b{TICKET}\b")


def changes_of(commit: Commit) -> tuple[Change, ...]:
    """The changes of one commit by itself: its own, then the items that a squash lists."""
    if (plainly := _plain_change(commit)) is not None:
        return (plainly,)
    commit = unquoted(commit)
    own_text, items = squashed(commit.message)
    title = _title_message(commit, own_text)
    authors = _authors(commit)
    own = _change(commit, title, _kind_of(commit, title, own_text), authors)
    inherited = own.refs[:INHERITED_REFS]
    taken_back = taken_back_inside(items)
    listed = [
        voided(_with_refs(_change(commit, item, item_kind(item), authors), inherited), taken_back.get(number, ""))
        for number, item in enumerate(items)
    ]
    if listed and own.kind in {UNCONVENTIONAL, MERGE} and not own.breaking:
        return tuple(listed)
    # A squash of one commit lists its own title again.
    return (own, *(item for item in listed if tale(item) != tale(own)))


def unquoted(commit: Commit) -> Commit:
    """The commit without what its message quotes: other projects' release notes, code, the comments of a template.

    Tools that bring dependencies up to date put the notes of these into ``<details>``: what breaks there, or was fixed
    or taken back, is nothing of ours. A quotation that never ends is none.
    """
    message = commit.message
    if not any(mark in message for mark in QUOTING):
        return commit
    title, line_end, rest = message.replace("\r\n", "\n").lstrip().partition("\n")
    lines = rest.split("\n")
    quoted, end = quotations(lines), 0
    for number in range(len(lines)):
        # The line with which it begins may have words of ours before that.
        if number < end:
            lines[number] = ""
        end = max(end, quoted.get(number, 0))
    return commit._replace(message=title + line_end + "\n".join(lines))


# What a title begins with that has no header and may say more than its words: a break, a revert, an item of a squash,
# or the title that a code host has wrapped.
_SAYS_MORE = ("BREAKING", "Re", "* ", "Merged PR ", "Merge pull request '", "Pull request #")


def _plain_change(commit: Commit) -> Change | None:
    """The change of a commit that has a title, prose, and footers that are one line each; None where there may be more.

    It says what the long way says, of most commits. Fifty thousand are read for a whole changelog, and this takes a
    fifth.
    """
    title, _, rest = commit.message.partition("\n")
    header = HEADER.fullmatch(title.strip())
    if header is None:
        title = title.strip()
        if not title or title.startswith(_SAYS_MORE) or "revert" in commit.message.lower():
            return None
        if len(commit.parents) > 1 or title.startswith(MERGE_TITLES):
            inner, _, below = rest.lstrip().partition("\n")
            header = HEADER.fullmatch(inner.strip())
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
        text, refs = without_pulls(text)
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
        closes=unique(closes) if closes else (),
        refs=unique([issue for issue in refs if issue not in closes]) if refs else (),
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
    match = FOOTER.fullmatch(line.rstrip())
    if match is None or is_lone_title(line.rstrip()):
        return None
    footer = Footer(match[1], match[2].strip())
    wrote = _COAUTHORS.fullmatch(line) if "authored" in line.lower() else None
    return _PlainFooter(
        note=Footer(footer.token, plain(footer.value)),
        closes=_issues_in((footer,), _CLOSING_TOKENS),
        refs=_issues_in((footer,), _REFS),
        wrote=tuple(_co_authors(wrote[1])) if wrote else (),
    )


def _with_refs(change: Change, refs: Sequence[str]) -> Change:
    return change._replace(refs=unique((*change.refs, *(issue for issue in refs if issue not in change.closes))))


def _title_message(commit: Commit, text: str) -> Message:
    """The message by which a commit is judged: a merge may carry its title as the first line of its body."""
    message = parse_message(unwrapped_title(text))
    if message.kind or REVERT_TITLE.fullmatch(message.description):
        return message
    if len(commit.parents) < 2 and not message.description.startswith(MERGE_TITLES):
        return message
    inner = parse_message(text.strip().partition("\n")[2])
    return inner if inner.kind else message


def _kind_of(commit: Commit, message: Message, text: str) -> str:
    """The kind of a commit's own change, where it is a revert, a merge, or neither; ``text`` is without its items."""
    if (again := brought_back(message)) is not None:
        return again.kind or REVERT
    if message.description.startswith("Re") and REVERT_TITLE.fullmatch(message.description):
        return REVERT
    if message.kind:
        return message.kind
    if REVERTED_SHA.search(text):
        return REVERT
    return MERGE if len(commit.parents) > 1 else UNCONVENTIONAL


def _change(commit: Commit, message: Message, kind: str, authors: tuple[Person, ...]) -> Change:
    closes = dict.fromkeys(_closed(message))
    description = message.description
    summary, pulls = without_pulls(description) if "(" in description else (description, [])
    named = _footer_issues(message, _REFS)
    again = brought_back(message)
    return Change(
        kind=kind,
        scope=plain(message.scope, 80) if message.scope else "",
        breaking=message.breaking or (again is not None and again.breaking),
        summary=plain(summary) or "(no description)",
        sha=commit.sha,
        authors=authors,
        closes=tuple(closes),
        refs=tuple(issue for issue in unique((*pulls, *named)) if issue not in closes) if pulls or named else (),
        notes=tuple(Footer(footer.token, plain(footer.value)) for footer in message.footers),
    )


def _closed(message: Message) -> tuple[str, ...]:
    """The issues that a change closes, by a keyword in its text or by a footer such as ``Closes: PAY-12``."""
    in_text = [*_closed_in(message.description), *_closed_in(message.body)]
    named = _footer_issues(message, _CLOSING_TOKENS)
    return unique((*in_text, *named))


def _closed_in(text: str) -> list[str]:
    # Line by line, since hardly one has an issue in it: the expression is slow, and looks at each word.
    if "#" not in text and "GH-" not in text:
        return []
    lowered = text.lower()
    if text.isascii() and not ("clos" in lowered or "fix" in lowered or "resolv" in lowered):
        return []
    return [issue for line in text.split("\n") if "#" in line or "GH-" in line for issue in _CLOSES.findall(line)]


def _footer_issues(message: Message, tokens: Collection[str]) -> list[str]:
    return _issues_in(message.footers, tokens)


def _issues_in(footers: Iterable[Footer], tokens: Collection[str]) -> list[str]:
    named = (footer.value for footer in footers if footer.token.lower() in tokens)
    return [issue for value in named for issue in _FOOTER_ISSUE.findall(value)]


def _authors(commit: Commit) -> tuple[Person, ...]:
    """The author and the co-authors: all of them made the change, so none of them reviews it."""
    squashed = SQUASH in commit.message
    # Most commits have no trailer at all.
    if not squashed and "authored" not in commit.message.lower():
        return (_clean(commit.author),)
    text = INDENT.sub("", commit.message) if squashed else commit.message
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


def origins_of(commit: Commit) -> tuple[str, ...]:
    """The commits of which this one is a copy, by its ``(cherry picked from commit SHA)``; the nearest is the last."""
    if "(cherry picked from commit " not in commit.message:
        return ()
    return tuple(_PICKED_FROM.findall(commit.message))


def squashed_from(commit: Commit) -> tuple[str, ...]:
    """The commits of which this one was made, by what ``git merge --squash`` lists."""
    if SQUASH not in commit.message:
        return ()
    return tuple(dict.fromkeys(_SQUASHED_NAME.findall(commit.message)))


def reverted_by(commit: Commit) -> tuple[str, ...]:
    """The names of commits, perhaps short ones, of which a message says ``This reverts commit SHA``."""
    if "This reverts commit" not in commit.message:
        return ()
    return tuple(sha for listed in REVERTED_SHA.findall(commit.message) for sha in re.findall(SHA, listed))


def picked_from(commit: Commit) -> str | None:
    """The commit of which this one is a copy; None for an original."""
    origins = origins_of(commit)
    return origins[-1] if origins else None
