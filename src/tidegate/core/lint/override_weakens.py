"""A file does not silently ask for less than what it builds on."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.naming import Path
from tidegate.core.policy import Policy
from tidegate.core.rulebook import dotted
from tidegate.core.strictness import Difference, weakened
from tidegate.core.undecided import all_points


def _check(given: Given) -> Iterator[Found]:
    told: set[tuple[str, str]] = set()
    for base in given.bases:
        for difference in _silent(given, base):
            place = dotted(difference.path)
            if (place, difference.what) not in told:
                told.add((place, difference.what))
                yield Found(
                    _taken_out(given, difference.path) or difference.path,
                    f"the file asks for less than what it builds on: {difference.what}",
                    f'say why: deviations: {{"{place}": "who agreed, and when"}}, or leave it as it was',
                )


def _silent(given: Given, base: Policy) -> Iterator[Difference]:
    """Where the policy asks for less than the base, and nobody has said why."""
    for difference in weakened(base, given.policy):
        if not _owned_up(given, difference.path) and not _was_open(base, dotted(difference.path)):
            yield difference


def _was_open(base: Policy, place: str) -> bool:
    """Whether the base left it open: who decides a point asks for less than nobody."""
    declared = [at for point in base.undecided.values() for at in point.at]
    found = [dotted(point.path) for point in all_points(base)]
    return any(_covers(at, place) for at in (*declared, *found))


def _taken_out(given: Given, path: Path) -> Path | None:
    """The entry of the file's ``without`` by which it is gone; None: it is there, or gone in another way."""
    if given.layers.layer_of(path) is not None:
        return None
    place = dotted(path)
    taken = (index for index, entry in enumerate(given.policy.without) if _covers(entry, place))
    return next((("without", index) for index in taken), None)


def _owned_up(given: Given, path: Path) -> bool:
    """Whether whoever asks for less there, or a file on top of theirs, says so."""
    layers, place = given.layers, dotted(path)
    says_it = _who_says(given, path)
    covering = (deviation for deviation in given.policy.deviations if _covers(deviation, place))
    return any((layers.layer_of(("deviations", deviation)) or 0) >= says_it for deviation in covering)


def _who_says(given: Given, path: Path) -> int:
    """The layer that makes it so: which has the value, takes it out, or has the list that lacks it."""
    layers = given.layers
    while (found := layers.layer_of(path)) is None and path:
        if (entry := _taken_out(given, path)) is not None:
            return layers.layer_of(entry) or 0
        if not isinstance(path[-1], int):
            # Taken out by a file in between, of which nobody knows.
            return 0
        path = path[:-1]
    return found or 0


def _covers(deviation: str, place: str) -> bool:
    """Whether a path is of this place, or of something above it."""
    return place == deviation or place.startswith((f"{deviation}.", f"{deviation}["))


LINT = Lint(
    "override.weakens",
    "A file does not silently ask for less than what it builds on.",
    "M1-04, M2-07",
    Severity.WARNING,
    _check,
)
