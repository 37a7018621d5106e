"""The branches of releases: how they are called, who may write to them, and which changes may pass.

A policy lists branches, or families of them, by pattern. ``{version}`` stands for a version, ``{component}`` for a
component, ``*`` for anything. Releases are made on the family called ``release``, urgent ones on ``hotfix``; a policy
that lists none has ``release/v{version}`` and ``hotfix/v{version}``. ``main`` and ``master`` are protected unless the
policy lists the branch by its very name and does not protect it.

A release branch is frozen from the day it is cut: without ``allows``, fixes, documents, tests and chores pass, and
nothing else does. Source: the release process of 7D-10 and HD-04.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tidegate.core.change import MERGE, REVERT, UNCONVENTIONAL, Change
from tidegate.core.plain import plain
from tidegate.core.policy import Branch, Policy
from tidegate.core.version import TagFormat
from tidegate.errors import UsageError

FREEZE = ("fix", "docs", "test", "chore")
"""The kinds of change that pass the freeze of a release branch whose policy names none."""

PRODUCTION_TAG = "production-tag"
"""In place of a branch in ``from``: the tag of what runs in production."""

_ALWAYS_PROTECTED = ("main", "master")
_LONGEST_NAME = 200
_WILD = re.compile(r"\{version\}|\{component\}|\*+")


class Role(StrEnum):
    """What a family of branches is for; also its name in the policy."""

    RELEASE = "release"
    HOTFIX = "hotfix"


_DEFAULTS = {
    Role.RELEASE: Branch(pattern="release/v{version}"),
    Role.HOTFIX: Branch.model_validate({"pattern": "hotfix/v{version}", "from": PRODUCTION_TAG}),
}


def family(policy: Policy, role: Role) -> Branch:
    """The family of branches for a role: the one of that name, else the first that is made for it, else the default."""
    for_versions = {name: branch for name, branch in policy.branches.items() if "{version}" in branch.pattern}
    if role.value in for_versions:
        return for_versions[role.value]
    others = {name: branch for name, branch in for_versions.items() if name not in {r.value for r in Role}}
    wanted = (b for b in others.values() if (b.made_from == PRODUCTION_TAG) is (role is Role.HOTFIX))
    return next(wanted, _DEFAULTS[role])


def branch_for(policy: Policy, role: Role, component: str, version: str) -> str:
    """The name of the branch on which a version of a component is made.

    Raises:
        UsageError: Git would accept no branch of that name.
    """
    pattern = family(policy, role).pattern
    return checked_name(pattern.replace("{version}", version).replace("{component}", component))


def made_for(policy: Policy, role: Role, name: str) -> dict[str, str]:
    """The components for which a branch of that name is made, each with the name of the tag that ends it.

    Several where the pattern does not say for which; none where the name is not of the family.
    """
    pattern = family(policy, role).pattern
    found: dict[str, str] = {}
    for component, known in policy.components.items():
        before, _, after = pattern.replace("{component}", component).partition("{version}")
        version = name[len(before) : len(name) - len(after)]
        tag = known.tag.replace("{version}", version)
        if name == f"{before}{version}{after}" and TagFormat(known.tag, known.versions).match(tag) is not None:
            found[component] = tag
    return found


def checked_name(name: str) -> str:
    """A branch name that Git accepts.

    Raises:
        UsageError: it does not. Source: ``git help check-ref-format``.
    """
    if wrong := _name_fault(name):
        raise UsageError(
            f'"{plain(name, 100)}" is not a branch name: {wrong}', remedy="Name a branch, such as release/v1.2.0."
        )
    return name


def _name_fault(name: str) -> str:
    if not name or len(name) > _LONGEST_NAME:
        return f"it must have 1 to {_LONGEST_NAME} characters"
    if re.search(r"[\x00-\x20\x7f-\x9f~^:?*\[\\]", name):
        return "it cannot contain spaces, control characters, or any of ~ ^ : ? * [ \\"
    if name.startswith("-") or name == "HEAD":
        return "it cannot begin with a hyphen, nor be HEAD"
    if ".." in name or "@{" in name or name.endswith(".") or name == "@":
        return "it cannot contain .. or @{, nor end with a dot"
    if any(not part or part.startswith(".") or part.endswith(".lock") for part in name.split("/")):
        return "no part of it between slashes can be empty, begin with a dot or end with .lock"
    return ""


def matches(pattern: str, name: str) -> bool:
    """Whether a branch is of the family of a pattern. A placeholder stands for at least one character, ``*`` for any.

    By pieces and not by a regular expression: many ``*`` must not make it slow.
    """
    first, *pieces = _WILD.split(pattern)
    if not pieces:
        return name == pattern
    *middle, last = pieces
    least = sum(1 for wild in _WILD.findall(pattern) if not wild.startswith("*"))
    if len(name) < least + sum(map(len, (first, *pieces))) or not name.startswith(first) or not name.endswith(last):
        return False
    place, end = len(first), len(name) - len(last)
    for piece in middle:
        place = name.find(piece, place, end)
        if place < 0:
            return False
        place += len(piece)
    return place <= end


def is_protected(policy: Policy, name: str) -> bool:
    """Whether nobody writes to a branch directly, and so Tidegate never does.

    Where a file system does not tell ``Main`` from ``main``, Git does not either: the case of letters does not count.
    """
    folded = name.casefold()
    entries = [branch for branch in policy.branches.values() if matches(branch.pattern.casefold(), folded)]
    if any(branch.protected for branch in entries):
        return True
    listed = any(branch.pattern.casefold() == folded for branch in entries)
    return folded in _ALWAYS_PROTECTED and not listed


def main_line(policy: Policy) -> tuple[str, ...]:
    """The names under which the line that releases are cut from may be found, the likeliest first."""
    literal = {name: b.pattern for name, b in policy.branches.items() if not _WILD.search(b.pattern)}
    cut_from = family(policy, Role.RELEASE).made_from or ""
    likely = [literal.get(cut_from, cut_from), *literal.values(), *_ALWAYS_PROTECTED]
    return tuple(dict.fromkeys(name for name in likely if name and not _name_fault(name)))


def merged_into(policy: Policy, name: str) -> str:
    """The branch that the policy merges this one into when its release is done; empty where it says none."""
    entry = _entry(policy, name)
    target = policy.branches.get(entry.merges_into or "") if entry else None
    return target.pattern if target and not _WILD.search(target.pattern) else ""


def allowed_kinds(policy: Policy, name: str) -> tuple[str, ...] | None:
    """The kinds of change that may come to a branch; None: all of them."""
    entry = _entry(policy, name)
    return kinds_that_pass(entry) if entry is not None else None


def kinds_that_pass(branch: Branch) -> tuple[str, ...] | None:
    """The kinds that an entry of the policy lets pass: those it lists, else the freeze of a branch for versions."""
    if branch.allows is not None:
        return branch.allows
    return FREEZE if "{version}" in branch.pattern else None


def _entry(policy: Policy, name: str) -> Branch | None:
    """What the policy says of a branch: the entry with the longest literal text; else the defaults."""
    known = [*policy.branches.values(), *(family(policy, role) for role in Role)]
    fitting = [branch for branch in known if matches(branch.pattern, name)]
    return max(fitting, key=lambda branch: len(_WILD.sub("", branch.pattern)), default=None)


@dataclass(frozen=True, slots=True)
class Offence:
    """A commit that may not be on a branch, and why."""

    sha: str
    kind: str
    summary: str
    why: str


def offences(changes: Sequence[Change], allows: Collection[str] | None, merges: Collection[str]) -> tuple[Offence, ...]:
    """What of these changes may not be on a branch that ``allows`` only some kinds.

    A change that was taken back on the branch itself is none. To revert counts as a fix. A commit that follows no
    convention is one, because nobody can tell what it changes, and so is a merge, because what it brings was not
    chosen one by one.

    Args:
        merges: the commits among them that have several parents.
    """
    if allows is None:
        return ()
    judged = ((change, _objection(change, allows, change.sha in merges)) for change in changes if not change.void)
    return tuple(Offence(change.sha, change.kind, change.summary, why) for change, why in judged if why)


def _objection(change: Change, allows: Collection[str], is_merge: bool) -> str:
    only = f"only {', '.join(allows)} may pass" if allows else "nothing may pass"
    if is_merge or change.kind == MERGE:
        return "" if MERGE in allows else "it is a merge: what it brings was not chosen one by one"
    if change.kind == UNCONVENTIONAL:
        return "its title follows no convention, so nobody can tell what it changes"
    if change.breaking and "feat" not in allows:
        return "it is a breaking change"
    kind = "fix" if change.kind == REVERT and REVERT not in allows else change.kind
    return "" if kind in allows else f"{plain(change.kind, 30)} may not pass: {only}"
