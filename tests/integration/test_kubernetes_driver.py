"""The Kubernetes driver when things go wrong: nothing twice, and no state that lies."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.hosts import TARGET, effect
from tests.support.kubernetes.server import Fault, Request
from tests.support.kubernetes.service import switched_cluster
from tests.support.kubernetes.store import RefusalError
from tests.support.kubernetes.world import (
    FAST,
    IMAGE,
    NAMESPACE,
    Dying,
    SimulatedCluster,
    digest_of,
    granted_rights,
    make_lock,
    simulated_cluster,
    workload,
)
from tests.support.patience import PATIENCE_S
from tidegate.core.effect import ALL, Act, Finding, Health, Observation, Package, Presence, Share, Stage, Token, judge
from tidegate.drivers.contract import Target
from tidegate.drivers.kubernetes import KubernetesDriver, KubernetesSettings
from tidegate.errors import FencedError, NotFoundError, TargetError

TOKEN, LATER = Token(1, 1), Token(1, 2)
QUICK = replace(FAST, dead_after_s=0.1)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[SimulatedCluster]:
    with simulated_cluster(tmp_path, manifests=False) as simulated:
        yield simulated


@pytest.fixture
def stateful(tmp_path: Path) -> Iterator[SimulatedCluster]:
    with simulated_cluster(tmp_path, "StatefulSet", manifests=False) as simulated:
        yield simulated


def deploy(
    cluster: SimulatedCluster, version: str, step: str = "", driver: KubernetesDriver | None = None, **more: Any
) -> tuple[Finding, Observation]:
    """Deploy to web1, and judge what is read back."""
    path, to = cluster.package(cluster.directory, version)
    one = effect("web1", step or version, to, **more)
    driver = driver or cluster.driver(pace=QUICK)
    try:
        seen = driver.apply(one, path, TOKEN)
    except TargetError:
        seen = cluster.driver(pace=QUICK).observe("web1")
    return judge(one, seen, TOKEN), seen


def go_back(cluster: SimulatedCluster, version: str, token: Token = LATER) -> tuple[Finding, Observation]:
    to = cluster.package(cluster.directory, version)[1]
    one = effect("web1", "back", to, act=Act.RESTORE)
    seen = cluster.driver(pace=QUICK).apply(one, None, token)
    return judge(one, seen, token), seen


def writes(number: int) -> Callable[[httpx2.Request], bool]:
    """Whether a request is the write with that number, counted from 0."""
    seen = [0]

    def of(request: httpx2.Request) -> bool:
        if request.method == "GET":
            return False
        seen[0] += 1
        return seen[0] == number + 1

    return of


# ---------------------------------------------------------------------------------------------------- lost, killed


@pytest.mark.parametrize(("before", "manifests"), [(True, False), (False, True)], ids=["before", "after"])
def test_the_connection_lost_at_any_write_neither_doubles_nor_loses_it(
    tmp_path: Path, before: bool, manifests: bool
) -> None:
    for number in range(40):
        directory = tmp_path / str(number)
        directory.mkdir()
        with simulated_cluster(directory, manifests=manifests) as cluster:
            transport = Dying(writes(number), before=before)
            finding, seen = deploy(cluster, "1.0.0", driver=cluster.driver(transport, QUICK))
            lost = transport.over
            assert finding in ({Finding.NOT_DONE, Finding.CONFIRMED} if lost else {Finding.CONFIRMED}), (number, seen)
            if finding is Finding.NOT_DONE:
                assert not (seen.last_stage is Stage.DONE and isinstance(seen.running, Package))
            finding, seen = deploy(cluster, "1.0.0")
            assert finding is Finding.CONFIRMED, (number, seen)
            assert cluster.restarts("web1") == 1, number
            assert cluster.image("web1") == f"{IMAGE}@{digest_of('1.0.0')}"
        if not lost:
            assert number > 5
            return
    raise AssertionError("the act never ends")


@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_process_killed_in_an_act_leaves_one_that_is_carried_on(cluster: SimulatedCluster, number: int) -> None:
    class Killing(Dying):
        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            try:
                return super().handle_request(request)
            except httpx2.ReadError:
                os.kill(os.getpid(), signal.SIGKILL)
                raise

    path, to = cluster.package(cluster.directory, "1.0.0")
    child = os.fork()
    if child == 0:
        cluster.driver(Killing(writes(number)), QUICK).apply(effect("web1", "1.0.0", to), path, TOKEN)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert deploy(cluster, "1.0.0")[0] is Finding.CONFIRMED
    assert cluster.restarts("web1") == 1


def is_switch(request: Request) -> bool:
    annotations = request.body.get("metadata", {}).get("annotations", {})
    return request.verb == "patch" and not request.dry and "tidegate.dev/key" in annotations


@pytest.mark.parametrize("how", ["before", "after", "twice", "status", "nonsense", "slow"])
def test_whatever_becomes_of_the_switch_it_is_read_back(cluster: SimulatedCluster, how: str) -> None:
    cluster.api.faults.append(Fault(how, is_switch, {"status": 503, "slow": 0.6}.get(how, 0)))
    driver = cluster.driver(pace=QUICK, request_timeout="300ms")
    finding, _ = deploy(cluster, "1.0.0", driver=driver)
    assert finding in (Finding.NOT_DONE, Finding.CONFIRMED)
    assert deploy(cluster, "1.0.0")[0] is Finding.CONFIRMED
    assert cluster.restarts("web1") == 1


@pytest.mark.parametrize(
    ("how", "value", "said"),
    [
        ("before", 0, r"the cluster does not answer: "),
        ("status", 503, r"the cluster could not do it \(503\): the server is not what it was"),
        ("status", 409, r"the cluster's answer cannot be used: a conflict where nothing was written"),
        ("nonsense", 0, r"the cluster's answer cannot be used: "),
    ],
)
def test_a_cluster_that_answers_badly_is_named(cluster: SimulatedCluster, how: str, value: int, said: str) -> None:
    cluster.api.faults.append(Fault(how, lambda request: request.plural == "deployments", value, times=4))
    driver = cluster.driver()
    with pytest.raises(TargetError, match=said):
        driver.apply(effect("web1", "s", None), None, TOKEN)
    seen = driver.observe("web1")
    assert (seen.reachable, seen.running) == (False, Presence.UNSEEN)


def test_an_expired_credential_is_named_and_the_act_goes_on_when_it_is_renewed(cluster: SimulatedCluster) -> None:
    users = cluster.api.users
    cluster.api.faults.append(Fault("before", is_switch))
    assert deploy(cluster, "1.0.0")[0] is Finding.NOT_DONE
    name = users.pop("token-of-tidegate")
    seen = cluster.driver().observe("web1")
    assert seen.detail == "tidegate-web1: the cluster does not accept our credential (401): Unauthorized"
    assert not cluster.driver().online("web1").ready
    assert cluster.driver().online("web1").remedy == "Renew the credential of the kubeconfig."
    users["token-of-tidegate"] = name
    assert deploy(cluster, "1.0.0")[0] is Finding.CONFIRMED
    assert cluster.restarts("web1") == 1


# ---------------------------------------------------------------------------------------------------- the fence


class Interrupted(httpx2.BaseTransport):
    """A network that stands still before the first request that ``at`` picks, while ``meanwhile`` happens."""

    def __init__(self, at: Callable[[httpx2.Request], bool], meanwhile: Callable[[], None]) -> None:
        self._at, self._meanwhile, self._done = at, meanwhile, False
        self._within = httpx2.HTTPTransport()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if not self._done and self._at(request):
            self._done = True
            self._meanwhile()
        return self._within.handle_request(request)

    def close(self) -> None:
        self._within.close()


def is_switching(request: httpx2.Request) -> bool:
    return (
        b"tidegate.dev/key" in request.content
        and b"deployments" in request.url.raw_path
        and (b"dryRun" not in request.url.raw_path)
    )


@pytest.mark.parametrize("manifests", [True, False], ids=["manifests", "images"])
def test_an_act_that_was_outranked_just_before_its_switch_changes_nothing(tmp_path: Path, manifests: bool) -> None:
    with simulated_cluster(tmp_path, manifests=manifests) as cluster:
        overtake = Interrupted(is_switching, lambda: cluster.driver().write_way_back("web1", b"{}", LATER))
        path, to = cluster.package(tmp_path, "1.0.0")
        with pytest.raises(FencedError, match=r"^web1: token 1.1 is outranked by 1.2, which this workload has seen$"):
            cluster.driver(overtake).apply(effect("web1", "s1", to), path, TOKEN)
        assert cluster.restarts("web1") == 0
        assert cluster.driver().observe("web1").running is Presence.ABSENT


def test_an_act_that_lost_its_hold_just_before_its_switch_changes_nothing_more(cluster: SimulatedCluster) -> None:
    """Frozen for longer than a dead one is waited for: somebody else with the same token has finished it meanwhile."""
    path, to = cluster.package(cluster.directory, "1.0.0")

    def finish() -> None:
        cluster.driver(pace=QUICK).apply(effect("web1", "s2", to), path, TOKEN)

    with pytest.raises(TargetError, match="another act took this workload over meanwhile"):
        cluster.driver(Interrupted(is_switching, finish)).apply(effect("web1", "s1", to), path, TOKEN)
    seen = cluster.driver().observe("web1")
    assert (seen.last_key, seen.last_stage) == ("r1:s2:web1:1", Stage.DONE)
    assert cluster.restarts("web1") == 1


def test_a_workload_belongs_to_one_component(cluster: SimulatedCluster) -> None:
    deploy(cluster, "1.0.0")
    settings = {"kubeconfig": str(cluster.api.kubeconfig(cluster.directory)), "namespace": NAMESPACE}
    other = KubernetesDriver(
        Target("blog", "production"), KubernetesSettings.model_validate({**settings, "deployment": "web1"})
    )
    with pytest.raises(TargetError, match=r"^web1: this workload belongs to shop in production$"):
        other.write_way_back("web1", b"{}", LATER)


# ---------------------------------------------------------------------------------------------------- bad versions


def test_an_image_that_cannot_be_pulled_fails_and_is_taken_back(cluster: SimulatedCluster) -> None:
    deploy(cluster, "1.0.0")
    cluster.package(cluster.directory, "1.1.0")
    cluster.api.controllers.images[f"{IMAGE}@{digest_of('1.1.0')}"] = "missing"
    path, to = make_lock(cluster.directory, "1.1.0")
    one = effect("web1", "s2", to)
    seen = cluster.driver().apply(one, path, TOKEN)
    assert judge(one, seen, TOKEN) is Finding.FAILED
    assert "not rolled out (1 of 1 pods updated, 1 available): web1-" in seen.detail
    assert f'ImagePullBackOff: Back-off pulling image "{IMAGE}@{digest_of("1.1.0")}"' in seen.detail
    assert go_back(cluster, "1.0.0")[0] is Finding.CONFIRMED
    assert cluster.image("web1") == f"{IMAGE}@{digest_of('1.0.0')}"


def test_a_stateful_set_is_taken_back_past_the_pod_that_never_gets_ready(stateful: SimulatedCluster) -> None:
    deploy(stateful, "1.0.0")
    path, to = make_lock(stateful.directory, "1.1.0")
    stateful.api.controllers.images[f"{IMAGE}@{digest_of('1.1.0')}"] = "crashes"
    one = effect("web1", "s2", to)
    seen = stateful.driver().apply(one, path, TOKEN)
    assert (judge(one, seen, TOKEN), seen.healthy) == (Finding.FAILED, Health.NO)
    assert "web1-0: CrashLoopBackOff" in seen.detail
    assert go_back(stateful, "1.0.0")[0] is Finding.CONFIRMED
    assert [request.name for request in stateful.api.asked if request.verb == "delete"] == ["web1-0"]


def test_pods_beyond_the_quota_are_a_failure_that_names_it(cluster: SimulatedCluster) -> None:
    cluster.api.controllers.pods_allowed = 0
    finding, seen = deploy(cluster, "1.0.0")
    assert finding is Finding.FAILED
    assert 'FailedCreate: pods "web1-' in seen.detail
    assert "is forbidden: exceeded quota: compute" in seen.detail


def test_what_admission_refuses_is_refused_before_anything_changes(cluster: SimulatedCluster) -> None:
    deploy(cluster, "1.0.0")
    refused = f"{IMAGE}@{digest_of('1.1.0')}"

    def admit(plural: str, new: dict[str, Any]) -> None:
        if plural == "deployments" and refused in json.dumps(new["spec"]):
            raise RefusalError(403, "Forbidden", 'admission webhook "signed.example" denied the request: not signed')

    cluster.api.store.admit.append(admit)
    path, to = cluster.package(cluster.directory, "1.1.0")
    with pytest.raises(TargetError, match=r"the cluster refused it \(403\): admission webhook .* not signed"):
        cluster.driver().apply(effect("web1", "s2", to), path, TOKEN)
    seen = cluster.driver().observe("web1")
    assert isinstance(seen.running, Package)
    assert (seen.running.version, seen.healthy, cluster.restarts("web1")) == ("1.0.0", Health.YES, 1)


def test_a_controller_that_does_not_look_is_waited_for_and_then_given_up(cluster: SimulatedCluster) -> None:
    deploy(cluster, "1.0.0")
    cluster.api.controllers.asleep.add("web1")
    finding, seen = deploy(cluster, "1.1.0", driver=cluster.driver(pace=QUICK, rollout_timeout="300ms"))
    assert finding is Finding.FAILED
    assert seen.detail == "not rolled out within 0.3 s (1 of 1 pods updated, 1 available)"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"paused": True}, "Deployment web1 would not roll out: its rollouts are paused"),
    ],
)
def test_a_workload_that_would_not_roll_out_is_refused(
    cluster: SimulatedCluster, spec: dict[str, Any], said: str
) -> None:
    cluster.put({"kind": "Deployment", "metadata": {"name": "web1"}, "spec": spec})
    path, to = cluster.package(cluster.directory, "1.0.0")
    assert "would not roll out" in cluster.driver().online("web1").detail
    with pytest.raises(TargetError, match=said) as caught:
        cluster.driver().apply(effect("web1", "s1", to), path, TOKEN)
    assert caught.value.remedy == "Resume them: kubectl rollout resume."


@pytest.mark.parametrize("strategy", [{"type": "OnDelete"}, {"rollingUpdate": {"partition": 1}}])
def test_a_stateful_set_that_would_not_roll_out_is_refused(
    stateful: SimulatedCluster, strategy: dict[str, Any]
) -> None:
    stateful.put({"kind": "StatefulSet", "metadata": {"name": "web1"}, "spec": {"updateStrategy": strategy}})
    assert not stateful.driver().online("web1").ready
    assert deploy(stateful, "1.0.0")[0] is Finding.NOT_DONE
    assert stateful.restarts("web1") == 0


# ---------------------------------------------------------------------------------------------------- other people


def set_image(cluster: SimulatedCluster, image: str, manager: str = "kubectl-set") -> None:
    """What ``kubectl set image`` does; the simulator's merge patch takes the list of containers as a whole."""
    live = cluster.live("web1")
    live["spec"]["template"]["spec"]["containers"][0]["image"] = image
    cluster.api.controllers.images[image] = "ok"
    template = {"spec": {"template": {"spec": {"containers": live["spec"]["template"]["spec"]["containers"]}}}}
    cluster.put({"kind": cluster.kind, "metadata": {"name": "web1"}, **template}, manager)


def test_an_image_that_somebody_else_set_is_foreign_and_never_confirmed(cluster: SimulatedCluster) -> None:
    path, to = cluster.package(cluster.directory, "1.0.0")
    one = effect("web1", "s1", to)
    cluster.driver().apply(one, path, TOKEN)
    set_image(cluster, f"{IMAGE}:hotfix")
    seen = cluster.driver().observe("web1")
    assert (seen.running, judge(one, seen, TOKEN)) == (Presence.FOREIGN, Finding.IN_DOUBT)
    assert seen.detail.startswith("Deployment web1 was changed since, by kubectl-")
    assert "kubectl-set (2026-02-01T10:00:00Z)" in seen.detail
    assert seen.detail.endswith(f"shop runs {IMAGE}:hotfix")


def test_a_field_of_another_manager_is_refused_with_its_name_until_it_is_adopted(cluster: SimulatedCluster) -> None:
    deploy(cluster, "1.0.0")
    set_image(cluster, f"{IMAGE}:hotfix")
    path, to = cluster.package(cluster.directory, "1.1.0")
    with pytest.raises(TargetError) as caught:
        cluster.driver().apply(effect("web1", "s2", to), path, TOKEN)
    assert str(caught.value) == (
        "web1: Deployment web1 is managed by somebody else: "
        '.spec.template.spec.containers[name="shop"].image belongs to kubectl-set'
    )
    assert cluster.image("web1") == f"{IMAGE}:hotfix"
    adopted = cluster.driver().adopt("web1", "1.0.1", TOKEN).running
    assert isinstance(adopted, Package)
    assert deploy(cluster, "1.1.0", "s3")[0] is Finding.CONFIRMED
    set_image(cluster, f"{IMAGE}:hotfix-2")
    assert deploy(cluster, "1.2.0", "s4")[0] is Finding.NOT_DONE
    assert cluster.image("web1") == f"{IMAGE}:hotfix-2"


def test_an_adopted_version_is_returned_to_by_the_digest_that_ran(cluster: SimulatedCluster) -> None:
    cluster.api.store.delete(("deployments", NAMESPACE, "web1"))
    cluster.occupy("web1")
    cluster.api.controllers.settle()
    adopted = cluster.driver().adopt("web1", "0.9.0", TOKEN).running
    assert isinstance(adopted, Package)
    assert deploy(cluster, "1.0.0")[0] is Finding.CONFIRMED
    back = effect("web1", "back", adopted, act=Act.RESTORE)
    assert judge(back, cluster.driver().apply(back, None, LATER), LATER) is Finding.CONFIRMED
    assert cluster.image("web1").startswith(f"{IMAGE}@sha256:")


def test_replicas_that_an_autoscaler_set_are_left_alone(cluster: SimulatedCluster) -> None:
    deploy(cluster, "1.0.0")
    assert cluster.live("web1")["spec"]["replicas"] == 1
    cluster.put({"kind": "Deployment", "metadata": {"name": "web1"}, "spec": {"replicas": 5}}, "hpa")
    assert deploy(cluster, "1.1.0")[0] is Finding.CONFIRMED
    assert cluster.live("web1")["spec"]["replicas"] == 5
    gone = effect("web1", "gone", None)
    assert judge(gone, cluster.driver().apply(gone, None, TOKEN), TOKEN) is Finding.CONFIRMED
    assert deploy(cluster, "1.2.0")[0] is Finding.CONFIRMED
    assert cluster.live("web1")["spec"]["replicas"] == 5


def test_a_workload_that_somebody_scaled_to_nothing_is_not_called_running(cluster: SimulatedCluster) -> None:
    deploy(cluster, "1.0.0")
    cluster.put({"kind": "Deployment", "metadata": {"name": "web1"}, "spec": {"replicas": 0}})
    seen = cluster.driver().observe("web1")
    assert (seen.running, seen.detail) == (Presence.FOREIGN, "Deployment web1 was scaled to 0 by somebody else")


def test_a_record_that_somebody_spoilt_is_named_and_nothing_is_done(cluster: SimulatedCluster) -> None:
    deploy(cluster, "1.0.0")
    key = ("configmaps", NAMESPACE, "tidegate-web1")
    cluster.api.store.merge(key, {"data": {"record.json": "{"}}, "kubectl-edit")
    seen = cluster.driver().observe("web1")
    assert not seen.reachable
    assert seen.detail.startswith("tidegate-web1: what Tidegate keeps there is no record: ")
    assert deploy(cluster, "1.1.0")[0] is Finding.IN_DOUBT
    assert cluster.restarts("web1") == 1


class Halfway:
    """An act whose workload no controller looks at, so that something else can happen while it is rolled out."""

    def __init__(self, cluster: SimulatedCluster, **settings: Any) -> None:
        self.path, self.to = cluster.package(cluster.directory, "1.0.0")
        cluster.api.controllers.asleep.add("web1")
        self._pool = ThreadPoolExecutor(1)
        self._driver = cluster.driver(**settings)
        self.act = self._pool.submit(self._driver.apply, effect("web1", "s1", self.to), self.path, TOKEN)
        end = time.monotonic() + PATIENCE_S
        while cluster.restarts("web1") == 0:
            assert time.monotonic() < end
            time.sleep(0.01)

    def failure(self) -> TargetError:
        with self._pool, pytest.raises(TargetError) as caught:
            self.act.result(PATIENCE_S)
        return caught.value


@pytest.mark.parametrize("how", ["key", "removed"])
def test_a_workload_that_somebody_changed_while_it_rolled_out_is_given_up(cluster: SimulatedCluster, how: str) -> None:
    act = Halfway(cluster)
    if how == "removed":
        cluster.api.store.delete(("deployments", NAMESPACE, "web1"))
    else:
        annotations = {"metadata": {"name": "web1", "annotations": {"tidegate.dev/key": "theirs"}}}
        cluster.put({"kind": "Deployment", **annotations}, "kubectl-annotate")
    error = act.failure()
    assert str(error) == "web1: somebody changed the workload while it was rolled out"
    assert error.remedy == "Find out who; then observe it, and deploy again."
    seen = cluster.driver(pace=QUICK).observe("web1")
    assert judge(effect("web1", "s1", act.to), seen, TOKEN) is not Finding.CONFIRMED


def test_an_image_that_somebody_set_while_it_rolled_out_is_never_confirmed(cluster: SimulatedCluster) -> None:
    act = Halfway(cluster)
    set_image(cluster, f"{IMAGE}:hotfix")
    cluster.api.controllers.asleep.clear()
    cluster.api.controllers.settle()
    seen = act.act.result(PATIENCE_S)
    assert (seen.running, judge(effect("web1", "s1", act.to), seen, TOKEN)) == (Presence.FOREIGN, Finding.IN_DOUBT)


def test_a_credential_that_expires_while_it_rolls_out_is_named_and_the_act_is_carried_on(
    cluster: SimulatedCluster,
) -> None:
    act = Halfway(cluster)
    user = cluster.api.users.pop("token-of-tidegate")
    assert "the cluster does not accept our credential (401)" in str(act.failure())
    cluster.api.users["token-of-tidegate"] = user
    cluster.api.controllers.asleep.clear()
    one = effect("web1", "s1", act.to)
    assert judge(one, cluster.driver(pace=QUICK).apply(one, act.path, TOKEN), TOKEN) is Finding.CONFIRMED
    assert cluster.restarts("web1") == 1


def test_a_progress_deadline_that_is_over_ends_the_act_at_once(cluster: SimulatedCluster) -> None:
    deploy(cluster, "1.0.0")
    finding, seen = deploy(cluster, "1.1.0-bad", driver=cluster.driver(pace=QUICK, failing_for="10m"))
    assert finding is Finding.FAILED
    assert "ProgressDeadlineExceeded: ReplicaSet has timed out progressing." in seen.detail


def test_the_first_pods_of_a_workload_have_a_deadline_too(cluster: SimulatedCluster) -> None:
    """Its controller measures none: to it, 0 of 0 were rolled out, and what came after is no rollout."""
    cluster.put({"kind": "Deployment", "metadata": {"name": "web1"}, "spec": {"progressDeadlineSeconds": 1}})
    finding, seen = deploy(cluster, "1.0.0-bad", driver=cluster.driver(pace=QUICK, failing_for="10m"))
    assert finding is Finding.FAILED
    assert "(1 of 1 pods updated, 0 available): nothing moved within its progressDeadlineSeconds, 1" in seen.detail


def test_a_rollout_that_somebody_paused_in_the_middle_is_given_up_by_that_name(cluster: SimulatedCluster) -> None:
    act = Halfway(cluster, failing_for="200ms")
    cluster.put({"kind": "Deployment", "metadata": {"name": "web1"}, "spec": {"paused": True}}, "kubectl-rollout")
    cluster.api.controllers.asleep.clear()
    cluster.api.controllers.settle()
    seen = act.act.result(PATIENCE_S)
    assert seen.healthy is Health.NO
    assert "its rollouts were paused meanwhile" in seen.detail


def test_a_server_that_never_answers_is_not_waited_for_longer_than_it_may(cluster: SimulatedCluster) -> None:
    cluster.api.faults.append(Fault("slow", lambda request: request.verb != "watch", 5.0))
    begun = time.monotonic()
    seen = cluster.driver(request_timeout="200ms").observe("web1")
    assert (seen.reachable, seen.running) == (False, Presence.UNSEEN)
    assert "the cluster does not answer: " in seen.detail
    assert time.monotonic() - begun < 4


# ---------------------------------------------------------------------------------------------------- manifests


def test_a_way_back_leads_to_the_recorded_manifests_not_to_the_last_revision(tmp_path: Path) -> None:
    with simulated_cluster(tmp_path) as cluster:
        packages = {}
        for version, colour in (("1.0.0", "green"), ("1.1.0", "blue"), ("1.2.0", "red")):
            cluster.package(tmp_path, version)
            manifest = workload("web1")
            manifest["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "COLOUR", "value": colour}]
            if version == "1.1.0":
                manifest["spec"]["template"]["spec"]["containers"][0]["args"] = ["--fast"]
            path, to = make_lock(tmp_path, version, [manifest])
            cluster.driver().apply(effect("web1", version, to), path, TOKEN)
            packages[version] = to
        back = effect("web1", "back", packages["1.0.0"], act=Act.RESTORE)
        assert judge(back, cluster.driver().apply(back, None, LATER), LATER) is Finding.CONFIRMED
        container = cluster.live("web1")["spec"]["template"]["spec"]["containers"][0]
        assert container["env"] == [{"name": "COLOUR", "value": "green"}]
        assert "args" not in container


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.update(kind="Secret", apiVersion="v1"), "an object of the kind 'Secret' cannot be applied"),
        (lambda m: m.update(kind="ClusterRole"), "an object of the kind 'ClusterRole' cannot be applied"),
        (lambda m: m["metadata"].update(namespace="kube-system"), "is not for the namespace production"),
        (lambda m: m["metadata"].update(name="other"), "deploy has no Deployment web1"),
        (lambda m: m["metadata"].update(name="tidegate-web1"), "names that begin with tidegate- are Tidegate's own"),
        (lambda m: m.update(apiVersion="apps/v1beta1"), "has the apiVersion 'apps/v1beta1'"),
        (lambda m: m.pop("spec"), "has no spec.template"),
        (lambda m: m.pop("metadata"), "a document is no object of Kubernetes"),
        (
            lambda m: m["spec"]["template"]["spec"]["containers"].append({"name": "proxy", "image": "envoy:1"}),
            "the container proxy has the image envoy:1, which is not by digest",
        ),
    ],
)
def test_manifests_that_may_not_be_applied_are_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any], said: str
) -> None:
    with simulated_cluster(tmp_path) as cluster:
        manifest = workload("web1")
        change(manifest)
        path, to = make_lock(tmp_path, "1.0.0", [manifest])
        with pytest.raises(TargetError) as caught:
            cluster.driver().apply(effect("web1", "s1", to), path, TOKEN)
        assert "the package was refused: " in str(caught.value)
        assert said in str(caught.value)
        assert cluster.restarts("web1") == 0


def test_an_archive_other_than_the_locks_is_refused(tmp_path: Path) -> None:
    with simulated_cluster(tmp_path) as cluster:
        path, to = cluster.package(tmp_path, "1.0.0")
        archive = tmp_path / f"{json.loads(path.read_bytes())['archive']}.tar.gz"
        archive.write_bytes(archive.read_bytes() + b"\0")
        with pytest.raises(TargetError, match="the component's archive is not the one of the lock"):
            cluster.driver().apply(effect("web1", "s1", to), path, TOKEN)


def test_a_package_that_is_not_there_is_named_and_the_hold_is_given_back(cluster: SimulatedCluster) -> None:
    to = cluster.package(cluster.directory, "1.0.0")[1]
    with pytest.raises(NotFoundError, match=r"^the package .*/nothing cannot be read: No such file or directory$"):
        cluster.driver().apply(effect("web1", "s1", to), cluster.directory / "nothing", TOKEN)
    record = json.loads(cluster.api.store.get(("configmaps", NAMESPACE, "tidegate-web1"))["data"]["record.json"])
    assert record["holder"] is None


def test_a_config_map_among_the_manifests_goes_and_returns_with_the_version(tmp_path: Path) -> None:
    with simulated_cluster(tmp_path) as cluster:
        cluster.api.rules["tidegate"].append({"apiGroups": [""], "resources": ["configmaps"], "verbs": ["patch"]})
        packages = {}
        for version in ("1.0.0", "1.1.0"):
            cluster.package(tmp_path, version)
            held = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shop"}, "data": {"v": version}}
            path, packages[version] = make_lock(tmp_path, version, [held, workload("web1")])
            cluster.driver().apply(effect("web1", version, packages[version]), path, TOKEN)
        key = ("configmaps", NAMESPACE, "shop")
        assert cluster.api.store.get(key)["data"] == {"v": "1.1.0"}
        back = effect("web1", "back", packages["1.0.0"], act=Act.RESTORE)
        assert judge(back, cluster.driver().apply(back, None, LATER), LATER) is Finding.CONFIRMED
        assert cluster.api.store.get(key)["data"] == {"v": "1.0.0"}


# ---------------------------------------------------------------------------------------------------- rights


def test_the_driver_needs_what_the_manifest_grants_and_nothing_else(tmp_path: Path) -> None:
    granted = granted_rights()
    used: set[tuple[str, str, str]] = set()
    for kind in ("Deployment", "StatefulSet"):
        directory = tmp_path / kind
        directory.mkdir()
        with simulated_cluster(directory, kind) as cluster:
            assert cluster.driver().online("web1").ready
            deploy(cluster, "1.0.0")
            cluster.api.controllers.images[f"{IMAGE}@{digest_of('1.1.0')}"] = "crashes"
            path, to = make_lock(directory, "1.1.0", [workload("web1", kind)])
            cluster.driver().apply(effect("web1", "s2", to), path, TOKEN)
            assert go_back(cluster, "1.0.0")[0] is Finding.CONFIRMED
            used |= cluster.api.used
    directory = tmp_path / "configuration"
    directory.mkdir()
    with simulated_cluster(directory) as cluster:
        manifest = workload("web1")
        manifest["spec"]["template"]["spec"]["volumes"] = [{"name": "config", "configMap": {"name": "shop-config"}}]
        for version in ("1.0.0", "1.1.0", "1.2.0"):
            cluster.package(directory, version)
            path, to = make_lock(directory, version, [manifest])
            driver = cluster.driver(config_map="shop-config", config_file="VERSION", keep=1)
            driver.apply(effect("web1", version, to), path, TOKEN)
        used |= cluster.api.used
    with switched_cluster(tmp_path) as switched:
        switched.switch().shift(Share("green", ALL), TOKEN)
        used |= switched.api.used
    assert used == granted


def test_what_is_not_granted_is_named_before_anything_begins(cluster: SimulatedCluster) -> None:
    cluster.api.rules["tidegate"] = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]
    ready = cluster.driver().online("web1")
    assert not ready.ready
    assert 'User "tidegate" cannot' in ready.detail
    assert ready.remedy == "Grant what docs/drivers/kubernetes-rbac.yaml grants, or heed the reason."


def test_the_unit_keeps_its_record_beside_the_workload(cluster: SimulatedCluster) -> None:
    deploy(cluster, "1.0.0")
    annotations = cluster.live("web1")["metadata"]["annotations"]
    assert annotations["tidegate.dev/version"] == "1.0.0"
    assert annotations["tidegate.dev/key"] == "r1:1.0.0:web1:1"
    assert annotations["tidegate.dev/fence"].startswith("1.1 ")
    record = json.loads(cluster.api.store.get(("configmaps", NAMESPACE, "tidegate-web1"))["data"]["record.json"])
    assert (record["component"], record["environment"]) == (TARGET.component, TARGET.environment)
    assert (record["token"], record["holder"]) == ("1.1", None)
