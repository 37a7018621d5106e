"""Names of container images, and which of those in a file are the component's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tidegate.core.plain import plain
from tidegate.errors import UsageError
from tidegate.versionfiles.contract import Hints, Refusal, Role, Value
from tidegate.versionfiles.source import Source
from tidegate.versionfiles.yaml_text import Scalar, YamlText

# Compose writes what stands in its environment as ${NAME}, and what it is without it as ${NAME:-this}.
_VARIABLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*(?::?-(?P<default>[^${}]*))?\}\Z")


@dataclass(frozen=True, slots=True)
class Image:
    """An image as it is named: its repository, and where in the name the version of its tag stands.

    ``start`` is -1 where it has no tag.
    """

    repository: str
    start: int
    end: int
    digest: str
    computed: bool

    def is_called(self, name: str) -> bool:
        """Whether it is the image of that name, or one is the end of the other from a slash on; in any registry."""
        mine, other = f"/{self.repository}", f"/{name.strip('/')}"
        path, bare = f"/{_without_registry(self.repository)}", f"/{_without_registry(name.strip('/'))}"
        return mine.endswith(other) or other.endswith(mine) or path.endswith(bare) or bare.endswith(path)


def _without_registry(name: str) -> str:
    """The name without its first part where that names a host, as Docker tells: by a dot, a port, or ``localhost``."""
    host, slash, rest = name.partition("/")
    return rest if slash and ("." in host or ":" in host or host == "localhost") else name


def parse_image(name: str) -> Image:
    """The parts of ``registry:5000/team/app:v1.2.0@sha256:...``; a port is no tag."""
    rest, _, digest = name.partition("@")
    colon = rest.find(":", rest.rfind("/", 0, _end_of_path(rest)) + 1)
    if colon < 0:
        return Image(rest, -1, -1, digest, computed=False)
    start, end = colon + 1, len(rest)
    variable = _VARIABLE.fullmatch(rest, start)
    if variable is not None and variable["default"]:
        start, end = variable.span("default")
    if re.match(r"v[0-9]", rest[start:end]):
        start += 1
    return Image(rest[:colon], start, end, digest, computed="$" in rest[start:end])


def _end_of_path(name: str) -> int:
    # A default such as ${TAG:-a/b} has slashes that are no parts of the path.
    dollar = name.find("${")
    return dollar if dollar >= 0 and ":" in name[:dollar].rpartition("/")[2] else len(name)


def image_values(text: YamlText, scalars: Iterable[Scalar], hints: Hints) -> tuple[Value, ...]:
    """The tags of those images that can be the component's.

    Those that are named must be there and at the old version; without names, those are meant that are at it.

    Raises:
        UsageError: no image is called as the component's are.
    """
    found = [(scalar, parse_image(scalar.text)) for scalar in scalars]
    wanted = hints.names or hints.images
    named = [(s, image) for s, image in found if any(image.is_called(name) for name in wanted)]
    if found and wanted and not named:
        raise none_is_called(text.source, wanted, [(image.repository, s.start) for s, image in found])
    if named:
        return once(_value(text, scalar, image, Role.OWN) for scalar, image in named)
    return once(_value(text, scalar, image, Role.FOUND) for scalar, image in found if image.start >= 0)


def none_is_called(source: Source, names: Sequence[str], there: Sequence[tuple[str, int]]) -> UsageError:
    """What is said where no image is called as the component's are."""
    shown = ", ".join(dict.fromkeys(plain(name, 120) for name, _ in there[:5]))
    return UsageError(
        f"no image here is called {' or '.join(plain(name, 120) for name in names)}; there is {shown}",
        where=source.where(source.at(there[0][1])),
        remedy="say with --name what the image is called here",
    )


def once(values: Iterable[Value]) -> tuple[Value, ...]:
    """Each value once: what aliases stand for is written in one place."""
    return tuple({value.start: value for value in values}.values())


def _value(text: YamlText, scalar: Scalar, image: Image, role: Role) -> Value:
    start, end = (image.start, image.end) if image.start >= 0 else (len(scalar.text), len(scalar.text))
    refusal = _refusal(scalar, image)
    return text.value(scalar, start, end, role=role, whose=image.repository, refusal=refusal, part=True)


def _refusal(scalar: Scalar, image: Image) -> Refusal | None:
    what = f"the image {plain(scalar.text, 200)}"
    if image.start < 0 and not image.digest:
        return Refusal(f"{what} has no tag", "write its tag")
    if image.digest:
        return pinned(what)
    if image.computed:
        return Refusal(
            f"the tag of {what} is computed",
            "write the version as its default, such as ${TAG:-1.2.0}, or set it where the variable is set",
        )
    return None


def pinned(what: str) -> Refusal:
    """What is said of an image that is named by its digest: a new tag beside it would be a lie."""
    return Refusal(
        f"{what} is pinned by its digest, which names another content than the new version",
        "write the digest of the new image yourself, or take the digest out",
    )
