"""Container images by name, tag and digest: what a tag of the policy means for a version, and when it may move.

A tag that holds the whole version names one content for ever. All others move: ``2.1`` to the newest 2.1.x, ``2`` to
the newest 2.x.y, ``latest`` to the newest of all, and never to an older one or to a pre-release.

    | in the policy | of 2.1.0 | of 2.2.0-rc.1 | moves to the newest final version |
    |---------------|----------|---------------|-----------------------------------|
    | ``{version}`` | 2.1.0    | 2.2.0-rc.1    | never                             |
    | ``{minor}``   | 2.1      | is not set    | of the same major and minor       |
    | ``{major}``   | 2        | is not set    | of the same major                 |
    | ``latest``    | latest   | is not set    | of all                            |
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tidegate.core.canonical import is_digest
from tidegate.core.version import Version, parse_version
from tidegate.errors import UsageError

VERSION, MAJOR, MINOR = "{version}", "{major}", "{minor}"
DOCKER_HUB = "registry-1.docker.io"

MAX_NAME = 255
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_PART}(?:/{_PART})*")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]{{2,45}}\]")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_LOOPBACK = frozenset({"localhost", "[::1]"})


@dataclass(frozen=True, slots=True)
class ImageName:
    """Where an image lies: the registry's host with its port, and the repository in it.

    Source: the grammar of distribution's ``reference`` package; a first part with a dot, a colon or ``localhost`` is a
    host, any other is a repository of Docker Hub.
    """

    host: str
    repository: str

    def __str__(self) -> str:
        return f"{self.host}/{self.repository}" if self.host != DOCKER_HUB else f"docker.io/{self.repository}"

    @property
    def is_loopback(self) -> bool:
        """Whether the registry is on this machine, by its written address; a name is not looked up."""
        host = self.host.rpartition(":")[0] if re.search(r":[0-9]+$", self.host) else self.host
        return host.lower() in _LOOPBACK or re.fullmatch(r"127(\.[0-9]{1,3}){3}", host) is not None

    def pinned(self, digest: str) -> str:
        """The reference by which exactly these bytes are deployed: ``registry.example/billing@sha256:...``.

        Raises:
            UsageError: ``digest`` is none.
        """
        if not is_digest(digest):
            raise UsageError(
                f"{digest[:80]!r} is no digest of an image", remedy="give sha256: and 64 hexadecimal digits"
            )
        return f"{self}@{digest}"


def parse_image_name(text: str) -> ImageName:
    """The name of an image's repository, without tag and digest.

    Raises:
        UsageError: it is none, or has a tag.
    """
    first, slash, rest = text.partition("/")
    is_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    host, repository = (first, rest) if is_host else ("docker.io", text)
    name, colon, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    name = name or host
    if len(text) > MAX_NAME or not _HOST.fullmatch(name) or (colon and not _fits_a_port(port)):
        raise _no_name(text)
    if not _PATH.fullmatch(repository):
        raise _no_name(text)
    if host in {"docker.io", "index.docker.io", DOCKER_HUB}:
        host, repository = DOCKER_HUB, repository if "/" in repository else f"library/{repository}"
    return ImageName(host, repository)


def _fits_a_port(text: str) -> bool:
    return bool(_PORT.fullmatch(text)) and int(text) < 65536


def _no_name(text: str) -> UsageError:
    what = f'"{text[:80]}" is not the name of an image' if text.isprintable() else "this is not the name of an image"
    return UsageError(
        what, remedy="write the registry and the repository, in small letters and without a tag: registry.example/shop"
    )


def check_tag_template(text: str) -> str:
    """A tag as the policy writes it.

    Raises:
        ValueError: it has braces that mean nothing, or makes no tag that a registry takes.
    """
    if re.search(r"[{}]", re.sub(r"\{(version|major|minor)\}", "", text)):
        raise ValueError(f'tag "{text[:80]}" has braces that mean nothing; write {VERSION}, {MAJOR} or {MINOR}')
    longest = text.replace(VERSION, "1.0.0").replace(MAJOR, "1").replace(MINOR, "1.0")
    if not _TAG.fullmatch(longest):
        raise ValueError(f'tag "{text[:80]}" makes no tag that a registry takes; use letters, digits, dot, dash, _')
    return text


def render_tag(template: str, version: Version) -> str:
    """The tag that a template makes of a version; ``+``, which no tag may hold, becomes ``_``.

    Raises:
        UsageError: it is longer than a tag may be.
    """
    words = {
        VERSION: str(version).replace("+", "_"),
        MAJOR: str(version.major),
        MINOR: f"{version.major}.{version.minor}",
    }
    tag = template
    for word, value in words.items():
        tag = tag.replace(word, value)
    if not _TAG.fullmatch(tag):
        raise UsageError(f"{tag[:140]!r} is no tag that a registry takes", remedy="release under a shorter version")
    return tag


def is_fixed(template: str) -> bool:
    """Whether the tag names one content for ever."""
    return VERSION in template


def with_version(templates: Sequence[str]) -> tuple[str, ...]:
    """The policy's tags, and ``{version}`` before them where none names the version: one of them must stay."""
    return tuple(templates) if any(map(is_fixed, templates)) else (VERSION, *templates)


@dataclass(frozen=True, slots=True)
class Tags:
    """The tags of one version: those that are set once, and those that may move to it, each with its template."""

    fixed: tuple[str, ...]
    moving: tuple[tuple[str, str], ...]


def tags_of(templates: Sequence[str], version: Version) -> Tags:
    """What the policy's tags are for a version, which has a tag of its own in any case; a pre-release moves nothing."""
    wanted = with_version(templates)
    fixed = [render_tag(template, version) for template in wanted if is_fixed(template)]
    moving = [(t, render_tag(t, version)) for t in wanted if not is_fixed(t)] if not version.is_prerelease else []
    return Tags(tuple(dict.fromkeys(fixed)), tuple(dict.fromkeys(moving)))


def newest_for(template: str, version: Version, versions: Iterable[Version]) -> Version:
    """The final version that a moving tag belongs to, of ``version`` and of those that the registry has.

    Versions that the tag does not speak of do not count: 3.0.0 says nothing about ``{major}`` of 2.1.0.
    """
    tag = render_tag(template, version)
    rivals = [v for v in versions if not v.is_prerelease and _speaks_of(template, tag, v)]
    return max([version, *rivals], key=lambda v: v.key)


def _speaks_of(template: str, tag: str, version: Version) -> bool:
    try:
        return render_tag(template, version) == tag
    except UsageError:
        return False


def versions_among(templates: Sequence[str], tags: Iterable[str]) -> dict[Version, str]:
    """The versions that a registry's tags name by the policy's fixed tags, each with its tag; others are left out."""
    found: dict[Version, str] = {}
    patterns = [_reads(template) for template in with_version(templates) if is_fixed(template)]
    for tag in tags:
        for pattern in patterns:
            if (match := pattern.fullmatch(tag)) and (version := _version(match["version"])) is not None:
                found.setdefault(version, tag)
    return found


def _reads(template: str) -> re.Pattern[str]:
    """The tags that a template makes; where it has a number besides the version, any stands there."""
    first, _, rest = template.partition(VERSION)
    numbers = {re.escape(VERSION): "(?:.+)", re.escape(MAJOR): "[0-9]+", re.escape(MINOR): r"[0-9]+\.[0-9]+"}
    before, after = re.escape(first), re.escape(rest)
    for word, pattern in numbers.items():
        before, after = before.replace(word, pattern), after.replace(word, pattern)
    return re.compile(rf"{before}(?P<version>[0-9][0-9A-Za-z._-]*){after}")


def _version(text: str) -> Version | None:
    try:
        return parse_version(text.replace("_", "+", 1))
    except UsageError:
        return None
