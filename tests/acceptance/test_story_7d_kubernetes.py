"""7D's release by its preset, typed by its people: an image by digest to Kubernetes, a bad one, the way back.

The cluster is the simulator of the API; registry and engine are real (7D-07, 7D-11).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.docker import DockerEngine
from tests.support.kubernetes.controllers import Running, resolved
from tests.support.kubernetes.server import ApiServer
from tests.support.kubernetes.world import RBAC, workload
from tests.support.organisation import Organisation
from tests.support.registry import ContainerRegistry
from tests.support.shop import flat

PACKAGE = '{{"name": "billing", "version": "{}"}}\n'
FIRST = {
    "modules/billing/package.json": PACKAGE.format("2.0.0"),
    "modules/billing/bill.js": "0\n",
    "modules/billing/Dockerfile": "FROM scratch\nCOPY . /app\n",
}
AUTHOR, ON_CALL, OWNER, LEAD = "alice", "dave", "bob", "erin"
PLACES = ("staging", "production")


class Solutions:
    """The organisation, finished from its preset, and the cluster that runs billing 2.0.0 in two namespaces."""

    def __init__(self, directory: Path, api: ApiServer, registry: ContainerRegistry) -> None:
        self.api, self.registry = api, registry
        self.image = f"{registry.host}/billing"
        self.org = Organisation(directory, "7d")
        self.finish(str(api.kubeconfig(directory)))
        self.org.repository.commit("feat: first", FIRST)
        self.org.repository.tag("billing-v2.0.0")
        api.controllers.images[f"{self.image}:2.0.0"] = "ok"
        for place in PLACES:
            there = workload("billing", image=f"{self.image}:2.0.0")
            api.store.create(("deployments", place, "billing"), there, "kubectl-client-side-apply")

    def finish(self, kubeconfig: str) -> None:
        policy = self.org.policy
        there = {"driver": "kubernetes", "deployment": "billing", "container": "shop", "kubeconfig": kubeconfig}
        targets = {place: {**there, "namespace": place, "failing_for": "300ms"} for place in PLACES}
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
        return f"{self.image}@{self.registry.tags('billing')[version]}"

    def fares(self, version: str, how: str) -> None:
        """Say how the image of a version fares on the cluster."""
        self.api.controllers.images[self.reference(version)] = how

    def live(self, place: str) -> Any:
        with self.api.store.lock:
            return json.loads(json.dumps(self.api.store.get(("deployments", place, "billing"))))

    def runs(self, place: str) -> str:
        return str(self.live(place)["spec"]["template"]["spec"]["containers"][0]["image"])


@pytest.fixture
def solutions(
    tmp_path: Path, docker_engine: DockerEngine, container_registry: ContainerRegistry
) -> Iterator[Solutions]:
    api = ApiServer()
    api.grant("tidegate", RBAC)
    made = Solutions(tmp_path, api, container_registry)
    with Running(api.controllers):
        yield made
    api.close()


def test_a_hotfix_goes_by_digest_and_a_bad_one_is_taken_back(solutions: Solutions) -> None:
    org = solutions.org
    for place in PLACES:
        org.good("adopt", "billing", place, "--version", "2.0.0", by=LEAD)
    good = solutions.hotfix("2.0.1")
    image = solutions.reference("2.0.1")
    assert solutions.runs("staging") == image
    dry = org.good("deploy", good, "production", "--dry-run", by=ON_CALL).out
    assert image in dry.split()
    assert "apply them to Deployment billing in the namespace production on the server" in flat(dry)
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
    assert "ImagePullBackOff" in taken_back.out
    assert solutions.runs("production") == image
    again = org.run("deploy", bad, "production", by=ON_CALL)
    assert again.code == 3
    assert "hold.version: tidegate took billing 2.0.2 back in production" in flat(again.err)
    (incident,) = org.good("incident", "list", "--json").json
    assert incident["title"] == "billing 2.0.2 was taken back in production"

    back = org.good("rollback", "billing", "production", "--to", "2.0.0", "--reason", "bills are wrong", by=ON_CALL)
    assert back.out == "✓ billing 2.0.0 runs in production again\n"
    assert solutions.runs("production") == resolved(f"{solutions.image}:2.0.0")
    assert "all the same" in org.good("audit", "rejudge").out


def test_what_somebody_applies_past_it_is_told_and_not_overwritten(solutions: Solutions) -> None:
    org = solutions.org
    org.good("adopt", "billing", "production", "--version", "2.0.0", by=LEAD)
    assert (
        "✓ billing 2.0.0 in production" in org.good("environment", "look", "production", "--component", "billing").out
    )
    solutions.api.controllers.images["evil:1"] = "ok"
    edited = {"spec": {"template": {"spec": {"containers": [{"name": "shop", "image": "evil:1"}]}}}}
    with solutions.api.store.lock:
        solutions.api.store.merge(("deployments", "production", "billing"), edited, "kubectl-edit")
    told = org.run("environment", "look", "production", "--component", "billing")
    assert told.code == 1
    assert "foreign" in told.out
    assert "kubectl-edit" in flat(told.out)
