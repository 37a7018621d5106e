"""What is decided was left open, and a deviation has a place."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.undecided import all_points


def _check(given: Given) -> Iterator[Found]:
    known = {point.id for point in all_points(given.policy)}
    for name in given.policy.decided:
        if name not in known:
            yield Found(
                ("decided", name),
                f'nothing was left open under the name "{name}"',
                "look up its name: tidegate policy check --json, under undecided; or take the line out",
                at_key=True,
            )


LINT = Lint("dangling.decision", "What is decided was left open.", "M1-04", Severity.WARNING, _check)
