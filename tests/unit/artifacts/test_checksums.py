"""``SHA256SUMS``, against the real ``sha256sum`` in both directions."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.artifacts.checksums import FILE, read, verify, write
from tidegate.core.canonical import digest
from tidegate.errors import NotFoundError, UsageError

needs_sha256sum = pytest.mark.skipif(not shutil.which("sha256sum"), reason="sha256sum (coreutils) is not installed")
NAMES = ["a.zip", "with space", "back\\slash", "line\nbreak", "return\rcarriage", "*star", "-dash", "é"]


def folder(tmp_path: Path) -> Path:
    for name in NAMES:
        (tmp_path / name).write_text(name)
    return tmp_path


@needs_sha256sum
def test_sha256sum_reads_what_we_write(tmp_path: Path) -> None:
    here = folder(tmp_path)
    (here / FILE).write_text(write({name: digest(name.encode()) for name in NAMES}), newline="")
    done = subprocess.run(["sha256sum", "--check", "--strict", FILE], cwd=here, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (here / "a.zip").write_text("changed")
    assert subprocess.run(["sha256sum", "--check", FILE], cwd=here, capture_output=True).returncode == 1


@needs_sha256sum
def test_we_read_what_sha256sum_writes(tmp_path: Path) -> None:
    here = folder(tmp_path)
    done = subprocess.run(["sha256sum", "--", *NAMES], cwd=here, capture_output=True, check=True)
    (here / FILE).write_bytes(done.stdout)
    assert verify(here / FILE) == dict.fromkeys(NAMES, True)
    (here / "a.zip").write_text("changed")
    (here / "é").unlink()
    assert [name for name, holds in verify(here / FILE).items() if not holds] == ["a.zip", "é"]


@given(st.dictionaries(st.text(min_size=1).filter(lambda name: "\0" not in name), st.binary().map(digest), min_size=1))
def test_what_is_written_is_read_again(digests: dict[str, str]) -> None:
    assert read(write(digests), FILE) == digests


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "SHA256SUMS:1: this is no line of a list of checksums"),
        ("hello", "SHA256SUMS:1: this is no line of a list of checksums"),
        (f"{'a' * 64} *a\n{'a' * 63} *b\n", "SHA256SUMS:2: this is no line of a list of checksums"),
        (f"{'a' * 64} *a\n{'b' * 64} *a\n", "SHA256SUMS:2: 'a' stands there twice"),
    ],
)
def test_what_is_no_list(text: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        read(text, FILE)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/b", "..", "."])
def test_only_files_beside_the_list_are_looked_at(tmp_path: Path, name: str) -> None:
    (tmp_path / FILE).write_text(f"{'a' * 64} *{name}\n")
    with pytest.raises(UsageError, match="is not a file beside the list"):
        verify(tmp_path / FILE)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no such list of checksums"):
        verify(tmp_path / FILE)
    (tmp_path / FILE).write_bytes(b"x" * (2 << 20))
    with pytest.raises(UsageError, match="the list has more than 1048576 bytes"):
        verify(tmp_path / FILE)
