"""One act on one workload, carried out: receive, switch, roll out, keep. And the reading back.

The pod template and the key of the act change in one write, so that no crash lies between them: what the workload
says of itself is what was done. Before that write the server is asked what it would make of it (a dry run); its answer
is recorded, and what runs is compared with that ever after.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tidegate.core.effect import Effect, Health, Observation, Package, Presence, Stage, Token
from tidegate.core.image_lock import ImageLock, read_image_lock
from tidegate.drivers.command import redact
from tidegate.drivers.contract import Target
from tidegate.drivers.kubernetes.cluster import ChangedError, Cluster, OwnedError, Stored
from tidegate.drivers.kubernetes.config_map import is_of, labels, names_in
from tidegate.drivers.kubernetes.hold import Hold, Pace, raise_mark
from tidegate.drivers.kubernetes.intent import (
    KEY,
    MANAGER,
    TRAFFIC_MANAGER,
    Intent,
    by_digest,
    choose,
    configured,
    images_in,
    managers_of_template,
    of_images,
    of_whole,
    read_intent,
    who_changed,
)
from tidegate.drivers.kubernetes.lookout import Lookout
from tidegate.drivers.kubernetes.manifests import configuration_of, intent_of
from tidegate.drivers.kubernetes.record import Json, Kept, Record
from tidegate.drivers.kubernetes.renderers.tree import Archive
from tidegate.drivers.kubernetes.settings import KubernetesSettings
from tidegate.drivers.kubernetes.status import (
    PACKAGE,
    VERSION,
    Progress,
    blocked,
    in_the_way,
    is_gone,
    progress,
)
from tidegate.errors import NotFoundError, TargetError, UsageError

_TRIES = 50
_LONGEST = 4000


@dataclass(frozen=True, slots=True)
class Unit:
    """One workload, and how it is reached."""

    name: str
    kind: str
    target: Target
    settings: KubernetesSettings
    cluster: Cluster
    pace: Pace

    @property
    def words(self) -> str:
        return f"{self.kind} {self.name}"

    def live(self) -> Json | None:
        return self.cluster.read(self.kind, self.name)

    def lookout(self) -> Lookout:
        return Lookout(self.cluster, self.kind, self.name, self.pace)


# ---------------------------------------------------------------------------------------------------- reading back


def version_on(live: Json) -> Package | None:
    """The version that a workload says it has."""
    annotations = live["metadata"].get("annotations", {})
    try:
        return Package(annotations[VERSION], annotations[PACKAGE])
    except (KeyError, UsageError):
        return None


def what_runs(unit: Unit, live: Json | None, stored: Stored | None) -> tuple[Package | Presence, str]:
    """The version that runs, if the workload is as we applied it; else absent or foreign, and why."""
    if live is None:
        return Presence.ABSENT, ""
    said, replicas = version_on(live), int(live["spec"].get("replicas", 1))
    if said is None:
        if replicas == 0:
            return Presence.ABSENT, ""
        return Presence.FOREIGN, f"{unit.words} holds pods that Tidegate did not put there"
    kept = stored.record.find(said) if stored else None
    if stored is None or kept is None:
        return Presence.FOREIGN, f"{unit.words} says that it has {said}, which is not recorded"
    if replicas == 0 and not _is_under_way(stored.record, live):
        return Presence.FOREIGN, f"{unit.words} was scaled to 0 by somebody else"
    intent = intent_kept(unit, stored, kept)
    if intent.fingerprint(live["spec"]["template"]) != kept.template:
        by = who_changed(live)
        return Presence.FOREIGN, f"{unit.words} was changed since{f', by {by}' if by else ''}: {_images(live)}"
    return kept.package, ""


def _is_under_way(record: Record, live: Json) -> bool:
    """Whether the act that came last has switched it and has not ended."""
    last = record.last
    return last is not None and Stage.DONE not in last.stages and live["metadata"]["annotations"].get(KEY) == last.key


def _images(live: Json) -> str:
    return ", ".join(f"{name} runs {image}" for name, image in images_in(live["spec"]["template"]).items())


def intent_kept(unit: Unit, stored: Stored, kept: Kept) -> Intent:
    """What was applied for a kept version."""
    return read_intent(stored.binary.get(f"intent-{kept.id}", b""), unit.name)


def read_back(unit: Unit, stored: Stored | None, live: Json | None) -> Observation:
    """The observation, from what was just read."""
    running, why = what_runs(unit, live, stored)
    record = stored.record if stored else None
    last = record.last if record else None
    now = progress(live, unit.cluster.pods(live)) if live and isinstance(running, Package) else None
    healthy = now.health if now else Health.CANNOT_TELL
    done = last is not None and Stage.DONE in last.stages
    if last and done and not last.healthy and healthy is not Health.YES:
        healthy = Health.NO
    told = last.detail if last else ""
    reasons = (why, told, now.failing if now and now.failing not in told else "")
    return Observation(
        unit=unit.name,
        reachable=True,
        running=running,
        token=record.token if record else None,
        last_key=last.key if last else None,
        last_stage=stage_of(last.key, last.stages, live) if last else None,
        healthy=healthy,
        detail=redact("; ".join(dict.fromkeys(reason for reason in reasons if reason)))[:_LONGEST],
        kept=tuple(sorted((one.package for one in record.kept), key=lambda one: (one.version, one.digest)))
        if record
        else (),
    )


def stage_of(key: str, stages: Sequence[Stage], live: Json | None) -> Stage:
    """How far a key came: what the workload itself says counts, where the record only says that it was begun."""
    stage = stages[-1] if stages else Stage.RECEIVED
    if stage is Stage.SWITCHING and live and live["metadata"].get("annotations", {}).get(KEY) == key:
        return Stage.SWITCHED
    return stage


# ---------------------------------------------------------------------------------------------------- acting


class Work:
    """One key being carried out under a hold."""

    def __init__(self, unit: Unit, hold: Hold, effect: Effect, package: Path | None, token: Token) -> None:
        self._unit = unit
        self._hold = hold
        self._effect = effect
        self._package = package
        self._token = token

    def carry_out(self) -> Observation:
        """From where it stands to its end, and what is read back of it."""
        self._check_superseded()
        live = self._unit.live()
        if live is not None:
            live = self._hold.fence(live)
        if self._effect.to is None:
            self._remove(live)
            return self._finish()
        intent = self._receive(live, self._effect.to)
        self._switch(live, intent, self._effect.to)
        self._roll_out(intent)
        return self._finish()

    def _check_superseded(self) -> None:
        record, key = self._hold.record, self._effect.key
        last = record.last
        if record.entry(key).stages and last and last.key != key:
            raise TargetError(
                f"key {key} was left unfinished, and {last.key} came after it",
                where=self._unit.name,
                remedy="Observe the workload, and begin a new attempt.",
            )

    def _note(self, *stages: Stage, detail: str = "", healthy: bool = True) -> None:
        key = self._effect.key
        self._hold.save(lambda record: record.noted(key, *stages, detail=detail, healthy=healthy))

    # ------------------------------------------------------------------------------------------ receive

    def _receive(self, live: Json | None, to: Package) -> Intent:
        """What is to be applied: as it is kept, or made from the package and kept."""
        stored = self._hold.stored
        kept = stored.record.find(to)
        if kept is not None:
            return intent_kept(self._unit, stored, kept)
        if self._package is None:
            raise TargetError(
                f"the workload does not have release {to}, and no package was given",
                where=self._unit.name,
                remedy="Give the package of this version.",
            )
        intent = self._intent(live, to, self._package)
        fresh = Kept(to)
        key = self._effect.key
        self._hold.save(
            lambda record: record.keeping(fresh).noted(key, Stage.RECEIVED, Stage.UNPACKED),
            lambda old: {**old, f"intent-{fresh.id}": intent.to_bytes()},
        )
        return intent

    def _intent(self, live: Json | None, to: Package, package: Path) -> Intent:
        unit = self._unit
        try:
            data = package.read_bytes()
        except OSError as error:
            raise NotFoundError(
                f"the package {package} cannot be read: {error.strerror}", remedy="Build the package again."
            ) from error
        if (found := hashlib.sha256(data).hexdigest()) != to.digest:
            raise TargetError(
                f"the package was refused: its digest is {found}, and should be {to.digest}",
                where=unit.name,
                remedy="Build the package again, and look at it.",
            )
        lock = read_image_lock(data)
        intent = self._intent_of(live, lock, package.parent)
        if not unit.settings.config_map:
            return intent
        archive = Archive(package.parent / f"{lock.archive}.tar.gz", lock.archive, unit.name)
        return configured(intent, configuration_of(unit.settings, unit.target, archive), unit.name)

    def _intent_of(self, live: Json | None, lock: ImageLock, directory: Path) -> Intent:
        unit = self._unit
        if unit.settings.manifests:
            return intent_of(unit.settings, unit.kind, unit.name, lock, directory, unit.cluster.version)
        if live is None:
            raise TargetError(
                f"there is no {unit.words} in the namespace {unit.settings.namespace}",
                where=unit.name,
                remedy="Create it, or name its manifests: manifests: PATH in the target.",
            )
        images = choose(unit.settings, lock, images_in(live["spec"]["template"]), unit.name)
        return of_images(unit.kind, unit.name, live, images, unit.settings.config_map or "")

    # ------------------------------------------------------------------------------------------ switch

    def _switch(self, live: Json | None, intent: Intent, to: Package) -> None:
        """Have the workload ask for this version: objects first, then the template and our key in one write."""
        for _ in range(_TRIES):
            try:
                if live is None:
                    live = self._hold.fence(self._create(intent))
                self._switch_what_was_read(live, intent, to)
                return
            except ChangedError:
                self._hold.look()
                live = self._unit.live()
                live = self._hold.fence(live) if live is not None else None
        raise TargetError(
            "the workload changed each time before it could be written",
            where=self._unit.name,
            remedy="Find out who writes to it all the time, then try again.",
        )

    def _create(self, intent: Intent) -> Json:
        """The workload without a pod and without a version: nothing runs before the fence stands on it."""
        self._apply_objects(intent)
        body: Json = json.loads(json.dumps(intent.workload))
        body["spec"]["replicas"] = 0
        self._hold.look()
        try:
            return self._unit.cluster.apply(body, None)
        except OwnedError as error:
            raise ChangedError from error  # somebody has made it in this moment: look at what they made

    def _switch_what_was_read(self, live: Json, intent: Intent, to: Package) -> None:
        key = self._effect.key
        if live["metadata"].get("annotations", {}).get(KEY) != key:
            if why := blocked(live):
                raise TargetError(
                    f"{self._unit.words} would not roll out: {why.partition('; ')[0]}",
                    where=self._unit.name,
                    remedy=f"{why.partition('; ')[2].capitalize()}.",
                )
            live = self._apply_version(live, intent, to)
        replicas = int(live["spec"].get("replicas", 1))
        wanted = intent.replicas if intent.replicas is not None else (replicas or max(1, self._hold.record.replicas))
        if replicas != wanted:
            self._unit.cluster.merge(live, {"spec": {"replicas": wanted}})

    def _apply_version(self, live: Json, intent: Intent, to: Package) -> Json:
        self._apply_objects(intent)
        key, body = self._effect.key, intent.body(to, self._effect.key)
        force, would_be = self._tried(body, live)
        kept = replace(
            self._hold.record.find(to) or Kept(to), template=intent.fingerprint(would_be["spec"]["template"])
        )
        self._hold.save(lambda record: record.keeping(kept).noted(key, Stage.RECEIVED, Stage.SWITCHING))
        return self._applied(body, live, force=force)

    def _tried(self, body: Json, live: Json) -> tuple[bool, Json]:
        """What the server would make of it, and whether fields have to be taken over for that."""
        try:
            return False, self._unit.cluster.apply(body, live, dry_run=True)
        except OwnedError as error:
            if not self._may_take_over(error, live):
                raise self._owned(body, error) from error
        return True, self._applied(body, live, force=True, dry_run=True)

    def _may_take_over(self, error: OwnedError, live: Json) -> bool:
        """Only from who managed it when it was adopted, or where it runs nothing; never what was changed since."""
        running, _ = what_runs(self._unit, live, self._hold.stored)
        others = error.managers - {MANAGER}
        return (
            running is Presence.ABSENT
            or not others
            or (isinstance(running, Package) and others <= set(self._hold.record.managers))
        )

    def _apply_objects(self, intent: Intent) -> None:
        self._configure(intent)
        for one in intent.objects:
            self._apply_object(one)
            self._hold.beat()

    def _configure(self, intent: Intent) -> None:
        """See that the ConfigMap of the version is there; it is made once, and never changed."""
        if intent.configuration is None:
            return
        self._hold.look()
        have_config_map(self._unit.cluster, intent.configuration, self._unit.name)

    def _apply_object(self, one: Json) -> None:
        """As the manifest says; but the selector of a Service that is a traffic switch is left to the switch."""
        try:
            self._unit.cluster.apply(one, None)
        except OwnedError as error:
            if one["kind"] != "Service" or error.managers != {TRAFFIC_MANAGER}:
                raise self._owned(one, error) from error
            spec = {name: value for name, value in one["spec"].items() if name != "selector"}
            self._applied({**one, "spec": spec}, None)

    def _applied(self, body: Json, live: Json | None, *, dry_run: bool = False, force: bool = False) -> Json:
        try:
            return self._unit.cluster.apply(body, live, dry_run=dry_run, force=force)
        except OwnedError as error:
            raise self._owned(body, error) from error

    def _owned(self, body: Json, error: OwnedError) -> TargetError:
        return TargetError(
            f"{body['kind']} {body['metadata']['name']} is managed by somebody else: {error.words}",
            where=self._unit.name,
            remedy="Have them give the field up, or record what runs: tidegate adopt.",
        )

    # ------------------------------------------------------------------------------------------ roll out

    def _roll_out(self, intent: Intent) -> None:
        """Wait until the cluster has done it or cannot, and record which."""
        waiting = _Waiting(self._unit.settings)
        with self._unit.lookout() as lookout:
            now = self._look(intent)
            while not now.complete and not (why := waiting.given_up(now)):
                read = lookout.pause()
                self._hold.beat()
                now = self._look(intent) if read else now
        if now.complete:
            self._note(Stage.HEALTHY)
        else:
            self._note(Stage.UNHEALTHY, detail=why, healthy=False)

    def _look(self, intent: Intent) -> Progress:
        """How far it is now; and what only we can help is helped.

        Raises:
            TargetError: somebody else has changed it.
        """
        live = self._unit.live()
        if live is None or live["metadata"].get("annotations", {}).get(KEY) != self._effect.key:
            raise TargetError(
                "somebody changed the workload while it was rolled out",
                where=self._unit.name,
                remedy="Find out who; then observe it, and deploy again.",
            )
        pods = self._unit.cluster.pods(live)
        now = progress(live, pods)
        if now.observed and Stage.RESTARTED not in self._hold.record.entry(self._effect.key).stages:
            self._note(Stage.RESTARTED)
        self._configure(intent)  # another workload of the target may have found nobody who names it, and removed it
        for pod in [] if now.complete else in_the_way(live, pods):
            self._unit.cluster.remove_pod(pod["metadata"]["name"])
        return now

    def _finish(self) -> Observation:
        """Record the end, keep what one may have to return to, and leave; what is answered was read before that."""
        live = self._unit.live()
        effect, number = self._effect, self._unit.settings.keep
        wanted = [one for one in (effect.to, effect.previous) if one]

        def ended(record: Record) -> Record:
            return replace(record.noted(effect.key, Stage.DONE).pruned(number, wanted), holder=None)

        self._hold.save(ended, lambda old: pruned(old, ended(self._hold.record)))
        prune_config_maps(self._unit)
        return read_back(self._unit, self._hold.stored, live)

    # ------------------------------------------------------------------------------------------ remove

    def _remove(self, live: Json | None) -> None:
        """Scale it to 0 and take its version off, in one write. The object stays, and with it the fence."""
        while live is not None and not self._is_removed(live):
            self._begin_removal(int(live["spec"].get("replicas", 1)))
            gone = {"metadata": {"annotations": {VERSION: None, PACKAGE: None, KEY: None}}, "spec": {"replicas": 0}}
            try:
                live = self._unit.cluster.merge(live, gone)
            except ChangedError:
                self._hold.look()
                live = self._unit.live()
                live = self._hold.fence(live) if live is not None else None
        self._await_end(live)

    def _begin_removal(self, replicas: int) -> None:
        """Remember how many there were: a deployment after it brings as many back."""
        key = self._effect.key
        self._hold.save(
            lambda record: replace(record, replicas=replicas or record.replicas).noted(
                key, Stage.RECEIVED, Stage.SWITCHING
            )
        )

    def _is_removed(self, live: Json) -> bool:
        return int(live["spec"].get("replicas", 1)) == 0 and version_on(live) is None

    def _await_end(self, live: Json | None) -> None:
        end = time.monotonic() + self._unit.settings.rollout_timeout.total_seconds()
        with self._unit.lookout() as lookout:
            while live is not None and not is_gone(live):
                if time.monotonic() > end:
                    raise TargetError(
                        "its pods did not end in time",
                        where=self._unit.name,
                        remedy="Look at the pods, then try again.",
                    )
                read = lookout.pause()
                self._hold.beat()
                live = self._unit.live() if read else live


class _Waiting:
    """How long we wait for a rollout, and how long for one that fails."""

    def __init__(self, settings: KubernetesSettings) -> None:
        self._timeout_s = settings.rollout_timeout.total_seconds()
        self._failing_s = settings.failing_for.total_seconds()
        self._begun = self._moved = time.monotonic()
        self._moves: tuple[int, ...] = ()
        self._failing_since: float | None = None

    def given_up(self, now: Progress) -> str:
        """Why we do not wait any longer, or nothing."""
        at = time.monotonic()
        self._failing_since = (self._failing_since or at) if now.failing else None
        if now.over or (self._failing_since is not None and at - self._failing_since >= self._failing_s):
            return redact(f"not rolled out ({now.counts}): {now.failing}")[:_LONGEST]
        if now.moves != self._moves:
            self._moves, self._moved = now.moves, at
        # The controller measures this itself, but not for the pods of a workload that had none: to it, the rollout was
        # over when there were 0 of 0.
        if now.observed and now.deadline_s is not None and at - self._moved >= now.deadline_s:
            allowed = f"its progressDeadlineSeconds, {now.deadline_s:g}"
            return f"not rolled out ({now.counts}): nothing moved within {allowed}"
        if at - self._begun >= self._timeout_s:
            return f"not rolled out within {self._timeout_s:g} s ({now.counts})"
        return ""


def pruned(binary: Mapping[str, bytes], record: Record) -> dict[str, bytes]:
    """Without the intents of versions that are no longer kept."""
    names = {f"intent-{one.id}" for one in record.kept}
    return {name: data for name, data in binary.items() if not name.startswith("intent-") or name in names}


# ---------------------------------------------------------------------------------------------------- configuration


def have_config_map(cluster: Cluster, body: Json, where: str) -> None:
    """Create a ConfigMap whose name tells its content, or find the same one there.

    Raises:
        TargetError: what has that name holds something else, or is another component's.
    """
    name = body["metadata"]["name"]
    try:
        found = cluster.read("ConfigMap", name) or cluster.create(body)
    except ChangedError:
        found = cluster.read("ConfigMap", name) or {}
    same = all(found.get(part) == body.get(part) for part in ("data", "binaryData", "immutable"))
    wanted = body["metadata"]["labels"]
    if not same or not wanted.items() <= (found["metadata"].get("labels") or {}).items():
        raise TargetError(
            f"the ConfigMap {name} is there, and is not what Tidegate would make",
            where=where,
            remedy="Find out who made it; remove it, or give config_map another name.",
        )


def prune_config_maps(unit: Unit) -> None:
    """Remove the configurations that no kept version, no workload and no pod names any more.

    They are listed before it is asked who names them: one that is made meanwhile is not among them. Whoever deploys
    looks again until the end, so that one that was removed after all is made anew. What fails here is left for later.
    """
    base = unit.settings.config_map
    if not base:
        return
    try:
        found = [one["metadata"]["name"] for one in unit.cluster.some("ConfigMap", labels(base, unit.target))]
        named = _named(unit, base) if found else set()
        for name in found:
            if name not in named and is_of(base, name):
                unit.cluster.remove("ConfigMap", name)
    except (TargetError, ChangedError):
        return


def _named(unit: Unit, base: str) -> set[str]:
    """The configurations that anything still names."""
    templates = list(unit.cluster.some("Pod", {}))
    for name, kind in unit.settings.kinds.items():
        live, stored = unit.cluster.read(kind, name), unit.cluster.stored(name)
        templates += [live["spec"]["template"]] if live else []
        kept = stored.record.kept if stored else ()
        intents = [read_intent(stored.binary.get(f"intent-{one.id}", b""), name) for one in kept] if stored else []
        templates += [intent.workload["spec"]["template"] for intent in intents]
    return {name for template in templates for name in names_in(template, base)}


# ---------------------------------------------------------------------------------------------------- adopting


def adopt(unit: Unit, hold: Hold, version: str) -> None:
    """Record what the workload runs as ``version``; its pods are not touched."""
    for _ in range(_TRIES):
        live = unit.live()
        if live is None:
            raise nothing_runs(unit)
        live = hold.fence(live)
        if isinstance(what_runs(unit, live, hold.stored)[0], Package):
            return
        images = by_digest(live["spec"]["template"], unit.cluster.pods(live))
        of = of_whole if unit.settings.manifests else of_images
        intent = of(unit.kind, unit.name, live, images, unit.settings.config_map or "")
        # Of the images alone: several workloads that run the same ones have the same version.
        digest = hashlib.sha256(json.dumps(sorted(set(images.values()))).encode()).hexdigest()
        package = Package(version, digest, "adopted")
        kept = Kept(package, intent.fingerprint(live["spec"]["template"]), adopted=True)
        managers = managers_of_template(live)
        key = f"adopted:{version}:{digest[:12]}"
        hold.save(
            lambda record: replace(record.keeping(kept), managers=managers),  # noqa: B023
            lambda old: {**old, f"intent-{kept.id}": intent.to_bytes()},  # noqa: B023
        )
        mark = {"metadata": {"annotations": {VERSION: version, PACKAGE: digest, KEY: key}}}
        try:
            unit.cluster.merge(live, mark)
        except ChangedError:
            hold.look()
            continue
        return


def nothing_runs(unit: Unit) -> TargetError:
    return TargetError(f"nothing runs in {unit.words}", where=unit.name, remedy="Deploy a first version instead.")


def raise_fence(unit: Unit, live: Json, token: Token, mark: str) -> None:
    """Put the mark of somebody who does not act on the workload, so that an act of a lower token fails there too."""
    from tidegate.drivers.kubernetes.intent import FENCE
    from tidegate.drivers.kubernetes.record import read_token

    while True:
        seen = read_token(live["metadata"].get("annotations", {}).get(FENCE, "").partition(" ")[0])
        if seen == token:
            return
        live = raise_mark(unit.cluster, live, mark, token)
