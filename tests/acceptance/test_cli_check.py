"""`tidegate check`: the tree, `--why`, `--what-if`; and `release show`, which tells where everything stands."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.support.shop import Shop


def content(directory: Path) -> dict[str, str]:
    """Every file of a directory by the digest of its bytes."""
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def test_the_tree_tells_what_passes_and_what_does_not(shop: Shop) -> None:
    release = shop.open()
    refused = shop.run("check", release, "--for", "staging")
    assert refused.code == 3
    assert refused.out.split("\n")[:6] == [
        "? cannot tell: start shop-1.1.0 in staging  (assuming that rita signs)",
        "├─ ✓ release    environment.known, release.ready, requirement.present,",
        "│               content.level",
        "├─ ? evidence   1 in the way",
        "│ └─ ? gate.tests: there is no junit evidence for shop",
        "│      > add a new junit report: tidegate evidence add shop-1.1.0 FILE",
    ]
    shop.good("evidence", "add", release, shop.report, by="rita")
    assert "├─ ✓ evidence   gate.tests\n" in shop.good("check", release, "--for", "staging").out
    assert "├─ ✗ promotion  1 in the way" in shop.run("check", release, "--for", "production").out


def test_why_tells_everything_about_one_rule(shop: Shop) -> None:
    release = shop.open()
    shop.good("evidence", "add", release, shop.report, by="rita")
    told = shop.good("check", release, "--for", "staging", "--why", "gate.tests").out
    assert told.startswith("gate\n  Every gate passes on the newest evidence of each of its kinds and sources,")
    assert "✓ allow  gate.tests  (current policy)" in told
    assert "  looked at  junit from junit (sha256:" in told
    assert 'policy     gates.tests: {"evidence": ["junit"], "pass": "tests.total > 0 &&' in told
    assert 'policy     environments.staging.gates: ["tests"]' in told
    data = shop.good("check", release, "--for", "staging", "--why", "gate", "--json").json["why"]
    assert [finding["rule"] for finding in data["findings"]] == ["gate.tests"]
    assert data["findings"][0]["looked_at"][0]["what"] == "junit from junit"

    broken = shop.directory / "broken.xml"
    broken.write_text(
        shop.report.read_text().replace('failures="0"', 'failures="1"').replace("/></", "><failure/></testcase></")
    )
    shop.good("evidence", "add", release, broken, "--source", "junit", by="rita")
    shop.good("evidence", "add", release, shop.report, by="bob")
    (again,) = shop.good("check", release, "--for", "staging", "--why", "gate.tests", "--json").json["why"]["findings"]
    assert [each["by"] for each in again["looked_at"]] == ["bob"]
    listed = shop.good("evidence", "list", release)
    assert [line[0] for line in listed.out.splitlines()] == ["·", "·", "✓"]
    assert listed.out.count("(a newer one counts)") == 2
    silent = shop.good("check", release, "--for", "staging", "--why", "windows").out
    assert "The policy asks nothing of it in staging." in silent
    wrong = shop.run("check", release, "--for", "staging", "--why", "gate.test")
    assert wrong.code == 2
    assert 'there is no rule "gate.test"; did you mean gate.tests?' in wrong.err


def test_what_if_decides_and_changes_nothing(shop: Shop) -> None:
    release = shop.open()
    before, log = content(shop.root / ".tidegate" / "packages"), shop.good("audit", "log", "--json").out
    supposed = shop.good("check", release, "--for", "staging", "--what-if", f"evidence={shop.report}")
    assert "  supposing junit.xml were added: 2 tests: 2 passed, 0 failed, 0 skipped\n" in supposed.out
    assert "  without that: ? cannot tell, 1 in the way\n" in supposed.out
    assert "(supposed)" in supposed.out
    assert content(shop.root / ".tidegate" / "packages") == before
    assert shop.good("audit", "log", "--json").out == log
    assert shop.run("check", release, "--for", "staging").code == 3

    some = shop.run("check", release, "--for", "production", "--what-if", "approval=alice", "--what-if", "approval=bob")
    assert some.code == 3
    assert "✓ approval.module-team: approved by alice, bob (supposed)" in some.out
    data = shop.run("check", release, "--for", "production", "--what-if", "approval=rita", "--json").json
    assert data["supposing"] == ["rita approved it for production"]
    assert data["verdict"] == data["really"]["verdict"] == "deny"


def test_what_cannot_be_supposed_is_refused(shop: Shop) -> None:
    release = shop.open()
    for text, said in {
        "wish=granted": '"wish=granted" is nothing that can be supposed',
        "now=tomorrow": '"tomorrow" names no moment',
        "now=9999-12-31T23:59:59Z": '"9999-12-31T23:59:59Z" names no moment',
        "now=0001-01-01T00:00:00+14:00": '"0001-01-01T00:00:00+14:00" names no moment',
        "lifted=hold-9": 'no hold "hold-9" is in force',
        "evidence=nowhere.xml": "there is no such report",
    }.items():
        refused = shop.run("check", release, "--for", "staging", "--what-if", text)
        assert refused.code == (2 if "=nowhere" not in text and "hold" not in text else 5), refused
        assert said in refused.err


def test_release_show_tells_where_everything_stands(shop: Shop) -> None:
    release = shop.open()
    first = shop.good("release", "show", release).out
    assert "  ? staging     absent  1 in the way\n" in first
    assert "in the way of staging\n  ? gate.tests: there is no junit evidence for shop\n" in first
    shop.good("evidence", "add", release, shop.report, by="rita")
    assert f"next  tidegate deploy {release} staging" in shop.good("release", "show", release).out
    shop.good("deploy", release, "staging", by="rita")
    then = shop.good("release", "show", release)
    assert "  ✓ staging     1.1.0   verified " in then.out
    assert "in the way of production\n  ✗ approval.module-team: needs 2 approvals" in then.out
    stops = shop.good("release", "show", release, "--json").json["environments"]
    assert [(stop["environment"], stop["verdict"]) for stop in stops] == [("staging", "allow"), ("production", "deny")]
    assert stops[0]["verified_at"]
    assert [finding["rule"] for finding in stops[1]["against"]] == ["approval.module-team", "approval.tech-leads"]
