"""What a person signs: one act, with everything it is bound to, in canonical bytes.

A signature holds for exactly this release, subject, environment, role and policy. The nonce and the time keep two
acts apart that are otherwise the same, so that a statement can be spent once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from tidegate.clock import from_text, to_text
from tidegate.core.canonical import canonical, is_digest, parse
from tidegate.errors import UsageError

FORMAT = "tidegate/act/1"
LIMIT_BYTES = 1 << 14
NONCE_CHARACTERS = 16
NONCE_MOST_CHARACTERS = 128


class Act(StrEnum):
    """What can be signed for."""

    APPROVE = "approve"
    REJECT = "reject"
    REVOKE = "revoke"
    DELEGATE = "delegate"
    REVOKE_DELEGATION = "revoke_delegation"
    CALL_BOARD = "call_board"
    MINUTE_BOARD = "minute_board"
    START = "start"
    ROLLBACK = "rollback"
    PAUSE = "pause"
    RESUME = "resume"
    ABORT = "abort"
    OPEN = "open"
    ATTACH = "attach"
    BUILD = "build"
    PUSH = "push"
    EVIDENCE = "evidence"
    CANCEL = "cancel"
    REBASE = "rebase"
    ADOPT = "adopt"
    ADOPT_POLICY = "adopt_policy"
    PROPOSE_POLICY = "propose_policy"
    APPROVE_POLICY = "approve_policy"
    REJECT_POLICY = "reject_policy"
    REVOKE_POLICY = "revoke_policy"
    HOLD = "hold"
    LIFT = "lift"
    RESTORE = "restore"
    TAG = "tag"
    BRANCH = "branch"
    LOCK_BRANCH = "lock_branch"
    UNLOCK_BRANCH = "unlock_branch"
    AMEND = "amend"
    TICK = "tick"
    NOT_NEEDED = "not_needed"
    UNTICK = "untick"
    WAIVE = "waive"
    AGREE_WAIVER = "agree_waiver"
    END_WAIVER = "end_waiver"
    ATTACH_DOCUMENT = "attach_document"
    REVIEW_DOCUMENT = "review_document"
    OPEN_CHANGE = "open_change"
    ASSESS_CHANGE = "assess_change"
    STEP_CHANGE = "step_change"
    SUBMIT_CHANGE = "submit_change"
    MITIGATE_CHANGE = "mitigate_change"
    APPROVE_CHANGE = "approve_change"
    REJECT_CHANGE = "reject_change"
    CLOSE_CHANGE = "close_change"
    DECLARE_EMERGENCY = "declare_emergency"
    ACKNOWLEDGE_EMERGENCY = "acknowledge_emergency"
    END_EMERGENCY = "end_emergency"
    SETTLE_DEBT = "settle_debt"
    RESEND_NOTICE = "resend_notice"
    SETTLE_NOTICE = "settle_notice"
    ACKNOWLEDGE_NOTICE = "acknowledge_notice"
    DO_TASK = "do_task"
    RECORD_REVIEW = "record_review"
    FINISH_IMPROVEMENT = "finish_improvement"
    JUDGE_SUCCESS = "judge_success"
    ADD_FEEDBACK = "add_feedback"
    LET_THROUGH = "let_through"
    OPEN_INCIDENT = "open_incident"
    ATTACH_INCIDENT = "attach_incident"
    CLOSE_INCIDENT = "close_incident"
    RECORD_DRILL = "record_drill"
    CALL_DRILL = "call_drill"
    ACKNOWLEDGE_DRILL = "acknowledge_drill"
    BACKUP = "backup"


@dataclass(frozen=True, slots=True)
class Statement:
    """``person`` does ``act``. What the act does not concern is empty.

    ``subject`` and ``policy`` are digests. ``at`` is the person's own clock, and no more than their word. ``nonce`` is
    16 to 128 letters and digits that were never used before.

    An answer to a proposed policy names the proposal as ``release``, its digest as ``policy``, and the policy that it
    would replace as ``subject``. An act on a change request names it as ``release``, the digest of what the person saw
    as ``subject``, and the step or mitigation as ``role``; the request itself has no name yet, and is named by its
    digest alone. A start names a strategy that was chosen as ``role``.
    """

    act: Act
    person: str
    organization: str
    at: datetime
    nonce: str
    release: str = ""
    component: str = ""
    environment: str = ""
    role: str = ""
    subject: str = ""
    policy: str = ""
    reason: str = ""

    def to_bytes(self) -> bytes:
        """The bytes to sign.

        Raises:
            UsageError: a person, organisation or nonce is missing, a digest is none, or it is longer than 16 KiB.
        """
        data = canonical({"format": FORMAT} | {name: getattr(self, name) for name in _FIELDS})
        from_bytes(data)
        return data


_FIELDS = tuple(Statement.__dataclass_fields__)


def from_bytes(data: bytes) -> Statement:
    """Read signed bytes, strictly.

    Raises:
        UsageError: they are not what :meth:`Statement.to_bytes` writes.
    """
    value = parse(data, limit_bytes=LIMIT_BYTES)
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise _no_statement(f"its format is not {FORMAT!r}")
    if differing := sorted(value.keys() ^ {"format", *_FIELDS}):
        raise _no_statement(f"{differing[0]!r} is missing or unknown")
    for name, member in value.items():
        if not isinstance(member, str):
            raise _no_statement(f"{name} is {member!r:.60}, and must be text")
    _require(value)
    members = {name: value[name] for name in _FIELDS} | {"act": _act(value["act"]), "at": _time(value["at"])}
    return Statement(**members)


def _require(value: dict[str, Any]) -> None:
    for name in ("person", "organization"):
        if not value[name]:
            raise _no_statement(f"it names no {name}")
    if len(value["nonce"]) < NONCE_CHARACTERS:
        raise _no_statement(f"its nonce has {len(value['nonce'])} characters, and must have {NONCE_CHARACTERS}")
    if len(value["nonce"]) > NONCE_MOST_CHARACTERS or not value["nonce"].isalnum() or not value["nonce"].isascii():
        raise _no_statement(f"its nonce must have at most {NONCE_MOST_CHARACTERS} letters and digits, and nothing else")
    for name in ("subject", "policy"):
        if value[name] and not is_digest(value[name]):
            raise _no_statement(f"{name} is {value[name]!r:.60}, and must be a digest")


def _act(text: str) -> Act:
    try:
        return Act(text)
    except ValueError as error:
        raise _no_statement(f"nobody can sign for the act {text!r:.60}") from error


def _time(text: str) -> datetime:
    try:
        time = from_text(text)
        if to_text(time) == text:
            return time
    except (ValueError, OverflowError):
        pass
    raise _no_statement(f"at is {text!r:.60}, and must be written as 2026-02-10T18:00:00.000000Z")


def _no_statement(because: str) -> UsageError:
    return UsageError(f"this is no statement to sign: {because}", remedy="have it made anew by the command that asks")
