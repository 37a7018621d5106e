"""An emergency release goes by an emergency that was declared, and its starter signs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from shlex import quote

from tidegate.core.actor import Assurance
from tidegate.core.emergency import Emergency, declarers, is_emergency_type
from tidegate.core.policy import Bypass
from tidegate.core.rules.demands import bypasses, emergency_of, is_asked_of_type, is_production
from tidegate.core.rules.rule import START, Chapter, Context, Found, Rule, Waiting, denies, passes
from tidegate.core.rules.saying import askable, at, names

_DECLARED, _SIGNED, _SKIPS = "emergency.declared", "emergency.signed", "emergency.skips"


def _components(context: Context) -> list[str]:
    return sorted(item.component for item in context.facts.release.items)


def _why_not(context: Context, one: Emergency) -> str:
    """Why an emergency is not the one by which this release goes."""
    if one.invalid:
        return f"{one.id} does not count: {one.invalid}"
    if one.ended_at is not None:
        return f"{one.id} is over"
    if one.declared_at > context.now:
        return f"{one.id} says it was declared in the future"
    if one.expires_at <= context.now:
        return f"{one.id} was in force until {at(context, one.expires_at)}"
    if not one.covers(_components(context)):
        return f"{one.id} is of {names(one.components)} alone"
    return f'{one.id} is for "{one.criterion}"'


def _undeclared(context: Context) -> Found:
    kind, release = context.type, context.facts.release
    known = sorted(context.facts.emergencies, key=lambda one: (one.declared_at, one.id))
    why = f" ({'; '.join(_why_not(context, one) for one in known)})" if known else ""
    criteria = kind.criteria if kind else ()
    if not criteria:
        return denies(
            _DECLARED,
            f"no emergency can be declared for {release.type} releases: their type has no criteria",
            f"say what they are for: release_types.{release.type}.criteria",
        )
    criterion = release.criterion if release.criterion in criteria else criteria[0]
    command = (
        f"tidegate emergency declare --incident ID --reason TEXT --criterion {quote(criterion)} "
        f"--components {','.join(_components(context))}"
    )
    people = declarers(context.policy)
    who = f", by {askable(people, 1, 'emergency.declared_by')}" if people else ""
    nobody = "" if people else "; nobody may: list people or groups under emergency.declared_by"
    return denies(
        _DECLARED,
        f"no emergency in force that {release.type} releases of {names(_components(context))} go by{why}",
        f"{command}{who}{nobody}",
        [one.id for one in known],
    )


def _declared(context: Context, one: Emergency) -> Waiting:
    # In force until then, and after it no more: what is waited for beyond that needs another declaration.
    said = f"{one.declared_by} declared {one.id} for {one.incident}: {one.criterion}; {one.reason}"
    return Waiting(
        _DECLARED,
        lambda moment: moment if moment < one.expires_at else None,
        lambda opens: f"{one.id} is in force until {at(context, one.expires_at)}",
        lambda: f"{said}; in force until {at(context, one.expires_at)}",
    )


def _signed(context: Context) -> Found:
    actor = context.question.actor
    if actor.assurance.at_least(Assurance.PASSKEY):
        return passes(_SIGNED, f"{actor.person} has signed")
    return denies(
        _SIGNED,
        f"{actor.person} is only {actor.assurance.value}; an emergency release is started with a signature, whatever "
        f"{context.question.environment} asks",
        "sign it with your SSH key: --key PATH",
    )


def skipped(context: Context) -> list[str]:
    """What the release goes without that others need, in words; time rules first."""
    kind, environment = context.type, context.environment
    found = [one.value for one in sorted(kind.skips)] if kind else []
    if environment is None:
        return found
    where = context.question.environment
    if bypasses(context, Bypass.AFTER):
        found += [f"{after.environment} before {where}" for after in environment.after]
    if bypasses(context, Bypass.GATES):
        own = kind.gates if kind and is_production(context) else ()
        asked = [gate for gate in environment.gates if gate not in own and is_asked_of_type(context, gate)]
        found += [f"the gate {gate} of {where}" for gate in asked]
    if bypasses(context, Bypass.APPROVALS):
        type_ = context.facts.release.type
        found += [
            f"{rule.count} from {rule.group} for {where}"
            for rule in environment.approvals
            if not rule.types or type_ in rule.types
        ]
    return found


def _check(context: Context) -> Iterator[Found]:
    if not is_emergency_type(context.policy, context.facts.release.type):
        return
    one = emergency_of(context)
    if one is None:
        yield _undeclared(context)
    else:
        yield _declared(context, one)
        without = skipped(context)
        said = f"goes without: {', '.join(without)}" if without else "goes without nothing"
        yield replace(passes(_SKIPS, said, [one.id]), notable=True)
    if not context.question.actor.is_automation:
        yield _signed(context)


RULE = Rule(
    "emergency",
    "An emergency release goes by an emergency that was declared for one of its criteria, and its starter signs.",
    "7D-02, M1-15, HD-12",
    START,
    _check,
    since=3,
    chapter=Chapter.CHANGE,
    keys=("emergency", "release_types.{type}.criteria"),
)
