"""Which kinds of release there are, and what each asks for: types, gates, documents, checklists, changes, risk."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, PlainSerializer

from tidegate.core.duration import Duration, PositiveDuration
from tidegate.core.frequency import FrequencyText
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
    in_order,
)
from tidegate.core.policy.people import ApprovalRule
from tidegate.core.span import SpanText


class Bump(StrEnum):
    """Which part of a version a release type raises."""

    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"


class Skippable(StrEnum):
    """The time rules that a release type may skip. Evidence, approvals and holds are not among them."""

    NOTICE = "notice"
    TRAIN = "train"
    WINDOWS = "windows"
    FREEZE = "freeze"
    BLACKOUTS = "blackouts"
    SOAK = "soak"


class Afterwards(Section):
    """What a release still owes when it is done: the price of what it skipped."""

    post_mortem: Annotated[Duration | None, Stricter.LESS] = None
    """Within how long after it is done a post-mortem is written."""
    retrospective_approval: Annotated[tuple[ApprovalRule, ...], Stricter.DEMANDS] = Field(default=())
    """Who approves it afterwards, where nobody could before."""
    approval_within: Annotated[Duration | None, Stricter.LESS] = None
    """Within how long they do; without it within 5 days."""
    documents: Annotated[tuple[Identifier, ...], Stricter.DEMANDS, Names("document")] = Field(default=())
    """The documents that are written afterwards, within the time of the post-mortem; without one within 5 days."""
    review: Annotated[Identifier | None, Names("review")] = None
    """The review that looks at it, in its own time after the release; without one within 5 days."""


class ReleaseType(Section):
    """What one kind of release asks for on its way to production."""

    bump: Bump
    """Which part of the version it raises."""
    title: Line | None = None
    """What people call it."""
    frequency: FrequencyText | None = None
    """How often there is one: `monthly`, `every 2 weeks or as needed`."""
    content: Annotated[tuple[Line, ...], SAID] = Field(default=())
    """What it contains, in words."""
    allows: Annotated[tuple[Identifier, ...] | None, Stricter.GRANTS_WHERE_GIVEN] = Field(default=None)
    """The kinds of change that it may contain, as conventional commits name them; without it those of its bump."""
    criteria: tuple[Line, ...] = Field(default=())
    """When it may be used, such as a critical vulnerability; its reason must name one of them."""
    horizon: SpanText | None = None
    """How long ahead it is planned: `1-2 months`."""
    timeline: SpanText | None = None
    """How long it takes from its beginning to production: `1-3 days`."""
    process: Annotated[Identifier | None, Names("process")] = None
    """The process that it goes through."""
    made_from: Annotated[Literal["branch", "production-tag"], SAID] = Field(default="branch", alias="from")
    """What it is made from: the branch, or the tag that runs in production."""
    change: Annotated[Identifier | None, Names("change category")] = None
    """The category of the change request without which it does not go to production."""
    documents: Annotated[tuple[Identifier, ...], Stricter.DEMANDS, Names("document")] = Field(default=())
    """The documents that it must have."""
    checklists: Annotated[tuple[Identifier, ...], Stricter.DEMANDS, Names("checklist")] = Field(default=())
    """The checklists that are ticked before production."""
    notice: Annotated[Duration | None, Stricter.MORE] = None
    """How long before it goes it must have been announced."""
    gates: Annotated[tuple[Identifier, ...], Stricter.DEMANDS, Names("gate")] = Field(default=())
    """The gates it passes before production, besides those of the environment."""
    approvals: Annotated[tuple[ApprovalRule, ...], Stricter.DEMANDS] = Field(default=())
    """The approvals it needs for production, besides those of the environment."""
    skips: Annotated[
        frozenset[Skippable],
        PlainSerializer(in_order, return_type=list[str], when_used="json"),
        Stricter.GRANTS,
    ] = Field(default=frozenset())
    """The time rules that it does not wait for."""
    afterwards: Afterwards = Field(default_factory=Afterwards)
    """What it owes when it is done."""


class ReleaseTemplate(Section):
    """A release with its plan already filled in: `tidegate release open --template NAME`."""

    title: Line
    """What people call it."""
    type: Annotated[Identifier, Names("release type")]
    """The release type."""
    components: Annotated[tuple[Identifier, ...], Names("component"), EMPTY_IS_ALL] = Field(default=())
    """The components that it releases; without it those that are named when it is opened."""
    documents: Annotated[tuple[Identifier, ...], Stricter.DEMANDS, Names("document")] = Field(default=())
    """Documents that it must have for production, besides those of the type."""
    checklists: Annotated[tuple[Identifier, ...], Stricter.DEMANDS, Names("checklist")] = Field(default=())
    """Checklists that are ticked before production, besides those of the type."""


class Waiver(Section):
    """Who may let a release pass a gate that it does not pass, with a reason, for a time."""

    by: ApprovalRule
    """Whose yes it takes."""
    lasts: Annotated[PositiveDuration, Stricter.LESS] = timedelta(days=7)
    """How long it holds at most."""


class Gate(Section):
    """A condition over evidence. Every kind must be there; the newest of each source must pass."""

    title: Line | None = None
    """What people call it."""
    evidence: Annotated[tuple[Identifier, ...], OneOrMore, Stricter.DEMANDS] = Field(min_length=1)
    """The kinds of evidence that it looks at, each by itself."""
    source: Identifier | None = None
    """Evidence of this source only."""
    condition: Annotated[str, Field(alias="pass", min_length=1, max_length=2000), Stricter.CONDITION]
    """When it passes: a condition in CEL, such as `tests.total > 0 && tests.failed == 0`."""
    fresh: Annotated[PositiveDuration | None, Stricter.LESS] = None
    """How old the evidence may be."""
    types: Annotated[tuple[Identifier, ...], Stricter.REACH, Names("release type"), EMPTY_IS_ALL] = Field(default=())
    """The release types of which it is asked; without it all that name it, or whose environment does."""
    waiver: Annotated[Waiver | None, Stricter.GRANTS] = None
    """Who may let a release pass nevertheless; without it nobody."""


class Document(Section):
    """Something written that belongs to a release."""

    title: Line
    """What people call it."""
    path: Annotated[str, Text(min_length=1, max_length=1024)] | None = None
    """Where it lies in the repository; `{version}` and `{component}` stand for those of the release."""
    template: RelativePath | None = None
    """What it is begun from; an unedited template counts as missing."""
    sections: Annotated[tuple[Line, ...], Stricter.DEMANDS] = Field(default=())
    """The headings that it must have, each with something below it."""
    only: Annotated[Literal["always", "breaking", "migrations", "downtime"], Stricter.REACH] = "always"
    """When it is asked for: always, or only of breaking changes, of migrations, of releases with downtime."""
    reviewed_by: Annotated[Identifier | None, Stricter.DEMANDS, Names("group")] = None
    """The group that must have reviewed it."""
    audience: Annotated[tuple[Identifier, ...], SAID, Names("audience or group")] = Field(default=())
    """Whom it is for."""


class ChecklistItem(Section):
    """One point of a checklist: ticked by a person of a group, or by a gate that passes."""

    says: Line
    """What is true when it is ticked."""
    by: Annotated[Identifier | None, Stricter.DEMANDS, Names("group")] = None
    """The group of which somebody ticks it; without it whoever may open releases."""
    gate: Annotated[Identifier | None, Stricter.DEMANDS, Names("gate")] = None
    """The gate that ticks it."""
    document: Annotated[Identifier | None, Stricter.DEMANDS, Names("document")] = None
    """The document that ticks it by being there."""
    types: Annotated[tuple[Identifier, ...], Stricter.REACH, Names("release type"), EMPTY_IS_ALL] = Field(default=())
    """The release types of which it is asked; without it all."""
    only: Annotated[Literal["always", "breaking", "migrations", "if-needed"], Stricter.REACH] = "always"
    """When it is asked for; `if-needed`: it may be ticked as not needed, with a reason."""
    heading: Line | None = None
    """The heading under which it stands."""


class Checklist(Section):
    """Points that are ticked one by one, each by somebody who is named with it."""

    title: Line
    """What people call it."""
    items: Annotated[Mapping[Identifier, ChecklistItem], Stricter.DEMANDS] = Field(min_length=1)
    """The points."""


class WorkflowStep(Section):
    """One step of a change request."""

    name: Identifier
    """What it is called."""
    says: Line
    """What is done."""
    by: Annotated[Identifier | None, Stricter.DEMANDS, Names("group")] = None
    """The group that does it; without it whoever may open releases."""
    kind: Literal["request", "assessment", "step", "decision", "afterwards"] = "step"
    """What Tidegate knows it by: `request` is done by opening the change request, `assessment` by assessing its impact,
    `decision` by its approvals; `afterwards` is done when it went, before the change request is closed."""


class ChangeCategory(Section):
    """A kind of change request, and what it asks for."""

    title: Line
    """What people call it."""
    preapproved: Annotated[bool, Stricter.FALSE] = False
    """Whether a change of the catalogue needs no approval of its own."""
    catalogue: Annotated[tuple[Line, ...], Stricter.GRANTS] = Field(default=())
    """The changes that are approved beforehand; what is not among them is not."""
    approvals: Annotated[tuple[ApprovalRule, ...], Stricter.DEMANDS] = Field(default=())
    """Whose yes it takes."""
    steps: Annotated[tuple[Identifier, ...], Names("step of the workflow"), EMPTY_IS_ALL] = Field(default=())
    """The steps of the workflow that it goes through; without it all."""
    within: PositiveDuration | None = None
    """Within how long after it was submitted it is decided; what is overdue is told."""
    board: Annotated[Identifier | None, Stricter.DEMANDS, Names("group")] = None
    """The board before which it comes: its members' approvals count where they name the minutes."""


class Risk(Section):
    """How risky a change is, by impact and probability, and what each level demands."""

    levels: tuple[Identifier, ...] = ("low", "medium", "high")
    """The levels, the lowest first. Impact and probability have the same names."""
    matrix: Mapping[Identifier, Mapping[Identifier, Identifier]] = Field(default_factory=dict)
    """Impact, then probability, then the level. A cell left out is undecided, and the higher one holds."""
    mitigations: Annotated[Mapping[Identifier, tuple[Line, ...]], Stricter.DEMANDS] = Field(default_factory=dict)
    """What the release must show, by level."""
    strategies: tuple[Line, ...] = Field(default=())
    """How risk is lowered, in words."""
    facts: Annotated[Literal["warn", "raise"], Stricter.LAST] = "warn"
    """What a level from facts (size, migrations, files often broken, past failures) does that is above the one from
    impact and probability: `warn` tells it, `raise` makes it the level that holds."""
    fixes_within: Annotated[PositiveDuration, Stricter.MORE] = timedelta(days=180)
    """How far back a fix makes the files that it touched count as broken before."""


class Changes(Section):
    """Change requests: their workflow, their categories, their risk."""

    required: Annotated[tuple[Identifier, ...], Stricter.DEMANDS, Names("environment")] = Field(default=())
    """The environments to which nothing goes without an approved change request."""
    workflow: Annotated[tuple[WorkflowStep, ...], Stricter.DEMANDS] = Field(default=())
    """The steps, in their order."""
    categories: Mapping[Identifier, ChangeCategory] = Field(default_factory=dict)
    """The kinds of change request."""
    risk: Risk = Field(default_factory=Risk)
    """How risky a change is."""
    tickets: Line | None = None
    """Where its ticket lives, when it lives elsewhere."""
