"""The file ``SHA256SUMS``: what ``sha256sum -c`` reads, written and read back.

A line is the digest in hexadecimal digits, a space, an asterisk (binary) and the name. A name with a backslash or a
line break is escaped, and its line begins with a backslash. Source: ``sha256sum --help`` of GNU coreutils.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tidegate.errors import NotFoundError, UsageError
from tidegate.git.archive import digest_of_file

FILE = "SHA256SUMS"
LIMIT_BYTES = 1 << 20
_LINE = re.compile(r"(\\?)([0-9a-f]{64}) [ *](.+)")


def write(digests: Mapping[str, str]) -> str:
    """The text for ``{name: "sha256:..."}``, by name."""
    return "".join(_line(name, digests[name].removeprefix("sha256:")) for name in sorted(digests))


def _line(name: str, digest: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"{'' if escaped == name else chr(92)}{digest} *{escaped}\n"


def read(text: str, where: str) -> dict[str, str]:
    """The digests by name.

    Raises:
        UsageError: a line is none of a list of checksums, or a name stands there twice; ``where`` is ``FILE:line``.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        match = _LINE.fullmatch(line)
        name = _unescaped(match[3]) if match and match[1] else match[3] if match else ""
        if match is None or name in found:
            what = f"{name!a} stands there twice" if match else "this is no line of a list of checksums"
            raise UsageError(
                what, where=f"{where}:{number}", remedy=f"give a file such as {FILE}, as sha256sum writes it"
            )
        found[name] = f"sha256:{match[2]}"
    return found


def _unescaped(text: str) -> str:
    letters = {"n": "\n", "r": "\r", "\\": "\\"}
    return re.sub(r"\\(.)", lambda match: letters.get(match[1], match[0]), text)


def verify(sums: Path) -> dict[str, bool]:
    """Whether each file of the list is what the list says, by name; the files lie beside the list.

    Raises:
        NotFoundError: there is no such list.
        UsageError: it is none, or names a file elsewhere.
    """
    if not sums.is_file():
        raise NotFoundError("there is no such list of checksums", where=str(sums), remedy="name the file SHA256SUMS")
    if sums.stat().st_size > LIMIT_BYTES:
        raise UsageError(f"the list has more than {LIMIT_BYTES} bytes", where=str(sums), remedy="name another file")
    wanted = read(sums.read_text(errors="surrogateescape"), str(sums))
    for name in wanted:
        if name in {".", ".."} or "/" in name or "\0" in name:
            raise UsageError(
                f"{ascii(name)[:100]} is not a file beside the list", where=str(sums), remedy="list the names alone"
            )
    return {name: _holds(sums.parent / name, digest) for name, digest in wanted.items()}


def _holds(file: Path, digest: str) -> bool:
    try:
        return file.is_file() and digest_of_file(file) == digest
    except OSError:
        return False
