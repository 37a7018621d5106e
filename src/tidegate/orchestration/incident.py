"""Incidents: opened by a rollback in production or by a person, written up, and closed when the policy is satisfied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tidegate.core.actor import Actor, Assurance
from tidegate.core.canonical import digest
from tidegate.core.evidence_kind import KINDS
from tidegate.core.policy import Environment, Gate, Occasion, Policy, Purpose
from tidegate.core.rulebook import Rulebook
from tidegate.core.statement import Act
from tidegate.core.verdict import Verdict
from tidegate.errors import NotFoundError, RefusedError, UsageError
from tidegate.orchestration.debt import document_of
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import (
    By,
    Proven,
    demand_environment,
    demand_listed,
    demand_permit,
    nonce,
    person_of,
    proven_by,
    shown,
    spend,
    stands,
)
from tidegate.orchestration.messages import tell
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import denied, refusals
from tidegate.readers.registry import read_report
from tidegate.store import contents, incidents, locks, policies, rollouts
from tidegate.store.incidents import DOCUMENT, EVIDENCE, IncidentPaper, IncidentRow
from tidegate.store.rollouts import Rollout
from tidegate.store.tables import storable

LONGEST_CHARACTERS = 2000
"""Of a title, an outcome: a statement has 16 KiB."""

MOST_UNITS = 200
"""Of how many units an incident keeps how they stood; the rollout itself keeps all."""


def open_for(
    connection: sa.Connection,
    policy: Policy,
    rollback: Rollout,
    actor: Actor,
    now: datetime,
    digests: Mapping[str, str] | None = None,
) -> IncidentRow | None:
    """Open the incident of a rollback in production, in the transaction that begins it; None where there is one, or
    it is not production."""
    if not _is_production(policy.environments.get(rollback.environment)):
        return None
    if incidents.of_reversed(connection, rollback.reverses) is not None:
        return None
    bad = rollouts.load(connection, rollback.reverses)
    version = rollback.source.version if rollback.source else "absent"
    row = IncidentRow(
        id=f"incident-{nonce()[:8]}",
        title=f"{rollback.component} {version} was taken back in {rollback.environment}",
        component=rollback.component,
        environment=rollback.environment,
        release=rollback.release,
        reverses=rollback.reverses,
        rollback=rollback.id,
        facts=_facts(connection, rollback, bad, actor, digests or {}),
        opened_at=now,
        opened_by=actor.person,
        began_at=bad.started_at,
        detected_at=rollback.started_at,
    )
    _add(connection, policy, row, actor, now, {})
    return row


def _is_production(environment: Environment | None) -> bool:
    return environment is not None and environment.purpose is Purpose.PRODUCTION


def _facts(
    connection: sa.Connection, rollback: Rollout, bad: Rollout, actor: Actor, digests: Mapping[str, str]
) -> dict[str, Any]:
    watch = rollouts.watch_of(connection, bad.id)
    units = rollouts.effects_of(connection, bad)[:MOST_UNITS]
    figures = {"wave": watch.wave + 1, "said": watch.said, "whole": dict(watch.whole)} if watch else {}
    return {
        "from": rollback.source.version if rollback.source else "absent",
        "to": rollback.target.version if rollback.target else "absent",
        "package": rollback.source.digest if rollback.source else "",
        "taken_back_by": {"person": actor.person, "via": actor.via, "assurance": actor.assurance.value},
        "because": storable(rollback.because)[:LONGEST_CHARACTERS],
        "watch": figures,
        "units": [{"unit": row.effect.unit, "state": row.state.value, "detail": row.detail[:300]} for row in units],
        "digests": dict(digests),
    }


def _add(
    connection: sa.Connection,
    policy: Policy,
    row: IncidentRow,
    actor: Actor,
    now: datetime,
    proof: Mapping[str, str],
) -> None:
    incidents.add(connection, row, actor)
    because = str(row.facts.get("because", ""))
    text = f"{row.id} is open: {row.title}{f'; {because}' if because else ''}"
    tell(connection, policy, Occasion.INCIDENT_OPENED, row.id, text, now, release=row.release)
    data = {
        "incident": row.id,
        "title": row.title,
        "component": row.component,
        "environment": row.environment,
        "rollback": row.rollback,
        "reverses": row.reverses,
        "because": because,
        **proof,
    }
    record(connection, Entry("incident.opened", actor, row.release, data), now)


def restored(connection: sa.Connection, rollback: Rollout, now: datetime) -> None:
    """What ran before runs again, read back: the incident of it says since when."""
    row = incidents.of_reversed(connection, rollback.reverses)
    if row is not None and incidents.restored(connection, row.id, now):
        seconds = int((now - row.detected_at).total_seconds())
        data = {"incident": row.id, "rollback": rollback.id, "after_s": max(seconds, 0)}
        record(connection, Entry("incident.restored", rollback.started_by, row.release, data), now)


def open_by_hand(
    house: House, by: By, title: str, *, component: str, environment: str, release: str = ""
) -> IncidentRow:
    """Open an incident that no rollback opened, signed.

    Raises:
        NotPermittedError: the policy does not let this person roll back there, or they have not signed.
        NotFoundError: the policy knows no such component or environment.
        UsageError: it says nothing, or too much.
    """
    _demand_text(title, "title")
    concerns = {"component": component, "environment": environment, "release": release, "reason": title}
    with refusals(house, "incident", person_of(by), release, environment=environment):
        with house.database.read() as connection:
            policy = policies.current(connection).policy
        _demand_place(policy, component, environment)
        demand_listed(policy, person_of(by), "rollback", environment, now=house.now())
        proven = proven_by(house, by, Act.OPEN_INCIDENT, **concerns)
        with house.database.write() as connection:
            locks.lock_organization(connection)
            now, policy = house.now(), policies.current(connection).policy
            actor = stands(policy, proven, Act.OPEN_INCIDENT, **concerns)
            demand_permit(policy, actor, "rollback", environment, minimum=Assurance.PASSKEY, now=now)
            row = IncidentRow(
                f"incident-{nonce()[:8]}", title, component, environment, release, "", "", {}, now, actor.person, now
            )
            _add(connection, policy, row, actor, now, shown(spend(connection, proven, now), proven))
            house.database.after_commit(connection, house.wake)
    return row


def _demand_place(policy: Policy, component: str, environment: str) -> None:
    demand_environment(policy, environment)
    if component not in policy.components:
        raise NotFoundError(
            f'the policy knows no component "{component[:80]}"', remedy=f"name one of: {', '.join(policy.components)}"
        )


def _demand_text(text: str, what: str) -> None:
    if not text.strip():
        raise UsageError(f"an incident needs its {what}", remedy=f"say it: --{what} TEXT")
    if len(text) > LONGEST_CHARACTERS:
        raise UsageError(
            f"the {what} has {len(text)} characters, and at most {LONGEST_CHARACTERS} are kept",
            remedy="say it in short, and attach the rest",
        )


def attach(house: House, by: By, incident: str, file: Path, *, document: str = "", kind: str = "") -> IncidentPaper:
    """Keep a file with an incident, signed: as the document of that name, or as a report that a gate asks for.

    Args:
        kind: the kind of report; empty: it is recognised.

    Raises:
        NotPermittedError: the policy does not let this person roll back there, or they have not signed.
        NotFoundError: there is no such incident or file, or the policy knows no such document.
        UsageError: the file is empty, too long, or no report that can be read.
    """
    with refusals(house, "incident", person_of(by), incident=incident[:160]):
        row, policy = _known(house, incident)
        demand_listed(policy, person_of(by), "rollback", row.environment, now=house.now())
        data = document_of(file)
        paper = _paper(policy, file, data, document, kind, house.now())
        concerns = {
            "release": row.release,
            "subject": digest(data),
            "role": f"{paper.kind}/{paper.name}",
            "reason": incident,
        }
        proven = proven_by(house, by, Act.ATTACH_INCIDENT, **concerns)
        with house.database.write() as connection:
            locks.lock_organization(connection)
            now, policy = house.now(), policies.current(connection).policy
            actor = stands(policy, proven, Act.ATTACH_INCIDENT, **concerns)
            demand_permit(policy, actor, "rollback", row.environment, minimum=Assurance.PASSKEY, now=now)
            contents.keep(connection, data)
            proof = shown(spend(connection, proven, now), proven)
            incidents.attach(connection, incident, paper, actor, **_both(proof))
            told = {"incident": incident, "what": paper.kind, "name": paper.name, "digest": paper.digest, **proof}
            record(connection, Entry("incident.attached", actor, row.release, told), now)
    return paper


def _known(house: House, incident: str) -> tuple[IncidentRow, Policy]:
    with house.database.read() as connection:
        return incidents.load(connection, incident), policies.current(connection).policy


def _paper(policy: Policy, file: Path, data: bytes, document: str, kind: str, now: datetime) -> IncidentPaper:
    if document:
        if document not in policy.documents and document not in policy.rollback.documents:
            raise NotFoundError(
                f'the policy knows no document "{document[:80]}"',
                remedy=f"name one of: {', '.join(policy.rollback.documents) or 'none is asked for'}",
            )
        return IncidentPaper(DOCUMENT, document, file.name, digest(data), {}, now, now, "")
    reading = read_report(file.name, data, kind or None)
    taken = min(reading.taken_at or now, now)
    return IncidentPaper(EVIDENCE, reading.kind, file.name, digest(data), dict(reading.values), taken, now, "")


@dataclass(frozen=True, slots=True)
class Demand:
    """Something that must be so before an incident is closed; ``remedy`` is empty where it is."""

    what: str
    met: bool
    said: str
    remedy: str = ""


def demands_of(book: Rulebook, row: IncidentRow, papers: list[IncidentPaper]) -> list[Demand]:
    """What the policy demands of an incident before it is closed, and whether it is so.

    One that no rollback opened took nothing back: nothing runs again that gates could be asked about.
    """
    return [*_documents(book.policy, row, papers), *_service(row), *_gates(book, row, papers)]


def _documents(policy: Policy, row: IncidentRow, papers: list[IncidentPaper]) -> Iterator[Demand]:
    there = {paper.name for paper in papers if paper.kind == DOCUMENT}
    for name in policy.rollback.documents:
        title = policy.documents[name].title if name in policy.documents else name
        remedy = f"attach it: tidegate incident attach {row.id} FILE --document {name}"
        yield Demand(
            title, name in there, "attached" if name in there else "not attached", "" if name in there else remedy
        )


def _service(row: IncidentRow) -> Iterator[Demand]:
    if row.rollback:
        met = row.restored_at is not None
        remedy = "" if met else f"finish the rollback: tidegate rollout show {row.rollback}"
        yield Demand("what ran before runs again", met, "read back" if met else "the rollback is not over", remedy)


def _gates(book: Rulebook, row: IncidentRow, papers: list[IncidentPaper]) -> Iterator[Demand]:
    if not row.rollback:
        return
    for name in book.policy.rollback.validation:
        gate = book.policy.gates.get(name)
        wrong = "the policy has no such gate" if gate is None else _why_not(book, row, papers, name, gate)
        kinds = " or ".join(gate.evidence) if gate else name
        remedy = f"add a new {kinds} report: tidegate incident attach {row.id} FILE" if wrong else ""
        yield Demand(f"gate {name}, asked again", not wrong, wrong or "passes", remedy)


def _why_not(book: Rulebook, row: IncidentRow, papers: list[IncidentPaper], name: str, gate: Gate) -> str:
    """Why a gate does not pass on what was found since the way back was over; empty where it does."""
    since = row.restored_at
    for kind in dict.fromkeys(gate.evidence):
        found = [
            p for p in papers if p.kind == EVIDENCE and p.name == kind and since is not None and p.taken_at >= since
        ]
        if not found:
            return f"there is no {kind} evidence of since then"
        condition = book.conditions.get(name)
        newest = max(found, key=lambda paper: (paper.taken_at, paper.at))
        if condition is None:
            return "its condition is not compiled"
        outcome = condition.evaluate({KINDS[kind].root: newest.values})
        if outcome.verdict is not Verdict.ALLOW:
            against = [str(clause) for clause in outcome.clauses if clause.verdict is not Verdict.ALLOW]
            return f"{kind}: {', '.join(against)}"
    return ""


class IncidentStandsError(RefusedError):
    """An incident cannot be closed yet; ``demands`` are what is missing."""

    def __init__(self, incident: str, demands: list[Demand]) -> None:
        first = demands[0]
        more = f" (and {len(demands) - 1} more)" if len(demands) > 1 else ""
        super().__init__(f"{incident} cannot be closed: {first.what}: {first.said}{more}", remedy=first.remedy)
        self.demands = demands


def close(house: House, by: By, incident: str, outcome: str) -> IncidentRow:
    """Close an incident, signed, when all is so that the policy demands.

    Raises:
        IncidentStandsError: something that the policy demands is not so.
        NotPermittedError: the policy does not let this person roll back there, or they have not signed.
        ConflictError: it is closed already.
        NotFoundError: there is none of that id.
        UsageError: no outcome is given.
    """
    _demand_text(outcome, "outcome")
    with refusals(house, "incident", person_of(by), incident=incident[:160]):
        row, policy = _known(house, incident)
        demand_listed(policy, person_of(by), "rollback", row.environment, now=house.now())
        concerns = {"release": row.release, "reason": f"{incident}: {outcome}"}
        proven = proven_by(house, by, Act.CLOSE_INCIDENT, **concerns)
        try:
            with house.database.write() as connection:
                return _close(house, connection, row, proven, concerns, outcome)
        except IncidentStandsError as error:
            denied(house, "incident", person_of(by), row.release, error, incident=incident)
            raise


def _close(
    house: House,
    connection: sa.Connection,
    row: IncidentRow,
    proven: Proven,
    concerns: Mapping[str, str],
    outcome: str,
) -> IncidentRow:
    locks.lock_organization(connection)
    now, book = house.now(), policies.current(connection)
    row = incidents.load(connection, row.id)
    actor = stands(book.policy, proven, Act.CLOSE_INCIDENT, **concerns)
    demand_permit(book.policy, actor, "rollback", row.environment, minimum=Assurance.PASSKEY, now=now)
    missing = [d for d in demands_of(book, row, incidents.papers_of(connection, row.id)) if not d.met]
    if missing and row.closed_at is None:
        raise IncidentStandsError(row.id, missing)
    proof = shown(spend(connection, proven, now), proven)
    incidents.close(connection, row.id, actor, now, outcome=outcome, **_both(proof))
    text = f"{row.id} is closed by {actor.person}: {outcome}"
    tell(connection, book.policy, Occasion.INCIDENT_CLOSED, row.id, text, now, release=row.release)
    data = {"incident": row.id, "outcome": outcome, **proof}
    record(connection, Entry("incident.closed", actor, row.release, data), now)
    house.database.after_commit(connection, house.wake)
    return incidents.load(connection, row.id)


def _both(proof: Mapping[str, str]) -> dict[str, str]:
    """Statement and signature; empty where a server vouches for the person instead."""
    return {"statement": proof.get("statement", ""), "signature": proof.get("signature", "")}
