"""Bad input at the command line: each refusal says what, where and what to do, and exits as the table says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.support.shop import PEOPLE, Done, Shop
from tidegate.cli.root import root

BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(f'*{chr(97 + i)}' for _ in range(10))}]\n" for i in range(9)
)


def leaves(shop: Shop) -> list[str]:
    """The kinds of the entries of the log."""
    return [leaf["kind"] for leaf in shop.good("audit", "log", "--json").json]


def error(done: Done, code: int, kind: str) -> dict[str, str]:
    """The error of a command under ``--json``, which exits as its kind does and says what to do."""
    found: dict[str, str] = done.json["error"]
    assert (done.code, found["kind"]) == (code, kind), done
    assert found["remedy"]
    return found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("tidegate: [1", "not YAML", id="not YAML"),
        pytest.param("\0" * 10, "error: yaml tidegate.yaml:1:1 the invisible character U+0000", id="binary"),
        pytest.param("a: b\n" * 2_200_000, "at most 4,194,304", id="10 MB"),
        pytest.param(BOMB, "with its aliases expanded the file has more than", id="alias bomb"),
        pytest.param("tidegate: 1\ntidegate: 1\n", "error: yaml tidegate.yaml:2:1", id="duplicate key"),
    ],
)
def test_what_is_no_policy_file_is_refused_with_its_place(shop: Shop, text: str, says: str) -> None:
    (shop.root / "tidegate.yaml").write_text(text)
    told = shop.run("policy", "check")
    assert told.code == 2
    assert says in " ".join(told.out.split())
    assert "remedy: " in told.out
    assert "✗ tidegate.yaml is no policy: " in told.out
    assert told.err == ""
    assert not shop.database.exists()


def test_each_mistake_of_a_policy_is_told_with_a_guess(shop: Shop) -> None:
    text = shop.policy_text().replace("purpose: staging", "purpos: staging").replace("shop-v{version}", "shop-v")
    (shop.root / "tidegate.yaml").write_text(text)
    found = shop.run("policy", "check", "--json")
    assert (found.code, found.json["ok"], found.json["digest"]) == (2, False, None)
    mistakes = [(one["rule"], one["severity"], one["file"]) for one in found.json["findings"]]
    assert mistakes == [("shape", "error", "tidegate.yaml")] * 2
    assert all(one["remedy"] and one["line"] > 1 for one in found.json["findings"])
    told = " ".join(shop.run("policy", "check").out.split())
    assert 'did you mean "purpose"?' in told
    assert "must contain {version} exactly once" in told


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("path: app", "path: ../elsewhere", "outside the repository"),
        ("tests.failed == 0", "tests.fialed == 0", "fialed"),
        ("driver: host,", "driver: hsot,", 'did you mean "host"'),
    ],
)
def test_a_wrong_value_is_a_mistake_when_the_file_is_read(shop: Shop, old: str, new: str, says: str) -> None:
    (shop.root / "tidegate.yaml").write_text(shop.policy_text().replace(old, new))
    told = shop.run("policy", "check")
    assert told.code == 2
    assert says in " ".join(told.out.split())
    assert re.match(r"✗ error: [a-z]+  tidegate\.yaml:[0-9]+:[0-9]+\n", told.out)


def test_a_version_that_is_none_is_wrong_usage(shared_shop: Shop) -> None:
    for words in (
        ("plan", "shop", "--version", "1.2"),
        ("release", "open", "shop", "--version", "1.2"),
        ("adopt", "shop", "production", "--version", "1.2"),
    ):
        found = error(shared_shop.run(*words, "--json", by="rita"), 2, "usage")
        assert "1.2" in found["what"]


@pytest.mark.parametrize(
    ("words", "by", "code", "says"),
    [
        (("approve", "shop-1.1.0", "--for", "production", "--as", "alice"), "", 4, "has not signed"),
        (("approve", "shop-1.1.0", "--for", "production"), "", 4, "nobody says who is asking"),
        (("approve", "shop-1.1.0", "--for", "production"), "mallory", 4, 'knows no person "mallory"'),
        (("approve", "shop-1.1.0", "--for", "prodcution"), "alice", 5, 'no environment "prodcution"'),
        (("approve", "shop-9.9.9", "--for", "production"), "alice", 5, 'no release "shop-9.9.9"'),
        (("revoke", "shop-1.1.0", "--for", "production"), "bob", 5, "no standing answer"),
        (("release", "open", "shop"), "alice", 4, "may not open"),
        (("release", "open", "shpo"), "rita", 5, 'no component "shpo"'),
        (("deploy", "shop-1.1.0", "moon"), "rita", 3, "moon"),
        (("rollback", "shop", "production"), "rita", 5, "nothing to take back"),
        (("evidence", "add", "shop-1.1.0", "nothing.xml"), "rita", 5, "no such report"),
        (("evidence", "add", "shop-1.1.0", "tidegate.yaml"), "rita", 2, "tidegate.yaml"),
        (("rollout", "show", "nothing"), "", 5, 'no rollout "nothing"'),
        (("hold", "lift", "hold-none"), "rita", 5, 'no hold "hold-none"'),
        (("hold", "add", "--reason", "x", "--for", "soon"), "rita", 2, "not a duration"),
        (("audit", "verify", "--against", "tidegate.yaml"), "", 2, "no checkpoint"),
        (("audit", "verify", "--against", "nothing"), "", 5, "no such checkpoint"),
        (("audit", "export",), "", 4, "no key was given"),
        (("release", "rebase", "shop-1.1.0"), "alice", 4, "may not adopt"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused(
    shared_shop: Shop, words: tuple[str, ...], by: str, code: int, says: str
) -> None:
    done = shared_shop.run(*words, by=by)
    assert done.code == code, done
    assert says in " ".join(done.err.split()), done
    assert done.out == ""


def test_an_approval_signed_by_anothers_key_is_refused_and_leaves_a_leaf(shared_shop: Shop) -> None:
    before = leaves(shared_shop)
    done = shared_shop.run(
        "approve", "shop-1.1.0", "--for", "production", "--as", "alice", "--key", shared_shop.keys / "bob", "--json"
    )
    assert "alice" in error(done, 4, "signature")["what"]
    assert leaves(shared_shop) == [*before, "approval.denied"]


def test_a_second_answer_by_the_same_person_is_a_conflict(shop: Shop) -> None:
    release = shop.open()
    shop.good("approve", release, "--for", "production", by="alice")
    twice = shop.run("approve", release, "--for", "production", "--json", by="alice")
    assert "already" in error(twice, 6, "conflict")["what"]


def test_a_rollback_to_a_version_that_was_never_verified_is_refused(shop: Shop) -> None:
    shop.ready()
    done = shop.run("rollback", "shop", "staging", "--to", "9.9.9", "--json", by="rita")
    assert done.code == 3
    assert done.json["decision"]["verdict"] != "allow"
    assert "9.9.9" in done.json["error"]["what"]
    assert shop.runs("staging") == ["1.1.0", "1.1.0", "1.1.0"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("chekc",), 'Did you mean "check"?'),
        (("release", "opne"), 'Did you mean "open"?'),
        (("check", "shop-1.1.0"), "--for"),
        (("check",), "RELEASE"),
        (("deploy", "shop-1.1.0", "staging", "--now", "2026-01-01T00:00:00Z"), "--now"),
        (("status", "--now", "yesterday"), "names no moment"),
        (("check", "shop-1.1.0", "--for", "staging", "--nwo"), "--nwo"),
        (("rollback", "shop", "production", "--break-glass"), "--reason"),
        (("rollback", "shop", "production", "--journal", "x"), "--break-glass"),
    ],
)
def test_wrong_words_are_wrong_usage(shared_shop: Shop, words: tuple[str, ...], says: str) -> None:
    done = shared_shop.run(*words)
    assert done.code == 2
    assert says in done.err
    assert "--help" in done.err or "write it as" in done.err
    as_json = error(shared_shop.run(*words, "--json"), 2, "usage")
    assert says in as_json["what"]


def test_outside_of_any_house_there_is_nothing_to_decide(shop: Shop) -> None:
    nowhere = shop.directory / "nowhere"
    nowhere.mkdir()
    assert "no tidegate.yaml here or above" in error(shop.run("status", "--json", cwd=nowhere), 5, "not_found")["what"]
    assert shop.run("-C", str(shop.root), "status", cwd=nowhere).code == 0
    assert shop.run("status", "-C", str(shop.root / "app"), cwd=nowhere).code == 0
    assert error(shop.run("status", "-C", "missing", "--json"), 5, "not_found")


def test_what_strangers_wrote_reaches_no_terminal_as_it_is(shop: Shop) -> None:
    shop.repository.commit("feat: \x1b[2Jgone\x1b]0;title\x07 \u202etxet", {"app/b.txt": "1"})
    plan = shop.good("plan", "shop")
    assert "gone" in plan.out
    release = shop.open()
    hostile = "\x1b[31mred\x07\r\x9b2J"
    shop.good("hold", "add", "--reason", hostile, by="rita")
    done = shop.run("check", release, "--for", "staging")
    assert "red" in done.out
    wrong = shop.run("check", hostile, "--for", hostile, "--as", hostile)
    assert wrong.code == 5
    for text in (plan.out, done.out, wrong.err, shop.good("release", "notes", release).out):
        assert not {"\x1b", "\x07", "\r", "\x9b", "\u202e"} & set(text)


def test_an_argument_that_is_no_text_is_wrong_usage(shared_shop: Shop) -> None:
    done = shared_shop.run("check", "shop-\udcff", "--for", "staging", "--json")
    assert "UTF-8" in error(done, 2, "usage")["what"]


def test_an_unexpected_failure_is_told_without_a_traceback(shop: Shop) -> None:
    (shop.root / ".tidegate").write_text("not a directory")
    done = shop.run("status")
    assert done.code == 1
    assert done.err
    assert "Traceback" not in done.err


def test_an_existing_file_is_not_overwritten(shared_shop: Shop, tmp_path: Path) -> None:
    target = tmp_path / "there"
    target.write_text("mine")
    for words in (
        ("db", "backup", target),
        ("audit", "export", "--output", target, "--key", shared_shop.keys / "rita"),
    ):
        assert shared_shop.run(*words).code == 6
    assert target.read_text() == "mine"


_WORD = st.one_of(
    st.sampled_from([*root.lazy, "list", "show", "add", "open", "log", "shop", "shop-1.1.0", "production", "rita"]),
    st.sampled_from(
        ["--for", "--as", "--json", "--key", "--now", "--type", "--version", "--at", "--reason", "-C", "--", "-"]
    ),
    st.text(max_size=8).filter(lambda text: "\0" not in text),
)
NOT_TYPED = {"demo", "init", "worker"}
"""What would begin to work, or write elsewhere."""


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_WORD, max_size=7))
def test_whatever_is_typed_ends_with_a_code_of_the_table_and_a_remedy(shared_shop: Shop, words: list[str]) -> None:
    assume(not NOT_TYPED & set(words))
    done = shared_shop.run(*words)
    assert done.code in range(7), (words, done)
    assert "Tidegate failed" not in done.err, (words, done)
    assert done.out or done.err


def test_the_people_of_the_tests_are_those_of_the_keys(shared_shop: Shop) -> None:
    assert {path.stem for path in shared_shop.keys.glob("*.pub")} == set(PEOPLE)


@pytest.mark.parametrize("words", [["version"], ["notes"], ["status"], ["policy", "check"], ["demo", "x"]])
def test_a_directory_that_is_gone_is_told(tmp_path: Path, words: list[str]) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    calls = "import os; os.rmdir(os.getcwd()); from tidegate.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", calls, *words], cwd=gone, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr == (
        "error: the directory in which this was called is gone\n  > go to another, or name one with --directory\n"
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", [["status", "--help"], ["--version"], ["demo", "--help"]])
def test_an_output_that_is_full_is_told(tmp_path: Path, unbuffered: str, words: list[str]) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        call = [sys.executable, "-m", "tidegate", *words]
        environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
        done = subprocess.run(call, cwd=tmp_path, env=environment, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr == "error: there is no space left to write to\n  > make room, then try again\n"
