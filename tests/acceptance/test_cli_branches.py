"""Branches and tags as people type them: a release branch, its freeze, a hotfix, tags that are moved, locks."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.gitrepo import isolated_environment
from tests.support.shop import Done, Shop, flat


@pytest.fixture
def shop(shop: Shop) -> Shop:
    """The organisation, with its remote ``origin``, and without its own files in its history."""
    (shop.root / ".git" / "info" / "exclude").write_text(".tidegate\ntidegate.yaml\n")
    subprocess.run(["git", "clone", "-q", "--bare", shop.root, remote(shop)], check=True)
    shop.repository.git("remote", "add", "origin", str(remote(shop)))
    return shop


def remote(shop: Shop) -> Path:
    return shop.directory / "remote.git"


def at(shop: Shop, name: str) -> str:
    return shop.repository.git("rev-parse", f"{name}^{{}}")


def fix(shop: Shop, name: str = "mended", message: str = "fix: mend it") -> str:
    return shop.repository.commit(message, {f"app/{name}.txt": "1"})


def test_from_a_release_branch_to_its_tag_and_back(shop: Shop) -> None:
    cut = shop.good("branch", "cut", "shop", "1.1.0", "--push", by="rita")
    start = at(shop, "main")
    assert cut.out == (
        f"✓ made release/v1.1.0 at {start[:12]}, from main\n"
        "  pushed to origin, and read back\n"
        "  prepare it:  tidegate branch prepare shop 1.1.0\n"
        "  pick to it:  tidegate branch pick release/v1.1.0 COMMIT\n"
        "  judge it:    tidegate branch check shop 1.1.0\n"
    )
    mended = fix(shop)
    picked = shop.good("branch", "pick", "release/v1.1.0", mended, "--push", by="rita")
    tip = at(shop, "release/v1.1.0")
    assert picked.out == (
        f"✓ {mended[:12]} is {tip[:12]}: fix: mend it\n"
        f"  release/v1.1.0 is at {tip[:12]} now\n"
        "  pushed to origin, and read back\n"
    )
    again = shop.good("branch", "pick", "release/v1.1.0", mended, by="rita")
    assert again.out == (
        f"- {mended[:12]} fix: mend it: it is there as {tip[:12]}, by its recorded origin\n"
        "  nothing has changed on release/v1.1.0\n"
    )
    clean = shop.good("branch", "check", "shop", "1.1.0")
    assert clean.out == (
        f"✓ release/v1.1.0: 1 commit since {start[:12]}, all of them may be there (fix,\n  docs, test, chore)\n"
    )
    opened = shop.good("release", "open", "shop", "--at", "release/v1.1.0", "--json", by="rita").json["id"]
    tagged = shop.good("tag", "shop", "1.1.0", "--push", by="rita")
    assert tagged.out == (
        f"✓ shop-v1.1.0 is at {tip[:12]} (signed)\n"
        f"  recorded with the release {opened}\n"
        "  pushed to origin, and read back\n"
    )
    assert shop.good("tag", "verify", "--remote", "origin").out.startswith("✓ 1 tag here, as it was set: shop-v1.1.0\n")
    assert "all the same" in shop.good("audit", "rejudge").out
    log = shop.good("audit", "log").out
    assert "branch.picked" in log
    assert "version.tagged" in log


def test_what_may_not_pass_is_refused_and_what_came_by_itself_is_found(shop: Shop) -> None:
    shop.good("branch", "cut", "shop", "1.1.0", by="rita")
    feature = fix(shop, "more", "feat: more\x1b[31m")
    refused = shop.run("branch", "pick", "release/v1.1.0", feature, by="rita")
    assert (refused.code, refused.out) == (3, "")
    assert refused.err == (
        f"error: release/v1.1.0 is frozen: {feature[:12]} (more[31m): feat may not pass:\n"
        "  only fix, docs, test, chore may pass\n"
        "  > let it ride the next release; or say in the policy what may pass:\n"
        "    branches.NAME.allows\n"
    )
    shop.repository.switch("release/v1.1.0")
    shop.repository.git("cherry-pick", feature)
    shop.repository.switch("main")
    found = shop.run("branch", "check", "shop", "1.1.0")
    assert found.code == 3
    assert "feat may not pass" in found.out
    assert "\x1b" not in found.out
    data = shop.run("branch", "check", "shop", "1.1.0", "--json")
    assert (data.code, [offence["kind"] for offence in data.json["offences"]]) == (3, ["feat"])


def test_a_conflict_is_told_file_by_file(shop: Shop) -> None:
    shop.good("branch", "cut", "shop", "1.1.0", by="rita")
    shop.repository.commit("fix: one", {"app/a.txt": "3", "app/b.txt": "1"})
    clash = shop.repository.commit("fix: two", {"app/a.txt": "4", "app/b.txt": "2"})
    state = shop.repository.git("for-each-ref"), shop.repository.git("status", "--porcelain")
    told = shop.run("branch", "pick", "release/v1.1.0", clash, by="rita")
    assert (told.code, told.out) == (6, "")
    assert told.err == (
        f"error: {clash[:12]} does not fit on release/v1.1.0\n"
        "    app/a.txt: both sides changed the same lines\n"
        "    app/b.txt: one side changed it, the other deleted it\n"
        "  > do it by hand, in a work tree of release/v1.1.0: git cherry-pick -x\n"
        f"    {clash[:12]}; resolve the files, and push\n"
    )
    record = shop.run("branch", "pick", "release/v1.1.0", clash, "--json", by="rita").json["error"]
    assert record["kind"] == "merge_conflict"
    assert [file["path"] for file in record["files"]] == ["app/a.txt", "app/b.txt"]
    assert (shop.repository.git("for-each-ref"), shop.repository.git("status", "--porcelain")) == state


def test_a_hotfix_and_its_way_back(shop: Shop) -> None:
    made = shop.good("hotfix", "shop", "--json", by="rita").json
    assert (made["branch"], made["made_from"], made["from_version"]) == ("hotfix/v1.0.1", "shop-v1.0.0", "1.0.0")
    urgent = fix(shop, "urgent", "fix: urgent")
    shop.repository.git("reset", "-q", "--hard", "HEAD~1")
    shop.good("branch", "pick", "hotfix/v1.0.1", urgent, by="rita")
    shop.repository.git("branch", "develop", "main")
    proposed = shop.good("branch", "merge-back", "hotfix/v1.0.1")
    tip = at(shop, "hotfix/v1.0.1")
    assert proposed.out == (
        "! main lacks 1 commit of hotfix/v1.0.1\n"
        f"    {tip[:12]} fix: urgent\n"
        "    main is protected: push the branch, and open a pull request into main\n"
        "    > git push origin hotfix/v1.0.1\n"
    )
    into = shop.good("branch", "merge-back", "hotfix/v1.0.1", "--into", "develop")
    assert "> tidegate branch merge-back hotfix/v1.0.1 --into develop --do" in into.out
    done = shop.good("branch", "merge-back", "hotfix/v1.0.1", "--into", "develop", "--do", by="rita")
    assert done.out.startswith("✓ merged hotfix/v1.0.1 into develop, as ")
    refused = shop.run("branch", "merge-back", "hotfix/v1.0.1", "--into", "main", "--do", by="rita")
    assert refused.code == 4
    assert refused.err.startswith("error: the branch main is protected: Tidegate never writes to it\n")
    assert shop.run("branch", "merge-back", "hotfix/v1.0.1", "--push").code == 2


def test_a_tag_that_was_moved_is_told_with_what_it_was(shop: Shop) -> None:
    shop.good("tag", "shop", "1.1.0", "--as", "rita")
    was, there = shop.repository.git("rev-parse", "shop-v1.1.0"), at(shop, "main")
    shop.repository.git("tag", "-f", "shop-v1.1.0", "main~1")
    moved = shop.run("tag", "verify", "shop")
    assert moved.code == 1
    assert moved.out == (
        "✗ shop-v1.1.0: it was moved to another commit\n"
        f"    was  {was[:12]} at commit {there[:12]}\n"
        f"    is   {at(shop, 'main~1')[:12]} at commit {at(shop, 'main~1')[:12]}\n"
        "    > find out who moved it; then: git tag -d shop-v1.1.0 && tidegate tag set\n"
        f"      shop 1.1.0 --at {there[:12]}\n"
    )
    refused = shop.run("tag", "set", "shop", "1.1.0", by="rita")
    assert refused.code == 6
    assert refused.err.startswith("error: shop 1.1.0 is there already: the tag shop-v1.1.0 is at ")
    assert shop.run("tag", "verify", "--json").json[0]["standing"] == "moved"


def test_a_locked_branch_refuses_a_real_push(shop: Shop) -> None:
    shop.good("branch", "cut", "shop", "1.1.0", "--push", by="rita")
    assert shop.good("branch", "lock", "release/v1.1.0", by="rita").out == (
        "✓ release/v1.1.0 is locked at origin, as read back\n"
    )
    assert shop.good("branch", "locks").out.startswith("release/v1.1.0  by rita since 2")
    mended = fix(shop)
    shop.good("branch", "pick", "release/v1.1.0", mended, by="rita")
    push = git_push(shop)
    assert push.code != 0
    assert "tidegate: release/v1.1.0 is locked by rita since" in push.err
    refused = shop.run("branch", "unlock", "release/v1.1.0", "--as", "rita")
    assert refused.code == 4
    assert "rita is only asserted; hold asks for signature" in refused.err
    assert shop.good("branch", "unlock", "release/v1.1.0", by="rita").out == (
        "✓ release/v1.1.0 is unlocked at origin, as read back\n"
    )
    assert git_push(shop).code == 0
    assert shop.good("branch", "locks").out == "no branch is locked at origin\n"


def git_push(shop: Shop) -> Done:
    words = ["git", "push", "origin", "release/v1.1.0"]
    done = subprocess.run(words, cwd=shop.root, env=isolated_environment(), capture_output=True, text=True, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("branch", "cut", "shop", "1.2"), 2, "1.2 is not a version"),
        (("branch", "cut", "nobody", "1.2.0"), 5, 'the policy knows no component "nobody"'),
        (("branch", "cut", "shop", "1.2.0", "--from", "--all"), 5, 'there is no commit "--all" here'),
        (("branch", "pick", "release/v9.0.0", "HEAD"), 5, "there is no branch release/v9.0.0"),
        (("branch", "pick", "--", "-x", "HEAD"), 2, '"-x" is not a branch name'),
        (("branch", "lock", "a b"), 2, '"a b" is not a branch name'),
        (("branch", "lock", "x", "--remote", "ext::sh"), 2, '"ext::sh" is no address that Tidegate pushes to'),
        (("branch", "locks", "--remote", "nowhere"), 5, "there is no remote nowhere"),
        (("tag", "shop", "1.2.0", "--push", "--remote", "nowhere"), 5, "there is no remote nowhere"),
        (("hotfix", "shop", "--environment", "moon"), 5, 'the policy knows no environment "moon"'),
        (("tag", "nobody", "1.2.0"), 5, 'the policy knows no component "nobody"'),
    ],
)
def test_what_cannot_be_is_told(shop: Shop, words: tuple[str, ...], code: int, said: str) -> None:
    refs = shop.repository.git("for-each-ref")
    signed = (words[0], *words[1:2], "--as", "rita", "--key", str(shop.keys / "rita"), *words[2:])
    done = shop.run(*signed)
    assert done.code == code, done
    assert f"error: {said}" in done.err.replace("\n  ", " ").replace(f"{shop.root}: ", "")
    assert shop.repository.git("for-each-ref") == refs


def with_version_file(shop: Shop) -> None:
    """The policy names a version file, and the repository has it at the version before."""
    text = shop.policy_text().replace("    path: app\n", "    path: app\n    version_files: [package.json]\n", 1)
    (shop.root / "tidegate.yaml").write_text(text)
    shop.repository.commit("chore: a package", {"app/package.json": '{\n  "name": "shop",\n  "version": "1.0.0"\n}\n'})


def test_a_release_is_prepared_on_its_branch_in_one_commit(shop: Shop) -> None:
    with_version_file(shop)
    before = shop.repository.git("status", "--porcelain"), at(shop, "main")
    shop.good("branch", "cut", "shop", "1.1.0", by="rita")
    start = at(shop, "release/v1.1.0")

    tried = shop.good("branch", "prepare", "shop", "1.1.0", "--dry-run", by="rita")
    assert tried.out == (
        "release/v1.1.0 would say shop 1.1.0\n"
        "  ✓  version    app/package.json\n"
        "  ✓  changelog  app/CHANGELOG.md\n"
        "  ✓  notes      docs/releases/shop-1.1.0.md\n"
        "  nothing was written\n"
    )
    assert at(shop, "release/v1.1.0") == start

    done = shop.good("branch", "prepare", "shop", "1.1.0", "--push", by="rita")
    tip = at(shop, "release/v1.1.0")
    assert done.out.startswith(f"✓ prepared shop 1.1.0 on release/v1.1.0, as {tip[:12]}\n")
    assert "  pushed to origin, and read back\n" in done.out
    assert shop.repository.git("log", "--format=%s%n%an", "-1", tip) == "chore(release): shop 1.1.0\nRita"
    changed = shop.repository.git("diff", "--name-only", start, tip).split("\n")
    assert changed == ["app/CHANGELOG.md", "app/package.json", "docs/releases/shop-1.1.0.md"]
    assert '"version": "1.1.0"' in shop.repository.git("show", f"{tip}:app/package.json")
    assert "- Second" in shop.repository.git("show", f"{tip}:app/CHANGELOG.md")
    assert (shop.repository.git("status", "--porcelain"), at(shop, "main")) == before
    assert shop.good("branch", "check", "shop", "1.1.0").out.startswith("✓ release/v1.1.0: 1 commit since")

    again = shop.good("branch", "prepare", "shop", "1.1.0", by="rita")
    assert again.out.startswith("release/v1.1.0 says all of shop 1.1.0 already\n")
    assert at(shop, "release/v1.1.0") == tip
    leaves = shop.good("audit", "log", "--json").json
    assert [leaf["data"]["to"] for leaf in leaves if leaf["kind"] == "branch.prepared"] == [tip]


def test_a_branch_that_cannot_be_prepared_stays_as_it_is(shop: Shop) -> None:
    with_version_file(shop)
    shop.good("branch", "cut", "shop", "1.1.0", by="rita")
    start = at(shop, "release/v1.1.0")
    refused = shop.run("branch", "prepare", "shop", "1.1.0", by="bob")
    assert refused.code == 4, refused
    shop.repository.git("switch", "--quiet", "release/v1.1.0")
    out = shop.run("branch", "prepare", "shop", "1.1.0", by="rita")
    assert "is checked out" in out.err
    assert at(shop, "release/v1.1.0") == start
    shop.repository.commit(
        "docs: by hand", {"app/CHANGELOG.md": "# Changelog\n\n## [1.1.0] - 2026-01-01\n\n- By hand\n"}
    )
    shop.repository.git("switch", "--quiet", "main")
    hand = shop.run("branch", "prepare", "shop", "1.1.0", by="rita")
    assert "the section 1.1.0 is there, Tidegate did not write it, and it says something else" in flat(hand.err)
    assert at(shop, "release/v1.1.0") != start
    missing = shop.run("branch", "prepare", "shop", "1.2.0", by="rita")
    assert "there is no branch for shop 1.2.0" in missing.err
