"""Make docs/coverage.md: each number of the ledger, the preset lines that say it, what enforces it, what proves it.

``python scripts/generate_coverage.py`` writes the page; a test holds it up to date. What enforces a number and which
test proves it stands in docs/coverage.toml; the preset lines are found by the numbers in their comments; rules name the
numbers that they serve themselves.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tidegate.core.lint import LINTS
from tidegate.core.rules import RULES

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "docs" / "coverage.toml"
PAGE = ROOT / "docs" / "coverage.md"
PRESETS = ROOT / "src" / "tidegate" / "policyfile" / "presets"

NUMBER = re.compile(r"\b(?:M1|M2|TP|HD|7D)-[0-9]{2}\b")

HEAD = """\
# What of the ledger holds today

<!-- Made by `python scripts/generate_coverage.py` from docs/coverage.toml, the presets and the rules. Do not edit. -->

The ledger numbers what five organisations ask of their releases (M1, M2: MokoStandards; TP: Towne Park; HD: Helpdesk;
7D: 7D Solutions). This page says of each of its lines in which lines of a preset it is said, which rules of `tidegate
policy check` look at what was said, what acts on it, which test proves that, and what is still missing. **Not enforced
yet** means that it can be said, checked, explained and compared, and that nothing acts on it: whoever needs it does it
by hand.

"""

TABLE = """\
| number | asks for | said in | enforced by | proved in | still missing |
| --- | --- | --- | --- | --- | --- |
"""


def page() -> str:
    """The page, in Markdown."""
    entries = tomllib.loads(SOURCE.read_text(encoding="utf-8"))
    lines = preset_lines()
    rows = [_row(number, entry, lines.get(number, {})) for number, entry in entries.items()]
    enforced = sum("Not enforced yet" not in row for row in rows)
    said = sum(bool(lines.get(number)) for number in entries)
    summary = f"{len(entries)} numbers; {said} are said in a preset; {enforced} are enforced, in full or in part.\n\n"
    return HEAD + summary + TABLE + "\n".join(rows) + "\n"


def preset_lines() -> dict[str, dict[str, list[int]]]:
    """By number, the lines of each preset file that name it in their comment."""
    found: dict[str, dict[str, list[int]]] = {}
    for file in sorted(PRESETS.glob("*@*.yaml")):
        for index, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            text, hash_sign, comment = line.rpartition("#")
            if hash_sign and text.strip():
                for number in NUMBER.findall(comment):
                    found.setdefault(number, {}).setdefault(file.name, []).append(index)
    return found


def _row(number: str, entry: dict[str, Any], lines: dict[str, list[int]]) -> str:
    cells = [
        number,
        entry["asks"],
        "; ".join(_said(file, found) for file, found in lines.items()),
        _enforced(number, entry),
        ", ".join(f"`{test}`" for test in entry.get("proved", ())),
        entry.get("missing", ""),
    ]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _said(file: str, lines: Sequence[int]) -> str:
    name = file.partition("@")[0]
    path = f"../src/tidegate/policyfile/presets/{file}"
    return f"[{name}]({path}) {', '.join(_ranges(lines))}"


def _ranges(lines: Sequence[int]) -> Iterator[str]:
    """``12-14, 30``."""
    start = last = lines[0]
    for line in [*lines[1:], None]:
        if line is not None and line == last + 1:
            last = line
            continue
        yield str(start) if start == last else f"{start}-{last}"
        if line is not None:
            start = last = line


def _enforced(number: str, entry: dict[str, Any]) -> str:
    rules = [f"[{rule.id}](rules/{rule.id}.md)" for rule in RULES if number in NUMBER.findall(rule.reference)]
    lints = [f"[{lint.id}](lint/{lint.id}.md)" for lint in LINTS if number in NUMBER.findall(lint.reference)]
    parts = [entry["by"]] if "by" in entry else []
    parts += [f"rule {', '.join(rules)}"] if rules else []
    enforced = "; ".join(parts) or "**Not enforced yet**"
    return f"{enforced}; checked by {', '.join(lints)}" if lints else enforced


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
