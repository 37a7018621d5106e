"""The engine that builds images, by its command: ``docker``, or one that answers as it does.

The command and not the HTTP API, so that contexts, builders and credentials for base images are those that the person
has set up. What it says is progress; whether an image was built, and which, is read back by ``image inspect``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate.core.canonical import is_digest
from tidegate.core.plain import plain
from tidegate.drivers.command import Completed, Limits, environment, run
from tidegate.errors import ArtifactError, TargetError

PROGRAM = "docker"
_PASSED_ON = ("BUILDKIT_PROGRESS", "BUILDX_BUILDER", "DOCKER_API_VERSION", "DOCKER_BUILDKIT", "DOCKER_CERT_PATH",
              "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_DEFAULT_PLATFORM", "DOCKER_HOST", "DOCKER_TLS",
              "DOCKER_TLS_VERIFY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")  # fmt: skip

BUILD = Limits(timeout_s=3600.0, silence_s=900.0, output=16 << 20)
"""A build may compile for long without a word."""
_ASK = Limits(timeout_s=60.0, silence_s=60.0, output=4 << 20)
_SAVE = Limits(timeout_s=1800.0, silence_s=1800.0)
_LAST_LINES = 12


@dataclass(frozen=True, slots=True)
class BuildOrder:
    """What the engine is told: the Dockerfile's path in the context, labels, arguments, and local tags."""

    dockerfile: str
    labels: Mapping[str, str]
    arguments: Mapping[str, str]
    tags: tuple[str, ...] = ()


class Engine:
    """The engine that the environment points to."""

    def __init__(self, limits: Limits = BUILD) -> None:
        self._limits = limits

    def demand_presence(self) -> None:
        """There is an engine, and it answers.

        Raises:
            TargetError: there is none, or it does not.
        """
        done = self._run(["version", "--format", "{{.Server.Version}}"], (), _ASK)
        if done.status != 0:
            said = plain(done.stderr.strip().rpartition("\n")[2], 300)
            raise TargetError(
                f"no container engine answers: {said or f'{PROGRAM} version ended with {done.status}'}",
                remedy="start one, or say where it is: DOCKER_HOST, docker context use",
            )

    def build(
        self, order: BuildOrder, context: Iterable[bytes], room: Path, say: Callable[[str], None]
    ) -> dict[str, Any]:
        """Build from a tar on standard input; what the engine says of the image that it has then.

        Args:
            room: a directory for the file in which the engine writes the image's id.

        Raises:
            ArtifactError: the build failed, or there is no image of that id afterwards.
            TargetError: there is no engine, or it took too long.
        """
        told = _Tail(say)
        id_file = room / "image-id"
        words = ["build", "--file", order.dockerfile, "--iidfile", str(id_file)]
        words += _options("--label", order.labels) + _options("--build-arg", order.arguments)
        words += [word for tag in order.tags for word in ("--tag", tag)]
        done = self._run([*words, "-"], context, self._limits, told)
        found = id_file.read_text(errors="replace").strip() if id_file.is_file() else ""
        if done.status != 0 or not found:
            raise ArtifactError(
                f"the image could not be built: {PROGRAM} build ended with {done.status}: {told.end()}",
                where=order.dockerfile,
                remedy="mend the build where its last lines say that it stopped",
            )
        return self.inspect(found)

    def inspect(self, image: str) -> dict[str, Any]:
        """What the engine says of an image.

        Raises:
            ArtifactError: there is none, or the answer is none.
        """
        if not is_digest(image):
            raise ArtifactError(
                f"the engine names its image {ascii(image)[:100]}, which is no id", remedy="use Docker's own engine"
            )
        done = self._run(["image", "inspect", "--format", "{{json .}}", image], (), _ASK)
        try:
            value = json.loads(done.stdout) if done.status == 0 else None
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict) or value.get("Id") != image:
            raise ArtifactError(
                f"the engine has no image {image} after building it: {done.stderr.strip()[-300:] or 'it says nothing'}",
                remedy="see that nothing removes images meanwhile, then build again",
            )
        return value

    def save(self, image: str, file: Path) -> None:
        """Have the engine write an image into a tar file.

        Raises:
            ArtifactError: it did not.
        """
        done = self._run(["image", "save", "--output", str(file), image], (), _SAVE)
        if done.status != 0 or not file.is_file():
            raise ArtifactError(
                f"the engine could not save the image {image}: {done.stderr.strip()[-300:]}",
                remedy="make room on the disk, then build again",
            )

    def _run(
        self, words: Sequence[str], stdin: Iterable[bytes], limits: Limits, told: _Tail | None = None
    ) -> Completed:
        hear = told.hear if told else None
        return run(
            [PROGRAM, *words], stdin, limits, where="the container engine", on_line=hear, on_complaint=hear, env=_env()
        )


def _options(option: str, values: Mapping[str, str]) -> list[str]:
    return [word for name, value in values.items() for word in (option, f"{name}={value}")]


def _env() -> dict[str, str]:
    given = (*_PASSED_ON, *(name.lower() for name in _PASSED_ON if name.endswith("PROXY")))
    return environment() | {name: os.environ[name] for name in given if name in os.environ}


class _Tail:
    """Passes each line on, and keeps the last ones for the error."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._lines: list[str] = []

    def hear(self, line: bytes) -> None:
        text = plain(line.decode(errors="replace").rstrip(), 400)
        if text:
            self._lines = [*self._lines[1 - _LAST_LINES :], text]
            self._say(text)

    def end(self) -> str:
        return " / ".join(self._lines[-_LAST_LINES:]) or "it said nothing"
