"""A policy in plain sentences, as one would say it in a meeting: pure, from the models to topics of sentences.

Whoever adds a key to the policy says it here too, in the module of its topic; a test walks every key of the schema and
names the one that is not said.

    model.py          topics, paragraphs, and the data of the pictures
    words.py          numbers, times, shares, lists
    conditions.py     conditions of gates
    names.py          what groups, types, environments are called
    not_yet.py        what Tidegate does not act on yet
    people.py, calendar.py, gates.py, changes.py, components.py, operations.py, messages.py, afterwards.py,
    open_points.py, environments.py, types.py, summary.py
                      the topics
    pictures.py       the way through the environments, the timeline
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tidegate.core.condition.errors import did_you_mean
from tidegate.core.layers import Layers, OneFile
from tidegate.core.policy import Policy
from tidegate.core.undecided import OpenPoint, undecided
from tidegate.errors import NotFoundError
from tidegate.views.explain import afterwards, calendar, changes, components, gates, operations, people
from tidegate.views.explain.environments import environment_topic, environments_topic
from tidegate.views.explain.messages import messages_topic
from tidegate.views.explain.model import Explanation, Topic
from tidegate.views.explain.names import Names
from tidegate.views.explain.open_points import foundation_topic, undecided_topic
from tidegate.views.explain.pictures import road_of, timeline_of
from tidegate.views.explain.summary import summary_topic
from tidegate.views.explain.types import type_topic, types_topic
from tidegate.views.explain.words import article, upper


def explain(
    policy: Policy,
    *,
    layers: Layers | None = None,
    file: str = "",
    release_type: str = "",
    environment: str = "",
) -> Explanation:
    """The policy in plain sentences.

    Args:
        layers: which file said what; without it the policy builds on nothing.
        file: what the file is called.
        release_type: explain this type alone.
        environment: explain this environment alone; with a type, the type's way there.

    Raises:
        NotFoundError: the policy has no such type or environment.
    """
    _hold_known("release type", release_type, policy.release_types)
    _hold_known("environment", environment, policy.environments)
    names = Names(policy)
    narrowed = bool(release_type or environment)
    points = undecided(policy, layers or OneFile())
    topics = _narrow(policy, names, release_type, environment) if narrowed else _whole(policy, names, points)
    of_type = not environment or bool(release_type)
    return Explanation(
        organization=policy.organization,
        title=_title(names, release_type, environment),
        file=file,
        timezone=policy.timezone,
        rehearsal=policy.rehearsal or "",
        type=release_type,
        environment=environment,
        topics=tuple(topic for topic in topics if not topic.is_empty),
        road=road_of(policy, names, release_type) if of_type else None,
        timeline=timeline_of(policy, names, release_type) if of_type else None,
        matrix=changes.matrix_of(policy.changes.risk) if not narrowed else None,
    )


def _hold_known(kind: str, name: str, known: Mapping[str, object]) -> None:
    if name and name not in known:
        remedy = f"name one of {', '.join(known)}" if known else f"declare one, or leave out the {kind}"
        close = did_you_mean(name, known)
        raise NotFoundError(f'the policy has no {kind} "{name[:80]}"{close}', remedy=remedy)


def _title(names: Names, release_type: str, environment: str) -> str:
    if release_type and environment:
        return f"{upper(article(names.type(release_type)))} on its way to {names.environment(environment)}"
    if release_type:
        return names.type_title(release_type)
    return upper(names.environment(environment)) if environment else "The release policy"


def _narrow(policy: Policy, names: Names, release_type: str, environment: str) -> Iterator[Topic]:
    if release_type:
        yield type_topic(policy, names, release_type, environment, detailed=True)
    if environment:
        yield environment_topic(policy, names, environment)


def _whole(policy: Policy, names: Names, points: Sequence[OpenPoint]) -> Iterator[Topic]:
    yield summary_topic(policy, names, len(points))
    yield types_topic(policy, names)
    yield environments_topic(policy, names)
    yield gates.gates_topic(policy, names)
    yield gates.documents_topic(policy, names)
    yield gates.checklists_topic(policy, names)
    yield gates.templates_topic(policy, names)
    yield calendar.processes_topic(policy, names)
    yield calendar.trains_topic(policy, names)
    yield calendar.calendar_topic(policy, names)
    yield messages_topic(policy, names)
    yield changes.changes_topic(policy, names)
    yield people.people_topic(policy, names)
    yield people.training_topic(policy, names)
    yield people.emergency_topic(policy, names)
    yield operations.strategies_topic(policy, names)
    yield operations.pipelines_topic(policy, names)
    yield operations.backups_topic(policy, names)
    yield operations.rollback_topic(policy, names)
    yield components.components_topic(policy, names)
    yield components.versions_topic(policy, names)
    yield components.clients_topic(policy, names)
    yield afterwards.tasks_topic(policy, names)
    yield afterwards.reviews_topic(policy, names)
    yield afterwards.metrics_topic(policy, names)
    yield afterwards.reports_topic(policy, names)
    yield foundation_topic(policy)
    yield undecided_topic(policy, points)


__all__ = ["Explanation", "explain"]
