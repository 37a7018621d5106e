from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.policyfile.policies import GOOD
from tidegate.errors import NotFoundError
from tidegate.policyfile import load_policy
from tidegate.policyfile.load import LoadedPolicy
from tidegate.policyfile.origins import Origin, origins, shown_tree
from tidegate.policyfile.tree import Mapping, plain_value

TOP = """\
extends: [./base.yaml]
environments:
  production: {windows: []}
targets: {mttr: "< 1h"}
"""


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedPolicy:
    (tmp_path / "base.yaml").write_text(GOOD)
    (tmp_path / "tidegate.yaml").write_text(TOP)
    return load_policy(tmp_path / "tidegate.yaml", "tidegate.yaml")


def listed(loaded: LoadedPolicy, path: str = "", *, defaults: bool = False) -> list[Origin]:
    return list(origins(*shown_tree(loaded, path, defaults=defaults)))


def test_every_value_has_its_origin(loaded: LoadedPolicy) -> None:
    found = {origin.path: origin for origin in listed(loaded)}
    assert found["environments.production.windows"] == Origin(
        "environments.production.windows", [], "tidegate.yaml", 3, 25
    )
    assert found["environments.production.freeze.allow"].value == ["fix", "docs"]
    assert found["environments.production.after[0].soak"] == Origin(
        "environments.production.after[0].soak", "24h", "base.yaml", 36, 42
    )
    assert "extends" not in found


def test_the_values_together_are_the_policy(loaded: LoadedPolicy) -> None:
    root = loaded.document.root
    assert isinstance(root, Mapping)
    leaves = {origin.path for origin in listed(loaded)}
    assert len(leaves) == len(listed(loaded))
    for origin in listed(loaded):
        assert loaded.place(_path(origin.path)) == (origin.file, origin.line, origin.column)


def _path(dotted: str) -> tuple[str | int, ...]:
    parts = dotted.replace("[", ".[").split(".")
    return tuple(int(part[1:-1]) if part.startswith("[") else part for part in parts)


def test_a_path_narrows(loaded: LoadedPolicy) -> None:
    assert [origin.path for origin in listed(loaded, "environments.staging")] == ["environments.staging.purpose"]
    assert [origin.value for origin in listed(loaded, "environments.staging.purpose")] == ["staging"]
    with pytest.raises(NotFoundError) as caught:
        listed(loaded, "environments.stagin")
    assert caught.value.what == ('there is no environments.stagin in the policy; did you mean "environments.staging"?')


def test_defaults_are_those_of_the_resolved_policy(loaded: LoadedPolicy) -> None:
    added = [origin for origin in listed(loaded, defaults=True) if origin.line is None]
    assert Origin("trains.modules.to", "production", "default", None, None) in added
    assert Origin("assurance", "signature", "default", None, None) in added
    assert all(origin.value not in (None, [], {}) for origin in added)
    said = [origin for origin in listed(loaded, defaults=True) if origin.line is not None]
    assert {origin.path for origin in said} - {"targets.mttr.limit"} == {o.path for o in listed(loaded)} - {
        "targets.mttr"
    }


def test_with_its_defaults_it_is_the_same_policy(loaded: LoadedPolicy) -> None:
    import json

    _, node = shown_tree(loaded, defaults=True)
    assert load_policy(json.dumps(plain_value(node)).encode()).digest == loaded.digest
