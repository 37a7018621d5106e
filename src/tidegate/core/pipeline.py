"""How far a release is in a pipeline: which of its stages stand, judged by what is recorded and by nothing else.

A pipeline has no state of its own. A stage stands where its gate passes, its command's newest evidence is good and is
of this very subject, nobody is still to approve, or the release runs where it deploys. So a run that was interrupted
goes on where it was, and results that another tool brings count as its own do.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tidegate.core.decision import Finding
from tidegate.core.evidence import newest
from tidegate.core.facts import Item
from tidegate.core.policy import Pipeline, Stage, StageKind
from tidegate.core.rules.gate import gate_findings
from tidegate.core.rules.rule import Context
from tidegate.core.template import fill
from tidegate.core.verdict import Verdict

KIND = "command"
FIELDS = ("release", "component", "version", "commit", "environment")
"""The placeholders of a stage's command."""


class Standing(StrEnum):
    """How a stage stands.

    done
        What is recorded shows that it was done, of what is released now.
    failed
        What is recorded shows that it was tried, and was not good.
    open
        Nothing that counts shows it.
    said
        It names nothing by which anybody could tell: neither a command nor a gate.
    """

    DONE = "done"
    FAILED = "failed"
    OPEN = "open"
    SAID = "said"


@dataclass(frozen=True, slots=True)
class StageSeen:
    """A stage as it stands; ``number`` counts from 1, ``environment`` is the one that it is judged for."""

    number: int
    stage: Stage
    environment: str
    source: str
    standing: Standing
    because: str
    remedy: str = ""

    @property
    def name(self) -> str:
        """What the stage is called: what it does, and where."""
        return f"{self.stage.does.value} {self.stage.environment}" if self.stage.environment else self.stage.does.value


@dataclass(frozen=True, slots=True)
class Brought:
    """What became of bringing the release to an environment."""

    standing: Standing
    because: str
    remedy: str = ""


def environment_of(pipeline: Pipeline, at: int) -> str:
    """For which environment the stage at an index is judged: its own, else that of the next stage that has one.

    Behind the last of these, it is the last one before it. Empty where no stage has any.
    """
    later = [stage.environment for stage in pipeline.stages[at:] if stage.environment]
    earlier = [stage.environment for stage in pipeline.stages[:at] if stage.environment]
    return (later or earlier[-1:] or [""])[0]


def source_of(pipeline: str, number: int, stage: Stage) -> str:
    """The source of the evidence of a stage's command; the place of a stage is part of it."""
    return f"{pipeline}.{number}.{stage.does.value}"


def filled(words: Sequence[str], release: str, item: Item, environment: str) -> list[str]:
    """The texts of a stage for a component, such as the words of its command, with their placeholders filled in."""
    values = {
        "release": release,
        "component": item.component,
        "version": item.to_version,
        "commit": item.subject.commit,
        "environment": environment,
    }
    return [fill(word, values, FIELDS) for word in words]


def judged(
    context: Context,
    findings: Sequence[Finding],
    brought: Mapping[str, Brought],
    pipeline: str,
    number: int,
    stage: Stage,
) -> StageSeen:
    """How a stage stands.

    Args:
        context: the question of a start in the environment that the stage is judged for.
        findings: what that question's decision found.
        brought: by environment, what became of bringing the release there.
    """
    source = source_of(pipeline, number, stage)
    seen = _standing(context, findings, brought, source, stage)
    return StageSeen(number, stage, context.question.environment, source, seen.standing, seen.because, seen.remedy)


def _standing(
    context: Context, findings: Sequence[Finding], brought: Mapping[str, Brought], source: str, stage: Stage
) -> Brought:
    if stage.does is StageKind.DEPLOY:
        return _deployed(brought, stage)
    if stage.gate is not None:
        asked = _asked(gate_findings(context, stage.gate), f"the gate {stage.gate} passes")
        ran = _commanded(context, source, stage) if stage.run else asked
        # A good report of a command that failed may be half of one.
        return ran if ran.standing is Standing.FAILED else asked
    if stage.does is StageKind.APPROVAL:
        return _asked(
            [f for f in findings if f.rule.startswith("approval")], "everybody whom the policy asks has agreed"
        )
    if stage.does is StageKind.BACKUP:
        return _asked(
            [f for f in findings if f.rule.startswith("backup.")], "the backups that the policy asks for stand"
        )
    if stage.run:
        return _commanded(context, source, stage)
    return Brought(Standing.SAID, "it names neither a command nor a gate: its tool says whether it was done")


def _deployed(brought: Mapping[str, Brought], stage: Stage) -> Brought:
    if stage.environment is None:
        return Brought(Standing.SAID, "it does not say where it deploys", "give the stage its environment")
    return brought[stage.environment]


def _asked(findings: Sequence[Finding], good: str) -> Brought:
    against = [finding for finding in findings if finding.verdict is not Verdict.ALLOW]
    if not against:
        return Brought(Standing.DONE, _said_once(findings) or good)
    tried = any(finding.looked_at for finding in against)
    return Brought(Standing.FAILED if tried else Standing.OPEN, _said_once(against), against[0].remedy)


def _said_once(findings: Sequence[Finding]) -> str:
    """What findings say; the same of the pinned policy and of the present one is said once."""
    return "; ".join(dict.fromkeys(finding.message for finding in findings))


def _commanded(context: Context, source: str, stage: Stage) -> Brought:
    facts = context.facts
    found = {
        piece.component: piece
        for piece in newest(facts.evidence, context.question.environment)
        if (piece.kind, piece.source) == (KIND, source)
    }
    for item in facts.release.items:
        piece = found.get(item.component)
        command = shlex.join(filled(stage.run, facts.release.id, item, context.question.environment))[:200]
        if piece is None:
            return Brought(Standing.OPEN, f"{command} was not run")
        if piece.bound != context.known.binding(item, KIND, context.question.environment):
            return Brought(Standing.OPEN, f"{command} was run of something else than is released now")
        if piece.values.get("ok") is not True:
            return Brought(Standing.FAILED, f"{command} ended with {piece.values.get('exit_code')}, or not as declared")
    return Brought(Standing.DONE, "its command did what was declared")
