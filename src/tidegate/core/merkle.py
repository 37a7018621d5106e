"""The hash tree under the audit log: RFC 9162 (section 2.1) with SHA-256, over bytes and nothing else.

A tree of n leaves is split at the largest power of two below n; the left part is therefore always complete and never
changes again. That is why a log can only grow: its root at any earlier size can be proved from its root now.

**The empty tree.** Its root is SHA-256 of nothing (:data:`EMPTY_ROOT`). Whether it is a prefix of every tree is seen
differently by different specifications. Here :func:`consistency_holds` says no unless asked: a proof from nothing
proves nothing, and a caller who meets a first size of 0 has probably lost something. With
``empty_is_prefix=True`` it follows the other convention: the empty tree is a prefix of every tree, by an empty proof,
as long as its root is :data:`EMPTY_ROOT`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from tidegate.errors import InternalError, StoreError

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
_REPORT = "this is a fault in Tidegate; report it with the command you ran"


def leaf_hash(data: bytes) -> bytes:
    """The hash of one leaf; its prefix keeps it apart from every inner node. Source: RFC 9162, section 2.1.1."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node. Source: RFC 9162, section 2.1.1."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a tree: the roots of its complete subtrees, largest first.

    It is all that is needed to append, and grows with the logarithm of the size: 20 hashes at a million leaves.
    """

    size: int = 0
    roots: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> Frontier:
        """The edge after one more leaf, given by its hash: equal subtrees join, as a carry in binary addition."""
        roots, node, size = list(self.roots), leaf, self.size
        while size & 1:
            node = node_hash(roots.pop(), node)
            size >>= 1
        return Frontier(self.size + 1, (*roots, node))

    def root(self) -> bytes:
        """The root of the whole tree; :data:`EMPTY_ROOT` of an empty one."""
        if not self.roots:
            return EMPTY_ROOT
        *others, node = self.roots
        for left in reversed(others):
            node = node_hash(left, node)
        return node

    def encode(self) -> bytes:
        """The size in 8 bytes, most significant first, and the hashes, largest subtree first."""
        return self.size.to_bytes(8, "big") + b"".join(self.roots)

    @classmethod
    def decode(cls, data: bytes) -> Frontier:
        """What :meth:`encode` wrote.

        Raises:
            StoreError: the number of hashes does not fit the size: what was kept was damaged.
        """
        size, hashes = int.from_bytes(data[:8], "big"), data[8:]
        if len(data) < 8 or len(hashes) != HASH_BYTES * size.bit_count():
            raise StoreError(
                f"the head of the audit log is damaged: {len(data)} bytes are no edge of a tree of {size} leaves",
                remedy="keep a copy of the database as it is, and restore it from a backup",
            )
        return cls(size, tuple(hashes[i : i + HASH_BYTES] for i in range(0, len(hashes), HASH_BYTES)))


def frontier(leaves: Iterable[bytes]) -> Frontier:
    """The right edge of the tree over these leaf hashes."""
    edge = Frontier()
    for leaf in leaves:
        edge = edge.append(leaf)
    return edge


def root(leaves: Sequence[bytes]) -> bytes:
    """The root of the tree over these leaf hashes, straight from the definition. Source: RFC 9162, section 2.1.1."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    k = _split(len(leaves))
    return node_hash(root(leaves[:k]), root(leaves[k:]))


def inclusion_proof(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The hashes by which leaf ``index`` leads to the root, lowest first. Source: RFC 9162, section 2.1.3.1.

    Raises:
        InternalError: there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise InternalError(f"a tree of {len(leaves)} leaves has no leaf {index}", remedy=_REPORT)
    if len(leaves) == 1:
        return ()
    k = _split(len(leaves))
    if index < k:
        return (*inclusion_proof(leaves[:k], index), root(leaves[k:]))
    return (*inclusion_proof(leaves[k:], index - k), root(leaves[:k]))


def inclusion_holds(index: int, size: int, leaf: bytes, root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether ``proof`` shows that ``leaf`` is leaf ``index`` of the tree of ``size`` leaves with this root.

    Total: whatever is given, the answer is yes or no. Source: RFC 9162, section 2.1.3.2.
    """
    if not 0 <= index < size or not _are_hashes((leaf, root, *proof)):
        return False
    fn, sn, node = index, size - 1, leaf
    for sibling in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            node = node_hash(sibling, node)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = node_hash(node, sibling)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and node == root


def consistency_proof(leaves: Sequence[bytes], first: int) -> tuple[bytes, ...]:
    """The hashes that show the tree of the ``first`` leaves to be the beginning of the tree of all. Empty if it is all.

    Raises:
        InternalError: ``first`` is 0, which needs no proof, or more leaves than there are.

    Source: RFC 9162, section 2.1.4.1.
    """
    if not 0 < first <= len(leaves):
        raise InternalError(f"no proof leads from {first} leaves to {len(leaves)}", remedy=_REPORT)
    return _subproof(leaves, first, known=True)


def consistency_holds(
    first: int,
    second: int,
    first_root: bytes,
    second_root: bytes,
    proof: Sequence[bytes],
    *,
    empty_is_prefix: bool = False,
) -> bool:
    """Whether ``proof`` shows that the tree of ``first`` leaves is the beginning of the tree of ``second``.

    Total: whatever is given, the answer is yes or no. ``empty_is_prefix`` settles what ``first == 0`` means; the module
    says why it has to be settled. Two trees of one size are compared by their roots alone.

    Source: RFC 9162, section 2.1.4.2.
    """
    if first == 0 and empty_is_prefix:
        fits = second_root == EMPTY_ROOT if second == 0 else len(second_root) == HASH_BYTES
        return second >= 0 and fits and first_root == EMPTY_ROOT and not proof
    if not 0 < first <= second:
        return False
    if first == second:
        return first_root == second_root and not proof
    if not proof or not _are_hashes((first_root, second_root, *proof)):
        return False
    return _climb(first, second, first_root, proof) == (first_root, second_root)


def _climb(first: int, second: int, first_root: bytes, proof: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Both roots as the proof builds them; None where its length does not fit the sizes."""
    complete = first & (first - 1) == 0
    path = (first_root, *proof) if complete else tuple(proof)
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    old = new = path[0]
    for node in path[1:]:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            old, new = node_hash(node, old), node_hash(node, new)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            new = node_hash(new, node)
        fn, sn = fn >> 1, sn >> 1
    return (old, new) if sn == 0 else None


def _subproof(leaves: Sequence[bytes], first: int, *, known: bool) -> tuple[bytes, ...]:
    """``known``: whether this subtree is the whole first tree, whose root the verifier has."""
    if first == len(leaves):
        return () if known else (root(leaves),)
    k = _split(len(leaves))
    if first <= k:
        return (*_subproof(leaves[:k], first, known=known), root(leaves[k:]))
    return (*_subproof(leaves[k:], first - k, known=False), root(leaves[:k]))


def _split(size: int) -> int:
    """The largest power of two below ``size`` (at least 2)."""
    return 1 << ((size - 1).bit_length() - 1)


def _are_hashes(values: Iterable[bytes]) -> bool:
    return all(len(value) == HASH_BYTES for value in values)
