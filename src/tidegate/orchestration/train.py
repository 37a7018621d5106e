"""The steps of a train's run: it opens its releases, locks them, departs, and closes. Each step is one due row.

Git is read, and releases are opened, before the transaction that moves the run on: what was opened already is found
open by whoever takes the step up after a crash, and is not opened again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from tidegate.core.actor import Actor
from tidegate.core.branch import main_line
from tidegate.core.decide import decide
from tidegate.core.decision import Action, Decision, Question
from tidegate.core.facts import Release
from tidegate.core.policy import Occasion
from tidegate.core.release import ReleaseState
from tidegate.core.rollout import Direction
from tidegate.core.rulebook import Rulebook
from tidegate.core.rules.actor_permitted import whoever_may
from tidegate.core.rules.saying import civil
from tidegate.core.train_run import (
    BY_HAND,
    Passenger,
    Run,
    RunEvent,
    RunState,
    Standing,
    departures,
    joined_since,
    riders,
    rides,
)
from tidegate.core.version import Version
from tidegate.errors import ConflictError, NotFoundError, RefusedError, RepositoryError, TidegateError, UsageError
from tidegate.git.history import History, Source, unreleased_each
from tidegate.git.refs import BRANCHES, read_ref
from tidegate.git.repository import Repository, open_repository
from tidegate.orchestration.history import source_of
from tidegate.orchestration.house import House
from tidegate.orchestration.judge import lay_out
from tidegate.orchestration.messages import tell
from tidegate.orchestration.next_release import fact_changes, type_for
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.release import Wanted, open_by_policy
from tidegate.orchestration.seen import look
from tidegate.orchestration.superseding import has_begun
from tidegate.orchestration.train_plan import next_run
from tidegate.store import locks, policies, releases, rollouts, trains
from tidegate.store.trains import RunRow

CLAIM = timedelta(seconds=60)
"""How long a sweep has for one component before another may take the step up."""
MOST_TOLD = 10
"""How many releases one message names."""

_logger = logging.getLogger(__name__)


def sweep(house: House, run: Run) -> None:
    """Take the due step of a run, once: claimed here, and moved on in the transaction that records it."""
    claimed = _Claim(house, run, run.boards_at)
    if not claimed.take():
        return
    with house.database.read() as connection:
        row = trains.load(connection, run.train, run.departs_at)
        book = policies.current(connection)
    step = _Step(house, book, row, claimed)
    try:
        step.take(house.now())
    except TidegateError as error:
        # A repository that does not answer, a store that is busy: it is tried again when the claim ends.
        with house.database.write() as connection:
            trains.failed(connection, run, str(error))
        _logger.warning("the %s train: %s", run.train, error)


@dataclass
class _Claim:
    """The right to take a step, held for as long as the work on it goes on."""

    house: House
    run: Run
    until: datetime

    def take(self) -> bool:
        """Whether the step was ours to claim."""
        with self.house.database.write() as connection:
            now = self.house.now()
            self.until = now + CLAIM
            return trains.claim(connection, self.run, now, self.until)

    def hold(self) -> None:
        """Hold it for another while.

        Raises:
            ConflictError: somebody else has taken the step up.
        """
        now = self.house.now()
        if self.until - now > CLAIM / 2:
            return
        with self.house.database.write() as connection:
            if not trains.keep_claim(connection, self.run, self.until, now + CLAIM):
                raise ConflictError(f"the {self.run.train} train was taken up by somebody else", remedy="look again")
        self.until = now + CLAIM


@dataclass(frozen=True)
class _Step:
    """One step of a run, by the policy that is active when it is taken."""

    house: House
    book: Rulebook
    row: RunRow
    claim: _Claim

    @property
    def run(self) -> Run:
        return self.row.run

    @property
    def actor(self) -> Actor:
        return Actor.automation(f"train {self.run.train}")

    def take(self, now: datetime) -> None:
        match self.row.state:
            case RunState.PLANNED if self._has_passed(now):
                self._miss(now)
            case RunState.PLANNED:
                self._board()
            case RunState.BOARDED:
                self._lock()
            case RunState.LOCKED:
                self._depart(now)
            case RunState.DEPARTED:
                self._close()

    def _has_passed(self, now: datetime) -> bool:
        """Whether nobody was there in time. A train that opens its releases as it departs is there until it closes."""
        run = self.run
        return now >= (run.closes_at if run.boards_at == run.departs_at else run.departs_at)

    # ---- nobody looked

    def _miss(self, now: datetime) -> None:
        more = list(departures(self.book.timetables[self.run.train], self.run.departs_at, now))
        because = "nobody looked until it had departed"
        if more:
            because += f"; {len(more)} more departure{'s' if len(more) > 1 else ''} passed since"
        text = f"the {self.run.train} train of {self._at(self.run.departs_at)} was missed: {because}"
        with self.house.database.write() as connection:
            self._move(connection, RunEvent.PASSED, None, because)
            self._plan_next(connection, now)
            self._tell(connection, Occasion.TRAIN_MISSED, text)
            self._record(connection, "train.missed", {"because": because, "also_passed": len(more)})

    # ---- boarding and locking

    def _board(self) -> None:
        found = self._opened(self.run.boards_at)
        with self.house.database.write() as connection:
            self._move(connection, RunEvent.BOARDED, self.run.locks_at)
            trains.put_aboard(connection, self.run, found)
            self._plan_next(connection, self.run.departs_at)
            self._tell(connection, Occasion.TRAIN_BOARDED, self._boarded(found))
            self._record(connection, "train.boarded", _told(found))

    def _lock(self) -> None:
        """Fix who is aboard: what was opened since by people, and what changed since the train opened its releases."""
        again = self.run.locks_at > self.run.boards_at
        with self.house.database.read() as connection:
            before = trains.passengers(connection, self.run)
        found = self._opened(self.run.locks_at) if again else before
        opened = {one.release for one in before if one.opened}
        found = [replace(one, opened=one.opened or one.release in opened) for one in found]
        with self.house.database.write() as connection:
            self._move(connection, RunEvent.LOCKED, self.run.departs_at)
            trains.put_aboard(connection, self.run, found)
            self._record(connection, "train.locked", _told(found))

    def _opened(self, as_of: datetime) -> list[Passenger]:
        """Who is aboard, after the train has opened what it opens, with the content as of a time."""
        names = riders(self.book.policy, self.run.train)
        by_hand = self.book.policy.trains[self.run.train].opens == BY_HAND
        histories = {} if by_hand else self._histories(names, as_of)
        found = (self._one(name, histories.get(name), as_of) for name in names)
        return [one for one in found if one is not None]

    def _histories(self, names: Iterable[str], as_of: datetime) -> dict[str, History | TidegateError]:
        """What is unreleased of each component as of a time; the error where nobody can tell of one."""
        repository = open_repository(self.house.root)
        commit = self._commit(repository, as_of)
        sources = {name: source_of(self.book.policy, self.book.policy.components[name]) for name in names}
        try:
            return dict(unreleased_each(repository, sources, commit)) if sources else {}
        except (NotFoundError, UsageError):
            # One that is not in the repository must not keep the others from the train.
            return {name: _alone(repository, source, commit) for name, source in sources.items()}

    def _commit(self, repository: Repository, as_of: datetime) -> str:
        """The commit of the main line as of a time: what was committed later does not join."""
        found = (read_ref(repository, BRANCHES + name) for name in main_line(self.book.policy))
        tip = next((ref.commit for ref in found if ref is not None), None) or repository.head()
        commit = repository.as_of(tip, int(as_of.timestamp()))
        if commit is None:
            raise RepositoryError(
                f"the main line has no commit as of {self._at(as_of)}",
                remedy="set the clock of the machine that commits; open the releases by hand",
            )
        return commit

    def _one(self, component: str, history: History | TidegateError | None, as_of: datetime) -> Passenger | None:
        """What a component has aboard; None where it has nothing, and nothing waits."""
        self.claim.hold()
        there = self._open_release(component)
        if history is None:
            return _aboard(component, there) if there else None
        if isinstance(history, TidegateError):
            return _left_behind(component, there, history.what)
        changes = fact_changes(history.changes)
        later = joined_since(there, changes) if there else list(changes)
        if there is not None and (not later or self._stays(there)):
            return _aboard(component, there, later=len(later))
        if not later:
            return None
        try:
            self._demand_convention(history)
            opened = open_by_policy(self.house, self.book, self._wanted(component, history, as_of), self.actor)
        except (RefusedError, ConflictError, NotFoundError, UsageError) as error:
            return self._not_opened(component, history, error)
        return _aboard(component, opened.release, opened=True)

    def _not_opened(self, component: str, history: History, error: TidegateError) -> Passenger:
        """Another worker may just have opened it; else there is a reason."""
        there = self._open_release(component)
        if there is not None and there.items[0].subject.commit == history.at:
            return _aboard(component, there, opened=there.opened_by == self.actor.person)
        return _left_behind(component, there, error.what)

    def _wanted(self, component: str, history: History, as_of: datetime) -> Wanted:
        def type_of(current: Version | None, number: Version) -> str:
            return type_for(self.book.policy, current, number, lambda name: rides(self.book.policy, name))

        return Wanted(component, history, "", type_of, as_of)

    def _demand_convention(self, history: History) -> None:
        odd = [change for change in history.unconventional if not change.void]
        if odd and self.book.policy.versioning.unconventional == "refuse":
            several = len(odd) > 1
            raise RefusedError(
                f"{len(odd)} commit{'s' if several else ''} follow{'' if several else 's'} no convention: "
                f"{', '.join(change.sha[:10] for change in odd[:8])}",
                remedy="give them titles such as fix: ...",
            )

    def _open_release(self, component: str) -> Release | None:
        """The newest release of a component that is not over and rides this train."""
        with self.house.database.read() as connection:
            found = open_of(connection, self.book, component)
        return found[0] if found else None

    def _stays(self, release: Release) -> bool:
        """Whether a release rides as it is although there is newer content.

        What people have said yes to, what is on its way, and what waits for nothing but its time is not taken from
        under their hands: the newer content rides the next train.
        """
        with self.house.database.read() as connection:
            if has_begun(connection, release):
                return True
            answers = releases.approvals_of(connection, release.id)
        if any(signed.approval.revoked_at is None for signed in answers):
            return True
        decision = self._decide(release.id, self.run.departs_at)
        return decision.allowed or decision.blocked_by_time_only

    # ---- departing and closing

    def _decide(self, release: str, at: datetime) -> Decision:
        return decision_for(self.house, self.book, release, self.book.policy.trains[self.run.train].to, at)

    def _depart(self, now: datetime) -> None:
        with self.house.database.read() as connection:
            before = trains.passengers(connection, self.run)
        late = now >= self.run.closes_at
        found = [self._at_departure(one, now, late) for one in before]
        with self.house.database.write() as connection:
            self._move(connection, RunEvent.DEPARTED, self.run.closes_at)
            trains.put_aboard(connection, self.run, found)
            self._tell(connection, Occasion.TRAIN_DEPARTED, self._departed(found))
            self._record(connection, "train.departed", {**_told(found), "late": late})

    def _at_departure(self, one: Passenger, now: datetime, late: bool) -> Passenger:
        self.claim.hold()
        if one.standing is Standing.NOT_OPENED:
            return one
        with self.house.database.read() as connection:
            state = releases.load(connection, one.release).facts.state
        if state is not ReleaseState.OPEN:
            gone = state in (ReleaseState.ROLLING, ReleaseState.RELEASED)
            return replace(one, standing=Standing.MAY_GO if gone else Standing.HELD_UP, because=_over(state))
        if late:
            return replace(one, standing=Standing.HELD_UP, because=("nobody looked while it stood at the platform",))
        decision = self._decide(one.release, now)
        if decision.allowed:
            return replace(one, standing=Standing.MAY_GO, because=())
        messages = dict.fromkeys(finding.message for finding in decision.against())
        return replace(one, standing=Standing.HELD_UP, because=tuple(messages))

    def _close(self) -> None:
        to = self.book.policy.trains[self.run.train].to
        with self.house.database.write() as connection:
            found = [self._at_closing(connection, one, to) for one in trains.passengers(connection, self.run)]
            self._move(connection, RunEvent.CLOSED, None)
            trains.put_aboard(connection, self.run, found)
            self._record(connection, "train.closed", _told(found))

    def _at_closing(self, connection: sa.Connection, one: Passenger, to: str) -> Passenger:
        if one.standing is Standing.NOT_OPENED:
            return one
        started = (
            rollout.started_at
            for rollout in rollouts.find(connection, release=one.release, environment=to)
            if rollout.direction is Direction.FORWARD
        )
        if any(self.run.departs_at <= at < self.run.closes_at for at in started):
            return replace(one, standing=Standing.WENT, because=())
        because = one.because or ("it could go, and nobody started it",)
        return replace(one, standing=Standing.MISSED, because=because)

    # ---- what all steps share

    def _move(self, connection: sa.Connection, event: RunEvent, due_at: datetime | None, because: str = "") -> None:
        locks.lock_organization(connection)
        trains.demand_moved(trains.move(connection, self.row, event, due_at, because), self.run)
        self.house.database.after_commit(connection, self.house.wake)

    def _plan_next(self, connection: sa.Connection, after: datetime) -> None:
        following = next_run(self.book, self.run.train, after)
        if following is not None:
            trains.plan(connection, following)

    def _tell(self, connection: sa.Connection, occasion: Occasion, text: str) -> None:
        about = f"{self.row.name}"
        tell(connection, self.book.policy, occasion, about, text, self.house.now())

    def _record(self, connection: sa.Connection, kind: str, data: dict[str, object]) -> None:
        run = self.run
        told = {"train": run.train, "departs_at": f"{run.departs_at:%Y-%m-%dT%H:%M:%SZ}", **data}
        record(connection, Entry(kind, self.actor, data=told), self.house.now())

    def _at(self, moment: datetime) -> str:
        return civil(moment, self.book.tz)

    def _boarded(self, found: list[Passenger]) -> str:
        aboard = [one.release for one in found if one.standing is Standing.ABOARD]
        left = [f"{one.component} ({one.because[0]})" for one in found if one.standing is Standing.NOT_OPENED]
        said = [f"aboard: {_listed(aboard)}"]
        said += [f"not opened: {_listed(left)}"] if left else []
        return f"the {self.run.train} train departs {self._at(self.run.departs_at)}; {'; '.join(said)}"

    def _departed(self, found: list[Passenger]) -> str:
        goes = [one.release for one in found if one.standing is Standing.MAY_GO]
        held = [f"{one.release} ({one.because[0]})" for one in found if one.standing is Standing.HELD_UP]
        left = [f"{one.component} ({one.because[0]})" for one in found if one.standing is Standing.NOT_OPENED]
        said = [f"may go: {_listed(goes)}"]
        said += [f"held up: {_listed(held)}"] if held else []
        said += [f"not opened: {_listed(left)}"] if left else []
        return (
            f"the {self.run.train} train departs, until {self._at(self.run.closes_at)}; {'; '.join(said)}. "
            f"Who misses it is aboard the next one"
        )


def open_of(connection: sa.Connection, book: Rulebook, component: str) -> list[Release]:
    """The releases of a component that are not over and ride trains, the newest first."""
    rows = [releases.load(connection, name).facts for name in releases.not_over_of(connection, component)]
    return [row for row in rows if rides(book.policy, row.type)]


def decision_for(house: House, book: Rulebook, release: str, environment: str, at: datetime) -> Decision:
    """What is said at a moment to somebody who may start a release in an environment, and signs."""
    in_git = look(house, release)
    with house.database.read() as connection:
        _, both, facts = lay_out(connection, release, at, in_git=in_git)
    return decide(Question(Action.START, whoever_may(book.policy, environment), environment), both, facts, at)


def _alone(repository: Repository, source: Source, commit: str) -> History | TidegateError:
    try:
        return unreleased_each(repository, {"": source}, commit)[""]
    except (NotFoundError, UsageError) as error:
        return error


def _aboard(component: str, release: Release, *, opened: bool = False, later: int = 0) -> Passenger:
    return Passenger(component, release.id, release.items[0].to_version, Standing.ABOARD, (), opened, later)


def _left_behind(component: str, there: Release | None, why: str) -> Passenger:
    """What could not be opened; an older release that is there rides as it is."""
    if there is not None:
        return replace(_aboard(component, there), because=(why,))
    return Passenger(component, "", "", Standing.NOT_OPENED, (why,))


def _over(state: ReleaseState) -> tuple[str, ...]:
    return () if state in (ReleaseState.ROLLING, ReleaseState.RELEASED) else (f"it is {state.value.replace('_', ' ')}",)


def _told(found: Iterable[Passenger]) -> dict[str, object]:
    return {
        "aboard": {one.component: one.release for one in found if one.release},
        "standing": {one.component: one.standing.value for one in found},
        "because": {one.component: list(one.because[:3]) for one in found if one.because},
    }


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MOST_TOLD} more" if len(names) > MOST_TOLD else ""
    return f"{', '.join(names[:MOST_TOLD])}{more}" if names else "nobody"
