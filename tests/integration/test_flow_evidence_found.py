"""Evidence that is found out here: commands that are run, reviewers that commits name, what people state."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.flows import Organisation, refused
from tests.support.gitrepo import GitRepository
from tidegate.core.evidence import Evidence
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError, UsageError
from tidegate.orchestration import release as release_flow
from tidegate.orchestration.evidence_command import Declared, run_command
from tidegate.orchestration.evidence_reviews import add_reviews
from tidegate.orchestration.evidence_stated import state
from tidegate.orchestration.identity import Claim
from tidegate.store import contents, releases

LINT = {"tests": {"evidence": "command", "source": "lint", "pass": "command.ok"}}
RITA = Claim("rita")


def newest(org: Organisation, release: str) -> Evidence:
    with org.house.database.read() as connection:
        return releases.evidence_of(connection, release)[-1]


def report(org: Organisation, piece: Evidence) -> dict[str, Any]:
    with org.house.database.read() as connection:
        found: dict[str, Any] = json.loads(contents.fetch(connection, piece.report))
    return found


def ran(org: Organisation, release: str, *argv: str, **declared: Any) -> tuple[dict[str, object], str]:
    """What came of a command: its values and its sentence."""
    timeout = declared.pop("timeout_s", 60.0)
    added = run_command(org.house, release, argv, RITA, Declared(**declared), source="lint", timeout_s=timeout)
    return dict(added.evidence.values), added.summary


def test_a_command_that_says_what_it_must(org: Organisation) -> None:
    opened = org.open()
    assert ran(org, opened, "sh", "-c", "echo 0 errors", says="0 errors") == (
        {"exit_code": 0, "ok": True, "untracked": 0},
        "it ended with 0 and did what was declared",
    )
    piece = newest(org, opened)
    assert (piece.kind, piece.source, set(piece.bound)) == ("command", "lint", {"source"})
    kept = report(org, piece)
    assert (kept["argv"], kept["stdout"], kept["exit_code"]) == (["sh", "-c", "echo 0 errors"], "0 errors\n", 0)
    assert kept["declared"] == {"says": "0 errors", "report": ""}
    leaf = org.leaves()[-1]
    assert (leaf.kind, leaf.data["report"]) == ("evidence.added", piece.report)


@pytest.mark.parametrize(
    ("script", "exit_code", "summary"),
    [
        ("true", 0, "it ended with 0, and it did not say '0 errors'"),
        ("echo 0 errors; exit 3", 3, "it ended with 3"),
        ("echo 0 errors >&2", 0, "it ended with 0 and did what was declared"),
        ("echo 0 errors; kill -9 $$", 137, "it ended with 137"),
        ("exit 2", 2, "it ended with 2, and it did not say '0 errors'"),
    ],
)
def test_an_exit_code_alone_is_not_believed(org: Organisation, script: str, exit_code: int, summary: str) -> None:
    opened = org.open()
    ok = summary.endswith("declared")
    values = {"exit_code": exit_code, "ok": ok, "untracked": 0}
    assert ran(org, opened, "sh", "-c", script, says="0 errors") == (values, summary)


def test_a_command_must_write_its_report_itself(org: Organisation) -> None:
    opened = org.open()
    file = org.root / ".tidegate" / "lint.txt"
    shell = ("sh", "-c")
    assert ran(org, opened, *shell, "true", report=file)[1] == "it ended with 0, and it did not write 'lint.txt'"
    assert ran(org, opened, *shell, f"echo good > {file}", report=file)[0]["ok"] is True
    assert len(report(org, newest(org, opened))["report_digest"]) == len("sha256:") + 64
    found = ran(org, opened, *shell, "true", report=file)
    assert found == (
        {"exit_code": 0, "ok": False, "untracked": 0},
        "it ended with 0, and 'lint.txt' was there already, and it did not write it",
    )
    assert (
        ran(org, opened, *shell, "echo good > .tidegate/here.txt", report=Path(".tidegate/here.txt"))[0]["ok"] is True
    )
    assert ran(org, opened, *shell, f": > {file}", report=file)[1] == "it ended with 0, and 'lint.txt' is empty"


def test_one_that_takes_too_long_is_stopped_with_all_it_started_and_has_failed(
    make_org: Callable[..., Organisation],
) -> None:
    org = make_org(gates=LINT)
    opened = org.open()
    ran(org, opened, "echo", "0 errors", says="0 errors")
    mark = org.root / ".tidegate" / "still-here"
    org.clock.go(timedelta(seconds=1))
    script = f"echo 0 errors; (sleep 1.5; touch {mark}) & sleep 60"
    values, summary = ran(org, opened, "sh", "-c", script, says="0 errors", timeout_s=0.5)
    assert values == {"exit_code": 124, "ok": False, "untracked": 0}
    assert summary == "sh: took longer than 0.5 s; it was stopped"
    assert report(org, newest(org, opened))["stdout"] == "0 errors\n"
    # The success before counts no more.
    (finding,) = org.decide(opened, "staging").against()
    assert finding.message == ("command from lint: command.ok: deny (command.ok = false; needs command.ok == true)")
    time.sleep(2)
    assert not mark.exists()


def test_secrets_of_the_environment_are_not_kept(org: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = org.open()
    monkeypatch.setenv("DEPLOY_TOKEN", "s3cr3t-value")
    monkeypatch.setenv("TIDEGATE_DATABASE", "postgresql://x:y@db/z")
    monkeypatch.setenv("PLAIN", "shown-value")
    script = "echo $DEPLOY_TOKEN $PLAIN; echo $DEPLOY_TOKEN >&2; echo [$TIDEGATE_DATABASE]"
    ran(org, opened, "sh", "-c", script, "s3cr3t-value", says="shown-value")
    kept = report(org, newest(org, opened))
    assert kept["stdout"] == "[hidden] shown-value\n[]\n"
    assert kept["stderr"] == "[hidden]\n"
    assert kept["argv"][-1] == "[hidden]"
    assert "s3cr3t" not in json.dumps(kept) + json.dumps([dict(leaf.data) for leaf in org.leaves()])


def test_what_it_says_is_kept_up_to_a_limit_from_its_end(org: Organisation) -> None:
    opened = org.open()
    ran(org, opened, "sh", "-c", "yes | head -c 300000; echo done", says="done")
    kept = report(org, newest(org, opened))["stdout"]
    assert (len(kept), kept[-5:]) == (100_000, "done\n")


def test_the_words_are_no_shell(org: Organisation) -> None:
    opened = org.open()
    mark = org.root / ".tidegate" / "pwned"
    values, _ = ran(org, opened, "echo", f"$(touch {mark}); touch {mark}", says="$(touch")
    assert values["ok"] is True
    assert not mark.exists()


def test_what_is_not_run(org: Organisation) -> None:
    opened = org.open()
    with pytest.raises(UsageError, match="an exit code alone is not believed: nothing says what the command must say"):
        ran(org, opened, "true")
    with pytest.raises(UsageError, match="there is no command 'no-such-command'"):
        ran(org, opened, "no-such-command", says="x")
    with pytest.raises(NotFoundError, match="there is no release"):
        ran(org, "billing-9.9.9", "true", says="x")
    with refused(org, NotPermittedError, "no person", "evidence"):
        run_command(org.house, opened, ["true"], Claim("zoe"), Declared("x"), source="lint")
    release_flow.cancel(org.house, opened, org.claim("rita"), "")
    with refused(org, ConflictError, r"release billing-1\.1\.0 is cancelled", "evidence"):
        ran(org, opened, "true", says="x")


def test_what_a_person_states_is_signed_and_names_them(org: Organisation) -> None:
    opened = org.open()
    added = state(org.house, opened, "backup", ["verified=yes", "offsite=no", "bytes=12"], org.claim("alice"))
    piece = added.evidence
    assert (piece.kind, piece.source, piece.added_by) == ("backup", "alice", "alice")
    assert dict(piece.values) == {"verified": True, "offsite": False, "bytes": 12}
    assert added.summary == "verified: yes, offsite: no, bytes: 12"
    leaf = org.leaves()[-1]
    assert (leaf.actor.person, leaf.actor.assurance.value) == ("alice", "signature")
    assert leaf.data["signature"]
    assert report(org, piece)["tidegate"] == "evidence/1"
    with refused(org, NotPermittedError, "alice is only asserted; what a person states is signed", "evidence"):
        state(org.house, opened, "backup", ["verified=yes", "offsite=no"], Claim("alice"))
    with refused(org, NotPermittedError, "which is none of alice", "evidence"):
        state(org.house, opened, "backup", ["verified=yes", "offsite=no"], org.claim("alice", "bob"))


@pytest.mark.parametrize(
    ("kind", "pairs", "sentence"),
    [
        ("junit", ["failed=0"], "nobody can state 'junit': evidence of this kind is read from reports"),
        ("bakup", ["verified=yes"], "nobody can state 'bakup': there is no such kind of evidence"),
        ("backup", ["verified"], "'verified' is no field of evidence of kind backup"),
        ("backup", ["fast=yes"], "'fast=yes' is no field of evidence of kind backup"),
        ("backup", ["verified=maybe"], "verified has 'maybe', which is no yes or no"),
        ("backup", ["verified=yes", "offsite=yes", "bytes=-1"], "bytes has '-1', which is no count"),
        ("drill", ["succeeded=yes", "duration_s=nan"], "duration_s has 'nan', which is no number"),
        ("backup", ["verified=yes", "verified=no"], "a field is given twice"),
        ("backup", ["verified=yes"], "evidence of kind backup needs 'offsite', and it is not given"),
    ],
)
def test_what_cannot_be_stated(org: Organisation, kind: str, pairs: list[str], sentence: str) -> None:
    opened = org.open()
    with pytest.raises(UsageError) as caught:
        state(org.house, opened, kind, pairs, org.claim("alice"))
    assert sentence in caught.value.what
    assert caught.value.remedy


def repository(org: Organisation) -> GitRepository:
    return GitRepository(org.root)


MAILS = {
    "people": {name: {"email": f"{name}@example.org"} for name in ("alice", "bob", "carol")}
    | {"dave": {"email": "dave@example.org"}}
}


def test_reviewers_that_the_commits_name(make_org: Callable[..., Organisation]) -> None:
    org = make_org(**MAILS)
    repository(org).git(
        "commit", "--quiet", "--amend", "--message", reviewed_by("feat: second", "bob", "carol", "alice")
    )
    added = add_reviews(org.house, org.open(), RITA)
    piece = added.evidence
    assert (piece.kind, piece.source, set(piece.bound)) == ("reviews", "git-trailers", {"source"})
    assert dict(piece.values) == {"approved": 2, "rejected": 0, "open": 0}
    caveat = "trailers are claims of whoever committed, and no signatures"
    assert added.summary == f"each of 1 commit names at least 2 reviewers; {caveat}"
    kept = report(org, piece)
    assert (kept["signed"], kept["caveat"]) == (False, caveat)
    assert (kept["commits"][0]["authors"], kept["commits"][0]["reviewers"]) == (["alice"], ["bob", "carol"])


def test_a_release_was_reviewed_as_far_as_its_least_reviewed_commit(make_org: Callable[..., Organisation]) -> None:
    org = make_org(**MAILS)
    git = repository(org)
    git.git("commit", "--quiet", "--amend", "--message", reviewed_by("feat: second", "bob", "carol"))
    git.commit(reviewed_by("fix: third", "bob"), {"app/a.txt": "3"})
    opened = org.open()
    assert add_reviews(org.house, opened, RITA).evidence.values["approved"] == 1
    release_flow.cancel(org.house, opened, org.claim("rita"), "")
    git.commit("fix: fourth", {"app/a.txt": "4"})
    added = add_reviews(org.house, org.open("1.2.0"), RITA)
    assert dict(added.evidence.values) == {"approved": 0, "rejected": 0, "open": 1}
    assert added.summary.startswith("1 of 3 commits name none; ")


def reviewed_by(title: str, *people: str) -> str:
    return f"{title}\n\n" + "\n".join(f"Reviewed-by: {name.title()} <{name}@example.org>" for name in people)


def test_a_command_runs_on_what_is_released_and_on_nothing_else(make_org: Callable[..., Organisation]) -> None:
    org = make_org()
    opened = org.open()
    git = repository(org)
    git.write({"app/a.txt": "edited"})
    with refused(org, ConflictError, "app/a.txt of billing is not as it was released", "evidence"):
        ran(org, opened, "true", says="x")
    git.git("checkout", "--quiet", "--", "app")
    git.commit("feat: third", {"app/a.txt": "3"})
    with refused(org, ConflictError, r"what lies here is not the source of billing 1\.1\.0", "evidence"):
        ran(org, opened, "true", says="x")
    git.git("checkout", "--quiet", "HEAD~1")
    with refused(org, ConflictError, "app/a.txt of billing is not as it was released", "evidence"):
        ran(org, opened, "sh", "-c", f"echo x; echo edited > {org.root / 'app' / 'a.txt'}", says="x")
    git.git("checkout", "--quiet", "--", "app")
    assert ran(org, opened, "echo", "x", says="x")[0]["ok"] is True


def test_what_git_must_not_look_at_is_not_what_was_released(make_org: Callable[..., Organisation]) -> None:
    org = make_org()
    opened = org.open()
    git = repository(org)
    git.git("update-index", "--assume-unchanged", "app/a.txt")
    with refused(org, ConflictError, "app/a.txt of billing is not as it was released", "evidence"):
        ran(org, opened, "echo", "x", says="x")
    git.git("update-index", "--no-assume-unchanged", "app/a.txt")
    assert ran(org, opened, "echo", "x", says="x")[0]["ok"] is True


def test_what_git_does_not_know_is_counted_and_named(make_org: Callable[..., Organisation]) -> None:
    org = make_org()
    opened = org.open()
    repository(org).write({"app/conftest.py": "pass\n", "elsewhere.txt": "not of billing"})
    wrote = f"echo x; echo 1 > {org.root / 'app' / 'left.txt'}"
    values, said = ran(org, opened, "sh", "-c", wrote, says="x")
    assert (values["ok"], values["untracked"], said.endswith("; beside a file that Git does not know")) == (
        True,
        1,
        True,
    )
    assert report(org, newest(org, opened))["untracked"] == ["app/conftest.py"]
    assert ran(org, opened, "echo", "x", says="x")[0]["untracked"] == 2
    assert report(org, newest(org, opened))["untracked"] == ["app/conftest.py", "app/left.txt"]


def test_what_a_command_complains_is_kept_from_its_first_whole_line_on(make_org: Callable[..., Organisation]) -> None:
    org = make_org()
    script = "import sys; sys.stderr.write('ALL GOOD\\n' + 'y' * 60 + '\\n' + 'x' * 20000 + '\\n')"
    assert ran(org, org.open(), sys.executable, "-c", script, says="ALL GOOD")[0]["ok"] is True
