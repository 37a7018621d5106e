"""A target has what the strategy of its environment needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tidegate.core.effect import ALL
from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.policy import HostTarget, Strategy
from tidegate.core.policy.environment import Canary
from tidegate.core.wave import ALL_OR_NOTHING, points


def _check(given: Given) -> Iterator[Found]:
    for component, known in given.policy.components.items():
        for environment, target in known.targets.items():
            here = given.policy.environments.get(environment)
            if here is None:
                continue
            path = ("components", component, "targets", environment)
            also = (("environments", environment, "strategy", here.strategy.kind),)
            for lacks, remedy in _lacks(target, here.strategy):
                message = f"{environment} is released to by {_called(here.strategy)}, and the target {lacks}"
                yield Found(path, message, remedy, at_key=True, also=also)
    for environment, here in given.policy.environments.items():
        if environment not in given.policy.watch and _lasts(here.strategy):
            yield Found(
                ("environments", environment, "strategy", here.strategy.kind),
                f"its steps last, and nothing is watched in {environment}: nobody would know when a step was good",
                f"declare watch.{environment}, or take for: out of the steps, so that a person takes each on",
            )


def _called(strategy: Strategy) -> str:
    return strategy.kind.replace("blue_green", "blue-green").replace("_", " ")


def _lasts(strategy: Strategy) -> bool:
    shifting = strategy.canary or strategy.feature_flag
    return shifting is not None and any(step.lasts for step in shifting.steps)


def _lacks(target: HostTarget, strategy: Strategy) -> Iterator[tuple[str, str]]:
    settings = target.model_extra or {}
    traffic, flag = _mapping(settings.get("traffic")), _mapping(settings.get("flag"))
    if strategy.blue_green is not None and not traffic.get("pools"):
        yield "has no two pools", "declare traffic: with a switch and two pools of hosts, or another strategy"
    if str(traffic.get("switch")) in ALL_OR_NOTHING and strategy.canary and _in_parts(strategy.canary):
        yield (
            f"has the switch {traffic['switch']}, which gives a pool all of the traffic or nothing",
            "release by blue_green, or take traffic: out of the target: then a part of the units comes first",
        )
    if strategy.feature_flag is not None and not flag:
        yield "has no flag", "declare flag: with its file and its name, or another strategy"
    shifting = strategy.blue_green or strategy.canary
    if shifting and shifting.switch and traffic.get("switch") != shifting.switch:
        yield f"has no switch {shifting.switch}", f"declare traffic: {{switch: {shifting.switch}, ...}}"
    if strategy.feature_flag and strategy.feature_flag.flag and flag and flag.get("name") != strategy.feature_flag.flag:
        yield f"has no flag {strategy.feature_flag.flag}", f"name the flag {strategy.feature_flag.flag} under flag:"


def _in_parts(canary: Canary) -> bool:
    return any(points(step.weight) not in (0, ALL) for step in canary.steps)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


LINT = Lint(
    "strategy.target",
    "A target has what the strategy of its environment needs.",
    "TP-05",
    Severity.ERROR,
    _check,
)
