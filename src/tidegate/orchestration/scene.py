"""Where branches and tags are worked on: the repository, what the policy says of its branches, and who works.

Every act here goes the same way. What it would do is worked out first, and the person signs it. Then, in one
transaction, they are verified again, Git is written, and the leaf is appended; where the leaf cannot be written, what
was done to Git is taken back.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from tidegate.core.branch import is_protected
from tidegate.core.policy import Component, Policy
from tidegate.core.statement import Act
from tidegate.core.version import TagFormat, Version, parse_version
from tidegate.errors import ConflictError, RepositoryError, TidegateError, UsageError
from tidegate.git.pushing import Remote, find_remote, push
from tidegate.git.refs import TAGS, RefWriter, read_refs
from tidegate.git.repository import Repository, open_repository
from tidegate.git.writing import Identity, Workshop
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import (
    Claim,
    Proven,
    demand_listed,
    demand_permit,
    prove_act,
    shown,
    spend,
    stands,
)
from tidegate.orchestration.next_release import component_of
from tidegate.orchestration.record import Entry, record
from tidegate.store import locks, policies, releases, tags


@dataclass(frozen=True, slots=True)
class Scene:
    """The repository of the house, and the active policy."""

    house: House
    repository: Repository
    policy: Policy

    def component(self, name: str) -> Component:
        """The component of that name; raises as :func:`component_of`."""
        return component_of(self.policy, name)

    def tag_format(self, name: str) -> TagFormat:
        """How a component's tags and versions are written."""
        known = self.component(name)
        return TagFormat(known.tag, known.versions)

    def version(self, component: str, text: str) -> Version:
        """A version of a component, read as its versions are written; raises as :func:`parse_version`."""
        return parse_version(text, self.component(component).versions)

    def identity(self, person: str) -> Identity:
        """What commits and tags say of a person: as the policy calls them."""
        known = self.policy.people[person]
        return Identity(known.name, known.email or "")

    def writer(self, person: str, policy: Policy | None = None) -> RefWriter:
        """What writes branches and tags in the name of a person; ``policy`` protects where another is active by now."""
        return RefWriter(self.repository, self.identity(person), partial(is_protected, policy or self.policy))

    def protected(self, branch: str) -> bool:
        """Whether Tidegate leaves a branch alone."""
        return is_protected(self.policy, branch)

    def remote(self, name: str) -> Remote | None:
        """The remote of that name; None where none is named."""
        return find_remote(self.repository, name) if name else None

    def tagged(self, component: str) -> dict[Version, str]:
        """The versions of a component that are tagged anywhere in the repository, each with its commit."""
        form = self.tag_format(component)
        # Git forbids the characters of a pattern in names, and so does the format.
        refs = read_refs(self.repository, f"{TAGS}{form.prefix}*{form.suffix}")
        found = ((form.match(ref.name.removeprefix(TAGS)), ref.commit) for ref in refs)
        return {version: commit for version, commit in found if version is not None}

    def demand_new(self, component: str, version: Version) -> None:
        """A version that nobody has used: not tagged, and not released.

        Raises:
            ConflictError: it is there already.
        """
        for other in self.tagged(component):
            if same_precedence(other, version):
                raise ConflictError(
                    f"{component} {other} is tagged already, so its branch is done with",
                    remedy="name a version that is not there yet",
                )
        with self.house.database.read() as connection:
            known = tags.find(connection, component, str(version))
        if known is not None:
            raise ConflictError(
                f"{component} {version} was tagged at {known.commit[:12]}, and its tag is gone",
                remedy=f"look at it: tidegate tag verify {component}",
            )


def open_scene(house: House) -> Scene:
    """The scene of a house.

    Raises:
        RepositoryError: there is no Git repository.
    """
    with house.database.read() as connection:
        policy = policies.current(connection).policy
    return Scene(house, open_repository(house.root), policy)


def same_precedence(one: Version, other: Version) -> bool:
    """Whether two versions are one for whoever installs them: they may differ in build metadata."""
    return one.key[:-1] == other.key[:-1]


def taken_versions(scene: Scene, component: str) -> frozenset[Version]:
    """Every version of a component that is used up: tagged, recorded, or opened as a release, however it ended."""
    with scene.house.database.read() as connection:
        opened = releases.versions(connection, component)
        recorded = {tag.version for tag in tags.of_component(connection, component)}
    return frozenset(scene.tagged(component)) | frozenset(_versions(scene, component, opened | recorded))


def _versions(scene: Scene, component: str, texts: Iterable[str]) -> Iterator[Version]:
    """The versions among some texts: what an earlier policy wrote in another way is none to count on from."""
    for text in texts:
        with contextlib.suppress(UsageError):
            yield scene.version(component, text)


def prove_work(scene: Scene, claim: Claim, act: Act, permit: str, **concerns: str) -> Proven:
    """Who works, proven where they have a key.

    Raises:
        NotPermittedError: the policy does not let them.
    """
    demand_listed(scene.policy, claim.person, permit, now=scene.house.now())
    return prove_act(scene.house, scene.policy, claim, act, **concerns)


@dataclass(frozen=True, slots=True)
class Work:
    """One change of branches: what is signed for it, what its leaf says, how it is done, and how it is taken back."""

    act: Act
    permit: str
    concerns: Mapping[str, str]
    kind: str
    data: Mapping[str, Any]
    write: Callable[[Policy], None]
    undo: Callable[[], None]


def carry_out(house: House, proven: Proven, work: Work, *, far: bool = False) -> None:
    """Do one change of branches, and record it.

    Args:
        far: it is done on another machine, which may take long: not inside the transaction, which would keep everybody
            else waiting, but before it.

    Raises:
        NotPermittedError: the policy does not let this person.
        ConflictError: what was signed was used before, or Git has moved on.
        StoreError: it cannot be recorded; what was done is taken back then.
    """
    with _taking_back(work.undo) as done:
        if far:
            with house.database.read() as connection:
                policy = policies.current(connection).policy
            demand_permit(policy, stands(policy, proven, work.act, **work.concerns), work.permit, now=house.now())
            done.append(True)
            work.write(policy)
        with house.database.write() as connection:
            locks.lock_organization(connection)
            policy = policies.current(connection).policy
            actor = stands(policy, proven, work.act, **work.concerns)
            demand_permit(policy, actor, work.permit, now=house.now())
            now = house.now()
            proof = shown(spend(connection, proven, now), proven)
            if not far:
                work.write(policy)
                done.append(True)
            record(connection, Entry(work.kind, actor, data={**work.data, **proof}), now)


@contextlib.contextmanager
def _taking_back(undo: Callable[[], None]) -> Iterator[list[bool]]:
    done: list[bool] = []
    try:
        yield done
    except BaseException:
        if done:
            with contextlib.suppress(TidegateError):
                undo()
        raise


def push_and_read_back(scene: Scene, workshop: Workshop, remote: Remote, ref: str, target: str) -> None:
    """Push one ref that was written here, and read it back; raises as :func:`tidegate.git.pushing.push`."""
    try:
        push(workshop, remote, ref, target, scene.protected)
    except (ConflictError, RepositoryError) as error:
        error.what += "; here it is done"
        raise
