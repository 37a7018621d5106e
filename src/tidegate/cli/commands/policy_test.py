"""``tidegate policy test``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tidegate.cli.framework import command, session

if TYPE_CHECKING:
    from tidegate.core.policytest import Trial
    from tidegate.core.rulebook import Rulebook
    from tidegate.errors import PolicyError
    from tidegate.policyfile.cases import LoadedCases
    from tidegate.views.policytest import CaseView, RunView

_PATH = click.Path(path_type=Path)


class _Percent(click.ParamType[int]):
    """``80%`` or ``80``."""

    name = "percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number of per cent."""
        text = str(value).strip().removesuffix("%").strip()
        if text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 100:
            return int(text)
        return self.fail(f'"{str(value)[:40]}" is no share; write 80%', param, ctx)


@command(
    "test",
    help="Run the cases that say how the policy is to decide, and show which of its rules no case has tried.\n\n"
    "Cases stand in tidegate.tests.yaml and tidegate.tests/*.yaml beside the policy, or in the FILEs that are named. "
    "Nothing is adopted, and no database is opened. Exits with 1 where a case fails or too little is tried, and with 2 "
    "where the policy or the cases hold a mistake.",
    examples=(
        "tidegate policy test",
        "tidegate policy test --min-coverage 80% --junit report.xml",
        "tidegate policy test --init",
    ),
)
@click.argument("files", nargs=-1, metavar="[FILE]...", type=_PATH)
@click.option("--policy", type=_PATH, metavar="FILE", help="The policy that is asked; by default tidegate.yaml.")
@click.option("--filter", "wanted", metavar="TEXT", help="Run only the cases whose name contains TEXT.")
@click.option(
    "--min-coverage", "least", type=_Percent(), metavar="SHARE", help="Fail where less is tried, such as 80%."
)
@click.option("--junit", type=_PATH, metavar="FILE", help="Also write the results as JUnit XML.")
@click.option("--init", "begins", is_flag=True, help="Write a first file of cases for the policy, which pass.")
def test(
    files: tuple[Path, ...],
    policy: Path | None,
    wanted: str | None,
    least: int | None,
    junit: Path | None,
    begins: bool,
) -> int:
    """The command."""
    from tidegate.errors import UsageError
    from tidegate.policyfile.load import FILE_NAME, load_policy

    run = session()
    root = policy or run.settings().root / FILE_NAME
    name = str(policy or FILE_NAME)
    book = load_policy(root, name, check_target=run.parts.check_target).rulebook
    if begins:
        return _begin(root, book, files)
    if wanted and least is not None:
        raise UsageError("some cases say nothing of the coverage of all", remedy="leave out --filter or --min-coverage")
    view = _run(root, book, name, files, wanted or "", least)
    if junit is not None:
        _write_junit(junit, view)
    _answer(view)
    return 0 if view.good else 1


def _answer(view: RunView) -> None:
    from tidegate.cli.render_policy_test import run_lines
    from tidegate.views.policytest import record_of

    session().answer(record_of(view) if session().as_json else None, run_lines(view))


def _run(root: Path, book: Rulebook, name: str, files: Sequence[Path], wanted: str, least: int | None) -> RunView:
    from tidegate.core.policytest import coverage_of
    from tidegate.errors import UsageError
    from tidegate.views.policytest import RunView

    loaded = _loaded(root, name, book, files)
    chosen = [found for found in loaded if wanted.lower() in found[2].name.lower()]
    if not chosen:
        raise UsageError(f'no case has "{wanted[:60]}" in its name', remedy="mend --filter")
    cases = [_case(cases, number, trial) for cases, number, trial in chosen]
    asked = ((case.judged.trial, case.judged.decision) for case in cases)
    return RunView(name, cases, None if wanted else coverage_of(book.policy, asked), least)


def _case(cases: LoadedCases, number: int, trial: Trial) -> CaseView:
    from tidegate.cli.text import clean
    from tidegate.core.policytest import judged
    from tidegate.views.policytest import CaseView

    session().progress(clean(f"{cases.name}: {trial.name}"))
    return CaseView(cases.name, cases.place_of(number).line, judged(trial))


def _loaded(root: Path, name: str, book: Rulebook, files: Sequence[Path]) -> list[tuple[LoadedCases, int, Trial]]:
    """The cases of all files, ready; the mistakes of all files are told together."""
    from functools import partial

    from tidegate.errors import PolicyError
    from tidegate.policyfile.cases import load_cases, trials_of

    found: list[tuple[LoadedCases, int, Trial]] = []
    mistakes: list[PolicyError] = []
    for path, shown in _named(root, name, files):
        try:
            cases = load_cases(path, shown)
            trials = trials_of(cases, book, partial(_pinned, path.parent))
            found += [(cases, number, trial) for number, trial in enumerate(trials)]
        except PolicyError as error:
            mistakes += error.mistakes
    if mistakes:
        first = mistakes[0]
        raise PolicyError(first.what, remedy=first.remedy, where=first.where, mistakes=tuple(mistakes))
    return found


def _pinned(directory: Path, name: str) -> Rulebook:
    from tidegate.policyfile.load import load_policy

    return load_policy(directory / name, name, check_target=session().parts.check_target).rulebook


def _named(root: Path, name: str, files: Sequence[Path]) -> list[tuple[Path, str]]:
    """The files of cases, each once, and what they are called: as the policy is called, so are those beside it."""
    from tidegate.errors import NotFoundError
    from tidegate.policyfile.cases import case_files

    if files:
        return [(path, str(path)) for path in dict.fromkeys(files)]
    found = case_files(root)
    if not found:
        raise NotFoundError(
            f"there are no cases beside {root.name}: neither {root.stem}.tests.yaml nor {root.stem}.tests/*.yaml",
            remedy="write some: tidegate policy test --init",
        )
    return [(path, (Path(name).parent / path.relative_to(root.parent)).as_posix()) for path in found]


def _write_junit(path: Path, view: RunView) -> None:
    from tidegate.errors import StoreError
    from tidegate.views.policytest import junit_of

    try:
        path.write_bytes(junit_of(view, session().clock()))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StoreError(f"it cannot be written: {reason}", where=str(path), remedy="make it writable") from error


def _begin(root: Path, book: Rulebook, files: Sequence[Path]) -> int:
    """Write a first file of cases beside the policy, or where it is named."""
    from tidegate.cli.text import clean, good
    from tidegate.core.policytest.first import first_cases
    from tidegate.errors import ConflictError, StoreError, UsageError

    if len(files) > 1:
        raise UsageError("a first file of cases is one file", remedy="name one FILE, or none")
    path = files[0] if files else root.with_name(f"{root.stem}.tests.yaml")
    text = first_cases(book, session().clock())
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise ConflictError(
            "there is a file of cases already", where=str(path), remedy="edit it, or name another FILE"
        ) from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StoreError(f"it cannot be written: {reason}", where=str(path), remedy="make it writable") from error
    run = session()
    run.answer(
        {"file": str(path)},
        [
            f"{good('✓')} wrote {clean(path.name)}",
            "  1. read it, and make the cases yours",
            "  2. tidegate policy test",
        ],
    )
    return 0
