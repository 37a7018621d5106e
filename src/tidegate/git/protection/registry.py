"""Who can lock the branches of a remote, by its address. A new kind of place is a module and a line here."""

from __future__ import annotations

from tidegate.errors import UsageError
from tidegate.git.protection.contract import BranchProtection
from tidegate.git.protection.hook import HookProtection, reached_by_ssh
from tidegate.git.pushing import Remote


def protection_of(remote: Remote) -> BranchProtection:
    """What locks the branches of a remote: a hook, in a folder of this machine or over SSH.

    Raises:
        UsageError: this version cannot lock branches there.
    """
    if remote.is_path:
        return HookProtection(remote.name, str(remote.path))
    if reached := reached_by_ssh(remote.address):
        command, path = reached
        return HookProtection(remote.name, path, command)
    raise UsageError(
        f"this version cannot lock branches at {remote.name}: it sets a hook, and needs a path or an SSH address",
        remedy="protect the branch in the settings of that host, or give another address: --remote ADDRESS",
    )
