"""Production is taken back: the incident, what it takes to close it, the drill, and the script for the worst day."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.shop import Shop, flat
from tidegate.clock import to_text

HEAD = """\
documents:
  incident-report: {title: Incident report}
contacts:
  first: {title: First line, reach: "file:ONCALL.md", group: tech-leads}
emergency: {call: [first]}
rollback: {documents: [incident-report], validation: [smoke]}
drills:
  way-back: {title: The way back, of: rollback, every: quarterly, by: managers, blocks: true}
  alarm: {title: The alarm, of: emergency, every: quarterly, by: managers, acknowledge_within: 15m}
"""


@pytest.fixture
def drilling(shop: Shop) -> Shop:
    """The shop, whose policy asks for reports and drills."""
    text = shop.policy_text(head=HEAD).replace(
        "gates:\n", 'gates:\n  smoke: {evidence: smoke, pass: "smoke.total > 0 && smoke.failed == 0"}\n'
    )
    (shop.root / "tidegate.yaml").write_text(text)
    return shop


def test_an_overdue_drill_stops_production_and_an_incident_is_closed(drilling: Shop, tmp_path: Path) -> None:
    release = drilling.ready()
    refused = drilling.run("deploy", release, "production", by="rita")
    assert refused.code == 3
    assert "The way back was never rehearsed with success" in flat(refused.err)
    listed = drilling.good("drill", "list")
    assert "never held with success, overdue and blocks production" in flat(listed.out)
    report = tmp_path / "report.md"
    report.write_text("# Went back in ten minutes\n")
    nowhere = drilling.run("drill", "run", "way-back", "staging", by="rita")
    assert (nowhere.code, "shop in staging has no earlier version" in flat(nowhere.err)) == (6, True)
    done = drilling.good("drill", "record", "way-back", "--report", report, "--took", "10m", by="rita")
    assert "the drill way-back succeeded" in done.out
    drilling.good("deploy", release, "production", by="rita")

    drilling.good("rollback", "shop", "production", "--reason", "checkout answers 500", by="rita")
    status = drilling.good("status")
    assert "open incidents" in status.out
    assert "shop 1.1.0 was taken back in production" in status.out
    assert "incidents" in drilling.good("release", "show", release).out
    (line,) = drilling.good("incident", "list", "--open", "--json").json
    shown = drilling.good("incident", "show", line["id"])
    assert "checkout answers 500" in flat(shown.out)
    assert [one for one in shown.out.splitlines() if len(one) > 80] == []
    refused = drilling.run("incident", "close", line["id"], "--outcome", "fixed in 1.1.1", by="rita")
    assert refused.code == 3
    assert "Incident report: not attached (and 1 more)" in flat(refused.err)
    drilling.good("incident", "attach", line["id"], report, "--document", "incident-report", by="rita")
    smoke = tmp_path / "smoke.json"
    values = {"total": 3, "failed": 0}
    taken = to_text(datetime.now(UTC))
    smoke.write_text(json.dumps({"tidegate": "evidence/1", "kind": "smoke", "taken_at": taken, "values": values}))
    drilling.good("incident", "attach", line["id"], smoke, by="rita")
    drilling.good("incident", "close", line["id"], "--outcome", "fixed in 1.1.1", by="rita")
    assert drilling.good("incident", "list", "--open").out == "there is no incident\n"


def test_the_line_is_stopped_a_fix_may_pass_and_an_incident_is_opened_by_hand(shop: Shop) -> None:
    release = shop.ready()
    hold = shop.good("hold", "add", "--reason", "incident 4711", "--json", by="rita").json["id"]
    feature = shop.run("hold", "pass", hold, release, "--reason", "mends it", by="rita")
    assert (feature.code, f"{release} is no fix" in flat(feature.err)) == (6, True)
    shop.repository.commit("fix: third", {"app/a.txt": "3"})
    opened = shop.good("incident", "open", "shop", "production", "--title", "invoices are late", "--json", by="rita")
    assert opened.json["title"] == "invoices are late"
    assert shop.run("incident", "open", "shop", "production", "--title", "x", by="alice").code == 4
    assert shop.run("incident", "show", "incident-0").code == 5
    said = ("--reason", "invoices are late", "--incident")
    assert shop.run("hold", "add", *said, "incident-0", by="rita").code == 5
    shop.good("hold", "add", *said, opened.json["id"], by="rita")
    assert f"{opened.json['id']}: invoices are late" in flat(shop.good("hold", "list").out)


def test_the_call_is_exercised(drilling: Shop) -> None:
    drilling.ready()
    called = drilling.good("drill", "call", "alarm", "--json", by="rita").json
    assert drilling.run("drill", "acknowledge", called["id"], by="rita").code == 4
    done = drilling.good("drill", "acknowledge", called["id"], by="carol")
    assert "the policy asks for 15 minutes" in flat(done.out)
    assert "alarm" in drilling.good("drill", "list", "--all").out


def test_a_rollback_is_rehearsed_in_staging(drilling: Shop) -> None:
    drilling.ready()
    drilling.repository.commit("feat: third", {"app/a.txt": "3"})
    release = str(drilling.good("release", "open", "shop", "--version", "1.2.0", "--json", by="rita").json["id"])
    drilling.good("evidence", "add", release, drilling.report, by="rita")
    drilling.good("deploy", release, "staging", by="rita")
    done = drilling.good("drill", "run", "way-back", "staging", by="rita")
    assert "taken back in" in done.out
    assert "forward again in" in done.out
    assert drilling.runs("staging") == ["1.2.0", "1.2.0", "1.2.0"]
    refused = drilling.run("drill", "run", "way-back", "production", by="rita")
    assert (refused.code, "nothing is rehearsed there" in flat(refused.err)) == (2, True)


def test_the_script_goes_back_when_the_database_is_gone(shop: Shop, tmp_path: Path) -> None:
    release = shop.ready()
    shop.good("deploy", release, "production", by="rita")
    shown = shop.good("rollout", "show", f"{release}.production.1", "--json").json
    script = Path(shown["emergency_script"])
    assert script == shop.root / ".tidegate" / "way-back" / "production" / "shop.sh"
    assert f"sh {script}" in flat(shop.good("rollout", "show", f"{release}.production.1").out).replace("/ ", "/")
    for path in shop.database.parent.glob("tidegate.db*"):
        path.unlink()
    (shop.root / "tidegate.yaml").unlink()
    # From anywhere, without a policy file; first without a key, then by somebody who may not.
    words = ["sh", str(script), "--reason", "the database is gone"]
    environment = {**os.environ, "PATH": os.defpath, "TIDEGATE": str(shop.installed)}
    nobody = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert nobody.returncode == 4, nobody
    alice = [*words, "--as", "alice", "--key", str(shop.keys / "alice")]
    assert subprocess.run(alice, cwd=tmp_path, env=environment, capture_output=True).returncode == 4
    rita = [*words, "--as", "rita", "--key", str(shop.keys / "rita")]
    done = subprocess.run(rita, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done
    assert shop.runs("production") == ["", "", ""]
    journal = script.parents[2] / "break-glass.journal"
    assert journal.read_text().count('"kind":"returned"') == 3
    if shellcheck := shutil.which("shellcheck"):
        assert subprocess.run([shellcheck, str(script)], check=False).returncode == 0
