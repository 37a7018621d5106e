"""Every measurement by its name. Adding one is a function that yields rows, and a line here."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from bench.measure import Row, Sizes

BENCHES = {
    "version": "commands:version",
    "imports": "commands:imports",
    "decide": "decision:rows",
    "decide-many": "decision:many",
    "plan": "planning:rows",
    "hours": "hours:rows",
    "policy": "policies:rows",
    "presets": "policies:presets",
    "components": "policies:scale",
    "watch": "watches:rows",
    "report": "reading:reports",
    "history": "reading:history",
    "changelog": "changelog:rows",
    "right": "right:rows",
    "wave-sqlite": "rollouts:on_sqlite",
    "wave-postgresql": "rollouts:on_postgresql",
    "fleet-sqlite": "fleet:on_sqlite",
    "in-flight": "inflight:on_sqlite",
    "canary": "canary:on_sqlite",
    "start-sqlite": "starts:within_on_sqlite",
    "start-postgresql": "starts:within_on_postgresql",
    "across-sqlite": "starts:across_on_sqlite",
    "across-postgresql": "starts:across_on_postgresql",
    "crowd-sqlite": "crowd:on_sqlite",
    "tree": "log:tree",
    "append-sqlite": "log:appending_on_sqlite",
    "append-postgresql": "log:appending_on_postgresql",
    "audit": "log:proving",
    "outbox-sqlite": "outbox:on_sqlite",
    "outbox-postgresql": "outbox:on_postgresql",
}


def run(name: str, sizes: Sizes) -> Iterator[Row]:
    """Take one measurement, in this process."""
    module, _, function = BENCHES[name].partition(":")
    rows: Iterator[Row] = getattr(import_module(f"bench.{module}"), function)(sizes)
    return rows
