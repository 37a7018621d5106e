"""Where built artifacts are kept: files named by the SHA-256 of what is in them, so that nothing is kept twice."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tidegate.core.canonical import is_digest
from tidegate.errors import DamagedRecordError, NotFoundError, StoreError, UsageError
from tidegate.git.archive import sync_folder, write_pieces

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class ArtifactStore:
    """One directory; made when something is first kept."""

    root: Path

    def path(self, digest: str) -> Path:
        """The file of that digest, whether or not it is there.

        Raises:
            UsageError: it is no digest.
        """
        if not is_digest(digest):
            raise UsageError(f"{digest[:80]!r} is no digest", remedy="give sha256: and 64 hexadecimal digits")
        return self.root / digest.removeprefix("sha256:")

    def keep(self, pieces: Iterable[bytes]) -> tuple[str, int]:
        """Keep these bytes, wholly or not at all; their digest and how many they are.

        Raises:
            StoreError: they cannot be written.
        """
        with self.draft() as draft:
            with draft.open("wb") as file:
                digest, size = write_pieces(file, pieces)
            return self.adopt(draft, digest), size

    def adopt(self, draft: Path, digest: str) -> str:
        """Keep a file of :meth:`draft` under its digest; the file is gone from where it was."""
        try:
            draft.chmod(0o644)
            draft.replace(self.path(digest))
            sync_folder(self.root)
        except OSError as error:
            raise self._unwritable(error) from error
        return digest

    @contextlib.contextmanager
    def draft(self) -> Iterator[Path]:
        """A file in the store that is none of it yet, and is removed unless it was adopted.

        Raises:
            StoreError: it cannot be written.
        """
        with self.room() as room:
            yield room / "draft"

    @contextlib.contextmanager
    def room(self) -> Iterator[Path]:
        """A directory in the store for what is being made, removed afterwards.

        Raises:
            StoreError: it cannot be made.
        """
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            room = tempfile.TemporaryDirectory(prefix="draft-", dir=self.root, ignore_cleanup_errors=True)
        except OSError as error:
            raise self._unwritable(error) from error
        with room as name:
            try:
                yield Path(name)
            except OSError as error:
                raise self._unwritable(error) from error

    def read(self, digest: str) -> Iterator[bytes]:
        """What is kept under that digest, in pieces. It is checked at the end, so that nothing is read twice.

        Raises:
            NotFoundError: it is not there.
            DamagedRecordError: it is not what the digest says; the last piece was not handed on.
        """
        path, found, before = self.path(digest), hashlib.sha256(), b""
        try:
            with path.open("rb") as file:
                while piece := file.read(_PIECE):
                    found.update(piece)
                    if before:
                        yield before
                    before = piece
        except FileNotFoundError as error:
            raise NotFoundError(
                f"the artifact {digest} is not in the store",
                where=str(path),
                remedy="build it again, or copy the file from where it was built",
            ) from error
        except OSError as error:
            raise StoreError(
                f"the artifact {digest} cannot be read: {error.strerror or error}",
                where=str(path),
                remedy="see that it can be read",
            ) from error
        if f"sha256:{found.hexdigest()}" != digest:
            raise DamagedRecordError(
                f"the artifact {digest} was changed in the store",
                where=str(path),
                remedy="remove the file, and build the artifact again",
            )
        yield before

    def small(self, digest: str, limit: int = 1 << 22) -> bytes:
        """What is kept under that digest, at most ``limit`` bytes of it.

        Raises:
            DamagedRecordError: it is longer, or as :meth:`read`.
        """
        path = self.path(digest)
        if path.exists() and path.stat().st_size > limit:
            raise DamagedRecordError(
                f"{digest} has more than {limit} bytes, which none of our descriptions has",
                where=str(path),
                remedy="remove the file, and build the artifact again",
            )
        return b"".join(self.read(digest))

    def size(self, digest: str) -> int:
        """How many bytes are kept under that digest, all of them read and checked."""
        return sum(len(piece) for piece in self.read(digest))

    def _unwritable(self, error: OSError) -> StoreError:
        return StoreError(
            f"the artifact cannot be kept: {error.strerror or error}",
            where=str(self.root),
            remedy="make room there, and see that it can be written",
        )
