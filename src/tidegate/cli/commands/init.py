"""``tidegate init``."""

from __future__ import annotations

from tidegate.cli.framework import command, session

STARTER = """\
# yaml-language-server: $schema=./tidegate.schema.json
# How we release. What is missing permits nothing; every key is in docs/reference/policy.md.
tidegate: 1
organization: Example
timezone: Europe/Berlin

people:                                  # the public half of the SSH key with which each person signs
  alice: {name: Alice Example, email: alice@example.org, groups: [owners], keys: []}
  bob: {name: Bob Example, email: bob@example.org, groups: [owners], keys: []}

permits: {open: [owners], start: [owners], rollback: [owners], hold: [owners], adopt: [owners]}

components:
  service:
    path: .
    tag: "v{version}"
    owners: owners
    # targets: where it goes, by environment; see docs/drivers/host.md

release_types:
  major: {bump: major, notice: 30d, gates: [tests], approvals: [{from: $owners, count: 2}]}
  minor: {bump: minor, notice: 7d, gates: [tests], approvals: [{from: $owners}]}
  patch: {bump: patch, gates: [tests], approvals: [{from: $owners}]}

gates:
  tests: {evidence: junit, pass: "tests.total > 0 && tests.failed == 0"}

environments:
  staging: {purpose: staging}
  production:
    purpose: production
    after: [{environment: staging, soak: 24h}]
    windows: [{days: mon-thu, from: "09:00", to: "16:00"}]
    strategy: {rolling: {batch: 25%}}
"""


@command(
    "init",
    help="Write a small, commented tidegate.yaml to start from.\n\nAn existing file is never overwritten.",
    examples="tidegate init",
)
def init() -> int:
    """The command."""
    from tidegate.cli.text import good
    from tidegate.errors import ConflictError, StoreError

    run = session()
    path = run.directory / "tidegate.yaml"
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(STARTER)
    except FileExistsError as error:
        raise ConflictError(
            "there is a policy file already", where=str(path), remedy="edit it, or move it away first"
        ) from error
    except OSError as error:
        raise StoreError(
            f"it cannot be written: {error.strerror}", where=str(path), remedy="make it writable"
        ) from error
    lines = [
        f"{good('✓')} wrote {path.name}",
        "  1. put your people and their public keys into it",
        "  2. tidegate policy check",
        "  3. tidegate plan service",
    ]
    run.answer({"file": str(path)}, lines)
    return 0
