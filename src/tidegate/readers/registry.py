"""Which readers there are, and what is done once around all of them: limits, choice, and types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from tidegate.core.evidence_kind import KINDS, STATED, typed_values
from tidegate.errors import UsageError
from tidegate.readers.axe import AxeReader
from tidegate.readers.benchmark import BenchmarkReader
from tidegate.readers.cobertura import CoberturaReader
from tidegate.readers.contract import Reader, Reading
from tidegate.readers.coverage_json import CoverageReader
from tidegate.readers.cyclonedx import CycloneDXReader
from tidegate.readers.github_reviews import GithubReviewsReader
from tidegate.readers.istanbul import IstanbulReader
from tidegate.readers.istanbul_summary import IstanbulSummaryReader
from tidegate.readers.junit import JUnitReader
from tidegate.readers.k6 import K6Reader
from tidegate.readers.lcov import LcovReader
from tidegate.readers.npm_audit import NpmAuditReader
from tidegate.readers.pip_audit import PipAuditReader
from tidegate.readers.reviews import ReviewsReader
from tidegate.readers.sarif import SarifReader
from tidegate.readers.sniff import HEAD_BYTES, UTF_16, describe
from tidegate.readers.stated import StatedReader
from tidegate.readers.trivy import TrivyReader

LIMIT_BYTES = 64 << 20

READERS: tuple[Reader, ...] = (
    JUnitReader(),
    CoverageReader(),
    CoberturaReader(),
    LcovReader(),
    IstanbulReader(),
    IstanbulSummaryReader(),
    AxeReader(),
    K6Reader(),
    BenchmarkReader(),
    ReviewsReader(),
    GithubReviewsReader(),
    *(StatedReader(kind) for kind in STATED),
    SarifReader(),
    NpmAuditReader(),
    PipAuditReader(),
    TrivyReader(),
    CycloneDXReader(),
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
    return _typed(name, data, kind, lambda reader, _: reader.read(data))


def read_beside(name: str, data: bytes, kind: str | None, baseline: bytes) -> Reading:
    """Read a report as :func:`read_report` does, compared with an earlier one of the same form.

    Raises:
        UsageError: as :func:`read_report`, of either; or reports of this form are not compared.
    """

    def compared(reader: Reader, refuse: partial[UsageError]) -> Reading:
        if not isinstance(reader, BenchmarkReader):
            raise refuse(
                f"it is {reader.form}, and only benchmarks are compared with a baseline",
                remedy="leave --baseline out",
            )
        return reader.read_beside(data, baseline)

    return _typed(name, data, kind, compared)


def _typed(name: str, data: bytes, kind: str | None, read: Callable[[Reader, partial[UsageError]], Reading]) -> Reading:
    """What ``read`` reads with the reader of this report, in the types of its kind; its errors name the file."""
    refuse = partial(UsageError, where=ascii(name)[1:-1][:200])
    if len(data) > LIMIT_BYTES:
        raise refuse(
            f"the report has {len(data)} bytes, and at most {LIMIT_BYTES} are read",
            remedy="leave the output of the tests out of it, or split it by suite and source",
        )
    reader = _reader(name, data[:HEAD_BYTES], kind, refuse)
    try:
        reading = read(reader, refuse)
        return replace(reading, values=typed_values(KINDS[reader.kind], reading.values))
    except UsageError as error:
        raise refuse(error.what, remedy=error.remedy) from error


def _reader(name: str, head: bytes, kind: str | None, refuse: partial[UsageError]) -> Reader:
    candidates = READERS if kind is None else _readers_of(kind, refuse)
    for reader in candidates:
        if reader.recognises(name, head):
            return reader
    if len(candidates) == 1:
        if kind == "environment":
            raise refuse(
                "settings may hold secrets, and are compared rather than kept",
                remedy="compare them: tidegate environment check ENVIRONMENT --facts FILE --release RELEASE",
            )
        # It was named, and knows best why this is none.
        return candidates[0]
    seems = describe(head)
    what = f"it is {seems}, and no"
    if seems == UTF_16:
        raise refuse(f"{what} report is recognised in that", remedy="save it in UTF-8, and give it again")
    if kind is None:
        raise refuse(f"{what} report that can be read", remedy=f"give a report of one of these kinds: {_kinds()}")
    raise refuse(
        f"{what} report of kind {kind} that can be read",
        remedy="give " + " or ".join(reader.form for reader in candidates),
    )


def _readers_of(kind: str, refuse: partial[UsageError]) -> tuple[Reader, ...]:
    if found := tuple(reader for reader in READERS if reader.kind == kind):
        return found
    if kind == "command":
        raise refuse(
            "evidence of kind command is not read from reports",
            remedy="have it run: tidegate evidence run RELEASE --source NAME --expects TEXT -- COMMAND",
        )
    if kind in KINDS:
        raise refuse(f"evidence of kind {kind} is not read from reports", remedy=f"give one of: {_kinds()}")
    from difflib import get_close_matches

    close = get_close_matches(kind, KINDS, n=1)
    meant = f"; did you mean {close[0]}?" if close else ""
    raise refuse(f"there is no kind of evidence {kind[:60]!r}{meant}", remedy=f"give one of: {_kinds()}")


def _kinds() -> str:
    """Every kind that is read, once."""
    return ", ".join(dict.fromkeys(reader.kind for reader in READERS))
