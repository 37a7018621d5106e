"""`tidegate demo`: a real repository, real releases by a real policy, and one that is taken back by itself.

Everything is done by the command line as a person would type it; the demo adds only what is around Tidegate: a Git
repository with a service, hosts, keys, and clients that send requests. Where it claims something, it has looked.
"""

from __future__ import annotations

from pathlib import Path


def run(directory: Path) -> int:
    """Run the demo in a directory of its own; the exit code.

    Raises:
        ConflictError: there is something in the directory that no demo put there.
    """
    from tidegate.demo.show import run_show

    return run_show(directory)
