"""Files that were written to do harm: refused or edited, in bounded time and memory, and never with a traceback."""

from __future__ import annotations

import sys
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.version_files import SAMPLES, Sample, edited, refusal
from tidegate.errors import UsageError
from tidegate.versionfiles.contract import MADE_BYTES, WRITTEN_BYTES, Hints
from tidegate.versionfiles.plan import plan

DEEP = "it is nested too deeply"
MANY = 100_000


def laughs(entity: str, use: str) -> str:
    """A bomb of entities: a few hundred bytes that stand for 10^12."""
    declared = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 13))
    return f'<!DOCTYPE extension [<!ENTITY l0 "lol">{declared}{entity}]>{use}'


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("package.json", "[" * MANY, f"this is not JSON: {DEEP}"),
        ("package.json", '{"version": "1.2.0", "a": ' + "[" * 300 + "]" * 300 + "}", f"this is not JSON: {DEEP}"),
        ("pyproject.toml", "a = " + "[" * MANY, f"this is not TOML: {DEEP}"),
        ("pyproject.toml", "a = " + "[" * 300 + "]" * 300, f"this is not TOML: {DEEP}"),
        ("pyproject.toml", "a" + ".a" * MANY + " = 1", f"this is not TOML: {DEEP}"),
        ("Cargo.toml", "[" + "a." * 1000 + "a]", f"this is not TOML: {DEEP}"),
        ("compose.yaml", "[" * MANY, f"this is not YAML: {DEEP}"),
        ("compose.yaml", "".join(" " * n + "a:\n" for n in range(500)), f"this is not YAML: {DEEP}"),
        ("setup.py", "-" * MANY + "1", f"this is not Python: {DEEP}"),
        ("setup.py", "x = 1" + "+1" * MANY, f"this is not Python: {DEEP}"),
        ("setup.py", "x" + ".a" * MANY, f"this is not Python: {DEEP}"),
        ("setup.py", "(" * MANY, "this is not Python: too many nested parentheses"),
        ("mod.xml", "<extension>" + "<a>" * 1000, f"this is not XML: {DEEP}"),
        ("modX.class.php", '<?php "' + '{$a["' * 10_000, f"this is not PHP: {DEEP}"),
    ],
)
def test_what_is_nested_without_end_is_refused(name: str, content: str, what: str) -> None:
    assert refusal(name, content)[1] == what


@pytest.mark.parametrize(
    "content",
    [
        laughs("", "<extension><version>&l12;</version></extension>"),
        laughs("", '<extension a="&l12;"><version>1.2.0</version></extension>'),
        laughs('<!ENTITY e SYSTEM "file:///etc/passwd">', "<extension><version>&e;</version></extension>"),
        laughs('<!ENTITY % e SYSTEM "file:///etc/passwd"> %e;', "<extension><version>1.2.0</version></extension>"),
    ],
)
def test_entities_are_refused_where_they_are_declared(content: str) -> None:
    assert refusal("mod.xml", content)[1] == "it declares or uses entities of its own, which are not read"


def test_a_bomb_of_aliases_is_as_small_as_its_text() -> None:
    bomb = "a0: &a0 lol\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 40))
    services = "services: {shop: {image: 'shop:1.2.0'}}\n"
    assert edited("compose.yaml", bomb + services).after.decode() == bomb + services.replace("1.2.0", "1.3.0")


@pytest.mark.parametrize(
    ("name", "before", "after", "piece"),
    [
        ("package.json", '{"version": "1.2.0", "a": "', '"}', "x"),
        ("package.json", '{"version": "1.2.0", "a": "', '"}', "\\\\"),
        ("pyproject.toml", 'project.version = "1.2.0"\na = """', '"""', '""a'),
        ("pyproject.toml", 'project.version = "1.2.0"\n#', "", "#"),
        ("compose.yaml", "services: {a: {image: a:1.2.0}}\nb: ", "", "x"),
        ("compose.yaml", "services: {a: {image: a:1.2.0}, b: {image: 'b:", "'}}", "${A:-"),
        ("compose.yaml", "services: {a: {image: a:1.2.0}, b: {image: '", "'}}", "/:"),
        ("setup.py", "setup(version='1.2.0')\n#", "", "x"),
        ("setup.cfg", "[metadata]\nversion=1.2.0\na =", "x", " \t"),
        ("requirements.txt", "a==1.2.0\nb==", "x", " "),
        ("requirements.txt", "a==1.2.0\nb==1;", "", "("),
        ("requirements.txt", "a==1.2.0\n", "", "\\\n"),
        ("mod.xml", "<extension><version>1.2.0</version><a>", "</a></extension>", "x\n"),
        ("modX.class.php", "<?php class A extends DolibarrModules { $this->version = '1.2.0'; $a = '", "'; }", "\\'"),
        ("modX.class.php", "<?php class A extends DolibarrModules { $this->version = '1.2.0'; /*", "*/ }", "* /"),
        ("notes.txt", "1.2.0 # tidegate: version\ntidegate:", "", " "),
        ("notes.txt", "1.2.0 # tidegate: version\n", "", "1."),
    ],
)
def test_lines_without_end_are_read_in_time(name: str, before: str, after: str, piece: str) -> None:
    """Each of these takes a regular expression with two neighbouring repetitions the square of its length."""
    content = before + piece * ((WRITTEN_BYTES - 200) // len(piece)) + after
    assert edited(name, content).after.decode() == content.replace("1.2.0", "1.3.0", 1)


@pytest.mark.parametrize(
    ("name", "limit", "form"),
    [
        ("package.json", WRITTEN_BYTES, "an npm manifest"),
        ("package-lock.json", MADE_BYTES, "an npm lock"),
        ("setup.py", WRITTEN_BYTES, "a setup script"),
        ("compose.yaml", MADE_BYTES, "a Compose file"),
    ],
)
def test_a_file_larger_than_any_of_its_form_is_not_read(name: str, limit: int, form: str) -> None:
    where, what, remedy = refusal(name, b"x" * (limit + 1))
    assert what == f"the file has {limit + 1:,} bytes, and {form} is read up to {limit:,}"
    assert (where, remedy) == (name, "name the file in which people write the version")


def test_a_lock_of_many_packages_is_edited() -> None:
    packages = "".join(f'"node_modules/p{n}": {{"version": "1.2.0", "integrity": "sha512-x"}},\n' for n in range(5_000))
    lock = f'{{"version": "1.2.0", "packages": {{\n{packages}"": {{"version": "1.2.0"}}}}}}'
    edit = edited("package-lock.json", lock)
    assert [(place.line, place.what) for place in edit.places] == [(1, "version"), (5_002, 'packages[""].version')]


def test_reading_leaves_pythons_limits_as_they_are() -> None:
    limit = sys.getrecursionlimit()
    refusal("setup.py", "x" + ".a" * MANY)
    assert sys.getrecursionlimit() == limit


NAMES = [sample.name for sample in SAMPLES]


@given(
    name=st.sampled_from(NAMES),
    content=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode())),
)
def test_any_bytes_are_refused_in_our_words(name: str, content: bytes) -> None:
    with pytest.raises(UsageError) as caught:
        plan(name, content, "1.2.0", "1.3.0")
    assert caught.value.remedy


PIECES = [*map(bytes, zip(b"\"'\\{}[]()<>&*/=:;,-#@\n\r\t \0\xff"))]
PIECES += [b"<!--", b"/*", b"*/", b"<?php", b"?>", b"${", b": ", b"\n---\n", b"\xe2\x80\xae", b"tidegate: version"]


@given(sample=st.sampled_from(SAMPLES), data=st.data())
def test_a_spoiled_file_is_edited_rightly_or_refused(sample: Sample, data: st.DataObject) -> None:
    """Bytes are put in anywhere: then only versions differ, or it is refused; never an error of our own."""
    whole = sample.at("1.2.0")
    at = data.draw(st.integers(0, len(whole)))
    piece = data.draw(st.sampled_from(PIECES))
    spoiled = whole[:at] + piece + whole[at:]
    with suppress(UsageError):
        edit = plan(sample.name, spoiled, "1.2.0", "2.0.0", Hints(names=sample.names))
        assert edit.after.replace(b"2.0.0", b"1.2.0") == spoiled
