"""Look where the commit of a release comes from, for the environments that ask for it; outside any transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from tidegate.core.deploy_source import DeploySource, deploy_sources
from tidegate.core.facts import Item, Origin
from tidegate.core.policy import Policy
from tidegate.errors import TidegateError
from tidegate.git.heads import heads
from tidegate.git.repository import Repository, open_repository
from tidegate.orchestration.house import House


def origins(house: House, items: Sequence[Item], asking: Sequence[Policy]) -> tuple[Origin, ...]:
    """What is known now of the branches and tags from which policies let items be deployed; nothing where none asks."""
    asked = {item.component: tuple(chain.from_iterable(_sources(policy, item) for policy in asking)) for item in items}
    if not any(asked.values()):
        return ()
    try:
        repository = open_repository(house.root)
    except TidegateError as error:
        return tuple(Origin(i.component, i.subject.commit, unknown=error.what) for i in items if asked[i.component])
    return tuple(_origin(repository, item, asked[item.component]) for item in items if asked[item.component])


def _sources(policy: Policy, item: Item) -> Iterator[DeploySource]:
    for environment in policy.environments:
        yield from deploy_sources(policy, environment, item.component, item.to_version) or ()


def _origin(repository: Repository, item: Item, sources: Sequence[DeploySource]) -> Origin:
    commit = item.subject.commit
    references = [reference for source in sources for reference in source.refs]
    try:
        everything = heads(repository, commit, references)
    except TidegateError as error:
        return Origin(item.component, commit, unknown=error.what)
    # Of a pattern, those that it matches; the facts of a decision are kept for years.
    meant = {head for source in sources for head in source.heads(everything)}
    unknown = "this is a shallow clone, in which commits are missing" if repository.is_shallow else ""
    return Origin(item.component, commit, tuple(head for head in everything if head in meant), unknown)
