"""A preset is named with its version."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.lint.lint import Found, Given, Lint, Severity


def _check(given: Given) -> Iterator[Found]:
    for index, base in enumerate(given.policy.extends):
        if base.startswith("preset:") and "@" not in base:
            yield Found(
                ("extends", index),
                f"{base} names no version: a new Tidegate may bring another policy",
                f"write its version: {base}@1",
            )


LINT = Lint("preset.unpinned", "A preset is named with its version.", "M1-04", Severity.NOTE, _check)
