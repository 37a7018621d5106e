"""Release notes and changelog sections; and that no commit can write markup into them."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tidegate.core.commit import Change, Commit, Person, changes_of
from tidegate.core.notes import Handwritten, Notes, changelog_section, escape, release_notes
from tidegate.core.version import Version
from tidegate.errors import UsageError

MARKDOWN = pytest.importorskip("markdown_it", reason="a real Markdown parser judges the escaping").MarkdownIt(
    "commonmark"
)
ALICE = Person("Alice", "alice@example.org")


def change(message: str) -> Change:
    return changes_of(Commit("a" * 40, ("b" * 40,), ALICE, ALICE, 0, message))[0]


def notes(*messages: str, **more: object) -> Notes:
    facts: dict[str, object] = {
        "component": "Billing",
        "version": Version(2, 1, 0),
        "released_on": date(2026, 2, 11),
        "changes": tuple(change(message) for message in messages),
    }
    return Notes(**{**facts, **more})  # type: ignore[arg-type]


def test_all_sections_stand_in_their_order_and_say_none() -> None:
    assert release_notes(notes()) == (
        "# Billing v2.1.0\n\n**Release Date:** 2026-02-11\n\n"
        "## Highlights\nNone\n\n## Features\nNone\n\n## Fixes\nNone\n\n## Performance\nNone\n\n"
        "## Breaking Changes\nNone\n\n## Deprecations\nNone\n\n## Migration Guide\nNo migration required.\n\n"
        "## Dependencies\nNone\n\n## Known Issues\nNone\n"
    )


def test_each_change_stands_in_its_section() -> None:
    told = release_notes(
        notes(
            "feat(tax): custom rules (#145)",
            "fix: rounding error\n\nFixes #178",
            "perf: invoices in 40% less time",
            "deprecate: `GET /api/v1/invoices`\n\nDeprecated: `GET /api/v1/invoices`, removed in v3.0.0 (June 2026)",
            "chore(deps): raise requests to 3",
            "revert: the new button",
            "Something else",
            "docs: not for users",
            "feat: recurring\n\nHighlight: Recurring billing\nKnown-Issue: Not for leap days",
            requires={"platform": ">=3.1.0", "customer": "^1.5"},
            issue_link="https://git.example/issues/{number}",
            handwritten=Handwritten(highlights=("Tax",), known_issues=("None known",)),
        )
    )
    assert told == (
        "# Billing v2.1.0\n\n**Release Date:** 2026-02-11\n\n"
        "## Highlights\n- Tax\n- Recurring billing\n\n"
        "## Features\n- **tax:** custom rules ([\\#145](https://git.example/issues/145))\n- recurring\n\n"
        "## Fixes\n- rounding error ([\\#178](https://git.example/issues/178))\n- Reverted: the new button\n\n"
        "## Performance\n- invoices in 40% less time\n\n"
        "## Breaking Changes\nNone\n\n"
        "## Deprecations\n- `GET /api/v1/invoices`, removed in v3.0.0 (June 2026)\n\n"
        "## Migration Guide\nNo migration required.\n\n"
        "## Dependencies\n- Requires platform v3.1.0+\n- Requires customer \\^1.5\n- **deps:** raise requests to 3\n\n"
        "## Known Issues\n- None known\n- Not for leap days\n\n"
        "## Other Changes\n- Something else\n"
    )


def test_a_breaking_change_asks_for_a_migration_guide() -> None:
    breaking = "feat(api)!: new shape\n\nBREAKING CHANGE: The old shape\nis gone."
    told = release_notes(notes(breaking, "fix!: quick"))
    assert "## Breaking Changes\n- **api:** The old shape is gone.\n- quick\n" in told
    assert "## Migration Guide\nNot written yet, although there are breaking changes.\n" in told
    written = release_notes(notes(breaking, handwritten=Handwritten(migration_guide=("First this.", "Then that."))))
    assert "## Migration Guide\nFirst this.\n\nThen that.\n" in written
    assert "## Migration Guide\nCall it differently\n" in release_notes(
        notes("fix!: x\n\nMigration: Call it differently")
    )


def test_what_was_taken_back_is_not_told() -> None:
    gone = Change("feat", "", False, "gone", "a" * 40, (ALICE,), void="reverted by b")
    assert release_notes(notes(changes=(gone,))) == release_notes(notes())
    assert changelog_section(notes(changes=(gone,))) == "## [2.1.0] - 2026-02-11\n\nNothing that users notice.\n"


def test_a_changelog_section_has_only_groups_with_entries() -> None:
    told = changelog_section(
        notes(
            "feat!: a",
            "fix: b (#2)",
            "perf: c",
            "security: d",
            "refactor!: e",
            "docs: f",
            "x\n\nDeprecated: g",
            "style: h",
        )
    )
    assert told == (
        "## [2.1.0] - 2026-02-11\n\n"
        "### Added\n\n- **Breaking:** a\n\n"
        "### Changed\n\n- c\n- **Breaking:** e\n- x\n\n"
        "### Deprecated\n\n- g\n\n"
        "### Fixed\n\n- b (\\#2)\n\n"
        "### Security\n\n- d\n"
    )


@pytest.mark.parametrize(
    "link", ["javascript:alert({number})", "https://x/", "https://x/{number})", "https://x/ {number}", "//x/{number}"]
)
def test_an_address_for_issues_is_one_of_the_web(link: str) -> None:
    with pytest.raises(UsageError, match=r" is not an address for issues$"):
        notes(issue_link=link)


HOSTILE = [
    "<script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "![x](https://evil.example/p.png)",
    "<javascript:alert(1)>",
    "<https://evil.example>",
    "# heading",
    "- list",
    "+ list",
    "1. list",
    "1) list",
    "> quotation",
    "***",
    "---",
    "===",
    "**bold** _it_ ~~gone~~",
    "&lt;b&gt; &#60;b&#62;",
    "a\\<b>c</b>",
    "\\`<b>`",
    "``<b>`<i>`` `",
    "`a``<b>`",
    "`a` <b> `c",
    "\\",
    "[x]: https://evil.example",
    "a | b",
    "x\n\n# heading\n\n<b>",
]


def shown(markdown: str) -> tuple[set[str], str]:
    """The kinds of inline markup that a parser finds, and the text that a reader sees."""
    tokens = MARKDOWN.parse(markdown)
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"] or not tokens
    inner = [child for token in tokens for child in token.children or ()]
    return {child.type for child in inner}, "".join(child.content for child in inner)


def spelled(text: str) -> str:
    return text.replace("`", "")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_text(text: str) -> None:
    kinds, seen = shown(escape(text))
    assert kinds <= {"text", "text_special", "code_inline"}
    assert spelled(seen) == spelled(" ".join(text.split()))


@given(st.text(alphabet="`\\*_[]()<>!#-+=.:&;|~1a $/ \n\t", max_size=40))
@example("`\\`")
@example("\\`a`")
@example("`a`\\`b`")
def test_no_text_becomes_markup(text: str) -> None:
    kinds, seen = shown(escape(text))
    assert kinds <= {"text", "text_special", "code_inline"}
    assert "".join(spelled(seen).split()) == "".join(spelled(text).split())


@given(
    st.lists(st.sampled_from(["feat: ", "fix!: ", "perf(x): ", "", "chore(deps): "]), max_size=3),
    st.sampled_from(HOSTILE),
)
def test_no_commit_writes_a_heading_a_link_or_html(titles: list[str], text: str) -> None:
    made = notes(*(f"{title}{text}\n\nBREAKING CHANGE: {text}\nDeprecated: {text}" for title in titles), component=text)
    for markdown in (release_notes(made), changelog_section(made)):
        tokens = MARKDOWN.parse(markdown)
        inner = {child.type for token in tokens for child in token.children or ()}
        assert not {token.type for token in tokens} & {"html_block", "fence", "code_block", "hr", "blockquote_open"}
        assert not inner & {"html_inline", "link_open", "image", "em_open"}
        headings = [tokens[i + 1].content for i, token in enumerate(tokens) if token.type == "heading_open"]
        assert set(headings[1:]) <= SECTIONS
        assert all(token.level <= 4 for token in tokens), "no list in a list"


SECTIONS = {
    *("Highlights", "Features", "Fixes", "Performance", "Breaking Changes", "Deprecations", "Migration Guide"),
    *("Dependencies", "Known Issues", "Other Changes", "Added", "Changed", "Deprecated", "Fixed", "Security"),
}
