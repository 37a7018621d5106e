"""Change requests over the store: who may do what, what each refusal leaves, what a forged row is worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.changes import CHANGES, GOOD, WISH, approve, approved, assess, ids, opened, step, submitted
from tests.support.flows import Organisation, organisation, refused
from tests.support.gitrepo import GitRepository
from tidegate.core.approval import Answer
from tidegate.core.change_request import ChangeState
from tidegate.errors import (
    ConflictError,
    NotFoundError,
    NotPermittedError,
    RefusedError,
    TidegateError,
    TransitionError,
    UsageError,
)
from tidegate.git.changed import Changed, Fixed, changed, fixed_before
from tidegate.git.repository import open_repository
from tidegate.orchestration import change as flow
from tidegate.orchestration import change_decision as decision
from tidegate.orchestration.identity import Claim
from tidegate.views.change import change_view


@pytest.fixture
def org(make_org: Callable[..., Organisation]) -> Organisation:
    return make_org(changes=CHANGES)


def test_with_everything_it_goes_and_each_act_left_its_leaf(org: Organisation) -> None:
    release = org.prepared()
    change = approved(org, release)
    assert ids(org, release) == []
    assert change_view(org.house, change.id).state is ChangeState.APPROVED
    started = org.start(release)
    org.carry()
    assert org.rollout(started).state.value == "succeeded"
    assert [kind for kind in org.kinds() if kind.startswith("change.")] == [
        "change.opened", "change.assessed", "change.submitted", "change.answered", "change.step_done",
        "change.step_done", "change.mitigated",
    ]  # fmt: skip


def test_what_changed_since_is_refused_until_it_is_submitted_and_decided_anew(org: Organisation) -> None:
    release = org.prepared()
    change = approved(org, release)
    org.adopt(components={"billing": {"targets": {"production": {"restart": ["false"]}}}}, changes=CHANGES)
    assert ids(org, release) == ["change.request"]
    assert not change_view(org.house, change.id).releases[0].unchanged
    flow.submit(org.house, change.id, org.claim("rita"))
    assert ids(org, release) == ["change.approval.tech-leads", "change.mitigation"]
    approve(org, change.id)
    flow.mitigate(org.house, change.id, org.claim("rita"), "1", "400 tests again")
    assert ids(org, release) == []


def test_who_leaves_the_group_no_longer_counts(org: Organisation) -> None:
    release = org.prepared()
    approved(org, release)
    org.adopt(people={"carol": {"groups": []}, "bob": {"groups": ["module-team", "tech-leads"]}}, changes=CHANGES)
    assert ids(org, release) == ["change.approval.tech-leads"]


ROWS = {
    "the answer of another": "UPDATE tg_change_answer SET person = 'alice', actor = replace(actor, 'carol', 'alice')",
    "an answer to something else": "UPDATE tg_change_answer SET role = 'chief'",
    "minutes that nobody signed": "UPDATE tg_change_answer SET minutes = 'of Monday'",
    "a step by another": "UPDATE tg_change_act SET person = 'bob' WHERE kind = 'step' AND name = 'testing'",
    "a mitigation that was worded anew": "UPDATE tg_change_act SET how = 'nothing' WHERE kind = 'mitigation'",
    "an assessment that was worded anew": "UPDATE tg_change SET assessment = replace(assessment, 'none is', 'all is')",
    "a category that was changed": "UPDATE tg_change SET category = 'major'",
    "a reason that was worded anew": "UPDATE tg_change SET reason = 'because I say so'",
    "another requester": "UPDATE tg_change SET opened_by = 'nobody'",
    "an act without a signature": "UPDATE tg_change_act SET signature = '' WHERE kind = 'submission'",
}


@pytest.mark.parametrize("statement", ROWS.values(), ids=ROWS)
def test_a_row_that_somebody_changed_lets_nothing_go(org: Organisation, statement: str) -> None:
    release = org.prepared()
    approved(org, release)
    org.sql(statement)
    assert ids(org, release) != []


def test_a_state_that_somebody_wrote_lets_nothing_go(org: Organisation) -> None:
    release = org.prepared()
    submitted(org, release)
    org.sql("UPDATE tg_change SET state = 'approved'")
    assert "change.approval.tech-leads" in ids(org, release)


Act = Callable[[Organisation, str, str], object]

REFUSED: dict[str, tuple[Act, type[TidegateError], str]] = {
    "opened by somebody else": (
        lambda org, release, _: opened(org, release, "alice"), NotPermittedError, "alice may not ask for it",
    ),
    "opened by nobody known": (
        lambda org, release, _: flow.open_change(org.house, [release], Claim("zoe"), WISH),
        NotPermittedError, 'the policy knows no person "zoe"',
    ),
    "opened without a signature": (
        lambda org, release, _: flow.open_change(org.house, [release], Claim("rita"), WISH),
        NotPermittedError, "rita is only asserted; a change request asks for signature",
    ),
    "opened for no release": (
        lambda org, release, _: opened(org, "nothing-1.0.0"), NotFoundError, 'there is no release "nothing-1.0.0"',
    ),
    "opened in no category": (
        lambda org, release, _: opened(org, release, wish=replace(WISH, category="colossal")),
        NotFoundError, 'the policy knows no category of changes "colossal"',
    ),
    "standard and not in the catalogue": (
        lambda org, release, _: opened(org, release, wish=replace(WISH, category="standard", entry="Rewrite it")),
        RefusedError, 'this is no standard change: "Rewrite it" is not in the catalogue',
    ),
    "assessed by somebody else": (
        lambda org, _, change: assess(org, change, "rita"), NotPermittedError, "rita may not assess it",
    ),
    "assessed for an unknown client": (
        lambda org, _, change: assess(org, change, said=replace(GOOD, clients=("acme",))),
        NotFoundError, 'the policy knows no client "acme"',
    ),
    "submitted before it is assessed": (
        lambda org, *_: flow.submit(org.house, "CR-2", org.claim("rita")),
        ConflictError, "the impact of CR-2 is not assessed",
    ),
    "submitted twice": (
        lambda org, _, change: flow.submit(org.house, change, org.claim("rita")),
        ConflictError, "CR-1 is submitted already, and nothing of its releases changed since",
    ),
    "a step before the decision": (
        lambda org, _, change: step(org, change, "testing", "alice"),
        ConflictError, "approval comes before testing, and is not done",
    ),
    "a step by another group": (
        lambda org, _, change: step(org, change, "testing", "rita"), NotPermittedError, "rita may not do testing",
    ),
    "a step that there is not": (
        lambda org, _, change: step(org, change, "dancing", "rita"),
        NotFoundError, 'a normal change goes through no step "dancing"',
    ),
    "approved by who is not asked": (
        lambda org, _, change: approve(org, change, "alice"), NotPermittedError, "alice is not asked about CR-1",
    ),
    "approved in no role": (
        lambda org, _, change: approve(org, change, role="chief"),
        NotFoundError, 'no approval in the role "chief" is asked for',
    ),
    "approved without a signature": (
        lambda org, _, change: decision.answer(org.house, change, Claim("carol"), Answer.APPROVE),
        NotPermittedError, "carol has not signed: a typed name is not an identity",
    ),
    "approved with the key of another": (
        lambda org, _, change: decision.answer(
            org.house, change, Claim("carol", org.claim("alice").key), Answer.APPROVE
        ),
        NotPermittedError, "carol",
    ),
    "a mitigation that nothing demands": (
        lambda org, _, change: flow.mitigate(org.house, change, org.claim("rita"), "2", "done"),
        NotFoundError, 'low risk demands no "2"',
    ),
    "closed by somebody else": (
        lambda org, _, change: flow.close(org.house, change, org.claim("bob"), "fine"),
        NotPermittedError, "bob may not close it",
    ),
    "no such change request": (
        lambda org, *_: approve(org, "CR-9"), NotFoundError, 'there is no change request "CR-9"',
    ),
}  # fmt: skip


@pytest.mark.parametrize(("act", "kind", "sentence"), REFUSED.values(), ids=REFUSED)
def test_a_refused_act_changes_nothing_and_leaves_a_leaf(
    tmp_path: Path, act: Act, kind: type[TidegateError], sentence: str
) -> None:
    from tests.support.flows import prepared_sqlite

    org = organisation(tmp_path, prepared_sqlite(tmp_path / "database"), changes=CHANGES)
    release = org.prepared()
    change = submitted(org, release).id
    opened(org, release)
    with refused(org, kind, sentence, "change"):
        act(org, release, change)


def test_a_no_is_the_end_of_it(org: Organisation) -> None:
    release = org.prepared()
    change = approved(org, release).id
    decision.answer(org.house, change, org.claim("carol"), Answer.REJECT, reason="no way back")
    assert ids(org, release) == ["change.request"]
    with refused(org, TransitionError, "a change request that is rejected cannot be submitted", "change"):
        flow.submit(org.house, change, org.claim("rita"))
    with refused(org, ConflictError, "CR-1 is rejected", "change"):
        flow.mitigate(org.house, change, org.claim("rita"), "1", "done")


def test_who_wrote_it_does_not_decide_on_it(org: Organisation) -> None:
    mail = GitRepository(org.root).git("log", "-1", "--format=%ae").strip()
    org.adopt(people={"dave": None, "carol": {"email": mail}}, changes=CHANGES)
    change = submitted(org, org.open())
    with refused(org, NotPermittedError, "carol wrote what CR-1 changes, and does not decide on it", "change"):
        approve(org, change.id)


def test_a_board_answers_with_minutes_that_are_kept(org: Organisation) -> None:
    release = org.prepared()
    change = submitted(org, release, replace(WISH, category="major")).id
    with pytest.raises(UsageError, match="alice answers for module-team, and names no minutes of it"):
        approve(org, change, "alice")
    with pytest.raises(UsageError, match="the minutes have 0 bytes"):
        approve(org, change, "alice", minutes=b"")
    answered = approve(org, change, "alice", minutes=b"Board of Monday: approved.")
    assert answered.minutes.startswith("sha256:")
    assert org.leaves()[-1].data["minutes"] == answered.minutes
    assert answered.change.state is ChangeState.APPROVED


def test_an_overdue_decision_is_told(org: Organisation) -> None:
    release = org.prepared()
    change = submitted(org, release).id
    assert not change_view(org.house, change).overdue
    org.clock.go(timedelta(hours=24))
    assert change_view(org.house, change).overdue
    (said,) = [reason for reason in org.reasons(release) if "approval from" in reason]
    assert said.endswith("the decision is overdue since Wed 2 Dec 2026 10:00 PST")


def test_its_risk_is_counted_from_git_and_from_what_came_of_releases_before(org: Organisation) -> None:
    repository = GitRepository(org.root)
    repository.commit("fix: a again", {"app/a.txt": "3", "app/migrations/1.sql": "x\ny\n"})
    org.adopt(components={"billing": {"migrations": "app/migrations"}}, changes=CHANGES)
    release = org.prepared()
    facts = submitted(org, release).facts
    assert facts is not None
    assert (facts.commits, facts.files, facts.lines, facts.migrations) == (2, 2, 4, 1)
    assert (facts.fixes, facts.broken_files, facts.days_since_deploy, facts.rollouts) == (0, 0, None, 0)
    assert facts.unknown == ()


def test_a_tag_that_is_gone_is_told_and_not_taken_for_nothing(org: Organisation) -> None:
    release = org.prepared()
    GitRepository(org.root).git("tag", "-d", "billing-v1.0.0")
    facts = submitted(org, release).facts
    assert facts is not None
    assert facts.unknown == ("billing: the tag billing-v1.0.0 of what it follows is not here",)


def test_files_that_earlier_fixes_touched_are_counted(tmp_path: Path, org: Organisation) -> None:
    made = GitRepository(tmp_path / "history")
    made.commit("feat: all", {"app/a.txt": "1\n", "app/b.txt": "1\n", "c.txt": "1\n"})
    made.commit("fix: a", {"app/a.txt": "2\n"})
    made.commit("fix(b): b\n\nfix: not a title", {"app/b.txt": "2\n", "c.txt": "2\n"})
    made.commit("docs: a", {"app/a.txt": "3\n"})
    repository = open_repository(made.path)
    base = repository.head()
    made.commit("feat: more", {"app/a.txt": "3\n4\n", "app/x\ty.txt": "1\n", "c.txt": "3\n"})
    head = open_repository(made.path).head()
    found = changed(repository, base, head, ("app",))
    assert found == Changed(("app/a.txt", "app/x\ty.txt"), 2)
    assert changed(repository, "", head, (".",)).files == ("app/a.txt", "app/b.txt", "app/x\ty.txt", "c.txt")
    long_ago = org.house.now() - timedelta(days=36_000)
    assert fixed_before(repository, base, found.files, long_ago) == Fixed(1, 1)
    assert fixed_before(repository, base, ("app/b.txt", "c.txt"), long_ago) == Fixed(2, 1)
    assert fixed_before(repository, base, found.files, org.house.now() + timedelta(days=36_000)) == Fixed(0, 0)
