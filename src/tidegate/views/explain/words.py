"""Numbers, lengths of time, days, shares and limits in words, and lists of words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal

from tidegate.core.calendar import parse_weekday
from tidegate.core.limit import UNDECIDED, parse_limit
from tidegate.core.policy import WindowRule
from tidegate.core.policy.base import percent_text
from tidegate.core.recurrence import is_rule, parse_rule
from tidegate.core.span import parse_span

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_UNITS = ((86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1_000, "second"), (1, "millisecond"))
_ACRONYMS = frozenset({"ci", "qa", "uat", "cab", "rfc", "api", "ui", "pr", "sbom"})
_DAY = timedelta(days=1)


def number(count: int) -> str:
    """Numbers up to twelve as words."""
    return _NUMBERS[count] if 0 <= count < len(_NUMBERS) else str(count)


def counted(count: int, noun: str, plural: str = "") -> str:
    """``one gate``, ``two gates``, ``no gates``."""
    return f"{number(count)} {noun if count == 1 else plural or f'{noun}s'}"


def times(count: int) -> str:
    """``once``, ``twice``, ``three times``, ``never``."""
    return {0: "never", 1: "once", 2: "twice"}.get(count) or f"{number(count)} times"


def upper(text: str) -> str:
    """The text with its first letter large."""
    return text[:1].upper() + text[1:]


def lowered(text: str) -> str:
    """A sentence of ours inside another one."""
    return text[:1].lower() + text[1:]


def dot(text: str) -> str:
    """The text as a sentence that ends."""
    return text if text.endswith((".", "!", "?", "…", ":")) else f"{text}."


def all_of(words: Iterable[str], last: str = "and") -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    known = list(words)
    return f" {last} ".join([", ".join(known[:-1]), known[-1]]) if len(known) > 1 else "".join(known)


def any_of(words: Iterable[str]) -> str:
    """``a``, ``a or b``, ``a, b or c``."""
    return all_of(words, "or")


def semicolons(texts: Iterable[str]) -> str:
    """Texts that may hold commas, side by side."""
    return "; ".join(text.rstrip(".") for text in texts)


def code(text: str) -> str:
    """A name of the file, set apart."""
    return f"`{text}`"


def codes(texts: Iterable[str], last: str = "and") -> str:
    """Names of the file, set apart, in a list."""
    return all_of(map(code, texts), last)


def command(arguments: Sequence[str]) -> str:
    """A command as its arguments stand."""
    return code(" ".join(arguments))


def article(noun: str) -> str:
    """``a minor release``, ``an emergency release``."""
    return f"an {noun}" if noun[:1].lower() in tuple("aeiou") else f"a {noun}"


def plain(name: str) -> str:
    """A name of the file as words: ``module team``, ``CI``."""
    words = name.replace("-", " ").replace("_", " ").split(" ")
    return " ".join(word.upper() if word in _ACRONYMS else word for word in words)


def length(span: timedelta) -> str:
    """A length of time, exactly: ``7 days``, ``24 hours``, ``1 hour and 30 minutes``."""
    return "24 hours" if span == _DAY else _parts(span)


def _parts(span: timedelta) -> str:
    rest = span // timedelta(milliseconds=1)
    parts = []
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}{'' if count == 1 else 's'}")
    return all_of(parts) or "no time"


def offset(when: timedelta) -> str:
    """When, counted from the release: ``7 days before it goes``, ``1 day after it went``, ``when it goes``."""
    if not when:
        return "when it goes"
    return f"{_parts(-when)} before it goes" if when < timedelta(0) else f"{_parts(when)} after it went"


def mark(when: timedelta) -> str:
    """A moment of the timeline: ``T-7 days``, ``T``, ``T+1 day``."""
    if not when:
        return "T"
    return f"T-{_parts(-when)}" if when < timedelta(0) else f"T+{_parts(when)}"


def span(text: str) -> str:
    """A time that is said in a range: ``2 to 4 weeks``, ``up to 24 hours``, ``1 day``."""
    known = parse_span(text)
    unit = text.rsplit(maxsplit=1)[-1]
    least = text.partition("-")[0].strip() if "-" in text else ""
    most = text.rpartition("-")[2].strip()
    if not least:
        return text
    return f"{least} to {most}" if known.least else f"up to {_one(f'{most.removesuffix(unit).strip()} {unit}')}"


def due(text: str) -> str:
    """When something is done after a release: ``within 24 hours``, ``between 1 and 7 days``."""
    known = parse_span(text)
    if known.least == known.most or not known.least:
        return f"within {_one(text.rpartition('-')[2].strip())} after it went"
    least, _, most = text.partition("-")
    return f"between {least.strip()} and {most.strip()} after it went"


def _one(text: str) -> str:
    """``1 hour`` of ``1 hours``, which is what remains of ``0-1 hours``."""
    return text.removesuffix("s") if text.startswith("1 ") else text


def frequency(text: str) -> str:
    """How often: ``monthly``, ``every 2 weeks or as needed``, ``in an emergency only``."""
    return text.replace("emergency only", "in an emergency only")


def weekday(day: date) -> str:
    """``Tuesday 10 February 2026``: the names never depend on anybody's locale."""
    return f"{_WEEKDAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]} {day.year}"


def days(text: str) -> str:
    """``Monday to Thursday``; ``every day``; ``Monday, Wednesday and Friday``."""
    parts = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        begin = _WEEKDAYS[parse_weekday(first.strip())]
        end = _WEEKDAYS[parse_weekday(last.strip())] if dash else begin
        parts.append(begin if begin == end else f"{begin} to {end}")
    return "every day" if parts == ["Monday to Sunday"] else all_of(parts)


def hours(opens: str, closes: str) -> str:
    """``from 09:00 to 16:00``; ``from 22:00 to 06:00 of the next day``; ``all day``."""
    if (opens, closes) == ("00:00", "24:00"):
        return "all day"
    return f"from {opens} to {closes}{' of the next day' if closes <= opens else ''}"


def window(rule: WindowRule) -> str:
    """``Monday to Thursday from 09:00 to 16:00``."""
    return f"{days(rule.days)} {hours(rule.opens, rule.closes)}"


def always(rule: WindowRule) -> bool:
    """Whether a window is never closed."""
    return window(rule) == "every day all day"


def cadence(text: str) -> str:
    """``every 2 weeks on Tuesday at 10:00``; ``every month on the first Tuesday at 10:00``."""
    if is_rule(text):
        return f"every {parse_rule(text).spoken()}"
    words = " ".join(text.lower().split()).split(" ")
    named = []
    for position, word in enumerate(words):
        after_on = "on" in words[:position] and "at" not in words[:position] and word != "at"
        is_day = after_on and words[position + 1] == "at"
        named.append(_WEEKDAYS[parse_weekday(word)] if is_day else f"the {word}" if after_on else word)
    return f"every {' '.join(named)}"


def share(value: float) -> str:
    """``25 %``."""
    return percent(percent_text(value))


def percent(text: str) -> str:
    """``25 %``, from ``25%``."""
    return f"{text.strip().removesuffix('%').strip()} %"


_OPERATORS = {"<": "under", "<=": "at most", ">": "above", ">=": "at least", "=": "exactly"}
_GRADE = re.compile(r"([0-9.]+)/([0-9]+)")


def limit(text: str) -> str:
    """What a figure is held against: ``under 24 hours``, ``at least 80 %``, ``daily or more often``."""
    known = parse_limit(text)
    if known is None:
        return UNDECIDED
    if known.unit == "days":
        return f"{text} or more often"
    written = text.lstrip("<>= ")
    if grade := _GRADE.fullmatch(written):
        amount = f"{grade[1]} of {grade[2]}"
    elif known.unit == "share":
        amount = percent(written)
    else:
        amount = length(timedelta(seconds=float(known.value))) if known.unit == "s" else plain_number(known.value)
    return f"{_OPERATORS[known.operator]} {amount}"


def plain_number(value: Decimal | float) -> str:
    """A number without zeros that say nothing."""
    text = f"{Decimal(repr(value)) if isinstance(value, float) else value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


_SLOWER = re.compile(r">\s*(?:([0-9.]+)x baseline|([0-9]+)\s*(ms|s))")


def slower(text: str) -> str:
    """``more than 2 times the baseline``, ``more than 200 milliseconds``."""
    match = _SLOWER.fullmatch(text)
    if not match:
        return text
    if match[1]:
        return f"more than {match[1]} times the baseline"
    return f"more than {match[2]} {'milliseconds' if match[3] == 'ms' else 'seconds'}"


KEPT = r"[0-9.]+ %|\bT[+-][0-9]+ \w+"
"""What is not torn apart at the end of a line: numbers with their percent sign, marks of the timeline."""
