"""What is done, looked at, measured, reported and kept afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from tidegate.core.policy import Criterion, Metric, MetricTarget, Policy, Report, Review, Task
from tidegate.core.span import parse_span
from tidegate.views.explain.model import Item, Paragraph, Topic, listing, paragraph, tabled, topic
from tidegate.views.explain.names import Names
from tidegate.views.explain.not_yet import not_yet, of_roots
from tidegate.views.explain.words import (
    all_of,
    any_of,
    code,
    counted,
    dot,
    due,
    frequency,
    length,
    limit,
    plain,
    semicolons,
    upper,
)


def tasks_topic(policy: Policy, names: Names) -> Topic:
    """What is done after a release, the earliest first."""
    return topic(
        "tasks",
        "Tasks afterwards",
        (tasks_list(names, policy.tasks.items()),),
        not_yet=not_yet(of_roots(policy, "tasks")),
    )


def tasks_list(names: Names, tasks: Iterable[tuple[str, Task]], *, of_type: bool = False) -> Paragraph | None:
    """Tasks in the order in which they are due."""
    ordered = sorted(tasks, key=lambda entry: parse_span(entry[1].due).most)
    return listing("After a release:", (Item(_task(names, task, of_type), key=name) for name, task in ordered))


def _task(names: Names, task: Task, of_type: bool) -> str:
    by = f", by {names.group(task.by)}" if task.by else ""
    types = f" After {names.types(task.types)} only." if task.types and not of_type else ""
    return f"{dot(task.says)} Due {due(task.due)}{by}.{types}"


def tasks_sentence(tasks: Mapping[str, Task]) -> str:
    """How many tasks follow, and until when; empty where none does."""
    if not tasks:
        return ""
    last = max((task.due for task in tasks.values()), key=lambda text: parse_span(text).most)
    until = length(parse_span(last).most)
    follow = "follows" if len(tasks) == 1 else "follow"
    return f"{upper(counted(len(tasks), 'task'))} {follow} within {until} after it went."


def tasks_for(policy: Policy, release_type: str) -> dict[str, Task]:
    """The tasks after a release of a type."""
    return {n: t for n, t in policy.tasks.items() if not t.types or release_type in t.types}


def task_due(task: Task) -> timedelta:
    """When a task is due, counted from the release."""
    return parse_span(task.due).most


def reviews_topic(policy: Policy, names: Names) -> Topic:
    """The looks back, and what makes a release a success."""
    return topic(
        "reviews",
        "Reviews and success",
        (
            listing("Looked back at:", (review_item(names, name, r) for name, r in policy.reviews.items())),
            listing("A release is a success when:", (_criterion(names, one) for one in policy.success)),
        ),
        not_yet=not_yet(of_roots(policy, "reviews", "success")),
    )


def owing(policy: Policy, review: str) -> tuple[str, ...]:
    """The release types that owe a review; where none does, it follows every release."""
    return tuple(name for name, kind in policy.release_types.items() if kind.afterwards.review == review)


def review_item(names: Names, name: str, review: Review) -> Item:
    """When, by whom, at what."""
    owed = owing(names.policy, name)
    each = any_of(map(names.type, owed)) if owed else "release"
    when = frequency(review.every) if review.every else f"{length(review.after or timedelta(0))} after each {each}"
    said = [f"{upper(when)}{f', by {names.group(review.by)}' if review.by else ''}."]
    if review.looks_at:
        said.append(f"It looks at: {dot(semicolons(review.looks_at))}")
    if review.tracks_improvements:
        said.append("What it decides is followed to its end.")
    return Item(" ".join(said), review.title, name)


def _criterion(names: Names, criterion: Criterion) -> str:
    judged = [f"by {names.group(criterion.by)}"] if criterion.by else []
    judged += [f"by the gate “{names.gate(criterion.gate)}”"] if criterion.gate else []
    judged += [f"{length(criterion.after)} after the release"] if criterion.after else []
    return f"{dot(criterion.says)}{f' Judged {all_of(judged)}.' if judged else ''}"


METRICS = {
    Metric.LEAD_TIME: "lead time, from commit to production",
    Metric.CHANGE_LEAD_TIME: "lead time of a change request",
    Metric.FEATURE_LEAD_TIME: "lead time of a feature",
    Metric.DEPLOYMENT_FREQUENCY: "how often it is deployed",
    Metric.CHANGE_FAILURE_RATE: "share of changes that fail",
    Metric.TIME_TO_RESTORE: "time to restore service",
    Metric.SUCCESS_RATE: "share of deployments that succeed",
    Metric.ROLLBACK_RATE: "share of releases that are taken back",
    Metric.ROLLBACK_FREQUENCY: "how often a release is taken back",
    Metric.ISSUE_RATE: "share of releases with issues",
    Metric.INCIDENT_RATE: "share of releases with incidents",
    Metric.DEFECT_ESCAPE_RATE: "share of defects that reach production",
    Metric.DEPLOYMENT_TIME: "time that a deployment takes",
    Metric.DOWNTIME: "downtime of a release",
    Metric.RECOVERY_TIME: "time to recover",
    Metric.TEST_TIME: "time that the tests take",
    Metric.TEST_COVERAGE: "share of the code that tests cover",
    Metric.REVIEW_COVERAGE: "share of changes that are reviewed",
    Metric.SCAN_PASS_RATE: "share of security scans that pass",
    Metric.DOCUMENTATION_COVERAGE: "share of releases with their documents",
    Metric.USER_SATISFACTION: "satisfaction of the users",
    Metric.RESPONSE_TIME: "response time",
}
"""The figures in words."""


def metrics_topic(policy: Policy, names: Names) -> Topic:
    """The figures, and what they are held against."""
    rows = (_target(names, name, target) for name, target in policy.targets.items())
    return topic(
        "metrics",
        "Metrics and targets",
        (
            tabled(
                "These figures are held against a target:",
                ("Figure", "Target", "Meant", "Counted", "In the file"),
                rows,
            ),
        ),
        not_yet=not_yet(of_roots(policy, "targets")),
    )


def _target(names: Names, name: str, target: MetricTarget) -> tuple[str, ...]:
    by_name = {metric.value: metric for metric in Metric}
    metric = target.metric or by_name.get(name)
    figure = METRICS[metric] if metric else plain(name)
    types = names.types(target.types) if target.types else ""
    return (upper(figure), limit(target.limit), target.title or "", types, code(name))


def reports_topic(policy: Policy, names: Names) -> Topic:
    """The figures that are sent round, how long what is recorded is kept, and for which laws."""
    kept = policy.retention
    times = (("the audit log", kept.audit), ("documents of releases", kept.documents), ("evidence", kept.evidence))
    lasting = [f"{what} for {length(time)}" for what, time in times if time]
    return topic(
        "reports",
        "Reports and retention",
        (
            listing("Sent round:", (Item(_report(names, r), r.title, name) for name, r in policy.reports.items())),
            paragraph(f"Kept at least: {all_of(lasting)}." if lasting else ""),
            listing("This policy serves:", policy.compliance),
        ),
        not_yet=not_yet(of_roots(policy, "reports", "retention", "compliance")),
    )


def _report(names: Names, report: Report) -> str:
    by_name = {metric.value: metric for metric in Metric}
    parts = [METRICS[by_name[one]] if one in by_name else one for one in report.contains]
    contains = f" It contains: {dot(semicolons(parts))}" if parts else ""
    return f"{upper(frequency(report.every))}, to {all_of(map(names.audience, report.to))}.{contains}"
