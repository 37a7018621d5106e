from __future__ import annotations

import json

import pytest

from tidegate.policyfile.layers import AbsentError, located, merged, without
from tidegate.policyfile.tree import Document, Node, plain_value
from tidegate.policyfile.yaml import read_yaml


def tree(text: str, name: str = "p.yaml") -> Node:
    return read_yaml(text.encode(), name).root


@pytest.mark.parametrize(
    ("below", "over", "result"),
    [
        ("{a: 1}", "{b: 2}", {"a": 1, "b": 2}),
        ("{a: {x: 1, y: 2}}", "{a: {y: 3}}", {"a": {"x": 1, "y": 3}}),
        ("{a: [1, 2]}", "{a: [3]}", {"a": [3]}),
        ("{a: [1, 2]}", "{a: []}", {"a": []}),
        ("{a: [{x: 1}]}", "{a: [{y: 2}]}", {"a": [{"y": 2}]}),
        ("{a: text}", "{a: 1}", {"a": 1}),
        ("{a: {x: 1}}", "{a: {}}", {"a": {"x": 1}}),
        ("{a: {}}", "{a: {x: 1}}", {"a": {"x": 1}}),
        ("{a: {x: 1}}", "{a: [1]}", {"a": [1]}),
        ("{a: [1]}", "{a: {x: 1}}", {"a": {"x": 1}}),
        ("{a: {x: 1}}", "{a: text}", {"a": "text"}),
        ("{a: text}", "{a: {x: 1}}", {"a": {"x": 1}}),
        ("{}", "{a: 1}", {"a": 1}),
        ("{a: 1}", "{}", {"a": 1}),
        ("{a: &x {b: 1}, c: *x}", "{c: {b: 2}}", {"a": {"b": 1}, "c": {"b": 2}}),
    ],
)
def test_maps_merge_and_all_else_replaces(below: str, over: str, result: object) -> None:
    assert plain_value(merged(tree(below), tree(over))) == result


@pytest.mark.parametrize(
    ("below", "over", "result"),
    [
        # targets.*: a text is its limit.
        ("{mttr: '< 1h'}", "{mttr: '< 2h'}", "< 2h"),
        ("{mttr: '< 1h'}", "{mttr: {types: [hotfix]}}", {"limit": "< 1h", "types": ["hotfix"]}),
        ("{mttr: {limit: '< 1h', types: [hotfix]}}", "{mttr: '< 2h'}", {"limit": "< 2h", "types": ["hotfix"]}),
        ("{mttr: {types: [hotfix]}}", "{mttr: {limit: '< 2h'}}", {"limit": "< 2h", "types": ["hotfix"]}),
        # A number is no short form: it replaces, and is then told as a mistake.
        ("{mttr: {limit: '< 1h'}}", "{mttr: 3}", 3),
    ],
)
def test_a_short_form_is_the_long_form_that_it_stands_for(below: str, over: str, result: object) -> None:
    document = plain_value(merged(tree(f"{{targets: {below}}}"), tree(f"{{targets: {over}}}")))
    assert document == {"targets": {"mttr": result}}


def test_every_node_keeps_the_place_of_the_layer_that_says_it() -> None:
    result = merged(tree("a:\n  x: 1\n  y: 2\n", "base.yaml"), tree("\n\na: {y: 3}\n", "top.yaml"))
    root = Document(result, ())
    assert root.place(("a", "x")) == (2, 6, "base.yaml")
    assert root.place(("a", "y")) == (3, 8, "top.yaml")
    assert root.key_place(("a",)) == (3, 1, "top.yaml")


def test_merging_changes_neither_side() -> None:
    below, over = tree("{a: {x: 1, z: {q: 1}}}"), tree("{a: {y: 2, z: {r: 2}}}")
    merged(below, over)
    without(below, [("a", "x"), ("a", "z", "q")])
    assert plain_value(below) == {"a": {"x": 1, "z": {"q": 1}}}
    assert plain_value(over) == {"a": {"y": 2, "z": {"r": 2}}}


DOTTED = '{a: {b: {c: 1}, "b.c": 2, "x.y": {z: 3}}, "a.b": 4, d: [1], undecided: {"M1.types.major": {what: w}}}'


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("a", ("a",)),
        ("a.b", ("a.b",)),
        ("a.x.y", ("a", "x.y")),
        ("a.x.y.z", ("a", "x.y", "z")),
        ("d", ("d",)),
        ("undecided.M1.types.major", ("undecided", "M1.types.major")),
        ("undecided.M1.types.major.what", ("undecided", "M1.types.major", "what")),
    ],
)
def test_a_dotted_path_is_found_by_the_longest_keys(path: str, keys: tuple[str, ...]) -> None:
    assert located(tree(DOTTED), path) == keys


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("release_types.hotfx", '; did you mean "release_types.hotfix"?'),
        ("release_type.hotfix", '; did you mean "release_types.hotfix"?'),
        ("release_type.cold", '; did you mean "release_types"?'),
        ("release_types.hotfx.notice", '; did you mean "release_types.hotfix.notice"?'),
        ("undecided.M1.types.mayor", '; did you mean "undecided.M1.types.major"?'),
        ("zzz", ""),
        ("gates[0]", '; did you mean "gates"?'),
        ("organization.x", ""),
        ("", ""),
        (".", ""),
        ("release_types.", ""),
    ],
)
def test_what_is_not_there_is_told_with_a_guess(path: str, what: str) -> None:
    root = tree('{organization: O, gates: [], release_types: {hotfix: {notice: 1d}}, undecided: {"M1.types.major": 1}}')
    with pytest.raises(AbsentError) as caught:
        located(root, path)
    assert (caught.value.path, caught.value.guess) == (path, what)


@pytest.mark.parametrize(
    ("paths", "left"),
    [
        ([("a",)], {"d": 1}),
        ([("a", "b")], {"a": {"c": {"x": 1, "y": 2}}, "d": 1}),
        ([("a", "c", "x"), ("a", "c", "y")], {"a": {"b": 1, "c": {}}, "d": 1}),
        ([("a",), ("a", "b")], {"d": 1}),
        ([("a", "b"), ("a",)], {"d": 1}),
        ([("d",), ("d",)], {"a": {"b": 1, "c": {"x": 1, "y": 2}}}),
        ([("e",), ("d", "x"), ("a", "e", "f")], {"a": {"b": 1, "c": {"x": 1, "y": 2}}, "d": 1}),
        ([], {"a": {"b": 1, "c": {"x": 1, "y": 2}}, "d": 1}),
    ],
)
def test_what_is_taken_out_is_gone_and_nothing_else(paths: list[tuple[str, ...]], left: object) -> None:
    result = plain_value(without(tree("{a: {b: 1, c: {x: 1, y: 2}}, d: 1}"), paths))
    assert json.dumps(result) == json.dumps(left)
