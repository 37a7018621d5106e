"""A real SSH server on loopback that lets in who runs the tests, by one key; everything in a directory of its own."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import Server, ServerFailedError, find_program

# Fixed by Debian's build of sshd; its packaging makes it at boot, which a container does not have.
PRIVILEGE_SEPARATION = Path("/run/sshd")

CONFIGURATION = """\
ListenAddress 127.0.0.1:{port}
HostKey {directory}/host_key
AuthorizedKeysFile {directory}/authorized_keys
AuthenticationMethods publickey
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
PidFile none
# The directory lies under /tmp, which everybody may write to.
StrictModes no
MaxStartups 100
MaxSessions 100
Subsystem sftp internal-sftp
LogLevel VERBOSE
"""


def why_no_sshd() -> str:
    """Why no SSH server can serve these tests here, or an empty text."""
    for program in ("sshd", "ssh", "ssh-keygen"):
        if find_program(program) is None:
            return f"{program} is not installed: run scripts/debian-packages"
    try:
        account = pwd.getpwuid(os.geteuid())
    except KeyError:
        return f"user {os.geteuid()} has no account, so that sshd cannot let it in"
    if Path(account.pw_shell).name in {"nologin", "false"}:
        return f"the login shell of {account.pw_name} is {account.pw_shell}, which lets nobody in"
    return ""


@dataclass(frozen=True, slots=True)
class SshServer:
    """Where it listens and how to come in; ``authorized_keys`` may be rewritten at any time."""

    server: Server
    directory: Path
    port: int
    user: str
    host: str = "127.0.0.1"

    @property
    def key(self) -> Path:
        """The private key that is let in."""
        return self.directory / "user_key"

    @property
    def known_hosts(self) -> Path:
        """Holds the server's own key."""
        return self.directory / "known_hosts"

    @property
    def authorized_keys(self) -> Path:
        """Who is let in."""
        return self.directory / "authorized_keys"

    @property
    def options(self) -> list[str]:
        """For ssh, scp and sftp alike: nothing of the user's own configuration, agent or known hosts is used."""
        settings = {
            "Port": str(self.port),
            "User": self.user,
            "IdentityFile": str(self.key),
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "UserKnownHostsFile": str(self.known_hosts),
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
            "BatchMode": "yes",
            "ConnectTimeout": "20",
        }
        return ["-F", "none", *(word for name, value in settings.items() for word in ("-o", f"{name}={value}"))]

    def stop(self) -> None:
        """Stop listening; sessions that are open go on until they end."""
        self.server.stop()


def start_sshd(directory: Path) -> SshServer:
    """Start one with new keys in ``directory``.

    Raises:
        ServerFailedError: it did not answer, or ``why_no_sshd`` has something to say.
    """
    if reason := why_no_sshd():
        raise ServerFailedError(reason)
    if os.geteuid() == 0:
        PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
    for name in ("host_key", "user_key"):
        _generate_key(directory / name)
    (directory / "authorized_keys").write_text((directory / "user_key.pub").read_text())
    return _start_on_a_free_port(directory)


def _start_on_a_free_port(directory: Path) -> SshServer:
    # Between our asking for a free port and sshd's taking it somebody else may: then another one.
    for attempt in range(5):
        port = _free_port()
        try:
            server = _start(directory, port)
        except ServerFailedError:
            if attempt == 4:
                raise
            continue
        host_key = " ".join((directory / "host_key.pub").read_text().split()[:2])
        (directory / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}\n")
        return SshServer(server, directory, port, pwd.getpwuid(os.geteuid()).pw_name)
    raise ServerFailedError("unreachable")


def _start(directory: Path, port: int) -> Server:
    configuration = directory / "sshd_config"
    configuration.write_text(CONFIGURATION.format(port=port, directory=directory))
    # By its absolute path, which it needs to start itself again for each connection.
    command = [find_program("sshd") or "sshd", "-D", "-e", "-f", configuration]
    server = Server(command, log=directory / "sshd.log", account=None, stop=signal.SIGTERM)
    server.wait_until(lambda: _greets(port))
    return server


def _greets(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        return connection.recv(8) == b"SSH-2.0-"
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _generate_key(path: Path) -> None:
    program = str(find_program("ssh-keygen"))
    words = [program, "-q", "-t", "ed25519", "-N", "", "-C", f"tests:{path.name}", "-f", str(path)]
    subprocess.run(words, check=True, capture_output=True)
