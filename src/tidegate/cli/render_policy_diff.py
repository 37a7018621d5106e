"""Two policies compared, as lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from tidegate.cli.render import MARK, rehearsal_lines
from tidegate.cli.text import bad, clean, doubtful, faint, good, strong, wrapped
from tidegate.views.moments import counted, moment
from tidegate.views.policy_diff import AnswerLine, DifferenceLine, PolicyDiffView, Reason, Side

_Paint = Callable[[str], str]


def policy_diff_lines(view: PolicyDiffView) -> list[str]:
    """What became stricter, looser, another; then the releases whose answer is another."""
    lines = [*rehearsal_lines(view.after.rehearsal or view.before.rehearsal), *_sides(view.before, view.after)]
    if not view.differs:
        return [*lines, "", "the two are the same policy"]
    for title, mark, paint, found in (
        ("stricter", "+", good, view.stricter),
        ("looser", "-", bad, view.looser),
        ("other", "~", doubtful, view.other),
    ):
        if found:
            lines += ["", strong(f"{title} ({len(found)})"), *_differences(found, mark, paint)]
    return [*lines, *_answers(view)]


def _sides(before: Side, after: Side) -> Iterator[str]:
    for word, side in (("from", before), ("to  ", after)):
        yield f"{word} {clean(side.name)}  {faint(f'{side.digest[:19]}…')}"


def _differences(found: tuple[DifferenceLine, ...], mark: str, paint: _Paint) -> Iterator[str]:
    for one in found:
        first, *more = wrapped(clean(one.what), "      ", first="  x ")
        yield first.replace("  x ", f"  {paint(mark)} ", 1)
        yield from more
        if one.where:
            yield faint(f"      {clean(one.where)}")


def _answers(view: PolicyDiffView) -> Iterator[str]:
    if view.asked is None:
        return
    yield ""
    yield strong(f"open releases ({counted(view.asked, 'answer')}, {len(view.answers)} changed)")
    for answer in view.answers:
        yield from _answer(answer, view)
    if view.held:
        said = (
            f"by itself the policy answers otherwise, and the one they were opened under stays: {', '.join(view.held)}"
        )
        yield from wrapped(clean(said), "    ", first="  ")


def _answer(answer: AnswerLine, view: PolicyDiffView) -> Iterator[str]:
    same = answer.was is answer.now
    change = (
        f"stays {MARK[answer.now]} {answer.now.value}"
        if same
        else f"{MARK[answer.was]} {answer.was.value} became {MARK[answer.now]} {answer.now.value}"
    )
    yield from wrapped(f"{clean(answer.release)} in {clean(answer.environment)}: {change}", "      ", first="  ")
    if answer.was_possible != answer.now_possible:
        was, now = (_when(at, view) for at in (answer.was_possible, answer.now_possible))
        yield from wrapped(f"next possible: {now}; before: {was}", "      ", first="    ")
    yield from _reasons("now in the way", answer.in_the_way)
    yield from _reasons("no longer in the way", answer.out_of_the_way)


def _when(at: datetime | None, view: PolicyDiffView) -> str:
    if at is None:
        return "not within 400 days"
    return moment(at, view.tz, view.at) if at > view.at else "at once, if all else is met"


def _reasons(title: str, reasons: tuple[Reason, ...]) -> Iterator[str]:
    for reason in reasons:
        yield from wrapped(f"{title}: {clean(reason.rule)}: {clean(reason.message)}", "      ", first="    ")
