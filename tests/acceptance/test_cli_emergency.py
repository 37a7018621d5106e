"""An emergency at the command line, from its declaration to the last of its debts."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.shop import Done, Shop, flat

HEAD = """\
contacts:
  first: {title: First line, reach: "+1 555 0100", group: tech-leads, acknowledges: 1s}
  second: {title: Second line, reach: "file:ONCALL.md", group: managers}
emergency:
  types: [emergency]
  declared_by: [managers]
  call: [first, second]
  acknowledge_within: 1s
  bypasses: [after]
  steps: [Stop the line, Fix or roll back]
"""
KIND = """\
release_types:
  emergency:
    bump: minor
    criteria: [Production down, Security breach]
    skips: [windows, freeze]
    gates: [tests]
    approvals: [{from: tech-leads}]
    afterwards: {post_mortem: 3s, retrospective_approval: [{from: module-team}], approval_within: 3s}
"""
SAID = "".join(
    f'  - {{on: {occasion}, to: "file:NOTICES.md", say: status}}\n'
    for occasion in ("emergency.declared", "emergency.called", "emergency.ended", "debt.due", "debt.overdue")
)


class Alarm(Shop):
    """The shop, with a policy that knows emergencies and times that a test can wait for."""

    def policy_text(self, *, head: str = "", minor: str = "") -> str:
        text = super().policy_text(head=head + HEAD, minor=minor)
        text = text.replace("release_types:\n", KIND).replace(
            "    path: app\n", "    path: app\n    owners: module-team\n"
        )
        return text + SAID

    def declare(self, by: str = "rita", criterion: str = "production down", components: str = "shop") -> Done:
        words = ["--incident", "INC-4711", "--reason", "checkout answers 500", "--criterion", criterion]
        return self.run("emergency", "declare", *words, "--components", components, by=by)

    def notices(self, name: str = "NOTICES.md") -> list[str]:
        """The lines that were said, without their marks."""
        path = self.root / name
        return [line.partition(" <!--")[0] for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def alarm(tmp_path: Path, shop_keys: Path) -> Alarm:
    return Alarm(tmp_path / "shop", shop_keys)


def test_an_emergency_from_its_declaration_to_the_last_of_its_debts(alarm: Alarm) -> None:
    release = alarm.good("release", "open", "shop", "--type", "emergency", "--json", by="rita").json["id"]
    before = alarm.run("check", release, "--for", "production")
    assert before.code == 3
    assert "no emergency in force that emergency releases of shop go by" in flat(before.out)
    assert "tidegate emergency declare --incident ID --reason TEXT" in flat(before.out)

    # Declared, and the first contact is called at once.
    declared = alarm.declare()
    assert declared.code == 0, declared
    [one] = alarm.good("emergency", "list", "--json").json
    assert (one["standing"], one["criterion"], one["late"]) == ("calling", "Production down", False)
    assert [(call["contact"], call["called"]) for call in one["calls"]] == [("first", True), ("second", False)]
    assert f"acknowledge it: tidegate emergency acknowledge {one['id']}" in declared.out

    acknowledged_late(alarm, one["id"])
    carried(alarm, one["id"], release)
    following = overdue(alarm, release)
    settled(alarm, release)
    alarm.good("deploy", following, "staging", by="rita")
    assert "all the same" in alarm.good("audit", "rejudge").out
    assert "whole, unchanged and in order" in alarm.good("audit", "verify").out


def acknowledged_late(alarm: Alarm, emergency: str) -> None:
    """Nobody acknowledges in time: the next contact is called, once."""
    time.sleep(1.1)
    alarm.good("worker", "--once")
    alarm.good("worker", "--once")
    called = sorted(line for line in alarm.notices() if " call " in line)
    assert called == [
        (
            f"- Shop: call First line (+1 555 0100) for {emergency}: it was declared. INC-4711, Production down: "
            f"checkout answers 500. Acknowledge: tidegate emergency acknowledge {emergency}"
        ),
        (
            f"- Shop: call Second line (file:ONCALL.md) for {emergency}: nobody has acknowledged. INC-4711, Production "
            f"down: checkout answers 500. Acknowledge: tidegate emergency acknowledge {emergency}"
        ),
    ]
    assert alarm.notices("ONCALL.md") == called[1:]
    assert "not yet; overdue since" in alarm.good("emergency", "show", emergency).out
    late = alarm.good("emergency", "acknowledge", emergency, by="carol")
    assert "is acknowledged by carol after" in late.out
    assert "later than the policy asks" in late.out


def carried(alarm: Alarm, emergency: str, release: str) -> None:
    """It goes without what others need, and the decision says so."""
    alarm.good("evidence", "add", release, alarm.report, by="rita")
    alarm.good("approve", release, "--for", "production", by="carol")
    decided = alarm.good("check", release, "--for", "production", "--json").json
    said = {finding["rule"]: finding["message"] for finding in decided["findings"]}
    assert said["emergency.skips"] == "goes without: freeze, windows, staging before production"
    assert said["emergency.declared"].startswith(f"rita declared {emergency} for INC-4711: Production down")
    alarm.good("deploy", release, "production", by="rita")
    alarm.good("emergency", "end", emergency, "--outcome", "fixed by 1.1.0", by="rita")


def overdue(alarm: Alarm, release: str) -> str:
    """What it owes is owed, becomes overdue, and stops the team's next ordinary release; which one."""
    owed = [debt["id"] for debt in alarm.good("debt", "list", "--json").json]
    assert owed == [f"{release}.approval.module-team.1-1", f"{release}.post-mortem"]
    alarm.repository.commit("feat: third", {"app/a.txt": "3"})
    following = alarm.good("release", "open", "shop", "--json", by="rita").json["id"]
    alarm.good("evidence", "add", following, alarm.report, by="rita")
    time.sleep(3.1)
    alarm.good("worker", "--once")
    assert sum("was due" in line for line in alarm.notices()) == 2
    denied = alarm.run("deploy", following, "staging", by="rita")
    assert denied.code == 3
    assert "an approval of shop-1.1.0 from module-team was due" in denied.err
    checked = alarm.run("check", following, "--for", "staging", "--json").json
    assert [f["rule"] for f in checked["findings"] if f["verdict"] != "allow"] == ["debts", "debts"]
    return str(following)


def settled(alarm: Alarm, release: str) -> None:
    """Each debt is settled by who may."""
    report = alarm.directory / "post-mortem.md"
    report.write_text("# What happened\n\nA typo.\n")
    done = alarm.good("debt", "settle", f"{release}.post-mortem", "--document", report, by="alice")
    assert "the post-mortem of shop-1.1.0 is settled by alice\n  kept as sha256:" in done.out
    refused = alarm.run("debt", "settle", f"{release}.approval.module-team.1-1", by="rita")
    assert (refused.code, refused.out) == (4, "")
    assert "rita may not settle an approval of shop-1.1.0 from module-team" in refused.err
    alarm.good("debt", "settle", f"{release}.approval.module-team.1-1", by="bob")
    assert "nothing is owed" in alarm.good("debt", "list").out


REFUSED = {
    "by whom the policy does not let": (
        {"by": "alice"},
        4,
        "alice may not declare an emergency\n  > ask one of: rita; or list them under emergency.declared_by",
    ),
    "for no criterion": (
        {"criterion": "boredom"},
        5,
        (
            'the policy knows no criterion "boredom" of emergency releases\n'
            "  > name one of: Production down; Security breach"
        ),
    ),
    "of no component": ({"components": "shp"}, 5, 'the policy knows no component "shp"\n  > did you mean "shop"?'),
    "of nothing": ({"components": ","}, 2, "an emergency is of components"),
}


@pytest.mark.parametrize(("how", "code", "said"), REFUSED.values(), ids=REFUSED)
def test_a_declaration_is_refused(alarm: Alarm, how: dict[str, str], code: int, said: str) -> None:
    refused = alarm.declare(**how)
    assert (refused.code, refused.out) == (code, ""), refused
    assert said in refused.err
    assert alarm.good("emergency", "list").out == "no emergency was ever declared\n"


def test_a_name_alone_declares_nothing(alarm: Alarm) -> None:
    words = ["--incident", "I", "--reason", "r", "--criterion", "Production down", "--components", "shop"]
    refused = alarm.run("emergency", "declare", *words, "--as", "rita")
    assert refused.code == 4
    assert "rita has not signed: what is done in an emergency is signed, whatever the\n  policy asks" in refused.err


def test_an_emergency_never_goes_without_a_way_back(alarm: Alarm) -> None:
    """On each host stands something that nobody knows: there is no way back to it, emergency or not."""
    release = alarm.good("release", "open", "shop", "--type", "emergency", "--json", by="rita").json["id"]
    alarm.good("evidence", "add", release, alarm.report, by="rita")
    alarm.good("approve", release, "--for", "production", by="carol")
    assert alarm.declare().code == 0
    for name in ("web1", "web2", "web3"):
        old = alarm.host("production", name) / "releases" / "old"
        old.mkdir(parents=True)
        (alarm.host("production", name) / "current").symlink_to("releases/old")
    assert alarm.good("check", release, "--for", "production").code == 0
    refused = alarm.run("deploy", release, "production", by="rita")
    assert refused.code == 1
    assert "tidegate adopt shop production" in refused.err


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("bypasses: [after]", "bypasses: [audit]", "emergency.bypasses[0] is"),
        ("skips: [windows, freeze]", "skips: [windows, subject]", "release_types.emergency.skips[1] is"),
    ],
)
def test_a_policy_that_lets_go_without_what_nothing_goes_without_is_refused_by_name(
    alarm: Alarm, old: str, new: str, said: str
) -> None:
    (alarm.root / "tidegate.yaml").write_text(alarm.policy_text().replace(old, new))
    refused = alarm.run("policy", "check", "--json")
    assert refused.code == 2
    [finding] = [f for f in refused.json["findings"] if said in f["message"]]
    assert "and nothing ever goes without the " in finding["message"]
    assert finding["remedy"] == "take it out"
