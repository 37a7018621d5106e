"""Names of branches, who may write to them, and what passes a freeze."""

from __future__ import annotations

import subprocess
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tidegate.core.branch import (
    FREEZE,
    Role,
    allowed_kinds,
    branch_for,
    checked_name,
    family,
    is_protected,
    main_line,
    matches,
    merged_into,
    offences,
)
from tidegate.core.change import Change, Commit, Person
from tidegate.core.policy import Policy
from tidegate.core.reverts import changes_from
from tidegate.errors import UsageError

ALICE = Person("Alice", "alice@example.org")


def policy(**branches: dict[str, Any]) -> Policy:
    return Policy.model_validate(
        {"tidegate": 1, "organization": "Example", "timezone": "Europe/Vienna", "branches": branches}
    )


def commit(sha: str, message: str, parents: tuple[str, ...] = ("0",)) -> Commit:
    return Commit(sha, parents, ALICE, ALICE, 0, message)


def changes(*messages: str) -> tuple[Change, ...]:
    """The newest first."""
    commits = [commit(f"{number:040x}", message) for number, message in enumerate(messages)]
    return changes_from(commits)


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("main", "main", True),
        ("main", "mainly", False),
        ("release/v{version}", "release/v1.2.0", True),
        ("release/v{version}", "release/v", False),
        ("release/v{version}", "hotfix/v1.2.0", False),
        ("release/{component}-v{version}", "release/billing-v1.2.0", True),
        ("{version}", "1.0.0", True),
        ("*", "anything/at/all", True),
        ("rel-*-x", "rel--x", True),
        ("rel-*-x", "rel-x", False),
        ("a*b*c", "axxbyyc", True),
        ("a*b*c", "acb", False),
        ("a*a", "a", False),
        ("a**b", "ab", True),
        ("x{version}y{version}z", "x1y2z", True),
        ("[ab]?", "a1", False),
        (".*", "ab", False),
    ],
)
def test_a_branch_is_of_a_family_or_not(pattern: str, name: str, fits: bool) -> None:
    assert matches(pattern, name) is fits


def test_a_pattern_of_many_stars_takes_no_time() -> None:
    began = time.monotonic()
    assert not matches("a*" * 90 + "b", "a" * 200)
    assert time.monotonic() - began < 0.5


def test_the_branches_of_a_policy_that_lists_none() -> None:
    nothing = policy()
    assert branch_for(nothing, Role.RELEASE, "billing", "1.2.0") == "release/v1.2.0"
    assert branch_for(nothing, Role.HOTFIX, "billing", "1.2.1") == "hotfix/v1.2.1"
    assert allowed_kinds(nothing, "release/v1.2.0") == FREEZE == ("fix", "docs", "test", "chore")
    assert allowed_kinds(nothing, "hotfix/v1.2.1") == FREEZE
    assert allowed_kinds(nothing, "feature/x") is None
    assert main_line(nothing) == ("main", "master")


def test_the_families_are_found_by_name_and_else_by_what_they_are_made_from() -> None:
    said = policy(
        trunk={"pattern": "trunk", "protected": True},
        line={"pattern": "rel/{component}/{version}", "from": "trunk", "allows": ("fix",), "merges_into": "trunk"},
        urgent={"pattern": "urgent/{version}", "from": "production-tag"},
    )
    assert branch_for(said, Role.RELEASE, "billing", "1.2.0") == "rel/billing/1.2.0"
    assert branch_for(said, Role.HOTFIX, "billing", "1.2.1") == "urgent/1.2.1"
    assert allowed_kinds(said, "rel/billing/1.2.0") == ("fix",)
    assert main_line(said)[0] == "trunk"
    assert merged_into(said, "rel/billing/1.2.0") == "trunk"
    assert merged_into(said, "trunk") == ""
    named = policy(release={"pattern": "r{version}"}, other={"pattern": "o{version}"})
    assert family(named, Role.RELEASE).pattern == "r{version}"


@pytest.mark.parametrize(
    ("branches", "name", "protected"),
    [
        ({}, "main", True),
        ({}, "master", True),
        ({}, "Main", True),
        ({}, "develop", False),
        ({"main": {"pattern": "main", "protected": True}}, "main", True),
        ({"main": {"pattern": "main"}}, "main", False),
        ({"main": {"pattern": "main"}}, "master", True),
        ({"all": {"pattern": "*"}}, "main", True),
        ({"all": {"pattern": "*", "protected": True}}, "release/v1.0.0", True),
        ({"lts": {"pattern": "lts/{version}", "protected": True}}, "LTS/1.0", True),
        ({"main": {"pattern": "main"}, "m": {"pattern": "m*", "protected": True}}, "main", True),
    ],
)
def test_a_branch_is_protected_or_not(branches: dict[str, Any], name: str, protected: bool) -> None:
    assert is_protected(policy(**branches), name) is protected


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("", "it must have 1 to 200 characters"),
        ("x" * 201, "it must have 1 to 200 characters"),
        ("-x", "it cannot begin with a hyphen, nor be HEAD"),
        ("HEAD", "it cannot begin with a hyphen, nor be HEAD"),
        ("a b", "it cannot contain spaces, control characters, or any of ~ ^ : ? * [ \\"),
        ("a\nb", "it cannot contain spaces, control characters, or any of ~ ^ : ? * [ \\"),
        ("a:b", "it cannot contain spaces, control characters, or any of ~ ^ : ? * [ \\"),
        ("a..b", "it cannot contain .. or @{, nor end with a dot"),
        ("@", "it cannot contain .. or @{, nor end with a dot"),
        ("a//b", "no part of it between slashes can be empty, begin with a dot or end with .lock"),
        ("a/.b", "no part of it between slashes can be empty, begin with a dot or end with .lock"),
        ("a.lock", "no part of it between slashes can be empty, begin with a dot or end with .lock"),
    ],
)
def test_a_name_that_git_would_refuse_is_refused_with_the_reason(name: str, wrong: str) -> None:
    with pytest.raises(UsageError) as caught:
        checked_name(name)
    assert caught.value.what.endswith(f"is not a branch name: {wrong}")
    assert caught.value.remedy == "Name a branch, such as release/v1.2.0."


@given(st.text("aA0-./@{}~^: *[\\$()\x7fé\u202e", min_size=1, max_size=8))
@example("$(touch x)")
@example("a/@")
def test_what_is_accepted_git_accepts(name: str) -> None:
    try:
        checked_name(name)
    except UsageError:
        return
    asked = ["git", "check-ref-format", "--branch", name]
    assert subprocess.run(asked, capture_output=True, check=False, cwd="/").returncode == 0


def test_only_what_passes_the_freeze_may_be_there() -> None:
    found = offences(changes("docs: a", "feat: b", "fix: c", "hello", "perf!: d", "chore(release): 1.0"), FREEZE, ())
    assert [(offence.summary, offence.why) for offence in found] == [
        ("b", "feat may not pass: only fix, docs, test, chore may pass"),
        ("hello", "its title follows no convention, so nobody can tell what it changes"),
        ("d", "it is a breaking change"),
    ]


def test_what_was_taken_back_is_no_offence_and_a_revert_is_a_fix() -> None:
    feat = commit("b" * 40, "feat: b")
    revert = commit("c" * 40, f'Revert "feat: b"\n\nThis reverts commit {feat.sha}.', (feat.sha,))
    assert offences(changes_from([revert, feat]), FREEZE, ()) == ()
    released = commit("c" * 40, f'Revert "feat: x"\n\nThis reverts commit {"d" * 40}.')
    assert offences(changes_from([released]), FREEZE, ()) == ()
    (refused,) = offences(changes_from([released]), ("docs",), ())
    assert refused.why == "revert may not pass: only docs may pass"


def test_a_merge_is_an_offence_whatever_its_title_says() -> None:
    merge = commit("d" * 40, "fix: all of it", ("a", "b"))
    (found,) = offences(changes_from([merge]), FREEZE, {merge.sha})
    assert found.why == "it is a merge: what it brings was not chosen one by one"
    assert offences(changes_from([merge]), (*FREEZE, "merge"), {merge.sha}) == ()


def test_a_squash_is_judged_by_each_of_its_items() -> None:
    (found,) = offences(changes("fix: a\n\n* fix: b\n* feat: c\n"), FREEZE, ())
    assert found.summary == "c"


def test_where_every_kind_may_come_nothing_is_an_offence_and_where_none_may_all_are() -> None:
    assert offences(changes("hello"), None, ()) == ()
    (found,) = offences(changes("fix: a"), (), ())
    assert found.why == "fix may not pass: nothing may pass"
