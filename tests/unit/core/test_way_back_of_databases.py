"""How one goes back: with the database or without, and what that means."""

from __future__ import annotations

import pytest

from tidegate.core.migration.hazard import Brought, Danger, Hazard
from tidegate.core.migration.way_back import Consequence, chosen

FILE = "migrations/2_x.sql"


def brought(*hazards: Hazard, adds: str = "", unknown: str = "", scripts: tuple[str, ...] = ("2_x",)) -> Brought:
    return Brought("shop", "production", "1.0.0", scripts, hazards, adds, unknown)


INDEX = brought()
ADDS = brought(adds="orders.note")
REQUIRED = brought(Hazard(Danger.REQUIRED, FILE, 1, table="orders", column="note"), adds="orders.note")
TIGHTENED = brought(Hazard(Danger.TIGHTENED, FILE, 1, table="orders", column="note"))
STUCK = brought(Hazard(Danger.IRREVERSIBLE, FILE), adds="orders.note")
CODE = brought(Hazard(Danger.UNREADABLE, FILE, 3, detail="RunPython", certain=False))

BEARS = "2_x lies between, and the version before runs on the database as it is"
LOST = "what was written into orders.note since is lost when the database goes back, too"
FREE = "the database goes back, too: each migration has its way back, and none of them adds anything"
ADDED = f"{FILE}:1 adds orders.note, which the version before does not write and the database demands"
STRICTER = f"{FILE}:1 makes orders.note stricter than what the version before writes"


@pytest.mark.parametrize(
    ("between", "may", "accepts", "means"),
    [
        (INDEX, False, False, Consequence(False, False, BEARS)),
        (INDEX, True, False, Consequence(False, False, FREE, database=True)),
        (ADDS, True, False, Consequence(False, False, f"{BEARS}; it stays unless a person accepts that data is lost")),
        (ADDS, True, True, Consequence(True, False, LOST, database=True)),
        (ADDS, False, True, Consequence(False, False, BEARS)),
        (REQUIRED, False, False, Consequence(False, True, ADDED)),
        (REQUIRED, True, False, Consequence(True, False, LOST, database=True)),
        (TIGHTENED, False, False, Consequence(False, True, STRICTER)),
        (TIGHTENED, True, False, Consequence(False, False, FREE, database=True)),
        (STUCK, True, True, Consequence(False, False, BEARS)),
        (CODE, True, False, Consequence(None, False, f"{FILE}:3 cannot be judged: RunPython", database=True)),
        (brought(unknown="no repository"), True, True, Consequence(None, None, "no repository")),
        (brought(scripts=()), True, True, Consequence(False, False, "no migration lies between the two versions")),
    ],
)
def test_the_database_goes_back_where_nothing_is_lost_or_a_person_accepts_it(
    between: Brought, may: bool, accepts: bool, means: Consequence
) -> None:
    assert chosen([between], may_go_back=may, accepts=accepts) == means
