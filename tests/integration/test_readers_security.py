"""Reports that the real tools wrote about a real, small project: ruff always, the others where they are installed.

The advisories that npm and pip-audit ask for come from a server of the test's own, in the published form, since theirs
change from day to day. What the tools wrote when they were not at hand here is in ``tests/corpus/reports``.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tidegate.errors import UsageError
from tidegate.readers.registry import read_report

CODE = """\
import subprocess


def act(words):
    assert words
    subprocess.call(words, shell=True)
    exec(words)
"""
PACKAGE = {"name": "sample", "version": "1.0.0", "dependencies": {"outer": "1.0.0"}}
LOCK = {
    "name": "sample",
    "version": "1.0.0",
    "lockfileVersion": 3,
    "requires": True,
    "packages": {
        "": PACKAGE,
        "node_modules/outer": {"version": "1.0.0", "dependencies": {"inner": "1.0.0"}},
        "node_modules/inner": {"version": "1.0.0"},
    },
}
ADVISORY = {
    "id": 1106913,
    "url": "https://github.com/advisories/GHSA-0000-0000-0001",
    "title": "Prototype pollution",
    "severity": "high",
    "vulnerable_versions": "<2.0.0",
    "cwe": ["CWE-1321"],
    "cvss": {"score": 7.4, "vectorString": "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:H/A:N"},
}
OSV = {
    "id": "GHSA-0000-0000-0002",
    "aliases": ["CVE-2019-10906"],
    "summary": "sandbox escape",
    "affected": [
        {
            "package": {"name": "jinja2", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.10.1"}]}],
            "versions": ["2.10"],
        }
    ],
}

needs_npm = pytest.mark.skipif(not shutil.which("npm"), reason="npm is not installed")


def tool(name: str) -> str:
    """The path of a tool, beside the running Python or anywhere; the test is skipped where it is not installed."""
    found = shutil.which(name, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def run(folder: Path, *words: str) -> bytes:
    """What a tool writes to its standard output; its exit code says whether it found something, and is not asked."""
    return subprocess.run(words, cwd=folder, capture_output=True, check=False, timeout=120).stdout


@contextmanager
def serving(answer: Callable[[str, Any], Any]) -> Iterator[str]:
    """A server that answers each request by its path and its JSON, if there is any."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            packed = self.headers.get("content-encoding") == "gzip"
            self.reply(json.loads(gzip.decompress(body) if packed else body))

        def do_GET(self) -> None:
            self.reply(None)

        def reply(self, asked: Any) -> None:
            data = json.dumps(answer(self.path, asked)).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002  the name that is overridden
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(CODE)
    (tmp_path / "requirements.txt").write_text("jinja2==2.10\nidna==3.10\n")
    return tmp_path


def test_what_ruff_finds(project: Path) -> None:
    ruff = (tool("ruff"), "check", "--isolated", "--no-cache", "--output-format", "sarif", "app.py")
    reading = read_report("r.sarif", run(project, *ruff, "--select", "S"))
    assert (reading.kind, reading.values["high"], reading.values["total"]) == ("sarif", 3, 3)
    assert reading.summary == "3 findings: 3 high, by ruff"
    assert read_report("r.sarif", run(project, *ruff, "--select", "F")).values["total"] == 0


def test_what_bandit_finds(project: Path) -> None:
    data = run(project, tool("bandit"), "-q", "-f", "sarif", "app.py")
    if not data:
        pytest.skip("bandit is installed without its extra for SARIF")
    reading = read_report("b.sarif", data)
    assert {name: reading.values[name] for name in ("high", "medium", "low")} == {"high": 1, "medium": 1, "low": 2}
    assert reading.taken_at is not None


@needs_npm
def test_what_npm_audit_finds(project: Path) -> None:
    (project / "package.json").write_text(json.dumps(PACKAGE))
    (project / "package-lock.json").write_text(json.dumps(LOCK))

    def answer(path: str, asked: Any) -> Any:
        if asked is not None:
            return {"inner": [ADVISORY]} if "inner" in asked else {}
        name = path.strip("/")
        needs = {"dependencies": {"inner": "1.0.0"}} if name == "outer" else {}
        return {"name": name, "versions": {"1.0.0": {"name": name, "version": "1.0.0", **needs}}}

    with serving(answer) as registry:
        reading = read_report("a", run(project, "npm", "audit", "--json", "--registry", registry))
    assert (reading.kind, reading.values["high"], reading.values["total"]) == ("npm-audit", 2, 2)
    assert reading.summary == "2 vulnerable packages: 2 high; 2 packages looked at"


@needs_npm
def test_what_npm_writes_when_it_cannot_audit_is_refused(project: Path) -> None:
    (project / "package.json").write_text(json.dumps(PACKAGE))
    with pytest.raises(UsageError, match="npm answered with an error instead of a report: ENOLOCK"):
        read_report("a", run(project, "npm", "audit", "--json"))
    (project / "package-lock.json").write_text(json.dumps(LOCK))
    nobody = "http://127.0.0.1:9/"
    answered = run(project, "npm", "audit", "--json", "--registry", nobody, "--fetch-retries", "0")
    with pytest.raises(UsageError, match="npm answered with an error instead of a report: request to"):
        read_report("a", answered)


@needs_npm
def test_the_bill_of_materials_of_npm(project: Path) -> None:
    (project / "package.json").write_text(json.dumps(PACKAGE))
    (project / "package-lock.json").write_text(json.dumps(LOCK))
    data = run(project, "npm", "sbom", "--sbom-format", "cyclonedx", "--package-lock-only")
    if not data:
        pytest.skip("this npm writes no bill of materials")
    reading = read_report("bom.json", data)
    assert (reading.kind, dict(reading.values)) == ("sbom", {"components": 2})
    assert reading.taken_at is not None


def test_what_pip_audit_finds(project: Path) -> None:
    words = (tool("pip-audit"), "-r", "requirements.txt", "--no-deps", "--disable-pip", "-f", "json", "-s", "osv")

    def answer(path: str, asked: Any) -> Any:
        return {"vulns": [OSV]} if asked["package"]["name"] == "jinja2" else {}

    with serving(answer) as service:
        reading = read_report("p", run(project, *words, "--osv-url", service))
    assert reading.kind == "pip-audit"
    assert {name: reading.values[name] for name in ("critical", "unknown", "unchecked")} == {
        "critical": 1,
        "unknown": 1,
        "unchecked": 0,
    }


@pytest.mark.parametrize("form", ["JSON", "XML"])
def test_the_bill_of_materials_of_cyclonedx_py(project: Path, form: str) -> None:
    data = run(project, tool("cyclonedx-py"), "requirements", "requirements.txt", "--of", form)
    assert dict(read_report("bom", data).values) == {"components": 2}
