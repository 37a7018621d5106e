"""``tidegate approve``, ``reject`` and ``revoke``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from tidegate.cli.framework import command, session


def _of_release(function: Callable[..., Any]) -> Callable[..., Any]:
    function = click.option("--reason", default="", metavar="TEXT", help="Why; kept with the answer.")(function)
    function = click.option(
        "--for", "environment", required=True, metavar="ENVIRONMENT", help="For which environment."
    )(function)
    return click.argument("release")(function)


def _answer(said: str, release: str, environment: str, role: str, reason: str) -> int:
    from tidegate.cli.text import clean, good, wrapped
    from tidegate.core.approval import Answer
    from tidegate.orchestration import approval
    from tidegate.views.approvals import approvals, left_out, short_of

    run = session()
    house = run.house()
    answered = approval.answer(
        house, release, environment, run.claim(), Answer(said), role=role, reason=reason
    ).approval
    with house.database.read() as connection:
        (view,) = approvals(connection, release, house.now(), environment)
    whys = left_out(view, answered.actor.person) if said == "approve" else ()
    record = {
        "release": release,
        "environment": environment,
        "person": answered.actor.person,
        "answer": said,
        "role": role,
        "approval": answered.id,
        "subject": answered.subject,
        "assurance": answered.actor.assurance,
        "missing": short_of(view),
        "not_counted": list(whys),
    }
    word = "approved" if said == "approve" else "rejected"
    as_role = f" as {clean(role)}" if role else ""
    who, where = clean(answered.actor.person), clean(environment)
    said_so = f"{who} {word} {clean(release)} for {where}{as_role}, by {answered.actor.assurance.value}"
    missing = wrapped(f"still missing: {clean(short_of(view))}", indent="    ", first="  ")
    lines = [
        f"{good('✓')} {said_so}",
        f"  bound to subject {answered.subject[:19]}…",
        *(line for why in whys for line in wrapped(f"not counted: {clean(why)}", indent="    ", first="  ")),
        *(["  every approval is there"] if view.complete else missing),
    ]
    run.answer(record, lines)
    return 0


_ROLE = click.option("--role", default="", metavar="ROLE", help="In which role, where one group approves in several.")


@command(
    "approve",
    help="Approve RELEASE for an environment, signed with your SSH key.\n\n"
    "The answer is bound to you, the role, the environment and what the release is made of now; it is void when that "
    "changes.",
    examples="tidegate approve billing-1.1.0 --for production --as alice --key ~/.ssh/id_ed25519",
)
@_of_release
@_ROLE
def approve(release: str, environment: str, role: str, reason: str) -> int:
    """The command."""
    return _answer("approve", release, environment, role, reason)


@command(
    "reject",
    help="Say no to RELEASE for an environment, signed with your SSH key.\n\n"
    "It does not go there while your no stands; take it back with tidegate revoke.",
    examples='tidegate reject billing-1.1.0 --for production --reason "no way back" --as alice --key ~/.ssh/id_ed25519',
)
@_of_release
@_ROLE
def reject(release: str, environment: str, role: str, reason: str) -> int:
    """The command."""
    return _answer("reject", release, environment, role, reason)


@command(
    "revoke",
    help="Take your own standing answer about RELEASE for an environment back, signed.\n\n"
    "A rollout that is under way stops at its next checkpoint when it loses an approval by this.",
    examples="tidegate revoke billing-1.1.0 --for production --as alice --key ~/.ssh/id_ed25519",
)
@_of_release
def revoke(release: str, environment: str, reason: str) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.orchestration import approval

    run = session()
    ids = approval.revoke(run.house(), release, environment, run.claim(), reason)
    record = {"release": release, "environment": environment, "person": run.person, "revoked": ids}
    run.answer(record, [f"{good('✓')} {clean(run.person)} took their answer about {clean(release)} back"])
    return 0
