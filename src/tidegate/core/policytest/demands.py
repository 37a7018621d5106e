"""What a policy demands, one by one, and how each could be tried: what the coverage of a set of cases is counted in.

Only what ``decide`` asks is a demand here. What can be said and is not acted on yet cannot be tried; what Tidegate
asks under every policy, such as whether the release is open, is tried by Tidegate's own tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from tidegate.core.duration import format_duration
from tidegate.core.frequency import parse_frequency
from tidegate.core.holiday import said
from tidegate.core.policy import (
    Act,
    ApprovalRule,
    Client,
    Component,
    Environment,
    Policy,
    Purpose,
    ReleaseType,
    Skippable,
)
from tidegate.core.policytest.layers import Path
from tidegate.core.policytest.names import approval_name
from tidegate.core.rules.actor_permitted import permitted_people
from tidegate.core.rules.saying import count
from tidegate.core.span import parse_span

HOLD: Path = ("hold",)
"""The one demand that stands in no policy: no hold stops the line."""


DEBTS: Path = ("debts",)
VALIDATED: Path = ("rollback", "validated")
"""That nothing overdue is owed: asked under every policy by which something is owed."""


class Way(StrEnum):
    """How a demand can answer."""

    PASSES = "passes"
    STANDS = "stands in the way"


@dataclass(frozen=True, slots=True)
class Demand:
    """One thing that a policy demands: where it says so, the id of the finding, and what it is in words.

    ``hints`` holds the ways in which it can answer, each with a case that would show it.
    """

    path: Path
    rule: str
    what: str
    hints: Mapping[Way, str]


def demands_of(policy: Policy) -> tuple[Demand, ...]:
    """Everything that a policy demands of a release, in the order of its file."""
    return tuple(_all(policy))


def _all(policy: Policy) -> Iterator[Demand]:
    yield Demand(
        HOLD,
        "hold",
        "no hold stops the line",
        {
            Way.PASSES: "a case without holds:",
            Way.STANDS: "a case with holds: [{by: NAME, reason: ...}], that expects {deny: hold}",
        },
    )
    yield from _emergencies(policy)
    yield from _way_back(policy)
    yield from _artifacts(policy)
    yield from _trains(policy)
    yield from _blackouts(policy)
    yield from _calendar(policy)
    yield from _milestones(policy)
    yield from _convention(policy)
    for index, name in enumerate(policy.changes.required):
        yield _change(
            policy, ("changes", "required", index), f"a change request for {name}", f"a release to {name}", ""
        )
    yield from _migrations(policy)
    for name, component in policy.components.items():
        yield from _requirements(name, component)
        yield from _times_of_component(name, component, f"a release of {name} to {_production(policy)}")
    for name, kind in policy.release_types.items():
        yield from _type(policy, name, kind)
    for name, environment in policy.environments.items():
        yield from _environment(policy, name, environment)
    for name, client in policy.clients.items():
        release = f"a release of a component of {name} to {_production(policy)}"
        for index, rule in enumerate(client.approvals):
            yield _approval(policy, ("clients", name, "approvals", index), rule, f"of {name}", release)
        yield from _times_of_client(name, client, release)
    yield from _trainings(policy)


def _trainings(policy: Policy) -> Iterator[Demand]:
    for name, training in policy.trainings.items():
        if Act.START in training.before:
            yield Demand(
                ("trainings", name),
                "training",
                f"the training {name} before somebody starts",
                {
                    Way.PASSES: "ask: {by: somebody who has it}",
                    Way.STANDS: "ask: {by: somebody who has not}, that expects {deny: training}",
                },
            )


def _migrations(policy: Policy) -> Iterator[Demand]:
    with_them = next((name for name, component in policy.components.items() if component.migrations), None)
    if policy.migrations is not None and with_them is not None:
        hints = {
            Way.PASSES: f"a release of {with_them}, endangers: []",
            Way.STANDS: f"a release of {with_them}, endangers: [removed], that expects {{deny: migrations.removed}}",
        }
        yield Demand(("migrations",), "migrations", "what migrations may do to a database", hints)


def _access(name: str, environment: Environment) -> Iterator[Demand]:
    if environment.access is not None:
        hints = {
            Way.STANDS: f"ask: {{environment: {name}, by: somebody without access}}, that expects {{deny: access}}"
        }
        if environment.access:
            hints = {Way.PASSES: f"ask: {{environment: {name}, by: somebody of {environment.access[0]}}}", **hints}
        yield Demand(("environments", name, "access"), "access", f"who has access to {name}", hints)


def _emergencies(policy: Policy) -> Iterator[Demand]:
    for index, name in enumerate(policy.emergency.types):
        kind = policy.release_types.get(name)
        criterion = kind.criteria[0] if kind and kind.criteria else "CRITERION"
        release = f"a release of type {name}"
        yield Demand(
            ("emergency", "types", index),
            "emergency.declared",
            f"an emergency that is declared for {name} releases",
            {
                Way.PASSES: f"{release}, emergencies: [{criterion}]",
                Way.STANDS: f"{release}, emergencies: [], that expects {{deny: emergency.declared}}",
            },
        )
    if owes(policy):
        release = "a release that is no emergency release"
        yield Demand(
            DEBTS,
            "debts",
            "nothing overdue is owed",
            {
                Way.PASSES: f"{release}, without debts:",
                Way.STANDS: f"{release}, debts: [-1d], that expects {{deny: debts}}",
            },
        )


def _way_back(policy: Policy) -> Iterator[Demand]:
    production = [name for name, env in policy.environments.items() if env.purpose is Purpose.PRODUCTION]
    where = f"a release to {production[0] if production else 'production'}"
    if policy.rollback.validated and production:
        yield Demand(
            VALIDATED,
            "rollback.validated",
            "the way back was tried out before production",
            {
                Way.PASSES: f"{where}, without validated:",
                Way.STANDS: f"{where}, validated: false, that expects {{deny: rollback.validated}}",
            },
        )
    for name, drill in policy.drills.items():
        if drill.blocks and production:
            yield Demand(
                ("drills", name),
                f"drill.{name}",
                f"the drill {name} is not overdue",
                {
                    Way.PASSES: f"{where}, without drills:",
                    Way.STANDS: f"{where}, drills: {{{name}: never}}, that expects {{deny: drill.{name}}}",
                },
            )


def owes(policy: Policy) -> bool:
    """Whether anything is owed by a policy, by whatever goes by it."""
    return policy.emergency.post_mortem is not None or any(_owes(kind) for kind in policy.release_types.values())


def _owes(kind: ReleaseType) -> bool:
    owed = kind.afterwards
    return bool(owed.retrospective_approval or owed.documents or owed.review or owed.post_mortem is not None)


def _convention(policy: Policy) -> Iterator[Demand]:
    if policy.versioning.unconventional == "refuse":
        yield Demand(
            ("versioning", "unconventional"),
            "content.convention",
            "the convention of commits",
            {
                Way.PASSES: "a release with changes: [feat]",
                Way.STANDS: 'a release with changes: ["tidy up"], that expects {deny: content.convention}',
            },
        )


def _requirements(name: str, component: Component) -> Iterator[Demand]:
    for other, text in component.requires.items():
        yield Demand(
            ("components", name, "requires", other),
            f"requires.{other}",
            f"{other} {text} where {name} goes",
            {
                Way.PASSES: f"a release of {name}, with running: {{{other}: VERSION}} that is {text}",
                Way.STANDS: f"a release of {name}, with running: {{{other}: none}}, that expects "
                f"{{deny: requires.{other}}}",
            },
        )


def _artifacts(policy: Policy) -> Iterator[Demand]:
    for name, component in policy.components.items():
        for index, artifact in enumerate(component.artifacts):
            release = f"a release of {name} to {_production(policy)}"
            yield Demand(
                ("components", name, "artifacts", index),
                "artifact",
                f"the {artifact.kind} {artifact.name} of {name}",
                {
                    Way.PASSES: release,
                    Way.STANDS: f"{release}, unbuilt: [{artifact.name}], that expects {{deny: artifact}}",
                },
            )


def _trains(policy: Policy) -> Iterator[Demand]:
    for name, train in policy.trains.items():
        rides = f"the component {train.of.component}" if train.of.component else f"a component of kind {train.of.kind}"
        yield Demand(
            ("trains", name),
            "train",
            f"the train {name}",
            {
                Way.PASSES: f"{rides} to {train.to}, at: a departure of {name} ({train.every})",
                Way.STANDS: f"{rides} to {train.to}, at: any other day, that expects {{deny: train}}",
            },
        )


def _blackouts(policy: Policy) -> Iterator[Demand]:
    for index, blackout in enumerate(policy.calendar.blackouts):
        where = " or ".join(blackout.environments) if blackout.environments else _production(policy)
        yield Demand(
            ("calendar", "blackouts", index),
            "blackout",
            f'the blackout "{blackout.name}"',
            {
                Way.PASSES: f"a release to {where}, at: a day outside {blackout.starts} to {blackout.ends}",
                Way.STANDS: f"a release to {where}, at: {blackout.starts}, that expects {{deny: blackout}}",
            },
        )


def _when(path: Path, rule: str, what: str, release: str, holds: str, stands: str) -> Demand:
    """A demand that a moment meets, and another does not."""
    return Demand(
        path,
        rule,
        what,
        {
            Way.PASSES: f"{release}, at: {holds}",
            Way.STANDS: f"{release}, at: {stands}, that expects {{deny: {rule}}}",
        },
    )


def _calendar(policy: Policy) -> Iterator[Demand]:
    """What closes besides blackouts: maintenance, holidays, business cycles."""
    year, release = policy.calendar, f"a release to {_production(policy)}"
    for index, window in enumerate(year.maintenance):
        kind = f"{window.types[0]} " if window.types else ""
        where = window.environments[0] if window.environments else _production(policy)
        yield _when(
            ("calendar", "maintenance", index),
            "maintenance",
            f'the maintenance window "{window.name}"',
            f"a {kind}release to {where}",
            "a time inside it",
            "a time outside it",
        )
    for index, holidays in enumerate(year.holidays):
        place = said((holidays.country, holidays.subdivision or ""))
        path, what = ("calendar", "holidays", index), f"the public holidays of {place}"
        yield _when(path, "holiday", what, release, "any other day", "one of them")
    for index, cycle in enumerate(year.business_cycles):
        if cycle.closed:
            path, what = ("calendar", "business_cycles", index), f'the business cycle "{cycle.name}"'
            yield _when(path, "business.cycle", what, release, "a time outside it", f"a time inside it ({cycle.every})")


def _times_of_component(name: str, component: Component, release: str) -> Iterator[Demand]:
    if component.windows is not None:
        rule, path = f"component.windows.{name}", ("components", name, "windows")
        inside, outside = "a time inside a window", "a time outside its windows"
        found = _when(path, rule, f"the windows of {name}", release, inside, outside)
        yield found if component.windows else replace(found, hints={Way.STANDS: found.hints[Way.STANDS]})


def _times_of_client(name: str, client: Client, release: str) -> Iterator[Demand]:
    if client.windows is not None:
        rule, path = f"client.windows.{name}", ("clients", name, "windows")
        inside, outside = "a time inside a window", "a time outside its windows"
        found = _when(path, rule, f"the windows of {name}", release, inside, outside)
        yield found if client.windows else replace(found, hints={Way.STANDS: found.hints[Way.STANDS]})
    for index, blackout in enumerate(client.blackouts):
        yield _when(
            ("clients", name, "blackouts", index),
            f"client.blackout.{name}",
            f'the blackout "{blackout.name}" of {name}',
            release,
            f"a day outside {blackout.starts} to {blackout.ends}",
            str(blackout.starts),
        )


def _milestones(policy: Policy) -> Iterator[Demand]:
    for name, milestone in policy.milestones.items():
        if milestone.allow is None or milestone.at is None or not milestone.is_before:
            continue
        kind = f"{milestone.types[0]} " if milestone.types else ""
        release, length = f"a {kind}release to {_production(policy)}", format_duration(-milestone.at)
        yield Demand(
            ("milestones", name),
            f"milestone.{name}",
            f"the milestone {name}, {length} before",
            {
                Way.PASSES: f"{release}, changes: [feat!], content: longer than {length} before it goes",
                Way.STANDS: f"{release}, changes: [feat!], content: now, that expects {{deny: milestone.{name}}}",
            },
        )


def _type(policy: Policy, name: str, kind: ReleaseType) -> Iterator[Demand]:
    release, path = f"a {name} release to {_production(policy)}", ("release_types", name)
    if kind.notice and Skippable.NOTICE not in kind.skips:
        length = format_duration(kind.notice)
        yield Demand(
            (*path, "notice"),
            "notice",
            f"{length} of notice of {name} releases",
            {
                Way.PASSES: f"{release}, announced: -{length}",
                Way.STANDS: f"{release}, announced: now, that expects {{deny: notice}}",
            },
        )
    if kind.change:
        what = f"a change request of category {kind.change} of {name} releases"
        yield _change(policy, (*path, "change"), what, release, kind.change)
    for index, gate in enumerate(kind.gates):
        yield _gate(policy, (*path, "gates", index), gate, f"of {name} releases", release)
    for index, rule in enumerate(kind.approvals):
        yield _approval(policy, (*path, "approvals", index), rule, f"of {name} releases", release)
    yield from _papers(policy, path, (kind.documents, kind.checklists), release)
    yield from _rules_of_type(policy, name, kind)


def _rules_of_type(policy: Policy, name: str, kind: ReleaseType) -> Iterator[Demand]:
    """What a type asks of its releases besides gates and approvals."""
    release, path = f"a {name} release to {_production(policy)}", ("release_types", name)
    if kind.allows is not None:
        hints = {
            Way.STANDS: f"{release}, changes: [a kind that it does not allow], that expects {{deny: content.kind}}"
        }
        if kind.allows:
            hints = {Way.PASSES: f"{release}, changes: [{kind.allows[0]}]", **hints}
        yield Demand((*path, "allows"), "content.kind", f"the kinds of change of {name} releases", hints)
    if kind.criteria:
        yield Demand(
            (*path, "criteria"),
            "criterion",
            f"the criteria of {name} releases",
            {
                Way.PASSES: f"{release}, criterion: {kind.criteria[0]}",
                Way.STANDS: f"{release} that names none, that expects {{deny: criterion}}",
            },
        )
    if kind.horizon is not None:
        yield _horizon(path, name, kind.horizon, release)
    if kind.frequency is not None and parse_frequency(kind.frequency).every and not _is_on_demand(kind.frequency):
        yield Demand(
            (*path, "frequency"),
            "frequency",
            f"{kind.frequency}: {name} releases",
            {
                Way.PASSES: f"{release}, last: {{{name}: -400d}}",
                Way.STANDS: f"{release}, last: {{{name}: now}}, that expects {{deny: frequency}}",
            },
        )


def _is_on_demand(frequency: str) -> bool:
    return parse_frequency(frequency).on_demand


def _horizon(path: Path, name: str, horizon: str, release: str) -> Demand:
    span = parse_span(horizon)
    far = f"{release}, opened: now, planned: +400d, that expects {{deny: horizon.planned}}"
    late = f"{release}, opened: now, planned: now, that expects {{deny: horizon}}"
    return Demand(
        (*path, "horizon"),
        "horizon" if span.least else "horizon.planned",
        f"{horizon} ahead: {name} releases",
        {
            Way.PASSES: f"{release}, opened: -{format_duration(span.most)}, planned: now",
            Way.STANDS: late if span.least else far,
        },
    )


def _papers(policy: Policy, path: Path, asked: tuple[Sequence[str], Sequence[str]], release: str) -> Iterator[Demand]:
    """The documents and the checklists that something asks for."""
    documents, checklists = asked
    for index, document in enumerate(documents):
        only = policy.documents[document].only if document in policy.documents else "always"
        such = {"breaking": ", changes: [feat!]", "migrations": ", migrates: yes", "downtime": ", downtime: true"}
        about = f"{release}{such.get(only, '')}"
        yield Demand(
            (*path, "documents", index),
            f"document.{document}",
            f"the document {document}",
            {
                Way.PASSES: f"{about}, with documents: {{{document}: there}}, reviewed where that is asked",
                Way.STANDS: f"{about}, with documents: {{{document}: none}}, "
                f"that expects {{deny: document.{document}}}",
            },
        )
    for index, checklist in enumerate(checklists):
        yield Demand(
            (*path, "checklists", index),
            f"checklist.{checklist}",
            f"the checklist {checklist}",
            {
                Way.PASSES: f"{release}, with ticks: [{checklist}], and what its gates and documents ask",
                Way.STANDS: f"{release}, with ticks: [], that expects {{deny: checklist.{checklist}}}",
            },
        )


def _change(policy: Policy, path: Path, what: str, release: str, category: str) -> Demand:
    named = category or next(iter(policy.changes.categories), "CATEGORY")
    return Demand(
        path,
        "change",
        what,
        {
            Way.PASSES: f"{release}, with change_requests: [{{category: {named}, approvals: [...]}}]",
            Way.STANDS: f"{release}, without change_requests:, that expects {{deny: change}}",
        },
    )


def _environment(policy: Policy, name: str, environment: Environment) -> Iterator[Demand]:
    release, path = f"a release to {name}", ("environments", name)
    for index, after in enumerate(environment.after):
        yield from _after((*path, "after", index), after.environment, name, after.soak)
    for index, gate in enumerate(environment.gates):
        yield _gate(policy, (*path, "gates", index), gate, f"of {name}", release)
    for index, backup in enumerate(environment.backups):
        yield _backup(policy, (*path, "backups", index), backup, name, release)
    for index, rule in enumerate(environment.approvals):
        yield _approval(policy, (*path, "approvals", index), rule, f"of {name}", release)
    yield from _papers(policy, path, (environment.documents, environment.checklists), release)
    if environment.deploy_from is not None:
        yield _deploy_from(path, name, environment.deploy_from)
    if environment.windows is not None:
        hints = {Way.STANDS: f"{release}, at: a time outside its windows, that expects {{deny: windows}}"}
        if environment.windows:
            hints = {Way.PASSES: f"{release}, at: a time inside a window", **hints}
        yield Demand((*path, "windows"), "windows", f"the windows of {name}", hints)
    if environment.freeze is not None:
        length = format_duration(environment.freeze.before)
        yield Demand(
            (*path, "freeze"),
            "freeze",
            f"the freeze of {length} before {name}",
            {
                Way.PASSES: f"{release}, changes: [feat], content: longer than {length} before it goes",
                Way.STANDS: f"{release}, changes: [feat], content: now, that expects {{deny: freeze}}",
            },
        )
    yield from _permits(policy, name, environment)
    yield from _access(name, environment)


def _deploy_from(path: Path, name: str, sources: Sequence[str]) -> Demand:
    release = f"a release to {name}"
    hints = {Way.STANDS: f"{release}, comes_from: [], that expects {{deny: deploy.from}}"}
    if sources:
        hints = {Way.PASSES: f"{release}, comes_from: [{sources[0]}]", **hints}
    return Demand((*path, "deploy_from"), "deploy.from", f"the branches from which {name} may be deployed", hints)


def _after(path: Path, before: str, name: str, soak: timedelta | None) -> Iterator[Demand]:
    release = f"a release to {name}"
    yield Demand(
        path,
        f"after.{before}",
        f"{before} before {name}",
        {
            Way.PASSES: f"{release}, verified: {{{before}: -30d}}",
            Way.STANDS: f"{release}, verified: {{{before}: never}}, that expects {{deny: after.{before}}}",
        },
    )
    if soak:
        yield Demand(
            (*path, "soak"),
            f"soak.{before}",
            f"{format_duration(soak)} in {before} before {name}",
            {
                Way.PASSES: f"{release}, verified: {{{before}: -30d}}",
                Way.STANDS: f"{release}, verified: {{{before}: now}}, that expects {{deny: soak.{before}}}",
            },
        )


def _gate(policy: Policy, path: Path, name: str, whose: str, release: str) -> Demand:
    gate = policy.gates.get(name)
    passing = f" that meets {gate.condition}" if gate else ""
    return Demand(
        path,
        f"gate.{name}",
        f"the gate {name} {whose}",
        {
            Way.PASSES: f"{release}, with evidence: {{{name}: {{...}}}}{passing}",
            Way.STANDS: f"{release}, with evidence: {{{name}: none}}, that expects {{cannot tell: gate.{name}}}",
        },
    )


def _backup(policy: Policy, path: Path, name: str, environment: str, release: str) -> Demand:
    said = policy.backups.get(name)
    verdict = "deny" if said is None or said.of is not None else "cannot tell"
    whole = "kind: backup, verified: true, offsite: true, restored: true"
    return Demand(
        path,
        f"backup.{name}",
        f"the backup {name} before {environment}",
        {
            Way.PASSES: f"{release}, with evidence: {{{name}: {{{whole}}}}}",
            Way.STANDS: f"{release}, with evidence: {{{name}: none}}, that expects {{{verdict}: backup.{name}}}",
        },
    )


def _approval(policy: Policy, path: Path, rule: ApprovalRule, whose: str, release: str) -> Demand:
    name, group = approval_name(rule), policy.groups.get(rule.group)
    needed = count(max(rule.count, (group.quorum if group else None) or 1), "approval")
    return Demand(
        path,
        f"approval.{name}",
        f"{needed} from {rule.group}{f' as {rule.role}' if rule.role else ''} {whose}",
        {
            Way.PASSES: f"{release}, with {needed} from {rule.group}",
            Way.STANDS: f"{release}, with approvals: [], that expects {{deny: approval.{name}}}",
        },
    )


def _permits(policy: Policy, name: str, environment: Environment) -> Iterator[Demand]:
    for act in (Act.START, Act.ROLLBACK):
        people = permitted_people(policy, act, environment)
        if people:
            ask = f"ask: {{action: {act.value}, environment: {name}, by: "
            yield Demand(
                ("environments", name, "permits", act.value),
                "actor.permitted",
                f"who may {_WORDS[act]} in {name}",
                {
                    Way.PASSES: f"{ask}{min(people)}}}",
                    Way.STANDS: f"{ask}somebody who may not}}, that expects {{deny: actor.permitted}}",
                },
            )


_WORDS = {Act.START: "start", Act.ROLLBACK: "roll back"}


def _production(policy: Policy) -> str:
    """The first environment for production, or the word."""
    found = (name for name, environment in policy.environments.items() if environment.purpose is Purpose.PRODUCTION)
    return next(found, "production")
