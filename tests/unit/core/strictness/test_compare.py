"""Two policies that differ in one thing, and what is said of it; each row also the other way round."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.facts import HOUSE, merged
from tidegate.core.policy import Policy
from tidegate.core.strictness import Difference, Direction, Kind, compare, weakened


def policy(changes: dict[str, Any]) -> Policy:
    return Policy.model_validate_json(json.dumps(merged(HOUSE, changes)))


@dataclass(frozen=True)
class Row:
    """What is changed in the house before and after, and the sentences of the differences, in their order."""

    id: str
    before: dict[str, Any]
    after: dict[str, Any]
    says: list[str]
    back: list[str] = field(default_factory=list)


def minor(**keys: Any) -> dict[str, Any]:
    return {"release_types": {"minor": keys}}


def production(**keys: Any) -> dict[str, Any]:
    return {"environments": {"production": keys}}


def gate(**keys: Any) -> dict[str, Any]:
    return {"gates": {"coverage": keys}}


def windows(*rules: Any) -> dict[str, Any]:
    return production(windows=list(rules))


def watch(*triggers: Any, **keys: Any) -> dict[str, Any]:
    watched = {
        "for": "1h",
        "metrics": {"requests": "http_requests_total", "errors": "http_requests_total"},
        "roll_back_when": list(triggers),
        **keys,
    }
    return {"watch": {"production": watched}}


def blackout(**keys: Any) -> dict[str, Any]:
    return {"calendar": {"blackouts": [{"name": "year end", "from": "2026-12-18", "to": "2027-01-04", **keys}]}}


def train(**keys: Any) -> dict[str, Any]:
    made = {"of": {"kind": "module"}, "every": "week on tuesday at 10:00", "from": "2026-02-10", **keys}
    return {"trains": {"modules": {key: value for key, value in made.items() if value is not None}}}


def matrix(**cells: Any) -> dict[str, Any]:
    return {"changes": {"risk": {"matrix": cells}}}


TYPE, ENV = "release_types.minor", "environments.production"
WORKDAYS = {"days": "mon-thu", "from": "09:00", "to": "16:00"}

ROWS = [
    # Values on a scale; what is not given asks for nothing.
    Row("a shorter notice", minor(notice="7d"), minor(notice="1d"), [f"{TYPE}.notice: 7d became 1d: looser"]),
    Row("a notice", {}, minor(notice="7d"), [f"{TYPE}.notice: 7d was added: stricter"]),
    Row("younger evidence", gate(fresh="7d"), gate(fresh="1d"), ["gates.coverage.fresh: 7d became 1d: stricter"]),
    Row("an age", {}, gate(fresh="1d"), ["gates.coverage.fresh: 1d was added: stricter"]),
    Row(
        "less sure who acts",
        production(assurance="passkey"),
        production(assurance="session"),
        [f"{ENV}.assurance: passkey became session: looser"],
    ),
    Row("surer than by default", {"assurance": "token"}, {}, ["assurance: token became signature: stricter"]),
    Row(
        "a bigger batch",
        production(strategy={"rolling": {"batch": "10%"}}),
        production(strategy={"rolling": {"batch": "50%"}}),
        [f"{ENV}.strategy.rolling.batch: 10% became 50%: looser"],
    ),
    Row(
        "a batch of another unit",
        production(strategy={"rolling": {"batch": "10%"}}),
        production(strategy={"rolling": {"batch": 2}}),
        [f"{ENV}.strategy.rolling.batch: 10% became 2"],
    ),
    Row(
        "another strategy",
        production(strategy={"rolling": {"batch": 2}}),
        production(strategy={"recreate": {}}),
        [f"{ENV}.strategy.rolling: {{batch: 2}} was removed", f"{ENV}.strategy.recreate: {{}} was added"],
    ),
    Row(
        "a drill more often",
        {"drills": {"restore": {"title": "Restore", "of": "restore", "every": "quarterly"}}},
        {"drills": {"restore": {"title": "Restore", "of": "restore", "every": "monthly"}}},
        ["drills.restore.every: quarterly became monthly: stricter"],
    ),
    Row(
        "a task later",
        {"tasks": {"tell": {"says": "Tell them", "due": "0-4 hours"}}},
        {"tasks": {"tell": {"says": "Tell them", "due": "0-2 days"}}},
        ["tasks.tell.due: 0-4 hours became 0-2 days: looser"],
    ),
    Row("kept for longer", {}, {"retention": {"audit": "365d"}}, ["retention.audit: 365d was added: stricter"]),
    Row("a title", minor(title="Minor"), minor(title="Small"), [f"{TYPE}.title: Minor became Small"]),
    # Limits, words in an order, truths.
    Row(
        "a lower target",
        {"targets": {"lead_time": {"limit": "< 24h"}}},
        {"targets": {"lead_time": {"limit": "< 12h"}}},
        ["targets.lead_time.limit: < 24h became < 12h: stricter"],
    ),
    Row(
        "a target decided",
        {"targets": {"lead_time": {"limit": "undecided"}}},
        {"targets": {"lead_time": {"limit": "< 12h"}}},
        ["targets.lead_time.limit: undecided became < 12h: stricter"],
    ),
    Row(
        "a target of another kind",
        {"targets": {"lead_time": {"limit": "< 24h"}}},
        {"targets": {"lead_time": {"limit": "> 12h"}}},
        ["targets.lead_time.limit: < 24h became > 12h"],
    ),
    Row(
        "a target in other words",
        {"targets": {"lead_time": {"limit": "< 24h"}}},
        {"targets": {"lead_time": {"limit": "< 1d"}}},
        ["targets.lead_time.limit: < 24h became < 1d"],
    ),
    Row(
        "columns may go",
        {"migrations": {"drop_columns": "never"}},
        {"migrations": {"drop_columns": "any"}},
        ["migrations.drop_columns: never became any: looser"],
    ),
    Row(
        "the convention is demanded",
        {"versioning": {"unconventional": "list"}},
        {"versioning": {"unconventional": "refuse"}},
        ["versioning.unconventional: list became refuse: stricter"],
    ),
    Row(
        "authors may approve",
        minor(approvals=[{"from": "tech-leads"}]),
        minor(approvals=[{"from": "tech-leads", "author_may": True}]),
        [f"{TYPE}.approvals[tech-leads].author_may: false became true: looser"],
    ),
    Row(
        "an unverified backup counts",
        {"backups": {"db": {"title": "The database"}}},
        {"backups": {"db": {"title": "The database", "verified": False}}},
        ["backups.db.verified: true became false: looser"],
    ),
    # Demands.
    Row("a gate", {}, production(gates=["tests", "coverage"]), [f"{ENV}.gates: coverage was added: stricter"]),
    Row(
        "another gate",
        production(gates=["tests", "smoke"]),
        production(gates=["coverage", "tests"]),
        [f"{ENV}.gates: smoke was removed: looser", f"{ENV}.gates: coverage was added: stricter"],
        [f"{ENV}.gates: coverage was removed: looser", f"{ENV}.gates: smoke was added: stricter"],
    ),
    Row(
        "gates in another order",
        production(gates=["tests", "smoke"]),
        production(gates=["smoke", "tests"]),
        [f"{ENV}.gates: [tests, smoke] became [smoke, tests]; the same, written in another way"],
    ),
    Row(
        "fewer approvals",
        minor(approvals=[{"from": "module-team", "count": 2}, {"from": "tech-leads"}]),
        minor(approvals=[{"from": "module-team"}]),
        [
            f"{TYPE}.approvals[module-team].count: 2 became 1: looser",
            f"{TYPE}.approvals: {{from: tech-leads}} was removed: looser",
        ],
    ),
    Row(
        "an approval in another role",
        minor(approvals=[{"from": "tech-leads", "as": "review"}]),
        minor(approvals=[{"from": "tech-leads", "as": "security"}]),
        [
            f"{TYPE}.approvals: {{from: tech-leads, as: review}} was removed: looser",
            f"{TYPE}.approvals: {{from: tech-leads, as: security}} was added: stricter",
        ],
        [
            f"{TYPE}.approvals: {{from: tech-leads, as: security}} was removed: looser",
            f"{TYPE}.approvals: {{from: tech-leads, as: review}} was added: stricter",
        ],
    ),
    Row(
        "a shorter soak",
        production(after=[{"environment": "staging", "soak": "24h"}]),
        production(after=[{"environment": "staging", "soak": "1h"}]),
        [f"{ENV}.after[staging].soak: 1d became 1h: looser"],
    ),
    Row(
        "a predecessor twice",
        production(after=[{"environment": "staging"}]),
        production(after=[{"environment": "staging"}, {"environment": "staging", "soak": "1h"}]),
        [f"{ENV}.after: {{environment: staging, soak: 1h}} was added: stricter"],
    ),
    Row(
        "another document reviewed",
        {"documents": {"rfc": {"title": "RFC", "reviewed_by": "tech-leads"}}},
        {"documents": {"rfc": {"title": "RFC", "reviewed_by": "module-team"}}},
        ["documents.rfc.reviewed_by: tech-leads became module-team"],
    ),
    Row(
        "a document reviewed",
        {"documents": {"rfc": {"title": "RFC"}}},
        {"documents": {"rfc": {"title": "RFC", "reviewed_by": "module-team"}}},
        ["documents.rfc.reviewed_by: module-team was added: stricter"],
    ),
    Row(
        "a document asked for less often",
        {"documents": {"rfc": {"title": "RFC"}}},
        {"documents": {"rfc": {"title": "RFC", "only": "breaking"}}},
        ["documents.rfc.only: always became breaking: looser"],
    ),
    Row(
        "a document asked for at other times",
        {"documents": {"rfc": {"title": "RFC", "only": "downtime"}}},
        {"documents": {"rfc": {"title": "RFC", "only": "breaking"}}},
        ["documents.rfc.only: downtime became breaking"],
    ),
    Row(
        "a mitigation",
        {"changes": {"risk": {"mitigations": {"high": ["a drill"]}}}},
        {"changes": {"risk": {"mitigations": {"high": ["a drill", "a backup"]}}}},
        ["changes.risk.mitigations.high: a backup was added: stricter"],
    ),
    *[
        Row(
            f"requires: {before} and {after}",
            {"components": {"shop": {"requires": {"stock": before}}, "stock": {"tag": "stock-v{version}"}}},
            {"components": {"shop": {"requires": {"stock": after}}, "stock": {"tag": "stock-v{version}"}}},
            [f"components.shop.requires.stock: {before} became {after}{says}"],
        )
        for before, after, says in (
            (">=3.1.0", ">=4.1.0", ": stricter"),
            (">=3.1.0", ">=3.1", ""),
            (">=3.1.0", "^3.1", ": stricter"),
            ("^1.2 || ^2.0", "^2.0", ": stricter"),
            ("~1.2", "^1.3", ""),
            ("<2", "<=2.0.0", ": looser"),
            (">=1.0.0-rc.1", ">=1.0.0", ""),
        )
    ],
    Row(
        "config: a bound",
        production(config={"min_tls": 12, "DB_MAX_AGE": "90.5", "min_name": "a"}),
        production(config={"min_tls": 13, "DB_MAX_AGE": 365, "min_name": "b"}),
        [
            f"{ENV}.config.DB_MAX_AGE: 90.5 became 365: looser",
            f"{ENV}.config.min_name: a became b",
            f"{ENV}.config.min_tls: 12 became 13: stricter",
        ],
    ),
    Row(
        "bump",
        minor(bump="minor"),
        minor(bump="major"),
        [f"{TYPE}.bump: minor became major; such a release may contain more now: looser"],
        [f"{TYPE}.bump: major became minor; such a release may contain less now: stricter"],
    ),
    Row(
        "a setting",
        production(config={"encryption": True}),
        production(config={"encryption": 1, "tls": True}),
        [f"{ENV}.config.encryption: true became 1", f"{ENV}.config.tls: true was added: stricter"],
    ),
    Row(
        "a smoke test",
        {},
        production(smoke=["tools/smoke"]),
        [f"{ENV}.smoke: [tools/smoke] was added: stricter"],
    ),
    Row(
        "another smoke test",
        production(smoke=["tools/smoke"]),
        production(smoke=["tools/smoke", "-v"]),
        [f"{ENV}.smoke: [tools/smoke] became [tools/smoke, -v]"],
    ),
    Row(
        "a target only of some types",
        {"targets": {"lead_time": {"limit": "< 24h"}}},
        {"targets": {"lead_time": {"limit": "< 24h", "types": ["minor"]}}},
        ["targets.lead_time.types: [] became [minor]: looser"],
    ),
    Row(
        "a target of more types",
        {"targets": {"lead_time": {"limit": "< 24h", "types": ["minor"]}}},
        {"targets": {"lead_time": {"limit": "< 24h", "types": ["minor", "hotfix"]}}},
        ["targets.lead_time.types: hotfix was added: stricter"],
    ),
    Row(
        "told later",
        {"communication": [{"at": "-7d", "to": ["file:A.md"], "say": "announced"}]},
        {"communication": [{"at": "-2d", "to": ["file:A.md"], "say": "announced"}]},
        ["communication[announced].at: -7d became -2d: looser"],
    ),
    Row(
        "told no longer",
        {"communication": [{"on": "release.completed", "to": ["file:A.md"], "say": "released"}]},
        {"communication": []},
        ["communication: {on: release.completed, to: [file:A.md], say: released} was removed: looser"],
    ),
    # Grants.
    Row("a skip", {}, minor(skips=["notice"]), [f"{TYPE}.skips: notice was added: looser"]),
    Row("a permit", {}, {"permits": {"start": ["ops", "carol"]}}, ["permits.start: carol was added: looser"]),
    Row(
        "kinds of change",
        minor(allows=["feat"]),
        minor(allows=["feat", "fix"]),
        [f"{TYPE}.allows: fix was added: looser"],
    ),
    Row("any kind of change", minor(allows=["feat"]), {}, [f"{TYPE}.allows: [feat] was removed: looser"]),
    Row("nobody, in place of everybody", {}, production(access=[]), [f"{ENV}.access: [] was added: stricter"]),
    Row(
        "a waiver",
        {},
        gate(waiver={"by": {"from": "tech-leads"}}),
        ["gates.coverage.waiver: {by: {from: tech-leads}} was added: looser"],
    ),
    Row(
        "a waiver of two",
        gate(waiver={"by": {"from": "tech-leads"}}),
        gate(waiver={"by": {"from": "tech-leads", "count": 2}}),
        ["gates.coverage.waiver.by.count: 1 became 2: stricter"],
    ),
    # Windows, blackouts, freezes, trains.
    Row(
        "fewer days",
        windows(WORKDAYS),
        windows({**WORKDAYS, "days": "tue-thu"}),
        [
            (
                f"{ENV}.windows: [{{days: mon-thu, from: 09:00, to: 16:00}}] became "
                "[{days: tue-thu, from: 09:00, to: 16:00}]: stricter"
            )
        ],
    ),
    Row(
        "a window that is never closed",
        windows(WORKDAYS),
        windows({"days": "mon-sun"}),
        [
            (
                f"{ENV}.windows: [{{days: mon-thu, from: 09:00, to: 16:00}}] became "
                "[{days: mon-sun, from: 00:00, to: 24:00}]: looser"
            )
        ],
    ),
    Row(
        "other hours",
        windows({"from": "09:00", "to": "12:00"}),
        windows({"from": "10:00", "to": "13:00"}),
        [f"{ENV}.windows: [{{from: 09:00, to: 12:00}}] became [{{from: 10:00, to: 13:00}}]"],
    ),
    Row(
        "the same hours",
        windows({"from": "09:00", "to": "12:00"}),
        windows({"from": "09:00", "to": "11:00"}, {"from": "11:00", "to": "12:00"}),
        [
            (
                f"{ENV}.windows: [{{from: 09:00, to: 12:00}}] became [{{from: 09:00, to: 11:00}}, "
                "{from: 11:00, to: 12:00}]; the same times, written in another way"
            )
        ],
    ),
    Row(
        "over midnight",
        windows({"days": "sun", "from": "22:00", "to": "02:00"}),
        windows({"days": "mon", "from": "00:00", "to": "01:00"}),
        [f"{ENV}.windows: [{{days: sun, from: 22:00, to: 02:00}}] became [{{days: mon, to: 01:00}}]: stricter"],
    ),
    Row("windows", {}, windows({"days": "mon"}), [f"{ENV}.windows: [{{days: mon}}] was added: stricter"]),
    Row("never", windows({"days": "mon"}), windows(), [f"{ENV}.windows: [{{days: mon}}] became []: stricter"]),
    Row(
        "a longer blackout",
        blackout(),
        blackout(to="2027-01-07"),
        ["calendar.blackouts[year end].to: 2027-01-04 became 2027-01-07: stricter"],
    ),
    Row(
        "a later blackout",
        blackout(),
        blackout(**{"from": "2026-12-20"}),
        ["calendar.blackouts[year end].from: 2026-12-18 became 2026-12-20: looser"],
    ),
    Row(
        "an exception",
        blackout(),
        blackout(**{"except": ["hotfix"]}),
        ["calendar.blackouts[year end].except: hotfix was added: looser"],
    ),
    Row(
        "a blackout in staging too",
        blackout(),
        blackout(environments=["staging", "production"]),
        ["calendar.blackouts[year end].environments: [staging, production] was added: stricter"],
    ),
    Row(
        "a blackout where it was",
        blackout(),
        blackout(environments=["production"]),
        ["calendar.blackouts[year end].environments: [production] was added"],
    ),
    Row(
        "a blackout less",
        blackout(),
        {},
        ["calendar.blackouts: {name: year end, from: 2026-12-18, to: 2027-01-04} was removed: looser"],
    ),
    Row("a freeze", {}, production(freeze={"before": "2d"}), [f"{ENV}.freeze: {{before: 2d}} was added: stricter"]),
    Row(
        "more in the freeze",
        production(freeze={"before": "2d"}),
        production(freeze={"before": "2d", "allow": ["fix", "docs"]}),
        [f"{ENV}.freeze.allow: docs was added: looser"],
    ),
    Row(
        "the first train",
        {},
        train(),
        ["trains.modules: {of: {kind: module}, every: week on tuesday at 10:00, from: 2026-02-10} was added: stricter"],
    ),
    Row(
        "every second train",
        train(),
        train(every="2 weeks on tuesday at 10:00"),
        [
            (
                "trains.modules.every: week on tuesday at 10:00 became 2 weeks on tuesday at 10:00; "
                "it departs less often: stricter"
            )
        ],
        [
            (
                "trains.modules.every: 2 weeks on tuesday at 10:00 became week on tuesday at 10:00; "
                "it departs more often: looser"
            )
        ],
    ),
    Row(
        "a train on another day",
        train(),
        train(every="2 weeks on monday at 10:00"),
        ["trains.modules.every: week on tuesday at 10:00 became 2 weeks on monday at 10:00; it departs less often"],
        ["trains.modules.every: 2 weeks on monday at 10:00 became week on tuesday at 10:00; it departs more often"],
    ),
    Row(
        "boarding for longer",
        train(lasts="1h"),
        train(lasts="3h"),
        ["trains.modules.lasts: 1h became 3h: looser"],
    ),
    Row(
        "a second train",
        train(),
        merged(train(), {"trains": {"more": {"of": {"component": "billing"}, "every": "day at 09:00"}}}),
        ["trains.more: {of: {component: billing}, every: day at 09:00} was added: looser"],
    ),
    Row(
        "a train of what is new",
        {},
        {"components": {"ledger": {}}, "trains": {"new": {"of": {"component": "ledger"}, "every": "day at 09:00"}}},
        [
            "components.ledger: {} was added",
            "trains.new: {of: {component: ledger}, every: day at 09:00} was added",
        ],
    ),
    # Rollback.
    Row(
        "a higher limit",
        watch({"error_rate": "> 5%"}),
        watch({"error_rate": "> 10%"}),
        ["watch.production.roll_back_when[error_rate].error_rate: > 5% became > 10%: looser"],
    ),
    Row(
        "a slower answer",
        watch({"response_time": "> 2x baseline"}),
        watch({"response_time": "> 3x baseline"}),
        ["watch.production.roll_back_when[response_time].response_time: > 2x baseline became > 3x baseline: looser"],
    ),
    Row(
        "an answer in another unit",
        watch({"response_time": "> 2x baseline"}),
        watch({"response_time": "> 200ms"}),
        ["watch.production.roll_back_when[response_time].response_time: > 2x baseline became > 200ms"],
    ),
    Row(
        "a trigger less",
        watch({"error_rate": "> 5%"}, {"health_check": "failed"}),
        watch({"error_rate": "> 5%"}),
        ["watch.production.roll_back_when: {health_check: failed} was removed: looser"],
    ),
    Row(
        "watched no longer",
        watch({"health_check": "failed"}, metrics=None),
        {},
        ["watch.production: {for: 1h, roll_back_when: [{health_check: failed}]} was removed: looser"],
    ),
    # Environments, types, what there is.
    Row(
        "no longer for production",
        merged(minor(gates=["coverage"]), blackout()),
        merged(minor(gates=["coverage"]), merged(blackout(), production(purpose="staging"))),
        [
            f"{ENV}.purpose: production became staging; what release types ask for is no longer asked here: looser",
        ],
        [f"{ENV}.purpose: staging became production; what release types ask for is asked here now: stricter"],
    ),
    Row(
        "for something else",
        {},
        {"environments": {"staging": {"purpose": "integration"}}},
        ["environments.staging.purpose: staging became integration"],
    ),
    Row(
        "a place to try",
        {},
        {"environments": {"qa": {"purpose": "integration"}}},
        ["environments.qa: {purpose: integration} was added"],
    ),
    Row(
        "another place for production",
        {},
        {"environments": {"europe": {"purpose": "production", "gates": ["smoke"]}}},
        ["environments.europe: {purpose: production, gates: [smoke]} was added; a new way to production: looser"],
        ["environments.europe: {purpose: production, gates: [smoke]} was removed; a way to production less: stricter"],
    ),
    Row(
        "another place for production that asks as much",
        {},
        {"environments": {"europe": {"purpose": "production", "gates": ["smoke", "tests"]}}},
        ["environments.europe: {purpose: production, gates: [smoke, tests]} was added"],
    ),
    Row(
        "another place for production without a train",
        train(),
        merged(train(), {"environments": {"europe": {"purpose": "production", "gates": ["tests"]}}}),
        ["environments.europe: {purpose: production, gates: [tests]} was added; a new way to production: looser"],
        ["environments.europe: {purpose: production, gates: [tests]} was removed; a way to production less: stricter"],
    ),
    Row(
        "a new way",
        minor(gates=["coverage"]),
        merged(minor(gates=["coverage"]), {"release_types": {"quick": {"bump": "minor"}}}),
        ["release_types.quick: {bump: minor} was added; a new way to production: looser"],
        ["release_types.quick: {bump: minor} was removed; a way to production less: stricter"],
    ),
    Row(
        "a way like another",
        minor(gates=["coverage"]),
        merged(
            minor(gates=["coverage"]), {"release_types": {"slow": {"bump": "minor", "gates": ["coverage", "smoke"]}}}
        ),
        ["release_types.slow: {bump: minor, gates: [coverage, smoke]} was added"],
    ),
    Row(
        "a first demand",
        production(gates=[]),
        production(gates=["tests"]),
        [
            f"{ENV}.gates: tests was added: stricter",
            f"{ENV}: asks for something of hotfix and minor releases now, and is open to them: looser",
        ],
        [
            f"{ENV}.gates: tests was removed: looser",
            f"{ENV}: asks for nothing of hotfix and minor releases any more, and is closed for that: stricter",
        ],
    ),
    Row(
        "a gate that nothing names",
        gate(),
        {"gates": {"coverage": None}},
        [
            "gates.coverage: {evidence: [coverage], pass: coverage.line >= 0.80} was removed",
        ],
    ),
    Row("a component", {}, {"components": {"ledger": {}}}, ["components.ledger: {} was added"]),
    Row(
        "other owners",
        {},
        {"components": {"billing": {"owners": "module-team"}}},
        ["components.billing.owners: billing-owners became module-team"],
    ),
    Row(
        "another host",
        {"components": {"billing": {"targets": {"staging": {"driver": "host", "hosts": ["a"]}}}}},
        {"components": {"billing": {"targets": {"staging": {"driver": "host", "hosts": ["b"]}}}}},
        ["components.billing.targets.staging.hosts: [a] became [b]"],
    ),
    Row(
        "a setting of a driver",
        {"components": {"billing": {"targets": {"staging": {"driver": "host", "port": 1}}}}},
        {"components": {"billing": {"targets": {"staging": {"driver": "host", "port": True}}}}},
        ["components.billing.targets.staging.port: 1 became true"],
    ),
    # Risk.
    Row(
        "a riskier cell",
        matrix(low={"high": "low"}),
        matrix(low={"high": "medium"}),
        ["changes.risk.matrix.low.high: low became medium: stricter"],
    ),
    Row(
        "an undecided cell",
        matrix(),
        matrix(low={"high": "medium"}),
        ["changes.risk.matrix.low.high: medium was added: looser"],
    ),
    Row(
        "an undecided cell as it was",
        matrix(),
        matrix(low={"high": "high"}),
        ["changes.risk.matrix.low.high: high was added"],
    ),
    # Who may.
    Row(
        "one more in a group",
        minor(approvals=[{"from": "tech-leads"}]),
        merged(
            minor(approvals=[{"from": "tech-leads"}]), {"people": {"bob": {"groups": ["module-team", "tech-leads"]}}}
        ),
        ["people.bob.groups: tech-leads was added; bob may now approve minor releases: looser"],
        ["people.bob.groups: tech-leads was removed; bob may no longer approve minor releases: stricter"],
    ),
    Row(
        "in a group that nothing names",
        {},
        {"people": {"bob": {"groups": ["module-team", "tech-leads"]}}},
        ["people.bob.groups: tech-leads was added"],
    ),
    Row(
        "somebody new",
        {},
        {"people": {"erin": {"name": "Erin", "groups": ["ops"]}}},
        ["people.erin: {name: Erin, groups: [ops]} was added; may now start rollouts and roll back: looser"],
        ["people.erin: {name: Erin, groups: [ops]} was removed; may no longer start rollouts and roll back: stricter"],
    ),
    Row(
        "disabled",
        {},
        {"people": {"olga": {"disabled": True}}},
        ["people.olga.disabled: false became true; may no longer start rollouts and roll back: stricter"],
        ["people.olga.disabled: true became false; may now start rollouts and roll back: looser"],
    ),
    Row(
        "an owner",
        minor(approvals=[{"from": "$owners"}]),
        merged(
            minor(approvals=[{"from": "$owners"}]), {"people": {"bob": {"groups": ["module-team", "billing-owners"]}}}
        ),
        ["people.bob.groups: billing-owners was added; bob may now approve minor releases: looser"],
        ["people.bob.groups: billing-owners was removed; bob may no longer approve minor releases: stricter"],
    ),
    Row("another name", {}, {"people": {"bob": {"name": "Robert"}}}, ["people.bob.name: Bob became Robert"]),
]


def said(differences: tuple[Difference, ...]) -> list[str]:
    return [difference.sentence for difference in differences]


def turned(sentence: str) -> str:
    """A sentence that says the same the other way round; only of those that need no other words."""
    place, _, what = sentence.partition(": ")
    direction = next((f": {d.value}" for d in Direction if what.endswith(f": {d.value}")), "")
    what = what.removesuffix(direction)
    what, semicolon, more = what.partition("; ")
    if what.endswith((" was added", " was removed")):
        value, _, verb = what.rpartition(" was ")
        what = f"{value} was {'removed' if verb == 'added' else 'added'}"
    else:
        was, _, now = what.partition(" became ")
        what = f"{now} became {was}"
    way = Direction(direction.removeprefix(": ")).reversed.value if direction else ""
    return f"{place}: {what}{semicolon}{more}{f': {way}' if way else ''}"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_it_says_which_way_it_was_changed(row: Row) -> None:
    before, after = policy(row.before), policy(row.after)
    assert said(compare(before, after)) == row.says
    assert sorted(said(compare(after, before))) == sorted(row.back or map(turned, row.says))
    assert compare(before, before) == compare(after, after) == ()


def test_a_difference_tells_both_places() -> None:
    before = policy(minor(approvals=[{"from": "tech-leads"}, {"from": "module-team", "count": 2}]))
    after = policy(minor(approvals=[{"from": "module-team"}]))
    fewer, removed = sorted(compare(before, after), key=lambda found: found.sentence, reverse=True)
    path = ("release_types", "minor", "approvals")
    assert (fewer.before, fewer.after, fewer.path) == ((*path, 1, "count"), (*path, 0, "count"), (*path, 0, "count"))
    assert (fewer.was, fewer.now) == (2, 1)
    assert (removed.before, removed.after, removed.path) == ((*path, 0), path, (*path, 0))
    assert (removed.was, removed.now) == ({"from": "tech-leads"}, None)


def test_who_may_and_what_there_is_weakens_no_rule() -> None:
    before = policy(minor(notice="7d", gates=["tests"]))
    after = policy(
        merged(
            minor(notice="1d", gates=["tests"], skips=["freeze"]),
            {
                "people": {"erin": {"name": "Erin", "groups": ["ops"]}},
                "components": {"ledger": {}},
                "release_types": {"quick": {"bump": "minor"}},
            },
        )
    )
    looser = [found for found in compare(before, after) if found.direction is Direction.LOOSER]
    assert {found.kind for found in looser} == set(Kind)
    assert said(weakened(before, after)) == [
        f"{TYPE}.notice: 7d became 1d: looser",
        f"{TYPE}.skips: freeze was added: looser",
    ]


def test_a_long_value_is_cut() -> None:
    (found,) = compare(policy({}), policy({"people": {"bob": {"name": "B" * 300}}}))
    assert found.sentence == f"people.bob.name: Bob became {'B' * 97}..."
    assert found.now == "B" * 300


def test_the_order_of_a_drivers_settings_is_no_difference() -> None:
    hosts = [{"name": "a", "path": "/a"}], [{"path": "/a", "name": "a"}]
    one, other = (
        policy({"components": {"billing": {"targets": {"staging": {"driver": "host", "hosts": found}}}}})
        for found in hosts
    )
    assert compare(one, other) == ()
