from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tidegate.core.policy import Policy, Rolling, Skippable, WindowRule
from tidegate.core.rulebook import policy_of, resolved_of

LEAST: dict[str, Any] = {"tidegate": 1, "organization": "7D", "timezone": "America/Los_Angeles"}


def policy(**sections: Any) -> Policy:
    return Policy.model_validate_json(json.dumps(LEAST | sections))


def refused(sentence: str, **sections: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        policy(**sections)
    assert sentence in str(caught.value)


def test_the_least_policy_permits_nothing() -> None:
    least = policy()
    assert (least.environments, least.people, least.permits.start) == ({}, {}, ())
    assert least.people_of("anybody") == frozenset()


@pytest.mark.parametrize("key", list(LEAST))
def test_what_is_required_cannot_be_left_out(key: str) -> None:
    with pytest.raises(ValidationError, match="Field required"):
        Policy.model_validate_json(json.dumps({k: v for k, v in LEAST.items() if k != key}))


def test_nothing_is_coerced() -> None:
    refused("valid boolean", people={"a": {"name": "A", "disabled": "true"}})
    refused("valid integer", release_types={"m": {"bump": "minor", "approvals": [{"from": "g", "count": "2"}]}})
    refused("valid string", rehearsal=1)


@pytest.mark.parametrize("name", ["", "a b", ".a", "-a", "a" * 64, "ä", "a\n", "a/b"])
def test_a_name_is_plain(name: str) -> None:
    refused("is not a name; use letters, digits, dot, dash and underscore, at most 63", gates={name: {}})


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("../x", "is outside the repository; write a path inside it, such as modules/billing"),
        ("a/../../b", "is outside the repository"),
        ("/etc", "is outside the repository"),
        ("~/x", "is outside the repository"),
        ("-rf", "is not a plain path"),
        (":(top)x", "is not a plain path"),
        ("a\\b", "is not a plain path"),
        ("a//b", "is not a plain path"),
        ("./a", "is not a plain path"),
        ("a\nb", "is not a plain path"),
        ("a\0b", "is not a plain path"),
    ],
)
def test_a_component_path_stays_inside_the_repository(path: str, sentence: str) -> None:
    refused(sentence, components={"c": {"path": path}})


def test_a_path_may_end_with_a_slash() -> None:
    assert policy(components={"c": {"path": "modules/c/"}}).components["c"].path == "modules/c"


def test_a_version_file_may_lie_above_its_component() -> None:
    files = ("package.json", "../../package-lock.json")
    assert (
        policy(components={"c": {"path": "modules/c", "version_files": files}}).components["c"].version_files == files
    )
    for path in ("../", "..", "a/../b", "/a", "../-rf", "../../a//b"):
        refused("", components={"c": {"version_files": (path,)}})


@pytest.mark.parametrize(
    ("tag", "sentence"),
    [
        ("billing", 'tag "billing" must contain {version} exactly once; write billing-v{version}'),
        ("{version}{version}", "exactly once"),
        ("{name}-{version}", "has braces besides {version}"),
        ("a b{version}", "makes no tag that Git accepts"),
        ("-{version}", "makes no tag that Git accepts"),
        ("a..{version}", "makes no tag that Git accepts"),
        ("{version}.lock", "makes no tag that Git accepts"),
        ("{version}/", "makes no tag that Git accepts"),
        ("v{version}^", "makes no tag that Git accepts"),
    ],
)
def test_a_tag_format_has_the_version_once_and_is_one_for_git(tag: str, sentence: str) -> None:
    refused(sentence, components={"c": {"tag": tag}})


def test_a_private_key_is_not_repeated() -> None:
    secret = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0"
    with pytest.raises(ValidationError) as caught:
        policy(people={"a": {"name": "A", "keys": [secret]}})
    sentences = [str(error["ctx"]["error"]) for error in caught.value.errors()]
    assert sentences == ["this is a private key, and no longer a secret; make a new one, and write its .pub file here"]


def strategy(batch: object) -> dict[str, Any]:
    return {"production": {"purpose": "production", "strategy": {"rolling": {"batch": batch}}}}


@pytest.mark.parametrize(("written", "meant"), [("25%", 0.25), ("12.5 %", 0.125), (1, 1), (3, 3)])
def test_a_batch_is_a_share_or_a_number(written: object, meant: float) -> None:
    rolling = policy(environments=strategy(written)).environments["production"].strategy.rolling
    assert rolling == Rolling(batch=meant)
    assert type(rolling.batch) is type(meant)


@pytest.mark.parametrize("batch", ["0%", "101%", "25", 0, -1, 0.25, True, "%", "٢%"])
def test_what_is_no_batch_is_refused(batch: object) -> None:
    refused("is not a batch; write a share such as 25%, or a number of hosts such as 1", environments=strategy(batch))


def test_a_batch_of_all_hosts_is_the_other_strategy() -> None:
    # Stored, 100 % would be equal to the default of one host, and left out.
    refused("a batch of 100% is no batch; write recreate: {} in place of rolling:", environments=strategy("100%"))


@pytest.mark.parametrize("limit", ["5%", "> 0%", "> 100%", ">= 5%", 5, 0.05, "> 5"])
def test_an_error_rate_is_above_a_share(limit: object) -> None:
    watch = {"for": "1h", "metrics": {"requests": "a", "errors": "b"}, "roll_back_when": [{"error_rate": limit}]}
    refused('is not a limit above 0 % and below 100 %; write "> 5%"', watch={"production": watch})


@pytest.mark.parametrize(
    ("sections", "sentence"),
    [
        ({"timezone": "Mars"}, "is not an IANA time zone"),
        (
            {"trains": {"t": {"of": {}, "every": "day at 10:00", "from": "2026-01-01"}}},
            "nothing is given; write exactly",
        ),
        (
            {"trains": {"t": {"of": {"kind": "a", "component": "b"}, "every": "day at 10:00", "from": "2026-01-01"}}},
            "kind and component are given together; write exactly one of kind and component",
        ),
        ({"trains": {"t": {"of": {"kind": "a"}, "every": "day at 10:00", "from": "9999-12-31"}}}, "is out of reach"),
        (
            {"trains": {"t": {"of": {"kind": "a"}, "every": "day at 10:00", "from": "2026-01-01", "lasts": "0s"}}},
            "write a duration above 0s",
        ),
        (
            {"calendar": {"blackouts": [{"name": "x", "from": "2026-02-02", "to": "2026-02-01"}]}},
            "the blackout ends on 2026-02-01, before it starts on 2026-02-02; swap the two",
        ),
        ({"watch": {"p": {"for": "1h", "roll_back_when": []}}}, "at least 1 item"),
        (
            {"watch": {"p": {"for": "1h", "roll_back_when": [{}]}}},
            "exactly one of error_rate and response_time and health_check",
        ),
        (
            {"watch": {"p": {"for": "1h", "roll_back_when": [{"error_rate": "> 5%"}]}}},
            "error_rate has nothing to count; add metrics:",
        ),
        ({"environments": {"p": {"purpose": "production", "strategy": {}}}}, "exactly one of rolling and recreate and"),
        ({"communication": [{"on": "release.opened", "to": "file:a\nb", "say": "status"}]}, "is neither a channel nor"),
        ({"organization": "a\nb"}, "has a line break or a control character"),
        ({"people": {"a": {"name": "A", "email": "nobody"}}}, "is not a mail address; write alice@example.org"),
    ],
)
def test_what_makes_no_sense_by_itself_is_refused(sections: dict[str, Any], sentence: str) -> None:
    refused(sentence, **sections)


@pytest.mark.parametrize(
    ("days", "count"), [("mon-sun", 7), ("mon-thu", 4), ("fri-mon", 4), ("tue", 1), ("mon, wed ,fri", 3)]
)
def test_the_days_of_a_window(days: str, count: int) -> None:
    assert len(WindowRule(days=days).window().days) == count


@pytest.mark.parametrize("days", ["", "mon-", "-mon", "mon-tue-wed", "mon,,tue", "mo"])
def test_days_that_are_none_are_refused(days: str) -> None:
    with pytest.raises(ValidationError, match="is not a day of the week; write one such as tuesday or tue"):
        WindowRule(days=days)


def test_a_window_ends_at_24_and_does_not_begin_there() -> None:
    assert WindowRule.model_validate({"to": "24:00"}).window().closes is None
    with pytest.raises(ValidationError, match="is not a time of day"):
        WindowRule.model_validate({"from": "24:00"})


def test_people_of_a_group_leaves_out_the_disabled() -> None:
    people = {
        "a": {"name": "A", "groups": ["g"]},
        "b": {"name": "B", "groups": ["g"], "disabled": True},
        "c": {"name": "C"},
    }
    assert policy(people=people).people_of("g") == {"a"}


def test_the_trains_of_a_component_are_those_of_its_kind_and_its_name() -> None:
    train = {"every": "day at 10:00", "from": "2026-01-01"}
    loaded = policy(
        components={"billing": {"kind": "module"}},
        trains={
            "modules": train | {"of": {"kind": "module"}},
            "billing": train | {"of": {"component": "billing"}},
            "sites": train | {"of": {"kind": "site"}},
        },
    )
    assert list(loaded.trains_of("billing")) == ["modules", "billing"]
    assert loaded.trains_of("unknown") == {}


FULL: dict[str, Any] = {
    "people": {"a": {"name": "A", "groups": ["g"]}},
    "components": {"c": {"targets": {"p": {"driver": "host", "hosts": ["x"], "keep": 3}}}},
    "trains": {"t": {"of": {"kind": "service"}, "every": "day at 10:00", "from": "2026-01-01", "lasts": "90m"}},
    "release_types": {"m": {"bump": "minor", "notice": "24h", "skips": ["windows", "train"]}},
    "environments": strategy("25%"),
    "watch": {
        "production": {
            "for": "60m",
            "metrics": {"requests": "a", "errors": "b"},
            "roll_back_when": [{"error_rate": "> 5.0%"}],
        }
    },
}


def test_the_stored_form_reads_back_as_the_same_policy() -> None:
    full = policy(**FULL)
    assert policy_of(resolved_of(full)) == full
    assert full.trains["t"].starts == date(2026, 1, 1)
    assert full.release_types["m"].skips == {Skippable.WINDOWS, Skippable.TRAIN}
    assert full.watch["production"].lasts == timedelta(hours=1)


def test_the_stored_form_does_not_depend_on_how_the_same_is_written() -> None:
    other = {key: FULL[key] for key in reversed(FULL)}
    other["release_types"] = {"m": {"skips": ["train", "windows"], "notice": "1d", "bump": "minor", "gates": []}}
    other["calendar"] = {"blackouts": []}
    other["permits"] = {}
    other["trains"] = {"t": FULL["trains"]["t"] | {"to": "production", "lasts": "1h30m"}}
    assert resolved_of(policy(**other)) == resolved_of(policy(**FULL))


def test_the_stored_form_tells_what_is_meant_apart() -> None:
    forms = {
        resolved_of(policy(environments={"p": {"purpose": "staging"}})),
        resolved_of(policy(environments={"p": {"purpose": "staging", "windows": []}})),
        resolved_of(policy(environments={"p": {"purpose": "staging", "strategy": {"rolling": {}}}})),
        resolved_of(policy(environments={"p": {"purpose": "staging", "strategy": {"rolling": {"batch": 2}}}})),
    }
    assert len(forms) == 4


def test_the_defaults_of_version_1_of_the_language_never_change() -> None:
    """A stored policy leaves its defaults out: another default would change what was adopted, under the same digest."""
    defaults = policy(
        components={"c": {}},
        trains={"t": {"of": {"kind": "service"}, "every": "day at 10:00", "from": "2026-01-01"}},
        calendar={"blackouts": [{"name": "b", "from": "2026-01-01", "to": "2026-01-01"}]},
        release_types={"r": {"bump": "minor", "approvals": [{"from": "g"}]}},
        gates={"g": {"evidence": "junit", "pass": "x"}},
        environments={
            "p": {
                "purpose": "staging",
                "after": [{"environment": "q"}],
                "windows": [{}],
                "freeze": {"before": "1d"},
                "strategy": {"rolling": {}},
            },
            "q": {"purpose": "staging"},
        },
        people={"a": {"name": "A"}},
        watch={"p": {"for": "1h", "roll_back_when": [{"health_check": "failed"}]}},
    ).model_dump(mode="json", by_alias=True)
    environment = defaults["environments"]
    # Keys that came later are left out by older policies too; a test of its own holds that each of them may be.
    assert (
        defaults["components"]["c"].items()
        >= {
            "kind": "service",
            "path": ".",
            "shared": [],
            "tag": "v{version}",
            "owners": None,
            "artifact": {"archive": "package"},
            "migrations": None,
            "config": {},
            "targets": {},
        }.items()
    )
    assert defaults["people"]["a"].items() >= {"email": None, "groups": [], "keys": [], "disabled": False}.items()
    assert (defaults["trains"]["t"]["to"], defaults["trains"]["t"]["lasts"]) == ("production", None)
    blackout = defaults["calendar"]["blackouts"][0]
    assert (blackout["except"], blackout["environments"]) == ([], None)
    rule = {
        "from": "g",
        "count": 1,
        "as": None,
        "author_may": False,
        "separation": [],
        "types": [],
        "after": [],
        "lasts": None,
        "minutes": False,
    }
    assert (defaults["separation"], defaults["veto"]) == (["author", "co-author", "committer"], [])
    assert (
        defaults["release_types"]["r"].items()
        >= {
            "bump": "minor",
            "notice": None,
            "gates": [],
            "approvals": [rule],
            "skips": [],
        }.items()
    )
    assert defaults["gates"]["g"].items() >= {"evidence": ["junit"], "source": None, "pass": "x", "fresh": None}.items()
    assert environment["p"]["windows"] == [{"days": "mon-sun", "from": "00:00", "to": "24:00"}]
    assert environment["p"]["freeze"] == {"before": "1d", "allow": ["fix"]}
    assert environment["p"]["strategy"]["rolling"].items() >= {"batch": 1, "checkpoint": None}.items()
    assert environment["p"]["after"] == [{"environment": "q", "soak": None}]
    nobody: dict[str, list[str]] = {"open": [], "start": [], "rollback": [], "hold": [], "adopt": []}
    assert (
        environment["q"].items()
        >= {
            "purpose": "staging",
            "after": [],
            "gates": [],
            "approvals": [],
            "windows": None,
            "freeze": None,
            "permits": nobody,
            "assurance": "signature",
        }.items()
    )
    assert environment["q"]["strategy"]["recreate"] == {}
    assert defaults["permits"] == nobody
    assert defaults["assurance"] == "signature"
    assert (defaults["watch"]["p"]["every"], defaults["watch"]["p"]["metrics"]) == ("15s", None)


@given(st.decimals("0.000001", "99.999999", places=6))
def test_a_share_reads_back_from_its_stored_form(share: Any) -> None:
    written = policy(environments=strategy(f"{share}%"))
    assert policy_of(resolved_of(written)) == written
