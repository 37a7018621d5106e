"""Promotion by itself: what the policy has Tidegate start, and that nothing else is different about it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.support.flows import Organisation
from tidegate.core.actor import Actor
from tidegate.core.rollout import RolloutState
from tidegate.core.verdict import Verdict
from tidegate.errors import NotPermittedError
from tidegate.orchestration import rollout
from tidegate.store import requests

AUTOMATIC = {"promotion": {"automatic": True}}
AFTER_STAGING = {"after": [{"environment": "staging", "soak": "1h"}]}


def adopt(org: Organisation, **environments: Any) -> None:
    org.adopt(environments=environments)


def waiting(org: Organisation, release: str) -> dict[str, Actor]:
    with org.house.database.read() as connection:
        return {request.environment: request.actor for request in requests.waiting(connection, release)}


def test_from_opening_to_production_once_every_rule_allows_it(org: Organisation) -> None:
    adopt(org, staging=AUTOMATIC, production=AUTOMATIC | AFTER_STAGING)
    release = org.open()
    assert waiting(org, release) == {"staging": Actor.automation("promotion")}
    org.sweep()
    assert org.running("staging") != ["1.1.0", "1.1.0"]  # the gate of staging has not been passed

    org.tested(release)
    org.sweep()
    org.carry()
    assert org.running("staging") == ["1.1.0", "1.1.0"]
    assert list(waiting(org, release)) == ["production"]

    org.sweep()
    org.carry()
    assert org.rollout(f"{release}.staging.1").started_by == Actor.automation("promotion")
    assert "needs 2 approvals from module-team" in " ".join(org.reasons(release))
    org.approve(release)
    org.sweep()
    assert list(waiting(org, release)) == ["production"]  # it has to stay in staging for an hour

    org.clock.go(timedelta(hours=1))
    org.tested(release)
    org.sweep()
    org.carry()
    assert org.rollout(f"{release}.production.1").state is RolloutState.SUCCEEDED
    assert waiting(org, release) == {}
    requested = [leaf for leaf in org.leaves() if leaf.kind == "start.requested"]
    assert [(leaf.actor.person, leaf.data["environment"]) for leaf in requested] == [
        ("tidegate", "staging"),
        ("tidegate", "production"),
    ]


def test_nothing_is_asked_where_the_policy_does_not_say_so(org: Organisation) -> None:
    adopt(org, production=AFTER_STAGING)
    release = org.open()
    assert waiting(org, release) == {}
    org.tested(release)
    org.start(release, "staging")
    org.carry()
    assert waiting(org, release) == {}


def test_what_a_person_asked_for_already_is_left_to_them(org: Organisation) -> None:
    adopt(org, production=AUTOMATIC | AFTER_STAGING)
    release = org.open()
    org.tested(release)
    rollout.ask_start(org.house, release, "production", org.claim("rita"))
    org.start(release, "staging")
    org.carry()
    assert {name: actor.person for name, actor in waiting(org, release).items()} == {"production": "rita"}


def test_where_the_policy_takes_it_back_the_start_ends(org: Organisation) -> None:
    adopt(org, staging=AUTOMATIC)
    release = org.open()
    (request,) = _requests(org, release)
    org.adopt()
    org.tested(release)
    org.sweep()
    ended = org.request(request.id)
    assert ended.ended_at is not None
    assert "does not have Tidegate start in staging by itself any more" in ended.because
    assert org.running("staging") != ["1.1.0", "1.1.0"]


def test_a_policy_under_which_it_was_opened_and_that_did_not_say_so_denies(org: Organisation) -> None:
    release = org.open()
    org.tested(release)
    adopt(org, production=AUTOMATIC | AFTER_STAGING)
    org.start(release, "staging")
    org.carry()
    org.approve(release)
    org.clock.go(timedelta(hours=1))
    org.tested(release)
    org.sweep()
    (request,) = _requests(org, release)
    assert "Tidegate may not start in production by itself" in request.because


def test_nobody_starts_in_its_name(org: Organisation) -> None:
    adopt(org, staging=AUTOMATIC)
    release = org.open()
    org.tested(release)
    with pytest.raises(NotPermittedError, match="knows no person"):
        rollout.start(org.house, release, "staging", Actor.automation("promotion"))


def test_once_it_is_found_good_nothing_is_asked_again(org: Organisation) -> None:
    adopt(org, staging=AUTOMATIC, production=AUTOMATIC | AFTER_STAGING)
    release = org.open()
    org.tested(release)
    org.sweep()
    org.carry()
    before = org.kinds().count("start.requested")
    org.start(release, "staging")  # once more, by hand
    org.carry()
    assert org.kinds().count("start.requested") == before
    assert org.decide(release, "staging").verdict is Verdict.ALLOW


def _requests(org: Organisation, release: str) -> list[requests.Request]:
    with org.house.database.read() as connection:
        return requests.waiting(connection, release)
