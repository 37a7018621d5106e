"""Tag objects: written and signed by ourselves, and read back.

``git tag -s`` runs the program that ``gpg.program`` or ``gpg.ssh.program`` names, and a repository can name one. A tag
object is a few lines of text, so we write it, have ``ssh-keygen`` sign those bytes in Git's own namespace, and append
the signature: ``git tag -v`` verifies it like any other. Source: ``git help mktag``; gitformat-signature.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from tidegate.core.tag import SeenTag
from tidegate.git.refs import TAGS, read_refs
from tidegate.git.repository import Repository
from tidegate.git.writing import Identity

NAMESPACE = "git"
"""The namespace of SSH signatures that Git makes and verifies."""


def tag_object(
    name: str, commit: str, tagger: Identity, at: datetime, message: str, sign: Callable[[bytes], str] | None = None
) -> bytes:
    """The bytes of an annotated tag of a commit; signed where there is something to sign with."""
    head = f"object {commit}\ntype commit\ntag {name}\ntagger {tagger.line} {int(at.timestamp())} +0000\n\n"
    payload = head.encode() + message.encode().rstrip(b"\n") + b"\n"
    return payload + sign(payload).encode().rstrip(b"\n") + b"\n" if sign else payload


def seen_tags(repository: Repository) -> dict[str, SeenTag]:
    """The tags of a repository by name, without ``refs/tags/``."""
    return {ref.name.removeprefix(TAGS): SeenTag(ref.object, ref.commit) for ref in read_refs(repository, TAGS)}
