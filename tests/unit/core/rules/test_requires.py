from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.facts import Case, against, asked, facts, found, item, question, release, running, table, way_back
from tests.support.strategies import GOOD
from tidegate.core.decision import Action
from tidegate.core.facts import Facts, Running
from tidegate.core.release import ReleaseState
from tidegate.core.verdict import Verdict

ALLOW, DENY, CANNOT_TELL = Verdict
NEEDY = item(requires={"platform": ">=3.1.0"})
NEEDS = "billing 1.1.0 requires platform >=3.1.0"
FIRST = "bring platform >=3.1.0 to production first: tidegate deploy RELEASE production"
ADOPT = "say it: tidegate adopt platform production --version VERSION; or deploy platform there first"
PLATFORM = item("platform", to_version="4.0.0", changes=())


def needy(*there: Running, **changes: object) -> Facts:
    """A billing that requires a platform, where these run."""
    return facts(release(NEEDY), running=there, **changes)


def moved(*there: Running) -> Facts:
    """A release of platform 4.0.0, where these run."""
    return facts(release(PLATFORM), running=there)


PLATFORM_RULE = "requires.platform"


@table(
    Case("nothing is required", PLATFORM_RULE),
    Case("it is too old", PLATFORM_RULE, DENY, f"{NEEDS}, and production runs 3.0.0", FIRST, facts=needy(running())),
    Case(
        "it is just new enough",
        PLATFORM_RULE,
        ALLOW,
        f"{NEEDS}: production runs 3.1.0",
        facts=needy(running("3.1.0")),
    ),
    Case(
        "it runs elsewhere alone",
        PLATFORM_RULE,
        CANNOT_TELL,
        f"{NEEDS}, and nobody knows which runs in production",
        ADOPT,
        facts=needy(running("3.1.0", environment="staging")),
    ),
    Case(
        "another component runs",
        PLATFORM_RULE,
        CANNOT_TELL,
        f"{NEEDS}, and nobody knows which runs in production",
        ADOPT,
        facts=needy(running("3.1.0", "customer")),
    ),
    Case(
        "there is none",
        PLATFORM_RULE,
        DENY,
        f"{NEEDS}, and there is no platform in production",
        FIRST,
        facts=needy(running("")),
    ),
    Case(
        "a rollout of it is under way",
        PLATFORM_RULE,
        DENY,
        f"{NEEDS}, and production runs 3.0.0 and 3.1.0 while a rollout of platform is under way",
        FIRST,
        facts=needy(running("3.1.0"), running("3.0.0")),
    ),
    Case(
        "its first rollout is under way",
        PLATFORM_RULE,
        DENY,
        f"{NEEDS}, and production runs none and 3.1.0 while a rollout of platform is under way",
        FIRST,
        facts=needy(running("3.1.0"), running("")),
    ),
    Case(
        "a rollout between two that fit",
        PLATFORM_RULE,
        ALLOW,
        f"{NEEDS}: production runs 3.1.0 and 3.2.0 while a rollout of platform is under way",
        facts=needy(running("3.1.0"), running("3.2.0")),
    ),
    Case(
        "a pre-release does not fulfil it",
        PLATFORM_RULE,
        DENY,
        f"{NEEDS}, and production runs 3.2.0-rc.1",
        FIRST,
        facts=needy(running("3.2.0-rc.1")),
    ),
    Case(
        "padded versions are compared as numbers",
        PLATFORM_RULE,
        ALLOW,
        f"{NEEDS}: production runs 03.01.00",
        facts=needy(running("03.01.00")),
    ),
    Case(
        "it is no number",
        PLATFORM_RULE,
        CANNOT_TELL,
        f"{NEEDS}, and production runs main, which is no number that can be compared",
        "record it under its number: tidegate adopt platform production --version VERSION",
        facts=needy(running("main")),
    ),
    Case(
        "the requirement of an old policy is none",
        PLATFORM_RULE,
        CANNOT_TELL,
        "billing 1.1.0 requires platform 3 or later, which says nothing about versions",
        "correct components.billing.requires in the policy and adopt it, then: tidegate release rebase billing-1.1.0",
        facts=facts(release(item(requires={"platform": "3 or later"})), running=(running(),)),
    ),
    Case(
        "a checkpoint asks again",
        PLATFORM_RULE,
        DENY,
        f"{NEEDS}, and production runs 3.0.0",
        FIRST,
        facts=facts(release(NEEDY, state=ReleaseState.ROLLING), running=(running(),)),
        about=question(Action.CONTINUE),
    ),
    Case("a rollback does not", PLATFORM_RULE, facts=needy(running()), about=question(Action.ROLLBACK)),
    Case(
        "it comes with the same release",
        PLATFORM_RULE,
        ALLOW,
        f"{NEEDS}: this release brings 4.0.0",
        facts=facts(release(NEEDY, PLATFORM), running=(running("3.0.0"),)),
    ),
    Case(
        "the same release brings one that does not fit",
        PLATFORM_RULE,
        DENY,
        f"{NEEDS}, and this release brings 3.0.5",
        "take a version of platform into the release that fits",
        facts=facts(release(NEEDY, replace(PLATFORM, to_version="3.0.5")), running=(running("3.1.0"),)),
    ),
)
def test_what_is_required(case: Case) -> None:
    case.hold()


BILLING = running("1.2.0", "billing", requires={"platform": "<4"})
BREAKS = "billing 1.2.0, which runs in production, requires platform <4, and this release brings 4.0.0"
BROUGHT = "first bring a version of billing to production that works with platform 4.0.0"


@table(
    Case("who runs would break", "required.billing", DENY, BREAKS, BROUGHT, facts=moved(BILLING)),
    Case(
        "who runs can live with it",
        "required.billing",
        ALLOW,
        "billing 1.2.0, which runs in production, requires platform ^4: this release brings 4.0.0",
        facts=moved(replace(BILLING, requires={"platform": "^4"})),
    ),
    Case("who runs elsewhere", "required.billing", facts=moved(replace(BILLING, environment="staging"))),
    Case(
        "who runs requires nothing of it",
        "required.billing",
        facts=moved(replace(BILLING, requires={"customer": "<1"})),
    ),
    Case(
        "who is replaced by the same release",
        "required.billing",
        facts=facts(release(item(to_version="2.0.0"), PLATFORM), running=(BILLING,)),
    ),
    Case(
        "what it requires is none",
        "required.billing",
        CANNOT_TELL,
        "billing 1.2.0, which runs in production, requires platform soon, and nobody can compare a requirement",
        "release a billing that says it in numbers",
        facts=moved(replace(BILLING, requires={"platform": "soon"})),
    ),
    Case(
        "what is released has no number",
        "required.billing",
        CANNOT_TELL,
        "billing 1.2.0, which runs in production, requires platform <4, and nobody can compare nightly as a version",
        "release a billing that says it in numbers",
        facts=facts(release(replace(PLATFORM, to_version="nightly")), running=(BILLING,)),
    ),
    Case(
        "what it requires is lost",
        "required.billing",
        CANNOT_TELL,
        "what billing 1.2.0, which runs in production, requires cannot be read: the content sha256:1 is missing",
        "tidegate audit verify; then restore the database from a backup",
        facts=moved(replace(BILLING, requires={}, unknown="the content sha256:1 is missing")),
    ),
    Case(
        "a rollback that would break it is told, and goes",
        "required.billing",
        ALLOW,
        "billing 1.2.0 requires platform <4, and going back leaves platform 4.1.0 in production: billing may break",
        facts=facts(way_back=(way_back(component="platform", version="4.1.0"),), running=(BILLING,)),
        about=question(Action.ROLLBACK),
    ),
    Case(
        "a rollback to nothing",
        "required.billing",
        ALLOW,
        "billing 1.2.0 requires platform <4, and going back leaves no platform in production: billing may break",
        facts=facts(way_back=(way_back(component="platform", version=""),), running=(BILLING,)),
        about=question(Action.ROLLBACK),
    ),
    Case(
        "a rollback that breaks nothing",
        "required.billing",
        facts=facts(way_back=(way_back(component="platform", version="3.9.0"),), running=(BILLING,)),
        about=question(Action.ROLLBACK),
    ),
)
def test_who_requires_it(case: Case) -> None:
    case.hold()


@table(
    Case("one after the other", "requires.order", facts=facts(release(NEEDY, PLATFORM))),
    Case(
        "a circle",
        "requires.order",
        DENY,
        "no order: billing, which requires platform, which requires billing",
        "take one of these requirements out of the policy, or make one of the versions work without the other",
        facts=facts(release(NEEDY, replace(PLATFORM, requires={"billing": ">=1"}))),
    ),
    Case(
        "a component that requires itself",
        "requires.order",
        DENY,
        "no order: billing, which requires billing",
        "take one of these requirements out of the policy, or make one of the versions work without the other",
        facts=facts(release(item(requires={"billing": ">=1"}))),
    ),
)
def test_the_order_of_a_bundle(case: Case) -> None:
    case.hold()


def test_each_that_would_break_is_named() -> None:
    several = (BILLING, running("2.0.0", "customer", requires={"platform": "^3"}))
    assert against(asked(moved(*several)))[-2:] == ["required.billing", "required.customer"]


def test_each_component_of_a_release_has_its_own() -> None:
    two = release(NEEDY, item("identity", requires={"platform": ">=3", "customer": "*"}))
    decision = asked(facts(two, running=(running("3.0.0"), running("1.0.0", "customer"))))
    asked_for = [(f.rule, f.verdict) for f in decision.findings if f.rule.startswith("requires")]
    assert asked_for == [("requires.platform", DENY), ("requires.customer", ALLOW), ("requires.platform", ALLOW)]


texts = st.sampled_from(["platform", "billing", "", "<4", ">=3", "soon", "1.0.0", "main", "production", "\x1b"])
anything = st.builds(Running, texts, st.just("production"), texts, st.dictionaries(texts, texts, max_size=3), texts)


@settings(deadline=None)
@given(st.lists(anything, max_size=5).map(tuple), texts, texts)
def test_nothing_that_runs_ever_stops_a_rollback(there: tuple[Running, ...], component: str, version: str) -> None:
    back = (way_back(), way_back(component=component, version=version))
    known = replace(GOOD, running=there, way_back=back)
    decision = asked(known, about=question(Action.ROLLBACK))
    assert decision.allowed
    assert {f.verdict for f in decision.findings if f.rule.startswith(("requires", "required"))} <= {ALLOW}


def test_it_is_no_matter_of_time() -> None:
    decision = asked(needy(running()))
    assert decision.blocked_by_time_only is False
    assert decision.next_possible == decision.decided_at
    assert found(decision, PLATFORM_RULE).reference == "7D-13"
