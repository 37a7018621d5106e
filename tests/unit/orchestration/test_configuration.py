"""Which file of a component is the configuration of a target."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.flows import policy
from tidegate.orchestration.configuration import target_settings

NO_HOST = dict.fromkeys(("hosts", "restart", "stop"))
KUBERNETES = {"driver": "kubernetes", "namespace": "production", "deployment": "billing"}


@pytest.mark.parametrize(
    ("target", "config", "found"),
    [
        ({**KUBERNETES, "config_map": "billing"}, "services/billing/conf/a.yaml", {"config_file": "conf/a.yaml"}),
        (
            {**KUBERNETES, "config_map": "billing", "config_file": "b.yaml"},
            "services/billing/a.yaml",
            {"config_file": "b.yaml"},
        ),
        (KUBERNETES, "services/billing/conf/a.yaml", {}),
        ({**KUBERNETES, "config_map": "billing"}, "conf/a.yaml", {}),
        ({**KUBERNETES, "config_map": "billing"}, None, {}),
        ({"driver": "compose"}, "services/billing/conf/a.env", {"env_file": "conf/a.env"}),
    ],
)
def test_a_target_takes_the_configuration_of_its_component(
    target: dict[str, Any], config: str | None, found: dict[str, str]
) -> None:
    component = {
        "path": "services/billing",
        "targets": {"production": {**NO_HOST, **target}},
        **({"config": {"production": config}} if config else {}),
    }
    loaded = policy(components={"billing": component})
    settings = target_settings(loaded.policy, "billing", "production")
    assert {name: settings[name] for name in ("config_file", "env_file") if settings.get(name)} == found
