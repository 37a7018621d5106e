"""What the stories of the command line begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.shop import Shop, make_keys


@pytest.fixture(scope="session")
def shop_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The keys of the people."""
    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def shop(tmp_path: Path, shop_keys: Path) -> Shop:
    """A new organisation; nothing was decided in it yet."""
    return Shop(tmp_path / "shop", shop_keys)


@pytest.fixture(scope="module")
def shared_shop(tmp_path_factory: pytest.TempPathFactory, shop_keys: Path) -> Shop:
    """An organisation with the open release 1.1.0, for the tests of a module that change nothing in it."""
    shared = Shop(tmp_path_factory.mktemp("shared") / "shop", shop_keys)
    shared.open()
    return shared
