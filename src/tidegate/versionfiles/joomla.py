"""The manifest of a Joomla extension: ``<extension><version>``."""

from __future__ import annotations

from tidegate.versionfiles.contract import WRITTEN_BYTES, Hints, Reading, Role
from tidegate.versionfiles.source import Source
from tidegate.versionfiles.spelling import EXACT
from tidegate.versionfiles.xml_text import read_xml, root_of

_ROOTS = ("extension", "install")


class JoomlaManifest:
    """The version of the extension; ``install`` is the root of manifests before Joomla 1.6."""

    name = "joomla"
    form = "a Joomla manifest"
    spelling = EXACT
    limit = WRITTEN_BYTES

    def recognises(self, source: Source) -> bool:
        """By its root element."""
        return source.base.endswith(".xml") and root_of(source.content) in _ROOTS

    def read(self, source: Source, hints: Hints, wanted: str) -> Reading:
        """The version of the extension."""
        text = read_xml(source, "version")
        found = [element for root in _ROOTS for element in text.at(root, "version")]
        return text.reading(
            tuple(text.whole_version(element, Role.OWN) for element in found), "it has no <version> below its root"
        )
