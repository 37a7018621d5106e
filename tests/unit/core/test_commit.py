"""Commit messages, the changes they tell, and the version that follows."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tidegate.core.commit as module
from tidegate.core.change import MERGE, REVERT, UNCONVENTIONAL, Change, Commit, Footer, Person
from tidegate.core.commit import changes_of
from tidegate.core.message import Message, parse_message
from tidegate.core.next_version import next_version
from tidegate.core.plain import plain
from tidegate.core.reverts import changes_from
from tidegate.core.version import Level, parse_version
from tidegate.errors import ConflictError

ALICE = Person("Alice", "alice@example.org")


def sha(letter: str) -> str:
    return (letter * 40)[:40]


def commit(message: str, name: str = "a", parents: tuple[str, ...] = ("0",)) -> Commit:
    return Commit(sha(name), tuple(sha(parent) for parent in parents), ALICE, ALICE, 0, message)


def told(*messages: str) -> list[Commit]:
    """A straight line of commits, the newest first, named d, c, b, a from there for up to four of them."""
    names = "abcdef"[: len(messages)][::-1]
    return [commit(message, name) for message, name in zip(messages, names, strict=True)]


def planned(current: str | None, *commits: Commit) -> str | None:
    version = next_version(None if current is None else parse_version(current), changes_from(commits)).version
    return None if version is None else str(version)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("feat: add x", Message("feat", "", False, "add x", "", ())),
        ("Feat(API): add x\n", Message("feat", "API", False, "add x", "", ())),
        ("fix(a/b-c)!:  drop x  ", Message("fix", "a/b-c", True, "drop x", "", ())),
        ("chore!: drop x", Message("chore", "", True, "drop x", "", ())),
        ("fix: a\r\n\r\nbody\r\n", Message("fix", "", False, "a", "body", ())),
        ("fix: a\n\none\n\ntwo\n\nRefs: #1", Message("fix", "", False, "a", "one\n\ntwo", (Footer("Refs", "#1"),))),
        ("fix: a\n\nRefs #133", Message("fix", "", False, "a", "", (Footer("Refs", "#133"),))),
        (
            "fix: a\n\nNote: this is prose\n\nand so is this",
            Message("fix", "", False, "a", "Note: this is prose\n\nand so is this", ()),
        ),
        (
            "feat: a\n\nwhy\n\nReviewed-by: Z\nRefs: #123\n\nBREAKING CHANGE: b\n  more\n\nand more\nAcked-by: Y",
            Message(
                "feat",
                "",
                False,
                "a",
                "why",
                (
                    Footer("Reviewed-by", "Z"),
                    Footer("Refs", "#123"),
                    Footer("BREAKING CHANGE", "b\n  more\n\nand more"),
                    Footer("Acked-by", "Y"),
                ),
            ),
        ),
        (
            "fix: a\n\n---------\n\nAcked-by: B <b@x.org>",
            Message("fix", "", False, "a", "", (Footer("Acked-by", "B <b@x.org>"),)),
        ),
    ],
)
def test_a_message_is_taken_apart(text: str, message: Message) -> None:
    assert parse_message(text) == message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Add x",
        "feat:no space",
        "feat : x",
        "feat(): x",
        "feat(a: x",
        "feat (a): x",
        "feat: ",
        "feat!!: x",
        ": x",
        "1: x",
        "PAY-12: x",
        "PAY-12(a)!: x",
    ],
)
def test_a_title_without_a_header_is_all_description(text: str) -> None:
    message = parse_message(text)
    assert (message.kind, message.description) == (UNCONVENTIONAL, text.strip())


@pytest.mark.parametrize(
    ("text", "breaking"),
    [
        ("feat!: x", True),
        ("feat: x\n\nBREAKING CHANGE: y", True),
        ("feat: x\n\nBREAKING-CHANGE: y", True),
        ("feat: x\n\nBREAKING CHANGE #12", True),
        ("feat: x\n\nbody\nBREAKING CHANGE: y", True),
        ("feat: x\nBREAKING CHANGE: y", True),
        ("Drop x\n\nBREAKING CHANGE: y", True),
        ("BREAKING CHANGE: y", True),
        ("feat: x\n\nBREAKING CHANGE:\nthe old one is gone", True),
        ("feat: x\n\nBREAKING CHANGE:  \n\n* the old one is gone\n\nCloses #1", True),
        ("feat: x\r\n\r\nBREAKING CHANGES:\r\n- y\r\n", True),
        ("feat: x\n\nBREAKING CHANGES: y", True),
        ("feat: x\n\nBREAKING CHANGE: None of the old names work", True),
        ("feat: x\n\nBREAKING CHANGE: none", False),
        ("feat: x\n\nBREAKING CHANGE: N/A.\n\nCloses: #1", False),
        ("feat: x\n\nBREAKING CHANGE:\n\nCloses: #1", False),
        ("feat: x\n\nBREAKING CHANGE:\n", False),
        ("feat!: x\n\nBREAKING CHANGE: none", True),
        ("feat: x\n\nbreaking change: y", False),
        ("feat: x\n\nThis is no BREAKING CHANGE: really", False),
        ("feat: x\n\nBREAKING CHANGES are none", False),
    ],
)
def test_what_is_breaking(text: str, breaking: bool) -> None:
    assert parse_message(text).breaking is breaking
    assert changes_of(commit(text))[0].breaking is breaking


@given(st.text())
def test_any_message_is_one_change_or_more_that_can_be_shown(text: str) -> None:
    for change in changes_of(commit(text)):
        assert change.summary.strip()
        shown = (change.summary + change.scope).replace("\u200c", "").replace("\u200d", "")
        assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
        assert len(change.summary) <= 400


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb\x07", "a[31mb"),
        ("a\u202eb\u2066c\u200bd\ufeff", "abcd"),
        ("a\n\tb\u2028c\u00a0d\x85e", "a b c d e"),
        ("\udcffa", "a"),
        ("👩\u200d💻 ü", "👩\u200d💻 ü"),
        ("x" * 500, "x" * 399 + "…"),
    ],
)
def test_shown_text_is_plain(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_authors_are_the_author_and_the_co_authors_each_once() -> None:
    (change,) = changes_of(
        commit(
            "fix: a\n\nCo-authored-by: Bob <bob@x.org>\nco-authored-by:Al <ALICE@example.org>\nCo-Authored-By: broken"
        )
    )
    assert change.authors == (ALICE, Person("Bob", "bob@x.org"))


@pytest.mark.parametrize(
    "trailer",
    [
        "Co-authored-by : Bob <bob@x.org>",
        "  Co-authored-by: Bob <bob@x.org>",
        "* Co-authored-by: Bob <bob@x.org>",
        "Co-Authored-By: Bob bob@x.org",
        "Co-authored-by: Bob < bob@x.org >",
        "Coauthored-by: Bob <bob@x.org>",
        "Co-authored by: Bob <bob@x.org>",
        "Co-authored-by: Bob\n <bob@x.org>",
        "Co-authored-by: Bob <bob@x.org>\r\nRefs: #1",
        "Co-authored-by: Bob <bob@x.org>.",
        "CO-AUTHORED-BY:\tBob\t<bob@x.org> (pairing)",
        "Co-authored-by: Alice <alice@example.org>, Bob <bob@x.org>",
    ],
)
def test_co_authors_are_found_however_they_are_named(trailer: str) -> None:
    """Whoever is named has a hand in it: a trailer in another spelling must not let them approve their own work."""
    (change,) = changes_of(commit(f"fix: a\n\nWhy.\n\n{trailer}\n"))
    assert change.authors == (ALICE, Person("Bob", "bob@x.org"))


def test_prose_about_co_authors_names_none() -> None:
    (change,) = changes_of(commit("fix: a\n\nIt was co-authored by bob@x.org, or so they say: nobody knows.\n"))
    assert change.authors == (ALICE,)


@pytest.mark.parametrize(
    ("text", "closes", "refs"),
    [
        ("fix: a (#12)", (), ("#12",)),
        ("fix: #12 crashes", (), ()),
        ("fix: a\n\nThis closes #1, fixes o/r#2 and resolved GH-3.", ("#1", "o/r#2", "GH-3"), ()),
        ("fix: a\n\nCloses: PAY-12, #4\nRefs: #5, #4", ("PAY-12", "#4"), ("#5",)),
        ("fix: a\n\nFixes #7", ("#7",), ()),
        ("fix: a\n\nThis fixes UTF-8 and closes the file #9.", (), ()),
    ],
)
def test_issues(text: str, closes: tuple[str, ...], refs: tuple[str, ...]) -> None:
    (change,) = changes_of(commit(text))
    assert (change.closes, change.refs) == (closes, refs)


@pytest.mark.parametrize(
    ("text", "parents", "summary"),
    [
        ("Merged PR 12: feat(a): b", (), "b"),
        ("Merged PR 12: feat(a): b", ("1", "2"), "b"),
        ("Merge pull request 'feat(a): b' (#12) from x into main", ("1", "2"), "b"),
        ('Revert "feat: b (#12)" (#13)', (), 'Revert "feat: b"'),
    ],
)
def test_a_title_that_a_code_host_wraps_tells_what_is_in_it(text: str, parents: tuple[str, ...], summary: str) -> None:
    (change,) = changes_of(commit(text, parents=parents))
    assert change.summary == summary
    assert "#12" in change.refs


def test_a_squash_lists_its_changes() -> None:
    listed = "* fix: rounding\n\nwhy\n\n* feat(tax): rules\n\nBREAKING CHANGE: other rates\n\n* note: prose\n"
    fix, feature = changes_of(commit(f"Add billing (#12)\n\n{listed}"))
    assert (fix.kind, fix.summary, fix.breaking, fix.refs) == ("fix", "rounding", False, ("#12",))
    assert (feature.kind, feature.scope, feature.breaking) == ("feat", "tax", True)


SQUASHED_BY_GIT = """\
Squashed commit of the following:

commit 3333333333333333333333333333333333333333
Merge: 1111111 2222222
Author: Bob <bob@example.org>
Date:   Tue Nov 25 10:00:00 2025 +0000

    Merge branch 'main' into topic

commit 2222222222222222222222222222222222222222 (topic)
Author: Carol <carol@example.org>
Date:   Tue Nov 25 09:00:00 2025 +0000

    Squashed commit of the following:

    commit 2121212121212121212121212121212121212121
    Author: Dan <dan@example.org>
    Date:   Tue Nov 25 08:30:00 2025 +0000

        feat(tax)!: rules

        BREAKING CHANGE: other rates

    commit 2020202020202020202020202020202020202020
    Author: Dan <dan@example.org>
    Date:   Tue Nov 25 08:00:00 2025 +0000

        feat: dropped again

commit 1111111111111111111111111111111111111111
Author: Bob <bob@example.org>
Date:   Tue Nov 25 07:00:00 2025 +0000

    just so

    Co-authored-by: Eve <eve@example.org>

commit 1010101010101010101010101010101010101010
Author: Bob <bob@example.org>
Date:   Tue Nov 25 06:00:00 2025 +0000

    fix: rounding
"""


def test_a_squash_by_git_lists_its_commits() -> None:
    changes = changes_of(commit(SQUASHED_BY_GIT))
    assert [(change.kind, change.summary, change.breaking) for change in changes] == [
        ("fix", "rounding", False),
        ("", "just so", False),
        ("feat", "dropped again", False),
        ("feat", "rules", True),
    ]
    people = {person.email.partition("@")[0] for change in changes for person in change.authors}
    assert people >= {"bob", "carol", "dan", "eve"}


def test_a_squash_by_git_may_have_a_title_of_its_own() -> None:
    own, *listed = changes_of(commit(f"feat: billing\n\n{SQUASHED_BY_GIT}\nRefs: #12\n"))
    assert (own.kind, own.summary, own.refs) == ("feat", "billing", ("#12",))
    assert [change.summary for change in listed] == ["rounding", "just so", "dropped again", "rules"]


@pytest.mark.parametrize("rest", ["", "\n\nnothing is listed\n", "\n\n    commit no name\n"])
def test_a_squash_by_git_that_lists_nothing_is_told_by_its_title(rest: str) -> None:
    (change,) = changes_of(commit(f"Squashed commit of the following:{rest}"))
    assert (change.kind, change.summary) == ("", "Squashed commit of the following:")


def test_what_a_squash_took_back_itself_does_not_count() -> None:
    gone = f"This reverts commit {sha('9')}."
    listed = (
        f'* feat: a\n\n* Revert "feat: a"\n\n{gone}\n\n* fix: c\n\n* feat(x): d (#4)\n\n* Revert "fix: old"\n\n{gone}\n'
    )
    changes = changes_from([commit(f"Add the thing (#3)\n\n{listed}")])
    assert [(change.kind, change.void) for change in changes] == [
        ("feat", "reverted in the same squash"),
        ("revert", "reverts what the same squash lists"),
        ("fix", ""),
        ("feat", ""),
        ("revert", ""),
    ]
    again = '* feat(x): d (#4)\n\n* Revert "feat(x): d"\n\n* Revert "Revert "feat(x): d""\n'
    first, *others = changes_from([commit(f"Add it\n\n{again}")])
    assert (first.void, all(change.void for change in others)) == ("", True)


def test_a_squash_does_not_take_back_what_is_not_of_its_branch() -> None:
    listed = f'* Revert "feat: x"\n\nThis reverts commit {sha("a")}.\n\n* fix: c\n'
    changes = changes_from(told(f"Tidy up (#3)\n\n{listed}", "feat: x"))
    assert [(change.kind, change.void) for change in changes] == [("revert", ""), ("fix", ""), ("feat", "")]


def test_a_squash_that_lists_its_own_title_tells_it_once() -> None:
    changes = changes_of(commit("feat: a (#3)\n\n* feat: a\n\n* fix: b\n"))
    assert [(change.kind, change.summary) for change in changes] == [("feat", "a"), ("fix", "b")]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Merge branch 'x'", MERGE),
        ("Merge pull request #9 from a/b\n\nfeat: c", "feat"),
        ("Merge branch 'x' into 'main'\n\nfix: c\n\nSee merge request a!1", "fix"),
        ("feat: merged", "feat"),
        ("Merge x\n\nsome text\n\nfeat: too late", MERGE),
        ("Merged PR 12: fix(api): c", "fix"),
        ("Merged PR 12: c\n\nfeat: d", "feat"),
        ("Merged PR 12: c", MERGE),
        ("Merge pull request 'feat(ui): it''s new' (#12) from a/b into main", "feat"),
        ("Merge pull request 'c' (#12) from a/b into main", MERGE),
        ("Merge pull request 'Revert \"feat: x\"' (#12) from a/b into main", "revert"),
    ],
)
def test_the_kind_of_a_merge(text: str, kind: str) -> None:
    assert changes_of(commit(text, parents=("b", "c")))[0].kind == kind


@pytest.mark.parametrize(
    ("current", "messages", "expected"),
    [
        ("1.0.0", [f'Revert "feat: x"\n\nThis reverts commit {sha("a")}.', "feat: x"], None),
        ("1.0.0", [f'Revert "feat: x"\n\nThis reverts commit {"a" * 8}.', "feat: x"], None),
        ("1.0.0", ['Revert "feat: x (#5)" (#6)\n\nReverts o/r#5', "feat: x (#5)"], None),
        ("1.0.0", ['Revert "feat: x"', "feat: x"], None),
        ("1.0.0", [f"revert: x was wrong\n\nRefs: {sha('a')}", "feat: x"], None),
        ("1.0.0", [f"revert: both\n\nRefs: {sha('a')}, {sha('b')}", "fix: y", "feat: x"], None),
        # Of released work.
        ("1.0.0", [f'Revert "feat: x"\n\nThis reverts commit {sha("9")}.'], "1.0.1"),
        ("1.0.0", ["revert: x was wrong"], "1.0.1"),
        ("1.0.0", [f'Revert "feat: x"\n\nThis reverts commit {sha("9")}.', "feat: x"], "1.1.0"),
        ("1.0.0", [f"revert: both\n\nRefs: {sha('9')}, {sha('a')}", "feat: x"], "1.0.1"),
        # Reverted reverts.
        (
            "1.0.0",
            [
                f'Reapply "feat: x"\n\nThis reverts commit {sha("b")}.',
                f'Revert "feat: x"\n\nThis reverts commit {sha("a")}.',
                "feat: x",
            ],
            "1.1.0",
        ),
        ("1.0.0", [f'Reapply "feat: x"\n\nThis reverts commit {sha("9")}.'], "1.1.0"),
        ("1.0.0", [f'Revert "Revert "feat!: x""\n\nThis reverts commit {sha("9")}.'], "2.0.0"),
        ("1.0.0", [f'Reapply "feat!: x"\n\nThis reverts commit {sha("9")}.'], "2.0.0"),
        ("1.0.0", [f'Reapply "Drop x"\n\nThis reverts commit {sha("9")}.'], "1.0.1"),
        # Of several at once.
        ("1.0.0", [f"revert: both\n\nThis reverts commits {sha('b')} and {sha('a')}.", "fix: y", "feat: x"], None),
        (
            "1.0.0",
            [f"Undo\n\nThis reverts commits {sha('b')}, {sha('9')}, and {sha('a')}.", "fix: y", "feat: x"],
            "1.0.1",
        ),
        # As Azure DevOps writes them.
        ("1.0.0", ['Merged PR 14: Revert "feat: x"\n\nReverts !12', "Merged PR 12: feat: x"], None),
        ("1.0.0", ['Merged PR 14: Revert "feat: x"', "Merged PR 12: feat: x"], None),
        ("1.0.0", ["Merged PR 12: feat: x\n\nRelated work items: #3"], "1.1.0"),
        # The whole title of what is taken back; other words name nothing.
        ("1.0.0", ["revert: feat: x", "feat: x (#12)"], None),
        ("1.0.0", ['revert(shop): "feat(shop)!: x" (#13)', "feat(shop)!: x"], None),
        ("1.0.0", ["revert: revert: feat: x", "revert: feat: x", "feat: x"], "1.1.0"),
        ("1.0.0", ["revert: feat: y", "feat: x"], "1.1.0"),
        ("1.0.0", ["revert: x", "feat: x"], "1.1.0"),
        # A revert cannot take back what is younger, nor itself.
        ("1.0.0", ["feat: x", 'Revert "feat: x"'], "1.1.0"),
        ("1.0.0", [f"fix: a\n\nThis reverts commit {sha('a')}."], "1.0.1"),
        ("1.0.0", [f"feat: a\n\n(cherry picked from commit {sha('a')})", "feat: a"], "1.1.0"),
    ],
)
def test_what_is_taken_back(current: str, messages: list[str], expected: str | None) -> None:
    commits = told(*messages)
    assert planned(current, *commits) == expected
    assert {change.sha for change in changes_from(commits)} == {one.sha for one in commits}, "nothing is dropped"


def test_a_copy_is_counted_once() -> None:
    changes = changes_from(told(f"feat: a\n\n(cherry picked from commit {sha('a')})", "feat: a"))
    assert [change.void for change in changes] == [f"a copy of {'a' * 10}", ""]


def test_an_ambiguous_short_name_takes_nothing_back() -> None:
    twins = [Commit("a" * 39 + end, (), ALICE, ALICE, 0, "feat: x") for end in "01"]
    revert = commit(f"fix: z\n\nThis reverts commit {'a' * 8}.", "b")
    assert planned("1.0.0", revert, *twins) == "1.1.0"


def told_by(message: str) -> list[str]:
    """What one commit changes, as kinds and summaries; with a mark where it breaks something."""
    return [f"{one.kind}{'!' if one.breaking else ''}: {one.summary}" for one in changes_of(commit(message))]


def test_a_squash_that_lists_its_messages_one_after_the_other_is_read_whole() -> None:
    message = (
        "feat: invoices (#3)\n\nWhy we want them.\n\nfix(api): round cents\n\nBREAKING CHANGE: cents are gone\n\n"
        "feat: invoices\n\ndocs: say how\n\nSigned-off-by: Alice <alice@example.org>\n"
    )
    assert told_by(message) == ["feat: invoices", "fix!: round cents", "docs: say how"]


@pytest.mark.parametrize("text", ["no longer crash on nothing", "404 after a login", "not found in `x`", "as-of dates"])
def test_a_title_in_a_squash_may_begin_with_any_word(text: str) -> None:
    assert told_by(f"feat: x\n\nfix: {text}\n") == ["feat: x", f"fix: {text}"]


@pytest.mark.parametrize(
    "body",
    [
        "note: this was hard to find",
        "docs: not needed here",
        "test: no tests for this",
        "fix: see above",
        "fix: #12",
        "Fixes: the rounding of cents",
        "docs: https://example.org/a page",
        "perf: it is twice as fast now.",
        "test: run the suite\nfix: then look at it",
        "It was like this:\nfix: rounding of cents",
        "```\n\nfix: an example of a title\n\n```",
        "Reviewed-by: Bob <bob@example.org>",
        "    fix: indented as code is",
    ],
)
def test_a_line_of_prose_that_looks_like_a_title_is_none(body: str) -> None:
    assert told_by(f"feat: x\n\n{body}\n\nMore of it.\n") == ["feat: x"]
    assert told_by(f"feat: x\n\n{body}\n") == ["feat: x"]
    assert told_by(f"Tidy up\n\n{body.removeprefix('note')}\n\nfix: rounding of cents\n") == [": Tidy up"]


QUOTED = """\
BREAKING CHANGE: node 12 is gone

* feat!: another shape

Fixes #77, this reverts commit aaaaaaa.

Co-authored-by: Eve <eve@example.org>
"""


@pytest.mark.parametrize(
    "around",
    [
        "<details>\n<summary>Release notes</summary>\n\n{}\n</details>",
        "<details>\n<details>\n\n{}\n</details>\n</details>",
        "<DETAILS open>\n<blockquote>\n{}\n</blockquote>\n</DETAILS>",
        "<!--\n{}\n-->",
        "```text\n{}\n```",
        "~~~\n{}\n~~~",
    ],
)
def test_what_a_message_quotes_of_another_project_is_nothing_of_ours(around: str) -> None:
    quoted = around.format(QUOTED)
    (change,) = changes_of(commit(f"fix(deps): update x to 2\r\n\r\n{quoted}\n\nRefs: #5\n"))
    assert (change.kind, change.breaking, change.closes, change.refs) == ("fix", False, (), ("#5",))
    assert change.authors == (ALICE,)
    assert planned("1.0.0", commit(f"Revert x\n\n{quoted}", "c"), commit("feat: x")) == "1.1.0"
    (own,) = changes_of(commit(f"fix(deps): update x to 2\n\n{quoted}\n\nBREAKING CHANGE: ours too\n"))
    assert own.breaking_notes == ("ours too",)


@pytest.mark.parametrize("text", ["<details>", "```", "<!--", "</details>", "`<details>` and `</details>`"])
def test_a_quotation_that_never_ends_hides_nothing(text: str) -> None:
    assert told_by(f"fix: x\n\n{text}\n\nBREAKING CHANGE: ours\n") == ["fix!: x"]


def standing(commits: list[Commit]) -> list[str]:
    """The names of the commits of a whole range that count."""
    changes = changes_from(commits, {commit.sha: commit.parents for commit in commits})
    return sorted({change.sha[0] for change in changes if not change.void})


def test_nobody_takes_back_what_is_not_there() -> None:
    base = commit("chore: begin", "a", ())
    feature = commit("feat: of the topic", "b", ("a",))
    false = commit(f"fix: z\n\nThis reverts commit {feature.sha}.", "c", ("a",))
    titled = commit('Revert "feat: of the topic"', "d", ("c",))
    merge = commit("Merge branch 'topic'", "e", ("d", "b"))
    assert standing([merge, titled, false, feature, base]) == ["a", "b", "c", "d", "e"]
    after = commit(f"fix: z\n\nThis reverts commit {feature.sha}.", "f", ("e",))
    assert standing([after, merge, titled, false, feature, base]) == ["a", "c", "d", "e"]


def test_the_revert_that_was_copied_takes_back_the_copy() -> None:
    base = commit("chore: begin", "a", ())
    feature = commit("feat: tried", "b", ("a",))
    back = commit(f'Revert "feat: tried"\n\nThis reverts commit {feature.sha}.', "c", ("b",))
    copy = commit(f"feat: tried\n\n(cherry picked from commit {feature.sha})", "d", ("a",))
    copied_back = commit(f"{back.message}\n\n(cherry picked from commit {back.sha})", "e", ("d",))
    assert standing([copied_back, copy, base]) == ["a"]
    merge = commit("Merge branch '1.x'", "f", ("c", "e"))
    assert standing([merge, copied_back, copy, back, feature, base]) == ["a", "f"]


def test_a_feature_that_replaces_another_is_told() -> None:
    feature = commit("feat: one way", "b")
    other = commit(f"feat: another way\n\nThis reverts commit {feature.sha}.", "c")
    assert [change.void for change in changes_from([other, feature])] == ["", f"reverted by {other.sha[:10]}"]


@pytest.mark.parametrize(
    ("current", "messages", "expected"),
    [
        (None, [], None),
        (None, ["chore: begin"], "0.1.0"),
        ("1.0.0", [], None),
        ("1.0.0", ["chore: x", "docs: y", "wip: z", "Just so"], None),
        ("1.0.0", ["fix: x", "perf: y"], "1.0.1"),
        ("1.0.0", ["security: x"], "1.0.1"),
        ("1.0.0", ["fix: x\n\nDeprecated: the old way, until 2.0.0"], "1.1.0"),
        ("1.0.0", ["fix: x", "feat: y"], "1.1.0"),
        ("1.0.0", ["feat: y", "refactor!: x"], "2.0.0"),
        ("0.3.1", ["feat!: y"], "0.4.0"),
    ],
)
def test_the_next_version(current: str | None, messages: list[str], expected: str | None) -> None:
    assert planned(current, *told(*messages)) == expected


def test_each_change_has_its_reason() -> None:
    commits = told("Just so", "docs: d", "fix: c\n\nDeprecated: e", "feat!: b", "feat: a")
    answer = next_version(parse_version("0.3.1"), changes_from(commits))
    assert [(reason.level, reason.why) for reason in answer.reasons] == [
        (Level.NONE, "its title follows no convention, so it asks for nothing: look at it"),
        (Level.NONE, "docs asks for nothing"),
        (Level.MINOR, "it deprecates something"),
        (Level.MAJOR, "a breaking change"),
        (Level.MINOR, "feat asks for minor"),
    ]
    assert answer.why == (
        "the highest level asked for since 0.3.1 is major, and in initial development a breaking change raises the "
        "minor number"
    )


@pytest.mark.parametrize(
    ("prerelease", "messages", "expected"),
    [
        ("2.0.0-rc.1", ["fix: x", "feat!: y"], "2.0.0"),
        ("2.0.0-rc.1", ["fix: x"], "2.0.0"),
        ("1.1.0-rc.1", ["feat!: x"], "2.0.0"),
        ("1.1.0-rc.1", ["chore: x"], "1.1.0"),
        ("0.9.0-rc.1", ["fix: x"], "1.0.1"),
    ],
)
def test_a_prerelease_has_announced_its_final_version(prerelease: str, messages: list[str], expected: str) -> None:
    changes = changes_from(told(*messages))
    answer = next_version(parse_version("1.0.0"), changes, prerelease=parse_version(prerelease))
    assert str(answer.version) == expected


def test_a_version_that_exists_on_another_line_is_not_given_again() -> None:
    taken = [parse_version(text) for text in ("1.1.0", "1.2.0-rc.1")]
    with pytest.raises(ConflictError) as caught:
        next_version(parse_version("1.0.0"), changes_from(told("feat: x")), taken=taken)
    assert str(caught.value) == "the changes since 1.0.0 ask for 1.1.0, and 1.1.0 is tagged already, on another line"
    assert caught.value.remedy == (
        "Merge the line of 1.1.0 first, or release from it; a hotfix line takes fixes only. If what was tagged has been"
        " rewritten since (git commit --amend, git rebase), go back to it, or release another version."
    )
    assert str(next_version(parse_version("1.1.0"), changes_from(told("feat: x")), taken=taken).version) == "1.2.0"


changes = st.builds(
    Change,
    kind=st.sampled_from(["feat", "fix", "docs", UNCONVENTIONAL, REVERT]),
    scope=st.just(""),
    breaking=st.booleans(),
    summary=st.just("x"),
    sha=st.just(sha("a")),
    authors=st.just((ALICE,)),
    void=st.sampled_from(["", "reverted"]),
)


@given(st.lists(changes).flatmap(lambda found: st.tuples(st.just(found), st.permutations(found))))
def test_the_order_of_changes_does_not_decide_the_version(pair: tuple[list[Change], list[Change]]) -> None:
    current = parse_version("1.2.3")
    assert next_version(current, pair[0]).version == next_version(current, pair[1]).version


@given(st.lists(changes), changes)
def test_one_more_change_never_lowers_the_version(found: list[Change], more: Change) -> None:
    current = parse_version("1.2.3")
    before = next_version(current, found).version or current
    after = next_version(current, [*found, more]).version or current
    assert after >= before


@pytest.mark.parametrize(
    "hostile",
    [
        "co-authored-by:" + "\t" * 100_000,
        "x\n\n" + " " * 100_000 + "co-authored-by" + " " * 100_000,
        "co-authored-by:" + "\n x" * 50_000,
        "co-authored-by:" + "a@" * 50_000,
        "fix" + " " * 100_000 + ": x",
        'Revert "' * 20_000,
        "closes " * 20_000,
        "a/" * 50_000 + "#",
        "fix: x\n\n" + "Refs: #1\n\n" * 10_000,
        "fix: x\n\n" + "* fix: y\n" * 10_000,
        "x\n\n" + '* Revert "fix: y"\n' * 10_000,
        "BREAKING CHANGE: x\n" * 10_000,
    ],
    ids=[
        "coauthor",
        "indented",
        "folded",
        "address",
        "header",
        "revert",
        "closes",
        "issue",
        "footers",
        "items",
        "reverts",
        "breaking",
    ],
)
def test_long_hostile_messages_are_read_in_one_pass(hostile: str) -> None:
    """With a quadratic expression this would not end within the suite's patience."""
    assert changes_from([commit(hostile)])


_TITLES = [
    "feat: x",
    "fix(a b)!: y (#12)",
    "Feat:z",
    "Tidy up (#3)",
    'Revert "feat: x"',
    "Remove: it",
    "feat: a #4",
    "feat: fixes #4",
    " feat: x",
    "* feat: x",
    "BREAKING-CHANGE: x",
    "Merge pull request #9 from a/b",
    "Merge pull request 'feat: x' (#9) from a/b",
    "Merged PR 9: feat: x",
    'Reapply "feat: x"',
    "Co-authored-by: Bob <bob@x.y>",
    "",
    "x",
]
_PIECES = [
    *(
        "",
        "prose that goes on",
        "more\nof it",
        "a: b",
        "* fix: item",
        "see #9",
        "GH-4",
        "---",
        "This reverts commit abcdef1",
        "feat(inner)!: title (#3)",
        "fix: inner, closes #5",
    ),
    *(
        "Refs: #6139",
        "Closes #14",
        "closes: PAY-1, #2",
        "Co-authored-by: Bob <bob@x.y>",
        "BREAKING CHANGE: all",
        "Refs: #1\n  more",
    ),
    *("Signed-off-by: A <a@x.y>\nRefs: #7", "Refs #8\r", "Deprecated: the old way", "fixes #11 and #12", "word #5"),
]


@settings(max_examples=1000)
@given(
    title=st.sampled_from(_TITLES) | st.text(max_size=12) | st.sampled_from(["\x1b", "feat: \x1b", "\ufeff"]),
    pieces=st.lists(st.sampled_from(_PIECES) | st.text(max_size=12), max_size=4),
    ends=st.sampled_from(["\n\n", "\n"]),
    parents=st.integers(min_value=0, max_value=2),
)
def test_most_messages_are_read_in_a_short_way_that_says_what_the_long_one_says(
    title: str, pieces: list[str], ends: str, parents: int
) -> None:
    person = Person("Alice", "alice@example.org")
    made = Commit("a" * 40, tuple("pq"[:parents]), person, person, 0, ends.join([title, *pieces]))
    short = module._plain_change(made)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_plain_change", lambda _: None)
        long = changes_of(made)
    assert short is None or (short,) == long


@pytest.mark.parametrize(
    ("message", "kind", "breaking"),
    [(" feat: x", "feat", False), ("* feat: x", "feat", False), ("BREAKING-CHANGE: x", "breaking-change", True)],
)
def test_a_title_alone_is_read_as_one_with_a_body(message: str, kind: str, breaking: bool) -> None:
    found = changes_of(Commit("a" * 40, (), ALICE, ALICE, 0, message))
    assert [(change.kind, change.breaking, change.summary) for change in found] == [(kind, breaking, "x")]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Merged in feature/x (pull request #12)\n\nfeat: x y\n\nApproved-by: Bob", "feat: x y"),
        ("Merge pull request #9 from bob/topic\n\nfeat!: x y", "feat!: x y"),
        ("Merge branch 'x' into 'main'\n\nfix: x y\n\nSee merge request g/p!12", "fix: x y"),
        ("Pull request #12: feat: x y\n\nMerge in PRJ/repo from feature/x to main", "feat: x y"),
        ("Merge branch 'x'\n\nSee feat: x", ": Merge branch 'x'"),
        ("Merge the two ways\n\nfeat: x", ": Merge the two ways"),
        ("Pull request #12: tidy up", ": Pull request #12: tidy up"),
    ],
)
def test_a_merge_that_is_none_any_more_still_has_its_title(message: str, expected: str) -> None:
    assert told_by(message) == [expected]


def test_the_pull_request_in_a_wrapped_title_is_its_reference() -> None:
    assert changes_of(commit("Pull request #12: feat: x y"))[0].refs == ("#12",)


def test_what_breaks_may_stand_below() -> None:
    (change,) = changes_of(commit("feat: x\n\nBREAKING CHANGE:\n\nThe old name\nis gone.\n\nCloses: #1\n"))
    assert (change.breaking_notes, change.closes) == (("The old name is gone.",), ("#1",))
