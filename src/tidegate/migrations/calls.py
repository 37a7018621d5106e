"""Which functions a statement calls that nobody here knows: they may do anything, also where only rows are added.

A look at the words alone finds out that most statements call nothing, however long they are. What may call something
is parsed, by sqlglot; of it the functions count that no dialect brings along. Whoever gives a function of their own
the name of a known one is not found out.
"""

from __future__ import annotations

import logging
import re

from tidegate.core.migration.statements import code_of

LONGEST = 64 << 10
"""Characters of a statement that is parsed; of a longer one each name before a parenthesis counts as a call."""

_CALL = re.compile(r"(?:(?<![\w$])([\w$]++)|[\"`\]])\s*+\(")
"""A name before a parenthesis; the name is empty where it is quoted, since then nobody here reads it."""

_TARGET = re.compile(r"\b(?:INTO|TABLE)\s+[\w$.\"`]++\s*+\(", re.IGNORECASE)
"""The table that rows are brought to, before the names of its columns."""

_WORDS = """
in values select exists from and or not where as on over using set by any all some then else when case union except
intersect having filter within returning limit offset between like ilike is distinct row array lateral materialized
conflict interval default partition key into
"""
"""What is no call, whatever stands behind it."""

_TYPES = """
numeric decimal dec varchar char character varying bit varbit binary varbinary time timestamp timestamptz float double
text int integer bigint smallint tinyint mediumint datetime blob nvarchar nchar
"""

_STATE = """
setval nextval currval lastval set_config current_setting pg_advisory_lock pg_advisory_xact_lock pg_advisory_unlock
pg_advisory_unlock_all pg_get_serial_sequence pg_try_advisory_lock pg_try_advisory_xact_lock to_regclass version
pg_typeof txid_current pg_backend_pid last_insert_id found_rows row_count get_lock release_lock last_insert_rowid
changes total_changes typeof
"""
"""Counters, locks and settings, which migrations read and set."""

_TEXTS = """
lower upper concat concat_ws substr substring trim ltrim rtrim btrim lpad rpad left right length char_length
octet_length replace reverse repeat position strpos instr locate split_part initcap translate ascii chr format
quote_literal quote_ident quote_nullable quote regexp_replace regexp_match regexp_matches regexp_split_to_array
regexp_split_to_table string_to_array string_to_table array_to_string overlay to_hex hex unhex md5 sha1 sha2 sha224
sha256 sha384 sha512 encode decode digest hmac crypt gen_salt unaccent similarity soundex char substring_index
convert_from convert_to normalize starts_with printf glob
"""

_NUMBERS = """
abs ceil ceiling floor round trunc truncate mod power sqrt exp ln log sign random rand greatest least div width_bucket
"""

_TIMES = """
now current_timestamp current_date current_time localtime localtimestamp clock_timestamp statement_timestamp
transaction_timestamp timeofday date_trunc date_part extract age to_char to_date to_timestamp to_number make_date
make_time make_timestamp make_timestamptz make_interval justify_days justify_hours justify_interval date date_add
date_sub adddate subdate datediff timestampdiff timestampadd unix_timestamp from_unixtime str_to_date date_format
curdate curtime utc_timestamp year month day hour minute second strftime datetime julianday unixepoch timezone
"""

_SETS = """
coalesce nullif ifnull isnull if iif cast convert count sum avg min max every bool_and bool_or string_agg array_agg
group_concat json_agg jsonb_agg json_object_agg jsonb_object_agg row_number rank dense_rank percent_rank cume_dist
ntile lag lead first_value last_value nth_value generate_series unnest array_length array_append array_prepend
array_cat array_remove array_replace array_position cardinality grouping total
"""
"""What is chosen, counted and put together."""

_DOCUMENTS = """
to_json to_jsonb json_build_object jsonb_build_object json_build_array jsonb_build_array json_object json_array
jsonb_set jsonb_insert jsonb_strip_nulls json_extract json_set json_remove json_unquote json_each jsonb_each
json_each_text jsonb_each_text jsonb_array_elements json_array_elements jsonb_array_elements_text
json_array_elements_text jsonb_typeof json_typeof json_valid json_contains jsonb_path_query row_to_json jsonb_pretty
uuid gen_random_uuid uuid_generate_v1 uuid_generate_v4 uuid_generate_v5 uuid_to_bin bin_to_uuid randomblob zeroblob
"""
"""Documents, and names that are made."""

_HARMLESS = frozenset(" ".join((_WORDS, _TYPES, _STATE, _TEXTS, _NUMBERS, _TIMES, _SETS, _DOCUMENTS)).split())


def unknown_call(text: str, dialect: str) -> str | None:
    """A function that a statement calls and that nobody knows, as it is said; None where there is none.

    Args:
        text: one statement.
        dialect: ``postgres``, ``mysql``, ``sqlite``, or empty where nobody knows.
    """
    code = _TARGET.sub("(", code_of(text, dialect))
    suspects = {name.lower() for name in _CALL.findall(code)} - _HARMLESS
    if not suspects:
        return None
    called = suspects if len(text) > LONGEST else _called(text, dialect)
    # Of what cannot be parsed, and is written as a call, each counts as one.
    unknown = min((suspects if called is None else called) - _HARMLESS, default=None)
    if unknown is None:
        return None
    return f"{unknown}()" if unknown else "a function whose name is quoted"


def _called(text: str, dialect: str) -> set[str] | None:
    """The functions that a statement calls and that no dialect brings along; None: it cannot be parsed."""
    import sqlglot
    from sqlglot import exp

    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
    try:
        trees = sqlglot.parse(text, dialect=dialect or None)
    except Exception:  # noqa: BLE001  whatever a parser says to what is no SQL, too deep a nesting too
        return None
    if any(tree is None or isinstance(tree, exp.Command) for tree in trees):
        return None
    found: set[str] = set()
    for tree in trees:
        for node in tree.find_all(exp.Anonymous, exp.AnonymousAggFunc) if tree is not None else ():
            name = node.this
            found.add("" if isinstance(name, exp.Identifier) and name.args.get("quoted") else str(name).lower())
    return found
