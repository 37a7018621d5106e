"""Which of a policy's demands a set of cases has tried: each is to be seen to pass, and to stand in the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from tidegate.core.decision import Action, Decision, Finding
from tidegate.core.policy import Act, Bypass, Policy, Skippable
from tidegate.core.policytest.demands import DEBTS, HOLD, VALIDATED, Demand, Way, demands_of, owes
from tidegate.core.policytest.layers import Path
from tidegate.core.policytest.trial import Trial
from tidegate.core.rules import Context
from tidegate.core.rules.approvals import groups_asked
from tidegate.core.rules.artifact import declared
from tidegate.core.rules.blackouts import holds_here
from tidegate.core.rules.business_cycle import concerned
from tidegate.core.rules.demands import afters, bypasses, clients_of, is_production, placed_approvals, skips
from tidegate.core.rules.holiday import concerned as kept
from tidegate.core.rules.maintenance import needs
from tidegate.core.rules.train_runs import timetables
from tidegate.core.training import asked_before, missing
from tidegate.core.verdict import Verdict

Seen = tuple[Path, Way]


@dataclass(frozen=True, slots=True)
class Coverage:
    """The demands of a policy, and the ways in which cases have seen them answer."""

    demands: tuple[Demand, ...]
    seen: frozenset[Seen]

    @property
    def tried(self) -> int:
        """How many ways were seen."""
        return sum((demand.path, way) in self.seen for demand in self.demands for way in demand.hints)

    @property
    def total(self) -> int:
        """How many ways there are."""
        return sum(len(demand.hints) for demand in self.demands)

    @property
    def percent(self) -> int:
        """The share that was seen, in per cent, rounded down: 100 is all of it."""
        return 100 * self.tried // self.total if self.total else 100

    def untried(self) -> Iterator[tuple[Demand, Way]]:
        """The ways that no case has seen."""
        for demand in self.demands:
            for way in demand.hints:
                if (demand.path, way) not in self.seen:
                    yield demand, way


def coverage_of(policy: Policy, asked: Iterable[tuple[Trial, Decision]]) -> Coverage:
    """What the cases have tried of the current policy; what a pinned one demands is not counted."""
    seen = frozenset(chain.from_iterable(_seen(trial, decision) for trial, decision in asked))
    return Coverage(demands_of(policy), seen)


Look = Callable[[Context, Sequence[Finding]], Iterator[Seen]]


def _seen(trial: Trial, decision: Decision) -> Iterator[Seen]:
    context = Context(trial.question, trial.policies.current, trial.facts, trial.at)
    found = [finding for finding in decision.findings if finding.policy == "current"]
    if context.environment is not None:
        for look in _LOOKS:
            yield from look(context, found)


def _way(findings: Iterable[Finding]) -> Way | None:
    """How findings of one demand answer together; None where there are none."""
    verdicts = {finding.verdict for finding in findings}
    if not verdicts:
        return None
    return Way.PASSES if verdicts == {Verdict.ALLOW} else Way.STANDS


def _of(findings: Iterable[Finding], rule: str) -> list[Finding]:
    return [finding for finding in findings if finding.rule == rule]


def _mark(path: Path, findings: Iterable[Finding]) -> Iterator[Seen]:
    way = _way(findings)
    if way is not None:
        yield path, way


def _permits(context: Context, found: Sequence[Finding]) -> Iterator[Seen]:
    question = context.question
    if not question.actor.is_automation:
        act = Act.ROLLBACK if question.action is Action.ROLLBACK else Act.START
        path = ("environments", question.environment, "permits", act.value)
        yield from _mark(path, _of(found, "actor.permitted"))


def _access(context: Context, found: Sequence[Finding]) -> Iterator[Seen]:
    yield from _mark(("environments", context.question.environment, "access"), _of(found, "access"))


def _trainings(context: Context, found: Sequence[Finding]) -> Iterator[Seen]:
    """A finding is of all trainings that are asked of somebody; which of them they lack is asked again here."""
    person, now = context.question.actor.person, context.now
    if _of(found, "training"):
        lacking = set(missing(context.policy, person, Act.START, now, context.rulebook.tz))
        for name in asked_before(context.policy, person, Act.START):
            yield ("trainings", name), Way.STANDS if name in lacking else Way.PASSES


def _hold(context: Context, found: Sequence[Finding]) -> Iterator[Seen]:
    if context.question.action is not Action.ROLLBACK:
        yield HOLD, _way(_of(found, "hold")) or Way.PASSES


def _emergency(context: Context, found: Sequence[Finding]) -> Iterator[Seen]:
    types, kind = context.policy.emergency.types, context.facts.release.type
    if kind in types:
        yield from _mark(("emergency", "types", types.index(kind)), _of(found, "emergency.declared"))
    elif context.question.action is Action.START and owes(context.policy):
        yield DEBTS, _way(_of(found, "debts")) or Way.PASSES


def _artifacts(context: Context, found: Sequence[Finding]) -> Iterator[Seen]:
    answers, asked = _of(found, "artifact"), list(declared(context))
    if len(answers) == len(asked):
        for answer, (item, index, _) in zip(answers, asked, strict=True):
            yield from _mark(("components", item.component, "artifacts", index), [answer])


def _after(context: Context, found: Sequence[Finding]) -> Iterator[Seen]:
    where = context.question.environment
    for index, after in enumerate(afters(context)):
        path: Path = ("environments", where, "after", index)
        yield from _mark(path, _of(found, f"after.{after.environment}"))
        if after.soak:
            yield from _mark((*path, "soak"), _of(found, f"soak.{after.environment}"))


def _gates(context: Context, found: Sequence[Finding]) -> Iterator[Seen]:
    for base, gates in _places(context).items():
        for index, gate in enumerate(gates):
            yield from _mark((*base, "gates", index), _of(found, f"gate.{gate}"))


def _approvals(context: Context, found: Sequence[Finding]) -> Iterator[Seen]:
    """In the order in which the rule asks them: several demands can have one id."""
    asked: list[Path] = []
    for base, index, rule in placed_approvals(context):
        asked += [(*base, "approvals", index)] * len(groups_asked(context, rule))
    # Rejections come first. Where the rule failed, there are fewer findings than demands, and nothing is known.
    answers = [finding for finding in found if finding.rule.startswith("approval.")][-len(asked) :]
    if asked and len(answers) == len(asked):
        for path in dict.fromkeys(asked):
            yield from _mark(path, [answer for answer, of in zip(answers, asked, strict=True) if of == path])


def _places(context: Context) -> dict[tuple[str, str], tuple[str, ...]]:
    """Where the policy names the gates of this question, with those that it names there."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    if context.environment is not None:
        gates = () if bypasses(context, Bypass.GATES) else context.environment.gates
        found["environments", context.question.environment] = gates
    if context.type is not None and is_production(context):
        found["release_types", context.facts.release.type] = context.type.gates
    return found


def _notice(context: Context, found: Sequence[Finding]) -> Iterator[Seen]:
    answers = [*_of(found, "notice"), *_of(found, "notice.announced")]
    yield from _mark(("release_types", context.facts.release.type, "notice"), answers)


def _freeze(context: Context, found: Sequence[Finding]) -> Iterator[Seen]:
    yield from _mark(("environments", context.question.environment, "freeze"), _of(found, "freeze"))


def _windows(context: Context, found: Sequence[Finding]) -> Iterator[Seen]:
    yield from _mark(("environments", context.question.environment, "windows"), _of(found, "windows"))


def _trains(context: Context, found: Sequence[Finding]) -> Iterator[Seen]:
    """A finding is of all trains that a component could ride; it passes by those that can be boarded."""
    answers = _of(found, "train")
    items = sorted(context.facts.release.items, key=lambda item: item.component)
    riding = [tables for item in items if (tables := timetables(context, item.component))]
    if len(answers) == len(riding):
        for answer, tables in zip(answers, riding, strict=True):
            for name, table in tables.items():
                if answer.verdict is not Verdict.ALLOW:
                    yield ("trains", name), Way.STANDS
                elif table.open_at(context.now) == context.now:
                    yield ("trains", name), Way.PASSES


def _blackouts(context: Context, found: Sequence[Finding]) -> Iterator[Seen]:
    answers = _of(found, "blackout")
    if skips(context, Skippable.BLACKOUTS):
        return
    here = [i for i, blackout in enumerate(context.policy.calendar.blackouts) if holds_here(context, blackout)]
    if len(answers) == len(here):
        for index, answer in zip(here, answers, strict=True):
            yield from _mark(("calendar", "blackouts", index), [answer])


def _in_order(rule: str, paths: Sequence[Path], found: Sequence[Finding]) -> Iterator[Seen]:
    """What one rule answers to each of several demands; where it failed, nothing is known."""
    answers = _of(found, rule)
    if len(answers) == len(paths):
        for path, answer in zip(paths, answers, strict=True):
            yield from _mark(path, [answer])


def _calendar(context: Context, found: Sequence[Finding]) -> Iterator[Seen]:
    for index, window in enumerate(context.policy.calendar.maintenance):
        if needs(context, window):
            yield from _mark(("calendar", "maintenance", index), _of(found, "maintenance"))
    holidays: list[Path] = [("calendar", "holidays", index) for index, _ in kept(context)]
    yield from _in_order("holiday", holidays, found)
    cycles: list[Path] = [("calendar", "business_cycles", i) for i, cycle in concerned(context) if cycle.closed]
    yield from _in_order("business.cycle", cycles, found)


def _components(context: Context, found: Sequence[Finding]) -> Iterator[Seen]:
    for name in dict.fromkeys(item.component for item in context.facts.release.items):
        yield from _mark(("components", name, "windows"), _of(found, f"component.windows.{name}"))


def _clients(context: Context, found: Sequence[Finding]) -> Iterator[Seen]:
    for name in clients_of(context):
        yield from _mark(("clients", name, "windows"), _of(found, f"client.windows.{name}"))
        blackouts = context.policy.clients[name].blackouts
        here: list[Path] = [
            ("clients", name, "blackouts", i) for i, b in enumerate(blackouts) if holds_here(context, b)
        ]
        yield from _in_order(f"client.blackout.{name}", here, found)


def _milestones(context: Context, found: Sequence[Finding]) -> Iterator[Seen]:
    for name in context.policy.milestones:
        yield from _mark(("milestones", name), _of(found, f"milestone.{name}"))


def _convention(context: Context, found: Sequence[Finding]) -> Iterator[Seen]:
    yield from _mark(("versioning", "unconventional"), _of(found, "content.convention"))


def _requirements(context: Context, found: Sequence[Finding]) -> Iterator[Seen]:
    """In the order in which the rule asks them: two components of a release can require the same one."""
    items = sorted(context.facts.release.items, key=lambda item: item.component)
    asked = [(item.component, other) for item in items for other in sorted(item.requires) if other != item.component]
    answers = [f for f in found if f.rule.startswith("requires.") and f.rule != "requires.order"]
    if len(answers) == len(asked):
        for answer, (component, other) in zip(answers, asked, strict=True):
            yield from _mark(("components", component, "requires", other), [answer])


def _papers(context: Context, found: Sequence[Finding]) -> Iterator[Seen]:
    """A document that is asked for only of some releases is not seen where it is not asked for."""
    where, environment, kind = context.question.environment, context.environment, context.type
    asked: list[tuple[Path, str]] = []
    for base, section in (
        (("environments", where), environment),
        (("release_types", context.facts.release.type), kind),
    ):
        if section is not None and (section is environment or is_production(context)):
            asked += [((*base, "documents", i), f"document.{name}") for i, name in enumerate(section.documents)]
            asked += [((*base, "checklists", i), f"checklist.{name}") for i, name in enumerate(section.checklists)]
    for path, rule in asked:
        yield from _mark(path, _of(found, rule))


def _rules_of_type(context: Context, found: Sequence[Finding]) -> Iterator[Seen]:
    for key, rules in _OF_TYPE.items():
        answers = [finding for finding in found if finding.rule in rules]
        yield from _mark(("release_types", context.facts.release.type, key), answers)


_OF_TYPE = {
    "allows": ("content.kind",),
    "criteria": ("criterion",),
    "horizon": ("horizon", "horizon.planned"),
    "frequency": ("frequency",),
}


def _deploy_from(context: Context, found: Sequence[Finding]) -> Iterator[Seen]:
    yield from _mark(("environments", context.question.environment, "deploy_from"), _of(found, "deploy.from"))


def _migrations(context: Context, found: Sequence[Finding]) -> Iterator[Seen]:
    told = ("migrations.back", "migrations.locks")
    answers = [f for f in found if f.rule.partition(".")[0] == "migrations" and f.rule not in told]
    yield from _mark(("migrations",), answers)


def _way_back(context: Context, found: Sequence[Finding]) -> Iterator[Seen]:
    yield from _mark(VALIDATED, _of(found, "rollback.validated"))
    for name in context.policy.drills:
        yield from _mark(("drills", name), _of(found, f"drill.{name}"))


def _changes(context: Context, found: Sequence[Finding]) -> Iterator[Seen]:
    """Both the environment and the release type ask for the one change request that there is."""
    answers = [finding for finding in found if finding.rule == "change" or finding.rule.startswith("change.")]
    for index, name in enumerate(context.policy.changes.required):
        if name == context.question.environment:
            yield from _mark(("changes", "required", index), answers)
    if context.type is not None and context.type.change and answers:
        yield from _mark(("release_types", context.facts.release.type, "change"), answers)


_LOOKS: tuple[Look, ...] = (
    _permits,
    _access,
    _trainings,
    _hold,
    _emergency,
    _convention,
    _deploy_from,
    _migrations,
    _requirements,
    _artifacts,
    _after,
    _gates,
    _approvals,
    _papers,
    _rules_of_type,
    _changes,
    _way_back,
    _notice,
    _freeze,
    _trains,
    _windows,
    _blackouts,
    _calendar,
    _clients,
    _components,
    _milestones,
)
