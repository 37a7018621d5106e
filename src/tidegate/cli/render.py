"""Views as lines for a terminal of 80 columns."""

from __future__ import annotations

from tidegate.cli.text import bad, clean, doubtful, faint, good, strong, wrapped
from tidegate.core.decision import Finding
from tidegate.core.verdict import Verdict
from tidegate.views.decision import DecisionView
from tidegate.views.moments import moment

MARK = {Verdict.ALLOW: "✓", Verdict.DENY: "✗", Verdict.CANNOT_TELL: "?"}
_PAINT = {Verdict.ALLOW: good, Verdict.DENY: bad, Verdict.CANNOT_TELL: doubtful}


def mark(verdict: Verdict) -> str:
    """A verdict as a symbol and a colour."""
    return _PAINT[verdict](MARK[verdict])


def rehearsal_lines(rehearsal: str) -> list[str]:
    """The mark of a policy that is not the real one."""
    return [doubtful(line) for line in wrapped(f"REHEARSAL: {clean(rehearsal)}", "  ", first="")] if rehearsal else []


def decision_lines(view: DecisionView) -> list[str]:
    """A decision: the verdict, what stands in the way with its remedy, what passes, and when it could go."""
    decision = view.decision
    question = decision.question
    what = f"{question.action.value} {clean(view.release)} in {clean(question.environment)}"
    word = _PAINT[decision.verdict](strong(f"{MARK[decision.verdict]} {decision.verdict.value}"))
    lines = [*rehearsal_lines(view.rehearsal), f"{word}: {what}{faint(view.assumed and f'  ({view.assumed})')}"]
    for finding in view.against:
        lines += finding_lines(finding)
    if view.passed:
        lines += ["", *wrapped("passes: " + ", ".join(passed_words(view.passed)), "  ", first="")]
    return lines if decision.allowed else [*lines, "", *wrapped(_next_possible(view), "  ", first="")]


def _next_possible(view: DecisionView) -> str:
    decision = view.decision
    if view.next_possible is None:
        return "next possible: not within 400 days"
    if view.next_possible <= decision.decided_at:
        return "next possible: as soon as that is met; time is not in the way"
    when = strong(moment(view.next_possible, view.tz, decision.decided_at))
    return f"next possible: {when}{'' if decision.blocked_by_time_only else ', if all else is met by then'}"


def passed_words(findings: list[Finding]) -> list[str]:
    """The rules that pass, each with how often."""
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding.rule] = counts.get(finding.rule, 0) + 1
    return [clean(rule) + (f" ({count})" if count > 1 else "") for rule, count in counts.items()]


def finding_lines(finding: Finding) -> list[str]:
    """What one rule found, and what would change it."""
    pinned = " (pinned policy)" if finding.policy == "pinned" else ""
    lines = wrapped(f"{clean(finding.message)}{pinned}", "    ", first="  x ")
    lines[0] = lines[0].replace("  x ", f"  {mark(finding.verdict)} ", 1)
    if finding.remedy:
        lines += [faint(line) for line in wrapped(f"> {clean(finding.remedy)}", "      ", first="    ")]
    return lines


def refusal_lines(error: object) -> list[str]:
    """A refusal, told as its decision."""
    judged = getattr(error, "judged")  # noqa: B009  any error that carries what was judged
    policy = judged.policies.current.policy
    view = DecisionView(judged.decision, judged.row.facts.id, judged.policies.current.tz, policy.rehearsal or "")
    return decision_lines(view)


_STATE_MARKS = {
    "succeeded": ("✓", good),
    "released": ("✓", good),
    "confirmed": ("✓", good),
    "rolled_back": ("↩", doubtful),
    "reversing": ("↩", doubtful),
    "cancelled": ("-", faint),
    "withdrawn": ("-", faint),
    "paused": ("!", doubtful),
    "in_doubt": ("?", doubtful),
    "unknown": ("?", doubtful),
    "failed": ("✗", bad),
    "overtaken": ("✗", bad),
    "rejected": ("✗", bad),
}


def state_word(state: str) -> str:
    """A state as a symbol, a word and a colour."""
    symbol, paint = _STATE_MARKS.get(state, ("•", str))
    return paint(f"{symbol} {state.replace('_', ' ')}")
