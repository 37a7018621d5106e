"""Change requests: why something is changed, what it touches, how risky it is, and who decided.

What is asked for is bound step by step. The request, the assessment, each step, each mitigation, the submission and
each answer is an act that one person signed, over the digest of what they saw. To submit binds the releases, by their
subjects' digests, and the facts from which the risk is computed; from then on :meth:`ChangeRequest.digest` names the
whole, and an answer to another digest counts no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from tidegate.core.actor import Assurance
from tidegate.core.approval import Approval
from tidegate.core.canonical import digest_of
from tidegate.core.machine import Machine
from tidegate.core.risk import RiskFacts


class ChangeState(StrEnum):
    """Where a change request stands.

    open
        Being prepared: assessed, and taken through the steps before its decision. `change open` brings it here, and
        so does a new assessment. It may stay for weeks. A crash leaves it as it is.
    submitted
        Waits for those whom its category asks. `change submit` brings it here; their answers take it out.
    approved
        Everybody who is asked said yes to what was submitted. Whether that still counts is asked at each decision:
        the subject, the approvers and the mitigations are looked at again.
    rejected
        Somebody who is asked said no. Final: what is changed for it is another change request.
    closed
        It went and how it went is recorded, or it was given up. Final.
    """

    OPEN = "open"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"
    CLOSED = "closed"


class ChangeEvent(StrEnum):
    """What happens to a change request."""

    ASSESSED = "assessed"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"
    CLOSED = "closed"


CHANGE = Machine[ChangeState, ChangeEvent](
    "change request",
    {
        ChangeState.OPEN: {
            ChangeEvent.ASSESSED: ChangeState.OPEN,
            ChangeEvent.SUBMITTED: ChangeState.SUBMITTED,
            ChangeEvent.CLOSED: ChangeState.CLOSED,
        },
        ChangeState.SUBMITTED: {
            ChangeEvent.ASSESSED: ChangeState.OPEN,
            ChangeEvent.SUBMITTED: ChangeState.SUBMITTED,
            ChangeEvent.APPROVED: ChangeState.APPROVED,
            ChangeEvent.REJECTED: ChangeState.REJECTED,
            ChangeEvent.CLOSED: ChangeState.CLOSED,
        },
        ChangeState.APPROVED: {
            ChangeEvent.ASSESSED: ChangeState.OPEN,
            ChangeEvent.SUBMITTED: ChangeState.SUBMITTED,
            ChangeEvent.REJECTED: ChangeState.REJECTED,
            ChangeEvent.CLOSED: ChangeState.CLOSED,
        },
        ChangeState.REJECTED: {},
        ChangeState.CLOSED: {},
    },
)


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a change touches, in answers; ``impact`` and ``probability`` are levels of the policy."""

    impact: str
    probability: str
    components: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    downtime: str = ""
    data: str = ""
    rollback: str = ""

    @property
    def digest(self) -> str:
        """What who assessed it signs."""
        return digest_of(self)

    def unanswered(self) -> tuple[str, ...]:
        """The questions without an answer; that no client is affected is one."""
        answers = {
            "components": self.components,
            "downtime": self.downtime,
            "data": self.data,
            "rollback": self.rollback,
        }
        return tuple(name for name, answer in answers.items() if not answer)


@dataclass(frozen=True, slots=True)
class Bound:
    """A release that a change request is for.

    ``subjects`` are the release's digests by environment, as they were when the change was submitted, and empty before;
    ``authors`` who wrote what is in it.
    """

    release: str
    components: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    subjects: Mapping[str, str] = field(default_factory=dict)


class ActKind(StrEnum):
    """What somebody did to a change request, besides answering."""

    REQUEST = "request"
    ASSESSMENT = "assessment"
    STEP = "step"
    SUBMISSION = "submission"
    MITIGATION = "mitigation"


@dataclass(frozen=True, slots=True)
class ChangeAct:
    """One act of one person. ``subject`` is the digest of what they saw; ``name`` the step's, or the mitigation's.

    ``how`` says what was done. ``invalid`` says why the signature does not hold, found anew whenever facts are
    gathered; empty while it holds.
    """

    kind: ActKind
    by: str
    at: datetime
    name: str = ""
    how: str = ""
    subject: str = ""
    assurance: Assurance = Assurance.SIGNATURE
    invalid: str = ""


@dataclass(frozen=True, slots=True)
class ChangeAnswer:
    """A signed yes or no to what was submitted; ``minutes`` is the digest or the words by which a board's are named."""

    approval: Approval
    minutes: str = ""


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """A change request as it is known. All times are UTC.

    ``entry`` is the entry of the category's catalogue that it is, where it is a standard change. ``ticket`` names it
    elsewhere, and ``ticket_says`` what was found there.
    """

    id: str
    category: str
    title: str
    reason: str
    releases: tuple[Bound, ...]
    opened_by: str
    opened_at: datetime
    state: ChangeState = ChangeState.OPEN
    description: str = ""
    entry: str = ""
    ticket: str = ""
    ticket_says: str = ""
    assessment: Assessment | None = None
    facts: RiskFacts | None = None
    submitted_at: datetime | None = None
    acts: tuple[ChangeAct, ...] = ()
    answers: tuple[ChangeAnswer, ...] = ()
    outcome: str = ""

    @property
    def request_digest(self) -> str:
        """What who opened it signs: the request by itself."""
        said = (self.category, self.title, self.reason, self.description, self.entry, self.ticket)
        return digest_of([*said, sorted(bound.release for bound in self.releases)])

    @property
    def digest(self) -> str:
        """What is submitted, and what answers and mitigations are bound to: the request, its releases by their
        subjects, the assessment, and the facts of its risk."""
        return digest_of([self.id, self.request_digest, self.releases, self.assessment, self.facts])

    def bound(self, release: str) -> Bound | None:
        """What it says of a release; None where it is for others."""
        return next((bound for bound in self.releases if bound.release == release), None)

    @property
    def authors(self) -> frozenset[str]:
        """Who wrote what its releases contain, and who asks for it: none of them decides on it."""
        asked = {act.by for act in self.acts if act.kind is ActKind.REQUEST}
        return frozenset(name for bound in self.releases for name in bound.authors) | asked | {self.opened_by}
