"""Types and paths: holds a syntax tree against the schema of the evidence.

Stricter than CEL where a mistake would otherwise show only when a release waits: no null, no mixed lists, no record as
a value, no constant operand of a connective.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from tidegate.core.condition.errors import ConditionError, did_you_mean
from tidegate.core.condition.grammar import MACROS
from tidegate.core.condition.lexer import KEYWORDS, RESERVED
from tidegate.core.condition.syntax import (
    Binary,
    Call,
    Comprehension,
    Conditional,
    Expression,
    Has,
    Index,
    ListLiteral,
    Literal,
    Logical,
    MapLiteral,
    Name,
    Negate,
    Not,
    Select,
    walk,
)
from tidegate.core.condition.types import (
    NUMBERS,
    ORDERED,
    WHOLE_NUMBERS,
    ListOf,
    MapOf,
    Record,
    Scalar,
    Schema,
    Type,
    describe,
)

INT, UINT, DOUBLE, BOOL = Scalar.INT, Scalar.UINT, Scalar.DOUBLE, Scalar.BOOL
STRING, TIMESTAMP, DURATION = Scalar.STRING, Scalar.TIMESTAMP, Scalar.DURATION

FUNCTIONS: Mapping[str, tuple[frozenset[Scalar], Scalar]] = {
    "int": (NUMBERS | {STRING}, INT),
    "double": (NUMBERS | {STRING}, DOUBLE),
    "string": (NUMBERS | {STRING}, STRING),
    "timestamp": (frozenset({STRING, TIMESTAMP}), TIMESTAMP),
    "duration": (frozenset({STRING, DURATION}), DURATION),
}
"""Conversions: what each takes, and what it gives. Each is one that the engine has (see the tests)."""

METHODS = frozenset({"startsWith", "endsWith", "contains", "matches"})
"""Methods of a string, of one string, giving a bool."""

_KNOWN = (*FUNCTIONS, *METHODS, *MACROS, "size", "has")
_KEYS = WHOLE_NUMBERS | {BOOL, STRING}


class Checked:
    """The type of every node of one tree, and whether it reads evidence."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._types: dict[int, Type] = {}
        self._scope: dict[str, Type] = {}

    def type_of(self, node: Expression) -> Type:
        """The type of a node of the tree that was checked."""
        return self._types[id(node)]

    # -- the tree --------------------------------------------------------------------------------------------------

    def infer(self, node: Expression) -> Type:
        """The type of a node; checks everything below it.

        Raises:
            ConditionError: an unknown name, or a value of another type than its place demands.
        """
        rule: Callable[..., Type] = _RULES[type(node)]
        kind = rule(self, node)
        self._types[id(node)] = kind
        return kind

    def value(self, node: Expression) -> Type:
        """The type of a node that is used as a value, which a record cannot be."""
        kind = self.infer(node)
        if isinstance(kind, Record):
            raise _mistake(
                "a record is no value in a condition",
                node.start,
                f"name one of its fields: {_listing(kind.fields)}",
            )
        return kind

    def boolean(self, node: Expression, place: str) -> None:
        """Demand a bool."""
        kind = self.value(node)
        if kind is not BOOL:
            raise _mistake(
                f"{place} is {describe(kind)}, expected bool", node.start, "compare it, as in tests.failed == 0"
            )

    def asking(self, node: Expression, place: str) -> None:
        """Demand a bool that can be false: one that reads evidence."""
        self.boolean(node, place)
        if not _free_names(node):
            raise _mistake(
                f"{place} reads no evidence, so that it is always the same",
                node.start,
                "name a path of the evidence, such as tests.failed, or remove it",
            )

    # -- one rule per node -----------------------------------------------------------------------------------------

    def _literal(self, node: Literal) -> Type:
        if node.kind is None:
            raise _mistake(
                "null is no value in a condition: what is null counts as missing",
                node.start,
                "ask with has() whether the field is there",
            )
        return node.kind

    def _name(self, node: Name) -> Type:
        if node.name in self._scope:
            return self._scope[node.name]
        if node.name in self._schema:
            return self._schema[node.name]
        known = (*self._scope, *self._schema)
        raise _mistake(
            f'unknown name "{node.name}"{did_you_mean(node.name, known)}',
            node.start,
            f"use one of: {_listing(known)}" if known else "the gate names no evidence; give it a kind of evidence",
        )

    def _select(self, node: Select) -> Type:
        return self._field(node.operand, node.field, node.at)

    def _has(self, node: Has) -> Type:
        self._field(node.operand, node.field, node.at)
        if isinstance(self.type_of(node.operand), MapOf):
            raise _mistake("has() asks for a field of the evidence", node.start, "write it as in has(tests.failed)")
        return BOOL

    def _field(self, operand: Expression, field: str, at: int) -> Type:
        kind = self.infer(operand)
        if isinstance(kind, MapOf) and kind.key is STRING and kind.value:
            return kind.value
        if not isinstance(kind, Record):
            raise _mistake(f'"{field}" is asked of {describe(kind)}, which has no fields', at, "remove the field")
        if field not in kind.fields:
            owner = _dotted(operand)
            raise _mistake(
                f'unknown field "{field}"{f" of {owner}" if owner else ""}{did_you_mean(field, kind.fields)}',
                at,
                f"use one of: {_listing(kind.fields)}",
            )
        return kind.fields[field]

    def _index(self, node: Index) -> Type:
        kind, index = self.infer(node.operand), self.value(node.index)
        if isinstance(kind, ListOf) and kind.element:
            self._demand(node.index, index, INT, "the index of a list")
            return kind.element
        if isinstance(kind, MapOf) and kind.key and kind.value:
            self._demand(node.index, index, kind.key, "the key of this map")
            return kind.value
        raise _mistake(f"found an index of {describe(kind)}, expected one of a list", node.start, "remove the index")

    @staticmethod
    def _demand(node: Expression, found: Type, expected: Type, place: str) -> None:
        if found != expected:
            raise _mistake(
                f"{place} is {describe(found)}, expected {describe(expected)}",
                node.start,
                f"write a value of type {describe(expected)}",
            )

    def _call(self, node: Call) -> Type:
        if node.function == "size":
            return self._size(node)
        if node.function in METHODS and node.target is not None:
            return self._method(node, node.target)
        if node.function in FUNCTIONS and node.target is None:
            return self._conversion(node)
        raise self._unknown_call(node)

    @staticmethod
    def _unknown_call(node: Call) -> ConditionError:
        if node.function in MACROS:
            what, remedy = f"{node.function} takes a variable and a condition", f"as in list.{node.function}(i, i > 0)"
        elif node.function in METHODS:
            what = f'"{node.function}" is a method of a string'
            remedy = f'write it as in name.{node.function}("text")'
        elif node.function in FUNCTIONS:
            what, remedy = f'"{node.function}" is a function', f"write it as in {node.function}(value)"
        else:
            what = f'unknown function "{node.function}"{did_you_mean(node.function, _KNOWN)}'
            remedy = f"use one of: {_listing(_KNOWN)}"
        return _mistake(what, node.at, remedy)

    def _size(self, node: Call) -> Type:
        (operand,) = self._arguments(node, 1, (*((node.target,) if node.target else ()), *node.args))
        kind = self.infer(operand)
        if not isinstance(kind, ListOf | MapOf) and kind not in (STRING, Scalar.BYTES):
            raise _mistake(f"found the size of {describe(kind)}", operand.start, "size() takes a string or a list")
        return INT

    def _method(self, node: Call, target: Expression) -> Type:
        (argument,) = self._arguments(node, 1, node.args)
        for part, place in ((target, f"what {node.function} is asked of"), (argument, f"what {node.function} takes")):
            self._demand(part, self.value(part), STRING, place)
        if node.function == "matches" and not isinstance(argument, Literal):
            raise _mistake(
                "the pattern of matches is computed", argument.start, "write the pattern as a literal string"
            )
        return BOOL

    def _conversion(self, node: Call) -> Type:
        (argument,) = self._arguments(node, 1, node.args)
        takes, gives = FUNCTIONS[node.function]
        kind = self.value(argument)
        if kind not in takes:
            names = " or ".join(sorted(takes))
            raise _mistake(
                f"{node.function}() is given {describe(kind)}, expected {names}", argument.start, "convert another"
            )
        return gives

    @staticmethod
    def _arguments(node: Call, count: int, found: tuple[Expression, ...]) -> tuple[Expression, ...]:
        if len(found) != count:
            raise _mistake(
                f"{node.function} is given {len(found)} values, expected {count}", node.at, f"give it {count}"
            )
        return found

    def _comprehension(self, node: Comprehension) -> Type:
        kind = self.infer(node.range)
        if not isinstance(kind, ListOf):
            raise _mistake(f"{node.macro} goes over {describe(kind)}, expected a list", node.range.start, "name a list")
        self._hold_variable(node)
        # The element of the literal [] has no type; nothing is ever computed with it.
        self._scope[node.variable] = kind.element or INT
        try:
            return self._body(node, kind)
        finally:
            del self._scope[node.variable]

    def _hold_variable(self, node: Comprehension) -> None:
        taken = node.variable in self._scope or node.variable in self._schema
        if taken or node.variable in RESERVED | KEYWORDS:
            raise _mistake(f'the name "{node.variable}" is taken', node.at, "give the variable another name")

    def _body(self, node: Comprehension, kind: ListOf) -> Type:
        if node.filter is not None:
            self.asking(node.filter, "the condition of map")
        if node.macro == "map":
            return ListOf(self.value(node.body))
        self.asking(node.body, f"the condition of {node.macro}")
        return kind if node.macro == "filter" else BOOL

    def _not(self, node: Not) -> Type:
        self.boolean(node.operand, "the operand of !")
        return BOOL

    def _negate(self, node: Negate) -> Type:
        kind = self.value(node.operand)
        if kind not in (INT, DOUBLE):
            raise _mistake(
                f"the operand of - is {describe(kind)}, expected int or double", node.operand.start, "remove the -"
            )
        return kind

    def _logical(self, node: Logical) -> Type:
        for operand in node.operands:
            self.asking(operand, f"an operand of {node.operator}")
        return BOOL

    def _conditional(self, node: Conditional) -> Type:
        self.asking(node.test, "the test of ? :")
        then, otherwise = self.value(node.then), self.value(node.otherwise)
        if then != otherwise:
            raise _mistake(
                f"the values of ? : are {describe(then)} and {describe(otherwise)}, expected two of one type",
                node.otherwise.start,
                _align(then, otherwise),
            )
        return then

    def _list(self, node: ListLiteral) -> Type:
        return ListOf(self._alike(node.items, "the elements of a list"))

    def _map(self, node: MapLiteral) -> Type:
        key = self._alike([key for key, _ in node.entries], "the keys of a map")
        keys = [key.value for key, _ in node.entries if isinstance(key, Literal)]
        if len(keys) != len(node.entries) or len(set(keys)) != len(keys) or (key and key not in _KEYS):
            raise _mistake(
                "a map needs different literal keys", node.start, "write each key once, as a number or a string"
            )
        return MapOf(key, self._alike([value for _, value in node.entries], "the values of a map"))

    def _alike(self, items: Iterable[Expression], place: str) -> Type | None:
        first: Type | None = None
        for item in items:
            kind = self.value(item)
            first = first or kind
            if kind != first:
                raise _mistake(
                    f"{place} are {describe(first)} and {describe(kind)}, expected one type",
                    item.start,
                    _align(first, kind),
                )
        return first

    def _binary(self, node: Binary) -> Type:
        left, right = self.value(node.left), self.value(node.right)
        if node.operator == "in":
            return self._membership(node, left, right)
        if node.operator in ("==", "!=", "<", "<=", ">", ">="):
            return self._relation(node, left, right)
        gives = _arithmetic(node.operator, left, right)
        if gives is None:
            raise _misfit(node, left, right)
        return gives

    @staticmethod
    def _membership(node: Binary, left: Type, right: Type) -> Type:
        inside = right.element if isinstance(right, ListOf) else right.key if isinstance(right, MapOf) else None
        if not isinstance(right, ListOf | MapOf):
            raise _mistake(
                f"found {describe(right)} behind in, expected a list", node.right.start, "name a list behind in"
            )
        if inside is not None and left != inside:
            raise _misfit(node, left, right)
        return BOOL

    @staticmethod
    def _relation(node: Binary, left: Type, right: Type) -> Type:
        if not _comparable(left, right):
            raise _misfit(node, left, right)
        if node.operator not in ("==", "!=") and left not in ORDERED:
            raise _mistake(f"values of type {describe(left)} have no order", node.at, "compare with == or !=")
        return BOOL


def check(root: Expression, schema: Schema) -> Checked:
    """Hold a condition against the schema: it must be a bool, and must be able to be false.

    Raises:
        ConditionError: the first mistake found, from left to right.
    """
    checked = Checked(schema)
    checked.asking(root, "the condition")
    return checked


def _free_names(node: Expression) -> frozenset[str]:
    """The names in a node but those that its own macros bind; no name is bound twice."""
    parts = [part for part, _, _ in walk(node)]
    bound = {part.variable for part in parts if isinstance(part, Comprehension)}
    return frozenset(part.name for part in parts if isinstance(part, Name)) - bound


def _comparable(left: Type, right: Type) -> bool:
    if left in NUMBERS and right in NUMBERS:
        return True
    if isinstance(left, ListOf) and isinstance(right, ListOf):
        elements = {describe(left.element), describe(right.element)}
        plain = all(isinstance(kind.element, Scalar | None) for kind in (left, right))
        return plain and (len(elements) == 1 or None in (left.element, right.element))
    return isinstance(left, Scalar) and left is right


def _arithmetic(operator: str, left: Type, right: Type) -> Type | None:
    """What an operation gives, or None where CEL has no such operation."""
    if isinstance(left, ListOf) and isinstance(right, ListOf) and operator == "+":
        return left if left == right else None
    if not isinstance(left, Scalar) or not isinstance(right, Scalar):
        return None
    if left is right and left in NUMBERS:
        return None if operator == "%" and left is DOUBLE else left
    if left is right and left in (STRING, Scalar.BYTES) and operator == "+":
        return left
    return _OF_TIME.get((operator, left, right))


_OF_TIME: Mapping[tuple[str, Scalar, Scalar], Scalar] = {
    ("+", TIMESTAMP, DURATION): TIMESTAMP,
    ("+", DURATION, TIMESTAMP): TIMESTAMP,
    ("+", DURATION, DURATION): DURATION,
    ("-", TIMESTAMP, TIMESTAMP): DURATION,
    ("-", TIMESTAMP, DURATION): TIMESTAMP,
    ("-", DURATION, DURATION): DURATION,
}


def _misfit(node: Binary, left: Type, right: Type) -> ConditionError:
    return _mistake(
        f"{describe(left)} {node.operator} {describe(right)} is not possible: the types do not fit",
        node.at,
        _align(left, right),
    )


def _align(left: Type, right: Type) -> str:
    """The remedy for two types that do not fit each other."""
    pair = {left, right} if isinstance(left, Scalar) and isinstance(right, Scalar) else set()
    if pair == {INT, DOUBLE}:
        return "write 1.0 for the double 1, or convert with double()"
    if pair == {STRING, TIMESTAMP}:
        return 'convert the text, as in timestamp("2026-01-31T00:00:00Z")'
    if pair == {STRING, DURATION}:
        return 'convert the text, as in duration("24h")'
    return "use two values of one type"


def _mistake(what: str, offset: int, remedy: str) -> ConditionError:
    return ConditionError(what, offset=offset, remedy=remedy)


def _listing(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _dotted(node: Expression) -> str:
    """The path that a node spells, or nothing."""
    match node:
        case Name():
            return node.name
        case Select():
            owner = _dotted(node.operand)
            return f"{owner}.{node.field}" if owner else ""
        case _:
            return ""


_RULES: Mapping[type, Callable[..., Type]] = {
    Literal: Checked._literal,
    Name: Checked._name,
    Select: Checked._select,
    Has: Checked._has,
    Index: Checked._index,
    Call: Checked._call,
    Comprehension: Checked._comprehension,
    Not: Checked._not,
    Negate: Checked._negate,
    Binary: Checked._binary,
    Logical: Checked._logical,
    Conditional: Checked._conditional,
    ListLiteral: Checked._list,
    MapLiteral: Checked._map,
}
