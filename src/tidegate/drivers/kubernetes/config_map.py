"""The configuration file of a version as a ConfigMap that never changes: its name ends in the digest of what it holds.

The pod template names the ConfigMap by its base name; what is applied names the one of the version. So another
configuration restarts the pods, and the way back brings the earlier one back. Pure.

Source: kubernetes.io, "ConfigMaps" (immutable ConfigMaps, size, keys); "kubectl create configmap --from-env-file".
"""

from __future__ import annotations

import base64
import hashlib
import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tidegate.drivers.contract import Target
from tidegate.drivers.kubernetes.record import Json
from tidegate.errors import TargetError

BASE = "tidegate.dev/config"
COMPONENT = "tidegate.dev/component"
ENVIRONMENT = "tidegate.dev/environment"
_KEY = re.compile(r"[-._A-Za-z0-9]{1,253}")
_LINE = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]{0,252})=(.*)")
_HASHED = re.compile(r"-[0-9a-f]{12}")
_MOST = 1_000_000
"""How long a configuration may be, in bytes: the 1 MiB of an object, without its metadata."""


def demand_short(path: str, size: int, where: str) -> None:
    """Refuse a file that no ConfigMap can hold.

    Raises:
        TargetError: it is too long.
    """
    if size > _MOST:
        raise _refused(f"the configuration {path} has {size:,} bytes; a ConfigMap holds {_MOST:,}", where)


def labels(base: str, target: Target) -> dict[str, str]:
    """What all of the ConfigMaps of one configuration carry, and nothing else does."""
    return {BASE: base, COMPONENT: target.component, ENVIRONMENT: target.environment}


def config_map(base: str, target: Target, path: str, content: bytes, where: str) -> Json:
    """The ConfigMap of a configuration file.

    A file whose name ends in ``.env`` becomes a key for each of its lines ``NAME=value``; any other is one key, by its
    name.

    Raises:
        TargetError: it cannot be a key, or a line of it is no variable.
    """
    held = _held(path, content, where)
    digest = hashlib.sha256(json.dumps(held, sort_keys=True).encode()).hexdigest()[:12]
    metadata = {"name": f"{base}-{digest}", "labels": labels(base, target)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "immutable": True, **held}


def _held(path: str, content: bytes, where: str) -> Json:
    name = posixpath.basename(path)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return {"binaryData": {_key(name, where): base64.b64encode(content).decode()}}
    if name.endswith(".env"):
        return {"data": dict(_variables(path, text, where))}
    return {"data": {_key(name, where): text}}


def _key(name: str, where: str) -> str:
    if not _KEY.fullmatch(name):
        raise _refused(
            f"the configuration {name!r} cannot be a key of a ConfigMap; use letters, digits and - . _", where
        )
    return name


def _variables(path: str, text: str, where: str) -> Iterator[tuple[str, str]]:
    """As ``kubectl create configmap --from-env-file`` reads them: a value is taken as it stands, quotes and all."""
    seen: set[str] = set()
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.fullmatch(line.lstrip())
        if found is None or found[1] in seen:
            why = "is no NAME=value" if found is None else "names a variable again"
            raise _refused(f"line {number} of the configuration {path} {why}", where)
        seen.add(found[1])
        yield found[1], found[2]


def references(template: Any) -> Iterator[Json]:
    """Every place of a pod template that names a ConfigMap, as the mapping with the ``name``."""
    spec = _mapping(_mapping(template).get("spec"))
    for volume in _mappings(spec.get("volumes")):
        yield from _named(volume.get("configMap"))
        for source in _mappings(_mapping(volume.get("projected")).get("sources")):
            yield from _named(source.get("configMap"))
    for section in ("initContainers", "containers"):
        for container in _mappings(spec.get(section)):
            for source in _mappings(container.get("envFrom")):
                yield from _named(source.get("configMapRef"))
            for variable in _mappings(container.get("env")):
                yield from _named(_mapping(variable.get("valueFrom")).get("configMapKeyRef"))


def _mapping(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _mappings(value: Any) -> list[Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _named(value: Any) -> Iterator[Json]:
    if isinstance(value, dict) and isinstance(value.get("name"), str):
        yield value


def is_of(base: str, name: str) -> bool:
    """Whether a name is that of a configuration, or of one of its versions."""
    return name == base or (name.startswith(base) and _HASHED.fullmatch(name[len(base) :]) is not None)


def point(template: Json, base: str, name: str) -> int:
    """Have a template name the ConfigMap of a version; the number of places."""
    places = [place for place in references(template) if is_of(base, place["name"])]
    for place in places:
        place["name"] = name
    return len(places)


def names_in(template: Json, base: str) -> list[str]:
    """The ConfigMaps of a configuration that a template names."""
    return sorted({place["name"] for place in references(template) if is_of(base, place["name"])})


def part_that_names(template: Json, base: str) -> Json:
    """The pod spec of a template, cut down to what names a configuration: whole volumes, variables and sources.

    The list of sources of variables is one value to the server, so it is whole; the rest are merged by their names.
    """
    spec, found = template.get("spec", {}), {}
    if volumes := [one for one in spec.get("volumes") or [] if _names({"volumes": [one]}, base)]:
        found["volumes"] = volumes
    for section in ("initContainers", "containers"):
        parts = [_part_of_container(one, base) for one in spec.get(section) or []]
        if kept := [part for part in parts if len(part) > 1]:
            found[section] = kept
    copied: Json = json.loads(json.dumps(found))
    return copied


def _part_of_container(container: Mapping[str, Any], base: str) -> Json:
    part: Json = {"name": container["name"]}
    if _names({"containers": [{"envFrom": container.get("envFrom")}]}, base):
        part["envFrom"] = container["envFrom"]
    if env := [one for one in container.get("env") or [] if _names({"containers": [{"env": [one]}]}, base)]:
        part["env"] = env
    return part


def _names(spec: Json, base: str) -> bool:
    return bool(names_in({"spec": spec}, base))


def _refused(what: str, where: str) -> TargetError:
    return TargetError(
        f"the package was refused: {what}", where=where, remedy="Correct the configuration, and build again."
    )
