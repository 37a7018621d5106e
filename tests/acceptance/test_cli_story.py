"""The main job at the command line: from a plan to production and back, and the proof of it."""

from __future__ import annotations

import sqlite3

from tests.support.shop import Shop


def test_a_release_goes_to_production_and_back_and_the_log_proves_it(shop: Shop) -> None:
    plan = shop.good("plan", "shop")
    assert "shop 1.1.0 (minor)" in plan.out
    assert "adopted tidegate.yaml as the first policy" in plan.err

    release = shop.open()
    assert release == "shop-1.1.0"

    before = shop.run_installed("check", release, "--for", "production", "--json")
    assert before.code == 3
    assert before.json["verdict"] == "deny"
    assert {finding["rule"] for finding in before.json["findings"]} > {"environment.known", "approval.module-team"}
    assert before.json["blocked_by_time_only"] is False

    refused = shop.run_installed("deploy", release, "staging", by="rita")
    assert refused.code == 3
    assert "there is no junit evidence" in refused.err
    assert refused.out == ""

    shop.good("evidence", "add", release, shop.report, by="rita")
    for name in ("alice", "bob", "carol"):
        shop.good("approve", release, "--for", "production", by=name)
    staged = shop.good("deploy", release, "staging", by="rita")
    assert "✓ shop 1.1.0 runs in staging" in staged.out
    after = shop.good("check", release, "--for", "production", "--json")
    assert after.json["verdict"] == "allow"

    deployed = shop.run_installed("deploy", release, "production", "--json", by="rita")
    assert deployed.code == 0, deployed
    assert deployed.json["outcome"] == "succeeded"
    assert shop.runs("production") == ["1.1.0", "1.1.0", "1.1.0"]
    assert deployed.err == ""

    back = shop.good("rollback", "shop", "production", "--reason", "it is bad", by="rita")
    assert "shop is gone from production, as it was before" in back.out
    assert shop.runs("production") == ["", "", ""]
    shown = shop.good("rollout", "list", "--environment", "production", "--json").json
    assert [(line["state"], line["direction"]) for line in shown] == [("succeeded", "back"), ("rolled_back", "forward")]
    assert shown[0]["because"] == "asked for by rita: it is bad"

    key = shop.keys / "rita"
    checkpoint = shop.directory / "checkpoint.txt"
    shop.good("audit", "export", "--output", checkpoint, "--key", key)
    assert "all the same" in shop.good("audit", "rejudge").out
    assert "as it was" in shop.good("audit", "verify", "--against", checkpoint).out


def test_one_changed_byte_of_one_leaf_is_named(shared_shop: Shop) -> None:
    whole = shared_shop.good("audit", "verify", "--json").json
    assert whole["holds"] is True
    with sqlite3.connect(shared_shop.database) as connection:
        (good,) = connection.execute("SELECT bytes FROM tg_leaf WHERE number = 1").fetchone()
        connection.execute("UPDATE tg_leaf SET bytes = ? WHERE number = 1", (good.replace(b"rita", b"ritb", 1),))
    try:
        found = shared_shop.run("audit", "verify")
        assert found.code == 1
        assert "✗ entry 1 was changed" in found.out
        as_json = shared_shop.run("audit", "verify", "--json")
        assert (as_json.code, as_json.json["problem"]["index"]) == (1, 1)
    finally:
        with sqlite3.connect(shared_shop.database) as connection:
            connection.execute("UPDATE tg_leaf SET bytes = ? WHERE number = 1", (good,))


def test_a_cut_log_fails_against_the_checkpoint(shop: Shop) -> None:
    shop.open()
    checkpoint = shop.directory / "checkpoint.txt"
    shop.good("audit", "export", "--output", checkpoint, "--key", shop.keys / "rita")
    later = checkpoint.read_text().replace("\n2\n", "\n3\n", 1)
    forged = shop.directory / "forged.txt"
    forged.write_text(later)
    assert shop.run("audit", "verify", "--against", forged).code == 4
    shop.database.unlink()
    for beside in shop.database.parent.glob("tidegate.db-*"):
        beside.unlink()
    cut = shop.run("audit", "verify", "--against", checkpoint)
    assert cut.code == 1
    assert "✗" in cut.out


def test_that_a_backup_was_put_back_ends_what_waited(shop: Shop) -> None:
    release = shop.open()
    shop.good("deploy", release, "staging", "--when-allowed", "--detach", by="rita")

    unsigned = shop.run("db", "restored", "--as", "rita")
    said = shop.good("db", "restored", "--reason", "the disk failed", by="rita")

    assert unsigned.code == 4
    assert "the epoch is 2 now" in said.out
    assert "waiting starts that were ended: 1" in said.out


def test_adopting_what_runs_makes_it_a_version_to_return_to(shop: Shop) -> None:
    release = shop.ready()
    for name in ("web1", "web2", "web3"):
        old = shop.host("production", name) / "releases" / "old"
        old.mkdir(parents=True)
        (old / "a.txt").write_text("old")
        (shop.host("production", name) / "current").symlink_to("releases/old")
    refused = shop.run("deploy", release, "production", by="rita")
    assert refused.code == 1
    assert "tidegate adopt shop production" in refused.err
    shop.good("adopt", "shop", "production", "--version", "1.0.0", by="rita")
    shop.good("deploy", release, "production", by="rita")
    back = shop.good("rollback", "shop", "production", by="rita")
    assert "shop 1.0.0 runs in production again" in back.out


def test_a_start_that_waits_begins_as_soon_as_it_may(shop: Shop) -> None:
    release = shop.open()
    asked = shop.good("deploy", release, "staging", "--when-allowed", "--detach", by="rita")
    assert "as soon as the policy allows it" in asked.out
    twice = shop.run("deploy", release, "staging", "--when-allowed", "--detach", by="rita")
    assert twice.code == 6
    shop.good("worker", "--once")
    assert shop.runs("staging") == ["", "", ""]
    shop.good("evidence", "add", release, shop.report, by="rita")
    overdue = shop.good("status", "--json").json
    assert any("is overdue and nobody executes" in sentence for sentence in overdue["attention"])
    shop.good("worker", "--once")
    assert shop.runs("staging") == ["1.1.0", "1.1.0", "1.1.0"]


def test_a_broken_restart_pauses_and_resuming_carries_it_on(shop: Shop) -> None:
    release = shop.ready()
    shop.broken.touch()
    paused = shop.run("deploy", release, "production", by="rita")
    assert paused.code == 1
    assert "is paused" in paused.out
    assert "tidegate rollout resume shop-1.1.0.production.1" in paused.out
    shop.broken.unlink()
    resumed = shop.good("rollout", "resume", "shop-1.1.0.production.1", by="rita")
    assert "shop 1.1.0 runs in production" in resumed.out
    assert shop.runs("production") == ["1.1.0", "1.1.0", "1.1.0"]


def test_a_dry_run_prints_every_step_and_touches_nothing(shared_shop: Shop) -> None:
    view = shared_shop.good("deploy", "shop-1.1.0", "production", "--dry-run", "--json").json
    assert [sorted({step["unit"] for step in wave}) for wave in view["waves"]] == [["web1"], ["web2"], ["web3"]]
    assert not (shared_shop.directory / "hosts").exists()


def test_a_hold_stops_what_goes_forward_until_it_is_lifted(shop: Shop) -> None:
    release = shop.open()
    shop.good("evidence", "add", release, shop.report, by="rita")
    hold = shop.good("hold", "add", "--reason", "incident", "--for", "4h", "--json", by="rita").json["id"]
    refused = shop.run("check", release, "--for", "staging")
    assert refused.code == 3
    assert "incident" in refused.out
    assert "incident" in shop.good("hold", "list").out
    shop.good("hold", "lift", hold, by="rita")
    assert shop.good("check", release, "--for", "staging").code == 0


def test_a_changed_artifact_voids_every_approval(shop: Shop) -> None:
    release = shop.open()
    shop.good("approve", release, "--for", "production", by="alice")
    other = shop.directory / "other.tar.gz"
    other.write_bytes((next((shop.root / ".tidegate" / "packages").iterdir())).read_bytes() + b"\0")
    shop.good("release", "attach", release, other, by="rita")
    shown = shop.good("release", "show", release, "--json").json
    assert [(a["person"], a["holds"]) for a in shown["approvals"]] == [("alice", False)]
    assert "does not count" in shop.good("release", "show", release).out


def test_the_plan_says_which_rule_of_time_decides(shop: Shop) -> None:
    shop.write_policy(
        minor="notice: 7d, ",
        head="trains: {shop: {of: {component: shop}, every: week on tuesday at 10:00, from: 2026-01-06}}\n",
    )
    plan = shop.good("plan", "shop", "--now", "2026-11-20T20:00:00Z", "--json").json
    production = next(e for e in plan["environments"] if e["environment"] == "production")
    assert (production["deciding"], production["then"]) == ("notice", "train")
    assert production["next_possible"] == "2026-12-01T18:00:00.000000Z"
    text = shop.good("plan", "shop", "--now", "2026-11-20T20:00:00Z").out
    assert "at the earliest Tue 1 Dec 2026 10:00 PST (in 11 days)" in text
    assert "time: notice decides, then the train" in text


def test_a_file_that_differs_is_a_proposal_until_it_is_adopted(shop: Shop) -> None:
    release = shop.open()
    shop.write_policy(head="rehearsal: waits are shortened\n")
    told = shop.good("release", "list")
    assert "tidegate.yaml is a proposal: the active policy is sha256:" in told.err
    assert "REHEARSAL" not in told.out
    assert shop.run("policy", "adopt", by="alice").code == 4
    shop.good("policy", "adopt", by="rita")
    assert "is a proposal" not in shop.good("release", "list").err
    marked = shop.run("check", release, "--for", "staging")
    assert marked.out.startswith("REHEARSAL: waits are shortened")
    assert shop.run("check", release, "--for", "staging", "--json").json["rehearsal"] == "waits are shortened"
    assert len(shop.good("policy", "history", "--json").json) == 2
    shop.good("release", "rebase", release, by="rita")
    assert shop.good("release", "show", release, "--json").json["policy_is_current"] is True


def test_the_starter_policy_is_a_policy_and_is_never_overwritten(shop: Shop) -> None:
    empty = shop.directory / "empty"
    empty.mkdir()
    assert "wrote tidegate.yaml" in shop.run("init", cwd=empty).out
    assert shop.run("policy", "check", cwd=empty).code == 0
    assert shop.run("init", cwd=empty).code == 6
