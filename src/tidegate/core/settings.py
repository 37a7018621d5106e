"""An environment's settings, held against the policy and against the environment that it mirrors.

Settings hold secrets, and nothing here lets one out. Of a setting that may be a secret it is said that it is there,
that it is not, and whether two are the same: never what it is. Of every other setting the value is told only where the
policy itself names it. What is left of a file is the list of what was found in it.

A setting may be a secret by its name (``db_password``, ``API_KEY``) or by its value (an address with a password in it,
a private key, a long text of letters and digits).
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from urllib.parse import urlsplit

from tidegate.core.policy import DataClass, Environment, Policy, Purpose

FORMAT = "tidegate/environment/1"
DATA_CLASS = "data_class"
"""The setting in which a file may say what kind of data is in the environment."""

Value = bool | int | float | str | None

_SECRET_WORDS = frozenset(
    [
        "apikey",
        "auth",
        "cert",
        "certificate",
        "cookie",
        "credential",
        "credentials",
        "dsn",
        "key",
        "keys",
        "jwt",
        "pass",
        "passphrase",
        "passwd",
        "password",
        "passwords",
        "private",
        "pwd",
        "salt",
        "secret",
        "secrets",
        "signing",
        "token",
        "tokens",
        "webhook",
    ]
)
_HOST_WORDS = frozenset(
    ["address", "api", "connection", "database", "db", "endpoint", "host", "hostname", "server", "uri", "url"]
)
_SECRET_VALUE = re.compile(
    r"-----BEGIN|://[^/@\s:]{0,200}:[^/@\s]{1,500}@|(?:pass(?:word|wd)?|pwd|secret|token|api_?key)\s*[=:]",
    re.IGNORECASE,
)
_LONG = re.compile(r"[A-Za-z0-9+/_=-]{20,}")
_LONGEST_PLAIN = 4096
"""Whoever writes more than this into a setting writes a key, a certificate or a blob."""
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(?::[0-9]{1,5})?")
_VERSION = re.compile(r"[A-Za-z ]*v?([0-9]{1,9}(?:\.[0-9]{1,9}){0,4})")


class Kind(StrEnum):
    """What is wrong with a setting."""

    MISSING = "missing"
    DIFFERENT = "different"
    ENDPOINT = "endpoint"
    DATA = "data"


@dataclass(frozen=True, slots=True)
class Violation:
    """A setting that is not as the policy says. ``found`` says what is there, and never a secret."""

    key: str
    kind: Kind
    expected: str
    found: str


class State(StrEnum):
    """How a setting stands in the two environments."""

    SAME = "same"
    DECLARED = "as declared"
    DIFFERS = "differs"
    HERE = "only here"
    THERE = "only there"
    SECRETS_DIFFER = "secret, differs"
    SECRET_SHARED = "secret, the same in both"  # noqa: S105  a word for it


DRIFTS = frozenset({State.DIFFERS, State.HERE, State.THERE})
"""What counts as drift. Two environments have secrets of their own, and what the policy asks of each may differ."""


@dataclass(frozen=True, slots=True)
class Drift:
    """How one setting stands in both environments."""

    key: str
    state: State


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in an environment's settings; ``drift`` is None where nothing was there to compare with."""

    environment: str
    settings: int
    violations: tuple[Violation, ...]
    mirror_of: str = ""
    drift: tuple[Drift, ...] | None = None

    @property
    def drifts(self) -> int | None:
        """How many settings drift; None: nobody can tell."""
        return None if self.drift is None else sum(one.state in DRIFTS for one in self.drift)

    @property
    def values(self) -> dict[str, int]:
        """The fields of evidence of the kind ``environment``."""
        drifts = self.drifts
        return {"violations": len(self.violations)} | ({} if drifts is None else {"drift": drifts})


def normal(key: str) -> str:
    """A setting's name as it is compared: ``API.URL``, ``api-url`` and ``API_URL`` are one."""
    return re.sub(r"[.\-]", "_", key).casefold()


def words_of(key: str) -> frozenset[str]:
    """The words of a setting's name: ``dbPassword`` and ``DB_PASSWORD`` have the same two."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key)
    return frozenset(re.split(r"[^A-Za-z0-9]+", parted.casefold()))


def is_secret(key: str, value: Value) -> bool:
    """Whether a setting may be a secret, by its name or by its value; a truth value is none by its value."""
    if words_of(key) & _SECRET_WORDS:
        return True
    if not isinstance(value, str):
        return False
    return (
        len(value) > _LONGEST_PLAIN or bool(_SECRET_VALUE.search(value)) or any(map(_is_random, _LONG.findall(value)))
    )


def _is_random(word: str) -> bool:
    """Whether a long word has letters and digits, as keys and tokens do."""
    return any(c.isdigit() for c in word) and any(c.isalpha() for c in word)


def check(
    policy: Policy,
    environment: str,
    settings: Mapping[str, Value],
    other: Mapping[str, Value] | None = None,
    *,
    seal: bytes,
) -> Checked:
    """Hold the settings of an environment against the policy, and against those of the environment that it mirrors.

    Args:
        settings: each by its normal name; ``other``: those of the environment that this one is to be like.
        seal: a key made for this comparison, under which secrets are compared by digest.

    Source: TP-08, M2-01.
    """
    here = policy.environments[environment]
    foreign = _foreign(policy, environment, settings)
    unlike = list(_unlike_policy(here, settings, foreign))
    told = {normal(one.key) for one in unlike}
    elsewhere = (
        Violation(key, Kind.ENDPOINT, f"a host of {environment}", host)
        for key, host in foreign.items()
        if key not in told
    )
    violations = [*unlike, *elsewhere, *_data(here, settings)]
    drift = None if other is None else tuple(_drift(policy, here, settings, other, seal))
    return Checked(environment, len(settings), tuple(violations), here.mirror_of or "", drift)


def _unlike_policy(here: Environment, settings: Mapping[str, Value], foreign: Mapping[str, str]) -> Iterator[Violation]:
    for name, expected in here.config.items():
        key = normal(name)
        if settings.get(key) is None:
            yield Violation(name, Kind.MISSING, _text(expected), "nothing")
        elif not _meets(name, expected, settings[key]):
            found = foreign.get(key) or _shown(name, settings[key])
            yield Violation(name, Kind.DIFFERENT, _wanted(name, expected), found)


def _wanted(name: str, expected: bool | int | str) -> str:
    words = words_of(name)
    prefix = "at least " if "min" in words else "at most " if "max" in words else ""
    return prefix + _text(expected)


def _meets(name: str, expected: bool | int | str, found: Value) -> bool:
    words = words_of(name)
    if not isinstance(expected, bool) and words & {"min", "max"}:
        wanted, has = _version(_text(expected)), _version(_text(found))
        if wanted is None or has is None:
            return False
        pairs = list(zip_longest(wanted, has, fillvalue=0))
        least, most = [w for w, _ in pairs], [h for _, h in pairs]
        return most >= least if "min" in words else most <= least
    if isinstance(expected, bool) or isinstance(found, bool):
        return expected is found
    return _text(expected) == _text(found)


def bound_asks_for_more(name: str, was: bool | int | str, now: bool | int | str) -> bool | None:
    """Whether a setting's later value asks for more than its earlier one; None: neither is a bound, or nobody can say.

    A value that is one of two has no order; of a bound (``min_tls: 12``) what the larger one lets pass tells.
    """
    words = words_of(name)
    bounds = words & {"min", "max"}
    if len(bounds) != 1 or isinstance(was, bool) or isinstance(now, bool):
        return None
    before, after = _version(_text(was)), _version(_text(now))
    if before is None or after is None or _meets(name, was, now) == _meets(name, now, was):
        return None
    return _meets(name, was, now)


def _version(text: str) -> tuple[int, ...] | None:
    match = _VERSION.fullmatch(text)
    return tuple(map(int, match[1].split("."))) if match else None


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shown(key: str, value: Value) -> str:
    """A value as it may be told: nothing of what may be a secret."""
    if is_secret(key, value):
        return "something else (hidden: it may be a secret)"
    return f'"{value[:80]}"' if isinstance(value, str) else _text(value)


def hosts_of(environment: Environment) -> frozenset[str]:
    """The hosts that an environment's rules and health pages name as its own."""
    found = [_host(page.url) for page in environment.health]
    for key, value in environment.config.items():
        if isinstance(value, str) and ("://" in value or words_of(key) & _HOST_WORDS):
            found.append(_host(value))
    return frozenset(filter(None, found))


def _host(text: str) -> str:
    """The host of an address, or the text itself where it is a host."""
    if "://" in text:
        try:
            return (urlsplit(text).hostname or "").casefold()
        except ValueError:
            return ""
    return text.partition(":")[0].casefold() if _HOST.fullmatch(text) else ""


def _foreign(policy: Policy, environment: str, settings: Mapping[str, Value]) -> dict[str, str]:
    """The settings, secret or not, that point to a host of another environment: the host is told, and no more."""
    own = hosts_of(policy.environments[environment])
    others = {
        host: name
        for name, other in policy.environments.items()
        if name != environment
        for host in hosts_of(other) - own
    }
    found: dict[str, str] = {}
    for key, value in sorted(settings.items()):
        named = [host for host in sorted(others) if isinstance(value, str) and _names(value, host)]
        if named:
            found[key] = " and ".join(f"{host}, a host of {others[host]}" for host in named)
    return found


def _names(value: str, host: str) -> bool:
    if "." in host:
        pattern = rf"(?<![A-Za-z0-9.-]){re.escape(host)}(?![A-Za-z0-9-]|\.[A-Za-z0-9])"
    else:
        # A bare name is a host only where a host stands: alone, or in an address.
        pattern = rf"(?:^|[/@=,\s]){re.escape(host)}(?:$|[:/,;?\s])"
    return re.search(pattern, value, re.IGNORECASE) is not None


def _data(here: Environment, settings: Mapping[str, Value]) -> Iterator[Violation]:
    said = settings.get(DATA_CLASS)
    if said is None:
        return
    known = {one.value for one in DataClass}
    found = said if isinstance(said, str) and said in known else "something that is no class of data"
    if here.data is not None and found != here.data.value:
        yield Violation(DATA_CLASS, Kind.DATA, here.data.value, found)
    elif found == DataClass.LIVE.value and here.purpose is not Purpose.PRODUCTION:
        yield Violation(DATA_CLASS, Kind.DATA, "no live data outside production", found)


def _drift(
    policy: Policy, here: Environment, settings: Mapping[str, Value], other: Mapping[str, Value], seal: bytes
) -> Iterator[Drift]:
    there = policy.environments.get(here.mirror_of or "")
    asked_here = {normal(name): value for name, value in here.config.items()}
    asked_there = {normal(name): value for name, value in there.config.items()} if there else {}
    for key in sorted(settings.keys() | other.keys()):
        if key not in other:
            yield Drift(key, State.HERE)
        elif key not in settings:
            yield Drift(key, State.THERE)
        elif is_secret(key, settings[key]) or is_secret(key, other[key]):
            same = hmac.compare_digest(_sealed(settings[key], seal), _sealed(other[key], seal))
            yield Drift(key, State.SECRET_SHARED if same else State.SECRETS_DIFFER)
        elif settings[key] == other[key] and isinstance(settings[key], bool) == isinstance(other[key], bool):
            yield Drift(key, State.SAME)
        elif key == DATA_CLASS or (key in asked_here and key in asked_there and asked_here[key] != asked_there[key]):
            yield Drift(key, State.DECLARED)
        else:
            yield Drift(key, State.DIFFERS)


def _sealed(value: Value, seal: bytes) -> bytes:
    return hmac.digest(seal, _text(value).encode("utf-8", "surrogatepass"), "sha256")
