"""Many units at once: what one unit takes to answer, the others do not wait for."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
R = TypeVar("R")

AT_ONCE = 250
"""How many units are asked at the same time. A connection by SSH is a process with three open files, and a process may
have 1,024 of these unless it asks for more: see :func:`allow_open_files`."""

_OPEN_FILES = 16_384


def allow_open_files() -> None:
    """Ask for as many open files as rollouts side by side may need; where that is refused, what there is must do."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def abreast(ask: Callable[[A], R], units: Iterable[A]) -> list[R]:
    """What ``ask`` returned for each unit, in their order; at most `AT_ONCE` of them are asked at the same time.

    Raises:
        Exception: what ``ask`` raised for the first unit, in their order, for which it did; each was asked or is not
            asked any more by then.
    """
    asked = list(units)
    if len(asked) <= 1:
        return [ask(unit) for unit in asked]
    with ThreadPoolExecutor(min(AT_ONCE, len(asked)), thread_name_prefix="tidegate-unit") as pool:
        return list(pool.map(ask, asked))
