"""Organisations for the flow tests, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.flows import Organisation, organisation, prepared_postgres, prepared_sqlite


@pytest.fixture(params=["sqlite", "postgres"])
def prepared_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database with all tables and nothing in them, once on each engine."""
    if request.param == "sqlite":
        yield prepared_sqlite(tmp_path / "database")
        return
    server = request.getfixturevalue("postgres_server")
    url = prepared_postgres(server)
    yield url
    server.drop_database(url)


@pytest.fixture
def make_org(prepared_url: str, tmp_path: Path) -> Iterator[Callable[..., Organisation]]:
    """Makes the organisation with a policy of the test's own."""
    made: list[Organisation] = []

    def make(**changes: Any) -> Organisation:
        made.append(organisation(tmp_path / "organisation", prepared_url, **changes))
        return made[-1]

    yield make
    for one in made:
        one.house.database.close()


@pytest.fixture
def org(make_org: Callable[..., Organisation]) -> Organisation:
    """An organisation with the policy as it is."""
    return make_org()
