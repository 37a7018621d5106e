"""Nothing stops a rollback: no right that nobody has, no training that has run out."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.lint import asked
from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.policy import Act
from tidegate.core.rules.actor_permitted import permitted_people


def _check(given: Given) -> Iterator[Found]:
    yield from _nobody(given)
    yield from _trainings(given)
    yield from _groups(given)


def _nobody(given: Given) -> Iterator[Found]:
    for name in asked.production(given.policy):
        if not permitted_people(given.policy, Act.ROLLBACK, given.policy.environments[name]):
            yield Found(
                ("permits", "rollback"),
                f"nobody may roll back in {name}: a bad release stays until the policy is changed",
                "list people, or groups with people in them, under permits.rollback",
                also=(("environments", name, "permits"),),
            )


def _trainings(given: Given) -> Iterator[Found]:
    for name, training in given.policy.trainings.items():
        if Act.ROLLBACK in training.before:
            yield Found(
                ("trainings", name, "before"),
                f"whoever lacks the training {name} could not roll back, however bad the release is",
                "ask for it before start, and not before rollback",
            )


def _groups(given: Given) -> Iterator[Found]:
    """Groups that need a training for everything, and are the only ones that may roll back."""
    policy = given.policy
    permitted = policy.permits.rollback
    trained = [name for name in permitted if name in policy.groups and policy.groups[name].trainings]
    if permitted and len(trained) == len(permitted):
        yield Found(
            ("permits", "rollback"),
            f"only groups that need a training may roll back ({', '.join(trained)}): when it runs out, nobody may",
            "ask for the training before start (trainings.*.before), or permit somebody who needs none",
            also=tuple(("groups", name, "trainings") for name in trained),
        )


LINT = Lint(
    "unsafe.rollback",
    "Nothing stops a rollback: no right that nobody has, no training that has run out.",
    "M1-14, 7D-11",
    Severity.WARNING,
    _check,
)
