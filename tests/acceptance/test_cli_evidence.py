"""``tidegate evidence add`` with one file and with several, as people and programs see it."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.shop import Shop

CORPUS = Path(__file__).resolve().parents[1] / "corpus" / "reports"
ERROR = """\
✗ audit.json: this is not a report of npm audit that can be relied on: npm
    answered with an error instead of a report: ENOLOCK This command requires an
    existing lockfile.
  > see that there is a package-lock.json and that the registry answers, then:
    npm audit --json
"""


def reports(shop: Shop, **names: str) -> list[Path]:
    """Reports of the corpus under names of the test's own."""
    made = []
    for name, sample in names.items():
        target = shop.directory / name.replace("_", ".")
        shutil.copyfile(CORPUS / sample, target)
        made.append(target)
    return made


def test_several_reports_are_told_line_by_line(shop: Shop) -> None:
    release = shop.open()
    files = reports(
        shop,
        ruff_sarif="sarif/good/ruff.sarif",
        clean_sarif="sarif/good/clean.json",
        audit_json="npm_audit/bad/no-lock-file.json",
    )
    done = shop.run("evidence", "add", release, *files, shop.report, by="rita")
    assert done.code == 2
    assert done.out == (
        "✓ sarif/ruff (ruff.sarif): 4 findings: 4 high, by ruff\n"
        "✓ sarif/clean (clean.sarif): no findings, by tool\n"
        f"{ERROR}"
        "✓ junit (junit.xml): 2 tests: 2 passed, 0 failed, 0 skipped\n"
        "3 of 4 reports added\n"
    )
    assert max(map(len, done.out.splitlines())) <= 80
    listed = shop.good("evidence", "list", release).out
    assert [line.split()[1] for line in listed.splitlines()] == ["sarif/ruff", "sarif/clean", "junit"]


def test_several_reports_in_json(shop: Shop) -> None:
    release = shop.open()
    (good, bad) = reports(shop, scan_json="trivy/good/findings.json", audit_json="npm_audit/bad/nothing-looked-at.json")
    missing = shop.directory / "nothing.xml"
    done = shop.run("evidence", "add", release, good, missing, bad, "--json", by="rita")
    assert done.code == 5, "the first that was refused decides"
    (added,) = done.json["added"]
    assert (added["file"], added["kind"], added["source"], added["component"]) == (
        str(good),
        "image-scan",
        "image-scan",
        "shop",
    )
    assert added["values"] == {"critical": 3, "high": 1, "medium": 2, "low": 0, "unknown": 1, "total": 6}
    assert done.json["refused"] == [
        {
            "file": str(missing),
            "error": {
                "kind": "not_found",
                "what": "there is no such report",
                "where": str(missing),
                "remedy": "name the file the tool wrote",
            },
        },
        {
            "file": str(bad),
            "error": {
                "kind": "usage",
                "what": "this is not a report of npm audit that can be relied on: npm looked at no package at all",
                "where": "audit.json",
                "remedy": "run it where the package-lock.json is; what has none needs no audit",
            },
        },
    ]


def test_one_report_that_is_refused_is_an_error_as_ever(shop: Shop) -> None:
    release = shop.open()
    (bad,) = reports(shop, audit_json="npm_audit/bad/no-lock-file.json")
    done = shop.run("evidence", "add", release, bad, by="rita")
    assert (done.code, done.out) == (2, "")
    assert "error: audit.json: this is not a report of npm audit that can be relied on" in done.err


def test_a_component_that_is_not_in_the_release_is_refused_by_name(shop: Shop) -> None:
    release = shop.open()
    done = shop.run("evidence", "add", release, shop.report, "--component", "shpo", by="rita")
    assert done.code == 5
    assert 'release shop-1.1.0 has no component "shpo"' in done.err
    assert "name one of: shop" in done.err
    shop.good("evidence", "add", release, shop.report, "--component", "shop", by="rita")


def test_names_of_files_play_no_tricks(shop: Shop) -> None:
    release = shop.open()
    hostile = shop.directory / "\x1b[2Jred\u202e.json"
    hostile.write_text("[]")
    done = shop.run("evidence", "add", release, hostile, shop.report, by="rita")
    assert done.code == 2
    assert "\x1b" not in done.out.replace("\x1b[3", "").replace("\x1b[0m", "")
    assert "\u202e" not in done.out
    assert "it is JSON, and no report that can be read" in " ".join(done.out.split())


def test_a_key_asks_for_each_report_and_the_log_holds_each_signature(shop: Shop) -> None:
    release = shop.open()
    (sarif,) = reports(shop, clean_sarif="sarif/good/clean.json")
    shop.good("evidence", "add", release, sarif, shop.report, by="rita")
    assert "are whole, unchanged and in order" in shop.good("audit", "verify").out
    shown = shop.good("audit", "log", "--json").json
    added = [leaf for leaf in shown if leaf["kind"] == "evidence.added"]
    assert [leaf["data"]["kind"] for leaf in added] == ["sarif", "junit"]
    assert all(leaf["data"]["signature"] for leaf in added)
