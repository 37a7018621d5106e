"""Requirements on versions: which versions fulfil one, where a text that is none goes wrong, and which none fulfils."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.core.requirement import Requirement, RequirementError, parse_requirement, read_number, understood
from tidegate.core.version import Version


def holds(text: str, version: str) -> bool:
    number = read_number(version)
    assert number is not None
    return parse_requirement(text).holds(number)


# The requirement, versions that fulfil it, versions that do not.
FULFILLED = [
    (">=3.1.0", "3.1.0 3.1.1 4.0.0 10.0.0", "3.0.9 2.9.9 0.0.0"),
    (">3.1.0", "3.1.1 3.2.0", "3.1.0 3.0.0"),
    ("<=3.1.0", "3.1.0 0.0.0", "3.1.1"),
    ("<3.1.0", "3.0.9", "3.1.0 3.1.1"),
    ("=1.2.3", "1.2.3 1.2.3+build.7", "1.2.4 1.2.2 1.2.3-rc.1"),
    (">=3.1 <4", "3.1.0 3.9.9", "3.0.9 4.0.0"),
    (">=3.1, <4", "3.1.0 3.9.9", "3.0.9 4.0.0"),
    (">=3.1,<4", "3.1.0", "4.0.0"),
    (">= 3.1  < 4", "3.1.0 3.9.9", "4.0.0"),
    (">=3.1", "3.1.0", "3.0.9"),
    (">3.1", "3.2.0", "3.1.0 3.1.9"),
    ("<=3.1", "3.1.9", "3.2.0"),
    ("<3.1", "3.0.9", "3.1.0"),
    ("=3.1", "3.1.0 3.1.9", "3.0.9 3.2.0"),
    (">3", "4.0.0", "3.9.9"),
    ("<=3", "3.9.9", "4.0.0"),
    ("^1.2", "1.2.0 1.9.0", "1.1.9 2.0.0"),
    ("^1.2.3", "1.2.3 1.9.0", "1.2.2 2.0.0"),
    ("^0.2.3", "0.2.3 0.2.9", "0.2.2 0.3.0 1.0.0"),
    ("^0.0.3", "0.0.3", "0.0.4 0.0.2 0.1.0"),
    ("^0.0", "0.0.0 0.0.9", "0.1.0"),
    ("^0", "0.0.0 0.9.9", "1.0.0"),
    ("^1.x", "1.0.0 1.9.0", "2.0.0 0.9.0"),
    ("~1.2.3", "1.2.3 1.2.9", "1.2.2 1.3.0"),
    ("~1.2", "1.2.0 1.2.9", "1.1.9 1.3.0"),
    ("~1", "1.0.0 1.9.9", "2.0.0"),
    ("1.x", "1.0.0 1.9.9", "0.9.9 2.0.0"),
    ("1.2.x", "1.2.0 1.2.9", "1.1.0 1.3.0"),
    ("1.2.*", "1.2.7", "1.3.0"),
    ("1.X", "1.2.7", "2.3.0"),
    ("*", "0.0.0 99.0.0", "1.0.0-rc.1"),
    ("x", "1.0.0", "1.0.0-rc.1"),
    ("^1.2 || ^3.0", "1.2.0 3.1.0", "2.0.0 4.0.0 1.1.0"),
    ("^1.2||=2.0.0||>=5", "1.3.0 2.0.0 6.0.0", "2.0.1 4.9.9"),
    # A pre-release fulfils only what asks for one of the same three numbers.
    (">=1.2.0", "1.2.0", "1.2.0-rc.1 1.3.0-rc.1"),
    (">=1.2.0-rc.1", "1.2.0-rc.1 1.2.0-rc.2 1.2.0 1.3.0", "1.2.0-beta 1.3.0-rc.1"),
    (">1.2.0-rc.1", "1.2.0-rc.1.1 1.2.0-rc.2", "1.2.0-rc.1"),
    ("=1.2.0-rc.1", "1.2.0-rc.1", "1.2.0 1.2.0-rc.2"),
    ("^1.2.0-rc.1", "1.2.0-rc.2 1.9.0", "1.9.0-rc.1 2.0.0-rc.1 2.0.0"),
    ("<2.0.0", "1.9.9", "2.0.0-rc.1"),
    ("<2.0.0 >=2.0.0-alpha", "2.0.0-rc.1", "2.0.0 1.9.9"),
    (">=1.2.0-rc.1 <1.2.0 || ^3", "1.2.0-rc.9 3.0.0", "1.2.0 3.0.0-rc.1"),
    # Numbers as numbers, however they are written.
    (">=2.1.11", "02.01.11 02.01.12 02.10.00", "02.01.10 02.01.09"),
    (">=02.01.11", "2.1.11 02.02.00", "2.1.9"),
    (">=1.9.0", "1.10.0", "1.8.0"),
    ("^4.4", "4.4 4.5", "4.3 5"),
    (">=1.2.3", "1.2.3+build", "1.2.2+build"),
]


@pytest.mark.parametrize(("text", "by", "not_by"), FULFILLED, ids=[text for text, _, _ in FULFILLED])
def test_which_versions_fulfil_it(text: str, by: str, not_by: str) -> None:
    assert [version for version in by.split() if not holds(text, version)] == []
    assert [version for version in not_by.split() if holds(text, version)] == []


EXAMPLE = "Write comparators such as >=3.1.0, ^1.2, ~1.2 or 1.x, and || between alternatives."
# The text, where in it something is wrong, what, and the remedy.
WRONG = [
    ("", 0, "it is empty", EXAMPLE),
    ("  ", 0, "it is empty", EXAMPLE),
    (">=1 || ", 6, "there is nothing on one side of ||", EXAMPLE),
    ("|| >=1", 0, "there is nothing on one side of ||", EXAMPLE),
    (">=1 | <2", 4, "| is not a version here", "Write || twice between alternatives."),
    (",>=1", 0, "a comma stands between two comparators, and here is only one", EXAMPLE),
    (">=1,", 3, "a comma stands between two comparators, and here is only one", EXAMPLE),
    (">=1,,<2", 4, ", is not a version here", EXAMPLE),
    (
        "1.2.3",
        0,
        "1.2.3 alone is one version for npm, and a range for Cargo",
        "Write =1.2.3 for the very version, or ^1.2.3 for what does not break it.",
    ),
    (
        ">=1 2.0",
        4,
        "2.0 alone is one version for npm, and a range for Cargo",
        "Write =2.0 for the very version, or ^2.0 for what does not break it.",
    ),
    ("v1.2", 0, "v1.2 is not a version here", "Leave out the letter v: it belongs to the tag, not to the version."),
    (">=v1.2", 2, "v1.2 is not a version here", "Leave out the letter v: it belongs to the tag, not to the version."),
    ("3.1.0+", 0, "3.1.0+ is not how a least version is written", "Write >=3.1.0."),
    ("v3.1.0+", 0, "v3.1.0+ is not how a least version is written", "Write >=3.1.0."),
    ("1.2 - 2.3", 4, "- is not a version here", "Write a range with its two ends: >=1.2 <=2.3."),
    ("==1.2.3", 1, "=1.2.3 is not a version here", "Write = once."),
    ("=>1.2", 1, ">1.2 is not a version here", "Write >= the other way round."),
    (
        "!=1.2",
        0,
        "!=1.2 is not a version here",
        "Nothing is left out by name here: write what is wanted, such as <1.2 || >1.2.",
    ),
    ("~>1.2", 1, ">1.2 is not a version here", "Write ~ alone."),
    (">", 0, "no version follows >", EXAMPLE),
    (">= , <2", 0, "no version follows >=", EXAMPLE),
    (">*", 0, "> compares with no number", "Write * alone for any version."),
    (
        "^1.2-rc.1",
        1,
        "1.2-rc.1 has a pre-release, and not all of the three numbers before it",
        "Write all three, such as >=1.2.0-rc.1.",
    ),
    (">=1.2.3.4", 2, "1.2.3.4 is not a version here", EXAMPLE),
    ("latest", 0, "latest is not a version here", EXAMPLE),
    (">=1.2.3 latest", 8, "latest is not a version here", EXAMPLE),
    ("\u0661.x", 0, "\\u0661.x is not a version here", EXAMPLE),
    (">=1\x1b[31m", 2, "1\\x1b[31m is not a version here", EXAMPLE),
    (">=" + "9" * 300, 2, "9" * 60 + " is not a version here", EXAMPLE),
]


@pytest.mark.parametrize(("text", "offset", "what", "remedy"), WRONG, ids=[ascii(row[0])[:30] for row in WRONG])
def test_where_a_text_that_is_none_goes_wrong(text: str, offset: int, what: str, remedy: str) -> None:
    with pytest.raises(RequirementError) as caught:
        parse_requirement(text)
    assert (caught.value.offset, caught.value.what, caught.value.remedy) == (offset, what, remedy)
    assert understood(text) is None


IMPOSSIBLE = [
    ">=2 <1",
    ">=4 <3.1",
    ">1.2.3 <1.2.4",
    "<0.0.0",
    "<0",
    "=1.2.3 =1.2.4",
    "^1 ^2",
    "1.x 2.x",
    ">=1.2.3-rc.2 <1.2.3-rc.2",
    ">1.2.3-rc.1 <1.2.3-rc.1.0",
    ">=2 <1 || =1.0.0 =1.0.1",
]


@pytest.mark.parametrize("text", IMPOSSIBLE)
def test_what_no_version_fulfils(text: str) -> None:
    assert parse_requirement(text).example is None


@pytest.mark.parametrize("text", [row[0] for row in FULFILLED])
def test_everything_else_is_fulfilled_by_its_example(text: str) -> None:
    requirement = parse_requirement(text)
    assert requirement.example is not None
    assert requirement.holds(requirement.example)


numbers = st.integers(0, 3)
prereleases = st.sampled_from(["", "", "0", "alpha", "rc.1", "rc.1.0", "rc.2"])
versions = st.builds(Version, numbers, numbers, numbers, prereleases)
comparators = st.builds(
    lambda operator, version, shown: (
        operator + (str(version) if version.prerelease or shown == 3 else ".".join(version.core.split(".")[:shown]))
    ),
    st.sampled_from([">=", ">", "<=", "<", "=", "^", "~"]),
    versions,
    st.sampled_from([1, 2, 3]),
)
texts = st.lists(st.lists(comparators, min_size=1, max_size=3).map(" ".join), min_size=1, max_size=2).map(" || ".join)


@settings(deadline=None)
@given(texts, versions)
def test_what_has_no_example_is_fulfilled_by_nothing(text: str, version: Version) -> None:
    requirement = parse_requirement(text)
    if requirement.holds(version):
        assert requirement.example is not None


@settings(deadline=None)
@given(texts, comparators, versions)
def test_one_more_comparator_lets_no_more_in(text: str, more: str, version: Version) -> None:
    """A pre-release apart: what asks for one lets it in."""
    final = version.final
    if parse_requirement(f"{more} {text.split(' || ', maxsplit=1)[0]}").holds(final):
        assert parse_requirement(text).holds(final)


@settings(deadline=None)
@given(st.text(max_size=30) | st.text("0123456789.xX*<>=^~|, -+vrc", max_size=20))
def test_any_text_is_a_requirement_or_a_mistake_inside_it(text: str) -> None:
    found: Requirement | RequirementError
    try:
        found = parse_requirement(text)
    except RequirementError as error:
        found = error
    assert isinstance(found, Requirement) or (0 <= found.offset <= len(text) and found.what.isprintable())


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("1.2.3", Version(1, 2, 3)),
        ("02.01.11", Version(2, 1, 11)),
        ("22.0.4", Version(22, 0, 4)),
        ("4.4", Version(4, 4, 0)),
        ("7", Version(7, 0, 0)),
        ("1.2.3-rc.1+7", Version(1, 2, 3, "rc.1")),
        ("main", None),
        ("", None),
        ("v1.2.3", None),
        ("1.2.3.4", None),
        ("1.2.3\n", None),
        ("\u0661.2.3", None),
        ("1" * 300, None),
    ],
)
def test_how_a_version_is_read(text: str, version: Version | None) -> None:
    assert read_number(text) == version
