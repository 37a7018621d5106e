"""A real browser without a window, for tests of pages: a page is laid out in frames of given widths and looked at."""

from __future__ import annotations

import html
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip

_LOOKING = """
const frames = [...document.querySelectorAll("iframe")];
Promise.all(frames.map(frame => new Promise(done => { frame.onload = done; frame.srcdoc = frame.dataset.page; })))
  .then(() => {
    const found = frames.map(frame => ((document, window) => { %s })(frame.contentDocument, frame.contentWindow));
    document.getElementById("found").textContent = JSON.stringify(found);
  });
"""


def browser() -> str:
    """The command of a browser; the test is skipped where there is none."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"no browser is installed: none of {', '.join(NAMES)} is on the PATH")
    return found


def look(page: str, script: str, tmp_path: Path, *, widths: tuple[int, ...], dark: bool = False) -> list[Any]:
    """What the script returns for the page at each width (pixels); it has ``document`` and ``window`` of the page."""
    frames = "".join(f'<iframe width="{w}" height="900" data-page="{html.escape(page)}"></iframe>' for w in widths)
    harness = tmp_path / "harness.html"
    looking = _LOOKING % script
    harness.write_text(f'<!doctype html><meta charset="utf-8">{frames}<pre id="found"></pre><script>{looking}</script>')
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    command = [browser(), *FLAGS, scheme, f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=5000"]
    done = subprocess.run(
        [*command, "--window-size=1600,1000", "--dump-dom", harness.as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    text = done.stdout.partition('<pre id="found">')[2].partition("</pre>")[0]
    assert text, done.stderr[-2000:]
    found: list[Any] = json.loads(html.unescape(text))
    return found
