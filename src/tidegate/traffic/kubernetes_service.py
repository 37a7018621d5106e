"""A Kubernetes Service as a traffic switch: its selector names the pods of one pool, and all of the traffic goes there.

A Service cannot weigh: a pool has all of the traffic, or nothing. The selector and our fence change in one write, on
the version of the Service that was read. What is set is read back from the Service, and from its EndpointSlices: what
they still send to the pods of the other pool is part of the answer.

Sources: kubernetes.io, "Service" (selector), "EndpointSlices" (conditions, the label kubernetes.io/service-name);
"Server-Side Apply" (the selector of a Service is one value: ``x-kubernetes-map-type: atomic``).
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from tidegate.core.duration import Duration
from tidegate.core.effect import ALL, Share, Token
from tidegate.core.written import written
from tidegate.drivers.kubernetes.cluster import ChangedError, Cluster, GoneError, OwnedError
from tidegate.drivers.kubernetes.intent import FENCE, TRAFFIC_MANAGER
from tidegate.drivers.kubernetes.record import Json, read_token
from tidegate.drivers.kubernetes.settings import Context, File, Label, Name, Timeout
from tidegate.drivers.kubernetes.status import is_ready
from tidegate.errors import FencedError, TargetError, UsageError
from tidegate.traffic.contract import Sight

_KEY = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")
_TRIES = 50
_LOOK_AGAIN_AFTER_S = 0.1


def _label_key(text: str) -> str:
    if not _KEY.fullmatch(text):
        raise ValueError(f"{written(text)} is not the name of a label")
    return text


def _label_value(text: str) -> str:
    if not _VALUE.fullmatch(text):
        raise ValueError(f"{written(text)} is not the value of a label; use letters, digits and - _ . , at most 63")
    return text


def _tuples(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {name: tuple(units) if isinstance(units, list) else units for name, units in value.items()}


Units = Annotated[tuple[Name, ...], Field(min_length=1, max_length=1000)]
Selector = Annotated[
    Mapping[Annotated[str, AfterValidator(_label_key)], Annotated[str, AfterValidator(_label_value)]],
    Field(min_length=1, max_length=20),
]


class ServiceSettings(BaseModel):
    """The Service that shares the traffic of a target: ``pools`` of workloads, and the selector of each pool's pods."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    switch: Literal["kubernetes_service"]
    service: Name
    namespace: Label
    kubeconfig: File | None = None
    context: Context | None = None
    pools: Annotated[Mapping[Label, Units], BeforeValidator(_tuples)]
    selectors: Mapping[Label, Selector]
    request_timeout: Timeout = timedelta(seconds=10)
    within: Duration = timedelta(seconds=30)

    @model_validator(mode="after")
    def _two_pools_told_apart(self) -> ServiceSettings:
        if len(self.pools) != 2:
            raise ValueError(f"there are {len(self.pools)} pools; declare two, such as blue and green")
        units = [unit for pool in self.pools.values() for unit in pool]
        if len(set(units)) != len(units):
            raise ValueError("a unit is in both pools; each belongs to one")
        if set(self.selectors) != set(self.pools):
            raise ValueError(f"write a selector for each pool: {', '.join(self.pools)}")
        one, other = (self.selectors[pool] for pool in self.pools)
        if not any(name in other and other[name] != value for name, value in one.items()):
            raise ValueError("both selectors can pick the same pod; give both a label with another value in each")
        return self


@dataclass(frozen=True, slots=True)
class _Endpoints:
    """How many ready endpoints the Service has, of the pods of each pool; None: the cluster does not say."""

    ready: Mapping[str, int] | None

    def of(self, pool: str) -> int:
        return self.ready[pool] if self.ready is not None else 0

    @property
    def words(self) -> str:
        if self.ready is None:
            return "its EndpointSlices cannot be had"
        return "ready endpoints: " + ", ".join(f"{number} of {pool}" for pool, number in self.ready.items())


class ServiceSwitch:
    """One Service. It keeps the highest token seen in an annotation, so that a late actor is refused by it.

    Args:
        transport: another way for the requests than the network; only in tests.
    """

    weighs = False
    withdraws = False

    def __init__(self, settings: ServiceSettings, transport: Any = None) -> None:
        self._settings = settings
        self._cluster = Cluster(settings, transport)

    @property
    def pools(self) -> Mapping[str, tuple[str, ...]]:
        return self._settings.pools

    def sight(self) -> Sight:
        service = self._read()
        selected, endpoints = self._selected(service), self._endpoints()
        shares = self._shares(selected, endpoints)
        detail = f"{self._words} selects {selected or 'nothing'}; {endpoints.words}"
        return Sight(tuple(Share(pool, points) for pool, points in shares.items()), 0, detail, _token_on(service))

    def shift(self, share: Share, token: Token) -> None:
        self._demand_whole(share)
        for _ in range(_TRIES):
            service = self._read()
            seen, selected = _token_on(service), self._selected(service)
            self._refuse_outranked(seen, token)
            wanted = self._wanted(share, selected)
            if seen == token and selected == wanted:
                return self._await(wanted, share)
            if wanted != selected and share.points == ALL:
                self._demand_ready(share.of)
            try:
                self._write(service, wanted, token)
            except ChangedError:
                continue
            return self._await(wanted, share)
        raise TargetError(
            f"{self._words} changed each time before it could be written",
            where=self._settings.namespace,
            remedy="Find out who writes to it all the time, then try again.",
        )

    def sentence(self, share: Share) -> str:
        self._demand_whole(share)
        pool = share.of if share.points == ALL else self._other(share.of)
        selector = ", ".join(f"{name}={value}" for name, value in self._settings.selectors[pool].items())
        return f"send {share.percent} of the traffic of {self._words} to {share.of}: select {selector}"

    def withdraw(self, unit: str, token: Token, *, keeps_one: bool = False) -> None:
        """Nothing: Kubernetes takes each pod out of the Service itself, while its workload is rolled out."""

    def return_(self, unit: str, token: Token) -> None:
        """Nothing: a pod that is ready is in the Service as soon as it is selected."""

    def withdrawn(self, unit: str) -> bool:
        return False

    # ------------------------------------------------------------------------------------------ what is there

    @property
    def _words(self) -> str:
        return f"the Service {self._settings.service}"

    def _other(self, pool: str) -> str:
        return next(name for name in self.pools if name != pool)

    def _read(self) -> Json:
        service = self._cluster.read("Service", self._settings.service)
        if service is None:
            raise TargetError(
                f"there is no Service {self._settings.service} in the namespace {self._settings.namespace}",
                where=self._settings.namespace,
                remedy="Create it, or name the one that is there under traffic.service.",
            )
        return service

    def _selected(self, service: Json) -> str:
        """The pool that the Service selects; empty where it selects nothing at all.

        Raises:
            TargetError: it selects something else, which is somebody else's.
        """
        selector = (service.get("spec") or {}).get("selector") or {}
        for pool, wanted in self._settings.selectors.items():
            if selector == dict(wanted):
                return pool
        if not selector:
            return ""
        found = ", ".join(f"{name}={value}" for name, value in selector.items())
        raise TargetError(
            f"{self._words} selects {written(found)}, which is none of the pools",
            where=self._settings.namespace,
            remedy=f"Set its selector to that of one pool by hand ({' or '.join(self.pools)}), or correct the policy.",
        )

    def _endpoints(self) -> _Endpoints:
        """The ready endpoints by pool. The pods are read after the slices: one that went meanwhile counts nowhere."""
        try:
            slices = self._cluster.some("EndpointSlice", {"kubernetes.io/service-name": self._settings.service})
        except GoneError:
            return _Endpoints(None)  # a server before 1.17
        named = {name for one in slices for name in _ready_pods(one)}
        return _Endpoints(
            {
                pool: len(named & {pod["metadata"]["name"] for pod in self._cluster.some("Pod", dict(selector))})
                for pool, selector in self._settings.selectors.items()
            }
        )

    def _shares(self, selected: str, endpoints: _Endpoints) -> dict[str, int]:
        """All for the pool that is selected, unless the endpoints still name pods of the other."""
        if not selected:
            return dict.fromkeys(self.pools, 0)
        other = self._other(selected)
        left, whole = endpoints.of(other), endpoints.of(other) + endpoints.of(selected)
        part = min(ALL - 1, max(1, round(left * ALL / whole))) if left else 0
        return {pool: part if pool == other else ALL - part for pool in self.pools}

    # ------------------------------------------------------------------------------------------ changing it

    def _demand_whole(self, share: Share) -> None:
        if share.points not in (0, ALL):
            raise UsageError(
                f"{self._words} sends all of its traffic to one pool, so {share.of} cannot have {share.percent} of it",
                remedy="release by blue_green, or by a switch that weighs, such as haproxy",
            )

    def _refuse_outranked(self, seen: Token | None, token: Token) -> None:
        if seen is not None and seen > token:
            raise FencedError(
                f"{self._words} has seen the token {seen}, and ours is {token}",
                where=self._settings.namespace,
                remedy="whoever holds the newer token answers for it now",
            )

    def _wanted(self, share: Share, selected: str) -> str:
        """The pool that is to be selected. Nothing of one pool is all of the other, where this one is selected."""
        if share.points == ALL:
            return share.of
        return self._other(share.of) if selected == share.of else selected

    def _demand_ready(self, pool: str) -> None:
        """Whoever is given all of the traffic has somebody who answers it."""
        pods = self._cluster.some("Pod", dict(self._settings.selectors[pool]))
        if not any(is_ready(pod) and "deletionTimestamp" not in pod["metadata"] for pod in pods):
            raise TargetError(
                f"no pod of {pool} is ready, so {self._words} was left as it is",
                where=self._settings.namespace,
                remedy=f"Look at the pods that the selector of {pool} picks, and at their labels.",
            )

    def _write(self, service: Json, pool: str, token: Token) -> None:
        """Selector and fence in one write, on what was read.

        The selector is taken over from whoever manages it: it was found to be that of a pool.
        """
        body: Json = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": self._settings.service, "annotations": {FENCE: str(token)}},
        }
        if pool:
            body["spec"] = {"selector": dict(self._settings.selectors[pool])}
        try:
            self._cluster.apply(body, service, force=True, manager=TRAFFIC_MANAGER)
        except OwnedError as error:
            raise ChangedError from error

    def _await(self, pool: str, share: Share) -> None:
        """Until the endpoints are those of the pool."""
        if not pool:
            return
        deadline = time.monotonic() + self._settings.within.total_seconds()
        while not self._arrived(found := self._endpoints(), pool, share):
            if time.monotonic() > deadline:
                raise TargetError(
                    f"{self._words} selects {pool}, and its endpoints do not follow within "
                    f"{self._settings.within.total_seconds():g} s: {found.words}",
                    where=self._settings.namespace,
                    remedy=f"Look at them: kubectl get endpointslices -l "
                    f"kubernetes.io/service-name={self._settings.service}",
                )
            time.sleep(_LOOK_AGAIN_AFTER_S)

    def _arrived(self, found: _Endpoints, pool: str, share: Share) -> bool:
        if found.ready is None:
            return True
        # What is taken away from a pool goes, whether or not the other one has anybody who answers.
        return not found.of(self._other(pool)) and (share.points == 0 or found.of(pool) > 0)


def _token_on(service: Json) -> Token | None:
    return read_token(str((service["metadata"].get("annotations") or {}).get(FENCE, "")))


def _ready_pods(one: Json) -> Sequence[str]:
    """The pods of a slice that are sent traffic; a condition that is not there counts as met."""
    return [
        str(endpoint["targetRef"].get("name"))
        for endpoint in one.get("endpoints") or []
        if (endpoint.get("targetRef") or {}).get("kind") == "Pod"
        and (endpoint.get("conditions") or {}).get("ready") is not False
    ]
