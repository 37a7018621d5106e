"""How long one decision takes: a minor release with 40 pieces of evidence, 12 gates and 6 approvals.

The decision is the real one, explanation included, on facts that were built before. Beside it stands a bare loop that
evaluates 24 conditions, two for each gate, in the engine alone: what a decision cannot cost less than.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import cel

from bench.measure import Row, Sizes, calls_in_turns, us
from tidegate.core.actor import Actor, Assurance
from tidegate.core.approval import Answer, Approval
from tidegate.core.canonical import digest
from tidegate.core.decide import decide
from tidegate.core.decision import Action, Policies, Question
from tidegate.core.evidence import Evidence
from tidegate.core.evidence_kind import KINDS
from tidegate.core.facts import Change, Facts, Item, Release, Verified
from tidegate.core.policy import Policy
from tidegate.core.release import ReleaseState
from tidegate.core.rulebook import compile_policy, resolved_of
from tidegate.core.subject import Subject
from tidegate.core.verdict import Verdict

NOW = datetime(2026, 12, 1, 18, 30, tzinfo=UTC)
GOAL_US = 600
MANY = 2_000
MANY_GOAL_MS = 10

GATES = {
    **{
        f"{name}-tests": {"evidence": "junit", "source": name, "pass": "tests.total > 0 && tests.failed == 0"}
        for name in ("unit", "contract", "integration", "end-to-end", "migration", "upgrade")
    },
    **{
        f"{name}-coverage": {
            "evidence": "coverage",
            "source": name,
            "pass": "coverage.line >= 0.80 && coverage.branch >= 0.70",
            "fresh": "7d",
        }
        for name in ("backend", "frontend", "worker")
    },
    **{
        f"{name}-smoke": {"evidence": "smoke", "source": name, "pass": "smoke.total > 0 && smoke.failed == 0"}
        for name in ("eu", "us", "asia")
    },
}
VALUES: dict[str, dict[str, object]] = {
    "junit": {"total": 412, "passed": 412, "failed": 0, "errors": 0, "skipped": 0, "duration_s": 31.5},
    "coverage": {"line": 0.874, "branch": 0.76, "lines_total": 8120, "lines_covered": 7096},
    "smoke": {"total": 12, "failed": 0},
}
POLICY: dict[str, Any] = {
    "tidegate": 1,
    "organization": "7D Solutions",
    "timezone": "America/Los_Angeles",
    "people": {
        "olga": {"name": "Olga", "groups": ["ops"]},
        "alice": {"name": "Alice", "groups": ["billing-owners", "module-team"]},
        "bob": {"name": "Bob", "groups": ["module-team"]},
        "carol": {"name": "Carol", "groups": ["module-team", "tech-leads"]},
        "dave": {"name": "Dave", "groups": ["tech-leads"]},
        "erin": {"name": "Erin", "groups": ["product-team"]},
        "frank": {"name": "Frank", "groups": ["ops", "product-team"]},
    },
    "permits": {"start": ["ops"], "rollback": ["ops"]},
    "components": {"billing": {"kind": "module", "owners": "billing-owners"}},
    "trains": {"modules": {"of": {"kind": "module"}, "every": "2 weeks on tuesday at 10:00", "from": "2026-02-10"}},
    "calendar": {"blackouts": [{"name": "year end", "from": "2026-12-18", "to": "2027-01-04"}]},
    "gates": GATES,
    "release_types": {
        "minor": {
            "bump": "minor",
            "notice": "7d",
            "gates": list(GATES),
            "approvals": [
                {"from": "$owners"},
                {"from": "module-team", "count": 2},
                {"from": "tech-leads"},
                {"from": "product-team", "as": "product"},
            ],
        }
    },
    "environments": {
        "staging": {"purpose": "staging", "gates": ["unit-tests"]},
        "production": {
            "purpose": "production",
            "after": [{"environment": "staging", "soak": "24h"}],
            "windows": [{"days": "mon-thu", "from": "09:00", "to": "16:00"}],
            "freeze": {"before": "2d", "allow": ["fix", "docs"]},
        },
    },
}


def case(pieces: int = 40) -> tuple[Question, Policies, Facts]:
    """The question, the policies and the facts that are measured, with so many pieces of evidence."""
    subject = Subject("sha256:1", "sha256:2", "sha256:3", {"production": "sha256:4"}, {"production": "sha256:5"})
    item = Item(
        component="billing",
        from_version="2.0.0",
        to_version="2.1.0",
        subject=subject,
        content_at=NOW - timedelta(days=9),
        changes=tuple(Change(f"{n:040x}", "feat" if n % 3 else "fix", f"change {n}") for n in range(40)),
        authors=("grace",),
    )
    release = Release(
        "billing-2.1.0", "minor", ReleaseState.OPEN, (item,), NOW - timedelta(days=9), "alice", NOW - timedelta(days=8)
    )
    parsed = Policy.model_validate(POLICY, strict=False)
    rulebook = compile_policy(parsed, digest(resolved_of(parsed)))
    facts = Facts(
        release,
        evidence=tuple(_evidence(item, pieces)),
        approvals=tuple(_approvals(release)),
        verified=(Verified("billing", "staging", "2.1.0", subject.digest_for("staging"), NOW - timedelta(days=3)),),
    )
    question = Question(Action.START, Actor("olga", "ssh", Assurance.SIGNATURE), "production")
    return question, Policies(rulebook, rulebook), facts


def _evidence(item: Item, pieces: int) -> Iterator[Evidence]:
    """Of forty pieces three or four of each source, of which the newest counts."""
    gates = list(GATES.values())
    for number in range(pieces):
        gate = gates[number % len(gates)]
        kind = str(gate["evidence"])
        taken = NOW - timedelta(minutes=pieces - number)
        yield Evidence(
            component=item.component,
            kind=kind,
            source=str(gate["source"]),
            bound=item.subject.binding(KINDS[kind].binds, ""),
            values=VALUES[kind],
            taken_at=taken,
            added_at=taken,
            report=f"sha256:{number:064x}",
            added_by="alice",
        )


def _approvals(release: Release) -> Iterator[Approval]:
    subject = release.subject_for("production")
    for number, name in enumerate(("alice", "bob", "carol", "dave", "erin", "frank")):
        actor = Actor(name, "ssh", Assurance.SIGNATURE)
        yield Approval(f"a{number}", actor, Answer.APPROVE, "production", subject, NOW - timedelta(hours=number + 1))


def bare_loop() -> Callable[[], None]:
    """Twenty-four conditions in the engine alone, compiled before."""
    conjuncts = [part for gate in GATES.values() for part in str(gate["pass"]).split(" && ")]
    values = [{"tests": VALUES["junit"]}, {"coverage": VALUES["coverage"]}, {"smoke": VALUES["smoke"]}]
    programs = [(cel.compile(text), next(v for v in values if text.split(".")[0] in v)) for text in conjuncts]

    def run() -> None:
        for program, given in programs:
            program.execute(given)

    return run


def rows(sizes: Sizes) -> Iterator[Row]:
    """One decision beside the bare loop, in turns.

    Raises:
        RuntimeError: the decision is no longer yes, so that something else than meant would be measured.
    """
    question, policies, facts = case()
    decision = decide(question, policies, facts, NOW)
    if decision.verdict is not Verdict.ALLOW:
        raise RuntimeError("; ".join(f"{finding.rule}: {finding.message}" for finding in decision.against()))
    gates = sum(finding.rule.startswith("gate.") for finding in decision.findings)
    ours, bare = calls_in_turns(sizes.rounds, sizes.calls, lambda: decide(question, policies, facts, NOW), bare_loop())
    yield Row(
        "decide: a minor release to production",
        us(ours),
        "us CPU",
        f"24 conditions in the CEL engine alone ({us(bare):.0f} us)",
        ours / bare,
        goal=GOAL_US,
        note=f"{len(facts.evidence)} pieces of evidence, {gates} gates, {len(decision.findings)} findings",
    )


def many(sizes: Sizes) -> Iterator[Row]:
    """One decision of a release that has been tested for months: each run of each suite has left its piece.

    Raises:
        RuntimeError: as :func:`rows`.
    """
    question, policies, facts = case(MANY)
    few = case()[2]
    for known in (facts, few):
        decision = decide(question, policies, known, NOW)
        if decision.verdict is not Verdict.ALLOW:
            raise RuntimeError("; ".join(f"{finding.rule}: {finding.message}" for finding in decision.against()))
    calls = max(1, sizes.calls // 20)
    ours, others = calls_in_turns(
        sizes.rounds,
        calls,
        lambda: decide(question, policies, facts, NOW),
        lambda: decide(question, policies, few, NOW),
    )
    yield Row(
        f"decide: a release with {MANY:,} pieces of evidence",
        us(ours) / 1000,
        "ms CPU",
        f"the same with {len(few.evidence)} ({us(others):.0f} us)",
        ours / others,
        goal=MANY_GOAL_MS,
        note="findings enter as counts, so that 200 in a report weigh as much as none",
    )
