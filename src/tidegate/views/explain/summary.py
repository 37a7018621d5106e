"""The policy in a few sentences, and its release types side by side."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.policy import Policy, ReleaseType, Skippable
from tidegate.views.environments import in_order
from tidegate.views.explain.model import Topic, paragraph, tabled, topic
from tidegate.views.explain.names import Names
from tidegate.views.explain.words import all_of, code, counted, frequency, length, number, upper


def summary_topic(policy: Policy, names: Names, still: int) -> Topic:
    """In short; ``still`` is how many points are undecided."""
    return topic(
        "summary",
        "In short",
        (
            paragraph(*_opening(policy, names)),
            tabled(
                "The release types side by side:",
                ("Type", "Version", "How often", "Notice", "Gates", "Yes of", "Does not wait for"),
                (_row(policy, names, name, kind) for name, kind in policy.release_types.items()),
            ),
            paragraph(*_closing(policy, still)),
        ),
    )


def _opening(policy: Policy, names: Names) -> Iterator[str]:
    if policy.rehearsal:
        yield f"This is a rehearsal, not the real policy: {policy.rehearsal.rstrip('.')}."
    what = counted(len(policy.components), "component")
    where = all_of(map(names.environment, in_order(policy)))
    yield f"{policy.organization} releases {what}{f' to {where}' if where else ''}."
    if not policy.environments:
        yield "It declares no environment: nothing can go anywhere."
    if not policy.release_types:
        yield "It declares no release type."
    for name, goal in names.production().items():
        legs = [f"{names.environment(a.environment)}{f' for {length(a.soak)}' if a.soak else ''}" for a in goal.after]
        if legs:
            yield f"What goes to {names.environment(name)} was in {all_of(legs)} before."
    yield f"Its times are those of {policy.timezone}."
    yield f"It is written in version {policy.tidegate} of the policy language."


def _row(policy: Policy, names: Names, name: str, kind: ReleaseType) -> tuple[str, ...]:
    goals = names.production().values()
    gates = dict.fromkeys([*kind.gates, *(gate for goal in goals for gate in goal.gates)])
    rules = [*(rule for goal in goals for rule in goal.approvals), *kind.approvals]
    waits_not = [skipped.value for skipped in Skippable if skipped in kind.skips]
    notice = "none" if not kind.notice or Skippable.NOTICE in kind.skips else f"{length(kind.notice)} before"
    return (
        upper(names.type(name)),
        kind.bump.value,
        frequency(kind.frequency) if kind.frequency else "",
        notice,
        number(len(gates)) if gates else "none",
        names.approvals(rules) or "nobody",
        all_of(waits_not),
    )


def _closing(policy: Policy, still: int) -> Iterator[str]:
    blackouts = len(policy.calendar.blackouts)
    if blackouts:
        yield f"{upper(counted(blackouts, 'blackout'))} {'is' if blackouts == 1 else 'are'} in the calendar."
    if policy.communication:
        tell = "tells" if len(policy.communication) == 1 else "tell"
        yield f"{upper(counted(len(policy.communication), 'message'))} {tell} people what happens."
    if still:
        are = "is" if still == 1 else "are"
        yield f"{upper(counted(still, 'point'))} {are} still undecided; see below what holds until then."
    if policy.deviations:
        count = len(policy.deviations)
        places = counted(count, "place")
        yield f"In {places} it knowingly asks for less than what it builds on."
    if not policy.watch and policy.environments:
        yield f"Nothing is watched: {code('watch')} is empty, so that nothing is taken back by itself."
