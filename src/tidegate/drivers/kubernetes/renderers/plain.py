"""The manifests as they lie in the files: one of them, or all of a directory."""

from __future__ import annotations

from tidegate.drivers.kubernetes.renderers.contract import Order, refused
from tidegate.drivers.kubernetes.renderers.tree import MOST_BYTES, Archive

_MOST_FILES = 200
_SUFFIXES = (".yaml", ".yml", ".json")


class Plain:
    """Renders nothing."""

    def lacks(self) -> str:
        return ""

    def render(self, archive: Archive, order: Order) -> list[tuple[str, bytes]]:
        path = order.path
        texts: list[tuple[str, bytes]] = []
        inside = archive.files(lambda name: name == path or (name.startswith(f"{path}/") and name.endswith(_SUFFIXES)))
        for name, size, read in inside:
            if size > MOST_BYTES or len(texts) >= _MOST_FILES:
                raise refused(f"{name} is too long, or there are more than {_MOST_FILES} manifests", archive.where)
            texts.append((name, read()))
        if not texts:
            raise refused(f"the component's files have no manifests in {path}", archive.where)
        return sorted(texts)
