"""The change request that is asked for can be approved by somebody."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.policy import ChangeCategory, Policy


def _check(given: Given) -> Iterator[Found]:
    policy = given.policy
    if policy.changes.required and not policy.changes.categories:
        yield Found(
            ("changes", "required"),
            "change requests are asked for, and there is no category that one could have",
            "declare one: changes.categories.normal with title: and approvals:",
            at_key=True,
        )
    for name, category in policy.changes.categories.items():
        if _is_asked(policy, name) and (why := _why_none(category)):
            yield Found(("changes", "categories", name), why[0], why[1], at_key=True)


def _is_asked(policy: Policy, name: str) -> bool:
    """Whether a release type asks for the category. Of one that names none, any other category does."""
    return any(kind.change == name for kind in policy.release_types.values())


def _why_none(category: ChangeCategory) -> tuple[str, str] | None:
    if category.preapproved and not category.catalogue:
        return (
            "it is approved beforehand by its catalogue, and nothing is in it: no change can be of it",
            "write the changes that are approved beforehand under catalogue:",
        )
    if not category.preapproved and not category.approvals and not category.board:
        return (
            "a release type asks for it, and nobody can approve a change of it",
            "add approvals: or a board:",
        )
    return None


LINT = Lint(
    "change.unsatisfiable",
    "The change request that is asked for can be approved by somebody.",
    "TP-09, M2-02",
    Severity.WARNING,
    _check,
)
