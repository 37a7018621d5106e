"""Evidence: what it is bound to, which counts, and how old it is."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.integration.test_flow_approvals import copied_package
from tests.support.flows import NOW, Organisation
from tidegate.core.evidence import Evidence
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError, UsageError
from tidegate.git.tarball import Entry, tar_gz
from tidegate.orchestration import evidence, release
from tidegate.orchestration.identity import Claim
from tidegate.store import contents, releases

FRESH = {"tests": {"evidence": "junit", "pass": "tests.total > 0 && tests.failed == 0", "fresh": "1d"}}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def pieces(org: Organisation, opened: str) -> tuple[Evidence, ...]:
    with org.house.database.read() as connection:
        return releases.evidence_of(connection, opened)


def against(org: Organisation, opened: str) -> list[str]:
    return [f.message for f in org.decide(opened, "staging").against()]


def test_the_report_is_kept_by_content(org: Organisation) -> None:
    opened = org.open()
    digest = org.tested(opened)
    leaf = org.leaves()[-1]
    assert (leaf.kind, leaf.data["report"], leaf.data["kind"]) == ("evidence.added", digest, "junit")
    with org.house.database.read() as connection:
        assert b"<testsuites>" in contents.fetch(connection, digest)
    assert org.tested(opened) == digest
    assert len(pieces(org, opened)) == 2


def test_evidence_of_the_source_outlives_another_package(org: Organisation) -> None:
    opened = org.open()
    org.tested(opened)
    (piece,) = pieces(org, opened)
    assert set(piece.bound) == {"source"}
    release.attach(org.house, opened, copied_package(org), org.claim("rita"))
    assert against(org, opened) == []


def test_the_newest_of_a_kind_and_source_counts(org: Organisation) -> None:
    opened = org.open()
    org.tested(opened, failed=1, taken=NOW - HOUR)
    assert len(against(org, opened)) == 1
    org.tested(opened, taken=NOW - HOUR / 2)
    assert against(org, opened) == []
    # Handed in later, but taken earlier.
    org.tested(opened, failed=2, taken=NOW - 2 * HOUR)
    assert against(org, opened) == []


def test_each_source_must_pass(org: Organisation) -> None:
    opened = org.open()
    org.tested(opened, source="unit")
    org.tested(opened, source="contract", failed=1)
    assert len(against(org, opened)) == 1
    org.clock.go(HOUR)
    org.tested(opened, source="contract")
    assert against(org, opened) == []


def test_a_report_of_the_future_counts_as_of_now_and_does_not_win_for_ever(org: Organisation) -> None:
    opened = org.open()
    org.tested(opened, taken=NOW + 3650 * DAY)
    (piece,) = pieces(org, opened)
    assert piece.taken_at == NOW
    assert org.leaves()[-1].data["dated"].startswith("2036")
    assert against(org, opened) == []
    org.clock.go(HOUR)
    org.tested(opened, failed=1)
    assert len(against(org, opened)) == 1


def test_a_report_without_a_time_is_as_old_as_our_knowledge_of_it(org: Organisation) -> None:
    opened = org.open()
    org.tested(opened)
    (piece,) = pieces(org, opened)
    assert (piece.taken_at, org.leaves()[-1].data["dated"]) == (NOW, "")


def test_evidence_grows_stale(make_org: Callable[..., Organisation]) -> None:
    org = make_org(gates=FRESH)
    opened = org.open()
    org.tested(opened, taken=NOW - DAY + HOUR)
    assert against(org, opened) == []
    org.clock.go(2 * HOUR)
    assert against(org, opened) == ["junit from junit is older than 1d"]
    org.tested(opened)
    assert against(org, opened) == []


def test_evidence_that_a_clock_set_back_puts_into_the_future_cannot_tell(org: Organisation) -> None:
    opened = org.open()
    org.tested(opened)
    org.clock.go(-HOUR)
    (finding,) = org.decide(opened, "staging").against()
    assert (finding.verdict.value, finding.message) == (
        "cannot tell",
        "junit from junit says it was taken in the future",
    )
    org.clock.go(HOUR)
    assert against(org, opened) == []


def test_who_adds_evidence_is_known_and_the_signature_is_kept_where_there_is_one(org: Organisation) -> None:
    opened = org.open()
    report = org.root / ".tidegate" / "report.xml"
    org.tested(opened)
    report.write_bytes(next((org.root / ".tidegate").glob("junit-*.xml")).read_bytes())
    evidence.add(org.house, opened, report, org.claim("alice"))
    leaf = org.leaves()[-1]
    assert (leaf.actor.person, leaf.actor.assurance.value) == ("alice", "signature")
    assert leaf.data["signature"]
    for claim, sentence in ((Claim("zoe"), "no person"), (org.claim("alice", "bob"), "which is none of alice")):
        with pytest.raises(NotPermittedError, match=sentence):
            evidence.add(org.house, opened, report, claim)
        assert org.kinds()[-1] == "evidence.denied"


def test_what_is_no_evidence(org: Organisation, tmp_path: Path) -> None:
    opened = org.open()
    report = tmp_path / "report.xml"
    with pytest.raises(NotFoundError, match="there is no such report"):
        evidence.add(org.house, opened, report, Claim("rita"))
    report.write_text("not a report")
    with pytest.raises(UsageError):
        evidence.add(org.house, opened, report, Claim("rita"))
    org.tested(opened)
    report.write_bytes(next((org.root / ".tidegate").glob("junit-*.xml")).read_bytes())
    with pytest.raises(NotFoundError, match='the policy knows no environment "moon"'):
        evidence.add(org.house, opened, report, Claim("rita"), environment="moon")
    with pytest.raises(UsageError, match="is not a name"):
        evidence.add(org.house, opened, report, Claim("rita"), source="../../etc")
    with pytest.raises(NotFoundError, match="there is no release"):
        evidence.add(org.house, "billing-9.9.9", report, Claim("rita"))
    release.cancel(org.house, opened, org.claim("rita"), "not needed")
    with pytest.raises(ConflictError, match=r"release billing-1\.1\.0 is cancelled"):
        evidence.add(org.house, opened, report, Claim("rita"))
    assert len(pieces(org, opened)) == 1


def test_an_artifact_is_changed_by_who_may_and_shows_it(org: Organisation) -> None:
    opened = org.open()
    package = copied_package(org)
    for claim, sentence in (
        (Claim("rita"), "rita is only asserted; open asks for signature"),
        (org.claim("alice"), "alice may not open"),
        (org.claim("rita", "alice"), "which is none of rita"),
    ):
        with pytest.raises(NotPermittedError, match=sentence):
            release.attach(org.house, opened, package, claim)
        assert org.kinds()[-1] == "release.denied"
    with pytest.raises(NotFoundError, match="there is no such package"):
        release.attach(org.house, opened, package.with_name("none"), org.claim("rita"))
    org.tested(opened)
    org.approve(opened)
    org.start(opened)
    with pytest.raises(ConflictError, match="is rolling: what it is made of cannot change any more"):
        release.attach(org.house, opened, package, org.claim("rita"))
    assert not list(org.house.packages.glob("draft-*"))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"another package", r"it is not a gzipped tar \("),
        (b"", r"it is not a gzipped tar \("),
        (gzip.compress(b"no tar" * 1000), r"it is not a gzipped tar \("),
        (b"".join(tar_gz([Entry(b"app.py", b"x" * 4000)]))[:3000], r"it is not a gzipped tar \("),
        (b"".join(tar_gz([])), "there is nothing in it"),
    ],
    ids=["text", "empty", "no tar", "cut", "nothing in it"],
)
def test_what_is_no_archive_is_not_attached(org: Organisation, content: bytes, sentence: str) -> None:
    opened = org.open()
    package = copied_package(org)
    package.write_bytes(content)
    with pytest.raises(UsageError, match=f"this is no package: {sentence}"):
        release.attach(org.house, opened, package, org.claim("rita"))
    assert not list(org.house.packages.glob("draft-*"))
    assert "artifact.attached" not in org.kinds()


def test_a_typed_name_gives_no_release_up(org: Organisation) -> None:
    opened = org.open()
    for claimed, sentence in (
        (Claim("rita"), "rita is only asserted"),
        (Claim("alice"), "alice may not open"),
        (Claim("zoe"), "no person"),
    ):
        with pytest.raises(NotPermittedError, match=sentence):
            release.cancel(org.house, opened, claimed, "")
        assert org.kinds()[-1] == "release.denied"


def test_a_version_is_released_once(org: Organisation) -> None:
    org.open()
    before = org.counts()
    with pytest.raises(ConflictError, match=r"there is a release billing-1\.1\.0 already"):
        org.open()
    assert org.kinds()[-1] == "release.denied"
    assert org.counts()["tg_release"] == before["tg_release"] == 1
    with pytest.raises(UsageError, match=r"which has 2[0-9]{2} characters; at most 120 fit"):
        org.open("1.1.0-" + "x" * 200)
