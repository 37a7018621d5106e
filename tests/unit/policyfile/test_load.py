from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.policyfile.policies import GOOD
from tidegate.core.canonical import digest
from tidegate.core.rulebook import rulebook_of
from tidegate.errors import NotFoundError, PolicyError, UsageError
from tidegate.policyfile import check_targets, explain_mistake, explain_mistakes, load_policy, policy_from_resolved
from tidegate.policyfile.mistakes import MAX_SHOWN


def spoiled(old: str, new: str) -> PolicyError:
    assert GOOD.count(old) == 1, old
    with pytest.raises(PolicyError) as caught:
        load_policy(GOOD.replace(old, new).encode())
    return caught.value


def test_a_policy_is_loaded_with_its_stored_form_and_its_places() -> None:
    loaded = load_policy(GOOD.encode(), "tidegate.yaml")
    assert loaded.policy.organization == "7D Solutions"
    assert loaded.digest == digest(loaded.resolved)
    assert loaded.where(("gates", "tests", "pass")) == "tidegate.yaml:31:34"
    assert loaded.where(("gates", "tests", "fresh")) == "tidegate.yaml:31:10"
    assert policy_from_resolved(loaded.resolved) == loaded.policy
    assert rulebook_of(loaded.resolved, loaded.digest).policy == loaded.rulebook.policy


def test_comments_order_and_spelling_do_not_change_the_digest() -> None:
    lines = GOOD.splitlines()
    moved = "\n".join([*lines[7:8], *lines[1:7], "# a comment", *lines[8:]]).replace("notice: 7d", "notice: 168h")
    assert load_policy(moved.encode()).digest == load_policy(GOOD.encode()).digest
    assert load_policy(GOOD.replace("7d\n", "8d\n").encode()).digest != load_policy(GOOD.encode()).digest


def test_the_digest_of_an_adopted_policy_stays() -> None:
    # Releases are pinned to digests: whoever changes this number unpins them all.
    assert (
        load_policy(GOOD.encode()).digest == "sha256:34b504852bbb552da9214e9808683f8fc2b2e71e2ff0233dcf6bc75ead0a073c"
    )


def test_a_file_is_read_once_per_content() -> None:
    assert load_policy(GOOD.encode()) is load_policy(bytes(bytearray(GOOD.encode())))


@pytest.mark.parametrize(
    ("old", "new", "where", "what", "remedy"),
    [
        ("7D Solutions", "1.10", "3:15", "organization is the number 1.10, expected a text", 'quote it: "1.10"'),
        ("7D Solutions", "[x]", "3:1", "organization is a list, expected a text", "write a text"),
        (
            "America/Los_Angeles",
            "America/Los_Angelos",
            "4:11",
            'timezone: "America/Los_Angelos" is not an IANA time zone; did you mean "America/Los_Angeles"?',
            "write one such as Europe/Vienna",
        ),
        (
            "    bump: minor",
            "    bump: minro",
            "25:11",
            'release_types.minor.bump is the text "minro", expected major, minor or patch; did you mean "minor"?',
            "write one of: major, minor, patch",
        ),
        (
            "    bump: minor\n",
            "",
            "24:3",
            'release_types.minor has no key "bump"',
            "add bump: with major, minor or patch",
        ),
        (
            "    notice: 7d",
            "    notcie: 7d",
            "26:5",
            'unknown key "notcie" in release_types.minor; did you mean "notice"?',
            "use one of: bump, title, frequency, ",
        ),
        ("permits:", "permit:", "8:1", 'unknown key "permit"; did you mean "permits"?', "use one of: tidegate, organi"),
        (
            "    notice: 7d",
            "    notice: 7",
            "26:13",
            "release_types.minor.notice: 7 is not a duration",
            "write a number and a unit, such as 30d, 24h, 90m, 10s",
        ),
        ("    notice: 7d", "    notice:", "26:5", '"notice" has no value', "write its value, or leave it out"),
        (
            "count: 2",
            "count: 0",
            "28:44",
            "release_types.minor.approvals[0].count is the number 0, expected at least 1",
            "w",
        ),
        (
            "count: 2",
            "count: 101",
            "28:44",
            "release_types.minor.approvals[0].count is the number 101, expected at most",
            "w",
        ),
        (
            "count: 2",
            "count: two",
            "28:44",
            'release_types.minor.approvals[0].count is the text "two", expected a whole',
            "w",
        ),
        (
            "skips: [train,",
            "skips: [trian,",
            "29:33",
            'release_types.hotfix.skips[0] is the text "trian", expected notice, train, windows, freeze, blackouts or',
            "write one of: notice, train",
        ),
        (
            "open: [alice]",
            "open: alice",
            "8:17",
            'permits.open is the text "alice", expected a list',
            "write it as a list: [alice]",
        ),
        (
            "open: [alice]",
            'open: "\'alice: x"',
            "8:17",
            'permits.open is the text "\'alice: x", expected a list',
            'write it as a list: ["\'alice: x"]',
        ),
        (
            "staging: {purpose: staging}",
            "staging: x",
            "33:12",
            'environments.staging is the text "x", expected a mapping',
            "w",
        ),
        (
            "from: 2026-02-10",
            "from: 2026-02-30",
            "19:75",
            'trains.modules.from is the text "2026-02-30", expected a day',
            "w",
        ),
        (
            "path: modules/billing",
            "path: ../x",
            "12:11",
            'components.billing.path: "../x" is outside the repository',
            "w",
        ),
        (
            '"billing-v{version}"',
            "billing",
            "13:10",
            'components.billing.tag: tag "billing" must contain {version} exactly once',
            "write billing-v{version}",
        ),
        ("bob: {name", '"b b": {name', "7:3", 'people: "b b" is not a name', "use letters, digits, dot, dash"),
        (
            "batch: 25%",
            "batch: 0%",
            "39:33",
            'environments.production.strategy.rolling.batch: "0%" is not a batch',
            "write a",
        ),
        (
            'roll_back_when: [{error_rate: "> 5%"}, {health_check: failed}]',
            "roll_back_when: []",
            "44:5",
            "watch.produc",
            "w",
        ),
        (
            "requests: requests_total",
            'requests: ""',
            "43:25",
            "watch.production.metrics.requests is empty",
            "write a text",
        ),
        ("7D Solutions", "x" * 501, "3:15", "organization has more than 500 characters", "shorten it"),
        (
            "evidence: junit",
            "evidence: junti",
            "31:21",
            'unknown kind of evidence "junti"; did you mean "junit"?',
            "name one",
        ),
        (
            "tests.failed == 0",
            "tests.fialed == 0",
            "31:60",
            'unknown field "fialed" of tests; did you mean "failed"?',
            "",
        ),
        (
            "staging: {driver",
            "stagin: {driver",
            "16:7",
            'unknown environment "stagin"; did you mean "staging"?',
            "name one",
        ),
        (
            "tidegate: 1",
            "tidegate: 1.2",
            "2:11",
            "the policy language has no version 1.2; this version of Tidegate reads 1",
            "w",
        ),
        (
            "tidegate: 1",
            'tidegate: "1"',
            "2:11",
            'the policy language has no version "1"; this version of Tidegate reads 1',
            "w",
        ),
        ("tidegate: 1\n", "", "2:1", 'the file has no key "tidegate"', "add tidegate: with 1"),
        ("tidegate: 1", "tidegate: 1\nextend: [x]", "3:1", 'unknown key "extend"', "use one of: "),
    ],
)
def test_a_mistake_says_where_what_and_what_to_do(old: str, new: str, where: str, what: str, remedy: str) -> None:
    error = spoiled(old, new)
    assert len(error.mistakes) == 1, explain_mistakes(error)
    assert (error.where, error.what[: len(what)]) == (f"tidegate.yaml:{where}", what)
    assert error.remedy.startswith(remedy)
    assert error.exit_code == 2


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"- a", "the file is a list, expected a mapping"),
        (b"just text", 'the file is the text "just text", expected a mapping'),
        (b"7", "the file is the number 7, expected a mapping"),
        (b"~", "the file has no value"),
        (b"{}", 'the file has no key "timezone"'),
    ],
)
def test_a_file_that_holds_something_else(content: bytes, what: str) -> None:
    with pytest.raises(PolicyError) as caught:
        load_policy(content)
    assert caught.value.mistakes[-1].what == what


def test_all_mistakes_are_told_in_their_order() -> None:
    text = GOOD.replace("7D Solutions", "7").replace("notice: 7d", "notice:").replace("batch: 25%", "bath: 1")
    text = text.replace("    kind: module\n", "    kind: module\n    kind: other\n")
    with pytest.raises(PolicyError) as caught:
        load_policy(text.encode(), "p.yaml")
    assert [(m.where, m.what) for m in caught.value.mistakes] == [
        ("p.yaml:3:15", "organization is the number 7, expected a text"),
        ("p.yaml:12:5", 'the key "kind" is written twice; the first is at 11:5'),
        ("p.yaml:27:5", '"notice" has no value'),
        ("p.yaml:40:26", 'unknown key "bath" in environments.production.strategy.rolling; did you mean "batch"?'),
    ]


def test_a_bad_entry_without_its_list_is_told_once() -> None:
    error = spoiled('to: "file:news.txt"', 'to: "slak:#x"')
    assert [mistake.what for mistake in error.mistakes] == [
        'communication[0].to: "slak:#x" is neither a channel nor an audience'
    ]


def test_many_mistakes_are_counted_not_described() -> None:
    with pytest.raises(PolicyError) as caught:
        load_policy(("tidegate: 1\n" + "".join(f"k{i}: 1\n" for i in range(5_000))).encode(), "p.yaml")
    assert len(caught.value.mistakes) == MAX_SHOWN + 1
    assert caught.value.mistakes[-1].what == "4952 more mistakes are not shown"


def test_what_may_be_a_secret_is_not_repeated() -> None:
    for keys in ("hunter2", "[hunter2]", "{hunter2: 1}", "[[hunter2]]", "[-----BEGIN PRIVATE KEY----- hunter2]"):
        error = spoiled("bob: {name", f"bob: {{keys: {keys}, name")
        assert "hunter2" not in explain_mistakes(error)


def test_a_strange_text_does_not_disturb_the_terminal() -> None:
    error = spoiled("    notice: 7d", '    "\\e[31m\\n": 7d\n    notice: "a\\nb"')
    assert "\x1b" not in explain_mistakes(error)
    assert all("\n" not in mistake.what for mistake in error.mistakes)


def test_a_mistake_for_people() -> None:
    error = spoiled("    notice: 7d", "    notcie: 7d")
    assert explain_mistake(error.mistakes[0]) == (
        'tidegate.yaml:26:5: unknown key "notcie" in release_types.minor\n'
        '    did you mean "notice"?\n'
        "    remedy: use one of: bump, title, frequency, content, allows, criteria, horizon, timeline, process, from, "
        "change, documents and 6 more: see docs/reference/policy.md"
    )


def test_a_condition_on_several_lines_is_told_where_it_begins() -> None:
    error = spoiled(
        'pass: "tests.total > 0 && tests.failed == 0"}', 'pass: "tests.total > 0 &&\n    tests.fialed == 0"}'
    )
    assert error.where == "tidegate.yaml:31:34"


def test_a_path_is_read(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(GOOD, encoding="utf-8")
    assert load_policy(file).name == str(file)
    assert load_policy(file, "policy.yaml").digest == load_policy(GOOD.encode()).digest


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no policy file") as caught:
        load_policy(tmp_path / "tidegate.yaml")
    assert (caught.value.where, caught.value.exit_code) == (str(tmp_path / "tidegate.yaml"), 5)


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="it is not a file"):
        load_policy(tmp_path)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "tidegate.yaml"
    with file.open("wb") as sparse:
        sparse.truncate(1 << 40)
    with pytest.raises(PolicyError, match="the file has 1,099,511,627,776 bytes; a policy has at most 4,194,304"):
        load_policy(file)


def test_drivers_are_asked_about_their_targets() -> None:
    def no_fourth_host(
        component: str, environment: str, settings: Mapping[str, object]
    ) -> Iterator[tuple[tuple[str | int, ...], str]]:
        hosts = settings["hosts"]
        if isinstance(hosts, list) and len(hosts) > 3:
            yield ("hosts", 3), f"a fourth host for {component} in {environment}"

    with pytest.raises(PolicyError) as caught:
        check_targets(load_policy(GOOD.encode()), no_fourth_host)
    assert (caught.value.where, caught.value.what) == (
        "tidegate.yaml:17:51",
        "components.billing.targets.production.hosts[3]: a fourth host for billing in production",
    )


def test_loading_needs_neither_the_database_nor_the_engine_nor_the_terminal() -> None:
    program = (
        "import sys, tidegate.policyfile\n"
        "print(sorted({'sqlalchemy', 'dbos', 'click', 'rich', 'cel'} & {name.split('.')[0] for name in sys.modules}))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


LINES = GOOD.splitlines()
WORDS = [
    "",
    "[]",
    "{}",
    "~",
    "1",
    "1.10",
    "true",
    "x",
    '"\\0"',
    "*a",
    "&a b",
    "- x",
    "? y",
    "<<",
    "[[[",
    "}",
    "'",
    "|",
    "\t",
]


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """The good policy with lines dropped, doubled, moved, indented, and values replaced."""
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        match draw(st.sampled_from(["drop", "double", "move", "indent", "value", "character"])):
            case "drop":
                lines[at : at + 1] = [] if len(lines) > 1 else lines
            case "double":
                lines.insert(at, lines[at])
            case "move":
                lines.insert(draw(st.integers(0, len(lines))), lines[at])
            case "indent":
                lines[at] = " " * draw(st.integers(0, 6)) + lines[at].strip()
            case "value":
                lines[at] = f"{lines[at].partition(':')[0]}: {draw(st.sampled_from(WORDS))}"
            case _:
                column = draw(st.integers(0, len(lines[at])))
                character = draw(st.characters() | st.sampled_from("{}[]:,\"'#&*!|>%@-"))
                lines[at] = lines[at][:column] + character + lines[at][column + 1 :]
    return "\n".join(lines)


@settings(max_examples=300, deadline=None)
@given(mutations())
def test_a_spoiled_policy_is_loaded_or_refused_in_our_words(text: str) -> None:
    try:
        loaded = load_policy(text.encode("utf-8", "surrogatepass"), "p.yaml")
    except PolicyError as error:
        for mistake in error.mistakes:
            assert mistake.where.startswith("p.yaml")
            assert mistake.what.isprintable()
            assert "Input should" not in mistake.what
            assert mistake.remedy
    else:
        assert policy_from_resolved(loaded.resolved) == loaded.policy


@pytest.mark.parametrize("text", [r'"\e[31mred"', r'"\ud800"', r'"\x00"'])
def test_a_text_that_cannot_be_read_is_told_once(text: str) -> None:
    with pytest.raises(PolicyError) as caught:
        load_policy(f"tidegate: 1\norganization: {text}\ntimezone: Mars/Olympus\n".encode())
    assert [(mistake.where, mistake.what.partition(" U+")[0]) for mistake in caught.value.mistakes] == [
        ("tidegate.yaml:2:15", "the text contains the control character"),
        ("tidegate.yaml:3:11", 'timezone: "Mars/Olympus" is not an IANA time zone'),
    ]


def test_a_link_out_of_its_directory_shows_nothing_of_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("root:x:0:0")
    inside = tmp_path / "shop"
    inside.mkdir()
    (inside / "tidegate.yaml").symlink_to(tmp_path / "secret")
    with pytest.raises(UsageError) as caught:
        load_policy(inside / "tidegate.yaml", "tidegate.yaml")
    assert str(caught.value) == "tidegate.yaml: it is a link to a file outside its directory"
    assert caught.value.remedy == "put the policy file itself there, or name the file that the link leads to"


def test_a_link_that_stays_in_its_directory_is_followed(tmp_path: Path) -> None:
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "tidegate.yaml").write_text(GOOD)
    (tmp_path / "tidegate.yaml").symlink_to(Path("..data") / "tidegate.yaml")
    assert load_policy(tmp_path / "tidegate.yaml").digest == load_policy(GOOD.encode()).digest
