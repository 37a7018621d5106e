"""Who is told what, when: the communication in the order of time, audiences, texts, meetings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from tidegate.core.policy import SAYINGS, Audience, Message, Occasion, OnUnknown, Policy, Template
from tidegate.views.explain.model import Item, Paragraph, Topic, listing, paragraph, tabled, topic
from tidegate.views.explain.names import Names
from tidegate.views.explain.not_yet import not_yet, of_roots
from tidegate.views.explain.words import (
    all_of,
    code,
    codes,
    dot,
    frequency,
    lowered,
    mark,
    number,
    plain,
    semicolons,
    upper,
)

OCCASIONS = {
    Occasion.OPENED: "When a release is opened",
    Occasion.PROGRESSED: "While it rolls out",
    Occasion.COMPLETED: "When it is released",
    Occasion.ROLLED_BACK: "When it is taken back",
    Occasion.REJECTED: "When somebody rejects it",
    Occasion.SUPERSEDED: "When a newer release takes its place",
    Occasion.TRAIN_BOARDED: "When a train has opened its releases",
    Occasion.TRAIN_DEPARTED: "When a train departs",
    Occasion.TRAIN_MISSED: "When a departure passed while nobody looked",
    Occasion.HELD: "When the line is stopped",
    Occasion.EMERGENCY: "When an emergency is declared",
    Occasion.CALLED: "When somebody is called in an emergency",
    Occasion.EMERGENCY_OVER: "When an emergency is over",
    Occasion.DEBT_DUE: "When something is soon due afterwards",
    Occasion.DEBT_OVERDUE: "When something afterwards is overdue",
    Occasion.UNDELIVERABLE: "When a message cannot be delivered",
    Occasion.INCIDENT_OPENED: "When an incident is opened",
    Occasion.INCIDENT_CLOSED: "When an incident is closed",
    Occasion.DRILL_CALLED: "When somebody is called in an exercise",
    Occasion.TASK_DUE: "When a task, a review or a judgement is soon due",
    Occasion.TASK_OVERDUE: "When a task, a review or a judgement is overdue",
}


def messages_topic(policy: Policy, names: Names) -> Topic:
    """The communication."""
    templates = policy.templates.items()
    return topic(
        "communication",
        "Communication",
        (
            timeline_table(names, policy.communication),
            paragraph(*_delivery(names, policy)),
            listing("The audiences:", (Item(_audience(names, a), a.title, n) for n, a in policy.audiences.items())),
            listing("Those who meet:", (_meeting(policy, names, name) for name in policy.meetings)),
        ),
        topics=(_template(name, template) for name, template in templates),
        not_yet=not_yet(of_roots(policy, "communication", "delivery", "audiences", "templates", "meetings")),
    )


def _delivery(names: Names, policy: Policy) -> Iterator[str]:
    """How messages are delivered, where the policy says so."""
    said = policy.delivery
    if "delivery" not in policy.model_fields_set:
        return
    yield f"A message is given up after {number(said.attempts)} attempts; people then see it in `tidegate status`."
    if said.on_unknown is not None:
        yield _ON_UNKNOWN[said.on_unknown]
    if said.escalate_to is not None:
        yield f"{upper(names.contact(said.escalate_to))} is told of it."


_ON_UNKNOWN = {
    OnUnknown.RESEND: "A message of which nobody can tell whether it arrived is sent again, with the same id.",
    OnUnknown.ASK: "A message of which nobody can tell whether it arrived waits for a person.",
}


def timeline_table(names: Names, messages: Iterable[Message]) -> Paragraph | None:
    """Messages in the order of time, those on an occasion after those at a time."""
    return tabled(
        "In the order of time; T is the moment at which the release goes:",
        ("When", "What", "To", "Also"),
        (_row(names, message) for message in _sorted(messages)),
    )


def messages_sentence(messages: Iterable[Message]) -> str:
    """When messages go out, in one breath; empty where none does."""
    said: dict[str, list[str]] = {}
    for message in _sorted(messages):
        when = _when(message)
        said.setdefault(lowered(when) if message.on else when, []).append(plain(message.say))
    moments = (f"{when} ({all_of(dict.fromkeys(texts))})" for when, texts in said.items())
    return f"Messages go out: {', '.join(moments)}." if said else ""


def _sorted(messages: Iterable[Message]) -> list[Message]:
    return sorted(messages, key=_order)


def _order(message: Message) -> tuple[bool, timedelta, int]:
    occasion = list(Occasion).index(message.on) if message.on else -1
    return (message.at is None, message.at or timedelta(0), occasion)


def _row(names: Names, message: Message) -> tuple[str, ...]:
    also = [dot(upper(semicolons(message.does)))] if message.does else []
    also += [f"Of {names.types(message.types)} only."] if message.types else []
    also += ["Who is told must say that they have read it."] if message.acknowledge else []
    return (_when(message), upper(plain(message.say)), all_of(map(names.audience, message.to)), " ".join(also))


def _when(message: Message) -> str:
    return mark(message.at) if message.at is not None else OCCASIONS[message.on or Occasion.OPENED]


def messages_for(policy: Policy, release_type: str) -> list[Message]:
    """The messages of a release type."""
    return [m for m in policy.communication if not m.types or release_type in m.types]


def _audience(names: Names, audience: Audience) -> str:
    reached = f"Reached at {codes(audience.to)}." if audience.to else ""
    groups = f"It includes {all_of(map(names.group, audience.groups))}." if audience.groups else ""
    return " ".join(filter(None, (reached, groups))) or "Reached nowhere."


def _meeting(policy: Policy, names: Names, name: str) -> Item:
    meeting = policy.meetings[name]
    invited = f"; invited: {all_of(map(names.group, meeting.groups))}" if meeting.groups else ""
    return Item(f"{upper(frequency(meeting.every))}{invited}.", meeting.title, name)


def _template(name: str, template: Template) -> Topic:
    own = " It is one of the texts that every policy has." if name in SAYINGS else ""
    where = f" It is in the file {code(template.path)}." if template.path else ""
    lead = f"{dot(f'The text {code(name)}')}{own}{where}"
    text = Paragraph(quote=template.text) if template.text else None
    return topic(f"template-{name}", template.title or upper(plain(name)), (paragraph(lead), text), key=name)


def happenings(messages: Iterable[Message]) -> Iterator[tuple[timedelta, str]]:
    """Messages at a time, for the picture."""
    for message in messages:
        if message.at is not None:
            yield message.at, upper(plain(message.say))
