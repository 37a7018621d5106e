"""Policies with knobs: everything that ``decide`` asks about, each with several settings, in the roomy house.

``turned({"notice": 2})`` is the house with one knob at its third setting; a knob that is not named stays at its first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from tests.support.facts import merged
from tests.support.strategies import ROOMY


def _production(**keys: Any) -> dict[str, Any]:
    return {"environments": {"production": keys}}


def _minor(**keys: Any) -> dict[str, Any]:
    return {"release_types": {"minor": keys}}


def _trains(*trains: Mapping[str, Any]) -> dict[str, Any]:
    return {"trains": {f"train-{number}": train for number, train in enumerate(trains)}}


def _ride(every: str, first: str = "2026-02-10", **keys: Any) -> dict[str, Any]:
    return {"of": {"kind": "module"}, "every": every, "from": first, **keys}


def _blackouts(*blackouts: Mapping[str, Any]) -> dict[str, Any]:
    return {"calendar": {"blackouts": list(blackouts)}}


def _dark(first: str, last: str, **keys: Any) -> dict[str, Any]:
    return {"name": "dark", "from": first, "to": last, **keys}


def _span(days: str, opens: str = "09:00", closes: str = "16:00") -> dict[str, str]:
    return {"days": days, "from": opens, "to": closes}


_TEAM, _LEADS = {"from": "module-team"}, {"from": "tech-leads"}

KNOBS: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "notice": ({}, _minor(notice="1d"), _minor(notice="9d"), _minor(notice="10d")),
    "fresh": ({}, *({"gates": {"tests": {"fresh": age}}} for age in ("30m", "1h", "3d"))),
    "source": ({}, *({"gates": {"tests": {"source": name}}} for name in ("ci", "nightly"))),
    "tests": tuple(
        {"gates": {"tests": {"pass": condition}}}
        for condition in (
            "tests.total > 0 && tests.failed == 0",
            "tests.failed == 0",
            "tests.failed <= 1 && tests.total > 0",
            "tests.total > 10 && tests.failed == 0",
            "tests.failed == 0 && tests.total >= 1 && tests.skipped < 1",
            "tests.failed == 0 || tests.total > 20",
        )
    ),
    "gates": tuple(
        _production(gates=names)
        for names in (["tests"], ["tests", "coverage"], ["coverage", "tests"], ["tests", "smoke"], ["smoke"], [])
    ),
    "gates of the type": ({}, _minor(gates=["smoke"]), _minor(gates=["smoke", "coverage"])),
    "approvals": tuple(
        _production(approvals=rules)
        for rules in (
            [],
            [_TEAM],
            [{**_TEAM, "author_may": True}],
            [{**_TEAM, "count": 2}],
            [_TEAM, _TEAM],
            [{"from": "$owners"}],
            [{**_TEAM, "count": 3}, _LEADS],
            [_TEAM, {**_LEADS, "as": "review"}],
        )
    ),
    "approvals of the type": ({}, _minor(approvals=[_LEADS]), _minor(approvals=[{**_LEADS, "count": 2}])),
    "after": tuple(
        _production(after=after)
        for after in (
            [],
            [{"environment": "staging"}],
            [{"environment": "staging", "soak": "24h"}],
            [{"environment": "staging", "soak": "4d"}],
            [{"environment": "staging", "soak": "24h"}, {"environment": "staging"}],
        )
    ),
    "windows": (
        {},
        *(
            _production(windows=spans)
            for spans in (
                [],
                [_span("mon-thu")],
                [_span("tue-thu")],
                [_span("mon-thu", "09:00", "12:00"), _span("mon-thu", "12:00", "16:00")],
                [_span("mon-fri", "08:00", "17:00"), _span("sun", "22:00", "03:00")],
                [_span("mon", "00:00", "02:00")],
                [_span("mon-sun", "00:00", "24:00")],
                [_span("tue", "12:00", "12:00")],
            )
        ),
    ),
    "freeze": (
        {},
        *(
            _production(freeze=freeze)
            for freeze in (
                {"before": "2d"},
                {"before": "10d"},
                {"before": "11d"},
                {"before": "11d", "allow": []},
                {"before": "11d", "allow": ["fix", "feat"]},
            )
        ),
    ),
    "trains": (
        {},
        _trains(_ride("week on tuesday at 10:00")),
        _trains(_ride("week on tuesday at 10:00", lasts="2h")),
        _trains(_ride("week on tuesday at 10:00", lasts="20h")),
        _trains(_ride("2 weeks on tuesday at 10:00")),
        _trains(_ride("2 weeks on tuesday at 10:00", "2026-02-17")),
        _trains(_ride("day at 10:00")),
        _trains(_ride("day at 12:00")),
        _trains(_ride("2 days at 10:00"), _ride("month on first tuesday at 10:00")),
        _trains(_ride("month on first tuesday at 10:00")),
        _trains(_ride("2 months on first tuesday at 10:00")),
        _trains(_ride("week on tuesday at 10:00", to="staging")),
        _trains(_ride("week on tuesday at 10:00", of={"component": "identity"})),
    ),
    "kind": ({}, {"components": {"billing": {"kind": "platform"}}}),
    "owners": ({}, {"components": {"billing": {"owners": "module-team"}}}),
    "blackouts": (
        {},
        _blackouts(_dark("2026-12-01", "2026-12-02")),
        _blackouts(_dark("2026-11-28", "2026-12-02")),
        _blackouts(_dark("2026-12-04", "2026-12-08"), _dark("2026-12-01", "2026-12-02")),
        _blackouts(_dark("2026-12-01", "2026-12-02", **{"except": ["minor"]})),
        _blackouts(_dark("2026-12-01", "2026-12-02", environments=["staging"])),
        _blackouts(_dark("2026-12-01", "2026-12-02", environments=["production", "staging"])),
    ),
    "purpose": ({}, _production(purpose="staging"), _production(purpose="integration")),
    "assurance": ({}, *(_production(assurance=grade) for grade in ("asserted", "token", "session", "passkey"))),
    "permits": (
        {},
        {"permits": {"start": ["ops", "bob"]}},
        {"permits": {"start": []}},
        _production(permits={"start": ["bob"]}),
    ),
    "people": (
        {},
        {"people": {"bob": {"groups": ["module-team", "ops"]}}},
        {"people": {"carol": {"disabled": True}, "frank": {"disabled": True}}},
        {"people": {"erin": None}},
        {"people": {"mallory": {"name": "Mallory", "groups": ["ops", "module-team"]}}},
        {"people": {"alice": {"groups": ["billing-owners"]}}},
    ),
    "skips": (
        {},
        *(
            _minor(skips=what)
            for what in (
                ["windows"],
                ["train"],
                ["train", "windows"],
                ["notice", "soak"],
                ["freeze"],
                ["blackouts", "freeze", "notice", "soak", "train", "windows"],
            )
        ),
    ),
    "types": (
        {},
        {"release_types": {"mega": {"bump": "minor"}}},
        {"release_types": {"mega": {"bump": "major", "gates": ["coverage"]}}},
    ),
    "places": (
        {},
        {"environments": {"nowhere": {"purpose": "production", "gates": ["smoke"]}}},
        {"environments": {"nowhere": {"purpose": "production", "gates": ["smoke", "tests"]}}},
        {"environments": {"nowhere": {"purpose": "development"}}},
        {"environments": {"staging": {"gates": []}}},
    ),
    "components": ({}, {"components": {"ledger": {"kind": "module", "owners": "ops"}}}),
    "zone": ({}, {"timezone": "UTC"}),
    "watch": ({}, {"watch": {"staging": {"for": "1h", "roll_back_when": [{"health_check": "failed"}]}}}),
}
"""Each knob with its settings; the first is how the house is."""


def turned(settings: Mapping[str, int]) -> dict[str, Any]:
    """The house with its knobs at these settings."""
    made = dict(ROOMY)
    for name, number in settings.items():
        made = merged(made, KNOBS[name][number])
    return made


def some_settings(most: int) -> st.SearchStrategy[dict[str, int]]:
    """Up to so many knobs, turned."""
    one = st.sampled_from(sorted(KNOBS)).flatmap(
        lambda name: st.tuples(st.just(name), st.integers(0, len(KNOBS[name]) - 1))
    )
    return st.lists(one, max_size=most).map(dict)
