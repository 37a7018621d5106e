"""What can go wrong, as one tree; the branches answer whose fault it is.

    TidegateError
    |-- RequestError                the request is at fault: change it
    |   |-- UsageError              the words of the command or the file are wrong          exit 2
    |   |   |-- UnsetError          a setting of a channel is missing (channels/settings.py) exit 2
    |   |   `-- PolicyError         a policy file that cannot be read as a policy            exit 2
    |   |-- RefusedError            the policy says no, or cannot tell                       exit 3
    |   |-- NotPermittedError       who asks is not known, or may not                        exit 4
    |   |-- NotFoundError           there is no such thing                                   exit 5
    |   `-- ConflictError           somebody else holds it, or it is no longer in that state exit 6
    |       `-- TransitionError     an event that the state table does not list
    |-- WorldError                  something outside failed: try again, or mend it
    |   |-- StoreError              Tidegate's database cannot be read or written            exit 1
    |   |   |-- StoreBusyError      another process holds the database                       exit 6
    |   |   `-- DamagedRecordError  what is stored is not what was kept                      exit 1
    |   |-- TargetError             a target did not do, or did not answer                   exit 1
    |   |   `-- FencedError         the target has seen a higher token: we no longer may     exit 6
    |   |-- SourceError             a metric source did not answer usefully                  exit 1
    |   |-- ArtifactError           an artifact could not be built, or a registry not used      exit 1
    |   |-- RepositoryError         Git cannot read or do what was asked                     exit 1
    |   |   `-- RevisionError       there is no such commit, branch or tag                   exit 5
    |   `-- TimedOutError           it took longer than it may                               exit 7
    `-- InternalError               Tidegate's own fault: report it                          exit 1

An error carries ``what`` (with the values), ``where`` (file:line:column, host, table; may be empty) and ``remedy``
(an imperative sentence or the next command). The faces only print them. Exit codes are those of
``docs/reference/exit-codes.md``. A foreign exception is wrapped at the edge with ``from``.
"""

from __future__ import annotations

from typing import ClassVar


class TidegateError(Exception):
    """The root of the tree: what went wrong, where, and what to do about it."""

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, what: str, *, remedy: str, where: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.where = where

    @property
    def kind(self) -> str:
        """The stable name by which ``--json`` calls this error, such as ``not_found``."""
        name = type(self).__name__.removesuffix("Error")
        return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.what}"


class RequestError(TidegateError):
    """The request is at fault; the same request will fail again."""

    http_status = 400


class UsageError(RequestError):
    """The words of a command, or a value in them, are wrong."""

    exit_code = 2


class PolicyError(UsageError):
    """A policy file cannot be read as a policy; ``where`` is ``file:line:column``.

    A file may hold many mistakes: ``mistakes`` lists each as an error of its own, the first being this one. ``rule`` is
    the rule of ``policy check`` by which it is told.
    """

    def __init__(
        self, what: str, *, remedy: str, where: str = "", rule: str = "shape", mistakes: tuple[PolicyError, ...] = ()
    ) -> None:
        super().__init__(what, remedy=remedy, where=where)
        self.rule = rule
        self.mistakes = mistakes or (self,)


class RefusedError(RequestError):
    """The policy says no or cannot tell; the decision with its findings is the explanation."""

    exit_code = 3
    http_status = 403


class NotPermittedError(RequestError):
    """Who asks is not known, is not who they say, or may not."""

    exit_code = 4
    http_status = 403


class NotFoundError(RequestError):
    """There is no such release, component, environment, rollout or file."""

    exit_code = 5
    http_status = 404


class ConflictError(RequestError):
    """It is held by somebody else, or is no longer in the state that the request supposes."""

    exit_code = 6
    http_status = 409


class TransitionError(ConflictError):
    """An event that the state table does not list for this state. Nothing has changed."""


class WorldError(TidegateError):
    """Something outside Tidegate failed; the same request may succeed later."""

    http_status = 502
    retryable = True


class StoreError(WorldError):
    """Tidegate's own database cannot be read or written. Nothing was decided or done."""

    http_status = 503


class StoreBusyError(StoreError):
    """Another process holds the database longer than we wait."""

    exit_code = 6


class DamagedRecordError(StoreError):
    """What is stored is not what was kept: somebody changed it behind Tidegate's back. Trying again changes nothing."""

    retryable = False


class TargetError(WorldError):
    """A target did not do what was asked, or did not answer; its state must be read back."""


class FencedError(TargetError):
    """The target has seen a higher token: somebody else has taken over, and we must stop."""

    exit_code = 6
    http_status = 409
    retryable = False


class SourceError(WorldError):
    """A metric source did not answer, or answered what cannot be counts."""


class ArtifactError(WorldError):
    """An artifact could not be built, or a registry did not answer usefully."""


class RepositoryError(WorldError):
    """Git cannot read or do what was asked."""


class RevisionError(RepositoryError):
    """The repository has no such commit, branch or tag."""

    exit_code = 5
    http_status = 404


class TimedOutError(WorldError):
    """It took longer than it may take."""

    exit_code = 7
    http_status = 504


class InternalError(TidegateError):
    """Tidegate's own fault: an invariant does not hold."""
