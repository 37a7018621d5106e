"""Hand-written fragments: one small file per change that a user notices, named by issue and type.

``changelog.d/123.added.md`` speaks of issue 123, ``changelog.d/+login.fixed.md`` of no issue. The names are those of
towncrier, so that a project can move from one to the other; a number may tell two of a kind apart
(``123.added.2.md``). A file of another shape or of an unknown type is an error, because a fragment that nobody reads
is lost without a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import NamedTuple

from tidegate.core.notes.prose import Block, blocks_of
from tidegate.core.notes.topic import ALIASES, FRAGMENT_TYPES, Topic
from tidegate.core.pattern import pattern
from tidegate.core.plain import plain
from tidegate.errors import UsageError

FOLDERS = ("changelog.d", "newsfragments")
"""Where fragments lie, below a component's own folder."""

MAX_BYTES = 64 * 1024
"""How long one fragment may be."""

_NAME = pattern(r"(?P<issue>\+?[A-Za-z0-9_#-]{0,80})\.(?P<type>[A-Za-z-]{1,40})(?:\.[0-9]{1,6})?(?:\.(?:md|txt))?")
_ISSUE = pattern(r"#?(?P<number>[0-9]{1,12})|(?P<key>[A-Z][A-Z0-9]{1,20}-[0-9]{1,12})")
_NO_FRAGMENT = pattern(r"(?i:\.git(ignore|keep)|\.keep|readme(\.(md|txt|rst))?|template\.(md|j2|jinja)|[._].*)")


class Fragment(NamedTuple):
    """One fragment: the file that holds it, what it speaks of, the issue it names (or nothing), and its text."""

    path: str
    topic: Topic
    issue: str
    blocks: tuple[Block, ...]


def is_fragment(name: str) -> bool:
    """False for the files that may lie beside fragments: a README, a template, what begins with a dot or underscore."""
    return _NO_FRAGMENT.fullmatch(name) is None


def read_fragment(path: str, content: bytes) -> Fragment:
    """The fragment that a file holds.

    Raises:
        UsageError: its name is none, its type is unknown, or its content is too long, empty or no text in UTF-8.
    """
    topic, issue = _named(path)
    blocks = blocks_of(_text(path, content))
    if not blocks:
        raise UsageError(
            "the fragment is empty", where=_shown(path), remedy="Write a sentence for users, or remove it."
        )
    return Fragment(_shown(path), topic, issue, blocks)


def _named(path: str) -> tuple[Topic, str]:
    name = PurePosixPath(path).name
    parts = _NAME.fullmatch(name)
    if parts is None:
        raise UsageError(
            f'"{plain(name, 100)}" is not the name of a fragment',
            where=_shown(path),
            remedy="Name it by issue and type, such as 123.added.md, or +login.fixed.md where there is no issue.",
        )
    word = parts["type"].lower()
    topic = FRAGMENT_TYPES.get(ALIASES.get(word, word))
    if topic is None:
        raise _unknown(path, word)
    return topic, _issue(parts["issue"])


def _unknown(path: str, word: str) -> UsageError:
    from difflib import get_close_matches

    close = get_close_matches(word, [*FRAGMENT_TYPES, *ALIASES], n=1)
    guess = f'Did you mean "{close[0]}"? ' if close else ""
    return UsageError(
        f'there is no type of fragment "{word}"',
        where=_shown(path),
        remedy=f"{guess}The types are: {', '.join(FRAGMENT_TYPES)}.",
    )


def _issue(text: str) -> str:
    found = _ISSUE.fullmatch(text)
    if found is None:
        return ""
    return f"#{found['number']}" if found["number"] else text


def _text(path: str, content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise UsageError(
            f"the fragment has {len(content)} bytes; at most {MAX_BYTES} are read",
            where=_shown(path),
            remedy="Say it in a few sentences, and link to the rest.",
        )
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise UsageError("the fragment is no text in UTF-8", where=_shown(path), remedy="Save it as UTF-8.") from error


def _shown(path: str) -> str:
    return plain(path, 300)


def in_order(paths: Iterable[str]) -> list[str]:
    """The paths by issue number, then those of other names: the order in which they are told."""

    def key(path: str) -> tuple[int, int, str]:
        number = re.match(r"#?([0-9]{1,12})\.", PurePosixPath(path).name)
        return (0, int(number[1]), path) if number else (1, 0, path)

    return sorted(paths, key=key)
