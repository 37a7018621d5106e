"""A page of announcements for a website, and a JSON Feed beside it.

Two files below the policy's directory: ``news.html`` for people and ``news.json`` for programs (JSON Feed 1.1), which
is also what the page is made from. Each is replaced as a whole, so that a web server never shows half of one. What has
been announced is known by its key, and stands there once. Publishing the directory is the website's own business.
"""

from __future__ import annotations

import fcntl
import hashlib
import html
import json
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from tidegate.channels import place
from tidegate.channels.contract import DELIVERED, Answer, Message, Outcome, Surroundings, nowhere
from tidegate.channels.words import lines, one_line, subject_of
from tidegate.clock import from_text, to_text
from tidegate.errors import UsageError

MOST_SHOWN = 200
"""The page shows so many of the newest; the feed has all."""
LONGEST_BODY = 100_000
_FEED = "https://jsonfeed.org/version/1.1"
_PAGES = frozenset({".html", ".htm"})


class _NoFeedError(Exception):
    """What stands there is none of our feeds."""


class WebsiteChannel:
    """Announces on the page that stands in ``website:public/news.html``."""

    recognised: ClassVar[bool] = True

    def __init__(self, address: str, around: Surroundings) -> None:
        page = place.below(address, around.root)
        if page.suffix.lower() not in _PAGES:
            page = place.below(f"{address}.html", around.root)
        if page.name.startswith("."):
            raise UsageError("the page has no name", remedy="write website:public/news.html")
        self._page, self._feed, self._at = page, page.with_suffix(".json"), around.at

    def deliver(self, message: Message, leaving: Callable[[], None] = nowhere) -> Answer:
        """Put it on top of the page, unless it stands there; then read it back. It never leaves a doubt."""
        try:
            self._page.parent.mkdir(parents=True, exist_ok=True)
            with _directory(self._page.parent) as directory:
                fcntl.flock(directory, fcntl.LOCK_EX)
                feed = self._known(directory, message)
                if _add(feed, message):
                    self._at("send:before")
                    _replace(directory, self._feed.name, _json(feed))
                    self._at("send:between")
                _replace(directory, self._page.name, page(feed, self._feed.name).encode("utf-8", "replace"))
                self._at("send:accepted")
                there = any(item["id"] == _id(message) for item in _read(directory, self._feed.name)["items"])
        except OSError as error:
            return self._later(f"the page cannot be written: {error.strerror or error}", "make it writable")
        except _NoFeedError as error:
            return self._later(str(error), f"put {self._feed.name} away under another name; a new one begins")
        return DELIVERED if there else self._later("the message was written and is not there", "look at the page")

    def _known(self, directory: int, message: Message) -> dict[str, Any]:
        try:
            return _read(directory, self._feed.name)
        except FileNotFoundError:
            title = one_line(f"{message.organization}: announcements" if message.organization else "Announcements")
            return {"version": _FEED, "title": title, "items": []}

    def _later(self, what: str, remedy: str) -> Answer:
        return Answer(Outcome.LATER, what, f"{remedy}; it is tried again", str(self._page))


@contextmanager
def _directory(path: Path) -> Iterator[int]:
    """The directory itself: everything in it is opened by it, so that no link put in its place leads elsewhere."""
    made = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield made
    finally:
        os.close(made)


def _read(directory: int, name: str) -> dict[str, Any]:
    """The feed, as far as we write one.

    Raises:
        FileNotFoundError: there is none.
        _NoFeedError: something else stands there.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, dir_fd=directory), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size > place.LIMIT_BYTES:
            raise _NoFeedError(f"{name} is no plain file, or has more than {place.LIMIT_BYTES >> 20} MiB")
        data = file.read()
    try:
        found = json.loads(data)
        for item in found["items"]:
            for field in ("id", "title", "content_text"):
                if not isinstance(item[field], str):
                    raise TypeError
            from_text(item["date_published"])
        if found["version"] != _FEED or not isinstance(found["title"], str):
            raise ValueError
    except (ValueError, TypeError, KeyError, RecursionError):
        raise _NoFeedError(f"{name} is no feed that Tidegate wrote") from None
    return dict(found)


def _replace(directory: int, name: str, data: bytes) -> None:
    """Replace a file as a whole, durably."""
    draft = f".{name}.{secrets.token_hex(6)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(draft, flags, 0o644, dir_fd=directory), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, name, src_dir_fd=directory, dst_dir_fd=directory)
        os.fsync(directory)
    except BaseException:
        with suppress(OSError):
            os.unlink(draft, dir_fd=directory)
        raise


def _json(feed: dict[str, Any]) -> bytes:
    return (json.dumps(feed, indent=1) + "\n").encode()


def _id(message: Message) -> str:
    return hashlib.sha256(message.key.encode("utf-8", "replace")).hexdigest()[:24]


def _add(feed: dict[str, Any], message: Message) -> bool:
    """Put the message where its time says, the newest first; whether it was not there yet."""
    if any(item["id"] == _id(message) for item in feed["items"]):
        return False
    subject, text = subject_of(message.subject, message.body), lines(message.body)
    # The page says whose announcements these are, and a body begins with what its subject says.
    title = subject.removeprefix(f"{message.organization}: ") or subject
    item = {
        "id": _id(message),
        "title": title,
        "content_text": title if text == subject else text.removeprefix(f"{subject}\n\n")[:LONGEST_BODY],
        "date_published": to_text(message.at),
    }
    feed["items"] = sorted([item, *feed["items"]], key=lambda one: str(one["date_published"]), reverse=True)
    return True


def page(feed: dict[str, Any], name: str = "") -> str:
    """The page, in HTML that holds nothing but text: all that strangers wrote is escaped."""
    title, items = html.escape(feed["title"]), feed["items"][:MOST_SHOWN]
    articles = "\n".join(_article(item) for item in items)
    more = len(feed["items"]) - len(items)
    earlier = f'<p class="more">{more} earlier announcements are in the feed.</p>\n' if more else ""
    kind = "application/feed+json"
    link = f'<link rel="alternate" type="{kind}" href="{html.escape(quote(name))}" title="{title}">\n' if name else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
{link}<style>
{_STYLE}</style>
</head>
<body>
<header><h1>{title}</h1></header>
<main>
{articles}
{earlier}</main>
</body>
</html>
"""


def _article(item: dict[str, Any]) -> str:
    at: datetime = from_text(item["date_published"])
    name = html.escape(item["id"], quote=True)
    day = f"{at.day} {at:%B %Y}"
    return (
        f'<article id="a-{name}">\n<p class="day"><time datetime="{at:%Y-%m-%dT%H:%M:%SZ}">{day}</time></p>\n'
        f"<h2>{html.escape(item['title'])}</h2>\n{''.join(_paragraphs(item))}</article>"
    )


def _paragraphs(item: dict[str, Any]) -> Iterable[str]:
    """The text in paragraphs; none where the title says it all."""
    text = item["content_text"].strip()
    if text == item["title"]:
        return
    for part in text.split("\n\n"):
        if part.strip():
            yield f"<p>{html.escape(part.strip())}</p>\n"


_STYLE = """\
:root { --ink: #1d2430; --soft: #5a6475; --line: #dde2ea; --ground: #ffffff; --mark: #0b63b8; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e7ebf2; --soft: #a3aec0; --line: #333c4b; --ground: #12161d; --mark: #7db8f5; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 44rem; padding: 1.5rem 1.25rem 4rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
header { border-bottom: 3px solid var(--mark); margin-bottom: 1rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 1rem 0; }
article { border-bottom: 1px solid var(--line); padding: 1.25rem 0; }
article:last-of-type { border-bottom: 0; }
h2 { font-size: 1.15rem; line-height: 1.35; margin: 0 0 .5rem; }
h1, h2, p { overflow-wrap: anywhere; }
p { margin: .5rem 0; white-space: pre-line; }
.day, .more { color: var(--soft); font-size: .875rem; margin: 0 0 .25rem; }
@media (min-width: 48rem) { body { padding-top: 3rem; } h1 { font-size: 2rem; } }
"""
