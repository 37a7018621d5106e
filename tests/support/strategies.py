"""Policies and facts for properties: a policy that asks for everything, facts that meet it, and damage to either.

Times lie on whole hours, so that whoever looks at every hour sees every change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import date
from typing import Any, TypeVar

from hypothesis import strategies as st

from tests.support.facts import (
    CHANGES,
    DAY,
    HOUR,
    HOUSE,
    NOW,
    approval,
    change_request,
    evidence,
    facts,
    head,
    hold,
    item,
    mark,
    merged,
    origin,
    person,
    release,
    running,
    subject,
    taken_backup,
    verified,
    way_back,
)
from tidegate.core.actor import Assurance
from tidegate.core.approval import Answer, Approval
from tidegate.core.change_request import Assessment, ChangeRequest, ChangeState
from tidegate.core.decision import Action, Question
from tidegate.core.drill import Drilled
from tidegate.core.evidence import Evidence
from tidegate.core.facts import Built, Change, Done, Facts, Hold, Item, Origin, Running, Stands, Verified
from tidegate.core.holiday import PublicHolidays
from tidegate.core.mark import Mark, MarkKind
from tidegate.core.migration.hazard import Brought, Danger, Hazard
from tidegate.core.paper import Migrates, Paper, Section
from tidegate.core.release import ReleaseState
from tidegate.core.risk import RiskFacts

T = TypeVar("T")

IMAGE = "registry.example/billing"

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
        # What is built is declared once; all else may be asked for twice.
        if not (kind == "components" and entry in place.get(key, [])):
            place[key] = [*place.get(key, []), entry]

    return add


def _unless_set(section: str, key: str, value: Any, kind: str = "environments") -> Callable[[dict[str, Any]], None]:
    """Set what is not set."""
    return lambda document: document[kind][section].setdefault(key, value)


def _train(document: dict[str, Any]) -> None:
    ride = {"of": {"kind": "module"}, "every": "week on tuesday at 10:00", "from": "2026-02-10", "lasts": "6h"}
    document.setdefault("trains", {"modules": ride})


def _from_main(document: dict[str, Any]) -> None:
    document.setdefault("branches", {"main": {"pattern": "main"}})
    document["environments"]["production"].setdefault("deploy_from", ["main"])


def _change(document: dict[str, Any]) -> None:
    document.setdefault("changes", deepcopy(CHANGES))


def _change_of_the_type(document: dict[str, Any]) -> None:
    _change(document)
    document["release_types"]["minor"].setdefault("change", "normal")


def _blackout(document: dict[str, Any], first: str, last: str) -> None:
    calendar = document.setdefault("calendar", {"blackouts": []})
    calendar["blackouts"].append({"name": f"from {first}", "from": first, "to": last})


CYCLE = {
    "name": "books",
    "every": "week on wednesday at 12:00",
    "from": "2026-01-07",
    "lasts": "20h",
    "closed": True,
}


def _year(document: dict[str, Any], key: str, entries: list[Any]) -> None:
    document.setdefault("calendar", {"blackouts": []}).setdefault(key, entries)


def _client(document: dict[str, Any], key: str, entries: list[Any]) -> None:
    acme = document.setdefault("clients", {"acme": {"title": "Acme", "timezone": "America/Denver"}})
    acme["acme"].setdefault(key, entries)
    document["components"]["billing"]["client"] = "acme"


def _document(document: dict[str, Any], name: str, more: dict[str, Any]) -> None:
    document.setdefault("documents", {})[name] = {"title": name, "path": f"{name}.md", "sections": ["Why"]} | more
    document["environments"]["production"].setdefault("documents", []).append(name)


def _checklist(document: dict[str, Any]) -> None:
    points = {"docs": {"says": "Documented", "by": "tech-leads"}, "tests": {"says": "Tested", "gate": "tests"}}
    document["checklists"] = {"ready": {"title": "Ready", "items": points}}
    document["environments"]["production"]["checklists"] = ["ready"]


def _backup(document: dict[str, Any]) -> None:
    of = {"postgres": {"url": {"env": "DATABASE"}}}
    document["backups"] = {"database": {"title": "Database", "of": of, "offsite": {"to": "gdrive:backups"}}}
    document["environments"]["production"]["backups"] = ["database"]


def _migrations(document: dict[str, Any]) -> None:
    document["migrations"] = {}
    document["components"]["billing"]["migrations"] = "billing/migrations"


def _drill(document: dict[str, Any]) -> None:
    document["drills"] = {"way-back": {"title": "Way back", "of": "rollback", "every": "quarterly", "blocks": True}}


def _learned(document: dict[str, Any]) -> None:
    """Olga has learned to release; nobody else has."""
    document["trainings"] = {"releasing": {"title": "Releasing", "before": ["start"]}}
    document["people"]["olga"]["trained"] = {"releasing": "2026-01-15"}


DEMANDS: Mapping[str, Callable[[dict[str, Any]], None]] = {
    "an image": _unless_set("billing", "artifacts", [{"image": IMAGE}], "components"),
    "a gate": _more("production", "gates", "coverage"),
    "another gate": _more("production", "gates", "smoke"),
    "a gate of the type": _more("minor", "gates", "smoke", "release_types"),
    "the owners": _more("production", "approvals", {"from": "$owners"}),
    "two of the team": _more("production", "approvals", {"from": "module-team", "count": 2}),
    "access": _unless_set("production", "access", ["ops"]),
    "a training": _learned,
    "whoever starts it": lambda document: document.setdefault("separation", ["author", "deployer"]),
    "a lead": _more("minor", "approvals", {"from": "tech-leads", "as": "review", "lasts": "2h"}, "release_types"),
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
    "a branch": _from_main,
    "a document": lambda document: _document(document, "rfc", {}),
    "a document of migrations": lambda document: _document(document, "plan", {"only": "migrations"}),
    "a reviewed document": lambda document: _document(document, "guide", {"reviewed_by": "tech-leads"}),
    "a checklist": _checklist,
    "a backup": _backup,
    "migrations": _migrations,
    "a drill": _drill,
    "a way back tried out": lambda document: document.setdefault("rollback", {}).update({"validated": True}),
    "a criterion": _unless_set("minor", "criteria", ["Data loss"], "release_types"),
    "a horizon": _unless_set("minor", "horizon", "1-2 weeks", "release_types"),
    "a frequency": _unless_set("minor", "frequency", "weekly", "release_types"),
    "kinds of change": _unless_set("minor", "allows", ["feat", "fix"], "release_types"),
    "the convention": lambda document: document.setdefault("versioning", {"unconventional": "refuse"}),
    "a change request": _change,
    "a change request of the type": _change_of_the_type,
    "a client's windows": lambda document: _client(document, "windows", [{"from": "08:00", "to": "18:00"}]),
    "a component's windows": lambda document: document["components"]["billing"].setdefault(
        "windows", [{"from": "08:30", "to": "18:30"}]
    ),
    "a client's blackout": lambda document: _client(
        document, "blackouts", [{"name": "fair", "from": "2026-12-07", "to": "2026-12-07"}]
    ),
    "a milestone": lambda document: document.setdefault(
        "milestones", {"features": {"title": "Features", "at": "-3d", "allow": ["fix"]}}
    ),
    "maintenance": lambda document: _year(
        document, "maintenance", [{"name": "by day", "from": "07:00", "to": "21:00"}]
    ),
    "holidays": lambda document: _year(document, "holidays", [{"country": "US"}]),
    "a business cycle": lambda document: _year(document, "business_cycles", [CYCLE]),
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

GOOD_RELEASE = release(
    item(requires={"identity": ">=1.4"}, built=(Built("image", IMAGE, "sha256:image", pushed=True),)),
    planned_at=NOW,
    criterion="Data loss",
)
_WAY_BACK = {"valid": True, "units": 2, "online": 2, "kept": 2, "problems": 0, "returns_to": "1.0.0"}
GOOD_EVIDENCE = (
    *(evidence(kind) for kind in ("junit", "coverage", "smoke")),
    evidence("rollback-plan", GOOD_RELEASE.items[0], _WAY_BACK, environment="production"),
)
GOOD_APPROVALS = tuple(approval(name) for name in ("alice", "carol", "erin", "frank"))
GOOD_VERIFIED = (verified(at=NOW - 3 * DAY),)
GOOD_RUNNING = (
    running("1.4.2", "identity", requires={"billing": "^1"}),
    *(running("1.4.2", "identity", environment=where) for where in ("staging", "nowhere")),
    running("1.0.0", "billing"),
)
GOOD_ORIGINS = (origin(),)
GOOD_PAPERS = tuple(
    Paper(name, "billing", f"{name}.md", f"sha256:{name}", sections=(Section("Why", True),))
    for name in ("rfc", "plan", "guide")
)
GOOD_MARKS = (
    mark(MarkKind.REVIEW, "guide", "billing", "carol", subject="sha256:guide"),
    mark(MarkKind.TICK, "ready", "docs", "carol"),
)
GOOD_DONE = (Done("billing", "minor", "production", "billing-1.0.0", NOW - 30 * DAY),)
GOOD_CHANGES = (change_request(GOOD_RELEASE),)
GOOD_BROUGHT = (Brought("billing", "production", "1.0.0", ("0002_more",)),)
GOOD_STANDS = (Stands("billing", "production", "1.0.0"),)
GOOD_DRILLS = (Drilled("drill-1", "way-back", NOW - 10 * DAY, True, "olga", 60),)
GOOD = facts(
    GOOD_RELEASE,
    evidence=GOOD_EVIDENCE,
    approvals=GOOD_APPROVALS,
    verified=GOOD_VERIFIED,
    running=GOOD_RUNNING,
    origins=GOOD_ORIGINS,
    papers=GOOD_PAPERS,
    marks=GOOD_MARKS,
    migrates=(Migrates("billing", True),),
    done=GOOD_DONE,
    change_requests=GOOD_CHANGES,
    backups=(taken_backup(),),
    brought=GOOD_BROUGHT,
    stands=GOOD_STANDS,
    drills=GOOD_DRILLS,
    holidays=(PublicHolidays("US", "", date(2025, 1, 1), date(2028, 12, 31), {"2026-12-03": "Feast"}),),
)
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

stands: st.SearchStrategy[Running] = st.builds(
    running,
    st.sampled_from(["", "1.3.0", "1.4.2", "2.0.0-rc.1", "main"]),
    st.sampled_from(["billing", "identity", "platform"]),
    requires=st.sampled_from([{}, {"billing": "^1"}, {"billing": ">=2"}, {"billing": "soon"}]),
    environment=st.sampled_from(["production", "staging"]),
)

origins: st.SearchStrategy[Origin] = st.builds(
    lambda heads, of, unknown: origin(*heads, of=of, unknown=unknown),
    st.lists(
        st.builds(head, st.sampled_from(["heads/main", "remotes/origin/main", "tags/v1.1.0"]), st.booleans()),
        min_size=1,
        max_size=2,
    ),
    items,
    st.sampled_from(["", "this is a shallow clone"]),
)

papers: st.SearchStrategy[Paper] = st.builds(
    Paper,
    st.sampled_from(["rfc", "plan", "guide"]),
    st.sampled_from(["billing", "identity"]),
    st.sampled_from(["rfc.md", "plan.md", "attached"]),
    st.sampled_from(["", "sha256:x"]),
    unedited=st.sampled_from([True, False, None]),
    unknown=st.sampled_from(["", "it is not here"]),
)

marks: st.SearchStrategy[Mark] = st.builds(
    lambda about, by, changes: mark(about[0], about[1], about[2], by, **changes),
    st.sampled_from(
        [(MarkKind.TICK, "ready", "docs"), (MarkKind.REVIEW, "guide", "billing"), (MarkKind.WAIVER, "tests", "")]
    ),
    st.sampled_from(["carol", "bob", "mallory"]),
    st.fixed_dictionaries(
        {"id": st.uuids().map(str)},
        optional={"subject": st.just("sha256:x"), "at": ages, "ended_at": st.just(NOW), "invalid": st.just("no key")},
    ),
)

dones: st.SearchStrategy[Done] = st.builds(
    Done,
    st.sampled_from(["billing", "identity"]),
    st.sampled_from(["minor", "hotfix"]),
    st.sampled_from(["production", "staging"]),
    st.sampled_from(["billing-0.9.0", "billing-1.1.0"]),
    ages,
)

migrations: st.SearchStrategy[Migrates] = st.builds(
    Migrates, st.sampled_from(["billing", "identity"]), st.sampled_from([True, False, None])
)

change_requests: st.SearchStrategy[ChangeRequest] = st.builds(
    lambda changes: change_request(GOOD_RELEASE, **changes),
    st.fixed_dictionaries(
        {"id": st.uuids().map(str)},
        optional={
            "category": st.sampled_from(["major", "standard", "colossal"]),
            "state": st.sampled_from(list(ChangeState)),
            "entry": st.sampled_from(["Update the translations", "Rewrite it all"]),
            "answers": st.sampled_from([(), ("bob",), ("erin", "carol"), ("mallory",)]),
            "minutes": st.just("minutes of Monday"),
            "steps": st.sampled_from([(), ("testing", "testing"), ("dancing",)]),
            "mitigations": st.sampled_from([(), ("Extensive testing", "Phased rollout")]),
            "assessment": st.none() | st.just(Assessment("high", "high", ("billing",), (), "1h", "all", "none")),
            "facts": st.none() | st.builds(RiskFacts, migrations=st.integers(0, 9), breaking=st.integers(0, 2)),
        },
    ),
)

_BILLING = st.sampled_from(["billing", "identity"])
_WHERE = st.sampled_from(["production", "staging"])

brought: st.SearchStrategy[Brought] = st.builds(
    Brought,
    _BILLING,
    _WHERE,
    st.sampled_from(["", "0.9.0", "1.0.0"]),
    st.just(("0002_less",)),
    st.lists(
        st.builds(Hazard, st.sampled_from(list(Danger)), st.just("billing/migrations/0002.sql"), st.integers(1, 9)),
        max_size=2,
    ).map(tuple),
    st.sampled_from(["", "invoices.total"]),
    st.sampled_from(["", "the history is shallow"]),
)

drills: st.SearchStrategy[Drilled] = st.builds(
    Drilled,
    st.uuids().map(str),
    st.sampled_from(["way-back", "another"]),
    st.integers(-1, 200).map(lambda days: NOW - days * DAY),
    st.booleans(),
    st.just("olga"),
    st.none() | st.integers(0, 9_000),
    st.sampled_from(["", "nobody has signed it"]),
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
            "planned_at": st.none() | ages,
            "criterion": st.sampled_from(["", "Data loss"]),
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
    mostly(GOOD_RUNNING, stands),
    mostly(GOOD_ORIGINS, origins),
    mostly(GOOD_MARKS, marks),
    mostly(GOOD_PAPERS, papers),
    mostly((Migrates("billing", True),), migrations),
    mostly(GOOD_DONE, dones),
    change_requests=mostly(GOOD_CHANGES, change_requests),
    brought=mostly(GOOD_BROUGHT, brought),
    stands=mostly(GOOD_STANDS, st.builds(Stands, _BILLING, _WHERE, st.sampled_from(["", "0.9.0", "1.0.0"]))),
    drills=mostly(GOOD_DRILLS, drills),
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

TIMES = {
    *("notice", "windows", "a freeze", "a train", "a blackout now", "a blackout later", "staging", "a soak"),
    *("a horizon", "a frequency", "a milestone", "maintenance", "holidays", "a business cycle"),
    *("a client's windows", "a client's blackout"),
}
times = st.frozensets(st.sampled_from(sorted(TIMES)))
"""Those of the demands that pass by waiting."""

late: st.SearchStrategy[Facts] = st.builds(
    lambda announced, content, there, held: replace(
        GOOD,
        release=release(item(content_at=NOW + content), announced_at=NOW + announced, planned_at=NOW),
        verified=(verified(at=NOW + there),),
        holds=tuple(hold(id=str(n), expires_at=NOW + expires) for n, expires in enumerate(held)),
    ),
    st.integers(-9 * 24, -24).map(lambda n: n * HOUR),
    st.integers(-6 * 24, -6).map(lambda n: n * HOUR),
    st.integers(-72, -6).map(lambda n: n * HOUR),
    st.lists(st.integers(-5 * 24, 5 * 24).map(lambda n: n * HOUR), max_size=2),
)
"""Facts that meet every demand but those of time, which they meet sooner or later."""
