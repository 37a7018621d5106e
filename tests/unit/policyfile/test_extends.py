from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.policyfile.policies import GOOD
from tests.unit.policyfile.test_load import mutations
from tidegate.errors import PolicyError
from tidegate.policyfile import explain_mistakes, load_policy
from tidegate.policyfile.extending import MAX_FILES, MAX_TAKEN_OUT
from tidegate.policyfile.load import LoadedPolicy
from tidegate.policyfile.presets import Presets
from tidegate.policyfile.tree import plain_value
from tidegate.policyfile.yaml import MAX_BYTES, read_yaml

BASE = """\
# A small policy to build on. It is for tests.
tidegate: 1
organization: Base
timezone: Europe/Vienna
people: {olga: {name: Olga, groups: [owners]}}
release_types:
  minor: {bump: minor, notice: 7d, approvals: [{from: owners, count: 2}]}
  patch: {bump: patch, approvals: [{from: owners}]}
environments:
  production: {purpose: production, title: Base}
targets: {mttr: "< 1h"}
"""


@pytest.fixture
def presets(tmp_path: Path) -> Presets:
    directory = tmp_path / "presets"
    directory.mkdir()
    (directory / "base@1.yaml").write_text(BASE)
    (directory / "base@2.yaml").write_text(BASE.replace("notice: 7d", "notice: 14d"))
    (directory / "base@10.yaml").write_text(BASE.replace("notice: 7d", "notice: 21d"))
    (directory / "base.starter.yaml").write_text("tidegate: 1\nextends: [preset:base@10]\n")
    (directory / "upon@1.yaml").write_text("tidegate: 1\nextends: [preset:base@1]\norganization: Upon\n")
    (directory / "outside@1.yaml").write_text("tidegate: 1\nextends: [./other.yaml]\n")
    (directory / "notes.txt").write_text("not a preset")
    return Presets(directory)


def written(directory: Path, files: Mapping[str, str]) -> Path:
    """The files, in a directory of their own; the path of the first of them."""
    for name, text in files.items():
        path = directory / "policy" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory / "policy" / next(iter(files))


def loaded(directory: Path, files: Mapping[str, str], presets: Presets) -> LoadedPolicy:
    path = written(directory, files)
    return load_policy(path, path.name, presets=presets)


def refused(directory: Path, files: Mapping[str, str], presets: Presets) -> PolicyError:
    with pytest.raises(PolicyError) as caught:
        loaded(directory, files, presets)
    return caught.value


def top(extends: str = "preset:base@1", more: str = "") -> str:
    return f"tidegate: 1\nextends: [{extends}]\n{more}"


# ---- what it builds on


def test_a_preset_is_built_on(tmp_path: Path, presets: Presets) -> None:
    more = "release_types: {minor: {notice: 3d}}\ntargets: {mttr: {types: [patch]}}\n"
    found = loaded(tmp_path, {"tidegate.yaml": top(more=more)}, presets)
    assert found.files == ("preset:base@1", "tidegate.yaml")
    minor = found.policy.release_types["minor"]
    assert (minor.notice.days, minor.approvals[0].count) == (3, 2) if minor.notice else False
    assert found.policy.targets["mttr"].types == ("patch",)
    assert found.policy.organization == "Base"
    assert found.policy.extends == ("preset:base@1",)
    assert found.base is not None
    assert found.base.release_types["minor"].notice != minor.notice
    assert found.unpinned == ()


def test_a_preset_without_a_version_is_the_newest_and_is_noted(tmp_path: Path, presets: Presets) -> None:
    found = loaded(tmp_path, {"tidegate.yaml": top("preset:base")}, presets)
    assert found.files == ("preset:base@10", "tidegate.yaml")
    assert [(note.place, note.meant) for note in found.unpinned] == [((2, 11, "tidegate.yaml"), "preset:base@10")]


def test_a_preset_is_built_on_from_bytes_too(presets: Presets) -> None:
    found = load_policy(top().encode(), presets=presets)
    assert found.files == ("preset:base@1", "tidegate.yaml")


def test_bases_of_bases_are_laid_first_and_each_once(tmp_path: Path, presets: Presets) -> None:
    files = {
        "tidegate.yaml": top("./a.yaml, sub/b.yaml", "organization: Top\n"),
        "a.yaml": top("preset:base@1", "release_types: {minor: {notice: 1d}}\n"),
        "sub/b.yaml": top("../c.yaml, preset:base@1", "release_types: {patch: {notice: 2d}}\n"),
        "c.yaml": "tidegate: 1\norganization: C\ntimezone: Asia/Tokyo\n",
    }
    found = loaded(tmp_path, files, presets)
    assert found.files == ("preset:base@1", "a.yaml", "c.yaml", "sub/b.yaml", "tidegate.yaml")
    # The preset came before a.yaml: that b.yaml builds on it too does not bring its notice back.
    notices = {name: kind.notice.days for name, kind in found.policy.release_types.items() if kind.notice}
    assert notices == {"minor": 1, "patch": 2}
    assert (found.policy.organization, found.policy.timezone) == ("Top", "Asia/Tokyo")


def test_a_later_base_wins_over_an_earlier_one_and_the_file_over_all(tmp_path: Path, presets: Presets) -> None:
    files = {
        "tidegate.yaml": top("preset:base@1, a.yaml, b.yaml", "rehearsal: top\n"),
        "a.yaml": "tidegate: 1\norganization: A\ntimezone: Asia/Tokyo\nrehearsal: a\n",
        "b.yaml": "tidegate: 1\norganization: B\n",
    }
    policy = loaded(tmp_path, files, presets).policy
    assert (policy.organization, policy.timezone, policy.rehearsal) == ("B", "Asia/Tokyo", "top")


def test_what_is_merged_is_the_policy_that_one_file_would_be(tmp_path: Path, presets: Presets) -> None:
    whole = BASE.replace("organization: Base", "organization: Top")
    found = loaded(tmp_path, {"tidegate.yaml": top(more="organization: Top\n")}, presets)
    assert found.digest == load_policy(whole.encode()).digest
    assert b"extends" not in found.resolved


def test_a_link_inside_the_directory_is_followed(tmp_path: Path, presets: Presets) -> None:
    files = {"tidegate.yaml": top("link.yaml"), "sub/real.yaml": BASE}
    written(tmp_path, files)
    (tmp_path / "policy" / "link.yaml").symlink_to("sub/real.yaml")
    assert loaded(tmp_path, files, presets).files == ("sub/real.yaml", "tidegate.yaml")


def test_the_names_of_bases_begin_where_the_name_of_the_file_does(tmp_path: Path, presets: Presets) -> None:
    path = written(tmp_path, {"tidegate.yaml": top("sub/a.yaml"), "sub/a.yaml": BASE})
    assert load_policy(path, presets=presets).files == (f"{tmp_path}/policy/sub/a.yaml", str(path))
    assert load_policy(path, "x/tidegate.yaml", presets=presets).files == ("x/sub/a.yaml", "x/tidegate.yaml")


def test_a_base_that_changes_is_read_again(tmp_path: Path, presets: Presets) -> None:
    files = {"tidegate.yaml": top("a.yaml"), "a.yaml": BASE}
    assert loaded(tmp_path, files, presets).policy.organization == "Base"
    files["a.yaml"] = BASE.replace("organization: Base", "organization: Changed")
    assert loaded(tmp_path, files, presets).policy.organization == "Changed"


# ---- where everything stands


def test_everything_knows_its_file(tmp_path: Path, presets: Presets) -> None:
    files = {
        "tidegate.yaml": top("preset:base@1, a.yaml", "environments: {production: {title: Top}}\npeople: {}\n"),
        "a.yaml": "tidegate: 1\nrelease_types:\n  minor: {notice: 3d}\n",
    }
    found = loaded(tmp_path, files, presets)
    assert found.where(("release_types", "minor", "notice")) == "a.yaml:3:19"
    assert found.where(("release_types", "minor", "bump")) == "preset:base@1:7:17"
    assert found.place(("environments", "production", "title")) == ("tidegate.yaml", 3, 36)
    assert found.where(("environments", "production", "purpose")) == "preset:base@1:10:25"
    assert [found.layer_of(path) for path in ((), ("release_types",), ("release_types", "patch"), ("people",))] == [
        2,
        1,
        0,
        2,
    ]
    assert found.layer_of(("release_types", "patch", "approvals", 0)) == 0
    assert found.layer_of(("gates",)) is None


def test_a_mistake_is_told_in_the_file_in_which_it_stands(tmp_path: Path, presets: Presets) -> None:
    files = {
        "tidegate.yaml": top("a.yaml", "environments: {production: {tilte: Top}}\n"),
        "a.yaml": BASE.replace("count: 2", "count: 0"),
    }
    error = refused(tmp_path, files, presets)
    assert [(m.where, m.what) for m in error.mistakes] == [
        ("tidegate.yaml:3:29", 'unknown key "tilte" in environments.production; did you mean "title"?'),
        ("a.yaml:7:70", "release_types.minor.approvals[0].count is the number 0, expected at least 1"),
    ]


def test_a_name_that_leads_nowhere_is_told_where_it_is_said(tmp_path: Path, presets: Presets) -> None:
    files = {"tidegate.yaml": top("a.yaml", "rehearsal: x\n"), "a.yaml": BASE.replace("from: owners}", "from: nobody}")}
    error = refused(tmp_path, files, presets)
    assert (error.where, error.what) == ("a.yaml:8:43", 'unknown group "nobody"')


def test_a_base_that_is_no_policy_by_itself_can_be_built_on(tmp_path: Path, presets: Presets) -> None:
    files = {"tidegate.yaml": top("a.yaml", BASE.partition("tidegate: 1\n")[2]), "a.yaml": "tidegate: 1\n"}
    found = loaded(tmp_path, files, presets)
    assert found.base is not None
    assert (found.base.organization, found.base.components) == (found.policy.organization, {})
    assert load_policy(GOOD.encode()).base is None


def test_what_a_file_in_between_weakens_is_seen(tmp_path: Path, presets: Presets) -> None:
    between = "tidegate: 1\nextends: [preset:base@1]\nrelease_types: {minor: {notice: 1d}}\n"
    found = loaded(tmp_path, {"tidegate.yaml": top("a.yaml"), "a.yaml": between}, presets)
    assert [base.release_types["minor"].notice for base in found.bases] == [timedelta(days=7), timedelta(days=1)]


# ---- what is taken out


def test_what_is_taken_out_is_gone(tmp_path: Path, presets: Presets) -> None:
    found = loaded(tmp_path, {"tidegate.yaml": top(more="without: [release_types.minor.notice, targets]\n")}, presets)
    assert found.policy.release_types["minor"].notice is None
    assert found.policy.targets == {}
    assert found.base is not None
    assert found.base.release_types["minor"].notice is not None
    assert found.layer_of(("targets",)) is None


def test_what_is_taken_out_may_be_said_anew(tmp_path: Path, presets: Presets) -> None:
    more = "without: [release_types.minor]\nrelease_types: {minor: {bump: minor}}\n"
    minor = loaded(tmp_path, {"tidegate.yaml": top(more=more)}, presets).policy.release_types["minor"]
    assert (minor.notice, minor.approvals) == (None, ())


def test_an_empty_map_takes_nothing_out(tmp_path: Path, presets: Presets) -> None:
    assert loaded(tmp_path, {"tidegate.yaml": top(more="targets: {}\n")}, presets).policy.targets


def test_a_file_takes_out_of_what_it_builds_on_itself(tmp_path: Path, presets: Presets) -> None:
    files = {
        "tidegate.yaml": top("preset:base@1, a.yaml"),
        "a.yaml": "tidegate: 1\nextends: [b.yaml]\nwithout: [targets]\n",
        "b.yaml": "tidegate: 1\norganization: B\n",
    }
    error = refused(tmp_path, files, presets)
    assert (error.where, error.what) == ("a.yaml:3:11", "there is no targets in what this file builds on")
    files["b.yaml"] += 'targets: {mttr: "< 2h"}\n'
    # Later wins: what a.yaml takes out is gone, also where an earlier base says it.
    assert loaded(tmp_path, files, presets).policy.targets == {}


# ---- what is refused


@pytest.mark.parametrize(
    ("extends", "what", "remedy"),
    [
        ("preset:bose@1", 'there is no preset "bose"; did you mean "base"?', "name one of: base, outside, upon"),
        ("preset:base@3", 'the preset "base" has no version 3', "name one of: preset:base@1, preset:base@2, preset"),
        ("preset:base@0", 'there is no preset "base@0"; did you mean "base"?', "name one of: base, outside, upon"),
        ("preset:../x@1", 'there is no preset "../x@1"', "name one of: base, outside, upon"),
        ('"preset:"', 'there is no preset ""', "name one of: base, outside, upon"),
        ("none.yaml", 'there is no file "none.yaml"', "mend the path; it begins at the directory of tidegate.yaml"),
        ("/etc/passwd.yaml", '"/etc/passwd.yaml" is outside the directory of tidegate.yaml', "keep what a policy buil"),
        ("~/x.yaml", '"~/x.yaml" is outside the directory of tidegate.yaml', "keep what a policy builds on beside it"),
        ("../out.yaml", '"../out.yaml" is outside the directory of tidegate.yaml', "keep what a policy builds on be"),
        ("../no.yaml", '"../no.yaml" is outside the directory of tidegate.yaml', "keep what a policy builds on besi"),
        ("link.yaml", '"link.yaml" is outside the directory of tidegate.yaml', "keep what a policy builds on beside"),
        ("up/out.yaml", '"up/out.yaml" is outside the directory of tidegate.yaml', "keep what a policy builds on"),
        ("loop.yaml", 'there is no file "loop.yaml"', "mend the path; it begins at the directory of tidegate.yaml"),
        ("folder.yaml", '"folder.yaml" cannot be built on: it is not a file', "name the policy file itself"),
        ("pipe.yaml", '"pipe.yaml" cannot be built on: it is not a file', "name the policy file itself"),
        (".env", '".env" is no YAML file by its name', "name a file that ends with .yaml"),
        (
            "tidegate.yaml",
            "tidegate.yaml builds on itself: tidegate.yaml > tidegate.yaml",
            "remove one of these entries of extends:",
        ),
        (
            "huge.yaml",
            f'"huge.yaml" cannot be built on: the file has 1,099,511,627,776 bytes; a policy has at most {MAX_BYTES:,}',
            "name the policy itself; data belongs into evidence",
        ),
    ],
)
def test_a_base_that_cannot_be_built_on(tmp_path: Path, presets: Presets, extends: str, what: str, remedy: str) -> None:
    files = {"tidegate.yaml": top(extends), ".env": "SECRET=hunter2", "../out.yaml": BASE}
    directory = written(tmp_path, files).parent
    (directory / "folder.yaml").mkdir()
    (directory / "link.yaml").symlink_to("../out.yaml")
    (directory / "up").symlink_to("..")
    (directory / "loop.yaml").symlink_to("loop.yaml")
    os.mkfifo(directory / "pipe.yaml")
    with (directory / "huge.yaml").open("wb") as sparse:
        sparse.truncate(1 << 40)
    error = refused(tmp_path, files, presets)
    assert len(error.mistakes) == 1, explain_mistakes(error)
    assert (error.where, error.what) == ("tidegate.yaml:2:11", what)
    assert error.remedy.startswith(remedy)
    assert "hunter2" not in explain_mistakes(error)


@pytest.mark.parametrize(
    ("head", "where", "what"),
    [
        ("extends: preset:base@1", "2:10", 'extends is the text "preset:base@1", expected a list'),
        ("extends: {a: b}", "2:1", "extends is a mapping, expected a list"),
        ("extends: [[x]]", "2:11", "extends[0] is a list, expected a text"),
        ("extends: [1]", "2:11", "extends[0] is the number 1, expected a text"),
        ('extends: [""]', "2:11", "extends[0] is empty"),
        ("extends:", "2:1", '"extends" has no value'),
        (f"extends: [{'a, ' * 17}]", "2:1", f"extends has more than {MAX_FILES} entries"),
        ("extends: [preset:base@1]\nwithout: targets", "3:10", 'without is the text "targets", expected a list'),
        (f"without: [{'a, ' * 1001}]", "2:1", f"without has more than {MAX_TAKEN_OUT:,} entries"),
        ("without: [targets]", "2:11", "there is no targets in what this file builds on"),
    ],
)
def test_what_a_file_builds_on_is_a_list_of_texts(presets: Presets, head: str, where: str, what: str) -> None:
    with pytest.raises(PolicyError) as caught:
        load_policy(f"tidegate: 1\n{head}\norganization: O\ntimezone: UTC\n".encode(), presets=presets)
    assert [(m.where, m.what) for m in caught.value.mistakes] == [(f"tidegate.yaml:{where}", what)]


def test_what_is_taken_out_must_be_there(tmp_path: Path, presets: Presets) -> None:
    more = "without: [release_types.hotfix, release_types.miner, release_types.patch]\n"
    error = refused(tmp_path, {"tidegate.yaml": top(more=more)}, presets)
    assert [(m.where, m.what, m.remedy) for m in error.mistakes] == [
        (
            "tidegate.yaml:3:11",
            "there is no release_types.hotfix in what this file builds on",
            "name what is there, or remove this entry",
        ),
        (
            "tidegate.yaml:3:33",
            'there is no release_types.miner in what this file builds on; did you mean "release_types.minor"?',
            "name what is there, or remove this entry",
        ),
    ]


def test_a_circle_is_named(tmp_path: Path, presets: Presets) -> None:
    files = {"tidegate.yaml": top("a.yaml"), "a.yaml": top("sub/b.yaml"), "sub/b.yaml": top("../a.yaml")}
    error = refused(tmp_path, files, presets)
    assert (error.where, error.what) == ("sub/b.yaml:2:11", "a.yaml builds on itself: a.yaml > sub/b.yaml > a.yaml")


def test_a_preset_builds_on_presets_alone(tmp_path: Path, presets: Presets) -> None:
    assert loaded(tmp_path, {"tidegate.yaml": top("preset:upon@1")}, presets).files == (
        "preset:base@1",
        "preset:upon@1",
        "tidegate.yaml",
    )
    error = refused(tmp_path, {"tidegate.yaml": top("preset:outside@1")}, presets)
    assert (error.where, error.what) == (
        "preset:outside@1:2:11",
        '"./other.yaml" is a file, and preset:outside@1 lies in no directory',
    )


def test_bytes_build_on_presets_alone(presets: Presets) -> None:
    with pytest.raises(PolicyError) as caught:
        load_policy(top("a.yaml").encode(), presets=presets)
    assert caught.value.what == '"a.yaml" is a file, and tidegate.yaml lies in no directory'


def test_sixteen_files_are_one_policy_and_no_more(tmp_path: Path, presets: Presets) -> None:
    names = ["tidegate.yaml", *(f"{number}.yaml" for number in range(MAX_FILES - 2))]
    files = {name: top(below) for name, below in zip(names, [*names[1:], "preset:base@1"], strict=True)}
    assert len(loaded(tmp_path, files, presets).files) == MAX_FILES
    files["tidegate.yaml"] = top("0.yaml, one-more.yaml")
    error = refused(tmp_path, {**files, "one-more.yaml": BASE}, presets)
    assert (error.where, error.what) == ("tidegate.yaml:2:19", f"the policy is made of more than {MAX_FILES} files")


@pytest.mark.parametrize(
    ("filler", "limit"),
    [
        ("# " + "x" * 80 + "\n", f"{MAX_BYTES:,} bytes"),
        ("contacts: {a: &x [" + "1," * 1000 + "], b: [" + "*x," * 400 + "]}\n", "values or"),
        ("contacts: {a: &x " + "x" * 10_000 + ", b: [" + "*x," * 300 + "]}\n", f"{MAX_BYTES:,} characters"),
    ],
)
def test_the_limits_are_those_of_all_files_together(tmp_path: Path, presets: Presets, filler: str, limit: str) -> None:
    text = filler if filler.startswith("contacts") else filler * 30_000
    files = {"tidegate.yaml": top("a.yaml, b.yaml"), "a.yaml": f"tidegate: 1\n{text}", "b.yaml": f"tidegate: 1\n{text}"}
    error = refused(tmp_path, files, presets)
    assert (error.where, len(error.mistakes)) == ("tidegate.yaml:2:19", 1)
    assert error.what.startswith("together with what it builds on, the policy has more than ")
    assert error.what.endswith(limit) or limit in error.what
    assert error.remedy == "build on fewer or smaller files"


@pytest.mark.parametrize(
    ("base", "where", "what"),
    [
        ("- a", "a.yaml:1:1", "the file is a list, expected a mapping"),
        ("~", "a.yaml:1:1", "the file has no value"),
        ("", "a.yaml:1:1", "the file is empty"),
        ("tidegate: 2\nextends: {x: y}\n", "a.yaml:1:11", "the policy language has no version 2; this version of Ti"),
        ("tidegate: 1\na: [1", "a.yaml:2:6", "this is not YAML: the [ before this is not closed"),
        ("tidegate: 1\ngates:\n", "a.yaml:2:1", '"gates" has no value'),
        ("tidegate: 1\nrehearsal: a\nrehearsal: b\n", "a.yaml:3:1", 'the key "rehearsal" is written twice; the fi'),
        ("tidegate: 1\nextends: [1]\n", "a.yaml:2:11", "extends[0] is the number 1, expected a text"),
    ],
)
def test_a_base_is_held_to_what_every_file_is(
    tmp_path: Path, presets: Presets, base: str, where: str, what: str
) -> None:
    whole = BASE.partition("tidegate: 1\n")[2] + "gates: {}\n"
    error = refused(tmp_path, {"tidegate.yaml": top("a.yaml", whole), "a.yaml": base}, presets)
    assert [m.where for m in error.mistakes] == [where]
    assert error.what.startswith(what)


# ---- whatever they hold, files that build on one another are loaded or refused in our words


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(["a.yaml, b.yaml", "b.yaml", "a.yaml, a.yaml"]), mutations(), mutations(), mutations())
def test_spoiled_layers_are_loaded_or_refused_in_our_words(
    tmp_path_factory: pytest.TempPathFactory, extends: str, above: str, first: str, second: str
) -> None:
    directory = tmp_path_factory.mktemp("layers")
    texts = {
        "tidegate.yaml": f"extends: [{extends}]\n{above}",
        "a.yaml": f"extends: [b.yaml]\n{first}",
        "b.yaml": second,
    }
    for name, text in texts.items():
        (directory / name).write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        found = load_policy(directory / "tidegate.yaml", "tidegate.yaml")
    except PolicyError as error:
        for mistake in error.mistakes:
            assert mistake.where.partition(":")[0] in texts
            assert mistake.what.isprintable()
            assert mistake.remedy
    else:
        assert set(found.files) <= set(texts)
        assert found.base is None or found.base.organization


# ---- any split of a policy is the policy

WHOLE = plain_value(read_yaml(GOOD.encode(), "").root)


@st.composite
def splits(draw: st.DrawFn, value: Any) -> tuple[Any, Any]:
    """Two values that make ``value`` when the second is laid on the first; either may be None: it says nothing."""
    kind = draw(st.sampled_from(["below", "over", "both"]))
    if kind == "below":
        return value, None
    if not isinstance(value, dict) or not value or kind == "over":
        return draw(st.sampled_from([None, "replaced", [1]]) if not isinstance(value, dict) else st.none()), value
    below: dict[str, Any] = {}
    over: dict[str, Any] = {}
    for key, entry in value.items():
        first, second = draw(splits(entry))
        below |= {} if first is None else {key: first}
        over |= {} if second is None else {key: second}
    return below, over


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_policy_split_in_two_is_the_same_policy(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    below, over = data.draw(splits(WHOLE))
    # The language that a file is in is asked of each file by itself.
    directory = tmp_path_factory.mktemp("split")
    (directory / "base.yaml").write_text(json.dumps((below or {}) | {"tidegate": 1}))
    (directory / "tidegate.yaml").write_text(json.dumps({"extends": ["./base.yaml"]} | (over or {})))
    assert load_policy(directory / "tidegate.yaml").digest == load_policy(GOOD.encode()).digest
