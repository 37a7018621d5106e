"""What strangers wrote, as it may be shown on one line.

A module of its own: every command shows something, and few of them read commits.
"""

from __future__ import annotations

import unicodedata

SUMMARY_LIMIT = 400
"""Characters of a summary or note that are shown; the rest of a longer one is cut with an ellipsis."""


def plain(text: str, limit: int = SUMMARY_LIMIT) -> str:
    """Text as it may be shown on one line: no control or direction marks, single spaces, at most ``limit`` characters.

    Joiners (U+200C, U+200D) stay, because words in several scripts, and emoji, are spelled with them.
    """
    line = text.strip() if text.isascii() and text.isprintable() else "".join(map(_visible, text)).strip()
    if "  " in line:
        line = " ".join(line.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category in {"Zl", "Zp", "Zs"} or character in "\t\n\r\v\f\x85":
        return " "
    joiner = character in "\u200c\u200d"
    return character if joiner or category not in {"Cc", "Cf", "Cs"} else ""
