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
    "--why tells everything about one rule; --what-if decides as if something were so. "
    "Exits with 3 when it may not go.",
    examples=(
        "tidegate check billing-1.1.0 --for production",
        "tidegate check billing-1.1.0 --for production --why approval",
        "tidegate check billing-1.1.0 --for production --what-if approval=carol --what-if now=2026-12-01T18:00:00Z",
        "tidegate check billing-1.1.0 --for staging --what-if evidence=reports/junit.xml --json",
    ),
    reads_at=True,
)
@click.argument("release")
@click.option("--for", "environment", required=True, metavar="ENVIRONMENT", help="Where it would go.")
@click.option("--why", default="", metavar="RULE", help="Tell everything about one rule or finding.")
@click.option(
    "--what-if",
    "texts",
    multiple=True,
    metavar="WHAT=VALUE",
    help="Suppose evidence=FILE, approval=PERSON (approval:ROLE=PERSON), now=TIME or lifted=HOLD; may be repeated.",
)
def check(release: str, environment: str, why: str, texts: tuple[str, ...]) -> int:
    """The command."""
    from tidegate.cli.render_decision import decision_lines
    from tidegate.cli.render_why import why_lines
    from tidegate.core.decision import Action, Question
    from tidegate.orchestration.supposing import suppose
    from tidegate.store import policies
    from tidegate.views.decision import DecisionView
    from tidegate.views.why import why_view

    run = session()
    house = run.house()
    with house.database.read() as connection:
        book = policies.current(connection)
    actor = _assumed(book.policy, environment, run.person)
    found = suppose(house, release, Question(Action.START, actor, environment), texts)
    decision = found.judged.decision
    record = decision.as_dict()
    if book.policy.rehearsal:
        record["rehearsal"] = book.policy.rehearsal
    if texts:
        record |= {"supposing": list(found.said), "really": found.really.decision.as_dict()}
    if why:
        reason = why_view(found.judged, why)
        record["why"] = reason.as_dict()
        lines = why_lines(reason, environment, book.tz, house.now())
    else:
        assumed = f"assuming that {actor.person} signs" if actor.person in book.policy.people else ""
        really = found.really.decision if texts else None
        rehearsal = book.policy.rehearsal or ""
        lines = decision_lines(DecisionView(decision, release, book.tz, rehearsal, assumed, found.said, really))
    run.answer(record, lines)
    return 0 if decision.allowed else 3


def _assumed(policy: Policy, environment: str, person: str) -> Actor:
    from tidegate.core.actor import Actor, Assurance
    from tidegate.views.assuming import whoever_may

    return Actor(person, "assumed to sign", Assurance.SIGNATURE) if person else whoever_may(policy, environment)
