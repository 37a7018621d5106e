"""A Service in the simulated cluster, which switches between a blue and a green Deployment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.kubernetes.controllers import Running
from tests.support.kubernetes.fields import Json
from tests.support.kubernetes.server import ApiServer
from tests.support.kubernetes.world import IMAGE, NAMESPACE, RBAC, workload
from tidegate.traffic.kubernetes_service import ServiceSettings, ServiceSwitch

POOLS = {"blue": ["shop-blue"], "green": ["shop-green"]}
SELECTORS = {pool: {"app": "shop", "colour": pool} for pool in POOLS}
KEY = ("services", NAMESPACE, "shop")


def coloured(pool: str, image: str = f"{IMAGE}:0.9.0", replicas: int = 2) -> Json:
    """The Deployment of a pool."""
    made = workload(f"shop-{pool}", image=image, replicas=replicas)
    made["spec"]["selector"]["matchLabels"] = dict(SELECTORS[pool])
    made["spec"]["template"]["metadata"]["labels"] = dict(SELECTORS[pool])
    return made


def service(pool: str = "blue") -> Json:
    """The Service, as the organisation makes it."""
    selector = {"selector": dict(SELECTORS[pool])} if pool else {}
    return {"metadata": {"name": "shop", "labels": {"app": "shop"}}, "spec": {"ports": [{"port": 80}], **selector}}


@dataclass(frozen=True, slots=True)
class SwitchedCluster:
    """A Service before two Deployments, under the rights of the manifest."""

    directory: Path
    api: ApiServer

    def settings(self, **more: Any) -> dict[str, Any]:
        return {
            "switch": "kubernetes_service",
            "service": "shop",
            "namespace": NAMESPACE,
            "kubeconfig": str(self.api.kubeconfig(self.directory)),
            "pools": POOLS,
            "selectors": SELECTORS,
            "within": "300ms",
            **more,
        }

    def switch(self, transport: Any = None, **more: Any) -> ServiceSwitch:
        """The switch as another process has it."""
        return ServiceSwitch(ServiceSettings.model_validate(self.settings(**more)), transport)

    def live(self) -> Json:
        with self.api.store.lock:
            return self.api.store.get(KEY)

    def patch(self, body: Json, manager: str = "kubectl-patch") -> None:
        """What somebody else does to the Service."""
        with self.api.store.lock:
            self.api.store.merge(KEY, body, manager)

    def serving(self) -> set[str]:
        """The Deployments whose pods are sent traffic."""
        with self.api.store.lock:
            slices = self.api.store.list("endpointslices", NAMESPACE)
        ready = [end["targetRef"]["name"] for one in slices for end in one["endpoints"] if end["conditions"]["ready"]]
        return {name.rsplit("-", 2)[0] for name in ready}


@contextmanager
def switched_cluster(directory: Path, selects: str = "blue") -> Iterator[SwitchedCluster]:
    """Such a cluster, with its controllers at work."""
    api = ApiServer()
    api.grant("tidegate", RBAC)
    api.controllers.images[f"{IMAGE}:0.9.0"] = "ok"
    for pool in POOLS:
        api.store.create(("deployments", NAMESPACE, f"shop-{pool}"), coloured(pool), "kubectl-client-side-apply")
    api.store.create(KEY, service(selects), "kubectl-client-side-apply")
    api.controllers.settle()
    try:
        with Running(api.controllers):
            yield SwitchedCluster(directory, api)
    finally:
        api.close()
