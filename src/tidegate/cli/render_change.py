"""A change request as a page of lines."""

from __future__ import annotations

from datetime import datetime, tzinfo

from tidegate.cli.render import state_word
from tidegate.cli.text import bad, clean, columns, doubtful, faint, good, strong, wrapped
from tidegate.core.risk import Level
from tidegate.views.change import ChangeView, SeatsView, StepView
from tidegate.views.moments import moment


def change_page(view: ChangeView, tz: tzinfo, now: datetime) -> list[str]:
    """Everything about a change request."""
    lines = [f"{strong(view.id)}  {state_word(view.state.value)}  {clean(view.category)}"]
    lines += wrapped(clean(view.title), "  ", first="  ")
    lines += columns(_facts(view, tz, now), indent="  ")
    lines += _section("releases", [_for(view, number) for number in range(len(view.releases))])
    lines += _section("impact", _impact(view))
    lines += _section("steps", [_step(step, tz, now) for step in view.steps])
    if view.risk is not None:
        lines += ["", "risk", *risk_lines(view.risk)]
    lines += _section("what the risk demands", [_mitigation(view, number) for number in range(len(view.mitigations))])
    lines += _section("decision", _decision(view, tz, now))
    if view.outcome:
        lines += ["", *wrapped(f"how it went: {clean(view.outcome)}", "  ", first="")]
    return [*lines, "", *wrapped(f"next: {clean(view.next)}", "      ", first="")] if view.next else lines


def _facts(view: ChangeView, tz: tzinfo, now: datetime) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("why", clean(view.reason))]
    if view.description:
        rows.append(("what", clean(view.description)))
    if view.entry:
        rows.append(("entry", clean(view.entry)))
    if view.ticket:
        where = f" at {clean(view.tickets)}" if view.tickets else ""
        says = f": {clean(view.ticket_says)}" if view.ticket_says else ""
        rows.append(("ticket", f"{clean(view.ticket)}{where}{says}"))
    rows.append(("opened", f"{moment(view.opened_at, tz, now)} by {clean(view.opened_by)}"))
    if view.submitted_at:
        rows.append(("submitted", moment(view.submitted_at, tz, now)))
    if view.closed_at:
        rows.append(("ended", moment(view.closed_at, tz, now)))
    return rows


def _section(title: str, rows: list[tuple[str, ...]]) -> list[str]:
    return ["", title, *columns(rows, indent="  ")] if rows else []


def _for(view: ChangeView, number: int) -> tuple[str, ...]:
    one = view.releases[number]
    if not one.environments:
        return (clean(one.release), "not submitted yet")
    where = f"for {clean(', '.join(one.environments))}"
    return (
        clean(one.release),
        where if one.unchanged else f"{where}; {bad('something changed since it was submitted')}",
    )


def _impact(view: ChangeView) -> list[tuple[str, ...]]:
    said = view.assessment
    if said is None:
        return []
    rows: list[tuple[str, ...]] = [
        ("impact", clean(said.impact)),
        ("probability", clean(said.probability)),
        ("components", clean(", ".join(said.components))),
        ("clients", clean(", ".join(said.clients)) or "none"),
        ("downtime", clean(said.downtime) or "not said"),
        ("data", clean(said.data) or "not said"),
        ("rollback", clean(said.rollback) or "not said"),
    ]
    return [*rows, ("assessed by", clean(view.assessed_by) or bad("nobody whose signature holds"))]


def _step(step: StepView, tz: tzinfo, now: datetime) -> tuple[str, ...]:
    if step.done_by:
        when = f", {moment(step.done_at, tz, now)}" if step.done_at else ""
        how = f": {clean(step.how)}" if step.how else ""
        return (good("✓"), clean(step.name), f"{clean(step.done_by)}{when}{how}")
    by = f", by {clean(step.group)}" if step.group else ""
    later = " (afterwards)" if step.kind == "afterwards" else ""
    return (faint("•"), clean(step.name), f"{clean(step.says)}{by}{later}")


def risk_lines(risk: Level) -> list[str]:
    """The level of risk that holds, where it comes from, and each factor with what it contributes."""
    undecided = ", a cell that the matrix leaves undecided" if risk.undecided else ""
    lines = [
        f"  {strong(clean(risk.level) or 'nobody can tell')}",
        *wrapped(f"{clean(risk.stated) or 'nobody can tell'} from impact and probability{undecided}", "    "),
    ]
    if not risk.factors:
        return lines
    above = ", which is above what was stated" if risk.above else ""
    total = sum(factor.points for factor in risk.factors)
    head = f"{clean(risk.factual) or 'nobody can tell'} from facts ({total} points){above}"
    lines += [doubtful(line) if risk.above else line for line in wrapped(head, "    ")]
    rows: list[tuple[str, ...]] = [(f"+{factor.points}", clean(factor.says)) for factor in risk.factors]
    return lines + columns(rows, indent="      ")


def _mitigation(view: ChangeView, number: int) -> tuple[str, ...]:
    one = view.mitigations[number]
    if one.done_by:
        return (good("✓"), f"{one.number}.", f"{clean(one.says)}: {clean(one.how)} ({clean(one.done_by)})")
    return (bad("✗"), f"{one.number}.", clean(one.says))


def _decision(view: ChangeView, tz: tzinfo, now: datetime) -> list[tuple[str, ...]]:
    rows = [_seats(one) for one in view.approvals]
    rows += [(bad("✗"), clean(who), "said no") for who in view.rejected_by]
    rows += [(faint("-"), "not counted", clean(why)) for why in view.not_counted]
    if view.due_at and view.state.value == "submitted":
        said = "overdue since" if view.overdue else "due by"
        rows.append((doubtful("!") if view.overdue else faint("•"), said, moment(view.due_at, tz, now)))
    return rows


def _seats(one: SeatsView) -> tuple[str, ...]:
    given = f"{len(one.given)} of {one.count}"
    if len(one.given) >= one.count:
        return (good("✓"), clean(one.name), f"{given}: {clean(', '.join(one.given))}")
    have = f": {clean(', '.join(one.given))}" if one.given else ""
    return (faint("•"), clean(one.name), f"{given}{have}; may answer: {clean(', '.join(one.open_to)) or 'nobody'}")


def change_rows(views: list[ChangeView]) -> list[tuple[str, ...]]:
    """Change requests as a list."""
    return [
        (
            clean(view.id),
            state_word(view.state.value) + (f" {doubtful('overdue')}" if view.overdue else ""),
            clean(view.category),
            clean(", ".join(one.release for one in view.releases)),
            clean(view.title),
        )
        for view in views
    ]
