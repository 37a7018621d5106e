"""People and duties, training, contacts and emergencies."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.actor import Assurance
from tidegate.core.policy import Bypass, Contact, Person, Policy, Training
from tidegate.core.ssh_key import read_public_key
from tidegate.errors import UsageError
from tidegate.views.explain.model import Item, Topic, listing, paragraph, topic
from tidegate.views.explain.names import BRIEFLY, HANDS, Names
from tidegate.views.explain.not_yet import not_yet, of_roots
from tidegate.views.explain.words import (
    all_of,
    any_of,
    code,
    counted,
    dot,
    frequency,
    length,
    semicolons,
    upper,
    weekday,
)

ASSURED = {
    Assurance.ASSERTED: "say who they are",
    Assurance.TOKEN: "come with a token",
    Assurance.SESSION: "be logged in",
    Assurance.PASSKEY: "log in with a passkey",
    Assurance.SIGNATURE: "sign with their key",
}
"""What a person must do at least, by how sure we must be of them."""


def people_topic(policy: Policy, names: Names) -> Topic:
    """Who they are, what they are responsible for, and what they may do."""
    return topic(
        "people",
        "People and duties",
        (
            listing("These groups act together:", (_group(policy, names, name) for name in _groups(policy))),
            listing("These people may act:", (_person(names, name, who) for name, who in policy.people.items())),
            paragraph(*names.permitted(policy.permits, "", complete=bool(policy.environments or policy.people))),
            paragraph(_separation(policy), _veto(policy, names)),
            paragraph(_assurance(policy), _adoption(policy, names)),
        ),
        not_yet=not_yet(of_roots(policy, "people", "groups", "permits", "adoption")),
    )


def _separation(policy: Policy) -> str:
    who = any_of(HANDS[hand] for hand in policy.separation)
    return f"{upper(who)} does not approve a release." if who else "Whoever wrote a release may approve it."


def _veto(policy: Policy, names: Names) -> str:
    if not policy.veto:
        return "The no of anybody stops a release, until it is taken back or something changes."
    return (
        f"Only the no of somebody of {any_of(map(names.group, policy.veto))} stops a release, until it is taken back."
    )


def _groups(policy: Policy) -> list[str]:
    inside = (group for person in policy.people.values() for group in person.groups)
    return list(dict.fromkeys([*policy.groups, *inside]))


def _group(policy: Policy, names: Names, name: str) -> Item:
    group = policy.groups.get(name)
    said = [dot(upper(names.who(name)))]
    if group and group.duties:
        said.append(f"Responsible for: {dot(semicolons(group.duties))}")
    if group and group.quorum:
        people = counted(group.quorum, "member", "members")
        said.append(f"A decision of the whole group needs {people}.")
    if group and group.trainings:
        said.append(
            f"Nobody acts for it without the training {any_of(f'“{names.training(t)}”' for t in group.trainings)}."
        )
    if group and group.delegates:
        said.append(f"Its members may hand their voice for a time to {any_of(map(names.group, group.delegates))}.")
    if group and group.contact:
        said.append(f"It is reached by way of {names.contact(group.contact)}.")
    return Item(" ".join(said), names.heading(policy.groups, name), name)


def _person(names: Names, name: str, person: Person) -> Item:
    said = [f"reached at {person.email}"] if person.email else []
    if person.groups:
        said.append(f"in {all_of(map(names.group, person.groups))}")
    if person.keys:
        said.append(f"signs with the key{'' if len(person.keys) == 1 else 's'} {all_of(map(_key, person.keys))}")
    said += [f"completed “{names.training(t)}” on {weekday(day)}" for t, day in person.trained.items()]
    if person.disabled:
        said.append("does not count any more, neither as an approver nor by what they approved before")
    return Item(dot(upper("; ".join(said))) if said else "In no group.", person.name, name)


def _key(line: str) -> str:
    """A key as people compare it: by its fingerprint."""
    try:
        return code(read_public_key(line).fingerprint)
    except UsageError:
        return code(line)


def _assurance(policy: Policy) -> str:
    return f"Whoever adopts a policy or stops the line must at least {ASSURED[policy.assurance]}."


def _adoption(policy: Policy, names: Names) -> str:
    rules = policy.adoption.approvals
    if not rules:
        return "A change of this policy asks for no approval besides the right to adopt it."
    plural = len(rules) > 1 or rules[0].count > 1
    who = "; and by ".join(map(names.approval, rules))
    return (
        f"A change of this policy is approved by {who}. Who adopts it does not count{' among them' if plural else ''}."
    )


def training_topic(policy: Policy, names: Names) -> Topic:
    """What people must have learned."""
    return topic(
        "training",
        "Training",
        (listing("People learn before they act:", (_training(names, n, t) for n, t in policy.trainings.items())),),
        not_yet=not_yet(of_roots(policy, "trainings")),
    )


def _training(names: Names, name: str, training: Training) -> Item:
    said = []
    if training.before:
        said.append(f"Nobody may {any_of(BRIEFLY[act] for act in training.before)} without it.")
    if training.groups:
        said.append(f"It is taken by {all_of(map(names.group, training.groups))}.")
    elif training.before:
        said.append("It is taken by everybody who may do so.")
    if training.again:
        said.append(f"It is taken again after {length(training.again)}.")
    if training.form:
        said.append(f"It is given as: {dot(training.form)}")
    if training.every:
        said.append(f"It is given {frequency(training.every)}.")
    return Item(" ".join(said) or "Nothing depends on it.", training.title, name)


def emergency_topic(policy: Policy, names: Names) -> Topic:
    """What is done when something critical happens, and whom to call."""
    plan = policy.emergency
    return topic(
        "emergency",
        "Contacts and emergency",
        (
            paragraph(*_emergency(policy, names)),
            listing("When something critical happens, in this order:", plan.steps, ordered=True),
            listing("Whom to call:", (_contact(names, n, c) for n, c in policy.contacts.items())),
        ),
        not_yet=not_yet(of_roots(policy, "emergency", "contacts")),
    )


def _emergency(policy: Policy, names: Names) -> Iterator[str]:
    plan = policy.emergency
    if plan.types:
        yield f"Emergency releases are {names.types(plan.types)}: each needs an emergency that was declared."
    if plan.declared_by:
        yield f"An emergency may be declared, and ended, by {all_of(map(names.anybody, plan.declared_by))}."
    if plan.types or plan.declared_by:
        yield f"It is in force for {length(plan.lasts)}, unless it is ended before."
    if plan.bypasses:
        what = all_of(_BYPASSED[one] for one in sorted(plan.bypasses))
        yield f"While it is, an emergency release goes without {what}."
    if plan.acknowledge_within:
        yield f"An emergency is acknowledged within {length(plan.acknowledge_within)}."
    if plan.call:
        later = ", one after the other until somebody acknowledges" if len(plan.call) > 1 else ""
        yield f"In an emergency, these are called{later}: {all_of(map(names.contact, plan.call))}."
    if plan.post_mortem is not None:
        yield f"Its post-mortem is written within {length(plan.post_mortem)} after its end."


_BYPASSED = {
    Bypass.GATES: "the gates of the environment",
    Bypass.APPROVALS: "the approvals of the environment",
    Bypass.AFTER: "the environments that come before",
}


def _contact(names: Names, name: str, contact: Contact) -> Item:
    said = [dot(contact.reach)]
    if contact.group:
        said.append(f"Behind it is {names.group(contact.group)}.")
    if contact.acknowledges:
        said.append(f"A call is acknowledged within {length(contact.acknowledges)}.")
    said += [
        f"When nobody has answered after {length(step.after)}, call {names.contact(step.to)}."
        for step in contact.escalation
    ]
    return Item(" ".join(said), contact.title, name)
