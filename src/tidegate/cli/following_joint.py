"""Following a joint rollout by its rows, from component to component, to its end or to where it waits."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidegate.cli.executing import Executing
from tidegate.cli.following import DOUBT_S, LOOK_S, Ending, finish, follow, give
from tidegate.cli.telling import Teller
from tidegate.cli.text import clean, strong, wrapped
from tidegate.core.joint_rollout import JointState
from tidegate.core.rollout import RolloutState
from tidegate.store import joint_rollouts, policies, rollouts
from tidegate.views.joint_rollout import JointView, joint_view
from tidegate.views.moments import in_zone
from tidegate.views.rollout import rollout_view

if TYPE_CHECKING:
    from tidegate.cli.session import Session
    from tidegate.orchestration.house import House


@dataclass(frozen=True, slots=True)
class JointEnding:
    """How a joint rollout that was followed ended, for the person and for the exit code."""

    view: JointView
    exit_code: int
    sentence: str
    remedy: str = ""


def follow_to_end(session: Session, executing: Executing, house: House, rollout: str, *, back: bool = False) -> int:
    """Follow a rollout or a joint one, and give its result; the exit code.

    Args:
        back: it is followed because it was to be taken back, which then is its good end.
    """
    ending = follow_any(session, executing, house, rollout, back=back)
    return _finish(session, ending) if isinstance(ending, JointEnding) else finish(session, ending)


def follow_any(
    session: Session, executing: Executing, house: House, rollout: str, *, back: bool = False
) -> JointEnding | Ending:
    """As :func:`follow_to_end`, without giving the result."""
    with house.database.read() as connection:
        several = joint_rollouts.known(connection, rollout) is not None
    return _follow(session, executing, house, rollout, back) if several else follow(session, executing, house, rollout)


def _follow(session: Session, executing: Executing, house: House, joint: str, back: bool) -> JointEnding:
    with house.database.read() as connection:
        tz = policies.current(connection).tz
    teller = Teller(session.progress, tz, house.clock)
    _tell_head(session, house, joint)
    doubtful_since: float | None = None
    while True:
        executing.tend()
        view = _look(house, joint, teller)
        doubtful = any(part.state == RolloutState.IN_DOUBT for part in view.parts)
        doubtful_since = (doubtful_since or time.monotonic()) if doubtful else None
        patient = doubtful_since is None or time.monotonic() - doubtful_since <= DOUBT_S
        ending = _ending(view, back, patient)
        if ending is not None:
            return JointEnding(ending.view, ending.exit_code, in_zone(ending.sentence, tz), ending.remedy)
        time.sleep(LOOK_S)


def _tell_head(session: Session, house: House, joint: str) -> None:
    with house.database.read() as connection:
        found = joint_rollouts.load(connection, joint)
    order = ", ".join(clean(component) for component in found.sequence)
    for line in wrapped(f"{clean(found.release)} in {clean(found.environment)}: {order}", "  ", first=""):
        session.progress(strong(line))


def _look(house: House, joint: str, teller: Teller) -> JointView:
    """Look at all of it, and tell what is new of each component."""
    with house.database.read() as connection:
        view = joint_view(connection, joint_rollouts.load(connection, joint))
        pairs = [
            (
                rollout_view(connection, rollouts.load(connection, part.rollout)),
                rollout_view(connection, rollouts.load(connection, part.back)) if part.back else None,
            )
            for part in view.parts
            if part.rollout
        ]
    for forward, _ in pairs:
        teller.tell(forward)
    for forward, back in reversed(pairs):
        if back is not None:
            teller.taken_back(forward, back)
    return view


def _ending(view: JointView, back: bool, patient: bool) -> JointEnding | None:
    what = f"{view.release} in {view.environment}"
    take_back = f"tidegate rollback {view.release} {view.environment}"
    if view.state is JointState.SUCCEEDED:
        runs = ", ".join(f"{part.component} {part.target}" for part in view.parts)
        return JointEnding(view, 0, f"{view.release} runs in {view.environment}: {runs}")
    if view.state is JointState.ROLLED_BACK:
        runs = ", ".join(f"{part.component} {part.source}" for part in view.parts if part.rollout)
        said = f"{what} was taken back, and {view.environment} runs {runs}"
        if back:
            return JointEnding(view, 0, said)
        return JointEnding(view, 1, f"{said}: {view.because}", "find out why, then release a fix")
    if view.state is JointState.IN_DOUBT:
        remedy = f"take back what still stands: {take_back}"
        return JointEnding(view, 1, f"{what} is taken back in part: {view.because}", remedy)
    if view.state is JointState.PAUSED or (view.state is JointState.WAITING and view.because):
        sentence = f"{what} waits before {view.next} ({view.place} of {len(view.parts)}): {view.because}"
        return JointEnding(view, 1, sentence, _how_on(view, take_back))
    return _ending_of_part(view, patient, take_back)


def _how_on(view: JointView, take_back: str) -> str:
    if view.state is JointState.WAITING:
        return f"it goes on as soon as it may, and somebody executes: tidegate worker; or take it back: {take_back}"
    return f"tidegate rollout resume {view.id} (or take it back: {take_back})"


def _ending_of_part(view: JointView, patient: bool, take_back: str) -> JointEnding | None:
    """Where one of its rollouts waits for a person, so does the whole."""
    for part in view.parts:
        acting = part.back or part.rollout
        what = f"{part.component} in {view.environment} ({part.place} of {len(view.parts)})"
        either = f" (or take it back: {take_back})" if not part.back else ""
        if part.state == RolloutState.PAUSED:
            return JointEnding(
                view, 1, f"{what} is paused: {part.because}", f"tidegate rollout resume {acting}{either}"
            )
        if part.state == RolloutState.IN_DOUBT and not patient:
            remedy = f"look at the unit; tidegate rollout show {acting} says how it stands{either}"
            return JointEnding(view, 1, f"{what} is in doubt: {part.because}", remedy)
    return None


def _finish(session: Session, ending: JointEnding) -> int:
    record = {"rollout": ending.view, "outcome": ending.view.state.value}
    return give(session, ending.exit_code, ending.sentence, ending.remedy, record)
