"""The reference of the formats says what the code does."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tidegate.core import checkpoint as cp
from tidegate.core.canonical import parse
from tidegate.core.evidence_kind import KINDS
from tidegate.core.leaf import LIMIT_BYTES, Leaf, decode, encode
from tidegate.core.ssh_key import RSA_BITS
from tidegate.core.statement import Act, Statement
from tidegate.signing import ssh

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "audit-format.md").read_text()


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}")[1].split("\n## ")[0]


def block(text: str, language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found[1]


def first_column(text: str) -> set[str]:
    rows = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def test_the_leaf_of_the_page_is_a_leaf() -> None:
    example = block(section("The audit leaf"), "json").strip().encode()
    assert encode(decode(example)) == example
    assert first_column(section("The audit leaf")) == {"format"} | {field.name for field in fields(Leaf)}
    assert f"{LIMIT_BYTES:,} bytes" in section("The audit leaf")


def test_the_checkpoint_of_the_page_is_a_checkpoint() -> None:
    signed = cp.read(block(section("Checkpoints"), "text"))
    assert signed.checkpoint.origin == cp.origin_of("7D Solutions")
    assert first_column(section("Checkpoints")) == {standing.value for standing in cp.Standing}


def test_the_statement_of_the_page_has_every_member_and_act() -> None:
    text = section("What a person signs")
    assert first_column(text) == {"format"} | {field.name for field in fields(Statement)}
    acts = re.search(r"^\| `act` \| (.*) \|$", text, re.MULTILINE)
    assert acts is not None
    assert re.findall(r"`(\w+)`", acts[1]) == [act.value for act in Act]
    assert all(f"`{fault.value}`" in text for fault in ssh.Fault)
    assert f"from {RSA_BITS} bits" in text


def test_the_kinds_of_the_page_are_those_there_are() -> None:
    text = section("Evidence from reports")
    assert first_column(text) == set(KINDS)
    for kind in KINDS.values():
        row = re.search(rf"^\| `{kind.name}` .*$", text, re.MULTILINE)
        assert row is not None
        assert {kind.root, *kind.fields} <= set(re.findall(r"`(\w+)`", row[0]))
        assert row[0].endswith(f"| {', '.join(sorted(kind.binds, reverse=True))} |")


@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="ssh-keygen (openssh-client) is not installed")
def test_a_checkpoint_is_verified_by_hand_as_the_page_says(tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    made = cp.Checkpoint(cp.origin_of("7D Solutions"), 42, bytes(32), datetime(2026, 2, 10, tzinfo=UTC))
    text = cp.write(made, ssh.sign(cp.body(made), key, ssh.CHECKPOINT))
    (tmp_path / "checkpoint.txt").write_text(text)
    (tmp_path / "signers").write_text(f"alice {ssh.public_key_of(key)}\n")
    script = block(section("Checkpoints"), "sh")
    for tampered, code in ((text, 0), (text.replace("\n42\n", "\n43\n"), 255)):
        (tmp_path / "checkpoint.txt").write_text(tampered)
        done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True)
        assert done.returncode == code


def test_what_the_page_says_of_numbers() -> None:
    assert parse(b"1") == 1
    assert "1.0 is written `1`" in section("Canonical JSON")
