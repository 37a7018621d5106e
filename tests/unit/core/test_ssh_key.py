"""Public keys of a policy: a key and nothing else. These keys are bytes of the right form."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.ssh_key import from_blob, read_public_key, read_strings
from tidegate.errors import UsageError


def string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def line(kind: str, *parts: bytes, says: str = "") -> str:
    return f"{says or kind} {b64encode(b''.join(map(string, (kind.encode(), *parts)))).decode()}"


E3 = b"\x01\x00\x01"
ED25519 = line("ssh-ed25519", bytes(32))
POINT = b"\x04" + bytes(64)


@pytest.mark.parametrize(
    "text",
    [
        ED25519,
        line("ecdsa-sha2-nistp256", b"nistp256", POINT),
        line("ecdsa-sha2-nistp384", b"nistp384", bytes(97)),
        line("ecdsa-sha2-nistp521", b"nistp521", bytes(133)),
        line("ssh-rsa", E3, b"\x00" + b"\xff" * 384),
        line("sk-ssh-ed25519@openssh.com", bytes(32), b"ssh:"),
        line("sk-ecdsa-sha2-nistp256@openssh.com", b"nistp256", POINT, b"ssh:"),
    ],
)
def test_a_trusted_key_is_read_and_its_comment_dropped(text: str) -> None:
    key = read_public_key(f"  {text} alice@example is here\n")
    assert key.line == text
    assert key == read_public_key(text) == from_blob(key.blob)
    assert len(key.fingerprint) == 50


NO_TYPE = "it must begin with one of ssh-ed25519, ecdsa-sha2-nistp256, "
NO_LINE = "it must be one line: a type, the key in base64, and perhaps a comment"


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("", NO_LINE),
        ("ssh-ed25519", NO_LINE),
        (f"{ED25519}\n{ED25519}", NO_LINE),
        (f"{ED25519} \x0bmore", NO_LINE),
        (f"{ED25519} {'x' * 20_000}", NO_LINE),
        (
            f'command="/bin/sh" {ED25519}',
            NO_TYPE,
        ),
        (f"cert-authority {ED25519}", NO_TYPE),
        (f"* {ED25519}", NO_TYPE),
        (line("ssh-dss", b"p", b"q", b"g", b"y"), NO_TYPE),
        (line("ssh-ed25519-cert-v01@openssh.com", bytes(32)), NO_TYPE),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", NO_TYPE),
        ("sesame sesame", NO_TYPE),
        ("ssh-ed25519 sesame*", "what follows its type is not base64"),
        ("ssh-ed25519 A*B", "what follows its type is not base64"),
        ("ssh-ed25519 AAAA", "its base64 does not hold a key"),
        ("ssh-ed25519 //////8=", "its base64 does not hold a key"),
        (
            line("ssh-rsa", E3, bytes(9), says="ssh-ed25519"),
            "it says ssh-ed25519, and its base64 holds something else",
        ),
        (line("ssh-ed25519", bytes(31)), "its parts are not those of ssh-ed25519"),
        (line("ssh-ed25519", bytes(32), b"more"), "its parts are not those of ssh-ed25519"),
        (line("ecdsa-sha2-nistp256", b"nistp384", POINT), "its parts are not those of ecdsa-sha2-nistp256"),
        (line("sk-ssh-ed25519@openssh.com", bytes(32)), "its parts are not those of sk-ssh-ed25519@openssh.com"),
        (line("ssh-rsa", E3), "its parts are not those of ssh-rsa"),
        (line("ssh-rsa", E3, b"\xff" * 256), "it is an RSA key of 2048 bits, and at least 3072 are trusted"),
        (
            line("ssh-rsa", E3, bytes(200) + b"\xff" * 256),
            "it is an RSA key of 2048 bits, and at least 3072 are trusted",
        ),
    ],
)
def test_anything_else_is_refused(text: str, because: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_public_key(text)
    assert caught.value.what.startswith(f"this is no public key that can be trusted: {because}")
    assert caught.value.remedy
    assert "sesame" not in str(caught.value) + caught.value.remedy


def test_a_key_from_a_signature_must_be_of_a_trusted_type() -> None:
    with pytest.raises(UsageError, match="keys of its type are not trusted to sign"):
        from_blob(string(b"ssh-dss") + string(b"p"))


@given(st.lists(st.binary(max_size=9), min_size=1, max_size=5))
def test_strings_are_split_as_they_were_joined(parts: list[bytes]) -> None:
    joined = b"".join(map(string, parts))
    assert read_strings(joined) == parts
    assert read_strings(joined + b"\0") == []


@given(st.binary(max_size=60), st.text(max_size=60))
def test_what_is_no_key_is_always_refused(blob: bytes, text: str) -> None:
    with pytest.raises(UsageError):
        from_blob(blob)
    with pytest.raises(UsageError):
        read_public_key(text)
