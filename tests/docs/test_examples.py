"""The examples are what they say: the workflow is one of GitHub Actions, and its commands are Tidegate's."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml  # type: ignore[import-untyped]

from tidegate.cli.root import root
from tidegate.core.policy import StageKind

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
WORKFLOW = EXAMPLES / "github-actions.yml"


def jobs() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text())["jobs"]
    return found


def commands() -> list[str]:
    runs = [step["run"] for job in jobs().values() for step in job["steps"] if "run" in step]
    return [line.strip() for run in runs for line in run.splitlines() if line.strip().startswith("tidegate ")]


def linted(path: Path) -> subprocess.CompletedProcess[str]:
    tool = Path(sys.executable).parent / "check-jsonschema"
    if not tool.exists():
        pytest.skip("check-jsonschema is not installed")
    line = [str(tool), "--builtin-schema", "vendor.github-workflows", str(path)]
    return subprocess.run(line, capture_output=True, text=True, check=False)


def test_the_workflow_is_one(tmp_path: Path) -> None:
    done = linted(WORKFLOW)
    assert done.returncode == 0, done.stdout
    # And the lint can fail.
    broken = tmp_path / "broken.yml"
    broken.write_text(WORKFLOW.read_text().replace("runs-on:", "runs_on:"))
    assert linted(broken).returncode == 1


def test_a_pushed_tag_starts_it() -> None:
    workflow = yaml.safe_load(WORKFLOW.read_text())
    # YAML 1.1 reads the key `on` as true.
    assert workflow[True] == {"push": {"tags": ["v*"]}}
    assert 'tidegate release open shop --tag "$RELEASE_TAG" --json' in WORKFLOW.read_text()


def test_it_has_the_stages_of_a_pipeline_in_their_order() -> None:
    assert list(jobs()) == ["build", "test", "security-scan", "staging", "production"]
    wanted = {
        StageKind.BUILD,
        StageKind.TEST,
        StageKind.SECURITY_SCAN,
        StageKind.BACKUP,
        StageKind.DEPLOY,
        StageKind.SMOKE,
    }
    told = " ".join(commands())
    words = {"backup": "backup take", "deploy": "deploy", "smoke": "--source smoke"}
    assert all(kind.value in jobs() or words[kind.value] in told for kind in wanted)
    needs = {name: job.get("needs", []) for name, job in jobs().items()}
    assert needs["staging"] == ["build", "test", "security-scan"]
    assert needs["production"] == ["build", "staging"]


@pytest.mark.parametrize("line", commands())
def test_each_command_is_one_that_tidegate_has(line: str) -> None:
    words = shlex.split(line.partition(" > ")[0].replace('"$(jq --raw-output .id release.json)"', "shop-1.1.0"))[1:]
    command: click.Command = root
    with click.Context(root, info_name="tidegate") as context:
        while isinstance(command, click.Group):
            name, found, words = command.resolve_command(context, list(words))
            assert found is not None, name
            command = found
        # Parsed, with all that it demands; not run.
        context.resilient_parsing = False
        parser = command.make_parser(context)
        _, arguments, _ = parser.parse_args(list(words))
        needed = [p for p in command.params if isinstance(p, click.Argument) and p.required]
        assert len([word for word in words if not word.startswith("-")]) >= len(needed)
        assert not arguments or command.params


def test_no_secret_and_no_untrusted_text_is_put_into_a_command() -> None:
    runs = [step["run"] for job in jobs().values() for step in job["steps"] if "run" in step]
    assert not [run for run in runs if "${{" in run]
