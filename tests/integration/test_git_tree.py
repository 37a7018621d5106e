"""What a commit contains: digests that follow the content of a component and nothing else."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.gitstories import GitStory
from tidegate.errors import NotFoundError, UsageError
from tidegate.git.repository import Repository, open_repository
from tidegate.git.tree import (
    TreeEntry,
    digest_bytes,
    entries_digest,
    files_at,
    files_digest,
    normal_path,
    read_file,
    source_digest,
)

BILLING = ["modules/billing", "shared"]
FILES = {"modules/billing/a": "1", "modules/billing/b/c": "2", "modules/other/a": "1", "shared/x": "1"}


def told(folder: Path, *further: dict[str, str | tuple[str, str] | None], object_format: str = "sha1") -> list[str]:
    with GitStory(folder, object_format) as story:
        return [story.commit("feat: begin", FILES), *(story.commit("fix: more", files) for files in further)]


def digests(folder: Path, names: list[str]) -> list[str]:
    repository = open_repository(folder)
    return [source_digest(repository, name, BILLING) for name in names]


def test_only_what_lies_under_the_component_and_its_shared_paths_changes_the_digest(tmp_path: Path) -> None:
    names = told(
        tmp_path,
        {"modules/other/a": "2", "README": "x", "modules/billing-old/a": "1"},
        {"modules/billing/a": "changed"},
        {"modules/billing/a": "1"},
        {"shared/x": "changed"},
        {"shared/x": ("100755", "1")},
        {"shared/x": None, "shared/y": "1"},
    )
    first, foreign, changed, back, shared, executable, renamed = digests(tmp_path, names)
    assert first == foreign == back
    assert len({first, changed, shared, executable, renamed}) == 5


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_the_digest_is_that_of_the_documented_bytes(tmp_path: Path, object_format: str) -> None:
    (name,) = told(tmp_path, object_format=object_format)
    blobs = {text: hashlib.new(object_format, f"blob 1\0{text}".encode()).hexdigest() for text in "12"}
    lines = [
        f"100644 {blobs['1']} modules/billing/a",
        f"100644 {blobs['2']} modules/billing/b/c",
        f"100644 {blobs['1']} shared/x",
    ]
    listed = "".join(line + "\x00" for line in lines)
    expected = f"tidegate source 1\nobject-format {object_format}\n{listed}".encode()
    assert digests(tmp_path, [name]) == ["sha256:" + hashlib.sha256(expected).hexdigest()]


def test_paths_may_overlap_and_come_in_any_order_and_spelling(tmp_path: Path) -> None:
    told(tmp_path)
    repository = open_repository(tmp_path)
    spellings = [["shared", "modules/billing"], ["./modules//billing/", "shared", "modules/billing/b"]]
    wanted = source_digest(repository, "HEAD", BILLING)
    assert [source_digest(repository, "HEAD", paths) for paths in spellings] == [wanted, wanted]
    assert source_digest(repository, "HEAD", ["."]) == source_digest(repository, "HEAD", [".", "shared"]) != wanted


def test_a_declared_path_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    told(tmp_path)
    with pytest.raises(NotFoundError, match='there is no "shraed" at commit') as caught:
        source_digest(open_repository(tmp_path), "HEAD", ["modules/billing", "shraed"])
    assert caught.value.remedy == 'Did you mean "shared"?'


@given(
    st.lists(
        st.builds(
            TreeEntry, st.binary(min_size=1, max_size=4), st.sampled_from(["100644", "120000"]), st.just("a" * 40)
        )
    )
)
def test_the_order_and_repetition_of_entries_do_not_matter(entries: list[TreeEntry]) -> None:
    assert digest_bytes(entries, "sha1") == digest_bytes([*reversed(entries), *entries[:1]], "sha1")
    assert entries_digest(entries, "sha1") != entries_digest(entries, "sha256")


@pytest.fixture(scope="module")
def migrations(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    folder = tmp_path_factory.mktemp("migrations")
    files = {"m/migrations/001.sql": "a", "m/migrations/sub/002.sql": "b", "m/migrations/README": "c", "m/x.sql": "d"}
    with GitStory(folder) as story:
        story.commit("feat: begin", {**files, "m/link": ("120000", "migrations"), "weird/\udcff": "e"})
    return open_repository(folder)


def test_files_of_a_folder_are_chosen_by_pattern(migrations: Repository) -> None:
    found = files_at(migrations, "HEAD", "m/migrations", "*.sql")
    assert [entry.name for entry in found] == ["m/migrations/001.sql", "m/migrations/sub/002.sql"]
    assert len(files_at(migrations, "HEAD", "m/migrations")) == 3
    assert [entry.path for entry in files_at(migrations, "HEAD", "weird")] == [b"weird/\xff"]


def test_a_folder_that_is_not_there_has_the_digest_of_nothing(migrations: Repository) -> None:
    assert files_at(migrations, "HEAD", "n/migrations") == ()
    nothing = "sha256:" + hashlib.sha256(b"tidegate source 1\nobject-format sha1\n").hexdigest()
    assert files_digest(migrations, "HEAD", "n/migrations") == nothing
    assert files_digest(migrations, "HEAD", "m/migrations") != nothing


def test_a_folder_that_is_a_link_is_refused_and_not_empty(migrations: Repository) -> None:
    with pytest.raises(UsageError, match='the path "m/link" leads through the symbolic link "m/link"'):
        files_at(migrations, "HEAD", "m/link")


def test_one_file_is_read_as_committed(migrations: Repository) -> None:
    assert read_file(migrations, "HEAD", "m/x.sql") == b"d"
    with pytest.raises(UsageError, match='"m" is not a file at commit'):
        read_file(migrations, "HEAD", "m")
    with pytest.raises(NotFoundError, match=r'there is no "m/y\.sql" at commit'):
        read_file(migrations, "HEAD", "m/y.sql")


@pytest.mark.parametrize("text", ["a/../../b", "..", "/a", "//a", "", "  ", "a\nb", "a\\..\\b", "a\0b", "a\u202eb"])
def test_no_path_leads_out(text: str) -> None:
    with pytest.raises(UsageError, match=r"^the path ") as caught:
        normal_path(text)
    assert "\n" not in caught.value.what


@given(st.text())
def test_a_normal_path_is_normal_and_inside(text: str) -> None:
    try:
        normal = normal_path(text)
    except UsageError:
        return
    assert normal_path(normal) == normal
    assert not normal.startswith("/")
    assert ".." not in normal.split("/")
