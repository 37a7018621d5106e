"""The closures of which a plan is made: each computes one node from a frame of values.

A node that has no value raises ``CannotTellError``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from math import isfinite
from typing import TypeAlias, cast

from tidegate.core.condition import engine
from tidegate.core.condition.errors import CannotTellError
from tidegate.core.condition.syntax import Literal
from tidegate.core.condition.types import ListOf, Scalar, Type
from tidegate.core.condition.values import EXACT, MAX_LIST, MAX_TEXT, Absent

MAX_STEPS = 25_000
"""Elements that the macros of one condition go over, in one evaluation."""

LONGEST = timedelta(microseconds=(2**63 - 1) // 1000)
"""Where ``duration()`` of the engine saturates, without an error: some 292 years."""


class Frame:
    """The values of one evaluation: those of the paths, then those of the macros' variables; and the steps left."""

    __slots__ = ("steps", "values")

    def __init__(self, values: list[object]) -> None:
        self.values = values
        self.steps = MAX_STEPS


Plan: TypeAlias = Callable[[Frame], object]


def constant(value: object) -> Plan:
    """A literal."""
    return lambda frame: value


def fetch(slot: int) -> Plan:
    """A value that stands in the frame."""

    def run(frame: Frame) -> object:
        value = frame.values[slot]
        if type(value) is Absent:
            raise CannotTellError(value.reason)
        return value

    return run


def select(operand: Plan, field: str, text: str) -> Plan:
    """A field of a record that is an element of a list."""

    def run(frame: Frame) -> object:
        record = cast(Mapping[str, object], operand(frame))
        if field not in record:
            raise CannotTellError(f"{text} is missing")
        return record[field]

    return run


def has(operand: Plan, field: str) -> Plan:
    """Whether a record that is an element of a list has a field."""
    return lambda frame: field in cast(Mapping[str, object], operand(frame))


def at(operand: Plan, index: Plan, text: str) -> Plan:
    """An element of a list."""

    def run(frame: Frame) -> object:
        items, place = cast(list[object], operand(frame)), cast(int, index(frame))
        if not 0 <= place < len(items):
            raise CannotTellError(f"{text} has {len(items)} elements, none at index {place}")
        return items[place]

    return run


def size(operand: Plan) -> Plan:
    """Elements of a list, characters of a string, octets of bytes."""
    return lambda frame: len(cast(list[object], operand(frame)))


def every(operator: str, operands: tuple[Plan, ...]) -> Plan:
    """``&&`` or ``||`` over all operands; none is left out, so that none can hide an error of another."""
    unite: Callable[[list[bool]], bool] = all if operator == "&&" else any
    return lambda frame: unite([_true(operand(frame)) for operand in operands])


def negation(operand: Plan) -> Plan:
    """``!``."""
    return lambda frame: not _true(operand(frame))


def choice(test: Plan, then: Plan, otherwise: Plan) -> Plan:
    """``? :``, which computes the branch it takes."""
    return lambda frame: then(frame) if _true(test(frame)) else otherwise(frame)


def over(items: Plan, slot: int, body: Plan, condition: Plan | None, text: str) -> Plan:
    """All elements of a list with the value of a macro's body for each, as pairs."""

    def run(frame: Frame) -> object:
        found = cast(list[object], items(frame))
        _hold_length(found, text)
        pairs: list[tuple[object, object]] = []
        for item in found:
            _count_step(frame)
            frame.values[slot] = item
            if condition is None or _true(condition(frame)):
                pairs.append((item, body(frame)))
        return pairs

    return run


def _count_step(frame: Frame) -> None:
    frame.steps -= 1
    if frame.steps < 0:
        raise CannotTellError(f"its macros go over more than {MAX_STEPS} elements")


_Pairs: TypeAlias = list[tuple[object, object]]


def _truths(pairs: _Pairs) -> list[bool]:
    return [_true(result) for _, result in pairs]


_REDUCTIONS: Mapping[str, Callable[[_Pairs], object]] = {
    "all": lambda pairs: all(_truths(pairs)),
    "exists": lambda pairs: any(_truths(pairs)),
    "exists_one": lambda pairs: _truths(pairs).count(True) == 1,
    "filter": lambda pairs: [item for item, result in pairs if _true(result)],
    "map": lambda pairs: [result for _, result in pairs],
}


def reduction(macro: str, chosen: Plan) -> Plan:
    """What a macro makes of the pairs of ``over``."""
    reduce = _REDUCTIONS[macro]
    return lambda frame: reduce(cast(_Pairs, chosen(frame)))


def exact(operand: Plan) -> Plan:
    """A whole number that is compared with a double: beyond 2^53 the engine's answer would be a guess."""

    def run(frame: Frame) -> object:
        value = cast(int, operand(frame))
        if not -EXACT <= value <= EXACT:
            raise CannotTellError(f"{value} is too large to be compared with a double")
        return value

    return run


def _true(value: object) -> bool:
    """Exactly True or False."""
    if value is True or value is False:
        return value is True
    raise CannotTellError(f"found {type(value).__name__} where a bool is expected")


# -- the engine ----------------------------------------------------------------------------------------------------


def execute(text: str, inputs: Mapping[str, Plan]) -> Plan:
    """A program of the engine over the values of its inputs.

    Raises:
        CannotTellError: the engine does not accept the text.
    """
    program = _guarded_call(lambda: engine.program(text))
    names = tuple(inputs.items())
    run_program = cast(engine.Program, program).execute

    def run(frame: Frame) -> object:
        values = {name: plan(frame) for name, plan in names}
        try:
            return run_program(values)
        except BaseException as error:  # noqa: BLE001 - the engine's panics are no Exception
            raise _translated(error) from None

    return run


def _guarded_call(call: Callable[[], object]) -> object:
    try:
        return call()
    except BaseException as error:  # noqa: BLE001 - the engine's panics are no Exception
        raise _translated(error) from None


def _translated(error: BaseException) -> BaseException:
    """What the engine raised as a reason; a panic in Rust arrives outside ``Exception``."""
    if isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit | ImportError):
        return error
    if isinstance(error, ZeroDivisionError):
        return CannotTellError("division by zero")
    if isinstance(error, OverflowError):
        return CannotTellError("a number is out of range")
    sentence = " ".join(str(error).split())
    if named := _FUNCTION.match(sentence):
        return CannotTellError(_FAILURES.get(named[1], f"{named[1]}() cannot convert the value"))
    printable = "".join(character if character.isprintable() else "?" for character in sentence)
    return CannotTellError(f"the engine answers: {printable[:160]}")


_FUNCTION = re.compile(r"Function '(\w+)' error:")
_FAILURES = {"matches": "the pattern is no regular expression"}


def is_guarded(kind: Type) -> bool:
    """Whether a computed value of this type may be none although the engine raised nothing."""
    return kind in (Scalar.DOUBLE, Scalar.STRING, Scalar.DURATION) or isinstance(kind, ListOf)


def guarded(plan: Plan, kind: Type) -> Plan:
    """A plan whose results are held to what may be used further."""
    if not is_guarded(kind):
        return plan

    def run(frame: Frame) -> object:
        value = plan(frame)
        _hold(value)
        return value

    return run


def _hold(value: object) -> None:
    if isinstance(value, float) and not isfinite(value):
        raise CannotTellError(f"a result is {value}, which is no number to compare")
    if isinstance(value, timedelta) and abs(value) >= LONGEST:
        raise CannotTellError("a duration is longer than 292 years")
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise CannotTellError(f"a text has more than {MAX_TEXT} characters")
    if isinstance(value, list):
        _hold_length(value, "a list")


def _hold_length(value: list[object], text: str) -> None:
    if len(value) > MAX_LIST:
        raise CannotTellError(f"{text} has {len(value)} elements; at most {MAX_LIST} are read")


# -- texts for the engine ------------------------------------------------------------------------------------------


def written(node: Literal) -> str:
    """A literal in the one form in which the engine is given it."""
    match node.value:
        case bool():
            return "true" if node.value else "false"
        case str():
            return quoted(node.value)
        case bytes():
            return 'b"' + "".join(f"\\x{octet:02x}" for octet in node.value) + '"'
        case _:
            return f"{node.value!r}{'u' if node.kind is Scalar.UINT else ''}"


def quoted(text: str) -> str:
    """A string literal in ASCII."""
    return '"' + "".join(_character(character) for character in text) + '"'


def _character(character: str) -> str:
    if character.isascii() and character.isprintable() and character not in '"\\':
        return character
    return f"\\U{ord(character):08x}"
