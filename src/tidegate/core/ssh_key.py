"""SSH public keys as a policy lists them: read strictly, so that only a key can stand where a key is expected.

A line of an ``allowed_signers`` or ``authorized_keys`` file may hold options, commands and certificate authorities
before the key. A policy lists keys and nothing else: the first word must be the type of a key that is trusted here.
A text that is no key may be a secret put in the wrong place, so no error repeats it.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from hashlib import sha256

from tidegate.errors import UsageError

RSA_BITS = 3072
"""The shortest RSA key that is trusted: 128 bits of strength. Source: NIST SP 800-57 part 1, table 2."""

_CURVES = {
    "ecdsa-sha2-nistp256": (b"nistp256", 65),
    "ecdsa-sha2-nistp384": (b"nistp384", 97),
    "ecdsa-sha2-nistp521": (b"nistp521", 133),
}
_ED25519_BYTES = 32
TYPES = ("ssh-ed25519", *_CURVES, "ssh-rsa", "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com")
_LIMIT_CHARACTERS = 1 << 14
_REMEDY = "list the line of a .pub file, such as: ssh-ed25519 AAAAC3Nza... alice@example"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key that may sign; ``blob`` is what SSH hashes and sends."""

    type: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """``SHA256:`` and the digest in base64 without padding, as ``ssh-keygen -l`` prints it."""
        return "SHA256:" + b64encode(sha256(self.blob).digest()).decode().rstrip("=")

    @property
    def line(self) -> str:
        """Type and key on one line, without the comment."""
        return f"{self.type} {b64encode(self.blob).decode()}"


def read_public_key(text: str) -> PublicKey:
    """Read one key, as a ``.pub`` file or a policy has it: type, base64, and a comment that is dropped.

    Raises:
        UsageError: options or a command before the key, a type or size that is not trusted, or no key at all.
    """
    words = text.split()
    if len(text) > _LIMIT_CHARACTERS or len(text.strip().splitlines()) != 1 or len(words) < 2:
        raise _no_key("it must be one line: a type, the key in base64, and perhaps a comment")
    if words[0] not in TYPES:
        raise _no_key(f"it must begin with one of {', '.join(TYPES)}")
    try:
        blob = b64decode(words[1], validate=True)
    except ValueError as error:
        raise _no_key("what follows its type is not base64") from error
    return from_blob(blob, words[0])


def from_blob(blob: bytes, expected_type: str = "") -> PublicKey:
    """The key in ``blob``, whose parts must be those of its type.

    Raises:
        UsageError: a type that is not trusted or not the expected one, a part missing or too many, a short RSA key.
    """
    parts = read_strings(blob)
    if not parts:
        raise _no_key("its base64 does not hold a key")
    kind = parts[0].decode("ascii", "replace")
    if expected_type and kind != expected_type:
        raise _no_key(f"it says {expected_type}, and its base64 holds something else")
    if kind not in TYPES:
        raise _no_key(f"keys of its type are not trusted to sign; those of {', '.join(TYPES)} are")
    if not _fits(kind, parts[1:]):
        raise _no_key(f"its parts are not those of {kind}")
    if kind == "ssh-rsa" and (bits := int.from_bytes(parts[2], "big").bit_length()) < RSA_BITS:
        raise _no_key(f"it is an RSA key of {bits} bits, and at least {RSA_BITS} are trusted", "make an ed25519 key")
    return PublicKey(kind, blob)


def read_strings(data: bytes) -> list[bytes]:
    """Split SSH's length-prefixed strings; empty where the lengths do not add up. Source: RFC 4251, section 5."""
    found: list[bytes] = []
    at = 0
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "big")
        if at + 4 > len(data) or end > len(data):
            return []
        found.append(data[at + 4 : end])
        at = end
    return found


def _fits(kind: str, parts: list[bytes]) -> bool:
    """Whether the parts after the type are those that the type has. Source: RFC 4253, 5656, 8709; PROTOCOL.u2f."""
    plain = kind.removeprefix("sk-").removesuffix("@openssh.com")
    if plain != kind:
        if len(parts) < 2 or not parts[-1]:
            return False
        parts = parts[:-1]
    if plain == "ssh-ed25519":
        return len(parts) == 1 and len(parts[0]) == _ED25519_BYTES
    if plain == "ssh-rsa":
        return len(parts) == 2 and all(parts)
    curve, length = _CURVES[plain]
    return len(parts) == 2 and parts[0] == curve and len(parts[1]) == length


def _no_key(because: str, remedy: str = _REMEDY) -> UsageError:
    return UsageError(f"this is no public key that can be trusted: {because}", remedy=remedy)
