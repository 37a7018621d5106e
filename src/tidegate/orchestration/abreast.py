"""Many units at once: what one unit takes to answer, the others do not wait for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
R = TypeVar("R")

AT_ONCE = 100
"""How many units are asked at the same time. A connection by SSH is a process with three open files, and a process may
usually have 1,024 of these."""


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
