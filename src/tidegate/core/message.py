"""Commit messages taken apart: Conventional Commits 1.0.0, and the shapes that common tools write beyond it.

* a title that the code host wraps: ``Merged PR 9: feat: ...``, ``Merge pull request 'feat: ...' (#9) from ...``,
  ``Pull request #9: feat: ...``;
* a squash whose body lists ``* feat: ...`` items, each a change of its own, and what ``git merge --squash`` writes:
  ``Squashed commit of the following:`` with the messages of the commits, indented; and what ``git rebase -i`` makes
  of one, the messages one after the other;
* quotations, which are nothing of ours.

Messages are written by strangers: each expression is linear, and nothing here fails.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from tidegate.core.change import (
    BREAKING_TOKENS,
    KNOWN_KINDS,
    REVERT,
    UNCONVENTIONAL,
    Footer,
    is_break,
)
from tidegate.core.pattern import pattern

# The grammar. Each expression is linear: no two neighbouring repetitions can match the same character.
# The key of a ticket, ``PAY-12: text``, looks like a kind and is none.
TICKET = r"[A-Z][A-Z0-9]{1,20}-[0-9]{1,12}"
HEADER = pattern(
    rf"(?!{TICKET}[(!:])(?P<kind>[A-Za-z][A-Za-z0-9_-]*)(?:\((?P<scope>[^()\r\n]+)\))?(?P<bang>!)?: +(?P<text>\S.*)"
)
FOOTER = pattern(r"(?P<token>BREAKING CHANGES?|[A-Za-z][A-Za-z0-9-]*)(?:: +| (?=#))(?P<value>\S.*)")
_BREAKING_LINE = pattern(r"BREAKING[ -]CHANGES?(?:: | #|:$)")
_ITEM = pattern(r"\* (?=\S)")
SHA = r"[0-9a-f]{7,64}"
# What git merge --squash begins with, and the heading of each commit that it lists, as git log writes it.
SQUASH = "Squashed commit of the following:"
_SQUASHED_COMMIT = pattern(rf"(?P<indent> *)commit {SHA}(?: \([^\n]*\))?")
INDENT = pattern(r"^ +", re.MULTILINE)
REVERTED_SHA = pattern(rf"\bThis reverts commits? ({SHA}(?:(?:, and |, | and )(?:commit )?{SHA})*)\b")
REVERT_TITLE = pattern(r'(?P<word>Revert|Reapply) "(?P<title>.*)"(?: \([#!][0-9]{1,12}\))?$')
PULL_IN_TITLE = pattern(r"\([#!]([0-9]{1,12})\)$|^Merge pull request #([0-9]{1,12})\b")
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
QUOTING = ("<details", "<DETAILS", "<Details", "<blockquote", "<BLOCKQUOTE", "<!--", "```", "~~~")
_QUOTED = pattern(r"<(/)?(details|blockquote)\b|<!--|-->", re.IGNORECASE)
_FENCES = ("```", "~~~")


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
        return self.bang or any(is_break(footer) for footer in self.footers)


def parse_message(text: str) -> Message:
    """Take a message apart: header, body, footers. Never fails: what fits no header is all description."""
    title, _, rest = text.replace("\r\n", "\n").strip().partition("\n")
    # Whatever is a footer has one of these two; most bodies have neither, and fifty thousand of them are read at once.
    body, footers = _split_footers(rest) if ":" in rest or "#" in rest else (_plain_body(rest), ())
    if _BREAKING_LINE.match(title):
        footers = (*_read_footers([title]), *footers)
    header = HEADER.fullmatch(title.strip())
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
        if begins_paragraph and not FOOTER.fullmatch(lines[number]):
            break
        start = number if begins_paragraph else start
    return start


def _read_footers(lines: Sequence[str]) -> tuple[Footer, ...]:
    """Each footer's value runs to the next footer. Source: Conventional Commits 1.0.0, clauses 8 to 10."""
    found: list[tuple[str, list[str]]] = []
    for line in lines:
        if match := FOOTER.fullmatch(line):
            found.append((match["token"], [match["value"]]))
        elif line.endswith(":") and line[:-1] in BREAKING_TOKENS:
            # Angular's way: what breaks stands below.
            found.append((line[:-1], []))
        elif found:
            found[-1][1].append(line)
    return tuple(Footer(token, "\n".join(value).strip()) for token, value in found)


def quotations(lines: Sequence[str]) -> dict[int, int]:
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


# A merge that was squashed, rebased or copied is none any more, and carries its title in its body all the same.
MERGE_TITLES = ("Merge branch ", "Merge remote-tracking branch ", "Merge pull request ", "Merge tag ", "Merged in ")


def squashed(message: str) -> tuple[str, tuple[Message, ...]]:
    """The message without what a squash lists, and that, the oldest first.

    Of ``* feat: ...`` lines only well-known kinds make an item; what ``git merge --squash`` lists are commits, whatever
    their titles say.
    """
    if SQUASH in message and (listed := _squashed_by_git(message)) is not None:
        return listed
    return _squashed_by_stars(message)


def listed_titles(message: str) -> list[str]:
    """The titles alone of what the lines of a squash, ``* feat: ...``, list, as they are written."""
    if "\n* " not in message or SQUASH in message:
        return []
    items = [line[2:].strip() for line in message.split("\n") if line.startswith("* ")]
    return [item for item in items if _is_item(item)] if len(items) > 1 else []


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
    if ": " not in rest or not _is_known(HEADER.fullmatch(title.strip())):
        return message, ()
    lines = ["", *rest.split("\n"), ""]
    blocks: list[list[str]] = [[title]]
    for before, line, after in zip(lines, lines[1:], lines[2:], strict=False):
        if not before.strip() and not after.strip() and is_lone_title(line.rstrip()):
            blocks.append([line])
        else:
            blocks[-1].append(line)
    if len(blocks) == 1:
        return message, ()
    return "\n".join(blocks[0]), tuple(parse_message("\n".join(block)) for block in blocks[1:])


def is_lone_title(line: str) -> bool:
    header = HEADER.fullmatch(line) if line[:1].islower() else None
    if header is None or not _is_known(header) or not header["kind"].islower():
        return False
    text = header["text"]
    return " " in text and text[-1] not in ".:;,?!" and _NO_TITLE.match(text) is None


def _is_known(header: re.Match[str] | None) -> bool:
    return header is not None and header["kind"].lower() in KNOWN_KINDS


def _squashed_by_git(message: str) -> tuple[str, tuple[Message, ...]] | None:
    """The same of a message that ``git merge --squash`` began; None where it is none.

    A squash of squashes has lists in its lists, each further to the right. They are read in one pass, whatever a
    stranger made of their depth.
    """
    lines = message.replace("\r\n", "\n").split("\n")
    start = next((number for number, line in enumerate(lines) if line.rstrip() == SQUASH), None)
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
        only_lists = self._joins or bool(listed) or message.description in {"", SQUASH}
        return listed if only_lists and not message.kind else (message, *listed)


def _is_item(line: str) -> bool:
    title = line.strip()
    if title.startswith("Re") and (quoted := REVERT_TITLE.fullmatch(title)):
        title = _unwrapped(quoted)[0]
    header = HEADER.fullmatch(title)
    return header is not None and header["kind"].lower() in KNOWN_KINDS


def item_kind(item: Message) -> str:
    if (again := brought_back(item)) is not None:
        return again.kind
    return item.kind or (REVERT if REVERT_TITLE.fullmatch(item.description) else UNCONVENTIONAL)


def taken_back_inside(items: Sequence[Message]) -> dict[int, str]:
    """Which items of a squash do not count, and why: what the squash itself took back; the oldest item comes first."""
    titles = [_spelled(item) for item in items]
    places: dict[str, list[int]] = {}
    for number, title in enumerate(titles):
        places.setdefault(title, []).append(number)
    void: dict[int, str] = {}
    for number in range(len(items) - 1, 0, -1):
        quoted = REVERT_TITLE.fullmatch(titles[number]) if titles[number].startswith("Revert") else None
        if quoted is None or number in void:
            continue
        there = places.get(without_pulls(quoted["title"])[0].strip(), [])
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
    return without_pulls(f"{head}{item.description}")[0].strip()


def unwrapped_title(text: str) -> str:
    """The message with the title that its code host wrapped; as it is where nothing that we read was wrapped."""
    title, line_end, rest = text.lstrip().partition("\n")
    found = _WRAPPED.fullmatch(title.strip()) if title.startswith(("Merge", "Pull request #")) else None
    if found is None:
        return text
    told = found["title"] or found["told"] or found["quoted"]
    if HEADER.fullmatch(told) is None and REVERT_TITLE.fullmatch(told) is None:
        return text
    number = f"!{found['azure']}" if found["azure"] else f"#{found['bitbucket'] or found['gitea']}"
    return f"{told} ({number}){line_end}{rest}"


def brought_back(message: Message) -> Message | None:
    """What a revert of a revert brings back: ``Reapply "feat!: x"`` is a ``feat`` again, and breaks again."""
    if not message.description.startswith("Re"):
        return None
    title = REVERT_TITLE.fullmatch(message.description)
    inner, depth = _unwrapped(title) if title else ("", 1)
    return None if depth % 2 else parse_message(inner)


def _unwrapped(title: re.Match[str]) -> tuple[str, int]:
    """The innermost title and how often it was reverted; ``Reapply`` is a revert of a revert."""
    inner, depth = "", 0
    found: re.Match[str] | None = title
    while found and depth < 100:
        inner, depth = found["title"], depth + (1 if found["word"] == "Revert" else 2)
        found = REVERT_TITLE.fullmatch(inner)
    return inner, depth


def without_pulls(title: str) -> tuple[str, list[str]]:
    """A title without the pull requests that it names, as in ``text (#12)``, and those."""
    text, opening, number = title.rpartition(" (#")
    digits = number[:-1]
    is_number = number.endswith(")") and digits.isascii() and digits.isdecimal() and len(digits) <= 12
    if opening and is_number and "(#" not in text and "(!" not in text:
        return text, [f"#{digits}"]  # as most titles that name one
    *before, last = _PULL.split(title)
    text = "".join(part.removesuffix(" ") for part in before[::2]) + last if before else last
    return text, [number.replace("!", "#") for number in before[1::2]]
