"""``tidegate version-files`` as a person types it: with a policy and without one."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.support.shop import Done, run_at

POLICY = """\
tidegate: 1
organization: Shop
timezone: Etc/UTC
people: {{}}
components:
  billing:
    path: modules/billing
    version_files: [{files}]
    artifacts: [{{image: ghcr.io/shop/billing, tags: ["{{version}}"]}}]
  bare: {{path: bare}}
release_types: {{minor: {{bump: minor}}}}
environments: {{production: {{purpose: production}}}}
"""

NPM = """\
{
\t"name": "@shop/billing",
\t"version": "1.2.0",
\t"dependencies": {"left-pad": "1.2.0"}
}"""
COMPOSE = """\
# Billing, and what it needs.
services:
  billing: {image: "registry.example:5000/shop/billing:v1.2.0"}   # ours
  mail:
    image: mailer:1.2.0
"""
PYPROJECT = '[project]\r\nname = "billing"\r\nversion = "1.2.0"\r\n'

DIFFERENCE = """\
--- a/modules/billing/package.json
+++ b/modules/billing/package.json
@@ -1,5 +1,5 @@
 {
     "name": "@shop/billing",
-    "version": "1.2.0",
+    "version": "1.3.0-rc.1",
     "dependencies": {"left-pad": "1.2.0"}
 }
\\ No newline at end of file
--- a/modules/billing/compose.yaml
+++ b/modules/billing/compose.yaml
@@ -1,5 +1,5 @@
 # Billing, and what it needs.
 services:
-  billing: {image: "registry.example:5000/shop/billing:v1.2.0"}   # ours
+  billing: {image: "registry.example:5000/shop/billing:v1.3.0-rc.1"}   # ours
   mail:
     image: mailer:1.2.0
--- a/modules/billing/pyproject.toml
+++ b/modules/billing/pyproject.toml
@@ -1,3 +1,3 @@
 [project]
 name = "billing"
-version = "1.2.0"
+version = "1.3.0rc1"
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A repository with a policy and three version files of billing."""
    root = tmp_path / "shop"
    module = root / "modules" / "billing"
    module.mkdir(parents=True)
    (root / ".git").mkdir()
    (root / "tidegate.yaml").write_text(POLICY.format(files="package.json, compose.yaml, pyproject.toml"))
    (module / "package.json").write_text(NPM)
    (module / "compose.yaml").write_text(COMPOSE)
    (module / "pyproject.toml").write_bytes(PYPROJECT.encode())
    return root


def files(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((root / "modules" / "billing").iterdir())}


def typed(root: Path, *words: str) -> Done:
    return run_at(root, "version-files", *words)


def test_a_component_is_brought_to_a_version(shop: Path) -> None:
    before = files(shop)
    done = typed(shop, "billing", "--set", "1.3.0-rc.1", "--dry-run")
    assert (done.code, done.err) == (0, "")
    assert done.out == DIFFERENCE + "3 files would change: 1.2.0 -> 1.3.0-rc.1; nothing was written\n"
    assert files(shop) == before

    done = typed(shop, "billing", "--set", "1.3.0-rc.1", "--from", "1.2.0")
    assert (done.code, done.out) == (0, DIFFERENCE + "✓ 3 files written: 1.2.0 -> 1.3.0-rc.1\n")
    assert files(shop) == {
        "compose.yaml": COMPOSE.replace("billing:v1.2.0", "billing:v1.3.0-rc.1").encode(),
        "package.json": NPM.replace('"version": "1.2.0"', '"version": "1.3.0-rc.1"').encode(),
        "pyproject.toml": PYPROJECT.replace("1.2.0", "1.3.0rc1").encode(),
    }
    # A second time there is nothing to do, and it is said.
    done = typed(shop / "modules", "billing", "--set", "1.3.0-rc.1")
    assert done.code == 0
    assert done.out == (
        "modules/billing/package.json says 1.3.0-rc.1 already\n"
        "modules/billing/compose.yaml says 1.3.0-rc.1 already\n"
        "modules/billing/pyproject.toml says 1.3.0-rc.1 already\n"
        "nothing was written\n"
    )


def test_the_answer_as_data(shop: Path) -> None:
    done = typed(shop, "billing", "--set", "2.0.0", "--json")
    assert {key: done.json[key] for key in ("component", "from", "to", "dry_run")} == {
        "component": "billing",
        "from": "1.2.0",
        "to": "2.0.0",
        "dry_run": False,
    }
    first = done.json["files"][0]
    assert first.pop("diff").startswith("--- a/modules/billing/package.json\n+++ b/modules/billing/package.json\n@@ ")
    assert first == {
        "path": "modules/billing/package.json",
        "format": "package.json",
        "written": True,
        "places": [{"line": 3, "what": "version", "from": "1.2.0", "to": "2.0.0"}],
    }
    assert [file["path"] for file in done.json["files"]] == [
        f"modules/billing/{name}" for name in ("package.json", "compose.yaml", "pyproject.toml")
    ]


def test_without_a_policy_files_are_named(tmp_path: Path) -> None:
    file = tmp_path / "package.json"
    file.write_text(NPM)
    file.chmod(0o600)
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    words = ("--set", "1.3.0", "--path", "package.json", "--path", "compose.yaml")
    done = typed(tmp_path, *words)
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: compose.yaml:3: registry.example:5000/shop/billing (line 3) and mailer\n"
        "  (line 5) are at 1.2.0, and only one can be meant\n"
        "  > say which one, with --name registry.example:5000/shop/billing\n"
    )
    assert file.read_text() == NPM

    done = typed(tmp_path, *words, "--name", "billing")
    assert done.code == 0
    assert done.out.endswith("✓ 2 files written: 1.2.0 -> 1.3.0\n")
    assert (tmp_path / "compose.yaml").read_text() == COMPOSE.replace("billing:v1.2.0", "billing:v1.3.0")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "error: Missing option '--set'\n  > tidegate version-files --help\n"),
        (
            ("--set", "2.0.0"),
            2,
            "error: nothing says which files\n  > name a component of the policy, or files with --path\n",
        ),
        (
            ("billing", "--set", "2.0.0", "--path", "a"),
            2,
            "error: a component has its files in the policy\n  > name the component, or files with --path\n",
        ),
        (
            ("billng", "--set", "2.0.0"),
            5,
            'error: tidegate.yaml: the policy has no component "billng"\n  > did you mean billing?\n',
        ),
        (
            ("bare", "--set", "2.0.0"),
            2,
            (
                "error: tidegate.yaml: the component bare has no version files\n"
                "  > list them under components.bare.version_files, or name files with --path\n"
            ),
        ),
        (
            ("billing", "--set", "2.0.0", "--from", "2.0.0"),
            2,
            "error: the version before and after are both 2.0.0\n  > say another one\n",
        ),
        (
            ("billing", "--set", "v2 \x1b[31m", "--from", "1.2.0"),
            2,
            (
                'error: "v2 [31m" is no version that can be written into files\n'
                "  > write letters, digits, dots, hyphens and plus signs, such as 1.2.0 or\n    1.2.0-rc.1\n"
            ),
        ),
        (
            ("billing", "--set", "2.0.0", "--from", "1.1.0"),
            2,
            (
                "error: modules/billing/package.json:3: version is 1.2.0, and not 1.1.0\n"
                "  > mend the file, or say --from 1.2.0 if that is the version before\n"
            ),
        ),
        (
            ("--set", "2.0.0", "--path", "/etc/hostname"),
            2,
            None,
        ),
        (
            ("--set", "2.0.0", "--path", "gone.json"),
            5,
            "error: gone.json: there is no such file\n  > mend its name in the version files\n",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_remedy(shop: Path, words: tuple[str, ...], code: int, said: str | None) -> None:
    before = files(shop)
    done = typed(shop, *words)
    assert (done.code, done.out) == (code, "")
    if said is None:
        said = (
            f"error: /etc/hostname: it lies outside the repository, which is\n  {shop}\n"
            "  > go to its repository, or name it with --directory\n"
        )
    assert done.err == said
    assert files(shop) == before


def test_nothing_in_a_file_reaches_the_terminal_as_a_command(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("\x1b[31m\x07\u202e1.2.0 # tidegate: version\r\n" + "x" * 5000)
    done = typed(tmp_path, "--set", "2.0.0", "--from", "1.2.0", "--path", "notes.txt")
    assert done.code == 0
    shown = done.out.splitlines()
    assert shown[3:5] == ["-?[31m??1.2.0 # tidegate: version", "+?[31m??2.0.0 # tidegate: version"]
    assert len(shown[5]) == 200
    assert (tmp_path / "notes.txt").read_bytes().startswith("\x1b[31m\x07\u202e2.0.0 #".encode())


def test_the_policy_names_a_lock_above_the_component(shop: Path) -> None:
    (shop / "tidegate.yaml").write_text(POLICY.format(files="package.json, ../../package-lock.json"))
    (shop / "package-lock.json").write_text(
        '{"version": "9.0.0", "packages": {"modules/billing": {"name": "@shop/billing", "version": "1.2.0"}}}\n'
    )
    done = typed(shop, "billing", "--set", "2.0.0", "--json")
    assert [file["path"] for file in done.json["files"]] == ["modules/billing/package.json", "package-lock.json"]
    assert '"version": "9.0.0"' in (shop / "package-lock.json").read_text()
    assert '"@shop/billing", "version": "2.0.0"' in (shop / "package-lock.json").read_text()

    (shop / "tidegate.yaml").write_text(POLICY.format(files="../../../package.json"))
    done = typed(shop, "billing", "--set", "2.0.0", "--from", "1.2.0")
    assert (done.code, done.err) == (
        2,
        (
            f"error: ../package.json: it leads out of the repository, to\n  {shop.parent}/package.json\n"
            "  > name a file inside the repository\n"
        ),
    )
