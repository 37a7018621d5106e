"""Documents as they are read: what is a heading, what says something, what is still the template."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.paper import TO_BE_WRITTEN, Paper, Section, faults, heading_name, skeleton
from tidegate.core.paper_reading import LIMIT_BYTES, read_paper
from tidegate.core.policy import Document


def read(text: str | bytes, name: str = "a.md", template: str | None = None, asks: bool = False) -> Paper:
    data = text if isinstance(text, bytes) else text.encode()
    written = None if template is None else template.encode()
    return read_paper("doc", "billing", "1.1.0", name, data, template=written, asks_for_template=asks)


@pytest.mark.parametrize(
    ("text", "sections"),
    [
        ("# A\n\ntext\n", [("A", True)]),
        ("A\n=\ntext\n", [("A", True)]),
        ("# A\n## B\ntext\n## C\n", [("A", True), ("B", True), ("C", False)]),
        ("# A\n## B\n## C\n", [("A", False), ("B", False), ("C", False)]),
        ("## A\n# B\ntext\n", [("A", False), ("B", True)]),
        ("# A\n### B\ntext\n## C\n# D\n", [("A", True), ("B", True), ("C", False), ("D", False)]),
        ("# A\n<!-- nothing\n# B\n-->\n", [("A", False)]),
        ("# A\n<!-- a --> <!-- b -->\n", [("A", False)]),
        ("# A\nwords <!-- b -->\n", [("A", True)]),
        ("# A\n<br>\n", [("A", False)]),
        ('# A\n<img src="a.png">\n', [("A", True)]),
        ("# A\n```sh\n# B\n```\n", [("A", True)]),
        ("# A\n```\n```\n", [("A", False)]),
        ("# A\n\n    # B\n", [("A", True)]),
        ("# A\n- one\n- two\n", [("A", True)]),
        ("# A\n> # B\n", [("A", True)]),
        ("# A\n---\n", [("A", False)]),
        ("# A\n[//]: # (a comment)\n", [("A", False)]),
        ("# A #\n#B\n", [("A", True)]),
        ("# A\n&nbsp; &#8203;\n", [("A", False)]),
        ("# A\n\u200b\u00a0\u2060\n", [("A", False)]),
        ("# A\nR&D\n", [("A", True)]),
        ("no heading\n", []),
    ],
)
def test_headings_and_what_stands_below_them(text: str, sections: list[tuple[str, bool]]) -> None:
    assert [(section.text, section.filled) for section in read(text).sections] == sections


@pytest.mark.parametrize(
    ("text", "name", "empty"),
    [
        ("", "a.md", True),
        (" \n\t\n", "a.md", True),
        ("<!-- to do -->\n", "a.md", True),
        ("<!-- never closed\n# A\ntext", "a.md", True),
        ("# A\n", "a.md", True),
        ("\ufeff# A\ntext", "a.md", False),
        ("= A\n", "a.adoc", False),
        ("\n", "a.adoc", True),
        (b"%PDF-1.7\x00\xff", "a.pdf", False),
        (b"\xff\xfe\x00", "a.md", False),
    ],
)
def test_what_says_nothing_is_empty(text: str | bytes, name: str, empty: bool) -> None:
    assert read(text, name).empty is empty


TEMPLATE = "# Plan of {component} {version}\n\n{who decides}\n\n<your steps here>\n"


@pytest.mark.parametrize(
    ("text", "template", "asks", "unedited", "left"),
    [
        (TEMPLATE, TEMPLATE, True, True, None),
        (TEMPLATE.replace("\n", "\r\n  "), TEMPLATE, True, True, None),
        (TEMPLATE.replace("{component} {version}", "billing 1.1.0"), TEMPLATE, True, True, None),
        ("# Plan\n\n{who decides}\n", TEMPLATE, True, False, ("{who decides}",)),
        ("# Plan of {component}\n\nWe.\n", TEMPLATE, True, False, ("{component}",)),
        ("# Plan\n\nWe decide.\n", TEMPLATE, True, False, ()),
        ("# Plan\n", None, True, None, ()),
        ("# Plan\n", None, False, False, ()),
        (f"# Plan\n\n{TO_BE_WRITTEN}\n", None, False, False, (TO_BE_WRITTEN,)),
        ("# Plan\n<!-- {who decides} -->\nWe.\n", TEMPLATE, True, False, ()),
        ("# Plan\n<br>\n", "# Plan\n<br>\n\nmore\n", True, False, ()),
    ],
)
def test_what_is_still_its_template(
    text: str, template: str | None, asks: bool, unedited: bool | None, left: tuple[str, ...] | None
) -> None:
    paper = read(text, template=template, asks=asks)
    assert paper.unedited is unedited
    assert left is None or paper.left == left


def test_what_is_begun_from_headings_is_unedited_until_somebody_writes() -> None:
    document = Document(title="Plan", sections=("Steps", "Way back"))
    begun = skeleton(document)
    assert begun == "# Plan\n\n## Steps\n\n{to be written}\n\n## Way back\n\n{to be written}\n"
    assert [fault.said for fault in faults(read(begun, template=begun), document)] == ["a.md is its template, unedited"]
    half = read(begun.replace(TO_BE_WRITTEN, "Do it.", 1), template=begun)
    assert [fault.said for fault in faults(half, document)] == ["a.md still has {to be written} of its template"]
    assert faults(read(begun.replace(TO_BE_WRITTEN, "Do it."), template=begun), document) == ()


@pytest.mark.parametrize(
    ("data", "unknown"),
    [
        (b"x" * LIMIT_BYTES, ""),
        (b"x" * (LIMIT_BYTES + 1), "a.md has 1024 KiB, and at most 1024 KiB are read"),
        (b"x\n" * 10_000, ""),
        (b"x\n" * 10_001, "a.md has 10001 lines, and at most 10000 are read"),
    ],
)
def test_a_document_of_any_length_is_not_read(data: bytes, unknown: str) -> None:
    assert read(data).unknown == unknown


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Known issues", "## **Known   Issues**:".removeprefix("## "), True),
        ("Steps", "3.1. Steps", True),
        ("New Features", "🚀 New Features", True),
        ("Support", "[Support](https://example.org)", True),
        ("Steps", "Step", False),
        ("24 hours", "hours", False),
    ],
)
def test_how_headings_are_compared(one: str, other: str, same: bool) -> None:
    assert (heading_name(one) == heading_name(other)) is same


@given(
    st.lists(st.sampled_from(["# ", "## ", "```", "<!--", "-->", "> ", "- ", "text", "    ", "***", "["]), max_size=40)
)
def test_whatever_it_is_it_is_read(pieces: list[str]) -> None:
    for joint in ("", "\n"):
        paper = read(joint.join(pieces))
        assert paper.unknown == ""
        assert not (paper.empty and any(section.filled for section in paper.sections))


@pytest.mark.parametrize(
    "text", ["#" * 500_000, "> " * 250_000, "[" * 500_000, "## a\n" * 10_000, "- " * 250_000, "*a_" * 200_000]
)
def test_hostile_texts_cost_little(text: str) -> None:
    assert read(text).sections == () or isinstance(read(text).sections[0], Section)


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ("<a" * 400_000, ""),
        ("x", "<a" + "-" * 400_000),
        ("y" * 400_000, "".join(f"{{place {number}}}\n" for number in range(9_000))),
        ("<!--" * 200_000, "<a " * 200_000),
    ],
)
def test_a_document_that_somebody_made_to_hang_us_is_read_at_once(text: str, template: str) -> None:
    paper = read_paper("rfc", "billing", "1.1.0", "rfc.md", text.encode(), template=template.encode())
    assert paper.document == "rfc"
