"""What a case may name: the people, components, environments, types, gates and rules of the policies it is asked of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from tidegate.core.actor import AUTOMATION
from tidegate.core.condition.errors import did_you_mean
from tidegate.core.evidence_kind import KINDS
from tidegate.core.migration.hazard import Danger
from tidegate.core.naming import Known
from tidegate.core.policy import ApprovalRule, Policy
from tidegate.core.policytest.layers import CaseMistake, Path
from tidegate.core.rules import RULES

_BELOW = {
    "approval": ("objection", "rejected"),
    "change": (
        "request",
        "category",
        "assessment",
        "standard",
        "steps",
        "approval",
        "rejected",
        "risk",
        "mitigation",
    ),
    "content": ("level", "convention"),
    "horizon": ("planned",),
    "migrations": tuple(danger.value for danger in Danger),
    "emergency": ("declared", "signed", "skips"),
    "notice": ("announced",),
    "requires": ("order",),
    "rollback": ("target", "data", "schema", "attempts"),
}
"""The ids that rules give to their findings besides their own, where no policy makes them."""

_MAY_BE_UNKNOWN = ("person", "component", "environment", "release type", "release template")
"""What decide is asked about although the policy does not know it."""

_MOST_GUESSED_FROM = 1_000
_MOST_LISTED = 12


def rule_ids(policies: Iterable[Policy]) -> frozenset[str]:
    """Every id that a finding may have, and every id that such ids begin with."""
    found = {rule.id for rule in RULES} | {name for rule in RULES for name in rule.also}
    found |= {f"{rule}.{name}" for rule, names in _BELOW.items() for name in names}
    for policy in policies:
        found |= {f"gate.{name}" for name in policy.gates}
        found |= {f"document.{name}" for name in policy.documents}
        found |= {f"checklist.{name}" for name in policy.checklists}
        found |= {f"approval.{approval_name(rule)}" for rule in approval_rules(policy)}
        for category in policy.changes.categories.values():
            found |= {f"change.approval.{approval_name(rule)}" for rule in category.approvals}
            found |= {f"change.approval.{category.board}"} if category.board else set()
        found |= {f"{rule}.{name}" for rule in ("after", "soak") for name in policy.environments}
        found |= {f"{rule}.{name}" for rule in ("client.windows", "client.blackout") for name in policy.clients}
        found |= {f"component.windows.{name}" for name in policy.components}
        found |= {f"milestone.{name}" for name in policy.milestones}
        found |= {f"drill.{name}" for name in policy.drills}
        found |= {f"backup.{name}" for name in policy.backups}
        found |= {f"{rule}.{name}" for rule in ("requires", "required") for name in policy.components}
    return frozenset(found)


def approval_name(rule: ApprovalRule) -> str:
    """What stands behind ``approval.`` in the id of a demand: the role, or else the group."""
    return rule.role or rule.group.removeprefix("$")


def approval_rules(policy: Policy) -> Iterator[ApprovalRule]:
    """Every approval that a policy demands of a release."""
    for kind in policy.release_types.values():
        yield from kind.approvals
    for environment in policy.environments.values():
        yield from environment.approvals
    for client in policy.clients.values():
        yield from client.approvals


class Names:
    """Holds the names of a case against those of the policies; what is named on purpose is no mistake.

    Args:
        policies: the policy, and those that cases are pinned to.
        unknown: the names that no policy knows and that cases use on purpose.
    """

    def __init__(self, policies: Iterable[Policy], unknown: Iterable[str]) -> None:
        several = list(policies)
        self._unknown = tuple(unknown)
        self._known: dict[str, dict[str, None]] = {
            "person": dict.fromkeys([name for policy in several for name in policy.people] + [AUTOMATION]),
            "component": dict.fromkeys(name for policy in several for name in policy.components),
            "environment": dict.fromkeys(name for policy in several for name in policy.environments),
            "release type": dict.fromkeys(name for policy in several for name in policy.release_types),
            "client": dict.fromkeys(name for policy in several for name in policy.clients),
            "release template": dict.fromkeys(name for policy in several for name in policy.release_templates),
            "gate": dict.fromkeys(name for policy in several for name in policy.gates),
            "document": dict.fromkeys(name for policy in several for name in policy.documents),
            "point of a checklist": dict.fromkeys(
                point
                for policy in several
                for name, checklist in policy.checklists.items()
                for point in (name, *(f"{name}/{key}" for key in checklist.items))
            ),
            "role": dict.fromkeys(rule.role for policy in several for rule in approval_rules(policy) if rule.role),
            "rule": dict.fromkeys(sorted(rule_ids(several))),
            "kind of evidence": dict.fromkeys(KINDS),
            "source of deployments": dict.fromkeys(
                name for policy in several for name in Known(policy).of("source of deployments")[1]
            ),
        }

    def one(self, path: Path, found: str | None, noun: str, *, at_key: bool = False) -> Iterator[CaseMistake]:
        """A mistake where ``found`` is not the name of a known ``noun``; None names nothing."""
        known = self._known[noun]
        may_be_unknown = noun in _MAY_BE_UNKNOWN
        if found is None or found in known or (may_be_unknown and found in self._unknown):
            return
        guess = did_you_mean(found, list(islice(known, _MOST_GUESSED_FROM)))
        listed = _listed(known)
        remedy = f"name one of: {listed}" if listed else f"the policy has no {noun} yet: declare it there"
        if may_be_unknown:
            remedy += "; or list it under unknown:, if the case is about that"
        yield CaseMistake(path, f'unknown {noun} "{found}"{guess}', remedy, at_key)

    def each(self, path: Path, found: Iterable[str], noun: str) -> Iterator[CaseMistake]:
        """As :meth:`one`, for every entry of a list."""
        for index, name in enumerate(found):
            yield from self.one((*path, index), name, noun)

    def needless(self) -> Iterator[CaseMistake]:
        """A mistake for each name that is said to be unknown, and is known."""
        for index, name in enumerate(self._unknown):
            for noun in _MAY_BE_UNKNOWN:
                if name in self._known[noun]:
                    what = f'"{name}" is said to be unknown, and is the name of a known {noun}'
                    yield CaseMistake(("unknown", index), what, "take it out of unknown:")


def _listed(known: Iterable[str]) -> str:
    ordered = sorted(known)
    more = f" and {len(ordered) - _MOST_LISTED} more" if len(ordered) > _MOST_LISTED else ""
    return ", ".join(ordered[:_MOST_LISTED]) + more
