"""The syntax tree of a condition: frozen nodes, each with the characters of the text that it covers.

``start`` and ``end`` are offsets in characters, half-open. ``&&`` and ``||`` hold all operands of one run, so that
their number does not deepen the tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from tidegate.core.condition.types import Scalar


@dataclass(frozen=True, slots=True)
class Node:
    """What all nodes have: where they stand."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A constant; ``kind`` is None for ``null``."""

    kind: Scalar | None
    value: int | float | bool | str | bytes | None


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A root of the evidence, or the variable of a macro."""

    name: str


@dataclass(frozen=True, slots=True)
class Select(Node):
    """``operand.field``; ``at`` is the offset of the field's name."""

    operand: Expression
    field: str
    at: int


@dataclass(frozen=True, slots=True)
class Index(Node):
    """``operand[index]``."""

    operand: Expression
    index: Expression


@dataclass(frozen=True, slots=True)
class Call(Node):
    """``function(args)`` or ``target.function(args)``; ``at`` is the offset of the function's name."""

    function: str
    target: Expression | None
    args: tuple[Expression, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Has(Node):
    """``has(operand.field)``: is the field there?"""

    operand: Expression
    field: str
    at: int


@dataclass(frozen=True, slots=True)
class Comprehension(Node):
    """A macro over a list: ``range.macro(variable, body)``; ``filter`` stands only in ``map`` with three arguments."""

    macro: str
    range: Expression
    variable: str
    at: int
    body: Expression
    filter: Expression | None


@dataclass(frozen=True, slots=True)
class Not(Node):
    """``!operand``."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Negate(Node):
    """``-operand``, where the operand is no literal number."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """A relation or an arithmetic operation; ``at`` is the offset of the operator."""

    operator: str
    left: Expression
    right: Expression
    at: int


@dataclass(frozen=True, slots=True)
class Logical(Node):
    """A run of ``&&`` or of ``||`` with two operands or more."""

    operator: str
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Conditional(Node):
    """``test ? then : otherwise``."""

    test: Expression
    then: Expression
    otherwise: Expression


@dataclass(frozen=True, slots=True)
class ListLiteral(Node):
    """``[a, b]``."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class MapLiteral(Node):
    """``{k: v}``."""

    entries: tuple[tuple[Expression, Expression], ...]


Expression: TypeAlias = (
    Literal
    | Name
    | Select
    | Index
    | Call
    | Has
    | Comprehension
    | Not
    | Negate
    | Binary
    | Logical
    | Conditional
    | ListLiteral
    | MapLiteral
)


def children(node: Expression) -> tuple[Expression, ...]:
    """The nodes directly under a node, from left to right."""
    match node:
        case Literal() | Name():
            return ()
        case Select() | Has() | Not() | Negate():
            return (node.operand,)
        case Index():
            return (node.operand, node.index)
        case Call():
            return (*((node.target,) if node.target else ()), *node.args)
        case Comprehension():
            return (node.range, *((node.filter,) if node.filter else ()), node.body)
        case Binary():
            return (node.left, node.right)
        case Logical():
            return node.operands
        case Conditional():
            return (node.test, node.then, node.otherwise)
        case ListLiteral():
            return node.items
        case MapLiteral():
            return tuple(part for entry in node.entries for part in entry)


def walk(root: Expression) -> Iterator[tuple[Expression, int, int]]:
    """Every node with its depth and the number of macros that repeat it, by a stack of its own: a tree may be deep."""
    stack = [(root, 1, 0)]
    while stack:
        node, depth, macros = stack.pop()
        yield node, depth, macros
        for child in reversed(children(node)):
            repeated = isinstance(node, Comprehension) and child is not node.range
            stack.append((child, depth + 1, macros + repeated))


def conjuncts(root: Expression) -> Iterator[Expression]:
    """The operands of the outermost ``&&``, also of those in parentheses; the whole, where there is none."""
    if isinstance(root, Logical) and root.operator == "&&":
        for operand in root.operands:
            yield from conjuncts(operand)
    else:
        yield root
