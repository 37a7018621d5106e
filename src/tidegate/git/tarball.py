"""The bytes of a ``.tar.gz``, written by ourselves: a package's digest must not move with somebody's library.

Python's ``tarfile`` has changed the fields it leaves empty between versions, and what a compressor makes of the same
input differs between versions and makes of zlib. So the headers are written here, and the gzip layer stores instead of
compressing.

The bytes: for each entry a ustar header (IEEE Std 1003.1, pax, "ustar Interchange Format"), preceded by a pax header
only where a name or link target is longer than 100 bytes or not ASCII, or a file has 8 GiB or more; owner and group 0
without names, device numbers 0; time :data:`ENTRY_TIME_S`. At the end two zero blocks, filled up to 10,240 bytes. Then
gzip (RFC 1952) with time 0, no name and system 255 (unknown), around stored blocks (RFC 1951, 3.2.4) of 65,535 bytes
each, the last shorter, and an empty final one.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

ENTRY_TIME_S = 315532800
"""1980-01-01T00:00:00Z, the time of every entry. Not the commit's, which would change the package with each commit to
another module; not 0, because formats such as zip know no earlier time."""

_BLOCK = 512
_RECORD = 10240
_NAME_LIMIT = 100
_SIZE_LIMIT = 8**11
_STORED_LIMIT = 65535
_GZIP_HEADER = bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255])
_FILE, _LINK, _PAX = b"0", b"2", b"x"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file with its content, or a symbolic link with its target (then ``is_link``)."""

    name: bytes
    content: bytes
    is_executable: bool = False
    is_link: bool = False


def tar_gz(entries: Iterable[Entry]) -> Iterator[bytes]:
    """The file in pieces; the entries are taken in the order in which they come."""
    return _gzip(_tar(entries))


def _tar(entries: Iterable[Entry]) -> Iterator[bytes]:
    size = 0
    for entry in entries:
        for piece in _entry(entry):
            size += len(piece)
            yield piece
    yield bytes(2 * _BLOCK + -(size + 2 * _BLOCK) % _RECORD)


def _entry(entry: Entry) -> Iterator[bytes]:
    content, target = (b"", entry.content) if entry.is_link else (entry.content, b"")
    if records := _records(entry.name, target, len(content)):
        yield _header(b"././@PaxHeader", 0o644, len(records), _PAX, b"", time_s=0) + _padded(records)
    mode = 0o777 if entry.is_link else 0o755 if entry.is_executable else 0o644
    yield _header(entry.name, mode, len(content), _LINK if entry.is_link else _FILE, target)
    yield _padded(content)


def _records(name: bytes, target: bytes, size: int) -> bytes:
    """What does not fit a ustar header, as pax records. Names that are no UTF-8 are said to be binary."""
    long = {b"path": name, b"linkpath": target}
    found = {key: value for key, value in long.items() if len(value) > _NAME_LIMIT or not value.isascii()}
    if any(not _is_utf8(value) for value in found.values()):
        found = {b"hdrcharset": b"BINARY", **found}
    if size >= _SIZE_LIMIT:
        found[b"size"] = b"%d" % size
    return b"".join(_record(key, value) for key, value in found.items())


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _record(key: bytes, value: bytes) -> bytes:
    """A pax record begins with its own length, which counts itself."""
    rest = len(key) + len(value) + 3
    length = rest
    while length != rest + len(str(length)):
        length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)


def _header(name: bytes, mode: int, size: int, kind: bytes, target: bytes, time_s: int = ENTRY_TIME_S) -> bytes:
    before = b"".join(
        (
            _field(name),
            b"%07o\0" % mode,
            b"0000000\0" * 2,
            b"%011o\0" % (size if size < _SIZE_LIMIT else 0),
            b"%011o\0" % time_s,
        )
    )
    after = kind + _field(target) + b"ustar\x0000" + bytes(64) + b"0000000\0" * 2 + bytes(167)
    checksum = sum(before) + sum(b" " * 8) + sum(after)
    return before + b"%06o\0 " % checksum + after


def _field(text: bytes) -> bytes:
    """A name in its 100 bytes; where it does not fit, an ASCII stand-in, and the pax header has the real one."""
    ascii_only = bytes(byte if byte < 128 else ord("?") for byte in text)
    return ascii_only[:_NAME_LIMIT].ljust(_NAME_LIMIT, b"\0")


def _padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % _BLOCK)


def _gzip(pieces: Iterable[bytes]) -> Iterator[bytes]:
    checksum, size = 0, 0
    yield _GZIP_HEADER
    for block in _blocks(pieces):
        checksum, size = zlib.crc32(block, checksum), size + len(block)
        yield b"\0" + _stored(block)
    yield b"\1" + _stored(b"")
    yield checksum.to_bytes(4, "little") + (size % 2**32).to_bytes(4, "little")


def _stored(block: bytes) -> bytes:
    length = len(block)
    return length.to_bytes(2, "little") + (length ^ 0xFFFF).to_bytes(2, "little") + block


def _blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks of one size, so that they do not depend on how the pieces were cut."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) >= _STORED_LIMIT:
            yield bytes(waiting[:_STORED_LIMIT])
            del waiting[:_STORED_LIMIT]
    if waiting:
        yield bytes(waiting)
