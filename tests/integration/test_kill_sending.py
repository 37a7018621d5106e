"""SIGKILL at each point of a send to a real mail server: every message arrives once.

Only a sender that is killed between the server's acceptance and its own commit leaves a doubt. The message is then
sent once more with the same Message-ID, or waits for a person, as the policy says. A sender that is killed in the
moment between its mark and the mail's last byte leaves the same doubt, since nobody can tell the two apart.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.flows import Organisation
from tests.support.mailserver import mail_server
from tests.support.processes import PROJECT
from tidegate.channels.email import message_id
from tidegate.clock import system_clock
from tidegate.store import outbox
from tidegate.store.outbox import MessageRow, MessageState

KEYS = [f"message-{number:02}" for number in range(20)]
ACCEPTED = "send:accepted"
"""The server has said yes; what is killed from here on, until the commit, has arrived."""


@pytest.mark.slow
@pytest.mark.parametrize("on_unknown", ["resend", "ask"])
def test_a_sender_that_is_killed_at_any_point_sends_once(
    make_org: Callable[..., Organisation], tmp_path: Path, on_unknown: str
) -> None:
    org = make_org(delivery={"on_unknown": on_unknown})
    now = system_clock()  # the senders are processes, and ask the machine
    with org.house.database.write() as connection:
        for key in KEYS:
            address = "email:alice@example.org"
            row = MessageRow(key, None, "release.opened", "status", address, key, now, now)
            outbox.put(connection, row)
    org.house.database.close()
    report = tmp_path / "report.json"
    with mail_server(tmp_path / "mail") as server:
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "tests.support.kill_sender",
            org.root,
            org.url,
            json.dumps(KEYS),
            report,
        ]
        done = subprocess.run(
            command, cwd=PROJECT, capture_output=True, text=True, env={**os.environ, **server.environment}
        )
        assert done.returncode == 0, done.stderr[-4000:]
        arrived = Counter(server.ids())
    killed: dict[str, str] = json.loads(report.read_text())
    points = list(killed.values())
    marked = next(i for i, name in enumerate(points) if name.startswith("commit:after delivery.leaving"))
    accepted = points.index(f"{ACCEPTED} #1")
    committed = next(i for i, name in enumerate(points) if i > accepted and name.startswith("commit:after"))
    assert marked < points.index("send:leaving #1") < points.index("send:sent #1") < accepted < committed
    with org.house.database.read() as connection:
        states = {key: outbox.load(connection, key).state for key in killed}
    wrong = {}
    for number, (key, point) in enumerate(killed.items()):
        times = arrived[message_id(key, "example.org")]
        in_doubt = marked <= number < committed
        if on_unknown == "resend":
            # What had left us may or may not have been taken when its sender died; then once more, by the same id.
            allowed = {2} if accepted <= number < committed else {1, 2} if point.startswith("send:sent") else {1}
            right = times in allowed and states[key] == MessageState.DELIVERED
        elif in_doubt:
            allowed = {1} if number >= accepted else {0, 1} if point.startswith("send:sent") else {0}
            right = times in allowed and states[key] == MessageState.UNKNOWN
        else:
            right = times == 1 and states[key] == MessageState.DELIVERED
        if not right:
            wrong[point] = (times, states[key])
    assert wrong == {}
    assert sum(arrived[message_id(key, "example.org")] for key in KEYS[: len(killed) + 1]) == sum(arrived.values()) - (
        len(KEYS) - len(killed) - 1
    ), "nothing else was sent"
