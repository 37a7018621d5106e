"""What takes a release back can be seen on the targets that are watched."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.policy import HostTarget, Watch


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
    for component, known in given.policy.components.items():
        for environment, target in known.targets.items():
            watch = given.policy.watch.get(environment)
            if watch is not None and (lacks := _lacks(component, environment, target, watch)):
                path = ("components", component, "targets", environment)
                yield Found(path, *lacks, at_key=True, also=(("watch", environment, "roll_back_when"),))


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
