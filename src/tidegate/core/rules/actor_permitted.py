"""Who asks may do what they ask, and is surely who they say."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.actor import Actor, Assurance
from tidegate.core.decision import Action
from tidegate.core.policy import Act, Environment, Permits, Policy, Purpose
from tidegate.core.rules.rule import ALWAYS, Chapter, Context, Found, Rule, denies, passes
from tidegate.core.rules.saying import names

_ACT = {Action.START: Act.START, Action.CONTINUE: Act.START, Action.ROLLBACK: Act.ROLLBACK}
_WORDS = {Action.START: "start", Action.CONTINUE: "continue", Action.ROLLBACK: "roll back"}


def permitted_people(policy: Policy, act: Act, environment: Environment | None) -> frozenset[str]:
    """Who may do ``act``: the people and the members of the groups that the permits list. Nobody by default."""
    listed = listed_for(policy, act, environment)
    return frozenset(name for name in policy.people if _is_listed(policy, name, listed))


def whoever_may(policy: Policy, environment: str) -> Actor:
    """Somebody who may start there, taken as having signed, where nobody asks; where nobody may, nobody."""
    people = sorted(permitted_people(policy, Act.START, policy.environments.get(environment)))
    return Actor(people[0] if people else "nobody", "assumed to sign", Assurance.SIGNATURE)


def minimum_assurance(environment: Environment) -> Assurance:
    """How sure we must be of who acts in ``environment``; for production a login at the least."""
    if environment.purpose is Purpose.PRODUCTION and not environment.assurance.at_least(Assurance.SESSION):
        return Assurance.SESSION
    return environment.assurance


def listed_for(policy: Policy, act: Act, environment: Environment | None) -> frozenset[str]:
    """The people and groups that the permits list for ``act``, everywhere and in ``environment``."""
    own = _listed(environment.permits, act) if environment is not None else ()
    return frozenset(_listed(policy.permits, act) + own)


def _listed(permits: Permits, act: Act) -> tuple[str, ...]:
    listed: tuple[str, ...] = getattr(permits, act.value)
    return listed


def _is_listed(policy: Policy, name: str, listed: frozenset[str]) -> bool:
    person = policy.people.get(name)
    return person is not None and not person.disabled and (name in listed or not listed.isdisjoint(person.groups))


def _automation(context: Context) -> Found:
    where, action = context.question.environment, context.question.action
    if action is not Action.ROLLBACK:
        environment = context.environment
        if environment is not None and environment.promotion.automatic:
            return passes(RULE.id, f"the policy has Tidegate {_WORDS[action]} in {where} by itself")
        return denies(
            RULE.id,
            f"Tidegate may not {_WORDS[action]} in {where} by itself",
            f"let a person do it, or say so in the policy: environments.{where}.promotion.automatic: true",
        )
    if where in context.policy.watch:
        return passes(RULE.id, f"the watch of {where} may take releases back")
    return denies(
        RULE.id,
        f"Tidegate may not roll back in {where} by itself: nothing watches it",
        f"declare watch.{where}, or let a person roll back: tidegate rollback COMPONENT {where}",
    )


def _refused(context: Context, actor: Actor, act: Act, listed: frozenset[str]) -> Found:
    where, people = context.question.environment, context.policy.people
    what = f"{actor.person} may not {_WORDS[context.question.action]} in {where}"
    known = people.get(actor.person)
    if known is None:
        what += ": the policy knows no such person"
    elif known.disabled:
        what += ": disabled in the policy"
    may = names((name for name in people if _is_listed(context.policy, name, listed)), none="")
    remedy = f"ask one of: {may}" if may else f"nobody may: list people or groups under permits.{act.value}"
    return denies(RULE.id, what, remedy)


def _check(context: Context) -> Iterator[Found]:
    question, actor = context.question, context.question.actor
    environment = context.environment
    if environment is None:
        return  # environment.known has said so; there is nobody to ask about
    if actor.is_automation:
        yield _automation(context)
        return
    act = _ACT[question.action]
    listed = listed_for(context.policy, act, environment)
    if not _is_listed(context.policy, actor.person, listed):
        yield _refused(context, actor, act, listed)
        return
    minimum = minimum_assurance(environment)
    # Who continues is who started; their assurance was asked then and is stored with the start.
    if question.action is not Action.CONTINUE and not actor.assurance.at_least(minimum):
        yield denies(
            RULE.id,
            f"{actor.person} is only {actor.assurance.value} ({actor.via}); {question.environment} asks for "
            f"{minimum.value}",
            "sign it with your SSH key: --key PATH",
        )
        return
    yield passes(RULE.id, f"{actor.person} may {_WORDS[question.action]} in {question.environment}")


RULE = Rule(
    "actor.permitted",
    "Who asks may do what they ask, and is surely who they say.",
    "M1-14, M1-21, TP-07",
    ALWAYS,
    _check,
    chapter=Chapter.PEOPLE,
    keys=("environments.{environment}.permits", "environments.{environment}.promotion.automatic", "permits"),
)
