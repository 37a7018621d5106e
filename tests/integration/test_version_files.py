"""Version files on a real disk: all planned before one is written, written as a whole, and never outside."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tidegate.errors import ConflictError, NotFoundError, TidegateError, UsageError, WorldError
from tidegate.versionfiles.contract import MADE_BYTES, Hints
from tidegate.versionfiles.files import plan_edits, repository_root, said_version, write

NPM = '{\n\t"version": "%s"\n}'
COMPOSE = "services:\n  shop: {image: team/shop:%s}\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with two version files at 1.2.0."""
    root = tmp_path / "repository"
    (root / ".git").mkdir(parents=True)
    (root / "module").mkdir()
    (root / "module" / "package.json").write_text(NPM % "1.2.0")
    (root / "compose.yaml").write_text(COMPOSE % "1.2.0")
    return root


PATHS = ("module/package.json", "compose.yaml")


def contents(root: Path) -> Mapping[str, bytes]:
    """Every file there is, drafts too."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def refused(kind: type[TidegateError], root: Path, *paths: str) -> tuple[str, str, str]:
    with pytest.raises(kind) as caught:
        plan_edits(root, paths, "1.2.0", "1.3.0")
    return caught.value.where, caught.value.what, caught.value.remedy


def test_all_files_are_written_and_nothing_else_is_left(repository: Path) -> None:
    edits = plan_edits(repository, PATHS, "1.2.0", "1.3.0")
    assert contents(repository)["compose.yaml"] == (COMPOSE % "1.2.0").encode()
    assert write(repository, edits) == PATHS
    assert contents(repository) == {
        "module/package.json": (NPM % "1.3.0").encode(),
        "compose.yaml": (COMPOSE % "1.3.0").encode(),
    }


def test_if_one_cannot_be_planned_none_is_written(repository: Path) -> None:
    (repository / "compose.yaml").write_text(COMPOSE % "1.1.0")
    before = contents(repository)
    where, what, _ = refused(UsageError, repository, *PATHS)
    assert (where, what) == (
        "compose.yaml:2",
        "it does not say 1.2.0 anywhere; it says team/shop 1.1.0 (line 2)",
    )
    assert contents(repository) == before


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755, 0o664])
def test_the_mode_is_kept(repository: Path, mode: int) -> None:
    file = repository / "module" / "package.json"
    file.chmod(mode)
    write(repository, plan_edits(repository, PATHS, "1.2.0", "1.3.0"))
    assert file.stat().st_mode & 0o7777 == mode


def test_a_link_inside_the_repository_stays_a_link(repository: Path) -> None:
    (repository / "link.json").symlink_to("module/package.json")
    (repository / "package.json").symlink_to("link.json")
    assert write(repository, plan_edits(repository, ["package.json"], "1.2.0", "1.3.0")) == ("package.json",)
    assert (repository / "package.json").is_symlink()
    assert (repository / "module" / "package.json").read_text() == NPM % "1.3.0"


def test_nothing_outside_is_read(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text(NPM % "1.2.0")
    (repository / "package.json").symlink_to("../secret.json")
    (repository / "out").symlink_to(tmp_path)
    (repository / "circle.json").symlink_to("circle.json")
    for path in ("package.json", "out/secret.json", "../secret.json", str(tmp_path / "secret.json")):
        where, what, remedy = refused(UsageError, repository, path)
        assert (where, remedy) == (path, "name a file inside the repository")
        assert what == f"it leads out of the repository, to {tmp_path / 'secret.json'}"
    with pytest.raises(TidegateError):
        plan_edits(repository, ["circle.json"], "1.2.0", "1.3.0")
    assert (tmp_path / "secret.json").read_text() == NPM % "1.2.0"


def test_what_is_no_file_is_refused(repository: Path) -> None:
    os.mkfifo(repository / "package.json")
    (repository / "Chart.yaml").mkdir()
    (repository / "pyproject.toml").write_bytes(b"#" * (MADE_BYTES + 1))
    assert refused(UsageError, repository, "package.json")[1] == "it is no file of data"
    assert refused(UsageError, repository, "Chart.yaml")[1] == "it is a directory"
    assert refused(UsageError, repository, "pyproject.toml")[1] == f"the file has more than {MADE_BYTES:,} bytes"
    assert refused(NotFoundError, repository, "a/package.json") == (
        "a/package.json",
        "there is no such file",
        "mend its name in the version files",
    )
    assert refused(NotFoundError, repository, "compose.yaml/package.json")[1] == "there is no such file"


def test_a_file_is_named_once(repository: Path) -> None:
    what = "module/package.json and module/../module/package.json are one file"
    assert refused(UsageError, repository, PATHS[0], "module/../module/package.json")[1] == what


def test_what_changed_meanwhile_is_not_overwritten(repository: Path) -> None:
    edits = plan_edits(repository, PATHS, "1.2.0", "1.3.0")
    (repository / "compose.yaml").write_text(COMPOSE % "1.2.0" + "# mine\n")
    before = contents(repository)
    with pytest.raises(ConflictError) as caught:
        write(repository, edits)
    assert (caught.value.where, caught.value.what) == (
        "compose.yaml",
        "the file was changed while its edit was planned, and nothing was written",
    )
    assert contents(repository) == before


def test_a_disk_that_refuses_leaves_nothing_behind(repository: Path) -> None:
    edits = plan_edits(repository, PATHS, "1.2.0", "1.3.0")
    # A draft of that name is there already, as after a crash of a process with the same number.
    blocker = repository / f".compose.yaml.{os.getpid()}.tidegate"
    blocker.write_text("")
    with pytest.raises(WorldError) as caught:
        write(repository, edits)
    assert (caught.value.where, caught.value.what) == (
        "compose.yaml",
        "it cannot be written: File exists; nothing was written",
    )
    blocker.unlink()
    assert contents(repository) == {
        "module/package.json": (NPM % "1.2.0").encode(),
        "compose.yaml": (COMPOSE % "1.2.0").encode(),
    }
    assert write(repository, edits) == PATHS


def test_after_a_crash_between_two_files_the_same_command_goes_on(repository: Path) -> None:
    write(repository, plan_edits(repository, PATHS[:1], "1.2.0", "1.3.0"))
    edits = plan_edits(repository, PATHS, "1.2.0", "1.3.0")
    assert [edit.changes for edit in edits] == [False, True]
    assert write(repository, edits) == PATHS[1:]


def test_the_files_say_which_version_they_are_at(repository: Path) -> None:
    assert said_version(repository, PATHS) == "1.2.0"
    (repository / "Chart.yaml").write_text("version: 0.1.0\nappVersion: 9.9.9\n")
    assert said_version(repository, [*PATHS, "Chart.yaml"]) == "1.2.0"
    (repository / "Chart.yaml").write_text("version: 1.2.0\nappVersion: 1.2.0\n")
    assert said_version(repository, ["Chart.yaml"]) == "1.2.0"
    with pytest.raises(UsageError, match="none of the files says by itself which version the component is at"):
        said_version(repository, ["compose.yaml"])
    (repository / "pyproject.toml").write_text('project.version = "1.2.1"')
    with pytest.raises(UsageError) as caught:
        said_version(repository, [*PATHS, "pyproject.toml"])
    assert caught.value.what == (
        "the files say different versions: 1.2.0 (module/package.json:2), 1.2.1 (pyproject.toml:1)"
    )
    assert caught.value.remedy == "say with --from which version it is before"


def test_pythons_spelling_of_the_version_is_no_other_version(repository: Path) -> None:
    (repository / "module" / "package.json").write_text(NPM % "1.2.0-rc.1")
    (repository / "pyproject.toml").write_text('project.version = "1.2.0rc1"')
    paths = ["pyproject.toml", "module/package.json"]
    assert said_version(repository, paths) == "1.2.0-rc.1"
    assert said_version(repository, paths[:1]) == "1.2.0rc1"
    write(repository, plan_edits(repository, paths, "1.2.0-rc.1", "1.2.0-rc.2", Hints()))
    assert (repository / "pyproject.toml").read_text() == 'project.version = "1.2.0rc2"'


def test_the_repository_is_found_from_below(repository: Path, tmp_path: Path) -> None:
    assert repository_root(repository / "module") == repository
    assert repository_root(tmp_path) == tmp_path


CRATE = (
    '[package]\nname = "{0}"\nversion = "1.2.0"\n\n[dependencies]\nother = {{ path = "../other", version = "1.2.0" }}\n'
)
LOCK = '[[package]]\nname = "identity"\nversion = "{0}"\n\n[[package]]\nname = "other"\nversion = "1.2.0"\n'


def test_of_a_workspaces_lock_only_the_components_own_crate_changes(repository: Path) -> None:
    """Another crate has the same version by chance; the manifest among the files says which one is meant."""
    (repository / "module" / "Cargo.toml").write_text(CRATE.format("identity"))
    (repository / "Cargo.lock").write_text(LOCK.format("1.2.0"))
    paths = ["module/Cargo.toml", "Cargo.lock"]
    assert said_version(repository, paths) == "1.2.0"
    write(repository, plan_edits(repository, paths, "1.2.0", "1.3.0"))
    assert (repository / "Cargo.lock").read_text() == LOCK.format("1.3.0")
    expected = CRATE.format("identity").replace('version = "1.2.0"', 'version = "1.3.0"', 1)
    assert (repository / "module" / "Cargo.toml").read_text() == expected


def test_of_a_workspaces_npm_lock_only_the_components_own_member_changes(repository: Path) -> None:
    lock = '{"version": "1.2.0", "packages": {"": {"version": "1.2.0"}, "module": {"name": "@s/m", "version": "%s"}}}'
    (repository / "module" / "package.json").write_text('{"name": "@s/m", "version": "1.2.0"}')
    (repository / "package-lock.json").write_text(lock % "1.2.0")
    write(repository, plan_edits(repository, ["module/package.json", "package-lock.json"], "1.2.0", "1.3.0"))
    assert (repository / "package-lock.json").read_text() == lock % "1.3.0"
