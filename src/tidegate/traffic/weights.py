"""A share of the traffic as the weights of servers, which are whole numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tidegate.core.effect import ALL

MOST = 256
"""The highest weight of a server in HAProxy; the lowest that is served is 1."""


def weights(pools: Mapping[str, Sequence[str]], pool: str, points: int, most: int = MOST) -> dict[str, int]:
    """The weight of each server, so that ``pool`` has ``points`` hundredths of a percent of all requests.

    Within a pool all servers weigh the same. A pool that is to have a part has at least a weight of 1, and one that is
    to have nothing has 0.
    """
    ((rest, others),) = ((name, servers) for name, servers in pools.items() if name != pool)
    each = {pool: points / len(pools[pool]), rest: (ALL - points) / len(others)}
    largest = max(each.values())
    of_pool = {name: max(1, round(value / largest * most)) if value else 0 for name, value in each.items()}
    return {server: of_pool[name] for name, servers in pools.items() for server in servers}


def shares(pools: Mapping[str, Sequence[str]], found: Mapping[str, int]) -> dict[str, int]:
    """The share of each pool by the weights found, in hundredths of a percent; 0 each where nothing is served.

    A pool that has a part is never said to have nothing, or all while another has a part.
    """
    of_pool = {name: sum(found[server] for server in servers) for name, servers in pools.items()}
    whole = sum(of_pool.values())
    return {name: _points(part, whole) for name, part in of_pool.items()}


def _points(part: int, whole: int) -> int:
    if part in (0, whole):
        return ALL if part else 0
    return min(ALL - 1, max(1, round(part * ALL / whole)))


def grain(pools: Mapping[str, Sequence[str]], most: int = MOST) -> int:
    """How far the share that is met may be from the one that is asked for, at most, in hundredths of a percent."""
    sizes = [len(servers) for servers in pools.values()]
    # The smaller pool weight is a whole number from 1 to ``most``; a step of it moves the share by at most this.
    return max(1, round(ALL * max(sizes) / (min(sizes) * most)))
