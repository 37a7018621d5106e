"""Components whose tags can be the same."""

from __future__ import annotations

import pytest

from tests.support.lints import found


def said(components: dict[str, dict[str, str]]) -> list[str]:
    """The findings against a policy of these components alone."""
    return [one.message for one in found("contradiction.shared-tag", {"components": {"billing": None, **components}})]


@pytest.mark.parametrize(
    ("first", "second", "tag"),
    [
        ("v{version}", "v{version}", "v1.0.0"),
        ("v{version}", "v{version}-api", "v1.0.0-api"),
        ("{version}", "{version}", "1.0.0"),
        ("{version}/x", "{version}-a/x", "1.0.0-a/x"),
        ("a-v{version}", "b-v{version}", ""),
        ("a-{version}", "a-b-{version}", ""),
        ("{version}", "v{version}", ""),
        ("v{version}", "v{version}/api", ""),
    ],
)
def test_two_formats_that_one_tag_has(first: str, second: str, tag: str) -> None:
    for one, other in ((first, second), (second, first)):
        messages = said({"a": {"path": "a", "tag": one}, "b": {"path": "b", "tag": other}})
        assert messages == (
            [f"{tag} is a tag of a and b: a release of one is taken for one of the other"] if tag else []
        )


def test_components_at_one_path_may_share_their_tags() -> None:
    assert said({"a": {"path": "a", "tag": "v{version}"}, "b": {"path": "a", "tag": "v{version}"}}) == []


def test_many_are_told_at_once() -> None:
    (message,) = said({f"c{number}": {"path": f"p{number}", "tag": "v{version}"} for number in range(500)})
    assert message.startswith("v1.0.0 is a tag of c0, c1, c2, c3, c4 and 495 more: ")
