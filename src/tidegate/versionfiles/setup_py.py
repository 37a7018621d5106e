"""``setup.py``: the version that is handed to ``setup()``, by the syntax tree; nothing of the file runs."""

from __future__ import annotations

import ast

from tidegate.core.plain import plain
from tidegate.errors import UsageError
from tidegate.versionfiles.contract import WRITTEN_BYTES, Hints, Reading, Value, refused
from tidegate.versionfiles.python_text import PythonText, assigned, is_string, read_python
from tidegate.versionfiles.source import Source
from tidegate.versionfiles.spelling import PEP440

_MARK = "mark the line that says the version with: # tidegate: version"


class SetupPy:
    """The string behind ``version=`` of ``setup()``, or of the name that stands there, assigned once above."""

    name = "setup.py"
    form = "a setup script"
    spelling = PEP440
    limit = WRITTEN_BYTES

    def recognises(self, source: Source) -> bool:
        """By its name."""
        return source.base == "setup.py"

    def read(self, source: Source, hints: Hints, wanted: str) -> Reading:
        """The version that setup is called with."""
        text = read_python(source)
        calls = [node for node in ast.walk(text.tree) if isinstance(node, ast.Call) and _calls_setup(node)]
        given = [keyword.value for call in calls for keyword in call.keywords if keyword.arg == "version"]
        values = tuple(_version(text, node) for node in given)
        none = "it hands no version to setup()" if calls else "it does not call setup()"
        return text.reading(values, none)


def _calls_setup(call: ast.Call) -> bool:
    called = call.func
    if isinstance(called, ast.Attribute):
        return called.attr == "setup" and isinstance(called.value, ast.Name)
    return isinstance(called, ast.Name) and called.id == "setup"


def _version(text: PythonText, node: ast.expr) -> Value:
    if isinstance(node, ast.Name):
        return _named(text, node)
    if not is_string(node) or not isinstance(node, ast.Constant):
        raise _computed(text, node, "the version that is handed to setup() is computed")
    return text.version(node, "setup(version)")


def _named(text: PythonText, name: ast.Name) -> Value:
    said = assigned(text.tree, name.id)
    shown = plain(name.id, 80)
    if len(said) != 1:
        times = "is not assigned at the top of the file" if not said else f"is assigned {len(said)} times"
        raise _computed(text, name, f"setup() gets its version from {shown}, which {times}")
    if not isinstance(said[0], ast.Constant) or not is_string(said[0]):
        raise _computed(text, said[0], f"setup() gets its version from {shown}, which is computed")
    return text.version(said[0], shown)


def _computed(text: PythonText, node: ast.expr, what: str) -> UsageError:
    return refused(text.source, text.offset(node), what, _MARK)
