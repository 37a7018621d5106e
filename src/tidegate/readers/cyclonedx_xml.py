"""CycloneDX in XML, as the values that its JSON has; what is counted is in ``cyclonedx.py``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tidegate.readers.cyclonedx import FORM_OF, NAMESPACE
from tidegate.readers.json_report import shown
from tidegate.readers.sniff import HEAD_BYTES, describe

DEPTH_LIMIT = 100
ELEMENTS_LIMIT = 2_000_000
"""Elements in one bill: as many as fit into about 1 GiB."""

_CHUNK_BYTES = 1 << 16
_SCORE = re.compile(r"[0-9]{1,2}(\.[0-9]{1,4})?")
_OLD_EXTENSION = "http://cyclonedx.org/schema/ext/vulnerability/"


@dataclass(slots=True)
class _Element:
    tag: str
    attributes: dict[str, str]
    within: list[_Element] = field(default_factory=list)
    text: str = ""

    def all(self, tag: str) -> Iterator[_Element]:
        return (one for one in self.within if one.tag == tag)

    def first(self, tag: str) -> _Element | None:
        return next(self.all(tag), None)


def document(data: bytes) -> dict[str, Any]:
    """The bill as its JSON would have it, as far as it is read.

    Raises:
        UsageError: it is no XML that may be read, or no bill of materials.
    """
    tree = _Tree()
    _parse(data, tree)
    root, version = tree.root, tree.version
    assert root is not None  # noqa: S101  a parse that ends without one has failed
    found: dict[str, Any] = {"specVersion": version, "components": _components(root.first("components"))}
    if (vulnerabilities := root.first("vulnerabilities")) is not None:
        found["vulnerabilities"] = [_vulnerability(one) for one in vulnerabilities.all("vulnerability")]
    if (metadata := root.first("metadata")) is not None:
        found["metadata"] = _texts(metadata, "timestamp")
        if (about := metadata.first("component")) is not None:
            found["metadata"]["component"] = _component(about)
    return found


def _components(group: _Element | None) -> list[dict[str, Any]]:
    return [_component(one) for one in group.all("component")] if group is not None else []


def _component(element: _Element) -> dict[str, Any]:
    found: dict[str, Any] = {
        **{name: element.attributes[name] for name in ("type", "bom-ref") if name in element.attributes},
        **_texts(element, "name", "version", "purl"),
        "components": _components(element.first("components")),
    }
    if (properties := element.first("properties")) is not None:
        found["properties"] = [
            {"name": one.attributes.get("name", ""), "value": one.text} for one in properties.all("property")
        ]
    return found


def _vulnerability(element: _Element) -> dict[str, Any]:
    ratings = element.first("ratings")
    analysis = element.first("analysis")
    return {
        **_texts(element, "id"),
        "ratings": [_rating(one) for one in ratings.all("rating")] if ratings is not None else [],
        "analysis": _texts(analysis, "state") if analysis is not None else {},
    }


def _rating(element: _Element) -> dict[str, Any]:
    found: dict[str, Any] = _texts(element, "severity", "method")
    if (score := element.first("score")) is not None:
        if not _SCORE.fullmatch(score.text):
            FORM_OF.refuse(f"a rating has {shown(score.text)} as score, which is no score from 0 to 10")
        found["score"] = float(score.text)
    return found


def _texts(element: _Element, *names: str) -> dict[str, Any]:
    return {name: found.text for name in names if (found := element.first(name)) is not None}


class _Tree:
    """Takes in the elements of the namespace of the root, and holds them against the limits."""

    def __init__(self) -> None:
        self.root: _Element | None = None
        self.version = ""
        self._namespace = ""
        self._open: list[_Element] = []
        self._texts: list[str] = []
        self._seen = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._seen += 1
        if len(self._open) >= DEPTH_LIMIT:
            FORM_OF.refuse(f"its elements are nested more than {DEPTH_LIMIT} deep")
        if self._seen > ELEMENTS_LIMIT:
            FORM_OF.refuse(f"it has more than {ELEMENTS_LIMIT} elements")
        if tag.startswith(f"{{{_OLD_EXTENSION}"):
            FORM_OF.refuse(
                "it has vulnerabilities in the form of an extension, which is not read",
                "write it as version 1.4 or later",
            )
        if self.root is None:
            self._begin(tag)
        element = _Element(tag.removeprefix(self._namespace), attributes)
        if self._open:
            self._open[-1].within.append(element)
        else:
            self.root = element
        self._open.append(element)
        self._texts.clear()

    def _begin(self, tag: str) -> None:
        namespace, _, name = tag.rpartition("}")
        if name != "bom" or not namespace.startswith(f"{{{NAMESPACE}"):
            FORM_OF.refuse(f"its root is <{name[:60]}>, and no <bom> of CycloneDX")
        self._namespace = f"{namespace}}}"
        self.version = namespace.removeprefix(f"{{{NAMESPACE}")

    def end(self, tag: str) -> None:
        self._open.pop().text = "".join(self._texts).strip()
        self._texts.clear()

    def data(self, text: str) -> None:
        """Text between elements, which may come in pieces."""
        self._texts.append(text)

    def close(self) -> None:
        """The document is over."""


def _parse(data: bytes, tree: _Tree) -> None:
    # Imported here: it takes 20 ms, and most commands read no report.
    from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped, unused-ignore]
    from defusedxml.ElementTree import (  # type: ignore[import-untyped, unused-ignore]
        DefusedXMLParser,
        ParseError,
    )

    parser: Any = DefusedXMLParser(target=tree, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    try:
        for start in range(0, len(data), _CHUNK_BYTES):
            parser.feed(data[start : start + _CHUNK_BYTES])
        parser.close()
    except DefusedXmlException as error:
        FORM_OF.refuse(f"it declares a document type or entities ({type(error).__name__}), which no such tool does")
    except ParseError as error:
        what = describe(data[:HEAD_BYTES])
        FORM_OF.refuse(
            f"it is not well-formed XML: {error}" + ("" if what.startswith("XML") else f"; it seems to be {what}")
        )
    except (ValueError, LookupError) as error:
        FORM_OF.refuse(f"its encoding cannot be read: {error}", "write it in UTF-8")
