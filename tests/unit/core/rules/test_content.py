from __future__ import annotations

from typing import Any

import pytest

from tests.support.facts import Case, against, asked, facts, found, item, question, release, rulebook, table
from tidegate.core.decision import Action
from tidegate.core.facts import Change, Facts
from tidegate.core.verdict import Verdict

LEVEL, CONVENTION = "content.level", "content.convention"
ALLOW, DENY = Verdict.ALLOW, Verdict.DENY
LARGE = {"release_types": {"major": {"bump": "major"}}}
REFUSE = {"versioning": {"unconventional": "refuse"}}
LEAVE = "leave that out: tidegate release open billing --at REVISION"


def change(kind: str, level: str = "", summary: str = "pay by card", sha: str = "c0ffee", **more: Any) -> Change:
    return Change(sha, kind, summary, level=level, **more)


def of(kind: str, *changes: Change, before: str = "1.0.0") -> Facts:
    """A release of a type with these changes."""
    return facts(release(item(changes=changes, from_version=before), type=kind))


@table(
    Case(
        "a fix in a patch",
        LEVEL,
        ALLOW,
        "billing contains nothing beyond patch",
        facts=of("hotfix", change("fix", "patch")),
    ),
    Case(
        "a feature in a patch",
        LEVEL,
        DENY,
        '"pay by card" asks for minor, and a hotfix release of billing contains patch at most',
        f"open it as minor, or {LEAVE}",
        facts=of("hotfix", change("feat", "minor")),
    ),
    Case(
        "a feature in a minor",
        LEVEL,
        ALLOW,
        "billing contains nothing beyond minor",
        facts=of("minor", change("feat", "minor")),
    ),
    Case(
        "a break in a minor",
        LEVEL,
        DENY,
        '"pay by card" asks for major, and a minor release of billing contains minor at most',
        f"open it as major, or {LEAVE}",
        policy=LARGE,
        facts=of("minor", change("feat", "major", breaking=True)),
    ),
    Case(
        "a break, and no type that is large enough",
        LEVEL,
        DENY,
        '"pay by card" asks for major, and a minor release of billing contains minor at most',
        LEAVE,
        facts=of("minor", change("feat", "major", breaking=True)),
    ),
    Case(
        "a break in initial development",
        LEVEL,
        ALLOW,
        "billing contains nothing beyond minor",
        facts=of("minor", change("feat", "major", breaking=True), before="0.9.0"),
    ),
    Case(
        "a break in a patch of initial development",
        LEVEL,
        DENY,
        '"pay by card" asks for minor, and a hotfix release of billing contains patch at most',
        f"open it as minor, or {LEAVE}",
        facts=of("hotfix", change("fix", "major", breaking=True), before="00.09.00"),
    ),
    Case(
        "the first release",
        LEVEL,
        ALLOW,
        "billing contains nothing beyond patch",
        facts=of("hotfix", change("feat", "minor"), before=""),
    ),
    Case(
        "what the policy's rules make of it counts",
        LEVEL,
        DENY,
        '"pay by card" asks for minor, and a hotfix release of billing contains patch at most',
        f"open it as minor, or {LEAVE}",
        facts=of("hotfix", change("fix", "minor")),
    ),
    Case(
        "what asks for nothing",
        LEVEL,
        ALLOW,
        "billing contains nothing beyond patch",
        facts=of("hotfix", change("chore", "none")),
    ),
    # Releases that were opened before the level was kept.
    Case(
        "of before: a feature",
        LEVEL,
        DENY,
        '"pay by card" asks for minor, and a hotfix release of billing contains patch at most',
        f"open it as minor, or {LEAVE}",
        facts=of("hotfix", change("feat")),
    ),
    Case("of before: a fix", LEVEL, ALLOW, "billing contains nothing beyond patch", facts=of("hotfix", change("fix"))),
    Case(
        "of before: a break",
        LEVEL,
        DENY,
        '"pay by card" asks for major, and a minor release of billing contains minor at most',
        LEAVE,
        facts=of("minor", change("fix", breaking=True)),
    ),
    Case("of before: no kind", LEVEL, ALLOW, "billing contains nothing beyond patch", facts=of("hotfix", change(""))),
    Case(
        "the largest is named first",
        LEVEL,
        DENY,
        '"a very long story about taxes that nobo…" asks for major (and 1 more for too much), and a hotfix '
        "release of billing contains patch at most",
        f"open it as major, or {LEAVE}",
        policy=LARGE,
        facts=of(
            "hotfix",
            change("feat", "minor", sha="a1"),
            change("fix", "patch", sha="a2"),
            change("feat", "major", "a very long story about taxes that nobody reads", "a3", breaking=True),
        ),
    ),
    Case("an unknown type is told by another rule", LEVEL, facts=of("mega", change("feat", "minor"))),
    Case(
        "a checkpoint does not ask", LEVEL, facts=of("hotfix", change("feat", "minor")), about=question(Action.CONTINUE)
    ),
    Case(
        "a rollback does not ask", LEVEL, facts=of("hotfix", change("feat", "minor")), about=question(Action.ROLLBACK)
    ),
)
def test_the_level(case: Case) -> None:
    case.hold()


@table(
    Case("they are listed, and not refused", CONVENTION, facts=of("minor", change(""))),
    Case(
        "one commit",
        CONVENTION,
        DENY,
        "1 commit of billing follows no convention: c0ffee",
        "give them titles such as fix: ..., where nobody has built on them yet, and open the release again",
        policy=REFUSE,
        facts=of("minor", change(""), change("feat", sha="d0")),
    ),
    Case(
        "several commits",
        CONVENTION,
        DENY,
        "2 commits of billing follow no convention: a1a1a1a1a1, c0ffee",
        "give them titles such as fix: ..., where nobody has built on them yet, and open the release again",
        policy=REFUSE,
        facts=of("minor", change(""), change("", sha="a1" * 20)),
    ),
    Case(
        "all of them follow it",
        CONVENTION,
        ALLOW,
        "every commit of billing follows the convention",
        policy=REFUSE,
        facts=of("minor", change("feat")),
    ),
)
def test_the_convention(case: Case) -> None:
    case.hold()


def test_which_changes_it_looked_at() -> None:
    several = of("hotfix", change("feat", "minor", sha="a1"), change("feat", "minor", sha="a0"))
    assert found(asked(several), LEVEL).looked_at == ("a0", "a1")


@pytest.mark.parametrize("policy", [{}, REFUSE])
def test_a_release_without_changes_contains_nothing(policy: dict[str, Any]) -> None:
    assert against(asked(of("hotfix"), rulebook(**policy))) == []
