"""The controllers of the simulated cluster: each call is one step towards what the objects ask for.

Nothing here waits: a test calls ``settle`` where it wants the cluster to have come to rest, or lets ``Running`` do so
after every write.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field

from tests.support.kubernetes.fields import Json
from tests.support.kubernetes.store import RefusalError, Store, template_hash

_WAITING = {"missing": "ImagePullBackOff", "crashes": "CrashLoopBackOff"}


@dataclass
class Controllers:
    """What runs in the cluster.

    ``images`` says how each image fares: ``ok``, ``unready``, ``missing`` or ``crashes``; one that is not there is
    missing. ``asleep`` names the workloads that no controller looks at. ``deadline`` lets the progress deadline pass
    as soon as nothing moves any more. ``pods_allowed`` is a quota. ``over`` is the template of each Deployment that was
    once rolled out: what becomes of its pods after that, and if there were none, is no rollout and has no deadline.
    """

    store: Store
    images: dict[str, str] = field(default_factory=dict)
    asleep: set[str] = field(default_factory=set)
    deadline: bool = True
    pods_allowed: int = 1000
    made: int = 0
    over: dict[str, str] = field(default_factory=dict)

    def settle(self) -> None:
        """Step until nothing changes any more."""
        with self.store.lock:
            for _ in range(1000):
                before = self.store.version
                self.step()
                if self.store.version == before:
                    return
        raise AssertionError("the controllers do not come to rest")

    def step(self) -> None:
        for plural, of in (("deployments", self._deployment), ("statefulsets", self._stateful_set)):
            for key in [key for key in self.store.objects if key[0] == plural]:
                if key[2] not in self.asleep:
                    of(key[1], self.store.objects[key])
        for key in [key for key in self.store.objects if key[0] == "services" and key[2] not in self.asleep]:
            self._endpoints(key[1], self.store.objects[key])

    def _endpoints(self, namespace: str, service: Json) -> None:
        """The pods that a Service selects, ready or not, in one slice; one without a selector is left alone."""
        name, selector = service["metadata"]["name"], service.get("spec", {}).get("selector")
        if not selector:
            return
        endpoints = [
            {
                "addresses": ["10.0.0.1"],
                "conditions": {"ready": _ready(pod), "serving": _ready(pod), "terminating": False},
                "targetRef": {"kind": "Pod", "namespace": namespace, "name": pod["metadata"]["name"]},
            }
            for pod in self.store.list("pods", namespace, selector)
        ]
        metadata = {"name": f"{name}-abcde", "labels": {"kubernetes.io/service-name": name}}
        made = {"metadata": metadata, "addressType": "IPv4", "endpoints": endpoints, "ports": []}
        self.store.keep(("endpointslices", namespace, f"{name}-abcde"), made)

    # ------------------------------------------------------------------------------------------ Deployments

    def _deployment(self, namespace: str, workload: Json) -> None:
        name, wanted = workload["metadata"]["name"], workload["spec"]["replicas"]
        revision = template_hash(workload)
        refused = ""
        moved = self._replica_set(namespace, workload, revision)
        pods = self._pods(namespace, name)
        new = [pod for pod in pods if pod["metadata"]["labels"]["pod-template-hash"] == revision]
        old = [pod for pod in pods if pod not in new]
        if not workload["spec"].get("paused") and len(new) < wanted and len(pods) < wanted + 1:
            refused = self._start(namespace, workload, revision, f"{name}-{revision}-{self.made:05d}")
            moved = not refused
        elif len(new) > wanted:
            moved = self._stop(namespace, new[-1])
        elif old and (sum(map(_ready, new)) + len(old) > wanted):
            moved = self._stop(namespace, old[0])
        self._report(namespace, workload, revision, moved, refused)

    def _replica_set(self, namespace: str, workload: Json, revision: str) -> bool:
        name = f"{workload['metadata']['name']}-{revision}"
        key = ("replicasets", namespace, name)
        if key in self.store.objects or not workload["spec"]["replicas"]:
            return False
        self.store.create(key, {"metadata": {"name": name}, "spec": {"template": workload["spec"]["template"]}}, "k")
        return True

    def _report(self, namespace: str, workload: Json, revision: str, moved: bool, refused: str) -> None:
        wanted, pods = workload["spec"]["replicas"], self._pods(namespace, workload["metadata"]["name"])
        new = [pod for pod in pods if pod["metadata"]["labels"]["pod-template-hash"] == revision]
        ready = sum(map(_ready, pods))
        complete = len(new) == len(pods) == wanted == ready
        key = ("deployments", namespace, workload["metadata"]["name"])
        if complete:
            self.over["/".join(key)] = revision
        elif self.over.get("/".join(key)) != revision:
            self.over.pop("/".join(key), None)
        conditions = [
            _condition("Available", ready >= wanted, "MinimumReplicasAvailable", "MinimumReplicasUnavailable"),
            _progressing("/".join(key) in self.over, self.deadline and not moved),
        ]
        if refused:
            conditions.append(
                {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": refused}
            )
        counts = {
            "observedGeneration": workload["metadata"]["generation"],
            "replicas": len(pods),
            "updatedReplicas": len(new),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "unavailableReplicas": max(0, wanted - ready),
        }
        status = {name: count for name, count in counts.items() if count}
        self.store.set_status(key, {**status, "conditions": conditions})

    # ------------------------------------------------------------------------------------------ StatefulSets

    def _stateful_set(self, namespace: str, workload: Json) -> None:
        """One pod after another, from the highest number; one that is not ready is waited for, whatever is asked."""
        name, wanted = workload["metadata"]["name"], workload["spec"]["replicas"]
        update = f"{name}-{template_hash(workload)}"
        pods = self._pods(namespace, name)
        if len(pods) > wanted:
            self._stop(namespace, pods[-1])
        elif all(map(_ready, pods)):
            stale = [pod for pod in pods if pod["metadata"]["labels"]["controller-revision-hash"] != update]
            taken = {pod["metadata"]["name"] for pod in pods}
            free = [f"{name}-{i}" for i in range(wanted) if f"{name}-{i}" not in taken]
            if free:
                self._start(namespace, workload, update, free[0])
            elif stale:
                self._stop(namespace, stale[-1])
        pods = self._pods(namespace, name)
        updated = [pod for pod in pods if pod["metadata"]["labels"]["controller-revision-hash"] == update]
        ready = sum(map(_ready, pods))
        current = workload.get("status", {}).get("currentRevision", update)
        complete = len(updated) == len(pods) == wanted == ready
        counts = {
            "observedGeneration": workload["metadata"]["generation"],
            "replicas": len(pods),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "updatedReplicas": len(updated),
            "currentReplicas": len(pods) - (0 if update == current else len(updated)),
        }
        status: Json = {name: count for name, count in counts.items() if count}
        revisions = {"currentRevision": update if complete else current, "updateRevision": update}
        self.store.set_status(("statefulsets", namespace, name), {**status, **revisions})

    # ------------------------------------------------------------------------------------------ pods

    def _pods(self, namespace: str, workload: str) -> list[Json]:
        return [
            pod
            for key, pod in sorted(self.store.objects.items())
            if key[:2] == ("pods", namespace) and pod["metadata"]["annotations"]["of"] == workload
        ]

    def _start(self, namespace: str, workload: Json, revision: str, name: str) -> str:
        """Create a pod; why it was refused, if so."""
        if sum(key[0] == "pods" for key in self.store.objects) >= self.pods_allowed:
            return f'pods "{name}" is forbidden: exceeded quota: compute, limited: pods={self.pods_allowed}'
        template = workload["spec"]["template"]
        hashes = {"pod-template-hash": revision, "controller-revision-hash": revision}
        metadata = {
            "name": name,
            "labels": {**template["metadata"]["labels"], **hashes},
            "annotations": {**template["metadata"].get("annotations", {}), "of": workload["metadata"]["name"]},
        }
        key = ("pods", namespace, name)
        try:
            self.store.create(key, {"metadata": metadata, "spec": template["spec"]}, "kubelet")
        except RefusalError as refusal:
            return str(refusal)
        self.made += 1
        self.store.set_status(key, self._pod_status(template["spec"]["containers"]))
        return ""

    def _pod_status(self, containers: list[Json]) -> Json:
        statuses = []
        for container in containers:
            fares = self._fares(container["image"])
            waiting = {"reason": _WAITING.get(fares, ""), "message": f'Back-off pulling image "{container["image"]}"'}
            statuses.append(
                {
                    "name": container["name"],
                    "image": container["image"],
                    "imageID": "" if fares == "missing" else resolved(container["image"]),
                    "ready": fares == "ok",
                    "restartCount": 0,
                    "state": {"waiting": waiting} if fares in _WAITING else {"running": {}},
                }
            )
        ready = "True" if all(status["ready"] for status in statuses) else "False"
        return {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}], "containerStatuses": statuses}

    def _fares(self, image: str) -> str:
        """How an image fares, also where it is named by the digest that its tag leads to."""
        tagged = [fares for name, fares in self.images.items() if resolved(name) == image]
        return self.images.get(image) or next(iter(tagged), "missing")

    def _stop(self, namespace: str, pod: Json) -> bool:
        self.store.delete(("pods", namespace, pod["metadata"]["name"]))
        return True


class Running:
    """The controllers at work in a thread of their own: they settle after every write."""

    def __init__(self, controllers: Controllers) -> None:
        self._controllers = controllers
        self._ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Running:
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        with self._controllers.store.lock:
            self._ended = True
            self._controllers.store.lock.notify_all()
        self._thread.join()

    def _run(self) -> None:
        store = self._controllers.store
        with store.lock:
            seen = -1
            while not self._ended:
                self._controllers.settle()
                seen = store.version
                store.lock.wait_for(lambda: self._ended or store.version != seen)  # noqa: B023


def resolved(image: str) -> str:
    """An image by digest: the one that its tag leads to in the registry of this cluster."""
    if "@" in image:
        return image
    return f"{image.rpartition(':')[0]}@sha256:{hashlib.sha256(image.encode()).hexdigest()}"


def _ready(pod: Json) -> bool:
    return any(
        one["type"] == "Ready" and one["status"] == "True" for one in pod.get("status", {}).get("conditions", [])
    )


def _condition(kind: str, holds: bool, reason: str, otherwise: str) -> Json:
    return {"type": kind, "status": "True" if holds else "False", "reason": reason if holds else otherwise}


def _progressing(complete: bool, stuck: bool) -> Json:
    if complete:
        return {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}
    if stuck:
        message = "ReplicaSet has timed out progressing."
        return {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": message}
    return {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}
