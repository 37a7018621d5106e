"""The Kubernetes driver: Deployments and StatefulSets, by image digest, by server-side apply."""

from tidegate.drivers.kubernetes.driver import KubernetesDriver
from tidegate.drivers.kubernetes.settings import KubernetesSettings

__all__ = ["KubernetesDriver", "KubernetesSettings"]
