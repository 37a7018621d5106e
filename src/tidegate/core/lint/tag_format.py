"""A component's tags are written in one form."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.lint.saying import listed
from tidegate.core.naming import Path
from tidegate.core.policy import Policy

_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+)+(?:-[0-9A-Za-z.-]+)?$")


def _check(given: Given) -> Iterator[Found]:
    forms = _forms(given.policy)
    different = {name: found for name, found in forms.items() if len(found) > 1}
    if not different:
        return
    places = [path for found in different.values() for path in found.values()]
    written = dict.fromkeys(_general(form, name) for name, found in different.items() for form in found)
    yield Found(
        places[0],
        f"the tags of {listed(different)} are written in {len(written)} forms: {listed(written)}",
        "choose one form for each component, and write it in its tag:, on its branch and in the calendar",
        also=tuple(places[1:]),
    )


def _general(form: str, component: str) -> str:
    """The form without the component's own name, by which the same form of two components is one."""
    return f"{{component}}{form.removeprefix(component)}" if form.startswith(component) else form


def _forms(policy: Policy) -> dict[str, dict[str, Path]]:
    """By component, each form in which its tags are written, with the first place where it is."""
    found: dict[str, dict[str, Path]] = {
        name: {component.tag: ("components", name, "tag")} for name, component in policy.components.items()
    }
    stated: dict[str, dict[str, Path]] = {}
    for index, entry in enumerate(policy.calendar.dates):
        if entry.tag and entry.component in found:
            form = _VERSION.sub("{version}", entry.tag)
            stated.setdefault(entry.component, {}).setdefault(form, ("calendar", "dates", index, "tag"))
    for name, forms in stated.items():
        found[name] |= {form: path for form, path in forms.items() if form not in found[name]}
    for name, branch in policy.branches.items():
        # A branch belongs to all components: of each that tags in another form, one of the two is wrong.
        for forms in found.values():
            if branch.tag and branch.tag not in forms:
                forms[branch.tag] = ("branches", name, "tag")
    return found


LINT = Lint(
    "contradiction.tag-format", "A component's tags are written in one form.", "7D-18, M1-17", Severity.WARNING, _check
)
