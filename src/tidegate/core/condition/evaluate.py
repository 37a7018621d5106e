"""A condition: compiled once, evaluated against the values of evidence, explained per conjunct."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from tidegate.core.condition.check import Checked, check
from tidegate.core.condition.errors import CannotTellError
from tidegate.core.condition.grammar import parse
from tidegate.core.condition.lexer import Kind, tokens
from tidegate.core.condition.plan import Planner
from tidegate.core.condition.steps import Frame, Plan
from tidegate.core.condition.syntax import (
    Binary,
    Expression,
    Logical,
    Name,
    Not,
    Select,
    conjuncts,
    walk,
)
from tidegate.core.condition.types import Scalar, Schema
from tidegate.core.condition.values import Absent, Path, Values, read, show
from tidegate.core.verdict import Verdict, combine


@dataclass(frozen=True, slots=True)
class Reading:
    """What stood at one path; ``value`` is None where there was none, and ``reason`` then says why."""

    path: str
    value: object
    reason: str = ""

    def __str__(self) -> str:
        return self.reason or f"{self.path} = {show(self.value)}"


@dataclass(frozen=True, slots=True)
class Clause:
    """The verdict of one conjunct, with what it read.

    ``reason`` says why it cannot tell, and is empty otherwise. ``needs`` says what would pass, where the conjunct is
    simple enough to say so, and is empty where it passed.
    """

    text: str
    verdict: Verdict
    readings: tuple[Reading, ...]
    reason: str = ""
    needs: str = ""

    def __str__(self) -> str:
        """One sentence: ``coverage.line >= 0.80: deny (coverage.line = 0.71; needs coverage.line >= 0.80)``."""
        found = [self.reason] if self.reason else [str(reading) for reading in self.readings]
        wanted = [f"needs {self.needs}"] if self.needs else []
        return f"{self.text}: {self.verdict} ({'; '.join(found + wanted)})"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict of a condition, with a clause for each conjunct in the order of the text."""

    verdict: Verdict
    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class _Conjunct:
    text: str
    needs: str
    plan: Plan
    named: tuple[tuple[int, str], ...]
    required: tuple[int, ...]

    def judge(self, frame: Frame) -> Clause:
        values = frame.values
        readings = tuple(_reading(path, values[slot]) for slot, path in self.named)
        missing = [value.reason for slot in self.required if type(value := values[slot]) is Absent]
        if missing:
            return Clause(self.text, Verdict.CANNOT_TELL, readings, "; ".join(missing), self.needs)
        try:
            result = self.plan(frame)
        except CannotTellError as error:
            return Clause(self.text, Verdict.CANNOT_TELL, readings, str(error), self.needs)
        except Exception as error:  # noqa: BLE001 - whatever happens, it is no yes
            reason = f"it could not be evaluated: {type(error).__name__}"
            return Clause(self.text, Verdict.CANNOT_TELL, readings, reason, self.needs)
        if result is True:
            return Clause(self.text, Verdict.ALLOW, readings)
        if result is False:
            return Clause(self.text, Verdict.DENY, readings, "", self.needs)
        return Clause(self.text, Verdict.CANNOT_TELL, readings, "the result is no bool", self.needs)


def _reading(path: str, value: object) -> Reading:
    return Reading(path, None, value.reason) if type(value) is Absent else Reading(path, value)


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition; immutable, usable from several threads at once."""

    text: str
    paths: tuple[str, ...]
    """The paths it reads, as the policy spells them; ``has(...)`` where only presence is asked."""
    _paths: tuple[Path, ...] = field(repr=False)
    _conjuncts: tuple[_Conjunct, ...] = field(repr=False)
    _variables: int = field(repr=False)

    def evaluate(self, values: Values) -> Outcome:
        """Judge the values of evidence, by root name and field. Total: never raises.

        The conjuncts of the outermost ``&&`` are judged each by itself, and deny wins over cannot tell. Within a
        conjunct, a path that is missing (or null, or not of its type, or not a number) and any error is *cannot tell*,
        whatever the other operands are.
        """
        read_values = [read(path, values) for path in self._paths]
        frame = Frame(read_values + [None] * self._variables)
        clauses = tuple([conjunct.judge(frame) for conjunct in self._conjuncts])
        return Outcome(combine([clause.verdict for clause in clauses]), clauses)


def compile(text: str, schema: Schema) -> Condition:  # noqa: A001 - the word of the field for it
    """Read a condition and hold it against the schema of the evidence: root name to record of typed fields.

    Raises:
        ConditionError: it is not CEL, exceeds a limit, names what the schema lacks, compares what does not fit, or can
            never be false. The first mistake found; ``offset`` says where.
    """
    root = parse(text)
    checked = check(root, schema)
    excerpt = _excerpts(text)
    planner = Planner(checked, excerpt)
    parts = [(node, planner.conjunct(node)) for node in conjuncts(root)]
    paths = tuple(planner.paths)
    compiled = tuple(
        _Conjunct(
            excerpt(node),
            _needs(node, checked, excerpt),
            plan,
            tuple((slot, paths[slot].text) for slot in named),
            required,
        )
        for node, (plan, named, required) in parts
    )
    return Condition(text, tuple(path.text for path in paths), paths, compiled, planner.variables)


def _excerpts(text: str) -> Callable[[Expression], str]:
    """The text of a node on one line: without comments, and each gap as one space."""
    found = [token for token in tokens(text) if token.kind is not Kind.END]

    def excerpt(node: Expression) -> str:
        inside = [token for token in found if node.start <= token.start and token.end <= node.end]
        pieces = [inside[0].text]
        for before, token in pairwise(inside):
            pieces.append(token.text if before.end == token.start else f" {token.text}")
        return "".join(pieces)

    return excerpt


_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def _needs(node: Expression, checked: Checked, excerpt: Callable[[Expression], str]) -> str:
    """What would pass, in words that begin with the path; empty where it takes more than one sentence."""
    match node:
        case Logical(operator="||", operands=operands):
            parts = [_needs(operand, checked, excerpt) for operand in operands]
            return " or ".join(parts) if all(parts) else ""
        case Binary(operator=operator) if operator in _FLIPPED:
            return _comparison(node, excerpt)
        case Not(operand=Name() | Select() as operand) if checked.type_of(operand) is Scalar.BOOL:
            return f"{excerpt(operand)} == false"
        case Name() | Select():
            return f"{excerpt(node)} == true"
        case _:
            return ""


def _comparison(node: Binary, excerpt: Callable[[Expression], str]) -> str:
    left, right = (isinstance(side, Name | Select) for side in (node.left, node.right))
    constants = [_is_constant(side) for side in (node.left, node.right)]
    if left and (right or constants[1]):
        return f"{excerpt(node.left)} {node.operator} {excerpt(node.right)}"
    if right and constants[0]:
        return f"{excerpt(node.right)} {_FLIPPED[node.operator]} {excerpt(node.left)}"
    return ""


def _is_constant(node: Expression) -> bool:
    return not any(isinstance(part, Name) for part, _, _ in walk(node))
