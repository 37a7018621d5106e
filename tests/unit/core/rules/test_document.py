from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.support.facts import NOW, Case, facts, item, mark, release, table
from tidegate.core.evidence import Evidence
from tidegate.core.facts import Change, Facts
from tidegate.core.mark import Mark, MarkKind
from tidegate.core.paper import ATTACHED, Migrates, Paper, Section
from tidegate.core.verdict import Verdict

ALLOW, DENY, CANNOT_TELL = Verdict.ALLOW, Verdict.DENY, Verdict.CANNOT_TELL
GUIDE = {"title": "Migration guide", "path": "docs/{component}-{version}.md", "sections": ["Steps", "Way back"]}
THERE = Paper(
    "guide",
    "billing",
    "docs/billing-1.1.0.md",
    "sha256:guide",
    sections=(Section("Guide", True), Section("1. Steps:", True), Section("Way *back*", True)),
)
NOTHING = Paper("guide", "billing", "docs/billing-1.1.0.md")


def asks(**changes: Any) -> dict[str, Any]:
    document = {key: value for key, value in (GUIDE | changes).items() if value is not None}
    return {"environments": {"production": {"documents": ["guide"]}}, "documents": {"guide": document}}


def having(*papers: Paper, **more: Any) -> Facts:
    return facts(papers=papers, **more)


def review(**changes: Any) -> Mark:
    return mark(MarkKind.REVIEW, "guide", "billing", "carol", subject="sha256:guide", **changes)


BREAKING = release(item(changes=(Change("c0ffee", "feat", "another API", breaking=True),), from_version="0.9.0"))
COMMIT = "commit it for the next version, and open that: tidegate release open billing --version VERSION"
AGAIN = "commit it, and open the release again"
ATTACH = "tidegate document attach billing-1.1.0 guide FILE"
ABOUT = "Migration guide of billing 1.1.0"
WHERE = "docs/billing-1.1.0.md"


@table(
    Case(
        "there",
        "document.guide",
        ALLOW,
        f"Migration guide of billing is there ({WHERE})",
        policy=asks(),
        facts=having(THERE),
    ),
    Case(
        "not there",
        "document.guide",
        DENY,
        f"{ABOUT}: {WHERE} is not in the commit that is released",
        "begin it with tidegate document new guide --of billing, commit it, and open the release again",
        asks(),
        having(NOTHING),
    ),
    Case(
        "says nothing",
        "document.guide",
        DENY,
        f"{ABOUT}: {WHERE} says nothing",
        f"write it, {COMMIT}",
        asks(),
        having(replace(THERE, empty=True)),
    ),
    Case(
        "its template",
        "document.guide",
        DENY,
        f"{ABOUT}: {WHERE} is its template, unedited",
        f"fill it in, {COMMIT}",
        asks(),
        having(replace(THERE, unedited=True)),
    ),
    Case(
        "placeholders",
        "document.guide",
        DENY,
        f"{ABOUT}: {WHERE} still has {{who}}, {{when}} of its template",
        f"fill it in, {COMMIT}",
        asks(),
        having(replace(THERE, left=("{who}", "{when}"))),
    ),
    Case(
        "a heading is absent",
        "document.guide",
        DENY,
        f'{ABOUT}: {WHERE} has no heading "Way back"',
        f'add the heading "Way back", {COMMIT}',
        asks(),
        having(replace(THERE, sections=THERE.sections[:2])),
    ),
    Case(
        "nothing below a heading",
        "document.guide",
        DENY,
        f'{ABOUT}: nothing stands below "Way back"',
        f'write something below "Way back", {COMMIT}',
        asks(),
        having(replace(THERE, sections=(*THERE.sections[:2], Section("Way back", False)))),
    ),
    Case(
        "no Markdown",
        "document.guide",
        ALLOW,
        f"Migration guide of billing is there ({WHERE})",
        policy=asks(),
        facts=having(replace(THERE, sections=(), markdown=False)),
    ),
    Case(
        "no template",
        "document.guide",
        CANNOT_TELL,
        f"{ABOUT}: its template t.md is not there, so nobody can tell whether {WHERE} was edited",
        "commit the template t.md, and open the release again",
        asks(template="t.md"),
        having(replace(THERE, unedited=None)),
    ),
    Case(
        "unreadable",
        "document.guide",
        CANNOT_TELL,
        f"{ABOUT}: the commit is not here",
        "ask where the repository is, with its whole history",
        asks(),
        having(replace(NOTHING, unknown="the commit is not here")),
    ),
    Case(
        "nobody has looked",
        "document.guide",
        CANNOT_TELL,
        "nobody has looked for Migration guide of billing",
        "ask where the repository is, by a command or a worker of this version",
        asks(),
    ),
    Case(
        "looked for elsewhere",
        "document.guide",
        CANNOT_TELL,
        "nobody has looked for Migration guide of billing",
        "ask where the repository is, by a command or a worker of this version",
        asks(),
        having(replace(THERE, where="docs/other.md")),
    ),
    Case(
        "nothing is attached",
        "document.guide",
        DENY,
        f"{ABOUT}: nothing is attached",
        f"write it and attach it: {ATTACH}",
        asks(path=None),
        having(replace(NOTHING, where=ATTACHED)),
    ),
    Case(
        "what is attached is empty",
        "document.guide",
        DENY,
        f"{ABOUT}: what is attached says nothing",
        f"write it, then {ATTACH}",
        asks(path=None),
        having(replace(THERE, where=ATTACHED, empty=True)),
    ),
    Case(
        "of the type, in staging",
        "document.guide",
        policy={
            "release_types": {"minor": {"documents": ["guide"]}},
            "documents": {"guide": GUIDE},
            "environments": {"production": {"purpose": "staging"}},
        },
    ),
    Case(
        "of the type",
        "document.guide",
        ALLOW,
        f"Migration guide of billing is there ({WHERE})",
        policy={"release_types": {"minor": {"documents": ["guide"]}}, "documents": {"guide": GUIDE}},
        facts=having(THERE),
    ),
)
def test_a_document(case: Case) -> None:
    case.hold()


@table(
    Case("nothing breaks", "document.guide", policy=asks(only="breaking")),
    Case(
        "something breaks, before 1.0.0",
        "document.guide",
        DENY,
        f"{ABOUT}: {WHERE} is not in the commit that is released",
        "begin it with tidegate document new guide --of billing, commit it, and open the release again",
        asks(only="breaking"),
        facts(BREAKING, papers=(NOTHING,)),
    ),
    Case(
        "no migration",
        "document.guide",
        policy=asks(only="migrations"),
        facts=having(migrates=(Migrates("billing", False),)),
    ),
    Case(
        "a migration",
        "document.guide",
        DENY,
        f"{ABOUT}: {WHERE} is not in the commit that is released",
        "begin it with tidegate document new guide --of billing, commit it, and open the release again",
        asks(only="migrations"),
        having(NOTHING, migrates=(Migrates("billing", True),)),
    ),
    Case(
        "nobody can tell of migrations",
        "document.guide",
        CANNOT_TELL,
        "Migration guide of billing is asked for where migrations change, and nobody can tell: "
        f"{WHERE} is not in the commit that is released",
        "ask where the repository is, with its whole history; or write it",
        asks(only="migrations"),
        having(NOTHING, migrates=(Migrates("billing", None, "no tag"),)),
    ),
    Case(
        "nobody looked for migrations, and it is there",
        "document.guide",
        ALLOW,
        f"Migration guide of billing is there ({WHERE})",
        policy=asks(only="migrations"),
        facts=having(THERE),
    ),
    Case(
        "nobody says of downtime",
        "document.guide",
        CANNOT_TELL,
        "Migration guide of billing is asked for where systems stand still, and nobody can tell: "
        f"{WHERE} is not in the commit that is released",
        "say whether it has downtime: tidegate release amend billing-1.1.0 --downtime, or --no-downtime; or write it",
        asks(only="downtime"),
        having(NOTHING),
    ),
    Case("no downtime", "document.guide", policy=asks(only="downtime"), facts=facts(release(downtime=False))),
)
def test_a_document_that_some_releases_need(case: Case) -> None:
    case.hold()


REVIEW = "tidegate document review billing-1.1.0 guide, by one of: carol"
NOBODY = f"Migration guide of billing is there ({WHERE}), and nobody of tech-leads has reviewed it"


@table(
    Case("not reviewed", "document.guide", DENY, NOBODY, REVIEW, asks(reviewed_by="tech-leads"), having(THERE)),
    Case(
        "reviewed",
        "document.guide",
        ALLOW,
        f"Migration guide of billing is there ({WHERE}), reviewed by carol",
        policy=asks(reviewed_by="tech-leads"),
        facts=having(THERE, marks=(review(),)),
    ),
    Case(
        "of another content",
        "document.guide",
        DENY,
        f"{NOBODY}; not counted: carol said it before something changed",
        REVIEW,
        asks(reviewed_by="tech-leads"),
        having(replace(THERE, digest="sha256:new"), marks=(review(),)),
    ),
    Case(
        "by somebody else",
        "document.guide",
        DENY,
        f"{NOBODY}; not counted: bob may not",
        REVIEW,
        asks(reviewed_by="tech-leads"),
        having(THERE, marks=(mark(MarkKind.REVIEW, "guide", "billing", "bob", subject="sha256:guide"),)),
    ),
    Case(
        "by an author",
        "document.guide",
        DENY,
        f"Migration guide of billing is there ({WHERE}), and nobody of module-team has reviewed it; "
        "not counted: bob may not",
        "tidegate document review billing-1.1.0 guide, by one of: alice",
        asks(reviewed_by="module-team"),
        having(THERE, marks=(mark(MarkKind.REVIEW, "guide", "billing", "bob", subject="sha256:guide"),)),
    ),
    Case(
        "whose signature fails",
        "document.guide",
        DENY,
        f"{NOBODY}; not counted: carol: no such key",
        REVIEW,
        asks(reviewed_by="tech-leads"),
        having(THERE, marks=(review(invalid="no such key"),)),
    ),
    Case(
        "taken back",
        "document.guide",
        DENY,
        f"{NOBODY}; not counted: carol took it back",
        REVIEW,
        asks(reviewed_by="tech-leads"),
        having(THERE, marks=(review(ended_at=NOW),)),
    ),
)
def test_a_document_that_somebody_reviews(case: Case) -> None:
    case.hold()


COUNTED = asks() | {
    "gates": {
        "complete": {
            "evidence": "documents",
            "pass": "documents.present == documents.required && documents.empty_sections == 0",
        }
    },
    "environments": {"production": {"documents": ["guide"], "gates": ["complete"]}},
}


@table(
    Case(
        "counted",
        "gate.complete",
        ALLOW,
        "documents from the release itself: documents.present == documents.required: allow (documents.present = 1; "
        "documents.required = 1), documents.empty_sections == 0: allow (documents.empty_sections = 0)",
        policy=COUNTED,
        facts=having(THERE),
    ),
)
def test_a_gate_counts_the_documents_without_a_report(case: Case) -> None:
    finding = case.hold()
    assert finding is not None
    assert not any(isinstance(found, Evidence) for found in finding.looked_at)


def test_what_lies_at_one_path_for_all_versions_is_begun_without_one() -> None:
    case = Case(
        "at one path",
        "document.guide",
        DENY,
        f"{ABOUT}: docs/billing.md is not in the commit that is released",
        f"begin it with tidegate document new guide --of billing, {AGAIN}",
        asks(path="docs/{component}.md"),
        having(replace(NOTHING, where="docs/billing.md")),
    )
    case.hold()
