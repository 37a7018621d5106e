"""What cases have shown of a policy, as lines for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.cli.render import mark
from tidegate.cli.text import bad, clean, faint, good, strong, wrapped
from tidegate.core.decision import Finding
from tidegate.core.policytest import Coverage, Way
from tidegate.core.policytest.judge import is_named
from tidegate.core.verdict import Verdict
from tidegate.views.decision import once
from tidegate.views.moments import counted, moment
from tidegate.views.policytest import CaseView, RunView

SHOWN = 20
"""How many untried demands are listed for people; ``--json`` has them all."""

_NOT = {Way.PASSES: "never seen to pass", Way.STANDS: "never seen to stand in the way"}


def run_lines(view: RunView) -> list[str]:
    """The cases file by file, then what they try of the policy, then the counts."""
    lines: list[str] = []
    for file in dict.fromkeys(case.file for case in view.cases):
        lines.append(strong(clean(file)))
        for case in (case for case in view.cases if case.file == file):
            lines += case_lines(case)
        lines.append("")
    if view.coverage is not None:
        lines += [*_coverage_lines(view.coverage), ""]
    return lines + list(_summary(view))


def case_lines(case: CaseView) -> list[str]:
    """One line where it is as expected; else also what was expected, and what decide says."""
    if case.judged.passed:
        return _marked(good("✓"), case.name, "  ")
    lines = _marked(bad("✗"), case.name, "  ")
    lines += [faint(f"    {clean(case.file)}:{case.line}")]
    for problem in case.judged.problems:
        lines += wrapped(clean(problem), "      ", first="    ")
    return lines + list(_said(case))


def _said(case: CaseView) -> Iterator[str]:
    """What decide says: what is in the way, with its remedy, what passes and was not to, and when it could go."""
    decision, tz = case.judged.decision, case.judged.trial.policies.current.tz
    yield f"    decide says: {decision.verdict}"
    named = case.judged.trial.expect.named
    passing = [f for f in decision.findings if f.verdict is Verdict.ALLOW and any(is_named(n, f.rule) for n in named)]
    for finding in once([*decision.against(), *passing]):
        yield from _finding(finding)
    if not decision.allowed:
        opens = decision.next_possible
        when = moment(opens, tz, decision.decided_at) if opens else "not within 400 days"
        yield f"      next possible: {when}"


def _finding(finding: Finding) -> list[str]:
    pinned = " (pinned policy)" if finding.policy == "pinned" else ""
    lines = _marked(mark(finding.verdict), f"{finding.rule}: {finding.message}{pinned}", "      ")
    if finding.remedy:
        lines += [faint(line) for line in wrapped(f"> {clean(finding.remedy)}", "          ", first="        ")]
    return lines


def _marked(symbol: str, text: str, indent: str) -> list[str]:
    # Wrapped without its mark, whose colour has a length and no width.
    first, *more = wrapped(clean(text), f"{indent}  ")
    return [f"{indent}{symbol} {first.lstrip()}", *more]


def _coverage_lines(coverage: Coverage) -> list[str]:
    untried = list(coverage.untried())
    if not untried:
        return ["every demand of the policy was seen to pass and to stand in the way"]
    lines = ["not tried:"]
    for demand, way in untried[:SHOWN]:
        lines += wrapped(f"- {clean(demand.what)}: {_NOT[way]}", "    ", first="  ")
        lines += [faint(line) for line in wrapped(f"> {clean(demand.hints[way])}", "      ", first="    ")]
    if len(untried) > SHOWN:
        lines.append(f"  and {len(untried) - SHOWN} more: see --json")
    return lines


def _summary(view: RunView) -> Iterator[str]:
    passed, failed = len(view.cases) - len(view.failed), len(view.failed)
    outcome = f"{passed} passed, {bad(f'{failed} failed')}" if failed else f"{passed} passed"
    yield f"{counted(len(view.cases), 'case')}: {outcome}"
    coverage = view.coverage
    if coverage is not None:
        share = f"coverage of rules: {coverage.percent}% ({coverage.tried} of {coverage.total})"
        yield share + (bad(f", and at least {view.least}% is demanded") if view.too_little else "")
