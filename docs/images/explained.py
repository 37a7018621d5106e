"""Makes explained.png, the picture of an explained policy, from a real page in a real browser.

.venv/bin/python docs/images/explained.py
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PICTURE = Path(__file__).with_name("explained.png")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
)


def tidegate(*words: str | Path) -> None:
    """Run a command of this working copy."""
    subprocess.run([sys.executable, "-m", "tidegate", *words], check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """Write the picture."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(f"no browser is installed: install one of {', '.join(BROWSERS)}")
    with tempfile.TemporaryDirectory() as directory:
        policy, page, profile = (Path(directory) / name for name in ("policy", "page.html", "profile"))
        tidegate("init", "--preset", "7d", policy)
        tidegate("policy", "explain", "-C", policy, "--html", page)
        shot = [f"--screenshot={PICTURE}", "--window-size=1280,1740", "--hide-scrollbars", f"--user-data-dir={profile}"]
        subprocess.run([browser, *FLAGS, *shot, page.as_uri()], check=True, capture_output=True)


if __name__ == "__main__":
    main()
