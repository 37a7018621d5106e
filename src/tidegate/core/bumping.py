"""What makes a change larger than its commit says: the policy's own rules, by path, by kind and by label.

A commit says ``fix`` and changes the schema of the API: its users have more to do than with a fix. A rule names paths,
kinds, labels of the pull request, or several of these (then all must fit), and the least level of what it fits.
Source: HD-01, 7D-02.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tidegate.core.change import MERGE, Change
from tidegate.core.version import Level


class Bump(NamedTuple):
    """A rule: what fits it asks for at least ``at_least``. One that only ``says`` something fits nothing by itself."""

    at_least: Level
    says: str
    paths: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    def why(self, change: Change, touched: Sequence[str], labels: Sequence[str] = ()) -> str:
        """Why a change fits, in words; empty where it does not."""
        path = next((name for name in touched if any(_is_below(name, path) for path in self.paths)), "")
        label = next((label for label in labels if label in self.labels), "")
        asked = [(self.paths, path), (self.labels, label), (self.kinds, change.kind in self.kinds)]
        if not any(given for given, _ in asked) or any(given and not found for given, found in asked):
            return ""
        what = f"changes {path}" if path else f'has the label "{label}"' if label else f"is of the kind {change.kind}"
        return f"it {what}, which asks for at least {self.at_least.word}: {self.says}"


def _is_below(name: str, path: str) -> bool:
    return path == "." or name == path or name.startswith(f"{path}/")


def raised(
    changes: Sequence[Change],
    touched: Mapping[str, Sequence[str]],
    rules: Sequence[Bump],
    labels: Mapping[str, Sequence[str]] | None = None,
) -> tuple[Change, ...]:
    """The changes, each with the highest level that a rule asks of it.

    A merge that says nothing of its own is left as it is: the commits that it brought are judged themselves.

    Args:
        touched: the paths that each commit changes, from the repository's root; missing ones change none.
        labels: those of the pull request that each commit merged.
    """
    if not rules:
        return tuple(changes)
    marked = labels or {}
    return tuple(_raised(c, touched.get(c.sha, ()), rules, marked.get(c.sha, ())) for c in changes)


def _raised(change: Change, touched: Sequence[str], rules: Sequence[Bump], labels: Sequence[str]) -> Change:
    # What a merge changes was changed by the commits that it brought; its pull request's labels are its own.
    own = () if change.kind == MERGE else touched
    fitting = [(rule.at_least, why) for rule in rules if (why := rule.why(change, own, labels))]
    if not fitting:
        return change
    level, why = max(fitting, key=lambda found: found[0])
    return change._replace(at_least=level, because=why)
