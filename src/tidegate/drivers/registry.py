"""The drivers by the name that a policy calls them. Adding one is its folder and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from tidegate.drivers.contract import Driver, Target
from tidegate.errors import PolicyError, TidegateError


def _host(target: Target, settings: Mapping[str, Any]) -> Driver:
    from tidegate.drivers.host import HostDriver, HostSettings

    return HostDriver(target, HostSettings.model_validate(dict(settings)))


DRIVERS: dict[str, Callable[[Target, Mapping[str, Any]], Driver]] = {
    "host": _host,
}


def mistakes(target: Target, settings: Mapping[str, Any]) -> list[tuple[tuple[str | int, ...], str]]:
    """What is wrong with a target's settings: where in them, and what; empty where a driver can be built."""
    name = settings.get("driver")
    if name not in DRIVERS:
        close = get_close_matches(str(name), DRIVERS, n=1)
        hint = f'; did you mean "{close[0]}"?' if close else ""
        return [(("driver",), f"there is no driver {str(name)!r:.60}{hint} (known: {', '.join(sorted(DRIVERS))})")]
    try:
        DRIVERS[name](target, settings)
    except ValidationError as error:
        return [(detail["loc"], _sentence(detail)) for detail in error.errors(include_url=False)]
    except TidegateError as error:
        return [((), error.what)]
    return []


def _sentence(detail: Mapping[str, Any]) -> str:
    """One mistake of the settings, in the words of the file."""
    key = detail["loc"][-1] if detail["loc"] else "the target"
    match detail["type"]:
        case "missing":
            return f'the target has no key "{key}"; add {key}:'
        case "extra_forbidden":
            return f'unknown key "{key!s:.60}"; see the keys of this driver in docs/drivers'
        case "value_error":
            return str(detail["ctx"]["error"])
        case _:
            said = str(detail["msg"])
            wanted = said.removeprefix("Input should be ").removeprefix("a valid ").replace("tuple", "list")
            return f"{key} is {detail['input']!r:.60}, expected {wanted}"


def build(target: Target, settings: Mapping[str, Any]) -> Driver:
    """The driver of a target, from the settings in the policy (``driver`` names it).

    Raises:
        PolicyError: there is no such driver, or its settings are wrong; one mistake each.
    """
    if found := mistakes(target, settings):
        where = f"components.{target.component}.targets.{target.environment}"
        errors = tuple(
            PolicyError(what, where=".".join(map(str, (where, *path))), remedy="Correct it; see docs/drivers.")
            for path, what in found
        )
        first = errors[0]
        raise PolicyError(first.what, where=first.where, remedy=first.remedy, mistakes=errors)
    return DRIVERS[settings["driver"]](target, settings)
