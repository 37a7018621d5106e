"""``tidegate audit``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tidegate.cli.framework import Group, command, session

if TYPE_CHECKING:
    from tidegate.core.leaf import Leaf

audit = Group(
    "audit",
    lazy={
        "log": ("audit:log", "Print the log of decisions and effects."),
        "verify": ("audit:verify", "Verify that the log is whole and unchanged."),
        "rejudge": ("audit:rejudge", "Make every decision again and compare."),
        "export": ("audit:export", "Print a signed checkpoint of the log."),
    },
    help="Read the log, verify it, judge its decisions again.",
)


@command(
    "log",
    help="Print the log of decisions and effects, in order.",
    examples="tidegate audit log --release billing-1.1.0",
)
@click.option("--release", default="", metavar="RELEASE", help="Only what is about it.")
def log(release: str) -> int:
    """The command."""
    from tidegate.cli.text import columns
    from tidegate.orchestration import audit as use_case
    from tidegate.store import policies, releases

    run = session()
    house = run.house()
    with house.database.read() as connection:
        tz = policies.current(connection).tz
        if release:
            releases.load(connection, release)
    leaves = use_case.leaves(house, release)
    run.answer(leaves, columns([_row(leaf, tz) for leaf in leaves]))
    return 0


def _about(leaf: Leaf) -> str:
    """What of a leaf's facts tells best what it is about: its rollout, else its release and where, else the rest."""
    data = leaf.data
    if data.get("rollout"):
        return str(data["rollout"])
    where = data.get("environment") or leaf.question.get("environment") or ""
    named = (data.get(name) for name in ("release", "tag", "branch", "component", "hold"))
    what = next(filter(None, named), "") or str(data.get("digest", ""))[:19]
    return f"{what} {where}".strip()


def _row(leaf: Leaf, tz: Any) -> tuple[str, ...]:
    from tidegate.cli.render import MARK
    from tidegate.cli.text import clean, faint
    from tidegate.core.verdict import Verdict
    from tidegate.views.moments import dated

    about = _about(leaf)
    verdict = f"{MARK[Verdict(leaf.verdict)]} " if leaf.verdict in list(Verdict) else "  "
    return (
        f"{leaf.index:>3}",
        faint(dated(leaf.time, tz)),
        f"{verdict}{clean(leaf.kind)}",
        clean(leaf.actor.person),
        clean(about),
    )


@command(
    "verify",
    help="Verify that the log is whole and unchanged, from its bytes.\n\n"
    "Exits with 1 and names the first bad entry where it is not. Against an exported checkpoint it also finds a cut "
    "tail and a tree that was rebuilt.",
    examples="tidegate audit verify --against checkpoint.txt",
)
@click.option("--against", type=click.Path(path_type=Path), metavar="FILE", help="Hold it to this checkpoint, too.")
def verify(against: Path | None) -> int:
    """The command."""
    from tidegate.cli.text import bad, clean, good, wrapped
    from tidegate.orchestration import audit as use_case

    run = session()
    house = run.house()
    found = use_case.verify(house)
    problem = found.problem
    record: dict[str, Any] = {"holds": found.holds, "size": found.size, "root": found.root, "problem": problem}
    if problem is None:
        lines = [f"{good('✓')} {found.size} entries are whole, unchanged and in order", f"  root {found.root.hex()}"]
    else:
        lines = [f"{bad('✗')} {clean(problem.what)}", *wrapped(clean(problem.remedy), "    ", first="  > ")]
    holds = found.holds
    if against is not None and holds:
        comparison = use_case.against(house, _read(against))
        record |= {"against": comparison, "holds": comparison.holds}
        holds = comparison.holds
        lines.append(f"{good('✓') if holds else bad('✗')} {clean(comparison.what)}")
        lines += wrapped(clean(comparison.remedy), "    ", first="  > ") if comparison.remedy else []
    run.answer(record, lines)
    return 0 if holds else 1


def _read(path: Path) -> str:
    from tidegate.errors import NotFoundError, UsageError

    try:
        if path.stat().st_size > 1 << 20:
            raise UsageError(
                "it is no checkpoint: it is too large", where=str(path), remedy="name what audit export wrote"
            )
        return path.read_text("utf-8")
    except FileNotFoundError as error:
        raise NotFoundError("there is no such checkpoint", where=str(path), remedy="name the exported file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            "it cannot be read as a checkpoint", where=str(path), remedy="name the exported file"
        ) from error


@command(
    "rejudge",
    help="Make every decision of the log again, from the policies and facts it was made from, and compare.\n\n"
    "Exits with 1 where one is different.",
    examples="tidegate audit rejudge",
)
def rejudge() -> int:
    """The command."""
    from tidegate.cli.text import bad, clean, columns, faint, good
    from tidegate.orchestration import audit as use_case

    run = session()
    found = list(use_case.rejudge(run.house()))
    different = [one for one in found if one.problem]
    rows: list[tuple[str, ...]] = [
        (
            f"{one.index:>3}",
            clean(one.kind),
            clean(one.verdict),
            bad(f"✗ different: {clean(one.problem)}")
            if one.problem
            else good("✓ same" + (", in other words" if one.reworded else "")),
            faint("decided by other versions: " + ", ".join(one.other_versions)) if one.other_versions else "",
        )
        for one in found
    ]
    total = f"{len(found)} decisions made again: " + (f"{len(different)} different" if different else "all the same")
    run.answer({"decisions": found, "different": len(different)}, [*columns(rows), total])
    return 1 if different else 0


@command(
    "export",
    help="Print a checkpoint of the log: its size and root, signed with your key.\n\n"
    "Keep it elsewhere: whoever can write the database cannot rewrite it.",
    examples="tidegate audit export --output checkpoint.txt --key ~/.ssh/id_ed25519",
)
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write it there; not over another file."
)
def export(output: Path | None) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.errors import ConflictError, NotPermittedError, StoreError
    from tidegate.orchestration import audit as use_case

    run = session()
    if run.key is None:
        raise NotPermittedError("a checkpoint is signed, and no key was given", remedy="say --key PATH")
    text = use_case.export_checkpoint(run.house(), run.key)
    if output is None:
        run.answer({"checkpoint": text}, text.rstrip("\n").split("\n"))
        return 0
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise ConflictError("the file exists", where=str(output), remedy="name another") from error
    except OSError as error:
        raise StoreError(f"it cannot be written: {error.strerror}", where=str(output), remedy="name another") from error
    run.answer({"file": str(output), "checkpoint": text}, [f"{good('✓')} {clean(output)}"])
    return 0
