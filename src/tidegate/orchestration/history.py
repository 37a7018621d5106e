"""What the policy says of a component's history, as the Git room asks for it."""

from __future__ import annotations

from tidegate.core.bumping import Bump
from tidegate.core.policy import Component, Policy
from tidegate.core.version import Level, TagFormat
from tidegate.git.history import Source

_LEVEL = {"major": Level.MAJOR, "minor": Level.MINOR, "patch": Level.PATCH}


def source_of(policy: Policy, component: Component) -> Source:
    """A component's paths, its tags and how their versions are written, and what makes its changes larger."""
    bumps = tuple(
        Bump(_LEVEL[rule.at_least], rule.says, rule.paths, rule.kinds, rule.labels) for rule in policy.versioning.bumps
    )
    return Source(component.path, TagFormat(component.tag, component.versions), component.shared, bumps)
