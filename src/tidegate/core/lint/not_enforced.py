"""What the policy says is acted on by this version of Tidegate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tidegate.core.evidence_kind import KINDS
from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.lint.saying import listed
from tidegate.core.naming import Path
from tidegate.core.policy import SAID, Section

WITHOUT_EFFECT = " checked, explained and compared, and nothing acts on"


def idle(message: str) -> str:
    """The keys of which a finding says that nothing acts on them, as ``watch: baseline``; empty for another finding."""
    what, found, _ = message.partition(WITHOUT_EFFECT)
    return what.removesuffix(" is").removesuffix(" are") if found else ""


def _check(given: Given) -> Iterator[Found]:
    yield from _said(given)
    yield from _abilities(given)


def _said(given: Given) -> Iterator[Found]:
    """One finding for each section of the file, with the keys of it on which nothing acts."""
    by_section: dict[str, list[Path]] = {}
    for path in _used((), given.policy):
        by_section.setdefault(str(path[0]), []).append(path)
    for section, paths in by_section.items():
        keys = dict.fromkeys(str(path[-1]) for path in paths)
        whole = len(paths[0]) == 1
        what, several = (section, False) if whole else (f"{section}: {listed(keys)}", len(keys) > 1)
        yield Found(
            paths[0],
            f"{what} {'are' if several else 'is'}{WITHOUT_EFFECT} {'them' if several else 'it'} yet",
            f"go on doing by hand what {'they ask' if several else 'it asks'} for; see docs/coverage.md",
            at_key=True,
        )


def _used(path: Path, value: Any) -> Iterator[Path]:
    """The keys that nothing acts on and that the policy uses; not what is below them."""
    if isinstance(value, Section):
        for attribute, field in type(value).model_fields.items():
            inner, here = getattr(value, attribute), (*path, field.alias or attribute)
            if inner == field.get_default(call_default_factory=True):
                continue
            if SAID in field.metadata:
                yield here
            else:
                yield from _used(here, inner)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _used((*path, name), inner)
    elif isinstance(value, tuple):
        for index, inner in enumerate(value):
            yield from _used((*path, index), inner)


def _abilities(given: Given) -> Iterator[Found]:
    """The drivers, channels and kinds of evidence that this version does not have."""
    yield from _drivers(given)
    yield from _channels(given)
    yield from _evidence(given)


def _drivers(given: Given) -> Iterator[Found]:
    lacking: dict[str, list[Path]] = {}
    for name, component in given.policy.components.items():
        for environment, target in component.targets.items():
            if target.driver not in given.abilities.drivers:
                path: Path = ("components", name, "targets", environment, "driver")
                lacking.setdefault(target.driver, []).append(path)
    for driver, paths in lacking.items():
        yield Found(
            paths[0],
            f"this version cannot deploy by {driver} yet",
            "deploy there by hand, and record it: tidegate adopt COMPONENT ENVIRONMENT --version VERSION",
            also=tuple(paths[1:]),
        )


def _channels(given: Given) -> Iterator[Found]:
    lacking: dict[str, list[Path]] = {}
    for path, address in _addresses(given):
        scheme = address.partition(":")[0]
        if ":" in address and scheme not in given.abilities.channels:
            lacking.setdefault(scheme, []).append(path)
    for scheme, paths in lacking.items():
        yield Found(
            paths[0],
            f"this version cannot deliver over {scheme} yet: what goes there is undeliverable",
            "add a channel that delivers, such as email: or file:NOTICES.md; until then say it there by hand",
            also=tuple(paths[1:]),
        )


def _addresses(given: Given) -> Iterator[tuple[Path, str]]:
    for index, message in enumerate(given.policy.communication):
        yield from ((("communication", index, "to", n), to) for n, to in enumerate(message.to))
    for name, audience in given.policy.audiences.items():
        yield from ((("audiences", name, "to", n), to) for n, to in enumerate(audience.to))


def _evidence(given: Given) -> Iterator[Found]:
    lacking: dict[str, list[Path]] = {}
    for name, gate in given.policy.gates.items():
        for kind in gate.evidence:
            # What is no kind of evidence at all is told as a name that leads nowhere.
            if kind in KINDS and kind not in given.abilities.evidence:
                lacking.setdefault(kind, []).append(("gates", name, "evidence"))
    if lacking:
        first, *others = [path for paths in lacking.values() for path in paths]
        yield Found(
            first,
            f"this version reads no evidence of kind {listed(lacking)} yet: gates on it cannot pass",
            "name such gates only where you mean to stay closed until it does",
            also=tuple(others),
        )


LINT = Lint(
    "not-enforced", "What the policy says is acted on by this version of Tidegate.", "M2-07", Severity.NOTE, _check
)
