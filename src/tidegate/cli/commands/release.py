"""``tidegate release``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tidegate.cli.framework import Group, command, session

if TYPE_CHECKING:
    from tidegate.orchestration.house import House
    from tidegate.orchestration.release import Intent, Opened

release = Group(
    "release",
    lazy={
        "open": ("release:open_", "Open a release of a component, or of several."),
        "list": ("release:list_", "List the releases."),
        "amend": ("release:amend", "Say when a release is planned, and why there is one."),
        "show": ("release:show", "Show what is known of a release."),
        "notes": ("release:notes", "Print the release notes."),
        "attach": ("release:attach", "Take another package for a release."),
        "rebase": ("release:rebase", "Move a release to the current policy."),
        "cancel": ("release:cancel", "Give a release up."),
    },
    help="Open releases, look at them, change them.",
)


def _intent(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option(
            "--downtime/--no-downtime", "downtime", default=None, help="Whether its systems stand still meanwhile."
        ),
        click.option("--criterion", default="", metavar="TEXT", help="Which of the type's criteria it meets."),
        click.option("--reason", default="", metavar="TEXT", help="Why there is this release."),
        click.option(
            "--planned", default="", metavar="DATE", help="For when it is planned: 2026-12-05, 2026-12-05T16:00, 14d."
        ),
    ):
        function = option(function)
    return function


def _intended(house: House, planned: str, reason: str, criterion: str, downtime: bool | None) -> Intent:
    from tidegate.cli.times import moment_to_come
    from tidegate.orchestration.release import Intent

    return Intent(moment_to_come(house, planned, "--planned") if planned else None, reason, criterion, downtime)


@command(
    "open",
    help="Open a release of COMPONENT: fix its version and content, build its package, write its notes.\n\n"
    "It pins the policy that is active now. Nothing is deployed. It supersedes the open releases of the component "
    "whose content it has and that go the same way, unless they are on their way already. With --tag it is a release "
    "of what was tagged, as by a pipeline that a pushed tag starts. Several components are one release under --name: "
    "approved as one, carried out as one, taken back as one. --template fills in what the policy's template of that "
    "name says: the type, the components, and what it asks for besides.",
    examples=(
        "tidegate release open billing --as rita",
        "tidegate release open billing --tag billing-v1.1.0 --as rita",
        "tidegate release open billing --type hotfix --criterion 'Critical bugs' --reason 'TG-7: no login' --as rita",
        "tidegate release open platform billing --name december --version billing=1.1.0 --as rita",
        "tidegate release open billing --template module --as rita",
    ),
)
@click.argument("components", nargs=-1, metavar="COMPONENT...")
@click.option(
    "--type", "type_", default="", metavar="TYPE", help="The release type; by default what the version raises."
)
@click.option("--template", default="", metavar="NAME", help="Open what this release template fills in.")
@click.option(
    "--version",
    "versions",
    multiple=True,
    metavar="VERSION",
    help="This version instead of the next one; of several components, COMPONENT=VERSION, as often as needed.",
)
@click.option("--at", default="HEAD", metavar="REVISION", help="Release this revision.", show_default=True)
@click.option("--tag", default="", metavar="TAG", help="Release what this tag of the component is on, as its version.")
@click.option("--name", default="", metavar="NAME", help="How a release of several components is called.")
@_intent
def open_(
    components: tuple[str, ...],
    type_: str,
    template: str,
    versions: tuple[str, ...],
    at: str,
    tag: str,
    name: str,
    planned: str,
    reason: str,
    criterion: str,
    downtime: bool | None,
) -> int:
    """The command."""
    from dataclasses import replace

    from tidegate.orchestration import bundle
    from tidegate.orchestration import release as releases

    if not (components or template):
        raise click.UsageError("Missing argument 'COMPONENT...'; or name a --template that says its components")
    run = session()
    house = run.house()
    if template:
        filled = releases.fill_in(house, template, components, type_)
        components, type_ = filled.components, filled.type
    if tag and (versions or at != "HEAD"):
        raise click.UsageError("--tag says the version and the revision; leave out --version and --at")
    if len(components) > 1 and tag:
        raise click.UsageError("--tag is of one component; name the components, and their versions with --version")
    if len(components) == 1 and (name or len(versions) > 1):
        raise click.UsageError("--name and several versions are for a release of several components")
    intent = replace(_intended(house, planned, reason, criterion, downtime), template=template)
    if len(components) > 1:
        each = _versions(versions)
        opened = bundle.open_bundle(
            house, name, components, run.claim(), type_=type_, versions=each, at=at, intent=intent
        )
        code = _opened_several(opened)
        _say_slip(house, opened.release.id, planned)
        return code
    version = versions[0] if versions else ""
    one = releases.open_release(
        house, components[0], run.claim(), type_=type_, version=version, at=at, tag=tag, intent=intent
    )
    code = _opened_one(one)
    _say_slip(house, one.release.id, planned)
    return code


def _versions(said: tuple[str, ...]) -> dict[str, str]:
    """The version of each component that is named with one."""
    found: dict[str, str] = {}
    for text in said:
        component, equals, version = text.partition("=")
        if not (equals and component and version) or component in found:
            raise click.UsageError(f"--version {text}: of several components, say COMPONENT=VERSION, once for each")
        found[component] = version
    return found


def _opened_one(opened: Opened) -> int:
    from tidegate.cli.text import clean, good, strong
    from tidegate.views.moments import counted

    facts = opened.release
    item = facts.items[0]
    record = {
        "id": facts.id,
        "component": item.component,
        "version": item.to_version,
        "from": item.from_version,
        "type": facts.type,
        "commit": item.subject.commit,
        "package": opened.package,
        "changes": len(item.changes),
        "superseded": list(opened.superseded),
    }
    name = clean(facts.id)
    lines = [
        f"{good('✓')} opened {strong(name)} ({clean(facts.type)}), from {item.from_version or 'nothing'}",
        f"  commit  {item.subject.commit[:12]}, {counted(len(item.changes), 'change')}",
        f"  package sha256:{opened.package[:16]}…",
        *(f"  supersedes {clean(older)}: what was approved of it is approved anew" for older in opened.superseded),
        f"  next    tidegate release show {name}",
    ]
    session().answer(record, lines)
    return 0


def _opened_several(opened: Opened) -> int:
    from tidegate.cli.text import clean, columns, good, strong
    from tidegate.views.moments import counted

    facts = opened.release
    each = [
        {
            "component": item.component,
            "version": item.to_version,
            "from": item.from_version,
            "package": opened.packages[item.component],
            "changes": len(item.changes),
        }
        for item in facts.items
    ]
    record = {"id": facts.id, "type": facts.type, "commit": facts.items[0].subject.commit, "components": each}
    name = clean(facts.id)
    rows: list[tuple[str, ...]] = [
        (
            clean(item.component),
            f"{item.from_version or 'nothing'} -> {item.to_version}",
            counted(len(item.changes), "change"),
        )
        for item in facts.items
    ]
    lines = [
        f"{good('✓')} opened {strong(name)} ({clean(facts.type)}), {counted(len(facts.items), 'component')}",
        *columns(rows, indent="  "),
        f"  commit  {facts.items[0].subject.commit[:12]}",
        f"  next    tidegate release show {name}",
    ]
    session().answer(record, lines)
    return 0


@command(
    "amend",
    help="Say of RELEASE for when it is planned, why there is one, or whether it has downtime; signed.\n\n"
    "What is said replaces what was said before. It is asked by types with a horizon, by those that are for certain "
    "cases, and by documents for releases with downtime.",
    examples="tidegate release amend billing-1.1.0 --planned 2026-12-15 --as rita --key ~/.ssh/id_ed25519",
)
@click.argument("release")
@_intent
def amend(release: str, planned: str, reason: str, criterion: str, downtime: bool | None) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.orchestration import release as releases
    from tidegate.store import policies
    from tidegate.views.moments import in_zone

    run = session()
    house = run.house()
    intent = _intended(house, planned, reason, criterion, downtime)
    releases.amend(house, release, run.claim(), intent)
    told = intent.told()
    with house.database.read() as connection:
        tz = policies.current(connection).tz
    said = "; ".join(f"{name.removesuffix('_at')}: {in_zone(value, tz)}" for name, value in told.items())
    lines = [f"{good('✓')} {clean(release)} is amended: {clean(said)}"]
    run.answer({"release": release, **told}, lines)
    _say_slip(house, release, planned)
    return 0


def _say_slip(house: House, release: str, planned: str) -> None:
    """Say of a release that was just planned that it cannot go then: those who are told of its time rely on it."""
    from tidegate.cli.text import clean, doubtful, wrapped
    from tidegate.views.planned import slip_of

    slip = slip_of(house, release) if planned else None
    if slip is not None:
        for line in wrapped(f"{doubtful('!')} {clean(slip.sentence(release))}", "  ", first=""):
            session().say(line)


@command("list", help="List the releases, the newest first.", examples="tidegate release list")
def list_() -> int:
    """The command."""
    from tidegate.cli.render import state_word
    from tidegate.cli.text import clean, columns
    from tidegate.store import policies
    from tidegate.views.moments import civil
    from tidegate.views.release import release_lines

    run = session()
    house = run.house()
    found = release_lines(house)
    with house.database.read() as connection:
        tz = policies.current(connection).tz
    rows: list[tuple[str, ...]] = [
        (clean(r.id), clean(r.type), state_word(r.state.value), f"{civil(r.opened_at, tz)} by {clean(r.opened_by)}")
        for r in found
    ]
    run.answer(found, columns(rows) or ["no release was opened yet: tidegate release open COMPONENT"])
    return 0


@command(
    "show",
    help="Show what is known of RELEASE: what it is made of, its evidence, answers and rollouts.",
    examples="tidegate release show billing-1.1.0",
)
@click.argument("release")
def show(release: str) -> int:
    """The command."""
    from tidegate.cli.render_release import release_page
    from tidegate.store import policies
    from tidegate.views.release import release_view

    run = session()
    house = run.house()
    view = release_view(house, release)
    with house.database.read() as connection:
        book = policies.current(connection)
    run.answer(view, release_page(view, book, house.now()))
    return 0


@command("notes", help="Print the notes of RELEASE, in Markdown.", examples="tidegate release notes billing-1.1.0")
@click.argument("release")
def notes(release: str) -> int:
    """The command."""
    from tidegate.store import releases

    run = session()
    with run.house().database.read() as connection:
        text = releases.load(connection, release).notes
    run.answer({"release": release, "notes": text}, text.rstrip("\n").split("\n"))
    return 0


@command(
    "attach",
    help="Take FILE as the package of RELEASE, such as one that a CI built.\n\n"
    "What is released changes by it: every approval, and evidence about the artifact, is void then.",
    examples="tidegate release attach billing-1.1.0 build/billing.tar.gz --as rita --key ~/.ssh/id_ed25519",
)
@click.argument("release")
@click.argument("file", type=click.Path(path_type=Path))
def attach(release: str, file: Path) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.orchestration import release as releases

    run = session()
    sha256 = releases.attach(run.house(), release, file, run.claim())
    lines = [
        f"{good('✓')} {clean(release)} is made of sha256:{sha256[:16]}… now",
        "  approvals that were given before are void",
    ]
    run.answer({"release": release, "package": sha256}, lines)
    return 0


@command(
    "rebase",
    help="Move RELEASE from the policy it was opened under to the current one.\n\n"
    "The policy it is pinned to decides who may.",
    examples="tidegate release rebase billing-1.1.0 --as rita --key ~/.ssh/id_ed25519",
)
@click.argument("release")
def rebase(release: str) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.orchestration import release as releases

    run = session()
    digest = releases.rebase(run.house(), release, run.claim())
    run.answer({"release": release, "policy": digest}, [f"{good('✓')} {clean(release)} is pinned to {digest}"])
    return 0


@command(
    "cancel",
    help="Give RELEASE up. It cannot be opened again; its version is used up.",
    examples='tidegate release cancel billing-1.1.0 --reason "superseded by 1.2.0" --as rita --key ~/.ssh/id_ed25519',
)
@click.argument("release")
@click.option("--reason", required=True, metavar="TEXT", help="Why.")
def cancel(release: str, reason: str) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.orchestration import release as releases

    run = session()
    state = releases.cancel(run.house(), release, run.claim(), reason)
    rest = ", and goes no further" if state.value == "released" else ""
    run.answer({"release": release, "state": state}, [f"{good('✓')} {clean(release)} is {state.said}{rest}"])
    return 0
