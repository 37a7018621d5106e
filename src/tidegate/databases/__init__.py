"""Databases whose migrations Tidegate runs: how each tool is called, and how what was run is read back.

The migrations come from the package of the released version, and what became of them from the database itself: the
tool's own table says which are recorded. A table of ours beside it keeps the fence and what was asked for last.
"""

from __future__ import annotations
