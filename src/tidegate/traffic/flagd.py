"""A feature flag in a file that flagd reads, and with it every OpenFeature client.

The flag has the variants ``on`` and ``off``. A share in between is a *fractional* rule: flagd gives each user the same
answer each time, by a hash of who they are. Other flags in the file are left as they are.

Source: flagd's flag definitions (flagd.dev), "Targeting: fractional" and "metadata".
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict

from tidegate.core.effect import ALL, Share, Token
from tidegate.core.written import written
from tidegate.errors import FencedError, TargetError
from tidegate.traffic.contract import Sight

_MOST = 16 << 20
_SEEN = "tidegateToken"
_VARIANTS = {"on": True, "off": False}


def _flag_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", text):
        raise ValueError(f"{written(text)} is not a flag's name; use letters, digits and . _ -")
    return text


def _absolute(text: str) -> str:
    if not text.startswith("/") or re.search(r"[\x00-\x1f\x7f]", text):
        raise ValueError(f"{written(text)} is not the absolute path of a file")
    return text


class FlagSettings(BaseModel):
    """A flag of a target: the file that flagd reads, and the flag's name in it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    file: Annotated[str, AfterValidator(_absolute)]
    name: Annotated[str, AfterValidator(_flag_name)]


class FlagFile:
    """One flag in one file. The file keeps the highest token seen, so that a late actor is refused by it."""

    weighs = True

    def __init__(self, settings: FlagSettings) -> None:
        self._path = Path(settings.file)
        self._name = settings.name

    def sight(self) -> Sight:
        flags = self._flags(self._load())
        if self._name not in flags:
            return Sight((Share(self._name, 0),), detail="it is not in the file yet: off")
        flag = flags[self._name]
        return Sight((Share(self._name, self._points(flag)),), detail=f"in {self._path}", token=_token_of(flag))

    def shift(self, share: Share, token: Token) -> None:
        with self._locked():
            document = self._load()
            flags = self._flags(document)
            before = flags.get(self._name)
            if self._name in flags:
                self._points(before)  # refuses one that is somebody else's
            seen = _token_of(before)
            if seen is not None and seen > token:
                raise FencedError(
                    f"the flag {self._name} has seen the token {seen}, and ours is {token}",
                    where=str(self._path),
                    remedy="whoever holds the newer token answers for it now",
                )
            others = (before or {}).get("metadata") or {}
            flags[self._name] = _flag(share.points, {**others, _SEEN: str(token)})
            self._write({**document, "flags": flags})

    def sentence(self, share: Share) -> str:
        return f"switch the flag {self._name} on for {share.percent} of the users, in {self._path}"

    def _flags(self, document: dict[str, Any]) -> dict[str, Any]:
        flags = document.get("flags", {})
        if not isinstance(flags, dict):
            raise self._unreadable("its flags are no mapping")
        return dict(flags)

    def _points(self, flag: Any) -> int:
        """For which share of the users it is on.

        Raises:
            TargetError: it is not one that we wrote, or somebody has changed it.
        """
        try:
            if flag["variants"] != _VARIANTS or flag["state"] != "ENABLED":
                raise ValueError("it has other variants, or is disabled")
            targeting = flag.get("targeting") or {}
            if not targeting:
                return {"on": ALL, "off": 0}[flag["defaultVariant"]]
            (on, off) = targeting["fractional"]
            if (on[0], off[0], on[1] + off[1], list(targeting)) != ("on", "off", ALL, ["fractional"]):
                raise ValueError("it has other rules")
            return int(on[1])
        except (KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
            raise TargetError(
                f"the flag {self._name} is not as Tidegate writes it: {error}",
                where=str(self._path),
                remedy="name another flag, or take this one out of the file",
            ) from error

    # The file.

    def _load(self) -> dict[str, Any]:
        try:
            with self._path.open("rb") as file:
                data = file.read(_MOST + 1)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._unreadable(error.strerror or str(error)) from error
        if len(data) > _MOST:
            raise self._unreadable("it is larger than 16 MiB")
        try:
            document = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise self._unreadable(f"it is no JSON: {error}") from error
        if not isinstance(document, dict):
            raise self._unreadable("it is no mapping")
        return document

    def _unreadable(self, why: str) -> TargetError:
        return TargetError(
            f"the file of flags cannot be used: {why}", where=str(self._path), remedy="mend it, then repeat"
        )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time, by a lock beside the file: the file itself is replaced."""
        try:
            lock = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise self._unreadable(f"no lock can be made beside it: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _write(self, document: dict[str, Any]) -> None:
        draft = Path(f"{self._path}.draft")
        try:
            mode = self._path.stat().st_mode & 0o777 if self._path.exists() else 0o644
            # Never through a link that somebody else has put there.
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
            with os.fdopen(os.open(draft, flags, 0o600), "w", encoding="utf-8") as file:
                json.dump(document, file, indent=2, ensure_ascii=False)
                file.write("\n")
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            draft.replace(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise TargetError(
                f"the file of flags cannot be written: {error.strerror}",
                where=str(self._path),
                remedy="make room there, and see that it can be written",
            ) from error


def _flag(points: int, metadata: dict[str, Any]) -> dict[str, Any]:
    part = 0 < points < ALL
    return {
        "state": "ENABLED",
        "variants": dict(_VARIANTS),
        "defaultVariant": "on" if points == ALL else "off",
        "targeting": {"fractional": [["on", points], ["off", ALL - points]]} if part else {},
        "metadata": metadata,
    }


def _token_of(flag: Any) -> Token | None:
    """The token in a flag's metadata; None where there is none that can be read."""
    try:
        text = flag["metadata"][_SEEN]
        epoch, _, counter = text.removesuffix("!").partition(".")
        return Token(int(epoch), int(counter), 1 if text.endswith("!") else 0)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
