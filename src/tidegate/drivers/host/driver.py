"""The host driver: renders what is to be done on a host, has its agent do it, and reads the host back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from tidegate.core.effect import (
    Act,
    Effect,
    Health,
    Observation,
    Package,
    Presence,
    Stage,
    Token,
    check_name,
)
from tidegate.drivers.command import Limits, redact
from tidegate.drivers.contract import Abilities, Fence, Readiness, Step, Target
from tidegate.drivers.host.settings import CommandHealth, Host, HostSettings, fill
from tidegate.drivers.host.transport import AGENT, AnswerError, Transport, transport_to
from tidegate.errors import NotFoundError, TargetError, UsageError

MAX_DOCUMENT = 1 << 22


def release_name(package: Package) -> str:
    """The directory of a version under ``releases/``."""
    return f"{package.version}--{package.digest[:12]}"


class HostDriver:
    """Deploys one component to the hosts of one environment. See ``docs/drivers/host.md``.

    Args:
        agent: the source of the agent; another one only in tests.
        observe_wait_s: how long ``observe`` waits for an act under way before it says *busy* (seconds).
    """

    def __init__(
        self, target: Target, settings: HostSettings, *, agent: bytes | None = None, observe_wait_s: float = 10.0
    ) -> None:
        check_name(target.component, "component")
        check_name(target.environment, "environment")
        self._target = target
        self._settings = settings
        self._agent = agent
        self._observe_wait_s = observe_wait_s
        self._hosts = {host.name: host for host in settings.hosts}

    @property
    def target(self) -> Target:
        return self._target

    @property
    def abilities(self) -> Abilities:
        can_stop = self._settings.stop is not None or self._settings.restart is None
        return Abilities(fence=Fence.TARGET, restore=True, remove=can_stop, adopt=True, way_back_on_target=True)

    @property
    def units(self) -> tuple[str, ...]:
        return tuple(self._hosts)

    def online(self, unit: str) -> Readiness:
        commands = [argv for argv in (self._settings.restart, self._settings.stop) if argv]
        try:
            result = self._ask(unit, "online", commands=[self._filled(unit, argv[:1], None) for argv in commands])
        except TargetError as error:
            return Readiness(unit, False, str(error), error.remedy)
        return Readiness(unit, True, redact(str(result["detail"])))

    def observe(self, unit: str) -> Observation:
        try:
            result = self._ask(unit, "observe", health=self._health(unit), wait_s=self._observe_wait_s)
        except AnswerError as error:
            busy = error.answer == "busy"
            return Observation(unit, True, Presence.UNSEEN, detail=str(error), busy=busy)
        except TargetError as error:
            return Observation(unit, False, Presence.UNSEEN, detail=str(error))
        return read_observation(unit, result)

    def render(self, effects: Sequence[Effect]) -> tuple[Step, ...]:
        return tuple(
            Step(effect.key, effect.unit, order["verb"], self._sentence(effect, order), tuple(order.get("argv", ())))
            for effect in effects
            for order in self._orders(effect)
        )

    def apply(self, effect: Effect, package: Path | None, token: Token) -> Observation:
        orders = self._orders(effect)
        to = effect.to
        request = {
            "key": effect.key,
            "token": wire(token),
            "version": to.version if to else None,
            "digest": to.digest if to else None,
            "name": to.name if to else None,
            "steps": orders,
            "size": size_of(package) if package and to else None,
            "max_unpacked": self._settings.max_unpacked,
            "health": self._health(effect.unit),
            "wait_s": self._patience_s(),
        }
        payload = package if package and to else b""
        return read_observation(effect.unit, self._ask(effect.unit, "apply", payload, **request))

    def adopt(self, unit: str, version: str, token: Token) -> Observation:
        check_name(version, "version")
        result = self._ask(
            unit,
            "adopt",
            version=version,
            token=wire(token),
            wait_s=self._patience_s(),
            health=self._health(unit),
        )
        return read_observation(unit, result)

    def health(self, unit: str) -> Health:
        try:
            return Health(self._ask(unit, "health", health=self._health(unit))["healthy"])
        except TargetError:
            return Health.CANNOT_TELL

    def counts_source(self, unit: str) -> str | None:
        host, metrics = self._host(unit), self._settings.metrics
        return fill(metrics, self._values(host, None)) if metrics else None

    def write_way_back(self, unit: str, document: bytes, token: Token, keeps: Sequence[Package] = ()) -> None:
        if len(document) > MAX_DOCUMENT:
            raise UsageError(
                f"a way back of {len(document)} bytes is too long", remedy=f"Keep it below {MAX_DOCUMENT}."
            )
        kept = [[package.version, package.digest] for package in keeps]
        self._ask(unit, "write_way_back", document, token=wire(token), size=len(document), keeps=kept)

    def read_way_back(self, unit: str) -> bytes | None:
        import base64

        document = self._ask(unit, "read_way_back")["document"]
        return None if document is None else base64.b64decode(document)

    # ------------------------------------------------------------------------------------------ rendering

    def _orders(self, effect: Effect) -> list[dict[str, Any]]:
        """What the agent is told to do, in order: the one source of the dry run and of the act."""
        self._check(effect)
        settings, to = self._settings, effect.to
        switch: dict[str, Any] = {"verb": "switch"}
        if to is None:
            return [*self._command("stop", effect, settings.stop), switch]
        orders: list[dict[str, Any]] = [{"verb": "receive"}, {"verb": "unpack"}, switch]
        orders += self._command("restart", effect, settings.restart)
        if settings.health:
            orders.append({"verb": "health", "timeout_s": settings.health_timeout.total_seconds()})
        previous = [release_name(effect.previous)] if effect.previous else []
        return [*orders, {"verb": "prune", "keep": settings.keep, "previous": previous}]

    def _command(self, verb: str, effect: Effect, argv: Sequence[str] | None) -> list[dict[str, Any]]:
        if not argv:
            return []
        timeout_s = self._settings.restart_timeout.total_seconds()
        return [{"verb": verb, "argv": self._filled(effect.unit, argv, effect.to), "timeout_s": timeout_s}]

    def _check(self, effect: Effect) -> None:
        self._host(effect.unit)
        if (effect.component, effect.environment) != (self._target.component, self._target.environment):
            raise UsageError(
                f"an effect on {effect.component} in {effect.environment} is not for this target, "
                f"{self._target.component} in {self._target.environment}",
                remedy="Ask the driver of its own target.",
            )
        if effect.act is Act.REMOVE and not self.abilities.remove:
            raise UsageError(
                f"{effect.component} cannot be removed from {effect.unit}: the policy has no stop command",
                remedy="Add stop: [...] to the target, beside restart.",
            )

    def _sentence(self, effect: Effect, order: Mapping[str, Any]) -> str:
        path = self._host(effect.unit).path
        release = f"{path}/releases/{release_name(effect.to)}" if effect.to else "nothing"
        digest = effect.to.digest if effect.to else ""
        sentences = {
            "receive": f"receive the package unless {release} is there, and check that its SHA-256 is {digest}",
            "unpack": f"unpack it to {release}",
            "switch": f"switch {path}/current to {release}",
            "restart": f"run the restart command in {release}",
            "stop": f"run the stop command in {path}/current",
            "health": f"check its health until it is healthy, for at most {order.get('timeout_s', 0):g} s",
            "prune": f"remove all but the last {order.get('keep')} releases and those to return to",
        }
        return sentences[order["verb"]]

    def _filled(self, unit: str, argv: Iterable[str], to: Package | None) -> list[str]:
        values = self._values(self._host(unit), to)
        return [fill(argument, values) for argument in argv]

    def _values(self, host: Host, to: Package | None) -> dict[str, str]:
        release = f"{host.path}/releases/{release_name(to)}" if to else f"{host.path}/current"
        return {
            **host.values,
            "host": host.name,
            "path": host.path,
            "version": to.version if to else "",
            "release": release,
        }

    def _health(self, unit: str) -> dict[str, Any] | None:
        check, timeout_s = self._settings.health, self._settings.probe_timeout.total_seconds()
        if check is None:
            return None
        values = {**self._values(self._host(unit), None), "version": "{version}"}  # the agent knows which one runs
        if isinstance(check, CommandHealth):
            return {"argv": [fill(argument, values) for argument in check.command], "timeout_s": timeout_s}
        contains = fill(check.contains, values) if check.contains else None
        return {"url": fill(check.url, values), "status": check.status, "contains": contains, "timeout_s": timeout_s}

    # ------------------------------------------------------------------------------------------ asking

    def _host(self, unit: str) -> Host:
        try:
            return self._hosts[unit]
        except KeyError:
            raise NotFoundError(
                f"{self._target.component} has no host {unit!r} in {self._target.environment}",
                remedy=f"Use one of: {', '.join(self._hosts)}.",
            ) from None

    @cached_property
    def _source(self) -> bytes:
        return self._agent if self._agent is not None else AGENT.read_bytes()

    def _transport(self, unit: str) -> Transport:
        return transport_to(self._host(unit), self._settings.ssh, self._source)

    def _ask(self, unit: str, operation: str, payload: Path | bytes = b"", **request: Any) -> dict[str, Any]:
        host = self._host(unit)
        whole = {
            "op": operation,
            "root": host.path,
            "unit": unit,
            "component": self._target.component,
            "environment": self._target.environment,
            **request,
        }
        return self._transport(unit).ask(whole, self._limits(operation), payload)

    def _patience_s(self) -> float:
        """How long to wait for an act under way. One under a lower token ends at its next boundary, much sooner."""
        settings = self._settings
        return (settings.restart_timeout + settings.health_timeout).total_seconds() + 60.0

    def _limits(self, operation: str) -> Limits:
        probe_s = self._settings.probe_timeout.total_seconds()
        if operation in ("apply", "adopt"):
            silence_s = self._patience_s() + probe_s + 60.0
            return Limits(silence_s + self._patience_s() + self._settings.transfer_timeout.total_seconds(), silence_s)
        connect_s = self._settings.ssh.connect_timeout.total_seconds()
        whole_s = self._observe_wait_s + probe_s + connect_s + 60.0
        return Limits(whole_s, whole_s, output=MAX_DOCUMENT * 2)


def wire(token: Token) -> list[int]:
    """A token as the agent is told it."""
    return [token.epoch, token.counter, token.glass]


def size_of(package: Path) -> int:
    """The size of a package (bytes).

    Raises:
        NotFoundError: it cannot be read.
    """
    try:
        return package.stat().st_size
    except OSError as error:
        raise NotFoundError(
            f"the package {package} cannot be read: {error.strerror}", remedy="Build the package again."
        ) from error


def read_observation(unit: str, result: Mapping[str, Any]) -> Observation:
    """The observation in an agent's answer.

    Raises:
        TargetError: it is not one; a host is not trusted to be well-formed.
    """
    try:
        running = result["running"]
        return Observation(
            unit=unit,
            reachable=True,
            running=_package(running) if running["kind"] == "package" else Presence(running["kind"]),
            token=Token(*result["token"]) if result["token"] else None,
            last_key=result["last_key"],
            last_stage=Stage(result["last_stage"]) if result["last_stage"] else None,
            healthy=Health(result["healthy"]),
            detail=redact(str(result["detail"])),
            kept=tuple(_package(kept) for kept in result["kept"]),
        )
    except (KeyError, TypeError, ValueError, UsageError) as error:
        raise TargetError(
            f"the host's answer is no observation: {redact(str(error))}",
            where=unit,
            remedy="Look at the .tidegate directory on the host.",
        ) from error


def _package(value: Mapping[str, Any]) -> Package:
    return Package(value["version"], value["digest"], value["name"])
