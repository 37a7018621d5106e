"""Each release type: what it is for, what it asks for, when it can go, which way, and what it owes afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tidegate.core.policy import (
    Afterwards,
    Blackout,
    BusinessCycle,
    Environment,
    Holidays,
    Policy,
    ReleaseType,
    Skippable,
)
from tidegate.views.environments import in_order
from tidegate.views.explain.afterwards import owing, review_item, tasks_for, tasks_list, tasks_sentence
from tidegate.views.explain.calendar import (
    blackout_item,
    cycle_item,
    freeze_sentence,
    holidays_of,
    holidays_sentence,
    milestone_item,
    phase_item,
    train_sentence,
    windows_sentence,
)
from tidegate.views.explain.changes import category_sentences
from tidegate.views.explain.gates import asked_not_yet, checklist_topic, document_briefly, document_item, gate_item
from tidegate.views.explain.messages import messages_for, messages_sentence, timeline_table
from tidegate.views.explain.model import Item, Paragraph, Topic, listing, paragraph, topic
from tidegate.views.explain.names import Names
from tidegate.views.explain.not_yet import not_yet, of_roots, of_value
from tidegate.views.explain.operations import strategy_sentences, watch_paragraphs, watch_sentence
from tidegate.views.explain.words import (
    all_of,
    any_of,
    article,
    cadence,
    codes,
    counted,
    frequency,
    length,
    lowered,
    plain,
    span,
    upper,
)

_SKIPS = {
    Skippable.NOTICE: "for its notice",
    Skippable.TRAIN: "for a train",
    Skippable.WINDOWS: "for a window",
    Skippable.FREEZE: "for the freeze",
    Skippable.BLACKOUTS: "for the end of a blackout",
    Skippable.SOAK: "for the soak time",
}


class _Type:
    """One release type on its way to some environments: the productive ones, or the one that is asked about."""

    def __init__(self, policy: Policy, names: Names, name: str, environment: str, *, detailed: bool) -> None:
        self.policy, self.names, self.name, self.detailed = policy, names, name, detailed
        self.type: ReleaseType = policy.release_types[name]
        self.noun = names.type(name)
        known = {environment: policy.environments[environment]} if environment else names.production()
        self.goals: Mapping[str, Environment] = known
        # A type's own demands hold for production alone.
        self.asks = not environment or environment in names.production()

    def skips(self, what: Skippable) -> bool:
        return what in self.type.skips


def types_topic(policy: Policy, names: Names) -> Topic:
    """All release types."""
    return topic(
        "release-types",
        "Release by release",
        (),
        topics=(type_topic(policy, names, name) for name in policy.release_types),
    )


def type_topic(policy: Policy, names: Names, name: str, environment: str = "", *, detailed: bool = False) -> Topic:
    """One release type; ``detailed``: with the points of its checklists, since nothing else is shown."""
    one = _Type(policy, names, name, environment, detailed=detailed)
    about = (
        ("is", "What it is", _is(one)),
        ("asks", "What it asks for", _demands(one)),
        ("when", "When it can go", _when(one)),
        ("way", "Its way", _way(one)),
        ("afterwards", "Afterwards", _afterwards(one)),
        ("told", "Who is told", _told(one)),
    )
    return topic(
        f"type-{name}",
        names.type_title(name),
        (paragraph(*_lead(one)),),
        topics=[
            *(topic(f"type-{name}~{part}", title, said) for part, title, said in about),
            *_checklists(one),
        ],
        key=name,
        not_yet=not_yet(_not_yet(one)),
    )


def _lead(one: _Type) -> Iterator[str]:
    yield f"{upper(article(one.noun))} raises the {one.type.bump.value} part of the version."
    if one.type.frequency:
        yield f"It comes {frequency(one.type.frequency)}."
    if one.asks:
        yield _notice(one)


def _notice(one: _Type) -> str:
    notice = one.type.notice
    if not notice:
        return "It needs no notice."
    if one.skips(Skippable.NOTICE):
        return f"Its notice would be {length(notice)}, and it does not wait for it."
    return f"It is announced {length(notice)} before it goes to production."


# -- what it is --------------------------------------------------------------------------------------------------------


def _is(one: _Type) -> Iterator[Paragraph | None]:
    kind = one.type
    yield listing("It contains:", kind.content)
    yield listing("It may be used only for one of these reasons:", kind.criteria)
    yield paragraph(*_terms(one))
    process = one.policy.processes.get(kind.process or "")
    if process is not None and not one.detailed:
        phases = ", ".join(f"{plain(p.name)}{f' ({span(p.lasts)})' if p.lasts else ''}" for p in process.phases)
        yield paragraph(f"It goes through the {plain(kind.process or '')} process: {phases}.")
    elif process is not None:
        yield listing(
            f"It goes through the {plain(kind.process or '')} process:", map(phase_item, process.phases), ordered=True
        )
    elif kind.process:
        yield paragraph(f"It goes through the {plain(kind.process)} process.")


def _terms(one: _Type) -> Iterator[str]:
    kind = one.type
    if kind.allows is not None:
        kinds = f"only changes of {'the kind' if len(kind.allows) == 1 else 'the kinds'} {codes(kind.allows)}"
        yield f"It may contain {kinds if kind.allows else 'no changes of any kind'}."
    if kind.made_from == "production-tag":
        yield "It is made from the tag that runs in production."
    if kind.horizon:
        yield f"It is planned {span(kind.horizon)} ahead."
    if kind.timeline:
        yield f"From its beginning to production it takes {span(kind.timeline)}."
    if kind.change:
        category = one.policy.changes.categories.get(kind.change)
        own = f" {' '.join(category_sentences(one.names, category))}" if category else ""
        yield f"Its change request is of the category “{one.names.category(kind.change)}”.{own}"


# -- what it asks for --------------------------------------------------------------------------------------------------


def _demands(one: _Type) -> Iterator[Paragraph | None]:
    yield from _gates(one)
    yield from _documents(one)
    yield from _ticked(one)
    yield from _approvals(one)


def _gates(one: _Type) -> Iterator[Paragraph | None]:
    own = one.type.gates if one.asks else ()
    found = dict.fromkeys([*own, *(gate for goal in one.goals.values() for gate in goal.gates)])
    asked = [gate for gate in found if not _leaves_out(one, gate)]
    where = all_of(map(one.names.environment, one.goals)) or "production"
    lead = f"Before {where} it passes {counted(len(asked), 'gate')}:"
    yield listing(lead, (gate_item(one.policy, one.names, gate) for gate in asked))
    if not asked and one.goals:
        yield paragraph(f"No gate stands before {where}.")


def _leaves_out(one: _Type, name: str) -> bool:
    gate = one.policy.gates.get(name)
    return gate is not None and bool(gate.types) and one.name not in gate.types


def _documents(one: _Type) -> Iterator[Paragraph | None]:
    own = one.type.documents if one.asks else ()
    found = dict.fromkeys([*own, *(d for goal in one.goals.values() for d in goal.documents)])
    plan = one.policy.rollback.document
    if plan and one.asks:
        found.setdefault(plan)
    lead = f"It has {counted(len(found), 'document')}:"
    if one.detailed:
        yield listing(lead, (document_item(one.policy, one.names, d) for d in found))
    elif found:
        yield paragraph(f"{lead} {', '.join(document_briefly(one.policy, one.names, d) for d in found)}.")


def _asked_checklists(one: _Type) -> list[str]:
    own = one.type.checklists if one.asks else ()
    return list(dict.fromkeys([*own, *(c for goal in one.goals.values() for c in goal.checklists)]))


def _ticked(one: _Type) -> Iterator[Paragraph | None]:
    yield listing("These checklists are ticked:", (_checklist_item(one, name) for name in _asked_checklists(one)))


def _checklist_item(one: _Type, name: str) -> Item:
    known = one.policy.checklists.get(name)
    if known is None:
        return Item("Not described in this policy.", one.names.heading(one.policy.checklists, name))
    asked = [i for i in known.items.values() if not i.types or one.name in i.types]
    headings = [h for h in dict.fromkeys(i.heading for i in asked) if h]
    under = f": {', '.join(heading.rstrip(':') for heading in headings)}" if headings else ""
    return Item(f"{upper(counted(len(asked), 'point'))}{under}.", known.title, name)


def _checklists(one: _Type) -> Iterator[Topic]:
    if one.detailed:
        for name in _asked_checklists(one):
            if name in one.policy.checklists:
                yield checklist_topic(one.names, name, one.policy.checklists[name], one.name)


def _approvals(one: _Type) -> Iterator[Paragraph | None]:
    own = one.type.approvals if one.asks else ()
    rules = [*(rule for goal in one.goals.values() for rule in goal.approvals), *own]
    yield listing("It takes the yes of:", map(one.names.approval, rules))
    if not rules and one.goals:
        yield paragraph("Nobody has to approve it.")
    elif rules and not all(rule.author_may for rule in rules):
        several = len(rules) > 1 or rules[0].count > 1
        place = "One person fills one place." if several else ""
        yield paragraph("Whoever wrote what is released does not count.", place)


# -- when it can go ----------------------------------------------------------------------------------------------------


def _when(one: _Type) -> Iterator[Paragraph | None]:
    yield _trains(one)
    yield paragraph(*_openings(one))
    yield _closed(one) if one.detailed else paragraph(_closed_briefly(one))
    if one.asks:
        own = {n: m for n, m in one.policy.milestones.items() if not m.types or one.name in m.types}
        yield listing("Its milestones:", (milestone_item(one.names, n, m, of_type=True) for n, m in own.items()))
    if one.type.skips:
        yield paragraph(f"It does not wait {any_of(_SKIPS[s] for s in Skippable if s in one.type.skips)}.")


def _trains(one: _Type) -> Paragraph | None:
    known = {n: t for n, t in one.policy.trains.items() if t.to in one.goals}
    if one.skips(Skippable.TRAIN):
        return paragraph("It rides no train: it goes when it is ready.") if one.policy.trains else None
    lead = "It rides the train of its component"
    if one.detailed:
        items = (Item(train_sentence(one.names, t), upper(plain(n)), n) for n, t in known.items())
        return listing(f"{lead}:", items)
    briefly = "; ".join(f"{plain(name)} {cadence(train.every)}" for name, train in known.items())
    return paragraph(f"{lead}: {briefly}.") if briefly else None


def _openings(one: _Type) -> Iterator[str]:
    for name, goal in one.goals.items():
        where = upper(one.names.environment(name))
        prefix = f"{where}: " if len(one.goals) > 1 else ""
        if not one.skips(Skippable.WINDOWS):
            said = windows_sentence(goal.windows, of=where)
            yield f"{prefix}{said}" if said else ""
        if goal.freeze and not one.skips(Skippable.FREEZE):
            yield f"{prefix}{freeze_sentence(goal.freeze)}"


def _closed(one: _Type) -> Paragraph | None:
    items: list[Item | str] = [blackout_item(one.names, blackout) for blackout in _blackouts(one)]
    items += [holidays_sentence(one.names, holidays) for holidays in _holidays(one)]
    items += [cycle_item(one.names, cycle) for cycle in _cycles(one)]
    return listing("Closed times:", items)


def _closed_briefly(one: _Type) -> str:
    times = [f"during “{blackout.name}”" for blackout in _blackouts(one)]
    times += [f"on {holidays_of(holidays)}" for holidays in _holidays(one)]
    times += [f"during “{cycle.name}”" for cycle in _cycles(one) if cycle.closed]
    return f"Nothing goes {any_of(times)}." if times else ""


def _blackouts(one: _Type) -> list[Blackout]:
    known = one.policy.calendar.blackouts if not one.skips(Skippable.BLACKOUTS) else ()
    return [b for b in known if _holds(one, b.environments) and one.name not in b.exempt]


def _holidays(one: _Type) -> list[Holidays]:
    return [h for h in one.policy.calendar.holidays if one.asks and one.name not in h.exempt]


def _cycles(one: _Type) -> list[BusinessCycle]:
    return [c for c in one.policy.calendar.business_cycles if one.asks and one.name not in c.exempt]


def _holds(one: _Type, environments: tuple[str, ...] | None) -> bool:
    return one.asks if environments is None else any(name in environments for name in one.goals)


# -- its way -----------------------------------------------------------------------------------------------------------


def _way(one: _Type) -> Iterator[Paragraph | None]:
    stops = [name for name in in_order(one.policy) if name in _stops(one)]
    yield listing("It travels in this order:", (_stop(one, name) for name in stops), ordered=True)
    for name, goal in one.goals.items():
        where = f"In {one.names.environment(name)}, how the hosts are taken: "
        yield paragraph(f"{where}{lowered(strategy_sentences(goal.strategy))}")
        yield from _watched(one, name)


def _watched(one: _Type, name: str) -> Iterator[Paragraph | None]:
    watch = one.policy.watch.get(name)
    if watch is None:
        where = one.names.environment(name)
        yield paragraph(f"Nothing watches {where} afterwards, so nothing takes it back by itself.")
    elif one.detailed:
        yield from watch_paragraphs(watch)
    else:
        yield paragraph(watch_sentence(watch))


def _stops(one: _Type) -> set[str]:
    """The goals, and all that come before them."""
    found: set[str] = set()
    pending = list(one.goals)
    while pending:
        name = pending.pop()
        if name not in found and name in one.policy.environments:
            found.add(name)
            pending += [after.environment for after in one.policy.environments[name].after]
    return found


def _stop(one: _Type, name: str) -> Item:
    here = one.policy.environments[name]
    said = []
    for after in here.after:
        where = one.names.environment(after.environment)
        soak = f", {length(after.soak)} there" if after.soak and not one.skips(Skippable.SOAK) else ""
        said.append(f"After {where}{soak}.")
    if name not in one.goals:
        if here.gates:
            said.append(f"Gates: {all_of(f'“{one.names.gate(g)}”' for g in here.gates)}.")
        if here.approvals:
            said.append(f"Approved by {one.names.approvals(here.approvals)}.")
    return Item(" ".join(said) or "The way begins here.", upper(one.names.environment(name)), name)


# -- afterwards --------------------------------------------------------------------------------------------------------


def _afterwards(one: _Type) -> Iterator[Paragraph | None]:
    yield from _owes(one)
    if one.asks:
        tasks = tasks_for(one.policy, one.name)
        yield tasks_list(one.names, tasks.items(), of_type=True) if one.detailed else paragraph(tasks_sentence(tasks))
        owed = {n: owing(one.policy, n) for n, r in one.policy.reviews.items() if r.after is not None}
        after_each = {n: one.policy.reviews[n] for n, by in owed.items() if not by or one.name in by}
        yield listing("Looked back at:", (review_item(one.names, n, r) for n, r in after_each.items()))


def _owes(one: _Type) -> Iterator[Paragraph | None]:
    owed = one.type.afterwards
    yield paragraph(*_debts(one.names, owed))
    within = f" within {length(owed.approval_within)}" if owed.approval_within is not None else ""
    if owed.retrospective_approval:
        yield listing(f"Afterwards{within} it takes the yes of:", map(one.names.approval, owed.retrospective_approval))
    elif within:
        yield paragraph(f"What is approved afterwards is approved{within}.")


def _debts(names: Names, owed: Afterwards) -> Iterator[str]:
    if owed.post_mortem is not None:
        yield f"It owes a post-mortem within {length(owed.post_mortem)}."
    if owed.documents:
        yield f"Written afterwards: {all_of(f'“{names.document(d)}”' for d in owed.documents)}."
    if owed.review:
        yield f"It is looked at in the review “{names.review(owed.review)}”."


def _told(one: _Type) -> Iterator[Paragraph | None]:
    if one.asks:
        told = messages_for(one.policy, one.name)
        yield timeline_table(one.names, told) if one.detailed else paragraph(messages_sentence(told))


def _not_yet(one: _Type) -> Iterator[str]:
    policy, kind = one.policy, one.type
    yield from of_value(kind)
    for goal in one.goals.values():
        yield from (key for key in of_value(goal) if key in ("documents", "checklists"))
    yield from asked_not_yet(policy, dict.fromkeys([*kind.gates, *(g for e in one.goals.values() for g in e.gates)]))
    for name in one.goals:
        if name in policy.watch:
            yield from of_value(policy.watch[name], "watch")
    drawn = (
        ("processes", bool(kind.process)),
        ("changes", bool(kind.change)),
        ("milestones", one.asks),
        ("tasks", one.asks),
        ("reviews", one.asks),
        ("calendar", True),
        ("communication", one.asks),
    )
    for root, is_used in drawn:
        if is_used:
            yield from of_roots(policy, root)
