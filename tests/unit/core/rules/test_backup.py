"""The rule of backups: a table of what is known of one, and the sentence that it leads to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.facts import DAY, HOUR, NOW, asked, evidence, facts, found, item, release, rulebook, taken_backup
from tidegate.core.backup import Checked, TakenBackup
from tidegate.core.decide import decide
from tidegate.core.decision import Finding

OF = {"title": "The database", "of": {"postgres": {"url": {"env": "DATABASE"}}}, "fresh": "4h"}
ELSEWHERE = {"offsite": {"to": "gdrive:backups"}}
RULE = "backup.database"
TAKE = "tidegate backup take database --for production"
VERIFY, COPY = TAKE.replace("take", "verify"), TAKE.replace("take", "copy")
RESTORE = "tidegate backup restore database --for production --to SCRATCH --compare"
FUTURE = "taken 0s ago, 4.8 MiB: it says that it was taken in the future"
MONTHLY = {"restored_every": "30d"}
ABOUT = "taken 2h ago, 4.8 MiB: "


def judged(said: Mapping[str, Any], *backups: TakenBackup, **more: Any) -> Finding:
    policy = rulebook(environments={"production": {"backups": ["database"]}}, backups={"database": dict(said)})
    return found(asked(policy=policy, known=facts(backups=backups, **more)), RULE)


def told(finding: Finding) -> tuple[str, str, str]:
    return str(finding.verdict), finding.message, finding.remedy


@pytest.mark.parametrize(
    ("said", "changes", "expected"),
    [
        (OF, {}, ("allow", f"{ABOUT}it is whole", "")),
        (OF | {"fresh": "2h"}, {}, ("allow", f"{ABOUT}it is whole", "")),
        (OF | {"fresh": "1h"}, {}, ("deny", f"{ABOUT}it is older than 1h", TAKE)),
        (OF, {"taken_at": NOW + HOUR}, ("cannot tell", FUTURE, TAKE)),
        (OF, {"amiss": "its file is gone: /x"}, ("deny", f"{ABOUT}its file is gone: /x", TAKE)),
        (OF, {"verified": None}, ("cannot tell", f"{ABOUT}it was not read back", VERIFY)),
        (OF, {"verified": Checked(None, "no disk", NOW)}, ("cannot tell", f"{ABOUT}nobody can tell: no disk", VERIFY)),
        (OF, {"verified": Checked(False, "cut off", NOW)}, ("deny", f"{ABOUT}it is not verified: cut off", TAKE)),
        (OF | {"verified": False}, {"verified": None}, ("allow", "taken 2h ago, 4.8 MiB", "")),
        (OF | ELSEWHERE, {}, ("allow", f"{ABOUT}it is whole; one object is there", "")),
        (OF | ELSEWHERE, {"offsite": None}, ("cannot tell", f"{ABOUT}it was not copied to gdrive:backups", COPY)),
        (
            OF | ELSEWHERE,
            {"offsite": Checked(False, "two objects", NOW)},
            ("deny", f"{ABOUT}its copy is not verified: two objects", COPY),
        ),
        (
            OF | {"offsite": {"to": "gdrive:backups", "verified": False}},
            {"offsite": Checked(None, "down", NOW)},
            ("allow", f"{ABOUT}it is whole", ""),
        ),
        (OF | {"restored_every": "30d"}, {}, ("allow", f"{ABOUT}it is whole", "")),
        (
            OF | {"restored_every": "29d"},
            {},
            ("deny", f"{ABOUT}it was restored for a test 30d ago, and every 29d is asked", RESTORE),
        ),
        (OF | MONTHLY, {"restored": None}, ("deny", f"{ABOUT}it was never restored for a test", RESTORE)),
        (
            OF | {"restored_every": "30d"},
            {"restored": Checked(False, "users is missing", NOW)},
            ("deny", f"{ABOUT}its restore failed: users is missing", RESTORE),
        ),
        (
            OF | {"fresh": "1h"} | ELSEWHERE,
            {"offsite": Checked(None, "down", NOW)},
            ("deny", f"{ABOUT}it is older than 1h; nobody can tell: down", f"{TAKE}; then {COPY}"),
        ),
        (OF | {"environments": ["staging", "production"]}, {}, (
            "deny", "database is of 2 environments, and what it names is of one", "write one backup for each of them"
        )),
    ],
)  # fmt: skip
def test_a_backup_that_tidegate_takes(said: dict[str, Any], changes: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert told(judged(said, taken_backup(**changes))) == expected


def test_none_and_one_of_another_environment_are_none() -> None:
    expected = ("deny", "there is no backup database of production", TAKE)
    assert told(judged(OF)) == expected
    assert told(judged(OF, taken_backup(environment="staging"))) == expected
    assert told(judged(OF, taken_backup("other"))) == expected


def test_nobodys_word_stands_for_one_that_tidegate_takes() -> None:
    word = evidence("backup", source="database", values={"verified": True, "offsite": True}, environment="production")
    assert told(judged(OF, evidence=(word,)))[0] == "deny"


BY = {"title": "The site", "by": "akeeba", "fresh": "4h", "offsite": {"to": "gdrive:backups"}}


@pytest.mark.parametrize(
    ("values", "at", "verdict", "said"),
    [
        ({"verified": True, "offsite": True}, NOW - HOUR, "allow", "stated by ops, taken 1h ago"),
        (
            {"verified": True, "offsite": False},
            NOW,
            "deny",
            "stated by ops, taken 0s ago: offsite is not stated as yes",
        ),
        (
            {"verified": False, "offsite": True},
            NOW,
            "deny",
            "stated by ops, taken 0s ago: verified is not stated as yes",
        ),
        ({"verified": True, "offsite": True}, NOW - DAY, "deny", "stated by ops, taken 1d ago: it is older than 4h"),
    ],
)
def test_a_backup_that_something_else_takes(values: dict[str, Any], at: Any, verdict: str, said: str) -> None:
    word = evidence("backup", source="ops", values=values, environment="production", taken_at=at)
    finding = judged(BY, evidence=(word,))
    assert (str(finding.verdict), finding.message) == (verdict, said)


STATE = (
    "take it by akeeba, then state it: tidegate evidence state billing-1.1.0 backup verified=yes offsite=yes "
    "--source database --environment production"
)


def test_nothing_stated_is_cannot_tell_and_says_how() -> None:
    assert told(judged(BY)) == ("cannot tell", "nobody has stated the backup database for billing", STATE)


def test_of_several_each_is_told_by_its_own_name() -> None:
    policy = rulebook(
        environments={"production": {"backups": ["database", "site"]}},
        backups={"database": dict(BY), "site": dict(BY)},
    )
    values = {"verified": True, "offsite": True}
    one = evidence("backup", source="database", values=values, environment="production", taken_at=NOW)
    decision = asked(policy=policy, known=facts(evidence=(one,)))
    assert str(found(decision, "backup.database").verdict) == "allow"
    assert str(found(decision, "backup.site").verdict) == "cannot tell"


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "allow"),
        ({"offsite": None}, "deny"),
        ({"offsite": Checked(None, "down", NOW)}, "cannot tell"),
        ({"verified": Checked(False, "cut off", NOW)}, "deny"),
        ({"amiss": "its file is gone"}, "deny"),
        ({"taken_at": NOW - timedelta(hours=5)}, "cannot tell"),
    ],
)
def test_a_gate_on_backups_is_answered_by_the_same_record(changes: dict[str, Any], verdict: str) -> None:
    gate = {"evidence": "backup", "pass": "backup.verified && backup.offsite", "fresh": "4h"}
    policy = rulebook(
        environments={"production": {"backups": ["database"], "gates": ["backup"]}},
        backups={"database": dict(OF)},
        gates={"backup": gate},
    )
    decision = asked(policy=policy, known=facts(backups=(taken_backup(**changes),)))
    assert str(found(decision, "gate.backup").verdict) == verdict


def test_an_earlier_version_of_the_rules_asks_nothing_of_backups() -> None:
    from tests.support.facts import both, question

    policy = rulebook(environments={"production": {"backups": ["database"]}}, backups={"database": dict(OF)})
    known = facts(replace(release(item())))
    decision = decide(question(), both(policy), known, NOW, version=2)
    assert not [finding for finding in decision.findings if finding.rule.startswith("backup")]
