"""Files of cases: where they are found, and that each mistake is told with its place, what is wrong, and what to do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.cases import READY, book, but, case, document
from tidegate.core.policytest import Judged, judged
from tidegate.core.policytest.layers import MAX_LAYERS
from tidegate.core.rulebook import Rulebook
from tidegate.errors import NotFoundError, PolicyError, UsageError
from tidegate.policyfile.cases import case_files, load_cases, trials_of

HEAD = """\
tidegate-tests: 1
at: 2026-12-01T10:00
ask: {environment: production, by: olga}
facts:
  ready:
    release: {type: minor, component: billing}
cases:
  - name: it waits
"""


def nowhere(name: str) -> Rulebook:
    """No policy is found."""
    raise NotFoundError("there is no policy file", where=name, remedy="run `tidegate init`, or name the file")


def mistakes(text: str) -> list[tuple[str, str, str]]:
    """All mistakes of a file, each with its line and column, what is wrong, and the remedy."""
    with pytest.raises(PolicyError) as caught:
        trials_of(load_cases(text.encode(), "cases.yaml"), book(), nowhere)
    found = [(m.where.removeprefix("cases.yaml:"), m.what, m.remedy) for m in caught.value.mistakes]
    assert all(remedy for _, _, remedy in found)
    return found


RULES = (
    "access, actor.permitted, after, after.production, after.staging, approval, approval.objection, approval.owners, "
    "approval.rejected, approval.review, approval.tech-leads, artifact"
)
TWICE = """\
tidegate-tests: 1
at: 2026-12-01T10:00
ask: {environment: staging, by: olga}
cases:
  - name: x
    given: {release: {type: minor, items: [{component: billing}, {component: billing}]}}
    expect: allow
"""
OR_UNKNOWN = "; or list it under unknown:, if the case is about that"

MISTAKES: Mapping[str, tuple[str, tuple[str, str, str]]] = {
    "nothing": (
        "",
        ("1:1", "the file is empty", "begin with `tidegate-tests: 1`, or run `tidegate policy test --init`"),
    ),
    "a policy": (
        "tidegate: 1",
        (
            "1:1",
            'unknown key "tidegate"; did you mean "tidegate-tests"?',
            "use one of: tidegate-tests, at, ask, unknown, facts, cases",
        ),
    ),
    "another language": (
        "tidegate-tests: 2",
        (
            "1:17",
            "the language of cases has no version 2; this version of Tidegate reads 1",
            "write `tidegate-tests: 1`, or install the version of Tidegate that it is for",
        ),
    ),
    "no cases": ("tidegate-tests: 1\ncases: []\n", ("2:1", "cases is empty", "write at least one entry")),
    "nothing expected": (HEAD, ("8:5", 'cases[0] has no key "expect"', "add expect: with a mapping")),
    "an unknown key": (
        HEAD + "    expcet: allow\n    expect: allow\n",
        (
            "9:5",
            'unknown key "expcet" in cases[0]; did you mean "expect"?',
            "use one of: name, given, at, ask, expect, pinned",
        ),
    ),
    "an unknown key where one stands for a list": (
        HEAD + "    given: {relaese: {}}\n    expect: allow\n",
        (
            "9:13",
            'unknown key "relaese" in cases[0].given; did you mean "release"?',
            (
                "use one of: facts, release, evidence, approvals, documents, ticks, waivers, last, minutes, verified, "
                "holds, emergencies and 6 more: see docs/reference/policy-tests.md"
            ),
        ),
    ),
    "a missing key where one stands for a list": (
        HEAD + "    given: {facts: ready, verified: {staging: {version: x}}}\n    expect: allow\n",
        ("9:38", 'cases[0].given.verified.staging has no key "at"', "add at: with a text"),
    ),
    "no verdict": (
        HEAD + "    given: ready\n    expect: allwo\n",
        (
            "10:13",
            'cases[0].expect.verdict is the text "allwo", expected allow, deny or cannot tell; did you mean "allow"?',
            "write one of: allow, deny, cannot tell",
        ),
    ),
    "an empty expectation": (
        HEAD + "    expect: {}\n",
        (
            "9:5",
            "cases[0].expect: nothing is expected",
            "write allow, deny, cannot tell, or the rules that deny",
        ),
    ),
    "others alone": (
        HEAD + "    expect: {verdict: deny, others: true}\n",
        (
            "9:5",
            "cases[0].expect: others: stands alone",
            "name rules under deny: or `cannot tell`: first",
        ),
    ),
    "yes and no": (
        HEAD + "    expect: {allow: true, deny: [notice]}\n",
        ("9:5", "cases[0].expect: it expects yes and no at once", "keep one of the two"),
    ),
    "cannot tell and deny": (
        HEAD + "    expect: {verdict: cannot tell, deny: [notice]}\n",
        (
            "9:5",
            "cases[0].expect: one rule that denies makes it deny",
            "write `cannot tell` with the rules that cannot tell",
        ),
    ),
    "deny and cannot tell": (
        HEAD + "    expect: {verdict: deny, cannot tell: [gate]}\n",
        (
            "9:5",
            "cases[0].expect: rules that cannot tell do not make it deny",
            "name the rules under deny:",
        ),
    ),
    "no time": (
        HEAD + "    at: soon\n    expect: allow\n",
        (
            "9:9",
            'cases[0].at: "soon" is not a time',
            "write 2026-12-01T10:00 (in the policy's zone) or 2026-12-01T18:00:00Z",
        ),
    ),
    "no day": (
        HEAD + "    at: 2026-02-30T10:00\n    expect: allow\n",
        (
            "9:9",
            'cases[0].at: "2026-02-30T10:00" is no day or time that there is',
            "write 2026-12-01T10:00 (in the policy's zone) or 2026-12-01T18:00:00Z",
        ),
    ),
    "a day out of reach": (
        HEAD + "    at: 0001-01-01T10:00\n    expect: allow\n",
        ("9:9", "cases[0].at: 0001-01-01 is out of reach", "write a day from 1970-01-01 to 2999-12-31"),
    ),
    "a case counted from itself": (
        HEAD + "    at: -7d\n    expect: allow\n",
        (
            "9:9",
            'cases[0].at: "-7d" is not a time',
            "write 2026-12-01T10:00 (in the policy's zone) or 2026-12-01T18:00:00Z",
        ),
    ),
    "no length of time": (
        HEAD + "    given: {facts: ready, holds: [{by: olga, reason: x, until: +2 hours}]}\n    expect: allow\n",
        (
            "9:64",
            'cases[0].given.holds[0].until: "+2 hours" is not a time',
            "write -7d for before the case, +2h for after it",
        ),
    ),
    "unknown facts": (
        HEAD + "    given: raedy\n    expect: allow\n",
        ("9:12", 'unknown facts "raedy"; did you mean "ready"?', "name one of: ready"),
    ),
    "an unknown type": (
        HEAD.replace("minor", "minr") + "    given: ready\n    expect: allow\n",
        (
            "6:21",
            'unknown release type "minr"; did you mean "minor"?',
            "name one of: hotfix, minor" + OR_UNKNOWN,
        ),
    ),
    "an unknown component": (
        HEAD.replace("billing", "biling") + "    given: ready\n    expect: allow\n",
        (
            "6:39",
            'unknown component "biling"; did you mean "billing"?',
            "name one of: billing, identity" + OR_UNKNOWN,
        ),
    ),
    "an unknown environment": (
        HEAD.replace("production", "prodction") + "    given: ready\n    expect: allow\n",
        (
            "3:20",
            'unknown environment "prodction"; did you mean "production"?',
            "name one of: production, staging" + OR_UNKNOWN,
        ),
    ),
    "an unknown environment that was passed": (
        HEAD + "    given: {facts: ready, verified: {stagng: -1d}}\n    expect: allow\n",
        (
            "9:38",
            'unknown environment "stagng"; did you mean "staging"?',
            "name one of: production, staging" + OR_UNKNOWN,
        ),
    ),
    "an unknown approver": (
        HEAD + "    given: {facts: ready, approvals: [bob, zoe]}\n    expect: allow\n",
        (
            "9:44",
            'unknown person "zoe"',
            "name one of: alice, bob, carol, dave, erin, gone, olga, tidegate" + OR_UNKNOWN,
        ),
    ),
    "an unknown role": (
        HEAD + "    given: {facts: ready, approvals: [{by: bob, as: reviw}]}\n    expect: allow\n",
        ("9:53", 'unknown role "reviw"; did you mean "review"?', "name one of: review"),
    ),
    "an unknown rule": (
        HEAD + "    given: ready\n    expect: {deny: [hold, gate.tets]}\n",
        (
            "10:27",
            'unknown rule "gate.tets"; did you mean "gate.tests"?',
            f"name one of: {RULES} and 82 more",
        ),
    ),
    "evidence of nothing": (
        HEAD + "    given: {facts: ready, evidence: {unit: {total: 1}}}\n    expect: allow\n",
        (
            "9:38",
            '"unit" is neither a gate of the policy nor a kind of evidence',
            "call it as one of them, or add kind: with the kind that it is of",
        ),
    ),
    "an unknown field": (
        HEAD + "    given: {facts: ready, evidence: {tests: {totl: 1}}}\n    expect: allow\n",
        (
            "9:46",
            'evidence of kind junit has no field "totl"; did you mean "total"?',
            "its fields are total, passed, failed, errors, skipped, duration_s",
        ),
    ),
    "a misspelt key of evidence": (
        HEAD + "    given: {facts: ready, evidence: {tests: {takn: -1d}}}\n    expect: allow\n",
        (
            "9:46",
            'evidence of kind junit has no field "takn"; did you mean "taken"?',
            "its fields are total, passed, failed, errors, skipped, duration_s",
        ),
    ),
    "a field of another type": (
        HEAD + "    given: {facts: ready, evidence: {tests: {total: none}}}\n    expect: allow\n",
        (
            "9:53",
            "evidence of kind junit has total as int, and 'none' is given",
            "give total (int), passed (int), failed (int), errors (int), skipped (int), duration_s (double)",
        ),
    ),
    "a field of many values": (
        HEAD + "    given: {facts: ready, evidence: {tests: {total: [1]}}}\n    expect: allow\n",
        ("9:53", "the field total of evidence is one number, truth value or text", "write one value"),
    ),
    "evidence of no part": (
        HEAD + "    given: {facts: ready, evidence: {drill: {succeeded: true, of: x}}}\n    expect: allow\n",
        (
            "9:63",
            "evidence of kind drill is of no part of a subject, and so of no other one",
            "take of: out",
        ),
    ),
    "one component and several": (
        HEAD + "    given: {facts: ready, release: {items: [{component: identity}]}}\n    expect: allow\n",
        (
            "9:44",
            "component: says that one component is released, items: that several are",
            "keep one of the two",
        ),
    ),
    "a component twice": (
        TWICE,
        ("6:78", 'the component "billing" is in the release twice', "keep one of the two"),
    ),
    "a needless unknown": (
        "unknown: [olga]\n" + HEAD + "    given: ready\n    expect: allow\n",
        (
            "1:11",
            '"olga" is said to be unknown, and is the name of a known person',
            "take it out of unknown:",
        ),
    ),
    "two of one name": (
        HEAD + "    given: ready\n    expect: allow\n  - {name: it waits, given: ready, expect: deny}\n",
        ("11:12", 'two cases have the name "it waits"', "say what is different about this one"),
    ),
    "no pinned policy": (
        HEAD + "    given: ready\n    pinned: old.yaml\n    expect: allow\n",
        ("10:13", "old.yaml: there is no policy file", "run `tidegate init`, or name the file"),
    ),
    "a pinned policy outside": (
        HEAD + "    given: ready\n    pinned: ../old.yaml\n    expect: allow\n",
        (
            "10:13",
            'cases[0].pinned: "../old.yaml" is outside the repository',
            "write a path inside it, such as modules/billing",
        ),
    ),
    "no release": (
        HEAD + "    expect: allow\n",
        ("8:11", "nobody says of which type the release is", "add release: {type: ...} to given:"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_with_its_place_and_what_to_do(name: str) -> None:
    text, expected = MISTAKES[name]
    assert expected in mistakes(text)


def test_what_a_case_must_say_is_asked_for() -> None:
    found = mistakes("tidegate-tests: 1\ncases: [{name: x, expect: allow}]\n")
    assert found == [
        ("2:16", "nobody says of which type the release is", "add release: {type: ...} to given:"),
        ("2:16", "nobody says what is released", "add release: {component: ...} to given:"),
        ("2:16", "nobody says when it is asked", "add at: to the case, or to the file"),
        ("2:16", "nobody says where it would go", "add environment: to ask:"),
        ("2:16", "nobody says who asks", "add by: to ask:"),
    ]


def test_facts_that_begin_with_themselves_are_told_also_where_nobody_uses_them() -> None:
    text = (
        HEAD.replace("  ready:", "  a: {facts: b}\n  b: {facts: [a]}\n  ready:")
        + "    given: ready\n    expect: deny\n"
    )
    assert mistakes(text) == [
        ("5:14", 'the facts "b" begin with themselves: b > a > b', "take one of them out of facts:"),
        ("6:15", 'the facts "a" begin with themselves: a > b > a', "take one of them out of facts:"),
    ]


def test_facts_that_multiply_end_soon() -> None:
    doubling = {f"f{n}": {"facts": [f"f{n + 1}", f"f{n + 1}"]} for n in range(60)} | {"f60": READY}
    with pytest.raises(PolicyError) as caught:
        trials_of(load_cases(json.dumps(document(case(), facts=doubling)).encode(), "x"), book(), nowhere)
    assert f"more than {MAX_LAYERS} named facts" in caught.value.mistakes[0].what


def test_a_name_may_be_unknown_on_purpose() -> None:
    unknown = {"unknown": ["zoe", "moon", "nightly"]}
    given_ = but(release={"type": "nightly", "authors": ["zoe"]}, approvals=["zoe"])
    file = document(case({"allow": False}, given_, ask={"environment": "moon", "by": "zoe"}), **unknown)
    [trial] = trials_of(load_cases(json.dumps(file).encode(), "x"), book(), nowhere)
    assert judged(trial).problems == ()


def test_the_files_of_a_policy_stand_beside_it(tmp_path: Path) -> None:
    policy = tmp_path / "tidegate.yaml"
    assert case_files(policy) == []
    (tmp_path / "tidegate.tests").mkdir()
    for name in (
        "tidegate.tests.yaml",
        "tidegate.tests/b.yaml",
        "tidegate.tests/a.yaml",
        "tidegate.tests/c.txt",
        "x.yaml",
    ):
        (tmp_path / name).touch()
    (tmp_path / "tidegate.tests" / "d.yaml").mkdir()
    found = [path.relative_to(tmp_path).as_posix() for path in case_files(policy)]
    assert found == ["tidegate.tests.yaml", "tidegate.tests/a.yaml", "tidegate.tests/b.yaml"]


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no such file of cases"):
        load_cases(tmp_path / "x.yaml", "x.yaml")
    with pytest.raises(UsageError, match="it is not a file"):
        load_cases(tmp_path, "x.yaml")
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (4 * 1024 * 1024 + 1))
    with pytest.raises(PolicyError, match="a file of cases has at most"):
        load_cases(large, "large.yaml")


FULL: dict[str, Any] = document(
    case({"deny": ["notice"], "cannot tell": "gate.tests", "others": True, "says": "x", "remedy": ["y"]}),
    {
        **case({"next_possible": "never", "passes": ["hold"]}),
        "name": "other",
        "at": "2026-12-01T18:00:00Z",
        "pinned": "old.yaml",
        "ask": {"action": "continue", "granted": "x", "assurance": "token", "via": "CI", "accepts_data_loss": True},
        "given": [
            "ready",
            {
                "release": {"parts": {"every": "x", "source": "y"}, "state": "rolling", "id": "x", "opened": "-1d"},
                "evidence": {"tests": "none", "n": {"kind": "junit", "total": 1, "of": "x", "binds": ["source"]}},
                "approvals": ["bob", {"by": "carol", "answer": "reject", "as": "review", "for": "staging", "of": "x"}],
                "verified": {"staging": [{"at": "-2d", "of": {"targets": "x"}}, "-1d"]},
                "holds": [{"by": "olga", "reason": "x", "until": "+1h", "environment": "staging"}],
                "way_back": [{"to": "1.0.0", "verified": "never", "loses_data": "unknown", "because": "x"}],
            },
        ],
    },
    unknown=["zoe"],
)
"""A file that uses nearly every key."""

JUNK = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(), st.text(max_size=12),
        st.sampled_from([
            "ready", "none", "never", "now", "allow", "gate", "-7d", "+9999999d", "2026-12-01", "2999-12-31T23:59",
            "tests", "junit", "production", "bob", "zoe", "x.yaml", "every", "\0", "\x1b[2J", "<<", "9" * 400,
        ]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=6,
)  # fmt: skip


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in a document."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] + [found for key, member in entries for found in paths(member, (*path, key))]


def spoiled(value: Any, path: tuple[Any, ...], junk: Any, how: str) -> Any:
    """The document with one value replaced, taken out, or with a key of another name."""
    if not path:
        return junk
    key, copy = path[0], dict(value) if isinstance(value, dict) else list(value)
    if len(path) > 1 or how == "replace":
        copy[key] = spoiled(value[key], path[1:], junk, how)
    elif how == "remove" or isinstance(copy, list):
        del copy[key]
    else:
        copy[str(junk)[:20] or "x"] = copy.pop(key)
    return copy


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_spoiled_file_of_cases_gives_no_traceback(data: st.DataObject) -> None:
    file: Any = FULL
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(paths(file)))
        file = spoiled(file, path, data.draw(JUNK), data.draw(st.sampled_from(["replace", "remove", "rename"])))
    text = json.dumps(file, ensure_ascii=data.draw(st.booleans())).encode(errors="surrogatepass")
    asked_safely(text)


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.binary(max_size=80), st.text(max_size=80).map(lambda text: (HEAD + text).encode(errors="replace"))))
def test_what_is_no_file_of_cases_gives_no_traceback(text: bytes) -> None:
    asked_safely(text)


def asked_safely(text: bytes) -> None:
    """Read, ask and judge; only mistakes in the file come of it, each with its place and a remedy."""
    mistakes: tuple[PolicyError, ...] = ()
    found: list[Judged] = []
    try:
        loaded = load_cases(text, "cases.yaml")
        found = [judged(trial) for trial in trials_of(loaded, book(), lambda name: book(trains=None))]
    except PolicyError as error:
        mistakes = error.mistakes
    assert bool(found) != bool(mistakes)
    assert all(m.what and m.remedy and m.where.startswith("cases.yaml:") for m in mistakes)
    assert not [f for one in found for f in one.decision.findings if "this rule failed" in f.message]


def test_the_file_that_is_spoiled_is_none_by_itself() -> None:
    loaded = load_cases(json.dumps(FULL).encode(), "cases.yaml")
    assert len(trials_of(loaded, book(), lambda name: book(trains=None))) == 2
