"""``tidegate completion``."""

from __future__ import annotations

import click

from tidegate.cli.framework import command, session


@command(
    "completion",
    help="Print the completion script of SHELL.\n\nAdd its output to what your shell reads when it starts.",
    examples="tidegate completion bash",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """The command."""
    from click.shell_completion import get_completion_class

    from tidegate.cli.root import root

    kind = get_completion_class(shell)
    assert kind is not None, "Click completes the three shells that are offered"  # noqa: S101
    source = kind(root, {}, "tidegate", "_TIDEGATE_COMPLETE").source_vars()
    text = kind.source_template % source
    session().answer({"shell": shell, "script": text}, [text])
    return 0
