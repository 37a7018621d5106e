from __future__ import annotations

from typing import Any

import pytest

from tests.support.facts import Case, facts, head, item, origin, question, release, rulebook, subject, table
from tidegate.core.decision import Action
from tidegate.core.deploy_source import DeploySource, deploy_sources, shown
from tidegate.core.facts import Facts, Head, Item
from tidegate.core.verdict import Verdict

RULE = "deploy.from"
ALLOW, DENY, CANNOT_TELL = Verdict
COMMIT = "0ff1ce" * 6 + "0ff1"
MADE = item(subject=subject(commit=COMMIT))
OF = "billing 1.1.0 is made of 0ff1ce0ff1"
BRANCHES = {"main": {"pattern": "main"}, "release": {"pattern": "release/v{version}"}, "any": {"pattern": "hotfix/*"}}
FETCH = "git fetch --tags, and --unshallow in a shallow clone"
MERGE = (
    "merge it into {}; where that makes another commit of it, open a release of that one: tidegate release open billing"
)


def policy(*sources: str) -> dict[str, Any]:
    return {"branches": BRANCHES, "environments": {"production": {"deploy_from": list(sources)}}}


def seen(*heads: Head, of: Item = MADE, unknown: str = "") -> Facts:
    """A release of an item, of which these branches and tags were seen."""
    return facts(release(of), origins=(origin(of=of, heads=heads, unknown=unknown),))


MAIN = policy("main")
AWAY = f"{OF}, which does not come from main, from where alone production may be deployed"


@table(
    Case("nothing is asked", RULE, facts=seen()),
    Case("it is on the branch", RULE, ALLOW, f"{OF}, which comes from main", policy=MAIN, facts=seen(head())),
    Case("it is not", RULE, DENY, AWAY, MERGE.format("main"), policy=MAIN, facts=seen(head(contains=False))),
    Case(
        "the branch of origin is the one that counts",
        RULE,
        DENY,
        AWAY,
        MERGE.format("main of origin, and fetch that: git fetch origin"),
        policy=MAIN,
        facts=seen(head(), head("remotes/origin/main", contains=False)),
    ),
    Case(
        "it was pushed, and the local branch is behind",
        RULE,
        ALLOW,
        f"{OF}, which comes from main of origin",
        policy=MAIN,
        facts=seen(head(contains=False), head("remotes/origin/main")),
    ),
    Case(
        "a branch of a fork never counts",
        RULE,
        CANNOT_TELL,
        "production may be deployed from main, and there is none here",
        f"fetch it ({FETCH}), or name a branch that there is: environments.production.deploy_from",
        policy=MAIN,
        facts=seen(head("remotes/fork/main")),
    ),
    Case(
        "a branch whose name only begins so",
        RULE,
        CANNOT_TELL,
        "production may be deployed from main, and there is none here",
        f"fetch it ({FETCH}), or name a branch that there is: environments.production.deploy_from",
        policy=MAIN,
        facts=seen(head("heads/main/x"), head("heads/maintenance")),
    ),
    Case(
        "one of several branches is enough",
        RULE,
        ALLOW,
        f"{OF}, which comes from release/v1.1.0",
        policy=policy("main", "release"),
        facts=seen(head(contains=False), head("heads/release/v1.1.0")),
    ),
    Case(
        "the branch of another version",
        RULE,
        CANNOT_TELL,
        "production may be deployed from release/v1.1.0, and there is none here",
        f"fetch it ({FETCH}), or name a branch that there is: environments.production.deploy_from",
        policy=policy("release"),
        facts=seen(head("heads/release/v1.0.0")),
    ),
    Case(
        "a branch that two entries mean is told once",
        RULE,
        ALLOW,
        f"{OF}, which comes from hotfix/a",
        policy=policy("any", "hotfix/*"),
        facts=seen(head("heads/hotfix/a")),
    ),
    Case(
        "a pattern",
        RULE,
        ALLOW,
        f"{OF}, which comes from hotfix/a/b",
        policy=policy("any"),
        facts=seen(head("heads/hotfix/a/b"), head("heads/hotfix/c", contains=False)),
    ),
    Case(
        "the branch's pattern in place of its name",
        RULE,
        ALLOW,
        f"{OF}, which comes from hotfix/x",
        policy=policy("hotfix/*"),
        facts=seen(head("heads/hotfix/x")),
    ),
    Case(
        "the tag is on it",
        RULE,
        ALLOW,
        f"{OF}, which comes from the tag v1.1.0",
        policy=policy("tag"),
        facts=seen(head("tags/v1.1.0", commit=COMMIT)),
    ),
    Case(
        "the tag is on another commit",
        RULE,
        DENY,
        f"{OF}, which does not come from the tag v1.1.0, from where alone production may be deployed",
        "set the tag on that commit: tidegate tag billing 1.1.0",
        policy=policy("tag"),
        facts=seen(head("tags/v1.1.0", contains=False)),
    ),
    Case(
        "there is no tag yet",
        RULE,
        DENY,
        f"{OF}, which does not come from the tag v1.1.0, from where alone production may be deployed",
        "set the tag on that commit: tidegate tag billing 1.1.0",
        policy=policy("tag"),
        facts=seen(),
    ),
    Case(
        "neither the branch nor the tag",
        RULE,
        DENY,
        f"{OF}, which does not come from main or the tag v1.1.0, from where alone production may be deployed",
        f"set the tag on that commit: tidegate tag billing 1.1.0; or {MERGE.format('main')}",
        policy=policy("main", "tag"),
        facts=seen(head(contains=False)),
    ),
    Case(
        "from nowhere",
        RULE,
        DENY,
        "production may be deployed from nowhere",
        "name branches: environments.production.deploy_from",
        policy=policy(),
        facts=seen(head()),
    ),
    Case(
        "nobody has looked",
        RULE,
        CANNOT_TELL,
        "nobody has looked whether billing 1.1.0 comes from main",
        "ask where the repository is, by a command or a worker of this version",
        policy=MAIN,
        facts=facts(release(MADE)),
    ),
    Case(
        "somebody has looked for another commit",
        RULE,
        CANNOT_TELL,
        "nobody has looked whether billing 1.1.0 comes from main",
        "ask where the repository is, by a command or a worker of this version",
        policy=MAIN,
        facts=facts(release(MADE), origins=(origin(of=item()),)),
    ),
    Case(
        "there is no repository",
        RULE,
        CANNOT_TELL,
        f"{OF}, and whether it comes from main nobody can tell: it is not inside a Git repository",
        FETCH,
        policy=MAIN,
        facts=seen(unknown="it is not inside a Git repository"),
    ),
    Case(
        "found in a shallow clone",
        RULE,
        ALLOW,
        f"{OF}, which comes from main",
        policy=MAIN,
        facts=seen(head(), unknown="this is a shallow clone, in which commits are missing"),
    ),
    Case(
        "not found in a shallow clone",
        RULE,
        CANNOT_TELL,
        f"{OF}, and whether it comes from main nobody can tell: this is a shallow clone, in which commits are missing",
        FETCH,
        policy=MAIN,
        facts=seen(head(contains=False), unknown="this is a shallow clone, in which commits are missing"),
    ),
    Case(
        "a checkpoint does not ask: a branch that was deleted strands no rollout",
        RULE,
        policy=MAIN,
        facts=seen(),
        about=question(Action.CONTINUE),
    ),
    Case("a rollback does not ask", RULE, policy=MAIN, facts=seen(), about=question(Action.ROLLBACK)),
)
def test_the_table(case: Case) -> None:
    case.hold()


def sources(version: str, *entries: str, tag: str = "v{version}") -> tuple[DeploySource, ...] | None:
    made = rulebook(**policy(*entries), components={"billing": {"tag": tag}}).policy
    return deploy_sources(made, "production", "billing", version)


def test_what_an_entry_means() -> None:
    assert sources("1.2.0-rc.1", "main", "release", "tag", tag="billing-v{version}") == (
        DeploySource("main", branches=("main",)),
        DeploySource("release/v1.2.0-rc.1", branches=("release/v1.2.0-rc.1", "release/v1.2.0")),
        DeploySource("the tag billing-v1.2.0-rc.1", tag="billing-v1.2.0-rc.1"),
    )
    assert deploy_sources(rulebook().policy, "production", "billing", "1.0.0") is None
    assert deploy_sources(rulebook().policy, "nowhere", "billing", "1.0.0") is None


@pytest.mark.parametrize(
    ("source", "references"),
    [
        (DeploySource("", branches=("main",)), ("refs/heads/main", "refs/remotes/origin/main")),
        (DeploySource("", branches=("release/*",)), ("refs/heads/release", "refs/remotes/origin/release")),
        (DeploySource("", branches=("release/v*",)), ("refs/heads/release", "refs/remotes/origin/release")),
        (DeploySource("", branches=("v*",)), ("refs/heads", "refs/remotes/origin")),
        (DeploySource("", branches=("*",)), ("refs/heads", "refs/remotes/origin")),
        (DeploySource("", tag="v1.0.0"), ("refs/tags/v1.0.0",)),
    ],
)
def test_where_it_is_looked_for(source: DeploySource, references: tuple[str, ...]) -> None:
    assert source.refs == references


@pytest.mark.parametrize(("source", "name"), [(DeploySource("main", ("main",)), "heads/main"),
                                              (DeploySource("the tag v1", tag="v1"), "tags/v1")])  # fmt: skip
def test_of_two_of_one_name_that_which_has_not_the_commit_counts(source: DeploySource, name: str) -> None:
    has, has_not = Head(name, "a" * 40, True), Head(name, "b" * 40, False)
    assert source.heads([has, has_not]) == source.heads([has_not, has]) == [has_not]


def test_a_name_is_matched_as_it_is_written() -> None:
    odd = DeploySource("", branches=("a.b(c)+*",))
    heads = [head("heads/a.b(c)+"), head("heads/a.b(c)+/d"), head("heads/axb(c)+"), head("heads/a.b(c)")]
    assert odd.heads(heads) == heads[:2]


@pytest.mark.parametrize(
    ("name", "words"),
    [("heads/main", "main"), ("remotes/origin/main", "main of origin"), ("tags/v1.0.0", "the tag v1.0.0")],
)
def test_what_people_call_it(name: str, words: str) -> None:
    assert shown(head(name)) == words
