"""Files of settings: three forms, one reading; and a mistake shows nothing of what stands there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.settings import Value
from tidegate.errors import UsageError
from tidegate.readers.settings import LIMIT_BYTES, MOST_SETTINGS, read_settings

SAME: dict[str, Value] = {"tls_min_version": "1.2", "audit": True, "cache_mb": 64, "name": "shop # one"}
FORMS = {
    "s.env": b"# the shop\nexport TLS_MIN_VERSION=\"1.2\"\nAUDIT=true\n\nCACHE_MB=64 # more\nNAME='shop # one'\n",
    "s.json": b'{"tls": {"min": {"version": "1.2"}}, "audit": true, "cache-mb": 64, "name": "shop # one"}',
    "s.yaml": b'tls.min_version: "1.2"\naudit: true\ncache:\n  mb: 64\nname: "shop # one"\n',
    "with a mark at its beginning": b'\xef\xbb\xbf{"tls_min_version": "1.2", "audit": true, "cache_mb": 64, '
    b'"name": "shop # one"}',
}


@pytest.mark.parametrize("name", FORMS)
def test_each_form_is_read_alike(name: str) -> None:
    assert read_settings(name, FORMS[name]) == SAME


def test_a_value_in_quotes_goes_on_over_lines() -> None:
    assert read_settings("k.env", b'KEY="-----BEGIN\nabc\n-----END"\nB=\n') == {
        "key": "-----BEGIN\nabc\n-----END",
        "b": "",
    }


def test_lists_and_nothing() -> None:
    assert read_settings("l.json", b'{"hosts": ["a", "b"], "none": null}') == {
        "hosts_0": "a",
        "hosts_1": "b",
        "none": None,
    }


BROKEN = {
    "nothing": (b" \n", "it is empty"),
    "no UTF-8": (b"\xff\xfehunter2", "it is not UTF-8"),
    "too long": (b"#" * (LIMIT_BYTES + 1), f"it has {LIMIT_BYTES + 1} bytes, and at most {LIMIT_BYTES} are read"),
    "broken JSON": (b'{"a": "hunter2"\n"b"', "it is no JSON"),
    "JSON that says it twice": (b'{"a": "hunter2", "a": 1}', "it is no JSON: a name stands twice, or a number is none"),
    "JSON with a number that is none": (
        b'{"a": NaN, "b": "hunter2"}',
        "it is no JSON: a name stands twice, or a number is none",
    ),
    "deep JSON": (b'{"a":' * 100_000, "it is no JSON"),
    "JSON that is no mapping": (b'["hunter2"]', "it is no mapping of settings"),
    "broken YAML": (b"a: 'hunter2\nb: [", "it is no YAML"),
    "YAML that says it twice": (b"a: hunter2\na: 1\n", "it is no YAML"),
    "YAML that is no mapping": (b"- hunter2\n", "it is no mapping of settings"),
    "a bomb": (
        b"a: &a [hunter2, hunter2]\n"
        + b"".join(b"b%d: &b%d [*a, *a, *a, *a]\n" % (n, n) for n in range(3))
        + b"".join(b"c%d: [%s]\n" % (n, b", ".join([b"*b0"] * 2000)) for n in range(60)),
        "it",
    ),
    "a line that is none": (b"A=1\nhunter2\n", "a line is no NAME=value"),
    "a line that says it twice": (b"A=hunter2\nA=1\n", "a setting stands twice"),
    "names that are one": (b'{"a.b": "hunter2", "a_b": 1}', "two names of settings are read as one"),
    "a quote that is not closed": (b'A="hunter2\nB=1\n', "a quote is opened and not closed"),
    "a name that cannot be printed": (b'{"a\\u0007": "hunter2"}', "a name is empty, longer than 200 characters, or"),
    "too many": (
        "\n".join(f"A{n}=hunter2" for n in range(MOST_SETTINGS + 1)).encode(),
        f"it has more than {MOST_SETTINGS} settings",
    ),
}


@pytest.mark.parametrize(("data", "said"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_refused_and_shows_nothing(data: bytes, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_settings("s.conf", data)
    assert caught.value.what.startswith(f"the settings cannot be read: {said}")
    assert caught.value.where.startswith("s.conf")
    assert caught.value.remedy
    error: BaseException | None = caught.value
    assert error is not None
    # Nor may the error that led to it say it, which --verbose would print.
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    assert "hunter2" not in f"{error} {caught.value.what} {caught.value.where} {caught.value.remedy}"


def test_the_line_is_told() -> None:
    with pytest.raises(UsageError) as caught:
        read_settings("s.env", b"A=1\n\nwhat\n")
    assert caught.value.where == "s.env:3"


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_whatever_it_is_given_it_reads_or_refuses(data: bytes) -> None:
    try:
        found = read_settings("x", data)
    except UsageError:
        return
    assert all(key and key.isprintable() for key in found)
