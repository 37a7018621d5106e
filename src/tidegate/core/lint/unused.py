"""What is declared is named somewhere."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.naming import named

_SECTIONS = {
    "gates": "gate",
    "documents": "document",
    "checklists": "checklist",
    "contacts": "contact",
    "backups": "backup",
    "strategies": "strategy",
    "processes": "process",
    "templates": "text",
    "audiences": "audience",
}


def _check(given: Given) -> Iterator[Found]:
    used = named(given.policy)
    for section, noun in _SECTIONS.items():
        for name in getattr(given.policy, section):
            if name not in used.get(noun, ()) and name not in used.get(f"{noun} or group", ()):
                yield Found(
                    (section, name),
                    f"nothing names the {noun} {name}: it asks for nothing",
                    f"name it where it is meant to hold, or take {section}.{name} out",
                    at_key=True,
                )


LINT = Lint("unused", "What is declared is named somewhere.", "M2-07", Severity.NOTE, _check)
