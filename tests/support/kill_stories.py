"""The stories of the kill matrix: from where each begins, what is commanded, and how its commands are repeated.

A command is repeated after a crash by whoever gave it, and only if the rows do not show it: as a person would.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.support.kill_world import RITA, World, all_is_quiet, open_and_approve
from tidegate.core.rollout import Direction
from tidegate.orchestration import hold, rollback, rollout
from tidegate.orchestration.house import House
from tidegate.store import holds, rollouts

RELEASE = "shop-0.11.0"


@dataclass(frozen=True)
class Story:
    """One story.

    ``files`` is what the release brings, ``carried_to`` the environment that it was carried to before the story begins,
    ``runs`` the version that each environment runs in the end. An unprepared story begins without the release.
    """

    name: str
    tell: Callable[[World, House], None]
    runs: Mapping[str, str]
    files: Mapping[str, str] = field(default_factory=dict)
    carried_to: str = ""
    prepared: bool = True
    over: Callable[[House], bool] = all_is_quiet


def _start(environment: str) -> Callable[[World, House], None]:
    def tell(_: World, house: House) -> None:
        with house.database.read() as connection:
            known = rollouts.find(connection, release=RELEASE, environment=environment)
        if not known:
            rollout.start(house, RELEASE, environment, RITA)

    return tell


def _roll_back(_: World, house: House) -> None:
    with house.database.read() as connection:
        known = rollouts.find(connection, release=RELEASE, environment="production")
    if not any(r.direction is Direction.BACK for r in known):
        rollback.roll_back(house, "shop", "production", RITA)


def _decide(world: World, house: House) -> None:
    open_and_approve(world, house, "0.11.0")
    with house.database.read() as connection:
        held = holds.in_force(connection, house.now())
    if not held:
        hold.add(house, world.claim("rita"), "the line stops here", environment="staging")


OLD, NEW = "0.10.0", "0.11.0"

STORIES = {
    story.name: story
    for story in (
        Story("rollout", _start("staging"), {"staging": NEW, "production": OLD}),
        Story("watched-rollout", _start("production"), {"staging": OLD, "production": NEW}),
        Story("rollback", _roll_back, {"staging": OLD, "production": OLD}, carried_to="production"),
        Story("unhealthy", _start("production"), {"staging": OLD, "production": OLD}, {"app/unhealthy": ""}),
        Story("errors", _start("production"), {"staging": OLD, "production": OLD}, {"app/errors": ""}),
        Story("decisions", _decide, {"staging": OLD, "production": OLD}, prepared=False),
    )
}
