"""``tidegate policy explain``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate.cli.commands.policy import _FILE, proposal
from tidegate.cli.framework import command, session

if TYPE_CHECKING:
    from tidegate.views.explain import Explanation


@command(
    "explain",
    help="Say the policy FILE (by default tidegate.yaml) in plain sentences, as one would say it in a meeting.\n\n"
    "Nothing is adopted, and no database is opened. With --html the page is written in place of an older one; it "
    "needs nothing but a browser.",
    examples=(
        "tidegate policy explain",
        "tidegate policy explain --type minor --environment production",
        "tidegate policy explain --html policy.html",
    ),
)
@_FILE
@click.option("--type", "release_type", default="", metavar="TYPE", help="Explain this release type alone.")
@click.option("--environment", default="", metavar="ENV", help="Explain this environment alone.")
@click.option("--html", "page", type=click.Path(path_type=Path), metavar="PATH", help="Write the page to this file.")
def explain(file: Path | None, release_type: str, environment: str, page: Path | None) -> int:
    """The command."""
    from tidegate.cli.render_explain import explanation_lines
    from tidegate.cli.text import clean, good
    from tidegate.policyfile.load import load_policy
    from tidegate.views.explain import explain as explained

    run = session()
    path, name = proposal(file)
    loaded = load_policy(path, name)
    view = explained(loaded.policy, layers=loaded, file=name, release_type=release_type, environment=environment)
    if page is None:
        run.answer(view, explanation_lines(view))
        return 0
    size = _write(page, view)
    run.answer({"file": name, "page": str(page), "bytes": size}, [f"{good('✓')} written: {clean(page)}"])
    return 0


def _write(page: Path, view: Explanation) -> int:
    """Write the page; its size in bytes.

    Raises:
        UsageError: the file cannot be written.
    """
    from tidegate.cli.text import clean
    from tidegate.errors import UsageError
    from tidegate.views.explain.page import page_of

    content = page_of(view).encode()
    try:
        page.write_bytes(content)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UsageError(
            f"it cannot be written: {reason}",
            where=clean(page),
            remedy="name a file in a directory that you may write to",
        ) from error
    return len(content)
