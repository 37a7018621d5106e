"""``tidegate init``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate.cli.framework import command, session

if TYPE_CHECKING:
    from tidegate.policyfile.presets import Presets

FILE = "tidegate.yaml"
SCHEMA = "tidegate.schema.json"

STARTER = """\
# yaml-language-server: $schema=./tidegate.schema.json
# How we release. What is missing permits nothing; every key is in docs/reference/policy.md.
tidegate: 1
organization: Example
timezone: Europe/Berlin

people:                                  # the public half of the SSH key with which each person signs
  alice: {name: Alice Example, email: alice@example.org, groups: [owners], keys: []}
  bob: {name: Bob Example, email: bob@example.org, groups: [owners], keys: []}
  carol: {name: Carol Example, email: carol@example.org, groups: [owners], keys: []}

permits: {open: [owners], start: [owners], rollback: [owners], hold: [owners], adopt: [owners]}

components:
  service:
    path: .
    tag: "v{version}"
    owners: owners
    # targets: where it goes, by environment; see docs/drivers/host.md

release_types:
  major: {bump: major, notice: 30d, gates: [tests], approvals: [{from: $owners, count: 2}]}
  minor: {bump: minor, notice: 7d, gates: [tests], approvals: [{from: $owners}]}
  patch: {bump: patch, gates: [tests], approvals: [{from: $owners}]}

gates:
  tests: {evidence: junit, pass: "tests.passed > 0 && tests.failed == 0"}

environments:
  staging: {purpose: staging}
  production:
    purpose: production
    after: [{environment: staging, soak: 24h}]
    windows: [{days: mon-thu, from: "09:00", to: "16:00"}]
    strategy: {rolling: {batch: 25%}}

watch:
  production: {for: 1h, roll_back_when: [{health_check: failed}]}
"""


@command(
    "init",
    help="Write a small, commented tidegate.yaml to start from, in DIR (by default here).\n\n"
    "With --preset it builds on the policy of that preset, and the JSON Schema by which editors complete it is written "
    "beside it. DIR is made if it is missing. An existing file is never overwritten.",
    examples=("tidegate init", "tidegate init --preset 7d releases"),
)
@click.argument("into", required=False, metavar="[DIR]", type=click.Path(path_type=Path))
@click.option("--preset", metavar="NAME", help="The preset to build on: see tidegate policy presets.")
def init(into: Path | None, preset: str | None) -> int:
    """The command."""
    from tidegate.cli.text import clean, good

    run = session()
    chosen = run.directory / (into or "")
    texts = starting_files(preset)
    write_new(chosen, texts)
    paths = {name: str((into or Path()) / name) for name in texts}
    named = "" if into is None else f" {clean(paths[FILE])}"
    lines = [
        *(f"{good('✓')} wrote {clean(path)}" for path in paths.values()),
        "  1. put your people and their public keys into it",
        f"  2. tidegate policy check{named}",
        "  3. tidegate plan service" if preset is None else f"  3. tidegate policy explain{named}",
    ]
    record = {"file": str(chosen / FILE)}
    if preset is not None:
        record |= {"schema": str(chosen / SCHEMA), "preset": preset}
    run.answer(record, lines)
    return 0


def starting_files(preset: str | None, presets: Presets | None = None) -> dict[str, bytes]:
    """What is written, by the names of the files.

    Raises:
        NotFoundError: there is no such preset.
    """
    if preset is None:
        return {FILE: STARTER.encode()}
    from tidegate.policyfile.presets import PRESETS
    from tidegate.policyfile.reference import json_schema_text

    return {FILE: (presets or PRESETS).starter(preset), SCHEMA: json_schema_text().encode()}


def write_new(directory: Path, texts: Mapping[str, bytes]) -> None:
    """Write files that must not be there yet into a directory, which is made if it is missing.

    Raises:
        ConflictError: one is there; none was written.
        StoreError: they cannot be written.
    """
    from tidegate.errors import ConflictError, StoreError

    paths = {directory / name: text for name, text in texts.items()}
    path = directory
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for path in paths:
            if os.path.lexists(path):
                raise FileExistsError
        for path, text in paths.items():
            with path.open("xb") as file:
                file.write(text)
    except FileExistsError as error:
        what = "there is a policy file already" if path.name == FILE else "there is a file already"
        raise ConflictError(what, where=str(path), remedy="edit it, or move it away first") from error
    except OSError as error:
        raise StoreError(
            f"it cannot be written: {error.strerror}", where=str(path), remedy="make it writable"
        ) from error
