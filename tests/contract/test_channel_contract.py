"""The promises of every channel, and those of the file by itself.

A new channel joins by a *world* in ``WORLDS``: something real that it delivers to, and in which one can read.
"""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest

from tests.support.mailserver import MailServer, mail_server
from tests.support.webserver import Says, WebServer, web_server
from tidegate.channels import place
from tidegate.channels.contract import Answer, Channel, Event, Message, Outcome, Surroundings
from tidegate.channels.registry import CHANNELS, channel_for, each, recognised
from tidegate.channels.settings import UnsetError
from tidegate.errors import UsageError

NOW = datetime(2026, 12, 1, 18, 0, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def said(key: str, body: str, **more: object) -> Message:
    """A message that invites to something, for those channels that can."""
    event = Event("release-one", NOW, NOW + timedelta(hours=1))
    return Message(key, body, NOW, event=event, organization="Example", **more)  # type: ignore[arg-type]


class World(Protocol):
    """Something real behind a channel."""

    address: str
    around: Surroundings

    def read(self) -> list[str]:
        """The messages that arrived, in order, as people see them: those that they can tell are the same once."""

    def break_down(self) -> None:
        """Let nothing be delivered."""

    def mend(self) -> None:
        """Let it be as before."""


class FileWorld:
    """A directory with the policy, and a file in it."""

    address = "file:notices/NOTICES.md"

    def __init__(self, root: Path) -> None:
        self.around = Surroundings(root, {})
        self.path = root / "notices" / "NOTICES.md"

    def read(self) -> list[str]:
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return [line.removeprefix("- ").partition(" <!--")[0] for line in lines]

    def break_down(self) -> None:
        if self.path.exists():
            self.path.rename(self.path.with_suffix(".kept"))
        self.path.mkdir(parents=True)

    def mend(self) -> None:
        self.path.rmdir()
        kept = self.path.with_suffix(".kept")
        if kept.exists():
            kept.rename(self.path)


class WebsiteWorld(FileWorld):
    """A page and its feed."""

    address = "website:notices/NOTICES"

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.path = root / "notices" / "NOTICES.json"

    def read(self) -> list[str]:
        items = json.loads(self.path.read_text())["items"] if self.path.exists() else []
        return [item["content_text"] for item in reversed(items)]


class MailWorld:
    """A mail server, and the mailbox of somebody whose program shows the same Message-ID once."""

    address = "email:alice@example.org"

    def __init__(self, server: MailServer, root: Path) -> None:
        self.server = server
        self.around = Surroundings(root, server.environment)

    def read(self) -> list[str]:
        found: dict[str, str] = {}
        for mail in self.server.read():
            body = mail.get_body(("plain",))
            assert body is not None
            found.setdefault(str(mail["Message-ID"]), str(body.get_content()).replace("\r\n", "\n").strip())
        return list(found.values())

    def break_down(self) -> None:
        self.server.at_mail = "451 4.3.0 the disk is full"

    def mend(self) -> None:
        self.server.at_mail = ""


class CalendarWorld(MailWorld):
    """The same, for invitations."""

    address = "calendar:alice@example.org"


class WebWorld(ABC):
    """A web server that is spoken to."""

    address = ""

    def __init__(self, server: WebServer, root: Path, environment: Mapping[str, str]) -> None:
        self.server = server
        self.around = Surroundings(root, environment, lambda: NOW)

    @abstractmethod
    def read(self) -> list[str]:
        """What the people read."""

    def break_down(self) -> None:
        self.server.always = Says(503, b"no")

    def mend(self) -> None:
        self.server.always = Says(200, b'{"ok": true}')


class SlackWorld(WebWorld):
    """Slack shows everything that it is given."""

    address = "slack:#releases"

    def __init__(self, server: WebServer, root: Path) -> None:
        server.always = Says(200, b'{"ok": true}')
        api = {"TIDEGATE_SLACK_TOKEN": "xoxb-token", "TIDEGATE_SLACK_API": server.url}
        super().__init__(server, root, api)

    def read(self) -> list[str]:
        taken = self.server.sent if self.server.always.status == 200 else []
        return [json.loads(one.body)["text"] for one in taken]

    def mend(self) -> None:
        super().mend()
        self.server.sent = [one for one in self.server.sent if b"second" not in one.body]


class WebhookWorld(WebWorld):
    """A receiver that keeps the ids that it has seen."""

    def __init__(self, server: WebServer, root: Path) -> None:
        self.address = f"webhook:{server.url}/hooks"
        allow = {"TIDEGATE_WEBHOOK_SECRET": SECRET, "TIDEGATE_WEBHOOK_ALLOW": "127.0.0.0/8, ::1/128"}
        super().__init__(server, root, allow)

    def read(self) -> list[str]:
        found: dict[str, str] = {}
        for one in self.server.sent:
            found.setdefault(one.headers["webhook-id"], json.loads(one.body)["data"]["text"])
        return list(found.values())


@contextmanager
def at_once(made: World) -> Iterator[World]:
    yield made


@contextmanager
def with_mail(kind: type[MailWorld], root: Path) -> Iterator[World]:
    with mail_server(root.parent / "mail") as server:
        yield kind(server, root)


@contextmanager
def with_web(kind: Callable[[WebServer, Path], World], root: Path) -> Iterator[World]:
    with web_server() as server:
        yield kind(server, root)


WORLDS: dict[str, Callable[[Path], AbstractContextManager[World]]] = {
    "file": lambda root: at_once(FileWorld(root)),
    "website": lambda root: at_once(WebsiteWorld(root)),
    "email": lambda root: with_mail(MailWorld, root),
    "calendar": lambda root: with_mail(CalendarWorld, root),
    "slack": lambda root: with_web(SlackWorld, root),
    "webhook": lambda root: with_web(WebhookWorld, root),
}


def test_every_channel_has_a_world() -> None:
    assert WORLDS.keys() == CHANNELS.keys()


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    root = tmp_path / "root"
    root.mkdir()
    with WORLDS[request.param](root) as made:
        yield made


def channel(world: World) -> Channel:
    """The channel, made anew as each delivery makes it."""
    return channel_for(world.address, world.around)


def deliver(world: World, key: str, body: str) -> Outcome:
    return channel(world).deliver(said(key, body)).outcome


def test_what_was_delivered_can_be_read(world: World) -> None:
    assert deliver(world, "key one", "billing 1.1.0 is planned") is Outcome.DELIVERED
    assert deliver(world, "key two", "billing 1.1.0 is released") is Outcome.DELIVERED
    assert world.read() == ["billing 1.1.0 is planned", "billing 1.1.0 is released"]


def test_a_second_delivery_of_the_same_key_says_nothing_more(world: World) -> None:
    for _ in range(3):
        deliver(world, "key", "once")
    deliver(world, "key", "another text under the same key")
    if recognised(world.address):
        assert world.read() == ["once"]
    else:
        assert len(world.read()) == 4, "a channel that cannot tell says so"


def test_the_same_text_under_another_key_is_another_message(world: World) -> None:
    deliver(world, "one", "the same")
    deliver(world, "two", "the same")
    assert world.read() == ["the same", "the same"]


def test_many_deliveries_at_once_are_each_made_once(world: World) -> None:
    keys = [f"key {n % 10}" for n in range(40 if recognised(world.address) else 10)]
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda key: deliver(world, key, f"about {key}"), keys)) == {Outcome.DELIVERED}
    assert sorted(world.read()) == sorted({f"about {key}" for key in keys})


def test_what_cannot_be_delivered_says_why_and_can_be_tried_again(world: World) -> None:
    deliver(world, "one", "first")
    world.break_down()
    answer = channel(world).deliver(said("two", "second"))
    assert answer.outcome is Outcome.LATER
    assert answer.what
    assert answer.remedy
    assert answer.where
    world.mend()
    assert deliver(world, "two", "second") is Outcome.DELIVERED
    assert world.read() == ["first", "second"]


def test_nothing_leaves_where_the_record_of_leaving_cannot_be_kept(world: World) -> None:
    class FullDiskError(Exception):
        pass

    def leaving() -> None:
        asked.append(len(world.read()))
        raise FullDiskError

    asked: list[int] = []
    try:
        assert channel(world).deliver(said("one", "first"), leaving).outcome is Outcome.DELIVERED
        assert asked == [], "a channel that never leaves a doubt asks nobody"
    except FullDiskError:
        assert (asked, world.read()) == ([0], [])


HOSTILE = [
    "two\nlines\r\nand\x0bmore\u2028still\x85one",
    "nul \x00 and escape \x1b[31m red",
    "turned \u202e around and \u200b invisible",
    "half a pair \udcff",
    "",
    "x" * 100_000,
    ".\n.\r\n.\r\nMAIL FROM:<evil@example.org>\r\n",
    "Subject: more\r\nBcc: evil@example.org\r\n\r\nanother mail",
    "an end of comment --> and <!-- 000000000000000000000000 -->",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "<!channel> @here <@U012AB3CD> <https://evil.example|click> & more",
    "[a link](http://evil.example) ![an image](http://evil.example) `code` **loud** # title | cell",
]


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_text_of_strangers_arrives_and_does_nothing(world: World, body: str) -> None:
    for key, text in (("hostile", body), ("after", "after it")):
        answer = channel(world).deliver(said(key, text, subject=text[:3000], say=text[:99], occasion=text[:99]))
        assert answer.outcome is Outcome.DELIVERED, answer
    found = world.read()
    assert len(found) == 2
    assert found[1] == "after it"
    assert all(character.isprintable() or character in "\n\t\ufffd" for character in found[0])


@pytest.mark.parametrize("address", ["", "file", "file:", "fax:1234", ":NOTICES.md", "FILE:x", "\x00:x", "github:x"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(UsageError, match="there is no channel for") as caught:
        channel_for(address, Surroundings(tmp_path, {}))
    assert caught.value.remedy == "use one of: calendar, email, file, slack, webhook, website:..."


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("email:alice@example.org", "TIDEGATE_SMTP_URL is not set here"),
        ("calendar:alice@example.org", "TIDEGATE_SMTP_URL is not set here"),
        ("email:users", "'users' is no whole mail address, and TIDEGATE_SMTP_DOMAIN is not set here"),
        ("slack:#releases", "neither TIDEGATE_SLACK_TOKEN nor TIDEGATE_SLACK_WEBHOOK_RELEASES is set here"),
        ("webhook:https://example.org/", "TIDEGATE_WEBHOOK_SECRET is not set here"),
    ],
)
def test_a_setting_that_is_missing_is_named(tmp_path: Path, address: str, sentence: str) -> None:
    with pytest.raises(UnsetError) as caught:
        channel_for(address, Surroundings(tmp_path, {}))
    assert caught.value.what == sentence
    assert caught.value.remedy


def test_several_addresses_are_one_message_each() -> None:
    assert each("email:a@example.org, b@example.org,a@example.org") == ("email:a@example.org", "email:b@example.org")
    assert each("calendar:a@example.org") == ("calendar:a@example.org",)
    assert each("file:a,b.md") == ("file:a,b.md",)
    assert each("email:,") == ("email:,",)


# --- The file by itself ----------------------------------------------------------------------------------------------


def put(root: Path, key: str, body: str) -> Answer:
    return channel_for("file:NOTICES.md", Surroundings(root, {})).deliver(said(key, body))


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_text_of_strangers_stays_one_line_of_text_in_a_file(tmp_path: Path, body: str) -> None:
    world = FileWorld(tmp_path)
    deliver(world, "hostile", body)
    deliver(world, "after", "after it")
    found = world.read()
    assert len(found) == 2
    assert found[1] == "after it"
    assert all(character.isprintable() for character in found[0])
    for word in ("<script", "<img", "<!--", "-->", "](http", "\x1b"):
        assert word not in found[0].replace("\\](http", "").replace("--&gt;", "")


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("file:../outside.md", "lies outside"),
        ("file:/etc/motd", "lies outside"),
        ("file:a/../../outside.md", "lies outside"),
        ("file:.", "lies outside"),
        ("file:link/outside.md", "lies outside"),
        ("file:.tidegate/tidegate.db", "is not one that people read"),
        ("file:.git/config", "is not one that people read"),
        ("file:sub/.git/hooks/post-merge", "is not one that people read"),
        ("file:tidegate.yaml", "is not one that people read"),
        ("file:to-policy", "is not one that people read"),
        ("file:a\x00b", "cannot be found"),
    ],
)
def test_a_file_that_is_none_for_notices_is_refused(tmp_path: Path, address: str, sentence: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (root / "link").symlink_to(tmp_path / "elsewhere")
    (root / "tidegate.yaml").write_text("tidegate: 1\n")
    (root / "to-policy").symlink_to("tidegate.yaml")
    with pytest.raises(UsageError, match=sentence):
        channel_for(address, Surroundings(root, {}))
    assert (root / "tidegate.yaml").read_text() == "tidegate: 1\n"


def test_a_line_that_was_cut_short_does_not_swallow_the_next(tmp_path: Path) -> None:
    world = FileWorld(tmp_path)
    deliver(world, "one", "first")
    with world.path.open("ab") as file_:
        file_.write(b"- a message that a full disk cut sho")
    deliver(world, "two", "second")
    assert world.read() == ["first", "a message that a full disk cut sho", "second"]


def test_what_others_wrote_stays_even_where_it_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "NOTICES.md").write_bytes(b"\xff\xfe\x00 not UTF-8")
    put(tmp_path, "one", "first")
    assert (tmp_path / "NOTICES.md").read_bytes().startswith(b"\xff\xfe\x00 not UTF-8\n- first <!--")


def test_a_pipe_does_not_hold_anybody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "NOTICES.md")
    answer = put(tmp_path, "one", "first")
    assert (answer.outcome, answer.what) == (Outcome.LATER, "it is no plain file")


def test_a_link_that_is_put_there_in_between_is_not_followed(tmp_path: Path) -> None:
    made = channel_for("file:NOTICES.md", Surroundings(tmp_path, {}))
    (tmp_path / "victim").write_text("untouched")
    (tmp_path / "NOTICES.md").symlink_to("victim")
    answer = made.deliver(said("one", "first"))
    assert answer.outcome is Outcome.LATER
    assert answer.what.startswith("the message cannot be written: ")
    assert (tmp_path / "victim").read_text() == "untouched"


def test_a_file_that_has_grown_too_large_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "LIMIT_BYTES", 10)
    (tmp_path / "NOTICES.md").write_text("x" * 11)
    answer = put(tmp_path, "one", "first")
    assert answer.what == "the file has 0 MiB, and at most 0 are read"
    assert answer.remedy == "put it away under another name; the next message begins a new one"
