"""Who is asked to sign has a key."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.actor import Assurance
from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.lint.saying import listed


def _check(given: Given) -> Iterator[Found]:
    policy = given.policy
    if policy.assurance is not Assurance.SIGNATURE:
        return
    keyless = [name for name, person in policy.people.items() if not person.keys and not person.disabled]
    if keyless:
        yield Found(
            ("people", keyless[0]),
            f"{listed(keyless)} can sign nothing: there is no key",
            "write the line of their id_ed25519.pub under keys:",
            at_key=True,
        )


LINT = Lint("person.no-key", "Who is asked to sign has a key.", "M1-21", Severity.NOTE, _check)
