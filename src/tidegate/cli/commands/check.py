"""``tidegate check``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tidegate.cli.framework import command, session

if TYPE_CHECKING:
    from tidegate.core.actor import Actor
    from tidegate.core.policy import Policy


@command(
    "check",
    help="Say whether RELEASE may go to an environment now, why not, and when.\n\n"
    "Nothing is recorded and nobody signs: it is asked as if the person (--as, or one who may) had signed. "
    "Exits with 3 when it may not go.",
    examples=("tidegate check billing-1.1.0 --for production", "tidegate check billing-1.1.0 --for staging --json"),
    reads_at=True,
)
@click.argument("release")
@click.option("--for", "environment", required=True, metavar="ENVIRONMENT", help="Where it would go.")
def check(release: str, environment: str) -> int:
    """The command."""
    from tidegate.cli.render import decision_lines
    from tidegate.core.decision import Action, Question
    from tidegate.orchestration.judge import judge
    from tidegate.store import policies
    from tidegate.views.decision import DecisionView

    run = session()
    house = run.house()
    with house.database.read() as connection:
        book = policies.current(connection)
        actor = _assumed(book.policy, environment, run.person)
        judged = judge(connection, release, Question(Action.START, actor, environment), house.now())
    assumed = f"assuming that {actor.person} signs" if actor.person in book.policy.people else ""
    view = DecisionView(judged.decision, release, book.tz, book.policy.rehearsal or "", assumed)
    record = judged.decision.as_dict()
    if book.policy.rehearsal:
        record["rehearsal"] = book.policy.rehearsal
    run.answer(record, decision_lines(view))
    return 0 if judged.decision.allowed else 3


def _assumed(policy: Policy, environment: str, person: str) -> Actor:
    from tidegate.core.actor import Actor, Assurance
    from tidegate.views.status import whoever_may

    return Actor(person, "assumed to sign", Assurance.SIGNATURE) if person else whoever_may(policy, environment)
