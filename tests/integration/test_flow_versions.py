"""A version names one content for ever: what is over is not planned again."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.flows import Organisation
from tidegate.orchestration import release
from tidegate.orchestration.planning import plan


def test_a_version_that_was_given_up_is_not_planned_again(org: Organisation) -> None:
    first = org.open()
    planned = plan(org.house, "billing").version
    release.cancel(org.house, first, org.claim("rita"), "a better one comes")

    again = plan(org.house, "billing").version

    assert first == f"billing-{planned}"
    assert (again.major, again.minor, again.patch) == (planned.major, planned.minor, planned.patch + 1)
    assert org.open() == f"billing-{again}"


def test_of_several_types_the_one_that_skips_the_least_is_meant(make_org: Callable[..., Organisation]) -> None:
    hotfix = {"bump": "minor", "skips": ["windows", "blackouts"]}
    for types, meant in (
        ({"asap": hotfix, "minor": {"bump": "minor"}}, "minor"),
        ({"alike": {"bump": "minor"}, "minor": {"bump": "minor"}}, "minor"),
    ):
        org = make_org(release_types=types)
        assert plan(org.house, "billing").type == meant
