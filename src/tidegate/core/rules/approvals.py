"""The people whom the policy asks have said yes to this very subject, each in one seat, and nobody has said no."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from tidegate.core.approval import Answer, Approval, Seat, fill, in_order
from tidegate.core.board import Minutes
from tidegate.core.decision import Action
from tidegate.core.delegation import Delegation, handed
from tidegate.core.policy import OWNERS, ApprovalRule, Person, Policy
from tidegate.core.rules.actor_permitted import minimum_assurance
from tidegate.core.rules.demands import approval_rules
from tidegate.core.rules.rule import FORWARD, Chapter, Context, Found, Rule, denies, passes
from tidegate.core.rules.saying import askable, at, count, names
from tidegate.core.separation import SAID, hands_of, refused_hands, same_people
from tidegate.core.training import lacks


@dataclass(frozen=True, slots=True)
class Ask:
    """One demand of the policy, about one group: ``$owners`` of a bundle is one for each group of owners.

    ``count`` is how many people it takes, the quorum of the group among them.
    """

    rule: ApprovalRule
    group: str
    count: int

    @property
    def name(self) -> str:
        """The role, or else the group as the policy writes it."""
        return self.rule.role or self.rule.group.removeprefix("$")

    @property
    def id(self) -> str:
        """The id of its finding."""
        return f"approval.{self.name}"


def asks_of(context: Context) -> list[Ask]:
    """Every demand of the question, in the order in which they are told."""
    return [
        Ask(rule, group, _wanted(context, rule, group))
        for rule in approval_rules(context)
        for group in groups_asked(context, rule)
    ]


def _wanted(context: Context, rule: ApprovalRule, group: str) -> int:
    known = context.policy.groups.get(group)
    # Nothing acted on a quorum before the third version of the rules.
    return max(rule.count, (known.quorum if known and context.since(3) else None) or 1)


def groups_asked(context: Context, rule: ApprovalRule) -> Sequence[str]:
    """The groups that a demand asks: its own, or, for the owners, those of each component of the release."""
    if rule.group != OWNERS:
        return (rule.group,)
    components = context.policy.components
    known = [components[i.component] for i in context.facts.release.items if i.component in components]
    # A group that nobody is in, where the owners of nothing are asked: then nobody can say yes.
    return sorted({component.owners or "" for component in known}) or [""]


def _why_void(context: Context, approval: Approval) -> str:
    """Why an answer counts no more; empty while it counts."""
    who = approval.actor.person
    person = context.policy.people.get(who)
    if approval.revoked_at is not None:
        return f"{who} took it back"
    if approval.subject != context.subject:
        return f"{who} answered before something changed"
    return _why_void_whatever_it_is_about(context, approval, person)


def _why_void_whatever_it_is_about(context: Context, approval: Approval, person: Person | None) -> str:
    who = approval.actor.person
    if person is None:
        return f"the policy knows no {who}"
    if person.disabled:
        return f"{who} is disabled in the policy"
    if approval.invalid:
        return f"{who}: {approval.invalid}"
    minimum = minimum_assurance(context.environment) if context.environment else None
    if minimum is None or not approval.actor.assurance.at_least(minimum):
        return f"{who} is only {approval.actor.assurance.value}"
    # A checkpoint leaves times as they were granted: a clock that is set back under way stops nothing.
    if approval.at > context.now and context.question.action is Action.START and context.since(3):
        return f"{who} answered {at(context, approval.at)}, which is later than now: a clock was set back"
    return ""


class Hearing:
    """What people answered for one environment, as far as it counts under one policy, and why the rest does not."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.asks = asks_of(context)
        self.nos: list[Approval] = []
        self.yeses: list[Approval] = []
        self.void: dict[str, None] = {}
        here = [a for a in context.facts.approvals if a.environment == context.question.environment]
        self._ordered = in_order(here)
        self._same = same_people(context.policy) if context.since(3) else {}
        self._heard: dict[str, str] = {}
        self._completed: dict[tuple[str, tuple[str, ...]], datetime | None] = {}
        for approval in self._ordered:
            self._hear(approval)
        release, starts = context.facts.release, context.question.actor
        self._hands = hands_of(release.items, release.opened_by, "" if starts.is_automation else starts.person)
        self.given: list[list[Approval]] = [[] for _ in self.asks]
        self._seat()

    def _hear(self, approval: Approval) -> None:
        who = approval.actor.person
        why = _why_void(self.context, approval)
        if not why:
            first = self._heard.setdefault(self._one(who), who)
            why = f"{who} has the mail address of {first}, who answered" if first != who else ""
        if not why:
            (self.nos if approval.answer is Answer.REJECT else self.yeses).append(approval)
        elif self._vetoes(approval):
            self.nos.append(approval)
        else:
            self.void[why] = None

    def _one(self, who: str) -> str:
        """One name for all entries of one person."""
        return min(self._same.get(who, (who,)))

    def _vetoes(self, approval: Approval) -> bool:
        """Whether it is a veto, which stands over a change of the subject, until taken back or answered anew."""
        person = self.context.policy.people.get(approval.actor.person)
        if approval.answer is not Answer.REJECT or approval.revoked_at is not None or not self._has_veto(person):
            return False
        if _why_void_whatever_it_is_about(self.context, approval, person):
            return False
        own = [each for each in self._ordered if each.actor.person == approval.actor.person]
        later = own[own.index(approval) + 1 :]
        return not any(not _why_void(self.context, each) for each in later)

    def _has_veto(self, person: Person | None) -> bool:
        return person is not None and not set(self.context.policy.veto).isdisjoint(person.groups)

    def decisive(self, no: Approval) -> bool:
        """Whether a no stops the release: everybody's does, unless the policy says whose."""
        return not self.context.policy.veto or self._has_veto(self.context.policy.people.get(no.actor.person))

    # -- who may fill a seat ---------------------------------------------------------------------------------------

    def barred(self, ask: Ask, who: str) -> str:
        """Why somebody does not approve by this demand whatever they answer, as in ``is an author``; else empty."""
        everybody = self._same.get(who, frozenset((who,)))
        for hand in refused_hands(self.context.policy, ask.rule):
            if not everybody.isdisjoint(self._hands[hand]):
                return SAID[hand]
        return ""

    def _untrained(self, ask: Ask, who: str) -> str:
        group = self.context.policy.groups.get(ask.group)
        if group is None or not group.trainings or not self.context.since(3):
            return ""
        now = self.context.now if self._at_start else None
        lacking = lacks(self.context.policy, who, group.trainings, now, self.context.rulebook.tz)
        return f"lacks the training {names(lacking)}" if lacking else ""

    @property
    def _at_start(self) -> bool:
        """Whether what time ends is asked: what was granted is not stopped by the clock."""
        return self.context.question.action is Action.START

    def _is_in(self, ask: Ask, who: str) -> bool:
        person = self.context.policy.people.get(who)
        return person is not None and not person.disabled and ask.group in person.groups

    def _why_not_person(self, ask: Ask, who: str) -> str:
        """Why a member of the group does not count at all; empty where they do."""
        return self.barred(ask, who) or self._untrained(ask, who)

    def _speaks_for(self, ask: Ask, who: str, delegation: Delegation) -> str | None:
        """Why a delegate does not count for who named them; empty where they do, None where it is not about this.

        Who hands their voice on must be a member themself, so that nobody hands on what they were handed; and whoever
        may not approve does not do it by another's voice.
        """
        policy = self.context.policy
        group, person = policy.groups.get(ask.group), policy.people.get(who)
        if not delegation.covers(ask.group, ask.rule.role or "") or not self._is_in(ask, delegation.by):
            return None
        if group is None or person is None or set(group.delegates).isdisjoint(person.groups):
            return f"is no delegate whom {ask.group} may have"
        if why := self._why_not_person(ask, delegation.by):
            return f"speaks for {delegation.by}, who {why}"
        return self._why_not_person(ask, who)

    @cached_property
    def _voices(self) -> Mapping[str, Sequence[Delegation]]:
        """Whom each of those who said yes speaks for besides themselves; nobody who answered, and each voice once."""
        answered = {each.actor.person for each in (*self.yeses, *self.nos)}
        holder: dict[str, str] = {}
        found: dict[str, list[Delegation]] = {}
        for approval in self.yeses if self.context.facts.delegations else ():
            who = approval.actor.person
            for each in handed(self.context.facts.delegations, approval.at):
                in_time = not self._at_start or self.context.now < each.until
                if each.to == who and in_time and each.by not in answered and holder.setdefault(each.by, who) == who:
                    found.setdefault(who, []).append(each)
        return found

    def speaks_for(self, ask: Ask, who: str) -> str:
        """In whose name somebody sits in a seat; empty where it is their own."""
        if self._is_in(ask, who):
            return ""
        spoken = (each.by for each in self._voices.get(who, ()) if self._speaks_for(ask, who, each) == "")
        return next(spoken, "")

    def why_not(self, ask: Ask, approval: Approval, *, in_order: bool = True) -> str | None:
        """Why a yes that stands fills no seat of this demand; empty where it may, None where it is not about it.

        Args:
            in_order: whether what must be complete before is asked, too.
        """
        who = approval.actor.person
        if self._is_in(ask, who):
            why: str | None = self._why_not_person(ask, who)
        else:
            said = [self._speaks_for(ask, who, each) for each in self._voices.get(who, ())]
            why = "" if "" in said else next((each for each in said if each is not None), None)
        if why is None or why:
            return why
        if approval.role not in ("", ask.rule.role or ""):
            return f'answered as "{approval.role}"'
        return self._why_not_now(ask, approval) or (self._why_too_early(ask, approval) if in_order else "")

    def _why_too_early(self, ask: Ask, approval: Approval) -> str:
        if not ask.rule.after:
            return ""
        complete, first = self.complete_at(ask), names(each.removeprefix("$") for each in ask.rule.after)
        if complete is None:
            return f"answered before {first}"
        return f"answered before {first} was complete, {at(self.context, complete)}" if approval.at <= complete else ""

    def _why_not_now(self, ask: Ask, approval: Approval) -> str:
        ends = expiry(ask, approval)
        if ends is not None and ends <= self.context.now and self._at_start:
            return f"answered too long ago: it counted until {at(self.context, ends)}"
        return self._unminuted(ask, approval.actor.person) if ask.rule.minutes else ""

    def concerns(self, ask: Ask, who: str) -> bool:
        """Whether somebody could be asked by this demand: as a member of the group, or as a delegate now."""
        return self._is_in(ask, who) or bool(self._named_by(ask, who))

    def _named_by(self, ask: Ask, who: str) -> list[str]:
        """The members of the group who hand somebody their voice now."""
        return [
            each.by
            for each in handed(self.context.facts.delegations, self.context.now)
            if each.to == who and each.covers(ask.group, ask.rule.role or "") and self._is_in(ask, each.by)
        ]

    def refuses(self, ask: Ask, who: str) -> str:
        """Why somebody whom a demand is about does not approve by it: a hand in it, their own or their delegator's."""
        own = self.barred(ask, who)
        if own or self._is_in(ask, who):
            return own
        others = [(by, self.barred(ask, by)) for by in self._named_by(ask, who)]
        return f"speaks for {others[0][0]}, who {others[0][1]}" if others and all(why for _, why in others) else ""

    # -- what comes first ------------------------------------------------------------------------------------------

    def complete_at(self, ask: Ask) -> datetime | None:
        """When all that comes before this demand was complete; None while it is not.

        Each is looked at by itself: whether one person would have to sit in two seats is told by the seats.
        """
        key = (ask.name, ask.rule.after)
        if key not in self._completed:
            self._completed[key] = self._complete(ask, frozenset())
        return self._completed[key]

    def _complete(self, ask: Ask, above: frozenset[str]) -> datetime | None:
        moments = []
        for name in ask.rule.after:
            wanted = name.removeprefix("$")
            before = [each for each in self.asks if each.name == wanted]
            if not before or wanted in above or wanted == ask.name:
                return None
            filled = [self._filled_at(each, above | {ask.name}) for each in before]
            if None in filled:
                return None
            moments += [moment for moment in filled if moment is not None]
        return max(moments)

    def _filled_at(self, ask: Ask, above: frozenset[str]) -> datetime | None:
        since = self._complete(ask, above) if ask.rule.after else None
        if ask.rule.after and since is None:
            return None
        people: dict[str, datetime] = {}
        for approval in self.yeses:
            if (since is None or approval.at > since) and self.why_not(ask, approval, in_order=False) == "":
                people.setdefault(approval.actor.person, approval.at)
        times = sorted(people.values())
        return times[ask.count - 1] if len(times) >= ask.count else None

    # -- the board -------------------------------------------------------------------------------------------------

    def minutes(self, ask: Ask) -> Minutes | None:
        """The newest minutes of the group about this release as it is, for this environment; None without any."""
        point = (self.context.facts.release.id, self.context.question.environment, self.context.subject)
        found = [
            each
            for each in self.context.facts.minutes
            if each.board == ask.group
            and not each.invalid
            and each.at <= self.context.now
            and (each.point.release, each.point.environment, each.point.subject) == point
        ]
        return max(found, key=lambda each: (each.at, each.id, not each.approved), default=None)

    def _unminuted(self, ask: Ask, who: str) -> str:
        why = self.why_no_minutes(ask)
        if why:
            return f"answered, and {why}"
        minutes = self.minutes(ask)
        return "" if minutes and who in minutes.attended else f"was not at the meeting of {ask.group}"

    def why_no_minutes(self, ask: Ask) -> str:
        """Why the board has not approved it; empty where its minutes say so."""
        minutes = self.minutes(ask)
        if minutes is None:
            return f"no minutes of {ask.group} name this release as it is"
        if not minutes.approved:
            return f"the minutes of {ask.group} say no"
        present = [who for who in minutes.attended if self._is_in(ask, who)]
        if len(present) < ask.count:
            return f"{count(len(present), 'member')} of {ask.group} met, and a decision takes {ask.count}"
        return ""

    # -- seats -----------------------------------------------------------------------------------------------------

    def _seat(self) -> None:
        seats: list[Seat] = []
        for number, ask in enumerate(self.asks):
            fitting = [approval for approval in self.yeses if self.why_not(ask, approval) == ""]
            people = frozenset(approval.actor.person for approval in fitting)
            seats += [Seat(number, people, ask.rule.role or "", frozenset(fitting))] * ask.count
        for number, approval in fill(seats, self.yeses).items():
            self.given[seats[number].rule].append(approval)

    @cached_property
    def seated(self) -> frozenset[str]:
        """Who sits in a seat."""
        return frozenset(approval.actor.person for row in self.given for approval in row)

    def open_to(self, ask: Ask) -> frozenset[str]:
        """Who could still say yes, and does not sit elsewhere: members of the group, or their delegates."""
        found = {
            who
            for who in self.context.policy.people
            if self._is_in(ask, who) and who not in self.seated and not self._why_not_person(ask, who)
        }
        answered = {each.actor.person for each in (*self.yeses, *self.nos)}
        for each in handed(self.context.facts.delegations, self.context.now):
            person = self.context.policy.people.get(each.to)
            able = person is not None and not person.disabled and each.to not in self.seated
            if able and each.by not in answered and self._speaks_for(ask, each.to, each) == "":
                found.add(each.to)
        return frozenset(found)

    def unseated(self, ask: Ask) -> Iterator[str]:
        """Why a standing yes of somebody in the group, or for somebody in it, fills no seat of this demand."""
        for approval in self.yeses:
            why = self.why_not(ask, approval)
            if why:
                yield f"{approval.actor.person} {why}"


def expiry(ask: Ask, approval: Approval) -> datetime | None:
    """From when on an answer does not count any more; None where it does not expire."""
    if ask.rule.lasts is None:
        return None
    try:
        return approval.at + ask.rule.lasts
    except OverflowError:
        return None


def self_approval(hearings: Iterable[Hearing], person: str) -> str:
    """Why a yes of ``person`` could count nowhere, since they have a hand in it, as in ``is an author``; else empty.

    It could nowhere if, under one of the policies, they are refused by every demand that is about them.

    Args:
        hearings: of each policy, of no answers yet.
    """
    for hearing in hearings:
        asks = [ask for ask in hearing.asks if hearing.concerns(ask, person)]
        whys = [hearing.refuses(ask, person) for ask in asks] or [
            hearing.barred(Ask(ApprovalRule.model_validate({"from": "nobody"}), "", 1), person)
        ]
        if all(whys):
            return whys[0]
    return ""


def counts_nowhere(hearings: Iterable[Hearing], approval: Approval) -> bool:
    """Whether a yes fills no seat of any demand, though one is about whoever gave it: given before its turn, too old.

    Args:
        hearings: of each policy, of all answers.
    """
    asks = [
        (hearing, ask) for hearing in hearings for ask in hearing.asks if hearing.concerns(ask, approval.actor.person)
    ]
    return bool(asks) and not any(
        approval in hearing.yeses and hearing.why_not(ask, approval) == "" for hearing, ask in asks
    )


def _who(hearing: Hearing, ask: Ask, approval: Approval) -> str:
    """Who sits in a seat, as people are told."""
    spoken = hearing.speaks_for(ask, approval.actor.person)
    return f"{approval.actor.person} for {spoken}" if spoken else approval.actor.person


def _missing(hearing: Hearing, ask: Ask, given: Sequence[Approval]) -> Found:
    context = hearing.context
    open_to = hearing.open_to(ask)
    group = ask.group or "owners"
    have = f"{len(given)} given ({names(_who(hearing, ask, a) for a in given)})" if given else "none given"
    lost = [*hearing.void, *hearing.unseated(ask)]
    command = _first(hearing, ask, approve_command(context, ask))
    return denies(
        ask.id,
        f"needs {count(ask.count, 'approval')} from {group}, {have}"
        + (f"; not counted: {'; '.join(lost)}" if lost else ""),
        f"{command}, by {askable(open_to, ask.count - len(given), group)}"
        if open_to
        else f"nobody is left who may: add people to {group} in the policy, then {command}",
        [a.id for a in given],
    )


def approve_command(context: Context, ask: Ask) -> str:
    """The command by which somebody approves by this demand."""
    role = f" --role {ask.rule.role}" if ask.rule.role else ""
    return f"tidegate approve {context.facts.release.id} --for {context.question.environment}{role}"


def _first(hearing: Hearing, ask: Ask, command: str) -> str:
    """The command, after what must be done before it."""
    if ask.rule.after and hearing.complete_at(ask) is None:
        return f"first complete {names(each.removeprefix('$') for each in ask.rule.after)}, then {command}"
    if ask.rule.minutes and hearing.why_no_minutes(ask):
        context = hearing.context
        held = f"{context.facts.release.id}:{context.question.environment}"
        return f"hold the meeting (tidegate board call {ask.group} {held}), record its minutes, then {command}"
    return command


def _complete(hearing: Hearing, ask: Ask, given: Sequence[Approval]) -> Found:
    ends = [moment for approval in given if (moment := expiry(ask, approval)) is not None]
    until = f"; it counts until {at(hearing.context, min(ends))}" if ends else ""
    said = names(_who(hearing, ask, a) for a in given)
    return passes(ask.id, f"approved by {said}{until}", [a.id for a in given])


def _rejection(context: Context, no: Approval) -> Found:
    who, release = no.actor.person, context.facts.release.id
    command = f"tidegate revoke {release} --for {context.question.environment}"
    remedy = f"settle it with {who}, who can take the no back: {command}"
    if context.today is not None and not _is_here(context.today, who):
        # They have left since: nobody could take it back, and by the current policy it does not count.
        remedy = f"{who} has left since; go by the current policy: tidegate release rebase {release}"
    return denies("approval.rejected", f"{who} rejected it", remedy, [no.id])


def _is_here(policy: Policy, who: str) -> bool:
    person = policy.people.get(who)
    return person is not None and not person.disabled


def _objection(context: Context, no: Approval) -> Found:
    who = names(context.policy.veto)
    return passes("approval.objection", f"{no.actor.person} said no, and only {who} can stop it by that", [no.id])


def _check(context: Context) -> Iterator[Found]:
    hearing = Hearing(context)
    for no in hearing.nos:
        yield _rejection(context, no) if hearing.decisive(no) else _objection(context, no)
    for ask, row in zip(hearing.asks, hearing.given, strict=True):
        yield _complete(hearing, ask, row) if len(row) >= ask.count else _missing(hearing, ask, row)


RULE = Rule(
    "approval",
    "The people whom the policy asks have said yes to this very subject, each in one seat, and nobody has said no.",
    "7D-17, TP-01, M1-06",
    FORWARD,
    _check,
    chapter=Chapter.PEOPLE,
    keys=("environments.{environment}.approvals", "release_types.{type}.approvals"),
)
