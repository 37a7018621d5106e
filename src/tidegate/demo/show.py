"""The story: one release that goes well, and one that is taken back, told while they happen."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any
from zoneinfo import ZoneInfo

from tidegate.clock import from_text
from tidegate.core.actor import AUTOMATION
from tidegate.demo.policies import differences
from tidegate.demo.stage import ShowError, Stage, command
from tidegate.demo.traffic import Answer, Harm, Traffic, harm_of, version_of
from tidegate.demo.workspace import DISCOUNT, FIRST, OTHER_MODULE, Workspace, stop_services

GOOD, BAD = "1.1.0", "1.2.0"
PRODUCTION = f"billing-{BAD}.production."
RATE_HZ = 90.0
SIGNED_BY = ("alice", "bob", "carol")
RITA = {"TIDEGATE_PERSON": "rita", "TIDEGATE_KEY": "../keys/rita"}
SUMMARY = "summary.json"
SOAK_PATIENCE_S = 60.0


def run_show(directory: Path) -> int:
    """Run the whole demo in a directory of its own; 0 if everything went as it says, 1 if not.

    Raises:
        ConflictError: the directory holds something that no demo put there.
        TidegateError: something around Tidegate failed, such as Git.
    """
    workspace = Workspace(directory.absolute())
    with _interruptible():
        workspace.make()
        show = Show(workspace)
        try:
            show.run()
        except BaseException as error:
            show.failed(error)
            raise
        finally:
            show.close()
    return 0


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let a hang-up or a polite kill end the demo as Ctrl-C does, so that the services are stopped."""

    def interrupt(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Show:
    """The acts of the demo, in their order, and the facts that they found."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.stage = Stage(
            workspace.repository,
            {**RITA, "TIDEGATE_PROGRESS": "1"},
        )
        self.traffic = Traffic(workspace.production, RATE_HZ)
        self.facts: dict[str, Any] = {"ok": False}
        self.commits: dict[str, str] = {}
        self.began = time.monotonic()

    def run(self) -> None:
        """All acts."""
        self.introduce()
        self.plan_for_real()
        self.rehearse()
        self.open_and_refuse()
        self.fulfil()
        self.stage_and_soak()
        self.go_to_production()
        self.release_the_bad_one()
        self.account()
        self.take_leave()

    def failed(self, error: BaseException) -> None:
        """Remember why it did not go to its end."""
        self.facts["failed"] = str(error) or type(error).__name__

    def close(self) -> None:
        """Leave nothing running, and write what was found."""
        self.stage.interrupt()
        self.traffic.stop()
        # What was interrupted in the middle of a restart may still start a service.
        while self.facts.get("failed") and stop_services(self.workspace.directory):
            time.sleep(1.0)
        self.workspace.stop()
        self.facts["took_s"] = round(time.monotonic() - self.began, 1)
        (self.workspace.directory / SUMMARY).write_text(json.dumps(self.facts, indent=2) + "\n", encoding="utf-8")

    def claim(self, holds: bool, otherwise: str) -> None:
        """What the demo says, it has looked at.

        Raises:
            ShowError: it is not so.
        """
        if not holds:
            raise ShowError(otherwise, remedy="look at tidegate audit log in the demo's repository; run the demo again")

    def git(self, *arguments: str) -> None:
        """Show a command of Git, run it, and show what it prints."""
        self.stage.prompt(("git", *arguments))
        self.stage.text(self.workspace.git(*arguments))

    # ------------------------------------------------------------------------------------------ the acts

    def introduce(self) -> None:
        """What there is."""
        stage = self.stage
        stage.act("A repository, a service, and four hosts")
        stage.say(
            "The repository of 7D Solutions holds two modules. One is billing, a web service. Version 1.0.0 was put on",
            "three hosts in production and one in staging by hand. Since then Dave has worked on it:",
        )
        self.git("log", "--oneline", "--decorate-refs=refs/tags", "--decorate")
        stage.say("Everything below is typed in the repository, by Rita, the release manager, unless it says --as:")
        stage.list([f"export {assignments(RITA)}"])

    def plan_for_real(self) -> None:
        """What 7D's own policy answers."""
        stage = self.stage
        stage.act("What the real policy says")
        stage.say("tidegate.yaml says how 7D releases: its trains, notice, soak, freeze, gates and approvals.")
        stage.tidegate("plan", "billing")
        view = stage.ask("plan", "billing")
        production = next(one for one in view["environments"] if one["environment"] == "production")
        waits = {wait["rule"]: wait["opens_at"] for wait in production["waits"]}
        moment = civil(production["next_possible"], view["timezone"])
        self.facts["real_answer"] = {
            "version": view["version"],
            "type": view["type"],
            "next_possible": production["next_possible"],
            "civil": moment.isoformat(),
            "waits": waits,
        }
        self.claim(view["version"] == GOOD, f"the commits ask for {view['version']}, and {GOOD} was expected")
        self.claim({"notice", "train", "soak.staging"} <= waits.keys(), "the real policy waits for too little")
        stage.say(
            f"So by 7D's real policy {GOOD} could reach production on {moment:%A, %-d %B %Y at %H:%M} at the",
            "earliest: 7 days of notice, 24 hours in staging, 2 days of freeze, and then the next train, which leaves",
            "every second Tuesday at 10:00.",
        )

    def rehearse(self) -> None:
        """Go on with a policy whose times are shorter; record what runs."""
        stage = self.stage
        stage.act("The same policy, with shorter times")
        stage.say("Nobody wants to watch that long. The demo goes on with a rehearsal, marked as one. It changes:")
        real, shorter = self.workspace.rehearse()
        lines = differences(real, shorter)
        stage.diff(lines)
        self.facts["rehearsal"] = lines
        stage.say("A policy file is a proposal until somebody who may adopts it, signed:")
        stage.tidegate("policy", "adopt")
        stage.say("What was put on the hosts by hand becomes a version that one can return to:")
        for environment in ("staging", "production"):
            stage.tidegate("adopt", "billing", environment, "--version", FIRST)

    def open_and_refuse(self) -> None:
        """Open the release, announce it, and see why it may not go."""
        stage = self.stage
        stage.act(f"Release {GOOD} may not go yet")
        self.open_release(GOOD)
        stage.say("The worker has delivered the announcement (to NOTICES.md). May the release go to production now?")
        stage.tidegate("check", release(GOOD), "--for", "production", expect=3)
        decision = stage.ask("check", release(GOOD), "--for", "production", expect=(3,))
        against = [finding["rule"] for finding in decision["findings"] if finding["verdict"] != "allow"]
        self.facts["refusal"] = {"verdict": decision["verdict"], "against": against}
        self.claim(decision["verdict"] == "deny", "the release was not refused")
        stage.say("Deny, and cannot tell: what nobody has shown is not true. Each line says what to do about it.")

    def open_release(self, version: str) -> None:
        """Open the release that the commits ask for."""
        self.stage.tidegate("release", "open", "billing")
        self.stage.tidegate("worker", "--once")
        self.commits[version] = self.workspace.git("rev-parse", "HEAD").strip()

    def fulfil(self) -> None:
        """Show that it is good, and have three people say so."""
        stage = self.stage
        stage.act("Evidence and approvals")
        self.add_evidence(GOOD)
        stage.say("Two of the module team and a tech lead must approve [7D-17], each with an SSH key of their own.")
        self.approve(GOOD)
        stage.say(
            "An approval is bound to what is released, by digest. A commit to the other module changes nothing of it:"
        )
        self.workspace.commit(OTHER_MODULE)
        self.git("log", "--oneline", "-1")
        stage.tidegate("check", release(GOOD), "--for", "production", expect=3)
        decision = stage.ask("check", release(GOOD), "--for", "production", expect=(3,))
        missing = [f["rule"] for f in decision["findings"] if f["verdict"] != "allow" and not f["time_only"]]
        self.claim(missing == ["after.staging"], f"{missing} is missing, and only staging was expected")
        self.facts["after_approvals"] = missing

    def add_evidence(self, version: str) -> None:
        """Run the service's tests, and add what they reported."""
        stage = self.stage
        unit, contract = self.workspace.run_tests()
        stage.say(f"The service's own tests run now, with coverage: {unit} unit tests and {contract} contract tests.")
        for source in ("unit", "contract"):
            stage.tidegate("evidence", "add", release(version), f"reports/{source}.xml", "--source", source)
        stage.tidegate("evidence", "add", release(version), "reports/coverage.json")
        self.facts.setdefault("tests", {})[version] = {"unit": unit, "contract": contract}

    def approve(self, version: str) -> None:
        """Three people approve, each with their own key."""
        for person in SIGNED_BY:
            key = f"../keys/{person}"
            self.stage.tidegate("approve", release(version), "--for", "production", "--as", person, "--key", key)
        self.facts.setdefault("approved_by", {})[version] = list(SIGNED_BY)

    def stage_and_soak(self) -> None:
        """Deploy to staging, and wait until it was there long enough."""
        stage = self.stage
        stage.act(f"{GOOD} goes to staging")
        stage.tidegate("deploy", release(GOOD), "staging")
        self.read_back("staging", GOOD)
        self.soak()
        stage.say("Two seconds of soak have passed, which are 24 hours in the real policy. And now?")
        stage.tidegate("check", release(GOOD), "--for", "production")

    def soak(self) -> None:
        """Wait until time has done its part."""
        end = time.monotonic() + SOAK_PATIENCE_S
        while True:
            decision = self.stage.ask("check", release(GOOD), "--for", "production", expect=(0, 3))
            if decision["verdict"] == "allow":
                return
            self.claim(
                decision["blocked_by_time_only"] and time.monotonic() < end,
                f"{GOOD} may not go to production: "
                + "; ".join(f["message"] for f in decision["findings"] if f["verdict"] != "allow"),
            )

    def go_to_production(self) -> None:
        """The good release, while customers use the service."""
        stage = self.stage
        stage.act(f"{GOOD} goes to production, while customers use it")
        stage.say(
            f"Clients begin to ask for invoices, {RATE_HZ:.0f} times a second in all, spread over the hosts as a load",
            "balancer does it: a host that restarts takes no connection, and the next one gets the request. One host",
            "at a time is given the new version; the watch must prove its error rate below 5 % before the next is.",
        )
        self.traffic.start()
        stage.tidegate("deploy", release(GOOD), "production")
        self.read_back("production", GOOD)
        answers = self.traffic.answers()
        failed = [answer for answer in answers if answer.failed]
        self.claim(not failed, f"{len(failed)} requests failed during {GOOD}, and none should: {failed[:3]}")
        self.facts["good_rollout"] = {"requests": len(answers), "failed": len(failed), "moved": moved(answers)}
        stage.say(
            f"{len(answers)} requests were answered meanwhile and none failed; {moved(answers)} met a host that was",
            "restarting and were answered by the next one. The release is complete:",
        )
        stage.tidegate("release", "notes", release(GOOD))
        self.git("tag", f"billing-v{GOOD}", self.commits[GOOD][:10])

    def read_back(self, environment: str, version: str, otherwise: str = "") -> None:
        """See over HTTP which version every host of an environment runs."""
        hosts = [host for host in self.workspace.hosts if host.environment == environment]
        found = {host.name: version_of(host) for host in hosts}
        self.claim(set(found.values()) == {version}, f"{environment} runs {found}, and {version} was expected")
        self.facts.setdefault("read_back", {})[f"{environment} after {otherwise or version}"] = found

    def release_the_bad_one(self) -> None:
        """A release that passes every gate and is bad nevertheless."""
        stage = self.stage
        stage.act(f"{BAD} passes every gate, and is bad")
        self.workspace.commit(DISCOUNT)
        stage.say(
            "Dave gives regular customers a discount. Who is one, he finds by dividing by the months that a customer",
            "has been here. His tests know nobody who joined this month; two of three customers did.",
        )
        self.open_release(BAD)
        self.add_evidence(BAD)
        self.approve(BAD)
        stage.tidegate("deploy", release(BAD), "staging")
        self.read_back("staging", BAD)
        self.claim(not [a for a in self.traffic.answers() if a.failed], "a request failed before the bad release")
        stage.say("Everything is green, and the customers are still there. It goes on as soon as the soak is over:")
        stage.tidegate("deploy", release(BAD), "production", "--when-allowed", expect=1)
        self.read_back("production", GOOD, otherwise=BAD)
        time.sleep(1.0)
        self.traffic.stop()

    def account(self) -> None:
        """What happened, how bad it was, and whether the record holds."""
        stage = self.stage
        stage.act("What happened")
        harm = harm_of(self.traffic.answers(), BAD)
        self.claim(harm is not None, f"no request failed, although {BAD} is bad")
        assert harm is not None  # noqa: S101  claimed above
        self.tell_timeline(harm)
        stage.say(
            f"{harm.failed} of {harm.requests} requests failed, all of them answered by {' and '.join(harm.hosts)} in",
            f"version {' and '.join(harm.versions)}. From the first bad answer to full recovery it took",
            f"{harm.lasted_s:.1f} s, and nobody had to do anything.",
        )
        stage.say("Is the record whole? Would every decision be made again as it was made? And what runs now?")
        stage.tidegate("audit", "verify")
        stage.tidegate("audit", "rejudge")
        stage.tidegate("status")

    def tell_timeline(self, harm: Harm) -> None:
        """The way up and the way back, from the log, with what the customers saw."""
        log = self.stage.ask("audit", "log", "--release", release(BAD))
        events = [event_of(leaf) for leaf in log if str(leaf["data"].get("rollout", "")).startswith(PRODUCTION)]
        back = [leaf for leaf in log if leaf["kind"] == "rollback.started"]
        self.claim(len(back) == 1, f"{BAD} was not taken back once, but {len(back)} times")
        by = back[0]["actor"]["person"]
        self.claim(by == AUTOMATION, f"{by} took {BAD} back, and Tidegate itself should have")
        events.append((harm.first_bad_at, "customers", f"the first bad answer, by {harm.hosts[0]}"))
        events.append((harm.recovered_at, "customers", "every host answers well again"))
        events.sort(key=lambda event: event[0])
        began = events[0][0]
        self.stage.rows([(f"{moment - began:6.1f} s  {kind:19} ", text) for moment, kind, text in events])
        touched = {host for leaf in log if leaf["kind"] == "wave.confirmed" for host in units_of(leaf)}
        self.check_harm(harm, touched)
        self.facts["taken_back"] = {"by": by, "because": back[0]["data"]["because"], "touched": sorted(touched)}
        self.facts["timeline"] = [{"at_s": round(m - began, 3), "what": k, "detail": t} for m, k, t in events]

    def check_harm(self, harm: Harm, touched: set[str]) -> None:
        """Hold what the customers saw against what the log says was touched."""
        self.claim(set(harm.versions) == {BAD}, f"requests failed in {harm.versions}, and only {BAD} is bad")
        self.claim(set(harm.hosts) <= touched, f"requests failed on {harm.hosts}, and only {touched} had {BAD}")
        self.claim(harm.lasted_s < float("inf"), "not every host answered well again")
        self.facts["harm"] = {
            "requests": harm.requests,
            "failed": harm.failed,
            "hosts": list(harm.hosts),
            "versions": list(harm.versions),
            "seconds_to_recovery": round(harm.lasted_s, 3),
        }

    def take_leave(self) -> None:
        """Stop everything, and say how to go on."""
        stage, workspace = self.stage, self.workspace
        stage.act("Go on yourself")
        audit = stage.ask("audit", "verify")
        self.facts["audit"] = {"holds": audit["holds"], "size": audit["size"]}
        running = stage.ask("status")["running"]
        self.facts["running"] = {f"{one['component']} {one['environment']}": one["version"] for one in running}
        workspace.stop()
        stage.say(
            "The services are stopped now, so that nothing of the demo runs on. What is deployed stays deployed, and",
            "so does the database: the status above says what Tidegate has brought where. To look around and go on:",
        )
        path = [] if stage_is_on_path() else [f'export PATH={shlex.quote(str(Path(command()[0]).parent))}:"$PATH"']
        enter = [f"cd {shlex.quote(here(workspace.repository))}", *path, f"export {assignments(RITA)}"]
        stage.list(enter)
        stage.list(GO_ON)
        self.facts["suggestions"] = {"enter": enter, "go_on": list(GO_ON)}
        self.facts["ok"] = True
        stage.say(f"That took {time.monotonic() - self.began:.0f} seconds. Another run begins afresh.")


GO_ON = (
    "tidegate status                        # what runs where",
    "tidegate release show billing-1.2.0    # what it was, and what became of it",
    "tidegate rollout list                  # every way up and back",
    "tidegate audit log --release billing-1.2.0",
    "tidegate audit export --output checkpoint.txt",
    "tidegate audit verify --against checkpoint.txt",
    "tidegate plan billing                  # 1.2.0 was not released: what is next?",
    "../services start                      # let run what is deployed",
    "tidegate rollback billing staging      # 1.2.0 is still there: back to 1.1.0",
    "tidegate rollback billing production   # and here from 1.1.0 to 1.0.0",
    "../services stop",
)
"""What the reader can type next, in this order; a test does."""


def event_of(leaf: Mapping[str, Any]) -> tuple[float, str, str]:
    """A leaf of the log as a line of the timeline: when (seconds since 1970), what, and in which words."""
    data = leaf["data"]
    way = [str(data[end]) for end in ("from", "to") if end in data]
    text = " to ".join(way) or ", ".join(units_of(leaf))
    because = data.get("because") or ""
    return from_text(leaf["time"]).timestamp(), str(leaf["kind"]), ". ".join(part for part in (text, because) if part)


def units_of(leaf: Mapping[str, Any]) -> list[str]:
    """The hosts that a leaf speaks of."""
    return [str(unit) for unit in leaf["data"].get("units", ())]


def here(path: Path) -> str:
    """A path as one would type it from the working directory."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def assignments(environment: Mapping[str, str]) -> str:
    """Variables as a shell takes them."""
    return " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())


def stage_is_on_path() -> bool:
    """Whether typing ``tidegate`` starts the very command that the demo has used."""
    found = shutil.which("tidegate")
    return found is not None and Path(found).resolve() == Path(command()[0]).resolve()


def release(version: str) -> str:
    """The release of billing in a version."""
    return f"billing-{version}"


def civil(text: str, timezone: str) -> datetime:
    """The moment in the civil time of the policy."""
    return from_text(text).astimezone(ZoneInfo(timezone))


def moved(answers: list[Answer]) -> int:
    """How many requests went to another host, because theirs was restarting."""
    return sum(answer.moved > 0 for answer in answers)
