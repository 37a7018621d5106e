"""Every form of version file, with all its traps: exactly the marked places change, byte for byte."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.version_files import MARK, SAMPLES, Sample
from tidegate.errors import UsageError
from tidegate.versionfiles.contract import Hints
from tidegate.versionfiles.plan import plan
from tidegate.versionfiles.registry import FORMATS, format_of
from tidegate.versionfiles.source import Source
from tidegate.versionfiles.spelling import PEP440

BOM = b"\xef\xbb\xbf"
OLD, NEW = "1.2.0", "2.0.0"

SHAPES: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda content: content,
    "CR LF": lambda content: content.replace(b"\n", b"\r\n"),
    "no final newline": lambda content: content.rstrip(b"\n"),
    "byte order mark": lambda content: BOM + content,
    "all of it": lambda content: BOM + content.replace(b"\n", b"\r\n").rstrip(b"\r\n"),
}


def hints(sample: Sample) -> Hints:
    return Hints(names=sample.names)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_exactly_the_marked_places_change(sample: Sample, shape: str) -> None:
    shaped = SHAPES[shape]
    edit = plan(sample.name, shaped(sample.at(OLD)), OLD, NEW, hints(sample))
    assert edit.after == shaped(sample.at(NEW))
    assert edit.before == shaped(sample.at(OLD))
    # Each place once, on its line.
    lines = [number for number, line in enumerate(sample.text.split("\n"), start=1) for _ in range(line.count(MARK))]
    assert [place.line for place in edit.places] == lines
    assert {(place.old, place.new) for place in edit.places} == {(OLD, NEW)}


@pytest.mark.parametrize("sample", [s for s in SAMPLES if s.states], ids=lambda sample: sample.id)
def test_what_states_the_new_version_already_stays(sample: Sample) -> None:
    edit = plan(sample.name, sample.at(NEW), OLD, NEW, hints(sample))
    assert (edit.after, edit.places, edit.changes) == (edit.before, (), False)


@pytest.mark.parametrize("sample", [s for s in SAMPLES if not s.states], ids=lambda sample: sample.id)
def test_what_only_names_the_new_version_among_others_is_refused(sample: Sample) -> None:
    """It may be the version of something else: that the old one is missing must be said."""
    with pytest.raises(UsageError, match=f"does not say {OLD}"):
        plan(sample.name, sample.at(NEW), OLD, NEW, hints(sample))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_a_file_at_another_version_is_refused_with_its_place(sample: Sample) -> None:
    with pytest.raises(UsageError) as caught:
        plan(sample.name, sample.text.replace(MARK, "0.9.9").replace(OLD, "0.9.8").encode(), OLD, NEW, hints(sample))
    file, _, line = caught.value.where.rpartition(":")
    assert file == sample.name
    assert line.isdigit()
    assert OLD in caught.value.what
    assert caught.value.remedy


def test_every_format_has_a_sample() -> None:
    assert {format_of(Source(s.name, s.at(OLD))).name for s in SAMPLES} == {form.name for form in FORMATS}


VERSIONS = st.builds(
    lambda numbers, pre: ".".join(map(str, numbers)) + pre,
    st.tuples(*[st.integers(0, 99999)] * 3),
    st.sampled_from(["", "-rc.1", "-alpha.12", "-beta.3"]),
)


@given(sample=st.sampled_from(SAMPLES), new=VERSIONS, shape=st.sampled_from(sorted(SHAPES)))
def test_whatever_the_new_version_only_it_differs(sample: Sample, new: str, shape: str) -> None:
    shaped = SHAPES[shape]
    edit = plan(sample.name, shaped(sample.at(OLD)), OLD, new, hints(sample))
    spelled = format_of(Source(sample.name, sample.at(OLD))).spelling.write(new)
    assert edit.after == shaped(sample.at(spelled))
    if new not in sample.text:
        # And back again: nothing was lost on the way.
        assert plan(sample.name, edit.after, new, OLD, hints(sample)).after == edit.before


@given(old=VERSIONS, new=VERSIONS)
def test_the_old_version_is_known_in_pythons_spelling(old: str, new: str) -> None:
    before = f'[project]\nversion = "{PEP440.write(old)}"\n'.encode()
    edit = plan("pyproject.toml", before, old, new)
    assert edit.after == f'[project]\nversion = "{PEP440.write(new)}"\n'.encode()
