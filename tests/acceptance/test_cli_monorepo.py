"""A monorepo of three components, npm, Cargo and Python, from their history to versions, tags, images and notes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.artifacts import DOCKERFILE
from tests.support.docker import DockerEngine
from tests.support.registry import ContainerRegistry
from tests.support.shop import Shop

PACKAGE = '{\n  "name": "@shop/web",\n  "version": "1.0.0",\n  "private": true\n}\n'
PACKAGE_LOCK = (
    '{\n  "name": "@shop/web",\n  "version": "1.0.0",\n  "lockfileVersion": 3,\n  "packages": {\n'
    '    "": {"name": "@shop/web", "version": "1.0.0"},\n'
    '    "node_modules/left-pad": {"version": "1.0.0"}\n  }\n}\n'
)
CARGO = '# The engine.\n[package]\nname = "engine"\nversion = "0.4.0"  # ours\nedition = "2021"\n'
CARGO_LOCK = (
    'version = 3\n\n[[package]]\nname = "engine"\nversion = "0.4.0"\n\n[[package]]\nname = "other"\nversion = "0.4.0"\n'
)
PYPROJECT = '[project]\nname = "jobs"\nversion = "2.3.0"  # ours\ndependencies = ["other==2.3.0"]\n'

COMPONENTS = """\
components:
  web:
    path: services/web
    tag: "web-v{{version}}"
    version_files: [package.json, package-lock.json]
    requires: {{engine: ">=0.4.0"}}
    artifacts: [{{image: "{host}/web", tags: ["{{version}}", "{{minor}}", "{{major}}", latest]}}]
  engine:
    path: crates/engine
    tag: "engine-v{{version}}"
    version_files: [Cargo.toml, Cargo.lock]
  jobs:
    path: python/jobs
    tag: "jobs-v{{version}}"
    version_files: [pyproject.toml]
    artifacts: [{{archive: jobs, format: zip}}]
"""

NEXT = {"web": "1.1.0", "engine": "0.5.0", "jobs": "2.3.1"}


@pytest.fixture
def monorepo(shop: Shop, container_registry: ContainerRegistry) -> Shop:
    """Three components that were released once, and what has changed since."""
    (shop.root / ".git" / "info" / "exclude").write_text(".tidegate\n")
    text = shop.policy_text().replace("components:\n", COMPONENTS.format(host=container_registry.host), 1)
    (shop.root / "tidegate.yaml").write_text(text)
    repository = shop.repository
    repository.commit(
        "chore: begin",
        {
            "services/web/package.json": PACKAGE,
            "services/web/package-lock.json": PACKAGE_LOCK,
            "services/web/Dockerfile": DOCKERFILE,
            "crates/engine/Cargo.toml": CARGO,
            "crates/engine/Cargo.lock": CARGO_LOCK,
            "python/jobs/pyproject.toml": PYPROJECT,
        },
    )
    for tag in ("web-v1.0.0", "engine-v0.4.0", "jobs-v2.3.0"):
        repository.tag(tag, message=tag)
    repository.commit("feat(cart): pay by invoice (#12)", {"services/web/cart.js": "1\n"})
    repository.commit(
        "feat!: other units\n\nBREAKING CHANGE: lengths are in millimetres", {"crates/engine/lib.rs": "1\n"}
    )
    repository.commit("fix: run once a day\n\nCloses: #14", {"python/jobs/run.py": "1\n"})
    repository.commit("Tidy up", {"README.md": "1\n"})
    return shop


def upcoming(shop: Shop) -> dict[str, Any]:
    found = shop.good("version", "--json").json["components"]
    return {one["component"]: one["next"] for one in found if one["component"] in NEXT}


def test_every_component_has_its_next_version_by_its_own_history(monorepo: Shop) -> None:
    assert upcoming(monorepo) == NEXT
    web = monorepo.good("version", "web", "--json").json
    assert [(reason["type"], reason["subject"]) for reason in web["reasons"]] == [("feat", "pay by invoice")]
    assert web["unconventional"] == []


def test_from_history_to_versions_changelogs_tags_images_and_notes(
    monorepo: Shop, container_registry: ContainerRegistry, docker_engine: DockerEngine
) -> None:
    shop = monorepo
    for component, version in NEXT.items():
        shop.good("version-files", component, "--set", version)
        shop.good("changelog", component, "--write")
        shop.good("notes", component, "--write")
    read = {
        path: (shop.root / path).read_text()
        for path in (
            "services/web/package.json",
            "services/web/package-lock.json",
            "crates/engine/Cargo.toml",
            "crates/engine/Cargo.lock",
            "python/jobs/pyproject.toml",
        )
    }
    assert read == {
        "services/web/package.json": PACKAGE.replace("1.0.0", "1.1.0"),
        "services/web/package-lock.json": PACKAGE_LOCK.replace("1.0.0", "1.1.0", 2),
        "crates/engine/Cargo.toml": CARGO.replace("0.4.0", "0.5.0"),
        "crates/engine/Cargo.lock": CARGO_LOCK.replace("0.4.0", "0.5.0", 1),
        "python/jobs/pyproject.toml": PYPROJECT.replace('version = "2.3.0"', 'version = "2.3.1"'),
    }
    assert "- **cart:** pay by invoice" in (shop.root / "services/web/CHANGELOG.md").read_text().lower()
    assert "lengths are in millimetres" in (shop.root / "crates/engine/CHANGELOG.md").read_text().lower()
    shop.repository.git("add", "-A")
    shop.repository.git("commit", "-q", "-m", "chore: write down the versions")
    assert upcoming(shop) == NEXT, "what was written down asks for nothing"

    releases = {name: shop.good("release", "open", name, "--json", by="rita").json["id"] for name in NEXT}
    assert releases == {name: f"{name}-{version}" for name, version in NEXT.items()}
    for release in (releases["web"], releases["jobs"]):
        shop.good("artifact", "build", release, by="rita")
    shop.good("artifact", "push", releases["web"], by="rita")
    (listed,) = shop.good("artifact", "list", releases["web"], "--json").json
    digest = listed["digest"]
    assert container_registry.tags("web") == dict.fromkeys(["1", "1.1", "1.1.0", "latest"], digest)

    for name, version in NEXT.items():
        tagged = shop.good("tag", name, version, by="rita").out
        assert f"recorded with the release {releases[name]}" in tagged
    assert upcoming(shop) == dict.fromkeys(NEXT)
    notes = shop.good("notes", "engine", "--to", "engine-v0.5.0", "--json").json
    assert notes["version"] == "0.5.0"
    assert "lengths are in millimetres" in str(notes["breaking"]).lower()
    whole = shop.good("changelog", "jobs", "--full").out
    assert whole.index("## [2.3.1]") < whole.index("## [2.3.0]")
    assert "Run once a day" in whole

    refused = shop.run("check", releases["web"], "--for", "staging", "--json")
    assert refused.code == 3
    told = {finding["rule"] for finding in refused.json["findings"] if finding["verdict"] != "allow"}
    assert "requires.engine" in told, "nobody knows which engine runs in staging"
    assert "all the same" in shop.good("audit", "rejudge").out
