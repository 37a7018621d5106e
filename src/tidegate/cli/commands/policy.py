"""``tidegate policy``."""

from __future__ import annotations

from pathlib import Path

import click

from tidegate.cli.framework import Group, command, session

policy = Group(
    "policy",
    lazy={
        "check": ("policy:check", "Look for mistakes in the file."),
        "adopt": ("policy:adopt", "Make the file the active policy."),
        "show": ("policy:show", "Show the active policy."),
        "history": ("policy:history", "List the policies that were adopted."),
        "schema": ("policy:schema", "Print the JSON Schema of the file."),
    },
    help="Adopt, show and check the policy.\n\nThe file is a proposal; the active policy is what was adopted from it.",
)

_FILE = click.argument("file", required=False, type=click.Path(path_type=Path))


def _proposal(file: Path | None) -> tuple[Path, str]:
    from tidegate.policyfile.load import FILE_NAME

    if file is not None:
        return file, str(file)
    return session().settings().root / FILE_NAME, FILE_NAME


@command(
    "check",
    help="Look for mistakes in the policy FILE (by default tidegate.yaml) and name each with its line and column.\n\n"
    "Nothing is adopted, and no database is opened. Exits with 2 where there is a mistake.",
    examples="tidegate policy check",
)
@_FILE
def check(file: Path | None) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.policyfile.load import load_policy

    run = session()
    path, name = _proposal(file)
    loaded = load_policy(path, name, check_target=run.parts.check_target)
    policy = loaded.policy
    counts = f"{len(policy.components)} components, {len(policy.environments)} environments, {len(policy.gates)} gates"
    record = {"file": name, "digest": loaded.digest, "mistakes": []}
    run.answer(record, [f"{good('✓')} {clean(name)} is a policy: {counts}", f"  {loaded.digest}"])
    return 0


@command(
    "adopt",
    help="Make the policy FILE (by default tidegate.yaml) the active one, signed.\n\n"
    "The active policy must permit it. Releases that are under way keep the policy they were opened under, and from "
    "then on need a yes from both.",
    examples="tidegate policy adopt --as rita --key ~/.ssh/id_ed25519",
)
@_FILE
def adopt(file: Path | None) -> int:
    """The command."""
    from tidegate.cli.text import good
    from tidegate.orchestration import policy as policies
    from tidegate.policyfile.load import load_policy

    run = session()
    path, name = _proposal(file)
    loaded = load_policy(path, name, check_target=run.parts.check_target)
    adopted = policies.adopt(run.house(executes=True, adopts=True), loaded, run.claim())
    said = "adopted" if adopted.changed else "it is the active policy already"
    run.answer(adopted, [f"{good('✓')} {said}: {adopted.digest}"])
    return 0


@command(
    "show",
    help="Show the active policy, resolved.\n\nWith --json: exactly the stored form that the digest names.",
    examples="tidegate policy show",
)
def show() -> int:
    """The command."""
    from tidegate.cli.render_policy import policy_lines
    from tidegate.store import contents, policies

    run = session()
    house = run.house()
    with house.database.read() as connection:
        book = policies.current(connection)
        adoption = policies.active(connection)
        resolved = contents.fetch(connection, book.digest)
    if run.as_json:
        import json

        run.print_json(
            {
                "digest": book.digest,
                "adopted_at": adoption.adopted_at if adoption else None,
                "adopted_by": adoption.adopted_by if adoption else None,
                "policy": json.loads(resolved),
            }
        )
        return 0
    run.answer(None, policy_lines(book, adoption, house.now()))
    return 0


@command(
    "history", help="List the policies that were adopted, the first one first.", examples="tidegate policy history"
)
def history() -> int:
    """The command."""
    from tidegate.cli.text import clean, columns
    from tidegate.store import policies
    from tidegate.views.moments import civil

    run = session()
    with run.house().database.read() as connection:
        found = policies.history(connection)
        tz = policies.current(connection).tz
    rows: list[tuple[str, ...]] = [
        (
            "*" if one.active else " ",
            str(one.number),
            f"{one.digest[:19]}…",
            civil(one.adopted_at, tz),
            clean(one.adopted_by["person"]),
        )
        for one in found
    ]
    run.answer(found, columns(rows))
    return 0


@command(
    "schema",
    help="Print the JSON Schema of the policy file, by which editors complete and check it.",
    examples="tidegate policy schema",
)
def schema() -> int:
    """The command."""
    from tidegate.policyfile.reference import json_schema

    session().print_json(json_schema())
    return 0
