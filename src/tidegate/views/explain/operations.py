"""How it is done: strategies, pipelines, backups, rollback and drills, and how a rollout is watched."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.policy import (
    Backup,
    BackupOf,
    CanaryStep,
    Drill,
    MySQLDump,
    Pipeline,
    Policy,
    PostgresDump,
    Stage,
    StageKind,
    Strategy,
    Trigger,
    Watch,
)
from tidegate.views.explain.components import secret_place
from tidegate.views.explain.model import Item, Paragraph, Topic, listing, paragraph, topic
from tidegate.views.explain.names import Names
from tidegate.views.explain.not_yet import not_yet, of_roots
from tidegate.views.explain.words import (
    all_of,
    any_of,
    code,
    command,
    counted,
    dot,
    frequency,
    length,
    percent,
    plain,
    share,
    slower,
    times,
    upper,
)


def strategies_topic(policy: Policy, names: Names) -> Topic:
    """Strategies by name, for releases that choose theirs."""
    known = policy.strategies.items()
    return topic(
        "strategies",
        "Strategies",
        (
            listing(
                "A release may choose among these where its environment lets it:",
                (Item(strategy_sentences(one), upper(plain(name)), name) for name, one in known),
            ),
        ),
        not_yet=not_yet(of_roots(policy, "strategies")),
    )


def strategy_sentences(strategy: Strategy) -> str:
    """How the hosts are taken."""
    if strategy.rolling is not None:
        return " ".join(_rolling(strategy))
    if strategy.blue_green is not None:
        switch = f" by the switch {code(strategy.blue_green.switch)}" if strategy.blue_green.switch else ""
        return (
            f"Blue-green: the new version comes up beside the old one, then all traffic goes over at once{switch}; "
            f"the old one is kept warm for {length(strategy.blue_green.keep_warm)}."
        )
    if strategy.canary is not None:
        switch = (
            f" The traffic is divided by the switch {code(strategy.canary.switch)}." if strategy.canary.switch else ""
        )
        return f"Canary: the new version gets {_steps(strategy.canary.steps, ' of the traffic')}.{switch}"
    if strategy.feature_flag is not None:
        flag = f" by the flag {code(strategy.feature_flag.flag)}" if strategy.feature_flag.flag else ""
        steps = _steps(strategy.feature_flag.steps)
        return f"Feature flag: deployed switched off, then switched on{flag}{f' for {steps}' if steps else ''}."
    return "All hosts at once."


def _rolling(strategy: Strategy) -> Iterator[str]:
    rolling = strategy.rolling
    if rolling is None:
        return
    if isinstance(rolling.batch, float):
        many = f"{share(rolling.batch)} of the hosts at a time"
    else:
        many = "one host after the other" if rolling.batch == 1 else f"{counted(rolling.batch, 'host')} at a time"
    yield f"Rolling, {many}; between two batches the watch must prove the new version good."
    if rolling.checkpoint:
        yield f"It has {length(rolling.checkpoint)} to prove a batch good."
    if rolling.max_unavailable is not None:
        at_most = f"at most {counted(rolling.max_unavailable, 'host')}" if rolling.max_unavailable else "no host"
        yield f"{upper(at_most)} may be out of service at once."


def strategy_name(strategy: Strategy) -> str:
    """The strategy in a word or two, for pictures."""
    rolling = strategy.rolling
    if rolling is not None:
        batch = share(rolling.batch) if isinstance(rolling.batch, float) else counted(rolling.batch, "host")
        return f"rolling, {batch} at a time"
    return {"recreate": "all hosts at once", "blue_green": "blue-green"}.get(strategy.kind, plain(strategy.kind))


def _steps(steps: tuple[CanaryStep, ...], of: str = "") -> str:
    def said(step: CanaryStep) -> str:
        lasts = f"for {length(step.lasts)}" if step.lasts else "until a person takes it on"
        return f"{percent(step.weight)}{of} {lasts}"

    return ", then ".join(map(said, steps))


def pipelines_topic(policy: Policy, names: Names) -> Topic:
    """How deployments are automated."""
    must_have = policy.pipelines.must_have
    stages = all_of(_STAGES[stage] for stage in must_have)
    return topic(
        "pipelines",
        "Pipelines",
        (
            paragraph(f"Every pipeline must {stages}; one that lacks a stage is refused." if must_have else ""),
            *(_pipeline(names, name, pipeline) for name, pipeline in policy.pipelines.each.items()),
        ),
        not_yet=not_yet(of_roots(policy, "pipelines")),
    )


_STAGES = {
    StageKind.BUILD: "build",
    StageKind.TEST: "test",
    StageKind.SECURITY_SCAN: "scan for security",
    StageKind.APPROVAL: "wait for approval",
    StageKind.BACKUP: "back up",
    StageKind.DEPLOY: "deploy",
    StageKind.SMOKE: "run smoke tests",
}


def _pipeline(names: Names, name: str, pipeline: Pipeline) -> Paragraph | None:
    of = f" of {all_of(map(names.component, pipeline.of))}" if pipeline.of else ""
    tool = f", run by {pipeline.tool}" if pipeline.tool else ""
    starts = [f"tags {code(pipeline.on_tag)}"] if pipeline.on_tag else []
    starts += [f"the branch {code(pipeline.on_branch)}"] if pipeline.on_branch else []
    started = f" It is started by {any_of(starts)}." if starts else ""
    lead = f"The pipeline {code(name)}{of}{tool}, has these stages, one after the other."
    return listing(f"{lead}{started}", (_stage(names, stage) for stage in pipeline.stages), ordered=True)


def _stage(names: Names, stage: Stage) -> str:
    where = f" in {names.environment(stage.environment)}" if stage.environment else ""
    run = f" Runs {command(stage.run)}, for at most {length(stage.time_limit)}{_declared(stage)}." if stage.run else ""
    gate = f" Its report passes the gate “{names.gate(stage.gate)}”." if stage.gate else ""
    return f"{upper(_STAGES[stage.does])}{where}.{run}{gate}"


def _declared(stage: Stage) -> str:
    says = f"say “{stage.expects}”" if stage.expects else ""
    writes = f"write {code(stage.report)}" if stage.report else ""
    declared = " and ".join(filter(None, (says, writes)))
    return f", and must {declared}" if declared else ""


def backups_topic(policy: Policy, names: Names) -> Topic:
    """What is backed up, and what makes a backup count."""
    return topic(
        "backups",
        "Backups",
        (listing("These are backed up:", (backup_item(policy, names, name) for name in policy.backups)),),
        not_yet=not_yet(of_roots(policy, "backups")),
    )


def backup_item(policy: Policy, names: Names, name: str) -> Item:
    """A backup, and what makes it count."""
    known = policy.backups.get(name)
    if known is None:
        return Item("Not described in this policy.", names.heading(policy.backups, name))
    return Item(" ".join(_backup(names, known)), known.title, name)


def _backup(names: Names, backup: Backup) -> Iterator[str]:
    where = names.environments(backup.environments) if backup.environments else "production"
    yield f"Of {where}{f', taken by {code(backup.by)}' if backup.by else ''}."
    yield from _taken_here(backup)
    if backup.fresh:
        yield f"It is at most {length(backup.fresh)} old when a release starts."
    yield (
        "It counts only when it was read back: its checksum, its contents, its size."
        if backup.verified
        else "It counts without being read back."
    )
    if backup.offsite:
        found = (
            "found there with the right size and hash"
            if backup.offsite.verified
            else "sent, without a look whether it came"
        )
        yield f"A copy at {backup.offsite.to} counts when it was {found}."
    if backup.restored_every:
        yield f"Every {length(backup.restored_every)} it is restored into a scratch place and compared."


def _taken_here(backup: Backup) -> Iterator[str]:
    """What Tidegate takes itself, and how."""
    if backup.of is None:
        yield "Something else takes it, and what it did is stated as evidence."
        return
    yield f"Tidegate takes it: {_of(backup.of)}."
    where = f"in {code(backup.kept_in)}" if backup.kept_in else "beside its database"
    yield f"The newest {backup.keep} that are verified are kept, {where}."
    if backup.take:
        yield "One is taken before each release."


def _of(of: BackupOf) -> str:
    if of.postgres is not None:
        return f"a database of PostgreSQL{_addresses(of.postgres)}"
    if of.mysql is not None:
        return f"a database of MySQL or MariaDB{_addresses(of.mysql)}"
    if of.files is not None:
        without = f" without {all_of(map(code, of.files.without))}" if of.files.without else ""
        return f"the directory {code(of.files.directory)}{without}"
    own = of.command.model_dump() if of.command is not None else {}
    return "by commands: " + all_of(f"{name} {command(words)}" for name, words in own.items() if words)


def _addresses(of: PostgresDump | MySQLDump) -> str:
    other = f"; it is restored for a test on a server whose address is {secret_place(of.scratch)}" if of.scratch else ""
    return f", whose address is {secret_place(of.url)}{other}"


def rollback_topic(policy: Policy, names: Names) -> Topic:
    """How a release comes back, when, and by whom; and what is rehearsed."""
    plan = policy.rollback
    return topic(
        "rollback",
        "Rollback and drills",
        (
            paragraph(*_plan(policy, names)),
            listing("A person rolls back when:", plan.criteria),
            listing("How things go back:", _ways(policy)),
            paragraph(*_afterwards(policy, names)),
            listing("Rehearsed:", (Item(_drill(names, d), d.title, name) for name, d in policy.drills.items())),
        ),
        not_yet=not_yet(of_roots(policy, "rollback", "drills")),
    )


def _plan(policy: Policy, names: Names) -> Iterator[str]:
    plan = policy.rollback
    if plan.document:
        yield f"Every release has the document “{names.document(plan.document)}” for its way back."
    if plan.templates:
        yield f"Its templates lie in {code(plan.templates)}."
    if plan.validated:
        yield "The way back is tried out, dry, before production."
    if policy.watch or "rollback" in policy.model_fields_set:
        again = f"may take one release back {times(plan.automatic_attempts)}; then"
        takes = again if plan.automatic_attempts else "takes no release back by itself;"
        yield f"The watch {takes} a person decides."


def _ways(policy: Policy) -> Iterator[Item]:
    plan = policy.rollback
    for name, way in (
        ("Application", plan.application),
        ("Database", plan.database),
        ("Configuration", plan.configuration),
    ):
        if way:
            yield Item(dot(way), name)
    if plan.emergency:
        yield Item(f"{command(plan.emergency)}.", "When nothing else works")


def _afterwards(policy: Policy, names: Names) -> Iterator[str]:
    plan = policy.rollback
    if plan.validation:
        gates = all_of(f"“{names.gate(g)}”" for g in plan.validation)
        yield f"Afterwards {'this gate is' if len(plan.validation) == 1 else 'these gates are'} asked again: {gates}."
    if plan.documents:
        yield f"Written afterwards: {all_of(f'“{names.document(d)}”' for d in plan.documents)}."


_REHEARSED = {"rollback": "a rollback", "restore": "the restore of a backup", "emergency": "an emergency"}


def _drill(names: Names, drill: Drill) -> str:
    by = f" by {names.group(drill.by)}" if drill.by else ""
    said = [f"{upper(_REHEARSED[drill.of])}, rehearsed {frequency(drill.every)}{by}."]
    if drill.acknowledge_within:
        said.append(f"The call is acknowledged within {length(drill.acknowledge_within)}.")
    if drill.blocks:
        said.append("Nothing goes to production while it is overdue.")
    return " ".join(said)


def watch_paragraphs(watch: Watch) -> Iterator[Paragraph | None]:
    """How it is watched, and what takes a release back."""
    said = [f"After the last wave it is watched for {length(watch.lasts)}, every {length(watch.every)}."]
    if watch.baseline:
        said.append("It is compared with the version before.")
    if watch.metrics:
        said.append(f"Requests are counted by {code(watch.metrics.requests)}, errors by {code(watch.metrics.errors)}.")
    if watch.monitor:
        said.append(f"The monitor {watch.monitor} is told before, during and after a release, and asked what it saw.")
    yield paragraph(*said)
    if len(watch.roll_back_when) == 1:
        yield paragraph(f"It is taken back when {trigger(watch.roll_back_when[0])}.")
    else:
        yield listing(
            "It is taken back as soon as one of these is so:", (dot(upper(trigger(t))) for t in watch.roll_back_when)
        )
    yield listing("People look meanwhile at:", watch.observes)


def watch_sentence(watch: Watch) -> str:
    """How long it is watched, and what takes a release back, in one breath."""
    triggers = any_of(map(trigger, watch.roll_back_when))
    return f"It is watched for {length(watch.lasts)} and taken back when {triggers}."


def trigger(one: Trigger) -> str:
    """What takes a release back."""
    if one.error_rate is not None:
        return f"more than {share(one.error_rate)} of the requests fail"
    if one.response_time is not None:
        return f"answers take {slower(one.response_time)}"
    return "the health checks of a host fail"
