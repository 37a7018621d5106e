"""Packages: the same bytes from the same tree, and nothing in them that leads out."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import os
import subprocess
import tarfile
import zlib
from pathlib import Path

import pytest

from tests.support.gitstories import Content, GitStory
from tidegate.errors import NotFoundError, RepositoryError, TidegateError, UsageError, WorldError
from tidegate.git.archive import Package, build_package, digest_of_file
from tidegate.git.repository import open_repository
from tidegate.git.tarball import ENTRY_TIME_S

FILES: dict[str, Content] = {
    "m/run.sh": ("100755", "#!/bin/sh\n"),
    "m/app.py": "print('ä')\n",
    "m/deep/a/b/c.txt": b"\x00\xff" * 40_000,
    "m/ü/" + "long" * 60: "x",
    "m/current": ("120000", "deep/a"),
    "m/empty": "",
    "other/x": "1",
}
GOLDEN = "sha256:dcd9407a4860aab3a1c9df6768f41f50d296d54f5357f5236aea183a79f63bc4"


def package(folder: Path, revision: str = "HEAD", path: str = "m", prefix: str = "") -> Package:
    return build_package(open_repository(folder), revision, path, folder / "package.tar.gz", prefix)


def story_of(folder: Path, files: dict[str, Content], object_format: str = "sha1") -> Path:
    with GitStory(folder, object_format) as story:
        story.commit("feat: begin", files)
    return folder


def test_a_package_holds_the_components_files_as_committed(tmp_path: Path) -> None:
    made = package(story_of(tmp_path, FILES), prefix="m-1.0.0")
    with tarfile.open(made.path) as archive:
        entries = archive.getmembers()
        contents = {entry.name: archive.extractfile(entry) for entry in entries if entry.isreg()}
        read = {name: file.read() for name, file in contents.items() if file is not None}
    assert [entry.name for entry in entries] == sorted((entry.name for entry in entries), key=os.fsencode)
    assert read["m-1.0.0/deep/a/b/c.txt"] == b"\x00\xff" * 40_000
    assert read["m-1.0.0/app.py"] == "print('ä')\n".encode()
    assert {entry.name: entry.linkname for entry in entries if entry.issym()} == {"m-1.0.0/current": "deep/a"}
    assert {entry.name: entry.mode for entry in entries if "." in entry.name.rpartition("/")[2]} == {
        "m-1.0.0/run.sh": 0o755,
        "m-1.0.0/app.py": 0o644,
        "m-1.0.0/deep/a/b/c.txt": 0o644,
    }
    assert {(entry.uid, entry.gid, entry.uname, entry.gname, entry.mtime) for entry in entries} == {
        (0, 0, "", "", ENTRY_TIME_S)
    }


def test_the_digest_is_that_of_the_file_and_the_commit_is_told(tmp_path: Path) -> None:
    made = package(story_of(tmp_path, FILES))
    raw = made.path.read_bytes()
    assert made.digest == "sha256:" + hashlib.sha256(raw).hexdigest() == digest_of_file(made.path)
    assert (made.size, made.commit) == (len(raw), open_repository(tmp_path).head())


def test_the_bytes_are_the_same_on_every_machine(tmp_path: Path) -> None:
    """A change of these bytes, whoever causes it, voids approvals: it is a decision, not an accident."""
    assert package(story_of(tmp_path / "one", FILES)).digest == GOLDEN
    assert package(story_of(tmp_path / "two", FILES, "sha256")).digest == GOLDEN


def test_the_bytes_do_not_depend_on_the_commit_the_surroundings_or_another_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with GitStory(tmp_path) as story:
        first = story.commit("feat: begin", FILES)
        second = story.commit("feat: elsewhere", {"other/x": "2", "mm/x": "1"}, author="Bob <b@example.org>")
    before = package(tmp_path, first)
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    previous = os.umask(0o077)
    try:
        after = package(tmp_path, second)
    finally:
        os.umask(previous)
    assert before.digest == after.digest
    assert before.commit != after.commit


def test_the_whole_is_readable_by_other_tools(tmp_path: Path) -> None:
    made = package(story_of(tmp_path, FILES))
    listed = subprocess.run(["tar", "tzf", str(made.path)], check=True, capture_output=True).stdout
    assert len(listed.splitlines()) == 6
    raw = gzip.decompress(made.path.read_bytes())
    assert len(raw) % 10240 == 0
    assert zlib.crc32(raw).to_bytes(4, "little") == made.path.read_bytes()[-8:-4]
    assert made.path.read_bytes()[4:8] == bytes(4), "no time in the header"


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 65535, 65536, 131070, 200_000])
def test_files_of_any_size_come_back(tmp_path: Path, size: int) -> None:
    content = bytes(number % 251 for number in range(size))
    made = package(story_of(tmp_path, {"m/file": content}))
    with tarfile.open(fileobj=io.BytesIO(made.path.read_bytes())) as archive:
        file = archive.extractfile("file")
        assert file is not None
        assert file.read() == content


def test_names_of_any_bytes_and_lengths_come_back(tmp_path: Path) -> None:
    names = ["x" * 100, "x" * 101, "d/" * 60 + "ä", "odd\udcff", "line\nend", "sp ace"]
    links: dict[str, Content] = {"link": ("120000", "d/" * 80 + "ü"), "binary": ("120000", "odd\udcff")}
    made = package(
        story_of(tmp_path, {**{f"m/{name}": name for name in names}, **{f"m/{k}": v for k, v in links.items()}})
    )
    with tarfile.open(made.path) as archive:
        entries = archive.getmembers()
    assert {entry.name for entry in entries} == {*names, *links}
    assert {entry.name: entry.linkname for entry in entries if entry.issym()} == {
        "link": "d/" * 80 + "ü",
        "binary": "odd\udcff",
    }
    (tmp_path / "out").mkdir()
    subprocess.run(["tar", "xzf", str(made.path), "-C", str(tmp_path / "out")], check=True)
    assert (tmp_path / "out" / "sp ace").read_text() == "sp ace"


def test_attributes_neither_drop_nor_change_files(tmp_path: Path) -> None:
    attributes = "secret.txt export-ignore\nstamp.txt export-subst\n*.txt text eol=crlf\n"
    files: dict[str, Content] = {
        "m/.gitattributes": attributes,
        "m/secret.txt": "kept\n",
        "m/stamp.txt": "$Format:%H$\n",
    }
    made = package(story_of(tmp_path, files))
    with tarfile.open(made.path) as archive:
        names = archive.getnames()
        stamp = archive.extractfile("stamp.txt")
        assert stamp is not None
        assert stamp.read() == b"$Format:%H$\n"
    assert names == [".gitattributes", "secret.txt", "stamp.txt"]


def test_a_component_of_one_file_is_packed_under_its_name(tmp_path: Path) -> None:
    made = package(story_of(tmp_path, FILES), path="m/app.py")
    with tarfile.open(made.path) as archive:
        assert archive.getnames() == ["app.py"]


@pytest.mark.parametrize(
    ("links", "outside"),
    [
        ({"a/l": "../b/x"}, None),
        ({"a/l": "./../a/./m"}, None),
        ({"l": "nothing/here"}, None),
        ({"a/l": "../.."}, "a/l"),
        ({"l": ".."}, "l"),
        ({"l": "/etc/passwd"}, "l"),
        ({"l": ""}, "l"),
        ({"l": "l"}, "l"),
        ({"a/one": "two", "a/two": "one"}, "a/one"),
        # By spelling a/b/t is a/b/x; by the way the kernel goes it is beside the package.
        ({"a/b/s": "../..", "a/b/t": "s/../x"}, "a/b/t"),
        ({"a/b/s": "../c", "a/b/t": "s/../../x"}, None),
        ({"one": "two/..", "two": "a/b"}, None),
        ({"one": "two/..", "two": "three", "three": "a/../.."}, "one"),
    ],
)
def test_links_must_stay_inside(tmp_path: Path, links: dict[str, str], outside: str | None) -> None:
    files: dict[str, Content] = {f"m/{name}": ("120000", target) for name, target in links.items()}
    folder = story_of(tmp_path, {"m/file": "1", **files})
    if outside is None:
        with tarfile.open(package(folder).path) as archive:
            assert {entry.name for entry in archive if entry.issym()} == set(links)
        return
    with pytest.raises(UsageError) as caught:
        package(folder)
    assert str(caught.value) == (f'the symbolic link "{outside}" leads to "{links[outside]}", outside the package')
    assert not (tmp_path / "package.tar.gz").exists()


def test_a_submodule_is_refused(tmp_path: Path) -> None:
    story_of(tmp_path, {"m/file": "1", "m/vendor": ("160000", "a" * 40)})
    with pytest.raises(UsageError, match='"m/vendor" is a submodule: its files are in another repository'):
        package(tmp_path)


def test_a_tree_with_a_name_that_leads_out_is_refused(tmp_path: Path) -> None:
    story_of(tmp_path, {"m/file": "1"})
    git = ["git", "-C", str(tmp_path)]
    blob = subprocess.run([*git, "rev-parse", "HEAD:m/file"], check=True, capture_output=True).stdout.strip()
    entry = b"100644 ..\0" + bytes.fromhex(blob.decode())
    tree = hashed(git, "tree", entry)
    top = hashed(git, "tree", b"40000 m\0" + bytes.fromhex(tree))
    who = b"A <a@example.org> 1 +0000"
    commit = hashed(git, "commit", b"tree %s\nauthor %s\ncommitter %s\n\nx" % (top.encode(), who, who))
    with pytest.raises(UsageError, match=r'"m/\.\." is a name that no package may hold'):
        package(tmp_path, commit)


def hashed(git: list[str], kind: str, raw: bytes) -> str:
    command = [*git, "hash-object", "-t", kind, "-w", "--literally", "--stdin"]
    return subprocess.run(command, input=raw, check=True, capture_output=True).stdout.decode().strip()


@pytest.mark.parametrize("prefix", ["../out", "/out", "a/../../b"])
def test_a_prefix_cannot_lead_out(tmp_path: Path, prefix: str) -> None:
    with pytest.raises(UsageError, match=r"^the path "):
        package(story_of(tmp_path, FILES), prefix=prefix)


def test_nothing_to_pack_is_said(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        story.commit("chore: nothing", {})
    with pytest.raises(NotFoundError, match=r'there are no files in "\." at commit'):
        package(tmp_path, path=".")


def test_a_package_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    folder = story_of(tmp_path, {"m/a": "1", "m/z": "2"})
    repository = open_repository(folder)
    blob = repository.git("ls-tree", "HEAD", "--", "m/z").split()[2].decode()
    (folder / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    (folder / "package.tar.gz").write_text("before")
    with pytest.raises(RepositoryError, match="objects are missing here"):
        package(folder)
    assert (folder / "package.tar.gz").read_text() == "before"
    assert sorted(path.name for path in folder.iterdir()) == [".git", "package.tar.gz"]


@pytest.mark.parametrize("target", ["nowhere/package.tar.gz", "folder"])
def test_a_target_that_cannot_be_written_is_said(tmp_path: Path, target: str) -> None:
    story_of(tmp_path, FILES)
    (tmp_path / "folder" / "full").mkdir(parents=True)
    with pytest.raises(WorldError, match="the package cannot be written: ") as caught:
        build_package(open_repository(tmp_path), "HEAD", "m", tmp_path / target)
    assert isinstance(caught.value, TidegateError)
    assert os.strerror(errno.ENOENT if "nowhere" in target else errno.EISDIR) in caught.value.what
    assert sorted(path.name for path in tmp_path.iterdir()) == [".git", "folder"]
