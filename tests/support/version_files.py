"""Version files as they lie in real repositories: ``@@`` stands where the version belongs, and nowhere else.

Around these places stand the traps: the same version in comments, in dependencies, in strings, in attributes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from tidegate.errors import UsageError
from tidegate.versionfiles.contract import Hints
from tidegate.versionfiles.plan import Edit, plan

MARK = "@@"


@dataclass(frozen=True)
class Sample:
    """A file with its places marked.

    ``names`` are given as hints. ``states`` is whether the file says by itself that this is the component's version,
    and not only one of many versions.
    """

    id: str
    name: str
    text: str
    names: tuple[str, ...] = ()
    states: bool = True

    def at(self, version: str) -> bytes:
        """The file when it says that version."""
        return self.text.replace(MARK, version).encode()


def edited(name: str, content: bytes | str, old: str = "1.2.0", new: str = "1.3.0", *names: str) -> Edit:
    """The edit of a file, with ``names`` as what the component is called."""
    data = content.encode() if isinstance(content, str) else content
    return plan(name, data, old, new, Hints(names=names))


def refusal(
    name: str, content: bytes | str, old: str = "1.2.0", new: str = "1.3.0", *names: str
) -> tuple[str, str, str]:
    """Where, what and remedy of the refusal of an edit."""
    with pytest.raises(UsageError) as caught:
        edited(name, content, old, new, *names)
    return caught.value.where, caught.value.what, caught.value.remedy


NPM = Sample(
    "package.json",
    "modules/billing/package.json",
    """\
{
\t"name": "@7d/billing",
\t"description": "Rechnungen für 1.2.0 — \\"quoted\\"",
\t"config": { "version": "1.2.0", "list": ["1.2.0", 1.20, -0.5e3, true, null] },
\t"version": "@@",
\t"dependencies": { "@7d/platform": "1.2.0", "left-pad": "^1.2.0" },
\t"scripts": {"release": "echo 1.2.0 && echo \\\\"}
}
""",
)
NPM_LOCK = Sample(
    "package-lock.json",
    "package-lock.json",
    """\
{
  "name": "shop",
  "version": "@@",
  "lockfileVersion": 2,
  "requires": true,
  "packages": {
    "": {
      "name": "shop",
      "version": "@@",
      "workspaces": ["packages/*"],
      "dependencies": { "left-pad": "1.2.0" }
    },
    "node_modules/left-pad": {
      "version": "1.2.0",
      "resolved": "https://npm.example.org/left-pad/1.2.0",
      "integrity": "sha512-abc=="
    },
    "packages/web": { "name": "@shop/web", "version": "1.2.0" }
  },
  "dependencies": {
    "left-pad": { "version": "1.2.0" }
  }
}
""",
)
NPM_LOCK_1 = Sample(
    "package-lock.json v1",
    "package-lock.json",
    '{\n  "name": "shop",\n  "version": "@@",\n  "lockfileVersion": 1,\n'
    '  "dependencies": {"left-pad": {"version": "1.2.0"}}\n}\n',
)
SHRINKWRAP = Sample("npm-shrinkwrap.json", "npm-shrinkwrap.json", NPM_LOCK.text)
NPM_MEMBER = Sample(
    "package-lock.json of a workspace",
    "package-lock.json",
    NPM_LOCK.text.replace(MARK, "1.2.0").replace('"@shop/web", "version": "1.2.0"', '"@shop/web", "version": "@@"'),
    ("@shop/web",),
)
PEP621 = Sample(
    "pyproject.toml",
    "pyproject.toml",
    """\
# The project, version = "1.2.0"
[build-system]
requires = ["hatchling==1.2.0"]   # pinned

[project]
name = "billing"
description = '''
version = "1.2.0"
'''
version   =   "@@"  # the version
dependencies = [
  "platform==1.2.0", # ]
  "other>=1.2.0; python_version >= '3.11'",
]
authors = [{name = "Jürgen", email = "j@example.org"}]

[tool.other]
version = "1.2.0"
"a.b".version = '1.2.0'
matrix = [ [1, 2.5, 0x1F], [inf, nan, 1979-05-27T07:32:00Z] ]
""",
)
POETRY = Sample(
    "pyproject.toml of Poetry",
    "libs/a/pyproject.toml",
    "[tool.poetry]\nname = \"a\"\nversion = '@@'\n\n"
    '[tool.poetry.dependencies]\npython = "^3.11"\nb = {version = "1.2.0"}\n',
)
POETRY_DOTTED = Sample(
    "pyproject.toml with dotted keys", "pyproject.toml", 'tool."poetry".version = "@@"\nx = "1.2.0"\n'
)
SETUP_PY = Sample(
    "setup.py",
    "setup.py",
    '''\
"""Setup of billing 1.2.0; version="1.2.0"."""
# version="1.2.0"
from setuptools import find_packages, setup

LONG = f"{1 + 1} version='1.2.0'"
setup(
    name="bílling",
    author="Jürgen", version="@@",  # version="1.2.0"
    install_requires=["platform==1.2.0"],
    packages=find_packages(),
)
''',
)
SETUP_PY_NAMED = Sample(
    "setup.py with a name",
    "setup.py",
    "import setuptools\n\nOLD = '1.2.0'\nVERSION: str = r'@@'\nif True:\n    setuptools.setup(version=VERSION)\n",
)
MODULE = Sample(
    "python module",
    "src/billing/__init__.py",
    '"""Billing 1.2.0."""\n\n__version__ = """@@"""\n__all__ = ["__version__"]\nOTHER = "1.2.0"\n',
)
SETUP_CFG = Sample(
    "setup.cfg",
    "setup.cfg",
    """\
; version = 1.2.0
[metadata]
name = billing
# version = 1.2.0
Version: @@
description =
    version = 1.2.0
    about it

[options]
version = 1.2.0
install_requires =
    platform==1.2.0
""",
)
CARGO = Sample(
    "Cargo.toml",
    "crates/identity/Cargo.toml",
    """\
[package]
name = "identity"
version = "@@" # x
rust-version = "1.2.0"

[dependencies]
serde = "1.2.0"
tokio = { version = "1.2.0", features = ["full"] }
core = { path = "../core", version = "=@@" }
far = { path = "../far", version = "0.9" }

[dev-dependencies.testing]
path = "../testing"
version = "^@@"

[target.'cfg(unix)'.dependencies]
unixy = { version = "~@@", path = "../unixy" }
""",
)
CARGO_WORKSPACE = Sample(
    "Cargo.toml of a workspace",
    "Cargo.toml",
    """\
[workspace]
members = ["crates/*"]

[workspace.package]
version = "@@"
edition = "2021"

[workspace.dependencies]
core = { path = "crates/core", version = "@@" }
serde = { version = "1.2.0" }

[profile.release]
lto = true
""",
)
CARGO_LOCK = Sample(
    "Cargo.lock",
    "Cargo.lock",
    """\
# This file is automatically @generated by Cargo.
version = 4

[[package]]
name = "core"
version = "@@"
dependencies = [
 "serde",
]

[[package]]
name = "core"
version = "1.2.0"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "00"

[[package]]
name = "identity"
version = "@@"
dependencies = [
 "core @@",
 "core 1.2.0 (registry+https://github.com/rust-lang/crates.io-index)",
]

[[package]]
name = "other"
version = "0.1.0"

[[package]]
name = "serde"
version = "1.2.0"
source = "registry+https://github.com/rust-lang/crates.io-index"
""",
    states=False,
)
CARGO_LOCK_NAMED = Sample(
    "Cargo.lock with a name",
    "Cargo.lock",
    '[[package]]\nname = "a"\nversion = "@@"\n\n'
    '[[package]]\nname = "b"\nversion = "1.2.0"\ndependencies = [\n "a",\n]\n',
    ("a",),
)
REQUIREMENTS = Sample(
    "requirements.txt",
    "requirements.txt",
    """\
# billing==1.2.0 \\
-r base.txt
-c constraints-1.2.0.txt
Billing[pdf,mail] == @@ ; python_version >= "3.8"  # billing==1.2.0
platform==3.1.0
other>=1.2.0,!=1.2.1
local @ https://example.org/local-1.2.0
ranged ~= 1.2.0
star==1.2.*
""",
    states=False,
)
REQUIREMENTS_NAMED = Sample(
    "requirements.txt with a name",
    "requirements/prod.txt",
    "bill_ing==@@\nplatform==1.2.0 \\\n    --hash=sha256:aa\n\ngunicorn==1.2.0\n",
    ("Bill-Ing",),
)
COMPOSE = Sample(
    "compose",
    "docker-compose.yml",
    """\
# image: registry.example:5000/team/shop:1.2.0
x-shop: &shop
    image:   "registry.example:5000/team/shop:v@@"   # Jürgen's
    restart: always
services:
  web:
    <<: *shop
    environment: {VERSION: 1.2.0, LABEL: "shop:1.2.0"}
  worker:
    image: &worker registry.example:5000/team/shop:v@@
    command: ["run", 'image: shop:1.2.0']
  again:
      image: *worker
  quoted:
   image: 'registry.example:5000/team/shop:v@@'
  defaulted:
    image: registry.example:5000/team/shop:${SHOP_TAG:-v@@}
  tagged:
    image: !!str registry.example:5000/team/shop:v@@
  db:
    image: postgres:16-alpine
  cache: {image: redis, labels: {image: "x:1.2.0"}}
""",
    states=False,
)
COMPOSE_NAMED = Sample(
    "compose with a name",
    "deploy/compose.prod.yaml",
    "services:\n  shop:\n    image: ghcr.io/team/shop:@@\n"
    "  side:\n    image: ghcr.io/team/side:1.2.0\n---\nservices: {}\n",
    ("shop",),
)
CHART = Sample(
    "Chart.yaml",
    "charts/shop/Chart.yaml",
    """\
apiVersion: v2
name: shop
version: @@ # the chart
appVersion: "v@@"
kubeVersion: ">=1.2.0"
dependencies:
  - name: postgresql
    version: 1.2.0
""",
)
CHART_APP = Sample("Chart.yaml, the application", "Chart.yaml", "version: 0.7.1\nappVersion: '@@'\n")
KUBERNETES = Sample(
    "kubernetes",
    "deploy/shop.yaml",
    """\
apiVersion: v1
kind: ConfigMap
metadata: {name: shop, labels: {version: 1.2.0, image: "shop:1.2.0"}}
data:
  a: |
    image: shop:1.2.0
---
apiVersion: batch/v1
kind: CronJob
spec:
  jobTemplate:
    spec:
      template:
        spec:
          initContainers:
          - {name: migrate, image: registry.example:5000/shop:@@}
          containers:
            # image: registry.example:5000/shop:1.2.0
            - name: shop
              image: registry.example:5000/shop:@@   # shop:1.2.0
            - name: proxy
              image: envoyproxy/envoy:v1.30.1
""",
    states=False,
)
KUSTOMIZE = Sample(
    "kustomization",
    "overlays/production/kustomization.yaml",
    """\
resources: [../../base]
images:
  - name: shop
    newName: registry.example:5000/team/shop
    newTag: "@@"
  - newTag: 16.1
    name: postgres
labels:
  - pairs: {version: 1.2.0}
""",
    states=False,
)
JOOMLA = Sample(
    "joomla",
    "mod_shop/mod_shop.xml",
    """\
<?xml version="1.0" encoding="utf-8"?>
<!-- <version>1.2.0</version> -->
<extension type="module" version="1.2.0" method="upgrade">
\t<name>Shop für Jürgen &amp; Söhne</name>
\t<creationDate>2026-01-01</creationDate>
\t<version>@@</version>
\t<description><![CDATA[Version <version>1.2.0</version>]]></description>
\t<media><version>1.2.0</version></media>
\t<updateservers><server type="extension">https://example.org/shop-1.2.0.xml</server></updateservers>
</extension>
""",
)
JOOMLA_UPDATE = Sample(
    "joomla update",
    "updates/shop.xml",
    """\
<updates>
    <update>
        <name>Shop 1.2.0</name>
        <version>@@</version>
        <infourl title="Shop">https://example.org/notes/@@.html</infourl>
        <downloads>
            <downloadurl type="full" format="zip">https://example.org/mod_shop-@@-zip</downloadurl>
            <downloadsource>https://example.org/get?from=é&amp;of=@@</downloadsource>
            <downloadsource><![CDATA[https://example.org/get?a=1&b=@@]]></downloadsource>
        </downloads>
        <targetplatform name="joomla" version="1.2.0"/>
    </update>
    <update>
        <version>1.1.0</version>
        <downloads><downloadurl>https://example.org/mod_shop-1.1.0?was=1.2.0</downloadurl></downloads>
        <sha256>00</sha256>
    </update>
</updates>
""",
    states=False,
)
DOLIBARR = Sample(
    "dolibarr",
    "core/modules/modMyShop.class.php",
    """\
#!/usr/bin/env php
$this->version = '1.2.0'; outside of PHP
<?php
/* Copyright (C) 2026 Jürgen
 * $this->version = '1.2.0';
 */
include_once DOL_DOCUMENT_ROOT.'/core/modules/DolibarrModules.class.php';

#[\\AllowDynamicProperties]
class modMyShop extends DolibarrModules
{
\tpublic function __construct($db)
\t{
\t\tglobal $langs; // $this->version = '1.2.0';
\t\t# $this->version = '1.2.0';
\t\t$this->description = "It's {$langs->trans("Version")} \\"1.2.0\\" \\$this->version = '1.2.0';";
\t\t$this->picto = 'a\\'b; $this->version = \\'1.2.0\\';';
\t\t$this->editor = <<<HTML
$this->version = '1.2.0';
  HTML;
\t\t$this->family = <<<'RAW'
\t\t$this->version = '1.2.0';
\t\tRAW;
\t\t$this -> version = '@@';  // 'development', 'experimental', '1.2.0'
\t\t$this->need_dolibarr_version = array(1, 2, 0);
\t\tif ($this->version == '1.2.0' || $this->version === "1.2.0") { $x->version = '1.2.0'; }
\t}
}
class Other { public $version = '1.2.0'; function f() { $this->version = '1.2.0'; } }
?>
$this->version = '1.2.0';
""",
)
MARKED = Sample(
    "marked",
    "docs/install.md",
    """\
# Install 1.2.0

    pip install billing==@@   <!-- tidegate: version -->

Since 1.2.0 there is:
<!-- tidegate: version start -->
docker run shop:@@ && curl -O https://example.org/shop-@@.txt
not 11.2.0, 1.2.0.4, 1.2.01, 1.2.0-rc.1, 1.2.0rc1, 1.2.0+7, 1.2.0-beta or 3.1.2.0; but v@@, @@-alpine, @@.
<!-- tidegate: version end -->
1.2.0
""",
    states=False,
)
BARE = Sample("VERSION", "app/VERSION", "@@\n")
BARE_V = Sample("VERSION with a v", "version.txt", "\n v@@ \n\n")
MARKED_PYTHON = Sample(
    "marked Python",
    "setup.py",
    'from setuptools import setup\nsetup(version="@@".strip())  # tidegate: version\nX = "1.2.0"\n',
    states=False,
)

SAMPLES: Sequence[Sample] = (
    NPM,
    NPM_LOCK,
    NPM_LOCK_1,
    SHRINKWRAP,
    NPM_MEMBER,
    PEP621,
    POETRY,
    POETRY_DOTTED,
    SETUP_PY,
    SETUP_PY_NAMED,
    MODULE,
    SETUP_CFG,
    CARGO,
    CARGO_WORKSPACE,
    CARGO_LOCK,
    CARGO_LOCK_NAMED,
    REQUIREMENTS,
    REQUIREMENTS_NAMED,
    COMPOSE,
    COMPOSE_NAMED,
    CHART,
    CHART_APP,
    KUBERNETES,
    KUSTOMIZE,
    JOOMLA,
    JOOMLA_UPDATE,
    DOLIBARR,
    BARE,
    BARE_V,
    MARKED,
    MARKED_PYTHON,
)
