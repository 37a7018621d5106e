"""Comparing policies over a real store: what can be named, and which open releases would be told otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.flows import NOW, Organisation, document
from tidegate.core.strictness import Direction
from tidegate.core.verdict import Verdict
from tidegate.errors import NotFoundError, PolicyError, UsageError
from tidegate.orchestration.policy_diff import (
    Answers,
    Comparison,
    Source,
    compare_sources,
    digest_that_begins,
    find_source,
    is_of_store,
)
from tidegate.store import policies

TIGHTER: dict[str, Any] = {"environments": {"production": {"approvals": [{"from": "rm"}]}}}
LOOSER: dict[str, Any] = {"release_types": {"minor": {"approvals": [{"from": "tech-leads"}]}}}
WINDOWS: dict[str, Any] = {"environments": {"production": {"windows": [{"days": "wed", "from": "10:00"}]}}}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Writes the policy with changes to a file; its name."""

    def made(name: str = "proposal.yaml", **changes: Any) -> str:
        path = tmp_path / name
        path.write_text(json.dumps(document(**changes), indent=1))
        return str(path)

    return made


def compared(org: Organisation, before: str, after: str, person: str = "") -> Comparison:
    rows = org.counts()
    with org.house.database.read() as connection:
        two = find_source(before, connection), find_source(after, connection)
        found = compare_sources(*two, connection, org.house.now(), person)
    assert org.counts() == rows
    return found


def answers(found: Comparison) -> dict[str, Answers]:
    assert found.answers is not None
    return {answer.environment: answer for answer in found.answers}


def test_a_policy_can_be_named_in_four_ways(org: Organisation, write: Callable[..., str]) -> None:
    second = org.adopt(**TIGHTER)
    hexadecimal = second.removeprefix("sha256:")
    named: dict[str, Source] = {}
    with org.house.database.read() as connection:
        first = policies.history(connection)[0].digest
        for text in ("active", "adopted:1", "adopted:2", hexadecimal[:12], second, write()):
            named[text] = find_source(text, connection)
    assert [source.rulebook.digest for source in named.values()] == [second, first, second, second, second, first]
    assert [bool(source.loaded) for source in named.values()] == [False] * 5 + [True]
    assert named["active"].where(("permits",)) == ""


def test_what_names_no_policy_is_told(org: Organisation, write: Callable[..., str]) -> None:
    broken = write("broken.yaml", environments={"production": {"gates": ["none"]}})
    with org.house.database.read() as connection:
        for text, error, sentence in (
            ("adopted:2", NotFoundError, "no policy was adopted as number 2"),
            ("0" * 12, NotFoundError, "no policy that was adopted has a digest that begins with 000000000000"),
            ("nothing.yaml", NotFoundError, "there is no policy file"),
            ("0" * 11, NotFoundError, "there is no policy file"),
            (broken, PolicyError, 'unknown gate "none"'),
        ):
            with pytest.raises(error) as caught:
                find_source(text, connection)
            assert caught.value.what == sentence


def test_a_beginning_that_several_have_is_refused() -> None:
    digests = {f"sha256:{'ab' * 6}{end}" for end in ("0", "1")}
    with pytest.raises(UsageError, match=r"^2 digests begin with abababababab$"):
        digest_that_begins(digests, "ab" * 6)
    assert digest_that_begins(digests, "ab" * 6 + "1") == f"sha256:{'ab' * 6}1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("active", True),
        ("adopted:12", True),
        ("sha256:0123456789ab", True),
        ("0123456789ab", True),
        ("0123456789a", False),
        ("./0123456789ab", False),
        ("adopted:x", False),
        ("tidegate.yaml", False),
    ],
)
def test_what_is_of_the_store_and_what_is_a_file(text: str, expected: bool) -> None:
    assert is_of_store(text) is expected


def test_a_tighter_policy_is_told_with_the_release_that_it_stops(org: Organisation, write: Callable[..., str]) -> None:
    release = org.prepared()
    found = compared(org, "active", write(**TIGHTER))
    (difference,) = found.differences
    assert difference.sentence == "environments.production.approvals: {from: rm} was added: stricter"
    assert found.after.where(difference.after).startswith(f"{found.after.name}:")
    told = answers(found)
    assert list(told) == ["production", "staging"]
    assert not told["staging"].changed
    stopped = told["production"]
    assert (stopped.release, stopped.was.verdict, stopped.now.verdict) == (release, Verdict.ALLOW, Verdict.DENY)
    assert [(f.rule, f.message) for f in stopped.in_the_way] == [
        ("approval.rm", "needs 1 approval from rm, none given")
    ]
    assert stopped.out_of_the_way == ()
    assert not stopped.held


def test_the_answer_that_is_foretold_is_the_one_that_is_given(org: Organisation, write: Callable[..., str]) -> None:
    release = org.prepared()
    for changes in (TIGHTER, LOOSER, WINDOWS):
        foretold = answers(compared(org, "active", write(**changes), "rita"))["production"].now
        org.adopt(**changes)
        given = org.decide(release)
        assert (given.verdict, given.next_possible) == (foretold.verdict, foretold.next_possible)
        assert [(f.rule, f.message) for f in given.against()] == [(f.rule, f.message) for f in foretold.against()]


def test_a_looser_policy_frees_no_release_that_is_open(org: Organisation, write: Callable[..., str]) -> None:
    release = org.open()
    org.tested(release)
    org.approve(release, "carol")
    found = compared(org, "active", write(**LOOSER))
    assert {difference.direction for difference in found.differences} == {Direction.LOOSER}
    told = answers(found)
    assert [(name, answer.changed, answer.held) for name, answer in told.items()] == [
        ("production", False, True),
        ("staging", False, False),
    ]


def test_a_moment_that_moves_is_a_change_too(org: Organisation, write: Callable[..., str]) -> None:
    org.prepared()
    org.adopt(**WINDOWS)
    later = write(environments={"production": {"windows": [{"days": "wed", "from": "12:00"}]}})
    moved = answers(compared(org, "active", later))["production"]
    assert (moved.was.verdict, moved.now.verdict) == (Verdict.DENY, Verdict.DENY)
    assert moved.changed
    assert moved.was.next_possible == NOW + timedelta(days=1)
    assert moved.now.next_possible == NOW + timedelta(days=1, hours=2)
    assert [finding.rule for finding in moved.in_the_way] == ["windows"]
    assert [finding.rule for finding in moved.out_of_the_way] == ["windows"]


def test_each_policy_is_asked_with_the_keys_and_targets_that_it_has(
    org: Organisation, write: Callable[..., str]
) -> None:
    org.prepared()
    told = answers(compared(org, "active", write(people={"carol": {"keys": []}})))["production"]
    assert (told.was.verdict, told.now.verdict) == (Verdict.ALLOW, Verdict.DENY)
    (lost,) = told.in_the_way
    assert lost.rule == "approval.tech-leads"
    assert "not counted: carol" in lost.message


def test_only_open_releases_are_asked_about_and_only_where_they_still_go(org: Organisation) -> None:
    first = org.open()
    org.tested(first)
    org.start(first, "staging")
    org.carry()
    assert list(answers(compared(org, "active", "active"))) == ["production"]
    org.approve(first)
    org.start(first)
    assert answers(compared(org, "active", "active")) == {}


def test_without_a_store_two_files_are_compared(write: Callable[..., str]) -> None:
    two = find_source(write("a.yaml"), None), find_source(write("b.yaml", **TIGHTER), None)
    found = compare_sources(*two, None, NOW)
    assert [difference.direction for difference in found.differences] == [Direction.STRICTER]
    assert found.answers is None
