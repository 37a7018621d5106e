"""From text to tree: every form of CEL, its shape, its limits and its mistakes."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tidegate.core.condition import ConditionError, engine
from tidegate.core.condition.grammar import parse
from tidegate.core.condition.syntax import (
    Binary,
    Call,
    Comprehension,
    Conditional,
    Expression,
    Has,
    Index,
    ListLiteral,
    Literal,
    Logical,
    MapLiteral,
    Name,
    Negate,
    Not,
    Select,
)


def shape(node: Expression) -> str:
    """The tree in prefix form, so that a table can hold it."""
    match node:
        case Literal(kind=kind, value=value):
            return f"{kind or 'null'}:{value!r}"
        case Name(name=name):
            return name
        case ListLiteral(items=items):
            return f"[{_shapes(*items)}]"
        case MapLiteral(entries=entries):
            return "{" + " ".join(f"{shape(key)}={shape(value)}" for key, value in entries) + "}"
        case Call() | Has() | Comprehension():
            return _call(node)
        case _:
            return f"({_operation(node)})"


def _call(node: Call | Has | Comprehension) -> str:
    match node:
        case Has(operand=operand, field=field):
            return f"has({shape(operand)} . {field})"
        case Call(function=function, target=target, args=args):
            owner = f"{shape(target)}:" if target else ""
            return f"{owner}{function}({', '.join(map(shape, args))})"
        case Comprehension(macro=macro, range=items, variable=variable, body=body, filter=condition):
            rest = f"{shape(condition)}, " if condition else ""
            return f"{macro}<{variable} of {shape(items)}>({rest}{shape(body)})"


def _operation(node: Expression) -> str:
    match node:
        case Select(operand=operand, field=field):
            return f"{shape(operand)} . {field}"
        case Index(operand=operand, index=index):
            return f"{shape(operand)} @ {shape(index)}"
        case Not(operand=operand):
            return f"! {shape(operand)}"
        case Negate(operand=operand):
            return f"- {shape(operand)}"
        case Binary(operator=operator, left=left, right=right):
            return f"{operator} {_shapes(left, right)}"
        case Logical(operator=operator, operands=operands):
            return f"{operator} {_shapes(*operands)}"
        case Conditional(test=test, then=then, otherwise=otherwise):
            return f"? {_shapes(test, then, otherwise)}"
        case _:
            raise AssertionError(node)


def _shapes(*nodes: Expression) -> str:
    return " ".join(map(shape, nodes))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # precedence and association
        ("a || b && c", "(|| a (&& b c))"),
        ("a && b || c && d || e", "(|| (&& a b) (&& c d) e)"),
        ("(a || b) && c", "(&& (|| a b) c)"),
        ("a && b && c", "(&& a b c)"),
        ("a < b == c", "(== (< a b) c)"),
        ("a in b == c", "(== (in a b) c)"),
        ("a + b * c - d", "(- (+ a (* b c)) d)"),
        ("a - b - c", "(- (- a b) c)"),
        ("a / b % c", "(% (/ a b) c)"),
        ("a + b > c - d", "(> (+ a b) (- c d))"),
        ("!a && !b", "(&& (! a) (! b))"),
        ("!!a", "(! (! a))"),
        ("!a.b", "(! (a . b))"),
        ("-a.b * c", "(* (- (a . b)) c)"),
        ("--a", "(- (- a))"),
        ("a - -b", "(- a (- b))"),
        ("a-1", "(- a int:1)"),
        ("a ? b : c ? d : e", "(? a b (? c d e))"),
        ("a || b ? c : d", "(? (|| a b) c d)"),
        ("a ? (b ? c : d) : e", "(? a (? b c d) e)"),
        # members, calls, macros
        ("a.b.c", "((a . b) . c)"),
        ("a\n .\tb", "(a . b)"),
        ("a.package", "(a . package)"),
        ("a[0].b[c]", "(((a @ int:0) . b) @ c)"),
        ("f()", "f()"),
        ("f(a, b + c)", "f(a, (+ b c))"),
        ("a.f(b).g()", "a:f(b):g()"),
        ("has(a.b.c)", "has((a . b) . c)"),
        ("a.all(x, x > 0)", "all<x of a>((> x int:0))"),
        ("a.b.exists(x, x)", "exists<x of (a . b)>(x)"),
        ("a.exists_one(x, x)", "exists_one<x of a>(x)"),
        ("a.filter(x, x).map(y, y + y)", "map<y of filter<x of a>(x)>((+ y y))"),
        ("a.map(x, x > 0, x * 2)", "map<x of a>((> x int:0), (* x int:2))"),
        ("a.all(x)", "a:all(x)"),
        # literals
        ("[1, 2, ]", "[int:1 int:2]"),
        ("[]", "[]"),
        ("{'a': 1, 'b': 2,}", "{string:'a'=int:1 string:'b'=int:2}"),
        ("{}", "{}"),
        ("true", "bool:True"),
        ("null", "null:None"),
        ("-9223372036854775808", "int:-9223372036854775808"),
        ("-5", "int:-5"),
        ("- 5", "int:-5"),
        ("--5", "(- int:-5)"),
        ("0x1fu", "uint:31"),
        ("0xFF", "int:255"),
        ("007", "int:7"),
        ("1.5e3", "double:1500.0"),
        (".5", "double:0.5"),
        ("1e-3", "double:0.001"),
        ("-.5", "double:-0.5"),
        ("1.size()", "int:1:size()"),
        # comments
        ("a // why\n && b", "(&& a b)"),
        ("// first\r\na", "a"),
        ("'// no comment'", "string:'// no comment'"),
    ],
)
def test_text_becomes_this_tree(text: str, expected: str) -> None:
    assert shape(parse(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"'a'", "a"),
        (r'"it\'s"', "it's"),
        (r"'\a\b\f\n\r\t\v\\\?\"\'\`'", "\a\b\f\n\r\t\v\\?\"'`"),
        (r"'\x41\X42\103'", "ABC"),
        (r"'\u00e9\U0001F600'", "\u00e9\U0001f600"),
        ("'''a\n'b' \"c\"'''", "a\n'b' \"c\""),
        ('"""a"b"""', 'a"b'),
        (r"r'\n'", "\\n"),
        (r'R"""\d+"""', "\\d+"),
        (r"b'abc'", b"abc"),
        (r"b'\xff\377'", b"\xff\xff"),
        ("b'\u00e9'", b"\xc3\xa9"),
        (r"br'\xff'", b"\\xff"),
        (r"B'a'", b"a"),
        ("''", ""),
    ],
)
def test_strings_and_bytes_are_read_as_the_engine_reads_them(text: str, expected: str | bytes) -> None:
    literal = parse(text)
    assert isinstance(literal, Literal)
    assert literal.value == expected
    assert engine.program(text).execute({}) == expected


_PIECES = st.sampled_from(
    [
        "a",
        "é",
        "😀",
        r"\n",
        r"\\",
        r"\'",
        r"\"",
        r"\x41",
        r"\101",
        r"\u00e9",
        r"\U0001f600",
        r"\?",
        "'",
        '"',
        "\n",
        "\\",
        "//",
        r"\q",
        r"\ud800",
    ]
)


@given(
    st.sampled_from(["", "r", "R", "b", "B", "br", "bR"]),
    st.sampled_from(["'", '"', "'''", '"""']),
    st.lists(_PIECES, max_size=5),
)
@example("", "'", [r"\'", "a"])
def test_every_string_that_is_accepted_means_the_same_to_the_engine(prefix: str, quote: str, pieces: list[str]) -> None:
    text = f"{prefix}{quote}{''.join(pieces)}{quote}"
    try:
        literal = parse(text)
    except ConditionError:
        return
    if isinstance(literal, Literal):
        assert engine.program(text).execute({}) == literal.value


_WORDS = (
    *("a", "b", "f(", "has(a.b)", "a.all(x,", "x)", "(", ")", "[", "]", "{", "}", ",", ":", "?", ".", "!", "-", "+"),
    *("*", "/", "%", "<", "<=", "==", "!=", ">", ">=", "in", "&&", "||", "1", "2u", ".5", "'x'", "true", "null", "as"),
)


@given(st.lists(st.sampled_from(_WORDS), max_size=9))
def test_every_text_that_is_accepted_is_one_for_the_engine(words: list[str]) -> None:
    text = " ".join(words)
    try:
        parse(text)
    except ConditionError:
        return
    engine.program(text)


@pytest.mark.parametrize(
    ("text", "offset", "sentence", "remedy"),
    [
        ("", 0, "found the end, expected a value", "see docs/reference/conditions.md"),
        ("a &&", 4, "found the end, expected a value", "see docs/reference/conditions.md"),
        ("a and b", 2, 'found "and", expected an operator or the end', "write &&"),
        ("a OR b", 2, 'found "OR", expected an operator or the end', "write ||"),
        ("a = b", 2, "the character '=' means nothing here", "write == to compare"),
        ("a & b", 2, "the character '&' means nothing here", "write && for and"),
        ("a.`b`", 2, "the character '`' means nothing here", "name the field without backquotes"),
        ("a \u00e9", 2, "the character '\\xe9' means nothing here", "remove it, or put text in quotes"),
        ("(a", 2, 'found the end, expected ")" to close the parenthesis', "see docs/reference/conditions.md"),
        ("a[0", 3, 'found the end, expected "]" after the index', "see docs/reference/conditions.md"),
        ("f(a,)", 4, 'found ")", expected a value', "see docs/reference/conditions.md"),
        ("f(a b)", 4, 'found "b", expected ")" or a comma', "see docs/reference/conditions.md"),
        ("[a b]", 3, 'found "b", expected "]" or a comma', "see docs/reference/conditions.md"),
        ("{a: b c}", 6, 'found "c", expected "}" or a comma', "see docs/reference/conditions.md"),
        ("{a}", 2, 'found "}", expected ":" between key and value', "see docs/reference/conditions.md"),
        ("a ? b", 5, 'found the end, expected ":" between the two values of ? :', "see docs/reference/conditions.md"),
        ("a.1", 1, 'found ".1", expected an operator or the end', "see docs/reference/conditions.md"),
        ("a.in", 2, 'found "in", expected a field\'s name after the dot', "see docs/reference/conditions.md"),
        ("-!a", 1, 'found "!", expected a value', "see docs/reference/conditions.md"),
        ("1a", 1, "the number runs into a letter", "put an operator or a space between them"),
        ("9223372036854775808", 0, "the number does not fit into 64 bits", "write a smaller one"),
        ("18446744073709551616u", 0, "the number does not fit into 64 bits", "write a smaller one"),
        ("1e400", 0, "the number is too large for a double", "write a smaller one"),
        ("a == 'b", 5, "the string has no closing quote", "close it with '"),
        ("'a\nb'", 0, "the string has no closing quote", "close it with '"),
        (
            r"'\q'",
            1,
            r"the escape '\\q' is not one of CEL",
            r"write \\ for a backslash, or r'...' for a string without escapes",
        ),
        (
            r"b'\u00e9'",
            2,
            r"the escape '\\u' is not one of CEL",
            r"write \\ for a backslash, or r'...' for a string without escapes",
        ),
        ("'\ud800'", 0, "the string holds half of a surrogate pair", "write the character"),
        ("while > 1", 0, '"while" is a reserved word', "use another name"),
        (".a", 0, "a name begins with a dot", "write the name without the dot"),
        ("has(a)", 0, "has() asks for one field", "write it as in has(tests.failed)"),
        (
            "a.all(x.y, true)",
            6,
            "the first argument of all is not a plain name",
            "name the variable, as in all(item, item > 0)",
        ),
        ("Foo{a: 1}", 3, "messages cannot be constructed in a condition", "compare fields of the evidence one by one"),
        ("a.Foo{}", 5, "messages cannot be constructed in a condition", "compare fields of the evidence one by one"),
        ("a.?b", 2, "optional access with ? is not part of conditions", "ask with has() whether the field is there"),
        ("a[?0]", 2, "optional access with ? is not part of conditions", "ask with has() whether the field is there"),
        ("[?a]", 1, "optional access with ? is not part of conditions", "ask with has() whether the field is there"),
        ("{?a: 1}", 1, "optional access with ? is not part of conditions", "ask with has() whether the field is there"),
    ],
)
def test_a_mistake_is_answered_with_its_place_and_remedy(text: str, offset: int, sentence: str, remedy: str) -> None:
    with pytest.raises(ConditionError) as caught:
        parse(text)
    assert (caught.value.what, caught.value.offset, caught.value.remedy) == (sentence, offset, remedy)


_DEEP = "the condition is nested more than 32 deep"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("(" * 5000 + "a" + ")" * 5000, "the condition has 10001 characters; at most 2000 are read"),
        (" || ".join(["a"] * 20_000), "the condition has 99996 characters; at most 2000 are read"),
        ("(" * 900 + "a" + ")" * 900, _DEEP),
        ("[" * 1900, _DEEP),
        ("{1:" * 600, _DEEP),
        ("f(" * 900, _DEEP),
        ("a[" * 900, _DEEP),
        ("!" * 1900 + "a", _DEEP),
        ("-" * 1900 + "a", _DEEP),
        ("a" + ".b" * 900, _DEEP),
        ("+".join(["a"] * 900), _DEEP),
        ("a?a:" * 400 + "a", _DEEP),
        ("||".join(["a"] * 600), "the condition has more than 500 parts"),
        ("a.all(x, x.all(y, y.all(z, z)))", "macros are nested more than 2 deep"),
    ],
)
def test_what_is_too_large_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(ConditionError) as caught:
        parse(text)
    assert (caught.value.what, caught.value.remedy) == (sentence, "split it into several gates")


@pytest.mark.parametrize(
    "text",
    [
        "(" * 31 + "a" + ")" * 31,
        "a" + ".b" * 31,
        "||".join(["a"] * 499),
        "a.filter(x, x).map(y, y).all(z, z)",
        "a.all(x, x.all(y, y))",
        "a".ljust(2000),
    ],
)
def test_what_just_fits_is_read(text: str) -> None:
    parse(text)


@given(st.text(max_size=80))
def test_any_text_is_a_tree_or_a_condition_error(text: str) -> None:
    try:
        root = parse(text)
    except ConditionError as error:
        start, end, sentence = error.offset, len(text), error.what and error.remedy
    else:
        start, end, sentence = root.start, root.end, "a tree"
    assert 0 <= start <= end <= len(text)
    assert sentence
