"""The manifests of a component's files, as the intent of one workload. Hostile until proven otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tidegate.core.image_lock import ImageLock
from tidegate.drivers.contract import Target
from tidegate.drivers.kubernetes.cluster import CONTROLLED, KINDS
from tidegate.drivers.kubernetes.config_map import config_map, demand_short
from tidegate.drivers.kubernetes.intent import Intent, choose, images_in
from tidegate.drivers.kubernetes.record import Json
from tidegate.drivers.kubernetes.renderers.contract import Order
from tidegate.drivers.kubernetes.renderers.contract import refused as _bad
from tidegate.drivers.kubernetes.renderers.registry import RENDERERS
from tidegate.drivers.kubernetes.renderers.tree import Archive
from tidegate.drivers.kubernetes.settings import KubernetesSettings
from tidegate.errors import TargetError

_WORKLOADS = ("Deployment", "StatefulSet")


def intent_of(
    settings: KubernetesSettings, kind: str, name: str, lock: ImageLock, directory: Path, cluster: Callable[[], str]
) -> Intent:
    """What the manifests of a version say of one workload, its images by digest.

    The other workloads among them are applied by their own units; everything else is applied with each. ``cluster``
    tells a renderer the version of the cluster.

    Raises:
        TargetError: the archive is not the one of the lock, or its manifests cannot be applied.
    """
    path = settings.manifests or ""
    archive = Archive(directory / f"{lock.archive}.tar.gz", lock.archive, name)
    found = [_checked(one, settings, name) for one in _documents(archive, settings, lock.component, cluster)]
    workloads = [one for one in found if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    if len(workloads) != 1:
        number = "no" if not workloads else "more than one"
        raise _bad(f"{path} has {number} {kind} {name}", name)
    workload = workloads[0]
    spec = workload.get("spec")
    if not isinstance(spec, dict) or not isinstance(spec.get("template"), dict):
        raise _bad(f"{kind} {name} in {path} has no spec.template", name)
    replicas = spec.pop("replicas", None)
    workload.pop("status", None)
    _pin(settings, lock, spec["template"], name)
    others = tuple(one for one in found if one["kind"] not in _WORKLOADS)
    base = settings.config_map or ""
    return Intent(workload, others, replicas if isinstance(replicas, int) else None, whole=True, base=base)


def configuration_of(settings: KubernetesSettings, target: Target, archive: Archive) -> Json:
    """The ConfigMap of a version's configuration file.

    Raises:
        TargetError: the version has no such file, or it cannot be one.
    """
    path = settings.config_file
    if path is None:
        raise TargetError(
            f"{target.component} has no configuration for {target.environment}",
            where=archive.where,
            remedy=f"Declare config: {{{target.environment}: PATH}} under the component, with a path in its files.",
        )
    for _, size, read in archive.files(lambda name: name == path):
        demand_short(path, size, archive.where)
        return config_map(settings.config_map or "", target, path, read(), archive.where)
    raise _bad(f"the component's files have no configuration {path}", archive.where)


def _pin(settings: KubernetesSettings, lock: ImageLock, template: Json, where: str) -> None:
    """Write the images of the lock into a template. What is left must be by digest already."""
    try:
        images = {**images_in(template), **choose(settings, lock, images_in(template), where)}
        for section in ("initContainers", "containers"):
            for one in template.get("spec", {}).get(section, []):
                one["image"] = images[one["name"]]
    except (TypeError, KeyError, AttributeError) as error:
        raise _bad(f"its containers cannot be read: {error}", where) from error
    for name, image in images.items():
        if "@sha256:" not in image:
            raise _bad(f"the container {name} has the image {image}, which is not by digest", where)


def _checked(found: Any, settings: KubernetesSettings, where: str) -> Json:
    if not isinstance(found, dict) or not isinstance(found.get("metadata"), dict):
        raise _bad("a document is no object of Kubernetes", where)
    kind, metadata = found.get("kind"), found["metadata"]
    if kind not in set(KINDS) - CONTROLLED:
        known = ", ".join(sorted(set(KINDS) - CONTROLLED))
        raise _bad(f"an object of the kind {kind!r} cannot be applied (known: {known})", where)
    group, version, _ = KINDS[kind]
    if found.get("apiVersion") != (f"{group}/{version}" if group else version):
        raise _bad(f"{kind} {metadata.get('name')!r} has the apiVersion {found.get('apiVersion')!r}", where)
    if not isinstance(metadata.get("name"), str) or metadata.get("namespace", settings.namespace) != settings.namespace:
        raise _bad(f"{kind} {metadata.get('name')!r} is not for the namespace {settings.namespace}", where)
    if str(metadata["name"]).startswith("tidegate-"):
        raise _bad(f"{kind} {metadata['name']}: names that begin with tidegate- are Tidegate's own", where)
    if isinstance(annotations := metadata.get("annotations"), dict) and "helm.sh/hook" in annotations:
        raise _bad(f"{kind} {metadata['name']} is a hook of Helm, and hooks are not run", where)
    for name in ("uid", "resourceVersion", "managedFields", "generation", "creationTimestamp"):
        metadata.pop(name, None)
    return found


def _documents(
    archive: Archive, settings: KubernetesSettings, component: str, cluster: Callable[[], str]
) -> Iterator[Any]:
    import yaml  # type: ignore[import-untyped]

    release = settings.release or component
    order = Order(settings.manifests or "", settings.namespace, release, settings.values, cluster)
    for name, text in RENDERERS[settings.renderer].render(archive, order):
        try:
            if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.CSafeLoader)):
                raise _bad(f"{name} has aliases, which are not read", archive.where)
            yield from (one for one in yaml.load_all(text, yaml.CSafeLoader) if one is not None)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise _bad(f"{name} is not YAML: {error}", archive.where) from error
