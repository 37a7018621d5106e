"""Each of the five presets, begun with and checked as a person types it: what is found, where, and what is open."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support.shop import Done, Shop
from tests.support.shop import run_at as run_in
from tidegate.policyfile.presets import PRESETS

NAMES = ("mokowaas", "mokocrm", "towne-park", "helpdesk", "7d")
SPECS = Path(__file__).parents[2].parent / "shared" / "specs"


def run_at(directory: Path, *words: str | Path) -> Done:
    """Run ``tidegate`` there; what was read of the presets is kept for the next command."""
    return run_in(directory, *words, TIDEGATE_CACHE=os.environ["TIDEGATE_CACHE"])


@dataclass(frozen=True)
class Begun:
    """A preset that somebody began with, and what the check of it answered."""

    preset: str
    directory: Path
    done: Done

    @property
    def findings(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.done.json["findings"]
        return found

    def of(self, severity: str) -> list[dict[str, Any]]:
        return [finding for finding in self.findings if finding["severity"] == severity]

    def open(self) -> dict[str, str]:
        """What is undecided, by its id."""
        return {point["id"]: point["what"] for point in self.done.json["undecided"]}


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory in which nothing lies."""
    return tmp_path_factory.mktemp("elsewhere")


@pytest.fixture(scope="module")
def begin(tmp_path_factory: pytest.TempPathFactory, elsewhere: Path) -> Any:
    """Begins with a preset, once, and checks it from another directory."""

    @cache
    def begun(preset: str) -> Begun:
        directory = tmp_path_factory.mktemp("begun") / preset
        init = run_at(elsewhere, "init", "--preset", preset, directory)
        assert (init.code, init.err) == (0, "")
        return Begun(preset, directory, run_at(elsewhere, "policy", "check", directory / "tidegate.yaml", "--json"))

    return begun


@pytest.fixture(params=NAMES)
def begun(request: pytest.FixtureRequest, begin: Any) -> Begun:
    """Each of the five."""
    found: Begun = begin(request.param)
    return found


def at(begun: Begun, place: Mapping[str, Any]) -> str:
    """What stands at a place, to the end of its line."""
    name = place["file"]
    if name == str(begun.directory / "tidegate.yaml"):
        text = Path(name).read_text(encoding="utf-8")
    else:
        text = PRESETS.find(name.removeprefix("preset:")).content.decode()
    line: str = text.splitlines()[place["line"] - 1]
    return line[place["column"] - 1 :]


def spec(number: str) -> str:
    """A text of the five."""
    found = list(SPECS.glob(f"{number}_*.txt"))
    if not found:
        pytest.skip(f"the text {number} does not lie beside the project, in ../shared/specs")
    return found[0].read_text(encoding="utf-8")


def test_the_answer_has_the_keys_that_others_read(begun: Begun) -> None:
    answer = begun.done.json
    assert {"ok", "findings", "undecided"} <= set(answer)
    assert answer["ok"] is (not begun.of("error"))
    for finding in answer["findings"]:
        assert {"rule", "severity", "message", "remedy", "file", "line", "column"} <= set(finding)
        assert finding["severity"] in ("error", "warning", "note")
        assert finding["message"]
        assert finding["remedy"]
    for point in answer["undecided"]:
        assert {"id", "what", "default"} <= set(point)
        assert all(point[key] for key in ("id", "what", "default"))
    assert len(begun.open()) == len(answer["undecided"])
    assert begun.done.err == ""


def test_every_finding_is_at_a_place_where_something_stands(begun: Begun) -> None:
    for finding in begun.findings:
        for place in (finding, *finding["also"]):
            assert re.match(r"[\w\"'{\[$-]", at(begun, place)), place
            last = re.sub(r"\[\d+\]$", "", place["path"]).rpartition(".")[2]
            line = at(begun, {**place, "column": 1})
            # An entry of a list stands alone on its line; a key stands on that of its value.
            assert last in line or place["path"].endswith("]"), (place, line)


SIX = [
    ("platform 3.1.0", "2026-02-11"),
    ("billing 2.1.0", "2026-02-18"),
    ("fireproof-erp 5.2.0", "2026-02-25"),
    ("platform 3.2.0", "2026-03-04"),
    ("inventory 1.9.0", "2026-03-11"),
    ("fireproof-erp 5.3.0", "2026-03-18"),
]
"""7D-14: what is released, and the Wednesday on which it is dated."""

WARNINGS: Mapping[str, list[tuple[str, str]]] = {
    # 7D-18, the rule and what stands at its place.
    "7d": [
        ("contradiction.tag-format", "billing-v{version}"),
        ("contradiction.dated-twice", "2026-02-18, "),
        ("contradiction.stated-interval", "2026-03-11, "),
        ("contradiction.lead-time", "lead_time: "),
        ("contradiction.frequency", "daily, "),
    ],
    # HD-15.
    "helpdesk": [
        ("contradiction.timeline", "1-3 days"),
        ("contradiction.freeze-phase", "allows: "),
        ("contradiction.tag-before-merge", "main]"),
        ("contradiction.pipeline-bypass", "{does: deploy, environment: production"),
    ],
}


def test_only_the_six_dates_are_errors(begun: Begun) -> None:
    errors = [(f["rule"], at(begun, f)[:10], f["message"].partition(" is dated ")[0]) for f in begun.of("error")]
    expected = [("contradiction.stated-date", day, what) for what, day in SIX] if begun.preset == "7d" else []
    assert errors == expected
    assert begun.done.code == (1 if expected else 0)
    for finding, (what, day) in zip(begun.of("error"), SIX, strict=bool(expected)):
        assert finding["message"].startswith(f"{what} is dated {day}, a Wednesday; the ")
        assert "train runs every" in finding["message"]


def test_only_the_contradictions_of_the_ledger_are_warnings(begun: Begun) -> None:
    expected = WARNINGS.get(begun.preset, [])
    found = begun.of("warning")
    assert [finding["rule"] for finding in found] == [rule for rule, _ in expected]
    for finding, (rule, text) in zip(found, expected, strict=True):
        assert at(begun, finding).startswith(text), rule


@pytest.mark.parametrize("preset", ["mokowaas", "mokocrm"])
def test_moko_names_every_point_that_its_text_leaves_to_be_defined(begin: Any, preset: str) -> None:
    text = spec("000")
    brackets = re.findall(r"\[To be defined[^\]]*\]", text)
    assert len(brackets) == text.count("To be defined") == 62
    points = [what for what in begin(preset).open().values() if "To be defined" in what]
    assert [re.findall(r"\[To be defined[^\]]*\]", what) for what in points] == [[bracket] for bracket in brackets]
    # In the words of the text: what stands before the bracket is what the text calls the point.
    plain = " ".join(text.replace("*", "").split())
    subjects = [what.rpartition(": [")[0] for what in points]
    assert [subject for subject in subjects if subject not in plain] == []


def test_the_placeholders_of_helpdesk_are_open(begin: Any) -> None:
    text = spec("003")
    assert (text.count("[contact]"), text.count("[link]")) == (5, 2)
    found = begin("helpdesk").open()
    said = re.compile(r"what stands for (\[.+\]) in [a-z.-]+")
    placeholders = {name: match[1] for name, what in found.items() if (match := said.fullmatch(what))}
    assert placeholders == {
        "contacts.development.reach": "[contact]",
        "contacts.devops.reach": "[contact]",
        "contacts.security.reach": "[contact]",
        "contacts.management.reach": "[contact]",
        "contacts.support.reach": "[contact]",
        "contacts.documentation.reach": "[link]",
        "contacts.issues.reach": "[link]",
    }


def test_towne_park_leaves_six_cells_and_its_figures_open(begin: Any) -> None:
    found = begin("towne-park").open()
    levels = ("low", "medium", "high")
    cells = {f"risk.{impact}.{probability}" for impact in levels for probability in levels if impact != probability}
    assert {name for name in found if name.startswith("risk.")} == cells
    # TP-12, and TP-16: the performance targets that a release must meet.
    figures = ("defect_escape_rate", "test_coverage", "deployment_success_rate", "rollback_frequency")
    times = ("deployment_time", "recovery_time", "change_lead_time", "release_frequency", "performance")
    assert {name for name in found if name.startswith("target.")} == {f"target.{name}" for name in (*figures, *times)}
    assert {"TP.coverage", "TP.benchmarks"} <= set(found)


def test_the_schema_lies_beside_the_file_that_names_it(begun: Begun, elsewhere: Path) -> None:
    first = (begun.directory / "tidegate.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first == "# yaml-language-server: $schema=./tidegate.schema.json"
    schema = (begun.directory / "tidegate.schema.json").read_text(encoding="utf-8")
    assert schema == run_at(elsewhere, "policy", "schema").out


def test_what_lies_there_is_never_overwritten(begin: Any, elsewhere: Path) -> None:
    directory = begin("7d").directory
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    again = run_at(elsewhere, "init", "--preset", "helpdesk", directory, "--json")
    assert again.code == 6
    assert again.json["error"]["what"] == "there is a policy file already"
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before


def test_a_schema_that_lies_there_is_not_overwritten_either(tmp_path: Path) -> None:
    (tmp_path / "tidegate.schema.json").write_text("mine")
    done = run_at(tmp_path, "init", "--preset", "7d", "--json")
    assert (done.code, done.json["error"]["what"]) == (6, "there is a file already")
    assert [path.name for path in tmp_path.iterdir()] == ["tidegate.schema.json"]
    assert (tmp_path / "tidegate.schema.json").read_text() == "mine"


def laid_on(begun: Begun, directory: Path, more: str) -> Done:
    """The check of the begun file with more keys, in a directory of its own."""
    directory.mkdir()
    file = directory / "tidegate.yaml"
    file.write_text((begun.directory / "tidegate.yaml").read_text(encoding="utf-8") + more, encoding="utf-8")
    return run_at(directory, "policy", "check", "--json")


CALENDAR = """
calendar:
  dates:
    - {date: 2026-02-03, train: platform, component: platform, version: 3.1.0, tag: platform/v3.1.0}
    - {date: 2026-02-24, train: modules, component: billing, version: 2.1.0, tag: billing/v2.1.0}
    - {date: 2026-02-10, train: products, component: fireproof-erp, version: 5.2.0, tag: fireproof-erp/v5.2.0}
    - {date: 2026-03-03, train: platform, component: platform, version: 3.2.0, tag: platform/v3.2.0}
    - {date: 2026-03-10, train: modules, component: inventory, version: 1.9.0, tag: inventory/v1.9.0}
    - {date: 2026-03-10, train: products, component: fireproof-erp, version: 5.3.0, tag: fireproof-erp/v5.3.0}
"""
"""The schedule of 7D-14 on Tuesdays, as the remedies say."""


def test_once_the_dates_are_tuesdays_there_is_no_error(begin: Any, tmp_path: Path) -> None:
    done = laid_on(begin("7d"), tmp_path / "mended", CALENDAR)
    assert done.code == 0
    assert done.json["ok"] is True
    left = ["contradiction.tag-format", "contradiction.lead-time", "contradiction.frequency"]
    assert [f["rule"] for f in done.json["findings"] if f["severity"] == "warning"] == left


def test_a_date_that_was_missed_is_found_in_the_file_itself(begin: Any, tmp_path: Path) -> None:
    more = CALENDAR.replace("2026-03-10, train: modules", "2026-03-11, train: modules")
    done = laid_on(begin("7d"), tmp_path / "missed", more)
    (error,) = (f for f in done.json["findings"] if f["severity"] == "error")
    assert (done.code, error["rule"], error["file"]) == (1, "contradiction.stated-date", "tidegate.yaml")
    line = (tmp_path / "missed" / "tidegate.yaml").read_text().splitlines()[error["line"] - 1]
    assert line[error["column"] - 1 :].startswith("2026-03-11, train: modules, component: inventory")
    assert error["remedy"] == "write 2026-03-10 or 2026-03-24, or change trains.modules"


WEAKER = "\nrelease_types:\n  major: {notice: 1d}\n"


def weakened(done: Done) -> list[dict[str, Any]]:
    return [finding for finding in done.json["findings"] if finding["rule"] == "override.weakens"]


def test_who_asks_for_less_than_the_preset_is_warned_until_they_own_up(begin: Any, tmp_path: Path) -> None:
    (warning,) = weakened(laid_on(begin("7d"), tmp_path / "silent", WEAKER))
    assert warning["severity"] == "warning"
    assert warning["message"].startswith("the file asks for less than what it builds on: release_types.major.notice")
    assert (warning["file"], warning["path"]) == ("tidegate.yaml", "release_types.major.notice")
    line = (tmp_path / "silent" / "tidegate.yaml").read_text().splitlines()[warning["line"] - 1]
    assert line[warning["column"] - 1 :] == "1d}"
    owned = WEAKER + 'deviations: {release_types.major.notice: "Erin, 2026-03-02: our customers update at once"}\n'
    assert weakened(laid_on(begin("7d"), tmp_path / "owned", owned)) == []
    more = "\nrelease_types:\n  major: {notice: 60d}\n"
    assert weakened(laid_on(begin("7d"), tmp_path / "stricter", more)) == []


def test_the_installed_command_answers_as_well(shop: Shop, begin: Any) -> None:
    file = begin("helpdesk").directory / "tidegate.yaml"
    assert shop.run_installed("policy", "check", file, "--json").json == begin("helpdesk").done.json
