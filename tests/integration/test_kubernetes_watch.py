"""The watches of the Kubernetes driver: what wakes it, what it does without them, and that none is left behind."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.hosts import effect
from tests.support.kubernetes.server import Fault, Request
from tests.support.kubernetes.world import FAST, IMAGE, NAMESPACE, SimulatedCluster, digest_of, simulated_cluster
from tests.support.patience import PATIENCE_S
from tidegate.core.effect import Finding, Observation, Token, judge
from tidegate.drivers.kubernetes.cluster import Cluster
from tidegate.drivers.kubernetes.hold import Pace
from tidegate.drivers.kubernetes.lookout import Lookout
from tidegate.drivers.kubernetes.settings import KubernetesSettings

TOKEN = Token(1, 1)
BY_WATCH = replace(FAST, poll_s=60.0, beat_s=60.0, dead_after_s=120.0, resync_s=600.0)
"""Where nothing but a watch wakes it in time for a test."""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[SimulatedCluster]:
    with simulated_cluster(tmp_path, manifests=False) as simulated:
        yield simulated


def is_watch(request: Request) -> bool:
    return request.verb == "watch"


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


@contextmanager
def rolling_out(cluster: SimulatedCluster, pace: Pace) -> Iterator[Future[Observation]]:
    """An act whose workload no controller looks at, until it is woken at the end."""
    path, to = cluster.package(cluster.directory, "1.0.0")
    cluster.api.controllers.asleep.add("web1")
    with ThreadPoolExecutor(1) as pool:
        act = pool.submit(cluster.driver(pace=pace).apply, effect("web1", "1.0.0", to), path, TOKEN)
        yield act
        with cluster.api.store.lock:
            cluster.api.controllers.asleep.clear()
            cluster.api.controllers.settle()
        assert judge(effect("web1", "1.0.0", to), act.result(20), TOKEN) is Finding.CONFIRMED
    assert cluster.image("web1") == f"{IMAGE}@{digest_of('1.0.0')}"


def reads(cluster: SimulatedCluster) -> int:
    return sum((one.verb, one.plural, one.name) == ("get", "deployments", "web1") for one in cluster.api.asked)


def test_a_rollout_is_seen_to_end_by_its_watch_alone(cluster: SimulatedCluster) -> None:
    with rolling_out(cluster, BY_WATCH):
        until(lambda: len(cluster.api.watched) > 1)
        before = reads(cluster)
        until(lambda: len(cluster.api.watched) > 2)
        assert reads(cluster) == before
    first, second = cluster.api.watched[:2]
    assert (first["fieldSelector"], first["allowWatchBookmarks"]) == ("metadata.name=web1", "true")
    assert "resourceVersion" not in first
    assert "resourceVersion" in second


def test_a_bookmark_is_what_the_next_watch_goes_on_from(cluster: SimulatedCluster) -> None:
    with rolling_out(cluster, BY_WATCH):
        until(lambda: bool(cluster.api.watched))
        cluster.api.store.create(("configmaps", NAMESPACE, "other"), {"metadata": {"name": "other"}}, "somebody")
        at = cluster.api.store.version
        until(lambda: len(cluster.api.watched) > 1)
        assert cluster.api.watched[1]["resourceVersion"] == str(at)
        assert int(cluster.live("web1")["metadata"]["resourceVersion"]) < at


def test_a_version_that_is_too_old_begins_the_watch_anew(cluster: SimulatedCluster) -> None:
    with rolling_out(cluster, BY_WATCH):
        until(lambda: bool(cluster.api.watched))
        cluster.api.faults.append(Fault("before", is_watch))  # the bookmark is lost, and with it the next request
        until(lambda: len(cluster.api.watched) > 1)
        for _ in range(3):
            cluster.api.store.create(
                ("configmaps", NAMESPACE, f"c{cluster.api.store.version}"), {"metadata": {"name": "c"}}, "somebody"
            )
        cluster.api.store.compact()
        seen = len(cluster.api.watched)
        until(lambda: any("resourceVersion" not in one for one in cluster.api.watched[seen:]))


@pytest.mark.parametrize(
    ("how", "value"), [("before", 0), ("after", 0), ("status", 410), ("status", 500), ("nonsense", 0), ("twice", 0)]
)
def test_whatever_becomes_of_a_watch_the_rollout_is_seen_to_end(
    cluster: SimulatedCluster, how: str, value: float
) -> None:
    cluster.api.faults.append(Fault(how, is_watch, value, times=2))
    with rolling_out(cluster, replace(FAST, resync_s=600.0)):
        until(lambda: len(cluster.api.watched) > 2)


def test_without_the_right_to_watch_it_looks_again_and_again(cluster: SimulatedCluster) -> None:
    rules = cluster.api.rules["tidegate"]
    cluster.api.rules["tidegate"] = [rule for rule in rules if rule["verbs"] != ["watch"]]
    with rolling_out(cluster, FAST):
        until(lambda: len(cluster.api.watched) == 3)
        before = reads(cluster)
        until(lambda: reads(cluster) > before + 5)
    assert len(cluster.api.watched) == 3


def test_a_watch_that_says_nothing_is_not_trusted_for_ever(cluster: SimulatedCluster) -> None:
    """A proxy that keeps events back: what is not told is read all the same."""
    cluster.api.faults.append(Fault("mute", is_watch, times=1000))
    with rolling_out(cluster, FAST):
        until(lambda: bool(cluster.api.watched))


def test_a_lookout_that_is_closed_leaves_no_thread_and_no_place_taken(cluster: SimulatedCluster) -> None:
    settings = {"namespace": NAMESPACE, "deployment": "web1"}
    kubeconfig = str(cluster.api.kubeconfig(cluster.directory))
    there = Cluster(KubernetesSettings.model_validate({**settings, "kubeconfig": kubeconfig}))
    free = there.watches._value
    with Lookout(there, "Deployment", "web1", FAST) as lookout:
        until(lambda: bool(cluster.api.watched))
        assert there.watches._value == free - 1
    lookout._ended.join(10)
    assert not lookout._ended.is_alive()
    assert there.watches._value == free
    for _ in range(free):
        there.watches.acquire()
    with Lookout(there, "Deployment", "web1", FAST) as lookout:
        assert lookout.pause()  # no place for another watch: it looks again and again
    assert len(cluster.api.watched) == 1
