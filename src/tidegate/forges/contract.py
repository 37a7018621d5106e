"""What a forge promises.

A forge tells what a code host knows of merged pull requests. Every text in its answer is a stranger's, and its numbers
may be wrong. A forge

- answers with what the host says, neither guessed nor completed, or raises;
- never answers with less because the host failed: an answer that is cut short would hide a breaking change;
- changes nothing on the host.

Adding one, such as GitHub's or GitLab's interface: a module here, and one line in ``registry.py``.
"""

from __future__ import annotations

from typing import Protocol

from tidegate.core.pull_request import PullRequest


class Forge(Protocol):
    """Tells the merged pull requests of one repository."""

    def pull_requests(self) -> tuple[PullRequest, ...]:
        """All merged pull requests that the forge knows, each number once.

        Raises:
            UsageError: what it was given cannot be understood.
            WorldError: the host does not answer, or not completely.
        """
