"""The pages of the channels: each is listed, and names the settings that are really read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from tidegate.channels.registry import CHANNELS
from tidegate.core.policy import Delivery
from tidegate.store.outbox import MessageState

PROJECT = Path(__file__).resolve().parents[2]
FOLDER = PROJECT / "docs" / "channels"
INDEX = (FOLDER / "index.md").read_text()
HOWTO = (PROJECT / "docs" / "howto" / "tell-people.md").read_text()
SETTING = re.compile(r"\bTIDEGATE_(?:SMTP|SLACK|WEBHOOK)_[A-Z_]*[A-Z]\b")


def test_the_index_lists_every_channel_by_its_page() -> None:
    listed = re.findall(r"^\| \[`(\w+):[^`]*`\]\((\w+)\.md\) \|", INDEX, re.MULTILINE)
    assert sorted(scheme for scheme, _ in listed) == sorted(CHANNELS)
    assert all(scheme == page for scheme, page in listed)
    assert sorted(page.stem for page in FOLDER.glob("*.md") if page.stem != "index") == sorted(CHANNELS)


def test_the_pages_name_the_settings_that_are_read() -> None:
    source = "\n".join(path.read_text() for path in (PROJECT / "src/tidegate/channels").glob("*.py"))
    read = set(SETTING.findall(source)) - {"TIDEGATE_SLACK_WEBHOOK"}
    told = {name.removesuffix("_FILE") for page in FOLDER.glob("*.md") for name in SETTING.findall(page.read_text())}
    assert {name for name in told if not name.startswith("TIDEGATE_SLACK_WEBHOOK")} == read


@pytest.mark.parametrize("state", MessageState)
def test_the_guide_explains_every_state(state: MessageState) -> None:
    assert re.search(rf"^\| {state.value} \| ", HOWTO, re.MULTILINE)


def test_the_policy_of_the_guide_can_be_read() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", HOWTO, re.DOTALL)
    policy = yaml.safe_load(text)
    assert Delivery.model_validate(policy["delivery"], strict=False).escalate_to in policy["contacts"]
