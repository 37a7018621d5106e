"""Gather what is known of a release: one value, from rows, and from signatures that are verified here and now."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from tidegate.core import statement as statements
from tidegate.core.approval import Approval
from tidegate.core.canonical import digest_of
from tidegate.core.facts import Facts, Release, WayBack
from tidegate.core.policy import Policy
from tidegate.errors import TidegateError
from tidegate.signing import ssh
from tidegate.store import holds, log, releases, rollouts
from tidegate.store.releases import ReleaseRow, SignedApproval


def gather(
    connection: sa.Connection, row: ReleaseRow, policy: Policy, now: datetime, way_back: Sequence[WayBack] = ()
) -> Facts:
    """Everything that ``decide`` may know of a release at ``now``.

    Args:
        policy: the current one; signatures are verified against the keys that people have now.
    """
    components = [item.component for item in row.facts.items]
    taken_back = log.revoked(connection, row.facts.id)
    return Facts(
        release=with_targets(row.facts, policy),
        evidence=releases.evidence_of(connection, row.facts.id),
        approvals=tuple(
            checked(signed, row.facts.id, policy, taken_back)
            for signed in releases.approvals_of(connection, row.facts.id)
        ),
        verified=rollouts.verified(connection, components),
        holds=holds.in_force(connection, now),
        way_back=tuple(way_back),
    )


def with_targets(release: Release, policy: Policy) -> Release:
    """The release with its targets as the current policy has them: that is where it would really go."""
    return replace(
        release,
        items=tuple(
            replace(item, subject=replace(item.subject, targets=target_digests(policy, item.component)))
            for item in release.items
        ),
    )


def target_digests(policy: Policy, component: str) -> dict[str, str]:
    """The digest of a component's target settings, by environment."""
    known = policy.components.get(component)
    return {
        name: digest_of(target.model_dump(mode="json")) for name, target in (known.targets if known else {}).items()
    }


def checked(signed: SignedApproval, release: str, policy: Policy, taken_back: Collection[str] = ()) -> Approval:
    """The approval, with the reason why its signature does not hold where it does not.

    The row alone proves nothing: what counts is the statement that the person signed, and it must say the same; and
    what the log says was taken back (``taken_back``, ids) stays so.
    """
    approval = signed.approval
    if approval.revoked_at is None and approval.id in taken_back:
        return replace(approval, invalid="the log says that it was taken back, and the record does not")
    try:
        statement = statements.from_bytes(signed.statement)
        said = (
            statement.nonce,
            statement.organization,
            statement.act.value,
            statement.release,
            statement.environment,
            statement.subject,
            statement.person,
            statement.role,
        )
        row = (
            approval.id,
            policy.organization,
            approval.answer.value,
            release,
            approval.environment,
            approval.subject,
            approval.actor.person,
            approval.role,
        )
        if said != row:
            return replace(approval, invalid="the signed statement says something else than the record")
        person = policy.people.get(approval.actor.person)
        proof = ssh.verify(
            signed.statement, signed.signature, person.keys if person else (), approval.actor.person, ssh.ACT
        )
    except TidegateError as error:
        return replace(approval, invalid=error.what)
    return replace(approval, key=proof.fingerprint)
