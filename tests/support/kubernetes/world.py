"""Clusters for the tests of the Kubernetes driver, simulated or real: workloads, packages, and drivers that die."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import ssl
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import yaml  # type: ignore[import-untyped]

from tests.support.hosts import TARGET
from tests.support.kubernetes.controllers import Running
from tests.support.kubernetes.server import ApiServer
from tests.support.processes import PROJECT
from tidegate.core.effect import Package, Stage
from tidegate.core.image_lock import ImageLock
from tidegate.drivers.kubernetes import KubernetesDriver, KubernetesSettings
from tidegate.drivers.kubernetes.hold import Pace

RBAC = PROJECT / "docs" / "drivers" / "kubernetes-rbac.yaml"
IMAGE = "registry.example/shop"
NAMESPACE = "production"
USER = "token-of-tidegate"
FAST = Pace(poll_s=0.01, beat_s=0.05, dead_after_s=1.5, observe_wait_s=5.0, watch_s=1, resync_s=0.5)


def digest_of(version: str) -> str:
    """The digest of the image that a version is made of."""
    return "sha256:" + hashlib.sha256(version.encode()).hexdigest()


def workload(name: str, kind: str = "Deployment", image: str = f"{IMAGE}:0.9.0", replicas: int = 2) -> dict[str, Any]:
    """A manifest, as an organisation writes it."""
    labels = {"app": name}
    container = {"name": "shop", "image": image, "env": [{"name": "COLOUR", "value": "green"}]}
    more = {} if kind == "Deployment" else {"serviceName": name}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "labels": labels},
        "spec": {
            **more,
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def make_archive(directory: Path, files: dict[str, str]) -> str:
    """The component's archive; its digest, which is its name."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content.encode())
            tar.addfile(member, io.BytesIO(content.encode()))
    packed = gzip.compress(held.getvalue(), mtime=0)
    digest = hashlib.sha256(packed).hexdigest()
    (directory / f"{digest}.tar.gz").write_bytes(packed)
    return digest


def make_lock(
    directory: Path, version: str, manifests: list[dict[str, Any]] | None = None, images: dict[str, str] | None = None
) -> tuple[Path, Package]:
    """A package of images: the lock, with the archive that it names beside it."""
    files = {
        "VERSION": version,
        **({"deploy/all.yaml": yaml.safe_dump_all(json.loads(json.dumps(manifests)))} if manifests else {}),
    }
    images = {IMAGE: digest_of(version)} if images is None else images
    lock = ImageLock("shop", version, make_archive(directory, files), images)
    path = directory / f"{lock.package.digest}.json"
    path.write_bytes(lock.to_bytes())
    return path, lock.package


class Dying(httpx2.BaseTransport):
    """The network of a process that ends: after ``ends`` says so of a request, nothing is sent any more.

    ``before`` ends it before the request is sent; else it has its effect, and nobody hears the answer. ``done`` ends it
    only when the request succeeded: a controller that wrote in between makes it be sent again.
    """

    def __init__(
        self,
        ends: Callable[[httpx2.Request], bool],
        *,
        before: bool = False,
        done: bool = False,
        verify: ssl.SSLContext | bool = True,
    ) -> None:
        self._ends = ends
        self._before = before
        self._done = done
        self._within = httpx2.HTTPTransport(verify=verify)
        self.over = False

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        now = not self.over and self._ends(request)
        if self.over or (now and self._before):
            self.over = True
            raise httpx2.ConnectError("the process is gone")
        response = self._within.handle_request(request)
        if now and (response.is_success or not self._done):
            self.over = True
            response.read()
            raise httpx2.ReadError("the process is gone")
        return response

    def close(self) -> None:
        self._within.close()


def records(stage: Stage) -> Callable[[httpx2.Request], bool]:
    """Whether a request is the one by which a stage begins to hold."""

    def of(request: httpx2.Request) -> bool:
        body = json.loads(request.content or b"{}")
        if stage is Stage.SWITCHED:
            annotations = body.get("metadata", {}).get("annotations", {})
            return request.method == "PATCH" and "tidegate.dev/key" in annotations and "dryRun" not in str(request.url)
        record = json.loads(body.get("data", {}).get("record.json", "{}"))
        return any(str(stage) in stages for _, stages, _, _ in record.get("journal", []))

    return of


@dataclass(frozen=True, slots=True)
class SimulatedCluster:
    """The workloads ``web1`` and ``web2`` of one component on a simulated cluster, under the rights of the manifest."""

    directory: Path
    api: ApiServer
    kind: str = "Deployment"
    manifests: bool = True

    def dying(
        self, ends: Callable[[httpx2.Request], bool], *, before: bool = False, done: bool = False
    ) -> KubernetesDriver:
        """A driver whose process ends at a request."""
        return self.driver(Dying(ends, before=before, done=done))

    def prepare(self) -> None:
        """What the organisation has there before Tidegate comes."""
        self.api.grant("tidegate", RBAC)
        if not self.manifests:
            for name in ("web1", "web2"):
                self.put(workload(name, self.kind, replicas=0))

    def put(self, manifest: dict[str, Any], manager: str = "kubectl-client-side-apply") -> None:
        """Somebody else creates or changes an object."""
        plural = {"Deployment": "deployments", "StatefulSet": "statefulsets"}[manifest["kind"]]
        key = (plural, NAMESPACE, manifest["metadata"]["name"])
        with self.api.store.lock:
            write = self.api.store.merge if key in self.api.store.objects else self.api.store.create
            write(key, manifest, manager)

    def live(self, unit: str) -> dict[str, Any]:
        plural = {"Deployment": "deployments", "StatefulSet": "statefulsets"}[self.kind]
        with self.api.store.lock:
            return self.api.store.get((plural, NAMESPACE, unit))

    def image(self, unit: str) -> str:
        found: str = self.live(unit)["spec"]["template"]["spec"]["containers"][0]["image"]
        return found

    def package(self, directory: Path, version: str) -> tuple[Path, Package]:
        image = f"{IMAGE}@{digest_of(version)}"
        self.api.controllers.images[image] = "crashes" if "bad" in version else "ok"
        manifests = [workload(name, self.kind) for name in ("web1", "web2")] if self.manifests else None
        return make_lock(directory, version, manifests)

    def driver(
        self,
        transport: Any = None,
        pace: Pace = FAST,
        token: str = USER,
        **more: Any,
    ) -> KubernetesDriver:
        settings: dict[str, Any] = {
            "kubeconfig": str(self.api.kubeconfig(self.directory, token)),
            "namespace": NAMESPACE,
            self.kind.lower(): ["web1", "web2"],
            "failing_for": "100ms",
            "rollout_timeout": "30s",
            **({"manifests": "deploy"} if self.manifests else {}),
            **more,
        }
        return KubernetesDriver(TARGET, KubernetesSettings.model_validate(settings), pace=pace, transport=transport)

    def occupy(self, unit: str) -> None:
        """Somebody else's workload, which runs."""
        image = f"{IMAGE}:0.9.0"
        self.api.controllers.images[image] = "ok"
        self.put(workload(unit, self.kind, image))

    def restarts(self, unit: str) -> int:
        return len(self.api.store.rollouts.get(f"{NAMESPACE}/{unit}", [None])) - 1


@contextmanager
def simulated_cluster(directory: Path, kind: str = "Deployment", manifests: bool = True) -> Iterator[SimulatedCluster]:
    """Such a cluster, with its controllers at work."""
    api = ApiServer()
    cluster = SimulatedCluster(directory, api, kind, manifests)
    cluster.prepare()
    try:
        with Running(api.controllers):
            yield cluster
    finally:
        api.close()


def granted_rights() -> set[tuple[str, str, str]]:
    """What the manifest of the documents grants: group, resource and verb."""
    rules = [rule for one in yaml.safe_load_all(RBAC.read_text()) if one["kind"] == "Role" for rule in one["rules"]]
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
