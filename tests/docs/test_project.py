"""The project's own files: the targets, the locks, the floors, the decisions, the news."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parents[2]
PROFILES = ("run", "demo", "dev")
LOCKS = [PROJECT / "requirements" / f"{profile}.txt" for profile in PROFILES]
DECISIONS = sorted((PROJECT / "docs" / "adr").glob("[0-9]*.md"))
SECTIONS = ["Context", "Options", "Outcome", "Negative consequences"]
NEWS = sorted(p for p in (PROJECT / "newsfragments").iterdir() if p.name not in {"README.md", ".gitignore"})
NEWS_ORDER = ("added", "changed", "removed", "fixed", "security")
NEWS_KINDS = set(NEWS_ORDER)


def committed_texts() -> Iterator[tuple[str, str]]:
    """Each committed file that is text, by name; from the tree itself, so that a new file is looked at too."""
    if not (PROJECT / ".git").exists():
        pytest.skip("not a Git work tree: what is committed cannot be asked")
    listed = ["git", "ls-files", "-z"]
    for name in subprocess.run(listed, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.split("\0"):
        file = PROJECT / name
        if name and file.is_file():
            content = file.read_bytes()
            if b"\0" not in content:
                yield name, content.decode(errors="replace")


# ---- make


def declared_targets(makefile: str) -> set[str]:
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert phony is not None
    return set(phony[1].split())


def test_make_alone_lists_every_target_with_a_line() -> None:
    listing = subprocess.run(["make"], cwd=PROJECT, capture_output=True, text=True, check=True)
    lines = dict(re.findall(r"^  make ([a-z-]+) +(\S.*)$", listing.stdout, re.MULTILINE))
    assert set(lines) == declared_targets((PROJECT / "Makefile").read_text()) - {"help"}
    assert len(listing.stdout.splitlines()) == len(lines)
    assert listing.stderr == ""


def test_ci_runs_make_test_and_nothing_after_it() -> None:
    run = PROJECT / ".ci" / "run"
    assert run.stat().st_mode & 0o111
    assert run.read_text().splitlines()[-1] == "exec make test"
    recipe = (PROJECT / "Makefile").read_text().partition("\ntest:")[2].partition("\n\n")[0]
    assert "-m pytest" in recipe.splitlines()[-1]


@pytest.mark.parametrize("script", ["bootstrap", "debian-packages", "lock", "common.sh"])
def test_a_script_is_valid_posix_shell(script: str) -> None:
    checked = subprocess.run(["sh", "-n", PROJECT / "scripts" / script], capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")


# ---- the bootstrap's refusals


def copied_scripts(tmp_path: Path) -> Path:
    shutil.copytree(PROJECT / "scripts", tmp_path / "scripts")
    shutil.copytree(PROJECT / "requirements", tmp_path / "requirements")
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    return tmp_path / "scripts" / "bootstrap"


def test_bootstrap_refuses_an_old_python_with_a_remedy(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text(f'#!/bin/sh\nexec {sys.executable} -c "raise SystemExit(1)"\n')
    old.chmod(0o755)
    environment = {"PATH": "/usr/bin:/bin", "TIDEGATE_PYTHON": str(old)}
    done = subprocess.run([copied_scripts(tmp_path), "run"], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    what, remedy = done.stderr.splitlines()
    assert what == f"tidegate: error: no Python of 3.11 or later was found at {old}"
    assert remedy.startswith("tidegate: remedy: install one (on Debian 12, as root: apt-get install python3), or name")
    assert not (tmp_path / ".venv").exists()


def test_bootstrap_refuses_an_unknown_profile(tmp_path: Path) -> None:
    done = subprocess.run([copied_scripts(tmp_path), "all"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "there is no lock for 'all'" in done.stderr
    assert "remedy: choose run, demo or dev" in done.stderr


# ---- the locks


def locked(lock: Path) -> dict[str, tuple[str, int]]:
    """Name > version and number of hashes, of a lock in pip's format.

    Raises:
        AssertionError: a line is neither a comment, a pinned requirement, nor a hash of one.
    """
    found: dict[str, tuple[str, int]] = {}
    for entry in re.sub(r"\\\n", " ", lock.read_text()).splitlines():
        if not entry.strip() or entry.lstrip().startswith("#"):
            continue
        # A wheel of one kind of processor is asked for on that alone.
        pinned, *hashes = re.sub(r" ; [^-]+(?= --)", "", entry).split()
        match = re.fullmatch(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.!+]+)", pinned)
        assert match is not None, entry
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", h) for h in hashes), entry
        found[canonicalize_name(match[1])] = (match[2], len(hashes))
    return found


@pytest.mark.parametrize("lock", LOCKS, ids=PROFILES)
def test_every_locked_requirement_has_a_version_and_a_hash(lock: Path) -> None:
    requirements = locked(lock)
    assert len(requirements) > 20
    assert [name for name, (_, hashes) in requirements.items() if hashes == 0] == []


@pytest.mark.parametrize("lock", LOCKS, ids=PROFILES)
def test_a_lock_covers_the_wheels_of_other_platforms(lock: Path) -> None:
    """Compiled packages have a wheel per system and Python: a lock made from one machine's downloads has only one."""
    requirements = locked(lock)
    for name in ("pydantic-core", "greenlet", "psycopg-binary"):
        assert requirements[name][1] >= 10, name


def test_a_larger_lock_holds_the_smaller_ones_at_the_same_versions() -> None:
    run, demo, dev = (locked(lock) for lock in LOCKS)
    assert run.items() <= demo.items() <= dev.items()


@pytest.mark.parametrize(
    ("lock", "extras"), zip(LOCKS, [(), ("demo",), ("demo", "postgres", "dev")], strict=True), ids=PROFILES
)
def test_a_lock_satisfies_what_the_project_asks_for(lock: Path, extras: tuple[str, ...]) -> None:
    table = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    asked = [*table["project"]["dependencies"], *table["build-system"]["requires"]]
    asked += [word for extra in extras for word in table["project"]["optional-dependencies"][extra]]
    requirements = locked(lock)
    for requirement in map(Requirement, asked):
        version, _ = requirements[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), requirement


# ---- what no committed file may hold

# Put together here, so that this file does not hold them itself.
INDEX_HOSTS = ["pypi" + ".org", "python" + "hosted.org", "piwheels" + ".org", "registry.npm" + "js.org"]
DOWNLOAD = re.compile(
    r"(https?|file|git\+\w+)" + r"://\S+\.(whl|tar\.gz|zip|deb|tgz)\b|--(extra-)?index-url|--find-links"
)
MACHINE_PATH = re.compile(r"(?<![\w./>-])/(work|home/\w+|Users/\w+)/\w|(?<![\w./>-])/root/\w")


def test_no_committed_file_names_a_package_index_or_a_download() -> None:
    found = [
        (name, line.strip()[:200])
        for name, text in committed_texts()
        if name != "tests/docs/test_project.py"
        for line in text.splitlines()
        if any(host in line for host in INDEX_HOSTS) or DOWNLOAD.search(line)
    ]
    assert found == []


def test_no_committed_file_names_a_path_of_one_machine() -> None:
    found = [
        (name, line.strip()[:200])
        for name, text in committed_texts()
        if name != "tests/docs/test_project.py"
        for line in text.splitlines()
        if MACHINE_PATH.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("line", "is_one"),
    [
        ("cd /" + "work/shop", True),  # in two, so that this line is none itself
        ("see '/home/alice/tidegate'", True),
        ("/root/.config", False),
        ("/root/x", True),
        ("https://example.org/work/shop", False),
        ("$prefix/root/usr", False),
        ("packages/work/x", False),
    ],
)
def test_a_path_of_one_machine_is_recognised(line: str, is_one: bool) -> None:
    assert bool(MACHINE_PATH.search(line)) is is_one


# ---- the floors


def test_imports_point_down() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([command, "--no-logo"], cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_forbidden_import_would_be_seen(tmp_path: Path) -> None:
    """The contracts themselves, held against a house with three sins in it."""
    package = tmp_path / "tidegate"
    sins = {
        "errors.py": "",
        "clock.py": "",
        "cutoff.py": "",
        "core/rules.py": "import os\nimport tidegate.store.rows\n",
        "store/rows.py": "import dbos\n",
    }
    for name, text in sins.items():
        file = package / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        (file.parent / "__init__.py").touch()
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    environment = {"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin", "COLUMNS": "200"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    said = " ".join(done.stdout.split())
    assert "tidegate.core is not allowed to import tidegate.store" in said
    assert "tidegate.store.rows is not allowed to import dbos" in said
    assert "tidegate.core is not allowed to import os" in said


# ---- decisions and news


def headings(text: str) -> list[str]:
    return re.findall(r"^## (.+)$", text, re.MULTILINE)


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda p: p.stem)
def test_a_decision_has_its_sections_and_none_is_empty(decision: Path) -> None:
    text = decision.read_text()
    assert headings(text) == SECTIONS
    assert re.search(r"\bStatus: (proposed|accepted|superseded by \d{4})", text)
    for body in re.split(r"^## .+$", text, flags=re.MULTILINE)[1:]:
        assert len(body.split()) >= 5


def test_decisions_are_numbered_once_and_by_their_file() -> None:
    numbers = [decision.name[:4] for decision in DECISIONS]
    assert len(numbers) == len(set(numbers))
    for decision in DECISIONS[1:]:
        assert re.match(rf"# 0*{int(decision.name[:4])}[.:] \S", decision.read_text()), decision.name


@pytest.mark.parametrize("fragment", NEWS, ids=lambda p: p.name)
def test_a_news_fragment_is_well_formed(fragment: Path) -> None:
    match = re.fullmatch(r"(\d+|\+[a-z0-9-]+)\.([a-z]+)(\.\d+)?\.md", fragment.name)
    assert match is not None
    assert match[2] in NEWS_KINDS
    text = fragment.read_text()
    assert text.strip().endswith(".")
    assert text == text.strip() + "\n"


def test_the_changelog_can_be_made_by_tidegate_itself_from_the_fragments() -> None:
    said = ["--version", "0.0.0", "--date", "2026-01-01", "--source", "fragments", "--worktree"]
    command = [sys.executable, "-m", "tidegate", "changelog", *said]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("## [0.0.0] - 2026-01-01\n")
    told = " ".join(done.stdout.replace("\\", "").split())
    for fragment in NEWS:
        assert " ".join(fragment.read_text().split())[:40] in told
    groups = re.findall(r"^### (.*)$", done.stdout, re.MULTILINE)
    assert [group.lower() for group in groups] == [
        kind for kind in NEWS_ORDER if any(f".{kind}." in n.name for n in NEWS)
    ]


# ---- links between the pages


ROOT_PAGES = [PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")]
PAGES = [*ROOT_PAGES, *sorted((PROJECT / "docs").rglob("*.md"))]


def linked(page: Path) -> Iterator[tuple[Path, str]]:
    """The files that a page links to, each with the heading within it, or nothing."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target, heading in re.findall(r"\]\(([^)#:\s]*)(?:#([^)\s]+))?\)", text):
        yield (page.parent / target).resolve() if target else page, heading


def anchors(page: Path) -> set[str]:
    """The headings of a page, as links name them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(PROJECT)))
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for target, heading in linked(page):
        assert target.exists(), target
        assert not heading or heading in anchors(target), (target, heading)


def test_every_page_is_reached_from_the_first_one() -> None:
    reached: set[Path] = set()
    ahead = [PROJECT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page.is_dir():
            ahead += page.glob("*.md")
        elif page.suffix == ".md" and page not in reached:
            reached.add(page)
            ahead += [target for target, _ in linked(page)]
    assert [str(page.relative_to(PROJECT)) for page in PAGES if page not in reached] == []
