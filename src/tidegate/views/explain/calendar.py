"""When: trains, the calendar with its published dates, processes and milestones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.policy import (
    Blackout,
    BusinessCycle,
    DateOf,
    Freeze,
    Holidays,
    MaintenanceWindow,
    Milestone,
    Phase,
    Policy,
    Process,
    Selector,
    StatedDate,
    Train,
    WindowRule,
)
from tidegate.views.explain.model import Item, Topic, listing, tabled, topic
from tidegate.views.explain.names import Names
from tidegate.views.explain.not_yet import not_yet, of_roots
from tidegate.views.explain.words import (
    all_of,
    always,
    cadence,
    code,
    codes,
    days,
    dot,
    hours,
    length,
    offset,
    plain,
    semicolons,
    span,
    upper,
    weekday,
    window,
)


def trains_topic(policy: Policy, names: Names) -> Topic:
    """The cadences that releases ride."""
    return topic(
        "trains",
        "Release trains",
        (
            listing(
                "Releases ride these trains; a type that skips the train goes without:",
                (Item(train_sentence(names, t), upper(plain(n)), n) for n, t in policy.trains.items()),
            ),
        ),
        not_yet=not_yet(of_roots(policy, "trains")),
    )


def train_sentence(names: Names, train: Train) -> str:
    """Who rides it, when it departs, and where to."""
    ride = "rides" if train.of.component else "ride"
    where = names.environment(train.to)
    said = [f"{upper(_riders(names, train.of))} {ride} it to {where} {cadence(train.every)}."]
    if train.starts:
        said.append(f"Its periods are counted from {weekday(train.starts)}.")
    if train.lasts:
        said.append(f"A run can be boarded for {length(train.lasts)}.")
    if train.opens == "by-hand":
        said.append("People open its releases.")
    elif train.opens:
        said.append(f"It opens its releases {length(train.opens)} before it departs.")
    if train.content:
        said.append(f"It carries: {dot(semicolons(train.content))}")
    return " ".join(said)


def _riders(names: Names, of: Selector) -> str:
    return names.component(of.component) if of.component else f"all components of the kind {code(of.kind or '')}"


def calendar_topic(policy: Policy, names: Names) -> Topic:
    """What the year holds for everybody."""
    year = policy.calendar
    return topic(
        "calendar",
        "Calendar",
        (
            listing("Nothing goes on these days:", (blackout_item(names, b) for b in year.blackouts)),
            listing("Public holidays:", (holidays_sentence(names, h) for h in year.holidays)),
            listing("Times of the business:", (cycle_item(names, c) for c in year.business_cycles)),
            listing("Kept for maintenance:", (_maintenance(names, m) for m in year.maintenance)),
            tabled(
                "These dates were published; each is held against its train:",
                ("Date", "What", "Called", "Train", "Component", "Version", "Tag"),
                (_date_row(names, d) for d in year.dates),
            ),
        ),
        not_yet=not_yet(of_roots(policy, "calendar")),
    )


def blackout_item(names: Names, blackout: Blackout) -> Item:
    """The days, where, who may go nevertheless, and why."""
    where = _where(names, blackout.environments)
    said = [f"{weekday(blackout.starts)} to {weekday(blackout.ends)}, both included: nothing goes{where}."]
    if blackout.exempt:
        said.append(f"{upper(names.types(blackout.exempt))} go nevertheless.")
    if blackout.components:
        said.append(f"It is for {all_of(map(names.component, blackout.components))} alone.")
    if blackout.because:
        said.append(f"Why: {dot(blackout.because)}")
    return Item(" ".join(said), blackout.name)


def _where(names: Names, environments: Sequence[str] | None) -> str:
    if environments is None:
        return " to production"
    return f" to {names.environments(environments)}" if environments else " nowhere: it holds in no environment"


def holidays_sentence(names: Names, holidays: Holidays) -> str:
    """Whose holidays close everything."""
    exempt = f"; {names.types(holidays.exempt)} go nevertheless" if holidays.exempt else ""
    return f"Nothing goes to production on {holidays_of(holidays)}{exempt}."


def holidays_of(holidays: Holidays) -> str:
    """``the public holidays of CA in US``."""
    where = f"{holidays.subdivision} in {holidays.country}" if holidays.subdivision else holidays.country
    return f"the public holidays of {where}"


def cycle_item(names: Names, cycle: BusinessCycle) -> Item:
    said = [
        f"It begins {cadence(cycle.every)}, counted from {weekday(cycle.starts)}, and lasts {length(cycle.lasts)}.",
        "Nothing goes to production meanwhile." if cycle.closed else "Planning keeps clear of it; it closes nothing.",
    ]
    if cycle.exempt:
        said.append(f"{upper(names.types(cycle.exempt))} go nevertheless.")
    return Item(" ".join(said), cycle.name)


def _maintenance(names: Names, window_: MaintenanceWindow) -> Item:
    where = _where(names, window_.environments).replace(" to ", " in ")
    said = [f"{upper(days(window_.days))} {hours(window_.opens, window_.closes)}{where}."]
    whom = names.types(window_.types) if window_.types else "releases of all types that keep to windows"
    said.append(f"{upper(whom)} start only inside it.")
    return Item(" ".join(said), window_.name)


_DATED = {
    DateOf.RELEASE: "Release",
    DateOf.NOTES: "Release notes",
    DateOf.FREEZE: "Freeze",
    DateOf.ANNOUNCEMENT: "Announcement",
}


def _date_row(names: Names, stated: StatedDate) -> tuple[str, ...]:
    return (
        weekday(stated.date),
        _DATED[stated.of],
        stated.event or "",
        plain(stated.train) if stated.train else "",
        names.component(stated.component) if stated.component else "",
        stated.version or "",
        stated.tag or "",
    )


def windows_sentence(windows: Sequence[WindowRule] | None, *, of: str, zone: str | None = None) -> str:
    """When a rollout may start, in the zone in which that is meant where it is an own one; empty where at any time."""
    if windows is None:
        return ""
    if not windows:
        return f"{of} has no window: nothing ever starts."
    if any(always(rule) for rule in windows):
        return "A rollout may start at any time: the windows leave none out."
    where = f", by the clocks of {zone}" if zone else ""
    return f"A rollout starts only {_or(map(window, windows))}{where}."


def _or(texts: Iterator[str]) -> str:
    return all_of(texts, "or")


def freeze_sentence(freeze: Freeze) -> str:
    """From when on only some changes still join."""
    joins = (
        f"only changes of the kinds {codes(freeze.allow)} still join" if len(freeze.allow) > 1 else "no change joins"
    )
    if len(freeze.allow) == 1:
        joins = f"only changes of the kind {codes(freeze.allow)} still join"
    return f"From {length(freeze.before)} before it goes, {joins}."


def processes_topic(policy: Policy, names: Names) -> Topic:
    """The phases that releases go through, and the milestones on their way."""
    return topic(
        "processes",
        "Processes and milestones",
        (
            listing(
                "Milestones of every release's way:",
                (milestone_item(names, n, m) for n, m in policy.milestones.items()),
            ),
        ),
        topics=(_process(name, process) for name, process in policy.processes.items()),
        not_yet=not_yet(of_roots(policy, "processes", "milestones")),
    )


def _process(name: str, process: Process) -> Topic:
    return topic(
        f"process-{name}",
        f"{upper(plain(name))} process",
        (listing("Its phases, one after the other:", map(phase_item, process.phases), ordered=True),),
        key=name,
    )


def phase_item(phase: Phase) -> Item:
    """How long a phase takes, what is done in it, and what may be committed."""
    said = [f"Takes {span(phase.lasts)}."] if phase.lasts else []
    if phase.does:
        said.append(dot(upper(semicolons(phase.does))))
    if phase.allows is not None:
        kinds = f"only changes of {'the kind' if len(phase.allows) == 1 else 'the kinds'} {codes(phase.allows)}"
        said.append(f"{upper(kinds) if phase.allows else 'No changes'} are committed in it.")
    return Item(" ".join(said) or "Nothing more is said of it.", upper(plain(phase.name)), phase.name)


def milestone_item(names: Names, name: str, milestone: Milestone, *, of_type: bool = False) -> Item:
    """When it is, and what it changes; ``of_type``: its types need not be said."""
    if milestone.at is not None:
        when = upper(offset(milestone.at))
    else:
        when = f"At the end of the phase {plain(milestone.after_phase or '')}"
    types = f", of {names.types(milestone.types)}" if milestone.types and not of_type else ""
    said = [f"{when}{types}."]
    if milestone.allow is not None:
        kinds = f"only changes of {'the kind' if len(milestone.allow) == 1 else 'the kinds'} {codes(milestone.allow)}"
        said.append(f"Afterwards {kinds if milestone.allow else 'no changes'} still join.")
    if milestone.locks_branch:
        said.append("The release branch is locked from then on.")
    if milestone.checklist:
        said.append(f"The checklist “{names.checklist(milestone.checklist)}” is ticked by then.")
    return Item(" ".join(said), milestone.title, name)
