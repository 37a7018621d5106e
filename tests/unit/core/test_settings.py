"""Settings held against a policy: what is a violation, what is drift, and what may be a secret."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.facts import rulebook
from tidegate.core.canonical import canonical
from tidegate.core.policy import Policy
from tidegate.core.settings import Checked, Kind, State, Value, check, is_secret, normal, words_of

SEAL = b"k" * 32


def policy(config: dict[str, Any] | None = None, other: dict[str, Any] | None = None, **more: Any) -> Policy:
    return rulebook(
        environments={
            "staging": {"config": other or {}, "mirror_of": "production", "data": "sanitised"},
            "production": {"config": config or {}, **more},
        }
    ).policy


def violations(config: dict[str, Any], settings: dict[str, Value], **more: Any) -> list[tuple[str, str, str]]:
    found = check(policy(config, **more), "production", settings, seal=SEAL)
    return [(one.key, one.expected, one.found) for one in found.violations]


MEETS: dict[str, tuple[bool | int | str, Value, str | None]] = {
    "on": (True, True, None),
    "off": (True, False, "false"),
    "a word is no truth value": (True, "true", '"true"'),
    "one is no truth value": (True, 1, "1"),
    "a number": (5, 5, None),
    "another number": (5, 6, "6"),
    "a truth value is no number": (1, True, "true"),
    "a text": ("strict", "strict", None),
    "another text": ("strict", "lax", '"lax"'),
    "a number for a text": ("1.2", 1.2, None),
    "a secret in its place": ("strict", "AKIA1234567890ABCDEF12", "something else (hidden: it may be a secret)"),
    "an address with a password": ("x", "db://u:p@h", "something else (hidden: it may be a secret)"),
}


@pytest.mark.parametrize(("expected", "found", "told"), MEETS.values(), ids=MEETS)
def test_a_setting_is_as_the_policy_says(expected: bool | int | str, found: Value, told: str | None) -> None:
    shown = (
        [] if told is None else [("mode", str(expected).lower() if isinstance(expected, bool) else str(expected), told)]
    )
    assert violations({"mode": expected}, {"mode": found}) == shown


LIMITS = [
    ("tls_min_version", "1.2", "TLSv1.2", True),
    ("tls_min_version", "1.2", 1.3, True),
    ("tls_min_version", "1.2", "TLSv1.1", False),
    ("tls_min_version", "1.2", "1.10", True),
    ("tls_min_version", "1.2", 2, True),
    ("tls_min_version", "1.2", "whatever", False),
    ("session_max_hours", 8, 8, True),
    ("session_max_hours", 8, 9, False),
    ("admin_mode", 8, 9, False),
]


@pytest.mark.parametrize(("key", "limit", "found", "holds"), LIMITS)
def test_a_word_of_the_name_makes_it_a_limit(key: str, limit: Any, found: Value, holds: bool) -> None:
    assert (violations({key: limit}, {key: found}) == []) is holds


def test_what_is_missing_is_a_violation() -> None:
    assert violations({"audit": True}, {}) == [("audit", "true", "nothing")]
    assert violations({"audit": True}, {"audit": None}) == [("audit", "true", "nothing")]


HOSTS: dict[str, tuple[Value, str | None]] = {
    "its own": ("https://api.example.org/v1", None),
    "another's": ("https://stage-api.example.org/v1", "stage-api.example.org, a host of staging"),
    "another's in capitals": ("HTTPS://STAGE-API.EXAMPLE.ORG", "stage-api.example.org, a host of staging"),
    "another's bare, with a port": ("stage-db:5432", "stage-db, a host of staging"),
    "another's with a password": ("pg://u:hunter2@stage-db:5432/x", "stage-db, a host of staging"),
    "one that only ends like it": ("https://my-stage-api.example.org", None),
    "one below it": ("https://stage-api.example.org.evil.example", None),
    "a word with its name in it": ("our-stage-db-notes", None),
    "a number": (5, None),
}


@pytest.mark.parametrize(("value", "told"), HOSTS.values(), ids=HOSTS)
def test_an_address_of_another_environment_is_found(value: Value, told: str | None) -> None:
    own = {"api_endpoint": "https://api.example.org"}
    other = {"api_endpoint": "https://stage-api.example.org", "database_connection": "stage-db"}
    found = violations(own, {"api_endpoint": own["api_endpoint"], "upstream": value}, other=other)
    assert found == ([] if told is None else [("upstream", "a host of production", told)])


def test_a_host_that_both_declare_is_no_foreign_one() -> None:
    shared = {"mail_server": "mail.example.org"}
    assert violations(shared, {"mail_server": "mail.example.org"}, other=shared) == []


DATA: dict[str, tuple[str | None, str, Value, list[tuple[str, str]]]] = {
    "as declared": ("live", "production", "live", []),
    "not as declared": ("live", "production", "synthetic", [("live", "synthetic")]),
    "live in a test environment": ("sanitised", "staging", "live", [("sanitised", "live")]),
    "live where nothing is declared": (None, "staging", "live", [("no live data outside production", "live")]),
    "no class at all": ("live", "production", "s3cret", [("live", "something that is no class of data")]),
}


@pytest.mark.parametrize(("declared", "where", "said", "expected"), DATA.values(), ids=DATA)
def test_the_class_of_data(declared: str | None, where: str, said: Value, expected: list[tuple[str, str]]) -> None:
    book = rulebook(environments={where: {"data": declared}}).policy
    found = check(book, where, {"data_class": said}, seal=SEAL).violations
    assert [(one.expected, one.found) for one in found] == expected
    assert {one.kind for one in found} <= {Kind.DATA}


SECRET = [
    ("db_password", "x", True),
    ("dbPassword", "x", True),
    ("API-KEY", 5, True),
    ("private.key", True, True),
    ("authentication_required", True, False),
    ("monkey", "x", False),
    ("cache", "https://u:p@host", True),
    ("cache", "https://host/path", False),
    ("cache", "Server=x;Password=y", True),
    ("note", "-----BEGIN OPENSSH PRIVATE KEY-----", True),
    ("id", "ghp_16C7e42F292c6912E7710c838347Ae178B4a", True),
    ("host", "stage-api.townepark.com", False),
]


@pytest.mark.parametrize(("key", "value", "is_one"), SECRET)
def test_what_may_be_a_secret(key: str, value: Value, is_one: bool) -> None:
    assert is_secret(key, value) is is_one


def test_names_are_compared_in_one_form() -> None:
    assert {normal(name) for name in ("API.URL", "api-url", "Api_Url")} == {"api_url"}
    assert words_of("dbPassword") == {"db", "password"}


def drift(here: dict[str, Value], there: dict[str, Value], **config: Any) -> dict[str, str]:
    book = policy({"endpoint": "b"} if config else {}, {"endpoint": "a"} if config else {})
    found = check(book, "staging", here, there, seal=SEAL).drift
    assert found is not None
    return {one.key: one.state.value for one in found}


def test_drift_says_how_each_setting_stands() -> None:
    here: dict[str, Value] = {"a": 1, "b": 1, "c": 1, "e": True, "endpoint": "a", "db_password": "x", "token": "x"}
    there: dict[str, Value] = {"a": 1, "b": 2, "d": 1, "e": 1, "endpoint": "b", "db_password": "x", "token": "y"}
    assert drift(here, there, declared=True) == {
        "a": State.SAME,
        "b": State.DIFFERS,
        "c": State.HERE,
        "d": State.THERE,
        "db_password": State.SECRET_SHARED,
        "e": State.DIFFERS,
        "endpoint": State.DECLARED,
        "token": State.SECRETS_DIFFER,
    }
    assert drift(here, there)["endpoint"] == State.DIFFERS


def test_nobody_can_tell_of_drift_without_the_other_side() -> None:
    alone = check(policy(), "staging", {"a": 1}, seal=SEAL)
    assert (alone.drift, alone.drifts, alone.values) == (None, None, {"violations": 0})
    both = check(policy(), "staging", {"a": 1}, {"a": 2}, seal=SEAL)
    assert both.values == {"violations": 0, "drift": 1}


secrets = st.text(string.ascii_letters + string.digits + "+/=_-!$ ", min_size=8, max_size=40).map(
    lambda text: f"Zq{text}"
)
keys = st.sampled_from(["db_password", "api_key", "private_key", "access_token", "client_secret", "signing_dsn"])


@given(st.dictionaries(keys, secrets, min_size=1), st.dictionaries(keys, secrets), st.booleans())
def test_no_secret_comes_out(here: dict[str, str], there: dict[str, str], named: bool) -> None:
    """Also where the policy itself names the setting, and where it stands inside an address."""
    config = dict.fromkeys(here, "as the policy says") if named else {}
    mine = {**here, "url": f"https://u:{next(iter(here.values()))}@stage-db/x"}
    found: Checked = check(policy(other=config), "staging", mine, dict(there), seal=SEAL)
    said = repr(found) + canonical([found.violations, found.drift]).decode()
    for secret in (*here.values(), *there.values()):
        assert secret not in said


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        ("a" * 1_000_000, True),
        ("://" + ":" * 1_000_000, True),
        ("a" * 4_000, False),
        ("://" + ":" * 4_000, False),
        ("token" + " " * 4_000, False),
        ("x9" * 10, True),
        ("plain words of a setting", False),
    ],
)
def test_a_value_of_any_length_is_told_at_once(value: str, secret: bool) -> None:
    assert is_secret("greeting", value) is secret
