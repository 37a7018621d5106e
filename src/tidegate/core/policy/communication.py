"""Who is told what, when; and what is done, looked at, measured, reported and kept afterwards."""

import re
from enum import StrEnum
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from tidegate.core.duration import PositiveDuration
from tidegate.core.frequency import FrequencyText
from tidegate.core.limit import LimitText
from tidegate.core.policy.base import (
    EMPTY_IS_ALL,
    SAID,
    Identifier,
    Line,
    Names,
    OneOrMore,
    RelativePath,
    Section,
    Stricter,
    Text,
    exactly_one,
    matching,
)
from tidegate.core.span import Offset, SpanText

SCHEMES = ("file", "email", "slack", "webhook", "calendar", "github", "website", "dashboard")
"""The ways to reach people that a policy can name; which of them can deliver, the channels' registry says."""

SAYINGS = ("announced", "status", "released", "rolled-back")
"""The texts that every policy has."""

_CHANNEL = rf"(?:{'|'.join(SCHEMES)}):[^\x00-\x1f\x7f]+"
_WANTED = f"is not a channel; write one of {', '.join(SCHEMES)}, a colon, and where"

Channel = Annotated[str, matching(_CHANNEL, _WANTED, max_length=2000)]


def is_channel(text: str) -> bool:
    """Whether a text is an address over which a message can go, such as ``file:ONCALL.md``."""
    return re.fullmatch(_CHANNEL, text) is not None


_TO = rf"{_CHANNEL}|\$clients|[A-Za-z0-9][A-Za-z0-9._-]{{0,62}}"
To = Annotated[
    str, matching(_TO, "is neither a channel nor an audience; write slack:#releases, or a name", max_length=2000)
]
"""A channel, an audience, or ``$clients``: those whose sites are touched."""


class Occasion(StrEnum):
    """On what a message is due."""

    OPENED = "release.opened"
    PROGRESSED = "rollout.progressed"
    COMPLETED = "release.completed"
    ROLLED_BACK = "release.rolled_back"
    REJECTED = "release.rejected"
    SUPERSEDED = "release.superseded"
    TRAIN_BOARDED = "train.boarded"
    TRAIN_DEPARTED = "train.departed"
    TRAIN_MISSED = "train.missed"
    HELD = "hold.added"
    EMERGENCY = "emergency.declared"
    CALLED = "emergency.called"
    EMERGENCY_OVER = "emergency.ended"
    DEBT_DUE = "debt.due"
    DEBT_OVERDUE = "debt.overdue"
    UNDELIVERABLE = "message.undeliverable"
    INCIDENT_OPENED = "incident.opened"
    INCIDENT_CLOSED = "incident.closed"
    DRILL_CALLED = "drill.called"
    TASK_DUE = "task.due"
    TASK_OVERDUE = "task.overdue"


class OnUnknown(StrEnum):
    """What is done with a message of which nobody can tell whether it arrived."""

    RESEND = "resend"
    ASK = "ask"


class Delivery(Section):
    """How messages are delivered, and what is done when one is not."""

    on_unknown: OnUnknown | None = None
    """A connection broke after everything was sent: `resend` sends the message again, with the same id; `ask` waits
    for a person. Without it, what the receiver can recognise is sent again (mail, invitations, webhooks), and what
    would be read twice waits (Slack)."""
    attempts: Annotated[int, Field(ge=1, le=1000)] = 50
    """After how many attempts a message is given up; 50 take about ten hours."""
    escalate_to: Annotated[Identifier | None, Stricter.DEMANDS, Names("contact")] = None
    """The contact that is told of a message that was given up, besides those told on `message.undeliverable`."""


class Audience(Section):
    """Those who are told together."""

    title: Line
    """Who they are."""
    to: Annotated[tuple[Channel, ...], OneOrMore] = Field(default=())
    """Where they are reached."""
    groups: Annotated[tuple[Identifier, ...], Stricter.DEMANDS, Names("group")] = Field(default=())
    """The groups of people of this policy that belong to it: each person is reached by mail, the group by its
    contact."""


class Template(Section):
    """A text to be filled in."""

    title: Line | None = None
    """Its subject."""
    text: Annotated[str, Text(min_length=1, max_length=20_000)] | None = None
    """The text; `{component}`, `{version}`, `{type}`, `{date}` and a few more stand for those of the release.
    Nothing is evaluated."""
    path: RelativePath | None = None
    """The file with the text, in place of `text`: as it is at the commit that is released, 64 KiB at most."""


class Message(Section):
    """Something said over channels: on an occasion, or at a time counted from the release."""

    choices: ClassVar[tuple[str, ...]] = ("on", "at")

    on: Occasion | None = None
    """The occasion on which it is due."""
    at: Annotated[Offset | None, Stricter.LESS] = None
    """The time at which it is due, counted from the moment for which the release is planned: `-7d`, `+1d`. Whole days
    are civil days: seven days before Tuesday 10:00 is Tuesday 10:00."""
    to: Annotated[tuple[To, ...], OneOrMore, Stricter.DEMANDS, Names("audience")] = Field(min_length=1)
    """Where it goes: a channel such as `file:NOTICES.md` or `slack:#releases`, an audience, or `$clients`."""
    say: Annotated[Identifier, Names("text")]
    """Which text: `announced`, `status`, `released`, `rolled-back`, or one of `templates`."""
    types: Annotated[tuple[Identifier, ...], Stricter.REACH, Names("release type"), EMPTY_IS_ALL] = Field(default=())
    """The release types of which it is said; without it all."""
    acknowledge: Annotated[bool, Stricter.TRUE] = False
    """Whether those who are told must say that they have read it."""
    does: tuple[Line, ...] = Field(default=())
    """What else is done then, in words; shown with the notice, and kept in the record when it is sent."""

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        exactly_one({name: getattr(self, name) for name in self.choices})
        return self


class Meeting(Section):
    """People who meet, invited over the calendar."""

    title: Line
    """What for."""
    every: Annotated[FrequencyText, Stricter.LESS]
    """How often."""
    groups: Annotated[tuple[Identifier, ...], Stricter.DEMANDS, Names("group")] = Field(default=())
    """Who is invited."""


class Task(Section):
    """Something that is done after a release."""

    says: Line
    """What is done."""
    due: Annotated[SpanText, Stricter.LESS]
    """When, counted from the release: `0-24 hours`; due at the end of it."""
    by: Annotated[Identifier | None, Stricter.DEMANDS, Names("group")] = None
    """The group that does it."""
    types: Annotated[tuple[Identifier, ...], Stricter.REACH, Names("release type"), EMPTY_IS_ALL] = Field(default=())
    """The release types after which it is done; without it all."""


class Review(Section):
    """A look back: at one release, or at all of a time."""

    choices: ClassVar[tuple[str, ...]] = ("every", "after")

    title: Line
    """What is looked at."""
    every: Annotated[FrequencyText | None, Stricter.LESS] = None
    """How often, where it recurs."""
    after: Annotated[PositiveDuration | None, Stricter.LESS] = None
    """How long after each release, where it belongs to one."""
    by: Annotated[Identifier | None, Names("group")] = None
    """The group that does it."""
    looks_at: Annotated[tuple[Line, ...], Stricter.DEMANDS] = Field(default=())
    """What it looks at."""
    tracks_improvements: Annotated[bool, Stricter.TRUE] = False
    """Whether what it decides is followed to its end."""

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        exactly_one({name: getattr(self, name) for name in self.choices})
        return self


class Criterion(Section):
    """What makes a release a success; judged and recorded afterwards."""

    says: Line
    """What is the case."""
    by: Annotated[Identifier | None, Names("group")] = None
    """The group that judges it."""
    gate: Annotated[Identifier | None, Names("gate"), SAID] = None
    """The gate that judges it."""
    after: PositiveDuration | None = None
    """How long after the release it is judged; without it within 5 days."""


class Metric(StrEnum):
    """The figures that are computed from the log."""

    LEAD_TIME = "lead_time"
    CHANGE_LEAD_TIME = "change_lead_time"
    FEATURE_LEAD_TIME = "feature_lead_time"
    DEPLOYMENT_FREQUENCY = "deployment_frequency"
    CHANGE_FAILURE_RATE = "change_failure_rate"
    TIME_TO_RESTORE = "time_to_restore"
    SUCCESS_RATE = "success_rate"
    ROLLBACK_RATE = "rollback_rate"
    ROLLBACK_FREQUENCY = "rollback_frequency"
    ISSUE_RATE = "issue_rate"
    INCIDENT_RATE = "incident_rate"
    DEFECT_ESCAPE_RATE = "defect_escape_rate"
    DEPLOYMENT_TIME = "deployment_time"
    DOWNTIME = "downtime"
    RECOVERY_TIME = "recovery_time"
    TEST_TIME = "test_time"
    TEST_COVERAGE = "test_coverage"
    REVIEW_COVERAGE = "review_coverage"
    SCAN_PASS_RATE = "scan_pass_rate"  # noqa: S105  the name of a figure
    DOCUMENTATION_COVERAGE = "documentation_coverage"
    USER_SATISFACTION = "user_satisfaction"
    RESPONSE_TIME = "response_time"


class MetricTarget(Section):
    """What a figure is held against; its limit alone is enough."""

    shorthand: ClassVar[str] = "limit"

    limit: Annotated[LimitText, Stricter.LIMIT]
    """The limit: `< 24h`, `>= 80%`, `daily`; `undecided` where nobody has said which."""
    metric: Metric | None = None
    """The figure; without it the name of the target is one."""
    types: Annotated[tuple[Identifier, ...], Stricter.REACH, Names("release type"), EMPTY_IS_ALL] = Field(default=())
    """The release types that are counted; without it all."""
    title: Line | None = None
    """What is meant, in words."""


class Report(Section):
    """Figures that are sent round."""

    title: Line
    """What it is called."""
    every: Annotated[FrequencyText, Stricter.LESS]
    """How often."""
    to: Annotated[tuple[To, ...], OneOrMore, Stricter.DEMANDS, Names("audience")] = Field(min_length=1)
    """Who gets it."""
    contains: Annotated[tuple[Line, ...], Stricter.DEMANDS] = Field(default=())
    """What is in it: metrics by their name, or words."""


class Retention(Section):
    """How long what is recorded is kept, at least."""

    audit: Annotated[PositiveDuration | None, Stricter.MORE] = None
    """The audit log."""
    documents: Annotated[PositiveDuration | None, Stricter.MORE] = None
    """The documents of releases."""
    evidence: Annotated[PositiveDuration | None, Stricter.MORE] = None
    """Reports and other evidence."""


class Undecided(Section):
    """A point that the organisation has left open, and what holds until it decides."""

    what: Line
    """What is to be decided, in the words of its text."""
    default: Line
    """What holds meanwhile, in words."""
    at: tuple[Annotated[str, Text(min_length=1, max_length=400)], ...] = Field(default=())
    """Where the policy would say it, as dotted paths; a file that builds on this one and says it there decides it."""
    source: Line | None = None
    """Where in the text it is left open."""
