"""What every reader of reports promises, asked of each that is in the registry: a new one is covered by being there.

``tests/corpus/reports/READER/good`` holds reports that it reads, READER being the name of its module; ``bad`` holds
some that it refuses, and ``bad/reasons.json`` says why each, by the name of its file.
"""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.core.canonical import canonical
from tidegate.core.evidence_kind import KINDS, typed_values
from tidegate.core.plain import plain
from tidegate.errors import UsageError
from tidegate.readers.contract import Reader, Reading
from tidegate.readers.registry import READERS, read_report
from tidegate.readers.sniff import HEAD_BYTES

CORPUS = Path(__file__).resolve().parents[1] / "corpus" / "reports"
REASONS = "reasons.json"


def module_of(reader: Reader) -> str:
    return type(reader).__module__.rpartition(".")[2]


MODULES = Counter(map(module_of, READERS))


def name_of(reader: Reader) -> str:
    """The name of its module, and its kind where a module reads several."""
    module = module_of(reader)
    return module if MODULES[module] == 1 else f"{module}_{reader.kind}"


NAMES = [name_of(reader) for reader in READERS]
each_reader = pytest.mark.parametrize("reader", READERS, ids=NAMES)


def files(reader: Reader, of: str) -> list[Path]:
    return sorted(file for file in (CORPUS / name_of(reader) / of).glob("*") if file.name != REASONS)


@lru_cache(maxsize=1)
def reasons() -> dict[Path, str]:
    return {
        listed.parent / name: reason
        for listed in CORPUS.glob(f"*/bad/{REASONS}")
        for name, reason in json.loads(listed.read_text()).items()
    }


def samples(of: str) -> Iterator[object]:
    for reader in READERS:
        for file in files(reader, of):
            yield pytest.param(reader, file, id=f"{name_of(reader)}-{file.name}")


def attempt(reader: Reader, data: bytes) -> Reading | None:
    """What it reads, or None where it refuses as readers do; anything else fails."""
    try:
        return reader.read(data)
    except UsageError as error:
        refusal = error
    assert refusal.what.startswith(f"this is not {reader.form} that can be relied on: ")
    assert refusal.remedy
    # What is refused may be shown, logged and kept in the audit log.
    assert len(refusal.what) < 2000
    canonical({"what": refusal.what, "remedy": refusal.remedy})
    return None


def holds(reader: Reader, reading: Reading) -> bool:
    """A reading keeps to its kind, and can be kept; anything else fails."""
    assert reading.kind == reader.kind
    assert typed_values(KINDS[reader.kind], reading.values) == dict(reading.values)
    assert reading.taken_at is None or reading.taken_at.tzinfo is not None
    assert reading.summary == plain(reading.summary)
    canonical({"values": dict(reading.values), "summary": reading.summary, "images": sorted(reading.images)})
    return True


def test_each_reader_has_a_corpus_and_each_corpus_a_reader() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert {folder.name for folder in CORPUS.iterdir()} == set(NAMES)
    for reader in READERS:
        assert files(reader, "good"), name_of(reader)
        assert files(reader, "bad"), name_of(reader)
    assert {file for reader in READERS for file in files(reader, "bad")} == reasons().keys()


@pytest.mark.parametrize(("reader", "file"), samples("good"))
def test_a_good_report_is_read_by_its_reader_and_by_no_other(reader: Reader, file: Path) -> None:
    data = file.read_bytes()
    claimed = [name_of(other) for other in READERS if other.recognises(file.name, data[:HEAD_BYTES])]
    assert claimed == [name_of(reader)]
    # Neither the name of the file nor a mark of its encoding says what it is.
    for name, marked in (("x", data), ("junit.xml", b"\xef\xbb\xbf" + data), ("audit.json", b"\n " + data)):
        assert reader.recognises(name, marked[:HEAD_BYTES])
    first, again = read_report(file.name, data), reader.read(bytes(bytearray(data)))
    assert holds(reader, first)
    assert dict(again.values) == dict(first.values)
    assert (again.kind, again.taken_at, again.summary, again.images) == (
        first.kind,
        first.taken_at,
        first.summary,
        first.images,
    )


@pytest.mark.parametrize(("reader", "file"), samples("bad"))
def test_a_bad_report_is_refused_with_its_reason(reader: Reader, file: Path) -> None:
    with pytest.raises(UsageError) as caught:
        reader.read(file.read_bytes())
    assert caught.value.what == f"this is not {reader.form} that can be relied on: {reasons()[file]}"
    assert caught.value.remedy


HOSTILE = {
    "empty": b"",
    "blank": b" \n\t",
    "zeros": bytes(100),
    "HTML page": b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head></html>",
    "HTML page of a login": b"<html lang='en'><body>please sign in</body></html>",
    "list": b"[]",
    "list of objects": b"[{}]",
    "null": b"null",
    "true": b"true",
    "number": b"1e999",
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "object": b"{}",
    "error object": b'{"error": {"code": "ENOLOCK", "summary": "x", "detail": "y"}}',
    "members twice": b'{"a": 1, "a": 2}',
    "another encoding": b"\xff\xfe" + '{"a": 1}'.encode("utf-16-le"),
    "broken encoding": b'{"a": "\xe9"}',
    "gzip": gzip.compress(b"{}"),
    "ZIP": b"PK\x03\x04" + bytes(60),
    "deep list": b"[" * 200_000,
    "deep object": b'{"a":' * 200_000,
    "huge number": b'{"version": 1' + b"0" * 5000 + b"}",
    "deep XML": b"<a>" * 10_000,
    "billion laughs": b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><testsuites>&b;</testsuites>',
    "external entity": b'<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><testsuites>&a;</testsuites>',
    "external document type": b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><coverage/>',
    "XML of nobody": b"<a/>",
    "log lines before it": b"2026-02-10 scanning...\n{}",
}


@each_reader
@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_report_of_anything_is_refused(reader: Reader, data: bytes) -> None:
    assert attempt(reader, data) is None
    assert reader.recognises("report", data[:HEAD_BYTES]) in (True, False)


@each_reader
def test_a_report_that_is_cut_is_refused(reader: Reader) -> None:
    """Cut anywhere but in what follows its last sign, it is no report."""
    for file in files(reader, "good"):
        data = file.read_bytes().rstrip()
        for part in range(50):
            attempted = attempt(reader, data[: len(data) * part // 50])
            assert attempted is None, f"{file.name} cut at {part}/50 reads as {attempted}"


@each_reader
def test_a_report_whose_bytes_were_changed_is_read_as_what_it_says_or_refused(reader: Reader) -> None:
    chance = random.Random(0)
    readings: list[Reading | None] = []
    for file in files(reader, "good"):
        data = file.read_bytes()
        for _ in range(60):
            mutated = bytearray(data)
            for _ in range(chance.randint(1, 4)):
                at = chance.randrange(len(mutated))
                match chance.randrange(4):
                    case 0:
                        mutated[at] = chance.randrange(256)
                    case 1:
                        del mutated[at : at + chance.randint(1, 30)]
                    case 2:
                        mutated[at:at] = mutated[chance.randrange(len(mutated)) :][:30]
                    case _:
                        mutated[at:at] = chance.choice(
                            [b"-1", b"1e400", b"null", b"[]", b"{}", b'"', b"<", b"\xff", b"9" * 20]
                        )
            readings.append(attempt(reader, bytes(mutated)))
    assert all(holds(reader, reading) for reading in readings if reading is not None)
    # Of so many that were spoiled, some say nothing that can be relied on.
    assert None in readings


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


@each_reader
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_report_whose_values_were_changed_is_read_as_what_it_says_or_refused(
    reader: Reader, data: st.DataObject
) -> None:
    """Still JSON, but with something else in the place of any of its values, or without it."""
    found = [file for file in files(reader, "good") if file.read_bytes().lstrip().startswith(b"{")]
    if not found:
        return
    report = json.loads(data.draw(st.sampled_from(found)).read_bytes())
    place = report
    for _ in range(data.draw(st.integers(0, 6))):
        inner = [
            value
            for value in (place.values() if isinstance(place, dict) else place)
            if value and isinstance(value, dict | list)
        ]
        if not inner:
            break
        place = data.draw(st.sampled_from(inner))
    keys = list(place) if isinstance(place, dict) else list(range(len(place)))
    key = data.draw(st.sampled_from(keys))
    if data.draw(st.booleans()):
        place[key] = data.draw(JSON)
    else:
        del place[key]
    reading = attempt(reader, json.dumps(report).encode())
    assert reading is None or holds(reader, reading)


@each_reader
@settings(max_examples=100, deadline=None)
@given(noise=st.binary(max_size=200))
def test_arbitrary_bytes_are_refused(reader: Reader, noise: bytes) -> None:
    assert reader.recognises("report", noise) in (True, False)
    assert attempt(reader, noise) is None
    assert attempt(reader, b'{"' + noise) is None
    assert attempt(reader, b"<" + noise) is None
