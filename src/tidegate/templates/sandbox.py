"""Templates that can show data and do nothing else, whoever wrote them.

Jinja's sandbox keeps a template from Python's insides. This one also keeps it from time and memory without end: no
calls, no macros, no arithmetic but on small numbers, no filter that makes long things of short ones, a limit on turns
of loops, on output and on seconds. What a template shows is escaped where it is shown, at the end, whatever was done
to it before; only what our own filters have made (:class:`Rendered`) is markup, and nothing can be added to it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from types import ModuleType, TracebackType
from typing import Any

from jinja2 import BaseLoader, StrictUndefined, TemplateError, TemplateSyntaxError, filters, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tidegate.core.plain import plain
from tidegate.errors import UsageError

MAX_SOURCE = 256 * 1024
"""Characters of a template."""

MAX_OUTPUT = 16 * 1024 * 1024
"""Characters that one rendering may make."""

MAX_TURNS = 1_000_000
"""Turns of loops in one rendering, all together."""

MAX_SECONDS = 10.0
"""How long one rendering may take."""

_LONGEST_TEXT = 1024 * 1024
_GREATEST_NUMBER = 10**12
_REFUSED = {
    nodes.Macro: "macro",
    nodes.CallBlock: "call",
    nodes.FilterBlock: "filter",
    nodes.AssignBlock: "set ... endset",
    nodes.Extends: "extends",
    nodes.Block: "block",
    nodes.Import: "import",
    nodes.FromImport: "from ... import",
    nodes.Include: "include",
    nodes.Concat: "~",
    nodes.Pow: "**",
    nodes.NSRef: "namespace",
}
_FILTERS = (
    *("abs", "capitalize", "count", "d", "default", "first", "groupby", "last", "length", "list", "lower", "map"),
    *("reject", "rejectattr", "reverse", "select", "selectattr", "sort", "title", "trim", "truncate", "unique"),
    *("upper", "wordcount"),
)
_LOOP = frozenset({"index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem"})


class Rendered:
    """Markup that our own filters have made; opaque, so that no template can change it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)


class _LimitError(Exception):
    """A template did more than it may."""


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment of templates.

    Args:
        escape: how a text is shown, so that nothing in it is markup.
        ours: filters besides Jinja's harmless ones; what they return is shown as it is when it is ``Rendered``.
    """

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self, escape: Callable[[str], str], ours: Mapping[str, Callable[..., Any]]) -> None:
        super().__init__(
            undefined=StrictUndefined,
            finalize=self._shown,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            loader=_NoLoader(),
        )
        self._escape = escape
        self._turns = 0
        self._ends_at_s = 0.0
        self.globals = {}
        known = {name: filters.FILTERS[name] for name in _FILTERS}
        self.filters = {**known, "join": _join, **ours, _COUNTED: self._counted}

    # What a template may say.

    def compile(
        self, source: Any, name: Any = None, filename: Any = None, raw: Any = False, defer_init: Any = False
    ) -> Any:
        """As Jinja does, after a look at what the template does."""
        tree = self._looked_through(self.parse(source, name, filename)) if isinstance(source, str) else source
        return super().compile(tree, name, filename, raw, defer_init)

    def _looked_through(self, tree: nodes.Template) -> nodes.Template:
        for node in tree.find_all((*_REFUSED, nodes.For)):
            if isinstance(node, nodes.For) and not node.recursive:
                node.iter = nodes.Filter(node.iter, _COUNTED, [], [], None, None, lineno=node.lineno)
                node.set_environment(self)
                continue
            word = "recursive" if isinstance(node, nodes.For) else _REFUSED[type(node)]
            raise TemplateSyntaxError(f'"{word}" has no place in a template of notes', node.lineno)
        return tree

    # What it may do.

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Fields of our own data and what a loop knows of itself; no method of a text, a list or a number."""
        if isinstance(obj, LoopContext):
            return attr in _LOOP
        ours = isinstance(obj, tuple) and hasattr(obj, "_fields")
        return ours and super().is_safe_attribute(obj, attr, value) and not callable(value)

    def is_safe_callable(self, obj: Any) -> bool:
        """Nothing is called."""
        return False

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """As Jinja names its arguments: those of a template must not meet them."""
        raise SecurityError("nothing is called in a template of notes; use a filter")

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic on small numbers alone: texts and lists would grow without end."""
        if not all(isinstance(side, int | float) and abs(side) <= _GREATEST_NUMBER for side in (left, right)):
            raise SecurityError(f'"{operator}" is for small numbers alone')
        return super().call_binop(context, operator, left, right)

    def _counted(self, values: Iterable[Any]) -> Iterator[Any]:
        for value in values:
            self._turns += 1
            if self._turns > MAX_TURNS:
                raise _LimitError(f"its loops turn more than {MAX_TURNS} times")
            self._mind_time()
            yield value

    def _mind_time(self) -> None:
        if time.monotonic() > self._ends_at_s:
            raise _LimitError(f"it takes longer than {MAX_SECONDS:g} s")

    def _shown(self, value: Any) -> str:
        if isinstance(value, Rendered):
            return str(value)
        if isinstance(value, StrictUndefined):
            return str(value)  # which says what is undefined
        if value is None:
            raise SecurityError("there is nothing to show; say what stands in its place: {{ ... or 'none' }}")
        if not isinstance(value, str | int | float | date):
            raise SecurityError(f"a {type(value).__name__} is no text; choose one of its fields, or a filter")
        return self._escape(str(value))

    # Rendering.

    def show(self, source: str, where: str, data: Mapping[str, Any]) -> str:
        """What a template makes of the data.

        Args:
            where: what mistakes call the template.

        Raises:
            UsageError: the template is wrong, or does what none may do.
        """
        return self.shown_by(self.compiled(source, where), where, data)

    def compiled(self, source: str, where: str) -> Any:
        """A template ready to be shown; see :meth:`show`."""
        if len(source) > MAX_SOURCE:
            raise UsageError(
                f"the template has {len(source)} characters; at most {MAX_SOURCE} are read",
                where=where,
                remedy="Write a shorter one.",
            )
        try:
            return self.from_string(source)
        except Exception as error:
            raise _mistake(error, where) from error

    def ready(self, compiled: ModuleType) -> Any:
        """A template that was compiled before, by :meth:`python_of`, ready to be shown."""
        return self.template_class.from_module_dict(self, vars(compiled), {})

    def python_of(self, source: str, name: str) -> str:
        """A template as a module in Python, looked through as any other.

        Raises:
            TemplateSyntaxError: it is no template, or does what none may do.
        """
        return str(self.compile(source, name, None, raw=True, defer_init=True))

    def shown_by(self, template: Any, where: str, data: Mapping[str, Any]) -> str:
        """What a compiled template makes of the data; see :meth:`show`."""
        self._turns, self._ends_at_s = 0, time.monotonic() + MAX_SECONDS
        pieces, length = [], 0
        try:
            for piece in template.generate(data):
                length += len(piece)
                if length > MAX_OUTPUT:
                    raise _LimitError(f"it makes more than {MAX_OUTPUT} characters")
                pieces.append(piece)
        except UsageError:
            raise
        except Exception as error:
            raise _mistake(error, where) from error
        return "".join(pieces)


_COUNTED = "_counted"


class _NoLoader(BaseLoader):
    """There is nothing to load: a template is one file."""


def _join(values: Iterable[Any], between: str = "") -> str:
    texts = [str(value) for value in values]
    if sum(map(len, texts)) + len(str(between)) * len(texts) > _LONGEST_TEXT:
        raise _LimitError(f"it joins more than {_LONGEST_TEXT} characters")
    return str(between).join(texts)


def _mistake(error: Exception, where: str) -> UsageError:
    line = error.lineno if isinstance(error, TemplateSyntaxError) else _line_of(error.__traceback__)
    said = plain(str(error) or type(error).__name__, 300).removesuffix(".")
    kind = "is no template" if isinstance(error, TemplateSyntaxError) else "cannot be rendered"
    if not isinstance(error, TemplateError | _LimitError):
        said = f"{type(error).__name__}: {said}"
    return UsageError(
        f"this {kind}: {said}",
        where=f"{where}:{line}" if line else where,
        remedy="Mend it; docs/howto/write-release-notes.md says what a template may do.",
    )


def _line_of(traceback: TracebackType | None) -> int:
    """The line of the template that failed: Jinja gives its frames the template's own lines."""
    line = 0
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == "<template>":
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line
