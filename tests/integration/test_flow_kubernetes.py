"""7D's release as its text tells it: by image to staging, a day later to production; bad versions taken back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.flows import Organisation, organisation, prepared_sqlite
from tests.support.kubernetes.controllers import Running, resolved
from tests.support.kubernetes.server import ApiServer
from tests.support.kubernetes.world import FAST, RBAC, digest_of, workload
from tidegate.core.rollout import RolloutState
from tidegate.drivers.contract import Driver, Target
from tidegate.drivers.kubernetes import KubernetesDriver, KubernetesSettings
from tidegate.orchestration import adopt, rollback
from tidegate.orchestration.judge import DecisionRefusedError
from tidegate.store import artifacts

IMAGE = "ghcr.io/7d-solutions/billing"
DAY = timedelta(days=1)


@dataclass
class Solutions:
    """The organisation, and the cluster that it releases to."""

    org: Organisation
    api: ApiServer
    policy: Mapping[str, Any]

    def adopted(self) -> None:
        """What runs in both environments before Tidegate comes is 1.0.0."""
        for environment in ("staging", "production"):
            adopt.adopt(self.org.house, "billing", environment, "1.0.0", self.org.claim("rita"))
        self.org.clock.go(timedelta(hours=1))

    def opened(self, version: str) -> str:
        """A release of this version, whose image was pushed, tested and approved."""
        self.api.controllers.images[f"{IMAGE}@{digest_of(version)}"] = "ok"
        release = self.org.open(version)
        now = self.org.clock()
        built = artifacts.ArtifactRow("billing", "image", IMAGE, digest_of(version), 1, "", now, "rita", now)
        with self.org.house.database.write() as connection:
            artifacts.replace(connection, release, [built])
        self.org.tested(release)
        self.org.approve(release)
        return release

    def carried(self, release: str, environment: str) -> RolloutState:
        started = self.org.start(release, environment)
        self.org.carry()
        return self.org.rollout(started).state

    def in_production(self, version: str) -> RolloutState:
        release = self.opened(version)
        assert self.carried(release, "staging") is RolloutState.SUCCEEDED
        self.org.clock.go(DAY)
        return self.carried(release, "production")

    def image(self, environment: str) -> str:
        with self.api.store.lock:
            found = self.api.store.get(("deployments", environment, "billing"))
        (container,) = found["spec"]["template"]["spec"]["containers"]
        return str(container["image"])


@pytest.fixture
def solutions(tmp_path: Path) -> Iterator[Solutions]:
    api = ApiServer()
    api.grant("tidegate", RBAC)
    api.controllers.images[f"{IMAGE}:1.0.0"] = "ok"
    for namespace in ("staging", "production"):
        there = workload("billing", image=f"{IMAGE}:1.0.0")
        api.store.create(("deployments", namespace, "billing"), there, "kubectl-client-side-apply")

    def driver_for(component: str, environment: str, settings: Mapping[str, Any]) -> Driver:
        checked = KubernetesSettings.model_validate({**settings, "failing_for": "100ms"})
        return KubernetesDriver(Target(component, environment), checked, pace=FAST)

    kubeconfig = str(api.kubeconfig(tmp_path))
    no_host = dict.fromkeys(("hosts", "restart", "stop"))
    targets = {
        name: {**no_host, "driver": "kubernetes", "namespace": name, "deployment": "billing", "kubeconfig": kubeconfig}
        for name in ("staging", "production")
    }
    production = {"after": [{"environment": "staging", "soak": "24h"}], "strategy": {"rolling": {}}}
    policy: dict[str, Any] = {
        "components": {"billing": {"targets": targets}},
        "environments": {"staging": {"strategy": {"recreate": {}}}, "production": production},
    }
    org = organisation(tmp_path / "organisation", prepared_sqlite(tmp_path / "database"), **policy)
    org.house = replace(org.house, driver_for=driver_for)
    with Running(api.controllers):
        yield Solutions(org, api, policy)
    org.house.database.close()
    api.close()


def test_a_release_goes_by_digest_to_staging_and_a_day_later_to_production(solutions: Solutions) -> None:
    solutions.adopted()
    release = solutions.opened("1.1.0")
    assert solutions.carried(release, "staging") is RolloutState.SUCCEEDED
    assert solutions.image("staging") == f"{IMAGE}@{digest_of('1.1.0')}"
    assert solutions.image("production") == f"{IMAGE}:1.0.0"
    solutions.org.clock.go(timedelta(hours=23))
    with pytest.raises(DecisionRefusedError):
        solutions.org.start(release, "production")
    assert solutions.org.reasons(release) == ["billing must stay in staging for 1d, until Wed 2 Dec 2026 11:00 PST"]
    solutions.org.clock.go(timedelta(hours=1))
    assert solutions.carried(release, "production") is RolloutState.SUCCEEDED
    assert solutions.image("production") == f"{IMAGE}@{digest_of('1.1.0')}"


def test_an_image_that_production_cannot_pull_is_taken_back_by_itself(solutions: Solutions) -> None:
    solutions.adopted()
    assert solutions.in_production("1.1.0") is RolloutState.SUCCEEDED
    watched = {"production": {"for": "1h", "roll_back_when": [{"health_check": "failed"}]}}
    solutions.org.adopt(**solutions.policy, watch=watched)
    release = solutions.opened("1.2.0")
    assert solutions.carried(release, "staging") is RolloutState.SUCCEEDED
    solutions.org.clock.go(DAY)
    solutions.api.controllers.images[f"{IMAGE}@{digest_of('1.2.0')}"] = "missing"
    started = solutions.org.start(release, "production")
    solutions.org.carry()
    assert solutions.org.rollout(started).state is RolloutState.ROLLED_BACK
    assert solutions.image("production") == f"{IMAGE}@{digest_of('1.1.0')}"
    told = [leaf.data for leaf in solutions.org.leaves() if leaf.kind.startswith("rollback.")]
    assert any("ImagePullBackOff" in str(data) for data in told)


def test_a_person_takes_production_back_to_a_version_that_was_adopted(solutions: Solutions) -> None:
    solutions.adopted()
    for version in ("1.1.0", "1.2.0"):
        assert solutions.in_production(version) is RolloutState.SUCCEEDED
    made = rollback.roll_back(solutions.org.house, "billing", "production", solutions.org.claim("rita"), to="1.0.0")
    solutions.org.carry()
    assert solutions.org.rollout(made).state is RolloutState.SUCCEEDED
    assert solutions.image("production") == resolved(f"{IMAGE}:1.0.0")
