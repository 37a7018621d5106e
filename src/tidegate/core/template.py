"""Texts to be filled in: what stands in braces is replaced by what the release says, and by nothing else.

Nothing is evaluated. A placeholder is one of :data:`FIELDS`, written exactly so; it has no attributes, no index and no
format. What is filled in is not looked at again: a version called ``{reason}`` stays what it is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

FIELDS: Mapping[str, str] = {
    "component": "what is released",
    "version": "its version",
    "previous_version": "the version before it",
    "type": "the release type",
    "date": "the day on which it goes, or went",
    "time": "the time of that day, with its zone",
    "release": "the name of the release",
    "organization": "who releases",
    "reason": "why there is this release",
    "detail": "what there is to say of the occasion",
    "notes": "the release notes",
}
"""The placeholders that a text may have, and what each stands for."""

_BRACED = re.compile(r"\{([^{}\n]{0,200})\}")
_BRACE = re.compile(r"[{}]")


def faults(text: str, fields: Collection[str] = FIELDS) -> Iterator[str]:
    """What a text asks for and may not, as it is written; a brace that belongs to no placeholder too."""
    for found in _BRACED.finditer(text):
        if found[1] not in fields:
            yield found[0]
    for found in _BRACE.finditer(_BRACED.sub("", text)):
        yield found[0]


def fill(text: str, values: Mapping[str, str], fields: Collection[str] = FIELDS) -> str:
    """The text with its placeholders filled in, in one pass; what is no placeholder stays as it is written."""
    return _BRACED.sub(lambda found: values.get(found[1], "") if found[1] in fields else found[0], text)
