"""The bytes of a ``.zip``, written by ourselves, for the reason that :mod:`tidegate.git.tarball` gives.

Files are stored and not compressed: what a compressor makes of the same input differs between versions and makes of
zlib, and a checksum that moves with the builder's machine proves nothing. Whoever needs it smaller sends it compressed.

The bytes, by PKWARE's APPNOTE 6.3.10: for each entry a local header with its CRC-32 and sizes, and the content; then
the central directory and its end. Made by Unix (3), version 2.0, no extra fields but Zip64's where a size, an offset
or the number of entries asks for them; time :data:`ENTRY_TIME`; the flag for UTF-8 where a name is not ASCII.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tidegate.core.plain import plain
from tidegate.errors import UsageError
from tidegate.git.tarball import Entry

ENTRY_TIME = (0, 33)
"""Midnight of 1980-01-01 as a zip has it (time, date), the time of every entry in a tarball of ours, too."""

_UTF8 = 0x0800
_OLD, _ZIP64 = 20, 45
_UNIX = 3
_MOST_16, _MOST_32 = 0xFFFF, 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class _Written:
    """What the central directory says of an entry."""

    name: bytes
    mode: int
    crc: int
    size: int
    offset: int


def zip_stored(entries: Iterable[Entry]) -> Iterator[bytes]:
    """The file in pieces; the entries are taken in the order in which they come.

    Raises:
        UsageError: a name is no UTF-8, or has a backslash, which some unpack as a directory.
    """
    directory: list[_Written] = []
    offset = 0
    for entry in entries:
        _check(entry.name)
        written = _Written(entry.name, _mode(entry), zlib.crc32(entry.content), len(entry.content), offset)
        directory.append(written)
        header = _local(written)
        yield header
        yield entry.content
        offset += len(header) + written.size
    central = b"".join(map(_central, directory))
    yield central
    yield _end(len(directory), len(central), offset)


def _check(name: bytes) -> None:
    try:
        text = name.decode()
    except UnicodeDecodeError:
        text = ""
    if not text or "\\" in text:
        raise UsageError(
            f'"{plain(name.decode(errors="replace"), 200)}" is a name that no zip can carry to every system',
            remedy="Rename the file, or pack it as tar.gz.",
        )


def _mode(entry: Entry) -> int:
    return 0o120777 if entry.is_link else 0o100755 if entry.is_executable else 0o100644


def _flags(name: bytes) -> int:
    return 0 if name.isascii() else _UTF8


def _local(entry: _Written) -> bytes:
    large = entry.size >= _MOST_32
    extra = struct.pack("<HHQQ", 1, 16, entry.size, entry.size) if large else b""
    size = _MOST_32 if large else entry.size
    version = _ZIP64 if large else _OLD
    fields = (version, _flags(entry.name), 0, *ENTRY_TIME, entry.crc, size, size, len(entry.name), len(extra))
    return b"PK\3\4" + struct.pack("<HHHHHIIIHH", *fields) + entry.name + extra


def _central(entry: _Written) -> bytes:
    large, far = entry.size >= _MOST_32, entry.offset >= _MOST_32
    values = [entry.size, entry.size] * large + [entry.offset] * far
    extra = struct.pack(f"<HH{len(values)}Q", 1, 8 * len(values), *values) if values else b""
    size, offset = (_MOST_32 if large else entry.size), (_MOST_32 if far else entry.offset)
    version = _ZIP64 if values else _OLD
    head = (version | _UNIX << 8, version, _flags(entry.name), 0, *ENTRY_TIME, entry.crc, size, size)
    tail = (len(entry.name), len(extra), 0, 0, 0, entry.mode << 16, offset)
    return b"PK\1\2" + struct.pack("<HHHHHHIIIHHHHHII", *head, *tail) + entry.name + extra


def _end(entries: int, size: int, offset: int) -> bytes:
    ending = b""
    if entries >= _MOST_16 or size >= _MOST_32 or offset >= _MOST_32:
        record = (44, _ZIP64 | _UNIX << 8, _ZIP64, 0, 0, entries, entries, size, offset)
        ending = b"PK\6\6" + struct.pack("<QHHIIQQQQ", *record)
        ending += b"PK\6\7" + struct.pack("<IQI", 0, offset + size, 1)
    few, short, near = min(entries, _MOST_16), min(size, _MOST_32), min(offset, _MOST_32)
    return ending + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, few, few, short, near, 0)
