"""Python as a syntax tree whose strings know where they stand."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass

from tidegate.versionfiles.contract import Reading, Refusal, Role, Value, unreadable
from tidegate.versionfiles.source import Source

_LITERAL = re.compile(r"[rRuU]?(\"\"\"|'''|\"|')(.*)\1", re.DOTALL)
_TOO_DEEP = "it is nested too deeply"


@dataclass(frozen=True)
class PythonText:
    """A Python file: its tree, and the number of each constant in it."""

    source: Source
    tree: ast.Module
    numbers: dict[ast.Constant, int]

    def offset(self, node: ast.expr | ast.stmt | ast.keyword) -> int:
        """The byte at which a node begins; Python counts lines from 1 and bytes from 0."""
        start = self.source.line_starts[node.lineno - 1]
        return start + node.col_offset + (self._bom if node.lineno == 1 else 0)

    @property
    def _bom(self) -> int:
        return self.source.at(0)

    def reading(self, values: tuple[Value, ...], none: str) -> Reading:
        """The reading of the file with these versions in it."""
        atoms = {number: node.value for node, number in self.numbers.items()}
        return Reading(values, {n: v if isinstance(v, str) else repr(v) for n, v in atoms.items()}, self._form(), none)

    def _form(self) -> str:
        values = {node: node.value for node in self.numbers}
        for node in values:
            node.value = None
        try:
            return ast.dump(self.tree)
        except RecursionError as error:
            raise unreadable(self.source, 0, "Python", _TOO_DEEP) from error
        finally:
            for node, value in values.items():
                node.value = value

    def version(self, node: ast.Constant, what: str) -> Value:
        """The version that a string says; ``node`` is a string."""
        start, said = self.offset(node), str(node.value)
        end = start
        if node.end_lineno is not None and node.end_col_offset is not None:
            bom = self._bom if node.end_lineno == 1 else 0
            end = self.source.line_starts[node.end_lineno - 1] + node.end_col_offset + bom
        found = _LITERAL.fullmatch(self.source.content[start:end].decode())
        number = self.numbers[node]
        if found is None or found[2] != said:
            refusal = Refusal(f"{what} is put together or written with escapes", "write it as one string")
            return Value(start, end, said, what, Role.OWN, number, refusal=refusal)
        first = start + len(found[0][: found.start(2)])
        return Value(first, first + len(said.encode()), said, what, Role.OWN, number)


def read_python(source: Source) -> PythonText:
    """The tree of a Python file; nothing of it runs.

    Raises:
        UsageError: it is no Python that this Python reads, or nested too deeply.
    """
    try:
        with warnings.catch_warnings():
            # What Python thinks of the escapes in somebody's strings is not ours to say.
            warnings.simplefilter("ignore")
            tree = ast.parse(source.text)
    except SyntaxError as error:
        raise unreadable(source, error.lineno or 0, "Python", error.msg) from error
    except (RecursionError, MemoryError) as error:
        raise unreadable(source, 0, "Python", _TOO_DEEP) from error
    except ValueError as error:
        raise unreadable(source, 0, "Python", str(error)) from error
    constants = [node for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return PythonText(source, tree, {node: number for number, node in enumerate(constants)})


def assigned(tree: ast.Module, name: str) -> list[ast.expr]:
    """What is assigned to a name at the top of the file, each time."""
    return [
        statement.value
        for statement in tree.body
        if isinstance(statement, ast.Assign | ast.AnnAssign)
        and statement.value is not None
        and any(isinstance(target, ast.Name) and target.id == name for target in _targets(statement))
    ]


def _targets(statement: ast.Assign | ast.AnnAssign) -> list[ast.expr]:
    return statement.targets if isinstance(statement, ast.Assign) else [statement.target]


def is_string(node: ast.expr) -> bool:
    """Whether it is a string as it stands."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
