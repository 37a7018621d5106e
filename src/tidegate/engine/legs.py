"""What a leg is: a named, versioned, plain synchronous function that does its acts in steps.

    def carry_wave(leg: Leg, argument: Json) -> Json:
        for host in argument["hosts"]:
            leg.step(f"switch {host}", lambda: switch(host, key=leg.key(f"switch {host}")))
        return {}

    legs = {"rollout.leg.v1": carry_wave}

The rules of a body:

- What a step returned is remembered; after a crash the body runs again, and each finished step answers at once with
  what it returned then. So the body between steps depends on nothing but its argument and what its steps returned.
- A step that was interrupted runs again: at least once, never exactly once. Its act takes ``leg.key(name)`` as
  idempotency key, and looks before it acts.
- ``finally`` and bare ``except`` call no step: they also run when the leg is taken away from this process.
- The name carries a version. A body whose steps change gets a new name; the old one stays while legs of it live.
"""

from __future__ import annotations

import enum
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tidegate import errors
from tidegate.errors import InternalError, StoreError, TidegateError

Json = dict[str, Any]
"""A JSON object: what a leg is given and what it returns."""

Seam = Callable[[str], None]

_RETRY_FIRST_S = 0.1
_RETRY_MOST_S = 2.0

_logger = logging.getLogger(__name__)


class LegInterrupted(BaseException):
    """This process may not go on with the leg: it is closing, or another has taken over. The leg itself is unharmed.

    No ``Exception``, as ``asyncio.CancelledError`` is none: a body that catches all errors must not catch this.
    """


class LegState(enum.Enum):
    """How a leg stands."""

    ABSENT = "absent"
    """Never enqueued, or its transaction was rolled back."""
    QUEUED = "queued"
    """Waits for an executor; for ever, if none runs."""
    RUNNING = "running"
    """Claimed by an executor. After a crash it stays so until it is brought back."""
    DONE = "done"
    """Its body returned."""
    FAILED = "failed"
    """Its body raised; it never runs again. Whoever leads it enqueues another leg, under another id."""


@dataclass(frozen=True, slots=True)
class LegReport:
    """How a leg stands, who runs it, and what it returned or raised."""

    state: LegState
    executor: str = ""
    result: Json | None = None
    error: str = ""


class Leg:
    """What a body is given beside its argument: its id, and the way to act."""

    def __init__(self, leg_id: str, name: str, *, run_step: RunStep, gate: Gate, stopping: threading.Event, at: Seam):
        self.id = leg_id
        self.name = name
        self._run_step = run_step
        self._gate = gate
        self._stopping = stopping
        self._at = at

    def key(self, step: str) -> str:
        """The idempotency key of a step: the same whenever and wherever it runs again."""
        return f"{self.id}:{step}"

    def check(self) -> None:
        """Raise ``LegInterrupted`` if this process may not go on; long steps ask between their acts."""
        self._gate()

    def step(self, name: str, act: Callable[[], Any]) -> Any:
        """Do ``act`` once, as far as that can be had, and return what it returned, now and whenever the leg runs again.

        An error of the store is waited out, and ``act`` is done again; any other error is remembered as the step's
        outcome and raised.

        Args:
            name: says what is done; unique in the leg, and the same at each run.
            act: returns something that JSON can say.

        Raises:
            LegInterrupted: this process may not go on.
            TidegateError: what ``act`` raised; what is no error of ours comes as InternalError.
        """
        self._gate()
        self._at(f"step:before:{name}")
        outcome = self._run_step(name, lambda: self._outcome(name, act))
        self._at(f"step:done:{name}")
        return _opened(outcome)

    def sleep(self, seconds: float) -> None:
        """Wait, for seconds rather than minutes: after a crash the whole wait begins again.

        Raises:
            LegInterrupted: this process is closing.
        """
        self._stopping.wait(seconds)
        self._gate()

    def _outcome(self, name: str, act: Callable[[], Any]) -> Json:
        try:
            value = self._persistently(act)
        except TidegateError as error:
            outcome: Json = {
                "error": _branch(error),
                "what": error.what,
                "where": error.where,
                "remedy": error.remedy,
            }
        except Exception as error:
            _logger.exception("step %s of leg %s failed", name, self.id)
            what = f"{type(error).__name__}: {error}"
            outcome = {"error": "InternalError", "what": what, "where": name, "remedy": ""}
        else:
            outcome = {"value": value}
        # After the act and before its checkpoint: whoever dies here does the act again.
        self._at(f"step:after:{name}")
        return outcome

    def _persistently(self, act: Callable[[], Any]) -> Any:
        pause = _RETRY_FIRST_S
        while True:
            try:
                return act()
            except StoreError as error:
                _logger.warning("the store failed in leg %s, trying again: %s", self.id, error)
                self._stopping.wait(pause)
                self._gate()
                pause = min(pause * 2, _RETRY_MOST_S)


RunStep = Callable[[str, Callable[[], Json]], Any]
"""Runs a step and remembers its outcome, or answers with the outcome that is remembered."""

Gate = Callable[[], None]
"""Raises ``LegInterrupted`` if this process may not go on."""

Body = Callable[[Leg, Json], Json]
"""A leg's plain synchronous function."""


def _branch(error: TidegateError) -> str:
    # An error of a floor above is remembered as the branch of the tree it hangs on.
    return next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == errors.__name__)


def _opened(outcome: Json) -> Any:
    if "error" not in outcome:
        return outcome["value"]
    kind = getattr(errors, str(outcome["error"]), InternalError)
    raise kind(outcome["what"], where=outcome["where"], remedy=outcome["remedy"] or "Report this.")
