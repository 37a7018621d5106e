"""Sign and verify with the SSH keys that people already have, by ``ssh-keygen -Y``; Ed25519 is verified in process.

Nothing here ever asks a question: a key with a passphrase must be in the agent, and a prompt is an error with that
remedy. The private key is read by ``ssh-keygen`` or held by the agent; Tidegate never sees it.

**Names.** A name in an ``allowed_signers`` file is a pattern list (``*``, ``?``, ``!``, commas, blanks). A person's id
is therefore never written into one: the file of one verification holds the keys of one person, under a name made of
the hash of their id, for one namespace.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from tidegate.core.ssh_key import PublicKey, read_public_key
from tidegate.errors import NotFoundError, NotPermittedError, TidegateError, TimedOutError, UsageError, WorldError
from tidegate.signing import ed25519
from tidegate.signing.envelope import Envelope, read_envelope

ACT = "tidegate-act"
CHECKPOINT = "tidegate-checkpoint"
"""A signature for one purpose is none for another. Source: OpenSSH, PROTOCOL.sshsig, section 2."""

SIGN_TIMEOUT_S = 60.0
"""Long enough to touch a security key."""
VERIFY_TIMEOUT_S = 10.0
REMEMBERED = 2048

_NAMESPACE = re.compile(r"[a-z][a-z0-9-]{0,63}")
_GOOD = re.compile(rb'^Good "[^"\n]*" signature for \S+ with \S+ key (SHA256:[A-Za-z0-9+/]{43})$', re.MULTILINE)
_PASSED_ON = ("PATH", "HOME", "SSH_AUTH_SOCK", "SSH_SK_PROVIDER", "TMPDIR")
_KEY_FILE_BYTES = 1 << 16


class Fault(StrEnum):
    """Why a signature does not hold."""

    UNSIGNED = "unsigned"
    MALFORMED = "malformed"
    OTHER_PURPOSE = "other_purpose"
    NO_KEYS = "no_keys"
    FOREIGN_KEY = "foreign_key"
    CHANGED = "changed"


class SignatureError(NotPermittedError):
    """A signature does not hold; ``fault`` says why."""

    def __init__(self, fault: Fault, what: str, *, remedy: str) -> None:
        super().__init__(what, remedy=remedy)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature that holds; ``fingerprint`` is the key that made it, as ``ssh-keygen -l`` prints it."""

    fingerprint: str


def sign(statement: bytes, key: Path, namespace: str) -> str:
    """Sign ``statement`` with a private key, or with the agent's where ``key`` is a public one.

    Raises:
        NotFoundError: there is no such file.
        NotPermittedError: the key cannot be used; ``remedy`` says how it can.
        TimedOutError: nobody touched the security key, or the agent does not answer.
        WorldError: there is no ``ssh-keygen``.

    Returns:
        The armored signature.
    """
    _check_namespace(namespace)
    path = _existing(key)
    done = _run(["-Y", "sign", "-q", "-f", str(path), "-n", namespace], statement, SIGN_TIMEOUT_S)
    if done.returncode != 0:
        raise _cannot_sign(path, done.stderr)
    signature = done.stdout.decode("ascii", "replace")
    made = read_envelope(signature)
    if made.namespace != namespace:
        raise WorldError(f"ssh-keygen signed for {made.namespace!r} instead of {namespace!r}", remedy=_INSTALL)
    return signature


def verify(statement: bytes, signature: str, allowed_keys: Sequence[str], principal: str, namespace: str) -> Signed:
    """Verify that one of ``allowed_keys`` signed ``statement`` for ``namespace``.

    What held once is remembered in this process, by everything that it depends on: a key taken from the person is
    another question, and asked again.

    Args:
        allowed_keys: the person's public keys, as the policy lists them.
        principal: the person's id; it names them in the errors.

    Raises:
        SignatureError: it does not hold; ``fault`` tells why.
        UsageError: one of ``allowed_keys`` is no key.
        TimedOutError, WorldError: ``ssh-keygen`` did not answer, or is not there.
    """
    _check_namespace(namespace)
    keys = tuple(read_public_key(key) for key in allowed_keys)
    envelope = _envelope(signature, principal)
    _check_claims(envelope, keys, principal, namespace)
    _prove(statement, signature.strip() + "\n", envelope.key, principal, namespace)
    return Signed(envelope.key.fingerprint)


def prove(statement: bytes, signature: str, principal: str, namespace: str) -> None:
    """Find out beforehand whether the key that a signature names made it, whoever's it is, for :func:`verify`.

    Raises:
        SignatureError: it did not, or this is no signature for ``namespace``.
        TimedOutError, WorldError: ``ssh-keygen`` did not answer, or is not there.
    """
    envelope = _envelope(signature, principal)
    _check_purpose(envelope, namespace)
    _prove(statement, signature.strip() + "\n", envelope.key, principal, namespace)


def fingerprint(public_key: str) -> str:
    """The fingerprint of a public key line, as ``ssh-keygen -l`` prints it; raises as :func:`read_public_key`."""
    return read_public_key(public_key).fingerprint


def public_key_of(path: Path) -> str:
    """The public key line (type and key) of a key file: from the ``.pub`` file, or else from the private key.

    Raises:
        NotFoundError: there is no such file.
        NotPermittedError: only a private key is there, and it has a passphrase.
        UsageError: it is no key that is trusted.
    """
    path = _existing(path)
    beside = path if path.suffix == ".pub" else path.with_name(path.name + ".pub")
    if beside.is_file():
        return read_public_key(_read(beside)).line
    done = _run(["-y", "-P", "", "-f", str(path)], b"", VERIFY_TIMEOUT_S)
    if done.returncode != 0:
        raise _cannot_sign(path, done.stderr)
    return read_public_key(done.stdout.decode("utf-8", "replace")).line


_INSTALL = "apt-get install openssh-client (8.2 or later), and see that ssh-keygen is in PATH"


def _envelope(signature: str, principal: str) -> Envelope:
    if not signature.strip():
        raise SignatureError(
            Fault.UNSIGNED,
            f"this act of {_shown(principal)} is not signed",
            remedy="sign it: give the command --key, or set the key in the settings",
        )
    try:
        return read_envelope(signature)
    except UsageError as error:
        raise SignatureError(
            Fault.MALFORMED, f"the signature of {_shown(principal)} cannot be read: {error.what}", remedy=error.remedy
        ) from error


def _check_purpose(envelope: Envelope, namespace: str) -> None:
    if envelope.namespace != namespace:
        raise SignatureError(
            Fault.OTHER_PURPOSE,
            f"the signature was made for {envelope.namespace!r:.80}, and {namespace!r} is asked for",
            remedy=f"sign it anew: ssh-keygen -Y sign -n {namespace}",
        )


def _check_claims(envelope: Envelope, keys: Sequence[PublicKey], principal: str, namespace: str) -> None:
    _check_purpose(envelope, namespace)
    if not keys:
        raise SignatureError(
            Fault.NO_KEYS,
            f"the policy lists no key of {_shown(principal)}",
            remedy=f"list the public key under people in the policy: {envelope.key.line}",
        )
    if envelope.key not in keys:
        raise SignatureError(
            Fault.FOREIGN_KEY,
            f"it was signed by the key {envelope.key.fingerprint}, which is none of {_shown(principal)}: "
            + ", ".join(key.fingerprint for key in keys),
            remedy="sign with one of these keys, or list the new key under people and adopt the policy",
        )


@lru_cache(maxsize=REMEMBERED)
def _prove(statement: bytes, signature: str, key: PublicKey, principal: str, namespace: str) -> None:
    """Verify; only what holds is remembered, since errors are not cached.

    Only the key that the signature names is allowed: that it is one of the person's was found before.
    """
    held = ed25519.holds(statement, read_envelope(signature))
    if held is None:
        _ask_ssh_keygen(statement, signature, key, principal, namespace)
    elif not held:
        raise _changed(key, principal)


def _changed(key: PublicKey, principal: str) -> SignatureError:
    return SignatureError(
        Fault.CHANGED,
        f"the signature of {_shown(principal)} by {key.fingerprint} does not fit this statement: "
        "the statement was changed, or the signature belongs to another",
        remedy="look at what is being signed, and sign it anew",
    )


def _ask_ssh_keygen(statement: bytes, signature: str, key: PublicKey, principal: str, namespace: str) -> None:
    """Have ``ssh-keygen`` verify: it knows every type of key, and what a security key adds."""
    name = "person-" + sha256(principal.encode("utf-8", "surrogatepass")).hexdigest()
    try:
        done = _verify_in_private(
            statement, signature, f'{name} namespaces="{namespace}" {key.line}\n', name, namespace
        )
    except OSError as error:
        raise WorldError(
            f"no temporary file can be written to verify a signature: {error.strerror}",
            remedy="make room where TMPDIR points, and see that it can be written",
        ) from error
    good = _GOOD.search(done.stdout)
    if done.returncode == 0 and good and good[1].decode() == key.fingerprint:
        return
    said = _said(done.stderr) or _said(done.stdout)
    if "incorrect signature" in said:
        raise _changed(key, principal)
    raise SignatureError(
        Fault.MALFORMED,
        f"ssh-keygen cannot verify the signature of {_shown(principal)}: {said or f'exit {done.returncode}'}",
        remedy="sign it anew; if it stays, see that ssh-keygen here is as new as there",
    )


def _verify_in_private(
    statement: bytes, signature: str, allowed: str, name: str, namespace: str
) -> subprocess.CompletedProcess[bytes]:
    # The folder is made for its owner alone (0700), so that nobody can change the files between writing and reading.
    with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
        signers, signed = Path(folder, "allowed_signers"), Path(folder, "signature")
        _write(signers, allowed)
        _write(signed, signature)
        arguments = ["-Y", "verify", "-f", str(signers), "-I", name, "-n", namespace, "-s", str(signed)]
        return _run(arguments, statement, VERIFY_TIMEOUT_S)


def _cannot_sign(path: Path, stderr: bytes) -> TidegateError:
    said = _said(stderr)
    if "incorrect passphrase" in said:
        return NotPermittedError(
            f"the key {path} has a passphrase, and the agent does not hold it",
            remedy=f"ssh-add {path.with_suffix('') if path.suffix == '.pub' else path}",
        )
    if "UNPROTECTED PRIVATE KEY FILE" in said:
        return NotPermittedError(f"others can read the private key {path}", remedy=f"chmod 600 {path}")
    return NotPermittedError(
        f"ssh-keygen cannot sign with {path}: {said or 'it gives no reason'}",
        remedy="give the path of a private key, or of a public key whose private half is in the agent (ssh-add -L)",
    )


def _run(arguments: list[str], stdin: bytes, timeout_s: float) -> subprocess.CompletedProcess[bytes]:
    """Run ``ssh-keygen`` where it can ask nobody: no terminal (a session of its own), no asking program."""
    env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    env |= {"LC_ALL": "C", "SSH_ASKPASS_REQUIRE": "never"}
    try:
        return subprocess.run(
            ["ssh-keygen", *arguments],
            input=stdin,
            capture_output=True,
            timeout=timeout_s,
            env=env,
            start_new_session=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise WorldError("ssh-keygen is not on this machine", remedy=_INSTALL) from error
    except OSError as error:
        raise WorldError(f"ssh-keygen cannot be run: {error.strerror}", remedy=_INSTALL) from error
    except subprocess.TimeoutExpired as error:
        raise TimedOutError(
            f"ssh-keygen did not answer within {timeout_s:g} s",
            remedy="touch the security key, or see that the agent answers: ssh-add -L",
        ) from error


def _existing(key: Path) -> Path:
    path = key.expanduser().absolute()
    if not path.is_file():
        raise NotFoundError(f"there is no key file {path}", remedy="give the path of a key, such as ~/.ssh/id_ed25519")
    return path


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_KEY_FILE_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise NotPermittedError(f"{path} cannot be read: {error.strerror}", remedy=f"chmod u+r {path}") from error


def _write(path: Path, text: str) -> None:
    """Write a new file that its owner alone may read; an existing one is never followed."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        file.write(text)


def _check_namespace(namespace: str) -> None:
    if not _NAMESPACE.fullmatch(namespace):
        raise UsageError(f"{namespace!r:.80} is no purpose to sign for", remedy=f"use {ACT}")


def _said(output: bytes) -> str:
    """What the program said, on one line and printable, for a sentence of ours."""
    text = " ".join(output.decode("utf-8", "replace").split())
    return "".join(c if c.isprintable() else "?" for c in text)[:600]


def _shown(principal: str) -> str:
    """A person's id in a sentence; one that could play tricks with the terminal is shown quoted."""
    return principal if re.fullmatch(r"[\w.@+-]{1,80}", principal) else ascii(principal[:80])
