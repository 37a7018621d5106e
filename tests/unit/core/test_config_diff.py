"""What differs between two configuration files, and that no secret is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.config_diff import HIDDEN, Change, SettingChange, differences
from tidegate.core.settings import Value

TOKEN = "tok3n-of-26-letters-and-1-digit"


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ({}, {"level": "info"}, SettingChange("level", Change.ADDED, None, "info")),
        ({"level": "info"}, {}, SettingChange("level", Change.REMOVED, "info", None)),
        ({"level": "info"}, {"level": "debug"}, SettingChange("level", Change.CHANGED, "info", "debug")),
        ({"on": 1}, {"on": True}, SettingChange("on", Change.CHANGED, "1", "true")),
        ({"a": None}, {"a": "x" * 200}, SettingChange("a", Change.CHANGED, "", "x" * 120 + "...")),
        ({"db_password": "a"}, {"db_password": "b"}, SettingChange("db_password", Change.CHANGED, HIDDEN, HIDDEN)),
        ({"name": TOKEN}, {"name": "plain"}, SettingChange("name", Change.CHANGED, HIDDEN, HIDDEN)),
        (
            {"db_password": "a"},
            {"db_password": "secret:env:DB"},
            SettingChange("db_password", Change.CHANGED, HIDDEN, "secret:env:DB"),
        ),
        (
            {"db_password": "secret:env:DB"},
            {"db_password": "secret:file:/run/db"},
            SettingChange("db_password", Change.CHANGED, "secret:env:DB", "secret:file:/run/db"),
        ),
    ],
)
def test_a_change_is_told_without_a_secret(
    before: dict[str, Value], after: dict[str, Value], change: SettingChange
) -> None:
    assert differences(before, after) == (change,)


VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
SETTINGS = st.dictionaries(st.sampled_from(["level", "db_password", "url"]), VALUES)


@given(SETTINGS, SETTINGS)
def test_what_is_secret_by_its_name_is_never_told(before: dict[str, Value], after: dict[str, Value]) -> None:
    found = {one.key: one for one in differences(before, after)}
    assert differences(before, before) == ()
    assert set(found) <= set(before) | set(after)
    if "db_password" in found:
        assert {found["db_password"].before, found["db_password"].after} <= {HIDDEN, None}
