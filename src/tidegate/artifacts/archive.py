"""An archive of a component's files, as ``.tar.gz`` or ``.zip``: the same bytes on every machine."""

from __future__ import annotations

from tidegate.artifacts.contract import Built, Order
from tidegate.artifacts.store import ArtifactStore
from tidegate.git.archive import build_package


class ArchiveKind:
    """Packs the files as they were committed."""

    name = "archive"
    is_reproducible = True

    def build(self, order: Order, store: ArtifactStore) -> Built:
        """Pack the folder; see :func:`tidegate.git.archive.build_package` for what cannot be packed."""
        form = order.artifact.format or "tar.gz"
        with store.draft() as draft:
            package = build_package(order.repository, order.commit, order.folder, draft, form=form)
            store.adopt(draft, package.digest)
        order.say(f"packed {package.size} bytes")
        return Built(package.digest, package.size, f"{order.artifact.name}-{order.version}.{form}")

    def check(self, digest: str, store: ArtifactStore) -> int:
        """Read the file."""
        return store.size(digest)
