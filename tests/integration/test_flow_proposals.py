"""A change of the policy is a release of it: proposed, approved by its digest, adopted, and nothing slips past that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.flows import Organisation, keys, policy, public_key, refused
from tidegate.core.adoption import short
from tidegate.core.approval import Answer
from tidegate.core.statement import Act, Statement
from tidegate.errors import (
    ConflictError,
    DamagedRecordError,
    NotFoundError,
    NotPermittedError,
    TidegateError,
    UsageError,
)
from tidegate.orchestration import audit, identity, proposal
from tidegate.orchestration import policy as flow
from tidegate.orchestration.adoption import AdoptionRefusedError
from tidegate.orchestration.identity import Claim
from tidegate.policyfile.load import LoadedPolicy
from tidegate.signing import ssh
from tidegate.store import policies, proposals
from tidegate.views.policy_change import ChangeView, changes

ASKS = {"adoption": {"approvals": [{"from": "module-team"}, {"from": "tech-leads", "as": "review"}]}}
NO_TEAM = "needs 1 approval from module-team, none given"
NO_REVIEW = "needs 1 approval from tech-leads, none given"


@pytest.fixture
def asking(make_org: Callable[..., Organisation]) -> Organisation:
    """An organisation whose policy asks the module team and a reviewing lead about a change of it."""
    return make_org(**ASKS)


def changed(rehearsal: str = "another", **more: Any) -> LoadedPolicy:
    """The policy that asks, with something changed."""
    return policy(**{**ASKS, "rehearsal": rehearsal, **more})


def propose(org: Organisation, loaded: LoadedPolicy, by: str = "rita", key: str | None = None) -> str:
    org.clock.go(timedelta(seconds=1))
    return proposal.propose(org.house, loaded, org.claim(by, key), "it is time").proposal.digest


def answer(
    org: Organisation, name: str, by: str, said: Answer = Answer.APPROVE, key: str | None = None, role: str = ""
) -> None:
    org.clock.go(timedelta(seconds=1))
    proposal.answer(org.house, name, org.claim(by, key), said, role=role)


def approved(org: Organisation, loaded: LoadedPolicy, by: str = "rita", *people: str) -> str:
    """Propose it, and have it approved by these people, or by all who are asked."""
    name = propose(org, loaded, by)
    for person in people or ("alice", "carol"):
        answer(org, name, person)
    return name


def adopt(org: Organisation, what: LoadedPolicy | str, by: str = "rita") -> str:
    candidate = flow.stored(org.house, what, org.claim(by)) if isinstance(what, str) else what
    return flow.adopt(org.house, candidate, org.claim(by)).digest


def active(org: Organisation) -> str:
    with org.house.database.read() as connection:
        return policies.current(connection).digest


@contextmanager
def not_yet(org: Organisation, *sentences: str) -> Iterator[None]:
    """The adoption is refused for exactly these findings: one ``denied`` leaf, which can be judged again."""
    before, kinds = active(org), org.kinds()
    with pytest.raises(AdoptionRefusedError) as caught:
        yield
    assert [finding.message for finding in caught.value.decision.against()] == list(sentences)
    assert caught.value.exit_code == 3
    assert caught.value.what.endswith(
        f"is refused: {sentences[0]}" + (f" (and {len(sentences) - 1} more)" if len(sentences) > 1 else "")
    )
    assert active(org) == before
    assert org.kinds() == [*kinds, "policy.denied"]
    leaf = org.leaves()[-1]
    assert (leaf.verdict, leaf.question["action"], leaf.digests["current"]) == ("deny", "adopt_policy", before)
    assert leaf.data["what"] == caught.value.what
    assert {again.problem for again in audit.rejudge(org.house)} == {""}


# ---- propose


def test_a_proposal_is_kept_by_its_digest_and_logged(asking: Organisation) -> None:
    loaded, before = changed(), active(asking)
    made = proposal.propose(asking.house, loaded, asking.claim("rita"), "it is time")
    assert (made.new, made.proposal.digest, made.proposal.by) == (True, loaded.digest, "rita")
    leaf = asking.leaves()[-1]
    assert (leaf.kind, leaf.actor.person, leaf.data["digest"]) == ("policy.proposed", "rita", loaded.digest)
    assert (leaf.data["because"], leaf.data["replaces"]) == ("it is time", before)
    assert leaf.data["signature"].startswith("-----BEGIN SSH SIGNATURE-----")
    assert flow.stored(asking.house, loaded.digest, asking.claim("rita")).resolved == loaded.resolved
    assert active(asking) == before


def test_proposing_it_again_changes_nothing(asking: Organisation) -> None:
    first = proposal.propose(asking.house, changed(), asking.claim("rita"), "it is time").proposal
    rows = asking.counts()
    again = proposal.propose(asking.house, changed(), asking.claim("bob"), "another reason")
    assert (again.new, again.proposal) == (False, first)
    assert asking.counts() == rows


UNPERMITTED: list[tuple[str, str | None, str]] = [
    ("alice", None, "alice may not propose a policy"),
    ("carol", None, "carol may not propose a policy"),
    ("rita", "", "rita is only asserted; propose asks for signature"),
    ("rita", "alice", "which is none of rita"),
    ("mallory", None, 'the policy knows no person "mallory"'),
    ("", "", "nobody says who is asking"),
]


def test_who_may_not_propose_leaves_one_leaf(asking: Organisation) -> None:
    for person, key, sentence in UNPERMITTED:
        with refused(asking, NotPermittedError, sentence, "policy"):
            propose(asking, changed(), person, key)


def test_what_is_active_is_not_proposed(asking: Organisation) -> None:
    with refused(asking, ConflictError, "is the active policy already", "policy"):
        propose(asking, policy(**ASKS))


def test_a_policy_that_nobody_could_leave_is_not_proposed(asking: Organisation) -> None:
    rows = asking.counts()
    for asks, sentence in (
        ({"from": "rm"}, "it asks for 1 approval from rm, and nobody could give one"),
        ({"from": "module-team", "count": 3}, "it asks for 3 approvals from module-team, and only alice, bob could"),
    ):
        for act in (propose, adopt):
            with pytest.raises(UsageError, match=f"nobody could ever adopt another one: {sentence}") as caught:
                act(asking, changed(adoption={"approvals": [asks]}, permits={"adopt": ["rm"]}))
            assert "who proposes and adopts does not count" in caught.value.remedy
    assert asking.counts() == rows


# ---- adopt


def test_what_was_approved_is_adopted_and_can_be_judged_again(asking: Organisation) -> None:
    before = active(asking)
    name = approved(asking, changed())
    assert adopt(asking, short(name)) == name == active(asking)
    leaf = asking.leaves()[-1]
    assert (leaf.kind, leaf.verdict, leaf.data["replaces"]) == ("policy.adopted", "allow", before)
    assert leaf.digests["current"] == before
    assert asking.kinds()[1:] == ["policy.proposed", "policy.approved", "policy.approved", "policy.adopted"]
    found = list(audit.rejudge(asking.house))
    assert [(again.kind, again.verdict, again.problem) for again in found] == [("policy.adopted", "allow", "")]
    assert audit.verify(asking.house).holds


def test_the_file_is_adopted_by_the_approvals_of_its_digest(asking: Organisation) -> None:
    name = approved(asking, changed())
    assert adopt(asking, changed()) == name == active(asking)


def test_it_is_refused_until_everybody_has_said_yes(asking: Organisation) -> None:
    loaded = changed()
    with not_yet(asking, "it was not proposed, so that nobody could approve it", NO_TEAM, NO_REVIEW):
        adopt(asking, loaded)
    name = propose(asking, loaded)
    with not_yet(asking, NO_TEAM, NO_REVIEW):
        adopt(asking, name)
    answer(asking, name, "alice")
    with pytest.raises(AdoptionRefusedError, match=NO_REVIEW) as caught:
        adopt(asking, name)
    assert caught.value.remedy == f"tidegate policy approve {short(name)} --role review, by carol"
    answer(asking, name, "carol", role="review")
    adopt(asking, name)


def test_a_forged_verdict_is_found_by_judging_again(asking: Organisation) -> None:
    from tidegate.core.canonical import canonical

    name = approved(asking, changed())
    adopt(asking, name)
    leaf = asking.leaves()[-1]
    facts = canonical({"digest": name, "proposal": None, "answers": []})
    asking.sql("DELETE FROM tg_content WHERE digest = :d", d=leaf.digests["facts"])
    assert "is missing" in list(audit.rejudge(asking.house))[-1].problem
    asking.sql("INSERT INTO tg_content (digest, bytes) VALUES (:d, :b)", d=leaf.digests["facts"], b=facts)
    assert "was changed" in list(audit.rejudge(asking.house))[-1].problem


def test_where_nobody_is_asked_the_file_alone_is_enough(org: Organisation) -> None:
    assert adopt(org, policy(rehearsal="another")) == active(org)
    assert [again.problem for again in audit.rejudge(org.house)] == [""]
    name = propose(org, policy())
    with refused(org, NotPermittedError, "alice is not asked about a change of the policy", "policy"):
        answer(org, name, "alice")


def test_an_earlier_policy_comes_back_by_its_digest(asking: Organisation) -> None:
    first = active(asking)
    adopt(asking, approved(asking, changed()))
    with not_yet(asking, "it was not proposed, so that nobody could approve it", NO_TEAM, NO_REVIEW):
        adopt(asking, first)
    approved(asking, policy(**ASKS))
    assert adopt(asking, first) == first == active(asking)


NAMES: list[tuple[str, type[TidegateError], str]] = [
    ("sha256:0123", UsageError, "is no digest"),
    ("sha256:%%%%%%%%%%%%", UsageError, "is no digest"),
    ("sha256:" + "0" * 65, UsageError, "is no digest"),
    ("sha256:" + "0" * 12, NotFoundError, "no policy sha256:000000000000 was proposed or adopted"),
]


def test_a_digest_that_names_nothing(asking: Organisation) -> None:
    propose(asking, changed())
    for name, kind, sentence in NAMES:
        with pytest.raises(kind, match=sentence):
            adopt(asking, name)
        with pytest.raises(kind, match=sentence):
            answer(asking, name, "alice")
    with refused(asking, NotFoundError, "is not proposed", "policy"):
        answer(asking, active(asking), "alice")


def test_a_beginning_that_two_share_is_refused(asking: Organisation) -> None:
    name = propose(asking, changed())
    twin = name[:20] + ("0" if name[20] != "0" else "1") + name[21:]
    asking.sql("UPDATE tg_policy SET digest = :d", d=twin)
    with asking.house.database.read() as connection:
        assert proposals.full_digest(connection, name[7:] + "…") == name
        with pytest.raises(UsageError, match="2 policies begin with"):
            proposals.full_digest(connection, name[:20])


# ---- attacks


def test_a_proposal_does_not_permit_its_proposer_to_adopt_it(make_org: Callable[..., Organisation]) -> None:
    org = make_org(**ASKS, permits={"open": ["rm", "alice"]})
    name = approved(org, changed(permits={"open": ["rm", "alice"], "adopt": ["alice"]}), "alice", "bob", "carol")
    with refused(org, NotPermittedError, "alice may not adopt", "policy"):
        adopt(org, name, "alice")
    assert adopt(org, name) == active(org)


LOWERED: list[dict[str, Any]] = [
    {"adoption": {"approvals": []}},
    {"adoption": {"approvals": [{"from": "rm", "author_may": True}]}},
    {"people": {"rita": {"groups": ["rm", "module-team", "tech-leads"]}}},
    {"people": {"alice": None, "carol": {"groups": []}}, "adoption": {"approvals": []}},
]


def test_a_proposal_does_not_lower_what_it_must_pass(asking: Organisation) -> None:
    for lowered in LOWERED:
        loaded = changed(**lowered, release_types=None)
        name = propose(asking, loaded)
        with not_yet(asking, NO_TEAM, NO_REVIEW):
            adopt(asking, name)


def statement(org: Organisation, name: str, by: str = "alice", **changes: Any) -> Statement:
    return replace(proposal.statement_for(org.house, name, by, Answer.APPROVE), **changes)


def hand_in(org: Organisation, name: str, made: Statement, person: str = "alice") -> None:
    data = made.to_bytes()
    proposal.record_answer(org.house, name, person, data, ssh.sign(data, keys() / person, ssh.ACT))


ELSEWHERE: list[tuple[dict[str, Any], type[TidegateError], str]] = [
    ({"act": Act.APPROVE}, NotPermittedError, "no answer to a policy of this organisation"),
    ({"act": Act.ADOPT_POLICY}, NotPermittedError, "no answer to a policy of this organisation"),
    ({"organization": "Another"}, NotPermittedError, "no answer to a policy of this organisation"),
    ({"person": "bob"}, NotPermittedError, "the statement is bob's, and alice brings it"),
    ({"policy": f"sha256:{'0' * 64}"}, NotPermittedError, "about another proposal than that of sha256:"),
    ({"release": "proposal-of-another"}, NotPermittedError, "about another proposal than that of sha256:"),
    ({"subject": f"sha256:{'0' * 64}"}, NotPermittedError, "made when another policy was active"),
    ({"role": "emperor"}, NotFoundError, 'no approval of a policy in the role "emperor" is asked for'),
]


def test_a_statement_about_something_else_is_no_answer(asking: Organisation) -> None:
    name = propose(asking, changed())
    for other, kind, sentence in ELSEWHERE:
        with refused(asking, kind, sentence, "policy"):
            hand_in(asking, name, statement(asking, name, **other))


def test_an_approval_of_one_proposal_is_none_of_another(asking: Organisation) -> None:
    one, other = propose(asking, changed("one")), propose(asking, changed("other"))
    made = statement(asking, one)
    with refused(asking, NotPermittedError, "about another proposal than that of", "policy"):
        hand_in(asking, other, made)
    hand_in(asking, one, made)
    asking.sql(
        "UPDATE tg_proposal_answer SET proposal = (SELECT id FROM tg_proposal WHERE digest = :other)", other=other
    )
    told = "alice: the signed statement says something else than the record"
    with not_yet(asking, f"{NO_TEAM}; not counted: {told}", f"{NO_REVIEW}; not counted: {told}"):
        adopt(asking, other)


def test_a_statement_is_used_once(asking: Organisation) -> None:
    name = propose(asking, changed())
    made = statement(asking, name)
    hand_in(asking, name, made)
    with refused(asking, ConflictError, "this very statement was recorded before", "policy"):
        hand_in(asking, name, made)
    proposal.revoke(asking.house, name, asking.claim("alice"))
    with refused(asking, ConflictError, "this very statement was recorded before", "policy"):
        hand_in(asking, name, made)
    answer(asking, name, "alice")


def test_an_approval_that_was_used_is_none_of_the_same_policy_proposed_again(asking: Organisation) -> None:
    first, name = active(asking), propose(asking, changed())
    made = statement(asking, name)
    hand_in(asking, name, made)
    answer(asking, name, "carol")
    adopt(asking, name)
    with refused(asking, ConflictError, "was adopted, and its proposal is over", "policy"):
        answer(asking, name, "bob")
    adopt(asking, approved(asking, policy(**ASKS)))
    assert active(asking) == first
    propose(asking, changed())
    with refused(asking, NotPermittedError, "about another proposal than that of", "policy"):
        hand_in(asking, name, made)
    with not_yet(asking, NO_TEAM, NO_REVIEW):
        adopt(asking, name)


def test_one_person_with_two_keys_fills_one_seat(make_org: Callable[..., Organisation]) -> None:
    asks = {"adoption": {"approvals": [{"from": "module-team"}, {"from": "module-team", "as": "review"}]}}
    two_keys = {"people": {"alice": {"keys": [public_key("alice"), public_key("mallory")]}}}
    org = make_org(**asks, **two_keys)
    name = propose(org, policy(**asks, **two_keys, rehearsal="another"))
    answer(org, name, "alice")
    with refused(org, ConflictError, "alice has answered sha256:.* already; one person fills one seat", "policy"):
        answer(org, name, "alice", key="mallory")
    answer(org, name, "alice", key="mallory", role="review")
    with not_yet(org, NO_TEAM):
        adopt(org, name)
    answer(org, name, "bob")
    adopt(org, name)


def test_who_proposed_or_adopts_it_fills_no_seat(asking: Organisation) -> None:
    name = approved(asking, changed(), "bob", "bob", "carol")
    with not_yet(asking, f"{NO_TEAM}; not counted: bob proposed it"):
        adopt(asking, name)
    answer(asking, name, "alice")
    adopt(asking, name)
    other = approved(asking, changed("other"), "rita", "bob", "carol")
    with not_yet(asking, f"{NO_TEAM}; not counted: bob adopts it"):
        adopt(asking, other, "bob")
    assert adopt(asking, other) == active(asking)


def test_a_row_cannot_free_the_proposer(asking: Organisation) -> None:
    name = approved(asking, changed(), "bob", "bob", "carol")
    asking.sql("UPDATE tg_proposal SET proposed_by = replace(proposed_by, 'bob', 'rita')")
    with refused(asking, DamagedRecordError, "the record says that rita proposed .*, and the log says bob", "policy"):
        adopt(asking, name)


LEFT: list[tuple[dict[str, Any], str]] = [
    ({"people": {"alice": {"disabled": True}}}, "alice is disabled in the policy"),
    ({"people": {"alice": {"groups": []}}}, "alice is in no group that is asked"),
    ({"people": {"alice": {"keys": [public_key("mallory")]}}}, "alice: it was signed by the key SHA256:"),
    ({"people": {"alice": None}}, "the policy knows no alice"),
]


@pytest.mark.parametrize(("gone", "why"), LEFT, ids=[why for _, why in LEFT])
def test_who_left_meanwhile_counts_no_more(asking: Organisation, gone: dict[str, Any], why: str) -> None:
    name = approved(asking, changed())
    adopt(asking, approved(asking, policy(**ASKS, **gone), "rita", "bob", "carol"))
    with pytest.raises(AdoptionRefusedError) as caught:
        adopt(asking, name)
    team, review = (finding.message for finding in caught.value.decision.against())
    assert team.startswith(f"{NO_TEAM}; not counted: {why}")
    assert review.endswith("carol answered when another policy was active")
    # Those who are still there look again, and say yes to what it changes now.
    answer(asking, name, "bob")
    answer(asking, name, "carol")
    assert adopt(asking, name) == active(asking)


def test_approvals_given_under_an_older_policy_do_not_undo_what_was_adopted_since(asking: Organisation) -> None:
    january = approved(asking, changed("january"))
    tighter = {"environments": {"production": {"approvals": [{"from": "rm"}]}}}
    adopt(asking, approved(asking, changed("february", **tighter)))
    stale = "alice answered when another policy was active; carol answered when another policy was active"
    with not_yet(asking, f"{NO_TEAM}; not counted: {stale}", f"{NO_REVIEW}; not counted: {stale}"):
        adopt(asking, january)


def test_another_policy_is_adopted_while_somebody_signs(asking: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = approved(asking, changed("one")), approved(asking, changed("other"))
    real = identity.prove

    def meanwhile(*arguments: Any) -> Any:
        monkeypatch.setattr(identity, "prove", real)
        adopt(asking, other)
        return real(*arguments)

    monkeypatch.setattr(identity, "prove", meanwhile)
    with pytest.raises(ConflictError, match="another policy was adopted meanwhile"):
        adopt(asking, one)
    assert active(asking) == other


def test_stored_bytes_that_were_changed_are_neither_approved_nor_adopted(asking: Organisation) -> None:
    loaded = changed()
    name = propose(asking, loaded)
    forged = loaded.resolved.replace(b'"rm"', b'"dev"')
    asking.sql("UPDATE tg_content SET bytes = :b WHERE digest = :d", b=forged, d=name)
    sentence = f"the content {name} was changed"
    for act in (lambda: answer(asking, name, "alice"), lambda: adopt(asking, name)):
        with refused(asking, DamagedRecordError, sentence, "policy"):
            act()
    asking.sql("UPDATE tg_content SET bytes = :b WHERE digest = :d", b=loaded.resolved, d=name)
    answer(asking, name, "alice")
    answer(asking, name, "carol")
    asking.sql("UPDATE tg_content SET bytes = :b WHERE digest = :d", b=forged, d=name)
    before = active(asking)
    # By the file, whose bytes are as they were: what would lie under its digest is not what was approved.
    with refused(asking, DamagedRecordError, sentence, "policy"):
        adopt(asking, loaded)
    assert active(asking) == before


def test_one_no_stands_until_it_is_taken_back(asking: Organisation) -> None:
    name = approved(asking, changed())
    answer(asking, name, "bob", Answer.REJECT)
    assert asking.leaves()[-1].kind == "policy.rejected"
    with not_yet(asking, "bob rejected it"):
        adopt(asking, name)
    with refused(asking, NotFoundError, "rita has no standing answer to sha256:", "policy"):
        proposal.revoke(asking.house, name, asking.claim("rita"))
    with refused(asking, NotPermittedError, "bob has not signed", "policy"):
        proposal.revoke(asking.house, name, asking.claim("bob", ""))
    proposal.revoke(asking.house, name, asking.claim("bob"), "settled")
    assert asking.leaves()[-1].kind == "policy.answer_revoked"
    adopt(asking, name)


def test_a_no_outlives_the_policy_that_it_was_given_under(asking: Organisation) -> None:
    name = propose(asking, changed())
    answer(asking, name, "rita", Answer.REJECT)
    adopt(asking, approved(asking, policy(rehearsal="nobody is asked any more"), "rita", "alice", "carol"))
    with not_yet(asking, "rita rejected it"):
        adopt(asking, changed())


def test_what_was_taken_back_stays_so_whatever_its_row_says(asking: Organisation) -> None:
    name = approved(asking, changed())
    proposal.revoke(asking.house, name, asking.claim("alice"))
    with not_yet(asking, f"{NO_TEAM}; not counted: alice took it back"):
        adopt(asking, name)
    asking.sql("UPDATE tg_proposal_answer SET revoked_at = NULL")
    with not_yet(
        asking, f"{NO_TEAM}; not counted: alice: the log says that it was taken back, and the record does not"
    ):
        adopt(asking, name)


FORGOTTEN = [
    "UPDATE tg_proposal_answer SET revoked_at = at WHERE person = 'bob'",
    "UPDATE tg_proposal_answer SET answer = 'approve' WHERE person = 'bob'",
    "UPDATE tg_proposal_answer SET signature = 'none' WHERE person = 'bob'",
    "UPDATE tg_proposal_answer SET id = 'nonce-of-another' WHERE person = 'bob'",
    "UPDATE tg_proposal_answer SET person = 'rita', actor = replace(actor, 'bob', 'rita') WHERE person = 'bob'",
    "DELETE FROM tg_proposal_answer WHERE person = 'rita'",
]


def test_a_no_stays_whatever_becomes_of_its_row(asking: Organisation) -> None:
    name = approved(asking, changed())
    answer(asking, name, "bob", Answer.REJECT)
    for change in FORGOTTEN:
        asking.sql(change)
        with not_yet(asking, "bob rejected it"):
            adopt(asking, name)


def test_a_no_outlives_the_key_that_it_was_signed_with_and_not_the_person(asking: Organisation) -> None:
    name = propose(asking, changed())
    answer(asking, name, "bob", Answer.REJECT)
    new_key = {"people": {"bob": {"keys": [public_key("mallory")]}}}
    adopt(asking, approved(asking, policy(**ASKS, **new_key)))
    assert open_of(changes(asking.house), name).against[0].message == "bob rejected it"
    gone = {"people": {"bob": {"disabled": True}}, "permits": {"adopt": ["rm"]}}
    adopt(asking, approved(asking, policy(**ASKS, **gone)))
    answer(asking, name, "alice")
    answer(asking, name, "carol")
    adopt(asking, name)


TAMPERED = [
    "UPDATE tg_proposal_answer SET person = 'bob', actor = replace(actor, 'alice', 'bob') WHERE person = 'alice'",
    "UPDATE tg_proposal_answer SET id = 'nonce-of-another' WHERE person = 'alice'",
    "UPDATE tg_proposal_answer SET role = 'review' WHERE person = 'alice'",
    "UPDATE tg_proposal_answer SET answer = 'reject' WHERE person = 'alice'",
    "UPDATE tg_proposal_answer SET signature = 'none' WHERE person = 'alice'",
    "DELETE FROM tg_content WHERE digest = (SELECT statement FROM tg_proposal_answer WHERE person = 'alice')",
]


@pytest.mark.parametrize("change", TAMPERED, ids=[change[:60] for change in TAMPERED])
def test_a_row_that_says_something_else_than_was_signed_does_not_count(asking: Organisation, change: str) -> None:
    name = approved(asking, changed())
    asking.sql(change)
    with pytest.raises(AdoptionRefusedError, match=f"{NO_TEAM}; not counted: (alice|bob): "):
        adopt(asking, name)


def test_an_approval_that_is_moved_to_another_active_policy_does_not_count(asking: Organisation) -> None:
    name = approved(asking, changed("january"))
    adopt(asking, approved(asking, changed("february")))
    asking.sql("UPDATE tg_proposal_answer SET replaces = :d", d=active(asking))
    told = "alice: the signed statement says something else than the record; carol: the signed statement says"
    with pytest.raises(AdoptionRefusedError, match=f"{NO_TEAM}; not counted: {told}"):
        adopt(asking, name)


UNPROVEN = [
    ("alice", "", "alice has not signed: a typed name is not an identity"),
    ("alice", "bob", "which is none of alice"),
    ("dave", "mallory", "the policy lists no key of dave"),
    ("mallory", "mallory", 'the policy knows no person "mallory"'),
    ("rita", "rita", "rita is not asked about a change of the policy"),
]


def test_who_has_not_shown_who_they_are_or_is_not_asked_approves_nothing(asking: Organisation) -> None:
    name = propose(asking, changed())
    for person, key, sentence in UNPROVEN:
        with refused(asking, NotPermittedError, sentence, "policy"):
            answer(asking, name, person, key=key)


def test_hostile_names_are_refused_and_logged(asking: Organisation) -> None:
    name = propose(asking, changed())
    for number, person in enumerate(["x" * 10_000, "a\x00b", "\udcff", "\u202eevil", ""]):
        for act in (
            lambda: proposal.answer(asking.house, name, Claim(person), Answer.APPROVE),  # noqa: B023
            lambda: proposal.propose(asking.house, changed(), Claim(person)),  # noqa: B023
        ):
            with pytest.raises(NotPermittedError):
                act()
        assert asking.kinds().count("policy.denied") == 2 * (number + 1)


def test_answers_at_once_count_once(asking: Organisation) -> None:
    name = propose(asking, changed())
    people = ("alice", "carol") * 3
    houses = [asking.beside() for _ in people]

    def one(number: int) -> str:
        try:
            answer(houses[number], name, people[number])
        except ConflictError as error:
            return error.kind
        return "recorded"

    with ThreadPoolExecutor(len(people)) as pool:
        outcomes = list(pool.map(one, range(len(people))))
    for house in houses:
        house.house.database.close()
    assert sorted(outcomes) == ["conflict"] * 4 + ["recorded"] * 2
    adopt(asking, name)


# ---- what is shown


def test_the_history_tells_what_is_open_rejected_and_adopted(asking: Organisation) -> None:
    first = active(asking)
    name = approved(asking, changed())
    other = propose(asking, changed("other"))
    answer(asking, other, "bob", Answer.REJECT)
    found = changes(asking.house)
    assert [(one.state, one.digest) for one in found] == [("active", first), ("open", name), ("rejected", other)]
    assert open_of(found, name).against == ()
    assert [f.message for f in open_of(found, other).against] == ["bob rejected it", NO_TEAM, NO_REVIEW]
    adopt(asking, name)
    shown = changes(asking.house, short(name))
    assert [(one.state, one.number) for one in shown] == [("active", 2)]
    told = open_of(shown, name)
    assert [(a.person, a.answer) for a in told.answers] == [("alice", "approve"), ("carol", "approve")]
    assert (told.because, told.proposed_by, told.replaces) == ("it is time", "rita", first)
    assert [one.state for one in changes(asking.house)] == ["replaced", "active", "rejected"]


def open_of(found: list[ChangeView], name: str) -> Any:
    return next(one.proposal for one in found if one.digest == name)
