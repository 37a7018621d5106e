"""Measure, and print one table; judges nothing: the exit code only says whether everything ran.

python -m bench                 everything: some minutes
python -m bench decide watch    these only
python -m bench --json          for machines
python -m bench --tiny          shows that it runs; the figures mean nothing
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bench import machine
from bench.catalogue import BENCHES
from bench.measure import Row, row_of

WIDEST_FIGURE = 10
NARROW = 80
"""Characters of a narrow terminal's line."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Take each measurement in a process of its own, so that none meets what another has left behind."""
    chosen = _parsed(arguments)
    about = machine.describe(20 if chosen.tiny else 200)
    if not chosen.json:
        _say("\n".join(f"{name + ':':28}{value}" for name, value in about.items()) + "\n")
    rows, failed = [], []
    for name in chosen.names or BENCHES:
        _tell(f"{name} ...")
        found, because = _measured(name, chosen.tiny)
        rows += found
        if because:
            failed.append({"name": name, "because": because})
    if chosen.json:
        _say(json.dumps({"machine": about, "rows": [row.as_dict() for row in rows], "failed": failed}, indent=1))
    else:
        # Sizes that show that it runs say nothing of goals.
        shown = [replace(row, goal=None, ratio_goal=None) for row in rows] if chosen.tiny else rows
        _say(table(shown) + "".join(f"\nnot measured: {one['name']}: {one['because']}" for one in failed))
    return 1 if failed else 0


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m bench", description="Measure medians and ratios; judges nothing.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(BENCHES)}")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--tiny", action="store_true", help="only show that everything runs")
    chosen = parser.parse_args(arguments)
    if unknown := sorted(set(chosen.names) - set(BENCHES)):
        parser.error(f"there is no measurement {unknown[0]!r}; there are: {', '.join(BENCHES)}")
    return chosen


def _measured(name: str, tiny: bool) -> tuple[list[Row], str]:
    command = [sys.executable, "-m", "bench.one", name, *(["--tiny"] if tiny else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    records: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    rows = [row_of(record) for record in records if "unavailable" not in record]
    because = next((record["unavailable"] for record in records if "unavailable" in record), "")
    if done.returncode != 0:
        because = (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
    return rows, because


def table(rows: Sequence[Row]) -> str:
    """The rows, with what each is compared with below it."""
    width = max((len(row.name) for row in rows), default=4)
    head = f"{'what':{width}}  {'figure':>{WIDEST_FIGURE}}  {'unit':11}  {'ratio':>7}  {'goal':>9}  met"
    lines = [head, "-" * len(head)]
    for row in rows:
        met = {True: "yes", False: "NO", None: ""}[row.met]
        ratio = "" if row.ratio is None else f"{row.ratio:.3g}x"
        figure = f"{row.figure:>{WIDEST_FIGURE},.{_places(row.figure)}f}"
        line = f"{row.name:{width}}  {figure}  {row.unit:11}  {ratio:>7}  {_goal(row):>9}  {met}"
        lines.append(line.rstrip())
        below = [text for text in (row.beside and f"beside {row.beside}", row.note) if text]
        together = "; ".join(below)
        below = [together] if width + 2 + len(together) <= NARROW else below
        lines += [f"{'':{width}}  {text}" for text in below]
    return "\n".join(lines)


def _goal(row: Row) -> str:
    if row.goal is not None:
        return f"<= {row.goal:g}"
    return "" if row.ratio_goal is None else f"<= {row.ratio_goal:g}x"


def _places(figure: float) -> int:
    return 0 if figure >= 1000 else 1 if figure >= 10 else 2


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
