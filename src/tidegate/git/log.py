"""What ``git log`` answers, taken apart.

Every message is a stranger's: fields are told apart by NUL, which none can hold, and by their number.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from tidegate.core.change import Commit, Person
from tidegate.git.moved import Move

LOG_FORMAT = "%x00%H%x00%P%x00%an%x00%ae%x00%cn%x00%ce%x00%ct%x00%at%x00%B"
_LOG_FIELDS = 9


class Log(NamedTuple):
    """Commits of a range, children before parents, and the parents of *all* its commits, chosen or not.

    ``touched`` has the paths that each commit changes against its first parent, where they were asked for; ``moves``
    those commits that add files and take others away.
    """

    commits: tuple[Commit, ...]
    parents: Mapping[str, tuple[str, ...]]
    touched: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    moves: Mapping[str, Move] = MappingProxyType({})


def read_log(pieces: Iterable[bytes]) -> Log:
    """Take the answer of ``git log -z`` in :data:`LOG_FORMAT` apart, which may come in pieces."""
    commits = _read_commits(pieces)
    return Log(tuple(commits), {commit.sha: commit.parents for commit in commits})


def read_named_log(output: bytes) -> Log:
    """Take the answer of ``git log -z --name-status`` apart.

    Each record begins with an empty token: no path and no status is empty, and the number of fields before them is
    fixed, so that no message can pretend to be the next record.
    """
    tokens = output.split(b"\0")
    fields: list[bytes] = []
    changed: list[Sequence[bytes]] = []
    position = 0
    while position + _LOG_FIELDS < len(tokens):
        start = position + 1 + _LOG_FIELDS
        end = _end_of_paths(tokens, start)
        fields += tokens[position:start]
        changed.append(tokens[start:end])
        position = end
    commits = tuple(_read_commits([b"\0".join(fields)]))
    touched: dict[str, tuple[str, ...]] = {}
    moves: dict[str, Move] = {}
    for commit, pairs in zip(commits, changed, strict=True):
        touched[commit.sha] = names = tuple(map(os.fsdecode, pairs[1::2]))
        # Git puts one line end before the first status of a record.
        states = [state[-1:] for state in pairs[::2]]
        if b"A" in states and b"D" in states:
            moves[commit.sha] = Move(_of(names, states, b"A"), _of(names, states, b"D"))
    return Log(commits, {commit.sha: commit.parents for commit in commits}, touched, moves)


def read_raw(tokens: Sequence[str]) -> dict[str, dict[str, tuple[str, str]]]:
    """Take ``git log -z --raw --format=%x00%H`` apart: an empty token, the commit, then a description for each path."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    changed: dict[str, tuple[str, str]] = {}
    words = iter(tokens)
    for token in words:
        if not token:
            changed = found.setdefault(next(words, ""), {})
        else:
            mode, new_mode, old, new, _ = token.lstrip("\n:").split(" ", 4)
            changed[next(words)] = (f"{mode} {old}", f"{new_mode} {new}")
    return found


def _of(names: Sequence[str], states: Sequence[bytes], wanted: bytes) -> tuple[str, ...]:
    return tuple(name for name, state in zip(names, states, strict=True) if state == wanted)


def _end_of_paths(tokens: Sequence[bytes], start: int) -> int:
    end = start
    while end < len(tokens) and tokens[end]:
        end += 1
    return end


def _read_commits(pieces: Iterable[bytes]) -> list[Commit]:
    """Records without paths: every field stands at a fixed distance from the one before, so columns are cut out."""
    people = _People()
    commits: list[Commit] = []
    for tokens in _whole_records(pieces):
        columns = (tokens[number :: _LOG_FIELDS + 1] for number in range(1, _LOG_FIELDS + 1))
        for sha, parents, name, address, committer, committer_email, time, authored, message in zip(
            *columns, strict=True
        ):
            wrote, put = people[name, address], people[committer, committer_email]
            at = seconds(time)
            # Most commits are committed in the second in which they are written.
            written = at if authored == time else seconds(authored)
            commits.append(Commit(sha, tuple(parents.split()), wrote, put, at, message, written))
    return commits


class _People(dict[tuple[str, str], Person]):
    """Each person of a log once: a long history has many commits and few people."""

    def __missing__(self, key: tuple[str, str]) -> Person:
        return self.setdefault(key, Person(*key))


def _whole_records(pieces: Iterable[bytes]) -> Iterator[list[str]]:
    """The fields of as many whole records as each piece completes, each record led by an empty one."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    for piece in pieces:
        tokens = _text(rest + decoder.decode(piece)).split("\0")
        # The last token may go on in the next piece, and the record that it belongs to is not whole.
        whole = (len(tokens) - 1) // (_LOG_FIELDS + 1) * (_LOG_FIELDS + 1)
        rest = "\0".join(tokens[whole:])
        if whole:
            yield tokens[:whole]
    tokens = _text(rest + decoder.decode(b"", final=True)).split("\0")
    if len(tokens) > _LOG_FIELDS:
        yield tokens[: _LOG_FIELDS + 1]


def _text(fields: str) -> str:
    """Fields without the mark that some editors put before the first letter: it is no part of a title."""
    return fields.replace("\0\ufeff", "\0")


def seconds(text: str) -> int:
    """A time as Git tells it; 0 where it is none."""
    return int(text) if text.lstrip("-").isdigit() else 0
