"""Each environment: what it is for, who has access, what brings a release there, and how it is watched."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.policy import DataClass, Environment, Policy, Purpose
from tidegate.views.environments import in_order
from tidegate.views.explain.calendar import freeze_sentence, windows_sentence
from tidegate.views.explain.gates import asked_not_yet, document_item, gate_item
from tidegate.views.explain.model import Item, Paragraph, Topic, listing, paragraph, topic
from tidegate.views.explain.names import Names
from tidegate.views.explain.not_yet import not_yet, of_roots, of_value
from tidegate.views.explain.operations import backup_item, strategy_sentences, watch_paragraphs
from tidegate.views.explain.people import ASSURED
from tidegate.views.explain.words import all_of, any_of, code, command, dot, length, lowered, plain, upper

PURPOSES = {
    Purpose.LOCAL: "local work",
    Purpose.CI: "continuous integration",
    Purpose.DEVELOPMENT: "development",
    Purpose.INTEGRATION: "integration",
    Purpose.STAGING: "staging",
    Purpose.PRODUCTION: "production",
}
_DATA = {
    DataClass.NONE: "There is no data in it.",
    DataClass.SYNTHETIC: "Its data is synthetic.",
    DataClass.SANITISED: "Its data is sanitised.",
    DataClass.LIVE: "Its data is live.",
}


def environments_topic(policy: Policy, names: Names) -> Topic:
    """All environments, in the order of the way."""
    undeclared = [name for name in policy.watch if name not in policy.environments]
    return topic(
        "environments",
        "Environment by environment",
        (),
        topics=(
            *(environment_topic(policy, names, name) for name in in_order(policy)),
            *(_only_watched(policy, name) for name in undeclared),
        ),
    )


def _only_watched(policy: Policy, name: str) -> Topic:
    return topic(f"environment-{name}", upper(plain(name)), watch_paragraphs(policy.watch[name]), key=name)


def environment_topic(policy: Policy, names: Names, name: str) -> Topic:
    """One environment."""
    here = policy.environments[name]
    watch = policy.watch.get(name)
    return topic(
        f"environment-{name}",
        upper(plain(name)),
        (
            paragraph(*_about(names, name, here)),
            paragraph(*_coming(policy, names, name, here)),
            *demands(policy, names, here),
            paragraph(*_starting(names, name, here)),
            paragraph(*_deploying(names, here)),
            *(watch_paragraphs(watch) if watch else ()),
            listing("It is well when these pages answer:", _health(here)),
            listing("Its configuration must say:", (f"{code(k)}: {_setting(v)}" for k, v in here.config.items())),
            paragraph(*_rights(policy, names, name, here)),
        ),
        key=name,
        not_yet=not_yet(
            of_value(here, ""),
            of_value(watch, "watch") if watch else (),
            asked_not_yet(policy, here.gates),
            _referred(policy, here),
        ),
    )


def _referred(policy: Policy, here: Environment) -> Iterator[str]:
    if here.documents:
        yield from of_roots(policy, "documents")
    if here.checklists:
        yield from of_roots(policy, "checklists")
    if here.backups:
        yield from of_roots(policy, "backups")


def _about(names: Names, name: str, here: Environment) -> Iterator[str]:
    yield f"It is for {PURPOSES[here.purpose]}."
    if here.title:
        yield dot(here.title)
    if here.data:
        yield _DATA[here.data]
    if here.mirror_of:
        yield f"It is like {names.environment(here.mirror_of)}; where the two differ is shown."
    if here.access is not None:
        who = all_of(map(names.group, here.access))
        yield f"Access to it is for {who}." if who else "Nobody has access to it."


def _coming(policy: Policy, names: Names, name: str, here: Environment) -> Iterator[str]:
    for after in here.after:
        soak = f" and stayed there for {length(after.soak)}" if after.soak else ""
        yield f"What goes here was verified in {names.environment(after.environment)} before{soak}."
    if here.promotion.trigger:
        yield f"What brings a release here: {dot(here.promotion.trigger)}"
    if here.promotion.when:
        yield f"It is promoted: {dot('; '.join(here.promotion.when))}"
    if here.promotion.automatic:
        before = names.environments(after.environment for after in here.after)
        once = f"it was verified in {before}" if before else "it was opened"
        yield f"Tidegate itself starts a release here: it asks once {once}, and begins when every rule allows it."
    if here.deploy_from is not None:
        sources = any_of(
            "the tag of its version" if source == "tag" else f"the branch {code(source)}" for source in here.deploy_from
        )
        yield (
            f"Only what is reachable from {sources} may be deployed here."
            if sources
            else "Nothing may be deployed here."
        )
    if name in policy.changes.required:
        yield "Nothing goes here without an approved change request."


def demands(policy: Policy, names: Names, here: Environment) -> Iterator[Paragraph | None]:
    """What every release must show here: gates, documents, checklists, backups, approvals."""
    yield listing("Every release passes these gates before it:", (gate_item(policy, names, g) for g in here.gates))
    yield listing(
        "Every release has these documents for it:", (document_item(policy, names, d) for d in here.documents)
    )
    if here.checklists:
        which = all_of(f"“{names.checklist(c)}”" for c in here.checklists)
        yield paragraph(f"Ticked before it: the checklist{'' if len(here.checklists) == 1 else 's'} {which}.")
    yield listing("Backups before it:", (backup_item(policy, names, b) for b in here.backups))
    yield listing("Every release needs the yes of:", map(names.approval, here.approvals))
    if here.approvals and not all(rule.author_may for rule in here.approvals):
        yield paragraph("Whoever wrote what is released does not count.")


def _starting(names: Names, name: str, here: Environment) -> Iterator[str]:
    yield windows_sentence(here.windows, of=upper(names.environment(name)), zone=here.timezone)
    if here.timezone and not here.windows:
        yield f"Its times are meant by the clocks of {here.timezone}."
    if here.freeze:
        yield freeze_sentence(here.freeze)


def _deploying(names: Names, here: Environment) -> Iterator[str]:
    yield f"How the hosts are taken: {lowered(strategy_sentences(here.strategy))}"
    if here.may_use:
        yield f"A release may choose {any_of(map(code, here.may_use))} instead."
    if here.smoke:
        yield f"It is tried out by {command(here.smoke)}."


def _health(here: Environment) -> Iterator[Item]:
    for page in here.health:
        on_it = f", with “{page.contains}” on it" if page.contains else ""
        yield Item(f"{page.url}{on_it}")


def _setting(value: bool | int | str) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _rights(policy: Policy, names: Names, name: str, here: Environment) -> Iterator[str]:
    yield from names.permitted(here.permits, f" in {names.environment(name)}", complete=False)
    yield f"Whoever acts here must at least {ASSURED[here.assurance]}."
