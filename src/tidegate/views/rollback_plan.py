"""The rollback plan of a release: what would really be done, by whom, when, and whether that was tried out."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tidegate.core.decision import Action, Question
from tidegate.core.policy import Act, Policy
from tidegate.core.rollback_plan import DEFAULT, FIELDS, NAMES
from tidegate.core.rules.actor_permitted import permitted_people, whoever_may
from tidegate.core.template import faults, fill
from tidegate.core.verdict import Verdict
from tidegate.drivers.contract import Step
from tidegate.errors import NotFoundError, UsageError
from tidegate.orchestration.house import House
from tidegate.orchestration.judge import judge
from tidegate.orchestration.rollback_plan import Ahead, ahead_of, validated_at
from tidegate.orchestration.wayback import path_of
from tidegate.store.releases import ReleaseRow
from tidegate.views.explain.operations import trigger
from tidegate.views.moments import civil

LIMIT_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Decider:
    """Somebody who may take a release back, and how they are reached."""

    person: str
    name: str
    reach: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ComponentPlan:
    """How one component of a release comes back."""

    component: str
    version: str
    returns_to: str
    verified_at: datetime | None
    loses_data: bool | None
    because: str
    steps: tuple[Step, ...]
    refused: str
    command: str
    emergency: str
    validated: bool | None
    validation: str
    validated_at: datetime | None


@dataclass(frozen=True, slots=True)
class RollbackPlanView:
    """What ``tidegate rollback plan`` answers. ``validated`` of a component is None where the policy does not ask."""

    organization: str
    release: str
    type: str
    environment: str
    timezone: str
    triggers: tuple[str, ...]
    automatic_attempts: int
    criteria: tuple[str, ...]
    deciders: tuple[Decider, ...]
    application: str
    database: str
    configuration: str
    asked_again: tuple[str, ...]
    written: tuple[str, ...]
    components: tuple[ComponentPlan, ...]
    templates: str


def rollback_plan_view(house: House, release: str, environment: str) -> RollbackPlanView:
    """The plan, made from what the driver would do. Asks no unit, changes nothing.

    Raises:
        NotFoundError: there is no such release, environment or target.
    """
    policy, row, several = ahead_of(house, release, environment)
    plan, watch = policy.rollback, policy.watch.get(environment)
    return RollbackPlanView(
        organization=policy.organization,
        release=release,
        type=row.facts.type,
        environment=environment,
        timezone=policy.timezone,
        triggers=tuple(trigger(one) for one in watch.roll_back_when) if watch and plan.automatic_attempts else (),
        automatic_attempts=plan.automatic_attempts,
        criteria=plan.criteria,
        deciders=tuple(_deciders(policy, environment)),
        application=plan.application or "",
        database=plan.database or "",
        configuration=plan.configuration or "",
        asked_again=tuple(plan.validation),
        written=tuple(_title(policy, name) for name in plan.documents),
        components=tuple(_component(house, policy, row, ahead) for ahead in several),
        templates=str(plan.templates or ""),
    )


def _title(policy: Policy, name: str) -> str:
    return policy.documents[name].title if name in policy.documents else name


def _deciders(policy: Policy, environment: str) -> Iterator[Decider]:
    for name in sorted(permitted_people(policy, Act.ROLLBACK, policy.environments[environment])):
        person = policy.people[name]
        contacts = [c for c in policy.contacts.values() if c.group in person.groups]
        reach = [person.email or "", *(f"{contact.title}: {contact.reach}" for contact in contacts)]
        yield Decider(name, person.name, tuple(filter(None, reach)))


def _component(house: House, policy: Policy, row: ReleaseRow, ahead: Ahead) -> ComponentPlan:
    verdict, said, at = _validation(house, policy, row, ahead)
    target, component = ahead.back.target, ahead.item.component
    file = path_of(house.state, component, ahead.environment)
    glass = (
        f"tidegate rollback {component} {ahead.environment} --break-glass --file {shlex.quote(str(file))} --reason TEXT"
    )
    return ComponentPlan(
        component=component,
        version=ahead.item.to_version,
        returns_to=target.version if target else "absent",
        verified_at=ahead.back.verified_at,
        loses_data=ahead.way.loses_data,
        because=ahead.way.because,
        steps=ahead.steps,
        refused=ahead.refused,
        command=f"tidegate rollback {component} {ahead.environment}",
        emergency=shlex.join(policy.rollback.emergency) or glass,
        validated=verdict,
        validation=said,
        validated_at=at,
    )


def _validation(
    house: House, policy: Policy, row: ReleaseRow, ahead: Ahead
) -> tuple[bool | None, str, datetime | None]:
    """Whether the way back was tried out, as the very rule answers that is asked before production."""
    with house.database.read() as connection:
        at = validated_at(connection, row, ahead.item.component, ahead.environment)
        if not policy.rollback.validated:
            return None, "the policy does not ask that it is tried out", at
        actor = whoever_may(policy, ahead.environment)
        judged = judge(connection, row.facts.id, Question(Action.START, actor, ahead.environment), house.now())
    found = [f for f in judged.decision.findings if f.rule == "rollback.validated" and f.policy == "current"]
    mine = next((f for f in found if ahead.item.component in f.message), None)
    if mine is None:
        return None, f"it is tried out before production, and not before {ahead.environment}", at
    return mine.verdict is Verdict.ALLOW, mine.message, at


def markdown_of(view: RollbackPlanView, root: Path) -> str:
    """The plan as a document: each component by its template.

    Raises:
        NotFoundError: the policy names a directory of templates, and none fits.
        UsageError: a template asks for what a plan does not have.
    """
    return "\n".join(_filled(view, one, _template(view, one, root)) for one in view.components)


def _template(view: RollbackPlanView, one: ComponentPlan, root: Path) -> str:
    if not view.templates:
        return DEFAULT
    names = [fill(name, {"component": one.component, "type": view.type}, FIELDS) for name in NAMES]
    for name in names:
        path = root / view.templates / name
        if not path.resolve().is_relative_to(root.resolve()):
            raise UsageError(
                "the templates lead outside the repository", where=view.templates, remedy="keep them in it"
            )
        if path.is_file():
            return _read(path, f"{view.templates}/{name}")
    raise NotFoundError(
        f"there is no template of a rollback plan for {one.component}",
        where=view.templates,
        remedy=f"write one of: {', '.join(names)}",
    )


def _read(path: Path, where: str) -> str:
    try:
        if path.stat().st_size > LIMIT_BYTES:
            raise UsageError("the template is too long to be one", where=where, remedy="make it shorter")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the template cannot be read: {error}", where=where, remedy="write it in UTF-8") from error
    wrong = next(faults(text, FIELDS), "")
    if wrong:
        raise UsageError(
            f"the template asks for {wrong[:80]}, which no rollback plan has",
            where=where,
            remedy=f"name one of: {', '.join(f'{{{name}}}' for name in FIELDS)}",
        )
    return text


def _filled(view: RollbackPlanView, one: ComponentPlan, text: str) -> str:
    values = values_of(view, one)
    said = {name: _line(value) if name in _COMMANDS else _escaped(value) for name, value in values.items()}
    return fill(text, said, FIELDS)


_COMMANDS = ("command", "emergency")
"""What stands in a template as code, where nothing is escaped; it is one line all the same."""


def _line(value: str) -> str:
    return " ".join(value.split())


def _escaped(value: str) -> str:
    """A value as it stands in Markdown: what somebody wrote there makes no heading, link or HTML of its own."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>#|" else sign for sign in value)


def values_of(view: RollbackPlanView, one: ComponentPlan) -> Mapping[str, str]:
    """What each placeholder of a template stands for."""
    from tidegate.core.calendar import zone

    tz = zone(view.timezone)
    return {
        "organization": view.organization,
        "release": view.release,
        "type": view.type,
        "environment": view.environment,
        "component": one.component,
        "version": one.version,
        "returns_to": one.returns_to,
        "verified": civil(one.verified_at, tz)
        if one.verified_at
        else "nothing ran there before"
        if one.returns_to == "absent"
        else "never",
        "triggers": _listed(view.triggers, "nothing takes it back by itself"),
        "attempts": attempts(view),
        "criteria": _listed(view.criteria, "the policy names no criteria"),
        "people": _listed([_decider(each) for each in view.deciders], "nobody may"),
        "data": data(one),
        "application": view.application or "as the steps say",
        "database": view.database or "the policy says nothing of it",
        "configuration": view.configuration or "the policy says nothing of it",
        "command": one.command,
        "emergency": one.emergency,
        "steps": _listed([f"{step.unit}: {step.sentence}" for step in one.steps], "none can be told"),
        "validation": _listed(view.asked_again, "nothing"),
        "documents": _listed(view.written, "nothing"),
        "validated": one.validation,
        "problems": f"The target cannot go back: {one.refused}." if one.refused else "",
    }


def attempts(view: RollbackPlanView) -> str:
    """How often it may be taken back by itself, in words."""
    number = view.automatic_attempts
    if not number:
        return "never"
    return f"{'once' if number == 1 else f'{number} times'} at most; then a person decides"


def data(one: ComponentPlan) -> str:
    """Whether going back loses data, in words."""
    said = {False: "loses no data", True: "loses data", None: "nobody can tell whether it loses data"}[one.loses_data]
    return f"{said}: {one.because}" if one.because else said


def _decider(each: Decider) -> str:
    return f"{each.name} ({each.person}){''.join(f', {reach}' for reach in each.reach)}"


def _listed(lines: object, none: str) -> str:
    found = [str(line) for line in lines] if isinstance(lines, list | tuple) else []
    return "\n".join(f"- {line}" for line in found) if found else f"- {none}"
