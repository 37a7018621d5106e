"""Which readers there are, and what is done once around all of them: limits, choice, and types."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from functools import partial

from tidegate.core.evidence_kind import KINDS, typed_values
from tidegate.errors import UsageError
from tidegate.readers.contract import Reader, Reading
from tidegate.readers.coverage_json import CoverageReader
from tidegate.readers.junit import JUnitReader
from tidegate.readers.sniff import HEAD_BYTES, describe

LIMIT_BYTES = 64 << 20

READERS: tuple[Reader, ...] = (
    JUnitReader(),
    CoverageReader(),
)


def read_report(name: str, data: bytes, kind: str | None = None) -> Reading:
    """Read a report as the kind that is named, or as the one that its bytes claim.

    Args:
        name: the name of the file, for errors and as a hint.
        kind: a kind of evidence; None: find out.

    Raises:
        UsageError: too large, of no form that is known, of another kind than named, or contradicting itself; ``where``
            is the name of the file.
    """
    refuse = partial(UsageError, where=ascii(name)[1:-1][:200])
    if len(data) > LIMIT_BYTES:
        raise refuse(
            f"the report has {len(data)} bytes, and at most {LIMIT_BYTES} are read",
            remedy="leave the output of the tests out of it, or split it by suite and source",
        )
    reader = _reader(name, data[:HEAD_BYTES], kind, refuse)
    try:
        reading = reader.read(data)
        return replace(reading, values=typed_values(KINDS[reader.kind], reading.values))
    except UsageError as error:
        raise refuse(error.what, remedy=error.remedy) from error


def _reader(name: str, head: bytes, kind: str | None, refuse: partial[UsageError]) -> Reader:
    if kind is not None:
        return _reader_of(kind, refuse)
    for reader in READERS:
        if reader.recognises(name, head):
            return reader
    raise refuse(
        f"it is {describe(head)}, and no report that can be read",
        remedy="give " + " or ".join(reader.form for reader in READERS),
    )


def _reader_of(kind: str, refuse: partial[UsageError]) -> Reader:
    for reader in READERS:
        if reader.kind == kind:
            return reader
    readable = ", ".join(reader.kind for reader in READERS)
    if kind in KINDS:
        raise refuse(f"evidence of kind {kind} is not read from reports", remedy=f"give one of: {readable}")
    close = get_close_matches(kind, KINDS, n=1)
    meant = f"; did you mean {close[0]}?" if close else ""
    raise refuse(f"there is no kind of evidence {kind[:60]!r}{meant}", remedy=f"give one of: {readable}")
