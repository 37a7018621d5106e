"""Images built by a real engine: from the commit and nothing else, and every byte held against the engine's own id."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path

import pytest

from tests.support.artifacts import DOCKERFILE, order, store_at
from tests.support.docker import DockerEngine
from tests.support.gitrepo import GitRepository
from tidegate.artifacts.image.engine import Engine
from tidegate.artifacts.image.kind import ImageKind, manifest_of
from tidegate.artifacts.image.saved import take_apart
from tidegate.drivers.command import Limits
from tidegate.errors import ArtifactError, DamagedRecordError, NotFoundError, TargetError, UsageError

pytestmark = pytest.mark.usefixtures("docker_engine")


@pytest.fixture
def shop(git_repository: GitRepository) -> GitRepository:
    git_repository.commit("feat: first", {"Dockerfile": DOCKERFILE, "a.txt": "1", "bin/run": "#!/bin/sh\n"})
    return git_repository


def files_of(digest: str, tmp_path: Path) -> set[str]:
    """The names in the layers of an image in the store."""
    store = store_at(tmp_path)
    names: set[str] = set()
    for layer in manifest_of(digest, store).layers:
        with tarfile.open(store.path(layer.digest), "r:gz") as tar:
            names |= {name for name in tar.getnames() if not name.endswith("/")}
    return names


def test_an_image_is_built_from_the_commit_and_not_from_the_work_tree(shop: GitRepository, tmp_path: Path) -> None:
    shop.write({"a.txt": "dirty", "untracked.txt": "secret"})
    said: list[str] = []
    built = ImageKind().build(order(shop, said, image="registry.example/shop"), store_at(tmp_path))
    assert files_of(built.digest, tmp_path) == {"app", "app/Dockerfile", "app/a.txt", "app/bin", "app/bin/run"}
    manifest = manifest_of(built.digest, store_at(tmp_path))
    config = json.loads(store_at(tmp_path).small(manifest.config.digest))
    assert config["config"]["Labels"] == {
        "org.opencontainers.image.created": "2026-01-05T12:00:00Z",
        "org.opencontainers.image.revision": shop.head(),
        "org.opencontainers.image.title": "shop",
        "org.opencontainers.image.version": "2.1.0",
    }
    assert built.size == sum(blob.size for blob in manifest.blobs)
    assert any("Successfully built" in line or "exporting" in line for line in said)


def test_the_engine_knows_the_image_by_the_digest_of_the_config(
    shop: GitRepository, tmp_path: Path, docker_engine: DockerEngine
) -> None:
    built = ImageKind().build(
        order(shop, image="registry.example/shop", tags=["{version}", "latest"]), store_at(tmp_path)
    )
    listed = docker_engine.docker("image", "inspect", "--format", "{{.Id}}", "registry.example/shop:2.1.0").stdout
    assert listed.strip() == manifest_of(built.digest, store_at(tmp_path)).config.digest
    moving = docker_engine.docker("image", "inspect", "registry.example/shop:latest", check=False)
    assert moving.returncode != 0, "tags that move are set where they are read back: in the registry"


def test_context_and_dockerfile_are_where_the_policy_says(git_repository: GitRepository, tmp_path: Path) -> None:
    files = {"shop/src/x.txt": "x", "shop/build/Image": "FROM scratch\nCOPY src /src\n", "other.txt": "no"}
    git_repository.commit("feat: first", files)
    built = ImageKind().build(
        order(git_repository, image="registry.example/shop", folder="shop", dockerfile="build/Image"),
        store_at(tmp_path),
    )
    assert files_of(built.digest, tmp_path) == {"src", "src/x.txt"}


def test_a_build_that_fails_says_its_last_lines(git_repository: GitRepository, tmp_path: Path) -> None:
    git_repository.commit("feat: first", {"Dockerfile": "FROM scratch\nCOPY missing /x\n"})
    with pytest.raises(
        ArtifactError, match=r"the image could not be built: docker build ended with 1: .*missing"
    ) as caught:
        ImageKind().build(order(git_repository, image="registry.example/shop"), store_at(tmp_path))
    assert caught.value.remedy == "mend the build where its last lines say that it stopped"
    assert not list((tmp_path / "artifacts").iterdir()), "nothing half-made stays"


def test_without_a_dockerfile_no_engine_is_asked(git_repository: GitRepository, tmp_path: Path) -> None:
    commit = git_repository.commit("feat: first", {"shop/a.txt": "1"})
    git_repository.write({"shop/Dockerfile": DOCKERFILE})
    with pytest.raises(NotFoundError, match=f': there is no file "shop/Dockerfile" at commit {commit[:10]}$'):
        ImageKind().build(order(git_repository, image="registry.example/shop", folder="shop"), store_at(tmp_path))


def test_a_dockerfile_that_calls_itself_another_version_is_refused(
    git_repository: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git_repository.commit("feat: first", {"Dockerfile": DOCKERFILE})
    built = order(git_repository, image="registry.example/shop")

    class Forgetful(Engine):
        def build(self, order, context, room, say):  # type: ignore[no-untyped-def]
            from dataclasses import replace

            return super().build(replace(order, labels={}), context, room, say)

    with pytest.raises(
        ArtifactError, match=r"says None as its org.opencontainers.image.revision, and [0-9a-f]{40} was"
    ):
        ImageKind(Forgetful()).build(built, store_at(tmp_path))


def test_a_build_that_is_silent_is_stopped(git_repository: GitRepository, tmp_path: Path) -> None:
    git_repository.commit("feat: first", {"Dockerfile": DOCKERFILE})
    with pytest.raises(
        TargetError,
        match=r"^the container engine: docker: (said nothing for|took longer than) 0\.001 s; it was stopped$",
    ):
        ImageKind(Engine(Limits(timeout_s=0.001, silence_s=0.001))).build(
            order(git_repository, image="registry.example/shop"), store_at(tmp_path)
        )


def test_a_link_out_of_the_context_is_refused(git_repository: GitRepository, tmp_path: Path) -> None:
    git_repository.commit("feat: first", {"Dockerfile": DOCKERFILE})
    (git_repository.path / "etc").symlink_to("/etc")
    git_repository.commit("feat: a link")
    with pytest.raises(UsageError, match='the symbolic link "etc" leads to "/etc", outside the package'):
        ImageKind().build(order(git_repository, image="registry.example/shop"), store_at(tmp_path))


def test_names_from_the_repository_reach_no_shell(git_repository: GitRepository, tmp_path: Path) -> None:
    hostile = {"$(touch pwned)": "1", "-rf": "2", "a\tb": "3", "\u202egpj.exe": "4"}
    git_repository.commit("feat: first", {"Dockerfile": DOCKERFILE, **hostile})
    built = ImageKind().build(order(git_repository, image="registry.example/shop"), store_at(tmp_path))
    assert {f"app/{name}" for name in hostile} <= files_of(built.digest, tmp_path)
    assert not (git_repository.path / "pwned").exists()


def test_what_is_kept_is_checked_byte_by_byte(shop: GitRepository, tmp_path: Path) -> None:
    store = store_at(tmp_path)
    built = ImageKind().build(order(shop, image="registry.example/shop"), store)
    assert ImageKind().check(built.digest, store) == built.size
    layer = store.path(manifest_of(built.digest, store).layers[0].digest)
    layer.write_bytes(layer.read_bytes()[:-1] + b"x")
    with pytest.raises(DamagedRecordError, match="was changed in the store"):
        ImageKind().check(built.digest, store)
    layer.unlink()
    with pytest.raises(NotFoundError, match="is not in the store"):
        ImageKind().check(built.digest, store)


def saved(tmp_path: Path, *, swap: str = "") -> tuple[Path, str]:
    """A file as the engine saves it, with something in it changed."""
    layer = b"layer" + bytes(1019)
    config = {"rootfs": {"diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}, "config": {}}
    members = {"c.json": json.dumps(config).encode(), "l/layer.tar": layer}
    image = "sha256:" + hashlib.sha256(members["c.json"]).hexdigest()
    entries: object = [{"Config": "c.json", "Layers": ["l/layer.tar"]}]
    if swap == "layer":
        members["l/layer.tar"] = b"another" + bytes(1017)
    elif swap == "config":
        members["c.json"] += b" "
    elif swap == "two images":
        entries = [{}, {}]
    elif swap == "no layer":
        del members["l/layer.tar"]
    elif swap == "fewer layers":
        entries = [{"Config": "c.json", "Layers": []}]
    elif swap == "deep":
        members["c.json"] = b"[" * 200_000
        image = "sha256:" + hashlib.sha256(members["c.json"]).hexdigest()
    elif swap == "zstd":
        members["l/layer.tar"] = b"\x28\xb5\x2f\xfd" + bytes(1020)
    members["manifest.json"] = json.dumps(entries).encode()
    file = tmp_path / "saved.tar"
    with tarfile.open(file, "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            import io

            tar.addfile(info, io.BytesIO(data))
    return file, image


def test_what_was_saved_is_taken_apart(tmp_path: Path) -> None:
    file, image = saved(tmp_path)
    assert take_apart(file, image, store_at(tmp_path)).manifest.config.digest == image


@pytest.mark.parametrize(
    ("swap", "because"),
    [
        ("layer", "the layer 'l/layer.tar' is sha256:[0-9a-f]{64}, and its config says sha256:[0-9a-f]{64}"),
        ("config", "its config is sha256:[0-9a-f]{64}, and the image is sha256:[0-9a-f]{64}"),
        ("two images", "it does not hold exactly one image"),
        ("no layer", "KeyError"),
        ("fewer layers", "the layers of its config are not those of the file"),
        ("deep", "RecursionError"),
        ("zstd", "a layer is compressed by zstd"),
    ],
)
def test_what_was_saved_is_not_believed(tmp_path: Path, swap: str, because: str) -> None:
    file, image = saved(tmp_path, swap=swap)
    with pytest.raises(ArtifactError, match=f"^what the engine saved is not the image that it built: {because}"):
        take_apart(file, image, store_at(tmp_path))
