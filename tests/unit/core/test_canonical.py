"""Canonical bytes: one text for each of our types, RFC 8785 beneath, and a strict way back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import Enum, StrEnum
from fractions import Fraction
from types import MappingProxyType

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.canonical import canonical, digest, digest_of, duration_text, is_digest, parse
from tidegate.errors import InternalError, TidegateError, UsageError


class Colour(StrEnum):
    RED = "red"


class Grade(Enum):
    LOW = 1


@dataclass(frozen=True, slots=True)
class Point:
    y: int
    x: object = None


NOON = datetime(2026, 2, 10, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        (True, "true"),
        (1, "1"),
        (1.0, "1"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (1e-7, "1e-7"),
        (1e21, "1e+21"),
        (123456789012345680000.0, "123456789012345680000"),
        (2**53 - 1, "9007199254740991"),
        ("é\n\x1f\x7f\u20ac", '"é\\n\\u001f\x7f€"'),
        (Colour.RED, '"red"'),
        (Grade.LOW, "1"),
        (NOON, '"2026-02-10T12:00:00.000000Z"'),
        (NOON.astimezone(timezone(timedelta(hours=-8))), '"2026-02-10T12:00:00.000000Z"'),
        (date(2026, 2, 10), '"2026-02-10"'),
        (time(9, 0), '"09:00:00"'),
        (timedelta(days=1), '"PT86400S"'),
        (Point(2, Point(1)), '{"x":{"x":null,"y":1},"y":2}'),
        (MappingProxyType({Colour.RED: (1, [2])}), '{"red":[1,[2]]}'),
        (frozenset({"b", "a", "é"}), '["a","b","é"]'),
        (frozenset({10, 9}), "[10,9]"),
        # RFC 8785, section 3.2.3: ordered by UTF-16 units, so that the surrogates of U+1F600 come before U+FB33.
        ({"\ufb33": 1, "\U0001f600": 2, "1": 3}, '{"1":3,"\U0001f600":2,"\ufb33":1}'),
    ],
)
def test_each_type_has_one_text(value: object, expected: str) -> None:
    assert canonical(value).decode() == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (timedelta(0), "PT0S"),
        (timedelta(milliseconds=250), "PT0.250000S"),
        (timedelta(seconds=-5), "-PT5S"),
        (timedelta(microseconds=-1), "-PT0.000001S"),
        (timedelta.max, "PT86399999999999.999999S"),
    ],
)
def test_a_duration_is_exact(value: timedelta, expected: str) -> None:
    assert duration_text(value) == expected


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"a": [1, 2**53]}, "$.a[1]: 9007199254740992 is beyond the integers that JSON can hold exactly (2^53 - 1)"),
        (10**4000, "$: an integer of 13288 bits is beyond the integers that JSON can hold exactly (2^53 - 1)"),
        (Point(1, math.nan), "$.x: nan is no finite number"),
        ([math.inf], "$[0]: inf is no finite number"),
        ("a\ud800", "$: the text 'a\\ud800' holds half of a surrogate pair, which no UTF-8 has"),
        ({"\udfff": 1}, "$: the text '\\udfff' holds half of a surrogate pair, which no UTF-8 has"),
    ],
)
def test_a_value_that_json_cannot_say_is_refused(value: object, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        canonical(value)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (b"x", "$: a bytes has no canonical form"),
        ({"a": Fraction(1, 2)}, "$.a: a Fraction has no canonical form"),
        (Point, "$: a type has no canonical form"),
        (time(9, 0, tzinfo=UTC), "$: a time has no canonical form"),
        ({1: 2}, "$: the key 1 is no text"),
        ({Colour.RED: 1, Grade.LOW: 2}, "$: the key 1 is no text"),
        (datetime(2026, 1, 1), "$: a naive datetime names no instant: datetime.datetime(2026, 1, 1, 0, 0)"),  # noqa: DTZ001
    ],
)
def test_a_type_without_a_text_is_our_fault(value: object, sentence: str) -> None:
    with pytest.raises(InternalError) as caught:
        canonical(value)
    assert str(caught.value) == sentence


def test_nesting_without_end_is_refused() -> None:
    value: list[object] = []
    value.append(value)
    with pytest.raises(UsageError, match=r"^the value is nested too deeply to be written as canonical JSON$"):
        canonical(value)


def test_a_digest_names_its_algorithm() -> None:
    assert digest(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert digest_of({"b": 1, "a": 2}) == digest(b'{"a":2,"b":1}')
    assert is_digest(digest(b""))


@pytest.mark.parametrize("text", ["", "sha256:", "sha1:" + "0" * 64, "sha256:" + "0" * 63, "sha256:" + "A" * 64])
def test_what_is_no_digest(text: str) -> None:
    assert not is_digest(text)


plain_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(plain_values)
def test_canonical_bytes_read_back_as_the_same_value(value: object) -> None:
    data = canonical(value)
    assert parse(data) == value
    assert canonical(parse(data)) == data


tricky_numbers = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(
    [0.0, -0.0, 1.0, -1.5, 1e-4, 9.999e-5, 1e-6, 1e-7, 123456.75, 1e15, 1e16, 1.5e16, 1e20, 1e21, 1.7e308]
)
tricky_texts = st.text(st.sampled_from('1.0e+-5,}]"\\\n\x00\x1f\x7fé\u20ac\U0001f600\ue000'), max_size=8)
tricky_values = st.recursive(
    tricky_numbers | tricky_texts | st.integers(-(2**53) + 1, 2**53 - 1) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(tricky_texts, inner, max_size=4),
    max_leaves=10,
)


@given(tricky_values)
def test_the_short_way_to_write_writes_what_the_long_way_does(value: object) -> None:
    assert canonical(value) == rfc8785.dumps(value)  # type: ignore[arg-type]


@given(st.sets(st.text(max_size=3), max_size=6))
def test_order_of_sets_and_keys_does_not_matter(keys: set[str]) -> None:
    names = sorted(keys)
    assert canonical(frozenset(names)) == canonical(frozenset(reversed(names)))
    assert canonical(dict.fromkeys(names)) == canonical(dict.fromkeys(reversed(names)))


@pytest.mark.parametrize(
    ("data", "because"),
    [
        (b"", "they are no JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"{", "they are no JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (b"NaN", "they are no JSON: NaN is no JSON"),
        (b'{"a":1,"a":1}', "they are no JSON: the member 'a' is in it twice"),
        (b"[" * 100_000, "they are nested too deeply"),
        (b'"\\ud800"', "$: the text '\\ud800' holds half of a surrogate pair, which no UTF-8 has"),
        (b"9007199254740993", "they are JSON, but not in canonical form (RFC 8785): they differ from it at byte 15"),
        (b"1" * 5000, "$: inf is no finite number"),
        (b'{"b":1,"a":2}', "they are JSON, but not in canonical form (RFC 8785): they differ from it at byte 2"),
        (b"[1] ", "they are JSON, but not in canonical form (RFC 8785): they differ from it at byte 3"),
        (b'"\\u0041"', "they are JSON, but not in canonical form (RFC 8785): they differ from it at byte 1"),
        (b"1.0", "they are JSON, but not in canonical form (RFC 8785): they differ from it at byte 1"),
        (b"[" + b"1," * 600_000, "they are 1200001 bytes long, and at most 1048576 are read"),
    ],
)
def test_bytes_that_are_not_canonical_are_refused(data: bytes, because: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(data)
    assert caught.value.what == f"the bytes are not canonical JSON: {because}"


@given(st.binary(max_size=40))
def test_reading_is_total(data: bytes) -> None:
    try:
        value = parse(data)
    except TidegateError:
        return
    assert canonical(value) == data
