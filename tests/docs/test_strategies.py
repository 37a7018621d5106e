"""The table of strategies, drivers and switches says what is, and names tests that are there."""

from __future__ import annotations

import pytest

from scripts.generate_strategies import PAGE, REAL, ROOT, STRATEGIES, TESTED, WAYS, page, supported
from tidegate.core.policy import Strategy
from tidegate.drivers.registry import DRIVERS


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python scripts/generate_strategies.py`"


def test_every_strategy_of_the_policy_is_in_it() -> None:
    assert {name.replace("-", "_").replace(" ", "_") for name in STRATEGIES} == set(Strategy.choices)


@pytest.mark.parametrize(("key", "test"), [*TESTED.items(), *REAL.items()], ids=str)
def test_what_is_said_to_be_tested_is_supported_and_has_a_test(key: tuple[str, str, str], test: str) -> None:
    strategy, driver, way = key
    assert driver in DRIVERS
    assert supported(strategy, way)
    assert (ROOT / test).is_file()


def test_what_needs_a_switch_is_not_supported_without_one() -> None:
    assert [(name, way) for name in STRATEGIES for way in WAYS if not supported(name, way)] == [
        ("blue-green", "no switch"),
        ("blue-green", "a flag"),
        ("canary", "kubernetes_service"),
        ("feature flag", "no switch"),
        ("feature flag", "haproxy"),
        ("feature flag", "kubernetes_service"),
    ]
