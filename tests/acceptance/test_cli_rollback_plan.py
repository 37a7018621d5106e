"""The rollback plan at the command line: shown, written, tried out, demanded."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.shop import Shop, flat

VALIDATED = "rollback: {validated: true, templates: docs/rollback, criteria: [Customers cannot pay]}\n"


@pytest.fixture
def planned(shop: Shop) -> Shop:
    """The shop, whose policy demands that the way back is tried out before production."""
    shop.write_policy(head=VALIDATED)
    shop.ready()
    return shop


def test_it_is_demanded_tried_out_and_then_it_goes(planned: Shop) -> None:
    refused = planned.run("deploy", "shop-1.1.0", "production", by="rita")
    assert refused.code == 3
    assert "nobody has validated the way back of shop in production" in flat(refused.err)
    assert "tidegate rollback validate shop-1.1.0 --for production" in flat(refused.err)
    tried = planned.run("rollback", "validate", "shop-1.1.0", "--for", "production", by="rita")
    assert tried.code == 0, tried.err
    assert "the way back of shop to absent in production is open on 3 units" in flat(tried.out)
    assert all(len(line) <= 80 for line in tried.out.splitlines())
    assert planned.run("deploy", "shop-1.1.0", "production", by="rita").code == 0


def test_the_plan_is_shown_and_written(planned: Shop) -> None:
    shown = planned.run("rollback", "plan", "shop-1.1.0", "--for", "production")
    assert shown.code == 0, shown.err
    assert "shop 1.1.0 -> absent in production" in shown.out
    assert "Customers cannot pay" in shown.out
    assert "$ tidegate rollback shop production" in shown.out
    # A path of the test's own directory may be longer than a line, and is not broken.
    assert [line for line in shown.out.splitlines() if len(line) > 80 and str(planned.directory) not in line] == []
    as_json = planned.run("rollback", "plan", "shop-1.1.0", "--for", "production", "--json").json
    assert [one["returns_to"] for one in as_json["components"]] == ["absent"]
    missing = planned.run("rollback", "plan", "shop-1.1.0", "--for", "production", "--markdown", "plan.md")
    assert (missing.code, "there is no template of a rollback plan for shop" in missing.err) == (5, True)
    folder = planned.root / "docs" / "rollback"
    folder.mkdir(parents=True)
    (folder / "shop.md").write_text("Back to {returns_to}: {command}\n")
    done = planned.run("rollback", "plan", "shop-1.1.0", "--for", "production", "--markdown", "plan.md")
    assert done.code == 0, done.err
    assert (planned.root / "plan.md").read_text() == "Back to absent: tidegate rollback shop production\n"
    again = planned.run("rollback", "plan", "shop-1.1.0", "--for", "production", "--markdown", "plan.md")
    assert (again.code, "there is such a file already" in again.err) == (6, True)


@pytest.mark.parametrize("words", [["rollback"], ["rollback", "now"]])
def test_a_rollback_is_typed_with_and_without_its_verb(shop: Shop, words: list[str]) -> None:
    shop.ready()
    back = shop.run(*words, "-C", Path(), "shop", "staging", by="rita")
    assert back.code == 0, back.err
    assert shop.runs("staging") == ["", "", ""]
    held = shop.run("deploy", "shop-1.1.0", "staging", by="rita")
    assert held.code == 3
    assert "rita took shop 1.1.0 back in staging" in flat(held.err)
    listed = shop.run("hold", "list")
    assert "shop 1.1.0 in staging, until lifted" in flat(listed.out)
    hold = shop.run("hold", "list", "--json").json[0]["id"]
    bare = shop.run("hold", "lift", hold, by="rita")
    assert (bare.code, "letting it go again needs a reason" in flat(bare.err)) == (2, True)
    assert shop.run("hold", "lift", hold, "--reason", "it was the disk", by="rita").code == 0
    assert shop.run("deploy", "shop-1.1.0", "staging", by="rita").code == 0
