"""The contract of whatever can lock the branches of a remote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Lock:
    """A locked branch: its name, who locked it, and when (RFC 3339), as the remote has it written."""

    branch: str
    by: str
    at: str


class BranchProtection(Protocol):
    """Locks and unlocks the branches of one remote.

    Promises: a locked branch takes no push from anybody, nor can it be deleted; locking what is locked and unlocking
    what is not change nothing; what was there before (other hooks, other rules) goes on; it returns only after it has
    read back that things are as asked.
    """

    def lock(self, branch: str, by: str, at: str) -> Lock:
        """Lock a branch, whether or not the remote has it yet; the lock as it is read back.

        Raises:
            ConflictError: something else protects branches there, and cannot go on beside it.
            RepositoryError: it could not be set, or nobody can tell.
        """

    def unlock(self, branch: str) -> None:
        """Unlock a branch; raises as :meth:`lock`."""

    def locks(self) -> tuple[Lock, ...]:
        """The locked branches, by name.

        Raises:
            RepositoryError: it does not answer.
        """
