"""The page about building on other files: its files are policies, and what it says of them is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tidegate.cli.render_origins import origin_lines
from tidegate.policyfile import load_policy
from tidegate.policyfile.extending import MAX_FILES
from tidegate.policyfile.load import LoadedPolicy
from tidegate.policyfile.origins import shown_tree

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "howto" / "extend-a-preset.md").read_text("utf-8")
FILES = dict(re.findall(r"```yaml\n(?=# (\S+)\n)(.*?)```", PAGE, re.DOTALL))


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedPolicy:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return load_policy(tmp_path / "tidegate.yaml", "tidegate.yaml")


def test_the_files_of_the_page_are_a_policy_as_it_says(loaded: LoadedPolicy) -> None:
    assert loaded.files == tuple(FILES) == ("company.yaml", "tidegate.yaml")
    policy = loaded.policy
    assert list(policy.release_types) == ["minor"]
    assert policy.release_types["minor"].approvals[0].count == 2
    assert [window.days for window in policy.environments["production"].windows or ()] == ["tue"]
    assert policy.targets["lead_time"].types == ("minor",)


def test_the_origins_of_the_page_are_those_that_are_shown(loaded: LoadedPolicy) -> None:
    (shown,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    lines = [
        re.sub("\x1b\\[[0-9;]*m", "", line) for line in origin_lines(loaded, *shown_tree(loaded, "release_types.minor"))
    ]
    assert [line.split() for line in lines[3:]] == [line.split() for line in shown.splitlines()]


def test_the_number_of_files_is_the_one_that_holds() -> None:
    assert f"At most {MAX_FILES} files make a policy" in PAGE
