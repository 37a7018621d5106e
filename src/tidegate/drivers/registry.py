"""The drivers by the name that a policy calls them. Adding one is its folder and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from tidegate.core.wave import DATABASE, FLAG, TRAFFIC
from tidegate.core.written import written
from tidegate.drivers.contract import Driver, Target
from tidegate.errors import PolicyError, TidegateError


def _host(target: Target, settings: Mapping[str, Any]) -> Driver:
    from tidegate.drivers.host import HostDriver, HostSettings

    return HostDriver(target, HostSettings.model_validate(dict(settings)))


def _compose(target: Target, settings: Mapping[str, Any]) -> Driver:
    from tidegate.drivers.compose import ComposeDriver, ComposeSettings

    return ComposeDriver(target, ComposeSettings.model_validate(dict(settings)))


def _command(target: Target, settings: Mapping[str, Any]) -> Driver:
    from tidegate.drivers.command_driver import CommandDriver, CommandSettings

    return CommandDriver(target, CommandSettings.model_validate(dict(settings)))


def _kubernetes(target: Target, settings: Mapping[str, Any]) -> Driver:
    from tidegate.drivers.kubernetes import KubernetesDriver, KubernetesSettings

    return KubernetesDriver(target, KubernetesSettings.model_validate(dict(settings)))


DRIVERS: dict[str, Callable[[Target, Mapping[str, Any]], Driver]] = {
    "command": _command,
    "compose": _compose,
    "host": _host,
    "kubernetes": _kubernetes,
}

PLANNED = frozenset({"akeeba", "dolibarr", "joomla"})
"""The drivers that a policy can name and that this version does not have: nothing can be deployed by them yet."""


def mistakes(target: Target, settings: Mapping[str, Any]) -> list[tuple[tuple[str | int, ...], str]]:
    """What is wrong with a target's settings: where in them, and what; empty where a driver can be built."""
    name = settings.get("driver")
    if name in PLANNED:
        return []
    if name not in DRIVERS:
        from difflib import get_close_matches

        close = get_close_matches(str(name), [*DRIVERS, *PLANNED], n=1)
        hint = f'; did you mean "{close[0]}"?' if close else ""
        known = ", ".join(sorted([*DRIVERS, *PLANNED]))
        return [(("driver",), f"there is no driver {written(name)}{hint} (known: {known})")]
    try:
        driver = DRIVERS[name](target, _own(settings))
    except ValidationError as error:
        return [_mistake(settings, detail) for detail in error.errors(include_url=False)]
    except TidegateError as error:
        return [((), error.what)]
    return _mistakes_around(driver, settings)


SHARING = ("traffic", "flag")
AROUND = (*SHARING, "database")
"""The keys of a target that say how its traffic is shared, what its flag is, and which database it has; the rest are
the driver's own."""


def _own(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key not in AROUND}


def _mistakes_around(driver: Driver, settings: Mapping[str, Any]) -> list[tuple[tuple[str | int, ...], str]]:
    found: list[tuple[tuple[str | int, ...], str]] = []
    for key in AROUND:
        if settings.get(key) is None:
            continue
        try:
            _validate(driver, key, settings[key])
        except ValidationError as error:
            told = [_mistake({"": settings[key]}, _below(detail)) for detail in error.errors(include_url=False)]
            found += [((key, *path[1:]), sentence) for path, sentence in told]
        except ValueError as error:
            found.append(((key,), str(error)))
    taken = {TRAFFIC, FLAG} & set(driver.units)
    if taken and any(settings.get(key) is not None for key in SHARING):
        found.append(((), f"a unit is called {min(taken)}, which is what shares are set at; give it another name"))
    if settings.get("database") is not None and DATABASE in driver.units:
        found.append(((), "a unit is called database, as is what migrations are run on; give it another name"))
    return found


def _validate(driver: Driver, key: str, settings: Any) -> None:
    if key == "database":
        # Which tool it is, and where its migrations are, the target alone does not say: see the lint "database-target".
        from tidegate.databases.settings import DatabaseSettings

        DatabaseSettings.model_validate(settings)
    else:
        shared(driver, {key: settings})


def around(driver: Driver, settings: Mapping[str, Any]) -> Driver:
    """The driver with all that a target's settings put around it: its traffic switch, its flag, its database.

    Raises:
        ValueError, ValidationError: they are wrong.
    """
    return migrated(shared(driver, settings), settings)


def migrated(driver: Driver, settings: Mapping[str, Any]) -> Driver:
    """The driver with the database whose migrations are run, where the target's settings declare one.

    Raises:
        ValueError, ValidationError: they are wrong.
    """
    if settings.get("database") is None:
        return driver
    from tidegate.databases.database import Database
    from tidegate.databases.registry import runner
    from tidegate.databases.settings import DatabaseSettings
    from tidegate.drivers.migrated import MigratedDriver

    declared = DatabaseSettings.model_validate(settings["database"])
    return MigratedDriver(driver, Database(driver.target, declared, runner(declared)))


def _below(detail: Any) -> dict[str, Any]:
    """A mistake of a part of the settings, as one of the whole."""
    return {**detail, "loc": ("", *detail["loc"])}


def shared(driver: Driver, settings: Mapping[str, Any]) -> Driver:
    """The driver behind its traffic switch, and with its flag, where the target's settings declare them.

    Raises:
        ValueError, ValidationError: they are wrong.
    """
    from tidegate.drivers.switched import SwitchedDriver
    from tidegate.traffic import registry

    traffic, flag = (settings.get(key) for key in SHARING)
    if traffic is None and flag is None:
        return driver
    switch = registry.switch(traffic, driver.units) if traffic is not None else None
    name, divider = registry.flag(flag) if flag is not None else ("", None)
    switch_name = str(traffic["switch"]) if traffic is not None else ""
    return SwitchedDriver(driver, switch, divider, switch_name=switch_name, flag_name=name)


def _mistake(settings: Mapping[str, Any], detail: Mapping[str, Any]) -> tuple[tuple[str | int, ...], str]:
    path = _path(settings, detail)
    return path, _sentence(_name(path), detail)


def _path(settings: Mapping[str, Any], detail: Mapping[str, Any]) -> tuple[str | int, ...]:
    """Where in the settings, without the steps by which the validation tells its own branches apart."""
    path: tuple[str | int, ...] = ()
    value: Any = settings
    for step in detail["loc"]:
        if (isinstance(value, Mapping) and step in value) or (isinstance(value, list) and isinstance(step, int)):
            path, value = (*path, step), value[step]
    return (*path, detail["loc"][-1]) if detail["type"] == "missing" else path


def _name(path: tuple[str | int, ...]) -> str:
    """What is spoken of: ``keep``, ``hosts[1]``."""
    *above, last = path or ("the target",)
    return f"{above[-1]}[{last}]" if isinstance(last, int) and above else str(last)


def _sentence(key: str, detail: Mapping[str, Any]) -> str:
    """One mistake of the settings, in the words of the file."""
    match detail["type"]:
        case "missing":
            return f'the target has no key "{key}"; add {key}:'
        case "extra_forbidden":
            return f"unknown key {written(key)}; see the keys of this driver in docs/drivers"
        case "value_error":
            return str(detail["ctx"]["error"])
        case "too_short" | "string_too_short":
            return f"{key} is empty; write at least one entry"
        case "too_long" | "string_too_long":
            return f"{key} has more than {detail['ctx']['max_length']:,} entries or characters; shorten it"
        case "literal_error":
            return f"{key} is {written(detail['input'])}, expected {detail['ctx']['expected'].replace(chr(39), '')}"
        case "greater_than_equal":
            return f"{key} is {written(detail['input'])}, expected at least {detail['ctx']['ge']:,}"
        case "less_than_equal":
            return f"{key} is {written(detail['input'])}, expected at most {detail['ctx']['le']:,}"
        case kind:
            return f"{key} is {written(detail['input'])}, expected {_WANTED.get(kind, 'a value of another kind')}"


_WANTED = {
    "bool_type": "true or false",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "string_type": "a text",
    "tuple_type": "a list",
}
"""What a value should be, by the validation's name of the mistake."""


def build(target: Target, settings: Mapping[str, Any]) -> Driver:
    """The driver of a target, from the settings in the policy (``driver`` names it).

    Raises:
        PolicyError: there is no such driver, or its settings are wrong; one mistake each.
    """
    if settings.get("driver") in PLANNED:
        raise PolicyError(
            f"this version of Tidegate cannot deploy by {settings['driver']} yet",
            where=f"components.{target.component}.targets.{target.environment}.driver",
            remedy="Deploy by another driver, or wait for the version that has this one.",
        )
    if found := mistakes(target, settings):
        where = f"components.{target.component}.targets.{target.environment}"
        errors = tuple(
            PolicyError(what, where=".".join(map(str, (where, *path))), remedy="Correct it; see docs/drivers.")
            for path, what in found
        )
        first = errors[0]
        raise PolicyError(first.what, where=first.where, remedy=first.remedy, mistakes=errors)
    try:
        return around(DRIVERS[settings["driver"]](target, _own(settings)), settings)
    except ValueError as error:
        where = f"components.{target.component}.targets.{target.environment}.database"
        raise PolicyError(str(error), where=where, remedy="Correct it; see docs/drivers/database.md.") from error
