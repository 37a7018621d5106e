"""What is released and for whom: components, clients, versions, branches, migrations."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tidegate.core.branch import kinds_that_pass
from tidegate.core.policy import Artifact, Branch, BumpRule, Client, Component, HostTarget, Policy, Registry, SecretFrom
from tidegate.core.policy import VersionScheme as Scheme
from tidegate.views.explain.calendar import blackout_item, windows_sentence
from tidegate.views.explain.model import Item, Topic, listing, paragraph, topic
from tidegate.views.explain.names import Names
from tidegate.views.explain.not_yet import not_yet, of_roots
from tidegate.views.explain.words import all_of, article, code, codes, command, dot, length, plain, upper

_SCHEMES = {
    Scheme.SEMVER: "",
    Scheme.PADDED: "Its versions are padded with zeros.",
    Scheme.VENDOR: "Its versions are the vendor's, as they come.",
}


def components_topic(policy: Policy, names: Names) -> Topic:
    """What has versions, and where it goes."""
    return topic(
        "components",
        "Components",
        (
            listing(
                "These have versions:",
                (
                    Item(" ".join(_component(names, component)), component.title or name, name)
                    for name, component in policy.components.items()
                ),
            ),
            listing(
                "Images are pushed to these registries:",
                (Item(" ".join(_registry(registry)), code(host), host) for host, registry in policy.registries.items()),
            ),
        ),
        not_yet=not_yet(of_roots(policy, "components")),
    )


def _component(names: Names, component: Component) -> Iterator[str]:
    where = "the whole repository" if component.path == "." else code(component.path)
    shared = f" and {codes(component.shared)}" if component.shared else ""
    owners = f", owned by {names.group(component.owners)}" if component.owners else ", owned by nobody"
    yield f"{upper(article(plain(component.kind)))}: {where}{shared}{owners}; tagged {code(component.tag)}."
    if component.client:
        yield f"It belongs to {names.client(component.client)}."
    if component.windows is not None:
        yield windows_sentence(component.windows, of="It", zone=component.timezone)
    if component.versions is not Scheme.SEMVER:
        yield _SCHEMES[component.versions]
    if component.version_files:
        yield f"Its version stands in {codes(component.version_files)}."
    if component.requires:
        needs = (f"{names.component(other)} {code(versions)}" for other, versions in component.requires.items())
        yield f"It needs {all_of(needs)}."
    if component.artifact.archive != "package":
        yield f"It is deployed as the package {code(component.artifact.archive)}."
    if component.artifacts:
        yield f"Also built, and bound by what approves it: {all_of(map(_artifact, component.artifacts))}."
    if component.migrations:
        yield f"Its database migrations lie in {code(component.migrations)}."
    if component.config:
        yield f"Its configuration: {all_of(f'{code(p)} in {plain(e)}' for e, p in component.config.items())}."
    for environment, target in component.targets.items():
        yield _target(environment, target)


def _artifact(artifact: Artifact) -> str:
    what = f"the image {code(artifact.image)}" if artifact.image else f"the archive {code(artifact.archive or '')}"
    form = f" as {code(artifact.format)}" if artifact.format else ""
    context = f" from {code(artifact.context)}" if artifact.context else ""
    dockerfile = f" by {code(artifact.dockerfile)}" if artifact.dockerfile else ""
    tags = f" with the tag{'' if len(artifact.tags) == 1 else 's'} {codes(artifact.tags)}" if artifact.tags else ""
    return what + form + context + dockerfile + tags


def _registry(registry: Registry) -> Iterator[str]:
    if registry.secret is None:
        yield "Nobody logs in there."
    elif registry.user is None:
        yield f"A bearer token opens it, {secret_place(registry.secret)}."
    else:
        yield f"{code(registry.user)} logs in there with the password {secret_place(registry.secret)}."
    if registry.ca:
        yield f"The certificates in {code(registry.ca)} vouch for it."
    if registry.plain_http:
        yield "It is spoken to without encryption."


def secret_place(secret: SecretFrom) -> str:
    """Where a secret is found: ``in the variable X``."""
    if secret.env is not None:
        return f"in the variable {code(secret.env)}"
    return (
        f"in the file {code(secret.file)}"
        if secret.file is not None
        else f"that {command(secret.command or ())} prints"
    )


def _target(environment: str, target: HostTarget) -> str:
    settings = [f"{plain(key)} {_setting(value)}" for key, value in (target.model_extra or {}).items()]
    with_ = f", with {all_of(settings)}" if settings else ""
    return f"To {plain(environment)} it is deployed by the driver {code(target.driver)}{with_}."


def _setting(value: object) -> str:
    """A setting of a driver: whatever the file writes, its names before what they stand for."""
    if isinstance(value, list):
        words = " " if all(isinstance(entry, str) for entry in value) else ", "
        return code(" ".join(value)) if words == " " else words.join(map(_setting, value))
    if isinstance(value, dict):
        named = value.get("name")
        inner = ", ".join(f"{key} {_setting(one)}" for key, one in value.items() if key != "name" or not _is_plain(one))
        first = code(named) if isinstance(named, str) else ""
        return f"{first} ({inner})" if first and inner else first or inner or "nothing"
    return code(value if isinstance(value, str) else json.dumps(value))


def _is_plain(value: object) -> bool:
    return isinstance(value, str)


def clients_topic(policy: Policy, names: Names) -> Topic:
    """Whose sites are released to, and what they ask for on top of everybody's rules."""
    return topic(
        "clients",
        "Clients",
        (),
        topics=(_client(names, name, client) for name, client in policy.clients.items()),
        not_yet=not_yet(of_roots(policy, "clients")),
    )


def _client(names: Names, name: str, client: Client) -> Topic:
    told = codes(client.told)
    return topic(
        f"client-{name}",
        client.title,
        (
            paragraph(
                f"Whom to call there: {all_of(map(names.contact, client.contacts))}." if client.contacts else "",
                f"What touches their sites is told to {told}." if client.told else "",
                windows_sentence(client.windows, of="This client"),
                f"Their times are meant by the clocks of {client.timezone}." if client.timezone else "",
            )
            or paragraph("This client asks for nothing of its own."),
            listing("Who must say yes for their sites:", map(names.approval, client.approvals)),
            listing("Not on these days:", (blackout_item(names, blackout) for blackout in client.blackouts)),
            listing("They ask for besides:", client.requires),
        ),
        key=name,
    )


def versions_topic(policy: Policy, names: Names) -> Topic:
    """Versions, branches and migrations."""
    return topic(
        "versions",
        "Branches, versions and migrations",
        (
            paragraph(*_versioning(policy)),
            listing("What makes a version at least so large:", map(_bump, policy.versioning.bumps)),
            listing(
                "The branches:",
                (Item(" ".join(_branch(names, b)), upper(plain(name)), name) for name, b in policy.branches.items()),
            ),
            paragraph(*_migrations(policy, names)),
        ),
        not_yet=not_yet(of_roots(policy, "versioning", "branches", "migrations")),
    )


_PRERELEASES = {"alpha": "alpha", "beta": "beta", "rc": "rc (release candidate)"}


def _versioning(policy: Policy) -> Iterator[str]:
    versioning = policy.versioning
    if versioning.prereleases:
        yield f"Before a release there are versions marked {all_of(_PRERELEASES[p] for p in versioning.prereleases)}."
    if "versioning" in policy.model_fields_set or versioning.unconventional != "list":
        what = "refused" if versioning.unconventional == "refuse" else "listed, and not refused"
        yield f"Commits that do not follow the convention are {what}."


def _bump(rule: BumpRule) -> str:
    of = [f"below {codes(rule.paths, 'or')}"] if rule.paths else []
    of += [f"of the kind {codes(rule.kinds, 'or')}"] if rule.kinds else []
    of += [f"with the label {codes(rule.labels, 'or')} on their pull request"] if rule.labels else []
    matched = f" Recognised as changes {' and '.join(of)}." if of else ""
    return f"At least {rule.at_least}: {dot(rule.says)}{matched}"


def _branch(names: Names, branch: Branch) -> Iterator[str]:
    made = ""
    if branch.made_from:
        source = "the tag that runs in production" if branch.made_from == "production-tag" else code(branch.made_from)
        made = f", made from {source}"
    yield f"{code(branch.pattern)}{made}."
    if branch.title:
        yield dot(branch.title)
    if branch.protected:
        yield "Nobody commits to it directly."
    allows = kinds_that_pass(branch)
    if allows is not None:
        kinds = f"only changes of {'the kind' if len(allows) == 1 else 'the kinds'} {codes(allows)}"
        yield f"{upper(kinds) if allows else 'No changes'} may be committed to it."
    if branch.cherry_picks:
        yield "Changes come to it one by one, from the main branch."
    if branch.tag:
        yield f"Tags of the form {code(branch.tag)} are set on it."
    if branch.merges_into:
        yield f"When its release is done it is merged into {code(branch.merges_into)}."
    if branch.locks_at:
        lock = names.milestone(branch.locks_at)
        yield f"From the milestone “{lock}” on it is locked."


_TOOLS = {"django": "Django", "alembic": "Alembic", "sql": "plain SQL files"}
_DIALECTS = {"postgres": "PostgreSQL", "mysql": "MySQL", "sqlite": "SQLite"}
_DROPS = {
    "never": "A column is never dropped.",
    "next-major": "A column is dropped only in a major release after its deprecation.",
    "any": "A column may be dropped at any time.",
}


def _migrations(policy: Policy, names: Names) -> Iterator[str]:
    rules = policy.migrations
    if rules is None:
        return
    if rules.rule == "forward-only":
        yield "Migrations go forward only: on the way back the application returns, the database stays."
    else:
        yield (
            "Migrations are reversible: each has its way back, and a database that Tidegate migrates goes back, too, "
            "where no data is lost by that or a person accepts the loss."
        )
    if rules.reversible:
        yield "Each must be written so that it can be undone."
    yield _DROPS[rules.drop_columns]
    yield (
        "A new column begins as nullable." if rules.new_columns == "nullable-first" else "A new column may be anything."
    )
    if rules.narrow_types == "any":
        yield "A column may get a type that holds less."
    if rules.locks == "short":
        yield "No migration locks a table for as long as the table is large."
    if rules.waiver is not None:
        yield (
            f"A release whose migrations are refused may be let through by {names.approval(rules.waiver.by)}; with a "
            f"reason, for at most {length(rules.waiver.lasts)}."
        )
    if rules.dialect:
        yield f"The database is {_DIALECTS[rules.dialect]}."
    if rules.tool:
        yield f"Migrations are run by {_TOOLS[rules.tool]}."
    if rules.back:
        yield f"The database is taken back by {command(rules.back)}."
