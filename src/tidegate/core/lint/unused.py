"""What is declared is named somewhere."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

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
    yield from _groups(given, used)


def _groups(given: Given, used: Mapping[str, set[str]]) -> Iterator[Found]:
    """Groups that are there because somebody is in them, and nothing else: mostly one that was misspelt."""
    known = {*given.policy.groups, *(name for noun, names in used.items() if noun.endswith("group") for name in names)}
    for person, entry in given.policy.people.items():
        for index, name in enumerate(entry.groups):
            if name not in known:
                close = difflib.get_close_matches(name, sorted(known), n=1)
                meant = f'; did you mean "{close[0]}"?' if close else ""
                yield Found(
                    ("people", person, "groups", index),
                    f"nothing names the group {name}, so that {person} may do nothing more by it{meant}",
                    f"name it where it is meant to act, declare groups.{name}, or write the group that is meant",
                )


LINT = Lint("unused", "What is declared is named somewhere.", "M2-07", Severity.NOTE, _check)
