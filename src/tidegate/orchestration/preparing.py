"""Prepare a release on its branch: its version in its files, its changelog, its notes, in one commit."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tidegate.core.branch import allowed_kinds
from tidegate.core.notes.regions import signed
from tidegate.core.plain import plain
from tidegate.core.statement import Act
from tidegate.core.version import Version
from tidegate.errors import NotFoundError, RefusedError
from tidegate.git.committing import NewFile, commit_files
from tidegate.git.refs import Ref
from tidegate.git.tree import FILE, entries_at, read_file
from tidegate.git.writing import Workshop, open_workshop
from tidegate.orchestration.branch import branch_named, short_name
from tidegate.orchestration.changelog import changelog_path, section_of, updated
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim, demand_listed
from tidegate.orchestration.notes import Asked, Gathered, gather, scope_in
from tidegate.orchestration.notes_file import notes_path, renewed
from tidegate.orchestration.refusal import refusals
from tidegate.orchestration.scene import Scene, Work, carry_out, open_scene, prove_work, push_and_read_back
from tidegate.orchestration.version_files import plan_change, version_files_of
from tidegate.store import log
from tidegate.templates.notes import render, style_for

KINDS = ("chore", "docs", "fix")
"""The kinds of change that the commit may be, the first that may come to the branch: it brings nothing new."""


@dataclass(frozen=True, slots=True)
class PreparedFile:
    """A file and what became of it: ``what`` is its part in a release; it may say already what it should."""

    path: str
    what: str
    changed: bool


@dataclass(frozen=True, slots=True)
class Prepared:
    """A branch on which a release was prepared, or would be: ``commit`` is empty where nothing was written."""

    branch: str
    component: str
    version: str
    commit: str
    files: tuple[PreparedFile, ...]
    remarks: tuple[str, ...] = ()
    pushed_to: str = ""

    @property
    def changes(self) -> bool:
        """Whether any file becomes another one."""
        return any(file.changed for file in self.files)


def prepare(
    house: House, component: str, version: str, claim: Claim, *, dry_run: bool = False, push_to: str = ""
) -> Prepared:
    """Write version files, changelog and notes of a version on its branch, in one commit; the work tree stays as it is.

    What says already what it should is left alone, so that the same command again changes nothing. What people edited
    in changelog and notes stays.

    Raises:
        NotFoundError: the component, its branch or a version file is not there.
        RefusedError: nothing of this kind may come to the branch.
        NotPermittedError: the policy does not let this person, or protects the branch.
        ConflictError: the branch is checked out or was moved, or a file holds what would be lost.
        UsageError: a version file does not say the version before.
    """
    with refusals(house, "branch", claim.person, component=component[:64]):
        scene = open_scene(house)
        scene.component(component)
        number = scene.version(component, version)
        ref = branch_named(scene, component, version)
        demand_listed(scene.policy, claim.person, "open", now=scene.house.now())
        scene.writer(claim.person).demand_movable(short_name(ref))
        found = _Prepared(scene, component, number, ref)
        files = list(found.files())
        told = tuple(PreparedFile(file.path, what, file.content != before) for file, what, before in files)
        done = Prepared(short_name(ref), component, str(number), "", told, tuple(found.remarks))
        if dry_run or not done.changes:
            return done
        return _write(scene, claim, ref, done, [file for file, _, before in files if file.content != before], push_to)


class _Prepared:
    """What the files of a release are to be, on top of a branch."""

    def __init__(self, scene: Scene, component: str, version: Version, ref: Ref) -> None:
        self.remarks: list[str] = []
        self._scene = scene
        self._component = component
        self._version = version
        self._commit = ref.commit

    def files(self) -> Iterator[tuple[NewFile, str, bytes | None]]:
        """Each file, its part in the release, and what it is before; None where it is not there."""
        yield from self._version_files()
        asked = Asked(until=self._content(), version=str(self._version))
        scope = scope_in(self._scene.policy, self._component)
        gathered = gather(self._scene.repository, scope, asked, self._scene.house.now())
        yield self._changelog(gathered)
        yield self._notes(gathered)

    def _content(self) -> str:
        """The commit whose changes are told: what was prepared on top of them is no change of its own."""
        with self._scene.house.database.read() as connection:
            leaves = [leaf.data for leaf in log.of_kinds(connection, "branch.prepared")]
        before = {str(data["to"]): str(data["from"]) for data in leaves}
        tip = self._commit
        while tip in before:
            tip = before[tip]
        return tip

    def _version_files(self) -> Iterator[tuple[NewFile, str, bytes | None]]:
        known = self._scene.component(self._component)
        if not known.version_files:
            return
        with tempfile.TemporaryDirectory(prefix="tidegate-files-") as folder:
            wanted = version_files_of(Path(folder), known)
            self._lay_out(Path(folder), wanted.paths)
            for edit in plan_change(wanted, str(self._version), again=True).edits:
                yield NewFile(edit.path, edit.after, self._mode(edit.path)), "version", edit.before

    def _lay_out(self, folder: Path, paths: Iterable[str]) -> None:
        """The version files as the branch has them, in a directory where nothing else is."""
        for path in paths:
            content = self._there(path)
            if content is None:
                raise NotFoundError(
                    f"there is no such file at {self._commit[:12]}",
                    where=plain(path, 300),
                    remedy="mend its name in the version files",
                )
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)

    def _changelog(self, gathered: Gathered) -> tuple[NewFile, str, bytes | None]:
        path = changelog_path(gathered.scope)
        before = self._there(path)
        text, remarks = updated(path, _text(before), [section_of(gathered)])
        self._remark(path, remarks)
        return NewFile(path, _bytes(text), self._mode(path)), "changelog", before

    def _notes(self, gathered: Gathered) -> tuple[NewFile, str, bytes | None]:
        path = notes_path(gathered)
        before = self._there(path)
        generated = render(gathered.data, style_for(gathered.scope.sections))
        if before is None:
            return NewFile(path, _bytes(signed(generated))), "notes", None
        text, remarks = renewed(path, _text(before), generated)
        self._remark(path, remarks)
        return NewFile(path, _bytes(text), self._mode(path)), "notes", before

    def _remark(self, path: str, remarks: Sequence[str]) -> None:
        self.remarks += [f"{path}: {remark}" for remark in remarks]

    def _there(self, path: str) -> bytes | None:
        try:
            return read_file(self._scene.repository, self._commit, path)
        except NotFoundError:
            return None

    def _mode(self, path: str) -> str:
        """The mode of a file as the branch has it; that of a plain file where it has none."""
        if self._there(path) is None:
            return FILE
        return entries_at(self._scene.repository, self._commit, [path])[0].mode


def _text(content: bytes | None) -> str:
    return (content or b"").decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _write(scene: Scene, claim: Claim, ref: Ref, done: Prepared, files: Sequence[NewFile], push_to: str) -> Prepared:
    """Commit the files on the branch, record it, push it where that is asked."""
    remote = scene.remote(push_to)
    with open_workshop(scene.repository) as workshop:
        commit = _commit(scene, workshop, claim, ref, done, files)
        said = f"prepare {done.component} {done.version} on {done.branch} as {commit}"
        concerns = {"component": done.component, "reason": said}
        proven = prove_work(scene, claim, Act.BRANCH, "open", **concerns)
        workshop.keep()
        writer, why = scene.writer(claim.person), f"tidegate: {said}"
        work = Work(
            act=Act.BRANCH,
            permit="open",
            concerns=concerns,
            kind="branch.prepared",
            data={
                "branch": done.branch,
                "component": done.component,
                "version": done.version,
                "from": ref.commit,
                "to": commit,
                "files": [file.path for file in files],
            },
            write=lambda policy: scene.writer(claim.person, policy).move_branch(done.branch, ref.commit, commit, why),
            undo=lambda: writer.take_back_branch(done.branch, commit, ref.commit, why),
        )
        carry_out(scene.house, proven, work)
        if remote is not None:
            push_and_read_back(scene, workshop, remote, ref.name, commit)
    return replace(done, commit=commit, pushed_to=remote.name if remote else "")


def _commit(scene: Scene, workshop: Workshop, claim: Claim, ref: Ref, done: Prepared, files: Sequence[NewFile]) -> str:
    allowed = allowed_kinds(scene.policy, done.branch)
    kind = next((kind for kind in KINDS if allowed is None or kind in allowed), "")
    if not kind:
        raise RefusedError(
            f"{plain(done.branch, 100)} lets none of {', '.join(KINDS)} pass, and the version must be written there",
            remedy="let one of them pass: branches.NAME.allows",
        )
    message = f"{kind}(release): {done.component} {done.version}"
    return commit_files(workshop, ref.commit, files, scene.identity(claim.person), message, scene.house.now())
