"""Telling how a rollout goes, each thing once, line by line, to a person who watches."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, tzinfo

from tidegate.cli.text import bad, clean, doubtful, good, strong, wrapped
from tidegate.core.effect import EffectState
from tidegate.core.rollout import Direction, RolloutState
from tidegate.views.moments import in_zone, moment
from tidegate.views.rollout import ABSENT, RolloutView, UnitView

LONGEST_SILENCE_S = 60.0
"""A watch of hours says the like again at most this often: at first after a second, then after two, and so on."""


class Teller:
    """Tells the progress of one rollout and of its rollback.

    Args:
        say: is given one line at a time.
        tz: the policy's zone, in which moments are told.
    """

    def __init__(self, say: Callable[[str], None], tz: tzinfo, clock: Callable[[], datetime]) -> None:
        self._say = say
        self._tz = tz
        self._clock = clock
        self._told: set[object] = set()
        self._watch = Silence()

    def tell(self, view: RolloutView) -> None:
        """Tell what is new."""
        if self._once(("head", view.id)):
            verb = "rolling back" if view.direction is Direction.BACK else "rolling out"
            what = f"{verb} {clean(view.component)} {view.source} -> {view.target} in {clean(view.environment)}"
            self._say(strong(what))
        for unit in view.units:
            self._unit(view, unit)
        if view.state is RolloutState.WATCHING:
            self._watching(view)
        if view.state is RolloutState.IN_DOUBT and self._once(("doubt", view.wave)):
            self._lines(f"in doubt: {clean(view.because)}; the unit is asked again", f"  {doubtful('?')} ", "    ")

    def taken_back(self, view: RolloutView, back: RolloutView) -> None:
        """Tell that a rollout is being taken back, why, and how that goes."""
        if self._once(("taken back", back.id)):
            self._lines(f"it is taken back: {self._words(view.because)}", f"  {doubtful('↩')} ", "    ")
        self.tell(back)

    def _unit(self, view: RolloutView, unit: UnitView) -> None:
        if self._once(("wave", view.id, unit.wave)) and len(view.waves) > 1:
            names = ", ".join(clean(name) for name in view.waves[unit.wave - 1])
            self._lines(f"wave {unit.wave} of {len(view.waves)}: {names}", "  ", "    ")
        if not self._once((view.id, unit.unit, unit.wave, unit.attempt, unit.state)):
            return
        detail = f": {clean(unit.detail)}" if unit.detail else ""
        match unit.state:
            case EffectState.CONFIRMED:
                runs = "nothing" if view.target == ABSENT else view.target
                self._lines(f"{clean(unit.unit)} runs {runs}", f"    {good('✓')} ", "      ")
            case EffectState.FAILED | EffectState.OVERTAKEN:
                self._lines(f"{clean(unit.unit)} {unit.state.value}{detail}", f"    {bad('✗')} ", "      ")
            case EffectState.UNKNOWN:
                self._lines(f"{clean(unit.unit)} cannot be read back{detail}", f"    {doubtful('?')} ", "      ")
            case _:
                pass

    def _watching(self, view: RolloutView) -> None:
        watch = view.watch
        if watch is None:
            return
        if self._once(("watch", view.id, view.wave)):
            self._say(f"  watching until {moment(watch.ends_at, self._tz, self._clock())}")
            self._watch = Silence()
        if watch.said and self._watch.broken_by(watch.said):
            self._lines(self._words(watch.said), "    ", "      ")

    def _words(self, text: str) -> str:
        return clean(in_zone(text, self._tz))

    def _lines(self, text: str, first: str, indent: str) -> None:
        # Wrapped without its mark, whose colour has a length and no width.
        start, *more = wrapped(text, indent)
        for line in (first + start.lstrip(), *more):
            self._say(line)

    def _once(self, what: object) -> bool:
        if what in self._told:
            return False
        self._told.add(what)
        return True


class Silence:
    """Between two sentences of a watch that say nearly the same: longer each time."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._last = ""
        self._until_s = 0.0
        self._length_s = 1.0

    def broken_by(self, said: str) -> bool:
        """Whether to say it: something else at once, the same with other numbers after a while, the same never."""
        now_s = self._now_s()
        if said == self._last:
            return False
        another = _gist(said) != _gist(self._last)
        if not another and now_s < self._until_s:
            return False
        self._length_s = 1.0 if another else min(2 * self._length_s, LONGEST_SILENCE_S)
        self._last, self._until_s = said, now_s + self._length_s
        return True


def _gist(said: str) -> str:
    return said.partition(":")[0]
