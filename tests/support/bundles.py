"""An organisation with several components that are released together: a world of hosts for each, and few words.

group = bundled(make_org, tmp_path...)         # see the fixture in the tests
release = group.opened("december")
group.org.start(release)
group.run()                                    # legs and sweeps, until nothing is due
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.flows import UNITS, Organisation
from tidegate.core.approval import Answer
from tidegate.core.effect import Health
from tidegate.core.joint_rollout import JointState
from tidegate.core.release import ReleaseState
from tidegate.core.rollout import RolloutState
from tidegate.drivers.contract import Driver, Target
from tidegate.drivers.registry import shared
from tidegate.drivers.simulator import SimulatedWorld, SimulatorDriver
from tidegate.orchestration import approval, bundle
from tidegate.store import joint_rollouts, releases, rollouts
from tidegate.store.joint_rollouts import JointRollout
from tidegate.store.rollouts import Rollout

NEEDS: Mapping[str, Mapping[str, str]] = {
    "platform": {},
    "billing": {"platform": ">=1.0.0"},
    "crm": {"billing": ">=1.0.0"},
    "portal": {"crm": ">=1.0.0", "platform": ">=1.0.0"},
}
"""What each component requires, and so their order: platform, billing, crm, portal."""

WATCH = {"for": "10m", "every": "30s", "roll_back_when": [{"health_check": "failed"}]}
"""A watch under which Tidegate may go back by itself."""

IN_ORDER = tuple(NEEDS)
ENVIRONMENTS = ("staging", "production")


def components(needs: Mapping[str, Mapping[str, str]] = NEEDS) -> dict[str, Any]:
    """The components as the policy has them; each has hosts of its own in both environments."""

    def target(name: str, environment: str) -> dict[str, Any]:
        hosts = [{"name": unit, "path": f"/srv/{environment}/{name}/{unit}"} for unit in UNITS]
        return {"driver": "host", "hosts": hosts, "restart": ["true"], "stop": ["true"]}

    return {
        name: {
            "path": "app",
            "tag": f"{name}-v{{version}}",
            "targets": {environment: target(name, environment) for environment in ENVIRONMENTS},
            **({"requires": dict(requires)} if requires else {}),
        }
        for name, requires in needs.items()
    }


@dataclass
class Group:
    """The organisation, and the hosts of each component in each environment."""

    org: Organisation
    worlds: dict[tuple[str, str], SimulatedWorld]

    def opened(
        self, name: str = "december", *names: str, version: str = "1.1.0", approved: Sequence[str] = ENVIRONMENTS
    ) -> str:
        """Open a release of the components (all, in no order of theirs), approved by carol."""
        chosen = names or tuple(sorted(NEEDS))
        versions = dict.fromkeys(chosen, version)
        claim = self.org.claim("rita")
        opened = bundle.open_bundle(self.org.house, name, chosen, claim, type_="minor", versions=versions)
        for environment in approved:
            approval.answer(self.org.house, name, environment, self.org.claim("carol"), Answer.APPROVE)
        return opened.release.id

    def run(self, most: int = 60) -> None:
        """Carry legs and do what is due, until neither is left."""
        for _ in range(most):
            self.org.carry()
            before = len(self.org.leaves())
            self.org.sweep()
            if not self.org.legs.waiting and len(self.org.leaves()) == before and not self._is_due():
                return
        raise AssertionError("it does not come to rest")

    def until(self, component: str) -> None:
        """Go on until the rollout of a component has begun, and none of its legs is carried yet."""
        while not self.is_begun(component):
            self.org.carry()
            self.org.sweep()

    def _is_due(self) -> bool:
        with self.org.house.database.read() as connection:
            return bool(joint_rollouts.due(connection, self.org.clock()))

    def joint(self, release: str = "december") -> JointRollout:
        """The newest joint rollout of a release."""
        with self.org.house.database.read() as connection:
            return joint_rollouts.find(connection, release=release)[0]

    def state(self, release: str = "december") -> tuple[JointState, ReleaseState]:
        """How the joint rollout stands, and the release."""
        with self.org.house.database.read() as connection:
            return self.joint(release).state, releases.load(connection, release).facts.state

    def parts(self, release: str = "december") -> list[Rollout]:
        """The rollouts of the newest joint rollout, the oldest first."""
        with self.org.house.database.read() as connection:
            return rollouts.members(connection, self.joint(release).id)

    def runs(self, environment: str = "production") -> dict[str, str]:
        """What each component runs there; of all its hosts, which must agree."""
        found = {}
        for (name, place), world in self.worlds.items():
            if place == environment:
                [version] = {str(getattr(unit.running, "version", unit.running)) for unit in world.units.values()}
                found[name] = version
        return found

    def order(self, kind: str) -> list[str]:
        """Of which component the leaves of a kind are, in the order of the log."""
        return [str(leaf.data["component"]) for leaf in self.org.leaves() if leaf.kind == kind]

    def unhealthy(self, component: str, version: str = "1.1.0", environment: str = "production") -> None:
        """On no host is it healthy at that version; empty: at every version it is again."""
        self.worlds[component, environment].health = lambda _, package: (
            Health.NO if package.version == version else Health.YES
        )

    def cut_off(self, component: str, environment: str = "production", *, reachable: bool = False) -> None:
        """No host of it answers; or they do again."""
        for unit in self.worlds[component, environment].units.values():
            unit.reachable = reachable

    def rollout_of(self, component: str) -> Rollout:
        """The newest rollout of it that goes forward."""
        return [one for one in self.parts() if one.component == component and not one.reverses][-1]

    def is_begun(self, component: str) -> bool:
        """Whether its rollout was started."""
        return any(one.component == component for one in self.parts())

    def is_over(self, component: str) -> bool:
        """Whether its rollout has succeeded."""
        return self.rollout_of(component).state is RolloutState.SUCCEEDED


def policy(**changes: Any) -> dict[str, Any]:
    """What the policy of the organisation says beside the usual; one yes is asked for."""
    asked = [{"from": "tech-leads"}]
    return {
        "components": components(),
        "environments": {
            "staging": {"gates": [], "approvals": asked},
            "production": {"gates": [], "strategy": {"rolling": {"batch": 1}}},
        },
        "release_types": {"minor": {"approvals": asked}},
        **changes,
    }


def bundled(
    make_org: Callable[..., Organisation], units: Mapping[str, Sequence[str]] | None = None, **changes: Any
) -> Group:
    """An organisation of four components; ``changes`` are to its policy.

    Args:
        units: the hosts of components that have others than the usual.
    """
    worlds = {
        (name, environment): SimulatedWorld((units or {}).get(name, UNITS))
        for name in NEEDS
        for environment in ENVIRONMENTS
    }

    def driver_for(component: str, environment: str, settings: Mapping[str, Any]) -> Driver:
        return shared(SimulatorDriver(Target(component, environment), worlds[component, environment]), settings)

    return Group(make_org(drivers=driver_for, **policy(**changes)), worlds)
