"""Accessibility as axe-core reports it: the result of ``axe.run``, or a list with one for each page (@axe-core/cli).

A violation is a rule that a page breaks, however often. A page on which nothing could be checked has no violation
either, and is refused; so is one of which nobody can see whether anything was checked, and a run that broke.

Source: axe-core, ``axe.d.ts`` (AxeResults); doc/API.md, "Results Object".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tidegate.clock import from_text
from tidegate.readers.contract import Reading
from tidegate.readers.json_report import JsonForm, outer_names
from tidegate.readers.sniff import HEAD_BYTES

FORM = "an axe-core report"
_JSON = JsonForm(FORM, "run axe again, with its reporter v2, and give the result as it came")
_IMPACTS = ("critical", "serious", "moderate", "minor")
_LOOKED_AT = ("passes", "violations", "incomplete")


class AxeReader:
    """Reads the result of one page, or a list of them."""

    kind = "accessibility"
    form = FORM

    def recognises(self, name: str, head: bytes) -> bool:
        start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:HEAD_BYTES]
        first = start[1:].lstrip() if start.startswith(b"[") else start
        names = outer_names(first)
        return (b"axe-core" in start and "testEngine" in names) or {"violations", "passes"} <= names

    def read(self, data: bytes) -> Reading:
        report = _JSON.parse(data)
        pages = report if isinstance(report, list) else [report]
        if not pages:
            _JSON.refuse("there is no page in it")
        impacts: Counter[str] = Counter()
        incomplete = 0
        times: list[datetime] = []
        for number, found in enumerate(pages, start=1):
            where = f"page {number}"
            page = _JSON.mapping(found, where)
            _hold(page, where)
            impacts.update(_impacts(page, where))
            incomplete += len(_JSON.items(page, "incomplete", where, absent=[]))
            times += _time(page, where)
        return _reading(impacts, incomplete, len(pages), min(times) if len(times) == len(pages) else None)


def _reading(impacts: Counter[str], incomplete: int, pages: int, taken_at: datetime | None) -> Reading:
    total = impacts.total()
    values: dict[str, int | float | bool | str] = {"violations": total, "incomplete": incomplete, "pages": pages}
    values |= {impact: impacts[impact] for impact in _IMPACTS}
    by_impact = ", ".join(f"{impacts[impact]} {impact}" for impact in _IMPACTS if impacts[impact])
    summary = f"{total} {'violation' if total == 1 else 'violations'} on {pages} {'page' if pages == 1 else 'pages'}"
    return Reading(AxeReader.kind, values, taken_at, summary + (f": {by_impact}" if by_impact else ""))


def _hold(page: Mapping[str, Any], where: str) -> None:
    """Refuse a page that was not looked at."""
    if page.get("error") is not None:
        _JSON.refuse(f"{where} could not be checked: it has an error", "mend the run, and run axe again")
    _JSON.items(page, "violations", where)
    if not any(_JSON.items(page, name, where, absent=[]) for name in _LOOKED_AT):
        said = "" if "passes" in page else ", and the rules that it passes are not in it"
        _JSON.refuse(f"nothing was checked on {where}{said}")


def _impacts(page: Mapping[str, Any], where: str) -> list[str]:
    """The impact of each violation; empty where axe gives none."""
    found = []
    for violation in _JSON.items(page, "violations", where):
        place = f"a violation on {where}"
        rule = _JSON.mapping(violation, place)
        name = _JSON.text(rule, "id", place)
        impact = _JSON.text(rule, "impact", f"the violation of {name[:60]!r} on {where}", absent="")
        if impact and impact not in _IMPACTS:
            _JSON.refuse(f"the violation of {name[:60]!r} on {where} has the impact {impact[:40]!r}, which is none")
        found.append(impact)
    return found


def _time(page: Mapping[str, Any], where: str) -> list[datetime]:
    try:
        return [from_text(_JSON.text(page, "timestamp", where, absent=""))]
    except (ValueError, OverflowError):
        return []
