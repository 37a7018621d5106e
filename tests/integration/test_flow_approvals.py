"""Approvals: what does not count, what does not count any more, and that each refusal is one leaf and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.flows import Organisation, keys, policy, refused
from tidegate.core.approval import Answer
from tidegate.core.statement import Act, Statement
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError, TidegateError, UsageError
from tidegate.git.tarball import Entry, tar_gz
from tidegate.orchestration import approval
from tidegate.orchestration import release as release_flow
from tidegate.orchestration.identity import Claim
from tidegate.signing import ssh

MakeOrg = Callable[..., Organisation]


def statement(org: Organisation, about: str, by: str = "alice", **changes: Any) -> Statement:
    made = approval.statement_for(org.house, about, "production", by, Answer.APPROVE)
    return replace(made, **changes)


def hand_in(org: Organisation, made: Statement, person: str = "alice", key: str = "") -> approval.Answered:
    """Record a statement that was signed elsewhere."""
    data = made.to_bytes()
    return approval.record_answer(org.house, person, data, ssh.sign(data, keys() / (key or person), ssh.ACT))


def approve(org: Organisation, release: str, claim: Claim, said: Answer = Answer.APPROVE, **more: str) -> None:
    approval.answer(org.house, release, more.pop("environment", "production"), claim, said, **more)


def copied_package(org: Organisation) -> Path:
    package = org.root / ".tidegate" / "other.tar.gz"
    package.write_bytes(b"".join(tar_gz([Entry(b"app.py", b"another package")])))
    return package


UNPROVEN = [
    ("zoe", "mallory", 'the policy knows no person "zoe"'),
    ("zoe", "", 'the policy knows no person "zoe"'),
    ("alice", "", "alice has not signed: a typed name is not an identity"),
    ("alice", "mallory", "which is none of alice"),
    ("alice", "bob", "which is none of alice"),
    ("dave", "mallory", "the policy lists no key of dave"),
    ("tidegate", "mallory", 'the policy knows no person "tidegate"'),
]
"""Person, key (empty: none), and what is said to them."""


def test_who_has_not_shown_who_they_are_approves_nothing(org: Organisation) -> None:
    release = org.open()
    for person, key, sentence in UNPROVEN:
        with refused(org, NotPermittedError, sentence):
            approve(org, release, org.claim(person, key))
    assert "needs 2 approvals from module-team, none given" in org.reasons(release)


def test_one_person_fills_one_seat(org: Organisation) -> None:
    release = org.open()
    org.approve(release, "alice")
    with refused(org, ConflictError, "alice has answered for billing-1.1.0 in production already"):
        approve(org, release, org.claim("alice"))
    assert "needs 2 approvals from module-team, 1 given (alice)" in org.reasons(release)


def test_a_yes_that_counts_nowhere_any_more_may_be_given_again(make_org: MakeOrg) -> None:
    """Given before its turn, or too long ago: it is signed anew, and need not be taken back before."""
    first, then = {"from": "module-team"}, {"from": "tech-leads", "after": ["module-team"], "lasts": "1h"}
    org = make_org(release_types={"minor": {"approvals": [first, then]}})
    release = org.open()
    org.approve(release, "carol")
    org.clock.go(timedelta(minutes=1))
    org.approve(release, "bob")
    with refused(org, ConflictError, "bob has answered for billing-1.1.0 in production already"):
        org.approve(release, "bob")
    assert any("carol answered before module-team was complete" in reason for reason in org.reasons(release))
    org.clock.go(timedelta(minutes=1))
    old = statement(org, release, "carol")
    org.approve(release, "carol")
    assert not [reason for reason in org.reasons(release) if "tech-leads" in reason]
    assert [leaf.data["reason"] for leaf in org.leaves() if leaf.kind == "approval.revoked"] == ["given again"]

    with refused(org, ConflictError, "carol has answered for billing-1.1.0 in production already"):
        org.approve(release, "carol")
    org.clock.go(timedelta(hours=2))
    assert any("carol answered too long ago" in reason for reason in org.reasons(release))
    hand_in(org, old, "carol")
    assert not [reason for reason in org.reasons(release) if "tech-leads" in reason]
    with refused(org, ConflictError, "this very statement was recorded before"):
        hand_in(org, old, "carol")


def test_a_no_is_taken_back_knowingly_before_a_yes(org: Organisation) -> None:
    release = org.open()
    approve(org, release, org.claim("alice"), said=Answer.REJECT)
    with refused(org, ConflictError, "alice has answered for billing-1.1.0 in production already"):
        approve(org, release, org.claim("alice"))


def test_an_approval_from_before_an_artifact_changed_is_void(org: Organisation) -> None:
    release = org.prepared()
    old = statement(org, release, "rita")
    assert org.decide(release).allowed
    release_flow.attach(org.house, release, copied_package(org), org.claim("rita"))
    void = "alice answered before something changed"
    assert any(void in reason for reason in org.reasons(release))
    with refused(org, NotPermittedError, "about another subject: something of billing-1.1.0 changed"):
        hand_in(org, old, "rita")
    org.approve(release)
    assert org.decide(release).allowed


def test_a_signed_answer_counts_once_even_after_it_was_taken_back(org: Organisation) -> None:
    release = org.open()
    made = statement(org, release)
    hand_in(org, made)
    with refused(org, ConflictError, "this very statement was recorded before"):
        hand_in(org, made)
    approval.revoke(org.house, release, "production", org.claim("alice"))
    with refused(org, ConflictError, "this very statement was recorded before"):
        hand_in(org, made)
    assert any("alice took it back" in reason for reason in org.reasons(release))
    org.approve(release, "alice")
    assert any("1 given (alice)" in reason for reason in org.reasons(release))


def test_a_revocation_that_was_wiped_from_its_row_still_holds(org: Organisation) -> None:
    release = org.prepared()
    approval.revoke(org.house, release, "production", org.claim("alice"))
    org.sql("UPDATE tg_approval SET revoked_at = NULL")
    assert not org.decide(release).allowed
    assert any("the log says that it was taken back" in reason for reason in org.reasons(release))


ELSEWHERE: list[tuple[dict[str, Any], type[TidegateError], str]] = [
    ({"release": "billing-9.9.9"}, NotFoundError, 'there is no release "billing-9.9.9"'),
    ({"environment": "staging"}, NotPermittedError, "about another subject"),
    ({"environment": "moon"}, NotFoundError, 'the policy knows no environment "moon"'),
    ({"organization": "Another"}, NotPermittedError, "no answer to a release of this organisation"),
    ({"act": Act.START}, NotPermittedError, "no answer to a release of this organisation"),
    ({"person": "bob"}, NotPermittedError, "the statement is bob's, and alice brings it"),
    ({"subject": f"sha256:{'0' * 64}"}, NotPermittedError, "about another subject"),
    ({"policy": f"sha256:{'0' * 64}"}, NotPermittedError, "was pinned to another policy"),
    ({"role": "emperor"}, NotFoundError, 'no approval in the role "emperor" is asked for'),
]


def test_a_statement_about_something_else_is_no_answer(org: Organisation) -> None:
    release = org.open()
    for changes, kind, sentence in ELSEWHERE:
        with refused(org, kind, sentence):
            hand_in(org, statement(org, release, **changes))
    assert org.kinds().count("approval.denied") == len(ELSEWHERE)


def test_what_is_no_statement_is_refused_before_anything_else(org: Organisation) -> None:
    org.open()
    with pytest.raises(UsageError, match="this is no statement to sign"):
        approval.record_answer(org.house, "alice", b"{}", "")
    with pytest.raises(UsageError, match="its nonce must have at most 128 letters and digits"):
        statement(org, "billing-1.1.0", nonce="n" * 129).to_bytes()


def test_a_statement_that_was_changed_after_it_was_signed_is_refused(org: Organisation) -> None:
    release = org.open()
    made = statement(org, release)
    signature = ssh.sign(made.to_bytes(), keys() / "alice", ssh.ACT)
    other = replace(made, reason="because I say so").to_bytes()
    with refused(org, NotPermittedError, "the statement was changed, or the signature belongs to another"):
        approval.record_answer(org.house, "alice", other, signature)
    assert "approval.granted" not in org.kinds()


def test_a_signature_for_another_purpose_is_refused(org: Organisation) -> None:
    release = org.open()
    made = statement(org, release).to_bytes()
    with refused(org, NotPermittedError, "the signature was made for 'tidegate-checkpoint'"):
        approval.record_answer(org.house, "alice", made, ssh.sign(made, keys() / "alice", ssh.CHECKPOINT))
    assert "approval.granted" not in org.kinds()


@pytest.mark.parametrize("person", ["alice", "rita"])
def test_a_release_that_is_over_takes_no_answers(org: Organisation, person: str) -> None:
    release = org.open()
    release_flow.cancel(org.house, release, org.claim("rita"), "not needed")
    with refused(org, ConflictError, "release billing-1.1.0 is cancelled"):
        approve(org, release, org.claim(person))
    assert "approval.granted" not in org.kinds()


LOST: list[tuple[dict[str, Any], str]] = [
    ({"people": {"alice": {"keys": []}}}, "alice: the policy lists no key of alice"),
    ({"people": {"alice": {"disabled": True}}}, "alice is disabled in the policy"),
    ({"people": {"alice": None}}, "the policy knows no alice"),
    ({"people": {"alice": {"groups": []}}}, "needs 2 approvals from module-team, 1 given (bob)"),
    ({"organization": "Renamed"}, "alice: the signed statement says something else than the record"),
]


def test_who_lost_their_right_does_not_count_any_more_at_once(org: Organisation) -> None:
    release = org.prepared()
    for changes, reason in LOST:
        org.adopt(**changes)
        assert any(reason in found for found in org.reasons(release)), reason
        # Nothing was taken from the answers themselves: they count again where the right is given back.
        org.adopt()
        assert org.decide(release).allowed


def test_a_rejection_stops_it_until_it_is_taken_back(org: Organisation) -> None:
    release = org.prepared()
    approve(org, release, org.claim("rita"), Answer.REJECT, reason="not today")
    assert org.reasons(release) == ["rita rejected it"]
    assert org.leaves()[-1].kind == "approval.rejected"
    approval.revoke(org.house, release, "production", org.claim("rita"))
    assert org.decide(release).allowed


TAMPERED = [
    ("UPDATE tg_approval SET person = 'rita', actor = replace(actor, 'alice', 'rita') WHERE person = 'alice'", "rita"),
    ("UPDATE tg_approval SET answer = 'reject' WHERE person = 'alice'", "alice"),
    ("UPDATE tg_approval SET id = 'nonce-of-another' WHERE person = 'alice'", "alice"),
    ("UPDATE tg_approval SET role = 'emperor' WHERE person = 'alice'", "alice"),
]


def test_a_row_that_says_something_else_than_was_signed_is_invalid(org: Organisation) -> None:
    release = org.prepared()
    for change, person in TAMPERED:
        said = f"{person}: the signed statement says something else than the record"
        assert any(said in found for found in org.reasons(release, supposing=change)), change
    assert org.decide(release).allowed


def test_an_answer_whose_statement_is_gone_does_not_count_and_does_not_vanish(org: Organisation) -> None:
    release = org.prepared()
    org.sql("DELETE FROM tg_content WHERE digest = (SELECT statement FROM tg_approval WHERE person = 'alice')")
    assert any("not counted: alice: " in found for found in org.reasons(release))


def test_a_copied_row_of_another_environment_is_invalid(org: Organisation) -> None:
    release = org.open()
    org.tested(release)
    org.approve(release, "alice", environment="staging")
    org.sql("UPDATE tg_approval SET environment = 'production', subject = :s", s=statement(org, release).subject)
    assert any("alice: the signed statement says something else" in found for found in org.reasons(release))


def test_an_answer_from_before_its_giver_was_known_as_an_author_counts_no_more(org: Organisation) -> None:
    release = org.open()
    org.approve(release, "alice", "bob")
    org.sql("UPDATE tg_item SET authors = :people, hands = '{}'", people='["alice"]')
    said = "needs 2 approvals from module-team, 1 given (bob); not counted: alice is an author"
    assert said in org.reasons(release)


def test_answers_at_once_fill_the_seats_once(org: Organisation) -> None:
    release = org.open()
    org.tested(release)
    people = ("alice", "bob", "carol", "rita") * 2
    houses = [org.beside() for _ in people]

    def one(number: int) -> str:
        try:
            houses[number].approve(release, people[number])
        except ConflictError as error:
            return error.kind
        return "recorded"

    with ThreadPoolExecutor(len(people)) as pool:
        outcomes = list(pool.map(one, range(len(people))))
    for house in houses:
        house.house.database.close()
    assert sorted(outcomes) == ["conflict"] * 4 + ["recorded"] * 4
    assert org.decide(release).allowed
    assert org.kinds().count("approval.granted") == 4
    assert org.kinds().count("approval.denied") == 4


def test_revoking_is_for_who_answered(org: Organisation) -> None:
    release = org.open()
    org.approve(release, "alice")
    with refused(org, NotFoundError, "bob has no standing answer about billing-1.1.0 for production"):
        approval.revoke(org.house, release, "production", org.claim("bob"))
    with refused(org, NotPermittedError, "alice has not signed"):
        approval.revoke(org.house, release, "production", org.claim("alice", ""))
    with refused(org, NotFoundError, 'the policy knows no environment "moon"'):
        approval.revoke(org.house, release, "moon", org.claim("alice"))
    assert "approval.revoked" not in org.kinds()


def test_a_leaf_keeps_what_proves_the_answer(org: Organisation) -> None:
    release = org.open()
    org.approve(release, "alice")
    leaf = org.leaves()[-1]
    with org.house.database.read() as connection:
        from tidegate.store import contents

        data = contents.fetch(connection, leaf.data["statement"])
    signed = ssh.verify(data, leaf.data["signature"], policy().policy.people["alice"].keys, "alice", ssh.ACT)
    assert signed.fingerprint in leaf.actor.via
    approval.revoke(org.house, release, "production", org.claim("alice"))
    assert org.leaves()[-1].data["signature"].startswith("-----BEGIN SSH SIGNATURE")


def test_hostile_names_are_refused_and_logged(org: Organisation) -> None:
    release = org.open()
    for number, name in enumerate(["x" * 10_000, "a\x00b", "\udcff", "\u202eevil", ""]):
        with pytest.raises(NotPermittedError):
            approve(org, release, Claim(name))
        assert org.kinds().count("approval.denied") == number + 1
