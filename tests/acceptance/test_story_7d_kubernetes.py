"""7D's release by its preset, typed by its people: an image by digest to Kubernetes, a bad one, the way back.

Once the cluster is the simulator of the API, and once a real one where there is one; registry and engine are real
(7D-07, 7D-11).
"""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.support.docker import DockerEngine
from tests.support.kubernetes.controllers import Running, resolved
from tests.support.kubernetes.plane import Plane
from tests.support.kubernetes.real import Kubernetes, RealCluster, real_cluster
from tests.support.kubernetes.server import ApiServer
from tests.support.kubernetes.world import RBAC, workload
from tests.support.organisation import Organisation
from tests.support.registry import ContainerRegistry
from tests.support.shop import flat

PACKAGE = '{{"name": "billing", "version": "{}"}}\n'
FIRST = {
    "modules/billing/package.json": PACKAGE.format("2.0.0"),
    "modules/billing/bill.js": "0\n",
}
DOCKERFILE = "modules/billing/Dockerfile"
AUTHOR, ON_CALL, OWNER, LEAD = "alice", "dave", "bob", "erin"
PLACES = ("staging", "production")


def _own_name() -> str:
    return f"billing-{uuid.uuid4().hex[:8]}"


_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"


def _asked(url: str, method: str = "GET", **headers: str) -> bytes:
    request = urllib.request.Request(url, method=method, headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        return bytes(answer.read())


class Place(Protocol):
    """A cluster with the namespaces of the organisation, in which billing 2.0.0 runs."""

    registry: ContainerRegistry
    images: str
    """The name of billing's images: of this story alone, since the registry is shared, and a tag moves in none."""
    base: str
    """What an image is made from that runs there."""

    def kubeconfig(self, place: str) -> str: ...
    def namespace(self, place: str) -> str: ...
    def live(self, place: str) -> Any: ...
    def change(self, place: str, image: str) -> None:
        """Somebody sets another image, past Tidegate."""

    def fares(self, reference: str, how: str) -> None:
        """Say how an image by digest fares; a real cluster sees for itself."""

    def first(self) -> str:
        """The image of 2.0.0, by digest."""


class Simulated:
    """The simulator of the API."""

    base = "scratch"

    def __init__(self, directory: Path, api: ApiServer, registry: ContainerRegistry) -> None:
        self.directory, self.api, self.registry = directory, api, registry
        self.images = _own_name()
        api.grant("tidegate", RBAC)
        image = f"{registry.host}/{self.images}:2.0.0"
        api.controllers.images[image] = "ok"
        for place in PLACES:
            there = workload("billing", image=image)
            api.store.create(("deployments", place, "billing"), there, "kubectl-client-side-apply")

    def kubeconfig(self, place: str) -> str:
        return str(self.api.kubeconfig(self.directory))

    def namespace(self, place: str) -> str:
        return place

    def live(self, place: str) -> Any:
        with self.api.store.lock:
            return json.loads(json.dumps(self.api.store.get(("deployments", place, "billing"))))

    def change(self, place: str, image: str) -> None:
        self.api.controllers.images[image] = "ok"
        edited = {"spec": {"template": {"spec": {"containers": [{"name": "shop", "image": image}]}}}}
        with self.api.store.lock:
            self.api.store.merge(("deployments", place, "billing"), edited, "kubectl-edit")

    def fares(self, reference: str, how: str) -> None:
        self.api.controllers.images[reference] = how

    def first(self) -> str:
        return resolved(f"{self.registry.host}/{self.images}:2.0.0")


class Real:
    """A real cluster, in which each environment is a namespace with an account and the rights of the manifest."""

    def __init__(self, plane: Plane, clusters: dict[str, RealCluster]) -> None:
        assert plane.registry is not None
        self.plane, self.clusters, self.registry = plane, clusters, plane.registry
        self.base = f"{plane.repository('pause')}:1"
        self.images = _own_name()
        plane.digest("2.0.0", self.images)
        for cluster in clusters.values():
            cluster.put(workload("billing", image=f"{plane.repository(self.images)}:2.0.0"))
        for cluster in clusters.values():
            cluster.until(lambda: cluster.live("billing")["status"].get("readyReplicas") == 2)  # noqa: B023

    def kubeconfig(self, place: str) -> str:
        return str(self.clusters[place].kubeconfig)

    def namespace(self, place: str) -> str:
        return self.clusters[place].namespace

    def live(self, place: str) -> Any:
        return self.clusters[place].live("billing")

    def change(self, place: str, image: str) -> None:
        edited = {"spec": {"template": {"spec": {"containers": [{"name": "shop", "image": image}]}}}}
        self.clusters[place].change("deployments/billing", edited)

    def fares(self, reference: str, how: str) -> None:
        """What is missing was taken out of the registry, and from the node, where staging had it run."""
        if how == "missing":
            name, _, digest = reference.partition("@")
            there = f"http://{self.registry.host}/v2/{name.partition('/')[2]}"
            # An engine keeps manifests for a while, and would ask for what they name alone.
            named = json.loads(_asked(f"{there}/manifests/{digest}", Accept=_MANIFEST))
            for blob in (named["config"], named["layers"][-1]):
                _asked(f"{there}/blobs/{blob['digest']}", "DELETE")
            _asked(f"{there}/manifests/{digest}", "DELETE")
            staging = self.clusters["staging"]
            staging.change("deployments/billing", {"spec": {"replicas": 0}})
            # By its own name, with all that are given to it: the node's engine has built it too.
            own = self.plane.docker("image", "inspect", "--format", "{{.Id}}", reference).stdout.decode().strip()
            staging.until(lambda: self.plane.docker("rmi", "--force", own, check=False).returncode == 0)
            pulled = self.plane.docker("pull", reference, check=False)
            assert pulled.returncode != 0, pulled.stdout

    def first(self) -> str:
        return self.plane.image("2.0.0", self.images)


class Solutions:
    """The organisation, finished from its preset, and the cluster that runs billing 2.0.0 in two namespaces."""

    def __init__(self, directory: Path, cluster: Place) -> None:
        self.cluster, self.registry = cluster, cluster.registry
        self.image = f"{self.registry.host}/{cluster.images}"
        self.org = Organisation(directory, "7d")
        self.finish()
        self.org.repository.commit("feat: first", {**FIRST, DOCKERFILE: f"FROM {cluster.base}\nCOPY . /app\n"})
        self.org.repository.tag("billing-v2.0.0")

    def finish(self) -> None:
        policy = self.org.policy
        there = {"driver": "kubernetes", "deployment": "billing", "container": "shop"}
        targets = {
            place: {
                **there,
                "kubeconfig": self.cluster.kubeconfig(place),
                "namespace": self.cluster.namespace(place),
                "failing_for": "300ms",
            }
            for place in PLACES
        }
        artifacts = [{"image": self.image, "tags": ["{version}", "latest"]}]
        policy["components"]["billing"] = {"artifacts": artifacts, "targets": targets, "requires": {}}
        policy["without"] = ["components.billing.requires"]
        policy["watch"] = {"production": {"for": "1s", "every": "1s", "roll_back_when": [{"health_check": "failed"}]}}
        policy["audiences"]["stakeholders"]["to"] = ["file:NOTICES.md"]
        policy["people"][AUTHOR]["email"] = "alice@example.org"
        self.org.write()

    def hotfix(self, version: str) -> str:
        """A hotfix, built and pushed, with what its gates and its owners say; its digest runs well wherever it runs."""
        org, branch = self.org, f"hotfix/v{version}"
        org.good("hotfix", "billing", by=AUTHOR)
        org.repository.switch(branch)
        files = {"modules/billing/bill.js": f"{version}\n", "modules/billing/package.json": PACKAGE.format(version)}
        org.repository.commit("fix: bills add up", files)
        opening = ("release", "open", "billing", "--type", "hotfix", "--at", branch, "--json")
        release: str = org.good(*opening, by=AUTHOR).json["id"]
        criterion = ("--criterion", "Critical bugs", "--reason", "they do not")
        org.good("release", "amend", release, *criterion, by=AUTHOR)
        org.good("artifact", "build", release, by=AUTHOR)
        org.good("artifact", "push", release, by=AUTHOR)
        self.fares(version, "ok")
        org.ran(release, "ci", by=ON_CALL)
        org.good("deploy", release, "staging", by=ON_CALL)
        for kind in ("smoke", "reviews"):
            org.report(release, kind, by=ON_CALL)
        org.good("approve", release, "--for", "production", by=OWNER)
        return release

    def reference(self, version: str) -> str:
        return f"{self.image}@{self.registry.tags(self.cluster.images)[version]}"

    def fares(self, version: str, how: str) -> None:
        """Say how the image of a version fares on the cluster."""
        self.cluster.fares(self.reference(version), how)

    def runs(self, place: str) -> str:
        return str(self.cluster.live(place)["spec"]["template"]["spec"]["containers"][0]["image"])


@pytest.fixture(params=["simulator", "real"])
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "simulator":
        api = ApiServer()
        made = Simulated(tmp_path, api, request.getfixturevalue("container_registry"))
        with Running(api.controllers):
            yield made
        api.close()
        return
    kubernetes: Kubernetes = request.getfixturevalue("kubernetes")
    if kubernetes.plane is None:
        pytest.skip("the cluster is somebody else's, and does not reach the registry of the tests")
    with ExitStack() as stack:
        clusters = {}
        for place in PLACES:
            (tmp_path / place).mkdir()
            clusters[place] = stack.enter_context(real_cluster(tmp_path / place, kubernetes))
        yield Real(kubernetes.plane, clusters)


@pytest.fixture
def solutions(tmp_path: Path, docker_engine: DockerEngine, cluster: Place) -> Solutions:
    return Solutions(tmp_path, cluster)


def test_a_hotfix_goes_by_digest_and_a_bad_one_is_taken_back(solutions: Solutions) -> None:
    org = solutions.org
    for place in PLACES:
        org.good("adopt", "billing", place, "--version", "2.0.0", by=LEAD)
    good = solutions.hotfix("2.0.1")
    image = solutions.reference("2.0.1")
    assert solutions.runs("staging") == image
    dry = org.good("deploy", good, "production", "--dry-run", by=ON_CALL).out
    assert image in dry.split()
    namespace = solutions.cluster.namespace("production")
    assert f"apply them to Deployment billing in the namespace {namespace} on the server" in flat(dry)
    assert solutions.runs("production") == f"{solutions.image}:2.0.0"
    watched = org.run("deploy", good, "production", by=ON_CALL)
    assert watched.code == 1
    assert "is paused: inconclusive" in watched.out  # a second proves nothing: a person answers for it
    resumed = org.good("rollout", "resume", f"{good}.production.1", by=ON_CALL)
    assert resumed.out == "✓ billing 2.0.1 runs in production\n"
    assert solutions.runs("production") == image

    org.good("tag", "billing", "2.0.1", by=AUTHOR)
    org.repository.switch("main")
    org.repository.merge("hotfix/v2.0.1", "chore: bring the hotfix home")
    bad = solutions.hotfix("2.0.2")
    solutions.fares("2.0.2", "missing")
    taken_back = org.run("deploy", bad, "production", by=ON_CALL)
    assert taken_back.code == 1
    assert "billing in production was taken back and runs 2.0.1" in flat(taken_back.out)
    assert "ImagePullBackOff" in taken_back.out or "ErrImagePull" in taken_back.out
    assert solutions.runs("production") == image
    again = org.run("deploy", bad, "production", by=ON_CALL)
    assert again.code == 3
    assert "hold.version: tidegate took billing 2.0.2 back in production" in flat(again.err)
    (incident,) = org.good("incident", "list", "--json").json
    assert incident["title"] == "billing 2.0.2 was taken back in production"

    back = org.good("rollback", "billing", "production", "--to", "2.0.0", "--reason", "bills are wrong", by=ON_CALL)
    assert back.out == "✓ billing 2.0.0 runs in production again\n"
    assert solutions.runs("production") == solutions.cluster.first()
    assert "all the same" in org.good("audit", "rejudge").out


def test_what_somebody_applies_past_it_is_told_and_not_overwritten(solutions: Solutions) -> None:
    org = solutions.org
    org.good("adopt", "billing", "production", "--version", "2.0.0", by=LEAD)
    assert (
        "✓ billing 2.0.0 in production" in org.good("environment", "look", "production", "--component", "billing").out
    )
    solutions.cluster.change("production", "evil:1")
    told = org.run("environment", "look", "production", "--component", "billing")
    assert told.code == 1
    assert "foreign" in told.out
    assert "kubectl-edit" in flat(told.out)
