"""The preset of 7D Solutions, held against the text that it says."""

from __future__ import annotations

import re
from datetime import date, time, timedelta
from itertools import permutations, product
from pathlib import Path

import pytest

from tidegate.core.calendar import instant, zone
from tidegate.core.limit import parse_limit
from tidegate.core.policy import OWNERS, ApprovalRule, DateOf, Policy, StatedDate, Trigger
from tidegate.policyfile import LoadedPolicy, load_policy
from tidegate.policyfile.schema import type_at

PROJECT = Path(__file__).parents[3]
PRESETS = PROJECT / "src/tidegate/policyfile/presets"
PRESET = (PRESETS / "7d@1.yaml").read_text(encoding="utf-8")
STARTER = (PRESETS / "7d.starter.yaml").read_text(encoding="utf-8")
SPECS = PROJECT.parent / "shared" / "specs"


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> LoadedPolicy:
    file = tmp_path_factory.mktemp("7d") / "tidegate.yaml"
    file.write_text(STARTER, encoding="utf-8")
    return load_policy(file)


@pytest.fixture(scope="module")
def policy(loaded: LoadedPolicy) -> Policy:
    return loaded.policy


@pytest.fixture(scope="module")
def text() -> str:
    found = sorted(SPECS.glob("004_*.txt"))
    if not found:
        pytest.skip("the text of 7D Solutions does not lie beside the project, in shared/specs")
    return found[0].read_text(encoding="utf-8")


def part(text: str, heading: str) -> str:
    """What stands below a heading of the text, up to the next one that is as high."""
    level = heading.split(maxsplit=1)[0]
    below = text.split(f"\n{heading}\n", 1)[1]
    return re.split(rf"\n#{{1,{len(level)}}} ", below, maxsplit=1)[0]


def points(text: str) -> list[str]:
    """The points of a list, ticked or not, without what stands in brackets after them."""
    return [re.sub(r" \(.*\)$", "", point) for point in re.findall(r"^- (?:\[ \] )?(.+?)\s*$", text, re.MULTILINE)]


def said(text: str, heading: str, label: str) -> list[str]:
    """The points below a bold label in a part of the text."""
    below = part(text, heading).split(f"**{label}:**", 1)[1]
    return points(re.split(r"\n\n", below.lstrip("\n"), maxsplit=1)[0])


def content_lines() -> list[str]:
    """The lines of the preset that say something, up to what it leaves undecided."""
    lines = PRESET.split("\nundecided:\n")[0].splitlines()
    opens = re.compile(r"\s*[\w-]+:")
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#") and not opens.fullmatch(line)]


# The form.


def test_every_line_names_what_it_serves() -> None:
    served = re.compile(r"  # (7D-[0-9]{2}|default)(, (7D-[0-9]{2}|default))*$")
    assert [line for line in content_lines() if not served.search(line)] == [
        "tidegate: 1",
        "organization: 7D Solutions",
    ]


@pytest.mark.parametrize("number", range(1, 19))
def test_every_number_of_the_ledger_is_served_by_a_line(number: int) -> None:
    assert [line for line in content_lines() if f"7D-{number:02}" in line]


def test_the_starter_builds_on_the_preset_and_finishes_it(policy: Policy) -> None:
    assert STARTER.startswith("# yaml-language-server: $schema=./tidegate.schema.json\n")
    assert 60 <= STARTER.count("\n") <= 120
    assert policy.organization == "7D Solutions"
    assert set(policy.groups) == {group for person in policy.people.values() for group in person.groups}
    assert all(policy.components[name].targets for name in ("billing", "customer", "inventory"))


def test_what_is_undecided_says_where_it_would_be_decided(policy: Policy, text: str) -> None:
    for name, point in policy.undecided.items():
        assert point.at, name
        assert point.source in re.findall(r"^#+ (?:[0-9]\. )?(.+)$", text, re.MULTILINE), name
        for path in point.at:
            assert type_at(tuple(path.split("."))) is not None, path


def test_who_decides_a_point_in_the_starter_is_told_how() -> None:
    examples = re.findall(r"^#   (7D\.[\w.-]+): ", STARTER, re.MULTILINE)
    assert examples
    assert all(f"\n  {name}:  # 7D-" in PRESET for name in examples)


def test_the_examples_of_the_starter_can_be_taken_over(tmp_path: Path) -> None:
    file = tmp_path / "tidegate.yaml"
    file.write_text(
        re.sub(r"^# (?=  |(watch|decided|trains|release_types|calendar):$)", "", STARTER, flags=re.MULTILINE)
    )
    policy = load_policy(file).policy
    assert set(policy.decided) == {"7D.trains.platform-time", "7D.watch.length"}
    assert policy.trains["modules"].starts == date(2026, 2, 17)
    assert policy.release_types["emergency"].afterwards.approval_within == timedelta(days=2)
    assert [day.date for day in policy.calendar.dates] == [date(2026, 3, 3)]


# The text, part by part.


def test_the_checklists_are_those_of_the_text(policy: Policy, text: str) -> None:
    before = policy.checklists["pre-release"].items
    assert [item.says for item in before.values()] == points(part(text, "#### Checklist"))
    assert len(before) == 7
    assert {item.gate for item in before.values() if item.gate} <= set(policy.release_types["patch"].gates)
    after = points(part(text, "### 6. Post-Release"))
    assert [task.says for task in policy.tasks.values()] == after
    assert len(after) == 6


def test_the_criteria_are_those_of_the_text(policy: Policy, text: str) -> None:
    for name in ("hotfix", "emergency"):
        wanted = said(text, f"### {name.title()} Releases", "When")
        assert list(policy.release_types[name].criteria) == wanted
        assert len(wanted) == 3


@pytest.mark.parametrize(
    ("train", "label"),
    [("modules", "Module releases"), ("platform", "Platform releases"), ("products", "Product releases")],
)
def test_the_trains_carry_what_the_text_says(policy: Policy, text: str, train: str, label: str) -> None:
    *_, contains = said(text, "### Scheduled Releases", label)
    carried = ", ".join(policy.trains[train].content).lower().replace("features, fixes", "features and fixes")
    assert f"contains: {carried}" == contains.lower()


@pytest.mark.parametrize(
    ("train", "days"),
    [
        ("modules", ["2026-02-10", "2026-02-24", "2026-03-10"]),
        ("platform", ["2026-02-03", "2026-03-03", "2026-04-07"]),
        ("products", ["2026-02-10", "2026-03-10", "2026-04-14"]),
    ],
)
def test_the_trains_depart_on_tuesdays_at_ten_pacific(loaded: LoadedPolicy, train: str, days: list[str]) -> None:
    timetable, pacific = loaded.rulebook.timetables[train], zone("America/Los_Angeles")
    moment, found = instant(date(2026, 2, 1), time(0), pacific), []
    for _ in days:
        opens = timetable.open_at(moment)
        assert opens is not None
        found.append(opens.astimezone(pacific))
        moment = opens + timedelta(days=1)
    assert [str(opens.date()) for opens in found] == days
    assert {(opens.weekday(), opens.hour) for opens in found} == {(1, 10)}


def test_the_parts_of_a_version_are_raised_by_what_the_text_says(policy: Policy, text: str) -> None:
    for level, heading in (
        ("major", "### MAJOR (X.0.0)"),
        ("minor", "### MINOR (x.Y.0)"),
        ("patch", "### PATCH (x.y.Z)"),
    ):
        changes = points(part(text, heading).split("**Requires:**")[0])
        assert [rule.says for rule in policy.versioning.bumps if rule.at_least == level] == changes


def test_the_release_notes_have_the_sections_of_the_text(policy: Policy, text: str) -> None:
    example = text.split("```markdown\n", 1)[1].split("```", 1)[0]
    sections = re.findall(r"^## (.+)$", example, re.MULTILINE)
    assert list(policy.documents["release-notes"].sections) == sections
    assert len(sections) == 9
    required = dict(re.findall(r"(platform|customer)(?: module)? v([0-9.]+)\+", example))
    assert policy.components["billing"].requires == {name: f">={version}" for name, version in required.items()}


def test_the_images_and_tags_are_those_of_the_text(policy: Policy, text: str) -> None:
    (image,) = policy.components["billing"].artifacts
    pushed = re.findall(r"docker push (\S+):(\S+)", text)
    assert [(image.image, tag.format(version="2.1.0", major="2")) for tag in image.tags] == pushed
    assert len(pushed) == 3
    identity = policy.components["platform-identity"]
    assert f"git tag {identity.tag.format(version='2.1.0')}\n" in text
    for name, version in (("release", "2.1.0"), ("hotfix", "2.0.1")):
        branch = policy.branches[name]
        assert branch.tag is not None
        assert f"git checkout -b {branch.pattern.format(version=version)}" in text
        assert f"git tag {branch.tag.format(version=version)}\n" in text


def in_words(trigger: Trigger) -> str:
    if trigger.error_rate is not None:
        return f"Error rate > {trigger.error_rate:.0%}"
    return f"Response time {trigger.response_time}" if trigger.response_time else "Failed health checks"


def test_a_release_is_taken_back_by_what_the_text_says(policy: Policy, text: str) -> None:
    written = [in_words(trigger) for trigger in policy.watch["production"].roll_back_when]
    assert written == points(part(text, "### Automatic Rollback"))
    assert len(written) == 3


@pytest.mark.parametrize(
    ("at", "to", "says"),
    [
        (-7, {"slack:#engineering", "stakeholders"}, "7 days before"),
        (-2, {"slack:#engineering"}, "2 days before (code freeze)"),
    ],
)
def test_people_are_told_before_a_release_as_the_text_says(
    policy: Policy, text: str, at: int, to: set[str], says: str
) -> None:
    (message,) = [message for message in policy.communication if message.at == timedelta(days=at)]
    assert set(message.to) == to
    assert said(text, "### Pre-Release", says)[-1] in message.does


def test_the_targets_are_those_of_the_text(policy: Policy, text: str) -> None:
    wanted = points(part(text, "## Release Metrics"))
    assert len(wanted) == len(policy.targets) == 6
    numbers = re.findall(r"< ([0-9]+) ?(hours?|weeks?|%)", " ".join(wanted))
    units = {"hour": 3600, "week": 7 * 86400, "%": 1}
    limits = [parse_limit(target.limit) for target in policy.targets.values()]
    found = [limit for limit in limits if limit is not None and limit.unit != "days"]
    assert [float(limit.value) for limit in found] == [
        int(n) * units[unit.rstrip("s")] / (100 if unit == "%" else 1) for n, unit in numbers
    ]
    assert {limit.operator for limit in found} == {"<"}
    assert (policy.targets["patch-frequency"].limit, policy.targets["minor-frequency"].limit) == ("daily", "biweekly")


@pytest.mark.parametrize(
    ("name", "approvals", "gates", "notice"),
    [
        ("patch", {OWNERS: 1}, {"pull-request", "ci", "smoke"}, None),
        ("minor", {"module-team": 2, "tech-leads": 1}, {"pull-request", "tests", "contract-tests"}, timedelta(days=7)),
        ("major", {"architects": 1, "tech-leads": 1, "product-team": 1}, set(), timedelta(days=30)),
        ("hotfix", {OWNERS: 1}, {"pull-request", "ci", "smoke"}, None),
        ("emergency", {"on-call": 1}, {"ci", "smoke"}, None),
    ],
)
def test_the_matrix_is_that_of_the_text(
    policy: Policy, name: str, approvals: dict[str, int], gates: set[str], notice: timedelta | None
) -> None:
    kind = policy.release_types[name]
    assert {rule.group: rule.count for rule in kind.approvals} == approvals
    checked = {"tests", "contract-tests", "performance-tests", "security-scan"} if kind.checklists else set()
    assert set(kind.gates) == gates | checked
    assert kind.notice == notice


def test_a_hotfix_and_an_emergency_wait_for_nothing_and_owe_something(policy: Policy) -> None:
    hotfix, emergency = policy.release_types["hotfix"], policy.release_types["emergency"]
    assert {"train", "freeze", "notice", "soak"} <= hotfix.skips <= emergency.skips
    assert hotfix.made_from == policy.branches["hotfix"].made_from == "production-tag"
    assert emergency.afterwards.post_mortem == timedelta(days=5)


def test_the_code_freeze_is_two_days_and_locks_the_branch(policy: Policy, text: str) -> None:
    assert "**Timeline:** 2 days before release" in part(text, "#### Code Freeze")
    freeze, milestone = policy.environments["production"].freeze, policy.milestones["code-freeze"]
    assert freeze is not None
    assert (freeze.before, freeze.allow) == (timedelta(days=2), ("fix",))
    assert (milestone.at, milestone.allow, milestone.locks_branch) == (timedelta(days=-2), ("fix",), True)
    assert policy.branches["release"].locks_at == "code-freeze"


# The calendar, whose contradictions must stay in: the preset says what the text says.


def stated(policy: Policy, of: DateOf) -> list[StatedDate]:
    return [day for day in policy.calendar.dates if day.of is of]


def test_the_calendar_is_that_of_the_text(policy: Policy, text: str) -> None:
    rows = re.findall(r"^\| (\w{3} [0-9]+) \| (.+?) \| (.+?) \|$", part(text, "### 2026 Q1 Schedule"), re.MULTILINE)
    found = [(f"{day.date:%b} {day.date.day}", day.event, day.tag) for day in stated(policy, DateOf.RELEASE)]
    assert found == rows
    assert len(rows) == 6
    assert all(day.tag == f"{day.component}/v{day.version}" for day in stated(policy, DateOf.RELEASE))


def test_its_six_dates_are_wednesdays_on_which_no_train_departs(loaded: LoadedPolicy) -> None:
    days = stated(loaded.policy, DateOf.RELEASE)
    assert [day.date.strftime("%A") for day in days] == ["Wednesday"] * 6
    for day in days:
        assert day.train is not None
        assert day.component is not None
        assert list(loaded.policy.trains_of(day.component)) == [day.train]
        opens = loaded.rulebook.timetables[day.train].open_at(instant(day.date, time(0), loaded.rulebook.tz))
        assert opens is not None
        assert opens.astimezone(loaded.rulebook.tz).date() != day.date


def test_one_version_is_dated_twice_and_two_modules_three_weeks_apart(policy: Policy, text: str) -> None:
    (notes,) = stated(policy, DateOf.NOTES)
    assert f"# {notes.event}\n\n**Release Date:** {notes.date}\n" in text
    same = [day.date for day in stated(policy, DateOf.RELEASE) if (day.component, day.version) == ("billing", "2.1.0")]
    assert (notes.component, notes.version, same) == ("billing", "2.1.0", [date(2026, 2, 18)])
    first, second = [day.date for day in stated(policy, DateOf.RELEASE) if day.train == "modules"]
    assert second - first == timedelta(weeks=3)


# The people of the starter.


def seats(policy: Policy, rules: tuple[ApprovalRule, ...], component: str) -> list[str]:
    owners = policy.components[component].owners or ""
    groups = [(owners if rule.group == OWNERS else rule.group, rule.count) for rule in rules]
    return [group for group, count in groups for _ in range(count)]


@pytest.mark.parametrize("name", ["patch", "minor", "major", "hotfix", "emergency"])
def test_every_approval_can_be_given_whoever_wrote_it(policy: Policy, name: str) -> None:
    for component, author in product(policy.components, policy.people):
        wanted = seats(policy, policy.release_types[name].approvals, component)
        others = [person for person in policy.people if person != author]
        assert any(
            all(group in policy.people[who].groups for who, group in zip(chosen, wanted, strict=True))
            for chosen in permutations(others, len(wanted))
        ), (component, author)


def test_a_change_of_the_policy_can_be_approved_whoever_adopts_it(policy: Policy) -> None:
    adopters = {person for group in policy.permits.adopt for person in policy.people_of(group)}
    assert len(adopters) >= 2
    for rule in policy.adoption.approvals:
        assert all(len(policy.people_of(rule.group) - {adopter}) >= rule.count for adopter in adopters)
