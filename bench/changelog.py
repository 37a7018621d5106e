"""Changelogs, notes and next versions beside other tools, whole processes, on one history of fifty thousand commits.

Everything runs in a clone, so that no tool writes into a history that is kept. Each figure has beside it what Git needs
to print all messages: ``git log --format=%H%x00%s%x00%b%x00``, which no tool that reads them all can be faster than.

``TIDEGATE_BENCH_REPO`` names a further repository to measure on, and ``TIDEGATE_BENCH_TAG_FORMAT`` how its releases are
tagged (``v{version}``). ``TIDEGATE_BENCH_LIMIT_S`` says when a tool is stopped.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import peers
from bench.histories import MODULES, TINY_SHAPE, Shape, git, kept, make, without_blobs
from bench.measure import TINY, Row, Sizes
from bench.processes import Job, Place, Taken, median, taken_in_turns
from bench.world import UnavailableError
from tests.support.gitrepo import ISOLATED
from tidegate.core.version import TagFormat, Version

ROUNDS = 5
LIMIT_S = 120.0
ALL_MESSAGES = "--format=%H%x00%s%x00%b%x00"
GOALS_MS = {"changelog": 1100.0, "last notes": 120.0, "next": 80.0, "12 modules": 250.0}
"""For the history of fifty thousand commits, on two cores of a quiet machine."""
GOAL_MIB = 80.0


@dataclass(frozen=True, slots=True)
class Subject:
    """A clone that is measured on, and what is asked about it."""

    title: str
    folder: Path
    asked: peers.Asked
    has_goals: bool


def rows(sizes: Sizes) -> Iterator[Row]:
    """Each question, answered by Tidegate and by the others, in turns; then without the contents of files.

    Raises:
        UnavailableError: something was not measured, after all rows that were.
    """
    tiny = sizes == TINY
    missing: list[str] = []
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as name:
        scratch = Path(name)
        here = peers.Installed({}, {}) if tiny else peers.installed()
        missing += here.missing.values()
        for subject in _subjects(scratch, tiny):
            yield from _of_subject(subject, scratch, here, min(sizes.rounds, ROUNDS), missing)
    if missing:
        raise UnavailableError("; ".join(dict.fromkeys(missing)))


def _subjects(scratch: Path, tiny: bool) -> Iterator[Subject]:
    shape = TINY_SHAPE if tiny else Shape()
    source = make(shape, scratch / "made") if tiny else kept(shape)
    modules = [(f"modules/{module}", f"{module}-v{{version}}") for module in MODULES]
    yield _subject("", source, scratch / "history", "v{version}", modules, not tiny)
    if (named := os.environ.get("TIDEGATE_BENCH_REPO")) and not tiny:
        tag_format = os.environ.get("TIDEGATE_BENCH_TAG_FORMAT", "v{version}")
        yield _subject("real ", Path(named).resolve(), scratch / "real", tag_format, [], has_goals=False)


def _subject(
    title: str, source: Path, clone: Path, tag_format: str, modules: list[tuple[str, str]], has_goals: bool
) -> Subject:
    """A clone of a repository, which itself is only read.

    Raises:
        UnavailableError: it cannot be cloned, or has no release of that tag format.
    """
    try:
        git(clone.parent, "clone", "--quiet", "--local", "--no-checkout", str(source), str(clone))
        # What one peer demands to know, and never asks: it gets no answer here.
        git(clone, "remote", "set-url", "origin", "https://github.com/example/example.git")
        tags = git(clone, "tag", "--merged", "HEAD").split("\n")
    except OSError as error:
        raise UnavailableError(f"{source} cannot be cloned: {error}") from error
    last = last_final(tags, tag_format)
    if last is None:
        raise UnavailableError(f"{source.name} has no release tagged as {tag_format}: name TIDEGATE_BENCH_TAG_FORMAT")
    return Subject(title, clone, peers.Asked(tag_format, last, modules), has_goals)


def last_final(tags: Sequence[str], tag_format: str) -> str | None:
    """The tag of the highest final version; None where there is none."""
    form = TagFormat(tag_format)
    versions: dict[Version, str] = {version: tag for tag in tags if (version := form.match(tag)) is not None}
    finals = [version for version in versions if not version.is_prerelease]
    return versions[max(finals)] if finals else None


def own_jobs(asked: peers.Asked) -> dict[str, Job]:
    """Tidegate's own commands, as they are typed in a repository without a policy."""
    call = [str(Path(sys.executable).with_name("tidegate"))]
    form = ["--tag-format", asked.tag_format]
    jobs = {
        "changelog": Job("tidegate", [[*call, "changelog", "--full", *form]]),
        "last notes": Job("tidegate", [[*call, "notes", "--to", asked.last, *form]]),
        "next": Job("tidegate", [[*call, "version", "--json", *form]]),
    }
    if asked.modules:
        each = ["--each", "modules/*", "--tag-format", "{component}-v{version}"]
        jobs["12 modules"] = Job("tidegate", [[*call, "version", "--json", *each]])
    return jobs


def _of_subject(
    subject: Subject, scratch: Path, here: peers.Installed, rounds: int, missing: list[str]
) -> Iterator[Row]:
    environment = {**ISOLATED, "GH_TOKEN": "x", "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": ""}
    limit_s = float(os.environ.get("TIDEGATE_BENCH_LIMIT_S", LIMIT_S))
    place = Place(subject.folder, scratch, limit_s, environment)
    others = peers.jobs_of(here, subject.asked, scratch)
    floor = Job("git log", [["git", "log", ALL_MESSAGES]])
    for question, own in own_jobs(subject.asked).items():
        plain = [_plain_git(subject.asked)] if question == "12 modules" else []
        found = taken_in_turns(place, rounds, [floor, own, *plain, *others[question]])
        beside = median(found.pop(floor.name))
        for name, taken in found.items():
            one = median(taken)
            if one.because:
                missing.append(f"{subject.title}{question}, {name}: {one.because}")
            else:
                yield from _told(subject, question, name, one, beside, limit_s)
    yield from _without_blobs(subject, place, rounds, missing)


def _plain_git(asked: peers.Asked) -> Job:
    """What the least that answers for all modules costs: the tags of each, and its log since the highest of them."""
    script = "\n".join(
        f'git log --format=%s "$(git tag --list --merged HEAD --sort=-v:refname "{form.replace("{version}", "*")}" '
        f'| head -n 1)..HEAD" -- "{path}"'
        for path, form in asked.modules
    )
    return Job("git alone", [["sh", "-ec", script]])


def _told(subject: Subject, question: str, name: str, one: Taken, beside: Taken, limit_s: float) -> Iterator[Row]:
    title = f"{subject.title}{question}, {name}"
    if one.stopped:
        yield Row(title, limit_s * 1000, "ms, stopped", note=f"not finished after {limit_s:g} s")
        return
    ours = name == "tidegate" and subject.has_goals
    goal = GOALS_MS[question] if ours else None
    git_log = f"git log ({beside.wall_s * 1000:.0f} ms)"
    note = f"{one.cpu_s * 1000:,.0f} ms CPU, {one.peak_mib:.0f} MiB"
    yield Row(title, one.wall_s * 1000, "ms wall", git_log, one.wall_s / beside.wall_s, goal=goal, note=note)
    if name == "tidegate" and question == "changelog":
        git_peak = f"git log ({beside.peak_mib:.0f} MiB)"
        ratio, most = one.peak_mib / beside.peak_mib, GOAL_MIB if ours else None
        yield Row(f"{subject.title}{question}, peak", one.peak_mib, "MiB", git_peak, ratio, goal=most)


def _without_blobs(subject: Subject, place: Place, rounds: int, missing: list[str]) -> Iterator[Row]:
    """The same questions on a clone that has no file's content: the same answers, and nothing fetched."""
    bare = Place(place.scratch / "blobless" / subject.folder.name, place.scratch / "blobless", place.limit_s, place.env)
    bare.scratch.mkdir(exist_ok=True)
    # Of the same name as the other, because notes without a policy are headed by it.
    before = _objects(without_blobs(subject.folder, bare.folder))
    for question, own in own_jobs(subject.asked).items():
        if question == "12 modules":
            continue
        taken = taken_in_turns(bare, rounds, [own])[own.name]
        whole, one = place.run(own), median(taken)
        because = one.because or whole.because or _difference(place, bare, own, before)
        if because:
            missing.append(f"{subject.title}{question} without blobs: {because}")
            continue
        beside = f"with blobs ({whole.wall_s * 1000:.0f} ms)"
        title = f"{subject.title}{question}, no blobs"
        yield Row(title, one.wall_s * 1000, "ms wall", beside, one.wall_s / whole.wall_s, note="the same answer")


def _difference(place: Place, bare: Place, own: Job, before: int) -> str:
    if place.output_of(own).read_bytes() != bare.output_of(own).read_bytes():
        return "the answer is another one"
    return "objects were fetched" if _objects(bare.folder) != before else ""


def _objects(clone: Path) -> int:
    return git(clone, "cat-file", "--batch-check=.", "--batch-all-objects", "--unordered").count("\n")
