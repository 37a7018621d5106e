"""A refusal that no decision explains: one ``denied`` leaf, and nothing else has changed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tidegate.core.actor import Actor, Assurance
from tidegate.errors import (
    ConflictError,
    DamagedRecordError,
    NotFoundError,
    NotPermittedError,
    StoreError,
    TidegateError,
)
from tidegate.orchestration.house import House
from tidegate.orchestration.record import Entry, record


@contextlib.contextmanager
def refusals(house: House, noun: str, person: str, release: str = "", **data: str) -> Iterator[None]:
    """Record what the block refuses, as ``NOUN.denied``, and let it pass on.

    The leaf is a transaction of its own, since the refused one is rolled back. Where the store cannot be written the
    refusal itself is what counts. What the policy refuses by a decision has left its leaf already.

    Args:
        person: the name under which it was asked for; nobody has shown that it is theirs.
    """
    try:
        yield
    except (NotPermittedError, ConflictError, NotFoundError, DamagedRecordError) as error:
        with contextlib.suppress(StoreError):
            denied(house, noun, person, release, error, **data)
        raise


def denied(house: House, noun: str, person: str, release: str, error: TidegateError, **data: str) -> None:
    """Record one refusal.

    Raises:
        StoreError: the store cannot be written.
    """
    actor = Actor(person[:64] or "nobody", "typed name", Assurance.ASSERTED)
    told = {**data, "error": error.kind, "what": error.what}
    with house.database.write() as connection:
        record(connection, Entry(f"{noun}.denied", actor, release[:160], told), house.now())
