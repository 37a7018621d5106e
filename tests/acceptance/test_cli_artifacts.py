"""Images and archives at the command line, with a real engine and a real registry: built, pushed, verified, killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support.artifacts import DOCKERFILE
from tests.support.docker import DockerEngine
from tests.support.registry import ContainerRegistry
from tests.support.shop import Shop, ends, wait_until

TAGS = ["2", "2.0", "2.0.0", "latest"]


def declares(shop: Shop, artifacts: str) -> None:
    """Write the policy with these artifacts of the component, and a type for version 2."""
    text = shop.policy_text().replace('    tag: "shop-v', f'    artifacts: {artifacts}\n    tag: "shop-v')
    major = "  major: {bump: major, approvals: [{from: tech-leads}]}\n"
    (shop.root / "tidegate.yaml").write_text(text.replace("gates:\n", f"{major}gates:\n", 1))


@pytest.fixture
def image_shop(shop: Shop, container_registry: ContainerRegistry, docker_engine: DockerEngine) -> Shop:
    """The shop as an image in the registry and as a zip; its release 2.0.0 is open."""
    image = f'{{image: "{container_registry.host}/shop", tags: ["{{version}}", "{{minor}}", "{{major}}", latest]}}'
    declares(shop, f"[{image}, {{archive: shop, format: zip}}]")
    shop.repository.commit("feat!: an image", {"app/Dockerfile": DOCKERFILE})
    shop.good("release", "open", "shop", "--version", "2.0.0", by="rita")
    return shop


def test_what_is_declared_is_built_pushed_and_verified(image_shop: Shop, container_registry: ContainerRegistry) -> None:
    shop, name = image_shop, f"{container_registry.host}/shop"
    assert "not built  tidegate artifact build" in shop.good("artifact", "list", "shop").out
    before = shop.run("check", "shop-2.0.0", "--for", "staging")
    assert before.code == 3
    assert f"the image {name} is not built" in before.out

    early = shop.run("artifact", "push", "shop-2.0.0", by="rita")
    assert early.code == 6
    assert f"the image {name} is not built" in early.err
    assert "tidegate artifact build shop-2.0.0" in early.err

    built = shop.good("artifact", "build", "shop", "--output", shop.directory / "dist", by="rita")
    assert f"✓ image {name}" in built.out
    assert "✓ wrote shop-2.0.0.zip and SHA256SUMS to" in built.out
    assert "shop-2.0.0 is made of these now; approvals that were given before are void" in built.out
    assert all(len(line) <= 80 or "/dist" in line for line in built.out.splitlines())
    assert built.err.count("building") == 0, "progress is for people who watch"
    sums = shop.directory / "dist" / "SHA256SUMS"
    assert shop.good("artifact", "verify", "--sums", sums).out == "✓ shop-2.0.0.zip\n"

    again = shop.good("artifact", "build", "shop-2.0.0", "--json", by="rita").json
    assert (again["built"], set(again["kept"])) == ({}, {f"image:{name}", "archive:shop"})

    watched = shop.run("artifact", "build", "shop-2.0.0", "--again", by="rita", TIDEGATE_PROGRESS="1")
    assert f"building image {name}" in watched.err
    assert "Step 1/" in watched.err or "#1 " in watched.err
    again = shop.good("artifact", "build", "shop-2.0.0", "--json", by="rita").json

    dry = shop.good("artifact", "push", "shop-2.0.0", "--dry-run", by="rita")
    assert dry.out.count("would be set") == 4
    assert container_registry.tags("shop") == {}

    pushed = shop.run_installed("artifact", "push", "shop-2.0.0", "--json", by="rita")
    assert pushed.code == 0, pushed
    (image,) = pushed.json["images"]
    assert image["digest"] == again["kept"][f"image:{name}"]
    assert container_registry.tags("shop") == dict.fromkeys(TAGS, image["digest"])

    listed = shop.good("artifact", "list", "shop-2.0.0", "--json").json
    assert [(line["kind"], line["reference"]) for line in listed] == [
        ("image", f"{name}@{image['digest']}"),
        ("archive", ""),
    ]
    after = shop.run("check", "shop-2.0.0", "--for", "staging", "--json").json
    assert [f["verdict"] for f in after["findings"] if f["rule"] == "artifact"] == ["allow", "allow"]
    assert "✓" in shop.good("artifact", "verify", "shop-2.0.0").out

    blob = shop.root / ".tidegate" / "artifacts" / image["digest"].removeprefix("sha256:")
    blob.write_bytes(blob.read_bytes() + b" ")
    damaged = shop.run("artifact", "verify", "shop-2.0.0")
    assert damaged.code == 1
    assert "was changed in the store" in damaged.out
    assert "all the same" in shop.good("audit", "rejudge").out


def test_a_push_that_is_killed_is_repeated_and_ends_the_same(
    image_shop: Shop, container_registry: ContainerRegistry
) -> None:
    shop = image_shop
    digest = shop.good("artifact", "build", "shop", "--json", by="rita").json["built"][
        f"image:{container_registry.host}/shop"
    ]
    for waited in (set[str](), {"2.0.0"}, {"2.0.0", "2.0"}):
        running = shop.begin("artifact", "push", "shop-2.0.0", by="rita")
        wait_until(lambda least=waited: set(container_registry.tags("shop")) >= set(least), "the tag was set")  # type: ignore[misc]
        os.killpg(running.pid, signal.SIGKILL)
        ends(running)
    shop.good("artifact", "push", "shop-2.0.0", by="rita")
    assert container_registry.tags("shop") == dict.fromkeys(TAGS, digest)
    shop.good("audit", "verify")
    assert not [line for line in shop.good("artifact", "verify", "shop-2.0.0", "--json").json if line["problem"]]


def test_a_version_that_is_somebody_elses_is_refused(image_shop: Shop, container_registry: ContainerRegistry) -> None:
    shop = image_shop
    built = shop.good("artifact", "build", "shop", "--json", by="rita").json["built"]
    ours = built[f"image:{container_registry.host}/shop"]
    shop.good("artifact", "push", "shop", by="rita")
    # The same manifest with a space at its end: other bytes, so another image.
    other = (shop.root / ".tidegate" / "artifacts" / ours.removeprefix("sha256:")).read_bytes() + b" "
    container_registry.put("shop/manifests/2.0.0", other, "application/vnd.oci.image.manifest.v1+json")
    before = container_registry.tags("shop")
    refused = shop.run("artifact", "push", "shop", "--json", by="rita")
    assert (refused.code, refused.json["error"]["kind"]) == (6, "conflict")
    assert refused.json["error"]["what"] == (
        f"{container_registry.host}/shop:2.0.0 is {before['2.0.0']} already, and this release is {ours}"
    )
    assert container_registry.tags("shop") == before
    found = shop.run("artifact", "verify", "shop")
    assert found.code == 1
    assert f"2.0.0 leads to {before['2.0.0']}" in found.out


def test_without_an_engine_the_remedy_is_said(shop: Shop, tmp_path: Path) -> None:
    declares(shop, '[{image: "registry.example/shop"}]')
    shop.repository.commit("feat: an image", {"app/Dockerfile": DOCKERFILE})
    release = shop.open()
    nowhere = f"unix://{tmp_path}/no.sock"
    done = shop.run("artifact", "build", release, by="rita", DOCKER_HOST=nowhere, DOCKER_CONFIG=str(tmp_path))
    assert done.code == 1
    assert "error: no container engine answers" in done.err
    assert "> start one, or say where it is: DOCKER_HOST, docker context use" in done.err


def test_a_tag_that_means_nothing_is_refused_where_it_stands(shop: Shop) -> None:
    declares(shop, '[{image: "registry.example/shop", tags: ["{patch}"]}]')
    done = shop.run("policy", "check")
    assert done.code == 2
    assert 'components.shop.artifacts[0].tags[0]: tag "{patch}" has braces that mean' in done.out
    assert "remedy: write {version}, {major} or {minor}" in done.out


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("artifact", "verify"), 2, "name a release, or a file with --sums"),
        (("artifact", "verify", "--sums", "absent"), 5, "there is no such list of checksums"),
        (("artifact", "build", "none-1.0.0"), 5, 'there is no release "none-1.0.0"'),
        (("artifact", "list", "shop-1.1.0"), 0, ""),
        (("artifact", "build", "shop"), 5, "the policy of shop-1.1.0 declares no artifacts of shop"),
        (("artifact", "push", "shop"), 5, "the policy of shop-1.1.0 declares no image"),
        (("artifact", "verify", "shop"), 5, "nothing of shop-1.1.0 was built"),
    ],
)
def test_what_cannot_be_done_is_said(shared_shop: Shop, words: tuple[str, ...], code: int, sentence: str) -> None:
    done = shared_shop.run(*words, by="rita")
    assert done.code == code
    assert sentence in done.err
