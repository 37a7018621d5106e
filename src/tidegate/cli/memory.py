"""Memory while a command tells a long history."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collecting() -> Iterator[None]:
    """Leave Python's search for cycles of garbage off meanwhile.

    Fifty thousand commits become half a million small values at once, none of which is in a cycle. To search them all
    again and again takes a fifth of the whole; what is not needed any more goes by itself, as always.
    """
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()
