"""A normal change from its opening to production, each refusal on the way by its rule and its remedy: typed."""

from __future__ import annotations

import json
from typing import Any

from tests.support.shop import Done, Shop

CHANGES = """\
changes:
  required: [production]
  tickets: https://tickets.example
  workflow:
    - {name: change-initiation, says: Submit the change request, by: managers, kind: request}
    - {name: impact-assessment, says: Evaluate impact and effort, by: module-team, kind: assessment}
    - {name: approval-process, says: Approve it, kind: decision}
    - {name: testing-strategy, says: Say how it is tested, by: module-team}
    - {name: communication, says: Tell everybody, by: managers}
    - {name: review, says: Look back, by: managers, kind: afterwards}
  categories:
    standard: {title: Standard, preapproved: true, catalogue: [Update the translations], steps: [change-initiation]}
    normal: {title: Normal, approvals: [{from: tech-leads}], within: 24h}
    major: {title: Major, board: tech-leads}
  risk:
    matrix: {low: {low: low}, medium: {medium: medium}, high: {high: high}}
    mitigations: {low: [Basic testing], medium: [Standard testing, Monitoring]}
"""
ANSWERS = ("--downtime", "none", "--data", "none is changed", "--rollback", "deploy 1.0.0 again")


def opened(shop: Shop, *more: str) -> Done:
    return shop.run("change", "open", "shop-1.1.0", "--title", "Pay by card", "--reason", "asked for", *more, by="rita")


def against(shop: Shop, release: str) -> list[tuple[str, str]]:
    """The rules of change requests that stand in the way, each with its remedy."""
    decision: dict[str, Any] = shop.run("check", release, "--for", "production", "--as", "rita", "--json").json
    found = decision["decision"]["findings"] if "decision" in decision else decision["findings"]
    return [(f["rule"], f["remedy"]) for f in found if f["rule"].startswith("change") and f["verdict"] != "allow"]


def test_a_normal_change_from_its_opening_to_production(shop: Shop) -> None:
    shop.write_policy(head=CHANGES)
    release = shop.ready()
    is_asked_for_and_opened(shop, release)
    is_assessed_and_submitted(shop, release)
    is_decided(shop)
    shows_what_its_risk_demands(shop, release)
    goes_and_is_closed(shop, release)
    assert "all the same" in shop.good("audit", "rejudge").out
    kinds = [leaf["kind"] for leaf in shop.good("audit", "log", "--json").json if leaf["kind"].startswith("change.")]
    assert kinds.count("change.denied") == 9
    assert [kind for kind in kinds if kind != "change.denied"] == [
        "change.opened", "change.assessed", "change.submitted", "change.answered", "change.step_done",
        "change.step_done", "change.mitigated", "change.mitigated", "change.step_done", "change.closed",
    ]  # fmt: skip


def is_asked_for_and_opened(shop: Shop, release: str) -> None:
    start = f"tidegate change open {release} --category CATEGORY --title TEXT --reason TEXT"
    assert against(shop, release) == [("change.request", start)]
    refused = shop.run("deploy", release, "production", by="rita")
    assert refused.code == 3
    assert f"production asks for a change request, and {release} has none" in " ".join(refused.err.split())

    nameless = opened(shop)
    assert nameless.code == 2
    assert "the release types name no category" in nameless.err
    assert opened(shop, "--category", "normal", "--ticket", "CHG-7").out == (
        "✓ CR-1 is open (normal), for shop-1.1.0\n"
        "  next: tidegate change assess CR-1 --impact LEVEL --probability LEVEL\n"
        "        --downtime TEXT --data TEXT --rollback TEXT\n"
    )


def is_assessed_and_submitted(shop: Shop, release: str) -> None:
    early = shop.run("change", "submit", "CR-1", by="rita")
    assert early.code == 6
    assert "the impact of CR-1 is not assessed" in early.err
    wrong = shop.run("change", "assess", "CR-1", "--impact", "low", "--probability", "low", *ANSWERS, by="rita")
    assert wrong.code == 4
    assert "rita may not assess it" in wrong.err
    assert "ask one of: alice, bob, dora" in wrong.err

    shop.good("change", "assess", "CR-1", "--impact", "medium", "--probability", "low", *ANSWERS, by="alice")
    assert against(shop, release) == [("change.request", "tidegate change submit CR-1")]
    unsubmitted = shop.run("change", "approve", "CR-1", by="carol")
    assert (unsubmitted.code, "CR-1 is not submitted yet" in unsubmitted.err) == (6, True)
    shop.good("change", "submit", "CR-1", by="rita")
    assert against(shop, release) == [
        ("change.steps", "tidegate change step CR-1 testing-strategy --note TEXT, by alice, bob, dora"),
        ("change.approval.tech-leads", "tidegate change approve CR-1, by one of: carol, dora"),
        ("change.mitigation", "tidegate change mitigate CR-1 1 --how TEXT"),
    ]


def is_decided(shop: Shop) -> None:
    undecided = shop.run("change", "step", "CR-1", "testing-strategy", "--note", "load test", by="alice")
    assert undecided.code == 6
    assert "approval-process comes before testing-strategy, and is not done" in " ".join(undecided.err.split())
    unasked = shop.run("change", "approve", "CR-1", by="alice")
    assert (unasked.code, "alice is not asked about CR-1" in unasked.err) == (4, True)
    unsigned = shop.run("change", "approve", "CR-1", "--as", "carol")
    assert (unsigned.code, "carol has not signed" in unsigned.err) == (4, True)
    assert "it is approved" in " ".join(shop.good("change", "approve", "CR-1", by="carol").out.split())
    twice = shop.run("change", "approve", "CR-1", by="carol")
    assert twice.code == 6


def shows_what_its_risk_demands(shop: Shop, release: str) -> None:
    shop.good("change", "step", "CR-1", "testing-strategy", "--note", "load test", by="alice")
    shop.good("change", "step", "CR-1", "communication", "--note", "mailed", by="rita")
    shop.good("change", "mitigate", "CR-1", "1", "--how", "400 tests", by="rita")
    assert against(shop, release) == [("change.mitigation", "tidegate change mitigate CR-1 2 --how TEXT")]
    shop.good("change", "mitigate", "CR-1", "Monitoring", "--how", "a dashboard", by="rita")
    assert against(shop, release) == []
    page = shop.good("change", "show", "CR-1").out
    assert "medium from impact and probability, a cell that the matrix leaves undecided" in page
    assert "+0  1 commit\n" in page
    assert "✓  2.  Monitoring: a dashboard (rita)" in page
    assert "ticket     CHG-7 at https://tickets.example" in page
    assert max(map(len, page.splitlines())) <= 80


def goes_and_is_closed(shop: Shop, release: str) -> None:
    afterwards = shop.run("change", "step", "CR-1", "review", "--note", "fine", by="rita")
    assert (afterwards.code, "review comes when it went" in afterwards.err) == (6, True)
    shop.good("deploy", release, "production", by="rita")
    unreviewed = shop.run("change", "close", "CR-1", "--outcome", "fine", by="rita")
    assert (unreviewed.code, "review comes before CR-1 is closed" in unreviewed.err) == (6, True)
    shop.good("change", "step", "CR-1", "review", "--note", "fine", by="rita")
    shop.good("change", "close", "CR-1", "--outcome", "went as planned", by="rita")
    assert "closed" in shop.good("change", "list").out


def test_only_what_the_catalogue_has_is_standard(shop: Shop) -> None:
    shop.write_policy(head=CHANGES)
    release = shop.ready()
    none = opened(shop, "--category", "standard")
    assert none.code == 3
    assert "this is no standard change: it names no entry of the catalogue" in " ".join(none.err.split())
    other = opened(shop, "--category", "standard", "--entry", "Rewrite it all")
    assert other.code == 3
    assert '"Rewrite it all" is not in the catalogue' in " ".join(other.err.split())
    assert "(Update the translations)" in other.err
    assert opened(shop, "--category", "standard", "--entry", "Update the translations").code == 0
    shop.good("change", "assess", "CR-1", "--impact", "low", "--probability", "low", *ANSWERS, by="rita")
    assert "approved, as the catalogue approves it" in shop.good("change", "submit", "CR-1", by="rita").out
    shop.good("change", "mitigate", "CR-1", "1", "--how", "400 tests", by="rita")
    assert against(shop, release) == []


def test_a_board_names_its_minutes(shop: Shop) -> None:
    shop.write_policy(head=CHANGES)
    release = shop.ready()
    assert opened(shop, "--category", "major").code == 0
    answers = shop.directory / "assessment.json"
    answers.write_text(json.dumps({"impact": "low", "probability": "low", "downtime": "none", "data": "none"}))
    shop.good("change", "assess", "CR-1", "--file", answers, "--rollback", "deploy 1.0.0", by="alice")
    shop.good("change", "submit", "CR-1", by="rita")
    unsaid = shop.run("change", "approve", "CR-1", by="carol")
    assert (unsaid.code, "carol answers for tech-leads, and names no minutes of it" in unsaid.err) == (2, True)
    minutes = shop.directory / "minutes.md"
    minutes.write_text("# Board of Monday\n\nApproved.\n")
    said = shop.good("change", "approve", "CR-1", "--minutes", minutes, "--json", by="carol").json
    assert said["state"] == "approved"
    assert said["approvals"] == [
        {"name": "tech-leads", "group": "tech-leads", "count": 1, "given": ["carol"], "open_to": ["dora"]}
    ]
    assert [rule for rule, _ in against(shop, release)] == ["change.steps", "change.mitigation"]


def test_a_no_ends_it_and_what_changed_is_submitted_again(shop: Shop) -> None:
    shop.write_policy(head=CHANGES)
    release = shop.ready()
    for number in (1, 2):
        assert opened(shop, "--category", "normal").code == 0
        change = f"CR-{number}"
        shop.good("change", "assess", change, "--impact", "low", "--probability", "low", *ANSWERS, by="alice")
        shop.good("change", "submit", change, by="rita")
    shop.good("change", "reject", "CR-1", "--reason", "no way back", by="carol")
    over = shop.run("change", "approve", "CR-1", by="carol")
    assert (over.code, "a change request that is rejected cannot be approved" in over.err) == (6, True)
    again = shop.run("change", "submit", "CR-2", by="rita")
    assert (again.code, "CR-2 is submitted already" in again.err) == (6, True)
    shop.good("change", "approve", "CR-2", by="carol")
    shop.good("change", "assess", "CR-2", "--impact", "high", "--probability", "low", *ANSWERS, by="bob")
    assert against(shop, release) == [("change.request", "tidegate change submit CR-2")]
    shop.good("change", "submit", "CR-2", by="rita")
    lost = dict(against(shop, release))
    assert "change.approval.tech-leads" in lost
    page = " ".join(shop.good("change", "show", "CR-2").out.split())
    assert "not counted carol answered before something changed" in page


def test_the_ticket_must_be_there(shop: Shop) -> None:
    shop.write_policy(head=CHANGES)
    shop.ready()
    where = shop.directory / "tickets.json"
    where.write_text(json.dumps([{"name": "CHG-7", "title": "Pay\x1b[2J by card", "status": "approved"}]))
    missing = opened(shop, "--category", "normal", "--ticket", "CHG-8", "--tickets", str(where))
    assert (missing.code, 'there is no ticket "CHG-8"' in missing.err) == (5, True)
    assert opened(shop, "--category", "normal", "--ticket", "CHG-7", "--tickets", f"file:{where}").code == 0
    page = shop.good("change", "show", "CR-1").out
    assert "CHG-7 at https://tickets.example: Pay" in page
    assert "\x1b" not in page
