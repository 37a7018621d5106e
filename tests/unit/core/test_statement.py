"""What a person signs: the same bytes from the same act, other bytes from any other."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tidegate.core.canonical import canonical, digest
from tidegate.core.statement import Act, Statement, from_bytes
from tidegate.errors import UsageError

STATEMENT = Statement(
    act=Act.APPROVE,
    person="alice",
    organization="7D Solutions",
    at=datetime(2026, 2, 10, 18, 0, tzinfo=UTC),
    nonce="0123456789abcdef",
    release="billing-1.1.0",
    component="billing",
    environment="production",
    role="owners",
    subject=digest(b"subject"),
    policy=digest(b"policy"),
    reason="reviewed; é",
)
OTHER: dict[str, Any] = {
    "act": Act.REJECT,
    "at": STATEMENT.at + timedelta(microseconds=1),
    "nonce": "fedcba9876543210",
    "subject": digest(b"other"),
    "policy": "",
}


def test_a_statement_reads_back_as_it_was() -> None:
    assert from_bytes(STATEMENT.to_bytes()) == STATEMENT
    minimal = Statement(Act.ADOPT_POLICY, "bob", "o", STATEMENT.at, "n" * 16)
    assert from_bytes(minimal.to_bytes()) == minimal


@pytest.mark.parametrize("name", [field.name for field in fields(Statement)])
def test_every_member_is_signed(name: str) -> None:
    other = replace(STATEMENT, **{name: OTHER.get(name, "other")})
    assert other.to_bytes() != STATEMENT.to_bytes()


def edited(**changes: object) -> bytes:
    value = json.loads(STATEMENT.to_bytes()) | changes
    return canonical({name: member for name, member in value.items() if member is not ...})


@pytest.mark.parametrize(
    ("data", "because"),
    [
        (edited(format="tidegate/act/2"), "its format is not 'tidegate/act/1'"),
        (b"[]", "its format is not 'tidegate/act/1'"),
        (edited(extra=""), "'extra' is missing or unknown"),
        (edited(nonce=...), "'nonce' is missing or unknown"),
        (edited(reason=None), "reason is None, and must be text"),
        (edited(person=""), "it names no person"),
        (edited(organization=""), "it names no organization"),
        (edited(nonce="short"), "its nonce has 5 characters, and must have 16"),
        (edited(subject="main"), "subject is 'main', and must be a digest"),
        (edited(policy="sha256:0"), "policy is 'sha256:0', and must be a digest"),
        (edited(act="destroy"), "nobody can sign for the act 'destroy'"),
        (edited(at="yesterday"), "at is 'yesterday', and must be written as 2026-02-10T18:00:00.000000Z"),
    ],
)
def test_what_is_no_statement_is_refused(data: bytes, because: str) -> None:
    with pytest.raises(UsageError) as caught:
        from_bytes(data)
    assert caught.value.what == f"this is no statement to sign: {because}"


def test_a_statement_that_binds_nothing_is_not_made() -> None:
    with pytest.raises(UsageError, match="it names no person"):
        replace(STATEMENT, person="").to_bytes()
    with pytest.raises(UsageError, match="and at most 16384 are read"):
        replace(STATEMENT, reason="x" * 20_000).to_bytes()
