"""What is to be applied for a version, as a value, and what a workload is compared by afterwards. Pure."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tidegate.core.effect import Package
from tidegate.core.image_lock import ImageLock
from tidegate.drivers.kubernetes.config_map import names_in, part_that_names, point
from tidegate.drivers.kubernetes.record import Json
from tidegate.drivers.kubernetes.settings import KubernetesSettings
from tidegate.drivers.kubernetes.status import PACKAGE, VERSION
from tidegate.errors import TargetError

MANAGER = "tidegate"
TRAFFIC_MANAGER = "tidegate-traffic"
"""Another manager than that of the manifests: what these leave out is not taken away from the traffic switch."""
KEY = "tidegate.dev/key"
FENCE = "tidegate.dev/fence"
_RESTARTED = "kubectl.kubernetes.io/restartedAt"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SECTIONS = ("initContainers", "containers")
_MOST = 1 << 23


@dataclass(frozen=True, slots=True)
class Intent:
    """``workload`` is what is applied of it, without replicas; ``whole``: that is all of its pod template.

    ``objects`` are applied before it; ``replicas`` is None where somebody else decides them. ``base`` is the name by
    which the pods know their configuration, and ``configuration`` the ConfigMap of this version; None: it brings none.
    """

    workload: Json
    objects: Sequence[Json] = field(default=())
    replicas: int | None = None
    whole: bool = False
    base: str = ""
    configuration: Json | None = None

    def to_bytes(self) -> bytes:
        """It as it is kept."""
        record = {
            "workload": self.workload,
            "objects": list(self.objects),
            "replicas": self.replicas,
            "whole": self.whole,
            "base": self.base,
            "configuration": self.configuration,
        }
        return gzip.compress(json.dumps(record, sort_keys=True).encode(), mtime=0)

    def body(self, package: Package, key: str) -> Json:
        """What is applied: the intent, with what we write to it and to its pods."""
        body: Json = json.loads(json.dumps(self.workload))
        ours = {VERSION: package.version, PACKAGE: package.digest}
        body.setdefault("metadata", {}).setdefault("annotations", {}).update({**ours, KEY: key})
        template = body.setdefault("spec", {}).setdefault("template", {})
        template.setdefault("metadata", {}).setdefault("annotations", {}).update(ours)
        return body

    def fingerprint(self, template: Json) -> str:
        """The digest of what a pod template has of this intent: all of it, or its images and our annotations."""
        annotations = dict(template.get("metadata", {}).get("annotations", {}))
        annotations.pop(_RESTARTED, None)
        if self.whole:
            metadata = {**template.get("metadata", {}), "annotations": annotations}
            seen: Json = {**template, "metadata": metadata}
        else:
            names = set(images_in(self.workload["spec"]["template"]))
            images = {name: image for name, image in images_in(template).items() if name in names}
            seen = {"images": images, "annotations": {name: annotations.get(name) for name in (VERSION, PACKAGE)}}
            if self.base:
                seen["configuration"] = names_in(template, self.base)
        return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()


def read_intent(data: bytes, where: str) -> Intent:
    """The intent that was kept.

    Raises:
        TargetError: it is none.
    """
    try:
        found: Mapping[str, Any] = json.loads(gzip.decompress(data)) if len(data) < _MOST else {}
        return Intent(
            found["workload"],
            tuple(found["objects"]),
            found["replicas"],
            bool(found["whole"]),
            str(found.get("base", "")),
            found.get("configuration"),
        )
    except (ValueError, KeyError, TypeError, OSError, EOFError, RecursionError) as error:
        raise TargetError(
            f"what Tidegate keeps of a version there cannot be read: {error}",
            where=where,
            remedy="Give the package of this version, or adopt what runs.",
        ) from error


def images_in(template: Json) -> dict[str, str]:
    """The image of each container of a pod template, by the container's name."""
    spec = template.get("spec", {})
    return {one["name"]: one.get("image", "") for section in _SECTIONS for one in spec.get(section, [])}


def repository(image: str) -> str:
    """The registry and repository of an image's name, written out: ``nginx`` is ``docker.io/library/nginx``."""
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    name = f"{head}{slash}{last.partition(':')[0]}"
    first, slash, _ = name.partition("/")
    if not slash:
        return f"docker.io/library/{name}"
    return name if "." in first or ":" in first or first == "localhost" else f"docker.io/{name}"


def choose(settings: KubernetesSettings, lock: ImageLock, present: Mapping[str, str], where: str) -> dict[str, str]:
    """The image, by digest, that each container gets.

    Args:
        present: the image of each container now, by the container's name.

    Raises:
        TargetError: it is not told which container gets which image.
    """
    if wrong := [name for name, digest in lock.images.items() if not _DIGEST.fullmatch(digest)]:
        raise _unclear(f"the digest of {wrong[0]} in the lock is none", "Push the image again.", where)
    locked = {repository(name): f"{name}@{digest}" for name, digest in lock.images.items()}
    if settings.containers:
        found = {name: locked.get(repository(image), "") for name, image in settings.containers.items()}
    elif settings.container:
        mine = locked.get(repository(present.get(settings.container, "")), "")
        found = {settings.container: next(iter(locked.values())) if len(locked) == 1 else mine}
    else:
        found = {name: locked[repository(image)] for name, image in present.items() if repository(image) in locked}
        if not found and len(present) == len(locked) == 1:
            found = {next(iter(present)): next(iter(locked.values()))}
    _check(found, locked, present, where)
    return found


def _check(found: Mapping[str, str], locked: Mapping[str, str], present: Mapping[str, str], where: str) -> None:
    containers, images = ", ".join(present) or "none", ", ".join(locked) or "none"
    if not locked:
        raise _unclear(
            "this version has no image by digest",
            "Declare artifacts: [{image: NAME}] and push the image: tidegate artifact push.",
            where,
        )
    if missing := [name for name in found if name not in present]:
        raise _unclear(f"there is no container {missing[0]} (there are: {containers})", "Correct the policy.", where)
    if not found or not all(found.values()):
        raise _unclear(
            f"it is not told which container gets which image (containers: {containers}; images: {images})",
            "Write container: NAME, or containers: {NAME: IMAGE}, in the target.",
            where,
        )


def of_images(kind: str, name: str, live: Json, images: Mapping[str, str], base: str = "") -> Intent:
    """The intent that gives a workload these images, and leaves the rest of it to whoever manages that.

    What names the configuration ``base`` is part of it, as it is.
    """
    spec = live["spec"]["template"].get("spec", {})
    sections = part_that_names(live["spec"]["template"], base) if base else {}
    for section in _SECTIONS:
        mine = {one["name"]: {"name": one["name"]} for one in spec.get(section, []) if one["name"] in images}
        mine |= {one["name"]: one for one in sections.get(section, [])}
        for one in images.keys() & mine.keys():
            mine[one]["image"] = images[one]
        if mine:
            sections[section] = list(mine.values())
    return Intent(
        {
            "apiVersion": "apps/v1",
            "kind": kind,
            "metadata": {"name": name},
            "spec": {"template": {"spec": sections}},
        },
        base=base,
    )


def of_whole(kind: str, name: str, live: Json, images: Mapping[str, str], base: str = "") -> Intent:
    """The intent that brings back all of a workload as it is, with these images in place of its own."""
    spec: Json = json.loads(json.dumps(live["spec"]))
    spec.pop("replicas", None)
    for section in _SECTIONS:
        for one in spec["template"].get("spec", {}).get(section, []):
            one["image"] = images.get(one["name"], one.get("image", ""))
    metadata = {"name": name, **({"labels": live["metadata"]["labels"]} if live["metadata"].get("labels") else {})}
    return Intent({"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}, whole=True, base=base)


def configured(intent: Intent, configuration: Json, where: str) -> Intent:
    """The intent, with its pods naming the ConfigMap of the version.

    Raises:
        TargetError: nothing in the pod template names it.
    """
    base, name = intent.base, configuration["metadata"]["name"]
    if not point(intent.workload["spec"]["template"], base, name):
        raise _unclear(
            f"nothing in the pod template names the ConfigMap {base}",
            f"Mount it (volumes: [{{configMap: {{name: {base}}}}}]) or take its variables (envFrom) in the workload.",
            where,
        )
    return replace(intent, configuration=configuration)


def by_digest(template: Json, pods: Sequence[Json]) -> dict[str, str]:
    """The image of each container as it runs: by the digest that a pod of it says, where one does."""
    images = images_in(template)
    for pod in pods:
        for status in pod.get("status", {}).get("containerStatuses", []):
            name, ran = status.get("name"), str(status.get("imageID", "")).removeprefix("docker-pullable://")
            runs_this = status.get("image") == images.get(name) or repository(ran) == repository(images.get(name, ""))
            if (
                name in images
                and "@" not in images[name]
                and runs_this
                and re.fullmatch(r"[^@]+@sha256:[0-9a-f]{64}", ran)
            ):
                images[name] = ran
    return images


def who_changed(workload: Json) -> str:
    """Who else manages the images, or all of it, by the server's own record; empty where it knows of nobody."""
    found = []
    for entry in workload["metadata"].get("managedFields", []):
        written = json.dumps(entry.get("fieldsV1", {}))
        if entry.get("manager") != MANAGER and not entry.get("subresource") and '"f:template"' in written:
            found.append(f"{entry.get('manager')} ({entry.get('time', 'no time')})")
    return ", ".join(found)


def managers_of_template(workload: Json) -> tuple[str, ...]:
    """Who manages anything of the pod template."""
    return tuple(
        str(entry.get("manager"))
        for entry in workload["metadata"].get("managedFields", [])
        if entry.get("manager") != MANAGER and '"f:template"' in json.dumps(entry.get("fieldsV1", {}))
    )


def _unclear(what: str, remedy: str, where: str) -> TargetError:
    return TargetError(what, where=where, remedy=remedy)
