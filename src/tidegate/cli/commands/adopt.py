"""``tidegate adopt``."""

from __future__ import annotations

import click

from tidegate.cli.framework import command, session


@command(
    "adopt",
    help="Record what COMPONENT runs in ENVIRONMENT today as a version that one can return to, signed.\n\n"
    "Every unit keeps what it runs, nothing is restarted, and the version counts as verified there from now on.",
    examples="tidegate adopt billing production --version 1.0.0 --as rita --key ~/.ssh/id_ed25519",
)
@click.argument("component")
@click.argument("environment")
@click.option("--version", required=True, metavar="VERSION", help="The version that runs there.")
def adopt(component: str, environment: str, version: str) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.orchestration import adopt as use_case

    run = session()
    package = use_case.adopt(run.house(), component, environment, version, run.claim())
    record = {"component": component, "environment": environment, "version": package.version, "package": package.digest}
    lines = [
        f"{good('✓')} {clean(component)} {package.version} is what {clean(environment)} runs",
        f"  kept on every unit as sha256:{package.digest[:16]}…",
    ]
    run.answer(record, lines)
    return 0
