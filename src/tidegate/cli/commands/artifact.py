"""``tidegate artifact``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate.cli.framework import Group, command, session

if TYPE_CHECKING:
    from tidegate.orchestration.house import House

artifact = Group(
    "artifact",
    lazy={
        "build": ("artifact:build", "Build what the policy declares of a release."),
        "push": ("artifact:push", "Push the images of a release to their registry."),
        "list": ("artifact:list_", "List what is declared, built and pushed."),
        "verify": ("artifact:verify", "Read every byte and every tag again."),
    },
    help="Build, push and verify what a release is made of: container images and archives.\n\n"
    "Each is known by the digest of its bytes. RELEASE may also be a component that has one open release.",
)


@command(
    "build",
    help="Build the images and archives that the policy declares of RELEASE, from its commit.\n\n"
    "Their digests become part of what is released: every approval given before is void. What was built before and is "
    "whole is not built again.",
    examples="tidegate artifact build billing-2.1.0 --output dist --as rita --key ~/.ssh/id_ed25519",
)
@click.argument("release")
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="DIR", help="Write the archives and SHA256SUMS there, too."
)
@click.option("--again", is_flag=True, help="Build all of them anew, also what is there.")
def build(release: str, output: Path | None, again: bool) -> int:
    """The command."""
    from tidegate.cli.render_artifact import built_lines
    from tidegate.orchestration import artifact as artifacts

    run = session()
    house = _telling_house()
    done = artifacts.build(house, release, run.claim(), again=again)
    files = artifacts.export(house, (*done.built, *done.kept), output) if output is not None else ()
    value = {
        "release": done.release,
        "built": {row.key: row.digest for row in done.built},
        "kept": {row.key: row.digest for row in done.kept},
        "files": list(files),
    }
    run.answer(value, built_lines(done, files, output))
    return 0


@command(
    "push",
    help="Push the images of RELEASE under their tags, and read each tag back.\n\n"
    "The tag of the version is set once, and never to another digest. Tags such as 2 and latest only move forward.",
    examples=(
        "tidegate artifact push billing-2.1.0 --dry-run --as rita",
        "tidegate artifact push billing-2.1.0 --as rita --key ~/.ssh/id_ed25519",
    ),
)
@click.argument("release")
@click.option("--dry-run", is_flag=True, help="Say what would be done to each tag, and do nothing.")
def push(release: str, dry_run: bool) -> int:
    """The command."""
    from tidegate.cli.render_artifact import pushed_lines
    from tidegate.orchestration import artifact as artifacts

    run = session()
    done = artifacts.push(_telling_house(), release, run.claim(), only_looks=dry_run)
    run.answer({"release": release, "dry_run": dry_run, "images": done}, pushed_lines(done, would=dry_run))
    return 0


@command(
    "list",
    help="List what the policy declares of RELEASE, what of it is built, and where it is pushed.",
    examples="tidegate artifact list billing-2.1.0",
)
@click.argument("release")
def list_(release: str) -> int:
    """The command."""
    from tidegate.cli.render_artifact import listed_lines
    from tidegate.store import policies
    from tidegate.views.artifact import artifact_lines

    run = session()
    house = run.house()
    found = artifact_lines(house, release)
    with house.database.read() as connection:
        tz = policies.current(connection).tz
    run.answer(found, listed_lines(found, tz))
    return 0


@command(
    "verify",
    help="Read what was built of RELEASE again: every byte in the store, every version's tag in its registry.\n\n"
    "With --sums, hold the files beside a list of checksums against it instead. Nothing is written.",
    examples=(
        "tidegate artifact verify billing-2.1.0",
        "tidegate artifact verify --sums dist/SHA256SUMS",
    ),
)
@click.argument("release", default="")
@click.option("--sums", type=click.Path(path_type=Path), metavar="FILE", help="A list as sha256sum writes it.")
def verify(release: str, sums: Path | None) -> int:
    """The command."""
    from tidegate.cli.render_artifact import checked_lines, sums_lines
    from tidegate.errors import UsageError

    run = session()
    if bool(release) == (sums is not None):
        raise UsageError("name a release, or a file with --sums", remedy="tidegate artifact verify --help")
    if sums is not None:
        from tidegate.artifacts.checksums import verify as verify_sums

        held = verify_sums(sums)
        run.answer({"sums": str(sums), "files": held}, sums_lines(held))
        return 0 if all(held.values()) else 1
    from tidegate.orchestration import artifact as artifacts

    checked = artifacts.verify(run.house(), release)
    run.answer(checked, checked_lines(checked))
    return 1 if any(one.problem for one in checked) else 0


def _telling_house() -> House:
    """The house, which tells a person who watches how far it is: builds and pushes take their time."""
    from dataclasses import replace

    from tidegate.cli.text import clean

    run = session()
    return replace(run.house(), say=lambda sentence: run.progress(clean(sentence)))
