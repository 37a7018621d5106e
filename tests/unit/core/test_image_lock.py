"""The lock of a version's images."""

from __future__ import annotations

import pytest

from tidegate.core.image_lock import ImageLock, read_image_lock
from tidegate.errors import UsageError

LOCK = ImageLock("shop", "1.2.0", "a" * 64, {"registry.example/shop": "sha256:" + "b" * 64})


def test_it_is_read_as_it_was_written() -> None:
    assert read_image_lock(LOCK.to_bytes()) == LOCK


def test_the_same_files_with_other_images_are_another_package() -> None:
    other = ImageLock("shop", "1.2.0", "a" * 64, {"registry.example/shop": "sha256:" + "c" * 64})
    assert LOCK.package.version == other.package.version == "1.2.0"
    assert not LOCK.package.same_as(other.package)


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"format": "tidegate/image-lock/2"}', b'"\xff"', b"[" * 100_000])
def test_what_is_no_lock_is_refused(data: bytes) -> None:
    with pytest.raises(UsageError, match="this is no lock of images"):
        read_image_lock(data)
