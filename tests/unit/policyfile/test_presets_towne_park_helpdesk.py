"""The presets of Towne Park and of Helpdesk, held against the texts that they say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tidegate.core.evidence_kind import KINDS
from tidegate.core.limit import parse_limit
from tidegate.core.policy import DataClass, Environment, Policy, Purpose, ReleaseType, StageKind
from tidegate.core.span import parse_span
from tidegate.policyfile import LoadedPolicy, load_policy
from tidegate.policyfile.tree import plain_value
from tidegate.policyfile.yaml import read_yaml

SPECS = Path(__file__).parents[3].parent / "shared" / "specs"
NAMES = ("towne-park", "helpdesk")
LEDGER = {"towne-park": ("TP", 17), "helpdesk": ("HD", 15)}


def content(file: str) -> str:
    return files("tidegate.policyfile").joinpath("presets", file).read_text(encoding="utf-8")


def values(text: str) -> dict[str, Any]:
    plain = plain_value(read_yaml(text.encode(), "tidegate.yaml").root)
    assert isinstance(plain, dict)
    return plain


@cache
def loaded(name: str) -> LoadedPolicy:
    return load_policy(content(f"{name}.starter.yaml").encode())


@cache
def policy(name: str) -> Policy:
    return loaded(name).policy


@cache
def spec(number: str) -> str:
    found = sorted(SPECS.glob(f"{number}_*.txt"))
    if not found:
        pytest.skip(f"the organisations' texts are not beside this repository: no {number}_*.txt in ../shared/specs")
    return found[0].read_text(encoding="utf-8")


def towne_park() -> str:
    return spec("002")


def helpdesk() -> str:
    return spec("003")


def between(text: str, heading: str, end: str = r"\n#{1,4} |\n---\n|\Z") -> str:
    """What stands below a heading, up to the next one."""
    found = re.search(rf"^#+ [^\n]*{re.escape(heading)}[^\n]*\n(.*?)(?:{end})", text, re.DOTALL | re.MULTILINE)
    assert found, heading
    return found[1]


def bullets(text: str) -> list[str]:
    return re.findall(r"^\s*- (?:\[ \] )?(.+?)\s*$", text, re.MULTILINE)


def bold(text: str) -> dict[str, str]:
    """``- **Name**: what``."""
    return dict(re.findall(r"^(?:-|\d\.) \*\*(.+?)\*\*: (.+?)\s*$", text, re.MULTILINE))


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_with_its_starter_is_a_policy(name: str) -> None:
    assert loaded(name).rulebook.conditions.keys() == policy(name).gates.keys()
    assert loaded(name).files == (f"preset:{name}@1", "tidegate.yaml")
    assert loaded(name).unpinned == ()


@pytest.mark.parametrize("name", NAMES)
def test_every_number_of_the_ledger_is_on_a_line(name: str) -> None:
    key, last = LEDGER[name]
    named = re.findall(r"\b(?:M1|M2|TP|HD|7D)-\d{2}\b", content(f"{name}@1.yaml"))
    assert sorted(set(named)) == [f"{key}-{number:02}" for number in range(1, last + 1)]


def lines_that_speak(text: str) -> Iterator[str]:
    """Every line but comments, keys that only open a block, what every policy begins with, and a block of text."""
    inside = 0
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        if inside and (not line.strip() or indent > inside):
            continue
        inside = indent if re.search(r": \|  # ", line) else 0
        opens = re.fullmatch(r"\s*(- )?[\w.-]+:", line)
        if line.strip() and not line.lstrip().startswith("#") and not opens:
            yield line


@pytest.mark.parametrize("name", NAMES)
def test_every_line_says_whom_it_serves(name: str) -> None:
    key, _ = LEDGER[name]
    mute = [
        line
        for line in lines_that_speak(content(f"{name}@1.yaml"))
        if not re.search(rf"  # ({key}-\d\d(, {key}-\d\d)*|default)$", line)
    ]
    assert mute == ["tidegate: 1", f"organization: {policy(name).organization}"]


def says(document: Any, path: str) -> bool:
    """Whether there is anything at a dotted path."""
    for step in path.split("."):
        if not isinstance(document, dict) or step not in document:
            return False
        document = document[step]
    return True


@pytest.mark.parametrize("name", NAMES)
def test_what_is_left_open_has_a_place_that_can_say_it(name: str) -> None:
    key, _ = LEDGER[name]
    whole = policy(name).model_dump(mode="json", by_alias=True)
    for point, entry in policy(name).undecided.items():
        assert point.startswith(f"{key}.")
        assert entry.source
        assert [path for path in entry.at if not says(whole, path)] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_starter_settles_nothing_that_the_text_leaves_open(name: str) -> None:
    found = loaded(name)
    declared = [path for entry in found.policy.undecided.values() for path in entry.at]
    above = len(found.files) - 1
    settled = [path for path in declared if found.layer_of(tuple(path.split("."))) == above]
    assert settled == []


def seats(policy: Policy, environment: Environment, kind: ReleaseType) -> list[frozenset[str]]:
    own = kind.approvals if environment.purpose is Purpose.PRODUCTION else ()
    return [policy.people_of(rule.group) for rule in (*environment.approvals, *own) for _ in range(rule.count)]


def reachable(wanted: list[frozenset[str]], without: str) -> bool:
    """Whether a person each can be found for all seats (by trying, since there are few)."""
    if not wanted:
        return True
    first, *rest = wanted
    return any(reachable([seat - {person} for seat in rest], without) for person in first - {without})


@pytest.mark.parametrize("name", NAMES)
def test_every_approval_can_be_given_by_others_than_the_author(name: str) -> None:
    found = policy(name)
    for author in found.people:
        for environment in found.environments.values():
            for kind in found.release_types.values():
                assert reachable(seats(found, environment, kind), author)
        adopters = found.people_of(found.permits.adopt[0]) - {author}
        assert any(
            reachable([found.people_of(rule.group) - {adopter} for rule in found.adoption.approvals], author)
            for adopter in adopters
        )


def test_the_search_for_approvers_can_fail() -> None:
    assert reachable([frozenset("ab"), frozenset("b")], "c")
    assert not reachable([frozenset("ab"), frozenset("ab")], "a")


@pytest.mark.parametrize("name", NAMES)
def test_every_group_has_somebody(name: str) -> None:
    assert [group for group in policy(name).groups if not policy(name).people_of(group)] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_gate_is_asked_somewhere(name: str) -> None:
    found = policy(name)
    asked = {gate for environment in found.environments.values() for gate in environment.gates}
    asked |= {gate for kind in found.release_types.values() for gate in kind.gates}
    assert asked == found.gates.keys()


EXAMPLES = re.compile(r"(?<=\n)#\n((?:#.*\n)+)")
"""What stands behind hashes, below a line with a hash alone."""


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_of_the_starter_are_right_when_the_hashes_are_taken_away(name: str) -> None:
    starter = content(f"{name}.starter.yaml")
    assert starter.count("\n# decided:\n") == 1
    uncommented = re.sub(EXAMPLES, lambda part: re.sub(r"^# ?", "", part[1], flags=re.MULTILINE), starter)
    found = load_policy(uncommented.encode()).policy
    assert found.decided
    assert found.decided.keys() <= found.undecided.keys()


COMPLETE = {"required": 5, "present": 5, "unedited": 0, "empty_sections": 0}


def counts_of(total: int, passed: int, failed: int, errors: int) -> dict[str, int]:
    return {"total": total, "passed": passed, "failed": failed, "errors": errors}


GATES = [
    ("towne-park", "code-review", {"approved": 1, "rejected": 0}, {"approved": 1, "rejected": 1}),
    ("towne-park", "security-scan", {"critical": 0}, {"critical": 1}),
    ("towne-park", "performance", {"total": 4, "slower": 0}, {"total": 4, "slower": 1}),
    ("towne-park", "performance", {"total": 4, "slower": 0}, {"total": 0, "slower": 0}),
    ("towne-park", "acceptance", {"cases": 3, "accepted": 3}, {"cases": 3, "accepted": 2}),
    ("towne-park", "environment-configuration", {"violations": 0}, {"violations": 1}),
    ("towne-park", "documentation", COMPLETE, {"present": 4}),
    ("helpdesk", "coverage", {"line": 0.80}, {"line": 0.7999}),
    ("helpdesk", "code-review", {"approved": 2}, {"approved": 1}),
    ("helpdesk", "security-scan", {"high": 0, "critical": 0, "medium": 9}, {"high": 1, "critical": 0}),
    ("helpdesk", "security-scan", {"high": 0, "critical": 0}, {"high": 0, "critical": 1}),
    ("helpdesk", "no-vulnerabilities", {"total": 0}, {"total": 1}),
    ("helpdesk", "performance", {"p95_ms": 199.9}, {"p95_ms": 200.0}),
    ("helpdesk", "accessibility", {"violations": 0}, {"violations": 1}),
    ("helpdesk", "all-tests", counts_of(9, 9, 0, 0), counts_of(9, 8, 1, 0)),
    ("helpdesk", "all-tests", counts_of(9, 9, 0, 0), counts_of(0, 0, 0, 0)),
    ("helpdesk", "all-tests", counts_of(9, 9, 0, 0), counts_of(9, 9, 0, 1)),
    ("helpdesk", "all-tests", counts_of(9, 9, 0, 0), counts_of(9, 0, 0, 0)),
    ("helpdesk", "health", {"total": 2, "failing": 0}, {"total": 2, "failing": 1}),
]


@pytest.mark.parametrize(("name", "gate", "good", "bad"), GATES)
def test_a_gate_passes_at_its_number_and_not_beyond(
    name: str, gate: str, good: dict[str, Any], bad: dict[str, Any]
) -> None:
    condition = loaded(name).rulebook.conditions[gate]
    root = KINDS[policy(name).gates[gate].evidence[0]].root
    assert condition.evaluate({root: good}).verdict.value == "allow"
    assert condition.evaluate({root: good | bad}).verdict.value == "deny"


# Towne Park


def test_towne_park_has_the_four_types_of_the_text() -> None:
    found = policy("towne-park").release_types
    assert list(found) == ["major", "minor", "patch", "hotfix"]
    for kind in found.values():
        said = bold(between(towne_park(), kind.title.removesuffix(" release") + " Releases" if kind.title else ""))
        listed = [item[0].upper() + item[1:] for item in said["Content"].split(", ")]
        assert list(kind.content) == listed
        assert kind.horizon is not None
        assert said["Planning Horizon"] in (kind.horizon, "Immediate to 24 hours")
    assert [kind.frequency for kind in found.values()] == [
        "quarterly",
        "monthly",
        "biweekly or as needed",
        "emergency only",
    ]
    assert [[rule.group for rule in kind.approvals] for kind in found.values()] == [
        ["executives", "stakeholders"],
        ["product-owners", "technical-leads"],
        ["technical-leads"],
        ["technical-leads"],
    ]
    assert "TP.hotfix.approval" in policy("towne-park").undecided


def test_towne_park_plans_by_the_eight_points() -> None:
    checklist = policy("towne-park").checklists["release-planning"]
    points = bullets(between(towne_park(), "Release Planning Checklist"))
    assert [item.says for item in checklist.items.values()] == points
    assert len(points) == 8
    assert all("release-planning" in kind.checklists for kind in policy("towne-park").release_types.values())


def test_towne_park_checks_the_fifteen_quality_gates() -> None:
    found = policy("towne-park")
    counted = 0
    for stage in ("development", "testing", "deployment"):
        checklist = found.checklists[f"{stage}-quality-gates"]
        checks = bullets(between(towne_park(), checklist.title))
        assert [item.says for item in checklist.items.values()] == checks
        counted += len(checks)
    assert counted == 15
    assert found.environments["integration"].checklists == ("development-quality-gates",)
    assert found.environments["production"].checklists == ("testing-quality-gates", "deployment-quality-gates")


def test_towne_park_has_the_milestones_in_order() -> None:
    found = policy("towne-park").milestones
    said = bold(between(towne_park(), "Development Milestones"))
    titles = [f"{name}: {what}".lower() for name, what in said.items()]
    assert [milestone.title.lower() for milestone in found.values()] == titles
    assert found["code-freeze"].allow == ("fix",)
    times = [milestone.at for milestone in found.values() if milestone.at is not None]
    assert times == sorted(times)
    assert len(times) == 4


DATA = {
    "Synthetic test data": DataClass.SYNTHETIC,
    "Sanitized production-like data": DataClass.SANITISED,
    "Production-like data (sanitized)": DataClass.SANITISED,
    "Live production data": DataClass.LIVE,
}
ACCESS = {
    "Development team": ("development",),
    "Development and QA teams": ("development", "qa"),
    "All stakeholders": ("stakeholders",),
    "Authorized personnel only": ("authorized-personnel",),
}


def yaml_block(text: str, heading: str) -> dict[str, Any]:
    found = re.search(r"```yaml\n(.*?)```", between(text, heading, end=r"\n#{1,4} (?!\s)"), re.DOTALL)
    assert found
    return values(found[1])


def test_towne_park_has_the_environments_of_the_text() -> None:
    found = policy("towne-park").environments
    said = yaml_block(towne_park(), "Testing Environments")["testing_environments"]
    assert list(found) == list(said)
    for name, environment in found.items():
        assert environment.title == said[name]["purpose"]
        assert environment.data is DATA[said[name]["data"]]
        assert environment.access == ACCESS[said[name]["access"]]


PROMOTIONS = [
    ("development", "integration", {"automated-tests"}, ("Daily", "On demand"), "Daily or on-demand"),
    (
        "integration",
        "staging",
        {"system-tests", "security-scan"},
        ("Weekly", "At a milestone"),
        "Weekly or milestone-based",
    ),
    (
        "staging",
        "production",
        {"regression-tests", "performance"},
        ("Scheduled release windows",),
        "Scheduled release windows",
    ),
]
APPROVERS = {
    "integration": ("Technical lead approval", ["technical-leads"]),
    "staging": ("QA team and product owner approval", ["qa", "product-owners"]),
    "production": ("Release manager and stakeholder approval", ["release-managers", "stakeholders"]),
}


@pytest.mark.parametrize(("before", "name", "gates", "when", "timeline"), PROMOTIONS)
def test_towne_park_promotes_from_one_environment_to_the_next(
    before: str, name: str, gates: set[str], when: tuple[str, ...], timeline: str
) -> None:
    environment = policy("towne-park").environments[name]
    arrow = re.search(rf"^#### {before.title()} \S+ {name.title()}\n((?:- .+\n)+)", towne_park(), re.MULTILINE)
    assert arrow
    said = bold(arrow[1])
    assert environment.promotion.trigger == said["Trigger"]
    assert (environment.promotion.when, timeline) == (when, said["Timeline"])
    assert [after.environment for after in environment.after] == [before]
    assert (said["Approval"], [rule.group for rule in environment.approvals]) == APPROVERS[name]
    assert gates <= set(environment.gates)


def test_towne_park_configures_each_environment_as_the_text_says() -> None:
    said = yaml_block(towne_park(), "Configuration Standards")["environment_config"]
    assert len(said["security_settings"]) == 4
    for name, environment in policy("towne-park").environments.items():
        own = {
            "database_connection": said["database_connections"][name],
            "api_endpoint": said["api_endpoints"][name],
        }
        assert environment.config == own | said["security_settings"]
        assert "environment-configuration" in environment.gates


def test_towne_park_may_use_the_four_strategies() -> None:
    found = policy("towne-park")
    said = bold(between(towne_park(), "Deployment Strategy"))
    assert len(said) == 4
    assert [s.kind for s in found.strategies.values()] == ["blue_green", "rolling", "canary", "feature_flag"]
    assert found.environments["production"].may_use == tuple(found.strategies)
    assert [name.removesuffix(" Deployment").lower().replace(" ", "-") for name in said] == list(found.strategies)


def test_towne_park_does_what_the_text_lists_at_a_deployment() -> None:
    *_, deployment = policy("towne-park").processes["release-lifecycle"].phases
    points = bullets(between(towne_park(), "Deployment Procedures"))
    assert len(points) == 12
    own = [line.partition(": ") for line in deployment.does]
    times = [when for when, _, _ in own if when in ("Before", "During", "After")]
    assert times == ["Before"] * 4 + ["During"] * 4 + ["After"] * 4
    assert [what for when, _, what in own if when in times] == [point[0].lower() + point[1:] for point in points]
    strategies = bold(between(towne_park(), "Deployment Strategy"))
    assert [line.lower() for line in deployment.does[:4]] == [
        f"{name}: {what}".lower() for name, what in strategies.items()
    ]


def test_towne_park_handles_changes_in_seven_steps_and_four_categories() -> None:
    found = policy("towne-park").changes
    said = bold(between(towne_park(), "Change Request Workflow"))
    assert [step.says for step in found.workflow] == list(said.values())
    assert [step.name for step in found.workflow] == [name.lower().replace(" ", "-") for name in said]
    assert len(said) == 7
    categories = bold(between(towne_park(), "Change Categories"))
    titles = [f"{name}: {what}".lower() for name, what in categories.items()]
    assert [category.title.lower() for category in found.categories.values()] == titles
    assert [name for name, category in found.categories.items() if category.preapproved] == ["standard"]
    assert found.categories["standard"].catalogue == ()


def test_towne_park_decides_three_cells_of_the_risk_matrix() -> None:
    found = policy("towne-park").changes.risk
    rows = re.findall(r"^\| (High|Medium|Low) \| (\w+) \| (\w+) \| (.+) \|$", towne_park(), re.MULTILINE)
    cells = {(impact.lower(), chance.lower()): level.lower() for level, impact, chance, _ in rows}
    assert {(i, p): level for i, row in found.matrix.items() for p, level in row.items()} == cells
    assert len(cells) == 3
    for level, _, _, mitigations in rows:
        assert [line.lower() for line in found.mitigations[level.lower()]] == mitigations.lower().split(", ")
    assert len(found.strategies) == len(bold(between(towne_park(), "Risk Mitigation Strategies"))) == 4


def test_towne_park_gives_no_metric_a_number() -> None:
    found = policy("towne-park").targets
    said = bold(between(towne_park(), "Release Quality Metrics")) | bold(between(towne_park(), "Performance Metrics"))
    assert len(said) == 8
    own = {name.replace("_", " ").title(): target.title for name, target in found.items() if name != "performance"}
    assert own == said
    assert {target.limit for target in found.values()} == {"undecided"}


def test_towne_park_speaks_at_the_six_times_of_the_timeline() -> None:
    said = re.findall(r"\*\*T([+-]\d+) days?\*\*", between(towne_park(), "Release Communication Timeline"))
    times = [message.at for message in policy("towne-park").communication if message.at is not None]
    assert times == [timedelta(days=int(number)) for number in said]
    assert len(times) == 6


def test_towne_park_asks_for_the_five_documents() -> None:
    found = policy("towne-park")
    said = bold(between(towne_park(), "Release Documentation"))
    assert [document.title.partition(":")[0] for document in found.documents.values()] == list(said)
    assert found.environments["production"].documents == tuple(found.documents)
    assert len(said) == 5


def test_towne_park_watches_for_a_day_and_looks_back_three_ways() -> None:
    found = policy("towne-park")
    observed = bold(between(towne_park(), "Real-Time Monitoring"))
    assert [line.lower() for line in found.watch["production"].observes] == [
        f"{name}: {what}".lower() for name, what in observed.items()
    ]
    assert found.watch["production"].lasts == timedelta(hours=24)
    assert [review.every for review in found.reviews.values()] == ["weekly", "monthly", "quarterly"]
    success = bold(between(towne_park(), "Release Success Criteria"))
    assert [criterion.says.lower() for criterion in found.success] == [
        f"{name}: {what}".lower() for name, what in success.items()
    ]


def test_towne_park_releases_four_systems_of_one_kind() -> None:
    found = policy("towne-park").components
    said = re.search(r"^systems:\n((?:  - .+\n)+)", towne_park(), re.MULTILINE)
    assert said
    assert [component.title for component in found.values()] == bullets(said[1])
    assert {component.kind for component in found.values()} == {"financial-system"}
    assert len({component.tag for component in found.values()}) == 4


# Helpdesk


def test_helpdesk_has_the_four_types_of_the_text() -> None:
    for name, kind in policy("helpdesk").release_types.items():
        said = bold(between(helpdesk(), f"{name.title()} Release ("))
        assert kind.title is not None
        assert kind.title.endswith(said["Process"].lower())
        assert kind.frequency == said["Frequency"].lower()
        assert ", ".join(kind.content) == said["Scope"].replace(", m", ", M").replace(", e", ", E").replace(
            ", s", ", S"
        )
        assert kind.timeline == said["Timeline"]
    assert list(policy("helpdesk").release_types) == ["major", "minor", "patch", "hotfix"]


def test_helpdesk_says_what_makes_a_change_major_minor_or_patch() -> None:
    found = policy("helpdesk").versioning
    assert found.prereleases == ("alpha", "beta", "rc")
    for level in ("major", "minor", "patch"):
        said = between(helpdesk(), f"{level.upper()} Version")
        own = " | ".join(rule.says.lower() for rule in found.bumps if rule.at_least == level)
        for name, what in bold(said).items():
            assert f"{name}: {what}".lower() in own.replace("security patches and updates", "security patches")
        for example in re.findall(r"^  - (.+?)\s*$", said, re.MULTILINE):
            assert example.lower() in own.replace("security patches and updates", "security updates")


HEADINGS = ("Code Quality", "Documentation", "Configuration", "Testing", "Deployment")


def test_helpdesk_ticks_twenty_eight_points_under_five_headings() -> None:
    items = policy("helpdesk").checklists["pre-release"].items.values()
    whole = between(helpdesk(), "**Pre-Release Checklist**", end=r"\n---\n")
    said = [(heading, point) for heading in HEADINGS for point in bullets(between(whole, f"**{heading}**"))]
    assert [(item.heading, item.says) for item in items] == said
    assert len(said) == 28
    assert [item.says for item in items if item.types] == ["Load testing (for major releases)"]
    assert [item.says for item in items if item.only == "if-needed"] == ["README.md updated (if needed)"]
    assert policy("helpdesk").environments["production"].checklists == ("pre-release",)


def test_helpdesk_goes_through_the_five_phases_of_the_text() -> None:
    said = re.findall(r"^### \*\*Phase \d: (\w+) \((.+?)\)\*\*", helpdesk(), re.MULTILINE)
    phases = policy("helpdesk").processes["release-workflow"].phases
    assert [(phase.name.title(), phase.lasts) for phase in phases] == said
    spans = [span for phase in phases if (span := phase.span())]
    assert sum((span.least for span in spans), timedelta()) == timedelta(days=8)
    assert sum((span.most for span in spans), timedelta()) == timedelta(days=16)


def commands(text: str) -> list[str]:
    """The command lines of the shell blocks of a text, without comments."""
    blocks = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line and not line.startswith("#")]


def test_helpdesk_says_every_command_of_the_workflow() -> None:
    phases = policy("helpdesk").processes["release-workflow"].phases
    own = "\n".join(line for phase in phases for line in phase.does)
    workflow = between(helpdesk(), "**Release Workflow**", end=r"\n---\n")
    shown = [line for line in commands(workflow) if not line.startswith(("git add", "git commit"))]
    assert len(shown) == 23
    assert [line for line in shown if line not in own] == []
    commits = {line.split('"')[1].partition(":")[0] for line in commands(workflow) if line.startswith("git commit")}
    assert commits == set(phases[1].allows or ())


def test_helpdesk_has_the_post_release_tasks_of_the_text() -> None:
    whole = between(helpdesk(), "**Post-Release Tasks**", end=r"\n---\n")
    said = [
        (due, task)
        for due, tasks in re.findall(r"^### \*\*\S+ \((.+?)\)\*\*\n((?:- .+\n?)+)", whole, re.MULTILINE)
        for task in bullets(tasks)
    ]
    tasks = policy("helpdesk").tasks.values()
    assert [(task.due, task.says) for task in tasks] == said
    assert len(said) == 14
    assert {task.by for task in tasks} == {"development"}


def test_helpdesk_rolls_back_four_ways() -> None:
    found = policy("helpdesk")
    rollback = between(helpdesk(), "**Rollback Procedures**", end=r"\n---\n")
    own = "\n".join(filter(None, [found.rollback.application, found.rollback.database, found.rollback.configuration]))
    *ways, emergency = commands(rollback)
    assert len(ways) == 5
    assert [line for line in ways if line not in own] == []
    assert found.rollback.emergency == (emergency,)
    assert found.migrations is not None
    assert found.migrations.back == ("python", "manage.py", "migrate", "{version}")


def test_helpdesk_has_the_pipeline_of_the_text_and_nothing_more() -> None:
    pipeline = policy("helpdesk").pipelines.each["release-workflow"]
    block = re.search(r"```yaml\n(name: Release\n.*?)```", helpdesk(), re.DOTALL)
    assert block
    workflow = values(block[1])
    shown = [
        line.replace("${{ github.ref_name }}", "v{version}")
        for step in workflow["jobs"]["release"]["steps"]
        for line in step.get("run", "").splitlines()
    ]
    assert [" ".join(stage.run) for stage in pipeline.stages] == shown
    assert [pipeline.on_tag] == workflow["on"]["push"]["tags"]
    kinds = [stage.does for stage in pipeline.stages]
    assert kinds == [
        StageKind.TEST,
        StageKind.TEST,
        StageKind.BUILD,
        StageKind.DEPLOY,
        StageKind.TEST,
        StageKind.DEPLOY,
    ]


def test_helpdesk_holds_its_figures_against_the_numbers_of_the_text() -> None:
    whole = between(helpdesk(), "**Release Metrics**", end=r"\n---\n")
    said = {name: limit.replace(" minutes", "m").replace(" hours", "h") for name, limit in bold(whole).items()}
    assert len(said) == 12
    for target in policy("helpdesk").targets.values():
        limit = parse_limit(target.limit)
        wanted = parse_limit(said.pop(target.title or "").replace("100%", ">= 100%"))
        assert limit is not None
        assert wanted is not None
        assert (limit.operator, limit.value, limit.unit) == (wanted.operator, wanted.value, wanted.unit)
    assert said == {}


def test_helpdesk_has_the_placeholders_of_the_text() -> None:
    contacts = policy("helpdesk").contacts
    people = [c.title for c in contacts.values() if c.reach == "[contact]"]
    links = [c.title for c in contacts.values() if c.reach == "[link]"]
    said = re.findall(r"^- (?:\*\*)?(.+?)(?:\*\*)?: \[(contact|link)\]$", helpdesk(), re.MULTILINE)
    assert sorted(people) == sorted(name for name, kind in said if kind == "contact")
    assert sorted(links) == sorted(name for name, kind in said if kind == "link")
    assert (len(people), len(links)) == (5, 2)


def test_helpdesk_has_the_template_of_the_release_notes() -> None:
    found = policy("helpdesk")
    block = re.search(r"```markdown\n(# Release v1\.2\.0\n.*?)```", helpdesk(), re.DOTALL)
    assert block
    # The notes themselves are sent, not the sample; that they have its sections, tests/unit/core/notes/test_formats.py.
    assert found.templates["release-notes"].title == "Release v{version}"
    assert found.templates["release-notes"].text == "{notes}"
    headings = re.findall(r"^## \S+ (.+)$", block[1], re.MULTILINE)
    assert list(found.documents["release-notes"].sections) == headings
    assert len(headings) == 6


def test_helpdesk_answers_an_emergency_in_five_steps() -> None:
    found = policy("helpdesk").emergency
    said = bold(between(helpdesk(), "**Critical Issues**"))
    assert [step.lower() for step in found.steps] == [f"{name}: {what}".lower() for name, what in said.items()]
    assert len(said) == 5
    assert found.acknowledge_within == timedelta(minutes=15)
    titles = [policy("helpdesk").contacts[name].title for name in found.call]
    assert titles == list(bold(between(helpdesk(), "**Emergency Contacts**")))
    assert policy("helpdesk").drills["emergency-procedures"].acknowledge_within == timedelta(minutes=15)


def test_helpdesk_trains_what_the_text_lists() -> None:
    said = bold(between(helpdesk(), "**Training**"))
    assert {training.title: training.form for training in policy("helpdesk").trainings.values()} == said
    assert len(said) == 4


def test_the_four_contradictions_of_helpdesk_are_in_its_data() -> None:
    found = policy("helpdesk")
    production = found.environments["production"]
    workflow = found.processes["release-workflow"]
    # Features are committed after the freeze that lets in fixes and documentation only.
    freeze = found.milestones["feature-freeze"]
    names = [phase.name for phase in workflow.phases]
    after = workflow.phases[names.index(freeze.after_phase or "") + 1 :]
    assert [(p.name, set(p.allows or ()) - set(freeze.allow or ())) for p in after if p.allows] == [
        ("development", {"feat"})
    ]
    # A patch has less time than the phases take; no other type has, and a hotfix goes another way.
    least = sum((span.least for phase in workflow.phases if (span := phase.span())), timedelta())
    slow = [
        name
        for name, kind in found.release_types.items()
        if kind.process == "release-workflow" and kind.timeline and parse_span(kind.timeline).most < least
    ]
    assert slow == ["patch"]
    assert found.release_types["hotfix"].process == "emergency-procedures"
    # The workflow that a tag starts passes neither approval nor backup, and production asks for both.
    kinds = {stage.does for stage in found.pipelines.each["release-workflow"].stages}
    assert not kinds & {StageKind.APPROVAL, StageKind.BACKUP}
    assert production.approvals
    assert production.backups
    # The tag is set on the release branch; production gets main, into which that branch is merged afterwards.
    tagged = [name for name, branch in found.branches.items() if branch.tag]
    assert tagged == ["release"]
    assert found.branches["release"].merges_into == "main"
    assert production.deploy_from == ("main",)
