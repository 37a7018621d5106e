"""The order of a release of several components, as it is shown."""

from __future__ import annotations

from datetime import timedelta

import click

from tests.support.facts import NOW, item, rulebook
from tidegate.cli.render_release import release_page
from tidegate.core.facts import Item
from tidegate.core.release import ReleaseState
from tidegate.views.release import Placed, ReleaseView, order_of


def view(*items: Item) -> ReleaseView:
    return ReleaseView(
        id="billing-1.1.0",
        component=items[0].component,
        source="1.0.0",
        version="1.1.0",
        type="minor",
        state=ReleaseState.OPEN,
        policy="sha256:0",
        policy_is_current=True,
        opened_at=NOW - timedelta(days=1),
        opened_by="rita",
        announced_at=None,
        closed_at=None,
        commit="c0ffee",
        package="0" * 64,
        changes=1,
        order=order_of(items),
        subjects={},
        environments=(),
        artifacts=(),
        evidence=(),
        documents=(),
        checklists=(),
        change_requests=(),
        waivers=(),
        approvals=(),
        rollouts=(),
        waiting=(),
    )


def shown(*items: Item) -> list[str]:
    page = [click.unstyle(line) for line in release_page(view(*items), rulebook(), NOW)]
    return page[page.index("order") + 1 :] if "order" in page else []


BILLING = item("billing", requires={"platform": ">=3.1.0", "customer": "^1.5"})
CUSTOMER = item("customer", to_version="1.5.0", requires={"platform": "*"})
PLATFORM = item("platform", to_version="3.1.0")


def test_components_stand_in_their_order_with_the_reason() -> None:
    assert order_of((BILLING, CUSTOMER, PLATFORM)) == (
        Placed(1, "platform", "3.1.0", (), ()),
        Placed(2, "customer", "1.5.0", ("platform *",), ("platform",)),
        Placed(3, "billing", "1.1.0", ("customer ^1.5", "platform >=3.1.0"), ("customer", "platform")),
    )
    assert shown(BILLING, CUSTOMER, PLATFORM) == [
        "  1.  platform 3.1.0  requires nothing",
        "  2.  customer 1.5.0  requires platform *",
        "  3.  billing 1.1.0   requires customer ^1.5, platform >=3.1.0",
    ]


def test_what_is_not_part_of_the_release_gives_no_order() -> None:
    assert order_of((BILLING, item("identity"))) == (
        Placed(1, "billing", "1.1.0", ("customer ^1.5", "platform >=3.1.0"), ()),
        Placed(2, "identity", "1.1.0", (), ()),
    )


def test_components_that_require_each_other_have_no_place() -> None:
    round_trip = item("platform", to_version="3.1.0", requires={"billing": ">=1"})
    assert [placed.place for placed in order_of((round_trip, BILLING, CUSTOMER))] == [0, 0, 0]
    assert shown(round_trip, item("identity"), item("billing", requires={"platform": "*"})) == [
        "  1.  identity 1.1.0  requires nothing",
        "  -   billing 1.1.0   in a circle: requires platform *",
        "  -   platform 3.1.0  in a circle: requires billing >=1",
    ]


def test_one_component_has_no_order_and_says_what_it_requires() -> None:
    assert shown(BILLING) == []
    (line,) = [line for line in release_page(view(BILLING), rulebook(), NOW) if "requires" in line]
    assert line == "  requires   customer ^1.5, platform >=3.1.0"
    assert [line for line in release_page(view(PLATFORM), rulebook(), NOW) if "requires" in line] == []
