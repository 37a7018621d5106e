"""From the bytes of a file of cases to cases that can be asked, or to all that is wrong with them.

Mistakes are told as those of a policy are: what is no YAML; what has not the shape of a file of cases; what names
something that is not there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from tidegate.core.decision import Policies
from tidegate.core.policytest import FORMAT, CaseError, CaseFile, CaseMistake, Names, Trial, trial_of
from tidegate.core.policytest.form import ALONE
from tidegate.core.policytest.layers import facts_mistakes
from tidegate.core.rulebook import Rulebook
from tidegate.errors import NotFoundError, TidegateError, UsageError
from tidegate.policyfile.mistakes import START, Mistake, Place, policy_error, shown
from tidegate.policyfile.shape import empty_mistakes, shape_mistakes
from tidegate.policyfile.shorthand import listed, spelled_out
from tidegate.policyfile.yaml import MAX_BYTES, Document, Scalar, plain_value, read_yaml
from tidegate.policyfile.yaml import Path as Keys

_BEGIN = f"begin with `tidegate-tests: {FORMAT}`, or run `tidegate policy test --init`"

LoadPinned = Callable[[str], Rulebook]
"""The policy in a file that a case names, by its path from the directory of the cases. May raise our errors."""


@dataclass(frozen=True, slots=True)
class LoadedCases:
    """A file of cases that was read, and where everything in it stands."""

    name: str
    file: CaseFile
    document: Document

    def place_of(self, number: int) -> Place:
        """Where the case of that number begins."""
        return self.document.place(("cases", number))


def case_files(policy: Path) -> list[Path]:
    """The files of cases that belong to a policy file: ``X.tests.yaml``, and all in ``X.tests/``, beside ``X.yaml``."""
    stem = policy.name.removesuffix(policy.suffix)
    beside = policy.with_name(f"{stem}.tests.yaml")
    inside = policy.with_name(f"{stem}.tests")
    return [path for path in (beside, *sorted(inside.glob("*.yaml"))) if path.is_file()]


def load_cases(source: Path | bytes, name: str) -> LoadedCases:
    """The cases that a file holds; ``name`` is what mistakes call it.

    Raises:
        NotFoundError: there is no such file.
        UsageError: it cannot be read as a file.
        PolicyError: it is no file of cases; ``mistakes`` holds all that was found, by place.
    """
    content = source if isinstance(source, bytes) else _content(source, name)
    document = read_yaml(content, name, _BEGIN)
    return LoadedCases(name, _case_file(document, name), document)


def trials_of(loaded: LoadedCases, current: Rulebook, load_pinned: LoadPinned) -> list[Trial]:
    """The cases of a file, ready to be asked of a policy.

    Raises:
        PolicyError: they leave out what must be said, or name what nobody knows; all in ``mistakes``.
    """
    mistakes: list[CaseMistake] = []
    pinned = dict(_pinned(loaded.file, load_pinned, mistakes))
    names = Names([current.policy, *(book.policy for book in pinned.values())], loaded.file.unknown)
    mistakes += [*names.needless(), *_named_twice(loaded.file), *facts_mistakes(loaded.file)]
    trials: list[Trial] = []
    for number, case in enumerate(loaded.file.cases):
        policies = Policies(pinned.get(case.pinned or "", current), current)
        try:
            trials.append(trial_of(loaded.file, number, policies, names))
        except CaseError as error:
            mistakes += error.mistakes
    if mistakes:
        raise policy_error(loaded.name, [_in_file(loaded.document, mistake) for mistake in mistakes])
    return trials


def _content(path: Path, name: str) -> bytes:
    try:
        if not path.is_file():
            if path.exists():
                raise UsageError("it is not a file", where=name, remedy="name the files of cases themselves")
            raise NotFoundError(
                "there is no such file of cases", where=name, remedy="run `tidegate policy test --init`, or name a file"
            )
        size = path.stat().st_size
        if size > MAX_BYTES:
            what = f"the file has {size:,} bytes; a file of cases has at most {MAX_BYTES:,}"
            raise policy_error(name, [Mistake(START, what, "write several files")])
        with path.open("rb") as file:
            # It may grow while it is read: one byte more is enough to be refused.
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UsageError(f"it cannot be read: {reason}", where=name, remedy="check its permissions") from error


def _case_file(document: Document, name: str) -> CaseFile:
    other = _language_mistake(document)
    if other is not None:
        raise policy_error(name, [other])
    mistakes, more = [*document.mistakes, *empty_mistakes(document)], 0
    cause: ValidationError | None = None
    try:
        # By way of JSON, as a policy: strictness is that of the file.
        plain = spelled_out(listed(plain_value(document.root), CaseFile, ALONE), CaseFile)
        file = CaseFile.model_validate_json(json.dumps(plain))
        if not mistakes:
            return file
    except ValidationError as error:
        cause = error
        found, more = shape_mistakes(document, error, CaseFile)
        mistakes += found
    raise policy_error(name, mistakes, more) from cause


def _language_mistake(document: Document) -> Mistake | None:
    node = document.node(("tidegate-tests",))
    if not isinstance(node, Scalar) or node.value is None or (node.value == FORMAT and type(node.value) is int):
        return None
    what = f"the language of cases has no version {shown(node.value)}; this version of Tidegate reads {FORMAT}"
    remedy = f"write `tidegate-tests: {FORMAT}`, or install the version of Tidegate that it is for"
    return Mistake(node.place, what, remedy)


def _pinned(file: CaseFile, load_pinned: LoadPinned, mistakes: list[CaseMistake]) -> Iterator[tuple[str, Rulebook]]:
    """The policies that cases are pinned to, each loaded once; what cannot be loaded is a mistake where it is named."""
    seen: set[str] = set()
    for number, case in enumerate(file.cases):
        if case.pinned is not None and case.pinned not in seen:
            seen.add(case.pinned)
            try:
                yield case.pinned, load_pinned(case.pinned)
            except TidegateError as error:
                mistakes.append(CaseMistake(("cases", number, "pinned"), str(error), error.remedy))


def _named_twice(file: CaseFile) -> Iterator[CaseMistake]:
    first: dict[str, int] = {}
    for number, case in enumerate(file.cases):
        if first.setdefault(case.name, number) != number:
            what = f"two cases have the name {shown(case.name)}"
            yield CaseMistake(("cases", number, "name"), what, "say what is different about this one")


def _in_file(document: Document, mistake: CaseMistake) -> Mistake:
    path = _written(document, mistake.path)
    place = document.key_place(path) if mistake.at_key else document.place(path)
    return Mistake(place, mistake.what, mistake.remedy)


def _written(document: Document, path: Keys) -> Keys:
    """The path without the numbers of lists that the file has not written as lists."""
    found: Keys = ()
    for step in path:
        if document.node((*found, step)) is not None:
            found = (*found, step)
    return found


__all__ = ["LoadPinned", "LoadedCases", "case_files", "load_cases", "trials_of"]
