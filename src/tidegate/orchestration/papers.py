"""Look at the documents of a release: in the commit that is released, and among what is attached to it; outside any
transaction that decides, since Git answers slowly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tidegate.core.facts import Item
from tidegate.core.mark import MarkKind
from tidegate.core.paper import ATTACHED, NOTES, Migrates, Paper, path_of, skeleton
from tidegate.core.paper_reading import LIMIT_BYTES, read_paper
from tidegate.core.policy import Component, Document, Policy
from tidegate.core.version import TagFormat, parse_version
from tidegate.errors import NotFoundError, TidegateError
from tidegate.git.repository import Repository, open_repository
from tidegate.git.tree import entries_digest, files_digest, small_files
from tidegate.store import contents, marks

if TYPE_CHECKING:
    from tidegate.orchestration.house import House


@dataclass(frozen=True, slots=True)
class Papers:
    """What was found: documents, and whether migrations change."""

    papers: tuple[Paper, ...] = ()
    migrates: tuple[Migrates, ...] = ()


NO_PAPERS = Papers()


@dataclass(frozen=True, slots=True)
class Attached:
    """A document that is kept with a release: its file's name and its bytes."""

    name: str
    data: bytes


def attached_to(connection: sa.Connection, release: str, notes: str) -> Mapping[str, Attached]:
    """What is attached to a release, by document: of each the newest that nobody took back."""
    found = {NOTES: Attached("notes.md", notes.encode())} if notes else {}
    for signed in marks.of_release(connection, release):
        mark = signed.mark
        if mark.kind is MarkKind.DOCUMENT and mark.ended_at is None:
            found[mark.name] = Attached(mark.part, contents.fetch(connection, mark.subject))
    return found


def look_for(
    house: House, type_: str, items: Sequence[Item], asking: Sequence[Policy], attached: Mapping[str, Attached]
) -> Papers:
    """What is known now of the documents that policies ask of items of a release type; nothing where none asks."""
    wanted = [(name, document) for policy in asking for name, document in documents_asked(policy, type_)]
    needs_migrations = any(_asks_of_migrations(policy) for policy in asking)
    if not wanted and not needs_migrations:
        return NO_PAPERS
    try:
        repository: Repository | TidegateError = open_repository(house.root)
    except TidegateError as error:
        repository = error
    papers = {paper for item in items for paper in _papers(repository, item, wanted, attached)}
    migrates = [_migrates(repository, item, asking[-1]) for item in items] if needs_migrations else []
    ordered = sorted(papers, key=lambda paper: (paper.document, paper.component, paper.where, paper.digest))
    return Papers(tuple(ordered), tuple(migrates))


def documents_asked(policy: Policy, type_: str) -> Iterator[tuple[str, Document]]:
    """The documents that a policy may ask a release of a type for, anywhere, each once."""
    kind = policy.release_types.get(type_)
    names = [name for environment in policy.environments.values() for name in environment.documents]
    names += kind.documents if kind else ()
    names += [name for one in policy.release_templates.values() if one.type == type_ for name in one.documents]
    points = (point for checklist in policy.checklists.values() for point in checklist.items.values())
    names += [point.document for point in points if point.document]
    for name in dict.fromkeys(names):
        document = policy.documents.get(name)
        if document is not None:
            yield name, document


def _asks_of_migrations(policy: Policy) -> bool:
    points = (point for checklist in policy.checklists.values() for point in checklist.items.values())
    said = [document.only for document in policy.documents.values()] + [point.only for point in points]
    return "migrations" in said


def _papers(
    repository: Repository | TidegateError,
    item: Item,
    wanted: Sequence[tuple[str, Document]],
    attached: Mapping[str, Attached],
) -> Iterator[Paper]:
    paths = [path_of(document, item.component, item.to_version) for _, document in wanted]
    templates = [document.template for _, document in wanted if document.template]
    found = _files(repository, item.subject.commit, [path for path in (*paths, *templates) if path])
    for (name, document), path in zip(wanted, paths, strict=True):
        if path:
            yield _in_commit(item, name, document, path, found)
        else:
            yield _attached(item, name, document, attached.get(name), found)


def _files(
    repository: Repository | TidegateError, commit: str, paths: Sequence[str]
) -> Mapping[str, bytes | TidegateError]:
    if isinstance(repository, TidegateError):
        return dict.fromkeys(paths, repository)
    try:
        return small_files(repository, commit, paths, LIMIT_BYTES) if paths else {}
    except TidegateError as error:
        return dict.fromkeys(paths, error)


def _in_commit(
    item: Item, name: str, document: Document, path: str, found: Mapping[str, bytes | TidegateError]
) -> Paper:
    data = found[path]
    if isinstance(data, NotFoundError):
        return Paper(name, item.component, path)
    if isinstance(data, TidegateError):
        return Paper(name, item.component, path, unknown=data.what)
    return _read(item, name, document, path, data, path, found)


def _attached(
    item: Item,
    name: str,
    document: Document,
    attached: Attached | None,
    found: Mapping[str, bytes | TidegateError],
) -> Paper:
    if attached is None:
        return Paper(name, item.component, ATTACHED)
    return _read(item, name, document, ATTACHED, attached.data, attached.name, found)


def _read(
    item: Item,
    name: str,
    document: Document,
    where: str,
    data: bytes,
    file: str,
    found: Mapping[str, bytes | TidegateError],
) -> Paper:
    template = found.get(document.template) if document.template else skeleton(document).encode()
    return read_paper(
        name,
        item.component,
        item.to_version,
        where,
        data,
        name=file,
        template=template if isinstance(template, bytes) else None,
        asks_for_template=document.template is not None,
    )


def _migrates(repository: Repository | TidegateError, item: Item, policy: Policy) -> Migrates:
    known = policy.components.get(item.component)
    if known is None or not known.migrations:
        return Migrates(item.component, False, "the policy declares no migrations of it")
    try:
        if isinstance(repository, TidegateError):
            raise repository
        after = files_digest(repository, item.subject.commit, known.migrations)
        before = _before(repository, item, known)
        return Migrates(item.component, after != before, "compared with the version before")
    except TidegateError as error:
        return Migrates(item.component, None, error.what)


def _before(repository: Repository, item: Item, known: Component) -> str:
    """The digest of the migrations of the version before; of no files where there is none."""
    if not item.from_version:
        return entries_digest((), repository.object_format)
    tag = TagFormat(known.tag, known.versions).tag_for(parse_version(item.from_version, known.versions))
    return files_digest(repository, f"refs/tags/{tag}", known.migrations or "")
