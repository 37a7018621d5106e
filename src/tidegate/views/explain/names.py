"""What the policy's names are called in sentences: by their title where there is one, else by the name as words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tidegate.core.policy import OWNERS, Act, ApprovalRule, Environment, Hand, Permits, Policy, Purpose
from tidegate.views.explain.words import all_of, any_of, length, number, plain

_COLLECTIVE = ("team", "board", "council", "committee", "group", "staff", "crew", "office", "department", "people")
_AGENT = ("lead", "architect", "analyst", "chief", "specialist", "representative", "stakeholder", "executive")
_DETERMINED = ("the ", "our ", "all ", "any ", "every", "whoever ", "those ", "each ")
_SHOWN = 8

ACTS: Mapping[Act, str] = {
    Act.OPEN: "open, rebase and cancel releases",
    Act.START: "start a rollout",
    Act.ROLLBACK: "roll back",
    Act.HOLD: "stop the line and lift what stops it",
    Act.ADOPT: "adopt a policy, and what runs today as a version",
}
"""What a permit permits, in full."""

BRIEFLY: Mapping[Act, str] = {
    Act.OPEN: "open releases",
    Act.START: "start rollouts",
    Act.ROLLBACK: "roll back",
    Act.HOLD: "stop the line",
    Act.ADOPT: "adopt policies",
}
"""The same in lists."""

HANDS: Mapping[Hand, str] = {
    Hand.AUTHOR: "whoever wrote it",
    Hand.CO_AUTHOR: "whoever is named as a co-author",
    Hand.COMMITTER: "whoever committed it",
    Hand.LAST_COMMITTER: "whoever made the last commit",
    Hand.REQUESTER: "whoever opened the release",
    Hand.DEPLOYER: "whoever starts it",
}
"""Who has which hand in what is released."""

_RELEASES = ("release", "releases", "hotfix", "hotfixes", "fix", "update", "updates", "deployment", "change")


def short(title: str) -> str:
    """A title without what explains it: ``Stakeholders`` of ``Stakeholders: all who are told by mail``."""
    return title.partition(": ")[0] or title


def inside(title: str) -> str:
    """A title inside a sentence: one in sentence case begins small, as in ``the module team``."""
    first, _, rest = title.partition(" ")
    return title[:1].lower() + title[1:] if rest and rest.islower() and first[1:].islower() else title


class Names:
    """The names of one policy: titles are said without what explains them, which stands where they are declared."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    # -- people ----------------------------------------------------------------------------------------------------

    def person(self, name: str) -> str:
        """A person by the name that people read."""
        known = self.policy.people.get(name)
        return known.name if known else name

    def members(self, group: str) -> tuple[str, ...]:
        """The enabled people of a group, in the order of the file."""
        return tuple(p.name for p in self.policy.people.values() if group in p.groups and not p.disabled)

    def who(self, group: str) -> str:
        """The people of a group, as an aside: ``Alice and Bob``; nobody where the group is empty."""
        if group == OWNERS:
            return ""
        found = self.members(group)
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        return (", ".join(found[:_SHOWN]) + more if more else all_of(found)) or "nobody yet"

    def group_title(self, name: str) -> str:
        """A group as its title, or its name as words."""
        known = self.policy.groups.get(name)
        return known.title if known and known.title else plain(name)

    def group(self, name: str) -> str:
        """A group in a sentence: ``the module team``; ``whoever is on call``."""
        if name == OWNERS:
            return "the owners of the component"
        title = self._group_inside(name)
        return title if title.lower().startswith(_DETERMINED) else f"the {title}"

    def _group_inside(self, name: str) -> str:
        title = short(self.group_title(name))
        # Where the file's own name for it is the same word, written small, it is no proper name.
        return plain(name) if title.lower() == plain(name) else inside(title)

    def seats(self, group: str, count: int) -> str:
        """So many people of a group: ``two of the module team``, ``one release manager``, ``one person of QA``."""
        title = self._group_inside(group)
        last = title.lower().split(" (")[0].rsplit(" ", 1)[-1]
        if group == OWNERS:
            return f"{number(count)} of {self.group(group)}"
        whole = title if title.lower().startswith(_DETERMINED) else f"the {title}"
        if last in _COLLECTIVE or (last.endswith("s") and last[:-1].endswith((*_AGENT, "er", "or"))):
            return f"{number(count)} of {whole}"
        if last.endswith((*_AGENT, "er", "or")) and " (" not in title:
            return f"{number(count)} {title}{'' if count == 1 else 's'}"
        return f"{number(count)} {'person' if count == 1 else 'people'} of {title}"

    def approval(self, rule: ApprovalRule) -> str:
        """One demand: ``two of the module team (Alice and Bob), as code review; whoever wrote it counts too``."""
        who = self.who(rule.group)
        role = self._role(rule)
        said = [f"{self.seats(rule.group, rule.count)}{f' ({who})' if who else ''}{role}", *self._conditions(rule)]
        return "; ".join(said)

    def _conditions(self, rule: ApprovalRule) -> Iterator[str]:
        """What a demand says besides who and how many."""
        if rule.types:
            yield f"only of {self.types(rule.types)}"
        if rule.after:
            yield f"once the approval of {all_of(plain(name.removeprefix('$')) for name in rule.after)} is complete"
        if rule.lasts:
            yield f"it counts for {length(rule.lasts)}"
        if rule.minutes:
            yield "with the minutes of a meeting that approved the release as it is"
        if rule.separation:
            yield f"{any_of(HANDS[hand] for hand in rule.separation)} does not count"
        if rule.author_may:
            yield "here whoever wrote it counts too"

    def _role(self, rule: ApprovalRule) -> str:
        """What they approve as, where the group does not say it already."""
        role = plain(rule.role) if rule.role else ""
        return f", as {role}" if role and role.lower() != self.group_title(rule.group).lower() else ""

    def approvals(self, rules: Iterable[ApprovalRule]) -> str:
        """Several demands in a sentence, without who the people are."""
        return all_of(self.seats(r.group, r.count) + self._role(r) for r in rules)

    def anybody(self, name: str) -> str:
        """A person or a group, whichever the policy means."""
        return self.person(name) if name in self.policy.people else self.group(name)

    def permitted(self, permits: Permits, where: str, *, complete: bool) -> tuple[str, ...]:
        """Who may do what, act by act; with ``complete`` also what nobody may."""
        said, nobody = [], []
        for act in Act:
            who = getattr(permits, act.value)
            if who:
                said.append(f"{_large(all_of(map(self.anybody, who)))} may {ACTS[act]}{where}.")
            else:
                nobody.append(BRIEFLY[act])
        if complete and nobody:
            said.append(f"Nobody may {any_of(nobody)}{where}, unless an environment permits it.")
        return tuple(said)

    # -- what is released ------------------------------------------------------------------------------------------

    def type(self, name: str) -> str:
        """A release of a type in a sentence: ``minor release``, ``hotfix``."""
        words = plain(name)
        return words if words.split(" ")[-1].lower() in _RELEASES else f"{words} release"

    def types(self, names: Iterable[str]) -> str:
        """Several types: ``minor and major releases``, ``hotfixes``."""
        known = [self.type(name) for name in names]
        if known and all(one.endswith(" release") for one in known):
            return f"{all_of(one.removesuffix(' release') for one in known)} releases"
        return all_of(one if one.endswith("s") else f"{one}es" if one.endswith("x") else f"{one}s" for one in known)

    def type_title(self, name: str) -> str:
        """The heading of a type."""
        known = self.policy.release_types.get(name)
        return known.title if known and known.title else _large(self.type(name))

    def component(self, name: str) -> str:
        """A component: without a title by its name as it is, for that is what people know."""
        known = self.policy.components.get(name)
        return short(known.title) if known and known.title else name

    def client(self, name: str) -> str:
        """A client."""
        return self._title(self.policy.clients, name)

    # -- where -----------------------------------------------------------------------------------------------------

    def environment(self, name: str) -> str:
        """An environment, as people call it by its name."""
        return plain(name)

    def environments(self, names: Iterable[str]) -> str:
        """Several environments."""
        return all_of(map(self.environment, names))

    def production(self) -> dict[str, Environment]:
        """The environments for production, by name."""
        return {n: e for n, e in self.policy.environments.items() if e.purpose is Purpose.PRODUCTION}

    # -- the rest --------------------------------------------------------------------------------------------------

    def gate(self, name: str) -> str:
        """A gate."""
        return self._title(self.policy.gates, name)

    def heading(self, section: Mapping[str, Any], name: str) -> str:
        """What stands before what is said of an entry: its title as it is written, or its name as words."""
        title = getattr(section.get(name), "title", None)
        return title if isinstance(title, str) else _large(plain(name))

    def document(self, name: str) -> str:
        """A document."""
        return self._title(self.policy.documents, name)

    def checklist(self, name: str) -> str:
        """A checklist."""
        return self._title(self.policy.checklists, name)

    def training(self, name: str) -> str:
        """A training."""
        return self._title(self.policy.trainings, name)

    def contact(self, name: str) -> str:
        """A contact."""
        return self._title(self.policy.contacts, name)

    def category(self, name: str) -> str:
        """A category of change requests."""
        return self._title(self.policy.changes.categories, name)

    def review(self, name: str) -> str:
        """A review."""
        return self._title(self.policy.reviews, name)

    def backup(self, name: str) -> str:
        """A backup."""
        return self._title(self.policy.backups, name)

    def milestone(self, name: str) -> str:
        """A milestone."""
        return self._title(self.policy.milestones, name)

    def audience(self, to: str) -> str:
        """Where a message goes: an audience by its title, a channel as it is written."""
        if to == "$clients":
            return "the clients whose sites are touched"
        return to if ":" in to else self._title(self.policy.audiences, to)

    def _title(self, section: Mapping[str, Any], name: str) -> str:
        title = getattr(section.get(name), "title", None)
        return short(title) if isinstance(title, str) else plain(name)


def _large(text: str) -> str:
    return text[:1].upper() + text[1:]
