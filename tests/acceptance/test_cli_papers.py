"""Documents, checklists, waivers and what is said of a release: typed, from nothing to a yes."""

from __future__ import annotations

from tests.support.shop import Shop, flat

ASKS = """\
documents:
  runbook: {title: Runbook, path: "docs/{component}.md", sections: [Steps]}
  rfc: {title: RFC, reviewed_by: tech-leads}
checklists:
  ready:
    title: Ready
    items:
      tests: {says: All tests pass, gate: tests}
      docs: {says: Documentation updated, heading: Documentation}
      readme: {says: README.md updated, only: if-needed, heading: Documentation}
"""


def asking(shop: Shop) -> None:
    """Write the shop's policy with documents, a checklist, criteria and a gate that can be waived."""
    text = shop.policy_text(minor="criteria: [Data loss], ")
    text = text.replace("    purpose: production\n", "    purpose: production\n    documents: [runbook, rfc]\n", 1)
    text = text.replace("    documents: [", "    gates: [tests]\n    checklists: [ready]\n    documents: [", 1)
    text = text.replace(
        'tests.failed == 0"}', 'tests.failed == 0", waiver: {by: {from: tech-leads}, lasts: 3d}}', 1
    ).replace("environments:\n", f"{ASKS}environments:\n", 1)
    (shop.root / "tidegate.yaml").write_text(text)


def said(text: str) -> str:
    return " ".join(text.split())


def test_from_nothing_to_a_yes(shop: Shop) -> None:
    asking(shop)
    begun = shop.good("document", "new", "runbook", "--of", "shop", by="rita")
    assert begun.out == "✓ wrote docs/shop.md\n  fill it in, and commit it\n"
    runbook = shop.root / "docs" / "shop.md"
    assert runbook.read_text() == "# Runbook\n\n## Steps\n\n{to be written}\n"
    shop.repository.commit("docs: begin the runbook", {"docs/shop.md": runbook.read_text()})
    first = shop.open()
    refused = shop.run("check", first, "--for", "production")
    assert refused.code == 3
    assert "✗ document.runbook: Runbook of shop 1.1.0: docs/shop.md is its template, unedited" in flat(refused.out)
    shop.good("release", "cancel", first, "--reason", "no runbook", by="rita")
    shop.repository.commit("docs: write the runbook", {"docs/shop.md": "# Runbook\n\n## Steps\n\nTurn it on.\n"})
    release = shop.open()

    assert said(shop.good("document", "list", release).out).startswith("✓ runbook: Runbook (docs/shop.md) asked for by")
    nothing = shop.run("document", "attach", release, "rfc", "none.md", by="rita")
    assert nothing.code == 5
    assert "error: none.md: there is no such file" in nothing.err
    (shop.root / "rfc.md").write_text("We change it, because.\n")
    shop.good("document", "attach", release, "rfc", "rfc.md", by="rita")
    bob = shop.run("document", "review", release, "rfc", by="bob")
    assert bob.code == 4
    assert "bob is not of tech-leads, and cannot review RFC" in bob.err
    reviewed = shop.good("document", "review", release, "rfc", "--json", by="carol").json
    assert (reviewed["document"], reviewed["person"]) == ("rfc", "carol")

    ticked = shop.good("checklist", "tick", release, "ready", "docs", by="rita")
    assert ticked.out.startswith("✓ ready/docs: rita ticked it\n  bound to subject sha256:")
    assert shop.run("checklist", "tick", release, "ready", "tests", by="rita").code == 6
    shop.good("checklist", "tick", release, "ready", "readme", "--not-needed", "--reason", "no change", by="rita")
    shown = said(shop.good("checklist", "show", release).out)
    assert shown.startswith("Ready (ready), before production: 2 of 3 are ticked ? All tests pass (tests) gate.tests")
    assert 'README.md updated (readme) rita: not needed: "no change"' in shown

    amended = shop.good("release", "amend", release, "--criterion", "Data loss", "--no-downtime", by="rita")
    assert amended.out == f"✓ {release} is amended: criterion: Data loss; downtime: False\n"
    asked = shop.good("waive", release, "tests", "--reason", "no runner", "--until", "2d", by="rita")
    assert asked.out.startswith("✓ rita asks for a waiver of tests until ")
    assert "1 more must agree, of carol" in said(shop.good("waivers").out)
    shop.good("waive", release, "tests", "--agree", by="carol")
    listed = shop.good("waivers", release, "--json").json
    assert (listed["in_force"], listed["by_gate"]) == (1, {"tests": 1})

    check = flat(shop.run("check", release, "--for", "production").out)
    assert "! gate.tests: waived until " in check
    assert 'rita asked and carol agreed: "no runner"; without the waiver: nobody can tell: there is no junit' in check
    assert "criterion" in check
    for rule in ("document.rfc", "document.runbook", "checklist.ready"):
        assert f"✓ {rule}: " in check
    ended = shop.good("waive", release, "tests", "--end", "--reason", "there is one", by="rita")
    assert ended.out == f"✓ the waiver of tests for {release} is taken back\n"
    assert "all the same" in shop.good("audit", "rejudge").out


def test_what_is_typed_wrongly(shop: Shop) -> None:
    asking(shop)
    release = shop.open()
    for words, sentence in (
        (
            ("waive", release, "tests"),
            "to ask for a waiver, say --reason TEXT and --until DATE; to agree to one, --agree",
        ),
        (("waive", release, "tests", "--agree", "--end"), "--agree and --end cannot be said at once"),
        (("waive", release, "tests", "--agree", "--until", "2d"), "--until is for who asks for a waiver; leave it out"),
        (
            ("waive", release, "tests", "--reason", "x", "--until", "soon"),
            '--until "soon" names no moment; write a day, a time in the policy\'s zone, or a length of time from now',
        ),
        (("release", "amend", release), "nothing is said of the release"),
        (("checklist", "tick", release, "ready", "readme", "--not-needed"), "a point that is not needed says why"),
    ):
        done = shop.run(*words, by="rita")
        assert (done.code, f"error: {sentence}" in said(done.err)) == (2, True), done.err


def test_a_document_is_begun_where_it_is_looked_for(shop: Shop) -> None:
    asking(shop)
    policy = (shop.root / "tidegate.yaml").read_text()
    (shop.root / "tidegate.yaml").write_text(policy.replace("docs/{component}.md", "docs/{component}-{version}.md"))
    nameless = shop.run("document", "new", "runbook", "--version", "1.1.0")
    assert nameless.code == 2
    assert "Runbook lies at docs/{component}-{version}.md" in said(nameless.err)
    assert "say which it is: --of COMPONENT" in nameless.err
    unknown = shop.run("document", "new", "runbook", "--of", "shops", "--version", "1.1.0")
    assert (unknown.code, 'the policy knows no component "shops"' in unknown.err) == (5, True)
    assert not (shop.root / "docs").exists()
    begun = shop.good("document", "new", "runbook", "--of", "shop", "--version", "1.1.0")
    assert begun.out == "✓ wrote docs/shop-1.1.0.md\n  fill it in, and commit it\n"
    (shop.root / "docs" / "shop-1.1.0.md").unlink()
    assert shop.good("document", "new", "runbook", "--of", "shop").out.startswith("✓ wrote docs/shop-1.1.0.md\n")
    shop.open()
    assert shop.good("document", "new", "runbook", "--of", "shop").out.startswith("✓ wrote docs/shop-1.1.1.md\n")
    attached = shop.good("document", "new", "rfc")
    assert said(attached.out) == (
        "✓ wrote rfc.md fill it in, and attach it: tidegate document attach RELEASE rfc rfc.md"
    )
