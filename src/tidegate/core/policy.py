"""The policy: one file that says how an organisation releases, as values.

These models are the schema: the reference page, the JSON Schema and the mistakes in a file come from them. Unknown
keys are mistakes, nothing is coerced, and what is missing permits nothing. ``core/rulebook.py`` compiles a policy;
``store`` keeps the adopted one, resolved, by digest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from tidegate.core.actor import Assurance
from tidegate.core.calendar import Cadence, Window, Weekday, parse_cadence, parse_time, parse_weekday, zone
from tidegate.core.duration import Duration

FORMAT = 1
"""The policy language's version: the value of the key ``tidegate``."""

MAX_ENTRIES = 10_000
"""How many entries any one mapping or list of a policy may have."""

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_COMPARISON = re.compile(r">\s*(\d+(?:\.\d+)?)\s*%")


def _identifier(text: str) -> str:
    if not _IDENTIFIER.fullmatch(text):
        raise ValueError(f'"{text}" is not a name; use letters, digits, dot, dash and underscore, at most 63')
    return text


def _zone_name(text: str) -> str:
    zone(text)
    return text


def _cadence(text: str) -> str:
    parse_cadence(text)
    return text


def _time_of_day(text: str) -> str:
    if text != "24:00":
        parse_time(text)
    return text


def _relative_path(text: str) -> str:
    parts = text.split("/")
    if text.startswith("/") or ".." in parts or "\0" in text or "\\" in text or text.startswith("-"):
        raise ValueError(f'"{text}" must be a path inside the repository, such as modules/billing')
    return text


def _percent(value: Any) -> float:
    if isinstance(value, str) and value.endswith("%"):
        try:
            number = float(value[:-1]) / 100
        except ValueError:
            number = -1.0
        if 0 < number <= 1:
            return number
    if isinstance(value, float) and 0 < value <= 1:
        return value
    raise ValueError(f"{value!r} is not a percentage above 0 % and up to 100 %, such as 25%")


def _over(value: Any) -> float:
    if isinstance(value, float):
        return value
    match = _COMPARISON.fullmatch(value) if isinstance(value, str) else None
    if not match or not 0 < float(match[1]) < 100:
        raise ValueError(f'{value!r} is not a limit; write "> 5%" (above 0 %, below 100 %)')
    return float(match[1]) / 100


def _several(value: Any) -> Any:
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


Identifier = Annotated[str, AfterValidator(_identifier)]
RelativePath = Annotated[str, Field(min_length=1, max_length=1024), AfterValidator(_relative_path)]
Line = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
OneOrMore = BeforeValidator(_several)


class Section(BaseModel):
    """A part of the policy: frozen, strict, and without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Person(Section):
    """Somebody who may act. ``keys`` are the SSH public keys with which they sign; who is disabled no longer counts."""

    name: Line
    email: Annotated[str, Field(pattern=r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+$", max_length=254)] | None = None
    groups: tuple[Identifier, ...] = Field(default=())
    keys: tuple[Line, ...] = Field(default=())
    disabled: bool = False


class Archive(Section):
    """A package built reproducibly from the component's tree at the released commit."""

    archive: Identifier


class HostTarget(Section):
    """Where the host driver deploys. Its settings are checked by ``drivers/host``."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    driver: Identifier


class Component(Section):
    """What has versions: the files under ``path`` (and ``shared`` paths), tagged by ``tag``."""

    kind: Identifier = "service"
    path: RelativePath = "."
    shared: tuple[RelativePath, ...] = Field(default=())
    tag: Annotated[str, Field(max_length=200)] = "v{version}"
    owners: Identifier | None = None
    artifact: Archive = Archive(archive="package")
    migrations: RelativePath | None = None
    config: Mapping[Identifier, RelativePath] = Field(default_factory=dict)
    targets: Mapping[Identifier, HostTarget] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _tag_has_version(self) -> Component:
        if self.tag.count("{version}") != 1:
            raise ValueError(f'tag "{self.tag}" must contain {{version}} exactly once, such as billing-v{{version}}')
        return self


class Selector(Section):
    """Which components are meant: of a kind, or by name."""

    kind: Identifier | None = None
    component: Identifier | None = None

    @model_validator(mode="after")
    def _one_of(self) -> Selector:
        if (self.kind is None) == (self.component is None):
            raise ValueError("say either kind: or component:")
        return self


class Train(Section):
    """A cadence that releases ride to one environment; a run lasts ``lasts``, else to the end of its day."""

    of: Selector
    every: Annotated[str, AfterValidator(_cadence)]
    starts: date = Field(alias="from")
    to: Identifier = "production"
    lasts: Duration | None = None

    def cadence(self) -> Cadence:
        """``every:`` as a value."""
        return parse_cadence(self.every)


class Blackout(Section):
    """Days on which nothing goes, ``from`` and ``to`` included; ``except`` names release types that still may."""

    name: Line
    starts: date = Field(alias="from")
    ends: date = Field(alias="to")
    exempt: tuple[Identifier, ...] = Field(default=(), alias="except")
    environments: tuple[Identifier, ...] | None = Field(default=None)

    @model_validator(mode="after")
    def _in_order(self) -> Blackout:
        if self.ends < self.starts:
            raise ValueError(f"the blackout ends on {self.ends}, before it starts on {self.starts}")
        return self


class Calendar(Section):
    """What the year holds for everybody."""

    blackouts: tuple[Blackout, ...] = Field(default=())


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


class ApprovalRule(Section):
    """``count`` different people of one group say yes. ``$owners`` is the group that owns the component."""

    group: Annotated[str, Field(pattern=r"^(\$owners|[A-Za-z0-9][A-Za-z0-9._-]{0,62})$")] = Field(alias="from")
    count: Annotated[int, Field(ge=1, le=100)] = 1
    role: Identifier | None = Field(default=None, alias="as")


class ReleaseType(Section):
    """What one kind of release asks for on its way to production."""

    bump: Bump
    notice: Duration | None = None
    gates: tuple[Identifier, ...] = Field(default=())
    approvals: tuple[ApprovalRule, ...] = Field(default=())
    skips: frozenset[Skippable] = Field(default=frozenset())


class Gate(Section):
    """A condition over evidence. Every kind must be there; the newest of each source must pass.

    ``source`` asks for evidence of that source only; ``fresh`` is how old the evidence may be.
    """

    evidence: Annotated[tuple[Identifier, ...], OneOrMore] = Field(min_length=1)
    source: Identifier | None = None
    condition: Annotated[str, Field(alias="pass", min_length=1, max_length=2000)]
    fresh: Duration | None = None


class After(Section):
    """Another environment in which the same subject must have been verified, and for how long."""

    environment: Identifier
    soak: Duration | None = None


class WindowRule(Section):
    """Civil times at which a rollout may start: half-open, in the policy's zone."""

    days: Annotated[str, Field(max_length=60)] = "mon-sun"
    opens: Annotated[str, AfterValidator(_time_of_day)] = Field(default="00:00", alias="from")
    closes: Annotated[str, AfterValidator(_time_of_day)] = Field(default="24:00", alias="to")

    @model_validator(mode="after")
    def _readable(self) -> WindowRule:
        self.window()
        return self

    def window(self) -> Window:
        """The rule as a value of the calendar.

        Raises:
            ValueError: ``days`` or a time is not understood.
        """
        closes = None if self.closes == "24:00" else parse_time(self.closes)
        return Window(_days(self.days), parse_time(self.opens), closes)


def _days(text: str) -> frozenset[Weekday]:
    days: set[Weekday] = set()
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        start = parse_weekday(first.strip())
        end = parse_weekday(last.strip()) if last else start
        days |= {Weekday((start + step) % 7) for step in range((end - start) % 7 + 1)}
    return frozenset(days)


class Freeze(Section):
    """From ``before`` a departure on (without a train: before the start) only changes of the kinds ``allow`` join."""

    before: Duration
    allow: tuple[Identifier, ...] = Field(default=("fix",))


class Rolling(Section):
    """Hosts in batches; between two of them the watch must prove the new version good within ``checkpoint``."""

    batch: Annotated[float, BeforeValidator(_percent)] | Annotated[int, Field(ge=1)] = 1
    checkpoint: Duration | None = None


class Recreate(Section):
    """All hosts at once."""


class Strategy(Section):
    """How the hosts of a target are taken: exactly one of the kinds."""

    rolling: Rolling | None = None
    recreate: Recreate | None = None

    @model_validator(mode="after")
    def _one_of(self) -> Strategy:
        if (self.rolling is None) == (self.recreate is None):
            raise ValueError("say exactly one strategy: rolling: or recreate:")
        return self


class Act(StrEnum):
    """What a person may be permitted to do."""

    OPEN = "open"
    START = "start"
    ROLLBACK = "rollback"
    HOLD = "hold"
    ADOPT = "adopt"


class Permits(Section):
    """Who may do what, as groups or people. What is not listed is nobody's."""

    open: tuple[Identifier, ...] = Field(default=())
    start: tuple[Identifier, ...] = Field(default=())
    rollback: tuple[Identifier, ...] = Field(default=())
    hold: tuple[Identifier, ...] = Field(default=())
    adopt: tuple[Identifier, ...] = Field(default=())


class Purpose(StrEnum):
    """What an environment is for. A release type's own demands hold for production."""

    DEVELOPMENT = "development"
    INTEGRATION = "integration"
    STAGING = "staging"
    PRODUCTION = "production"


class Environment(Section):
    """A place that releases go to, and what it asks of them.

    ``permits`` adds to the organisation's; ``assurance`` is the least with which people act here.
    """

    purpose: Purpose
    after: tuple[After, ...] = Field(default=())
    gates: tuple[Identifier, ...] = Field(default=())
    approvals: tuple[ApprovalRule, ...] = Field(default=())
    windows: tuple[WindowRule, ...] | None = Field(default=None)
    freeze: Freeze | None = None
    strategy: Strategy = Strategy(recreate=Recreate())
    permits: Permits = Permits()
    assurance: Assurance = Field(default=Assurance.SIGNATURE)


class Metrics(Section):
    """The series of a host's metrics page that count requests and errors, as Prometheus selectors."""

    requests: Annotated[str, Field(min_length=1, max_length=500)]
    errors: Annotated[str, Field(min_length=1, max_length=500)]


class Trigger(Section):
    """What takes a release back: an error rate proven above a limit, or failed health checks."""

    error_rate: Annotated[float, BeforeValidator(_over)] | None = None
    health_check: Literal["failed"] | None = None

    @model_validator(mode="after")
    def _one_of(self) -> Trigger:
        if (self.error_rate is None) == (self.health_check is None):
            raise ValueError('say either error_rate: "> 5%" or health_check: failed')
        return self


class Watch(Section):
    """How an environment is watched after (and between the waves of) a rollout."""

    lasts: Duration = Field(alias="for")
    every: Duration = Field(default=timedelta(seconds=15))
    metrics: Metrics | None = None
    roll_back_when: tuple[Trigger, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _has_counts(self) -> Watch:
        if self.metrics is None and any(trigger.error_rate is not None for trigger in self.roll_back_when):
            raise ValueError("error_rate needs metrics: with the series of requests and errors")
        if not self.every:
            raise ValueError("every: must be longer than 0s")
        return self


class Occasion(StrEnum):
    """On what a message is due."""

    OPENED = "release.opened"
    PROGRESSED = "rollout.progressed"
    COMPLETED = "release.completed"
    ROLLED_BACK = "release.rolled_back"


class Message(Section):
    """Something said on an occasion, over channels: ``file:PATH`` appends to a file that people read."""

    on: Occasion
    to: Annotated[tuple[Annotated[str, Field(pattern=r"^file:.+")], ...], OneOrMore] = Field(min_length=1)
    say: Literal["announced", "status", "released", "rolled-back"]


class Policy(Section):
    """An organisation's policy, resolved: the root of the file.

    ``rehearsal`` marks a policy that is not the organisation's real one and says how it differs; it is shown wherever
    the policy decides.
    """

    tidegate: Literal[1]
    organization: Line
    timezone: Annotated[str, AfterValidator(_zone_name)]
    rehearsal: Line | None = None
    people: Mapping[Identifier, Person] = Field(default_factory=dict)
    permits: Permits = Permits()
    components: Mapping[Identifier, Component] = Field(default_factory=dict, max_length=MAX_ENTRIES)
    trains: Mapping[Identifier, Train] = Field(default_factory=dict)
    calendar: Calendar = Calendar()
    release_types: Mapping[Identifier, ReleaseType] = Field(default_factory=dict)
    gates: Mapping[Identifier, Gate] = Field(default_factory=dict)
    environments: Mapping[Identifier, Environment] = Field(default_factory=dict)
    watch: Mapping[Identifier, Watch] = Field(default_factory=dict)
    communication: tuple[Message, ...] = Field(default=())

    def people_of(self, group: str) -> frozenset[str]:
        """The ids of the enabled people of a group; an unknown group is nobody."""
        return frozenset(i for i, person in self.people.items() if group in person.groups and not person.disabled)

    def trains_of(self, component: str) -> dict[str, Train]:
        """The trains that a component rides, by name."""
        known = self.components.get(component)
        return {
            name: train
            for name, train in self.trains.items()
            if train.of.component == component or (known and train.of.kind == known.kind)
        }
