"""Who asks may do what they ask, and is surely who they say."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.actor import Actor, Assurance
from tidegate.core.decision import Action
from tidegate.core.policy import Act, Environment, Permits, Policy, Purpose
from tidegate.core.rules.rule import ALWAYS, Context, Found, Rule, denies, names, passes

_ACT = {Action.START: Act.START, Action.CONTINUE: Act.START, Action.ROLLBACK: Act.ROLLBACK}


def permitted_people(policy: Policy, act: Act, environment: Environment | None) -> frozenset[str]:
    """Who may do ``act``: the people and the members of the groups that the permits list. Nobody by default."""
    listed: set[str] = set(_listed(policy.permits, act))
    if environment is not None:
        listed |= set(_listed(environment.permits, act))
    people = {i for i in listed if i in policy.people and not policy.people[i].disabled}
    for group in listed:
        people |= policy.people_of(group)
    return frozenset(people)


def minimum_assurance(environment: Environment) -> Assurance:
    """How sure we must be of who acts in ``environment``; for production a login at the least."""
    if environment.purpose is Purpose.PRODUCTION and not environment.assurance.at_least(Assurance.SESSION):
        return Assurance.SESSION
    return environment.assurance


def _listed(permits: Permits, act: Act) -> tuple[str, ...]:
    listed: tuple[str, ...] = getattr(permits, act.value)
    return listed


def _automation(context: Context, actor: Actor) -> Found:
    if context.question.action is Action.ROLLBACK and context.question.environment in context.policy.watch:
        return passes(RULE.id, f"the policy's watch of {context.question.environment} may take releases back")
    return denies(
        RULE.id,
        f"{actor.person} may not {context.question.action.value} in {context.question.environment} by itself",
        f"add a watch: for {context.question.environment} with roll_back_when, or let a person do it",
    )


def _check(context: Context) -> Iterator[Found]:
    question, actor = context.question, context.question.actor
    environment = context.environment
    if environment is None:
        return  # environment.known has said so; there is nobody to ask about
    if actor.is_automation:
        yield _automation(context, actor)
        return
    act = _ACT[question.action]
    people = permitted_people(context.policy, act, environment)
    if actor.person not in people:
        yield denies(
            RULE.id,
            f"{actor.person} may not {question.action.value} in {question.environment}",
            f"ask one of: {names(people)}; or list them under permits.{act.value}",
        )
        return
    minimum = minimum_assurance(environment)
    # Who continues is who started; their assurance was asked then and is stored with the start.
    if question.action is not Action.CONTINUE and not actor.assurance.at_least(minimum):
        yield denies(
            RULE.id,
            f"{actor.person} is only {actor.assurance.value} ({actor.via}); "
            f"{question.environment} asks for {minimum.value}",
            "sign the request with your SSH key: --key PATH",
        )
        return
    yield passes(RULE.id, f"{actor.person} may {question.action.value} in {question.environment}")


RULE = Rule(
    "actor.permitted", "Who asks may do what they ask, and is surely who they say.", "M1-14, M1-21, TP-07", ALWAYS, _check
)
