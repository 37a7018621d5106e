"""What a policy file builds on: found, read within limits, and laid in order.

A policy may come from a stranger's branch. So what it builds on is a preset, or a plain file below the directory of the
file that was named first, whatever links say; and the limits of one file are those of all of them together.

The files are laid one after the other, the deepest base first and the named file last. Each is laid once, where it is
first needed, so that nothing of a base that two files share comes back over what the first of them has changed.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath

from pydantic import Field, ValidationError

from tidegate.core.policy import Section
from tidegate.core.policy.root import Base
from tidegate.core.policy.root import Path as Dotted
from tidegate.errors import NotFoundError, PolicyError, UsageError
from tidegate.policyfile import cache
from tidegate.policyfile.layers import AbsentError, located, merged, without
from tidegate.policyfile.mistakes import MAX_SHOWN, START, Mistake, Place, policy_error, shown
from tidegate.policyfile.presets import SCHEME, Presets
from tidegate.policyfile.shape import empty_mistakes, language_mistake, root_mistakes, shape_mistakes
from tidegate.policyfile.tree import Document, Mapping, Node, Scalar, Sequence, plain_value
from tidegate.policyfile.yaml import MAX_BYTES, MAX_NODES, read_yaml, too_large

MAX_FILES = 16
"""How many files one policy may be made of."""

MAX_TAKEN_OUT = 1_000
"""How many entries ``without`` may have."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One file of a policy: what mistakes call it, what it holds, and which files it builds on, by name."""

    name: str
    content: bytes
    bases: tuple[str, ...]
    document: Document = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Unpinned:
    """A place that names a preset without its version, and the version that is meant today."""

    place: Place
    meant: str


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was found. ``identity`` tells it from others, whatever it is called.

    ``directory`` is from where it names others; None: it can name presets alone.
    """

    name: str
    content: bytes
    identity: str
    directory: Path | None = None


def layers_of(source: Source, presets: Presets) -> tuple[Layer, ...]:
    """The files that a policy is made of, in the order in which they are laid; the named file is the last.

    Raises:
        PolicyError: one cannot be read, is not there, lies outside, builds on itself, or they are too many or too much.
    """
    return _Gatherer(source, presets).gathered()


def laid(layers: tuple[Layer, ...]) -> Document:
    """The layers as one document, in which each node stands where the highest layer that says it has it.

    Raises:
        PolicyError: a file takes out what is not there.
    """
    root: Node = Mapping(START)
    for index, layer in enumerate(layers):
        root = merged(without(root, [*_taken_out(layer, layers[:index], root), *_HEAD]), layer.document.root)
    documents = [layer.document for layer in layers]
    return Document(
        root,
        tuple(mistake for document in documents for mistake in document.mistakes),
        sum(document.nodes for document in documents),
        sum(document.characters for document in documents),
        any(document.empty for document in documents),
    )


def unpinned(layers: tuple[Layer, ...]) -> tuple[Unpinned, ...]:
    """Where the layers name a preset without saying which version."""
    return tuple(
        Unpinned(entry.place, meant)
        for layer in layers
        for entry, meant in zip(_entries(layer.document, "extends"), layer.bases, strict=True)
        if entry.text.startswith(SCHEME) and entry.text != meant
    )


def content_of(path: Path, name: str) -> bytes:
    """The bytes of a file that may hold a policy; ``name`` is what mistakes call it.

    Raises:
        NotFoundError: there is no such file.
        UsageError: it cannot be read as a file.
        PolicyError: it is too large.
    """
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


class _Head(Section):
    """The keys of a file that say what it is laid on."""

    extends: tuple[Base, ...] = Field(default=(), max_length=MAX_FILES)
    without: tuple[Dotted, ...] = Field(default=(), max_length=MAX_TAKEN_OUT)


_HEAD = tuple((key,) for key in _Head.model_fields)


class _RefusedError(Exception):
    """A base that cannot be built on."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


class _Gatherer:
    """Reads the files that a policy is made of, depth first, weighing them as it goes."""

    def __init__(self, top: Source, presets: Presets) -> None:
        self._top = top
        self._root = None if top.directory is None else Path(os.path.realpath(top.directory))
        self._presets = presets
        self._layers: dict[str, Layer] = {}
        self._open: dict[str, str] = {}
        self._bytes = self._nodes = self._characters = 0

    def gathered(self) -> tuple[Layer, ...]:
        self._visit(self._top)
        return tuple(self._layers.values())

    def _visit(self, source: Source) -> None:
        document = self._weighed(source)
        self._check(document)
        self._open[source.identity] = source.name
        bases, mistakes = [], []
        for entry in _entries(document, "extends"):
            try:
                bases.append(self._base(source, entry.text))
            except _RefusedError as error:
                mistakes.append(Mistake(entry.place, error.what, error.remedy, rule="extends"))
        if mistakes:
            raise policy_error(self._top.name, mistakes)
        del self._open[source.identity]
        self._layers[source.identity] = Layer(source.name, source.content, tuple(bases), document)

    def _weighed(self, source: Source) -> Document:
        """The tree of a file, if there is room for it; that of the first file is bounded by the reader itself."""
        self._bytes += len(source.content)
        if self._open and self._bytes > MAX_BYTES:
            raise _too_much(f"{MAX_BYTES:,} bytes")
        document = _read(source.content, source.name)
        self._nodes += document.nodes
        self._characters += document.characters
        if self._open and (self._nodes > MAX_NODES or self._characters > MAX_BYTES):
            raise _too_much(f"{MAX_NODES:,} values or {MAX_BYTES:,} characters")
        return document

    def _check(self, document: Document) -> None:
        """What a file must be by itself before it can be laid on anything, or anything on it."""
        other = language_mistake(document)
        if other is not None:
            raise policy_error(self._top.name, [other])
        mistakes = [*_head_mistakes(document), *(root_mistakes(document) if self._open else ())]
        if mistakes:
            raise policy_error(self._top.name, [*document.mistakes, *empty_mistakes(document), *mistakes])

    def _base(self, source: Source, text: str) -> str:
        """The name of the file that an entry of ``extends`` means, once it has been read."""
        base = self._preset(text) if text.startswith(SCHEME) else self._file(source, text)
        if base.identity in self._open:
            names = [*self._open.values(), base.name]
            circle = " > ".join(names[names.index(base.name) :])
            raise _RefusedError(f"{base.name} builds on itself: {circle}", "remove one of these entries of extends:")
        if base.identity not in self._layers:
            if len(self._layers) + len(self._open) >= MAX_FILES:
                raise _RefusedError(f"the policy is made of more than {MAX_FILES} files", "build on fewer")
            self._visit(base)
        return base.name

    def _preset(self, text: str) -> Source:
        try:
            preset = self._presets.find(text.removeprefix(SCHEME))
        except NotFoundError as error:
            raise _RefusedError(error.what, error.remedy) from error
        return Source(str(preset), preset.content, str(preset))

    def _file(self, source: Source, text: str) -> Source:
        if self._root is None or source.directory is None:
            what = f"{shown(text)} is a file, and {source.name} lies in no directory"
            raise _RefusedError(what, f"build on presets here, such as {SCHEME}7d@1")
        if not text.endswith((".yaml", ".yml")):
            # What is no policy must not be read: what is said of its mistakes would show what is in it.
            raise _RefusedError(f"{shown(text)} is no YAML file by its name", "name a file that ends with .yaml")
        path = Path(os.path.realpath(source.directory / text))
        if text.startswith(("/", "~")) or not path.is_relative_to(self._root):
            what = f"{shown(text)} is outside the directory of {self._top.name}"
            raise _RefusedError(what, "keep what a policy builds on beside it or below")
        name = str(PurePosixPath(self._top.name).parent / path.relative_to(self._root).as_posix())
        return Source(name, _base_content(path, name, text, source), str(path), path.parent)


def _base_content(path: Path, name: str, text: str, source: Source) -> bytes:
    try:
        return content_of(path, name)
    except NotFoundError as error:
        remedy = f"mend the path; it begins at the directory of {source.name}"
        raise _RefusedError(f"there is no file {shown(text)}", remedy) from error
    except (UsageError, PolicyError) as error:
        raise _RefusedError(f"{shown(text)} cannot be built on: {error.what}", error.remedy) from error


def _too_much(limit: str) -> _RefusedError:
    what = f"together with what it builds on, the policy has more than {limit}"
    return _RefusedError(what, "build on fewer or smaller files")


@lru_cache(maxsize=MAX_FILES)
def _read(content: bytes, name: str) -> Document:
    """The tree of a file: of this process, of an earlier one, or read now."""
    directory = cache.cache_directory()
    document = cache.find(directory, content, name)
    if document is None:
        document = read_yaml(content, name)
        cache.keep(directory, content, document)
    return document


def _head_mistakes(document: Document) -> list[Mistake]:
    root = document.root
    said = root.items if isinstance(root, Mapping) else {}
    # A key without a value is told as such.
    plain = {key: plain_value(said[key][1]) for (key,) in _HEAD if key in said}
    try:
        _Head.model_validate_json(json.dumps(plain))
    except ValidationError as error:
        return shape_mistakes(document, error)[0]
    return []


def _entries(document: Document, key: str) -> list[Scalar]:
    """The texts of a list, which was checked to be one."""
    node = document.node((key,))
    return [item for item in node.items if isinstance(item, Scalar)] if isinstance(node, Sequence) else []


def _taken_out(layer: Layer, earlier: tuple[Layer, ...], below: Node) -> list[tuple[str, ...]]:
    """What a file takes out of what it builds on, which may be less than what has been laid before it."""
    entries = _entries(layer.document, "without")
    own = _built_on(layer, earlier)
    root = below if not entries or own == earlier else laid(own).root
    paths, mistakes = [], []
    for entry in entries:
        try:
            paths.append(located(root, entry.text))
        except AbsentError as error:
            what = f"there is no {error.path} in what this file builds on{error.guess}"
            mistakes.append(Mistake(entry.place, what, "name what is there, or remove this entry", "extends"))
        if len(mistakes) > MAX_SHOWN:
            break
    if mistakes:
        raise policy_error(layer.name, mistakes)
    return paths


def _built_on(layer: Layer, earlier: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Those of the earlier layers on which a file builds, directly or not."""
    wanted = set(layer.bases)
    found = []
    for one in reversed(earlier):
        if one.name in wanted:
            wanted.update(one.bases)
            found.append(one)
    return tuple(reversed(found))
