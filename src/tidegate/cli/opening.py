"""Opening the house: bring the journal home, see that a policy is active, say what nobody minds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tidegate.cli.text import clean, wrapped
from tidegate.errors import NotFoundError, TidegateError
from tidegate.orchestration import homecoming
from tidegate.orchestration.policy import adopt_first
from tidegate.policyfile.load import FILE_NAME, load_policy
from tidegate.store import policies, proposals
from tidegate.views.attention import WAY_OUT, left_to_people, overdue
from tidegate.views.moments import counted

if TYPE_CHECKING:
    from tidegate.cli.session import Session
    from tidegate.orchestration.house import House


def open_house(session: Session, *, executes: bool = False, adopts: bool = False) -> House:
    """The house of the directory, ready to decide.

    Args:
        executes: the command does what is due itself, or tells of it in its answer.
        adopts: the command is about to adopt the proposal.

    Raises:
        NotFoundError: there is neither an active policy nor a file to adopt.
        PolicyError: no policy is active, and the file is none.
    """
    house: House = session.parts.build_house(session.settings())
    if acts := homecoming.bring_home(house):
        session.say(f"brought home {counted(acts, 'break-glass act')} from the journal, into the log")
    _settle_policy(session, house, adopts)
    if not executes and not session.now_given:
        _say_what_is_overdue(session, house)
    # Only what reads is asked as of another moment: what was recorded above has happened now.
    return replace(house, clock=session.clock) if session.now_given else house


def _say_what_is_overdue(session: Session, house: House) -> None:
    late = overdue(house)
    for sentence in (*left_to_people(house), *late):
        for line in wrapped(f"note: {clean(sentence)}", "  ", first=""):
            session.say(line)
    if late:
        session.say(f"  > {WAY_OUT}")


def _settle_policy(session: Session, house: House, adopts: bool) -> None:
    """Adopt the file where nothing is active; where it says something else than the active policy, say so."""
    if adopts:
        return
    with house.database.read() as connection:
        active = policies.active(connection)
    path = house.root / FILE_NAME
    if active is None:
        first = adopt_first(house, load_policy(path, FILE_NAME, check_target=session.parts.check_target))
        if first is not None:
            session.say(f"adopted {FILE_NAME} as the first policy: {first.digest[:19]}…")
        return
    try:
        proposal = load_policy(path, FILE_NAME)
    except NotFoundError:
        return
    except TidegateError as error:
        session.say(f"note: {FILE_NAME} is a proposal that is no policy: {clean(error)}")
        session.say(f"  the active policy is {active.digest[:19]}…; see: tidegate policy check")
        return
    if proposal.digest != active.digest:
        session.say(f"note: {FILE_NAME} is a proposal: the active policy is {active.digest[:19]}…")
        session.say(f"  {_next_step(house, proposal.digest)}")


def _next_step(house: House, digest: str) -> str:
    """What leads from the file to an active policy: the active one may ask for approvals first."""
    with house.database.read() as connection:
        asks = policies.current(connection).policy.adoption.approvals
        proposed = proposals.open_of(connection, digest) is not None
    if proposed:
        return "it is proposed; see: tidegate policy history"
    return "propose it with: tidegate policy propose" if asks else "adopt it with: tidegate policy adopt"
