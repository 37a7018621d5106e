"""Real services on hosts, behind a real HAProxy, with customers who ask without a pause: nobody gets an error."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.customers import SERVICE, Customers
from tests.support.flows import Organisation
from tests.support.gitrepo import GitRepository
from tests.support.haproxy import HAProxy, free_port, why_no_haproxy
from tidegate.app import make_driver
from tidegate.core.rollout import RolloutState
from tidegate.orchestration import resuming, rollback

UNITS = ("web1", "web2", "web3", "web4")
POOLS = {"blue": ["web1", "web2"], "green": ["web3", "web4"]}
Make = Callable[..., Organisation]
AFTER_THE_VERDICT_S = 1.0


@pytest.fixture
def world(make_org: Make, tmp_path: Path) -> Iterator[Callable[..., tuple[Organisation, HAProxy]]]:
    if reason := why_no_haproxy():
        pytest.skip(reason)
    ports = {unit: free_port() for unit in UNITS}
    haproxy = HAProxy(ports, check="option httpchk GET /")
    haproxy.start()

    def make(strategy: dict[str, Any], pools: dict[str, list[str]] | None = None) -> tuple[Organisation, HAProxy]:
        def service(what: str) -> list[str]:
            return [sys.executable, "-B", "{release}/serve.py", "{port}", what, str(tmp_path / "pid-{port}")]

        hosts = [
            {"name": unit, "path": str(tmp_path / unit), "values": {"port": ports[unit]}, "python": sys.executable}
            for unit in UNITS
        ]
        traffic = {"switch": "haproxy", "socket": str(haproxy.socket), "backend": "shop", "drain": "5s"}
        target = {
            "driver": "host",
            "hosts": hosts,
            "restart": service("{version}"),
            "stop": service("stopped"),
            "health": {"url": "http://127.0.0.1:{port}/", "contains": "{version}"},
            "traffic": {**traffic, **({"pools": pools} if pools else {})},
        }
        org = make_org(
            drivers=make_driver,
            components={"billing": {"targets": {"production": {**target}, "staging": None}}},
            environments={"production": {"strategy": {"rolling": None, **strategy}}},
        )
        GitRepository(org.root).commit("feat: serve", {"app/serve.py": SERVICE})
        return org, haproxy

    yield make
    haproxy.close()
    for file in tmp_path.glob("pid-*"):
        with contextlib.suppress(OSError, ValueError):
            os.kill(int(file.read_text()), signal.SIGKILL)


@pytest.mark.parametrize(
    ("strategy", "pools"),
    [({"blue_green": {}}, POOLS), ({"rolling": {"batch": 1}}, None), ({"rolling": {"batch": "50%"}}, None)],
    ids=["blue-green", "rolling", "rolling-halves"],
)
def test_no_request_fails_while_a_healthy_version_comes_and_goes(
    world: Callable[..., tuple[Organisation, HAProxy]], strategy: dict[str, Any], pools: dict[str, list[str]] | None
) -> None:
    org, haproxy = world(strategy, pools)
    org.released("1.1.0")
    with Customers(haproxy.port) as customers:
        org.released("1.2.0")
        after = time.monotonic()
        time.sleep(0.3)
        assert set(customers.versions(after)) == {"1.2.0"}
        begun = time.monotonic()
        rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
        org.carry()
        back = time.monotonic()
        time.sleep(0.3)
        assert set(customers.versions(back)) == {"1.1.0"}
    assert [answer for answer in customers.answers if not answer.version] == []
    assert set(customers.versions()) == {"1.1.0", "1.2.0"}
    assert customers.versions(begun)["1.2.0"] > 0


def test_a_canary_serves_its_share_and_is_gone_at_once(
    world: Callable[..., tuple[Organisation, HAProxy]],
) -> None:
    org, haproxy = world({"canary": {"steps": [{"weight": "20%"}]}}, POOLS)
    first = org.start(org.prepared("1.1.0"))
    org.carry()

    resuming.resume(org.house, first, org.claim("rita"))
    org.carry()
    second = org.start(org.prepared("1.2.0"))
    org.carry()
    assert org.rollout(second).state is RolloutState.PAUSED
    with Customers(haproxy.port) as customers:
        while customers.versions().total() < 400:
            time.sleep(0.05)
        seen = customers.versions()
        # Round robin by weight: the share is met, but for where in the round the asking began and ended.
        assert 0.15 < seen["1.2.0"] / seen.total() < 0.25
        rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
        org.carry_one()
        shifted = time.monotonic()
        time.sleep(0.5)
        org.carry()
    late = [answer.at - shifted for answer in customers.answers if answer.version == "1.2.0" and answer.at > shifted]
    assert max(late, default=0.0) <= AFTER_THE_VERDICT_S
    assert [answer for answer in customers.answers if not answer.version] == []
