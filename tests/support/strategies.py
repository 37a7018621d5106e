"""Policies and facts for properties: a policy that asks for everything, facts that meet it, and damage to either.

Times lie on whole hours, so that whoever looks at every hour sees every change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any, TypeVar

from hypothesis import strategies as st

from tests.support.facts import (
    DAY,
    HOUR,
    HOUSE,
    NOW,
    approval,
    evidence,
    facts,
    hold,
    item,
    merged,
    person,
    release,
    subject,
    verified,
    way_back,
)
from tidegate.core.actor import Assurance
from tidegate.core.approval import Answer, Approval
from tidegate.core.decision import Action, Question
from tidegate.core.evidence import Evidence
from tidegate.core.facts import Change, Facts, Hold, Item, Verified
from tidegate.core.release import ReleaseState

T = TypeVar("T")

ROOMY: dict[str, Any] = merged(
    HOUSE,
    {
        "people": {
            "erin": {"name": "Erin", "groups": ["module-team", "tech-leads"]},
            "frank": {"name": "Frank", "groups": ["module-team"]},
        },
        "watch": {"production": {"for": "1h", "roll_back_when": [{"health_check": "failed"}]}},
    },
)
"""The house with enough people to fill the seats that the demands below ask for."""


def _more(section: str, key: str, entry: Any, kind: str = "environments") -> Callable[[dict[str, Any]], None]:
    """Append to a list of an environment or a release type."""

    def add(document: dict[str, Any]) -> None:
        place = document[kind][section]
        place[key] = [*place.get(key, []), entry]

    return add


def _unless_set(section: str, key: str, value: Any, kind: str = "environments") -> Callable[[dict[str, Any]], None]:
    """Set what is not set."""
    return lambda document: document[kind][section].setdefault(key, value)


def _train(document: dict[str, Any]) -> None:
    ride = {"of": {"kind": "module"}, "every": "week on tuesday at 10:00", "from": "2026-02-10", "lasts": "6h"}
    document.setdefault("trains", {"modules": ride})


def _blackout(document: dict[str, Any], first: str, last: str) -> None:
    calendar = document.setdefault("calendar", {"blackouts": []})
    calendar["blackouts"].append({"name": f"from {first}", "from": first, "to": last})


DEMANDS: Mapping[str, Callable[[dict[str, Any]], None]] = {
    "a gate": _more("production", "gates", "coverage"),
    "another gate": _more("production", "gates", "smoke"),
    "a gate of the type": _more("minor", "gates", "smoke", "release_types"),
    "the owners": _more("production", "approvals", {"from": "$owners"}),
    "two of the team": _more("production", "approvals", {"from": "module-team", "count": 2}),
    "a lead": _more("minor", "approvals", {"from": "tech-leads", "as": "review"}, "release_types"),
    "staging": _more("production", "after", {"environment": "staging"}),
    "a soak": _more("production", "after", {"environment": "staging", "soak": "24h"}),
    "notice": _unless_set("minor", "notice", "7d", "release_types"),
    "windows": _unless_set(
        "production",
        "windows",
        [{"days": "mon-thu", "from": "09:00", "to": "16:00"}, {"days": "fri", "from": "09:00", "to": "11:00"}],
    ),
    "a freeze": _unless_set("production", "freeze", {"before": "2d"}),
    "a train": _train,
    "a blackout now": lambda document: _blackout(document, "2026-12-01", "2026-12-02"),
    "a blackout later": lambda document: _blackout(document, "2026-12-04", "2026-12-08"),
}
"""What a policy may ask for besides; each changes a document in place."""


def document(demands: Iterable[str]) -> dict[str, Any]:
    """The roomy house, with these demands."""
    made = deepcopy(ROOMY)
    for name in sorted(demands):
        DEMANDS[name](made)
    return made


demands = st.frozensets(st.sampled_from(sorted(DEMANDS)))

SUBJECTS = {
    "as it is": {},
    "another source": {"source": "sha256:x"},
    "another artifact": {"artifacts": "sha256:x"},
    "another configuration": {"configuration": {"production": "sha256:x"}},
}

GOOD_RELEASE = release()
GOOD_EVIDENCE = tuple(evidence(kind) for kind in ("junit", "coverage", "smoke"))
GOOD_APPROVALS = tuple(approval(name) for name in ("alice", "carol", "erin", "frank"))
GOOD_VERIFIED = (verified(at=NOW - 3 * DAY),)
GOOD = facts(GOOD_RELEASE, evidence=GOOD_EVIDENCE, approvals=GOOD_APPROVALS, verified=GOOD_VERIFIED)
"""What meets every demand that is not about the time of day."""

hours = st.integers(0, 10 * 24).map(lambda n: n * HOUR)
moments = hours.map(lambda ahead: NOW - 5 * DAY + ahead)
ages = st.integers(0, 12 * 24).map(lambda n: NOW - n * HOUR)


def mostly(good: tuple[T, ...], bad: st.SearchStrategy[T]) -> st.SearchStrategy[tuple[T, ...]]:
    """What is good, some of it left out, and a little of what may be bad."""
    return st.tuples(st.sets(st.sampled_from(range(len(good))), max_size=2), st.lists(bad, max_size=3)).map(
        lambda both: (
            tuple(piece for i, piece in enumerate(good) if i not in both[0] or len(both[0]) == 1) + tuple(both[1])
        )
    )


items: st.SearchStrategy[Item] = st.builds(
    lambda name, parts, at, changes, authors: item(
        name, subject=subject(name, **parts), content_at=at, changes=changes, authors=authors
    ),
    st.sampled_from(["billing", "billing", "billing", "identity", "ledger"]),
    st.sampled_from(list(SUBJECTS.values())),
    ages,
    st.lists(st.sampled_from([Change("a", "feat", "a"), Change("b", "fix", "b"), Change("c", "", "c")])).map(tuple),
    st.lists(st.sampled_from(["bob", "alice", "frank"]), unique=True).map(tuple),
)

pieces: st.SearchStrategy[Evidence] = st.builds(
    lambda kind, about, at, changes: evidence(kind, about, taken_at=at, **changes),
    st.sampled_from(["junit", "coverage", "smoke"]),
    items,
    ages,
    st.fixed_dictionaries(
        {},
        optional={
            "values": st.sampled_from([{"failed": 1, "line": 0.5}, {"failed": None, "line": None}, {"line": 1.0}]),
            "source": st.sampled_from(["ci", "nightly"]),
            "environment": st.sampled_from(["production", "staging"]),
            "report": st.sampled_from(["sha256:a", "sha256:b"]),
            "bound": st.sampled_from([{}, {"source": "sha256:x"}, {"colour": "blue"}]),
        },
    ),
)

answers: st.SearchStrategy[Approval] = st.builds(
    lambda by, changes: approval(by, GOOD_RELEASE, **changes),
    st.sampled_from(["alice", "bob", "carol", "erin", "frank", "mallory"]),
    st.fixed_dictionaries(
        {"id": st.uuids().map(str)},
        optional={
            "answer": st.sampled_from(list(Answer)),
            "environment": st.sampled_from(["production", "staging"]),
            "subject": st.sampled_from(["sha256:x", GOOD_RELEASE.subject_for("production")]),
            "at": ages,
            "role": st.sampled_from(["review", "security"]),
            "invalid": st.just("the key was taken away"),
            "revoked_at": st.just(NOW),
            "actor": st.sampled_from([person("carol", Assurance.ASSERTED), person("erin", Assurance.SESSION)]),
        },
    ),
)

stays: st.SearchStrategy[Verified] = st.builds(verified, items, st.sampled_from(["staging", "production"]), ages)

holds: st.SearchStrategy[Hold] = st.builds(
    lambda changes: hold(**changes),
    st.fixed_dictionaries(
        {"id": st.uuids().map(str)},
        optional={
            "expires_at": moments,
            "environment": st.sampled_from(["production", "staging"]),
            "component": st.sampled_from(["billing", "identity"]),
        },
    ),
)

ways = st.builds(
    lambda changes: way_back(**changes),
    st.fixed_dictionaries(
        {},
        optional={
            "component": st.sampled_from(["billing", "identity"]),
            "version": st.sampled_from(["", "0.9.0"]),
            "verified_at": st.none() | ages,
            "loses_data": st.sampled_from([None, True, False]),
        },
    ),
)

releases = st.builds(
    lambda several, changes: replace(GOOD_RELEASE, items=tuple(several) or GOOD_RELEASE.items, **changes),
    st.lists(items, max_size=2, unique_by=lambda i: i.component),
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["minor", "hotfix", "mega"]),
            "state": st.sampled_from(list(ReleaseState)),
            "announced_at": st.none() | ages,
        },
    ),
)

somewhat_damaged: st.SearchStrategy[Facts] = st.builds(
    Facts,
    st.just(GOOD_RELEASE) | releases,
    mostly(GOOD_EVIDENCE, pieces),
    mostly(GOOD_APPROVALS, answers),
    mostly(GOOD_VERIFIED, stays),
    st.just(()) | st.lists(holds, max_size=2).map(tuple),
    st.just((way_back(),)) | st.lists(ways, max_size=2).map(tuple),
)
"""Facts that are mostly as they should be."""

questions: st.SearchStrategy[Question] = st.builds(
    Question,
    st.sampled_from([Action.START, *Action]),
    st.just(person("olga"))
    | st.builds(person, st.sampled_from(["olga", "bob", "mallory"]), st.sampled_from(Assurance)),
    st.sampled_from(["production", "production", "staging", "nowhere"]),
    st.sampled_from(["", GOOD_RELEASE.subject_for("production")]),
    st.booleans(),
)

TIMES = {"notice", "windows", "a freeze", "a train", "a blackout now", "a blackout later", "staging", "a soak"}
times = st.frozensets(st.sampled_from(sorted(TIMES)))
"""Those of the demands that pass by waiting."""

late: st.SearchStrategy[Facts] = st.builds(
    lambda announced, content, there, held: replace(
        GOOD,
        release=release(item(content_at=NOW + content), announced_at=NOW + announced),
        verified=(verified(at=NOW + there),),
        holds=tuple(hold(id=str(n), expires_at=NOW + expires) for n, expires in enumerate(held)),
    ),
    st.integers(-9 * 24, -24).map(lambda n: n * HOUR),
    st.integers(-6 * 24, -6).map(lambda n: n * HOUR),
    st.integers(-72, -6).map(lambda n: n * HOUR),
    st.lists(st.integers(-5 * 24, 5 * 24).map(lambda n: n * HOUR), max_size=2),
)
"""Facts that meet every demand but those of time, which they meet sooner or later."""
