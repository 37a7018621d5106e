"""The hash tree: vectors of others, and what must hold of every small tree."""

from __future__ import annotations

import json
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core import merkle
from tidegate.core.merkle import EMPTY_ROOT, Frontier, consistency_holds, inclusion_holds
from tidegate.errors import InternalError, StoreError

PROJECT = Path(__file__).resolve().parents[3]
VECTORS = PROJECT.parent / "shared" / "testdata" / "merkle"
ABSENT = f"the shared vectors are not beside the project ({VECTORS.parent.name}/{VECTORS.name})"


def vectors(kind: str) -> list[Any]:
    files = sorted((VECTORS / kind).rglob("*.json"))
    if not files:
        return [pytest.param(None, marks=pytest.mark.skip(reason=ABSENT), id="absent")]
    names = [str(file.relative_to(VECTORS / kind).with_suffix("")) for file in files]
    return [pytest.param(json.loads(file.read_text()), id=name) for file, name in zip(files, names, strict=True)]


def hashes(texts: list[str] | None) -> list[bytes]:
    return [b64decode(text) for text in texts or []]


@pytest.mark.parametrize("vector", vectors("inclusion"))
def test_inclusion_vector(vector: dict[str, Any]) -> None:
    holds = inclusion_holds(
        vector["leafIdx"],
        vector["treeSize"],
        b64decode(vector["leafHash"]),
        b64decode(vector["root"]),
        hashes(vector["proof"]),
    )
    assert holds is not vector["wantErr"], vector["desc"]


@pytest.mark.parametrize("vector", vectors("consistency"))
def test_consistency_vector(vector: dict[str, Any]) -> None:
    arguments = (
        vector["size1"],
        vector["size2"],
        b64decode(vector["root1"]),
        b64decode(vector["root2"]),
        hashes(vector["proof"]),
    )
    assert consistency_holds(*arguments) is not vector["wantErr"], vector["desc"]
    assert consistency_holds(*arguments, empty_is_prefix=True) is not vector["wantErr"], vector["desc"]


def tree(size: int) -> list[bytes]:
    return [merkle.leaf_hash(bytes([n])) for n in range(size)]


SIZES = range(1, 18)
ROOTS = {size: merkle.root(tree(size)) for size in range(18)}


def test_hashes_are_those_of_the_standard() -> None:
    assert sha256(b"").digest() == EMPTY_ROOT == merkle.root([]) == Frontier().root()
    assert merkle.leaf_hash(b"x") == sha256(b"\x00x").digest()
    assert merkle.root(tree(3)) == merkle.node_hash(merkle.node_hash(*tree(2)), tree(3)[2])


@pytest.mark.parametrize("size", SIZES)
def test_every_leaf_of_every_small_tree_is_provable_at_its_place_only(size: int) -> None:
    leaves = tree(size)
    for index in range(size):
        proof = merkle.inclusion_proof(leaves, index)
        places = [i for i in range(-1, size + 2) if inclusion_holds(i, size, leaves[index], ROOTS[size], proof)]
        assert places == [index]


@pytest.mark.parametrize("second", SIZES)
def test_every_prefix_of_every_small_tree_is_provable_at_its_sizes_only(second: int) -> None:
    leaves = tree(second)
    for first in range(1, second + 1):
        proof = merkle.consistency_proof(leaves, first)
        assert consistency_holds(first, second, ROOTS[first], ROOTS[second], proof)
        sizes = [n for n in SIZES if consistency_holds(n, second, ROOTS[n], ROOTS[second], proof)]
        assert sizes == [first]


@given(st.data())
def test_any_flipped_bit_breaks_an_inclusion_proof(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 17))
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(tree(size), index)
    parts = [tree(size)[index], ROOTS[size], *proof]
    leaf, root, *rest = flipped(parts, data)
    assert not inclusion_holds(index, size, leaf, root, rest)


@given(st.data())
def test_any_flipped_bit_breaks_a_consistency_proof(data: st.DataObject) -> None:
    second = data.draw(st.integers(1, 17))
    first = data.draw(st.integers(1, second))
    proof = merkle.consistency_proof(tree(second), first)
    old, new, *rest = flipped([ROOTS[first], ROOTS[second], *proof], data)
    assert not consistency_holds(first, second, old, new, rest)


def flipped(parts: list[bytes], data: st.DataObject) -> list[bytes]:
    which = data.draw(st.integers(0, len(parts) - 1))
    bit = data.draw(st.integers(0, 255))
    changed = bytearray(parts[which])
    changed[bit // 8] ^= 1 << bit % 8
    return [*parts[:which], bytes(changed), *parts[which + 1 :]]


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_the_frontier_has_the_root_of_the_tree(entries: list[bytes]) -> None:
    leaves = [merkle.leaf_hash(entry) for entry in entries]
    edge = merkle.frontier(leaves)
    assert (edge.size, edge.root()) == (len(leaves), merkle.root(leaves))
    assert len(edge.roots) == len(leaves).bit_count()
    assert Frontier.decode(edge.encode()) == edge


@given(st.integers(-2, 9), st.integers(-2, 9), st.lists(st.binary(max_size=33), max_size=4), st.binary(max_size=33))
def test_verification_is_total(first: int, second: int, proof: list[bytes], root: bytes) -> None:
    assert inclusion_holds(first, second, root, root, proof) in (True, False)
    assert consistency_holds(first, second, root, root, proof) in (True, False)
    assert consistency_holds(first, second, root, root, proof, empty_is_prefix=True) in (True, False)


@pytest.mark.parametrize(
    ("second", "first_root", "second_root", "proof", "prefix"),
    [
        (0, EMPTY_ROOT, EMPTY_ROOT, (), True),
        (5, EMPTY_ROOT, ROOTS[5], (), True),
        (0, EMPTY_ROOT, ROOTS[5], (), False),
        (5, EMPTY_ROOT, b"short", (), False),
        (5, ROOTS[5], ROOTS[5], (), False),
        (5, EMPTY_ROOT, ROOTS[5], (ROOTS[1],), False),
        (-1, EMPTY_ROOT, ROOTS[5], (), False),
    ],
)
def test_the_empty_tree_under_both_conventions(
    second: int, first_root: bytes, second_root: bytes, proof: tuple[bytes, ...], prefix: bool
) -> None:
    assert not consistency_holds(0, second, first_root, second_root, proof)
    assert consistency_holds(0, second, first_root, second_root, proof, empty_is_prefix=True) is prefix


@pytest.mark.parametrize("data", [b"", b"\0" * 7, Frontier(2, (b"a" * 32,)).encode() + b"x", Frontier(3).encode()])
def test_a_frontier_that_does_not_fit_its_size_is_refused(data: bytes) -> None:
    with pytest.raises(
        StoreError,
        match=rf"^the head of the audit log is damaged: {len(data)} bytes are no edge of a tree of \d+ leaves$",
    ):
        Frontier.decode(data)


def test_there_is_no_proof_of_what_is_not_there() -> None:
    with pytest.raises(InternalError, match=r"^a tree of 3 leaves has no leaf 3$"):
        merkle.inclusion_proof(tree(3), 3)
    for first in (0, 4):
        with pytest.raises(InternalError, match=f"^no proof leads from {first} leaves to 3$"):
            merkle.consistency_proof(tree(3), first)
