"""The page on testing a policy: its policy and its cases are run, and what it shows is what comes of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.warm import WarmCommand

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "howto" / "test-a-policy.md").read_text("utf-8")
POLICY, CASES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
GOOD, FAILED = re.findall(r"^```text\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)

_WARM = WarmCommand()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The page's policy with its cases."""
    (tmp_path / "tidegate.yaml").write_text(POLICY)
    (tmp_path / "tidegate.tests.yaml").write_text(CASES)
    return tmp_path


def typed(directory: Path, *words: str) -> tuple[int, str]:
    code, out, err = _WARM.run(list(words), directory, {"COLUMNS": "80", "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"})
    assert err == ""
    return code, out


def test_what_the_page_shows_is_what_comes_of_it(directory: Path) -> None:
    assert typed(directory, "policy", "test") == (0, GOOD)


def test_the_change_that_the_page_tells_of_fails_a_case(directory: Path) -> None:
    loosened = POLICY.replace("coverage.line >= 0.80", "coverage.line >= 0.75")
    assert loosened != POLICY
    (directory / "tidegate.yaml").write_text(loosened)
    code, out = typed(directory, "policy", "test")
    assert code == 1
    assert FAILED in out


def test_the_share_that_the_page_asks_for_is_more_than_is_tried(directory: Path) -> None:
    assert typed(directory, "policy", "test", "--min-coverage", "80%", "--junit", "report.xml")[0] == 1
    assert (directory / "report.xml").is_file()


def test_first_cases_can_be_had_for_the_page_s_policy(directory: Path) -> None:
    (directory / "tidegate.tests.yaml").unlink()
    assert typed(directory, "policy", "test", "--init")[0] == 0
    assert typed(directory, "policy", "test")[0] == 0
