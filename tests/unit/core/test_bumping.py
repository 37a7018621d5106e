"""The policy's rules on what makes a change larger than its commit says."""

from __future__ import annotations

import pytest

from tidegate.core.bumping import Bump, raised
from tidegate.core.change import MERGE, Change
from tidegate.core.next_version import next_version
from tidegate.core.version import Level, parse_version

API = Bump(Level.MAJOR, "the schema of the API is a promise", paths=("api/schema.json", "proto"))
MIGRATIONS = Bump(Level.MINOR, "the database changes", paths=("migrations",))
TUNING = Bump(Level.MINOR, "tuning is announced", kinds=("perf",))
BOTH = Bump(Level.MAJOR, "a fix of the schema", paths=("proto",), kinds=("fix",))


def change(kind: str = "fix", sha: str = "a", **more: object) -> Change:
    return Change(kind, "", False, "x", sha, (), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "touched", "rule", "level", "because"),
    [
        ("fix", ["api/schema.json"], API, Level.MAJOR, "it changes api/schema.json, which asks for at least major: "),
        ("docs", ["readme", "proto/a/b"], API, Level.MAJOR, "it changes proto/a/b, which asks for at least major: "),
        ("fix", ["proto"], API, Level.MAJOR, "it changes proto, which asks for at least major: "),
        ("fix", ["protocol/a", "api/schema.json.bak"], API, Level.PATCH, ""),
        ("fix", [], API, Level.PATCH, ""),
        ("perf", [], TUNING, Level.MINOR, "it is of the kind perf, which asks for at least minor: "),
        ("fix", [], TUNING, Level.PATCH, ""),
        ("fix", ["proto/a"], BOTH, Level.MAJOR, "it changes proto/a, which asks for at least major: "),
        ("docs", ["proto/a"], BOTH, Level.NONE, ""),
        ("fix", ["src/a"], BOTH, Level.PATCH, ""),
        ("feat", ["migrations/1.sql"], Bump(Level.PATCH, "small", paths=(".",)), Level.MINOR, "it changes "),
        ("", ["migrations/1.sql"], MIGRATIONS, Level.MINOR, "it changes migrations/1.sql, which asks for at least "),
        ("fix", ["a"], Bump(Level.MAJOR, "in words alone"), Level.PATCH, ""),
        (MERGE, ["proto/a"], API, Level.NONE, ""),
    ],
)
def test_a_rule(kind: str, touched: list[str], rule: Bump, level: Level, because: str) -> None:
    (found,) = raised([change(kind)], {"a": touched}, [rule])
    assert found.level() is level
    assert found.because.startswith(because)
    assert bool(found.because) is bool(because)


def test_a_rule_of_labels() -> None:
    rule = Bump(Level.MAJOR, "so it was labelled", labels=("breaking",))
    found = raised([change(), change(MERGE, "b"), change("docs", "c")], {}, [rule], {"a": ["ui"], "b": ["breaking"]})
    assert [one.level() for one in found] == [Level.PATCH, Level.MAJOR, Level.NONE]
    assert found[1].because == 'it has the label "breaking", which asks for at least major: so it was labelled'


def test_of_several_rules_the_highest_counts() -> None:
    (found,) = raised([change()], {"a": ["migrations/1.sql", "proto/a"]}, [MIGRATIONS, API, TUNING])
    assert (found.level(), found.because) == (
        Level.MAJOR,
        "it changes proto/a, which asks for at least major: the schema of the API is a promise",
    )


def test_what_was_taken_back_asks_for_nothing_even_so() -> None:
    (found,) = raised([change(void="reverted by b")], {"a": ["proto/a"]}, [API])
    assert found.level() is Level.NONE


@pytest.mark.parametrize(
    ("current", "expected", "why"),
    [
        ("1.2.3", "2.0.0", "it changes proto/a, which asks for at least major: the schema of the API is a promise"),
        ("0.2.3", "0.3.0", "it changes proto/a, which asks for at least major: the schema of the API is a promise"),
    ],
)
def test_the_next_version_says_which_rule_asked(current: str, expected: str, why: str) -> None:
    changes = raised([change(), change("feat", "b")], {"a": ["proto/a"]}, [API])
    answer = next_version(parse_version(current), changes)
    assert str(answer.version) == expected
    assert [reason.why for reason in answer.reasons] == [why, "feat asks for minor"]


def test_a_rule_that_asks_for_less_than_the_commit_says_nothing() -> None:
    changes = raised([change("feat")], {"a": ["x"]}, [Bump(Level.PATCH, "everything counts", paths=(".",))])
    assert next_version(parse_version("1.0.0"), changes).reasons[0].why == "feat asks for minor"
