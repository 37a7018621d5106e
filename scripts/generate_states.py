"""Write docs/reference/states.md from the state tables: `python scripts/generate_states.py`."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any

from tidegate.core.change_request import CHANGE, ChangeState
from tidegate.core.effect import EFFECT, EffectState
from tidegate.core.joint_rollout import JOINT_ROLLOUT, JointState
from tidegate.core.machine import Machine
from tidegate.core.release import RELEASE, ReleaseState
from tidegate.core.rollout import ROLLOUT, RolloutState
from tidegate.core.train_run import TRAIN_RUN, RunState

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "states.md"

HEAD = """# States

Releases, rollouts, joint rollouts, effects, runs of trains and change requests live by tables: state, event, next
state. An event that a table does not list is refused with exit code 6, and nothing has changed. This page is made from
those tables by `scripts/generate_states.py`.
"""

SECTIONS: tuple[tuple[str, str, Machine[Any, Any], type[StrEnum]], ...] = (
    ("Release", "src/tidegate/core/release.py", RELEASE, ReleaseState),
    ("Rollout", "src/tidegate/core/rollout.py", ROLLOUT, RolloutState),
    ("Joint rollout", "src/tidegate/core/joint_rollout.py", JOINT_ROLLOUT, JointState),
    ("Effect", "src/tidegate/core/effect.py", EFFECT, EffectState),
    ("Train run", "src/tidegate/core/train_run.py", TRAIN_RUN, RunState),
    ("Change request", "src/tidegate/core/change_request.py", CHANGE, ChangeState),
)


def explained(states: type[StrEnum]) -> Mapping[str, str]:
    """What the source says of each state: in the docstring of the class, or below each member."""
    found = dict(_in_docstring(states)) or dict(_below_members(states))
    missing = [state.value for state in states if state.value not in found]
    if missing:
        raise SystemExit(f"{states.__name__} does not explain {', '.join(missing)}")
    return found


def _in_docstring(states: type[StrEnum]) -> Iterator[tuple[str, str]]:
    told = inspect.cleandoc(states.__doc__ or "")
    for name, text in re.findall(r"^(\w+)\n((?:    .+\n?)+)", told, re.MULTILINE):
        yield name, " ".join(text.split())


def _below_members(states: type[StrEnum]) -> Iterator[tuple[str, str]]:
    members = next(n for n in ast.walk(ast.parse(inspect.getsource(states))) if isinstance(n, ast.ClassDef)).body
    for member, told in pairwise(members):
        match member, told:
            case (
                ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield states[name].value, " ".join(text.split())


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(_section(*section) for section in SECTIONS)])


def _section(title: str, source: str, machine: Machine[Any, Any], states: type[StrEnum]) -> str:
    rows = [f"| `{name}` | {text} |" for name, text in _rows(machine, states)]
    return "\n".join(
        [
            f"## {title}",
            "",
            f"From `{source}`.",
            "",
            "```mermaid",
            machine.diagram().rstrip(),
            "```",
            "",
            "| state | what it is |",
            "| --- | --- |",
            *rows,
            "",
        ]
    )


def _rows(machine: Machine[Any, Any], states: type[StrEnum]) -> Iterator[tuple[str, str]]:
    told = explained(states)
    for state in machine.table:
        yield state.value, told[state.value].replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
