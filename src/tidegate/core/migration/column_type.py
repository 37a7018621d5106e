"""Types of columns, in one spelling, and whether one holds everything that another holds."""

from __future__ import annotations

import re

_SHAPE = re.compile(r"\s*([a-z][a-z0-9_ ]{0,40}?)\s*(?:\(\s*([0-9]{1,9})\s*(?:,\s*([0-9]{1,9})\s*)?\))?\s*")

_SAME = {
    "int": "integer", "int4": "integer", "serial": "integer", "serial4": "integer",
    "int2": "smallint", "smallserial": "smallint", "tinyint": "tinyint",
    "int8": "bigint", "bigserial": "bigint", "serial8": "bigint", "bigint": "bigint",
    "character varying": "varchar", "nvarchar": "varchar", "string": "varchar", "varchar": "varchar",
    "character": "char", "bpchar": "char", "nchar": "char",
    "decimal": "numeric", "numeric": "numeric",
    "real": "real", "float4": "real", "float": "double", "double precision": "double", "float8": "double",
    "bool": "boolean", "timestamptz": "timestamptz", "timestamp with time zone": "timestamptz",
    "timestamp without time zone": "timestamp", "datetime": "timestamp", "timestampntz": "timestamp",
    "longtext": "text", "mediumtext": "text", "clob": "text", "jsonb": "jsonb",
}  # fmt: skip

_INTEGERS = {
    "tinyint": 8, "smallint": 16, "mediumint": 24, "integer": 32, "bigint": 64,
}  # fmt: skip
"""How many bits each has; one that is ``unsigned`` has the same, and nothing below zero."""
_UNSIGNED = re.compile(r"u(tinyint|smallint|mediumint|int|integer|bigint)")

_LADDERS = (
    ("real", "double"),
    ("date", "timestamp"),
)

_WORDS = {"char", "varchar", "text"}
_BYTES = {"bytea", "blob"}
_MOMENTS = {"timestamp", "timestamptz", "time"}
_FINEST = 6
"""How many digits of a second a moment has where its type does not say it (PostgreSQL)."""

_IN_MYSQL = {
    "TINYTEXT": "text(255)", "TEXT": "text(65535)", "MEDIUMTEXT": "text(16777215)", "LONGTEXT": "text",
    "TINYBLOB": "blob(255)", "BLOB": "blob(65535)", "MEDIUMBLOB": "blob(16777215)", "LONGBLOB": "blob",
    "TINYINT": "tinyint", "MEDIUMINT": "mediumint",
    "DATETIME": "timestamp(0)", "TIMESTAMP": "timestamptz(0)", "TIMESTAMPTZ": "timestamptz(0)", "TIME": "time(0)",
}  # fmt: skip
"""What other databases have no word for, or mean something else by. Source: MySQL 8.0, "Data Type Storage
Requirements", "Fractional Seconds in Time Values"."""


def normal(text: str) -> str:
    """A type in its one spelling, as ``varchar(20)``; empty where it is none that we know how to compare."""
    match = _SHAPE.fullmatch(text.lower())
    if match is None:
        return ""
    name, size, scale = match.groups()
    name = _SAME.get(name, name)
    if unsigned := _UNSIGNED.fullmatch(name):
        return f"{_SAME.get(unsigned[1], unsigned[1])} unsigned"
    # In MySQL the number of an integer is a width to print it with, and holds nothing back.
    if size is None or name in ("tinyint", "smallint", "mediumint", "integer", "bigint", "text"):
        return name
    return f"{name}({int(size)})" if scale is None else f"{name}({int(size)},{int(scale)})"


def in_mysql(word: str) -> str:
    """A type that MySQL writes as one word, without a number; empty where it means what everybody means by it."""
    return _IN_MYSQL.get(word.upper(), "")


def narrower(before: str, after: str) -> bool | None:
    """Whether a column of type ``after`` holds less than one of type ``before``; None where nobody can tell."""
    if not before or not after:
        return None
    if before == after:
        return False
    if before.startswith(_CHOICES) and after.startswith(_CHOICES):
        return _narrower_choice(before, after)
    if (old_range := _range(before)) and (new_range := _range(after)):
        return new_range[0] > old_range[0] or new_range[1] < old_range[1]
    (old, *old_size), (new, *new_size) = _parts(before), _parts(after)
    if old in _WORDS and new in _WORDS:
        return _room(new, new_size) < _room(old, old_size)
    if old in _BYTES and new in _BYTES:
        return _room("blob", new_size) < _room("blob", old_size)
    if old == new and old in _MOMENTS:
        return (new_size or [_FINEST])[0] < (old_size or [_FINEST])[0]
    if old == new == "numeric":
        return _narrower_number(old_size, new_size)
    for ladder in _LADDERS:
        if old in ladder and new in ladder:
            return ladder.index(new) < ladder.index(old)
    return None


_CHOICES = ("enum(", "set(")


def _narrower_choice(before: str, after: str) -> bool | None:
    if before.partition("(")[0] != after.partition("(")[0]:
        return None
    old, new = (text.partition("(")[2].rstrip(")").split(",") for text in (before, after))
    return not set(old) <= set(new)


def _range(text: str) -> tuple[int, int] | None:
    """The least and the most that an integer holds; None for what is none."""
    name, _, sign = text.partition(" ")
    bits = _INTEGERS.get(name)
    if bits is None or sign not in ("", "unsigned"):
        return None
    return (0, 2**bits - 1) if sign else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def grows_in_place(before: str, after: str, dialect: str) -> bool:
    """Whether a database takes a type that holds more without writing the table anew.

    PostgreSQL does for a longer varchar and text, more digits before the point, and finer moments. MySQL does for a
    varchar whose length is kept in as many bytes as before (in any character set of up to four bytes), and for choices
    that are added behind those that there are.
    Source: PostgreSQL 15, "ALTER TABLE", notes; MySQL 8.0, "Online DDL Operations".
    """
    (old, *old_size), (new, *new_size) = _parts(before), _parts(after)
    if dialect == "mysql":
        if before.startswith(_CHOICES):
            return after.startswith(before.rstrip(")"))
        sized = old == new == "varchar" and bool(old_size and new_size)
        return sized and (new_size[0] * 4 <= _ONE_BYTE or old_size[0] > _ONE_BYTE)
    if old in ("varchar", "text") and new in ("varchar", "text"):
        return True
    if old == new == "numeric":
        return not new_size or (len(old_size) == len(new_size) and old_size[1:] == new_size[1:])
    return old == new and old in _MOMENTS


_ONE_BYTE = 255


def _parts(text: str) -> tuple[str, *tuple[int, ...]]:
    name, _, rest = text.partition("(")
    return (name, *(int(number) for number in rest.rstrip(")").split(",") if number.isdigit()))


_BOUNDLESS = 1 << 40


def _room(name: str, size: list[int]) -> int:
    if size:
        return size[0]
    return 1 if name == "char" else _BOUNDLESS


def _narrower_number(before: list[int], after: list[int]) -> bool:
    if not after:
        return False
    if not before:
        return True
    (digits, scale), (new_digits, new_scale) = (tuple([*size, 0][:2]) for size in (before, after))
    return new_scale < scale or new_digits - new_scale < digits - scale
