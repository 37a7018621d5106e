"""What a command that reads a repository's history is asked about: components of the policy, or paths and tags.

A repository without a policy file is where most people meet Tidegate, so nothing here imports the policy's models
before one is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tidegate.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tidegate.cli.session import Session
    from tidegate.core.policy import Policy
    from tidegate.core.pull_request import PullRequest
    from tidegate.git.history import Source

POLICY_FILE, STATE_DIRECTORY = "tidegate.yaml", ".tidegate"


class Asked(NamedTuple):
    """What the command line says: a component of the policy, or how to find one without a policy."""

    component: str | None = None
    tag_format: str | None = None
    paths: tuple[str, ...] = ()
    each: str | None = None
    padded: bool = False

    @property
    def without_policy(self) -> bool:
        """Whether the policy is not to be asked, although there may be one."""
        return bool(self.tag_format or self.paths or self.each or self.padded)


def sources(run: Session, asked: Asked, at: str = "HEAD") -> tuple[Path, Mapping[str, Source]]:
    """Where the repository is, and the components asked about by name; the name of a repository's only one is empty.

    Raises:
        NotFoundError: there is no such component, or no directory that matches.
        UsageError: what is asked does not fit together.
    """
    directory = policy_directory(run.directory)
    if directory is not None and not asked.without_policy:
        return directory, _of_policy(policy_at(run, directory), asked.component)
    if asked.component is not None and not asked.without_policy:
        raise NotFoundError(
            f'there is no policy file here or above that could know "{asked.component}"',
            where=str(run.directory),
            remedy="say how its tags are written: --tag-format 'v{version}', and with --path where it is",
        )
    return run.directory, _bare(run.directory, asked, at)


def policy_directory(start: Path) -> Path | None:
    for directory in (start.resolve(), *start.resolve().parents):
        if (directory / POLICY_FILE).is_file() or (directory / STATE_DIRECTORY).is_dir():
            return directory
    return None


def policy_at(run: Session, directory: Path) -> Policy:
    """The active policy; before one was adopted, the file."""
    import os

    if (directory / STATE_DIRECTORY).is_dir() or os.environ.get("TIDEGATE_DATABASE"):
        from tidegate.store import policies

        with run.house().database.read() as connection:
            return policies.current(connection).policy
    from tidegate.policyfile.load import load_policy

    return load_policy(directory / POLICY_FILE, POLICY_FILE).policy


def _of_policy(policy: Policy, component: str | None) -> dict[str, Source]:
    from tidegate.orchestration.history import source_of
    from tidegate.orchestration.next_release import component_of

    if component is not None:
        return {component: source_of(policy, component_of(policy, component))}
    if not policy.components:
        raise NotFoundError("the policy has no component", remedy="declare one under components")
    return {name: source_of(policy, known) for name, known in policy.components.items()}


def _bare(directory: Path, asked: Asked, at: str) -> dict[str, Source]:
    from tidegate.core.version import Scheme, TagFormat
    from tidegate.git.history import Source

    scheme = Scheme.PADDED if asked.padded else Scheme.SEMVER
    written = asked.tag_format or ("{component}-v{version}" if asked.each else "v{version}")
    if asked.each:
        if asked.paths:
            raise UsageError("--each and --path exclude each other", remedy="leave one of them out")
        if "{component}" not in written:
            raise UsageError(
                "with --each every component has tags of its own",
                remedy="put {component} into --tag-format, such as '{component}-v{version}'",
            )
        return {
            name: Source(path, TagFormat(written.replace("{component}", name), scheme))
            for name, path in _matching(directory, asked.each, at).items()
        }
    path, *shared = asked.paths or (".",)
    return {asked.component or "": Source(path, TagFormat(named_tags(written, asked.component), scheme), tuple(shared))}


def named_tags(written: str, component: str | None) -> str:
    """The tag format with the component's name in it, where one is named; ``{component}`` stands for it.

    Raises:
        UsageError: none is named, and the format asks for it.
    """
    if "{component}" not in written:
        return written
    if not component:
        raise UsageError(
            f"{written} needs the name of a component", remedy="name it: COMPONENT, or all of them: --each 'modules/*'"
        )
    return written.replace("{component}", component)


def _matching(directory: Path, pattern: str, at: str) -> dict[str, str]:
    """The directories of the revision that match a shell pattern, by their last name."""
    from tidegate.git.repository import open_repository
    from tidegate.git.tree import folders_at

    found: dict[str, str] = {}
    for path in folders_at(open_repository(directory), at, pattern):
        name = path.rpartition("/")[2]
        if name in found:
            raise UsageError(
                f'two components would be called "{name}": {found[name]} and {path}', remedy="write a narrower --each"
            )
        found[name] = path
    if not found:
        raise NotFoundError(f'no directory matches "{pattern}" at {at}', remedy="write --each as 'modules/*'")
    return found


def known_pulls(name: str | None) -> tuple[PullRequest, ...]:
    """What a code host knows of the merged pull requests; nothing where nobody is named who could tell."""
    if name is None:
        return ()
    from tidegate.forges.registry import forge

    return forge(name).pull_requests()
