"""Deliver a message: once, tried again, given up, in doubt; and what people say of one that nobody could deliver.

A row is claimed before anything is sent, and marked as *sending* before the first byte by which the other side could
act. Whoever finds a row that is still *sending* after its time knows that its sender died, and that nobody can tell
whether it arrived. The policy says what is done then (``delivery.on_unknown``).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from tidegate.channels import registry
from tidegate.channels.contract import Answer, Event, Message, Outcome
from tidegate.channels.settings import UnsetError
from tidegate.clock import from_text
from tidegate.core.actor import Actor, Assurance
from tidegate.core.canonical import digest
from tidegate.core.notice import addresses_of
from tidegate.core.policy import Occasion, OnUnknown, Policy
from tidegate.core.release import ReleaseState
from tidegate.core.statement import Act
from tidegate.errors import ConflictError, UsageError
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import By, demand_listed, demand_permit, person_of, proven_by, shown, spend, stands
from tidegate.orchestration.messages import tell
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import refusals
from tidegate.store import locks, notices, outbox, policies, releases, requests
from tidegate.store.outbox import MessageRow, MessageState

CLAIM = timedelta(seconds=30)
"""How long a sweep has until the bytes leave; ten times that until there is an answer."""
LONGEST_BACK_OFF = timedelta(minutes=15)
INVITED_FOR = timedelta(hours=1)
"""How long an invitation to a release lasts: its policy says when it begins, and not for how long people are needed."""
LONGEST_REASON = 2000

_logger = logging.getLogger(__name__)
_SWEEP = Actor.automation("outbox")


class _TakenError(Exception):
    """Somebody else has taken the message up since we claimed it: it is not ours to send."""


def deliver(house: House, message: MessageRow, who: str) -> None:
    """Deliver one message that is due, if it can be claimed, and record what became of it.

    Args:
        who: names this executor in the claim.
    """
    with house.database.write() as connection:
        now = house.now()
        claimed = outbox.claim(connection, message.key, who, now, now + CLAIM)
        if claimed is None:
            return
        policy = policies.current(connection).policy
        content = _content(connection, policy, claimed, now)
    if claimed.state == MessageState.SENDING:
        answer = Answer(Outcome.UNKNOWN, _DIED, "look whether it arrived")
    else:
        try:
            answer = _attempt(house, claimed, content)
        except _TakenError:
            return
    with house.database.write() as connection:
        _record(house, connection, policy, claimed, answer)
    if answer.outcome is not Outcome.DELIVERED:
        _logger.warning("message %s is not delivered: %s", claimed.key, answer)


_DIED = "whoever sent it died while sending, so it may have been taken"


def _content(connection: sa.Connection, policy: Policy, row: MessageRow, now: datetime) -> Message:
    return Message(
        key=row.key,
        body=row.body,
        at=now,
        subject=row.subject,
        event=_event(connection, row),
        organization=policy.organization,
        occasion=row.occasion,
        say=row.say,
        release=row.release or "",
    )


def _event(connection: sa.Connection, row: MessageRow) -> Event | None:
    """To what a message invites: what it says itself, or the planned moment of its release."""
    if row.event is not None:
        times = {name: from_text(row.event[name]) for name in ("starts_at", "ends_at")}
        return Event(**{**row.event, **times})
    if not row.release or not row.channel.startswith("calendar:"):
        return None
    release = releases.load(connection, row.release).facts
    if release.planned_at is None:
        return None
    return Event(
        uid=f"{row.release}.tidegate",
        starts_at=release.planned_at,
        ends_at=release.planned_at + INVITED_FOR,
        sequence=outbox.invitations(connection, row),
        cancelled=release.state is ReleaseState.CANCELLED,
    )


def _attempt(house: House, claimed: MessageRow, content: Message) -> Answer:
    """What became of one attempt.

    Raises:
        _TakenError: it was not ours any more when the bytes were to leave; nothing was sent.
    """
    left = False

    def leaving() -> None:
        nonlocal left
        with house.database.write() as connection:
            now = house.now()
            if not outbox.leaving(connection, claimed, now, now + 10 * CLAIM):
                raise _TakenError
        left = True

    try:
        return house.channel_for(claimed.channel).deliver(content, leaving)
    except _TakenError:
        raise
    except UnsetError as error:
        return Answer(Outcome.UNSET, error.what, error.remedy)
    except UsageError as error:
        return Answer(Outcome.REFUSED, error.what, error.remedy)
    except Exception as error:
        # A channel's own fault must not keep what became of the message from being recorded.
        _logger.exception("the channel of message %s failed", claimed.key)
        outcome = Outcome.UNKNOWN if left else Outcome.LATER
        return Answer(outcome, f"the channel failed: {type(error).__name__}", "report this with the worker's log")


def _record(house: House, connection: sa.Connection, policy: Policy, claimed: MessageRow, answer: Answer) -> None:
    now = house.now()
    if answer.outcome is Outcome.DELIVERED:
        if outbox.delivered(connection, claimed.key, now):
            data = {**_named(claimed), **_has_told(connection, claimed, now)}
            record(connection, Entry("message.delivered", _SWEEP, claimed.release or "", data), now)
        return
    tried_out = claimed.counted >= policy.delivery.attempts
    again_at = now + max(back_off(claimed), answer.after or timedelta(0))
    if answer.outcome is Outcome.UNKNOWN:
        asks = tried_out or _on_unknown(policy, claimed) is OnUnknown.ASK
        if asks:
            _leave(connection, policy, claimed, MessageState.UNKNOWN, answer, now)
        elif outbox.failed(connection, claimed, str(answer), now, again_at):
            _note(connection, "message.doubted", claimed, answer, now, then="resend")
    elif answer.outcome is Outcome.REFUSED or tried_out:
        _leave(connection, policy, claimed, MessageState.UNDELIVERABLE, answer, now)
    else:
        state = MessageState.UNDELIVERABLE if answer.outcome is Outcome.UNSET else MessageState.WAITING
        outbox.failed(connection, claimed, str(answer), now, again_at, state)


def _on_unknown(policy: Policy, row: MessageRow) -> OnUnknown:
    chosen = policy.delivery.on_unknown
    return chosen or (OnUnknown.RESEND if registry.recognised(row.channel) else OnUnknown.ASK)


def _leave(
    connection: sa.Connection, policy: Policy, row: MessageRow, state: MessageState, answer: Answer, now: datetime
) -> None:
    """Leave a message to people, and tell those whom the policy names; never of a message that tells of another."""
    if not outbox.failed(connection, row, str(answer), now, None, state):
        return
    told: list[str] = []
    if row.occasion != Occasion.UNDELIVERABLE:
        contact = policy.contacts.get(policy.delivery.escalate_to or "")
        also = [over for over in (addresses_of(policy, contact) if contact else ()) if over != row.channel]
        text = f"{_WORDS[state]}: {row.say} ({row.occasion}) to {row.channel}. {answer}. Look: tidegate notice list"
        once = str(row.attempts)
        told = tell(
            connection,
            policy,
            Occasion.UNDELIVERABLE,
            row.key,
            text,
            now,
            release=row.release or "",
            once=once,
            also=also,
        )
    kind = "message.doubted" if state is MessageState.UNKNOWN else "message.given_up"
    _note(connection, kind, row, answer, now, told=told)


_WORDS = {
    MessageState.UNKNOWN: "nobody can tell whether a message arrived",
    MessageState.UNDELIVERABLE: "a message cannot be delivered",
}


def _note(connection: sa.Connection, kind: str, row: MessageRow, answer: Answer, now: datetime, **more: object) -> None:
    data = {**_named(row), "attempts": row.attempts, "because": str(answer)[:1000], **more}
    record(connection, Entry(kind, _SWEEP, row.release or "", data), now)


def _named(row: MessageRow) -> dict[str, str]:
    return {"channel": row.channel[:200], "say": row.say, "occasion": row.occasion}


def _has_told(connection: sa.Connection, row: MessageRow, now: datetime) -> dict[str, Any]:
    """A notice period starts when its announcement was delivered, to all of its audience, not when somebody meant to.

    Returns:
        What its leaf says besides.
    """
    announced = notices.delivered(connection, row.release, row.key, now) if row.release else None
    if not announced or row.release is None:
        return {}
    # It may end in another window than was foreseen.
    releases.announced(connection, row.release, now)
    notices.look_again(connection, row.release, now)
    requests.touch(connection, row.release, now)
    return {"announces": announced}


def back_off(row: MessageRow) -> timedelta:
    """How long to wait after that many attempts: twice as long each time, less up to a quarter, at most a limit.

    The quarter is by the key, so that a thousand messages which failed at once do not come back at once.
    """
    whole = min(timedelta(seconds=2 ** min(max(row.counted - 1, 0), 20)), LONGEST_BACK_OFF)
    return whole * (1 - int(digest(f"{row.key} {row.attempts}".encode())[-4:], 16) / 0xFFFF / 4)


def resend(house: House, by: By, key: str, reason: str) -> MessageRow:
    """Have a message sent again that was given up, or of which nobody can tell whether it arrived; signed.

    Raises:
        NotPermittedError: this person may not, or has not signed.
        NotFoundError: there is no such message.
        ConflictError: it was delivered, or is still tried.
        UsageError: no reason is given.
    """

    def act(connection: sa.Connection, row: MessageRow, now: datetime) -> dict[str, Any]:
        outbox.again(connection, row, now)
        return {}

    return _said_of(house, by, key, reason, Act.RESEND_NOTICE, "message.resent", act)


def settle(house: House, by: By, key: str, reason: str, *, delivered: bool) -> MessageRow:
    """Say of a message that it arrived, or that nobody sends it any more; signed.

    Raises:
        NotPermittedError, NotFoundError, ConflictError, UsageError: as :func:`resend`.
    """

    def act(connection: sa.Connection, row: MessageRow, now: datetime) -> dict[str, Any]:
        told: dict[str, Any] = {}
        if not delivered:
            outbox.settle(connection, row, now)
        elif outbox.delivered(connection, row.key, now):
            told = _has_told(connection, row, now)
        return {"delivered": "yes" if delivered else "no", **told}

    verdict = "delivered" if delivered else "not delivered"
    return _said_of(house, by, key, f"{verdict}: {reason}" if reason.strip() else "", Act.SETTLE_NOTICE,
                    "message.settled", act)  # fmt: skip


def _said_of(
    house: House,
    by: By,
    key: str,
    reason: str,
    act: Act,
    kind: str,
    do: Callable[[sa.Connection, MessageRow, datetime], dict[str, Any]],
) -> MessageRow:
    """A person's word on one message: proven, permitted, done and recorded in one transaction."""
    _demand_reason(reason)
    with refusals(house, "message", person_of(by), message=key[:400]):
        with house.database.read() as connection:
            demand_listed(policies.current(connection).policy, person_of(by), "open", now=house.now())
            row = _left_to_people(outbox.load(connection, key))
        concerns = {"release": row.release or "", "reason": f"{key}: {reason}"}
        proven = proven_by(house, by, act, **concerns)
        with house.database.write() as connection:
            locks.lock_organization(connection, exclusive=True)
            policy, now = policies.current(connection).policy, house.now()
            actor = stands(policy, proven, act, **concerns)
            demand_permit(policy, actor, "open", minimum=Assurance.PASSKEY, now=now)
            row = _left_to_people(outbox.load(connection, key, lock=True))
            data = {**_named(row), "message": key, "reason": reason, **do(connection, row, now)}
            data |= shown(spend(connection, proven, now), proven)
            record(connection, Entry(kind, actor, row.release or "", data), now)
            house.database.after_commit(connection, house.wake)
            return outbox.load(connection, key)


def _demand_reason(reason: str) -> None:
    if not reason.strip():
        raise UsageError("say why: others will ask", remedy="give a reason: --reason TEXT")
    if len(reason) > LONGEST_REASON:
        raise UsageError(
            f"the reason has {len(reason)} characters, and at most {LONGEST_REASON} are kept", remedy="say it in short"
        )


def _left_to_people(row: MessageRow) -> MessageRow:
    if row.state in outbox.NEEDS_SOMEBODY:
        return row
    state = {"waiting": "is still tried", "sending": "is being sent", "settled": "was settled"}.get(
        row.state, "was delivered"
    )
    raise ConflictError(f"the message {state}", where=row.key[:400], remedy="look at it: tidegate notice list")
