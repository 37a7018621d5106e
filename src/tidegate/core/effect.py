"""An effect: one act on one unit (a host) of a target, and what its state is.

An effect is intended, dispatched, and then *read back*: what a driver observes on the unit decides what became of it,
never an exit code. The fence, a token that the unit itself remembers, decides who may still act.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from tidegate.core.machine import Machine
from tidegate.errors import UsageError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def check_name(value: str, what: str) -> str:
    """``value``, if it can stand in a path, a key and an argument without becoming something else.

    Raises:
        UsageError: it is empty, too long, begins with ``-`` or ``.``, or holds a separator, space or control character.
    """
    if not _NAME.fullmatch(value):
        raise UsageError(
            f"{what} {value!r} is not a name: write letters, digits and . _ + -, first a letter or digit",
            remedy=f"Choose another {what}.",
        )
    return value


@dataclass(frozen=True, slots=True, order=True)
class Token:
    """The right to act, as a number that a unit can compare: the higher one outranks the lower.

    ``epoch`` rises when the store itself was replaced (restored from a backup), ``counter`` with each claim of the
    lease. ``glass`` is 1 for an act by break-glass: it outranks the lease that it was reserved under, and every later
    lease outranks it.
    """

    epoch: int
    counter: int
    glass: int = 0

    def __post_init__(self) -> None:
        if min(self.epoch, self.counter) < 0 or self.glass not in (0, 1):
            raise UsageError(f"{self!r} is not a fencing token", remedy="Take the token from the lease.")

    def breaking_glass(self) -> Token:
        """The token of a break-glass act under this lease."""
        return Token(self.epoch, self.counter, 1)

    def __str__(self) -> str:
        return f"{self.epoch}.{self.counter}{'!' if self.glass else ''}"


class Act(StrEnum):
    """What is done to a unit."""

    DEPLOY = "deploy"  #: go to a version
    RESTORE = "restore"  #: go back to a version that was there before
    REMOVE = "remove"  #: go back to *absent*: stop it, and leave nothing current
    SHIFT = "shift"  #: change no version: give it another share of the traffic, or of the users


@dataclass(frozen=True, slots=True)
class Package:
    """A version as it can be put on a unit; ``digest`` is the SHA-256 of its bytes, 64 hexadecimal digits."""

    version: str
    digest: str
    name: str = "package"

    def __post_init__(self) -> None:
        check_name(self.version, "version")
        check_name(self.name, "package name")
        if not _DIGEST.fullmatch(self.digest):
            raise UsageError(
                f"{self.digest!r} is not a SHA-256 digest", remedy="Give 64 lower-case hexadecimal digits."
            )

    def same_as(self, other: object) -> bool:
        """The same version of the same bytes, whatever the file was called."""
        return isinstance(other, Package) and (self.version, self.digest) == (other.version, other.digest)

    def __str__(self) -> str:
        return f"{self.version} ({self.digest[:12]})"


ALL = 10_000
"""All of the traffic, or all users, in hundredths of a percent."""


@dataclass(frozen=True, slots=True, order=True)
class Share:
    """The share of the traffic that pool ``of`` has, or of the users for whom flag ``of`` is on.

    ``points`` are hundredths of a percent, from 0 to :data:`ALL`.
    """

    of: str
    points: int

    def __post_init__(self) -> None:
        check_name(self.of, "pool or flag")
        if not 0 <= self.points <= ALL:
            raise UsageError(
                f"a share of {self.points} hundredths of a percent is none", remedy="Give one from 0% to 100%."
            )

    @property
    def percent(self) -> str:
        """How much it is, for people: ``5%``, ``12.5%``."""
        return f"{self.points / 100:g}%"

    def __str__(self) -> str:
        return f"{self.of} {self.percent}"


@dataclass(frozen=True, slots=True)
class Effect:
    """One act on one unit, by one attempt of one step of a rollout.

    ``to`` is None for *absent*. ``previous`` is what the unit ran before the rollout; a driver keeps it on the unit.
    ``share`` is what a shift sets; ``to`` then says whose share it is.
    """

    rollout: str
    step: str
    unit: str
    attempt: int
    component: str
    environment: str
    act: Act
    to: Package | None
    previous: Package | None = None
    share: Share | None = None

    def __post_init__(self) -> None:
        for what in ("rollout", "step", "unit", "component", "environment"):
            check_name(getattr(self, what), what)
        if self.attempt < 1:
            raise UsageError(f"attempt {self.attempt} of an effect: attempts count from 1", remedy="Count from 1.")
        if (self.share is None) == (self.act is Act.SHIFT):
            raise UsageError(
                f"an effect that is to {self.act} needs {'a' if self.share is None else 'no'} share",
                remedy="Use shift to set a share, and nothing else with one.",
            )
        if self.act is not Act.SHIFT and (self.to is None) != (self.act is Act.REMOVE):
            raise UsageError(
                f"an effect that is to {self.act} needs {'no' if self.to else 'a'} version to go to",
                remedy="Use remove to go to absent, deploy or restore to go to a version.",
            )

    @property
    def key(self) -> str:
        """The idempotency key: however often it is applied, the unit does it once."""
        return f"{self.rollout}:{self.step}:{self.unit}:{self.attempt}"


class EffectState(StrEnum):
    """Where an effect stands."""

    INTENDED = "intended"
    """Recorded in the transaction that decided it; nothing has been asked of the unit. After a crash: dispatch it."""

    DISPATCHED = "dispatched"
    """The driver may have been called. Lasts as long as the call. After a crash: observe, never apply blindly."""

    CONFIRMED = "confirmed"
    """Read back from the unit: it runs what it was to run."""

    FAILED = "failed"
    """Read back from the unit: it was carried out and the outcome is bad (the restart failed, or it is unhealthy)."""

    UNKNOWN = "unknown"
    """It cannot be read back, or what is read back does not tell. Stays until it is reconciled or a person decides."""

    OVERTAKEN = "overtaken"
    """The unit obeys a higher token: whoever holds it answers for the unit now."""

    WITHDRAWN = "withdrawn"
    """Never dispatched: the rollout ended, or took another way, before its turn came."""


class EffectEvent(StrEnum):
    """What can happen to an effect."""

    DISPATCH = "dispatch"  #: about to call the driver
    RESUME = "resume"  #: read back as not done; the same key is applied again, which is safe
    CONFIRM = "confirm"
    FAIL = "fail"
    LOSE_SIGHT = "lose sight"  #: read back as in doubt, or not readable
    OVERTAKE = "overtake"
    WITHDRAW = "withdraw"


_READ_BACK = {
    EffectEvent.RESUME: EffectState.DISPATCHED,
    EffectEvent.CONFIRM: EffectState.CONFIRMED,
    EffectEvent.FAIL: EffectState.FAILED,
    EffectEvent.LOSE_SIGHT: EffectState.UNKNOWN,
    EffectEvent.OVERTAKE: EffectState.OVERTAKEN,
}

EFFECT_TABLE: dict[EffectState, dict[EffectEvent, EffectState]] = {
    EffectState.INTENDED: {
        EffectEvent.DISPATCH: EffectState.DISPATCHED,
        EffectEvent.WITHDRAW: EffectState.WITHDRAWN,
    },
    EffectState.DISPATCHED: dict(_READ_BACK),
    EffectState.UNKNOWN: dict(_READ_BACK),
    EffectState.CONFIRMED: {},
    EffectState.FAILED: {},
    EffectState.OVERTAKEN: {},
    EffectState.WITHDRAWN: {},
}


EFFECT = Machine("effect", EFFECT_TABLE)


class Health(StrEnum):
    """Whether a unit answers as it should; *cannot tell* where no check is set or it could not be run."""

    YES = "yes"
    NO = "no"
    CANNOT_TELL = "cannot tell"


class Presence(StrEnum):
    """What is on a unit, where that is not a version known to Tidegate."""

    ABSENT = "absent"  #: nothing is there
    FOREIGN = "foreign"  #: something that Tidegate did not put there, or that was changed since
    UNSEEN = "unseen"  #: it could not be read


class Stage(StrEnum):
    """How far the unit came with the last key it was given, by its own journal."""

    RECEIVED = "received"
    UNPACKED = "unpacked"
    SWITCHING = "switching"
    SWITCHED = "switched"
    STOPPING = "stopping"
    STOPPED = "stopped"
    STOP_FAILED = "stop failed"
    RESTARTING = "restarting"
    RESTARTED = "restarted"
    RESTART_FAILED = "restart failed"
    MIGRATING = "migrating"
    MIGRATION_FAILED = "migration failed"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    DONE = "done"


_IN_DOUBT = frozenset({Stage.RESTARTING, Stage.STOPPING})
_FAILED = frozenset({Stage.RESTART_FAILED, Stage.STOP_FAILED, Stage.MIGRATION_FAILED})


@dataclass(frozen=True, slots=True)
class Observation:
    """What a unit says of itself. ``busy``: an act was under way for as long as we waited.

    ``shares`` are what a traffic switch, or a flag, has now; ``grain`` is how finely it can divide, in hundredths of a
    percent: a share that is asked for is met within it, and none and all of it exactly.
    """

    unit: str
    reachable: bool
    running: Package | Presence
    token: Token | None = None
    last_key: str | None = None
    last_stage: Stage | None = None
    healthy: Health = Health.CANNOT_TELL
    detail: str = ""
    busy: bool = False
    kept: tuple[Package, ...] = field(default=())
    shares: tuple[Share, ...] = field(default=())
    grain: int = 0


class Finding(StrEnum):
    """What an observation says of an effect."""

    CONFIRMED = "confirmed"
    FAILED = "failed"
    NOT_DONE = "not done"
    IN_DOUBT = "in doubt"
    OVERTAKEN = "overtaken"


EVENT_OF_FINDING: dict[Finding, EffectEvent] = {
    Finding.CONFIRMED: EffectEvent.CONFIRM,
    Finding.FAILED: EffectEvent.FAIL,
    Finding.NOT_DONE: EffectEvent.RESUME,
    Finding.IN_DOUBT: EffectEvent.LOSE_SIGHT,
    Finding.OVERTAKEN: EffectEvent.OVERTAKE,
}


def judge(effect: Effect, seen: Observation, token: Token) -> Finding:
    """What became of a dispatched effect, by what its unit says.

    An effect that the unit finished counts as finished even where a higher token has been seen since: the token says
    who may act next, the journal what happened. *Not done* means that applying the same key again is safe.

    Args:
        token: the one that we act under now, which may be higher than the one the effect was dispatched with.
    """
    if effect.share is not None:
        return _judge_shift(effect.share, seen, token)
    if not seen.reachable or seen.busy or seen.running is Presence.UNSEEN:
        return Finding.IN_DOUBT
    if seen.last_key == effect.key and seen.last_stage is Stage.DONE:
        return _judge_finished(effect, seen)
    if seen.token is not None and seen.token > token:
        return Finding.OVERTAKEN
    if seen.last_key != effect.key:
        return Finding.NOT_DONE
    if seen.last_stage in _IN_DOUBT:
        return Finding.IN_DOUBT
    return Finding.FAILED if seen.last_stage in _FAILED else Finding.NOT_DONE


def is_shared_so(share: Share, seen: Observation) -> bool:
    """Whether a switch, or a flag, shows this share, as finely as it can divide; none and all of it exactly."""
    now = next((each.points for each in seen.shares if each.of == share.of), None)
    grain = 0 if share.points in (0, ALL) or now in (0, ALL) else seen.grain
    return now is not None and abs(now - share.points) <= grain


def _judge_shift(share: Share, seen: Observation, token: Token) -> Finding:
    """A shift is what the switch shows now: to set the same share again does nothing more, so there is no doubt."""
    if not seen.reachable or seen.busy:
        return Finding.IN_DOUBT
    if is_shared_so(share, seen):
        return Finding.CONFIRMED
    return Finding.OVERTAKEN if seen.token is not None and seen.token > token else Finding.NOT_DONE


def _judge_finished(effect: Effect, seen: Observation) -> Finding:
    if effect.to is None:
        return Finding.CONFIRMED if seen.running is Presence.ABSENT else Finding.IN_DOUBT
    if not effect.to.same_as(seen.running):
        return Finding.IN_DOUBT  # done once, and changed by somebody since
    return Finding.FAILED if seen.healthy is Health.NO else Finding.CONFIRMED
