"""The order of environments in answers: as they come after each other, whatever their names are."""

from __future__ import annotations

from tests.support.facts import rulebook
from tidegate.views.environments import in_order


def test_an_environment_comes_after_those_that_it_waits_for() -> None:
    changes = {
        "environments": {
            "acceptance": {"purpose": "production", "after": [{"environment": "zone"}]},
            "zone": {"purpose": "staging"},
            "build": {"purpose": "production", "after": [{"environment": "acceptance"}]},
            "any": {"purpose": "development"},
        }
    }
    policy = rulebook(**changes).policy
    mine = [name for name in in_order(policy) if name in changes["environments"]]
    assert mine == ["any", "zone", "acceptance", "build"]
