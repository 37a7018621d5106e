"""What starting the command costs, in fresh processes."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.measure import Row, Sizes, in_turns, median_cpu, ms, spend_child
from bench.world import UnavailableError

RATIO_GOAL = 1.5


def version(sizes: Sizes) -> Iterator[Row]:
    """``tidegate --version`` as it is installed, beside a Python that imports click.

    Raises:
        UnavailableError: the command is not installed beside this Python.
    """
    command = Path(sys.executable).with_name("tidegate")
    if not command.exists() or importlib.util.find_spec("tidegate.cli") is None:
        raise UnavailableError("the command is not installed: run scripts/bootstrap")
    rounds = sizes.rounds * 3 if sizes.rounds > 1 else 1
    ours, click, bare = in_turns(
        rounds,
        lambda: spend_child([str(command), "--version"]),
        lambda: spend_child([sys.executable, "-c", "import click"]),
        lambda: spend_child([sys.executable, "-c", "pass"]),
    )
    cpu, other = median_cpu(ours), median_cpu(click)
    beside = f"python -c 'import click' ({ms(other):.0f} ms)"
    note = f"python -c pass: {ms(median_cpu(bare)):.0f} ms"
    yield Row("tidegate --version", ms(cpu), "ms CPU", beside, cpu / other, ratio_goal=RATIO_GOAL, note=note)


def imports(sizes: Sizes) -> Iterator[Row]:
    """What the first command that needs the store, and the first that starts legs, load."""
    rounds = sizes.rounds
    names = {
        "import of the parts without a store": "import tidegate.core.decide, tidegate.policyfile.load",
        "import of the use cases, with the store": "import tidegate.app, tidegate.orchestration.rollout",
        "import of the executor, with the workflow engine": "import tidegate.orchestration.executor, dbos",
    }
    acts = [lambda code=code: spend_child([sys.executable, "-c", code]) for code in names.values()]
    *ours, peer = in_turns(rounds, *acts, lambda: spend_child([sys.executable, "-c", "import sqlalchemy"]))
    other = median_cpu(peer)
    for name, spent in zip(names, ours, strict=True):
        cpu = median_cpu(spent)
        yield Row(name, ms(cpu), "ms CPU", f"python -c 'import sqlalchemy' ({ms(other):.0f} ms)", cpu / other)
