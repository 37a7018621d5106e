"""A real cluster for the driver's contract, where ``TIDEGATE_TEST_KUBECONFIG`` names one.

The suite makes a namespace for each test and removes it again. ``TIDEGATE_TEST_IMAGE`` is an image, by digest, that
runs there without arguments.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.hosts import TARGET
from tests.support.kubernetes.world import Dying, make_lock, workload
from tidegate.core.effect import Package
from tidegate.drivers.kubernetes import KubernetesDriver, KubernetesSettings
from tidegate.drivers.kubernetes.hold import Pace

PAUSE = "registry.k8s.io/pause@sha256:7031c1b283388d2c2e09b57badb803c05ebed362dc88d84b480cc47f72a21097"
SLOWER = Pace(poll_s=0.2, beat_s=0.5, dead_after_s=3.0, observe_wait_s=20.0)


@dataclass(frozen=True, slots=True)
class RealCluster:
    """Two Deployments, from manifests, in a namespace of their own."""

    kubeconfig: str
    namespace: str
    client: Any

    def package(self, directory: Path, version: str) -> tuple[Path, Package]:
        repository, _, digest = os.environ.get("TIDEGATE_TEST_IMAGE", PAUSE).partition("@")
        digest = "sha256:" + "0" * 64 if "bad" in version else digest
        manifests = [workload(name, image=f"{repository}:any", replicas=1) for name in ("web1", "web2")]
        return make_lock(directory, version, manifests, {repository: digest})

    def driver(self, transport: Any = None) -> KubernetesDriver:
        settings = {
            "kubeconfig": self.kubeconfig,
            "namespace": self.namespace,
            "deployment": ["web1", "web2"],
            "failing_for": "5s",
            "rollout_timeout": "2m",
            "manifests": "deploy",
        }
        return KubernetesDriver(TARGET, KubernetesSettings.model_validate(settings), pace=SLOWER, transport=transport)

    def dying(self, ends: Callable[[httpx2.Request], bool], *, before: bool = False) -> KubernetesDriver:
        """A driver whose process ends at a request."""
        from lightkube.config.client_adapter import verify_cluster

        config = self.client.config
        return self.driver(
            Dying(ends, before=before, verify=verify_cluster(config.cluster, config.user, config.abs_file))
        )

    def restarts(self, unit: str) -> int:
        """By the revision, which rises with each template: the first is that without pods. A removal is one more."""
        from lightkube import ApiError
        from lightkube.resources.apps_v1 import Deployment

        try:
            found = self.client.get(Deployment, unit, namespace=self.namespace)
        except ApiError:
            return 0
        annotations = found.metadata.annotations or {}
        removed = found.spec.replicas == 0 and "tidegate.dev/version" not in annotations
        return int(annotations.get("deployment.kubernetes.io/revision", 1)) - 1 + int(removed)

    def occupy(self, unit: str) -> None:
        from lightkube.resources.apps_v1 import Deployment

        image = os.environ.get("TIDEGATE_TEST_IMAGE", PAUSE)
        made: Any = Deployment.from_dict(workload(unit, image=image, replicas=1))
        self.client.create(made, namespace=self.namespace)


@contextmanager
def real_cluster(directory: Path) -> Iterator[RealCluster]:
    """A namespace of the cluster that the environment names; skips where it names none."""
    kubeconfig = os.environ.get("TIDEGATE_TEST_KUBECONFIG")
    if not kubeconfig:
        pytest.skip("no cluster: TIDEGATE_TEST_KUBECONFIG names no kubeconfig")
    from lightkube import Client, KubeConfig
    from lightkube.resources.core_v1 import Namespace

    namespace = f"tidegate-{uuid.uuid4().hex[:8]}"
    client = Client(config=KubeConfig.from_file(kubeconfig).get())
    made: Any = Namespace.from_dict({"metadata": {"name": namespace}})
    client.create(made)
    try:
        yield RealCluster(kubeconfig, namespace, client)
    finally:
        client.delete(Namespace, namespace)
        client.close()
