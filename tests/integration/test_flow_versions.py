"""A version names one content for ever: what is over is not planned again."""

from __future__ import annotations

from tests.support.flows import Organisation
from tidegate.orchestration import release


def test_a_version_that_was_given_up_is_not_planned_again(org: Organisation) -> None:
    first = org.open()
    planned = release.plan(org.house, "billing").version
    release.cancel(org.house, first, org.claim("rita"), "a better one comes")

    again = release.plan(org.house, "billing").version

    assert first == f"billing-{planned}"
    assert (again.major, again.minor, again.patch) == (planned.major, planned.minor, planned.patch + 1)
    assert org.open() == f"billing-{again}"
