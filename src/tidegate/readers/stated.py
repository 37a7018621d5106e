"""Evidence that a script writes in Tidegate's own form, for what no tool has a report of: backups, drills, training.

    {"tidegate": "evidence/1", "kind": "backup", "taken_at": "2026-02-10T18:00:00Z",
     "values": {"verified": true, "offsite": true}, "summary": "nightly dump, restored on spare"}

It is the word of whoever wrote it, and of whoever added it. What a tool does report is read from that tool's report
alone, so that nobody states that the tests passed.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from tidegate.clock import from_text
from tidegate.core.evidence_kind import KINDS, STATED, typed_values
from tidegate.core.plain import plain
from tidegate.errors import UsageError
from tidegate.readers.contract import Reading
from tidegate.readers.json_report import WHOLE, JsonForm, outer_names
from tidegate.readers.sniff import HEAD_BYTES

FORMAT = "evidence/1"
_REMEDY = "write it as docs/reference/evidence-files.md says"
_MEMBERS = {"tidegate", "kind", "taken_at", "values", "summary"}
_KIND = re.compile(rb'"kind"\s*:\s*"([a-z-]{1,40})"')


class StatedReader:
    """Reads evidence of one kind, as a script states it."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.form = f"a file of evidence of kind {kind}"
        self._json = JsonForm(self.form, _REMEDY)

    def recognises(self, name: str, head: bytes) -> bool:
        if not {"tidegate", "kind"} <= outer_names(head) or b'"evidence/' not in head[:HEAD_BYTES]:
            return False
        found = _KIND.search(head[:HEAD_BYTES])
        said = found[1].decode() if found else ""
        # The first one takes what is of no such kind, and says so.
        return said == self.kind or (said not in STATED and self.kind == STATED[0])

    def read(self, data: bytes) -> Reading:
        report = self._json.report(data)
        self._hold_form(report)
        values = self._json.members(report, "values", WHOLE)
        try:
            given = typed_values(KINDS[self.kind], values)
        except UsageError as error:
            self._json.refuse(error.what, error.remedy)
        typed = {name: given[name] for name in KINDS[self.kind].fields if name in given}
        taken = self._json.text(report, "taken_at", WHOLE)
        summary = plain(self._json.text(report, "summary", WHOLE, absent=""))
        return Reading(self.kind, typed, self._time(taken), summary or said_in_words(typed))

    def _hold_form(self, report: dict[str, Any]) -> None:
        if (version := self._json.text(report, "tidegate", WHOLE)) != FORMAT:
            self._json.refuse(f"its format is {version[:40]!r}, and must be {FORMAT!r}")
        if unknown := sorted(report.keys() - _MEMBERS):
            self._json.refuse(f"it has a member {unknown[0][:40]!r}, which is unknown")
        if (kind := self._json.text(report, "kind", WHOLE)) not in STATED:
            why = "is read from a report" if kind in KINDS else "is unknown"
            self._json.refuse(f"its kind is {kind[:40]!r}, which {why}", _kinds(kind))
        if kind != self.kind:
            self._json.refuse(f"its kind is {kind!r}", f"say --kind {kind}")

    def _time(self, text: str) -> datetime:
        try:
            return from_text(text)
        except (ValueError, OverflowError):
            self._json.refuse(f"{WHOLE} has {text[:40]!r} as taken_at, which is no time with an offset")


def said_in_words(values: dict[str, Any]) -> str:
    """The values as a sentence: ``verified: yes, bytes: 12``."""
    words = {True: "yes", False: "no"}
    return ", ".join(f"{name}: {words[v] if isinstance(v, bool) else v}" for name, v in values.items())


def _kinds(kind: str) -> str:
    if kind in KINDS:
        return f"add the report of the tool that finds it; stated are: {', '.join(STATED)}"
    return f"give one of: {', '.join(STATED)}"
