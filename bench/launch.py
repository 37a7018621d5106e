"""Run commands one after the other and say what they took: the parent of what is measured, small for a reason.

A process begins with the peak memory of the one that started it, so that whoever measures memory must be small. This
file is run by itself, with the standard library alone, and prints one line of JSON.

python -I -S launch.py '{"commands": [["git", "log"]], "cwd": "...", "env": {...}, "limit_s": 60, "output": "..."}'
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time


def main(asked: str) -> None:
    """Run them all, or until the limit."""
    plan = json.loads(asked)
    began = time.perf_counter()
    cpu_s, peak_kib, code, stopped = 0.0, 0, 0, False
    with open(plan["output"], "wb") as output, open(f"{plan['output']}.err", "wb") as errors:  # noqa: PTH123 - pathlib costs memory
        for command in plan["commands"]:
            process = subprocess.Popen(
                command,
                cwd=plan["cwd"],
                env=plan["env"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )
            stopped = not _ended(process.pid, began + plan["limit_s"])
            if stopped:
                os.killpg(process.pid, signal.SIGKILL)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            cpu_s += usage.ru_utime + usage.ru_stime
            peak_kib = max(peak_kib, usage.ru_maxrss)
            code = code or process.returncode
            if stopped or code:
                break
    wall_s = time.perf_counter() - began
    answer = {"wall_s": wall_s, "cpu_s": cpu_s, "peak_kib": peak_kib, "code": code, "stopped": stopped}
    sys.stdout.write(json.dumps(answer) + "\n")


def _ended(pid: int, deadline: float) -> bool:
    """Whether a child ended before the deadline; it is waited for without being reaped, and without busy looks."""
    descriptor = os.pidfd_open(pid)
    try:
        import select

        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.perf_counter()))
        return bool(ready)
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    main(sys.argv[1])
