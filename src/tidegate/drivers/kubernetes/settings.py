"""The settings of a Kubernetes target, as the policy writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, Protocol

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from tidegate.core.duration import Duration
from tidegate.core.written import written

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_KNOWN = ("unit", "namespace")


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(
            f"{written(text)} is not the name of an object; use small letters, digits, dot and dash, at most 63"
        )
    return text


def _label(text: str) -> str:
    if not _LABEL.fullmatch(text):
        raise ValueError(f"{written(text)} is not a name; use small letters, digits and dash, at most 63")
    return text


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


def _inside(text: str) -> str:
    parts = text.split("/")
    if text.startswith("/") or any(part in ("", ".", "..") for part in parts) or re.search(r"[\x00-\x1f\x7f\\]", text):
        raise ValueError(f"{written(text)} is not a path inside the component's files, such as deploy/production")
    return text


def _file(text: str) -> str:
    if not re.fullmatch(r"(?:~/|/)[^\x00-\x1f\x7f]+", text):
        raise ValueError(f"{written(text)} is not a path; begin with / or ~/")
    return text


def _url(text: str) -> str:
    if not re.fullmatch(r"https?://[A-Za-z0-9.{}_-]+(?::[0-9]+)?(?:/[^\s\x00-\x1f\x7f]*)?", text):
        raise ValueError(f"{written(text)} is not an http or https address without credentials")
    if unknown := set(_PLACEHOLDER.findall(text)) - set(_KNOWN):
        raise ValueError(f"{{{min(unknown)}}} in {written(text)} is not known; known: {', '.join(_KNOWN)}")
    return text


def _positive(value: timedelta) -> timedelta:
    if not timedelta() < value <= timedelta(days=1):
        raise ValueError("a time-out is more than 0 and at most one day")
    return value


Name = Annotated[str, AfterValidator(_name)]
Label = Annotated[str, AfterValidator(_label)]
Inside = Annotated[str, AfterValidator(_inside)]
File = Annotated[str, AfterValidator(_file)]
Context = Annotated[str, Field(min_length=1, max_length=253)]
Names = Annotated[tuple[Name, ...], BeforeValidator(_several), Field(max_length=1000)]
Timeout = Annotated[Duration, AfterValidator(_positive)]


class Access(Protocol):
    """How a cluster is reached."""

    @property
    def kubeconfig(self) -> str | None: ...
    @property
    def context(self) -> str | None: ...
    @property
    def namespace(self) -> str: ...
    @property
    def request_timeout(self) -> timedelta: ...


class KubernetesSettings(BaseModel):
    """A target of the Kubernetes driver: workloads of one namespace, each of which is a unit.

    ``container`` and ``containers`` say which container gets which image; ``manifests`` is a path in the component's
    files with the workloads to apply, and ``renderer`` makes them of it. ``config_map`` is the name by which the pods
    know their configuration, and ``config_file`` is its path in the component's files.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    driver: Literal["kubernetes"] = "kubernetes"
    kubeconfig: File | None = None
    context: Context | None = None
    namespace: Label
    deployment: Names = ()
    statefulset: Names = ()
    container: Label | None = None
    containers: Mapping[Label, str] = Field(default_factory=dict)
    manifests: Inside | None = None
    renderer: Literal["plain", "kustomize", "helm"] = "plain"
    release: Annotated[str, AfterValidator(_label), Field(max_length=53)] | None = None
    values: Annotated[tuple[Inside, ...], BeforeValidator(_several), Field(max_length=20)] = ()
    config_map: Annotated[Name, Field(max_length=240)] | None = None
    config_file: Inside | None = None
    rollout_timeout: Timeout = timedelta(minutes=10)
    failing_for: Timeout = timedelta(seconds=30)
    request_timeout: Timeout = timedelta(seconds=10)
    keep: Annotated[int, Field(ge=1, le=20)] = 3
    metrics: Annotated[str, Field(max_length=1000), AfterValidator(_url)] | None = None

    @model_validator(mode="after")
    def _workloads_named_once(self) -> KubernetesSettings:
        names = [*self.deployment, *self.statefulset]
        if not names:
            raise ValueError("the target names no workload; add deployment: NAME or statefulset: NAME")
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two workloads have the same name: {name}")
        if self.container and self.containers:
            raise ValueError("write container or containers, not both")
        return self

    @model_validator(mode="after")
    def _something_to_render(self) -> KubernetesSettings:
        if self.renderer != "plain" and not self.manifests:
            raise ValueError(f"there is nothing for {self.renderer} to render; add manifests: PATH")
        if (self.release or self.values) and self.renderer != "helm":
            raise ValueError("release and values are for renderer: helm")
        if self.config_map and self.config_map.startswith("tidegate-"):
            raise ValueError("names that begin with tidegate- are Tidegate's own; give config_map another name")
        if self.config_file and not self.config_map:
            raise ValueError("config_file is for config_map; add config_map: NAME")
        return self

    @property
    def kinds(self) -> dict[str, str]:
        """The kind of each workload, by its name, in the order of the policy."""
        return dict.fromkeys(self.deployment, "Deployment") | dict.fromkeys(self.statefulset, "StatefulSet")

    def metrics_of(self, unit: str) -> str | None:
        """The address of a unit's counts."""
        values = {"unit": unit, "namespace": self.namespace}
        return _PLACEHOLDER.sub(lambda found: values[found[1]], self.metrics) if self.metrics else None
