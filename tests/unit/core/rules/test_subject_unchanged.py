from __future__ import annotations

from typing import Any

from tests.support.facts import Case, facts, item, question, release, subject, table
from tidegate.core.decision import Action
from tidegate.core.release import ReleaseState
from tidegate.core.verdict import Verdict

RULE = "subject.unchanged"
ROLLING = release(state=ReleaseState.ROLLING)
GRANTED = ROLLING.subject_for("production")
CHANGED = "the subject has changed since the start was allowed"
REMEDY = "roll back (tidegate rollback COMPONENT production), then start it as it is now"

PARTS: dict[str, dict[str, Any]] = {
    "source": {"source": "sha256:x"},
    "artifact": {"artifacts": "sha256:x"},
    "migration": {"migrations": "sha256:x"},
    "configuration": {"configuration": {"production": "sha256:x"}},
    "target": {"targets": {"production": "sha256:x"}},
}


@table(
    Case(
        "the same",
        RULE,
        Verdict.ALLOW,
        "the subject is the one that was allowed to start",
        facts=facts(ROLLING),
        about=question(Action.CONTINUE, granted=GRANTED),
    ),
    *(
        Case(
            f"another {name}",
            RULE,
            Verdict.DENY,
            CHANGED,
            REMEDY,
            facts=facts(release(item(subject=subject(**parts)), state=ReleaseState.ROLLING)),
            about=question(Action.CONTINUE, granted=GRANTED),
        )
        for name, parts in PARTS.items()
    ),
    Case(
        "another environment's configuration",
        RULE,
        Verdict.ALLOW,
        "the subject is the one that was allowed to start",
        facts=facts(release(item(subject=subject(configuration={"staging": "sha256:x"})), state=ReleaseState.ROLLING)),
        about=question(Action.CONTINUE, granted=GRANTED),
    ),
    Case(
        "another commit",
        RULE,
        Verdict.ALLOW,
        "the subject is the one that was allowed to start",
        facts=facts(release(item(subject=subject(commit="c0ffee")), state=ReleaseState.ROLLING)),
        about=question(Action.CONTINUE, granted=GRANTED),
    ),
    Case("never granted", RULE, Verdict.DENY, CHANGED, REMEDY, facts=facts(ROLLING), about=question(Action.CONTINUE)),
    Case("a start does not ask", RULE, about=question()),
    Case("a rollback does not ask", RULE, about=question(Action.ROLLBACK)),
)
def test_the_table(case: Case) -> None:
    case.hold()
