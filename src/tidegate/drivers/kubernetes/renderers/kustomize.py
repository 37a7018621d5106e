"""Kustomize, by ``kustomize build`` or ``kubectl kustomize``: no plugins, no charts, nothing that is not in the files.

Source: kubectl.docs.kubernetes.io, "kustomization" (resources, components, generators, helmCharts).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tidegate.drivers.kubernetes.renderers.contract import Order, found, refused, rendered
from tidegate.drivers.kubernetes.renderers.tree import MOST_BYTES, Archive

_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_RUNS = ("generators", "transformers", "validators", "helmCharts", "helmChartInflationGenerator", "helmGlobals")
_LEADS_TO = ("resources", "bases", "components", "crds", "configurations")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?://|:)|git@|file:")


class Kustomize:
    """Renders an overlay."""

    def lacks(self) -> str:
        return "" if found("kustomize", "kubectl") else "install kustomize or kubectl"

    def render(self, archive: Archive, order: Order) -> list[tuple[str, bytes]]:
        _demand_local(archive)
        alone, path = found("kustomize"), f"./{order.path}"
        argv = [alone, "build", path] if alone else [found("kubectl") or "kubectl", "kustomize", path]
        return [(f"what kustomize makes of {order.path}", rendered(argv, archive, "kustomize", order.path))]


def _demand_local(archive: Archive) -> None:
    """Whatever a kustomization names lies among the files, and none of it is a program."""
    there: set[str] = set()
    texts: list[tuple[str, bytes]] = []
    for name, size, read in archive.files(lambda name: True):
        parts = name.split("/")
        there.update("/".join(parts[:end]) for end in range(1, len(parts) + 1))
        if parts[-1] in _NAMES and size <= MOST_BYTES:
            texts.append((name, read()))
    for name, text in texts:
        for what in _strange(_mapping(archive, name, text), posixpath.dirname(name), there):
            raise refused(f"{name} {what}", archive.where)


def _mapping(archive: Archive, name: str, text: bytes) -> Mapping[str, Any]:
    import yaml  # type: ignore[import-untyped]

    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.CSafeLoader)):
            raise refused(f"{name} has aliases, which are not read", archive.where)
        written = yaml.load(text, yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise refused(f"{name} is not YAML: {error}", archive.where) from error
    if not isinstance(written, dict):
        raise refused(f"{name} is no mapping", archive.where)
    return written


def _strange(written: Mapping[str, Any], folder: str, there: set[str]) -> Iterator[str]:
    for key in _RUNS:
        if written.get(key):
            yield f"has {key}, which would run or fetch something"
    for key in _LEADS_TO:
        entries = written.get(key) or []
        for entry in entries if isinstance(entries, list) else [entries]:
            path = posixpath.normpath(posixpath.join(folder, str(entry)))
            if path not in there and path != ".":
                yield f"names {str(entry)[:200]!r} under {key}, which is not among the component's files"
    for text in _texts(written):
        if "\n" not in text and _ADDRESS.match(text):
            yield f"names {text[:200]!r}, which would be fetched"


def _texts(written: Any, key: str = "") -> Iterator[str]:
    """The texts that may name a file: those of labels, annotations and literals name none."""
    if isinstance(written, dict):
        for name, value in written.items():
            if name not in ("commonAnnotations", "commonLabels", "annotations", "labels", "literals", "images"):
                yield from _texts(value, str(name))
    elif isinstance(written, list):
        for value in written:
            yield from _texts(value, key)
    elif isinstance(written, str):
        yield written.partition("=")[2] if key in ("files", "envs", "env") and "=" in written else written
