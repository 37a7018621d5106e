"""How the command line answers: what it imports, JSON everywhere, help, colours, pipes, completion."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys

import pytest

from tests.support.shop import Shop

HEAVY = (
    "sqlalchemy",
    "pydantic",
    "dbos",
    "rich",
    "ruamel",
    "alembic",
    "cel",
    "psycopg",
    "jinja2",
    "httpx2",
    "starlette",
)


def modules(*words: str) -> set[str]:
    """The modules that a command has imported at its end."""
    script = (
        "import sys, atexit, json\n"
        "atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))\n"
        "sys.argv = ['tidegate', *sys.argv[1:]]\n"
        "from tidegate.cli import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=False)
    found: set[str] = set(json.loads(done.stderr.splitlines()[-1]))
    return found


@pytest.mark.parametrize(
    "words", [("--version",), ("--help",), ("release", "--help"), ("check", "--help"), ("completion", "bash")]
)
def test_what_needs_no_store_imports_next_to_nothing(words: tuple[str, ...]) -> None:
    found = modules(*words)
    assert "click" in found
    assert not [name for name in HEAVY if name in found]
    own = {name for name in found if name.startswith("tidegate.")}
    assert not {name for name in own if name.startswith(("tidegate.store", "tidegate.core", "tidegate.orchestration"))}


def test_checking_a_file_opens_no_database(shop: Shop) -> None:
    found = modules("policy", "check", "-C", str(shop.root))
    assert "pydantic" in found
    assert "dbos" not in found
    assert not (shop.root / ".tidegate").exists()


def test_reading_imports_no_workflow_engine(shared_shop: Shop) -> None:
    found = modules("release", "list", "-C", str(shared_shop.root))
    assert "sqlalchemy" in found
    assert not {"dbos", "rich", "alembic"} & found


READING = (
    ("policy", "check"), ("policy", "explain"), ("policy", "show"), ("policy", "history"), ("policy", "schema"),
    ("plan", "shop"), ("plan", "shop", "--alternatives", "-v"), ("calendar",), ("calendar", "--free"),
    ("version", "shop"),
    ("release", "list"), ("release", "show", "shop-1.1.0"), ("release", "notes", "shop-1.1.0"),
    ("check", "shop-1.1.0", "--for", "staging"), ("evidence", "list", "shop-1.1.0"),
    ("rollout", "list"), ("status",), ("hold", "list"), ("notice", "list"), ("notice", "list", "shop-1.1.0"),
    ("audit", "log"), ("audit", "verify"), ("audit", "rejudge"), ("db", "check"), ("db", "upgrade"),
    ("completion", "zsh"),
)  # fmt: skip


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_every_answer_can_be_had_as_json_and_fits_the_terminal(shared_shop: Shop, words: tuple[str, ...]) -> None:
    as_json = shared_shop.run("--json", *words)
    assert as_json.code in (0, 3)
    json.loads(as_json.out)
    for_people = shared_shop.run(*words)
    assert for_people.code == as_json.code
    assert "\x1b" not in for_people.out
    if words[0] != "completion" and words[1:] != ("schema",):
        long = [line for line in for_people.out.splitlines() if len(line) > 80]
        # Digests and paths stay whole, so that they can be copied.
        assert [line for line in long if "sha256:" not in line and str(shared_shop.directory) not in line] == []


def test_check_answers_with_exactly_the_decision(shared_shop: Shop) -> None:
    answer = shared_shop.run("check", "shop-1.1.0", "--for", "staging", "--json").json
    assert list(answer) == [
        "verdict", "action", "environment", "actor", "findings", "next_possible", "blocked_by_time_only", "decided_at",
        "subject", "policies",
    ]  # fmt: skip
    assert answer["verdict"] == "cannot tell"
    assert answer["actor"] == "rita"
    against = [f for f in answer["findings"] if f["verdict"] != "allow"]
    assert against
    assert all({"rule", "verdict", "message", "remedy"} <= set(f) and f["remedy"] for f in against)


def test_a_check_is_asked_for_somebody_and_says_so(shared_shop: Shop) -> None:
    before = shared_shop.good("audit", "verify", "--json").json["size"]
    assert "assuming that rita signs" in shared_shop.run("check", "shop-1.1.0", "--for", "staging").out
    alice = shared_shop.run("check", "shop-1.1.0", "--for", "staging", "--as", "alice")
    assert "alice may not start in staging" in alice.out
    assert shared_shop.good("audit", "verify", "--json").json["size"] == before


def test_a_remedy_stands_beside_what_it_mends(shared_shop: Shop) -> None:
    lines = shared_shop.run("check", "shop-1.1.0", "--for", "production").out.splitlines()
    place = next(i for i, line in enumerate(lines) if "needs 2 approvals from module-team" in line)
    assert lines[place].startswith("  ├─ ✗ approval.module-team: ")
    assert lines[place + 1].startswith("  │    > tidegate approve shop-1.1.0 --for production")


def seen_in_a_terminal(shop: Shop, *words: str, **environment: str) -> str:
    """What a command prints to a terminal."""
    leader, follower = pty.openpty()
    variables = shop.environment(environment) | {"TERM": "xterm-256color"} | environment
    with subprocess.Popen(
        shop.command(*words), cwd=shop.root, env=variables, stdout=follower, stderr=follower, stdin=follower
    ) as process:
        os.close(follower)
        said = b""
        try:
            while block := os.read(leader, 1 << 16):
                said += block
        except OSError:
            pass  # Linux says EIO when the other side is closed
        process.wait()
    os.close(leader)
    return said.decode()


def test_colours_are_for_terminals_and_never_say_anything_alone(shared_shop: Shop) -> None:
    words = ("check", "shop-1.1.0", "--for", "production")
    coloured = seen_in_a_terminal(shared_shop, *words)
    assert "\x1b[31m" in coloured
    plain = seen_in_a_terminal(shared_shop, *words, NO_COLOR="1")
    assert "\x1b" not in plain
    without = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert [line[:4] for line in without.splitlines()] == [line[:4] for line in plain.splitlines()]
    assert "✗ deny" in plain


def test_a_terminal_without_our_symbols_gets_an_answer(shared_shop: Shop) -> None:
    done = subprocess.run(
        shared_shop.command("check", "shop-1.1.0", "--for", "staging"),
        cwd=shared_shop.root,
        env=shared_shop.environment({"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 3
    assert b"cannot tell" in done.stdout


def test_who_reads_may_stop_reading(shared_shop: Shop) -> None:
    done = subprocess.run(
        ["sh", "-c", '"$@" | head -n 1', "sh", *shared_shop.command("policy", "schema")],
        cwd=shared_shop.root,
        env=shared_shop.environment({}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "{\n"
    assert done.stderr == ""


def test_progress_is_for_people_who_watch(shop: Shop) -> None:
    release = shop.open()
    shop.good("evidence", "add", release, shop.report, by="rita")
    piped = shop.run("deploy", release, "staging", by="rita", TIDEGATE_PROGRESS="1")
    assert "✓ web1 runs 1.1.0" in piped.err
    assert "web1" not in piped.out


def test_options_are_taken_before_and_after_the_command(shared_shop: Shop) -> None:
    words = ("check", "shop-1.1.0", "--for", "staging")
    before = shared_shop.run("--as", "alice", "--json", *words).json
    after = shared_shop.run(*words, "--as", "alice", "--json").json
    between = shared_shop.run("--as", "bob", "check", "--json", "--as", "alice", *words[1:]).json
    assert before["actor"] == after["actor"] == between["actor"] == "alice"
    assert shared_shop.run(*words, "--json", TIDEGATE_PERSON="alice").json["actor"] == "alice"
    grouped = shared_shop.good("release", "--json", "list").json
    assert grouped[0]["id"] == "shop-1.1.0"


def test_a_shell_completes_commands_without_a_house() -> None:
    variables = {**os.environ, "_TIDEGATE_COMPLETE": "bash_complete", "COMP_WORDS": "tidegate ro", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "tidegate"], env=variables, capture_output=True, text=True, check=False
    )
    assert "rollout" in done.stdout
    assert "rollback" in done.stdout
    assert done.stderr == ""


LEFT, PROFILED = "import atexit; atexit.register(print, 'more')", "import sys; sys.setprofile(lambda *_: None)"


@pytest.mark.parametrize(
    ("before", "more"), [(LEFT, True), (PROFILED, True), ("", False)], ids=["left to do", "profiled", "nothing"]
)
@pytest.mark.parametrize(("word", "code"), [("--version", 0), ("nonsense", 2)])
def test_a_process_ends_when_all_is_said_and_done(before: str, more: bool, word: str, code: int) -> None:
    """Most end without being taken apart; nothing that was printed, or is left to do, is lost by it."""
    calls = f"{before}\nfrom tidegate.cli import main\ntry:\n main()\nfinally:\n print('more')"
    done = subprocess.run([sys.executable, "-c", calls, word], capture_output=True, text=True)
    assert (done.returncode, done.stdout.endswith("more\n")) == (code, more)
    assert ("tidegate 0." in done.stdout, "nonsense" in done.stderr) == (code == 0, code == 2)
