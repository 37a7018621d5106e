"""Evidence by the command line: reports of every kind, commands, reviewers that commits name, what people state."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.shop import Done, Shop

CORPUS = Path(__file__).parents[1] / "corpus" / "reports"
READ = (
    ("cobertura/good/coverage-py.xml", "coverage"),
    ("lcov/good/jest.info", "coverage"),
    ("istanbul/good/jest.json", "coverage"),
    ("istanbul_summary/good/jest.json", "coverage"),
    ("axe/good/axe-cli-two-pages.json", "accessibility"),
    ("k6/good/k6-summary-export.json", "performance"),
    ("benchmark/good/pytest-benchmark.json", "benchmark"),
    ("reviews/good/reviews.json", "reviews"),
    ("github_reviews/good/gh.json", "reviews"),
    ("stated_backup/good/backup.json", "backup"),
)


def as_rita(shop: Shop, *words: str | Path) -> Done:
    """Who acts comes before the words, since those of a command come last."""
    return shop.run("--as", "rita", "--key", shop.keys / "rita", *words)


@pytest.mark.parametrize(("file", "kind"), READ, ids=[file for file, _ in READ])
def test_a_report_is_known_by_its_content(shared_shop: Shop, file: str, kind: str) -> None:
    done = shared_shop.good("evidence", "add", "shop-1.1.0", CORPUS / file, "--json", by="rita")
    (added,) = done.json["added"]
    assert added["kind"] == kind
    assert added["values"]


def test_benchmarks_beside_a_baseline(shared_shop: Shop) -> None:
    run = CORPUS / "benchmark" / "good" / "pytest-benchmark.json"
    slow: dict[str, Any] = json.loads(run.read_text())
    for one in slow["benchmarks"]:
        one["stats"] |= {name: one["stats"][name] * 3 for name in ("min", "q1", "median", "q3", "max")}
    file = shared_shop.directory / "slow.json"
    file.write_text(json.dumps(slow))
    told = shared_shop.good("evidence", "add", "shop-1.1.0", file, "--baseline", run, by="rita").out
    assert "2 benchmarks, 2 of 2 slower than before, the worst 3 times" in " ".join(told.split())
    refused = shared_shop.run("evidence", "add", "shop-1.1.0", shared_shop.report, "--baseline", run, by="rita")
    assert refused.code == 2
    assert "it is a JUnit XML report, and only benchmarks are compared with a baseline" in " ".join(refused.err.split())
    assert "leave --baseline out" in refused.err


def test_a_command_is_run_and_its_word_kept(shared_shop: Shop) -> None:
    words = ("evidence", "run", "shop-1.1.0", "--source", "lint", "--expects", "0 errors", "--")
    done = as_rita(shared_shop, *words, "echo", "0 errors")
    assert (done.code, done.out) == (0, "✓ command/lint: it ended with 0 and did what was declared\n")
    failed = as_rita(shared_shop, *words, "true")
    assert (failed.code, failed.out) == (1, "✗ command/lint: it ended with 0, and it did not say '0 errors'\n")
    slow = as_rita(shared_shop, *words[:-1], "--timeout", "200ms", "--", "sleep", "60")
    assert (slow.code, slow.out) == (
        1,
        "✗ command/lint: sleep: took longer than 0.2 s; it was stopped, and it did not say\n    '0 errors'\n",
    )
    listed = shared_shop.good("evidence", "list", "shop-1.1.0", "--json").json["evidence"]
    assert [one["values"] for one in listed if one["kind"] == "command"] == [
        {"exit_code": 0, "ok": True, "untracked": 0},
        {"exit_code": 0, "ok": False, "untracked": 0},
        {"exit_code": 124, "ok": False, "untracked": 0},
    ]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--source", "x", "--", "true"], 2, "an exit code alone is not believed"),
        (["--source", "x", "--expects", "y", "--", "no-such-command"], 2, "there is no command 'no-such-command'"),
        (["--source", "x", "--expects", "y", "--timeout", "soon", "--", "true"], 2, '"soon" is not a duration'),
        (["--source", "x", "--expects", "y"], 2, "Missing argument 'COMMAND...'"),
        (["--expects", "y", "--", "true"], 2, "Missing option '--source'"),
    ],
)
def test_what_is_no_command(shared_shop: Shop, words: list[str], code: int, sentence: str) -> None:
    done = as_rita(shared_shop, "evidence", "run", "shop-1.1.0", *words)
    assert done.code == code
    assert sentence in " ".join(done.err.split())


def test_what_a_person_states(shared_shop: Shop) -> None:
    words = ("evidence", "state", "shop-1.1.0", "backup", "verified=yes", "offsite=yes")
    done = shared_shop.good(*words, "--environment", "production", "--summary", "nightly\x1b[2J dump", by="alice")
    assert done.out == "✓ backup/alice: nightly[2J dump\n"
    unsigned = shared_shop.run("--as", "alice", *words)
    assert unsigned.code == 4
    assert "alice is only asserted; what a person states is signed" in unsigned.err
    junit = shared_shop.run("evidence", "state", "shop-1.1.0", "junit", "failed=0", by="alice")
    assert junit.code == 2
    assert "nobody can state 'junit'" in junit.err


def test_reviewers_that_commits_name(shop: Shop) -> None:
    text = (shop.root / "tidegate.yaml").read_text()
    for name in ("alice", "bob", "carol"):
        text = text.replace(f"{{name: {name.title()}, ", f"{{name: {name.title()}, email: {name}@example.org, ", 1)
    (shop.root / "tidegate.yaml").write_text(text)
    trailers = "".join(f"Reviewed-by: {name.title()} <{name}@example.org>\n" for name in ("bob", "carol", "alice"))
    shop.repository.git("commit", "--quiet", "--amend", "--message", f"feat: second\n\n{trailers}")
    release = shop.open()
    done = shop.good("evidence", "reviews", release, by="rita")
    assert " ".join(done.out.split()) == (
        "✓ reviews/git-trailers: each of 1 commit names at least 2 reviewers; trailers are claims of whoever "
        "committed, and no signatures"
    )
    assert shop.good("evidence", "reviews", release, "--json", by="rita").json["added"][0]["values"] == {
        "approved": 2,
        "rejected": 0,
        "open": 0,
    }
