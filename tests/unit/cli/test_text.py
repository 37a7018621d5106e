"""Texts for the terminal: nothing that a stranger wrote moves its cursor, and lists fit 80 columns."""

from __future__ import annotations

import click
from hypothesis import given
from hypothesis import strategies as st

from tidegate.cli.framework import broken
from tidegate.cli.session import guarded
from tidegate.cli.text import WIDTH, bad, clean, columns, good, wrapped

MOVES = {chr(c) for c in range(0x20) if chr(c) != "\n"} | {chr(c) for c in range(0x7F, 0xA0)} | set("\u202e\u2066")


@given(st.text())
def test_what_was_cleaned_stands_on_one_line_and_moves_nothing(text: str) -> None:
    assert not set(clean(text)) & (MOVES | {"\n"})


@given(st.text())
def test_the_last_guard_lets_only_colours_and_line_breaks_through(text: str) -> None:
    shown = click.unstyle(guarded(f"{good('ok')} {text}"))
    assert not set(shown) & MOVES


def test_the_guard_keeps_our_colours_and_drops_what_moves_the_cursor() -> None:
    assert guarded(good("yes") + "\n" + bad("no")) == good("yes") + "\n" + bad("no")
    assert guarded("a\x1b[2Jb\x07c\x9bd\re") == "a[2Jbcde"


@given(st.lists(st.tuples(*[st.text("abc ", max_size=12)] * 2, st.text("word ", max_size=300)), max_size=5))
def test_lists_fit_the_terminal(rows: list[tuple[str, str, str]]) -> None:
    lines = columns([tuple(row) for row in rows], indent="  ")
    longest = max((len(word) for *_, last in rows for word in last.split()), default=0)
    assert all(len(line) <= max(WIDTH, 32 + longest) for line in lines)


def test_columns_stand_under_each_other_whatever_their_colour() -> None:
    lines = columns([(good("✓ a"), "1"), ("longer", "2")])
    assert [click.unstyle(line) for line in lines] == ["✓ a     1", "longer  2"]


def test_what_is_too_long_hangs_under_its_column() -> None:
    first, second, *_ = columns([("name", "word " * 30)])
    assert first.startswith("name  word")
    assert second.startswith("      word")


def test_a_digest_stays_whole() -> None:
    digest = "sha256:" + "0" * 64
    assert wrapped(f"the package {digest} is there", "  ")[1] == f"  {digest} is"


def test_a_long_example_is_broken_where_a_shell_lets_it() -> None:
    lines = broken("tidegate approve billing-1.1.0 --for production --as alice --key ~/.ssh/id_ed25519 --role owner")
    assert len(lines) == 2
    assert lines[0].endswith(" \\")
    assert lines[1].startswith("      --")
    assert all(len(line) <= 78 for line in lines)
    assert broken("tidegate status") == ["  tidegate status"]


def test_a_name_that_is_too_long_for_its_row_has_a_line_for_itself() -> None:
    rows: list[tuple[str, ...]] = [
            ("billing-1.2.0.production.1.back.2", "0.1.0 -> 0.2.0", "✓ succeeded", "27 Nov 14:44:29"),
            ("billing-1.2.0.production.1", "0.1.0 -> 0.2.0", "✓ succeeded", "27 Nov 14:44:29")]  # fmt: skip
    assert columns(rows, indent="  ") == [
        "  billing-1.2.0.production.1.back.2",
        "                              0.1.0 -> 0.2.0  ✓ succeeded  27 Nov 14:44:29",
        "  billing-1.2.0.production.1  0.1.0 -> 0.2.0  ✓ succeeded  27 Nov 14:44:29",
    ]
    assert columns(rows[:1], indent="  ")[1] == "      0.1.0 -> 0.2.0  ✓ succeeded  27 Nov 14:44:29"
