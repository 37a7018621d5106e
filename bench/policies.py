"""Reading a policy: from its file, from its stored form, and as it is found again by its digest."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import count

from ruamel.yaml import YAML

from bench.decision import POLICY
from bench.measure import Row, Sizes, calls_in_turns, ms, us
from bench.world import made_world
from tidegate.core.canonical import digest
from tidegate.core.rulebook import rulebook_of
from tidegate.policyfile.load import load_policy
from tidegate.store import contents, policies


def rows(sizes: Sizes) -> Iterator[Row]:
    """A policy of 12 gates, 7 people, 2 environments."""
    text = _as_yaml()
    yield from _from_file(text, sizes)
    yield from _from_store(load_policy(text).resolved, sizes)


def _as_yaml() -> bytes:
    stream = io.StringIO()
    YAML().dump(POLICY, stream)
    return stream.getvalue().encode()


def _from_file(text: bytes, sizes: Sizes) -> Iterator[Row]:
    # Each text is another one: what was read once is remembered by its content.
    numbers = count()
    calls = max(1, sizes.calls // 100)
    ours, plain = calls_in_turns(
        sizes.rounds,
        calls,
        lambda: load_policy(text + f"# {next(numbers)}\n".encode()),
        lambda: YAML(typ="safe", pure=True).load(text),
    )
    beside = f"ruamel.yaml, safe and pure ({ms(plain):.1f} ms)"
    lines = text.count(b"\n")
    name = "policy: read, checked and compiled from its file"
    yield Row(name, ms(ours), "ms CPU", beside, ours / plain, note=f"{lines} lines, positions kept for mistakes")


def _from_store(resolved: bytes, sizes: Sizes) -> Iterator[Row]:
    import json

    name = digest(resolved)
    with made_world() as world:
        with world.house.database.write() as connection:
            contents.keep(connection, resolved)

        def cold() -> None:
            policies._CACHE.clear()
            rulebook_of.cache_clear()
            with world.house.database.read() as connection:
                policies.rulebook(connection, name)

        def warm() -> None:
            with world.house.database.read() as connection:
                policies.rulebook(connection, name)

        calls = max(1, sizes.calls // 50)
        ours, known, plain = calls_in_turns(sizes.rounds, calls, cold, warm, lambda: json.loads(resolved))
    beside = f"json.loads of it ({us(plain):.0f} us)"
    yield Row("policy: by digest, first time in a process", us(ours), "us CPU", beside, ours / plain)
    yield Row("policy: by digest, known to the process", us(known), "us CPU", note="an empty read transaction")
