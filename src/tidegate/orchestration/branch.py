"""Cut branches for releases and hotfixes, say what may not be on them, pick commits, and bring them back."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tidegate.core.branch import (
    PRODUCTION_TAG,
    Offence,
    Role,
    allowed_kinds,
    branch_for,
    family,
    made_for,
    main_line,
    matches,
    merged_into,
    offences,
)
from tidegate.core.change import Change, Commit
from tidegate.core.commit import changes_of
from tidegate.core.plain import plain
from tidegate.core.policy import Policy, Purpose
from tidegate.core.reverts import changes_from
from tidegate.core.statement import Act
from tidegate.core.version import Level, Version, bump
from tidegate.errors import ConflictError, NotFoundError, RefusedError, StoreError, UsageError
from tidegate.git.log import Log
from tidegate.git.picking import Picker, equal_to_some_of, patch_ids, read_raw
from tidegate.git.refs import BRANCHES, TAGS, Ref, demand_unprotected, read_branch, read_ref, read_refs
from tidegate.git.repository import Repository
from tidegate.git.writing import Workshop, open_workshop
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim, Proven, demand_listed
from tidegate.orchestration.refusal import denied, refusals
from tidegate.orchestration.scene import (
    Scene,
    Work,
    carry_out,
    open_scene,
    prove_work,
    push_and_read_back,
    taken_versions,
)
from tidegate.store import log, rollouts, tags


@dataclass(frozen=True, slots=True)
class CutBranch:
    """A branch that was made: for what, where, from what, and to which remote it was pushed, if to any."""

    branch: str
    component: str
    version: str
    commit: str
    made_from: str
    pushed_to: str = ""


def cut(house: House, component: str, version: str, claim: Claim, *, from_: str = "", push_to: str = "") -> CutBranch:
    """Make the release branch of a version, without touching the work tree.

    Raises:
        NotPermittedError: the policy does not let this person, or protects a branch of that name.
        ConflictError: the branch is there, or the version is.
        NotFoundError, RepositoryError, UsageError: the component, the revision, the version, the remote.
    """
    with refusals(house, "branch", claim.person, component=component[:64]):
        scene = open_scene(house)
        scene.component(component)
        number = scene.version(component, version)
        name = branch_for(scene.policy, Role.RELEASE, component, str(number))
        scene.demand_new(component, number)
        start, commit = _start(scene, component, from_)
        return _make(scene, claim, CutBranch(name, component, str(number), commit, start), push_to)


def _start(scene: Scene, component: str, from_: str) -> tuple[str, str]:
    """The revision from which a release branch is made, and its commit."""
    if from_:
        return from_, scene.repository.resolve(from_)
    said = family(scene.policy, Role.RELEASE).made_from
    if said == PRODUCTION_TAG:
        running = in_production(scene, component)
        return running.tag, running.commit
    names = main_line(scene.policy)
    if said:
        line = read_branch(scene.repository, names[0])
        return short_name(line), line.commit
    found = (read_ref(scene.repository, BRANCHES + name) for name in names)
    first = next((ref for ref in found if ref is not None), None)
    return (short_name(first), first.commit) if first else ("HEAD", scene.repository.head())


def short_name(ref: Ref) -> str:
    """A branch as people call it: ``release/v1.2.0``."""
    return ref.name.removeprefix(BRANCHES)


def _make(scene: Scene, claim: Claim, made: CutBranch, push_to: str) -> CutBranch:
    """Make a branch, record it, push it where that is asked."""
    remote = scene.remote(push_to)
    demand_unprotected(made.branch, scene.protected)
    said = f"cut {made.branch} at {made.commit}"
    proven = prove_work(scene, claim, Act.BRANCH, "open", component=made.component, reason=said)
    writer = scene.writer(claim.person)
    why = f"tidegate: {said}"
    data = {
        "branch": made.branch,
        "commit": made.commit,
        "from": made.made_from,
        "component": made.component,
        "version": made.version,
    }
    work = Work(
        act=Act.BRANCH,
        permit="open",
        concerns={"component": made.component, "reason": said},
        kind="branch.cut",
        data=data,
        write=lambda policy: scene.writer(claim.person, policy).create_branch(made.branch, made.commit, why),
        undo=lambda: writer.take_back_branch(made.branch, made.commit, "", why),
    )
    carry_out(scene.house, proven, work)
    if remote is None:
        return made
    with open_workshop(scene.repository) as workshop:
        push_and_read_back(scene, workshop, remote, BRANCHES + made.branch, made.commit)
    return replace(made, pushed_to=remote.name)


@dataclass(frozen=True, slots=True)
class InProduction:
    """What a hotfix starts from: a version, its tag and commit, and how we know."""

    version: Version
    tag: str
    commit: str
    because: str


def in_production(scene: Scene, component: str, environment: str = "") -> InProduction:
    """The tag of what runs in production: by what was rolled out or adopted there, else the highest final tag.

    Raises:
        ConflictError: the production environments run different versions, or what runs there has no tag, or its tag
            was moved.
        NotFoundError: nothing is tagged.
    """
    running = _running(scene, component, environment)
    if len(running) > 1:
        told = ", ".join(f"{version} in {place}" for version, place in running.items())
        raise ConflictError(
            f"production runs several versions of {component}: {told}",
            remedy="say which one the hotfix is for: --environment ENVIRONMENT",
        )
    tagged = scene.tagged(component)
    form = scene.component(component).tag
    if running:
        ((text, place),) = running.items()
        version = scene.version(component, text)
        return _recorded(scene, component, version, tagged, f"it runs in {place}")
    finals = [version for version in tagged if not version.is_prerelease]
    if not finals:
        raise NotFoundError(
            f"no version of {component} is tagged as {form}, so there is nothing to mend",
            remedy="fetch the tags: git fetch --tags; or name the first version: tidegate tag set --help",
        )
    highest = max(finals)
    return _recorded(scene, component, highest, tagged, "it is the highest version that is tagged; no rollout is known")


def _running(scene: Scene, component: str, environment: str) -> dict[str, str]:
    """The versions that production runs, each with one environment that does."""
    places = [
        name
        for name, known in scene.policy.environments.items()
        if (name == environment if environment else known.purpose is Purpose.PRODUCTION)
    ]
    if environment and not places:
        raise NotFoundError(
            f'the policy knows no environment "{environment[:80]}"',
            remedy=f"name one of: {', '.join(scene.policy.environments) or 'none is declared'}",
        )
    with scene.house.database.read() as connection:
        found = ((rollouts.last_good(connection, component, place), place) for place in places)
        return {good.target.version: place for good, place in found if good is not None and good.target is not None}


def _recorded(scene: Scene, component: str, version: Version, tagged: dict[Version, str], because: str) -> InProduction:
    name = scene.component(component).tag.replace("{version}", str(version))
    with scene.house.database.read() as connection:
        known = tags.find(connection, component, str(version))
    commit = tagged.get(version, "")
    if known is not None and known.commit != commit:
        raise ConflictError(
            f"the tag {name} is not where it was set: it was at {known.commit[:12]}, and is "
            f"{f'at {commit[:12]}' if commit else 'gone'}",
            remedy=f"tidegate tag verify {component}",
        )
    if not commit:
        raise ConflictError(
            f"{component} {version} runs in production, and there is no tag {name}",
            remedy="fetch it: git fetch --tags; or set it where that version was built from: tidegate tag set --help",
        )
    return InProduction(version, name, commit, because)


def hotfix(
    house: House, component: str, claim: Claim, *, version: str = "", environment: str = "", push_to: str = ""
) -> tuple[CutBranch, InProduction]:
    """Make a hotfix branch from the tag of what runs in production, for the next patch version that is not there yet.

    Raises:
        ConflictError: as :func:`in_production`, or the version or its branch is there already.
        NotPermittedError, NotFoundError, UsageError: as :func:`cut`.
    """
    with refusals(house, "branch", claim.person, component=component[:64]):
        scene = open_scene(house)
        scene.component(component)
        running = in_production(scene, component, environment)
        number = _hotfix_version(scene, component, running.version, version)
        name = branch_for(scene.policy, Role.HOTFIX, component, str(number))
        made = CutBranch(name, component, str(number), running.commit, running.tag)
        return _make(scene, claim, made, push_to), running


def _hotfix_version(scene: Scene, component: str, running: Version, asked: str) -> Version:
    taken = {version.final for version in taken_versions(scene, component)}
    if asked:
        number = scene.version(component, asked)
        if number <= running:
            raise UsageError(
                f"{asked} does not come after {running}, which runs in production",
                remedy="leave --version out, or name a later one",
            )
        if number.final in taken:
            raise ConflictError(
                f"{component} {number.final} is there already", remedy="leave --version out, or name another one"
            )
        return number
    number = bump(running.final, Level.PATCH)
    while number in taken or _has_branch(scene, component, number):
        number = bump(number, Level.PATCH)
    return number


def _has_branch(scene: Scene, component: str, number: Version) -> bool:
    names = (branch_for(scene.policy, role, component, str(number)) for role in Role)
    return any(read_ref(scene.repository, BRANCHES + name) is not None for name in names)


@dataclass(frozen=True, slots=True)
class BranchReport:
    """What is on a branch since it was made, and what of it may not be there.

    ``since`` is where it left its line. ``allows`` is None where every kind of change may come to it.
    """

    branch: str
    tip: str
    since: str
    allows: tuple[str, ...] | None
    commits: int
    offences: tuple[Offence, ...]
    taken_back: tuple[Change, ...]

    @property
    def is_clean(self) -> bool:
        """Whether all that is on it may be there."""
        return not self.offences


def check(house: House, component: str, named: str) -> BranchReport:
    """Judge what is on a branch since it was made.

    Args:
        named: the version of a release or hotfix branch, or the name of a branch.

    Raises:
        NotFoundError: there is no such component or branch.
    """
    scene = open_scene(house)
    scene.component(component)
    ref = branch_named(scene, component, named)
    name = short_name(ref)
    since = _left_at(scene, name, ref.commit)
    found = scene.repository.commits(ref.commit, [since] if since else [])
    changes = changes_from(found.commits, found.parents)
    allows = allowed_kinds(scene.policy, name)
    wrong = offences(changes, allows, _merges(found))
    back = tuple(change for change in changes if change.void)
    return BranchReport(name, ref.commit, since, allows, len(found.commits), wrong, back)


def _merges(found: Log) -> frozenset[str]:
    return frozenset(sha for sha, parents in found.parents.items() if len(parents) > 1)


def branch_named(scene: Scene, component: str, named: str) -> Ref:
    """The branch that a person means: by its name, or by the version it is for.

    Raises:
        NotFoundError: there is none.
    """
    try:
        number = str(scene.version(component, named))
    except UsageError:
        return read_branch(scene.repository, named)
    names = [branch_for(scene.policy, role, component, number) for role in Role]
    found = [ref for name in names if (ref := read_ref(scene.repository, BRANCHES + name)) is not None]
    if not found:
        raise NotFoundError(
            f"there is no branch for {component} {number}: neither {' nor '.join(dict.fromkeys(names))}",
            remedy="cut it: tidegate branch cut --help; or fetch it: git fetch origin NAME:NAME",
        )
    return found[0]


def _left_at(scene: Scene, name: str, tip: str) -> str:
    """The commit at which a branch left its line; empty where nobody can tell, and everything counts.

    What was recorded when it was cut is believed where the branch still descends from it. Else it is the first commit
    on its way back, along first parents, that a line has on its own way: so that a line which has merged the branch
    since does not hide what is on it.
    """
    with scene.house.database.read() as connection:
        cuts = [leaf.data for leaf in log.of_kinds(connection, "branch.cut") if leaf.data.get("branch") == name]
    back = _first_parents(scene.repository, tip)
    recorded = str(cuts[-1]["commit"]) if cuts else ""
    if recorded in back:
        return recorded
    for line in main_line(scene.policy):
        ref = read_ref(scene.repository, BRANCHES + line) if line != name else None
        passed = frozenset(_first_parents(scene.repository, ref.commit)) if ref else frozenset()
        met = next((commit for commit in back if commit in passed), "")
        if met:
            return met
    return ""


def _first_parents(repository: Repository, tip: str) -> list[str]:
    return repository.git("rev-list", "--first-parent", tip, "--").decode().split()


@dataclass(frozen=True, slots=True)
class PickedCommit:
    """One commit that was to be picked: ``made`` is the new commit, empty where ``there`` says why none was needed."""

    commit: str
    summary: str
    made: str = ""
    there: str = ""


@dataclass(frozen=True, slots=True)
class Picked:
    """What picking has done to a branch; ``old`` and ``new`` are equal where everything was there already."""

    branch: str
    old: str
    new: str
    commits: tuple[PickedCommit, ...]
    pushed_to: str = ""


def pick(house: House, branch: str, revisions: Sequence[str], claim: Claim, *, push_to: str = "") -> Picked:
    """Put commits on a branch, in the order in which they are named, all of them or none.

    The work tree and the index are not touched. What is on the branch already changes nothing.

    Raises:
        RefusedError: a commit is of a kind that may not come to that branch.
        MergeConflictError: one does not fit there.
        NotPermittedError: the branch is protected, or the policy does not let this person.
        ConflictError: the branch is checked out, or was moved meanwhile.
    """
    with refusals(house, "branch", claim.person, branch=branch[:200]):
        scene = open_scene(house)
        ref = read_branch(scene.repository, branch)
        demand_listed(scene.policy, claim.person, "open", now=house.now())
        scene.writer(claim.person).demand_movable(branch)
        commits = [scene.repository.commit(revision) for revision in revisions]
        with open_workshop(scene.repository) as workshop:
            there = {one.sha: _there_already(scene.repository, workshop, ref.commit, one.sha) for one in commits}
            _demand_pass(scene, claim, branch, [one for one in commits if not there[one.sha]])
            return _pick(scene, workshop, claim, ref, [(one, there[one.sha]) for one in commits], push_to)


def _demand_pass(scene: Scene, claim: Claim, branch: str, commits: Sequence[Commit]) -> None:
    allows = allowed_kinds(scene.policy, branch)
    wrong = [o for commit in commits for o in offences(changes_of(commit), allows, _parents_of(commit))]
    if not wrong:
        return
    told = "; ".join(f"{o.sha[:12]} ({o.summary[:60]}): {o.why}" for o in wrong)
    error = RefusedError(
        f"{plain(branch, 100)} is frozen: {told}",
        remedy="let it ride the next release; or say in the policy what may pass: branches.NAME.allows",
    )
    with contextlib.suppress(StoreError):
        denied(scene.house, "branch", claim.person, "", error, branch=branch[:200])
    raise error


def _parents_of(commit: Commit) -> frozenset[str]:
    return frozenset([commit.sha]) if len(commit.parents) > 1 else frozenset()


def _pick(
    scene: Scene, workshop: Workshop, claim: Claim, ref: Ref, commits: Sequence[tuple[Commit, str]], push_to: str
) -> Picked:
    name, remote = short_name(ref), scene.remote(push_to)
    said = f"pick {' '.join(commit.sha for commit, _ in commits)} to {name}"
    proven = prove_work(scene, claim, Act.BRANCH, "open", reason=said)
    writer = scene.writer(claim.person)
    picker = Picker(workshop, scene.identity(claim.person), scene.house.now())
    done = _picked(picker, ref, commits)
    tip = next((one.made for one in reversed(done) if one.made), ref.commit)
    if tip != ref.commit:
        picker.keep()
        why = f"tidegate: {said}"[:1000]
        work = Work(
            act=Act.BRANCH,
            permit="open",
            concerns={"reason": said},
            kind="branch.picked",
            data=_told(name, ref.commit, tip, done),
            write=lambda policy: scene.writer(claim.person, policy).move_branch(name, ref.commit, tip, why),
            undo=lambda: writer.take_back_branch(name, tip, ref.commit, why),
        )
        carry_out(scene.house, proven, work)
    if remote is not None:
        push_and_read_back(scene, workshop, remote, ref.name, tip)
    return Picked(name, ref.commit, tip, done, remote.name if remote else "")


def _told(branch: str, old: str, new: str, done: Sequence[PickedCommit]) -> dict[str, object]:
    picked = [{"commit": one.commit, "as": one.made} for one in done if one.made]
    return {"branch": branch, "from": old, "to": new, "picked": picked}


def _picked(picker: Picker, ref: Ref, commits: Sequence[tuple[Commit, str]]) -> tuple[PickedCommit, ...]:
    tip, done = ref.commit, list[PickedCommit]()
    for commit, why in commits:
        title = plain(commit.message.partition("\n")[0], 80)
        made, there = ("", why) if why else (picker.pick(tip, commit.sha, short_name(ref)), "")
        if made == tip:
            made, there = "", "it would change nothing there"
        done.append(PickedCommit(commit.sha, title, made, there))
        tip = made or tip
    return tuple(done)


def _there_already(repository: Repository, workshop: Workshop, tip: str, commit: str) -> str:
    """Why a commit needs no picking: the branch descends from it, or has a copy of it that was not taken back."""
    if workshop.ask("merge-base", "--is-ancestor", commit, tip)[0] == 0:
        return "the branch descends from it"
    found = repository.commits(tip, [commit])
    standing = {change.sha for change in changes_from(found.commits, found.parents) if not change.void}
    mine = {commit, *read_raw(repository, commit).origins}
    own = [one for one in found.commits if one.sha in standing]
    for one in own:
        if one.sha in mine or mine & set(_origins(one)):
            return f"it is there as {one.sha[:12]}, by its recorded origin"
    patches = patch_ids(workshop, [commit, *(one.sha for one in own if len(one.parents) < 2)])
    same = next((sha for sha, patch in patches.items() if sha != commit and patch == patches.get(commit)), "")
    return f"it is there as {same[:12]}, which changes the same" if same else ""


_ORIGIN = re.compile(r"\(cherry picked from commit ([0-9a-f]{40,64})\)")


def _origins(commit: Commit) -> tuple[str, ...]:
    return tuple(_ORIGIN.findall(commit.message))


@dataclass(frozen=True, slots=True)
class LineReport:
    """What one line still lacks of a branch, and the commands that bring it there.

    ``by`` is how: ``pull-request`` where the line is protected, ``merge``, or ``pick`` where it is frozen itself.
    """

    line: str
    protected: bool
    by: str
    missing: tuple[Change, ...]
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MergeBack:
    """What the lines lack of a branch; ``merged_into`` and ``merge`` where it was merged into one of them."""

    branch: str
    tip: str
    lines: tuple[LineReport, ...]
    merged_into: str = ""
    merge: str = ""
    pushed_to: str = ""


def merge_back(house: House, branch: str, *, into: str = "") -> MergeBack:
    """Say what of a branch is missing in which line, by what the commits change.

    Raises:
        NotFoundError: there is no such branch, or no line to bring it to.
    """
    scene = open_scene(house)
    ref = read_branch(scene.repository, branch)
    lines = [read_branch(scene.repository, into)] if into else _lines(scene, ref)
    if not lines:
        raise NotFoundError(
            f"there is no line to which {plain(branch, 100)} could go back", remedy="name it: --into BRANCH"
        )
    with open_workshop(scene.repository) as workshop:
        # Of a line that somebody names, everything is wanted.
        paths = {line.name: (".",) if into else _paths(scene.policy, short_name(line)) for line in lines}
        reports = tuple(_line(scene, workshop, ref, line, paths[line.name]) for line in lines)
    concerned = tuple(report for report in reports if into or report.missing or _concerns(scene.policy, ref, report))
    return MergeBack(branch, ref.commit, concerned)


def _lines(scene: Scene, ref: Ref) -> list[Ref]:
    """Where a branch goes back to: what the policy says, the main line, and the release branches that are not out."""
    name = short_name(ref)
    said = merged_into(scene.policy, name)
    mains = (read_ref(scene.repository, BRANCHES + line) for line in main_line(scene.policy))
    main = next((found for found in mains if found is not None), None)
    named = read_ref(scene.repository, BRANCHES + said) if said else None
    pattern = family(scene.policy, Role.RELEASE).pattern
    releases = [other for other in read_refs(scene.repository, BRANCHES) if matches(pattern, short_name(other))]
    under_way = _not_out(scene, releases)
    wanted = [line for line in (named, main, *under_way) if line is not None and line.name != ref.name]
    return list({line.name: line for line in wanted}.values())


def _not_out(scene: Scene, branches: Sequence[Ref]) -> list[Ref]:
    """The release branches whose version is not tagged yet.

    Where a name does not tell for which version it is, by its tip: that may carry the tag of anything, since branches
    are cut from what was released.
    """
    tags_there = read_refs(scene.repository, TAGS) if branches else ()
    names, tips = {tag.name.removeprefix(TAGS) for tag in tags_there}, {tag.commit for tag in tags_there}

    def is_out(branch: Ref) -> bool:
        ending = made_for(scene.policy, Role.RELEASE, short_name(branch)).values()
        return not names.isdisjoint(ending) if ending else branch.commit in tips

    return [branch for branch in branches if not is_out(branch)]


def _components(policy: Policy, name: str) -> frozenset[str]:
    """The components that the name of a branch tells; none where it tells none."""
    roles = [role for role in Role if "{component}" in family(policy, role).pattern]
    return frozenset(component for role in roles for component in made_for(policy, role, name))


def _concerns(policy: Policy, ref: Ref, report: LineReport) -> bool:
    """Whether a line is not that of another component, of whose files the branch changes none."""
    mine, theirs = _components(policy, short_name(ref)), _components(policy, report.line)
    return not mine or not theirs or not mine.isdisjoint(theirs)


def _paths(policy: Policy, line: str) -> tuple[str, ...]:
    """Of which files a line is: those of the components that its name tells, else all."""
    known = [policy.components[name] for name in sorted(_components(policy, line))]
    return tuple(dict.fromkeys(path for one in known for path in (one.path, *one.shared))) or (".",)


def _line(scene: Scene, workshop: Workshop, ref: Ref, line: Ref, paths: Sequence[str]) -> LineReport:
    name, branch = short_name(line), short_name(ref)
    protected = scene.protected(name)
    frozen = allowed_kinds(scene.policy, name) is not None
    missing = _missing(scene.repository, workshop, ref.commit, line.commit, paths)
    by = "pull-request" if protected else "pick" if frozen else "merge"
    commands: tuple[str, ...] = ()
    if missing and protected:
        commands = (f"git push origin {branch}",)
    elif missing and frozen:
        commands = (f"tidegate branch pick {name} {' '.join(change.sha[:12] for change in reversed(missing))}",)
    elif missing:
        commands = (f"tidegate branch merge-back {branch} --into {name} --do",)
    return LineReport(name, protected, by, missing, commands)


def _missing(
    repository: Repository, workshop: Workshop, branch: str, line: str, paths: Sequence[str]
) -> tuple[Change, ...]:
    """The changes of a branch to these paths that a line lacks: no commit of it is them, copies or changes the same."""
    found = repository.commits(branch, [line], paths)
    if not found.commits:
        return ()
    there = equal_to_some_of(workshop, line, branch)
    copied = {origin for one in repository.commits(line, [branch]).commits for origin in _origins(one)}
    lacking = [
        commit
        for commit in found.commits
        if len(commit.parents) < 2 and commit.sha not in there | copied and not copied & set(_origins(commit))
    ]
    changes = changes_from(lacking, found.parents)
    firsts = {change.sha: change for change in reversed(changes) if not change.void}
    return tuple(firsts[commit.sha] for commit in lacking if commit.sha in firsts)


def do_merge_back(house: House, branch: str, claim: Claim, *, into: str = "", push_to: str = "") -> MergeBack:
    """Merge a branch back into one line that is neither protected nor frozen.

    Raises:
        NotPermittedError: the line is protected, or the policy does not let this person.
        RefusedError: the line is frozen itself.
        MergeConflictError: both sides changed the same; nothing was written.
        UsageError: several lines lack it, and none is named.
    """
    with refusals(house, "branch", claim.person, branch=branch[:200]):
        if into:
            demand_unprotected(into, open_scene(house).protected)
        proposed = merge_back(house, branch, into=into)
        line = _the_line(proposed, into)
        scene = open_scene(house)
        said = f"merge {branch} at {proposed.tip} into {line.line}"
        proven = prove_work(scene, claim, Act.BRANCH, "open", reason=said)
        return _merge_back(scene, claim, proven, said, proposed, line, push_to)


def _the_line(proposed: MergeBack, into: str) -> LineReport:
    lacking = [line for line in proposed.lines if line.missing or into]
    open_ones = [line for line in lacking if line.by == "merge"]
    if into and not open_ones:
        raise RefusedError(
            f"{plain(into, 100)} is frozen itself: nothing is merged into it",
            remedy=f"pick what it lacks: {lacking[0].commands[0] if lacking[0].commands else 'it lacks nothing'}",
        )
    if len(open_ones) != 1:
        found = ", ".join(line.line for line in open_ones) or "none that Tidegate may write to"
        raise UsageError(
            f"it is not clear where {plain(proposed.branch, 100)} is to be merged: {found}",
            remedy=f"look at what is missing where: tidegate branch merge-back {plain(proposed.branch, 100)}",
        )
    return open_ones[0]


def _merge_back(
    scene: Scene, claim: Claim, proven: Proven, said: str, proposed: MergeBack, line: LineReport, push_to: str
) -> MergeBack:
    into, remote = read_branch(scene.repository, line.line), scene.remote(push_to)
    writer = scene.writer(claim.person)
    writer.demand_movable(line.line)
    if not scene.repository.commits(proposed.tip, [into.commit]).commits:
        return proposed
    with open_workshop(scene.repository) as workshop:
        picker = Picker(workshop, scene.identity(claim.person), scene.house.now())
        merge = picker.merge(line.line, proposed.branch, (into.commit, proposed.tip))
        picker.keep()
        why = f"tidegate: {said}"
        work = Work(
            act=Act.BRANCH,
            permit="open",
            concerns={"reason": said},
            kind="branch.merged_back",
            data={"branch": proposed.branch, "tip": proposed.tip, "into": line.line, "merge": merge},
            write=lambda policy: scene.writer(claim.person, policy).move_branch(line.line, into.commit, merge, why),
            undo=lambda: writer.take_back_branch(line.line, merge, into.commit, why),
        )
        carry_out(scene.house, proven, work)
        if remote is not None:
            push_and_read_back(scene, workshop, remote, into.name, merge)
    return replace(proposed, merged_into=line.line, merge=merge, pushed_to=remote.name if remote else "")
