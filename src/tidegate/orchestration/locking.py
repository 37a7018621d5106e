"""Lock and unlock branches where they are pushed to."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.clock import to_text
from tidegate.core.branch import checked_name
from tidegate.core.statement import Act
from tidegate.errors import RepositoryError, UsageError
from tidegate.git.protection.contract import BranchProtection, Lock
from tidegate.git.protection.registry import protection_of
from tidegate.git.pushing import find_remote
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim
from tidegate.orchestration.refusal import refusals
from tidegate.orchestration.scene import Scene, Work, carry_out, open_scene, prove_work

ORIGIN = "origin"


@dataclass(frozen=True, slots=True)
class Locked:
    """The locks of a remote, after what was asked."""

    remote: str
    branch: str
    locks: tuple[Lock, ...]


def lock(house: House, branch: str, claim: Claim, remote: str = ORIGIN) -> Locked:
    """Lock a branch at a remote: nobody pushes to it until it is unlocked.

    Raises:
        NotPermittedError: the policy does not let this person stop the line.
        ConflictError: something else is in the way there.
        RepositoryError: it cannot be set there, or nobody can tell.
    """
    return _change(house, branch, claim, remote, Act.LOCK_BRANCH)


def unlock(house: House, branch: str, claim: Claim, remote: str = ORIGIN) -> Locked:
    """Unlock a branch at a remote; raises as :func:`lock`."""
    return _change(house, branch, claim, remote, Act.UNLOCK_BRANCH)


def locks(house: House, remote: str = ORIGIN) -> Locked:
    """The branches that are locked at a remote.

    Raises:
        RepositoryError: it does not answer.
    """
    scene = open_scene(house)
    place = find_remote(scene.repository, remote)
    return Locked(place.name, "", protection_of(place).locks())


def _change(house: House, branch: str, claim: Claim, remote: str, act: Act) -> Locked:
    with refusals(house, "branch", claim.person, branch=branch[:200]):
        scene = open_scene(house)
        place = find_remote(scene.repository, remote or ORIGIN)
        protection = protection_of(place)
        concerns = {"reason": f"{checked_name(branch)} at {place.name}"}
        if not concerns["reason"].isprintable():
            raise UsageError("a branch that is locked has a printable name", remedy="rename it")
        proven = prove_work(scene, claim, act, "hold", **concerns)
        before = _is_locked(protection, branch)
        kind = "branch.locked" if act is Act.LOCK_BRANCH else "branch.unlocked"
        work = Work(
            act=act,
            permit="hold",
            concerns=concerns,
            kind=kind,
            data={"branch": branch, "remote": place.name},
            write=lambda _: _write(scene, protection, branch, claim.person, locked=act is Act.LOCK_BRANCH),
            undo=lambda: _write(scene, protection, branch, claim.person, locked=before),
        )
        carry_out(house, proven, work, far=True)
        return Locked(place.name, branch, protection.locks())


def _is_locked(protection: BranchProtection, branch: str) -> bool:
    """Whether it is locked; what cannot tell holds nothing back, and locking is what mends it."""
    try:
        return any(known.branch == branch for known in protection.locks())
    except RepositoryError:
        return False


def _write(scene: Scene, protection: BranchProtection, branch: str, by: str, *, locked: bool) -> None:
    if locked:
        protection.lock(branch, by, to_text(scene.house.now()))
    else:
        protection.unlock(branch)
