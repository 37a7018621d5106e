"""A case made ready to be asked: the question, the policies, the facts, the moment, and what is expected.

Nothing is made up in favour of the release. What a case does not say is not known; where a value has to be something,
it is the one that lets least pass: not announced, changed a moment ago, never verified.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product
from zoneinfo import ZoneInfo

from tidegate.core.actor import AUTOMATION, Actor, Assurance
from tidegate.core.approval import Approval
from tidegate.core.backup import Checked, TakenBackup
from tidegate.core.board import Minutes, Point
from tidegate.core.canonical import digest_of
from tidegate.core.change_request import ChangeRequest
from tidegate.core.condition.errors import did_you_mean
from tidegate.core.debt import Debt, DebtKind, teams_of
from tidegate.core.decision import Action, Policies, Question
from tidegate.core.deploy_source import LOCAL, TAGS, DeploySource, deploy_sources
from tidegate.core.drill import Drilled
from tidegate.core.emergency import Emergency
from tidegate.core.evidence import Evidence
from tidegate.core.evidence_kind import KINDS, EvidenceKind, Value, typed_values
from tidegate.core.facts import (
    CLIENT,
    Built,
    Change,
    Done,
    Facts,
    Head,
    Hold,
    Item,
    Origin,
    Release,
    Running,
    Verified,
    WayBack,
)
from tidegate.core.holiday import holidays_for
from tidegate.core.mark import ANYWHERE, Mark, MarkKind
from tidegate.core.message import parse_message
from tidegate.core.migration.hazard import Brought, Danger, Hazard
from tidegate.core.paper import ATTACHED, Migrates, Paper, Section, path_of
from tidegate.core.policy import Document
from tidegate.core.policytest.form import (
    Ask,
    CaseFile,
    Expect,
    GivenApproval,
    GivenChange,
    GivenDebt,
    GivenDocument,
    GivenEmergency,
    GivenHold,
    GivenItem,
    GivenMinutes,
    GivenRelease,
    GivenRunning,
    GivenWayBack,
    Parts,
    Piece,
    Stay,
)
from tidegate.core.policytest.given_change import change_of_case
from tidegate.core.policytest.layers import CaseError, CaseMistake, Layers, Path, layers_of
from tidegate.core.policytest.names import Names
from tidegate.core.policytest.times import NEVER, absolute, read_moment, resolved, skipped
from tidegate.core.release import ReleaseState
from tidegate.core.rulebook import Rulebook
from tidegate.core.rules.marks import may_tick
from tidegate.core.subject import Part, Subject
from tidegate.errors import UsageError

_SUPPOSED = {
    Action.START: ReleaseState.OPEN,
    Action.CONTINUE: ReleaseState.ROLLING,
    Action.ROLLBACK: ReleaseState.RELEASED,
}
"""Where a release stands whose case does not say it."""

_LOSES = {"yes": True, "no": False, "unknown": None}
_PLAIN = (bool, int, float, str)
_KIND = re.compile(r"[A-Za-z][\w-]*!?")
_AS_IT_IS = "as it is"
_VERSION, _BEFORE = "1.1.0", "1.0.0"
_SOURCE = "source of deployments"
_NONE = "none"
"""In place of a version: it is known that none runs."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A case that can be asked. ``next_possible`` is what is expected of it, where ``expect`` says so."""

    name: str
    question: Question
    policies: Policies
    facts: Facts
    at: datetime
    expect: Expect
    next_possible: datetime | None = None


def trial_of(file: CaseFile, number: int, policies: Policies, names: Names) -> Trial:
    """The case of that number, ready.

    Raises:
        CaseError: it leaves out what must be said, or names what nobody knows.
    """
    layers = layers_of(file, number)
    skips = _skipped(file, number, layers, policies.current.tz)
    mistakes = [*_named(file, number, layers, names), *_unsaid(file, number, layers), *skips]
    if mistakes:
        raise CaseError(tuple(mistakes))
    return _Maker(file, number, policies, layers).trial()


def _asked(file: CaseFile, number: int) -> Ask:
    """The question of a case; what it leaves out is that of the file."""
    said: dict[str, object] = {}
    for ask in (file.ask, file.cases[number].ask):
        if ask is not None:
            said |= ask.model_dump(by_alias=True, exclude_unset=True)
    return Ask.model_validate(said)


def _unsaid(file: CaseFile, number: int, layers: Layers) -> Iterator[CaseMistake]:
    """A mistake for each thing that a case must say, and does not."""
    case, ask = file.cases[number], _asked(file, number)
    release = layers.merged.release or GivenRelease()
    here: Path = ("cases", number, "name")
    if case.at is None and file.at is None:
        yield CaseMistake(here, "nobody says when it is asked", "add at: to the case, or to the file")
    if ask.environment is None:
        yield CaseMistake(here, "nobody says where it would go", "add environment: to ask:")
    if ask.by is None:
        yield CaseMistake(here, "nobody says who asks", "add by: to ask:")
    if release.type is None and ask.action is not Action.ROLLBACK:
        yield CaseMistake(here, "nobody says of which type the release is", "add release: {type: ...} to given:")
    if release.component is None and not release.items:
        yield CaseMistake(here, "nobody says what is released", "add release: {component: ...} to given:")
    if release.component is not None and release.items:
        what = "component: says that one component is released, items: that several are"
        yield CaseMistake(layers.path("release", "items"), what, "keep one of the two")


def _skipped(file: CaseFile, number: int, layers: Layers, tz: ZoneInfo) -> Iterator[CaseMistake]:
    """A mistake for each civil time over which the clocks are set forward: nobody knows which moment is meant."""
    case = file.cases[number]
    here: Path = ("cases", number)
    said: list[tuple[Path, object]] = [
        ((*here, "at") if case.at is not None else ("at",), case.at or file.at),
        ((*here, "expect", "next_possible"), case.expect.next_possible),
        *((layer.path, layer.said) for layer in layers.layers),
    ]
    for path, text in (leaf for place, value in said for leaf in _texts(place, value)):
        moment = skipped(text, tz)
        if moment is not None:
            forward = moment.astimezone(tz)
            yield CaseMistake(
                path,
                f'"{text}" does not exist in {tz.key}: the clocks are set forward over it, to {forward:%H:%M}',
                f"write {forward:%Y-%m-%dT%H:%M}, or a time with an offset",
            )


def _texts(path: Path, value: object) -> Iterator[tuple[Path, str]]:
    """Every text of a value, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts((*path, key), inner)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _texts((*path, index), inner)


def _named(file: CaseFile, number: int, layers: Layers, names: Names) -> Iterator[CaseMistake]:
    """A mistake for each name that nobody knows."""
    yield from _named_in_question(file, number, names)
    yield from _named_in_release(layers, names)
    yield from _named_in_evidence(layers, names)
    given = layers.merged
    for index, approval in enumerate(given.approvals):
        yield from names.one(layers.path("approvals", index, "by"), approval.by, "person")
        yield from names.one(layers.path("approvals", index, "for"), approval.environment, "environment")
        yield from names.one(layers.path("approvals", index, "as"), approval.role, "role")
    yield from _named_in_papers(layers, names)
    for index, minutes in enumerate(given.minutes):
        yield from names.each(layers.path("minutes", index, "attended"), minutes.attended, "person")
    for environment, stays in given.verified.items():
        yield from names.one(layers.path("verified", environment), environment, "environment", at_key=True)
        for index, stay in enumerate(stays):
            path = layers.path("verified", environment, index, "component")
            yield from names.one(path, stay.component, "component")
    for component, said in given.running.items():
        yield from names.one(layers.path("running", component), component, "component", at_key=True)
        for other in said.requires or ():
            yield from names.one(layers.path("running", component, "requires", other), other, "component", at_key=True)
    for index, hold in enumerate(given.holds):
        yield from names.one(layers.path("holds", index, "by"), hold.by, "person")
        yield from names.one(layers.path("holds", index, "environment"), hold.environment, "environment")
        yield from names.one(layers.path("holds", index, "component"), hold.component, "component")
        yield from names.one(layers.path("holds", index, "client"), hold.client, "client")
    for index, change in enumerate(given.change_requests):
        yield from names.one(layers.path("change_requests", index, "by"), change.by, "person")
        yield from names.each(layers.path("change_requests", index, "approvals"), change.approvals, "person")
        yield from names.each(layers.path("change_requests", index, "rejected_by"), change.rejected_by, "person")
    for index, emergency in enumerate(given.emergencies):
        yield from names.one(layers.path("emergencies", index, "by"), emergency.by, "person")
        yield from names.each(layers.path("emergencies", index, "components"), emergency.components, "component")
    for index, debt in enumerate(given.debts):
        yield from names.each(layers.path("debts", index, "components"), debt.components, "component")
    for index, way in enumerate(given.way_back):
        yield from names.one(layers.path("way_back", index, "component"), way.component, "component")


def _named_in_papers(layers: Layers, names: Names) -> Iterator[CaseMistake]:
    given = layers.merged
    for name, document in given.documents.items():
        yield from names.one(layers.path("documents", name), name, "document", at_key=True)
        yield from names.each(layers.path("documents", name, "reviewed"), document.reviewed, "person")
    for index, tick in enumerate(given.ticks):
        yield from names.one(layers.path("ticks", index, "point"), tick.point, "point of a checklist")
        yield from names.one(layers.path("ticks", index, "by"), tick.by, "person")
    for index, waiver in enumerate(given.waivers):
        yield from names.one(layers.path("waivers", index, "gate"), waiver.gate, "gate")
        yield from names.one(layers.path("waivers", index, "by"), waiver.by, "person")
        yield from names.each(layers.path("waivers", index, "agreed"), waiver.agreed, "person")
    for type_ in given.last:
        yield from names.one(layers.path("last", type_), type_, "release type", at_key=True)


def _named_in_question(file: CaseFile, number: int, names: Names) -> Iterator[CaseMistake]:
    case, ask = file.cases[number], _asked(file, number)
    own = case.ask.model_fields_set if case.ask else frozenset()
    for key, found, noun in (("environment", ask.environment, "environment"), ("by", ask.by, "person")):
        yield from names.one((*(("cases", number) if key in own else ()), "ask", key), found, noun)
    for key in ("deny", "cannot tell", "passes"):
        found_rules = getattr(case.expect, key.replace(" ", "_"))
        yield from names.each(("cases", number, "expect", key), found_rules, "rule")


def _named_in_release(layers: Layers, names: Names) -> Iterator[CaseMistake]:
    release = layers.merged.release
    if release is None:
        return
    yield from names.one(layers.path("release", "type"), release.type, "release type")
    yield from names.one(layers.path("release", "template"), release.template, "release template")
    yield from names.one(layers.path("release", "component"), release.component, "component")
    yield from names.one(layers.path("release", "opened_by"), release.opened_by, "person")
    yield from names.each(layers.path("release", "authors"), release.authors, "person")
    yield from names.each(layers.path("release", "comes_from"), release.comes_from or (), _SOURCE)
    seen: set[str] = set()
    for index, item in enumerate(release.items):
        path = layers.path("release", "items", index, "component")
        yield from names.one(path, item.component, "component")
        yield from names.each(layers.path("release", "items", index, "authors"), item.authors, "person")
        yield from names.each(layers.path("release", "items", index, "comes_from"), item.comes_from or (), _SOURCE)
        if item.component in seen:
            yield CaseMistake(path, f'the component "{item.component}" is in the release twice', "keep one of the two")
        seen.add(item.component)


def _named_in_evidence(layers: Layers, names: Names) -> Iterator[CaseMistake]:
    for name, piece in layers.merged.evidence.items():
        yield from names.one(layers.path("evidence", name, "component"), piece.component, "component")
        yield from names.one(layers.path("evidence", name, "environment"), piece.environment, "environment")
        yield from names.one(layers.path("evidence", name, "by"), piece.by, "person")
        yield from names.one(layers.path("evidence", name, "kind"), piece.kind, "kind of evidence")


def _checked(piece: Evidence, field: str) -> Checked | None:
    """What a report says of one thing that is found out about a backup; None where it says nothing."""
    value = piece.values.get(field)
    return None if value is None else Checked(value is True, f"{field} is {str(value).lower()}", piece.taken_at)


class _Maker:
    """Makes the values of one case."""

    def __init__(self, file: CaseFile, number: int, policies: Policies, layers: Layers) -> None:
        self._case = file.cases[number]
        self._number = number
        self._policies = policies
        self._layers = layers
        self._given = layers.merged
        self._tz = policies.current.tz
        self._at = absolute(read_moment(self._case.at or file.at or ""), self._tz)
        self._ask = _asked(file, number)
        self._where = self._ask.environment or ""
        known = (policies.pinned, policies.current)
        self._environments = {*(name for book in known for name in book.policy.environments), self._where}
        self._said = self._given.release or GivenRelease()
        self._subjects: dict[tuple[str, Parts | None], Subject] = {}
        self._parts = {item.component: item.parts or Parts() for item in _items(self._said)}

    def trial(self) -> Trial:
        """The case, ready.

        Raises:
            CaseError: its evidence says what evidence of its kind cannot say.
        """
        release = self._release()
        evidence = (*self._evidence(), *self._validated(release))
        facts = Facts(
            release=release,
            evidence=evidence,
            approvals=tuple(self._approval(release, index, said) for index, said in enumerate(self._given.approvals)),
            minutes=tuple(self._minutes(release, index, said) for index, said in enumerate(self._given.minutes)),
            verified=tuple(v for name, stays in self._given.verified.items() for v in self._verified(name, stays)),
            holds=tuple(self._hold(index, said) for index, said in enumerate(self._given.holds)),
            way_back=tuple(way for said in self._given.way_back for way in self._ways_back(said)),
            emergencies=tuple(
                self._emergency(release, index, said) for index, said in enumerate(self._given.emergencies)
            ),
            debts=tuple(self._debt(release, index, said) for index, said in enumerate(self._given.debts)),
            running=tuple(self._running(name, said) for name, said in self._given.running.items()),
            origins=tuple(self._origin(item) for item in _items(self._said) if item.comes_from is not None),
            marks=(*self._reviews(), *self._ticks(release), *self._waivers(release)),
            papers=tuple(self._papers()),
            migrates=tuple(self._migrates()),
            brought=tuple(self._brought()),
            done=tuple(self._done()),
            change_requests=tuple(self._change(release, n, said) for n, said in enumerate(self._given.change_requests)),
            holidays=holidays_for((self._policies.pinned.policy, self._policies.current.policy), self._at),
            drills=tuple(self._drills()),
            backups=tuple(self._backups(evidence)),
        )
        expect = self._case.expect
        expected = expect.next_possible
        opens = None if expected in (None, NEVER) else self._time(expected, self._at)
        return Trial(self._case.name, self._question(release), self._policies, facts, self._at, expect, opens)

    def _time(self, text: str | None, default: datetime) -> datetime:
        return default if text is None else resolved(text, self._tz, self._at)

    def _time_or_none(self, text: str | None) -> datetime | None:
        return None if text in (None, NEVER) else self._time(text, self._at)

    def _question(self, release: Release) -> Question:
        ask = self._ask
        person = ask.by or ""
        actor = Actor.automation(ask.via) if person == AUTOMATION else Actor(person, ask.via, ask.assurance)
        granted = self._subject_of(release, self._where, ask.granted) if ask.action is Action.CONTINUE else ""
        return Question(ask.action, actor, self._where, granted, ask.accepts_data_loss)

    def _release(self) -> Release:
        said = self._said
        items = tuple(self._item(item) for item in _items(said))
        return Release(
            id=said.id or f"{items[0].component}-{items[0].to_version}",
            type=said.type or "",
            state=said.state or _SUPPOSED[self._ask.action],
            items=items,
            opened_at=self._time(said.opened, self._at),
            opened_by=said.opened_by or "",
            announced_at=self._time_or_none(said.announced),
            planned_at=self._time_or_none(said.planned),
            reason=said.reason or "",
            criterion=said.criterion or "",
            template=said.template or "",
            downtime=said.downtime,
        )

    def _item(self, said: GivenItem) -> Item:
        return Item(
            component=said.component,
            from_version=said.from_version or _BEFORE,
            to_version=said.version or _VERSION,
            subject=self._subject(said.component, None),
            content_at=self._time(said.content, self._at),
            changes=tuple(_change(index, title) for index, title in enumerate(said.changes)),
            authors=said.authors,
            requires=_requires(self._policies.pinned, said.component),
            built=tuple(self._built(said)),
        )

    def _built(self, said: GivenItem) -> Iterator[Built]:
        """All that either policy declares, but for what the case says is not built."""
        books = (self._policies.current, self._policies.pinned)
        known = [book.policy.components.get(said.component) for book in books]
        declared = {(a.kind, a.name): None for component in known if component for a in component.artifacts}
        for kind, name in declared:
            if name not in said.unbuilt:
                yield Built(kind, name, digest_of(["policy test", said.component, kind, name]), kind == "image")

    def _subject(self, component: str, other: Parts | None) -> Subject:
        """The subject of a component, or, where ``other`` says so, one with other parts."""
        found = self._subjects.get((component, other))
        if found is None:
            found = self._subjects[component, other] = self._made(component, other)
        return found

    def _made(self, component: str, other: Parts | None) -> Subject:
        own = self._parts.get(component, Parts())

        def digest(part: Part) -> str:
            chosen = (_part(other, part) if other else None) or _part(own, part) or _AS_IT_IS
            return digest_of(["policy test", component, part.value, chosen])

        return Subject(
            source=digest(Part.SOURCE),
            artifacts=digest(Part.ARTIFACTS),
            migrations=digest(Part.MIGRATIONS),
            configuration=dict.fromkeys(self._environments, digest(Part.CONFIGURATION)),
            targets=dict.fromkeys(self._environments, digest(Part.TARGETS)),
        )

    def _subject_of(self, release: Release, environment: str, other: Parts | None) -> str:
        digests = [(item, self._subject(item.component, other).digest_for(environment)) for item in release.items]
        return release.subject_of(digests)

    def _evidence(self) -> Iterator[Evidence]:
        mistakes: list[CaseMistake] = []
        for name, piece in self._given.evidence.items():
            if piece.there is None:
                kinds, source = self._kinds(name, piece, mistakes)
                for kind in kinds:
                    values = self._values(name, piece, kind, mistakes)
                    yield from self._reports(name, piece, kind, source, values)
        if mistakes:
            raise CaseError(tuple(mistakes))

    def _backups(self, evidence: Iterable[Evidence]) -> Iterator[TakenBackup]:
        """The backups that Tidegate took: those of the evidence that have the name of one that it takes."""
        books = (self._policies.current, self._policies.pinned)
        names = {name for book in books for name, said in book.policy.backups.items() if said.of is not None}
        found = {piece.source: piece for piece in evidence if piece.kind == "backup" and piece.source in names}
        for name, piece in found.items():
            yield TakenBackup(
                name,
                piece.environment or self._where,
                f"{name}-1",
                piece.taken_at,
                size if isinstance(size := piece.values.get("bytes"), int) else 0,
                piece.report,
                piece.report,
                _checked(piece, "verified"),
                _checked(piece, "offsite"),
                _checked(piece, "restored"),
            )

    def _kinds(self, name: str, piece: Piece, mistakes: list[CaseMistake]) -> tuple[list[EvidenceKind], str]:
        """The kinds that an entry is of, and its source."""
        books = (self._policies.current, self._policies.pinned)
        gate = next((book.policy.gates[name] for book in books if name in book.policy.gates), None)
        source = piece.source or (gate.source if gate else None) or name
        if piece.kind is not None:
            return [KINDS[piece.kind]], source
        if gate is not None:
            return [KINDS[kind] for kind in dict.fromkeys(gate.evidence)], source
        if name in KINDS:
            return [KINDS[name]], source
        what = f'"{name}" is neither a gate of the policy nor a kind of evidence'
        remedy = "call it as one of them, or add kind: with the kind that it is of"
        mistakes.append(CaseMistake(self._layers.path("evidence", name), what, remedy, at_key=True))
        return [], source

    def _values(self, name: str, piece: Piece, kind: EvidenceKind, mistakes: list[CaseMistake]) -> Mapping[str, Value]:
        """The fields of an entry, each as its kind has it."""
        values: dict[str, Value] = {}
        for field, value in (piece.model_extra or {}).items():
            path = self._layers.path("evidence", name, field)
            if not isinstance(value, _PLAIN):
                what = f"the field {field} of evidence is one number, truth value or text"
                mistakes.append(CaseMistake(path, what, "write one value"))
                continue
            if field not in kind.fields:
                mistakes.append(_no_field(path, field, kind))
                continue
            try:
                values |= typed_values(kind, {field: value}, whole=False)
            except UsageError as error:
                mistakes.append(CaseMistake(path, error.what, error.remedy))
        if piece.of is not None and not kind.binds:
            what = f"evidence of kind {kind.name} is of no part of a subject, and so of no other one"
            mistakes.append(CaseMistake(self._layers.path("evidence", name, "of"), what, "take of: out", at_key=True))
        return values

    def _reports(
        self, name: str, piece: Piece, kind: EvidenceKind, source: str, values: Mapping[str, Value]
    ) -> Iterator[Evidence]:
        taken = self._time(piece.taken, self._at)
        binds = kind.binds if piece.binds is None else frozenset(piece.binds)
        for component in [piece.component] if piece.component else list(self._parts):
            subject = self._subject(component, piece.of)
            yield Evidence(
                component=component,
                kind=kind.name,
                source=source,
                bound=subject.binding(binds, piece.environment or self._where),
                values=values,
                taken_at=taken,
                added_at=self._time(piece.added, taken),
                report=digest_of(["policy test", name, kind.name, component]),
                added_by=piece.by or "",
                environment=piece.environment or "",
            )

    def _approval(self, release: Release, index: int, said: GivenApproval) -> Approval:
        environment = said.environment or self._where
        return Approval(
            id=f"approval-{index + 1}",
            actor=Actor(said.by, said.via, said.assurance),
            answer=said.answer,
            environment=environment,
            subject=self._subject_of(release, environment, said.of),
            at=self._time(said.at, self._at),
            role=said.role or "",
            key=said.key or "",
            invalid=said.invalid or "",
            revoked_at=self._time_or_none(said.revoked),
        )

    def _papers(self) -> Iterator[Paper]:
        """Each document where either policy says that it lies."""
        for name, said in self._given.documents.items():
            known = [book.policy.documents[name] for book in self._books() if name in book.policy.documents]
            for item in _items(self._said):
                places = {path_of(d, item.component, item.version or _VERSION) or ATTACHED: d for d in known}
                yield from (self._paper(name, said, item.component, *place) for place in places.items())

    def _paper(self, name: str, said: GivenDocument, component: str, where: str, document: Document) -> Paper:
        if said.state == "none":
            return Paper(name, component, where)
        sections = tuple(Section(text, text not in said.hollow) for text in document.sections if text not in said.lacks)
        digest = _digest_of_paper(name, component)
        return Paper(
            name, component, where, digest, said.state == "empty", sections=sections, unedited=said.state == "unedited"
        )

    def _reviews(self) -> Iterator[Mark]:
        for name, said in self._given.documents.items():
            for person, component in product(said.reviewed, self._parts):
                digest = _digest_of_paper(name, component)
                yield self._mark(MarkKind.REVIEW, name, component, person, digest, self._at)

    def _ticks(self, release: Release) -> Iterator[Mark]:
        for said in self._given.ticks:
            checklist, _, point = said.point.partition("/")
            subject = self._subject_of(release, ANYWHERE, said.of)
            at = self._time(said.at, self._at)
            for name, by in self._ticked(checklist, point):
                mark = self._mark(MarkKind.TICK, checklist, name, said.by or by, subject, at)
                ended = self._time_or_none(said.revoked)
                yield replace(mark, not_needed=said.not_needed, reason=said.reason or "", ended_at=ended)

    def _ticked(self, checklist: str, point: str) -> Iterator[tuple[str, str]]:
        """The points of a checklist that people tick, or the one that is named, each with somebody who may."""
        for book in self._books():
            known = book.policy.checklists.get(checklist)
            if known is None:
                continue
            for name, item in known.items.items():
                if name == point or (not point and (item.by or not (item.gate or item.document))):
                    yield name, min(may_tick(book.policy, item), default="")
            return

    def _waivers(self, release: Release) -> Iterator[Mark]:
        for index, said in enumerate(self._given.waivers):
            subject = self._subject_of(release, ANYWHERE, said.of)
            at, until = self._time(said.asked, self._at), self._time(said.until, self._at)
            asked = self._mark(MarkKind.WAIVER, said.gate, "", said.by, subject, at)
            asked = replace(asked, id=f"waiver-{index + 1}", until=until, reason=said.reason)
            yield asked
            for person in said.agreed:
                yield self._mark(MarkKind.WAIVER_YES, said.gate, asked.id, person, subject, at)

    def _mark(self, kind: MarkKind, name: str, part: str, person: str, subject: str, at: datetime) -> Mark:
        actor = Actor(person, "ssh", Assurance.SIGNATURE)
        return Mark(f"{kind.value}-{name}-{part}-{person}", kind, name, part, actor, subject, at)

    def _books(self) -> tuple[Rulebook, Rulebook]:
        return (self._policies.current, self._policies.pinned)

    def _migrates(self) -> Iterator[Migrates]:
        for item in _items(self._said):
            if item.migrates is not None:
                yield Migrates(item.component, _LOSES[item.migrates])

    def _brought(self) -> Iterator[Brought]:
        for item in _items(self._said):
            if item.endangers is not None:
                component = item.component
                hazards = tuple(_hazard(danger, component) for danger in item.endangers)
                since = item.from_version or _BEFORE
                yield Brought(component, self._where, since, tuple(h.file for h in hazards), hazards)

    def _done(self) -> Iterator[Done]:
        for type_, at in self._given.last.items():
            for component in self._parts:
                yield Done(component, type_, self._where, "the release before", self._time(at, self._at))

    def _minutes(self, release: Release, index: int, said: GivenMinutes) -> Minutes:
        known = (self._policies.current, self._policies.pinned)
        everybody = {who for book in known for who in book.policy.people_of(said.of)}
        point = Point(release.id, self._where, self._subject_of(release, self._where, None))
        attended = said.attended or tuple(sorted(everybody))
        at = self._time(said.at, self._at)
        return Minutes(f"meeting-{index + 1}", said.of, at, attended, point, said.approved, "", "")

    def _verified(self, environment: str, stays: Iterable[Stay]) -> Iterator[Verified]:
        versions = {item.component: item.version or _VERSION for item in _items(self._said)}
        for stay in stays:
            at = self._time_or_none(stay.at)
            for component in [stay.component] if stay.component else list(self._parts):
                if at is not None:
                    digest = self._subject(component, stay.of).digest_for(environment)
                    version = stay.version or versions.get(component, _VERSION)
                    yield Verified(component, environment, version, digest, at)

    def _change(self, release: Release, index: int, said: GivenChange) -> ChangeRequest:
        bound = {name: self._subject_of(release, name, said.of) for name in sorted(self._environments)}
        return change_of_case(said, index + 1, release, bound, self._policies.current.policy, self._at)

    def _hold(self, index: int, said: GivenHold) -> Hold:
        return Hold(
            id=said.id or f"hold-{index + 1}",
            reason=said.reason,
            by=said.by,
            since=self._time(said.since, self._at),
            expires_at=self._time_or_none(said.until),
            environment=said.environment or "",
            component=f"{CLIENT}{said.client}" if said.client else said.component or "",
            version=said.version or "",
        )

    def _validated(self, release: Release) -> Iterator[Evidence]:
        """That the way back was tried out, where a policy asks for it; it led to what stands there: to nothing."""
        asked = any(book.policy.rollback.validated for book in (self._policies.current, self._policies.pinned))
        if not (asked and self._given.validated):
            return
        kind = KINDS["rollback-plan"]
        values = {"valid": True, "units": 1, "online": 1, "kept": 1, "problems": 0, "returns_to": ""}
        for item in release.items:
            bound = item.subject.binding(kind.binds, self._where)
            at, report = self._at, digest_of([item.component, kind.name])
            yield Evidence(item.component, kind.name, kind.name, bound, values, at, at, report, "tidegate", self._where)

    def _drills(self) -> Iterator[Drilled]:
        names = {name for book in (self._policies.current, self._policies.pinned) for name in book.policy.drills}
        for name in sorted(names):
            said = self._given.drills.get(name)
            if said != NEVER:
                yield Drilled(f"drill-{name}", name, self._time(said, self._at), True, self._ask.by or "")

    def _emergency(self, release: Release, index: int, said: GivenEmergency) -> Emergency:
        declared = self._time(said.declared, self._at)
        lasts = self._policies.current.policy.emergency.lasts
        return Emergency(
            id=f"emergency-{index + 1}",
            incident=said.incident or f"incident-{index + 1}",
            reason=said.criterion,
            criterion=said.criterion,
            components=said.components or tuple(item.component for item in release.items),
            declared_by=said.by or self._ask.by or "",
            declared_at=declared,
            expires_at=self._time(said.until, declared + lasts),
            ended_at=self._time_or_none(said.ended),
        )

    def _debt(self, release: Release, index: int, said: GivenDebt) -> Debt:
        components = said.components or tuple(item.component for item in release.items)
        due = self._time(said.due, self._at)
        return Debt(
            id=f"debt-{index + 1}",
            kind=said.kind,
            name=said.name or "",
            components=components,
            opened_at=min(due, self._at),
            due_at=due,
            release=said.release or "an earlier release",
            teams=teams_of(self._policies.current.policy, components),
            by=(said.name,) if said.kind is DebtKind.APPROVAL and said.name else (),
        )

    def _running(self, component: str, said: GivenRunning) -> Running:
        requires = _requires(self._policies.current, component) if said.requires is None else said.requires
        version = "" if said.version == _NONE else said.version
        return Running(component, self._where, version, requires if version else {})

    def _origin(self, said: GivenItem) -> Origin:
        """Each branch or tag from which a policy lets it be deployed, as one that is there."""
        found: dict[str, Head] = {}
        for book in (self._policies.pinned, self._policies.current):
            known = book.policy.environments.get(self._where)
            sources = deploy_sources(book.policy, self._where, said.component, said.version or _VERSION) or ()
            for entry, source in zip((known.deploy_from if known else None) or (), sources, strict=True):
                name = _head(source)
                found[name] = Head(name, "", entry in (said.comes_from or ()))
        return Origin(said.component, "", tuple(found.values()))

    def _ways_back(self, said: GivenWayBack) -> Iterator[WayBack]:
        at = self._time_or_none(said.verified)
        for component in [said.component] if said.component else list(self._parts):
            lost, broken = _LOSES[said.loses_data], _LOSES[said.breaks]
            yield WayBack(component, said.to or "", at, lost, said.because or "", broken)


def _hazard(danger: Danger, component: str) -> Hazard:
    certain = danger is not Danger.UNREADABLE
    return Hazard(danger, f"the migration that is {danger.value}", table=component, column="column", certain=certain)


def _digest_of_paper(name: str, component: str) -> str:
    return digest_of(["policy test", "document", name, component])


def _items(said: GivenRelease) -> tuple[GivenItem, ...]:
    """The items of a release; one that names its component is a release of one."""
    if said.component is None:
        return said.items
    shared = said.model_dump(by_alias=True, exclude_unset=True, include=set(GivenItem.model_fields))
    return (GivenItem.model_validate(shared),)


def _requires(book: Rulebook, component: str) -> Mapping[str, str]:
    """What a component requires, by a policy."""
    known = book.policy.components.get(component)
    return known.requires if known else {}


def _head(source: DeploySource) -> str:
    """A branch or tag that the entry means; where it is a pattern, one that it matches."""
    return TAGS + source.tag if source.tag else LOCAL + source.branches[0].replace("*", "x")


def _no_field(path: Path, field: str, kind: EvidenceKind) -> CaseMistake:
    keys = [key.alias or name for name, key in Piece.model_fields.items()]
    what = f'evidence of kind {kind.name} has no field "{field}"{did_you_mean(field, [*kind.fields, *keys])}'
    return CaseMistake(path, what, f"its fields are {', '.join(kind.fields)}", at_key=True)


def _part(parts: Parts, part: Part) -> str | None:
    named: str | None = getattr(parts, part.value)
    return named or parts.every


def _change(index: int, title: str) -> Change:
    """A change from its commit's title; one word alone is its kind."""
    message = parse_message(f"{title}: {title}" if _KIND.fullmatch(title) else title)
    return Change(f"{index + 1:07x}", message.kind, message.description, message.breaking)


__all__ = ["CaseError", "CaseMistake", "Trial", "trial_of"]
