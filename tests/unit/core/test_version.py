"""Versions: SemVer's own lists, the order, the step to the next, and tags."""

from __future__ import annotations

import itertools

import pytest
import semver
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.version import (
    MAX_LENGTH,
    Level,
    Scheme,
    TagFormat,
    Version,
    bump,
    level_between,
    next_prerelease,
    parse_version,
)
from tidegate.errors import UsageError

# The lists that semver.org links to from its FAQ on checking a version by a regular expression.
VALID = """
0.0.4 1.2.3 10.20.30 1.1.2-prerelease+meta 1.1.2+meta 1.1.2+meta-valid 1.0.0-alpha 1.0.0-beta 1.0.0-alpha.beta
1.0.0-alpha.beta.1 1.0.0-alpha.1 1.0.0-alpha0.valid 1.0.0-alpha.0valid
1.0.0-alpha-a.b-c-somethinglong+build.1-aef.1-its-okay 1.0.0-rc.1+build.1 2.0.0-rc.1+build.123 1.2.3-beta
10.2.3-DEV-SNAPSHOT 1.2.3-SNAPSHOT-123 1.0.0 2.0.0 1.1.7 2.0.0+build.1848 2.0.1-alpha.1227 1.0.0-alpha+beta
1.2.3----RC-SNAPSHOT.12.9.1--.12+788 1.2.3----R-S.12.9.1--.12+meta 1.2.3----RC-SNAPSHOT.12.9.1--.12
1.0.0+0.build.1-rc.10000aaa-kk-0.1 99999999999999999999999.999999999999999999.99999999999999999 1.0.0-0A.is.legal
"""
INVALID = """
1 1.2 1.2.3-0123 1.2.3-0123.0123 1.1.2+.123 +invalid -invalid -invalid+invalid -invalid.01 alpha alpha.beta
alpha.beta.1 alpha.1 alpha+beta alpha_beta alpha. alpha.. beta 1.0.0-alpha_beta -alpha. 1.0.0-alpha.. 1.0.0-alpha..1
1.0.0-alpha...1 1.0.0-alpha....1 1.0.0-alpha.....1 1.0.0-alpha......1 1.0.0-alpha.......1 01.1.1 1.01.1 1.1.01 1.2
1.2.3.DEV 1.2-SNAPSHOT 1.2.31.2.3----RC-SNAPSHOT.12.09.1--..12+788 1.2-RC-SNAPSHOT -1.0.3-gamma+b7718 +justmeta
9.8.7+meta+meta 9.8.7-whatever+meta+meta
99999999999999999999999.999999999999999999.99999999999999999----RC-SNAPSHOT.12.09.1--------------------------------..12
"""

IDENTIFIERS = "must be dotted identifiers of ASCII letters, digits and hyphens, numbers without leading 0"

numbers = st.integers(min_value=0, max_value=10**20)
identifiers = st.from_regex(r"(0|[1-9][0-9]{0,3}|[0-9]{0,2}[a-zA-Z-][0-9a-zA-Z-]{0,4})", fullmatch=True)
prereleases = st.one_of(st.just(""), st.lists(identifiers, min_size=1, max_size=3).map(".".join))
builds = st.one_of(st.just(""), st.from_regex(r"[0-9a-zA-Z-]{1,4}(\.[0-9a-zA-Z-]{1,4})?", fullmatch=True))
small = st.integers(min_value=0, max_value=3)
versions = st.builds(Version, small, small, small, prereleases, builds)


@pytest.mark.parametrize("text", VALID.split())
def test_what_semver_calls_valid_is_read_and_written_back(text: str) -> None:
    assert str(parse_version(text)) == text


@pytest.mark.parametrize("text", INVALID.split())
def test_what_semver_calls_invalid_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=" is not a version: "):
        parse_version(text)


@given(st.builds(Version, numbers, numbers, numbers, prereleases, builds))
def test_a_version_written_and_read_is_the_same(version: Version) -> None:
    assert parse_version(str(version)) == version


@given(st.text())
def test_no_text_gets_anything_but_a_version_or_a_sentence(text: str) -> None:
    sentence = ""
    try:
        assert str(parse_version(text)) == text
    except UsageError as error:
        sentence = error.what
    assert sentence.isprintable()


@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        ("1.2", "1.2 is not a version: it has no patch number", "Write 1.2.0."),
        ("1.2-rc.1", "1.2-rc.1 is not a version: it has no patch number", "Write 1.2.0-rc.1."),
        ("1", "1 is not a version: it has no minor and no patch number", "Write 1.0.0."),
        ("v1.2.3", "v1.2.3 is not a version: the letter v belongs to the tag, not to the version", "Write 1.2.3."),
        (" 1.2.3", "' 1.2.3' is not a version: there are spaces around it", "Write 1.2.3."),
        ("1.2.3\n", "'1.2.3\\n' is not a version: there are spaces around it", "Write 1.2.3."),
        ("01.2.3", "01.2.3 is not a version: a number must not begin with 0", "Write 1.2.3."),
        ("1.2.3.4", "1.2.3.4 is not a version: it has 4 numbers, and a version has three", None),
        ("", "'' is not a version: it is empty", None),
        ("next", "next is not a version: it must begin with three numbers, MAJOR.MINOR.PATCH", None),
        (
            "1.2.3-01",
            f"1.2.3-01 is not a version: its pre-release {IDENTIFIERS}",
            None,
        ),
        (
            "\x1b[31m1.2.3",
            "'\\x1b[31m1.2.3' is not a version: it must begin with three numbers, MAJOR.MINOR.PATCH",
            None,
        ),
        (
            "\u0661.\u0662.\u0663",
            "'\\u0661.\\u0662.\\u0663' is not a version: it must begin with three numbers, MAJOR.MINOR.PATCH",
            None,
        ),
    ],
)
def test_what_is_wrong_is_said(text: str, what: str, remedy: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        parse_version(text)
    assert str(caught.value) == what
    assert caught.value.remedy == (remedy or "Write three numbers, such as 1.2.0, or a pre-release such as 1.2.0-rc.1.")


def test_a_version_has_a_longest_length() -> None:
    assert parse_version("1.2." + "3" * (MAX_LENGTH - 4)).major == 1
    with pytest.raises(UsageError, match=r"^a version has at most 255 characters; this one has 10004$"):
        parse_version("1.2." + "3" * 10_000)


def test_the_order_is_semvers_own_example() -> None:
    chain = (
        "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 1.0.1 1.10.0"
    )
    ordered = [parse_version(text) for text in chain.split()]
    assert all(low < high and not high < low for low, high in itertools.combinations(ordered, 2))


@given(versions, versions, versions)
def test_the_order_is_total(one: Version, two: Version, three: Version) -> None:
    assert (one < two) + (two < one) + (one == two) == 1
    if one < two and two < three:
        assert one < three
    assert one >= two or one < two


@given(versions, st.sampled_from([Level.PATCH, Level.MINOR, Level.MAJOR]))
def test_a_raised_version_is_later_and_final(version: Version, level: Level) -> None:
    raised = bump(version, level)
    assert raised > Version(version.major, version.minor, version.patch, version.prerelease)
    assert raised == raised.final


@pytest.mark.parametrize(
    ("version", "level", "raised"),
    [
        ("1.2.3", Level.NONE, "1.2.3"),
        ("1.2.3", Level.PATCH, "1.2.4"),
        ("1.2.3", Level.MINOR, "1.3.0"),
        ("1.2.3+build", Level.MAJOR, "2.0.0"),
        ("0.3.1", Level.MAJOR, "0.4.0"),
        ("0.3.1", Level.MINOR, "0.4.0"),
        ("0.3.1", Level.PATCH, "0.3.2"),
        ("2.0.0-rc.1", Level.PATCH, "2.0.0"),
        ("2.0.0-rc.1", Level.MAJOR, "2.0.0"),
        ("1.1.0-rc.1", Level.MINOR, "1.1.0"),
        ("1.1.0-rc.1", Level.MAJOR, "2.0.0"),
        ("1.1.1-rc.1", Level.MINOR, "1.2.0"),
    ],
)
def test_raising(version: str, level: Level, raised: str) -> None:
    assert str(bump(parse_version(version), level)) == raised


@given(st.text(alphabet="0123456789.-+aA", max_size=20) | versions.map(str))
def test_what_is_a_version_is_what_the_library_takes_for_one(text: str) -> None:
    try:
        read = str(parse_version(text))
    except UsageError:
        read = None
    assert (read == text) is semver.Version.is_valid(text)


@given(versions, versions)
def test_the_precedence_is_the_librarys(one: Version, two: Version) -> None:
    ours = (one.key[:-1] > two.key[:-1]) - (one.key[:-1] < two.key[:-1])
    assert ours == semver.Version.parse(str(one)).compare(str(two))


@given(versions.filter(lambda v: v.major > 0), st.sampled_from([Level.PATCH, Level.MINOR, Level.MAJOR]))
def test_the_step_is_the_librarys(version: Version, level: Level) -> None:
    assert str(bump(version, level)) == str(semver.Version.parse(str(version)).next_version(level.word))


PADDED = Scheme.PADDED


@pytest.mark.parametrize(
    ("version", "level", "raised"),
    [
        ("02.01.11", Level.PATCH, "02.01.12"),
        ("02.01.09", Level.PATCH, "02.01.10"),
        ("02.01.99", Level.PATCH, "02.01.100"),
        ("02.01.100", Level.MINOR, "02.02.00"),
        ("02.09.00", Level.MINOR, "02.10.00"),
        ("10.11.12", Level.MINOR, "10.12.00"),
        ("09.11.12", Level.MAJOR, "10.00.00"),
        ("2.1.9", Level.PATCH, "2.1.10"),
        ("002.001.011", Level.MAJOR, "003.000.000"),
        ("02.01.11-rc.1", Level.PATCH, "02.01.11"),
    ],
)
def test_a_padded_version_keeps_its_zeros(version: str, level: Level, raised: str) -> None:
    assert str(bump(parse_version(version, PADDED), level)) == raised


def test_padded_versions_are_compared_as_numbers() -> None:
    texts = ["02.01.02", "02.01.9", "02.01.10", "02.01.11-rc.1", "02.01.11", "2.2.0", "10.00.00"]
    read = [parse_version(text, PADDED) for text in texts]
    assert read == sorted(read)
    assert [str(version) for version in read] == texts
    assert parse_version("02.01.00", PADDED) == parse_version("2.1.0", PADDED) == parse_version("2.1.0")


@given(st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){2}(-rc\.[1-9])?", fullmatch=True))
def test_a_padded_version_is_written_as_found(text: str) -> None:
    assert str(parse_version(text, PADDED)) == text


def test_a_padded_tag_and_its_pre_release() -> None:
    tags = TagFormat("v{version}", PADDED)
    version = tags.match("v02.01.11")
    assert version is not None
    assert tags.tag_for(bump(version, Level.MINOR)) == "v02.02.00"
    assert str(next_prerelease(version, "rc", [])) == "02.01.11-rc.1"


@pytest.mark.parametrize(
    ("old", "new", "level"),
    [
        ("1.2.3", "2.0.0", "major"),
        ("1.2.3", "1.3.0", "minor"),
        ("1.2.3", "1.2.4", "patch"),
        ("1.2.3-rc.1", "1.2.3", "none"),
    ],
)
def test_the_level_of_a_step(old: str, new: str, level: str) -> None:
    assert level_between(parse_version(old), parse_version(new)).word == level


def test_a_tenth_prerelease_without_a_dot_is_refused() -> None:
    with pytest.raises(UsageError, match=r"1\.1\.0-rc10 would come before 1\.1\.0-rc9, which") as refused:
        next_prerelease(Version(1, 1, 0), "rc", [parse_version("1.1.0-rc9")])
    assert "rc10 sorts before rc9" in refused.value.remedy


@pytest.mark.parametrize(
    ("taken", "channel", "expected"),
    [
        ([], "alpha", "1.1.0-alpha.1"),
        (["1.1.0-alpha.1"], "alpha", "1.1.0-alpha.2"),
        (["1.1.0-alpha.9", "1.1.0-alpha.10"], "alpha", "1.1.0-alpha.11"),
        (["1.1.0-alpha.1"], "beta", "1.1.0-beta.1"),
        (["1.1.0-rc", "1.0.0-rc.7", "1.1.0-rc.1.2"], "rc", None),
        (["1.0.0-rc.7", "2.0.0-rc.1"], "rc", "1.1.0-rc.1"),
        (["1.1.0-beta.1"], "alpha", None),
        (["1.1.0-rc1"], "rc", "1.1.0-rc2"),
        (["1.1.0-beta3", "1.1.0-beta.1"], "rc", "1.1.0-rc.1"),
    ],
)
def test_the_next_prerelease(taken: list[str], channel: str, expected: str | None) -> None:
    there = [parse_version(text) for text in taken]
    if expected is None:
        with pytest.raises(
            UsageError, match=r"^1\.1\.0-\w+\.1 would come before 1\.1\.0-[\w.]+, which is there already$"
        ):
            next_prerelease(Version(1, 1, 0), channel, there)
    else:
        assert str(next_prerelease(Version(1, 1, 0), channel, there)) == expected


@pytest.mark.parametrize("channel", ["", "1", "rc.1", "r c", "rc\n"])
def test_a_channel_is_one_word(channel: str) -> None:
    with pytest.raises(UsageError, match=" is not a pre-release channel"):
        next_prerelease(Version(1, 0, 0), channel, [])


@given(
    st.sampled_from(["v{version}", "billing-v{version}", "platform/{version}", "{version}", "a{version}.b"]), versions
)
def test_a_tag_carries_its_version_back(text: str, version: Version) -> None:
    tag_format = TagFormat(text)
    assert tag_format.match(tag_format.tag_for(version)) == version


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("billing-v{version}", "v1.0.0"),
        ("billing-v{version}", "billing-v1.0"),
        ("billing-v{version}", "billing-v01.0.0"),
        ("v{version}", "platform-v1.0.0"),
        ("v{version}", "v1.0.0\n"),
        ("v{version}", "v1.0." + "0" * 300),
        ("x{version}x", "x"),
        ("v{version}-v", "v"),
    ],
)
def test_a_tag_of_another_format_carries_none(text: str, tag: str) -> None:
    assert TagFormat(text).match(tag) is None


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("billing", "it must contain {version} exactly once, and it does 0 times"),
        ("{version}-{version}", "it must contain {version} exactly once, and it does 2 times"),
        ("{name}-{version}", "{version} is the only placeholder"),
        ("a b{version}", "a tag name cannot contain ' '"),
        ("v*{version}", "a tag name cannot contain *"),
        ("-v{version}", "a tag name cannot begin with a hyphen"),
        ("a..{version}", "a tag name cannot contain .. or @{, nor end with a dot"),
        ("{version}.", "a tag name cannot contain .. or @{, nor end with a dot"),
        ("/{version}", "no part of a tag name between slashes can be empty, begin with a dot or end with .lock"),
        (".{version}", "no part of a tag name between slashes can be empty, begin with a dot or end with .lock"),
        ("{version}.lock", "no part of a tag name between slashes can be empty, begin with a dot or end with .lock"),
    ],
)
def test_a_format_that_git_or_we_cannot_use_is_refused(text: str, wrong: str) -> None:
    with pytest.raises(UsageError) as caught:
        TagFormat(text)
    assert str(caught.value) == f"{text} is not a tag format: {wrong}"
    assert caught.value.remedy == "Write a tag name with {version} once, such as v{version} or billing-v{version}."
