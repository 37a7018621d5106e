"""The order of a bundle: what is required goes first, always in the same order, and circles are told."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.bundle import Order, in_order


@pytest.mark.parametrize(
    ("requires", "order"),
    [
        ({}, Order(())),
        ({"billing": []}, Order(("billing",))),
        ({"b": [], "a": [], "c": []}, Order(("a", "b", "c"))),
        ({"billing": ["platform", "customer"], "platform": [], "customer": ["platform"]},
         Order(("platform", "customer", "billing"))),
        # What is not among them does not matter.
        ({"billing": ["platform"]}, Order(("billing",))),
        ({"a": ["z"], "m": [], "z": []}, Order(("m", "z", "a"))),
        ({"a": ["b"], "b": ["a"]}, Order((), (("a", "b", "a"),))),
        ({"a": ["a"]}, Order((), (("a", "a"),))),
        ({"c": ["a"], "a": ["b"], "b": ["c"], "d": []}, Order(("d",), (("a", "b", "c", "a"),))),
        # Whoever requires somebody in a circle has no place, and is not in it.
        ({"a": ["m"], "m": ["n"], "n": ["m"]}, Order((), (("m", "n", "m"),))),
        ({"a": ["b"], "b": ["a"], "x": ["y"], "y": ["x"]}, Order((), (("a", "b", "a"), ("x", "y", "x")))),
    ],
)  # fmt: skip
def test_the_order(requires: dict[str, list[str]], order: Order) -> None:
    assert in_order(requires) == order


names = st.sampled_from("abcdefg")
graphs = st.dictionaries(names, st.sets(names, max_size=3), max_size=7)


@given(graphs)
def test_what_is_required_goes_first_and_every_circle_is_one(graph: dict[str, set[str]]) -> None:
    found = in_order(graph)
    places = {name: place for place, name in enumerate(found.sequence)}
    for name in found.sequence:
        assert all(places[other] < places[name] for other in graph[name] if other in graph)
    for cycle in found.cycles:
        assert cycle[0] == cycle[-1] == min(cycle)
        assert all(later in graph[earlier] for earlier, later in pairwise(cycle))
    assert bool(found.cycles) is (len(found.sequence) < len(graph))


@given(graphs)
def test_the_order_does_not_depend_on_how_it_is_given(graph: dict[str, set[str]]) -> None:
    turned = {name: sorted(graph[name], reverse=True) for name in sorted(graph, reverse=True)}
    assert in_order(turned) == in_order(graph)
