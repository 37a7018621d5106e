"""Release notes and changelog sections in their formats; and that nobody can write markup into them."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tidegate.core.change import Change, Commit, Person
from tidegate.core.commit import changes_of
from tidegate.core.notes.data import Contact, Material, notes_data
from tidegate.core.notes.escaping import escape, inline
from tidegate.core.notes.fragment import Fragment, read_fragment
from tidegate.core.notes.markdown import capital
from tidegate.core.notes.prose import blocks_of, markdown_of
from tidegate.core.notes.regions import bare
from tidegate.core.notes.text import notes_text
from tidegate.errors import UsageError
from tidegate.templates.notes import STYLES, headings, render, style_for

MARKDOWN = pytest.importorskip("markdown_it", reason="a real Markdown parser judges the escaping").MarkdownIt(
    "commonmark"
)
ALICE = Person("Alice", "alice@example.org")


def change(message: str) -> Change:
    return changes_of(Commit("a" * 40, ("b" * 40,), ALICE, ALICE, 0, message))[0]


def fragment(name: str, text: str) -> Fragment:
    return read_fragment(f"changelog.d/{name}", text.encode())


def notes(*messages: str, **more: object) -> Material:
    facts: dict[str, object] = {
        "component": "Billing",
        "version": "2.1.0",
        "released_on": date(2026, 2, 11),
        "changes": tuple(change(message) for message in messages),
    }
    return Material(**{**facts, **more})  # type: ignore[arg-type]


def shown_as(style: str, made: Material) -> str:
    return bare(render(notes_data(made), style))


def release_notes(made: Material) -> str:
    """In the format of 7D, without the contributors, which have a test of their own."""
    return shown_as("7d", made).partition("\n## Contributors\n")[0]


def changelog_section(made: Material) -> str:
    return shown_as("keepachangelog", made)


def test_all_sections_stand_in_their_order_and_say_none() -> None:
    assert release_notes(notes()) == (
        "# Billing v2.1.0\n\n**Release Date:** 2026-02-11\n\n"
        "## Highlights\nNone\n\n## Features\nNone\n\n## Fixes\nNone\n\n## Performance\nNone\n\n"
        "## Breaking Changes\nNone\n\n## Deprecations\nNone\n\n## Migration Guide\nNo migration required.\n\n"
        "## Dependencies\nNone\n\n## Known Issues\nNone\n"
    )


EVERYTHING = notes(
    "feat(tax): custom rules (#145)",
    "feat: recurring invoices (#123)\n\nRelease-Note: Monthly or yearly.\nHighlight: Recurring billing\n"
    "Known-Issue: Not for leap days",
    "fix: rounding error\n\nFixes #178",
    "security: expired sessions are refused",
    "perf: invoices in 40% less time",
    "deprecate: `GET /api/v1/invoices`\n\n"
    "Deprecated: `GET /api/v1/invoices` - Use `GET /api/v2/invoices` instead, removed in v3.0.0 (June 2026)",
    "chore(deps): raise requests to 3",
    "revert: the new button",
    "Something else",
    "docs: how to pay",
    "style: not for users",
    "improve: shorter mails",
    requires={"platform": ">=3.1.0", "customer": "^1.5"},
    issue_link="https://git.example/issues/{number}",
    contacts=(Contact("Issues", "https://git.example/issues"), Contact("Support", "help@example.org")),
    fragments=(
        fragment("+tax.highlight.md", "Tax\n"),
        fragment(
            "150.added.md", "**Dunning** letters; see [the guide](https://docs.example/dunning).\n\n```sh\nrun\n```\n"
        ),
        fragment("+a.upgrade.md", "Back up your data.\n\nRun the migrations:\n"),
    ),
    previous="2.0.0",
)


def test_each_change_stands_in_its_section_of_7d() -> None:
    assert release_notes(EVERYTHING) == (
        "# Billing v2.1.0\n\n**Release Date:** 2026-02-11\n\n"
        "## Highlights\n- Tax\n- Recurring billing\n\n"
        "## Features\n"
        "- **Dunning** letters; see [the guide](https://docs.example/dunning). "
        "([\\#150](https://git.example/issues/150))\n\n  ```sh\n  run\n  ```\n"
        "- **tax:** custom rules ([\\#145](https://git.example/issues/145))\n"
        "- **Recurring invoices** ([\\#123](https://git.example/issues/123))\n  Monthly or yearly.\n\n"
        "## Fixes\n- Expired sessions are refused\n"
        "- Rounding error ([\\#178](https://git.example/issues/178))\n- Reverted: the new button\n\n"
        "## Performance\n- Invoices in 40% less time\n\n"
        "## Breaking Changes\nNone\n\n"
        "## Deprecations\n- `GET /api/v1/invoices` - Use `GET /api/v2/invoices` instead\n"
        "  Will be removed in v3.0.0 (June 2026)\n\n"
        "## Migration Guide\nBack up your data.\n\nRun the migrations:\n\n"
        "## Dependencies\n- Requires platform v3.1.0+\n- Requires customer \\^1.5\n- **deps:** raise requests to 3\n\n"
        "## Known Issues\n- Not for leap days\n\n"
        "## Other Changes\n- Shorter mails\n- Something else\n"
    )


def test_the_helpdesk_says_it_in_its_own_sections() -> None:
    told = shown_as("helpdesk", EVERYTHING)
    assert told == (
        "# Release v2.1.0\n\nBilling, released on 2026-02-11.\n\n- Tax\n- Recurring billing\n\n"
        "## 🎉 New Features\n"
        "- **Dunning** letters; see [the guide](https://docs.example/dunning). "
        "([\\#150](https://git.example/issues/150))\n\n  ```sh\n  run\n  ```\n"
        "- **tax:** custom rules ([\\#145](https://git.example/issues/145))\n"
        "- **Recurring invoices** ([\\#123](https://git.example/issues/123))\n  Monthly or yearly.\n\n"
        "## 🐛 Bug Fixes\n- Expired sessions are refused\n"
        "- Rounding error ([\\#178](https://git.example/issues/178))\n- Reverted: the new button\n\n"
        "## 🔧 Improvements\n- Invoices in 40% less time\n- Shorter mails\n- **deps:** raise requests to 3\n"
        "- Something else\n\n"
        "## ⏳ Deprecations\n- `GET /api/v1/invoices` - Use `GET /api/v2/invoices` instead\n"
        "  Will be removed in v3.0.0 (June 2026)\n\n"
        "## 📚 Documentation\n- How to pay\n\n"
        "## 🚀 Upgrade Instructions\n1. Back up your data.\n2. Run the migrations:\n\n"
        "- Requires platform v3.1.0+\n- Requires customer \\^1.5\n\n"
        "## 🔍 Known Issues\n- Not for leap days\n\n"
        "## 📞 Support\n- Issues: <https://git.example/issues>\n- Support: help@example.org\n\n"
        "## 🙌 Contributors\nAlice\n"
    )


def test_moko_has_the_sections_that_must_be_there() -> None:
    told = shown_as("moko", EVERYTHING)
    assert "# Billing 2.1.0\n\n## Version\n2.1.0, released on 2026-02-11. It follows 2.0.0.\n\n" in told
    found = [line.removeprefix("## ") for line in told.split("\n") if line.startswith("## ")]
    assert [name for name in found if name in headings("moko")] == list(headings("moko"))
    assert headings("moko") == ("Version", "Features", "Fixes", "Migration notes", "Known issues")


def test_a_policys_sections_choose_the_style() -> None:
    assert style_for(["Highlights", "Breaking Changes", "Known Issues"]) == "7d"
    assert style_for(["New Features", "Upgrade Instructions", "Support"]) == "helpdesk"
    assert style_for(["Version", "Features", "Fixes", "Migration notes", "Known issues"]) == "moko"
    assert style_for(["Feature descriptions", "Known issues"]) == "towne-park"
    assert style_for(["Of our own"]) == "7d"


def test_a_breaking_change_asks_for_a_migration_guide() -> None:
    breaking = "feat(api)!: new shape\n\nBREAKING CHANGE: The old shape\nis gone."
    told = release_notes(notes(breaking, "fix!: quick"))
    assert "## Breaking Changes\n- **api:** The old shape is gone.\n- Quick\n" in told
    assert "## Migration Guide\nNot written yet, although there are breaking changes.\n" in told
    guide = (fragment("1.migration.md", "First this.\n\nThen that."),)
    assert "## Migration Guide\nFirst this.\n\nThen that.\n" in release_notes(notes(breaking, fragments=guide))
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
            "feat(api)!: new shape\n\nBREAKING CHANGE: The old one is gone.",
            "remove: i",
        )
    )
    assert told == (
        "## [2.1.0] - 2026-02-11\n\n"
        "### Added\n\n- **Breaking:** a\n- **Breaking, api:** new shape\n  The old one is gone.\n\n"
        "### Changed\n\n- c\n- **Breaking:** e\n- x\n\n"
        "### Deprecated\n\n- g\n\n"
        "### Removed\n\n- i\n\n"
        "### Fixed\n\n- b (\\#2)\n\n"
        "### Security\n\n- d\n"
    )


def test_plain_text_has_no_marks_of_markdown() -> None:
    told = notes_text(notes_data(EVERYTHING))
    assert told.startswith(
        "Billing v2.1.0\n==============\n\nReleased on 2026-02-11, after 2.0.0\n\n"
        "Highlights\n----------\n- Tax\n- Recurring billing\n\n"
        "Security\n--------\n- Expired sessions are refused\n\n"
        "Features\n--------\n- Dunning letters; see the guide <https://docs.example/dunning>. (#150)\n"
        "      run\n- tax: custom rules (#145)\n"
    )
    assert told.endswith("Other changes\n-------------\n- Something else\n\nContributors\n------------\nAlice\n")
    assert "**" not in told


@pytest.mark.parametrize(
    "link", ["javascript:alert({number})", "https://x/", "https://x/{number})", "https://x/ {number}", "//x/{number}"]
)
def test_an_address_for_issues_is_one_of_the_web(link: str) -> None:
    with pytest.raises(UsageError, match=r" is not an address for issues$"):
        notes_data(notes(issue_link=link))


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
TEMPLATES = ["{{ 7*7 }}", "{{7*7}}", "{% for a in b %}", "{# x #}", "${7*7}", "<%= 7*7 %>"]


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


@given(st.text(alphabet="`\\*_[]()<>!#-+=.:&;|~1a $/h:tps \n\t", max_size=60))
@example("[a](https://x) `b` **c**")
@example("![a](https://x)")
@example("\\[a](https://x)")
@example("**[a](https://x)**")
@example("a**b**c**")
def test_by_hand_there_are_links_to_the_web_and_strong_words_and_nothing_else(text: str) -> None:
    tokens = MARKDOWN.parse(inline(text))
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"] or not tokens
    for child in (child for token in tokens for child in token.children or ()):
        assert child.type in {
            *("text", "text_special", "code_inline", "link_open", "link_close", "strong_open", "strong_close")
        }
        assert child.type != "link_open" or str(child.attrs["href"]).startswith(("https://", "http://"))


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("[a](https://x.example/b)", {"link_open", "text", "link_close"}),
        ("**a b**", {"text", "strong_open", "strong_close"}),
        ("`a`", {"code_inline"}),
        ("![a](https://x.example/b.png)", {"text"}),
        ("[a](javascript:x)", {"text"}),
        ("<b>a</b>", {"text"}),
    ],
)
def test_what_is_kept_by_hand(text: str, kinds: set[str]) -> None:
    assert shown(inline(text))[0] - {"text"} == kinds - {"text"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Run:\n\n    a --b\n      - c <d>\n\n    # e\n\nNow f", "Run:\n\n```\na --b\n  - c <d>\n\n# e\n```\n\nNow f"),
        ("Run\n    this", "Run this"),
        ("- a\n\n    more of it", "- a\n\n   more of it"),
        ("    as a start", "as a start"),
        ("Run:\n\n    - a", "Run:\n\n- a"),
    ],
)
def test_what_is_indented_below_a_paragraph_is_code(text: str, told: str) -> None:
    assert markdown_of(blocks_of(text)) == told


ALLOWED_BY_HAND = {
    *("paragraph_open", "paragraph_close", "inline", "fence", "bullet_list_open", "bullet_list_close"),
    *("ordered_list_open", "ordered_list_close", "list_item_open", "list_item_close"),
}


@given(st.text(alphabet="`~*_[]()<>!#-+=.:1a \n\t\u202e\x1b", max_size=80))
@example("```\n<b>\n")
@example("- a\n  - b\n      - c\n\n    d")
@example("~~~\n```\n# x\n~~~\n<b>")
@example("1. a\n\n   ```\n   b\n   ```\n2. c")
def test_no_fragment_writes_a_heading_or_html(text: str) -> None:
    told = markdown_of(blocks_of(text))
    tokens = MARKDOWN.parse(told)
    assert {token.type for token in tokens} <= ALLOWED_BY_HAND
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert {child.type for token in tokens for child in token.children or ()} <= {
        *("text", "text_special", "code_inline", "softbreak"),
        *("link_open", "link_close", "strong_open", "strong_close"),
    }


@given(
    st.lists(st.sampled_from(["feat: ", "fix!: ", "perf(x): ", "", "chore(deps): ", "docs: "]), max_size=3),
    st.sampled_from([*HOSTILE, *TEMPLATES]),
    st.sampled_from(STYLES),
)
def test_nobody_writes_a_heading_a_link_or_html(titles: list[str], text: str, style: str) -> None:
    footers = f"BREAKING CHANGE: {text}\nDeprecated: {text}\nHighlight: {text}\nKnown-Issue: {text}\nUpgrade: {text}"
    made = notes(
        *(f"{title}{text}\n\n{footers}\nRelease-Note: {text}\nMigration: {text}" for title in titles),
        component=text,
        requires={"x": text},
        contacts=(Contact(text, text),),
        fragments=(fragment("+a.changed.md", f"a\n\n{text}"), fragment("+b.migration.md", text)),
    )
    markdown = bare(render(notes_data(made), style))
    tokens = MARKDOWN.parse(markdown)
    inner = [child for token in tokens for child in token.children or ()]
    assert not {token.type for token in tokens} & {"html_block", "code_block", "hr", "blockquote_open"}
    assert not {child.type for child in inner} & {"html_inline", "image", "em_open"}
    links = {str(child.attrs["href"]) for child in inner if child.type == "link_open"}
    assert all(link.startswith(("https://", "http://")) for link in links)
    found = [tokens[i + 1].content for i, token in enumerate(tokens) if token.type == "heading_open"]
    assert {" ".join(re.findall(r"[^\W_]+", title)) for title in found[1:]} <= SECTIONS
    assert "49" not in markdown


def test_a_template_in_a_text_is_text() -> None:
    told = release_notes(notes("feat: {{ 7 * 7 }} {% for a in b %} {# c #}", component="{{ notes }}"))
    assert told.startswith("# \\{\\{ notes \\}\\} v2.1.0\n")
    assert "- \\{\\{ 7 \\* 7 \\}\\} \\{% for a in b %\\} \\{\\# c \\#\\}\n" in told


def test_terminal_escapes_and_marks_of_direction_are_gone() -> None:
    made = notes("feat: a\x1b[31mred\u202eevil\u200b", fragments=(fragment("+a.fixed.md", "b\x1b]0;x\x07 \u2066c"),))
    for style in STYLES:
        assert not set(shown_as(style, made)) & set("\x1b\x07\u202e\u2066\u200b")
    assert "- a\\[31mredevil\n" in release_notes(made)
    assert not set(notes_text(notes_data(made))) & set("\x1b\x07\u202e\u2066\u200b")


def test_a_message_of_a_megabyte_is_cut() -> None:
    long = "x[" * 500_000
    made = notes(f"feat: {long}", f"fix: b\n\nBREAKING CHANGE: {long}", long, f"feat: c\n\n{long}")
    for style in STYLES:
        assert len(shown_as(style, made)) < 6_000


SECTIONS = {
    *("Highlights", "Features", "Fixes", "Performance", "Breaking Changes", "Deprecations", "Migration Guide"),
    *("Dependencies", "Known Issues", "Other Changes", "Added", "Changed", "Deprecated", "Removed", "Fixed"),
    *("Security", "Contributors", "New Features", "Bug Fixes", "Improvements", "Documentation"),
    *("Upgrade Instructions", "Support", "Version", "Migration notes", "Known issues", "Other changes"),
    *("Breaking changes", "Requirements", "Feature descriptions", "Fixes and improvements", "What to do"),
}


@pytest.mark.parametrize(
    ("words", "shown_words"),
    [
        ("custom rules", "Custom rules"),
        ("a rule", "A rule"),
        ("rules", "Rules"),
        ("iOS rules", "iOS rules"),
        ("setup.py is gone", "setup.py is gone"),
        ("`x` is gone", "`x` is gone"),
        ("x", "x"),
        ("", ""),
        ("ßa b", "ßa b"),
    ],
)
def test_an_entry_begins_with_a_capital_where_it_begins_with_a_word(words: str, shown_words: str) -> None:
    assert capital(words) == shown_words


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("with `approve`: the yes", "with `approve`: the yes"),
        ("`a` - b, and **c**: d", "`a` - b, and **c**: d"),
        ("- a `b`", "\\- a `b`"),
        (": a", "\\: a"),
        ("1. `a` 2. b", "1\\. `a` 2. b"),
    ],
)
def test_only_the_beginning_of_a_line_can_begin_a_list(text: str, told: str) -> None:
    assert inline(text) == told
    assert escape(text) == told or "**" in text
