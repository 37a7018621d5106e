from __future__ import annotations

from pathlib import Path

import pytest

from tidegate.errors import NotFoundError
from tidegate.policyfile.presets import PRESETS, Presets


@pytest.fixture
def presets(tmp_path: Path) -> Presets:
    for name in ("a@1.yaml", "a@2.yaml", "a@10.yaml", "inner@1.yaml", "odd name@1.yaml", "a@01.yaml", "x.starter.yaml"):
        (tmp_path / name).write_text("# The policy of A. It has more to say.\ntidegate: 1\n")
    (tmp_path / "a.starter.yaml").write_text("tidegate: 1\nextends: [preset:a@10]\n")
    return Presets(tmp_path)


def test_presets_are_found_by_their_files(presets: Presets) -> None:
    assert presets.versions() == {"a": (1, 2, 10), "inner": (1,)}
    assert presets.offered() == ["a"]
    assert str(presets.find("a")) == "preset:a@10"
    assert str(presets.find("a@2")) == "preset:a@2"
    assert presets.starter("a").startswith(b"tidegate: 1")


@pytest.mark.parametrize(
    ("name", "what", "remedy"),
    [
        ("inner", 'no preset to begin with is called "inner"', "name one of: a"),
        ("x", 'no preset to begin with is called "x"', "name one of: a"),
        ("../a", 'no preset to begin with is called "../a"', "name one of: a"),
    ],
)
def test_only_presets_with_a_starter_can_be_begun_with(presets: Presets, name: str, what: str, remedy: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        presets.starter(name)
    assert (caught.value.what, caught.value.remedy) == (what, remedy)


def test_a_directory_without_presets_has_none(tmp_path: Path) -> None:
    empty = Presets(tmp_path / "none")
    assert (empty.versions(), empty.offered()) == ({}, [])
    with pytest.raises(NotFoundError, match='there is no preset "a"'):
        empty.find("a")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("# The policy of A. It has more to say.\n", "The policy of A."),
        ("# The policy of A, which\n# goes on here. And on.\ntidegate: 1\n", "The policy of A, which goes on here."),
        ("# yaml-language-server: $schema=x\n# One sentence.\n\n# Another.\n", "One sentence."),
        ("# A title\n#\n# A text.\n", "A title"),
        ("tidegate: 1\n", ""),
    ],
)
def test_a_preset_says_one_sentence_of_itself(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "a@1.yaml").write_text(text)
    assert Presets(tmp_path).find("a").sentence == sentence


def test_each_preset_of_tidegate_says_what_it_is() -> None:
    for name, versions in PRESETS.versions().items():
        for version in versions:
            assert PRESETS.get(name, version).sentence, f"{name}@{version}"
