"""What takes a release back can be seen on the targets that are watched."""

from __future__ import annotations

from collections.abc import Iterator
from math import log

from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.policy import HostTarget, Watch
from tidegate.core.watch.evalues import better_rates, clean_needed, start
from tidegate.core.watch.limits import FLAKE, Limits

PROBES = clean_needed(start(better_rates(FLAKE)), FLAKE, -log(Limits().beta))
"""How many health probes must succeed, and none fail, before health alone proves a version good."""


def _check(given: Given) -> Iterator[Found]:
    for environment, one in given.policy.watch.items():
        if all(trigger.response_time is not None for trigger in one.roll_back_when):
            yield Found(
                ("watch", environment, "roll_back_when"),
                f"{environment} is watched by its response time alone, which this version does not measure: nothing "
                "takes a release back, and nothing proves it good",
                "add error_rate: or health_check: failed to roll_back_when",
                at_key=True,
            )
    yield from _too_short(given)
    for component, known in given.policy.components.items():
        for environment, target in known.targets.items():
            watch = given.policy.watch.get(environment)
            if watch is not None and (lacks := _lacks(component, environment, target, watch)):
                path = ("components", component, "targets", environment)
                yield Found(path, *lacks, at_key=True, also=(("watch", environment, "roll_back_when"),))


def _too_short(given: Given) -> Iterator[Found]:
    """Watches by health alone that end before enough probes can have been made to prove anything good."""
    for environment, one in given.policy.watch.items():
        counts = any(trigger.error_rate is not None for trigger in one.roll_back_when)
        if counts or not any(trigger.health_check is not None for trigger in one.roll_back_when):
            continue
        looks = int(one.lasts / one.every)
        for component, known in given.policy.components.items():
            target = known.targets.get(environment)
            if target is None or looks * (units := _units(target)) >= PROBES:
                continue
            yield Found(
                ("watch", environment),
                f"the watch of {environment} is over after {looks * units} health probes of {component}, and it takes "
                f"{PROBES} without a failure to prove it good: each release would wait for a person at its end",
                "watch for longer, or look more often (every:); or watch an error rate as well",
                at_key=True,
                also=(("components", component, "targets", environment),),
            )


def _units(target: HostTarget) -> int:
    """How many units are probed in one look; at least one, where the policy does not list them."""
    settings = target.model_extra or {}
    listed = [settings.get(key) for key in ("hosts", "places", "units", "deployment", "statefulset")]
    return max(1, sum(len(one) if isinstance(one, list | tuple) else int(one is not None) for one in listed))


def _lacks(component: str, environment: str, target: HostTarget, watch: Watch) -> tuple[str, str] | None:
    """What the triggers need of the target and it has not. Drivers but `host` tell health by themselves."""
    settings = target.model_extra or {}
    counts = any(trigger.error_rate is not None for trigger in watch.roll_back_when)
    probes = any(trigger.health_check is not None for trigger in watch.roll_back_when)
    blind = target.driver == "host" and not settings.get("health")
    if probes and blind and not (counts and settings.get("metrics")):
        seen = "nobody sees that it is bad, and nothing proves it good"
        return (
            f"{environment} is watched by health checks, and {component} has none there: {seen}",
            "add health: to the target: a command, or a url that answers",
        )
    return None


LINT = Lint(
    "watch.blind",
    "What takes a release back can be seen on the targets that are watched.",
    "7D-11, M2-05",
    Severity.WARNING,
    _check,
)
