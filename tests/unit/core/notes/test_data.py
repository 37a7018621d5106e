"""What becomes of commits and fragments, before any format."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tidegate.core.change import Commit, Person
from tidegate.core.commit import changes_of
from tidegate.core.notes.data import Material, NotesData, Reference, contributors, notes_data
from tidegate.core.notes.fragment import read_fragment
from tidegate.core.notes.mandatory import Gap, gaps
from tidegate.core.notes.prose import BlockKind

ALICE = Person("Alice", "alice@example.org")


def commit(message: str, author: Person = ALICE) -> Commit:
    return Commit("a" * 40, ("b" * 40,), author, author, 0, message)


def data(*messages: str, **more: Any) -> NotesData:
    changes = tuple(change for message in messages for change in changes_of(commit(message)))
    return notes_data(Material("billing", "2.1.0", date(2026, 2, 11), changes, **more))


@pytest.mark.parametrize(
    ("title", "section"),
    [
        ("feat: x", "features"),
        ("feature(a): x", "features"),
        ("fix: x", "fixes"),
        ("revert: x", "fixes"),
        ("security: x", "security"),
        ("perf: x", "performance"),
        ("improve: x", "improvements"),
        ("docs: x", "documentation"),
        ("remove: x", "removed"),
        ("deprecate: x", "deprecations"),
        ("chore(deps): x", "dependencies"),
        ("fix(deps-dev): x", "dependencies"),
        ("deps: x", "dependencies"),
        ("wip: x", "other"),
        ("x", "unconventional"),
        ("refactor!: x", "improvements"),
        ("chore: x", ""),
        ("test: x", ""),
    ],
)
def test_a_commit_is_told_once_under_its_topic(title: str, section: str) -> None:
    made = data(title)
    sections = {name for name in made._fields if isinstance(getattr(made, name), tuple)}
    told = {name for name in sections - {"breaking", "contributors"} if getattr(made, name)}
    assert told == ({section} if section else set())


@pytest.mark.parametrize(
    ("footer", "expected"),
    [
        ("Deprecated: the old API, removed in 3.0.0", ("the old API", "3.0.0", "")),
        ("Deprecated: the old API. Will be removed in v3.0.0 (June 2026).", ("the old API", "3.0.0", "June 2026")),
        ("Deprecated: the old API (removed in version 3.0)", ("the old API", "3.0", "")),
        ("Deprecated: the old API\nRemoved-In: v4.0.0", ("the old API", "4.0.0", "")),
        ("Deprecated: the old API", ("the old API", "", "")),
        ("Deprecated: what was removed in spring", ("what was removed in spring", "", "")),
        ("Deprecated: removed in 3.0.0", ("removed in 3.0.0", "3.0.0", "")),
    ],
)
def test_a_deprecation_says_which_version_removes_it(footer: str, expected: tuple[str, str, str]) -> None:
    (entry,) = data(f"docs: x\n\n{footer}").deprecations
    assert (entry.text, entry.removed_in, entry.removed_when) == expected


def test_a_deprecation_by_hand_says_it_too() -> None:
    fragment = read_fragment("changelog.d/1.deprecated.md", b"The old API, removed in 3.0.0.")
    (entry,) = data(fragments=(fragment,)).deprecations
    assert (entry.text, entry.removed_in, entry.fragment) == ("The old API", "3.0.0", "changelog.d/1.deprecated.md")


def test_a_fragment_stands_in_place_of_the_commits_of_its_issue() -> None:
    fragment = read_fragment("changelog.d/12.added.md", b"What users read.")
    made = data("feat: what we called it (#12)", "fix: a fix of it (#12)", "feat: other (#13)", fragments=(fragment,))
    assert [entry.text for entry in made.features] == ["What users read.", "other"]
    assert [entry.text for entry in made.fixes] == ["a fix of it"]
    assert made.features[0].references == (Reference("#12"),)


def test_issues_have_addresses_where_they_are_known() -> None:
    (entry,) = data("fix: x\n\nFixes #7, PAY-3", issue_link="https://git.example/{number}").fixes
    assert entry.references == (Reference("#7", "https://git.example/7"), Reference("PAY-3"))


def test_a_fragment_that_is_a_list_is_several_entries() -> None:
    fragment = read_fragment("changelog.d/+a.known-issue.md", b"- One\n- Two\n  goes on\n\n  ```\n  code\n  ```\n")
    one, two = data(fragments=(fragment,)).known_issues
    assert (one.text, two.text) == ("One", "Two goes on")
    assert [block.kind for block in two.details] == [BlockKind.CODE]


def test_steps_and_the_guide_keep_their_blocks() -> None:
    fragment = read_fragment("changelog.d/+a.upgrade.md", b"1. Stop.\n2. Start.\n")
    made = data("feat: x\n\nUpgrade-Step: Wait.\nMigration: Call it differently.", fragments=(fragment,))
    assert [(block.kind.value, block.text) for block in made.upgrade_steps] == [
        ("step", "Stop."),
        ("step", "Start."),
        ("paragraph", "Wait."),
    ]
    assert [block.text for block in made.migration_guide] == ["Call it differently."]


def test_contributors_are_named_once_and_never_by_their_address() -> None:
    people = [
        Person("Alice Example", "alice@example.org"),
        Person("alice example", "alice@home.example"),
        Person("Alice E.", "ALICE@example.org"),
        Person("bob@example.org", "bob@example.org"),
        Person("Chloé <c@example.org>", "c@example.org"),
        Person("dependabot[bot]", "bot@example.org"),
        Person("", "nobody@example.org"),
        Person("@", "at@example.org"),
    ]
    message = "feat: x\n\nCo-authored-by: Dora <dora@example.org>"
    changes = [change for person in people for change in changes_of(commit(message, person))]
    assert contributors(changes) == ("Alice Example", "bob", "Chloé", "Dora")


def test_demanded_sections_are_looked_for() -> None:
    text = "## 🎉 New Features\n- a\n\n## Known issues\n<!-- no -->\n\n## Migration Guide\nNot written yet.\n"
    assert gaps(text, ["new features"]) == ()
    assert gaps(text, ["Known Issues", "Migration guide", "Highlights", "Of ours"]) == (
        Gap(
            "Known Issues",
            "is empty",
            "Add changelog.d/+NAME.known-issue.md, or a commit with the footer Known-Issue:, or write None where there "
            "is nothing to say.",
        ),
        Gap(
            "Migration guide",
            "is not written yet",
            "Add changelog.d/+NAME.migration.md, or a commit with the footer Migration:, or write it between its marks "
            "in the file.",
        ),
        Gap(
            "Highlights",
            "is not there",
            "Add changelog.d/+NAME.highlight.md, or a commit with the footer Highlight:, or give the template a "
            'heading "Highlights".',
        ),
        Gap(
            "Of ours",
            "is not there",
            'Write it into the file that --write makes, or give the template a heading "Of ours".',
        ),
    )


def test_a_section_counts_with_what_stands_below_its_subheadings() -> None:
    assert gaps("## Highlights\n\n### A\n\ntext\n", ["Highlights"]) == ()
    assert gaps("## Highlights\n\n## Other\n\ntext\n", ["Highlights"])[0].what == "is empty"
    assert gaps("```\n## Highlights\ntext\n```\n", ["Highlights"])[0].what == "is not there"


def test_a_deprecation_without_a_version_is_a_gap_where_deprecations_are_demanded() -> None:
    made = data("docs: x\n\nDeprecated: the old API")
    text = "## Deprecations\n- the old API\n"
    assert gaps(text, ["Features"], made)[0].section == "Features"
    (gap,) = gaps(text, ["Deprecations"], made)
    assert gap == Gap(
        "Deprecations",
        'does not say which version removes "the old API"',
        "Say it in its footer or fragment: ..., removed in 3.0.0.",
    )
