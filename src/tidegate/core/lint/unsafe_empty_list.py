"""An empty list does not mean everybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.naming import Path
from tidegate.core.policy import EMPTY_IS_ALL, Section
from tidegate.core.rulebook import dotted


def _check(given: Given) -> Iterator[Found]:
    for path in _empty((), given.policy):
        # What is left out is meant; what is written as empty may mean its opposite.
        if given.layers.layer_of(path) is not None:
            yield Found(
                path,
                f"{dotted(path)} is an empty list, and is read as all of them",
                "leave the key out if all are meant; name them if some are",
            )


def _empty(path: Path, value: Any) -> Iterator[Path]:
    if isinstance(value, Section):
        for attribute, field in type(value).model_fields.items():
            here = (*path, field.alias or attribute)
            inner = getattr(value, attribute)
            if inner == () and EMPTY_IS_ALL in field.metadata and attribute in value.model_fields_set:
                yield here
            elif inner:
                yield from _empty(here, inner)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _empty((*path, name), inner)
    elif isinstance(value, tuple):
        for index, inner in enumerate(value):
            yield from _empty((*path, index), inner)


LINT = Lint("unsafe.empty-list", "An empty list does not mean everybody.", "M2-07", Severity.WARNING, _check)
