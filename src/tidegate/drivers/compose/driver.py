"""The Compose driver: renders what is to be done beside an engine, has its agent do it, and reads the engine back."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from tidegate.core.effect import Effect, Health, Observation, Package, Presence, Token, check_name
from tidegate.drivers.command import Limits, redact
from tidegate.drivers.compose.release import archive_beside, describe, read_lock
from tidegate.drivers.compose.settings import ComposeSettings, Place
from tidegate.drivers.contract import Abilities, Fence, Readiness, Step, Target
from tidegate.drivers.host.driver import MAX_DOCUMENT, read_observation, release_name, size_of, wire
from tidegate.drivers.host.settings import Host, fill
from tidegate.drivers.host.transport import AGENT, AnswerError, transport_to
from tidegate.errors import NotFoundError, TargetError, UsageError

_OWN_AGENT = Path(__file__).with_name("agent.py")
_NO_ANSWER = frozenset({"engine"})


def agent_source(host: bytes, own: bytes) -> bytes:
    """One program of both agents: the host's as the module that ours imports."""
    return (
        "import sys, types\n"
        "for name in ('tidegate', 'tidegate.drivers', 'tidegate.drivers.host', 'tidegate.drivers.host.agent'):\n"
        "    sys.modules[name] = types.ModuleType(name)\n"
        "host = sys.modules['tidegate.drivers.host.agent']\n"
        "sys.modules['tidegate.drivers.host'].agent = host\n"
        f"exec(compile({host!r}, 'tidegate-host-agent', 'exec'), host.__dict__)\n"
        f"exec(compile({own!r}, 'tidegate-compose-agent', 'exec'), globals())\n"
    ).encode("ascii")


@lru_cache(maxsize=1)
def default_agent() -> bytes:
    """The agent as it is sent."""
    return agent_source(AGENT.read_bytes(), _OWN_AGENT.read_bytes())


class ComposeDriver:
    """Deploys one component as Compose projects. See ``docs/drivers/compose.md``.

    Args:
        agent: the source of the agent; another one only in tests.
        observe_wait_s: how long ``observe`` waits for an act under way before it says *busy* (seconds).
    """

    def __init__(
        self, target: Target, settings: ComposeSettings, *, agent: bytes | None = None, observe_wait_s: float = 10.0
    ) -> None:
        check_name(target.component, "component")
        check_name(target.environment, "environment")
        self._target = target
        self._settings = settings
        self._agent = agent
        self._observe_wait_s = observe_wait_s
        self._places = {place.name: place for place in settings.located(target)}
        self._programs: dict[str, tuple[str, ...]] = {}

    @property
    def target(self) -> Target:
        return self._target

    @property
    def abilities(self) -> Abilities:
        return Abilities(
            fence=Fence.TARGET, restore=True, remove=True, adopt=True, way_back_on_target=True, images=True
        )

    @property
    def units(self) -> tuple[str, ...]:
        return tuple(self._places)

    def online(self, unit: str) -> Readiness:
        try:
            result = self._ask(unit, "online")
        except TargetError as error:
            return Readiness(unit, False, str(error), error.remedy)
        return Readiness(unit, True, redact(str(result["detail"])))

    def observe(self, unit: str) -> Observation:
        try:
            result = self._ask(unit, "observe", wait_s=self._observe_wait_s)
        except AnswerError as error:
            reachable = error.answer not in _NO_ANSWER
            return Observation(unit, reachable, Presence.UNSEEN, detail=str(error), busy=error.answer == "busy")
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
        to, archive, given = effect.to, None, {}
        if to is not None and package is not None:
            lock = read_lock(package, to, self._target.component)
            archive = archive_beside(package, lock)
            given = {"record": describe(lock, archive, self._settings), "archive": lock.archive}
        request = {
            "key": effect.key,
            "token": wire(token),
            "version": to.version if to else None,
            "digest": to.digest if to else None,
            "name": to.name if to else None,
            "steps": orders,
            "size": size_of(archive) if archive else None,
            "max_unpacked": self._settings.max_unpacked,
            "wait_s": self._patience_s(),
            **given,
        }
        return read_observation(effect.unit, self._ask(effect.unit, "apply", archive or b"", **request))

    def adopt(self, unit: str, version: str, token: Token) -> Observation:
        check_name(version, "version")
        result = self._ask(unit, "adopt", version=version, token=wire(token), wait_s=self._patience_s())
        return read_observation(unit, result)

    def health(self, unit: str) -> Health:
        try:
            return Health(self._ask(unit, "health")["healthy"])
        except TargetError:
            return Health.CANNOT_TELL

    def counts_source(self, unit: str) -> str | None:
        place, metrics = self._place(unit), self._settings.metrics
        return fill(metrics, {**self._values(place), "version": ""}) if metrics else None

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
        if to is None:
            stop_s = round(settings.stop_timeout.total_seconds())
            argv = self._compose(effect.unit, None, "down", "--remove-orphans", "--timeout", str(max(1, stop_s // 2)))
            return [{"verb": "stop", "argv": argv, "timeout_s": stop_s + 10.0}, {"verb": "switch"}]
        release = release_name(to)
        pull = self._compose(effect.unit, release, "pull", "--quiet", "--ignore-pull-failures")
        up = self._compose(effect.unit, release, "up", "--detach", "--no-build", "--remove-orphans")
        paths = [*settings.files, *([settings.env_file] if settings.env_file else [])]
        previous = [release_name(effect.previous)] if effect.previous else []
        return [
            {"verb": "receive"},
            {"verb": "unpack"},
            {"verb": "pull", "argv": pull, "timeout_s": settings.pull_timeout.total_seconds(), "files": paths},
            {"verb": "switch"},
            {"verb": "restart", "argv": up, "timeout_s": settings.up_timeout.total_seconds()},
            {"verb": "health", "timeout_s": settings.health_timeout.total_seconds()},
            {"verb": "prune", "keep": settings.keep, "previous": previous},
        ]

    def _compose(self, unit: str, release: str | None, *words: str) -> list[str]:
        """A call of Compose for a release, or for whichever is current."""
        settings, place = self._settings, self._place(unit)
        directory = f"{place.directory}/releases/{release}" if release else f"{place.directory}/current"
        argv = [*self._program(unit), "--project-name", str(place.project)]
        if settings.env_file:
            argv += ["--env-file", f"{directory}/{settings.env_file}"]
        for path in settings.files:
            argv += ["-f", f"{directory}/{path}"]
        if release:
            argv += ["-f", f"{place.directory}/.tidegate/overrides/{release}.json"]
        return [*argv, *words]

    def _program(self, unit: str) -> tuple[str, ...]:
        """The words that Compose is called by there: the policy's, else those that the machine answers to."""
        if self._settings.program:
            return tuple(self._settings.program.split())
        if unit not in self._programs:
            try:
                self._programs[unit] = tuple(map(str, self._ask(unit, "program")["program"]))
            except TargetError:
                return ("docker", "compose")  # nothing can be applied there either
        return self._programs[unit]

    def _check(self, effect: Effect) -> None:
        self._place(effect.unit)
        if (effect.component, effect.environment) != (self._target.component, self._target.environment):
            raise UsageError(
                f"an effect on {effect.component} in {effect.environment} is not for this target, "
                f"{self._target.component} in {self._target.environment}",
                remedy="Ask the driver of its own target.",
            )

    def _sentence(self, effect: Effect, order: Mapping[str, Any]) -> str:
        place = self._place(effect.unit)
        path, project = place.directory, place.project
        release = f"{path}/releases/{release_name(effect.to)}" if effect.to else "nothing"
        sentences = {
            "receive": f"receive the archive unless {release} is there, and check its SHA-256",
            "unpack": f"unpack it to {release}",
            "pull": "resolve the secrets, and pull the images unless the engine has each one by its digest",
            "switch": f"switch {path}/current to {release}",
            "restart": f"bring the project {project} to the release, and compare what the engine runs with it",
            "stop": f"take the project {project} down, unless nothing of it runs; its volumes stay",
            "health": f"check its health until it is healthy, for at most {order.get('timeout_s', 0):g} s",
            "prune": f"remove all but the last {order.get('keep')} releases and those to return to, with their images",
        }
        return sentences[order["verb"]]

    def _values(self, place: Place) -> dict[str, str]:
        return {"place": place.name, "project": str(place.project), "version": "{version}"}

    def _health(self, place: Place) -> list[dict[str, Any]]:
        values, timeout_s = self._values(place), self._settings.probe_timeout.total_seconds()
        return [
            {
                "url": fill(check.url, values),
                "status": check.status,
                "contains": fill(check.contains, values) if check.contains else None,
                "timeout_s": timeout_s,
            }
            for check in self._settings.health
        ]

    # ------------------------------------------------------------------------------------------ asking

    def _place(self, unit: str) -> Place:
        try:
            return self._places[unit]
        except KeyError:
            raise NotFoundError(
                f"{self._target.component} has no place {unit!r} in {self._target.environment}",
                remedy=f"Use one of: {', '.join(self._places)}.",
            ) from None

    def _ask(self, unit: str, operation: str, payload: Path | bytes = b"", **request: Any) -> dict[str, Any]:
        place, settings = self._place(unit), self._settings
        whole = {
            "op": operation,
            "root": place.directory,
            "unit": unit,
            "component": self._target.component,
            "environment": self._target.environment,
            "project": place.project,
            "engine": place.engine,
            "engine_s": settings.engine_timeout.total_seconds(),
            "jobs": list(settings.jobs),
            "health": self._health(place),
            "files": list(settings.files),
            "env_file": settings.env_file,
            "secrets": {name: list(argv) for name, argv in settings.secrets.items()},
            **request,
        }
        source = self._agent if self._agent is not None else default_agent()
        host = Host(name=place.name, path=place.directory, address=place.address, python=place.python)
        # A local agent may resolve a secret from any variable of ours; it hands on none that is not asked for.
        transport = transport_to(host, settings.ssh, source, env=dict(os.environ) if place.address == "local" else None)
        return transport.ask(whole, self._limits(operation), payload)

    def _patience_s(self) -> float:
        """How long to wait for an act under way. One under a lower token ends at its next boundary, much sooner."""
        settings = self._settings
        return (settings.pull_timeout + settings.up_timeout + settings.health_timeout).total_seconds() + 60.0

    def _limits(self, operation: str) -> Limits:
        probe_s = self._settings.probe_timeout.total_seconds() * max(1, len(self._settings.health))
        engine_s = self._settings.engine_timeout.total_seconds() * 3
        if operation in ("apply", "adopt"):
            silence_s = self._patience_s() + probe_s + engine_s + 60.0
            return Limits(silence_s + self._patience_s() + self._settings.transfer_timeout.total_seconds(), silence_s)
        connect_s = self._settings.ssh.connect_timeout.total_seconds()
        whole_s = self._observe_wait_s + probe_s + engine_s + connect_s + 60.0
        return Limits(whole_s, whole_s, output=MAX_DOCUMENT * 2)
