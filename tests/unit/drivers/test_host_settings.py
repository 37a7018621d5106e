"""The settings of a host target: what they may be, and what they must never become."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.drivers.contract import Target
from tidegate.drivers.host.settings import Host, HostSettings, Ssh, fill, parse_address
from tidegate.drivers.host.transport import transport_to
from tidegate.drivers.registry import build, mistakes
from tidegate.errors import PolicyError

TARGET = Target("shop", "production")


def settings(**more: Any) -> dict[str, Any]:
    return {"driver": "host", "hosts": [{"name": "web1", "path": "/srv/shop"}], **more}


def host(**more: Any) -> dict[str, Any]:
    return settings(hosts=[{"name": "web1", "path": "/srv/shop", **more}])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("local", (None, None, None)),
        ("ssh://web1.example", ("web1.example", None, None)),
        ("ssh://deploy@web1.example:2222", ("web1.example", "deploy", 2222)),
        ("ssh://deploy@[fd00::1]:22", ("fd00::1", "deploy", 22)),
    ],
)
def test_an_address_is_this_machine_or_one_over_ssh(
    text: str, expected: tuple[str | None, str | None, int | None]
) -> None:
    address = parse_address(text)
    assert (address.host, address.user, address.port) == expected


HOSTILE_ADDRESSES = [
    "", "web1", "http://web1", "ssh://", "ssh://-oProxyCommand=x", "ssh://-oProxyCommand=x@web1", "ssh://user@-web1",
    "ssh://a b", "ssh://a;b", "ssh://$(x)", "ssh://a`b`", "ssh://a\nb", "ssh://u@a:0", "ssh://u@a:99999", "ssh://u@a:22x",
    "ssh://%h", "ssh://u:p@a", "ssh://a/path", "ssh://[::1", "LOCAL",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE_ADDRESSES)
def test_what_ssh_could_take_for_something_else_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="is not an address; write local, or ssh://user@host:port"):
        parse_address(text)


@given(st.text(max_size=40))
def test_no_address_becomes_an_option(text: str) -> None:
    try:
        parse_address("ssh://" + text)
    except ValueError:
        return
    argv = transport_to(Host(name="web1", path="/srv/x", address="ssh://" + text), Ssh(), b"").argv
    destination = argv[argv.index("--") + 1]
    assert len(argv) == argv.index("--") + 3
    assert not destination.startswith("-")
    assert not argv[argv.index("-l") + 1].startswith("-") if "-l" in argv else True


MISTAKES = [
    (
        {"driver": "kubernets", "hosts": []},
        'there is no driver "kubernets"; did you mean "kubernetes"? (known: akeeba, ',
    ),
    (settings(hosts=[]), "hosts is empty; write at least one entry"),
    (settings(hosts=3), "hosts is 3, expected a list"),
    (settings(hosts=[{"name": True, "path": {}}]), "name is true, expected a text"),
    (settings(hosts=[{"name": "a", "path": {}}]), "path is a mapping, expected a text"),
    (settings(hosts=["web1"]), 'hosts[0] is "web1", expected a mapping'),
    (
        settings(hosts=[{"name": f"h{n}", "path": f"/srv/{n}"} for n in range(1001)]),
        "hosts has more than 1,000 entries",
    ),
    (settings(health={"command": ["x"], "url": 1}), 'unknown key "url"; see the keys of this driver in docs/drivers'),
    (settings(health={"url": 1}), "url is 1, expected a text"),
    (settings(health={}), 'the target has no key "url"; add url:'),
    (settings(health=3), "health is 3, expected a mapping"),
    (settings(restart=[1]), "restart[0] is 1, expected a text"),
    (settings(restrat=["x"]), 'unknown key "restrat"'),
    (settings(restart="systemctl restart shop"), 'restart is "systemctl restart shop", expected a list'),
    (settings(restart=[]), "a command is a list of arguments"),
    (settings(restart=["-rf"]), "a command is a list of arguments"),
    (settings(restart=["run me"]), "a command is a list of arguments"),
    (settings(restart=["echo", "a\0"]), "an argument cannot hold a NUL"),
    (settings(restart=["echo", "{port}"]), '{port} in "{port}" is not known for host web1; known: host, path, release'),
    (settings(metrics="http://h:{port}/metrics"), '{port} in "http://h:{port}/metrics" is not known'),
    (settings(metrics="file:///etc/passwd"), "is not an http or https address"),
    (settings(metrics="http://u:p@h/metrics"), "is not an http or https address without credentials"),
    (settings(keep=0), "keep is 0, expected at least 1"),
    (settings(keep=101), "keep is 101, expected at most 100"),
    (settings(keep=1.5), "keep is 1.5, expected a whole number"),
    (settings(ssh={"config": 3}), "config is 3, expected a text"),
    (settings(health_timeout="0s"), "a time-out is more than 0"),
    (settings(ssh={"identity": "-oProxyCommand=x"}), "is not a path that SSH reads as one"),
    (settings(ssh={"known_hosts": "/a b"}), "is not a path that SSH reads as one"),
    (host(name="-x"), "is not a host's name"),
    (host(name="a/b"), "is not a host's name"),
    (host(path="srv"), "is not an absolute path"),
    (host(path="/"), "is not an absolute path"),
    (host(path="/srv/../etc"), "is not an absolute path"),
    (host(path="/srv/a\nb"), "is not an absolute path"),
    (host(address="ssh://-x"), "is not an address"),
    (host(python="-c"), '"-c" is not a program; write its name, such as python3'),
    (host(values=1), "values is 1, expected a mapping"),
    (host(values={"port": "-8"}), "cannot stand in an argument"),
    (host(values={"port": "{host}"}), "cannot stand in an argument"),
    (host(values={"host": "x"}), "is not a name for a value"),
    (
        settings(hosts=[{"name": "a", "path": "/srv/x"}, {"name": "a", "path": "/srv/y"}]),
        "two hosts have the same name: a",
    ),
    (
        settings(hosts=[{"name": "a", "path": "/srv/x"}, {"name": "b", "path": "/srv/x"}]),
        "two hosts have the same place",
    ),
]


@pytest.mark.parametrize(("wrong", "sentence"), MISTAKES, ids=[sentence[:30] for _, sentence in MISTAKES])
def test_a_mistake_is_named(wrong: dict[str, Any], sentence: str) -> None:
    assert any(sentence in what for _, what in mistakes(TARGET, wrong))
    with pytest.raises(PolicyError) as raised:
        build(TARGET, wrong)
    assert raised.value.where.startswith("components.shop.targets.production")


def test_a_mistake_says_where_it_is() -> None:
    wrong = settings(hosts=[{"name": "ok", "path": "/srv/x"}, {"name": "-x", "path": "y"}])
    assert [path for path, _ in mistakes(TARGET, wrong)] == [("hosts", 1, "name"), ("hosts", 1, "path")]
    assert [path for path, _ in mistakes(TARGET, settings(health={"url": 1}))] == [("health", "url")]
    assert [path for path, _ in mistakes(TARGET, settings(health={"status": 99}))] == [
        ("health", "url"),
        ("health", "status"),
    ]
    assert [path for path, _ in mistakes(TARGET, host(values={"host": "x"}))] == [("hosts", 0, "values", "host")]
    with pytest.raises(PolicyError) as raised:
        build(TARGET, wrong)
    assert len(raised.value.mistakes) == 2


def test_values_fill_placeholders_once_and_inside_single_arguments() -> None:
    assert fill("{a}-{b}", {"a": "{b}", "b": "x y"}) == "{b}-x y"
    assert fill('{"json": 1} {}', {}) == '{"json": 1} {}'


def test_a_host_has_values_of_its_own() -> None:
    driver = build(TARGET, {**host(values={"port": 8081}), "metrics": "http://127.0.0.1:{port}/metrics"})
    assert driver.counts_source("web1") == "http://127.0.0.1:8081/metrics"


def test_ssh_is_told_to_ask_nobody_and_trust_no_stranger() -> None:
    argv = transport_to(Host(name="web1", path="/srv/x", address="ssh://u@h:2222"), Ssh(), b"").argv
    assert argv[0] == "ssh"
    assert {"BatchMode=yes", "StrictHostKeyChecking=yes", "ClearAllForwardings=yes"} <= set(argv)
    assert argv[argv.index("-p") + 1] == "2222"
    assert HostSettings.model_validate(settings()).keep == 3
