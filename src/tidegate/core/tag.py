"""What was tagged, and how it stands: the record of a tag held against what Git has under its name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class TagRecord:
    """A tag as Tidegate set it: ``object`` is the tag object's name, ``commit`` what it leads to.

    ``content`` is the digest of the tag object's bytes, empty where the tag names the commit itself. ``release`` is the
    release of that component and version, empty where there was none.
    """

    component: str
    version: str
    name: str
    object: str
    commit: str
    release: str
    at: datetime
    by: str
    content: str = ""


@dataclass(frozen=True, slots=True)
class SeenTag:
    """A tag as it is found: the object that it names, and the commit that this leads to."""

    object: str
    commit: str


class Standing(StrEnum):
    """How a tag stands against what was recorded, or a remote's against the one here."""

    SAME = "same"
    DELETED = "deleted"
    MOVED = "moved"
    REWRITTEN = "rewritten"
    ABSENT = "absent"
    """A remote does not have it; nobody may have pushed it yet."""
    DIFFERENT = "different"
    """A remote has another one than is here."""


BAD = frozenset({Standing.DELETED, Standing.MOVED, Standing.REWRITTEN, Standing.DIFFERENT})


@dataclass(frozen=True, slots=True)
class TagFinding:
    """How one tag stands: what it was, what it is, and what to do."""

    component: str
    version: str
    name: str
    where: str
    standing: Standing
    was: str
    now: str
    remedy: str = ""

    @property
    def is_bad(self) -> bool:
        """Whether somebody must look at it."""
        return self.standing in BAD


def hold_against(record: TagRecord, seen: SeenTag | None, where: str) -> TagFinding:
    """A recorded tag against what is found under its name in a place: ``here``, or a remote."""
    elsewhere = where != "here"
    if seen is None:
        standing = Standing.ABSENT if elsewhere else Standing.DELETED
    elif seen.commit != record.commit:
        standing = Standing.MOVED
    else:
        standing = Standing.SAME if seen.object == record.object else Standing.REWRITTEN
    now = _shown(seen)
    remedy = _remedy(standing, record, where)
    was = f"{record.object[:12]} at commit {record.commit[:12]}"
    return TagFinding(record.component, record.version, record.name, where, standing, was, now, remedy)


def hold_against_here(
    component: str, version: str, name: str, here: SeenTag, there: SeenTag | None, where: str
) -> TagFinding:
    """A tag that nobody recorded, here against a remote."""
    standing = Standing.ABSENT if there is None else Standing.SAME if there == here else Standing.DIFFERENT
    remedy = (
        f"find out which of the two is meant; fetch the remote's with: git fetch {where} "
        f"+refs/tags/{name}:refs/tags/{name}"
        if standing is Standing.DIFFERENT
        else ""
    )
    return TagFinding(component, version, name, where, standing, _shown(here), _shown(there), remedy)


def _shown(seen: SeenTag | None) -> str:
    return f"{seen.object[:12]} at commit {seen.commit[:12]}" if seen else "not there"


def _remedy(standing: Standing, record: TagRecord, where: str) -> str:
    again = f"tidegate tag set {record.component} {record.version} --at {record.commit[:12]}"
    match standing:
        case Standing.DELETED:
            return f"set it again, as it was: {again}"
        case Standing.MOVED | Standing.REWRITTEN if where == "here":
            return f"find out who moved it; then: git tag -d {record.name} && {again}"
        case Standing.MOVED | Standing.REWRITTEN:
            return f"find out who pushed it; deploy nothing from it until the tag at {where} is as it was"
        case Standing.ABSENT:
            return f"if it is to be there: {again} --push --remote {where}"
        case _:
            return ""
