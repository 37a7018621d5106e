"""The timeline of a release: planned, moved, sent once, left out where it makes no sense any more."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.support.flows import NOW, Organisation, refused
from tests.support.gitrepo import GitRepository
from tidegate.core.notice import NoticeState
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError
from tidegate.orchestration import hold, notice, sweep, timeline
from tidegate.orchestration import release as release_flow
from tidegate.orchestration.release import Intent
from tidegate.store import notices, outbox, releases
from tidegate.store.notices import NoticeRow

MakeOrg = Callable[..., Organisation]
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
FILE = "file:NOTICES.md"
WEEK = {"at": "-7d", "to": FILE, "say": "announced"}
EVE = {"at": "-1d", "to": FILE, "say": "reminder"}
REPORT = {"at": "+1d", "to": FILE, "say": "report"}
TEMPLATES = {
    "reminder": {"title": "{component} {version} goes", "text": "It goes on {date} at {time}."},
    "report": {"text": "{release} went on {date}."},
}
PLANNED = NOW + 10 * DAY  # Friday 11 December, 10:00 in Los Angeles


def rows(org: Organisation, release: str) -> list[NoticeRow]:
    with org.house.database.read() as connection:
        return notices.of_release(connection, release)


def states(org: Organisation, release: str) -> list[tuple[str, str, datetime | None]]:
    return [(row.message.say, row.state.value, row.due_at) for row in rows(org, release)]


def lines(org: Organisation, name: str = "NOTICES.md") -> list[str]:
    path = org.root / name
    return [line.partition(" <!--")[0][2:] for line in path.read_text().splitlines()] if path.exists() else []


def opened(org: Organisation, planned: datetime | None = PLANNED) -> str:
    intent = Intent(planned_at=planned)
    return release_flow.open_release(org.house, "billing", org.claim("rita"), intent=intent).release.id


def go(org: Organisation, moment: datetime) -> None:
    """Let it be that moment, and do what is due."""
    org.clock.now = moment
    for _ in range(3):
        org.sweep()


def data(org: Organisation, kind: str) -> list[Any]:
    return [leaf.data for leaf in org.leaves() if leaf.kind == kind]


def test_a_timeline_goes_out_at_its_times_each_once(make_org: MakeOrg) -> None:
    org = make_org(communication=[WEEK, EVE, REPORT], templates=TEMPLATES)
    release = opened(org)
    assert states(org, release) == [
        ("announced", "planned", PLANNED - 7 * DAY),
        ("reminder", "planned", PLANNED - DAY),
        ("report", "planned", None),
    ]
    go(org, PLANNED - 7 * DAY - timedelta(seconds=1))
    assert lines(org) == []
    assert sweep.next_due(org.house) == PLANNED - 7 * DAY
    go(org, PLANNED - 7 * DAY)
    assert lines(org) == ["Example: billing 1.1.0 (minor) is planned for Fri 11 Dec 2026 10:00 PST"]
    go(org, PLANNED - DAY)
    assert lines(org)[1:] == ["Example: billing 1.1.0 goes  It goes on Fri 11 Dec 2026 at 10:00 PST."]
    assert [row["say"] for row in data(org, "notice.sent")] == ["announced", "reminder"]


def finished(org: Organisation, release: str) -> None:
    """Carry it to production."""
    org.start(release)
    org.carry()


def prepared(org: Organisation, planned: datetime | None = None) -> str:
    """An open release with all that it needs, planned for a time."""
    release = org.prepared()
    if planned is not None:
        release_flow.amend(org.house, release, org.claim("rita"), Intent(planned_at=planned))
    return release


def test_what_follows_the_release_is_counted_from_when_it_was_done(make_org: MakeOrg) -> None:
    org = make_org(communication=[WEEK, EVE, REPORT], templates=TEMPLATES)
    release = prepared(org, PLANNED)
    go(org, PLANNED - 7 * DAY)
    org.clock.now = PLANNED - 2 * DAY
    finished(org, release)
    assert states(org, release) == [
        ("announced", "sent", None),
        ("reminder", "skipped", None),
        ("report", "planned", PLANNED - DAY),
    ]
    assert rows(org, release)[1].because == "the release was done before"
    [done] = data(org, "timeline.done")
    assert (done["skipped"], done["following"]) == ([2], {"3": "2026-12-10T18:00:00.000000Z"})
    go(org, PLANNED + 7 * DAY)
    assert lines(org)[1:] == ["Example: billing 1.1.0  billing-1.1.0 went on Wed 9 Dec 2026."]


def test_a_moved_release_moves_what_is_to_come_and_tells_who_was_told_once(make_org: MakeOrg) -> None:
    org = make_org(communication=[WEEK, EVE], templates=TEMPLATES)
    release = prepared(org, PLANNED)
    go(org, PLANNED - 7 * DAY)
    later = PLANNED + 7 * DAY
    for _ in range(2):
        release_flow.amend(org.house, release, org.claim("rita"), Intent(planned_at=later))
        go(org, org.clock.now)
    assert states(org, release) == [("announced", "sent", None), ("reminder", "planned", later - DAY)]
    assert lines(org)[1:] == [
        "Example: billing 1.1.0 (minor) is moved: from Fri 11 Dec 2026 10:00 PST to Fri 18 Dec 2026 10:00 PST"
    ]
    [moved] = data(org, "timeline.moved")
    assert (moved["from"], moved["to"], moved["told"]) == (
        "2026-12-11T18:00:00.000000Z",
        "2026-12-18T18:00:00.000000Z",
        [FILE],
    )


def test_who_was_told_of_nothing_is_not_told_of_a_move(make_org: MakeOrg) -> None:
    org = make_org(communication=[WEEK])
    release = prepared(org, PLANNED)
    release_flow.amend(org.house, release, org.claim("rita"), Intent(planned_at=PLANNED + 7 * DAY))
    go(org, NOW)
    assert lines(org) == []


def test_a_release_that_is_given_up_cancels_what_is_to_come_and_tells_who_was_told(make_org: MakeOrg) -> None:
    org = make_org(communication=[WEEK, EVE], templates=TEMPLATES)
    release = prepared(org, PLANNED)
    go(org, PLANNED - 7 * DAY)
    release_flow.cancel(org.house, release, org.claim("rita"), "not worth it")
    go(org, PLANNED)
    assert states(org, release) == [("announced", "sent", None), ("reminder", "cancelled", None)]
    assert rows(org, release)[1].because == "the release is cancelled"
    assert lines(org)[1:] == ["Example: billing 1.1.0 (minor) is given up"]


def test_a_release_that_is_taken_back_reports_nothing(make_org: MakeOrg) -> None:
    from tidegate.orchestration import rollback

    org = make_org(communication=[REPORT], templates=TEMPLATES)
    org.released()
    rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
    org.carry()
    go(org, NOW + 3 * DAY)
    assert states(org, "billing-1.1.0") == [("report", "cancelled", None)]
    assert lines(org) == []


def test_after_an_outage_what_still_makes_sense_is_sent_and_the_rest_is_marked(make_org: MakeOrg) -> None:
    org = make_org(communication=[{**WEEK, "at": "-9d"}, WEEK, EVE, {**EVE, "say": "status"}], templates=TEMPLATES)
    first = prepared(org, PLANNED)
    # Nobody swept for a week and a half: the reminder of the day before tells nobody anything any more.
    go(org, PLANNED + HOUR)
    assert [(say, state) for say, state, _ in states(org, first)] == [
        ("announced", "skipped"),
        ("announced", "skipped"),
        ("reminder", "skipped"),
        ("status", "skipped"),
    ]
    assert {row.because for row in rows(org, first)} == {"the time for which the release was planned has passed"}
    assert [one["notice"] for one in data(org, "notice.skipped")] == [1, 2, 3, 4]
    assert lines(org) == []


def test_of_two_that_say_the_same_and_are_late_the_later_one_goes(make_org: MakeOrg) -> None:
    org = make_org(communication=[{**WEEK, "at": "-9d"}, WEEK, EVE], templates=TEMPLATES)
    release = prepared(org, PLANNED)
    go(org, PLANNED - 2 * DAY)
    assert [(say, state) for say, state, _ in states(org, release)] == [
        ("announced", "skipped"),
        ("announced", "sent"),
        ("reminder", "planned"),
    ]
    assert rows(org, release)[0].because == "a later one says the same and is due as well"
    assert len(lines(org)) == 1


def test_a_move_plans_again_what_was_skipped_for_its_time(make_org: MakeOrg) -> None:
    org = make_org(communication=[EVE], templates=TEMPLATES)
    release = prepared(org, PLANNED)
    go(org, PLANNED + HOUR)
    assert states(org, release) == [("reminder", "skipped", None)]
    release_flow.amend(org.house, release, org.claim("rita"), Intent(planned_at=PLANNED + 7 * DAY))
    assert states(org, release) == [("reminder", "planned", PLANNED + 6 * DAY)]


def test_types_are_told_of_alone(make_org: MakeOrg) -> None:
    org = make_org(
        communication=[
            {**WEEK, "types": ["patch"]},
            {"on": "release.opened", "to": FILE, "say": "announced", "types": ["patch"]},
            {"on": "release.opened", "to": FILE, "say": "status", "types": ["minor", "patch"]},
        ]
    )
    release = opened(org)
    go(org, PLANNED - DAY)
    assert states(org, release) == []
    assert lines(org) == ["Example: billing 1.1.0"]


def test_without_a_plan_time_counts_from_what_the_policy_foresees(make_org: MakeOrg) -> None:
    windows = {"production": {"windows": [{"days": "tue", "from": "12:00", "to": "14:00"}]}}
    org = make_org(communication=[{**EVE, "at": "-1h"}], templates=TEMPLATES, environments=windows)
    release = opened(org, None)
    assert states(org, release) == [("reminder", "planned", NOW + HOUR)]
    go(org, NOW + HOUR)
    assert lines(org) == ["Example: billing 1.1.0 goes  It goes on Tue 1 Dec 2026 at 12:00 PST."]
    # Nobody approves: the window closes, and the next one is foreseen. Who was told is told.
    go(org, NOW + 5 * HOUR)
    go(org, NOW + 29 * HOUR)
    assert lines(org)[1:] == [
        "Example: billing 1.1.0 (minor) is moved: from Tue 1 Dec 2026 12:00 PST to Tue 8 Dec 2026 12:00 PST"
    ]


def test_the_delivery_of_an_announcement_is_no_move_to_tell_of(make_org: MakeOrg) -> None:
    """The notice counts from when the announcement was delivered; who has just read it is not told of these minutes."""
    told_at_once = {"at": "-3d", "to": FILE, "say": "announced"}
    org = make_org(communication=[told_at_once, EVE], templates=TEMPLATES, release_types={"minor": {"notice": "3d"}})
    release = opened(org, None)
    go(org, NOW + timedelta(minutes=5))
    go(org, NOW + timedelta(minutes=6))
    assert lines(org) == ["Example: billing 1.1.0 (minor) is planned"]
    assert states(org, release)[1] == ("reminder", "planned", NOW + timedelta(minutes=5) + 2 * DAY)
    assert [moved["told"] for moved in data(org, "timeline.moved")] == [[]]


def test_where_only_people_are_waited_for_nothing_has_a_time(make_org: MakeOrg) -> None:
    org = make_org(communication=[EVE, REPORT], templates=TEMPLATES)
    release = prepared(org)
    assert states(org, release) == [("reminder", "planned", None), ("report", "planned", None)]
    go(org, NOW + 40 * DAY)
    assert lines(org) == []
    finished(org, release)
    assert [state for _, state, _ in states(org, release)] == ["skipped", "planned"]


def test_a_rebased_release_goes_by_the_timeline_of_its_new_policy(make_org: MakeOrg) -> None:
    org = make_org(communication=[WEEK, EVE], templates=TEMPLATES)
    release = opened(org)
    org.adopt(communication=[{**WEEK, "at": "-5d"}, EVE], templates=TEMPLATES)
    go(org, NOW)
    assert len(states(org, release)) == 2
    release_flow.rebase(org.house, release, org.claim("rita"))
    go(org, NOW)
    assert states(org, release) == [
        ("announced", "cancelled", None),
        ("reminder", "planned", PLANNED - DAY),
        ("announced", "planned", PLANNED - 5 * DAY),
    ]


def test_whom_it_reaches_is_whoever_is_there_when_it_goes(make_org: MakeOrg) -> None:
    audiences = {"team": {"title": "The team", "groups": ["module-team"]}}
    people = {name: {"email": f"{name}@example.org"} for name in ("alice", "bob")}
    people["dave"] = {"email": "dave@example.org"}
    said = [{"at": "-1d", "to": "team", "say": "status"}]
    org = make_org(communication=said, audiences=audiences, people=people)
    release = opened(org)
    org.adopt(communication=said, audiences=audiences, people={**people, "bob": {"disabled": True}})
    go(org, PLANNED - DAY)
    [row] = rows(org, release)
    assert row.told == ("email:alice@example.org",)


def test_what_reaches_nobody_is_marked(make_org: MakeOrg) -> None:
    audiences = {"team": {"title": "The team", "groups": ["module-team"]}}
    org = make_org(communication=[{"at": "-1d", "to": "team", "say": "status"}], audiences=audiences)
    release = opened(org)
    go(org, PLANNED - DAY)
    [row] = rows(org, release)
    assert (row.state, row.because) == (NoticeState.SKIPPED, "it reaches nobody: alice, bob")


def test_clients_are_told_of_what_touches_their_sites(make_org: MakeOrg) -> None:
    org = make_org(
        components={"billing": {"client": "acme"}},
        clients={
            "acme": {"title": "Acme", "told": ["file:ACME.md"], "contacts": ["it", "phone"]},
            "other": {"title": "Other", "told": ["file:OTHER.md"]},
        },
        contacts={
            "it": {"title": "IT", "reach": "it@acme.example"},
            "phone": {"title": "Reception", "reach": "+1 555 0100"},
        },
        communication=[{"on": "release.opened", "to": ["$clients"], "say": "announced"}],
    )
    release = opened(org)
    with org.house.database.read() as connection:
        sent = [message.channel for message in outbox.of_release(connection, release)]
    assert sorted(sent) == ["email:it@acme.example", "file:ACME.md"]


# Exactly once.


def test_two_workers_send_it_once(make_org: MakeOrg) -> None:
    org = make_org(communication=[EVE], templates=TEMPLATES)
    release = opened(org)
    org.clock.now = PLANNED - DAY
    other = org.beside()
    threads = [threading.Thread(target=timeline.work, args=(o.house, release)) for o in (org, other) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(org.messages()) == 1
    assert org.kinds().count("notice.sent") == 1
    other.house.database.close()


def test_a_notice_is_sent_with_its_leaf_and_its_message_or_not_at_all(
    make_org: MakeOrg, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PowerCutError(BaseException):
        pass

    def cut(*_: Any, **__: Any) -> Any:
        raise PowerCutError

    org = make_org(communication=[EVE], templates=TEMPLATES)
    release = opened(org)
    org.clock.now = PLANNED - DAY
    monkeypatch.setattr(timeline, "record", cut)
    with pytest.raises(PowerCutError):
        timeline.work(org.house, release)
    monkeypatch.undo()
    assert (org.messages(), states(org, release)) == ([], [("reminder", "planned", PLANNED - DAY)])
    go(org, org.clock.now)
    assert len(lines(org)) == 1


# When a notice period starts.


def announced(org: Organisation, release: str) -> Any:
    with org.house.database.read() as connection:
        return releases.load(connection, release).facts.announced_at


def test_notice_counts_from_the_last_delivery_to_its_audience(make_org: MakeOrg) -> None:
    said = [{"on": "release.opened", "to": [FILE, "file:late/LATE.md"], "say": "announced"}]
    org = make_org(communication=said, release_types={"minor": {"notice": "7d"}})
    release = org.prepared()
    (org.root / "late").write_text("in the way")
    go(org, NOW + HOUR)
    assert (len(lines(org)), announced(org, release)) == (1, None)
    assert f"no announcement of {release} has been delivered" in org.reasons(release)
    (org.root / "late").unlink()
    go(org, NOW + 3 * HOUR)
    assert announced(org, release) == NOW + 3 * HOUR
    assert org.decide(release).next_possible == NOW + 3 * HOUR + 7 * DAY
    assert data(org, "message.delivered")[-1]["announces"] == [f"{release}:release.opened:"]


def test_an_announcement_at_a_time_starts_the_notice_as_well(make_org: MakeOrg) -> None:
    org = make_org(communication=[{**WEEK, "at": "-8d"}], release_types={"minor": {"notice": "7d"}})
    release = prepared(org, PLANNED)
    assert announced(org, release) is None
    go(org, PLANNED - 8 * DAY)
    assert announced(org, release) == PLANNED - 8 * DAY
    assert org.decide(release).next_possible == PLANNED - DAY


def test_an_announcement_that_comes_too_late_for_its_notice_is_made_in_time(make_org: MakeOrg) -> None:
    """Its time is foreseen seven days from whenever it is asked: two days before that would never come."""
    late = {"at": "-2d", "to": FILE, "say": "announced"}
    org = make_org(communication=[late], release_types={"minor": {"notice": "7d"}})
    release = prepared(org, None)
    assert [row.message.at for row in rows(org, release)] == [-2 * DAY, -7 * DAY]
    go(org, NOW + HOUR)
    assert announced(org, release) == NOW + HOUR
    assert org.decide(release).next_possible == NOW + HOUR + 7 * DAY
    go(org, NOW + HOUR + 5 * DAY)
    assert [row.state.value for row in rows(org, release)] == ["sent", "sent"]


def test_an_announcement_that_is_due_is_not_put_off_by_the_notice_that_it_begins(make_org: MakeOrg) -> None:
    """Whoever comes by a little late to send it finds that its window would be missed, and sends it nevertheless."""
    windows = {"production": {"windows": [{"days": "thu", "from": "10:00", "to": "10:05"}]}}
    org = make_org(communication=[WEEK], release_types={"minor": {"notice": "7d"}}, environments=windows)
    release = prepared(org, None)
    assert states(org, release) == [("announced", "planned", NOW + 2 * DAY)]
    go(org, NOW + 2 * DAY + HOUR)
    assert announced(org, release) == NOW + 2 * DAY + HOUR


def test_a_breaking_change_that_was_not_announced_starts_the_notice_again(make_org: MakeOrg) -> None:
    opening = [{"on": "release.opened", "to": FILE, "say": "announced"}]
    org = make_org(communication=opening, release_types={"minor": {"notice": "7d"}})
    release = org.prepared()
    go(org, NOW)
    go(org, NOW + 7 * DAY)
    assert org.decide(release).allowed
    change = '[{"breaking":true,"kind":"feat","level":"major","sha":"0123456789abcdef","summary":"new"}]'
    org.sql("UPDATE tg_item SET changes = :changes WHERE release = :id", changes=change, id=release)
    said = f"the announcement of {release} did not speak of billing 0123456789ab, which breaks something"
    assert said in org.reasons(release)
    timeline.look(org.house, release)
    go(org, org.clock.now)
    assert len(lines(org)) == 2
    assert org.decide(release).next_possible == NOW + 14 * DAY
    assert said not in org.reasons(release)


# Who has read it.


def asked_to_read(make_org: MakeOrg) -> tuple[Organisation, str]:
    audiences = {"team": {"title": "The team", "to": [FILE], "groups": ["module-team"]}}
    said = [{"at": "-1d", "to": "team", "say": "status", "acknowledge": True}, EVE]
    org = make_org(communication=said, audiences=audiences, templates=TEMPLATES)
    release = opened(org)
    return org, release


def test_those_who_are_told_say_that_they_have_read_it(make_org: MakeOrg) -> None:
    org, release = asked_to_read(make_org)
    go(org, PLANNED - DAY)
    assert notice.acknowledge(org.house, org.claim("alice"), release) == [1]
    with org.house.database.read() as connection:
        said = notices.acknowledged(connection, release)
    assert [(one.number, one.person) for one in said] == [(1, "alice")]
    leaf = org.leaves()[-1]
    assert (leaf.kind, leaf.actor.person, leaf.data["notices"]) == ("notice.acknowledged", "alice", [1])
    assert leaf.data["signature"]


def test_who_says_what_is_not_so_is_refused(make_org: MakeOrg) -> None:
    org, release = asked_to_read(make_org)
    with refused(org, ConflictError, "is planned: nobody has read it", "notice"):
        notice.acknowledge(org.house, org.claim("alice"), release, 1)
    go(org, PLANNED - DAY)
    with refused(org, NotPermittedError, "was not told to carol", "notice"):
        notice.acknowledge(org.house, org.claim("carol"), release, 1)
    with refused(org, NotPermittedError, "alice has not signed", "notice"):
        notice.acknowledge(org.house, org.claim("alice", ""), release, 1)
    with refused(org, ConflictError, "asks nobody to say", "notice"):
        notice.acknowledge(org.house, org.claim("alice"), release, 2)
    with refused(org, NotFoundError, "has no notice 9", "notice"):
        notice.acknowledge(org.house, org.claim("alice"), release, 9)
    notice.acknowledge(org.house, org.claim("alice"), release, 1)
    with refused(org, ConflictError, "has acknowledged notice 1", "notice"):
        notice.acknowledge(org.house, org.claim("alice"), release, 1)
    with refused(org, ConflictError, "waits for alice", "notice"):
        notice.acknowledge(org.house, org.claim("alice"), release)


# Texts.


def test_a_text_in_a_file_is_read_from_the_commit_that_is_released(make_org: MakeOrg) -> None:
    templates = {"hello": {"title": "Hello", "path": "texts/hello.md"}}
    org = make_org(communication=[{"at": "-1d", "to": FILE, "say": "hello"}], templates=templates)
    GitRepository(org.root).commit("docs: a text", {"texts/hello.md": "{component} goes {date}. {config.password}"})
    opened(org)
    (org.root / "texts/hello.md").write_text("something else")
    go(org, PLANNED - DAY)
    assert lines(org) == ["Example: Hello  billing goes Fri 11 Dec 2026. {config.password}"]


def test_a_text_that_cannot_be_read_is_said_in_other_words(make_org: MakeOrg) -> None:
    templates = {"hello": {"title": "Hello", "path": "texts/secret.md"}}
    org = make_org(communication=[{"at": "-1d", "to": FILE, "say": "hello"}], templates=templates)
    (org.root / "texts").mkdir()
    (org.root / "texts/secret.md").symlink_to("/etc/hostname")
    GitRepository(org.root).git("add", "-f", "texts/secret.md")
    GitRepository(org.root).git("commit", "-qm", "docs: a link")
    opened(org)
    go(org, PLANNED - DAY)
    assert lines(org) == ["Example: billing 1.1.0"]


def test_somebody_who_stops_the_line_or_rejects_is_told_of(make_org: MakeOrg) -> None:
    from tidegate.core.approval import Answer
    from tidegate.orchestration import approval

    org = make_org(
        communication=[
            {"on": "hold.added", "to": FILE, "say": "status"},
            {"on": "release.rejected", "to": FILE, "say": "status"},
        ]
    )
    release = org.open()
    hold.add(org.house, org.claim("rita"), "a leak", environment="production")
    approval.answer(org.house, release, "production", org.claim("carol"), Answer.REJECT, reason="no")
    go(org, NOW)
    assert sorted(lines(org)) == [
        "Example: billing 1.1.0: carol rejected it for production: no",
        "Example: rita has stopped the line in production: a leak",
    ]


# Many.


def test_a_sweep_of_very_many_holds_the_database_for_a_moment_at_a_time(make_org: MakeOrg) -> None:
    org = make_org(communication=[EVE], templates=TEMPLATES)
    release = opened(org)
    with org.house.database.write() as connection:
        [row] = connection.execute(sa.text("SELECT * FROM tg_notice")).mappings().all()
        values = [{**row, "number": 2 + n, "key": f"sha256:{n:064x}"} for n in range(500)]
        names = ", ".join(map(str, row))
        binds = ", ".join(f":{name}" for name in row)
        connection.execute(sa.text(f"INSERT INTO tg_notice ({names}) VALUES ({binds})"), values)  # noqa: S608
    org.clock.now = PLANNED - DAY
    timeline.send_due(org.house, release)
    assert org.kinds().count("notice.sent") + org.kinds().count("notice.skipped") == timeline.AT_ONCE
    assert sorted({one["because"] for one in data(org, "notice.skipped")}) == [
        "a later one says the same and is due as well"
    ]
    assert len(sweep.due_jobs(org.house, "me")) <= 21


def test_the_clocks_change_between(make_org: MakeOrg) -> None:
    org = make_org(communication=[WEEK])
    # 10:00 on the Sunday on which the clocks are set forward, 14 March 2027.
    planned = datetime(2027, 3, 14, 17, 0, tzinfo=UTC)
    release = opened(org, planned)
    assert states(org, release) == [("announced", "planned", datetime(2027, 3, 7, 18, 0, tzinfo=UTC))]
