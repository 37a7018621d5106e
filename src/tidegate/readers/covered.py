"""What every report of coverage comes to: lines and branches, how many there are, and how many were reached.

A line that a report lists several times, for several tests or classes, is one line; it was reached where any of them
says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tidegate.readers.contract import Reading

KIND = "coverage"


@dataclass(frozen=True, slots=True)
class Counts:
    """Lines and branches of a file or of a report."""

    lines: int
    covered: int
    branches: int = 0
    branches_covered: int = 0


def total_of(counted: Iterable[Counts]) -> Counts:
    """The sum of files."""
    files = list(counted)
    return Counts(
        sum(file.lines for file in files),
        sum(file.covered for file in files),
        sum(file.branches for file in files),
        sum(file.branches_covered for file in files),
    )


def nothing_measured(files: int) -> str:
    """Why a report without a line is refused."""
    return f"it measures no line in {files} {'file' if files == 1 else 'files'}, so that there is no ratio"


def coverage_reading(total: Counts, files: int, taken_at: datetime | None = None) -> Reading:
    """The reading of a report that measures at least one line; without branches, it has no ratio of branches."""
    values: dict[str, int | float | bool | str] = {
        "line": total.covered / total.lines,
        "lines_total": total.lines,
        "lines_covered": total.covered,
    }
    summary = f"{total.covered} of {total.lines} lines covered in {files} {'file' if files == 1 else 'files'}"
    if total.branches:
        values["branch"] = total.branches_covered / total.branches
        summary += f", {total.branches_covered} of {total.branches} branches"
    return Reading(KIND, values, taken_at, summary)
