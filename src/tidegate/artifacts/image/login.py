"""Who we are at a registry. A secret is looked up when it is needed, and hides itself wherever it might be printed."""

from __future__ import annotations

import base64
import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tidegate.core.policy import Registry, SecretFrom
from tidegate.core.secret import Secret
from tidegate.drivers.command import Limits, environment, run
from tidegate.errors import NotPermittedError

LIMIT_BYTES = 16 << 10
_COMMAND = Limits(timeout_s=60.0, silence_s=60.0, output=LIMIT_BYTES)
_NO_TEXT = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Login:
    """How to log in: a user and a password, a bearer token, or nothing."""

    user: str = ""
    password: Secret | None = None
    token: Secret | None = None

    def basic(self) -> str:
        """The value of ``Authorization`` for the user and the password; empty where there are none."""
        if self.password is None:
            return ""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password.reveal()}".encode()).decode()


def login_of(
    settings: Registry | None, host: str, root: Path, environ: Mapping[str, str] | None = None
) -> Callable[[], Login]:
    """Looks the login up when it is first asked for: a push that has nothing to do needs none.

    Args:
        root: where relative paths begin: the directory of the policy file.
    """
    known: list[Login] = []

    def look() -> Login:
        if not known:
            known.append(_login(settings, host, root, os.environ if environ is None else environ))
        return known[0]

    return look


def _login(settings: Registry | None, host: str, root: Path, environ: Mapping[str, str]) -> Login:
    if settings is None:
        return Login()
    if settings.secret is None:
        return Login()
    secret = secret_of(settings.secret, f"registries.{host}.secret", root, environ)
    return Login(settings.user, secret) if settings.user else Login(token=secret)


def secret_of(source: SecretFrom, where: str, root: Path, environ: Mapping[str, str]) -> Secret:
    """What is found where the policy says a secret is; ``where`` is the key of the policy, for the error.

    Raises:
        NotPermittedError: it is not there, or is no text on one line.
    """
    if source.env is not None:
        text = _of_environment(source.env, where, environ)
    elif source.file is not None:
        text = _of_file(root / Path(source.file).expanduser(), where)
    else:
        text = _of_command(source.command or (), where)
    text = text.removesuffix("\n").removesuffix("\r")
    if not text or _NO_TEXT.search(text) or len(text) > LIMIT_BYTES:
        what = "is empty" if not text else "has a line break or a control character, or is too long"
        raise _absent(f"the secret {what}", where, "put the secret there alone, on one line")
    return Secret(text)


def _of_environment(name: str, where: str, environ: Mapping[str, str]) -> str:
    if name not in environ:
        raise _absent(f"the variable {name} is not set", where, f"set it: export {name}=...")
    return environ[name]


def _of_file(path: Path, where: str) -> str:
    try:
        with path.open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _absent(f"{path} is no file", where, "name a file")
            return file.read(LIMIT_BYTES + 2).decode(errors="replace")
    except OSError as error:
        raise _absent(
            f"the file {path} cannot be read: {error.strerror or error}", where, "put the secret there"
        ) from error


def _of_command(command: tuple[str, ...], where: str) -> str:
    done = run(command, (), _COMMAND, where=where, env=environment() | _own())
    if done.status != 0:
        # What it printed may be the secret, and what it complained of may hold it.
        raise _absent(f"the command {command[0]} ended with {done.status}", where, "run it by hand and look")
    return done.stdout.decode(errors="replace")


def _own() -> dict[str, str]:
    """What credential helpers need besides: where their own configuration lies."""
    wanted = ("XDG_CONFIG_HOME", "DOCKER_CONFIG", "AWS_PROFILE", "AWS_REGION", "GNUPGHOME", "PASSWORD_STORE_DIR")
    return {name: os.environ[name] for name in wanted if name in os.environ}


def _absent(what: str, where: str, remedy: str) -> NotPermittedError:
    return NotPermittedError(what, where=where, remedy=remedy)
