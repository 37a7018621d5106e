"""Several commands at once, Ctrl-C, a database that is locked, damaged or gone."""

from __future__ import annotations

import fcntl
import http.server
import itertools
import signal
import sqlite3
import threading

import pytest

from tests.support.shop import Done, Shop, ends, interrupt, wait_until


def dispatched(shop: Shop) -> bool:
    """Whether a rollout waits in the restart of a host."""
    return (shop.host("production", "web1") / "current").exists()


def test_ctrl_c_detaches_and_another_command_carries_the_rollout_on(shop: Shop) -> None:
    release = shop.ready()
    shop.slow.touch()
    deploy = shop.begin("deploy", release, "production", by="rita")
    wait_until(lambda: dispatched(shop), "the first host is switched")
    interrupt(deploy)
    shop.slow.unlink()
    left = ends(deploy)
    assert left.code == 130, left
    assert "detached: rollout shop-1.1.0.production.1 goes on" in left.err
    assert "tidegate rollout show shop-1.1.0.production.1 --follow" in left.err
    followed = shop.good("rollout", "show", "shop-1.1.0.production.1", "--follow")
    assert "shop 1.1.0 runs in production" in followed.out
    assert shop.runs("production") == ["1.1.0", "1.1.0", "1.1.0"]


def test_ctrl_c_does_not_wait_for_a_unit_that_hangs(shop: Shop) -> None:
    release = shop.ready()
    shop.slow.touch()
    deploy = shop.begin("deploy", release, "production", by="rita")
    wait_until(lambda: dispatched(shop), "the first host is switched")
    interrupt(deploy)
    left = ends(deploy)
    assert left.code == 130, left
    assert shop.slow.exists()
    shop.slow.unlink()
    followed = shop.run("rollout", "show", "shop-1.1.0.production.1", "--follow")
    # Whether the restart went through when its caller was gone is read back, or asked of a person.
    assert followed.code in (0, 1)
    assert shop.good("rollout", "show", "shop-1.1.0.production.1", "--json").json["state"] != "running"


def test_a_follower_takes_over_when_the_executor_is_killed(shop: Shop) -> None:
    release = shop.ready()
    shop.slow.touch()
    first = shop.begin("deploy", release, "production", by="rita")
    wait_until(lambda: dispatched(shop), "the first host is switched")
    follower = shop.begin("rollout", "show", f"{release}.production.1", "--follow")
    first.send_signal(signal.SIGKILL)
    first.communicate()
    shop.slow.unlink()
    followed = ends(follower)
    # The restart of the first host outlived its caller or not: either way it is read back, and told as it is.
    assert followed.code in (0, 1), followed
    states = {"succeeded": 0, "paused": 1, "in_doubt": 1}
    shown = shop.good("rollout", "show", f"{release}.production.1", "--json").json
    assert states[shown["state"]] == followed.code


def test_while_nobody_executes_every_command_says_so(shop: Shop) -> None:
    release = shop.ready()
    started = shop.good("deploy", release, "production", "--detach", by="rita")
    assert "started shop-1.1.0.production.1" in started.out
    told = shop.good("release", "list")
    assert "shop in production is rolling out and nobody executes" in " ".join(told.err.split())
    assert "tidegate worker --once" in told.err
    shop.good("worker", "--once")
    assert shop.runs("production") == ["1.1.0", "1.1.0", "1.1.0"]
    assert "nobody executes" not in shop.good("release", "list").err


def test_a_watch_is_carried_by_one_look_at_a_time_and_is_unwatched_between_them(shop: Shop) -> None:
    answered = itertools.count(500, 500)

    class Metrics(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f'http_requests_total{{code="200"}} {next(answered)}\n'.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metrics) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            _carry_by_single_looks(shop, f"http://127.0.0.1:{server.server_port}/metrics")
        finally:
            server.shutdown()
    assert shop.runs("production") == ["1.1.0", "1.1.0", "1.1.0"]
    assert "nobody executes" not in shop.good("release", "list").err


def _carry_by_single_looks(shop: Shop, metrics: str) -> None:
    watch = """\
watch:
  production:
    for: 6s
    every: 1s
    metrics: {requests: http_requests_total, errors: 'http_requests_total{code=~"5.."}'}
    roll_back_when: [{error_rate: "> 5%"}]
"""
    text = shop.policy_text().replace('stop: ["true"]}', f'stop: ["true"], metrics: "{metrics}"}}')
    (shop.root / "tidegate.yaml").write_text(text + watch)
    release = shop.ready()
    shop.good("deploy", release, "production", "--detach", by="rita")
    shop.good("worker", "--once")
    unwatched = "shop in production is unwatched and nobody executes"
    wait_until(lambda: unwatched in " ".join(shop.good("release", "list").err.split()), "a look is due")

    def ended() -> bool:
        shop.good("worker", "--once")
        return bool(shop.good("rollout", "list", "--json").json[0]["state"] == "succeeded")

    wait_until(ended, "looks from time to time have carried the rollout to its end")


def test_of_two_deploys_at_once_one_goes_and_the_other_is_told(shop: Shop) -> None:
    release = shop.ready()
    shop.slow.touch()
    both = [shop.begin("deploy", release, "production", by="rita") for _ in range(2)]
    wait_until(lambda: any(p.poll() is not None for p in both), "one of the two has lost")
    loser, winner = sorted(both, key=lambda p: p.poll() is None)
    lost = ends(loser)
    assert lost.code == 6, lost
    assert "under way" in lost.err
    shop.slow.unlink()
    won = ends(winner)
    assert won.code == 0, won
    assert len(shop.good("rollout", "list", "--environment", "production", "--json").json) == 1


def test_an_approval_and_two_deploys_at_once_leave_one_story(shop: Shop) -> None:
    release = shop.open()
    shop.good("evidence", "add", release, shop.report, by="rita")
    shop.good("deploy", release, "staging", by="rita")
    for name in ("alice", "bob"):
        shop.good("approve", release, "--for", "production", by=name)
    approve = shop.begin("approve", release, "--for", "production", by="carol")
    deploys = [shop.begin("deploy", release, "production", by="rita") for _ in range(2)]
    assert ends(approve).code == 0
    codes = sorted(ends(deploy).code for deploy in deploys)
    assert codes in ([0, 3], [0, 6], [3, 3]), codes
    rolled_out = shop.good("rollout", "list", "--environment", "production", "--json").json
    assert len(rolled_out) == codes.count(0)
    assert shop.good("audit", "verify").code == 0
    assert shop.good("audit", "rejudge").code == 0


def test_a_worker_ends_with_sigterm_and_a_second_one_waits(shop: Shop) -> None:
    shop.open()
    worker = shop.begin("worker")
    lock = shop.root / ".tidegate" / "executor.lock"
    wait_until(lambda: lock.exists() and bool(lock.read_text()) and is_locked(str(lock)), "the worker executes")
    once = shop.run("worker", "--once", "--json")
    assert (once.code, once.json["error"]["kind"]) == (6, "conflict")
    worker.terminate()
    done = ends(worker)
    assert done.code == 0, done


def is_locked(path: str) -> bool:
    """Whether somebody holds the lock on a file."""
    with open(path) as file:  # noqa: PTH123  flock wants the file itself
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@pytest.mark.slow
def test_a_locked_database_is_told_and_nothing_changes(shop: Shop) -> None:
    release = shop.open()
    with sqlite3.connect(shop.database, isolation_level=None) as connection:
        connection.execute("BEGIN IMMEDIATE")
        done = shop.run("evidence", "add", release, shop.report, "--json", by="rita")
        assert (done.code, done.json["error"]["kind"]) == (6, "store_busy")
        assert "locked by another process" in done.json["error"]["what"]
        # Reading goes on beside it.
        assert shop.run("check", release, "--for", "staging").code == 3
        connection.execute("ROLLBACK")
    assert shop.good("evidence", "list", release, "--json").json["evidence"] == []


def test_a_damaged_database_stops_decisions_but_no_break_glass_rollback(shop: Shop) -> None:
    release = shop.ready()
    shop.good("deploy", release, "production", by="rita")
    whole = shop.database.read_bytes()
    beside = {path: path.read_bytes() for path in shop.database.parent.glob("tidegate.db-*")}
    for path in [*beside, shop.database]:
        path.unlink()
    shop.database.write_bytes(b"not a database at all " * 1000)

    refused = shop.run("status", "--json")
    assert (refused.code, refused.json["error"]["kind"]) == (1, "store")
    assert shop.run("db", "check").code == 1

    words = ("rollback", "shop", "production", "--break-glass", "--reason", "the database is gone")
    assert shop.run(*words, by="alice").code == 4
    assert shop.runs("production") == ["1.1.0", "1.1.0", "1.1.0"]
    broken = shop.good(*words, by="rita")
    assert "web3" in broken.out
    assert shop.runs("production") == ["", "", ""]

    shop.database.write_bytes(whole)
    home = shop.good("status")
    assert "brought home 1 break-glass act from the journal" in home.err
    assert "glass.broken" in shop.good("audit", "log").out
    assert shop.good("audit", "verify").code == 0


def test_a_way_back_from_a_unit_works_on_another_machine(shop: Shop) -> None:
    release = shop.ready()
    shop.good("deploy", release, "production", by="rita")
    carried = shop.directory / "elsewhere"
    carried.mkdir()
    document = next(shop.host("production", "web1").rglob("way-back.json"))
    (carried / "way-back.json").write_bytes(document.read_bytes())
    done = shop.run(
        "rollback", "shop", "production", "--break-glass", "--reason", "house on fire",
        "--file", "way-back.json", "--journal", "glass.journal", by="rita", cwd=carried,
    )  # fmt: skip
    assert done.code == 0, done
    assert (carried / "glass.journal").read_text().count('"kind":"returned"') == 3
    other = shop.run(
        "rollback",
        "shop",
        "staging",
        "--break-glass",
        "--reason",
        "x",
        "--file",
        "way-back.json",
        by="rita",
        cwd=carried,
    )
    assert other.code == 2
    assert "the way back of shop in production" in other.err


def test_a_backup_is_whole(shop: Shop) -> None:
    release = shop.open()
    copy = shop.directory / "backup.db"
    shop.good("db", "backup", copy)
    assert copy.stat().st_mode & 0o777 == 0o600
    again = shop.run("release", "show", release, "--json", TIDEGATE_DATABASE=f"sqlite:///{copy}")
    assert again.json["id"] == release


def test_the_whole_way_on_postgresql(shop: Shop, postgres_url: str) -> None:
    def good(*words: str, by: str = "") -> Done:
        done = shop.run(*words, by=by, TIDEGATE_DATABASE=postgres_url)
        assert done.code == 0, done
        return done

    release = str(good("release", "open", "shop", "--json", by="rita").json["id"])
    assert "1 message is overdue and nobody executes" in good("release", "list").err
    good("evidence", "add", release, str(shop.report), by="rita")
    assert "shop 1.1.0 runs in staging" in good("deploy", release, "staging", by="rita").out
    assert shop.runs("staging") == ["1.1.0", "1.1.0", "1.1.0"]
    assert "nobody here" in good("status").out
    good("rollback", "shop", "staging", by="rita")
    assert shop.runs("staging") == ["", "", ""]
    assert good("audit", "verify").code == 0
    assert good("db", "check").out.startswith("✓ database")
    copied = shop.run("db", "backup", "x", TIDEGATE_DATABASE=postgres_url)
    assert (copied.code, "pg_dump" in copied.err) == (2, True)
    assert not shop.database.exists()


def test_a_stopped_postgresql_is_told(shop: Shop) -> None:
    done = shop.run("status", "--json", TIDEGATE_DATABASE="postgresql://nobody:secret@127.0.0.1:9/tidegate")
    assert (done.code, done.json["error"]["kind"]) == (1, "store")
    assert "secret" not in done.out + done.err
