"""What the pages of ``docs/lint`` do not show: other places, and what is left out on purpose."""

from __future__ import annotations

from time import process_time
from typing import Any

import pytest

from tests.support.lints import NOW, found, given
from tidegate.core.undecided import all_points

SELF = "unsafe.self-approval"
MAY = {"from": "leads", "author_may": True}


@pytest.mark.parametrize(
    ("changes", "place", "who"),
    [
        (
            {"release_types": {"minor": {"afterwards": {"retrospective_approval": [MAY]}}}},
            ("release_types", "minor", "afterwards", "retrospective_approval", 0),
            "whoever wrote what is released",
        ),
        (
            {"changes": {"categories": {"normal": {"title": "Normal", "approvals": [MAY]}}}},
            ("changes", "categories", "normal", "approvals", 0),
            "whoever wrote what is released",
        ),
        (
            {"clients": {"hotel": {"title": "Hotel", "approvals": [MAY]}}},
            ("clients", "hotel", "approvals", 0),
            "whoever wrote what is released",
        ),
        (
            {"gates": {"tests": {"waiver": {"by": MAY}}}},
            ("gates", "tests", "waiver", "by"),
            "whoever wrote what is released",
        ),
        ({"adoption": {"approvals": [MAY]}}, ("adoption", "approvals", 0), "whoever proposes or adopts a policy"),
    ],
)
def test_authors_may_nowhere_approve_unseen(changes: dict[str, Any], place: tuple[str | int, ...], who: str) -> None:
    (finding,) = found(SELF, changes)
    assert finding.path == (*place, "author_may")
    assert finding.message == f"{who} may approve it for leads"


def test_several_keys_on_which_nothing_acts_are_said_as_several() -> None:
    one, several = (
        found("not-enforced", {"release_types": {"minor": keys}})[0]
        for keys in ({"content": ["fixes"]}, {"content": ["fixes"], "from": "production-tag"})
    )
    assert one.message == "release_types: content is checked, explained and compared, and nothing acts on it yet"
    assert one.remedy == "go on doing by hand what it asks for; see docs/coverage.md"
    assert several.message == (
        "release_types: content and from are checked, explained and compared, and nothing acts on them yet"
    )
    assert several.remedy == "go on doing by hand what they ask for; see docs/coverage.md"


@pytest.mark.parametrize(
    "text",
    [
        "[contact]",
        "see [Contact Information]",
        "[phone]",
        "[phone number]",
        "[insert number]",
        "[your link here]",
        "[TBC by the board]",
        "TBD",
        "tbc",
        "To be determined by ops",
        "TODO: ask Kim",
        "todo",
        "FIXME",
        "XXX",
        "<phone number>",
        "??",
    ],
)
def test_a_placeholder_is_an_open_point(text: str) -> None:
    policy = given({"contacts": {"duty": {"title": "Duty", "reach": text}}}, now=NOW).policy
    assert [point.id for point in all_points(policy)] == ["contacts.duty.reach"]


@pytest.mark.parametrize(
    ("watch", "hosts", "says"),
    [
        ({"for": "30s", "every": "2s"}, 1, ["over after 15 health probes"]),
        ({"for": "30s", "every": "2s"}, 13, []),
        ({"for": "1h"}, 1, []),
        ({"for": "30m"}, 1, ["over after 120 health probes"]),
    ],
)
def test_a_watch_that_ends_before_anything_can_be_proven(watch: dict[str, str], hosts: int, says: list[str]) -> None:
    listed = [{"name": f"web{n}", "path": f"/srv/{n}"} for n in range(hosts)]
    target = {"driver": "host", "hosts": listed, "restart": ["true"], "health": {"command": ["true"]}}
    findings = found(
        "watch.blind",
        {
            "components": {"billing": {"targets": {"production": target}}},
            "watch": {"production": {**watch, "roll_back_when": [{"health_check": "failed"}]}},
        },
    )
    assert len(findings) == len(says)
    assert all(text in finding.message for finding, text in zip(findings, says, strict=True))


@pytest.mark.parametrize(
    "text", ["todos@example.com", "xx", "[see below]", "on [weekdays]", "a todo list", "n/a", "[your]"]
)
def test_what_only_looks_like_one_is_none(text: str) -> None:
    policy = given({"contacts": {"duty": {"title": "Duty", "reach": text}}}, now=NOW).policy
    assert list(all_points(policy)) == []


def test_a_long_condition_is_tried_within_bounds() -> None:
    fields = ("total", "passed", "failed", "errors", "skipped")
    more = " || ".join(f"tests.{fields[number % 5]} == {number * 13}" for number in range(85))
    begun = process_time()
    (finding,) = found("unsafe.gate", {"gates": {"tests": {"pass": f"tests.failed >= 0 || {more}"}}})
    assert finding.path == ("gates", "tests", "pass")
    assert process_time() - begun < 30


@pytest.mark.parametrize(
    ("switch", "steps", "says"),
    [
        ("kubernetes_service", [{"weight": "5%"}], True),
        ("kubernetes_service", [{"weight": "100%"}], False),
        ("haproxy", [{"weight": "5%"}], False),
        (["kubernetes_service"], [{"weight": "5%"}], False),
    ],
)
def test_a_switch_that_cannot_weigh_and_a_canary_are_told(switch: Any, steps: list[dict[str, str]], says: bool) -> None:
    target = {"driver": "kubernetes", "traffic": {"switch": switch, "pools": {"blue": ["a"], "green": ["b"]}}}
    messages = found(
        "strategy.target",
        {
            "components": {"shop": {"targets": {"production": target}}},
            "environments": {"production": {"purpose": "production", "strategy": {"canary": {"steps": steps}}}},
        },
    )
    assert [(one.message, one.remedy) for one in messages] == (
        [
            (
                (
                    "production is released to by canary, and the target has the switch kubernetes_service, "
                    "which gives a pool all of the traffic or nothing"
                ),
                "release by blue_green, or take traffic: out of the target: then a part of the units comes first",
            )
        ]
        if says
        else []
    )


@pytest.mark.parametrize(
    ("component", "database", "rules", "messages"),
    [
        ({"migrations": "db"}, {"tool": "sql"}, {}, []),
        ({"migrations": "db"}, {}, {"migrations": {"tool": "django"}}, []),
        ({"migrations": "db"}, {}, {}, ["the database of shop is to be migrated, and nothing says by what"]),
        (
            {"path": "shop", "migrations": "db"},
            {"tool": "sql"},
            {},
            ["the migrations of shop are not below its path, and so not in the package they would be run from"],
        ),
        (
            {"path": "shop", "migrations": "shop"},
            {"tool": "sql"},
            {},
            ["the migrations of shop are not below its path, and so not in the package they would be run from"],
        ),
        (
            {"migrations": "db"},
            {"tool": "sql"},
            {"migrations": {"dialect": "mysql"}},
            ["the database of shop is to be migrated, and only PostgreSQL can be yet"],
        ),
        (
            {"migrations": "db"},
            {"tool": "sql", "goes_back": True, "back": ["x"]},
            {},
            ["back is not said here", "goes_back is not said here"],
        ),
    ],
)
def test_a_database_that_cannot_be_migrated_is_found(
    component: dict[str, Any], database: dict[str, Any], rules: dict[str, Any], messages: list[str]
) -> None:
    target = {"driver": "host", "database": {"address": {"env": "SHOP"}, **database}}
    shop = {**component, "targets": {"production": target}}
    policy = {"components": {"shop": shop}, "environments": {"production": {"purpose": "production"}}, **rules}
    assert [finding.message for finding in found("database.target", policy)] == messages


def test_a_group_that_somebody_is_in_and_nothing_names_may_be_misspelt() -> None:
    people = {"zoe": {"name": "Zoe", "groups": ["leadz", "leads", "bystanders"]}}
    near, far = found("unused", {"people": people})
    assert near.path == ("people", "zoe", "groups", 0)
    assert near.message == 'nothing names the group leadz, so that zoe may do nothing more by it; did you mean "leads"?'
    assert far.message == "nothing names the group bystanders, so that zoe may do nothing more by it"
    assert found("unused", {"people": people, "groups": {"leadz": {}, "bystanders": {}}}) == []
