"""SARIF 2.1.0: what static analysis and many scanners write.

How bad a result is says the rule's ``security-severity``, a CVSS score, where it has one; else the result's level:

    error > high        warning > medium        note > low        none > unknown

A result that is suppressed, or absent by comparison with a baseline, does not count, nor does one whose kind says that
nothing is wrong. One that the tool leaves open or to a person's review is of unknown severity. A run that did not
succeed, or tells an error of the tool, is no evidence at all: what it did not look at is not in it.

Source: Static Analysis Results Interchange Format (SARIF) Version 2.1.0, OASIS Standard.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tidegate.clock import from_text
from tidegate.core.plain import plain
from tidegate.readers.contract import Reading
from tidegate.readers.findings import LARGEST_SCORE, Severity, Tally, counted, of_score, worst
from tidegate.readers.json_report import WHOLE, JsonForm, outer_names, shown
from tidegate.readers.sniff import HEAD_BYTES

FORM = "a SARIF 2.1.0 report"
VERSION = "2.1.0"
_JSON = JsonForm(FORM, "run the tool again, and give the report as it wrote it")
_SIGNS = (b'"tool"', b'"driver"', b'"results"', b"sarif")
_LEVELS = {"error": Severity.HIGH, "warning": Severity.MEDIUM, "note": Severity.LOW, "none": Severity.UNKNOWN}
_NOT_WRONG = frozenset({"pass", "notApplicable", "informational"})
_UNDECIDED = frozenset({"open", "review"})
_UNSUPPRESSED = frozenset({"underReview", "rejected"})
_ELSEWHERE = ("results", "driver", "extensions", "invocations")
_SCORE = re.compile(r"[0-9]{1,2}(\.[0-9]{1,4})?")
_SECURITY = "security-severity"
_LEVELS_OF_ID = 16
"""Parts of a hierarchical id that are looked at: an id of nothing but slashes must not keep anybody busy."""

_SHOWN = 400


class SarifReader:
    """Reads a SARIF log of one or several runs, which are added up."""

    kind = "sarif"
    form = FORM

    def recognises(self, name: str, head: bytes) -> bool:
        start = head[:HEAD_BYTES].lower()
        names = outer_names(head)
        return ("runs" in names and any(sign in start for sign in _SIGNS)) or ("$schema" in names and b"sarif" in start)

    def read(self, data: bytes) -> Reading:
        log = _JSON.report(data)
        version = _JSON.text(log, "version", WHOLE)
        if version != VERSION:
            _JSON.refuse(f"its version is {shown(version)}, and only {VERSION} is read")
        if _JSON.items(log, "inlineExternalProperties", WHOLE, absent=[]):
            _JSON.refuse("it keeps parts of its runs outside of them", "have the tool write them into the runs")
        runs = _JSON.items(log, "runs", WHOLE)
        if not runs:
            _JSON.refuse("it holds no run of a tool, so that nothing was looked at")
        return _reading([_Run(_JSON.mapping(run, f"run {n}"), f"run {n}") for n, run in enumerate(runs, start=1)])


def _reading(runs: Sequence[_Run]) -> Reading:
    tally, left_out = Tally(), 0
    for run in runs:
        for severity in run.severities():
            if severity is None:
                left_out += 1
            else:
                tally.add(severity)
    by = ", ".join(dict.fromkeys(run.tool for run in runs))
    summary = f"{tally.said()}, by {plain(by, 80)}"
    if left_out:
        summary += f"; {counted(left_out, 'result')} suppressed, absent or nothing wrong"
    times = [run.began for run in runs if run.began is not None]
    return Reading(SarifReader.kind, tally.values(), min(times, default=None), summary)


@dataclass(frozen=True, slots=True)
class _Rule:
    id: str
    security: Severity | None
    level: str


@dataclass(frozen=True, slots=True)
class _Component:
    """The driver or an extension of a tool, with its rules in their order and by id."""

    name: str
    rules: tuple[_Rule, ...]
    by_id: Mapping[str, _Rule]


class _Run:
    """One run of a tool."""

    def __init__(self, run: Mapping[str, Any], where: str) -> None:
        self._run, self._where = run, where
        tool = _JSON.members(run, "tool", where)
        driver = _JSON.members(tool, "driver", where)
        self.tool = plain(_JSON.text(driver, "name", f"the driver of {where}")[:_SHOWN], 40)
        extensions = _JSON.items(tool, "extensions", where, absent=[])
        self._components = [
            _component(_JSON.mapping(one, f"a tool component of {where}"), where) for one in [driver, *extensions]
        ]
        self._invocations = [
            _JSON.mapping(one, f"an invocation of {where}") for one in _JSON.items(run, "invocations", where, absent=[])
        ]
        self._hold_whole()
        self.began = _began(self._invocations)
        self._overridden = dict(self._overrides())

    def severities(self) -> Iterator[Severity | None]:
        """How bad each result is; None for one that does not count."""
        if self._run.get("results") is None:
            _JSON.refuse(f"{self._where} has no results, so that the tool did not come to its end")
        for n, result in enumerate(_JSON.items(self._run, "results", self._where), start=1):
            where = f"result {n} of {self._where}"
            yield self._severity(_JSON.mapping(result, where), where)

    def _hold_whole(self) -> None:
        """Refuse a run that broke, or keeps what counts in other files."""
        for invocation in self._invocations:
            if not _JSON.flag(invocation, "executionSuccessful", f"an invocation of {self._where}"):
                _JSON.refuse(
                    f"{self._where} says that {self.tool} did not succeed",
                    "mend the run of the tool",
                )
            for name in ("toolExecutionNotifications", "toolConfigurationNotifications"):
                for told in _JSON.items(invocation, name, self._where, absent=[]):
                    self._hold_notification(_JSON.mapping(told, f"a notification of {self._where}"))
        references = _JSON.members(self._run, "externalPropertyFileReferences", self._where, absent={})
        for name in _ELSEWHERE:
            if references.get(name):
                _JSON.refuse(f"{self._where} keeps its {name} in other files", "have the tool write one file")

    def _hold_notification(self, told: Mapping[str, Any]) -> None:
        where = f"a notification of {self._where}"
        if _JSON.text(told, "level", where, absent="warning") == "error":
            message = _JSON.members(told, "message", where, absent={})
            text = _JSON.text(message, "text", where, absent="") or "no text"
            _JSON.refuse(
                f"in {self._where} {self.tool} tells an error of its own: {plain(text[:_SHOWN], 120)}",
                "mend the run of the tool",
            )

    def _severity(self, result: Mapping[str, Any], where: str) -> Severity | None:
        if _JSON.text(result, "baselineState", where, absent="") == "absent" or _is_suppressed(result, where):
            return None
        kind = _JSON.text(result, "kind", where, absent="fail")
        if kind in _NOT_WRONG:
            return None
        if kind in _UNDECIDED:
            return Severity.UNKNOWN
        if kind != "fail":
            _JSON.refuse(f"{where} has {shown(kind)} as kind, which SARIF does not know")
        rule = self._rule(result, where)
        own = _security(result, where)
        security = own if own is not None else rule.security if rule is not None else None
        if security is not None:
            return security
        level = _level(result, where) or (rule.level if rule is not None else "") or "warning"
        return worst([_LEVELS[level], self._overridden.get(rule.id if rule is not None else "", _LEVELS[level])])

    def _rule(self, result: Mapping[str, Any], where: str) -> _Rule | None:
        """The rule that a result names by index, by id, or by the beginning of a hierarchical id.

        Source: SARIF 2.1.0, sections 3.27.5 to 3.27.7 and 3.52.
        """
        reference = _JSON.members(result, "rule", where, absent={})
        component = self._named_component(reference, where)
        id_ = _JSON.text(reference, "id", where, absent="") or _JSON.text(result, "ruleId", where, absent="")
        index = max(_index(reference, "index", where), _index(result, "ruleIndex", where))
        if index < 0:
            return _by_id(id_, [component] if component is not None else self._components)
        rules = (component or self._components[0]).rules
        if index >= len(rules):
            _JSON.refuse(f"{where} names the rule at {index}, and {counted(len(rules), 'rule')} are there")
        found = rules[index]
        if id_ and found.id and id_ != found.id and not id_.startswith(f"{found.id}/"):
            _JSON.refuse(f"{where} names the rule {shown(id_)}, and at {index} stands {shown(found.id)}")
        return found

    def _named_component(self, reference: Mapping[str, Any], where: str) -> _Component | None:
        named = _JSON.members(reference, "toolComponent", where, absent={})
        index = _index(named, "index", where)
        extensions = self._components[1:]
        if index >= len(extensions):
            _JSON.refuse(
                f"{where} names the extension at {index}, and {counted(len(extensions), 'extension')} are there"
            )
        if index >= 0:
            return extensions[index]
        name = _JSON.text(named, "name", where, absent="")
        return next((one for one in self._components if name and one.name == name), None)

    def _overrides(self) -> Iterator[tuple[str, Severity]]:
        """The levels to which a run was configured, by the rule's id; the worse of it and the result's counts."""
        for invocation in self._invocations:
            for override in _JSON.items(invocation, "ruleConfigurationOverrides", self._where, absent=[]):
                where = f"an override of {self._where}"
                found = _JSON.mapping(override, where)
                rule = self._rule({"rule": _JSON.members(found, "descriptor", where)}, where)
                level = _level(_JSON.members(found, "configuration", where), where)
                if rule is not None and level:
                    yield rule.id, _LEVELS[level]


def _component(component: Mapping[str, Any], where: str) -> _Component:
    rules = tuple(_rules(component, where))
    return _Component(
        _JSON.text(component, "name", f"a tool component of {where}"), rules, {rule.id: rule for rule in rules}
    )


def _rules(component: Mapping[str, Any], where: str) -> Iterator[_Rule]:
    for rule in _JSON.items(component, "rules", where, absent=[]):
        found = _JSON.mapping(rule, f"a rule of {where}")
        id_ = _JSON.text(found, "id", f"a rule of {where}", absent="")
        place = f"the rule {shown(id_)} of {where}"
        configured = _JSON.members(found, "defaultConfiguration", place, absent={})
        yield _Rule(id_, _security(found, place), _level(configured, place))


def _by_id(id_: str, components: Sequence[_Component]) -> _Rule | None:
    for _ in range(_LEVELS_OF_ID):
        for component in components:
            if id_ in component.by_id:
                return component.by_id[id_]
        id_ = id_.rpartition("/")[0]
    return None


def _security(found: Mapping[str, Any], where: str) -> Severity | None:
    """What ``security-severity`` says, which tools write as a text or as a number; None where it is not given."""
    score = _JSON.members(found, "properties", where, absent={}).get(_SECURITY)
    if score is None:
        return None
    number = float(score) if type(score) in (int, float) or (isinstance(score, str) and _SCORE.fullmatch(score)) else -1
    if not 0 <= number <= LARGEST_SCORE:
        _JSON.refuse(f"{where} has {shown(score)} as {_SECURITY}, which is no score from 0 to 10")
    return of_score(number)


def _level(found: Mapping[str, Any], where: str) -> str:
    level = _JSON.text(found, "level", where, absent="")
    if level and level not in _LEVELS:
        _JSON.refuse(f"{where} has {shown(level)} as level, which SARIF does not know")
    return level


def _is_suppressed(result: Mapping[str, Any], where: str) -> bool:
    """Whether somebody has decided that it does not count; a suppression under review, or rejected, decides nothing."""
    suppressions = _JSON.items(result, "suppressions", where, absent=[])
    statuses = [
        _JSON.text(_JSON.mapping(one, f"a suppression of {where}"), "status", where, absent="accepted")
        for one in suppressions
    ]
    return bool(statuses) and not _UNSUPPRESSED & set(statuses)


def _index(found: Mapping[str, Any], name: str, where: str) -> int:
    """An index; -1, which SARIF writes for none, where there is none."""
    return -1 if found.get(name) in (None, -1) else _JSON.count(found, name, where)


def _began(invocations: Sequence[Mapping[str, Any]]) -> datetime | None:
    """When the first invocation began, or ended where it says no more; None where none names an instant."""
    times = []
    for invocation in invocations:
        for name in ("startTimeUtc", "endTimeUtc"):
            try:
                times.append(from_text(_JSON.text(invocation, name, "an invocation", absent="")))
                break
            except (ValueError, OverflowError):
                continue
    return min(times, default=None)
