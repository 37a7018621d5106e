"""The files of a version, as its archive holds them. Hostile until proven otherwise: links are never followed."""

from __future__ import annotations

import hashlib
import posixpath
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tidegate.errors import TargetError

MOST_BYTES = 1 << 20
"""How long a file may be that is read or unpacked."""

_MOST_FILES = 20_000
_MOST_UNPACKED = 256 << 20


@dataclass(frozen=True, slots=True)
class Archive:
    """The archive at ``path``, whose SHA-256 must be ``digest``; ``where`` is the unit, for the errors."""

    path: Path
    digest: str
    where: str

    def files(self, wanted: Callable[[str], bool]) -> Iterator[tuple[str, int, Callable[[], bytes]]]:
        """The files whose name is wanted: name, size in bytes, and how it is read. A member that is no file is none.

        Raises:
            TargetError: it cannot be read, or is another archive.
        """
        try:
            if hashlib.sha256(self.path.read_bytes()).hexdigest() != self.digest:
                raise self._refused("the component's archive is not the one of the lock")
            with tarfile.open(self.path, "r:gz") as tar:
                for member in tar:
                    name = posixpath.normpath(member.name)
                    if member.isreg() and _is_inside(name) and wanted(name):
                        yield name, member.size, lambda: self._read(tar, member)  # noqa: B023
        except (OSError, tarfile.TarError, EOFError, zlib.error) as error:
            raise self._unreadable(error) from error

    @contextmanager
    def unpacked(self) -> Iterator[tuple[Path, Path]]:
        """A directory with its files, and an empty one, until they are done with. Longer files are left out.

        Raises:
            TargetError: there are too many of them, or no room.
        """
        with tempfile.TemporaryDirectory(prefix="tidegate-") as made:
            tree, home = Path(made).resolve() / "files", Path(made).resolve() / "home"
            tree.mkdir()
            home.mkdir()
            self._unpack(tree)
            yield tree, home

    def _unpack(self, tree: Path) -> None:
        number = whole = 0
        for name, size, read in self.files(lambda name: True):
            if size > MOST_BYTES:
                continue
            number, whole = number + 1, whole + size
            if number > _MOST_FILES or whole > _MOST_UNPACKED:
                raise self._refused(f"the component has more than {_MOST_FILES:,} files, or more than 256 MiB")
            try:
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                (tree / name).write_bytes(read())
            except OSError as error:
                raise self._refused(f"{name} cannot be unpacked: {error.strerror}") from error

    def _read(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
        try:
            file = tar.extractfile(member)
            return file.read() if file else b""
        except (OSError, tarfile.TarError, EOFError, zlib.error) as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> TargetError:
        return self._refused(f"the component's archive cannot be read: {error}")

    def _refused(self, what: str) -> TargetError:
        return TargetError(
            f"the package was refused: {what}", where=self.where, remedy="Correct the manifests, and build again."
        )


def _is_inside(name: str) -> bool:
    return not name.startswith("/") and name.split("/", 1)[0] != ".." and "\x00" not in name
