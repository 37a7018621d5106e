"""Helm, by ``helm template``: the chart lies in the files with what it depends on, and no cluster is asked.

Source: helm.sh, "Helm Template" (--skip-tests, --values), "Chart Hooks" (the annotation helm.sh/hook).
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
        argv = [
            *(found("helm") or "helm", "template", order.release, f"./{order.path}"),
            *("--namespace", order.namespace, "--skip-tests", *values),
        ]
        return [(f"what helm makes of {order.path}", rendered(argv, archive, "helm", order.path))]
