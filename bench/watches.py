"""The watch: one look, from the stored row to the verdict and back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from bench.measure import Row, Sizes, calls_in_turns, us
from tidegate.core.watch import Counts, Limits, Observation, Probes, begin, from_record, to_record, update, verdict

NOW = datetime(2026, 12, 1, 18, 0, tzinfo=UTC)
LATER, END = NOW + timedelta(seconds=15), NOW + timedelta(hours=24)


def rows(sizes: Sizes) -> Iterator[Row]:
    """A look at 200 requests and 3 probes."""
    observation = Observation("look-2", LATER, Counts(200, 1), Probes(3, 0))
    state = update(begin(Limits(), NOW), Observation("look-1", NOW, Counts(200, 0), Probes(3, 0)))
    stored = json.dumps(to_record(state))

    def judged() -> None:
        verdict(update(state, observation), LATER, END)

    def whole() -> None:
        following = update(from_record(json.loads(stored)), observation)
        verdict(following, LATER, END)
        json.dumps(to_record(following))

    def plain() -> None:
        json.dumps(json.loads(stored))

    ours, all_of_it, other = calls_in_turns(sizes.rounds, sizes.calls, judged, whole, plain)
    yield Row("watch: update and verdict", us(ours), "us CPU")
    beside = f"json.loads and dumps of its row ({us(other):.0f} us)"
    yield Row("watch: row, update, verdict, row", us(all_of_it), "us CPU", beside, all_of_it / other)
