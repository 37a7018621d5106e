"""The renderers by the name that a policy calls them. Adding one is its module and one line here."""

from __future__ import annotations

from tidegate.drivers.kubernetes.renderers.contract import Renderer
from tidegate.drivers.kubernetes.renderers.helm import Helm
from tidegate.drivers.kubernetes.renderers.kustomize import Kustomize
from tidegate.drivers.kubernetes.renderers.plain import Plain

RENDERERS: dict[str, Renderer] = {"plain": Plain(), "kustomize": Kustomize(), "helm": Helm()}
