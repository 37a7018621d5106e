"""From the bytes of a file to a policy by which one can decide, or to all that is wrong with it.

Mistakes are told in three rounds, since each round needs what the one before it has read: what is no YAML; what has
not the shape of a policy; what names something that is not there. Within a round, all are told at once.
"""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from pydantic import ValidationError

from tidegate.core.canonical import digest
from tidegate.core.policy import Policy
from tidegate.core.rulebook import Rulebook, RulebookError, compile_what_can_be, dotted, policy_of, resolved_of
from tidegate.errors import PolicyError, UsageError
from tidegate.policyfile import known
from tidegate.policyfile.cache import cache_directory
from tidegate.policyfile.extending import Layer, Source, Unpinned, content_of, laid, layers_of, unpinned
from tidegate.policyfile.known import Known
from tidegate.policyfile.layers import merged
from tidegate.policyfile.mistakes import START, Mistake, Place, policy_error
from tidegate.policyfile.presets import PRESETS, SCHEME, Presets
from tidegate.policyfile.shape import empty_mistakes, shape_mistakes
from tidegate.policyfile.shorthand import spelled_out, with_purposes
from tidegate.policyfile.tree import Document, Scalar, places_of, plain_value
from tidegate.policyfile.tree import Mapping as Keyed
from tidegate.policyfile.tree import Path as Keys

FILE_NAME = "tidegate.yaml"
"""What a policy file is called where nobody says otherwise."""

TargetCheck = Callable[[str, str, Mapping[str, object]], Iterable[tuple[Keys, str]]]
"""What the drivers say of a component's target in an environment: where in its settings, and what is wrong there."""

policy_from_resolved = policy_of


@dataclass(frozen=True)
class LoadedPolicy:
    """A policy file that was read with all that it builds on: the policy, its stored form, where everything stands.

    The last of the ``layers`` is the file itself.
    """

    name: str
    policy: Policy
    rulebook: Rulebook
    resolved: bytes
    digest: str
    layers: tuple[Layer, ...]

    @cached_property
    def document(self) -> Document:
        """The tree of all layers laid on one another: where everything stands."""
        return _laid(self.layers)

    @property
    def files(self) -> tuple[str, ...]:
        """What the policy is made of, in the order in which it was laid: the deepest base first, the file last."""
        return tuple(layer.name for layer in self.layers)

    @property
    def base(self) -> Policy | None:
        """The policy that the file builds on; None: it builds on nothing, or on what is no policy by itself."""
        return _base(self.layers[:-1], self.document)

    @cached_property
    def bases(self) -> tuple[Policy, ...]:
        """What each file of the policy is laid on, as policies: presets, and what other files make of them.

        What is no policy by itself is left out; what every policy needs may stand in a later file.
        """
        laid_on = [n for n, layer in enumerate(self.layers) if n and not layer.name.startswith(SCHEME)]
        found = (_base(self.layers[:number], self.document) for number in laid_on)
        return tuple(policy for policy in found if policy is not None)

    @property
    def unpinned(self) -> tuple[Unpinned, ...]:
        """Where a preset is named without its version, so that a new Tidegate may change the policy."""
        return unpinned(self.layers)

    def where(self, path: Keys) -> str:
        """``file:line:column`` of the value at a path of keys and indices, or of as much of it as there is."""
        file, line, column = self.place(path)
        return f"{file}:{line}:{column}"

    def place(self, path: Keys) -> tuple[str, int, int]:
        """File, line and column of the value at a path, or of as much of it as there is."""
        found = self.document.place(path)
        return found.file or self.name, found.line, found.column

    def locate(self, path: Keys, *, at_key: bool = False) -> tuple[str, int, int]:
        """As :meth:`place`, but at the key where that is what is meant, or where the value is no single one."""
        single = isinstance(self.document.node(path), Scalar)
        found = self.document.place(path) if single and not at_key else _place_of(self.document, path)
        return found.file or self.name, found.line, found.column

    def says(self, path: Keys) -> bool:
        """Whether any layer says something at or below a path."""
        return self.document.node(path) is not None

    def layer_of(self, path: Keys) -> int | None:
        """The index in ``files`` of the highest layer that says anything at or below a path; None: none does."""
        node = self.document.node(path)
        if node is None:
            return None
        files = {place.file for place in places_of(node)} | {self.document.key_place(path).file}
        return max(self.files.index(file) for file in files)


def load_policy(
    source: Path | bytes, name: str = "", *, check_target: TargetCheck | None = None, presets: Presets = PRESETS
) -> LoadedPolicy:
    """The policy that a file holds, laid on what it builds on; read once per content and name.

    Args:
        source: the file, or its bytes; from bytes, it can build on presets alone.
        name: what mistakes call the file; without it the path, or ``tidegate.yaml``.
        check_target: what the drivers say of a target's settings; without it they are not looked at.
        presets: those that ``preset:NAME@VERSION`` means.

    Raises:
        NotFoundError: there is no such file.
        UsageError: it cannot be read as a file.
        PolicyError: it is not a policy; ``mistakes`` holds all that was found, by place.
    """
    with _uncollected():
        loaded = _load(layers_of(_source(source, name), presets))
    if check_target is not None:
        check_targets(loaded, check_target)
    return loaded


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector away while a tree grows: it would walk it again and again, and there is no garbage."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _source(source: Path | bytes, name: str) -> Source:
    if isinstance(source, bytes):
        return Source(name or FILE_NAME, source, "")
    shown_as = name or str(source)
    _hold_inside(source, shown_as)
    return Source(shown_as, content_of(source, shown_as), os.path.realpath(source), source.parent)


def _hold_inside(source: Path, shown_as: str) -> None:
    """Refuse a link out of the file's own directory: what is said of mistakes would show what is in the other file.

    Links that stay below it are followed: mounted configuration is made of them.
    """
    # Not Path.is_symlink: it raises where a name is too long, and content_of says that better.
    if os.path.islink(source) and not Path(os.path.realpath(source)).is_relative_to(os.path.realpath(source.parent)):  # noqa: PTH114
        raise UsageError(
            "it is a link to a file outside its directory",
            where=shown_as,
            remedy="put the policy file itself there, or name the file that the link leads to",
        )


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
                unknown = below == ("driver",)
                remedy = "name one that there is" if unknown else f"see the reference of the driver {target.driver}"
                mistakes.append(
                    Mistake(_place_of(loaded.document, path), f"{dotted(path)}: {what}", remedy, rule="target")
                )
    if mistakes:
        raise policy_error(loaded.name, mistakes)


def look_into(
    source: Path | bytes, name: str = "", *, check_target: TargetCheck | None = None, presets: Presets = PRESETS
) -> tuple[LoadedPolicy, tuple[PolicyError, ...]]:
    """As :func:`load_policy`, but what names nothing that is there is told beside the policy, not in its place.

    The policy's rulebook is then good for looking at, and never for deciding.
    """
    loaded, mistakes = _looked_into(layers_of(_source(source, name), presets))
    found = list(mistakes)
    if check_target is not None:
        try:
            check_targets(loaded, check_target)
        except PolicyError as error:
            found += error.mistakes
    return loaded, tuple(found)


def _load(layers: tuple[Layer, ...]) -> LoadedPolicy:
    loaded, mistakes = _looked_into(layers)
    if mistakes:
        first = mistakes[0]
        raise PolicyError(first.what, remedy=first.remedy, where=first.where, rule=first.rule, mistakes=mistakes)
    return loaded


@lru_cache(maxsize=4)
def _looked_into(layers: tuple[Layer, ...]) -> tuple[LoadedPolicy, tuple[PolicyError, ...]]:
    name = layers[-1].name
    policy, resolved = _read_before(layers) or _read_now(layers)
    identity = digest(resolved)
    rulebook, lost = compile_what_can_be(policy, identity)
    loaded = LoadedPolicy(name, policy, rulebook, resolved, identity, layers)
    if not lost:
        return loaded, ()
    return loaded, policy_error(name, [_in_file(loaded.document, mistake) for mistake in lost]).mistakes


def _read_before(layers: tuple[Layer, ...]) -> tuple[Policy, bytes] | None:
    """The policy and its stored form, as an earlier process has made them; None: none has."""
    found = known.find(cache_directory(), layers)
    if found is None:
        return None
    try:
        return Policy.model_validate_json(found.document), found.resolved
    except ValidationError:
        return None


def _read_now(layers: tuple[Layer, ...]) -> tuple[Policy, bytes]:
    """The policy and its stored form, kept for later processes."""
    document = _laid(layers)
    form = _long_form(document)
    policy = _policy(layers, document, form)
    resolved = resolved_of(policy)
    known.keep(cache_directory(), layers, Known(form, resolved))
    return policy, resolved


_laid = lru_cache(maxsize=4)(laid)


def _policy(layers: tuple[Layer, ...], document: Document, form: bytes) -> Policy:
    # By file: what a layer leaves empty is a mistake, whatever is laid on it.
    mistakes, more = [*document.mistakes, *(m for layer in layers for m in empty_mistakes(layer.document))], 0
    cause: ValidationError | None = None
    try:
        policy = Policy.model_validate_json(form)
        if not mistakes:
            return policy
    except ValidationError as error:
        cause = error
        found, more = shape_mistakes(document, error)
        mistakes += found
    raise policy_error(layers[-1].name, mistakes, more) from cause


def _base(layers: tuple[Layer, ...], whole: Document) -> Policy | None:
    """The policy that the layers are by themselves, with what every policy needs taken from the whole one."""
    if not layers:
        return None
    root = laid(layers).root
    needed = {key: node for key in _NEEDED if (node := whole.node((key,))) is not None}
    items = {key: (node.place, node) for key, node in needed.items()}
    try:
        return Policy.model_validate_json(_long_form(Document(merged(Keyed(START, items), root), ())))
    except ValidationError:
        return None


_NEEDED = tuple(name for name, field in Policy.model_fields.items() if field.is_required())


def _long_form(document: Document) -> bytes:
    # By way of JSON, in which days are texts and lists are tuples, so that strictness is that of the file.
    return json.dumps(with_purposes(spelled_out(plain_value(document.root), Policy))).encode()


def _in_file(document: Document, mistake: RulebookError) -> Mistake:
    place = document.key_place(mistake.path) if mistake.at_key else _place_of(document, mistake.path)
    node = document.node(mistake.path)
    if isinstance(node, Scalar) and node.inside is not None and not mistake.at_key and mistake.offset:
        place = place._replace(column=node.inside + mistake.offset)
    return Mistake(place, mistake.what, mistake.remedy, mistake.rule)


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
    "look_into",
    "policy_from_resolved",
]
