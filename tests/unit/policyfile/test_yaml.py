from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.errors import PolicyError
from tidegate.policyfile.mistakes import Place
from tidegate.policyfile.yaml import MAX_BYTES, MAX_DEPTH, MAX_NODES, Document, Scalar, plain_value, read_yaml


def read(text: str) -> Document:
    return read_yaml(text.encode(), "p.yaml")


def value(text: str) -> object:
    return plain_value(read(text).root)


def refused(content: bytes) -> PolicyError:
    with pytest.raises(PolicyError) as caught:
        read_yaml(content, "p.yaml")
    return caught.value


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("NO", "NO"),
        ("yes", "yes"),
        ("on", "on"),
        ("2026-02-10", "2026-02-10"),
        ("09:00", "09:00"),
        ("1_000", "1_000"),
        ("7d", "7d"),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-0x1f", "-0x1f"),
        ("0x1f", 31),
        ("0o17", 15),
        ("017", 17),
        ("1.10", 1.1),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("'12'", "12"),
        ('"true"', "true"),
        ("!!str 1.10", "1.10"),
        ("! 12", "12"),
        ("!!int 12", 12),
        ("|\n  a\n  b\n", "a\nb\n"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(written: str, meant: object) -> None:
    found = value(f"key: {written}")
    assert found == {"key": meant}
    assert isinstance(found, dict)
    assert type(found["key"]) is type(meant)


def test_on_is_a_key() -> None:
    assert value("on: 1\nno: {off: 2}") == {"on": 1, "no": {"off": 2}}


def test_places_count_lines_and_columns_from_one() -> None:
    document = read("a: 1\nlist:\n  - x: [10, 'twenty']\n")
    assert document.place(("list", 0, "x", 1)) == Place(3, 13, "p.yaml")
    assert document.key_place(("list", 0, "x")) == Place(3, 5, "p.yaml")
    assert document.key_place(("list", 0)) == Place(3, 5, "p.yaml")
    assert document.place(("list", 0, "missing", "deeper")) == Place(3, 5, "p.yaml")
    assert document.node(("list", 1)) is None


def test_a_byte_order_mark_moves_no_column() -> None:
    document = read_yaml(b"\xef\xbb\xbfa: {b: 1}", "p.yaml")
    assert document.key_place(("a", "b")) == Place(1, 5, "p.yaml")


@pytest.mark.parametrize(
    ("written", "column"),
    [("abc == 1", 6), ("'abc == 1'", 7), ('"abc == 1"', 7), ('"abc\\x20== 1"', None), ("|\n    abc == 1", None)],
)
def test_where_a_text_itself_begins(written: str, column: int | None) -> None:
    node = read(f"pa: {written}").node(("pa",))
    assert isinstance(node, Scalar)
    assert node.inside == (None if column is None else column - 1)


def test_aliases_are_copies() -> None:
    assert value("a: &x {b: [1]}\nc: *x\nd: [*x, *x]") == {"a": {"b": [1]}, "c": {"b": [1]}, "d": [{"b": [1]}] * 2}


@pytest.mark.parametrize(
    ("text", "where", "what", "remedy"),
    [
        ("a: 1\nb: 2\na: 3", "3:1", 'the key "a" is written twice; the first is at 1:1', "keep one of the two"),
        ("<<: {a: 1}", "1:1", "the merge key << is not part of YAML 1.2", "write the keys out, or use an alias"),
        ("x:\n  1: a", "2:3", "the key 1 is not a text", 'quote it: "1"'),
        ("true: a", "1:1", "the key true is not a text", 'quote it: "true"'),
        (": a", "1:1", "a key is missing before the colon", "write the key"),
        ("a: .nan", "1:4", ".nan is not a number that a policy can hold", "quote it if it is a text"),
        ("a: 1e999", "1:4", "1e999 is not a number that a policy can hold", "quote it if it is a text"),
        ("a: 9007199254740992", "1:4", "9007199254740992 is not a number that a policy", "quote it if it is a text"),
        ('a: "\\0"', "1:4", "the text contains the control character U+0000", "remove the escape sequence"),
        ('a: "\\uD800"', "1:4", "the text contains the control character U+D800", "remove the escape sequence"),
        ('a: "\\u202E"', "1:4", "the text contains the control character U+202E", "remove the escape sequence"),
    ],
)
def test_mistakes_that_do_not_stop_the_reading(text: str, where: str, what: str, remedy: str) -> None:
    (mistake,) = read(text).mistakes
    assert (str(mistake.place), mistake.what[: len(what)], mistake.remedy[: len(remedy)]) == (where, what, remedy)


@pytest.mark.parametrize(
    ("content", "where", "what"),
    [
        (b"", "1:1", "the file is empty"),
        (b"# only a comment\n", "1:1", "the file is empty"),
        (b"a: \xff", "1:4", "byte 0xff is not UTF-8"),
        (b"\xff\xfea\0", "1:1", "byte 0xff is not UTF-8"),
        (b"\xef\xbb\xbft\xffidegate: 1", "1:2", "byte 0xff is not UTF-8"),
        (b"\xef\xbb\xbfa: 1\nb: \xfe", "2:4", "byte 0xfe is not UTF-8"),
        (b"a: b\x00c", "1:5", "the invisible character U+0000 has no place in a policy"),
        ("a: 1\nb: \u202e".encode(), "2:4", "the invisible character U+202E has no place in a policy"),
        ("a: 1\u2028b: 2".encode(), "1:5", "the invisible character U+2028 has no place in a policy"),
        (b"a: 1\n---\nb: 2", "2:1", "a second document begins"),
        (b"%YAML 1.1\n---\na: 1", "2:1", "the file says that it is not YAML 1.2"),
        (b"a: [1", "1:6", "this is not YAML: the [ before this is not closed"),
        (b"a: {b: 1", "1:9", "this is not YAML: the { before this is not closed"),
        (b"a: 1\nb: 'x\nc: 2", "2:4", "this is not YAML: a quoted text is not closed"),
        (b"a: b: c", "1:5", "this is not YAML: a colon stands where no key can be"),
        (b"a:\n\tb: 1", "2:1", "this is not YAML: a tab is used to indent"),
        (b"a:\n  b: 1\n c: 2", "3:2", "this is not YAML: the indentation does not fit what is above it"),
        (b"a: @x", "1:4", "this is not YAML: a text begins with a character that means something in YAML"),
        (b'a: "\\q"', "1:6", "this is not YAML: a backslash in a double-quoted text begins no escape"),
        (b'a: "\\UFFFFFFFF"', "1:2", "this is not YAML from here on"),
        (b"a: !!python/object:os.system x", "1:4", "the tag tag:yaml.org,2002:python/object:os.system is not known"),
        (b"a: !secret x", "1:4", "the tag !secret is not known"),
        (b"a: !!int x", "1:4", '"x" is no !!int'),
        (b"a: !!map [x]", "1:4", "a collection is no !!map"),
        (b"a: *x", "1:4", "there is no &x before this *x"),
        (b"a: &x [*x]", "1:8", "*x contains itself"),
        (b"[a]: b", "1:1", "a list or mapping stands where a key is expected"),
        (b"a: &x b\n*x : c", "2:1", "an alias stands where a key is expected"),
    ],
)
def test_what_cannot_be_read_any_further(content: bytes, where: str, what: str) -> None:
    error = refused(content)
    assert (error.where, error.what) == (f"p.yaml:{where}", what)
    assert error.remedy


def test_ten_megabytes_are_refused_unread() -> None:
    error = refused(b"a: [" * 2_500_000)
    assert error.what == f"the file has 10,000,000 bytes; a policy has at most {MAX_BYTES:,}"


def test_an_alias_bomb_is_refused_when_its_first_charge_is_counted() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    error = refused("\n".join(lines).encode())
    assert error.where == "p.yaml:6:40"
    assert error.what.startswith("with its aliases expanded the file has more than 500,000 values")


def test_a_bomb_of_one_long_text_is_refused() -> None:
    text = "a: &a " + "x" * 1_000_000 + "\nb: [" + ", ".join(["*a"] * 100) + "]"
    assert "4,194,304 characters" in refused(text.encode()).what


def test_a_bomb_of_keys_is_refused() -> None:
    text = "a: &a {" + "k" * 500 + ": 1}\nb: &b [" + ", ".join(["*a"] * 100) + "]\nc: [" + ", ".join(["*b"] * 100) + "]"
    assert "4,194,304 characters" in refused(text.encode()).what


def test_nesting_is_bounded_also_through_aliases() -> None:
    deep = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert read(deep).mistakes == ()
    assert refused(f"[{deep}]".encode()).what == f"more than {MAX_DEPTH} mappings and lists inside each other"
    assert "inside each other" in refused(f"- &a {deep[1:-1]}\n- [*a]".encode()).what
    assert "inside each other" in refused(b"- " * 10_000).what
    assert "inside each other" in refused(b"[" * 100_000).what


def test_nodes_are_bounded() -> None:
    thousand = b"a: &a [" + b"x," * 1000 + b"]\n"
    assert read_yaml(thousand + b"b: [" + b"*a," * 490 + b"]", "p.yaml").mistakes == ()
    assert f"more than {MAX_NODES:,} values" in refused(thousand + b"b: [" + b"*a," * 500 + b"]").what


def outcome(content: bytes) -> PolicyError | None:
    try:
        read_yaml(content, "p.yaml")
    except PolicyError as error:
        return error
    return None


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab:-?&*!|>%@`'\"{}[],#\\ \n\t~.01<=Uux", max_size=60))
def test_any_text_is_read_or_refused_in_our_words(text: str) -> None:
    error = outcome(text.encode())
    assert error is None or (error.where.startswith("p.yaml:") and error.remedy)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_in_our_words(content: bytes) -> None:
    error = outcome(content)
    assert error is None or error.what.isprintable()


plain = st.recursive(
    st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(alphabet=st.characters(codec="ascii", categories=["L", "N", "P"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(plain)
def test_json_is_yaml_and_means_the_same(data: object) -> None:
    assert value(json.dumps(data)) == data
