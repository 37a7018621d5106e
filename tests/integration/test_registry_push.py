"""Pushing to a real registry: tags in order, forward only, never to another digest; logging in; TLS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.artifacts import image_in, store_at
from tests.support.registry import (
    PASSWORD,
    USER,
    ContainerRegistry,
    TokenServer,
    certificate,
    has_openssl,
    password_auth,
    running_registry,
    why_no_registry,
)
from tidegate.artifacts.image.login import Login
from tidegate.artifacts.image.push import Pushed, PushOrder, TagPushed, look, push
from tidegate.artifacts.image.remote import Remote
from tidegate.artifacts.store import ArtifactStore
from tidegate.core.image import parse_image_name
from tidegate.core.secret import Secret
from tidegate.core.version import parse_version
from tidegate.errors import ArtifactError, ConflictError, DamagedRecordError, NotPermittedError

TAGS = ("{version}", "{minor}", "{major}", "latest")
OCI = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return store_at(tmp_path)


def remote(registry: ContainerRegistry, login: Login | None = None, ca: str = "") -> Remote:
    name = parse_image_name(f"{registry.host}/shop")
    return Remote(name, lambda: login or Login(), plain_http=registry.scheme == "http", ca=ca)


def order(digest: str, version: str, tags: tuple[str, ...] = TAGS, said: list[str] | None = None) -> PushOrder:
    return PushOrder(digest, parse_version(version), tags, (said if said is not None else []).append)


def outcomes(done: Pushed) -> dict[str, str]:
    return {tag.tag: tag.outcome + (f" to {tag.newer}" if tag.newer else "") for tag in done.tags}


def released(registry: ContainerRegistry, store: ArtifactStore, version: str) -> tuple[str, dict[str, str]]:
    """Push an image of its own for a version; its digest, and what became of each tag."""
    digest = image_in(store, version)
    return digest, outcomes(push(remote(registry), order(digest, version), store))


def test_every_tag_is_set_and_read_back_the_version_first(
    container_registry: ContainerRegistry, store: ArtifactStore
) -> None:
    digest, said = image_in(store), []  # type: ignore[var-annotated]
    done = push(remote(container_registry), order(digest, "2.1.0", said=said), store)
    assert outcomes(done) == {"2.1.0": "set", "2.1": "set", "2": "set", "latest": "set"}
    assert container_registry.tags("shop") == dict.fromkeys(["2", "2.1", "2.1.0", "latest"], digest)
    assert done.reference == f"{container_registry.host}/shop@{digest}"
    host = container_registry.host
    assert [line for line in said if "read back" in line] == [
        f"{host}/shop:{tag} is {digest}, read back" for tag in ("2.1.0", "2.1", "2", "latest")
    ]
    assert done.blobs_sent == 2


def test_a_second_push_sends_nothing_and_sets_nothing(
    container_registry: ContainerRegistry, store: ArtifactStore
) -> None:
    digest, _ = released(container_registry, store, "2.1.0")
    again = push(remote(container_registry), order(digest, "2.1.0"), store)
    assert (again.blobs_sent, set(outcomes(again).values())) == (0, {"kept"})


def test_the_lines_of_versions_hold_their_own_tags(container_registry: ContainerRegistry, store: ArtifactStore) -> None:
    first, _ = released(container_registry, store, "2.0.8")
    newest, _ = released(container_registry, store, "2.1.0")
    hotfix, told = released(container_registry, store, "2.0.9")
    assert told == {"2.0.9": "set", "2.0": "set", "2": "left to 2.1.0", "latest": "left to 2.1.0"}
    candidate, told = released(container_registry, store, "3.0.0-rc.1")
    assert told == {"3.0.0-rc.1": "set"}
    assert container_registry.tags("shop") == {
        "2": newest,
        "2.0": hotfix,
        "2.0.8": first,
        "2.0.9": hotfix,
        "2.1": newest,
        "2.1.0": newest,
        "3.0.0-rc.1": candidate,
        "latest": newest,
    }


def test_a_candidate_does_not_hold_latest_back(container_registry: ContainerRegistry, store: ArtifactStore) -> None:
    released(container_registry, store, "3.0.0-rc.1")
    digest, told = released(container_registry, store, "2.1.0")
    assert told["latest"] == "set"
    assert container_registry.tags("shop")["latest"] == digest


def test_the_tag_of_a_version_is_refused_to_another_digest(
    container_registry: ContainerRegistry, store: ArtifactStore
) -> None:
    digest, _ = released(container_registry, store, "2.1.0")
    before, other = container_registry.tags("shop"), image_in(store, "other")
    sentence = f"shop:2.1.0 is {digest} already, and this release is {other}$"
    for act in (lambda: look(remote(container_registry), order(other, "2.1.0")),
                lambda: push(remote(container_registry), order(other, "2.1.0"), store)):  # fmt: skip
        with pytest.raises(ConflictError, match=sentence) as caught:
            act()
        assert caught.value.remedy == "a version names one content for ever: release the new one under the next version"
    assert container_registry.tags("shop") == before


def test_a_tag_that_somebody_set_by_hand_moves_and_is_named(
    container_registry: ContainerRegistry, store: ArtifactStore
) -> None:
    first, _ = released(container_registry, store, "1.0.0")
    digest = image_in(store, "2.1.0")
    looked = look(remote(container_registry), order(digest, "2.1.0"))
    assert looked == (
        TagPushed("2.1.0", "set"),
        TagPushed("2.1", "set"),
        TagPushed("2", "set"),
        TagPushed("latest", "set", first),
    )


def test_a_newer_version_that_comes_meanwhile_gets_its_tag_back(
    container_registry: ContainerRegistry, store: ArtifactStore
) -> None:
    digest, newer = image_in(store, "2.1.0"), image_in(store, "2.2.0")

    def meanwhile(sentence: str) -> None:
        if "latest is" in sentence and not raced:
            raced.append(sentence)
            push(remote(container_registry), order(newer, "2.2.0"), store)
            # As if it had looked before we set the tag, and set it before we did.
            container_registry.put("shop/manifests/latest", store.small(digest), OCI)

    raced: list[str] = []
    done = push(remote(container_registry), PushOrder(digest, parse_version("2.1.0"), TAGS, meanwhile), store)
    assert outcomes(done)["latest"] == "left to 2.2.0"
    assert container_registry.tags("shop")["latest"] == newer


def test_a_layer_that_is_damaged_in_the_store_is_not_pushed(
    container_registry: ContainerRegistry, store: ArtifactStore
) -> None:
    digest = image_in(store)
    for path in store.root.iterdir():
        if path.read_bytes().startswith(b"\x1f\x8b"):
            path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(DamagedRecordError, match="was changed in the store"):
        push(remote(container_registry), order(digest, "2.1.0"), store)
    assert container_registry.tags("shop") == {}


def test_a_thousand_tags_are_read_page_by_page(container_registry: ContainerRegistry, store: ArtifactStore) -> None:
    digest, _ = released(container_registry, store, "2.1.0")
    folder = container_registry.directory / "data/docker/registry/v2/repositories/shop/_manifests/tags"
    for number in range(1100):
        (folder / f"0.0.{number}" / "current").mkdir(parents=True)
        (folder / f"0.0.{number}" / "current" / "link").write_text(digest)
    assert len(remote(container_registry).tags()) == 1104


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[ContainerRegistry]:
    """A registry that asks for a password."""
    if reason := why_no_registry():
        pytest.skip(reason)
    with running_registry(tmp_path / "guarded", auth=password_auth(tmp_path / "passwords")) as registry:
        yield registry


def test_a_password_lets_us_in(guarded: ContainerRegistry, store: ArtifactStore) -> None:
    digest = image_in(store)
    login = Login(USER, Secret(PASSWORD))
    assert outcomes(push(remote(guarded, login), order(digest, "2.1.0", ("{version}",)), store)) == {"2.1.0": "set"}


@pytest.mark.parametrize(
    ("login", "sentence"),
    [
        (Login(), "the registry wants to know who asks"),
        (Login(USER, Secret("wrong")), "the registry does not let us in: status 401"),
    ],
)
def test_without_the_password_nothing_is_pushed(
    guarded: ContainerRegistry, store: ArtifactStore, login: Login, sentence: str
) -> None:
    with pytest.raises(NotPermittedError, match=sentence) as caught:
        push(remote(guarded, login), order(image_in(store), "2.1.0"), store)
    assert f"registries.{guarded.host}" in caught.value.remedy
    assert "wrong" not in str(caught.value)


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[TokenServer]:
    if not has_openssl():
        pytest.skip("openssl is not installed")
    server = TokenServer(tmp_path / "tokens")
    yield server
    server.close()


def test_a_token_is_fetched_where_the_registry_says(tmp_path: Path, tokens: TokenServer, store: ArtifactStore) -> None:
    if reason := why_no_registry():
        pytest.skip(reason)
    with running_registry(tmp_path / "registry", auth=tokens.auth) as registry:
        login = Login(USER, Secret(PASSWORD))
        done = push(remote(registry, login), order(image_in(store), "2.1.0", ("{version}",)), store)
        assert outcomes(done) == {"2.1.0": "set"}
        ((path, _),) = tokens.asked
        assert path == "/token?scope=repository%3Ashop%3Apull%2Cpush&service=tests"
        with pytest.raises(NotPermittedError, match="the token is refused with status 401"):
            push(remote(registry, Login(USER, Secret("wrong"))), order(image_in(store), "2.1.0"), store)
        ready = Login(token=Secret(tokens.token()))
        assert remote(registry, ready).tags() == ("2.1.0",)


def test_tls_is_trusted_by_the_certificate_that_the_policy_names(tmp_path: Path, store: ArtifactStore) -> None:
    if not has_openssl():
        pytest.skip("openssl is not installed")
    if reason := why_no_registry():
        pytest.skip(reason)
    pem, key = certificate(tmp_path / "tls")
    with running_registry(tmp_path / "registry", tls={"certificate": str(pem), "key": str(key)}) as registry:
        digest = image_in(store)
        done = push(remote(registry, ca=str(pem)), order(digest, "2.1.0", ("{version}",)), store)
        assert outcomes(done) == {"2.1.0": "set"}
        with pytest.raises(ArtifactError, match=r"the registry cannot be asked: .*certificate verify failed"):
            push(remote(registry), order(digest, "2.1.0"), store)
        with pytest.raises(ArtifactError, match="the certificates cannot be read"):
            push(remote(registry, ca=str(tmp_path / "none.pem")), order(digest, "2.1.0"), store)
