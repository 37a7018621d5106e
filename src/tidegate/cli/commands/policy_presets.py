"""``tidegate policy presets``."""

from __future__ import annotations

import click

from tidegate.cli.framework import command, session


@command(
    "presets",
    help="List the presets that a policy can build on, or print the text of one of them.\n\n"
    "NAME is that of a preset, with or without its version. Nothing is written; to begin with one, see tidegate init "
    "--preset.",
    examples=("tidegate policy presets", "tidegate policy presets 7d@1"),
)
@click.argument("name", required=False)
def presets(name: str | None) -> int:
    """The command."""
    from tidegate.cli.text import columns
    from tidegate.policyfile.presets import PRESETS, SCHEME

    run = session()
    if name is not None:
        preset = PRESETS.find(name.removeprefix(SCHEME))
        text = preset.content.decode("utf-8")
        run.answer({"preset": str(preset), "text": text}, text.splitlines())
        return 0
    newest = [(PRESETS.get(one), versions) for one, versions in PRESETS.versions().items()]
    offered = PRESETS.offered()
    record = [
        {"name": preset.name, "versions": versions, "sentence": preset.sentence, "starter": preset.name in offered}
        for preset, versions in newest
    ]
    rows = [(", ".join(f"{SCHEME}{p.name}@{number}" for number in versions), p.sentence) for p, versions in newest]
    run.answer(record, columns([*rows]) or ["this Tidegate has no presets"])
    return 0
