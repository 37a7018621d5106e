"""The traffic switches by the name that a policy calls them. Adding one is its module and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tidegate.core.written import written
from tidegate.traffic.contract import Divider, Switch


def _haproxy(settings: Mapping[str, Any], units: Sequence[str]) -> Switch:
    from tidegate.traffic.haproxy import HAProxySettings, HAProxySwitch

    return HAProxySwitch(HAProxySettings.model_validate(dict(settings)), units)


def _kubernetes_service(settings: Mapping[str, Any], units: Sequence[str]) -> Switch:
    from tidegate.traffic.kubernetes_service import ServiceSettings, ServiceSwitch

    return ServiceSwitch(ServiceSettings.model_validate(dict(settings)))


SWITCHES: dict[str, Callable[[Mapping[str, Any], Sequence[str]], Switch]] = {
    "haproxy": _haproxy,
    "kubernetes_service": _kubernetes_service,
}


def switch(settings: Any, units: Sequence[str]) -> Switch:
    """The traffic switch that a target's ``traffic`` declares.

    Raises:
        ValueError: there is no such switch, or a pool names a unit that the target does not have.
        ValidationError: its settings are wrong.
    """
    name = settings.get("switch") if isinstance(settings, Mapping) else None
    if name not in SWITCHES:
        raise ValueError(f"there is no traffic switch {written(name)} (known: {', '.join(sorted(SWITCHES))})")
    found = SWITCHES[name](settings, units)
    strange = sorted({unit for pool in found.pools.values() for unit in pool} - set(units))
    if strange:
        raise ValueError(f"a pool names {written(strange[0])}, and the target has no such unit")
    return found


def flag(settings: Any) -> tuple[str, Divider]:
    """The flag that a target's ``flag`` declares: its name, and where it is switched.

    Raises:
        ValidationError: its settings are wrong.
    """
    from tidegate.traffic.flagd import FlagFile, FlagSettings

    declared = FlagSettings.model_validate(settings)
    return declared.name, FlagFile(declared)
