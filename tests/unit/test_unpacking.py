"""Archives are unpacked within their place, by Python's filters and by what stands in for them before 3.11.4."""

from __future__ import annotations

import io
import stat
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tidegate.unpacking import HAS_FILTERS, unpack_all, unpack_data

WAYS = [
    pytest.param(True, id="filters", marks=pytest.mark.skipif(not HAS_FILTERS, reason="this Python has no filters")),
    pytest.param(False, id="without"),
]
pytestmark = pytest.mark.parametrize("filters", WAYS)


def member(name: str, kind: bytes = tarfile.REGTYPE, **settings: Any) -> tuple[tarfile.TarInfo, bytes]:
    data = b"text" if kind == tarfile.REGTYPE else b""
    made = tarfile.TarInfo(name)
    made.type, made.size = kind, len(data)
    for key, value in settings.items():
        setattr(made, key, value)
    return made, data


def archive(directory: Path, members: Iterable[tuple[tarfile.TarInfo, bytes]]) -> Path:
    path = directory / "a.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return path


def unpack_each(path: Path, place: Path, filters: bool) -> None:
    with tarfile.open(path, "r|gz") as tar:
        for info in tar:
            unpack_data(tar, info, place, filters=filters)


def unpack_whole(path: Path, place: Path, filters: bool) -> None:
    with tarfile.open(path, "r:gz") as tar:
        unpack_all(tar, place, filters=filters)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    made = tmp_path / "place"
    made.mkdir()
    return made


OUTSIDE = {
    "climbing": [member("../evil")],
    "climbing-below": [member("a/../../evil")],
    "through-a-link": [member("out", tarfile.SYMTYPE, linkname=".."), member("out/evil")],
}


@pytest.mark.parametrize("members", OUTSIDE.values(), ids=OUTSIDE)
@pytest.mark.parametrize("unpack", [unpack_each, unpack_whole])
def test_nothing_is_written_outside(
    tmp_path: Path, place: Path, unpack: Any, members: list[tuple[tarfile.TarInfo, bytes]], filters: bool
) -> None:
    path = archive(tmp_path, members)

    with pytest.raises(tarfile.TarError):
        unpack(path, place, filters)

    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    "bad",
    [
        member("link", tarfile.SYMTYPE, linkname="/etc/passwd"),
        member("link", tarfile.SYMTYPE, linkname="a/../../x"),
        member("link", tarfile.LNKTYPE, linkname="../x"),
        member("pipe", tarfile.FIFOTYPE),
        member("null", tarfile.CHRTYPE, devmajor=1, devminor=3),
    ],
    ids=["absolute-link", "link-out", "hard-link-out", "pipe", "device"],
)
def test_what_is_no_file_of_ours_is_refused(
    tmp_path: Path, place: Path, bad: tuple[tarfile.TarInfo, bytes], filters: bool
) -> None:
    with pytest.raises(tarfile.TarError):
        unpack_each(archive(tmp_path, [bad]), place, filters)
    assert list(place.iterdir()) == []


def test_files_are_ours_with_plain_modes(tmp_path: Path, place: Path, filters: bool) -> None:
    members = [
        member("d", tarfile.DIRTYPE, mode=0o000),
        member("d/run", mode=0o6777, uid=12345, gid=12345),
        member("d/read", mode=0o044),
        member("/absolute"),
        member("d/link", tarfile.SYMTYPE, linkname="run"),
    ]

    unpack_each(archive(tmp_path, members), place, filters)

    assert stat.S_IMODE((place / "d/run").stat().st_mode) == 0o755
    assert stat.S_IMODE((place / "d/read").stat().st_mode) == 0o644
    assert (place / "d/run").stat().st_uid == place.stat().st_uid
    assert (place / "absolute").read_text() == "text"
    assert (place / "d/link").read_text() == "text"


def test_all_is_unpacked_with_its_modes(tmp_path: Path, place: Path, filters: bool) -> None:
    members = [
        member("d", tarfile.DIRTYPE, mode=0o500),
        member("d/a", mode=0o640),
        member("d/b", mode=0o4777),
        member("out", tarfile.SYMTYPE, linkname="/etc/hostname"),
    ]

    unpack_whole(archive(tmp_path, members), place, filters)

    assert stat.S_IMODE((place / "d").stat().st_mode) == 0o500
    assert stat.S_IMODE((place / "d/a").stat().st_mode) == 0o640
    assert stat.S_IMODE((place / "d/b").stat().st_mode) == 0o755
    assert (place / "out").readlink() == Path("/etc/hostname")
