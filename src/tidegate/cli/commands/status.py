"""``tidegate status``."""

from __future__ import annotations

from tidegate.cli.framework import command, session


@command(
    "status",
    help="Say what runs where, what is under way, what waits for whom, and what nobody minds.",
    examples="tidegate status",
    reads_at=True,
)
def status() -> int:
    """The command."""
    from tidegate.cli.render_status import status_page
    from tidegate.views.status import status_view

    run = session()
    view = status_view(run.house(executes=True))
    run.answer(view, status_page(view))
    return 0
