"""How far a rollout in the cluster came, from generations, counts and conditions. Pure.

Source: kubernetes.io, "Deployments" (status of a Deployment, progressDeadlineSeconds), "StatefulSets" (update
strategies, forced rollback), "Pod Lifecycle" (container states).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tidegate.core.effect import Health
from tidegate.drivers.kubernetes.record import Json

VERSION = "tidegate.dev/version"
PACKAGE = "tidegate.dev/package"
_STUCK = frozenset(
    {
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
    }
)


@dataclass(frozen=True, slots=True)
class Progress:
    """``observed``: the controller knows of the last change. ``failing`` says why it does not get on; ``over``: it
    will not any more. ``moves`` changes with each pod that comes or goes; ``deadline_s`` is how long it may not."""

    observed: bool
    complete: bool
    failing: str = ""
    over: bool = False
    counts: str = ""
    moves: tuple[int, ...] = ()
    deadline_s: float | None = None

    @property
    def health(self) -> Health:
        """Whether it serves as it should; cannot tell while the controllers are at work."""
        if self.complete:
            return Health.YES
        return Health.NO if self.failing else Health.CANNOT_TELL


def progress(workload: Json, pods: Sequence[Json]) -> Progress:
    """Where a workload stands; ``pods`` are all of its pods."""
    spec, status = workload.get("spec", {}), workload.get("status", {})
    observed = int(status.get("observedGeneration") or 0) >= int(workload["metadata"].get("generation") or 0)
    wanted = int(spec.get("replicas", 1))
    updated, total = int(status.get("updatedReplicas") or 0), int(status.get("replicas") or 0)
    stateful = workload["kind"] == "StatefulSet"
    # A StatefulSet of a server before 1.22 knows no availableReplicas; ready is then all that can be asked.
    available = int(status.get("availableReplicas") or (status.get("readyReplicas") if stateful else 0) or 0)
    complete = observed and updated >= wanted and total == updated and available >= wanted
    if stateful:
        complete = complete and status.get("updateRevision") == status.get("currentRevision")
    counts = f"{updated} of {wanted} pods updated, {available} available"
    moves = (updated, total, available, int(status.get("readyReplicas") or 0))
    deadline = spec.get("progressDeadlineSeconds")
    if complete or not observed:
        return Progress(observed, complete, "", False, counts, moves, deadline)
    failing, over = _failing(status, [pod for pod in pods if _is_of(pod, workload)])
    if spec.get("paused"):
        failing = "; ".join(filter(None, ("its rollouts were paused meanwhile", failing)))
    return Progress(observed, False, failing, over, counts, moves, deadline)


def is_gone(workload: Json) -> bool:
    """Whether no pod of it is left, as its controller says of the present generation."""
    status = workload.get("status", {})
    observed = int(status.get("observedGeneration") or 0) >= int(workload["metadata"].get("generation") or 0)
    return observed and not status.get("replicas")


def blocked(workload: Json) -> str:
    """Why the cluster would not roll a change out, or nothing; and, after a semicolon, what to do."""
    spec = workload.get("spec", {})
    if spec.get("paused"):
        return "its rollouts are paused; resume them: kubectl rollout resume"
    strategy = spec.get("updateStrategy", {})
    if strategy.get("type") == "OnDelete":
        return "its update strategy is OnDelete, so nothing replaces its pods; make it RollingUpdate"
    if strategy.get("rollingUpdate", {}).get("partition"):
        partition = strategy["rollingUpdate"]["partition"]
        return f"its updates stop at partition {partition}; set the partition to 0"
    return ""


def in_the_way(workload: Json, pods: Sequence[Json]) -> list[Json]:
    """The pods of an earlier revision that never get ready, and so keep a StatefulSet from the present one.

    The controller waits for them for ever, also on the way back ("forced rollback" in the documentation).
    """
    update = workload.get("status", {}).get("updateRevision")
    if workload["kind"] != "StatefulSet" or not update:
        return []
    return [
        pod
        for pod in pods
        if pod["metadata"].get("labels", {}).get("controller-revision-hash") != update
        and not is_ready(pod)
        and _why_stuck(pod)
    ]


def _failing(status: Json, pods: Sequence[Json]) -> tuple[str, bool]:
    conditions = {one.get("type"): one for one in status.get("conditions", [])}
    reasons = [reason for pod in pods if (reason := _why_stuck(pod))]
    stuck, refused = conditions.get("Progressing", {}), conditions.get("ReplicaFailure", {})
    if refused.get("status") == "True":
        reasons.append(f"{refused.get('reason')}: {refused.get('message', '')}")
    over = stuck.get("status") == "False"
    if over:
        reasons.append(f"{stuck.get('reason')}: {stuck.get('message', '')}")
    return "; ".join(dict.fromkeys(reasons)), over


def _why_stuck(pod: Json) -> str:
    """What keeps a pod's containers from running, or nothing."""
    status = pod.get("status", {})
    for container in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
        waiting = container.get("state", {}).get("waiting", {})
        if waiting.get("reason") in _STUCK:
            return f"{pod['metadata']['name']}: {waiting['reason']}: {waiting.get('message', '')}".rstrip(": ")
    return ""


def is_ready(pod: Json) -> bool:
    """Whether a pod is sent traffic."""
    conditions = pod.get("status", {}).get("conditions", [])
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def _is_of(pod: Json, workload: Json) -> bool:
    """Whether a pod is of the version that its workload now has."""
    wanted = workload["spec"]["template"].get("metadata", {}).get("annotations", {})
    found = pod["metadata"].get("annotations", {})
    return all(found.get(name) == wanted.get(name) for name in (VERSION, PACKAGE))
