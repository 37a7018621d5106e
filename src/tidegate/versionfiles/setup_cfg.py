"""``setup.cfg``: the version of a Python project. Python's parser judges the text; the scan finds the place."""

from __future__ import annotations

import configparser
import re

from tidegate.core.plain import plain
from tidegate.versionfiles.contract import WRITTEN_BYTES, Hints, Reading, Refusal, Role, Value, unreadable
from tidegate.versionfiles.source import Source
from tidegate.versionfiles.spelling import PEP440

_SECTION = re.compile(r"\[(?P<name>.+)\]")
_OPTION = re.compile(r"(?P<key>[^\s=:#;\[][^=:]*?)[ \t]*[=:][ \t]*(?P<value>.*?)[ \t]*$")
# As configparser is given lines: a lone CR ends none.
_LINES = re.compile(r"[^\n]*(?:\n|\Z)")
_WHERE = ("metadata", "version")


class SetupCfg:
    """``version`` under ``[metadata]``."""

    name = "setup.cfg"
    form = "a setup configuration"
    spelling = PEP440
    limit = WRITTEN_BYTES

    def recognises(self, source: Source) -> bool:
        """By its name."""
        return source.base == "setup.cfg"

    def read(self, source: Source, hints: Hints, wanted: str) -> Reading:
        """The version of the project."""
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(source.text)
        except configparser.Error as error:
            because = " ".join(error.message.split())
            raise unreadable(source, getattr(error, "lineno", 0) or 0, "a setup.cfg", because) from error
        atoms = {(name, key): value for name in parser.sections() for key, value in parser.items(name)}
        values = (_version(source, str(atoms[_WHERE])),) if _WHERE in atoms else ()
        return Reading(values, atoms, tuple(atoms), "it has no version under [metadata]")


def _version(source: Source, said: str) -> Value:
    start, end = _place(source.text)
    refusal = None
    if said.startswith(("attr:", "file:")):
        remedy = (
            f"name the file of {plain(said[5:].strip(), 200)} in its place, and mark its line with: # tidegate: version"
        )
        refusal = Refusal(f"metadata.version is {plain(said, 200)}: another file says it", remedy)
    elif source.text[start:end] != said:
        refusal = Refusal("metadata.version is not on one line", "write it behind version =")
    return Value(source.at(start), source.at(end), said, "metadata.version", Role.OWN, _WHERE, refusal=refusal)


def _place(text: str) -> tuple[int, int]:
    """From where to where the last value of the option stands: the parser refuses a second one."""
    section, found = "", (0, 0)
    for line in _LINES.finditer(text):
        written = line[0].rstrip("\r\n")
        head, option = _SECTION.match(written), _OPTION.match(written)
        if head:
            section = head["name"]
        elif option and (section, option["key"].lower()) == _WHERE:
            found = (line.start() + option.start("value"), line.start() + option.end("value"))
    return found
