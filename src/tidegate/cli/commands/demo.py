"""``tidegate demo``."""

from __future__ import annotations

from pathlib import Path

import click

from tidegate.cli.framework import command


@command(
    "demo",
    help="Run real releases of a small service on this machine, in DIR, and show everything.\n\n"
    "It makes a repository, three hosts and a policy, and leaves them for you to go on with.",
    examples="tidegate demo /tmp/tidegate-demo",
)
@click.argument("place", metavar="DIR", type=click.Path(path_type=Path))
def demo(place: Path) -> int:
    """The command."""
    from tidegate.demo import run

    return run(place)
