"""Helm, by ``helm template``: the chart lies in the files with what it depends on, and helm asks no cluster.

A chart may say which clusters it is for, and render by the version of the cluster; without being told, helm takes the
newest one that it knows. So it is told that of the cluster where this is going.

Source: helm.sh, "Helm Template" (--kube-version, --skip-tests, --values), "Charts" (kubeVersion), "Chart Hooks" (the
annotation helm.sh/hook).
"""

from __future__ import annotations

from tidegate.drivers.kubernetes.renderers.contract import Order, found, rendered
from tidegate.drivers.kubernetes.renderers.tree import Archive


class Helm:
    """Renders a chart."""

    def lacks(self) -> str:
        return "" if found("helm") else "install helm"

    def render(self, archive: Archive, order: Order) -> list[tuple[str, bytes]]:
        values = [part for path in order.values for part in ("--values", f"./{path}")]
        version = order.cluster()
        told = ("--kube-version", version) if version else ()
        argv = [
            *(found("helm") or "helm", "template", order.release, f"./{order.path}"),
            *("--namespace", order.namespace, "--skip-tests", *told, *values),
        ]
        return [(f"what helm makes of {order.path}", rendered(argv, archive, "helm", order.path))]
