"""Benchmarks of Python code, as pytest-benchmark writes them with ``--benchmark-json``.

One run alone says how many benchmarks there are. How much slower they became is known only beside another run: the
baseline, another file of the same form, taken on the same kind of machine. The medians are compared, since a mean
follows its outliers. A benchmark counts as slower when the middle halves of the two runs no longer overlap, so that
the noise of the machine is not taken for a change.

Source: pytest-benchmark, "Comparing past runs"; ``BenchmarkSession.handle_saving``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tidegate.clock import from_text
from tidegate.readers.contract import Reading
from tidegate.readers.json_report import WHOLE, JsonForm, outer_names

FORM = "a pytest-benchmark report"
_JSON = JsonForm(FORM, "run pytest again with --benchmark-json FILE, and give that file")
_ORDER = ("min", "q1", "median", "q3", "max")


@dataclass(frozen=True, slots=True)
class _Timing:
    """How long one benchmark took, in seconds."""

    q1: float
    median: float
    q3: float


@dataclass(frozen=True, slots=True)
class _Run:
    timings: Mapping[str, _Timing]
    machine: tuple[str, str]
    began: datetime | None


class BenchmarkReader:
    """Reads one run; :meth:`read_beside` reads it beside another."""

    kind = "benchmark"
    form = FORM

    def recognises(self, name: str, head: bytes) -> bool:
        return "machine_info" in outer_names(head)

    def read(self, data: bytes) -> Reading:
        run = _run(data)
        return Reading(self.kind, {"total": len(run.timings)}, run.began, _counted(run))

    def read_beside(self, data: bytes, baseline: bytes) -> Reading:
        """What the run says beside ``baseline``, an earlier file of the same form.

        On another kind of machine nothing is compared, so that a condition on it cannot tell.

        Raises:
            UsageError: as :meth:`read`, of either file; or they have no benchmark in common.
        """
        run, before = _run(data), _run(baseline)
        if run.machine != before.machine:
            said = f"{_counted(run)}, not compared: the baseline was taken on another kind of machine"
            return Reading(self.kind, {"total": len(run.timings)}, run.began, said)
        common = [name for name in run.timings if name in before.timings]
        if not common:
            _JSON.refuse("none of its benchmarks is in the baseline", "give the baseline of the same benchmarks")
        ratios = [run.timings[name].median / before.timings[name].median for name in common]
        slower = sum(run.timings[name].q1 > before.timings[name].q3 for name in common)
        missing = len(before.timings) - len(common)
        values = {"total": len(run.timings), "slower": slower, "worst_ratio": max(ratios), "missing": missing}
        said = f"{_counted(run)}, {slower} of {len(common)} slower than before, the worst {max(ratios):.3g} times"
        return Reading(self.kind, values, run.began, said + (f"; {missing} are gone" if missing else ""))


def _counted(run: _Run) -> str:
    return f"{len(run.timings)} {'benchmark' if len(run.timings) == 1 else 'benchmarks'}"


def _run(data: bytes) -> _Run:
    report = _JSON.report(data)
    machine = _JSON.members(report, "machine_info", WHOLE)
    timings: dict[str, _Timing] = {}
    for found in _JSON.items(report, "benchmarks", WHOLE):
        benchmark = _JSON.mapping(found, "a benchmark")
        name = _JSON.text(benchmark, "fullname", "a benchmark")
        if name in timings:
            _JSON.refuse(f"the benchmark {name[:80]!r} is in it twice")
        timings[name] = _timing(_JSON.members(benchmark, "stats", _place(name)), f"the stats of {_place(name)}")
    if not timings:
        _JSON.refuse("no benchmark ran", "see what pytest was told to select, and whether benchmarks are disabled")
    processor = _JSON.members(machine, "cpu", "machine_info", absent={})
    kind = (
        _JSON.text(machine, "machine", "machine_info", absent=""),
        _JSON.text(processor, "brand_raw", "the cpu of machine_info", absent=""),
    )
    return _Run(timings, kind, _time(_JSON.text(report, "datetime", WHOLE, absent="")))


def _timing(stats: Mapping[str, Any], where: str) -> _Timing:
    if _JSON.count(stats, "rounds", where) < 1:
        _JSON.refuse(f"{where} are of no round")
    found = [_JSON.number(stats, name, where) for name in _ORDER]
    if found[0] < 0 or found[2] <= 0 or found != sorted(found):
        _JSON.refuse(f"{where} are in no order: {', '.join(f'{n} {v:g}' for n, v in zip(_ORDER, found, strict=True))}")
    return _Timing(found[1], found[2], found[3])


def _place(name: str) -> str:
    return f"the benchmark {name[:80]!r}"


def _time(text: str) -> datetime | None:
    try:
        return from_text(text)
    except (ValueError, OverflowError):
        return None
