"""``tidegate change``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tidegate.cli.framework import Group, command, session

if TYPE_CHECKING:
    from tidegate.core.change_request import Assessment

change = Group(
    "change",
    lazy={
        "open": ("change:open_", "Ask for a change."),
        "assess": ("change:assess", "Say what it touches, and how risky it is."),
        "step": ("change:step", "Say that a step of the workflow is done."),
        "submit": ("change:submit", "Submit it for the decision."),
        "approve": ("change:approve", "Approve it, signed."),
        "reject": ("change:reject", "Say no to it, signed."),
        "mitigate": ("change:mitigate", "Show what was done of what its risk demands."),
        "close": ("change:close", "Record how it went, and close it."),
        "show": ("change:show", "Show everything about it."),
        "list": ("change:list_", "List the change requests."),
    },
    help="Ask for changes, assess their risk, decide on them. Where the policy asks for a change request, nothing goes "
    "without an approved one.",
)

_KEY = "--as rita --key ~/.ssh/id_ed25519"


def _answer(name: str, sentence: str) -> int:
    """Tell what was done, and what comes next."""
    from tidegate.cli.text import clean, good, wrapped
    from tidegate.views.change import change_view

    run = session()
    view = change_view(run.house(), name)
    first, *rest = wrapped(clean(sentence), "  ", first="  ")
    lines = [first.replace("  ", f"{good('✓')} ", 1), *rest]
    if view.next:
        lines += wrapped(f"next: {clean(view.next)}", "        ", first="  ")
    run.answer(view, lines)
    return 0


@command(
    "open",
    help="Ask for a change: the releases RELEASE... that it is for, its category, and why.\n\n"
    "Nothing is bound yet: assess it and submit it when it is ready. A standard change names the entry of the "
    "catalogue that it is.",
    examples=f'tidegate change open billing-1.1.0 --title "Pay by card" --reason "customers ask for it" {_KEY}',
)
@click.argument("releases", nargs=-1, required=True, metavar="RELEASE...")
@click.option("--title", required=True, metavar="TEXT", help="What is changed, in a few words.")
@click.option("--reason", required=True, metavar="TEXT", help="Why.")
@click.option("--category", default="", metavar="NAME", help="The category; by default that of the release type.")
@click.option("--description", default="", metavar="TEXT", help="What is changed, at length.")
@click.option("--entry", default="", metavar="TEXT", help="The entry of the catalogue, for a standard change.")
@click.option("--ticket", default="", metavar="NAME", help="Its ticket elsewhere.")
@click.option("--tickets", default="", metavar="WHERE", help="Look the ticket up there, such as file:tickets.json.")
def open_(releases: tuple[str, ...], tickets: str, **said: str) -> int:
    """The command."""
    from tidegate.orchestration import change as use_case
    from tidegate.ticketing.registry import tickets as system

    run = session()
    found = use_case.open_change(
        run.house(), releases, run.claim(), use_case.Wish(**said), system(tickets) if tickets else None
    )
    return _answer(found.id, f"{found.id} is open ({found.category}), for {', '.join(releases)}")


@command(
    "assess",
    help="Say what the change ID touches, and its impact and probability, which are levels of the policy.\n\n"
    "The answers come from options, or from a JSON file with the same names; what an option says counts. A change that "
    "was submitted is open again, and must be submitted and decided anew.",
    examples=(
        "tidegate change assess CR-1 --impact low --probability low --downtime none --data none --rollback redeploy "
        + _KEY,
        f"tidegate change assess CR-1 --file assessment.json {_KEY}",
    ),
)
@click.argument("change", metavar="ID")
@click.option("--impact", default=None, metavar="LEVEL", help="How bad it is when it goes wrong.")
@click.option("--probability", default=None, metavar="LEVEL", help="How likely it goes wrong.")
@click.option("--component", "components", multiple=True, metavar="NAME", help="A component that it touches.")
@click.option("--client", "clients", multiple=True, metavar="NAME", help="A client whom it touches.")
@click.option("--downtime", default=None, metavar="TEXT", help="How long what is down.")
@click.option("--data", default=None, metavar="TEXT", help="Which data it changes, and whether it can be lost.")
@click.option("--rollback", default=None, metavar="TEXT", help="How it comes back.")
@click.option("--file", default=None, metavar="FILE", type=click.Path(path_type=Path), help="The answers, as JSON.")
def assess(change: str, file: Path | None, **said: Any) -> int:
    """The command."""
    from tidegate.orchestration import change as use_case

    run = session()
    use_case.assess(run.house(), change, run.claim(), _assessment(file, said))
    return _answer(change, f"the impact of {change} is assessed")


def _assessment(file: Path | None, said: dict[str, Any]) -> Assessment:
    from tidegate.core.change_request import Assessment
    from tidegate.errors import UsageError

    answers = _read(file) if file is not None else {}
    answers |= {name: value for name, value in said.items() if value}
    for name in ("impact", "probability"):
        if not answers.get(name):
            raise UsageError(f"the {name} is not said", remedy=f"say --{name} LEVEL")
    lists = {name: tuple(answers.get(name, ())) for name in ("components", "clients")}
    return Assessment(**{**answers, **lists})


_TEXTS = ("impact", "probability", "downtime", "data", "rollback")
_LISTS = ("components", "clients")
_MAX_BYTES = 1 << 20


def _read(file: Path) -> dict[str, Any]:
    """The answers of a file, each of the type that it must be."""
    import json

    from tidegate.errors import UsageError

    def wrong(what: str) -> UsageError:
        example = '{"impact": "low", "probability": "low", "components": ["billing"], "downtime": "none"}'
        return UsageError(f"this is no assessment: {what}", where=str(file), remedy=f"write JSON such as {example}")

    try:
        with file.open("rb") as opened:
            content = opened.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise wrong(f"it has more than {_MAX_BYTES} bytes")
        document = json.loads(content)
    except OSError as error:
        raise UsageError(
            f"the file cannot be read: {error.strerror}", where=str(file), remedy="name a file that is there"
        ) from error
    except (ValueError, RecursionError) as error:
        raise wrong(f"it is no JSON: {str(error)[:100]}") from error
    if not isinstance(document, dict):
        raise wrong("it is no object")
    for name, value in document.items():
        if name not in _TEXTS + _LISTS:
            raise wrong(f'it has "{str(name)[:40]}", which is no question')
        texts = value if name in _LISTS and isinstance(value, list) else [value]
        if (name in _LISTS) != isinstance(value, list) or not all(isinstance(text, str) for text in texts):
            raise wrong(f"{name} is no {'list of texts' if name in _LISTS else 'text'}")
    return document


@command(
    "step",
    help="Say that the step NAME of the change ID is done, and how. Steps are done in their order, each by its group.",
    examples=f'tidegate change step CR-1 testing-strategy --note "regression and load" {_KEY}',
)
@click.argument("change", metavar="ID")
@click.argument("name", metavar="NAME")
@click.option("--note", required=True, metavar="TEXT", help="What was done, or where it is written.")
def step(change: str, name: str, note: str) -> int:
    """The command."""
    from tidegate.orchestration import change as use_case

    run = session()
    use_case.do_step(run.house(), change, run.claim(), name, note)
    return _answer(change, f"{name} of {change} is done")


@command(
    "submit",
    help="Submit the change ID as it is now, for the decision.\n\n"
    "It binds what its releases are made of, and counts what its risk is computed from. When something changes, submit "
    "it again: earlier answers count no more. A standard change of the catalogue is approved at once.",
    examples=f"tidegate change submit CR-1 {_KEY}",
)
@click.argument("change", metavar="ID")
def submit(change: str) -> int:
    """The command."""
    from tidegate.orchestration import change as use_case

    run = session()
    found = use_case.submit(run.house(), change, run.claim())
    said = "and approved, as the catalogue approves it" if found.state.value == "approved" else "for the decision"
    return _answer(change, f"{change} is submitted {said}")


@command(
    "mitigate",
    help="Show what was done of what the risk of the change ID demands: MITIGATION is its number in tidegate change "
    "show, or its words.",
    examples=f'tidegate change mitigate CR-1 1 --how "400 regression tests, two runs" {_KEY}',
)
@click.argument("change", metavar="ID")
@click.argument("mitigation", metavar="MITIGATION")
@click.option("--how", required=True, metavar="TEXT", help="What was done, or where it is written.")
def mitigate(change: str, mitigation: str, how: str) -> int:
    """The command."""
    from tidegate.orchestration import change as use_case

    run = session()
    use_case.mitigate(run.house(), change, run.claim(), mitigation, how)
    return _answer(change, f"{change} shows what was done")


def _answers(function: Callable[..., Any]) -> Callable[..., Any]:
    function = click.option("--reason", default="", metavar="TEXT", help="Why; kept with the answer.")(function)
    function = click.option(
        "--role", default="", metavar="ROLE", help="In which role, where one group approves in several."
    )(function)
    return click.argument("change", metavar="ID")(function)


def _answered(said: str, change: str, role: str, reason: str, minutes: str) -> int:
    from tidegate.core.approval import Answer
    from tidegate.orchestration import change_decision as use_case

    run = session()
    found = use_case.answer(
        run.house(), change, run.claim(), Answer(said), role=role, reason=reason, minutes=_minutes(minutes)
    )
    word = "approved" if said == "approve" else "rejected"
    named = f", by the minutes {found.minutes}" if found.minutes else ""
    return _answer(change, f"{run.person} {word} {change}{named}; it is {found.change.state.value}")


def _minutes(text: str) -> str | bytes:
    """The content of the file, where it is one; else the words."""
    from tidegate.errors import UsageError

    if not text:
        return ""
    path = Path(text)
    if not _is_file(path):
        return text
    try:
        with path.open("rb") as file:
            return file.read((1 << 20) + 1)
    except OSError as error:
        raise UsageError(f"the minutes cannot be read: {error.strerror}", remedy="name a file that is there") from error


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # words that are too long to be a path
        return False


@command(
    "approve",
    help="Approve the change ID as it was submitted, signed with your SSH key.\n\n"
    "The answer is void when something changes. Who wrote it or asks for it does not decide on it. A member of the "
    "board names the minutes: a file, which is kept by its digest, or words.",
    examples=(
        "tidegate change approve CR-1 --as alice --key ~/.ssh/id_ed25519",
        "tidegate change approve CR-1 --minutes minutes.md --as alice --key ~/.ssh/id_ed25519",
    ),
)
@_answers
@click.option("--minutes", default="", metavar="FILE|TEXT", help="The minutes of the board.")
def approve(change: str, role: str, reason: str, minutes: str) -> int:
    """The command."""
    return _answered("approve", change, role, reason, minutes)


@command(
    "reject",
    help="Say no to the change ID, signed with your SSH key. That ends it: what is changed for it is another change "
    "request.",
    examples='tidegate change reject CR-1 --reason "no way back" --as alice --key ~/.ssh/id_ed25519',
)
@_answers
def reject(change: str, role: str, reason: str) -> int:
    """The command."""
    return _answered("reject", change, role, reason, "")


@command(
    "close",
    help="Record how the change ID went, and close it; one that was not decided is given up by this.",
    examples=f'tidegate change close CR-1 --outcome "went as planned" {_KEY}',
)
@click.argument("change", metavar="ID")
@click.option("--outcome", required=True, metavar="TEXT", help="How it went.")
def close(change: str, outcome: str) -> int:
    """The command."""
    from tidegate.orchestration import change as use_case

    run = session()
    use_case.close(run.house(), change, run.claim(), outcome)
    return _answer(change, f"{change} is closed")


@command(
    "show",
    help="Show everything about the change ID: its steps, its risk with each factor, what it must show, who decides.",
    examples="tidegate change show CR-1",
)
@click.argument("change", metavar="ID")
def show(change: str) -> int:
    """The command."""
    from tidegate.cli.render_change import change_page
    from tidegate.store import policies
    from tidegate.views.change import change_view

    run = session()
    house = run.house()
    view = change_view(house, change)
    with house.database.read() as connection:
        tz = policies.current(connection).tz
    run.answer(view, change_page(view, tz, house.now()))
    return 0


@command("list", help="List the change requests, the newest first.", examples="tidegate change list")
def list_() -> int:
    """The command."""
    from tidegate.cli.render_change import change_rows
    from tidegate.cli.text import columns
    from tidegate.views.change import change_views

    run = session()
    found = change_views(run.house())
    run.answer(found, columns(change_rows(found)) or ["no change request was opened yet: tidegate change open RELEASE"])
    return 0
