from __future__ import annotations

import pytest

from tests.support.facts import Case, asked, facts, question, rulebook, table, way_back
from tidegate.core.actor import Actor
from tidegate.core.decision import Action
from tidegate.core.facts import WayBack
from tidegate.core.verdict import Verdict

TARGET, DATA = "rollback.target", "rollback.data"
ACCEPT = "a person may accept it: tidegate rollback billing production --accept-data-loss"


def case(
    name: str, rule: str, verdict: Verdict, message: str, remedy: str, *ways: WayBack, accepts: bool = False
) -> Case:
    about = question(Action.ROLLBACK, accepts_data_loss=accepts)
    return Case(name, rule, verdict, message, remedy, facts=facts(way_back=ways), about=about)


@table(
    case(
        "verified",
        TARGET,
        Verdict.ALLOW,
        "billing 1.0.0 was verified in production Sun 1 Nov 2026 10:00 PST",
        "",
        way_back(),
    ),
    case(
        "never verified",
        TARGET,
        Verdict.DENY,
        "billing 1.0.0 was never verified in production",
        "choose one that was, with --to VERSION: tidegate rollout list --component billing --environment production",
        way_back(verified_at=None),
    ),
    case(
        "to absent",
        TARGET,
        Verdict.ALLOW,
        "there was no billing in production before: it returns to absent",
        "",
        way_back(version="", verified_at=None),
    ),
    case(
        "nothing known",
        TARGET,
        Verdict.DENY,
        "nothing is known to go back to in production",
        "record what runs there: tidegate adopt COMPONENT production --version VERSION",
    ),
    case("keeps data", DATA, Verdict.ALLOW, "going back loses no data", "", way_back()),
    case(
        "keeps data, and why",
        DATA,
        Verdict.ALLOW,
        "going back loses no data: files only",
        "",
        way_back(because="files only"),
    ),
    case(
        "loses data",
        DATA,
        Verdict.DENY,
        "going back loses data: a column was dropped",
        ACCEPT,
        way_back(loses_data=True, because="a column was dropped"),
    ),
    case(
        "nobody can tell",
        DATA,
        Verdict.CANNOT_TELL,
        "nobody can tell whether going back loses data",
        ACCEPT,
        way_back(loses_data=None),
    ),
    case(
        "a person accepts it",
        DATA,
        Verdict.ALLOW,
        "olga accepts it: going back loses data",
        "",
        way_back(loses_data=True),
        accepts=True,
    ),
    case(
        "a person accepts not to know",
        DATA,
        Verdict.ALLOW,
        "olga accepts it: nobody can tell whether going back loses data",
        "",
        way_back(loses_data=None),
        accepts=True,
    ),
    Case("a start does not ask", TARGET, facts=facts(way_back=())),
    Case("a checkpoint does not ask", DATA, facts=facts(way_back=()), about=question(Action.CONTINUE)),
)
def test_the_table(case: Case) -> None:
    case.hold()


@pytest.mark.parametrize("loses", [True, None])
def test_the_watch_cannot_accept_that_data_is_lost(loses: bool | None) -> None:
    watch = {"production": {"for": "1h", "roll_back_when": [{"health_check": "failed"}]}}
    about = question(Action.ROLLBACK, by=Actor.automation("watch"), accepts_data_loss=True)
    decision = asked(facts(way_back=(way_back(loses_data=loses),)), rulebook(watch=watch), about)
    assert [f.rule for f in decision.against()] == [DATA]


def test_every_component_needs_its_way_back() -> None:
    ways = (way_back(), way_back(component="identity", verified_at=None))
    decision = asked(facts(way_back=ways), about=question(Action.ROLLBACK))
    assert [f.message for f in decision.against()] == ["identity 1.0.0 was never verified in production"]
