"""Approvals to the end at the command line: order, delegates, boards, refusals, word by word as people read them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.shop import PEOPLE, Done, Shop

POLICY = """\
tidegate: 1
organization: Shop
timezone: America/Los_Angeles
people:
  alice: {{name: Alice, email: alice@example.org, groups: [team], keys: ["{alice}"]}}
  bob: {{name: Bob, groups: [team], keys: ["{bob}"]}}
  carol: {{name: Carol, groups: [cab, team], keys: ["{carol}"]}}
  rita: {{name: Rita, groups: [managers, cab], keys: ["{rita}"], trained: {{releasing: 2026-01-15}}}}
  mallory: {{name: Mallory, groups: [deputies, managers], keys: ["{mallory}"]}}
groups:
  cab: {{quorum: 2, delegates: [deputies]}}
trainings:
  releasing: {{title: Releasing, before: [open]}}
permits: {{open: [managers], adopt: [managers], start: [managers], rollback: [managers]}}
components:
  shop:
    path: app
    tag: "shop-v{{version}}"
release_types:
  minor:
    bump: minor
    approvals:
      - {{from: team, lasts: 7d}}
      - {{from: cab, as: board, after: team, minutes: true}}
environments:
  production: {{purpose: production}}
"""


@pytest.fixture
def board_shop(tmp_path: Path, shop_keys: Path) -> Shop:
    """A shop with a board, whose commits Alice wrote."""
    made = Shop(tmp_path / "shop", shop_keys)
    keys = {name: (shop_keys / f"{name}.pub").read_text().strip() for name in PEOPLE}
    (made.root / "tidegate.yaml").write_text(POLICY.format(**keys))
    return made


def answer(shop: Shop, person: str, *more: str, verb: str = "approve") -> Done:
    return shop.run(verb, "shop-1.1.0", "--for", "production", *more, by=person)


def denied(shop: Shop) -> str:
    """What the newest entry of the log refused."""
    leaf = shop.good("audit", "log", "--json").json[-1]
    assert leaf["kind"].endswith(".denied"), leaf
    return str(leaf["data"]["what"])


def test_a_release_is_approved_in_order_by_a_board_with_a_delegate(board_shop: Shop) -> None:
    shop = board_shop
    refused = shop.run("release", "open", "shop", by="mallory")
    assert refused.code == 4
    assert "mallory may not open without the training releasing" in refused.err
    assert shop.open() == "shop-1.1.0"

    author = answer(shop, "alice")
    assert (author.code, author.out) == (4, "")
    assert "alice is an author, and may not approve shop-1.1.0" in author.err
    assert denied(shop) == "alice is an author, and may not approve shop-1.1.0"

    nothing = shop.good("approvals", "shop-1.1.0")
    assert nothing.out == (
        "✗ shop-1.1.0 for production\n"
        "  ✗ team          0 of 1  nobody yet\n"
        "  ✗ cab as board  0 of 2  nobody yet\n"
        "    team: open to bob, carol\n"
        "    board: waits for team\n"
        "    board: open to carol, rita\n"
        "    board: no minutes of cab name this release as it is\n"
    )

    stranger = shop.run("delegate", "add", "--to", "bob", "--for", "cab", "--until", "2099-01-01", by="rita")
    assert (stranger.code, "a delegation ends after now and within 100 days" in stranger.err) == (2, True)

    early = answer(shop, "rita", "--role", "board")
    assert "\n  not counted: rita answered, and no minutes of cab name this release as it is\n" in early.out
    assert answer(shop, "rita", verb="revoke").code == 0

    first = answer(shop, "bob")
    assert re.fullmatch(
        r"✓ bob approved shop-1.1.0 for production, by signature\n"
        r"  bound to subject sha256:\w+…\n"
        r"  still missing: 2 from cab\n",
        first.out,
    )
    called = shop.good("board", "call", "cab", "shop-1.1.0:production", "--json", by="carol").json
    text = shop.directory / "minutes.md"
    text.write_text("Carol and Rita met. They approved shop 1.1.0.\n")
    recorded = shop.good(
        "board", "minutes", called["id"], text, "--attended", "carol", "--attended", "rita",
        "--approved", "shop-1.1.0:production", by="rita",
    )  # fmt: skip
    assert recorded.out == (
        f"✓ the minutes of {called['id']} are recorded, by rita\n  ✓ shop-1.1.0 for production was approved\n"
    )
    assert f"{called['id']}  cab" in shop.good("board", "list").out

    assert "still missing: 1 from cab" in answer(shop, "carol", "--role", "board").out
    assert "every approval is there" in answer(shop, "rita", "--role", "board").out
    done = shop.good("approvals", "shop-1.1.0", "--for", "production").out
    assert done.startswith("✓ shop-1.1.0 for production\n  ✓ team          1 of 1  bob\n")
    assert "  ✓ cab as board  2 of 2  carol, rita\n" in done
    assert re.search(r"team: counts until \d{4}-\d\d-\d\d \d\d:\d\d P[SD]T", done)


def test_voices_are_handed_on_and_taken_back(board_shop: Shop) -> None:
    shop = board_shop
    shop.open()
    now = shop.good("audit", "log", "--json").json[-1]["time"]
    year, month = int(now[:4]), int(now[5:7])
    until = f"{year + month // 12}-{month % 12 + 1:02d}-15T18:00"
    handed = shop.good("delegate", "add", "--to", "mallory", "--for", "cab", "--until", until, by="carol")
    assert handed.out.startswith(f"✓ mallory speaks for carol in cab until {until.replace('T', ' ')} P")
    assert "mallory for carol  cab  until" in shop.good("delegate", "list").out

    for person, to, said in (
        ("carol", "mallory", "carol has handed their voice to mallory already"),
        ("mallory", "rita", 'mallory has no voice in "cab" to hand on: nobody hands on what was handed to them'),
        ("rita", "rita", "rita cannot be their own delegate"),
        ("rita", "bob", "bob may not speak for cab: its delegates are of deputies"),
    ):
        refused = shop.run("delegate", "add", "--to", to, "--for", "cab", "--until", until, by=person)
        assert (refused.code, refused.out) in ((4, ""), (6, ""))
        assert said in " ".join(refused.err.split())
        assert said in denied(shop)

    shop.good("delegate", "revoke", by="carol")
    assert "taken back" in shop.good("delegate", "list").out
    again = shop.run("delegate", "revoke", by="carol")
    assert (again.code, "carol has not handed their voice to anybody" in again.err) == (5, True)


def test_two_names_of_one_person_are_no_policy(board_shop: Shop) -> None:
    shop = board_shop
    path = shop.root / "tidegate.yaml"
    path.write_text(path.read_text().replace("name: Bob,", "name: Bob, email: ALICE@example.org,"))
    checked = shop.run("policy", "check")
    assert checked.code == 2
    assert "bob and alice have the same mail address, so that one person could count as two" in " ".join(
        (checked.out + checked.err).split()
    )
