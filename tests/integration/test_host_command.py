"""Running real processes for a driver: time-outs, limits, what is passed on and what is hidden."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tidegate.drivers.command import Limits, environment, redact, run
from tidegate.errors import TargetError

SHORT = Limits(timeout_s=0.4, silence_s=10, grace_s=0.3)


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code]


def test_what_it_says_and_how_it_ended_are_the_answer() -> None:
    done = run(
        python("import sys;print(sys.stdin.read().upper());print('why',file=sys.stderr);sys.exit(3)"), [b"a", b"b"]
    )
    assert (done.status, done.stdout, done.stderr) == (3, b"AB\n", "why\n")


def test_large_input_and_output_flow_at_once() -> None:
    pieces = [b"x" * (1 << 16)] * 40
    done = run(
        python("import sys,shutil;shutil.copyfileobj(sys.stdin.buffer,sys.stdout.buffer)"),
        pieces,
        Limits(output=1 << 23),
    )
    assert len(done.stdout) == 40 << 16


def test_a_child_that_reads_nothing_is_no_error() -> None:
    assert run(python("pass"), [b"x" * (1 << 20)] * 3).status == 0


def test_lines_are_told_as_they_come() -> None:
    lines: list[bytes] = []
    run(python("print('one');print('two')"), on_line=lines.append)
    assert lines == [b"one", b"two"]


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(TargetError, match="web1: cannot start '/nowhere/at-all': ") as raised:
        run(["/nowhere/at-all"], where="web1")
    assert raised.value.remedy == "Install it, or correct the path."


@pytest.mark.parametrize(
    ("limits", "reason"),
    [(SHORT, "took longer than 0.4 s"), (Limits(timeout_s=60, silence_s=0.4, grace_s=0.3), "said nothing for 0.4 s")],
)
def test_one_that_hangs_and_ignores_requests_is_killed_and_reaped(tmp_path: Path, limits: Limits, reason: str) -> None:
    pid = tmp_path / "pid"
    code = (
        "import os,signal,time;signal.signal(2,signal.SIG_IGN);signal.signal(15,signal.SIG_IGN);"
        f"open({str(pid)!r},'w').write(str(os.getpid()));time.sleep(100)"
    )
    with pytest.raises(TargetError, match=f"{reason}; it was stopped"):
        run(python(code), limits=limits)
    if pid.exists():
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid.read_text()), 0)


def test_one_that_says_too_much_is_stopped() -> None:
    with pytest.raises(TargetError, match="said more than 1000 bytes; it was stopped"):
        run(python("while True: print('x'*100)"), limits=Limits(output=1000, grace_s=0.3))


def test_what_it_leaves_behind_does_not_hold_us() -> None:
    code = "import subprocess;print(subprocess.Popen(['sleep','30']).pid)"
    done = run(python(code), limits=Limits(timeout_s=20))
    os.kill(int(done.stdout), 9)
    assert done.status == 0


def test_nothing_of_ours_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_TOKEN", "s3cret")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:s3cret@h/d")
    assert b"s3cret" not in run(python("import os;print(os.environ)")).stdout
    assert "PATH" in environment()


def test_secrets_credentials_and_control_characters_are_hidden() -> None:
    said = "s3cret and https://u:p@host/x \x1b[31mred\x07"
    assert redact(said, ["s3cret", ""]) == "[hidden] and https://[hidden]@host/x ?[31mred?"


def test_what_it_said_is_heard_though_it_ended_while_we_slept(tmp_path: Path) -> None:
    """On a busy machine nobody may come to read for a second; what lies in the pipe then is said all the same."""
    said = tmp_path / "said"

    def sleeping() -> Iterator[bytes]:
        while not said.exists():
            time.sleep(0.01)
        time.sleep(0.8)
        yield from ()

    done = run(python(f"print('all of it', flush=True);open({str(said)!r}, 'w')"), sleeping())
    assert (done.status, done.stdout) == (0, b"all of it\n")
