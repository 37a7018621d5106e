"""The promises of everything at which a share is set: a real HAProxy, a Service of Kubernetes, a file of flags.

A new one joins by a case in the fixture below.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.haproxy import HAProxy, free_port, why_no_haproxy
from tests.support.kubernetes.service import POOLS as COLOURS
from tests.support.kubernetes.service import switched_cluster
from tidegate.core.effect import ALL, Act, Effect, Finding, Observation, Package, Presence, Share, Token, judge
from tidegate.core.wave import ALL_OR_NOTHING
from tidegate.drivers.contract import Target
from tidegate.drivers.simulator import SimulatedWorld, SimulatorDriver
from tidegate.drivers.switched import SwitchedDriver
from tidegate.errors import FencedError, TargetError, UsageError
from tidegate.traffic.contract import Divider, Sight, Switch
from tidegate.traffic.haproxy import HAProxySettings, HAProxySwitch
from tidegate.traffic.registry import flag, switch

POOLS = {"blue": ["web1", "web2"], "green": ["web3"]}
UNITS = ("web1", "web2", "web3")
TOKEN, LATER = Token(1, 5), Token(1, 6)
TO = Package("1.1.0", "0" * 64)


@pytest.fixture
def haproxy() -> Iterator[HAProxy]:
    if reason := why_no_haproxy():
        pytest.skip(reason)
    started = HAProxy({unit: free_port() for unit in UNITS})
    started.start()
    yield started
    started.close()


def settings(haproxy: HAProxy, **more: Any) -> dict[str, Any]:
    return {"switch": "haproxy", "socket": str(haproxy.socket), "backend": "shop", "pools": POOLS, **more}


@pytest.fixture(params=["haproxy", "kubernetes_service", "flagd"])
def divider(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Divider, str]]:
    if request.param == "haproxy":
        yield switch(settings(request.getfixturevalue("haproxy")), UNITS), "green"
    elif request.param == "kubernetes_service":
        with switched_cluster(tmp_path) as cluster:
            yield switch(cluster.settings(), [unit for units in COLOURS.values() for unit in units]), "green"
    else:
        name, found = flag({"file": str(tmp_path / "flags.json"), "name": "new-checkout"})
        yield found, name


def test_what_cannot_weigh_is_known_before_it_is_asked(divider: tuple[Divider, str]) -> None:
    what, _ = divider
    name = {"HAProxySwitch": "haproxy", "ServiceSwitch": "kubernetes_service"}.get(type(what).__name__, "flag")
    assert what.weighs is (name not in ALL_OR_NOTHING)


def finding(divider: Divider, share: Share) -> Finding:
    """What the switch shows, judged as a leg judges it."""
    unit = "traffic"
    effect = Effect("r1", "wave-1", unit, 1, "shop", "production", Act.SHIFT, TO, share=share)
    sight: Sight = divider.sight()
    seen = Observation(unit, True, Presence.ABSENT, sight.token, shares=sight.shares, grain=sight.grain)
    return judge(effect, seen, TOKEN)


@pytest.mark.parametrize("points", [0, 1, 100, 500, 2500, 3333, 5000, 9900, 9999, ALL])
def test_a_share_that_was_set_is_read_back(divider: tuple[Divider, str], points: int) -> None:
    what, of = divider
    share = Share(of, points)
    if not (what.weighs or points in (0, ALL)):
        before = what.sight()
        with pytest.raises(UsageError, match="all of its traffic to one pool"):
            what.shift(share, TOKEN)
        assert what.sight() == before
        return
    what.shift(share, TOKEN)
    assert finding(what, share) is Finding.CONFIRMED
    what.shift(share, TOKEN)
    assert finding(what, share) is Finding.CONFIRMED


def test_another_share_is_not_confirmed(divider: tuple[Divider, str]) -> None:
    what, of = divider
    set_to, others = (500, (0, 2500, ALL)) if what.weighs else (ALL, (0, 2500))
    what.shift(Share(of, set_to), TOKEN)
    for points in others:
        assert finding(what, Share(of, points)) is Finding.NOT_DONE


def test_nothing_and_all_are_met_exactly(divider: tuple[Divider, str]) -> None:
    what, of = divider
    if not what.weighs:
        pytest.skip("it gives nothing or all, and never a part")
    what.shift(Share(of, 1), TOKEN)
    assert finding(what, Share(of, 0)) is Finding.NOT_DONE
    what.shift(Share(of, ALL - 1), TOKEN)
    assert finding(what, Share(of, ALL)) is Finding.NOT_DONE


def test_it_says_what_it_would_do(divider: tuple[Divider, str]) -> None:
    what, of = divider
    before = what.sight()
    assert "100%" in what.sentence(Share(of, ALL))
    if what.weighs:
        assert "5%" in what.sentence(Share(of, 500))
    assert what.sight() == before


# HAProxy.


def test_two_pools_share_as_their_servers_weigh(haproxy: HAProxy) -> None:
    found = switch(settings(haproxy), UNITS)
    assert {share.of: share.points for share in found.sight().shares} == {"blue": 6667, "green": 3333}
    found.shift(Share("green", ALL), TOKEN)
    weights = {
        line.split()[3]: line.split()[7] for line in haproxy.ask("show servers state shop").splitlines()[2:] if line
    }
    assert weights == {"web1": "0", "web2": "0", "web3": "256"}


def test_a_unit_leaves_the_traffic_and_comes_back(haproxy: HAProxy) -> None:
    found = switch(settings(haproxy), UNITS)
    assert not found.withdrawn("web1")
    found.withdraw("web1", TOKEN)
    found.withdraw("web1", TOKEN)
    assert found.withdrawn("web1")
    found.return_("web1", TOKEN)
    assert not found.withdrawn("web1")


def test_a_late_actor_is_refused_by_the_process(haproxy: HAProxy) -> None:
    found = switch(settings(haproxy), UNITS)
    found.shift(Share("green", ALL), LATER)
    assert found.sight().token == LATER
    before = haproxy.ask("show servers state shop")
    late: list[Callable[[], None]] = [
        lambda: found.shift(Share("blue", ALL), TOKEN),
        lambda: found.withdraw("web3", TOKEN),
        lambda: found.return_("web3", TOKEN),
    ]
    for act in late:
        with pytest.raises(FencedError, match=r"HAProxy has seen the token 1\.6 for shop, and ours is 1\.5"):
            act()
    assert haproxy.ask("show servers state shop") == before
    found.shift(Share("blue", ALL), LATER.breaking_glass())
    assert found.sight().token == LATER.breaking_glass()


def test_each_backend_has_a_fence_of_its_own(haproxy: HAProxy) -> None:
    names = ("shop", "shop_2d", "shop-", "shop.a:b", "x" * 128)
    variables = {HAProxySwitch(HAProxySettings.model_validate(settings(haproxy, backend=n)), UNITS)._variable
                 for n in names}  # fmt: skip
    assert len(variables) == len(names)
    for variable in variables:
        haproxy.ask(f"experimental-mode on; set var {variable} str(1.2.0)")
        assert "value=<1.2.0>" in haproxy.ask(f"get var {variable}"), variable


def test_a_server_in_maintenance_is_left_to_who_put_it_there(haproxy: HAProxy) -> None:
    found = switch(settings(haproxy), UNITS)
    haproxy.ask("set server shop/web3 state maint")
    assert {share.of: share.points for share in found.sight().shares} == {"blue": ALL, "green": 0}
    found.withdraw("web3", TOKEN)
    found.return_("web3", TOKEN)
    assert "web3 - 5" not in haproxy.ask("show servers state shop")
    assert haproxy.ask("show servers state shop").splitlines()[4].split()[6] == "1"


def test_a_server_that_never_gets_well_is_told(tmp_path: Path) -> None:
    if reason := why_no_haproxy():
        pytest.skip(reason)
    server = HAProxy({"web1": free_port()}, check="option httpchk GET /health")
    server.start()
    try:
        found = switch(settings(server, pools={}, up_within="300ms"), ("web1",))
        with pytest.raises(TargetError, match="HAProxy does not find web1 well within"):
            found.return_("web1", TOKEN)
    finally:
        server.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"backend": "other"}, "HAProxy shows no servers of other"),
        ({"servers": {"web3": "srv3"}}, "HAProxy says nothing of the server srv3 in shop"),
        ({"socket": "/nowhere/admin.sock"}, "HAProxy does not answer: No such file or directory"),
        ({"socket": "127.0.0.1:1"}, "HAProxy does not answer: Connection refused"),
    ],
)
def test_what_haproxy_does_not_say_is_an_error(haproxy: HAProxy, change: dict[str, Any], said: str) -> None:
    found = switch(settings(haproxy, **change), UNITS)
    for act in (found.sight, lambda: found.shift(Share("green", 0), TOKEN)):
        with pytest.raises(TargetError, match=said) as caught:
            act()
        assert caught.value.remedy


def test_a_socket_without_rights_is_told() -> None:
    if reason := why_no_haproxy():
        pytest.skip(reason)
    server = HAProxy({unit: free_port() for unit in UNITS}, level="operator")
    server.start()
    try:
        found: Switch = switch(settings(server), UNITS)
        with pytest.raises(TargetError, match="HAProxy refuses"):
            found.shift(Share("green", 0), TOKEN)
    finally:
        server.close()


def test_one_that_hangs_is_not_waited_for_longer_than_it_may(haproxy: HAProxy) -> None:
    found = switch(settings(haproxy, timeout="200ms"), UNITS)
    haproxy.freeze()
    try:
        with pytest.raises(TargetError, match="HAProxy does not answer: timed out"):
            found.sight()
    finally:
        haproxy.freeze(thaw=True)
    assert found.sight().shares


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"backend": "shop; shutdown sessions server x"}, "is not a name in HAProxy"),
        ({"servers": {"web1": "a\nset server shop/web2 state maint"}}, "is not a name in HAProxy"),
        ({"pools": {"blue": ["web1"], "green": ["web1"]}}, "a unit is in both pools"),
        ({"pools": {"blue": ["web1"]}}, "there are 1 pools; declare two"),
        ({"pools": {"blue": ["web1"], "green": ["web9"]}}, 'a pool names "web9", and the target has no such unit'),
        ({"socket": "admin.sock"}, "is not where HAProxy listens"),
        ({"switch": "nginx"}, r"there is no traffic switch \"nginx\" \(known: haproxy, kubernetes_service\)"),
    ],
)
def test_settings_that_could_be_something_else_are_refused(haproxy: HAProxy, change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        switch(settings(haproxy, **change), UNITS)


# The file of flags.


def flags(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())["flags"]
    return found


def test_other_flags_are_left_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    other = {"state": "ENABLED", "variants": {"a": 1, "b": 2}, "defaultVariant": "a", "targeting": {"if": [True, "b"]}}
    whole = {"$schema": "https://flagd.dev/schema/v0/flags.json", "flags": {"other": other}, "$evaluators": {"x": {}}}
    path.write_text(json.dumps(whole))
    path.chmod(0o640)
    name, found = flag({"file": str(path), "name": "new-checkout"})
    found.shift(Share(name, 2500), TOKEN)
    after = json.loads(path.read_text())
    assert after["flags"].pop("new-checkout")["targeting"] == {"fractional": [["on", 2500], ["off", 7500]]}
    assert after == whole
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_late_actor_is_refused_by_the_file(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    name, found = flag({"file": str(path), "name": "new-checkout"})
    found.shift(Share(name, ALL), LATER)
    before = path.read_bytes()
    with pytest.raises(FencedError, match=r"the flag new-checkout has seen the token 1\.6, and ours is 1\.5"):
        found.shift(Share(name, 0), TOKEN)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "it is no JSON"),
        ("[]", "it is no mapping"),
        ('{"flags": []}', "its flags are no mapping"),
        (
            '{"flags": {"f": {"variants": {"on": true, "off": false}, "state": "DISABLED"}}}',
            "or is disabled",
        ),
        ('{"flags": {"f": {"variants": {"red": 1}, "state": "ENABLED", "defaultVariant": "red"}}}', "other variants"),
        ('{"flags": {"f": null}}', "not as Tidegate writes it"),
        (
            (
                '{"flags": {"f": {"variants": {"on": true, "off": false}, "state": "ENABLED", "defaultVariant": "off",'
                ' "targeting": {"if": [true, "on"]}}}}'
            ),
            "not as Tidegate writes it",
        ),
        ("[" * 100_000, "it is no JSON"),
    ],
)
def test_a_file_or_flag_of_somebody_else_is_not_touched(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "flags.json"
    path.write_text(text)
    _, found = flag({"file": str(path), "name": "f"})
    for act in (found.sight, lambda: found.shift(Share("f", 0), TOKEN)):
        with pytest.raises(TargetError, match=said):
            act()
    assert path.read_text() == text


def test_a_link_in_the_way_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "flags.json.draft").symlink_to(victim)
    _, found = flag({"file": str(tmp_path / "flags.json"), "name": "f"})
    with pytest.raises(TargetError, match="the file of flags cannot be written"):
        found.shift(Share("f", ALL), TOKEN)
    assert victim.read_text() == "mine"


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    _, found = flag({"file": str(tmp_path / "none" / "flags.json"), "name": "f"})
    with pytest.raises(TargetError, match="no lock can be made beside it"):
        found.shift(Share("f", ALL), TOKEN)


@pytest.mark.parametrize("points", [0, 1000, 5000, ALL])
def test_a_real_client_of_flags_sees_the_share(tmp_path: Path, points: int) -> None:
    """OpenFeature with its provider of flagd, reading the file itself, asks for 400 users."""
    from openfeature import api
    from openfeature.contrib.provider.flagd import FlagdProvider
    from openfeature.contrib.provider.flagd.config import ResolverType
    from openfeature.evaluation_context import EvaluationContext

    path = tmp_path / "flags.json"
    name, found = flag({"file": str(path), "name": "new-checkout"})
    found.shift(Share(name, points), TOKEN)
    provider = FlagdProvider(resolver_type=ResolverType.FILE, offline_flag_source_path=str(path))
    api.set_provider_and_wait(provider)
    try:
        client = api.get_client()
        users = [EvaluationContext(targeting_key=f"user-{number}") for number in range(400)]
        on = sum(client.get_boolean_value(name, False, user) for user in users)
    finally:
        api.shutdown()
    # The hash of 400 users is what it is; a share that was written wrongly would be far off.
    assert abs(on - 400 * points / ALL) <= (0 if points in (0, ALL) else 40)


def test_a_unit_that_refuses_a_late_actor_is_left_in_the_traffic(haproxy: HAProxy, tmp_path: Path) -> None:
    """HAProxy itself lets it in: it was reloaded since, or takes no variable."""
    unit = SimulatorDriver(Target("shop", "production"), SimulatedWorld(UNITS))
    unit.write_way_back("web1", b"{}", LATER)
    driver = SwitchedDriver(unit, switch(settings(haproxy), UNITS))
    effect = Effect("r1", "wave-1", "web1", 1, "shop", "production", Act.DEPLOY, TO)
    package = tmp_path / "package"
    package.write_bytes(b"")
    with pytest.raises(FencedError):
        driver.apply(effect, package, TOKEN)
    found = [line.split() for line in haproxy.ask("show servers state shop").splitlines()[2:] if line]
    assert {row[3]: row[6] for row in found} == {"web1": "0", "web2": "0", "web3": "0"}
