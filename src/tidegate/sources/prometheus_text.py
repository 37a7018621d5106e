"""Counters read from a target's own ``/metrics`` page, in the text format of Prometheus.

The target itself is asked, not a monitoring server: exact counters instead of rates over a window, no scrape interval
to wait for, and nothing lost of a process that has just started. What it answers is a stranger's text: bounded in size
and time, never followed elsewhere, and every value checked before it counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx2
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from tidegate.clock import Clock
from tidegate.cutoff import Cutoff
from tidegate.errors import NotFoundError, SourceError, UsageError
from tidegate.sources.contract import MAX_COUNTER, Sample
from tidegate.sources.selector import Selector, parse_selector

MAX_PAGE = 4 * 2**20
# Longer than any honest series; the parser takes quadratic time in the length of a line.
MAX_LINE = 16 * 2**10
MAX_SERIES = 100_000

_ACCEPT = "text/plain;version=0.0.4;q=1,application/openmetrics-text;version=1.0.0;q=0.5"
_PARSERS: Mapping[str, Callable[[str], Iterable[Metric]]] = {
    "": parse_text,
    "text/plain": parse_text,
    "application/openmetrics-text": parse_openmetrics,
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PrometheusTextSettings:
    """Where to read, and which series are the requests and the errors among them."""

    urls: Mapping[str, str]
    """The metrics page of each unit, such as ``{"web1": "http://10.0.0.5:8000/metrics"}``."""
    requests: str = "http_requests_total"
    """Selects the counters whose sum is all requests."""
    errors: str = 'http_requests_total{code=~"5.."}'
    """Selects those whose sum is the errors; each must also be among the requests."""
    started: str = "process_start_time_seconds"
    """Selects the gauge that tells when the process started (seconds since 1970)."""
    timeout_s: float = 5.0
    """For one reading altogether, from the connection to the last byte."""


class PrometheusText:
    """Reads one unit by one GET. Safe to share between threads.

    The proxies of the environment are not used: a target is asked directly.

    Raises:
        UsageError: a selector that cannot be read, an address that is not http or https, or a time-out of no time.
    """

    def __init__(self, settings: PrometheusTextSettings, clock: Clock) -> None:
        _demand_settings(settings)
        self._settings = settings
        self._requests = parse_selector(settings.requests)
        self._errors = parse_selector(settings.errors)
        self._started = parse_selector(settings.started)
        self._clock = clock

    def read(self, unit: str) -> Sample | None:
        """See ``Source.read``. The sample carries the moment before the page was asked for."""
        url = self._settings.urls.get(unit)
        if url is None:
            raise NotFoundError(
                f"no metrics page is known for {unit!r}",
                remedy=f"name its address in the settings; known are: {', '.join(sorted(self._settings.urls))}",
            )
        # Taken before: two readings of one clock are then in the order of the two pages.
        taken_at = self._clock()
        return self.sample_of(fetch_page(url, self._settings.timeout_s), taken_at)

    def sample_of(self, page: Page, taken_at: datetime) -> Sample | None:
        """The sample on a page; None when it has no series of requests.

        Raises:
            SourceError: it cannot be parsed, or a value of a selected series is no exact count.
        """
        series = _Series.of(page)
        requests = series.values(self._requests)
        if not requests:
            return None
        try:
            return Sample(
                requests=_sum(requests, self._requests),
                # No series of errors: none has happened yet. Client libraries show a label after its first use.
                errors=_sum(series.values(self._errors), self._errors),
                taken_at=taken_at,
                started_at=_start_time(series.values(self._started), self._started),
            )
        except SourceError as error:
            raise SourceError(error.what, where=page.url, remedy=error.remedy) from error


@dataclass(frozen=True, slots=True)
class Page:
    """What a metrics page answered."""

    url: str
    content_type: str
    """Without parameters, in lower case; empty when the answer named none."""
    text: str


def fetch_page(url: str, timeout_s: float) -> Page:
    """One GET, bounded in time and size.

    Raises:
        SourceError: no answer in time, an answer other than 200, too much of it, or no text.
    """
    cutoff = Cutoff(timeout_s)
    headers = {"Accept": _ACCEPT, "Accept-Encoding": "identity"}
    try:
        with (
            cutoff,
            httpx2.Client(timeout=timeout_s, follow_redirects=False, trust_env=False) as client,
            client.stream("GET", url, headers=headers, extensions={"trace": cutoff.trace}) as answer,
        ):
            content_type = _demand_answer(answer, url)
            body = _bounded(answer, url)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        if cutoff.over or isinstance(error, httpx2.TimeoutException):
            raise _too_slow(url, timeout_s) from error
        raise SourceError(
            f"the metrics page cannot be read: {str(error) or type(error).__name__}",
            where=url,
            remedy="see that the service runs and that this machine may connect to it",
        ) from error
    if cutoff.over:
        # A page that is ended by closing the connection looks whole when we are the ones who closed it.
        raise _too_slow(url, timeout_s)
    return Page(url, content_type, _demand_text(body, url))


def _demand_answer(answer: httpx2.Response, url: str) -> str:
    if answer.is_redirect:
        raise SourceError(
            f"the metrics page sends us elsewhere (status {answer.status_code})",
            where=url,
            remedy="name the address where the page really is; a redirect is never followed",
        )
    if answer.status_code != 200:
        raise SourceError(
            f"the metrics page answered with status {answer.status_code}",
            where=url,
            remedy="see that the service runs and exposes its metrics there",
        )
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise SourceError(
            "the metrics page is compressed although we asked for plain text",
            where=url,
            remedy="switch compression off for this page",
        )
    content_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in _PARSERS:
        raise SourceError(
            f"the page answered with {content_type[:80]!r}, not with metrics",
            where=url,
            remedy="name the address of the metrics page, which answers text/plain",
        )
    return content_type


def _bounded(answer: httpx2.Response, url: str) -> bytes:
    body = bytearray()
    for chunk in answer.iter_raw():
        body += chunk
        if len(body) > MAX_PAGE:
            raise SourceError(
                f"the metrics page is larger than {MAX_PAGE // 2**20} MiB",
                where=url,
                remedy="expose fewer series, or a page of its own for the counters that the watch reads",
            )
    return bytes(body)


def _too_slow(url: str, timeout_s: float) -> SourceError:
    return SourceError(
        f"the metrics page was not read within {timeout_s:g} s",
        where=url,
        remedy="see why the service is slow, or give timeout_s more",
    )


def _demand_text(body: bytes, url: str) -> str:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _unreadable(url, "not UTF-8") from error
    if "\r" in text or "\0" in text:
        raise _unreadable(url, "it has control characters")
    if text and not text.endswith("\n"):
        # A number cut in the middle is a smaller number, which would look like a restart.
        raise _unreadable(url, "it ends in the middle of a line")
    if any(len(line) > MAX_LINE for line in text.split("\n")):
        raise _unreadable(url, f"a line has more than {MAX_LINE} characters")
    return text


def _unreadable(url: str, why: str) -> SourceError:
    return SourceError(
        f"the page is not in the text format of Prometheus: {why}",
        where=url,
        remedy="name the address of the metrics page, and see what it answers with: curl",
    )


@dataclass(frozen=True, slots=True)
class _Series:
    """All series of a page: by metric name, labels and value."""

    by_name: Mapping[str, list[tuple[Mapping[str, str], float]]]
    url: str

    @classmethod
    def of(cls, page: Page) -> _Series:
        by_name: dict[str, list[tuple[Mapping[str, str], float]]] = {}
        for count, (name, labels, value) in enumerate(_parsed(page)):
            if count >= MAX_SERIES:
                raise _unreadable(page.url, f"it has more than {MAX_SERIES} series")
            by_name.setdefault(name, []).append((labels, value))
        return cls(by_name, page.url)

    def values(self, selector: Selector) -> list[float]:
        """The values of the selected series.

        The parser gives a counter the name with ``_total`` that newer formats demand, even where the page has none.
        """
        named = self.by_name.get(selector.name) or self.by_name.get(f"{selector.name}_total", [])
        chosen = [(labels, value) for labels, value in named if selector.accepts(labels)]
        if len({tuple(sorted(labels.items())) for labels, _ in chosen}) < len(chosen):
            raise SourceError(
                f"the page has the same series twice for {selector.text}",
                where=self.url,
                remedy="mend what exposes the metrics: a series may appear once",
            )
        return [value for _, value in chosen]


def _parsed(page: Page) -> Iterator[tuple[str, Mapping[str, str], float]]:
    try:
        for family in _PARSERS[page.content_type](page.text):
            for sample in family.samples:
                yield sample.name, sample.labels, sample.value
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
        # The parser leaves by whatever a malformed line trips over.
        raise _unreadable(page.url, f"{type(error).__name__} {str(error)[:120]!r}".strip()) from error


def _sum(values: list[float], selector: Selector) -> int:
    # Integers are summed, so that no sum rounds.
    total = sum(_count(value, selector) for value in values)
    return _count(total, selector)


def _count(value: float, selector: Selector) -> int:
    if not (math.isfinite(value) and value >= 0 and value == int(value) and value <= MAX_COUNTER):
        raise SourceError(
            f"{selector.text} has the value {value}, which is no count of events",
            remedy="select a counter of whole events",
        )
    return int(value)


def _start_time(values: list[float], selector: Selector) -> datetime | None:
    if len(values) != 1:
        # None, or several processes behind one page: no single moment.
        return None
    try:
        return _EPOCH + timedelta(seconds=values[0])
    except (OverflowError, ValueError) as error:
        raise SourceError(
            f"{selector.text} has the value {values[0]}, which is no time",
            remedy="select the gauge with the start of the process in seconds since 1970",
        ) from error


def _demand_settings(settings: PrometheusTextSettings) -> None:
    if not (math.isfinite(settings.timeout_s) and settings.timeout_s > 0):
        raise UsageError(f"timeout_s is {settings.timeout_s}", remedy="give a number of seconds above 0")
    for unit, url in settings.urls.items():
        if not _is_address(url):
            raise UsageError(
                f"the metrics page of {unit!r} is {url!r}",
                remedy="give an address such as http://host:8000/metrics",
            )


def _is_address(url: str) -> bool:
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        return False
    return parsed.scheme in ("http", "https") and parsed.host != ""
