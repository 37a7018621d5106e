"""``tidegate version-files``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tidegate.cli.framework import command, session
from tidegate.errors import UsageError

if TYPE_CHECKING:
    from tidegate.orchestration.version_files import VersionChange, VersionFiles


@command(
    "version-files",
    help="Write another version into the version files of COMPONENT, or into the files that --path names.\n\n"
    "Every file is planned and read back before the first is written, and nothing in it changes but the version; a "
    "file that does not say the old version is an error. The difference is shown. Nothing is committed.",
    examples=(
        "tidegate version-files billing --set 1.2.0 --dry-run",
        "tidegate version-files --set 1.2.0-rc.1 --from 1.1.0 --path package.json --path compose.yaml",
    ),
)
@click.argument("component", required=False)
@click.option("--set", "new", required=True, metavar="VERSION", help="The version that the files are to say.")
@click.option(
    "--from", "old", default="", metavar="VERSION", help="The version that they say now; else the one they agree on."
)
@click.option(
    "--path",
    "paths",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A file in place of those of the policy; may be repeated.",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="NAME",
    help="What its image, package or requirement is called, where its version alone does not tell; may be repeated.",
)
@click.option("--dry-run", is_flag=True, help="Show the difference, and write nothing.")
def version_files(
    component: str | None, new: str, old: str, paths: tuple[Path, ...], names: tuple[str, ...], dry_run: bool
) -> int:
    """The command."""
    from tidegate.cli.render_version_files import change_lines
    from tidegate.orchestration.version_files import plan_change
    from tidegate.versionfiles.files import write

    run = session()
    change = plan_change(_files(component, paths, names), new, old)
    written = () if dry_run else write(change.root, change.edits)
    run.answer(_record(component, change, written, dry_run), change_lines(change, dry_run=dry_run))
    return 0


def _files(component: str | None, paths: tuple[Path, ...], names: tuple[str, ...]) -> VersionFiles:
    from tidegate.orchestration.version_files import files_by_path, files_of_component

    run = session()
    if component is not None and paths:
        raise UsageError("a component has its files in the policy", remedy="name the component, or files with --path")
    if component is not None:
        return files_of_component(run.settings().root, component, names)
    if not paths:
        raise UsageError("nothing says which files", remedy="name a component of the policy, or files with --path")
    return files_by_path(run.directory, paths, names)


def _record(component: str | None, change: VersionChange, written: tuple[str, ...], dry_run: bool) -> dict[str, Any]:
    from tidegate.versionfiles.diff import unified

    return {
        "component": component,
        "from": change.old,
        "to": change.new,
        "dry_run": dry_run,
        "files": [
            {
                "path": edit.path,
                "format": edit.format,
                "written": edit.path in written,
                "places": [
                    {"line": place.line, "what": place.what, "from": place.old, "to": place.new}
                    for place in edit.places
                ],
                "diff": "".join(f"{line}\n" for line in unified(edit)),
            }
            for edit in change.edits
        ],
    }
