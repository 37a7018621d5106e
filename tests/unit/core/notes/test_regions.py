"""What people wrote between the marks stays, and it is told when they wrote elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.notes.prose import blocks_of, markdown_of
from tidegate.core.notes.regions import bare, digest_of, merge, signed, was_written
from tidegate.errors import UsageError


def template(highlights: str = "None", features: str = "- a", known: str = "None") -> str:
    return (
        "# x\n\n## Highlights\n<!-- tidegate:edit highlights -->\n"
        f"{highlights}\n<!-- /tidegate:edit -->\n\n## Features\n{features}\n\n## Known Issues\n"
        f"<!-- tidegate:edit known-issues -->\n{known}\n<!-- /tidegate:edit -->\n"
    )


def test_a_file_is_written_with_what_was_generated() -> None:
    text = signed(template())
    assert text.startswith(
        f"# x\n\n## Highlights\n<!-- tidegate:edit highlights {digest_of('None')} -->\nNone\n<!-- /tidegate:edit -->\n"
    )
    assert was_written(text)
    assert not was_written(template())


def test_what_is_published_has_no_marks() -> None:
    assert bare(signed(template())) == "# x\n\n## Highlights\nNone\n\n## Features\n- a\n\n## Known Issues\nNone\n"


def test_generating_the_same_again_changes_nothing() -> None:
    text = signed(template())
    made = merge(text, template())
    assert (made.text, made.kept, made.outdated, made.by_hand, made.lost) == (text, (), (), (), ())


def test_what_nobody_edited_is_generated_again() -> None:
    new = template(highlights="- New", features="- a\n- b")
    assert merge(signed(template()), new).text == signed(new)


def test_what_somebody_wrote_is_kept() -> None:
    edited = signed(template()).replace("None", "- By hand", 1)
    made = merge(edited, template(features="- b", known="- New"))
    assert made.kept == ("highlights",)
    assert made.outdated == ()
    assert made.by_hand == ()
    assert bare(made.text) == bare(template(highlights="- By hand", features="- b", known="- New"))
    assert merge(made.text, template(features="- b", known="- New")).text == made.text


def test_it_is_told_once_that_something_else_would_be_generated() -> None:
    edited = signed(template()).replace("None", "- By hand", 1)
    made = merge(edited, template(highlights="- Generated"))
    assert (made.kept, made.outdated) == (("highlights",), ("highlights",))
    assert "- By hand" in made.text
    assert merge(made.text, template(highlights="- Generated")).outdated == ()


def test_a_change_elsewhere_is_told_with_its_lines() -> None:
    edited = signed(template()).replace("- a", "- a, and more")
    assert merge(edited, template()).by_hand == ("- a, and more",)
    same = signed(template()).replace("- a", "- b")
    assert merge(same, template(features="- b")).by_hand == (), "people wrote what is generated now"


def test_a_place_that_is_gone_is_told() -> None:
    edited = signed(template()).replace("None", "- By hand", 1)
    assert merge(edited, "# x\n\n## Features\n- a\n").lost == ("highlights",)


def test_line_ends_of_windows_are_no_edit() -> None:
    text = signed(template())
    made = merge(text.replace("\n", "\r\n"), template())
    assert (made.text, made.kept, made.by_hand) == (text, (), ())


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("<!-- tidegate:edit a -->\nx\n", 'the region "a" has no end'),
        ("<!-- tidegate:edit a -->\n<!-- tidegate:edit b -->\n<!-- /tidegate:edit -->\n", 'the region "a" has no end'),
        ("<!-- tidegate:edit a -->\n<!-- /tidegate:edit -->\n" * 2, 'the region "a" stands there twice'),
    ],
)
def test_marks_that_do_not_fit_together_are_an_error(text: str, what: str) -> None:
    with pytest.raises(UsageError) as caught:
        merge(text, template())
    assert caught.value.what == what


@given(
    st.text(
        alphabet=st.sampled_from("a-# \n`<!>"),
        max_size=40,
    )
)
def test_whatever_is_written_by_hand_is_kept(text: str) -> None:
    written = text.strip("\n")
    edited = signed(template()).replace("None", written, 1)
    made = merge(edited, template(features="- b"))
    assert f"-->\n{written}\n<!-- /tidegate:edit -->" in made.text
    assert made.by_hand == ()
    assert merge(made.text, template(features="- b")).text == made.text


@given(st.lists(st.sampled_from(["<!-- tidegate:edit a -->", "<!-- /tidegate:edit -->", "```", "- a", "", "    "])))
def test_no_fragment_writes_a_mark(lines: list[str]) -> None:
    told = markdown_of(blocks_of("\n".join(lines)))
    assert not any(line.startswith("<!--") for line in told.split("\n"))
