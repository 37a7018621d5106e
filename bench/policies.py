"""Reading a policy: from its file, from its stored form, and as it is found again by its digest."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from ruamel.yaml import YAML

from bench.decision import POLICY
from bench.measure import Row, Sizes, calls_in_turns, in_turns, median_cpu, ms, spend, spend_child, us
from bench.world import made_world
from tidegate.core.canonical import digest
from tidegate.core.rulebook import rulebook_of
from tidegate.policyfile import extending, load
from tidegate.policyfile.load import load_policy
from tidegate.policyfile.presets import PRESETS
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


GOAL_CHECK_S = 1.0
GOAL_LOAD_MS = 150.0
GOAL_CACHED_MS = 30.0
GOAL_GROWTH = 1.5
"""Ten times the components may cost fifteen times as much: what is constant is small, and nothing is quadratic."""


def presets(sizes: Sizes) -> Iterator[Row]:
    """The largest preset with its starter: read and compiled, first and again; and checked by the command."""
    name = max(PRESETS.offered(), key=_lines)
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "tidegate.yaml"
        file.write_bytes(PRESETS.starter(name))
        cache = Path(directory) / "cache"
        os.environ["TIDEGATE_CACHE"] = str(cache)
        yield from _loading(file, name, cache, sizes)
        yield _checking(file, name, sizes)


def _forget() -> None:
    """Forget what this process has read."""
    load._looked_into.cache_clear()
    load._laid.cache_clear()
    extending._read.cache_clear()


def _loading(file: Path, name: str, cache: Path, sizes: Sizes) -> Iterator[Row]:
    def first() -> None:
        _forget()
        for entry in cache.glob("**/*"):
            if entry.is_file():
                entry.unlink()
        load_policy(file)

    def again() -> None:
        _forget()
        load_policy(file)

    calls = max(1, sizes.calls // 300)
    cold, cached = calls_in_turns(sizes.rounds, calls, first, again)
    lines = _lines(name)
    yield Row(f"policy: {name}, read and compiled", ms(cold), "ms CPU", goal=GOAL_LOAD_MS, note=f"{lines} lines")
    yield Row(f"policy: {name}, read before by another process", ms(cached), "ms CPU", goal=GOAL_CACHED_MS)


def _lines(name: str) -> int:
    layers = extending.layers_of(extending.Source(name, PRESETS.starter(name), name), PRESETS)
    return sum(layer.content.count(b"\n") for layer in layers)


def _checking(file: Path, name: str, sizes: Sizes) -> Row:
    command = [sys.executable, "-m", "tidegate", "policy", "check", str(file), "--json"]
    bare = [sys.executable, "-c", "import click, pydantic"]
    ours, imports = in_turns(sizes.rounds, lambda: spend_child(command), lambda: spend_child(bare))
    spent, beside = median_cpu(ours), median_cpu(imports)
    told = f"importing click and pydantic ({beside:.2f} s)"
    return Row(f"policy: check of {name}, whole process", spent, "s CPU", told, spent / beside, goal=GOAL_CHECK_S)


def scale(sizes: Sizes) -> Iterator[Row]:
    """A policy of 500 components and one of 5,000: what a component costs must not grow with their number."""
    few, many = sizes.components // 10, sizes.components
    texts = {number: _with_components(number) for number in (few, many)}

    def loading(number: int) -> None:
        _forget()
        load_policy(texts[number])

    small, large = in_turns(
        max(1, sizes.rounds // 2), lambda: spend(lambda: loading(few)), lambda: spend(lambda: loading(many))
    )
    each, all_of_them = median_cpu(small) / few, median_cpu(large) / many
    yield Row(f"policy: of {few:,} components, each", us(each), "us CPU", note=f"{len(texts[few]):,} bytes")
    yield Row(
        f"policy: of {many:,} components, each",
        us(all_of_them),
        "us CPU",
        f"each of {few:,}",
        all_of_them / each,
        ratio_goal=GOAL_GROWTH,
        note=f"{len(texts[many]):,} bytes",
    )


def _with_components(number: int) -> bytes:
    """The policy of the other measurements with so many components more, a third of a kilobyte each."""
    lines = []
    for index in range(number):
        name = f"service-{index:05d}"
        lines += [
            f"  {name}:",
            "    kind: service",
            f"    title: the service number {index} of the platform",
            f"    path: services/group-{index % 97:02d}/{name}",
            f'    tag: "{name}-v{{version}}"',
            "    owners: owners",
            "    version_files: [package.json, Chart.yaml]",
            "    targets:",
            f"      staging: {{driver: kubernetes, namespace: staging, deployment: {name}}}",
            f"      production: {{driver: kubernetes, namespace: production, deployment: {name}}}",
        ]
    head = _as_yaml().decode().rstrip().replace("\ncomponents:\n", "\ncomponents:\n" + "\n".join(lines) + "\n", 1)
    return f"{head}\ngroups: {{owners: {{}}}}\n".encode()
