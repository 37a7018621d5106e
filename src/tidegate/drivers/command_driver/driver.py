"""The command driver: runs an organisation's commands, and believes what its command ``observe`` says."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from tidegate.core.effect import Act, Effect, Health, Observation, Package, Presence, Stage, Token, check_name
from tidegate.core.image_lock import read_image_lock
from tidegate.core.written import written
from tidegate.drivers.command import Completed, Limits, environment, redact, run
from tidegate.drivers.command_driver.journal import At, Journal, name_of
from tidegate.drivers.command_driver.settings import CommandSettings, fill
from tidegate.drivers.contract import Abilities, Fence, Readiness, Step, Target
from tidegate.drivers.host.transport import AnswerError
from tidegate.errors import NotFoundError, TargetError, UsageError

_ENDED = frozenset({Stage.DONE, Stage.RESTART_FAILED, Stage.STOP_FAILED})
_BEGUN = {Stage.RESTARTING: Stage.RESTARTED, Stage.STOPPING: Stage.STOPPED}


def _nothing(stage: Stage, unit: str) -> None:
    """No power cut."""


class CommandDriver:
    """Deploys one component by commands of the policy. See ``docs/drivers/command.md``.

    Args:
        at: called after each line of a unit's journal; see :class:`Journal`.
        observe_wait_s: how long ``observe`` waits for an act under way before it says *busy* (seconds).
    """

    def __init__(
        self, target: Target, settings: CommandSettings, *, at: At = _nothing, observe_wait_s: float = 10.0
    ) -> None:
        check_name(target.component, "component")
        check_name(target.environment, "environment")
        self._target = target
        self._settings = settings
        self._observe_wait_s = observe_wait_s
        self._at = at

    @property
    def target(self) -> Target:
        return self._target

    @property
    def abilities(self) -> Abilities:
        return Abilities(
            fence=Fence.STORE,
            restore=True,
            remove=self._settings.remove is not None,
            adopt=True,
            way_back_on_target=False,
            images=self._settings.images,
        )

    @property
    def units(self) -> tuple[str, ...]:
        return self._settings.units

    def online(self, unit: str) -> Readiness:
        self._journal(unit)
        for argv in (self._settings.deploy, self._settings.restore, self._settings.remove, self._settings.verify):
            if argv and shutil.which(argv[0], path=environment().get("PATH")) is None:
                return Readiness(unit, False, f"there is no program {argv[0]}", "Install it, or correct the policy.")
        try:
            said = self._said(unit)
        except TargetError as error:
            return Readiness(unit, False, str(error), error.remedy)
        return Readiness(unit, True, f"observe says: {said.get('version') or 'nothing runs'}")

    def observe(self, unit: str) -> Observation:
        journal = self._journal(unit)
        try:
            with journal.lock(self._observe_wait_s, shared=True) if journal.exists else nullcontext():
                return self._observe(unit)
        except AnswerError as error:
            return Observation(unit, True, Presence.UNSEEN, detail=error.what, busy=error.answer == "busy")
        except TargetError as error:
            return Observation(unit, False, Presence.UNSEEN, detail=error.what)

    def render(self, effects: Sequence[Effect]) -> tuple[Step, ...]:
        return tuple(step for effect in effects for step in self._steps(effect))

    def apply(self, effect: Effect, package: Path | None, token: Token) -> Observation:
        steps = self._steps(effect)
        journal = self._journal(effect.unit)
        self._refuse_strangers(effect.unit, journal)
        journal.enter(self._owner, token)
        with journal.lock(self._patience_s()):
            journal.demand(token)
            seen = self._seen(effect, journal)
            in_doubt = any(begun in seen and end not in seen for begun, end in _BEGUN.items())
            if not seen & _ENDED and not in_doubt:
                self._carry_out(_Work(self, effect, package, token, journal, seen), steps)
            return self._observe(effect.unit)

    def adopt(self, unit: str, version: str, token: Token) -> Observation:
        check_name(version, "version")
        journal = self._journal(unit)
        if self._observe(unit).running is Presence.ABSENT:
            raise TargetError(f"nothing runs on {unit}", where=unit, remedy="Deploy a first version instead.")
        journal.enter(self._owner, token)
        with journal.lock(self._patience_s()):
            if not isinstance(self._observe(unit).running, Package):
                said = self._said(unit)
                digest = said.get("digest") or hashlib.sha256(str(said.get("version")).encode()).hexdigest()
                if said.get("version") != version:
                    raise TargetError(
                        f"observe says that {written(str(said.get('version')))} runs on {unit}, and not {version}",
                        where=unit,
                        remedy="Adopt it by the version that observe says.",
                    )
                journal.keep(Package(version, digest, "adopted"), None)
            return self._observe(unit)

    def health(self, unit: str) -> Health:
        self._journal(unit)
        try:
            return self._observe(unit).healthy
        except TargetError:
            return Health.CANNOT_TELL

    def counts_source(self, unit: str) -> str | None:
        self._journal(unit)
        metrics = self._settings.metrics
        return fill((metrics,), self._read_values(unit))[0] if metrics else None

    def write_way_back(self, unit: str, document: bytes, token: Token, keeps: Sequence[Package] = ()) -> None:
        journal = self._journal(unit)
        self._refuse_strangers(unit, journal)
        journal.enter(self._owner, token)
        journal.write_way_back(document, keeps)

    def read_way_back(self, unit: str) -> bytes | None:
        return self._journal(unit).read_way_back()

    # ------------------------------------------------------------------------------------------ rendering

    def _steps(self, effect: Effect) -> tuple[Step, ...]:
        """What will be done, in order: the one source of the dry run and of the act."""
        self._check(effect)
        settings, to = self._settings, effect.to

        def step(verb: str, sentence: str, argv: Sequence[str] = ()) -> Step:
            return Step(effect.key, effect.unit, verb, sentence, tuple(argv))

        if to is None:
            argv = fill(settings.remove or (), self._values(effect))
            return (
                step("stop", "run the remove command, unless nothing runs", argv),
                step("switch", "record that nothing is to run"),
            )
        path = self._journal(effect.unit).path_of(to)
        going_back = effect.act is Act.RESTORE and settings.restore
        argv = fill(settings.restore if going_back and settings.restore else settings.deploy, self._values(effect))
        steps = [
            step(
                "receive", f"keep the package as {path} unless it is there, and check that its SHA-256 is {to.digest}"
            ),
            step("switch", f"record that {to} is to run"),
            step("restart", f"run the {'restore' if going_back else 'deploy'} command, and observe what runs", argv),
        ]
        if settings.verify:
            within = f"until it ends with 0, for at most {settings.health_timeout.total_seconds():g} s"
            steps.append(
                step("health", f"run the verify command {within}", fill(settings.verify, self._values(effect)))
            )
        return (*steps, step("prune", f"remove all but the last {settings.keep} packages and those to return to"))

    def _check(self, effect: Effect) -> None:
        self._journal(effect.unit)
        if (effect.component, effect.environment) != (self._target.component, self._target.environment):
            raise UsageError(
                f"an effect on {effect.component} in {effect.environment} is not for this target, "
                f"{self._target.component} in {self._target.environment}",
                remedy="Ask the driver of its own target.",
            )
        if effect.act is Act.REMOVE and not self.abilities.remove:
            raise UsageError(
                f"{effect.component} cannot be removed from {effect.unit}: the policy has no remove command",
                remedy="Add remove: [...] to the target, beside deploy.",
            )

    def _values(self, effect: Effect) -> dict[str, str]:
        to, previous = effect.to, effect.previous
        return {
            **self._read_values(effect.unit),
            "version": to.version if to else "",
            "digest": to.digest if to else "",
            "package": str(self._journal(effect.unit).path_of(to)) if to else "",
            "key": effect.key,
            "previous": previous.version if previous else "",
        }

    def _read_values(self, unit: str) -> dict[str, str]:
        return {"unit": unit, "component": self._target.component, "environment": self._target.environment}

    # ------------------------------------------------------------------------------------------ observing

    def _observe(self, unit: str) -> Observation:
        """What ``observe`` says, with what the journal knows.

        Raises:
            TargetError: it cannot be run.
        """
        journal = self._journal(unit)
        entries = journal.entries()
        last = entries[-1] if entries else {}
        said = self._said(unit)
        running, detail = self._running(journal, said)
        healthy, why = self._healthy(unit, running, said)
        reasons = (detail, last.get("detail", ""), why)
        return Observation(
            unit=unit,
            reachable=True,
            running=running,
            token=journal.token,
            last_key=last.get("key"),
            last_stage=Stage(last["stage"]) if last else None,
            healthy=healthy,
            detail=redact("; ".join(dict.fromkeys(reason for reason in reasons if reason))),
            kept=tuple(sorted(journal.known(), key=name_of)),
        )

    def _said(self, unit: str) -> Mapping[str, Any]:
        """The answer of ``observe``.

        Raises:
            TargetError: it failed, or said nothing that can be understood.
        """
        limits = Limits(self._settings.observe_timeout.total_seconds(), self._settings.observe_timeout.total_seconds())
        argv = fill(self._settings.observe, self._read_values(unit))
        done = self._run(unit, argv, limits, {})
        if done.status:
            raise TargetError(
                f"the observe command ended with status {done.status}: {_last(done.stderr) or 'it said nothing'}",
                where=unit,
                remedy="Run it by hand; until it tells what runs, nothing is believed.",
            )
        return _understood(done.stdout.decode("utf-8", "replace"), unit)

    def _running(self, journal: Journal, said: Mapping[str, Any]) -> tuple[Package | Presence, str]:
        """The package that ``observe`` speaks of; without a digest it is the last one kept of that version."""
        version, digest = said["version"], said["digest"]
        if version is None:
            return Presence.ABSENT, ""
        for package in journal.known():
            if package.version == version and digest in (None, package.digest):
                return package, ""
        return Presence.FOREIGN, f"observe says {written(version)}, a version that Tidegate did not put there"

    def _healthy(self, unit: str, running: Package | Presence, said: Mapping[str, Any]) -> tuple[Health, str]:
        if not isinstance(running, Package):
            return Health.CANNOT_TELL, ""
        if said["healthy"] is not None:
            return (Health.YES, "") if said["healthy"] else (Health.NO, "observe says that it is not healthy")
        return self._verify(unit, running.version)

    def _verify(self, unit: str, version: str) -> tuple[Health, str]:
        if self._settings.verify is None:
            return Health.CANNOT_TELL, "no verify command is set"
        timeout_s = self._settings.health_timeout.total_seconds()
        argv = fill(self._settings.verify, {**self._read_values(unit), "version": version})
        try:
            done = self._run(unit, argv, Limits(timeout_s, timeout_s), {"VERSION": version})
        except TargetError as error:
            return Health.CANNOT_TELL, error.what
        if done.status == 0:
            return Health.YES, ""
        return Health.NO, f"the verify command ended with status {done.status}: {_last(done.stderr)}".rstrip(": ")

    # ------------------------------------------------------------------------------------------ acting

    def _seen(self, effect: Effect, journal: Journal) -> set[Stage]:
        """The stages of this key.

        Raises:
            TargetError: it was left unfinished, and another came after it; or it was for something else.
        """
        entries = journal.entries()
        mine = [entry for entry in entries if entry["key"] == effect.key]
        seen = {Stage(entry["stage"]) for entry in mine}
        to = name_of(effect.to) if effect.to else None
        if mine and mine[-1].get("to") != to:
            raise TargetError(
                f"key {effect.key} was for {mine[-1].get('to')} before, and is for {to} now",
                where=effect.unit,
                remedy="Use a key of its own for each effect.",
            )
        if mine and entries[-1]["key"] != effect.key and not seen & _ENDED:
            raise TargetError(
                f"key {effect.key} was left unfinished, and {entries[-1]['key']} came after it",
                where=effect.unit,
                remedy="Observe the unit, and begin a new attempt.",
            )
        return seen

    def _carry_out(self, work: _Work, steps: Sequence[Step]) -> None:
        for step in steps:
            work.journal.demand(work.token)
            getattr(work, step.verb)(step)
            if work.seen & _ENDED:
                return
        work.note(Stage.DONE)

    def _refuse_strangers(self, unit: str, journal: Journal) -> None:
        """Nothing was ever done there, and something runs. The journal is asked last: another act may begin it now."""
        if journal.exists:
            return
        try:
            said = self._said(unit)
        except TargetError:
            if self._journal(unit).exists:
                return  # it was asked in the middle of that other act
            raise
        if said["version"] is not None and not journal.exists:
            raise TargetError(
                f"{unit} holds a version that Tidegate did not put there: {written(said['version'])}",
                where=unit,
                remedy="Run `tidegate adopt` to record what runs there today.",
            )

    @property
    def _owner(self) -> dict[str, str]:
        return {"component": self._target.component, "environment": self._target.environment}

    def _journal(self, unit: str) -> Journal:
        if unit not in self._settings.units:
            raise NotFoundError(
                f"{self._target.component} has no unit {unit!r} in {self._target.environment}",
                remedy=f"Use one of: {', '.join(self._settings.units)}.",
            )
        return Journal(Path(self._settings.directory), unit, self._at)

    def _patience_s(self) -> float:
        return self._settings.timeout.total_seconds() + self._settings.health_timeout.total_seconds() + 60.0

    def _run(self, unit: str, argv: Sequence[str], limits: Limits, more: Mapping[str, str]) -> Completed:
        """A command of the policy; its environment says for what it is run, and has what the policy passes on."""
        passed = {name: os.environ[name] for name in self._settings.environment if name in os.environ}
        values = {**self._read_values(unit), **more}
        told = {f"TIDEGATE_{name.upper()}": value for name, value in values.items()}
        directory = Path(self._settings.directory)
        cwd = directory if directory.is_dir() else None
        return run(argv, (), limits, where=unit, env={**environment(), **passed, **told}, cwd=cwd)


class _Work:
    """One key being carried out."""

    def __init__(
        self,
        driver: CommandDriver,
        effect: Effect,
        package: Path | None,
        token: Token,
        journal: Journal,
        seen: set[Stage],
    ) -> None:
        self.driver = driver
        self.effect = effect
        self.package = package
        self.token = token
        self.journal = journal
        self.seen = seen

    def note(self, stage: Stage, detail: str = "") -> None:
        self.seen.add(stage)
        self.journal.note(self.effect.key, stage, self.effect.to, redact(detail))

    def receive(self, step: Step) -> None:
        to = self._to
        if any(to.same_as(known) for known in self.journal.known()) and self._is_whole(to):
            return
        if self.package is None:
            raise TargetError(
                f"the unit does not have release {to}, and no package was given",
                where=self.effect.unit,
                remedy="Give the package of this version.",
            )
        data = _bytes_of(self.package)
        digest = hashlib.sha256(data).hexdigest()
        if digest != to.digest:
            raise TargetError(
                f"the package was refused: its digest is {digest}, and should be {to.digest}",
                where=self.effect.unit,
                remedy="Build the package again, and look at it.",
            )
        self.journal.keep(to, self.package, self._beside(data))
        self.note(Stage.UNPACKED)

    def _is_whole(self, to: Package) -> bool:
        """Whether the kept file is as it was; what was adopted has none."""
        path = self.journal.path_of(to)
        known = [package for package in self.journal.known() if to.same_as(package)]
        if any(package.name == "adopted" for package in known):
            return True
        return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == to.digest

    def _beside(self, data: bytes) -> Path | None:
        """The archive that a lock of images names, beside it."""
        if not self.driver.abilities.images or self.package is None:
            return None
        archive = self.package.parent / f"{read_image_lock(data).archive}.tar.gz"
        return archive if archive.exists() else None

    def switch(self, step: Step) -> None:
        if Stage.SWITCHED not in self.seen:
            self.note(Stage.SWITCHED)

    def restart(self, step: Step) -> None:
        if Stage.RESTARTED in self.seen:
            return
        self.note(Stage.RESTARTING)
        failure = self._command(step)
        if failure is None and not self._to.same_as(running := self.driver._observe(self.effect.unit).running):
            failure = f"the command ended with status 0, and observe says otherwise: {running}"
        elif failure:
            # It may have done it all the same, and lost the connection only then: a person decides by what runs.
            failure = f"{failure}; {self._runs_now()}"
        if failure:
            self.note(Stage.RESTART_FAILED, failure)
            return
        self.journal.used(self._to)
        self.note(Stage.RESTARTED)

    def _runs_now(self) -> str:
        try:
            running = self.driver._observe(self.effect.unit).running
            return "nothing runs now" if running is Presence.ABSENT else f"it runs {running} now"
        except TargetError as error:
            return f"what it runs now cannot be told: {error.what}"

    def stop(self, step: Step) -> None:
        unit = self.effect.unit
        if Stage.STOPPED in self.seen or self.driver._observe(unit).running is Presence.ABSENT:
            return
        self.note(Stage.STOPPING)
        failure = self._command(step)
        if failure is None and (running := self.driver._observe(unit).running) is not Presence.ABSENT:
            failure = f"the command ended with status 0, and observe says otherwise: {running}"
        self.note(Stage.STOP_FAILED if failure else Stage.STOPPED, failure or "")

    def health(self, step: Step) -> None:
        """Verify until it is healthy or its time is over."""
        end = time.monotonic() + self.driver._settings.health_timeout.total_seconds()
        pause = 0.05
        while True:
            healthy, why = self.driver._verify(self.effect.unit, self._to.version)
            if healthy is Health.YES or time.monotonic() >= end:
                break
            self.journal.demand(self.token)
            time.sleep(pause)
            pause = min(1.0, pause * 1.5)
        self.note(Stage.HEALTHY if healthy is Health.YES else Stage.UNHEALTHY, why)

    def prune(self, step: Step) -> None:
        if Stage.UNHEALTHY not in self.seen:
            previous = [self.effect.previous] if self.effect.previous else []
            self.journal.prune(self.driver._settings.keep, [self._to, *previous])

    @property
    def _to(self) -> Package:
        if self.effect.to is None:
            raise UsageError(f"{self.effect.key} goes to no version", remedy="Use remove to go to absent.")
        return self.effect.to

    def _command(self, step: Step) -> str | None:
        """Run the step's command; None, or why it failed. One that was stopped may have done anything."""
        settings = self.driver._settings
        limits = Limits(settings.timeout.total_seconds(), settings.silence.total_seconds())
        values = self.driver._values(self.effect)
        more = {name: value for name, value in values.items() if name not in ("unit", "component", "environment")}
        done = self.driver._run(self.effect.unit, step.argv, limits, {**more, "token": str(self.token)})
        if done.status == 0:
            return None
        return f"the command ended with status {done.status}: {_last(done.stderr)}".rstrip(": ")


def _last(text: str) -> str:
    """The end of what a command complained of, in one line."""
    return " | ".join(text.strip().split("\n")[-4:])[-500:]


def _bytes_of(package: Path) -> bytes:
    try:
        return package.read_bytes()
    except OSError as error:
        raise NotFoundError(
            f"the package {package} cannot be read: {error.strerror}", remedy="Build the package again."
        ) from error


def _understood(text: str, unit: str) -> Mapping[str, Any]:
    """The answer in what ``observe`` printed: one JSON object, or one line with a version and nothing else.

    Raises:
        TargetError: it is neither, or has values that cannot be.
    """
    try:
        value = json.loads(text, object_pairs_hook=_once) if text.lstrip().startswith("{") else {"version": _line(text)}
        version, digest, healthy = value["version"], value.get("digest"), value.get("healthy")
        for name, said in (("version", version), ("digest", digest)):
            if said is not None and not isinstance(said, str):
                raise ValueError(f"{name} is {json.dumps(said)[:80]}, and no text")
        if version is not None:
            check_name(version, "version")
            Package(version, "0" * 64 if digest is None else digest)
        # 1 and 0 are equal to true and false, and a script that counts something says neither.
        if healthy is not None and not isinstance(healthy, bool):
            raise ValueError("healthy is neither true, false nor null")
    except (ValueError, KeyError, TypeError, AttributeError, UsageError, RecursionError) as error:
        what = f'the key "{error.args[0]}" is missing' if isinstance(error, KeyError) else str(error)
        raise TargetError(
            f"what the observe command printed does not tell what runs: {redact(what)}",
            where=unit,
            remedy='Have it print {"version": "1.2.0", "digest": "...", "healthy": true}, or the version alone.',
        ) from error
    return {"version": version, "digest": digest, "healthy": healthy}


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are there once: of two answers, nobody knows which one counts."""
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for key, _ in pairs if sum(key == other for other, _ in pairs) > 1)
        raise ValueError(f"{written(twice)} is there twice")
    return found


def _line(text: str) -> str:
    line = text.strip()
    if not line or "\n" in line:
        raise ValueError("it is not one line with a version")
    return line
