"""Evidence from a command: run it here, and keep what it said, what it left behind, and how it ended.

An exit code alone is not believed: half the tools end with 0 without having done anything. So whoever runs a command
also declares what it must say, or which file it must write; ``ok`` is both. One that took too long has failed, and is
kept as such, so that an older success no longer counts.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from tidegate.clock import to_text
from tidegate.core.canonical import canonical, digest
from tidegate.core.facts import Item
from tidegate.core.plain import plain
from tidegate.core.policy import Policy
from tidegate.drivers.command import Limits, redact, run
from tidegate.errors import ConflictError, TargetError, UsageError
from tidegate.git.calls import explain, run_git
from tidegate.git.repository import Repository, open_repository
from tidegate.git.tree import source_digest
from tidegate.orchestration.evidence import Added, keep, looked_at
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim
from tidegate.orchestration.refusal import refusals
from tidegate.readers.contract import Reading

FORMAT = "command/1"
KIND = "command"
TIMEOUT_S = 600.0
OUTPUT_BYTES = 16 << 20
NAMED_FILES = 100
"""So many of the files that Git does not know are named in the report; all are counted."""

KEPT_CHARACTERS = 100_000
"""The end of what a command said that is kept, of each stream: there it says how it went."""
REPORT_BYTES = 64 << 20
STOPPED = 124
"""The exit code of a command that was stopped, as timeout(1) has it."""
_SIGNALLED = 128
_SECRET_NAME = re.compile(r"TOKEN|SECRET|PASS|KEY|CREDENTIAL|AUTH|COOKIE|DSN|DATABASE_URL|PRIVATE", re.IGNORECASE)
_SHORTEST_SECRET = 6
_OURS = "TIDEGATE_"


@dataclass(frozen=True, slots=True)
class Declared:
    """What a command must say on either stream, and the file that it must write; at least one of the two.

    A relative ``report`` is looked for where the command runs.
    """

    says: str = ""
    report: Path | None = None


@dataclass(frozen=True, slots=True)
class _Ran:
    """How a command ended: its exit code, why it was stopped if it was, and what it said."""

    exit_code: int
    stopped: str
    out: str
    err: str


def run_command(
    house: House,
    release: str,
    argv: Sequence[str],
    claim: Claim,
    declared: Declared,
    *,
    source: str,
    timeout_s: float = TIMEOUT_S,
    environment: str = "",
    component: str = "",
) -> Added:
    """Run ``argv`` in the repository, and keep how it went as evidence of kind ``command``.

    Raises:
        UsageError: nothing is declared, the command is not there, or the release has several components.
        ConflictError: what lies here is not what is released, or the release is over or changed meanwhile.
        NotFoundError: there is no such release, environment or component.
        NotPermittedError: as :func:`~tidegate.orchestration.evidence.add`.
    """
    _demand_declared(argv, declared)
    if declared.report is not None:
        declared = replace(declared, report=house.root / declared.report)
    item, policy = looked_at(house, release, claim, component, KIND)
    _demand_source(house, release, policy, item, claim)
    beside = _untracked(house, policy, item, declared.report)
    began = house.now()
    before = stamp(declared.report)
    ran = _ran(argv, house.root, timeout_s)
    ended = house.now()
    _demand_source(house, release, policy, item, claim)
    missing = _missing(declared, before, ran)
    reading = _reading(ran, missing, began, len(beside))
    data = _report(argv, declared, ran, missing, (began, ended), beside)
    return keep(
        house,
        release,
        reading,
        data,
        claim,
        source=source,
        environment=environment,
        component=component,
        about=item.subject,
    )


def _demand_declared(argv: Sequence[str], declared: Declared) -> None:
    if not declared.says and declared.report is None:
        raise UsageError(
            "an exit code alone is not believed: nothing says what the command must say or write",
            remedy="say --expects TEXT, or --report FILE",
        )
    if not argv or shutil.which(argv[0]) is None:
        raise UsageError(
            f"there is no command {argv[0][:80]!r}" if argv else "no command is given",
            remedy="name one that is installed, after --",
        )


def _demand_source(house: House, release: str, policy: Policy, item: Item, claim: Claim) -> None:
    """What the command works on is what is released: the same source, and nothing edited in it.

    Raises:
        ConflictError: it is not.
    """
    with refusals(house, "evidence", claim.person, release, kind=KIND):
        known = policy.components.get(item.component)
        if known is None:
            raise ConflictError(
                f'the policy has no component "{item.component}" any more', remedy="adopt a policy that has it"
            )
        paths = [known.path, *known.shared]
        repository = open_repository(house.root)
        if source_digest(repository, repository.head(), paths) != item.subject.source:
            raise ConflictError(
                f"what lies here is not the source of {item.component} {item.to_version}",
                remedy=f"check it out first: git checkout {item.subject.commit[:12]}",
            )
        strange = _edited(repository, paths)
        if strange:
            raise ConflictError(
                f"{strange[0]} of {item.component} is not as it was released"
                + (f", and {len(strange) - 1} more are not" if len(strange) > 1 else ""),
                remedy="commit or stash what is edited there, and repeat the command",
            )


def _edited(repository: Repository, paths: Sequence[str]) -> list[str]:
    """The files that lie there otherwise than in the commit, or of which Git was told not to look."""
    found = _status(repository, paths, new="no")
    marked = _in_work_tree(repository, "ls-files", "-v", "-z", "--", *paths)
    # A small letter: assumed to be unchanged; S: not to be in the work tree. Of neither Git says whether it was edited.
    found += [entry[2:] for entry in marked.split("\0") if entry and (entry[0].islower() or entry[0] == "S")]
    return [plain(name, 200) for name in found]


def _untracked(house: House, policy: Policy, item: Item, report: Path | None) -> list[str]:
    """The files beside the sources that Git neither knows nor ignores: a command may use them; not the report itself.

    Earlier commands leave such files, so that they do not refuse the evidence: they are counted and named in it.
    """
    known = policy.components[item.component]
    repository = open_repository(house.root)
    own = report.resolve() if report is not None else None
    found = _status(repository, [known.path, *known.shared], new="all")
    return sorted(plain(name, 200) for name in found if own is None or (repository.root / name).resolve() != own)


def _status(repository: Repository, paths: Sequence[str], new: str) -> list[str]:
    told = _in_work_tree(
        repository,
        "status",
        "--porcelain=v1",
        "-z",
        f"--untracked-files={new}",
        "--no-renames",
        "--ignore-submodules=none",
        "--",
        *paths,
    )
    return [entry[3:] for entry in told.split("\0") if entry]


def _in_work_tree(repository: Repository, *words: str) -> str:
    done = run_git(list(words), repository.root, repository.timeout_s)
    if done.returncode != 0:
        raise explain(done.stderr.decode(errors="replace"), repository.root)
    return done.stdout.decode(errors="surrogateescape")


def _ran(argv: Sequence[str], where: Path, timeout_s: float) -> _Ran:
    """Run it, in our own environment without what is Tidegate's; what it said is without secrets of that."""
    hidden = secrets_in(os.environ)
    given = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    said, complained = bytearray(), bytearray()
    limits = Limits(timeout_s=timeout_s, silence_s=timeout_s, output=OUTPUT_BYTES, errors=OUTPUT_BYTES)
    status, stopped = STOPPED, ""
    try:
        done = run(
            argv,
            limits=limits,
            env=given,
            cwd=where,
            on_line=lambda line: said.extend(line + b"\n"),
            on_complaint=lambda line: complained.extend(line[:KEPT_CHARACTERS] + b"\n"),
        )
        said, complained = bytearray(done.stdout), _whole_lines(done.stderr.encode())
        status = done.status if done.status >= 0 else _SIGNALLED - done.status
    except TargetError as error:
        stopped = error.what
    return _Ran(status, redact(stopped, hidden), _text(said, hidden), _text(complained, hidden))


def _whole_lines(kept: bytes) -> bytearray:
    """What was kept of a stream; where its beginning was cut off, from the first whole line on.

    Half a secret at the cut would not be known as one.
    """
    cut = len(kept) >= OUTPUT_BYTES
    return bytearray(kept[kept.find(b"\n") + 1 :] if cut else kept)


def secrets_in(environment: Mapping[str, str]) -> list[str]:
    """The values of variables whose names say that they are secret."""
    return [
        value
        for name, value in environment.items()
        if _SECRET_NAME.search(name) and len(value) >= _SHORTEST_SECRET and not os.path.exists(value)  # noqa: PTH110
    ]


def _text(said: bytes | bytearray, hidden: Sequence[str]) -> str:
    return redact(bytes(said).decode("utf-8", "replace"), hidden)


def _missing(declared: Declared, before: tuple[int, ...] | None, ran: _Ran) -> str:
    """What was declared and is not there; empty where all is."""
    if declared.says and declared.says not in ran.out and declared.says not in ran.err:
        return f"it did not say {declared.says[:80]!r}"
    if declared.report is None:
        return ""
    now = stamp(declared.report)
    name = declared.report.name[:80]
    if now is None:
        return f"it did not write {name!r}"
    if now == before:
        return f"{name!r} was there already, and it did not write it"
    return "" if now[1] else f"{name!r} is empty"


def stamp(file: Path | None) -> tuple[int, ...] | None:
    """What changes when a file is written: its time, size and place; None where there is none."""
    try:
        if file is None or not file.is_file():
            return None
        found = file.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino)


def _reading(ran: _Ran, missing: str, began: datetime, untracked: int) -> Reading:
    ok = ran.exit_code == 0 and not missing
    how = ran.stopped or f"it ended with {ran.exit_code}"
    summary = f"{how}, and {missing}" if missing else how if ran.exit_code else f"{how} and did what was declared"
    if untracked:
        summary += (
            f"; beside {untracked} files that Git does not know"
            if untracked > 1
            else "; beside a file that Git does not know"
        )
    return Reading(KIND, {"exit_code": ran.exit_code, "ok": ok, "untracked": untracked}, began, summary)


def _report(
    argv: Sequence[str],
    declared: Declared,
    ran: _Ran,
    missing: str,
    times: tuple[datetime, datetime],
    beside: Sequence[str],
) -> bytes:
    """The report: everything that the verdict rests on, without secrets."""
    hidden = secrets_in(os.environ)
    report = {
        "tidegate": FORMAT,
        "argv": [redact(word, hidden) for word in argv],
        "began": to_text(times[0]),
        "ended": to_text(times[1]),
        "exit_code": ran.exit_code,
        "stopped": ran.stopped,
        "declared": {"says": redact(declared.says, hidden), "report": declared.report.name if declared.report else ""},
        "missing": missing,
        "report_digest": _digest(declared.report),
        "untracked": list(beside[:NAMED_FILES]),
        "stdout": ran.out[-KEPT_CHARACTERS:],
        "stderr": ran.err[-KEPT_CHARACTERS:],
    }
    return canonical(report)


def _digest(file: Path | None) -> str:
    try:
        if file is None or not file.is_file() or file.stat().st_size > REPORT_BYTES:
            return ""
        return digest(file.read_bytes())
    except OSError:
        return ""
