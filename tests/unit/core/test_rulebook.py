from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tidegate.core.canonical import digest
from tidegate.core.policy import Policy
from tidegate.core.rulebook import MAX_MISTAKES, Rulebook, RulebookError, compile_policy, policy_of, rulebook_of
from tidegate.errors import PolicyError, StoreError

LEAST: dict[str, Any] = {"tidegate": 1, "organization": "7D", "timezone": "America/Los_Angeles"}
PEOPLE = {"alice": {"name": "Alice", "groups": ["billing-owners"]}}
STAGING = {"staging": {"purpose": "staging"}}
TESTS = {"evidence": "junit", "pass": "tests.failed == 0"}


def compiled(**sections: Any) -> Rulebook:
    return compile_policy(Policy.model_validate_json(json.dumps(LEAST | sections)), "sha256:0")


def mistakes(**sections: Any) -> list[RulebookError]:
    with pytest.raises(RulebookError) as caught:
        compiled(**sections)
    assert caught.value.what == caught.value.mistakes[0].what
    return list(caught.value.mistakes)


def the_mistake(**sections: Any) -> RulebookError:
    found = mistakes(**sections)
    assert len(found) == 1, [mistake.what for mistake in found]
    return found[0]


def key(body: bytes = b"\0\0\0\x20" + b"k" * 32) -> str:
    blob = b"\0\0\0\x0bssh-ed25519" + body
    return f"ssh-ed25519 {base64.b64encode(blob).decode()} somebody@somewhere"


def test_a_rulebook_holds_what_is_compiled() -> None:
    train = {"of": {"kind": "service"}, "every": "day at 10:00", "from": "2026-01-01", "to": "staging"}
    rulebook = compiled(gates={"tests": TESTS}, components={"c": {}}, trains={"t": train}, environments=STAGING)
    assert set(rulebook.conditions) == {"tests"}
    assert set(rulebook.timetables) == {"t"}
    assert (rulebook.tz.key, rulebook.digest) == ("America/Los_Angeles", "sha256:0")


UNKNOWN: list[tuple[dict[str, Any], tuple[str | int, ...], str]] = [
    (
        {"permits": {"start": ["alicia"]}},
        ("permits", "start", 0),
        'unknown person or group "alicia"; did you mean "alice"?',
    ),
    (
        {"environments": {"s": {"purpose": "staging", "permits": {"hold": ["ops"]}}}},
        ("environments", "s", "permits", "hold", 0),
        'unknown person or group "ops"',
    ),
    (
        {"components": {"c": {"owners": "billing-owner"}}},
        ("components", "c", "owners"),
        'unknown group "billing-owner"; did you mean "billing-owners"?',
    ),
    (
        {"components": {"c": {"targets": {"stagin": {"driver": "host"}}}}, "environments": STAGING},
        ("components", "c", "targets", "stagin"),
        'unknown environment "stagin"; did you mean "staging"?',
    ),
    (
        {"components": {"c": {"config": {"prod": "a.toml"}}}},
        ("components", "c", "config", "prod"),
        'unknown environment "prod"',
    ),
    (
        {"release_types": {"m": {"bump": "minor", "gates": ["tets"]}}, "gates": {"tests": TESTS}},
        ("release_types", "m", "gates", 0),
        'unknown gate "tets"; did you mean "tests"?',
    ),
    (
        {"release_types": {"m": {"bump": "minor", "approvals": [{"from": "cab"}]}}},
        ("release_types", "m", "approvals", 0, "from"),
        'unknown group "cab"',
    ),
    (
        {"adoption": {"approvals": [{"from": "billing-owner"}]}},
        ("adoption", "approvals", 0, "from"),
        'unknown group "billing-owner"; did you mean "billing-owners"?',
    ),
    (
        {"environments": {"s": {"purpose": "staging", "gates": ["x"]}}},
        ("environments", "s", "gates", 0),
        'unknown gate "x"',
    ),
    (
        {"environments": {"s": {"purpose": "staging", "after": [{"environment": "t"}]}}},
        ("environments", "s", "after", 0, "environment"),
        'unknown environment "t"',
    ),
    (
        {
            "calendar": {"blackouts": [{"name": "b", "from": "2026-01-01", "to": "2026-01-02", "except": ["hotfx"]}]},
            "release_types": {"hotfix": {"bump": "patch"}},
        },
        ("calendar", "blackouts", 0, "except", 0),
        'unknown release type "hotfx"; did you mean "hotfix"?',
    ),
    (
        {"calendar": {"blackouts": [{"name": "b", "from": "2026-01-01", "to": "2026-01-02", "environments": ["p"]}]}},
        ("calendar", "blackouts", 0, "environments", 0),
        'unknown environment "p"',
    ),
    (
        {"watch": {"p": {"for": "1h", "roll_back_when": [{"health_check": "failed"}]}}},
        ("watch", "p"),
        'unknown environment "p"',
    ),
    (
        {"gates": {"tests": TESTS | {"evidence": ["junti"]}}},
        ("gates", "tests", "evidence", 0),
        'unknown kind of evidence "junti"; did you mean "junit"?',
    ),
]


@pytest.mark.parametrize(("sections", "path", "sentence"), UNKNOWN)
def test_a_name_that_leads_nowhere(sections: dict[str, Any], path: tuple[str | int, ...], sentence: str) -> None:
    found = the_mistake(people=PEOPLE, **sections)
    assert found.path == path
    assert found.what == sentence
    assert found.remedy.startswith(("name one of: ", "declare it under "))


def train(**settings: Any) -> dict[str, Any]:
    return {"t": {"every": "day at 10:00", "from": "2026-01-01", "to": "staging"} | settings}


@pytest.mark.parametrize(
    ("settings", "path", "sentence"),
    [
        ({"of": {"component": "d"}}, ("trains", "t", "of", "component"), 'unknown component "d"'),
        ({"of": {"kind": "servce"}}, ("trains", "t", "of", "kind"), 'unknown kind of component "servce"; did you mean'),
        ({"of": {"kind": "service"}, "to": "moon"}, ("trains", "t", "to"), 'unknown environment "moon"'),
    ],
)
def test_a_train_of_nothing_or_to_nowhere(settings: dict[str, Any], path: tuple[str, ...], sentence: str) -> None:
    found = the_mistake(components={"c": {}}, environments=STAGING, trains=train(**settings))
    assert (found.path, found.what[: len(sentence)]) == (path, sentence)


def test_owners_are_asked_of_every_component_that_can_be_released() -> None:
    components = {"a": {"owners": "billing-owners"}, "b": {}}
    kinds = {"minor": {"bump": "minor", "approvals": [{"from": "$owners"}]}}
    found = the_mistake(people=PEOPLE, components=components, release_types=kinds)
    assert found.path == ("components", "b")
    assert found.what == 'component "b" has no owners, whom release_types.minor asks for approval'
    assert found.remedy == "add owners: to components.b"


def test_an_environment_asks_owners_only_of_the_components_that_go_there() -> None:
    environments = {"s": {"purpose": "staging", "approvals": [{"from": "$owners"}]}}
    assert set(compiled(components={"b": {}}, environments=environments).policy.components) == {"b"}
    going = {"b": {"targets": {"s": {"driver": "host"}}}}
    assert the_mistake(components=going, environments=environments).path == ("components", "b")


@pytest.mark.parametrize(
    ("after", "sentence"),
    [
        ({"a": ["a"]}, 'environment "a" comes after itself'),
        ({"a": ["b"], "b": ["a"]}, 'environment "a" can never be reached: a after b after a'),
        ({"a": ["b"], "b": ["c"], "c": ["a"]}, 'environment "a" can never be reached: a after b after c after a'),
    ],
)
def test_environments_do_not_wait_for_each_other(after: dict[str, list[str]], sentence: str) -> None:
    environments = {
        name: {"purpose": "staging", "after": [{"environment": other} for other in others]}
        for name, others in after.items()
    }
    found = the_mistake(environments=environments)
    assert (found.what, found.remedy) == (sentence, "remove one of these entries of after:")
    assert found.path == ("environments", "a", "after", 0, "environment")


def test_a_condition_is_held_against_its_evidence() -> None:
    found = the_mistake(gates={"tests": TESTS | {"pass": "tests.total > 0 && tests.fialed == 0"}})
    assert (found.path, found.offset) == (("gates", "tests", "pass"), 25)
    assert 'did you mean "failed"?' in found.what


def test_every_kind_of_a_gate_must_know_what_the_condition_names() -> None:
    found = the_mistake(gates={"tests": {"evidence": ["junit", "coverage"], "pass": "tests.failed == 0"}})
    assert found.path == ("gates", "tests", "pass")
    assert found.what.startswith('in evidence of kind coverage: unknown name "tests"')


def test_a_public_key_is_accepted() -> None:
    assert compiled(people={"a": {"name": "A", "keys": [key()]}}).policy.people["a"].keys == (key(),)


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("hunter2", "it must be one line: a type, the key in base64"),
        ("hunter2 hunter2", "it must begin with one of ssh-ed25519"),
        ("ssh-ed25519 hunter2!", "what follows its type is not base64"),
        ('command="hunter2" ' + key(), "it must begin with one of ssh-ed25519"),
        (key(body=b"short"), "its base64 does not hold a key"),
    ],
)
def test_what_is_no_public_key_is_refused_and_not_repeated(text: str, because: str) -> None:
    found = the_mistake(people={"a": {"name": "A", "keys": [text]}})
    assert found.path == ("people", "a", "keys", 0)
    assert found.what.startswith(f"this is no public key that can be trusted: {because}")
    assert "hunter2" not in found.what + found.remedy


def test_one_key_is_one_person() -> None:
    other_comment = key().replace("somebody", "nobody")
    people = {"a": {"name": "A", "keys": [key(), other_comment]}, "b": {"name": "B", "keys": [other_comment]}}
    found = the_mistake(people=people)
    assert found.path == ("people", "b", "keys", 0)
    assert found.what == "b and a have the same key, so that nobody could tell who signs"


def test_nobody_is_called_as_tidegate_itself_acts() -> None:
    found = the_mistake(people={"tidegate": {"name": "T"}})
    assert found.at_key
    assert found.what.startswith('a person cannot be called "tidegate"')


def test_a_name_is_a_person_or_a_group() -> None:
    found = the_mistake(people={"ops": {"name": "O", "groups": ["ops"]}})
    assert (found.path, found.what) == (("people", "ops"), '"ops" is the name of a person and of a group')


def test_mistakes_are_told_together_and_bounded() -> None:
    gates = [f"g{i}" for i in range(1000)]
    found = mistakes(environments={"s": {"purpose": "staging", "gates": gates}})
    assert len(found) == MAX_MISTAKES


def test_a_stored_policy_is_compiled_once_and_only_as_what_its_digest_names() -> None:
    resolved = json.dumps(LEAST).encode()
    assert rulebook_of(resolved, digest(resolved)) is rulebook_of(bytes(bytearray(resolved)), digest(resolved))
    with pytest.raises(StoreError, match="has been changed") as caught:
        rulebook_of(resolved.replace(b"7D", b"8D"), digest(resolved))
    assert "tidegate audit verify" in caught.value.remedy


def test_a_policy_stored_by_another_version_says_so() -> None:
    with pytest.raises(PolicyError) as caught:
        policy_of(json.dumps(LEAST | {"tides": 1}).encode())
    assert caught.value.what == "the stored policy cannot be read by this version of Tidegate, beginning with tides"
    assert caught.value.remedy == "run the version that adopted it, or adopt the policy file again"


def test_a_policy_has_no_owners_to_approve_its_change() -> None:
    mistake = the_mistake(people=PEOPLE, adoption={"approvals": [{"from": "billing-owners"}, {"from": "$owners"}]})
    assert mistake.path == ("adoption", "approvals", 1, "from")
    assert mistake.what == "$owners are the owners of what is released, and a policy has none"
    assert mistake.remedy == "name the group that must approve a change of the policy"


NEEDY = {"billing": {"requires": {"platform": ">=3.1 soon"}}, "platform": {}}


def test_a_requirement_that_is_none_is_a_mistake_at_its_place() -> None:
    mistake = the_mistake(components=NEEDY)
    assert mistake.path == ("components", "billing", "requires", "platform")
    assert (mistake.offset, mistake.rule) == (6, "requirement")
    assert mistake.what == '">=3.1 soon" is not a requirement on versions: soon is not a version here'
    assert mistake.remedy == "Write comparators such as >=3.1.0, ^1.2, ~1.2 or 1.x, and || between alternatives."


def test_a_policy_that_was_adopted_before_requirements_were_read_is_still_one() -> None:
    many = {f"c{number}": {"requires": {"platform": "soon"}} for number in range(2 * MAX_MISTAKES)}
    stored = json.dumps(LEAST | {"components": NEEDY | many, "gates": {"tests": TESTS}}).encode()
    assert set(rulebook_of(stored, digest(stored)).conditions) == {"tests"}
