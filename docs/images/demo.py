"""Makes demo.svg, the picture in the README, from a real run of `tidegate demo` in a terminal of 80 columns.

.venv/bin/python docs/images/demo.py
"""

from __future__ import annotations

import io
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from tidegate.demo.stage import command

WIDTH = 80
PICTURE = Path(__file__).with_name("demo.svg")
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

# From the first line that begins so, up to (not with) the next line that begins so.
PARTS = (
    ("$ tidegate deploy billing-1.1.0 production", "$ tidegate release notes"),
    ("8. 1.2.0 passes", "$ tidegate release open"),
    ("$ tidegate deploy billing-1.2.0 production", "Is the record whole"),
)

THEME = TerminalTheme(
    (250, 250, 247),
    (40, 44, 52),
    [
        (40, 44, 52),
        (180, 35, 35),
        (28, 120, 50),
        (150, 100, 0),
        (30, 80, 170),
        (130, 50, 140),
        (0, 110, 120),
        (90, 90, 90),
    ],
)

# Rich's own form without the fonts that it fetches from the web.
FORM = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img" \
aria-label="tidegate demo: 1.1.0 is rolled out in waves and proven good; 1.2.0 is proven bad and taken back">
    <style>
    .{unique_id}-matrix {{
        font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
        font-size: {char_height}px;
        line-height: {line_height}px;
    }}
    .{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: arial; }}
    {styles}
    </style>
    <defs>
    <clipPath id="{unique_id}-clip-terminal">
      <rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
    </clipPath>
    {lines}
    </defs>
    {chrome}
    <g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
    {backgrounds}
    <g class="{unique_id}-matrix">
    {matrix}
    </g>
    </g>
</svg>
"""


def transcript() -> str:
    """What the demo writes to a terminal."""
    with tempfile.TemporaryDirectory() as directory:
        master, slave = pty.openpty()
        ioctl(slave, TIOCSWINSZ, struct.pack("HHHH", 50, WIDTH, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(WIDTH)}
        demo = [*command(), "demo", "demo-run"]
        child = subprocess.Popen(demo, cwd=directory, env=environment, stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        said = b"".join(chunks(master))
        if child.wait() != 0:
            raise SystemExit("the demo failed: " + said.decode()[-2000:])
    return said.decode().replace("\r\n", "\n")


def chunks(master: int) -> Iterator[bytes]:
    """What comes, until the last process has closed the terminal."""
    while True:
        try:
            chunk = os.read(master, 1 << 16)
        except OSError:
            return
        if not chunk:
            return
        yield chunk


def parts(lines: list[str]) -> Iterator[list[str]]:
    """The lines that the picture shows."""
    plain = [ESCAPE.sub("", line) for line in lines]
    start = 0
    for begins, ends in PARTS:
        start = next(i for i in range(start, len(plain)) if plain[i].startswith(begins))
        end = next(i for i in range(start + 1, len(plain)) if plain[i].startswith(ends))
        yield lines[start:end]
        start = end


def picture(text: str) -> str:
    """The picture of a text with the terminal's colours."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in text.split("\n"):
        console.print(Text.from_ansi(line), soft_wrap=False)
    svg = console.export_svg(title="tidegate demo", theme=THEME, code_format=FORM, unique_id="demo")
    return re.sub(r"[ \t]+\n", "\n", svg)


if __name__ == "__main__":
    shown = [line for part in parts(transcript().split("\n")) for line in part]
    PICTURE.write_text(picture("\n".join(shown)), encoding="utf-8")
    sys.stdout.write(f"{PICTURE}\n")
