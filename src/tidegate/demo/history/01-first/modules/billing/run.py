"""Runs the service on a host: `run.py start` takes the place of what runs there, `run.py stop` ends it.

The service writes its log and its process id beside the directory of the releases, and runs in a session of its own, so
that it outlives whoever started it.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def is_ours(process: int, port: int) -> bool:
    """Whether this process is the service; a process id may have passed on to a stranger."""
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"billing.server" in words and str(port).encode() in words


def stop(pid_file: Path, port: int) -> None:
    """End the service that the file names: politely, then not."""
    try:
        process = int(pid_file.read_text())
    except (OSError, ValueError):
        return
    for number, patience_s in ((signal.SIGTERM, 3.0), (signal.SIGKILL, 3.0)):
        if not is_ours(process, port):
            break
        os.kill(process, number)
        end = time.monotonic() + patience_s
        while is_ours(process, port) and time.monotonic() < end:
            time.sleep(0.01)
    pid_file.unlink(missing_ok=True)


def start(pid_file: Path, port: int) -> None:
    """Start the version in this directory."""
    with pid_file.with_suffix(".log").open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-B", "-m", "billing.server", "--port", str(port)],
            cwd=HERE,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    pid_file.write_text(f"{child.pid}\n")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("act", choices=["start", "stop"])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pid-file", type=Path, required=True)
    given = parser.parse_args()
    stop(given.pid_file, given.port)
    if given.act == "start":
        start(given.pid_file, given.port)


if __name__ == "__main__":
    main()
