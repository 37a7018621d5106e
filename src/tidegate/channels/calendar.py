"""Invitations by mail (iMIP, RFC 6047): the calendars of those who get them offer to accept.

The UID of an event never changes; its SEQUENCE rises when it is moved, so that calendars move it too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from tidegate.channels.contract import Answer, Event, Message, Outcome, nowhere
from tidegate.channels.email import EmailChannel, text_of
from tidegate.channels.words import subject_of


class CalendarChannel(EmailChannel):
    """Invites the addresses that stand in ``calendar:alice@example.org``."""

    recognised: ClassVar[bool] = True

    def deliver(self, message: Message, leaving: Callable[[], None] = nowhere) -> Answer:
        """Invite to the message's event. One without an event invites to nothing, and is refused."""
        event = message.event
        if event is None:
            return Answer(
                Outcome.REFUSED,
                "the message names no time to invite to",
                "give the release a date (tidegate release amend), or send the message to email: instead",
            )
        if event.ends_at < event.starts_at:
            return Answer(Outcome.REFUSED, "the event ends before it starts", "correct its times")
        mail = self._mail(message)
        mail.set_content(text_of(message))
        data, method = self._invitation(message, event)
        mail.add_alternative(data.decode(), subtype="calendar", params={"method": method})
        mail.add_attachment(data, maintype="application", subtype="ics", filename="invite.ics")
        return self._hand_over(mail, leaving)

    def _invitation(self, message: Message, event: Event) -> tuple[bytes, str]:
        """The iCalendar object, and its method."""
        from icalendar import Calendar, vCalAddress
        from icalendar import Event as VEvent

        method = "CANCEL" if event.cancelled else "REQUEST"
        sender = self._server.sender
        calendar, one = Calendar(), VEvent()
        calendar.add("prodid", "-//Tidegate//Tidegate//EN")
        calendar.add("version", "2.0")
        calendar.add("method", method)
        one.add("uid", event.uid if "@" in event.uid else f"{event.uid}@{sender.domain}")
        one.add("sequence", event.sequence)
        one.add("dtstamp", message.at)
        one.add("dtstart", event.starts_at)
        one.add("dtend", event.ends_at)
        one.add("summary", subject_of(message.subject, message.body))
        one.add("description", text_of(message).strip())
        one.add("status", "CANCELLED" if event.cancelled else "CONFIRMED")
        if event.place:
            one.add("location", subject_of(event.place, ""))
        organizer = vCalAddress(f"mailto:{sender.addr_spec}")
        organizer.params["CN"] = sender.display_name.replace('"', "'") or sender.addr_spec
        one.add("organizer", organizer)
        for spec in self._recipients:
            attendee = vCalAddress(f"mailto:{spec}")
            attendee.params.update({"CN": spec, "ROLE": "REQ-PARTICIPANT", "PARTSTAT": "NEEDS-ACTION", "RSVP": "TRUE"})
            one.add("attendee", attendee, encode=False)
        calendar.add_component(one)
        return calendar.to_ical(), method
