"""Images and archives of a release: built, bound by what approves it, pushed once, and found to be what they were."""

from __future__ import annotations

import subprocess
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.artifacts import DOCKERFILE
from tests.support.docker import DockerEngine
from tests.support.flows import Organisation, organisation, prepared_sqlite, refused
from tests.support.gitrepo import GitRepository
from tests.support.registry import ContainerRegistry
from tidegate.core.leaf import Leaf
from tidegate.core.statement import Act
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError, UsageError
from tidegate.orchestration import artifact
from tidegate.orchestration import release as release_flow
from tidegate.orchestration.artifact import Building
from tidegate.orchestration.identity import proven_by
from tidegate.store import releases

TAGS = ["{version}", "{minor}", "{major}", "latest"]
MakeOrg = Callable[..., Organisation]


@pytest.fixture
def shop(tmp_path: Path, container_registry: ContainerRegistry, docker_engine: DockerEngine) -> Iterator[Organisation]:
    """An organisation whose billing is an image in a real registry, and a zip; on SQLite alone: builds take time."""

    def make(**changes: Any) -> Organisation:
        return organisation(tmp_path / "organisation", prepared_sqlite(tmp_path / "database"), **changes)

    org = declaring(make, [{"image": f"{container_registry.host}/billing", "tags": TAGS}, ZIP])
    yield org
    org.house.database.close()


ZIP = {"archive": "billing", "format": "zip"}


def declaring(make_org: MakeOrg, artifacts: list[dict[str, Any]]) -> Organisation:
    major = {"bump": "major", "approvals": [{"from": "module-team", "count": 2}, {"from": "tech-leads"}]}
    org = make_org(components={"billing": {"artifacts": artifacts}}, release_types={"major": major})
    commit(org, "feat: an image", {"app/Dockerfile": DOCKERFILE})
    return org


def commit(org: Organisation, message: str, files: dict[str, str]) -> None:
    GitRepository(org.root).commit(message, files)


def built(org: Organisation, release: str, *, again: bool = False) -> Building:
    return artifact.build(org.house, release, org.claim("rita"), again=again)


def pushed(org: Organisation, release: str) -> artifact.ImagePushed:
    (image,) = artifact.push(org.house, release, org.claim("rita"))
    return image


def outcomes(image: artifact.ImagePushed) -> dict[str, str]:
    return {tag.tag: tag.outcome for tag in image.tags}


def lacking_approvals(org: Organisation, release: str) -> list[str]:
    return [finding.message for finding in org.decide(release).against() if finding.rule.startswith("approval")]


def last(org: Organisation, kind: str) -> Leaf:
    return [leaf for leaf in org.leaves() if leaf.kind == kind][-1]


def test_what_is_built_is_bound_by_what_approves_it(shop: Organisation) -> None:
    release = shop.prepared("2.1.0")
    assert not lacking_approvals(shop, release)
    done = built(shop, release)
    assert [row.kind for row in done.built] == ["image", "archive"]
    assert lacking_approvals(shop, release)
    leaf = last(shop, "artifact.built")
    assert leaf.data["built"] == {row.key: row.digest for row in done.built}
    assert leaf.data["statement"]
    shop.approve(release)
    assert not lacking_approvals(shop, release)


def test_what_was_built_is_not_built_again(shop: Organisation) -> None:
    release = shop.open("2.1.0")
    first = built(shop, release)
    leaves = shop.kinds()
    second = built(shop, release)
    assert (second.built, {row.digest for row in second.kept}) == ((), {row.digest for row in first.built})
    assert shop.kinds() == leaves


def test_what_is_damaged_in_the_store_is_built_again(shop: Organisation) -> None:
    release = shop.open("2.1.0")
    (archive,) = [row for row in built(shop, release).built if row.kind == "archive"]
    shop.house.artifacts.path(archive.digest).write_bytes(b"damaged")
    checked = {one.label: one.problem for one in artifact.verify(shop.house, release)}
    assert checked["archive billing"] == f"the artifact {archive.digest} was changed in the store"
    again = built(shop, release)
    assert [row.digest for row in again.built] == [archive.digest], "an archive has the same bytes on every machine"
    assert not [one.problem for one in artifact.verify(shop.house, release) if one.problem]


def test_an_image_is_pushed_read_back_and_deployed_by_digest(
    shop: Organisation, container_registry: ContainerRegistry, docker_engine: DockerEngine
) -> None:
    release = shop.open("2.1.0")
    (image,) = [row for row in built(shop, release).built if row.kind == "image"]
    done = pushed(shop, release)
    assert outcomes(done) == {"2.1.0": "set", "2.1": "set", "2": "set", "latest": "set"}
    assert container_registry.tags("billing") == dict.fromkeys(["2", "2.1", "2.1.0", "latest"], image.digest)
    with shop.house.database.read() as connection:
        pinned = artifact.pinned_images(connection, release)
    reference = f"{container_registry.host}/billing@{image.digest}"
    assert pinned == {f"{container_registry.host}/billing": reference}
    assert done.reference == reference
    docker_engine.docker("pull", reference)
    found = docker_engine.docker(
        "image", "inspect", "--format", '{{index .Config.Labels "org.opencontainers.image.version"}}', reference
    )
    assert found.stdout.strip() == "2.1.0"
    assert shop.kinds()[-2:] == ["artifact.push_started", "artifact.pushed"]
    assert last(shop, "artifact.pushed").data["reference"] == reference


def test_a_push_is_repeated_without_sending_anything(shop: Organisation) -> None:
    release = shop.open("2.1.0")
    built(shop, release)
    assert pushed(shop, release).blobs_sent > 0
    second = pushed(shop, release)
    assert second.blobs_sent == 0
    assert set(outcomes(second).values()) == {"kept"}


def test_a_push_that_was_cut_off_is_repeated_whole(shop: Organisation, container_registry: ContainerRegistry) -> None:
    release = shop.open("2.1.0")
    built(shop, release)

    class CutOffError(Exception):
        pass

    def cut(sentence: str) -> None:
        if "2.1.0 is" in sentence:
            raise CutOffError

    with pytest.raises(CutOffError):
        artifact.push(replace(shop.house, say=cut), release, shop.claim("rita"))
    assert set(container_registry.tags("billing")) == {"2.1.0"}
    done = pushed(shop, release)
    assert outcomes(done) == {"2.1.0": "kept", "2.1": "set", "2": "set", "latest": "set"}
    assert done.blobs_sent == 0


def test_the_tag_of_a_version_never_leads_to_another_digest(
    shop: Organisation, container_registry: ContainerRegistry
) -> None:
    release = shop.open("2.1.0")
    built(shop, release)
    first = pushed(shop, release)
    commit(shop, "feat: more", {"app/more.txt": "1"})
    other = shop.open("2.0.9")
    built(shop, other)
    shop.sql("UPDATE tg_item SET to_version = '2.1.0' WHERE release = :release", release=other)
    sentence = f"billing:2.1.0 is {first.digest} already, and this release is sha256:"
    before = container_registry.tags("billing")
    with pytest.raises(ConflictError, match=sentence) as caught:
        pushed(shop, other)
    assert caught.value.remedy == "a version names one content for ever: release the new one under the next version"
    assert container_registry.tags("billing") == before
    assert shop.kinds()[-3:] == ["artifact.push_started", "artifact.push_failed", "artifact.denied"]


def test_a_dry_run_says_what_a_push_would_do_and_does_nothing(
    shop: Organisation, container_registry: ContainerRegistry
) -> None:
    release = shop.open("2.1.0")
    built(shop, release)
    leaves = shop.kinds()
    (image,) = artifact.push(shop.house, release, shop.claim("rita", ""), only_looks=True)
    assert set(outcomes(image).values()) == {"set"}
    assert (container_registry.tags("billing"), shop.kinds()) == ({}, leaves)


def test_verify_finds_a_tag_that_somebody_moved(shop: Organisation, container_registry: ContainerRegistry) -> None:
    release = shop.open("2.1.0")
    built(shop, release)
    done = pushed(shop, release)
    commit(shop, "feat: more", {"app/more.txt": "1"})
    other = shop.open("2.0.9")
    built(shop, other)
    moved = pushed(shop, other)
    data = shop.house.artifacts.small(moved.digest)
    container_registry.put("billing/manifests/2.1.0", data, "application/vnd.oci.image.manifest.v1+json")
    found = [one.problem for one in artifact.verify(shop.house, release) if one.problem]
    assert found == [f"2.1.0 leads to {moved.digest}"]
    with pytest.raises(ConflictError, match=f"2.1.0 is {moved.digest} already, and this release is {done.digest}"):
        pushed(shop, release)


def test_archives_are_written_with_their_checksums(shop: Organisation, tmp_path: Path) -> None:
    release = shop.open("2.1.0")
    done = built(shop, release)
    assert artifact.export(shop.house, done.built, tmp_path / "dist") == ("billing-2.1.0.zip",)
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=tmp_path / "dist", check=True)
    with zipfile.ZipFile(tmp_path / "dist" / "billing-2.1.0.zip") as opened:
        assert opened.testzip() is None
        assert opened.namelist() == ["Dockerfile", "a.txt"]


def test_another_package_leaves_what_was_built_bound(shop: Organisation, tmp_path: Path) -> None:
    release = shop.open("2.1.0")
    built(shop, release)
    package = next(iter((shop.house.packages).glob("*.tar.gz")))
    copy = tmp_path / "other.tar.gz"
    copy.write_bytes(package.read_bytes())
    with shop.house.database.read() as connection:
        before = releases.load(connection, release).facts.items[0].subject.artifacts
    release_flow.attach(shop.house, release, copy, shop.claim("rita"))
    with shop.house.database.read() as connection:
        assert releases.load(connection, release).facts.items[0].subject.artifacts == before


def test_a_component_names_its_open_release(shop: Organisation) -> None:
    with pytest.raises(NotFoundError, match=r"^no release of billing is open$"):
        artifact.known(shop.house, "billing")
    release = shop.open("2.1.0")
    assert artifact.known(shop.house, "billing").id == release
    shop.open("2.2.0")
    with pytest.raises(UsageError, match=r"^2 releases of billing are open$") as caught:
        artifact.known(shop.house, "billing")
    assert "billing-2.1.0" in caught.value.remedy


@pytest.fixture
def zipped(make_org: MakeOrg) -> Organisation:
    """An organisation that builds an archive, for which no engine is needed."""
    return declaring(make_org, [ZIP])


def test_whoever_may_not_open_releases_builds_and_pushes_nothing(zipped: Organisation) -> None:
    release = zipped.open("2.1.0")
    with refused(zipped, NotPermittedError, "^alice may not open$", "artifact"):
        artifact.build(zipped.house, release, zipped.claim("alice"))
    with refused(zipped, NotPermittedError, "^rita is only asserted; open asks for signature$", "artifact"):
        artifact.build(zipped.house, release, zipped.claim("rita", ""))
    with refused(zipped, NotPermittedError, "^alice may not open$", "artifact"):
        artifact.push(zipped.house, release, zipped.claim("alice"))


def test_a_signed_build_is_spent_for_what_was_signed(zipped: Organisation) -> None:
    release = zipped.open("2.1.0")
    proven = proven_by(zipped.house, zipped.claim("rita"), Act.BUILD, release=release, subject="sha256:" + "0" * 64)
    with refused(zipped, NotPermittedError, "^rita has signed something else: its subject is", "artifact"):
        artifact.build(zipped.house, release, proven)


def test_nothing_is_built_of_a_release_that_is_over(zipped: Organisation) -> None:
    release = zipped.open("2.1.0")
    built(zipped, release)
    release_flow.cancel(zipped.house, release, zipped.claim("rita"), "no")
    sentence = f"^release {release} is cancelled: what it is made of cannot change any more$"
    with refused(zipped, ConflictError, sentence, "artifact"):
        built(zipped, release, again=True)


def test_without_declared_artifacts_there_is_nothing_to_build(org: Organisation) -> None:
    release = org.open()
    with refused(org, NotFoundError, f"^the policy of {release} declares no artifacts of billing$", "artifact"):
        built(org, release)


def test_an_archive_is_not_pushed(zipped: Organisation) -> None:
    release = zipped.open("2.1.0")
    built(zipped, release)
    with refused(zipped, NotFoundError, f"^the policy of {release} declares no image$", "artifact"):
        pushed(zipped, release)


def test_an_image_is_built_before_it_is_pushed(make_org: MakeOrg) -> None:
    org = declaring(make_org, [{"image": "registry.example/billing"}])
    release = org.open("2.1.0")
    with refused(org, ConflictError, "^the image registry.example/billing is not built$", "artifact"):
        pushed(org, release)


def test_a_release_that_changes_while_it_is_built_stays_as_it_was(zipped: Organisation) -> None:
    release = zipped.open("2.1.0")

    def change(sentence: str) -> None:
        if sentence.startswith("building"):
            zipped.sql("UPDATE tg_item SET authors = '[]' WHERE release = :release", release=release)

    house = replace(zipped.house, say=change)
    with refused(zipped, ConflictError, "the release has changed while it was built", "artifact"):
        artifact.build(house, release, zipped.claim("rita"))
