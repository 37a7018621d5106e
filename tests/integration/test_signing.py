"""Signatures by the real ``ssh-keygen`` and the real ``ssh-agent``."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from tidegate.errors import NotFoundError, NotPermittedError, TimedOutError, UsageError, WorldError
from tidegate.signing import ssh
from tidegate.signing.envelope import BEGIN, END, read_envelope
from tidegate.signing.ssh import ACT, CHECKPOINT, Fault, SignatureError, sign, verify

pytestmark = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="ssh-keygen (openssh-client) is not installed")

STATEMENT = b'{"act":"approve"}'


def make_key(folder: Path, name: str, kind: str = "ed25519", passphrase: str = "", bits: int = 0) -> Path:
    path = folder / name
    size = ["-b", str(bits)] if bits else []
    subprocess.run(["ssh-keygen", "-q", "-t", kind, *size, "-N", passphrase, "-C", name, "-f", path], check=True)
    return path


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("keys of people")
    made = {name: make_key(folder, name) for name in ("alice", "mallory")}
    made["ecdsa"] = make_key(folder, "ecdsa", "ecdsa", bits=384)
    made["rsa"] = make_key(folder, "rsa", "rsa", bits=3072)
    made["short"] = make_key(folder, "short", "rsa", bits=2048)
    made["locked"] = make_key(folder, "locked", passphrase="open sesame")
    return made


@pytest.fixture(autouse=True)
def no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


def copy(key: Path, to: Path) -> Path:
    """The private key alone, for its owner only."""
    shutil.copy(key, to)
    return to


def public(key: Path) -> str:
    return key.with_name(key.name + ".pub").read_text()


def fault_of(statement: bytes, signature: str, allowed: list[str], namespace: str = ACT) -> SignatureError:
    with pytest.raises(SignatureError) as caught:
        verify(statement, signature, allowed, "alice", namespace)
    assert caught.value.exit_code == 4
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize("name", ["alice", "ecdsa", "rsa"])
def test_what_a_key_signs_holds_for_its_person(keys: dict[str, Path], name: str) -> None:
    signature = sign(STATEMENT, keys[name], ACT)
    signed = verify(STATEMENT, signature, [public(keys["mallory"]), public(keys[name])], "alice", ACT)
    listed = subprocess.run(["ssh-keygen", "-l", "-f", keys[name]], capture_output=True, text=True, check=True).stdout
    assert signed.fingerprint == listed.split()[1] == ssh.fingerprint(public(keys[name]))


def test_a_changed_statement_is_told(keys: dict[str, Path]) -> None:
    signature = sign(STATEMENT, keys["alice"], ACT)
    for changed in (STATEMENT + b" ", b"", STATEMENT.replace(b"approve", b"reject")):
        error = fault_of(changed, signature, [public(keys["alice"])])
        assert error.fault is Fault.CHANGED
        assert error.what.endswith("the statement was changed, or the signature belongs to another")


def test_an_unsigned_act_is_told(keys: dict[str, Path]) -> None:
    error = fault_of(STATEMENT, " \n", [public(keys["alice"])])
    assert (error.fault, error.what) == (Fault.UNSIGNED, "this act of alice is not signed")


def test_a_key_of_somebody_else_is_told(keys: dict[str, Path]) -> None:
    signature = sign(STATEMENT, keys["mallory"], ACT)
    error = fault_of(STATEMENT, signature, [public(keys["alice"])])
    hers, his = ssh.fingerprint(public(keys["alice"])), ssh.fingerprint(public(keys["mallory"]))
    assert (error.fault, error.what) == (
        Fault.FOREIGN_KEY,
        f"it was signed by the key {his}, which is none of alice: {hers}",
    )


def test_a_person_without_keys_is_told_which_line_to_list(keys: dict[str, Path]) -> None:
    error = fault_of(STATEMENT, sign(STATEMENT, keys["alice"], ACT), [])
    assert (error.fault, error.what) == (Fault.NO_KEYS, "the policy lists no key of alice")
    assert error.remedy.endswith(" ".join(public(keys["alice"]).split()[:2]))


def test_a_signature_for_another_purpose_does_not_hold(keys: dict[str, Path]) -> None:
    signature = sign(STATEMENT, keys["alice"], CHECKPOINT)
    error = fault_of(STATEMENT, signature, [public(keys["alice"])])
    assert error.fault is Fault.OTHER_PURPOSE
    assert error.what == "the signature was made for 'tidegate-checkpoint', and 'tidegate-act' is asked for"


def rearmored(signature: str, data: bytes) -> str:
    assert signature.startswith(BEGIN)
    return f"{BEGIN}\n{b64encode(data).decode()}\n{END}\n"


def unarmored(signature: str) -> bytes:
    return b64decode(signature.strip()[len(BEGIN) : -len(END)])


def says_ssh_keygen(folder: Path, statement: bytes, signature: str, line: str) -> bool:
    """Whether ``ssh-keygen`` itself lets a signature hold."""
    signers, signed = folder / "signers", folder / "signed"
    signers.write_text(f"alice {line}\n")
    signed.write_text(signature)
    words: list[str | Path] = ["ssh-keygen", "-Y", "verify", "-f", signers, "-I", "alice", "-n", ACT, "-s", signed]
    return subprocess.run(words, input=statement, capture_output=True, check=False).returncode == 0


def signed_by(folder: Path, key: Path, *options: str) -> str:
    """What ``ssh-keygen`` itself signs, with options that we never give."""
    file = folder / "statement"
    file.write_bytes(STATEMENT)
    words: list[str | Path] = ["ssh-keygen", "-Y", "sign", "-q", "-f", key, "-n", ACT, *options, file]
    subprocess.run(words, check=True, capture_output=True)
    made = file.with_name("statement.sig")
    try:
        return made.read_text()
    finally:
        made.unlink()


@pytest.mark.parametrize("options", [(), ("-O", "hashalg=sha256")], ids=["sha512", "sha256"])
def test_what_is_verified_in_process_holds_where_ssh_keygen_lets_it_hold(
    keys: dict[str, Path], tmp_path: Path, options: tuple[str, ...]
) -> None:
    line = public(keys["alice"])
    good = signed_by(tmp_path, keys["alice"], *options)
    data = unarmored(good)
    tried = {good: STATEMENT, good + "\n": STATEMENT + b"x"}
    for position in range(10, len(data), 5):
        changed = bytearray(data)
        changed[position] ^= 0x01
        tried[rearmored(good, bytes(changed))] = STATEMENT
    answers = set()
    for signature, statement in tried.items():
        theirs = says_ssh_keygen(tmp_path, statement, signature, line)
        try:
            ours = verify(statement, signature, [line], "alice", ACT).fingerprint == ssh.fingerprint(line)
        except SignatureError:
            ours = False
        assert ours is theirs, signature
        answers.add(ours)
    assert answers == {True, False}


def test_an_ed25519_signature_is_verified_where_there_is_no_ssh_keygen(
    keys: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    signature = sign(b"in process", keys["alice"], ACT)
    monkeypatch.setenv("PATH", "/nowhere")
    signed = verify(b"in process", signature, [public(keys["alice"])], "alice", ACT)
    assert signed.fingerprint == ssh.fingerprint(public(keys["alice"]))
    assert fault_of(b"in process!", signature, [public(keys["alice"])]).fault is Fault.CHANGED


@pytest.mark.parametrize(
    ("damage", "because"),
    [
        (lambda s: "yes", "it does not stand between"),
        (lambda s: BEGIN, "it does not stand between"),
        (lambda s: s.replace("U1NI", "!1NI"), "it is not base64"),
        (lambda s: s + "x" * 20_000, "characters long"),
        (lambda s: rearmored(s, b"PGPSIG" + unarmored(s)[6:]), "it is not of version 1 of SSHSIG"),
        (lambda s: rearmored(s, unarmored(s)[:9] + b"\x02" + unarmored(s)[10:]), "it is not of version 1 of SSHSIG"),
        (lambda s: rearmored(s, unarmored(s)[:-1]), "it was cut, or more was put to it"),
        (lambda s: rearmored(s, unarmored(s) + b"\0"), "it was cut, or more was put to it"),
        (lambda s: rearmored(s, unarmored(s).replace(b"ssh-ed25519", b"ssh-ed25518", 1)), "are not trusted to sign"),
        (lambda s: rearmored(s, unarmored(s).replace(b"sha512", b"sha513")), "ssh-keygen cannot verify the signature"),
    ],
)  # fmt: skip
def test_a_damaged_signature_is_told(keys: dict[str, Path], damage: object, because: str) -> None:
    assert callable(damage)
    error = fault_of(STATEMENT, damage(sign(STATEMENT, keys["alice"], ACT)), [public(keys["alice"])])
    assert error.fault is Fault.MALFORMED
    assert because in error.what


def test_no_byte_of_a_signature_can_be_changed(keys: dict[str, Path]) -> None:
    signature = sign(STATEMENT, keys["alice"], ACT)
    data = unarmored(signature)
    for position in range(0, len(data), 7):
        changed = bytearray(data)
        changed[position] ^= 0x04
        fault_of(STATEMENT, rearmored(signature, bytes(changed)), [public(keys["alice"])])


@pytest.mark.parametrize(
    "principal",
    [
        "*", "a*,!b", "alice bob", 'x" ssh-ed25519 AAAA', "alice\n* ssh-ed25519 AAAA",
        "-f/etc/passwd", "", "\x1b[2J", "é\ud800",
    ],
)  # fmt: skip
def test_a_hostile_name_opens_nothing_and_breaks_nothing(keys: dict[str, Path], principal: str) -> None:
    allowed = [public(keys["alice"])]
    own = sign(STATEMENT, keys["alice"], ACT)
    assert verify(STATEMENT, own, allowed, principal, ACT).fingerprint == ssh.fingerprint(allowed[0])
    with pytest.raises(SignatureError) as caught:
        verify(STATEMENT, sign(STATEMENT, keys["mallory"], ACT), allowed, principal, ACT)
    assert caught.value.fault is Fault.FOREIGN_KEY
    assert caught.value.what.isprintable()


@pytest.mark.parametrize("line", ["* ssh-ed25519 AAAA", "cert-authority ssh-ed25519 AAAA", "ssh-ed25519 AAAA\n* x"])
def test_a_policy_line_that_is_more_than_a_key_is_refused(keys: dict[str, Path], line: str) -> None:
    signature = sign(STATEMENT, keys["alice"], ACT)
    with pytest.raises(UsageError, match=r"^this is no public key that can be trusted: "):
        verify(STATEMENT, signature, [line], "alice", ACT)


def test_a_short_rsa_key_is_not_trusted_even_where_it_signs(keys: dict[str, Path]) -> None:
    with pytest.raises(UsageError, match="it is an RSA key of 2048 bits, and at least 3072 are trusted"):
        sign(STATEMENT, keys["short"], ACT)
    with pytest.raises(UsageError, match="it is an RSA key of 2048 bits, and at least 3072 are trusted"):
        ssh.fingerprint(public(keys["short"]))


def test_a_key_with_a_passphrase_gives_the_remedy_and_asks_nobody(
    keys: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_ASKPASS", "/bin/false")
    monkeypatch.setenv("DISPLAY", ":0")
    with pytest.raises(NotPermittedError) as caught:
        sign(STATEMENT, keys["locked"], ACT)
    assert caught.value.what == f"the key {keys['locked']} has a passphrase, and the agent does not hold it"
    assert caught.value.remedy == f"ssh-add {keys['locked']}"


@pytest.fixture
def agent(keys: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An agent of our own that holds the locked key."""
    socket, answer = tmp_path / "agent", tmp_path / "answer"
    answer.write_text("#!/bin/sh\necho 'open sesame'\n")
    answer.chmod(stat.S_IRWXU)
    with subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout
            process.stdout.readline()  # it prints its address when it listens
            monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
            asking = os.environ | {"SSH_ASKPASS": str(answer), "SSH_ASKPASS_REQUIRE": "force"}
            subprocess.run(["ssh-add", "-q", keys["locked"]], env=asking, check=True, stdin=subprocess.DEVNULL)
            yield
        finally:
            process.terminate()


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize("half", ["public", "private"])
def test_the_agent_signs_for_a_locked_key(keys: dict[str, Path], half: str) -> None:
    key = keys["locked"] if half == "private" else keys["locked"].with_name("locked.pub")
    signature = sign(STATEMENT, key, ACT)
    signed = verify(STATEMENT, signature, [public(keys["locked"])], "alice", ACT)
    assert signed.fingerprint == ssh.fingerprint(public(keys["locked"]))


@pytest.mark.usefixtures("agent")
def test_a_public_key_that_the_agent_does_not_hold_cannot_sign(keys: dict[str, Path], tmp_path: Path) -> None:
    alone = tmp_path / "alone.pub"
    alone.write_text(public(keys["alice"]))
    with pytest.raises(NotPermittedError) as caught:
        sign(STATEMENT, alone, ACT)
    assert caught.value.what.startswith(f"ssh-keygen cannot sign with {alone}: ")
    assert caught.value.remedy.endswith("whose private half is in the agent (ssh-add -L)")


def test_a_private_key_that_others_can_read_is_refused(keys: dict[str, Path], tmp_path: Path) -> None:
    open_key = copy(keys["alice"], tmp_path / "open key")
    open_key.chmod(0o644)
    with pytest.raises(NotPermittedError) as caught:
        sign(STATEMENT, open_key, ACT)
    assert caught.value.what == f"others can read the private key {open_key}"
    assert caught.value.remedy == f"chmod 600 {open_key}"


def test_a_key_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no key file"):
        sign(STATEMENT, tmp_path / "nobody", ACT)


def test_a_file_that_is_no_key(tmp_path: Path) -> None:
    file = tmp_path / "notes"
    file.write_text("nothing here")
    file.chmod(0o600)
    with pytest.raises(NotPermittedError, match=r"^ssh-keygen cannot sign with .*notes: "):
        sign(STATEMENT, file, ACT)


def test_the_public_key_of_a_file(keys: dict[str, Path], tmp_path: Path) -> None:
    expected = " ".join(public(keys["alice"]).split()[:2])
    assert ssh.public_key_of(keys["alice"]) == expected
    assert ssh.public_key_of(keys["alice"].with_name("alice.pub")) == expected
    assert ssh.public_key_of(copy(keys["alice"], tmp_path / "alone")) == expected
    with pytest.raises(NotPermittedError, match="has a passphrase"):
        ssh.public_key_of(copy(keys["locked"], tmp_path / "locked alone"))


def test_without_ssh_keygen_the_remedy_is_to_install_it(
    keys: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signature = sign(b"not yet seen", keys["rsa"], ACT)
    monkeypatch.setenv("PATH", str(tmp_path))
    for act in (
        lambda: sign(STATEMENT, keys["alice"], ACT),
        lambda: verify(b"not yet seen", signature, [public(keys["rsa"])], "alice", ACT),
    ):
        with pytest.raises(WorldError, match=r"^ssh-keygen is not on this machine$") as caught:
            act()
        assert caught.value.remedy.startswith("apt-get install openssh-client")


def test_an_ssh_keygen_that_hangs_is_given_up(
    keys: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = tmp_path / "ssh-keygen"
    hanging.write_text("#!/bin/sh\nexec sleep 600\n")
    hanging.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(ssh, "SIGN_TIMEOUT_S", 0.2)
    with pytest.raises(TimedOutError, match=r"^ssh-keygen did not answer within 0\.2 s$"):
        sign(STATEMENT, keys["alice"], ACT)


def test_an_ssh_keygen_that_says_good_of_another_key_is_not_believed(
    keys: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signature = sign(b"for the liar", keys["rsa"], ACT)
    other = ssh.fingerprint(public(keys["mallory"]))
    liar = tmp_path / "ssh-keygen"
    liar.write_text(f"#!/bin/sh\necho 'Good \"tidegate-act\" signature for x with ED25519 key {other}'\n")
    liar.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    error = fault_of(b"for the liar", signature, [public(keys["rsa"])])
    assert error.fault is Fault.MALFORMED


def test_what_held_is_remembered_and_a_key_taken_away_is_noticed(
    keys: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement, allowed = b"remember me", [public(keys["rsa"])]
    signature = sign(statement, keys["rsa"], ACT)
    first = verify(statement, signature, allowed, "alice", ACT)
    monkeypatch.setenv("PATH", str(tmp_path))  # no ssh-keygen: whatever is asked of it now fails
    assert verify(statement, signature, allowed, "alice", ACT) == first
    assert fault_of(statement, signature, [public(keys["mallory"])]).fault is Fault.FOREIGN_KEY
    with pytest.raises(WorldError):
        verify(statement + b"!", signature, allowed, "alice", ACT)


def test_a_purpose_is_a_plain_word(keys: dict[str, Path]) -> None:
    with pytest.raises(UsageError, match="is no purpose to sign for"):
        sign(STATEMENT, keys["alice"], 'x" y')


def test_nothing_is_left_behind(keys: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    statement = b"leave nothing"
    verify(statement, sign(statement, keys["rsa"], ACT), [public(keys["rsa"])], "a", ACT)
    assert list(tmp_path.iterdir()) == []


def test_no_room_for_a_temporary_file_is_the_worlds_fault(
    keys: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement = b"no room"
    signature = sign(statement, keys["rsa"], ACT)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(WorldError, match="no temporary file can be written to verify a signature: No such file"):
        verify(statement, signature, [public(keys["rsa"])], "alice", ACT)


def test_the_envelope_says_key_and_purpose(keys: dict[str, Path]) -> None:
    envelope = read_envelope(sign(STATEMENT, keys["alice"], ACT))
    assert envelope.namespace == ACT
    assert envelope.key.line == ssh.public_key_of(keys["alice"])
