"""The Service of Kubernetes as a traffic switch when things go wrong: all or nothing, by nobody but who may."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.hosts import TARGET, effect
from tests.support.kubernetes.server import Fault, Request
from tests.support.kubernetes.service import KEY, POOLS, SELECTORS, SwitchedCluster, coloured, service, switched_cluster
from tests.support.kubernetes.store import RefusalError
from tests.support.kubernetes.world import FAST, IMAGE, NAMESPACE, Dying, digest_of, make_lock
from tidegate.core.effect import ALL, Finding, Share, Token, judge
from tidegate.drivers.kubernetes import KubernetesDriver, KubernetesSettings
from tidegate.errors import FencedError, TargetError, UsageError
from tidegate.traffic.registry import switch

TOKEN, LATER = Token(1, 5), Token(1, 6)
TO_GREEN, TO_BLUE = Share("green", ALL), Share("green", 0)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[SwitchedCluster]:
    with switched_cluster(tmp_path) as switched:
        yield switched


def shares(cluster: SwitchedCluster) -> dict[str, int]:
    return {share.of: share.points for share in cluster.switch().sight().shares}


def is_shift(request: Request) -> bool:
    return (request.verb, request.plural) == ("patch", "services")


def test_all_of_the_traffic_goes_over_in_one_write_and_back_in_one(cluster: SwitchedCluster) -> None:
    found = cluster.switch()
    found.shift(TO_GREEN, TOKEN)
    assert cluster.live()["spec"] == {"ports": [{"port": 80}], "selector": SELECTORS["green"]}
    assert cluster.serving() == {"shop-green"}
    sight = found.sight()
    assert sight.detail == "the Service shop selects green; ready endpoints: 0 of blue, 2 of green"
    assert (sight.token, sight.grain) == (TOKEN, 0)
    found.shift(TO_BLUE, TOKEN)
    assert cluster.serving() == {"shop-blue"}
    assert len([request for request in cluster.api.asked if is_shift(request)]) == 2


def test_the_same_share_again_writes_nothing_and_a_newer_token_only_its_mark(cluster: SwitchedCluster) -> None:
    cluster.switch().shift(TO_GREEN, TOKEN)
    before = cluster.live()["metadata"]["resourceVersion"]
    cluster.switch().shift(TO_GREEN, TOKEN)
    assert cluster.live()["metadata"]["resourceVersion"] == before
    cluster.switch().shift(TO_GREEN, LATER)
    assert cluster.live()["metadata"]["annotations"] == {"tidegate.dev/fence": "1.6"}


def test_a_late_actor_is_refused_by_the_service(cluster: SwitchedCluster) -> None:
    cluster.switch().shift(TO_GREEN, LATER)
    before = cluster.live()
    for share in (TO_BLUE, TO_GREEN):
        with pytest.raises(FencedError, match=r"the Service shop has seen the token 1\.6, and ours is 1\.5"):
            cluster.switch().shift(share, TOKEN)
    assert cluster.live() == before


class Meanwhile(httpx2.BaseTransport):
    """A network on which something else happens just before our first write."""

    def __init__(self, happens: Callable[[], None]) -> None:
        self._happens, self._done, self._within = happens, False, httpx2.HTTPTransport()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if not self._done and request.method == "PATCH":
            self._done = True
            self._happens()
        return self._within.handle_request(request)

    def close(self) -> None:
        self._within.close()


def test_who_was_outranked_between_reading_and_writing_changes_nothing(cluster: SwitchedCluster) -> None:
    frozen = cluster.switch(Meanwhile(lambda: cluster.switch().shift(TO_BLUE, LATER)))
    with pytest.raises(FencedError):
        frozen.shift(TO_GREEN, TOKEN)
    assert cluster.serving() == {"shop-blue"}


def test_a_write_of_somebody_else_in_between_is_looked_at_and_kept(cluster: SwitchedCluster) -> None:
    change = Meanwhile(lambda: cluster.patch({"spec": {"sessionAffinity": "ClientIP"}}))
    cluster.switch(change).shift(TO_GREEN, TOKEN)
    assert cluster.live()["spec"]["sessionAffinity"] == "ClientIP"
    assert cluster.serving() == {"shop-green"}


def test_a_selector_that_is_of_no_pool_is_left_to_who_wrote_it(cluster: SwitchedCluster) -> None:
    cluster.patch({"spec": {"selector": {"colour": None}}})
    before = cluster.live()
    for act in (cluster.switch().sight, lambda: cluster.switch().shift(TO_GREEN, TOKEN)):
        with pytest.raises(TargetError) as caught:
            act()
        assert str(caught.value) == f'{NAMESPACE}: the Service shop selects "app=shop", which is none of the pools'
        assert caught.value.remedy == (
            "Set its selector to that of one pool by hand (blue or green), or correct the policy."
        )
    assert cluster.live() == before


def test_a_selector_set_by_hand_is_seen_and_taken_over(cluster: SwitchedCluster) -> None:
    cluster.switch().shift(TO_GREEN, TOKEN)
    cluster.patch({"spec": {"selector": {"colour": "blue"}}})
    cluster.api.controllers.settle()
    assert shares(cluster) == {"blue": ALL, "green": 0}
    cluster.switch().shift(TO_GREEN, TOKEN)
    assert cluster.serving() == {"shop-green"}


def test_a_service_that_selects_nothing_serves_nobody_until_it_is_shifted(tmp_path: Path) -> None:
    with switched_cluster(tmp_path, selects="") as cluster:
        assert shares(cluster) == {"blue": 0, "green": 0}
        cluster.switch().shift(TO_BLUE, TOKEN)  # green has nothing as it is
        assert shares(cluster) == {"blue": 0, "green": 0}
        cluster.switch().shift(TO_GREEN, TOKEN)
        assert shares(cluster) == {"blue": 0, "green": ALL}


def unready(cluster: SwitchedCluster, pool: str) -> None:
    """The pods of a pool stop being ready."""
    with cluster.api.store.lock:
        for one in cluster.api.store.list("pods", NAMESPACE, SELECTORS[pool]):
            status = {**one["status"], "conditions": [{"type": "Ready", "status": "False"}]}
            cluster.api.store.set_status(("pods", NAMESPACE, one["metadata"]["name"]), status)


def test_a_pool_without_a_ready_pod_is_not_given_the_traffic(cluster: SwitchedCluster) -> None:
    unready(cluster, "green")
    with pytest.raises(TargetError, match="no pod of green is ready, so the Service shop was left as it is") as caught:
        cluster.switch().shift(TO_GREEN, TOKEN)
    assert caught.value.remedy == "Look at the pods that the selector of green picks, and at their labels."
    assert cluster.serving() == {"shop-blue"}


def test_a_bad_pool_is_left_also_where_nobody_else_is_ready(cluster: SwitchedCluster) -> None:
    cluster.switch().shift(TO_GREEN, TOKEN)
    unready(cluster, "blue")
    cluster.switch().shift(TO_BLUE, TOKEN)
    assert shares(cluster) == {"blue": ALL, "green": 0}
    assert cluster.switch().sight().detail.endswith("ready endpoints: 0 of blue, 0 of green")


def test_endpoints_that_do_not_follow_are_no_finished_shift(cluster: SwitchedCluster) -> None:
    cluster.api.controllers.asleep.add("shop")
    with pytest.raises(TargetError) as caught:
        cluster.switch().shift(TO_GREEN, TOKEN)
    assert str(caught.value) == (
        f"{NAMESPACE}: the Service shop selects green, and its endpoints do not follow within 0.3 s: "
        "ready endpoints: 2 of blue, 0 of green"
    )
    assert shares(cluster) == {"blue": ALL - 1, "green": 1}
    cluster.api.controllers.asleep.clear()
    cluster.api.controllers.settle()
    cluster.switch().shift(TO_GREEN, TOKEN)
    assert shares(cluster) == {"blue": 0, "green": ALL}


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_connection_lost_at_the_write_is_carried_on(cluster: SwitchedCluster, before: bool) -> None:
    dying = Dying(lambda request: request.method == "PATCH", before=before)
    with pytest.raises(TargetError, match="the cluster does not answer"):
        cluster.switch(dying).shift(TO_GREEN, TOKEN)
    cluster.api.controllers.settle()
    assert shares(cluster) == ({"blue": ALL, "green": 0} if before else {"blue": 0, "green": ALL})
    cluster.switch().shift(TO_GREEN, TOKEN)
    assert cluster.serving() == {"shop-green"}


@pytest.mark.parametrize("how", ["before", "after", "twice", "status", "nonsense", "slow"])
def test_whatever_becomes_of_the_write_it_is_done_when_it_is_asked_again(cluster: SwitchedCluster, how: str) -> None:
    cluster.api.faults.append(Fault(how, is_shift, {"status": 503, "slow": 0.6}.get(how, 0)))
    with suppress(TargetError):
        cluster.switch(request_timeout="300ms").shift(TO_GREEN, TOKEN)
    cluster.switch().shift(TO_GREEN, TOKEN)
    assert (shares(cluster), cluster.serving()) == ({"blue": 0, "green": ALL}, {"shop-green"})


def test_a_service_that_changes_all_the_time_is_given_up(cluster: SwitchedCluster) -> None:
    cluster.api.faults.append(Fault("status", is_shift, 409, times=1000))
    with pytest.raises(TargetError, match="the Service shop changed each time before it could be written"):
        cluster.switch().shift(TO_GREEN, TOKEN)
    assert cluster.serving() == {"shop-blue"}


def test_what_the_cluster_refuses_is_named(cluster: SwitchedCluster) -> None:
    def admit(plural: str, new: dict[str, Any]) -> None:
        if plural == "services":
            raise RefusalError(403, "Forbidden", 'admission webhook "freeze.example" denied the request')

    cluster.api.store.admit.append(admit)
    with pytest.raises(TargetError, match=r"the cluster refused it \(403\): admission webhook .* denied the request"):
        cluster.switch().shift(TO_GREEN, TOKEN)
    cluster.api.users.clear()
    with pytest.raises(TargetError, match=r"does not accept our credential \(401\)"):
        cluster.switch().sight()


def test_a_service_that_is_not_there_is_named(cluster: SwitchedCluster) -> None:
    with pytest.raises(TargetError, match="there is no Service other in the namespace production"):
        cluster.switch(service="other").sight()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"selectors": {"blue": {"app": "shop"}, "green": {"app": "shop", "colour": "green"}}},
            "can pick the same pod",
        ),
        ({"selectors": {"blue": {"colour": "blue"}, "green": {"shade": "green"}}}, "can pick the same pod"),
        ({"selectors": {"blue": {"colour": "blue"}}}, "write a selector for each pool: blue, green"),
        ({"selectors": {"blue": {"a b": "x"}, "green": {"a b": "y"}}}, '"a b" is not the name of a label'),
        ({"selectors": {"blue": {"c": "x,d=e"}, "green": {"c": "y"}}}, '"x,d=e" is not the value of a label'),
        ({"pools": {"blue": ["shop-blue"]}}, "there are 1 pools; declare two"),
        ({"pools": {"blue": ["shop-blue"], "green": ["shop-blue"]}}, "a unit is in both pools"),
        ({"pools": {"blue": ["shop-blue"], "green": ["web9"]}}, 'a pool names "web9", and the target has no such unit'),
        ({"service": "Shop"}, '"Shop" is not the name of an object'),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(cluster: SwitchedCluster, change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        switch(cluster.settings(**change), [unit for units in POOLS.values() for unit in units])


def test_a_part_of_the_traffic_is_refused_with_what_to_do(cluster: SwitchedCluster) -> None:
    with pytest.raises(UsageError) as caught:
        cluster.switch().sentence(Share("green", 500))
    assert caught.value.what == ("the Service shop sends all of its traffic to one pool, so green cannot have 5% of it")
    assert caught.value.remedy == "release by blue_green, or by a switch that weighs, such as haproxy"


def test_a_service_among_the_manifests_leaves_its_selector_to_the_switch(tmp_path: Path) -> None:
    with switched_cluster(tmp_path) as cluster:
        cluster.api.store.delete(KEY)
        cluster.api.rules["tidegate"].append({"apiGroups": [""], "resources": ["services"], "verbs": ["create"]})
        named = {"apiVersion": "v1", "kind": "Service", **service("blue")}
        target = {"deployment": ["shop-blue", "shop-green"], "manifests": "deploy", "namespace": NAMESPACE}
        settings = KubernetesSettings.model_validate({**target, "kubeconfig": cluster.settings()["kubeconfig"]})
        driver = KubernetesDriver(TARGET, settings, pace=FAST)
        for number, pool in enumerate(("blue", "green", "blue", "green")):
            version = f"1.{number}.0"
            if number < 2:
                cluster.api.store.delete(("deployments", NAMESPACE, f"shop-{pool}"))
            cluster.api.controllers.images[f"{IMAGE}@{digest_of(version)}"] = "ok"
            manifests = [
                {**named, "spec": {**named["spec"], "type": f"v{number}"}},
                coloured("blue"),
                coloured("green"),
            ]
            path, to = make_lock(tmp_path, version, manifests)
            one = effect(f"shop-{pool}", version, to)
            assert judge(one, driver.apply(one, path, TOKEN), TOKEN) is Finding.CONFIRMED
            cluster.switch(within="5s").shift(Share(pool, ALL), TOKEN)
            assert cluster.live()["spec"]["selector"] == SELECTORS[pool]
            assert cluster.live()["spec"]["type"] == f"v{number}"
