"""The settings of channels: variables of the environment, and secrets in them or in files that they name."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping

from tidegate.core.secret import Secret
from tidegate.errors import UsageError

LIMIT_BYTES = 16 << 10


class UnsetError(UsageError):
    """A setting is missing, or cannot be used, in this process; another may have it."""


def text(environment: Mapping[str, str], name: str) -> str:
    """A setting; empty where it is not given."""
    return environment.get(name, "").strip()


def demanded(environment: Mapping[str, str], name: str, example: str) -> str:
    """A setting that must be given.

    Raises:
        UnsetError: it is not.
    """
    found = text(environment, name)
    if not found:
        raise UnsetError(f"{name} is not set here", remedy=f"set it for the worker: {name}={example}")
    return found


def secret(environment: Mapping[str, str], name: str) -> Secret | None:
    """The secret in the variable ``name``, or else in the file that ``NAME_FILE`` names; None: there is none.

    Raises:
        UnsetError: the file cannot be read, is empty, or is no file for a secret.
    """
    if given := text(environment, name):
        return Secret(given)
    path = text(environment, f"{name}_FILE")
    return _in_file(path, f"{name}_FILE") if path else None


def _in_file(path: str, name: str) -> Secret:
    try:
        with open(path, "rb", opener=_unblocked) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UnsetError(f"what {name} names is no plain file", remedy="name the file with the secret")
            data = file.read(LIMIT_BYTES + 1)
        found = data.decode().strip()
    except OSError as error:
        raise UnsetError(
            f"the file that {name} names cannot be read: {error.strerror}", remedy="let the worker read it"
        ) from error
    except UnicodeDecodeError:
        raise UnsetError(f"the file that {name} names is no text", remedy="keep the secret in it, alone") from None
    if not found or len(data) > LIMIT_BYTES:
        raise UnsetError(
            f"the file that {name} names is empty, or longer than {LIMIT_BYTES >> 10} KiB",
            remedy="keep the secret in it, alone",
        )
    return Secret(found)


def _unblocked(path: str, flags: int) -> int:
    """A pipe that nobody writes to holds nobody up."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
