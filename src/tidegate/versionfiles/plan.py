"""Plan the edit of one version file: locate, choose, splice, read again, compare. Pure functions over bytes."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from tidegate.core.plain import plain
from tidegate.errors import InternalError, UsageError
from tidegate.versionfiles.contract import NO_HINTS, Format, Hints, Reading, Role, Value, refused
from tidegate.versionfiles.registry import format_of
from tidegate.versionfiles.source import Source

SHOWN = 5
"""How many of the versions that a file says are named where the old one is not among them."""


@dataclass(frozen=True, slots=True)
class Place:
    """One change: on which line, what stands there in the words of the file, and both texts."""

    line: int
    what: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Edit:
    """What becomes of one file. ``places`` is empty where it says the new version already."""

    path: str
    format: str
    before: bytes
    after: bytes
    places: tuple[Place, ...]

    @property
    def changes(self) -> bool:
        """Whether the file becomes another one."""
        return self.before != self.after


def plan(name: str, content: bytes, old: str, new: str, hints: Hints = NO_HINTS) -> Edit:
    """The edit by which a file says ``new`` where it says ``old``, proved by reading the result again.

    Args:
        name: what the file is called, from the root of the repository; its form is known by it, or by the content.

    Raises:
        UsageError: it is of no form that is known, cannot be read, or does not say the old version where it should.
    """
    source = Source(name, content)
    form, reading = read_source(source, hints, old)
    chosen = _chosen(source, form, reading, old, new)
    _refuse_what_cannot_be(source, form, chosen, new)
    after = _spliced(content, [(value, form.spelling.write(new)) for value in chosen])
    _verify(form, reading, chosen, form.read(Source(name, after), hints, new), form.spelling.write(new))
    places = tuple(
        Place(source.line(value.start), value.what, value.text, form.spelling.write(new))
        for value in chosen
        if value.text != form.spelling.write(new)
    )
    return Edit(name, form.name, content, after, places)


def read_source(source: Source, hints: Hints, wanted: str = "") -> tuple[Format, Reading]:
    """The form of a file, and what it says.

    Raises:
        UsageError: it is of no form that is known, too large for its form, or cannot be read.
    """
    form = format_of(source)
    if len(source.content) > form.limit:
        raise UsageError(
            f"the file has {len(source.content):,} bytes, and {form.form} is read up to {form.limit:,}",
            where=source.shown,
            remedy="name the file in which people write the version",
        )
    return form, form.read(source, hints, wanted)


def _chosen(source: Source, form: Format, reading: Reading, old: str, new: str) -> list[Value]:
    """The values that are changed.

    Raises:
        UsageError: one that must say the old version does not, or none does.
    """
    is_old = [value for value in reading.values if form.spelling.same(value.text, old)]
    is_new = [value for value in reading.values if form.spelling.same(value.text, new)]
    expected = {*is_old, *is_new}
    for value in reading.values:
        if value.role is Role.OWN and value not in expected:
            raise _says_another(source, value, old)
    _refuse_strangers(source, is_old, old)
    if is_old:
        return is_old
    if any(value.role is not Role.FOUND for value in is_new):
        return []
    raise _says_none(source, reading, old)


def _says_another(source: Source, value: Value, old: str) -> UsageError:
    if value.refusal is not None:
        return refused(source, value.start, value.refusal.what, value.refusal.remedy)
    said = plain(value.text, 80)
    return refused(
        source,
        value.start,
        f"{plain(value.what, 200)} is {said or 'empty'}, and not {old}",
        f"mend the file, or say --from {said} if that is the version before" if said else "mend the file",
    )


def _says_none(source: Source, reading: Reading, old: str) -> UsageError:
    if not reading.values:
        return UsageError(
            f"{reading.none}, so it does not say {old}",
            where=source.shown,
            remedy="take it out of the version files, or mark the line that says the version with: tidegate: version",
        )
    said = [
        f"{plain(v.whose or v.what, 120)} {plain(v.text, 80)} (line {source.line(v.start)})" for v in reading.values
    ]
    more = f" and {len(said) - SHOWN} more" if len(said) > SHOWN else ""
    return refused(
        source,
        reading.values[0].start,
        f"it does not say {old} anywhere; it says {', '.join(said[:SHOWN])}{more}",
        "say with --from which version it comes from, or mend the file",
    )


def _refuse_strangers(source: Source, chosen: Sequence[Value], old: str) -> None:
    """What was found by its version alone must be one component: two may have the same version by chance."""
    found = {value.whose: value for value in chosen if value.role is Role.FOUND and value.whose}
    if len(found) > 1:
        names = " and ".join(
            f"{plain(name, 120)} (line {source.line(value.start)})" for name, value in list(found.items())[:SHOWN]
        )
        first = next(iter(found))
        raise refused(
            source,
            found[first].start,
            f"{names} are at {old}, and only one can be meant",
            f"say which one, with --name {plain(first, 120)}",
        )


def _refuse_what_cannot_be(source: Source, form: Format, chosen: Sequence[Value], new: str) -> None:
    from tidegate.versionfiles.yaml_text import is_text

    for value in chosen:
        if value.refusal is not None:
            raise refused(source, value.start, value.refusal.what, value.refusal.remedy)
        if value.unquoted and not is_text(value.prefix + form.spelling.write(new) + value.suffix):
            raise refused(
                source,
                value.start,
                f"{plain(value.what, 200)} is not quoted, and YAML takes {new} for a number",
                "put it in quotes, and try again",
            )


def _spliced(content: bytes, changes: Sequence[tuple[Value, str]]) -> bytes:
    pieces, at = [], 0
    for value, text in sorted(changes, key=lambda change: change[0].start):
        pieces += [content[at : value.start], text.encode()]
        at = value.end
    return b"".join([*pieces, content[at:]])


def _verify(form: Format, before: Reading, chosen: Sequence[Value], after: Reading, new: str) -> None:
    """Hold what the file says now against what it said: only the chosen values may differ.

    Raises:
        InternalError: something else differs.
    """
    wanted: dict[Hashable, object] = {
        value.atom: f"{value.prefix}{new}{value.suffix}" for value in chosen if value.atom is not None
    }
    changed = set(chosen)
    texts = [new if value in changed else value.text for value in before.values]
    if (
        after.atoms != {**before.atoms, **wanted}
        or after.form != before.form
        or [value.text for value in after.values] != texts
    ):
        raise InternalError(
            f"the edit would change more than the version, so nothing was written ({form.name})",
            remedy="report this, with the file",
        )
