"""Orders for artifacts, and images without an engine, for the tests of what is built and pushed."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from tests.support.gitrepo import FIRST_COMMIT, GitRepository
from tidegate.artifacts.contract import Order
from tidegate.artifacts.image.manifest import Blob, Manifest
from tidegate.artifacts.store import ArtifactStore
from tidegate.core.policy import Artifact
from tidegate.git.repository import open_repository

DOCKERFILE = "FROM scratch\nCOPY . /app\n"


def artifact(**settings: Any) -> Artifact:
    """An artifact as a policy declares it."""
    return Artifact.model_validate({k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()})


def order(repository: GitRepository, said: list[str] | None = None, /, **settings: Any) -> Order:
    """An order for version 2.1.0 from the current commit."""
    folder = settings.pop("folder", ".")
    version = settings.pop("version", "2.1.0")
    say = (said if said is not None else []).append
    opened = open_repository(repository.path)
    return Order(artifact(**settings), version, opened, repository.head(), FIRST_COMMIT, folder, say)


def image_in(store: ArtifactStore, content: str = "content") -> str:
    """An image that no engine has built, in the store; its digest."""
    layer, size = store.keep([gzip.compress(content.encode(), mtime=0)])
    config, config_size = store.keep([json.dumps({"architecture": "amd64", "os": "linux", "note": content}).encode()])
    manifest = Manifest(Blob(config, config_size), (Blob(layer, size),))
    return store.keep([manifest.to_bytes()])[0]


def store_at(path: Path) -> ArtifactStore:
    """A store in a directory of its own."""
    return ArtifactStore(path / "artifacts")
