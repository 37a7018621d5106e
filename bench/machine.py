"""The machine that the figures are of, and what its disk gives: no figure means anything without."""

from __future__ import annotations

import os
import platform
import statistics
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

LIBRARIES = ("tidegate", "sqlalchemy", "dbos", "pydantic", "psycopg", "click", "common-expression-language")


def describe(syncs: int = 200) -> dict[str, Any]:
    """Cores, load, versions, and how many appends of 4 KiB with ``fsync`` the disk of temporary files does a second."""
    import sqlite3

    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "load": [round(one, 1) for one in os.getloadavg()],
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "fsyncs_per_second": round(_fsync_rate(syncs)),
        "million_additions_ms": round(_additions_s() * 1000, 1),
        **{name: _version(name) for name in LIBRARIES},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _additions_s() -> float:
    """CPU of a million additions in a loop, in seconds: how fast Python is here just now, to set runs side by side."""
    began = time.process_time()
    total = 0
    for number in range(1_000_000):
        total += number
    return time.process_time() - began


def _fsync_rate(syncs: int) -> float:
    taken: list[float] = []
    with tempfile.NamedTemporaryFile(prefix="tidegate-bench-") as file:
        for _ in range(max(syncs, 1)):
            began = time.perf_counter()
            file.write(b"\0" * 4096)
            file.flush()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - began)
    return 1 / statistics.median(taken)
