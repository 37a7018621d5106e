"""What several rules look up in the facts, found once in a decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tidegate.core.evidence import Evidence, newest
from tidegate.core.evidence_kind import KINDS
from tidegate.core.facts import Facts, Item, Release


class Lookup:
    """Digests and the newest evidence of one decision's facts, each found when it is first asked for."""

    def __init__(self) -> None:
        self._digests: dict[tuple[str, str, int], str] = {}
        self._evidence: dict[str, dict[tuple[str, str], list[Evidence]]] = {}
        self._subjects: dict[str, str] = {}
        self._bindings: dict[tuple[str, str, str, int], dict[str, str]] = {}

    def digest(self, item: Item, environment: str) -> str:
        """The digest of an item's subject for an environment."""
        key = (item.component, environment, id(item))
        found = self._digests.get(key)
        if found is None:
            found = self._digests[key] = item.subject.digest_for(environment)
        return found

    def subject(self, release: Release, environment: str) -> str:
        """The digest that approvals of the release for an environment are bound to."""
        found = self._subjects.get(environment)
        if found is None:
            digests = [(item, self.digest(item, environment)) for item in release.items]
            found = self._subjects[environment] = release.subject_of(digests)
        return found

    def binding(self, item: Item, kind: str, environment: str) -> Mapping[str, str]:
        """What evidence of a kind must be bound to: the parts that the kind speaks of, as they are now."""
        key = (item.component, kind, environment, id(item))
        found = self._bindings.get(key)
        if found is None:
            found = self._bindings[key] = item.subject.binding(KINDS[kind].binds, environment)
        return found

    def evidence(self, facts: Facts, environment: str, component: str, kind: str) -> Sequence[Evidence]:
        """The newest piece of each source that speaks of the component in the environment, by source."""
        index = self._evidence.get(environment)
        if index is None:
            index = self._evidence[environment] = _index(facts, environment)
        return index.get((component, kind), ())


def _index(facts: Facts, environment: str) -> dict[tuple[str, str], list[Evidence]]:
    index: dict[tuple[str, str], list[Evidence]] = {}
    for piece in newest(facts.evidence, environment):
        index.setdefault((piece.component, piece.kind), []).append(piece)
    return index
