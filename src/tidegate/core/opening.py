"""Is it open: for an environment, a release type and the components concerned, at a moment; why not; until when.

The answer is the calendar's alone: trains, windows, maintenance, blackouts, holidays, business cycles and holds, as
``decide`` asks them, from the same rules. What a release has or lacks is not in it.

A :class:`Schedule` is compiled once, from one policy. Between two changes the answer is the same, so that it is
computed once for each such stretch and then found by halving.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tidegate.core.actor import Actor
from tidegate.core.calendar import HORIZON, first_open
from tidegate.core.decision import Action, Question
from tidegate.core.facts import Facts, Hold, Item, Release
from tidegate.core.holiday import PublicHolidays
from tidegate.core.moments import Openings, Outside
from tidegate.core.naming import Path
from tidegate.core.release import ReleaseState
from tidegate.core.rulebook import Rulebook
from tidegate.core.rules import OF_THE_CALENDAR, Context, Waiting
from tidegate.core.rules.business_cycle import concerned
from tidegate.core.rules.business_cycle import said as cycle_said
from tidegate.core.subject import Subject
from tidegate.core.verdict import Verdict

_NOBODY = Actor.automation("calendar")
_NOTHING = Subject(source="", artifacts="")
_ONCE = datetime(2000, 1, 1, tzinfo=UTC)
_MOST_STRETCHES = 20_000
_UNFORESEEN_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Closer:
    """A rule that closes, by its id, in words, with where the policy says so; ``opens`` None: not within the horizon.

    ``remedy`` is what somebody could do other than wait; empty where there is nothing.
    """

    rule: str
    says: str
    place: Path
    opens: datetime | None
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Advice:
    """A time of the business that planning keeps clear of, though it closes nothing."""

    rule: str
    says: str
    place: Path
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Opening:
    """The answer at a moment, all times UTC.

    ``opens`` is the earliest moment, not before ``at``, at which nothing closes: ``at`` itself where it is open.
    ``closes`` is the first moment after that at which something closes again. Either is None where it is not within
    the horizon, which is counted to the day.
    """

    at: datetime
    closed_by: tuple[Closer, ...]
    opens: datetime | None
    closes: datetime | None
    keep_clear: tuple[Advice, ...] = ()

    @property
    def open(self) -> bool:
        """Whether a release could start."""
        return not self.closed_by


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Moments that have one answer: those before ``end``, from where the stretch begins."""

    end: datetime
    closed_by: tuple[Closer, ...]
    opens: datetime | None
    closes: datetime | None
    keep_clear: tuple[Advice, ...]


class Schedule:
    """When something is open by one policy: compiled, and asked as often as one likes."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._never, self._waits = _asked(context)
        self._cycles = [
            (number, cycle, context.rulebook.hours.cycle(number))
            for number, cycle in concerned(context)
            if not cycle.closed
        ]
        self._forget()

    def _forget(self) -> None:
        self._starts: list[datetime] = []
        self._stretches: list[_Stretch] = []
        self._asked_at: list[datetime] = []
        self._openings: list[tuple[datetime, datetime | None]] = []
        self._closers: dict[tuple[int, datetime | None], Closer] = {}

    def at(self, moment: datetime) -> Opening:
        """Is it open at ``moment`` (UTC), why not, when does it open, and when does it close again.

        Raises:
            OverflowError: the moment is at the end of all calendars.
        """
        index = bisect_right(self._starts, moment) - 1
        if index >= 0 and moment < self._stretches[index].end:
            found = self._stretches[index]
        else:
            found = self._keep(index + 1, moment, self._stretch(moment))
        opens = found.opens if found.closed_by else moment
        return Opening(moment, found.closed_by, opens, found.closes, found.keep_clear)

    def first_clear(self, moment: datetime) -> datetime | None:
        """The earliest moment, not before this one, that is open and in no time that planning keeps clear of."""
        if self._never:
            return None
        clear: list[Openings] = [Outside(cycle) for _, _, cycle in self._cycles]
        return first_open([*(wait.open_at for wait in self._waits), *(one.open_at for one in clear)], moment)

    def _keep(self, index: int, moment: datetime, found: _Stretch) -> _Stretch:
        """Keep a stretch; one that was known from a later moment on begins now."""
        if len(self._starts) >= _MOST_STRETCHES:
            self._forget()
            index = 0
        if index < len(self._starts) and self._stretches[index].end == found.end:
            self._starts[index] = moment
            self._stretches[index] = found
        else:
            self._starts.insert(index, moment)
            self._stretches.insert(index, found)
        return found

    def _stretch(self, moment: datetime) -> _Stretch:
        own = [wait.open_at(moment) for wait in self._waits]
        closers = [self._closer(number, opens) for number, opens in enumerate(own) if opens != moment]
        opens, closes = self._opening(moment)
        changes = [
            opened if opened != moment else wait.closes_at(moment)
            for wait, opened in zip(self._waits, own, strict=True)
        ]
        clear, turns = self._keep_clear(moment)
        end = _first([*changes, *turns])
        # What lies beyond the horizon comes nearer.
        unforeseen = opens is None or closes is None or closes - moment > HORIZON
        if end is None or (unforeseen and end - moment > _UNFORESEEN_FOR):
            end = moment + _UNFORESEEN_FOR
        return _Stretch(end, (*self._never, *closers), opens, closes, clear)

    def _opening(self, moment: datetime) -> tuple[datetime | None, datetime | None]:
        """The next opening: whoever waits for it from an earlier moment waits for it from this one, too."""
        index = bisect_right(self._asked_at, moment) - 1
        if index >= 0:
            opens, closes = self._openings[index]
            if closes is not None and moment < closes:
                return max(opens, moment), closes
        if self._never:
            return None, None
        found = first_open([wait.open_at for wait in self._waits], moment)
        if found is None:
            return None, None
        closes = _first(wait.closes_at(found) for wait in self._waits)
        self._asked_at.insert(index + 1, moment)
        self._openings.insert(index + 1, (found, closes))
        return found, closes

    def _closer(self, number: int, opens: datetime | None) -> Closer:
        """What one rule says until it opens; said once."""
        found = self._closers.get((number, opens))
        if found is None:
            wait = self._waits[number]
            found = Closer(wait.rule, wait.reads(opens), wait.place, opens, wait.instead)
            self._closers[number, opens] = found
        return found

    def _keep_clear(self, moment: datetime) -> tuple[tuple[Advice, ...], list[datetime | None]]:
        """The times of the business that are now, and when each next begins or ends."""
        found, turns = [], []
        for number, cycle, moments in self._cycles:
            begins = moments.open_at(moment)
            ends = moments.close_at(moment) if begins == moment else None
            turns.append(ends if begins == moment else begins)
            if begins == moment:
                place: Path = ("calendar", "business_cycles", number)
                found.append(Advice("business.cycle", cycle_said(self._context, cycle, ends), place, ends))
        return tuple(found), turns


def schedule(
    rulebook: Rulebook,
    environment: str,
    release_type: str,
    components: Iterable[str],
    *,
    now: datetime,
    holidays: Sequence[PublicHolidays] = (),
    holds: Sequence[Hold] = (),
) -> Schedule:
    """Compile when releases of a type, of these components, could start in an environment.

    Args:
        now: UTC; from when on it is asked about, which the holidays must cover.
        holidays: those of the places that the policy asks for, as :func:`tidegate.core.holiday.holidays_for` gives.
        holds: those in force.
    """
    items = tuple(Item(name, "", "", _NOTHING, _ONCE) for name in sorted(set(components)))
    release = Release("", release_type, ReleaseState.OPEN, items, _ONCE, "", announced_at=_ONCE)
    facts = Facts(release, holds=tuple(holds), holidays=tuple(holidays))
    return Schedule(Context(Question(Action.START, _NOBODY, environment), rulebook, facts, now))


def _asked(context: Context) -> tuple[tuple[Closer, ...], list[Waiting]]:
    """What closes whatever the moment, and what depends on it."""
    never: list[Closer] = []
    waits: list[Waiting] = []
    for rule in OF_THE_CALENDAR:
        for found in rule.check(context):
            if isinstance(found, Waiting):
                waits.append(found)
            elif found.verdict is not Verdict.ALLOW:
                never.append(Closer(found.rule, found.message, (), None, found.remedy))
    if context.environment is not None and context.type is None:
        kind = context.facts.release.type
        remedy = "name a release type of the policy"
        never.append(Closer("release.ready", f'the policy knows no release type "{kind}"', (), None, remedy))
    return tuple(never), waits


def _first(moments: Iterable[datetime | None]) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)
