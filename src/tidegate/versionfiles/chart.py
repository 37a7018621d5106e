"""Helm's ``Chart.yaml``: the version of the chart, and that of the application in it."""

from __future__ import annotations

from tidegate.versionfiles.contract import WRITTEN_BYTES, Hints, Reading, Role
from tidegate.versionfiles.source import Source
from tidegate.versionfiles.spelling import EXACT
from tidegate.versionfiles.yaml_text import read_yaml

_KEYS = ("version", "appVersion")


class HelmChart:
    """``version`` and ``appVersion``: the component may be the chart, the application, or both."""

    name = "Chart.yaml"
    form = "a Helm chart"
    spelling = EXACT
    limit = WRITTEN_BYTES

    def recognises(self, source: Source) -> bool:
        """By its name."""
        return source.base == "Chart.yaml"

    def read(self, source: Source, hints: Hints, wanted: str) -> Reading:
        """The two versions, as far as they are there."""
        text = read_yaml(source, *_KEYS)
        keys = [scalar for key in _KEYS for scalar in text.scalars if scalar.path == (0, key)]
        return text.reading(
            tuple(text.version(scalar, Role.STATED) for scalar in keys), "it has neither version nor appVersion"
        )
