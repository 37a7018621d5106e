"""Messages and histories built against what reads them: twice the size may cost about twice, never four times.

What is compared is CPU time with itself, at one size and at eight times that size: 8 is linear, 64 quadratic. The
limit lies between them, and the best of some tries counts, so that a busy machine is no reason to fail.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest

from tidegate.core.change import Commit, Person
from tidegate.core.commit import INHERITED_REFS, changes_of
from tidegate.core.next_version import next_version
from tidegate.core.reverts import _Graph, changes_from
from tidegate.core.version import TagFormat, parse_version
from tidegate.errors import UsageError

TIMES = 8
BETWEEN = 28
"""Between 8 and 64, nearer to neither by their ratio."""

MALLORY = Person("Mallory", "mallory@example.org")


def cost_s(act: Callable[[], object], tries: int) -> float:
    """The CPU that an act takes, in seconds, at its best."""
    taken = []
    for _ in range(tries):
        began = time.process_time()
        act()
        taken.append(time.process_time() - began)
    return min(taken)


def assert_linear(prepared: Callable[[int], Callable[[], object]], size: int) -> None:
    """Costs grow with the size and not with its square; asked again where that is in doubt."""
    small, large = prepared(size), prepared(size * TIMES)
    ratios: list[float] = []
    while not ratios or (min(ratios) >= BETWEEN and len(ratios) < 3):
        tries = 1 + 2 * len(ratios)
        ratios.append(cost_s(large, tries) / max(cost_s(small, tries + 2), 1e-4))
    assert min(ratios) < BETWEEN, f"{TIMES} times the size takes {min(ratios):.0f} times as long"


def named(number: int) -> str:
    """A commit's name, in no order."""
    return f"{(number * 0x9E3779B97F4A7C15) % 2**64:016x}{number:024x}"


def commit(number: int, message: str, *parents: int) -> Commit:
    return Commit(named(number), tuple(named(parent) for parent in parents), MALLORY, MALLORY, 0, message)


def numbered(line: str, count: int, begin: str = "x\n\n") -> str:
    return begin + "".join(line.format(n=number, sha=named(number)) for number in range(count))


MESSAGES: dict[str, tuple[int, Callable[[int], str]]] = {
    # The header and its scope.
    "header-spaces": (20_000, lambda n: "fix" + " " * n + ": x"),
    "header-kind": (20_000, lambda n: "a" * n),
    "header-scope": (20_000, lambda n: "fix(" + "a" * n),
    "header-scopes": (20_000, lambda n: "fix(" + "(" * n),
    "header-open": (20_000, lambda n: "fix: " + " " * n),
    # Footers, rules of hyphens, paragraphs.
    "footers": (300, lambda n: numbered("Refs: #{n}\n", n)),
    "footer-paragraphs": (300, lambda n: numbered("Refs: #{n}\n\n", n)),
    "footer-token": (10_000, lambda n: "x\n\n" + "a-" * n),
    "breaking-below": (300, lambda n: "x\n\n" + "BREAKING CHANGE:\n\n" * n),
    "paragraphs-of-titles": (300, lambda n: "fix: x\n\n" + "fix: a b\n\n" * n),
    "quotations-open": (300, lambda n: "fix: x\n\na: b.\n\n" + "<details>\n" * n),
    "quotations-nested": (300, lambda n: "fix: x\n\na: b.\n\n" + "<details>\n" * n + "</details>\n" * n),
    "quotations-fenced": (300, lambda n: "fix: x\n\na: b.\n\n" + "~~~\n```x\n```\n" * n + "~~~x\n"),
    "breaking": (300, lambda n: "x\n\n" + "BREAKING CHANGE: x\n" * n),
    "breaking-text": (1_000, lambda n: "x\n\nBREAKING CHANGE: " + "x\n" * n),
    "hyphens": (10_000, lambda n: "x\n\n" + "-" * n + "x"),
    "spaced-hyphens": (10_000, lambda n: "x\n\n---" + " " * n + "x"),
    "blank-lines": (3_000, lambda n: "x" + "\n" * n + "y"),
    "paragraphs": (1_000, lambda n: "x\n\n" + "a\n\n" * n),
    "returns": (2_000, lambda n: "fix: x\r" * n),
    # Trailers with people.
    "coauthor-tabs": (20_000, lambda n: "x\n\nco-authored-by:" + "\t" * n),
    "coauthor-brackets": (10_000, lambda n: "x\n\nco-authored-by:" + "<a" * n),
    "coauthor-open": (20_000, lambda n: "x\n\nco-authored-by: <" + "a" * n),
    "coauthor-tail": (20_000, lambda n: "x\n\nco-authored-by: a <b>" + " " * n + "x"),
    "coauthor-repeated": (3_000, lambda n: "x\n\n" + "co-authored-by:" * n),
    "coauthors": (300, lambda n: numbered("Co-authored-by: a <a{n}@b>\n", n)),
    # Issues.
    "closing-words": (3_000, lambda n: "x\n\n" + "closes " * n),
    "closing-spaces": (20_000, lambda n: "x\n\ncloses:" + " " * n),
    "closing-path": (3_000, lambda n: "x\n\ncloses " + "a/" * n + "#"),
    "closing-keys": (3_000, lambda n: "x\n\ncloses " + "GH-" * n),
    "keys": (3_000, lambda n: "x\n\nRefs: " + "A-" * n),
    "key": (20_000, lambda n: "x\n\nRefs: " + "A" * n),
    "paths": (3_000, lambda n: "x\n\nRefs: " + "a.b/" * n),
    "closed-and-named": (
        1000,
        lambda n: numbered("closes #{n}\n", n) + "\nRefs: " + "".join(f"#{i} " for i in range(n)),
    ),
    "pulls": (3_000, lambda n: "fix: " + "(#1" * n),
    "pulls-named": (1_000, lambda n: numbered("(#{n})", n, "fix: ")),
    # Squashes.
    "items": (200, lambda n: numbered("* fix: y{n}\n", n)),
    "items-with-authors": (200, lambda n: numbered("Co-authored-by: a <a{n}@b>\n", n) + "* fix: y\n" * n),
    "items-with-references": (100, lambda n: numbered("(#{n})", n, "fix: t ") + numbered("* fix: y{n}\n", n, "\n\n")),
    "items-alike": (200, lambda n: "x\n\n" + "* fix: y\n" * n),
    # Reverts and copies.
    "revert-title": (1_000, lambda n: 'Revert "' * n),
    "revert-of-reverts": (1_000, lambda n: 'Revert "' * n + "x" + '"' * n),
    "reapply": (1_000, lambda n: 'Reapply "' * n + "x" + '"' * n),
    "revert-tail": (3_000, lambda n: 'Revert "x"' + " (#1" * n),
    "reverts-nothing": (3_000, lambda n: "revert: x\n\n" + "This reverts commit " * n),
    "reverts-many": (300, lambda n: numbered("This reverts commit {sha}.\n", n, "revert: x\n\n")),
    "reverts-path": (3_000, lambda n: "Revert x\n\nReverts " + "a/" * n),
    "reverts-pulls": (300, lambda n: numbered("Reverts a/b#{n}\n", n, "Revert x\n\n")),
    "picked": (300, lambda n: numbered("(cherry picked from commit {sha})\n", n)),
    "picked-open": (20_000, lambda n: "x\n\n(cherry picked from commit " + "a" * n),
    # What is shown.
    "marks": (3_000, lambda n: "fix: " + "\u202e" * n),
    "accents": (3_000, lambda n: "fix: " + "é " * n),
    "controls": (3_000, lambda n: "fix: x" + "\x1b[" * n),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_costs_what_its_length_costs(name: str) -> None:
    size, shape = MESSAGES[name]

    def prepared(length: int) -> Callable[[], object]:
        text = shape(length)
        commits = [commit(1, text, 2, 3), commit(2, text, 3), commit(3, "feat: y")]
        return lambda: next_version(None, changes_from(commits))

    assert_linear(prepared, size)


HISTORIES: dict[str, tuple[int, Callable[[int], list[Commit]]]] = {
    "one-revert-of-everything": (
        600,
        lambda n: [
            commit(n, numbered("This reverts commit {sha}.\n", n, "revert: x\n\n"), n - 1),
            *(commit(i, "feat: x", i - 1) for i in range(n - 1, -1, -1)),
        ],
    ),
    "short-names": (
        600,
        lambda n: [
            commit(n, "revert: x\n\n" + "".join(f"This reverts commit {named(i)[:12]}.\n" for i in range(n)), n - 1),
            *(commit(i, "feat: x", i - 1) for i in range(n - 1, -1, -1)),
        ],
    ),
    "reverts-by-title": (
        200,
        lambda n: [commit(i, 'Revert "feat: x"' if i % 2 else "feat: x", i - 1) for i in range(n, 0, -1)],
    ),
    "reverts-by-pull": (
        600,
        lambda n: [
            commit(n, "Revert x\n\n" + "Reverts a/b#1\n" * n, n - 1),
            *(commit(i, "feat: x (#1)", i - 1) for i in range(n - 1, -1, -1)),
        ],
    ),
    "copies": (
        1000,
        lambda n: [commit(i, f"fix: x\n\n(cherry picked from commit {named(i - 1)})", i - 1) for i in range(n, 0, -1)],
    ),
    "reverted-merges": (
        100,
        lambda n: [one for i in range(4 * n, 0, -4) for one in _topic_merged_and_reverted(i)],
    ),
    "merges-alike": (200, lambda n: [commit(i, "Merge x\n\nfeat: y", i - 1, i - 2) for i in range(n, 0, -1)]),
}


def _topic_merged_and_reverted(i: int) -> list[Commit]:
    return [
        commit(i, f"Revert \"Merge x\"\n\nThis reverts commit {named(i - 1)}.", i - 1),
        commit(i - 1, "Merge x", i - 2, i - 3),
        commit(i - 2, "fix: beside", i - 4),
        commit(i - 3, "feat: topic", i - 4),
    ]  # fmt: skip


@pytest.mark.parametrize("name", HISTORIES)
def test_a_history_costs_what_its_length_costs(name: str) -> None:
    size, shape = HISTORIES[name]

    def prepared(length: int) -> Callable[[], object]:
        commits = shape(length)
        return lambda: changes_from(commits)

    assert_linear(prepared, size)


def test_what_is_reverted_with_a_merge_is_what_only_the_merge_brought() -> None:
    """Against the definition: all that the other parents descend from, without what the first one descends from."""
    chance = random.Random(4)
    for _ in range(200):
        size = chance.randint(1, 30)
        parents = {
            str(i): [
                str(p) for p in chance.sample(range(i + 1, size + 3), k=min(chance.choice((1, 1, 2, 3)), size + 2 - i))
            ]
            for i in range(size)
        }
        for sha, (first, *others) in parents.items():
            expected = {sha} | (_reached(others, parents) - _reached([first], parents))
            assert _Graph(parents).brought_in(sha) == expected


def _reached(start: list[str], parents: dict[str, list[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [sha for sha in start if sha in parents]
    while waiting:
        sha = waiting.pop()
        if sha not in found:
            found.add(sha)
            waiting += [parent for parent in parents[sha] if parent in parents]
    return found


def test_an_item_of_a_squash_shows_a_bounded_number_of_the_squashs_references() -> None:
    text = numbered("(#{n})", 1000, "fix: t ") + numbered("* fix: y{n}\n", 1000, "\n\n")
    own, *items = changes_of(commit(1, text))
    assert len(own.refs) == len(items) == 1000
    assert {item.refs for item in items} == {own.refs[:INHERITED_REFS]}


@pytest.mark.parametrize(
    "text", ["1." * 500_000, "1.0.0-" + "a" * 1_000_000, "1.0.0-" + "0." * 500_000, "\u202e" * 10**6]
)
def test_a_version_of_a_megabyte_is_refused_by_its_length(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_version(text)
    assert str(caught.value) == f"a version has at most 255 characters; this one has {len(text)}"
    assert TagFormat("v{version}").match(f"v{text}") is None
