"""What a Compose release is made of: images by digest, references to secrets, and everything that is refused."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tidegate.core.effect import Package
from tidegate.core.image_lock import ImageLock
from tidegate.drivers.compose.release import (
    archive_beside,
    describe,
    filled,
    read_lock,
    read_variables,
    repository_of,
)
from tidegate.drivers.compose.settings import ComposeSettings
from tidegate.drivers.contract import Target
from tidegate.errors import NotFoundError, TargetError

DIGEST = "sha256:" + "1" * 64
PINNED = "postgres@sha256:" + "2" * 64
WEB = "services:\n  web:\n    image: registry.example/shop:1\n"


def archive_of(directory: Path, files: Mapping[str, str], links: Mapping[str, str] | None = None) -> Path:
    path = directory / "archive.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
        for name, to in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, to
            tar.addfile(member)
    return path


def described(
    directory: Path, content: Mapping[str, str], links: Mapping[str, str] | None = None, **more: Any
) -> dict[str, Any]:
    lock = ImageLock("shop", "1.0.0", "a" * 64, {"registry.example/shop": DIGEST, "registry.example/api": DIGEST})
    known = ComposeSettings.model_validate({"directory": "/srv/shop", **more})
    return describe(lock, archive_of(directory, content, links), known)


def refusal(directory: Path, content: Mapping[str, str], **more: Any) -> str:
    with pytest.raises(TargetError) as caught:
        described(directory, content, **more)
    return caught.value.what.removeprefix("the package was refused: ")


def test_a_service_runs_the_image_of_the_release_and_others_the_digest_that_is_written(tmp_path: Path) -> None:
    text = WEB + f"  db:\n    image: {PINNED}\n  tools:\n    image: tools\n    profiles: [dev]\n"
    found = described(tmp_path, {"docker-compose.yml": text})
    assert found["services"] == {
        "web": {"image": f"registry.example/shop@{DIGEST}", "ours": True, "variables": []},
        "db": {"image": PINNED, "ours": False, "variables": []},
    }


def test_services_of_the_target_name_the_image_of_what_is_built(tmp_path: Path) -> None:
    text = "services:\n  web:\n    build: .\n"
    found = described(tmp_path, {"docker-compose.yml": text}, services={"web": "registry.example/api"})
    assert found["services"]["web"]["image"] == f"registry.example/api@{DIGEST}"


def test_a_later_file_has_the_last_word_and_variables_are_filled(tmp_path: Path) -> None:
    files = {
        "deploy/base.yml": "services:\n  web:\n    image: nginx:1\n",
        "deploy/prod.yml": "services:\n  web:\n    image: ${REGISTRY:-other.example}/${NAME}:${TAG?no tag}\n",
        "prod.env": "# which\nexport REGISTRY=registry.example\nNAME='shop'\n",
    }
    found = described(tmp_path, files, files=["deploy/base.yml", "deploy/prod.yml"], env_file="prod.env")
    assert found["services"]["web"]["ours"]


def test_references_are_recorded_and_nothing_is_resolved(tmp_path: Path) -> None:
    files = {
        "docker-compose.yml": WEB + "    env_file: [web.env]\n",
        "prod.env": "A=1\nPASSWORD=secret:env:DB_PASSWORD\n",
        "web.env": "TOKEN=secret:file:/run/secrets/token\n",
    }
    found = described(tmp_path, files, env_file="prod.env")
    assert found["references"] == {"PASSWORD": "secret:env:DB_PASSWORD", "TOKEN": "secret:file:/run/secrets/token"}
    assert found["services"]["web"]["variables"] == ["TOKEN"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "services:\n  web:\n    image: nginx:1\n",
            'service web runs "nginx:1", which no digest fixes: it is not an image of this release; write nginx@',
        ),
        ("services:\n  web:\n    build: .\n", "service web names no image; name it in services of the target, or"),
        (f"services:\n  db:\n    image: {PINNED}\n", "none of its services runs an image of this component"),
        ("services: [web]\n", "services of docker-compose.yml: a mapping was expected"),
        ("- a\n", "docker-compose.yml: a mapping was expected"),
        ("services: {web: &a {image: x, b: *b}}\n", "docker-compose.yml is no YAML: found undefined alias"),
        ("services:\n  'we\\tb': {image: x}\n", "is not the name of a service"),
        ("services:\n  \"we\\u001bb\": {image: x}\n", "is not the name of a service"),
        (WEB + "    volumes: [./data:/data]\n", 'service web keeps data in "./data", a directory of the release'),
        (WEB + "    volumes: [../data:/data]\n", "service web: the volume ../data leads out of the package"),
        (
            WEB + "    volumes: [{type: bind, source: a/../../b, target: /b}]\n",
            "service web: the volume a/../../b leads out of the package",
        ),
        (WEB + "    env_file: ../../etc/passwd\n", "service web: env_file ../../etc/passwd leads out of the package"),
        (WEB + "    env_file: [/etc/passwd]\n", "service web: env_file /etc/passwd leads out of the package"),
        (WEB + "    extends: {file: ../x.yml, service: a}\n", "service web: extends leads out of the package"),
        (WEB + "secrets: {a: {file: ../a}}\n", "secrets.a of docker-compose.yml leads out of the package"),
        ("include: [x.yml]\n" + WEB, "docker-compose.yml includes other files, which are not followed"),
    ],
)  # fmt: skip
def test_what_no_digest_fixes_or_leads_out_is_refused(tmp_path: Path, text: str, says: str) -> None:
    assert says in refusal(tmp_path, {"docker-compose.yml": text})


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("secret:keyring:x", "A is no reference to a secret; write secret:env:NAME, secret:file:/PATH or"),
        ("secret:file:relative", "A is no reference to a secret"),
        ("secret:env:1X", "A is no reference to a secret"),
        ("secret:command:sops", "A takes its secret from the command sops, which secrets of the target lacks"),
    ],
)
def test_a_reference_that_leads_nowhere_is_refused(tmp_path: Path, value: str, says: str) -> None:
    assert says in refusal(tmp_path, {"docker-compose.yml": WEB, "prod.env": f"A={value}\n"}, env_file="prod.env")


def test_one_variable_has_one_secret(tmp_path: Path) -> None:
    files = {
        "docker-compose.yml": WEB + "    env_file: web.env\n",
        "web.env": "A=secret:env:ONE\n",
        "prod.env": "A=secret:env:TWO\n",
    }
    assert refusal(tmp_path, files, env_file="prod.env").startswith("A refers to two secrets, in two files")


def test_files_that_are_not_in_the_package_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, {"other.yml": WEB}) == (
        '"docker-compose.yml" is not in it; correct files or env_file of the target'
    )
    with pytest.raises(TargetError, match="is no regular file of at most 1 MiB"):
        described(tmp_path, {}, {"docker-compose.yml": "/etc/passwd"})
    (tmp_path / "archive.tar.gz").write_bytes(b"no archive")
    lock = ImageLock("shop", "1.0.0", "a" * 64)
    with pytest.raises(TargetError, match="its archive is no gzipped tar"):
        describe(lock, tmp_path / "archive.tar.gz", ComposeSettings(directory="/srv/shop"))
    with pytest.raises(NotFoundError, match="cannot be read"):
        describe(lock, tmp_path / "absent.tar.gz", ComposeSettings(directory="/srv/shop"))


def test_a_lock_of_other_bytes_or_of_another_component_is_refused(tmp_path: Path) -> None:
    lock = ImageLock("shop", "1.0.0", "a" * 64)
    path = tmp_path / "lock.json"
    path.write_bytes(lock.to_bytes())
    assert read_lock(path, lock.package, "shop") == lock
    assert archive_beside(path, lock) == tmp_path / f"{'a' * 64}.tar.gz"
    with pytest.raises(TargetError, match=r"its digest is [0-9a-f]{64}, and should be b{64}"):
        read_lock(path, Package("1.0.0", "b" * 64), "shop")
    with pytest.raises(TargetError, match='it is of the component "shop"'):
        read_lock(path, lock.package, "billing")
    path.write_text("{}")
    with pytest.raises(TargetError, match="this is no lock of images"):
        read_lock(path, Package("1.0.0", hashlib.sha256(b"{}").hexdigest()), "shop")
    outside = ImageLock("shop", "1.0.0", "../../etc/passwd")
    with pytest.raises(TargetError, match="it names no archive"):
        archive_beside(path, outside)


@pytest.mark.parametrize(
    ("text", "is_filled"),
    [
        ("$A-${A}", "1-1"),
        ("${B:-x}${B-y}${A:-z}", "x1"),
        ("${C-x}${C:-x}", "xx"),
        ("${A:+on}${C+off}", "on"),
        ("$$A", "$A"),
        ("${A", "${A"),
    ],
)
def test_variables_are_filled_as_compose_fills_them(text: str, is_filled: str) -> None:
    assert filled(text, {"A": "1", "B": ""}) == is_filled


def test_variables_are_read_as_compose_reads_them() -> None:
    text = "A=1\n# B=2\nexport C=3\nD='4 '\nE=\"5\"\nF=\nno line\n G = 7 \n"
    assert read_variables(text) == {"A": "1", "C": "3", "D": "4 ", "E": "5", "F": "", "G": "7"}


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("shop", "shop"),
        ("shop:1.2", "shop"),
        ("registry.example:5000/a/shop", "registry.example:5000/a/shop"),
        ("registry.example:5000/a/shop:1.2@sha256:00", "registry.example:5000/a/shop"),
    ],
)
def test_an_image_is_known_by_its_repository(image: str, name: str) -> None:
    assert repository_of(image) == name


KEYS = st.sampled_from(["services", "web", "image", "volumes", "env_file", "deploy", "secrets", "extends", "file"])
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


@settings(max_examples=50)
@given(DOCUMENTS)
def test_no_document_is_more_than_refused(tmp_path_factory: pytest.TempPathFactory, document: object) -> None:
    directory = tmp_path_factory.mktemp("any")
    try:
        described(directory, {"docker-compose.yml": json.dumps(document)})
    except TargetError as error:
        assert error.remedy  # noqa: PT017 - nothing else may be raised


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ({}, "write directory: for one place on this machine, or places: for others, and not both"),
        ({"directory": "/srv/a", "files": ["../compose.yml"]}, "is not a path inside the package"),
        ({"directory": "/srv/a", "files": ["/etc/compose.yml"]}, "is not a path inside the package"),
        ({"directory": "/srv/a", "files": ["-f"]}, "is not a path inside the package"),
        ({"directory": "/srv/a", "files": ["a\x1b.yml"]}, "is not a path inside the package"),
        ({"directory": "/srv/a", "env_file": "a/./b"}, "is not a path inside the package"),
        ({"directory": "srv"}, "is not an absolute path"),
        ({"directory": "/srv/a", "project": "Shop"}, "is not the name of a project"),
        ({"directory": "/srv/a", "project": "--x"}, "is not the name of a project"),
        ({"directory": "/srv/a", "engine": "tcp://x:2375"}, "is not an engine's socket"),
        ({"directory": "/srv/a", "services": {"web": "shop:1"}}, "without tag and digest"),
        ({"directory": "/srv/a", "services": {"--web": "shop"}}, "is not the name of a service"),
        ({"directory": "/srv/a", "health": [{"url": "http://localhost:{port}/"}]}, "{port} in"),
        ({"places": [{"name": "a", "directory": "/srv/a"}, {"name": "a", "directory": "/srv/b"}]}, "the same name"),
        ({"places": [{"name": "a", "directory": "/a"}, {"name": "b", "directory": "/a"}]}, "the same directory"),
        ({"places": [{"name": "a", "directory": "/a"}], "project": "x"}, "write engine and project in each place"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused(written: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ComposeSettings.model_validate(written)
    assert says in str(caught.value)


def test_a_project_is_named_by_component_and_environment() -> None:
    known = ComposeSettings.model_validate({"directory": "/srv/shop"})
    (place,) = known.located(Target("Shop.Web", "production"))
    assert (place.name, place.project, place.address) == ("engine", "shop-web-production", "local")
