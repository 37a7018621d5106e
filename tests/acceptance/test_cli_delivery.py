"""Messages at the command line: delivered by mail, given up, and settled by people."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.mailserver import PASSWORD, MailServer, mail_server
from tests.support.shop import Shop, flat


class Mailing(Shop):
    """The shop, which announces its releases by mail and asks people in doubt."""

    def policy_text(self, *, head: str = "", minor: str = "") -> str:
        text = super().policy_text(head=head + "delivery: {on_unknown: ask}\n", minor=minor)
        return text.replace('to: "file:NOTICES.md"', 'to: "email:team@example.org"')


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    with mail_server(tmp_path / "mail") as made:
        yield made


@pytest.fixture
def shop(tmp_path: Path, shop_keys: Path) -> Mailing:
    made = Mailing(tmp_path / "shop", shop_keys)
    done = made.run("release", "open", "shop", by="rita")
    assert done.code == 0, done
    return made


def key_of(shop: Shop) -> str:
    (message,) = shop.run("notice", "list", "--json").json
    return str(message["key"])


def test_a_mail_is_sent_by_the_worker(shop: Mailing, server: MailServer) -> None:
    done = shop.run("worker", "--once", **server.environment)
    assert done.code == 0, done
    (mail,) = server.read()
    assert str(mail["Subject"]) == "Shop: shop 1.1.0 (minor) is planned"
    assert shop.run("notice", "list").out == "every message is delivered\n"
    assert "email:team@example.org" in shop.run("notice", "list", "shop-1.1.0").out


def test_a_missing_setting_is_said_with_what_to_do(shop: Mailing) -> None:
    assert shop.run("worker", "--once").code == 0
    listed = shop.run("notice", "list")
    said = flat(listed.out)
    assert "✗ undeliverable" in said
    assert "TIDEGATE_SMTP_URL is not set here (set it for the worker: TIDEGATE_SMTP_URL=smtps://user@mail" in said
    assert "> set what is missing for the worker; it is tried again by itself" in said
    assert "note: 1 message is undeliverable: tidegate notice list" in listed.err
    assert "1 message is undeliverable: tidegate notice list" in shop.run("status").out
    assert max(len(line) for line in listed.out.splitlines() if not line.startswith("    > ")) <= 80


def test_what_was_refused_is_sent_again_by_a_person(shop: Mailing, server: MailServer) -> None:
    server.refuses["team@example.org"] = "550 5.1.1 no such user"
    shop.run("worker", "--once", **server.environment)
    listed = shop.run("notice", "list")
    assert "team@example.org: the mail server said 550 5.1.1 no such user" in flat(listed.out)
    # What is printed can be typed.
    (line,) = [line for line in listed.out.splitlines() if "tidegate notice resend" in line]
    words = shlex.split(line.partition("> tidegate ")[2].replace("TEXT", "'they have a mailbox now'"))
    server.refuses.clear()
    done = shop.run(*words, by="rita")
    assert done.code == 0, done
    assert done.out == "✓ it is sent again to email:team@example.org as soon as somebody executes\n"
    shop.run("worker", "--once", **server.environment)
    assert len(server.read()) == 1
    kinds = [leaf["kind"] for leaf in shop.run("audit", "log", "--json").json]
    assert [kind for kind in kinds if kind.startswith("message.")] == [
        "message.given_up", "message.resent", "message.delivered",
    ]  # fmt: skip


def test_in_doubt_a_person_says_what_is_the_case(shop: Mailing, server: MailServer) -> None:
    server.says = ["drop"]
    shop.run("worker", "--once", **server.environment)
    shop.run("worker", "--once", **server.environment)
    assert len(server.read()) == 1
    listed = shop.run("notice", "list")
    assert "? nobody can tell whether it arrived" in flat(listed.out)
    assert "note: of 1 message nobody can tell whether it arrived: tidegate notice list" in flat(listed.err)
    key = key_of(shop)
    refused = shop.run("notice", "settle", key, "--delivered", "--reason", "I have it", by="alice")
    assert (refused.code, "alice may not open" in refused.err) == (4, True)
    unclear = shop.run("notice", "settle", key, "--reason", "I have it", by="rita")
    assert (unclear.code, "say which: --delivered or --not-delivered" in unclear.err) == (2, True)
    done = shop.run("notice", "settle", key, "--delivered", "--reason", "I have it", by="rita")
    assert done.out == "✓ the message to email:team@example.org counts as delivered\n"
    assert shop.run("notice", "settle", key, "--not-delivered", "--reason", "no", by="rita").code == 6
    assert shop.run("notice", "resend", "nothing", "--reason", "no", by="rita").code == 5
    assert shop.run("audit", "verify").code == 0


def test_the_password_is_nowhere(shop: Mailing, server: MailServer) -> None:
    server.lets_in = False
    done = shop.run("worker", "--once", **server.environment)
    listed = shop.run("notice", "list", "--json")
    assert "it does not let robot@example.org in" in listed.out
    found = done.out + done.err + listed.out + shop.run("audit", "log", "--json").out
    assert PASSWORD not in found
    assert PASSWORD.encode() not in shop.database.read_bytes()
