"""``tidegate environment``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate.cli.framework import Group, command, session

if TYPE_CHECKING:
    from tidegate.core.settings import Checked
    from tidegate.views.look import TargetSeen

environment = Group(
    "environment",
    lazy={
        "check": ("environment:check", "Compare an environment's settings with the policy."),
        "look": ("environment:look", "Ask an environment's targets what they run."),
    },
    help="Compare environments with what the policy says of them, and with what is recorded.",
)


@command(
    "check",
    help="Compare the settings of ENVIRONMENT with the policy: the rules of its config, its kind of data, and "
    "addresses that point to another environment.\n\n"
    "With --against, it is also compared with the environment that it mirrors. Files are JSON, YAML or NAME=value "
    "lines. Secrets are compared and never shown, and neither file is kept: with --release the findings become "
    "evidence, on which gates decide. Exits with 3 when a setting is not as the policy says.",
    examples=(
        "tidegate environment check production --facts production.env",
        "tidegate environment check staging --facts s.env --against p.env --release billing-1.1.0 --as rita",
    ),
)
@click.argument("environment_name", metavar="ENVIRONMENT")
@click.option(
    "--facts", required=True, metavar="FILE", type=click.Path(path_type=Path), help="Its settings, as they are."
)
@click.option(
    "--against",
    default=None,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Those of the environment it mirrors.",
)
@click.option("--release", default="", metavar="RELEASE", help="Add what is found to this release, as evidence.")
@click.option("--source", default="", metavar="NAME", help="Tells several checks apart.")
def check(environment_name: str, facts: Path, against: Path | None, release: str, source: str) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.orchestration import environment as use_case

    run = session()
    house = run.house()
    checked = use_case.check(house, environment_name, facts, against)
    lines = _lines(checked)
    if release:
        piece = use_case.add(house, release, checked, run.claim(), source)
        lines += ["", f"{good('✓')} added to {clean(release)} as evidence, for {clean(checked.environment)}"]
        lines.append(f"  report {piece.report[:19]}…: {clean(use_case.summary(checked))}")
    run.answer(_record(checked, release), lines)
    return 3 if checked.violations else 0


def _record(checked: Checked, release: str) -> dict[str, object]:
    return {
        "environment": checked.environment,
        "settings": checked.settings,
        "violations": checked.violations,
        "mirror_of": checked.mirror_of,
        "drift": checked.drift,
        "drifts": checked.drifts,
        "release": release,
    }


def _lines(checked: Checked) -> list[str]:
    from tidegate.cli.text import bad, clean, columns, good, strong, wrapped
    from tidegate.core.settings import Kind
    from tidegate.views.moments import counted

    where, number = clean(checked.environment), len(checked.violations)
    head = f"{counted(checked.settings, 'setting')} of {where}"
    if not number:
        lines = [f"{good('✓')} {head}: all as the policy says"]
    else:
        lines = [f"{bad('✗')} {head}: {number} not as the policy says"]
    for one in checked.violations:
        lines += [f"  {strong(clean(one.key))}"]
        said = "there is nothing" if one.kind is Kind.MISSING else f"there is {clean(one.found)}"
        lines += wrapped(f"expected {clean(one.expected)}; {said}", "    ")
    if checked.drift is not None:
        lines += ["", f"{strong('drift')} from {clean(checked.mirror_of)}: {checked.drifts} of {len(checked.drift)}"]
        lines += columns([(clean(one.key), one.state.value) for one in checked.drift], indent="  ")
    elif checked.mirror_of:
        lines += ["", f"not compared with {clean(checked.mirror_of)}, which it mirrors: --against FILE"]
    return lines


@command(
    "look",
    help="Ask every target of ENVIRONMENT what it runs and how the traffic is shared, and compare that with what is "
    "recorded.\n\n"
    "Somebody who deploys past Tidegate, a unit that does not answer, and a load balancer that has forgotten its "
    "weights are told. Changes nothing. Exits with 1 where something is not as recorded, or cannot be told.",
    examples=("tidegate environment look production", "tidegate environment look production --component billing"),
)
@click.argument("environment_name", metavar="ENVIRONMENT")
@click.option("--component", default="", metavar="NAME", help="Only this component's target.")
def look(environment_name: str, component: str) -> int:
    """The command."""
    from tidegate.views.look import look_at

    run = session()
    seen = look_at(run.house(), environment_name, component)
    as_recorded = all(one.is_as_recorded for one in seen)
    run.answer(
        {"environment": environment_name, "as_recorded": as_recorded, "targets": seen},
        [line for one in seen for line in _target_lines(one)],
    )
    return 0 if as_recorded else 1


def _target_lines(one: TargetSeen) -> list[str]:
    from tidegate.cli.text import bad, clean, columns, faint, good, strong, wrapped

    head = f"{good('✓') if one.is_as_recorded else bad('✗')} {strong(clean(one.component))} {clean(one.recorded)}"
    lines = [f"{head} in {clean(one.environment)}" + (f", {clean(one.under_way)} is under way" * bool(one.under_way))]
    words = {"yes": faint("healthy"), "no": bad("not healthy")}
    rows: list[tuple[str, ...]] = [
        (bad("✗") if part.wrong else good("✓"), clean(part.unit), clean(part.says), words.get(part.healthy, ""))
        for part in one.parts
    ]
    for row, part in zip(columns(rows, indent="  "), one.parts, strict=True):
        lines.append(row)
        if part.wrong:
            lines += wrapped(clean(part.wrong), "      ")
    if one.remedies:
        lines += wrapped(f"> {'; or '.join(map(clean, one.remedies))}", "    ", first="  ")
    return lines
