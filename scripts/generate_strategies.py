"""Make docs/drivers/strategies.md: which strategy goes with which driver and switch, and which test shows it.

``python scripts/generate_strategies.py`` writes the page; a test holds it up to date. What is supported is found by
asking :func:`tidegate.core.wave.waves`, which every rollout asks; where it is tested stands in TESTED below.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tidegate.core.effect import ALL
from tidegate.core.policy import Strategy
from tidegate.core.wave import ALL_OR_NOTHING, Sharing, waves
from tidegate.drivers.registry import DRIVERS
from tidegate.errors import UsageError
from tidegate.traffic.registry import SWITCHES

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "drivers" / "strategies.md"

UNITS = ("web1", "web2", "web3", "web4")
STRATEGIES: dict[str, dict[str, Any]] = {
    "recreate": {"recreate": {}},
    "rolling": {"rolling": {"batch": 1}},
    "blue-green": {"blue_green": {}},
    "canary": {"canary": {"steps": ({"weight": "5%"},)}},
    "feature flag": {"feature_flag": {}},
}
ALONE, FLAG = "no switch", "a flag"
POOLS = {"blue": UNITS[:2], "green": UNITS[2:]}
WAYS = {
    ALONE: Sharing(),
    **{
        name: Sharing(name, POOLS, {"blue": ALL, "green": 0}, weighs=name not in ALL_OR_NOTHING)
        for name in sorted(SWITCHES)
    },
    FLAG: Sharing(flag="new"),
}
"""What a target may have besides its driver."""

_FLOWS, _REAL = "tests/integration/test_flow_traffic.py", "tests/integration/test_real_traffic.py"
_SWITCHES, _CONTRACT = "tests/contract/test_switch_contract.py", "tests/contract/test_driver_contract.py"
TESTED: dict[tuple[str, str, str], str] = {
    ("recreate", "host", ALONE): "tests/acceptance/test_story_helpdesk.py",
    ("rolling", "host", ALONE): "tests/acceptance/test_demo.py",
    ("rolling", "host", "haproxy"): _REAL,
    ("blue-green", "host", "haproxy"): _REAL,
    ("canary", "host", "haproxy"): _REAL,
    ("feature flag", "host", FLAG): "tests/integration/test_kill_matrix.py",
    ("recreate", "compose", ALONE): "tests/acceptance/test_story_helpdesk_compose.py",
    ("blue-green", "kubernetes", "kubernetes_service"): "tests/integration/test_flow_kubernetes_service.py",
    ("rolling", "kubernetes", ALONE): "tests/integration/test_flow_kubernetes.py",
}
"""By strategy, driver and switch, the test that carries it by this very driver. Of the rest, the two halves are tested
apart: every driver by its contract, and every switch with hosts of a simulator."""

REAL: dict[tuple[str, str, str], str] = {
    ("rolling", "kubernetes", ALONE): "tests/acceptance/test_story_7d_kubernetes.py",
}
"""What is carried on a real cluster too, by ``make cluster-test``; the other tests of Kubernetes meet its simulator."""

HEAD = f"""\
# Strategies, drivers and switches

<!-- Made by `python scripts/generate_strategies.py`. Do not edit. -->

Which strategy carries a release by which driver, and what the target must have for it. A switch stands before any
driver in the same way, so what is supported depends on the switch alone. A cell with a test was carried by this very
driver; *halves* means that the driver is held by [its contract](../../{_CONTRACT}), and the strategy by
[flows with the switch](../../{_FLOWS}), each by itself. Kubernetes is
[the simulator of its API](kubernetes.md#tested-on) in these tests, but for a cell with *real cluster*; the contract
runs on both. A switch that cannot weigh carries no canary. See [traffic switches and flags](traffic.md).

"""


def page() -> str:
    """The page, in Markdown."""
    drivers = sorted(DRIVERS)
    lines = [f"| strategy | target has | {' | '.join(drivers)} |", f"| --- | --- |{' --- |' * len(drivers)}"]
    for strategy in STRATEGIES:
        for way in WAYS:
            cells = [cell(strategy, driver, way) for driver in drivers]
            lines.append(f"| {strategy} | {way} | {' | '.join(cells)} |")
    return HEAD + "\n".join(lines) + "\n"


def cell(strategy: str, driver: str, way: str) -> str:
    """Whether it is supported, and where it is tested."""
    if not supported(strategy, way):
        return ""
    test = TESTED.get((strategy, driver, way))
    real = REAL.get((strategy, driver, way))
    also = f"; [real cluster](../../{real})" if real else ""
    return f"[yes](../../{test}){also}" if test else "halves"


def supported(strategy: str, way: str) -> bool:
    """Whether a rollout would find its waves."""
    try:
        return bool(waves(UNITS, Strategy.model_validate(STRATEGIES[strategy]), WAYS[way]))
    except UsageError:
        return False


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
