"""Servers that the tests start themselves: found, run as a user who may, and never left behind."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.support.patience import PATIENCE_S

PROJECT = Path(__file__).resolve().parents[2]
UNPACKED = PROJECT / ".cache" / "debian" / "bin"
ADMINISTRATIVE = ("/usr/local/sbin", "/usr/sbin", "/sbin")


class ServerFailedError(Exception):
    """A server of the tests did not start; the message ends with its own last words."""


def find_program(name: str) -> Path | None:
    """Where a program is: unpacked by ``scripts/debian-packages``, on the PATH, or where only root looks."""
    path = os.pathsep.join([str(UNPACKED), os.environ.get("PATH", os.defpath), *ADMINISTRATIVE])
    found = shutil.which(name, path=path)
    return Path(found) if found else None


def unprivileged_account() -> pwd.struct_passwd | None:
    """For root, the account that runs what refuses to run as root; None where we are not root and run it ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise ServerFailedError("running as root, and there is neither a user postgres nor nobody to run a server as")


def run_as(account: pwd.struct_passwd | None, command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end as the account, in its own working directory ``/``.

    Raises:
        ServerFailedError: it ended with another code than 0.
    """
    identity = {} if account is None else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": ()}
    done = subprocess.run(  # type: ignore[call-overload]
        [str(word) for word in command], capture_output=True, text=True, cwd="/", check=False, **identity
    )
    if done.returncode != 0:
        raise ServerFailedError(f"{command[0]} ended with {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")
    return done  # type: ignore[no-any-return]


class Server:
    """A child process that answers, or is gone.

    It has a session of its own, so that Ctrl-C reaches the tests and not it, and the kernel stops it when the tests are
    killed (``setpriv --pdeathsig``), so that none is left behind.
    """

    def __init__(
        self, command: Sequence[str | Path], *, log: Path, account: pwd.struct_passwd | None, stop: signal.Signals
    ) -> None:
        self._stop = stop
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [*_dying_with_us(account, stop), *(str(word) for word in command)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                start_new_session=True,
            )

    def wait_until(self, ready: Callable[[], bool], *, within_s: float = PATIENCE_S) -> None:
        """Return when ``ready`` says so.

        Raises:
            ServerFailedError: the process ended first, or the time was over; the process is stopped then.
        """
        attempts = round(within_s / 0.02)
        for _ in range(attempts):
            if ready():
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.02)
                raise ServerFailedError(f"ended with {self.process.returncode}: {self._last_words()}")
        self.stop()
        raise ServerFailedError(f"no answer within {within_s:g} s: {self._last_words()}")

    def stop(self) -> None:
        """Stop it and reap it; does nothing when it has ended."""
        if self.process.poll() is not None:
            return
        self.process.send_signal(self._stop)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _last_words(self) -> str:
        return self.log.read_text(errors="replace")[-2000:]


def _dying_with_us(account: pwd.struct_passwd | None, stop: signal.Signals) -> list[str]:
    setpriv = find_program("setpriv")
    if setpriv is None:
        raise ServerFailedError("setpriv is not installed: install util-linux")
    words = [str(setpriv), "--pdeathsig", stop.name.removeprefix("SIG")]
    if account is not None:
        words += [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    return [*words, "--"]
