"""What each of the five presets tells, when, and whom: its timeline as a person types it, read against its text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support.organisation import Organisation
from tests.support.shop import Done, Shop

SPECS = Path(__file__).parents[2].parent / "shared" / "specs"
PLANNED = "2027-03-16T10:00"
"""A Tuesday, two days after the clocks are set forward in the United States."""


@dataclass(frozen=True)
class Begun:
    """An organisation that began with a preset and has opened a release of one type."""

    org: Organisation
    release: str

    def timeline(self) -> dict[str, Any]:
        found: dict[str, Any] = self.org.good("notice", "timeline", self.release, "--json").json
        return found

    def told(self) -> list[tuple[str, str, str]]:
        """When, in the policy's days; which text; to whom."""
        return [
            (one["when"], one["say"], " ".join(to["channel"] for to in one["to"])) for one in self.timeline()["notices"]
        ]

    def page(self) -> list[str]:
        lines = self.org.good("notice", "timeline", self.release).out.splitlines()
        assert [line for line in lines if len(line) > 80] == []
        return lines


OF: Mapping[str, tuple[str, str, str, str]] = {
    "7d": ("billing", "modules/billing/a.js", "billing-v1.0.0", "erin"),
    "towne-park": ("billing", "billing/a.py", "billing-v1.0.0", "rita"),
    "helpdesk": ("helpdesk-platform", "a.py", "v1.0.0", "ada"),
    "mokowaas": ("example-extension", "a.php", "v01.00.00", "diana"),
    "mokocrm": ("example-module", "a.php", "v01.00.00", "diana"),
}


@pytest.fixture(scope="module")
def begin(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Begun]:
    """Begins with a preset, once, and opens a release of what one commit makes of it."""

    @cache
    def begun(preset: str, commit: str) -> Begun:
        component, file, tag, person = OF[preset]
        org = Organisation(tmp_path_factory.mktemp(preset), preset)
        org.here(component, "staging", "production")
        org.write()
        org.repository.commit("feat: first", {file: "1\n"})
        org.repository.tag(tag)
        org.repository.commit(commit, {file: "2\n"})
        opened = org.good("release", "open", component, "--planned", PLANNED, "--json", by=person)
        return Begun(org, opened.json["id"])

    return begun


def spec(number: str) -> str:
    found = list(SPECS.glob(f"{number}_*.txt"))
    if not found:
        pytest.skip("the texts do not lie beside the project")
    return found[0].read_text()


STAKEHOLDERS = "email:stakeholders@7d.example"


def test_7d_announces_a_week_before_reminds_two_days_before_and_tells_of_its_end(begin: Any) -> None:
    begun = begin("7d", "feat: second")
    assert begun.told() == [
        ("opened", "announced", f"{STAKEHOLDERS} slack:#engineering"),  # 7D-09: 7 days' notice of a MINOR
        ("T-7d", "announced", f"slack:#engineering {STAKEHOLDERS}"),  # post in #engineering, email to stakeholders
        ("T-2d", "code-freeze", "slack:#engineering"),  # reminder in #engineering
        ("rolls out", "status", "slack:#releases"),  # status updates in #releases
        ("released", "released", "slack:#engineering"),  # success announcement
        ("released", "released", "email:customers@7d.example"),  # customer notification
    ]
    page = "\n".join(begun.page())
    assert "is planned for Tue 16 Mar 2027 10:00 PDT" in page
    assert re.search(r" 1  T-7d +Tue 9 Mar 2027 10:00 PST  • in \d+ days\n", page)
    assert re.search(r" 2  T-2d +Sun 14 Mar 2027 10:00 PDT  • in \d+ days\n", page)
    for done in ("Update release calendar", "Lock release branch", "Monitor dashboards", "Publish release notes"):
        assert f"    also  {done}\n" in page
    said = dict(
        re.findall(r"^\*\*(.+?):\*\*\n((?:- .+\n)+)", spec("004").partition("## Communication\n")[2], re.MULTILINE)
    )
    assert said["7 days before"] == "- Post in #engineering\n- Email to stakeholders\n- Update release calendar\n"
    assert said["2 days before (code freeze)"] == "- Reminder in #engineering\n- Lock release branch\n"
    assert said["During release"] == "- Status updates in #releases\n- Monitor dashboards\n"
    assert said["Post-release"].startswith("- Success announcement\n- Release notes published\n- Customer notification")


def test_7d_tells_no_customer_of_a_patch(begin: Any) -> None:
    told = begin("7d", "fix: cards").told()
    assert [when for when, _, _ in told] == ["T-7d", "T-2d", "rolls out", "released"]
    assert not [to for _, _, to in told if "customers" in to]


def test_towne_park_tells_from_thirty_days_before_to_the_day_after(begin: Any) -> None:
    begun = begin("towne-park", "feat: second")
    told = [(when, say) for when, say, _ in begun.told()]
    assert told == [
        ("opened", "announced"),
        ("T-30d", "planning-announcement"),
        ("T-14d", "feature-freeze"),
        ("T-7d", "testing-phase"),
        ("T-3d", "deployment-readiness"),
        ("T-1d", "final-notification"),
        ("rolls out", "status"),
        ("released", "released"),
        ("T+1d", "status-report"),
        ("taken back", "rolled-back"),
    ]
    titles = {one["when"]: one["title"] for one in begun.timeline()["notices"]}
    said = dict(re.findall(r"^- \*\*T([-+]\d+) days?\*\*: (.+)$", spec("002"), re.MULTILINE))
    assert len(said) == 6
    for days, what in said.items():
        assert titles[f"T{days}d"].lower() == f"towne park: billing 1.1.0: {what.lower()}"
    at = {one["when"]: one["at"] for one in begun.timeline()["notices"]}
    assert at["T-30d"] == "2027-02-14T15:00:00.000000Z"  # 10:00 EST
    assert at["T-1d"] == "2027-03-15T14:00:00.000000Z"  # 10:00 EDT
    assert begun.page()[0].startswith("billing-1.1.0 (minor) is planned for Tue 16 Mar 2027 10:00 EDT (in ")


def test_towne_park_begins_later_with_a_patch(begin: Any) -> None:
    told = [when for when, _, _ in begin("towne-park", "fix: cards").told()]
    assert told[:4] == ["opened", "T-7d", "T-3d", "T-1d"]


def test_helpdesk_tells_inside_outside_and_support(begin: Any) -> None:
    begun = begin("helpdesk", "fix: logins")
    told = {(when, say): to for when, say, to in begun.told()}
    assert list(told) == [
        ("opened", "announced"),
        ("rolls out", "status"),
        ("released", "released"),
        ("released", "release-notes"),
        ("released", "support-materials"),
        ("taken back", "rolled-back"),
    ]
    internal, external = "slack:#releases", ("email:users@helpdesk.example", "website:news")
    assert internal in told["opened", "announced"]
    assert all(to in told["released", "released"] for to in (internal, *external))
    assert "github:releases" in told["released", "release-notes"]
    assert "email:support@helpdesk.example" in told["released", "support-materials"]
    [notes] = [one for one in begun.timeline()["notices"] if one["say"] == "release-notes"]
    headings = re.findall(r"^## (.+)$", notes["text"], re.MULTILINE)
    sample = re.search(r"```markdown\n(# Release v1\.2\.0\n.*?)```", spec("003"), re.DOTALL)
    assert sample
    assert [head for head in re.findall(r"^## (.+)$", sample[1], re.MULTILINE) if head not in headings] == []
    assert "logins" in notes["text"].lower()
    assert "Feature A" not in notes["text"]


@pytest.mark.parametrize("preset", ["mokowaas", "mokocrm"])
def test_moko_tells_the_client_whose_site_it_is(begin: Any, preset: str) -> None:
    told = {(when, say): to for when, say, to in begin(preset, "fix: it works").told()}
    assert list(told) == [
        ("opened", "announced"),
        ("rolls out", "status"),
        ("released", "released"),
        ("taken back", "rolled-back"),
    ]
    client = "email:it@client.example"
    assert [when for (when, _), to in told.items() if client in to] == ["opened", "released", "taken back"]
    assert all("email:stakeholders@example.org" in to for to in told.values())
    assert "email:releases@example.org" in told["rolls out", "status"]


# The commands themselves.

SAID = """
templates:
  hello:
    title: "{component} {version}"
    text: "It goes on {date}."
audiences:
  team: {title: The team, to: ["file:NOTICES.md"], groups: [module-team]}
"""


@pytest.fixture
def told_shop(shop: Shop) -> Shop:
    """A shop whose team must read a notice that is due the day before."""
    text = shop.policy_text() + "  - {at: -1d, to: team, say: hello, acknowledge: true}\n" + SAID
    (shop.root / "tidegate.yaml").write_text(text)
    return shop


def good(done: Done) -> Done:
    assert done.code == 0, done
    return done


def test_what_would_be_told_is_previewed(told_shop: Shop) -> None:
    done = good(
        told_shop.run("notice", "preview", "shop", "--planned", "2030-01-15T10:00", "--now", "2030-01-01T18:00:00Z")
    )
    assert done.out == (
        "shop-1.1.0 (minor) would be planned for Tue 15 Jan 2030 10:00 PST (in 14 days)\n"
        "\n"
        "    opened  • when it comes to that\n"
        "    Shop: shop 1.1.0 (minor) is planned for Tue 15 Jan 2030 10:00 PST\n"
        "    to    file:NOTICES.md\n"
        "\n"
        " 1  T-1d       Mon 14 Jan 2030 10:00 PST  • in 13 days\n"
        "    Shop: shop 1.1.0\n"
        "    | It goes on Tue 15 Jan 2030.\n"
        "    to    file:NOTICES.md\n"
        "          not reached, for want of an address: alice, bob, dora\n"
        "    read  not yet by alice, bob, dora\n"
    )
    only = good(told_shop.run("notice", "preview", "shop", "--template", "hello", "--json")).json
    assert [one["say"] for one in only["notices"]] == ["hello"]
    none = told_shop.run("notice", "preview", "shop", "--template", "hullo")
    assert none.code == 5
    assert 'the policy has no text "hullo"' in none.err
    assert "name one of: announced, hello" in none.err


def test_those_who_are_told_acknowledge_it(told_shop: Shop) -> None:
    good(told_shop.run("release", "open", "shop", "--planned", "1h", by="rita"))
    good(told_shop.run("worker", "--once"))
    assert "Shop: shop 1.1.0  It goes on " in (told_shop.root / "NOTICES.md").read_text()
    unsigned = told_shop.run("notice", "acknowledge", "shop-1.1.0", "--as", "alice")
    assert unsigned.code == 4
    assert "alice has not signed" in unsigned.err
    said = good(told_shop.run("notice", "acknowledge", "shop-1.1.0", "--notice", "1", by="alice"))
    assert said.out == "✓ alice has read notice 1 of shop-1.1.0\n"
    page = good(told_shop.run("notice", "timeline", "shop-1.1.0")).out
    assert "✓ delivered" in page
    assert "    read  ✓ alice, " in page
    assert "    read  not yet by bob, dora\n" in page
    stranger = told_shop.run("notice", "acknowledge", "shop-1.1.0", "--notice", "1", by="carol")
    assert stranger.code == 4
    assert "notice 1 of shop-1.1.0 was not told to carol" in stranger.err


def test_a_template_that_asks_for_what_it_may_not_is_refused_by_the_check(told_shop: Shop) -> None:
    path = told_shop.root / "tidegate.yaml"
    path.write_text(path.read_text().replace("{date}", "{version.__class__}"))
    done = told_shop.run("policy", "check")
    assert done.code == 1
    assert "the text hello asks for {version.__class__}, which is nothing that it may tell" in " ".join(
        done.out.split()
    )
