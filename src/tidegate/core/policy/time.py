"""When: trains, stated dates, blackouts, windows, freezes, milestones, phases, holidays, business cycles."""

from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tidegate.core.calendar import Repeats, Window, parse_cadence, parse_time
from tidegate.core.duration import PositiveDuration
from tidegate.core.policy.base import (
    EMPTY_IS_ALL,
    FIRST_DAY,
    SAID,
    Day,
    Identifier,
    Line,
    Names,
    Section,
    Stricter,
    Text,
    days_of,
    exactly_one,
    matching,
    reads,
    time_of_day,
)
from tidegate.core.span import Offset, Span, SpanText, parse_span


class Selector(Section):
    """Which components are meant: of a kind, or by name."""

    choices: ClassVar[tuple[str, ...]] = ("kind", "component")

    kind: Annotated[Identifier | None, Names("kind of component")] = None
    """All components of this kind."""
    component: Annotated[Identifier | None, Names("component")] = None
    """This one component."""

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        exactly_one({name: getattr(self, name) for name in self.choices})
        return self


class Train(Section):
    """A cadence that releases ride to one environment."""

    of: Selector
    """Which components ride it."""
    content: Annotated[tuple[Line, ...], SAID] = Field(default=())
    """What its releases contain, in words."""
    every: Annotated[str, reads(parse_cadence, max_length=100)]
    """When it departs: `2 weeks on tuesday at 10:00`, `month on first tuesday at 10:00`, `day at 10:00`; or a rule of
    iCalendar without an end, such as `FREQ=WEEKLY;BYDAY=MO,TH;BYHOUR=10` or, for the last working day of a month,
    `FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;BYHOUR=10`."""
    starts: Day | None = Field(default=None, alias="from")
    """The day from which its periods are counted; it never departs before. Needed where a period is more than one."""
    to: Annotated[Identifier, Names("environment")] = "production"
    """The environment it goes to."""
    lasts: PositiveDuration | None = None
    """How long a run can be boarded; without it, to the end of its day."""
    opens: PositiveDuration | Literal["by-hand"] | None = None
    """How long before a departure it opens the releases of its components that have unreleased changes; without it, and
    at the latest, at the freeze of its environment, or at the departure where there is none. `by-hand`: it opens none.
    """

    @model_validator(mode="after")
    def _is_anchored(self) -> Self:
        if self.starts is None and self.cadence().needs_start:
            raise ValueError("nobody can tell which period is the first; add from: with a day on which it departs")
        return self

    def cadence(self) -> Repeats:
        """``every:`` as a value."""
        return parse_cadence(self.every)

    def first_day(self) -> date:
        """``from:``, or the first day of all."""
        return self.starts or FIRST_DAY


class Blackout(Section):
    """Days on which nothing goes."""

    name: Line
    """What it is called where it says no."""
    starts: Annotated[Day, Stricter.LESS] = Field(alias="from")
    """Its first day."""
    ends: Annotated[Day, Stricter.MORE] = Field(alias="to")
    """Its last day, included."""
    exempt: Annotated[tuple[Identifier, ...], Stricter.GRANTS, Names("release type")] = Field(
        default=(), alias="except"
    )
    """The release types that may go nevertheless."""
    environments: Annotated[tuple[Identifier, ...] | None, Names("environment")] = Field(default=None)
    """Where it holds; without it, in every environment for production."""
    components: Annotated[tuple[Identifier, ...], Stricter.REACH, Names("component"), EMPTY_IS_ALL] = Field(default=())
    """The components for which it holds; without it all. A release of several waits if it holds for any of them."""
    because: Line | None = None
    """Why nothing goes then."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends < self.starts:
            raise ValueError(f"the blackout ends on {self.ends}, before it starts on {self.starts}; swap the two")
        return self


class DateOf(StrEnum):
    """What a stated date is the date of."""

    RELEASE = "release"
    NOTES = "notes"
    FREEZE = "freeze"
    ANNOUNCEMENT = "announcement"


class StatedDate(Section):
    """A date that somebody has published. It does not move a train: it is held against it."""

    date: Day
    """The day."""
    of: DateOf = DateOf.RELEASE
    """What happens on it: the `release`, or what its `notes`, its `freeze`, its `announcement` are dated."""
    event: Line | None = None
    """What people call it."""
    train: Annotated[Identifier | None, Names("train")] = None
    """The train that departs on it; without it the trains of the component."""
    component: Annotated[Identifier | None, Names("component")] = None
    """What is released."""
    version: Annotated[str, Text(min_length=1, max_length=100)] | None = None
    """Its version."""
    tag: Annotated[str, Text(min_length=1, max_length=200)] | None = None
    """The version as it is written there, where that is a tag."""

    @model_validator(mode="after")
    def _is_of_something(self) -> Self:
        if self.train is None and self.component is None:
            raise ValueError("the date is of nothing; write the train or the component that it is of")
        return self


class MaintenanceWindow(Section):
    """Civil times that are kept for maintenance, announced to those who use the system."""

    name: Line
    """What it is called."""
    days: Annotated[str, reads(days_of, max_length=60)] = "mon-sun"
    """The days on which it begins."""
    opens: Annotated[str, reads(parse_time)] = Field(alias="from")
    """The time at which it begins, included."""
    closes: Annotated[str, reads(time_of_day)] = Field(alias="to")
    """The time at which it ends, not included."""
    environments: Annotated[tuple[Identifier, ...] | None, Names("environment")] = Field(default=None)
    """Where it holds; without it, in every environment for production."""
    types: Annotated[tuple[Identifier, ...], Names("release type"), EMPTY_IS_ALL] = Field(default=())
    """The release types that start only inside it, such as those with downtime, even where they skip windows; without
    it all that do not skip windows."""

    def window(self) -> Window:
        """The window as a value of the calendar."""
        return _window(self)


class Holidays(Section):
    """The public holidays on which nothing goes to production: whole days in the policy's zone."""

    country: Annotated[
        str,
        matching("[A-Z]{2}", "is not a country; write its two letters, such as US"),
    ]
    """The country, as two letters: `US`."""
    subdivision: Annotated[str, Text(min_length=1, max_length=6)] | None = None
    """The state or province in it."""
    exempt: Annotated[tuple[Identifier, ...], Stricter.GRANTS, Names("release type")] = Field(
        default=(), alias="except"
    )
    """The release types that may go nevertheless."""


class BusinessCycle(Section):
    """A time of the business that recurs and that releases keep clear of."""

    name: Line
    """What it is called, such as the closing of the month."""
    every: Annotated[str, reads(parse_cadence, max_length=100)]
    """When it begins, as a train departs: `month on last friday at 00:00`."""
    starts: Day = Field(alias="from")
    """The day from which its periods are counted."""
    lasts: Annotated[PositiveDuration, Stricter.MORE]
    """How long it lasts."""
    closed: Annotated[bool, Stricter.TRUE] = False
    """Whether nothing goes to production meanwhile; without it planning only keeps clear of it."""
    exempt: Annotated[tuple[Identifier, ...], Stricter.GRANTS, Names("release type")] = Field(
        default=(), alias="except"
    )
    """The release types that may go nevertheless."""

    def cadence(self) -> Repeats:
        """``every:`` as a value."""
        return parse_cadence(self.every)


class Calendar(Section):
    """What the year holds for everybody."""

    blackouts: Annotated[tuple[Blackout, ...], Stricter.DEMANDS] = Field(default=())
    """The days on which nothing goes."""
    dates: tuple[StatedDate, ...] = Field(default=())
    """Dates that were published; each is held against its train."""
    maintenance: Annotated[tuple[MaintenanceWindow, ...], Stricter.EITHER] = Field(default=())
    """Times kept for maintenance, outside which what needs it does not start."""
    holidays: Annotated[tuple[Holidays, ...], Stricter.DEMANDS] = Field(default=())
    """The public holidays on which nothing goes."""
    business_cycles: Annotated[tuple[BusinessCycle, ...], Stricter.DEMANDS] = Field(default=())
    """Times of the business that releases keep clear of; those that are `closed` nobody goes in."""


class WindowRule(Section):
    """Civil times at which a rollout may start: half-open, in the zone of whom it is of, or else in the policy's.

    One that ends at or before the time it begins reaches into the next day.
    """

    days: Annotated[str, reads(days_of, max_length=60)] = "mon-sun"
    """The days on which it begins: `mon-thu`, `tue`, `mon,wed,fri`."""
    opens: Annotated[str, reads(parse_time)] = Field(default="00:00", alias="from")
    """The time at which it begins, included."""
    closes: Annotated[str, reads(time_of_day)] = Field(default="24:00", alias="to")
    """The time at which it ends, not included."""

    def window(self) -> Window:
        """The rule as a value of the calendar."""
        return _window(self)


def _window(rule: WindowRule | MaintenanceWindow) -> Window:
    closes = None if rule.closes == "24:00" else parse_time(rule.closes)
    return Window(days_of(rule.days), parse_time(rule.opens), closes)


class Freeze(Section):
    """Some time before it goes, only changes of some kinds still join a release."""

    before: Annotated[PositiveDuration, Stricter.MORE]
    """How long before a departure (without a train: before the start)."""
    allow: Annotated[tuple[Identifier, ...], Stricter.GRANTS] = Field(default=("fix",))
    """The kinds of change that may still join, as conventional commits name them."""


class Milestone(Section):
    """A point of every release's way: exactly one of a time before it, and the end of a phase."""

    choices: ClassVar[tuple[str, ...]] = ("at", "after_phase")

    title: Line
    """What people call it."""
    at: Offset | None = None
    """When, counted from the release: `-14d`."""
    after_phase: Annotated[Identifier | None, SAID, Names("phase")] = None
    """The phase of the process whose end it is."""
    types: Annotated[tuple[Identifier, ...], Stricter.REACH, Names("release type"), EMPTY_IS_ALL] = Field(default=())
    """The release types that have it; without it all."""
    allow: Annotated[tuple[Identifier, ...] | None, Stricter.GRANTS_WHERE_GIVEN] = Field(default=None)
    """The kinds of change that may still join a release to production afterwards; without it all."""
    locks_branch: Annotated[bool, Stricter.TRUE, SAID] = False
    """Whether the release branch is locked from then on."""
    checklist: Annotated[Identifier | None, Stricter.DEMANDS, SAID, Names("checklist")] = None
    """The checklist that is ticked by then."""

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        exactly_one({name: getattr(self, name) for name in self.choices})
        return self

    @property
    def is_before(self) -> bool:
        """Whether it is a time before the release: then something can still join before it, and after it."""
        return self.at is not None and self.at < timedelta(0)


class Phase(Section):
    """A part of a process: how long it takes, what is done in it, what may be committed."""

    name: Identifier
    """What it is called."""
    lasts: SpanText | None = None
    """How long it takes: `2-5 days`."""
    does: tuple[Line, ...] = Field(default=())
    """What is done in it."""
    allows: Annotated[tuple[Identifier, ...] | None, Stricter.GRANTS_WHERE_GIVEN] = Field(default=None)
    """The kinds of change that are committed in it; without it nothing is said of them."""

    def span(self) -> Span | None:
        """``lasts:`` as a value."""
        return parse_span(self.lasts) if self.lasts else None


class Process(Section):
    """The phases that a release goes through, one after the other."""

    phases: tuple[Phase, ...] = Field(min_length=1)
    """The phases, in their order."""
