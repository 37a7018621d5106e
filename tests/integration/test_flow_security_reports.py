"""Reports of security tools as evidence: several at once, of the right component, and of the very image."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.support.flows import NOW, Organisation, refused
from tidegate.artifacts.image.manifest import Blob, Manifest
from tidegate.core.canonical import digest
from tidegate.core.evidence import Evidence
from tidegate.core.subject import Subject
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError, UsageError
from tidegate.orchestration import evidence
from tidegate.orchestration.evidence import Added, Refused
from tidegate.orchestration.identity import Claim
from tidegate.store import artifacts, releases, tables
from tidegate.store.artifacts import ArtifactRow
from tidegate.views.release import release_view

CORPUS = Path(__file__).resolve().parents[1] / "corpus" / "reports"
PASSING = '<testsuite name="a" tests="1"><testcase name="x"/></testsuite>'
FAILING = '<testsuite name="a" tests="1"><testcase name="x"><failure/></testcase></testsuite>'
SECURITY = {"evidence": ["sarif", "npm-audit", "pip-audit"], "pass": "findings.critical == 0 && findings.high == 0"}
MakeOrg = Callable[..., Organisation]


def written(folder: Path, **files: str) -> list[Path]:
    """XML files of these contents; ``__`` in a name stands for a folder."""
    made = []
    for name, content in files.items():
        path = folder / f"{name.replace('__', '/')}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        made.append(path)
    return made


def add_all(org: Organisation, release: str, files: list[Path], **options: Any) -> list[Added | Refused]:
    return list(evidence.add_all(org.house, release, files, Claim("rita"), **options))


def told(outcomes: list[Added | Refused]) -> list[str]:
    return [
        f"{one.evidence.kind}/{one.evidence.source}" if isinstance(one, Added) else one.error.what for one in outcomes
    ]


def pieces(org: Organisation, release: str) -> tuple[Evidence, ...]:
    with org.house.database.read() as connection:
        return releases.evidence_of(connection, release)


def against(org: Organisation, release: str) -> list[str]:
    return [finding.message for finding in org.decide(release, "staging").against()]


def test_each_of_several_reports_is_added_by_itself(org: Organisation, tmp_path: Path) -> None:
    release = org.open()
    good = CORPUS / "sarif/good/clean.json"
    error = CORPUS / "npm_audit/bad/no-lock-file.json"
    missing = tmp_path / "nothing.xml"
    (junit,) = written(tmp_path, junit=PASSING)
    outcomes = add_all(org, release, [error, good, missing, junit])
    assert told(outcomes) == [
        (
            "this is not a report of npm audit that can be relied on: npm answered with an error instead of a report: "
            "ENOLOCK This command requires an existing lockfile."
        ),
        "sarif/sarif",
        "there is no such report",
        "junit/junit",
    ]
    assert [piece.kind for piece in pieces(org, release)] == ["sarif", "junit"]
    assert [leaf.data["kind"] for leaf in org.leaves()[-2:]] == ["sarif", "junit"]


def test_several_of_one_kind_hide_nothing_from_each_other(org: Organisation, tmp_path: Path) -> None:
    release = org.open()
    files = written(tmp_path, unit=FAILING, contract=PASSING)
    assert told(add_all(org, release, files)) == ["junit/unit", "junit/contract"]
    assert len(against(org, release)) == 1
    files = written(tmp_path, a__junit=PASSING, b__junit=PASSING)
    assert told(add_all(org, release, files)) == ["junit/a-junit", "junit/b-junit"]
    assert len(against(org, release)) == 1, "what failed is not taken away by others"
    (again,) = written(tmp_path, anything=PASSING)
    assert told(add_all(org, release, [again], source="unit")) == ["junit/unit"]
    assert against(org, release) == []


SAME = "another junit report of this command has the same source, and one would hide the other"


def test_two_reports_that_would_have_one_source_are_not_both_added(org: Organisation, tmp_path: Path) -> None:
    release = org.open()
    files = written(tmp_path, unit=PASSING, contract=FAILING)
    sarif = CORPUS / "sarif/good/clean.json"
    assert told(add_all(org, release, [*files, sarif], source="ci")) == ["junit/ci", SAME, "sarif/ci"]
    (refusal,) = [one for one in add_all(org, release, [files[0], files[0], sarif]) if isinstance(one, Refused)][1:]
    assert (refusal.error.what, refusal.error.remedy) == (SAME, "add it by itself, with --source NAME")


def test_what_concerns_all_reports_is_told_once_and_adds_none(org: Organisation, tmp_path: Path) -> None:
    release = org.open()
    files = written(tmp_path, unit=PASSING, contract=PASSING)
    with refused(org, NotFoundError, 'there is no release "billing-9.9.9"', "evidence"):
        add_all(org, "billing-9.9.9", files)
    with refused(org, NotFoundError, 'the policy knows no environment "moon"', "evidence"):
        add_all(org, release, files, environment="moon")
    with refused(org, NotFoundError, f'release {release} has no component "ledger"', "evidence"):
        add_all(org, release, files, component="ledger")
    with refused(org, NotPermittedError, 'the policy knows no person "zoe"', "evidence"):
        evidence.add_all(org.house, release, files, Claim("zoe"))
    assert pieces(org, release) == ()


def test_a_gate_over_several_kinds_asks_each_of_them(make_org: MakeOrg) -> None:
    org = make_org(gates={"security": SECURITY}, environments={"staging": {"gates": ["security"]}})
    release = org.open()
    add_all(org, release, [CORPUS / "sarif/good/clean.json", CORPUS / "npm_audit/good/clean.json"])
    assert against(org, release) == [
        (
            "there is no pip-audit evidence for billing; "
            "sarif from sarif: findings.critical == 0: allow (findings.critical = 0), "
            "findings.high == 0: allow (findings.high = 0); "
            "npm-audit from npm-audit: findings.critical == 0: allow (findings.critical = 0), "
            "findings.high == 0: allow (findings.high = 0)"
        )
    ]
    add_all(org, release, [CORPUS / "pip_audit/good/with-skipped.json"])
    (finding,) = org.decide(release, "staging").against()
    assert finding.message.startswith("pip-audit from pip-audit: findings.critical == 0: deny (findings.critical = 1;")
    assert "reach findings.critical == 0, then add a new pip-audit report" in finding.remedy


# Several components.


def bundled(org: Organisation) -> str:
    """A release of two components, as bundles will be opened."""
    release = org.open()
    subject = Subject("sha256:" + "ab" * 32, "sha256:" + "cd" * 32, commit="0" * 40)
    with org.house.database.write() as connection:
        connection.execute(
            sa.insert(tables.item).values(
                release=release,
                component="ledger",
                ordinal=1,
                from_version="1.0.0",
                to_version="1.1.0",
                subject=asdict(subject),
                content_at=NOW,
                changes=[],
                authors=[],
                package="ef" * 32,
            )
        )
    return release


@pytest.fixture
def pair(make_org: MakeOrg) -> Organisation:
    return make_org(components={"ledger": {"path": "ledger", "tag": "ledger-v{version}"}})


def test_in_a_release_of_several_components_a_report_is_of_the_one_that_is_named(
    pair: Organisation, tmp_path: Path
) -> None:
    release = bundled(pair)
    files = written(tmp_path, junit=PASSING)
    with pytest.raises(UsageError) as caught:
        add_all(pair, release, files)
    assert caught.value.what == f"release {release} has 2 components, and a report speaks of one"
    assert caught.value.remedy == "say which with --component, one of: billing, ledger"
    with refused(pair, NotFoundError, f'release {release} has no component "web"', "evidence"):
        add_all(pair, release, files, component="web")
    add_all(pair, release, files, component="ledger")
    (piece,) = pieces(pair, release)
    assert (piece.component, piece.bound) == ("ledger", {"source": "sha256:" + "ab" * 32})
    assert pair.leaves()[-1].data["component"] == "ledger"
    (missing,) = [f for f in pair.decide(release, "staging").against() if f.rule == "gate.tests"]
    assert missing.remedy == f"add a new junit report: tidegate evidence add {release} FILE --component billing"
    said = {f.message for f in pair.decide(release, "staging").findings if f.rule == "gate.tests"}
    assert "there is no junit evidence for billing" in said
    assert any(message.startswith("junit from junit: tests.total > 0: allow") for message in said)


def test_what_is_shown_of_evidence_is_held_against_its_own_component(pair: Organisation, tmp_path: Path) -> None:
    release = bundled(pair)
    for component in ("billing", "ledger"):
        add_all(pair, release, written(tmp_path, junit=PASSING), component=component)
    shown = release_view(pair.house, release).evidence
    assert [(one.component, one.holds) for one in shown] == [("billing", True), ("ledger", True)]


# Images.


def image(org: Organisation, release: str, name: str, sign: str) -> tuple[str, str]:
    """An image that was built of the release, as it stands in the store; the digests of its manifest and config."""
    config = digest(sign.encode())
    manifest = Manifest(Blob(config, 10), (Blob("sha256:" + "1a" * 32, 10),))
    kept, _ = org.house.artifacts.keep([manifest.to_bytes()])
    row = ArtifactRow("billing", "image", f"registry.example/{name}", kept, 20, "", NOW, "rita")
    with org.house.database.write() as connection:
        artifacts.replace(connection, release, [row])
    return kept, config


def scan(folder: Path, name: str = "scan.json", **metadata: Any) -> Path:
    report = json.loads((CORPUS / "trivy/good/clean.json").read_bytes())
    report["Metadata"] = metadata
    path = folder / name
    path.write_text(json.dumps(report))
    return path


def test_a_scan_of_another_image_is_no_evidence(org: Organisation, tmp_path: Path) -> None:
    release = org.open()
    manifest, config = image(org, release, "billing", "a")
    foreign = "sha256:" + "99" * 32
    with refused(org, ConflictError, f"it is about another image, {foreign}", "evidence"):
        add_all(org, release, [scan(tmp_path, ImageID=foreign)])
    with refused(org, ConflictError, f"it is about another image, {foreign}", "evidence"):
        add_all(org, release, [scan(tmp_path, ImageID=foreign)], source="nightly")
    with refused(org, ConflictError, "it does not say by a digest which image it is about", "evidence"):
        add_all(org, release, [scan(tmp_path, RepoTags=["registry.example/billing:1.1.0"])])
    with pytest.raises(ConflictError) as caught:
        add_all(org, release, [scan(tmp_path, ImageID=foreign)])
    assert caught.value.remedy == f"scan what {release} has: registry.example/billing@{manifest}"
    add_all(org, release, [scan(tmp_path, ImageID=config)])
    add_all(org, release, [scan(tmp_path, ImageID=foreign, RepoDigests=[f"registry.example/billing@{manifest}"])])
    assert org.leaves()[-1].data["images"] == sorted([foreign, manifest])
    assert [(piece.kind, piece.source) for piece in pieces(org, release)] == [("image-scan", "image-scan")] * 2


def test_a_scan_of_another_image_does_not_stop_other_reports(org: Organisation, tmp_path: Path) -> None:
    release = org.open()
    _, config = image(org, release, "billing", "a")
    files = [scan(tmp_path, "a.json", ImageID="sha256:" + "99" * 32), scan(tmp_path, "b.json", ImageID=config)]
    outcomes = add_all(org, release, files)
    assert told(outcomes) == [f"it is about another image, sha256:{'99' * 32}", "image-scan/b"]
    assert "evidence.denied" in org.kinds()


def test_scans_of_several_images_do_not_hide_each_other(org: Organisation, tmp_path: Path) -> None:
    release = org.open()
    (first, _), (second, _) = image(org, release, "api", "a"), image(org, release, "web", "b")
    for manifest in (first, second):
        add_all(org, release, [scan(tmp_path, RepoDigests=[f"registry.example/x@{manifest}"])])
    assert [piece.source for piece in pieces(org, release)] == ["api", "web"]


def test_an_image_whose_manifest_is_not_at_hand_is_known_by_its_own_digest(org: Organisation, tmp_path: Path) -> None:
    release = org.open()
    manifest, config = image(org, release, "billing", "a")
    org.house.artifacts.path(manifest).unlink()
    with refused(org, ConflictError, f"it is about another image, {config}", "evidence"):
        add_all(org, release, [scan(tmp_path, ImageID=config)])
    add_all(org, release, [scan(tmp_path, RepoDigests=[f"registry.example/billing@{manifest}"])])


def test_a_scan_for_a_release_without_images_is_taken_and_says_what_of(org: Organisation, tmp_path: Path) -> None:
    release = org.open()
    add_all(org, release, [scan(tmp_path, ImageID="sha256:" + "99" * 32)])
    assert org.leaves()[-1].data["images"] == ["sha256:" + "99" * 32]
    (piece,) = pieces(org, release)
    assert set(piece.bound) == {"artifacts"}


def test_a_bill_of_materials_of_another_image_is_refused_and_one_of_the_source_is_taken(
    org: Organisation, tmp_path: Path
) -> None:
    release = org.open()
    image(org, release, "billing", "a")
    with refused(org, ConflictError, f"it is about another image, sha256:{'5f' * 32}", "evidence"):
        add_all(org, release, [CORPUS / "cyclonedx/good/vulnerabilities.json"])
    add_all(org, release, [CORPUS / "cyclonedx/good/npm-sbom.json"])
    assert [piece.kind for piece in pieces(org, release)] == ["sbom"]
