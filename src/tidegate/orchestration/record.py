"""Write down what was decided or done: the audit leaf and what it names, in the transaction that does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import sqlalchemy as sa

from tidegate import __version__
from tidegate.core.actor import Actor
from tidegate.core.adoption import ACTION
from tidegate.core.canonical import canonical, digest
from tidegate.core.condition import engine_version
from tidegate.core.rules import VERSION as RULES_VERSION
from tidegate.orchestration.adoption import JudgedAdoption
from tidegate.orchestration.judge import Judged
from tidegate.store import contents, log
from tidegate.store.releases import actor_record
from tidegate.store.tables import storable


@dataclass(frozen=True, slots=True)
class Entry:
    """What a leaf tells: its kind (``noun.verb_past``), who acted, on which release, and a few plain facts."""

    kind: str
    actor: Actor
    release: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


def record(
    connection: sa.Connection, entry: Entry, now: datetime, judged: Judged | JudgedAdoption | None = None
) -> int:
    """Append a leaf; with ``judged`` also everything from which the decision can be made again. The leaf's number.

    Nothing that may fail comes after it in a transaction that acts: the head of the log is locked last.
    """
    question: Mapping[str, Any] = {}
    digests: Mapping[str, str] = {}
    verdict = ""
    if judged is not None:
        question = _question_of_adoption(judged) if isinstance(judged, JudgedAdoption) else _question(judged)
        verdict = judged.decision.verdict.value
        written = judged.written if isinstance(judged, Judged) else None
        digests = {
            **_policies(judged),
            "facts": contents.keep(connection, written or canonical(judged.facts)),
            "decision": contents.keep(connection, canonical(judged.decision.as_dict())),
        }
    (number,) = log.append(connection, [_leaf(entry, question, verdict, digests)], now)
    return number


def digests_of(judged: Judged | JudgedAdoption) -> dict[str, str]:
    """The digests by which a leaf names what a decision was made from, and the decision itself."""
    return {
        **_policies(judged),
        "facts": digest(canonical(judged.facts)),
        "decision": digest(canonical(judged.decision.as_dict())),
    }


def record_all(connection: sa.Connection, entries: Sequence[Entry], now: datetime) -> None:
    """Append leaves of what nobody decided, in their order; as :func:`record`."""
    if entries:
        log.append(connection, [_leaf(entry, {}, "", {}) for entry in entries], now)


def _leaf(entry: Entry, question: Mapping[str, Any], verdict: str, digests: Mapping[str, str]) -> log.Said:
    return log.Said(
        kind=entry.kind,
        actor={name: storable(text) for name, text in actor_record(entry.actor).items()},
        release=storable(entry.release),
        question=question,
        verdict=verdict,
        digests=digests,
        versions=versions(),
        data={name: value if name == "signature" else _within(value) for name, value in entry.data.items()},
    )


_MOST_CHARACTERS, _MOST_MEMBERS = 4000, 200


def _within(value: Any) -> Any:
    """What a target says may be of any length, and a leaf may not: too long a text must not keep it from being written.

    Digests and ids are far shorter; a signature is bounded where it is read, and is not cut.
    """
    if isinstance(value, str):
        text = storable(value)
        return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}... ({len(text)} characters)"
    if isinstance(value, list | tuple):
        shown = [_within(member) for member in value[:_MOST_MEMBERS]]
        return shown if len(value) <= _MOST_MEMBERS else [*shown, f"and {len(value) - _MOST_MEMBERS} more"]
    if isinstance(value, Mapping):
        few = dict(list(value.items())[:_MOST_MEMBERS])
        more = {"...": f"and {len(value) - _MOST_MEMBERS} more"} if len(value) > _MOST_MEMBERS else {}
        return {name: _within(member) for name, member in few.items()} | more
    return value


def _question(judged: Judged) -> dict[str, Any]:
    from tidegate.clock import to_text

    question = judged.question
    return {
        "action": question.action.value,
        "actor": actor_record(question.actor),
        "environment": question.environment,
        "granted_subject": question.granted_subject,
        "accepts_data_loss": question.accepts_data_loss,
        "at": to_text(judged.decision.decided_at),
    }


def _question_of_adoption(judged: JudgedAdoption) -> dict[str, Any]:
    from tidegate.clock import to_text

    decision = judged.decision
    return {"action": ACTION, "actor": actor_record(decision.actor), "at": to_text(decision.decided_at)}


def _policies(judged: Judged | JudgedAdoption) -> dict[str, str]:
    if isinstance(judged, JudgedAdoption):
        return {"current": judged.active.digest}
    return {"pinned": judged.policies.pinned.digest, "current": judged.policies.current.digest}


def versions() -> dict[str, str]:
    """What decides: written into every leaf, so that a later verifier knows what to compare with."""
    return {
        "tidegate": __version__,
        "rules": str(RULES_VERSION),
        "cel": engine_version(),
        "tzdata": _version_of("tzdata"),
        "holidays": _version_of("holidays"),
    }


@cache
def _version_of(package: str) -> str:
    # Once per process: the package's metadata is a file, and asking it costs a quarter of what a leaf costs.
    try:
        return version(package)
    except PackageNotFoundError:
        return "system"
