"""What readers of JSON reports share: a parse with limits, and members by name with the place in every refusal.

JSON as RFC 8259 has it and nothing more: in UTF-8, no member twice, no NaN, no Infinity. What two parsers would read
differently is refused, since the one who wrote the report and the one who checked it may each have used another.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NoReturn

from tidegate.clock import from_text
from tidegate.core.canonical import LARGEST_INTEGER
from tidegate.readers.contract import unreadable
from tidegate.readers.sniff import HEAD_BYTES, describe

DEPTH_LIMIT = 100
OPENINGS_LIMIT = 4_000_000
"""Objects and lists in one report: as many as fit into about 1 GiB. Nothing but brackets fills 64 MiB with more."""

WHOLE = "the report"
"""The place of the outermost members, in refusals."""

_TOKEN = re.compile(rb'"((?:[^"\\]|\\.)*)"\s*(:?)|[{}\[\]"]', re.DOTALL)


@lru_cache(maxsize=4)
def outer_names(head: bytes) -> frozenset[str]:
    """The names of the outermost object's members, as far as ``head`` goes; none where it begins with no object.

    What stands deeper, or in a text, is not among them, however much it looks like another report. Never raises.
    """
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:HEAD_BYTES]
    if not start.startswith(b"{"):
        return frozenset()
    depth, names = 0, set()
    for token in _TOKEN.finditer(start):
        if token[0] in (b"{", b"["):
            depth += 1
        elif token[0] in (b"}", b"]"):
            depth -= 1
        elif token[0] == b'"':
            break  # a text that goes on beyond the head
        elif depth == 1 and token[2]:
            names.add(token[1].decode("utf-8", "replace"))
    return frozenset(names)


def shown(value: object) -> str:
    """A value of a report as refusals show it: short, in one line, and printable."""
    if isinstance(value, dict):
        return "an object" if value else "{}"
    if isinstance(value, list):
        return "a list" if value else "[]"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        return ascii(value[:40])
    return f"{value!r:.40}"


@dataclass(frozen=True, slots=True)
class JsonForm:
    """A form of JSON report: what it is called, and what to do about one that cannot be relied on.

    ``where`` is the place of ``found`` in words, such as :data:`WHOLE` or ``the file 'a.py'``. A method that is told
    what to take where a member is ``absent`` takes it for ``null`` as well; else the member must be there.

    Raises:
        UsageError: by every method, with ``form``, the place and what is wrong.
    """

    form: str
    remedy: str

    def refuse(self, because: str, remedy: str = "") -> NoReturn:
        """Refuse the report."""
        raise unreadable(self.form, because, remedy or self.remedy)

    def report(self, data: bytes) -> dict[str, Any]:
        """The report, which must be an object."""
        return self.mapping(self.parse(data), WHOLE)

    def parse(self, data: bytes) -> object:
        """The report as values. Integers are of any size and numbers may be infinite: :meth:`count` and
        :meth:`number` refuse those.
        """
        if data.count(b"{") + data.count(b"[") > OPENINGS_LIMIT:
            self.refuse(f"it has more than {OPENINGS_LIMIT} objects and lists")
        try:
            value = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_constant)
        except RecursionError:
            self._too_deep()
        except ValueError as error:
            what = describe(data[:HEAD_BYTES])
            # What the interpreter says of its own limit is no advice for whoever has the report.
            why = "a number in it has too many digits" if "int_max_str_digits" in str(error) else error
            self.refuse(f"it is no JSON: {why}" + ("" if what == "JSON" else f"; it seems to be {what}"))
        self._hold_depth(value)
        return value

    def mapping(self, value: object, where: str) -> dict[str, Any]:
        """``value``, which must be an object."""
        if not isinstance(value, dict):
            self.refuse(f"{where} is {shown(value)}, and must be an object")
        return value

    def member(self, found: Mapping[str, Any], name: str, where: str) -> Any:
        """A member of any type, which must be there."""
        if name not in found:
            self.refuse(f"{where} has no {name!r}")
        return found[name]

    def members(
        self, found: Mapping[str, Any], name: str, where: str, *, absent: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """A member that is an object."""
        return self._typed(found, name, where, absent, dict, "no object")  # type: ignore[no-any-return]

    def items(self, found: Mapping[str, Any], name: str, where: str, *, absent: list[Any] | None = None) -> list[Any]:
        """A member that is a list."""
        return self._typed(found, name, where, absent, list, "no list")  # type: ignore[no-any-return]

    def text(self, found: Mapping[str, Any], name: str, where: str, *, absent: str | None = None) -> str:
        """A member that is a text."""
        return self._typed(found, name, where, absent, str, "no text")  # type: ignore[no-any-return]

    def flag(self, found: Mapping[str, Any], name: str, where: str, *, absent: bool | None = None) -> bool:
        """A member that is true or false."""
        return self._typed(found, name, where, absent, bool, "neither true nor false")  # type: ignore[no-any-return]

    def count(self, found: Mapping[str, Any], name: str, where: str, *, absent: int | None = None) -> int:
        """A member that counts something: a whole number from 0."""
        value = self._typed(found, name, where, absent, int, "no count")
        if not 0 <= value <= LARGEST_INTEGER:
            self._wrong(value, name, where, "no count")
        return value  # type: ignore[no-any-return]

    def number(self, found: Mapping[str, Any], name: str, where: str, *, absent: float | None = None) -> float:
        """A member that is a number, finite and of any sign."""
        value: Any = found.get(name)
        if value is None and absent is not None:
            return absent
        if type(value) not in (int, float) or not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
            self.member(found, name, where)
            self._wrong(value, name, where, "no number")
        return float(value)

    def _typed(self, found: Mapping[str, Any], name: str, where: str, absent: Any, kind: type, otherwise: str) -> Any:
        value = found.get(name)
        if value is None and absent is not None:
            return absent
        if type(value) is not kind:
            self.member(found, name, where)
            self._wrong(value, name, where, otherwise)
        return value

    def _wrong(self, value: object, name: str, where: str, otherwise: str) -> NoReturn:
        self.refuse(f"{where} has {shown(value)} as {name}, which is {otherwise}")

    def _hold_depth(self, value: object) -> None:
        """Level by level, so that the answer does not depend on how deep the caller stands."""
        level = [value]
        for _ in range(DEPTH_LIMIT + 1):
            if not level:
                return
            level = [
                inner
                for outer in level
                for inner in (outer.values() if type(outer) is dict else outer if type(outer) is list else ())
                if type(inner) is dict or type(inner) is list
            ]
        self._too_deep()

    def _too_deep(self) -> NoReturn:
        self.refuse(f"it is nested more than {DEPTH_LIMIT} deep")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"the member {twice[:60]!r} is in it twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def timed(form: JsonForm, text: str, member: str, where: str) -> datetime:
    """A time, which must name an instant."""
    try:
        return from_text(text)
    except (ValueError, OverflowError):
        form.refuse(f"{where} has {text[:40]!r} as {member}, which is no time with an offset")
