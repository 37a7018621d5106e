"""The promises of every channel, and those of each by itself.

A new channel joins by a *world* in ``WORLDS``: something real that it delivers to, and in which one can read.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import pytest

from tidegate.channels import file
from tidegate.channels.contract import Channel
from tidegate.channels.registry import CHANNELS, channel_for
from tidegate.errors import TidegateError, UsageError, WorldError


class World(Protocol):
    """Something real behind a channel."""

    def channel(self) -> Channel:
        """The channel to it, made anew as each delivery makes it."""

    def read(self) -> list[str]:
        """The messages that arrived, in order, as people read them."""

    def break_down(self) -> None:
        """Let nothing be delivered."""

    def mend(self) -> None:
        """Let it be as before."""


class FileWorld:
    """A directory with the policy, and a file in it."""

    address = "file:notices/NOTICES.md"

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = root / "notices" / "NOTICES.md"

    def channel(self) -> Channel:
        return channel_for(self.address, self.root)

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


WORLDS: dict[str, Callable[[Path], World]] = {"file": FileWorld}


def test_every_channel_has_a_world() -> None:
    assert WORLDS.keys() == CHANNELS.keys()


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    return WORLDS[request.param](tmp_path)


def test_what_was_delivered_can_be_read(world: World) -> None:
    world.channel().deliver("key one", "billing 1.1.0 is planned")
    world.channel().deliver("key two", "billing 1.1.0 is released")
    assert world.read() == ["billing 1.1.0 is planned", "billing 1.1.0 is released"]


def test_a_second_delivery_of_the_same_key_says_nothing_more(world: World) -> None:
    for _ in range(3):
        world.channel().deliver("key", "once")
    world.channel().deliver("key", "another text under the same key")
    assert world.read() == ["once"]


def test_the_same_text_under_another_key_is_another_message(world: World) -> None:
    world.channel().deliver("one", "the same")
    world.channel().deliver("two", "the same")
    assert world.read() == ["the same", "the same"]


def test_many_deliveries_at_once_are_each_made_once(world: World) -> None:
    keys = [f"key {n % 10}" for n in range(80)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: world.channel().deliver(key, f"about {key}"), keys))
    assert sorted(world.read()) == sorted({f"about {key}" for key in keys})


def test_what_cannot_be_delivered_is_an_error_with_a_remedy_and_can_be_tried_again(world: World) -> None:
    world.channel().deliver("one", "first")
    world.break_down()
    with pytest.raises(WorldError) as caught:
        world.channel().deliver("two", "second")
    assert caught.value.retryable
    assert caught.value.remedy
    assert caught.value.where
    world.mend()
    world.channel().deliver("two", "second")
    assert world.read() == ["first", "second"]


@pytest.mark.parametrize(
    "body",
    [
        "two\nlines\r\nand\x0bmore\u2028still\x85one",
        "nul \x00 and escape \x1b[31m red",
        "turned \u202e around and \u200b invisible",
        "half a pair \udcff",
        "",
        "x" * 100_000,
        "an end of comment --> and <!-- 000000000000000000000000 -->",
        "<script>alert(1)</script><img src=x onerror=alert(1)>",
        "[a link](http://evil.example) ![an image](http://evil.example) `code` **loud** # title | cell",
    ],
)
def test_text_of_strangers_stays_one_line_of_text(world: World, body: str) -> None:
    world.channel().deliver("hostile", body)
    world.channel().deliver("after", "after it")
    found = world.read()
    assert len(found) == 2
    assert found[1] == "after it"
    assert all(character.isprintable() for character in found[0])
    for word in ("<script", "<img", "<!--", "-->", "](http", "\x1b"):
        assert word not in found[0].replace("\\](http", "").replace("--&gt;", "")


@pytest.mark.parametrize("address", ["", "file", "file:", "fax:1234", ":NOTICES.md", "FILE:x", "\x00:x"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(UsageError, match="there is no channel for") as caught:
        channel_for(address, tmp_path)
    assert "file" in caught.value.remedy


# --- The file by itself ----------------------------------------------------------------------------------------------


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
        channel_for(address, root)
    assert (root / "tidegate.yaml").read_text() == "tidegate: 1\n"


def test_a_line_that_was_cut_short_does_not_swallow_the_next(tmp_path: Path) -> None:
    world = FileWorld(tmp_path)
    world.channel().deliver("one", "first")
    with world.path.open("ab") as file_:
        file_.write(b"- a message that a full disk cut sho")
    world.channel().deliver("two", "second")
    assert world.read() == ["first", "a message that a full disk cut sho", "second"]


def test_what_others_wrote_stays_even_where_it_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "NOTICES.md").write_bytes(b"\xff\xfe\x00 not UTF-8")
    channel_for("file:NOTICES.md", tmp_path).deliver("one", "first")
    assert (tmp_path / "NOTICES.md").read_bytes().startswith(b"\xff\xfe\x00 not UTF-8\n- first <!--")


def test_a_pipe_does_not_hold_anybody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "NOTICES.md")
    with pytest.raises(WorldError, match="it is no plain file"):
        channel_for("file:NOTICES.md", tmp_path).deliver("one", "first")


def test_a_link_that_is_put_there_in_between_is_not_followed(tmp_path: Path) -> None:
    channel = channel_for("file:NOTICES.md", tmp_path)
    (tmp_path / "victim").write_text("untouched")
    (tmp_path / "NOTICES.md").symlink_to("victim")
    with pytest.raises(WorldError, match="the message cannot be written"):
        channel.deliver("one", "first")
    assert (tmp_path / "victim").read_text() == "untouched"


def test_a_file_that_has_grown_too_large_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "LIMIT_BYTES", 10)
    (tmp_path / "NOTICES.md").write_text("x" * 11)
    with pytest.raises(TidegateError, match="at most 0 are read") as caught:
        channel_for("file:NOTICES.md", tmp_path).deliver("one", "first")
    assert caught.value.remedy == "put it away under another name; the next message begins a new one"
