"""Record what users said of a release, and how satisfied they are."""

from __future__ import annotations

from tidegate.core.actor import Assurance
from tidegate.core.canonical import digest_of
from tidegate.core.statement import Act, from_bytes
from tidegate.errors import NotPermittedError, UsageError
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import By, Claim, known, person_of, proven_by, shown, spend, stands
from tidegate.orchestration.identity import nonce as new_nonce
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import refusals
from tidegate.store import feedback, locks, policies, releases
from tidegate.store.feedback import Feedback

LOWEST, HIGHEST = 1, 5
LONGEST_TEXT, LONGEST_WHOSE = 4000, 200


def add(house: House, by: By, release: str, *, score: int | None = None, text: str = "", whose: str = "") -> Feedback:
    """Record it, signed by a person of the policy; ``whose`` is the user who said it.

    Raises:
        UsageError: there is neither score nor text, or one that cannot be.
        NotPermittedError: the policy does not know this person, or they have not signed.
        NotFoundError: there is no such release.
    """
    if score is None and not text.strip():
        raise UsageError("nothing is said", remedy="say --score 1 to 5, --text TEXT, or both")
    if score is not None and not LOWEST <= score <= HIGHEST:
        raise UsageError(f"the score is {score}", remedy=f"give one from {LOWEST} to {HIGHEST}")
    if len(text) > LONGEST_TEXT or len(whose) > LONGEST_WHOSE:
        raise UsageError(f"the text has {len(text)} characters", remedy=f"say it in {LONGEST_TEXT} at most")
    with refusals(house, "feedback", person_of(by), release[:160]):
        with house.database.read() as connection:
            releases.load(connection, release)
            known(policies.current(connection).policy, Claim(person_of(by)))
        concerns = {"release": release, "subject": digest_of({"score": score, "text": text, "whose": whose})}
        proven = proven_by(house, by, Act.ADD_FEEDBACK, **concerns)
        with house.database.write() as connection:
            locks.lock_organization(connection)
            actor = stands(policies.current(connection).policy, proven, Act.ADD_FEEDBACK, **concerns)
            if not actor.assurance.at_least(Assurance.PASSKEY):
                raise NotPermittedError(
                    f"{actor.person} has not signed: feedback is recorded with a signature",
                    remedy="sign with your SSH key: --key PATH",
                )
            now = house.now()
            proof = shown(spend(connection, proven, now), proven)
            name = from_bytes(proven.statement).nonce if proven.statement else new_nonce()
            said = Feedback(name, release, score, text, whose, now, actor, **proof)
            feedback.add(connection, said)
            data = {"feedback": name, "score": score, "text": text, "whose": whose, **proof}
            record(connection, Entry("feedback.added", actor, release, data), now)
    return said
