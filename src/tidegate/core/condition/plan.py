"""From a checked tree to a plan: closures that compute it, with the engine at the leaves.

The engine sees only expressions without connectives, macros, paths and fields, over values that this module has read
and held to their types; each is a program of its own. So the engine has no error to absorb: whatever goes wrong raises
``CannotTellError`` here, and nothing below a conjunct catches it. For the same reason the operands of ``&&`` and ``||``
are all computed, and so are all elements under a macro.

Computed here and not by the engine, because 0.10.0 is measured to do it otherwise than CEL says: the size of a string
(counted in bytes), the negation of the smallest int (gives itself), int against double beyond 2^53 (inexact),
``duration()`` beyond 292 years (saturates).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tidegate.core.condition import steps
from tidegate.core.condition.check import FUNCTIONS, Checked
from tidegate.core.condition.errors import CannotTellError, ConditionError
from tidegate.core.condition.steps import Frame, Plan
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
from tidegate.core.condition.types import NUMBERS, ListOf, Record, Scalar
from tidegate.core.condition.values import Path

_RELATIONS = frozenset({"==", "!=", "<", "<=", ">", ">="})


class Planner:
    """Plans the conjuncts of one condition, which share the table of the paths they read."""

    def __init__(self, checked: Checked, excerpt: Callable[[Expression], str]) -> None:
        self._checked = checked
        self._excerpt = excerpt
        self._scope: dict[str, int] = {}
        self._guards: list[tuple[str, ...]] = []
        self._used: dict[int, bool] = {}
        self._paths: dict[tuple[tuple[str, ...], bool], int] = {}
        self.paths: list[Path] = []
        """What is read before anything is computed; the index is that of the value in the frame."""
        self.variables = 0
        """How many places the macros' variables need, behind those of the paths."""

    def conjunct(self, node: Expression) -> tuple[Plan, tuple[int, ...], tuple[int, ...]]:
        """The plan of one conjunct, the paths it names, and those of them without which it has no value."""
        self._used = {}
        plan = self._plan(node)
        return plan, tuple(self._used), tuple(slot for slot, required in self._used.items() if required)

    # -- paths -----------------------------------------------------------------------------------------------------

    def _slot(self, path: Path) -> int:
        """The place of a path's value; notes that the conjunct needs it, unless a ``has()`` guards it here."""
        slot = self._paths.setdefault((path.names, path.presence), len(self.paths))
        if slot == len(self.paths):
            self.paths.append(path)
        guarded = any(path.names[: len(guard)] == guard for guard in self._guards)
        self._used[slot] = self._used.get(slot, False) or not guarded
        return slot

    def _names(self, node: Expression) -> tuple[str, ...] | None:
        """The path that a node spells, if it begins at a root of the evidence."""
        match node:
            case Name() if node.name not in self._scope:
                return (node.name,)
            case Select():
                owner = self._names(node.operand)
                return (*owner, node.field) if owner else None
            case _:
                return None

    # -- plans -----------------------------------------------------------------------------------------------------

    def _plan(self, node: Expression) -> Plan:
        return self._own(node) or self._leaf(node)

    def _own(self, node: Expression) -> Plan | None:
        """The plan of what the engine is not asked, or None."""
        names = self._names(node)
        if names is not None:
            return steps.fetch(self._slot(Path(names, self._checked.type_of(node))))
        match node:
            case Name():
                return steps.fetch(self._scope[node.name])
            case Select() if isinstance(self._checked.type_of(node.operand), Record):
                return steps.select(self._plan(node.operand), node.field, self._excerpt(node))
            case Index() if isinstance(self._checked.type_of(node.operand), ListOf):
                return steps.at(self._plan(node.operand), self._plan(node.index), self._excerpt(node.operand))
            case Call(function="size"):
                return steps.size(self._plan(node.target or node.args[0]))
            case Literal():
                return steps.constant(node.value)
            case _:
                return self._boolean(node)

    def _boolean(self, node: Expression) -> Plan | None:
        match node:
            case Has():
                return self._has(node)
            case Comprehension():
                return self._comprehension(node)
            case Logical():
                return steps.every(node.operator, tuple(self._plan(operand) for operand in node.operands))
            case Not():
                return steps.negation(self._plan(node.operand))
            case Conditional():
                return self._conditional(node)
            case _:
                return None

    def _has(self, node: Has) -> Plan:
        names = self._names(node.operand)
        if names is not None:
            return steps.fetch(self._slot(Path((*names, node.field), Scalar.BOOL, presence=True)))
        return steps.has(self._plan(node.operand), node.field)

    def _comprehension(self, node: Comprehension) -> Plan:
        items = self._plan(node.range)
        # From the end of the frame, since it is not known yet how many paths stand at its beginning.
        slot = -1 - self.variables
        self.variables += 1
        self._scope[node.variable] = slot
        body = self._plan(node.body)
        condition = self._plan(node.filter) if node.filter else None
        del self._scope[node.variable]
        chosen = steps.over(items, slot, body, condition, self._excerpt(node.range))
        return steps.reduction(node.macro, chosen)

    def _conditional(self, node: Conditional) -> Plan:
        test = self._plan(node.test)
        with self._guarding(node.test):
            then, otherwise = self._plan(node.then), self._plan(node.otherwise)
        return steps.choice(test, then, otherwise)

    @contextmanager
    def _guarding(self, test: Expression) -> Iterator[None]:
        """While inside, what the test asks with ``has()`` may be missing."""
        asked = [part for part, _, _ in walk(test) if isinstance(part, Has)]
        owners = [(self._names(part.operand), part.field) for part in asked]
        guards = [(*owner, field) for owner, field in owners if owner]
        before = len(self._guards)
        self._guards.extend(guards)
        try:
            yield
        finally:
            del self._guards[before:]

    # -- leaves ----------------------------------------------------------------------------------------------------

    def _leaf(self, node: Expression) -> Plan:
        """A program of the engine, whose inputs are plans; its result is looked at before it is used."""
        inputs: dict[str, Plan] = {}
        text = self._render(node, inputs)
        try:
            plan = steps.guarded(steps.execute(text, inputs), self._checked.type_of(node))
            self._try_constants(node, plan)
        except CannotTellError as error:
            raise ConditionError(
                f"{self._excerpt(node)} never has a value: {error}", offset=node.start, remedy="correct the literal"
            ) from error
        return plan

    @staticmethod
    def _try_constants(node: Expression, plan: Plan) -> None:
        """Compute what depends on literals alone now: a bad date or pattern is a mistake of the policy."""
        match node:
            case Call(function="matches", args=(Literal() as pattern,)):
                steps.execute(f'"".matches({steps.written(pattern)})', {})(Frame([]))
            case Call(function=function, args=(Literal(),)) if function in FUNCTIONS:
                plan(Frame([]))

    def _is_inexact(self, node: Binary) -> bool:
        """Whether the engine would compare a whole number as a double."""
        left, right = self._checked.type_of(node.left), self._checked.type_of(node.right)
        numbers = left in NUMBERS and right in NUMBERS and node.operator in _RELATIONS
        return numbers and left is not right and Scalar.DOUBLE in (left, right)

    def _side(self, node: Expression, inputs: dict[str, Plan], *, exact: bool) -> str:
        if exact and self._checked.type_of(node) is not Scalar.DOUBLE:
            return _input(inputs, steps.exact(self._plan(node)))
        return self._part(node, inputs)

    def _part(self, node: Expression, inputs: dict[str, Plan]) -> str:
        """A part of a leaf: written into its text, or computed before and put in as a variable."""
        if isinstance(node, Literal):
            return steps.written(node)
        if plan := self._own(node):
            return _input(inputs, plan)
        if isinstance(node, Call) or steps.is_guarded(self._checked.type_of(node)):
            return _input(inputs, self._leaf(node))
        return self._render(node, inputs)

    def _render(self, node: Expression, inputs: dict[str, Plan]) -> str:
        """The text of a leaf, in full parentheses."""
        match node:
            case Binary():
                exact = self._is_inexact(node)
                left, right = (self._side(side, inputs, exact=exact) for side in (node.left, node.right))
                return f"({left} {node.operator} {right})"
            case Negate():
                zero = "0.0" if self._checked.type_of(node) is Scalar.DOUBLE else "0"
                return f"({zero} - {self._part(node.operand, inputs)})"
            case Call():
                target = f"{self._part(node.target, inputs)}." if node.target else ""
                return f"{target}{node.function}({self._parts(node.args, inputs)})"
            case ListLiteral():
                return f"[{self._parts(node.items, inputs)}]"
            case MapLiteral():
                return f"{{{', '.join(': '.join(self._part(p, inputs) for p in entry) for entry in node.entries)}}}"
            case Select():
                return f"{self._part(node.operand, inputs)}[{steps.quoted(node.field)}]"
            case Index():
                return f"{self._part(node.operand, inputs)}[{self._part(node.index, inputs)}]"
            case _:
                raise AssertionError(f"{type(node).__name__} is never a part of a leaf")

    def _parts(self, nodes: tuple[Expression, ...], inputs: dict[str, Plan]) -> str:
        return ", ".join(self._part(node, inputs) for node in nodes)


def _input(inputs: dict[str, Plan], plan: Plan) -> str:
    name = f"v{len(inputs)}"
    inputs[name] = plan
    return name
