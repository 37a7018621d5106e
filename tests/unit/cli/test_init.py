from __future__ import annotations

import json
from pathlib import Path

import pytest

from tidegate.cli.commands.init import starting_files, write_new
from tidegate.errors import ConflictError, NotFoundError, StoreError
from tidegate.policyfile import load_policy
from tidegate.policyfile.presets import PRESETS, Presets

STARTER = b"# yaml-language-server: $schema=./tidegate.schema.json\ntidegate: 1\nextends: [preset:small@1]\n"


@pytest.fixture
def presets(tmp_path: Path) -> Presets:
    directory = tmp_path / "presets"
    directory.mkdir()
    (directory / "small@1.yaml").write_text("# Small.\ntidegate: 1\norganization: Small\ntimezone: UTC\n")
    (directory / "small.starter.yaml").write_bytes(STARTER)
    return Presets(directory)


def test_a_starter_is_written_with_the_schema_that_its_first_line_names(tmp_path: Path, presets: Presets) -> None:
    directory = tmp_path / "new" / "deeper"
    write_new(directory, starting_files("small", presets))
    assert (directory / "tidegate.yaml").read_bytes() == STARTER
    assert json.loads((directory / "tidegate.schema.json").read_text())["title"] == "Tidegate policy"
    loaded = load_policy(directory / "tidegate.yaml", presets=presets)
    assert loaded.policy.organization == "Small"


@pytest.mark.parametrize("there", ["tidegate.yaml", "tidegate.schema.json"])
def test_nothing_is_written_where_one_of_the_files_is(tmp_path: Path, presets: Presets, there: str) -> None:
    (tmp_path / there).symlink_to("nowhere")
    with pytest.raises(ConflictError, match=r"there is a .*file already") as caught:
        write_new(tmp_path, starting_files("small", presets))
    assert caught.value.where == str(tmp_path / there)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("tidegate.")] == [there]
    assert not (tmp_path / "nowhere").exists()


def test_a_directory_that_is_a_file_is_told(tmp_path: Path, presets: Presets) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConflictError, match="there is a file already"):
        write_new(tmp_path / "file", starting_files("small", presets))
    with pytest.raises(StoreError, match="it cannot be written: Not a directory"):
        write_new(tmp_path / "file" / "below", starting_files("small", presets))


def test_an_unknown_preset_is_told_with_those_that_there_are(presets: Presets) -> None:
    with pytest.raises(NotFoundError) as caught:
        starting_files("smal", presets)
    assert caught.value.what == 'no preset to begin with is called "smal"; did you mean "small"?'
    assert caught.value.remedy == "name one of: small"


@pytest.mark.parametrize("name", PRESETS.offered())
def test_what_a_preset_of_tidegate_begins_with_is_a_policy(tmp_path: Path, name: str) -> None:
    write_new(tmp_path, starting_files(name))
    text = (tmp_path / "tidegate.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=./tidegate.schema.json\n")
    assert load_policy(tmp_path / "tidegate.yaml").files[-2].startswith(f"preset:{name}@")
