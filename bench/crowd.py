"""Many people who approve one release at once: how long each waits, over the store.

Each has signed before; measured from handing the signed answer in to its being recorded, with the verification of the
signature, all from threads of one process that begin at the same moment.
"""

from __future__ import annotations

import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.measure import Row, Sizes, ms, percentile
from tests.support.flows import Organisation, organisation, prepared_sqlite
from tidegate.core.approval import Answer
from tidegate.errors import StoreBusyError
from tidegate.orchestration import approval
from tidegate.signing import ssh

GOAL_MS = 2000
SEATS = 100


def on_sqlite(sizes: Sizes) -> Iterator[Row]:
    """On SQLite."""
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder:
        org, people = _crowd(Path(folder), sizes.people)
        release = org.open()
        org.tested(release)
        signed = [(person, *_signed(org, Path(folder), release, person)) for person in people]
        waited, refused = _at_once(org, signed)
        filled = not org.reasons(release)
        org.house.database.close()
    met = f"the demand for {min(SEATS, len(people))} is met: {filled}"
    note = f"the slowest {ms(max(waited)):.0f} ms; {met}; refused: {refused}"
    name = f"{len(people):,} people approve one release at once, p99"
    yield Row(name, ms(percentile(waited, 0.99)), "ms wall", goal=GOAL_MS, note=note)


def _crowd(folder: Path, number: int) -> tuple[Organisation, list[str]]:
    names = [f"p{n}" for n in range(number)]
    with ThreadPoolExecutor(4) as pool:
        keys = dict(zip(names, pool.map(lambda name: _key(folder / name), names), strict=True))
    people = {name: {"name": name.upper(), "groups": ["crowd"], "keys": [key]} for name, key in keys.items()}
    asked = {"minor": {"approvals": [{"from": "crowd", "count": min(SEATS, number)}]}}
    url = prepared_sqlite(folder / "database")
    return organisation(folder / "organisation", url, people=people, release_types=asked), names


def _key(path: Path) -> str:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path.with_name(f"{path.name}.pub").read_text().strip()


def _signed(org: Organisation, folder: Path, release: str, person: str) -> tuple[bytes, str]:
    made = approval.statement_for(org.house, release, "production", person, Answer.APPROVE).to_bytes()
    return made, ssh.sign(made, folder / person, ssh.ACT)


def _at_once(org: Organisation, signed: list[tuple[str, bytes, str]]) -> tuple[list[float], int]:
    """How long each waited, in seconds, and how many were refused because the store was busy for too long."""
    begin = threading.Barrier(len(signed))
    refused: list[str] = []

    def one(person: str, statement: bytes, signature: str) -> float:
        begin.wait()
        before = time.perf_counter()
        try:
            approval.record_answer(org.house, person, statement, signature)
        except StoreBusyError:
            refused.append(person)
        return time.perf_counter() - before

    with ThreadPoolExecutor(len(signed)) as pool:
        waited = [each.result() for each in [pool.submit(one, *row) for row in signed]]
    return waited, len(refused)
