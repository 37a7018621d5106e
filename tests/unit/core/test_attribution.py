"""A commit belongs to the lowest release that contains it: held against the definition, on graphs made at random."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.attribution import claimed, reachable


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    """Commits by number; each has up to three parents among those before it, and one parent may be missing."""
    size = draw(st.integers(min_value=1, max_value=14))
    graph = {}
    for number in range(size):
        known = [str(parent) for parent in range(number)] + ["gone"]
        graph[str(number)] = tuple(draw(st.lists(st.sampled_from(known), max_size=3, unique=True)))
    return graph


def contains(graph: dict[str, tuple[str, ...]], head: str, commit: str) -> bool:
    """By the definition: the commit itself, or an ancestor of it."""
    return head == commit or any(contains(graph, parent, commit) for parent in graph[head] if parent in graph)


@given(graphs(), st.data())
def test_each_commit_belongs_to_the_lowest_release_that_contains_it(
    graph: dict[str, tuple[str, ...]], data: st.DataObject
) -> None:
    heads = data.draw(st.lists(st.sampled_from([*graph, "elsewhere"]), max_size=4))
    owners = claimed(graph, list(enumerate(heads)))
    for commit in graph:
        holding = [number for number, head in enumerate(heads) if head in graph and contains(graph, head, commit)]
        assert owners.get(commit) == (holding[0] if holding else None)


@given(graphs(), st.data())
def test_what_is_reachable_is_what_one_of_the_heads_contains(
    graph: dict[str, tuple[str, ...]], data: st.DataObject
) -> None:
    heads = data.draw(st.lists(st.sampled_from(list(graph)), max_size=3))
    expected = {commit for commit in graph if any(contains(graph, head, commit) for head in heads)}
    assert reachable(graph, heads) == expected


def test_a_history_of_a_hundred_thousand_commits_needs_no_deep_stack() -> None:
    graph = {str(number): (str(number - 1),) if number else () for number in range(100_000)}
    owners = claimed(graph, [("old", "10"), ("new", "99999")])
    assert [owners["10"], owners["11"], owners["99999"]] == ["old", "new", "new"]
