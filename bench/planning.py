"""How long it takes to plan a year: the way to production of each of a thousand components, and a year's calendar.

For each component the earliest moment, what decides on it, and its whole timeline; then every departure, window and
blackout of the year. The facts were gathered before: Git and the store are measured by others.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from bench.measure import Row, Sizes, in_turns, median_cpu, spend
from tidegate.core.calendar_page import page
from tidegate.core.canonical import digest
from tidegate.core.course import Planner, goals_of
from tidegate.core.critical_path import critical_path
from tidegate.core.decision import Policies
from tidegate.core.facts import Change, Facts, Item, Release
from tidegate.core.policy import Policy
from tidegate.core.release import ReleaseState
from tidegate.core.rulebook import Rulebook, compile_policy, resolved_of
from tidegate.core.subject import Subject
from tidegate.core.timeline import timeline

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
COMPONENTS = 1_000
GOAL_S = 2.0


def policy(components: int) -> Rulebook:
    """An organisation with that many components, of three kinds, each kind on a train of its own."""
    kinds = ("module", "platform", "product")
    document: dict[str, Any] = {
        "tidegate": 1,
        "organization": "Many",
        "timezone": "America/Los_Angeles",
        "components": {f"component-{n}": {"kind": kinds[n % 3]} for n in range(components)},
        "trains": {
            "module": {"of": {"kind": "module"}, "every": "2 weeks on tuesday at 10:00", "from": "2026-02-10"},
            "platform": {"of": {"kind": "platform"}, "every": "month on first tuesday at 10:00"},
            "product": {"of": {"kind": "product"}, "every": "month on second tuesday at 10:00"},
        },
        "calendar": {"blackouts": [{"name": "year end", "from": "2026-12-18", "to": "2027-01-04"}]},
        "release_types": {"major": {"bump": "major", "notice": "30d", "approvals": [{"from": "leads"}]}},
        "people": {"ann": {"name": "Ann", "groups": ["leads"]}},
        "milestones": {"frozen": {"title": "Code freeze", "at": "-2d", "allow": ["fix"]}},
        "environments": {
            "staging": {"purpose": "staging"},
            "production": {
                "purpose": "production",
                "after": [{"environment": "staging", "soak": "24h"}],
                "windows": [{"days": "mon-thu", "from": "09:00", "to": "16:00"}],
                "freeze": {"before": "2d"},
            },
        },
        "communication": [{"at": at, "to": ["file:NOTICES.md"], "say": "announced"} for at in ("-7d", "-2d", "+1d")],
        "tasks": {f"task-{n}": {"says": f"Look at {n}", "due": "0-24 hours"} for n in range(6)},
    }
    parsed = Policy.model_validate(document, strict=False)
    return compile_policy(parsed, digest(resolved_of(parsed)))


def planners(book: Rulebook) -> list[Planner]:
    """What walks the course of a major release of each component."""
    return [_planner(book, name, number) for number, name in enumerate(book.policy.components)]


def _planner(book: Rulebook, name: str, number: int) -> Planner:
    changes = (Change(f"{number:040x}", "feat", "something new", True, "major"),)
    item = Item(name, "1.4.0", "2.0.0", Subject(f"sha256:{number}", "sha256:0"), NOW, changes)
    release = Release(f"{name}-2.0.0", "major", ReleaseState.OPEN, (item,), NOW, "", announced_at=NOW)
    return Planner(Policies(book, book), Facts(release), NOW, goals_of(book.policy, [name]))


def year(book: Rulebook) -> int:
    """Plan everything, and a year of days; the number of entries on all timelines.

    Raises:
        RuntimeError: something never goes, so that something else than meant would be measured.
    """
    entries = 0
    for planner in planners(book):
        course = planner.course()
        if course.earliest is None or not critical_path(planner, course):
            raise RuntimeError("a component never goes, or nothing decides")
        entries += len(timeline(planner, course))
    page(book, date(2026, 12, 1), date(2027, 11, 30), NOW)
    return entries


def rows(sizes: Sizes) -> Iterator[Row]:
    """A year's plan for a thousand components."""
    count = min(COMPONENTS, sizes.components)
    book = policy(count)
    entries = year(book)
    (taken,) = in_turns(min(3, sizes.rounds), lambda: spend(lambda: year(book)))
    yield Row(
        f"plan: a year of {count:,} components",
        median_cpu(taken),
        "s CPU",
        goal=GOAL_S,
        note=f"earliest moments, critical paths and {entries:,} entries of timelines, and the year's calendar",
    )
