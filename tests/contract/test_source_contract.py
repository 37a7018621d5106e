"""The promises of every metric source, and those of each by itself.

A new source joins by a *world* in ``WORLDS``: something real that its source reads, and whose counters can be set.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.core.watch import Action, Counts, Limits, Metric, Observation, begin, update, verdict
from tidegate.errors import NotFoundError, SourceError, UsageError
from tidegate.sources.contract import Sample, Source, tally
from tidegate.sources.prometheus_text import Page, PrometheusText, PrometheusTextSettings
from tidegate.sources.registry import SOURCES, make_source

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
STARTED = datetime(2026, 3, 1, 12, 0, 2, tzinfo=UTC)


def ticking() -> Callable[[], datetime]:
    """A clock that goes on by 15 s whenever it is asked."""
    ticks = count(1)
    return lambda: START + timedelta(seconds=15 * next(ticks))


class World(Protocol):
    """Something real behind a source, with one unit named ``web1``."""

    source: Source

    def show(self, requests: int, errors: int | None, started: datetime | None = STARTED) -> None:
        """Let the unit count so much; ``errors`` None: it has no such series yet."""

    def show_no_requests(self) -> None:
        """Let the unit answer, but without a series of requests."""

    def fall_silent(self) -> None:
        """Let nobody answer."""


# --- A real HTTP server -------------------------------------------------------------------------------------------

Answer = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """Answers on loopback with whatever it was given last."""

    def __init__(self) -> None:
        self.answer: Answer = plain("")
        self.seen: list[dict[str, str]] = []
        self.closing = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.seen.append({"path": self.path, **{key.lower(): value for key, value in self.headers.items()}})
                outer.answer(self)

            def log_request(self, code: object = "-", size: object = "-") -> None:
                """Quiet: what a test does not assert it does not print."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = False
        self.url = f"http://127.0.0.1:{self.http.server_port}/metrics"
        self.thread = threading.Thread(target=partial(self.http.serve_forever, poll_interval=0.02))
        self.thread.start()

    def close(self) -> None:
        if not self.closing.is_set():
            self.closing.set()
            self.http.shutdown()
            self.thread.join()
            self.http.server_close()


def plain(text: str | bytes, content_type: str | None = "text/plain; version=0.0.4", status: int = 200) -> Answer:
    """An ordinary answer."""
    body = text.encode() if isinstance(text, str) else text

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        if content_type:
            handler.send_header("Content-Type", content_type)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        try:
            handler.wfile.write(body)
        except OSError:
            return  # The reader has seen enough.

    return answer


@contextmanager
def serving() -> Iterator[Server]:
    server = Server()
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


EXPOSITION = """\
# HELP http_requests_total Requests.
# TYPE http_requests_total counter
http_requests_total{{code="200",path="/"}} {good}
{errors}# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 2.5e+07
{started}"""


@dataclass
class PrometheusTextWorld:
    server: Server
    source: Source

    def show(self, requests: int, errors: int | None, started: datetime | None = STARTED) -> None:
        text = EXPOSITION.format(
            good=f"{requests - (errors or 0):.1f}",
            errors="" if errors is None else f'http_requests_total{{code="500",path="/"}} {errors}\n',
            started="" if started is None else f"process_start_time_seconds {started.timestamp()!r}\n",
        )
        self.server.answer = plain(text)

    def show_no_requests(self) -> None:
        self.server.answer = plain("process_start_time_seconds 1.0\n")

    def fall_silent(self) -> None:
        self.server.close()


@contextmanager
def prometheus_text() -> Iterator[World]:
    with serving() as running:
        yield PrometheusTextWorld(running, make_source("prometheus-text", {"urls": {"web1": running.url}}, ticking()))


WORLDS = {"prometheus-text": prometheus_text}


# --- The contract -------------------------------------------------------------------------------------------------


@pytest.fixture(params=sorted(WORLDS))
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with WORLDS[request.param]() as made:
        yield made


def test_every_source_of_the_registry_is_held_to_the_contract() -> None:
    assert set(WORLDS) == set(SOURCES)


def test_it_reads_what_the_unit_has_counted(world: World) -> None:
    world.show(120, 7)
    assert world.source.read("web1") == Sample(120, 7, START + timedelta(seconds=15), STARTED)


def test_reading_again_changes_nothing(world: World) -> None:
    world.show(120, 7)
    first, second = world.source.read("web1"), world.source.read("web1")
    assert first is not None
    assert second is not None
    assert (first.requests, first.errors) == (second.requests, second.errors)
    assert first.taken_at < second.taken_at


def test_no_series_of_errors_beside_requests_is_no_error(world: World) -> None:
    world.show(120, None)
    sample = world.source.read("web1")
    assert sample is not None
    assert (sample.requests, sample.errors) == (120, 0)


def test_no_series_of_requests_is_no_data(world: World) -> None:
    world.show_no_requests()
    assert world.source.read("web1") is None


def test_an_unknown_start_is_none(world: World) -> None:
    world.show(120, 7, started=None)
    sample = world.source.read("web1")
    assert sample is not None
    assert sample.started_at is None


def test_a_unit_that_was_not_named_is_not_found(world: World) -> None:
    with pytest.raises(NotFoundError, match=r"'web9'") as caught:
        world.source.read("web9")
    assert "web1" in caught.value.remedy


def test_silence_is_an_error_of_the_source(world: World) -> None:
    world.fall_silent()
    with pytest.raises(SourceError) as caught:
        world.source.read("web1")
    assert caught.value.remedy
    assert caught.value.where
    assert caught.value.retryable


def test_the_first_error_of_a_new_version_and_a_restart_reach_the_watch(world: World) -> None:
    """The old version served 900 requests; the new one answers errors from its first request on, and restarts once."""
    state = begin(Limits(), START)
    world.show(900, 0, started=START - timedelta(days=1))
    previous = dict(tally({}, {"web1": world.source.read("web1")}).previous)
    answers = []
    for look, (requests, errors, started) in enumerate([(1, 1, 2), (2, 2, 2), (1, 1, 40), (3, 3, 40)]):
        world.show(requests, errors, started=START + timedelta(seconds=started))
        reading = tally(previous, {"web1": world.source.read("web1")}, fresh_since=START)
        previous = dict(reading.previous)
        now = START + timedelta(seconds=15 * (look + 2))
        state = update(state, Observation(f"look {look}", now, reading.counts))
        answers.append(verdict(state, now, now + timedelta(hours=1)).action)
    assert answers == [Action.WAIT, Action.WAIT, Action.ROLL_BACK, Action.ROLL_BACK]
    assert (state.tallies[Metric.ERROR_RATE].total, state.tallies[Metric.ERROR_RATE].bad) == (5, 5)


# --- The registry -------------------------------------------------------------------------------------------------


def test_an_unknown_kind_of_source_is_refused_and_the_likely_one_named() -> None:
    with pytest.raises(UsageError, match=r"^there is no metric source 'prometheus-txt'$") as caught:
        make_source("prometheus-txt", {}, ticking())
    assert caught.value.remedy == "did you mean prometheus-text?"


@pytest.mark.parametrize("given_settings", [{}, {"urls": {}, "request": "x"}])
def test_settings_that_do_not_fit_are_refused(given_settings: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=r"^the settings of metric source prometheus-text do not fit"):
        make_source("prometheus-text", given_settings, ticking())


# --- The text page of Prometheus ----------------------------------------------------------------------------------


def reader(url: str, timeout_s: float = 5.0, **settings_: str) -> PrometheusText:
    return PrometheusText(PrometheusTextSettings({"web1": url}, timeout_s=timeout_s, **settings_), ticking())


HTML = "<!DOCTYPE html>\n<html></html>\n"


def refusal(server: Server, answer: Answer, timeout_s: float = 5.0) -> SourceError:
    server.answer = answer
    with pytest.raises(SourceError) as caught:
        reader(server.url, timeout_s).read("web1")
    assert caught.value.where == server.url
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (plain(HTML, "text/html; charset=utf-8"), "the page answered with 'text/html', not with metrics"),
        (plain(HTML, None), "the page is not in the text format of Prometheus"),
        (plain('{"requests": 3}\n', "application/json"), "the page answered with 'application/json', not with metrics"),
        (plain("nothing here\n", status=404), "the metrics page answered with status 404"),
        (plain("overloaded\n", status=503), "the metrics page answered with status 503"),
        (plain("http_requests_total twelve\n"), "the page is not in the text format of Prometheus: ValueError"),
        (plain('http_requests_total{code="200 12\n'), "the page is not in the text format of Prometheus"),
        (plain("http_requests_total 1"), "it ends in the middle of a line"),
        (plain(b"http_requests_total \xff\n"), "not UTF-8"),
        (plain("http_requests_total 1\r\n"), "it has control characters"),
        (plain('m{a="' + "x" * 17_000 + '"} 1\n'), "a line has more than 16384 characters"),
        (plain("x 1\n" * 100_001), "it has more than 100000 series"),
        (plain("http_requests_total NaN\n"), "http_requests_total has the value nan, which is no count of events"),
        (plain("http_requests_total +Inf\n"), "http_requests_total has the value inf, which is no count of events"),
        (plain("http_requests_total -1\n"), "http_requests_total has the value -1, which is no count of events"),
        (plain("http_requests_total 1.5\n"), "http_requests_total has the value 1.5, which is no count of events"),
        (plain("http_requests_total 1e300\n"), "has the value 1e+300, which is no count of events"),
        (plain('http_requests_total{a="1"} 9e15\nhttp_requests_total{a="2"} 9e15\n'), "has the value 1800000000000000"),
        (plain("http_requests_total 5\nhttp_requests_total 6\n"), "the page has the same series twice"),
        (plain("http_requests_total 5\nprocess_start_time_seconds NaN\n"), "has the value nan, which is no time"),
        (plain("http_requests_total 5\nprocess_start_time_seconds 1e18\n"), "has the value 1e+18, which is no time"),
        (plain("x" * (4 * 2**20 + 1)), "the metrics page is larger than 4 MiB"),
    ],
)  # fmt: skip
def test_what_is_no_page_of_counts_is_refused(server: Server, answer: Answer, sentence: str) -> None:
    assert sentence in refusal(server, answer).what


def test_errors_that_are_not_among_the_requests_are_refused(server: Server) -> None:
    server.answer = plain("requests_total 3\nfailures_total 4\n")
    with pytest.raises(SourceError, match=r"/metrics: 4 errors of only 3 requests$"):
        reader(server.url, requests="requests_total", errors="failures_total").read("web1")


def test_a_redirect_is_not_followed(server: Server) -> None:
    def elsewhere(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", "/other")
        handler.end_headers()

    assert refusal(server, elsewhere).what == "the metrics page sends us elsewhere (status 302)"
    assert [seen["path"] for seen in server.seen] == ["/metrics"]


def test_a_compressed_answer_is_refused_unread(server: Server) -> None:
    def packed(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/plain")
        handler.send_header("Content-Encoding", "gzip")
        handler.end_headers()

    assert "is compressed although we asked for plain text" in refusal(server, packed).what
    assert server.seen[0]["accept-encoding"] == "identity"


def test_an_answer_without_end_is_cut_at_the_limit(server: Server) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/plain")
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"# for ever\n" * 1000)
        except OSError:
            return

    assert refusal(server, endless).what == "the metrics page is larger than 4 MiB"


@pytest.mark.parametrize("part", ["never answers", "drips its headers", "drips its body"])
def test_a_slow_answer_is_given_up(server: Server, part: str) -> None:
    """Each byte comes well within the time-out, the whole never."""

    def slowly(handler: BaseHTTPRequestHandler) -> None:
        if part == "never answers":
            server.closing.wait()
            return
        if part == "drips its body":
            handler.send_response(200)
            handler.send_header("Content-Type", "text/plain")
            handler.end_headers()
        else:
            handler.wfile.write(b"HTTP/1.0 200 OK\r\nX-Slow: ")
        try:
            while not server.closing.wait(0.02):
                handler.wfile.write(b"\n" if part == "drips its body" else b"x")
                handler.wfile.flush()
        except OSError:
            return

    assert refusal(server, slowly, timeout_s=0.3).what == "the metrics page was not read within 0.3 s"


def test_a_broken_connection_is_an_error_of_the_source(server: Server) -> None:
    def torn(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/plain")
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"http_requests_total 5\n")

    assert refusal(server, torn).what.startswith("the metrics page cannot be read: ")


def test_openmetrics_is_read_where_the_target_speaks_it(server: Server) -> None:
    server.answer = plain(
        '# TYPE http_requests counter\nhttp_requests_total{code="200"} 5\nhttp_requests_total{code="503"} 2\n# EOF\n',
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
    )
    sample = reader(server.url).read("web1")
    assert sample is not None
    assert (sample.requests, sample.errors) == (7, 2)


def test_a_counter_without_total_is_found_by_the_name_on_the_page(server: Server) -> None:
    server.answer = plain('# TYPE hits counter\nhits{code="200"} 5\nhits{code="500"} 1\n')
    sample = reader(server.url, requests="hits", errors='hits{code="500"}').read("web1")
    assert sample is not None
    assert (sample.requests, sample.errors) == (6, 1)


def test_several_processes_behind_one_page_have_no_single_start(server: Server) -> None:
    server.answer = plain(
        'http_requests_total 5\nprocess_start_time_seconds{pid="1"} 5\nprocess_start_time_seconds{pid="2"} 6\n'
    )
    sample = reader(server.url).read("web1")
    assert sample is not None
    assert sample.started_at is None


def test_an_empty_page_is_no_data(server: Server) -> None:
    server.answer = plain("")
    assert reader(server.url).read("web1") is None


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"urls": {"web1": "file:///etc/passwd"}}, "the metrics page of 'web1' is 'file:///etc/passwd'"),
        ({"urls": {"web1": "web1:8000/metrics"}}, "the metrics page of 'web1' is 'web1:8000/metrics'"),
        ({"urls": {"web1": "http://[::1/metrics"}}, "the metrics page of 'web1' is 'http://[::1/metrics'"),
        ({"urls": {"web1": "http:///metrics"}}, "the metrics page of 'web1' is 'http:///metrics'"),
        ({"urls": {}, "timeout_s": 0.0}, "timeout_s is 0.0"),
        ({"urls": {}, "timeout_s": float("nan")}, "timeout_s is nan"),
        ({"urls": {}, "errors": "sum(x)"}, "the selector 'sum(x)' has '(' at character 4, expected the end"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_read(wrong: dict[str, object], sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        make_source("prometheus-text", wrong, ticking())
    assert caught.value.what == sentence


line = st.text(st.sampled_from('http_requests_total{}=",~# TYPEHELPcounter0123456789.eE+-NaInf\\ \t'), max_size=40)


@given(st.lists(line | st.just("http_requests_total 5") | st.text(max_size=20), max_size=4), st.booleans())
@settings(max_examples=200)
def test_any_text_is_counts_or_no_data_or_a_refusal(lines: list[str], open_metrics: bool) -> None:
    content_type = "application/openmetrics-text" if open_metrics else "text/plain"
    page = Page("http://web1/metrics", content_type, "".join(f"{text}\n" for text in lines))
    with suppress(SourceError):
        sample = reader(page.url).sample_of(page, START)
        assert sample is None or sample.errors <= sample.requests


def test_counts_of_a_page_are_the_sum_of_its_series() -> None:
    text = "".join(
        f'http_requests_total{{code="{code}",path="/{n}"}} {n}\n' for code in (200, 404, 500, 503) for n in range(10)
    )
    sample = reader("http://web1/metrics").sample_of(Page("http://web1/metrics", "text/plain", text), START)
    assert sample is not None
    assert Counts(sample.requests, sample.errors) == Counts(180, 90)
