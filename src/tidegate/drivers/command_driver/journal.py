"""What the command driver remembers of a unit, on this machine: how far each key came, and the packages it keeps.

The files are those of the host's agent, and written by it: a line is on the disk before what it announces begins.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tidegate.core.effect import Package, Stage, Token
from tidegate.drivers.host import agent
from tidegate.drivers.host.transport import AnswerError
from tidegate.errors import FencedError, TargetError

At = Callable[[Stage, str], None]


class Journal:
    """The directory of one unit.

    Args:
        at: called with the stage and the unit after each line; raises to end an act there, as a power cut would.
    """

    def __init__(self, directory: Path, unit: str, at: At) -> None:
        self._place = agent.Place(str(directory / unit))
        self._unit = unit
        self._at = at

    @property
    def exists(self) -> bool:
        """Whether anything was ever done there."""
        return Path(self._place.own).is_dir()

    @contextmanager
    def lock(self, wait_s: float, shared: bool = False) -> Iterator[None]:
        """Hold the unit, so that one act comes after the other.

        Raises:
            AnswerError: ``busy``: another act is under way, and was for ``wait_s`` (seconds).
        """
        with wrapping(self._unit), self._place.lock(wait_s, shared):
            yield

    def enter(self, owner: dict[str, str], token: Token) -> None:
        """Refuse whoever is outranked, and remember the token.

        Raises:
            FencedError: a higher token was seen here.
            TargetError: the directory belongs to another target, or cannot be written.
        """
        request = {**owner, "token": [token.epoch, token.counter, token.glass]}
        with wrapping(self._unit):
            agent.enter(self._place, request, adopting=True)
            agent.make_directories(self._place, str(self.packages))

    def demand(self, token: Token) -> None:
        """Refuse whoever is outranked by now.

        Raises:
            FencedError: a higher token was seen here.
        """
        with wrapping(self._unit):
            agent.check_fence(self._place, [token.epoch, token.counter, token.glass])

    @property
    def token(self) -> Token | None:
        """The highest token seen."""
        seen = agent.seen_token(self._place)
        return Token(*seen) if seen else None

    def entries(self) -> list[dict[str, Any]]:
        """The lines, oldest first."""
        return agent.entries(self._place)

    def note(self, key: str, stage: Stage, to: Package | None, detail: str = "") -> None:
        """Append a line, durably."""
        line = {"key": key, "stage": stage.value, "to": name_of(to) if to else None, "detail": detail}
        with wrapping(self._unit):
            text = json.dumps({**line, "at": round(time.time(), 3)}, sort_keys=True)
            agent.append(self._place.file("journal.jsonl"), text.encode("ascii") + b"\n")
        self._at(stage, self._unit)

    # ------------------------------------------------------------------------------------------ packages

    @property
    def packages(self) -> Path:
        """Where the packages lie that the unit was given."""
        return Path(self._place.root) / "packages"

    def path_of(self, package: Package) -> Path:
        """Where a package lies, or would."""
        return self.packages / name_of(package)

    def known(self) -> list[Package]:
        """The packages that one can return to, the one last used first."""
        files = sorted(self.packages.glob("*.json"), key=lambda path: (-path.stat().st_mtime_ns, path.name))
        return [read for path in files if (read := _read(path)) is not None]

    def keep(self, package: Package, source: Path | None, beside: Path | None = None) -> None:
        """Keep a package; ``source`` is None for what runs already and has no file."""
        with wrapping(self._unit):
            if source is not None:
                self._copy(source, self.path_of(package))
            if beside is not None:
                self._copy(beside, self.packages / beside.name)
            record = {"version": package.version, "digest": package.digest, "name": package.name}
            if beside is not None:
                record["beside"] = beside.name
            agent.write_json(f"{self.path_of(package)}.json", record)

    def _copy(self, source: Path, to: Path) -> None:
        # Under the lock of the unit; durable before the record that speaks of it.
        draft = to.with_name(f"{to.name}.draft")
        with source.open("rb") as given, draft.open("wb") as file:
            shutil.copyfileobj(given, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(to)

    def used(self, package: Package) -> None:
        """Remember that it is used now: what is kept goes by this."""
        Path(f"{self.path_of(package)}.json").touch()

    def prune(self, keep: int, wanted: Sequence[Package]) -> None:
        """Keep the last ``keep``, what is wanted, what was adopted, and what the way back leads to."""
        named = (agent.read_json(self._place.file("way-back-keeps.json")) or {}).get("releases", [])
        known = self.known()
        stay = {name_of(package) for package in [*known[:keep], *wanted]} | set(named)
        for package in known:
            if name_of(package) not in stay and package.name != "adopted":
                Path(f"{self.path_of(package)}.json").unlink(missing_ok=True)
                self.path_of(package).unlink(missing_ok=True)
        kept = {(agent.read_json(str(path)) or {}).get("beside") for path in self.packages.glob("*.json")}
        for path in self.packages.glob("*.tar.gz"):
            if path.name not in kept:
                path.unlink(missing_ok=True)

    # ------------------------------------------------------------------------------------------ the way back

    def write_way_back(self, document: bytes, keeps: Sequence[Package]) -> None:
        """Replace the document, durably."""
        with wrapping(self._unit):
            names = [name_of(package) for package in keeps]
            agent.write_json(self._place.file("way-back-keeps.json"), {"format": 1, "releases": names})
            agent.write_durably(self._place.file("way-back.json"), document)

    def read_way_back(self) -> bytes | None:
        """The document, or None."""
        path = Path(self._place.file("way-back.json"))
        with wrapping(self._unit):
            return path.read_bytes() if path.exists() else None


def name_of(package: Package) -> str:
    """A package's file."""
    return f"{package.version}--{package.digest[:12]}"


def _read(path: Path) -> Package | None:
    try:
        record = json.loads(path.read_bytes())
        return Package(record["version"], record["digest"], record["name"])
    except (ValueError, KeyError, TypeError, OSError):
        return None


@contextmanager
def wrapping(unit: str) -> Iterator[None]:
    """What the agent refuses, and what the disk does, as errors of a target."""
    try:
        yield
    except agent.RefusalError as error:
        if error.kind == "fenced":
            raise FencedError(error.what, where=unit, remedy=error.remedy) from error
        raise AnswerError(error.kind, error.what, where=unit, remedy=error.remedy) from error
    except OSError as error:
        said = agent.explain(error)
        raise TargetError(said["what"], where=unit, remedy=said["remedy"]) from error
