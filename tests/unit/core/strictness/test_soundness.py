"""What ``compare`` says of two policies, held against what ``decide`` answers under each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.facts import (
    DAY,
    HOUR,
    NOW,
    approval,
    asked,
    compiled,
    evidence,
    item,
    person,
    question,
    release,
    rulebook,
    verified,
)
from tests.support.knobs import KNOBS, some_settings, turned
from tests.support.strategies import GOOD, GOOD_RELEASE, late, moments, questions, somewhat_damaged
from tidegate.core.actor import Assurance
from tidegate.core.approval import Answer
from tidegate.core.decision import Action, Question
from tidegate.core.facts import Change, Facts
from tidegate.core.rulebook import Rulebook, resolved_of
from tidegate.core.strictness import Difference, Direction, compare

PROPERTY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def direction(before: Rulebook, after: Rulebook) -> Direction | None:
    """The one direction of all differences; None: they have several, or there are none."""
    found = {difference.direction for difference in compare(before.policy, after.policy)}
    return found.pop() if len(found) == 1 else None


def turned_round(difference: Difference) -> tuple[object, ...]:
    return (
        difference.after,
        difference.before,
        difference.now,
        difference.was,
        difference.direction.reversed,
        difference.kind,
    )


def as_it_is(difference: Difference) -> tuple[object, ...]:
    return (
        difference.before,
        difference.after,
        difference.was,
        difference.now,
        difference.direction,
        difference.kind,
    )


pairs = st.tuples(some_settings(4), some_settings(2)).map(
    lambda two: (compiled(turned(two[0])), compiled(turned({**two[0], **two[1]})))
)


@PROPERTY
@given(pairs)
def test_a_comparison_turned_round_is_the_comparison_the_other_way(pair: tuple[Rulebook, Rulebook]) -> None:
    before, after = (book.policy for book in pair)
    there, back = compare(before, after), compare(after, before)
    assert sorted(map(turned_round, there), key=repr) == sorted(map(as_it_is, back), key=repr)


@PROPERTY
@given(pairs)
def test_nothing_differs_where_both_are_stored_alike_and_nowhere_else(pair: tuple[Rulebook, Rulebook]) -> None:
    before, after = (book.policy for book in pair)
    assert (compare(before, after) == ()) is (resolved_of(before) == resolved_of(after))


def counting_everywhere(known: Facts, *books: Rulebook) -> Facts:
    """The facts without a no that counts under one policy only: see the exception below."""

    def counts(who: str, assurance: Assurance) -> bool:
        people = [book.policy.people.get(who) for book in books]
        return assurance is Assurance.SIGNATURE and all(found and not found.disabled for found in people)

    return replace(
        known,
        approvals=tuple(
            given
            for given in known.approvals
            if given.answer is Answer.APPROVE or counts(given.actor.person, given.actor.assurance)
        ),
    )


cases = st.lists(
    st.tuples(
        st.just(GOOD) | late | somewhat_damaged,
        st.just(question()) | questions.map(lambda about: replace(about, action=Action.START)),
        st.just(NOW) | moments,
    ),
    min_size=5,
    max_size=10,
)


@settings(PROPERTY, max_examples=80)
@given(pairs, cases)
def test_where_all_is_stricter_nothing_starts_that_did_not_before(
    pair: tuple[Rulebook, Rulebook], seen: Sequence[tuple[Facts, Question, datetime]]
) -> None:
    way = direction(*pair)
    if way not in (Direction.STRICTER, Direction.LOOSER):
        return
    looser, stricter = pair if way is Direction.STRICTER else pair[::-1]
    for known, about, now in seen:
        fair = counting_everywhere(known, *pair)
        if asked(fair, stricter, about, now).allowed:
            assert asked(fair, looser, about, now).allowed, [
                d.sentence for d in compare(pair[0].policy, pair[1].policy)
            ]


# ---- one knob at a time: every pair of its settings, against the same cases


def _known() -> list[Facts]:
    changed = release(item(changes=(Change("a", "fix", "a"),), content_at=NOW - 11 * DAY), announced_at=NOW - 10 * DAY)
    mixed = replace(
        GOOD,
        evidence=(
            *(evidence(kind) for kind in ("junit", "coverage", "smoke")),
            evidence(values={"failed": 1}, source="nightly"),
        ),
    )
    flaky = replace(GOOD, evidence=(evidence(values={"failed": 1, "total": 30}), *GOOD.evidence[1:]))
    many = replace(GOOD, evidence=(evidence(values={"total": 12}), *GOOD.evidence[1:]))
    few = replace(GOOD, approvals=(approval("frank"), approval("carol", actor=person("carol", Assurance.SESSION))))
    by_author = replace(GOOD, approvals=(approval("bob"), approval("mallory")))
    return [
        GOOD,
        replace(GOOD, release=changed),
        mixed,
        flaky,
        many,
        few,
        by_author,
        replace(GOOD, evidence=GOOD.evidence[:1]),
        replace(GOOD, verified=(verified(at=NOW - 25 * HOUR),)),
        replace(GOOD, verified=()),
        replace(GOOD, release=replace(GOOD_RELEASE, type="mega")),
        replace(GOOD, release=release(item("ledger")), evidence=(evidence(of=item("ledger")),)),
    ]


MOMENTS = [
    NOW,
    NOW + 90 * (HOUR / 60),
    NOW + 3 * HOUR,
    NOW + 21 * HOUR,
    NOW + DAY,
    NOW - DAY,
    NOW + 3 * DAY,
    NOW + 7 * DAY,
]
ASKED = [
    question(),
    question(by="bob"),
    question(by=person("olga", Assurance.SESSION)),
    question(environment="nowhere"),
]
GRID = [
    *((known, ASKED[0], now) for known in _known() for now in MOMENTS),
    *((GOOD, about, NOW) for about in ASKED[1:]),
    (GOOD, question(environment="staging"), NOW),
]


@lru_cache(maxsize=1024)
def answers(knob: str, number: int) -> tuple[bool, ...]:
    """What the house with this knob turned answers to each case."""
    book = compiled(turned({knob: number}))
    return tuple(asked(known, book, about, now).allowed for known, about, now in GRID)


def directions(knob: str) -> Mapping[tuple[int, int], Direction | None]:
    books = [compiled(turned({knob: number})) for number in range(len(KNOBS[knob]))]
    return {(i, j): direction(books[i], books[j]) for i, j in permutations(range(len(books)), 2)}


@pytest.mark.parametrize("knob", KNOBS)
def test_each_setting_is_held_against_each_other(knob: str) -> None:
    for (i, j), way in directions(knob).items():
        if way is Direction.STRICTER:
            changed = [(was, now) for was, now in zip(answers(knob, i), answers(knob, j), strict=True) if was != now]
            assert (False, True) not in changed, (KNOBS[knob][i], KNOBS[knob][j])


BITES = {
    "notice", "fresh", "tests", "gates", "gates of the type", "approvals", "approvals of the type", "after", "windows",
    "freeze", "trains", "blackouts", "permits", "people", "places", "types",
}  # fmt: skip
"""The knobs of which some case is refused by a stricter setting; the others need more than one knob."""


@pytest.mark.parametrize("knob", sorted(BITES))
def test_the_cases_would_show_a_direction_that_is_wrong(knob: str) -> None:
    shown = [
        pair
        for pair, way in directions(knob).items()
        if way is Direction.STRICTER and answers(knob, pair[0]) != answers(knob, pair[1])
    ]
    assert shown


# ---- the two exceptions, which docs/explanation/strictness.md tells


def test_a_no_of_somebody_who_counts_no_more_counts_no_more() -> None:
    rejected = replace(GOOD, approvals=(approval("carol", answer=Answer.REJECT),))
    before, after = rulebook(), rulebook(people={"carol": {"disabled": True}})
    assert not asked(rejected, before).allowed
    assert asked(rejected, after).allowed


def test_what_asks_for_nothing_is_closed_and_its_first_demand_is_looser_too() -> None:
    before = rulebook(environments={"production": {"gates": []}})
    assert {d.direction for d in compare(before.policy, rulebook().policy)} == {Direction.STRICTER, Direction.LOOSER}
    assert asked(policy=rulebook()).allowed
    assert not asked(policy=before).allowed
