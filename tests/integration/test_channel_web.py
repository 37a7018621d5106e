"""Slack, webhooks and the page of announcements, against a real web server and a real directory."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from tests.support.webserver import DROP, Says, WebServer, web_server
from tidegate.channels import http
from tidegate.channels.contract import Answer, Message, Outcome, Surroundings
from tidegate.channels.http import Reach
from tidegate.channels.registry import channel_for
from tidegate.channels.settings import UnsetError
from tidegate.errors import UsageError

NOW = datetime(2026, 12, 1, 18, 0, tzinfo=UTC)
TOKEN = "xoxb-1-secret-token"
SECRET, OTHER = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
LOCAL = "127.0.0.0/8,::1"


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server() as made:
        yield made


def said(body: str, key: str = "key") -> Message:
    return Message(
        key, body, NOW, body, organization="Example", occasion="release.opened", say="announced", release="r"
    )


# --- Slack


def slack(server: WebServer, body: str = "hello", *, hook: bool = False) -> Answer:
    environment = {"TIDEGATE_SLACK_TOKEN": TOKEN, "TIDEGATE_SLACK_API": f"{server.url}/api/"}
    if hook:
        environment["TIDEGATE_SLACK_WEBHOOK_RELEASE_NEWS"] = f"{server.url}/services/T0/B0/SECRET"
    return channel_for("slack:#release-news", Surroundings(Path("/"), environment, lambda: NOW)).deliver(said(body))


def test_a_bot_posts_to_the_channel_by_its_token(server: WebServer) -> None:
    server.always = Says(200, b'{"ok": true}')
    assert slack(server).outcome is Outcome.DELIVERED
    (sent,) = server.sent
    assert sent.path == "/api/chat.postMessage"
    assert sent.headers["Authorization"] == f"Bearer {TOKEN}"
    content = json.loads(sent.body)
    assert (content["channel"], content["text"]) == ("#release-news", "hello")


def test_the_webhook_of_a_channel_comes_before_the_bot(server: WebServer) -> None:
    assert slack(server, hook=True).outcome is Outcome.DELIVERED
    (sent,) = server.sent
    assert sent.path == "/services/T0/B0/SECRET"
    assert "Authorization" not in sent.headers


def test_nobody_is_called_by_what_strangers_write(server: WebServer) -> None:
    server.always = Says(200, b'{"ok": true}')
    slack(server, "<!channel> <!here|x> <@U012AB3CD> @channel & <https://evil.example|click>")
    content = json.loads(server.sent[0].body)
    assert content["text"] == (
        "&lt;!channel&gt; &lt;!here|x&gt; &lt;@U012AB3CD&gt; @channel &amp; &lt;https://evil.example|click&gt;"
    )
    flags = ("parse", "link_names", "mrkdwn", "unfurl_links", "unfurl_media")
    assert [content[name] for name in flags] == ["none", False, False, False, False]


@pytest.mark.parametrize(
    ("says", "outcome", "what"),
    [
        (Says(429, b"", {"Retry-After": "30"}), Outcome.LATER, "Slack said 429"),
        (Says(200, b'{"ok": false, "error": "ratelimited"}'), Outcome.LATER, "Slack says ratelimited"),
        (Says(200, b'{"ok": false, "error": "channel_not_found"}'), Outcome.REFUSED, "Slack says channel_not_found"),
        (Says(200, b'{"ok": false, "error": "invalid_auth"}'), Outcome.UNSET, "Slack says invalid_auth"),
        (
            Says(200, b'{"ok": false, "error": "fatal_error"}'),
            Outcome.UNKNOWN,
            "Slack says fatal_error, so it may have been taken",
        ),
        (Says(200, b"<html>"), Outcome.UNKNOWN, "Slack's answer cannot be read, so it may have been taken"),
        (Says(200, b'{"ok": "yes"}'), Outcome.UNKNOWN, "Slack's answer cannot be read, so it may have been taken"),
        (Says(200, b"[" * 60_000), Outcome.UNKNOWN, "Slack's answer cannot be read, so it may have been taken"),
        (Says(500, b"oops"), Outcome.UNKNOWN, "Slack said 500 oops, so it may have been taken"),
        (Says(503), Outcome.LATER, "Slack said 503 ok"),
        (Says(302, b"", {"Location": "http://127.0.0.1:1/"}), Outcome.REFUSED, "Slack said 302"),
    ],
)
def test_what_slack_says_to_a_bot_decides(server: WebServer, says: Says, outcome: Outcome, what: str) -> None:
    server.says = [says]
    answer = slack(server)
    assert (answer.outcome, answer.what) == (outcome, what)
    assert len(server.sent) == 1


def test_slack_may_ask_for_an_hour(server: WebServer) -> None:
    server.says = [Says(429, b"", {"Retry-After": "3600"})]
    assert slack(server).after == timedelta(hours=1)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.DELIVERED),
        (404, Outcome.REFUSED),
        (410, Outcome.REFUSED),
        (403, Outcome.UNSET),
        (429, Outcome.LATER),
    ],
)
def test_what_slack_says_to_a_webhook_decides(server: WebServer, status: int, outcome: Outcome) -> None:
    server.says = [Says(status)]
    assert slack(server, hook=True).outcome is outcome


def test_a_connection_that_breaks_leaves_a_doubt(server: WebServer) -> None:
    server.says = [DROP]
    answer = slack(server)
    assert answer.outcome is Outcome.UNKNOWN
    assert len(server.sent) == 1


def test_neither_token_nor_webhook_is_in_an_answer(server: WebServer) -> None:
    server.always = Says(400, f"you said {TOKEN} and {server.url}/services/T0/B0/SECRET".encode())
    assert slack(server).outcome is slack(server, hook=True).outcome is Outcome.REFUSED
    assert TOKEN not in str(slack(server))
    assert "SECRET" not in str(slack(server, hook=True))
    server.always = Says(400, b"no such path: /services/T0/B0/SECRET")
    assert "SECRET" not in str(slack(server, hook=True))


def test_a_token_is_not_sent_unencrypted_to_another_machine() -> None:
    environment = {"TIDEGATE_SLACK_TOKEN": TOKEN, "TIDEGATE_SLACK_API": "http://192.0.2.1/api"}
    answer = channel_for("slack:#x", Surroundings(Path("/"), environment)).deliver(said("hello"))
    assert (answer.outcome, answer.what) == (Outcome.REFUSED, "nothing is sent there: it is not encrypted")


@pytest.mark.parametrize("address", ["slack:#a b", "slack:#", "slack:<!channel>", "slack:#" + "x" * 81])
def test_what_is_no_channel_of_slack_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="is no channel of Slack"):
        channel_for(address, Surroundings(Path("/"), {"TIDEGATE_SLACK_TOKEN": TOKEN}))


# --- Webhooks


def hook(
    url: str, body: str = "hello", *, key: str = "key", secret: str = SECRET, allow: str = LOCAL, **more: str
) -> Answer:
    environment = {"TIDEGATE_WEBHOOK_SECRET": secret, "TIDEGATE_WEBHOOK_ALLOW": allow, **more}
    return channel_for(f"webhook:{url}", Surroundings(Path("/"), environment)).deliver(said(body, key))


def test_a_receiver_can_verify_what_it_is_sent(server: WebServer) -> None:
    assert hook(f"{server.url}/in?x=1", "Grüße \udcff <&>").outcome is Outcome.DELIVERED
    (sent,) = server.sent
    assert sent.path == "/in?x=1"
    envelope = Webhook(SECRET).verify(sent.body, dict(sent.headers))
    assert envelope["type"] == "release.opened"
    assert envelope["timestamp"] == "2026-12-01T18:00:00.000000Z"
    assert envelope["data"]["text"] == "Grüße \ufffd <&>"
    assert (envelope["data"]["release"], envelope["data"]["organization"]) == ("r", "Example")
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(sent.body, dict(sent.headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(sent.body + b" ", dict(sent.headers))


def test_while_a_secret_is_changed_both_verify(server: WebServer) -> None:
    hook(server.url, secret=f"{OTHER} {SECRET}")
    (sent,) = server.sent
    for secret in (SECRET, OTHER):
        assert Webhook(secret).verify(sent.body, dict(sent.headers))["type"] == "release.opened"


def test_the_id_is_that_of_the_key(server: WebServer) -> None:
    for key in ("one", "two", "one"):
        hook(server.url, key=key)
    one, two, again = (sent.headers["webhook-id"] for sent in server.sent)
    assert one == again != two


@pytest.mark.parametrize(
    ("says", "outcome"),
    [
        (Says(204, b""), Outcome.DELIVERED),
        (Says(410), Outcome.REFUSED),
        (Says(400), Outcome.REFUSED),
        (Says(500), Outcome.LATER),
        (Says(429, b"", {"Retry-After": "120"}), Outcome.LATER),
        (Says(307, b"", {"Location": "http://169.254.169.254/latest"}), Outcome.REFUSED),
        (DROP, Outcome.UNKNOWN),
        (Says(200, b"x" * 200_000), Outcome.DELIVERED),
    ],
)
def test_what_the_receiver_says_decides(server: WebServer, says: Says, outcome: Outcome) -> None:
    server.says = [says]
    assert hook(server.url).outcome is outcome
    assert len(server.sent) == 1


def test_an_address_inside_the_private_network_is_refused_unless_allowed(server: WebServer) -> None:
    answer = hook(server.url, allow="")
    assert answer.outcome is Outcome.REFUSED
    assert re.fullmatch(
        r"nothing is sent there: it is at (127\.0\.0\.1|::1), which is not on the open Internet", answer.what
    )
    assert answer.remedy == (
        "name an https address on the open Internet, or allow the network: TIDEGATE_WEBHOOK_ALLOW=10.0.0.0/8"
    )
    assert hook(server.url, allow="10.0.0.0/8").outcome is Outcome.REFUSED
    assert server.sent == []


INSIDE = [
    "http://127.0.0.1:{port}/", "http://127.1:{port}/", "http://2130706433:{port}/", "http://0x7f000001:{port}/",
    "http://0:{port}/", "http://[::1]:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http://localhost.:{port}/",
    "http://[::]:{port}/", "http://10.0.0.1/", "https://169.254.169.254/", "https://192.168.0.1/", "https://100.64.0.1/",
    "https://[fe80::1]/", "https://[fc00::1]/", "https://[64:ff9b::a00:1]/", "https://[2002:a00:1::]/", "https://224.0.0.1/",
]  # fmt: skip


@pytest.mark.parametrize("url", INSIDE)
def test_no_spelling_of_an_inner_address_is_reached(server: WebServer, url: str) -> None:
    port = server.url.rpartition(":")[2]
    answer = hook(url.format(port=port), allow="")
    assert answer.outcome in (Outcome.REFUSED, Outcome.LATER)
    if answer.outcome is Outcome.LATER:
        assert answer.what.startswith("the name cannot be resolved")
    assert server.sent == []


def test_a_name_that_is_answered_differently_the_second_time_gains_nothing(
    server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(server.url.rpartition(":")[2])
    asked: list[str] = []

    def rebinding(host: str, *_: object, **__: object) -> list[object]:
        asked.append(host)
        place = "203.0.113.7" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (place, port))]

    connected: list[object] = []

    def open_(*given: object) -> socket.socket:
        connected.append(given[3])
        raise ConnectionRefusedError("nobody there")

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(http, "_open", open_)
    monkeypatch.setattr(http, "_is_open", lambda ip: str(ip) == "203.0.113.7")
    answer = hook(f"https://rebinding.example:{port}/", allow="")
    assert answer.outcome is Outcome.LATER
    assert (asked, connected) == (["rebinding.example"], [("203.0.113.7", port)])
    assert server.sent == []


@given(st.ip_addresses())
def test_what_python_calls_private_is_never_open(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    refused = Reach().refuses(ip, "https")
    # An address that stands for another is taken for that; what Python says of it differs between versions of Python.
    stands_for_itself = http._unwrapped(ip) == ip
    if stands_for_itself and (ip.is_private or ip.is_loopback or ip.is_link_local or ip.is_multicast):
        assert refused
    assert Reach((ipaddress.ip_network(ip),)).refuses(ip, "http") == ""


@pytest.mark.parametrize(
    ("ip", "is_open"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("192.88.99.1", False),
        ("192.0.0.9", False),
        ("198.19.0.1", False),
        ("64:ff9b:1::a00:1", False),
        ("3fff::1", False),
        ("5f00::1", False),
        ("2001:2::1", False),
        ("100:0:0:1::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("2002:a00:1::", False),
        ("2002:808:808::", True),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::808:808", True),
    ],
)
def test_special_addresses_are_closed_on_every_python(ip: str, is_open: bool) -> None:
    assert (Reach().refuses(ipaddress.ip_address(ip), "https") == "") == is_open


def test_tls_is_verified(tmp_path: Path) -> None:
    with web_server(tmp_path) as server:
        answer = hook(server.url)
        assert answer.outcome is Outcome.LATER
        assert answer.what.startswith("its certificate is not trusted: ")
        assert server.sent == []
        assert hook(server.url, TIDEGATE_WEBHOOK_CA=str(server.ca)).outcome is Outcome.DELIVERED


@pytest.mark.parametrize(
    "url",
    ["ftp://example.org/", "example.org", "https://", "https://u:p@example.org/", "https://exa mple.org/",
     "https://example.org:x/", "https://example.org/\r\nX: y", "https://example.org/é", "https://[::1"],
)  # fmt: skip
def test_what_is_no_address_of_the_web_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="the address of the web") as caught:
        hook(url)
    assert url not in caught.value.what


@pytest.mark.parametrize("secret", ["whsec_", "whsec_c2hvcnQ=", "not base64!", "whsec_%%%"])
def test_a_secret_that_is_none_is_not_repeated(secret: str) -> None:
    with pytest.raises(UnsetError, match="is no secret of Standard Webhooks") as caught:
        hook("https://example.org/", secret=secret)
    assert secret.removeprefix("whsec_") not in caught.value.what or secret == "whsec_"


@pytest.mark.parametrize("trickle", [b"HTTP/1.1 200 OK\r\nX: ", b""])
def test_a_trickle_ends(monkeypatch: pytest.MonkeyPatch, trickle: bytes) -> None:
    monkeypatch.setattr(http, "TIMEOUT_S", 0.4)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_trickle, args=(listener, trickle), daemon=True).start()
        answer = hook(f"http://127.0.0.1:{listener.getsockname()[1]}/")
    assert answer.outcome is Outcome.UNKNOWN


def _trickle(listener: socket.socket, first: bytes) -> None:
    taken, _ = listener.accept()
    done = threading.Event()
    with taken:
        try:
            taken.sendall(first)
            while not done.wait(0.05):
                taken.sendall(b"x")
        except OSError:
            pass


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("120", timedelta(minutes=2)),
        ("0", timedelta(0)),
        ("Tue, 01 Dec 2026 18:05:00 GMT", timedelta(minutes=5)),
        ("Tue, 01 Dec 2026 17:00:00 GMT", timedelta(0)),
        ("99999999999999999999", timedelta(hours=24)),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("1e9", None),
        ("٣", None),
    ],
)
def test_how_long_to_wait(text: str, wait: timedelta | None) -> None:
    assert http.wait(text, lambda: NOW) == wait


# --- The page


class Page(HTMLParser):
    """The elements and texts of a page; every element that is opened must be closed."""

    VOID = frozenset({"meta", "link"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.found: list[tuple[str, str]] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.found.append((self.stack[-1], data))


def announce(root: Path, *messages: Message, address: str = "website:public/news.html") -> Callable[[], str]:
    for message in messages:
        assert channel_for(address, Surroundings(root, {})).deliver(message).outcome is Outcome.DELIVERED
    return (root / "public/news.html").read_text


def at(hours: int, text: str, subject: str = "") -> Message:
    return Message(f"{hours} {text}", text, NOW + timedelta(hours=hours), subject, organization="Example")


def test_the_newest_stands_on_top_and_the_feed_says_the_same(tmp_path: Path) -> None:
    page = Page(announce(tmp_path, at(0, "first"), at(2, "third"), at(1, "second"))())
    assert [text for tag, text in page.found if tag == "h2"] == ["third", "second", "first"]
    feed = json.loads((tmp_path / "public/news.json").read_text())
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert [item["title"] for item in feed["items"]] == ["third", "second", "first"]
    assert sorted(path.name for path in (tmp_path / "public").iterdir()) == ["news.html", "news.json"]


@settings(max_examples=20)
@given(st.lists(st.tuples(st.text(max_size=60), st.text(max_size=60)), max_size=4))
def test_what_strangers_write_stays_text(
    tmp_path_factory: pytest.TempPathFactory, texts: list[tuple[str, str]]
) -> None:
    root = tmp_path_factory.mktemp("page")
    hostile = [at(n, body, subject) for n, (subject, body) in enumerate(texts)]
    evil = at(99, "<script>alert(1)</script>\n\n</p></article><img src=x onerror=alert(1)>", "</title><svg onload=x>")
    page = Page(announce(root, *hostile, evil)())
    assert {tag for tag, _ in page.found} <= {"title", "style", "h1", "h2", "p", "time"}
    assert not [name for name, _ in page.attributes if name.startswith("on") or name == "src"]


def test_a_link_that_is_put_in_place_of_the_page_is_replaced_and_not_followed(tmp_path: Path) -> None:
    read = announce(tmp_path, at(0, "first"))
    made = channel_for("website:public/news.html", Surroundings(tmp_path, {}))
    (tmp_path / "victim").write_text("untouched")
    (tmp_path / "public/news.html").unlink()
    (tmp_path / "public/news.html").symlink_to("../victim")
    assert made.deliver(at(1, "second")).outcome is Outcome.DELIVERED
    assert "second" in read()
    assert (tmp_path / "victim").read_text() == "untouched"


def test_a_directory_that_became_a_link_is_not_followed(tmp_path: Path) -> None:
    announce(tmp_path, at(0, "first"))
    made = channel_for("website:public/news.html", Surroundings(tmp_path, {}))
    (tmp_path / "public").rename(tmp_path / "kept")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "public").symlink_to("elsewhere")
    assert made.deliver(at(1, "second")).outcome is Outcome.LATER
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize(
    "content", ["not json", "[]", '{"items": [{}]}', '{"version": "x", "title": 1, "items": []}', "[" * 9999]
)
def test_what_is_no_feed_of_ours_is_left_alone(tmp_path: Path, content: str) -> None:
    (tmp_path / "news.json").write_text(content)
    answer = channel_for("website:news", Surroundings(tmp_path, {})).deliver(at(0, "first"))
    assert (answer.outcome, answer.what) == (Outcome.LATER, "news.json is no feed that Tidegate wrote")
    assert (tmp_path / "news.json").read_text() == content
    assert not (tmp_path / "news.html").exists()


def test_a_crash_between_feed_and_page_is_mended_by_the_next_attempt(tmp_path: Path) -> None:
    class PowerCutError(BaseException):
        pass

    def cut(point: str) -> None:
        if point == "send:between":
            raise PowerCutError

    with pytest.raises(PowerCutError):
        channel_for("website:public/news.html", Surroundings(tmp_path, {}, at=cut)).deliver(at(0, "first"))
    assert not (tmp_path / "public/news.html").exists()
    assert "first" in announce(tmp_path, at(0, "first"))()
    assert len(json.loads((tmp_path / "public/news.json").read_text())["items"]) == 1


@pytest.mark.parametrize(
    "address", ["website:../news.html", "website:/etc/motd", "website:.git/index.html", "website:."]
)
def test_a_page_lies_below_the_policy(tmp_path: Path, address: str) -> None:
    with pytest.raises(UsageError):
        channel_for(address, Surroundings(tmp_path, {}))


def test_a_pipe_in_place_of_the_feed_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "news.json")
    assert channel_for("website:news", Surroundings(tmp_path, {})).deliver(at(0, "x")).outcome is Outcome.LATER
