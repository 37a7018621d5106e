"""Names of images, what tags mean for a version, and where moving tags belong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.image import (
    ImageName,
    check_tag_template,
    newest_for,
    parse_image_name,
    render_tag,
    tags_of,
    versions_among,
)
from tidegate.core.version import Version, parse_version
from tidegate.errors import UsageError

TAGS = ("{version}", "{minor}", "{major}", "latest")


@pytest.mark.parametrize(
    ("text", "host", "repository"),
    [
        ("registry.example/shop", "registry.example", "shop"),
        ("registry.example:5000/a/b-c/d_e.f__g", "registry.example:5000", "a/b-c/d_e.f__g"),
        ("localhost/shop", "localhost", "shop"),
        ("localhost:5000/shop", "localhost:5000", "shop"),
        ("127.0.0.1:5000/shop", "127.0.0.1:5000", "shop"),
        ("[::1]:5000/shop", "[::1]:5000", "shop"),
        ("team/shop", "registry-1.docker.io", "team/shop"),
        ("shop", "registry-1.docker.io", "library/shop"),
        ("docker.io/team/shop", "registry-1.docker.io", "team/shop"),
    ],
)
def test_the_registry_and_the_repository(text: str, host: str, repository: str) -> None:
    assert parse_image_name(text) == ImageName(host, repository)


NO_NAMES = (
    "", "/", "/shop", "shop/", "a//b", "Shop", "registry.example/Shop", "registry.example/shop:1.0", "shop@sha256:1",
    "-rf", "registry.example/-shop", "registry.example/../etc", "http://registry.example/shop", "a b", "shop\n",
    "registry.example:0/shop", "registry.example:99999/shop", "registry.example:/shop", "user@registry.example/x",
    "registry.example/$(id)", "registry.example/\u202eshop", "re_gistry.example/shop", "x" * 256, "a." + "b/" * 200,
)  # fmt: skip


@pytest.mark.parametrize("text", NO_NAMES)
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(UsageError, match="is not the name of an image") as caught:
        parse_image_name(text)
    assert caught.value.remedy == (
        "write the registry and the repository, in small letters and without a tag: registry.example/shop"
    )
    assert len(caught.value.what) < 150
    assert caught.value.what.isprintable()


@pytest.mark.parametrize(
    ("text", "loopback"),
    [
        ("127.0.0.1:5000/shop", True),
        ("127.8.9.1/shop", True),
        ("localhost:5000/shop", True),
        ("[::1]:5000/shop", True),
        ("127.0.0.1.example/shop", False),
        ("localhost.example/shop", False),
        ("10.0.0.1:5000/shop", False),
        ("registry.example/shop", False),
    ],
)
def test_what_is_on_this_machine(text: str, loopback: bool) -> None:
    assert parse_image_name(text).is_loopback is loopback


def test_a_reference_names_the_bytes() -> None:
    digest = "sha256:" + "a" * 64
    assert parse_image_name("registry.example/shop").pinned(digest) == f"registry.example/shop@{digest}"
    assert parse_image_name("team/shop").pinned(digest) == f"docker.io/team/shop@{digest}"
    with pytest.raises(UsageError, match="is no digest of an image"):
        parse_image_name("registry.example/shop").pinned("latest")


@pytest.mark.parametrize(
    ("template", "version", "tag"),
    [
        ("{version}", "2.1.0", "2.1.0"),
        ("{minor}", "2.1.0", "2.1"),
        ("{major}", "2.1.0", "2"),
        ("latest", "2.1.0", "latest"),
        ("v{version}", "2.1.0-rc.1", "v2.1.0-rc.1"),
        ("v{minor}-alpine", "2.1.0", "v2.1-alpine"),
        ("{version}", "1.0.0+7", "1.0.0_7"),
    ],
)
def test_what_a_tag_is_for_a_version(template: str, version: str, tag: str) -> None:
    assert render_tag(template, parse_version(version)) == tag


@pytest.mark.parametrize(
    "template", ["{patch}", "{", "{version", "a b", "-x", ".x", "{version}/x", "x:y", "", "a\n", "é"]
)
def test_what_makes_no_tag(template: str) -> None:
    with pytest.raises(ValueError, match="tag "):
        check_tag_template(template)


def test_a_version_that_fits_no_tag_is_refused() -> None:
    with pytest.raises(UsageError, match="is no tag that a registry takes"):
        render_tag("{version}", parse_version("1.0.0-" + "a" * 130))


def test_a_pre_release_moves_nothing() -> None:
    tags = tags_of(TAGS, parse_version("2.1.0-rc.1"))
    assert (tags.fixed, tags.moving) == (("2.1.0-rc.1",), ())


def test_the_version_always_has_a_tag_of_its_own() -> None:
    for templates in ((), ("latest",)):
        assert tags_of(templates, parse_version("2.1.0")).fixed == ("2.1.0",)


@pytest.mark.parametrize(
    ("template", "pushed", "there", "newest"),
    [
        ("latest", "2.0.9", ["2.1.0"], "2.1.0"),
        ("latest", "2.1.1", ["2.1.0"], "2.1.1"),
        ("latest", "2.1.0", ["3.0.0-rc.1"], "2.1.0"),
        ("{major}", "2.0.9", ["2.1.0", "3.0.0"], "2.1.0"),
        ("{major}", "2.2.0", ["2.1.0", "3.0.0"], "2.2.0"),
        ("{minor}", "2.0.9", ["2.0.10", "2.1.0"], "2.0.10"),
        ("{minor}", "2.0.9", ["2.0.8", "2.1.0"], "2.0.9"),
        ("latest", "1.0.0", [], "1.0.0"),
    ],
)
def test_where_a_moving_tag_belongs(template: str, pushed: str, there: list[str], newest: str) -> None:
    assert newest_for(template, parse_version(pushed), map(parse_version, there)) == parse_version(newest)


def test_versions_are_read_from_the_fixed_tags_alone() -> None:
    tags = ["2.1.0", "2.1", "2", "latest", "v3.0.0", "2.1.0-rc.1", "1.0.0_7", "nightly-20260101", "02.1.0", "2.1.0.4"]
    assert {str(version): tag for version, tag in versions_among(TAGS, tags).items()} == {
        "2.1.0": "2.1.0",
        "2.1.0-rc.1": "2.1.0-rc.1",
        "1.0.0+7": "1.0.0_7",
    }
    assert list(map(str, versions_among(("v{version}",), tags))) == ["3.0.0"]


numbers = st.integers(0, 30)
versions = st.builds(Version, numbers, numbers, numbers, st.sampled_from(["", "rc.1", "alpha"]))
templates = st.sampled_from(["{version}", "v{version}", "{version}-alpine", "r{major}-{version}"])


@given(templates, versions)
def test_what_was_rendered_is_read_again(template: str, version: Version) -> None:
    assert versions_among((template,), [render_tag(template, version)]) == {version: render_tag(template, version)}


@given(st.sampled_from(TAGS[1:]), st.lists(versions, min_size=1, max_size=12))
def test_whatever_the_order_of_pushes_a_moving_tag_ends_at_the_newest(template: str, pushes: list[Version]) -> None:
    """Each push moves its tag only where the rule says so; in the end each tag is where it would be in any order."""
    there: dict[Version, str] = {}
    tags: dict[str, Version] = {}
    for version in pushes:
        there[version] = str(version)
        if not version.is_prerelease and newest_for(template, version, there) == version:
            tags[render_tag(template, version)] = version
    finals = [version for version in there if not version.is_prerelease]
    wanted = {
        render_tag(template, version): max(
            v for v in finals if render_tag(template, v) == render_tag(template, version)
        )
        for version in finals
    }
    assert tags == wanted


@given(st.text())
def test_any_text_is_a_name_or_is_refused(text: str) -> None:
    try:
        name = parse_image_name(text)
    except UsageError:
        return
    assert str(name).isascii()
    assert " " not in str(name)
