"""The command line: ``tidegate``.

Importing this imports nothing else, so that ``tidegate --version`` and completion cost next to nothing.
"""

from __future__ import annotations

from typing import NoReturn

_READS_A_HISTORY = (["version"], ["notes"])
"""The commands that people wait for, and that begin with the tags of the repository in which they are called."""


def main() -> NoReturn:
    """Run the command that the process was called with, and exit as it says."""
    import gc
    import sys

    # A command lives for moments and makes many small values: to look for circles among them after each 700 takes a
    # fifth of its time.
    gc.set_threshold(50_000, 20, 20)
    if sys.argv[1:2] in _READS_A_HISTORY:
        from tidegate.git.ahead import begin_reading

        begin_reading()
    from tidegate.cli.root import run

    _end(run(sys.argv[1:], _parts))


def _end(code: int) -> NoReturn:
    """Exit; at once where nobody would notice, and where a thread still acts on a unit.

    That unit is read back by whoever executes next. Without it all is gone with the process: to take that apart piece
    by piece would take as long as Git takes for an answer.
    """
    import atexit
    import gc
    import os
    import sys
    from contextlib import suppress

    threading = sys.modules.get("threading")
    acts = threading is not None and any(
        not thread.daemon and thread is not threading.main_thread() for thread in threading.enumerate()
    )
    is_watched = sys.getprofile() is not None or sys.gettrace() is not None or atexit._ncallbacks()
    if acts or not is_watched:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    # To look for circles once more, as Python does when it ends, would take longer than some commands.
    gc.freeze()
    sys.exit(code)


def _parts() -> object:
    # What is joined is chosen in `app` alone; it is imported when a command first asks for it.
    from tidegate import app

    return app
