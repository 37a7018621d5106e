"""Where releases go, how they get there, how they are watched, and how they come back."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from tidegate.core.actor import Assurance
from tidegate.core.calendar import zone
from tidegate.core.duration import Duration, PositiveDuration
from tidegate.core.frequency import FrequencyText
from tidegate.core.policy.base import (
    EMPTY_IS_ALL,
    MAX_ENTRIES,
    PERCENT,
    SAID,
    Argument,
    Identifier,
    Line,
    Names,
    RelativePath,
    Section,
    Stricter,
    Text,
    exactly_one,
    fraction,
    matching,
    percent_text,
    reads,
)
from tidegate.core.policy.component import SecretFrom
from tidegate.core.policy.people import ApprovalRule, Permits
from tidegate.core.policy.time import Freeze, WindowRule
from tidegate.core.written import written


def _batch(value: Any, info: ValidationInfo) -> float | int:
    match = re.fullmatch(PERCENT, value) if isinstance(value, str) else None
    share = fraction(match[1]) if match else value if info.mode == "python" else None
    # All hosts at once is no rolling: the other strategy says it, and 1.0 would be equal to one host.
    if share == 1 and isinstance(share, float):
        raise ValueError("a batch of 100% is no batch; write recreate: {} in place of rolling:")
    if isinstance(share, float) and 0 < share < 1:
        return share
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_ENTRIES:
        return value
    raise ValueError(f"{written(value)} is not a batch; write a share such as 25%, or a number of hosts such as 1")


def _over(value: Any, info: ValidationInfo) -> float:
    match = re.fullmatch(r">\s*" + PERCENT, value) if isinstance(value, str) else None
    if match and 0 < fraction(match[1]) < 1:
        return fraction(match[1])
    if isinstance(value, float) and 0 < value < 1 and info.mode == "python":
        return value
    raise ValueError(f'{written(value)} is not a limit above 0 % and below 100 %; write "> 5%"')


def _batch_text(value: float | int) -> str | int:
    return percent_text(value) if isinstance(value, float) else value


def _over_text(value: float) -> str:
    return f"> {percent_text(value)}"


def _slower(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(_SLOWER, value):
        return value
    raise ValueError(f'{written(value)} is not a limit of the response time; write "> 2x baseline" or "> 200ms"')


_SLOWER = r">\s*([0-9]{1,3}(?:\.[0-9]{1,3})?)x baseline|>\s*([0-9]{1,9})\s*(ms|s)"


class After(Section):
    """Another environment in which the same subject must have been verified; its name alone is enough."""

    shorthand: ClassVar[str] = "environment"

    environment: Annotated[Identifier, Names("environment")]
    """Which."""
    soak: Annotated[Duration | None, Stricter.MORE] = None
    """For how long it must have been there."""


class Rolling(Section):
    """Hosts in batches; between two of them the watch must prove the new version good."""

    batch: Annotated[
        float | int,
        Stricter.LESS,
        BeforeValidator(_batch),
        PlainSerializer(_batch_text, return_type=str | int, when_used="json"),
        WithJsonSchema({"anyOf": [{"type": "string", "pattern": f"^{PERCENT}$"}, {"type": "integer", "minimum": 1}]}),
    ] = 1
    """How many hosts at once: a number, or a share such as `25%`."""
    max_unavailable: Annotated[Annotated[int, Field(ge=1, le=10_000)] | None, Stricter.LESS] = None
    """How many hosts may be out of service at once; a batch is never larger."""
    checkpoint: PositiveDuration | None = None
    """How long the watch has to prove a batch good."""


class Recreate(Section):
    """All hosts at once."""


class BlueGreen(Section):
    """The new version beside the old one, then all traffic at once; the old one is kept for the way back."""

    switch: Identifier | None = None
    """The traffic switch, such as `haproxy`, where the target must have this one."""
    keep_warm: Annotated[Duration, Stricter.MORE] = timedelta(hours=1)
    """How long the old version is kept running, at least; it is until the next release takes its place."""


class CanaryStep(Section):
    """A share of the traffic, and how long it stays there."""

    weight: Annotated[
        str,
        matching(PERCENT, "is not a share; write one such as 5%"),
    ]
    """The share of the traffic that the new version has: `5%`."""
    lasts: PositiveDuration | None = Field(default=None, alias="for")
    """How long the watch looks before the next step; without it a person takes it on."""


_S = TypeVar("_S", bound=Section)


def _rising(section: _S, steps: Sequence[CanaryStep]) -> _S:
    """Each step is more than the one before, from a hundredth of a percent to all."""
    before = Decimal(0)
    for step in steps:
        share = Decimal(step.weight.rstrip("% "))
        if not (before < share <= 100 and share >= Decimal("0.01")):
            raise ValueError(
                f"the step {written(step.weight)} is no step up; write shares that rise, from 0.01% to 100%"
            )
        before = share
    return section


class Canary(Section):
    """A little of the traffic first, then more."""

    switch: Identifier | None = None
    """The traffic switch, such as `haproxy`, where the target must have this one. A target without pools takes a part
    of its hosts first instead."""
    steps: tuple[CanaryStep, ...] = Field(min_length=1)
    """The steps, in their order; after the last of them all of the traffic."""

    @model_validator(mode="after")
    def _steps_rise(self) -> Self:
        return _rising(self, self.steps)


class FeatureFlag(Section):
    """Deployed switched off, then switched on for some, then for all."""

    flag: Line | None = None
    """The flag, where the target must have this one."""
    steps: tuple[CanaryStep, ...] = Field(default=())
    """The shares for which it is switched on; after the last of them for all."""

    @model_validator(mode="after")
    def _steps_rise(self) -> Self:
        return _rising(self, self.steps)


class Strategy(Section):
    """How the hosts of a target are taken: exactly one of the kinds."""

    choices: ClassVar[tuple[str, ...]] = ("rolling", "recreate", "blue_green", "canary", "feature_flag")

    rolling: Rolling | None = None
    """Hosts in batches."""
    recreate: Recreate | None = None
    """All hosts at once."""

    blue_green: BlueGreen | None = None
    """The new version beside the old one, then all traffic at once."""
    canary: Canary | None = None
    """A little of the traffic first, then more."""
    feature_flag: FeatureFlag | None = None
    """Deployed switched off, then switched on."""

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        exactly_one({name: getattr(self, name) for name in self.choices})
        return self

    @property
    def kind(self) -> str:
        """Which of the kinds it is, as the file writes it."""
        return next(name for name in type(self).model_fields if getattr(self, name) is not None)


class Purpose(StrEnum):
    """What an environment is for. A release type's own demands hold for production."""

    LOCAL = "local"
    CI = "ci"
    DEVELOPMENT = "development"
    INTEGRATION = "integration"
    STAGING = "staging"
    PRODUCTION = "production"


class DataClass(StrEnum):
    """What kind of data is in an environment."""

    NONE = "none"
    SYNTHETIC = "synthetic"
    SANITISED = "sanitised"
    LIVE = "live"


class Promotion(Section):
    """What brings a release to an environment, and when."""

    trigger: Annotated[Line | None, SAID] = None
    """What must have happened in the environment before."""
    when: Annotated[tuple[Line, ...], SAID] = Field(default=())
    """When it is promoted: daily, on demand, at a milestone."""
    automatic: Annotated[bool, Stricter.FALSE] = False
    """Whether Tidegate itself asks for the start here: as soon as a release was verified in each environment that
    `after` names, or, where that names none, as soon as it is opened. It starts when every rule allows it."""


class Health(Section):
    """A page that says that a service is well."""

    url: Annotated[
        str,
        matching(
            r"https?://[^\s]+",
            "is not an address of a page; write one such as https://example.org/health",
            max_length=1000,
        ),
    ]
    """Its address."""
    contains: Annotated[Line | None, Stricter.DEMANDS] = None
    """What must be on it."""


class Environment(Section):
    """A place that releases go to, and what it asks of them."""

    purpose: Purpose
    """What it is for; what a release type asks for is asked in production. There may be several environments for
    production, such as regions: a release is done when each of them has it in which its components have a target."""
    title: Line | None = None
    """What it is used for, in words."""
    data: DataClass | None = None
    """What kind of data is in it; `live` data belongs to production alone."""
    access: Annotated[tuple[Identifier, ...] | None, Stricter.GRANTS_WHERE_GIVEN, Names("group")] = Field(default=None)
    """The groups that have access to it; who is in none starts nothing there. An empty list is nobody."""
    mirror_of: Annotated[Identifier | None, Names("environment")] = None
    """The environment that it is like; where the two differ is shown."""
    promotion: Promotion = Field(default_factory=Promotion)
    """What brings a release here."""
    deploy_from: Annotated[tuple[Line, ...] | None, Stricter.GRANTS_WHERE_GIVEN, Names("source of deployments")] = (
        Field(default=None)
    )
    """The branches that may be deployed here, or `tag`, the component's own; what comes from none is refused."""
    after: Annotated[tuple[After, ...], Stricter.DEMANDS] = Field(default=())
    """Where the same subject must have been verified before."""
    gates: Annotated[tuple[Identifier, ...], Stricter.DEMANDS, Names("gate")] = Field(default=())
    """The gates that every release passes before it."""
    approvals: Annotated[tuple[ApprovalRule, ...], Stricter.DEMANDS] = Field(default=())
    """The approvals that it takes to promote a release to it."""
    documents: Annotated[tuple[Identifier, ...], Stricter.DEMANDS, Names("document")] = Field(default=())
    """The documents that every release needs for it."""
    checklists: Annotated[tuple[Identifier, ...], Stricter.DEMANDS, Names("checklist")] = Field(default=())
    """The checklists that are ticked before it."""
    backups: Annotated[tuple[Identifier, ...], Stricter.DEMANDS, Names("backup")] = Field(default=())
    """The backups that must stand before a release starts here: taken, fresh, verified, and what else each asks."""
    windows: Annotated[tuple[WindowRule, ...] | None, Stricter.GRANTS_WHERE_GIVEN] = Field(default=None)
    """When a rollout may start; without it at any time, with an empty list never."""
    timezone: Annotated[Annotated[str, reads(zone, max_length=100)] | None, Stricter.EITHER] = None
    """The IANA zone in which its windows are meant; without it the policy's."""
    freeze: Annotated[Freeze | None, Stricter.DEMANDS] = None
    """From when on only some changes still join."""
    strategy: Strategy = Field(default_factory=lambda: Strategy(recreate=Recreate()))
    """How the hosts are taken."""
    may_use: Annotated[tuple[Identifier, ...], Stricter.GRANTS, Names("strategy")] = Field(default=())
    """The named strategies that a release may choose instead."""
    smoke: Annotated[tuple[Argument, ...], Stricter.GIVEN, SAID] = Field(default=())
    """The command that tries it out, as a list of arguments."""
    health: Annotated[tuple[Health, ...], Stricter.DEMANDS, SAID] = Field(default=())
    """The pages that say that it is well."""
    config: Annotated[Mapping[Identifier, bool | int | Line], Stricter.DEMANDS] = Field(default_factory=dict)
    """What its configuration must say, by setting: `tidegate environment check` compares. A setting with the word `min`
    or `max` in its name asks for at least or at most that."""
    permits: Permits = Field(default_factory=Permits)
    """Who may do what here, besides those whom the organisation permits."""
    assurance: Annotated[Assurance, Stricter.MORE] = Field(default=Assurance.SIGNATURE)
    """How sure we must be of who acts here, at least."""


class Metrics(Section):
    """The series of a host's metrics page that count requests and errors, as Prometheus selectors."""

    requests: Annotated[str, Text(min_length=1, max_length=500)]
    """Counts all requests."""
    errors: Annotated[str, Text(min_length=1, max_length=500)]
    """Counts those that failed."""


class Trigger(Section):
    """What takes a release back: an error rate proven above a limit, slow answers, or failed health checks."""

    choices: ClassVar[tuple[str, ...]] = ("error_rate", "response_time", "health_check")

    error_rate: Annotated[
        Annotated[
            float,
            BeforeValidator(_over),
            PlainSerializer(_over_text, return_type=str, when_used="json"),
            WithJsonSchema({"type": "string", "pattern": rf"^>\s*{PERCENT}$", "examples": ["> 5%"]}),
        ]
        | None,
        Stricter.LESS,
    ] = None
    """The limit of the share of requests that fail: `> 5%`."""
    response_time: Annotated[
        Annotated[str, BeforeValidator(_slower), WithJsonSchema({"type": "string", "pattern": f"^({_SLOWER})$"})]
        | None,
        Stricter.LESS,
        SAID,
    ] = None
    """The limit of the response time: `> 2x baseline`, `> 200ms`."""
    health_check: Literal["failed"] | None = None
    """`failed`: the health checks of a host fail."""

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        exactly_one({name: getattr(self, name) for name in self.choices})
        return self


class Watch(Section):
    """How an environment is watched after (and between the waves of) a rollout."""

    lasts: Annotated[Duration, Stricter.MORE] = Field(alias="for")
    """For how long after the last wave."""
    baseline: Annotated[Literal["previous-version"] | None, SAID] = None
    """What is compared with: the version before."""
    observes: Annotated[tuple[Line, ...], Stricter.DEMANDS, SAID] = Field(default=())
    """What people look at meanwhile, in words."""
    monitor: Annotated[Line | None, Stricter.DEMANDS, SAID] = None
    """The monitor outside that is told before, during and after a release, and asked what it saw."""
    every: Annotated[PositiveDuration, Stricter.LESS] = Field(default=timedelta(seconds=15))
    """How often it looks."""
    metrics: Metrics | None = None
    """Where the counts of requests and errors come from."""
    roll_back_when: Annotated[tuple[Trigger, ...], Stricter.DEMANDS] = Field(min_length=1)
    """What takes the release back; any one of them is enough."""

    @model_validator(mode="after")
    def _has_counts(self) -> Self:
        if self.metrics is None and any(trigger.error_rate is not None for trigger in self.roll_back_when):
            raise ValueError("error_rate has nothing to count; add metrics: with the series of requests and errors")
        return self


class StageKind(StrEnum):
    """What a stage of a pipeline does."""

    BUILD = "build"
    TEST = "test"
    SECURITY_SCAN = "security-scan"
    APPROVAL = "approval"
    BACKUP = "backup"
    DEPLOY = "deploy"
    SMOKE = "smoke"


class Stage(Section):
    """One stage of a pipeline."""

    does: StageKind
    """What it does."""
    run: tuple[Argument, ...] = Field(default=())
    """The command, as a list of arguments, where Tidegate runs it; a stage that deploys is carried out by the
    target's driver instead. It may hold `{release}`, `{component}`, `{version}`, `{commit}` and `{environment}`."""
    expects: Annotated[str, Text(min_length=1, max_length=200)] | None = None
    """What the command must say, on either stream, with the same placeholders: an exit code alone is not believed."""
    report: RelativePath | None = None
    """The report that the command must write; with a gate it is read as evidence."""
    time_limit: PositiveDuration = timedelta(minutes=10)
    """How long the command may take."""
    environment: Annotated[Identifier | None, Names("environment")] = None
    """Where it does it."""
    gate: Annotated[Identifier | None, Names("gate")] = None
    """The gate that its report passes."""


class Pipeline(Section):
    """A pipeline as it is: what starts it, and its stages in their order."""

    on_tag: Annotated[str, Text(min_length=1, max_length=200)] | None = None
    """The tags that start it: `v*`."""
    on_branch: Annotated[str, Text(min_length=1, max_length=200)] | None = None
    """The branch that starts it."""
    tool: Line | None = None
    """What runs it."""
    stages: tuple[Stage, ...] = Field(min_length=1)
    """Its stages, in their order."""
    of: Annotated[tuple[Identifier, ...], Names("component"), EMPTY_IS_ALL] = Field(default=())
    """The components that it is of; without it all."""


class Pipelines(Section):
    """How deployments are automated."""

    must_have: Annotated[tuple[StageKind, ...], Stricter.DEMANDS] = Field(default=())
    """The stages that every pipeline must have; one that lacks a stage is refused."""
    each: Mapping[Identifier, Pipeline] = Field(default_factory=dict)
    """The pipelines."""


class Offsite(Section):
    """A copy of a backup somewhere else."""

    to: Line
    """Where: a remote of `rclone` and a path on it, such as `gdrive:backups`."""
    verified: Annotated[bool, Stricter.TRUE] = True
    """Whether it counts only when it was found there with the right size and hash."""


class PostgresDump(Section):
    """A database of PostgreSQL, by `pg_dump` in its custom format."""

    url: SecretFrom
    """Where its address is found: `postgresql://user:password@host/database`."""
    scratch: SecretFrom | None = None
    """Where the address of the server is found on which it is restored for a test; without it the same one."""


class MySQLDump(Section):
    """A database of MySQL or MariaDB, by `mariadb-dump` or `mysqldump` in one transaction."""

    url: SecretFrom
    """Where its address is found: `mysql://user:password@host/database`."""
    scratch: SecretFrom | None = None
    """Where the address of the server is found on which it is restored for a test; without it the same one."""


class FilesCopy(Section):
    """A directory with all that lies in it, as a `tar.gz`."""

    shorthand: ClassVar[str] = "directory"

    directory: Line
    """Which; a relative one begins where the policy file lies."""
    without: tuple[Line, ...] = Field(default=())
    """What is left out, as paths inside it: `cache`, `var/log`."""


class CommandCopy(Section):
    """An organisation's own commands, as lists of arguments. `{file}` is the file of the backup, `{to}` the scratch."""

    take: Annotated[tuple[Argument, ...], Field(min_length=1)]
    """Writes the backup to `{file}`."""
    verify: tuple[Argument, ...] = Field(default=())
    """Reads `{file}` and ends with 0 if it is whole; without it nobody can tell more than that it is unchanged."""
    restore: tuple[Argument, ...] = Field(default=())
    """Restores `{file}` to `{to}`."""
    figures: tuple[Argument, ...] = Field(default=())
    """Prints what is compared, such as counts and checksums: of what is backed up where `{to}` is empty, else of what
    was restored there."""
    remove: tuple[Argument, ...] = Field(default=())
    """Removes `{to}` after it was compared."""


class BackupOf(Section):
    """What is backed up by Tidegate itself: exactly one of the kinds."""

    choices: ClassVar[tuple[str, ...]] = ("postgres", "mysql", "files", "command")

    postgres: PostgresDump | None = None
    """A database of PostgreSQL."""
    mysql: MySQLDump | None = None
    """A database of MySQL or MariaDB."""
    files: FilesCopy | None = None
    """A directory."""
    command: CommandCopy | None = None
    """By commands of your own."""

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        exactly_one({name: getattr(self, name) for name in self.choices})
        return self

    @property
    def kind(self) -> str:
        """Which of the kinds it is, as the file writes it."""
        return next(name for name in self.choices if getattr(self, name) is not None)


class Backup(Section):
    """A backup, and what makes it count. One without `of` is taken by something else, and stated as evidence."""

    title: Line
    """What is backed up."""
    by: Identifier | None = None
    """What takes it, such as `akeeba` or `pg_dump`."""
    of: BackupOf | None = None
    """What Tidegate backs up, and how; without it something else does."""
    kept_in: Line | None = None
    """The directory in which it is kept, beside the policy file if relative; without it `.tidegate/backups`."""
    keep: Annotated[Annotated[int, Field(ge=1, le=MAX_ENTRIES)], Stricter.MORE] = 7
    """How many of the newest that are verified are kept; older ones are removed when one is taken."""
    take: Annotated[Literal["before-release"] | None, Stricter.DEMANDS] = None
    """`before-release`: `tidegate deploy` takes one before it starts a rollout; without it somebody does."""
    fresh: Annotated[PositiveDuration | None, Stricter.LESS] = None
    """How old it may be when a release starts."""
    verified: Annotated[bool, Stricter.TRUE] = True
    """Whether it counts only when it was read back: its checksum, its contents, and its size beside those before."""
    offsite: Annotated[Offsite | None, Stricter.DEMANDS] = None
    """Its copy somewhere else."""
    restored_every: Annotated[PositiveDuration | None, Stricter.LESS] = None
    """How often it is restored into a scratch place and compared."""
    environments: Annotated[tuple[Identifier, ...], Names("environment"), EMPTY_IS_ALL] = Field(default=())
    """Of where; without it of production. What Tidegate takes itself is of one."""


class RollbackPlan(Section):
    """How a release comes back, when, and by whom."""

    document: Annotated[Identifier | None, Stricter.DEMANDS, SAID, Names("document")] = None
    """The document that every release has for it."""
    templates: RelativePath | None = None
    """The directory of its templates."""
    validated: Annotated[bool, Stricter.TRUE] = False
    """Whether it is tried out, dry, before production."""
    criteria: tuple[Line, ...] = Field(default=())
    """When a person rolls back, in words; when the watch does, `watch` says."""
    automatic_attempts: Annotated[int, Field(ge=0, le=10)] = 1
    """How often the watch may take back one release; then a person decides."""
    application: Line | None = None
    """How the application goes back, in words."""
    database: Line | None = None
    """How the database goes back, in words; `migrations` says what may."""
    configuration: Line | None = None
    """How the configuration goes back, in words."""
    emergency: tuple[Argument, ...] = Field(default=())
    """The command for when nothing else works, as a list of arguments."""
    validation: Annotated[tuple[Identifier, ...], Stricter.DEMANDS, Names("gate")] = Field(default=())
    """The gates that are asked again afterwards."""
    documents: Annotated[tuple[Identifier, ...], Stricter.DEMANDS, Names("document")] = Field(default=())
    """The documents that are written afterwards, such as an incident report."""


class Drill(Section):
    """Something that is rehearsed."""

    title: Line
    """What is rehearsed."""
    of: Literal["rollback", "restore", "emergency"]
    """Which kind: a rollback, a restore of a backup, or the emergency itself."""
    every: Annotated[FrequencyText, Stricter.LESS]
    """How often."""
    by: Annotated[Identifier | None, Names("group")] = None
    """The group that does it."""
    acknowledge_within: Annotated[PositiveDuration | None, Stricter.LESS] = None
    """Within how long the call must be acknowledged."""
    blocks: Annotated[bool, Stricter.TRUE] = False
    """Whether nothing goes to production while it is overdue."""
