"""Bring the version files of a component to another version."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from tidegate.core.plain import plain
from tidegate.core.policy import Component
from tidegate.errors import NotFoundError, UsageError
from tidegate.policyfile.load import FILE_NAME, load_policy
from tidegate.versionfiles.contract import Hints
from tidegate.versionfiles.files import plan_edits, repository_root, said_version
from tidegate.versionfiles.plan import Edit


@dataclass(frozen=True, slots=True)
class VersionFiles:
    """Which files carry the version of what: the repository, the paths from there, and what else is known."""

    root: Path
    paths: tuple[str, ...]
    hints: Hints


@dataclass(frozen=True, slots=True)
class VersionChange:
    """The edits of all files, planned and proved; nothing is written."""

    root: Path
    old: str
    new: str
    edits: tuple[Edit, ...]


def files_of_component(policy_root: Path, name: str, names: Sequence[str] = ()) -> VersionFiles:
    """The version files of a component, as the policy file in a directory has them.

    The file, and not the policy that is active: both it and the version files are edited in a working tree.

    Args:
        names: images, packages and requirements that are the component's, besides the images of the policy.

    Raises:
        NotFoundError: the policy has no such component.
        UsageError: the component has no version files.
    """
    components = load_policy(policy_root / FILE_NAME, FILE_NAME).policy.components
    component = components.get(name)
    if component is None:
        close = get_close_matches(name, components, n=1)
        known = f"did you mean {close[0]}?" if close else f"name one of: {', '.join(sorted(components)) or 'none'}"
        raise NotFoundError(f'the policy has no component "{plain(name, 80)}"', where=FILE_NAME, remedy=known)
    if not component.version_files:
        raise UsageError(
            f"the component {name} has no version files",
            where=FILE_NAME,
            remedy=f"list them under components.{name}.version_files, or name files with --path",
        )
    return version_files_of(repository_root(policy_root), component, names)


def version_files_of(root: Path, component: Component, names: Sequence[str] = ()) -> VersionFiles:
    """The version files of a component of a policy, below ``root``."""
    images = tuple(artifact.image for artifact in component.artifacts if artifact.image)
    paths = tuple(posixpath.normpath(f"{component.path}/{path}") for path in component.version_files)
    return VersionFiles(root, paths, Hints(names=tuple(names), images=images))


def files_by_path(directory: Path, paths: Sequence[Path], names: Sequence[str] = ()) -> VersionFiles:
    """Files that somebody names from a directory, in the repository in which it lies.

    Raises:
        UsageError: one of them lies outside it.
    """
    root, here = repository_root(directory), directory.resolve()
    return VersionFiles(root, tuple(_from_root(root, here, path) for path in paths), Hints(names=tuple(names)))


def _from_root(root: Path, here: Path, path: Path) -> str:
    import os.path

    there = os.path.relpath(os.path.normpath(here / path), root)
    if there == ".." or there.startswith("../"):
        raise UsageError(
            f"it lies outside the repository, which is {plain(str(root), 300)}",
            where=plain(str(path), 300),
            remedy="go to its repository, or name it with --directory",
        )
    return there


def plan_change(files: VersionFiles, new: str, old: str = "", *, again: bool = False) -> VersionChange:
    """Plan and prove the edits of all files.

    Args:
        old: the version before; without it, the one that the files say of themselves.
        again: files that say the new version already are no mistake; then there are no edits.

    Raises:
        UsageError: a file does not say the old version, the files differ, or the versions are the same.
    """
    if old == new:
        raise UsageError(f"the version before and after are both {plain(new, 80)}", remedy="say another one")
    before = old or said_version(files.root, files.paths, files.hints)
    if again and before == new:
        return VersionChange(files.root, before, new, ())
    return VersionChange(files.root, before, new, plan_edits(files.root, files.paths, before, new, files.hints))
