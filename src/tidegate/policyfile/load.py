"""From the bytes of a file to a policy by which one can decide, or to all that is wrong with it.

Mistakes are told in three rounds, since each round needs what the one before it has read: what is no YAML; what has
not the shape of a policy; what names something that is not there. Within a round, all are told at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from tidegate.core.canonical import digest
from tidegate.core.policy import Policy
from tidegate.core.rulebook import Rulebook, RulebookError, compile_policy, dotted, policy_of, resolved_of
from tidegate.errors import NotFoundError, PolicyError, UsageError
from tidegate.policyfile.mistakes import START, Mistake, Place, policy_error
from tidegate.policyfile.shape import empty_mistakes, language_mistake, shape_mistakes
from tidegate.policyfile.yaml import MAX_BYTES, Document, Scalar, plain_value, read_yaml, too_large
from tidegate.policyfile.yaml import Path as Keys

FILE_NAME = "tidegate.yaml"
"""What a policy file is called where nobody says otherwise."""

TargetCheck = Callable[[str, str, Mapping[str, object]], Iterable[tuple[Keys, str]]]
"""What the drivers say of a component's target in an environment: where in its settings, and what is wrong there."""

policy_from_resolved = policy_of


@dataclass(frozen=True, slots=True)
class LoadedPolicy:
    """A policy file that was read: the policy, its stored form with its digest, and where everything stands."""

    name: str
    policy: Policy
    rulebook: Rulebook
    resolved: bytes
    digest: str
    document: Document

    def where(self, path: Keys) -> str:
        """``file:line:column`` of the value at a path of keys and indices."""
        return f"{self.name}:{self.document.place(path)}"


def load_policy(source: Path | bytes, name: str = "", *, check_target: TargetCheck | None = None) -> LoadedPolicy:
    """The policy that a file holds; read once per content and name.

    Args:
        source: the file, or its bytes.
        name: what mistakes call the file; without it the path, or ``tidegate.yaml``.
        check_target: what the drivers say of a target's settings; without it they are not looked at.

    Raises:
        NotFoundError: there is no such file.
        UsageError: it cannot be read as a file.
        PolicyError: it is not a policy; ``mistakes`` holds all that was found, by place.
    """
    if isinstance(source, bytes):
        loaded = _load(source, name or FILE_NAME)
    else:
        shown_as = name or str(source)
        loaded = _load(_content(source, shown_as), shown_as)
    if check_target is not None:
        check_targets(loaded, check_target)
    return loaded


def check_targets(loaded: LoadedPolicy, check_target: TargetCheck) -> None:
    """Ask the drivers what they think of every target's settings.

    Raises:
        PolicyError: they refuse some.
    """
    mistakes = []
    for component, settings in loaded.policy.components.items():
        for environment, target in settings.targets.items():
            base: Keys = ("components", component, "targets", environment)
            for below, what in check_target(component, environment, target.model_dump()):
                path = (*base, *below)
                remedy = f"see the reference of the driver {target.driver}"
                mistakes.append(Mistake(_place_of(loaded.document, path), f"{dotted(path)}: {what}", remedy))
    if mistakes:
        raise policy_error(loaded.name, mistakes)


def _content(path: Path, name: str) -> bytes:
    try:
        if not path.is_file():
            if path.exists():
                raise UsageError("it is not a file", where=name, remedy="name the policy file itself")
            raise NotFoundError("there is no policy file", where=name, remedy="run `tidegate init`, or name the file")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise policy_error(name, [too_large(size)])
        with path.open("rb") as file:
            # It may grow while it is read: one byte more is enough to be refused.
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UsageError(f"it cannot be read: {reason}", where=name, remedy="check its permissions") from error


@lru_cache(maxsize=4)
def _load(content: bytes, name: str) -> LoadedPolicy:
    document = read_yaml(content, name)
    policy = _policy(document, name)
    resolved = resolved_of(policy)
    identity = digest(resolved)
    try:
        rulebook = compile_policy(policy, identity)
    except RulebookError as error:
        raise policy_error(name, [_in_file(document, mistake) for mistake in error.mistakes]) from error
    return LoadedPolicy(name, policy, rulebook, resolved, identity, document)


def _policy(document: Document, name: str) -> Policy:
    other = language_mistake(document)
    if other is not None:
        raise policy_error(name, [other])
    mistakes, more = [*document.mistakes, *empty_mistakes(document)], 0
    cause: ValidationError | None = None
    try:
        # By way of JSON, in which days are texts and lists are tuples, so that strictness is that of the file.
        policy = Policy.model_validate_json(json.dumps(plain_value(document.root)))
        if not mistakes:
            return policy
    except ValidationError as error:
        cause = error
        found, more = shape_mistakes(document, error)
        mistakes += found
    raise policy_error(name, mistakes, more) from cause


def _in_file(document: Document, mistake: RulebookError) -> Mistake:
    place = document.key_place(mistake.path) if mistake.at_key else _place_of(document, mistake.path)
    node = document.node(mistake.path)
    if isinstance(node, Scalar) and node.inside is not None and not mistake.at_key and mistake.offset:
        place = Place(place.line, node.inside + mistake.offset)
    return Mistake(place, mistake.what, mistake.remedy)


def _place_of(document: Document, path: Keys) -> Place:
    """Where a value stands; where it is left out, the key of the section that lacks it."""
    while path:
        if isinstance(document.node(path), Scalar):
            return document.place(path)
        if document.node(path) is not None:
            return document.key_place(path)
        path = path[:-1]
    return START


__all__ = [
    "FILE_NAME",
    "LoadedPolicy",
    "PolicyError",
    "TargetCheck",
    "check_targets",
    "load_policy",
    "policy_from_resolved",
]
