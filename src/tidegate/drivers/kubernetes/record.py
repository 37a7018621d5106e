"""What a unit remembers of us, as a value: token, holder, journal, kept versions. It is kept in a ConfigMap beside it.

The journal has a line for each key, with the stages that were recorded of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tidegate.core.effect import Package, Stage, Token
from tidegate.errors import TargetError, UsageError

Json = dict[str, Any]
FORMAT = "tidegate/kubernetes-record/1"
_KEYS = 50
_TOKEN = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})(!?)")


def read_token(text: str) -> Token | None:
    """The token that ``str`` wrote, or None for anything else."""
    found = _TOKEN.fullmatch(text)
    return Token(int(found[1]), int(found[2]), int(bool(found[3]))) if found else None


@dataclass(frozen=True, slots=True)
class Holder:
    """Who acts on the unit. ``beat`` rises while they live: whoever waits tells by it that they do."""

    id: str
    beat: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """How far one key came. ``healthy`` is what was found of it in the end."""

    key: str
    stages: tuple[Stage, ...] = ()
    detail: str = ""
    healthy: bool = True


@dataclass(frozen=True, slots=True)
class Kept:
    """A version that the unit can return to; ``template`` is the digest of what its workload looks like with it."""

    package: Package
    template: str = ""
    adopted: bool = False

    @property
    def id(self) -> str:
        """The name under which its intent is kept."""
        import hashlib

        return hashlib.sha256(f"{self.package.version} {self.package.digest}".encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Record:
    """All of it. ``managers`` are those who managed the images when the unit was adopted."""

    component: str
    environment: str
    token: Token | None = None
    holder: Holder | None = None
    journal: tuple[Entry, ...] = ()
    kept: tuple[Kept, ...] = ()
    keeps: tuple[tuple[str, str], ...] = ()
    managers: tuple[str, ...] = ()
    replicas: int = field(default=1)

    def entry(self, key: str) -> Entry:
        """What is recorded of a key."""
        return next((one for one in self.journal if one.key == key), Entry(key))

    @property
    def last(self) -> Entry | None:
        """The key that came last."""
        return self.journal[-1] if self.journal else None

    def find(self, package: Package) -> Kept | None:
        """The kept version that is the same as ``package``."""
        return next((one for one in self.kept if one.package.same_as(package)), None)

    def noted(self, key: str, *stages: Stage, detail: str = "", healthy: bool = True) -> Record:
        """With stages of a key added; its line comes last."""
        old = self.entry(key)
        new = tuple(stage for stage in stages if stage not in old.stages)
        entry = Entry(key, (*old.stages, *new), detail or old.detail, healthy and old.healthy)
        others = [one for one in self.journal if one.key != key]
        return replace(self, journal=(*others[1 - _KEYS :], entry))

    def keeping(self, kept: Kept) -> Record:
        """With a version kept, as the one used last."""
        return replace(self, kept=(*(one for one in self.kept if not one.package.same_as(kept.package)), kept))

    def pruned(self, number: int, wanted: Sequence[Package]) -> Record:
        """Without the versions that nobody may have to return to."""
        names = {(one.version, one.digest) for one in wanted} | set(self.keeps)
        last = set(self.kept[-number:])
        kept = [
            one for one in self.kept if one in last or one.adopted or (one.package.version, one.package.digest) in names
        ]
        return replace(self, kept=tuple(kept))

    def to_text(self) -> str:
        """The document."""
        record = {
            "format": FORMAT,
            "component": self.component,
            "environment": self.environment,
            "token": str(self.token) if self.token else None,
            "holder": [self.holder.id, self.holder.beat] if self.holder else None,
            "journal": [[one.key, [str(s) for s in one.stages], one.detail, one.healthy] for one in self.journal],
            "kept": [
                [one.package.version, one.package.digest, one.package.name, one.template, one.adopted]
                for one in self.kept
            ],
            "keeps": [list(one) for one in self.keeps],
            "managers": list(self.managers),
            "replicas": self.replicas,
        }
        return json.dumps(record, sort_keys=True, indent=1)


def read_record(text: str, where: str) -> Record:
    """The record that a ConfigMap holds.

    Raises:
        TargetError: it holds none; whoever may write there can have changed it.
    """
    try:
        found: Mapping[str, Any] = json.loads(text)
        if found["format"] != FORMAT:
            raise ValueError(f"its format is {found['format']!r}")
        token = read_token(found["token"]) if found["token"] else None
        return Record(
            component=str(found["component"]),
            environment=str(found["environment"]),
            token=token,
            holder=Holder(str(found["holder"][0]), int(found["holder"][1])) if found["holder"] else None,
            journal=tuple(
                Entry(str(key), tuple(map(Stage, stages)), str(detail), bool(healthy))
                for key, stages, detail, healthy in found["journal"]
            ),
            kept=tuple(
                Kept(Package(version, digest, name), str(template), bool(adopted))
                for version, digest, name, template, adopted in found["kept"]
            ),
            keeps=tuple((str(version), str(digest)) for version, digest in found["keeps"]),
            managers=tuple(map(str, found["managers"])),
            replicas=int(found["replicas"]),
        )
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, UsageError) as error:
        raise TargetError(
            f"what Tidegate keeps there is no record: {error}",
            where=where,
            remedy="Restore the ConfigMap, or remove it and adopt what runs.",
        ) from error
