"""The objects of the simulated cluster, and what each way of writing does to them."""

from __future__ import annotations

import copy
import hashlib
import json
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.kubernetes.fields import Json, Path, as_tree, as_words, drop, leaves, put

KINDS = {
    "deployments": ("apps", "Deployment"),
    "statefulsets": ("apps", "StatefulSet"),
    "replicasets": ("apps", "ReplicaSet"),
    "pods": ("", "Pod"),
    "configmaps": ("", "ConfigMap"),
    "services": ("", "Service"),
    "endpointslices": ("discovery.k8s.io", "EndpointSlice"),
}
WORKLOADS = ("deployments", "statefulsets")
Key = tuple[str, str, str]
Manager = tuple[str, str]


class RefusalError(Exception):
    """An answer that is no success: a ``Status`` object."""

    def __init__(self, code: int, reason: str, message: str, causes: tuple[Json, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        details = {"details": {"causes": list(causes)}} if causes else {}
        self.body = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "code": code,
            "reason": reason,
            "message": message,
            **details,
        }


@dataclass
class Store:
    """What the cluster holds. ``admit`` may refuse a write, as an admission webhook or a quota would."""

    objects: dict[Key, Json] = field(default_factory=dict)
    owners: dict[Key, dict[Manager, set[Path]]] = field(default_factory=dict)
    version: int = 100
    rollouts: dict[str, list[str | None]] = field(default_factory=dict)
    admit: list[Callable[[str, Json], None]] = field(default_factory=list)
    lock: threading.Condition = field(default_factory=threading.Condition)
    events: list[tuple[int, str, Key, Json]] = field(default_factory=list)
    oldest: int = 0
    closed: bool = False

    # ------------------------------------------------------------------------------------------ reading

    def get(self, key: Key) -> Json:
        try:
            return copy.deepcopy(self.objects[key])
        except KeyError:
            raise RefusalError(404, "NotFound", f"{_resource(key[0])} {json.dumps(key[2])} not found") from None

    def list(self, plural: str, namespace: str, labels: Json | None = None) -> list[Json]:
        return [
            copy.deepcopy(found)
            for key, found in sorted(self.objects.items())
            if key[:2] == (plural, namespace) and (labels or {}).items() <= found["metadata"].get("labels", {}).items()
        ]

    # ------------------------------------------------------------------------------------------ writing

    def create(self, key: Key, body: Json, manager: str, dry: bool = False) -> Json:
        if key in self.objects:
            raise RefusalError(409, "AlreadyExists", f"{_resource(key[0])} {json.dumps(key[2])} already exists")
        new = copy.deepcopy(body)
        return self._save(key, new, {(manager, "Update"): {path for path, _ in leaves(new)}}, manager, dry)

    def replace(self, key: Key, body: Json, manager: str, dry: bool = False) -> Json:
        live = self.get(key)
        self._check_version(key, live, body)
        new = copy.deepcopy(body)
        for name in ("uid", "creationTimestamp", "generation"):
            if name in live["metadata"]:
                new["metadata"][name] = live["metadata"][name]
        if "status" in live:
            new["status"] = live["status"]
        return self._save(key, new, self._updated(key, live, new, manager), manager, dry)

    def merge(self, key: Key, body: Json, manager: str, dry: bool = False) -> Json:
        """A merge patch (RFC 7396)."""
        live = self.get(key)
        self._check_version(key, live, body)
        new = _merged(copy.deepcopy(live), body)
        return self._save(key, new, self._updated(key, live, new, manager), manager, dry)

    def apply(self, key: Key, body: Json, manager: str, force: bool = False, dry: bool = False) -> Json:
        """Server-side apply: what the manager applied before and does not apply now is removed, unless shared."""
        config = dict(leaves(body))
        live = self.objects.get(key)
        if live is None:
            if body["metadata"].get("uid"):
                raise RefusalError(409, "Conflict", "uid mismatch: no existing object was found")
            new = copy.deepcopy(body)
            new["metadata"].pop("resourceVersion", None)
            return self._save(key, new, {(manager, "Apply"): set(config)}, manager, dry)
        self._check_version(key, live, body)
        owners = {who: set(paths) for who, paths in self.owners[key].items()}
        us = (manager, "Apply")
        present = dict(leaves(live))
        foreign = [
            (path, who)
            for path, value in sorted(config.items(), key=lambda item: item[0])
            for who, paths in sorted(owners.items())
            if who != us and path in paths and present.get(path) != value
        ]
        if foreign and not force:
            raise _conflict(key, foreign)
        for path, who in foreign:
            owners[who].discard(path)
        new = copy.deepcopy(live)
        for path in owners.get(us, set()) - set(config):
            if not any(path in paths for who, paths in owners.items() if who != us):
                drop(new, path)
        for path, value in config.items():
            put(new, path, copy.deepcopy(value))
        owners[us] = set(config)
        return self._save(key, new, owners, manager, dry)

    def set_status(self, key: Key, status: Json) -> None:
        """What a controller reports; no generation, and nothing where it says the same."""
        live = self.objects.get(key)
        if live is not None and live.get("status") != status:
            live["status"] = status
            self._stamp(live)
            self._happened("MODIFIED", key, live)

    def keep(self, key: Key, body: Json) -> None:
        """What a controller makes, and makes anew when it is another; nothing where it is the same."""
        live = self.objects.get(key)
        if live is None:
            self.create(key, body, "controller")
        elif any(live[name] != value for name, value in body.items() if name != "metadata"):
            live.update({name: copy.deepcopy(value) for name, value in body.items() if name != "metadata"})
            self._stamp(live)
            self._happened("MODIFIED", key, live)

    def delete(self, key: Key) -> None:
        gone = self.get(key)
        del self.objects[key]
        del self.owners[key]
        self._stamp(gone)
        self._happened("DELETED", key, gone)

    def _updated(self, key: Key, live: Json, new: Json, manager: str) -> dict[Manager, set[Path]]:
        before, after = dict(leaves(live)), dict(leaves(new))
        changed = {path for path, value in after.items() if path not in before or before[path] != value}
        gone = set(before) - set(after)
        owners = {who: paths - changed - gone for who, paths in self.owners[key].items()}
        us = (manager, "Update")
        owners[us] = owners.get(us, set()) | changed
        return owners

    def _check_version(self, key: Key, live: Json, body: Json) -> None:
        asked = body.get("metadata", {})
        version, uid = asked.get("resourceVersion"), asked.get("uid")
        if (version and version != live["metadata"]["resourceVersion"]) or (uid and uid != live["metadata"]["uid"]):
            raise RefusalError(
                409,
                "Conflict",
                f"Operation cannot be fulfilled on {_resource(key[0])} {json.dumps(key[2])}: the object has been "
                "modified; please apply your changes to the latest version and try again",
            )

    def _save(self, key: Key, new: Json, owners: dict[Manager, set[Path]], manager: str, dry: bool) -> Json:
        _default(key[0], new)
        live = self.objects.get(key)
        metadata = new["metadata"]
        metadata["namespace"], metadata["name"] = key[1], key[2]
        group, new["kind"] = KINDS[key[0]]
        new["apiVersion"] = f"{group}/v1" if group else "v1"
        if live is None:
            metadata.update(uid=str(uuid.uuid4()), creationTimestamp="2026-02-01T10:00:00Z", generation=1)
            new.pop("status", None)
        elif _counts_as_change(key[0], live, new):
            metadata["generation"] = live["metadata"]["generation"] + 1
        for one in self.admit:
            one(key[0], new)
        metadata["managedFields"] = [
            {
                "manager": who[0],
                "operation": who[1],
                "apiVersion": new["apiVersion"],
                "time": "2026-02-01T10:00:00Z",
                "fieldsType": "FieldsV1",
                "fieldsV1": as_tree(paths),
            }
            for who, paths in sorted(owners.items())
            if paths
        ]
        if live is not None and live == new:
            return copy.deepcopy(live)
        if dry:  # it keeps the version it had: none, where it would be created
            new["metadata"].pop("resourceVersion", None)
            new["metadata"].update({"resourceVersion": live["metadata"]["resourceVersion"]} if live else {})
        else:
            self._stamp(new)
            self.objects[key] = new
            self.owners[key] = {who: paths for who, paths in owners.items() if paths}
            self._count(key, new, manager)
            self._happened("ADDED" if live is None else "MODIFIED", key, new)
        return copy.deepcopy(new)

    def _happened(self, kind: str, key: Key, thing: Json) -> None:
        """What watches are told."""
        with self.lock:
            self.events.append((self.version, kind, key, copy.deepcopy(thing)))
            self.lock.notify_all()

    def compact(self) -> None:
        """Forget what happened until now: to go on from there is refused with 410."""
        with self.lock:
            self.oldest = self.version
            self.events.clear()

    def close(self) -> None:
        with self.lock:
            self.closed = True
            self.lock.notify_all()

    def _stamp(self, new: Json) -> None:
        self.version += 1
        new["metadata"]["resourceVersion"] = str(self.version)

    def _count(self, key: Key, new: Json, manager: str) -> None:
        """What runs after each write: a template, or nothing. A change of it by Tidegate is one rollout."""
        if key[0] not in WORKLOADS:
            return
        runs = template_hash(new) if new["spec"]["replicas"] else None
        states = self.rollouts.setdefault(f"{key[1]}/{key[2]}", [None])
        if states[-1] != runs:
            if manager == "tidegate":
                states.append(runs)
            else:
                states[-1] = runs


def template_hash(workload: Json) -> str:
    return hashlib.sha256(json.dumps(workload["spec"]["template"], sort_keys=True).encode()).hexdigest()[:10]


def _default(plural: str, new: Json) -> None:
    if plural not in WORKLOADS:
        return
    spec = new["spec"]
    spec.setdefault("replicas", 1)
    if plural == "deployments":
        spec.setdefault("progressDeadlineSeconds", 600)
        spec.setdefault("strategy", {"type": "RollingUpdate"})
    else:
        spec.setdefault("podManagementPolicy", "OrderedReady")
        spec.setdefault("updateStrategy", {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}})
    for container in spec["template"]["spec"]["containers"]:
        container.setdefault("imagePullPolicy", "IfNotPresent")
    labels = spec["template"].get("metadata", {}).get("labels", {})
    if not spec["selector"]["matchLabels"].items() <= labels.items():
        raise RefusalError(422, "Invalid", "spec.template.metadata.labels: `selector` does not match template `labels`")


def _counts_as_change(plural: str, live: Json, new: Json) -> bool:
    """A Deployment's annotations count too: they are copied to its ReplicaSets (strategy.go of the API server)."""
    annotations = live["metadata"].get("annotations") != new["metadata"].get("annotations")
    return live.get("spec") != new.get("spec") or (plural == "deployments" and annotations)


def _merged(value: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    value = value if isinstance(value, dict) else {}
    for key, inner in patch.items():
        if inner is None:
            value.pop(key, None)
        else:
            value[key] = _merged(value.get(key), inner)
    return value


def _resource(plural: str) -> str:
    group = KINDS[plural][0]
    return f"{plural}.{group}" if group else plural


def _conflict(key: Key, foreign: list[tuple[Path, Manager]]) -> RefusalError:
    group = KINDS[key[0]][0]
    version = f"{group}/v1" if group else "v1"
    causes = tuple(
        {
            "reason": "FieldManagerConflict",
            "message": f'conflict with "{who[0]}" using {version}',
            "field": as_words(path),
        }
        for path, who in foreign
    )
    number = "1 conflict" if len(causes) == 1 else f"{len(causes)} conflicts"
    message = f"Apply failed with {number}: {causes[0]['message']}: {causes[0]['field']}"
    return RefusalError(409, "Conflict", message, causes)
