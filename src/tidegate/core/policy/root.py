"""The root of the policy file."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from tidegate.core.actor import Assurance
from tidegate.core.calendar import zone
from tidegate.core.policy.base import (
    EMPTY_IS_ALL,
    MAX_ENTRIES,
    SAID,
    Identifier,
    Line,
    Names,
    NamesKeys,
    Section,
    Stricter,
    Text,
    reads,
)
from tidegate.core.policy.communication import (
    Audience,
    Criterion,
    Delivery,
    Meeting,
    Message,
    MetricTarget,
    Report,
    Retention,
    Review,
    Task,
    Template,
    Undecided,
)
from tidegate.core.policy.component import Branch, Client, Component, Migrations, Registry, RegistryHost, Versioning
from tidegate.core.policy.emergency import Emergency
from tidegate.core.policy.environment import (
    Backup,
    Drill,
    Environment,
    Pipelines,
    RollbackPlan,
    Strategy,
    Watch,
)
from tidegate.core.policy.people import Adoption, Contact, Group, Hand, Permits, Person, Training
from tidegate.core.policy.release import Changes, Checklist, Document, Gate, ReleaseTemplate, ReleaseType
from tidegate.core.policy.time import Calendar, Milestone, Process, Train

Base = Annotated[str, Text(min_length=1, max_length=1024)]
Path = Annotated[str, Text(min_length=1, max_length=400)]


def named() -> Any:
    """A mapping that may be left out."""
    return Field(default_factory=dict, max_length=MAX_ENTRIES)


class Policy(Section):
    """An organisation's policy, resolved: the root of the file."""

    tidegate: Literal[1]
    """The version of the policy language."""
    organization: Line
    """Who releases."""
    timezone: Annotated[str, reads(zone, max_length=100)]
    """The IANA zone in which the policy's times are meant."""
    rehearsal: Line | None = None
    """Marks a policy that is not the real one, and says how it differs; shown wherever the policy decides."""
    extends: tuple[Base, ...] = Field(default=(), exclude=True)
    """What the file builds on: presets such as `preset:7d@1`, or files beside it. Maps merge, lists replace."""
    without: tuple[Path, ...] = Field(default=(), exclude=True)
    """What it takes out of what it builds on, as dotted paths: `release_types.hotfix`."""
    undecided: Mapping[Identifier, Undecided] = named()
    """What the organisation has left open, by a name of your own, and what holds until it decides."""
    decided: Mapping[Identifier, Line] = named()
    """What was left open and is decided now, by its name in `undecided`: who decided, when, and what."""
    deviations: Mapping[Path, Line] = named()
    """Where the file knowingly asks for less than what it builds on, by dotted path, and why."""
    people: Mapping[Identifier, Person] = named()
    """Who may act, by the name that they are called here."""
    groups: Mapping[Identifier, Group] = named()
    """The groups that have more to say than who is in them."""
    trainings: Annotated[Mapping[Identifier, Training], Stricter.DEMANDS] = Field(
        default_factory=dict, max_length=MAX_ENTRIES
    )
    """What people must have learned."""
    contacts: Mapping[Identifier, Contact] = named()
    """Whom to call."""
    permits: Permits = Field(default_factory=Permits)
    """Who may do what, everywhere."""
    assurance: Annotated[Assurance, Stricter.MORE] = Field(default=Assurance.SIGNATURE)
    """The least with which people adopt policies and stop the line."""
    separation: Annotated[tuple[Hand, ...], Stricter.DEMANDS] = Field(
        default=(Hand.AUTHOR, Hand.CO_AUTHOR, Hand.COMMITTER)
    )
    """Who does not approve a release: those who have such a hand in it."""
    veto: Annotated[tuple[Identifier, ...], Stricter.REACH, Names("group"), EMPTY_IS_ALL] = Field(default=())
    """The groups whose no stops a release until it is taken back; without it, everybody's while nothing changes."""
    adoption: Adoption = Field(default_factory=Adoption)
    """What a change of this policy asks for."""
    clients: Annotated[Mapping[Identifier, Client], Stricter.DEMANDS] = named()
    """Whose sites and instances are released to."""
    components: Mapping[Identifier, Component] = named()
    """What has versions."""
    registries: Mapping[RegistryHost, Registry] = named()
    """The container registries that images are pushed to, by host and port; one that is not named is spoken to without
    logging in."""
    versioning: Versioning = Field(default_factory=Versioning)
    """How versions are made."""
    branches: Mapping[Identifier, Branch] = named()
    """The branches, by a name of your own."""
    migrations: Annotated[Migrations | None, Stricter.DEMANDS] = None
    """What a change of a database may be."""
    trains: Mapping[Identifier, Train] = named()
    """The cadences that releases ride."""
    calendar: Calendar = Field(default_factory=Calendar)
    """What the year holds for everybody."""
    milestones: Annotated[Mapping[Identifier, Milestone], Stricter.DEMANDS] = Field(
        default_factory=dict, max_length=MAX_ENTRIES
    )
    """The points of every release's way."""
    processes: Mapping[Identifier, Process] = named()
    """The phases that releases go through, by the name that a type calls them."""
    release_types: Mapping[Identifier, ReleaseType] = named()
    """The kinds of release, such as minor and hotfix."""
    release_templates: Mapping[Identifier, ReleaseTemplate] = named()
    """Releases with their plan already filled in, which people open by their name."""
    gates: Mapping[Identifier, Gate] = named()
    """The conditions that release types and environments name."""
    documents: Mapping[Identifier, Document] = named()
    """What is written for a release."""
    checklists: Mapping[Identifier, Checklist] = named()
    """What is ticked before a release."""
    changes: Changes = Field(default_factory=Changes)
    """Change requests: their workflow, their categories, their risk."""
    environments: Mapping[Identifier, Environment] = named()
    """The places that releases go to."""
    strategies: Mapping[Identifier, Strategy] = named()
    """Strategies by name, for releases that choose theirs."""
    pipelines: Pipelines = Field(default_factory=Pipelines)
    """How deployments are automated."""
    backups: Mapping[Identifier, Backup] = named()
    """What is backed up."""
    watch: Annotated[Mapping[Identifier, Watch], Stricter.DEMANDS, NamesKeys("environment")] = named()
    """How each environment is watched."""
    rollback: RollbackPlan = Field(default_factory=RollbackPlan)
    """How a release comes back, when, and by whom."""
    drills: Annotated[Mapping[Identifier, Drill], Stricter.DEMANDS] = Field(
        default_factory=dict, max_length=MAX_ENTRIES
    )
    """What is rehearsed."""
    emergency: Emergency = Field(default_factory=Emergency)
    """What is done when something critical happens."""
    communication: Annotated[tuple[Message, ...], Stricter.DEMANDS] = Field(default=(), max_length=MAX_ENTRIES)
    """What is said to whom, and when."""
    delivery: Delivery = Field(default_factory=Delivery)
    """How it is delivered, and what is done when it is not."""
    audiences: Mapping[Identifier, Audience] = named()
    """Those who are told together."""
    templates: Mapping[Identifier, Template] = named()
    """The texts that messages say."""
    meetings: Annotated[Mapping[Identifier, Meeting], Stricter.DEMANDS, SAID] = named()
    """Who meets, how often."""
    tasks: Annotated[Mapping[Identifier, Task], Stricter.DEMANDS] = Field(default_factory=dict, max_length=MAX_ENTRIES)
    """What is done after a release."""
    reviews: Annotated[Mapping[Identifier, Review], Stricter.DEMANDS] = Field(
        default_factory=dict, max_length=MAX_ENTRIES
    )
    """The looks back."""
    success: Annotated[tuple[Criterion, ...], Stricter.DEMANDS] = Field(default=(), max_length=MAX_ENTRIES)
    """What makes a release a success."""
    targets: Annotated[Mapping[Identifier, MetricTarget], Stricter.DEMANDS, SAID] = Field(
        default_factory=dict, max_length=MAX_ENTRIES
    )
    """What the figures are held against."""
    reports: Annotated[Mapping[Identifier, Report], Stricter.DEMANDS, SAID] = named()
    """The figures that are sent round."""
    retention: Annotated[Retention, SAID] = Field(default_factory=Retention)
    """How long what is recorded is kept."""
    compliance: Annotated[tuple[Line, ...], SAID] = Field(default=(), max_length=MAX_ENTRIES)
    """Laws and contracts that this policy serves, in words; shown with the record."""

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
