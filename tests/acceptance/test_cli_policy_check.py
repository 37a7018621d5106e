"""What ``policy check`` prints and how it ends, typed as people and workflows type it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.checked import EVIL, GOOD, NO_POLICY, OPEN, REPEATED, UNSEEN, WARNED, WRONG, too_long
from tests.support.schemas import sarif_mistakes
from tests.support.shop import Done, run_at


def check(directory: Path, text: str, *words: str, name: str = "tidegate.yaml") -> Done:
    """Write the file, and check it."""
    (directory / name).write_text(text, encoding="utf-8")
    return run_at(directory, "policy", "check", name, *words)


@pytest.mark.parametrize(
    ("text", "words", "code", "last"),
    [
        (GOOD, ("--strict",), 0, "  1 note  (--notes shows the notes)"),
        (WARNED, (), 0, "  1 warning, 1 note  (--notes shows the notes)"),
        (WARNED, ("--strict",), 1, "  1 warning, 1 note  (--notes shows the notes)"),
        (WRONG, (), 1, "  1 error, 1 note  (--notes shows the notes)"),
        (NO_POLICY, (), 2, "✗ tidegate.yaml is no policy: 1 error"),
        (GOOD + OPEN, (), 0, "  1 point undecided, each with a default  (--undecided lists them)"),
    ],
)
def test_how_it_ends(tmp_path: Path, text: str, words: tuple[str, ...], code: int, last: str) -> None:
    done = check(tmp_path, text, *words)
    assert (done.code, done.out.splitlines()[-1], done.err) == (code, last, "")


@pytest.mark.parametrize("form", ["json", "sarif", "github"])
def test_every_form_ends_alike(tmp_path: Path, form: str) -> None:
    for text, words, code in ((WARNED, (), 0), (WARNED, ("--strict",), 1), (NO_POLICY, (), 2)):
        done = check(tmp_path, text, *words, "--format", form)
        assert (done.code, done.err) == (code, "")
        assert done.out


def test_what_nothing_acts_on_is_told_also_where_notes_are_not(tmp_path: Path) -> None:
    vain = GOOD.replace("[{health_check: failed}]", "[{response_time: '> 200ms'}], baseline: previous-version")
    said = check(tmp_path, vain)
    assert said.out.splitlines()[-1] == "  nothing acts yet on watch: baseline and response_time"
    assert "warning: watch.blind" in said.out
    assert "nothing acts yet" not in check(tmp_path, GOOD).out


def test_notes_and_open_points_are_told_when_they_are_asked_for(tmp_path: Path) -> None:
    said = check(tmp_path, GOOD + OPEN, "--notes", "--undecided").out.splitlines()
    assert said == [
        "· note: person.no-key  tidegate.yaml:5:3",
        "    ann and ben can sign nothing: there is no key",
        "    remedy: write the line of their id_ed25519.pub under keys:",
        "",
        "Undecided",
        "  ? colour: The colour of the door",
        "      until then: It is red",
        "",
        "✓ tidegate.yaml is a policy: 0 components, 1 environment, 1 release type, 0",
        "  gates",
        said[10],
        "  1 note",
        "  1 point undecided, each with a default",
    ]
    assert said[10].startswith("  sha256:")
    brief = check(tmp_path, GOOD + OPEN).out
    assert "no-key" not in brief
    assert "colour" not in brief


def test_a_log_as_it_is_typed_is_what_the_standard_says(tmp_path: Path) -> None:
    log = json.loads(check(tmp_path, WRONG, "--format", "sarif").out)
    assert sarif_mistakes(log) == []
    assert [result["ruleId"] for result in log["runs"][0]["results"]] == ["approval.unreachable", "person.no-key"]


def test_annotations_as_they_are_typed(tmp_path: Path) -> None:
    first, second = check(tmp_path, WRONG, "--format", "github").out.splitlines()
    assert first == (
        "::error file=tidegate.yaml,line=8,col=50,title=approval.unreachable::2 approvals from team: 1 person of it "
        "(ann and ben) may give them when ann or ben wrote what is released; remedy: add enabled people to team, ask "
        "for fewer, or let authors count (author_may: true)"
    )
    assert second.startswith(
        "::notice file=tidegate.yaml,line=5,col=3,title=person.no-key::ann and ben can sign nothing"
    )


FORMS = [("--notes", "--undecided"), ("--format", "github"), ("--format", "sarif"), ("--json",)]


@pytest.mark.parametrize("words", FORMS, ids=" ".join)
@pytest.mark.parametrize("text", [EVIL, REPEATED], ids=["refused", "repeated"])
def test_what_strangers_wrote_disturbs_no_terminal(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    done = check(tmp_path, text, *words, name="\x1b[31mred\x1b]0;x\x07\u202elmay\u200f.yaml")
    assert done.code in (0, 2)
    assert done.out
    assert not UNSEEN.search(done.out + done.err)
    if words[0] == "--notes":
        assert too_long(done.out) == []


BEHIND_A_SERVICE = """\
tidegate: 1
organization: 7D
timezone: UTC
components:
  billing:
    targets:
      production:
        driver: kubernetes
        namespace: production
        deployment: [billing-blue, billing-green]
        traffic:
          switch: kubernetes_service
          service: billing
          namespace: production
          pools: {blue: [billing-blue], green: [billing-green]}
          selectors:
            blue: {app: billing, colour: blue}
            green: {app: billing, colour: green}
environments:
  production:
    purpose: production
    strategy: {blue_green: {}}
"""


def test_a_canary_before_a_kubernetes_service_is_an_error_with_what_to_do(tmp_path: Path) -> None:
    assert check(tmp_path, BEHIND_A_SERVICE).code == 0
    done = check(tmp_path, BEHIND_A_SERVICE.replace("{blue_green: {}}", "{canary: {steps: [{weight: 5%}]}}"))
    assert done.code == 1
    assert done.out.splitlines()[:6] == [
        "✗ error: strategy.target  tidegate.yaml:7:7",
        "    production is released to by canary, and the target has the switch",
        "    kubernetes_service, which gives a pool all of the traffic or nothing",
        "    remedy: release by blue_green, or take traffic: out of the target: then a",
        "    part of the units comes first",
        "    see also tidegate.yaml:22:16 environments.production.strategy.canary",
    ]


def test_of_a_driver_that_there_is_not_no_reference_is_named(tmp_path: Path) -> None:
    done = check(tmp_path, BEHIND_A_SERVICE.replace("driver: kubernetes", "driver: warp"))
    assert done.code == 2
    assert "there is no driver" in done.out
    assert "remedy: name one that there is" in done.out
    assert "the driver warp" not in done.out


def test_two_selectors_that_pick_the_same_pod_are_an_error(tmp_path: Path) -> None:
    done = check(tmp_path, BEHIND_A_SERVICE.replace(", colour: green}", "}"))
    assert done.code == 2
    assert done.out.splitlines()[:4] == [
        "✗ error: target  tidegate.yaml:11:9",
        "    components.billing.targets.production.traffic: both selectors can pick the",
        "    same pod; give both a label with another value in each",
        "    remedy: see the reference of the driver kubernetes",
    ]
