"""A first file of cases for a policy: what may go and what may not, as ``decide`` answers it now, to be edited.

For each release type and each environment for production there is a case with everything that can be given, and one
with nothing. Nothing is taken on trust: values for the gates are tried against their conditions, and what each case
expects is what ``decide`` says of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tidegate.clock import to_text
from tidegate.core.actor import AUTOMATION
from tidegate.core.change_demands import asks_of, category_asked
from tidegate.core.change_request import Bound
from tidegate.core.condition.types import Scalar
from tidegate.core.decision import Decision, Policies
from tidegate.core.duration import format_duration
from tidegate.core.emergency import is_emergency_type
from tidegate.core.evidence_kind import KINDS, EvidenceKind, Value
from tidegate.core.policy import OWNERS, Act, ApprovalRule, Bump, ChecklistItem, Policy, Purpose, ReleaseType
from tidegate.core.policytest.form import FORMAT, CaseFile
from tidegate.core.policytest.judge import judged
from tidegate.core.policytest.names import Names
from tidegate.core.policytest.times import absolute, read_moment
from tidegate.core.policytest.trial import trial_of
from tidegate.core.requirement import parse_requirement
from tidegate.core.rulebook import Rulebook
from tidegate.core.rules.actor_permitted import permitted_people
from tidegate.core.span import parse_span
from tidegate.core.verdict import Verdict
from tidegate.errors import UsageError

_DAY = timedelta(days=1)
_MOST_STEPS = 10

_HEAD = """\
# How {organization} decides, as cases: run them with `tidegate policy test`. Each expects what was decided when it was
# written; change the facts and the expectations to what you mean. All keys: docs/reference/policy-tests.md.
tidegate-tests: {format}
"""


def first_cases(book: Rulebook, now: datetime) -> str:
    """The text of a first file of cases for a policy.

    Args:
        now: the cases are asked at the first moment from then on at which they could be allowed.

    Raises:
        UsageError: the policy has nothing that could be asked about.
    """
    policy = book.policy
    if not (policy.components and policy.release_types and policy.environments):
        raise UsageError(
            "there is nothing to ask this policy about: it lacks components, release types or environments",
            remedy="declare one of each in the policy first",
        )
    places = _places(policy)
    wanted = [(name, place, len(places) > 1) for name in policy.release_types for place in places]
    found = [_First(book, name, place, several).write(now) for name, place, several in wanted]
    head = _HEAD.format(organization=" ".join(policy.organization.split()), format=FORMAT)
    facts = "".join(text for text, _ in found)
    cases = "\n".join(text for _, text in found)
    return f"{head}\nfacts:\n{facts}\ncases:\n{cases}"


def _places(policy: Policy) -> list[str]:
    """The environments for production; where there are none, all."""
    found = [name for name, e in policy.environments.items() if e.purpose is Purpose.PRODUCTION]
    return found or list(policy.environments)


class _First:
    """The two cases of one release type in one environment."""

    def __init__(self, book: Rulebook, kind: str, place: str, several: bool) -> None:
        self._book = book
        self._policy = book.policy
        self._kind_name, self._kind = kind, book.policy.release_types[kind]
        self._place, self._environment = place, book.policy.environments[place]
        self._component = next(iter(book.policy.components))
        self._ready = f"{kind}-{place}"[:63] if several else kind
        self._release = f"{_article(kind)} {kind} release"
        self._is_production = self._environment.purpose is Purpose.PRODUCTION

    def write(self, now: datetime) -> tuple[str, str]:
        """The named facts and the two cases, as YAML."""
        given: dict[str, Any] = self._given()
        at, decision = self._allowed_at(given, now.replace(second=0, microsecond=0))
        if decision.allowed:
            given["approvals"] = self._needed(given["approvals"], decision)
        bare = {"release": {key: given["release"][key] for key in ("type", "component", "changes")}}
        refused = self._decide(bare, at)
        whatever = "" if decision.allowed else ", whatever is given"
        ready_name = f"{self._release} {'may' if decision.allowed else 'may not'} go to {self._place}{whatever}"
        refused_name = f"{self._release} of which nothing is ready may not go to {self._place}"
        facts = f"  {_text(self._ready)}:" + _below({key: said for key, said in given.items() if said}, "    ")
        return facts, self._case(ready_name, self._ready, at, decision) + self._case(refused_name, bare, at, refused)

    def _case(self, name: str, given: object, at: datetime, decision: Decision) -> str:
        lines = {
            "given": given,
            "ask": {"environment": self._place, "by": self._by()},
            "expect": _expected(decision),
        }
        return f"  - name: {_text(name[:120])}\n    at: {_moment(at, self._book.tz)}" + _below(lines, "    ")

    def _given(self) -> dict[str, Any]:
        """Everything that can be given: values that meet the gates, everybody's yes, time enough for every wait."""
        kind, environment = self._kind, self._environment
        release: dict[str, Any] = {"type": self._kind_name, "component": self._component}
        release["changes"] = ["fix" if kind.bump is Bump.PATCH else "feat"]
        if self._is_production and kind.notice:
            release["announced"] = _ago(kind.notice)
        if environment.freeze is not None:
            release["content"] = _ago(environment.freeze.before)
        if environment.deploy_from:
            release["comes_from"] = [environment.deploy_from[0]]
        if self._is_production:
            release |= _of_type(kind)
        release |= {"migrates": "yes", "downtime": True} if self._policy.documents or self._policy.checklists else {}
        known = self._policy.components.get(self._component)
        if self._policy.migrations and known is not None and known.migrations:
            release["endangers"] = []
        gates = [*environment.gates, *(kind.gates if self._is_production else ()), *self._gates_of_points()]
        evidence = {name: values for name in dict.fromkeys(gates) if (values := _passing(self._book, name))}
        evidence |= {name: dict(_WHOLE) for name in environment.backups if name not in evidence}
        verified = {after.environment: _ago(after.soak or timedelta(0)) for after in environment.after}
        return {
            "release": release,
            "evidence": evidence,
            "approvals": self._everybody(),
            "verified": verified,
            "running": self._running(),
            "documents": {name: self._document(name) for name in self._documents()},
            "ticks": list(self._checklists()),
            "change_requests": self._changes(),
            "emergencies": self._emergencies(),
        }

    def _checklists(self) -> tuple[str, ...]:
        own = self._kind.checklists if self._is_production else ()
        return tuple(dict.fromkeys(name for name in (*self._environment.checklists, *own) if self._policy.checklists))

    def _points(self) -> list[ChecklistItem]:
        known = [self._policy.checklists[name] for name in self._checklists() if name in self._policy.checklists]
        return [item for checklist in known for item in checklist.items.values()]

    def _gates_of_points(self) -> list[str]:
        return [item.gate for item in self._points() if item.gate and item.gate in self._policy.gates]

    def _documents(self) -> list[str]:
        own = self._kind.documents if self._is_production else ()
        named = [*self._environment.documents, *own, *(item.document for item in self._points() if item.document)]
        return [name for name in dict.fromkeys(named) if name in self._policy.documents]

    def _document(self, name: str) -> dict[str, Any]:
        """The document, reviewed by everybody who may."""
        group = self._policy.documents[name].reviewed_by
        return {"state": "there", "reviewed": sorted(self._policy.people_of(group))} if group else {"state": "there"}

    def _changes(self) -> list[dict[str, Any]]:
        """A change request that everybody who is asked approved, where one is asked for."""
        asked = category_asked(self._policy, self._kind_name, self._place)
        if asked is None:
            return []
        name = asked or next(iter(self._policy.changes.categories), "normal")
        category = self._policy.changes.categories.get(name)
        if category is None:
            return [{"category": name}]
        if category.preapproved:
            return [{"category": name, "entry": category.catalogue[0]} if category.catalogue else {"category": name}]
        groups = {ask.group for ask in asks_of(self._policy, category, [Bound("", (self._component,))])}
        people = [who for who, person in self._policy.people.items() if not groups.isdisjoint(person.groups)]
        minutes = {"minutes": "minutes of the board"} if category.board else {}
        return [{"category": name, "approvals": people, **minutes}]

    def _emergencies(self) -> list[str]:
        """An emergency for the first criterion of a type that needs one."""
        needed = is_emergency_type(self._policy, self._kind_name)
        return list(self._kind.criteria[:1]) if needed else []

    def _running(self) -> dict[str, str]:
        """A version of each component that the one which is released requires, with which it works."""
        requires = self._policy.components[self._component].requires
        fitting = {other: parse_requirement(text).example for other, text in requires.items()}
        return {other: str(version) for other, version in fitting.items() if version is not None}

    def _everybody(self) -> list[str]:
        """Everybody whom the demands ask."""
        groups = {self._group(rule) for rule in self._rules()}
        return [name for name, person in self._policy.people.items() if not groups.isdisjoint(person.groups)]

    def _rules(self) -> tuple[ApprovalRule, ...]:
        every = self._environment.approvals
        if self._is_production:
            client = self._policy.clients.get(self._policy.components[self._component].client or "")
            every += self._kind.approvals + (client.approvals if client else ())
        return tuple(rule for rule in every if not rule.types or self._kind_name in rule.types)

    def _group(self, rule: ApprovalRule) -> str:
        return (self._policy.components[self._component].owners or "") if rule.group == OWNERS else rule.group

    def _by(self) -> str:
        """Somebody who may start there; where nobody may, anybody."""
        people = permitted_people(self._policy, Act.START, self._environment)
        return min(people) if people else next(iter(self._policy.people), AUTOMATION)

    def _allowed_at(self, given: Mapping[str, Any], now: datetime) -> tuple[datetime, Decision]:
        """The first moment at which it is allowed, as far as time alone is in the way, and the decision then."""
        at = now
        decision = self._decide(given, at)
        for _ in range(_MOST_STEPS):
            opens = decision.next_possible
            if decision.allowed or opens is None or opens == at:
                break
            at = opens
            decision = self._decide(given, at)
        return at, decision

    def _decide(self, given: Mapping[str, Any], at: datetime) -> Decision:
        case = {
            "name": "first",
            "given": [given],
            "at": to_text(at),
            "ask": {"environment": self._place, "by": self._by()},
            "expect": {"allow": True},
        }
        file = CaseFile.model_validate_json(json.dumps({"tidegate-tests": FORMAT, "cases": [_long(case)]}))
        names = Names([self._policy], ())
        return judged(trial_of(file, 0, Policies(self._book, self._book), names)).decision

    @staticmethod
    def _needed(approvals: list[str], decision: Decision) -> list[str]:
        """The people whose answers fill a seat."""
        used = {found for finding in decision.findings for found in finding.looked_at}
        return [name for index, name in enumerate(approvals) if f"approval-{index + 1}" in used]


_WHOLE: Mapping[str, int | float | str] = {"kind": "backup", "verified": True, "offsite": True, "restored": True}
"""A backup of which nothing is lacking."""


def _of_type(kind: ReleaseType) -> dict[str, Any]:
    """What a release says of itself so that its type lets it go."""
    found: dict[str, Any] = {}
    if kind.allows:
        found["changes"] = [kind.allows[0]]
    if kind.criteria:
        found["criterion"] = kind.criteria[0]
    if kind.horizon is not None:
        found |= {"opened": f"-{format_duration(parse_span(kind.horizon).most)}", "planned": "now"}
    return found


def _long(case: dict[str, Any]) -> dict[str, Any]:
    """The case with what is short in it written out, as the models know it."""
    given = dict(case["given"][0])
    given["approvals"] = [{"by": name} for name in given.get("approvals", ())]
    given["verified"] = {name: [{"at": at}] for name, at in given.get("verified", {}).items()}
    given["ticks"] = [{"point": name} for name in given.get("ticks", ())]
    given["running"] = {name: {"version": version} for name, version in given.get("running", {}).items()}
    given["emergencies"] = [{"criterion": criterion} for criterion in given.get("emergencies", ())]
    return {**case, "given": [given]}


def _ago(length: timedelta) -> str:
    return f"-{format_duration(length + _DAY)}"


def _article(noun: str) -> str:
    return "an" if noun[:1].lower() in "aeiou" else "a"


_NONE_OF = re.compile(
    "failed|errors|skipped|critical|high|medium|low|rejected|open|violations|drift|serious|failing|lacking|unedited"
    "|empty_sections|slower|exit_code|error_rate"
)
"""Fields that count what should not be."""

_LITTLE = re.compile("duration_s|p50_ms|p95_ms|p99_ms|worst_ratio|acknowledged_s|line|branch")
"""Shares, and lengths of time."""


def _passing(book: Rulebook, name: str) -> dict[str, Value]:
    """Values with which a gate passes, found by trying; empty where none were found."""
    gate, condition = book.policy.gates[name], book.conditions[name]
    kinds = [KINDS[kind] for kind in gate.evidence]
    for values in _candidates(kinds[0], gate.condition):
        if any(not values.keys() <= kind.fields.keys() for kind in kinds):
            return {}
        outcomes = [condition.evaluate({kind.root: values}) for kind in kinds]
        if all(outcome.verdict is Verdict.ALLOW for outcome in outcomes):
            read = {r.path.rpartition(".")[2] for outcome in outcomes for c in outcome.clauses for r in c.readings}
            return {field: value for field, value in values.items() if field in read} or values
    return {}


def _candidates(kind: EvidenceKind, condition: str) -> Iterator[dict[str, Value]]:
    """All well first; then with one field at a number of the condition, or next to it."""
    well = {field: _well(field, scalar) for field, scalar in kind.fields.items()}
    yield well
    numbers = [float(text) for text in re.findall(r"[0-9]+(?:\.[0-9]+)?", condition)[:20]]
    for field, scalar in kind.fields.items():
        for number in (near for n in numbers for near in (n, n + 1, n - 1) if near >= 0):
            if scalar is Scalar.INT:
                yield {**well, field: int(number)}
            elif scalar is Scalar.DOUBLE:
                yield {**well, field: number}


def _well(field: str, scalar: Scalar) -> Value:
    if scalar is Scalar.BOOL:
        return True
    if scalar is Scalar.STRING:
        return "ok"
    number = 0 if _NONE_OF.fullmatch(field) else 1 if _LITTLE.fullmatch(field) else 10
    return float(number) if scalar is Scalar.DOUBLE else number


def _expected(decision: Decision) -> object:
    if decision.allowed:
        return Verdict.ALLOW.value
    found: dict[str, Any] = {}
    for key, verdict in (("deny", Verdict.DENY), ("cannot tell", Verdict.CANNOT_TELL)):
        rules = list(dict.fromkeys(f.rule for f in decision.against() if f.verdict is verdict))
        if rules:
            found[key] = rules
    return found


def _moment(at: datetime, tz: ZoneInfo) -> str:
    """A civil time in the policy's zone where it names the moment, or else the instant."""
    civil = at.astimezone(tz).strftime("%Y-%m-%dT%H:%M")
    return civil if absolute(read_moment(civil), tz) == at else at.strftime("%Y-%m-%dT%H:%M:%SZ")


_SAFE = re.compile(r"[A-Za-z][A-Za-z0-9._-]*(?: [A-Za-z0-9._-]+)*|-[0-9][0-9a-z]*")
_WORDS = frozenset({"true", "false", "null"})


def _text(text: str) -> str:
    """A text as YAML writes it; quoted wherever it could be read as something else."""
    plain = _SAFE.fullmatch(text) is not None and text.lower() not in _WORDS
    return text if plain else json.dumps(text)


def _below(value: Mapping[str, Any] | list[str], indent: str) -> str:
    """A mapping or a list as YAML below its key, each entry in one line where that is not too long."""
    if isinstance(value, list):
        return "\n" + "".join(f"{indent}- {_flow(entry)}\n" for entry in value)
    lines = ["\n"]
    for key, member in value.items():
        line = f"{indent}{_text(str(key))}: {_flow(member)}\n"
        fits = len(line) <= _WIDTH or not isinstance(member, Mapping | list)
        lines.append(line if fits else f"{indent}{_text(str(key))}:{_below(member, indent + '  ')}")
    return "".join(lines)


_WIDTH = 110


def _flow(value: object) -> str:
    """A value as YAML in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_text(str(key))}: {_flow(member)}" for key, member in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(member) for member in value) + "]"
    return _text(value) if isinstance(value, str) else json.dumps(value)
