"""Regular expressions that are compiled when one is first asked.

A module with thirty of them takes longer to compile them than most commands take for everything else, and mostly two
or three are asked.
"""

from __future__ import annotations

import re
from typing import Any, cast


class _Pattern:
    """Stands for a compiled expression, and takes its methods over as they are first asked for."""

    def __init__(self, text: str, flags: int) -> None:
        self._text, self._flags = text, flags

    def __getattr__(self, name: str) -> Any:
        # `re` keeps what it has compiled, so that a second method costs no second compilation.
        asked = getattr(re.compile(self._text, self._flags), name)
        setattr(self, name, asked)
        return asked


def pattern(text: str, flags: int = 0) -> re.Pattern[str]:
    """An expression, compiled when it is first asked."""
    return cast("re.Pattern[str]", _Pattern(text, flags))
