from __future__ import annotations

from typing import Any

from tests.support.facts import NOW, Case, evidence, facts, item, mark, release, subject, table
from tidegate.core.facts import Change, Facts
from tidegate.core.mark import Mark, MarkKind
from tidegate.core.paper import Migrates, Paper
from tidegate.core.verdict import Verdict

ALLOW, DENY, CANNOT_TELL = Verdict.ALLOW, Verdict.DENY, Verdict.CANNOT_TELL


def asks(more: dict[str, Any] | None = None, **items: dict[str, Any]) -> dict[str, Any]:
    points = {name: {"says": f"{name} is done"} | point for name, point in items.items()}
    return {
        "environments": {"production": {"checklists": ["ready"]}},
        "checklists": {"ready": {"title": "Ready", "items": points}},
    } | (more or {})


def tick(point: str = "docs", by: str = "carol", **changes: Any) -> Mark:
    return mark(MarkKind.TICK, "ready", point, by, **changes)


def ticked(*ticks: Mark, **more: Any) -> Facts:
    return facts(marks=ticks, **more)


LEADS = {"by": "tech-leads"}
SHOW = "look at each: tidegate checklist show billing-1.1.0"
TICK = f"tidegate checklist tick billing-1.1.0 ready docs, by one of: carol; {SHOW}"
OPEN = '1 of 1 point of Ready is open: "docs is done": nobody of tech-leads has ticked it'


@table(
    Case(
        "ticked",
        "checklist.ready",
        ALLOW,
        "1 point of Ready: all are ticked",
        policy=asks(docs=LEADS),
        facts=ticked(tick()),
    ),
    Case("open", "checklist.ready", DENY, OPEN, TICK, asks(docs=LEADS)),
    Case(
        "by somebody else",
        "checklist.ready",
        DENY,
        f"{OPEN}; bob may not",
        TICK,
        asks(docs=LEADS),
        ticked(tick(by="bob")),
    ),
    Case(
        "of another subject",
        "checklist.ready",
        DENY,
        f"{OPEN}; carol said it before something changed",
        TICK,
        asks(docs=LEADS),
        facts(release(item(subject=subject(source="sha256:new"))), marks=(tick(),)),
    ),
    Case(
        "taken back",
        "checklist.ready",
        DENY,
        f"{OPEN}; carol took it back",
        TICK,
        asks(docs=LEADS),
        ticked(tick(ended_at=NOW)),
    ),
    Case(
        "whose signature fails",
        "checklist.ready",
        DENY,
        f"{OPEN}; carol: no such key",
        TICK,
        asks(docs=LEADS),
        ticked(tick(invalid="no such key")),
    ),
    Case(
        "whoever may open releases",
        "checklist.ready",
        ALLOW,
        "1 point of Ready: all are ticked",
        policy=asks({"permits": {"start": ["ops"], "open": ["bob"]}}, docs={}),
        facts=ticked(tick(by="bob")),
    ),
    Case(
        "nobody may",
        "checklist.ready",
        DENY,
        '1 of 1 point of Ready is open: "docs is done": nobody has ticked it',
        SHOW,
        asks(docs={}),
    ),
    Case(
        "not needed, which cannot be said",
        "checklist.ready",
        DENY,
        f"{OPEN}; carol says that it is not needed",
        TICK,
        asks(docs=LEADS),
        ticked(tick(not_needed=True, reason="no change")),
    ),
    Case(
        "not needed",
        "checklist.ready",
        ALLOW,
        "1 point of Ready: all are ticked",
        policy=asks(docs=LEADS | {"only": "if-needed"}),
        facts=ticked(tick(not_needed=True, reason="no change")),
    ),
)
def test_a_point_that_people_tick(case: Case) -> None:
    case.hold()


GUIDE = {"documents": {"guide": {"title": "Guide", "path": "guide.md"}}}


@table(
    Case(
        "by a gate that passes",
        "checklist.ready",
        ALLOW,
        "1 point of Ready: all are ticked",
        policy=asks(tests={"gate": "tests"}),
    ),
    Case(
        "by a gate without evidence",
        "checklist.ready",
        CANNOT_TELL,
        '1 of 1 point of Ready is open: "tests is done": gate.coverage',
        SHOW,
        asks(tests={"gate": "coverage"}),
    ),
    Case(
        "by a gate that fails",
        "checklist.ready",
        DENY,
        '1 of 1 point of Ready is open: "tests is done": gate.tests',
        SHOW,
        asks(tests={"gate": "tests"}),
        facts(evidence=(evidence(values={"failed": 1}),)),
    ),
    Case(
        "by a document that is not there",
        "checklist.ready",
        DENY,
        '1 of 1 point of Ready is open: "text is done": document.guide',
        f"{SHOW}, and tidegate document list billing-1.1.0",
        asks(GUIDE, text={"document": "guide"}),
        facts(papers=(Paper("guide", "billing", "guide.md"),)),
    ),
    Case(
        "by a document",
        "checklist.ready",
        ALLOW,
        "1 point of Ready: all are ticked",
        policy=asks(GUIDE, text={"document": "guide"}),
        facts=facts(papers=(Paper("guide", "billing", "guide.md", "sha256:a"),)),
    ),
    Case(
        "of another type",
        "checklist.ready",
        ALLOW,
        "0 points of Ready: all are ticked",
        policy=asks(load={"types": ["hotfix"]}),
    ),
    Case(
        "of breaking changes",
        "checklist.ready",
        DENY,
        '1 of 1 point of Ready is open: "load is done": nobody has ticked it',
        SHOW,
        asks(load={"only": "breaking"}),
        facts(release(item(changes=(Change("c0ffee", "fix", "x", breaking=True),)))),
    ),
    Case(
        "of no breaking change",
        "checklist.ready",
        ALLOW,
        "0 points of Ready: all are ticked",
        policy=asks(load={"only": "breaking"}),
    ),
    Case(
        "of no migration",
        "checklist.ready",
        ALLOW,
        "0 points of Ready: all are ticked",
        policy=asks(load={"only": "migrations"}),
        facts=facts(migrates=(Migrates("billing", False),)),
    ),
    Case(
        "of migrations that nobody looked for",
        "checklist.ready",
        DENY,
        '1 of 1 point of Ready is open: "load is done": nobody has ticked it',
        SHOW,
        asks(load={"only": "migrations"}),
    ),
    Case(
        "of a gate of another type",
        "checklist.ready",
        ALLOW,
        "1 point of Ready: all are ticked",
        policy=asks(
            {"gates": {"load": {"evidence": "junit", "pass": "tests.failed == 0", "types": ["hotfix"]}}},
            load={"gate": "load"},
        ),
        facts=facts(evidence=(evidence(values={"failed": 1}),)),
    ),
    Case(
        "many are open",
        "checklist.ready",
        DENY,
        "7 of 7 points of Ready are open: "
        + "; ".join(f'"p{n} is done": nobody has ticked it' for n in range(5))
        + "; and 2 more",
        SHOW,
        asks(**{f"p{n}": {} for n in range(7)}),
    ),
)
def test_a_point_that_is_ticked_otherwise(case: Case) -> None:
    case.hold()
