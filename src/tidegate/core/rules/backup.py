"""Every backup of the environment stands: taken, fresh, read back, elsewhere and restored, as the policy asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from tidegate.core.backup import Checked, TakenBackup, bytes_text
from tidegate.core.decision import Finding
from tidegate.core.duration import format_duration
from tidegate.core.evidence import Evidence
from tidegate.core.facts import Item
from tidegate.core.policy import Backup
from tidegate.core.rules.rule import START, Chapter, Context, Found, Rule, cannot_tell, denies, passes
from tidegate.core.verdict import Verdict, combine

KIND = "backup"


class _Lack(NamedTuple):
    """What a backup lacks: how bad it is, what it is, and the command that mends it."""

    verdict: Verdict
    said: str
    remedy: str


def of_backups(context: Context, item: Item, source: str | None = None) -> list[Evidence]:
    """The backups that Tidegate took, as evidence: what a gate asks of a backup is answered by the same record.

    Args:
        source: the name of the only one that is meant; None: all that the environment asks for.
    """
    here = context.question.environment
    wanted = context.environment.backups if context.environment else ()
    bound = context.known.binding(item, KIND, here)
    return [
        _evidence(item, bound, one, here)
        for one in context.facts.backups
        if one.environment == here
        and one.name in wanted
        and source in (None, one.name)
        and _is_taken(context.policy.backups.get(one.name))
    ]


def _evidence(item: Item, bound: Mapping[str, str], one: TakenBackup, here: str) -> Evidence:
    at, values = one.taken_at, _values(one)
    return Evidence(item.component, KIND, one.name, bound, values, at, at, one.report, "tidegate", here)


def _values(one: TakenBackup) -> dict[str, object]:
    """What nobody can tell is absent, so that a condition on it cannot tell either."""
    checks = {"verified": one.verified, "offsite": one.offsite, "restored": one.restored}
    told = {name: found.outcome if found is not None else None for name, found in checks.items()}
    values: dict[str, object] = {name: outcome for name, outcome in told.items() if outcome is not None}
    if one.offsite is None:
        values["offsite"] = False
    if one.amiss:
        values["verified"] = False
    return {**values, "bytes": one.size}


def _is_taken(said: Backup | None) -> bool:
    return said is not None and said.of is not None


def _ago(context: Context, moment: datetime) -> str:
    length = max(context.now - moment, timedelta(0))
    return f"{format_duration(timedelta(seconds=length // timedelta(seconds=1)))} ago"


def _command(context: Context, verb: str, name: str, more: str = "") -> str:
    return f"tidegate backup {verb} {name} --for {context.question.environment}{more}"


def _finding(context: Context, name: str) -> Finding:
    rule, said = f"{RULE.id}.{name}", context.policy.backups.get(name)
    if said is None:
        return denies(rule, f'the policy has no backup "{name}"', f"declare backups.{name}")
    return _of_record(context, rule, name, said) if said.of else _of_evidence(context, rule, name, said)


def _of_record(context: Context, rule: str, name: str, said: Backup) -> Finding:
    """Of one that Tidegate takes: what it recorded is asked, and nobody's word."""
    here = context.question.environment
    if len(set(said.environments)) > 1:
        count = len(set(said.environments))
        return denies(
            rule, f"{name} is of {count} environments, and what it names is of one", "write one backup for each of them"
        )
    one = next((b for b in context.facts.backups if (b.name, b.environment) == (name, here)), None)
    if one is None:
        return denies(rule, f"there is no backup {name} of {here}", _command(context, "take", name))
    lacks = list(_lacks(context, name, said, one))
    about = f"taken {_ago(context, one.taken_at)}, {bytes_text(one.size)}"
    return _told(rule, about, lacks, [one.report], _good(said, one))


def _good(said: Backup, one: TakenBackup) -> str:
    found = [one.verified if said.verified else None, one.offsite if _offsite(said) else None]
    return "; ".join(check.said for check in found if check is not None)


def _offsite(said: Backup) -> bool:
    return said.offsite is not None and said.offsite.verified


def _lacks(context: Context, name: str, said: Backup, one: TakenBackup) -> Iterator[_Lack]:
    take = _command(context, "take", name)
    yield from _stale(context, said, one.taken_at, take)
    if one.amiss:
        yield _Lack(Verdict.DENY, one.amiss, take)
    if said.verified:
        verify = _command(context, "verify", name)
        yield from _checked(one.verified, "it was not read back", "it is not verified", verify, take)
    if said.offsite is not None:
        copy = _command(context, "copy", name)
        if _offsite(said):
            nowhere = f"it was not copied to {said.offsite.to}"
            yield from _checked(one.offsite, nowhere, "its copy is not verified", copy, copy)
        elif one.offsite is None:
            yield _Lack(Verdict.DENY, f"it was not copied to {said.offsite.to}", copy)
    if said.restored_every is not None:
        yield from _restored(context, name, said.restored_every, one.restored)


def _stale(context: Context, said: Backup, taken_at: datetime, remedy: str) -> Iterator[_Lack]:
    if taken_at > context.now:
        yield _Lack(Verdict.CANNOT_TELL, "it says that it was taken in the future", remedy)
    elif said.fresh is not None and context.now - taken_at > said.fresh:
        yield _Lack(Verdict.DENY, f"it is older than {format_duration(said.fresh)}", remedy)


def _checked(found: Checked | None, never: str, bad: str, again: str, anew: str) -> Iterator[_Lack]:
    if found is None:
        yield _Lack(Verdict.CANNOT_TELL, never, again)
    elif found.outcome is None:
        yield _Lack(Verdict.CANNOT_TELL, f"nobody can tell: {found.said}", again)
    elif not found.outcome:
        yield _Lack(Verdict.DENY, f"{bad}: {found.said}", anew)


def _restored(context: Context, name: str, every: timedelta, found: Checked | None) -> Iterator[_Lack]:
    remedy = _command(context, "restore", name, " --to SCRATCH --compare")
    if found is None:
        yield _Lack(Verdict.DENY, "it was never restored for a test", remedy)
        return
    yield from _checked(found, "", "its restore failed", remedy, remedy)
    if found.outcome and context.now - found.at > every:
        said = f"it was restored for a test {_ago(context, found.at)}, and every {format_duration(every)} is asked"
        yield _Lack(Verdict.DENY, said, remedy)


def _of_evidence(context: Context, rule: str, name: str, said: Backup) -> Finding:
    """Of one that something else takes: what was stated of it, by its own name if by any."""
    findings = [_of_item(context, rule, name, said, item) for item in context.facts.release.items]
    worst = [found for found in findings if found.verdict is not Verdict.ALLOW] or findings
    looked = [report for found in findings for report in found.looked_at]
    told = "; ".join(dict.fromkeys(found.message for found in worst))
    remedy = "; ".join(dict.fromkeys(found.remedy for found in worst if found.remedy))
    return Finding(rule, combine([found.verdict for found in findings]), told, remedy, looked_at=tuple(looked))


def _of_item(context: Context, rule: str, name: str, said: Backup, item: Item) -> Finding:
    remedy = _state(context, name, said, item)
    pieces = _pieces(context, name, item)
    if not pieces:
        return cannot_tell(rule, f"nobody has stated the backup {name} for {item.component}", remedy)
    newest = max(pieces, key=lambda piece: (piece.taken_at, piece.added_at, piece.source))
    lacks = [_Lack(verdict, what, remedy) for verdict, what in _unstated(context, said, item, newest, pieces)]
    lacks += _stale(context, said, newest.taken_at, remedy)
    about = f"stated by {newest.source}, taken {_ago(context, newest.taken_at)}"
    return _told(rule, about, lacks, [newest.report], "")


def _pieces(context: Context, name: str, item: Item) -> Sequence[Evidence]:
    """What was stated of it: under its own name, or where the environment has no other such backup under any."""
    found = context.known.evidence(context.facts, context.question.environment, item.component, KIND)
    own = [piece for piece in found if piece.source == name]
    others = context.environment.backups if context.environment else ()
    stated = [other for other in others if not _is_taken(context.policy.backups.get(other))]
    return own or (found if len(stated) == 1 else [])


def _unstated(
    context: Context, said: Backup, item: Item, piece: Evidence, pieces: Sequence[Evidence]
) -> Iterator[tuple[Verdict, str]]:
    if piece.bound != context.known.binding(item, KIND, context.question.environment):
        yield Verdict.CANNOT_TELL, "it is of another environment or of other targets"
    asked = {"verified": said.verified, "offsite": _offsite(said)}
    for field in (field for field, wanted in asked.items() if wanted):
        value = piece.values.get(field)
        if value is not True:
            yield Verdict.DENY if value is False else Verdict.CANNOT_TELL, f"{field} is not stated as yes"
    if said.restored_every is not None and not any(
        one.values.get("restored") is True and timedelta(0) <= context.now - one.taken_at <= said.restored_every
        for one in pieces
    ):
        yield Verdict.DENY, f"no restore within {format_duration(said.restored_every)} is stated"


def _state(context: Context, name: str, said: Backup, item: Item) -> str:
    fields = "verified=yes offsite=yes" + (" restored=yes" if said.restored_every else "")
    where = context.question.environment
    which = f" --component {item.component}" if len(context.facts.release.items) > 1 else ""
    return (
        f"take it{f' by {said.by}' if said.by else ''}, then state it: tidegate evidence state "
        f"{context.facts.release.id} backup {fields} --source {name} --environment {where}{which}"
    )


def _told(rule: str, about: str, lacks: Sequence[_Lack], looked: Sequence[str], good: str) -> Finding:
    if not lacks:
        return passes(rule, f"{about}{f': {good}' if good else ''}", looked)
    verdict = combine([lack.verdict for lack in lacks])
    said = f"{about}: {'; '.join(lack.said for lack in lacks)}"
    say = denies if verdict is Verdict.DENY else cannot_tell
    return say(rule, said, "; then ".join(dict.fromkeys(lack.remedy for lack in lacks)), looked)


def _check(context: Context) -> Iterator[Found]:
    if context.environment is not None:
        for name in dict.fromkeys(context.environment.backups):
            yield _finding(context, name)


RULE = Rule(
    "backup",
    "Every backup of the environment stands: taken, fresh, read back, elsewhere and restored, as the policy asks.",
    "M1-10, M1-18, HD-08, TP-06",
    START,
    _check,
    since=3,
    chapter=Chapter.EVIDENCE,
    keys=("backups.{name}", "environments.{environment}.backups"),
)
