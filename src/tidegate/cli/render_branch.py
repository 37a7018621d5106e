"""Branches, tags and locks, told for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tidegate.cli.text import bad, clean, columns, doubtful, faint, good, strong, wrapped
from tidegate.core.tag import Standing, TagFinding
from tidegate.orchestration.branch import BranchReport, CutBranch, InProduction, LineReport, MergeBack, Picked
from tidegate.orchestration.locking import Locked
from tidegate.orchestration.preparing import Prepared, PreparedFile
from tidegate.orchestration.tag import TagSet
from tidegate.views.moments import counted


def _pushed(to: str) -> list[str]:
    return [f"  pushed to {clean(to)}, and read back"] if to else []


def cut_lines(made: CutBranch) -> list[str]:
    """A branch that was made."""
    return [
        f"{good('✓')} made {strong(clean(made.branch))} at {made.commit[:12]}, from {clean(made.made_from)}",
        *(_pushed(made.pushed_to) or ["  nothing was pushed"]),
        f"  prepare it:  tidegate branch prepare {clean(made.component)} {clean(made.version)}",
        f"  pick to it:  tidegate branch pick {clean(made.branch)} COMMIT",
        f"  judge it:    tidegate branch check {clean(made.component)} {clean(made.version)}",
    ]


def prepare_lines(done: Prepared, *, dry_run: bool) -> list[str]:
    """What was prepared on a branch, file by file."""
    name, what = strong(clean(done.branch)), f"{clean(done.component)} {clean(done.version)}"
    rows: list[tuple[str, ...]] = [
        (good("✓") if file.changed else faint("-"), clean(file.what), clean(file.path) + _already(file))
        for file in done.files
    ]
    files = columns(rows, indent="  ")
    if not done.changes:
        return [f"{name} says all of {what} already", *files]
    if dry_run:
        return [f"{name} would say {what}", *files, "  nothing was written"]
    return [
        f"{good('✓')} prepared {what} on {name}, as {done.commit[:12]}",
        *files,
        *(_pushed(done.pushed_to) or ["  nothing was pushed"]),
        f"  next:  tidegate release open {clean(done.component)} --at {clean(done.branch)}",
    ]


def _already(file: PreparedFile) -> str:
    return "" if file.changed else " (says it already)"


def hotfix_lines(made: CutBranch, running: InProduction) -> list[str]:
    """A hotfix branch that was made."""
    why = wrapped(f"{running.version} was taken because {clean(running.because)}", "  ", first="  ")
    return [*cut_lines(made), *why, f"  afterwards:  tidegate branch merge-back {clean(made.branch)}"]


def check_lines(report: BranchReport) -> list[str]:
    """What is on a branch, and what may not be there."""
    name, count = clean(report.branch), counted(report.commits, "commit")
    since = f" since {report.since[:12]}" if report.since else ""
    if report.allows is None:
        return [f"{good('✓')} {name}: {count}{since}; every kind of change may come to it"]
    kinds = ", ".join(map(clean, report.allows)) or "nothing"
    back = [faint(f"  {c.sha[:12]} {clean(c.summary)[:50]}: {clean(c.void)}") for c in report.taken_back]
    if report.is_clean:
        clear = wrapped(f"{name}: {count}{since}, all of them may be there ({kinds})", "  ", first="")
        return [f"{good('✓')} {clear[0]}", *clear[1:], *back]
    wrong = len({offence.sha for offence in report.offences})
    told = wrapped(f"{name}: {count}{since}, {wrong} may not be there (only {kinds})", "  ", first="")
    lines = [f"{bad('✗')} {told[0]}", *told[1:]]
    for offence in report.offences:
        lines += wrapped(f"{offence.sha[:12]} {clean(offence.summary)[:100]}: {clean(offence.why)}", "    ", first="  ")
    lines += [faint("  > revert them on the branch, or cut it again without them")]
    return [*lines, *back]


def pick_lines(done: Picked) -> list[str]:
    """What was picked, and what was there."""
    rows = []
    for one in done.commits:
        title = clean(one.summary)[:60]
        if one.made:
            rows.append(f"{good('✓')} {one.commit[:12]} is {one.made[:12]}: {title}")
        else:
            rows += wrapped(f"{one.commit[:12]} {title}: {clean(one.there)}", "    ", first="- ")
    moved = done.old != done.new
    name = clean(done.branch)
    end = f"{name} is at {done.new[:12]} now" if moved else f"nothing has changed on {name}"
    return [*rows, f"  {end}", *(_pushed(done.pushed_to) or (["  nothing was pushed"] if moved else []))]


def merge_back_lines(done: MergeBack) -> list[str]:
    """What the lines lack, and how to bring it there; or what was merged."""
    name = clean(done.branch)
    if done.merged_into:
        return [
            f"{good('✓')} merged {strong(name)} into {clean(done.merged_into)}, as {done.merge[:12]}",
            *(_pushed(done.pushed_to) or ["  nothing was pushed"]),
        ]
    return [line for report in done.lines for line in _line(name, report)]


def _line(branch: str, report: LineReport) -> list[str]:
    line = clean(report.line)
    if not report.missing:
        return [f"{good('✓')} {line} has all of {branch}"]
    lines = [f"{doubtful('!')} {line} lacks {counted(len(report.missing), 'commit')} of {branch}"]
    lines += [
        f"    {change.sha[:12]} {clean(change.kind or 'no kind')}: {clean(change.summary)[:50]}"
        for change in report.missing
    ]
    if report.by == "pull-request":
        lines += [f"    {line} is protected: push the branch, and open a pull request into {line}"]
    return [*lines, *(faint(f"    > {clean(words)}") for words in report.commands)]


def lock_lines(done: Locked, word: str) -> list[str]:
    """A branch that was locked or unlocked, and what is locked now."""
    others = [lock for lock in done.locks if lock.branch != done.branch]
    more = [f"  also locked: {', '.join(clean(lock.branch) for lock in others)}"] if others else []
    return [f"{good('✓')} {strong(clean(done.branch))} {word} at {clean(done.remote)}, as read back", *more]


def locks_lines(found: Locked) -> list[str]:
    """The locked branches."""
    rows: list[tuple[str, ...]] = [
        (clean(lock.branch), f"by {clean(lock.by)} since {clean(lock.at)}") for lock in found.locks
    ]
    return columns(rows) or [f"no branch is locked at {clean(found.remote)}"]


def tag_lines(done: TagSet) -> list[str]:
    """A tag that was set."""
    how = "signed" if done.signed else "annotated, not signed" if done.annotated else "not annotated"
    found = [f"  found {clean(done.found)}"] if done.found else []
    release = [f"  recorded with the release {clean(done.release)}"] if done.release else []
    return [
        f"{good('✓')} {strong(clean(done.tag))} is at {done.commit[:12]} ({how})",
        *found,
        *release,
        *(_pushed(done.pushed_to) or ["  nothing was pushed"]),
    ]


_SAID = {
    Standing.SAME: "as it was set",
    Standing.DELETED: "it was deleted",
    Standing.MOVED: "it was moved to another commit",
    Standing.REWRITTEN: "it was rewritten: another tag object of the same commit",
    Standing.ABSENT: "not there",
    Standing.DIFFERENT: "another one than here",
}


def verify_lines(found: Sequence[TagFinding]) -> list[str]:
    """How the tags stand."""
    if not found:
        return ["no tag was recorded yet: tidegate tag set COMPONENT VERSION"]
    wrong = [one for one in found if one.is_bad]
    lines = [line for one in wrong for line in _finding(one)]
    rest = [one for one in found if not one.is_bad]
    lines += _counted(rest)
    return lines


def _finding(one: TagFinding) -> list[str]:
    place = "" if one.where == "here" else f" at {clean(one.where)}"
    said = _SAID[one.standing]
    lines = [f"{bad('✗')} {strong(clean(one.name))}{place}: {said}"]
    lines += [f"    was  {clean(one.was)}", f"    is   {clean(one.now)}"]
    return lines + [faint(line) for line in wrapped(f"> {clean(one.remedy)}", "      ", first="    ")]


def _counted(rest: Iterable[TagFinding]) -> list[str]:
    places: dict[tuple[str, Standing], list[str]] = {}
    for one in rest:
        places.setdefault((one.where, one.standing), []).append(clean(one.name))
    lines: list[str] = []
    for (where, standing), names in places.items():
        place = "here" if where == "here" else f"at {clean(where)}"
        mark = good("✓") if standing is Standing.SAME else "-"
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        told = wrapped(f"{counted(len(names), 'tag')} {place}, {_SAID[standing]}: {shown}", "    ", first="  ")
        lines += [f"{mark} {told[0].strip()}", *told[1:]]
    return lines
