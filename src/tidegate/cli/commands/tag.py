"""``tidegate tag``."""

from __future__ import annotations

import click

from tidegate.cli.commands.branch import push_options
from tidegate.cli.framework import Group, command, session


class _TagGroup(Group):
    """``tidegate tag COMPONENT VERSION`` is short for ``tidegate tag set COMPONENT VERSION``."""

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As every group; what is no command of it is a component."""
        if args and args[0] not in self.lazy and not args[0].startswith("-"):
            args = ["set", *args]
        return super().resolve_command(context, args)


tag = _TagGroup(
    "tag",
    lazy={
        "set": ("tag:set_", "Tag a version; short: tidegate tag COMPONENT VERSION."),
        "verify": ("tag:verify", "Find tags that were moved, deleted or rewritten."),
    },
    help="Tag versions, and find tags that were moved. One version is one content for ever.",
)


@command(
    "set",
    help="Tag COMPONENT at VERSION, and record what was tagged with its release.\n\n"
    "The commit is that of the release, or HEAD where there is none. The tag is annotated, and signed where there is a "
    "key. It is refused when the version is anywhere under another commit. Nothing is pushed unless you say --push.",
    examples=(
        "tidegate tag billing 1.2.0 --as rita --key ~/.ssh/id_ed25519",
        "tidegate tag set billing 1.2.0 --at release/v1.2.0 --push --as rita",
    ),
)
@click.argument("component")
@click.argument("version")
@click.option("--at", default="", metavar="REVISION", help="Tag this revision.")
@push_options
def set_(component: str, version: str, at: str, push: bool, remote: str) -> int:
    """The command."""
    from tidegate.cli.render_branch import tag_lines
    from tidegate.orchestration import tag as tags

    run = session()
    done = tags.set_tag(run.house(), component, version, run.claim(), at=at, push_to=remote if push else "")
    run.answer(done, tag_lines(done))
    return 0


@command(
    "verify",
    help="Hold the tags of COMPONENT, or of all, against what was recorded when they were set.\n\n"
    "With --remote also the remote's tags. Exit code 1: one was moved, deleted or rewritten.",
    examples=("tidegate tag verify", "tidegate tag verify billing --remote origin"),
)
@click.argument("component", required=False, default="")
@click.option("--remote", default="", metavar="REMOTE", help="Look at this remote, too: its name or an address.")
def verify(component: str, remote: str) -> int:
    """The command."""
    from tidegate.cli.render_branch import verify_lines
    from tidegate.orchestration import tag as tags

    run = session()
    found = tags.verify(run.house(), component, remote)
    run.answer(found, verify_lines(found))
    return 1 if any(one.is_bad for one in found) else 0
