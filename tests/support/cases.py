"""Cases in few words: a policy that asks for everything, facts that meet it, and what one case says besides."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.support.facts import rulebook
from tidegate.core.policytest import Judged, Trial, judged
from tidegate.core.rulebook import Rulebook
from tidegate.policyfile.cases import load_cases, trials_of

CLOSED = {"name": "year end", "from": "2026-12-18", "to": "2027-01-04", "except": ["hotfix"]}
TUESDAYS = {"of": {"kind": "module"}, "every": "week on tuesday at 10:00", "from": "2026-02-10"}

DEMANDING: Mapping[str, Any] = {
    "people": {"erin": {"name": "Erin", "groups": ["module-team"]}, "gone": {"name": "Gone", "disabled": True}},
    "components": {"billing": {"requires": {"identity": ">=1.4 <2"}}},
    "versioning": {"unconventional": "refuse"},
    "branches": {"main": {"pattern": "main"}},
    "trains": {"modules": TUESDAYS},
    "calendar": {"blackouts": [CLOSED]},
    "release_types": {
        "minor": {
            "notice": "7d",
            "gates": ["coverage"],
            "approvals": [{"from": "module-team", "count": 2, "as": "review"}, {"from": "tech-leads"}],
        },
        "hotfix": {
            "skips": ["train", "windows", "freeze", "notice", "soak", "blackouts"],
            "approvals": [{"from": "$owners"}],
        },
    },
    "environments": {
        "production": {
            "after": [{"environment": "staging", "soak": "24h"}],
            "deploy_from": ["main"],
            "windows": [{"days": "mon-thu", "from": "09:00", "to": "16:00"}],
            "freeze": {"before": "2d", "allow": ["fix", "docs"]},
        }
    },
    "watch": {"production": {"for": "1h", "roll_back_when": [{"health_check": "failed"}]}},
}

READY: Mapping[str, Any] = {
    "release": {
        "type": "minor",
        "component": "billing",
        "changes": ["feat"],
        "authors": ["alice"],
        "announced": "-8d",
        "content": "-9d",
        "comes_from": ["main"],
    },
    "evidence": {"tests": {"total": 10, "failed": 0}, "coverage": {"line": 0.9}},
    "approvals": ["bob", "erin", "carol"],
    "verified": {"staging": "-2d"},
    "running": {"identity": "1.4.2"},
    "way_back": {"to": "1.0.0", "verified": "-30d", "loses_data": "no"},
}
"""What meets every demand at :data:`AT`."""

AT = "2026-12-01T10:00"
"""A Tuesday, as the train departs."""

ASK: Mapping[str, Any] = {"environment": "production", "by": "olga"}


def book(**changes: Any) -> Rulebook:
    """The house that asks for everything, with changes."""
    from tests.support.facts import merged

    return rulebook(**merged(DEMANDING, changes))


def document(*cases: Mapping[str, Any], **root: Any) -> dict[str, Any]:
    """A file of cases, whose facts ``ready`` meet everything."""
    return {"tidegate-tests": 1, "at": AT, "ask": ASK, "facts": {"ready": READY}, "cases": list(cases), **root}


def case(expect: Any = "allow", given: Any = "ready", **more: Any) -> dict[str, Any]:
    """One case: may what is ready go?"""
    return {"name": "it", "given": given, "expect": expect, **more}


def trials(
    file: Mapping[str, Any], policy: Rulebook | None = None, pinned: Mapping[str, Rulebook] | None = None
) -> list[Trial]:
    """The cases of a file, ready. JSON is YAML, so that the real reader reads it."""
    loaded = load_cases(json.dumps(file, ensure_ascii=False).encode(), "cases.yaml")
    return trials_of(loaded, policy or book(), (pinned or {}).__getitem__)


def ask(
    one: Mapping[str, Any],
    policy: Rulebook | None = None,
    pinned: Mapping[str, Rulebook] | None = None,
    **root: Any,
) -> Judged:
    """One case, asked and judged."""
    return judged(trials(document(one, **root), policy, pinned)[0])


def but(**changes: Any) -> dict[str, Any]:
    """What is ready, with changes merged into it."""
    return {"facts": "ready", **changes}
