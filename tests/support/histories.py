"""The histories by which release tools are told apart, S1 to S14, and those that follow from them; each a short story.

Each says what is right: the next version, what is not released yet, and which release each change came with. The
theory is in docs/explanation/versions.md: a commit belongs to the lowest release that contains it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.support.gitstories import GitStory

Told = Sequence[str]


@dataclass(frozen=True, slots=True)
class Case:
    """A history, the question that is asked of it, and the right answers.

    Args:
        next: the next final version; None where nothing asks for a release.
        unreleased: the summaries of the changes that count, that a user notices and that no release contains, in any
            order.
        since: the same for what the last release does not contain, where a lower one contains it; empty where that
            is the same.
        released: the same by tag, for each final release.
        pre: the next pre-release by channel.
    """

    name: str
    tell: Callable[[GitStory], None]
    next: str | None
    unreleased: Told
    released: Mapping[str, Told] = field(default_factory=dict)
    at: str = "main"
    path: str = "."
    tag_format: str = "v{version}"
    pre: Mapping[str, str] = field(default_factory=dict)
    since: Told = ()


def _s1(story: GitStory) -> None:
    base = story.commit("feat: begin", {"a": "1"})
    topic = story.commit("feat: from the branch", {"b": "1"}, branch="topic", start=base)
    story.tag("v1.0.0", story.commit("fix: released", {"a": "2"}))
    story.commit("Merge branch 'topic'", {"b": "1"}, merge=[topic])


def _s2(story: GitStory) -> None:
    first = story.commit("feat: begin", {"a": "1"})
    story.tag("v1.0.0", first)
    story.tag("v1.1.0", story.commit("feat: second", {"a": "2"}))
    story.commit("fix: urgent", {"a": "3"}, branch="1.0.x", start=first)


def _s3(story: GitStory) -> None:
    story.tag("v1.0.0", story.commit("feat: begin", {"a": "1"}))
    story.tag("v2.0.0-rc.1", story.commit("feat!: another shape", {"a": "2"}))
    story.commit("fix: found in the candidate", {"a": "3"})


def _s4(story: GitStory) -> None:
    story.tag("billing-v2.1.0", story.commit("feat: begin", {"billing/a": "1", "tax/a": "1"}))
    story.commit("feat: in the other module", {"tax/a": "2"})


def _s5(story: GitStory) -> None:
    story.tag("v1.0.0", story.commit("feat: begin", {"a": "1"}))
    feature = story.commit("feat: tried", {"a": "2"})
    story.commit(f'Revert "feat: tried"\n\nThis reverts commit {feature}.\n', {"a": "1"})


def _s6(story: GitStory) -> None:
    base = story.commit("feat: begin", {"a": "1"})
    story.tag("v1.0.0", base)
    topic = story.commit("work in progress", {"b": "1"}, branch="topic", start=base)
    story.commit("Merge pull request #9 from example/topic\n\nfeat: told by the merge\n", {"b": "1"}, merge=[topic])


def _s7(story: GitStory) -> None:
    story.tag("v1.0.0", story.commit("feat: begin", {"a": "1"}))
    story.commit("Invoices (#12)\n\n* fix: rounding\n\n* feat: recurring invoices\n", {"a": "2"})


def _s8(story: GitStory) -> None:
    story.tag("v1.0.0", story.commit("feat: begin", {"a": "1"}))
    story.commit("fix: the interface\n\nBREAKING-CHANGE: the old one is gone\n", {"a": "2"})


def _s9(story: GitStory) -> None:
    story.tag("v0.3.1", story.commit("feat: begin", {"a": "1"}))
    story.commit("feat!: another shape", {"a": "2"})


def _s10(story: GitStory) -> None:
    first = story.commit("feat: begin", {"a": "1"})
    story.tag("v1.0.0", first)
    story.tag("v1.1.0", story.commit("feat: second", {"a": "2"}))
    hotfix = story.commit("fix: urgent", {"h": "1"}, branch="1.0.x", start=first)
    story.tag("v1.0.1", hotfix, annotated=True)
    story.commit("Merge branch '1.0.x'", {"h": "1"}, merge=[hotfix])
    story.commit("feat: third", {"a": "3"})


def _s11(story: GitStory) -> None:
    first = story.commit("feat: begin", {"a": "1"})
    story.tag("v1.0.0", first)
    story.commit("feat: on develop", {"d": "1"}, branch="develop", start=first)
    hotfix = story.commit("fix: urgent", {"h": "1"})
    story.tag("v1.0.1", hotfix)
    story.commit("Merge branch 'main' into develop", {"h": "1"}, branch="develop", merge=[hotfix])


def _s12(story: GitStory) -> None:
    base = story.commit("feat: begin", {"a": "1"})
    story.tag("v1.0.0", base)
    topic = story.commit("feat: told by the topic", {"b": "1"}, branch="topic", start=base)
    story.commit("Merge pull request #9 from example/topic\n", {"b": "1"}, merge=[topic])


def _s13(story: GitStory) -> None:
    story.tag("v1.0.0", story.commit("feat: begin", {"a": "1"}))
    story.tag("v1.1.0-alpha.1", story.commit("feat: in the alpha", {"a": "2"}))
    story.commit("fix: after the alpha", {"a": "3"})


def _s13_final(story: GitStory) -> None:
    _s13(story)
    story.tag("v1.1.0-beta.1", story.commit("fix: in the beta", {"a": "4"}))
    story.tag("v1.1.0", story.commit("docs: say it", {"a": "5"}))
    story.commit("fix: afterwards", {"a": "6"})


def _s14(story: GitStory) -> None:
    base = story.commit("chore: begin", {"identity/x": "1", "other": "1"})
    topic = story.commit("feat: released", {"identity/x": "2"}, branch="topic", start=base)
    story.commit("chore: beside it", {"other": "2"})
    merge = story.commit("Merge pull request #1 from example/topic\n", {"identity/x": "2"}, merge=[topic])
    story.tag("platform-identity-v6.2.0", merge)
    story.commit("feat: next", {"identity/x": "3"})


def _revert_of_released(story: GitStory) -> None:
    feature = story.commit("feat: begin", {"a": "1"})
    story.tag("v1.0.0", feature)
    story.commit(f'Revert "feat: begin"\n\nThis reverts commit {feature}.\n', {"a": "0"})


def _revert_of_revert(story: GitStory) -> None:
    story.tag("v1.0.0", story.commit("feat: begin", {"a": "1"}))
    feature = story.commit("feat: tried", {"a": "2"})
    back = story.commit(f'Revert "feat: tried"\n\nThis reverts commit {feature}.\n', {"a": "1"})
    story.commit(f'Reapply "feat: tried"\n\nThis reverts commit {back}.\n', {"a": "2"})


def _revert_of_merge(story: GitStory) -> None:
    base = story.commit("feat: begin", {"a": "1"})
    story.tag("v1.0.0", base)
    topic = story.commit("feat: of the topic", {"b": "1"}, branch="topic", start=base)
    story.commit("fix: meanwhile", {"a": "2"})
    merge = story.commit("Merge branch 'topic'", {"b": "1"}, merge=[topic])
    text = f"Revert \"Merge branch 'topic'\"\n\nThis reverts commit {merge}, reversing\nchanges made to {base}.\n"
    story.commit(text, {"b": None})


def _feature_and_revert_in_different_releases(story: GitStory) -> None:
    story.tag("v1.0.0", story.commit("feat: begin", {"a": "1"}))
    feature = story.commit("feat: tried", {"a": "2"})
    story.tag("v1.1.0", feature)
    story.tag("v1.1.1", story.commit(f'Revert "feat: tried"\n\nThis reverts commit {feature}.\n', {"a": "1"}))


def _two_lines(story: GitStory) -> None:
    """1.0.1 and 1.0.2 are tagged after 2.0.0, and only the first is merged back into it."""
    first = story.commit("feat: begin", {"a": "1"})
    story.tag("v1.0.0", first)
    one = story.commit("fix: urgent", {"h": "1"}, branch="1.0.x", start=first)
    story.commit("feat!: another shape", {"a": "2"})
    story.tag("v2.0.0", story.commit("Merge branch '1.0.x'", {"h": "1"}, merge=[one]))
    story.tag("v1.0.1", one, annotated=True)
    story.tag("v1.0.2", story.commit("fix: more", {"h": "2"}, branch="1.0.x"))
    story.commit("fix: later", {"a": "3"})


def _foreign_tags(story: GitStory) -> None:
    base = story.commit("feat: begin", {"a": "1"})
    for name in ("v1.0.0", "v7", "nightly-v9.0.0", "v1.0.0.1", "release/v8.0.0", "9.0.0"):
        story.tag(name, base)
    story.commit("fix: small", {"a": "2"})


def _squash_repeats_itself(story: GitStory) -> None:
    story.tag("v1.0.0", story.commit("feat: begin", {"a": "1"}))
    story.commit("feat: invoices (#3)\n\n* feat: invoices\n\n* fix: rounding\n\n* tidy up\n", {"a": "2"})


def _picked(sha: str) -> str:
    return f"\n\n(cherry picked from commit {sha})\n"


def _copy_released_and_merged_back(story: GitStory) -> None:
    base = story.commit("feat: begin", {"a": "1"})
    fix = story.commit("fix: urgent", {"a": "2"})
    copy = story.commit(f"fix: urgent{_picked(fix)}", {"a": "2"}, branch="1.0.x", start=base)
    story.tag("v1.0.0", base)
    story.tag("v1.0.1", copy)
    story.commit("Merge branch '1.0.x'", merge=[copy])


def _copy_for_an_older_line_merged_back(story: GitStory) -> None:
    base = story.commit("feat: begin", {"a": "1"})
    fix = story.commit("fix: urgent", {"a": "2"})
    story.tag("v1.1.0", story.commit("feat: second", {"b": "1"}))
    copy = story.commit(f"fix: urgent{_picked(fix)}", {"a": "2"}, branch="1.0.x", start=base)
    story.tag("v1.0.0", base)
    story.tag("v1.0.1", copy)
    story.commit("Merge branch '1.0.x'", merge=[copy])


def _copy_brings_back(story: GitStory) -> None:
    story.tag("v1.0.0", story.commit("feat: begin", {"a": "1"}))
    feature = story.commit("feat: tried", {"b": "1"})
    story.commit(f'Revert "feat: tried"\n\nThis reverts commit {feature}.\n', {"b": None})
    story.commit(f"feat: tried{_picked(feature)}", {"b": "1"})


def _copy_brings_back_what_a_release_dropped(story: GitStory) -> None:
    feature = story.commit("feat: begin", {"a": "1"})
    story.tag("v1.0.0", feature)
    revert = story.commit(f'Revert "feat: begin"\n\nThis reverts commit {feature}.\n', {"a": None})
    story.tag("v1.0.1", revert)
    story.commit(f"feat: begin again{_picked(feature)}", {"a": "1"})


def _copy_taken_back_before_its_release(story: GitStory) -> None:
    base = story.commit("feat: begin", {"a": "1"})
    feature = story.commit("feat: tried", {"b": "1"})
    copy = story.commit(f"feat: tried{_picked(feature)}", {"b": "1"}, branch="1.0.x", start=base)
    story.commit(f'Revert "feat: tried"\n\nThis reverts commit {copy}.\n', {"b": None}, branch="1.0.x")
    last = story.commit("fix: other", {"c": "1"}, branch="1.0.x")
    story.tag("v1.0.0", base)
    story.tag("v1.0.1", last)
    story.commit("Merge branch '1.0.x'", {"c": "1"}, merge=[last])


def _original_taken_back_before_its_release(story: GitStory) -> None:
    base = story.commit("feat: begin", {"a": "1"})
    feature = story.commit("feat: tried", {"b": "1"})
    story.commit(f'Revert "feat: tried"\n\nThis reverts commit {feature}.\n', {"b": None})
    second = story.commit("feat: second", {"c": "1"})
    copy = story.commit(f"feat: tried{_picked(feature)}", {"b": "1"}, branch="1.0.x", start=base)
    for tag, commit in (("v1.0.0", base), ("v1.0.1", copy), ("v1.1.0", second)):
        story.tag(tag, commit)
    story.commit("Merge branch '1.0.x'", {"b": "1"}, merge=[copy])


def _revert_of_what_a_copy_released(story: GitStory) -> None:
    base = story.commit("feat: begin", {"a": "1"})
    fix = story.commit("feat: tried", {"a": "2"})
    copy = story.commit(f"feat: tried{_picked(fix)}", {"a": "2"}, branch="1.1.x", start=base)
    story.tag("v1.0.0", base)
    story.tag("v1.1.0", copy)
    story.commit("Merge branch '1.1.x'", merge=[copy])
    story.commit(f'Revert "feat: tried"\n\nThis reverts commit {fix}.\n', {"a": "1"})


def _unmarked_copy_released_and_merged_back(story: GitStory) -> None:
    base = story.commit("feat: begin", {"a": "1"})
    fix = story.commit("fix: urgent", {"a": "2"})
    story.tag("v1.0.0", base)
    copy = story.commit("fix: urgent", {"a": "2"}, branch="1.0.x", start=base, written=fix)
    story.tag("v1.0.1", copy)
    story.commit("Merge branch '1.0.x'", merge=[copy])


def _unmarked_copy_for_an_older_line_merged_back(story: GitStory) -> None:
    base = story.commit("feat: begin", {"a": "1", "b": "1"})
    story.commit("feat: second", {"a": "1, grown"})
    fix = story.commit("fix: urgent", {"a": "2, grown", "late": "1"})
    story.tag("v1.1.0", fix)
    # What the older line does not have was left out.
    signed = "fix: urgent\n\nSigned-off-by: Bob Example <bob@example.org>\n"
    copy = story.commit(signed, {"a": "2"}, branch="1.0.x", start=base, written=fix)
    story.tag("v1.0.0", base)
    story.tag("v1.0.1", copy)
    story.commit("Merge branch '1.0.x'", merge=[copy])


def _unmarked_copy_merged_back_unreleased(story: GitStory) -> None:
    base = story.commit("feat: begin", {"a": "1"})
    story.tag("v1.0.0", base)
    fix = story.commit("fix: urgent", {"a": "2"})
    copy = story.commit("fix: urgent", {"a": "2"}, branch="topic", start=base, written=fix)
    story.commit("Merge branch 'topic'", merge=[copy])


def _unmarked_copy_of_another_branch_never_merged(story: GitStory) -> None:
    base = story.commit("feat: begin", {"a": "1"})
    story.tag("v1.0.0", base)
    fix = story.commit("fix: urgent", {"a": "2"})
    story.tag("v1.0.1", story.commit("fix: urgent", {"a": "2"}, branch="1.0.x", start=base, written=fix))
    story.commit("feat: next", {"b": "1"})


def _unmarked_copy_brings_back(story: GitStory) -> None:
    feature = story.commit("feat: begin", {"a": "1"})
    story.tag("v1.0.0", feature)
    story.tag("v1.0.1", story.commit(f'Revert "feat: begin"\n\nThis reverts commit {feature}.\n', {"a": None}))
    story.commit("feat: begin", {"a": "1"}, written=feature)


def _amended_after_its_release(story: GitStory) -> None:
    base = story.commit("feat: begin", {"a": "1"})
    story.tag("v1.0.0", base)
    first = story.commit("fix: urgent", {"a": "2"}, branch="1.0.x", start=base)
    story.tag("v1.0.1", first)
    amended = story.commit("fix: urgent", {"a": "2, complete"}, written=first)
    story.commit("Merge branch '1.0.x'", {"a": "2, complete"}, merge=[first], start=amended)


def _amended_with_more_after_its_release(story: GitStory) -> None:
    base = story.commit("feat: begin", {"a": "1"})
    story.tag("v1.0.0", base)
    first = story.commit("fix: urgent", {"a": "2"}, branch="1.0.x", start=base)
    story.tag("v1.0.1", first)
    amended = story.commit("fix: urgent", {"a": "2", "forgotten": "1"}, written=first)
    story.commit("Merge branch '1.0.x'", {"forgotten": "1"}, merge=[first], start=amended)


def _revert_that_was_rebased(story: GitStory) -> None:
    story.tag("v1.0.0", story.commit("feat: begin", {"a": "1"}))
    story.commit("feat: tried", {"b": "1"})
    story.commit(f'Revert "feat: tried"\n\nThis reverts commit {"1" * 40}.\n', {"b": None})
    story.commit("fix: small", {"c": "1"})


def _revert_of_released_with_a_title_of_now(story: GitStory) -> None:
    released = story.commit("feat: begin", {"a": "1"})
    story.tag("v1.0.0", released)
    story.commit("feat: begin", {"b": "1"})
    story.commit(f'Revert "feat: begin"\n\nThis reverts commit {released}.\n', {"a": None})


SQUASHED = "Squashed commit of the following:\n"


def _listed(*commits: tuple[str, str]) -> str:
    head = "Author: Alice Example <alice@example.org>\nDate:   Mon Jan 5 12:00:00 2026 +0000\n"
    return SQUASHED + "".join(f"\ncommit {sha}\n{head}\n    {title}\n" for sha, title in commits)


def _squashed_released_and_merged(story: GitStory) -> None:
    base = story.commit("feat: begin", {"a": "1"})
    story.tag("v1.0.0", base)
    one = story.commit("feat: one", {"b": "1"}, branch="topic", start=base)
    two = story.commit("fix: two", {"c": "1"}, branch="topic")
    story.tag("v1.1.0", story.commit(_listed((two, "fix: two"), (one, "feat: one")), {"b": "1", "c": "1"}))
    three = story.commit("fix: three", {"d": "1"}, branch="topic")
    story.commit("Merge branch 'topic'", {"d": "1"}, merge=[three])


def _starred(*titles: str) -> str:
    return "Bring the topic (#7)\n\n" + "\n\n".join(f"* {title}" for title in titles) + "\n"


def _starred_released_and_merged(story: GitStory) -> None:
    base = story.commit("feat: begin", {"a": "1"})
    story.tag("v1.0.0", base)
    story.commit("feat: one", {"b": "1"}, branch="topic", start=base)
    story.commit("fix(api): two", {"c": "1"}, branch="topic")
    story.tag("v1.1.0", story.commit(_starred("feat: one", "fix(api): two"), {"b": "1", "c": "1"}))
    three = story.commit("fix: three", {"d": "1"}, branch="topic")
    story.commit("Merge branch 'topic'", {"d": "1"}, merge=[three])


def _starred_and_merged_unreleased(story: GitStory) -> None:
    base = story.commit("feat: begin", {"a": "1"})
    story.tag("v1.0.0", base)
    story.commit("feat: one", {"b": "1"}, branch="topic", start=base)
    two = story.commit("fix(api): two", {"c": "1"}, branch="topic")
    story.commit(_starred("feat: one", "fix(api): two"), {"b": "1", "c": "1"})
    story.commit("Merge branch 'topic'", merge=[two])


def _starred_and_others_of_the_same_title(story: GitStory) -> None:
    base = story.commit("feat: begin", {"a": "1"})
    story.tag("v1.0.0", base)
    side = story.commit("fix: typo", {"d": "1"}, branch="side", start=base)
    story.tag("v1.1.0", story.commit(_starred("feat: one", "fix: typo"), {"b": "1", "c": "1"}))
    story.commit("Merge branch 'side'", {"d": "1"}, merge=[side])


def _release_branch_squashed_back(story: GitStory) -> None:
    base = story.commit("feat: begin", {"a": "1"})
    story.tag("v1.0.0", base)
    fix = story.commit("fix: urgent", {"b": "1"}, branch="1.0.x", start=base)
    story.tag("v1.0.1", fix)
    story.commit(_listed((fix, "fix: urgent")), {"b": "1"})
    story.commit("Merge branch '1.0.x'", merge=[fix])


def _squashed_and_merged_unreleased(story: GitStory) -> None:
    base = story.commit("feat: begin", {"a": "1"})
    story.tag("v1.0.0", base)
    one = story.commit("feat: one", {"b": "1"}, branch="topic", start=base)
    two = story.commit("fix: two", {"c": "1"}, branch="topic")
    story.commit(_listed((two, "fix: two"), (one, "feat: one")), {"b": "1", "c": "1"})
    story.commit("Merge branch 'topic'", merge=[two])


def _bumps_of_a_script_on_two_branches(story: GitStory) -> None:
    base = story.commit("feat: begin", {"version": "1", "v": "1"})
    there = story.commit("chore: branch", {"version": "1.0"}, branch="1.0.x", start=base)
    last = story.commit("fix: bump", {"version": "1.0.1"}, branch="1.0.x", start=there)
    story.tag("v1.0.0", base)
    story.tag("v1.0.1", last)
    story.commit("chore: main", {"version": "2.0"})
    story.commit("fix: bump", {"version": "2.0.1"}, written=last, at_once=True)
    story.commit("Merge branch '1.0.x'", {"version": "2.0.1"}, merge=[last])


def _bumps_of_a_script_with_one_date(story: GitStory) -> None:
    base = story.commit("feat: begin", {"version": "0"})
    story.tag("v1.0.0", base)
    one = story.commit("fix: bump", {"version": "1"}, branch="1.0.x", start=base)
    story.tag("v1.0.1", one)
    for number in "123":
        story.commit("fix: bump", {"version": number}, written=one)
    story.commit("Merge branch '1.0.x'", {"version": "3"}, merge=[one])


CASES = (
    Case("S1", _s1, "1.1.0", ["from the branch"], {"v1.0.0": ["begin", "released"]}),
    Case("S2", _s2, "1.0.1", ["urgent"], {"v1.0.0": ["begin"]}, at="1.0.x"),
    Case(
        "S3",
        _s3,
        "2.0.0",
        ["another shape", "found in the candidate"],
        {"v1.0.0": ["begin"]},
        pre={"rc": "2.0.0-rc.2"},
    ),
    Case("S4", _s4, None, [], {"billing-v2.1.0": ["begin"]}, path="billing", tag_format="billing-v{version}"),
    Case("S5", _s5, None, [], {"v1.0.0": ["begin"]}),
    Case("S6", _s6, "1.1.0", ["told by the merge"], {"v1.0.0": ["begin"]}),
    Case("S7", _s7, "1.1.0", ["rounding", "recurring invoices"], {"v1.0.0": ["begin"]}),
    Case("S8", _s8, "2.0.0", ["the interface"], {"v1.0.0": ["begin"]}),
    Case("S9", _s9, "0.4.0", ["another shape"], {"v0.3.1": ["begin"]}),
    Case(
        "S10",
        _s10,
        "1.2.0",
        ["third"],
        {"v1.0.0": ["begin"], "v1.0.1": ["urgent"], "v1.1.0": ["second"]},
        since=["third", "urgent"],
    ),
    Case("S11", _s11, "1.1.0", ["on develop"], {"v1.0.0": ["begin"], "v1.0.1": ["urgent"]}, at="develop"),
    Case("S12", _s12, "1.1.0", ["told by the topic"], {"v1.0.0": ["begin"]}),
    Case(
        "S13",
        _s13,
        "1.1.0",
        ["in the alpha", "after the alpha"],
        {"v1.0.0": ["begin"]},
        pre={"alpha": "1.1.0-alpha.2", "beta": "1.1.0-beta.1", "rc": "1.1.0-rc.1"},
    ),
    Case(
        "S13-final",
        _s13_final,
        "1.1.1",
        ["afterwards"],
        {"v1.0.0": ["begin"], "v1.1.0": ["in the alpha", "after the alpha", "in the beta"]},
        pre={"rc": "1.1.1-rc.1"},
    ),
    Case(
        "S14",
        _s14,
        "6.3.0",
        ["next"],
        {"platform-identity-v6.2.0": ["released"]},
        path="identity",
        tag_format="platform-identity-v{version}",
    ),
    Case("revert-of-released", _revert_of_released, "1.0.1", ["begin"], {"v1.0.0": ["begin"]}),
    Case("revert-of-revert", _revert_of_revert, "1.1.0", ["tried"], {"v1.0.0": ["begin"]}),
    Case("revert-of-merge", _revert_of_merge, "1.0.1", ["meanwhile"], {"v1.0.0": ["begin"]}),
    Case(
        "feature-and-revert-in-different-releases",
        _feature_and_revert_in_different_releases,
        None,
        [],
        {"v1.0.0": ["begin"], "v1.1.0": ["tried"], "v1.1.1": ["tried"]},
    ),
    Case(
        "two-lines",
        _two_lines,
        "2.0.1",
        ["later"],
        {"v1.0.0": ["begin"], "v1.0.1": ["urgent"], "v2.0.0": ["another shape"]},
    ),
    Case("foreign-tags", _foreign_tags, "1.0.1", ["small"], {"v1.0.0": ["begin"]}),
    Case("squash-repeats-itself", _squash_repeats_itself, "1.1.0", ["invoices", "rounding"], {"v1.0.0": ["begin"]}),
    Case(
        "copy-released-and-merged-back",
        _copy_released_and_merged_back,
        None,
        [],
        {"v1.0.0": ["begin"], "v1.0.1": ["urgent"]},
    ),
    Case(
        "copy-for-an-older-line-merged-back",
        _copy_for_an_older_line_merged_back,
        None,
        [],
        {"v1.0.0": ["begin"], "v1.0.1": ["urgent"], "v1.1.0": ["second"]},
    ),
    Case("copy-brings-back", _copy_brings_back, "1.1.0", ["tried"], {"v1.0.0": ["begin"]}),
    Case(
        "copy-brings-back-what-a-release-dropped",
        _copy_brings_back_what_a_release_dropped,
        "1.1.0",
        ["begin again"],
        {"v1.0.0": ["begin"], "v1.0.1": ["begin"]},
    ),
    Case(
        "revert-of-what-a-copy-released",
        _revert_of_what_a_copy_released,
        "1.1.1",
        ["tried"],
        {"v1.0.0": ["begin"], "v1.1.0": ["tried"]},
    ),
    Case(
        "copy-taken-back-before-its-release",
        _copy_taken_back_before_its_release,
        "1.1.0",
        ["tried"],
        {"v1.0.0": ["begin"], "v1.0.1": ["other"]},
    ),
    Case(
        "original-taken-back-before-its-release",
        _original_taken_back_before_its_release,
        "1.2.0",
        [],
        {"v1.0.0": ["begin"], "v1.0.1": ["tried"], "v1.1.0": ["second", "tried"]},
        since=["tried"],
    ),
    Case(
        "unmarked-copy-released-and-merged-back",
        _unmarked_copy_released_and_merged_back,
        None,
        [],
        {"v1.0.0": ["begin"], "v1.0.1": ["urgent"]},
    ),
    Case(
        "unmarked-copy-for-an-older-line-merged-back",
        _unmarked_copy_for_an_older_line_merged_back,
        None,
        [],
        {"v1.0.0": ["begin"], "v1.0.1": ["urgent"], "v1.1.0": ["second"]},
    ),
    Case(
        "unmarked-copy-merged-back-unreleased",
        _unmarked_copy_merged_back_unreleased,
        "1.0.1",
        ["urgent"],
        {"v1.0.0": ["begin"]},
    ),
    Case(
        "unmarked-copy-of-another-branch-never-merged",
        _unmarked_copy_of_another_branch_never_merged,
        "1.1.0",
        ["next", "urgent"],
        {"v1.0.0": ["begin"]},
        since=["next"],
    ),
    Case(
        "unmarked-copy-brings-back",
        _unmarked_copy_brings_back,
        "1.1.0",
        ["begin"],
        {"v1.0.0": ["begin"], "v1.0.1": ["begin"]},
    ),
    Case(
        "amended-after-its-release",
        _amended_after_its_release,
        "1.0.2",
        ["urgent"],
        {"v1.0.0": ["begin"], "v1.0.1": ["urgent"]},
    ),
    Case(
        "amended-with-more-after-its-release",
        _amended_with_more_after_its_release,
        "1.0.2",
        ["urgent"],
        {"v1.0.0": ["begin"], "v1.0.1": ["urgent"]},
    ),
    Case("revert-that-was-rebased", _revert_that_was_rebased, "1.0.1", ["small"], {"v1.0.0": ["begin"]}),
    Case(
        "revert-of-released-with-a-title-of-now",
        _revert_of_released_with_a_title_of_now,
        "1.1.0",
        ["begin", "begin"],
        {"v1.0.0": ["begin"]},
    ),
    Case(
        "squashed-released-and-merged",
        _squashed_released_and_merged,
        "1.1.1",
        ["three"],
        {"v1.0.0": ["begin"], "v1.1.0": ["one", "two"]},
    ),
    Case(
        "starred-released-and-merged",
        _starred_released_and_merged,
        "1.1.1",
        ["three"],
        {"v1.0.0": ["begin"], "v1.1.0": ["one", "two"]},
    ),
    Case(
        "starred-and-merged-unreleased",
        _starred_and_merged_unreleased,
        "1.1.0",
        ["one", "two"],
        {"v1.0.0": ["begin"]},
    ),
    Case(
        "starred-and-others-of-the-same-title",
        _starred_and_others_of_the_same_title,
        "1.1.1",
        ["typo"],
        {"v1.0.0": ["begin"], "v1.1.0": ["one", "typo"]},
    ),
    Case(
        "release-branch-squashed-back",
        _release_branch_squashed_back,
        None,
        [],
        {"v1.0.0": ["begin"], "v1.0.1": ["urgent"]},
    ),
    Case(
        "squashed-and-merged-unreleased",
        _squashed_and_merged_unreleased,
        "1.1.0",
        ["one", "two"],
        {"v1.0.0": ["begin"]},
    ),
    Case(
        "bumps-of-a-script-on-two-branches",
        _bumps_of_a_script_on_two_branches,
        "1.0.2",
        ["bump"],
        {"v1.0.0": ["begin"], "v1.0.1": ["bump"]},
    ),
    Case(
        "bumps-of-a-script-with-one-date",
        _bumps_of_a_script_with_one_date,
        "1.0.2",
        ["bump", "bump", "bump"],
        {"v1.0.0": ["begin"], "v1.0.1": ["bump"]},
    ),
)
"""S1 to S14, then what follows from them."""
