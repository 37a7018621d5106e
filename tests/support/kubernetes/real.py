"""A real cluster for the driver's contract and for what only a real one can show.

It is the one that ``TIDEGATE_TEST_KUBECONFIG`` names, or one that is started here where the programs of Kubernetes are
built (:mod:`tests.support.kubernetes.plane`). Each test has a namespace of its own, which is removed again, and the
driver comes as a service account that has what ``docs/drivers/kubernetes-rbac.yaml`` grants there and nothing else.
``TIDEGATE_TEST_IMAGE`` is an image, by digest, that runs on a named cluster without arguments.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import yaml  # type: ignore[import-untyped]

from tests.support.hosts import TARGET
from tests.support.kubernetes.plane import Plane, start_plane, why_no_plane
from tests.support.kubernetes.world import RBAC, Dying, make_lock, workload
from tests.support.patience import PATIENCE_S
from tidegate.core.effect import Package
from tidegate.drivers.kubernetes import KubernetesDriver, KubernetesSettings
from tidegate.drivers.kubernetes.hold import Pace

# Read when this is imported: the tests keep the environment of whoever started them out of the product's sight.
KUBECONFIG = os.environ.get("TIDEGATE_TEST_KUBECONFIG", "")
IMAGE = os.environ.get(
    "TIDEGATE_TEST_IMAGE",
    "registry.k8s.io/pause@sha256:7031c1b283388d2c2e09b57badb803c05ebed362dc88d84b480cc47f72a21097",
)
NOWHERE = "sha256:" + "0" * 64
"""The digest of an image that no registry has."""

SLOWER = Pace(poll_s=0.2, beat_s=0.5, dead_after_s=3.0, observe_wait_s=20.0)


@dataclass(frozen=True, slots=True)
class Kubernetes:
    """A cluster as its administrator reaches it; ``plane`` where it was started here."""

    kubeconfig: Path
    plane: Plane | None = None

    def image(self, version: str) -> str:
        """The image of a version, by digest."""
        return self.plane.image(version) if self.plane else IMAGE

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        """Ask the API as its administrator, past Tidegate: what a person would do by hand.

        Raises:
            httpx2.HTTPStatusError: it refuses.
        """
        client = self.client()
        kind = {"PATCH": "application/merge-patch+json"}.get(method, "application/json")
        try:
            answer = client.request(method, path, json=body, headers={"Content-Type": kind}, params=query)
            answer.raise_for_status()
            return answer.json()
        finally:
            client.close()

    def client(self) -> httpx2.Client:
        """A client with the credential and the address of its administrator."""
        from lightkube import KubeConfig
        from lightkube.config.client_adapter import Client, ConnectionParams

        config = KubeConfig.from_file(self.kubeconfig).get()
        assert config is not None
        return Client(config, ConnectionParams(timeout=httpx2.Timeout(30)))


def why_no_kubernetes() -> str:
    """Why there is no real cluster, or an empty text."""
    if KUBECONFIG:
        return ""
    return (reason := why_no_plane()) and f"no cluster: TIDEGATE_TEST_KUBECONFIG names none, and {reason}"


@contextmanager
def running_kubernetes() -> Iterator[Kubernetes]:
    """The cluster that the environment names, or one started here.

    Raises:
        ServerFailedError: it does not start.
    """
    if KUBECONFIG:
        yield Kubernetes(Path(KUBECONFIG))
        return
    plane = start_plane()
    try:
        yield Kubernetes(plane.kubeconfig(), plane)
    finally:
        plane.close()


@dataclass(frozen=True, slots=True)
class RealCluster:
    """The workloads ``web1`` and ``web2`` of one component in a namespace of their own."""

    kubernetes: Kubernetes
    kubeconfig: Path
    namespace: str
    kind: str = "Deployment"
    manifests: bool = True

    # ------------------------------------------------------------------------------------------ what is there

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        """Ask the API as the administrator: ``path`` below the namespace, such as ``deployments/web1``."""
        plural = path.partition("/")[0]
        group = {
            "deployments": "apps",
            "statefulsets": "apps",
            "replicasets": "apps",
            "networkpolicies": "networking.k8s.io",
        }.get(plural)
        base = f"/apis/{group}/v1" if group else "/api/v1"
        return self.kubernetes.ask(method, f"{base}/namespaces/{self.namespace}/{path}", body, **query)

    @property
    def plural(self) -> str:
        return f"{self.kind.lower()}s"

    def live(self, unit: str) -> Any:
        return self.ask("GET", f"{self.plural}/{unit}")

    def pods(self) -> list[Any]:
        found: list[Any] = self.ask("GET", "pods")["items"]
        return found

    def put(self, manifest: Any, manager: str = "kubectl-client-side-apply") -> Any:
        """Somebody else creates an object of the kinds above."""
        return self.ask("POST", f"{manifest['kind'].lower()}s", manifest, fieldManager=manager)

    def change(self, path: str, patch: Any, manager: str = "kubectl-edit") -> Any:
        """Somebody else changes an object, by a merge patch."""
        return self.ask("PATCH", path, patch, fieldManager=manager)

    def until(self, holds: Callable[[], Any], *, within_s: float = PATIENCE_S) -> Any:
        """What ``holds`` answers, as soon as that is something."""
        end = time.monotonic() + within_s
        while not (found := holds()):
            assert time.monotonic() < end, "the cluster did not come to it"
            time.sleep(0.1)
        return found

    def prepare(self) -> None:
        """What the organisation has there before Tidegate comes."""
        if not self.manifests:
            for name in ("web1", "web2"):
                self.put(self.workload(name, replicas=0))

    def workload(self, name: str, replicas: int = 1) -> dict[str, Any]:
        """A manifest, as an organisation writes it: its image by a tag."""
        repository = self.kubernetes.image("1.0.0").partition("@")[0]
        return workload(name, self.kind, image=f"{repository}:any", replicas=replicas)

    # ------------------------------------------------------------------------------------------ the driver

    def package(
        self, directory: Path, version: str, manifests: list[dict[str, Any]] | None = None
    ) -> tuple[Path, Package]:
        repository, _, digest = self.kubernetes.image(version).partition("@")
        digest = NOWHERE if "bad" in version else digest
        if self.manifests and manifests is None:
            manifests = [self.workload(name) for name in ("web1", "web2")]
        return make_lock(directory, version, manifests, {repository: digest})

    def driver(self, transport: Any = None, kubeconfig: Path | None = None, **more: Any) -> KubernetesDriver:
        settings = {
            "kubeconfig": str(kubeconfig or self.kubeconfig),
            "namespace": self.namespace,
            self.kind.lower(): ["web1", "web2"],
            "failing_for": "2s",
            "rollout_timeout": "2m",
            **({"manifests": "deploy"} if self.manifests else {}),
            **more,
        }
        return KubernetesDriver(TARGET, KubernetesSettings.model_validate(settings), pace=SLOWER, transport=transport)

    def dying(
        self, ends: Callable[[httpx2.Request], bool], *, before: bool = False, done: bool = False
    ) -> KubernetesDriver:
        """A driver whose process ends at a request."""
        return self.driver(Dying(ends, before=before, done=done, verify=self.trust()))

    def trust(self) -> Any:
        """What the cluster's certificate is verified by."""
        from lightkube import KubeConfig
        from lightkube.config.client_adapter import verify_cluster

        config = KubeConfig.from_file(self.kubeconfig).get()
        assert config is not None
        assert config.user is not None
        return verify_cluster(config.cluster, config.user, config.abs_file)

    def restarts(self, unit: str) -> int:
        """How often pods were made for it, as its controllers tell; somebody else's do not count, a removal does."""
        annotations = self._annotations(unit)
        if annotations is None:
            return 0
        made = self._made(unit)
        removed = made > 0 and self.live(unit)["spec"]["replicas"] == 0 and "tidegate.dev/version" not in annotations
        return made - int(annotations.get("test/occupied", 0)) + int(removed)

    def _annotations(self, unit: str) -> dict[str, str] | None:
        try:
            found: dict[str, str] = self.live(unit)["metadata"].get("annotations") or {}
        except httpx2.HTTPStatusError:
            return None
        return found

    def _made(self, unit: str) -> int:
        """By the events: of a Deployment with one replica each rollout scales one ReplicaSet up."""
        says = {"Deployment": "Scaled up replica set", "StatefulSet": "create Pod"}[self.kind]
        events = self.ask("GET", "events", fieldSelector=f"involvedObject.kind={self.kind},involvedObject.name={unit}")
        return sum(int(event.get("count") or 1) for event in events["items"] if event["message"].startswith(says))

    def occupy(self, unit: str) -> None:
        """Somebody else's workload, which runs."""
        theirs = workload(unit, self.kind, image=self.kubernetes.image("0.9.0"), replicas=1)
        if self._annotations(unit) is None:
            self.put(theirs)
        else:
            self.change(f"{self.plural}/{unit}", {"spec": theirs["spec"]}, "kubectl-client-side-apply")
        self.until(lambda: self.live(unit)["status"].get("readyReplicas") and self._made(unit))
        self.change(f"{self.plural}/{unit}", {"metadata": {"annotations": {"test/occupied": str(self._made(unit))}}})


@contextmanager
def real_cluster(
    directory: Path, kubernetes: Kubernetes, kind: str = "Deployment", manifests: bool = True
) -> Iterator[RealCluster]:
    """A namespace of a cluster, with the rights of the manifest."""
    namespace = f"tidegate-{uuid.uuid4().hex[:8]}"
    kubernetes.ask("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    try:
        kubeconfig = directory / "kubeconfig"
        cluster = RealCluster(kubernetes, kubeconfig, namespace, kind, manifests)
        grant(cluster, list(yaml.safe_load_all(RBAC.read_text())))
        write_kubeconfig(kubernetes, kubeconfig, token_of(cluster))
        cluster.until(lambda: "default" in {one["metadata"]["name"] for one in _accounts(cluster)})
        cluster.prepare()
        yield cluster
    finally:
        kubernetes.ask("DELETE", f"/api/v1/namespaces/{namespace}", {"gracePeriodSeconds": 0})


def _accounts(cluster: RealCluster) -> list[Any]:
    found: list[Any] = cluster.ask("GET", "serviceaccounts")["items"]
    return found


def grant(cluster: RealCluster, documents: list[Any]) -> None:
    """Create the account, role and binding of a manifest."""
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{cluster.namespace}"
    for one in documents:
        if one["kind"] == "ServiceAccount":
            cluster.ask("POST", "serviceaccounts", one)
        else:
            cluster.kubernetes.ask("POST", f"{rbac}/{one['kind'].lower()}s", one)


def token_of(cluster: RealCluster, account: str = "tidegate", seconds: int = 3600) -> str:
    """A credential of a service account, for some time (10 minutes at least)."""
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": seconds}}
    token: str = cluster.ask("POST", f"serviceaccounts/{account}/token", asked)["status"]["token"]
    return token


def write_kubeconfig(kubernetes: Kubernetes, path: Path, token: str) -> None:
    """How whoever has a token reaches the same cluster."""
    found = yaml.safe_load(kubernetes.kubeconfig.read_text())
    found["users"] = [{"name": "tidegate", "user": {"token": token}}]
    for context in found["contexts"]:
        context["context"]["user"] = "tidegate"
    for cluster in found["clusters"]:
        authority = cluster["cluster"].get("certificate-authority")
        if authority:
            cluster["cluster"]["certificate-authority"] = str(kubernetes.kubeconfig.parent / authority)
    path.write_text(yaml.safe_dump(found))
