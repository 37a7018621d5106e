"""The timeline of a release: what is due when, backwards and forwards from the moment at which it can go.

Only what the policy says stands in it. Each entry names the key of the policy that asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from tidegate.core.calendar import instant
from tidegate.core.course import Course, Leg, Planner, binds, milestones_of, offset_of
from tidegate.core.debt import WITHIN
from tidegate.core.frequency import parse_frequency
from tidegate.core.notice import announcements, early_announcements, moment_of
from tidegate.core.policy import OWNERS, ApprovalRule, Message, Occasion, Phase, Purpose, ReleaseType, Skippable
from tidegate.core.span import Span, format_offset, parse_span
from tidegate.core.spoken import listed, spell

_NOTHING, _HOUR = timedelta(0), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Event:
    """Something on the timeline: when, what, and the key of the policy that says so."""

    at: datetime
    what: str
    because: str


@dataclass(frozen=True, slots=True)
class Late:
    """Something that was due before today, by ``late_by``; a release from ``in_time`` on has it in time.

    ``in_time`` is None where no such release is foreseen.
    """

    what: str
    due: datetime
    late_by: timedelta
    in_time: datetime | None


def timeline(planner: Planner, course: Course) -> tuple[Event, ...]:
    """Everything that is due, in the order of time; what is counted from a moment that never comes is left out."""
    goal = course.last if course.earliest is not None else None
    found = [*_beginning(planner, goal.opens if goal else None), *_on_the_way(planner, course)]
    if goal is not None and goal.opens is not None:
        found += [*_before(planner, goal.opens), *_going(planner, goal, goal.opens), *_afterwards(planner, goal)]
    once = dict.fromkeys(found)
    return tuple(sorted(once, key=lambda event: event.at))


def late(planner: Planner, course: Course) -> tuple[Late, ...]:
    """What of the way to the earliest moment lies before today already, and when it would not."""
    goal = course.last if course.earliest is not None else None
    if goal is None or goal.opens is None:
        return ()
    opens, now = goal.opens, planner.now
    found = [
        Late(event.what, event.at, now - event.at, _in_time(planner, event, opens))
        for event in _before(planner, opens)
        if event.at < now
    ]
    return tuple(sorted(found, key=lambda one: one.due))


def _in_time(planner: Planner, event: Event, opens: datetime) -> datetime | None:
    """The first moment to go at which something before it would not be late.

    What is counted in civil days may lie an hour nearer to one release than to the next: then it is put off once more.
    """
    behind = planner.now - event.at
    earliest = planner.not_before(opens + behind).course().earliest
    if earliest is None:
        return None
    same = (each.at for each in _before(planner, earliest) if (each.what, each.because) == (event.what, event.because))
    still = planner.now - next(same, planner.now)
    return planner.not_before(earliest + still).course().earliest if still > _NOTHING else earliest


def _type(planner: Planner) -> ReleaseType | None:
    return planner.policy.release_types.get(planner.facts.release.type)


# The beginning.


def _beginning(planner: Planner, opens: datetime | None) -> Iterator[Event]:
    kind, release = _type(planner), planner.facts.release
    of = f"release_types.{release.type}"
    if kind is None:
        return
    because = f"{of}.horizon: {kind.horizon}" if kind.horizon else f"release_types.{release.type}"
    yield Event(release.opened_at, "planning begins: the release is opened", because)
    if kind.notice and Skippable.NOTICE not in kind.skips:
        said = _announced(planner, opens, kind.notice)
        key = f"{of}.notice: {spell(kind.notice)}"
        yield Event(said, f"announcement: {spell(kind.notice, possessive=True)} notice begins on its delivery", key)
        yield Event(said + kind.notice, f"{spell(kind.notice, possessive=True)} notice is over", key)
    if kind.horizon and (span := parse_span(kind.horizon)).least:
        yield Event(release.opened_at + span.least, f"planned long enough ahead ({spell(span.least)})", f"{of}.horizon")
    if kind.change and kind.change in planner.policy.changes.categories:
        within = planner.policy.changes.categories[kind.change].within
        key = f"changes.categories.{kind.change}"
        if within:
            yield Event(release.opened_at + within, f"the {kind.change} change request is decided", f"{key}.within")
    yield from _said_on(planner, Occasion.OPENED, release.opened_at)


def _announced(planner: Planner, opens: datetime | None, notice: timedelta) -> datetime:
    """When it is announced: now, or at a time that is to come where the policy has it so, in time for its notice."""
    policy, type_, announced_at = planner.policy, planner.facts.release.type, planner.facts.release.announced_at
    # Of what nobody has opened yet it is taken that it is announced now.
    if announced_at is not None and announced_at < planner.now:
        return announced_at
    said = [*announcements(policy, type_), *early_announcements(policy, type_)]
    times = [message.at for message in said if message.at is not None]
    if opens is None or not times or any(message.on for message in said):
        return planner.now
    at = moment_of(min(times), opens, planner.policies.current.tz)
    return max(planner.now, min(at, opens - notice))


# The way through the environments.


def _on_the_way(planner: Planner, course: Course) -> Iterator[Event]:
    for leg in course.legs:
        if leg.environment in course.goals or leg.opens is None or leg.good is None:
            continue
        where = planner.policy.environments[leg.environment]
        key = f"environments.{leg.environment}"
        if leg.there:
            yield Event(leg.opens, f"{leg.environment}: found good there", key)
        else:
            yield from _approvals(planner, leg.environment, leg.opens)
            yield Event(leg.opens, f"{leg.environment}: the rollout may start", f"{key}.purpose: {where.purpose.value}")
            if leg.good > leg.opens:
                watched = spell(leg.good - leg.opens)
                yield Event(leg.good, f"{leg.environment}: watched for {watched}", f"watch.{leg.environment}.for")
        yield from _soaks(planner, course, leg.environment, leg.good)
    for leg in course.legs:
        if leg.environment in course.goals and leg is not course.last and leg.opens is not None:
            key = f"environments.{leg.environment}.purpose: production"
            yield Event(leg.opens, f"{leg.environment}: the rollout may start", key)


def _soaks(planner: Planner, course: Course, before: str, good: datetime) -> Iterator[Event]:
    kind = _type(planner)
    if kind is not None and Skippable.SOAK in kind.skips:
        return
    for leg in course.legs:
        for after in planner.policy.environments[leg.environment].after:
            if after.environment == before and after.soak:
                key = f"environments.{leg.environment}.after: {before}, soak {spell(after.soak)}"
                yield Event(good + after.soak, f"{before}: {spell(after.soak, possessive=True)} soak is over", key)
                latest = leg.opens - after.soak if leg.opens else good
                if latest > good:
                    yield Event(latest, f"{before}: found good by now, at the latest", key)


def _approvals(planner: Planner, environment: str, at: datetime) -> Iterator[Event]:
    """Whose yes is due by then."""
    policy, kind = planner.policy, _type(planner)
    where = policy.environments[environment]
    sources: list[tuple[str, tuple[ApprovalRule, ...]]] = [(f"environments.{environment}", where.approvals)]
    if kind is not None and where.purpose is Purpose.PRODUCTION:
        sources.append((f"release_types.{planner.facts.release.type}", kind.approvals))
    for key, rules in sources:
        asked = [approver(rule) for rule in rules if not rule.types or planner.facts.release.type in rule.types]
        if asked:
            yield Event(at, f"approvals for {environment} due: {listed(asked)}", f"{key}.approvals")


def approver(rule: ApprovalRule) -> str:
    """Whose yes a demand asks for: ``2 of module-team``, ``architects as architecture-review``."""
    number = f"{rule.count} of " if rule.count > 1 else ""
    role = f" as {rule.role}" if rule.role else ""
    return f"{number}{'the owners' if rule.group == OWNERS else rule.group}{role}"


# Before it goes.


def _before(planner: Planner, opens: datetime) -> Iterator[Event]:
    """What is counted backwards from the release."""
    yield from _milestones(planner, opens)
    yield from _phases(planner, opens)
    yield from _said_at(planner, opens, before=True)


def _milestones(planner: Planner, opens: datetime) -> Iterator[Event]:
    ends = {phase.name: end for phase, _, end in _laid(planner, opens)}
    for name, milestone in milestones_of(planner.policy, planner.facts).items():
        at = opens + milestone.at if milestone.at is not None else ends.get(milestone.after_phase or "")
        if at is None or (milestone.allow is not None and milestone.at is not None and _skips_freeze(planner)):
            continue
        more = ""
        if milestone.allow is not None:
            more += f"; from then on only {listed(milestone.allow, 'or') or 'nothing'} may join"
        if more and milestone.at is not None and not binds(planner.policy, planner.facts, milestone):
            more += ", as all of this release may"
        more += "; the release branch is locked" if milestone.locks_branch else ""
        more += f"; the checklist {milestone.checklist} is ticked" if milestone.checklist else ""
        yield Event(at, f"{milestone.title}{more}", f"milestones.{name}: {offset_of(milestone)}")


def _skips_freeze(planner: Planner) -> bool:
    kind = _type(planner)
    return kind is not None and Skippable.FREEZE in kind.skips


def _phases(planner: Planner, opens: datetime) -> Iterator[Event]:
    """The phases before it goes and the one in which it does; what comes later is told with what is due afterwards."""
    kind = _type(planner)
    for phase, begins, _ in _laid(planner, opens):
        if begins < opens and phase.lasts and kind:
            yield Event(begins, f"{phase.name} begins ({phase.lasts})", f"processes.{kind.process}.{phase.name}")


def _laid(planner: Planner, opens: datetime) -> list[tuple[Phase, datetime, datetime]]:
    """The phases with when each begins and ends, so that the one that goes to production ends when it goes.

    They are given as much of their time as there is between today and then: all the same share of what lies between
    the shortest and the longest, in whole hours. A phase without a length takes none.
    """
    kind = _type(planner)
    process = planner.policy.processes.get(kind.process or "") if kind else None
    if process is None or not any(phase.lasts for phase in process.phases):
        return []
    goes = _going_phase(process.phases)
    spans = [phase.span() for phase in process.phases]
    share = _share([span for span in spans[: goes + 1] if span], opens - planner.now)
    lengths = [_of_span(span, share) for span in spans]
    begins = opens - sum(lengths[: goes + 1], _NOTHING)
    laid = []
    for phase, length in zip(process.phases, lengths, strict=True):
        laid.append((phase, begins, begins + length))
        begins += length
    return laid


def _share(spans: Sequence[Span], room: timedelta) -> float:
    least = sum((span.least for span in spans), _NOTHING)
    most = sum((span.most for span in spans), _NOTHING)
    return min(1.0, max(0.0, (room - least) / (most - least))) if most > least else 1.0


def _of_span(span: Span | None, share: float) -> timedelta:
    if span is None:
        return _NOTHING
    # Above the shortest in whole hours, and never rounded up: together they must not begin before today.
    return span.least + (share * (span.most - span.least)) // _HOUR * _HOUR


def _going_phase(phases: tuple[Phase, ...]) -> int:
    """Which phase goes to production: the last one whose name says so, else the last of all.

    In a policy with a phase for staging and one for production, what is called ``deploy-to-production`` is meant.
    """
    for words in (("production",), ("release", "deployment", "deploy", "rollout")):
        named = [n for n, phase in enumerate(phases) if any(_says(phase.name, word) for word in words)]
        if named:
            return named[-1]
    return len(phases) - 1


def _says(name: str, word: str) -> bool:
    return word in name.split("-") and "post" not in name.split("-") and "pre" not in name.split("-")


def _said_at(planner: Planner, opens: datetime, *, before: bool) -> Iterator[Event]:
    for index, message in enumerate(planner.policy.communication):
        if message.at is None or (message.at <= _NOTHING) is not before or not _concerns(planner, message.types):
            continue
        at = moment_of(message.at, opens, planner.policies.current.tz)
        yield Event(at, _told(planner, message), f"communication[{index}].at: {format_offset(message.at)}")
    for message in early_announcements(planner.policy, planner.facts.release.type) if before else ():
        at = moment_of(message.at or _NOTHING, opens, planner.policies.current.tz)
        yield Event(at, _told(planner, message), f"release_types.{planner.facts.release.type}.notice")


def _said_on(planner: Planner, occasion: Occasion, at: datetime) -> Iterator[Event]:
    for index, message in enumerate(planner.policy.communication):
        if message.on is occasion and _concerns(planner, message.types):
            yield Event(at, _told(planner, message), f"communication[{index}].on: {occasion.value}")


def _told(planner: Planner, message: Message) -> str:
    template = planner.policy.templates.get(message.say)
    said = message.say.replace("-", " ")
    if template is not None and template.title:
        said = _filled(planner, template.title)
    more = f"; {listed(message.does)}" if message.does else ""
    return f"message to {listed(message.to)}: {said}{more}"


def _filled(planner: Planner, title: str) -> str:
    """The subject of a message, for the release that is planned."""
    release = planner.facts.release
    item = release.items[0] if len(release.items) == 1 else None
    known: Mapping[str, str] = {
        "component": item.component if item else listed(i.component for i in release.items),
        "version": item.to_version if item else "",
        "type": release.type,
    }
    for name, value in known.items():
        title = title.replace(f"{{{name}}}", value)
    return " ".join(title.split())


def _concerns(planner: Planner, types: Iterable[str]) -> bool:
    named = tuple(types)
    return not named or planner.facts.release.type in named


# When it goes.


def _going(planner: Planner, goal: Leg, opens: datetime) -> Iterator[Event]:
    policy, where = planner.policy, goal.environment
    kind, environment = _type(planner), policy.environments[where]
    yield from _frozen(planner, goal, opens)
    yield from _approvals(planner, where, opens)
    template = policy.release_templates.get(planner.facts.release.template)
    own = [of for of in (kind, template) if of is not None] if kind and _in_production(planner, where) else []
    named = dict.fromkeys([*environment.checklists, *(name for of in own for name in of.checklists)])
    if named:
        yield Event(opens, f"ticked by now: {listed(named)}", f"environments.{where}.checklists")
    papers = dict.fromkeys([*environment.documents, *(name for of in own for name in of.documents)])
    if papers:
        yield Event(opens, f"written by now: {listed(papers)}", f"environments.{where}.documents")
    for name, closes in _boarded(planner, where, opens):
        yield Event(
            opens,
            f"the {name} train can be boarded for {spell(closes - opens)}",
            f"trains.{name}.every: {policy.trains[name].every}",
        )
    if environment.windows is not None and not (kind and Skippable.WINDOWS in kind.skips):
        windows = [f"{w.days} {w.opens}-{w.closes}" for w in environment.windows]
        yield Event(opens, f"a window of {where} is open", f"environments.{where}.windows: {listed(windows, 'or')}")
    strategy = environment.strategy.kind.replace("_", " ")
    yield Event(opens, f"{where}: the rollout may start", f"environments.{where}.strategy: {strategy}")
    yield from _said_on(planner, Occasion.PROGRESSED, opens)


def _in_production(planner: Planner, environment: str) -> bool:
    return planner.policy.environments[environment].purpose is Purpose.PRODUCTION


def _boarded(planner: Planner, environment: str, opens: datetime) -> Iterator[tuple[str, datetime]]:
    """The trains that stand at the platform when it goes, each with the time at which it is gone."""
    kind = _type(planner)
    if kind is not None and Skippable.TRAIN in kind.skips:
        return
    book = planner.policies.current
    for item in planner.facts.release.items:
        for name, train in book.policy.trains_of(item.component).items():
            run = book.timetables[name].departure_at_or_after(opens) if train.to == environment else None
            if run is not None and run.opens <= opens < run.closes:
                yield name, run.closes


def _frozen(planner: Planner, goal: Leg, opens: datetime) -> Iterator[Event]:
    freeze = planner.policy.environments[goal.environment].freeze
    if freeze is None or _skips_freeze(planner):
        return
    at = opens - freeze.before
    milestones = milestones_of(planner.policy, planner.facts).values()
    if any(one.allow is not None and one.at == -freeze.before for one in milestones):
        return  # The milestone of that moment tells it.
    what = f"freeze: from now on only {listed(freeze.allow, 'or') or 'nothing'} may join"
    yield Event(at, what, f"environments.{goal.environment}.freeze: {spell(freeze.before)}")


# Afterwards.


def _afterwards(planner: Planner, goal: Leg) -> Iterator[Event]:
    opens = goal.opens
    if opens is None:
        return
    policy = planner.policy
    watch = policy.watch.get(goal.environment)
    over = opens + watch.lasts if watch else opens
    if watch:
        yield Event(over, f"{goal.environment}: watched for {spell(watch.lasts)}", f"watch.{goal.environment}.for")
    yield from _said_on(planner, Occasion.COMPLETED, over)
    yield from _said_at(planner, opens, before=False)
    for name, task in policy.tasks.items():
        if _concerns(planner, task.types):
            by = f" ({task.by})" if task.by else ""
            yield Event(opens + parse_span(task.due).most, f"done by now: {task.says}{by}", f"tasks.{name}: {task.due}")
    for number, criterion in enumerate(policy.success):
        if criterion.after:
            yield Event(over + criterion.after, f"judged: {criterion.says}", f"success[{number}].after")
    yield from _reviews(planner, opens)
    yield from _owed(planner, over)
    kind = _type(planner)
    for phase, begins, _ in _laid(planner, opens):
        if begins >= opens and phase.lasts and kind:
            yield Event(begins, f"{phase.name} begins ({phase.lasts})", f"processes.{kind.process}.{phase.name}")


def _reviews(planner: Planner, opens: datetime) -> Iterator[Event]:
    tz = planner.policies.current.tz
    for name, review in planner.policy.reviews.items():
        by = f" ({review.by})" if review.by else ""
        if review.after:
            yield Event(opens + review.after, f"review: {review.title}{by}", f"reviews.{name}.after")
        elif review.every and parse_frequency(review.every).every is not None:
            day = _next_day(review.every, opens.astimezone(tz).date())
            if day is not None:
                what = f"review that has it in sight: {review.title}{by}"
                yield Event(instant(day, time(0), tz), what, f"reviews.{name}.every: {review.every}")


def _next_day(every: str, day: date) -> date | None:
    try:
        return parse_frequency(every).next_day(day)
    except (ValueError, OverflowError):
        return None


def _owed(planner: Planner, over: datetime) -> Iterator[Event]:
    """What a release of the type owes when it is done."""
    kind = _type(planner)
    if kind is None:
        return
    owed, key = kind.afterwards, f"release_types.{planner.facts.release.type}.afterwards"
    if owed.post_mortem is not None:
        yield Event(over + owed.post_mortem, "the post-mortem is written", f"{key}.post_mortem")
    if owed.documents:
        within = owed.post_mortem or WITHIN
        yield Event(over + within, f"written afterwards: {listed(owed.documents)}", f"{key}.documents")
    if owed.retrospective_approval:
        within = owed.approval_within or WITHIN
        whose = listed(approver(rule) for rule in owed.retrospective_approval)
        yield Event(over + within, f"approved afterwards: {whose}", f"{key}.retrospective_approval")
