"""``tidegate policy test`` as people and CIs type it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.shop import Done, Shop

CASES = """\
tidegate-tests: 1
at: 2026-12-01T10:00
ask: {environment: production, by: rita}
unknown: [mallory]
facts:
  ready:
    release: {type: minor, component: shop}
    evidence: {tests: {total: 1, failed: 0}}
    approvals: [alice, bob, carol]
    verified: {staging: -1d}
cases:
  - {name: all is ready, given: ready, expect: allow}
  - {name: one is missing, given: {facts: ready, approvals: [alice, carol]}, expect: {deny: approval.module-team}}
  - name: mallory may not
    given: ready
    ask: {by: mallory}
    expect: {deny: actor.permitted}
"""


@pytest.fixture
def tested(shop: Shop) -> Shop:
    """The organisation, with three cases, all of which pass."""
    (shop.root / "tidegate.tests.yaml").write_text(CASES)
    return shop


def change(shop: Shop, old: str, new: str) -> None:
    """Change the cases."""
    path = shop.root / "tidegate.tests.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def told(done: Done) -> str:
    """What was said, on one line."""
    return " ".join(done.err.split())


def test_cases_that_pass(tested: Shop) -> None:
    done = tested.good("policy", "test")
    assert done.out.splitlines()[:4] == [
        "tidegate.tests.yaml",
        "  ✓ all is ready",
        "  ✓ one is missing",
        "  ✓ mallory may not",
    ]
    assert done.out.splitlines()[-2] == "3 cases: 3 passed"
    assert re.fullmatch(r"coverage of rules: \d+% \(\d+ of \d+\)", done.out.splitlines()[-1])
    assert done.err == ""
    assert not tested.database.exists()
    assert max(map(len, done.out.splitlines())) <= 80


def test_a_case_that_fails_says_what_was_expected_and_what_is(tested: Shop) -> None:
    change(tested, "deny: approval.module-team", "deny: gate.tests")
    done = tested.run("policy", "test")
    assert done.code == 1
    lines = done.out.splitlines()
    start = lines.index("  ✗ one is missing")
    assert lines[start + 1 : start + 7] == [
        "    tidegate.tests.yaml:13",
        "    gate.tests was to deny, and nothing asks it",
        "    approval.module-team denies, and nothing expected it",
        "    decide says: deny",
        "      ✗ approval.module-team: needs 2 approvals from module-team, 1 given",
        "        (alice)",
    ]
    assert "3 cases: 2 passed, 1 failed" in lines
    assert max(map(len, lines)) <= 80


def test_only_some_cases(tested: Shop) -> None:
    done = tested.good("policy", "test", "--filter", "MISSING")
    assert done.out.splitlines() == ["tidegate.tests.yaml", "  ✓ one is missing", "", "1 case: 1 passed"]
    none = tested.run("policy", "test", "--filter", "nothing")
    assert (none.code, told(none)) == (2, 'error: no case has "nothing" in its name > mend --filter')
    both = tested.run("policy", "test", "--filter", "x", "--min-coverage", "1%")
    assert both.code == 2
    assert "some cases say nothing of the coverage of all" in told(both)


@pytest.mark.parametrize(("share", "code"), [("1%", 0), ("1", 0), ("100%", 1), ("101%", 2), ("many", 2), ("-1", 2)])
def test_a_share_can_be_demanded(tested: Shop, share: str, code: int) -> None:
    done = tested.run("policy", "test", f"--min-coverage={share}")
    assert done.code == code
    if code == 1:
        assert "and at least 100% is demanded" in done.out
    if code == 2:
        assert f'"{share}" is no share; write 80%' in told(done)


def test_the_answer_for_programs(tested: Shop) -> None:
    change(tested, "expect: allow", "expect: deny")
    done = tested.run("policy", "test", "--json")
    assert done.code == 1
    answer = done.json
    assert (answer["ok"], answer["passed"], answer["failed"]) == (False, 2, 1)
    assert [case["ok"] for case in answer["cases"]] == [False, True, True]
    assert answer["cases"][0]["problems"] == ["expected deny, and it is allow"]
    assert answer["coverage"]["total"] == len(
        [
            way
            for demand in answer["coverage"]["demands"]
            for way in ("passes", "stands_in_the_way")
            if demand[way] is not None
        ]
    )


def test_the_report_is_evidence(tested: Shop) -> None:
    change(tested, "expect: allow", "expect: deny")
    report = tested.directory / "policy-tests.xml"
    assert tested.run("policy", "test", "--junit", report).code == 1
    release = tested.open()
    tested.good("evidence", "add", release, report, by="rita")
    gates = tested.run("check", release, "--for", "staging")
    assert "tests.failed = 1" in " ".join(gates.out.split())


def test_a_report_that_cannot_be_written_is_told(tested: Shop) -> None:
    done = tested.run("policy", "test", "--junit", tested.root / "nowhere" / "x.xml")
    assert done.code == 1
    assert "it cannot be written" in told(done)


def test_mistakes_of_all_files_are_told_together(tested: Shop) -> None:
    change(tested, "given: ready, expect", "given: raedy, expect")
    more = tested.root / "tidegate.tests"
    more.mkdir()
    (more / "more.yaml").write_text("tidegate-tests: 1\ncases: {}\n")
    done = tested.run("policy", "test")
    assert done.code == 2
    assert done.out == ""
    assert done.err.splitlines() == [
        'tidegate.tests.yaml:12:33: unknown facts "raedy"',
        '    did you mean "ready"?',
        "    remedy: name one of: ready",
        "tidegate.tests/more.yaml:2:1: cases is a mapping, expected a list",
        "    remedy: write a list",
        "2 mistakes",
    ]
    record = tested.run("policy", "test", "--json").json["error"]
    assert [mistake["where"] for mistake in record["mistakes"]] == [
        "tidegate.tests.yaml:12:33",
        "tidegate.tests/more.yaml:2:1",
    ]


def test_a_policy_with_mistakes_is_not_asked(tested: Shop) -> None:
    (tested.root / "tidegate.yaml").write_text(tested.policy_text().replace("bump: minor", "bump: mnior"))
    done = tested.run("policy", "test")
    assert done.code == 2
    assert done.err.startswith("tidegate.yaml:")


def test_files_and_policies_can_be_named(tested: Shop, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(tested.policy_text().replace("count: 2", "count: 3"))
    named = tested.run("policy", "test", "tidegate.tests.yaml", "--policy", other)
    assert named.code == 1
    assert "needs 3 approvals from module-team" in " ".join(named.out.split())
    alone = tested.run("policy", "test", "--policy", other)
    assert alone.code == 5
    assert "neither other.tests.yaml nor other.tests/*.yaml" in told(alone)
    (tmp_path / "other.tests.yaml").write_text((tested.root / "tidegate.tests.yaml").read_text())
    found = tested.run("policy", "test", "--policy", other)
    assert found.code == 1
    assert found.out.splitlines()[0] == str(tmp_path / "other.tests.yaml")
    missing = tested.run("policy", "test", "nothing.yaml")
    assert (missing.code, "there is no such file of cases" in told(missing)) == (5, True)
    outside = tested.run("policy", "test", "nothing.yaml", "-C", tmp_path)
    assert outside.code == 5


def test_a_pinned_policy_is_read_from_beside_the_cases(tested: Shop) -> None:
    (tested.root / "old.yaml").write_text(tested.policy_text().replace("count: 2", "count: 3"))
    change(
        tested, "given: ready, expect: allow", "given: ready, pinned: old.yaml, expect: {deny: approval.module-team}"
    )
    tested.good("policy", "test")
    change(tested, "expect: {deny: approval.module-team}}\n  - {name: one", "expect: allow}\n  - {name: one")
    failed = tested.run("policy", "test")
    assert "(pinned policy)" in " ".join(failed.out.split())


def test_first_cases_pass_as_they_are_written(shop: Shop) -> None:
    missing = shop.run("policy", "test")
    assert missing.code == 5
    assert "write some: tidegate policy test --init" in told(missing)
    done = shop.good("policy", "test", "--init")
    assert done.out.splitlines()[0] == "✓ wrote tidegate.tests.yaml"
    passed = shop.good("policy", "test")
    assert "4 cases: 4 passed" in passed.out
    again = shop.run("policy", "test", "--init")
    assert again.code == 6
    assert "there is a file of cases already" in told(again)
    assert shop.run("policy", "test", "--init", "a.yaml", "b.yaml").code == 2
    assert shop.good("policy", "test", "--init", "mine.yaml", "--json").json == {"file": "mine.yaml"}


def test_what_strangers_wrote_reaches_no_terminal_as_it_is(tested: Shop) -> None:
    change(tested, "name: one is missing", 'name: "one \\u200e\\u061cis missing"')
    change(tested, "deny: approval.module-team", 'says: "\\u200e"')
    done = tested.run("policy", "test")
    assert done.code == 1
    assert "one is missing" in " ".join(done.out.split())
    assert not {"\u200e", "\u061c"} & set(done.out)


def test_progress_is_for_people_who_watch(tested: Shop) -> None:
    done = tested.run("policy", "test", TIDEGATE_PROGRESS="1")
    assert "tidegate.tests.yaml: all is ready" in done.err


def test_the_schema_of_cases_can_be_had(shared_shop: Shop) -> None:
    schema = shared_shop.good("policy", "schema", "--tests").json
    assert schema["title"] == "Tidegate cases"
    assert shared_shop.good("policy", "schema").json["title"] == "Tidegate policy"
