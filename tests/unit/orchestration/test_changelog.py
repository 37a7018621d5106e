"""The changelog of all releases, from what each of them brought."""

from __future__ import annotations

from tidegate.core.change import Change, Person
from tidegate.core.version import TagFormat, Version
from tidegate.git.releases import Released
from tidegate.orchestration.changelog import Everything, changelog_path, sections_of, whole
from tidegate.orchestration.notes import Scope

ALICE = Person("Alice", "alice@example.org")


def change(kind: str, text: str) -> Change:
    return Change(kind, "", False, text, "a" * 40, (ALICE,))


SCOPE = Scope("billing", "Billing", tag_format=TagFormat("v{version}"))
RELEASES = (
    Released(None, None, None, (change("feat", "not released"),), "v1.1.0"),
    Released(Version(1, 1, 0), "v1.1.0", 1_770_768_000, (change("feat", "b"), change("fix", "c")), "v1.0.0"),
    Released(Version(1, 0, 0), "v1.0.0", 1_767_225_600, (change("feat", "a"),)),
)


def test_each_release_has_its_section_and_what_is_not_released_has_none() -> None:
    told = whole(Everything("", tuple(sections_of(SCOPE, RELEASES.__getitem__, len(RELEASES)))))
    assert told.partition("## [Unreleased]\n")[2] == (
        "\n## [1.1.0] - 2026-02-11\n\n### Added\n\n- b\n\n### Fixed\n\n- c\n"
        "\n## [1.0.0] - 2026-01-01\n\n### Added\n\n- a\n"
    )


def test_each_section_knows_the_tag_before_it() -> None:
    sections = sections_of(SCOPE, RELEASES.__getitem__, len(RELEASES))
    assert [(one.tag, one.previous_tag) for one in sections] == [("v1.1.0", "v1.0.0"), ("v1.0.0", "")]


def test_before_the_first_release_there_is_no_section() -> None:
    assert sections_of(SCOPE, RELEASES.__getitem__, 1) == []
    assert sections_of(SCOPE, ().__getitem__, 0) == []


def test_a_changelog_lies_beside_its_component() -> None:
    assert changelog_path(Scope("a", "A")) == "CHANGELOG.md"
    assert changelog_path(Scope("a", "A", "modules/a")) == "modules/a/CHANGELOG.md"
    assert changelog_path(Scope("a", "A", "modules/a", changelog_path="CHANGELOG.md")) == "modules/a/CHANGELOG.md"
    assert changelog_path(Scope("a", "A", "modules/a", changelog_path="log/{component}.md")) == "log/a.md"
    assert changelog_path(Scope("a", "A", changelog_path="docs/CHANGES.md")) == "docs/CHANGES.md"
    assert changelog_path(Scope("a", "A", "modules/a"), "other.md") == "other.md"
