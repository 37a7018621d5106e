from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import tidegate
from tests.unit.policyfile.policies import GOOD
from tidegate.policyfile import cache
from tidegate.policyfile.cache import LEAST_CONTENT, MAX_ENTRIES, cache_directory, find, keep
from tidegate.policyfile.yaml import read_yaml

CONTENT = (GOOD + 'contacts: &x {a: {note: "1.10"}}\n' + "# filler\n" * 500).encode()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "caches" / "tidegate"


@pytest.fixture
def entry(directory: Path) -> Path:
    keep(directory, CONTENT, read_yaml(CONTENT, "p.yaml"))
    (path,) = directory.iterdir()
    return path


@pytest.mark.usefixtures("entry")
def test_a_kept_tree_is_the_tree_that_was_read(directory: Path) -> None:
    assert find(directory, CONTENT, "p.yaml") == read_yaml(CONTENT, "p.yaml")
    other = find(directory, CONTENT, "other.yaml")
    assert other is not None
    assert other.place(("gates", "tests")) == (31, 10, "other.yaml")
    assert find(directory, CONTENT + b"#", "p.yaml") is None


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\nb: 1.10\nc: 0x1f\nd: true\ne: ~x\nf: 1e3\ng: -0.0\nh: 9007199254740991\n",
        "a: 'x'\nb: \"x\\n\"\nc: |\n  x\n  y\nd: >-\n  x\n  y\ne: \"\"\nf: ''\n",
        "a: []\nb: {}\nc: [[1, [2]], {d: {e: [f]}}]\n",
        "a: &a {x: [1, &b two]}\nb: [*a, *b, *a]\n",
        'a: "\\U0001F600 ü"\n"quoted key": {1.0: x}\n'.replace("1.0:", '"1.0":'),
    ],
)
def test_every_kind_of_node_comes_back(directory: Path, text: str) -> None:
    content = (text + "# filler\n" * 500).encode()
    document = read_yaml(content, "p.yaml")
    assert document.mistakes == ()
    keep(directory, content, document)
    assert repr(find(directory, content, "p.yaml")) == repr(document)


def test_the_directory_and_what_is_in_it_are_ours_alone(directory: Path, entry: Path) -> None:
    assert directory.stat().st_mode & 0o777 == 0o700
    assert entry.stat().st_mode & 0o777 == 0o600


def replaced(old: bytes, new: bytes) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        content = path.read_bytes()
        assert old in content
        path.write_bytes(content.replace(old, new, 1))

    return spoil


def linked(path: Path) -> None:
    real = path.with_name("real")
    path.rename(real)
    path.symlink_to(real)


def piped(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


@pytest.mark.parametrize(
    "spoil",
    [
        replaced(b"America/Los_Angeles", b"America/Los_Angelos"),
        replaced(b"tidegate " + tidegate.__version__.encode(), b"tidegate 0.0.0"),
        replaced(b" tree 1 ", b" tree 2 "),
        replaced(b"\n", b"\n\n"),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(os.urandom(1000)),
        lambda path: path.chmod(0o620),
        lambda path: path.chmod(0o602),
        lambda path: path.parent.chmod(0o770),
        lambda path: path.parent.chmod(0o702),
        linked,
        piped,
    ],
)
def test_what_is_not_as_it_was_written_is_not_there(
    directory: Path, entry: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(entry)
    assert find(directory, CONTENT, "p.yaml") is None


@pytest.mark.parametrize("tree", ["[]", "7", "{}", "[[1,2,[1]],1,1]", '[[1,2,{"a":1}],1,1]', "[[1],1,1]", "[" * 10_000])
def test_a_tree_of_another_form_is_not_there(directory: Path, entry: Path, tree: str) -> None:
    entry.write_bytes(cache._head(cache._KIND, tree.encode()) + b"\n" + tree.encode())
    assert find(directory, CONTENT, "p.yaml") is None


def test_what_was_spoiled_is_written_anew(directory: Path, entry: Path) -> None:
    entry.write_bytes(b"spoiled")
    keep(directory, CONTENT, read_yaml(CONTENT, "p.yaml"))
    assert find(directory, CONTENT, "p.yaml") is not None


@pytest.mark.parametrize("line", ["a: {b: 1, b: 2}", "a: {b: }", "a: {b: ~}"])
def test_a_file_with_a_mistake_is_not_kept(directory: Path, line: str) -> None:
    content = (line + "\n# filler" * 500).encode()
    keep(directory, content, read_yaml(content, "p.yaml"))
    assert not directory.exists()


def test_a_small_file_is_not_kept(directory: Path) -> None:
    content = b"a: 1".ljust(LEAST_CONTENT - 1)
    keep(directory, content, read_yaml(content, "p.yaml"))
    assert not directory.exists()
    assert find(directory, content, "p.yaml") is None


def test_the_oldest_go(directory: Path, entry: Path) -> None:
    unfinished = directory / ".crashed.new"
    unfinished.touch(0o600)
    os.utime(unfinished, (1, 1))
    os.utime(entry, (2, 2))
    (directory / "mine.txt").touch()
    contents = [b"a: 1".ljust(LEAST_CONTENT + number) for number in range(MAX_ENTRIES)]
    for number, content in enumerate(contents):
        keep(directory, content, read_yaml(content, "p.yaml"))
        if number == MAX_ENTRIES - 2:
            assert (entry.exists(), unfinished.exists()) == (True, False)
            # To be asked for is to be young again.
            os.utime(directory / cache._entry_name(contents[0]), (3, 3))
            assert find(directory, contents[0], "p.yaml") is not None
    assert not entry.exists()
    assert len(list(directory.glob("*.tree"))) == MAX_ENTRIES
    assert find(directory, contents[0], "p.yaml") is not None
    assert (directory / "mine.txt").exists()


def test_what_cannot_be_written_is_not_kept(tmp_path: Path) -> None:
    document = read_yaml(CONTENT, "p.yaml")
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "elsewhere").symlink_to(tmp_path)
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    for name in ("file", "file/below", "loop", "elsewhere", "open"):
        keep(tmp_path / name, CONTENT, document)
        assert find(tmp_path / name, CONTENT, "p.yaml") is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "file", "loop", "open"]
    assert list((tmp_path / "open").iterdir()) == []


@pytest.mark.parametrize(
    ("environment", "directory"),
    [
        ({"TIDEGATE_CACHE": "/c"}, "/c"),
        ({"TIDEGATE_CACHE": "/c", "XDG_CACHE_HOME": "/x"}, "/c"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/tidegate"),
        ({"XDG_CACHE_HOME": "relative"}, f"{Path.home()}/.cache/tidegate"),
        ({}, f"{Path.home()}/.cache/tidegate"),
        ({"TIDEGATE_CACHE": "off"}, None),
    ],
)
def test_where_trees_are_kept(environment: dict[str, str], directory: str | None) -> None:
    assert cache_directory(environment) == (None if directory is None else Path(directory))


def test_a_second_process_reads_no_yaml(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(GOOD + "# filler\n" * 500)
    program = (
        "import sys; from pathlib import Path; from tidegate.policyfile import load_policy\n"
        "print(load_policy(Path('p.yaml')).digest, sorted({'yaml', 'ruamel'} & set(sys.modules)))"
    )
    environment = os.environ | {"TIDEGATE_CACHE": str(tmp_path / "cache")}
    runs = [
        subprocess.run(
            [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        ).stdout.split(maxsplit=1)
        for _ in range(2)
    ]
    assert runs[0][0] == runs[1][0]
    assert [run[1].strip() for run in runs] == ["['yaml']", "[]"]
