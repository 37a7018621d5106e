"""What a file of cases may say: the models are its schema, as those of the policy are the policy's.

A case gives facts, a moment and a question, and says what is expected of the answer. What it does not say is not
known: no evidence, no approval, no announcement. The texts below the fields are their entries in the reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, model_validator

from tidegate.core.actor import Assurance
from tidegate.core.approval import Answer
from tidegate.core.change_request import ChangeState
from tidegate.core.debt import DebtKind
from tidegate.core.decision import Action
from tidegate.core.migration.hazard import Danger
from tidegate.core.policy.base import MAX_ENTRIES, Identifier, Line, OneOrMore, RelativePath, Section, Short
from tidegate.core.policytest.times import At, When, WhenOrNever
from tidegate.core.release import ReleaseState
from tidegate.core.subject import Part
from tidegate.core.verdict import Verdict

FORMAT = 1
"""The version of the language of cases: the value of the key ``tidegate-tests``."""


def alone_too(schema: dict[str, Any]) -> None:
    """Let editors know that one entry may stand for a list of one."""
    listed = {key: schema.pop(key) for key in ("type", "items")}
    schema["anyOf"] = [listed["items"], listed]


class Parts(Section):
    """What a subject is made of, each part by a name of your own: another name is another content."""

    shorthand: ClassVar[str] = "every"

    every: Short | None = None
    """All parts that are not named by themselves. A text alone means this."""
    source: Short | None = None
    """The source."""
    artifacts: Short | None = None
    """What is built from it."""
    migrations: Short | None = None
    """Its database migrations."""
    configuration: Short | None = None
    """Its configuration, in every environment."""
    targets: Short | None = None
    """The settings of its targets, in every environment."""


class GivenItem(Section):
    """One component of a release of several."""

    component: Identifier
    """Which."""
    version: Short | None = None
    """The version that is released; without it `1.1.0`."""
    from_version: Short | None = Field(default=None, alias="from")
    """The version before it; without it `1.0.0`."""
    changes: tuple[Short, ...] = Field(default=(), max_length=MAX_ENTRIES)
    """What is new, each as a commit's title: `feat`, `fix`, `feat!`, `fix(tax): round half up`."""
    authors: tuple[Identifier, ...] = Field(default=(), max_length=MAX_ENTRIES)
    """The people who wrote what is new."""
    comes_from: tuple[Short, ...] | None = Field(default=None, max_length=MAX_ENTRIES)
    """From which branches, or `tag`, its commit comes, of those that `deploy_from` names; without it nobody has looked.
    """
    content: When | None = None
    """When its content last changed; without it at the moment of the case."""
    parts: Parts | None = None
    """What it is made of, where that matters."""
    unbuilt: tuple[Short, ...] = Field(default=(), max_length=MAX_ENTRIES)
    """The artifacts, by name, that are not built yet; without it all that the policy declares are built and pushed."""
    migrates: Literal["yes", "no", "unknown"] | None = None
    """Whether it changes migrations; without it nobody has looked."""
    endangers: tuple[Danger, ...] | None = Field(default=None, max_length=MAX_ENTRIES)
    """What its migrations endanger in the database, one of each; with an empty list nothing, without it nobody has
    looked."""


class GivenRelease(Section):
    """The release that is asked about."""

    type: Identifier | None = None
    """Its release type."""
    template: Identifier | None = None
    """The release template that it was opened from; without it none."""
    component: Identifier | None = None
    """The component that it releases; of several, write `items` instead."""
    version: Short | None = None
    """The version that is released; without it `1.1.0`."""
    from_version: Short | None = Field(default=None, alias="from")
    """The version before it; without it `1.0.0`."""
    changes: tuple[Short, ...] = Field(default=(), max_length=MAX_ENTRIES)
    """What is new, each as a commit's title: `feat`, `fix`, `feat!`, `fix(tax): round half up`."""
    authors: tuple[Identifier, ...] = Field(default=(), max_length=MAX_ENTRIES)
    """The people who wrote what is new."""
    comes_from: tuple[Short, ...] | None = Field(default=None, max_length=MAX_ENTRIES)
    """From which branches, or `tag`, its commit comes, of those that `deploy_from` names; without it nobody has looked.
    """
    content: When | None = None
    """When its content last changed; without it at the moment of the case."""
    announced: WhenOrNever | None = None
    """When its announcement was delivered; without it, and with `never`, it was not."""
    parts: Parts | None = None
    """What it is made of, where that matters."""
    unbuilt: tuple[Short, ...] = Field(default=(), max_length=MAX_ENTRIES)
    """The artifacts, by name, that are not built yet; without it all that the policy declares are built and pushed."""
    migrates: Literal["yes", "no", "unknown"] | None = None
    """Whether it changes migrations; without it nobody has looked."""
    endangers: tuple[Danger, ...] | None = Field(default=None, max_length=MAX_ENTRIES)
    """What its migrations endanger in the database, one of each; with an empty list nothing, without it nobody has
    looked."""
    items: tuple[GivenItem, ...] = Field(default=(), max_length=MAX_ENTRIES)
    """Its components, where it has several."""
    state: ReleaseState | None = None
    """Where it stands; without it where the question supposes it."""
    id: Identifier | None = None
    """What it is called; without it the component and the version."""
    opened: When | None = None
    """When it was opened; without it at the moment of the case."""
    opened_by: Identifier | None = None
    """Who opened it."""
    planned: When | None = None
    """For when it is planned; without it nobody has said."""
    reason: Line | None = None
    """Why there is this release."""
    criterion: Line | None = None
    """Which of the criteria of its type it meets."""
    downtime: bool | None = None
    """Whether its systems stand still meanwhile; without it nobody has said."""


class Piece(Section):
    """What one report says. Keys that are not listed here are the fields of its kind, such as `failed: 0`.

    A field that is not written is one that the report does not give.
    """

    model_config = ConfigDict(
        extra="allow",
        frozen=True,
        strict=True,
        defer_build=True,
        json_schema_extra={"additionalProperties": {"type": ["number", "boolean", "string"]}},
    )

    shorthand: ClassVar[str] = "there"

    there: Literal["none"] | None = None
    """`none`: there is no such report, whatever the facts before say. A text alone means this."""
    kind: Identifier | None = None
    """The kind of evidence, where the entry is called neither as a gate nor as a kind."""
    source: Short | None = None
    """What tells reports of one kind apart; without it the source that the gate asks for, or else the entry's name."""
    component: Identifier | None = None
    """Of which component; without it one of each component of the release."""
    environment: Identifier | None = None
    """Where it holds; without it everywhere."""
    taken: When | None = None
    """When it was taken; without it at the moment of the case."""
    added: When | None = None
    """When it was added; without it when it was taken."""
    by: Identifier | None = None
    """Who added it."""
    of: Parts | None = None
    """What it is of, where that is not the subject as it is: `of: another subject`."""
    binds: tuple[Part, ...] | None = Field(default=None)
    """The parts that it says it is of; without it those of its kind."""


class GivenApproval(Section):
    """One person's answer. A name alone is that person's yes, signed, to the subject as it is."""

    shorthand: ClassVar[str] = "by"

    by: Identifier
    """Who answers."""
    answer: Answer = Answer.APPROVE
    """What they say."""
    role: Identifier | None = Field(default=None, alias="as")
    """The role in which they answer."""
    environment: Identifier | None = Field(default=None, alias="for")
    """For which environment; without it the one that is asked about."""
    at: When | None = None
    """When; without it at the moment of the case."""
    of: Parts | None = None
    """What they answered, where that is not the subject as it is: `of: another subject`."""
    revoked: When | None = None
    """When they took it back."""
    assurance: Assurance = Assurance.SIGNATURE
    """How sure we are that it is they."""
    via: Short = "ssh"
    """The way they came."""
    key: Short | None = None
    """The fingerprint of the key with which they signed."""
    invalid: Line | None = None
    """Why their signature does not hold any more."""


class GivenDocument(Section):
    """A document as it is found. A word alone says how it is."""

    shorthand: ClassVar[str] = "state"

    state: Literal["there", "none", "empty", "unedited"] = "there"
    """`there`: filled in, with all headings that the policy asks for; `unedited`: it is its template."""
    lacks: tuple[Line, ...] = Field(default=(), max_length=MAX_ENTRIES)
    """The headings that it does not have."""
    hollow: tuple[Line, ...] = Field(default=(), max_length=MAX_ENTRIES)
    """The headings below which nothing stands."""
    reviewed: tuple[Identifier, ...] = Field(default=(), max_length=MAX_ENTRIES)
    """The people who reviewed it as it is."""


class GivenTick(Section):
    """A tick. A text alone is the checklist, or one point of it: `pre-release`, `pre-release/documentation`."""

    shorthand: ClassVar[str] = "point"

    point: Short
    """The checklist, for all its points that people tick, or one point of it."""
    by: Identifier | None = None
    """Who ticks it; without it somebody who may."""
    not_needed: bool = False
    """Whether they say that it need not be done."""
    reason: Line | None = None
    """Why."""
    at: When | None = None
    """When; without it at the moment of the case."""
    of: Parts | None = None
    """What they looked at, where that is not the subject as it is: `of: another subject`."""
    revoked: When | None = None
    """When it was taken back."""


class GivenWaiver(Section):
    """Somebody asks that a gate be passed that does not pass."""

    gate: Identifier
    """Which gate."""
    by: Identifier
    """Who asks."""
    agreed: tuple[Identifier, ...] = Field(default=(), max_length=MAX_ENTRIES)
    """Who agreed."""
    until: When
    """Until when it would hold."""
    asked: When | None = None
    """When it was asked for; without it at the moment of the case."""
    reason: Line = "a reason"
    """Why."""
    of: Parts | None = None
    """Of what, where that is not the subject as it is: `of: another subject`."""


class GivenMinutes(Section):
    """The minutes of a meeting about the release, for the environment that is asked about."""

    of: Identifier
    """The group that met."""
    attended: tuple[Identifier, ...] = Field(default=(), max_length=MAX_ENTRIES)
    """Who of it was there; without it all of its people."""
    approved: bool = True
    """Whether it was approved."""
    at: When | None = None
    """When they met; without it at the moment of the case."""


class Stay(Section):
    """A subject that was found good in an environment. A time alone is that of the subject as it is."""

    shorthand: ClassVar[str] = "at"

    at: WhenOrNever
    """When it was found good there; `never`: it was not, whatever the facts before say."""
    component: Identifier | None = None
    """Of which component; without it of each component of the release."""
    version: Short | None = None
    """Its version; without it the one that is released."""
    of: Parts | None = None
    """Which subject, where that is not the subject as it is: `of: another subject`."""


class GivenRunning(Section):
    """What runs of a component where it is asked about. A version alone is that."""

    shorthand: ClassVar[str] = "version"

    version: Short
    """Its version; `none`: it is known that there is none."""
    requires: Mapping[Identifier, Short] | None = None
    """The requirements with which that version was released; without it those of the policy."""


class GivenHold(Section):
    """Somebody stopped the line."""

    reason: Line
    """Why."""
    by: Identifier
    """Who."""
    until: When | None = None
    """When it expires; without it when it is lifted."""
    since: When | None = None
    """Since when; without it since the moment of the case."""
    environment: Identifier | None = None
    """Which environment; without it all."""
    component: Identifier | None = None
    """Which component; without it all."""
    client: Identifier | None = None
    """Which client: it stops whatever is theirs."""
    version: Short | None = None
    """Which version of it, where it was taken back in that environment and is held for that."""
    id: Identifier | None = None
    """What it is called."""

    @model_validator(mode="after")
    def _of_one(self) -> GivenHold:
        if self.client is not None and self.component is not None:
            raise ValueError("a hold is of a component or of a client, not of both; keep one of the two")
        return self


class GivenEmergency(Section):
    """An emergency that somebody declared. A criterion alone is one for it, of what is released, and in force."""

    shorthand: ClassVar[str] = "criterion"

    criterion: Line
    """The criterion of the release type that it names."""
    incident: Line | None = None
    """The number of its incident."""
    by: Identifier | None = None
    """Who declared it; without it who asks."""
    components: tuple[Identifier, ...] = Field(default=(), max_length=MAX_ENTRIES)
    """The components that it is of; without it those of the release."""
    declared: When | None = None
    """When; without it at the moment of the case."""
    until: When | None = None
    """Until when it is in force; without it as long as the policy says."""
    ended: When | None = None
    """When it was ended."""


class GivenDebt(Section):
    """Something that is still owed. A time alone is when the post-mortem of an earlier release is due."""

    shorthand: ClassVar[str] = "due"

    due: When
    """When it is due."""
    kind: DebtKind = DebtKind.POST_MORTEM
    """What is owed."""
    name: Line | None = None
    """Which document or review, or the group that approves."""
    release: Identifier | None = None
    """The release that owes it; without it an earlier one."""
    components: tuple[Identifier, ...] = Field(default=(), max_length=MAX_ENTRIES)
    """The components of that release; without it those that are released. Their owners owe it, too."""


class GivenWayBack(Section):
    """What a rollback would return to."""

    to: Short | None = None
    """The version; without it nothing was there before."""
    verified: WhenOrNever | None = None
    """When that version was found good there; without it, and with `never`, it was not."""
    loses_data: Literal["yes", "no", "unknown"] = "unknown"
    """Whether going back loses data."""
    breaks: Literal["yes", "no", "unknown"] = "no"
    """Whether that version does not bear the database as it is then."""
    because: Short | None = None
    """What that rests on."""
    component: Identifier | None = None
    """Of which component; without it of each component of the release."""


class GivenChange(Section):
    """A change request for the release. A category alone is one of it that is ready for its decision.

    What is not taken away is there: it is assessed at the lowest level, its steps are done, what its risk demands is
    shown. Nobody has answered.
    """

    shorthand: ClassVar[str] = "category"

    category: Identifier
    """Its category."""
    approvals: tuple[Identifier, ...] = Field(default=(), max_length=MAX_ENTRIES)
    """Who said yes to it, each signed."""
    rejected_by: tuple[Identifier, ...] = Field(default=(), max_length=MAX_ENTRIES)
    """Who said no to it."""
    minutes: Short | None = None
    """The minutes that those answers name."""
    by: Identifier | None = None
    """Who asked for it; without it somebody who may."""
    state: ChangeState | None = None
    """Where it stands; without it `approved` where somebody said yes, and else `submitted`."""
    entry: Short | None = None
    """The entry of the catalogue that it is."""
    impact: Identifier | None = None
    """Its impact; without it the lowest level."""
    probability: Identifier | None = None
    """Its probability; without it the lowest level."""
    migrations: Annotated[int, Field(ge=0, le=10_000)] = 0
    """How many migrations were counted of it."""
    unassessed: bool = False
    """Whether its impact is not assessed."""
    undone: tuple[Identifier, ...] = Field(default=(), max_length=MAX_ENTRIES)
    """The steps that are not done."""
    unshown: bool = False
    """Whether what its risk demands is not shown."""
    of: Parts | None = None
    """What was submitted, where that is not the subject as it is: `of: another subject`."""


class Given(Section):
    """What is known. A name alone is that of facts which several cases share."""

    shorthand: ClassVar[str] = "facts"

    facts: Annotated[tuple[Identifier, ...], OneOrMore] = Field(default=())
    """The named facts that it begins with; what is written beside them is merged into them: maps merge, lists replace.
    """
    release: GivenRelease | None = None
    """The release."""
    evidence: Annotated[Mapping[Identifier, Piece], Field(max_length=MAX_ENTRIES)] = Field(default_factory=dict)
    """What reports say, by the name of a gate of the policy, by a kind of evidence, or by a name of your own."""
    approvals: tuple[GivenApproval, ...] = Field(default=(), max_length=MAX_ENTRIES)
    """What people answered."""
    documents: Annotated[Mapping[Identifier, GivenDocument], Field(max_length=MAX_ENTRIES)] = Field(
        default_factory=dict
    )
    """What is written, by document of the policy; for what is not listed nobody has looked."""
    ticks: tuple[GivenTick, ...] = Field(default=(), max_length=MAX_ENTRIES)
    """The points of checklists that people ticked."""
    waivers: tuple[GivenWaiver, ...] = Field(default=(), max_length=MAX_ENTRIES)
    """The waivers that were asked for."""
    last: Annotated[Mapping[Identifier, When], Field(max_length=MAX_ENTRIES)] = Field(default_factory=dict)
    """When the last release before was started where it is asked about, by release type."""
    minutes: tuple[GivenMinutes, ...] = Field(default=(), max_length=MAX_ENTRIES)
    """What boards decided about it."""
    verified: Mapping[Identifier, Annotated[tuple[Stay, ...], Field(json_schema_extra=alone_too)]] = Field(
        default_factory=dict
    )
    """Where it was found good, and when, by environment."""
    holds: tuple[GivenHold, ...] = Field(default=(), max_length=MAX_ENTRIES)
    """What stops the line."""
    emergencies: tuple[GivenEmergency, ...] = Field(default=(), max_length=MAX_ENTRIES)
    """What emergencies were declared."""
    debts: tuple[GivenDebt, ...] = Field(default=(), max_length=MAX_ENTRIES)
    """What is still owed of earlier releases."""
    running: Annotated[Mapping[Identifier, GivenRunning], Field(max_length=MAX_ENTRIES)] = Field(default_factory=dict)
    """What runs of other components where it is asked about, by component; what is not written nobody knows."""
    way_back: tuple[GivenWayBack, ...] = Field(default=(), json_schema_extra=alone_too)
    """What a rollback would return to."""
    change_requests: tuple[GivenChange, ...] = Field(default=(), max_length=MAX_ENTRIES)
    """The change requests for the release."""
    validated: bool = True
    """Whether its way back was tried out and found open, where the policy asks for that."""
    drills: Annotated[Mapping[Identifier, When], Field(max_length=MAX_ENTRIES)] = Field(default_factory=dict)
    """When drills were held last, by drill of the policy; `never` where one was not. What is not written was held at
    the moment of the case."""


class Ask(Section):
    """The question: who would do what, and where."""

    action: Action = Action.START
    """What is asked about: `start`, `continue` at a checkpoint, `rollback`."""
    environment: Identifier | None = None
    """Where."""
    by: Identifier | None = None
    """Who; `tidegate` is Tidegate itself."""
    assurance: Assurance = Assurance.SIGNATURE
    """How sure we are that it is they."""
    via: Short = "ssh"
    """The way they came."""
    granted: Parts | None = None
    """For `continue`: the subject that was allowed to start, where that is not the subject as it is."""
    accepts_data_loss: bool = False
    """For `rollback`: whether they accept that data is lost."""


class Expect(Section):
    """What the answer must be. A verdict alone asks for no more than that verdict.

    A rule's id stands also for the ids that begin with it and a dot: `approval` for `approval.tech-leads`.
    """

    shorthand: ClassVar[str] = "verdict"

    verdict: Verdict | None = None
    """The verdict."""
    allow: bool | None = None
    """Whether it may go; `false`: it may not, or nobody can tell."""
    deny: Annotated[tuple[Short, ...], OneOrMore] = Field(default=())
    """The rules that deny. No other rule may stand in the way."""
    cannot_tell: Annotated[tuple[Short, ...], OneOrMore] = Field(default=(), alias="cannot tell")
    """The rules that cannot tell. No other rule may stand in the way."""
    others: bool = False
    """Whether other rules than those named may stand in the way, too."""
    passes: Annotated[tuple[Short, ...], OneOrMore] = Field(default=())
    """Rules that are asked and pass."""
    says: Annotated[tuple[Short, ...], OneOrMore] = Field(default=())
    """What the findings in the way say; where nothing is in the way, what the findings say."""
    remedy: Annotated[tuple[Short, ...], OneOrMore] = Field(default=())
    """What the remedies of the findings in the way say."""
    next_possible: WhenOrNever | None = None
    """When it could next be allowed; `now`: time is not in the way; `never`: not within 400 days."""

    @model_validator(mode="after")
    def _says_something(self) -> Expect:
        if not self.model_fields_set - {"others"}:
            raise ValueError("nothing is expected; write allow, deny, cannot tell, or the rules that deny")
        if self.others and not self.named:
            raise ValueError("others: stands alone; name rules under deny: or `cannot tell`: first")
        return self

    @model_validator(mode="after")
    def _agrees(self) -> Expect:
        allows = self.verdict is Verdict.ALLOW or self.allow is True
        refuses = self.verdict not in (None, Verdict.ALLOW) or self.allow is False
        if allows and (refuses or self.named or self.remedy):
            raise ValueError("it expects yes and no at once; keep one of the two")
        if self.verdict is Verdict.CANNOT_TELL and self.deny:
            raise ValueError("one rule that denies makes it deny; write `cannot tell` with the rules that cannot tell")
        if self.verdict is Verdict.DENY and self.cannot_tell and not self.deny and not self.others:
            raise ValueError("rules that cannot tell do not make it deny; name the rules under deny:")
        return self

    @property
    def named(self) -> tuple[str, ...]:
        """The rules that are to stand in the way."""
        return self.deny + self.cannot_tell


class Case(Section):
    """One case: facts, a moment, a question, and what is expected of the answer."""

    name: Annotated[Line, Field(max_length=120)]
    """What it shows, as a sentence. No two cases of a file have the same name."""
    given: tuple[Given, ...] = Field(default=(), json_schema_extra=alone_too)
    """What is known: named facts, facts of its own, or a list of both, merged in their order."""
    at: At | None = None
    """The moment of the question; without it that of the file."""
    ask: Ask | None = None
    """The question; what it leaves out is that of the file."""
    expect: Expect
    """What is expected."""
    pinned: RelativePath | None = None
    """The policy file under which the release was opened, from this file's directory; without it the policy itself."""


class CaseFile(Section):
    """A file of cases: how a policy is to decide."""

    version: Literal[1] = Field(alias="tidegate-tests")
    """The version of the language of cases."""
    at: At | None = None
    """The moment of the cases that name none: `2026-12-01T10:00` in the policy's zone, or with an offset."""
    ask: Ask | None = None
    """What the cases ask, where they do not say it themselves."""
    unknown: tuple[Line, ...] = Field(default=(), max_length=MAX_ENTRIES)
    """Names that the policy does not know and that cases use on purpose: people who left, an environment that is none.
    """
    facts: Annotated[Mapping[Identifier, Given], Field(max_length=MAX_ENTRIES)] = Field(default_factory=dict)
    """Facts that several cases share, by a name of your own."""
    cases: tuple[Case, ...] = Field(min_length=1, max_length=MAX_ENTRIES)
    """The cases."""


ALONE: frozenset[type[Section]] = frozenset({Given, Stay, GivenWayBack})
"""The sections of which one may stand for a list of one. These models know lists alone: the file's reader makes them.
"""
