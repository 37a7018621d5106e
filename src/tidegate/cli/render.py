"""Views as lines for a terminal of 80 columns."""

from __future__ import annotations

from tidegate.cli.text import bad, clean, doubtful, faint, good, wrapped
from tidegate.core.decision import Finding
from tidegate.core.verdict import Verdict

MARK = {Verdict.ALLOW: "✓", Verdict.DENY: "✗", Verdict.CANNOT_TELL: "?"}
_PAINT = {Verdict.ALLOW: good, Verdict.DENY: bad, Verdict.CANNOT_TELL: doubtful}


def mark(verdict: Verdict, text: str = "") -> str:
    """A verdict as a symbol and a colour; ``text`` is said with it."""
    return _PAINT[verdict](f"{MARK[verdict]} {text}".rstrip())


def rehearsal_lines(rehearsal: str) -> list[str]:
    """The mark of a policy that is not the real one."""
    return [doubtful(line) for line in wrapped(f"REHEARSAL: {clean(rehearsal)}", "  ", first="")] if rehearsal else []


def finding_lines(finding: Finding) -> list[str]:
    """What one rule found, and what would change it."""
    pinned = " (pinned policy)" if finding.policy == "pinned" else ""
    lines = wrapped(f"{clean(finding.message)}{pinned}", "    ", first="  x ")
    lines[0] = lines[0].replace("  x ", f"  {mark(finding.verdict)} ", 1)
    if finding.remedy:
        lines += [faint(line) for line in wrapped(f"> {clean(finding.remedy)}", "      ", first="    ")]
    return lines


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
