"""Two conditions of a gate: which of them lets less evidence pass.

Only what can be shown is said. The conjuncts of the outermost ``&&`` are judged each by itself, so that one more asks
for more. Two conjuncts are compared where they read the same values in the same order and differ in bounds alone:
``coverage.line >= 0.80`` and ``coverage.line >= 0.85``. One more operand of the outermost ``||`` asks for less,
where it reads only what is surely there. Everything else nobody can say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

from tidegate.core.condition import ConditionError
from tidegate.core.condition.grammar import parse
from tidegate.core.condition.syntax import Binary, Expression, Literal, Logical, Name, Select, conjuncts, walk
from tidegate.core.condition.types import Scalar
from tidegate.core.evidence_kind import KINDS
from tidegate.core.strictness.difference import Direction

Shape: TypeAlias = tuple[Any, ...]

_NUMBERS = (Scalar.INT, Scalar.UINT, Scalar.DOUBLE)
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}


def condition_direction(was: str, now: str) -> Direction:
    """Which way a condition was changed."""
    try:
        earlier, later = parse(was), parse(now)
    except ConditionError:
        return Direction.OTHER
    if (way := _by_alternatives(earlier, later)) is not None:
        return way
    left, right = _without_equals(list(conjuncts(earlier)), list(conjuncts(later)))
    found = _pair(left, right)
    return next(iter(found)) if len(found) == 1 else Direction.OTHER


def _by_alternatives(was: Expression, now: Expression) -> Direction | None:
    """Which way it is where one of the two is the other with more alternatives; None: it is not."""
    before, after = _alternatives(was), _alternatives(now)
    if not (before.keys() < after.keys() or after.keys() < before.keys()):
        return None
    fewer, more = sorted((before, after), key=len)
    if not _reads_no_more(fewer, more):
        return Direction.OTHER
    return Direction.LOOSER if fewer is before else Direction.STRICTER


def _alternatives(node: Expression) -> dict[Shape, Expression]:
    """The operands of the outermost ``||``; of anything else itself."""
    operands = node.operands if isinstance(node, Logical) and node.operator == "||" else (node,)
    return {_shape(operand): operand for operand in operands}


def _reads_no_more(fewer: Mapping[Shape, Expression], more: Mapping[Shape, Expression]) -> bool:
    """Whether alternatives that came along read only what is surely there.

    A value that is read and missing makes the whole condition one that cannot tell, whatever the other operands say.
    """
    read = {field for node in fewer.values() for field in _read(node)}
    return all(field in read or _always_there(*field) for node in more.values() for field in _read(node))


def _read(node: Expression) -> Iterator[tuple[str, str]]:
    """The fields that an expression reads, each with what it is read from; ``has`` reads nothing."""
    for each, _, _ in walk(node):
        if isinstance(each, Select):
            yield (each.operand.name if isinstance(each.operand, Name) else ""), each.field


def _always_there(root: str, field: str) -> bool:
    """Whether evidence that has this root always has this field."""
    kinds = [kind for kind in KINDS.values() if kind.root == root]
    return bool(kinds) and all(field in kind.fields and field not in kind.optional for kind in kinds)


def _without_equals(before: list[Expression], after: list[Expression]) -> tuple[list[Expression], list[Expression]]:
    """What the two do not have in common, in the order of what it says."""
    known, wanted = {_shape(node): node for node in before}, {_shape(node): node for node in after}
    return (
        [known[shape] for shape in sorted(known.keys() - wanted.keys(), key=repr)],
        [wanted[shape] for shape in sorted(wanted.keys() - known.keys(), key=repr)],
    )


def _pair(before: list[Expression], after: list[Expression]) -> set[Direction]:
    """The directions of all that changed: what reads the same is compared, the rest was added or removed.

    Any pairing is sound; one by the operator first says more.
    """
    found: set[Direction] = set()
    for key in (_frame_and_operator, _frame):
        pairs, before, after = _matched(before, after, key)
        for one, other in pairs:
            found |= _compare(one, other)
    return found | ({Direction.LOOSER} if before else set()) | ({Direction.STRICTER} if after else set())


def _matched(
    before: list[Expression], after: list[Expression], key: Callable[[Expression], Shape]
) -> tuple[list[tuple[Expression, Expression]], list[Expression], list[Expression]]:
    """Those of one key, in their order; and what is left of both."""
    pairs, left, rest = [], [], list(after)
    for node in before:
        partner = next((other for other in rest if key(other) == key(node)), None)
        if partner is None:
            left.append(node)
        else:
            rest.remove(partner)
            pairs.append((node, partner))
    return pairs, left, rest


def _compare(was: Expression, now: Expression) -> set[Direction]:
    """The directions of two expressions of one frame; empty where they say the same."""
    before, after = _bound(was), _bound(now)
    if before and after:
        return before.compare(after)
    if isinstance(was, Logical) and isinstance(now, Logical):
        return {d for one, other in zip(was.operands, now.operands, strict=True) for d in _compare(one, other)}
    return set()


@dataclass(frozen=True, slots=True)
class _Bound:
    """The numbers that a comparison lets pass: from ``low`` to ``high``, which belong to it or do not."""

    low: tuple[float, int]
    high: tuple[float, int]

    def compare(self, after: _Bound) -> set[Direction]:
        found = set()
        if after.low != self.low:
            found.add(Direction.STRICTER if after.low > self.low else Direction.LOOSER)
        if after.high != self.high:
            found.add(Direction.STRICTER if after.high < self.high else Direction.LOOSER)
        return found


_LOWEST, _HIGHEST = (float("-inf"), 0), (float("inf"), 0)


def _bound(node: Expression) -> _Bound | None:
    """What a comparison of a value with a number lets pass; None: it is no such comparison."""
    found = _comparison(node)
    if found is None:
        return None
    _, operator, number = found
    match operator:
        case "<":
            return _Bound(_LOWEST, (number, -1))
        case "<=":
            return _Bound(_LOWEST, (number, 0))
        case ">":
            return _Bound((number, 1), _HIGHEST)
        case ">=":
            return _Bound((number, 0), _HIGHEST)
    return _Bound((number, 0), (number, 0))


def _comparison(node: Expression) -> tuple[Expression, str, float] | None:
    """The value, the operator and the number of a comparison, the value on the left."""
    if not isinstance(node, Binary) or node.operator not in _TURNED:
        return None
    if (number := _number(node.right)) is not None and _number(node.left) is None:
        return node.left, node.operator, number
    if (number := _number(node.left)) is not None and _number(node.right) is None:
        return node.right, _TURNED[node.operator], number
    return None


def _number(node: Expression) -> float | None:
    return node.value if isinstance(node, Literal) and node.kind in _NUMBERS else None  # type: ignore[return-value]


def _frame(node: Expression) -> Shape:
    """What an expression says without the bounds of its comparisons."""
    found = _comparison(node)
    if found is not None:
        return ("bound", _shape(found[0]))
    if isinstance(node, Logical):
        return (node.operator, *map(_frame, node.operands))
    return ("as it is", _shape(node))


def _frame_and_operator(node: Expression) -> Shape:
    found = _comparison(node)
    return (found[1] if found else "", _frame(node))


def _shape(value: Any) -> Any:
    """A syntax tree as plain values, without the places at which it stands."""
    if isinstance(value, tuple):
        return tuple(map(_shape, value))
    if not hasattr(value, "__dataclass_fields__"):
        # 1 and 1.0 and true are equal to Python, and not to a condition.
        return (type(value).__name__, repr(value))
    inner = [_shape(getattr(value, field.name)) for field in fields(value) if field.name not in ("start", "end", "at")]
    return (type(value).__name__, *inner)
