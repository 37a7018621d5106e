"""Compile the templates that are shipped: src/tidegate/templates/compiled, one module for each style.

``python scripts/compile_templates.py`` writes them; a test holds them up to date. Compiling one takes longer than all
of Git that the notes of a release need.
"""

from __future__ import annotations

from pathlib import Path

from jinja2.bccache import bc_version

from tidegate.templates.notes import STYLES, python_of

FOLDER = Path(__file__).resolve().parents[1] / "src" / "tidegate" / "templates" / "compiled"
INIT = '''"""The shipped templates as Jinja compiles them; made by scripts/compile_templates.py."""

FORMAT = {format}
"""Of Jinja's compiled templates; another format is not loaded."""
'''


def modules() -> dict[str, str]:
    """The text of each file, by its name."""
    styles = {f"{style}.py": python_of(style) + "\n" for style in STYLES}
    return {"__init__.py": INIT.format(format=bc_version), **styles}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in modules().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
