"""The facts of a case, put together: named facts and its own, merged in their order, each value with where it was said.

Maps merge and lists replace, as where a policy extends another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from tidegate.core.condition.errors import did_you_mean
from tidegate.core.policytest.form import Case, CaseFile, Given

Path: TypeAlias = tuple[str | int, ...]

MAX_LAYERS = 200
"""How many facts one case may be put together from."""


@dataclass(frozen=True, slots=True)
class CaseMistake:
    """Something in a file of cases that cannot be meant; ``path`` leads to it, as keys and indices.

    ``at_key`` says that the last key of the path is what is wrong, not its value.
    """

    path: Path
    what: str
    remedy: str
    at_key: bool = False


class CaseError(Exception):
    """A case cannot be asked; ``mistakes`` says why."""

    def __init__(self, mistakes: tuple[CaseMistake, ...]) -> None:
        super().__init__(mistakes[0].what)
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True)
class Layer:
    """Facts as they are written at one place."""

    path: Path
    said: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Layers:
    """All facts of a case: merged, and where each was said last."""

    case: Path
    merged: Given
    layers: tuple[Layer, ...]

    def path(self, *below: str | int) -> Path:
        """The path at which a value of the merged facts was said; that of the case, where nobody said it."""
        for layer in reversed(self.layers):
            if _holds(layer.said, below):
                return (*layer.path, *below)
        return (*self.case, "name")


def layers_of(file: CaseFile, number: int) -> Layers:
    """The facts of the case of that number.

    Raises:
        CaseError: it begins with facts that nobody has written, or that begin with themselves.
    """
    found = _Unfolding(file, ("cases", number)).layers(file.cases[number])
    merged: Mapping[str, Any] = {}
    for layer in found:
        merged = _merged(merged, layer.said)
    return Layers(("cases", number), Given.model_validate(merged), found)


def facts_mistakes(file: CaseFile) -> Iterator[CaseMistake]:
    """A mistake for named facts that begin with what nobody has written, or with themselves, used or not."""
    for name in file.facts:
        try:
            _Unfolding(file, ("facts", name)).named(name)
        except CaseError as error:
            yield from error.mistakes


class _Unfolding:
    """Unfolds the named facts of one case, within a limit: facts that begin with facts multiply."""

    def __init__(self, file: CaseFile, case: Path) -> None:
        self._file = file
        self._case = case
        self._count = 0

    def layers(self, case: Case) -> tuple[Layer, ...]:
        """The facts of a case, in their order."""
        named = enumerate(case.given)
        return tuple(layer for index, given in named for layer in self._of(given, (*self._case, "given", index), ()))

    def named(self, name: str) -> tuple[Layer, ...]:
        """Named facts by themselves."""
        return tuple(self._of(self._file.facts[name], ("facts", name), (name,)))

    def _of(self, given: Given, path: Path, above: tuple[str, ...]) -> Iterator[Layer]:
        """The named facts that it begins with, then its own."""
        self._count += 1
        if self._count > MAX_LAYERS:
            what = f"the case is put together from more than {MAX_LAYERS} named facts"
            raise CaseError((CaseMistake(self._case, what, "write fewer facts that begin with others"),))
        for index, name in enumerate(given.facts):
            self._check(name, (*path, "facts", index), above)
            yield from self._of(self._file.facts[name], ("facts", name), (*above, name))
        said = given.model_dump(by_alias=True, exclude_unset=True, exclude={"facts"})
        if said:
            yield Layer(path, said)

    def _check(self, name: str, path: Path, above: tuple[str, ...]) -> None:
        known = self._file.facts
        if name not in known:
            what = f'unknown facts "{name}"{did_you_mean(name, known)}'
            listed = ", ".join(sorted(known)[:12])
            remedy = f"name one of: {listed}" if known else "write them under facts: first"
            raise CaseError((CaseMistake(path, what, remedy),))
        if name in above:
            what = f'the facts "{name}" begin with themselves: {" > ".join([*above[above.index(name) :], name])}'
            raise CaseError((CaseMistake(path, what, "take one of them out of facts:"),))


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in changes.items():
        before = result.get(key)
        both = isinstance(value, Mapping) and isinstance(before, Mapping)
        # What is said not to be there has no fields, and what is there again begins anew.
        result[key] = _merged(before, value) if both and "there" not in {*before, *value} else value  # type: ignore[arg-type,misc]
    return result


def _holds(said: Any, path: Path) -> bool:
    for step in path:
        is_entry = isinstance(said, tuple) and isinstance(step, int) and step < len(said)
        if not is_entry and not (isinstance(said, Mapping) and step in said):
            return False
        said = said[step]
    return True
