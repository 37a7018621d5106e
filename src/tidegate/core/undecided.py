"""What an organisation has left open: declared points, empty cells, limits nobody has set, placeholders in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.core.layers import Layers
from tidegate.core.limit import UNDECIDED
from tidegate.core.naming import Path
from tidegate.core.policy import Policy, Section
from tidegate.core.rulebook import dotted

_LEFT = r"(?:tb[acd]|to be (?:agreed|announced|confirmed|decided|defined|determined|done))"
_BRACKETED = re.compile(
    r"\[(?:contact(?: details| information)?"
    r"|(?:contact |your |team )?(?:name|link|date|number|phone|phone number|e-?mail|address|url)"
    rf"|(?:insert|enter|fill in|your) [^\]\n]{{1,60}}|todo|{_LEFT}[^\]\n]*)\]",
    re.IGNORECASE,
)
_WHOLE = re.compile(
    rf"{_LEFT}\b.*|(?:todo|fixme)(?:\W.*)?|x{{3,}}|<[A-Za-z][A-Za-z0-9 _/-]{{0,40}}>|\?{{2,}}", re.IGNORECASE
)
"""Placeholders: those in brackets wherever they stand in a text, the others where they are all of it."""


@dataclass(frozen=True, slots=True)
class OpenPoint:
    """A point that is open: its name, what is to be decided, and what holds until it is."""

    id: str
    what: str
    default: str
    path: Path
    source: str = ""


def undecided(policy: Policy, layers: Layers) -> tuple[OpenPoint, ...]:
    """The points that are open and that nobody has settled, in the order of the file.

    A declared point is settled by a line under ``decided``, or by a file that builds on the one that declares it and
    says one of the places of the point itself. The others are settled where they stand.
    """
    return tuple(
        point for point in all_points(policy) if point.id not in policy.decided and not _settled(policy, layers, point)
    )


def all_points(policy: Policy) -> Iterator[OpenPoint]:
    """Every point that the policy has left open, settled or not."""
    for name, point in policy.undecided.items():
        yield OpenPoint(name, point.what, point.default, ("undecided", name), point.source or "")
    declared = {place for point in policy.undecided.values() for place in point.at}
    yield from (point for point in _cells(policy) if dotted(point.path) not in declared)
    yield from (point for point in _limits(policy) if dotted(point.path) not in declared)
    yield from (point for point in _placeholders((), policy) if dotted(point.path) not in declared)


def _settled(policy: Policy, layers: Layers, point: OpenPoint) -> bool:
    declared = policy.undecided.get(point.id)
    if declared is None:
        return False
    lowest = layers.layer_of(point.path) or 0
    return any((layers.layer_of(path_of(place)) or 0) > lowest for place in declared.at)


def path_of(text: str) -> Path:
    """The path that a dotted text writes: ``environments.production.after[0]``."""
    steps: list[str | int] = []
    for part in text.split("."):
        name, *indices = part.replace("]", "").split("[")
        steps += [name] if name else []
        steps += [int(index) if index.isdecimal() else index for index in indices]
    return tuple(steps)


def _cells(policy: Policy) -> Iterator[OpenPoint]:
    """The cells of the risk matrix that are empty, where there is a matrix at all."""
    risk = policy.changes.risk
    for impact in risk.levels if risk.matrix else ():
        for probability in risk.levels:
            if probability not in risk.matrix.get(impact, {}):
                higher = max(impact, probability, key=risk.levels.index)
                yield OpenPoint(
                    f"risk.{impact}.{probability}",
                    f"the level of risk where the impact is {impact} and the probability {probability}",
                    f"{higher}: the higher of the two",
                    ("changes", "risk", "matrix", impact, probability),
                )


def _limits(policy: Policy) -> Iterator[OpenPoint]:
    for name, target in policy.targets.items():
        if target.limit == UNDECIDED:
            yield OpenPoint(
                f"target.{name}",
                f"the target of “{target.title or name}”",
                "it is measured and reported, and held against nothing",
                ("targets", name, "limit"),
            )


def _placeholders(path: Path, value: Any) -> Iterator[OpenPoint]:
    if isinstance(value, Section):
        for attribute, field in type(value).model_fields.items():
            alias = field.alias or attribute
            if path or alias not in ("undecided", "decided", "deviations", "rehearsal"):
                yield from _placeholders((*path, alias), getattr(value, attribute))
    elif isinstance(value, Mapping):
        for name, entry in value.items():
            yield from _placeholders((*path, name), entry)
    elif isinstance(value, tuple):
        for index, entry in enumerate(value):
            yield from _placeholders((*path, index), entry)
    elif isinstance(value, str):
        yield from _in_text(path, value)


def _in_text(path: Path, text: str) -> Iterator[OpenPoint]:
    found = dict.fromkeys(_BRACKETED.findall(text))
    if not found and _WHOLE.fullmatch(text.strip()):
        found = {text.strip(): None}
    place = dotted(path)
    for number, placeholder in enumerate(found, start=1):
        # Several in one text are several points, and each has a name.
        name = place if len(found) == 1 else f"{place}.{number}"
        default = "it stands as it is written, and leads nowhere"
        yield OpenPoint(name, f"what stands for {placeholder} in {place}", default, path)
