"""The update file of a Joomla extension: what its installations are offered."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.versionfiles.contract import MADE_BYTES, Hints, Reading, Refusal, Role, Value
from tidegate.versionfiles.source import Source
from tidegate.versionfiles.spelling import EXACT
from tidegate.versionfiles.xml_text import Element, XmlText, read_xml, root_of

_UPDATE = ("updates", "update")
_HASHES = ("sha256", "sha384", "sha512")
_ADDRESSES = ("downloadurl", "downloadsource", "infourl")
_HASHED = Refusal(
    "the update has the hash of the package of the old version",
    "write the entry of the new version when its package is built, or take the hash out",
)


class JoomlaUpdate:
    """``<version>`` of those updates that are the old one, and the same version in the addresses of such an update.

    An entry that offered the new version and loaded the old package would be offered again and again.
    """

    name = "joomla-update"
    form = "a Joomla update file"
    spelling = EXACT
    limit = MADE_BYTES

    def recognises(self, source: Source) -> bool:
        """By its root element."""
        return source.base.endswith(".xml") and root_of(source.content) == "updates"

    def read(self, source: Source, hints: Hints, wanted: str) -> Reading:
        """The versions of the updates."""
        text = read_xml(source, "version", *_ADDRESSES, *_HASHES)
        updates: dict[int, list[Element]] = {}
        for element in text.elements:
            if element.path[:2] == _UPDATE:
                updates.setdefault(element.branch, []).append(element)
        return text.reading(
            tuple(value for parts in updates.values() for value in _values(text, parts, wanted)),
            "it has no <update> with a <version>",
        )


def _values(text: XmlText, parts: list[Element], wanted: str) -> Iterator[Value]:
    versions = [part for part in parts if part.path == (*_UPDATE, "version")]
    hashed = any(part.path[-1] in _HASHES for part in parts)
    for version in versions:
        yield text.whole_version(version, Role.FOUND, _HASHED if hashed else None)
    if not wanted or not any(version.text.strip() == wanted for version in versions):
        return
    for part in parts:
        named = text.named_version(part, wanted, Role.FOUND) if part.path[-1] in _ADDRESSES else None
        if named is not None:
            yield named
