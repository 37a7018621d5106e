"""Delivery: tried again, given up, in doubt, settled by people; with a real mail server and on both databases."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.support.flows import NOW, Organisation, refused
from tests.support.mailserver import PASSWORD, MailServer, mail_server
from tests.support.webserver import DROP, Says, WebServer, web_server
from tidegate.channels.contract import DELIVERED, Answer, Surroundings
from tidegate.channels.registry import channel_for
from tidegate.core import approval as answers_
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError, UsageError
from tidegate.orchestration import approval, delivery, rollout
from tidegate.store import outbox, releases
from tidegate.store.outbox import MessageRow, MessageState
from tidegate.views.attention import attention, left_to_people

MINUTE = timedelta(minutes=1)
MAIL = [{"on": "release.opened", "to": "email:alice@example.org", "say": "announced"}]
SLACK = [{"on": "release.opened", "to": "slack:#releases", "say": "announced"}]
ON_CALL = {"ops": {"title": "Operations", "reach": "file:ONCALL.md"}}
Make = Callable[..., Organisation]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    with mail_server(tmp_path / "mail") as made:
        yield made


@pytest.fixture
def slack() -> Iterator[WebServer]:
    with web_server() as made:
        made.always = Says(200, b'{"ok": true}')
        yield made


def connected(org: Organisation, environment: dict[str, str]) -> Organisation:
    """The organisation, whose executor has these settings."""
    around = Surroundings(org.root, environment, org.clock)
    org.house = replace(org.house, channel_for=lambda address: channel_for(address, around))
    return org


def by_slack(web: WebServer) -> dict[str, str]:
    return {"TIDEGATE_SLACK_TOKEN": "xoxb-secret", "TIDEGATE_SLACK_API": web.url}


def row(org: Organisation) -> MessageRow:
    """The one message about a release."""
    with org.house.database.read() as connection:
        return outbox.load(connection, _first(org))


def _first(org: Organisation) -> str:
    with org.house.database.read() as connection:
        (name,) = releases.list_ids(connection)
        return next(one.key for one in outbox.of_release(connection, name) if one.occasion == "release.opened")


def announced(org: Organisation) -> Any:
    with org.house.database.read() as connection:
        (name,) = releases.list_ids(connection)
        return releases.load(connection, name).facts.announced_at


def go_on(org: Organisation, times: int = 1) -> None:
    """Sweep, and go to when it is tried again."""
    for _ in range(times):
        org.sweep()
        if (due_at := row(org).due_at) is not None:
            org.clock.now = max(org.clock.now, due_at)


def test_a_mail_is_tried_again_and_arrives_once(make_org: Make, server: MailServer) -> None:
    org = connected(make_org(communication=MAIL), server.environment)
    server.says = ["451 4.3.0 try later", "421 4.3.2 later still"]
    org.open()
    go_on(org, 3)
    assert row(org).state == MessageState.DELIVERED
    assert (row(org).attempts, row(org).error) == (3, "")
    (mail,) = server.read()
    assert str(mail["Subject"]) == "Example: billing 1.1.0 (minor) is planned"
    assert announced(org) is not None
    assert org.kinds()[-1] == "message.delivered"


def test_what_is_refused_is_given_up_shown_and_told(make_org: Make, server: MailServer) -> None:
    told = [*MAIL, {"on": "message.undeliverable", "to": "file:TROUBLE.md", "say": "status"}]
    org = connected(make_org(communication=told, contacts=ON_CALL, delivery={"escalate_to": "ops"}), server.environment)
    server.refuses["alice@example.org"] = "550 5.1.1 no such user"
    org.open()
    org.sweep()
    assert (row(org).state, row(org).due_at, row(org).attempts) == (MessageState.UNDELIVERABLE, None, 1)
    assert "alice@example.org: the mail server said 550 5.1.1 no such user" in row(org).error
    assert left_to_people(org.house) == ["1 message is undeliverable: tidegate notice list"]
    assert org.kinds()[-1] == "message.given_up"
    org.sweep()
    for name in ("TROUBLE.md", "ONCALL.md"):
        (line,) = (org.root / name).read_text().splitlines()
        assert "a message cannot be delivered: announced (release.opened) to email:alice@example.org" in line
    org.clock.go(timedelta(days=1))
    org.sweep()
    assert (row(org).attempts, announced(org)) == (1, None)


def test_what_tells_of_a_failure_tells_of_no_other(make_org: Make) -> None:
    told = [*MAIL, {"on": "message.undeliverable", "to": "github:releases", "say": "status"}]
    org = connected(make_org(communication=told), {"TIDEGATE_SMTP_URL": ""})
    org.adopt(communication=told, delivery={"attempts": 1})
    org.open()
    for _ in range(4):
        org.sweep()
    with org.house.database.read() as connection:
        found = outbox.in_states(connection, outbox.NEEDS_SOMEBODY)
    assert sorted(one.occasion for one in found) == ["message.undeliverable", "release.opened"]
    assert "there is no channel for 'github:releases'" in next(o.error for o in found if o.channel == "github:releases")


def test_a_missing_setting_is_visible_at_once_and_whoever_has_it_delivers(make_org: Make, server: MailServer) -> None:
    org = connected(make_org(communication=MAIL), {})
    org.open()
    org.sweep()
    assert row(org).state == MessageState.UNDELIVERABLE
    assert row(org).error == (
        "TIDEGATE_SMTP_URL is not set here (set it for the worker: TIDEGATE_SMTP_URL=smtps://user@mail.example.org:465)"
    )
    assert attention(org.house) == ["1 message is undeliverable: tidegate notice list"]
    connected(org, server.environment)
    org.clock.go(MINUTE)
    org.sweep()
    assert row(org).state == MessageState.DELIVERED
    assert attention(org.house) == []


def test_it_is_given_up_after_as_many_attempts_as_the_policy_says(make_org: Make, server: MailServer) -> None:
    org = connected(make_org(communication=MAIL, delivery={"attempts": 3}), server.environment)
    server.at_mail = "451 4.3.0 no"
    org.open()
    go_on(org, 2)
    assert row(org).state == MessageState.WAITING
    go_on(org)
    assert (row(org).state, row(org).attempts) == (MessageState.UNDELIVERABLE, 3)
    server.at_mail = ""
    delivery.resend(org.house, org.claim("rita"), row(org).key, "the server is mended")
    assert (row(org).state, row(org).counted) == (MessageState.WAITING, 0)
    org.sweep()
    assert (row(org).state, len(server.mails)) == (MessageState.DELIVERED, 1)
    kinds = [kind for kind in org.kinds() if kind.startswith("message.")]
    assert kinds == ["message.given_up", "message.resent", "message.delivered"]


def test_slack_may_say_429_for_an_hour(make_org: Make, slack: WebServer) -> None:
    org = connected(make_org(communication=SLACK), by_slack(slack))
    slack.always = Says(429, b"", {"Retry-After": "60"})
    org.open()
    until = NOW + timedelta(hours=1)
    waits = []
    while org.clock.now < until:
        org.sweep()
        due_at = row(org).due_at
        assert due_at is not None
        waits.append(due_at - org.clock.now)
        org.clock.now = due_at
    assert min(waits) == MINUTE, "no sooner than it asks"
    assert max(waits) <= delivery.LONGEST_BACK_OFF
    slack.always = Says(200, b'{"ok": true}')
    org.sweep()
    assert row(org).state == MessageState.DELIVERED


def test_a_doubtful_mail_is_sent_again_with_the_same_id(make_org: Make, server: MailServer) -> None:
    org = connected(make_org(communication=MAIL), server.environment)
    server.says = ["drop"]
    org.open()
    go_on(org)
    assert row(org).state == MessageState.WAITING
    assert org.kinds()[-1] == "message.doubted"
    go_on(org)
    assert row(org).state == MessageState.DELIVERED
    one, again = server.ids()
    assert one == again


def test_a_doubtful_message_waits_for_a_person_where_the_policy_says_so(make_org: Make, server: MailServer) -> None:
    org = connected(make_org(communication=MAIL, delivery={"on_unknown": "ask"}), server.environment)
    server.says = ["drop"]
    org.open()
    go_on(org)
    org.clock.go(timedelta(days=3))
    org.sweep()
    assert (row(org).state, row(org).due_at, len(server.mails)) == (MessageState.UNKNOWN, None, 1)
    assert attention(org.house) == ["of 1 message nobody can tell whether it arrived: tidegate notice list"]
    assert announced(org) is None
    delivery.settle(org.house, org.claim("rita"), row(org).key, "alice has it", delivered=True)
    assert (row(org).state, announced(org)) == (MessageState.DELIVERED, org.clock.now)
    assert attention(org.house) == []
    leaf = org.leaves()[-1]
    assert (leaf.kind, leaf.data["reason"]) == ("message.settled", "delivered: alice has it")
    assert leaf.data["signature"]


def test_slack_shows_everything_twice_so_that_a_doubt_waits(make_org: Make, slack: WebServer) -> None:
    org = connected(make_org(communication=SLACK), by_slack(slack))
    slack.says = [DROP]
    org.open()
    go_on(org, 3)
    assert (row(org).state, len(slack.sent)) == (MessageState.UNKNOWN, 1)
    delivery.resend(org.house, org.claim("rita"), row(org).key, "it is not there")
    org.sweep()
    assert (row(org).state, len(slack.sent)) == (MessageState.DELIVERED, 2)


def test_a_message_that_is_settled_as_not_delivered_is_left_alone(make_org: Make, server: MailServer) -> None:
    org = connected(make_org(communication=MAIL), server.environment)
    server.says = ["554 no"]
    org.open()
    go_on(org)
    delivery.settle(org.house, org.claim("rita"), row(org).key, "alice has left", delivered=False)
    org.clock.go(timedelta(days=1))
    org.sweep()
    assert (row(org).state, announced(org), attention(org.house)) == (MessageState.SETTLED, None, [])


@pytest.fixture
def given_up(make_org: Make, server: MailServer) -> Organisation:
    """An organisation with a message that nobody could deliver."""
    org = connected(make_org(communication=MAIL), server.environment)
    server.says = ["554 no"]
    org.open()
    go_on(org)
    return org


def acts(org: Organisation, key: str, person: str, signs: str | None = None) -> list[Callable[[], object]]:
    claim = org.claim(person, signs)
    return [
        lambda: delivery.resend(org.house, claim, key, "because"),
        lambda: delivery.settle(org.house, claim, key, "because", delivered=True),
        lambda: delivery.settle(org.house, claim, key, "because", delivered=False),
    ]


@pytest.mark.parametrize("act", range(3))
def test_who_may_not_settle_leaves_a_refusal(given_up: Organisation, act: int) -> None:
    org, key = given_up, row(given_up).key
    with refused(org, NotPermittedError, "bob may not open", "message"):
        acts(org, key, "bob")[act]()
    with refused(org, NotPermittedError, "rita is only asserted; open asks for passkey", "message"):
        acts(org, key, "rita", "")[act]()
    with refused(org, NotPermittedError, "is not a signature of rita|rita", "message"):
        acts(org, key, "rita", "bob")[act]()
    with refused(org, NotFoundError, "there is no message 'nothing'", "message"):
        acts(org, "nothing", "rita")[act]()


@pytest.mark.parametrize("act", range(3))
def test_what_was_delivered_is_not_settled_again(given_up: Organisation, act: int) -> None:
    org, key = given_up, row(given_up).key
    acts(org, key, "rita")[0]()
    with refused(org, ConflictError, "the message is still tried", "message"):
        acts(org, key, "rita")[act]()
    org.sweep()
    with refused(org, ConflictError, "the message was delivered", "message"):
        acts(org, key, "rita")[act]()


@pytest.mark.parametrize("reason", ["", "  ", "x" * 2001])
def test_a_reason_is_given(given_up: Organisation, reason: str) -> None:
    with pytest.raises(UsageError):
        delivery.resend(given_up.house, given_up.claim("rita"), row(given_up).key, reason)


# --- Claims, and processes that die or freeze


class PowerCutError(BaseException):
    """The process is no more."""


def dying(org: Organisation, server: MailServer, point: str) -> Organisation:
    def cut(name: str) -> None:
        if name == point:
            raise PowerCutError

    around = Surroundings(org.root, server.environment, org.clock, cut)
    return connected_by(org, around)


def connected_by(org: Organisation, around: Surroundings) -> Organisation:
    return replace(org, house=replace(org.house, channel_for=lambda address: channel_for(address, around)))


@pytest.mark.parametrize(("point", "before"), [("send:connected", 0), ("send:leaving", 0), ("send:accepted", 1)])
def test_who_dies_while_sending_is_found_out(make_org: Make, server: MailServer, point: str, before: int) -> None:
    org = connected(make_org(communication=MAIL, delivery={"on_unknown": "ask"}), server.environment)
    org.open()
    with pytest.raises(PowerCutError):
        dying(org, server, point).sweep()
    assert len(server.mails) == before
    org.clock.go(delivery.CLAIM - timedelta(seconds=1))
    org.sweep()
    assert len(server.mails) == before, "it may still be at it"
    org.clock.go(10 * delivery.CLAIM)
    org.sweep()
    if point == "send:connected":
        assert (row(org).state, len(server.mails)) == (MessageState.DELIVERED, 1)
    else:
        assert (row(org).state, len(server.mails)) == (MessageState.UNKNOWN, before)
        assert row(org).error.startswith("whoever sent it died while sending, so it may have been taken")


def test_who_froze_before_sending_sends_nothing_once_it_is_another_s(make_org: Make, server: MailServer) -> None:
    org = connected(make_org(communication=MAIL), server.environment)
    org.open()
    other = connected_by(org.beside(), Surroundings(org.root, server.environment, org.clock))

    def frozen(point: str) -> None:
        if point == "send:connected":
            org.clock.go(2 * delivery.CLAIM)
            other.sweep()

    connected_by(org, Surroundings(org.root, server.environment, org.clock, frozen)).sweep()
    assert (row(org).state, row(org).attempts, len(server.mails)) == (MessageState.DELIVERED, 2, 1)
    assert org.kinds().count("message.delivered") == 1
    other.house.database.close()


def test_who_froze_after_sending_still_says_that_it_arrived(make_org: Make, server: MailServer) -> None:
    org = connected(make_org(communication=MAIL, delivery={"on_unknown": "ask"}), server.environment)
    org.open()
    other = connected_by(org.beside(), Surroundings(org.root, server.environment, org.clock))

    def frozen(point: str) -> None:
        if point == "send:accepted":
            org.clock.go(11 * delivery.CLAIM)
            other.sweep()
            assert row(org).state == MessageState.UNKNOWN

    connected_by(org, Surroundings(org.root, server.environment, org.clock, frozen)).sweep()
    assert (row(org).state, len(server.mails)) == (MessageState.DELIVERED, 1)
    other.house.database.close()


def test_a_channel_that_fails_by_itself_is_recorded(make_org: Make) -> None:
    class Broken:
        recognised: ClassVar[bool] = True

        def deliver(self, message: object, leaving: Callable[[], None] = lambda: None) -> Any:
            leaving()
            raise ZeroDivisionError

    org = make_org(communication=MAIL, delivery={"on_unknown": "ask"})
    org.house = replace(org.house, channel_for=lambda _: Broken())
    org.open()
    org.sweep()
    assert row(org).state == MessageState.UNKNOWN
    assert row(org).error == "the channel failed: ZeroDivisionError (report this with the worker's log)"


# --- Addresses, invitations, secrets


def test_each_of_several_addresses_is_told_by_itself(make_org: Make, server: MailServer) -> None:
    several = [{**MAIL[0], "to": "email:alice@example.org, bob@example.org"}]
    org = connected(make_org(communication=several), server.environment)
    server.refuses["bob@example.org"] = "550 5.1.1 no such user"
    org.open()
    for _ in range(3):
        org.sweep()
    assert server.recipients == ["alice@example.org"]
    assert [one.channel for one in org.messages()] == ["email:bob@example.org"]


def test_an_invitation_names_the_planned_moment_of_the_release(make_org: Make, server: MailServer) -> None:
    invited = [{**MAIL[0], "to": "calendar:alice@example.org"}]
    org = connected(make_org(communication=invited), server.environment)
    name = org.open()
    org.sweep()
    assert "the message names no time to invite to" in row(org).error
    org.sql("UPDATE tg_release SET planned_at = '2026-12-09T18:00:00.000000Z' WHERE id = :name", name=name)
    delivery.resend(org.house, org.claim("rita"), row(org).key, "it has a date now")
    org.sweep()
    (mail,) = server.read()
    text = mail.as_string()
    assert "DTSTART:20261209T180000Z" in text
    assert f"UID:{name}.tidegate@example.org" in text
    assert "SEQUENCE:0" in text


def test_no_secret_is_kept_anywhere(make_org: Make, server: MailServer, caplog: pytest.LogCaptureFixture) -> None:
    org = connected(make_org(communication=MAIL), server.environment)
    server.lets_in = False
    org.open()
    go_on(org, 3)
    with org.house.database.read() as connection:
        kept = " ".join(str(found) for found in connection.exec_driver_sql("SELECT * FROM tg_message"))
    leaves = json.dumps([dict(leaf.data) for leaf in org.leaves()])
    assert "it does not let robot@example.org in" in kept
    for text in (kept, leaves, caplog.text, repr(row(org))):
        assert PASSWORD not in text


def test_messages_that_nobody_answers_hold_up_nothing_else(make_org: Make) -> None:
    """A mail server that is silent takes all senders; a rollout goes to its end meanwhile."""

    class Silent:
        recognised: ClassVar[bool] = True

        def deliver(self, message: object, leaving: Callable[[], None] = lambda: None) -> Answer:
            leaving()
            asked.append(1)
            answers.wait(60)
            return DELIVERED

    asked: list[int] = []
    answers = threading.Event()
    channels: list[str] = [f"email:{n}@example.org" for n in range(8)]
    org = make_org(communication=[{**MAIL[0], "to": channels}])
    org.house = replace(org.house, channel_for=lambda _: Silent())
    release = org.open()
    org.tested(release)
    rollout.ask_start(org.house, release, "production", org.claim("rita"))
    try:
        with org.executing() as house:
            org.wait_until(lambda: len(asked) >= 4)
            for person in ("alice", "bob", "carol"):
                approval.answer(house, release, "production", org.claim(person), answers_.Answer.APPROVE)
            org.wait_for(f"{release}.production.1")
            answers.set()
            org.wait_until(lambda: org.messages() == [])
    finally:
        answers.set()
