"""What the simulator of the Kubernetes API claims, asked of it and of a real cluster by the same requests."""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.kubernetes.controllers import Running
from tests.support.kubernetes.real import Kubernetes
from tests.support.kubernetes.server import ApiServer
from tests.support.kubernetes.world import RBAC, workload
from tests.support.patience import PATIENCE_S

IMAGE = "registry.example/shop:0.9.0"
MERGE, APPLY = "application/merge-patch+json", "application/apply-patch+yaml"


@dataclass
class Api:
    """An API by bare requests, in a namespace of its own."""

    client: httpx2.Client
    namespace: str

    def ask(self, method: str, path: str, body: Any = None, kind: str = "application/json", **query: str) -> Any:
        """The status and the body of an answer; ``path`` such as ``deployments/web``."""
        group = "/api/v1" if path.partition("/")[0] in ("configmaps", "services", "pods") else "/apis/apps/v1"
        content = None if body is None else json.dumps(body)
        url = f"{group}/namespaces/{self.namespace}/{path}"
        answer = self.client.request(method, url, content=content, params=query, headers={"Content-Type": kind})
        return answer.status_code, answer.json()

    def good(self, method: str, path: str, body: Any = None, kind: str = "application/json", **query: str) -> Any:
        code, answer = self.ask(method, path, body, kind, **query)
        assert code in (200, 201), answer
        return answer

    def refused(self, method: str, path: str, body: Any = None, kind: str = "application/json", **query: str) -> Any:
        """The code, the reason and the message of a refusal."""
        code, answer = self.ask(method, path, body, kind, **query)
        assert answer["kind"] == "Status", answer
        assert answer["status"] == "Failure"
        assert answer["code"] == code
        return code, answer["reason"], answer

    def make(self, name: str = "web", kind: str = "Deployment", manager: str = "kubectl", **more: Any) -> Any:
        body = workload(name, kind, IMAGE, replicas=0)
        body["spec"].update(more)
        return self.good("POST", f"{kind.lower()}s", body, fieldManager=manager)

    def apply(self, path: str, body: Any, manager: str = "tidegate", **query: str) -> tuple[int, Any]:
        found: tuple[int, Any] = self.ask("PATCH", path, body, APPLY, fieldManager=manager, **query)
        return found

    def watch(self, path: str, seconds: int, **query: str) -> list[Any]:
        """The events of a watch of an object, until it ends."""
        plural, _, name = path.partition("/")
        params = {"watch": "true", "timeoutSeconds": str(seconds), "fieldSelector": f"metadata.name={name}", **query}
        url = f"/apis/apps/v1/namespaces/{self.namespace}/{plural}"
        with self.client.stream("GET", url, params=params, timeout=seconds + 20) as answer:
            return [json.loads(line) for line in answer.iter_lines()]


@pytest.fixture(params=["simulator", "real"])
def api(request: pytest.FixtureRequest) -> Iterator[Api]:
    if request.param == "simulator":
        server = ApiServer()
        headers = {"Authorization": "Bearer token-of-tidegate"}
        with httpx2.Client(base_url=server.url, headers=headers) as client, Running(server.controllers):
            yield Api(client, "production")
        server.close()
        return
    kubernetes: Kubernetes = request.getfixturevalue("kubernetes")
    namespace = f"tidegate-{uuid.uuid4().hex[:8]}"
    kubernetes.ask("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    with contextlib.closing(kubernetes.client()) as client:
        yield Api(client, namespace)
    kubernetes.ask("DELETE", f"/api/v1/namespaces/{namespace}")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    made = ApiServer()
    made.grant("tidegate", RBAC)
    yield made
    made.close()


def settled(api: Api, path: str) -> Any:
    """An object when its controller has seen its last change."""
    end = time.monotonic() + PATIENCE_S
    while True:
        found = api.good("GET", path)
        if found.get("status", {}).get("observedGeneration") == found["metadata"]["generation"]:
            return found
        assert time.monotonic() < end
        time.sleep(0.05)


# ---------------------------------------------------------------------------------------------------- generations


def test_a_change_of_what_is_asked_for_is_a_generation_and_a_status_is_none(api: Api) -> None:
    assert api.make()["metadata"]["generation"] == 1
    seen = settled(api, "deployments/web")
    assert seen["metadata"]["generation"] == 1
    changed = api.good("PATCH", "deployments/web", {"spec": {"minReadySeconds": 1}}, MERGE)
    assert changed["metadata"]["generation"] == 2
    assert settled(api, "deployments/web")["status"]["observedGeneration"] == 2


@pytest.mark.parametrize(("kind", "counts"), [("Deployment", True), ("StatefulSet", False)])
def test_an_annotation_is_a_generation_of_a_deployment_alone(api: Api, kind: str, counts: bool) -> None:
    api.make(kind=kind)
    path = f"{kind.lower()}s/web"
    before = settled(api, path)["metadata"]["generation"]
    marked = api.good("PATCH", path, {"metadata": {"annotations": {"a": "b"}}}, MERGE)
    assert marked["metadata"]["generation"] == before + int(counts)
    labelled = api.good("PATCH", path, {"metadata": {"labels": {"a": "b"}}}, MERGE)
    assert labelled["metadata"]["generation"] == before + int(counts)


def test_a_write_that_changes_nothing_leaves_the_version(api: Api) -> None:
    api.make()
    settled(api, "deployments/web")
    patch = {"metadata": {"annotations": {"a": "b"}}}
    api.good("PATCH", "deployments/web", patch, MERGE, fieldManager="one")
    before = settled(api, "deployments/web")["metadata"]
    after = api.good("PATCH", "deployments/web", patch, MERGE, fieldManager="one")["metadata"]
    assert (after["resourceVersion"], after["generation"]) == (before["resourceVersion"], before["generation"])


# ---------------------------------------------------------------------------------------------------- dry runs


def test_what_is_only_tried_has_no_version_when_created_and_keeps_it_when_changed(api: Api) -> None:
    held = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": "1"}}
    tried = api.good("POST", "configmaps", held, dryRun="All")
    assert "resourceVersion" not in tried["metadata"]
    assert api.refused("GET", "configmaps/a")[:2] == (404, "NotFound")
    made = api.good("POST", "configmaps", held)
    made["data"] = {"x": "2"}
    changed = api.good("PUT", "configmaps/a", made, dryRun="All")
    assert (changed["data"], changed["metadata"]["resourceVersion"]) == (
        {"x": "2"},
        made["metadata"]["resourceVersion"],
    )
    assert api.good("GET", "configmaps/a")["data"] == {"x": "1"}
    web = workload("web", image=IMAGE, replicas=0)
    code, applied = api.apply("deployments/web", web, dryRun="All")
    assert code == 201
    assert "resourceVersion" not in applied["metadata"]
    assert applied["spec"]["progressDeadlineSeconds"] == 600
    assert api.refused("GET", "deployments/web")[0] == 404


# ---------------------------------------------------------------------------------------------------- conflicts


def test_what_was_not_read_last_is_not_written_over(api: Api) -> None:
    made = api.make()
    api.good("PATCH", "deployments/web", {"metadata": {"annotations": {"a": "b"}}}, MERGE)
    stale = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"], "annotations": {"c": "d"}}}
    code, reason, answer = api.refused("PATCH", "deployments/web", stale, MERGE)
    assert (code, reason) == (409, "Conflict")
    assert "the object has been modified; please apply your changes to the latest version" in answer["message"]
    body = workload("web", image=IMAGE, replicas=0)
    body["metadata"]["resourceVersion"] = made["metadata"]["resourceVersion"]
    code, answer = api.apply("deployments/web", body)
    assert (code, answer["reason"]) == (409, "Conflict")
    assert not (answer.get("details") or {}).get("causes")


def test_another_object_of_the_same_name_is_not_written_over(api: Api) -> None:
    read = api.make()["metadata"]
    api.good("DELETE", "deployments/web")
    api.make()
    mark = {"metadata": {**{name: read[name] for name in ("uid", "resourceVersion")}, "annotations": {"c": "d"}}}
    assert api.refused("PATCH", "deployments/web", mark, MERGE)[:2] == (409, "Conflict")
    mark["metadata"]["name"] = "web"
    code, answer = api.apply("deployments/web", {"apiVersion": "apps/v1", "kind": "Deployment", **mark})
    assert (code, answer["reason"]) == (409, "Conflict")


def test_what_was_removed_is_not_made_anew_by_whoever_read_it(api: Api) -> None:
    made = api.make()
    api.good("DELETE", "deployments/web")
    body = workload("web", image=IMAGE, replicas=0)
    body["metadata"].update({name: made["metadata"][name] for name in ("uid", "resourceVersion")})
    code, answer = api.apply("deployments/web", body)
    assert (code, answer["reason"]) == (409, "Conflict"), answer
    assert api.refused("GET", "deployments/web")[0] == 404


def test_what_is_there_is_not_created(api: Api) -> None:
    api.make()
    code, reason, answer = api.refused("POST", "deployments", workload("web", image=IMAGE, replicas=0))
    assert (code, reason) == (409, "AlreadyExists")
    assert answer["message"] == 'deployments.apps "web" already exists'


def test_a_field_of_another_manager_is_a_conflict_that_names_it(api: Api) -> None:
    api.make(manager="kubectl-create")
    wanted = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"template": {"spec": {"containers": [{"name": "shop", "image": "other:1"}]}}},
    }
    code, answer = api.apply("deployments/web", wanted)
    assert (code, answer["reason"]) == (409, "Conflict")
    (cause,) = answer["details"]["causes"]
    assert cause["reason"] == "FieldManagerConflict"
    assert cause["message"].startswith('conflict with "kubectl-create" using apps/v1')
    assert cause["field"] == '.spec.template.spec.containers[name="shop"].image'
    assert answer["message"].startswith('Apply failed with 1 conflict: conflict with "kubectl-create" using apps/v1')
    code, taken = api.apply("deployments/web", wanted, force="true")
    assert code == 200
    entries = {(one["manager"], one["operation"]): one for one in taken["metadata"]["managedFields"]}
    image = "f:image"
    assert image in json.dumps(entries["tidegate", "Apply"]["fieldsV1"])
    assert image not in json.dumps(entries["kubectl-create", "Update"]["fieldsV1"]).replace("f:imagePullPolicy", "")


def test_the_same_value_is_shared_and_not_a_conflict(api: Api) -> None:
    api.make(manager="kubectl-create")
    same = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"template": {"spec": {"containers": [{"name": "shop", "image": IMAGE}]}}},
    }
    assert api.apply("deployments/web", same)[0] == 200


def test_what_a_manager_no_longer_applies_is_removed(api: Api) -> None:
    body = workload("web", image=IMAGE, replicas=0)
    body["metadata"]["annotations"] = {"a": "b"}
    body["spec"]["template"]["spec"]["containers"][0]["args"] = ["--fast"]
    assert api.apply("deployments/web", body)[0] == 201
    code, left = api.apply("deployments/web", workload("web", image=IMAGE, replicas=0))
    assert code == 200
    assert "a" not in (left["metadata"].get("annotations") or {})
    assert "args" not in left["spec"]["template"]["spec"]["containers"][0]


def test_another_way_of_writing_of_the_same_manager_is_another_owner(api: Api) -> None:
    """What we merged, and then apply with another value, conflicts with ourselves."""
    api.make()
    api.good(
        "PATCH", "deployments/web", {"spec": {"replicas": 0, "minReadySeconds": 3}}, MERGE, fieldManager="tidegate"
    )
    wanted = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"minReadySeconds": 5},
    }
    code, answer = api.apply("deployments/web", wanted)
    assert code == 409
    assert [cause["message"].split('"')[1] for cause in answer["details"]["causes"]] == ["tidegate"]


# ---------------------------------------------------------------------------------------------------- the rest


def test_a_merge_patch_takes_off_what_is_null(api: Api) -> None:
    api.make()
    api.good("PATCH", "deployments/web", {"metadata": {"annotations": {"a": "b", "c": "d"}}}, MERGE)
    left = api.good("PATCH", "deployments/web", {"metadata": {"annotations": {"a": None}}}, MERGE)["metadata"]
    assert left["annotations"].get("c") == "d"
    assert "a" not in left["annotations"]


def test_a_template_that_its_selector_does_not_pick_is_invalid(api: Api) -> None:
    body = workload("web", image=IMAGE, replicas=0)
    body["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    code, reason, answer = api.refused("POST", "deployments", body)
    assert (code, reason) == (422, "Invalid")
    assert "`selector` does not match template `labels`" in answer["message"]


def test_what_is_not_there_is_not_found(api: Api) -> None:
    code, reason, answer = api.refused("GET", "deployments/web")
    assert (code, reason, answer["message"]) == (404, "NotFound", 'deployments.apps "web" not found')
    assert api.refused("PATCH", "deployments/web", {"metadata": {"labels": {"a": "b"}}}, MERGE)[0] == 404
    assert api.refused("DELETE", "configmaps/web")[2]["message"] == 'configmaps "web" not found'


def test_a_credential_that_is_none_is_not_accepted(api: Api) -> None:
    url = f"/api/v1/namespaces/{api.namespace}/configmaps"
    answer = api.client.get(url, headers={"Authorization": "Bearer nobody"}, auth=None)
    assert (answer.status_code, answer.json()["reason"]) == (401, "Unauthorized")


def test_a_watch_without_a_version_says_first_what_there_is(api: Api) -> None:
    api.make()
    seen = settled(api, "deployments/web")["metadata"]["resourceVersion"]
    events = api.watch("deployments/web", 1)
    assert [(one["type"], one["object"]["metadata"]["resourceVersion"]) for one in events][:1] == [("ADDED", seen)]
    api.good("PATCH", "deployments/web", {"metadata": {"annotations": {"a": "b"}}}, MERGE)
    later = api.watch("deployments/web", 1, resourceVersion=seen)
    assert later[0]["type"] == "MODIFIED"
    assert later[0]["object"]["metadata"]["annotations"]["a"] == "b"
    api.good("DELETE", "deployments/web")
    assert "DELETED" in [one["type"] for one in api.watch("deployments/web", 1, resourceVersion=seen)]


def test_a_watch_from_a_version_that_is_not_yet_there_is_refused_or_waits(api: Api) -> None:
    """What the driver makes of it is the same: it begins anew."""
    api.make()
    assert api.watch("deployments/web", 1, resourceVersion="99999999") in ([], [])
