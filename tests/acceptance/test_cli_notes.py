"""Notes and changelogs as people type them: in any repository, and by a policy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.gitrepo import GitRepository
from tests.support.shop import Done, Shop, run_at

POLICY = """\
tidegate: 1
organization: Shop
timezone: America/Los_Angeles
people: {rita: {name: Rita}}
components:
  billing:
    title: Billing
    path: modules/billing
    tag: "billing-v{version}"
    requires: {platform: ">=3.1.0"}
  platform: {path: platform, tag: "platform-v{version}"}
release_types: {minor: {bump: minor}}
environments: {production: {purpose: production}}
contacts:
  issues: {title: Issues, reach: https://git.example/issues}
  documentation: {title: Documentation, reach: "[link]"}
documents:
  release-notes: {title: Release notes, path: "notes/{component}/{version}.md", sections: [SECTIONS]}
"""


@pytest.fixture
def repository(git_repository: GitRepository) -> GitRepository:
    """One release, and what came after it."""
    git_repository.commit("feat: first", {"a": "1"})
    git_repository.tag("v1.0.0")
    git_repository.commit(
        "feat(tax): custom rules (#145)\n\nRelease-Note: Configurable per customer.\nHighlight: Taxes", {"a": "2"}
    )
    git_repository.commit("fix: rounding error\n\nFixes #178\n\nCo-authored-by: Bob <bob@example.org>", {"a": "3"})
    git_repository.commit("Something else", {"a": "4"})
    return git_repository


def good(repository: GitRepository, *words: str) -> Done:
    done = run_at(repository.path, *words)
    assert done.code == 0, done
    return done


def said(done: Done) -> str:
    """What was said, without the breaks of an 80-column terminal."""
    return " ".join(done.err.split())


NOTES = """\
# repository v1.1.0

**Release Date:** 2026-02-11

## Highlights
- Taxes

## Features
- **tax:** custom rules (\\#145)
  Configurable per customer.

## Fixes
- Rounding error (\\#178)

## Performance
None

## Breaking Changes
None

## Deprecations
None

## Migration Guide
No migration required.

## Dependencies
None

## Known Issues
None

## Other Changes
- Something else

## Contributors
Alice Example, Bob
"""


def test_any_repository_has_notes(repository: GitRepository) -> None:
    assert good(repository, "notes", "--date", "2026-02-11").out == NOTES


def test_the_sections_are_data(repository: GitRepository) -> None:
    data = good(repository, "notes", "shop", "--from", "v1.0.0", "--to", "HEAD", "--json").json
    assert (data["component"], data["version"], data["previous"]) == ("shop", "1.1.0", "1.0.0")
    (feature,) = data["features"]
    assert (feature["text"], feature["scope"], feature["references"]) == (
        "custom rules",
        "tax",
        [{"text": "#145", "url": ""}],
    )
    assert feature["details"][0]["text"] == "Configurable per customer."
    assert [entry["text"] for entry in data["unconventional"]] == ["Something else"]
    assert data["contributors"] == ["Alice Example", "Bob"]
    assert "bob@example.org" not in str(data)
    assert good(repository, "notes", "shop", "--format", "json", "--from", "v1.0.0", "--to", "HEAD").json == data


def test_a_range_that_runs_backwards_is_no_empty_release(repository: GitRepository) -> None:
    done = run_at(repository.path, "notes", "--from", "HEAD", "--to", "v1.0.0")
    assert done.code == 2
    assert said(done) == "error: v1.0.0 came before HEAD, which has all of it > Swap --from and --to."


def test_the_notes_of_a_release_of_the_past(repository: GitRepository) -> None:
    repository.tag("v1.1.0", message="1.1.0")
    repository.commit("fix: later", {"a": "5"})
    done = good(repository, "notes", "--to", "v1.1.0")
    assert done.out == NOTES.replace("2026-02-11", "2026-01-05")
    assert done.err == ""
    assert good(repository, "notes", "--to", "v1.0.0", "--json").json["features"][0]["text"] == "first"
    assert good(repository, "notes", "--json").json["version"] == "1.1.1"


def test_where_nothing_came_after_the_last_release_its_notes_are_printed(repository: GitRepository) -> None:
    repository.tag("v1.1.0")
    done = good(repository, "notes")
    assert done.out == NOTES.replace("2026-02-11", "2026-01-05")
    assert done.err == "nothing came after 1.1.0: these are its notes\n"


def test_the_final_notes_hold_what_the_prereleases_brought(repository: GitRepository) -> None:
    repository.tag("v1.1.0-rc.1")
    repository.commit("fix: a late bug", {"a": "5"})
    repository.tag("v1.1.0")
    told = good(repository, "notes", "--to", "v1.1.0", "--json").json
    assert [entry["text"] for entry in told["fixes"]] == ["a late bug", "rounding error"]


def test_of_two_tags_at_one_commit_the_notes_are_those_of_the_one_that_was_named(repository: GitRepository) -> None:
    repository.tag("v1.1.0-rc.1")
    repository.tag("v1.1.0")
    for named, version in (("v1.1.0-rc.1", "1.1.0-rc.1"), ("refs/tags/v1.1.0", "1.1.0"), ("HEAD", "1.1.0")):
        assert json.loads(good(repository, "notes", "--to", named, "--json").out)["version"] == version


def test_plain_text_and_styles(repository: GitRepository) -> None:
    assert good(repository, "notes", "--format", "text").out.startswith(
        "repository v1.1.0\n=================\n\nReleased on"
    )
    assert "\n## 🐛 Bug Fixes\n- Rounding error" in good(repository, "notes", "--style", "helpdesk").out
    assert "\n## Migration notes\nNo migration required.\n" in good(repository, "notes", "--style", "moko").out
    assert "\n### Fixed\n\n- Rounding error" in good(repository, "notes", "--style", "keepachangelog").out


def test_fragments_come_from_the_commit_and_by_request_from_the_disk(repository: GitRepository) -> None:
    repository.commit(
        "docs: say it", {"changelog.d/150.added.md": "**Dunning** letters.\n", "changelog.d/README.md": "x"}
    )
    repository.write({"changelog.d/+draft.known-issue.md": "Not for leap days.\n"})
    told = good(repository, "notes", "--json").json
    assert told["features"][0]["text"] == "**Dunning** letters."
    assert told["features"][0]["fragment"] == "changelog.d/150.added.md"
    assert told["known_issues"] == []
    assert good(repository, "notes", "--worktree", "--json").json["known_issues"][0]["text"] == "Not for leap days."
    only = good(repository, "notes", "--source", "fragments", "--json").json
    assert (len(only["features"]), only["fixes"]) == (1, [])


def test_a_fragment_is_told_with_one_release_and_a_known_issue_while_it_is_there(git_repository: GitRepository) -> None:
    lasting = {"changelog.d/+slow.known-issue.md": "Large exports are slow.\n"}
    git_repository.commit("feat: begin", {"changelog.d/1.added.md": "Told with the first.\n", **lasting})
    git_repository.tag("v1.0.0", message="1.0.0")
    git_repository.commit("fix: later", {"changelog.d/2.fixed.md": "Told with the second.\n"})
    told = good(git_repository, "notes").out
    assert "Told with the second" in told
    assert "Large exports are slow" in told
    assert "Told with the first" not in told
    assert "Told with the first" not in good(git_repository, "changelog").out
    assert "Told with the first" in good(git_repository, "notes", "--to", "v1.0.0").out
    assert good(git_repository, "changelog", "--full").out.count("Told with the") == 1


def test_an_unknown_type_of_fragment_is_an_error(repository: GitRepository) -> None:
    repository.commit("docs: say it", {"changelog.d/1.adddded.md": "x"})
    done = run_at(repository.path, "notes")
    assert done.code == 2
    assert done.err.startswith(
        'error: changelog.d/1.adddded.md: there is no type of fragment "adddded"\n  > Did you mean'
    )


def test_a_fragment_that_is_a_link_is_not_followed(repository: GitRepository) -> None:
    secret = repository.path.parent / "secret"
    secret.write_text("secret")
    (repository.path / "changelog.d").mkdir()
    (repository.path / "changelog.d" / "1.added.md").symlink_to(secret)
    repository.commit("docs: link")
    for more in ((), ("--worktree",)):
        assert "secret" not in good(repository, "notes", *more).out


def test_notes_are_written_and_what_people_wrote_is_kept(repository: GitRepository) -> None:
    write = ("notes", "shop", "--date", "2026-02-11", "--write")
    assert good(repository, *write).out == "wrote docs/releases/shop-1.1.0.md\n"
    assert good(repository, *write).out == "docs/releases/shop-1.1.0.md says that already\n"
    file = repository.path / "docs" / "releases" / "shop-1.1.0.md"
    file.write_text(file.read_text().replace("- Taxes", "- Taxes, **at last**\n\n![a picture](tax.png)"))
    repository.commit("fix: another\n\nHighlight: More", {"a": "5"})
    done = good(repository, *write)
    assert done.out == "wrote docs/releases/shop-1.1.0.md\n"
    assert done.err == (
        "note: kept what was written by hand: highlights\nnote: something else would be generated now for: highlights\n"
    )
    assert "- Taxes, **at last**\n\n![a picture](tax.png)\n<!-- /tidegate:edit -->" in file.read_text()
    assert "- Another\n" in file.read_text()


def test_a_change_elsewhere_is_told_and_nothing_is_written(repository: GitRepository) -> None:
    good(repository, "notes", "shop", "--write")
    file = repository.path / "docs" / "releases" / "shop-1.1.0.md"
    edited = file.read_text().replace("- Rounding error", "- Rounding errors")
    file.write_text(edited)
    done = run_at(repository.path, "notes", "shop", "--write")
    assert done.code == 6
    assert said(done) == (
        'error: docs/releases/shop-1.1.0.md: text outside the places for it was changed by hand: "- Rounding errors '
        '(\\#178)" > Move it between the marks <!-- tidegate:edit ... -->, or overwrite it with --force.'
    )
    assert file.read_text() == edited
    good(repository, "notes", "shop", "--write", "--force")
    assert "- Rounding error (" in file.read_text()


def test_a_file_of_somebody_else_is_not_overwritten(repository: GitRepository) -> None:
    repository.write({"docs/releases/shop-1.1.0.md": "mine"})
    done = run_at(repository.path, "notes", "shop", "--write")
    assert done.code == 6
    assert said(done) == (
        "error: docs/releases/shop-1.1.0.md: the file is there, and Tidegate did not write it "
        "> Move it away, or add --force."
    )


def test_nothing_is_written_through_a_link(repository: GitRepository) -> None:
    outside = repository.path.parent / "outside"
    outside.mkdir()
    (repository.path / "docs").symlink_to(outside)
    done = run_at(repository.path, "notes", "shop", "--write")
    assert done.code == 2
    assert '"docs/releases/shop-1.1.0.md" is a folder, or leads elsewhere by a link' in done.err
    assert list(outside.iterdir()) == []


def test_the_changelog_is_kept_in_place(repository: GitRepository) -> None:
    section = (
        "## [1.1.0] - 2026-02-11\n\n### Added\n\n- **tax:** custom rules (\\#145)\n  Configurable per customer.\n\n"
        "### Changed\n\n- Something else\n\n### Fixed\n\n- Rounding error (\\#178)\n"
    )
    assert good(repository, "changelog", "--date", "2026-02-11").out == section
    assert not (repository.path / "CHANGELOG.md").exists()
    write = ("changelog", "--date", "2026-02-11", "--write")
    assert good(repository, *write).out == "wrote CHANGELOG.md\n"
    file = repository.path / "CHANGELOG.md"
    first = file.read_text()
    assert first.startswith("# Changelog\n")
    assert good(repository, *write).out == "CHANGELOG.md says that already\n"
    assert file.read_text() == first
    good(repository, "changelog", "--to", "v1.0.0", "--write")
    assert file.read_text().startswith(first.rstrip("\n"))
    assert "\n## [1.0.0] - 2026-01-05\n" in file.read_text()
    file.write_text(file.read_text().replace("- Rounding error", "- Rounding errors"))
    repository.commit("fix: another", {"a": "5"})
    repository.commit("perf: faster", {"a": "6"})
    done = good(repository, *write)
    assert done.err == (
        "note: kept as they were edited: 1.1.0: Fixed\nnote: something else would be generated now for: 1.1.0: Fixed\n"
    )
    assert "### Changed\n\n- Faster\n- Something else\n\n### Fixed\n\n- Rounding errors" in file.read_text()


def test_the_whole_history_has_a_changelog(repository: GitRepository) -> None:
    repository.tag("v1.1.0", message="1.1.0")
    repository.commit("fix: later", {"a": "5"})
    told = good(repository, "changelog", "--full").out
    assert told.startswith("# Changelog\n")
    assert told.endswith(
        "## [Unreleased]\n\n### Fixed\n\n- Later\n\n## [1.1.0] - 2026-01-05\n\n### Added\n\n"
        "- **tax:** custom rules (\\#145)\n"
        "  Configurable per customer.\n\n### Changed\n\n- Something else\n\n### Fixed\n\n"
        "- Rounding error (\\#178)\n\n## [1.0.0] - 2026-01-05\n\n### Added\n\n- First\n"
    )
    assert [one["version"] for one in good(repository, "changelog", "--full", "--json").json["releases"]] == [
        *("1.1.0", "1.0.0")
    ]
    assert good(repository, "changelog", "--full", "--write").out == "wrote CHANGELOG.md\n"
    assert good(repository, "changelog", "--full", "--write").out == "CHANGELOG.md says that already\n"
    assert good(repository, "changelog", "--write").out == "wrote CHANGELOG.md\n"
    file = (repository.path / "CHANGELOG.md").read_text()
    assert "## [Unreleased]\n\n## [1.1.1]" in file, "what was not released is now"
    assert file.index("## [1.1.1]") < file.index("## [1.1.0]") < file.index("## [1.0.0]")


def test_a_section_of_somebody_else_is_a_conflict(repository: GitRepository) -> None:
    repository.write({"CHANGELOG.md": "# C\n\n## [1.1.0] - 2026-01-01\n\n- mine\n"})
    done = run_at(repository.path, "changelog", "--write")
    assert done.code == 6
    assert said(done) == (
        "error: CHANGELOG.md: the section 1.1.0 is there, Tidegate did not write it, and it says something else "
        "> Take it out to have it generated, or keep it as it is."
    )


def test_where_nothing_asks_for_a_release_there_is_no_section(git_repository: GitRepository) -> None:
    git_repository.commit("feat: a", {"a": "1"})
    git_repository.tag("v1.0.0")
    git_repository.commit("chore: b", {"a": "2"})
    for line in (["changelog"], ["notes", "--write"]):
        done = run_at(git_repository.path, *line)
        assert done.code == 5
        assert "nothing of repository asks for a release" in done.err
    assert good(git_repository, "changelog", "--version", "2.0.0").out.startswith("## [2.0.0] - ")
    assert good(git_repository, "notes").out.startswith("# repository Unreleased\n\n**Release Date:** to be set\n")


def by_policy(repository: GitRepository, sections: str = "Highlights, Features, Fixes, Migration Guide") -> None:
    repository.commit("feat: begin", {"modules/billing/a": "1", "platform/a": "1"})
    repository.tag("billing-v1.0.0")
    repository.commit("feat!: new shape", {"modules/billing/a": "2"})
    repository.commit("feat: elsewhere", {"platform/a": "2"})
    repository.write({"tidegate.yaml": POLICY.replace("SECTIONS", sections)})


def test_a_policy_says_whose_notes_they_are(git_repository: GitRepository) -> None:
    by_policy(git_repository)
    told = good(git_repository, "notes", "billing", "--date", "2026-02-11").out
    assert told.startswith("# Billing v2.0.0\n\n**Release Date:** 2026-02-11\n")
    assert "\n## Features\n- New shape\n\n" in told
    assert "\n## Dependencies\n- Requires platform v3.1.0+\n" in told
    assert "elsewhere" not in told
    assert good(git_repository, "notes", "billing", "--write").out == "wrote notes/billing/2.0.0.md\n"
    assert good(git_repository, "changelog", "billing", "--write").out == "wrote modules/billing/CHANGELOG.md\n"


def test_a_policys_sections_choose_the_style_and_its_contacts_are_the_support(git_repository: GitRepository) -> None:
    by_policy(git_repository, "New Features, Support")
    told = good(git_repository, "notes", "billing").out
    assert told.endswith("## 📞 Support\n- Issues: <https://git.example/issues>\n\n## 🙌 Contributors\nAlice Example\n")


def test_a_component_must_be_one_of_the_policy(git_repository: GitRepository) -> None:
    by_policy(git_repository)
    done = run_at(git_repository.path, "notes")
    assert (done.code, done.err) == (
        2,
        "error: the policy has several components\n  > name one of: billing, platform\n",
    )
    done = run_at(git_repository.path, "notes", "biling")
    assert (done.code, done.err) == (
        5,
        'error: the policy knows no component "biling"\n  > did you mean "billing"?\n',
    )
    told = good(git_repository, "notes", "--path", "platform", "--json").json
    assert [entry["text"] for entry in told["features"]] == ["elsewhere", "begin"], "without the policy"


def test_missing_sections_are_refused_with_their_remedy(git_repository: GitRepository) -> None:
    by_policy(git_repository)
    done = run_at(git_repository.path, "notes", "billing", "--check")
    assert done.code == 3
    assert done.out == (
        "the notes of billing 2.0.0 are not complete:\n"
        "  ✗ Migration Guide is not written yet\n"
        "    > Add changelog.d/+NAME.migration.md, or a commit with the footer\n"
        "      Migration:, or write it between its marks in the file.\n"
    )
    missing = run_at(git_repository.path, "notes", "billing", "--check", "--json").json["missing"]
    assert [gap["section"] for gap in missing] == ["Migration Guide"]
    good(git_repository, "notes", "billing", "--write")
    file = git_repository.path / "notes" / "billing" / "2.0.0.md"
    file.write_text(file.read_text().replace("Not written yet, although there are breaking changes.", "Do *this*."))
    assert good(git_repository, "notes", "billing", "--check").out == (
        "✓ the notes of billing 2.0.0 have all 4 sections\n"
    )
    fragment = {"modules/billing/changelog.d/+a.migration.md": "Do this.\n"}
    git_repository.commit("docs: guide", fragment)
    file.unlink()
    assert good(git_repository, "notes", "billing", "--check").code == 0


def test_an_own_template(repository: GitRepository) -> None:
    repository.write({"own.j2": "{{ notes.title }}\n{% for e in notes.features %}* {{ e.text }}\n{% endfor %}"})
    assert good(repository, "notes", "--template", "own.j2").out == "repository\n* custom rules\n"
    repository.write({"own.j2": "{{ notes.title.upper() }}"})
    done = run_at(repository.path, "notes", "--template", "own.j2")
    assert done.code == 2
    assert said(done) == (
        "error: own.j2:1: this cannot be rendered: nothing is called in a template of notes; use a filter "
        "> Mend it; docs/howto/write-release-notes.md says what a template may do."
    )


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["notes", "--write", "--check"], 2, "error: --write and --check are two answers\n"),
        (["notes", "--format", "text", "--check"], 2, "error: --format text is for printing\n"),
        (["notes", "--date", "soon"], 2, 'error: --date "soon" names no day\n'),
        (["notes", "--issue-link", "x"], 2, 'error: "x" is not an address for issues\n'),
        (["notes", "--to", "--all"], 5, 'there is no commit "--all" here\n'),
        (["notes", "--to", "absent"], 5, 'there is no commit "absent" here\n'),
        (["notes", "--path", "../x"], 2, 'the path "../x" leads outside the repository by ..\n'),
        (["notes", "--tag-format", "x"], 2, "error: x is not a tag format: it must contain {version} exactly once"),
        (["changelog", "--file", "/etc/passwd", "--write"], 2, 'the path "/etc/passwd" is absolute'),
        (
            ["changelog", "--file", ".git/config", "--write"],
            2,
            '".git/config" is a folder, or leads elsewhere by a link',
        ),
    ],
)
def test_what_cannot_be_asked(repository: GitRepository, words: list[str], code: int, said: str) -> None:
    done = run_at(repository.path, *words)
    assert done.code == code
    assert said in done.err
    assert "Traceback" not in done.err


def test_hostile_texts_are_text(git_repository: GitRepository) -> None:
    evil = "feat: \x1b[31m\u202e<script>x</script> [a](javascript:b) {{ 7*7 }} # x"
    git_repository.git("config", "user.name", "x")
    git_repository.commit(f"{evil}\n\nHighlight: {evil}\nBREAKING CHANGE: {evil}\n\n## Heading\n<b>", {"a": "1"})
    for words in (("notes",), ("notes", "--format", "text"), ("notes", "--style", "helpdesk"), ("changelog",)):
        told = good(git_repository, *words).out
        assert not set(told) & set("\x1b\u202e")
        assert "49" not in told
        assert text_is_plain(told) or "--format" in words


def text_is_plain(markdown: str) -> bool:
    from markdown_it import MarkdownIt

    tokens = MarkdownIt("commonmark").parse(markdown)
    inner = {child.type for token in tokens for child in token.children or ()}
    return not inner & {"html_inline", "link_open", "image"} and "html_block" not in {token.type for token in tokens}


def test_a_repository_without_a_policy_costs_no_policy_and_data_no_template(repository: GitRepository) -> None:
    """A person waits for this: what is not needed is not imported."""
    program = (
        "import sys; from tidegate.cli.root import run; from tidegate import app; "
        "code = run(sys.argv[1:], lambda: app); "
        "bad = [m for m in ('pydantic', 'tidegate.core.policy', 'sqlalchemy', 'yaml', 'jinja2') if m in sys.modules]; "
        "print(bad, file=sys.stderr); sys.exit(code)"
    )
    for words, loaded in (
        (["notes", "--json"], "[]"),
        (["notes", "--format", "text"], "[]"),
        (["notes"], "['jinja2']"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", program, *words],
            cwd=repository.path,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == f"{loaded}\n"


def test_a_release_that_is_opened_keeps_its_notes(shop: Shop) -> None:
    shop.repository.commit("fix: a bug (#7)", {"app/changelog.d/9.added.md": "Something **new**.\n"})
    release = shop.open()
    told = shop.good("release", "notes", release).out
    assert told.startswith("# shop v1.1.0\n\n**Release Date:** ")
    assert "## Features\n- Something **new**. (\\#9)\n- Second\n\n## Fixes\n- A bug (\\#7)\n" in told
    assert "<!--" not in told


def test_a_release_is_not_opened_with_a_fragment_that_nobody_would_read(shop: Shop) -> None:
    shop.repository.commit("fix: a bug", {"app/changelog.d/9.addedd.md": "x\n"})
    done = shop.run("release", "open", "shop", by="rita")
    assert done.code == 2
    assert 'there is no type of fragment "addedd"' in done.err
