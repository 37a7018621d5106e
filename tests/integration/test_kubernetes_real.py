"""The Kubernetes driver on a real cluster, where things go wrong as they really do. See ``make cluster-test``."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import ssl
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
import trustme
import yaml  # type: ignore[import-untyped]

from tests.support.hosts import effect
from tests.support.kubernetes.plane import Plane
from tests.support.kubernetes.real import (
    NOWHERE,
    Kubernetes,
    RealCluster,
    grant,
    real_cluster,
    token_of,
    write_kubeconfig,
)
from tests.support.kubernetes.service import SELECTORS, coloured
from tests.support.kubernetes.world import RBAC, granted_rights, make_archive
from tests.support.patience import PATIENCE_S
from tidegate.core.effect import ALL, Act, Finding, Health, Observation, Package, Presence, Share, Token, judge
from tidegate.core.image_lock import ImageLock
from tidegate.drivers.kubernetes import KubernetesDriver
from tidegate.drivers.kubernetes.cluster import Cluster, ExpiredError
from tidegate.drivers.kubernetes.settings import KubernetesSettings
from tidegate.errors import FencedError, TargetError
from tidegate.traffic.kubernetes_service import ServiceSettings, ServiceSwitch

TOKEN, LATER = Token(1, 1), Token(1, 2)


@pytest.fixture
def plane(kubernetes: Kubernetes) -> Plane:
    """The cluster, where it was started here and may be killed."""
    if kubernetes.plane is None:
        pytest.skip("the cluster is somebody else's, and is not to be killed")
    return kubernetes.plane


@pytest.fixture
def cluster(kubernetes: Kubernetes, tmp_path: Path) -> Iterator[RealCluster]:
    """Deployments that are there already, and whose images Tidegate manages."""
    with real_cluster(tmp_path, kubernetes, manifests=False) as made:
        yield made


@pytest.fixture
def whole(kubernetes: Kubernetes, tmp_path: Path) -> Iterator[RealCluster]:
    """Deployments that Tidegate makes from manifests."""
    with real_cluster(tmp_path, kubernetes) as made:
        yield made


@pytest.fixture
def stateful(kubernetes: Kubernetes, tmp_path: Path) -> Iterator[RealCluster]:
    """StatefulSets that are there already."""
    with real_cluster(tmp_path, kubernetes, "StatefulSet", manifests=False) as made:
        yield made


def deploy(
    cluster: RealCluster,
    version: str,
    driver: KubernetesDriver | None = None,
    manifests: list[Any] | None = None,
    step: str = "",
) -> tuple[Finding, Observation]:
    """Deploy to web1, and judge what is read back."""
    path, to = cluster.package(cluster.kubeconfig.parent, version, manifests)
    one = effect("web1", step or version, to)
    seen = (driver or cluster.driver()).apply(one, path, TOKEN)
    return judge(one, seen, TOKEN), seen


def refusal(cluster: RealCluster, version: str, driver: KubernetesDriver | None = None) -> TargetError:
    """How a deployment is refused."""
    with pytest.raises(TargetError) as caught:
        deploy(cluster, version, driver)
    return caught.value


def go_back(cluster: RealCluster, version: str, manifests: list[Any] | None = None) -> tuple[Finding, Observation]:
    to = cluster.package(cluster.kubeconfig.parent, version, manifests)[1]
    one = effect("web1", "back", to, act=Act.RESTORE)
    seen = cluster.driver().apply(one, None, LATER)
    return judge(one, seen, LATER), seen


def image(cluster: RealCluster) -> str:
    found: str = cluster.live("web1")["spec"]["template"]["spec"]["containers"][0]["image"]
    return found


# ---------------------------------------------------------------------------------------------------- bad versions


def test_an_image_that_cannot_be_pulled_fails_and_is_taken_back(cluster: RealCluster) -> None:
    assert deploy(cluster, "1.0.0")[0] is Finding.CONFIRMED
    finding, seen = deploy(cluster, "bad-1.1.0")
    assert (finding, seen.healthy) == (Finding.FAILED, Health.NO)
    assert "not rolled out (1 of 1 pods updated, 1 available): web1-" in seen.detail
    assert "ErrImagePull" in seen.detail or "ImagePullBackOff" in seen.detail
    assert NOWHERE in seen.detail
    assert go_back(cluster, "1.0.0")[0] is Finding.CONFIRMED
    assert image(cluster) == cluster.kubernetes.image("1.0.0")


def test_a_progress_deadline_that_is_over_ends_the_act(cluster: RealCluster) -> None:
    cluster.change("deployments/web1", {"spec": {"progressDeadlineSeconds": 3}})
    driver = cluster.driver(failing_for="10m")
    finding, seen = deploy(cluster, "bad-1.0.0", driver)
    assert finding is Finding.FAILED
    assert "nothing moved within its progressDeadlineSeconds, 3" in seen.detail  # its controller measures none
    assert deploy(cluster, "1.0.0", driver)[0] is Finding.CONFIRMED
    finding, seen = deploy(cluster, "bad-1.1.0", driver)
    assert finding is Finding.FAILED
    assert "ProgressDeadlineExceeded: ReplicaSet " in seen.detail or "nothing moved within" in seen.detail


def test_a_container_that_ends_again_and_again_is_a_failure(whole: RealCluster) -> None:
    manifest = whole.workload("web1")
    manifest["spec"]["template"]["spec"]["containers"][0]["command"] = ["/bin/busybox", "false"]
    finding, seen = deploy(whole, "1.0.0", manifests=[manifest])
    assert finding is Finding.FAILED
    assert "CrashLoopBackOff" in seen.detail


def test_a_stateful_set_is_taken_back_past_the_pod_that_never_gets_ready(stateful: RealCluster) -> None:
    assert deploy(stateful, "1.0.0")[0] is Finding.CONFIRMED
    finding, seen = deploy(stateful, "bad-1.1.0")
    assert (finding, seen.healthy) == (Finding.FAILED, Health.NO)
    assert "web1-0: " in seen.detail
    assert go_back(stateful, "1.0.0")[0] is Finding.CONFIRMED
    assert image(stateful) == stateful.kubernetes.image("1.0.0")


# ---------------------------------------------------------------------------------------------------- admission


def test_pods_beyond_the_quota_are_a_failure_that_names_it(cluster: RealCluster) -> None:
    quota = {"metadata": {"name": "compute"}, "spec": {"hard": {"pods": "0"}}}
    cluster.ask("POST", "resourcequotas", quota)
    cluster.until(lambda: cluster.ask("GET", "resourcequotas/compute")["status"].get("hard"))
    finding, seen = deploy(cluster, "1.0.0")
    assert finding is Finding.FAILED
    assert 'FailedCreate: pods "web1-' in seen.detail
    assert "is forbidden: exceeded quota: compute" in seen.detail


def test_pods_beyond_the_limit_are_a_failure_that_names_it(whole: RealCluster) -> None:
    limits = [{"type": "Container", "max": {"memory": "16Mi"}, "default": {"memory": "16Mi"}}]
    whole.ask("POST", "limitranges", {"metadata": {"name": "small"}, "spec": {"limits": limits}})
    manifest = whole.workload("web1")
    resources = {"limits": {"memory": "1Gi"}}
    manifest["spec"]["template"]["spec"]["containers"][0]["resources"] = resources
    finding, seen = deploy(whole, "1.0.0", manifests=[manifest])
    assert finding is Finding.FAILED
    assert "maximum memory usage per Container is 16Mi, but limit is 1Gi" in seen.detail


@contextlib.contextmanager
def webhook(cluster: RealCluster, why: Callable[[Any], str]) -> Iterator[None]:
    """An admission webhook before the Deployments of the namespace; it allows what ``why`` says nothing about."""
    if cluster.kubernetes.plane is None:
        pytest.skip("a webhook of this process is not reached from a cluster elsewhere")
    authority = trustme.CA()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["request"]
            said = why(asked["object"])
            response = {"uid": asked["uid"], "allowed": not said, "status": {"message": said}}
            body = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    cluster.kubernetes.ask(
        "PATCH", f"/api/v1/namespaces/{cluster.namespace}", {"metadata": {"labels": {"held": "yes"}}}
    )

    bundle = base64.b64encode(authority.cert_pem.bytes()).decode()
    rule = {
        "apiGroups": ["apps"],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["deployments"],
    }
    one = {
        "name": "signed.example.org",
        "clientConfig": {"url": f"https://127.0.0.1:{server.server_address[1]}/", "caBundle": bundle},
        "rules": [rule],
        "namespaceSelector": {"matchLabels": {"held": "yes"}},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    hooks = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    cluster.kubernetes.ask("POST", hooks, {"metadata": {"name": cluster.namespace}, "webhooks": [one]})

    def stands() -> bool:
        try:
            cluster.change("deployments/web2", {"metadata": {"annotations": {"probe": "refuse"}}})
        except httpx2.HTTPStatusError:
            return True
        return False

    try:
        cluster.until(stands)
        yield
    finally:
        cluster.kubernetes.ask("DELETE", f"{hooks}/{cluster.namespace}")
        server.shutdown()
        server.server_close()


def unsigned(cluster: RealCluster, version: str) -> Callable[[Any], str]:
    refused = cluster.kubernetes.image(version)

    def why(new: Any) -> str:
        annotations = new["metadata"].get("annotations") or {}
        return "not signed" if "probe" in annotations or refused in json.dumps(new["spec"]) else ""

    return why


def test_what_admission_refuses_is_refused_before_anything_changes(cluster: RealCluster) -> None:
    deploy(cluster, "1.0.0")
    before = cluster.live("web1")["spec"]
    with webhook(cluster, unsigned(cluster, "1.1.0")):
        error = refusal(cluster, "1.1.0")
    assert 'admission webhook "signed.example.org" denied the request: not signed' in str(error)
    assert cluster.live("web1")["spec"] == before
    seen = cluster.driver().observe("web1")
    assert isinstance(seen.running, Package)
    assert (seen.running.version, seen.healthy, cluster.restarts("web1")) == ("1.0.0", Health.YES, 1)


# ---------------------------------------------------------------------------------------------------- other people


def set_image(cluster: RealCluster, to: str) -> None:
    """What ``kubectl set image`` does."""
    containers = cluster.live("web1")["spec"]["template"]["spec"]["containers"]
    containers[0]["image"] = to
    cluster.change("deployments/web1", {"spec": {"template": {"spec": {"containers": containers}}}}, "kubectl-set")


def test_a_field_of_another_manager_is_refused_with_its_name_until_it_is_adopted(cluster: RealCluster) -> None:
    deploy(cluster, "1.0.0")
    theirs = cluster.kubernetes.image("1.0.1")
    set_image(cluster, theirs)
    seen = cluster.driver().observe("web1")
    assert seen.running is Presence.FOREIGN
    assert seen.detail.startswith("Deployment web1 was changed since, by ")
    assert "kubectl-set (20" in seen.detail
    assert seen.detail.endswith(f"shop runs {theirs}")
    assert str(refusal(cluster, "1.1.0")) == (
        "web1: Deployment web1 is managed by somebody else: "
        '.spec.template.spec.containers[name="shop"].image belongs to kubectl-set'
    )
    assert image(cluster) == theirs
    adopted = cluster.driver().adopt("web1", "1.0.1", TOKEN).running
    assert isinstance(adopted, Package)
    assert deploy(cluster, "1.1.0", step="again")[0] is Finding.CONFIRMED
    assert image(cluster) == cluster.kubernetes.image("1.1.0")


def test_an_adopted_version_is_returned_to_by_the_digest_that_ran(cluster: RealCluster, plane: Plane) -> None:
    """It was deployed by a tag, as most are before Tidegate comes."""
    digest = plane.digest("0.9.0")
    cluster.change("deployments/web1", {"spec": {"replicas": 1}})
    set_image(cluster, f"{plane.repository()}:0.9.0")
    cluster.until(lambda: cluster.live("web1")["status"].get("updatedReplicas") == 1)
    cluster.until(lambda: cluster.live("web1")["status"].get("availableReplicas"))
    adopted = cluster.driver().adopt("web1", "0.9.0", TOKEN).running
    assert isinstance(adopted, Package)
    assert deploy(cluster, "1.0.0")[0] is Finding.CONFIRMED
    back = effect("web1", "back", adopted, act=Act.RESTORE)
    assert judge(back, cluster.driver().apply(back, None, LATER), LATER) is Finding.CONFIRMED
    assert image(cluster) == f"{plane.repository()}@{digest}"


def test_a_paused_rollout_is_refused_and_told_how_to_resume(cluster: RealCluster) -> None:
    deploy(cluster, "1.0.0")
    cluster.change("deployments/web1", {"spec": {"paused": True}}, "kubectl-rollout")
    ready = cluster.driver().online("web1")
    assert not ready.ready
    assert "would not roll out: its rollouts are paused" in ready.detail
    assert refusal(cluster, "1.1.0").remedy == "Resume them: kubectl rollout resume."
    assert cluster.restarts("web1") == 1
    cluster.change("deployments/web1", {"spec": {"paused": False}}, "kubectl-rollout")
    assert deploy(cluster, "1.1.0", step="again")[0] is Finding.CONFIRMED


def test_a_rollout_restart_changes_nothing_of_the_version(cluster: RealCluster) -> None:
    deploy(cluster, "1.0.0")
    restarted = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-02-01T10:00:00Z"}}}
    cluster.change("deployments/web1", {"spec": {"template": restarted}}, "kubectl-rollout")
    cluster.until(lambda: cluster.driver().health("web1") is Health.YES)
    seen = cluster.driver().observe("web1")
    assert isinstance(seen.running, Package)
    assert deploy(cluster, "1.1.0")[0] is Finding.CONFIRMED


def test_replicas_that_an_autoscaler_set_are_left_alone(cluster: RealCluster) -> None:
    deploy(cluster, "1.0.0")
    cluster.change("deployments/web1", {"spec": {"replicas": 3}}, "hpa")
    assert deploy(cluster, "1.1.0")[0] is Finding.CONFIRMED
    assert cluster.live("web1")["spec"]["replicas"] == 3
    assert cluster.live("web1")["status"]["availableReplicas"] == 3


# ---------------------------------------------------------------------------------------------------- the way back


def test_a_way_back_leads_to_the_recorded_manifests_whatever_revisions_are_left(whole: RealCluster) -> None:
    """Not to the last revision, and not by a ReplicaSet: none is left of it."""
    colours = {"1.0.0": "green", "1.1.0": "blue", "1.2.0": "red"}

    def manifests(version: str) -> list[Any]:
        manifest = whole.workload("web1")
        manifest["spec"]["revisionHistoryLimit"] = 0
        container = manifest["spec"]["template"]["spec"]["containers"][0]
        container["env"] = [{"name": "COLOUR", "value": colours[version]}]
        if version == "1.1.0":
            container["args"] = ["/bin/busybox", "sleep", "100000"]
        return [manifest]

    for version in colours:
        assert deploy(whole, version, manifests=manifests(version))[0] is Finding.CONFIRMED
    whole.until(lambda: len(whole.ask("GET", "replicasets")["items"]) == 1)
    assert go_back(whole, "1.0.0", manifests("1.0.0"))[0] is Finding.CONFIRMED
    container = whole.live("web1")["spec"]["template"]["spec"]["containers"][0]
    assert container["env"] == [{"name": "COLOUR", "value": "green"}]
    assert "args" not in container
    assert container["image"] == whole.kubernetes.image("1.0.0")


def test_what_kubectl_undid_is_not_called_the_version_that_was_deployed(cluster: RealCluster) -> None:
    """``kubectl rollout undo`` brings the template of the last revision back, with its version."""
    deploy(cluster, "1.0.0")
    old = cluster.live("web1")["spec"]["template"]
    deploy(cluster, "1.1.0")
    cluster.change("deployments/web1", {"spec": {"template": old}}, "kubectl-rollout")
    seen = cluster.driver().observe("web1")
    assert seen.running is Presence.FOREIGN
    assert "kubectl-rollout" in seen.detail


# ---------------------------------------------------------------------------------------------------- faults


class Halfway:
    """An act whose pods do not get ready, so that something can happen while it is rolled out."""

    def __init__(self, cluster: RealCluster) -> None:
        self.cluster = cluster
        quota = {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
        cluster.ask("POST", "resourcequotas", quota)
        cluster.until(lambda: cluster.ask("GET", "resourcequotas/none")["status"].get("hard"))
        self.path, self.to = cluster.package(cluster.kubeconfig.parent, "1.0.0")
        self.effect = effect("web1", "s1", self.to)
        self._pool = ThreadPoolExecutor(1)
        driver = cluster.driver(failing_for="10m")
        self._act = self._pool.submit(driver.apply, self.effect, self.path, TOKEN)
        cluster.until(lambda: "tidegate.dev/key" in (cluster.live("web1")["metadata"].get("annotations") or {}))

    def failure(self) -> TargetError:
        with self._pool, pytest.raises(TargetError) as caught:
            self._act.result(PATIENCE_S)
        return caught.value

    def carry_on(self) -> Finding:
        """Let the pods come, and do the same act again."""
        self.cluster.ask("DELETE", "resourcequotas/none")
        return judge(self.effect, self.cluster.driver().apply(self.effect, self.path, TOKEN), TOKEN)


def test_a_credential_that_ends_while_it_rolls_out_is_named_and_the_act_is_carried_on(cluster: RealCluster) -> None:
    act = Halfway(cluster)
    cluster.ask("DELETE", "serviceaccounts/tidegate")
    assert "the cluster does not accept our credential (401)" in str(act.failure())
    ready = cluster.driver().online("web1")
    assert (ready.ready, ready.remedy) == (False, "Renew the credential of the kubeconfig.")
    assert not cluster.driver().observe("web1").reachable
    cluster.ask("POST", "serviceaccounts", {"metadata": {"name": "tidegate"}})
    write_kubeconfig(cluster.kubernetes, cluster.kubeconfig, token_of(cluster))
    assert act.carry_on() is Finding.CONFIRMED
    assert cluster.restarts("web1") == 1


def test_a_server_killed_while_it_rolls_out_is_named_and_the_act_is_carried_on(
    cluster: RealCluster, plane: Plane
) -> None:
    act = Halfway(cluster)
    plane.kill_api()
    try:
        error = act.failure()
        seen = cluster.driver().observe("web1")
    finally:
        plane.start_api()
    assert "the cluster does not answer: " in str(error)
    assert (seen.reachable, seen.running) == (False, Presence.UNSEEN)
    assert judge(act.effect, seen, TOKEN) is Finding.IN_DOUBT
    seen = cluster.driver().observe("web1")
    assert judge(act.effect, seen, TOKEN) is Finding.NOT_DONE
    assert act.carry_on() is Finding.CONFIRMED
    assert cluster.restarts("web1") == 1


class Killing(httpx2.BaseTransport):
    """A network behind which the server is killed just after a write, and started again."""

    def __init__(self, plane: Plane, number: int, verify: Any) -> None:
        self._plane, self._left, self._within = plane, number, httpx2.HTTPTransport(verify=verify)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "GET":
            return self._within.handle_request(request)
        self._left -= 1
        if self._left:
            return self._within.handle_request(request)
        self._within.handle_request(request).read()
        self._plane.kill_api()
        self._plane.start_api()
        raise httpx2.ReadError("the server is gone")

    def close(self) -> None:
        self._within.close()


@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_server_killed_at_a_write_neither_loses_nor_doubles_it(
    cluster: RealCluster, plane: Plane, number: int
) -> None:
    path, to = cluster.package(cluster.kubeconfig.parent, "1.0.0")
    one = effect("web1", "s1", to)
    with contextlib.suppress(TargetError):
        cluster.driver(Killing(plane, number, cluster.trust())).apply(one, path, TOKEN)
    assert judge(one, cluster.driver().observe("web1"), TOKEN) in (Finding.NOT_DONE, Finding.CONFIRMED)
    assert judge(one, cluster.driver().apply(one, path, TOKEN), TOKEN) is Finding.CONFIRMED
    assert cluster.restarts("web1") == 1


def test_a_watch_that_should_go_on_from_what_is_forgotten_begins_anew(cluster: RealCluster, plane: Plane) -> None:
    old = cluster.live("web1")["metadata"]["resourceVersion"]
    deploy(cluster, "1.0.0")
    plane.compact()
    plane.kill_api()
    plane.start_api()
    settings = {"kubeconfig": str(cluster.kubeconfig), "namespace": cluster.namespace, "deployment": "web1"}
    asked = Cluster(KubernetesSettings.model_validate(settings))
    with pytest.raises(ExpiredError):
        list(asked.watch("Deployment", "web1", old, 2))
    kind, version = next(iter(asked.watch("Deployment", "web1", "", 2)))
    assert (kind, version) == ("ADDED", cluster.live("web1")["metadata"]["resourceVersion"])


def test_a_late_actor_is_refused_by_the_workload(cluster: RealCluster) -> None:
    deploy(cluster, "1.0.0")
    cluster.driver().write_way_back("web1", b"{}", LATER)
    before = cluster.live("web1")
    assert before["metadata"]["annotations"]["tidegate.dev/fence"].startswith("1.2 ")
    with pytest.raises(FencedError):
        deploy(cluster, "1.1.0")
    assert cluster.live("web1")["spec"] == before["spec"]


# ---------------------------------------------------------------------------------------------------- rights


def test_the_manifest_grants_what_is_needed_and_nothing_else(
    kubernetes: Kubernetes, plane: Plane, tmp_path: Path
) -> None:
    """By the audit log of the API: what was asked was allowed, and all that is granted was asked for."""
    granted = granted_rights()
    entries: list[Any] = []
    for kind in ("Deployment", "StatefulSet"):
        directory = tmp_path / kind
        directory.mkdir()
        with real_cluster(directory, kubernetes, kind) as cluster:
            assert cluster.driver().online("web1").ready
            assert deploy(cluster, "1.0.0")[0] is Finding.CONFIRMED
            deploy(cluster, "bad-1.1.0")
            assert go_back(cluster, "1.0.0")[0] is Finding.CONFIRMED
            entries += plane.asked(cluster.namespace)
    with real_cluster(tmp_path, kubernetes) as cluster:
        manifest = cluster.workload("web1")
        manifest["spec"]["template"]["spec"]["volumes"] = [{"name": "config", "configMap": {"name": "shop-config"}}]
        for version in ("1.0.0", "1.1.0", "1.2.0"):
            driver = cluster.driver(config_map="shop-config", config_file="VERSION", keep=1)
            assert deploy(cluster, version, driver, [manifest])[0] is Finding.CONFIRMED
            cluster.until(lambda: len(cluster.pods()) == 1)  # until then the old one names its own
        with switched(cluster) as switch:
            switch.shift(Share("green", ALL), TOKEN)
        entries += plane.asked(cluster.namespace)
    refused = [entry for entry in entries if entry["responseStatus"]["code"] == 403]
    assert not [entry["requestURI"] for entry in refused]
    used = {
        (of.get("apiGroup", ""), of["resource"], entry["verb"]) for entry in entries if (of := entry.get("objectRef"))
    }
    # The server asks for the right to create, too, when what is applied is not there yet; it writes down the patch.
    made = {(*key[:2], "create") for key in used if key[0] == "apps" and key[2] == "patch"}
    assert used | made == granted


def test_what_is_not_granted_is_named_before_anything_begins(whole: RealCluster) -> None:
    documents = list(yaml.safe_load_all(RBAC.read_text()))
    for one in documents:
        one["metadata"]["name"] = "less"
    documents[1]["rules"] = [rule for rule in documents[1]["rules"] if rule["verbs"] != ["create"]]
    documents[2]["roleRef"]["name"] = documents[2]["subjects"][0]["name"] = "less"
    grant(whole, documents)
    kubeconfig = whole.kubeconfig.with_name("kubeconfig-less")
    write_kubeconfig(whole.kubernetes, kubeconfig, token_of(whole, "less"))
    error = refusal(whole, "1.0.0", whole.driver(kubeconfig=kubeconfig))
    assert "the cluster refused it (403)" in str(error)
    assert 'deployments.apps "web1" is forbidden' in str(error)
    assert error.remedy == "Grant what docs/drivers/kubernetes-rbac.yaml grants, or heed the reason."


# ---------------------------------------------------------------------------------------------------- renderers


def test_a_chart_is_rendered_for_the_version_of_the_cluster(
    whole: RealCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account that has our Role alone is told the version, as every account is."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if not shutil.which("helm"):
        pytest.skip("helm is not installed here: run scripts/bootstrap dev")
    manifest = whole.workload("web1")
    manifest["spec"]["template"]["metadata"]["annotations"] = {"made-for": "CLUSTER"}
    version = whole.kubernetes.ask("GET", "/version")["gitVersion"]
    files = {
        "deploy/Chart.yaml": f"apiVersion: v2\nname: shop\nversion: 0.1.0\nkubeVersion: '={version}'\n",
        "deploy/templates/web.yaml": json.dumps(manifest).replace("CLUSTER", "{{ .Capabilities.KubeVersion.Version }}"),
    }
    directory = whole.kubeconfig.parent
    repository, _, digest = whole.kubernetes.image("1.0.0").partition("@")
    lock = ImageLock("shop", "1.0.0", make_archive(directory, files), {repository: digest})
    path = directory / f"{lock.package.digest}.json"
    path.write_bytes(lock.to_bytes())
    one = effect("web1", "s1", lock.package)
    driver = whole.driver(renderer="helm")
    assert judge(one, driver.apply(one, path, TOKEN), TOKEN) is Finding.CONFIRMED
    template = whole.live("web1")["spec"]["template"]
    assert template["metadata"]["annotations"]["made-for"] == version
    assert image(whole) == f"{repository}@{digest}"


# ---------------------------------------------------------------------------------------------------- traffic


@contextlib.contextmanager
def switched(cluster: RealCluster) -> Iterator[ServiceSwitch]:
    """A Service that sends to blue, with pods of blue and green that are ready."""
    for pool, version in (("blue", "1.0.0"), ("green", "1.1.0")):
        cluster.put(coloured(pool, cluster.kubernetes.image(version)))
    spec = {"ports": [{"port": 80, "targetPort": 8080}], "selector": dict(SELECTORS["blue"])}
    cluster.put({"kind": "Service", "metadata": {"name": "shop"}, "spec": spec})
    for pool in ("blue", "green"):
        cluster.until(
            lambda: cluster.live(f"shop-{pool}")["status"].get("readyReplicas") == 2  # noqa: B023
        )
    cluster.until(lambda: len(addresses(cluster)) == 2)
    settings = {
        "switch": "kubernetes_service",
        "service": "shop",
        "namespace": cluster.namespace,
        "kubeconfig": str(cluster.kubeconfig),
        "pools": {"blue": ["shop-blue"], "green": ["shop-green"]},
        "selectors": SELECTORS,
    }
    yield ServiceSwitch(ServiceSettings.model_validate(settings))


def addresses(cluster: RealCluster) -> list[str]:
    """Where the Service sends to, as the proxy of a node reads it."""
    subsets = cluster.ask("GET", "endpoints/shop").get("subsets") or []
    return [address["ip"] for subset in subsets for address in subset.get("addresses") or []]


def served_by(cluster: RealCluster) -> set[str]:
    """The versions that answer a request at each address of the Service."""
    found = set()
    for address in addresses(cluster):
        with urllib.request.urlopen(f"http://{address}:8080/", timeout=PATIENCE_S) as answer:
            found.add(answer.read().decode().strip())
    return found


def test_a_service_sends_all_to_the_other_pool_and_back(cluster: RealCluster, plane: Plane) -> None:
    with switched(cluster) as switch:
        assert served_by(cluster) == {"1.0.0"}
        assert {share.of: share.points for share in switch.sight().shares} == {"blue": ALL, "green": 0}
        switch.shift(Share("green", ALL), TOKEN)
        sight = switch.sight()
        assert {share.of: share.points for share in sight.shares} == {"blue": 0, "green": ALL}
        assert sight.detail == "the Service shop selects green; ready endpoints: 0 of blue, 2 of green"
        cluster.until(lambda: served_by(cluster) == {"1.1.0"})
        switch.shift(Share("green", 0), LATER)
        cluster.until(lambda: served_by(cluster) == {"1.0.0"})
        with pytest.raises(FencedError):
            switch.shift(Share("green", ALL), TOKEN)


def test_a_pool_without_a_ready_pod_is_given_nothing(cluster: RealCluster) -> None:
    with switched(cluster) as switch:
        cluster.change("deployments/shop-green", {"spec": {"replicas": 0}})
        cluster.until(lambda: not cluster.live("shop-green")["status"].get("readyReplicas"))
        with pytest.raises(TargetError, match="no pod of green is ready, so the Service shop was left as it is"):
            switch.shift(Share("green", ALL), TOKEN)
        assert cluster.ask("GET", "services/shop")["spec"]["selector"] == SELECTORS["blue"]
