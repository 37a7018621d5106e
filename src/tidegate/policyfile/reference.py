"""The reference page and the JSON Schema of the policy file, both made from the models.

``python -m tidegate.policyfile.reference`` writes them into the project in the working directory; a test holds them up
to date.
"""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from tidegate.core import policy as models
from tidegate.core.duration import format_duration
from tidegate.core.policy import Policy, Section
from tidegate.policyfile.schema import Key, expected, item_of, keys_of, members_of, plain_type
from tidegate.policyfile.yaml import MAX_BYTES, MAX_DEPTH, MAX_NODES

SCHEMA_FILE = Path("src/tidegate/policyfile/tidegate.schema.json")
PAGE_FILE = Path("docs/reference/policy.md")


_INTRODUCTION = """\
# The policy file

<!-- Made by `python -m tidegate.policyfile.reference` from src/tidegate/core/policy.py. Do not edit. -->

`tidegate.yaml` says how an organisation releases. It is YAML 1.2: `NO` is a text, `on` is a key, a key that is written
twice is a mistake, and so is a key that is not listed here or that has no value. A text that looks like a number is
quoted: `"1.10"`.

A file has at most {mib} MiB, {nodes} values and {depth} levels, with its aliases expanded. There are no merge keys
(`<<`) and no tags of your own.

What is missing permits nothing: an environment that is not declared is refused, a gate without evidence does not pass,
a right that is given to nobody is nobody's.

For completion in an editor, begin the file with `# yaml-language-server: $schema=./tidegate.schema.json`;
`tidegate policy schema` prints the schema.

A *name* has letters, digits, dots, dashes and underscores, at most 63. A *duration* is a number and a unit (`w`, `d`,
`h`, `m`, `s`, `ms`), such as `30d`, `24h` or `1h30m`; a day in it is 24 hours. Civil times and days are those of
`timezone`; one that a change of the clocks skips is read as the moment of the change, one that occurs twice as its
first occurrence.
"""


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) by which an editor completes a policy file and marks its mistakes."""
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tidegate policy",
        **Policy.model_json_schema(by_alias=True),
    }
    schema["title"] = "Tidegate policy"
    for section in _sections():
        place = schema if section is Policy else schema["$defs"][section.__name__]
        place["description"] = _plain(section)
        for name, key in keys_of(section).items():
            place["properties"][name] = _without_null(place["properties"][name]) | {"description": _entry(section, key)}
    return schema


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a value that may be left out, but not be empty; titles made from the names of keys say nothing."""
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "title", "default")}
    if schema.get("default") is not None:
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


def write(root: Path) -> None:
    """Write both files into the project at ``root``."""
    for file, text in ((SCHEMA_FILE, json_schema_text()), (PAGE_FILE, page())):
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
        cells = (f"`{key.name}`", _value(key.type), _default(key), _entry(section, key))
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _title(section: type[Section]) -> str:
    return "The file" if section is Policy else section.__name__


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
    section = next((s for s in _sections() if s is _bare(kind)), None)
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
    for section in ast.parse(inspect.getsource(models)).body:
        if isinstance(section, ast.ClassDef):
            for field, text in zip(section.body, section.body[1:], strict=False):
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and _is_text(text):
                    found[section.name, field.target.id] = ast.literal_eval(text.value)  # type: ignore[attr-defined]
    return found


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@cache
def _sections() -> tuple[type[Section], ...]:
    """All sections, each after the one that names it first."""
    found: dict[type[Section], None] = {Policy: None}
    pending: list[type[Section]] = [Policy]
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
