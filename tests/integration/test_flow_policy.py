"""Adopting policies: who may, what it pins, and that going forward needs yes from both."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.support.flows import Organisation, policy
from tidegate.core.decision import Action
from tidegate.core.rollout import RolloutState
from tidegate.errors import ConflictError, NotPermittedError, UsageError
from tidegate.orchestration import identity, rollback
from tidegate.orchestration import policy as flow
from tidegate.orchestration import release as releases_flow
from tidegate.orchestration.judge import DecisionRefusedError
from tidegate.store import policies, releases

TIGHTER = {"environments": {"production": {"approvals": [{"from": "rm"}]}}}
"""Also the release managers must approve."""


def active(org: Organisation) -> policies.Adoption:
    with org.house.database.read() as connection:
        found = policies.active(connection)
    assert found is not None
    return found


def pinned(org: Organisation, release: str) -> str:
    with org.house.database.read() as connection:
        return releases.load(connection, release).policy


def test_the_first_use_adopts_and_is_logged(org: Organisation) -> None:
    (leaf,) = org.leaves()
    assert (leaf.kind, leaf.actor.person, leaf.data["replaces"]) == ("policy.adopted", "first-use", "")
    assert leaf.data["digest"] == active(org).digest == policy().digest


def test_the_first_use_adopts_once(org: Organisation) -> None:
    assert flow.adopt_first(org.house, policy(organization="Another")) is None
    assert org.kinds() == ["policy.adopted"]


def test_the_digest_is_of_what_is_meant_and_not_of_how_it_is_written(org: Organisation) -> None:
    same = policy(rehearsal=None)
    assert same.digest == active(org).digest
    adopted = flow.adopt(org.house, same, org.claim("rita"))
    assert (adopted.changed, adopted.first) == (False, False)
    assert org.kinds() == ["policy.adopted"]


def test_adopting_replaces_the_active_policy_and_keeps_the_signature(org: Organisation) -> None:
    before = active(org).digest
    digest = org.adopt(**TIGHTER)
    assert active(org).digest == digest != before
    leaf = org.leaves()[-1]
    assert (leaf.kind, leaf.actor.assurance.value, leaf.data["replaces"]) == ("policy.adopted", "signature", before)
    assert leaf.data["signature"].startswith("-----BEGIN SSH SIGNATURE-----")


UNPERMITTED: list[tuple[str, str | None, str]] = [
    ("alice", None, "alice may not adopt"),
    ("rita", "", "rita is only asserted; adopt asks for signature"),
    ("rita", "mallory", "which is none of rita"),
    ("rita", "alice", "which is none of rita"),
    ("nobody-there", "", 'the policy knows no person "nobody-there"'),
    ("", "", "nobody says who is asking"),
    ("tidegate", "", 'the policy knows no person "tidegate"'),
]


def test_who_may_not_adopt_changes_nothing_and_is_logged(org: Organisation) -> None:
    before = active(org)
    for person, key, sentence in UNPERMITTED:
        rows = org.counts()
        with pytest.raises(NotPermittedError, match=sentence) as caught:
            flow.adopt(org.house, policy(**TIGHTER), org.claim(person, key))
        assert caught.value.exit_code == 4
        assert active(org) == before
        leaf = org.leaves()[-1]
        assert leaf.kind == "policy.denied"
        assert sentence in leaf.data["what"]
        changed = {name for name, count in org.counts().items() if count != rows[name]}
        assert changed == {"tg_leaf"}


def test_a_proposal_cannot_permit_its_own_adoption(org: Organisation) -> None:
    with pytest.raises(NotPermittedError, match="alice may not adopt"):
        flow.adopt(org.house, policy(permits={"adopt": ["alice"]}), org.claim("alice"))


def test_a_release_is_pinned_to_the_policy_that_it_was_opened_under(org: Organisation) -> None:
    before = active(org).digest
    release = org.open()
    assert pinned(org, release) == before
    org.adopt(**TIGHTER)
    assert pinned(org, release) == before


def test_a_tighter_current_policy_denies_a_release_that_its_pinned_one_allows(org: Organisation) -> None:
    release = org.prepared()
    assert org.decide(release).allowed
    org.adopt(**TIGHTER)
    decision = org.decide(release)
    assert [(f.policy, f.rule) for f in decision.against()] == [("current", "approval.rm")]
    org.approve(release, "rita")
    assert org.decide(release).allowed


def test_a_looser_current_policy_does_not_free_a_release_from_its_pinned_one(org: Organisation) -> None:
    release = org.open()
    org.tested(release)
    org.approve(release, "carol")
    org.adopt(release_types={"minor": {"approvals": [{"from": "tech-leads"}]}})
    assert [(f.policy, f.rule) for f in org.decide(release).against()] == [("pinned", "approval.module-team")]


def test_going_back_asks_the_current_policy_only(org: Organisation) -> None:
    org.released()
    org.adopt(permits={"rollback": ["tech-leads"]})
    with pytest.raises(DecisionRefusedError, match="rita may not roll back in production"):
        rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
    assert rollback.roll_back(org.house, "billing", "production", org.claim("carol"))
    (decision,) = [leaf for leaf in org.leaves() if leaf.kind == "rollback.started"]
    assert decision.actor.person == "carol"


def test_rebasing_frees_a_release_from_its_pinned_policy(org: Organisation) -> None:
    release = org.open()
    org.tested(release)
    org.approve(release, "carol")
    digest = org.adopt(release_types={"minor": {"approvals": [{"from": "tech-leads"}]}})
    releases_flow.rebase(org.house, release, org.claim("rita"))
    assert pinned(org, release) == digest
    assert org.decide(release).allowed
    leaf = org.leaves()[-1]
    assert (leaf.kind, leaf.data["to"]) == ("release.rebased", digest)


COVERED = {
    "gates": {"coverage": {"evidence": "coverage", "pass": "coverage.line >= 0.80"}},
    "environments": {"production": {"gates": ["tests", "coverage"]}},
}
SOON = {"release_types": {"minor": {"notice": "1d"}}}
LOOSER: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("a gate is removed", COVERED, {}, "gate.coverage"),
    ("the notice is shortened", {"release_types": {"minor": {"notice": "7d"}}}, SOON, "notice"),
    ("an approval is dropped", TIGHTER, {}, "approval.rm"),
]
"""What the policy asks that a release is opened under, what the next one asks, and the rule that differs."""


def announced(org: Organisation) -> str:
    """A release that may go to production by the plain policy, announced two days ago."""
    release = org.prepared("1.2.0" if "release.opened" in org.kinds() else "")
    org.sql("UPDATE tg_release SET announced_at = opened_at WHERE id = :id", id=release)
    org.clock.go(timedelta(days=2))
    return release


@pytest.mark.parametrize(("strict", "loose", "rule"), [row[1:] for row in LOOSER], ids=[row[0] for row in LOOSER])
def test_what_is_loosened_is_loosened_for_new_releases_alone(
    make_org: Callable[..., Organisation], strict: dict[str, Any], loose: dict[str, Any], rule: str
) -> None:
    org = make_org(**strict)
    before = active(org).digest
    old = announced(org)
    assert [(f.policy, f.rule) for f in org.decide(old).against()] == [("current", rule)]
    org.adopt(**loose)
    assert [(f.policy, f.rule) for f in org.decide(old).against()] == [("pinned", rule)]
    with pytest.raises(DecisionRefusedError):
        org.start(old)
    assert org.decide(announced(org)).allowed
    assert [(f.policy, f.rule) for f in org.decide(old).against()] == [("pinned", rule)]
    # There is one way, and the log says who went it.
    releases_flow.rebase(org.house, old, org.claim("rita"))
    assert org.decide(old).allowed
    leaf = org.leaves()[-1]
    assert (leaf.kind, leaf.actor.person, leaf.data["from"], leaf.data["to"]) == (
        "release.rebased",
        "rita",
        before,
        active(org).digest,
    )
    assert leaf.data["signature"].startswith("-----BEGIN SSH SIGNATURE-----")


def test_adopting_the_loosest_policy_moves_no_open_release(org: Organisation) -> None:
    before = active(org).digest
    release = org.open()
    org.adopt(release_types={"minor": {"approvals": None}})
    org.adopt(release_types={"minor": {"approvals": None}}, environments={"production": {"gates": []}})
    assert pinned(org, release) == before
    rules = {finding.rule for finding in org.decide(release).against() if finding.policy == "pinned"}
    assert rules == {"gate.tests", "approval.module-team", "approval.tech-leads"}


def test_rebasing_is_permitted_by_the_pinned_policy(org: Organisation) -> None:
    release = org.open()
    org.adopt(permits={"adopt": ["tech-leads"]})
    with pytest.raises(NotPermittedError, match="carol may not adopt"):
        releases_flow.rebase(org.house, release, org.claim("carol"))
    releases_flow.rebase(org.house, release, org.claim("rita"))
    with pytest.raises(NotPermittedError, match="rita may not adopt"):
        releases_flow.rebase(org.house, release, org.claim("rita"))


def test_who_has_left_cannot_rebase_even_where_the_pinned_policy_lists_them(org: Organisation) -> None:
    release = org.open()
    org.adopt(people={"rita": {"disabled": True}}, permits={"adopt": ["tech-leads"]})
    with pytest.raises(NotPermittedError, match="rita is disabled"):
        releases_flow.rebase(org.house, release, org.claim("rita"))


def test_a_release_that_is_on_its_way_is_not_rebased(org: Organisation) -> None:
    release = org.prepared()
    org.start(release)
    org.adopt(**TIGHTER)
    with pytest.raises(ConflictError, match=r"release billing-1\.1\.0 is rolling"):
        releases_flow.rebase(org.house, release, org.claim("rita"))


def test_adopting_while_a_release_rolls_is_asked_at_the_next_checkpoint(
    make_org: Callable[..., Organisation],
) -> None:
    org = make_org()
    started = org.start(org.prepared())
    org.adopt(**TIGHTER)
    org.carry()
    found = org.rollout(started)
    assert (found.state, found.wave) == (RolloutState.PAUSED, 0)
    assert found.because == "needs 1 approval from rm, none given"
    assert org.running() == ["1.1.0", "absent"]
    leaf = org.leaves()[-1]
    assert leaf.kind == "rollout.paused"
    assert leaf.digests["pinned"] != leaf.digests["current"] == active(org).digest
    assert leaf.question["action"] == Action.CONTINUE.value


def test_what_waits_is_asked_again_under_the_new_policy(org: Organisation) -> None:
    from tidegate.orchestration import rollout

    release = org.open()
    org.tested(release)
    request = rollout.ask_start(org.house, release, "production", org.claim("rita"))
    org.sweep()
    later = org.request(request).due_at
    assert later is not None
    assert later > org.clock.now
    org.adopt(**TIGHTER)
    assert org.request(request).due_at == org.clock.now


def test_two_adopt_at_once_and_the_second_must_look_first(org: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    # The other adoption comes while this one's person is signing.
    real = identity.prove

    def meanwhile(*arguments: Any) -> Any:
        monkeypatch.setattr(identity, "prove", real)
        org.adopt(rehearsal="meanwhile")
        return real(*arguments)

    monkeypatch.setattr(identity, "prove", meanwhile)
    with pytest.raises(ConflictError, match="another policy was adopted meanwhile") as caught:
        org.adopt(**TIGHTER)
    assert caught.value.exit_code == 6
    assert active(org).digest == policy(rehearsal="meanwhile").digest


def test_a_policy_that_would_shut_everybody_out_is_refused(org: Organisation) -> None:
    before = active(org)
    for changes, sentence in (
        ({"permits": {"adopt": []}}, "nobody is permitted to"),
        ({"permits": {"adopt": ["rm"]}, "people": {"rita": {"disabled": True}}}, "nobody is permitted to"),
        ({"permits": {"adopt": ["rm"]}, "people": {"rita": {"keys": []}}}, "rita can sign with no key"),
    ):
        with pytest.raises(UsageError, match=f"nobody could ever adopt another one: {sentence}") as caught:
            flow.adopt(org.house, policy(**changes), org.claim("rita"))
        assert caught.value.exit_code == 2
        assert active(org) == before
    flow.adopt(org.house, policy(permits={"adopt": ["tech-leads"]}), org.claim("rita"))
