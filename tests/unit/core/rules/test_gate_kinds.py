"""Of every kind of evidence and every field: a gate says what it read, from which report, and what would pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.support.facts import DAY, NOW, asked, evidence, facts, found, rulebook
from tidegate.core.condition.types import Scalar
from tidegate.core.evidence import Evidence
from tidegate.core.evidence_kind import KINDS
from tidegate.core.verdict import Verdict

BAD: dict[Scalar, object] = {Scalar.INT: 7, Scalar.DOUBLE: 7.5, Scalar.BOOL: False, Scalar.STRING: "bad"}
GOOD: dict[Scalar, object] = {Scalar.INT: 0, Scalar.DOUBLE: 0.25, Scalar.BOOL: True, Scalar.STRING: "good"}
ASKED = {Scalar.INT: "{} == 0", Scalar.DOUBLE: "{} < 1.0", Scalar.BOOL: "{}", Scalar.STRING: '{} == "good"'}
NEEDS = ASKED | {Scalar.BOOL: "{} == true"}
SHOWN = {Scalar.INT: "7", Scalar.DOUBLE: "7.5", Scalar.BOOL: "false", Scalar.STRING: '"bad"'}


def fields() -> Iterator[tuple[str, str]]:
    return ((kind.name, field) for kind in KINDS.values() for field in kind.fields)


def piece(kind: str, values: dict[Scalar, object]) -> Evidence:
    spec = KINDS[kind]
    given = {name: values[scalar] for name, scalar in spec.fields.items()}
    return replace(evidence(), kind=kind, source="ci", values=given, bound=_bound(kind), report=f"sha256:{kind}")


def _bound(kind: str) -> dict[str, str]:
    known = facts().release.items[0]
    return dict(known.subject.binding(KINDS[kind].binds, "production"))


def judged(kind: str, field: str, *pieces: Evidence, **gate: object) -> tuple[Verdict, str, str, tuple[str, ...]]:
    path = f"{KINDS[kind].root}.{field}"
    condition = ASKED[KINDS[kind].fields[field]].format(path)
    policy = rulebook(gates={"tests": {"evidence": kind, "source": "ci", "pass": condition, **gate}})
    finding = found(asked(facts(evidence=pieces), policy), "gate.tests")
    return finding.verdict, finding.message, finding.remedy, finding.looked_at


@pytest.mark.parametrize(("kind", "field"), fields())
def test_a_no_says_what_it_read_and_what_would_pass(kind: str, field: str) -> None:
    scalar, path = KINDS[kind].fields[field], f"{KINDS[kind].root}.{field}"
    verdict, message, remedy, looked_at = judged(kind, field, piece(kind, BAD))
    needs = NEEDS[scalar].format(path)
    assert verdict is Verdict.DENY
    assert message.startswith(f"{kind} from ci: ")
    assert message.endswith(f": deny ({path} = {SHOWN[scalar]}; needs {needs})")
    assert remedy.startswith(f"reach {needs}, then ")
    assert looked_at == (f"sha256:{kind}",)


@pytest.mark.parametrize(("kind", "field"), fields())
def test_a_yes_says_what_it_read(kind: str, field: str) -> None:
    verdict, message, remedy, looked_at = judged(kind, field, piece(kind, GOOD))
    assert (verdict, remedy, looked_at) == (Verdict.ALLOW, "", (f"sha256:{kind}",))
    assert f"{KINDS[kind].root}.{field} = " in message


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_stale_foreign_or_not_there_counts_as_none(kind: str) -> None:
    field = next(iter(KINDS[kind].fields))
    good = piece(kind, GOOD)
    assert judged(kind, field)[:2] == (Verdict.CANNOT_TELL, f"there is no {kind} evidence from ci for billing")
    old = replace(good, taken_at=NOW - 3 * DAY)
    assert judged(kind, field, old, fresh="2d")[:2] == (Verdict.CANNOT_TELL, f"{kind} from ci is older than 2d")
    other = replace(good, source="elsewhere")
    assert judged(kind, field, other)[0] is Verdict.CANNOT_TELL
    for part in KINDS[kind].binds:
        foreign = replace(good, bound={**good.bound, part.value: "sha256:another"})
        assert judged(kind, field, foreign)[:2] == (Verdict.CANNOT_TELL, f"{kind} from ci is of another {part.value}")


@pytest.mark.parametrize(("kind", "field"), [(k, f) for k, f in fields() if f in KINDS[k].optional])
def test_what_a_report_does_not_say_cannot_be_told(kind: str, field: str) -> None:
    good = piece(kind, GOOD)
    silent = replace(good, values={name: value for name, value in good.values.items() if name != field})
    verdict, message, _, _ = judged(kind, field, silent)
    assert verdict is Verdict.CANNOT_TELL
    assert f"{KINDS[kind].root}.{field}" in message


HERE = "--environment production"


@pytest.mark.parametrize(
    ("kind", "way"),
    [
        ("junit", "add a new junit report: tidegate evidence add billing-1.1.0 FILE --source ci"),
        (
            "benchmark",
            "add a new benchmark report: tidegate evidence add billing-1.1.0 FILE --baseline EARLIER --source ci",
        ),
        ("command", "have it run: tidegate evidence run billing-1.1.0 --source ci --expects TEXT -- COMMAND"),
        ("documents", "look at each: tidegate document list billing-1.1.0"),
        (
            "backup",
            f"state it: tidegate evidence state billing-1.1.0 backup FIELD=VALUE... --source ci {HERE}",
        ),
        ("environment", "compare it: tidegate environment check production --facts FILE --release billing-1.1.0"),
    ],
)
def test_a_remedy_names_the_command_by_which_the_kind_comes(kind: str, way: str) -> None:
    assert judged(kind, next(iter(KINDS[kind].fields)))[2] == way
