"""Two components of which one requires the other, a branch that may deploy, and a patch that is none: typed."""

from __future__ import annotations

from tests.support.shop import Shop, flat

HOST = "web1"


def platform(shop: Shop, environment: str) -> str:
    """The target of the platform in an environment: one host of its own."""
    path = shop.host(f"platform-{environment}", HOST)
    return f'{{driver: host, hosts: [{{name: {HOST}, address: local, path: {path}}}], restart: ["true"]}}'


def with_platform(shop: Shop) -> None:
    """Write the policy of a shop that requires a platform, and commit the platform as version 3.0.0."""
    targets = ", ".join(f"{name}: {platform(shop, name)}" for name in ("staging", "production"))
    declared = f'  platform:\n    path: platform\n    tag: "platform-v{{version}}"\n    targets: {{{targets}}}\n'
    text = shop.policy_text().replace("components:\n", f"components:\n{declared}", 1)
    text = text.replace("    path: app\n", '    path: app\n    requires: {platform: ">=3.1.0"}\n', 1)
    (shop.root / "tidegate.yaml").write_text(text)
    shop.repository.commit("feat: the platform", {"platform/b.txt": "1"})
    shop.repository.tag("platform-v3.0.0")


def runs_already(shop: Shop, environment: str) -> None:
    """The platform runs there, and nobody knows its version."""
    host = shop.host(f"platform-{environment}", HOST)
    old = host / "releases" / "old"
    old.mkdir(parents=True)
    (old / "b.txt").write_text("1")
    (host / "current").symlink_to("releases/old")


def test_a_component_goes_only_where_what_it_requires_runs(shop: Shop) -> None:
    with_platform(shop)
    runs_already(shop, "staging")
    assert "goes after platform >=3.1.0, which it requires" in shop.good("plan", "shop").out
    release = shop.open()
    assert "requires   platform >=3.1.0" in shop.good("release", "show", release).out
    assert "- Requires platform v3.1.0+" in shop.good("release", "notes", release).out
    shop.good("evidence", "add", release, shop.report, by="rita")

    unknown = shop.run("check", release, "--for", "staging")
    assert unknown.code == 3
    assert "? requires.platform: shop 1.1.0 requires platform >=3.1.0, and nobody knows which" in flat(unknown.out)
    assert "> say it: tidegate adopt platform staging --version VERSION; or deploy" in flat(unknown.out)

    shop.good("adopt", "platform", "staging", "--version", "3.0.0", by="rita")
    refused = shop.run("deploy", release, "staging", by="rita")
    assert refused.code == 3
    assert "✗ requires.platform: shop 1.1.0 requires platform >=3.1.0, and staging runs 3.0.0" in flat(refused.err)
    assert shop.runs("staging") == ["", "", ""]

    shop.repository.commit("feat: what the shop needs", {"platform/b.txt": "2"})
    new = shop.good("release", "open", "platform", "--json", by="rita").json["id"]
    assert new == "platform-3.1.0"
    shop.good("evidence", "add", new, shop.report, by="rita")
    shop.good("deploy", new, "staging", by="rita")

    allowed = shop.good("deploy", release, "staging", by="rita")
    assert "✓ shop 1.1.0 runs in staging" in allowed.out

    back = shop.good("rollback", "platform", "staging", by="rita")
    assert "platform 3.0.0 runs in staging again" in back.out
    said = " ".join(back.err.split())
    assert "note: shop 1.1.0 requires platform >=3.1.0, and going back leaves platform 3.0.0 in staging" in said
    assert "all the same" in shop.good("audit", "rejudge").out


def test_what_would_break_who_runs_there_is_refused_and_names_them(shop: Shop) -> None:
    with_platform(shop)
    text = (shop.root / "tidegate.yaml").read_text()
    (shop.root / "tidegate.yaml").write_text(text.replace('">=3.1.0"', '">=3 <4"'))
    runs_already(shop, "staging")
    release = shop.open()
    shop.good("evidence", "add", release, shop.report, by="rita")
    shop.good("adopt", "platform", "staging", "--version", "3.0.0", by="rita")
    shop.good("deploy", release, "staging", by="rita")

    shop.repository.commit("feat: more", {"platform/b.txt": "2"})
    new = shop.good("release", "open", "platform", "--version", "4.0.0", "--type", "minor", "--json", by="rita").json
    shop.good("evidence", "add", new["id"], shop.report, by="rita")
    refused = shop.run("deploy", new["id"], "staging", by="rita")

    assert refused.code == 3
    said = flat(refused.err)
    assert "shop 1.1.0, which runs in staging, requires platform >=3 <4, and this release brings 4.0.0" in said
    assert "> first bring a version of shop to staging that works with platform 4.0.0" in said


def test_a_requirement_that_is_none_is_told_with_its_place(shop: Shop) -> None:
    with_platform(shop)
    path = shop.root / "tidegate.yaml"
    path.write_text(path.read_text().replace('">=3.1.0"', '">=3.1.0 latest"'))
    line = next(n for n, text in enumerate(path.read_text().splitlines(), 1) if "latest" in text)

    found = shop.run("policy", "check")

    assert found.code == 2
    assert '">=3.1.0 latest" is not a requirement on versions: latest is not a version' in " ".join(found.out.split())
    column = path.read_text().splitlines()[line - 1].index("latest") + 1
    assert f"tidegate.yaml:{line}:{column}" in found.out


def test_requirements_that_cannot_be_met_are_findings(shop: Shop) -> None:
    with_platform(shop)
    path = shop.root / "tidegate.yaml"
    text = path.read_text().replace('">=3.1.0"', '">=3 <2"')
    path.write_text(text.replace("    path: platform\n", "    path: platform\n    requires: {shop: '*'}\n"))

    found = shop.run("policy", "check", "--json")

    rules = {finding["rule"] for finding in found.json["findings"]}
    assert {"requires.contradictory", "requires.cycle"} <= rules


def test_a_commit_on_no_branch_that_may_deploy_is_refused(shop: Shop) -> None:
    text = shop.policy_text(head="branches: {main: {pattern: main}}\n")
    (shop.root / "tidegate.yaml").write_text(
        text.replace("staging: {purpose", "staging: {deploy_from: [main], purpose")
    )
    shop.repository.branch("side")
    commit = shop.repository.commit("feat: on the side", {"app/a.txt": "3"})
    plan = shop.good("plan", "shop")
    assert "which does not come from main" in plan.out
    release = shop.open()
    shop.good("evidence", "add", release, shop.report, by="rita")

    refused = shop.run("deploy", release, "staging", by="rita")
    assert refused.code == 3
    said = flat(refused.err)
    assert f"shop 1.1.0 is made of {commit[:10]}, which does not come from main" in said
    assert "> merge it into main; where that makes another commit of it" in said
    waits = shop.good("status", "--json").json["open_releases"]
    assert [f for f in waits[0]["against"] if "does not come from main" in f]

    shop.repository.switch("main")
    shop.repository.merge("side", "Merge branch 'side'")
    deployed = shop.good("deploy", release, "staging", by="rita")
    assert "✓ shop 1.1.0 runs in staging" in deployed.out

    # What was seen is recorded: the branches may be gone when it is judged again.
    shop.repository.git("switch", "--quiet", "--detach")
    shop.repository.git("branch", "--delete", "--force", "main", "side")
    assert "all the same" in shop.good("audit", "rejudge").out


def test_a_feature_in_a_patch_is_refused(shop: Shop) -> None:
    for command in (["release", "open", "shop", "--type", "patch"], ["release", "open", "shop", "--version", "1.0.1"]):
        refused = shop.run(*command, by="rita")
        assert refused.code == 2
        said = flat(refused.err)
        assert '"second" asks for minor, and a patch release contains patch at most' in said
        assert "open it with --type: minor; or leave that out, with --at REVISION" in said
    planned = shop.run("plan", "shop", "--type", "patch")
    assert planned.code == 2
    assert shop.good("release", "list", "--json").json == []


def test_commits_that_follow_no_convention_are_refused_where_the_policy_says_so(shop: Shop) -> None:
    shop.write_policy(head="versioning: {unconventional: refuse}\n")
    commit = shop.repository.commit("tidy up", {"app/a.txt": "3"})
    release = shop.open()
    checked = shop.run("check", release, "--for", "staging")
    assert checked.code == 3
    assert f"✗ content.convention: 1 commit of shop follows no convention: {commit[:10]}" in flat(checked.out)
