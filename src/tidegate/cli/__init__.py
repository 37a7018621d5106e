"""The command line: ``tidegate``.

Importing this imports nothing else, so that ``tidegate --version`` and completion cost next to nothing.
"""

from __future__ import annotations

from typing import NoReturn


def main() -> NoReturn:
    """Run the command that the process was called with, and exit as it says."""
    import gc
    import sys

    from tidegate.cli.root import run

    # A command lives for moments and makes many small values: to look for circles among them after each 700 takes a
    # fifth of its time.
    gc.set_threshold(50_000, 20, 20)
    _end(run(sys.argv[1:], _parts))


def _end(code: int) -> NoReturn:
    """Exit; at once where a thread still acts on a unit: it is read back by whoever executes next."""
    import gc
    import sys

    threading = sys.modules.get("threading")
    if threading is not None and any(
        not thread.daemon and thread is not threading.main_thread() for thread in threading.enumerate()
    ):
        import os
        from contextlib import suppress

        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(code)
    # What is left is gone with the process: looking for circles in it once more would take longer than some commands.
    gc.freeze()
    sys.exit(code)


def _parts() -> object:
    # What is joined is chosen in `app` alone; it is imported when a command first asks for it.
    from tidegate import app

    return app
