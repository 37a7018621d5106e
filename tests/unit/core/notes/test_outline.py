"""The headings that are found are those that a real Markdown parser finds."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tidegate.core.notes.outline import headings_of

MARKDOWN = pytest.importorskip("markdown_it", reason="a real Markdown parser is the judge").MarkdownIt("commonmark")


def found(text: str) -> list[tuple[int, int]]:
    """Level and first line of each heading."""
    return [(heading.level, heading.start) for heading in headings_of(text.split("\n"))]


def judged(text: str) -> list[tuple[int, int]]:
    """The same by the parser, of headings that lie in no list and no quotation."""
    tokens = MARKDOWN.parse(text)
    return [(int(t.tag[1]), t.map[0]) for t in tokens if t.type == "heading_open" and t.level == 0 and t.map]


@pytest.mark.parametrize(
    "text",
    [
        "# A\n\n## [1.0.0] - 2026-01-01\n\n### Added\n",
        "```\n## no\n```\n## yes",
        "~~~ text\n## no\n```\n## no\n~~~\n## yes",
        "````\n```\n## no\n````\n## yes",
        "<!-- a\n## no\n-->\n## yes",
        "<!-- a -->\n## yes",
        "<details>\n## no\n\n## yes\n</details>",
        "<pre>\n\n## no\n</pre>\n## yes",
        "- a\n  ```\n  ## no\n  ```\n## yes",
        "- a\n  ```\n  code\n## yes",
        "- a\n\n  ## in the item\n\n## yes",
        "1. a\n\n   ```\n## yes",
        "    ## code\n## yes",
        "a\n    ## text of the paragraph\n## yes",
        "#no\n#\tyes\n####### no",
        "## yes ##\n# \n#",
        "Unreleased\n----------\n\n1.0.0\n=====\n",
        "a\nb\n---\n",
        "- a\n---\n## yes",
        "> a\n---\n## yes",
        "a\n\n---\n## yes",
        "\n---\n## yes",
        "> ## no\n## yes",
        "```\n## no to the end",
        "`` ` ``` a\n## yes",
        "```a`b\n## yes",
        "a\r\n## yes\r\n",
    ],
)
def test_what_is_a_heading(text: str) -> None:
    assert found(text) == judged(text)


LINES = ["## x", "# y", "### z", "```", "~~~", "````", "  ```", "", "", "text", "- item", "  more", "---", "===", "> q"]


@given(st.lists(st.sampled_from([*LINES, "<!-- c", "-->", "<!-- c -->", "<div>", "</div>", "* * *"]), max_size=14))
@example(["- item", "", "  ```", "## x", "  ```"])
@example(["text", "## x", "---"])
@example(["- item", "text", "---"])
def test_the_parser_agrees(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert found(text) == judged(text)


def test_a_changelog_of_thirty_thousand_lines_is_one_pass() -> None:
    text = "\n".join(f"## [1.{n}.0]\n\n### Added\n\n- a\n- b\n" for n in range(5_000)).split("\n")
    assert len(list(headings_of(text))) == 10_000


@pytest.mark.parametrize(
    "line", ["#" * 100_000, " " * 100_000, "`" * 100_000, "- " * 50_000, "<" * 100_000, "# " * 50_000]
)
def test_a_line_against_the_expressions_is_read_in_no_time(line: str) -> None:
    assert len(list(headings_of([line, line, "## x"]))) <= 3
