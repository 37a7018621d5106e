from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.facts import item, release, subject
from tidegate.core.canonical import digest_of
from tidegate.core.subject import NOTHING, Part, Subject

PLAIN = Subject("sha256:s", "sha256:a")
FULL = Subject(
    "sha256:s",
    "sha256:a",
    "sha256:m",
    {"production": "sha256:cp", "staging": "sha256:cs"},
    {"production": "sha256:tp"},
    "c0ffee",
)


@pytest.mark.parametrize(
    ("part", "environment", "digest"),
    [
        (Part.SOURCE, "production", "sha256:s"),
        (Part.ARTIFACTS, "anywhere", "sha256:a"),
        (Part.MIGRATIONS, "production", "sha256:m"),
        (Part.CONFIGURATION, "production", "sha256:cp"),
        (Part.CONFIGURATION, "staging", "sha256:cs"),
        (Part.CONFIGURATION, "elsewhere", NOTHING),
        (Part.TARGETS, "production", "sha256:tp"),
        (Part.TARGETS, "staging", NOTHING),
    ],
)
def test_a_part_has_a_digest_for_each_environment(part: Part, environment: str, digest: str) -> None:
    assert FULL.part(part, environment) == digest


def test_what_a_component_does_not_have_is_nothing() -> None:
    assert {PLAIN.part(part, "production") for part in Part} == {"sha256:s", "sha256:a", NOTHING}
    assert digest_of([]) == NOTHING


def test_a_binding_names_its_parts() -> None:
    assert FULL.binding({Part.SOURCE, Part.CONFIGURATION}, "staging") == {
        "configuration": "sha256:cs",
        "source": "sha256:s",
    }
    assert FULL.binding((), "staging") == {}


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"source": "sha256:x"}, {"production", "staging"}),
        ({"artifacts": "sha256:x"}, {"production", "staging"}),
        ({"migrations": "sha256:x"}, {"production", "staging"}),
        ({"configuration": {"production": "sha256:x", "staging": "sha256:cs"}}, {"production"}),
        ({"targets": {}}, {"production"}),
        ({"targets": {"production": "sha256:tp", "staging": "sha256:new"}}, {"staging"}),
        ({"commit": "another"}, set()),
    ],
)
def test_a_changed_part_changes_the_digest_where_it_belongs(change: dict[str, Any], where: set[str]) -> None:
    changed = replace(FULL, **change)
    assert {e for e in ("production", "staging") if changed.digest_for(e) != FULL.digest_for(e)} == where


@pytest.mark.parametrize(
    ("bound", "changed"),
    [
        ({"source": "sha256:s"}, ()),
        ({"source": "sha256:x"}, ("source",)),
        ({"source": "sha256:x", "artifacts": "sha256:a", "migrations": "sha256:x"}, ("migrations", "source")),
        ({"configuration": "sha256:cs"}, ("configuration",)),
        ({"weather": "sunny"}, ("weather",)),
        ({"": ""}, ("",)),
        ({}, ()),
    ],
)
def test_what_has_changed_since_it_was_bound(bound: dict[str, str], changed: tuple[str, ...]) -> None:
    assert FULL.changed_parts(bound, "production") == changed


@given(st.sets(st.sampled_from(Part)), st.sampled_from(["production", "staging", "elsewhere"]))
def test_what_is_bound_now_is_unchanged(parts: set[Part], environment: str) -> None:
    assert FULL.changed_parts(FULL.binding(parts, environment), environment) == ()


digests = st.sampled_from(["sha256:1", "sha256:2", NOTHING])
subjects = st.builds(
    Subject,
    digests,
    digests,
    digests,
    st.dictionaries(st.sampled_from(["production", "staging"]), digests),
    st.dictionaries(st.sampled_from(["production", "staging"]), digests),
    st.text(max_size=3),
)


@given(subjects, subjects, st.sampled_from(["production", "staging"]))
def test_digests_are_equal_exactly_where_all_parts_are(one: Subject, other: Subject, environment: str) -> None:
    same = all(one.part(part, environment) == other.part(part, environment) for part in Part)
    assert (one.digest_for(environment) == other.digest_for(environment)) is same


def test_the_digest_of_a_release_is_over_all_items_in_any_order() -> None:
    billing, identity = item("billing"), item("identity")
    whole = release(billing, identity).subject_for("production")
    assert release(identity, billing).subject_for("production") == whole
    assert release(billing).subject_for("production") != whole
    assert release(billing, replace(identity, to_version="1.2.0")).subject_for("production") != whole
    assert release(billing, replace(identity, subject=subject("x"))).subject_for("production") != whole


def test_items_cannot_trade_their_parts() -> None:
    one = release(item("billing", subject=subject("a")), item("identity", subject=subject("b")))
    other = release(item("billing", subject=subject("b")), item("identity", subject=subject("a")))
    assert one.subject_for("production") != other.subject_for("production")
