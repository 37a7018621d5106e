"""The data of the pictures: the way through the environments, and the timeline around a release."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from tidegate.core.policy import Environment, Policy, Purpose
from tidegate.views.environments import in_order
from tidegate.views.explain.afterwards import owing, task_due
from tidegate.views.explain.environments import PURPOSES
from tidegate.views.explain.messages import happenings, messages_for
from tidegate.views.explain.model import Happening, Leg, Moment, Road, Stop, Stretch, Timeline
from tidegate.views.explain.names import Names, short
from tidegate.views.explain.operations import strategy_name
from tidegate.views.explain.words import all_of, any_of, days, hours, length, mark, plain, upper


def road_of(policy: Policy, names: Names, release_type: str = "") -> Road | None:
    """The environments in their order; of a release type with what it asks for itself, and without what it skips."""
    stops = tuple(_stop(policy, names, name, release_type) for name in in_order(policy))
    return Road(stops) if stops else None


def _stop(policy: Policy, names: Names, name: str, release_type: str) -> Stop:
    here = policy.environments[name]
    kind = policy.release_types.get(release_type)
    skips = {skipped.value for skipped in kind.skips} if kind else set()
    own = kind if kind and here.purpose is Purpose.PRODUCTION else None
    gates = dict.fromkeys([*here.gates, *(own.gates if own else ())])
    approvals = [*here.approvals, *(own.approvals if own else ())]
    return Stop(
        environment=name,
        title=upper(names.environment(name)),
        purpose=PURPOSES[here.purpose],
        after=tuple(
            Leg(
                after.environment,
                upper(names.environment(after.environment)),
                length(after.soak) if after.soak and "soak" not in skips else "",
            )
            for after in here.after
        ),
        gates=tuple(map(plain, gates)),
        approvals=tuple(names.approvals([rule]) for rule in approvals),
        opens="" if "windows" in skips else _opens(here),
        strategy=strategy_name(here.strategy),
    )


def _opens(here: Environment) -> str:
    if here.windows is None:
        return ""
    return any_of(f"{days(rule.days)} {hours(rule.opens, rule.closes)}" for rule in here.windows) or "never"


def timeline_of(policy: Policy, names: Names, release_type: str = "") -> Timeline | None:
    """What happens around a release, before and after; None where nothing is said of it."""
    found: dict[timedelta, dict[Happening, None]] = {}
    for when, happening in _happenings(policy, names, release_type):
        found.setdefault(when, {})[happening] = None
    stretches = tuple(_stretches(policy, names, release_type))
    if not found and not stretches:
        return None
    found.setdefault(timedelta(0), {})
    moments = tuple(Moment(when.total_seconds(), mark(when), tuple(found[when])) for when in sorted(found))
    return Timeline(moments, stretches)


def _happenings(policy: Policy, names: Names, release_type: str) -> Iterator[tuple[timedelta, Happening]]:
    types = [release_type] if release_type else list(policy.release_types)
    for name in types:
        notice = policy.release_types[name].notice
        if notice:
            yield -notice, Happening("notice", f"{upper(names.type(name))} announced by now")
    messages = messages_for(policy, release_type) if release_type else policy.communication
    for when, text in happenings(messages):
        yield when, Happening("message", text)
    for milestone in policy.milestones.values():
        if milestone.at is not None and (not release_type or not milestone.types or release_type in milestone.types):
            yield milestone.at, Happening("milestone", short(milestone.title))
    for task in policy.tasks.values():
        if not release_type or not task.types or release_type in task.types:
            yield task_due(task), Happening("task", task.says)
    for key, review in policy.reviews.items():
        owed = owing(policy, key)
        if review.after is not None and (not release_type or not owed or release_type in owed):
            yield review.after, Happening("review", short(review.title))


def _stretches(policy: Policy, names: Names, release_type: str) -> Iterator[Stretch]:
    kind = policy.release_types.get(release_type)
    skips = {skipped.value for skipped in kind.skips} if kind else set()
    for name, here in names.production().items():
        if here.freeze and "freeze" not in skips:
            joins = f"only {all_of(here.freeze.allow)} still join" if here.freeze.allow else "nothing joins"
            before = here.freeze.before.total_seconds()
            yield Stretch("freeze", -before, 0, f"Freeze for {length(here.freeze.before)}: {joins}")
        if name in policy.watch:
            watch = policy.watch[name].lasts
            yield Stretch("watch", 0, watch.total_seconds(), f"Watched for {length(watch)}")
