"""Who reviewed a commit, as its trailers claim: ``Reviewed-by: Name <mail>`` in the last paragraph of its message.

Whoever can commit can write such a line. It is a claim of the committer and no signature of the reviewer.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from tidegate.core.change import Commit, Person
from tidegate.core.commit import changes_of

_REVIEWED = re.compile(r"^reviewed-by:([^<>\n]{0,200})<([^<>\s]{1,254})>[ \t]*$", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A commit with who wrote it and who is said to have reviewed it: people of the policy by their ids.

    ``others`` are the addresses of reviewers that belong to nobody, or to several people.
    """

    sha: str
    authors: tuple[str, ...]
    reviewers: tuple[str, ...]
    others: tuple[str, ...] = ()


def reviewed(commit: Commit, people: Mapping[str, str], disabled: Collection[str] = ()) -> Reviewed:
    """Who reviewed a commit.

    Args:
        people: the one person to whom a mail address belongs, in lower case.
        disabled: people who review nothing any more.
    """
    authors = {person.email.lower() for change in changes_of(commit) for person in change.authors}
    authors |= {commit.author.email.lower()}
    wrote = {people.get(mail, mail) for mail in authors}
    claimed = {person.email.lower() for person in _claimed(commit.message)}
    known = {people[mail] for mail in claimed if mail in people}
    return Reviewed(
        commit.sha,
        tuple(sorted(wrote)),
        tuple(sorted(known - wrote - set(disabled))),
        tuple(sorted(claimed - people.keys())),
    )


def _claimed(message: str) -> Iterable[Person]:
    body = message.replace("\r\n", "\n").rstrip()
    _, blank, last = body.rpartition("\n\n")
    return [Person(name.strip(), mail) for name, mail in _REVIEWED.findall(last)] if blank else []


def owners(mails: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The one person to whom each address belongs; one of several people is nobody's.

    Args:
        mails: person and address.
    """
    found: dict[str, set[str]] = {}
    for person, mail in mails:
        found.setdefault(mail.lower(), set()).add(person)
    return {mail: next(iter(people)) for mail, people in found.items() if len(people) == 1}
