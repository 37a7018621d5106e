"""``tidegate release``."""

from __future__ import annotations

from pathlib import Path

import click

from tidegate.cli.framework import Group, command, session

release = Group(
    "release",
    lazy={
        "open": ("release:open_", "Open a release of a component."),
        "list": ("release:list_", "List the releases."),
        "show": ("release:show", "Show what is known of a release."),
        "notes": ("release:notes", "Print the release notes."),
        "attach": ("release:attach", "Take another package for a release."),
        "rebase": ("release:rebase", "Move a release to the current policy."),
        "cancel": ("release:cancel", "Give a release up."),
    },
    help="Open releases, look at them, change them.",
)


@command(
    "open",
    help="Open a release of COMPONENT: fix its version and content, build its package, write its notes.\n\n"
    "It pins the policy that is active now. Nothing is deployed.",
    examples="tidegate release open billing --as rita",
)
@click.argument("component")
@click.option(
    "--type", "type_", default="", metavar="TYPE", help="The release type; by default what the version raises."
)
@click.option("--version", default="", metavar="VERSION", help="This version instead of the next one.")
@click.option("--at", default="HEAD", metavar="REVISION", help="Release this revision.", show_default=True)
def open_(component: str, type_: str, version: str, at: str) -> int:
    """The command."""
    from tidegate.cli.text import clean, good, strong
    from tidegate.orchestration import release as releases
    from tidegate.views.moments import counted

    run = session()
    opened = releases.open_release(run.house(), component, run.claim(), type_=type_, version=version, at=at)
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
    }
    name = clean(facts.id)
    lines = [
        f"{good('✓')} opened {strong(name)} ({clean(facts.type)}), from {item.from_version or 'nothing'}",
        f"  commit  {item.subject.commit[:12]}, {counted(len(item.changes), 'change')}",
        f"  package sha256:{opened.package[:16]}…",
        f"  next    tidegate release show {name}",
    ]
    run.answer(record, lines)
    return 0


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
    releases.cancel(run.house(), release, run.claim(), reason)
    run.answer({"release": release, "state": "cancelled"}, [f"{good('✓')} {clean(release)} is cancelled"])
    return 0
