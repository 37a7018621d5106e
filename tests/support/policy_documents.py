"""Policies at random: documents made from the models' types, damage to them, and ways to write them down.

``documents()`` are plain values with the shape of a policy. Their names come from small pools, so that most of what is
named is there; ``policies()`` lies on a house in which all of it is, and little of it is refused. ``damaged`` spoils a
document, ``written`` makes bytes of one, ``torn`` spoils the bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from datetime import date
from enum import Enum
from functools import cache
from pathlib import Path
from string import ascii_letters
from typing import Annotated, Any, Literal, TypeAlias, get_args, get_origin

from hypothesis import strategies as st
from pydantic import WithJsonSchema

from tidegate.core.evidence_kind import KINDS
from tidegate.core.policy import SAYINGS, Names, NamesKeys, Policy, Section
from tidegate.core.policy.base import Text, relative_path
from tidegate.policyfile import presets
from tidegate.policyfile.schema import Key, keys_of, members_of
from tidegate.policyfile.tree import plain_value
from tidegate.policyfile.yaml import read_yaml

Draw: TypeAlias = Callable[[st.SearchStrategy[Any]], Any]
Values: TypeAlias = st.SearchStrategy[Any]

OTHERS = ("alpha", "beta")
PLACES = ("staging", "production", "lab")
KINDS_OF_RELEASE = ("minor", "patch", "hotfix")
TEAMS = ("team", "leads")
CHANNELS = ("file:NOTICES.md", "slack:#releases", "email:all@example.org")

POOLS: Mapping[str, Sequence[str]] = {
    "people": ("ann", "ben"),
    "groups": TEAMS,
    "group": TEAMS,
    "person or group": ("ann", *TEAMS),
    "environments": PLACES,
    "environment": PLACES,
    "watch": PLACES,
    "config": PLACES,
    "targets of a component": PLACES,
    "release_types": KINDS_OF_RELEASE,
    "release type": KINDS_OF_RELEASE,
    "kind of component": ("service", "module"),
    "phase": ("plan", "build"),
    "step of the workflow": ("assess", "approve"),
    "risk level": ("low", "medium", "high"),
    "text": (*SAYINGS, *OTHERS),
    "audience": ("$clients", *CHANNELS, *OTHERS),
    "audience or group": (*OTHERS, *TEAMS),
    "source of deployments": ("tag", *OTHERS),
}
"""What things are called, by the section that declares them and by the noun under which they are named."""

_TIMES = ("00:00", "09:00", "12:30", "16:00", "23:59")
_CADENCES = (
    "day at 10:00",
    "week on tuesday at 10:00",
    "2 weeks on tuesday at 10:00",
    "month on first monday at 02:30",
    "3 months on last friday at 00:00",
    "366 days at 23:59",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH;BYHOUR=10",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;BYHOUR=9;BYMINUTE=30",
)
_TAGS = ("v{version}", "alpha-v{version}", "alpha/v{version}")
_PATHS = (".", "app", "modules/billing", "docs/releases/{version}.md", "a b/ä.md")

TEXTS: Mapping[tuple[str, str], Sequence[Any]] = {
    ("Policy", "timezone"): ("UTC", "Europe/Berlin", "America/Los_Angeles", "Australia/Lord_Howe", "Pacific/Apia"),
    ("Train", "every"): _CADENCES,
    ("BusinessCycle", "every"): _CADENCES,
    ("WindowRule", "days"): ("mon-sun", "mon-thu", "tue", "sat,sun", "fri-mon"),
    ("MaintenanceWindow", "days"): ("mon-sun", "sat,sun"),
    **{(section, "from"): _TIMES for section in ("WindowRule", "MaintenanceWindow")},
    **{(section, "to"): (*_TIMES, "24:00") for section in ("WindowRule", "MaintenanceWindow")},
    ("Component", "tag"): _TAGS,
    ("Branch", "tag"): _TAGS,
    ("Branch", "pattern"): ("main", "release/v{version}", "*"),
    ("StatedDate", "tag"): ("v1.0.0", "alpha-v1.0.0", "alpha/v1.0.0"),
    ("StatedDate", "version"): ("1.0.0", "1.1.0"),
    ("Holidays", "country"): ("US", "DE"),
    ("Phase", "name"): POOLS["phase"],
    ("WorkflowStep", "name"): POOLS["step of the workflow"],
    ("Component", "kind"): POOLS["kind of component"],
    ("Risk", "levels"): (["low", "medium", "high"],),
    ("Person", "keys"): ([],),
    ("HostTarget", "driver"): ("host",),
    ("Health", "url"): ("https://example.org/health",),
    ("CanaryStep", "weight"): ("5%", "100%"),
    ("Environment", "smoke"): ([], ["sh", "smoke.sh"]),
    ("Audience", "to"): CHANNELS,
    ("Undecided", "at"): (["environments.production.after"], ["changes.risk.matrix.low.high", "nothing.there[3]"], []),
    ("Policy", "deviations"): ({}, {"environments.production": "agreed"}),
    ("Policy", "extends"): ([], ["preset:7d@1"], ["preset:helpdesk"]),
    ("Policy", "without"): ([],),
}
"""What a key may say where its type does not tell."""

WORDS = (
    "Release", "x", "Grüße an alle", "[contact]", "[link] and [link]", "To be defined", "TBD", "<who>", "{version}",
    "100 % of it", "a: b", "- a", "#1", "'", '"', "\\", "null", "true", "012", "1.10", "1e3", "2026-02-30", "", " ",
    "⏸ 日本語", "x" * 300,
)  # fmt: skip
"""Texts that people write, and some that mean something else to other readers of YAML."""

HOSTILE = (
    "\x1b[2J\x1b]0;title\x07", "\u202egnp.exe", "\u2066x\u2069", "\x00", "\r\n::error::x", "%0A%25", "\u2028", "\ufeff",
    "</script><script>alert(1)</script>", "$(reboot)", "`reboot`", "{{ 7 * 7 }}", "{0.__class__}", "%s%n", "../../etc",
    "~/.ssh/id_rsa", "x" * 5_000, "\ud7ff", "🏴‍☠️" * 40, "-----BEGIN OPENSSH PRIVATE KEY-----", "$owners", "$clients",
)  # fmt: skip
"""Texts that want something of whoever reads them."""

NUMBERS = (-1, 0, 1, 2, 3.5, 0.1, 100, 10_001, 2**31, 2**53 - 1, 2**53, 10**40, -(2**63), 1e308, 5e-324, 1e16)

_texts = st.sampled_from(WORDS)
_anything = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(NUMBERS),
    st.sampled_from((*WORDS, *HOSTILE)),
    # Without letters of English: Hypothesis likes "None" and "True", which the tests take for words of Python.
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters=ascii_letters), max_size=8),
    st.sampled_from(([], {}, [[]], [{}], {"a": {}}, ["a", 1, None], {"a": 1, "b": [2]}, {"from": "team"})),
)


def names_of(noun: str) -> Sequence[str]:
    """What things of a noun, or in a section, are called."""
    return POOLS.get(noun, OTHERS)


# ---- values by their type


@cache
def _values(kind: Any, marks: tuple[Any, ...], section: str, key: str) -> Values:
    """Values of a type, as the file writes them."""
    if (section, key) in TEXTS:
        return st.sampled_from(TEXTS[section, key])
    if get_origin(kind) is Annotated:
        inner, *more = get_args(kind)
        return _values(inner, (*marks, *more), section, key)
    for mark in marks:
        if isinstance(mark, WithJsonSchema):
            return _by_schema(mark.json_schema or {})
    members = [member for member in get_args(kind) if member is not type(None)]
    if members and get_origin(kind) not in (Literal, tuple, frozenset) and not _is_mapping(kind):
        return st.one_of([_values(member, marks, section, key) for member in members])
    return _plain(kind, marks, section, key)


def _is_mapping(kind: Any) -> bool:
    origin = get_origin(kind)
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _plain(kind: Any, marks: tuple[Any, ...], section: str, key: str) -> Values:
    if isinstance(kind, type) and issubclass(kind, Section):
        return sections(kind)
    if _is_mapping(kind):
        name, value = get_args(kind)
        return st.dictionaries(_keys(name, marks, section, key), _values(value, (), section, ""), max_size=2)
    if get_origin(kind) in (tuple, frozenset):
        entry = _values(get_args(kind)[0], tuple(m for m in marks if isinstance(m, Names)), section, "")
        return st.lists(entry, min_size=_least(marks), max_size=2, unique_by=json.dumps)
    if get_origin(kind) is Literal or issubclass(kind, Enum):
        return st.sampled_from(members_of(kind) if kind is not Literal[1] else [1])
    return _scalar(kind, marks)


def _keys(kind: Any, marks: tuple[Any, ...], section: str, key: str) -> Values:
    nouns = [mark.noun for mark in marks if isinstance(mark, NamesKeys)]
    if (section, key) in {("Risk", "matrix"), ("Risk", "mitigations"), ("Risk", "")}:
        nouns = ["risk level"]
    return st.sampled_from(names_of(nouns[0] if nouns else key))


def _least(marks: tuple[Any, ...]) -> int:
    return max((getattr(mark, "min_length", None) or 0 for mark in marks), default=0)


def _scalar(kind: type, marks: tuple[Any, ...]) -> Values:
    if issubclass(kind, bool):
        return st.booleans()
    if issubclass(kind, date):
        return st.dates(date(2025, 1, 1), date(2030, 12, 31)).map(str)
    if issubclass(kind, int):
        return st.integers(1, 3)
    assert issubclass(kind, str), kind
    nouns = [mark.noun for mark in marks if isinstance(mark, Names)]
    if nouns:
        return st.sampled_from(names_of(nouns[0]))
    patterns = [pattern for mark in marks if (pattern := _pattern(mark))]
    if patterns:
        return st.sampled_from(_MATCHING.get(patterns[0], OTHERS))
    if any(isinstance(mark, Text) and mark.check is relative_path for mark in marks):
        return st.sampled_from(_PATHS)
    return _texts.filter(bool)


def _pattern(mark: Any) -> str:
    return mark.pattern if isinstance(mark, Text) else ""


_MATCHING: Mapping[str, Sequence[str]] = {
    r"^([^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+)$": ("ann@example.org", "ä@b"),
    r"^(\$owners|[A-Za-z0-9][A-Za-z0-9._-]{0,62})$": ("$owners", *TEAMS),
}
"""Texts that match, by the pattern that the schema shows."""


def _by_schema(schema: Mapping[str, Any]) -> Values:
    if "anyOf" in schema:
        return st.one_of([_by_schema(branch) for branch in schema["anyOf"]])
    if schema.get("type") == "integer":
        return st.integers(1, 3)
    if "examples" in schema:
        return st.sampled_from([*schema["examples"], *_MORE.get(schema.get("pattern", ""), ())])
    return st.sampled_from(_BY_PATTERN[schema["pattern"][:6]])


_MORE: Mapping[str, Sequence[str]] = {
    r"^([0-9]+(ms|[wdhms]))+$": ("1ms", "1h30m", "3660d"),
    r"^(0d|[+-]([0-9]+(ms|[wdhms]))+)$": ("0d", "+12h", "-90d"),
}
_BY_PATTERN: Mapping[str, Sequence[str]] = {
    r"^([0-9": ("1%", "25%", "99.5 %"),
    r"^(>\s*"[:6]: ("> 2x baseline", "> 200ms", ">1.5x baseline"),
}


@cache
def sections(kind: type[Section]) -> Values:
    """A section, with what it must have and a little of what it may."""
    return _section(kind)


@st.composite
def _section(draw: Draw, kind: type[Section], most: int = 3) -> Any:
    keys = keys_of(kind)
    chosen = [key for key in keys.values() if key.required]
    optional = [key for key in keys.values() if not key.required and key.name not in kind.choices]
    if optional:
        chosen += draw(st.lists(st.sampled_from(optional), max_size=most, unique_by=lambda key: key.name))
    if kind.choices:
        chosen.append(keys[draw(st.sampled_from(kind.choices))])
    made = {key.name: draw(_of_key(key, kind)) for key in chosen}
    mend = MENDED.get(kind.__name__)
    if mend is not None:
        mend(draw, made)
    if kind.shorthand and list(made) == [kind.shorthand] and draw(st.booleans()):
        return made[kind.shorthand]
    return made


def _of_key(key: Key, section: type[Section]) -> Values:
    marks = tuple(key.field.metadata)
    name = key.name if section is Policy or (section.__name__, key.name) in TEXTS else _pool(section, key)
    return _values(key.type, marks, section.__name__, name)


def _pool(section: type[Section], key: Key) -> str:
    return "targets of a component" if section.__name__ == "Component" and key.name == "targets" else key.name


def _gate(draw: Draw, made: dict[str, Any]) -> None:
    kind = KINDS[draw(st.sampled_from(sorted(KINDS)))]
    made["evidence"] = draw(st.sampled_from((kind.name, [kind.name])))
    field, scalar = draw(st.sampled_from(list(kind.fields.items())))
    value = {"bool": "true", "string": '"a"', "int": draw(st.sampled_from(("0", "3"))), "double": "0.8"}[scalar.value]
    comparison = "==" if scalar.value in ("bool", "string") else draw(st.sampled_from(("==", "<", ">=", "!=")))
    made["pass"] = f"{kind.root}.{field} {comparison} {value}" + draw(st.sampled_from(("", " || true", " && true")))


def _blackout(draw: Draw, made: dict[str, Any]) -> None:
    if draw(st.integers(0, 9)):
        made["from"], made["to"] = sorted((made["from"], made["to"]))


def _dated(draw: Draw, made: dict[str, Any]) -> None:
    if not {"train", "component"} & made.keys():
        made[draw(st.sampled_from(("train", "component")))] = "alpha"


def _watch(draw: Draw, made: dict[str, Any]) -> None:
    made.setdefault("metrics", {"requests": "requests_total", "errors": "errors_total"})


def _train(draw: Draw, made: dict[str, Any]) -> None:
    made.setdefault("from", "2026-02-10")


def _component(draw: Draw, made: dict[str, Any]) -> None:
    made.setdefault("owners", "team")


def _workflow(draw: Draw, made: dict[str, Any]) -> None:
    made["workflow"] = [{"name": name, "says": "It is done"} for name in POOLS["step of the workflow"]]


def _trigger(draw: Draw, made: dict[str, Any]) -> None:
    if "error_rate" in made:
        made["error_rate"] = "> 5%"


MENDED: Mapping[str, Callable[[Draw, dict[str, Any]], None]] = {
    "Gate": _gate,
    "Blackout": _blackout,
    "StatedDate": _dated,
    "Watch": _watch,
    "Train": _train,
    "Component": _component,
    "Changes": _workflow,
    "Trigger": _trigger,
}
"""What of a section hangs together, by its name: the types do not tell."""


# ---- whole documents

HEAD: Mapping[str, Any] = {"tidegate": 1, "organization": "Example", "timezone": "Europe/Berlin"}

_SECTIONS = [key for name, key in keys_of(Policy).items() if name not in HEAD]


@st.composite
def documents(draw: Draw) -> dict[str, Any]:
    """A policy with a few sections, as plain values."""
    chosen = draw(st.lists(st.sampled_from(_SECTIONS), min_size=1, max_size=5, unique_by=lambda key: key.name))
    return {**HEAD, **{key.name: draw(_of_key(key, Policy)) for key in chosen}}


def _each(names: Sequence[str], value: Any) -> dict[str, Any]:
    return {name: deepcopy(value) for name in names}


HOUSE: Mapping[str, Any] = {
    **HEAD,
    "people": {name: {"name": name.title(), "groups": list(TEAMS)} for name in ("ann", "ben", "cem")},
    "groups": _each(TEAMS, {}),
    "trainings": _each(OTHERS, {"title": "Releasing"}),
    "contacts": _each(OTHERS, {"title": "The team", "reach": "555"}),
    "clients": _each(OTHERS, {"title": "A client"}),
    "components": {
        **_each(OTHERS, {"owners": "team"}),
        "service": {"kind": "service", "owners": "team"},
        "module": {"kind": "module", "owners": "leads"},
    },
    "branches": _each(OTHERS, {"pattern": "main"}),
    "trains": _each(OTHERS, {"of": {"kind": "module"}, "every": "day at 10:00"}),
    "milestones": _each(OTHERS, {"title": "Freeze", "at": "-7d"}),
    "processes": {
        **_each(OTHERS, {"phases": [{"name": "plan"}]}),
        "whole": {"phases": [{"name": name} for name in POOLS["phase"]]},
    },
    "release_types": _each(KINDS_OF_RELEASE, {"bump": "patch"}),
    "gates": _each(OTHERS, {"evidence": "junit", "pass": "tests.failed == 0"}),
    "documents": _each(OTHERS, {"title": "Notes"}),
    "checklists": _each(OTHERS, {"title": "Ready", "items": {"a": {"says": "It is ready"}}}),
    "changes": {
        "workflow": [{"name": name, "says": "It is done"} for name in POOLS["step of the workflow"]],
        "categories": _each(OTHERS, {"title": "Normal"}),
    },
    "environments": {name: {"purpose": "production" if name == "production" else "staging"} for name in PLACES},
    "strategies": _each(OTHERS, {"recreate": {}}),
    "backups": _each(OTHERS, {"title": "Database"}),
    "audiences": _each(OTHERS, {"title": "Everybody"}),
    "templates": _each(OTHERS, {"text": "It is out"}),
    "reviews": _each(OTHERS, {"title": "Looking back", "every": "monthly"}),
}  # fmt: skip
"""A policy in which everything is there that the pools name."""


@st.composite
def policies(draw: Draw) -> dict[str, Any]:
    """A policy in which nearly every name leads somewhere: a document laid on the house."""
    document = draw(documents())
    house = deepcopy(dict(HOUSE))
    for name, section in document.items():
        below = house.get(name)
        house[name] = {**below, **section} if isinstance(below, dict) and isinstance(section, dict) else section
    categories = house["changes"].get("categories", {})
    house["changes"]["categories"] = {**HOUSE["changes"]["categories"], **categories}
    house.pop("extends", None)
    return house


# ---- damage to the values


def damaged(draw: Draw, document: Any) -> Any:
    """The document with something in it taken away, renamed, exchanged or replaced."""
    whole = {"": deepcopy(document)}
    holders = list(_holders(whole))
    # Seldom at the whole, or at its head: nothing else would be looked at.
    least = min(len(HEAD) + 1, len(holders) - 1) if draw(st.integers(0, 9)) else 0
    holder, step = holders[draw(st.integers(least, len(holders) - 1))]
    draw(st.sampled_from(_DAMAGE))(draw, holder, step, holders)
    return whole.get("", whole)


def _holders(value: Any) -> list[tuple[Any, Any]]:
    """Each place in a document: what holds it, and the key or index."""
    steps = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [found for step in list(steps) for found in [(value, step), *_holders(value[step])]]


_Damage: TypeAlias = Callable[[Draw, Any, Any, list[tuple[Any, Any]]], None]


def _delete(draw: Draw, holder: Any, step: Any, others: list[tuple[Any, Any]]) -> None:
    del holder[step]


def _rename(draw: Draw, holder: Any, step: Any, others: list[tuple[Any, Any]]) -> None:
    if isinstance(holder, dict):
        typed = [step[1:], step[:-1], step + "s", step.upper(), step.replace("e", "a"), *HOSTILE, *WORDS]
        holder[draw(st.sampled_from(typed))] = holder.pop(step)


def _replace(draw: Draw, holder: Any, step: Any, others: list[tuple[Any, Any]]) -> None:
    holder[step] = draw(_anything)


def _exchange(draw: Draw, holder: Any, step: Any, others: list[tuple[Any, Any]]) -> None:
    other, place = others[draw(st.integers(0, len(others) - 1))]
    holder[step], other[place] = deepcopy(other[place]), deepcopy(holder[step])


def _wrap(draw: Draw, holder: Any, step: Any, others: list[tuple[Any, Any]]) -> None:
    for _ in range(draw(st.sampled_from((1, 2, 40)))):
        holder[step] = [holder[step]] if draw(st.booleans()) else {"a": holder[step]}


def _unwrap(draw: Draw, holder: Any, step: Any, others: list[tuple[Any, Any]]) -> None:
    inner = holder[step]
    if isinstance(inner, dict | list) and inner:
        holder[step] = next(iter(inner.values())) if isinstance(inner, dict) else inner[0]


def _as_text(draw: Draw, holder: Any, step: Any, others: list[tuple[Any, Any]]) -> None:
    holder[step] = json.dumps(holder[step])


def _add_key(draw: Draw, holder: Any, step: Any, others: list[tuple[Any, Any]]) -> None:
    if isinstance(holder, dict):
        holder[draw(st.sampled_from((*OTHERS, *PLACES, *POOLS, *HOSTILE)))] = draw(_anything)


def _repeat(draw: Draw, holder: Any, step: Any, others: list[tuple[Any, Any]]) -> None:
    if isinstance(holder, list):
        holder += [deepcopy(holder[step]) for _ in range(draw(st.sampled_from((1, 3, 60))))]


_DAMAGE: tuple[_Damage, ...] = (
    _delete,
    _rename,
    _replace,
    _replace,
    _exchange,
    _wrap,
    _unwrap,
    _as_text,
    _add_key,
    _repeat,
)


# ---- writing


def written(draw: Draw, document: Any) -> bytes:
    """The document as YAML, in one of the ways in which it can be written."""
    style = draw(st.sampled_from(("block", "block", "flow", "aliases")))
    if style == "flow":
        return json.dumps(document, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    anchors: dict[str, str] | None = {} if style == "aliases" else None
    return ("\n".join(_block(document, anchors)) + "\n").encode("utf-8", "surrogatepass")


_SAFE = re.compile(r"[A-Za-z$][A-Za-z0-9_./$]*(?: [A-Za-z0-9_./]+)*")
_TAKEN = {"true", "false", "null", "True", "False", "Null", "NULL", "TRUE", "FALSE"}


def _word(value: Any) -> str:
    if isinstance(value, str) and _SAFE.fullmatch(value) and value not in _TAKEN:
        return value
    return json.dumps(value, ensure_ascii=False)


def _block(value: Any, anchors: dict[str, str] | None) -> list[str]:
    """The lines of a value in block style; with ``anchors``, what was written before is named instead of repeated."""
    if not isinstance(value, dict | list) or not value:
        return [_word(value)]
    if isinstance(value, list):
        return [line for entry in value for line in _hung("-", entry, anchors)]
    return [line for key, entry in value.items() for line in _hung(f"{_word(key)}:", entry, anchors)]


def _hung(head: str, value: Any, anchors: dict[str, str] | None) -> list[str]:
    mark = ""
    if anchors is not None and isinstance(value, dict | list) and value:
        text = json.dumps(value)
        if text in anchors:
            return [f"{head} *{anchors[text]}"]
        mark = f" &a{len(anchors)}"
        anchors[text] = mark[2:]
    lines = _block(value, anchors)
    if isinstance(value, dict | list) and value:
        return [f"{head}{mark}", *(f"  {line}" for line in lines)]
    return [f"{head} {lines[0]}"]


# ---- damage to the bytes

_INSERTED: tuple[bytes, ...] = (
    b"\t", b"\x00", b"\xff", b"\xed\xa0\x80", b"\xc3", b"\xef\xbb\xbf", b"\r", b"\x1b[31m",
    b"\xe2\x80\xa8", b"\xc2\x85", b"&a ", b"*a", b"!!int ", b"!!python/object:os.system ", b"!x",
    b"? ", b": ", b"- ", b"|\n", b">-\n", b"<<: ", b"\n", b"%YAML 1.1\n---\n", b"---\n", b"...\n",
    b"'", b'"', b"{", b"[", b"}", b"]", b",", b"#", b" #", b"@", b"`", b"\\", b"[" * 40, b"- " * 40,
    b"0x", b"1e999", b"9" * 400, b"~", b"null", b"  ", b"x" * 10_000,
)  # fmt: skip

BOMB = b"a: &a0 [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (n, n, b",".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 12)
)


def torn(draw: Draw, content: bytes) -> bytes:
    """The bytes, cut, mixed up, or with something in them that has no place there."""
    place = draw(st.integers(0, len(content)))
    way = draw(st.sampled_from(("insert", "insert", "insert", "cut", "truncate", "line", "swap", "indent", "bomb")))
    if way == "insert":
        inserted: bytes = draw(st.sampled_from(_INSERTED))
        return content[:place] + inserted + content[place:]
    if way == "cut":
        end: int = place + draw(st.integers(1, 40))
        return content[:place] + content[end:]
    if way == "truncate":
        return content[:place]
    if way == "bomb":
        return content + BOMB
    lines = content.split(b"\n")
    first, second = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    if way == "line":
        lines.insert(second, lines[first])
    elif way == "swap":
        lines[first], lines[second] = lines[second], lines[first]
    else:
        lines[first] = draw(st.sampled_from((b" ", b"    ", b"\t"))) + lines[first]
    return b"\n".join(lines)


# ---- files


@cache
def _text(name: str) -> bytes:
    return (PRESETS / name).read_bytes()


@cache
def _preset(name: str) -> Any:
    return plain_value(read_yaml(_text(name), name).root)


@st.composite
def pieces(draw: Draw) -> dict[str, Any]:
    """A few sections of the presets, of one or of several of them."""
    found = dict(HEAD)
    for name in draw(st.lists(st.sampled_from(sorted(_WHOLE)), min_size=1, max_size=3, unique=True)):
        whole = _preset(name)
        found |= {key: whole[key] for key in draw(st.lists(st.sampled_from(sorted(whole)), min_size=1, max_size=2))}
    return found


PRESETS = Path(presets.__file__).parent / "presets"
_WHOLE = sorted(path.name for path in PRESETS.glob("*@*.yaml"))
_STARTERS = sorted(path.name for path in PRESETS.glob("*.starter.yaml"))


@st.composite
def files(draw: Draw) -> bytes:
    """The bytes of a file that is, or once was, a policy."""
    way = draw(st.integers(0, 49))
    if way == 0:
        return torn(draw, _text(draw(st.sampled_from(_WHOLE))))
    if way == 1:
        return torn(draw, _text(draw(st.sampled_from(_STARTERS))))
    if way in (2, 3):
        document = deepcopy(_preset(draw(st.sampled_from(_STARTERS))))
    else:
        document = draw(documents() if way < 26 else pieces() if way < 40 else policies())
    for _ in range(draw(st.sampled_from((0, 1, 1, 2, 3, 6)))):
        document = damaged(draw, document)
    content = written(draw, document)
    for _ in range(draw(st.sampled_from((0, 0, 0, 1, 2)))):
        content = torn(draw, content)
    return content
