"""What a release does to a database can be borne by the version that runs meanwhile, as the policy asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.decision import Finding
from tidegate.core.facts import Item
from tidegate.core.migration.advice import safe_way, why
from tidegate.core.migration.hazard import Brought, Danger, Hazard
from tidegate.core.migration.judging import is_major, refused
from tidegate.core.migration.way_back import chosen, goes_back
from tidegate.core.policy import Migrations
from tidegate.core.rules.rule import START, Context, Found, Rule, cannot_tell, denies, passes
from tidegate.core.rules.saying import at, count, names
from tidegate.core.rules.waiver import Waived, waived
from tidegate.core.verdict import Verdict

WAIVED_AS = "migrations"
"""The name under which the rule is waived, as a gate is by its own."""


def brought_to(context: Context, item: Item) -> Brought | None:
    """What was found of a component's migrations, against what runs in the environment; None: nobody has looked."""
    where = context.question.environment
    found = [one for one in context.facts.brought if (one.component, one.environment) == (item.component, where)]
    return min(found, key=repr, default=None)


def _of(context: Context, item: Item, rules: Migrations) -> Iterator[Finding]:
    brought = brought_to(context, item)
    if brought is None:
        what = f"nobody has looked at the migrations of {item.component}"
        yield cannot_tell(RULE.id, what, "ask where the repository is, by a command or a worker of this version")
        return
    if brought.unknown:
        yield cannot_tell(
            RULE.id, f"nobody can tell what {item.component} changes in the database: {brought.unknown}",
            "ask where the repository is, with its whole history",
        )  # fmt: skip
        return
    yield from _refusals(context, item, brought, rules)
    yield from _told(context, item, brought, rules)


def _refusals(context: Context, item: Item, brought: Brought, rules: Migrations) -> Iterator[Finding]:
    against = refused(brought.hazards, rules, major=is_major(brought.since, item.to_version))
    if not against:
        since = f"since {brought.since}" if brought.since else "and nothing runs there"
        done = f"{item.component} has {count(len(brought.scripts), 'migration')} {since}"
        yield passes(RULE.id, f"{done}: each as the policy asks")
    waiver = _waiver(context, rules)
    for danger in Danger:
        of_it = [(hazard, verdict, asks) for hazard, verdict, asks in against if hazard.danger is danger]
        if of_it:
            yield _or_waived(context, _refusal(context, item, danger, of_it), waiver, rules)


def _refusal(context: Context, item: Item, danger: Danger, of_it: Sequence[tuple[Hazard, Verdict, str]]) -> Finding:
    """One finding for all of a kind: the first that is refused, and how many more there are."""
    first, verdict, asks = next((one for one in of_it if one[1] is Verdict.DENY), of_it[0])
    more = f" (and {len(of_it) - 1} more of the kind)" if len(of_it) > 1 else ""
    step = next(iter(safe_way(first)), None)
    look = f"see the whole way: tidegate migration check {context.facts.release.id}"
    return (denies if verdict is Verdict.DENY else cannot_tell)(
        f"{RULE.id}.{danger.value}",
        f"{first.place} of {item.component}: {why(first)}{more}; {asks}",
        f"{step.what}; {look}" if step else look,
        [hazard.place for hazard, _, _ in of_it[:20]],
    )


def _waiver(context: Context, rules: Migrations) -> Waived | None:
    return None if WAIVED_AS in context.policy.gates else waived(context, WAIVED_AS, rules)


def _or_waived(context: Context, found: Finding, waiver: Waived | None, rules: Migrations) -> Finding:
    if rules.waiver is None:
        return found
    ask = f"tidegate waive {context.facts.release.id} {WAIVED_AS}"
    if waiver is not None and waiver.holds:
        mark = waiver.mark
        said = (
            f"waived until {at(context, waiver.ends_at)}: {mark.actor.person} asked and {names(waiver.agreed)} agreed: "
            f'"{mark.reason}"; without the waiver: {found.message}'
        )
        return Finding(found.rule, Verdict.ALLOW, said, looked_at=(*found.looked_at, mark.id), notable=True)
    if waiver is not None and waiver.open_to:
        remedy = f"have {names(waiver.open_to)} agree to the waiver: {ask} --agree"
    else:
        remedy = f"ask for a waiver: {ask} --reason TEXT --until DATE"
    lost = f"; the waiver that {waiver.mark.actor.person} asked for does not hold: {waiver.why}" if waiver else ""
    return Finding(
        found.rule, found.verdict, found.message + lost, f"{found.remedy}; or {remedy}", looked_at=found.looked_at
    )


def _told(context: Context, item: Item, brought: Brought, rules: Migrations) -> Iterator[Finding]:
    """What does not stand in the way and must be known before: long locks, and what going back would mean."""
    locks = [hazard for hazard in brought.hazards if hazard.danger is Danger.LOCK]
    if locks and rules.locks == "any":
        more = f" (and {len(locks) - 1} more)" if len(locks) > 1 else ""
        said = f"{locks[0].place} of {item.component}: {why(locks[0])}{more}"
        yield Finding(f"{RULE.id}.locks", Verdict.ALLOW, said, notable=True)
    where = (item.component, context.question.environment, brought.since)
    stands = any((v.component, v.environment, v.version) == where for v in context.facts.verified)
    if not stands or not brought.scripts:
        return  # nothing is recorded there that one could go back to
    after = chosen([brought], may_go_back=goes_back(context.policy, item.component, brought.environment))
    to = f"going back to {item.component} {brought.since}"
    if after.is_safe:
        yield passes(f"{RULE.id}.back", f"{to} loses no data: {after.because}")
        return
    if after.loses_data is not False:
        loses = "loses data" if after.loses_data else "may lose data"
        yield Finding(f"{RULE.id}.back", Verdict.ALLOW, f"{to} {loses}: {after.because}", notable=True)
        return
    breaks = "breaks it on the database as it is then" if after.breaks else "may break it on the database as it is then"
    yield Finding(f"{RULE.id}.back", Verdict.ALLOW, f"{to} {breaks}: {after.because}", notable=True)


def _check(context: Context) -> Iterator[Found]:
    rules = context.policy.migrations
    if rules is None:
        return
    for item in sorted(context.facts.release.items, key=lambda i: i.component):
        known = context.policy.components.get(item.component)
        if known is not None and known.migrations is not None:
            yield from _of(context, item, rules)


RULE = Rule(
    "migrations",
    "What a release does to a database can be borne by the version that runs meanwhile, as the policy asks.",
    "7D-12, HD-06",
    START,
    _check,
    since=3,
    keys=("migrations", "components.{name}.migrations"),
)
