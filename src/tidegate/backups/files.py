"""A directory as a ``tar.gz`` that is the same bytes for the same files, and a SHA-256 of each of them."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import shutil
import stat
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO
from urllib.parse import quote_from_bytes

from tidegate.backups.contract import Look, NotWholeError
from tidegate.backups.keeping import unwritable
from tidegate.core.backup import Figures
from tidegate.errors import ConflictError, TargetError, UsageError
from tidegate.unpacking import unpack_all

_CHUNK = 1 << 20
_LEVEL = 6
_SAFE = "/ !#$&'()*+,;=@[]^{}~"
_CUTS = (tarfile.TarError, EOFError, gzip.BadGzipFile, OSError, ValueError)


class FilesBackup:
    """One directory. What is neither a file, a directory nor a symbolic link cannot be backed up, and is refused."""

    name = "files"
    suffix = ".tar.gz"

    def __init__(self, directory: Path, without: Sequence[str] = (), where: str = "") -> None:
        self._directory = directory
        self._without = frozenset(path.strip("/") for path in without)
        self._where = where

    def take(self, file: Path) -> Figures:
        """As the contract says.

        Raises:
            TargetError: it cannot be read, changed while it was read, or holds what cannot be kept.
            StoreError: the backup cannot be written.
        """
        figures: dict[str, str | None] = {}
        self._demand_there()
        try:
            with file.open("wb") as raw, _zipped(raw) as packed:
                tar = tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115  closed below
                for path in self._found():
                    name, figure = self._add(tar, path)
                    figures[name] = figure
                tar.close()
        except OSError as error:
            raise unwritable(error, file.parent) from error
        return figures

    def look(self, file: Path, figures: Figures) -> Look:
        """Unpack it into nothing, and compare each file's SHA-256."""
        try:
            found = _in_archive(file)
        except _CUTS as error:
            return Look(False, f"it cannot be unpacked: {str(error)[:200] or type(error).__name__}")
        differing = sorted(name for name in figures.keys() | found.keys() if figures.get(name) != found.get(name))
        if differing:
            return Look(False, f"of its entries {len(differing)} differ from what was put in, such as {differing[0]}")
        return Look(True, f"it unpacks to {_entries(len(found))}, each with the SHA-256 that it was put in with")

    def demand_free(self, scratch: str, figures: Figures) -> None:
        """The directory does not exist, and the one above it does."""
        place = _scratch(scratch)
        if os.path.lexists(place):
            raise ConflictError(
                f"{place} is there already, and nothing is restored over it",
                where=self._where,
                remedy="name a directory that does not exist",
            )
        if not place.parent.is_dir():
            raise UsageError(f"{place.parent} is no directory", where=self._where, remedy="make it, or name another")

    def make(self, scratch: str, figures: Figures) -> None:
        """As the contract says."""
        try:
            _scratch(scratch).mkdir(mode=0o700)
        except OSError as error:
            raise TargetError(
                f"{scratch} cannot be made: {error.strerror or error}", where=self._where, remedy="name another place"
            ) from error

    def restore(self, file: Path, scratch: str) -> None:
        """As the contract says."""
        place = _scratch(scratch)
        try:
            with tarfile.open(file, mode="r:gz") as tar:
                # Filtered: nothing is written outside of the place. The modes are given at the end, since a directory
                # that may not be written could not be filled.
                unpack_all(tar, place)
        except _CUTS as error:
            raise NotWholeError(
                f"it cannot be unpacked: {str(error)[:200] or type(error).__name__}",
                where=self._where,
                remedy="take a new backup, and look why",
            ) from error

    def measure(self, scratch: str) -> Figures:
        """As the contract says."""
        place = FilesBackup(_scratch(scratch), where=self._where)
        return dict(place._figure(path) for path in place._found())

    def remove(self, scratch: str) -> None:
        """Remove the scratch directory."""
        shutil.rmtree(_scratch(scratch), ignore_errors=True)

    def _demand_there(self) -> None:
        if not self._directory.is_dir():
            raise TargetError(
                f"{self._directory} is no directory that can be read", where=self._where, remedy="correct of.files"
            )

    def _found(self) -> Iterator[str]:
        """What is in the directory, as paths inside it, in one order on every machine; links are not followed."""
        waiting = [""]
        while waiting:
            inside = waiting.pop()
            try:
                with os.scandir(self._directory / inside) as entries:
                    found = sorted(entries, key=lambda entry: os.fsencode(entry.name), reverse=True)
            except OSError as error:
                raise self._unreadable(inside, error.strerror or str(error)) from error
            if inside:
                yield inside
            for entry in found:
                path = f"{inside}/{entry.name}" if inside else entry.name
                if path not in self._without:
                    waiting.append(path)
            # Files wait with the directories, so that all come in one order; a file has nothing inside.
            while waiting and not _is_directory(self._directory / waiting[-1]):
                yield waiting.pop()

    def _add(self, tar: tarfile.TarFile, path: str) -> tuple[str, str]:
        real = self._directory / path
        before = self._stat(path)
        info = tar.gettarinfo(str(real), arcname=path)
        info.uname = info.gname = ""
        # A name for the second link to a file would be restored as a link to whatever is there.
        if info.islnk():
            info.type, info.linkname, info.size = tarfile.REGTYPE, "", before.st_size
        info.mtime = int(info.mtime)
        if not info.isreg():
            tar.addfile(info)
            return self._figure(path)
        found = hashlib.sha256()
        with self._opened(path) as file:
            tar.addfile(info, _Hashed(file, found))
        after = self._stat(path)
        if (before.st_size, before.st_mtime_ns, before.st_ino) != (after.st_size, after.st_mtime_ns, after.st_ino):
            raise self._changed(path)
        return _name(path), f"sha256:{found.hexdigest()}"

    def _figure(self, path: str) -> tuple[str, str]:
        mode = self._stat(path).st_mode
        if stat.S_ISDIR(mode):
            return f"{_name(path)}/", "directory"
        if stat.S_ISLNK(mode):
            # Not by pathlib, which writes `./x` as `x`.
            return _name(path), f"link to {_name(os.readlink(self._directory / path))}"  # noqa: PTH115
        if not stat.S_ISREG(mode):
            raise self._unreadable(path, "it is neither a file, a directory nor a symbolic link")
        found = hashlib.sha256()
        with self._opened(path) as file:
            while data := file.read(_CHUNK):
                found.update(data)
        return _name(path), f"sha256:{found.hexdigest()}"

    def _stat(self, path: str) -> os.stat_result:
        try:
            found = os.lstat(self._directory / path)
        except OSError as error:
            raise self._unreadable(path, error.strerror or str(error)) from error
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode) or stat.S_ISLNK(found.st_mode)):
            raise self._unreadable(path, "it is neither a file, a directory nor a symbolic link")
        return found

    @contextlib.contextmanager
    def _opened(self, path: str) -> Iterator[IO[bytes]]:
        try:
            handle = os.open(self._directory / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise self._unreadable(path, error.strerror or str(error)) from error
        with os.fdopen(handle, "rb") as file:
            yield file

    def _unreadable(self, path: str, because: str) -> TargetError:
        return TargetError(
            f"{_name(path) or self._directory} cannot be backed up: {because}",
            where=self._where,
            remedy="mend it, or leave it out: of.files.without",
        )

    def _changed(self, path: str) -> TargetError:
        return TargetError(
            f"{_name(path)} changed while it was backed up",
            where=self._where,
            remedy="repeat it when nothing writes there, or leave it out: of.files.without",
        )


class _Hashed:
    """A file that is hashed as it is read."""

    def __init__(self, file: IO[bytes], found: hashlib._Hash) -> None:
        self._file, self._found = file, found

    def read(self, size: int = -1) -> bytes:
        """As a file does."""
        data = self._file.read(size)
        self._found.update(data)
        return data


@contextlib.contextmanager
def _zipped(raw: IO[bytes]) -> Iterator[gzip.GzipFile]:
    # Neither a name nor a time in its head: the same files are the same bytes.
    with gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=_LEVEL, mtime=0) as packed:
        yield packed


def _is_directory(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _entries(number: int) -> str:
    return f"{number} entry" if number == 1 else f"{number} entries"


def _in_archive(file: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    with tarfile.open(file, mode="r:gz") as tar:
        for member in tar:
            if member.isdir():
                found[f"{_name(member.name)}/"] = "directory"
            elif member.issym():
                found[_name(member.name)] = f"link to {_name(member.linkname)}"
            else:
                found[_name(member.name)] = f"sha256:{_digest(tar, member)}"
    return found


def _digest(tar: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    found, content = hashlib.sha256(), tar.extractfile(member)
    while content and (data := content.read(_CHUNK)):
        found.update(data)
    return found.hexdigest()


def _name(path: str) -> str:
    """A path as it can be written anywhere: what is neither a letter, a digit nor usual is written as ``%0A``."""
    return quote_from_bytes(os.fsencode(path), safe=_SAFE)


def _scratch(text: str) -> Path:
    return Path(text).absolute()
