"""Zips: the same bytes from the same tree, read by other tools as they were committed."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import stat
import subprocess
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.artifacts import order, store_at
from tests.support.gitrepo import GitRepository
from tests.support.gitstories import Content, GitStory
from tidegate.artifacts.registry import KINDS, kind_named
from tidegate.errors import UsageError
from tidegate.git.archive import Package, build_package
from tidegate.git.repository import open_repository
from tidegate.git.tarball import Entry
from tidegate.git.ziparchive import zip_stored

FILES: dict[str, Content] = {
    "m/run.sh": ("100755", "#!/bin/sh\n"),
    "m/app.py": "print('ä')\n",
    "m/deep/a/b/c.txt": b"\x00\xff" * 40_000,
    "m/ü/" + "long" * 60: "x",
    "m/current": ("120000", "deep/a"),
    "m/empty": "",
    "other/x": "1",
}
GOLDEN = "sha256:b9f3a0da0d71f92e448093e37798f80ce72546b78f8a9c19c7d5c9e7f13f03c4"


def zipped(folder: Path, files: dict[str, Content], name: str = "package.zip") -> Package:
    with GitStory(folder) as story:
        story.commit("feat: begin", files)
    return build_package(open_repository(folder), "HEAD", "m", folder / name, form="zip")


def test_a_zip_holds_the_files_as_committed(tmp_path: Path) -> None:
    made = zipped(tmp_path, FILES)
    with zipfile.ZipFile(made.path) as opened:
        assert opened.testzip() is None
        infos = opened.infolist()
        assert [info.filename for info in infos] == sorted((info.filename for info in infos), key=os.fsencode)
        assert opened.read("deep/a/b/c.txt") == b"\x00\xff" * 40_000
        assert opened.read("current") == b"deep/a"
        modes = {info.filename: info.external_attr >> 16 for info in infos}
    assert stat.S_ISLNK(modes["current"])
    assert (modes["run.sh"], modes["app.py"]) == (0o100755, 0o100644)
    assert {info.date_time for info in infos} == {(1980, 1, 1, 0, 0, 0)}
    assert {(info.compress_type, info.create_system, info.extra) for info in infos} == {(zipfile.ZIP_STORED, 3, b"")}


def test_the_bytes_are_the_same_on_every_machine(tmp_path: Path) -> None:
    made = zipped(tmp_path, FILES)
    assert made.digest == GOLDEN
    assert made.digest == "sha256:" + hashlib.sha256(made.path.read_bytes()).hexdigest()
    assert made.size == made.path.stat().st_size


@pytest.mark.skipif(not shutil.which("unzip"), reason="unzip is not installed")
def test_unzip_restores_modes_and_links(tmp_path: Path) -> None:
    made = zipped(tmp_path / "repository", FILES)
    subprocess.run(["unzip", "-q", made.path, "-d", tmp_path / "out"], check=True)
    assert (tmp_path / "out" / "current").readlink() == Path("deep/a")
    assert (tmp_path / "out" / "run.sh").stat().st_mode & 0o777 == 0o755


def test_more_entries_than_a_plain_zip_can_count() -> None:
    data = b"".join(zip_stored(Entry(b"%06d" % number, b"") for number in range(70_000)))
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        assert len(opened.infolist()) == 70_000


def test_a_file_further_on_than_a_plain_zip_can_point(tmp_path: Path) -> None:
    # Nine times the same gibibyte: only the file on the disk is large, and it is sparse.
    piece, file = bytes(1 << 29), tmp_path / "large.zip"
    with file.open("wb") as out:
        for part in zip_stored([*(Entry(b"%d" % n, piece) for n in range(9)), Entry(b"last", b"here")]):
            if part is piece:
                out.seek(len(part), os.SEEK_CUR)
            else:
                out.write(part)
    with zipfile.ZipFile(file) as opened:
        assert opened.read("last") == b"here"
        assert opened.getinfo("last").header_offset > 1 << 32


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\\\0/"), min_size=1, max_size=40)


@given(st.dictionaries(names, st.tuples(st.binary(max_size=200), st.booleans()), max_size=8))
def test_whatever_is_packed_comes_back(files: dict[str, tuple[bytes, bool]]) -> None:
    entries = [Entry(name.encode(), content, is_executable=run) for name, (content, run) in files.items()]
    with zipfile.ZipFile(io.BytesIO(b"".join(zip_stored(entries)))) as opened:
        assert {info.filename: opened.read(info) for info in opened.infolist()} == {
            name: content for name, (content, _) in files.items()
        }


@pytest.mark.parametrize("name", [b"a\\..\\b", b"\xff", b""])
def test_names_that_mean_something_else_elsewhere_are_refused(name: bytes) -> None:
    with pytest.raises(UsageError, match="is a name that no zip can carry to every system") as caught:
        list(zip_stored([Entry(name, b"")]))
    assert caught.value.remedy == "Rename the file, or pack it as tar.gz."


@pytest.mark.parametrize("form", ["tar.gz", "zip"])
def test_an_archive_is_the_same_from_any_clone(git_repository: GitRepository, tmp_path: Path, form: str) -> None:
    git_repository.commit("feat: first", {"shop/a.txt": "1", "other/b.txt": "2"})
    kind = kind_named("archive")
    first = kind.build(order(git_repository, archive="shop", format=form, folder="shop"), store_at(tmp_path))
    assert first.file == f"shop-2.1.0.{form}"
    git_repository.commit("fix: elsewhere", {"other/b.txt": "3"})
    second = kind.build(order(git_repository, archive="shop", format=form, folder="shop"), store_at(tmp_path / "two"))
    assert (second.digest, second.size) == (first.digest, first.size)
    assert kind.check(first.digest, store_at(tmp_path)) == first.size
    assert kind.is_reproducible


def test_every_kind_is_called_as_the_policy_calls_it() -> None:
    from tidegate.core.policy import Artifact

    assert set(KINDS) == set(Artifact.choices) == {kind_named(name).name for name in KINDS}
