"""What a file seems to be, in words, for the one who gave the wrong one."""

from __future__ import annotations

import re

HEAD_BYTES = 4096
UTF_16 = "text in UTF-16"
_MAGIC = (
    (b"\x1f\x8b", "a gzip file"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\xff\xfe", UTF_16),
    (b"\xfe\xff", UTF_16),
)
_HTML = re.compile(rb"<!doctype\s+html|<html[\s>]", re.IGNORECASE)
_ROOT = re.compile(rb"<([A-Za-z_][\w.:-]{0,60})[\s/>]")


def describe(head: bytes) -> str:
    """What a file that begins with ``head`` seems to be: ``an HTML page``, ``JSON``, ``XML with the root <html>``."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start:
        return "an empty file"
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if is_html(head):
        return "an HTML page"
    if start[:1] in (b"{", b"["):
        return "JSON"
    if start[:1] == b"<":
        root = _ROOT.search(start)
        return f"XML with the root <{root[1].decode()}>" if root else "XML"
    return "a binary file" if b"\0" in head else "plain text"


def is_html(head: bytes) -> bool:
    """Whether it is a web page, which is what a wrong address or a missing login answers with."""
    return bool(_HTML.search(head[:HEAD_BYTES]))
