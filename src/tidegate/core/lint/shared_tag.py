"""By its tag a release is told to be of one component."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.lint.saying import listed
from tidegate.core.policy import Policy
from tidegate.core.version import TagFormat, Version

_SAMPLES = (Version(1, 0, 0), Version(1, 0, 0, "rc.1"))
_MOST_TOLD = 5

_Ends = tuple[str, str]
"""What stands before and after the version in a form of tags."""


def _check(given: Given) -> Iterator[Found]:
    for names, example in _groups(given.policy):
        more = len(names) - _MOST_TOLD
        told = listed([*names[:_MOST_TOLD], f"{more} more"] if more > 0 else names)
        yield Found(
            ("components", names[0], "tag"),
            f"{example} is a tag of {told}: a release of one is taken for one of "
            + ("the other" if len(names) == 2 else "the others"),
            f"begin the tags of each with a name of its own, such as {names[0]}-v{{version}}",
            also=tuple(("components", name, "tag") for name in names[1:_MOST_TOLD]),
        )


def _groups(policy: Policy) -> Iterator[tuple[list[str], str]]:
    """The components that have tags in common, and such a tag.

    Components at one path are one source that is released at once, so that one tag for all of them is meant.
    """
    formats = {name: TagFormat(component.tag, component.versions) for name, component in policy.components.items()}
    owners: dict[_Ends, list[str]] = {}
    for name, tag_format in formats.items():
        owners.setdefault((tag_format.prefix, tag_format.suffix), []).append(name)
    looking = _Looking({ends: formats[names[0]] for ends, names in owners.items()})
    seen: set[_Ends] = set()
    for ends, names in owners.items():
        for tag in (formats[names[0]].tag_for(version) for version in _SAMPLES):
            alike = {ends, *looking.claimants(tag)}
            together = [name for key in owners if key in alike for name in owners[key]] if len(alike) > 1 else names
            if seen.isdisjoint(alike) and len({policy.components[name].path for name in together}) > 1:
                seen |= alike
                yield together, tag


class _Looking:
    """Finds the forms that a tag has by its beginnings and its ends: there may be thousands of components."""

    def __init__(self, formats: Mapping[_Ends, TagFormat]) -> None:
        self._formats = formats
        self._prefixes = {prefix for prefix, _ in formats}
        self._suffixes = {suffix for _, suffix in formats}

    def claimants(self, tag: str) -> Iterator[_Ends]:
        cuts = range(len(tag) + 1)
        begins = [tag[:cut] for cut in cuts if tag[:cut] in self._prefixes]
        ends = [tag[cut:] for cut in cuts if tag[cut:] in self._suffixes]
        for key in ((begin, end) for begin in begins for end in ends):
            if key in self._formats and self._formats[key].match(tag) is not None:
                yield key


LINT = Lint(
    "contradiction.shared-tag",
    "By its tag a release is told to be of one component.",
    "7D-05, 7D-18",
    Severity.WARNING,
    _check,
)
