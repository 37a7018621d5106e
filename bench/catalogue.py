"""Every measurement by its name. Adding one is a function that yields rows, and a line here."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from bench.measure import Row, Sizes

BENCHES = {
    "version": "commands:version",
    "imports": "commands:imports",
    "decide": "decision:rows",
    "policy": "policies:rows",
    "watch": "watches:rows",
    "report": "reading:reports",
    "history": "reading:history",
    "wave-sqlite": "rollouts:on_sqlite",
    "wave-postgresql": "rollouts:on_postgresql",
    "start-sqlite": "starts:within_on_sqlite",
    "start-postgresql": "starts:within_on_postgresql",
    "across-sqlite": "starts:across_on_sqlite",
    "across-postgresql": "starts:across_on_postgresql",
    "tree": "log:tree",
    "append-sqlite": "log:appending_on_sqlite",
    "append-postgresql": "log:appending_on_postgresql",
    "audit": "log:proving",
}


def run(name: str, sizes: Sizes) -> Iterator[Row]:
    """Take one measurement, in this process."""
    module, _, function = BENCHES[name].partition(":")
    rows: Iterator[Row] = getattr(import_module(f"bench.{module}"), function)(sizes)
    return rows
