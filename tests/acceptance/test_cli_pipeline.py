"""``tidegate pipeline``: a release through the declared stages, as people and programs see it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.shop import REPORT, Shop, flat

WRITES = ["sh", "-c", "cp reports/good.xml reports/junit.xml && echo tested"]


def stages(**changes: Any) -> list[dict[str, Any]]:
    """Build, test, staging, smoke, approval, production; ``changes`` by the name of a stage, None without it."""
    every: dict[str, dict[str, Any] | None] = {
        "build": {
            "does": "build",
            "run": ["sh", "-c", "echo built $0", "{component}-{version}"],
            "expects": "built {component}-1.1.0",
        },
        "test": {"does": "test", "run": WRITES, "report": "reports/junit.xml", "gate": "tests"},
        "staging": {"does": "deploy", "environment": "staging"},
        "smoke": {
            "does": "smoke",
            "environment": "staging",
            "run": ["sh", "-c", "echo $0 answers", "{environment}"],
            "expects": "staging answers",
        },
        "approval": {"does": "approval", "environment": "production"},
        "production": {"does": "deploy", "environment": "production"},
    }
    return [stage for stage in (every | changes).values() if stage is not None]


def declared(shop: Shop, every: Sequence[dict[str, Any]], **more: Any) -> str:
    """An organisation with this pipeline, and its open release."""
    pipelines = {"each": {"main": {"stages": list(every), **more}}}
    (shop.root / ".gitignore").write_text("reports\n.tidegate\n")
    (shop.root / "reports").mkdir()
    (shop.root / "reports" / "good.xml").write_text(REPORT)
    shop.write_policy(head=f"pipelines: {json.dumps(pipelines)}\n")
    return shop.open()


def standings(shop: Shop, release: str) -> list[str]:
    return [stage["standing"] for stage in shop.run("pipeline", "show", release, "--json").json["stages"]]


def test_a_release_goes_from_stage_to_stage_and_waits_for_its_people(shop: Shop) -> None:
    release = declared(shop, stages())
    assert standings(shop, release) == ["open"] * 6
    first = shop.run("pipeline", "run", release, by="rita")
    assert first.code == 3, first
    assert standings(shop, release) == ["done", "done", "done", "done", "open", "open"]
    assert shop.runs("staging") == ["1.1.0"] * 3
    assert shop.runs("production") == [""] * 3
    assert "next: stage 5, approval production" in first.out
    assert max(map(len, first.out.splitlines())) <= 80
    for name in ("alice", "bob", "carol"):
        shop.good("approve", release, "--for", "production", by=name)
    assert shop.good("pipeline", "run", release, by="rita").out.endswith("all stages stand that anybody can tell\n")
    assert shop.runs("production") == ["1.1.0"] * 3
    assert shop.run("pipeline", "show", release).code == 0


def test_what_the_pinned_policy_and_the_present_one_ask_is_said_once(shop: Shop) -> None:
    release = declared(shop, stages())
    pipelines = {"each": {"main": {"stages": stages(smoke=None)}}}
    shop.write_policy(head=f"pipelines: {json.dumps(pipelines)}\n")
    shop.good("policy", "adopt", by="rita")
    shown = shop.run("pipeline", "show", release, "--json").json["stages"]
    (because,) = [stage["because"] for stage in shown if stage["does"] == "approval"]
    said = because.split("; ")
    assert len(said) == len(set(said))


def test_what_stands_is_not_done_again(shop: Shop) -> None:
    counts = ["sh", "-c", "echo x >> reports/count; echo counted"]
    release = declared(shop, stages(build={"does": "build", "run": counts, "expects": "counted"}))
    shop.run("pipeline", "run", release, by="rita")
    shop.run("pipeline", "run", release, by="rita")
    assert (shop.root / "reports" / "count").read_text() == "x\n"


def test_a_stage_that_fails_ends_it_and_is_done_again_the_next_time(shop: Shop) -> None:
    failing = ["sh", "-c", "test -e reports/mended && echo built"]
    release = declared(shop, stages(build={"does": "build", "run": failing, "expects": "built"}))
    done = shop.run("pipeline", "run", release, by="rita")
    assert done.code == 1
    assert "✗ 1 build" in done.out
    assert "ended with 1, or not as declared" in flat(done.out)
    assert standings(shop, release)[:3] == ["failed", "open", "open"]
    (shop.root / "reports" / "mended").touch()
    assert shop.run("pipeline", "run", release, "--until", "1", by="rita").code == 0
    assert standings(shop, release)[:3] == ["done", "open", "open"]


def test_an_exit_code_of_zero_is_not_believed(shop: Shop) -> None:
    release = declared(shop, stages(build={"does": "build", "run": ["true"], "expects": "built"}))
    assert shop.run("pipeline", "run", release, by="rita").code == 1
    assert standings(shop, release)[0] == "failed"


def test_failed_tests_stop_it_at_the_gate(shop: Shop) -> None:
    release = declared(shop, stages())
    report = shop.root / "reports" / "good.xml"
    report.write_text(
        REPORT.replace('failures="0"', 'failures="1"').replace("/></testsuite>", "><failure/></testcase></testsuite>")
    )
    done = shop.run("pipeline", "run", release, by="rita")
    assert done.code == 1
    assert standings(shop, release)[:3] == ["done", "failed", "open"]
    assert shop.runs("staging") == [""] * 3


def test_a_good_report_of_a_command_that_failed_does_not_pass(shop: Shop) -> None:
    crashes = ["sh", "-c", "cp reports/good.xml reports/junit.xml; exit 3"]
    test = {"does": "test", "run": crashes, "report": "reports/junit.xml", "gate": "tests"}
    release = declared(shop, stages(test=test))
    assert shop.run("pipeline", "run", release, by="rita").code == 1
    assert standings(shop, release)[:3] == ["done", "failed", "open"]
    assert "ended with 3, or not as declared" in flat(shop.run("pipeline", "show", release).out)


def test_an_old_report_is_not_taken_for_the_commands_own(shop: Shop) -> None:
    release = declared(
        shop, stages(test={"does": "test", "run": ["true"], "report": "reports/junit.xml", "gate": "tests"})
    )
    (shop.root / "reports" / "junit.xml").write_text(REPORT)
    assert shop.run("pipeline", "run", release, by="rita").code == 1
    assert standings(shop, release)[:3] == ["done", "failed", "open"]


def test_results_of_another_tool_count_as_well(shop: Shop) -> None:
    release = declared(shop, stages(build=None, test={"does": "test", "gate": "tests"}))
    stopped = shop.run("pipeline", "run", release, by="rita")
    assert stopped.code == 3
    assert f"tidegate evidence add {release}" in flat(stopped.out)
    shop.good("evidence", "add", release, shop.report, by="rita")
    shop.run("pipeline", "run", release, by="rita")
    assert shop.runs("staging") == ["1.1.0"] * 3


def test_a_stage_that_backs_up_takes_what_is_missing(shop: Shop) -> None:
    (shop.directory / "uploads").mkdir()
    (shop.directory / "uploads" / "a.txt").write_text("hello")
    kept = {"title": "Uploads", "of": {"files": {"directory": str(shop.directory / "uploads")}}}
    backups = {"uploads": {**kept, "kept_in": str(shop.directory / "kept"), "environments": ["staging"]}}
    release = declared(shop, [{"does": "backup", "environment": "staging"}, *stages(build=None, test=None)[:1]])
    file = shop.root / "tidegate.yaml"
    asking = file.read_text().replace("gates: [tests],", "gates: [tests], backups: [uploads],", 1)
    file.write_text(f"{asking}backups: {json.dumps(backups)}\n")
    shop.good("policy", "adopt", by="rita")
    shop.good("evidence", "add", release, shop.report, by="rita")
    assert standings(shop, release) == ["open", "open"]
    shop.good("pipeline", "run", release, by="rita")
    assert standings(shop, release) == ["done", "done"]
    assert len(shop.good("backup", "list", "--json").json) == 1


def test_evidence_of_what_was_released_before_counts_no_more(shop: Shop) -> None:
    release = declared(shop, stages())
    shop.run("pipeline", "run", release, "--until", "2", by="rita")
    assert standings(shop, release)[:2] == ["done", "done"]
    shop.repository.commit("feat: third", {"app/a.txt": "3"})
    again = str(shop.good("release", "open", "shop", "--version", "1.2.0", "--json", by="rita").json["id"])
    assert standings(shop, again)[:2] == ["open", "open"]


def test_what_nobody_can_tell_is_said_and_stops_nothing(shop: Shop) -> None:
    release = declared(shop, [{"does": "build"}, {"does": "deploy"}])
    done = shop.good("pipeline", "run", release, by="rita")
    assert done.out.count("names neither a command nor a gate") == 1
    assert "it does not say where it deploys" in flat(done.out)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--pipeline", "other"], 5, 'the pipeline "other" is not in the policy'),
        (["--pipeline", "a\x1b[31m" * 40], 5, "is not in the policy"),
    ],
)
def test_a_pipeline_that_is_not_there(shop: Shop, words: list[str], code: int, said: str) -> None:
    release = declared(shop, stages())
    done = shop.run("pipeline", "show", release, *words)
    assert done.code == code
    assert said in flat(done.err)
    assert "\x1b" not in done.err


def test_a_pipeline_of_other_components_is_none_of_ours(shop: Shop) -> None:
    shop.write_policy()
    release = shop.open()
    done = shop.run("pipeline", "show", release)
    assert (done.code, "the policy has no pipeline for shop" in done.err) == (5, True)


def test_who_may_not_start_is_refused_at_the_stage_that_deploys(shop: Shop) -> None:
    release = declared(shop, stages(build=None, test={"does": "test", "gate": "tests"}))
    shop.good("evidence", "add", release, shop.report, by="rita")
    done = shop.run("pipeline", "run", release, by="alice")
    assert (done.code, "may not start in staging" in flat(done.err)) == (3, True)
    assert shop.runs("staging") == [""] * 3


def test_a_command_that_declares_nothing_is_refused(shop: Shop) -> None:
    release = declared(shop, stages(build={"does": "build", "run": ["true"]}))
    done = shop.run("pipeline", "run", release, by="rita")
    assert done.code == 2
    assert "does not say what it must say or write" in flat(done.err)
