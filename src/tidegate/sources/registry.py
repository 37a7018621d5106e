"""The sources there are, by the name that a policy uses. A new source is a module and one line here.

A name that is not here is refused: silently reading from another source would judge a release by the wrong counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tidegate.clock import Clock
from tidegate.errors import UsageError
from tidegate.sources.contract import Source

Factory = Callable[[Mapping[str, Any], Clock], Source]


def _prometheus_text(settings: Mapping[str, Any], clock: Clock) -> Source:
    # Imported when it is used: a command that reads no metrics must not pay for an HTTP client.
    from tidegate.sources.prometheus_text import PrometheusText, PrometheusTextSettings

    return PrometheusText(PrometheusTextSettings(**settings), clock)


SOURCES: Mapping[str, Factory] = {"prometheus-text": _prometheus_text}


def make_source(kind: str, settings: Mapping[str, Any], clock: Clock) -> Source:
    """The source of this kind.

    Args:
        settings: the fields of the source's settings class, by name.

    Raises:
        UsageError: there is no such kind, or it has no such setting.
    """
    factory = SOURCES.get(kind)
    if factory is None:
        from difflib import get_close_matches

        near = get_close_matches(kind, SOURCES, n=1)
        raise UsageError(
            f"there is no metric source {kind!r}",
            remedy=f"did you mean {near[0]}?" if near else f"choose one of: {', '.join(sorted(SOURCES))}",
        )
    try:
        return factory(settings, clock)
    except TypeError as error:
        raise UsageError(
            f"the settings of metric source {kind} do not fit: {error}",
            remedy="see the reference of this source for its settings",
        ) from error
