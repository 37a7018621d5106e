"""Mail and invitations, handed over to a real mail server that also misbehaves."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from icalendar import Calendar

from tests.support.mailserver import PASSWORD, MailServer, mail_server
from tidegate.channels import smtp
from tidegate.channels.contract import Answer, Attachment, Event, Message, Outcome, Surroundings
from tidegate.channels.registry import channel_for
from tidegate.channels.settings import UnsetError
from tidegate.errors import UsageError

NOW = datetime(2026, 12, 1, 18, 0, tzinfo=UTC)
EVENT = Event("billing-1.1.0.tidegate", NOW + timedelta(days=7), NOW + timedelta(days=7, hours=1))


@pytest.fixture(params=["starttls", "implicit"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MailServer]:
    with mail_server(tmp_path / "mail", request.param) as made:
        yield made


@pytest.fixture
def one_server(tmp_path: Path) -> Iterator[MailServer]:
    with mail_server(tmp_path / "mail") as made:
        yield made


def send(
    server: MailServer,
    to: str = "email:alice@example.org",
    body: str = "billing 1.1.0 is planned",
    *,
    key: str = "key",
    event: Event | None = None,
    leaving: Callable[[], None] = lambda: None,
    attachments: tuple[Attachment, ...] = (),
    html: str = "",
    **settings: Any,
) -> Answer:
    around = Surroundings(Path("/nowhere"), {**server.environment, **settings})
    message = Message(key, body, NOW, subject=body, event=event, attachments=attachments, html=html)
    return channel_for(to, around).deliver(message, leaving)


def test_a_mail_says_who_writes_what_and_that_nobody_need_answer(server: MailServer) -> None:
    assert send(server, "email:alice@example.org", "Grüße: 1.1.0 → production").outcome is Outcome.DELIVERED
    (mail,) = server.read()
    assert str(mail["From"]) == "Releases <releases@example.org>"
    assert str(mail["To"]) == "alice@example.org"
    assert str(mail["Subject"]) == "Grüße: 1.1.0 → production"
    assert mail.get_content().strip() == "Grüße: 1.1.0 → production"
    assert str(mail["Date"]) == "Tue, 01 Dec 2026 18:00:00 +0000"
    assert str(mail["Auto-Submitted"]) == "auto-generated"
    assert str(mail["List-Id"]) == "<tidegate.example.org>"
    assert server.recipients == ["alice@example.org"]


def test_the_message_id_is_that_of_the_key(one_server: MailServer) -> None:
    for key in ("one", "two", "one"):
        send(one_server, key=key)
    first, second, again = one_server.ids()
    assert first == again != second
    assert first.endswith("@example.org>")


def test_html_and_files_go_along(one_server: MailServer) -> None:
    file = Attachment("notes\r\nX-Evil: 1.txt", "text/plain", b"notes")
    send(one_server, html="<p>hello</p>", attachments=(file,))
    (mail,) = one_server.read()
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/mixed", "multipart/alternative", "text/plain", "text/html", "text/plain",
    ]  # fmt: skip
    assert "X-Evil" not in mail
    assert [part.get_filename() for part in mail.iter_attachments()] == ["notes X-Evil: 1.txt"]


@pytest.mark.parametrize(
    "subject",
    ["a\r\nBcc: evil@example.org", "a\nBcc: evil@example.org\n\nbody", "a\x00b", "=?utf-8?q?=0ABcc:_x?=", "é" * 900],
)
def test_no_header_is_put_in_by_a_text(one_server: MailServer, subject: str) -> None:
    assert send(one_server, body=subject).outcome is Outcome.DELIVERED
    (mail,) = one_server.read()
    assert "Bcc" not in mail
    assert one_server.recipients == ["alice@example.org"]
    assert all(len(line) <= 998 for line in one_server.mails[0].split(b"\r\n"))


@pytest.mark.parametrize(
    "address",
    [
        "alice@example.org>\r\nRCPT TO:<evil@example.org", "alice@example.org\nBcc: evil", "<alice@example.org>",
        "alice@", "@example.org", "alice@example.org@example.org", "alice bob@example.org", "alice@exa mple.org",
        "a" * 300 + "@example.org", '"alice"@example.org', "alice@.org..",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(one_server: MailServer, address: str) -> None:
    with pytest.raises(UsageError) as caught:
        send(one_server, f"email:{address}")
    assert caught.value.what == f"{address[:80]!r} is no mail address"
    assert one_server.mails == []


def test_addresses_beyond_ascii_reach_their_people(one_server: MailServer) -> None:
    assert send(one_server, "email:jörg@bücher.example").outcome is Outcome.DELIVERED
    assert one_server.recipients == ["jörg@xn--bcher-kva.example"]


def test_a_name_alone_gets_the_domain_of_the_settings(one_server: MailServer) -> None:
    send(one_server, "email:users", TIDEGATE_SMTP_DOMAIN="helpdesk.example")
    assert one_server.recipients == ["users@helpdesk.example"]


def test_what_the_server_says_decides(one_server: MailServer) -> None:
    one_server.says = ["451 4.3.0 try later", "554 5.7.1 this is spam", "250 OK", "421 4.3.2 shutting down"]
    answers = [send(one_server) for _ in range(5)]
    assert [answer.outcome for answer in answers] == [
        Outcome.LATER, Outcome.REFUSED, Outcome.DELIVERED, Outcome.LATER, Outcome.DELIVERED,
    ]  # fmt: skip
    assert answers[0].what == "the mail server said 451 4.3.0 try later"
    assert answers[1].what == "the mail server said 554 5.7.1 this is spam"
    assert len(one_server.mails) == 2


def test_a_recipient_that_is_none_is_refused_and_nobody_gets_it(one_server: MailServer) -> None:
    one_server.refuses["gone@example.org"] = "550 5.1.1 no such user"
    answer = send(one_server, "email:alice@example.org,gone@example.org")
    assert (answer.outcome, answer.what) == (
        Outcome.REFUSED, "gone@example.org: the mail server said 550 5.1.1 no such user",
    )  # fmt: skip
    one_server.refuses["gone@example.org"] = "452 4.2.2 mailbox full"
    assert send(one_server, "email:gone@example.org").outcome is Outcome.LATER
    assert one_server.mails == []


@pytest.mark.parametrize(("does", "arrived"), [("drop", 1), ("break", 0)])
def test_a_server_that_drops_us_after_the_mail_leaves_a_doubt(server: MailServer, does: str, arrived: int) -> None:
    server.says = [does]
    answer = send(server)
    assert answer.outcome is Outcome.UNKNOWN
    assert answer.what.startswith("the whole mail was sent and no answer came, so it may have been taken: ")
    assert len(server.mails) == arrived
    assert send(server).outcome is Outcome.DELIVERED
    assert len(set(server.ids())) == 1


def test_it_leaves_only_once_the_server_waits_for_the_mail(one_server: MailServer) -> None:
    one_server.refuses["gone@example.org"] = "550 no"
    left: list[int] = []
    send(one_server, "email:gone@example.org", leaving=lambda: left.append(1))
    assert left == []
    send(one_server, leaving=lambda: left.append(len(one_server.mails)))
    assert left == [0]


# --- Invitations


def invitations(server: MailServer) -> list[tuple[str, Calendar]]:
    found = []
    for mail in server.read():
        (part,) = [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
        method = str(part.get_param("method"))
        found.append((method, Calendar.from_ical(part.get_content())))
    return found


def test_an_invitation_can_be_accepted_moved_and_called_off(one_server: MailServer) -> None:
    moved = Event(EVENT.uid, EVENT.starts_at + timedelta(days=1), EVENT.ends_at + timedelta(days=1), sequence=1)
    off = Event(EVENT.uid, moved.starts_at, moved.ends_at, sequence=2, cancelled=True)
    for number, event in enumerate((EVENT, moved, off)):
        assert send(one_server, "calendar:bob@example.org", key=f"{number}", event=event).outcome is Outcome.DELIVERED
    read = []
    for method, calendar in invitations(one_server):
        (one,) = calendar.walk("VEVENT")
        assert str(calendar["METHOD"]) == method
        assert str(one["ATTENDEE"]) == "mailto:bob@example.org"
        assert str(one["ORGANIZER"]) == "mailto:releases@example.org"
        assert str(one["SUMMARY"]) == "billing 1.1.0 is planned"
        read.append((method, str(one["UID"]), one.decoded("SEQUENCE"), one.decoded("DTSTART")))
    uid = "billing-1.1.0.tidegate@example.org"
    assert read == [
        ("REQUEST", uid, 0, EVENT.starts_at),
        ("REQUEST", uid, 1, moved.starts_at),
        ("CANCEL", uid, 2, moved.starts_at),
    ]


def test_hostile_words_put_nothing_into_an_invitation(one_server: MailServer) -> None:
    evil = "a\r\nATTENDEE:mailto:evil@example.org\nEND:VEVENT\\;,:"
    send(one_server, "calendar:bob@example.org", evil, event=EVENT)
    ((_, calendar),) = invitations(one_server)
    (event,) = calendar.walk("VEVENT")
    assert str(event["ATTENDEE"]) == "mailto:bob@example.org"
    assert str(event["SUMMARY"]).startswith("a ATTENDEE:mailto:evil@example.org END:VEVENT")


def test_a_message_without_a_time_invites_nobody(one_server: MailServer) -> None:
    answer = send(one_server, "calendar:bob@example.org")
    assert (answer.outcome, answer.what) == (Outcome.REFUSED, "the message names no time to invite to")
    assert one_server.mails == []


# --- The settings, the encryption, the secrets


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(server: MailServer) -> None:
    answer = send(server, TIDEGATE_SMTP_CA="")
    assert answer.outcome is Outcome.LATER
    assert answer.what.startswith("its certificate is not trusted: ")
    assert server.mails == []


def test_a_certificate_of_another_host_is_not_trusted(server: MailServer) -> None:
    url = server.environment["TIDEGATE_SMTP_URL"].replace("localhost", "127.0.0.2")
    answer = send(server, TIDEGATE_SMTP_URL=url)
    assert answer.outcome is Outcome.LATER
    assert server.mails == []


def test_nothing_is_sent_unencrypted_unless_it_is_said(tmp_path: Path) -> None:
    with mail_server(tmp_path, "off") as server:
        plain = server.environment["TIDEGATE_SMTP_URL"]
        answer = send(server, TIDEGATE_SMTP_URL=plain.partition("?")[0])
        assert answer.what == (
            "the mail server does not answer as one: it offers no STARTTLS, and nothing is sent unencrypted"
        )
        assert server.mails == []
        assert send(server).outcome is Outcome.DELIVERED


def test_the_password_is_in_no_answer(server: MailServer) -> None:
    server.lets_in = False
    answer = send(server)
    assert answer.outcome is Outcome.LATER
    assert "it does not let robot@example.org in: 535" in answer.what
    assert PASSWORD not in str(answer)


def test_the_password_may_stand_in_a_file(one_server: MailServer, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    answer = send(one_server, TIDEGATE_SMTP_PASSWORD="", TIDEGATE_SMTP_PASSWORD_FILE=str(file))
    assert answer.outcome is Outcome.DELIVERED


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"TIDEGATE_SMTP_URL": "http://mail.example.org"}, "TIDEGATE_SMTP_URL is no address of a server"),
        ({"TIDEGATE_SMTP_URL": "smtps://mail.example.org:x"}, "TIDEGATE_SMTP_URL is no address of a server"),
        ({"TIDEGATE_SMTP_URL": "smtp://mail.example.org/?tls=maybe"}, "TIDEGATE_SMTP_URL is no address of a server"),
        (
            {"TIDEGATE_SMTP_URL": "smtps://robot:hunter2@mail.example.org"},
            (
                "TIDEGATE_SMTP_URL holds a password, which is given by TIDEGATE_SMTP_PASSWORD or "
                "TIDEGATE_SMTP_PASSWORD_FILE"
            ),
        ),
        (
            {"TIDEGATE_SMTP_URL": "smtp://robot@mail.example.org?tls=off"},
            "TIDEGATE_SMTP_URL turns encryption off for a server that it logs in to, or asks it of",
        ),
        (
            {"TIDEGATE_SMTP_PASSWORD": ""},
            "TIDEGATE_SMTP_URL names a user, and TIDEGATE_SMTP_PASSWORD is not set here",
        ),
        ({"TIDEGATE_SMTP_FROM": "nobody"}, "TIDEGATE_SMTP_FROM is no mail address"),
        ({"TIDEGATE_SMTP_FROM": "a@example.org\r\nBcc: evil@example.org"}, "TIDEGATE_SMTP_FROM is no mail address"),
        (
            {"TIDEGATE_SMTP_PASSWORD": "", "TIDEGATE_SMTP_PASSWORD_FILE": "/nowhere/at/all"},
            "the file that TIDEGATE_SMTP_PASSWORD_FILE names cannot be read: No such file or directory",
        ),
    ],
)
def test_a_setting_that_is_none_is_named_and_not_repeated(
    one_server: MailServer, settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UnsetError) as caught:
        send(one_server, **settings)
    assert caught.value.what == sentence
    assert "hunter2" not in f"{caught.value.what} {caught.value.remedy}"


@pytest.mark.parametrize("words", [b"220 hello\r\n", b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"220-" + b"x" * 90_000])
def test_a_server_that_speaks_no_smtp_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: bytes
) -> None:
    monkeypatch.setattr(smtp, "PATIENCE_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_greet, args=(listener, words), daemon=True).start()
        url = f"smtp://127.0.0.1:{listener.getsockname()[1]}?tls=off"
        around = Surroundings(tmp_path, {"TIDEGATE_SMTP_URL": url, "TIDEGATE_SMTP_FROM": "a@example.org"})
        answer = channel_for("email:alice@example.org", around).deliver(Message("key", "text", NOW))
    assert answer.outcome is Outcome.LATER
    assert answer.where.startswith("127.0.0.1:")


def _greet(listener: socket.socket, words: bytes) -> None:
    taken, _ = listener.accept()
    with taken:
        taken.sendall(words)
        taken.settimeout(2.0)
        try:
            while taken.recv(1000):
                pass
        except OSError:
            pass
