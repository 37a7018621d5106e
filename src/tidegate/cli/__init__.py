"""The command line: ``tidegate``.

Importing this imports nothing else, so that ``tidegate --version`` and completion cost next to nothing.
"""

from __future__ import annotations

from typing import NoReturn


def main() -> NoReturn:
    """Run the command that the process was called with, and exit as it says."""
    import sys

    from tidegate.cli.root import run

    sys.exit(run(sys.argv[1:], _parts))


def _parts() -> object:
    # What is joined is chosen in `app` alone; it is imported when a command first asks for it.
    from tidegate import app

    return app
