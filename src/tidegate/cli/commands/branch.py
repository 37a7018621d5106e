"""``tidegate branch`` and ``tidegate hotfix``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from tidegate.cli.framework import Group, command, session

branch = Group(
    "branch",
    lazy={
        "cut": ("branch:cut", "Make the release branch of a version."),
        "prepare": ("branch:prepare", "Write version, changelog and notes on the release branch."),
        "check": ("branch:check", "Say what on a branch may not be there."),
        "pick": ("branch:pick", "Put commits on a branch, with their origin recorded."),
        "merge-back": ("branch:merge_back", "Say what of a branch is missing in which line."),
        "lock": ("branch:lock", "Refuse every push to a branch, at the remote."),
        "unlock": ("branch:unlock", "Let a branch be pushed to again."),
        "locks": ("branch:locks", "List the branches that are locked at a remote."),
    },
    help="Cut branches of releases, judge them, pick to them, bring them back, lock them. Your work tree and index are "
    "never touched, and protected branches are never written.",
)


def push_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of what can push when it is done."""
    remote = click.option(
        "--remote", default="origin", metavar="REMOTE", show_default=True, help="Where to push: a remote or an address."
    )
    push = click.option("--push", is_flag=True, help="Push it, without force, and read it back.")
    return push(remote(function))


@command(
    "cut",
    help="Make the release branch of COMPONENT at VERSION, called as the policy says.\n\n"
    "It is made from the main branch, or from REVISION. From then on only what may pass its freeze belongs on it. "
    "Nothing is pushed unless you say --push.",
    examples=("tidegate branch cut billing 1.2.0 --as rita", "tidegate branch cut billing 1.2.0 --from main~2 --push"),
)
@click.argument("component")
@click.argument("version")
@click.option("--from", "from_", default="", metavar="REVISION", help="Make it from this revision.")
@push_options
def cut(component: str, version: str, from_: str, push: bool, remote: str) -> int:
    """The command."""
    from tidegate.cli.render_branch import cut_lines
    from tidegate.orchestration import branch as branches

    run = session()
    made = branches.cut(run.house(), component, version, run.claim(), from_=from_, push_to=remote if push else "")
    run.answer(made, cut_lines(made))
    return 0


@command(
    "prepare",
    help="Write VERSION into the version files of COMPONENT, and its changelog and notes, in one commit on the branch "
    "of that version.\n\n"
    "What says already what it should is left alone, and what people edited stays. The branch must not be checked out. "
    "Nothing is pushed unless you say --push.",
    examples=("tidegate branch prepare billing 1.2.0 --dry-run", "tidegate branch prepare billing 1.2.0 --as rita"),
)
@click.argument("component")
@click.argument("version")
@click.option("--dry-run", is_flag=True, help="Only say which files would change.")
@push_options
def prepare(component: str, version: str, dry_run: bool, push: bool, remote: str) -> int:
    """The command."""
    from tidegate.cli.render_branch import prepare_lines
    from tidegate.orchestration import preparing

    run = session()
    push_to = remote if push else ""
    done = preparing.prepare(run.house(), component, version, run.claim(), dry_run=dry_run, push_to=push_to)
    run.answer(done, prepare_lines(done, dry_run=dry_run))
    for remark in done.remarks:
        run.say(f"note: {remark}")
    return 0


@command(
    "check",
    help="Say which commits on a branch of COMPONENT may not be there: by its freeze, because they follow no "
    "convention, or because they are merges.\n\n"
    "BRANCH is a branch, or the version that it is for. Exit code 3: something may not be there.",
    examples=("tidegate branch check billing 1.2.0", "tidegate branch check billing release/v1.2.0 --json"),
)
@click.argument("component")
@click.argument("branch", metavar="BRANCH")
def check(component: str, branch: str) -> int:
    """The command."""
    from tidegate.cli.render_branch import check_lines
    from tidegate.orchestration import branch as branches

    run = session()
    report = branches.check(run.house(), component, branch)
    run.answer(report, check_lines(report))
    return 0 if report.is_clean else 3


@command(
    "pick",
    help="Put commits on BRANCH, in this order: all of them, or none.\n\n"
    "Each says where it comes from. What may not pass the freeze of the branch is refused; what is there already "
    "changes nothing.",
    examples="tidegate branch pick release/v1.2.0 4f2a91c --as rita",
)
@click.argument("branch", metavar="BRANCH")
@click.argument("commits", metavar="COMMIT...", nargs=-1, required=True)
@push_options
def pick(branch: str, commits: tuple[str, ...], push: bool, remote: str) -> int:
    """The command."""
    from tidegate.cli.render_branch import pick_lines
    from tidegate.orchestration import branch as branches

    run = session()
    done = branches.pick(run.house(), branch, commits, run.claim(), push_to=remote if push else "")
    run.answer(done, pick_lines(done))
    return 0


@command(
    "merge-back",
    help="Say what of BRANCH is missing in the main line and in the release branches that are not out yet, and how to "
    "bring it there.\n\n"
    "With --do it is merged into one line that is neither protected nor frozen; a protected line is left to a pull "
    "request.",
    examples=(
        "tidegate branch merge-back hotfix/v1.1.1",
        "tidegate branch merge-back hotfix/v1.1.1 --into develop --do --as rita",
    ),
)
@click.argument("branch", metavar="BRANCH")
@click.option("--into", default="", metavar="LINE", help="Only this branch.")
@click.option("--do", "do", is_flag=True, help="Merge it.")
@push_options
def merge_back(branch: str, into: str, do: bool, push: bool, remote: str) -> int:
    """The command."""
    from tidegate.cli.render_branch import merge_back_lines
    from tidegate.orchestration import branch as branches

    if push and not do:
        raise click.UsageError("--push pushes what --do has merged: say --do as well.")
    run = session()
    if do:
        done = branches.do_merge_back(run.house(), branch, run.claim(), into=into, push_to=remote if push else "")
    else:
        done = branches.merge_back(run.house(), branch, into=into)
    run.answer(done, merge_back_lines(done))
    return 0


_REMOTE = click.option(
    "--remote",
    default="origin",
    metavar="REMOTE",
    show_default=True,
    help="The remote: its name, a path or an address.",
)


@command(
    "lock",
    help="Refuse every push to BRANCH at the remote, until it is unlocked; signed.\n\n"
    "A hook is set in the repository there, which must be a path or an SSH address to which you may write. A hook that "
    "is there goes on.",
    examples="tidegate branch lock release/v1.2.0 --remote /srv/git/billing.git --as rita --key ~/.ssh/id_ed25519",
)
@click.argument("branch", metavar="BRANCH")
@_REMOTE
def lock(branch: str, remote: str) -> int:
    """The command."""
    from tidegate.cli.render_branch import lock_lines
    from tidegate.orchestration import locking

    run = session()
    done = locking.lock(run.house(), branch, run.claim(), remote)
    run.answer(done, lock_lines(done, "is locked"))
    return 0


@command(
    "unlock",
    help="Let BRANCH be pushed to again; signed.",
    examples="tidegate branch unlock release/v1.2.0 --as rita --key ~/.ssh/id_ed25519",
)
@click.argument("branch", metavar="BRANCH")
@_REMOTE
def unlock(branch: str, remote: str) -> int:
    """The command."""
    from tidegate.cli.render_branch import lock_lines
    from tidegate.orchestration import locking

    run = session()
    done = locking.unlock(run.house(), branch, run.claim(), remote)
    run.answer(done, lock_lines(done, "is unlocked"))
    return 0


@command("locks", help="List the branches that are locked at a remote.", examples="tidegate branch locks")
@_REMOTE
def locks(remote: str) -> int:
    """The command."""
    from tidegate.cli.render_branch import locks_lines
    from tidegate.orchestration import locking

    run = session()
    found = locking.locks(run.house(), remote)
    run.answer(found, locks_lines(found))
    return 0


@command(
    "hotfix",
    help="Make a hotfix branch of COMPONENT from the tag of what runs in production, for the next patch version.\n\n"
    "What runs there is what was rolled out or adopted; where nothing was, it is the highest version that is tagged.",
    examples=("tidegate hotfix billing --as rita", "tidegate hotfix billing --version 1.1.2 --as rita"),
)
@click.argument("component")
@click.option("--version", default="", metavar="VERSION", help="This version instead of the next one.")
@click.option("--environment", default="", metavar="ENVIRONMENT", help="Where production runs several versions: which.")
@push_options
def hotfix(component: str, version: str, environment: str, push: bool, remote: str) -> int:
    """The command."""
    from tidegate.cli.render_branch import hotfix_lines
    from tidegate.orchestration import branch as branches
    from tidegate.views.plain import plain_value

    run = session()
    made, running = branches.hotfix(
        run.house(),
        component,
        run.claim(),
        version=version,
        environment=environment,
        push_to=remote if push else "",
    )
    record = {**plain_value(made), "from_version": str(running.version), "because": running.because}
    run.answer(record, hotfix_lines(made, running))
    return 0
