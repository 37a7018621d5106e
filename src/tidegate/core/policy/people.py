"""Who releases: people, groups with their duties, permits, approvals, training, contacts."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from tidegate.core.duration import PositiveDuration
from tidegate.core.frequency import FrequencyText
from tidegate.core.policy.base import (
    EMPTY_IS_ALL,
    SAID,
    Day,
    Email,
    GroupName,
    Identifier,
    Key,
    Line,
    Names,
    NamesKeys,
    OneOrMore,
    Section,
    Stricter,
)


class Person(Section):
    """Somebody who may act."""

    name: Line
    """The name that people read."""
    email: Email | None = None
    """Where mail reaches them, and how Git knows what they wrote."""
    groups: tuple[Identifier, ...] = Field(default=())
    """The groups they are in."""
    keys: tuple[Key, ...] = Field(default=())
    """The SSH public keys with which they sign, as in `id_ed25519.pub`. A key belongs to one person."""
    disabled: bool = False
    """Whether they no longer count: not as approvers, not by what they approved before."""
    trained: Annotated[Mapping[Identifier, Day], NamesKeys("training")] = Field(default_factory=dict)
    """The trainings they completed, each with its day."""


class Group(Section):
    """People who act together: a team, a role, a board. A group exists when it is declared or somebody is in it."""

    title: Line | None = None
    """What people call it."""
    duties: Annotated[tuple[Line, ...], SAID] = Field(default=())
    """What it is responsible for."""
    quorum: Annotated[Annotated[int, Field(ge=1, le=100)] | None, Stricter.MORE] = None
    """How many of its members a decision of the whole group needs: whoever asks the group asks so many at the least."""
    trainings: Annotated[tuple[Identifier, ...], Stricter.DEMANDS, Names("training")] = Field(default=())
    """The trainings without which its members may not act."""
    delegates: Annotated[tuple[Identifier, ...], Stricter.GRANTS, Names("group")] = Field(default=())
    """The groups to whose members a member may hand their voice for a time; without it nobody may."""
    contact: Annotated[Identifier | None, Names("contact")] = None
    """The contact by which it is reached."""


class Act(StrEnum):
    """What a person may be permitted to do."""

    OPEN = "open"
    START = "start"
    ROLLBACK = "rollback"
    HOLD = "hold"
    ADOPT = "adopt"


class Training(Section):
    """Something that people must have learned before they may do something."""

    title: Line
    """What is taught."""
    before: Annotated[tuple[Act, ...], Stricter.DEMANDS] = Field(default=())
    """What nobody may do without it."""
    groups: Annotated[tuple[Identifier, ...], Stricter.REACH, Names("group"), EMPTY_IS_ALL] = Field(default=())
    """Who takes it; without it everybody who may do what it is asked `before`."""
    again: Annotated[PositiveDuration | None, Stricter.LESS] = None
    """After how long it must be taken again."""
    form: Line | None = None
    """How it is given, such as a workshop."""
    every: Annotated[FrequencyText | None, Stricter.LESS, SAID] = None
    """How often it is given."""


class Escalation(Section):
    """Whom to call when nobody has answered."""

    after: PositiveDuration
    """How long to wait for an answer."""
    to: Annotated[Identifier, Names("contact")]
    """The contact to call then."""


class Contact(Section):
    """Somebody to call: a team, a vendor, a page of help."""

    title: Line
    """Who is called."""
    reach: Line
    """How: a channel or a mail address, which Tidegate tells; or a number or a page, for people. Of these it writes to
    the people of the group."""
    group: Annotated[Identifier | None, Names("group")] = None
    """The group behind it."""
    acknowledges: Annotated[PositiveDuration | None, Stricter.LESS] = None
    """Within how long a call is acknowledged."""
    escalation: tuple[Escalation, ...] = Field(default=())
    """Whom to call when it is not."""


class Permits(Section):
    """Who may do what, as groups or people. What is not listed is nobody's."""

    open: Annotated[tuple[Identifier, ...], Stricter.GRANTS, Names("person or group")] = Field(default=())
    """Who may open, rebase and cancel releases."""
    start: Annotated[tuple[Identifier, ...], Stricter.GRANTS, Names("person or group")] = Field(default=())
    """Who may start a rollout, once the policy allows it."""
    rollback: Annotated[tuple[Identifier, ...], Stricter.GRANTS, Names("person or group")] = Field(default=())
    """Who may roll back."""
    hold: Annotated[tuple[Identifier, ...], Stricter.GRANTS, Names("person or group")] = Field(default=())
    """Who may stop the line, and lift what stops it."""
    adopt: Annotated[tuple[Identifier, ...], Stricter.GRANTS, Names("person or group")] = Field(default=())
    """Who may adopt a policy, and what runs today as a version."""


class Hand(StrEnum):
    """How somebody has a hand in what is released."""

    AUTHOR = "author"
    CO_AUTHOR = "co-author"
    COMMITTER = "committer"
    LAST_COMMITTER = "last-committer"
    REQUESTER = "requester"
    DEPLOYER = "deployer"


class ApprovalRule(Section):
    """So many different people of one group say yes. Who has a hand in what is released does not count."""

    group: Annotated[GroupName, Names("group")] = Field(alias="from")
    """The group; `$owners` is the group that owns the component."""
    count: Annotated[Annotated[int, Field(ge=1, le=100)], Stricter.MORE] = 1
    """How many people."""
    role: Identifier | None = Field(default=None, alias="as")
    """What they approve as, where one group approves in several roles."""
    author_may: Annotated[bool, Stricter.FALSE] = False
    """Whether who wrote what is released counts too."""
    separation: Annotated[tuple[Hand, ...], Stricter.DEMANDS] = Field(default=())
    """Who does not count here either, besides those of `separation` of the policy."""
    types: Annotated[tuple[Identifier, ...], Stricter.REACH, Names("release type"), EMPTY_IS_ALL] = Field(default=())
    """The release types of which it is asked; without it all."""
    after: Annotated[tuple[GroupName, ...], OneOrMore, Stricter.DEMANDS] = Field(default=())
    """The approvals, by role or else by group, that must be complete before; an answer given earlier does not count."""
    lasts: Annotated[PositiveDuration | None, Stricter.LESS] = None
    """How long an answer counts; without it until something changes."""
    minutes: Annotated[bool, Stricter.TRUE] = False
    """Whether it counts only with the minutes of a meeting of the group that approved this release as it is."""


class Adoption(Section):
    """What a change of this policy asks for, as a release asks for approvals."""

    approvals: Annotated[tuple[ApprovalRule, ...], Stricter.DEMANDS] = Field(default=())
    """Who must approve the proposal, by its digest; who proposes or adopts it does not count. Never `$owners`."""
