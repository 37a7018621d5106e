"""Who starts a rollout has learned what the policy asks of them."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.decision import Action
from tidegate.core.policy import Act
from tidegate.core.rules.actor_permitted import listed_for
from tidegate.core.rules.rule import FORWARD, Chapter, Context, Found, Rule, denies, passes
from tidegate.core.rules.saying import names
from tidegate.core.training import asked_before, missing, untrained_for


def _check(context: Context) -> Iterator[Found]:
    actor, environment = context.question.actor, context.environment
    if environment is None or actor.is_automation:
        return
    policy, tz = context.policy, context.rulebook.tz
    # A training that expires while a rollout is under way does not leave it half done.
    now = context.now if context.question.action is Action.START else None
    listed = listed_for(policy, Act.START, environment)
    lacking = sorted(
        {
            *missing(policy, actor.person, Act.START, now, tz),
            *untrained_for(policy, actor.person, listed, now, tz),
        }
    )
    if lacking:
        yield denies(
            RULE.id,
            f"{actor.person} may not start without the training {names(lacking)}",
            # A release keeps the policy under which it was opened, and with it who had learned what.
            f"take it, have its day written under people.{actor.person}.trained and adopted, and open the release "
            "again; or let somebody start who has it",
        )
    elif asked := asked_before(policy, actor.person, Act.START):
        yield passes(RULE.id, f"{actor.person} has the training {names(asked)}")


RULE = Rule(
    "training",
    "Who starts a rollout has the trainings that it asks for.",
    "M1-22",
    FORWARD,
    _check,
    since=3,
    chapter=Chapter.PEOPLE,
    keys=("trainings.{name}", "trainings"),
)
