"""7D's release by blue-green: two Deployments of a simulated cluster, and the Service that switches between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.flows import Organisation, organisation, prepared_sqlite
from tests.support.kubernetes.service import KEY, SELECTORS, SwitchedCluster, switched_cluster
from tests.support.kubernetes.world import FAST, NAMESPACE, digest_of
from tidegate.core.rollout import RolloutState
from tidegate.drivers import registry
from tidegate.drivers.contract import Driver, Target
from tidegate.drivers.kubernetes import KubernetesDriver, KubernetesSettings
from tidegate.errors import UsageError
from tidegate.orchestration import adopt, rollback
from tidegate.store import artifacts
from tidegate.views.dry_run import dry_run_view

IMAGE = "registry.example/shop"
WATCH = {"production": {"for": "1h", "roll_back_when": [{"health_check": "failed"}]}}


@dataclass
class Solutions:
    """The organisation, and the cluster that it releases to."""

    org: Organisation
    cluster: SwitchedCluster
    policy: Mapping[str, Any]

    def opened(self, version: str, fares: str = "ok") -> str:
        self.cluster.api.controllers.images[f"{IMAGE}@{digest_of(version)}"] = fares
        release = self.org.open(version)
        now = self.org.clock()
        built = artifacts.ArtifactRow("billing", "image", IMAGE, digest_of(version), 1, "", now, "rita", now)
        with self.org.house.database.write() as connection:
            artifacts.replace(connection, release, [built])
        self.org.tested(release)
        self.org.approve(release)
        return release

    def carried(self, release: str) -> RolloutState:
        started = self.org.start(release, "production")
        self.org.carry()
        return self.org.rollout(started).state

    def image(self, pool: str) -> str:
        with self.cluster.api.store.lock:
            found = self.cluster.api.store.get(("deployments", NAMESPACE, f"shop-{pool}"))
        return str(found["spec"]["template"]["spec"]["containers"][0]["image"])

    def serving(self) -> tuple[set[str], str]:
        """Whose pods are sent traffic, and what the Service says of its pool."""
        return self.cluster.serving(), self.cluster.live()["spec"]["selector"]["colour"]


@pytest.fixture
def solutions(tmp_path: Path) -> Iterator[Solutions]:
    def driver_for(component: str, environment: str, settings: Mapping[str, Any]) -> Driver:
        own = {name: value for name, value in settings.items() if name not in registry.SHARING}
        checked = KubernetesSettings.model_validate({**own, "failing_for": "100ms"})
        return registry.shared(KubernetesDriver(Target(component, environment), checked, pace=FAST), settings)

    with switched_cluster(tmp_path) as cluster:
        target: dict[str, Any] = {
            **dict.fromkeys(("hosts", "restart", "stop")),
            "driver": "kubernetes",
            "namespace": NAMESPACE,
            "deployment": ["shop-blue", "shop-green"],
            "kubeconfig": cluster.settings()["kubeconfig"],
            "traffic": cluster.settings(within="5s"),
        }
        policy: dict[str, Any] = {
            "components": {"billing": {"targets": {"production": target}}},
            "environments": {"production": {"strategy": {"rolling": None, "blue_green": {}}}},
        }
        org = organisation(tmp_path / "organisation", prepared_sqlite(tmp_path / "database"), **policy)
        org.house = replace(org.house, driver_for=driver_for)
        adopt.adopt(org.house, "billing", "production", "1.0.0", org.claim("rita"))
        yield Solutions(org, cluster, policy)
        org.house.database.close()


def test_a_version_goes_to_the_idle_deployment_and_the_service_follows(solutions: Solutions) -> None:
    assert solutions.carried(solutions.opened("1.1.0")) is RolloutState.SUCCEEDED
    assert (solutions.image("green"), solutions.serving()) == (
        f"{IMAGE}@{digest_of('1.1.0')}",
        ({"shop-green"}, "green"),
    )
    assert solutions.image("blue") == f"{IMAGE}:0.9.0"
    assert solutions.carried(solutions.opened("1.2.0")) is RolloutState.SUCCEEDED
    assert solutions.image("blue") == f"{IMAGE}@{digest_of('1.2.0')}"
    assert solutions.serving() == ({"shop-blue"}, "blue")
    made = rollback.roll_back(solutions.org.house, "billing", "production", solutions.org.claim("rita"))
    solutions.org.carry()
    assert solutions.org.rollout(made).state is RolloutState.SUCCEEDED
    assert solutions.serving() == ({"shop-green"}, "green")
    assert solutions.image("blue") == f"{IMAGE}@{digest_of('1.1.0')}"


def test_a_version_that_does_not_get_ready_is_never_sent_traffic(solutions: Solutions) -> None:
    solutions.org.adopt(**solutions.policy, watch=WATCH)
    selected: list[str] = []
    admit = solutions.cluster.api.store.admit
    admit.append(lambda plural, new: selected.append(str(new)) if plural == KEY[0] else None)
    assert solutions.carried(solutions.opened("1.1.0", fares="unready")) is RolloutState.ROLLED_BACK
    assert solutions.serving() == ({"shop-blue"}, "blue")
    assert not any(str(SELECTORS["green"]) in one for one in selected)
    assert solutions.image("blue") == f"{IMAGE}:0.9.0"


def test_a_dry_run_tells_the_selector(solutions: Solutions) -> None:
    release = solutions.opened("1.1.0")
    view = dry_run_view(solutions.org.house, release, "production")
    said = [step.sentence for wave in view.waves for step in wave]
    assert "send 100% of the traffic of the Service shop to green: select app=shop, colour=green" in said
    assert not any("take it out of the traffic" in sentence for sentence in said)


def test_a_canary_by_weight_is_refused_at_the_start(solutions: Solutions) -> None:
    canary = {"rolling": None, "canary": {"steps": [{"weight": "5%"}]}}
    solutions.org.adopt(**{**solutions.policy, "environments": {"production": {"strategy": canary}}})
    release = solutions.opened("1.1.0")
    with pytest.raises(UsageError) as caught:
        solutions.org.start(release, "production")
    assert caught.value.what == (
        "the traffic switch kubernetes_service gives a pool all of the traffic or nothing, and the strategy a part"
    )
