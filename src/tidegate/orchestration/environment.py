"""Compare an environment's settings with the policy, and add what was found to a release as evidence.

The files are read, compared and forgotten: what is kept is the list of findings, in which no secret stands.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from tidegate.core import settings
from tidegate.core.canonical import canonical, digest
from tidegate.core.effect import check_name
from tidegate.core.evidence import Evidence
from tidegate.core.evidence_kind import KINDS
from tidegate.core.settings import Checked, Value
from tidegate.core.statement import Act
from tidegate.core.subject import Part
from tidegate.errors import ConflictError, NotFoundError, UsageError
from tidegate.orchestration.facts import with_targets
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim, demand_environment, proven_by, shown, spend, stands
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import refusals
from tidegate.readers.settings import LIMIT_BYTES, read_settings
from tidegate.store import contents, locks, policies, releases, requests

KIND = "environment"


def check(house: House, environment: str, facts: Path, against: Path | None = None) -> Checked:
    """Compare the settings of an environment with the policy, and with those of the one that it mirrors.

    Args:
        against: the settings of that one.

    Raises:
        NotFoundError: there is no such environment or file.
        UsageError: a file cannot be read, or the environment mirrors none and something is given to compare with.
    """
    with house.database.read() as connection:
        policy = policies.current(connection).policy
    here = demand_environment(policy, environment)
    if against is not None and here.mirror_of is None:
        raise UsageError(
            f"{environment} mirrors no other environment, and {against.name[:80]} is given to compare with",
            remedy=f"leave --against out, or declare environments.{environment}.mirror_of",
        )
    mine = _read(facts)
    other = _read(against) if against is not None else None
    return settings.check(policy, environment, mine, other, seal=secrets.token_bytes(32))


def _read(file: Path) -> Mapping[str, Value]:
    try:
        if not file.is_file():
            raise NotFoundError("there is no such file of settings", where=str(file), remedy="name the file")
        with file.open("rb") as opened:
            data = opened.read(LIMIT_BYTES + 1)
    except OSError as error:
        what = f"it cannot be read: {error.strerror}"
        raise UsageError(what, where=str(file), remedy="check the file") from error
    return read_settings(file.name, data)


def summary(checked: Checked) -> str:
    """What was found, in a sentence."""
    said = f"{checked.settings} settings, {len(checked.violations)} not as the policy says"
    return said if checked.drifts is None else f"{said}, {checked.drifts} not as in {checked.mirror_of}"


def add(house: House, release: str, checked: Checked, claim: Claim, source: str = "") -> Evidence:
    """Add what was found as evidence about a release, for that environment alone.

    Raises:
        NotPermittedError: the policy does not know this person, or their signature is not theirs.
        NotFoundError: there is no such release or environment.
        ConflictError: the release is over.
    """
    name = check_name(source or KIND, "source")
    data = canonical({"format": settings.FORMAT, **asdict(checked)})
    concerns = {"release": release, "environment": checked.environment, "subject": digest(data)}
    with refusals(house, "evidence", claim.person, release, kind=KIND):
        proven = proven_by(house, claim, Act.EVIDENCE, **concerns)
        with house.database.write() as connection:
            locks.lock_organization(connection)
            locks.lock_release(connection, release)
            row = releases.load(connection, release)
            policy = policies.current(connection).policy
            if row.closed_at is not None:
                raise ConflictError(f"release {release} is {row.facts.state.said}", remedy="add it to an open release")
            demand_environment(policy, checked.environment)
            actor = stands(policy, proven, Act.EVIDENCE, **concerns)
            now = house.now()
            kept = contents.keep(connection, data)
            pieces = [
                Evidence(
                    component=item.component,
                    kind=KIND,
                    source=name,
                    bound=item.subject.binding([Part(part) for part in KINDS[KIND].binds], checked.environment),
                    values=checked.values,
                    taken_at=now,
                    added_at=now,
                    report=kept,
                    added_by=actor.person,
                    environment=checked.environment,
                )
                for item in with_targets(row.facts, policy).items
            ]
            for piece in pieces:
                releases.add_evidence(connection, release, piece)
            proof = shown(spend(connection, proven, now), proven)
            told = {
                "kind": KIND,
                "source": name,
                "environment": checked.environment,
                "report": kept,
                "summary": summary(checked),
                **proof,
            }
            if requests.touch(connection, release, now):
                house.database.after_commit(connection, house.wake)
            record(connection, Entry("evidence.added", actor, release, told), now)
    return pieces[0]
