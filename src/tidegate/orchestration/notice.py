"""Somebody says, signed, that they have read a notice."""

from __future__ import annotations

from collections.abc import Sequence

from tidegate.core.actor import Assurance
from tidegate.core.canonical import digest_of
from tidegate.core.notice import NoticeState
from tidegate.core.policy import Policy
from tidegate.core.statement import Act
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import By, Claim, known, person_of, proven_by, shown, spend, stands
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import refusals
from tidegate.store import locks, notices, policies, releases
from tidegate.store.notices import NoticeRow


def acknowledge(house: House, by: By, release: str, number: int = 0) -> list[int]:
    """Say that ``by`` has read a notice of a release; their numbers. ``number`` 0: all that still ask them to.

    Raises:
        NotFoundError: there is no such release or notice.
        ConflictError: it was not sent yet, asks nobody to say so, or they have said so; or nothing asks them.
        NotPermittedError: it was not told to them, or they have not signed.
    """
    person = person_of(by)
    with refusals(house, "notice", person, release, notice=str(number or "")):
        with house.database.read() as connection:
            releases.load(connection, release)
            policy = policies.current(connection).policy
            wanted = _wanted(policy, notices.of_release(connection, release), person, number, release)
            if not number:
                said = {(each.number, each.person) for each in notices.acknowledged(connection, release)}
                wanted = [notice for notice in wanted if (notice.number, person) not in said]
        if not wanted:
            raise ConflictError(
                f"no notice of {release} waits for {person} to say that they have read it",
                remedy=f"see which there are: tidegate notice timeline {release}",
            )
        numbers = [notice.number for notice in wanted]
        concerns = {
            "release": release,
            "subject": digest_of([notice.key for notice in wanted]),
            "reason": f"notice {', '.join(map(str, numbers))}",
        }
        proven = proven_by(house, by, Act.ACKNOWLEDGE_NOTICE, **concerns)
        with house.database.write() as connection:
            locks.lock_organization(connection)
            locks.lock_release(connection, release)
            actor = stands(policies.current(connection).policy, proven, Act.ACKNOWLEDGE_NOTICE, **concerns)
            if not actor.assurance.at_least(Assurance.PASSKEY):
                raise NotPermittedError(
                    f"{actor.person} has not signed: a notice is acknowledged with a signature",
                    remedy="sign with your SSH key: --key PATH",
                )
            now = house.now()
            proof = shown(spend(connection, proven, now), proven)
            for notice in wanted:
                notices.acknowledge(
                    connection,
                    notice,
                    actor.person,
                    now,
                    statement=proof.get("statement", ""),
                    signature=proof.get("signature", ""),
                )
            record(connection, Entry("notice.acknowledged", actor, release, {"notices": numbers, **proof}), now)
    return numbers


def _wanted(policy: Policy, rows: Sequence[NoticeRow], person: str, number: int, release: str) -> list[NoticeRow]:
    known(policy, Claim(person))
    if not number:
        return [row for row in rows if _asks(row) and (not row.people or person in row.people)]
    row = next((row for row in rows if row.number == number), None)
    if row is None:
        raise NotFoundError(f"{release} has no notice {number}", remedy=f"tidegate notice timeline {release}")
    if not row.message.acknowledge:
        raise ConflictError(
            f"notice {number} of {release} asks nobody to say that they have read it",
            remedy="there is nothing to do; acknowledge: true in the policy would ask for it",
        )
    if row.state is not NoticeState.SENT:
        raise ConflictError(
            f"notice {number} of {release} is {row.state.value}: nobody has read it",
            remedy=f"wait until it is sent: tidegate notice timeline {release}",
        )
    if row.people and person not in row.people:
        raise NotPermittedError(
            f"notice {number} of {release} was not told to {person}",
            remedy=f"let those say so whom it asks: {', '.join(row.people)}",
        )
    return [row]


def _asks(row: NoticeRow) -> bool:
    return row.message.acknowledge and row.state is NoticeState.SENT
