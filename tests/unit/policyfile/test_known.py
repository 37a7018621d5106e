from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.policyfile.policies import GOOD
from tidegate.errors import PolicyError
from tidegate.policyfile import extending, known, load
from tidegate.policyfile.load import LoadedPolicy, load_policy, look_into

FILLER = "# filler\n" * 500


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The cache of one test; what this process remembers of policies is forgotten before and after it."""
    monkeypatch.setenv("TIDEGATE_CACHE", str(tmp_path / "cache"))
    forget()
    yield tmp_path / "cache"
    forget()


def forget() -> None:
    load._looked_into.cache_clear()
    load._laid.cache_clear()
    extending._read.cache_clear()


def loaded_again(path: Path) -> LoadedPolicy:
    """The policy as another process would load it."""
    forget()
    return load_policy(path, "tidegate.yaml")


def entries(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.policy"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A policy that builds on a file beside it."""
    (tmp_path / "base.yaml").write_text(GOOD + FILLER)
    path = tmp_path / "tidegate.yaml"
    path.write_text("tidegate: 1\nextends: [base.yaml]\norganization: Another\n")
    return path


def test_a_known_policy_is_the_policy_that_was_read(
    path: Path, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = loaded_again(path)
    assert len(entries(directory)) == 1
    monkeypatch.setattr(load, "_read_now", lambda _: pytest.fail("it was read anew"))

    again = loaded_again(path)

    assert (again.policy, again.digest, again.resolved) == (first.policy, first.digest, first.resolved)
    assert again.policy.model_fields_set == first.policy.model_fields_set
    assert again.rulebook.conditions.keys() == first.rulebook.conditions.keys()
    assert again.where(("organization",)) == first.where(("organization",)) == "tidegate.yaml:3:15"
    assert again.where(("gates", "tests")) == first.where(("gates", "tests"))
    assert again.where(("gates", "tests")).startswith("base.yaml:")


def test_what_a_policy_builds_on_is_part_of_what_is_known(path: Path, directory: Path) -> None:
    first = loaded_again(path)
    base = path.with_name("base.yaml")
    base.write_text(base.read_text().replace("timezone: America/Los_Angeles", "timezone: America/New_York"))

    changed = loaded_again(path)

    assert changed.policy.timezone == "America/New_York"
    assert changed.digest != first.digest
    assert len(entries(directory)) == 2


@pytest.mark.parametrize("spoil", ["cut", "digit", "head"])
def test_what_is_not_as_it_was_written_is_read_anew(path: Path, directory: Path, spoil: str) -> None:
    first = loaded_again(path)
    (entry,) = entries(directory)
    written = entry.read_bytes()
    spoiled = {
        "cut": written[:-1],
        "digit": written.replace(b'"tidegate": 1', b'"tidegate": 2').replace(b'"tidegate":1', b'"tidegate":2'),
        "head": written.replace(b" policy 1 by ", b" policy 0 by ", 1),
    }[spoil]
    assert spoiled != written
    entry.write_bytes(spoiled)

    again = loaded_again(path)

    assert (again.policy, again.digest) == (first.policy, first.digest)
    assert entry.read_bytes() == written


def test_another_code_knows_nothing(path: Path, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded_again(path)
    (entry,) = entries(directory)
    written = entry.read_bytes()
    monkeypatch.setattr(known, "_code", lambda: "another")

    loaded_again(path)

    assert b" by another " in entry.read_bytes().partition(b"\n")[0]
    assert entry.read_bytes().partition(b"\n")[2] == written.partition(b"\n")[2]


def test_a_policy_with_mistakes_of_shape_is_not_kept(path: Path, directory: Path) -> None:
    path.write_text(path.read_text() + "gates: 5\n")
    for _ in range(2):
        with pytest.raises(PolicyError, match=r"^tidegate\.yaml:4:8: gates is the number 5, expected a mapping$"):
            loaded_again(path)
    assert entries(directory) == []


def test_names_that_lead_nowhere_are_told_where_they_stand_in_a_known_policy_too(path: Path, directory: Path) -> None:
    path.write_text(path.read_text() + "environments: {staging: {gates: [test]}}\n")
    told = []
    for _ in range(2):
        forget()
        told.append([str(mistake) for mistake in look_into(path, "tidegate.yaml")[1]])
    assert len(entries(directory)) == 1
    assert told[0] == told[1]
    assert 'tidegate.yaml:4:34: unknown gate "test"; did you mean "tests"?' in told[1]


def test_a_small_policy_is_not_kept(tmp_path: Path, directory: Path) -> None:
    path = tmp_path / "tidegate.yaml"
    path.write_text("tidegate: 1\norganization: Small\ntimezone: Europe/Berlin\n")
    loaded_again(path)
    assert entries(directory) == []


def test_nothing_is_kept_where_the_cache_is_off(path: Path, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_CACHE", "off")
    assert loaded_again(path).policy == loaded_again(path).policy
    assert not directory.exists()
