"""A decision as a tree of 80 columns: what stands in the way in full, what passes in a line, and when it could go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tidegate.cli.render import mark, rehearsal_lines
from tidegate.cli.text import clean, doubtful, faint, strong, wrapped
from tidegate.core.decision import Finding
from tidegate.core.verdict import Verdict
from tidegate.views.decision import ChapterView, DecisionView, chapters_of
from tidegate.views.moments import in_zone, moment

_TITLE = 11
"""Columns for the titles of chapters."""


def decision_lines(view: DecisionView) -> list[str]:
    """The verdict; the tree of what was asked, chapter by chapter; and when it could go."""
    decision = view.decision
    question = decision.question
    what = f"{question.action.value} {clean(view.release)} in {clean(question.environment)}"
    word = mark(decision.verdict, strong(decision.verdict.value))
    lines = [*rehearsal_lines(view.rehearsal), f"{word}: {what}{faint(view.assumed and f'  ({view.assumed})')}"]
    lines += _supposed(view)
    chapters = view.chapters
    for number, chapter in enumerate(chapters, 1):
        lines += _chapter(view, chapter, last=number == len(chapters))
    return lines if decision.allowed else [*lines, "", *wrapped(_next_possible(view), "  ", first="")]


def in_the_way(findings: Sequence[Finding]) -> list[str]:
    """What stands in the way, alone, each with its remedy: for pages on which the decision is one part."""
    return [
        line
        for chapter in chapters_of(findings)
        for finding in chapter.against
        for line in _finding(finding, "  ", note=_pinned(finding))
    ]


def refusal_lines(error: object) -> list[str]:
    """A refusal, told as its decision."""
    judged = getattr(error, "judged")  # noqa: B009  any error that carries what was judged
    policy = judged.policies.current.policy
    view = DecisionView(judged.decision, judged.row.facts.id, judged.policies.current.tz, policy.rehearsal or "")
    return decision_lines(view)


def _supposed(view: DecisionView) -> Iterator[str]:
    """What was supposed, and the decision without it."""
    if view.really is None:
        return
    for text in view.supposing:
        yield from wrapped(f"supposing {clean(in_zone(text, view.tz))}", "    ", first="  ")
    left = len(view.really.against())
    yield f"  without that: {mark(view.really.verdict, view.really.verdict.value)}, {left} in the way"


def _chapter(view: DecisionView, chapter: ChapterView, *, last: bool) -> Iterator[str]:
    """A chapter: in a line where all of it passes, else with each of its findings."""
    fork, stem = ("└─", "  ") if last else ("├─", "│ ")
    title = f"{faint(fork)} {mark(chapter.verdict)} {chapter.title.ljust(_TITLE)}"
    if not chapter.against and not any(view.settled(each) or each.notable for each in chapter.findings):
        hanging = f"{stem}{' ' * (_TITLE + 3)}"
        first, *more = wrapped(", ".join(passed_words(chapter.findings)), hanging, first=" " * len(hanging))
        yield title + first[len(hanging) :]
        yield from (faint(stem) + line[len(stem) :] for line in more)
        return
    passing = len(chapter.findings) - len(chapter.against)
    words = (f"{len(chapter.against)} in the way" * bool(chapter.against), f"{passing} pass" * bool(passing))
    yield title + ", ".join(filter(None, words))
    for number, finding in enumerate(chapter.findings, 1):
        fork, inner = ("└─", "  ") if number == len(chapter.findings) else ("├─", "│ ")
        note = _pinned(finding) + (" (supposed)" if view.settled(finding) else "")
        yield from _finding(finding, f"{stem}{fork} ", f"{stem}{inner} ", note)


def _finding(finding: Finding, first: str, rest: str = "", note: str = "") -> Iterator[str]:
    """A finding with its remedy, behind what draws the tree: ``first`` before its first line, ``rest`` below."""
    rest = rest or " " * len(first)
    lines = wrapped(f"{clean(finding.rule)}: {clean(finding.message)}{note}", f"{rest}  ", first=f"{first}  ")
    sign = doubtful("!") if finding.notable else mark(finding.verdict)
    yield faint(first) + sign + lines[0][len(first) + 1 :]
    yield from (faint(rest) + line[len(rest) :] for line in lines[1:])
    if finding.remedy and finding.verdict is not Verdict.ALLOW:
        for line in wrapped(f"> {clean(finding.remedy)}", f"{rest}    ", first=f"{rest}  "):
            yield faint(line)


def _pinned(finding: Finding) -> str:
    return " (pinned policy)" if finding.policy == "pinned" else ""


def _next_possible(view: DecisionView) -> str:
    decision = view.decision
    if view.next_possible is None:
        return "next possible: not within 400 days"
    if view.next_possible <= decision.decided_at:
        return "next possible: as soon as that is met; time is not in the way"
    when = strong(moment(view.next_possible, view.tz, decision.decided_at))
    return f"next possible: {when}{'' if decision.blocked_by_time_only else ', if all else is met by then'}"


def passed_words(findings: Iterable[Finding]) -> Sequence[str]:
    """The rules that pass, each with how often."""
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding.rule] = counts.get(finding.rule, 0) + 1
    return [clean(rule) + (f" ({count})" if count > 1 else "") for rule, count in counts.items()]
