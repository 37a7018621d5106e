"""What a target is given of a version: the archive of its files, or the lock of its images."""

from __future__ import annotations

import sqlalchemy as sa

from tidegate.core.effect import Package
from tidegate.core.facts import Item
from tidegate.core.image_lock import ImageLock
from tidegate.drivers.contract import Driver
from tidegate.orchestration.house import House
from tidegate.orchestration.wayback import write_durably
from tidegate.store import artifacts
from tidegate.store.releases import ReleaseRow


def image_lock_of(connection: sa.Connection, row: ReleaseRow, item: Item) -> ImageLock:
    """What a component of a release consists of: its archive, and the images that were built of it."""
    images = {
        one.name: one.digest
        for one in artifacts.of(connection, row.facts.id)
        if one.component == item.component and one.kind == "image"
    }
    return ImageLock(item.component, item.to_version, row.packages[item.component], images)


def package_for(driver: Driver, lock: ImageLock) -> Package:
    """What a driver is given of a version: the lock of its images, where it runs images, else the archive."""
    return lock.package if driver.abilities.images else Package(lock.version, lock.archive)


def keep_lock(house: House, lock: ImageLock) -> None:
    """Keep a lock of images beside the archive that it names.

    Raises:
        StoreError: it cannot be written.
    """
    path = house.lock_path(lock.package.digest)
    if not path.exists():
        write_durably(path, lock.to_bytes())
