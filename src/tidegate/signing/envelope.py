"""What an SSH signature says of itself, before it is verified: the key and the purpose it claims.

OpenSSH answers a failed verification in one way for every reason. Reading the envelope first tells them apart, so
that a person learns what to do. Nothing read here is believed: whoever verifies the signature decides.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from dataclasses import dataclass

from tidegate.core.ssh_key import PublicKey, from_blob, read_strings
from tidegate.errors import UsageError

BEGIN = "-----BEGIN SSH SIGNATURE-----"
END = "-----END SSH SIGNATURE-----"
LIMIT_CHARACTERS = 1 << 14
_PREAMBLE = b"SSHSIG\x00\x00\x00\x01"


@dataclass(frozen=True, slots=True)
class Envelope:
    """The claims of a signature: the key, the purpose, the digest that was signed, and the signature of it."""

    key: PublicKey
    namespace: str
    hashed_by: str
    signature: bytes


def read_envelope(signature: str) -> Envelope:
    """Read an armored SSH signature.

    Raises:
        UsageError: it is none, or of a version or with a key that is not known here.

    Source: OpenSSH, PROTOCOL.sshsig.
    """
    text = signature.strip()
    if len(text) > LIMIT_CHARACTERS:
        raise _no_signature(f"it is {len(text)} characters long")
    if not (text.startswith(BEGIN) and text.endswith(END) and len(text) > len(BEGIN) + len(END)):
        raise _no_signature(f"it does not stand between {BEGIN} and {END}")
    try:
        data = b64decode("".join(text[len(BEGIN) : -len(END)].split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _no_signature("it is not base64") from error
    if not data.startswith(_PREAMBLE):
        raise _no_signature("it is not of version 1 of SSHSIG")
    parts = read_strings(data[len(_PREAMBLE) :])
    if len(parts) != 5:
        raise _no_signature("it was cut, or more was put to it")
    hashed_by = parts[3].decode("ascii", "replace")
    return Envelope(from_blob(parts[0]), parts[1].decode("utf-8", "replace"), hashed_by, parts[4])


def _no_signature(because: str) -> UsageError:
    return UsageError(
        f"this is no SSH signature: {because}", remedy="give the signature as ssh-keygen -Y sign wrote it"
    )
