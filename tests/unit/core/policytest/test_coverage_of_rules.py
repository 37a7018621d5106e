"""Which demands a policy makes, and which of them a set of cases has tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.cases import READY, book, but, case, document, trials
from tests.support.facts import merged
from tidegate.core.policytest import Coverage, Way, coverage_of, demands_of, judged
from tidegate.core.policytest.judge import is_named
from tidegate.core.policytest.names import rule_ids
from tidegate.core.rulebook import Rulebook, dotted
from tidegate.core.rules import RULES, Rule, rule_of


def covered(*cases: Mapping[str, Any], policy: Rulebook | None = None, **root: Any) -> Coverage:
    """What cases, each by a name of its own, have tried."""
    asked = policy or book()
    named = [{**one, "name": f"case {number}"} for number, one in enumerate(cases)]
    found = [judged(trial) for trial in trials(document(*named, **root), asked, {"old.yaml": book(trains=None)})]
    return coverage_of(asked.policy, [(one.trial, one.decision) for one in found])


def seen(coverage: Coverage, way: Way) -> set[str]:
    return {dotted(path) for path, how in coverage.seen if how is way}


DEMANDS = {
    "hold": "no hold stops the line",
    "versioning.unconventional": "the convention of commits",
    "components.billing.requires.identity": "identity >=1.4 <2 where billing goes",
    "trains.modules": "the train modules",
    "calendar.blackouts[0]": 'the blackout "year end"',
    "release_types.minor.notice": "7d of notice of minor releases",
    "release_types.minor.gates[0]": "the gate coverage of minor releases",
    "release_types.minor.approvals[0]": "2 approvals from module-team as review of minor releases",
    "release_types.minor.approvals[1]": "1 approval from tech-leads of minor releases",
    "release_types.hotfix.approvals[0]": "1 approval from $owners of hotfix releases",
    "environments.staging.gates[0]": "the gate tests of staging",
    "environments.staging.permits.start": "who may start in staging",
    "environments.staging.permits.rollback": "who may roll back in staging",
    "environments.production.after[0]": "staging before production",
    "environments.production.after[0].soak": "24h in staging before production".replace("24h", "1d"),
    "environments.production.gates[0]": "the gate tests of production",
    "environments.production.deploy_from": "the branches from which production may be deployed",
    "environments.production.windows": "the windows of production",
    "environments.production.freeze": "the freeze of 2d before production",
    "environments.production.permits.start": "who may start in production",
    "environments.production.permits.rollback": "who may roll back in production",
}


def test_the_demands_of_a_policy() -> None:
    assert {dotted(demand.path): demand.what for demand in demands_of(book().policy)} == DEMANDS


def test_every_demand_is_of_a_rule_that_cases_can_name() -> None:
    policy = book().policy
    assert {demand.rule for demand in demands_of(policy)} <= rule_ids([policy])


EVERYWHERE = {
    *("environment.known", "release.ready", "requirement.present", "subject.unchanged", "rollback"),
    "hold.version",
}
"""What is asked under every policy alike."""


def test_an_artifact_is_a_demand_that_a_case_tries() -> None:
    image = {"billing": {"artifacts": [{"image": "registry.example/billing"}]}}
    policy = book(components=image)
    one = "components.billing.artifacts[0]"
    assert {dotted(d.path): d.what for d in demands_of(policy.policy)}[one] == (
        "the image registry.example/billing of billing"
    )
    assert one in seen(covered(case(), policy=policy), Way.PASSES)
    unbuilt = but(release={"unbuilt": ["registry.example/billing"]})
    assert one in seen(covered(case({"deny": "artifact"}, unbuilt), policy=policy), Way.STANDS)


def test_what_migrations_may_do_is_a_demand_that_a_case_tries() -> None:
    policy = book(migrations={}, components={"billing": {"migrations": "billing/migrations"}})
    assert {dotted(d.path): d.what for d in demands_of(policy.policy)}["migrations"] == (
        "what migrations may do to a database"
    )
    assert "migrations" in seen(covered(case(given=but(release={"endangers": []})), policy=policy), Way.PASSES)
    dropped = but(release={"endangers": ["dropped"]})
    assert "migrations" in seen(covered(case({"deny": "migrations.dropped"}, dropped), policy=policy), Way.STANDS)


def test_a_change_request_is_a_demand_that_a_case_tries() -> None:
    normal = {"title": "Normal", "approvals": [{"from": "tech-leads"}]}
    policy = book(changes={"required": ["production"], "categories": {"normal": normal}})
    one = "changes.required[0]"
    assert {dotted(d.path): d.what for d in demands_of(policy.policy)}[one] == "a change request for production"
    ready = but(change_requests=[{"category": "normal", "approvals": ["carol"]}])
    assert one in seen(covered(case(given=ready), policy=policy), Way.PASSES)
    assert one in seen(covered(case({"deny": "change.request"}), policy=policy), Way.STANDS)
    unanswered = but(change_requests=[{"category": "normal"}])
    expected = {"deny": "change.approval.tech-leads"}
    assert one in seen(covered(case(expected, unanswered), policy=policy), Way.STANDS)


def test_every_rule_is_counted_or_is_the_same_for_all() -> None:
    more = {
        "components": {"billing": {"artifacts": [{"archive": "billing"}], "migrations": "billing/migrations"}},
        "migrations": {},
        "environments": {"production": {"access": ["ops"], "backups": ["database"]}},
        "backups": {"database": {"title": "Database"}},
        "trainings": {"releasing": {"title": "Releasing", "before": ["start"]}},
        "changes": {"required": ["production"]},
        "release_types": {"hotfix": {"criteria": ["Production down"], "afterwards": {"post_mortem": "5d"}}},
        "emergency": {"types": ["hotfix"], "declared_by": ["olga"]},
        "rollback": {"validated": True},
        "drills": {"way-back": {"title": "Way back", "of": "rollback", "every": "quarterly", "blocks": True}},
    }
    policy = book(**merged(merged(PAPERS, more), YEAR)).policy
    counted = {rule.id for d in demands_of(policy) if (rule := rule_of(d.rule))}
    assert counted == {rule.id for rule in RULES} - EVERYWHERE


YEAR: dict[str, Any] = {
    "components": {"billing": {"client": "acme", "windows": [{"days": "mon-sat", "from": "09:00", "to": "18:00"}]}},
    "clients": {
        "acme": {
            "title": "Acme",
            "windows": [{"days": "mon-fri"}],
            "blackouts": [{"name": "trade fair", "from": "2026-12-09", "to": "2026-12-10"}],
        }
    },
    "calendar": {
        "maintenance": [{"name": "Sundays", "days": "sun", "from": "00:00", "to": "24:00", "types": ["hotfix"]}],
        "holidays": [{"country": "US"}, {"country": "AT"}],
        "business_cycles": [
            {"name": "quarter", "every": "day at 00:00", "from": "2026-12-29", "lasts": "2h"},
            {"name": "books", "every": "30 days at 08:00", "from": "2026-12-22", "lasts": "4h", "closed": True},
        ],
    },
    "milestones": {
        "freeze": {"title": "Feature freeze", "at": "-5d", "allow": ["fix"]},
        "ready": {"title": "Ready", "at": "-3d"},
    },
}


def test_what_the_calendar_closes_is_a_demand_that_a_case_tries() -> None:
    policy = book(**YEAR)
    ways = {
        "milestones.freeze": (case(), case({"deny": "milestone.freeze"}, but(release={"content": "-4d"}))),
        "clients.acme.windows": (case(), case({"deny": "client.windows.acme"}, at="2026-12-05T10:00")),
        "components.billing.windows": (case(), case({"deny": "component.windows.billing"}, at="2026-12-03T08:00")),
        "clients.acme.blackouts[0]": (case(), case({"deny": "client.blackout.acme"}, at="2026-12-09T10:00")),
        "calendar.maintenance[0]": (
            case(given=but(release={"type": "hotfix", "changes": ["fix"]}), at="2026-12-06T10:00"),
            case({"deny": "maintenance"}, but(release={"type": "hotfix", "changes": ["fix"]})),
        ),
        "calendar.holidays[0]": (case(), case({"deny": "holiday"}, at="2026-11-26T10:00")),
        "calendar.holidays[1]": (case(), case({"deny": "holiday"}, at="2026-12-08T10:00")),
        "calendar.business_cycles[1]": (case(), case({"deny": "business.cycle"}, at="2026-12-22T10:00")),
    }
    for path, (passes, stands) in ways.items():
        assert path in seen(covered(passes, policy=policy), Way.PASSES)
        assert path in seen(covered(stands, policy=policy), Way.STANDS)
    of_the_year = {dotted(d.path) for d in demands_of(policy.policy)}
    assert ways.keys() <= of_the_year
    assert "calendar.business_cycles[0]" not in of_the_year
    assert "milestones.ready" not in of_the_year


PAPERS: dict[str, Any] = {
    "documents": {"rfc": {"title": "RFC", "sections": ["Why", "How"], "reviewed_by": "tech-leads"}},
    "checklists": {
        "ready": {
            "title": "Ready",
            "items": {"docs": {"says": "Documented", "by": "tech-leads"}, "tests": {"says": "Tested", "gate": "tests"}},
        }
    },
    "environments": {"production": {"checklists": ["ready"]}},
    "release_types": {
        "minor": {
            "documents": ["rfc"],
            "allows": ["feat", "fix"],
            "criteria": ["Data loss"],
            "horizon": "1-2 weeks",
            "frequency": "monthly",
        }
    },
}
WRITTEN: dict[str, Any] = {
    "release": {"opened": "-10d", "planned": "now", "criterion": "Data loss"},
    "documents": {"rfc": {"reviewed": ["carol"]}},
    "ticks": ["ready"],
    "last": {"minor": "-40d"},
}
OF_PAPERS: Mapping[str, tuple[str, dict[str, Any], str]] = {
    "release_types.minor.documents[0]": ("the document rfc", {"documents": {"rfc": "none"}}, "document.rfc"),
    "environments.production.checklists[0]": ("the checklist ready", {"ticks": []}, "checklist.ready"),
    "release_types.minor.allows": (
        "the kinds of change of minor releases", {"release": {"changes": ["docs"]}}, "content.kind",
    ),
    "release_types.minor.criteria": (
        "the criteria of minor releases", {"release": {"criterion": "hurry"}}, "criterion",
    ),
    "release_types.minor.horizon": ("1-2 weeks ahead: minor releases", {"release": {"opened": "now"}}, "horizon"),
    "release_types.minor.frequency": ("monthly: minor releases", {"last": {"minor": "now"}}, "frequency"),
}  # fmt: skip


@pytest.mark.parametrize("path", OF_PAPERS)
def test_what_is_written_is_a_demand_that_cases_try(path: str) -> None:
    policy = book(**PAPERS)
    what, change, rule = OF_PAPERS[path]
    demand = next(d for d in demands_of(policy.policy) if dotted(d.path) == path)
    assert (demand.what, demand.rule) == (what, rule)
    assert f": {rule}}}" in demand.hints[Way.STANDS]
    assert seen(covered(case("allow", but(**WRITTEN)), policy=policy), Way.STANDS) == set()
    assert path in seen(covered(case("allow", but(**WRITTEN)), policy=policy), Way.PASSES)
    changed = {**WRITTEN, **{k: {**WRITTEN[k], **v} if k == "release" else v for k, v in change.items()}}
    assert seen(covered(case({"deny": rule}, but(**changed)), policy=policy), Way.STANDS) == {path}


def test_access_and_training_are_demands_that_cases_try() -> None:
    trained = {"olga": {"trained": {"releasing": "2026-01-15"}}}
    policy = book(
        environments={"production": {"access": ["ops"]}},
        trainings={"releasing": {"title": "Releasing", "before": ["start"]}},
        people=trained,
    )
    both = {"environments.production.access", "trainings.releasing"}
    assert both <= seen(covered(case(), policy=policy), Way.PASSES)
    alice = {**case({"deny": ["actor.permitted", "access", "training"]}), "ask": {"by": "alice"}}
    assert both <= seen(covered(alice, policy=policy), Way.STANDS)


def test_minutes_of_a_board_can_be_given() -> None:
    rule = {"from": "tech-leads", "minutes": True}
    policy = book(environments={"staging": {"approvals": [rule]}})
    one = "environments.staging.approvals[0]"
    asked = {"environment": "staging", "by": "olga"}
    bare = {**case({"deny": "approval.tech-leads"}, but(approvals=[{"by": "carol", "for": "staging"}])), "ask": asked}
    assert one in seen(covered(bare, policy=policy), Way.STANDS)
    met = but(approvals=[{"by": "carol", "for": "staging"}], minutes=[{"of": "tech-leads"}])
    assert one in seen(covered({**case("allow", met), "ask": asked}, policy=policy), Way.PASSES)


PAID = {
    "release_types": {"hotfix": {"criteria": ["Production down"], "afterwards": {"post_mortem": "5d"}}},
    "emergency": {"types": ["hotfix"], "declared_by": ["olga"], "bypasses": ["approvals"]},
    "environments": {"production": {"approvals": [{"from": "tech-leads"}]}},
}
HOTFIX = {"type": "hotfix", "changes": ["fix"]}


def test_emergencies_and_debts_are_demands_that_cases_try() -> None:
    policy = book(**PAID)
    whats = {dotted(d.path): d.what for d in demands_of(policy.policy)}
    assert whats["emergency.types[0]"] == "an emergency that is declared for hotfix releases"
    assert whats["debts"] == "nothing overdue is owed"
    declared = but(release=HOTFIX, emergencies=[{"criterion": "Production down"}])
    undeclared = but(release=HOTFIX)
    assert "emergency.types[0]" in seen(covered(case({"allow": False}, declared), policy=policy), Way.PASSES)
    stands = covered(case({"deny": "emergency.declared", "others": True}, undeclared), policy=policy)
    assert "emergency.types[0]" in seen(stands, Way.STANDS)
    assert "environments.production.approvals[0]" in seen(stands, Way.PASSES) | seen(stands, Way.STANDS)
    # What an emergency goes without is not seen to pass.
    bypassed = covered(case({"allow": False}, declared), policy=policy)
    assert "environments.production.approvals[0]" not in seen(bypassed, Way.PASSES) | seen(bypassed, Way.STANDS)
    assert "debts" not in seen(stands, Way.PASSES) | seen(stands, Way.STANDS)
    assert "debts" in seen(covered(case({"allow": False}, but()), policy=policy), Way.PASSES)
    overdue = but(debts=[{"due": "-1h"}])
    assert "debts" in seen(covered(case({"deny": "debts", "others": True}, overdue), policy=policy), Way.STANDS)


def is_of(rule: Rule, name: str) -> bool:
    return any(is_named(own, name) for own in (rule.id, *rule.also))


def test_each_hint_expects_the_rule_of_its_demand() -> None:
    for demand in demands_of(book().policy):
        assert f": {demand.rule}}}" in demand.hints[Way.STANDS]


PRODUCTION = {name for name in DEMANDS if "staging." not in name and "hotfix" not in name and "rollback" not in name}


def test_what_is_ready_sees_everything_pass() -> None:
    assert seen(covered(case()), Way.PASSES) == PRODUCTION
    assert seen(covered(case()), Way.STANDS) == set()


STANDS: Mapping[str, dict[str, Any]] = {
    "hold": {"given": but(holds=[{"by": "olga", "reason": "x"}])},
    "versioning.unconventional": {"given": but(release={"changes": ["tidy up"], "content": "-9d"})},
    "components.billing.requires.identity": {"given": but(running={"identity": "none"})},
    "environments.production.deploy_from": {"given": but(release={"comes_from": []})},
    "trains.modules": {"at": "2026-12-02T10:00"},
    "calendar.blackouts[0]": {"at": "2026-12-22T10:00"},
    "release_types.minor.notice": {"given": but(release={"announced": "-6d"})},
    "release_types.minor.gates[0]": {"given": but(evidence={"coverage": "none"})},
    "release_types.minor.approvals[0]": {"given": but(approvals=["bob", "carol"])},
    "release_types.minor.approvals[1]": {"given": but(approvals=["bob", "erin"])},
    "environments.production.after[0].soak": {"given": but(verified={"staging": "-1h"})},
    "environments.production.gates[0]": {"given": but(evidence={"tests": {"failed": 1}})},
    "environments.production.windows": {"at": "2026-12-01T16:00"},
    "environments.production.freeze": {"given": but(release={"content": "-1d"})},
    "environments.production.permits.start": {"ask": {"by": "alice"}},
}


@pytest.mark.parametrize("path", STANDS)
def test_a_demand_that_stands_in_the_way_is_seen_and_no_other(path: str) -> None:
    coverage = covered(case({"allow": False}, **{"given": "ready", **STANDS[path]}))
    assert seen(coverage, Way.STANDS) == {path}
    assert seen(coverage, Way.PASSES) == PRODUCTION - {path}


def test_an_announcement_that_was_not_given_stands_in_the_way_as_notice() -> None:
    coverage = covered(case({"allow": False}, but(release={"announced": "never"})))
    assert seen(coverage, Way.STANDS) == {"release_types.minor.notice"}


def test_a_case_of_another_environment_or_action_sees_what_is_asked_there() -> None:
    staging = covered(case("allow", ask={"environment": "staging"}))
    assert seen(staging, Way.PASSES) == {
        "hold",
        "versioning.unconventional",
        "components.billing.requires.identity",
        "environments.staging.gates[0]",
        "environments.staging.permits.start",
    }
    back = covered(case("allow", ask={"action": "rollback"}))
    assert seen(back, Way.PASSES) == {"environments.production.permits.rollback"}
    onward = covered(case("allow", ask={"action": "continue"}))
    assert seen(onward, Way.PASSES) == {
        "hold",
        "components.billing.requires.identity",
        "environments.production.permits.start",
        "release_types.minor.approvals[0]",
        "release_types.minor.approvals[1]",
    }
    assert covered(case({"allow": False}, ask={"environment": "moon"}), unknown=["moon"]).seen == frozenset()
    itself = covered(case("allow", ask={"action": "rollback", "by": "tidegate"}))
    assert itself.seen == frozenset()


def test_what_a_type_skips_is_not_seen() -> None:
    fix = {**READY["release"], "type": "hotfix", "authors": [], "changes": ["fix"]}
    hotfix = {**READY, "release": fix, "approvals": ["alice"]}
    found = covered(case("allow", hotfix, at="2026-12-19T03:00"))
    assert seen(found, Way.PASSES) == {
        "hold",
        "versioning.unconventional",
        "components.billing.requires.identity",
        "environments.production.deploy_from",
        "environments.production.after[0]",
        "environments.production.gates[0]",
        "environments.production.permits.start",
        "release_types.hotfix.approvals[0]",
    }


def test_demands_of_one_id_are_seen_one_by_one() -> None:
    rules = [{"from": "tech-leads"}, {"from": "module-team"}]
    policy = book(
        environments={"production": {"approvals": [{"from": "module-team"}]}},
        release_types={"minor": {"approvals": rules}},
    )
    coverage = covered(case({"deny": "approval.module-team"}, but(approvals=["bob", "carol"])), policy=policy)
    assert "environments.production.approvals[0]" in seen(coverage, Way.PASSES)
    assert "release_types.minor.approvals[1]" in seen(coverage, Way.STANDS)
    assert "release_types.minor.approvals[1]" not in seen(coverage, Way.PASSES)
    refused = but(approvals=["bob", "erin", {"by": "carol", "answer": "reject"}])
    found = covered(case({"allow": False}, refused), policy=policy)
    assert seen(found, Way.STANDS) == {"release_types.minor.approvals[0]"}


def test_of_two_trains_the_one_that_can_be_boarded_passes() -> None:
    fridays = {"of": {"component": "billing"}, "every": "week on friday at 10:00"}
    coverage = covered(case(), policy=book(trains={"fridays": fridays}))
    assert "trains.modules" in seen(coverage, Way.PASSES)
    assert "trains.fridays" not in seen(coverage, Way.PASSES) | seen(coverage, Way.STANDS)
    wednesday = covered(case({"allow": False}, at="2026-12-02T10:00"), policy=book(trains={"fridays": fridays}))
    assert seen(wednesday, Way.STANDS) == {"trains.modules", "trains.fridays"}


def test_a_blackout_that_is_not_for_this_release_is_not_seen() -> None:
    later = {"name": "later", "from": "2027-05-01", "to": "2027-05-02", "environments": ["staging"]}
    policy = book(calendar={"blackouts": [later, {"name": "now", "from": "2026-12-01", "to": "2026-12-01"}]})
    coverage = covered(case({"deny": "blackout"}), policy=policy)
    assert {path for path, _ in coverage.seen if path[0] == "calendar"} == {("calendar", "blackouts", 1)}


def test_what_only_the_pinned_policy_demands_is_not_counted() -> None:
    policy = book(trains=None)
    coverage = covered(case(pinned="old.yaml"), policy=policy)
    assert {dotted(demand.path) for demand in coverage.demands} == DEMANDS.keys() - {"trains.modules"}
    assert seen(coverage, Way.PASSES) == PRODUCTION - {"trains.modules"}


def test_the_share_is_rounded_down_and_all_is_all() -> None:
    coverage = covered(case())
    assert (coverage.tried, coverage.total, coverage.percent) == (16, 42, 38)
    whole = Coverage(coverage.demands, frozenset((d.path, way) for d in coverage.demands for way in d.hints))
    assert (whole.percent, list(whole.untried())) == (100, [])
    almost = Coverage(coverage.demands, whole.seen - {(("hold",), Way.STANDS)})
    assert (almost.percent, len(list(almost.untried()))) == (97, 1)
    assert Coverage((), frozenset()).percent == 100


def test_what_cannot_happen_is_not_asked_for() -> None:
    policy = book(
        permits={"rollback": []},
        environments={"production": {"windows": []}},
        release_types={"hotfix": {"notice": "1d"}},
    ).policy
    by_path = {dotted(demand.path): demand for demand in demands_of(policy)}
    assert set(by_path["environments.production.windows"].hints) == {Way.STANDS}
    assert "environments.production.permits.rollback" not in by_path
    assert "release_types.hotfix.notice" not in by_path
