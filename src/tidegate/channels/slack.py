"""Slack: a bot's ``chat.postMessage``, or the incoming webhook of a channel.

Slack knows no idempotency key, and shows what is sent twice twice. What it says of a failure inside itself may have
been taken ("it's possible some aspect of the operation succeeded"), and is unknown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import ClassVar

from tidegate.channels import http, settings
from tidegate.channels.contract import DELIVERED, Answer, Message, Outcome, Surroundings, nowhere
from tidegate.channels.http import Reach, Reply
from tidegate.channels.settings import UnsetError
from tidegate.channels.words import lines, said
from tidegate.core.secret import Secret
from tidegate.errors import UsageError

TOKEN, HOOK, API = "TIDEGATE_SLACK_TOKEN", "TIDEGATE_SLACK_WEBHOOK_", "TIDEGATE_SLACK_API"
DEFAULT_API = "https://slack.com/api"
LONGEST_BODY = 30_000
"""In characters, before they are escaped; Slack cuts at 40,000."""

_CHANNEL = re.compile(r"[#@]?[^\s#@,<>&\x00-\x1f\x7f]{1,80}")
_BUSY = frozenset({"ratelimited", "rate_limited", "service_unavailable", "team_added_to_org", "message_limit_exceeded"})
_DOUBT = frozenset({"fatal_error", "internal_error", "request_timeout"})
_OURS = frozenset({"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope",
                   "no_permission", "org_login_required", "ekm_access_denied", "access_denied", "not_in_channel",
                   "not_allowed_token_type"})  # fmt: skip


class SlackChannel:
    """Posts to the channel that stands in ``slack:#releases``."""

    recognised: ClassVar[bool] = False

    def __init__(self, address: str, around: Surroundings) -> None:
        if not _CHANNEL.fullmatch(address):
            raise UsageError(f"{address[:80]!r} is no channel of Slack", remedy="write slack:#releases")
        self._channel, self._around = address, around
        environment = around.environment
        self._name = HOOK + re.sub(r"[^A-Z0-9]", "_", address.lstrip("#@").upper())
        self._hook = settings.secret(environment, self._name)
        token = settings.secret(environment, TOKEN)
        if self._hook is None and token is None:
            raise UnsetError(
                f"neither {TOKEN} nor {self._name} is set here",
                remedy=f"set {TOKEN}_FILE for a bot with chat:write, or {self._name}_FILE for the channel's webhook",
            )
        self._token = token or Secret("")

    def deliver(self, message: Message, leaving: Callable[[], None] = nowhere) -> Answer:
        """Post it. A connection that breaks after it was sent leaves a doubt."""
        if self._hook is not None:
            return self._by_hook(message, self._hook, leaving)
        return self._by_bot(message, self._token, leaving)

    def _by_hook(self, message: Message, hook: Secret, leaving: Callable[[], None]) -> Answer:
        try:
            to = http.address(hook.reveal())
        except UsageError as error:
            return Answer(Outcome.UNSET, f"{self._name}: {error.what}", error.remedy)
        reply = self._post(to, {}, {"text": _text(message), **_PLAIN}, leaving)
        if isinstance(reply, Answer):
            return reply
        return DELIVERED if 200 <= reply.status < 300 else self._not(reply, to.where, hook.reveal(), to.path)

    def _by_bot(self, message: Message, token: Secret, leaving: Callable[[], None]) -> Answer:
        base = settings.text(self._around.environment, API) or DEFAULT_API
        try:
            to = http.address(f"{base.rstrip('/')}/chat.postMessage")
        except UsageError as error:
            return Answer(Outcome.UNSET, f"{API}: {error.what}", error.remedy)
        secret = token.reveal()
        if not secret.isascii() or not secret.isprintable() or " " in secret:
            return Answer(Outcome.UNSET, f"{TOKEN} is no token", "keep the token in it, alone", to.where)
        content = {"channel": self._channel, "text": _text(message), **_PLAIN}
        reply = self._post(to, {"Authorization": f"Bearer {secret}"}, content, leaving)
        if isinstance(reply, Answer):
            return reply
        if not 200 <= reply.status < 300:
            return self._not(reply, to.where, token.reveal())
        return self._judged(reply, to.where, token)

    def _post(
        self, to: http.Address, headers: dict[str, str], content: dict[str, object], leaving: Callable[[], None]
    ) -> Reply | Answer:
        body = json.dumps(content).encode()
        headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Tidegate", **headers}
        return http.post(to, headers, body, reach=Reach(trusted=True), leaving=leaving, at=self._around.at)

    def _judged(self, reply: Reply, where: str, secret: Secret) -> Answer:
        """What the bot was told: 200 is no yes."""
        try:
            told = json.loads(reply.body) if reply.whole else None
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict) or not isinstance(told.get("ok"), bool):
            return Answer(Outcome.UNKNOWN, "Slack's answer cannot be read, so it may have been taken", _LOOK, where)
        if told["ok"]:
            return DELIVERED
        error = said(str(told.get("error", "no reason")), secret.reveal())
        what = f"Slack says {error}"
        if error in _BUSY:
            return Answer(
                Outcome.LATER, what, "it is tried again", where, http.wait(reply.retry_after, self._around.clock)
            )
        if error in _DOUBT:
            return Answer(Outcome.UNKNOWN, f"{what}, so it may have been taken", _LOOK, where)
        if error in _OURS:
            return Answer(Outcome.UNSET, what, f"look at {TOKEN}, and invite the bot to {self._channel}", where)
        return Answer(Outcome.REFUSED, what, _CORRECT, where)

    def _not(self, reply: Reply, where: str, *secrets: str) -> Answer:
        told = said(reply.body[:1000], *secrets)
        what = f"Slack said {reply.status} {told}".rstrip()
        after = http.wait(reply.retry_after, self._around.clock)
        if reply.status in (408, 425, 429, 503):
            return Answer(Outcome.LATER, what, "it is tried again", where, after)
        if reply.status >= 500 or reply.status < 200:
            return Answer(Outcome.UNKNOWN, f"{what}, so it may have been taken", _LOOK, where)
        if reply.status in (401, 403):
            return Answer(Outcome.UNSET, what, f"look at {TOKEN} or {self._name}", where)
        return Answer(Outcome.REFUSED, what, _CORRECT, where)


_PLAIN = {"mrkdwn": False, "parse": "none", "link_names": False, "unfurl_links": False, "unfurl_media": False}
"""Nothing in the text acts: no names are called, no links opened, no asterisks read."""
_LOOK = "look whether it stands in the channel"
_CORRECT = "correct the channel in the policy, and have it sent again: tidegate notice resend"


def _text(message: Message) -> str:
    """The text, escaped as Slack asks: ``<`` begins what acts, such as ``<!channel>``."""
    text = lines(message.body).strip() or "(no text)"
    if len(text) > LONGEST_BODY:
        text = text[:LONGEST_BODY] + "\u2026"
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
