"""Live data is in production alone."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.policy import DataClass, Purpose


def _check(given: Given) -> Iterator[Found]:
    for name, environment in given.policy.environments.items():
        if environment.data is DataClass.LIVE and environment.purpose is not Purpose.PRODUCTION:
            yield Found(
                ("environments", name, "data"),
                f"there is live data in {name}, which is for {environment.purpose.value}",
                f"put sanitised or synthetic data there, and say so: environments.{name}.data",
            )


LINT = Lint("unsafe.data", "Live data is in production alone.", "TP-04, TP-08", Severity.ERROR, _check)
