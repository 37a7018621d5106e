"""Following a rollout by its rows, to its end: whoever executes it, here or elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import tzinfo
from typing import TYPE_CHECKING

from tidegate.cli.executing import Executing
from tidegate.cli.telling import Teller
from tidegate.cli.text import bad, clean, good, wrapped
from tidegate.core.rollout import Direction, RolloutState
from tidegate.errors import ConflictError
from tidegate.store import policies, requests, rollouts
from tidegate.views.moments import civil
from tidegate.views.rollout import ABSENT, RolloutView, rollout_view

if TYPE_CHECKING:
    from tidegate.cli.session import Session
    from tidegate.orchestration.house import House

LOOK_S = 0.1
DOUBT_S = 15.0
"""How long a rollout may be in doubt before whoever follows it is told to look; the executor goes on asking."""

_S = RolloutState


@dataclass(frozen=True, slots=True)
class Ending:
    """How a rollout that was followed ended, for the person and for the exit code."""

    view: RolloutView
    back: RolloutView | None
    exit_code: int
    sentence: str
    remedy: str = ""


def follow(session: Session, executing: Executing, house: House, rollout_id: str) -> Ending:
    """Follow a rollout to its end, executing it if nobody else does; if it is taken back, to the end of that."""
    with house.database.read() as connection:
        tz = policies.current(connection).tz
    teller = Teller(session.progress, tz, house.clock)
    doubtful_since: float | None = None
    while True:
        executing.tend()
        view, back = _look(house, rollout_id)
        teller.tell(view)
        if back is not None:
            teller.taken_back(view, back)
        doubtful_since = (
            (doubtful_since or time.monotonic()) if _S.IN_DOUBT in (view.state, back and back.state) else None
        )
        ending = _ending(view, back, doubtful_since)
        if ending is not None:
            return ending
        time.sleep(LOOK_S)


def _look(house: House, rollout_id: str) -> tuple[RolloutView, RolloutView | None]:
    with house.database.read() as connection:
        rollout = rollouts.load(connection, rollout_id)
        view = rollout_view(connection, rollout)
        back = rollout_view(connection, rollouts.load(connection, view.reversed_by)) if view.reversed_by else None
    return view, back


def _ending(view: RolloutView, back: RolloutView | None, doubtful_since: float | None) -> Ending | None:
    going_back = view.direction is Direction.BACK
    what = f"{view.component} in {view.environment}"
    acting = back or view
    if view.state is _S.SUCCEEDED:
        return Ending(view, back, 0, _stands(view, going_back))
    if view.state is _S.ROLLED_BACK:
        runs = back.target if back else view.source
        return Ending(
            view, back, 1, f"{what} was taken back and runs {runs}: {view.because}", "find out why, then release a fix"
        )
    if acting.state is _S.PAUSED:
        remedy = f"tidegate rollout resume {acting.id}"
        if not going_back and back is None:
            remedy += f" (or take it back: tidegate rollback {view.component} {view.environment})"
        return Ending(view, back, 1, f"{what} is paused: {acting.because}", remedy)
    if doubtful_since is not None and time.monotonic() - doubtful_since > DOUBT_S:
        remedy = f"look at the unit; tidegate rollout show {acting.id} says how it stands"
        if back is None and not going_back:
            remedy += f"; or take it back: tidegate rollback {view.component} {view.environment}"
        return Ending(view, back, 1, f"{what} is in doubt: {acting.because}", remedy)
    return None


def _stands(view: RolloutView, again: bool) -> str:
    if view.target == ABSENT:
        return f"{view.component} is gone from {view.environment}, as it was before"
    return f"{view.component} {view.target} runs in {view.environment}{' again' if again else ''}"


def finish(session: Session, ending: Ending) -> int:
    """Give the result of a rollout that was followed to its end; the exit code."""
    record = {"rollout": ending.view, "taken_back_by": ending.back, "outcome": ending.view.state.value}
    return give(session, ending.exit_code, ending.sentence, ending.remedy, record)


def give(session: Session, exit_code: int, sentence: str, remedy: str, record: Mapping[str, object]) -> int:
    """Give how something ended: with its sign and its remedy to a person, with its record to a program."""
    sign = good("✓") if exit_code == 0 else bad("✗")
    first, *others = wrapped(clean(sentence), "  ")
    lines = [f"{sign} {first.lstrip()}", *others]
    if remedy:
        lines += wrapped(clean(remedy), "    ", first="  > ")
    session.answer({**record, "sentence": sentence, "remedy": remedy}, lines)
    return exit_code


def follow_request(session: Session, executing: Executing, house: House, request_id: str) -> str:
    """Follow a start that waits until it starts; the rollout's id.

    Raises:
        ConflictError: it ended without a start.
    """
    told = ""
    while True:
        executing.tend()
        request, tz = _request(house, request_id)
        if request.rollout:
            return request.rollout
        if request.ended_at is not None:
            raise ConflictError(f"the start will not happen: {request.because}", remedy="look at the release again")
        if request.because and request.because != told:
            told = request.because
            for line in wrapped(f"waiting: {clean(told)}", "  ", first=""):
                session.progress(line)
            if request.due_at is not None:
                session.progress(f"  asked again {civil(request.due_at, tz)}, or as soon as something changes")
        time.sleep(LOOK_S)


def _request(house: House, request_id: str) -> tuple[requests.Request, tzinfo]:
    with house.database.read() as connection:
        return requests.load(connection, request_id), policies.current(connection).tz


@contextmanager
def detaching(session: Session, executing: Executing, what: str, how: str) -> Iterator[None]:
    """Let Ctrl-C end the following, and nothing else: say what goes on and how to follow it again.

    Raises:
        KeyboardInterrupt: again, for the exit code.
    """
    try:
        yield
    except KeyboardInterrupt:
        session.say("")
        executed = executing.executes
        if executed:
            session.say("detaching; what is under way on a unit is finished first (Ctrl-C again: at once)")
        try:
            executing.close()
        except KeyboardInterrupt:
            _leave_at_once()
        later = " as soon as somebody executes: tidegate worker" if executed else ""
        session.say(f"detached: {clean(what)} goes on{later}")
        session.say(f"  follow it again: {how}")
        raise


def _leave_at_once() -> None:
    import os

    os._exit(130)
