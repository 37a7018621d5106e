"""Who is right: the next version of small histories of which the answer is known, asked of every tool.

The histories are S1 to S14 of those by which release tools are told apart (``tests/support/histories.py``). Each tool
is told the tag format, that a break raises the minor number of 0.y.z, and the component's path where it has an option
for it; everything else is as it comes.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import peers
from bench.changelog import last_final
from bench.histories import git
from bench.measure import TINY, Row, Sizes
from bench.processes import Job, Place
from bench.world import UnavailableError
from tests.support.gitrepo import ISOLATED
from tests.support.gitstories import GitStory
from tests.support.histories import CASES, Case
from tidegate.core.version import TagFormat
from tidegate.errors import ConflictError
from tidegate.git.history import unreleased
from tidegate.git.repository import open_repository

LIMIT_S = 60.0
ASKED = [case for case in CASES if re.fullmatch(r"S[0-9]+", case.name)]


def rows(sizes: Sizes) -> Iterator[Row]:
    """How many histories each tool answers right, with the names of the others.

    Raises:
        UnavailableError: a peer cannot be installed, after the rows of those that can.
    """
    here = peers.Installed({}, {}) if sizes == TINY else peers.installed()
    wrong: dict[str, list[str]] = {"tidegate": []}
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as name:
        for number, case in enumerate(ASKED):
            folder = Path(name) / f"{number}" / "repository"
            for tool, answer in _answers(case, folder, here):
                wrong.setdefault(tool, []).extend([] if answer == case.next else [case.name])
    for tool, names in wrong.items():
        note = f"wrong: {', '.join(names)}" if names else "all of them"
        yield Row(f"right, {tool}", len(ASKED) - len(names), f"of {len(ASKED)}", note=note)
    if here.missing:
        raise UnavailableError("; ".join(here.missing.values()))


def _answers(case: Case, folder: Path, here: peers.Installed) -> Iterator[tuple[str, str | None]]:
    folder.parent.mkdir()
    with GitStory(folder) as story:
        case.tell(story)
    subprocess.run(["git", "switch", "-q", "--discard-changes", case.at], cwd=folder, check=True)
    subprocess.run(["git", "remote", "add", "origin", "https://github.com/example/example.git"], cwd=folder, check=True)
    yield "tidegate", _ours(case, folder)
    place = Place(folder, folder.parent, LIMIT_S, {**ISOLATED, "GH_TOKEN": "x", "NO_COLOR": "1"})
    tags = git(folder, "tag", "--merged", "HEAD").split("\n")
    asked = peers.Asked(case.tag_format, last_final(tags, case.tag_format) or "", [])
    for job in peers.next_of_component(here, asked, case.path, folder.parent):
        yield job.name, _theirs(case, place, job)


def _ours(case: Case, folder: Path) -> str | None:
    found = unreleased(open_repository(folder), case.path, (), TagFormat(case.tag_format), case.at)
    try:
        version = found.next().version
    except ConflictError:
        return "a conflict"
    return str(version) if version is not None else None


def _theirs(case: Case, place: Place, job: Job) -> str | None:
    """The version that a tool names last; None where it names the current one again, or none and says so."""
    taken = place.run(job)
    lines = place.output_of(job).read_text(errors="replace").split()
    if taken.because or not lines:
        return None
    prefix, _, suffix = case.tag_format.partition("{version}")
    answer = lines[-1].removeprefix(prefix).removesuffix(suffix)
    command = ["git", "tag", "--merged", "HEAD", "--list", f"{prefix}{answer}{suffix}"]
    exists = subprocess.run(command, cwd=place.folder, check=True, capture_output=True).stdout
    # To say again which version is there is how two of them say that nothing is to be released.
    return None if exists and case.next is None else answer
