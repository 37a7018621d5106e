"""Who wrote what is released does not approve it."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.lint.saying import listed
from tidegate.core.naming import Path
from tidegate.core.policy import ApprovalRule, Hand


def _check(given: Given) -> Iterator[Found]:
    policy, wrote = given.policy, "whoever wrote what is released"
    if missing := [hand.value for hand in (Hand.AUTHOR, Hand.CO_AUTHOR) if hand not in policy.separation]:
        yield Found(
            ("separation",),
            f"everywhere whoever has a hand in what is released as {listed(missing)} may approve it",
            "name author and co-author under separation:, or leave it out",
        )
    for name, kind in policy.release_types.items():
        yield from _listed(("release_types", name, "approvals"), kind.approvals, wrote)
        afterwards: Path = ("release_types", name, "afterwards", "retrospective_approval")
        yield from _listed(afterwards, kind.afterwards.retrospective_approval, wrote)
    for name, environment in policy.environments.items():
        yield from _listed(("environments", name, "approvals"), environment.approvals, wrote)
    for name, category in policy.changes.categories.items():
        yield from _listed(("changes", "categories", name, "approvals"), category.approvals, wrote)
    for name, client in policy.clients.items():
        yield from _listed(("clients", name, "approvals"), client.approvals, wrote)
    for name, gate in policy.gates.items():
        if gate.waiver is not None:
            yield from _rule(("gates", name, "waiver", "by"), gate.waiver.by, wrote)
    yield from _listed(("adoption", "approvals"), policy.adoption.approvals, "whoever proposes or adopts a policy")


def _listed(base: Path, rules: tuple[ApprovalRule, ...], who: str) -> Iterator[Found]:
    for index, rule in enumerate(rules):
        yield from _rule((*base, index), rule, who)


def _rule(path: Path, rule: ApprovalRule, who: str) -> Iterator[Found]:
    if rule.author_may:
        yield Found(
            (*path, "author_may"),
            f"{who} may approve it for {rule.group}",
            "leave author_may: out, and add a second person to the group",
        )


LINT = Lint(
    "unsafe.self-approval", "Who wrote what is released does not approve it.", "7D-17", Severity.WARNING, _check
)
