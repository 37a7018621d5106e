"""What an explanation is made of: topics of paragraphs of sentences, and the data of three pictures. Values only.

A sentence may hold names of the policy file between backticks; whoever renders it may set them apart. Every text that
stands here can be a stranger's: it is cleaned or escaped by whoever renders it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells below their heads."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a list: what is said; before it what it is said of, and how the file calls that."""

    text: str
    name: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Sentences, then perhaps a list, a table, or a text that is quoted with its line breaks."""

    sentences: tuple[str, ...] = ()
    items: tuple[Item, ...] = ()
    ordered: bool = False
    table: Table | None = None
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Topic:
    """One subject. ``not_yet`` says in one sentence what of it Tidegate does not act on yet; empty: it acts on all."""

    id: str
    title: str
    key: str = ""
    paragraphs: tuple[Paragraph, ...] = ()
    topics: tuple[Topic, ...] = ()
    not_yet: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing."""
        return not self.paragraphs and not self.topics


@dataclass(frozen=True, slots=True)
class Leg:
    """Where a release must have been before, and for how long; ``soak`` is empty where no time is asked for."""

    environment: str
    title: str
    soak: str


@dataclass(frozen=True, slots=True)
class Stop:
    """One environment on the way."""

    environment: str
    title: str
    purpose: str
    after: tuple[Leg, ...]
    gates: tuple[str, ...]
    approvals: tuple[str, ...]
    opens: str
    strategy: str


@dataclass(frozen=True, slots=True)
class Road:
    """The way of a release through the environments."""

    stops: tuple[Stop, ...]


@dataclass(frozen=True, slots=True)
class Happening:
    """Something at a moment: a ``message``, a ``milestone``, a ``notice``, a ``task`` or a ``review``."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment counted from the release, and what is then; negative seconds are before it."""

    seconds: float
    label: str
    happenings: tuple[Happening, ...]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some time before or after the release: a ``freeze`` or a ``watch``."""

    kind: str
    first: float
    last: float
    text: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """What happens around a release, in the order of time."""

    moments: tuple[Moment, ...]
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """The level of one impact and one probability; ``undecided``: nobody has said, and the higher of both holds."""

    impact: str
    probability: str
    level: str
    undecided: bool


@dataclass(frozen=True, slots=True)
class Matrix:
    """The risk matrix: a row for each impact, the highest first, a column for each probability, the lowest first."""

    levels: tuple[str, ...]
    probabilities: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A policy, or a part of it, in plain sentences."""

    organization: str
    title: str
    file: str
    timezone: str
    rehearsal: str
    type: str
    environment: str
    topics: tuple[Topic, ...]
    road: Road | None
    timeline: Timeline | None
    matrix: Matrix | None


def paragraph(*sentences: str) -> Paragraph | None:
    """The sentences that say something; None where none does."""
    kept = tuple(sentence for sentence in sentences if sentence)
    return Paragraph(kept) if kept else None


def listing(lead: str, items: Iterable[Item | str], *, ordered: bool = False) -> Paragraph | None:
    """A list with the sentence that leads to it; None where the list is empty."""
    made = tuple(item if isinstance(item, Item) else Item(item) for item in items)
    return Paragraph((lead,) if lead else (), made, ordered) if made else None


def tabled(lead: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Paragraph | None:
    """A table with the sentence that leads to it, without the columns that are empty; None where it has no rows."""
    made = tuple(rows)
    if not made:
        return None
    kept = [i for i in range(len(head)) if any(row[i] for row in made)]
    slim = Table(tuple(head[i] for i in kept), tuple(tuple(row[i] for i in kept) for row in made))
    return Paragraph((lead,) if lead else (), table=slim)


def topic(
    id: str,  # noqa: A002  the word of HTML
    title: str,
    paragraphs: Iterable[Paragraph | None],
    *,
    topics: Iterable[Topic] = (),
    key: str = "",
    not_yet: str = "",
) -> Topic:
    """A topic of what says something."""
    said = tuple(p for p in paragraphs if p is not None)
    return Topic(id, title, key, said, tuple(t for t in topics if not t.is_empty), not_yet)
