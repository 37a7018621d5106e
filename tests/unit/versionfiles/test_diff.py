"""The difference of an edit is what ``diff -u`` and ``git apply`` know."""

from __future__ import annotations

import difflib
import subprocess
from pathlib import Path

import pytest

from tests.support.version_files import SAMPLES, Sample, edited
from tidegate.versionfiles.diff import unified

SPREAD = "".join(f"{n} 1.2.0 # tidegate: version\n" if n in (1, 3, 4, 12, 20) else f"{n}\n" for n in range(1, 25))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_it_is_what_difflib_makes_of_the_files(sample: Sample) -> None:
    edit = edited(sample.name, sample.at("1.2.0"), "1.2.0", "1.3.0", *sample.names)
    before, after = (content.decode().splitlines() for content in (edit.before, edit.after))
    made = list(difflib.unified_diff(before, after, f"a/{edit.path}", f"b/{edit.path}", lineterm=""))
    assert [line for line in unified(edit) if not line.startswith("@@")] == [
        line for line in made if not line.startswith("@@")
    ]


@pytest.mark.parametrize(
    "shape", [lambda text: text, lambda text: text.rstrip("\n"), lambda text: text.replace("\n", "\r\n")]
)
@pytest.mark.parametrize("text", [SPREAD, "1.2.0 # tidegate: version\n", "a\nb\n1.2.0 # tidegate: version\nc\n"])
def test_git_applies_it(text: str, shape, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    edit = edited("notes.txt", shape(text))
    (tmp_path / "notes.txt").write_bytes(edit.before)
    # The lines of the difference are without their ends; `\r` is part of a line to Git.
    end = "\r\n" if b"\r" in edit.before else "\n"
    lines = [
        line + (end if line[0] in " +-" and not line.startswith(("+++", "---")) else "\n") for line in unified(edit)
    ]
    done = subprocess.run(
        ["git", "apply", "-"], input="".join(lines).encode(), cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    assert (tmp_path / "notes.txt").read_bytes() == edit.after


def test_hunks_far_from_each_other_are_apart() -> None:
    heads = [line for line in unified(edited("notes.txt", SPREAD)) if line.startswith("@@")]
    assert heads == ["@@ -1,7 +1,7 @@", "@@ -9,7 +9,7 @@", "@@ -17,7 +17,7 @@"]


def test_what_does_not_change_has_no_difference() -> None:
    assert unified(edited("package.json", '{"version": "1.3.0"}')) == ()
