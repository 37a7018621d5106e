"""Each kind of fact that a case can give: that it changes the answer as it should, and that a wrong case says so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.cases import READY, ask, book, but, case, document, trials
from tidegate.core.actor import Actor, Assurance
from tidegate.core.decision import Action
from tidegate.core.evidence_kind import KINDS
from tidegate.core.facts import Change
from tidegate.core.policytest.form import Piece
from tidegate.core.policytest.names import rule_ids
from tidegate.core.release import ReleaseState
from tidegate.core.subject import Part
from tidegate.errors import PolicyError

NOW = datetime(2026, 12, 1, 18, 0, tzinfo=UTC)


def test_what_is_ready_may_go() -> None:
    assert ask(case("allow")).problems == ()


# Given what is ready with this change, exactly these rules stand in the way.
FACTS: Mapping[str, tuple[Any, dict[str, Any]]] = {
    "another type": (but(release={"type": "hotfix", "changes": ["fix"]}), {"deny": "approval.owners"}),
    "a feature in a hotfix": (but(release={"type": "hotfix"}), {"deny": ["content.level", "approval.owners"]}),
    "another component": (
        but(release={"component": "identity", "authors": [], "version": "1.5.0"}),
        {"passes": "gate", "allow": True},
    ),
    "not announced": (but(release={"announced": "never"}), {"deny": ["notice.announced", "notice"]}),
    "announced late": (but(release={"announced": "-6d"}), {"deny": "notice"}),
    "announced, in the policy's time": (but(release={"announced": "2026-11-24T10:00"}), {"allow": True}),
    "announced a minute later": (but(release={"announced": "2026-11-24T10:01"}), {"deny": "notice"}),
    "announced at an instant": (but(release={"announced": "2026-11-24T18:00:00Z"}), {"allow": True}),
    "changed late": (but(release={"content": "-1d"}), {"deny": "freeze"}),
    "changed a moment ago": (
        {"facts": "ready", "release": {"content": "now"}},
        {"deny": "freeze", "says": '"feat" joined billing'},
    ),
    "only a fix is late": (but(release={"content": "-1d", "changes": ["fix"]}), {"allow": True}),
    "a fix that breaks": (
        but(release={"content": "-1d", "changes": ["fix!"]}),
        {"deny": ["freeze", "content.level"], "says": '"fix!" asks for major'},
    ),
    "a title": (
        but(release={"content": "-1d", "changes": ["feat(tax): round half up"]}),
        {"deny": "freeze", "says": '"round half up" joined billing'},
    ),
    "an author approves": (but(release={"authors": ["bob"]}), {"deny": "approval.review", "says": "bob is an author"}),
    "it was taken back": (but(release={"state": "rolled_back"}), {"deny": "release.ready"}),
    "it is called otherwise": (
        but(release={"state": "cancelled", "id": "tide-7"}),
        {"deny": "release.ready", "says": "tide-7 is cancelled, not open"},
    ),
    "no evidence": (but(evidence={"tests": "none"}), {"cannot tell": "gate.tests"}),
    "bad evidence": (but(evidence={"tests": {"failed": 1}}), {"deny": "gate.tests", "says": "tests.failed = 1"}),
    "a field is not given": (
        but(evidence={"tests": "none", "junit": {"failed": 0}}),
        {"cannot tell": "gate.tests", "says": "tests.total"},
    ),
    "evidence by its kind": (but(evidence={"tests": "none", "junit": {"total": 3, "failed": 0}}), {"allow": True}),
    "evidence by a name": (
        but(evidence={"tests": "none", "nightly": {"kind": "junit", "total": 3, "failed": 0}}),
        {"allow": True, "says": "junit from nightly"},
    ),
    "of two sources the worse": (
        but(evidence={"nightly": {"kind": "junit", "total": 3, "failed": 2}}),
        {"deny": "gate.tests", "says": "junit from nightly"},
    ),
    "of one source the newer": (
        but(evidence={"nightly": {"kind": "junit", "source": "tests", "total": 3, "failed": 2, "taken": "-1h"}}),
        {"allow": True},
    ),
    "evidence of another subject": (
        but(evidence={"tests": {"of": "another subject"}}),
        {"cannot tell": "gate.tests", "says": "is of another source"},
    ),
    "evidence of another package": (but(evidence={"tests": {"of": {"artifacts": "another"}}}), {"allow": True}),
    "evidence that names no part": (
        but(evidence={"tests": {"binds": []}}),
        {"cannot tell": "gate.tests", "says": "does not say of which source it is"},
    ),
    "evidence of the future": (
        but(evidence={"tests": {"taken": "+1h"}}),
        {"cannot tell": "gate.tests", "says": "taken in the future"},
    ),
    "evidence of another environment": (
        but(evidence={"tests": {"environment": "staging"}}),
        {"cannot tell": "gate.tests"},
    ),
    "evidence of another component": (
        but(evidence={"tests": {"component": "identity"}}),
        {"cannot tell": "gate.tests"},
    ),
    "no answers": (but(approvals=[]), {"deny": ["approval.review", "approval.tech-leads"]}),
    "too few answers": (but(approvals=["bob", "carol"]), {"deny": "approval.review"}),
    "a no": (
        but(approvals=["bob", "erin", {"by": "carol", "answer": "reject"}]),
        {"deny": ["approval.rejected", "approval.tech-leads"]},
    ),
    "an answer in another role": (
        but(approvals=["bob", "erin", {"by": "carol", "as": "review"}]),
        {"deny": "approval.tech-leads", "says": 'carol answered as "review"'},
    ),
    "an answer for elsewhere": (
        but(approvals=["bob", "erin", {"by": "carol", "for": "staging"}]),
        {"deny": "approval.tech-leads"},
    ),
    "an answer to something else": (
        but(approvals=["bob", "erin", {"by": "carol", "of": "another subject"}]),
        {"deny": "approval.tech-leads", "says": "carol answered before something changed"},
    ),
    "an answer taken back": (
        but(approvals=["bob", "erin", {"by": "carol", "revoked": "-1h"}]),
        {"deny": "approval.tech-leads", "says": "carol took it back"},
    ),
    "an answer by a name alone": (
        but(approvals=["bob", "erin", {"by": "carol", "assurance": "asserted"}]),
        {"deny": "approval.tech-leads", "says": "carol is only asserted"},
    ),
    "a signature that does not hold": (
        but(approvals=["bob", "erin", {"by": "carol", "invalid": "the key was taken from carol"}]),
        {"deny": "approval.tech-leads", "says": "carol: the key was taken from carol"},
    ),
    "an answer of somebody disabled": (
        but(approvals=["bob", "erin", "carol", "gone"]),
        {"allow": True},
    ),
    "never in staging": (but(verified={"staging": "never"}), {"deny": ["after.staging", "soak.staging"]}),
    "not long enough in staging": (but(verified={"staging": "-23h"}), {"deny": "soak.staging"}),
    "another subject in staging": (
        but(verified={"staging": {"at": "-2d", "of": "another subject"}}),
        {"deny": ["after.staging", "soak.staging"]},
    ),
    "it left staging early": (
        but(verified={"staging": [{"at": "-2d"}, {"at": "-36h", "of": "another subject"}]}),
        {"deny": "soak.staging", "says": "billing left staging"},
    ),
    "another component in staging": (
        but(verified={"staging": {"at": "-2d", "component": "identity"}}),
        {"deny": ["after.staging", "soak.staging"]},
    ),
    "a hold": (
        but(holds=[{"by": "olga", "reason": "the database is moved", "id": "h7"}]),
        {"deny": "hold", "says": "olga stopped the line until it is lifted", "remedy": "tidegate hold lift h7"},
    ),
    "a hold that expires": (but(holds=[{"by": "olga", "reason": "lunch", "until": "+1h"}]), {"deny": "hold"}),
    "a hold that has expired": (
        but(holds=[{"by": "olga", "reason": "lunch", "until": "-1h"}]),
        {"allow": True, "passes": "hold"},
    ),
    "a hold elsewhere": (but(holds=[{"by": "olga", "reason": "x", "environment": "staging"}]), {"allow": True}),
    "a hold of another component": (
        but(holds=[{"by": "olga", "reason": "x", "component": "identity"}]),
        {"allow": True},
    ),
    "what it requires is too old": (
        but(running={"identity": "1.3.9"}),
        {"deny": "requires.identity", "says": "billing 1.1.0 requires identity >=1.4 <2, and production runs 1.3.9"},
    ),
    "what it requires is not there": (but(running={"identity": "none"}), {"deny": "requires.identity"}),
    "who runs there would break": (
        but(running={"identity": {"version": "1.4.2", "requires": {"billing": "<1.1"}}}),
        {"deny": "required.identity", "says": "identity 1.4.2, which runs in production, requires billing <1.1"},
    ),
    "its commit is on no branch that may": (
        but(release={"comes_from": []}),
        {"deny": "deploy.from", "says": "does not come from main"},
    ),
    "a commit without a kind": (
        but(release={"changes": ["tidy up"]}),
        {"deny": "content.convention", "says": "1 commit of billing follows no convention"},
    ),
    "a list of facts": (["ready", {"approvals": ["bob", "carol"]}, {"approvals": ["bob"]}], {
        "deny": ["approval.review", "approval.tech-leads"]
    }),
}  # fmt: skip


@pytest.mark.parametrize("name", FACTS)
def test_each_fact_changes_the_answer_as_it_should(name: str) -> None:
    given, expect = FACTS[name]
    judged = ask(case(expect, given))
    assert judged.problems == ()
    assert {finding.rule for finding in judged.decision.findings} <= rule_ids([book().policy])


@pytest.mark.parametrize("name", [name for name, (_, expect) in FACTS.items() if not expect.get("allow")])
def test_a_case_that_expects_too_much_fails_and_names_every_rule(name: str) -> None:
    judged = ask(case("allow", FACTS[name][0]))
    verdict = judged.decision.verdict
    assert judged.problems == (f"expected allow, and it is {verdict}",)


def test_a_release_of_several_components_asks_for_each() -> None:
    items: list[dict[str, Any]] = [
        {"component": "identity", "version": "1.5.0"},
        {"component": "billing", "authors": ["bob"]},
    ]
    several = {"type": "minor", "items": [{**item, "comes_from": ["main"]} for item in items]}
    given = {**READY, "release": {**several, "announced": "-8d"}}
    judged = ask(case({"deny": "approval.review", "passes": "gate", "says": "bob is an author"}, given))
    assert judged.problems == ()
    assert [item.component for item in judged.trial.facts.release.items] == ["identity", "billing"]
    assert len(judged.trial.facts.evidence) == 4
    assert len(judged.trial.facts.verified) == 2


def test_what_is_not_said_is_not_known() -> None:
    bare = {"release": {"type": "minor", "component": "billing", "changes": ["feat"]}}
    expect = {
        "deny": [
            "after.staging", "soak.staging", "approval.review", "approval.tech-leads", "notice.announced", "notice",
            "freeze",
        ],
        "cannot tell": ["deploy.from", "requires.identity", "gate.tests", "gate.coverage"],
    }  # fmt: skip
    assert ask(case(expect, bare)).problems == ()


def test_questions() -> None:
    continuing = {"action": "continue"}
    assert ask(case("allow", ask=continuing)).problems == ()
    changed = {**continuing, "granted": "another subject"}
    assert ask(case({"deny": "subject.unchanged"}, ask=changed)).problems == ()
    assert ask(case({"deny": "actor.permitted"}, ask={"by": "alice"})).problems == ()
    weak = {"assurance": "token", "via": "CI"}
    assert ask(case({"deny": "actor.permitted", "says": "only token (CI)"}, ask=weak)).problems == ()
    assert ask(case({"deny": "actor.permitted", "says": "by itself"}, ask={"by": "tidegate"})).problems == ()
    assert ask(case({"deny": "environment.known"}, ask={"environment": "moon"}), unknown=["moon"]).problems == ()


@pytest.mark.parametrize(
    ("way", "question", "expect"),
    [
        ({"to": "1.0.0", "verified": "-30d", "loses_data": "no"}, {}, "allow"),
        ({"to": "1.0.0", "verified": "-30d"}, {}, {"cannot tell": "rollback.data"}),
        ({"to": "1.0.0", "verified": "-30d", "loses_data": "yes"}, {}, {"deny": "rollback.data"}),
        ({"to": "1.0.0", "verified": "-30d", "loses_data": "yes"}, {"accepts_data_loss": True}, "allow"),
        ({"to": "1.0.0", "loses_data": "no"}, {}, {"deny": "rollback.target"}),
        ({"to": "1.0.0", "verified": "never", "loses_data": "no"}, {}, {"deny": "rollback.target"}),
        ({"loses_data": "no"}, {}, {"allow": True, "says": "it returns to absent"}),
        ({"to": "1.0.0", "verified": "-1d", "loses_data": "no", "component": "identity"}, {"by": "tidegate"}, "allow"),
        ([], {}, {"deny": "rollback.target", "says": "nothing is known to go back to"}),
        (
            {"to": "1.0.0", "verified": "-1d", "loses_data": "yes", "because": "a table is dropped"},
            {},
            {"deny": "rollback", "says": "going back loses data: a table is dropped"},
        ),
    ],
)
def test_a_rollback_asks_for_the_way_back_alone(way: Any, question: dict[str, Any], expect: Any) -> None:
    bare = {"release": {"component": "billing"}, "way_back": way}
    assert ask(case(expect, bare, ask={"action": "rollback", **question})).problems == ()


def test_a_release_is_judged_by_its_pinned_policy_too() -> None:
    old = book(environments={"production": {"gates": ["tests", "smoke"]}})
    expect = {"cannot tell": "gate.smoke"}
    assert ask(case(expect, pinned="old.yaml"), pinned={"old.yaml": old}).problems == ()
    assert ask(case("allow")).problems == ()


def test_the_values_that_are_made_are_those_of_the_words() -> None:
    given = but(
        release={
            "version": "2.0.0", "from": "1.9.0", "opened": "2026-11-20", "opened_by": "dave",
            "changes": ["feat!", "fix: a, b", "update things"],
        },
        approvals=[{"by": "bob", "at": "-2h", "key": "SHA256:x", "via": "web", "assurance": "passkey"}],
        evidence={"tests": {"taken": "-2h", "added": "-1h", "by": "dave", "duration_s": 2}},
        holds=[{"by": "olga", "reason": "x", "since": "-1h", "until": "+1h"}],
    )  # fmt: skip
    [trial] = trials(document(case({"deny": ["hold"], "others": True}, given)))
    release = trial.facts.release
    assert trial.at == NOW
    assert (release.id, release.state, release.opened_by) == ("billing-2.0.0", ReleaseState.OPEN, "dave")
    assert release.opened_at == datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
    assert release.items[0].changes == (
        Change("0000001", "feat", "feat!", True),
        Change("0000002", "fix", "a, b"),
        Change("0000003", "", "update things"),
    )
    [approval] = trial.facts.approvals
    assert approval.actor == Actor("bob", "web", Assurance.PASSKEY)
    assert (approval.key, approval.at) == ("SHA256:x", NOW - timedelta(hours=2))
    assert approval.subject == release.subject_for("production")
    tests = next(piece for piece in trial.facts.evidence if piece.kind == "junit")
    assert (tests.added_by, tests.added_at, tests.taken_at) == (
        "dave",
        NOW - timedelta(hours=1),
        NOW - timedelta(hours=2),
    )
    assert tests.values == {"total": 10, "failed": 0, "duration_s": 2}
    [hold] = trial.facts.holds
    assert (hold.since, hold.expires_at) == (NOW - timedelta(hours=1), NOW + timedelta(hours=1))


@pytest.mark.parametrize(("action", "state"), [("start", "open"), ("continue", "rolling"), ("rollback", "released")])
def test_a_release_stands_where_the_question_supposes_it(action: str, state: str) -> None:
    [trial] = trials(document(case({"allow": True}, ask={"action": action})))
    assert trial.question.action is Action(action)
    assert trial.facts.release.state == state


@pytest.mark.parametrize("part", Part)
def test_each_part_of_a_subject_can_be_another(part: Part) -> None:
    other = but(release={"parts": {part.value: "rebuilt"}})
    plain, changed = trials(document(case("allow"), {**case("allow", other), "name": "other"}))
    before, after = plain.facts.release.items[0].subject, changed.facts.release.items[0].subject
    differing = [p for p in Part if before.part(p, "production") != after.part(p, "production")]
    assert differing == [part]


def test_a_part_that_changed_since_an_answer_voids_it() -> None:
    given = but(
        release={"parts": {"artifacts": "rebuilt"}},
        approvals=["bob", "erin", {"by": "carol", "of": {"artifacts": "as it is"}}],
    )
    assert ask(case({"deny": "approval.tech-leads"}, given)).problems == ()


def test_a_gate_of_several_kinds_is_given_all_of_them() -> None:
    policy = book(
        gates={"security": {"evidence": ["sarif", "pip-audit"], "pass": "findings.high == 0"}},
        environments={"production": {"gates": ["security"]}},
    )
    assert ask(case("allow", but(evidence={"security": {"high": 0}})), policy).problems == ()
    one = but(evidence={"sarif": {"high": 0}})
    assert ask(case({"cannot tell": "gate.security", "says": "no pip-audit"}, one), policy).problems == ()


def test_a_gate_gives_evidence_its_source() -> None:
    policy = book(
        gates={"contract": {"evidence": "junit", "source": "contract", "pass": "tests.failed == 0"}},
        environments={"production": {"gates": ["contract"]}},
    )
    assert ask(case("allow", but(evidence={"contract": {"failed": 0}})), policy).problems == ()
    assert ask(case({"cannot tell": "gate.contract"}), policy).problems == ()


def test_a_civil_time_is_that_of_the_policy_when_the_clocks_change() -> None:
    # On 8 March 2026 the clocks of Los Angeles are set from 02:00 to 03:00, which is 10:00 UTC.
    [trial] = trials(document(case({"allow": False}, at="2026-03-08T03:30")))
    assert trial.at == datetime(2026, 3, 8, 10, 30, tzinfo=UTC)


def test_a_civil_time_that_does_not_exist_is_a_mistake_where_it_is_written() -> None:
    said = [
        case({"allow": False}, at="2026-03-08T02:30"),
        {
            **case({"allow": False}, but(holds=[{"reason": "x", "by": "olga", "since": "2026-03-08T02:15"}])),
            "name": "two",
        },
    ]
    with pytest.raises(PolicyError) as refused:
        trials(document(*said))
    forward = "does not exist in America/Los_Angeles: the clocks are set forward over it, to 03:00"
    assert [mistake.what for mistake in refused.value.mistakes] == [
        f'"2026-03-08T02:30" {forward}',
        f'"2026-03-08T02:15" {forward}',
    ]


def test_no_field_of_evidence_is_called_as_a_key_of_a_case() -> None:
    keys = {key.alias or name for name, key in Piece.model_fields.items()}
    assert [kind.name for kind in KINDS.values() if keys & kind.fields.keys()] == []


def test_a_hold_of_a_client_stops_what_is_theirs() -> None:
    held = but(holds=[{"by": "olga", "reason": "their audit", "client": "hotel"}])
    clients = {"hotel": {"title": "Hotel"}, "inn": {"title": "Inn"}}
    theirs = book(clients=clients, components={"billing": {"client": "hotel"}})
    assert ask(case({"deny": "hold", "says": "their audit"}, held), theirs).problems == ()
    assert ask(case("allow", held), book(clients=clients, components={"billing": {"client": "inn"}})).problems == ()
    with pytest.raises(PolicyError, match='unknown client "hotle"'):
        trials(document(case("allow", but(holds=[{"by": "olga", "reason": "x", "client": "hotle"}]))), theirs)
    both = {"by": "olga", "reason": "x", "client": "hotel", "component": "billing"}
    with pytest.raises(PolicyError, match="of a component or of a client, not of both"):
        trials(document(case("allow", but(holds=[both]))), theirs)


def test_what_the_template_of_a_release_asks_for_is_asked() -> None:
    template = {"title": "A big one", "type": "minor", "documents": ["plan"]}
    policy = book(release_templates={"big": template}, documents={"plan": {"title": "The plan"}})
    assert ask(case("allow"), policy).problems == ()
    big = but(release={"template": "big"})
    assert ask(case({"cannot tell": "document.plan"}, big), policy).problems == ()
    gone = but(release={"template": "small"})
    assert ask(case({"deny": "release.ready"}, gone), policy, unknown=["small"]).problems == ()
