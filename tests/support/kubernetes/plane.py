"""A real cluster on this machine: etcd, the programs of Kubernetes, and one node whose containers a Docker engine runs.

Kubernetes is built by ``scripts/kubernetes`` from Debian's source, etcd and Docker are Debian's. Everything is on
loopback, with its files in a directory of its own; the node has namespaces of its own for mounts and processes, so that
nothing of it outlives it. Only root can start one.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import ssl
import subprocess
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme
import yaml  # type: ignore[import-untyped]

from tests.support.compose import tar_of
from tests.support.docker import why_no_docker
from tests.support.patience import PATIENCE_S
from tests.support.processes import Server, ServerFailedError, find_program
from tests.support.registry import ContainerRegistry, free_port, start_registry, why_no_registry

# Read when this is imported: the tests keep the environment of whoever started them out of the product's sight.
BUILT = Path(os.environ.get("TIDEGATE_TEST_KUBERNETES") or "/nonexistent")
"""Where the programs of Kubernetes are, by ``TIDEGATE_TEST_KUBERNETES``, which ``make cluster-test`` sets."""

PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet")
NODE = "node"
ADMIN = "token-of-the-administrator"

# The node: first argument its directory, second its bridge, then how the engine is started, "--", and the kubelet. What
# it writes to /var/log and mounts for its pods is seen by nobody else.
_NODE = """\
set -u
directory=$1; bridge=$2; shift 2
mount --bind "$directory/log" /var/log
while [ "$1" != -- ]; do engine="${engine:-} $1"; shift; done
shift
$engine >"$directory/engine.log" 2>&1 &
until DOCKER_HOST=unix://$directory/docker.sock docker version >/dev/null 2>&1; do sleep 0.1; done
"$@" >"$directory/kubelet.log" 2>&1 &
wait
"""

# The runtime of containers: runc, for machines where even root may not shield a process from the killer of last resort.
_RUNTIME = """\
#!/bin/sh
for word; do
    [ "${last:-}" != --bundle ] || sed -i 's/"oomScoreAdj":-[0-9]*/"oomScoreAdj":0/' "$word/config.json"
    last=$word
done
exec runc "$@"
"""

# What service accounts ask is written down.
_AUDIT = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata", "userGroups": ["system:serviceaccounts"]}, {"level": "None"}],
}

# Both end when they are told to, which the first process of a container does only if it says so. What serves says which
# version it is to whoever asks.
_WAITS = "trap 'exit 0' TERM; /bin/busybox sleep 1000000000 & wait"
_SERVES = "trap 'exit 0' TERM; echo $VERSION > /index.html; /bin/busybox httpd -f -p 8080 -h / & wait"


def why_no_plane() -> str:
    """Why no cluster can be started here, or an empty text."""
    if missing := [name for name in PROGRAMS if not (BUILT / name).is_file()]:
        return f"TIDEGATE_TEST_KUBERNETES names no {missing[0]}: run make cluster-test as root"
    for program, package in (("etcd", "etcd-server"), ("busybox", "busybox-static"), ("ip", "iproute2")):
        if find_program(program) is None:
            return f"{program} is not installed: apt-get install {package}"
    return why_no_docker() or why_no_registry()


@dataclass
class Plane:
    """One cluster; ``close`` at the end. ``servers`` are its processes by their names."""

    directory: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="tidegate-cluster-")))
    servers: dict[str, Server] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._mark = uuid.uuid4().hex[:8]
        self._ports = {name: free_port() for name in ("etcd", "peers", "api", "kubelet", "controllers", "scheduler")}
        self.registry: ContainerRegistry | None = None

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._ports['api']}"

    @property
    def authority(self) -> Path:
        """The certificate by which the API is known."""
        return self.directory / "authority.pem"

    def kubeconfig(self, token: str = ADMIN, directory: Path | None = None) -> Path:
        """How whoever has a token reaches the cluster."""
        path = (directory or self.directory) / f"kubeconfig-{uuid.uuid5(uuid.NAMESPACE_OID, token).hex[:8]}"
        cluster = {"server": self.url, "certificate-authority": str(self.authority)}
        made = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "cluster",
            "clusters": [{"name": "cluster", "cluster": cluster}],
            "users": [{"name": "user", "user": {"token": token}}],
            "contexts": [{"name": "cluster", "context": {"cluster": "cluster", "user": "user"}}],
        }
        path.write_text(yaml.safe_dump(made))
        return path

    # ------------------------------------------------------------------------------------------ starting

    def start(self) -> None:
        """Start all of it, and wait until its node is ready.

        Raises:
            ServerFailedError: it did not get ready: the kernel may not allow it here.
        """
        self._make_keys()
        self._start_etcd()
        self.start_api()
        self._start("kube-controller-manager", self._controllers())
        self._start("kube-scheduler", self._scheduler())
        self.registry = start_registry(self.directory / "registry")
        self._start_node()
        self.servers["node"].wait_until(self._node_is_ready, within_s=max(PATIENCE_S, 120))

    def _start(self, name: str, options: Mapping[str, str | Path], program: Path | None = None) -> Server:
        command: list[str | Path] = [
            program or BUILT / name,
            *(f"--{option}={value}" for option, value in options.items()),
        ]
        server = Server(command, log=self.directory / f"{name}.log", account=None, stop=signal.SIGKILL)
        self.servers[name] = server
        return server

    def _make_keys(self) -> None:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa

        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.authority)
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(self.directory / "api.pem")
        key = rsa.generate_private_key(65537, 2048).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        (self.directory / "accounts.pem").write_bytes(key)
        (self.directory / "tokens.csv").write_text(f'{ADMIN},administrator,1,"system:masters"\n')
        (self.directory / "audit.json").write_text(json.dumps(_AUDIT))

    def _start_etcd(self) -> None:
        client, peer = (f"http://127.0.0.1:{self._ports[name]}" for name in ("etcd", "peers"))
        options: dict[str, str | Path] = {
            "data-dir": self.directory / "etcd",
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"default={peer}",
        }
        self._start("etcd", options, find_program("etcd")).wait_until(lambda: _answers(f"{client}/health"))

    def start_api(self) -> None:
        """Start the API, also one that was killed, and wait until it answers."""
        account = self.directory / "accounts.pem"
        options: dict[str, str | Path] = {
            "etcd-servers": f"http://127.0.0.1:{self._ports['etcd']}",
            "bind-address": "127.0.0.1",
            "secure-port": str(self._ports["api"]),
            "insecure-port": "0",
            "tls-cert-file": self.directory / "api.pem",
            "tls-private-key-file": self.directory / "api.pem",
            "cert-dir": self.directory / "certificates",
            "authorization-mode": "RBAC",
            "token-auth-file": self.directory / "tokens.csv",
            "service-account-key-file": account,
            "service-account-signing-key-file": account,
            "service-account-issuer": "https://kubernetes.default.svc",
            "service-cluster-ip-range": "10.96.0.0/24",
            "audit-policy-file": self.directory / "audit.json",
            "audit-log-path": self._audited,
            "allow-privileged": "true",
        }
        self._start("kube-apiserver", options).wait_until(self._api_is_ready, within_s=max(PATIENCE_S, 60))

    def kill_api(self) -> None:
        """SIGKILL to the API: whatever it was doing, it ends there."""
        process = self.servers["kube-apiserver"].process
        process.kill()
        process.wait()

    def _controllers(self) -> dict[str, str | Path]:
        return {
            "kubeconfig": self.kubeconfig(),
            "service-account-private-key-file": self.directory / "accounts.pem",
            "root-ca-file": self.authority,
            "leader-elect": "false",
            "bind-address": "127.0.0.1",
            "port": "0",
            "secure-port": str(self._ports["controllers"]),
            "cert-dir": self.directory / "certificates",
            "kube-api-qps": "200",
            "kube-api-burst": "400",
        }

    def _scheduler(self) -> dict[str, str | Path]:
        return {
            "kubeconfig": self.kubeconfig(),
            "leader-elect": "false",
            "bind-address": "127.0.0.1",
            "port": "0",
            "secure-port": str(self._ports["scheduler"]),
            "cert-dir": self.directory / "certificates",
        }

    # ------------------------------------------------------------------------------------------ the node

    @property
    def _bridge(self) -> str:
        return f"tg{self._mark}"

    @property
    def _node_directory(self) -> Path:
        return self.directory / "node"

    def _start_node(self) -> None:
        node = self._node_directory
        for name in ("log", "client"):
            (node / name).mkdir(parents=True)
        network = f"198.18.{int(self._mark[:2], 16)}"  # RFC 2544: nobody's
        _run("ip", "link", "add", "name", self._bridge, "type", "bridge")
        _run("ip", "address", "add", f"{network}.1/24", "dev", self._bridge)
        _run("ip", "link", "set", self._bridge, "up")
        (node / "daemon.json").write_text("{}")
        (node / "runtime").write_text(_RUNTIME)
        (node / "runtime").chmod(0o755)
        (node / "kubelet.json").write_text(json.dumps(self._kubelet_configuration()))
        engine = {
            "config-file": node / "daemon.json",
            "data-root": node / "data",
            "exec-root": node / "exec",
            "pidfile": node / "pid",
            "host": f"unix://{node}/docker.sock",
            "group": str(os.getegid()),
            "bridge": self._bridge,
            "fixed-cidr": f"{network}.0/24",
            "iptables": "false",
            "ip6tables": "false",
            "ip-forward": "false",
            "ip-masq": "false",
            "userland-proxy": "false",
            "storage-driver": "vfs",
            "cgroup-parent": f"/{self._bridge}",
            "add-runtime": f"node={node}/runtime",
            "default-runtime": "node",
            "exec-opt": "native.cgroupdriver=cgroupfs",
            "log-level": "warn",
        }
        kubelet = {
            "config": node / "kubelet.json",
            "kubeconfig": self.kubeconfig(),
            "hostname-override": NODE,
            "root-dir": node / "kubelet",
            "cert-dir": node / "certificates",
            "docker-endpoint": f"unix://{node}/docker.sock",
            "container-runtime-endpoint": f"unix://{node}/shim.sock",
            "experimental-dockershim-root-directory": node / "shim",
            "pod-infra-container-image": f"{self._host}/pause:1",
        }
        command: list[str | Path] = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]
        command += ["sh", "-c", _NODE, "node", node, self._bridge]
        command += [find_program("dockerd") or "dockerd", *(f"--{name}={value}" for name, value in engine.items())]
        command += ["--", BUILT / "kubelet", *(f"--{name}={value}" for name, value in kubelet.items())]
        server = Server(command, log=node / "out", account=None, stop=signal.SIGKILL)
        self.servers["node"] = server
        server.wait_until(lambda: self.docker("version", check=False).returncode == 0)
        self._push_image("pause", "1", _WAITS)

    def _kubelet_configuration(self) -> dict[str, Any]:
        """No cgroups of its own beside those of another kubelet, and nothing thrown away for want of room."""
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "volumePluginDir": str(self._node_directory / "plugins"),
            "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
            "authorization": {"mode": "AlwaysAllow"},
            "address": "127.0.0.1",
            "port": self._ports["kubelet"],
            "readOnlyPort": 0,
            "healthzPort": 0,
            "failSwapOn": False,
            "cgroupDriver": "cgroupfs",
            "cgroupsPerQOS": False,
            "enforceNodeAllocatable": [],
            "evictionHard": {"memory.available": "1Mi", "nodefs.available": "0%", "imagefs.available": "0%"},
            "imageGCHighThresholdPercent": 100,
            "makeIPTablesUtilChains": False,
            "hairpinMode": "none",
            "registryPullQPS": 0,
            "eventRecordQPS": 0,
            "kubeAPIQPS": 100,
            "kubeAPIBurst": 200,
            "serializeImagePulls": False,
            "nodeStatusUpdateFrequency": "5s",
            "maxPods": 200,
        }

    def docker(self, *words: str, check: bool = True, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a command of Docker against the node's engine."""
        node = self._node_directory
        environment = {
            **os.environ,
            "DOCKER_HOST": f"unix://{node}/docker.sock",
            "DOCKER_CONFIG": str(node / "client"),
        }
        program = str(find_program("docker"))
        done = subprocess.run([program, *words], env=environment, capture_output=True, input=stdin, check=False)
        if check and done.returncode:
            raise ServerFailedError(f"docker {words[0]} ended with {done.returncode}: {done.stderr.decode()[-500:]}")
        return done

    # ------------------------------------------------------------------------------------------ images

    @property
    def _host(self) -> str:
        assert self.registry is not None
        return self.registry.host

    def repository(self, name: str = "shop") -> str:
        return f"{self._host}/{name}"

    def digest(self, version: str, name: str = "shop") -> str:
        """The digest of an image that serves its version on port 8080; it is made once."""
        key = f"{name}:{version}"
        if key not in self.digests:
            self.digests[key] = self._push_image(name, version, _SERVES)
        return self.digests[key]

    def image(self, version: str, name: str = "shop") -> str:
        """Such an image, by digest."""
        return f"{self.repository(name)}@{self.digest(version, name)}"

    def _push_image(self, name: str, tag: str, script: str) -> str:
        busybox = Path(str(find_program("busybox"))).read_bytes()
        image = f"{self.repository(name)}:{tag}"
        changes = (f"CMD {json.dumps(['/bin/busybox', 'sh', '-c', script])}", f"ENV VERSION={tag}")
        words = [word for change in changes for word in ("--change", change)]
        self.docker("import", *words, "-", image, stdin=tar_of({"bin/busybox": busybox}, 0o755))
        self.docker("push", "--quiet", image)
        assert self.registry is not None
        return self.registry.tags(name)[tag]

    # ------------------------------------------------------------------------------------------ asking and ending

    @property
    def _audited(self) -> Path:
        return self.directory / "audit.log"

    def asked(self, namespace: str, account: str = "tidegate") -> list[Any]:
        """What a service account has asked, as the API's own audit log tells."""
        user = f"system:serviceaccount:{namespace}:{account}"
        entries = [json.loads(line) for line in self._audited.read_text().splitlines() if user in line]
        return [entry for entry in entries if entry["user"]["username"] == user]

    def compact(self) -> None:
        """Have etcd forget what happened until now."""
        etcd = f"http://127.0.0.1:{self._ports['etcd']}/v3/kv"
        seen = json.loads(_post(f"{etcd}/range", {"key": "AA=="}))["header"]["revision"]
        _post(f"{etcd}/compaction", {"revision": seen, "physical": True})

    def _ask(self, path: str) -> Any:
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {ADMIN}"})  # noqa: S310
        trust = ssl.create_default_context(cafile=str(self.authority))
        with urllib.request.urlopen(request, timeout=10, context=trust) as answer:  # noqa: S310
            said = answer.read()
        return said.decode() if said == b"ok" else json.loads(said)

    def _api_is_ready(self) -> bool:
        try:
            return bool(self._ask("/readyz") and self._ask("/api/v1/namespaces/default"))
        except (OSError, ValueError):
            return False

    def _node_is_ready(self) -> bool:
        try:
            found = self._ask(f"/api/v1/nodes/{NODE}")
        except (OSError, ValueError):
            return False
        conditions = {one["type"]: one["status"] for one in found["status"].get("conditions", [])}
        return conditions.get("Ready") == "True" and not found["spec"].get("taints")

    def close(self) -> None:
        """Stop it and remove all its files; nothing of it is worth an orderly end."""
        for name in ("node", "kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd"):
            if name in self.servers:
                self.servers[name].stop()
        if self.registry is not None:
            self.registry.stop()
        subprocess.run(["ip", "link", "delete", self._bridge], capture_output=True, check=False)
        for group in Path("/sys/fs/cgroup").glob(f"*/{self._bridge}"):
            _remove_group(group)
        shutil.rmtree(self.directory, ignore_errors=True)


def start_plane() -> Plane:
    """Start a cluster.

    Raises:
        ServerFailedError: ``why_no_plane`` has something to say, or it did not start.
    """
    if reason := why_no_plane():
        raise ServerFailedError(reason)
    plane = Plane()
    try:
        plane.start()
    except BaseException:
        plane.close()
        raise
    return plane


def _run(*words: str) -> None:
    subprocess.run([str(find_program(words[0])), *words[1:]], check=True, capture_output=True)


def _answers(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):  # noqa: S310
        return True
    return False


def _post(url: str, body: Any) -> bytes:
    with urllib.request.urlopen(url, json.dumps(body).encode(), timeout=30) as answer:  # noqa: S310
        read: bytes = answer.read()
        return read


def _remove_group(group: Path) -> None:
    """Remove a cgroup and those below it; their processes are ending."""
    for inner in sorted((one for one in group.rglob("*") if one.is_dir()), reverse=True):
        with contextlib.suppress(OSError):
            inner.rmdir()
    for _ in range(50):
        with contextlib.suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.02)
