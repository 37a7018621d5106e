"""Small policy files for what ``policy check`` prints, and texts in them that want something of whoever prints them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from tests.support.lints import EVERYTHING
from tidegate.policyfile.check import Checked, check_policy

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)

GOOD = """\
tidegate: 1
organization: Example
timezone: Europe/Vienna
people:
  ann: {name: Ann, groups: [team], keys: []}
  ben: {name: Ben, groups: [team], keys: []}
permits: {open: [team], start: [team], rollback: [team]}
release_types: {patch: {bump: patch, approvals: [{from: team}]}}
environments: {production: {purpose: production}}
watch: {production: {for: 1h, roll_back_when: [{health_check: failed}]}}
"""
WARNED = GOOD.replace("approvals: [{from: team}]", "approvals: [{from: team, author_may: true}]")
WRONG = GOOD.replace("{from: team}]", "{from: team, count: 2}]")
NO_POLICY = GOOD.replace("from: team", "from: taem").replace("purpose: production", "purpos: production")
OPEN = "undecided: {colour: {what: The colour of the door, default: It is red}}\n"

HOSTILE = "100%\\n::stop-commands::x\u061c\u200f"
"""As a YAML text in double quotes: a line break that begins a command of a workflow, and marks of direction."""

EVIL = f"""\
tidegate: 1
organization: "x"
timezone: Europe/Vienna
groups: {{team: {{title: "\u200fmaet\u061c 100% of us, ::error::"}}}}
contacts: {{boss: {{title: "The boss", reach: "{HOSTILE}"}}}}
gates: {{tests: {{evidence: junit, pass: "{HOSTILE}"}}}}
release_types: {{patch: {{bump: patch, frequency: "{HOSTILE}"}}}}
environments: {{"a{HOSTILE}": {{purpose: production}}, "\\e[31mred\\a": {{purpose: "\\x9b2J"}}}}
milestones:
  freeze: {{title: "\u200fezeerf \u061c%0A::error file=x::", after_phase: plan, allow: [fix]}}
processes: {{p: {{phases: [{{name: plan}}, {{name: build, allows: [feat]}}]}}}}
undecided: {{x: {{what: "\u200ftahw", default: "\u061ctluafed ::x::"}}}}
"""
"""Texts that want something of whoever prints them; in parts refused, in parts repeated in what is found."""

REPEATED = EVIL.replace(f'reach: "{HOSTILE}"', "reach: '%0A'").replace(
    f'pass: "{HOSTILE}"', 'pass: "tests.failed == 0"'
)
REPEATED = REPEATED.replace(f'frequency: "{HOSTILE}"', "frequency: monthly")
REPEATED = re.sub(r"environments: .*", "environments: {production: {purpose: production}}", REPEATED)
"""As above, with what is refused taken out, so that the rules look at the rest."""


FILES = {"good": GOOD, "warned": WARNED, "wrong": WRONG, "no policy": NO_POLICY, "evil": EVIL, "repeated": REPEATED}

UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""What moves the cursor, begins another line of a log, or turns the text round."""


def checked(text: str | bytes, name: str = "tidegate.yaml") -> Checked:
    """What there is to say of a file."""
    content = text if isinstance(text, bytes) else text.encode()
    return check_policy(content, name, NOW, abilities=EVERYTHING)


def too_long(text: str) -> list[str]:
    """Lines beyond the terminal that could have been shorter."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    lines = [re.sub("^[✗✓!·] ", "", line) for line in plain.splitlines() if len(line) > 80]
    return [line for line in lines if len(line.split()) > 1]
