"""Nothing is lost: whatever a policy says, in any key of the schema, is in its explanation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from enum import Enum
from typing import Any, get_origin

import pytest

from tests.support.whole_policy import TURNS, Leaf, changed, leaves, whole_policy, whole_policy_of
from tidegate.core.policy import Group, Policy, Section, Skippable
from tidegate.core.policy.base import Identifier, Line
from tidegate.policyfile.schema import item_of, keys_of, members_of, plain_type, type_at
from tidegate.views.explain import explain, words
from tidegate.views.explain.model import Paragraph, Topic


def texts(topic: Topic) -> Iterator[str]:
    """All that a topic says, but for the footnote about what is not acted on yet."""
    yield from (topic.title, topic.key)
    for paragraph in topic.paragraphs:
        yield from paragraph_texts(paragraph)
    for inner in topic.topics:
        yield from texts(inner)


def paragraph_texts(paragraph: Paragraph) -> Iterator[str]:
    yield from (*paragraph.sentences, paragraph.quote)
    for item in paragraph.items:
        yield from (item.name, item.key, item.text)
    if paragraph.table:
        for row in (paragraph.table.head, *paragraph.table.rows):
            yield from row


def said(policy: Policy) -> str:
    return "\n".join(text for topic in explain(policy).topics for text in texts(topic))


READINGS: tuple[Callable[[str], str], ...] = (
    str, words.span, words.due, words.cadence, words.limit, words.percent, words.slower, words.days,
)  # fmt: skip


def wordings(value: Any) -> set[str]:
    """How a value may be worded; the words themselves have tests of their own."""
    if isinstance(value, timedelta):
        return {words.length(value), words.offset(value), words.mark(value)}
    if isinstance(value, date):
        return {words.weekday(value)}
    if isinstance(value, float):
        return {words.share(value)}
    if isinstance(value, int):
        return {words.number(value), words.times(value), str(value)}
    found = set()
    for reading in READINGS:
        try:
            found.add(reading(value))
        except ValueError:
            continue
    return found


def is_choice(leaf: Leaf) -> bool:
    """Whether the value is one of a few, so that its name need not stand in the explanation."""
    return isinstance(leaf.value, bool | Enum) or (not leaf.is_name and bool(members_of(type_at(leaf.path))))


def lost(policy: Policy) -> list[str]:
    """The keys of which a value cannot be found in the explanation."""
    everything = said(policy).casefold()
    found = {
        leaf.key: None
        for leaf in leaves(policy)
        if not is_choice(leaf) and not any(wording.casefold() in everything for wording in wordings(leaf.value))
    }
    return list(found)


@pytest.mark.parametrize("turn", TURNS)
def test_every_value_and_every_name_of_a_policy_is_in_its_explanation(turn: int) -> None:
    assert lost(whole_policy_of(turn)) == []


def others(leaf: Leaf) -> list[Any]:
    """What else could stand there."""
    if isinstance(leaf.value, bool):
        return [not leaf.value]
    if isinstance(leaf.value, Enum):
        return [member for member in type(leaf.value) if member is not leaf.value]
    if isinstance(leaf.value, float):
        return [leaf.value + 0.01]
    if isinstance(leaf.value, int):
        return [leaf.value + 1]
    return [member for member in members_of(type_at(leaf.path)) if member != leaf.value]


def asked(policy: Policy) -> dict[str, Leaf]:
    """One value of each key whose value is a choice or a number."""
    found: dict[str, Leaf] = {}
    for leaf in leaves(policy):
        if not leaf.is_name and (is_choice(leaf) or isinstance(leaf.value, int | float)):
            found.setdefault(leaf.key, leaf)
    return found


def unheard(policy: Policy, most: int) -> list[str]:
    """The keys whose change does not change the explanation; at most so many other values of each are tried."""
    found = []
    before = said(policy)
    for key, leaf in asked(policy).items():
        if leaf.path == ("tidegate",) or isinstance(value_at(policy, leaf.path), frozenset):
            continue
        tried = others(leaf)[:most]
        if len({before, *(said(changed(policy, leaf.path, other)) for other in tried)}) != 1 + len(tried):
            found.append(key)
    return found


def value_at(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        if isinstance(value, Mapping | tuple):
            value = value[step]  # type: ignore[index]
        else:
            names = {field.alias or name: name for name, field in type(value).model_fields.items()}
            value = getattr(value, names.get(str(step), str(step)))
    return value


@pytest.mark.parametrize("turn", TURNS)
def test_each_choice_and_each_number_is_heard(turn: int) -> None:
    assert unheard(whole_policy_of(turn), most=30 if turn == 0 else 1) == []


@pytest.mark.parametrize("skipped", Skippable)
def test_what_a_type_skips_is_heard(skipped: Skippable) -> None:
    name = next(iter(whole_policy_of(0).release_types))
    silent = changed(whole_policy_of(0), ("release_types", name, "skips"), frozenset())
    assert said(changed(silent, ("release_types", name, "skips"), frozenset({skipped}))) != said(silent)


def keys(kind: Any, key: str = "") -> Iterator[str]:
    """The keys of the schema that hold a value, read from the types alone."""
    plain = plain_type(kind)
    if isinstance(plain, type) and issubclass(plain, Section):
        for name, inner in keys_of(plain).items():
            yield from keys(inner.type, f"{key}.{name}".removeprefix("."))
    elif item_of(plain) is None:
        yield key
    elif issubclass(get_origin(plain), Mapping):
        yield f"{key}.*"
        yield from keys(item_of(plain), f"{key}.*")
    else:
        yield from keys(item_of(plain), key)


def test_the_turns_together_use_every_key_of_the_schema() -> None:
    used = {leaf.key for turn in TURNS for leaf in leaves(whole_policy_of(turn))}
    # A strategy without keys has no value; the settings of a driver are its own.
    beyond = {key for key in used if key.startswith("components.*.targets.*.")} - {"components.*.targets.*.driver"}
    assert used - beyond == set(keys(Policy))


# ---- the test can fail


class NewGroup(Group):
    """A section with a key that nobody explains."""

    colour: Line | None = None


class NewPolicy(Policy):
    """A file with keys that nobody explains."""

    groups: Mapping[Identifier, NewGroup] = {}
    novelty: Line | None = None
    loud: bool = False


def test_a_key_that_nobody_explains_is_named() -> None:
    novel: Policy = whole_policy(0, NewPolicy)
    assert lost(novel) == ["groups.*.colour", "novelty"]
    assert unheard(novel, most=1) == ["loud"]
