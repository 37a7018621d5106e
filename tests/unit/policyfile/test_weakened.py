"""What a file takes back of what it builds on, told where the file takes it back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tidegate.core.lint import Abilities
from tidegate.policyfile.check import check_policy

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)

BASE = """\
tidegate: 1
organization: Kornhaus
timezone: Europe/Vienna
gates:
  tests: {evidence: junit, pass: "tests.failed == 0", fresh: 7d}
  scan: {evidence: sarif, pass: "findings.high == 0"}
environments:
  counter: {purpose: production, gates: [tests, scan], freeze: {before: 2d}}
"""

BETWEEN = """\
tidegate: 1
extends: [./base.yaml]
environments:
  counter: {gates: [tests], freeze: {before: 1d}}
deviations: {environments.counter.gates: the board, environments.counter.freeze: the board}
"""


def told(directory: Path, below: str, *lines: str) -> list[str]:
    """``line:column what`` of each finding of the rule in ``tidegate.yaml``, which builds on ``below``."""
    (directory / "base.yaml").write_text(BASE)
    (directory / "between.yaml").write_text(BETWEEN)
    top = directory / "tidegate.yaml"
    top.write_text("\n".join(["tidegate: 1", f"extends: [./{below}]", *lines, ""]))
    checked = check_policy(top, "tidegate.yaml", NOW, abilities=Abilities())
    found = [finding for finding in checked.findings if finding.rule == "override.weakens"]
    assert all(finding.place.file == "tidegate.yaml" for finding in found)
    begin = "the file asks for less than what it builds on: "
    return [f"{f.place.line}:{f.place.column} {f.message.removeprefix(begin)}" for f in found]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (
            ["without: [environments.counter.freeze]"],
            ["3:11 environments.counter.freeze: {before: 2d} was removed"],
        ),
        (
            ["without: [gates.tests]", 'gates: {tests: {evidence: junit, pass: "tests.failed == 0"}}'],
            ["3:11 gates.tests.fresh: 7d was removed"],
        ),
        (
            ["organization: Kornhaus", "without:", "  - gates.tests.fresh", "  - environments.counter.gates"],
            [
                "5:5 gates.tests.fresh: 7d was removed",
                "6:5 environments.counter.gates: tests was removed",
                "6:5 environments.counter.gates: scan was removed",
            ],
        ),
        (["environments: {counter: {gates: [scan]}}"], ["3:34 environments.counter.gates: tests was removed"]),
    ],
)
def test_it_is_told_at_the_line_that_takes_it_out(tmp_path: Path, lines: list[str], says: list[str]) -> None:
    assert told(tmp_path, "base.yaml", *lines) == says


@pytest.mark.parametrize(
    "line",
    [
        "without: [environments.counter.freeze]",
        "environments: {counter: {gates: []}}",
        "without: [environments.counter.gates]",
    ],
)
def test_what_a_file_below_owned_up_to_excuses_nobody_above(tmp_path: Path, line: str) -> None:
    assert told(tmp_path, "between.yaml") == []
    assert told(tmp_path, "between.yaml", line)


def test_the_place_that_the_remedy_names_excuses_what_was_taken_out(tmp_path: Path) -> None:
    lines = [
        "without: [environments.counter.freeze, environments.counter.gates]",
        "deviations: {environments.counter: the board}",
    ]
    assert told(tmp_path, "between.yaml", *lines) == []
