"""After a freeze nothing is committed that it does not let in."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.lint.saying import listed
from tidegate.core.policy import Milestone, Policy, Process


def _check(given: Given) -> Iterator[Found]:
    for name, milestone in given.policy.milestones.items():
        if milestone.after_phase is None or milestone.allow is None:
            continue
        for process, found in given.policy.processes.items():
            if _concerns(given.policy, milestone, process):
                yield from _later(name, milestone, process, found)


def _concerns(policy: Policy, milestone: Milestone, process: str) -> bool:
    """Whether a release that goes through this process has this milestone."""
    kinds = [policy.release_types[name] for name in milestone.types] or list(policy.release_types.values())
    users = [kind for kind in kinds if kind.process is not None]
    return not users or any(kind.process == process for kind in users)


def _later(name: str, milestone: Milestone, process: str, found: Process) -> Iterator[Found]:
    names = [phase.name for phase in found.phases]
    if milestone.after_phase not in names:
        return
    for index in range(names.index(milestone.after_phase) + 1, len(names)):
        phase = found.phases[index]
        late = [kind for kind in phase.allows or () if kind not in (milestone.allow or ())]
        if late:
            yield Found(
                ("processes", process, "phases", index, "allows"),
                f"the phase {phase.name} commits {listed(late)}, and comes after {milestone.title} "
                f"(milestones.{name}), which lets in {listed(milestone.allow or ()) or 'nothing'}",
                f"take {listed(late)} out of allows:, or move milestones.{name} behind the phase {phase.name}",
                also=(("milestones", name, "allow"),),
            )


LINT = Lint(
    "contradiction.freeze-phase",
    "After a freeze nothing is committed that it does not let in.",
    "HD-15",
    Severity.WARNING,
    _check,
)
