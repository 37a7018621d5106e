"""Commands forked from a process that has imported everything: real processes, without half a second of imports each.

The parent has one thread, imports the commands and serves requests, one JSON line each; a child becomes the command.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from pydantic import BaseModel


class WarmCommand:
    """Runs ``tidegate`` in children of one warmed process; made at first use, ended with this process."""

    def __init__(self) -> None:
        self._server: subprocess.Popen[str] | None = None

    def run(self, words: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> tuple[int, str, str]:
        """Run a command line to its end: its exit code, what it printed, and what it said."""
        with tempfile.TemporaryDirectory() as place:
            out, err = Path(place, "out"), Path(place, "err")
            request = {"words": [w.encode("utf-8", "surrogateescape").hex() for w in words], "cwd": str(cwd)}
            answer = self._ask({**request, "environment": dict(environment), "out": str(out), "err": str(err)})
            return answer, out.read_text("utf-8"), err.read_text("utf-8")

    def _ask(self, request: Mapping[str, object]) -> int:
        server = self._started()
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        answer = server.stdout.readline()
        assert answer, "the warmed process has ended"
        return int(answer)

    def _started(self) -> subprocess.Popen[str]:
        if self._server is None:
            command = [sys.executable, "-m", "tests.support.warm"]
            self._server = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
            )
            atexit.register(self._server.kill)
        return self._server


def import_everything() -> None:
    """Import what the commands import when they are invoked."""
    import pkgutil
    from importlib import import_module

    import tidegate

    for module in pkgutil.walk_packages(tidegate.__path__, "tidegate."):
        if not module.name.startswith(("tidegate.__main__", "tidegate.demo", "tidegate.drivers.host.agent")) and (
            ".migrations." not in module.name
        ):
            import_module(module.name)
    import alembic.command  # noqa: F401
    import dbos  # noqa: F401


def build_models() -> None:
    """Build the validators of all models that are imported: each is built at first use, else by each child again."""
    for model in _models(BaseModel):
        if model.__module__.startswith("tidegate."):
            model.model_rebuild()


def _models(parent: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for child in parent.__subclasses__():
        yield child
        yield from _models(child)


def keep() -> None:
    """Hide what is there by now from the collector: children need not look through it, and so share its memory."""
    gc.collect()
    gc.freeze()


def serve() -> None:
    """Fork a child for each request, and answer with its exit code."""
    import_everything()
    build_models()
    keep()
    for line in sys.stdin:
        request = json.loads(line)
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            _become(request)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _become(request: Mapping[str, Any]) -> NoReturn:
    from tidegate.cli import main

    code: object = 70
    try:
        os.chdir(str(request["cwd"]))
        os.environ.clear()
        os.environ.update(request["environment"])
        for descriptor, path in ((0, os.devnull), (1, request["out"]), (2, request["err"])):
            flags = os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND
            os.dup2(os.open(str(path), flags, 0o600), descriptor)
        words = [os.fsdecode(bytes.fromhex(word)) for word in request["words"]]
        sys.argv = ["tidegate", *words]
        main()
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001  the child must never return into the server's loop
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 70)


if __name__ == "__main__":
    serve()
