"""One measurement in a process of its own: a line of JSON for each of its rows.

python -m bench.one NAME [--tiny]
"""

from __future__ import annotations

import json
import sys

from bench.catalogue import run
from bench.measure import TINY, Sizes
from bench.world import UnavailableError


def main(name: str, *options: str) -> None:
    """Measure and write; what is not on this machine is a row that says so."""
    sizes = TINY if "--tiny" in options else Sizes()
    try:
        for row in run(name, sizes):
            _write(row.as_dict())
    except UnavailableError as error:
        _write({"unavailable": str(error)})


def _write(record: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(record) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
