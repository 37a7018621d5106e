"""Documents, checklists and waivers as people work with them: from what Git holds and from what they sign."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.flows import Organisation, refused
from tests.support.gitrepo import GitRepository
from tidegate.core.actor import Actor, Assurance
from tidegate.core.decision import Action, Decision, Question
from tidegate.core.verdict import Verdict
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError, UsageError
from tidegate.orchestration import checklist, document, waiver
from tidegate.orchestration import release as release_flow
from tidegate.orchestration.judge import judge
from tidegate.orchestration.release import Intent
from tidegate.orchestration.seen import look

DAY = timedelta(days=1)
MakeOrg = Callable[..., Organisation]


def production(**asks: Any) -> dict[str, Any]:
    return {"environments": {"production": asks}}


def asked(org: Organisation, release: str) -> Decision:
    """What ``tidegate check`` says, with the documents looked at."""
    question = Question(Action.START, Actor("rita", "ssh", Assurance.SIGNATURE), "production")
    in_git = look(org.house, release)
    with org.house.database.read() as connection:
        return judge(connection, release, question, org.house.now(), in_git=in_git).decision


def told(org: Organisation, release: str, rule: str) -> tuple[Verdict, str]:
    (found,) = (finding for finding in asked(org, release).findings if finding.rule == rule)
    return found.verdict, found.message


RUNBOOK = {
    "documents": {
        "runbook": {
            "title": "Runbook",
            "path": "docs/{component}.md",
            "template": "docs/template.md",
            "sections": ["Steps"],
        }
    }
}


def committed(org: Organisation, **files: str) -> None:
    """Commit files, named with ``__`` for a slash and without their ``.md``."""
    written = {f"{name.replace('__', '/')}.md": text for name, text in files.items()}
    GitRepository(org.root).commit("docs: write", written)


def test_a_document_is_read_from_the_commit_that_is_released(make_org: MakeOrg) -> None:
    org = make_org(**production(documents=["runbook"]), **RUNBOOK)
    committed(org, docs__template="# Runbook\n\n## Steps\n\n{the steps}\n")
    first = org.open("1.1.0")
    rule = "document.runbook"
    assert told(org, first, rule) == (
        Verdict.DENY,
        "Runbook of billing 1.1.0: docs/billing.md is not in the commit that is released",
    )
    begun = org.house.root / document.begin(org.house, "runbook", "billing", "1.1.0").path
    assert begun.read_text() == "# Runbook\n\n## Steps\n\n{the steps}\n"
    assert told(org, first, rule)[0] is Verdict.DENY, "what lies in the work tree is not released"
    committed(org, docs__billing=begun.read_text())
    second = org.open("1.2.0")
    assert told(org, second, rule) == (
        Verdict.DENY,
        "Runbook of billing 1.2.0: docs/billing.md is its template, unedited",
    )
    committed(org, docs__billing="# Runbook\n\n## Steps\n\nTurn it off and on.\n")
    third = org.open("1.3.0")
    assert told(org, third, rule) == (Verdict.ALLOW, "Runbook of billing is there (docs/billing.md)")
    assert told(org, first, rule)[0] is Verdict.DENY


def test_a_start_looks_at_the_documents(make_org: MakeOrg) -> None:
    org = make_org(**production(documents=["runbook"]), **RUNBOOK)
    committed(org, docs__template="{the steps}\n", docs__billing="# R\n## Steps\nGo.\n")
    assert org.released("1.1.0")


def test_a_link_is_not_followed(make_org: MakeOrg, tmp_path: Path) -> None:
    org = make_org(**production(documents=["runbook"]), **RUNBOOK)
    secret = tmp_path / "secret.md"
    secret.write_text("# R\n## Steps\nGo.\n")
    (org.root / "docs").mkdir()
    (org.root / "docs" / "billing.md").symlink_to(secret)
    committed(org, docs__template="{the steps}\n")
    release = org.open("1.1.0")
    assert told(org, release, "document.runbook") == (
        Verdict.CANNOT_TELL,
        'Runbook of billing 1.1.0: "docs/billing.md" leads through the symbolic link "docs/billing.md"',
    )
    with pytest.raises(UsageError, match="leads outside the repository"):
        document.begin(org.house, "runbook", "billing", "1.1.0")


def test_a_file_that_is_there_stays_as_it_is(make_org: MakeOrg) -> None:
    org = make_org(**production(documents=["runbook"]), **RUNBOOK)
    committed(org, docs__template="{the steps}\n", docs__billing="mine\n")
    with pytest.raises(ConflictError, match="there is such a file already"):
        document.begin(org.house, "runbook", "billing", "1.1.0")
    assert (org.root / "docs" / "billing.md").read_text() == "mine\n"


RFC = {"documents": {"rfc": {"title": "RFC", "sections": ["Why"], "reviewed_by": "tech-leads"}}}


def test_a_document_is_attached_and_reviewed(make_org: MakeOrg, tmp_path: Path) -> None:
    org = make_org(**production(documents=["rfc"]), **RFC)
    release = org.open()
    file = tmp_path / "rfc.md"
    rule = "document.rfc"
    assert told(org, release, rule)[1] == "RFC of billing 1.1.0: nothing is attached"
    with refused(org, NotFoundError, "RFC of billing is not there yet", "document"):
        document.review(org.house, release, "rfc", org.claim("carol"))
    file.write_text("# RFC\n\n## Why\n")
    document.attach(org.house, release, "rfc", file, org.claim("rita", ""))
    assert told(org, release, rule)[1] == "RFC of billing 1.1.0: what is attached says nothing"
    file.write_text("# RFC\n\n## Why\n\nBecause.\n")
    document.attach(org.house, release, "rfc", file, org.claim("rita"))
    assert told(org, release, rule)[1] == "RFC of billing is there (attached), and nobody of tech-leads has reviewed it"
    for person, why in (("bob", "bob is not of tech-leads"), ("zoe", "zoe is not of tech-leads")):
        with refused(org, NotPermittedError, why, "document"):
            document.review(org.house, release, "rfc", org.claim(person, "bob"))
    with refused(org, NotPermittedError, "carol has not signed", "document"):
        document.review(org.house, release, "rfc", org.claim("carol", ""))
    document.review(org.house, release, "rfc", org.claim("carol"))
    assert told(org, release, rule) == (Verdict.ALLOW, "RFC of billing is there (attached), reviewed by carol")
    assert org.kinds()[-1] == "document.reviewed"
    file.write_text("# RFC\n\n## Why\n\nFor another reason.\n")
    document.attach(org.house, release, "rfc", file, org.claim("rita"))
    assert told(org, release, rule)[1].endswith("not counted: carol said it before something changed")


def test_the_notes_of_a_release_are_a_document_of_it(make_org: MakeOrg) -> None:
    notes = {"documents": {"release-notes": {"title": "Notes", "sections": ["Features"]}}}
    org = make_org(**production(documents=["release-notes"]), **notes)
    release = org.open()
    assert told(org, release, "document.release-notes") == (Verdict.ALLOW, "Notes of billing is there (attached)")


def test_what_cannot_be_attached(make_org: MakeOrg, tmp_path: Path) -> None:
    org = make_org(**production(documents=["runbook"]), **RUNBOOK)
    release = org.open()
    file = tmp_path / "a.md"
    file.write_text("text")
    for name, kind, why in (
        ("runbook", ConflictError, "Runbook lies in the repository: docs/billing.md"),
        ("odd", NotFoundError, 'the policy knows no document "odd"'),
    ):
        with refused(org, kind, why, "document"):
            document.attach(org.house, release, name, file, org.claim("rita"))
    with pytest.raises(NotFoundError, match="there is no such file"):
        document.attach(org.house, release, "odd", tmp_path / "b.md", org.claim("rita"))
    file.write_bytes(b"x" * ((1 << 20) + 1))
    with pytest.raises(UsageError, match="the document has 1024 KiB; at most 1024 KiB are kept"):
        document.attach(org.house, release, "odd", file, org.claim("rita"))


def test_whether_migrations_change_is_seen_in_git(make_org: MakeOrg) -> None:
    plan = {"documents": {"plan": {"title": "Plan", "only": "migrations"}}}
    org = make_org(components={"billing": {"migrations": "app/migrations"}}, **production(documents=["plan"]), **plan)
    assert [f.rule for f in asked(org, org.open("1.1.0")).findings if f.rule == "document.plan"] == []
    GitRepository(org.root).commit("feat: more", {"app/migrations/1.sql": "create table a;"})
    changed = org.open("1.2.0")
    assert told(org, changed, "document.plan") == (Verdict.DENY, "Plan of billing 1.2.0: nothing is attached")
    GitRepository(org.root).git("tag", "-d", "billing-v1.0.0")
    assert told(org, changed, "document.plan")[0] is Verdict.CANNOT_TELL


READY = {
    "checklists": {
        "ready": {
            "title": "Ready",
            "items": {
                "tests": {"says": "Tests pass", "gate": "tests"},
                "docs": {"says": "Documentation updated", "by": "module-team"},
                "readme": {"says": "README updated", "only": "if-needed"},
            },
        }
    }
}


def test_a_checklist_is_ticked_by_gates_and_by_people(make_org: MakeOrg) -> None:
    org = make_org(**production(checklists=["ready"]), **READY)
    release = org.open()
    org.tested(release)
    org.approve(release)
    verdict, said = told(org, release, "checklist.ready")
    assert verdict is Verdict.DENY
    assert said == (
        '2 of 3 points of Ready are open: "Documentation updated": nobody of module-team has ticked it; '
        '"README updated": nobody has ticked it'
    )
    checklist.tick(org.house, release, "ready", "docs", org.claim("alice"))
    checklist.tick(org.house, release, "ready", "readme", org.claim("rita"), not_needed=True, reason="no change")
    assert asked(org, release).allowed
    (shown,) = checklist.show(org.house, release)
    assert [(p.name, p.ticked, p.said) for p in shown.points] == [
        ("docs", True, "ticked by alice"),
        ("readme", True, 'rita: not needed: "no change"'),
        ("tests", True, "gate.tests"),
    ]
    checklist.untick(org.house, release, "ready", "docs", org.claim("bob"), reason="not all of it")
    assert told(org, release, "checklist.ready")[1].endswith("alice took it back")
    assert org.kinds()[-3:] == ["checklist.ticked", "checklist.ticked", "checklist.unticked"]
    checklist.tick(org.house, release, "ready", "docs", org.claim("alice"))
    assert asked(org, release).allowed


def test_who_may_not_tick(make_org: MakeOrg) -> None:
    org = make_org(**production(checklists=["ready"]), **READY)
    release = org.open()
    for item, person, key, kind, why in (
        ("docs", "carol", "carol", NotPermittedError, "carol may not tick docs: it is for module-team"),
        ("docs", "alice", "", NotPermittedError, "alice has not signed: a typed name is not an identity"),
        ("docs", "alice", "mallory", NotPermittedError, "which is none of alice"),
        ("tests", "alice", "alice", ConflictError, "tests is ticked by the gate tests, and by nobody else"),
        ("odd", "alice", "alice", NotFoundError, 'the checklist ready has no point "odd"'),
    ):
        with refused(org, kind, why, "checklist"):
            checklist.tick(org.house, release, "ready", item, org.claim(person, key))
    with refused(org, ConflictError, "docs cannot be left out", "checklist"):
        checklist.tick(org.house, release, "ready", "docs", org.claim("alice"), not_needed=True, reason="why")
    with pytest.raises(UsageError, match="a point that is not needed says why"):
        checklist.tick(org.house, release, "ready", "readme", org.claim("rita"), not_needed=True)
    checklist.tick(org.house, release, "ready", "docs", org.claim("alice"))
    with refused(org, ConflictError, "alice has said this already, and it stands", "checklist"):
        checklist.tick(org.house, release, "ready", "docs", org.claim("alice"))
    with refused(org, NotFoundError, "nothing that carol said of ready stands", "checklist"):
        checklist.untick(org.house, release, "ready", "docs", org.claim("carol"))


@pytest.mark.parametrize(
    ("supposing", "why"),
    [
        ("UPDATE tg_mark SET person = 'bob', actor = replace(actor, 'alice', 'bob')", "bob: the signed statement says"),
        ("UPDATE tg_mark SET part = 'readme'", "nobody of module-team has ticked it"),
        ("UPDATE tg_mark SET statement = 'sha256:gone'", "alice: "),
    ],
)
def test_a_tick_that_somebody_wrote_into_the_database_counts_nothing(
    make_org: MakeOrg, supposing: str, why: str
) -> None:
    org = make_org(**production(checklists=["ready"]), **READY)
    release = org.prepared()
    checklist.tick(org.house, release, "ready", "docs", org.claim("alice"))
    assert not any(why in reason for reason in org.reasons(release))
    assert any(why in reason for reason in org.reasons(release, supposing=supposing))


def test_what_the_log_says_was_taken_back_stays_so(make_org: MakeOrg) -> None:
    org = make_org(**production(checklists=["ready"]), **READY)
    release = org.open()
    checklist.tick(org.house, release, "ready", "docs", org.claim("alice"))
    checklist.untick(org.house, release, "ready", "docs", org.claim("alice"))
    revived = org.reasons(release, supposing="UPDATE tg_mark SET ended_at = NULL")
    assert any("alice: the log says that it was taken back, and the record does not" in reason for reason in revived)


def test_a_waiver_that_another_replaced_is_not_brought_back(make_org: MakeOrg) -> None:
    org = make_org(**WAIVER)
    release = org.open()
    org.tested(release, failed=1)
    until = org.clock() + timedelta(days=1)
    for reason in ("TG-12", "TG-13"):
        waiver.ask(org.house, release, "tests", org.claim("rita"), reason=reason, until=until)
        if reason == "TG-12":
            waiver.agree(org.house, release, "tests", org.claim("carol"))
    assert any("tests.failed" in reason for reason in org.reasons(release))
    org.sql("DELETE FROM tg_mark WHERE kind = 'waiver' AND ended_at IS NULL")
    org.sql("UPDATE tg_mark SET ended_at = NULL")
    assert any("tests.failed" in reason for reason in org.reasons(release))


WAIVER = {"gates": {"tests": {"waiver": {"by": {"from": "tech-leads"}, "lasts": "3d"}}}}


def test_a_gate_is_waived_for_a_time(make_org: MakeOrg) -> None:
    org = make_org(**WAIVER)
    release = org.open()
    org.tested(release, failed=1)
    org.approve(release)
    until = org.house.now() + DAY
    waiver.ask(org.house, release, "tests", org.claim("rita"), reason="TG-12", until=until)
    with refused(org, NotPermittedError, "rita asked for this waiver, and cannot agree to it", "waiver"):
        waiver.agree(org.house, release, "tests", org.claim("rita"))
    with refused(org, NotPermittedError, "bob may not agree to a waiver of tests", "waiver"):
        waiver.agree(org.house, release, "tests", org.claim("bob"))
    waiver.agree(org.house, release, "tests", org.claim("carol"))
    verdict, said = told(org, release, "gate.tests")
    assert verdict is Verdict.ALLOW
    assert said.startswith('waived until Wed 2 Dec 2026 10:00 PST: rita asked and carol agreed: "TG-12"; without the')
    (line,) = waiver.all_waivers(org.house)
    assert (line.gate, line.asked_by, line.agreed, line.holds) == ("tests", "rita", ("carol",), True)
    assert org.start(release)
    org.clock.go(DAY)
    (line,) = waiver.all_waivers(org.house, release)
    assert (line.holds, line.why) == (False, "it was over Wed 2 Dec 2026 10:00 PST")
    assert org.kinds().count("waiver.agreed") == 1


def test_a_waiver_is_taken_back(make_org: MakeOrg) -> None:
    org = make_org(**WAIVER)
    release = org.open()
    until = org.house.now() + DAY
    waiver.ask(org.house, release, "tests", org.claim("rita"), reason="TG-12", until=until)
    waiver.ask(org.house, release, "tests", org.claim("rita"), reason="TG-13", until=until)
    waiver.agree(org.house, release, "tests", org.claim("carol"))
    assert told(org, release, "gate.tests")[0] is Verdict.ALLOW
    with refused(org, NotFoundError, "nothing that bob said of tests stands", "waiver"):
        waiver.end(org.house, release, "tests", org.claim("bob"))
    waiver.end(org.house, release, "tests", org.claim("carol"), reason="no")
    assert told(org, release, "gate.tests")[0] is Verdict.CANNOT_TELL
    assert [line.why for line in waiver.all_waivers(org.house)] == ["rita took it back"] * 2


def test_what_cannot_be_waived(make_org: MakeOrg) -> None:
    org = make_org(gates={"smoke": {"evidence": "smoke", "pass": "smoke.failed == 0"}} | WAIVER["gates"])
    release = org.open()
    now = org.house.now()
    for gate, days, kind, why in (
        ("smoke", 1, ConflictError, "nobody may waive smoke: the policy does not say who"),
        ("odd", 1, NotFoundError, 'the policy knows no gate "odd"'),
        ("tests", 4, ConflictError, "a waiver of tests lasts 3d at most"),
    ):
        with refused(org, kind, why, "waiver"):
            waiver.ask(org.house, release, gate, org.claim("rita"), reason="TG-12", until=now + days * DAY)
    for reason, until, sentence in (
        (" ", now + DAY, "a waiver needs a reason"),
        ("x", now, "it would be over already|over already"),
    ):
        with pytest.raises(UsageError, match=sentence):
            waiver.ask(org.house, release, "tests", org.claim("rita"), reason=reason, until=until)
    with refused(org, NotFoundError, "nobody asks for a waiver of tests for billing-1.1.0 as it is now", "waiver"):
        waiver.agree(org.house, release, "tests", org.claim("carol"))


def test_what_is_said_of_a_release(make_org: MakeOrg) -> None:
    org = make_org(release_types={"minor": {"criteria": ["Data loss"], "horizon": "0-4 weeks", "frequency": "daily"}})
    release = org.open()
    assert told(org, release, "criterion")[0] is Verdict.DENY
    with refused(org, NotPermittedError, "bob may not open", "release"):
        release_flow.amend(org.house, release, org.claim("bob"), Intent(reason="x"))
    with pytest.raises(UsageError, match="nothing is said of the release"):
        release_flow.amend(org.house, release, org.claim("rita"), Intent())
    intent = Intent(org.house.now() + DAY, "after the data loss of Monday", "", False)
    release_flow.amend(org.house, release, org.claim("rita"), intent)
    assert told(org, release, "criterion")[1] == '"Data loss": after the data loss of Monday'
    assert told(org, release, "horizon.planned")[1] == "it is planned for Wed 2 Dec 2026 10:00 PST"
    assert org.leaves()[-1].data["planned_at"] == "2026-12-02T18:00:00.000000Z"
    org.tested(release)
    org.approve(release)
    org.start(release)
    org.carry()
    GitRepository(org.root).tag("billing-v1.1.0")
    GitRepository(org.root).commit("feat: third", {"app/a.txt": "3"})
    again = release_flow.open_release(org.house, "billing", org.claim("rita"), intent=intent).release
    assert (again.reason, again.downtime) == ("after the data loss of Monday", False)
    assert told(org, again.id, "frequency")[1] == (
        "minor releases of billing are daily, and the last was billing-1.1.0, Tue 1 Dec 2026 10:00 PST"
    )
