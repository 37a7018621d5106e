"""The text of a rollback plan: a template whose placeholders are filled in, and nothing else.

Source: M2-05; templates lie where ``rollback.templates`` says.
"""

from __future__ import annotations

from collections.abc import Mapping

FIELDS: Mapping[str, str] = {
    "organization": "who releases",
    "release": "the name of the release",
    "type": "the release type",
    "environment": "where it goes",
    "component": "what is released",
    "version": "its version",
    "returns_to": "the version to which it goes back, or absent",
    "verified": "when that version was found good there",
    "triggers": "what takes it back by itself, a line each",
    "attempts": "how often it may be taken back by itself",
    "criteria": "when a person takes it back, a line each",
    "people": "who may decide it, with their contacts, a line each",
    "data": "whether going back loses data, and why",
    "application": "how the application goes back, in the policy's words",
    "database": "how the database goes back, in the policy's words",
    "configuration": "how the configuration goes back, in the policy's words",
    "command": "the command that takes it back",
    "emergency": "the command for when nothing else works",
    "steps": "what is done on each unit, a line each",
    "validation": "what is asked again afterwards, a line each",
    "documents": "what is written afterwards, a line each",
    "validated": "whether the plan was tried out, and when",
    "problems": "what stands in the way of it now, a line each",
}
"""The placeholders that a template may have, and what each stands for."""

NAMES = ("{component}.md", "{type}.md", "rollback-plan.md")
"""The files in which a template is looked for, the first one first."""

DEFAULT = """\
# Rollback plan: {component} {version} in {environment}

Release {release} ({type}) of {organization}.

## Where it goes back to

{returns_to}, verified there: {verified}.

Going back: {data}.

## When

By itself, {attempts}:

{triggers}

By a person:

{criteria}

## Who decides

{people}

## How

    {command}

When nothing else works:

    {emergency}

The steps:

{steps}

- Application: {application}
- Database: {database}
- Configuration: {configuration}

## Afterwards

Asked again:

{validation}

Written:

{documents}

## Tried out

{validated}

{problems}
"""
"""The template where the policy names none; ``docs/templates/rollback/rollback-plan.md`` is the same text."""
