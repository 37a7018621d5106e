"""A changelog is brought up to date in place, and whatever else stands in it stays byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tidegate.core.notes.changelog import HEADER, Section, Update, update
from tidegate.core.version import parse_version
from tidegate.errors import UsageError

OURS = "<!-- tidegate:generated 1.2.0 Added:"


def later(one: str, other: str) -> bool:
    try:
        return parse_version(one) > parse_version(other)
    except UsageError:
        return True


def section(label: str, *groups: tuple[str, str], day: str = "2026-02-11", before: str = "") -> Section:
    told = groups or (("Added", "- A feature"),)
    body = "".join(f"\n### {title}\n\n{text}\n" for title, text in told)
    return Section(label, f"v{label}", before and f"v{before}", day, f"## [{label}] - {day}\n{body}")


def updated(text: str, *sections: Section) -> Update:
    """The update, which must leave an updated file alone."""
    made = update(text, sections, later)
    again = update(made.text, sections, later)
    assert again.text == made.text
    assert (again.added, again.renewed) == ((), ())
    return made


def without_ours(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if "<!-- tidegate:generated" not in line)


def test_a_new_file_begins_with_what_it_is() -> None:
    made = updated("", section("1.2.0"))
    assert made.added == ("1.2.0",)
    assert without_ours(made.text) == HEADER + "\n## [1.2.0] - 2026-02-11\n\n### Added\n\n- A feature\n"


KEPT = """\
# Changelog

Hand-written.  Two spaces, a tab\t, and `code`.

## [Unreleased]

### Added
* something to come

## [1.1.0] - 2026-01-05

### Fixed
* a thing

```markdown
## [1.0.5] - no heading
```

## 1.0.0 (2025-12-01)
First.

[Unreleased]: https://git.example/o/r/compare/v1.1.0...HEAD
[1.1.0]: https://git.example/o/r/compare/v1.0.0...v1.1.0
[1.0.0]: https://git.example/o/r/releases/tag/v1.0.0
"""


def test_a_new_section_goes_below_unreleased_and_the_rest_stays() -> None:
    made = updated(KEPT, section("1.2.0", before="1.1.0"))
    before, after = KEPT.split("## [1.1.0] - 2026-01-05")
    shown = without_ours(made.text)
    assert shown.startswith(f"{before}## [1.2.0] - 2026-02-11\n\n### Added\n\n- A feature\n\n## [1.1.0] - 2026-01-05")
    assert after.partition("[Unreleased]:")[0] in shown
    assert made.waiting


def test_the_addresses_at_the_end_are_maintained() -> None:
    made = updated(KEPT, section("1.2.0", before="1.1.0"))
    assert made.text.endswith(
        "\n[Unreleased]: https://git.example/o/r/compare/v1.2.0...HEAD\n"
        "[1.2.0]: https://git.example/o/r/compare/v1.1.0...v1.2.0\n"
        "[1.1.0]: https://git.example/o/r/compare/v1.0.0...v1.1.0\n"
        "[1.0.0]: https://git.example/o/r/releases/tag/v1.0.0\n"
    )


def test_a_hotfix_of_an_older_line_stands_where_its_version_belongs() -> None:
    made = updated(KEPT, section("1.0.1", before="1.0.0"))
    assert made.text.index("## [1.1.0]") < made.text.index("## [1.0.1]") < made.text.index("## 1.0.0 (")
    assert "[Unreleased]: https://git.example/o/r/compare/v1.1.0...HEAD\n" in made.text
    assert "v1.1.0\n[1.0.1]: https://git.example/o/r/compare/v1.0.0...v1.0.1\n[1.0.0]:" in made.text


def test_addresses_of_releases_are_followed_where_nothing_is_compared() -> None:
    text = "# C\n\n## [1.0.0] - 2026-01-01\n\n- a\n\n[1.0.0]: https://git.example/releases/tag/v1.0.0\n"
    made = updated(text, section("1.1.0"))
    assert made.text.endswith(
        "\n- a\n\n[1.1.0]: https://git.example/releases/tag/v1.1.0\n[1.0.0]: https://git.example/releases/tag/v1.0.0\n"
    )


def test_a_file_without_addresses_gets_none() -> None:
    assert "://" not in updated("# C\n\n## 1.0.0\n\n- a\n", section("1.1.0")).text


def test_headings_are_written_as_the_file_writes_them() -> None:
    made = updated("# C\n\n## v1.0.0 (2026-01-01)\n\n- a\n", section("1.1.0"))
    assert "\n## v1.1.0 (2026-02-11)\n" in made.text
    setext = updated("C\n=\n\n1.0.0\n-----\n\n- a\n", section("1.1.0"))
    assert setext.text.index("## [1.1.0] - 2026-02-11") < setext.text.index("1.0.0\n-----")


@pytest.mark.parametrize("text", ["# C", "# C\n", "# C\n\n", "", "\n", "# C\n\n<!-- start -->\n", "no heading"])
def test_a_file_without_versions_gets_its_first(text: str) -> None:
    made = updated(text, section("1.0.0"))
    assert made.text.startswith(text.rstrip("\n"))
    assert "\n\n## [1.0.0] - 2026-02-11\n" in made.text
    assert made.text.endswith("- A feature\n")


def test_line_ends_of_windows_stay() -> None:
    text = KEPT.replace("\n", "\r\n")
    made = updated(text, section("1.2.0", before="1.1.0"))
    assert made.text.count("\n") == made.text.count("\r\n")
    assert made.text.replace("\r\n", "\n") == updated(KEPT, section("1.2.0", before="1.1.0")).text


def test_bytes_that_are_no_text_stay() -> None:
    text = KEPT + "\udcff\udcfe\n"
    assert "\udcff\udcfe\n" in updated(text, section("1.2.0", before="1.1.0")).text


def test_several_sections_are_put_in_at_once() -> None:
    made = updated("", section("1.1.0"), section("1.0.1"), section("1.0.0"))
    assert made.added == ("1.1.0", "1.0.1", "1.0.0")
    assert made.text.index("[1.1.0]") < made.text.index("[1.0.1]") < made.text.index("[1.0.0]")


def test_a_section_of_ours_is_generated_again() -> None:
    first = updated(KEPT, section("1.2.0")).text
    made = updated(first, section("1.2.0", ("Added", "- A feature\n- Another"), ("Fixed", "- A bug"), day="2026-03-01"))
    assert made.renewed == ("1.2.0",)
    assert made.text.replace("- Another\n", "").replace("\n### Fixed\n\n- A bug\n", "", 1) != first
    assert "- A feature\n- Another\n\n### Fixed\n\n- A bug\n\n## [1.1.0]" in made.text
    assert "## [1.2.0] - 2026-02-11\n" in made.text, "the heading is people's once it is written"


def test_a_group_that_was_edited_is_kept_and_told() -> None:
    first = updated(KEPT, section("1.2.0", ("Added", "- A feature"), ("Fixed", "- A bug"))).text
    edited = first.replace("- A feature", "- A *much* better feature")
    assert update(edited, [section("1.2.0", ("Added", "- A feature"), ("Fixed", "- A bug"))], later).text == edited
    made = updated(edited, section("1.2.0", ("Added", "- A feature\n- New"), ("Fixed", "- A bug\n- Two bugs")))
    assert "- A *much* better feature\n\n### Fixed\n\n- A bug\n- Two bugs\n" in made.text
    assert made.kept == ("1.2.0: Added",)
    assert made.outdated == ("1.2.0: Added",)


def test_a_group_that_was_taken_out_stays_out_and_one_that_was_added_stays() -> None:
    first = updated("", section("1.2.0", ("Added", "- A feature"), ("Fixed", "- A bug"))).text
    edited = first.replace("\n### Fixed\n\n- A bug\n", "\n### Thanks\n\nTo all.\n")
    made = updated(edited, section("1.2.0", ("Added", "- Other"), ("Fixed", "- A bug")))
    assert "### Fixed" not in made.text
    assert made.text.endswith("### Added\n\n- Other\n\n### Thanks\n\nTo all.\n")


def test_a_section_of_somebody_else_is_left_alone_and_told() -> None:
    made = updated(KEPT, section("1.1.0"))
    assert made.text == KEPT
    assert made.foreign == ("1.1.0",)
    assert updated(KEPT, section("1.1.0", ("Fixed", "* a thing"))).foreign == ()


def test_a_version_in_code_or_in_a_comment_is_no_section() -> None:
    text = "# C\n\n<!--\n## [1.2.0]\n-->\n\n```\n## [1.2.0]\n```\n\n## [1.0.0]\n\n- a\n"
    made = updated(text, section("1.2.0"))
    assert made.added == ("1.2.0",)
    assert made.text.index("## [1.2.0] - 2026") > made.text.rindex("```")


LINES = [
    "# C",
    "## [Unreleased]",
    "## [1.1.0] - 2026-01-01",
    "## 1.0.0",
    "### Added",
    "- a",
    "text",
    "",
    "```",
    "<!-- x",
    "-->",
]
LINKS = ["[Unreleased]: https://x.example/compare/v1.1.0...HEAD", "[1.1.0]: https://x.example/v1.1.0", "[a]: b"]


@given(st.lists(st.sampled_from([*LINES, *LINKS]), max_size=14), st.sampled_from(["\n", "\r\n"]), st.booleans())
@example(["## 1.0.0", "```"], "\n", False)
def test_every_line_stays_whatever_the_file_is(lines: list[str], ending: str, closed: bool) -> None:
    text = ending.join(lines) + (ending if closed else "")
    try:
        made = updated(text, section("1.2.0", before="1.1.0"))
    except UsageError:
        assert "```" in lines or "<!-- x" in lines, "something is not closed"
        return
    left = iter(made.text.replace("\r\n", "\n").split("\n"))
    moved = [line for line in lines if not line.startswith("[Unreleased]:") and line]
    assert all(any(line == there for there in left) for line in moved), "in their order"
    assert made.added == ("1.2.0",)


def test_a_file_that_ends_in_code_is_not_written_into() -> None:
    with pytest.raises(UsageError) as caught:
        updated("# C\n\n```\n", section("1.2.0"))
    assert caught.value.what == (
        "the changelog has code or a comment that is never closed, and a new section would be part of it"
    )


def test_a_thousand_versions_are_put_in_together() -> None:
    sections = [section(f"1.{number}.0") for number in range(1_000, -1, -1)]
    assert len(updated("", *sections).added) == 1_001


def waiting(*groups: tuple[str, str]) -> str:
    return "## [Unreleased]\n" + "".join(f"\n### {title}\n\n{text}\n" for title, text in groups)


def awaited(text: str, *groups: tuple[str, str]) -> Update:
    """The update with what is not released, which must leave an updated file alone."""
    made = update(text, (), later, waiting(*groups))
    assert update(made.text, (), later, waiting(*groups)).text == made.text
    return made


def shown_waiting(text: str) -> str:
    """What stands under *Unreleased*, without what is remembered of it."""
    told = text.partition("## [Unreleased]")[2].partition("\n## ")[0]
    return "\n".join(line for line in told.split("\n") if line and not line.startswith("<!--"))


def test_what_is_not_released_joins_what_people_wrote_and_is_generated_again() -> None:
    first = awaited(KEPT, ("Added", "- one"), ("Fixed", "- two"))
    assert shown_waiting(first.text) == "### Added\n* something to come\n- one\n### Fixed\n- two"
    before, _, after = KEPT.partition("### Added\n* something to come\n")
    assert first.text.startswith(before.rstrip("\n") + "\n<!--")
    assert first.text.endswith(after)
    assert first.waiting
    by_hand = first.text.replace("- two", "- two\n- also by hand")
    second = awaited(by_hand, ("Added", "- three\n- one"), ("Fixed", "- two"), ("Security", "- four"))
    assert shown_waiting(second.text) == (
        "### Added\n* something to come\n- three\n- one\n### Fixed\n- also by hand\n- two\n### Security\n- four"
    )
    released = update(second.text, [section("1.2.0", ("Added", "- three\n- one"))], later)
    assert shown_waiting(released.text) == "### Added\n* something to come\n### Fixed\n- also by hand"
    assert released.waiting
    older = update(second.text, [section("1.0.9", ("Fixed", "- old"))], later)
    assert shown_waiting(older.text) == shown_waiting(second.text)


def test_generated_lines_that_somebody_edited_are_theirs() -> None:
    first = awaited(KEPT, ("Fixed", "- two"))
    edited = first.text.replace("- two", "- two, better said")
    made = awaited(edited, ("Fixed", "- three\n- two"))
    assert shown_waiting(made.text) == "### Added\n* something to come\n### Fixed\n- two, better said"
    assert (made.kept, made.outdated) == (("Unreleased: Fixed",), ("Unreleased: Fixed",))


@pytest.mark.parametrize("text", ["", "# Changelog\n", "# Changelog\n\n## [1.0.0] - 2026-01-01\n\n- x", KEPT])
def test_what_is_not_released_and_then_nothing_leave_the_file_as_it_was(text: str) -> None:
    first = awaited(text, ("Fixed", "- two"))
    assert shown_waiting(first.text).endswith("### Fixed\n- two")
    assert "1.0.0" not in text or first.text.index("- two") < first.text.index("1.0.0")
    gone = awaited(first.text)
    bare = [line for line in gone.text.split("\n") if line and line != "## [Unreleased]"]
    assert bare == [line for line in (text or HEADER).split("\n") if line and line != "## [Unreleased]"]
    assert not gone.waiting or text == KEPT
