"""``tidegate version`` as people type it: in any repository, in a monorepo, and by a policy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.gitstories import GitStory
from tests.support.shop import run_at

POLICY = """\
tidegate: 1
organization: Example
timezone: Europe/Berlin
components:
  billing:
    path: modules/billing
    tag: "billing-v{version}"
  portal:
    path: modules/portal
    tag: "portal-{version}"
    versions: padded
versioning:
  bumps:
    - {at_least: minor, says: the database changes, paths: [modules/billing/migrations]}
"""


@pytest.fixture
def monorepo(tmp_path: Path) -> Path:
    """Two modules, each with a release, and a change of each since."""
    with GitStory(tmp_path) as story:
        base = story.commit("feat: begin", {f"modules/{name}/a": "1" for name in ("billing", "portal")})
        for tag in ("billing-v1.4.0", "portal-02.01.09", "v3.0.0"):
            story.tag(tag, base)
        story.commit("fix(billing): round totals (#7)", {"modules/billing/migrations/1.sql": "1"})
        story.commit("Tidy up", {"modules/billing/a": "2"})
        story.commit("fix: portal", {"modules/portal/a": "2"})
    return tmp_path


def test_any_repository_without_a_policy(monorepo: Path) -> None:
    done = run_at(monorepo, "version")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[:2] == ["3.0.0 > 3.0.1 (patch)", "  the highest level asked for since 3.0.0 is patch"]
    assert [line.split(maxsplit=1)[1] for line in lines[2:4]] == ["fix  patch  portal", "fix  patch  round totals"]
    assert lines[4] == "  Follows no convention and asks for nothing; look at it:"
    assert lines[5].split(maxsplit=1)[1] == "Tidy up"
    assert lines[6:] == [
        "  3.1.0 (minor) would take a commit of the kind feat; or a commit of the kind",
        "    deprecate",
        "  4.0.0 (major) would take a breaking change: ! after the kind, or a BREAKING",
        "    CHANGE footer",
    ]


def test_the_answer_as_data(monorepo: Path) -> None:
    found = run_at(
        monorepo, "version", "--tag-format", "billing-v{version}", "--path", "modules/billing", "--json"
    ).json
    commits = {subject: sha for sha, subject in _log(monorepo)}
    assert (found["component"], found["current"], found["next"], found["bump"]) == ("", "1.4.0", "1.4.1", "patch")
    fix = commits["fix(billing): round totals (#7)"]
    assert found["reasons"] == [
        {
            "commit": fix,
            "type": "fix",
            "scope": "billing",
            "subject": "round totals",
            "breaking": False,
            "level": "patch",
            "why": "fix asks for patch",
        }
    ]
    assert found["unconventional"] == [{"commit": commits["Tidy up"], "subject": "Tidy up"}]


def _log(folder: Path) -> list[list[str]]:
    log = subprocess.run(["git", "log", "--format=%H%x09%s"], cwd=folder, capture_output=True, text=True, check=True)
    return [line.split("\t") for line in log.stdout.splitlines()]


def test_nothing_to_release_is_null(monorepo: Path) -> None:
    subprocess.run(["git", "tag", "v3.0.1"], cwd=monorepo, check=True)
    found = run_at(monorepo, "version", "--json").json
    assert (found["current"], found["next"], found["bump"], found["reasons"]) == ("3.0.1", None, "none", [])
    assert run_at(monorepo, "version").out.splitlines()[0] == "3.0.1; nothing to release"


def test_pre_releases_count_up_and_are_promoted(monorepo: Path) -> None:
    def following(*words: str) -> str | None:
        found: str | None = run_at(monorepo, "version", *words, "--json").json["next"]
        return found

    assert following("--pre", "rc") == "3.0.1-rc.1"
    subprocess.run(["git", "tag", "v3.0.1-beta.1"], cwd=monorepo, check=True)
    assert following("--pre", "beta") is None
    assert following("--pre", "rc") == "3.0.1-rc.1"
    assert following() == "3.0.1"
    refused = run_at(monorepo, "version", "--pre", "alpha")
    assert refused.code == 2
    assert "3.0.1-alpha.1 would come before 3.0.1-beta.1, which is there already" in " ".join(refused.err.split())


def test_on_a_channel_what_would_be_larger_is_a_pre_release_too(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        story.tag("v1.1.0", story.commit("feat: one", {"a": "1"}))
        rc = story.commit("feat: two", {"a": "2"})
        story.tag("v1.2.0-rc.1", rc)
    done = run_at(tmp_path, "version", "--pre", "rc")
    assert done.out.splitlines()[0] == "1.1.0, 1.2.0-rc.1; nothing to release"
    larger = run_at(tmp_path, "version", "--pre", "rc", "--json").json["larger"]
    assert [(step["bump"], step["version"]) for step in larger] == [("minor", "1.2.0-rc.2"), ("major", "2.0.0-rc.1")]


def test_to_take_back_what_a_pre_release_has_asks_for_another(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        story.tag("v1.0.0", story.commit("feat: one", {"a": "1"}))
        feature = story.commit("feat: two", {"a": "2"})
        story.tag("v1.1.0-rc.1", feature)
        story.commit(f'Revert "feat: two"\n\nThis reverts commit {feature}.', {"a": "1"})
    assert run_at(tmp_path, "version", "--pre", "rc", "--json").json["next"] == "1.1.0-rc.2"
    assert run_at(tmp_path, "version", "--json").json["reasons"] == []


def test_the_name_of_one_component_stands_in_its_tags(monorepo: Path) -> None:
    words = ("billing", "--tag-format", "{component}-v{version}", "--path", "modules/billing")
    assert run_at(monorepo, "version", *words, "--json").json["current"] == "1.4.0"
    assert run_at(monorepo, "notes", *words, "--json").json["previous"] == "1.4.0"
    unnamed = run_at(monorepo, "version", *words[1:])
    assert unnamed.code == 2
    assert unnamed.err.startswith("error: {component}-v{version} needs the name of a component")


def test_every_module_of_a_monorepo_at_once(monorepo: Path) -> None:
    subprocess.run(["git", "tag", "portal-v9.9.9", "HEAD~3"], cwd=monorepo, check=True)
    done = run_at(monorepo, "version", "--each", "modules/*")
    assert done.out.splitlines() == [
        "component  current  next    bump   changes",
        "billing    1.4.0    1.4.1   patch  2, 1 unconventional",
        "portal     9.9.9    9.9.10  patch  1",
    ]
    found = run_at(monorepo, "version", "--each", "modules/*", "--json").json["components"]
    assert [(one["component"], one["next"]) for one in found] == [("billing", "1.4.1"), ("portal", "9.9.10")]


def test_one_component_that_cannot_be_told_does_not_hide_the_others(monorepo: Path) -> None:
    (monorepo / "tidegate.yaml").write_text(
        POLICY.replace("  portal:", '  gone: {path: gone, tag: "gone-{version}"}\n  portal:')
    )
    elsewhere = ["git", "commit-tree", "-m", "fix: elsewhere", "HEAD^{tree}"]
    who = {
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@b.c",
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@b.c",
    }
    made = subprocess.run(elsewhere, cwd=monorepo, env=os.environ | who, capture_output=True, check=True, text=True)
    subprocess.run(["git", "tag", "portal-02.01.10", made.stdout.strip()], cwd=monorepo, check=True)
    done = run_at(monorepo, "version")
    assert done.code == 5
    assert [line.split() for line in done.out.splitlines()[1:]] == [
        ["billing", "1.4.0", "1.5.0", "minor", "2,", "1", "unconventional"],
        ["gone", "?", "cannot", "tell"],
        ["portal", "?", "cannot", "tell"],
    ]
    said = " ".join(done.err.split())
    assert f'error: gone: {monorepo}: there is no "gone" at commit' in said
    assert "error: portal: the changes since 02.01.09 ask for 02.01.10, and 02.01.10 is tagged already" in said
    billing, gone, portal = run_at(monorepo, "version", "--json").json["components"]
    assert (billing["next"], gone["error"]["kind"], portal["error"]["kind"]) == ("1.5.0", "not_found", "conflict")


def test_the_components_of_a_policy_with_its_rules_and_schemes(monorepo: Path) -> None:
    (monorepo / "tidegate.yaml").write_text(POLICY)
    found = run_at(monorepo, "version", "--json").json["components"]
    assert [(one["component"], one["next"], one["next_tag"]) for one in found] == [
        ("billing", "1.5.0", "billing-v1.5.0"),
        ("portal", "02.01.10", "portal-02.01.10"),
    ]
    why = "it changes modules/billing/migrations/1.sql, which asks for at least minor: the database changes"
    one = run_at(monorepo, "version", "billing", "--json").json
    assert [(reason["subject"], reason["why"]) for reason in one["reasons"]] == [("round totals", why)]
    assert why in " ".join(run_at(monorepo, "version", "billing").out.split())
    unknown = run_at(monorepo, "version", "biling")
    assert (unknown.code, 'did you mean "billing"?' in unknown.err) == (5, True)


def test_titles_of_pull_requests_speak_for_commits_that_say_nothing(monorepo: Path) -> None:
    (commit,) = [sha for sha, subject in _log(monorepo) if subject == "Tidy up"]
    pulls = [{"number": 9, "title": "feat!: tidier totals", "mergeCommit": {"oid": commit}}]
    (monorepo / "pulls.json").write_text(json.dumps(pulls))
    found = run_at(monorepo, "version", "--pull-requests", "pulls.json", "--json").json
    assert (found["next"], found["unconventional"]) == ("4.0.0", [])


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("version", "billing"), 5, 'there is no policy file here or above that could know "billing"'),
        (("version", "--tag-format", "v"), 2, "it must contain {version} exactly once, and it does 0 times"),
        (("version", "--path", "nowhere"), 5, 'there is no "nowhere" at commit '),
        (("version", "--at=--all"), 5, 'there is no commit "--all" here'),
        (("version", "--each", "nothing/*"), 5, 'no directory matches "nothing/*" at HEAD'),
        (("version", "--each", "modules/*", "--tag-format", "v{version}"), 2, "every component has tags of its own"),
        (("version", "--each", "m*", "--path", "x"), 2, "--each and --path exclude each other"),
    ],
)
def test_what_cannot_be_answered_is_said(monorepo: Path, words: tuple[str, ...], code: int, sentence: str) -> None:
    done = run_at(monorepo, *words)
    assert (done.code, done.out) == (code, "")
    assert sentence in " ".join(done.err.split())


def test_a_version_of_another_line_is_a_conflict(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        base = story.commit("feat: one", {"a": "1"})
        story.tag("v1.0.0", base)
        story.tag("v1.0.1", story.commit("fix: there", {"a": "2"}, branch="other", start=base))
        story.commit("fix: here", {"a": "3"})
    done = run_at(tmp_path, "version")
    assert done.code == 6
    assert "1.0.1 is tagged already, on another line" in " ".join(done.err.split())


def test_why_a_change_does_not_count_stands_below_a_long_title(tmp_path: Path) -> None:
    with GitStory(tmp_path) as story:
        story.tag("v1.0.0", story.commit("feat: one", {"a": "1"}))
        long = story.commit("feat: a title of forty-nine characters, and some", {"a": "2"})
        story.commit(f'Revert "feat: a title of forty-nine characters"\n\nThis reverts commit {long}.', {"a": "1"})
    lines = run_at(tmp_path, "version").out.splitlines()
    assert max(map(len, lines)) <= 80
    assert f"{'':24}(reverts {long[:10]}, which is not released yet)" in lines


def test_hostile_titles_are_shown_without_their_power(tmp_path: Path) -> None:
    title = "feat: \x1b[31mred\u202e $(touch x) <b>"
    with GitStory(tmp_path) as story:
        story.commit(title, {"a": "1"})
    done = run_at(tmp_path, "version")
    assert "\x1b" not in done.out
    assert "\u202e" not in done.out
    assert "[31mred $(touch x) <b>" in done.out


def test_a_version_is_told_without_the_policys_models() -> None:
    """What most people meet first starts quickly: it needs none of what a policy or a database does."""
    script = (
        "import sys, runpy; sys.argv = ['tidegate', 'version', '--help']\n"
        "from tidegate.cli.commands import version\n"
        "import tidegate.cli.render_version, tidegate.cli.sources\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'pydantic', 'sqlalchemy', 'jinja2', 'dbos'}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
