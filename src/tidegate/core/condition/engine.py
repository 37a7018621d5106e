"""The CEL engine: imported at first use, given one small expression at a time.

What the engine is measured not to do right is kept away from it in ``plan.py``: it absorbs errors, counts the size of a
text in bytes, lets the negation of the smallest int overflow, and compares large ints with doubles inexactly.
"""

from __future__ import annotations

import importlib.util
import sys
import threading
from functools import lru_cache
from importlib.machinery import PathFinder
from importlib.metadata import version
from typing import Any, Protocol, cast

PACKAGE = "common-expression-language"
_NATIVE = "cel.cel"
_loading = threading.Lock()


class Program(Protocol):
    """A compiled expression. Evaluates with the given variables; raises anything, even outside ``Exception``."""

    def execute(self, context: dict[str, object], /) -> object: ...


def engine_version() -> str:
    """The version of the engine's package, which the audit records with each decision."""
    return _engine_version()


@lru_cache(maxsize=1)
def _engine_version() -> str:
    return version(PACKAGE)


@lru_cache(maxsize=1024)
def program(text: str) -> Program:
    """The compiled program of an expression, kept by its text.

    Raises:
        Exception: the engine does not accept the expression.
    """
    return cast(Program, _native().compile(text))


def _native() -> Any:
    """The engine's native module, without the package around it.

    ``import cel`` also imports the package's own command line, and with it a terminal toolkit: 530 ms of CPU against
    21 ms. The native module is registered under its own name, since a second initialisation aborts in Rust; whoever
    imports ``cel`` later finds it there.
    """
    with _loading:
        if _NATIVE not in sys.modules:
            _load_native()
        return sys.modules[_NATIVE]


def _load_native() -> None:
    package = PathFinder.find_spec("cel")
    places = package.submodule_search_locations if package else None
    spec = PathFinder.find_spec(_NATIVE, places)
    if spec is None or spec.loader is None:
        raise ImportError(f"the package {PACKAGE} has no native module {_NATIVE}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules[_NATIVE] = module
