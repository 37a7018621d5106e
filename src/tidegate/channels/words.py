"""What is done to the texts of strangers before they go anywhere."""

from __future__ import annotations

import re

LONGEST_SUBJECT = 200
LONGEST_REPLY = 300

_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+(?=@)")


def one_line(text: str, longest: int = LONGEST_SUBJECT) -> str:
    """``text`` on one line, without control characters, cut where it is longer."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return plain if len(plain) <= longest else plain[: longest - 1] + "\u2026"


def lines(text: str) -> str:
    """``text`` with its lines and tabs, and without other control characters, turned text and half pairs."""
    broken = re.sub(r"\r\n?|[\u2028\u2029\x85\x0b\x0c]", "\n", text)
    return "".join(c if c.isprintable() or c in "\n\t" else " " if c.isspace() else "\ufffd" for c in broken)


def subject_of(subject: str, body: str) -> str:
    """The subject, or the first line of the body where there is none."""
    return one_line(subject) or one_line(lines(body).strip().partition("\n")[0]) or "(no subject)"


def said(reply: str | bytes, *secrets: str) -> str:
    """What the other side answered, to be repeated in an error: one short line, without our secrets."""
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    for secret in filter(None, secrets):
        text = text.replace(secret, "[hidden]")
    return one_line(_CREDENTIALS.sub("[hidden]", text), LONGEST_REPLY)
