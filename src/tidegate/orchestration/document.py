"""Documents of a release: attach one, say how each stands, have it reviewed, begin one from its template."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tidegate.core.canonical import digest
from tidegate.core.decision import Action, Finding, Question
from tidegate.core.facts import Facts, Release
from tidegate.core.mark import Mark, MarkKind
from tidegate.core.paper import ATTACHED, filled_in, path_of, skeleton
from tidegate.core.paper_reading import LIMIT_BYTES
from tidegate.core.policy import Document, Policy
from tidegate.core.rulebook import Rulebook
from tidegate.core.rules import Context
from tidegate.core.rules.document import applies, document_finding, paper_of
from tidegate.core.rules.marks import authors_of
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError, UsageError
from tidegate.orchestration.evidence import item_of
from tidegate.orchestration.facts import gather
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim
from tidegate.orchestration.marks import NOBODY, Desk, say
from tidegate.orchestration.next_release import version_to_write_for
from tidegate.orchestration.papers import documents_asked
from tidegate.orchestration.refusal import refusals
from tidegate.orchestration.seen import look
from tidegate.store import policies, releases


def attach(house: House, release: str, document: str, file: Path, claim: Claim) -> Mark:
    """Keep a file as a document of a release, in place of what was attached before, which is kept and counts no more.

    Raises:
        UsageError: the file cannot be read, or is too large.
        NotFoundError: there is no such release, document or file.
        ConflictError: the document lies in the repository, the very same is attached, or the release is over.
        NotPermittedError: the policy does not know this person, or the signature is not theirs.
    """
    data = _bytes(file)
    name, found = file.name[:255], digest(data)

    def draft(at_hand: Desk) -> Mark:
        return Mark("", MarkKind.DOCUMENT, document, name, NOBODY, found, house.now())

    told = {"document": document, "file": name}
    with refusals(house, "document", claim.person, release, document=document[:64]):
        return say(
            house,
            release,
            claim,
            draft,
            _demand_attachable,
            ("document.attached", told),
            content=data,
            may_be_unsigned=True,
            replaces=lambda new, old: old.subject != new.subject,
        )


def _bytes(file: Path) -> bytes:
    try:
        if not file.is_file():
            raise NotFoundError("there is no such file", where=str(file), remedy="name the document's file")
        size = file.stat().st_size
        if size > LIMIT_BYTES:
            raise UsageError(
                f"the document has {size >> 10} KiB; at most {LIMIT_BYTES >> 10} KiB are kept",
                where=str(file),
                remedy="make it shorter, or split it",
            )
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"it cannot be read: {error.strerror}", where=str(file), remedy="check the file") from error


def _demand_attachable(at_hand: Desk, mark: Mark) -> None:
    at_hand.demand_open()
    document = find_document(at_hand.current, at_hand.pinned, mark.name)
    if document.path:
        item = at_hand.row.facts.items[0]
        raise ConflictError(
            f"{document.title} lies in the repository: {path_of(document, item.component, item.to_version)}",
            remedy="commit it there, and open the release again",
        )


def find_document(current: Policy, pinned: Policy, name: str) -> Document:
    """A document, as the active policy has it, or else the one to which the release is pinned.

    Raises:
        NotFoundError: neither has it.
    """
    found = current.documents.get(name) or pinned.documents.get(name)
    if found is None:
        raise NotFoundError(
            f'the policy knows no document "{name[:80]}"',
            remedy=f"name one of: {', '.join(current.documents) or 'none is declared'}",
        )
    return found


def review(house: House, release: str, document: str, claim: Claim, *, component: str = "", reason: str = "") -> Mark:
    """Say, signed, that one has reviewed a document as it is; another content of it is not reviewed by that.

    Args:
        component: whose document it is; empty where the release has only one.

    Raises:
        UsageError: the release has several components, and none is named.
        NotPermittedError: they are not of the group that reviews it, wrote what is released, or have not signed.
        NotFoundError: there is no such release or document, or it is not written yet.
        ConflictError: nobody reviews it, they have already, or the release is over.
    """
    papers = look(house, release).papers

    def draft(at_hand: Desk) -> Mark:
        known = find_document(at_hand.current, at_hand.pinned, document)
        item = item_of(at_hand.row, component, "a document is of one")
        paper = paper_of(at_hand.context("", house.now(), papers), item, document, known)
        if paper is None or not paper.digest:
            raise NotFoundError(
                f"{known.title} of {item.component} is not there yet, so nobody can review it",
                remedy=f"see where it should be: tidegate document list {release}",
            )
        return Mark("", MarkKind.REVIEW, document, item.component, NOBODY, paper.digest, house.now(), reason=reason)

    def demand(at_hand: Desk, mark: Mark) -> None:
        at_hand.demand_open()
        _demand_reviewer(at_hand, document, mark, house.now())

    with refusals(house, "document", claim.person, release, document=document[:64]):
        return say(
            house, release, claim, draft, demand, ("document.reviewed", {"document": document, "reason": reason})
        )


def _demand_reviewer(at_hand: Desk, name: str, mark: Mark, now: datetime) -> None:
    document, who = find_document(at_hand.current, at_hand.pinned, name), mark.actor.person
    if document.reviewed_by is None:
        raise ConflictError(
            f"nobody reviews {document.title}: the policy names no reviewed_by", remedy=f"see documents.{name}"
        )
    people = at_hand.current.people_of(document.reviewed_by)
    authors = authors_of(at_hand.context("", now))
    if who not in people or who in authors:
        why = "wrote what is released" if who in people else f"is not of {document.reviewed_by}"
        raise NotPermittedError(
            f"{who or 'nobody'} {why}, and cannot review {document.title}",
            remedy=f"ask one of: {', '.join(sorted(people - authors)) or 'nobody may: add people in the policy'}",
        )


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """How a document of a release stands: where it lies, who asks for it, and what was found."""

    name: str
    title: str
    component: str
    where: str
    asked_by: tuple[str, ...]
    finding: Finding | None
    digest: str


def list_documents(house: House, release: str) -> list[DocumentLine]:
    """How each document stands that the active policy may ask of a release.

    Raises:
        NotFoundError: there is no such release.
    """
    in_git = look(house, release)
    with house.database.read() as connection:
        row = releases.load(connection, release)
        book = policies.current(connection)
        facts = gather(connection, row, book.policy, house.now(), in_git=in_git)
    return list(documents_of(book, facts, house.now()))


def documents_of(book: Rulebook, facts: Facts, now: datetime) -> Iterator[DocumentLine]:
    """The same, from facts that are at hand."""
    place = _place(book.policy)
    context = Context(Question(Action.START, NOBODY, place), book, facts, now)
    for name, document in documents_asked(book.policy, facts.release.type):
        asked = tuple(_asking(book.policy, facts.release, name))
        if not asked:
            continue  # It is asked of what is opened from another template.
        for item in facts.release.items:
            paper = paper_of(context, item, name, document)
            where = path_of(document, item.component, item.to_version) or ATTACHED
            finding = (
                document_finding(context, item, name) if applies(context, item, document.only) is not False else None
            )
            yield DocumentLine(
                name, document.title, item.component, where, asked, finding, paper.digest if paper else ""
            )


def _asking(policy: Policy, release: Release, name: str) -> Iterator[str]:
    kind, template = policy.release_types.get(release.type), policy.release_templates.get(release.template)
    if kind and name in kind.documents:
        yield f"{release.type} releases"
    if template and name in template.documents:
        yield f"the template {release.template}"
    yield from (place for place, environment in policy.environments.items() if name in environment.documents)
    for checklist, known in policy.checklists.items():
        if any(point.document == name for point in known.items.values()):
            yield f"the checklist {checklist}"


def _place(policy: Policy) -> str:
    """The last environment: it asks for the surest people."""
    return next(reversed(list(policy.environments)), "")


@dataclass(frozen=True, slots=True)
class Begun:
    """A document that was begun: its path, from the root; and whether it counts once it is attached, or committed."""

    path: str
    attached: bool


def begin(house: House, name: str, component: str, version: str) -> Begun:
    """Write a document from its template, or from its sections, into the work tree.

    Where its path names the version and none is given, it is that of the release that is opened next.

    Raises:
        NotFoundError: the policy knows no such document or component, or the template is not there.
        ConflictError: there is such a file already; it stays as it is.
        UsageError: its path names the component, and it was not given; or it leads out of the repository.
    """
    with house.database.read() as connection:
        policy = policies.current(connection).policy
    document = find_document(policy, policy, name)
    _demand_component(policy, document, component)
    if "{version}" in (document.path or ""):
        version = version or version_to_write_for(house, component)
    path = path_of(document, component, version) or f"{name}.md"
    target = _inside(house.root, path)
    text = _template(house.root, document)
    if target.exists() or target.is_symlink():
        raise ConflictError("there is such a file already", where=path, remedy="edit it; it stays as it is")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8") as file:
            file.write(filled_in(text, component, version))
    except OSError as error:
        raise UsageError(f"it cannot be written: {error.strerror}", where=path, remedy="check the folder") from error
    return Begun(str(target.relative_to(house.root)), attached=not document.path)


def _demand_component(policy: Policy, document: Document, component: str) -> None:
    """Refuse what would be written to a place where nobody looks for it."""
    if component and component not in policy.components:
        raise NotFoundError(
            f'the policy knows no component "{component[:80]}"', remedy=f"name one of: {', '.join(policy.components)}"
        )
    if not component and any(key in (document.path or "") for key in ("{component}", "{version}")):
        raise UsageError(f"{document.title} lies at {document.path}", remedy="say which it is: --of COMPONENT")


def _inside(root: Path, path: str) -> Path:
    from tidegate.git.tree import normal_path

    target = root / normal_path(path)
    if not target.resolve().is_relative_to(root.resolve()):
        raise UsageError(f'the path "{path[:200]}" leads outside the repository', remedy="see documents in the policy")
    return target


def _template(root: Path, document: Document) -> str:
    if document.template is None:
        return skeleton(document)
    source = _inside(root, document.template)
    try:
        if source.stat().st_size > LIMIT_BYTES:
            raise UsageError("the template is too long to be one", where=document.template, remedy="make it shorter")
        return source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotFoundError(
            f"the template of {document.title} cannot be read",
            where=document.template,
            remedy="write it, and commit it",
        ) from error
