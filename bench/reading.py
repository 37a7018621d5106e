"""What is read from outside: reports of tests, and the history of a repository."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

from bench.measure import Row, Sizes, in_turns, median_cpu, median_wall, ms, spend
from tests.support.gitrepo import GitRepository, isolated_environment
from tidegate.core.version import TagFormat
from tidegate.git.history import unreleased
from tidegate.git.repository import open_repository
from tidegate.readers.registry import read_report

RATIO_GOAL = 2
CASE = '<testcase classname="billing.{n}" name="test_{n}" time="0.012"/>'


def reports(sizes: Sizes) -> Iterator[Row]:
    """A JUnit report, beside an XML parser that trusts it."""
    cases = "".join(CASE.format(n=n) for n in range(sizes.cases))
    report = f'<testsuites><testsuite name="all" tests="{sizes.cases}">{cases}</testsuite></testsuites>'.encode()
    ours, others = in_turns(
        sizes.rounds,
        lambda: spend(lambda: read_report("junit.xml", report)),
        lambda: spend(lambda: ET.fromstring(report)),  # noqa: S314 - our own bytes, and the parser is what is measured
    )
    cpu, other = median_cpu(ours), median_cpu(others)
    beside = f"ElementTree.fromstring ({ms(other):.1f} ms)"
    yield Row(f"a JUnit report of {sizes.cases:,} tests", ms(cpu), "ms CPU", beside, cpu / other, ratio_goal=RATIO_GOAL)


def history(sizes: Sizes) -> Iterator[Row]:
    """The next version from conventional commits, beside ``git log`` of the same range; Git's own CPU is not in it."""
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder:
        path = Path(folder)
        _history_of(path, sizes.commits)
        log = ["git", "log", "--format=%H%x00%an%x00%B%x00", "v1.0.0..HEAD", "--", "app"]
        ours, others = in_turns(
            sizes.rounds,
            lambda: spend(lambda: unreleased(open_repository(path), "app", (), TagFormat("v{version}")).next()),
            lambda: spend(lambda: subprocess.run(log, cwd=path, capture_output=True, check=True)),
        )
    wall, other = median_wall(ours), median_wall(others)
    beside = f"git log of the same range ({ms(other):.0f} ms)"
    name = f"the next version from {sizes.commits:,} commits"
    note = f"{ms(median_cpu(ours)):.0f} ms of it our own CPU, the rest Git's"
    yield Row(name, ms(wall), "ms wall", beside, wall / other, note=note)


def _history_of(path: Path, commits: int) -> None:
    """Written by fast-import: thousands of `git commit` would take minutes."""
    repository = GitRepository(path)
    repository.commit("feat: first", {"app/a.txt": "0"})
    repository.tag("v1.0.0")
    lines = []
    for n in range(1, commits + 1):
        message = f"{'feat' if n % 3 else 'fix'}(part-{n % 9}): change {n}\n\nWhy it is done.\n\nRefs: #{n}\n"
        when = f"Alice Example <alice@example.org> {1_770_000_000 + n} +0000"
        parent = "from refs/heads/main^0\n" if n == 1 else ""
        lines.append(
            f"commit refs/heads/main\ncommitter {when}\ndata {len(message)}\n{message}{parent}"
            f"M 100644 inline app/a.txt\ndata {len(str(n))}\n{n}\n"
        )
    subprocess.run(
        ["git", "fast-import", "--quiet"],
        input="".join(lines).encode(),
        cwd=path,
        check=True,
        env=isolated_environment(),
        capture_output=True,
    )
