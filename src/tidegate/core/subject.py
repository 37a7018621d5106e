"""What is released: a record of parts, each with its own digest.

Evidence binds the parts that its kind speaks of; an approval binds all parts for its environment. A commit to another
module therefore voids nothing, and a changed artifact voids everything that bound it. The commit is provenance: it
says where the parts came from and is in no digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tidegate.core.canonical import digest_of

NOTHING = digest_of([])
"""The digest of a part that a component does not have, such as migrations or configuration."""


class Part(StrEnum):
    """What a subject is made of. The last two differ from environment to environment."""

    SOURCE = "source"
    ARTIFACTS = "artifacts"
    MIGRATIONS = "migrations"
    CONFIGURATION = "configuration"
    TARGETS = "targets"


_PARTS = {part.value: part for part in Part}


@dataclass(frozen=True, slots=True)
class Subject:
    """One component's parts, by digest; ``configuration`` and ``targets`` by environment."""

    source: str
    artifacts: str
    migrations: str = NOTHING
    configuration: Mapping[str, str] = field(default_factory=dict)
    targets: Mapping[str, str] = field(default_factory=dict)
    commit: str = ""

    def part(self, part: Part, environment: str) -> str:
        """The digest of one part as it is for ``environment``; :data:`NOTHING` where there is none."""
        match part:
            case Part.SOURCE:
                return self.source
            case Part.ARTIFACTS:
                return self.artifacts
            case Part.MIGRATIONS:
                return self.migrations
            case Part.CONFIGURATION:
                return self.configuration.get(environment, NOTHING)
            case Part.TARGETS:
                return self.targets.get(environment, NOTHING)

    def binding(self, parts: Iterable[Part], environment: str) -> dict[str, str]:
        """The digests of ``parts`` for ``environment``, by part name: what evidence is bound to."""
        return {part.value: self.part(part, environment) for part in sorted(parts)}

    def digest_for(self, environment: str) -> str:
        """One digest over all parts for ``environment``: what an approval of this component is bound to."""
        return digest_of(self.binding(Part, environment))

    def changed_parts(self, bound: Mapping[str, str], environment: str) -> tuple[str, ...]:
        """The names of the parts in ``bound`` that are different now; a part nobody knows counts as changed."""
        return tuple([name for name in sorted(bound) if not self._has(name, bound[name], environment)])

    def _has(self, name: str, digest: str, environment: str) -> bool:
        part = _PARTS.get(name)
        return part is not None and self.part(part, environment) == digest
