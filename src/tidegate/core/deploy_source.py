"""From which branches and tags an environment may be deployed, as ``deploy_from`` says it.

An entry is the name of a branch of the policy, a branch's pattern, or the word ``tag``. In a pattern ``{version}`` is
the version that is released (of a pre-release also the version that it prepares), and ``*`` is anything. ``tag`` is
the component's own tag of that version, and must be on the very commit.

Which branch of the name is meant: that of the remote ``origin``, as it was fetched last, where there is one; else the
local one. A local branch says what somebody wants; the one of the remote has passed what the host protects it with.
Branches of other remotes are those of forks, and never count.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tidegate.core.facts import Head
from tidegate.core.policy import Policy
from tidegate.core.version import TagFormat

TAG = "tag"
LOCAL, REMOTE, TAGS = "heads/", "remotes/origin/", "tags/"
_PLACEHOLDER = "{version}"


@dataclass(frozen=True, slots=True)
class DeploySource:
    """One entry, for one component at one version. ``text`` is what people call it; ``tag`` is empty for a branch."""

    text: str
    branches: tuple[str, ...] = ()
    tag: str = ""

    def heads(self, known: Iterable[Head]) -> list[Head]:
        """Those of the known branches and tags that this entry means, by name.

        Of two that bear one name, which no repository has, one that has not the commit counts: neither their order
        nor a fact too many may open a gate.
        """
        worst_last = sorted(known, key=lambda head: (head.contains, head.commit), reverse=True)
        named = {head.name: head for head in worst_last if self._means(head.name)}
        return [head for name, head in sorted(named.items()) if not _is_shadowed(name, named)]

    def _means(self, name: str) -> bool:
        if self.tag:
            return name == TAGS + self.tag
        branch = _branch(name)
        return branch is not None and any(_matches(pattern, branch) for pattern in self.branches)

    @property
    def refs(self) -> tuple[str, ...]:
        """Where in a repository it is looked for, as names of references, or of folders of them."""
        if self.tag:
            return (f"refs/{TAGS}{self.tag}",)
        found = [where + _folder(pattern) for pattern in self.branches for where in (LOCAL, REMOTE)]
        return tuple(f"refs/{name}".rstrip("/") for name in found)


def deploy_sources(policy: Policy, environment: str, component: str, version: str) -> tuple[DeploySource, ...] | None:
    """What ``deploy_from`` of an environment says, for a component at a version; None where it says nothing."""
    known = policy.environments.get(environment)
    if known is None or known.deploy_from is None:
        return None
    return tuple(_source(policy, entry, component, version) for entry in known.deploy_from)


def shown(head: Head) -> str:
    """A branch or a tag as people call it."""
    name = head.name
    if name.startswith(TAGS):
        return f"the tag {name.removeprefix(TAGS)}"
    return f"{name.removeprefix(REMOTE)} of origin" if name.startswith(REMOTE) else name.removeprefix(LOCAL)


def _source(policy: Policy, entry: str, component: str, version: str) -> DeploySource:
    # A branch that is called "tag" can be meant by its pattern alone: the word has its meaning in every policy.
    if entry == TAG:
        found = policy.components.get(component)
        form = TagFormat(found.tag) if found else None
        name = f"{form.prefix}{version}{form.suffix}" if form else version
        return DeploySource(f"the tag {name}", tag=name)
    branch = policy.branches.get(entry)
    pattern = branch.pattern if branch else entry
    core = version.partition("+")[0].partition("-")[0]
    names = dict.fromkeys(pattern.replace(_PLACEHOLDER, number) for number in (version, core))
    return DeploySource(next(iter(names)), branches=tuple(names))


def _branch(name: str) -> str | None:
    """The branch of ``heads/main`` and of ``remotes/origin/main``; None of a tag."""
    for where in (LOCAL, REMOTE):
        if name.startswith(where):
            return name.removeprefix(where)
    return None


def _is_shadowed(name: str, named: Iterable[str]) -> bool:
    return name.startswith(LOCAL) and REMOTE + name.removeprefix(LOCAL) in named


def _matches(pattern: str, branch: str) -> bool:
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), branch) is not None


def _folder(pattern: str) -> str:
    """The part of a pattern that names a reference, or a folder in which all that it matches lie."""
    plain, star, _ = pattern.partition("*")
    return plain.rpartition("/")[0] if star else plain
