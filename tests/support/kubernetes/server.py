"""The simulated API over HTTP: authentication, RBAC, dry runs, and the faults that a test asks for."""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml  # type: ignore[import-untyped]

from tests.support.kubernetes.controllers import Controllers
from tests.support.kubernetes.fields import Json
from tests.support.kubernetes.store import KINDS, RefusalError, Store

ROLLOUTS = "/simulator/rollouts"
"""What no cluster has: how often each workload was rolled out, by ``NAMESPACE/NAME``."""

VERSION = "v1.29.3"
_PATH = re.compile(
    r"/(?:api|apis/(?P<group>[a-z0-9.]+))/v1/namespaces/(?P<namespace>[a-z0-9-]+)/(?P<plural>[a-z]+)"
    r"(?:/(?P<name>[a-z0-9.-]+))?"
)


@dataclass(frozen=True)
class Request:
    """What was asked."""

    verb: str
    plural: str
    namespace: str
    name: str
    body: Json
    dry: bool
    user: str


@dataclass
class Fault:
    """What goes wrong with the next ``times`` requests that ``of`` picks.

    ``how``: ``before`` and ``after`` lose the connection before or after the effect, ``twice`` carries the request
    out twice, ``mute`` opens a watch that says nothing, ``slow`` answers after ``value`` seconds, ``status`` answers
    with the code ``value``, ``nonsense`` with what is no object.
    """

    how: str
    of: Callable[[Request], bool]
    value: float = 0
    times: int = 1


@dataclass
class ApiServer:
    """One cluster behind an address. Users come with a token; a user without rules may do anything."""

    store: Store = field(default_factory=Store)
    users: dict[str, str] = field(default_factory=lambda: {"token-of-tidegate": "tidegate"})
    rules: dict[str, list[Json]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    asked: list[Request] = field(default_factory=list)
    watched: list[dict[str, str]] = field(default_factory=list)
    used: set[tuple[str, str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.controllers = Controllers(self.store)
        handler = type("Handler", (_Handler,), {"api": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self.store.close()
        self._server.shutdown()
        self._server.server_close()

    def kubeconfig(self, directory: Path, token: str = "token-of-tidegate", url: str = "") -> Path:  # noqa: S107
        path = directory / f"kubeconfig-{token}"
        named = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "simulated",
            "clusters": [{"name": "simulated", "cluster": {"server": url or self.url}}],
            "users": [{"name": "tidegate", "user": {"token": token}}],
            "contexts": [{"name": "simulated", "context": {"cluster": "simulated", "user": "tidegate"}}],
        }
        made = directory / f"{path.name}-{threading.get_ident()}"  # several drivers may be made at once
        made.write_text(yaml.safe_dump(named))
        return made.replace(path)

    def grant(self, user: str, manifest: Path) -> None:
        """Let a user do what the Roles of a manifest allow, and nothing else."""
        documents = list(yaml.safe_load_all(manifest.read_text()))
        self.rules[user] = [rule for one in documents if one["kind"] == "Role" for rule in one["rules"]]

    def answer(self, request: Request, query: dict[str, str], kind: str) -> Json:
        """Carry a request out."""
        self.authorize(request)
        key = (request.plural, request.namespace, request.name)
        manager = query.get("fieldManager", "unknown")
        with self.store.lock:
            match request.verb:
                case "list":
                    return self._listed(request, query)
                case "get":
                    return self.store.get(key)
                case "create":
                    name = str(request.body["metadata"]["name"])
                    return self.store.create((*key[:2], name), request.body, manager, request.dry)
                case "update":
                    return self.store.replace(key, request.body, manager, request.dry)
                case "delete":
                    self.store.delete(key)
                    return {"kind": "Status", "apiVersion": "v1", "status": "Success"}
            if "apply-patch" in kind:
                if key not in self.store.objects:
                    self.authorize(replace(request, verb="create"))
                return self.store.apply(key, request.body, manager, query.get("force") == "true", request.dry)
            return self.store.merge(key, request.body, manager, request.dry)

    def _listed(self, request: Request, query: dict[str, str]) -> Json:
        labels = dict(part.split("=", 1) for part in query.get("labelSelector", "").split(",") if part)
        found = self.store.list(request.plural, request.namespace, labels)
        metadata = {"resourceVersion": str(self.store.version)}
        return {"kind": KINDS[request.plural][1] + "List", "apiVersion": "v1", "metadata": metadata, "items": found}

    def authorize(self, request: Request) -> None:
        group = KINDS[request.plural][0]
        rules = self.rules.get(request.user)
        granted = rules is None or any(
            group in rule["apiGroups"]
            and request.plural in rule["resources"]
            and request.verb in rule["verbs"]
            and (not rule.get("resourceNames") or request.name in rule["resourceNames"])
            for rule in rules
        )
        if not granted:
            where = f'in API group "{group}" in the namespace "{request.namespace}"'
            raise RefusalError(
                403,
                "Forbidden",
                f'{request.plural} "{request.name}" is forbidden: User "{request.user}" cannot {request.verb} resource '
                f'"{request.plural}" {where}',
            )
        self.used.add((group, request.plural, request.verb))


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who hangs up in the middle of an answer is no error of ours."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    api: ApiServer
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # one segment for head and body: two would wait for each other's acknowledgement

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing: the tests read ``asked``."""

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        sent = self.rfile.read(length) if length else b"{}"
        if len(sent) < length:
            return self._hang_up()  # who asked is gone
        body = json.loads(sent)
        parts = urlsplit(self.path)
        if parts.path == ROLLOUTS:
            return self._send(200, self.api.store.rollouts)
        if parts.path == "/version":
            return self._send(200, {"major": "1", "minor": "29", "gitVersion": VERSION})
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        found = _PATH.fullmatch(parts.path)
        if found is None:
            return self._send(404, RefusalError(404, "NotFound", "the server could not find the resource").body)
        user = self.api.users.get((self.headers.get("Authorization") or "").removeprefix("Bearer "))
        if user is None:
            return self._send(401, RefusalError(401, "Unauthorized", "Unauthorized").body)
        verbs = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
        many = "watch" if query.get("watch") == "true" else "list"
        verb = verbs.get(self.command) or ("get" if found["name"] else many)
        request = Request(
            verb, found["plural"], found["namespace"], found["name"] or "", body, query.get("dryRun") == "All", user
        )
        self.api.asked.append(request)
        if verb == "watch":
            self.api.watched.append(query)
        return self._carry_out(request, query)

    def _carry_out(self, request: Request, query: dict[str, str]) -> None:
        fault = self._fault(request)
        if fault.how == "slow":
            time.sleep(fault.value)
        if fault.how == "before":
            return self._hang_up()
        if request.verb == "watch" and fault.how in ("", "mute"):
            return self._watch(request, query, mute=bool(fault.how))
        if fault.how == "status":
            refusal = RefusalError(int(fault.value), "InternalError", "the server is not what it was")
            return self._send(refusal.code, refusal.body)
        code, answer = self._answered(request, query)
        if fault.how == "twice":
            code, answer = self._answered(request, query)
        if fault.how == "after":
            return self._hang_up()
        if fault.how == "nonsense":
            return self._send(200, ["what is this"])
        return self._send(code, answer)

    def _watch(self, request: Request, query: dict[str, str], *, mute: bool = False) -> None:
        """Events as they come, until the time is up; a bookmark at the end."""
        store, name = self.api.store, query.get("fieldSelector", "").removeprefix("metadata.name=")
        try:
            self.api.authorize(replace(request, name=name))
        except RefusalError as refusal:
            return self._send(refusal.code, refusal.body)
        key = (request.plural, request.namespace, name)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        end = time.monotonic() + float(query.get("timeoutSeconds", 60))
        if mute:
            with store.lock:
                store.lock.wait_for(lambda: store.closed, end - time.monotonic())
            return None
        with store.lock:
            seen = int(query.get("resourceVersion") or 0)
            if seen and seen < store.oldest:
                gone = RefusalError(410, "Expired", f"too old resource version: {seen} ({store.oldest})")
                return self._event("ERROR", gone.body)
            if not seen:
                seen = store.version
                if key in store.objects:
                    self._event("ADDED", store.get(key))
            while (left := end - time.monotonic()) > 0 and not store.closed:
                for version, kind, of, thing in list(store.events):
                    if version > seen and of == key:
                        self._event(kind, thing)
                seen = store.version
                store.lock.wait_for(lambda: store.closed or store.version != seen, left)  # noqa: B023
            metadata = {"resourceVersion": str(seen)}
            if query.get("allowWatchBookmarks") == "true":
                self._event(
                    "BOOKMARK", {"kind": KINDS[request.plural][1], "apiVersion": "apps/v1", "metadata": metadata}
                )
        return None

    def _event(self, kind: str, thing: Json) -> None:
        with suppress(OSError):
            self.wfile.write(json.dumps({"type": kind, "object": thing}).encode() + b"\n")
            self.wfile.flush()

    def _answered(self, request: Request, query: dict[str, str]) -> tuple[int, Any]:
        try:
            key = (request.plural, request.namespace, request.name)
            made = request.verb == "create" or (request.verb == "patch" and key not in self.api.store.objects)
            return 201 if made else 200, self.api.answer(request, query, self.headers.get("Content-Type") or "")
        except RefusalError as refusal:
            return refusal.code, refusal.body

    def _fault(self, request: Request) -> Fault:
        for fault in self.api.faults:
            if fault.times and fault.of(request):
                fault.times -= 1
                return fault
        return Fault("", lambda request: True)

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _send(self, code: int, answer: Any) -> None:
        data = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
