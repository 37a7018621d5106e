"""Python read as a tree, never run: what Django's and Alembic's readers have in common."""

from __future__ import annotations

import ast
import copy
import warnings
from collections.abc import Iterator, Mapping

from tidegate.core.migration.operation import shortened


class NotReadError(Exception):
    """A file that is no Python, or one that is too much for the parser; the message says which."""


def tree_of(source: str) -> ast.Module:
    """The tree of a file.

    Raises:
        NotReadError: it cannot be parsed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except SyntaxError as error:
        raise NotReadError(f"it is no Python that can be parsed: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise NotReadError("it is no Python that can be parsed") from error


def dotted(node: ast.expr) -> str:
    """A name with its dots, as ``migrations.AddField``; empty for what is none."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])


def last(node: ast.expr) -> str:
    """The last part of a dotted name: what is called, whatever it was imported as."""
    return dotted(node).rpartition(".")[2]


class Names:
    """The constants of a module: names that are given a literal once, at its top."""

    def __init__(self, module: ast.Module) -> None:
        given: dict[str, list[ast.expr]] = {}
        for node in ast.walk(module):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        given.setdefault(target.id, []).append(node.value)
            elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr) and isinstance(node.target, ast.Name):
                value = node.value if isinstance(node, ast.AnnAssign) else None
                given.setdefault(node.target.id, []).append(value or ast.Name("?"))
            elif isinstance(node, ast.For | ast.comprehension) and isinstance(node.target, ast.Name):
                given.setdefault(node.target.id, []).append(ast.Name("?"))
        self._known = {name: values[0] for name, values in given.items() if len(values) == 1}

    def given(self, name: str, value: ast.expr) -> Names:
        """The same names, and one more: that of a loop in one of its turns."""
        more = copy.copy(self)
        more._known = {**self._known, name: value}
        return more

    def of(self, node: ast.expr | None) -> ast.expr | None:
        """What a name stands for, as far as it is known; other expressions as they are."""
        for _ in range(8):
            if not isinstance(node, ast.Name) or node.id not in self._known:
                break
            node = self._known[node.id]
        return node

    def text(self, node: ast.expr | None) -> str | None:
        """The string that an expression is; None where that is only known when it runs."""
        node = self.of(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        if isinstance(node, ast.Call) and last(node.func) in ("text", "dedent") and len(node.args) == 1:
            return self.text(node.args[0])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "strip":
            return self.text(node.func.value) if not node.args else None
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = self.text(node.left), self.text(node.right)
            return left + right if left is not None and right is not None else None
        if isinstance(node, ast.JoinedStr):
            parts = [self.text(part) for part in node.values]
            return "".join(part or "" for part in parts) if None not in parts else None
        return None

    def line(self, node: ast.expr | None) -> int:
        """The line on which what an expression stands for begins."""
        return getattr(self.of(node), "lineno", 0)

    def truth(self, node: ast.expr | None, default: bool) -> bool | None:
        """A literal True or False; None where it is neither, ``default`` where nothing is said."""
        node = self.of(node)
        if node is None:
            return default
        return node.value if isinstance(node, ast.Constant) and isinstance(node.value, bool) else None

    def items(self, node: ast.expr | None) -> list[ast.expr] | None:
        """The elements of a literal list or tuple, also of several that are added; None where it is none."""
        node = self.of(node)
        if isinstance(node, ast.List | ast.Tuple):
            return None if any(isinstance(one, ast.Starred) for one in node.elts) else list(node.elts)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = self.items(node.left), self.items(node.right)
            return left + right if left is not None and right is not None else None
        return None


def keywords(call: ast.Call, *order: str) -> Mapping[str, ast.expr]:
    """The arguments of a call by name; ``order`` are the names of the positional ones."""
    found = dict(zip(order, call.args, strict=False))
    found |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    return found


def is_dynamic(call: ast.Call) -> bool:
    """Whether a call is given arguments that are not written out: ``*args``, ``**options``."""
    return any(isinstance(one, ast.Starred) for one in call.args) or any(k.arg is None for k in call.keywords)


def said(node: ast.AST) -> str:
    """An expression as it stands, shortened."""
    try:
        return shortened(ast.unparse(node))
    except (RecursionError, ValueError):
        return type(node).__name__


def module_value(module: ast.Module, name: str) -> ast.expr | None:
    """What a name at the top of a module is given; None where it is not."""
    for node in module.body:
        targets: Iterator[ast.expr] = iter(())
        if isinstance(node, ast.Assign):
            targets = iter(node.targets)
        elif isinstance(node, ast.AnnAssign):
            targets = iter([node.target])
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return getattr(node, "value", None)
    return None


def function(module: ast.Module, name: str) -> ast.FunctionDef | None:
    """The function of that name at the top of a module; of several the last, which is the one that counts."""
    found = [node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == name]
    return found[-1] if found else None
