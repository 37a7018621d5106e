"""A policy in plain sentences: the sentences, the golden explanation of a small policy, and any policy at all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click import unstyle
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.strategies import demands, document
from tests.support.whole_policy import TURNS, whole_policy_of
from tests.unit.policyfile.policies import GOOD
from tidegate.cli.render_explain import explanation_lines
from tidegate.core.policy import ApprovalRule, Policy
from tidegate.core.rulebook import resolved_of
from tidegate.errors import NotFoundError
from tidegate.policyfile import load_policy
from tidegate.views.explain import explain
from tidegate.views.explain.model import Explanation, Topic
from tidegate.views.explain.names import Names
from tidegate.views.explain.page import page_of
from tidegate.views.plain import plain_value

GOLDEN = Path(__file__).with_name("data") / "explained.txt"
LEAST: dict[str, Any] = {"tidegate": 1, "organization": "7D", "timezone": "America/Los_Angeles"}
PRODUCTION = {"production": {"purpose": "production"}}


def policy(**sections: Any) -> Policy:
    return Policy.model_validate_json(json.dumps(LEAST | sections))


def good() -> Policy:
    return load_policy(GOOD.encode()).policy


def below(topic: Topic) -> Iterator[Topic]:
    yield topic
    for inner in topic.topics:
        yield from below(inner)


def topics(view: Explanation) -> dict[str, Topic]:
    return {topic.id: topic for outer in view.topics for topic in below(outer)}


def sentences(topic: Topic) -> str:
    """What a topic says, with what is below it, on one line."""
    said: list[str] = []
    for one in below(topic):
        for paragraph in one.paragraphs:
            said += paragraph.sentences
            said += [f"{item.name}: {item.text}" if item.name else item.text for item in paragraph.items]
            said += [" | ".join(row) for row in paragraph.table.rows] if paragraph.table else []
    return " ".join(said)


def about(id_: str, **sections: Any) -> str:
    """What the explanation of a policy says under one topic."""
    return sentences(topics(explain(policy(**sections)))[id_])


# ---- the golden explanation


def explained() -> str:
    return unstyle("\n".join(explanation_lines(explain(good())))) + "\n"


def test_the_explanation_of_a_small_policy() -> None:
    """To take over a change that is meant: python -m tests.unit.views.test_explain."""
    assert explained() == GOLDEN.read_text("utf-8")


# ---- release types


@pytest.mark.parametrize(
    ("type_", "said"),
    [
        ({"notice": "7d"}, "minor part of the version. It is announced 7 days before it goes to production."),
        ({}, "It needs no notice."),
        ({"notice": "7d", "skips": ["notice"]}, "Its notice would be 7 days, and it does not wait for it."),
        ({"frequency": "monthly"}, "It comes monthly."),
        ({"frequency": "emergency only"}, "It comes in an emergency only."),
        ({"horizon": "1-2 months"}, "It is planned 1 to 2 months ahead."),
        ({"timeline": "1-3 days"}, "From its beginning to production it takes 1 to 3 days."),
        ({"from": "production-tag"}, "It is made from the tag that runs in production."),
        ({"allows": ["fix"]}, "It may contain only changes of the kind `fix`."),
        ({"allows": ["fix", "docs"]}, "It may contain only changes of the kinds `fix` and `docs`."),
        ({"allows": []}, "It may contain no changes of any kind."),
        ({"criteria": ["Data is lost"]}, "It may be used only for one of these reasons: Data is lost"),
        ({"skips": ["train", "soak"]}, "It does not wait for a train or for the soak time."),
        ({"afterwards": {"post_mortem": "5d"}}, "It owes a post-mortem within 5 days."),
        (
            {"afterwards": {"retrospective_approval": [{"from": "tech-leads"}], "approval_within": "24h"}},
            "Afterwards within 24 hours it takes the yes of: one of the tech leads (nobody yet)",
        ),
        ({"gates": ["nowhere"]}, "passes one gate: Nowhere: Not declared in this policy, so that it never passes."),
        ({}, "No gate stands before production. Nobody has to approve it."),
    ],
)
def test_what_a_release_type_says(type_: Mapping[str, Any], said: str) -> None:
    assert said in about("type-minor", release_types={"minor": {"bump": "minor", **type_}}, environments=PRODUCTION)


PEOPLE = {
    "alice": {"name": "Alice", "groups": ["module-team", "release-managers"]},
    "bob": {"name": "Bob", "groups": ["module-team"]},
    "carl": {"name": "Carl", "groups": ["module-team"], "disabled": True},
}
GROUPS = {"release-managers": {"title": "Release manager"}, "qa": {"title": "Quality assurance"}}


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"from": "module-team", "count": 2}, "two of the module team (Alice and Bob)"),
        ({"from": "tech-leads"}, "one of the tech leads (nobody yet)"),
        ({"from": "release-managers"}, "one release manager (Alice)"),
        ({"from": "release-managers", "count": 2}, "two release managers (Alice)"),
        ({"from": "qa", "as": "test-sign-off"}, "one person of quality assurance (nobody yet), as test sign off"),
        ({"from": "qa", "count": 3}, "three people of quality assurance (nobody yet)"),
        ({"from": "$owners"}, "one of the owners of the component"),
        ({"from": "module-team", "author_may": True}, "(Alice and Bob); here whoever wrote it counts too"),
    ],
)
def test_who_approves(rule: Mapping[str, Any], said: str) -> None:
    names = Names(policy(people=PEOPLE, groups=GROUPS))
    assert names.approval(ApprovalRule.model_validate_json(json.dumps(rule))).endswith(said)


def test_of_a_large_group_some_are_named() -> None:
    crowd = {f"p{n}": {"name": f"P{n}", "groups": ["crowd"]} for n in range(11)}
    assert Names(policy(people=crowd)).who("crowd") == "P0, P1, P2, P3, P4, P5, P6, P7 and 3 more"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["minor"], "minor releases"),
        (["minor", "major"], "minor and major releases"),
        (["hotfix"], "hotfixes"),
        (["hotfix", "minor"], "hotfixes and minor releases"),
        (["security-update"], "security updates"),
        (["emergency"], "emergency releases"),
    ],
)
def test_several_types_are_named_together(names: Iterable[str], said: str) -> None:
    assert Names(policy()).types(names) == said


# ---- the other topics


def test_a_review_that_a_type_owes_follows_the_releases_of_that_type_alone() -> None:
    sections: dict[str, Any] = {
        "release_types": {
            "minor": {"bump": "minor"},
            "emergency": {"bump": "patch", "afterwards": {"review": "urgent"}},
        },
        "reviews": {"each": {"title": "Look", "after": "2d"}, "urgent": {"title": "Look hard", "after": "5d"}},
    }
    assert "Look hard: 5 days after each emergency release." in about("reviews", **sections)
    assert "Look: 2 days after each release." in about("reviews", **sections)
    assert "Look hard" in about("type-emergency", **sections)
    assert "Look hard" not in about("type-minor", **sections)
    assert "Look" in about("type-minor", **sections)


MATRIX = {"matrix": {"high": {"high": "high"}}}


@pytest.mark.parametrize(
    ("topic", "sections", "said"),
    [
        (
            "environment-production",
            {"environments": {"production": {"purpose": "production", "access": []}}},
            "Nobody has access to it.",
        ),
        (
            "environment-production",
            {"environments": {"production": {"purpose": "production", "access": ["qa", "users"]}}},
            "Access to it is for the QA and the users.",
        ),
        (
            "environment-production",
            {"environments": {"production": {"purpose": "production", "deploy_from": ["main", "tag"]}}},
            "Only what is reachable from the branch `main` or the tag of its version may be deployed here.",
        ),
        (
            "strategies",
            {"strategies": {"a": {"canary": {"steps": [{"weight": "5%", "for": "10m"}, {"weight": "50%"}]}}}},
            "gets 5 % of the traffic for 10 minutes, then 50 % of the traffic until a person takes it on.",
        ),
        (
            "versions",
            {"branches": {"release": {"pattern": "release/v{version}", "locks_at": "code-freeze"}}},
            "From the milestone “code freeze” on it is locked.",
        ),
        (
            "components",
            {"components": {"shop": {"path": ".", "client": "acme"}}},
            "It belongs to acme.",
        ),
        (
            "undecided",
            {"targets": {"a": {"limit": "undecided", "metric": "lead_time", "title": "Time to production"}}},
            "The target of “Time to production”: Until then: it is measured",
        ),
        (
            "environment-production",
            {"environments": {"production": {"purpose": "production", "windows": [{"days": "mon-sun"}]}}},
            "A rollout may start at any time: the windows leave none out.",
        ),
        (
            "environment-production",
            {"environments": {"production": {"purpose": "production", "windows": []}}},
            "Production has no window: nothing ever starts.",
        ),
        (
            "environment-production",
            {"environments": {"production": {"purpose": "production", "deploy_from": []}}},
            "Nothing may be deployed here.",
        ),
        (
            "environment-production",
            {
                "environments": {
                    "production": {"purpose": "production", "after": [{"environment": "staging", "soak": "24h"}]}
                }
            },
            "What goes here was verified in staging before and stayed there for 24 hours.",
        ),
        (
            "environment-production",
            {"environments": {"production": {"purpose": "production", "freeze": {"before": "2d", "allow": []}}}},
            "From 2 days before it goes, no change joins.",
        ),
        (
            "changes",
            {"changes": {"risk": MATRIX}},
            "Medium | undecided; medium holds | undecided; medium holds | undecided; high",
        ),
        (
            "changes",
            {"changes": {"required": ["production"]}},
            "Nothing goes to production without an approved change request.",
        ),
        (
            "calendar",
            {"calendar": {"holidays": [{"country": "US", "subdivision": "TN", "except": ["hotfix"]}]}},
            "Nothing goes to production on the public holidays of TN in US; hotfixes go nevertheless.",
        ),
        (
            "calendar",
            {"calendar": {"blackouts": [{"name": "x", "from": "2026-12-18", "to": "2027-01-04", "environments": []}]}},
            "nothing goes nowhere: it holds in no environment",
        ),
        (
            "trains",
            {"trains": {"m": {"of": {"kind": "module"}, "every": "2 weeks on tuesday at 10:00", "from": "2026-02-10"}}},
            "`module` ride it to production every 2 weeks on Tuesday at 10:00. Its periods are counted from Tuesday 10",
        ),
        (
            "metrics",
            {"targets": {"lead_time": "< 24h"}},
            "Lead time, from commit to production | under 24 hours | `lead_time`",
        ),
        ("metrics", {"targets": {"test_coverage": "undecided"}}, "Share of the code that tests cover | undecided"),
        ("reports", {"retention": {"audit": "365d"}}, "Kept at least: the audit log for 365 days."),
        (
            "undecided",
            {"undecided": {"cover": {"what": "Required coverage", "default": "none is asked for"}}},
            "Until these are decided, their default holds: Required coverage: Until then: none is asked for.",
        ),
        (
            "undecided",
            {
                "undecided": {"c": {"what": "Required coverage", "default": "none"}},
                "decided": {"c": "Rita, 2026: 80 %"},
            },
            "Decided meanwhile: Required coverage: Rita, 2026: 80 %. Before it was: none.",
        ),
        (
            "foundation",
            {"extends": ["preset:7d@1"], "without": ["gates.a"]},
            "It builds on `preset:7d@1`; what it says itself wins. It takes out `gates.a`.",
        ),
        (
            "people",
            {"people": {"a": {"name": "A", "disabled": True}}},
            "A: Does not count any more, neither as an approver nor by what they approved before.",
        ),
        (
            "rollback",
            {"rollback": {"automatic_attempts": 0}},
            "The watch takes no release back by itself; a person decides.",
        ),
        (
            "pipelines",
            {"pipelines": {"must_have": ["build", "test", "security-scan", "deploy", "smoke"]}},
            "must build, test, scan for security, deploy and run smoke tests; one that lacks a stage is refused.",
        ),
        (
            "tasks",
            {"tasks": {"a": {"says": "Look", "due": "0-24 hours", "by": "module-team"}}},
            "Look. Due within 24 hours after it went, by the module team.",
        ),
        (
            "summary",
            {"rehearsal": "people are invented"},
            "This is a rehearsal, not the real policy: people are invented.",
        ),
        ("summary", {}, "It declares no environment: nothing can go anywhere. It declares no release type."),
    ],
)
def test_what_a_topic_says(topic: str, sections: Mapping[str, Any], said: str) -> None:
    if "targets" in sections:
        sections = {"targets": {n: t if isinstance(t, dict) else {"limit": t} for n, t in sections["targets"].items()}}
    assert said in about(topic, **sections)


# ---- narrowing


def test_a_type_is_explained_alone_with_the_points_of_its_checklists() -> None:
    items = {"a": {"says": "All tests pass"}, "b": {"says": "Load tests pass", "types": ["major"]}}
    sections: dict[str, Any] = {
        "environments": PRODUCTION,
        "checklists": {"pre": {"title": "Before", "items": items}},
        "release_types": {"minor": {"bump": "minor", "checklists": ["pre"]}, "major": {"bump": "major"}},
    }
    view = explain(policy(**sections), release_type="minor")
    assert [topic.id for topic in view.topics] == ["type-minor"]
    said = sentences(view.topics[0])
    assert "All tests pass." in said
    assert "Load tests pass" not in said


def test_an_environment_is_explained_alone_and_with_a_type_the_way_there() -> None:
    alone = explain(good(), environment="staging")
    assert ([topic.id for topic in alone.topics], alone.road) == (["environment-staging"], None)
    both = explain(good(), release_type="minor", environment="staging")
    assert [topic.id for topic in both.topics] == ["type-minor", "environment-staging"]
    said = sentences(both.topics[0])
    # What a type asks for is asked in production alone.
    assert "two of the module team" not in said
    assert "No gate stands before staging. Nobody has to approve it." in said
    assert both.title == "A minor release on its way to staging"


@pytest.mark.parametrize(
    ("words", "what", "remedy"),
    [
        (
            {"release_type": "minr"},
            'the policy has no release type "minr"; did you mean "minor"?',
            "name one of minor, hotfix",
        ),
        ({"release_type": "x"}, 'the policy has no release type "x"', "name one of minor, hotfix"),
        ({"environment": "prod"}, 'the policy has no environment "prod"', "name one of staging, production"),
        ({"environment": "q"}, 'the policy has no environment "q"', "name one of staging, production"),
    ],
)
def test_what_the_policy_has_not_cannot_be_explained(words: Mapping[str, Any], what: str, remedy: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        explain(good(), **words)
    assert (caught.value.what, caught.value.remedy) == (what, remedy)


# ---- what is not acted on yet


def test_the_footnote_names_what_is_used_and_not_acted_on() -> None:
    sections: dict[str, Any] = {
        "environments": {"production": {"purpose": "production", "smoke": ["true"]}},
        "release_types": {"minor": {"bump": "minor", "content": ["fixes"], "notice": "7d"}},
    }
    found = topics(explain(policy(**sections)))
    end = "yet; it only checks, explains and compares what is said there."
    assert found["type-minor"].not_yet == f"Tidegate does not act on `content` {end}"
    assert found["environment-production"].not_yet == f"Tidegate does not act on `smoke` {end}"
    assert found["summary"].not_yet == ""


def test_what_is_acted_on_has_no_footnote() -> None:
    assert {topic.not_yet for topic in topics(explain(good())).values()} == {""}


# ---- the timeline


def test_the_timeline_is_in_the_order_of_time() -> None:
    sections: dict[str, Any] = {
        "environments": {"production": {"purpose": "production", "freeze": {"before": "2d"}}},
        "communication": [
            {"at": "+1d", "to": "slack:#a", "say": "status"},
            {"on": "release.opened", "to": "slack:#a", "say": "status"},
            {"at": "-30d", "to": "slack:#a", "say": "announced"},
        ],
        "milestones": {"f": {"title": "Feature freeze", "at": "-14d"}},
        "tasks": {"look": {"says": "Look", "due": "0-24 hours"}},
    }
    for message in sections["communication"]:
        message["to"] = [message["to"]]
    timeline = explain(policy(**sections)).timeline
    assert timeline
    found = [(moment.label, [(one.kind, one.text) for one in moment.happenings]) for moment in timeline.moments]
    assert found == [
        ("T-30 days", [("message", "Announced")]),
        ("T-14 days", [("milestone", "Feature freeze")]),
        ("T", []),
        ("T+1 day", [("message", "Status"), ("task", "Look")]),
    ]
    assert [stretch.text for stretch in timeline.stretches] == ["Freeze for 2 days: only fix still join"]
    assert about("communication", **sections).index("T-30 days") < about("communication", **sections).index("T+1 day")


# ---- any policy at all


def shown(view: Explanation) -> list[str]:
    json.dumps(plain_value(view))
    assert "</html>" in page_of(view)
    return explanation_lines(view)


@settings(max_examples=30)
@given(demands, st.sampled_from(["", "minor", "hotfix"]), st.sampled_from(["", "staging", "production"]))
def test_any_policy_that_decides_can_be_explained(asked: frozenset[str], type_: str, environment: str) -> None:
    made = Policy.model_validate_json(json.dumps(document(asked)))
    shown(explain(made, release_type=type_, environment=environment))


@settings(max_examples=30)
@given(st.sampled_from(list(TURNS)), st.sets(st.sampled_from(sorted(Policy.model_fields.keys() - LEAST.keys()))))
def test_a_policy_with_any_sections_left_out_can_be_explained(turn: int, left_out: set[str]) -> None:
    whole = whole_policy_of(turn)
    defaults = {name: Policy.model_fields[name].get_default(call_default_factory=True) for name in left_out}
    shown(explain(whole.model_copy(update=defaults)))


def test_a_stored_policy_is_explained_as_its_file_but_for_what_it_builds_on() -> None:
    stored = Policy.model_validate_json(resolved_of(good()))
    assert sorted(topics(explain(stored))) == sorted(topics(explain(good())))


# ---- the terminal


@pytest.mark.parametrize("turn", TURNS)
def test_the_terminal_gets_lines_that_fit(turn: int) -> None:
    long = [line for line in explanation_lines(explain(whole_policy_of(turn))) if len(line) > 80 and "\x1b" not in line]
    # Words stay whole.
    assert [line for line in long if " " in line.strip(" •|")] == []


def test_the_terminal_gets_no_control_characters() -> None:
    evil = "Eve\u202e\x9b31mred\u2066"
    view = explain(
        policy(people={"eve": {"name": evil}}, groups={"g": {"title": evil}}, organization=evil, rehearsal=evil)
    )
    text = "".join(explanation_lines(view))
    assert not set(text) & set("\u202e\x9b\u2066")
    assert "Eve31mred" in text


def main() -> None:
    """Write the golden explanation anew."""
    GOLDEN.write_text(explained(), "utf-8")


if __name__ == "__main__":
    main()
