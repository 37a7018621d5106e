"""Other tools that write changelogs and count versions, from the package index, each pinned by hash.

They are no dependencies of Tidegate: they live in environments of their own under ``.cache/bench``, and whatever cannot
be had is left out with the reason.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.histories import CACHE
from bench.processes import Job
from bench.world import UnavailableError

REQUIREMENTS = Path(__file__).resolve().parents[1] / "requirements"
ENVIRONMENTS = ("peers", "peers-before")
"""The tools of today; and git-cliff before it began to read each commit's files, for a fair word on it."""

CLIFF = '''[changelog]
header = "# Changelog\\n"
body = """
{% if version %}## {{ version }}{% else %}## Unreleased{% endif %}
{% for group, commits in commits | group_by(attribute="group") %}
### {{ group }}
{% for commit in commits %}
- {{ commit.message }}{% endfor %}
{% endfor %}
"""
[git]
conventional_commits = true
filter_unconventional = true
tag_pattern = "TAGS"
[bump]
breaking_always_bump_major = false
'''
COMMITIZEN = """[tool.commitizen]
name = "cz_conventional_commits"
version_provider = "scm"
version_scheme = "semver2"
tag_format = "TAG"
ignored_tag_formats = ["*-TAG"]
major_version_zero = ZERO
"""
PSR = """[semantic_release]
tag_format = "TAG"
commit_parser = "conventional"
allow_zero_version = true
major_on_zero = false
[semantic_release.branches.all]
match = ".*"
[semantic_release.changelog.default_templates]
changelog_file = "CHANGELOG.md"
[semantic_release.remote]
type = "github"
"""


@dataclass(frozen=True, slots=True)
class Installed:
    """The tools that are here, by environment; where one is missing, why."""

    folders: dict[str, Path]
    missing: dict[str, str]


def installed() -> Installed:
    """The tools, installed where they are not yet."""
    folders, missing = {}, {}
    for name in ENVIRONMENTS:
        try:
            folders[name] = _environment(name)
        except UnavailableError as error:
            missing[name] = str(error)
    return Installed(folders, missing)


def _environment(name: str) -> Path:
    """The folder of an environment's commands, made where its lock has changed.

    Raises:
        UnavailableError: the index cannot be reached, or has no files for this machine.
    """
    lock = REQUIREMENTS / f"{name}.txt"
    folder = CACHE / f"{name}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=False, symlinks=True)
        _install(name, folder, lock)
        (folder / "complete").touch()
    return folder / "bin"


def _install(name: str, folder: Path, lock: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    options = ["install", "--quiet", "--disable-pip-version-check", "--no-input", "--require-hashes"]
    done = subprocess.run([*pip, *options, "-r", str(lock)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["pip failed"]
        raise UnavailableError(f"{name}: {said[-1][:150]}")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of every tool: about which tags, and which release is the last.

    ``tag_format`` is as Tidegate writes it: ``v{version}``. ``modules`` is the folder and tag format of each.
    """

    tag_format: str
    last: str
    modules: Sequence[tuple[str, str]]


def jobs_of(here: Installed, asked: Asked, scratch: Path) -> dict[str, list[Job]]:
    """The peers' commands by question: ``changelog``, ``last notes``, ``next``, ``12 modules``."""
    found: dict[str, list[Job]] = {"changelog": [], "last notes": [], "next": [], "12 modules": []}
    for name, folder in here.folders.items():
        for question, job in _jobs(name, folder, asked, scratch):
            found[question].append(job)
    return found


def next_of_component(here: Installed, asked: Asked, path: str, scratch: Path) -> list[Job]:
    """The peers' commands for the next version of one component; only git-cliff has an option for its path."""
    found = [job for job in jobs_of(here, asked, scratch)["next"] if not job.name.startswith("git-cliff")]
    if "peers" in here.folders:
        config = _config(scratch / "cliff.toml", CLIFF, asked.tag_format)
        where = [] if path == "." else ["--include-path", f"{path}/**"]
        call = [str(here.folders["peers"] / "git-cliff"), "--offline", "-c", config, *where, "--bumped-version"]
        found.append(Job("git-cliff 2.14", [call]))
    return found


def _jobs(name: str, folder: Path, asked: Asked, scratch: Path) -> Iterator[tuple[str, Job]]:
    yield from _cliff(folder, "2.12" if name == "peers-before" else "2.14", asked, scratch)
    if name == "peers":
        yield from _commitizen(folder, asked, scratch)
        yield from _psr(folder, asked, scratch)


def _cliff(folder: Path, version: str, asked: Asked, scratch: Path) -> Iterator[tuple[str, Job]]:
    name = f"git-cliff {version}"
    call = [str(folder / "git-cliff"), "--offline", "-c", _config(scratch / "cliff.toml", CLIFF, asked.tag_format)]
    out = str(scratch / f"cliff-{version}.md")
    yield "changelog", Job(name, [[*call, "-o", out]])
    yield "last notes", Job(name, [[*call, "--latest", "-o", out]])
    yield "next", Job(name, [[*call, "--unreleased", "--bumped-version"]])
    if asked.modules:
        each = [_cliff_of_module(folder, module, form, scratch) for module, form in asked.modules]
        yield "12 modules", Job(name, each)


def _cliff_of_module(folder: Path, module: str, tag_format: str, scratch: Path) -> list[str]:
    config = _config(scratch / f"cliff-{tag_format.partition('{')[0]}.toml", CLIFF, tag_format)
    call = [str(folder / "git-cliff"), "--offline", "-c", config]
    return [*call, "--include-path", f"{module}/**", "--unreleased", "--bumped-version"]


def _commitizen(folder: Path, asked: Asked, scratch: Path) -> Iterator[tuple[str, Job]]:
    prefix, _, suffix = asked.tag_format.partition("{version}")
    version = asked.last.removeprefix(prefix).removesuffix(suffix)
    # It refuses to work where it is told of a rule for 0.y.z and is beyond that.
    settings = COMMITIZEN.replace("ZERO", "true" if version.startswith("0.") else "false")
    call = [str(folder / "cz"), "--config", _config(scratch / "cz.toml", settings, asked.tag_format)]
    yield "changelog", Job("commitizen 4.19", [[*call, "changelog", "--file-name", str(scratch / "cz.md")]])
    yield "last notes", Job("commitizen 4.19", [[*call, "changelog", "--dry-run", version]])
    yield "next", Job("commitizen 4.19", [[*call, "bump", "--get-next", "--yes"]])


def _psr(folder: Path, asked: Asked, scratch: Path) -> Iterator[tuple[str, Job]]:
    call = [str(folder / "semantic-release"), "-c", _config(scratch / "psr.toml", PSR, asked.tag_format)]
    # python-semantic-release; of one release alone it can give no notes.
    yield "changelog", Job("psr 10.7", [[*call, "changelog"]])
    yield "next", Job("psr 10.7", [[*call, "--noop", "version", "--print"]])


def _config(path: Path, text: str, tag_format: str) -> str:
    """Write a tool's configuration; each spells a tag format in its own way."""
    import re

    prefix, _, suffix = tag_format.partition("{version}")
    pattern = f"^{re.escape(prefix)}[0-9].*{re.escape(suffix)}".replace("\\", "\\\\")
    spelled = tag_format.replace("{version}", "$version") if "commitizen" in text else tag_format
    path.write_text(text.replace("TAGS", pattern).replace("TAG", spelled))
    return str(path)
