"""State tables: state > event > next state. What a table does not list raises, and nothing has changed."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Generic, TypeVar

from tidegate.errors import TransitionError

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)


class Machine(Generic[S, E]):
    """A named state table. Final states stand in it with ``{}``."""

    def __init__(self, name: str, table: Mapping[S, Mapping[E, S]]) -> None:
        self.name = name
        self.table = table

    def next(self, state: S, event: E) -> S:
        """The state that ``event`` leads to.

        Raises:
            TransitionError: the table does not list ``event`` for ``state``.
        """
        following = self.table[state].get(event)
        if following is None:
            allowed = ", ".join(sorted(self.table[state])) or "nothing: it is over"
            verb = "be" if event.value.endswith(("ed", "en")) else "take"
            raise TransitionError(
                f"a {self.name} that is {state.value.replace('_', ' ')} cannot {verb} {event.value}",
                remedy=f"what it can take now: {allowed}",
            )
        return following

    def is_final(self, state: S) -> bool:
        """Whether nothing can follow."""
        return not self.table[state]

    def diagram(self) -> str:
        """The table as a Mermaid state diagram, for the docs."""
        lines = ["stateDiagram-v2", f"    [*] --> {next(iter(self.table))}"]
        for state, row in self.table.items():
            lines += [f"    {state} --> {following}: {event}" for event, following in row.items()]
            if not row:
                lines.append(f"    {state} --> [*]")
        return "\n".join(lines) + "\n"
