"""A text of the policy asks for nothing that it may not tell."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.lint.saying import listed
from tidegate.core.naming import Path
from tidegate.core.policy import Template
from tidegate.core.template import FIELDS, faults

_REMEDY = f"use only: {', '.join(f'{{{name}}}' for name in FIELDS)}"


def _check(given: Given) -> Iterator[Found]:
    for name, template in given.policy.templates.items():
        yield from _asks_too_much(("templates", name), template)
        if (template.text is None) == (template.path is None):
            found = "both text and path" if template.text else "neither text nor path"
            yield Found(
                ("templates", name),
                f"the text {name} has {found}",
                "give it one of the two: text, or path",
                at_key=True,
            )


def _asks_too_much(path: Path, template: Template) -> Iterator[Found]:
    for key, text in (("title", template.title), ("text", template.text)):
        wrong = [fault[:60] for fault in dict.fromkeys(faults(text or ""))]
        if wrong:
            what = f"asks for {listed(wrong)}, which {'is' if len(wrong) == 1 else 'are'} nothing that it may tell"
            yield Found((*path, key), f"the text {path[-1]} {what}", _REMEDY)


LINT = Lint("template.field", "A text asks for nothing that it may not tell.", "TP-13, HD-09", Severity.ERROR, _check)
