"""Policies and facts in few words: a small house in which everything is as it should be, and changes to it.

``rulebook(environments={"production": {"windows": []}})`` is the house with one thing changed; a value of None takes a
key away. Nothing here decides anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import pytest

from tidegate.core.actor import Actor, Assurance
from tidegate.core.approval import Answer, Approval
from tidegate.core.backup import Checked, TakenBackup
from tidegate.core.canonical import digest
from tidegate.core.change_request import (
    ActKind,
    Assessment,
    Bound,
    ChangeAct,
    ChangeAnswer,
    ChangeRequest,
    ChangeState,
)
from tidegate.core.debt import Debt, DebtKind
from tidegate.core.decide import decide
from tidegate.core.decision import Action, Decision, Finding, Policies, Question
from tidegate.core.emergency import Emergency
from tidegate.core.evidence import Evidence
from tidegate.core.evidence_kind import KINDS
from tidegate.core.facts import Change, Facts, Head, Hold, Item, Origin, Release, Running, Verified, WayBack
from tidegate.core.mark import ANYWHERE, Mark, MarkKind
from tidegate.core.policy import Policy
from tidegate.core.release import ReleaseState
from tidegate.core.risk import RiskFacts
from tidegate.core.rulebook import Rulebook, compile_policy, resolved_of
from tidegate.core.subject import Subject
from tidegate.core.verdict import Verdict

NOW = datetime(2026, 12, 1, 18, 0, tzinfo=UTC)
"""A Tuesday, 10:00 in Los Angeles."""

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

HOUSE: dict[str, Any] = {
    "tidegate": 1,
    "organization": "7D Solutions",
    "timezone": "America/Los_Angeles",
    "people": {
        "olga": {"name": "Olga", "groups": ["ops"]},
        "alice": {"name": "Alice", "groups": ["billing-owners", "module-team"]},
        "bob": {"name": "Bob", "groups": ["module-team"]},
        "carol": {"name": "Carol", "groups": ["tech-leads"]},
        "dave": {"name": "Dave", "groups": ["identity-owners"]},
    },
    "permits": {"start": ["ops"], "rollback": ["ops"]},
    "components": {
        "billing": {"kind": "module", "owners": "billing-owners"},
        "identity": {"kind": "module", "owners": "identity-owners"},
    },
    "release_types": {"minor": {"bump": "minor"}, "hotfix": {"bump": "patch"}},
    "gates": {
        "tests": {"evidence": "junit", "pass": "tests.total > 0 && tests.failed == 0"},
        "coverage": {"evidence": "coverage", "pass": "coverage.line >= 0.80"},
        "smoke": {"evidence": "smoke", "pass": "smoke.failed == 0"},
    },
    "environments": {
        "staging": {"purpose": "staging", "gates": ["tests"]},
        "production": {"purpose": "production", "gates": ["tests"]},
    },
}

_VALUES: dict[str, dict[str, object]] = {
    "backup": {"verified": True, "offsite": True},
    "rollback-plan": {},
    "junit": {"total": 10, "passed": 10, "failed": 0, "errors": 0, "skipped": 0, "duration_s": 1.5},
    "coverage": {"line": 0.9, "lines_total": 100, "lines_covered": 90},
    "smoke": {"total": 3, "failed": 0},
}


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with ``changes``: mappings merge, everything else replaces, None takes away."""
    result = dict(base)
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


def rulebook(**changes: Any) -> Rulebook:
    """The house's policy with ``changes``, compiled."""
    return compiled(merged(HOUSE, changes))


def compiled(document: Mapping[str, Any]) -> Rulebook:
    """A whole policy, compiled, under its own digest."""
    return _compiled(json.dumps(document, sort_keys=True))


@lru_cache(maxsize=512)
def _compiled(text: str) -> Rulebook:
    policy = Policy.model_validate_json(text)
    return compile_policy(policy, digest(resolved_of(policy)))


def both(current: Rulebook, pinned: Rulebook | None = None) -> Policies:
    """The policies of a decision; the release was opened under the current one unless told otherwise."""
    return Policies(pinned or current, current)


def person(name: str, assurance: Assurance = Assurance.SIGNATURE) -> Actor:
    """Somebody, as sure as told."""
    return Actor(name, "ssh", assurance)


def question(
    action: Action = Action.START,
    environment: str = "production",
    by: str | Actor = "olga",
    *,
    granted: str = "",
    accepts_data_loss: bool = False,
) -> Question:
    """May Olga, who runs the operations, start in production?"""
    actor = person(by) if isinstance(by, str) else by
    return Question(action, actor, environment, granted, accepts_data_loss)


def subject(
    name: str = "billing", *, source: str = "", artifacts: str = "", migrations: str = "", **rest: Any
) -> Subject:
    """A subject; its parts are different for each component."""
    return Subject(
        source=source or f"sha256:source-of-{name}",
        artifacts=artifacts or f"sha256:artifacts-of-{name}",
        migrations=migrations or f"sha256:migrations-of-{name}",
        **rest,
    )


def item(name: str = "billing", **changes: Any) -> Item:
    """Version 1.1.0 of a component, whose content was fixed ten days ago."""
    plain = Item(
        component=name,
        from_version="1.0.0",
        to_version="1.1.0",
        subject=subject(name),
        content_at=NOW - 10 * DAY,
        changes=(Change("c0ffee", "feat", "pay by card"),),
        authors=("bob",),
    )
    return replace(plain, **changes)


def release(*items: Item, **changes: Any) -> Release:
    """An open minor release, announced nine days ago."""
    plain = Release(
        id="billing-1.1.0",
        type="minor",
        state=ReleaseState.OPEN,
        items=items or (item(),),
        opened_at=NOW - 9 * DAY,
        opened_by="bob",
        announced_at=NOW - 9 * DAY,
    )
    return replace(plain, **changes)


def evidence(
    kind: str = "junit", of: Item | None = None, values: Mapping[str, object] | None = None, **changes: Any
) -> Evidence:
    """A good report about an item, taken an hour ago; ``values`` change what it says."""
    about = of or item()
    environment = changes.get("environment", "")
    plain = Evidence(
        component=about.component,
        kind=kind,
        source="ci",
        bound=about.subject.binding(KINDS[kind].binds, environment),
        values=_VALUES[kind] | dict(values or {}),
        taken_at=NOW - HOUR,
        added_at=NOW - HOUR,
        report=f"sha256:{kind}",
        added_by="olga",
    )
    return replace(plain, **changes)


def approval(
    by: str,
    of: Release | None = None,
    *,
    environment: str = "production",
    answer: Answer = Answer.APPROVE,
    **changes: Any,
) -> Approval:
    """A signed yes to a release as it is now, given an hour ago."""
    plain = Approval(
        id=f"approval-of-{by}",
        actor=person(by),
        answer=answer,
        environment=environment,
        subject=(of or release()).subject_for(environment),
        at=NOW - HOUR,
    )
    return replace(plain, **changes)


def verified(
    of: Item | None = None, environment: str = "staging", at: datetime = NOW - 2 * DAY, **changes: Any
) -> Verified:
    """An item as it is now, found good in an environment two days ago."""
    about = of or item()
    plain = Verified(about.component, environment, about.to_version, about.subject.digest_for(environment), at)
    return replace(plain, **changes)


def hold(**changes: Any) -> Hold:
    """A hold on everything until it is lifted."""
    return replace(Hold("hold-1", "the database is being moved", "olga", NOW - HOUR), **changes)


def running(version: str = "3.0.0", component: str = "platform", **changes: Any) -> Running:
    """Version 3.0.0 of the platform, which runs in production and requires nothing."""
    return replace(Running(component, "production", version), **changes)


def origin(*heads: Head, of: Item | None = None, **changes: Any) -> Origin:
    """An item whose commit was looked for, and found on the branch main alone."""
    about = of or item()
    plain = Origin(about.component, about.subject.commit, heads or (head(),))
    return replace(plain, **changes)


def head(name: str = "heads/main", contains: bool = True, commit: str = "ba5eba11" * 5) -> Head:
    """A branch that has the commit."""
    return Head(name, commit, contains)


def mark(kind: MarkKind, name: str, part: str, by: str, **changes: Any) -> Mark:
    """What somebody said, signed, an hour ago, of the release as it is."""
    plain = Mark(f"{kind.value}-{part}-{by}", kind, name, part, person(by), release().subject_for(ANYWHERE), NOW - HOUR)
    return replace(plain, **changes)


CHANGES: dict[str, Any] = {
    "required": ["production"],
    "workflow": [
        {"name": "request", "says": "Ask for it", "by": "ops", "kind": "request"},
        {"name": "impact", "says": "Assess the impact", "by": "module-team", "kind": "assessment"},
        {"name": "approval", "says": "Decide", "kind": "decision"},
        {"name": "testing", "says": "Plan the tests", "by": "module-team"},
        {"name": "review", "says": "Look back", "by": "ops", "kind": "afterwards"},
    ],
    "categories": {
        "normal": {"title": "Normal", "approvals": [{"from": "tech-leads"}]},
        "major": {"title": "Major", "board": "tech-leads"},
        "standard": {"title": "Standard", "preapproved": True, "catalogue": ["Update the translations"]},
    },
    "risk": {
        "matrix": {"low": {"low": "low"}, "high": {"high": "high"}},
        "mitigations": {"low": ["Basic testing"], "high": ["Extensive testing", "Phased rollout"]},
    },
}
"""Change requests as a policy may ask for them; :func:`change_request` has what they ask."""

ASSESSMENT = Assessment("low", "low", ("billing",), (), "none", "none is changed", "deploy 1.0.0 again")


def act(kind: ActKind, by: str, subject: str = "", name: str = "", how: str = "", **changes: Any) -> ChangeAct:
    """What somebody did to a change request, signed two hours ago."""
    return replace(ChangeAct(kind, by, NOW - 2 * HOUR, name, how, subject), **changes)


def change_request(
    of: Release | None = None,
    *,
    answers: tuple[str, ...] = ("carol",),
    minutes: str = "",
    steps: tuple[str, ...] = ("testing",),
    mitigations: tuple[str, ...] = ("Basic testing",),
    **changes: Any,
) -> ChangeRequest:
    """A normal change request for a release as it is, with everything that :data:`CHANGES` asks; then ``changes``."""
    about = of or release()
    bound = Bound(
        about.id,
        tuple(sorted(i.component for i in about.items)),
        tuple(sorted({name for i in about.items for name in i.authors})),
        {"production": about.subject_for("production")},
    )
    made = ChangeRequest(
        id="CR-1",
        category="normal",
        title="Pay by card",
        reason="customers ask for it",
        releases=(bound,),
        opened_by="olga",
        opened_at=NOW - 3 * HOUR,
        state=ChangeState.APPROVED,
        assessment=ASSESSMENT,
        facts=RiskFacts(commits=1, files=1, lines=10, days_since_deploy=3),
        submitted_at=NOW - 2 * HOUR,
    )
    made = replace(made, **{key: value for key, value in changes.items() if key not in ("acts", "answers")})
    done = [
        act(ActKind.REQUEST, made.opened_by, made.request_digest),
        *([act(ActKind.ASSESSMENT, "alice", made.assessment.digest)] if made.assessment else []),
        act(ActKind.SUBMISSION, "olga", made.digest),
        *(act(ActKind.STEP, "alice", name=name, how="done") for name in steps),
        *(act(ActKind.MITIGATION, "olga", made.digest, name, "done") for name in mitigations),
    ]
    given = tuple(
        ChangeAnswer(
            Approval(f"answer-of-{by}", person(by), Answer.APPROVE, "", made.digest, NOW - HOUR, key="SHA256:key"),
            minutes,
        )
        for by in answers
    )
    return replace(made, acts=changes.get("acts", tuple(done)), answers=given)


def taken_backup(name: str = "database", **changes: Any) -> TakenBackup:
    """A backup that was taken two hours ago, read back, copied, and restored last month."""
    whole = Checked(True, "it is whole", NOW - HOUR)
    settings: dict[str, Any] = {
        "name": name,
        "environment": "production",
        "id": f"{name}-production-20261201T160000Z-0a1b2c3d",
        "taken_at": NOW - 2 * HOUR,
        "size": 5_000_000,
        "sha256": digest(b"a backup"),
        "report": digest(b"a report"),
        "verified": whole,
        "offsite": Checked(True, "one object is there", NOW - HOUR),
        "restored": Checked(True, "12 of 12 are equal", NOW - 30 * DAY),
    }
    return TakenBackup(**settings | changes)


def way_back(**changes: Any) -> WayBack:
    """Back to 1.0.0, which was verified, without losing data."""
    return replace(WayBack("billing", "1.0.0", NOW - 30 * DAY, False), **changes)


def facts(of: Release | None = None, **changes: Any) -> Facts:
    """A release of which everything that the house asks for is known: a good test report of each item."""
    about = of or release()
    plain = Facts(about, evidence=tuple(evidence(of=i) for i in about.items), way_back=(way_back(),))
    return replace(plain, **changes)


def asked(
    known: Facts | None = None,
    policy: Rulebook | None = None,
    about: Question | None = None,
    now: datetime = NOW,
    *,
    pinned: Rulebook | None = None,
) -> Decision:
    """What ``decide`` answers; everything that is not given is as it should be."""
    return decide(about or question(), both(policy or rulebook(), pinned), known or facts(), now)


def found(decision: Decision, rule: str) -> Finding:
    """The one finding of that rule."""
    matching = [finding for finding in decision.findings if finding.rule == rule]
    assert len(matching) == 1, [(finding.rule, finding.message) for finding in decision.findings]
    return matching[0]


def against(decision: Decision) -> list[str]:
    """The ids of the rules whose findings stand in the way, in the order of the explanation."""
    return [finding.rule for finding in decision.against()]


@dataclass(frozen=True)
class Case:
    """One row of a rule's table: what is changed in the house, and the finding that must come of it.

    ``rule`` alone, without a verdict: the rule has nothing to say of it.
    """

    id: str
    rule: str
    verdict: Verdict | None = None
    message: str = ""
    remedy: str = ""
    policy: Mapping[str, Any] = field(default_factory=dict)
    facts: Facts = field(default_factory=facts)
    about: Question = field(default_factory=question)
    now: datetime = NOW

    def hold(self) -> Finding | None:
        """Decide, hold the finding against the row, and return it for what else is to be asserted."""
        decision = asked(self.facts, rulebook(**self.policy), self.about, self.now)
        if self.verdict is None:
            assert [f for f in decision.findings if f.rule == self.rule] == []
            return None
        finding = found(decision, self.rule)
        assert (finding.verdict, finding.message, finding.remedy) == (self.verdict, self.message, self.remedy)
        assert decision.allowed is False or finding.verdict is Verdict.ALLOW
        return finding


def table(*cases: Case) -> pytest.MarkDecorator:
    """A test for each row."""
    return pytest.mark.parametrize("case", cases, ids=[case.id for case in cases])


def emergency(**changes: Any) -> Emergency:
    """An emergency of billing that Olga declared an hour ago, and that is in force for a day."""
    plain = Emergency(
        id="emergency-1",
        incident="INC-4711",
        reason="checkout answers 500",
        criterion="Production down",
        components=("billing",),
        declared_by="olga",
        declared_at=NOW - HOUR,
        expires_at=NOW + 23 * HOUR,
    )
    return replace(plain, **changes)


def debt(**changes: Any) -> Debt:
    """The post-mortem of billing 1.0.1, which was due an hour ago."""
    plain = Debt(
        id="billing-1.0.1.post-mortem",
        kind=DebtKind.POST_MORTEM,
        name="",
        components=("billing",),
        opened_at=NOW - 5 * DAY,
        due_at=NOW - HOUR,
        release="billing-1.0.1",
        teams=("billing-owners",),
    )
    return replace(plain, **changes)
