"""``tidegate plan``: the presets read against their texts, what is typed, what is told, and several as one plan."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.support.organisation import Organisation
from tests.support.shop import Shop, flat

NOW = ("--now", "2026-11-20T10:00:00Z")
ANSWER = {"earliest", "critical_path", "timeline", "alternatives"}


def organisation(directory: Path, preset: str, tag: str, file: str, commit: str) -> Organisation:
    """A preset, finished, with one release behind it and one commit since."""
    made = Organisation(directory, preset)
    made.write()
    made.repository.commit("feat: first", {file: "1\n"})
    made.repository.tag(tag)
    made.repository.commit(commit, {file: "2\n"})
    return made


def planned(made: Organisation, *words: str) -> dict[str, Any]:
    answer: dict[str, Any] = made.good("plan", *words, *NOW, "--json").json
    assert answer.keys() >= ANSWER
    assert all(event.keys() == {"at", "what", "because"} for event in answer["timeline"])
    return answer


def at(answer: dict[str, Any], what: str) -> str:
    return next(str(event["at"]) for event in answer["timeline"] if event["what"] == what)


def test_a_major_release_of_7d(tmp_path: Path) -> None:
    made = organisation(tmp_path, "7d", "billing-v2.0.0", "modules/billing/a.js", "feat: recurring bills")
    answer = planned(made, "billing", "--bump", "major")
    assert (answer["version"], answer["type"]) == ("3.0.0", "major")
    assert answer["earliest"] == "2026-12-29T18:00:00.000000Z"
    first = answer["critical_path"][0]
    assert first["what"] == "30 days' notice decides; without it: Tuesday 1 December 10:00"
    assert (first["rules"], first["without"]) == (["notice"], "2026-12-01T18:00:00.000000Z")
    assert answer["alternatives"] == []
    assert at(answer, "30 days' notice is over") == "2026-12-20T10:00:00.000000Z"
    frozen = "Code freeze; from then on only fix may join; the release branch is locked"
    assert at(answer, frozen) == "2026-12-27T18:00:00.000000Z"

    more = planned(made, "billing", "--bump", "major", "--alternatives")
    found = {one["what"]: one["earliest"] for one in more["alternatives"]}
    assert found["release it as minor"] == "2026-12-01T18:00:00.000000Z"
    assert found["release it as hotfix"] == "2026-11-20T10:00:00.000000Z"
    assert found["an exception from 30 days' notice"] == "2026-12-01T18:00:00.000000Z"
    assert found["the next modules train"] == "2027-02-09T18:00:00.000000Z"
    exception = next(one for one in more["alternatives"] if one["what"] == "an exception from 30 days' notice")
    assert exception["costs"] == ["a change of the policy, approved by tech-leads: release_types.major.skips: [notice]"]
    assert {one["kind"] for one in more["alternatives"]} == {"type", "exception", "later-train"}

    text = made.good("plan", "billing", "--bump", "major", *NOW).out
    assert "production: earliest Tue 29 Dec 2026 10:00 PST (in 39 days)" in text
    assert "◆ 30 days' notice decides; without it: Tuesday 1 December 10:00" in text
    assert "● 10:00  production: the rollout may start" in text
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "(milestones.code-freeze: -2d)" in made.good("plan", "billing", "--bump", "major", *NOW, "-v").out


def test_a_minor_release_of_towne_park(tmp_path: Path) -> None:
    made = organisation(tmp_path, "towne-park", "billing-v1.0.0", "billing/app.py", "feat: forecasts")
    answer = planned(made, "billing")
    assert (answer["version"], answer["type"]) == ("1.1.0", "minor")
    # Planned 1-2 months ahead; the next window after a month is a Monday, 09:00 in New York.
    assert answer["earliest"] == "2026-12-21T14:00:00.000000Z"
    assert answer["critical_path"][0]["rules"] == ["horizon"]
    assert [one["environment"] for one in answer["environments"]] == [
        "development", "integration", "staging", "production",
    ]  # fmt: skip
    announced = "message to stakeholders: billing 1.1.0: release planning announcement"
    assert at(answer, announced) == "2026-11-21T14:00:00.000000Z"
    assert at(answer, "Testing ready: code ready for comprehensive testing") == "2026-12-14T14:00:00.000000Z"
    assert answer["late"] == []

    # To staging alone nothing is waited for.
    staging = planned(made, "billing", "--for", "staging")
    assert (staging["earliest"], staging["critical_path"]) == ("2026-11-20T10:00:00.000000Z", [])


def test_a_hotfix_of_helpdesk(tmp_path: Path) -> None:
    made = organisation(tmp_path, "helpdesk", "v1.0.0", "app.py", "fix: logins work again")
    answer = planned(made, "helpdesk-platform", "--type", "hotfix")
    assert (answer["version"], answer["type"]) == ("1.0.1", "hotfix")
    # Timeline: 4-24 hours.
    assert answer["earliest"] == "2026-11-20T14:00:00.000000Z"
    assert [step["what"] for step in answer["critical_path"]] == [
        "the timeline of 4-24 hours decides; without it: at once"
    ]
    assert at(answer, "done by now: Check error logs (development)") == "2026-11-21T14:00:00.000000Z"

    # Its phases take 7 days at the least, and a patch takes 1-3 days: what is late is told, with what it means.
    patch = planned(made, "helpdesk-platform")
    late = {one["what"]: one for one in patch["late"]}
    assert late["planning begins (1-2 days)"]["in_time"] == "2026-11-27T10:00:00.000000Z"
    text = flat(made.good("plan", "helpdesk-platform", *NOW).out)
    assert "planning begins (1-2 days): 6 days late; in time for one on Fri 27 Nov 2026 10:00 UTC" in text


def test_what_nobody_has_written_yet_can_be_planned(shop: Shop) -> None:
    for part, version, type_ in (("minor", "1.1.0", "minor"), ("patch", "", "")):
        done = shop.run("plan", "shop", "--bump", part, "--json")
        if version:
            assert (done.json["version"], done.json["type"]) == (version, type_)
        else:
            # What is there asks for more than a patch: that is refused, as it would be when it is opened.
            assert done.code == 2
    shop.repository.tag("shop-v1.1.0")
    assert shop.run("plan", "shop").code == 5
    later = shop.good("plan", "shop", "--bump", "patch", "--json").json
    assert (later["version"], later["type"], later["changes"]) == ("1.1.1", "patch", [])
    assert later["why"] == "a release that raises the patch number is planned"
    by_type = shop.good("plan", "shop", "--type", "minor", "--json").json
    assert (by_type["version"], by_type["why"]) == ("1.2.0", "a release that raises the minor number is planned")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("shop", "--bump", "huge"), 2, "'huge' is not one of 'major', 'minor', 'patch'"),
        (("shop", "--bump", "major"), 2, "the policy has no release type that raises the major number"),
        (("shop", "--bump", "minor", "--type", "patch"), 2, "a patch release raises the patch number, not the minor"),
        (("shop", "--bump", "minor", "--version", "2.0.0"), 2, "a version says what it raises"),
        (("shop", "shop2", "--version", "2.0.0"), 2, "--version is of one component"),
        (("shop", "--for", "moon"), 5, 'the policy knows no environment "moon"'),
        (("shop", "moon"), 5, 'the policy knows no component "moon"'),
        ((), 2, "Missing argument 'COMPONENT...'"),
    ],
)  # fmt: skip
def test_what_cannot_be_planned_is_refused(shared_shop: Shop, words: tuple[str, ...], code: int, says: str) -> None:
    done = shared_shop.run("plan", *words)
    assert (done.code, done.out) == (code, "")
    assert says in flat(done.err)


def test_what_never_goes_says_why(shop: Shop) -> None:
    text = (shop.root / "tidegate.yaml").read_text()
    (shop.root / "tidegate.yaml").write_text(
        text.replace("    purpose: production\n", "    purpose: production\n    windows: []\n")
    )
    answer = shop.good("plan", "shop", "--json").json
    assert answer["earliest"] is None
    assert answer["never"] == "production: production has no window that ever opens"
    assert answer["critical_path"][0]["what"] == "the windows of production never open; without them: at once"
    assert "✗ production: never; production: production has no window that ever opens" in flat(
        shop.good("plan", "shop").out
    )


def test_an_open_release_is_planned_from_what_is_known_of_it(shop: Shop) -> None:
    shop.write_policy(minor="notice: 7d, horizon: 1-2 months, ")
    before = shop.good("plan", "shop", "--json").json
    assert before["release"] == ""
    release = shop.open()
    past = shop.run("release", "amend", release, "--planned", "2020-01-01", by="rita")
    assert (past.code, '--planned "2020-01-01" lies before today' in past.err) == (2, True)
    shop.good("release", "amend", release, "--planned", "2d", by="rita")
    after = shop.good("plan", "shop", "--json").json
    assert after["release"] == release
    assert after["earliest"] >= before["earliest"]
    assert after["slips"] > 27 * 86_400
    said = flat(shop.good("plan", "shop").out)
    assert f"{release} is open" in said
    assert "days too early for that" in said
    assert after["goes_at"] == after["earliest"]
    shop.good("release", "amend", release, "--planned", "45d", by="rita")
    later = shop.good("plan", "shop", "--json").json
    assert later["earliest"] == after["earliest"]
    # The timeline leads to when it is planned for.
    assert later["goes_at"] == later["planned_at"] == at(later, "production: the rollout may start")
    assert later["slips"] is None
    held = shop.good("hold", "add", "--reason", "wait", "--for", "70d", by="rita")
    assert held.code == 0
    stopped = shop.good("plan", "shop", "--json").json
    assert stopped["critical_path"][0]["what"].startswith("a hold decides; without it: ")


def test_who_plans_it_for_when_it_cannot_go_is_told(shop: Shop) -> None:
    shop.write_policy(minor="notice: 7d, ")
    text = (shop.root / "tidegate.yaml").read_text()
    windows = '    windows: [{days: tue, from: "10:00", to: "12:00"}]\n    strategy:'
    (shop.root / "tidegate.yaml").write_text(text.replace("    strategy:", windows))
    opened = shop.good("release", "open", "shop", "--planned", "2d", by="rita")
    assert "and could first go Tue " in flat(opened.err)
    assert "7 days' notice" in flat(opened.err)
    year = date.today().year + 1  # noqa: DTZ011  a Tuesday that is far enough away in each zone
    tuesday = next(day for day in (date(year, 12, n) for n in range(1, 8)) if day.weekday() == 1)
    assert (
        "planned for" not in shop.good("release", "amend", "shop-1.1.0", "--planned", f"{tuesday}T10:00", by="rita").err
    )
    late = shop.good("release", "amend", "shop-1.1.0", "--planned", f"{tuesday}T12:00", by="rita")
    assert f"could first go Tue {tuesday.day + 7} Dec {year} 10:00 PST: the windows of production" in flat(late.err)


def test_several_components_are_one_plan(tmp_path: Path) -> None:
    made = organisation(tmp_path, "7d", "billing-v2.0.0", "modules/billing/a.js", "feat: recurring bills")
    made.repository.commit("feat: more", {"platform/a.rs": "1\n", "modules/customer/a.js": "1\n"})
    made.repository.tag("platform-v3.0.0")
    made.repository.tag("customer-v1.5.0")
    answer = planned(made, "billing", "platform", "customer", "--bump", "major")
    assert answer["order"] == ["customer", "platform", "billing"]
    assert [plan["earliest"][:10] for plan in answer["plans"]] == ["2026-12-29", "2027-01-05", "2027-01-12"]
    assert answer["earliest"] == "2027-01-12T18:00:00.000000Z"
    assert [conflict["kind"] for conflict in answer["conflicts"]] == ["requirement-later"]
    assert answer["conflicts"][0]["what"] == (
        "billing 3.0.0 could go Tuesday 29 December 10:00, and requires platform >=3.1.0, which goes "
        "Tuesday 5 January 2027 10:00: it goes Tuesday 12 January 2027 10:00"
    )
    assert json.dumps(answer["timeline"]) == json.dumps(sorted(answer["timeline"], key=lambda event: event["at"]))
    text = made.good("plan", "billing", "platform", "customer", "--bump", "major", *NOW).out
    assert "3.  billing 3.0.0   major  Tue 12 Jan 2027 10:00 PST" in text
    assert "✗ 1 conflict" in text
    assert all(len(line) <= 80 for line in text.splitlines())

    # Two modules that go on one day are two majors in one window; of one of them nothing is written yet.
    both = planned(made, "customer", "inventory", "--bump", "major")
    assert [conflict["kind"] for conflict in both["conflicts"]] == ["two-majors"]
    assert planned(made, "customer", "inventory", "--bump", "minor")["conflicts"] == []


SCOPE = """\
tidegate-scope: 1
objectives: Bills that correct themselves
buffer: 20
features:
  corrections: {says: Correct a bill, by: %s, days: 3}
  export: {says: Export all, by: %s, days: 9, priority: could}
  theme: {says: Dark theme, days: 1, priority: should}
  tax: {says: Tax, state: done}
"""


def test_a_plan_reckons_with_what_is_still_to_be_done(tmp_path: Path) -> None:
    made = organisation(tmp_path, "7d", "billing-v2.0.0", "modules/billing/a.js", "feat: recurring bills")
    person = next(iter(made.policy["people"]))
    file = made.root / "scope.yaml"
    file.write_text(SCOPE % (person, person))
    answer = planned(made, "billing", "--type", "minor", "--scope", str(file))
    scope = answer["scope"]
    assert answer["earliest"] > scope["if_done"]
    assert [(one["name"], one["late"]) for one in scope["features"]][:2] == [("corrections", False), ("export", True)]
    assert scope["unassigned"] == ["theme"]
    told = made.good("plan", "billing", "--type", "minor", "--scope", str(file), *NOW).out
    assert max(map(len, told.splitlines())) <= 80
    assert "later than if all were done" in flat(told)
    assert "nobody is named for theme: the date holds only if somebody begins now" in flat(told)
    assert planned(made, "billing", "--type", "minor")["scope"] is None


def test_a_scope_that_is_none_is_told_by_place(tmp_path: Path) -> None:
    made = organisation(tmp_path, "7d", "billing-v2.0.0", "modules/billing/a.js", "feat: recurring bills")
    file = made.root / "scope.yaml"
    file.write_text("tidegate-scope: 1\nfeatures:\n  a: {says: A, by: nobody-we-know}\n")
    done = made.run("plan", "billing", "--scope", str(file), *NOW)
    assert done.code == 2
    assert "a is open, and says no days of work" in flat(done.err)
    assert 'the policy knows no person or group "nobody-we-know"' in flat(done.err)
    assert made.run("plan", "billing", "--scope", str(made.root / "none.yaml"), *NOW).code == 5
    file.write_text('tidegate-scope: 1\nfeatures: {a: {says: "red \\e[31m", days: 1}}\n')
    hostile = made.run("plan", "billing", "--scope", str(file), *NOW)
    assert (hostile.code, "control character U+001B" in flat(hostile.err)) == (2, True)
    file.write_text("tidegate-scope: true\nfeatures: {}\n")
    assert made.run("plan", "billing", "--scope", str(file), *NOW).code == 2
    several = made.run("plan", "billing", "platform", "--scope", str(file), *NOW)
    assert (several.code, "--scope is of one component's release" in flat(several.err)) == (2, True)
