"""``compose.yaml`` and ``docker-compose.yml``: the tags of the component's images."""

from __future__ import annotations

import re

from tidegate.versionfiles.contract import MADE_BYTES, Hints, Reading
from tidegate.versionfiles.images import image_values
from tidegate.versionfiles.source import Source
from tidegate.versionfiles.spelling import TAG
from tidegate.versionfiles.yaml_text import Scalar, read_yaml

_NAME = re.compile(r"(docker-)?compose([.-][A-Za-z0-9_.-]+)?\.ya?ml")


class ComposeFile:
    """``services.*.image``, and ``image`` in the extensions (``x-...``) that services are merged from."""

    name = "compose"
    form = "a Compose file"
    spelling = TAG
    limit = MADE_BYTES

    def recognises(self, source: Source) -> bool:
        """By its name: ``compose.yaml``, ``docker-compose.prod.yml``."""
        return _NAME.fullmatch(source.base) is not None

    def read(self, source: Source, hints: Hints, wanted: str) -> Reading:
        """The tags of the images."""
        text = read_yaml(source, "image")
        images = [scalar for scalar in text.scalars if _is_image(scalar)]
        return text.reading(image_values(text, images, hints), "no service of it has an image with a tag")


def _is_image(scalar: Scalar) -> bool:
    _, *keys = scalar.path
    if not keys or keys[-1] != "image":
        return False
    return (keys[0] == "services" and len(keys) == 3) or str(keys[0]).startswith("x-")
