"""The policy: one file that says how an organisation releases, as values.

These models are the schema: the reference page, the JSON Schema and the mistakes in a file come from them. Unknown
keys are mistakes, nothing is coerced, and what is missing permits nothing. ``core/rulebook.py`` compiles a policy;
``store`` keeps the adopted one, resolved, by digest.

The texts below the fields are their entries in the reference and the schema. A validator says ``what is wrong; what to
do``: the second half becomes the remedy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from tidegate.core.actor import Assurance
from tidegate.core.calendar import Cadence, Weekday, Window, parse_cadence, parse_time, parse_weekday, zone
from tidegate.core.duration import Duration, PositiveDuration

FORMAT = 1
"""The policy language's version: the value of the key ``tidegate``."""

MAX_ENTRIES = 10_000
"""How many entries any one mapping or list of a policy may have."""

OWNERS = "$owners"
"""In place of a group: the group that owns the component which is released."""

_IDENTIFIER = r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}"
_LINE = r"[^\x00-\x1f\x7f]+"
_EMAIL = r"[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+"
_FILE = r"file:[^\x00-\x1f\x7f]+"
_PERCENT = r"([0-9]{1,3}(?:\.[0-9]{1,6})?)\s*%"
_FIRST_DAY, _LAST_DAY = date(1970, 1, 1), date(2999, 12, 31)


def _matching(pattern: str, wanted: str) -> Any:
    """A text that matches ``pattern`` as a whole; ``wanted`` completes the sentence about one that does not."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise ValueError(f'"{text[:80]}" {wanted}')
        return text

    return AfterValidator(check)


def _pattern(pattern: str) -> Any:
    return Field(json_schema_extra={"pattern": f"^({pattern})$"})


def _reads(reader: Callable[[str], object]) -> Any:
    """A text that ``reader`` understands, kept as the text."""

    def check(text: str) -> str:
        reader(text)
        return text

    return AfterValidator(check)


def _time_of_day(text: str) -> None:
    if text != "24:00":
        parse_time(text)


def _days(text: str) -> frozenset[Weekday]:
    days: set[Weekday] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        start = parse_weekday(first.strip())
        end = parse_weekday(last.strip()) if dash else start
        days |= {Weekday((start + step) % 7) for step in range((end - start) % 7 + 1)}
    return frozenset(days)


def _relative_path(text: str) -> str:
    path = text.removesuffix("/")
    parts = path.split("/")
    outside = path.startswith(("/", "~")) or ".." in parts
    if outside:
        raise ValueError(f'"{text[:80]}" is outside the repository; write a path inside it, such as modules/billing')
    # A leading dash is an option to many commands, and a leading colon is magic to Git.
    odd = path.startswith(("-", ":")) or "\\" in path or not path.isprintable() or ("." in parts and path != ".")
    if odd or "" in parts:
        raise ValueError(f'"{text[:80]}" is not a plain path; write it as modules/billing')
    return path


# What git-check-ref-format(1) forbids in the name of a tag.
_NO_TAG = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[-/.]|/\.|[/.]$|\.lock(/|$)|^@$")


def _tag_format(text: str) -> str:
    if text.count("{version}") != 1:
        raise ValueError(f'tag "{text[:80]}" must contain {{version}} exactly once; write billing-v{{version}}')
    if re.search(r"[{}]", text.replace("{version}", "")):
        raise ValueError(f'tag "{text[:80]}" has braces besides {{version}}; write billing-v{{version}}')
    if _NO_TAG.search(text.replace("{version}", "1.0.0")):
        raise ValueError(f'tag "{text[:80]}" makes no tag that Git accepts; write billing-v{{version}}')
    return text


def _day(value: date) -> date:
    if not _FIRST_DAY <= value <= _LAST_DAY:
        raise ValueError(f"{value} is out of reach; write a day from {_FIRST_DAY} to {_LAST_DAY}")
    return value


def _fraction(text: str) -> float:
    # By way of decimals, so that the text made from the number reads back as the very same number.
    return float(Decimal(text) / 100)


def _key_line(text: str) -> str:
    # Never repeated: by mistake it may be a secret.
    if "PRIVATE KEY" in text:
        raise ValueError("this is a private key, and no longer a secret; make a new one, and write its .pub file here")
    if not re.fullmatch(_LINE, text):
        raise ValueError("a public key has a line break or a control character; write it on one line")
    return text


def _percent_text(value: float) -> str:
    return f"{(Decimal(repr(value)) * 100).normalize():f}%"


def _batch(value: Any, info: ValidationInfo) -> float | int:
    match = re.fullmatch(_PERCENT, value) if isinstance(value, str) else None
    share = _fraction(match[1]) if match else value if info.mode == "python" else None
    # All hosts at once is no rolling: the other strategy says it, and 1.0 would be equal to one host.
    if share == 1 and isinstance(share, float):
        raise ValueError("a batch of 100% is no batch; write recreate: {} in place of rolling:")
    if isinstance(share, float) and 0 < share < 1:
        return share
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_ENTRIES:
        return value
    raise ValueError(f"{str(value)[:40]} is not a batch; write a share such as 25%, or a number of hosts such as 1")


def _over(value: Any, info: ValidationInfo) -> float:
    match = re.fullmatch(r">\s*" + _PERCENT, value) if isinstance(value, str) else None
    if match and 0 < _fraction(match[1]) < 1:
        return _fraction(match[1])
    if isinstance(value, float) and 0 < value < 1 and info.mode == "python":
        return value
    raise ValueError(f'{str(value)[:40]} is not a limit above 0 % and below 100 %; write "> 5%"')


def _batch_text(value: float | int) -> str | int:
    return _percent_text(value) if isinstance(value, float) else value


def _over_text(value: float) -> str:
    return f"> {_percent_text(value)}"


def _exactly_one(choices: Mapping[str, object]) -> None:
    given = [name for name, value in choices.items() if value is not None]
    if len(given) != 1:
        found = f"{' and '.join(given)} are given together" if given else "nothing is given"
        raise ValueError(f"{found}; write exactly one of {' and '.join(choices)}")


def _several(value: Any) -> Any:
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


def _sorted(values: frozenset[str]) -> list[str]:
    return sorted(values)


_NAME_WANTED = "is not a name; use letters, digits, dot, dash and underscore, at most 63"

Identifier = Annotated[str, _matching(_IDENTIFIER, _NAME_WANTED), _pattern(_IDENTIFIER)]
GroupName = Annotated[
    str,
    _matching(rf"\$owners|{_IDENTIFIER}", "is not a group; write its name, or $owners"),
    _pattern(rf"\$owners|{_IDENTIFIER}"),
]
RelativePath = Annotated[str, Field(min_length=1, max_length=1024), AfterValidator(_relative_path)]
Line = Annotated[
    str,
    Field(min_length=1, max_length=500),
    _matching(_LINE, "has a line break or a control character; write it on one line"),
]
Key = Annotated[str, Field(min_length=1, max_length=16_000), AfterValidator(_key_line)]
Email = Annotated[
    str, Field(max_length=254), _matching(_EMAIL, "is not a mail address; write alice@example.org"), _pattern(_EMAIL)
]
Channel = Annotated[str, _matching(_FILE, "is not a channel; write file: and a path"), _pattern(_FILE)]
Day = Annotated[date, AfterValidator(_day)]
OneOrMore = BeforeValidator(_several, json_schema_input_type=str | list[str])


class Section(BaseModel):
    """A part of the policy: frozen, strict, and without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class Person(Section):
    """Somebody who may act."""

    name: Line
    """The name that people read."""
    email: Email | None = None
    """Where mail reaches them, and how Git knows what they wrote."""
    groups: tuple[Identifier, ...] = Field(default=())
    """The groups they are in; a group exists when somebody is in it."""
    keys: tuple[Key, ...] = Field(default=())
    """The SSH public keys with which they sign, as in `id_ed25519.pub`. A key belongs to one person."""
    disabled: bool = False
    """Whether they no longer count: not as approvers, not by what they approved before."""


class Archive(Section):
    """A package built reproducibly from the component's tree at the released commit."""

    archive: Identifier
    """The name of the package."""


class HostTarget(Section):
    """Where a component goes in one environment. The settings besides `driver` are the driver's own."""

    model_config = ConfigDict(extra="allow")

    driver: Identifier
    """What deploys there, such as `host`."""


class Component(Section):
    """What has versions: the files under `path` and the `shared` paths, tagged by `tag`."""

    kind: Identifier = "service"
    """A word of your own, by which trains select components: service, module, platform."""
    path: RelativePath = "."
    """Its directory in the repository."""
    shared: tuple[RelativePath, ...] = Field(default=())
    """Other paths of the repository that are part of it."""
    tag: Annotated[str, Field(max_length=200), AfterValidator(_tag_format)] = "v{version}"
    """The name of its Git tags, with `{version}` in it once."""
    owners: Identifier | None = None
    """The group that owns it; `$owners` in an approval means this group."""
    artifact: Archive = Archive(archive="package")
    """What is built from it."""
    migrations: RelativePath | None = None
    """The directory of its database migrations."""
    config: Mapping[Identifier, RelativePath] = Field(default_factory=dict)
    """Its configuration file, by environment."""
    targets: Mapping[Identifier, HostTarget] = Field(default_factory=dict)
    """Where it goes, by environment."""


class Selector(Section):
    """Which components are meant: of a kind, or by name."""

    kind: Identifier | None = None
    """All components of this kind."""
    component: Identifier | None = None
    """This one component."""

    @model_validator(mode="after")
    def _one_of(self) -> Selector:
        _exactly_one({"kind": self.kind, "component": self.component})
        return self


class Train(Section):
    """A cadence that releases ride to one environment."""

    of: Selector
    """Which components ride it."""
    every: Annotated[str, Field(max_length=100), _reads(parse_cadence)]
    """When it departs: `2 weeks on tuesday at 10:00`, `month on first tuesday at 10:00`, `day at 10:00`."""
    starts: Day = Field(alias="from")
    """The day from which its periods are counted; it never departs before."""
    to: Identifier = "production"
    """The environment it goes to."""
    lasts: PositiveDuration | None = None
    """How long a run can be boarded; without it, to the end of its day."""

    def cadence(self) -> Cadence:
        """``every:`` as a value."""
        return parse_cadence(self.every)


class Blackout(Section):
    """Days on which nothing goes."""

    name: Line
    """What it is called where it says no."""
    starts: Day = Field(alias="from")
    """Its first day."""
    ends: Day = Field(alias="to")
    """Its last day, included."""
    exempt: tuple[Identifier, ...] = Field(default=(), alias="except")
    """The release types that may go nevertheless."""
    environments: tuple[Identifier, ...] | None = Field(default=None)
    """Where it holds; without it, in every environment for production."""

    @model_validator(mode="after")
    def _in_order(self) -> Blackout:
        if self.ends < self.starts:
            raise ValueError(f"the blackout ends on {self.ends}, before it starts on {self.starts}; swap the two")
        return self


class Calendar(Section):
    """What the year holds for everybody."""

    blackouts: tuple[Blackout, ...] = Field(default=())
    """The days on which nothing goes."""


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
    """So many different people of one group say yes. Who wrote what is released does not count."""

    group: GroupName = Field(alias="from")
    """The group; `$owners` is the group that owns the component."""
    count: Annotated[int, Field(ge=1, le=100)] = 1
    """How many people."""
    role: Identifier | None = Field(default=None, alias="as")
    """What they approve as, where one group approves in several roles."""
    author_may: bool = False
    """Whether who wrote what is released counts too."""


class ReleaseType(Section):
    """What one kind of release asks for on its way to production."""

    bump: Bump
    """Which part of the version it raises."""
    notice: Duration | None = None
    """How long before it goes it must have been announced."""
    gates: tuple[Identifier, ...] = Field(default=())
    """The gates it passes before production, besides those of the environment."""
    approvals: tuple[ApprovalRule, ...] = Field(default=())
    """The approvals it needs for production, besides those of the environment."""
    skips: Annotated[frozenset[Skippable], PlainSerializer(_sorted, return_type=list[str], when_used="json")] = Field(
        default=frozenset()
    )
    """The time rules that it does not wait for."""


class Gate(Section):
    """A condition over evidence. Every kind must be there; the newest of each source must pass."""

    evidence: Annotated[tuple[Identifier, ...], OneOrMore] = Field(min_length=1)
    """The kinds of evidence that it looks at, each by itself."""
    source: Identifier | None = None
    """Evidence of this source only."""
    condition: Annotated[str, Field(alias="pass", min_length=1, max_length=2000)]
    """When it passes: a condition in CEL, such as `tests.total > 0 && tests.failed == 0`."""
    fresh: PositiveDuration | None = None
    """How old the evidence may be."""


class After(Section):
    """Another environment in which the same subject must have been verified."""

    environment: Identifier
    """Which."""
    soak: Duration | None = None
    """For how long it must have been there."""


class WindowRule(Section):
    """Civil times at which a rollout may start: half-open, in the policy's zone.

    One that ends at or before the time it begins reaches into the next day.
    """

    days: Annotated[str, Field(max_length=60), _reads(_days)] = "mon-sun"
    """The days on which it begins: `mon-thu`, `tue`, `mon,wed,fri`."""
    opens: Annotated[str, _reads(parse_time)] = Field(default="00:00", alias="from")
    """The time at which it begins, included."""
    closes: Annotated[str, _reads(_time_of_day)] = Field(default="24:00", alias="to")
    """The time at which it ends, not included."""

    def window(self) -> Window:
        """The rule as a value of the calendar."""
        closes = None if self.closes == "24:00" else parse_time(self.closes)
        return Window(_days(self.days), parse_time(self.opens), closes)


class Freeze(Section):
    """Some time before it goes, only changes of some kinds still join a release."""

    before: PositiveDuration
    """How long before a departure (without a train: before the start)."""
    allow: tuple[Identifier, ...] = Field(default=("fix",))
    """The kinds of change that may still join, as conventional commits name them."""


class Rolling(Section):
    """Hosts in batches; between two of them the watch must prove the new version good."""

    batch: Annotated[
        float | int,
        BeforeValidator(_batch),
        PlainSerializer(_batch_text, return_type=str | int, when_used="json"),
        WithJsonSchema({"anyOf": [{"type": "string", "pattern": f"^{_PERCENT}$"}, {"type": "integer", "minimum": 1}]}),
    ] = 1
    """How many hosts at once: a number, or a share such as `25%`."""
    checkpoint: PositiveDuration | None = None
    """How long the watch has to prove a batch good."""


class Recreate(Section):
    """All hosts at once."""


class Strategy(Section):
    """How the hosts of a target are taken: exactly one of the kinds."""

    rolling: Rolling | None = None
    """Hosts in batches."""
    recreate: Recreate | None = None
    """All hosts at once."""

    @model_validator(mode="after")
    def _one_of(self) -> Strategy:
        _exactly_one({"rolling": self.rolling, "recreate": self.recreate})
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
    """Who may open, rebase and cancel releases."""
    start: tuple[Identifier, ...] = Field(default=())
    """Who may start a rollout, once the policy allows it."""
    rollback: tuple[Identifier, ...] = Field(default=())
    """Who may roll back."""
    hold: tuple[Identifier, ...] = Field(default=())
    """Who may stop the line, and lift what stops it."""
    adopt: tuple[Identifier, ...] = Field(default=())
    """Who may adopt a policy, and what runs today as a version."""


class Purpose(StrEnum):
    """What an environment is for. A release type's own demands hold for production."""

    DEVELOPMENT = "development"
    INTEGRATION = "integration"
    STAGING = "staging"
    PRODUCTION = "production"


class Environment(Section):
    """A place that releases go to, and what it asks of them."""

    purpose: Purpose
    """What it is for; what a release type asks for is asked in production."""
    after: tuple[After, ...] = Field(default=())
    """Where the same subject must have been verified before."""
    gates: tuple[Identifier, ...] = Field(default=())
    """The gates that every release passes before it."""
    approvals: tuple[ApprovalRule, ...] = Field(default=())
    """The approvals that every release needs for it."""
    windows: tuple[WindowRule, ...] | None = Field(default=None)
    """When a rollout may start; without it at any time, with an empty list never."""
    freeze: Freeze | None = None
    """From when on only some changes still join."""
    strategy: Strategy = Strategy(recreate=Recreate())
    """How the hosts are taken."""
    permits: Permits = Permits()
    """Who may do what here, besides those whom the organisation permits."""
    assurance: Assurance = Field(default=Assurance.SIGNATURE)
    """How sure we must be of who acts here, at least."""


class Metrics(Section):
    """The series of a host's metrics page that count requests and errors, as Prometheus selectors."""

    requests: Annotated[str, Field(min_length=1, max_length=500)]
    """Counts all requests."""
    errors: Annotated[str, Field(min_length=1, max_length=500)]
    """Counts those that failed."""


class Trigger(Section):
    """What takes a release back: an error rate proven above a limit, or failed health checks."""

    error_rate: (
        Annotated[
            float,
            BeforeValidator(_over),
            PlainSerializer(_over_text, return_type=str, when_used="json"),
            WithJsonSchema({"type": "string", "pattern": rf"^>\s*{_PERCENT}$", "examples": ["> 5%"]}),
        ]
        | None
    ) = None
    """The limit of the share of requests that fail: `> 5%`."""
    health_check: Literal["failed"] | None = None
    """`failed`: the health checks of a host fail."""

    @model_validator(mode="after")
    def _one_of(self) -> Trigger:
        _exactly_one({"error_rate": self.error_rate, "health_check": self.health_check})
        return self


class Watch(Section):
    """How an environment is watched after (and between the waves of) a rollout."""

    lasts: Duration = Field(alias="for")
    """For how long after the last wave."""
    every: PositiveDuration = Field(default=timedelta(seconds=15))
    """How often it looks."""
    metrics: Metrics | None = None
    """Where the counts of requests and errors come from."""
    roll_back_when: tuple[Trigger, ...] = Field(min_length=1)
    """What takes the release back; any one of them is enough."""

    @model_validator(mode="after")
    def _has_counts(self) -> Watch:
        if self.metrics is None and any(trigger.error_rate is not None for trigger in self.roll_back_when):
            raise ValueError("error_rate has nothing to count; add metrics: with the series of requests and errors")
        return self


class Occasion(StrEnum):
    """On what a message is due."""

    OPENED = "release.opened"
    PROGRESSED = "rollout.progressed"
    COMPLETED = "release.completed"
    ROLLED_BACK = "release.rolled_back"


class Message(Section):
    """Something said on an occasion, over channels."""

    on: Occasion
    """When it is due."""
    to: Annotated[tuple[Channel, ...], OneOrMore] = Field(min_length=1)
    """Where it goes: `file:PATH` appends to a file that people read."""
    say: Literal["announced", "status", "released", "rolled-back"]
    """Which text."""


class Policy(Section):
    """An organisation's policy, resolved: the root of the file."""

    tidegate: Literal[1]
    """The version of the policy language."""
    organization: Line
    """Who releases."""
    timezone: Annotated[str, Field(max_length=100), _reads(zone)]
    """The IANA zone in which the policy's times are meant."""
    rehearsal: Line | None = None
    """Marks a policy that is not the real one, and says how it differs; shown wherever the policy decides."""
    people: Mapping[Identifier, Person] = Field(default_factory=dict, max_length=MAX_ENTRIES)
    """Who may act, by the name that they are called here."""
    permits: Permits = Permits()
    """Who may do what, everywhere."""
    assurance: Assurance = Field(default=Assurance.SIGNATURE)
    """The least with which people adopt policies and stop the line."""
    components: Mapping[Identifier, Component] = Field(default_factory=dict, max_length=MAX_ENTRIES)
    """What has versions."""
    trains: Mapping[Identifier, Train] = Field(default_factory=dict, max_length=MAX_ENTRIES)
    """The cadences that releases ride."""
    calendar: Calendar = Calendar()
    """What the year holds for everybody."""
    release_types: Mapping[Identifier, ReleaseType] = Field(default_factory=dict, max_length=MAX_ENTRIES)
    """The kinds of release, such as minor and hotfix."""
    gates: Mapping[Identifier, Gate] = Field(default_factory=dict, max_length=MAX_ENTRIES)
    """The conditions that release types and environments name."""
    environments: Mapping[Identifier, Environment] = Field(default_factory=dict, max_length=MAX_ENTRIES)
    """The places that releases go to."""
    watch: Mapping[Identifier, Watch] = Field(default_factory=dict, max_length=MAX_ENTRIES)
    """How each environment is watched."""
    communication: tuple[Message, ...] = Field(default=(), max_length=MAX_ENTRIES)
    """What is said to whom, on what occasion."""

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
