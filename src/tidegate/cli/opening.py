"""Opening the house: bring the journal home, see that a policy is active, say what nobody minds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.cli.text import clean, wrapped
from tidegate.errors import NotFoundError, TidegateError
from tidegate.orchestration import breakglass
from tidegate.orchestration.policy import adopt_first
from tidegate.policyfile.load import FILE_NAME, load_policy
from tidegate.store import policies
from tidegate.views.attention import attention

if TYPE_CHECKING:
    from tidegate.cli.session import Session
    from tidegate.orchestration.house import House


def open_house(session: Session, *, quiet: bool = False) -> House:
    """The house of the directory, ready to decide.

    Args:
        quiet: the command itself says what is overdue and what the active policy is.

    Raises:
        NotFoundError: there is neither an active policy nor a file to adopt.
        PolicyError: no policy is active, and the file is none.
    """
    house: House = session.parts.build_house(session.settings(), clock=session.clock)
    if acts := breakglass.bring_home(house):
        session.say(f"brought home {acts} break-glass act{'s' if acts > 1 else ''} from the journal, into the log")
    _settle_policy(session, house, quiet)
    for sentence in () if quiet else attention(house):
        for line in wrapped(f"note: {clean(sentence)}", "  ", first=""):
            session.say(line)
    return house


def _settle_policy(session: Session, house: House, quiet: bool) -> None:
    """Adopt the file where nothing is active; where it says something else than the active policy, say so."""
    with house.database.read() as connection:
        active = policies.active(connection)
    if active is None:
        first = adopt_first(house, load_policy(house.root / FILE_NAME, FILE_NAME))
        if first is not None:
            session.say(f"adopted {FILE_NAME} as the first policy: {first.digest[:19]}…")
        return
    if quiet:
        return
    try:
        proposal = load_policy(house.root / FILE_NAME, FILE_NAME)
    except NotFoundError:
        return
    except TidegateError as error:
        session.say(f"note: {FILE_NAME} is a proposal that cannot be read as a policy: {clean(error)}")
        session.say(f"  the active policy {active.digest[:19]}… still holds; see: tidegate policy check")
        return
    if proposal.digest != active.digest:
        session.say(f"note: {FILE_NAME} is a proposal: the active policy is {active.digest[:19]}…")
        session.say("  adopt it with: tidegate policy adopt")
