"""What is released, and for whom: components, artifacts, targets, versions, branches, migrations, clients."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from tidegate.core.calendar import zone
from tidegate.core.image import MAX_NAME, check_tag_template, parse_image_name
from tidegate.core.policy.base import (
    SAID,
    Argument,
    Identifier,
    Line,
    Names,
    NamesKeys,
    RelativePath,
    Section,
    Short,
    Stricter,
    Text,
    UpwardPath,
    exactly_one,
    matching,
    reads,
    tag_format,
)
from tidegate.core.policy.people import ApprovalRule
from tidegate.core.policy.release import Waiver
from tidegate.core.policy.time import Blackout, WindowRule
from tidegate.core.version import Scheme as VersionScheme
from tidegate.errors import UsageError


def _image_name(text: str) -> str:
    try:
        parse_image_name(text)
    except UsageError as error:
        raise ValueError(f"{error.what}; {error.remedy}") from error
    return text


class Archive(Section):
    """A package built reproducibly from the component's tree at the released commit."""

    archive: Identifier
    """The name of the package."""


class Artifact(Section):
    """Something else that is built from a component: a container image, or an archive of its files."""

    choices: ClassVar[tuple[str, ...]] = ("image", "archive")

    image: Annotated[str, Text(_image_name, max_length=MAX_NAME)] | None = None
    """A container image, by its registry and repository: `registry.example/shop`."""
    archive: Identifier | None = None
    """An archive of the files as they were committed, the same bytes on every machine."""
    tags: tuple[Annotated[str, Text(check_tag_template, min_length=1, max_length=128)], ...] = Field(default=())
    """The tags of the image. Of 2.1.0, `{version}` is `2.1.0`, `{minor}` is `2.1` and `{major}` is `2`; other text
    (`latest`) is itself. A tag with `{version}` is set once, the others move; where none has it,
    `{version}` is added."""
    context: RelativePath | None = None
    """The directory that it is built from; without it that of the component."""
    dockerfile: RelativePath | None = None
    """Where in that directory the image's build is written; without it `Dockerfile`."""
    format: Literal["tar.gz", "zip"] | None = None
    """How the archive is packed; without it `tar.gz`."""

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        exactly_one({name: getattr(self, name) for name in self.choices})
        for one, other in (("archive", "tags"), ("archive", "dockerfile"), ("image", "format")):
            if getattr(self, one) is not None and getattr(self, other):
                raise ValueError(f"{one} and {other} are given together; write exactly one of {one} and {other}")
        return self

    @property
    def kind(self) -> str:
        """The name of the kind that builds it: ``image`` or ``archive``."""
        return "image" if self.image is not None else "archive"

    @property
    def name(self) -> str:
        """What it is called, within its kind."""
        return self.image or self.archive or ""


class SecretFrom(Section):
    """Where a secret is found when it is needed. It is never in the policy itself."""

    choices: ClassVar[tuple[str, ...]] = ("env", "file", "command")

    env: Annotated[str, matching(r"[A-Za-z_][A-Za-z0-9_]{0,127}", "is not the name of a variable")] | None = None
    """In this variable of the environment."""
    file: Line | None = None
    """In this file, alone; a line break at its end is not part of it."""
    command: Annotated[tuple[Argument, ...] | None, Field(min_length=1)] = None
    """In what this command prints, as a list of arguments."""

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        exactly_one({name: getattr(self, name) for name in self.choices})
        return self


_HOST = r"[A-Za-z0-9\[][A-Za-z0-9.:\[\]-]{0,250}"
RegistryHost = Annotated[
    str,
    matching(_HOST, "is not a host; write registry.example, or registry.example:5000"),
]


class Registry(Section):
    """A container registry: how one logs in there, and how it is spoken to."""

    user: Line | None = None
    """Who logs in; without it the secret is a bearer token."""
    secret: SecretFrom | None = None
    """The password, or the token; without it nobody logs in."""
    ca: Line | None = None
    """A file with the certificates of the authorities that vouch for it; without it those that the system trusts."""
    plain_http: Annotated[bool, Stricter.FALSE] = False
    """Whether it is spoken to without encryption. One on this machine itself that is not named here is."""

    @model_validator(mode="after")
    def _login(self) -> Self:
        if self.user is not None and self.secret is None:
            raise ValueError("a user is given without a secret; say where the password is found: secret")
        return self


class HostTarget(Section):
    """Where a component goes in one environment. `traffic` says how its traffic is shared, `flag` which feature flag it
    has, `database` whose migrations are run; the other settings besides `driver` are the driver's own."""

    model_config = ConfigDict(extra="allow")

    driver: Identifier
    """What deploys there, such as `host`."""


class Component(Section):
    """What has versions: the files under `path` and the `shared` paths, tagged by `tag`."""

    kind: Identifier = "service"
    """A word of your own, by which trains select components: service, module, platform."""
    title: Line | None = None
    """What people call it."""
    path: RelativePath = "."
    """Its directory in the repository."""
    shared: tuple[RelativePath, ...] = Field(default=())
    """Other paths of the repository that are part of it."""
    tag: Annotated[str, Text(tag_format, max_length=200)] = "v{version}"
    """The name of its Git tags, with `{version}` in it once."""
    versions: VersionScheme = VersionScheme.SEMVER
    """How its versions are written: `semver`; `padded` with zeros, as `02.01.11`; `vendor`, as they come."""
    version_files: tuple[UpwardPath, ...] = Field(default=())
    """The files that carry its version, from its directory; `../` leads up, and never out of the repository."""
    owners: Annotated[Identifier | None, Names("group")] = None
    """The group that owns it; `$owners` in an approval means this group."""
    requires: Annotated[Mapping[Identifier, Line], Stricter.DEMANDS, NamesKeys("component")] = Field(
        default_factory=dict
    )
    """The versions of other components without which it does not work: `platform: ">=3.1.0"`, `">=3.1 <4"`, `^1.2`."""
    artifact: Archive = Field(default_factory=lambda: Archive(archive="package"))
    """What is built from it and deployed by archive."""
    artifacts: tuple[Artifact, ...] = Field(default=())
    """What else is built from it, and bound by what approves it: container images, archives."""

    @field_validator("artifacts")
    @classmethod
    def _each_once(cls, artifacts: tuple[Artifact, ...]) -> tuple[Artifact, ...]:
        seen = set()
        for artifact in artifacts:
            if (key := (artifact.kind, artifact.name)) in seen:
                raise ValueError(f'{artifact.kind} "{artifact.name}" is built twice; take one of them away')
            seen.add(key)
        return artifacts

    migrations: RelativePath | None = None
    """The directory of its database migrations."""
    config: Annotated[Mapping[Identifier, RelativePath], NamesKeys("environment")] = Field(default_factory=dict)
    """Its configuration file, by environment."""
    targets: Annotated[Mapping[Identifier, HostTarget], NamesKeys("environment")] = Field(default_factory=dict)
    """Where it goes, by environment."""
    client: Annotated[Identifier | None, Stricter.DEMANDS, Names("client")] = None
    """The client whose site or instance it is."""
    windows: Annotated[tuple[WindowRule, ...] | None, Stricter.GRANTS_WHERE_GIVEN] = Field(default=None)
    """When it may be released to production, besides the environment's windows; with an empty list never."""
    timezone: Annotated[Annotated[str, reads(zone, max_length=100)] | None, Stricter.EITHER] = None
    """The IANA zone in which its windows are meant, as of the region in which it runs; without it the policy's."""


class BumpRule(Section):
    """What makes a change at least so large, whatever its commit says."""

    at_least: Annotated[Literal["major", "minor", "patch"], Stricter.FIRST]
    """The least part of the version that such a change raises."""
    says: Line
    """Which changes are meant."""
    paths: tuple[RelativePath, ...] = Field(default=())
    """Changes below these paths."""
    kinds: tuple[Identifier, ...] = Field(default=())
    """Changes of these kinds, as conventional commits name them."""
    labels: tuple[Short, ...] = Field(default=())
    """Changes whose pull request has one of these labels."""


class Versioning(Section):
    """How versions are made."""

    prereleases: Annotated[tuple[Literal["alpha", "beta", "rc"], ...], SAID] = Field(default=())
    """The identifiers of versions before the release, in their order."""
    bumps: Annotated[tuple[BumpRule, ...], Stricter.DEMANDS] = Field(default=())
    """What raises which part; a release whose content exceeds its type is refused."""
    unconventional: Annotated[Literal["list", "refuse"], Stricter.LAST] = "list"
    """What becomes of commits that do not follow the convention."""


class Branch(Section):
    """A branch, or a family of them: who may write there, and where its releases go."""

    pattern: Annotated[str, Text(min_length=1, max_length=200)]
    """Its name; `{version}` stands for the version, `{component}` for the component, `*` for anything."""
    title: Line | None = None
    """What it is used for, in words."""
    made_from: Line | None = Field(default=None, alias="from")
    """What it is made from: a branch of this policy, or `production-tag`."""
    protected: Annotated[bool, Stricter.TRUE] = False
    """Whether nobody commits to it directly. `main` and `master` are protected where no entry is called exactly so."""
    allows: Annotated[tuple[Identifier, ...] | None, Stricter.GRANTS_WHERE_GIVEN] = Field(default=None)
    """The kinds of change that may be committed to it. Without it all of them; where its pattern has a `{version}`,
    `fix`, `docs`, `test` and `chore`."""
    cherry_picks: Annotated[bool, SAID] = False
    """Whether changes come to it one by one, from the main branch."""
    tag: Annotated[Annotated[str, Text(tag_format, max_length=200)] | None, SAID] = None
    """The form of the tags that are set on it; without it none are set here."""
    merges_into: Annotated[Identifier | None, Names("branch")] = None
    """The branch that it is merged into when its release is done."""
    locks_at: Annotated[Identifier | None, SAID, Names("milestone")] = None
    """The milestone from which on nobody writes to it without the release manager."""


class Migrations(Section):
    """What a change of a database may be, so that the way back stays open."""

    rule: Literal["forward-only", "reversible"] = "forward-only"
    """`forward-only`: the application goes back, the database stays; `reversible`: each has its way back, and the
    database of a target that has one goes back, too, where nothing is lost by that or a person accepts the loss."""
    dialect: Literal["postgres", "mysql", "sqlite"] | None = None
    """The language of the database."""
    tool: Literal["django", "alembic", "sql"] | None = None
    """What runs them."""
    reversible: Annotated[bool, Stricter.TRUE] = False
    """Whether each must be written so that it can be undone."""
    drop_columns: Annotated[Literal["never", "next-major", "any"], Stricter.FIRST] = "never"
    """When a column may go: never, only in a major release after its deprecation, or at any time."""
    new_columns: Annotated[Literal["nullable-first", "any"], Stricter.FIRST] = "nullable-first"
    """How a column begins."""
    narrow_types: Annotated[Literal["never", "any"], Stricter.FIRST] = "never"
    """Whether a column may get a type that holds less than the one before."""
    locks: Annotated[Literal["short", "any"], Stricter.FIRST] = "any"
    """Whether a migration may keep the application from a table for as long as the table is large; either way each lock
    is named. Only of a dialect that is said can locks be told."""
    waiver: Annotated[Waiver | None, Stricter.GRANTS] = None
    """Who may let a release pass whose migrations are refused, or that nobody can judge: `tidegate waive RELEASE
    migrations`. Without it nobody; where a gate is called `migrations`, the word means the gate."""
    back: tuple[Annotated[str, Text(min_length=1, max_length=4096)], ...] = Field(default=())
    """The command that takes the database back, as a list of arguments; without it the tool's usual one. `{version}` is
    the version to return to as the tool calls it: for Django the app and its migration, for Alembic the revision. Plain
    SQL needs none."""


class Client(Section):
    """Somebody whose sites or instances are released to, with rules of their own on top of everybody's."""

    title: Line
    """Who they are."""
    contacts: Annotated[tuple[Identifier, ...], Names("contact")] = Field(default=())
    """Whom to call there. One that is reached by mail or over a channel is told of what touches their sites."""
    timezone: Annotated[Annotated[str, reads(zone, max_length=100)] | None, Stricter.EITHER] = None
    """The IANA zone in which their windows and blackouts are meant; without it the policy's."""
    windows: Annotated[tuple[WindowRule, ...] | None, Stricter.GRANTS_WHERE_GIVEN] = Field(default=None)
    """When their production may be released to, besides the environment's windows; with an empty list never."""
    blackouts: Annotated[tuple[Blackout, ...], Stricter.DEMANDS] = Field(default=())
    """When not."""
    approvals: Annotated[tuple[ApprovalRule, ...], Stricter.DEMANDS] = Field(default=())
    """Who must say yes before a release of theirs goes to production."""
    told: Annotated[tuple[Line, ...], Stricter.DEMANDS] = Field(default=())
    """Where they are told of what touches their sites: channels, such as `email:it@client.example`."""
    requires: Annotated[tuple[Line, ...], Stricter.DEMANDS, SAID] = Field(default=())
    """What they ask for besides."""
