"""``tidegate policy diff``, typed: what it prints, how it ends, and that it leaves everything as it was."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.support.shop import Shop


def proposal(shop: Shop) -> str:
    """A policy that asks for more here and for less there; the name of its file."""
    text = shop.policy_text(minor="notice: 3d, ").replace("count: 2", "count: 1").replace("name: Bob", "name: Robert")
    (shop.root / "b.yaml").write_text(text)
    return "b.yaml"


def place(shop: Shop, file: str, text: str) -> str:
    """Where a value stands in a file, as ``file:line:column``."""
    before = (shop.root / file).read_text().partition(text)[0]
    return f"{file}:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


def content(shop: Shop) -> dict[str, str]:
    """Every file of the workspace but SQLite's own beside the database, by its digest."""
    return {
        str(path.relative_to(shop.root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(shop.root.rglob("*"))
        if path.is_file() and not path.name.endswith(("-wal", "-shm"))
    }


def test_it_says_what_becomes_stricter_and_looser_and_whom_it_stops(shop: Shop) -> None:
    release = shop.ready()
    file = proposal(shop)
    before = content(shop)

    said = shop.good("policy", "diff", file)

    active = shop.good("policy", "show", "--json").json["digest"]
    proposed = shop.good("policy", "check", file, "--json").json["digest"]
    assert said.out.splitlines()[:17] == [
        f"from active  {active[:19]}…",
        f"to   b.yaml  {proposed[:19]}…",
        "",
        "stricter (1)",
        "  + release_types.minor.notice: 3d was added",
        f"      {place(shop, file, '3d, ')}",
        "",
        "looser (1)",
        "  - release_types.minor.approvals[module-team].count: 2 became 1",
        f"      {place(shop, file, '1}, {from: tech-leads')}",
        "",
        "other (1)",
        "  ~ people.bob.name: Bob became Robert",
        f"      {place(shop, file, 'Robert')}",
        "",
        "open releases (1 answer, 1 changed)",
        f"  {release} in production: ✓ allow became ✗ deny",
    ]
    assert "    now in the way: notice: a minor release needs 3d of notice, until" in said.out
    assert "in the way: approval" not in said.out
    assert max(map(len, said.out.splitlines())) <= 80
    assert content(shop) == before


def test_it_answers_in_json(shop: Shop) -> None:
    shop.open()
    found = shop.good("policy", "diff", proposal(shop), "--json").json
    assert found["before"]["name"] == "active"
    (stricter,), (looser,), (other,) = found["stricter"], found["looser"], found["other"]
    assert stricter == {
        "path": "release_types.minor.notice",
        "direction": "stricter",
        "kind": "rule",
        "was": None,
        "now": "3d",
        "what": "release_types.minor.notice: 3d was added",
        "where": place(shop, "b.yaml", "3d, "),
    }
    assert (looser["was"], looser["now"], looser["kind"]) == (2, 1, "rule")
    assert (other["path"], other["kind"]) == ("people.bob.name", "people")
    assert found["releases"]["asked"] == 2
    (changed,) = found["releases"]["changed"]
    assert (changed["environment"], changed["was"], changed["now"]) == ("production", "deny", "deny")
    assert "notice" in {reason["rule"] for reason in changed["in_the_way"]}


def test_it_ends_with_0_and_with_10_where_that_is_asked_for(shop: Shop) -> None:
    shop.good("plan", "shop")
    file = proposal(shop)
    same, other = ("policy", "diff"), ("policy", "diff", "active", file)
    assert (shop.run(*same).code, shop.run(*other).code) == (0, 0)
    assert (shop.run(*same, "--exit-code").code, shop.run(*other, "--exit-code").code) == (0, 10)
    assert "the two are the same policy" in shop.good(*same).out


def test_turned_round_the_places_are_those_of_the_file(shop: Shop) -> None:
    shop.good("plan", "shop")
    file = proposal(shop)
    lines = shop.good("policy", "diff", file, "adopted:1").out.splitlines()
    gone = lines.index("  - release_types.minor.notice: 3d was removed")
    assert lines[gone + 1] == f"      {place(shop, file, '3d, ')}"


def test_two_files_need_no_store_and_make_none(shop: Shop) -> None:
    file = proposal(shop)
    done = shop.good("policy", "diff", "tidegate.yaml", file)
    assert "stricter (1)" in done.out
    assert "open releases" not in done.out
    assert done.err == "note: no open release was asked about: there is no store yet\n"
    assert not (shop.root / ".tidegate").exists()
    as_json = shop.good("policy", "diff", "tidegate.yaml", file, "--json")
    assert as_json.json["releases"] is None


def test_two_files_can_be_compared_anywhere(shop: Shop, tmp_path: Path) -> None:
    file = proposal(shop)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = shop.run("policy", "diff", shop.root / "tidegate.yaml", shop.root / file, cwd=elsewhere)
    assert done.code == 0
    assert "looser (1)" in done.out
    assert list(elsewhere.iterdir()) == []


def test_the_active_policy_needs_a_store(shop: Shop) -> None:
    done = shop.run("policy", "diff")
    assert (done.code, done.out) == (5, "")
    assert "there is no store yet" in " ".join(done.err.split())
    assert not (shop.root / ".tidegate").exists()


def test_what_cannot_be_compared_is_refused(shop: Shop) -> None:
    shop.good("plan", "shop")
    (shop.root / "broken.yaml").write_text("tidegate: 1\ncolour: blue\n")
    for words, code, sentence in (
        (("a", "b", "c"), 2, "Got unexpected extra argument (c)"),
        (("adopted:9",), 5, "no policy was adopted as number 9"),
        (("f" * 12,), 5, "no policy that was adopted has a digest that begins with ffffffffffff"),
        (("none.yaml",), 5, "none.yaml: there is no policy file"),
        (("broken.yaml",), 2, "broken.yaml:2:1"),
        (("x" * 5000,), 2, "it cannot be read: File name too long"),
    ):
        done = shop.run("policy", "diff", *words)
        assert (done.code, done.out) == (code, ""), done
        assert sentence in " ".join(done.err.split())


def test_what_strangers_wrote_disturbs_no_terminal(shop: Shop) -> None:
    shop.good("plan", "shop")
    name = "b\u202e\x1b[31m.yaml"
    (shop.root / proposal(shop)).rename(shop.root / name)
    out = shop.good("policy", "diff", name).out
    assert "stricter (1)" in out
    assert not {"\u202e", "\x1b"} & set(out)
