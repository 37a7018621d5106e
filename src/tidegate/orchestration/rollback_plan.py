"""What going back would really do, before anything goes forward; and trying it out, dry, against the target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from tidegate.clock import to_text
from tidegate.core.canonical import canonical
from tidegate.core.effect import Package, Presence, Token
from tidegate.core.evidence_kind import Value
from tidegate.core.facts import Item, WayBack
from tidegate.core.migration.way_back import Consequence
from tidegate.core.policy import Act, Policy, Strategy
from tidegate.core.rollout import Direction, RolloutState
from tidegate.core.rules.actor_permitted import minimum_assurance, permitted_people
from tidegate.core.wave import DATABASE, Sharing, Wave, waves, waves_back
from tidegate.drivers.contract import Driver, Step
from tidegate.errors import TargetError, TidegateError, UsageError
from tidegate.orchestration import migration, wayback
from tidegate.orchestration.abreast import abreast
from tidegate.orchestration.checkpoint import effect_on, rollout_name
from tidegate.orchestration.evidence import Added, keep, looked_at
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim, demand_environment
from tidegate.orchestration.image_lock import image_lock_of, package_for
from tidegate.orchestration.migration import would_go_back
from tidegate.orchestration.rollback import Return, return_of, way_back_of
from tidegate.orchestration.sight import driver_of
from tidegate.readers.contract import Reading
from tidegate.store import policies, releases, rollouts
from tidegate.store.releases import ReleaseRow
from tidegate.store.rollouts import Rollout

KIND = "rollback-plan"
"""The kind of evidence that a way back which was tried out becomes."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """The way back of one component of a release, as it would be gone.

    ``steps`` are what the driver would do on each unit; ``refused`` says why it could not, else it is empty.
    """

    item: Item
    environment: str
    driver: Driver
    target: Package
    back: Return
    way: WayBack
    steps: tuple[Step, ...]
    refused: str


@dataclass(frozen=True, slots=True)
class UnitTried:
    """What one unit answered: whether it is there, and whether it keeps the earlier version; ``problem`` where not."""

    unit: str
    online: bool
    kept: bool
    detail: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Tried:
    """A way back that was tried out: what each unit answered, and all that stands in its way."""

    component: str
    environment: str
    returns_to: str
    units: tuple[UnitTried, ...]
    problems: tuple[str, ...]

    @property
    def valid(self) -> bool:
        """Whether nothing stands in its way."""
        return not self.problems


def ahead_of(house: House, release: str, environment: str) -> tuple[Policy, ReleaseRow, tuple[Ahead, ...]]:
    """The way back of each component of a release, in the order in which they go back. Asks no unit.

    Raises:
        NotFoundError: there is no such release, environment or target.
    """
    with house.database.read() as connection:
        row = releases.load(connection, release)
        policy = policies.current(connection).policy
        demand_environment(policy, environment)
    # Git answers slowly, and is asked outside any transaction.
    means = [would_go_back(house, item, environment, [policy]) for item in row.facts.items]
    with house.database.read() as connection:
        found = [
            _ahead(house, connection, policy, row, item, environment, meant)
            for item, meant in zip(row.facts.items, means, strict=True)
        ]
    return policy, row, tuple(reversed(found))


def _ahead(
    house: House,
    connection: sa.Connection,
    policy: Policy,
    row: ReleaseRow,
    item: Item,
    environment: str,
    means: Consequence,
) -> Ahead:
    driver = driver_of(house, policy, item.component, environment)
    target = package_for(driver, image_lock_of(connection, row, item))
    forward = _forward(driver, policy.environments[environment].strategy)
    back = _return(connection, row, item, environment, target, forward)
    if back.reversed.legs:
        way = way_back_of(connection, policy, back)
    else:
        # It was never started, so nothing is kept of what it brings: the repository is asked.
        way = migration.as_fact(item.component, back.target, back.verified_at, means)
    steps, refused = _steps(driver, back, way)
    return Ahead(item, environment, driver, target, back, way, steps, refused)


def _forward(driver: Driver, strategy: Strategy) -> tuple[Wave, ...]:
    """The waves that it would go in; which pool is idle is only known at the start, and the last one is supposed."""
    abilities = driver.abilities
    try:
        sharing = Sharing(abilities.switch, abilities.pools, {}, abilities.flag, abilities.weighs)
        return waves(driver.units, strategy, sharing, database=bool(abilities.database))
    except UsageError:
        return (Wave(driver.units),)


def _return(
    connection: sa.Connection, row: ReleaseRow, item: Item, environment: str, target: Package, way: tuple[Wave, ...]
) -> Return:
    """Where it would go back to: from the rollout that stands there, or from the one that would be started now."""
    under_way = rollouts.active(connection, item.component, environment)
    known = rollouts.last_good(connection, item.component, environment)
    for rollout in filter(None, (under_way, known)):
        if rollout.release == row.facts.id and rollout.direction is Direction.FORWARD:
            return return_of(connection, rollout)
    source = known.target if known else None
    return Return(_not_started(row, item, environment, source, target, way), source, known.ended_at if known else None)


def _not_started(
    row: ReleaseRow, item: Item, environment: str, source: Package | None, target: Package, way: tuple[Wave, ...]
) -> Rollout:
    from tidegate.core.actor import Actor

    return Rollout(
        id=rollout_name(row.facts.id, environment, "next"),
        release=row.facts.id,
        component=item.component,
        environment=environment,
        direction=Direction.FORWARD,
        state=RolloutState.RUNNING,
        subject=item.subject.digest_for(environment),
        granted="",
        source=source,
        target=target,
        waves=way,
        wave=0,
        token=Token(0, 0),
        legs=0,
        started_at=row.facts.opened_at,
        started_by=Actor.automation("plan"),
    )


def _steps(driver: Driver, back: Return, way: WayBack) -> tuple[tuple[Step, ...], str]:
    forward = back.reversed
    units = [unit for wave in forward.waves if wave.share is None and wave.units != (DATABASE,) for unit in wave.units]
    goes = way.database and driver.abilities.database_goes_back
    waves_ = waves_back(forward.waves, units, database=goes)
    going_back = replace(
        forward,
        id=rollout_name(forward.id, "back", "next"),
        direction=Direction.BACK,
        source=forward.target,
        target=back.target,
        waves=waves_,
        wave=0,
    )
    effects = [effect_on(going_back, number, unit) for number, wave in enumerate(waves_) for unit in wave.units]
    try:
        return driver.render(effects), ""
    except TidegateError as error:
        return (), str(error)


def validate(house: House, release: str, environment: str, claim: Claim) -> tuple[tuple[Tried, Added], ...]:
    """Try the way back of each component out, dry, against its target, and keep the outcome as evidence.

    Asks every unit whether it is there and keeps the earlier version; looks whether somebody may go back, and whether
    the way back can be written. Changes nothing on any unit.

    Raises:
        NotFoundError: there is no such release, environment or target.
        ConflictError: the release is over, or changed meanwhile.
        NotPermittedError: the policy does not know this person, or their signature is not theirs.
    """
    policy, row, several = ahead_of(house, release, environment)
    for ahead in several:
        looked_at(house, release, claim, ahead.item.component, KIND)
    done = []
    for ahead in several:
        tried = try_out(house, policy, ahead)
        done.append((tried, _keep(house, row, ahead, tried, claim)))
    return tuple(done)


def _keep(house: House, row: ReleaseRow, ahead: Ahead, tried: Tried, claim: Claim) -> Added:
    now = house.now()
    report = canonical({"tidegate": "rollback-plan/1", "release": row.facts.id, "at": to_text(now), "tried": tried})
    values: dict[str, Value] = {
        "valid": tried.valid,
        "units": len(tried.units),
        "online": sum(unit.online for unit in tried.units),
        "kept": sum(unit.kept for unit in tried.units),
        "problems": len(tried.problems),
        "returns_to": tried.returns_to,
    }
    return keep(
        house,
        row.facts.id,
        Reading(KIND, values, now, summary_of(tried)),
        report,
        claim,
        environment=ahead.environment,
        component=ahead.item.component,
    )


def summary_of(tried: Tried) -> str:
    """What came of it, in a sentence."""
    to = tried.returns_to or "absent"
    if tried.valid:
        units = f"{len(tried.units)} unit{'s' if len(tried.units) != 1 else ''}"
        return f"the way back of {tried.component} to {to} in {tried.environment} is open on {units}"
    return f"the way back of {tried.component} to {to} in {tried.environment} is not open: {tried.problems[0]}"


def try_out(house: House, policy: Policy, ahead: Ahead) -> Tried:
    """Ask the target and this machine whether the way back is open. Changes nothing that lasts."""
    units = tuple(abreast(lambda unit: _try_unit(house, ahead, unit), ahead.driver.units))
    problems = [unit.problem for unit in units if unit.problem]
    problems += _problems(house, policy, ahead)
    target = ahead.back.target
    return Tried(ahead.item.component, ahead.environment, target.version if target else "", units, tuple(problems))


def _try_unit(house: House, ahead: Ahead, unit: str) -> UnitTried:
    ready = ahead.driver.online(unit)
    if not ready.ready:
        return UnitTried(unit, False, False, ready.detail, f"{unit}: {ready.detail}")
    seen = ahead.driver.observe(unit)
    if not seen.reachable or seen.running is Presence.UNSEEN:
        return UnitTried(unit, False, False, seen.detail, f"{unit} cannot be read: {seen.detail}")
    target = ahead.back.target
    kept = target is None or target.same_as(seen.running) or any(target.same_as(one) for one in seen.kept)
    problem = "" if kept or _at_hand(house, target) else f"{unit} does not keep {target}, and its package is not here"
    if not problem and ahead.driver.abilities.way_back_on_target:
        try:
            ahead.driver.read_way_back(unit)
        except TargetError as error:
            problem = f"{unit}: the way back cannot lie there: {error}"
    detail = "keeps it" if kept and target else "nothing was there" if target is None else "its package is here"
    return UnitTried(unit, True, kept, detail, problem)


def _at_hand(house: House, target: Package | None) -> bool:
    return target is not None and house.package_path(target.digest).exists()


def _problems(house: House, policy: Policy, ahead: Ahead) -> Iterator[str]:
    if ahead.refused:
        yield f"the target cannot go back: {ahead.refused}"
    if ahead.back.target is not None and ahead.back.verified_at is None:
        yield f"{ahead.back.target.version} was never verified in {ahead.environment}"
    if ahead.way.loses_data is not False:
        what = "going back loses data" if ahead.way.loses_data else "nobody can tell whether going back loses data"
        yield f"{what}: {ahead.way.because}"
    if not _who_may(policy, ahead.environment):
        yield f"nobody may take it back in {ahead.environment}: list people or groups under permits.rollback"
    yield from _unwritable(house, ahead)


def _who_may(policy: Policy, environment: str) -> Sequence[str]:
    """Who may take back there and can sign for it, where that is asked."""
    from tidegate.core.actor import Assurance

    where = policy.environments[environment]
    signs = minimum_assurance(where).at_least(Assurance.SIGNATURE)
    return [p for p in permitted_people(policy, Act.ROLLBACK, where) if policy.people[p].keys or not signs]


def _unwritable(house: House, ahead: Ahead) -> Iterator[str]:
    """Why the way back could not be written here; nothing where it can."""
    path = wayback.path_of(house.state, ahead.item.component, ahead.environment).with_suffix(".probe")
    try:
        wayback.write_durably(path, b"probe")
        path.unlink(missing_ok=True)
    except (TidegateError, OSError) as error:
        yield f"the way back cannot be written here: {error}"


def validated_at(connection: sa.Connection, row: ReleaseRow, component: str, environment: str) -> datetime | None:
    """When its way back there was tried out last; None: never."""
    found = [
        piece.taken_at
        for piece in releases.evidence_of(connection, row.facts.id)
        if (piece.kind, piece.component, piece.environment) == (KIND, component, environment)
    ]
    return max(found, default=None)
