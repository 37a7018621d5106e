"""`tidegate policy explain`, typed: for people, as data, as a page, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.test_cli_output import modules
from tests.support.shop import Shop


def test_the_policy_is_said_to_people(shop: Shop) -> None:
    done = shop.run("policy", "explain")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[:2] == ["Shop", "The release policy"]
    assert "Shop releases one component to staging and production." in " ".join(lines)
    assert "  • two of the module team (Alice, Bob and Dora)" in lines
    long = [line for line in lines if len(line) > 80]
    # Fingerprints and paths stay whole, so that they can be copied.
    assert [line for line in long if "SHA256:" not in line and str(shop.directory) not in line] == []
    assert not (shop.root / ".tidegate").exists()


def test_one_type_and_one_environment_are_said_alone(shop: Shop) -> None:
    done = shop.run("policy", "explain", "--type", "minor", "--environment", "production")
    assert done.out.startswith("Shop\nA minor release on its way to production\n")
    assert "GATES" not in done.out
    assert "A patch release" not in done.out


def test_another_file_can_be_named(shop: Shop) -> None:
    other = shop.directory / "other.yaml"
    other.write_text("tidegate: 1\norganization: Elsewhere\ntimezone: Europe/Vienna\n")
    done = shop.run("policy", "explain", other)
    assert done.out.startswith("Elsewhere\n")
    assert "It declares no environment: nothing can go anywhere." in " ".join(done.out.split())


def test_the_same_is_had_as_data(shop: Shop) -> None:
    view = shop.run("policy", "explain", "--json", "--type", "minor").json
    assert list(view) == [
        "organization", "title", "file", "timezone", "rehearsal", "type", "environment",
        "topics", "road", "timeline", "matrix",
    ]  # fmt: skip
    assert (view["organization"], view["type"], view["file"]) == ("Shop", "minor", "tidegate.yaml")
    [topic] = view["topics"]
    assert topic["id"] == "type-minor"
    assert topic["paragraphs"][0]["sentences"][0] == "A minor release raises the minor part of the version."
    assert [stop["environment"] for stop in view["road"]["stops"]] == ["staging", "production"]


def test_the_page_is_written_and_its_name_told(shop: Shop) -> None:
    page = shop.directory / "policy.html"
    done = shop.run("policy", "explain", "--html", page)
    assert (done.code, done.out) == (0, f"✓ written: {page}\n")
    assert page.read_text("utf-8").startswith("<!doctype html>\n")
    told = shop.run("policy", "explain", "--html", page, "--json").json
    assert told == {"file": "tidegate.yaml", "page": str(page), "bytes": page.stat().st_size}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--type", "mega"), 5, 'the policy has no release type "mega"'),
        (("--environment", "stagin"), 5, 'the policy has no environment "stagin"; did you mean "staging"?'),
        (("nothing.yaml",), 5, "nothing.yaml: there is no policy file"),
        (("--html", "nowhere/page.html"), 2, "nowhere/page.html: it cannot be written: No such file or directory"),
    ],
)
def test_what_cannot_be_explained_is_told(shop: Shop, words: tuple[str, ...], code: int, said: str) -> None:
    done = shop.run("policy", "explain", *words)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert "\n  > " in done.err


def test_a_file_with_mistakes_is_not_explained(shop: Shop) -> None:
    bad = shop.directory / "bad.yaml"
    bad.write_text("tidegate: 1\norganization: Shop\n")
    done = shop.run("policy", "explain", bad)
    assert (done.code, done.out) == (2, "")
    assert "timezone" in done.err


def test_names_of_strangers_are_no_elements_of_the_page(shop: Shop, tmp_path: Path) -> None:
    file, page = tmp_path / "evil.yaml", tmp_path / "evil.html"
    evil = "'<script>alert(1)</script>'"
    file.write_text(f"tidegate: 1\ntimezone: Europe/Vienna\norganization: {evil}\ngroups: {{g: {{title: {evil}}}}}\n")
    assert shop.run("policy", "explain", file, "--html", page).code == 0
    assert "<script" not in page.read_text("utf-8")
    assert "&lt;script&gt;" in page.read_text("utf-8")


def test_explaining_loads_no_database_and_no_templates_unless_a_page_is_asked_for(shop: Shop) -> None:
    found = modules("policy", "explain", str(shop.root / "tidegate.yaml"))
    assert "pydantic" in found
    assert not {"sqlalchemy", "dbos", "rich", "jinja2", "markupsafe"} & found


def test_a_page_replaces_the_one_before(shop: Shop) -> None:
    page = shop.directory / "policy.html"
    page.write_text("x" * 1_000_000)
    shop.run("policy", "explain", "--html", page)
    assert page.stat().st_size < 200_000
