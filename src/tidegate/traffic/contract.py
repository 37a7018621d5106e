"""The contract of a traffic switch and of a flag.

A share is absolute: to set the same one again changes nothing, and what is set is read back from the switch itself. So
no journal is kept, and an act whose answer was lost is simply looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from tidegate.core.effect import Share, Token


@dataclass(frozen=True, slots=True)
class Sight:
    """What a switch shows: the share of each pool (or of the flag), and how finely it divides.

    ``grain`` is in hundredths of a percent. ``token`` is the highest that was seen, where the switch keeps one.
    """

    shares: tuple[Share, ...]
    grain: int = 0
    detail: str = ""
    token: Token | None = None


class Divider(Protocol):
    """Something at which a share is set."""

    @property
    def weighs(self) -> bool:
        """Whether it can give a part; else it gives all or nothing, and ``shift`` refuses the rest."""

    def sight(self) -> Sight:
        """What it shows now. Changes nothing.

        Raises:
            TargetError: it does not answer, or does not show what is needed.
        """

    def shift(self, share: Share, token: Token) -> None:
        """Set a share; idempotent.

        Raises:
            FencedError: a higher token was seen there; nothing was changed.
            TargetError: it could not be set, or its answer was lost; look before going on.
            UsageError: it is a part, and it cannot weigh; ``sentence`` raises it too.
        """

    def sentence(self, share: Share) -> str:
        """What ``shift`` would do, in words."""


class Switch(Divider, Protocol):
    """Shares the traffic between the units of two pools, and takes single units out of it."""

    @property
    def withdraws(self) -> bool:
        """Whether it takes single units out of the traffic; else the platform sees to that while it changes them."""

    @property
    def pools(self) -> Mapping[str, tuple[str, ...]]:
        """The units of each pool; empty where the traffic goes to all units alike."""

    def withdraw(self, unit: str, token: Token, *, keeps_one: bool = False) -> None:
        """Send a unit nothing new, and wait until what it was sent is answered, as long as the policy says.

        Args:
            keeps_one: wait first until another unit serves, where this is the last that does; not for ever.

        Raises:
            FencedError: a higher token was seen there; nothing was changed.
            TargetError: it could not be taken out.
        """

    def return_(self, unit: str, token: Token) -> None:
        """Send a unit its part again, and wait until the switch finds it well.

        Raises:
            FencedError: a higher token was seen there; nothing was changed.
            TargetError: it could not be brought back, or is not found well in time.
        """

    def withdrawn(self, unit: str) -> bool:
        """Whether a unit is taken out.

        Raises:
            TargetError: the switch does not say.
        """
