"""The cluster's API, as far as the driver asks it; what it answers is a value or one of Tidegate's errors.

Every write to a workload carries the uid and the resourceVersion that were read: whoever wrote in between makes it
fail, and we look again.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from tidegate.drivers.command import redact
from tidegate.drivers.kubernetes.intent import MANAGER
from tidegate.drivers.kubernetes.record import Json, Record, read_record
from tidegate.drivers.kubernetes.settings import Access
from tidegate.errors import TargetError

if TYPE_CHECKING:
    from lightkube import Client

T = TypeVar("T")
KINDS = {
    "ConfigMap": ("", "v1", "configmaps"),
    "Deployment": ("apps", "v1", "deployments"),
    "EndpointSlice": ("discovery.k8s.io", "v1", "endpointslices"),
    "HorizontalPodAutoscaler": ("autoscaling", "v2", "horizontalpodautoscalers"),
    "Ingress": ("networking.k8s.io", "v1", "ingresses"),
    "NetworkPolicy": ("networking.k8s.io", "v1", "networkpolicies"),
    "PersistentVolumeClaim": ("", "v1", "persistentvolumeclaims"),
    "Pod": ("", "v1", "pods"),
    "PodDisruptionBudget": ("policy", "v1", "poddisruptionbudgets"),
    "Service": ("", "v1", "services"),
    "ServiceAccount": ("", "v1", "serviceaccounts"),
    "StatefulSet": ("apps", "v1", "statefulsets"),
}
"""What the driver reads or applies: group, version and plural of each kind."""

_EARLIER = {"EndpointSlice": "v1beta1"}
"""The version that servers have which do not have the one above, where what is read of it is the same: before 1.21."""

CONTROLLED = frozenset({"EndpointSlice", "Pod"})
"""Those of them that controllers make, and nobody applies."""

_VERSION = re.compile(r"v[0-9]{1,4}(?:\.[0-9]{1,4}){2}(?:[-+][A-Za-z0-9.+-]{1,64})?")
_MANAGER = re.compile(r'conflict with "([^"]*)"')
_classes: dict[tuple[str, str], Any] = {}
_classes_lock = threading.Lock()
_MOST_WATCHES = 40
"""How many connections are kept by watches, of the 100 that a client has."""

RECORD, WAY_BACK = "record.json", "way-back.json"


class ChangedError(Exception):
    """Somebody wrote in between, or the object is already there: look again."""


class OwnedError(Exception):
    """Another manager owns fields that we would change: each as its manager and the field."""

    def __init__(self, conflicts: list[tuple[str, str]]) -> None:
        super().__init__(str(conflicts))
        self.conflicts = conflicts

    @property
    def managers(self) -> frozenset[str]:
        return frozenset(manager for manager, _ in self.conflicts)

    @property
    def words(self) -> str:
        return ", ".join(f"{field} belongs to {manager}" for manager, field in self.conflicts[:5])


class ExpiredError(Exception):
    """What a watch should go on from is too old: begin anew."""


class GoneError(TargetError):
    """There is no such object."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The ConfigMap of a unit, as it was read; ``version`` is empty where there is none yet."""

    record: Record
    version: str = ""
    uid: str = ""
    binary: Mapping[str, bytes] = field(default_factory=dict)


class Cluster:
    """The API of one cluster, in one namespace.

    Args:
        transport: another way for the requests than the network; only in tests.
    """

    def __init__(self, settings: Access, transport: Any = None) -> None:
        self._settings = settings
        self._transport = transport
        self._client: Client | None = None
        self._lock = threading.Lock()
        self.watches = threading.BoundedSemaphore(_MOST_WATCHES)

    # ------------------------------------------------------------------------------------------ workloads

    def read(self, kind: str, name: str) -> Json | None:
        """An object, or None where there is none."""
        try:
            return self._object(lambda client: client.get(_class(kind), name, namespace=self._namespace), name)
        except GoneError:
            return None
        except (ChangedError, OwnedError) as error:
            raise _nonsense(name, f"a conflict where nothing was written: {error}") from error

    def pods(self, workload: Json) -> list[Json]:
        """The pods that a workload's selector picks."""
        labels = workload["spec"].get("selector", {}).get("matchLabels", {})
        return self.some("Pod", labels) if labels else []

    def some(self, kind: str, labels: Mapping[str, str]) -> list[Json]:
        """The objects of a kind that have these labels.

        Raises:
            GoneError: the server has no such kind.
        """

        try:
            return self._listed(_class(kind), kind, labels)
        except GoneError:
            if kind not in _EARLIER:
                raise
            return self._listed(_class(kind, _EARLIER[kind]), kind, labels)

    def _listed(self, of: Any, kind: str, labels: Mapping[str, str]) -> list[Json]:
        def ask(client: Client) -> list[Json]:
            found = client.list(of, namespace=self._namespace, labels=dict(labels) or None)
            return [json.loads(json.dumps(one.to_dict())) for one in found]

        return self._call(ask, ", ".join(labels.values()) or kind)

    def apply(
        self, body: Json, live: Json | None, *, force: bool = False, dry_run: bool = False, manager: str = MANAGER
    ) -> Json:
        """Apply on the server, on what was read.

        Raises:
            ChangedError: it is not as it was read any more.
            OwnedError: another manager owns a field.
        """
        from lightkube.types import PatchType

        name = body["metadata"]["name"]
        sent = {**body, "metadata": {**body["metadata"], **_precondition(live)}}
        return self._object(
            lambda client: client.patch(
                _class(body["kind"]),
                name,
                sent,
                namespace=self._namespace,
                patch_type=PatchType.APPLY,
                field_manager=manager,
                force=force,
                dry_run=dry_run,
            ),
            name,
        )

    def merge(self, live: Json, patch: Json, *, dry_run: bool = False) -> Json:
        """Change some fields of what was read.

        Raises:
            ChangedError: it is not as it was read any more.
        """
        from lightkube.types import PatchType

        name = live["metadata"]["name"]
        sent = {**patch, "metadata": {**patch.get("metadata", {}), **_precondition(live)}}
        return self._object(
            lambda client: client.patch(
                _class(live["kind"]),
                name,
                sent,
                namespace=self._namespace,
                patch_type=PatchType.MERGE,
                dry_run=dry_run,
            ),
            name,
        )

    def watch(self, kind: str, name: str, version: str, seconds: int) -> Iterator[tuple[str, str]]:
        """What happens to an object: the kind of each event, and the version to go on from. Ends after ``seconds``.

        Args:
            version: where to go on from; empty: what there is comes first.

        Raises:
            ExpiredError: the version is too old.
        """
        import httpx2
        from lightkube import ApiError

        try:
            with closing(self._stream(kind, name, version, seconds)) as response:
                if response.status_code == 410:
                    raise ExpiredError
                response.raise_for_status()
                for line in response.iter_lines():
                    yield _event(line, name)
        except ApiError as error:
            raise ExpiredError from error if error.status.code == 410 else _refused(error, name)
        except (httpx2.HTTPError, OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise _nonsense(name, redact(str(error) or type(error).__name__)) from error

    def _stream(self, kind: str, name: str, version: str, seconds: int) -> Any:
        """The answer to a watch. The library's own watch asks for no bookmarks, and ends only when it is told."""
        import httpx2

        asked: dict[str, str] = {
            "timeoutSeconds": str(seconds),
            "allowWatchBookmarks": "true",
            "fieldSelector": f"metadata.name={name}",
            **({"resourceVersion": version} if version else {}),
        }
        below: Any = self._connected()._client
        request = below.prepare_request("list", res=_class(kind), namespace=self._namespace, watch=True, params=asked)
        request.timeout = httpx2.Timeout(self._settings.request_timeout.total_seconds())
        request.timeout.read = seconds + self._settings.request_timeout.total_seconds()
        return below.send(below.build_adapter_request(request), stream=True)

    def create(self, body: Json) -> Json:
        """Create an object.

        Raises:
            ChangedError: it is there already.
        """
        thing = _class(body["kind"])(body)
        return self._object(lambda client: client.create(thing, namespace=self._namespace), body["metadata"]["name"])

    def remove_pod(self, name: str) -> None:
        """Have a pod made anew; one that is gone is gone."""
        self.remove("Pod", name)

    def remove(self, kind: str, name: str) -> None:
        """Remove an object; one that is gone is gone."""
        try:
            self._call(lambda client: client.delete(_class(kind), name, namespace=self._namespace), name)
        except (GoneError, ChangedError):
            return

    # ------------------------------------------------------------------------------------------ the record

    def stored(self, unit: str) -> Stored | None:
        """What the unit remembers of us, or None."""
        found = self.read("ConfigMap", state_name(unit))
        return None if found is None else _read_stored(unit, found)

    def store(
        self, unit: str, old: Stored, record: Record, binary: Mapping[str, bytes], *, dry_run: bool = False
    ) -> Stored:
        """Write a record over the one that was read; a dry run leaves that one.

        Raises:
            ChangedError: it is not the one that was read any more.
        """
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": state_name(unit),
                "labels": {"app.kubernetes.io/managed-by": MANAGER},
                **({"resourceVersion": old.version, "uid": old.uid} if old.version else {}),
            },
            "data": {RECORD: record.to_text()},
            "binaryData": {name: base64.b64encode(data).decode() for name, data in binary.items()},
        }
        thing = _class("ConfigMap")(body)

        def ask(client: Client) -> Any:
            write: Any = client.replace if old.version else client.create
            return write(thing, namespace=self._namespace, dry_run=dry_run)

        try:
            if dry_run:  # the answer to a creation that was only tried has no version
                self._call(ask, state_name(unit))
                return old
            return _read_stored(unit, self._object(ask, state_name(unit)))
        except GoneError as error:
            raise ChangedError from error

    # ------------------------------------------------------------------------------------------ asking

    @property
    def _namespace(self) -> str:
        return self._settings.namespace

    def version(self) -> str:
        """The version of the cluster, such as ``v1.29.3``; empty where it does not say one."""

        def ask(client: Client) -> str:
            below: Any = client._client
            answer = below._client.get("/version")
            found = answer.json() if answer.is_success else {}
            said = str(found.get("gitVersion", "")) if isinstance(found, dict) else ""
            return said if _VERSION.fullmatch(said) else ""

        return self._call(ask, self._namespace)

    @property
    def address(self) -> str:
        """Where the cluster is, for people."""
        return str(self._connected().config.cluster.server)

    def _connected(self) -> Client:
        with self._lock:
            if self._client is None:
                self._client = self._connect()
                weakref.finalize(self, self._client.close)  # a driver has no end of its own
            return self._client

    def _connect(self) -> Client:
        import httpx2
        from lightkube import Client, KubeConfig
        from lightkube.core.exceptions import ConfigError

        settings = self._settings
        try:
            found = KubeConfig.from_file(settings.kubeconfig) if settings.kubeconfig else KubeConfig.from_env()
            config = found.get(context_name=settings.context)
            return Client(
                config=config,
                namespace=settings.namespace,
                timeout=httpx2.Timeout(settings.request_timeout.total_seconds()),
                field_manager=MANAGER,
                transport=self._transport,
            )
        except (ConfigError, OSError, ValueError, KeyError, TypeError, AttributeError, AssertionError) as error:
            why = redact(str(error) or type(error).__name__)
            raise TargetError(
                f"cannot reach the cluster: its kubeconfig cannot be used: {why}",
                where=settings.kubeconfig or "kubeconfig",
                remedy="Correct kubeconfig and context in the target, or set KUBECONFIG.",
            ) from error

    def _object(self, ask: Callable[[Client], Any], where: str) -> Json:
        answer = self._call(ask, where)
        found: Json = json.loads(json.dumps(answer.to_dict()))
        if not isinstance(found.get("metadata"), dict) or "resourceVersion" not in found["metadata"]:
            raise _nonsense(where, "it is no object")
        return found

    def _call(self, ask: Callable[[Client], T], where: str) -> T:
        """Ask once; every way in which that goes wrong becomes one of ours."""
        import httpx2
        from lightkube import ApiError
        from lightkube.core.exceptions import ConfigError

        client = self._connected()
        try:
            return ask(client)
        except ApiError as error:
            raise _refused(error, where) from error
        except httpx2.HTTPStatusError as error:
            raise _nonsense(where, f"status {error.response.status_code}") from error
        except httpx2.TransportError as error:
            raise TargetError(
                f"the cluster does not answer: {redact(str(error) or type(error).__name__)}",
                where=where,
                remedy="Look at the cluster and the way to it, then observe it again.",
            ) from error
        except (ConfigError, OSError) as error:
            raise TargetError(
                f"cannot reach the cluster: no credential could be had: {redact(str(error))}",
                where=where,
                remedy="Run the command of the kubeconfig by hand, and mend it.",
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _nonsense(where, redact(str(error) or type(error).__name__)) from error


def state_name(unit: str) -> str:
    """The name of a unit's ConfigMap."""
    return f"tidegate-{unit}"


def _class(kind: str, version: str = "") -> Any:
    """The library's class of a kind: one that keeps every field of the server, known to the library or not."""
    from lightkube.generic_resource import create_namespaced_resource, get_generic_resource

    group, present, plural = KINDS[kind]
    asked = version or present
    with _classes_lock:
        if (kind, asked) not in _classes:
            known = get_generic_resource(f"{group}/{asked}" if group else asked, kind)  # type: ignore[no-untyped-call]
            _classes[kind, asked] = known or create_namespaced_resource(group, asked, kind, plural)
        return _classes[kind, asked]


def _precondition(live: Json | None) -> Json:
    """With the uid too: a version alone would create the object anew where somebody has removed it."""
    return {name: live["metadata"][name] for name in ("uid", "resourceVersion")} if live else {}


def _read_stored(unit: str, found: Json) -> Stored:
    where = state_name(unit)
    record = read_record(str(found.get("data", {}).get(RECORD, "")), where)
    try:
        binary = {
            str(name): base64.b64decode(text or "", validate=True)
            for name, text in (found.get("binaryData") or {}).items()
        }
    except (binascii.Error, ValueError, TypeError) as error:
        raise _nonsense(where, str(error)) from error
    return Stored(record, found["metadata"]["resourceVersion"], found["metadata"].get("uid", ""), binary)


def _event(line: str, where: str) -> tuple[str, str]:
    """The kind of an event of a watch, and the version it brings.

    Raises:
        ExpiredError: it says that the version is too old.
        TargetError: it is another error.
    """
    found = json.loads(line)
    kind, thing = str(found["type"]), found["object"]
    if kind == "ERROR":
        if thing.get("code") == 410:
            raise ExpiredError
        raise _nonsense(where, f"the watch ended: {redact(str(thing.get('message')))}")
    return kind, str(thing["metadata"]["resourceVersion"])


def _refused(error: Any, where: str) -> Exception:
    """What a refusal of the server means to us."""
    status = error.status
    code, message = int(status.code or 0), redact(str(status.message or "no reason")).rstrip(": ")
    if code == 404:
        return GoneError(message, where=where, remedy="Look at the namespace; name the object that is there.")
    if code == 409:
        causes = (status.details.causes if status.details else None) or []
        owned = [
            (found[1] if (found := _MANAGER.search(cause.message or "")) else "another manager", cause.field or "?")
            for cause in causes
            if cause.reason == "FieldManagerConflict"
        ]
        return OwnedError(owned) if owned else ChangedError(message)
    remedies = {
        401: ("the cluster does not accept our credential", "Renew the credential of the kubeconfig."),
        403: ("the cluster refused it", "Grant what docs/drivers/kubernetes-rbac.yaml grants, or heed the reason."),
        422: ("the cluster finds it invalid", "Correct the manifest."),
    }
    what, remedy = remedies.get(code, ("the cluster could not do it", "Observe it again."))
    return TargetError(f"{what} ({code}): {message}", where=where, remedy=remedy)


def _nonsense(where: str, why: str) -> TargetError:
    return TargetError(
        f"the cluster's answer cannot be used: {why}",
        where=where,
        remedy="Look at what stands between here and the cluster, then observe it again.",
    )
