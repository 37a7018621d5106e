"""Kubernetes manifests: the tags of the component's images, in any object that has containers."""

from __future__ import annotations

import re

from tidegate.versionfiles.contract import MADE_BYTES, Hints, Reading
from tidegate.versionfiles.images import image_values
from tidegate.versionfiles.source import Source
from tidegate.versionfiles.spelling import TAG
from tidegate.versionfiles.yaml_text import Scalar, read_yaml

_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
_HEAD = (re.compile(rb"^[\"']?apiVersion[\"']?\s*:", re.MULTILINE), re.compile(rb"^[\"']?kind[\"']?\s*:", re.MULTILINE))


class KubernetesManifest:
    """``image`` of each container, however deep its object nests it; lists of objects and several documents too."""

    name = "kubernetes"
    form = "a Kubernetes manifest"
    spelling = TAG
    limit = MADE_BYTES

    def recognises(self, source: Source) -> bool:
        """By its ``apiVersion`` and ``kind``; inside a list of objects they are indented, and stand at its head too."""
        return source.base.endswith((".yaml", ".yml")) and all(word.search(source.content) for word in _HEAD)

    def read(self, source: Source, hints: Hints, wanted: str) -> Reading:
        """The tags of the images."""
        text = read_yaml(source, "image")
        images = [scalar for scalar in text.scalars if _is_image(scalar)]
        return text.reading(image_values(text, images, hints), "no container of it has an image with a tag")


def _is_image(scalar: Scalar) -> bool:
    path = scalar.path
    return len(path) > 3 and path[-1] == "image" and isinstance(path[-2], int) and path[-3] in _CONTAINERS
