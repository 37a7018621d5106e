"""The findings of a policy check as lines."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.cli.text import WIDTH, bad, clean, doubtful, faint, good, strong, wrapped
from tidegate.core.lint import Severity, not_enforced
from tidegate.core.lint.not_enforced import idle
from tidegate.core.undecided import OpenPoint
from tidegate.policyfile.check import Checked, Finding

_STYLE = {Severity.ERROR: bad, Severity.WARNING: doubtful, Severity.NOTE: faint}
_MARK = {Severity.ERROR: "✗", Severity.WARNING: "!", Severity.NOTE: "·"}


def check_lines(checked: Checked, *, notes: bool, points: bool) -> Iterator[str]:
    """The findings, the worst first; notes and what is undecided only where they are asked for."""
    for finding in checked.findings:
        if notes or finding.severity is not Severity.NOTE:
            yield from _finding(finding)
            yield ""
    if points and checked.undecided:
        yield strong("Undecided")
        for point in checked.undecided:
            yield from _point(point)
        yield ""
    yield from _summary(checked, notes=notes, points=points)


def _finding(finding: Finding) -> Iterator[str]:
    style = _STYLE[finding.severity]
    mark = f"{_MARK[finding.severity]} {finding.severity.value}: {finding.rule}"
    place = clean(finding.place)
    # A place stays whole, so that it can be copied: where it is long, on a line of its own.
    fits = len(mark) + 2 + len(place) <= WIDTH
    yield f"{style(mark)}  {place}" if fits else style(mark)
    yield from () if fits else wrapped(place, "    ")
    yield from wrapped(clean(finding.message), "    ")
    yield from wrapped(f"remedy: {clean(finding.remedy)}", "    ")
    for other in finding.also[:4]:
        yield from map(faint, wrapped(clean(f"see also {other} {other.path}"), "      ", first="    "))


def _point(point: OpenPoint) -> Iterator[str]:
    yield from wrapped(clean(f"{point.id}: {point.what}"), "    ", first="  ? ")
    yield from wrapped(f"until then: {clean(point.default)}", "      ")


def _summary(checked: Checked, *, notes: bool, points: bool) -> Iterator[str]:
    counts = {severity: len(checked.of(severity)) for severity in Severity}
    said = ", ".join(_count(counts[severity], severity.value) for severity in Severity if counts[severity])
    name = clean(checked.name)
    if checked.policy is None:
        yield from _marked(bad("✗"), f"{name} is no policy: {said}")
        return
    policy = checked.policy.policy
    sizes = [
        _count(len(policy.components), "component"),
        _count(len(policy.environments), "environment"),
        _count(len(policy.release_types), "release type"),
        _count(len(policy.gates), "gate"),
    ]
    mark = good("✓") if checked.ok else bad("✗")
    yield from _marked(mark, f"{name} is a policy: {', '.join(sizes)}")
    yield f"  {checked.policy.digest}"
    yield f"  {said or 'nothing to say against it'}" + (
        faint("  (--notes shows the notes)") if counts[Severity.NOTE] and not notes else ""
    )
    # What a file asks for in vain is said also where the notes are not shown.
    vain = [
        keys for one in checked.of(Severity.NOTE) if one.rule == not_enforced.LINT.id and (keys := idle(one.message))
    ]
    if vain and not notes:
        yield from wrapped(f"nothing acts yet on {clean('; '.join(vain))}", "    ", first="  ")
    if checked.undecided:
        hint = "" if points else faint("  (--undecided lists them)")
        yield f"  {_count(len(checked.undecided), 'point')} undecided, each with a default{hint}"


def _marked(mark: str, text: str) -> Iterator[str]:
    first, *more = wrapped(text, "  ", first="  ")
    yield f"{mark} {first[2:]}"
    yield from more


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
