"""From the bytes of a file of a release's scope to the scope, or to all that is wrong with it, as for a policy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from tidegate.core.policy import Policy
from tidegate.core.scope import FORMAT, ScopeFile, unknown_people, unplanned
from tidegate.errors import NotFoundError, UsageError
from tidegate.policyfile.mistakes import Mistake, did_you_mean, policy_error, shown
from tidegate.policyfile.shape import empty_mistakes, shape_mistakes
from tidegate.policyfile.shorthand import listed, spelled_out
from tidegate.policyfile.yaml import MAX_BYTES, Document, Scalar, plain_value, read_yaml

_BEGIN = f"begin with `tidegate-scope: {FORMAT}`"


def load_scope(path: Path, name: str, policy: Policy) -> ScopeFile:
    """The scope that a file says; ``name`` is what mistakes call it.

    Raises:
        NotFoundError: there is no such file.
        UsageError: it cannot be read as a file.
        PolicyError: it is no scope, or names people whom the policy does not know; all in ``mistakes``, by place.
    """
    document = read_yaml(_content(path, name), name, _BEGIN)
    version = document.node(("tidegate-scope",))
    if isinstance(version, Scalar) and isinstance(version.value, bool):  # which Python takes for the number 1
        raise policy_error(name, [Mistake(version.place, "the language of scopes has no such version", _BEGIN)])
    mistakes, more = [*document.mistakes, *empty_mistakes(document)], 0
    cause: ValidationError | None = None
    try:
        plain = spelled_out(listed(plain_value(document.root), ScopeFile, frozenset()), ScopeFile)
        scope = ScopeFile.model_validate_json(json.dumps(plain))
        mistakes += _of_content(document, scope, policy)
        if not mistakes:
            return scope
    except ValidationError as error:
        cause = error
        found, more = shape_mistakes(document, error, ScopeFile)
        mistakes += found
    raise policy_error(name, mistakes, more) from cause


def _of_content(document: Document, scope: ScopeFile, policy: Policy) -> Iterator[Mistake]:
    for name in unplanned(scope):
        remedy = "say how many days of work are left: days: 3; or that it is done: state: done"
        yield Mistake(document.place(("features", name)), f"{name} is open, and says no days of work", remedy)
    known = {*policy.people, *(group for person in policy.people.values() for group in person.groups)}
    for name, number, who in unknown_people(scope, known) if known else ():
        what = f"the policy knows no person or group {shown(who)}{did_you_mean(who, known)}"
        place = ("features", name, "by", number)
        there = place if document.node(place) is not None else place[:-1]
        yield Mistake(document.place(there), what, "name a person or a group of the policy")


def _content(path: Path, name: str) -> bytes:
    try:
        if not path.is_file():
            if path.exists():
                raise UsageError("it is not a file", where=name, remedy="name the file of the scope")
            raise NotFoundError("there is no such file", where=name, remedy="write it, or name another one")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UsageError(f"it cannot be read: {reason}", where=name, remedy="check its permissions") from error
    if len(content) > MAX_BYTES:
        raise UsageError(f"the file has more than {MAX_BYTES:,} bytes", where=name, remedy="name the file of the scope")
    return content
