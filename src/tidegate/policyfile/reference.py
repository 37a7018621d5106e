"""The reference pages and the JSON Schemas of the policy file and of files of cases, made from the models.

``python -m tidegate.policyfile.reference`` writes pages and schema into the project in the working directory; a test
holds them up to date.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from tidegate.core.duration import format_duration
from tidegate.core.policy import SAID, Policy, Purpose, Section
from tidegate.core.policy.base import OneOrMore
from tidegate.core.policytest import CaseFile
from tidegate.policyfile.schema import Key, expected, item_of, keys_of, members_of, names_in, plain_type
from tidegate.policyfile.yaml import MAX_BYTES, MAX_DEPTH, MAX_NODES

SCHEMA_FILE = Path("src/tidegate/policyfile/tidegate.schema.json")
PAGE_FILE = Path("docs/reference/policy.md")
CASES_PAGE_FILE = Path("docs/reference/policy-tests.md")


_INTRODUCTION = """\
# The policy file

<!-- Made by `python -m tidegate.policyfile.reference` from src/tidegate/core/policy/. Do not edit. -->

`tidegate.yaml` says how an organisation releases. It is YAML 1.2: `NO` is a text, `on` is a key, a key that is written
twice is a mistake, and so is a key that is not listed here or that has no value. A text that looks like a number is
quoted: `"1.10"`.

A policy has at most {mib} MiB, {nodes} values and {depth} levels, with its aliases expanded and all that it builds on.
There are no merge keys (`<<`) and no tags of your own.

A file can build on presets and on other files (`extends`): maps merge, lists and single values replace what is below
them, the file itself wins, and `without` takes out. An empty map merges nothing and takes nothing out. The keys that
are required below are required of the whole. See [build on a preset](../howto/extend-a-preset.md).

What is missing permits nothing: an environment that is not declared is refused, a gate without evidence does not pass,
a right that is given to nobody is nobody's.

A key that is marked *(said)* can be written, is checked, explained and compared, and nothing acts on it yet; so can
and is everything below it. `tidegate policy check` notes where a policy uses one.

For completion in an editor, begin the file with `# yaml-language-server: $schema=./tidegate.schema.json`;
`tidegate policy schema` prints the schema.

A *name* has letters, digits, dots, dashes and underscores, at most 63. A *duration* is a number and a unit (`w`, `d`,
`h`, `m`, `s`, `ms`), such as `30d`, `24h` or `1h30m`; a day in it is 24 hours. Civil times and days are those of
`timezone`; one that a change of the clocks skips is read as the moment of the change, one that occurs twice as its
first occurrence.
"""


_CASES_INTRODUCTION = """\
# Files of cases

<!-- Made by `python -m tidegate.policyfile.reference` from src/tidegate/core/policytest/form.py. Do not edit. -->

A file of cases says how a policy is to decide; `tidegate policy test` runs it. Cases stand beside the policy: those of
`tidegate.yaml` in `tidegate.tests.yaml` and in every `.yaml` file of the directory `tidegate.tests`. How to write them
is told in [test a policy](../howto/test-a-policy.md).

The file is YAML as [the policy](policy.md) is, within the same limits, and as strict: a key that is not listed here is
a mistake, and so is a name that the policy does not know, unless it stands under `unknown`.

What a case does not say is not known, and nothing is made up in favour of the release: no evidence, no approval, no
announcement, and content that changed at the moment of the case. A field of a report that is not written is one that
the report does not give, so that a condition on it cannot tell.

A *time* is a civil time in the policy's zone (`2026-12-01T10:00`), a day, which means its beginning, an instant
(`2026-12-01T18:00:00Z`), `now`, or counted from the moment of the case (`-7d`, `+2h`).
A civil time over which the clocks are set forward is a mistake; of one that occurs twice the first is meant.

For completion in an editor: `tidegate policy schema --tests` prints the schema.
"""


def json_schema(root: type[Section] = Policy) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) by which an editor completes a file and marks its mistakes.

    Args:
        root: the model of the file: the policy, or a file of cases.
    """
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "",
        **root.model_json_schema(by_alias=True),
    }
    schema["title"] = "Tidegate policy" if root is Policy else "Tidegate cases"
    for section in _sections(root):
        place = schema if section is root else schema["$defs"][section.__name__]
        place["description"] = _plain(section)
        for name, key in keys_of(section).items():
            found = _without_null(place["properties"][name]) | _of_entries(key)
            place["properties"][name] = found | {"description": _entry(section, key)}
    if root is Policy:
        _require(schema)
    for section in _sections(root):
        if section.shorthand:
            _add_short_form(schema["$defs"], section)
    return schema


def _of_entries(key: Key) -> dict[str, Any]:
    """What the models' own schema lacks: names of entries, and what a single text in place of a list may be."""
    if OneOrMore in key.field.metadata:
        entry = _schema_of(item_of(key.type))
        least = {"minItems": 1} if any(getattr(mark, "min_length", 0) for mark in key.field.metadata) else {}
        return {"anyOf": [entry, {"type": "array", "items": entry, **least}]}
    names = names_in(key.type)
    pattern = _schema_of(names).get("pattern") if names is not None else None
    return {"propertyNames": {"pattern": pattern}} if pattern else {}


def _schema_of(kind: Any) -> dict[str, Any]:
    return TypeAdapter(kind).json_schema()


def _require(schema: dict[str, Any]) -> None:
    """Ask for the keys that a section must have, in a file that builds on nothing: others may have them from below.

    A file that builds on others says as much as it likes of what they hold. So the definitions ask for nothing, and
    beside them stands which key is asked for where, for files without ``extends``.
    """
    asked: dict[str, Any] = {}
    for section in _sections():
        place = schema if section is Policy else schema["$defs"][section.__name__]
        needed = place.pop("required", [])
        below = {name: found for name, key in keys_of(section).items() if (found := _required_in(key.type))}
        # The YAML language server would offer each key a second time; it reads nothing beside a "$ref".
        quiet = {name: {"allOf": [found], "doNotSuggest": True} for name, found in below.items()}
        asked[section.__name__] = {"required": needed, "properties": quiet}
    loose = {name: {"$ref": "#/$defs/NamedByPurpose.required"} for name in _PURPOSE_BY_NAME}
    asked["Policy"]["properties"]["environments"]["allOf"][0]["properties"] = loose
    asked["NamedByPurpose"] = asked["Environment"] | {"required": []}
    schema["$defs"] |= {f"{name}.required": _short(found) for name, found in asked.items()}
    schema["required"] = ["tidegate"]
    schema["if"], schema["then"] = {"required": ["extends"]}, {}
    schema["else"] = {"$ref": "#/$defs/Policy.required"}


def _required_in(kind: Any) -> dict[str, Any]:
    """Where the sections in a value of this type find what they must have; empty: there are none in it."""
    plain, item = plain_type(kind), item_of(kind)
    if isinstance(plain, type) and issubclass(plain, Section):
        return {"$ref": f"#/$defs/{plain.__name__}.required"}
    below = _required_in(item) if item is not None else {}
    key = "items" if expected(plain) == "a list" else "additionalProperties"
    return {key: below} if below else {}


def _short(found: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if value}


def _add_short_form(definitions: dict[str, Any], section: type[Section]) -> None:
    """Let a text stand for the section, as the reader of the file does."""
    long = definitions[section.__name__]
    short = {**long["properties"][section.shorthand]}
    definitions[section.__name__] = {"description": long["description"], "anyOf": [short, long]}


_PURPOSE_BY_NAME = tuple(purpose.value for purpose in Purpose)


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a value that may be left out, but not be empty; titles made from the names of keys say nothing."""
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "title", "default")}
    # What a section is without its keys is not for an editor to fill in; and it depends on which models are in use.
    if schema.get("default") is not None and not isinstance(schema["default"], dict):
        rest["default"] = schema["default"]
    branches = [branch for branch in schema.get("anyOf", ()) if branch != {"type": "null"}]
    if len(branches) == 1:
        return {**rest, **branches[0]}
    return rest | {"anyOf": branches} if branches else rest


def json_schema_text() -> str:
    """The schema as its file holds it."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def page() -> str:
    """The reference page, in Markdown."""
    introduction = _INTRODUCTION.format(mib=MAX_BYTES // 1024**2, nodes=f"{MAX_NODES:,}", depth=MAX_DEPTH)
    return introduction + "\n".join([*(line for section in _sections() for line in _section(section))]) + "\n"


def cases_page() -> str:
    """The reference page of files of cases, in Markdown."""
    return _CASES_INTRODUCTION + "\n".join(line for s in _sections(CaseFile) for line in _section(s)) + "\n"


def write(root: Path) -> None:
    """Write the files into the project at ``root``."""
    for file, text in ((SCHEMA_FILE, json_schema_text()), (PAGE_FILE, page()), (CASES_PAGE_FILE, cases_page())):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(text, encoding="utf-8")


def _section(section: type[Section]) -> Iterator[str]:
    yield ""
    yield f"## {_title(section)}"
    yield ""
    yield _plain(section)
    if not section.model_fields:
        yield ""
        yield "It has no keys: write `{}`."
        return
    yield ""
    yield "| key | value | default | meaning |"
    yield "| --- | --- | --- | --- |"
    for key in keys_of(section).values():
        said = " *(said)*" if SAID in key.field.metadata else ""
        cells = (f"`{key.name}`{said}", _value(key.type), _default(key), _entry(section, key))
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _title(section: type[Section]) -> str:
    return "The file" if section in (Policy, CaseFile) else section.__name__


def _value(kind: Any) -> str:
    item = item_of(kind)
    words = expected(kind)
    if words == "a list" and item is not None:
        return f"list of: {_value(item)}"
    if words == "a mapping" and item is not None:
        return f"names, each with: {_value(item)}"
    members = members_of(kind)
    if members:
        return ", ".join(f"`{member}`" for member in members)
    section = next((s for s in (*_sections(), *_sections(CaseFile)) if s is _bare(kind)), None)
    return f"[{section.__name__}](#{section.__name__.lower()})" if section else words


def _default(key: Key) -> str:
    if key.required:
        return "required"
    value = key.field.get_default(call_default_factory=True)
    if value is None or value in ((), {}, frozenset()):
        return ""
    if isinstance(value, Section):
        return _compact(value.model_dump(mode="json", by_alias=True, exclude_defaults=True))
    if hasattr(value, "total_seconds"):
        return f"`{format_duration(value)}`"
    return _compact(list(value) if isinstance(value, tuple) else getattr(value, "value", value))


def _compact(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value).replace('"', "")
    return "" if text == "{}" else f"`{text}`"


def _plain(section: type[Section]) -> str:
    return " ".join((section.__doc__ or "").split())


def _entry(section: type[Section], key: Key) -> str:
    return " ".join(_field_texts()[section.__name__, key.attribute].split())


@cache
def _field_texts() -> dict[tuple[str, str], str]:
    """The text below each field of the models, which Python itself does not keep."""
    found = {}
    modules = {section.__module__: None for section in (*_sections(), *_sections(CaseFile))}
    for section in [node for name in modules for node in ast.parse(inspect.getsource(sys.modules[name])).body]:
        if isinstance(section, ast.ClassDef):
            for field, text in zip(section.body, section.body[1:], strict=False):
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and _is_text(text):
                    found[section.name, field.target.id] = ast.literal_eval(text.value)  # type: ignore[attr-defined]
    return found


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@cache
def _sections(root: type[Section] = Policy) -> tuple[type[Section], ...]:
    """All sections of a file, each after the one that names it first."""
    found: dict[type[Section], None] = {root: None}
    pending: list[type[Section]] = [root]
    while pending:
        for key in keys_of(pending.pop(0)).values():
            kind = _bare(key.type)
            if isinstance(kind, type) and issubclass(kind, Section) and kind not in found:
                found[kind] = None
                pending.append(kind)
    return tuple(found)


def _bare(kind: Any) -> Any:
    """The section inside lists, mappings and what is optional."""
    item = item_of(kind)
    return _bare(item) if item is not None else plain_type(kind)


if __name__ == "__main__":
    write(Path.cwd())
