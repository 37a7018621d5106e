"""Fragments by name, and what is wrong with those that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidegate.core.notes.fragment import MAX_BYTES, in_order, is_fragment, read_fragment
from tidegate.core.notes.topic import ALIASES, FRAGMENT_TYPES, Topic
from tidegate.errors import UsageError

PROJECT = Path(__file__).resolve().parents[4]


@pytest.mark.parametrize(
    ("name", "topic", "issue"),
    [
        ("123.added.md", Topic.FEATURES, "#123"),
        ("#123.added.md", Topic.FEATURES, "#123"),
        ("PAY-12.fixed.md", Topic.FIXES, "PAY-12"),
        ("+login.fixed.md", Topic.FIXES, ""),
        ("+.security.md", Topic.SECURITY, ""),
        ("word.removed.md", Topic.REMOVED, ""),
        ("123.added.2.md", Topic.FEATURES, "#123"),
        ("123.feature", Topic.FEATURES, "#123"),
        ("123.bugfix.txt", Topic.FIXES, "#123"),
        ("7.Known-Issue.md", Topic.KNOWN_ISSUES, "#7"),
    ],
)
def test_a_name_says_what_a_fragment_speaks_of(name: str, topic: Topic, issue: str) -> None:
    fragment = read_fragment(f"changelog.d/{name}", b"Text.")
    assert (fragment.topic, fragment.issue, fragment.path) == (topic, issue, f"changelog.d/{name}")


@pytest.mark.parametrize(
    ("name", "content", "what", "remedy"),
    [
        (
            "123.addded.md",
            b"x",
            'there is no type of fragment "addded"',
            f'Did you mean "added"? The types are: {", ".join(FRAGMENT_TYPES)}.',
        ),
        (
            "notes.md",
            b"x",
            'there is no type of fragment "md"',
            f"The types are: {', '.join(FRAGMENT_TYPES)}.",
        ),
        (
            "a b.md",
            b"x",
            '"a b.md" is not the name of a fragment',
            "Name it by issue and type, such as 123.added.md, or +login.fixed.md where there is no issue.",
        ),
        (
            "1.added.md",
            b" \n<!-- say it here -->\n",
            "the fragment is empty",
            "Write a sentence for users, or remove it.",
        ),
        ("1.added.md", b"\xff", "the fragment is no text in UTF-8", "Save it as UTF-8."),
        (
            "1.added.md",
            b"x" * (MAX_BYTES + 1),
            "the fragment has 65537 bytes; at most 65536 are read",
            "Say it in a few sentences, and link to the rest.",
        ),
    ],
)
def test_what_is_no_fragment_is_an_error(name: str, content: bytes, what: str, remedy: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_fragment(f"changelog.d/{name}", content)
    assert (caught.value.what, caught.value.remedy) == (what, remedy)
    assert caught.value.where == f"changelog.d/{name}"


@pytest.mark.parametrize("name", ["README.md", "README", "readme.rst", ".gitignore", ".keep", "template.md", "_x"])
def test_what_may_lie_beside_fragments(name: str) -> None:
    assert not is_fragment(name)


def test_they_are_told_by_issue_number() -> None:
    assert in_order(["c/+b.added.md", "c/10.added.md", "c/9.fixed.md", "c/+a.added.md"]) == [
        *("c/9.fixed.md", "c/10.added.md", "c/+a.added.md", "c/+b.added.md")
    ]


def test_every_alias_is_a_type() -> None:
    assert set(ALIASES.values()) <= set(FRAGMENT_TYPES)
    assert not set(ALIASES) & set(FRAGMENT_TYPES)


def test_our_own_fragments_are_read() -> None:
    folder = PROJECT / "newsfragments"
    names = [file for file in folder.iterdir() if is_fragment(file.name)]
    assert names
    for file in names:
        read_fragment(f"newsfragments/{file.name}", file.read_bytes())
