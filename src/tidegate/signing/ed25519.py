"""Signatures of Ed25519 keys, verified in this process: hundreds in the time in which one ``ssh-keygen`` starts."""

from __future__ import annotations

import hashlib

from tidegate.core.ssh_key import read_strings
from tidegate.signing.envelope import Envelope

TYPE = "ssh-ed25519"
_HASHES = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}


def holds(statement: bytes, envelope: Envelope) -> bool | None:
    """Whether the envelope's key signed ``statement`` for the envelope's purpose.

    Returns:
        None: this is no signature of an Ed25519 key, or of a form that is not known here. Nobody has said no.

    Source: OpenSSH, PROTOCOL.sshsig, sections 2 and 3; RFC 8709, section 6.
    """
    hashed_by = _HASHES.get(envelope.hashed_by)
    parts = read_strings(envelope.signature)
    if envelope.key.type != TYPE or hashed_by is None or len(parts) != 2 or parts[0] != TYPE.encode():
        return None
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    fields = (envelope.namespace.encode(), b"", envelope.hashed_by.encode(), hashed_by(statement).digest())
    signed = b"SSHSIG" + b"".join(len(field).to_bytes(4, "big") + field for field in fields)
    try:
        Ed25519PublicKey.from_public_bytes(read_strings(envelope.key.blob)[1]).verify(parts[1], signed)
    except InvalidSignature:
        return False
    return True
