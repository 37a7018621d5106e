"""A change of the policy at the command line: proposed, approved by its digest, adopted, looked up."""

from __future__ import annotations

import pytest

from tests.support.shop import Shop

ASKS = "adoption: {approvals: [{from: module-team}, {from: tech-leads, as: review}]}\n"
NEW = f"{ASKS}rehearsal: waits are shortened\n"


@pytest.fixture
def asking(shop: Shop) -> Shop:
    """A shop whose policy asks the module team and a reviewing lead; the file says something else already."""
    shop.write_policy(head=ASKS)
    shop.good("policy", "show")
    shop.write_policy(head=NEW)
    return shop


def test_a_policy_is_proposed_approved_and_adopted(asking: Shop) -> None:
    assert "propose it with: tidegate policy propose" in asking.good("release", "list").err
    refused = asking.run("policy", "adopt", by="rita")
    assert refused.code == 3
    assert refused.out == ""
    assert "✗ deny: adopt sha256:" in refused.err
    assert "it was not proposed, so that nobody could approve it" in refused.err
    assert "> propose the file: tidegate policy propose; then have it approved" in refused.err

    told = asking.run_installed("policy", "propose", "--because", "it is time", by="rita")
    assert told.code == 0, told
    assert "✓ proposed: sha256:" in told.out
    again = asking.good("policy", "propose", "--json", by="rita").json
    digest = again["digest"]
    assert (again["new"], again["proposed_by"], again["because"]) == (False, "rita", "it is time")
    short = digest[:19]
    assert f"next    tidegate policy approve {short}\n" in told.out
    assert "it is proposed; see: tidegate policy history" in asking.good("release", "list").err

    missing = asking.run("policy", "adopt", short, "--json", by="rita")
    assert (missing.code, missing.json["error"]["kind"]) == (3, "adoption_refused")
    against = {f["rule"]: f["remedy"] for f in missing.json["decision"]["findings"]}
    assert against == {
        "adoption.approval.module-team": f"tidegate policy approve {short}, by one of: alice, bob, dora",
        "adoption.approval.review": f"tidegate policy approve {short} --role review, by one of: carol, dora",
    }

    assert f"✓ alice approved {digest}" in asking.good("policy", "approve", short, by="alice").out
    asking.good("policy", "reject", digest, "--reason", "who watches it?", by="carol")
    shown = asking.good("policy", "history", short).out
    assert "✗ rejected" in shown
    assert "carol rejected it" in shown
    assert "who watches it?" in shown
    asking.good("policy", "revoke", f"{short}…", by="carol")
    asking.good("policy", "approve", short, "--role", "review", by="carol")

    (asking.root / "tidegate.yaml").write_text("it: has gone\n")
    assert f"✓ adopted: {digest}" in asking.good("policy", "adopt", short, by="rita").out
    history = asking.good("policy", "history", "--json").json
    assert [(one["state"], one["number"]) for one in history] == [("replaced", 1), ("active", 2)]
    assert history[1]["digest"] == digest
    assert [(a["person"], a["answer"]) for a in history[1]["proposal"]["answers"]] == [
        ("alice", "approve"),
        ("carol", "reject"),
        ("carol", "approve"),
    ]
    rows = asking.good("policy", "history").out.splitlines()
    assert [row[:5] for row in rows] == ["   1 ", "*  2 "]
    assert "all the same" in asking.good("audit", "rejudge").out
    assert asking.good("audit", "verify", "--json").json["holds"] is True
    log = asking.good("audit", "log").out
    assert "✗ policy.denied" in log
    assert "✓ policy.adopted" in log


def test_an_adoption_loosens_no_open_release_and_rebase_does(asking: Shop) -> None:
    asking.write_policy(head=ASKS, minor="notice: 7d, ")
    digest = asking.good("policy", "propose", "--json", by="rita").json["digest"]
    for person in ("alice", "carol"):
        asking.good("policy", "approve", digest, by=person)
    asking.good("policy", "adopt", by="rita")
    release = asking.open()
    asking.write_policy(head=ASKS)
    digest = asking.good("policy", "propose", "--json", by="rita").json["digest"]
    for person in ("alice", "carol"):
        asking.good("policy", "approve", digest, by=person)
    asking.good("policy", "adopt", digest, by="rita")

    def against() -> set[tuple[str, str]]:
        decision = asking.run("check", release, "--for", "production", "--json").json
        return {(f["policy"], f["rule"]) for f in decision["findings"] if f["verdict"] != "allow"}

    assert {rule for policy, rule in against() if policy == "pinned"} >= {"notice"}
    assert not {rule for policy, rule in against() if policy == "current"} & {"notice"}
    asking.good("release", "rebase", release, by="rita")
    assert not {rule for _, rule in against()} & {"notice"}


@pytest.mark.parametrize(
    ("words", "by", "code", "says"),
    [
        (("policy", "propose"), "alice", 4, "alice may not propose a policy"),
        (("policy", "propose", "--as", "rita"), "", 4, "rita is only asserted; propose asks for signature"),
        (("policy", "propose", "nothing.yaml"), "rita", 5, "there is no policy file"),
        (("policy", "approve", "sha256:0123"), "alice", 2, "is no digest"),
        (("policy", "approve", "sha256:" + "0" * 12), "alice", 5, "no policy sha256:000000000000 was proposed"),
        (("policy", "reject", "0" * 64), "alice", 5, "was proposed or adopted"),
        (("policy", "revoke", "sha256:" + "0" * 12), "alice", 5, "was proposed or adopted"),
        (("policy", "adopt", "sha256:" + "0" * 12), "rita", 5, "was proposed or adopted"),
        (("policy", "history", "yesterday"), "", 2, "is no digest"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused(
    shared_shop: Shop, words: tuple[str, ...], by: str, code: int, says: str
) -> None:
    done = shared_shop.run(*words, by=by)
    assert done.code == code, done
    assert says in " ".join(done.err.split()), done
    assert done.out == ""
    found = shared_shop.run(*words, "--json", by=by).json["error"]
    assert found["remedy"]


def test_a_mistake_in_the_file_refuses_the_proposal_with_its_place(asking: Shop) -> None:
    for group, says in (("$owners", "a policy has none"), ("module-teem", 'did you mean "module-team"?')):
        (asking.root / "tidegate.yaml").write_text(
            asking.policy_text(head=NEW).replace("{from: module-team}", f"{{from: {group}}}", 1)
        )
        for verb in ("propose", "adopt"):
            done = asking.run("policy", verb, by="rita")
            assert done.code == 2
            assert says in " ".join(done.err.split())
            assert done.err.startswith("tidegate.yaml:4:")


def test_what_people_wrote_reaches_no_terminal_as_it_is(asking: Shop) -> None:
    hostile = "\x1b[31mred\x07\r\x9b2J\u202e"
    asking.good("policy", "propose", "--because", hostile, by="rita")
    digest = asking.good("policy", "propose", "--json", by="rita").json["digest"]
    asking.good("policy", "reject", digest, "--reason", hostile, by="alice")
    shown = asking.good("policy", "history").out
    assert shown.count("red") >= 2
    wrong = asking.run("policy", "approve", hostile, "--role", hostile, "--as", hostile)
    for text in (shown, wrong.err, asking.good("audit", "log").out):
        assert not set(text) & {"\x1b", "\x07", "\r", "\x9b", "\u202e"}
