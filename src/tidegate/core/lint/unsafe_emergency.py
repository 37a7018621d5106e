"""An emergency release can go, is answered for, and is paid for afterwards."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.emergency import declarers
from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.policy import Policy, ReleaseType


def _check(given: Given) -> Iterator[Found]:
    policy = given.policy
    types = {name: policy.release_types[name] for name in policy.emergency.types if name in policy.release_types}
    for name, kind in types.items():
        yield from _of_type(policy, name, kind)
    if types and not declarers(policy):
        yield Found(
            ("emergency", "types"),
            "nobody may declare an emergency, so none of its releases can go",
            "list people or groups under emergency.declared_by",
        )
    if types and not policy.emergency.call:
        yield Found(
            ("emergency", "types"),
            "an emergency calls nobody, so nobody has to acknowledge it",
            "name contacts under emergency.call, the first to be called first",
        )


def _of_type(policy: Policy, name: str, kind: ReleaseType) -> Iterator[Found]:
    path = ("release_types", name)
    if not kind.criteria:
        yield Found(
            path,
            f"an emergency cannot be declared for {name} releases: the type has no criteria",
            f"say what they are for: release_types.{name}.criteria",
            at_key=True,
        )
    if not _owes(policy, kind):
        yield Found(
            path,
            f"{name} releases skip what others need, and owe nothing for it afterwards",
            f"say what they owe: release_types.{name}.afterwards",
            at_key=True,
        )


def _owes(policy: Policy, kind: ReleaseType) -> bool:
    owed = kind.afterwards
    times = (owed.post_mortem, policy.emergency.post_mortem)
    return bool(owed.retrospective_approval or owed.documents or owed.review) or any(t is not None for t in times)


LINT = Lint(
    "unsafe.emergency",
    "An emergency release can go, somebody answers for it, and it is paid for afterwards.",
    "7D-02, M1-15, HD-12",
    Severity.WARNING,
    _check,
)
