"""What needs notice is announced in time for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.lint.saying import length, listed
from tidegate.core.naming import Path
from tidegate.core.notice import announcements, early_announcements, notice_of
from tidegate.core.policy import Policy
from tidegate.core.rules.saying import article


def _check(given: Given) -> Iterator[Found]:
    policy = given.policy
    silent: dict[timedelta, list[str]] = {}
    for name in policy.release_types:
        notice = notice_of(policy, name)
        if notice is None:
            continue
        if not announcements(policy, name):
            silent.setdefault(notice, []).append(name)
        elif early_announcements(policy, name):
            yield _late(policy, name, notice)
    for notice, names in silent.items():
        first, *others = [_path(name) for name in names]
        yield Found(
            first,
            f"{_releases(names)} needs {length(notice)} of notice, and no message announces it: it never goes",
            "add to communication: {on: release.opened, to: CHANNEL, say: announced}, or ask for no notice",
            also=tuple(others),
        )


def _late(policy: Policy, name: str, notice: timedelta) -> Found:
    soonest = min(message.at or timedelta(0) for message in announcements(policy, name))
    when = f"{length(-soonest)} before" if soonest else "when it goes"
    return Found(
        _path(name),
        f"{article(name)} release needs {length(notice)} of notice, and is announced {when}; it is therefore announced "
        f"{length(notice)} before as well",
        f"announce it at -{length(notice)} or on: release.opened, or ask for less notice",
        also=tuple(
            ("communication", index)
            for index, message in enumerate(policy.communication)
            if message in announcements(policy, name)
        ),
    )


def _path(name: str) -> Path:
    return ("release_types", name, "notice")


def _releases(names: list[str]) -> str:
    return f"{article(names[0])} release" if len(names) == 1 else f"a release of type {listed(names)}"


LINT = Lint(
    "contradiction.notice",
    "What needs notice is announced in time for it.",
    "7D-09",
    Severity.WARNING,
    _check,
)
