"""Artifacts as lines for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from pathlib import Path

from tidegate.artifacts.checksums import FILE
from tidegate.artifacts.image.push import TagPushed
from tidegate.cli.text import bad, clean, columns, faint, good, strong
from tidegate.orchestration.artifact import Building, Checked, ImagePushed
from tidegate.store.artifacts import ArtifactRow
from tidegate.views.artifact import ArtifactLine, TagLine
from tidegate.views.moments import civil, counted


def built_lines(done: Building, files: Sequence[str], output: Path | None) -> list[str]:
    """What was built, and what that means."""
    rows = [_built(row, "built") for row in done.built] + [_built(row, "is there already") for row in done.kept]
    lines = columns(rows)
    if files:
        lines.append(f"{good('✓')} wrote {', '.join(map(clean, files))} and {FILE} to {clean(str(output))}")
    if done.built:
        lines.append(f"  {clean(done.release)} is made of these now; approvals that were given before are void")
    if any(row.kind == "image" for row in (*done.built, *done.kept)):
        lines.append(f"  next: tidegate artifact push {clean(done.release)}")
    return lines


def _built(row: ArtifactRow, what: str) -> tuple[str, ...]:
    return (f"{good('✓')} {row.kind} {clean(row.name)}", f"{row.digest[:19]}…", what)


def pushed_lines(images: Iterable[ImagePushed], *, would: bool) -> list[str]:
    """What a push has done, or would do, to each tag; then the reference to deploy by."""
    lines = []
    for image in images:
        sent = "" if would else f", {counted(image.blobs_sent, 'blob')} sent"
        sign = "" if would else f"{good('✓')} "
        lines.append(f"{sign}{strong(clean(image.name))}{sent}")
        lines += columns([(clean(tag.tag), _outcome(tag, would)) for tag in image.tags], indent="  ")
        lines.append(f"  {faint('deploy by')} {clean(image.reference)}")
    return lines


def _outcome(tag: TagPushed | TagLine, would: bool = False) -> str:
    match tag.outcome:
        case "set":
            before = getattr(tag, "before", "")
            return ("would be set" if would else "set, read back") + (f"; was {before[:19]}…" if before else "")
        case "kept":
            return "leads there already"
        case _:
            return f"left: it belongs to {clean(tag.newer)}"


def listed_lines(found: Sequence[ArtifactLine], tz: tzinfo) -> list[str]:
    """What is declared, and what became of it."""
    if not found:
        return ["the policy declares no artifacts: components.COMPONENT.artifacts"]
    lines = []
    for line in found:
        lines.append(f"{strong(f'{line.kind} {clean(line.name)}')}")
        lines += columns(_facts(line, tz), indent="  ")
    return lines


def _facts(line: ArtifactLine, tz: tzinfo) -> list[tuple[str, ...]]:
    if line.built_at is None:
        return [("not built", "tidegate artifact build")]
    facts: list[tuple[str, ...]] = [
        ("digest", line.digest),
        ("built", f"{civil(line.built_at, tz)} by {clean(line.built_by)}, {line.size} bytes"),
    ]
    if line.pushed_at is not None:
        facts.append(("pushed", civil(line.pushed_at, tz)))
        facts += [(f"  {clean(tag.tag)}", _outcome(tag)) for tag in line.tags]
        facts.append(("deploy by", clean(line.reference)))
    elif line.kind == "image":
        facts.append(("not pushed", "tidegate artifact push"))
    return facts


def checked_lines(checked: Iterable[Checked]) -> list[str]:
    """What was read again, and what is wrong with it."""
    lines = []
    for one in checked:
        sign = bad("✗") if one.problem else good("✓")
        lines.append(f"{sign} {clean(one.label)} in {one.where}: {one.digest[:19]}…")
        if one.problem:
            lines.append(f"  {clean(one.problem)}")
    return lines


def sums_lines(held: Mapping[str, bool]) -> list[str]:
    """The files of a list of checksums."""
    return [
        f"{good('✓') if holds else bad('✗')} {clean(name)}{'' if holds else ' is not what the list says'}"
        for name, holds in held.items()
    ]
