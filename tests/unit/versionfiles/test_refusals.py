"""What no edit is made of: each with its place, its sentence and its remedy, word by word."""

from __future__ import annotations

from contextlib import suppress

import pytest

from tests.support.version_files import (
    CARGO,
    CARGO_LOCK,
    CARGO_LOCK_NAMED,
    CHART,
    COMPOSE,
    COMPOSE_NAMED,
    DOLIBARR,
    JOOMLA,
    JOOMLA_UPDATE,
    KUBERNETES,
    KUSTOMIZE,
    NPM,
    NPM_LOCK,
    NPM_MEMBER,
    PEP621,
    REQUIREMENTS,
    REQUIREMENTS_NAMED,
    Sample,
    edited,
    refusal,
)
from tidegate.errors import InternalError, UsageError
from tidegate.versionfiles.contract import Hints, Reading, Value
from tidegate.versionfiles.plan import _verify, plan
from tidegate.versionfiles.registry import FORMATS
from tidegate.versionfiles.spelling import version_text

MEND = "mend the file"
FROM = "say with --from which version it comes from, or mend the file"
QUOTES = "write the version in quotes"
MARK_SETUP = "mark the line that says the version with: # tidegate: version"
NO_SECTION = (
    """this is not a setup.cfg: File contains no section headers. file: '<string>', line: 1 'version = 1.2.0\\n'"""
)
PAIRS = "write tidegate: version start and tidegate: version end in pairs"
OUT = "take it out of the version files, or mark the line that says the version with: tidegate: version"
PINNED = "is pinned by its digest, which names another content than the new version"
DIGEST = "write the digest of the new image yourself, or take the digest out"
COMPUTED = "write $this->version = '1.2.0'; or mark the line that says the version"
ALONE = "leave the version alone in it, or mark its line with: tidegate: version"
UNKNOWN = (
    "this is no version file of a form that is known, and no line of it is marked",
    "write a comment with the words tidegate: version on each line that carries the version",
)
NO_ENTITIES = ("it declares or uses entities of its own, which are not read", "take the declaration out of the file")


def php(body: str) -> str:
    return f"<?php\nclass modX extends DolibarrModules {{\n{body}\n}}\n"


def services(*images: str) -> str:
    return "services:\n" + "".join(f"  s{n}:\n    image: {image}\n" for n, image in enumerate(images))


CASES: list[tuple[str, str, str | bytes, str, str, str]] = [
    # The file says another version, or none.
    (
        "npm at another version",
        "a/package.json",
        '{\n "version": "1.1.0"\n}',
        "a/package.json:2",
        "version is 1.1.0, and not 1.2.0",
        "mend the file, or say --from 1.1.0 if that is the version before",
    ),
    ("VERSION empty", "VERSION", " \n", "VERSION:1", "it says nothing, so no version", ALONE),
    ("VERSION of two", "VERSION", "1.2.0\n1.1.0\n", "VERSION:1", "it says more than a version: 1.2.0 1.1.0", ALONE),
    ("VERSION as code", "VERSION", "V=1.2.0\n", "VERSION:1", "it says more than a version: V=1.2.0", ALONE),
    ("npm empty", "package.json", '{"version": ""}', "package.json:1", "version is empty, and not 1.2.0", MEND),
    ("npm without", "package.json", "{}", "package.json", 'it has no "version", so it does not say 1.2.0', OUT),
    ("npm number", "package.json", '{"version": 1.2}', "package.json:1", "version is no text", QUOTES),
    (
        "npm twice",
        "package.json",
        '{"version": "1.2.0",\n"version": "1.2.0"}',
        "package.json:2",
        "version: it is written twice, and tools read one or the other",
        "take one of them out",
    ),
    (
        "npm escaped",
        "package.json",
        '{"version": "1.2\\u002e0"}',
        "package.json:1",
        "version is written with escapes",
        "write the version without escapes",
    ),
    (
        "lock behind its root",
        "package-lock.json",
        '{"version": "1.2.0", "packages":\n{"": {"version": "1.1.0"}}}',
        "package-lock.json:2",
        'packages[""].version is 1.1.0, and not 1.2.0',
        "mend the file, or say --from 1.1.0 if that is the version before",
    ),
    (
        "pyproject without",
        "pyproject.toml",
        "[project]\nname='a'",
        "pyproject.toml",
        "it has no project.version, so it does not say 1.2.0",
        OUT,
    ),
    (
        "pyproject number",
        "pyproject.toml",
        "[project]\nname='a'\nversion=1.2",
        "pyproject.toml:3",
        "project.version is no text",
        QUOTES,
    ),
    (
        "pyproject escaped",
        "pyproject.toml",
        '[project]\nversion="1.2\\u002e0"',
        "pyproject.toml:2",
        "project.version is written with escapes",
        "write the version without escapes",
    ),
    # Another file says it.
    (
        "hatch",
        "pyproject.toml",
        '[project]\ndynamic = ["version"]\n[tool.hatch.version]\npath = "src/a/__init__.py"\n',
        "pyproject.toml:2",
        "project.version is dynamic: another file says it",
        "name src/a/__init__.py in its place",
    ),
    (
        "setuptools attr",
        "pyproject.toml",
        'project.dynamic = ["version"]\ntool.setuptools.dynamic.version = {attr = "a.__version__"}\n',
        "pyproject.toml:1",
        "project.version is dynamic: another file says it",
        "name the file of a.__version__ in its place",
    ),
    (
        "setuptools file",
        "pyproject.toml",
        'project.dynamic = ["version"]\ntool.setuptools.dynamic.version = {file = ["VERSION"]}\n',
        "pyproject.toml:1",
        "project.version is dynamic: another file says it",
        "name VERSION in its place, and mark its line with: tidegate: version",
    ),
    (
        "dynamic by who knows what",
        "pyproject.toml",
        'project.dynamic = ["version"]\n',
        "pyproject.toml:1",
        "project.version is dynamic: another file says it",
        "name the file that says it, and mark the line there with: # tidegate: version",
    ),
    (
        "setup.cfg attr",
        "setup.cfg",
        "[metadata]\nversion = attr: a.__version__\n",
        "setup.cfg:2",
        "metadata.version is attr: a.__version__: another file says it",
        "name the file of a.__version__ in its place, and mark its line with: # tidegate: version",
    ),
    (
        "setup.cfg on the next line",
        "setup.cfg",
        "[metadata]\nversion =\n  1.2.0\n",
        "setup.cfg:2",
        "metadata.version is not on one line",
        "write it behind version =",
    ),
    (
        "setup.cfg without",
        "setup.cfg",
        "[options]\nversion = 1.2.0\n",
        "setup.cfg",
        "it has no version under [metadata], so it does not say 1.2.0",
        OUT,
    ),
    ("no setup.cfg", "setup.cfg", "version = 1.2.0\n", "setup.cfg:1", NO_SECTION, MEND),
    (
        "setup.py computed",
        "setup.py",
        "setup(\n  version=open('V').read())",
        "setup.py:2",
        "the version that is handed to setup() is computed",
        MARK_SETUP,
    ),
    (
        "setup.py f-string",
        "setup.py",
        "setup(version=f'{1}.2.0')",
        "setup.py:1",
        "the version that is handed to setup() is computed",
        MARK_SETUP,
    ),
    (
        "setup.py of nowhere",
        "setup.py",
        "from a import V\nsetup(version=V)",
        "setup.py:2",
        "setup() gets its version from V, which is not assigned at the top of the file",
        MARK_SETUP,
    ),
    (
        "setup.py twice",
        "setup.py",
        "V = '1.2.0'\nV = '1.2.0'\nsetup(version=V)",
        "setup.py:3",
        "setup() gets its version from V, which is assigned 2 times",
        MARK_SETUP,
    ),
    (
        "setup.py by a call",
        "setup.py",
        "V = v()\nsetup(version=V)",
        "setup.py:1",
        "setup() gets its version from V, which is computed",
        MARK_SETUP,
    ),
    (
        "setup.py in pieces",
        "setup.py",
        "setup(version='1.2' '.0')",
        "setup.py:1",
        "setup(version) is put together or written with escapes",
        "write it as one string",
    ),
    (
        "setup.py with nothing",
        "setup.py",
        "setup(**kwargs)",
        "setup.py",
        "it hands no version to setup(), so it does not say 1.2.0",
        OUT,
    ),
    (
        "setup.py without setup",
        "setup.py",
        "x = '1.2.0'",
        "setup.py",
        "it does not call setup(), so it does not say 1.2.0",
        OUT,
    ),
    (
        "module computed",
        "a/__init__.py",
        "__version__ = v()\n",
        "a/__init__.py:1",
        "__version__ is computed",
        "name the file that says the version, and mark its line with: tidegate: version",
    ),
    (
        "module without",
        "a/__init__.py",
        "from a import __version__\n",
        "a/__init__.py",
        "it assigns no __version__, so it does not say 1.2.0",
        OUT,
    ),
    (
        "crate of a workspace",
        "Cargo.toml",
        '[package]\nname = "a"\nversion.workspace = true\n',
        "Cargo.toml:3",
        "package.version is that of the workspace",
        "name the workspace's Cargo.toml in its place",
    ),
    (
        "Cargo.toml without",
        "Cargo.toml",
        "[workspace]\n",
        "Cargo.toml",
        "it has neither package.version nor workspace.package.version, so it does not say 1.2.0",
        OUT,
    ),
    (
        "Cargo.lock at others",
        "Cargo.lock",
        '[[package]]\nname = "a"\nversion = "1.1.0"\n[[package]]\nname="b"\nversion="1.2.0"\nsource="x"\n',
        "Cargo.lock:3",
        "it does not say 1.2.0 anywhere; it says package a 1.1.0 (line 3)",
        FROM,
    ),
    # Which of several.
    (
        "two pins",
        "requirements.txt",
        "a==1.2.0\nb==1.2.0\n",
        "requirements.txt:1",
        "a (line 1) and b (line 2) are at 1.2.0, and only one can be meant",
        "say which one, with --name a",
    ),
    (
        "pin with hashes",
        "requirements.txt",
        "a==1.2.0 \\\n  --hash=sha256:00\n",
        "requirements.txt:1",
        "the pin of a has hashes, which are those of 1.2.0",
        "let the tool that wrote them write the pin too, and take this file out of the version files",
    ),
    (
        "no pins",
        "requirements.txt",
        "a>=1.2.0\n",
        "requirements.txt",
        "it pins nothing with ==, so it does not say 1.2.0",
        OUT,
    ),
    (
        "other pins",
        "requirements.txt",
        "a==1.0\n\nb==2.0",
        "requirements.txt:1",
        "it does not say 1.2.0 anywhere; it says a 1.0 (line 1), b 2.0 (line 3)",
        FROM,
    ),
    (
        "two images",
        "compose.yaml",
        services("shop:1.2.0", "side:1.2.0"),
        "compose.yaml:3",
        "shop (line 3) and side (line 5) are at 1.2.0, and only one can be meant",
        "say which one, with --name shop",
    ),
    (
        "image by digest",
        "compose.yaml",
        services("r:5000/shop:1.2.0@sha256:00"),
        "compose.yaml:3",
        f"the image r:5000/shop:1.2.0@sha256:00 {PINNED}",
        DIGEST,
    ),
    (
        "other images",
        "compose.yaml",
        services("r:5000/shop", "db:16"),
        "compose.yaml:5",
        "it does not say 1.2.0 anywhere; it says db 16 (line 5)",
        FROM,
    ),
    (
        "no images",
        "compose.yaml",
        "services: {a: {build: .}}",
        "compose.yaml",
        "no service of it has an image with a tag, so it does not say 1.2.0",
        OUT,
    ),
    (
        "folded image",
        "compose.yaml",
        "services:\n  a:\n    image: >-\n      shop:1.2.0\n",
        "compose.yaml:3",
        "services.a.image is written with escapes or over several lines",
        "write it on one line, without escapes",
    ),
    (
        "kustomize two images",
        "kustomization.yaml",
        "images:\n- name: shop\n  newTag: 1.2.0\n- {name: a, newName: r/other, newTag: 1.2.0}\n",
        "kustomization.yaml:3",
        "shop (line 3) and r/other (line 4) are at 1.2.0, and only one can be meant",
        "say which one, with --name shop",
    ),
    (
        "kustomize digest",
        "kustomization.yaml",
        "images:\n- name: shop\n  newTag: 1.2.0\n  digest: sha256:00\n",
        "kustomization.yaml:3",
        f"the image shop {PINNED}",
        DIGEST,
    ),
    (
        "kustomize without",
        "kustomization.yaml",
        "resources: []\n",
        "kustomization.yaml",
        "it sets no newTag, so it does not say 1.2.0",
        OUT,
    ),
    (
        "manifest without",
        "a.yml",
        "apiVersion: v1\nkind: Service\n",
        "a.yml",
        "no container of it has an image with a tag, so it does not say 1.2.0",
        OUT,
    ),
    (
        "chart at others",
        "Chart.yaml",
        "version: 0.1.0\nappVersion: 1.1.0\n",
        "Chart.yaml:1",
        "it does not say 1.2.0 anywhere; it says version 0.1.0 (line 1), appVersion 1.1.0 (line 2)",
        FROM,
    ),
    (
        "chart without",
        "Chart.yaml",
        "name: a\n",
        "Chart.yaml",
        "it has neither version nor appVersion, so it does not say 1.2.0",
        OUT,
    ),
    # XML.
    (
        "entities",
        "a.xml",
        '<!DOCTYPE extension [\n<!ENTITY v "1.2.0">]><extension><version>&v;</version></extension>',
        "a.xml:2",
        *NO_ENTITIES,
    ),
    (
        "external entity",
        "a.xml",
        '<!DOCTYPE extension SYSTEM "file:///etc/passwd"><extension>&v;</extension>',
        "a.xml:1",
        *NO_ENTITIES,
    ),
    (
        "version in pieces",
        "a.xml",
        "<extension><version>1.<!-- -->2.0</version></extension>",
        "a.xml:1",
        "extension/version is written with entities, comments or other elements",
        "write the version alone",
    ),
    (
        "manifest without version",
        "a.xml",
        '<extension version="1.2.0"/>',
        "a.xml",
        "it has no <version> below its root, so it does not say 1.2.0",
        OUT,
    ),
    ("broken XML", "a.xml", "<extension>\n<version></extension>", "a.xml:2", "this is not XML: mismatched tag", MEND),
    (
        "hash of an update",
        "a.xml",
        "<updates><update>\n<version>1.2.0</version><sha256>00</sha256></update></updates>",
        "a.xml:2",
        "the update has the hash of the package of the old version",
        "write the entry of the new version when its package is built, or take the hash out",
    ),
    ("no update", "a.xml", "<updates/>", "a.xml", "it has no <update> with a <version>, so it does not say 1.2.0", OUT),
    (
        "address in pieces",
        "a.xml",
        "<updates><update><version>1.2.0</version>\n<infourl>a-1.2.0<!-- 1.2.0 --></infourl></update></updates>",
        "a.xml:2",
        "updates/update/infourl is written in pieces",
        "write it in one piece, without comments",
    ),
    (
        "v before Python's version",
        "setup.cfg",
        "[metadata]\nversion = v1.2.0\n",
        "setup.cfg:2",
        "metadata.version is v1.2.0, and not 1.2.0",
        "mend the file, or say --from v1.2.0 if that is the version before",
    ),
    # PHP.
    (
        "descriptor computed",
        "modX.class.php",
        php("function f() { $this->version = DOL_VERSION; }"),
        "modX.class.php:3",
        "the module's version is computed",
        COMPUTED,
    ),
    (
        "descriptor in pieces",
        "modX.class.php",
        php("function f() { $this->version = '1.2'.'.0'; }"),
        "modX.class.php:3",
        "the module's version is computed",
        COMPUTED,
    ),
    (
        "descriptor interpolated",
        "modX.class.php",
        php('function f() { $this->version = "1.$two.0"; }'),
        "modX.class.php:3",
        "the module's version is computed",
        COMPUTED,
    ),
    (
        "no descriptor",
        "modX.class.php",
        "<?php class A { function f() { $this->version = '1.2.0'; } }",
        "modX.class.php",
        "no class of it that extends DolibarrModules assigns a $this->version, so it does not say 1.2.0",
        OUT,
    ),
    (
        "endless string",
        "modX.class.php",
        "<?php\n$a = 'b;\n",
        "modX.class.php:2",
        "this is not PHP: a string begins here and does not end",
        MEND,
    ),
    (
        "endless double string",
        "modX.class.php",
        '<?php\n$a = "b{$c["d"]}\n',
        "modX.class.php:2",
        "this is not PHP: a string begins here and does not end",
        MEND,
    ),
    (
        "endless comment",
        "modX.class.php",
        "<?php\n\n/* a",
        "modX.class.php:3",
        "this is not PHP: a comment begins here and does not end",
        MEND,
    ),
    (
        "endless heredoc",
        "modX.class.php",
        "<?php\n$a = <<<X\nY\nXY;\n",
        "modX.class.php:2",
        "this is not PHP: a heredoc begins here and does not end",
        MEND,
    ),
    # Marks.
    (
        "marked at another version",
        "a.txt",
        "x\nV=1.1.0 # tidegate: version\n",
        "a.txt:2",
        "the marked line does not say 1.2.0: V=1.1.0 # tidegate: version",
        "mend the line, say with --from which version it comes from, or take the mark away",
    ),
    (
        "start without end",
        "a.txt",
        "\n# tidegate: version start\n1.2.0\n",
        "a.txt:2",
        "the stretch that begins here does not end",
        PAIRS,
    ),
    (
        "end without start",
        "a.txt",
        "# tidegate: version end\n1.2.0\n",
        "a.txt:1",
        "a stretch ends that has not begun",
        PAIRS,
    ),
    (
        "start twice",
        "a.txt",
        "# tidegate: version start\n1.2.0\n# tidegate: version start",
        "a.txt:3",
        "a second stretch begins before the first has ended",
        PAIRS,
    ),
    # No form, no text.
    ("unknown", "README.md", "1.2.0", "README.md", *UNKNOWN),
    ("unknown with a hostile name", "a\x1b[31m\u202e.md", "1.2.0", "a[31m.md", *UNKNOWN),
    (
        "not UTF-8",
        "package.json",
        b'\n{"version": "\xe9"}',
        "package.json:2",
        "byte 0xe9 is not UTF-8",
        "save the file as UTF-8",
    ),
    (
        "not UTF-8 after a mark",
        "setup.cfg",
        b"\xef\xbb\xbf[metadata]\n\n\xff",
        "setup.cfg:3",
        "byte 0xff is not UTF-8",
        "save the file as UTF-8",
    ),
    (
        "UTF-16",
        "package.json",
        '{"version": "1.2.0"}'.encode("utf-16"),
        "package.json:1",
        "byte 0xff is not UTF-8",
        "save the file as UTF-8",
    ),
    (
        "NUL",
        "package.json",
        b'{"version": "1.2.0"}\n\0',
        "package.json:2",
        "it holds a NUL byte, so it is no text",
        "name a text file",
    ),
    ("empty", "package.json", "", "package.json:1", "this is not JSON: Expecting value", MEND),
    (
        "broken JSON",
        "package.json",
        "{\n,",
        "package.json:2",
        "this is not JSON: Expecting property name enclosed in double quotes",
        MEND,
    ),
    (
        "broken TOML",
        "pyproject.toml",
        "a = 1\nb = ",
        "pyproject.toml",
        "this is not TOML: Invalid value (at end of document)",
        MEND,
    ),
    (
        "broken YAML",
        "compose.yaml",
        "a: b\n c: d\n",
        "compose.yaml:2",
        "this is not YAML: mapping values are not allowed in this context",
        MEND,
    ),
    ("broken Python", "setup.py", "x = 1\nsetup(", "setup.py:2", "this is not Python: '(' was never closed", MEND),
]


@pytest.mark.parametrize(
    ("name", "content", "where", "what", "remedy"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_it_is_refused_in_these_words(name: str, content: str | bytes, where: str, what: str, remedy: str) -> None:
    assert refusal(name, content) == (where, what, remedy)


@pytest.mark.parametrize(
    ("name", "content", "called", "where", "what"),
    [
        (
            "compose.yaml",
            services("r:5000/shop:1.2.0", "db:16"),
            "side",
            "compose.yaml:3",
            "no image here is called side; there is r:5000/shop, db",
        ),
        ("compose.yaml", services("shop"), "shop", "compose.yaml:3", "the image shop has no tag"),
        (
            "compose.yaml",
            services("shop:${TAG}"),
            "shop",
            "compose.yaml:3",
            "the tag of the image shop:${TAG} is computed",
        ),
        (
            "compose.yaml",
            services("shop:1.2.0", "shop:1.1.0"),
            "shop",
            "compose.yaml:5",
            "services.s1.image is 1.1.0, and not 1.2.0",
        ),
        (
            "kustomization.yaml",
            "images: [{name: a, newName: r/b, newTag: '1'}]",
            "c",
            "kustomization.yaml:1",
            "no image here is called c; there is r/b",
        ),
        (
            "kustomization.yaml",
            "images: [{name: a, digest: 'sha256:00'}]",
            "a",
            "kustomization.yaml:1",
            f"the image a {PINNED}",
        ),
        (
            "requirements.txt",
            "a==1.2.0",
            "c",
            "requirements.txt:1",
            "nothing here is pinned that is called c; there is a",
        ),
        ("requirements.txt", "a==1.2.0\nb==1.1.0", "b", "requirements.txt:2", "b is 1.1.0, and not 1.2.0"),
    ],
)
def test_what_is_named_must_be_there_and_at_the_old_version(
    name: str, content: str, called: str, where: str, what: str
) -> None:
    assert refusal(name, content, "1.2.0", "1.3.0", called)[:2] == (where, what)


@pytest.mark.parametrize(
    ("name", "content", "new", "what"),
    [
        ("Chart.yaml", "version: 1.2.0", "1.10", "version is not quoted, and YAML takes 1.10 for a number"),
        (
            "kustomization.yaml",
            "images: [{name: a, newTag: 1.2.0}]",
            "2026",
            "images[0].newTag is not quoted, and YAML takes 2026 for a number",
        ),
        (
            "compose.yaml",
            services("a:1.2.0"),
            "1.3.0+7",
            "1.3.0+7 cannot be the tag of an image, which has letters, digits, dots and hyphens",
        ),
        (
            "setup.cfg",
            "[metadata]\nversion=1.2.0",
            "1.3.0-alpha.1.x",
            "1.3.0-alpha.1.x has no spelling for Python: PEP 440 cannot say it",
        ),
        (
            "setup.cfg",
            "[metadata]\nversion=1.2.0",
            "1.3.0-1",
            "1.3.0-1 has no spelling for Python: PEP 440 takes it for 1.3.0.post1, which comes after the release",
        ),
        (
            "setup.cfg",
            "[metadata]\nversion=1.2.0",
            "1.3.0-post.1",
            "1.3.0-post.1 has no spelling for Python: PEP 440 takes it for 1.3.0.post1, which comes after the release",
        ),
    ],
)
def test_a_version_that_cannot_be_said_there_is_refused(name: str, content: str, new: str, what: str) -> None:
    assert refusal(name, content, "1.2.0", new)[1] == what


@pytest.mark.parametrize(
    ("name", "content", "new", "after"),
    [
        ("Chart.yaml", "version: '1.2.0'", "1.10", "version: '1.10'"),
        ("Chart.yaml", "appVersion: v1.2.0", "1.10", "appVersion: v1.10"),
        ("compose.yaml", services("a:1.2.0"), "1.10", services("a:1.10")),
        ("setup.cfg", "[metadata]\nversion=1.2.0", "02.01.11", "[metadata]\nversion=02.01.11"),
        ("setup.cfg", "[metadata]\nversion=1.2.0", "1.3.0-rc.2", "[metadata]\nversion=1.3.0rc2"),
        ("setup.cfg", "[metadata]\nversion=1.2.0", "1.3.0-dev.2+a.1", "[metadata]\nversion=1.3.0.dev2+a.1"),
        (
            "mod.xml",
            "<extension><version> 1.2.0\n</version></extension>",
            "02.01.11",
            "<extension><version> 02.01.11\n</version></extension>",
        ),
        ("x.conf", "v=1.2.0 # tidegate: version", "1.3.0+7", "v=1.3.0+7 # tidegate: version"),
    ],
)
def test_versions_are_written_as_given_or_as_python_has_them(name: str, content: str, new: str, after: str) -> None:
    assert edited(name, content, "1.2.0", new).after.decode() == after


@pytest.mark.parametrize(
    "text", ["", "x", "1.2.0 ", '1"2', "1.2\n", "1<2", "../1", "-1.2", "1.2-", "1'2", "é1", "1" * 256, "$1"]
)
def test_a_text_that_means_something_to_a_language_is_no_version(text: str) -> None:
    with pytest.raises(UsageError, match="is no version that can be written into files"):
        version_text(text)


def test_an_edit_that_would_change_more_is_not_made() -> None:
    """The last guard: what is read afterwards is held against what was read before."""
    form = FORMATS[1]
    value = Value(0, 5, "1.2.0", "version", atom=0)
    before = Reading((value,), {0: "1.2.0", 1: "other"}, "form")
    same = Reading((Value(0, 5, "1.3.0", "version", atom=0),), {0: "1.3.0", 1: "other"}, "form")
    _verify(form, before, [value], same, "1.3.0")
    for wrong in (
        Reading(same.values, {0: "1.3.0", 1: "another"}, "form"),
        Reading(same.values, same.atoms, "another"),
        Reading((), same.atoms, "form"),
        Reading(before.values, same.atoms, "form"),
    ):
        with pytest.raises(InternalError, match="the edit would change more than the version, so nothing was written"):
            _verify(form, before, [value], wrong, "1.3.0")


def test_the_images_of_the_policy_are_looked_for_by_name() -> None:
    content = services("ghcr.io/team/shop:1.2.0", "side:1.2.0").encode()
    after = plan("compose.yaml", content, "1.2.0", "1.3.0", Hints(images=("shop",))).after
    assert after.decode() == services("ghcr.io/team/shop:1.3.0", "side:1.2.0")
    # And the other way round: the file leaves the registry out that the policy has.
    after = plan("compose.yaml", content, "1.2.0", "1.3.0", Hints(images=("registry.example/x/side",))).after
    assert after.decode() == services("ghcr.io/team/shop:1.2.0", "side:1.3.0")


@pytest.mark.parametrize(
    "sample",
    [
        CARGO,
        CARGO_LOCK,
        CARGO_LOCK_NAMED,
        CHART,
        COMPOSE,
        COMPOSE_NAMED,
        DOLIBARR,
        JOOMLA,
        JOOMLA_UPDATE,
        KUBERNETES,
        KUSTOMIZE,
        NPM,
        NPM_LOCK,
        NPM_MEMBER,
        PEP621,
        REQUIREMENTS,
        REQUIREMENTS_NAMED,
    ],
    ids=lambda sample: sample.id,
)
def test_a_file_that_is_cut_anywhere_is_edited_or_refused(sample: Sample) -> None:
    """In our own words, and never with a traceback."""
    whole = sample.at("1.2.0")
    for end in range(0, len(whole), 17):
        with suppress(UsageError):
            edit = plan(sample.name, whole[:end], "1.2.0", "2.0.0", Hints(names=sample.names))
            assert edit.after.replace(b"2.0.0", b"1.2.0") == whole[:end]
