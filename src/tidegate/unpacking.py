"""Archives unpacked within one place, whatever their members are called.

Python's own filters do it (PEP 706), but ``tarfile`` has them from 3.11.4 on, and Debian 12 comes with 3.11.2. What
stands in for them there refuses what they refuse.
Source: https://docs.python.org/3.11/library/tarfile.html, "Extraction filters".
"""

from __future__ import annotations

import copy
import os
import stat
import tarfile
from pathlib import Path

HAS_FILTERS = hasattr(tarfile, "data_filter")

_WITHOUT_MARKS = ~(stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX | stat.S_IWGRP | stat.S_IWOTH)


class OutsideError(tarfile.TarError):
    """A member that would be written, or leads, outside of the place, or is no file, directory or link."""


def unpack_data(tar: tarfile.TarFile, member: tarfile.TarInfo, place: Path, *, filters: bool = HAS_FILTERS) -> None:
    """Unpack a member as a file of ours: a file, a directory or a link that stays inside; nobody else's, by no device.

    Raises:
        tarfile.TarError: it is none of these, or leads outside.
        OSError: it cannot be written.
    """
    if filters:
        tar.extract(member, place, filter="data")
        return
    checked = _inside(member, place)
    if member.issym() or member.islnk():
        _demand_inner_link(checked, place)
    elif not (member.isreg() or member.isdir()):
        raise OutsideError(f"{member.name!r} is no file, directory or link")
    # Without what says whose it was: it becomes ours.
    tar.extract(checked, place, set_attrs=False)
    if member.isreg():
        mode = member.mode & _WITHOUT_MARKS & 0o777
        executable = mode if mode & stat.S_IXUSR else mode & ~0o111
        (place / checked.name).chmod(executable | stat.S_IRUSR | stat.S_IWUSR)


def unpack_all(tar: tarfile.TarFile, place: Path, *, filters: bool = HAS_FILTERS) -> None:
    """Unpack everything with its modes, but for those by which others could write; modes of directories come last.

    Raises:
        tarfile.TarError: a member leads outside.
        OSError: one cannot be written.
    """
    if filters:
        tar.extractall(place, filter="tar")
        return
    # One by one: a link that an earlier member has made is seen when the next one is looked at.
    tar.extractall(place, members=(_unmarked(_inside(member, place)) for member in tar))  # noqa: S202  each is looked at


def _inside(member: tarfile.TarInfo, place: Path) -> tarfile.TarInfo:
    """The member by a name that is taken from the place on, and stays in it, through links too."""
    found = copy.copy(member)
    found.name = member.name.lstrip("/" + os.sep)
    if Path(found.name).is_absolute() or not _is_within(place / found.name, place):
        raise OutsideError(f"{member.name!r} would be written outside of {place}")
    return found


def _demand_inner_link(member: tarfile.TarInfo, place: Path) -> None:
    beside = place / Path(member.name).parent if member.issym() else place
    if Path(member.linkname).is_absolute() or not _is_within(beside / member.linkname, place):
        raise OutsideError(f"{member.name!r} leads outside of {place}")


def _is_within(path: Path, place: Path) -> bool:
    root = os.path.realpath(place)
    return os.path.commonpath([os.path.realpath(path), root]) == root


def _unmarked(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mode &= _WITHOUT_MARKS
    return member
