"""The configuration file of a version in its ConfigMap: made once, brought back with the version, and cleared away."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.support.hosts import effect
from tests.support.kubernetes.world import (
    IMAGE,
    NAMESPACE,
    Dying,
    SimulatedCluster,
    digest_of,
    make_archive,
    simulated_cluster,
    workload,
)
from tidegate.core.effect import Act, Finding, Observation, Package, Presence, Token, judge
from tidegate.core.image_lock import ImageLock
from tidegate.drivers.contract import Target
from tidegate.drivers.kubernetes import KubernetesSettings
from tidegate.drivers.kubernetes.config_map import config_map
from tidegate.errors import TargetError

TOKEN, LATER = Token(1, 1), Token(1, 2)
PATH = "config/production.yaml"


def mounting(name: str = "web1") -> dict[str, Any]:
    """A workload whose pods read the configuration in each of the ways there are."""
    made = workload(name)
    spec = made["spec"]["template"]["spec"]
    spec["volumes"] = [
        {"name": "settings", "configMap": {"name": "shop-config", "defaultMode": 420}},
        {"name": "all", "projected": {"sources": [{"configMap": {"name": "shop-config"}}]}},
        {"name": "other", "configMap": {"name": "shop-config-of-others"}},
    ]
    spec["containers"][0]["envFrom"] = [{"configMapRef": {"name": "shop-config"}}, {"secretRef": {"name": "keys"}}]
    key = {"configMapKeyRef": {"name": "shop-config", "key": "production.yaml"}}
    spec["containers"][0]["env"].append({"name": "WHOLE", "valueFrom": key})
    return made


@pytest.fixture(params=[True, False], ids=["manifests", "images"])
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SimulatedCluster]:
    with simulated_cluster(tmp_path, manifests=request.param) as simulated:
        if not request.param:
            for name in ("web1", "web2"):
                simulated.api.store.delete(("deployments", NAMESPACE, name))
                simulated.put(mounting(name) | {"spec": {**mounting(name)["spec"], "replicas": 0}})
        yield simulated


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[SimulatedCluster]:
    with simulated_cluster(tmp_path) as simulated:
        yield simulated


def packed(cluster: SimulatedCluster, version: str, content: str, path: str = PATH) -> tuple[Path, Package]:
    cluster.api.controllers.images[f"{IMAGE}@{digest_of(version)}"] = "ok"
    manifests = yaml.safe_dump_all(json.loads(json.dumps([mounting("web1"), mounting("web2")])))
    archive = make_archive(cluster.directory, {"deploy/all.yaml": manifests, path: content})
    lock = ImageLock("shop", version, archive, {IMAGE: digest_of(version)})
    file = cluster.directory / f"{lock.package.digest}.json"
    file.write_bytes(lock.to_bytes())
    return file, lock.package


def deploy(
    cluster: SimulatedCluster, package: tuple[Path, Package], unit: str = "web1", transport: Any = None, **settings: Any
) -> tuple[Finding, Observation]:
    driver = cluster.driver(transport, **{"config_map": "shop-config", "config_file": PATH, **settings})
    one = effect(unit, package[1].version, package[1])
    try:
        seen = driver.apply(one, package[0], TOKEN)
    except TargetError:
        if transport is None:
            raise
        seen = cluster.driver().observe(unit)
    return judge(one, seen, TOKEN), seen


def maps(cluster: SimulatedCluster) -> dict[str, dict[str, Any]]:
    """The ConfigMaps of configurations, by name."""
    with cluster.api.store.lock:
        found = cluster.api.store.list("configmaps", NAMESPACE)
    names = {one["metadata"]["name"]: one for one in found}
    return {name: one for name, one in names.items() if not name.startswith("tidegate-")}


def named(cluster: SimulatedCluster, unit: str = "web1") -> set[str]:
    """The ConfigMaps that a workload names, in each of the ways."""
    spec = cluster.live(unit)["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    volumes = {one["name"]: one for one in spec["volumes"]}
    assert volumes["other"]["configMap"]["name"] == "shop-config-of-others"
    return {
        volumes["settings"]["configMap"]["name"],
        volumes["all"]["projected"]["sources"][0]["configMap"]["name"],
        container["envFrom"][0]["configMapRef"]["name"],
        next(one for one in container["env"] if one["name"] == "WHOLE")["valueFrom"]["configMapKeyRef"]["name"],
    }


def test_a_version_brings_its_configuration_and_the_way_back_the_earlier_one(cluster: SimulatedCluster) -> None:
    first, second = packed(cluster, "1.0.0", "colour: green\n"), packed(cluster, "1.1.0", "colour: red\n")
    assert deploy(cluster, first)[0] is Finding.CONFIRMED
    ((name, made),) = maps(cluster).items()
    assert named(cluster) == {name}
    assert (made["data"], made["immutable"]) == ({"production.yaml": "colour: green\n"}, True)
    assert made["metadata"]["labels"] == {
        "tidegate.dev/config": "shop-config",
        "tidegate.dev/component": "shop",
        "tidegate.dev/environment": "production",
    }
    assert deploy(cluster, second)[0] is Finding.CONFIRMED
    assert len(maps(cluster)) == 2
    assert named(cluster) == set(maps(cluster)) - {name}
    cluster.api.store.delete(("configmaps", NAMESPACE, name))  # somebody clears away
    back = effect("web1", "back", first[1], act=Act.RESTORE)
    driver = cluster.driver(config_map="shop-config", config_file=PATH)
    assert judge(back, driver.apply(back, None, LATER), LATER) is Finding.CONFIRMED
    assert named(cluster) == {name}
    assert maps(cluster)[name]["data"] == {"production.yaml": "colour: green\n"}


def test_another_configuration_alone_restarts_the_pods(cluster: SimulatedCluster) -> None:
    for number, colour in enumerate(("green", "red")):
        package = packed(cluster, f"1.{number}.0", f"colour: {colour}\n")
        cluster.api.controllers.images[f"{IMAGE}@{digest_of('same')}"] = "ok"
        assert deploy(cluster, package)[0] is Finding.CONFIRMED
    assert cluster.restarts("web1") == 2


def test_a_reference_that_somebody_moved_is_foreign(cluster: SimulatedCluster) -> None:
    deploy(cluster, packed(cluster, "1.0.0", "colour: green\n"))
    live = cluster.live("web1")["spec"]["template"]["spec"]
    live["volumes"][0]["configMap"]["name"] = "shop-config"
    spec = {"template": {"spec": {"volumes": live["volumes"]}}}
    cluster.put({"kind": "Deployment", "metadata": {"name": "web1"}, "spec": spec}, "kubectl-edit")
    seen = cluster.driver().observe("web1")
    assert (seen.running, "was changed since, by kubectl-" in seen.detail) == (Presence.FOREIGN, True)


def test_configurations_that_nobody_names_any_more_are_removed(whole: SimulatedCluster) -> None:
    for number in range(4):
        package = packed(whole, f"1.{number}.0", f"number: {number}\n")
        for unit in ("web1", "web2"):
            assert deploy(whole, package, unit, keep=1)[0] is Finding.CONFIRMED
    assert [one["data"]["production.yaml"] for one in maps(whole).values()] == ["number: 3\n"]


def test_what_a_pod_a_workload_or_a_kept_version_names_stays(whole: SimulatedCluster) -> None:
    for number in range(3):
        deploy(whole, packed(whole, f"1.{number}.0", f"number: {number}\n"), "web1", keep=1)
        if number == 0:
            deploy(whole, packed(whole, "1.0.0", "number: 0\n"), "web2", keep=1)
    held = sorted(one["data"]["production.yaml"] for one in maps(whole).values())
    assert held == ["number: 0\n", "number: 2\n"]
    assert named(whole, "web2") <= set(maps(whole))


def test_those_of_others_are_left_alone(whole: SimulatedCluster) -> None:
    labels = {"tidegate.dev/config": "shop-config", "tidegate.dev/component": "blog"}
    theirs = {"metadata": {"name": "shop-config-0123456789ab", "labels": labels}}
    whole.api.store.create(("configmaps", NAMESPACE, "shop-config-0123456789ab"), theirs, "blog")
    ours = {"metadata": {"name": "by-hand", "labels": {**labels, "tidegate.dev/component": "shop"}}}
    whole.api.store.create(("configmaps", NAMESPACE, "by-hand"), ours, "kubectl")
    deploy(whole, packed(whole, "1.0.0", "a: 1\n"))
    assert {"shop-config-0123456789ab", "by-hand"} <= set(maps(whole))


def test_without_the_right_to_remove_they_stay_and_the_release_is_done(whole: SimulatedCluster) -> None:
    rules = whole.api.rules["tidegate"]
    whole.api.rules["tidegate"] = [rule for rule in rules if rule["verbs"] != ["list", "delete"]]
    for number in range(3):
        assert deploy(whole, packed(whole, f"1.{number}.0", f"number: {number}\n"), keep=1)[0] is Finding.CONFIRMED
    assert len(maps(whole)) == 3


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_the_connection_lost_while_it_is_made_is_carried_on(whole: SimulatedCluster, before: bool) -> None:
    package = packed(whole, "1.0.0", "a: 1\n")
    dying = Dying(lambda request: request.method == "POST" and b'"immutable"' in request.content, before=before)
    assert deploy(whole, package, transport=dying)[0] is Finding.NOT_DONE
    assert dying.over
    assert len(maps(whole)) == (0 if before else 1)
    one = effect("web1", "1.0.0", package[1])
    again = whole.driver(config_map="shop-config", config_file=PATH)
    assert judge(one, again.apply(one, package[0], LATER), LATER) is Finding.CONFIRMED
    assert (named(whole), whole.restarts("web1")) == (set(maps(whole)), 1)


def test_one_that_is_removed_while_its_version_rolls_out_is_made_again(whole: SimulatedCluster) -> None:
    whole.api.controllers.asleep.add("web1")

    def clear_away() -> None:
        while not maps(whole) or whole.restarts("web1") == 0:
            time.sleep(0.01)
        (name,) = maps(whole)
        whole.api.store.delete(("configmaps", NAMESPACE, name))
        whole.api.controllers.asleep.clear()
        with whole.api.store.lock:
            whole.api.store.lock.notify_all()
            whole.api.store.version += 1

    with ThreadPoolExecutor(1) as pool:
        cleared = pool.submit(clear_away)
        assert deploy(whole, packed(whole, "1.0.0", "a: 1\n"))[0] is Finding.CONFIRMED
        cleared.result()
    assert named(whole) == set(maps(whole))


def test_lines_of_variables_become_keys_as_kubectl_reads_them(whole: SimulatedCluster) -> None:
    content = "# colours\nCOLOUR=green\n\n  NAME='a=b' # c\nEMPTY=\n"
    deploy(whole, packed(whole, "1.0.0", content, "config/shop.env"), config_file="config/shop.env")
    (made,) = maps(whole).values()
    assert made["data"] == {"COLOUR": "green", "NAME": "'a=b' # c", "EMPTY": ""}


def test_a_file_that_is_no_text_is_kept_as_it_is() -> None:
    made = config_map("shop-config", Target("shop", "production"), "a/keys.bin", b"\xff\x00", "web1")
    assert {name: base64.b64decode(text) for name, text in made["binaryData"].items()} == {"keys.bin": b"\xff\x00"}


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        ("config/a b.yaml", "a: 1\n", "the configuration 'a b.yaml' cannot be a key of a ConfigMap"),
        ("config/x.env", "COLOUR\n", "line 1 of the configuration config/x.env is no NAME=value"),
        ("config/x.env", "A=1\nA=2\n", "line 2 of the configuration config/x.env names a variable again"),
        ("config/x.yaml", "a" * 1_000_001, "has 1,000,001 bytes; a ConfigMap holds 1,000,000"),
        ("other.yaml", "a: 1\n", "the component's files have no configuration config/missing.yaml"),
    ],
)
def test_a_configuration_that_cannot_be_kept_is_refused_before_anything_changes(
    whole: SimulatedCluster, path: str, content: str, said: str
) -> None:
    named_as = "config/missing.yaml" if path == "other.yaml" else path
    with pytest.raises(TargetError) as caught:
        deploy(whole, packed(whole, "1.0.0", content, path), config_file=named_as)
    assert "the package was refused: " in str(caught.value)
    assert said in str(caught.value)
    assert (maps(whole), whole.restarts("web1")) == ({}, 0)


def test_pods_that_do_not_name_it_are_told_how(tmp_path: Path) -> None:
    with simulated_cluster(tmp_path, manifests=False) as cluster:
        with pytest.raises(TargetError) as caught:
            deploy(cluster, packed(cluster, "1.0.0", "a: 1\n"))
        assert str(caught.value) == "web1: nothing in the pod template names the ConfigMap shop-config"
        assert caught.value.remedy == (
            "Mount it (volumes: [{configMap: {name: shop-config}}]) or take its variables (envFrom) in the workload."
        )
        assert maps(cluster) == {}


def test_another_content_under_the_name_is_refused(whole: SimulatedCluster) -> None:
    package = packed(whole, "1.0.0", "a: 1\n")
    deploy(whole, package, "web2")
    (name,) = maps(whole)
    whole.api.store.delete(("configmaps", NAMESPACE, name))
    whole.api.store.create(("configmaps", NAMESPACE, name), {"metadata": {"name": name}, "data": {"b": "2"}}, "kubectl")
    with pytest.raises(TargetError, match=f"the ConfigMap {name} is there, and is not what Tidegate would make"):
        deploy(whole, package, "web1")
    assert maps(whole)[name]["data"] == {"b": "2"}


def test_a_component_without_a_configuration_is_told_before_the_release(whole: SimulatedCluster) -> None:
    ready = whole.driver(config_map="shop-config").online("web1")
    assert (ready.ready, ready.detail) == (False, "shop has no configuration for production")
    assert ready.remedy == "Declare config: {production: PATH}, with a path in the component's files."


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"config_file": "a.yaml"}, "config_file is for config_map; add config_map: NAME"),
        ({"config_map": "tidegate-web1"}, "names that begin with tidegate- are Tidegate's own"),
        ({"config_map": "a", "config_file": "../a"}, "is not a path inside the component's files"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        KubernetesSettings.model_validate({"namespace": NAMESPACE, "deployment": "web1", **settings})


def test_a_dry_run_says_that_a_configuration_comes_along(whole: SimulatedCluster) -> None:
    steps = whole.driver(config_map="shop-config", config_file=PATH).render(
        [effect("web1", "s", packed(whole, "1.0.0", "a: 1\n")[1])]
    )
    assert [step.sentence for step in steps if step.verb == "configure"] == [
        "have its configuration in a ConfigMap shop-config-DIGEST, made once and never changed"
    ]
