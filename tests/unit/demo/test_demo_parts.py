"""The parts of the demo that are pure: what customers saw, the two policies, how a command is shown."""

from __future__ import annotations

import shlex
from math import inf
from pathlib import Path

import pytest

from tidegate.demo.policies import Host, differences, real_policy, rehearsal_policy
from tidegate.demo.stage import folded
from tidegate.demo.traffic import Answer, harm_of
from tidegate.errors import InternalError

HOSTS = [
    Host("stage1", "staging", Path("/tmp/a b/stage1"), 18001),
    Host("web1", "production", Path("/tmp/a b/web1"), 18002),
]
KEYS = dict.fromkeys(("alice", "bob", "carol", "rita"), "ssh-ed25519 AAAA x")


def answer(at: float, host: str, version: str, status: int = 200) -> Answer:
    return Answer(at, host, version, status, 0)


def test_no_failed_request_is_no_harm() -> None:
    assert harm_of([answer(1, "web1", "1.1.0"), answer(2, "web1", "1.1.0", 404)], "1.2.0") is None


def test_harm_lasts_from_the_first_bad_answer_until_every_host_is_well_again() -> None:
    harm = harm_of(
        [
            answer(1, "web1", "1.2.0"),  # the bad version answers some requests well
            answer(2, "web1", "1.2.0", 500),
            answer(3, "web2", "1.2.0", 500),
            answer(4, "web1", "1.2.0"),
            answer(5, "web2", "1.1.0"),
            answer(6, "web1", "1.2.0", 500),
            answer(7, "web3", "1.1.0"),
            answer(8, "web1", "1.2.0"),
            answer(9, "web1", "1.1.0"),
        ],
        "1.2.0",
    )
    assert harm is not None
    assert (harm.requests, harm.failed, harm.hosts, harm.versions) == (9, 3, ("web1", "web2"), ("1.2.0",))
    assert (harm.first_bad_at, harm.recovered_at, harm.lasted_s) == (2, 9, 7)


def test_a_host_that_is_never_well_again_has_not_recovered() -> None:
    harm = harm_of([answer(1, "web1", "1.2.0", 500), answer(2, "web1", "1.2.0")], "1.2.0")
    assert harm is not None
    assert harm.recovered_at == inf


def test_a_request_that_no_host_took_has_failed() -> None:
    assert answer(1, "", "", 0).failed


def test_the_rehearsal_differs_in_what_it_shortens_alone() -> None:
    real = real_policy(HOSTS, KEYS)
    assert "@" not in real.replace("@7d.example", "")
    changed = [line for line in differences(real, rehearsal_policy(real)) if line[:3] not in ("---", "+++")]
    assert [line[0] for line in changed].count("-") == 6
    assert changed[0] == '+rehearsal: "times are shortened, and no train is waited for"'


def test_a_policy_without_what_is_to_be_shortened_is_a_fault_of_the_demo() -> None:
    with pytest.raises(InternalError, match="the demo's policy holds 'soak: 24h' 0 times"):
        rehearsal_policy(real_policy(HOSTS, KEYS).replace("soak: 24h", "soak: 48h"))


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_a_folded_command_is_the_same_command_to_a_shell(width: int) -> None:
    argv = ["tidegate", "approve", "billing-1.1.0", "--for", "production", "--as", "alice", "--key", "../my keys/alice"]
    lines = folded(argv, width)
    assert shlex.split("\n".join(lines).replace("\\\n", " ").removeprefix("$")) == argv
    assert all(len(line) <= width for line in lines)
