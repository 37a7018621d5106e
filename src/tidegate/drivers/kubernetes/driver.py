"""The Kubernetes driver: renders what is to be done, has the cluster do it, and reads the cluster back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tidegate.core.effect import (
    Effect,
    Health,
    Observation,
    Package,
    Presence,
    Stage,
    Token,
    check_name,
)
from tidegate.drivers.contract import Abilities, Fence, Readiness, Step, Target
from tidegate.drivers.kubernetes.act import Unit, Work, adopt, nothing_runs, raise_fence, read_back, what_runs
from tidegate.drivers.kubernetes.cluster import WAY_BACK, ChangedError, Cluster, Stored
from tidegate.drivers.kubernetes.hold import DeadHolder, Hold, Pace, admit
from tidegate.drivers.kubernetes.intent import FENCE, MANAGER
from tidegate.drivers.kubernetes.record import Record
from tidegate.drivers.kubernetes.renderers.registry import RENDERERS
from tidegate.drivers.kubernetes.settings import KubernetesSettings
from tidegate.drivers.kubernetes.status import blocked, progress
from tidegate.errors import NotFoundError, TargetError, UsageError

_MAX_DOCUMENT = 1 << 19
_FOREIGN_REMEDY = "Run `tidegate adopt` to record what runs there today."


class KubernetesDriver:
    """Deploys one component to the workloads of one namespace. See ``docs/drivers/kubernetes.md``.

    Args:
        pace: how often we look and how long we wait; another one only in tests.
        transport: another way for the requests than the network; only in tests.
    """

    def __init__(
        self, target: Target, settings: KubernetesSettings, *, pace: Pace | None = None, transport: Any = None
    ) -> None:
        check_name(target.component, "component")
        check_name(target.environment, "environment")
        self._target = target
        self._settings = settings
        self._pace = pace or Pace()
        self._cluster = Cluster(settings, transport)
        self._kinds = settings.kinds

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
        return tuple(self._kinds)

    def online(self, unit: str) -> Readiness:
        one = self._unit(unit)
        try:
            return Readiness(unit, *self._may(one))
        except ChangedError:
            return Readiness(unit, True, f"{one.words} is being changed just now")
        except TargetError as error:
            return Readiness(unit, False, str(error), error.remedy)

    def observe(self, unit: str) -> Observation:
        one = self._unit(unit)
        dead, end = DeadHolder(self._pace), time.monotonic() + self._pace.observe_wait_s
        try:
            while True:
                stored = self._cluster.stored(unit)
                holder = stored.record.holder if stored else None
                if holder is None or dead.is_dead(holder):
                    return read_back(one, stored, one.live())
                if time.monotonic() > end:
                    detail = "an act is under way"
                    return Observation(unit, True, Presence.UNSEEN, detail=detail, busy=True)
                time.sleep(self._pace.poll_s)
        except TargetError as error:
            return Observation(unit, False, Presence.UNSEEN, detail=str(error))

    def render(self, effects: Sequence[Effect]) -> tuple[Step, ...]:
        return tuple(
            Step(effect.key, effect.unit, verb, sentence)
            for effect in effects
            for verb, sentence in self._steps(effect)
        )

    def apply(self, effect: Effect, package: Path | None, token: Token) -> Observation:
        self._check(effect)
        one = self._unit(effect.unit)
        stored, live = self._cluster.stored(one.name), one.live()
        if stored:
            admit(stored.record, self._target, token, one.name)
            record = stored.record
            if record.holder is None and record.token == token and Stage.DONE in record.entry(effect.key).stages:
                return read_back(one, stored, live)
        self._refuse_foreign(one, stored, live)
        with self._hold(one, token).taken(self._patience_s()) as hold:
            if Stage.DONE in hold.record.entry(effect.key).stages:
                return self._left(one, hold)
            return Work(one, hold, effect, package, token).carry_out()

    def adopt(self, unit: str, version: str, token: Token) -> Observation:
        check_name(version, "version")
        one = self._unit(unit)
        stored, live = self._cluster.stored(unit), one.live()
        if stored:
            admit(stored.record, self._target, token, unit)
        running, _ = what_runs(one, live, stored)
        if running is Presence.ABSENT:
            raise nothing_runs(one)
        if isinstance(running, Package) and stored:
            return read_back(one, stored, live)
        with self._hold(one, token).taken(self._patience_s()) as hold:
            adopt(one, hold, version)
            return self._left(one, hold)

    def health(self, unit: str) -> Health:
        one = self._unit(unit)
        try:
            stored, live = self._cluster.stored(unit), one.live()
            if live is None or not isinstance(what_runs(one, live, stored)[0], Package):
                return Health.CANNOT_TELL
            return progress(live, self._cluster.pods(live)).health
        except TargetError:
            return Health.CANNOT_TELL

    def counts_source(self, unit: str) -> str | None:
        return self._settings.metrics_of(self._unit(unit).name)

    def write_way_back(self, unit: str, document: bytes, token: Token, keeps: Sequence[Package] = ()) -> None:
        if len(document) > _MAX_DOCUMENT:
            raise UsageError(
                f"a way back of {len(document)} bytes is too long", remedy=f"Keep it below {_MAX_DOCUMENT}."
            )
        one = self._unit(unit)
        live = one.live()
        self._refuse_foreign(one, self._cluster.stored(unit), live)
        names = tuple((package.version, package.digest) for package in keeps)
        while True:
            stored = self._cluster.stored(unit) or self._nothing_stored()
            admit(stored.record, self._target, token, unit)
            record = replace(stored.record, token=token, keeps=names)
            try:
                self._cluster.store(unit, stored, record, {**stored.binary, WAY_BACK: document})
                break
            except ChangedError:
                continue
        live = one.live()
        if live is not None:
            raise_fence(one, live, token, f"{token} way-back")

    def read_way_back(self, unit: str) -> bytes | None:
        stored = self._cluster.stored(self._unit(unit).name)
        return stored.binary.get(WAY_BACK) if stored else None

    # ------------------------------------------------------------------------------------------ rendering

    def _steps(self, effect: Effect) -> list[tuple[str, str]]:
        self._check(effect)
        words = f"{self._unit(effect.unit).words} in the namespace {self._settings.namespace}"
        if effect.to is None:
            return [
                ("stop", f"scale {words} to 0 replicas, and wait until its pods have ended"),
                ("switch", "take the version off it, in the same write"),
            ]
        source = self._settings.manifests
        made = f"what {self._settings.renderer} makes of {source}"
        what = (
            "the images" if not source else made if self._settings.renderer != "plain" else f"the manifests of {source}"
        )
        timeout = self._settings.rollout_timeout.total_seconds()
        base = self._settings.config_map
        return [
            (
                "receive",
                f"take {what} of {effect.to.version} by digest, unless it keeps them: SHA-256 {effect.to.digest}",
            ),
            *(
                [("configure", f"have its configuration in a ConfigMap {base}-DIGEST, made once and never changed")]
                * bool(base)
            ),
            ("switch", f"apply them to {words} on the server as the manager {MANAGER}, first as a dry run"),
            (
                "health",
                f"wait until its controller has rolled it out and every pod is available, at most {timeout:g} s",
            ),
            ("prune", f"forget all but the last {self._settings.keep} versions and those to return to"),
        ]

    def _check(self, effect: Effect) -> None:
        self._unit(effect.unit)
        if (effect.component, effect.environment) != (self._target.component, self._target.environment):
            raise UsageError(
                f"an effect on {effect.component} in {effect.environment} is not for this target, "
                f"{self._target.component} in {self._target.environment}",
                remedy="Ask the driver of its own target.",
            )

    # ------------------------------------------------------------------------------------------ asking

    def _unit(self, unit: str) -> Unit:
        try:
            kind = self._kinds[unit]
        except KeyError:
            raise NotFoundError(
                f"{self._target.component} has no workload {unit!r} in {self._target.environment}",
                remedy=f"Use one of: {', '.join(self._kinds)}.",
            ) from None
        return Unit(unit, kind, self._target, self._settings, self._cluster, self._pace)

    def _hold(self, unit: Unit, token: Token) -> Hold:
        return Hold(self._cluster, self._target, unit.name, token, self._pace)

    def _left(self, unit: Unit, hold: Hold) -> Observation:
        """Give the hold back; what is answered was read before that, so that it is of this act and of no later one."""
        live = unit.live()
        hold.save(lambda record: replace(record, holder=None))
        return read_back(unit, hold.stored, live)

    def _nothing_stored(self) -> Stored:
        return Stored(Record(self._target.component, self._target.environment))

    def _refuse_foreign(self, unit: Unit, stored: Stored | None, live: Any) -> None:
        """What is there and was never ours is not touched; what was ours and was changed, its fields' owner guards."""
        running, why = what_runs(unit, live, stored)
        ours = stored is not None and bool(stored.record.kept)
        if running is Presence.FOREIGN and not ours:
            raise TargetError(why, where=unit.name, remedy=_FOREIGN_REMEDY)

    def _may(self, unit: Unit) -> tuple[bool, str, str]:
        """Ask the server, by dry runs, for what an act would write."""
        renderer = self._settings.renderer
        if self._settings.config_map and not self._settings.config_file:
            target = self._target
            what = f"{target.component} has no configuration for {target.environment}"
            return False, what, f"Declare config: {{{target.environment}: PATH}}, with a path in the component's files."
        if lacks := RENDERERS[renderer].lacks():
            return False, f"{renderer} is not here to render {self._settings.manifests}", f"{lacks.capitalize()}."
        stored, live = self._cluster.stored(unit.name), unit.live()
        old = stored or self._nothing_stored()
        self._cluster.store(unit.name, old, old.record, old.binary, dry_run=True)
        where = f"{unit.words} in the namespace {self._settings.namespace} at {self._cluster.address}"
        if live is None and not self._settings.manifests:
            return False, f"there is no {where}", "Create it, or name its manifests in the target."
        if live is None:
            return True, f"{where} is not there yet", ""
        self._cluster.merge(live, {"metadata": {"annotations": {FENCE: "dry run"}}}, dry_run=True)
        if why := blocked(live):
            what, _, remedy = why.partition("; ")
            return False, f"{where} would not roll out: {what}", f"{remedy.capitalize()}."
        return True, f"{where}: {progress(live, ()).counts}", ""

    def _patience_s(self) -> float:
        return self._settings.rollout_timeout.total_seconds() + self._pace.dead_after_s + 60.0
