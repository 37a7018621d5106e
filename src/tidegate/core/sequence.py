"""Approvals one after the other: which names a sequence may use, and that it comes to an end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from tidegate.core.naming import Path
from tidegate.core.policy import ApprovalRule, Policy, Purpose

Mistake = tuple[Path, str, str]
"""Where it stands, what is wrong, and what would mend it."""

_Placed = tuple[Path, ApprovalRule]

_ONLY_FOR_RELEASES = ("after", "types", "separation", "minutes", "lasts")


def name_of(rule: ApprovalRule) -> str:
    """By what others name a demand: its role, or else its group."""
    return rule.role or rule.group.removeprefix("$")


def mistakes(policy: Policy) -> Iterator[Mistake]:
    """Demands that come after one that is never asked with them, or after themselves; each told once."""
    told: set[Path] = set()
    for asked in _together(policy):
        for path, what, remedy in (*_unasked(asked), *_round(asked)):
            if path not in told:
                told.add(path)
                yield path, what, remedy


def not_for_releases(policy: Policy) -> Iterator[Mistake]:
    """Demands that are not about a release, with a key that only means something there."""
    for base, rules in _elsewhere(policy):
        for index, rule in enumerate(rules):
            path = (*base, index) if base[-1] != "by" else base
            for key in _ONLY_FOR_RELEASES:
                if getattr(rule, key):
                    yield (
                        (*path, key),
                        f"{key}: means something only for the approvals of a release",
                        f"take {key}: out",
                    )


def _elsewhere(policy: Policy) -> Iterator[tuple[Path, Sequence[ApprovalRule]]]:
    yield ("adoption", "approvals"), policy.adoption.approvals
    for name, kind in policy.release_types.items():
        later: Path = ("release_types", name, "afterwards", "retrospective_approval")
        yield later, kind.afterwards.retrospective_approval
    for name, category in policy.changes.categories.items():
        yield ("changes", "categories", name, "approvals"), category.approvals
    for name, gate in policy.gates.items():
        if gate.waiver is not None:
            yield ("gates", name, "waiver", "by"), (gate.waiver.by,)


def _placed(base: Path, rules: Sequence[ApprovalRule]) -> list[_Placed]:
    return [((*base, index), rule) for index, rule in enumerate(rules)]


def _together(policy: Policy) -> Iterator[list[_Placed]]:
    """What is asked together: of each type for each environment, with and without each client."""
    # A policy in which nothing has an order, as most are, is not looked at type by type.
    if not any(rule.after for rule in _all(policy)):
        return
    clients = [_placed(("clients", name, "approvals"), client.approvals) for name, client in policy.clients.items()]
    for where, environment in policy.environments.items():
        own = _placed(("environments", where, "approvals"), environment.approvals)
        production = environment.purpose is Purpose.PRODUCTION
        for name, kind in policy.release_types.items():
            of_type = _placed(("release_types", name, "approvals"), kind.approvals) if production else []
            for client in [[], *clients] if production else [[]]:
                several = [*own, *of_type, *client]
                yield [(path, rule) for path, rule in several if not rule.types or name in rule.types]


def _all(policy: Policy) -> Iterator[ApprovalRule]:
    for environment in policy.environments.values():
        yield from environment.approvals
    for kind in policy.release_types.values():
        yield from kind.approvals
    for client in policy.clients.values():
        yield from client.approvals


def _unasked(asked: Sequence[_Placed]) -> Iterator[Mistake]:
    names = {name_of(rule) for _, rule in asked}
    for path, rule in asked:
        for index, before in enumerate(rule.after):
            if before.removeprefix("$") not in names:
                others = sorted(names - {name_of(rule)})
                yield (
                    (*path, "after", index),
                    f'the approval "{before}" is not asked together with this one, which could then never be given',
                    f"name one of: {', '.join(others)}" if others else "take after: out",
                )


def _round(asked: Sequence[_Placed]) -> Iterator[Mistake]:
    graph: Mapping[str, list[str]] = {name_of(rule): [] for _, rule in asked}
    for _, rule in asked:
        graph[name_of(rule)] += [before.removeprefix("$") for before in rule.after]
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        members = set(error.args[1])
        path = next(path for path, rule in asked if rule.after and name_of(rule) in members)
        shown = ", ".join(sorted(members)[:8])
        yield (*path, "after"), f"these approvals wait for each other for ever: {shown}", "remove one of the after:"
