"""Self-approval by every channel, voices handed on, boards, trainings, clocks set back: each refusal leaves a leaf."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.flows import NOW, Organisation, keys, policy, public_key, refused
from tests.support.gitrepo import isolated_environment
from tidegate.core.approval import Answer
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError, PolicyError, UsageError
from tidegate.orchestration import approval, board, delegation, rollback
from tidegate.orchestration import release as release_flow
from tidegate.orchestration.facts import minutes_of
from tidegate.orchestration.judge import DecisionRefusedError
from tidegate.signing import ssh
from tidegate.store import policies, releases
from tidegate.views.approvals import approvals, short_of

AUTHOR = {"email": "alice@example.org"}
NOBODYS = {"dave": {"email": "dave@example.org"}}
"""In the policy of these flows, dave has the address that the first commits are written with; here he has another."""

DEPUTIES = {"groups": {"tech-leads": {"delegates": ["module-team"]}}}
WEEK = timedelta(days=7)

MakeOrg = Callable[..., Organisation]


def answer(
    org: Organisation, release: str, person: str, said: Answer = Answer.APPROVE, where: str = "production"
) -> None:
    approval.answer(org.house, release, where, org.claim(person), said)


def hand(org: Organisation, by: str, to: str, *scope: str, length: timedelta = WEEK) -> str:
    return delegation.delegate(org.house, org.claim(by), to, scope, org.clock.now + length, "on leave").id


# -- self-approval ---------------------------------------------------------------------------------------------------


def test_an_author_is_refused_when_they_approve(make_org: MakeOrg) -> None:
    org = make_org(people={"alice": AUTHOR} | NOBODYS)
    release = org.open()
    with refused(org, NotPermittedError, "alice is an author, and may not approve billing-1.1.0"):
        answer(org, release, "alice")
    answer(org, release, "alice", Answer.REJECT)
    assert "alice rejected it" in org.reasons(release)


def test_an_author_is_refused_with_a_statement_that_was_signed_elsewhere(make_org: MakeOrg) -> None:
    org = make_org(people={"alice": AUTHOR} | NOBODYS)
    release = org.open()
    made = approval.statement_for(org.house, release, "production", "alice", Answer.APPROVE).to_bytes()
    signature = ssh.sign(made, keys() / "alice", ssh.ACT)
    with refused(org, NotPermittedError, "alice is an author, and may not approve billing-1.1.0"):
        approval.record_answer(org.house, "alice", made, signature)


def test_an_author_is_refused_who_speaks_for_another(make_org: MakeOrg) -> None:
    org = make_org(people={"alice": AUTHOR} | NOBODYS, **DEPUTIES)
    release = org.open()
    hand(org, "carol", "alice", "tech-leads")
    with refused(org, NotPermittedError, "alice is an author, and may not approve"):
        answer(org, release, "alice")


def test_whoever_speaks_for_an_author_is_refused(make_org: MakeOrg) -> None:
    other = make_org(people={"carol": AUTHOR} | NOBODYS, groups={"tech-leads": {"delegates": ["rm"]}})
    release = other.open()
    hand(other, "carol", "rita", "tech-leads")
    with refused(other, NotPermittedError, "rita speaks for carol, who is an author, and may not approve"):
        answer(other, release, "rita")


def test_whoever_opened_it_is_refused_where_the_policy_separates_that(make_org: MakeOrg) -> None:
    org = make_org(separation=["author", "requester"], people={"rita": {"groups": ["rm", "tech-leads"]}})
    release = org.open()
    with refused(org, NotPermittedError, "rita opened the release, and may not approve billing-1.1.0"):
        answer(org, release, "rita")


def test_whoever_starts_it_does_not_count_where_the_policy_separates_that(make_org: MakeOrg) -> None:
    org = make_org(separation=["deployer"], people={"rita": {"groups": ["rm", "tech-leads"]}})
    release = org.open()
    org.tested(release)
    org.approve(release, "alice", "bob", "rita")
    assert org.reasons(release) == ["needs 1 approval from tech-leads, none given; not counted: rita starts it"]


@pytest.mark.parametrize(
    ("same", "said"),
    [
        ({"email": "Alice@Example.org"}, "dave and bob have the same mail address|bob and dave have the same mail"),
        ({"keys": "alice"}, "bob and alice have the same key, so that nobody could tell who signs"),
    ],
)
def test_one_person_with_two_names_is_no_policy(same: dict[str, str], said: str) -> None:
    changed: dict[str, Any] = {"keys": [public_key("alice")]} if "keys" in same else dict(same)
    with pytest.raises(PolicyError, match=said):
        policy(people={"bob": changed})


# -- what an approval is bound to ------------------------------------------------------------------------------------


def test_an_approval_of_one_release_and_of_staging_is_none_of_another_nor_of_production(org: Organisation) -> None:
    first = org.open()
    second = org.open("1.2.0")
    made = approval.statement_for(org.house, first, "production", "carol", Answer.APPROVE)
    others: list[dict[str, Any]] = [{"release": second}, {"environment": "staging"}]
    for changes in others:
        data = replace(made, **changes).to_bytes()
        with refused(org, NotPermittedError, "the statement is about another subject"):
            approval.record_answer(org.house, "carol", data, ssh.sign(data, keys() / "carol", ssh.ACT))
    answer(org, first, "carol", where="staging")
    assert "needs 1 approval from tech-leads, none given" in org.reasons(first)
    assert "needs 1 approval from tech-leads, none given" in org.reasons(second)


def test_a_quorum_that_is_lowered_while_it_is_open_still_holds(make_org: MakeOrg) -> None:
    team = {"module-team": {"quorum": 3}}
    org = make_org(groups=team, people={"rita": {"groups": ["rm", "module-team"]}})
    release = org.open()
    org.tested(release)
    org.adopt(groups={"module-team": {"quorum": 2}}, people={"rita": {"groups": ["rm", "module-team"]}})
    org.approve(release, "alice", "bob", "carol")
    assert org.reasons(release) == ["needs 3 approvals from module-team, 2 given (alice, bob)"]
    with pytest.raises(DecisionRefusedError, match="needs 3 approvals from module-team, 2 given"):
        org.start(release)
    org.approve(release, "rita")
    assert org.decide(release).allowed


# -- clocks ----------------------------------------------------------------------------------------------------------


def test_a_clock_that_was_set_back_takes_no_answer_and_counts_none_from_later(org: Organisation) -> None:
    release = org.prepared()
    times = [leaf.time for leaf in org.leaves()]
    org.clock.go(-timedelta(days=2))
    assert any("alice answered" in reason and "a clock was set back" in reason for reason in org.reasons(release))
    with refused(org, ConflictError, "the clock was set back: it says 2026-11-29T18:00:00"):
        answer(org, release, "rita")
    with refused(org, ConflictError, "the clock was set back", noun="start"):
        org.start(release)
    later = [leaf.time for leaf in org.leaves()]
    assert later == sorted(later)
    assert later[len(times)] > times[-1]


def test_an_answer_expires_and_is_given_anew(make_org: MakeOrg) -> None:
    org = make_org(release_types={"minor": {"approvals": [{"from": "tech-leads", "lasts": "7d"}]}})
    release = org.open()
    org.tested(release)
    org.approve(release, "carol")
    assert org.decide(release).allowed
    org.clock.go(WEEK)
    (said,) = org.reasons(release)
    assert said == (
        "needs 1 approval from tech-leads, none given; not counted: carol answered too long ago: it counted until "
        "Tue 8 Dec 2026 10:00 PST"
    )
    approval.revoke(org.house, release, "production", org.claim("carol"))
    org.approve(release, "carol")
    assert org.decide(release).allowed


# -- voices ----------------------------------------------------------------------------------------------------------


def test_a_voice_is_handed_on_and_taken_back_at_once(make_org: MakeOrg) -> None:
    org = make_org(groups={"tech-leads": {"delegates": ["rm"]}})
    release = org.open()
    org.tested(release)
    hand(org, "carol", "rita", "tech-leads")
    org.approve(release, "alice", "bob", "rita")
    assert org.decide(release).allowed
    assert org.kinds().count("delegation.made") == 1
    delegation.revoke(org.house, org.claim("carol"), "rita")
    assert org.reasons(release) == ["needs 1 approval from tech-leads, none given"]
    org.sql("UPDATE tg_delegation SET revoked_at = NULL")
    assert org.reasons(release) == ["needs 1 approval from tech-leads, none given"]


def test_a_voice_ends_in_time_and_when_one_of_the_two_leaves(make_org: MakeOrg) -> None:
    org = make_org(groups={"tech-leads": {"delegates": ["rm"]}})
    release = org.open()
    org.tested(release)
    hand(org, "carol", "rita", "tech-leads")
    org.approve(release, "alice", "bob", "rita")
    org.adopt(groups={"tech-leads": {"delegates": ["rm"]}}, people={"carol": {"disabled": True}})
    assert any("needs 1 approval from tech-leads" in reason for reason in org.reasons(release))
    org.adopt(groups={"tech-leads": {"delegates": ["rm"]}})
    assert org.decide(release).allowed
    org.clock.go(WEEK)
    assert org.reasons(release) == ["needs 1 approval from tech-leads, none given"]


def test_a_row_that_hands_on_more_than_was_signed_does_not_count(make_org: MakeOrg) -> None:
    org = make_org(groups={"tech-leads": {"delegates": ["rm"]}})
    release = org.open()
    org.tested(release)
    hand(org, "carol", "rita", "tech-leads", length=timedelta(hours=1))
    org.approve(release, "alice", "bob", "rita")
    org.clock.go(timedelta(hours=2))
    org.sql("UPDATE tg_delegation SET until = '2027-01-01T00:00:00.000000Z'")
    assert org.reasons(release) == ["needs 1 approval from tech-leads, none given"]


def test_chains_and_loops_and_strangers_are_refused(make_org: MakeOrg) -> None:
    team = {"delegates": ["module-team", "tech-leads", "rm"]}
    org = make_org(groups={"tech-leads": team, "module-team": team})
    hand(org, "carol", "alice", "tech-leads")
    rows: list[tuple[type[Exception], str, tuple[str, ...]]] = [
        (ConflictError, "carol has handed their voice to alice already", ("carol", "bob", "tech-leads")),
        (ConflictError, "alice speaks for carol, until .*: that would be a chain", ("alice", "bob", "module-team")),
        (ConflictError, "carol has handed their own voice to alice, until", ("alice", "carol", "module-team")),
        (ConflictError, "carol has handed their own voice to alice", ("bob", "carol", "module-team")),
        (NotPermittedError, 'alice has no voice in "tech-leads" to hand on', ("alice", "bob", "tech-leads")),
        (NotPermittedError, "bob cannot be their own delegate", ("bob", "bob", "module-team")),
        (NotPermittedError, 'the policy knows no person "zoe"', ("bob", "zoe", "module-team")),
        (NotPermittedError, "dave may not speak for module-team: its delegates are of", ("bob", "dave", "module-team")),
        (NotPermittedError, 'bob has no voice in "moon" to hand on', ("bob", "rita", "moon")),
    ]
    for kind, said, (by, to, scope) in rows:
        with refused(org, kind, said, noun="delegation"):  # type: ignore[arg-type]
            hand(org, by, to, scope)
    with refused(org, NotPermittedError, "bob has not signed", noun="delegation"):
        delegation.delegate(org.house, org.claim("bob", ""), "rita", ["module-team"], NOW + WEEK)
    for length in (timedelta(0), -WEEK, timedelta(days=101)):
        with pytest.raises(UsageError, match="a delegation ends after now and within 100 days"):
            hand(org, "bob", "rita", "module-team", length=length)


def test_nobody_may_have_a_delegate_unless_the_policy_says_so(org: Organisation) -> None:
    with refused(org, NotPermittedError, "rita may not speak for tech-leads: the policy lets it have no", "delegation"):
        hand(org, "carol", "rita", "tech-leads")


# -- boards ----------------------------------------------------------------------------------------------------------

BOARD = {"release_types": {"minor": {"approvals": [{"from": "module-team", "count": 2, "minutes": True}]}}}


def written(org: Organisation, text: str = "We met and approved it.") -> Path:
    path = org.root / ".tidegate" / "minutes.md"
    path.write_text(text)
    return path


def met(org: Organisation, release: str, *approved: str, attended: tuple[str, ...] = ("alice", "bob")) -> str:
    meeting = board.call(org.house, org.claim("alice"), "module-team", [(release, "production")], org.clock.now)
    board.minutes(org.house, org.claim("bob"), meeting.id, written(org), attended, approved)
    return meeting.id


def test_a_board_approves_with_agenda_and_minutes(make_org: MakeOrg) -> None:
    org = make_org(**BOARD)
    release = org.open()
    org.tested(release)
    org.approve(release, "alice", "bob")
    assert any("no minutes of module-team name this release as it is" in reason for reason in org.reasons(release))
    met(org, release, f"{release}:production")
    assert org.decide(release).allowed
    assert org.kinds()[-2:] == ["board.called", "board.decided"]
    org.clock.go(timedelta(hours=1))
    met(org, release)
    assert any("the minutes of module-team say no" in reason for reason in org.reasons(release))


def test_minutes_are_of_the_release_as_it_was(make_org: MakeOrg) -> None:
    from tests.integration.test_flow_approvals import copied_package

    org = make_org(**BOARD)
    release = org.open()
    org.tested(release)
    meeting = board.call(org.house, org.claim("alice"), "module-team", [(release, "production")], NOW)
    release_flow.attach(org.house, release, copied_package(org), org.claim("rita"))
    with refused(org, ConflictError, "something of billing-1.1.0 changed since", noun="board"):
        board.minutes(org.house, org.claim("bob"), meeting.id, written(org), ["alice"], [f"{release}:production"])


def test_minutes_that_were_changed_behind_the_back_do_not_count(make_org: MakeOrg) -> None:
    org = make_org(**BOARD)
    release = org.open()
    org.tested(release)
    org.approve(release, "alice", "bob")
    met(org, release, attended=("alice",))
    org.sql("UPDATE tg_meeting SET approved = agenda, attended = :people", people='["alice","bob"]')
    assert any("no minutes of module-team name this release" in reason for reason in org.reasons(release))


@pytest.mark.parametrize("change", ["SET board = 'tech-leads'", "SET at = '2026-12-01T18:30:00.000000Z'"])
def test_minutes_are_of_the_board_and_the_time_that_were_signed(make_org: MakeOrg, change: str) -> None:
    org = make_org(**BOARD)
    release = org.open()
    met(org, release)
    org.sql(f"UPDATE tg_meeting {change}")
    with org.house.database.read() as connection:
        policy = policies.current(connection).policy
        (found,) = minutes_of(connection, policy, release)
    # Who recorded them is asked for the board that the record names, and the signature for that very board.
    assert found.invalid in (
        "the signed statement says something else than the record",
        "bob, who recorded them, is not in tech-leads",
    )


def test_what_a_board_is_refused(make_org: MakeOrg) -> None:
    org = make_org(**BOARD)
    release = org.open()
    point = f"{release}:production"
    house, alice = org.house, org.claim("alice")
    with refused(org, NotPermittedError, 'carol is not in "module-team"', noun="board"):
        board.call(house, org.claim("carol"), "module-team", [(release, "production")], NOW)
    with refused(org, NotPermittedError, "alice has not signed", noun="board"):
        board.call(house, org.claim("alice", ""), "module-team", [(release, "production")], NOW)
    with refused(org, NotFoundError, 'there is no release "billing-9"', noun="board"):
        board.call(house, alice, "module-team", [("billing-9", "production")], NOW)
    with pytest.raises(UsageError, match="an agenda has at least one point"):
        board.call(house, alice, "module-team", [], NOW)
    later = board.call(house, alice, "module-team", [(release, "production")], NOW + WEEK).id
    with refused(org, ConflictError, "which is not yet", noun="board"):
        board.minutes(house, alice, later, written(org), ["alice"], [point])
    meeting = board.call(house, alice, "module-team", [(release, "production")], NOW).id
    with refused(org, NotFoundError, '"billing-1.1.0:staging" was not on the agenda', noun="board"):
        board.minutes(house, alice, meeting, written(org), ["alice"], [f"{release}:staging"])
    with refused(org, NotPermittedError, "carol cannot decide for module-team: not in it", noun="board"):
        board.minutes(house, alice, meeting, written(org), ["alice", "carol"], [point])
    with refused(org, NotFoundError, 'there is no meeting "moon"', noun="board"):
        board.minutes(house, alice, "moon", written(org), ["alice"], [point])
    with pytest.raises(UsageError, match="minutes are a file with something in it"):
        board.minutes(house, alice, meeting, written(org, " \n"), ["alice"], [point])
    board.minutes(house, alice, meeting, written(org), ["alice"], [point])
    with refused(org, ConflictError, "were recorded already", noun="board"):
        board.minutes(house, alice, meeting, written(org), ["alice"], [])


# -- training, access ------------------------------------------------------------------------------------------------

RELEASING = {"title": "Releasing"}


def test_who_lacks_a_training_does_not_open_and_who_lost_it_does_not_start(make_org: MakeOrg) -> None:
    trained = {"rita": {"trained": {"releasing": "2026-01-15"}}}
    org = make_org(trainings={"releasing": RELEASING | {"before": ["open", "start"]}}, people=trained)
    release = org.prepared()
    assert org.decide(release).allowed
    org.adopt(trainings={"releasing": RELEASING | {"before": ["open", "start"], "again": "30d"}}, people=trained)
    assert org.reasons(release) == ["rita may not start without the training releasing"]
    with refused(org, NotPermittedError, "rita may not open without the training releasing", noun="release"):
        org.open("1.2.0")
    with pytest.raises(DecisionRefusedError, match="rita may not start without the training releasing"):
        org.start(release)


def test_who_has_no_access_starts_nothing_and_rolls_back_all_the_same(make_org: MakeOrg) -> None:
    org = make_org()
    org.released()
    closed = {"production": {"access": ["tech-leads"]}}
    org.adopt(environments=closed)
    second = org.prepared("1.2.0")
    assert org.reasons(second) == ["rita has no access to production: it is for tech-leads"]
    with pytest.raises(DecisionRefusedError, match="rita has no access to production"):
        org.start(second)
    rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
    org.carry()
    assert org.kinds().count("rollback.started") == 1


# -- what people see -------------------------------------------------------------------------------------------------


def test_the_table_says_who_is_missing(org: Organisation) -> None:
    release = org.open()
    org.approve(release, "alice")
    with org.house.database.read() as connection:
        (view,) = approvals(connection, release, org.clock.now)
    team, leads = view.demands
    assert (team.group, team.seats, [seat.person for seat in team.given], team.open_to) == (
        "module-team",
        2,
        ["alice"],
        ("bob",),
    )
    assert (leads.group, leads.missing, leads.open_to) == ("tech-leads", 1, ("carol",))
    assert short_of(view) == "1 from module-team; 1 from tech-leads"


def test_two_policies_that_ask_differently_are_both_shown(org: Organisation) -> None:
    release = org.open()
    org.adopt(release_types={"minor": {"approvals": [{"from": "module-team"}, {"from": "tech-leads"}]}})
    with org.house.database.read() as connection:
        (view,) = approvals(connection, release, org.clock.now)
    assert [(each.policy, each.group, each.seats) for each in view.demands] == [
        ("pinned", "module-team", 2),
        ("", "tech-leads", 1),
        ("current", "module-team", 1),
    ]


def test_who_had_which_hand_in_it_is_kept(make_org: MakeOrg) -> None:
    mails = {name: {"email": f"{name}@example.net"} for name in ("alice", "bob", "carol")}
    org = make_org(people=mails | NOBODYS, separation=["co-author"])
    (org.root / "app" / "a.txt").write_text("3")
    message = "fix: third\n\nCo-authored-by: Bob <BOB@example.net>\n"
    who = ["-c", "user.name=Carol", "-c", "user.email=carol@example.net"]
    environment = isolated_environment() | {"GIT_COMMITTER_EMAIL": "carol@example.net"}
    command = ["git", *who, "commit", "-q", "-a", "-m", message, "--author", "Alice <alice@example.net>"]
    subprocess.run(command, cwd=org.root, env=environment, check=True, capture_output=True)
    release = org.open()
    with org.house.database.read() as connection:
        (item,) = releases.load(connection, release).facts.items
    assert item.hands == {
        "author": ("alice", "alice@example.org"),
        "co-author": ("bob",),
        "committer": ("alice@example.org", "carol"),
        "last-committer": ("alice", "carol"),
    }
    assert item.authors == ("alice", "alice@example.org", "bob", "carol")
    with refused(org, NotPermittedError, "bob is a co-author, and may not approve billing-1.1.0"):
        answer(org, release, "bob")
    answer(org, release, "alice")
