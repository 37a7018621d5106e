"""The sources of reports that nobody named: what keeps several of one kind from hiding each other.

The newest piece of a kind and source counts. Two reports of one kind that are added together are two things to know, so
each gets a source of its own from the name of its file, with as many of its folders as it takes to tell them apart.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

LONGEST = 100
_OTHER = re.compile(r"[^A-Za-z0-9._+-]+")


def distinct_sources(kind: str, files: Sequence[Sequence[str]]) -> list[str]:
    """A source for each report of ``kind``: the kind's own name for a single one.

    Args:
        files: the parts of each file's path, the name last.

    Returns:
        As many as there are files; empty for those whose names do not tell them apart, such as one that is there twice.
    """
    if len(files) == 1:
        return [kind]
    names: list[str] = []
    for depth in range(1, max(map(len, files), default=0) + 1):
        names = [_name(parts[-depth:]) for parts in files]
        if len(set(names)) == len(names) and all(names):
            return names
    often = Counter(names)
    return [name if often[name] == 1 else "" for name in names]


def _name(parts: Sequence[str]) -> str:
    """``("unit", "junit.xml")`` as ``unit-junit``: what may stand in a path and an argument."""
    *folders, file = parts
    stem = file.rpartition(".")[0].lstrip(".") or file
    return _OTHER.sub("-", "-".join([*folders, stem])).strip("-.+_")[-LONGEST:].lstrip("-.+_")
