"""Repositories that want something run, shown or believed: nothing is executed, nothing crashes, nothing is believed.

Each trap is sprung once by plain Git first, so that a test in which nothing happens means something.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.histories import add_tags, long_message
from tests.support.gitstories import ALICE, START_S, GitStory, checked_out
from tidegate.core.plain import plain
from tidegate.core.version import TagFormat, parse_version
from tidegate.errors import TidegateError, UsageError
from tidegate.git.history import History, unreleased
from tidegate.git.repository import open_repository

V = TagFormat("v{version}")
NASTY = (
    "$(touch canary)",
    "`touch canary`",
    ";touch canary;",
    "\x1b]0;owned\x07\x1b[2J",
    "\u202egnp.exe\u2066",
    "\x9b31m",
    "--output=canary",
    "|touch canary",
    "%s%n%x00%H",
    "{{ 7*7 }}",
)


def history(folder: Path, at: str = "HEAD", path: str = ".") -> History:
    return unreleased(open_repository(folder), path, (), V, at)


def shown(found: History) -> str:
    """All that a history says of itself and of what strangers wrote."""
    parts = [found.why, found.next().why]
    parts += [f"{tag.name} {tag.why}" for tag in found.skipped]
    for change in found.changes:
        people = [f"{person.name} {person.email}" for person in change.authors]
        notes = [f"{note.token} {note.value}" for note in change.notes]
        parts += [change.summary, change.scope, change.void, *change.closes, *change.refs, *people, *notes]
    return "".join(parts)


def refusal(act: Callable[[], object]) -> TidegateError | None:
    """What an act refuses in our own words; any other error is a crash, and fails the test."""
    try:
        act()
    except TidegateError as error:
        return error
    return None


def assert_harmless(text: str) -> None:
    assert plain(text, len(text) + 1) == " ".join(text.split()), "no control characters, no marks of direction"


def config(folder: Path, *settings: tuple[str, str]) -> None:
    for key, value in settings:
        subprocess.run(["git", "config", "--add", key, value], cwd=folder, check=True)


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    return tmp_path / "canary"


@pytest.fixture
def trap(tmp_path: Path, canary: Path) -> Path:
    """A program that leaves the canary behind, and says nothing."""
    path = tmp_path / "traps" / "trap"
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\ntouch {canary}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def read_everything(folder: Path) -> None:
    """All that is read of a repository on the way to a version, and the files of a release."""
    found = history(folder)
    assert found.current == parse_version("1.0.0")
    assert str(found.next().version) == "1.1.0"
    repository = open_repository(folder)
    assert str(history(folder, path="a").next().version) == "1.1.0"
    blob = repository.git("ls-tree", "HEAD", "--", "a").split()[2].decode()
    assert list(repository.blobs([blob])) == [b"2\n"]
    assert repository.last_author("HEAD").name == "Alice Example"


def released(folder: Path, attributes: str = "* diff=evil filter=evil merge=evil export-subst ident\n") -> None:
    """v1.0.0 and a feature after it."""
    with GitStory(folder) as story:
        base = story.commit("feat: begin", {"a": "1\n", ".gitattributes": attributes})
        story.tag("v1.0.0", base, annotated=True)
        story.commit("feat: next", {"a": "2\n"})
    checked_out(folder)


# ---- names and texts


@pytest.mark.parametrize("nasty", NASTY)
def test_texts_of_strangers_are_never_run_and_are_shown_without_their_marks(
    nasty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "repository"
    monkeypatch.chdir(tmp_path)
    author = f"{nasty} <{nasty.replace(' ', '')}@example.org>"
    with GitStory(folder) as story:
        story.tag("v1.0.0", story.commit("feat: begin", {"a": "1"}))
        message = f"feat({nasty.replace('(', '').replace(')', '')}): {nasty}\n\n{nasty}\n\nRefs: #1\nNote: {nasty}\n"
        story.commit(message, {f"dir/{nasty.replace('/', '')}/x": "1"}, author=author)
        story.commit(f"{nasty}\n\nCo-authored-by: {nasty} <x@example.org>\nBREAKING CHANGE: {nasty}\n", {"a": "2"})
    found = history(folder)
    assert len(found.changes) == 2
    assert str(found.next().version) == "2.0.0"
    assert_harmless(shown(found))
    assert not list(tmp_path.rglob("canary"))


@pytest.mark.parametrize(
    "nasty", ["$(touch${IFS}canary)", "`touch`", "v\u202e1", "-v1.0.0", "--exec=touch", "v1.0.0;ls", "é"]
)
def test_branches_and_tags_of_any_name_are_told_and_never_obeyed(
    nasty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "repository"
    monkeypatch.chdir(tmp_path)
    with GitStory(folder) as story:
        base = story.commit("feat: begin", {"a": "1"})
        story.tag("v1.0.0", base)
        head = story.commit("fix: small", {"a": "2"})
    for ref in (f"refs/heads/{nasty}", f"refs/tags/{nasty}", f"refs/tags/v{nasty}"):
        # Git makes no such tag by its own command; whoever pushes, or writes into the folder, does.
        made = subprocess.run(["git", "update-ref", ref, base], cwd=folder, capture_output=True)
        assert made.returncode == 0, made.stderr
    found = history(folder)
    assert (str(found.next().version), found.tag) == ("1.0.1", "v1.0.0")
    assert plain(f"v{nasty}", 200) in {tag.name for tag in found.skipped}
    assert_harmless(shown(found))
    refused = refusal(lambda: open_repository(folder).resolve(nasty))
    assert (refused is not None) == (nasty.startswith("-") or not nasty.isprintable())
    assert_harmless(refused.what if refused else "")
    assert open_repository(folder).head() == head
    assert not list(tmp_path.rglob("canary"))


@pytest.mark.parametrize("name", ["-a", "--help", "$(touch canary)", ":(glob)**", 'q"uote', "é", "{version}", "a b"])
def test_a_component_may_lie_in_a_folder_of_any_name(name: str, tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        story.tag("v1.0.0", story.commit("feat: begin", {f"{name}/x": "1", "other/x": "1"}))
        story.commit("feat: elsewhere", {"other/x": "2"})
        story.commit("fix: inside", {f"{name}/x": "2"})
    found = history(tmp_path, path=name)
    assert [change.summary for change in found.changes] == ["inside"]
    assert_harmless(found.why)


@pytest.mark.parametrize("name", ["new\nline", "a\tb", "\u202egnp", "\x1b[2J"])
def test_a_component_in_a_folder_that_cannot_be_shown_is_refused(name: str, tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        story.commit("feat: begin", {f"{name}/x": "1"})
    with pytest.raises(UsageError, match="contains a control character or a backslash") as caught:
        history(tmp_path, path=name)
    assert_harmless(caught.value.what)


@pytest.mark.parametrize(
    "raw",
    [
        b"fix: \xff\xfe\x80 bytes\n",
        b"fix: caf\xe9\n",
        b"fix: half \xf0\x9f\n",
        "fix: utf-16".encode("utf-16"),
        b"\xef\xbb\xbffix: begins with a mark\n",
        b"fix: surrogate \xed\xa0\x80\n",
    ],
)
def test_bytes_that_are_no_text_are_a_commit_all_the_same(raw: bytes, tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        story.tag("v1.0.0", story.commit("feat: begin", {"a": "1"}))
        story.commit(raw, {"\udcff/name": "2"}, author="\udcff\udcfe <\udcff@x>")
    found = history(tmp_path)
    assert len(found.changes) == 1
    assert_harmless(shown(found))
    shown(found).encode()


def test_a_byte_order_mark_is_no_part_of_a_title(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        story.tag("v1.0.0", story.commit("feat: begin", {"a": "1"}))
        story.commit(b"\xef\xbb\xbffix: begins with a mark\n", {"a": "2"})
    assert [(change.kind, change.summary) for change in history(tmp_path).changes] == [("fix", "begins with a mark")]


@pytest.mark.parametrize("encoding", ["iso-8859-1", "no-such-encoding", "utf-16", "$(touch canary)"])
def test_a_commit_may_claim_any_encoding(encoding: str, tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        base = story.commit("feat: begin", {"a": "1"})
        story.tag("v1.0.0", base)
    written(tmp_path, base, b"fix: caf\xe9\n", f"encoding {encoding}\n")
    found = history(tmp_path)
    assert len(found.changes) == 1
    assert_harmless(shown(found))
    if encoding == "iso-8859-1":
        assert found.changes[0].summary == "café"


def written(folder: Path, parent: str, message: bytes, headers: str = "", who: str = f"{ALICE} {START_S} +0000") -> str:
    """A commit as no command of Git's would write it."""
    tree = subprocess.run(["git", "rev-parse", f"{parent}^{{tree}}"], cwd=folder, check=True, capture_output=True)
    head = f"tree {tree.stdout.decode().strip()}\nparent {parent}\nauthor {who}\ncommitter {who}\n{headers}\n"
    command = ["git", "hash-object", "-t", "commit", "-w", "--stdin", "--literally"]
    made = subprocess.run(command, cwd=folder, input=head.encode() + message, check=True, capture_output=True)
    name = made.stdout.decode().strip()
    subprocess.run(["git", "update-ref", "refs/heads/main", name], cwd=folder, check=True)
    return name


@pytest.mark.parametrize(
    "who",
    [
        "<> 0 +0000",
        "A <a> 99999999999999999999 +0000",
        "A <a> -5 +9999",
        "A <a>",
        "A",
        "",
        "A <a> x y",
        "<<<>>> 1 +0000",
        "A <a\x1b[2J> 1 +0000",
    ],
)
def test_a_commit_may_state_any_person_and_any_time(who: str, tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        base = story.commit("feat: begin", {"a": "1"})
        story.tag("v1.0.0", base)
    written(tmp_path, base, b"fix: by somebody\n", who=who)
    found = history(tmp_path)
    assert [change.summary for change in found.changes] == ["by somebody"]
    assert str(found.next().version) == "1.0.1"
    assert_harmless(shown(found))


# ---- size


def test_a_message_of_a_megabyte_is_one_change(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        story.tag("v1.0.0", story.commit("feat: begin", {"a": "1"}))
        story.commit(long_message(1_000_000), {"a": "2"})
        story.commit("fix: " + "x" * 1_000_000, {"a": "3"})
    found = history(tmp_path)
    assert [len(change.summary) for change in found.changes] == [400, len("a long story")]
    assert found.changes[1].closes == ("#12",)
    assert str(found.next().version) == "1.1.0"


def test_a_hundred_thousand_tags_are_read_by_a_fixed_number_of_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []
    for number, tags in enumerate((3, 100_000)):
        folder = tmp_path / str(number)
        with GitStory(folder) as story:
            first = story.commit("feat: begin", {"a": "1"})
            story.commit("fix: small", {"a": "2"})
        add_tags(folder, [f"v0.{one}.0" for one in range(tags)], first)
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(traced(tmp_path / f"trace{number}")))
        found = history(folder)
        assert (found.current, str(found.next().version)) == (parse_version(f"0.{tags - 1}.0"), f"0.{tags - 1}.1")
        assert len(found.taken) == tags
        counts.append(started(tmp_path / f"trace{number}"))
    assert counts[0] == counts[1] > 0


def traced(trace: Path) -> Path:
    """A user's configuration by which Git writes down each of its processes."""
    path = trace.with_suffix(".config")
    path.write_text(f"[trace2]\n\teventTarget = {trace}\n")
    return path


def started(trace: Path) -> int:
    return sum('"event":"start"' in line for line in trace.read_text().splitlines())


# ---- configuration


def plain_git(*words: str) -> Callable[[Path], None]:
    """What springs a trap where nobody guards against it."""

    def spring(folder: Path) -> None:
        subprocess.run(["git", *words], cwd=folder, capture_output=True, stdin=subprocess.DEVNULL, timeout=60)

    return spring


def signed_head(folder: Path) -> None:
    """Give the newest commit a signature, which a program of the configuration is to verify."""
    raw = subprocess.run(["git", "cat-file", "commit", "HEAD"], cwd=folder, check=True, capture_output=True).stdout
    head, _, body = raw.partition(b"\n\n")
    signature = b"\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n nonsense\n -----END PGP SIGNATURE-----\n\n"
    command = ["git", "hash-object", "-t", "commit", "-w", "--stdin"]
    made = subprocess.run(command, cwd=folder, input=head + signature + body, check=True, capture_output=True)
    subprocess.run(["git", "update-ref", "refs/heads/main", made.stdout.decode().strip()], cwd=folder, check=True)


CONFIGURED: dict[str, tuple[list[tuple[str, str]], Callable[[Path], None]]] = {
    "fsmonitor": ([("core.fsmonitor", "TRAP")], plain_git("status")),
    "external-diff": ([("diff.external", "TRAP")], plain_git("log", "-p", "--ext-diff", "-1")),
    "textconv": ([("diff.evil.textconv", "TRAP")], plain_git("log", "-p", "-1")),
    "diff-command": ([("diff.evil.command", "TRAP")], plain_git("diff", "HEAD~1")),
    "filter": (
        [("filter.evil.clean", "TRAP"), ("filter.evil.smudge", "TRAP"), ("filter.evil.required", "true")],
        plain_git("archive", "HEAD"),
    ),
    "signature": ([("gpg.program", "TRAP"), ("log.showSignature", "true")], plain_git("log", "-1")),
    "alias": ([("alias.log1", "!TRAP"), ("alias.rev-parse", "!TRAP"), ("alias.log", "!TRAP")], plain_git("log1")),
    "pager": ([("core.pager", "TRAP"), ("pager.log", "TRAP"), ("pager.for-each-ref", "TRAP")], plain_git("-p", "log")),
}


@pytest.mark.parametrize("name", CONFIGURED)
def test_no_program_of_the_repositorys_configuration_is_run(
    name: str, tmp_path: Path, trap: Path, canary: Path
) -> None:
    settings, spring = CONFIGURED[name]
    folder = tmp_path / "repository"
    released(folder)
    signed_head(folder)
    (folder / "a").write_text("3\n")
    config(folder, *((key, value.replace("TRAP", str(trap))) for key, value in settings))
    read_everything(folder)
    assert not canary.exists()
    if name == "pager":
        return  # a pager is for terminals, and none is here
    spring(folder)
    assert canary.exists(), "plain Git springs the trap"


def test_no_hook_is_run(tmp_path: Path, trap: Path, canary: Path) -> None:
    folder = tmp_path / "repository"
    released(folder)
    hooks = folder / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("reference-transaction", "post-index-change", "fsmonitor-watchman", "post-checkout", "pre-auto-gc"):
        (hooks / name).symlink_to(trap)
    config(folder, ("core.hooksPath", str(hooks)), ("core.fsmonitor", ".git/hooks/fsmonitor-watchman"))
    read_everything(folder)
    assert not canary.exists()
    plain_git("update-ref", "refs/heads/other", "HEAD")(folder)
    assert canary.exists(), "plain Git springs the trap"


@pytest.mark.parametrize("way", ["include.path", "includeIf.gitdir:/.path"])
def test_a_configuration_that_includes_another_is_guarded_alike(
    way: str, tmp_path: Path, trap: Path, canary: Path
) -> None:
    folder = tmp_path / "repository"
    released(folder)
    (tmp_path / "included").write_text(f"[core]\n\tfsmonitor = {trap}\n[diff]\n\texternal = {trap}\n")
    config(folder, (way, str(tmp_path / "included")))
    read_everything(folder)
    assert not canary.exists()
    plain_git("status")(folder)
    assert canary.exists(), "plain Git springs the trap"


def test_a_work_tree_elsewhere_is_not_gone_into(tmp_path: Path, trap: Path, canary: Path) -> None:
    folder, elsewhere = tmp_path / "repository", tmp_path / "elsewhere"
    released(folder)
    elsewhere.mkdir()
    (elsewhere / ".gitattributes").write_text("* diff=evil\n")
    config(folder, ("core.worktree", str(elsewhere)), ("diff.evil.textconv", str(trap)))
    refused = refusal(lambda: read_everything(folder))
    assert refused is None or refused.remedy
    assert_harmless(refused.what if refused else "")
    assert not canary.exists()
    assert [path.name for path in elsewhere.iterdir()] == [".gitattributes"]


@pytest.mark.parametrize("url", ["ext::TRAP", "ssh://host/x", "file:///nowhere", "https://host.invalid/x"])
def test_a_promisor_remote_is_not_asked_for_what_is_missing(url: str, tmp_path: Path, trap: Path, canary: Path) -> None:
    folder = tmp_path / "repository"
    released(folder)
    repository = open_repository(folder)
    blob = repository.git("ls-tree", "HEAD", "--", "a").split()[2].decode()
    (folder / ".git" / "objects" / blob[:2] / blob[2:]).unlink(missing_ok=True)
    unpack_and_lose(folder, blob)
    config(
        folder,
        ("core.repositoryFormatVersion", "1"),
        ("extensions.partialClone", "evil"),
        ("remote.evil.url", url.replace("TRAP", str(trap))),
        ("remote.evil.promisor", "true"),
        ("core.sshCommand", str(trap)),
        ("core.gitProxy", str(trap)),
        ("credential.helper", str(trap)),
        ("protocol.allow", "always"),
        ("protocol.ext.allow", "always"),
    )
    found = history(folder)
    assert str(found.next().version) == "1.1.0"
    with pytest.raises(TidegateError, match="objects are missing here: this is a partial clone") as caught:
        list(open_repository(folder).blobs([blob]))
    assert_harmless(caught.value.what)
    assert not canary.exists()
    if url.startswith(("ext", "ssh")):
        plain_git("cat-file", "blob", blob)(folder)
        assert canary.exists(), "plain Git springs the trap"


def unpack_and_lose(folder: Path, blob: str) -> None:
    """Take one object out of the repository, wherever it lies."""
    packs = folder / ".git" / "objects" / "pack"
    for pack in packs.glob("*.pack"):
        moved = folder / pack.name
        pack.rename(moved)
        pack.with_suffix(".idx").unlink()
        pack.with_suffix(".rev").unlink(missing_ok=True)
        subprocess.run(["git", "unpack-objects", "-q"], cwd=folder, input=moved.read_bytes(), check=True)
        moved.unlink()
    (folder / ".git" / "objects" / blob[:2] / blob[2:]).unlink(missing_ok=True)


# ---- what a repository says of its own past


def test_replacements_and_grafts_do_not_change_the_past(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        first = story.commit("feat: begin", {"a": "1"})
        story.tag("v1.0.0", first)
        second = story.commit("fix: small", {"a": "2"})
        other = story.commit("feat!: invented", {"a": "9"}, branch="other", start=first)
        story.tag("v7.0.0", other)
    before = history(tmp_path, at="main")
    subprocess.run(["git", "replace", second, other], cwd=tmp_path, check=True)
    (tmp_path / ".git" / "info").mkdir(exist_ok=True)
    (tmp_path / ".git" / "info" / "grafts").write_text(f"{second} {other}\n")
    invented = subprocess.run(["git", "log", "--format=%s", "main"], cwd=tmp_path, capture_output=True, text=True)
    assert "invented" in invented.stdout, "plain Git believes it"
    assert history(tmp_path, at="main") == before
    assert str(before.next().version) == "1.0.1"


def test_a_git_file_leads_to_a_repository_and_is_guarded_alike(tmp_path: Path, trap: Path, canary: Path) -> None:
    hidden, folder = tmp_path / "hidden", tmp_path / "folder"
    released(hidden)
    config(hidden, ("core.fsmonitor", str(trap)), ("diff.external", str(trap)))
    folder.mkdir()
    (folder / ".git").write_text(f"gitdir: {hidden / '.git'}\n")
    assert str(history(folder).next().version) == "1.1.0"
    assert not canary.exists()


@pytest.mark.parametrize(
    "text",
    [
        "gitdir: /nowhere\n",
        "gitdir: \x1b[2J\u202e\n",
        "gitdir: -h\n",
        "gitdir:",
        "",
        "\xff",
        "gitdir: .\n",
        "x" * 10**6,
    ],
)
def test_a_git_file_that_leads_nowhere_is_explained(text: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / ".git").write_text(text)
    with pytest.raises(TidegateError) as caught:
        open_repository(tmp_path / "folder")
    assert caught.value.remedy
    assert_harmless(caught.value.what)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config", "[core\n"),
        ("config", "[core]\n\trepositoryformatversion = 99\n"),
        ("config", "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectformat = md5\n"),
        ("config", "[extensions]\n\tunknown\x1b[2J = 1\n[core]\n\trepositoryformatversion = 1\n"),
        ("HEAD", "ref: refs/heads/\x1b[2J\n"),
        ("HEAD", "nonsense"),
        ("HEAD", "ref: refs/heads/main\nref: x\n"),
        ("packed-refs", "nonsense\n\x1b[2J\n"),
        ("refs/heads/main", "0" * 40),
        ("refs/tags/v2.0.0", "f" * 40),
        ("refs/tags/v2.0.0", "nonsense \x1b[2J"),
        ("objects/info/alternates", "/nowhere/\x1b[2J\n"),
        ("shallow", "f" * 40 + "\n"),
        ("index", "nonsense"),
        ("objects/info/commit-graph", "CGPH nonsense"),
    ],
)
def test_a_spoiled_repository_is_explained_or_read_and_never_a_crash(file: str, content: str, tmp_path: Path) -> None:
    released(tmp_path)
    place = tmp_path / ".git" / file
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(content)
    refused = refusal(lambda: history(tmp_path))
    if refused is None:
        found = history(tmp_path)
        assert (str(found.next().version), found.tag) == ("1.1.0", "v1.0.0")
        assert_harmless(shown(found))
    else:
        assert refused.remedy
        assert_harmless(refused.what + refused.remedy)


# ---- clones that lack something


def test_a_clone_without_tags_says_that_no_version_is_tagged(tmp_path: Path) -> None:
    """It cannot be told from a component that was never released, so the reason says what was looked for."""
    released(tmp_path / "full")
    clone = ["git", "clone", "-q", "--no-tags", str(tmp_path / "full"), str(tmp_path / "clone")]
    subprocess.run(clone, check=True)
    found = history(tmp_path / "clone")
    assert (found.current, str(found.next().version)) == (None, "0.1.0")
    assert found.why.startswith("no final version is tagged as v{version} before ")


def test_a_tag_that_was_rewritten_leads_where_it_leads_now(tmp_path: Path) -> None:
    """History alone cannot tell that it was another commit before; a release that was opened keeps its own commit."""
    with GitStory(tmp_path) as story:
        first = story.commit("feat: begin", {"a": "1"})
        second = story.commit("feat: more", {"a": "2"})
        story.tag("v1.0.0", first)
        story.commit("fix: small", {"a": "3"})
    assert len(history(tmp_path).changes) == 2
    subprocess.run(["git", "tag", "--force", "v1.0.0", second], cwd=tmp_path, check=True, capture_output=True)
    assert [change.summary for change in history(tmp_path).changes] == ["small"]


@pytest.mark.parametrize("kind", ["tree", "blob", "tag"])
def test_a_tag_that_leads_to_no_commit_is_explained(kind: str, tmp_path: Path) -> None:
    released(tmp_path)
    target = {"tree": "HEAD^{tree}", "blob": "HEAD:a", "tag": "v1.0.0"}[kind]
    subprocess.run(["git", "tag", "-a", "-m", "x", "v2.0.0", target], cwd=tmp_path, check=True, capture_output=True)
    refused = refusal(lambda: history(tmp_path))
    if refused is None:
        assert history(tmp_path).tag == ("v2.0.0" if kind == "tag" else "v1.0.0")
    else:
        assert refused.remedy


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder to another user")
def test_a_repository_of_another_user_runs_nothing_before_it_is_refused(
    tmp_path: Path, trap: Path, canary: Path
) -> None:
    folder = tmp_path / "repository"
    released(folder)
    config(folder, ("core.fsmonitor", str(trap)), ("diff.external", str(trap)), ("alias.rev-parse", f"!{trap}"))
    for place in (folder, folder / ".git"):
        os.chown(place, 12345, 12345)
    with pytest.raises(TidegateError, match="another user owns it"):
        open_repository(folder)
    assert not canary.exists()


HOSTILE = (
    "\x1b]0;owned\x07\x1b[2J\u202egnp\u2066 $(touch canary) `touch canary` <script>alert(1)</script> [x](javascript:y)"
)


def test_no_command_shows_a_terminal_what_a_stranger_wrote_as_it_stands(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        story.tag("v1.0.0", story.commit("feat: begin", {"a": "1"}))
        story.commit(
            f"feat({HOSTILE}): {HOSTILE}\n\nBREAKING CHANGE: {HOSTILE}\n",
            {"a": "2"},
            author=f"{HOSTILE.replace('<', '(').replace('>', ')')} <a@b>",
        )
        story.commit(f"{HOSTILE}", {"a": "3"})
    subprocess.run(["git", "reset", "-q", "--hard", "main"], cwd=tmp_path, check=True)
    for words in (["version"], ["notes"], ["changelog", "--full"], ["version", "--json"], ["notes", "--json"]):
        done = subprocess.run(
            [sys.executable, "-m", "tidegate", *words, "--tag-format", "v{version}"], cwd=tmp_path, capture_output=True
        )
        assert done.returncode == 0, done.stderr
        shown = (done.stdout + done.stderr).decode()
        assert not any(mark in shown for mark in "\x1b\x07\u202e\u2066"), words
        assert "<script>" not in shown or words[0] == "version" or "--json" in words, "Markdown is shown on pages"
    assert not (tmp_path / "canary").exists()


def test_a_hundred_thousand_tags_are_one_read(tmp_path: Path) -> None:
    """Counted by Git's own trace: the number of processes does not grow with the number of tags or commits."""
    from bench.histories import add_tags

    counts = []
    for size in (3, 3000):
        folder = tmp_path / str(size)
        with GitStory(folder) as story:
            first = story.commit("feat: begin", {"a": "0"})
            for number in range(size // 3):
                story.commit(f"fix: {number}", {"a": str(number)})
        add_tags(folder, [f"v0.{number}.0" for number in range(size)], first)
        trace = tmp_path / f"trace-{size}"
        # Our environment drops GIT_* but for the user's own; so the trace is asked for by the user's configuration.
        config = tmp_path / f"config-{size}"
        config.write_text(f"[trace2]\n\teventTarget = {trace}\n")
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": str(config)}
        command = [sys.executable, "-m", "tidegate", "changelog", "--full", "--tag-format", "v{version}"]
        subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
        counts.append(sum(1 for line in trace.read_text().splitlines() if '"event":"start"' in line))
    assert counts[0] == counts[1] <= 6
