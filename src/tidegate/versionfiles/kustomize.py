"""``kustomization.yaml``: ``newTag`` of the component's images."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.plain import plain
from tidegate.versionfiles.contract import MADE_BYTES, Hints, Reading, Refusal, Role
from tidegate.versionfiles.images import none_is_called, once, parse_image, pinned
from tidegate.versionfiles.source import Source
from tidegate.versionfiles.spelling import TAG
from tidegate.versionfiles.yaml_text import Scalar, YamlText, read_yaml, siblings


class Kustomization:
    """``images[].newTag``, of the image by ``newName`` or ``name``."""

    name = "kustomization"
    form = "a Kustomize file"
    spelling = TAG
    limit = MADE_BYTES

    def recognises(self, source: Source) -> bool:
        """By its name."""
        return source.base in ("kustomization.yaml", "kustomization.yml", "Kustomization")

    def read(self, source: Source, hints: Hints, wanted: str) -> Reading:
        """The new tags of the images."""
        text = read_yaml(source, "name", "newName", "newTag", "digest")
        entries = list(_entries(text))
        names = hints.names or hints.images
        named = [entry for entry in entries if any(_is_called(entry, name) for name in names)]
        if entries and names and not named:
            raise none_is_called(source, names, [(_repository(e), next(iter(e.values())).start) for e in entries])
        role = Role.OWN if named else Role.FOUND
        found = [e for e in named or entries if "newTag" in e or "digest" in e]
        return text.reading(
            once(
                text.version(tag, role, _repository(entry))
                if "digest" not in entry
                else text.value(tag, 0, len(tag.text), role=role, whose=_repository(entry), refusal=_pinned(entry))
                for entry in found
                if (tag := entry.get("newTag", entry.get("digest")))
            ),
            "it sets no newTag",
        )


def _entries(text: YamlText) -> Iterator[dict[str, Scalar]]:
    for path, entry in siblings(text.scalars):
        if len(path) == 3 and path[1] == "images" and "name" in entry:
            yield entry


def _repository(entry: dict[str, Scalar]) -> str:
    return entry.get("newName", entry["name"]).text


def _is_called(entry: dict[str, Scalar], name: str) -> bool:
    return any(parse_image(entry[key].text).is_called(name) for key in ("name", "newName") if key in entry)


def _pinned(entry: dict[str, Scalar]) -> Refusal:
    return pinned(f"the image {plain(_repository(entry), 200)}")
