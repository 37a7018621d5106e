"""A policy of several files at the command line: begun with, checked, shown with origins, adopted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.shop import Shop
from tidegate.policyfile.presets import PRESETS

TOP = """\
tidegate: 1
extends: [./policy/base.yaml]
without: [communication]
release_types:
  minor: {notice: 2h}
"""


@pytest.fixture
def layered(shop: Shop) -> Shop:
    """The organisation, whose policy is a file that builds on another."""
    base = shop.root / "policy" / "base.yaml"
    base.parent.mkdir()
    base.write_text(shop.policy_text())
    (shop.root / "tidegate.yaml").write_text(TOP)
    return shop


def test_a_policy_of_two_files_is_checked_adopted_and_shown(layered: Shop) -> None:
    checked = layered.good("policy", "check", "--json").json
    assert "adopted tidegate.yaml as the first policy" in layered.good("plan", "shop").err
    stored = layered.good("policy", "show", "--json").json
    assert stored["digest"] == checked["digest"]
    assert stored["policy"]["release_types"]["minor"]["notice"] == "2h"
    assert "communication" not in stored["policy"]
    assert not {"extends", "without"} & set(stored["policy"])

    base = layered.root / "policy" / "base.yaml"
    base.write_text(base.read_text().replace("organization: Shop", "organization: Shops"))
    assert "tidegate.yaml is a proposal" in layered.good("release", "list").err
    layered.good("policy", "adopt", by="rita")
    assert layered.good("policy", "show", "--json").json["policy"]["organization"] == "Shops"
    assert "is a proposal" not in layered.good("release", "list").err


def test_every_value_is_shown_with_its_origin(layered: Shop) -> None:
    shown = layered.good("policy", "show", "--origin", "--path", "release_types.minor")
    assert shown.out.splitlines()[0] == "tidegate.yaml, on policy/base.yaml"
    base, top = "policy/base.yaml:19", "tidegate.yaml:5"
    rows = [
        ("    bump: minor", base),
        ("    approvals:", ""),
        ("      - from: module-team", base),
        ("        count: 2", base),
        ("      - from: tech-leads", base),
        ("    notice: 2h", top),
    ]
    assert shown.out.splitlines()[3:] == [
        "release_types:",
        "  minor:",
        *(text + origin.rjust(80 - len(text) if origin else 0) for text, origin in rows),
    ]
    whole = layered.good("policy", "show", "--file", "--json").json
    assert whole["files"] == ["policy/base.yaml", "tidegate.yaml"]
    values = {one["path"]: one for one in whole["values"]}
    assert values["release_types.minor.notice"] == {
        "path": "release_types.minor.notice",
        "value": "2h",
        "file": "tidegate.yaml",
        "line": 5,
        "column": 19,
    }
    assert not (layered.root / ".tidegate").exists()


def test_what_nobody_wrote_is_shown_when_it_is_asked_for(layered: Shop) -> None:
    words = ("policy", "show", "--path", "release_types.patch")
    assert "default" not in layered.good(*words).out
    assert layered.good(*words, "--defaults").out.splitlines()[-1].split() == ["from:", "branch", "default"]
    record = layered.good(*words, "--defaults", "--json").json["values"][-1]
    assert record == {
        "path": "release_types.patch.from",
        "value": "branch",
        "file": "default",
        "line": None,
        "column": None,
    }


def test_a_mistake_in_a_base_is_told_in_the_base(layered: Shop) -> None:
    base = layered.root / "policy" / "base.yaml"
    base.write_text(base.read_text().replace("permits: {open:", "permits: {opne:", 1))
    done = layered.run("policy", "check")
    assert done.code == 2
    head, what = done.out.splitlines()[:2]
    assert head == "✗ error: shape  policy/base.yaml:10:11"
    assert what.startswith('    unknown key "opne" in permits; did you mean')


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--path", "release_types.mino"), 5, 'did you mean\n  "release_types.minor"?'),
        (("--file", "none.yaml"), 5, "there is no policy file"),
        (("--file", "."), 2, "it is not a file"),
    ],
)
def test_what_cannot_be_shown(layered: Shop, words: tuple[str, ...], code: int, said: str) -> None:
    done = layered.run("policy", "show", *words)
    assert (done.code, done.out) == (code, "")
    assert said in done.err


def test_an_unknown_preset_is_told_with_those_that_there_are(shop: Shop) -> None:
    done = shop.run("init", "--preset", "none", "new")
    assert done.code == 5
    assert 'no preset to begin with is called "none"' in done.err
    assert not (shop.root / "new").exists()
    assert shop.run("policy", "presets", "none").code == 5


def test_a_directory_is_made_for_the_starter(shop: Shop) -> None:
    done = shop.good("init", "deep/new")
    assert "wrote deep/new/tidegate.yaml" in done.out
    assert "tidegate policy check deep/new/tidegate.yaml" in done.out
    shop.good("policy", "check", Path("deep/new/tidegate.yaml"))
    assert shop.run("init", "deep/new").code == 6


@pytest.mark.parametrize("name", PRESETS.offered())
def test_one_begins_with_a_preset(shop: Shop, name: str) -> None:
    begun = shop.good("init", "--preset", name, "new", "--json").json
    assert Path(begun["schema"]).name == "tidegate.schema.json"
    # The dates of 7d are wrong: see test_cli_presets.py.
    assert shop.run("policy", "check", "new/tidegate.yaml").code == (1 if name == "7d" else 0)
    assert f"preset:{name}@" in shop.good("policy", "show", "--file", "new/tidegate.yaml").out
    listed = {preset["name"]: preset for preset in shop.good("policy", "presets", "--json").json}
    assert listed[name]["starter"] is True
    assert f"preset:{name}@" in shop.good("policy", "presets").out
    assert shop.good("policy", "presets", name).out.startswith("#")
