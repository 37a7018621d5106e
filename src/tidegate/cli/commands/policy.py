"""``tidegate policy``."""

from __future__ import annotations

from pathlib import Path

import click

from tidegate.cli.framework import Group, command, session

policy = Group(
    "policy",
    lazy={
        "check": ("policy_check:check", "Look for mistakes and contradictions in the file."),
        "explain": ("policy_explain:explain", "Say the file in plain sentences."),
        "test": ("policy_test:test", "Run the cases that say how the policy is to decide."),
        "diff": ("policy_diff:diff", "Say what becomes stricter, and what looser."),
        "propose": ("policy_change:propose", "Propose the file, for others to approve."),
        "approve": ("policy_change:approve", "Approve a proposed policy."),
        "reject": ("policy_change:reject", "Say no to a proposed policy."),
        "revoke": ("policy_change:revoke", "Take your answer to a proposed policy back."),
        "adopt": ("policy_change:adopt", "Make a file or a proposal the active policy."),
        "show": ("policy_show:show", "Show the active policy, or a file with its origins."),
        "presets": ("policy_presets:presets", "List the presets to build on."),
        "history": ("policy_change:history", "List what was adopted and what is proposed."),
        "schema": ("policy:schema", "Print the JSON Schema of the file."),
    },
    help="Adopt, show and check the policy.\n\nThe file is a proposal; the active policy is what was adopted from it.",
)

_FILE = click.argument("file", required=False, type=click.Path(path_type=Path))


def proposal(file: Path | None) -> tuple[Path, str]:
    """The policy file that is meant, and what it is called in answers."""
    from tidegate.policyfile.load import FILE_NAME

    if file is not None:
        return file, str(file)
    return session().settings().root / FILE_NAME, FILE_NAME


@command(
    "schema",
    help="Print the JSON Schema of the policy file, by which editors complete and check it.",
    examples="tidegate policy schema",
)
@click.option("--tests", is_flag=True, help="Print that of files of cases instead.")
def schema(tests: bool) -> int:
    """The command."""
    from tidegate.core.policy import Policy
    from tidegate.core.policytest import CaseFile
    from tidegate.policyfile.reference import json_schema

    session().print_json(json_schema(CaseFile if tests else Policy))
    return 0
