"""A Python module that says ``__version__``."""

from __future__ import annotations

import ast

from tidegate.versionfiles.contract import WRITTEN_BYTES, Hints, Reading, refused
from tidegate.versionfiles.python_text import assigned, read_python
from tidegate.versionfiles.source import Source
from tidegate.versionfiles.spelling import PEP440

_NAME = "__version__"


class PythonModule:
    """The string that is assigned to ``__version__`` at the top of the module."""

    name = "python"
    form = "a Python module"
    spelling = PEP440
    limit = WRITTEN_BYTES

    def recognises(self, source: Source) -> bool:
        """By its name, and the word in it."""
        return source.base.endswith(".py") and _NAME.encode() in source.content

    def read(self, source: Source, hints: Hints, wanted: str) -> Reading:
        """The version of the module."""
        text = read_python(source)
        said = assigned(text.tree, _NAME)
        values = tuple(text.version(node, _NAME) for node in said if isinstance(node, ast.Constant) and node.value)
        if said and len(values) < len(said):
            raise refused(
                source,
                text.offset(said[0]),
                f"{_NAME} is computed",
                "name the file that says the version, and mark its line with: tidegate: version",
            )
        return text.reading(values, f"it assigns no {_NAME}")
