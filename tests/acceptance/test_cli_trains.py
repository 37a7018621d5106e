"""Trains at the command line, and what follows a release: tasks, reviews, judgements, feedback."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from tests.support.shop import Shop, flat

TRAINS = """\
trains:
  daily: {of: {component: shop}, every: day at 10:00, opens: 3d}
  others: {of: {kind: service}, every: day at 11:00, opens: by-hand}
"""
AFTERWARDS = """\
tasks:
  check-logs: {says: Check error logs, due: 0-24 hours, by: tech-leads}
  collect: {says: Collect user feedback, due: 1-7 days}
reviews:
  retro: {title: Retrospective, every: yearly, by: managers, tracks_improvements: true, looks_at: [the metrics]}
success:
  - {says: No critical issue, by: tech-leads}
"""


class Riding(Shop):
    """The shop, with trains of which one boards at once, and with what follows a release."""

    def policy_text(self, *, head: str = "", minor: str = "") -> str:
        text = super().policy_text(head=head, minor=minor)
        frozen = "    purpose: production\n    freeze: {before: 1d, allow: [fix]}\n"
        return text.replace("    purpose: production\n", frozen, 1) + TRAINS


class Looking(Shop):
    """The shop, with what follows a release."""

    def policy_text(self, *, head: str = "", minor: str = "") -> str:
        return super().policy_text(head=head, minor=minor) + AFTERWARDS


@pytest.fixture
def riding(tmp_path: Path, shop_keys: Path) -> Riding:
    return Riding(tmp_path / "shop", shop_keys)


@pytest.fixture
def looking(tmp_path: Path, shop_keys: Path) -> Looking:
    return Looking(tmp_path / "shop", shop_keys)


def boards(riding: Riding) -> None:
    """As if the time had come at which the daily train opens its releases."""
    riding.good("train", "list")
    with contextlib.closing(sqlite3.connect(riding.database)) as connection, connection:
        past = "2026-11-01T00:00:00.000000Z"
        connection.execute("UPDATE tg_train_run SET boards_at = ?, due_at = ? WHERE train = 'daily'", (past, past))
    riding.good("worker", "--once")


def narrow(text: str) -> bool:
    """Whether it fits a terminal."""
    return max(len(line) for line in text.splitlines()) <= 80


def test_a_train_opens_its_releases_and_says_who_is_aboard(riding: Riding) -> None:
    before = riding.good("train", "list")
    assert "daily  day at 10:00, to production" in before.out
    assert "nobody yet" in before.out
    boards(riding)
    listed = riding.good("train", "list")
    assert "shop-1.1.0" in listed.out
    assert narrow(listed.out)
    lines = riding.good("train", "list", "--json").json
    daily = next(line for line in lines if line["train"] == "daily")
    assert (daily["aboard"], daily["components"], len(daily["departures"])) == (["shop-1.1.0"], ["shop"], 3)
    shown = riding.good("train", "show", "daily")
    assert "shop-1.1.0  aboard, • open, opened by the train" in shown.out
    assert "needs 1 approval from tech-leads, none given" in flat(shown.out)
    assert narrow(shown.out)
    run = riding.good("train", "show", "daily", "--json").json["run"]
    assert run["passengers"][0]["release"] == "shop-1.1.0"
    release = riding.good("release", "show", "shop-1.1.0")
    assert "by tidegate" in release.out
    assert "daily  departs" in release.out


def test_a_newer_release_supersedes_what_the_train_opened(riding: Riding) -> None:
    boards(riding)
    riding.repository.commit("fix: more", {"app/b.txt": "1"})
    opened = riding.good("release", "open", "shop", by="rita")
    assert "supersedes shop-1.1.0: what was approved of it is approved anew" in opened.out
    assert "by shop-1.1.1, which has all that is in it and more" in flat(
        riding.good("release", "show", "shop-1.1.0").out
    )
    refused = riding.run("evidence", "add", "shop-1.1.0", riding.report, by="rita")
    checked = riding.run("check", "shop-1.1.0", "--for", "staging")
    assert (refused.code in (0, 6), checked.code) == (True, 3)
    assert "shop-1.1.0 is superseded, not open" in flat(checked.out)
    assert "tidegate release show shop-1.1.0 names it" in flat(checked.out)


def test_what_there_is_not_is_told(riding: Riding) -> None:
    unknown = riding.run("train", "show", "nightly")
    assert (unknown.code, unknown.err.splitlines()[-2:]) == (
        5,
        ['error: the policy knows no train "nightly"', "  > name one of: daily, others"],
    )
    assert riding.run("train", "show", "daily", "--run", "tomorrow").code == 2
    assert riding.run("train", "show", "daily", "--run", "2020-01-01").code == 5


def test_what_follows_a_release_is_done_and_told(looking: Looking) -> None:
    assert looking.good("task", "list").out == "there is nothing to do\n"
    release = looking.ready()
    looking.good("deploy", release, "production", by="rita")
    listed = looking.good("task", "list", release)
    assert "~ shop-1.1.0 check-logs" in listed.out
    assert "by tech-leads: carol, dora" in flat(listed.out)
    assert narrow(listed.out)
    mine = looking.good("task", "list", "--mine", "--json", by="rita").json
    assert [one["name"] for one in mine] == ["collect"]
    assert "shop-1.1.0 check-logs" in looking.good("status").out
    refused = looking.run("task", "done", release, "check-logs", by="rita")
    assert (refused.code, "rita may not settle" in flat(refused.err)) == (4, True)
    done = looking.good("task", "done", release, "check-logs", "--note", "no errors", by="carol")
    assert done.out == "✓ shop-1.1.0 check-logs is done by carol\n"
    assert "“no errors”" in looking.good("task", "list", "--all").out
    assert looking.run("task", "done", release, "nothing", by="carol").code == 5
    _reviewed(looking)
    _judged(looking, release)


def _reviewed(looking: Looking) -> None:
    review = next(one["id"] for one in looking.good("review", "list", "--json").json)
    assert "the metrics" in looking.good("review", "show", review).out
    words = ["--note", "staging was too small", "--improve", "double its memory", "--by", "tech-leads"]
    recorded = looking.good("review", "record", review, *words, "--within", "14d", by="rita")
    assert f"to be improved: {review}.1: double its memory" in recorded.out
    assert looking.run("review", "improved", f"{review}.1", by="rita").code == 4
    looking.good("review", "improved", f"{review}.1", "--note", "8 GB", by="carol")
    shown = looking.good("review", "show", review, "--json").json
    assert [one["standing"] for one in shown["improvements"]] == ["done"]
    assert looking.run("review", "record", review, "--note", "x", "--within", "soon", by="rita").code == 2


def _judged(looking: Looking, release: str) -> None:
    assert looking.run("success", "judge", release, "1", "--met", by="carol").code == 2
    judged = looking.good("success", "judge", release, "1", "--not-met", "--evidence", "TG-9", by="carol")
    assert judged.out == "✗ shop-1.1.0 1 was not met, says carol\n"
    assert "not met, by carol" in flat(looking.good("success", "list", release).out)
    said = looking.good("feedback", "add", release, "--score", "4", "--text", "faster", "--from", "Acme", by="rita")
    assert said.out == "✓ recorded for shop-1.1.0: 4.0 of 5 so far\n"
    assert looking.run("feedback", "add", release, "--score", "9", by="rita").code == 2
    shown = looking.good("feedback", "list", release)
    assert "satisfaction 4.0 of 5, from 1 score" in shown.out
    assert "faster" in shown.out
