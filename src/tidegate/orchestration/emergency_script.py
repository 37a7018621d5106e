"""The emergency script: one command that goes back when nothing else is left but this machine, a key, and the units.

It lies beside the way back, and runs ``tidegate rollback --break-glass`` with it: no database is opened. Everything in
it was checked to be a name when the rollout was begun, and is quoted all the same.

Source: HD-06.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from tidegate.core.effect import Package, check_name


def path_beside(document: Path) -> Path:
    """Where the script lies of the way back at ``document``."""
    return document.with_suffix(".sh")


def script_of(component: str, environment: str, rollout: str, target: Package | None) -> bytes:
    """The script that goes back from ``rollout``.

    Raises:
        UsageError: something in it is no name, and could become something else in a shell.
    """
    for what, value in (("component", component), ("environment", environment), ("rollout", rollout)):
        check_name(value, what)
    words = {"component": shlex.quote(component), "environment": shlex.quote(environment)}
    python = shlex.quote(sys.executable)
    lines = [
        "#!/bin/sh",
        f"# Takes {component} in {environment} back to {target.version if target else 'absent'}, without Tidegate's",
        f"# database. Written when {rollout} began; the way back lies beside it, and on every unit.",
        "#",
        f"#     sh {component}.sh --reason TEXT --as PERSON --key PATH",
        "#",
        "# TIDEGATE may name the command; else it is the one that is found, or the one that wrote this.",
        "set -eu",
        'here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)',
        f"set -- rollback now {words['component']} {words['environment']} --break-glass \\",
        f'    --file "$here"/{words["component"]}.json --journal "$here"/../../break-glass.journal "$@"',
        'if [ -n "${TIDEGATE:-}" ]; then',
        '    exec "$TIDEGATE" "$@"',
        "fi",
        "if command -v tidegate >/dev/null 2>&1; then",
        '    exec tidegate "$@"',
        "fi",
        f'exec {python} -m tidegate "$@"',
        "",
    ]
    return "\n".join(lines).encode()
