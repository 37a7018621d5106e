"""Planners in few words: a release that nobody has opened yet, of one component, on its way to production."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from tests.support.facts import compiled, merged
from tidegate.core.course import Planner, goals_of
from tidegate.core.decision import Policies
from tidegate.core.facts import Change, Facts, Item, Release, Running
from tidegate.core.release import ReleaseState
from tidegate.core.rulebook import Rulebook
from tidegate.core.subject import Subject
from tidegate.policyfile import presets
from tidegate.policyfile.load import load_policy

FRIDAY = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
"""A Friday, 02:00 in Los Angeles: the day on which plans are asked for."""

FEATURE = Change("a" * 40, "feat", "something new", False, "minor")
BREAKING = Change("b" * 40, "feat", "something else", True, "major")
FIX = Change("c" * 40, "fix", "it works again", False, "patch")

SMALL: dict[str, Any] = {
    "tidegate": 1,
    "organization": "Small",
    "timezone": "America/Los_Angeles",
    "people": {"ann": {"name": "Ann", "groups": ["team"]}, "ben": {"name": "Ben", "groups": ["team"]}},
    "components": {"shop": {}},
    "release_types": {"minor": {"bump": "minor"}, "patch": {"bump": "patch"}, "major": {"bump": "major"}},
    "environments": {"production": {"purpose": "production"}},
}


def small(**changes: Any) -> Rulebook:
    """A policy that asks for nothing, with changes."""
    return compiled(merged(SMALL, changes))


@lru_cache(maxsize=8)
def preset(name: str) -> Rulebook:
    """The policy with which an organisation of a preset begins."""
    return load_policy(Path(presets.__file__).parent / "presets" / f"{name}.starter.yaml").rulebook


def planner(
    book: Rulebook,
    component: str = "shop",
    type_: str = "minor",
    *,
    now: datetime = FRIDAY,
    changes: tuple[Change, ...] = (FEATURE,),
    requires: Mapping[str, str] | None = None,
    running: tuple[Running, ...] = (),
    version: str = "1.1.0",
    authors: tuple[str, ...] = (),
) -> Planner:
    """Plans a release that would be opened, announced and complete now."""
    item = Item(
        component,
        "1.0.0",
        version,
        Subject(f"source of {component}", f"package of {component}"),
        now,
        changes,
        requires=requires or {},
        authors=authors,
    )
    release = Release(f"{component}-{version}", type_, ReleaseState.OPEN, (item,), now, "", announced_at=now)
    return Planner(Policies(book, book), Facts(release, running=running), now, goals_of(book.policy, [component]))
