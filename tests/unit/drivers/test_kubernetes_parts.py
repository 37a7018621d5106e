"""The pure parts of the Kubernetes driver: settings, status, images, and the record."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.effect import Health, Package, Stage, Token
from tidegate.core.image_lock import ImageLock
from tidegate.drivers.contract import Target
from tidegate.drivers.kubernetes.intent import (
    by_digest,
    choose,
    images_in,
    of_images,
    of_whole,
    read_intent,
    repository,
)
from tidegate.drivers.kubernetes.record import Entry, Holder, Kept, Record, read_record, read_token
from tidegate.drivers.kubernetes.settings import KubernetesSettings
from tidegate.drivers.kubernetes.status import blocked, in_the_way, is_gone, progress
from tidegate.drivers.registry import build, mistakes
from tidegate.errors import TargetError

PROJECT = Path(__file__).resolve().parents[3]
TARGET = Target("shop", "production")
ONE = "sha256:" + "1" * 64
TWO = "sha256:" + "2" * 64


def settings(**more: Any) -> KubernetesSettings:
    return KubernetesSettings.model_validate({"namespace": "production", "deployment": "web", **more})


# ---------------------------------------------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"namespace": "p"}, "the target names no workload; add deployment: NAME or statefulset: NAME"),
        ({"namespace": "p", "deployment": "a", "statefulset": "a"}, "two workloads have the same name: a"),
        ({"namespace": "p", "deployment": ["a", "a"]}, "two workloads have the same name: a"),
        ({"deployment": "a"}, 'the target has no key "namespace"; add namespace:'),
        ({"namespace": "p", "deployment": "a", "images": {}}, 'unknown key "images"; see the keys of this driver in'),
        ({"namespace": "-p", "deployment": "a"}, '"-p" is not a name; use small letters, digits and dash, at most 63'),
        ({"namespace": "p", "deployment": "../a"}, '"../a" is not the name of an object; use small letters, digits'),
        (
            {"namespace": "p", "deployment": "a", "container": "x", "containers": {"x": "y"}},
            "write container or containers, not both",
        ),
        (
            {"namespace": "p", "deployment": "a", "manifests": "../k8s"},
            '"../k8s" is not a path inside the component\'s files, such as deploy/production',
        ),
        ({"namespace": "p", "deployment": "a", "kubeconfig": "config"}, '"config" is not a path; begin with / or ~/'),
        (
            {"namespace": "p", "deployment": "a", "metrics": "http://{pod}/metrics"},
            '{pod} in "http://{pod}/metrics" is not known; known: unit, namespace',
        ),
        (
            {"namespace": "p", "deployment": "a", "rollout_timeout": "0s"},
            "a time-out is more than 0 and at most one day",
        ),
    ],
)
def test_a_mistake_in_the_settings_is_told_in_words(written: dict[str, Any], said: str) -> None:
    found = mistakes(TARGET, {"driver": "kubernetes", **written})
    assert len(found) == 1
    assert found[0][1].startswith(said)


def test_the_units_are_the_workloads_in_the_order_of_the_policy() -> None:
    driver = build(
        TARGET,
        {
            "driver": "kubernetes",
            "namespace": "p",
            "deployment": ["b", "a"],
            "statefulset": "c",
            "metrics": "http://{unit}.{namespace}.svc:9090/metrics",
        },
    )
    assert driver.units == ("b", "a", "c")
    assert driver.abilities.images
    assert driver.counts_source("a") == "http://a.p.svc:9090/metrics"


def test_each_setting_is_documented() -> None:
    page = (PROJECT / "docs" / "drivers" / "kubernetes.md").read_text()
    told = set(re.findall(r"^\| `([a-z_]+)` \|", page, re.MULTILINE))
    assert told == set(KubernetesSettings.model_fields) - {"driver"}


# ---------------------------------------------------------------------------------------------------- status


def deployment(status: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "kind": "Deployment",
        "metadata": {"name": "web", "generation": 3},
        "spec": {"replicas": 2, "template": {}, **more},
        "status": status,
    }


def stateful(status: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**deployment(status, **more), "kind": "StatefulSet"}


ALL = {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}
EXCEEDED = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "too long"}
REFUSED = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}
SAME = {"currentRevision": "b", "updateRevision": "b"}
OTHER = {"currentRevision": "a", "updateRevision": "b"}


@pytest.mark.parametrize(
    ("workload", "health", "over"),
    [
        (deployment(ALL), Health.YES, False),
        (deployment({**ALL, "observedGeneration": 2}), Health.CANNOT_TELL, False),
        (deployment({**ALL, "observedGeneration": 2, "conditions": [EXCEEDED]}), Health.CANNOT_TELL, False),
        (deployment({}), Health.CANNOT_TELL, False),
        (deployment({**ALL, "replicas": 3}), Health.CANNOT_TELL, False),
        (deployment({**ALL, "updatedReplicas": 1}), Health.CANNOT_TELL, False),
        (deployment({**ALL, "availableReplicas": 1}), Health.CANNOT_TELL, False),
        (deployment({**ALL, "availableReplicas": 1, "conditions": [EXCEEDED]}), Health.NO, True),
        (deployment({**ALL, "updatedReplicas": 1, "conditions": [REFUSED]}), Health.NO, False),
        (stateful({**ALL, **SAME}), Health.YES, False),
        (stateful({**ALL, **OTHER}), Health.CANNOT_TELL, False),
        (stateful({**{k: v for k, v in ALL.items() if k != "availableReplicas"}, **SAME}), Health.YES, False),
        (deployment({"observedGeneration": 3}, replicas=0), Health.YES, False),
    ],
)
def test_a_rollout_is_judged_by_generations_counts_and_conditions(
    workload: dict[str, Any], health: Health, over: bool
) -> None:
    found = progress(workload, [])
    assert (found.health, found.over) == (health, over)


def pod(name: str, reason: str = "", revision: str = "b", ready: bool = False, **annotations: str) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": "so"}} if reason else {"running": {}}
    return {
        "metadata": {
            "name": name,
            "labels": {"controller-revision-hash": revision},
            "annotations": {f"tidegate.dev/{key}": value for key, value in annotations.items()},
        },
        "status": {
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "containerStatuses": [{"state": state}],
        },
    }


@pytest.mark.parametrize(
    ("reason", "failing"),
    [
        ("ImagePullBackOff", "new: ImagePullBackOff: so"),
        ("ErrImagePull", "new: ErrImagePull: so"),
        ("CrashLoopBackOff", "new: CrashLoopBackOff: so"),
        ("CreateContainerConfigError", "new: CreateContainerConfigError: so"),
        ("ContainerCreating", ""),
        ("PodInitializing", ""),
        ("", ""),
    ],
)
def test_why_a_pod_does_not_run_is_read_from_its_containers(reason: str, failing: str) -> None:
    workload = deployment({**ALL, "availableReplicas": 1})
    workload["spec"]["template"] = {"metadata": {"annotations": {"tidegate.dev/version": "2"}}}
    old = pod("old", "CrashLoopBackOff", version="1")
    assert progress(workload, [old, pod("new", reason, version="2")]).failing == failing


def test_only_stuck_pods_of_an_earlier_revision_are_in_the_way_of_a_stateful_set() -> None:
    pods = [
        pod("stuck", "CrashLoopBackOff", "a"),
        pod("serving", "", "a", ready=True),
        pod("starting", "ContainerCreating", "a"),
        pod("new", "CrashLoopBackOff", "b"),
    ]
    assert [one["metadata"]["name"] for one in in_the_way(stateful(OTHER), pods)] == ["stuck"]
    assert in_the_way(deployment(OTHER), pods) == []


def test_a_workload_is_gone_when_its_controller_says_so_of_this_generation() -> None:
    assert is_gone(deployment({"observedGeneration": 3}))
    assert not is_gone(deployment({"observedGeneration": 2}))
    assert not is_gone(deployment({"observedGeneration": 3, "replicas": 1}))


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({}, ""),
        ({"paused": True}, "its rollouts are paused; resume them: kubectl rollout resume"),
        ({"updateStrategy": {"type": "OnDelete"}}, "its update strategy is OnDelete, so nothing replaces its pods"),
        ({"updateStrategy": {"rollingUpdate": {"partition": 2}}}, "its updates stop at partition 2; set the partition"),
        ({"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}}, ""),
    ],
)
def test_what_would_not_roll_out_is_known(spec: dict[str, Any], why: str) -> None:
    found = blocked(deployment({}, **spec))
    assert found.startswith(why)
    assert bool(found) is bool(why)


# ---------------------------------------------------------------------------------------------------- images


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("nginx", "docker.io/library/nginx"),
        ("nginx:1.25", "docker.io/library/nginx"),
        ("acme/shop:1", "docker.io/acme/shop"),
        ("localhost/shop", "localhost/shop"),
        ("localhost:5000/shop:1", "localhost:5000/shop"),
        ("registry.example:5000/a/b@" + ONE, "registry.example:5000/a/b"),
        ("registry.example/a/b:1@" + ONE, "registry.example/a/b"),
    ],
)
def test_the_repository_of_an_image_is_written_out(image: str, expected: str) -> None:
    assert repository(image) == expected


SHOP, PROXY = "registry.example/shop", "registry.example/proxy"


def lock(**images: str) -> ImageLock:
    names = {"shop": SHOP, "proxy": PROXY, "other": "registry.example/other"}
    return ImageLock("shop", "1.0.0", "0" * 64, {names[name]: digest for name, digest in images.items()})


@pytest.mark.parametrize(
    ("more", "images", "present", "expected"),
    [
        ({}, lock(shop=ONE), {"web": f"{SHOP}:1"}, {"web": f"{SHOP}@{ONE}"}),
        ({}, lock(shop=ONE), {"web": f"{SHOP}:1", "proxy": "envoy:1"}, {"web": f"{SHOP}@{ONE}"}),
        ({}, lock(shop=ONE), {"web": "other:1"}, {"web": f"{SHOP}@{ONE}"}),
        (
            {},
            lock(shop=ONE),
            {"web": f"{SHOP}:1", "job": f"{SHOP}@{TWO}"},
            dict.fromkeys(("web", "job"), f"{SHOP}@{ONE}"),
        ),
        ({}, lock(shop=ONE, proxy=TWO), {"a": PROXY, "b": SHOP}, {"a": f"{PROXY}@{TWO}", "b": f"{SHOP}@{ONE}"}),
        ({"container": "b"}, lock(shop=ONE), {"a": "x", "b": "y"}, {"b": f"{SHOP}@{ONE}"}),
        ({"container": "b"}, lock(shop=ONE, proxy=TWO), {"a": SHOP, "b": PROXY}, {"b": f"{PROXY}@{TWO}"}),
        ({"containers": {"a": PROXY}}, lock(shop=ONE, proxy=TWO), {"a": "x", "b": "y"}, {"a": f"{PROXY}@{TWO}"}),
    ],
)
def test_each_container_gets_the_image_that_is_meant(
    more: dict[str, Any], images: ImageLock, present: dict[str, str], expected: dict[str, str]
) -> None:
    assert choose(settings(**more), images, present, "web") == expected


@pytest.mark.parametrize(
    ("more", "images", "present", "said"),
    [
        ({}, lock(), {"web": SHOP}, "this version has no image by digest"),
        (
            {},
            lock(shop=ONE),
            {"a": "x", "b": "y"},
            "it is not told which container gets which image (containers: a, b;",
        ),
        ({"container": "b"}, lock(shop=ONE), {"a": "x"}, "there is no container b (there are: a)"),
        ({"container": "a"}, lock(shop=ONE, proxy=TWO), {"a": "x"}, "it is not told which container gets which image"),
        ({"containers": {"a": "nginx"}}, lock(shop=ONE), {"a": "x"}, "it is not told which container gets which image"),
        ({}, lock(shop="latest"), {"web": SHOP}, "the digest of registry.example/shop in the lock is none"),
    ],
)
def test_a_target_that_does_not_tell_is_refused(
    more: dict[str, Any], images: ImageLock, present: dict[str, str], said: str
) -> None:
    with pytest.raises(TargetError) as caught:
        choose(settings(**more), images, present, "web")
    assert str(caught.value).startswith(f"web: {said}")
    assert caught.value.remedy


LIVE: dict[str, Any] = {
    "metadata": {"name": "web", "labels": {"app": "web"}},
    "spec": {
        "replicas": 3,
        "template": {
            "metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}},
            "spec": {
                "initContainers": [{"name": "init", "image": f"{SHOP}:1"}],
                "containers": [{"name": "web", "image": f"{SHOP}:1", "env": []}, {"name": "proxy", "image": "envoy:1"}],
            },
        },
    },
}


def test_an_intent_of_images_says_nothing_of_anything_else() -> None:
    intent = of_images("Deployment", "web", LIVE, {"web": f"{SHOP}@{ONE}", "init": f"{SHOP}@{ONE}"})
    assert intent.workload["spec"] == {
        "template": {
            "spec": {
                "initContainers": [{"name": "init", "image": f"{SHOP}@{ONE}"}],
                "containers": [{"name": "web", "image": f"{SHOP}@{ONE}"}],
            }
        }
    }
    before = intent.fingerprint(LIVE["spec"]["template"])
    other: Any = {
        "metadata": {},
        "spec": {
            "containers": [{"name": "web", "image": f"{SHOP}:1"}],
            "initContainers": [{"name": "init", "image": f"{SHOP}:1"}],
        },
    }
    assert intent.fingerprint(other) == before
    other["spec"]["containers"][0]["image"] = f"{SHOP}:2"
    assert intent.fingerprint(other) != before


def test_an_intent_of_all_notices_every_change_but_a_restart() -> None:
    intent = of_whole("Deployment", "web", LIVE, {"web": f"{SHOP}@{ONE}"})
    assert images_in(intent.workload["spec"]["template"])["web"] == f"{SHOP}@{ONE}"
    assert "replicas" not in intent.workload["spec"]
    template: Any = LIVE["spec"]["template"]
    restarted = {**template, "metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "later"}}}
    changed = {**template, "spec": {**template["spec"], "hostNetwork": True}}
    assert intent.fingerprint(restarted) == intent.fingerprint(template) != intent.fingerprint(changed)


def test_an_intent_is_read_as_it_was_kept() -> None:
    intent = of_whole("Deployment", "web", LIVE, {})
    assert read_intent(intent.to_bytes(), "web") == intent
    for data in (b"", b"no gzip", intent.to_bytes()[:-9]):
        with pytest.raises(TargetError, match="what Tidegate keeps of a version there cannot be read"):
            read_intent(data, "web")


def test_what_runs_is_known_by_the_digest_that_its_pods_say() -> None:
    template: Any = LIVE["spec"]["template"]
    status = [
        {"name": "web", "image": f"{SHOP}:1", "imageID": f"docker-pullable://{SHOP}@{ONE}"},
        {"name": "proxy", "image": "envoy:1", "imageID": "sha256:of-no-repository"},
    ]
    pods: list[dict[str, Any]] = [{"status": {}}, {"status": {"containerStatuses": status}}]
    assert by_digest(template, pods) == {"init": f"{SHOP}:1", "web": f"{SHOP}@{ONE}", "proxy": "envoy:1"}


# ---------------------------------------------------------------------------------------------------- the record

tokens = st.builds(Token, st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 1))
packages = st.builds(
    Package, st.from_regex(r"[0-9]\.[0-9]", fullmatch=True), st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
)
records = st.builds(
    Record,
    component=st.just("shop"),
    environment=st.just("production"),
    token=st.none() | tokens,
    holder=st.none() | st.builds(Holder, st.text(max_size=5), st.integers(0, 99)),
    journal=st.lists(
        st.builds(
            Entry,
            st.text(max_size=9),
            st.lists(st.sampled_from(Stage), max_size=3).map(tuple),
            st.text(),
            st.booleans(),
        ),
        max_size=3,
    ).map(tuple),
    kept=st.lists(st.builds(Kept, packages, st.text(max_size=3), st.booleans()), max_size=3).map(tuple),
    keeps=st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), max_size=2).map(tuple),
    managers=st.lists(st.text(max_size=3), max_size=2).map(tuple),
    replicas=st.integers(0, 9),
)


@given(records)
def test_a_record_is_read_as_it_was_written(record: Record) -> None:
    assert read_record(record.to_text(), "web") == record


@given(tokens)
def test_a_token_is_read_as_it_was_written(token: Token) -> None:
    assert read_token(str(token)) == token


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"format": "tidegate/kubernetes-record/2"}', "null", "[" * 9999]
)
def test_what_is_no_record_is_named(text: str) -> None:
    with pytest.raises(TargetError, match=r"^web: what Tidegate keeps there is no record: "):
        read_record(text, "web")


@pytest.mark.parametrize("text", ["", "1", "1.2.3", "a.b", "-1.2", "1.2!!", "1" * 30 + ".1"])
def test_what_is_no_token_is_none(text: str) -> None:
    assert read_token(text) is None


def test_the_journal_keeps_the_last_keys_and_all_stages_of_each() -> None:
    record = Record("shop", "production")
    for number in range(60):
        record = record.noted(f"k{number}", Stage.RECEIVED)
    record = record.noted("k20", Stage.SWITCHING, detail="why", healthy=False).noted("k20", Stage.DONE)
    assert len(record.journal) == 50
    assert record.last == Entry("k20", (Stage.RECEIVED, Stage.SWITCHING, Stage.DONE), "why", False)
    assert record.noted("k20", Stage.DONE) == record
