"""Prove the log: verify it, judge its decisions again, export a signed checkpoint of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter

from tidegate.clock import from_text, to_text
from tidegate.core import checkpoint as checkpoints
from tidegate.core.adoption import ACTION, AdoptionDecision, AdoptionFacts, decide_adoption
from tidegate.core.canonical import canonical
from tidegate.core.decide import decide
from tidegate.core.decision import Action, Decision, Policies, Question
from tidegate.core.facts import Facts
from tidegate.core.leaf import DamagedLeafError, Leaf, Problem, Verification, decode, verify_log
from tidegate.core.merkle import EMPTY_ROOT, leaf_hash
from tidegate.core.rulebook import Rulebook
from tidegate.errors import StoreError, TidegateError
from tidegate.orchestration.house import House
from tidegate.orchestration.record import versions
from tidegate.signing import ssh
from tidegate.store import contents, log, policies
from tidegate.store.releases import actor_of


@dataclass(frozen=True, slots=True)
class Rejudged:
    """What judging one decision again found; ``problem`` is empty where it is the same.

    ``reworded``: it is the same, by the same findings, of which a later version says some in other words.
    """

    index: int
    kind: str
    verdict: str
    problem: str = ""
    other_versions: Mapping[str, str] | None = None
    reworded: bool = False


def leaves(house: House, release: str = "") -> list[Leaf]:
    """The entries of the log (about one release), in order.

    Raises:
        DamagedLeafError: one cannot be read.
    """
    with house.database.read() as connection:
        if release:
            return [decode(data) for data in log.of_release(connection, release)]
        return [decode(data) for _, data, _ in log.entries(connection)]


def verify(house: House) -> Verification:
    """Verify the log as it is stored, from its bytes; then that the rows are filed under what their bytes say.

    The columns beside a leaf are only its index: a leaf filed under another release would be missing there.
    """
    with house.database.read() as connection:
        try:
            head = log.head(connection)
        except StoreError as error:
            return Verification(0, EMPTY_ROOT, Problem(None, error.what, error.remedy))
        found = verify_log(log.entries(connection), head)
        return found if not found.holds else replace(found, problem=_misfiled(connection))


def _misfiled(connection: sa.Connection) -> Problem | None:
    for number, data, filed in log.filing(connection):
        leaf = decode(data)
        if filed != (leaf.kind, to_text(leaf.time), leaf.data.get("release")):
            return Problem(number, f"entry {number} is filed under another kind, time or release than it says")
    return None


def rejudge(house: House) -> Iterator[Rejudged]:
    """Make every decision of the log again, from the policies and the facts that it names, and compare."""
    with house.database.read() as connection:
        for number, data, _ in log.entries(connection):
            try:
                leaf = decode(data)
            except DamagedLeafError as error:
                yield Rejudged(number, "", "", f"entry {number} is no audit leaf: {error.what}")
                continue
            if leaf.question:
                yield _rejudge(connection, leaf)


def _rejudge(connection: sa.Connection, leaf: Leaf) -> Rejudged:
    now = versions()
    other = {name: text for name, text in leaf.versions.items() if now.get(name) != text}
    reworded = False
    try:
        problem, reworded = _difference(connection, leaf)
    except TidegateError as error:
        problem = str(error)
    except (ValueError, KeyError) as error:
        problem = f"what it was made from cannot be read: {error}"
    return Rejudged(leaf.index, leaf.kind, leaf.verdict, problem, other or None, reworded)


_FACTS = TypeAdapter(Facts)
_ADOPTION_FACTS = TypeAdapter(AdoptionFacts)


def _difference(connection: sa.Connection, leaf: Leaf) -> tuple[str, bool]:
    """What is different, judged again; empty where nothing is, and whether the words alone are others."""
    decision = _again(connection, leaf)
    stored = contents.fetch(connection, leaf.digests["decision"])
    again = canonical(decision.as_dict())
    if again == stored and decision.verdict.value == leaf.verdict:
        return "", False
    before, after = json.loads(stored), json.loads(again)
    if decision.verdict.value == leaf.verdict and leaf.versions != versions() and _unsaid(before) == _unsaid(after):
        return "", True
    changed = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    said = f"judged again it is {after['verdict']}, recorded is {before['verdict']}; different: {', '.join(changed)}"
    return said, False


def _unsaid(decision: Mapping[str, Any]) -> dict[str, Any]:
    """A decision without the words in which its findings are told to people: what was found, and by which rule."""
    findings = [
        {name: value for name, value in finding.items() if name not in ("message", "remedy")}
        for finding in decision.get("findings", ())
    ]
    return {**decision, "findings": findings}


def _again(connection: sa.Connection, leaf: Leaf) -> Decision | AdoptionDecision:
    current = _policy(connection, leaf.digests["current"])
    facts, at = contents.fetch(connection, leaf.digests["facts"]), from_text(leaf.question["at"])
    if leaf.question["action"] == ACTION:
        return decide_adoption(actor_of(leaf.question["actor"]), current, _ADOPTION_FACTS.validate_json(facts), at)
    both = Policies(_policy(connection, leaf.digests["pinned"]), current)
    version = int(leaf.versions["rules"])
    return decide(question_of(leaf.question), both, _FACTS.validate_json(facts), at, version=version)


def _policy(connection: sa.Connection, digest: str) -> Rulebook:
    contents.fetch(connection, digest)  # what is stored, not what this process remembers of it
    return policies.rulebook(connection, digest)


def question_of(record: Mapping[str, Any]) -> Question:
    """The question that a leaf holds."""
    return Question(
        action=Action(record["action"]),
        actor=actor_of(record["actor"]),
        environment=record["environment"],
        granted_subject=record["granted_subject"],
        accepts_data_loss=record["accepts_data_loss"],
    )


def export_checkpoint(house: House, key: Path) -> str:
    """The log's size and root, signed: what a cut tail or a rebuilt tree cannot agree with.

    Raises:
        WorldError: the key cannot sign.
    """
    with house.database.read() as connection:
        head = log.head(connection)
        checkpoint = checkpoints.Checkpoint(log.origin(connection), head.size, head.root, house.now())
    return checkpoints.write(checkpoint, ssh.sign(checkpoints.body(checkpoint), key, ssh.CHECKPOINT))


def against(house: House, text: str) -> checkpoints.Comparison:
    """Hold the log to a checkpoint that was exported, whose signature must be of a key of the policy's people.

    Raises:
        UsageError: it is no checkpoint.
        NotPermittedError: nobody whom the policy knows has signed it.
    """
    signed = checkpoints.read(text)
    with house.database.read() as connection:
        keys = [key for person in policies.current(connection).policy.people.values() for key in person.keys]
        ssh.verify(signed.body, signed.signature, keys, "checkpoint", ssh.CHECKPOINT)
        hashes = (leaf_hash(data) for _, data, _ in log.entries(connection))
        return checkpoints.verify_against(hashes, signed.checkpoint, origin=log.origin(connection))
