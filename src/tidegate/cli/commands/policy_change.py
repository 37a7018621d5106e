"""``tidegate policy propose``, ``approve``, ``reject``, ``revoke``, ``adopt`` and ``history``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tidegate.cli.framework import command, session

if TYPE_CHECKING:
    from tidegate.policyfile.load import LoadedPolicy

_EXAMPLE = "sha256:3f9a1c0d77e2"


def _load(file: Path | None) -> LoadedPolicy:
    from tidegate.policyfile.load import FILE_NAME, load_policy

    run = session()
    path, name = (file, str(file)) if file is not None else (run.settings().root / FILE_NAME, FILE_NAME)
    loaded = load_policy(path, name, check_target=run.parts.check_target)
    _tell_findings(loaded)
    return loaded


def _tell_findings(loaded: LoadedPolicy) -> None:
    """Say on stderr how much is to be said against the policy; it can be adopted all the same."""
    from tidegate.cli.text import clean, doubtful
    from tidegate.core.lint import Severity
    from tidegate.policyfile.check import findings_of

    run = session()
    errors = [f for f in findings_of(loaded, run.clock(), run.parts.abilities()) if f.severity is Severity.ERROR]
    if errors:
        number = "an error" if len(errors) == 1 else f"{len(errors)} errors"
        first = errors[0]
        run.say(f"{doubtful('!')} tidegate policy check finds {number} in {clean(loaded.name)}, the first of them:")
        run.say(f"  {clean(first.place)}: {first.rule}: {clean(first.message)}")


@command(
    "propose",
    help="Propose the policy FILE (by default tidegate.yaml), signed, so that others can approve it.\n\n"
    "It is kept under the digest of what it means; the file may change or go. Whoever may open releases or adopt "
    "policies may propose, and does not count as approver. Nothing is adopted.",
    examples='tidegate policy propose --because "two approvals for a hotfix" --as rita --key ~/.ssh/id_ed25519',
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--because", default="", metavar="TEXT", help="Why; kept with the proposal.")
def propose(file: Path | None, because: str) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.core.adoption import short
    from tidegate.orchestration import proposal as use_case

    run = session()
    loaded = _load(file)
    proposed = use_case.propose(run.house(executes=True, adopts=True), loaded, run.claim(), because)
    found = proposed.proposal
    said = "proposed" if proposed.new else f"it is proposed already, by {clean(found.by)}"
    record = {
        "proposal": found.id,
        "digest": found.digest,
        "proposed_by": found.by,
        "proposed_at": found.at,
        "because": found.because,
        "new": proposed.new,
    }
    lines = [f"{good('✓')} {said}: {found.digest}", f"  next    tidegate policy approve {short(found.digest)}"]
    run.answer(record, lines)
    return 0


def _of_proposal(function: Callable[..., Any]) -> Callable[..., Any]:
    function = click.option("--reason", default="", metavar="TEXT", help="Why; kept with the answer.")(function)
    return click.argument("digest")(function)


_ROLE = click.option("--role", default="", metavar="ROLE", help="In which role, where one group approves in several.")


def _answer(said: str, digest: str, role: str, reason: str) -> int:
    from tidegate.cli.text import clean, good
    from tidegate.core.adoption import short
    from tidegate.core.approval import Answer
    from tidegate.orchestration import proposal as use_case

    run = session()
    answered = use_case.answer(run.house(), digest, run.claim(), Answer(said), role=role, reason=reason)
    approval, proposal = answered.approval, answered.proposal
    record = {
        "proposal": proposal.id,
        "digest": proposal.digest,
        "replaces": approval.subject,
        "person": approval.actor.person,
        "answer": said,
        "role": role,
        "approval": approval.id,
        "assurance": approval.actor.assurance,
    }
    word = "approved" if said == "approve" else "rejected"
    as_role = f" as {clean(role)}" if role else ""
    line = f"{good('✓')} {clean(approval.actor.person)} {word} {proposal.digest}{as_role}"
    run.answer(record, [line, f"  in place of {short(approval.subject)}…"])
    return 0


@command(
    "approve",
    help="Approve the proposed policy DIGEST, signed with your SSH key.\n\n"
    "DIGEST is its digest, or at least twelve digits of it. Your yes is bound to this proposal and to the policy that "
    "is active now; it is void when another one becomes active.",
    examples=f"tidegate policy approve {_EXAMPLE} --as alice --key ~/.ssh/id_ed25519",
)
@_of_proposal
@_ROLE
def approve(digest: str, role: str, reason: str) -> int:
    """The command."""
    return _answer("approve", digest, role, reason)


@command(
    "reject",
    help="Say no to the proposed policy DIGEST, signed with your SSH key.\n\n"
    "It is not adopted while your no stands, whatever else becomes active; take it back with tidegate policy revoke.",
    examples=f'tidegate policy reject {_EXAMPLE} --reason "who watches it?" --as alice --key ~/.ssh/id_ed25519',
)
@_of_proposal
@_ROLE
def reject(digest: str, role: str, reason: str) -> int:
    """The command."""
    return _answer("reject", digest, role, reason)


@command(
    "revoke",
    help="Take your own standing answers to the proposed policy DIGEST back, signed.\n\n"
    "What was adopted already stays adopted.",
    examples=f"tidegate policy revoke {_EXAMPLE} --as alice --key ~/.ssh/id_ed25519",
)
@_of_proposal
def revoke(digest: str, reason: str) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.orchestration import proposal as use_case

    run = session()
    ids = use_case.revoke(run.house(), digest, run.claim(), reason)
    record = {"digest": digest, "person": run.person, "revoked": ids}
    run.answer(record, [f"{good('✓')} {clean(run.person)} took their answer to {clean(digest)} back"])
    return 0


@command(
    "adopt",
    help="Make the policy FILE (by default tidegate.yaml), or the one called DIGEST, the active one, signed.\n\n"
    "The active policy must permit it, and the approvals that it asks for must stand: propose the file first, and have "
    "it approved. Releases that are under way keep the policy they were opened under, and from then on need a yes from "
    "both. Exits with 3 where approvals are missing.",
    examples=(
        "tidegate policy adopt --as rita --key ~/.ssh/id_ed25519",
        f"tidegate policy adopt {_EXAMPLE} --as rita --key ~/.ssh/id_ed25519",
    ),
)
@click.argument("what", required=False, metavar="[FILE|DIGEST]")
def adopt(what: str | None) -> int:
    """The command."""
    from tidegate.cli.text import good
    from tidegate.orchestration import policy as policies
    from tidegate.orchestration.proposal import Candidate

    run = session()
    candidate: Candidate
    if what is not None and what.startswith("sha256:"):
        house = run.house(executes=True, adopts=True)
        candidate = policies.stored(house, what, run.claim())
    else:
        # Before anything is opened: a file with a mistake in it touches no database.
        candidate = _load(Path(what) if what is not None else None)
        house = run.house(executes=True, adopts=True)
    adopted = policies.adopt(house, candidate, run.claim())
    said = "adopted" if adopted.changed else "it is the active policy already"
    run.answer(adopted, [f"{good('✓')} {said}: {adopted.digest}"])
    return 0


@command(
    "history",
    help="List the policies that were adopted, the first one first, and those that are proposed.\n\n"
    "With DIGEST that policy alone: who proposed it, what people answered, and what stands in its way.",
    examples=("tidegate policy history", f"tidegate policy history {_EXAMPLE}"),
)
@click.argument("digest", required=False)
def history(digest: str | None) -> int:
    """The command."""
    from tidegate.cli.render_policy_change import change_lines
    from tidegate.store import policies
    from tidegate.views.policy_change import changes

    run = session()
    house = run.house()
    found = changes(house, digest or "")
    with house.database.read() as connection:
        tz = policies.current(connection).tz
    run.answer(found, change_lines(found, tz, house.now(), whole=digest is not None))
    return 0
