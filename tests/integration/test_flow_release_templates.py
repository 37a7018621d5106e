"""Releases that are opened from a template: it fills in the type and the components, and asks for more."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from tests.support.flows import Organisation
from tidegate.errors import NotFoundError, UsageError
from tidegate.orchestration import checklist as checklist_flow
from tidegate.orchestration import document as document_flow
from tidegate.orchestration import release as release_flow
from tidegate.orchestration.release import FilledIn, Intent, fill_in
from tidegate.store import releases

MakeOrg = Callable[..., Organisation]
TEMPLATES = {
    "quick": {
        "title": "Quick",
        "type": "minor",
        "components": ["billing"],
        "documents": ["why"],
        "checklists": ["asked"],
    },
    "any": {"title": "Anything", "type": "patch"},
}
POLICY = {
    "release_templates": TEMPLATES,
    "documents": {"why": {"title": "Why", "path": "docs/why-{version}.md"}},
    "checklists": {"asked": {"title": "Asked for", "items": {"who": {"says": "Somebody asked", "by": "module-team"}}}},
}


def opened(org: Organisation, template: str) -> str:
    filled = fill_in(org.house, template, ("billing",), "")
    intent = Intent(template=template)
    found = release_flow.open_release(org.house, "billing", org.claim("rita"), type_=filled.type, intent=intent)
    return found.release.id


def test_what_a_template_asks_for_is_asked_of_its_releases_alone(make_org: MakeOrg) -> None:
    org = make_org(**POLICY)
    release = opened(org, "quick")
    found = {finding.rule: finding.verdict.value for finding in org.decide(release).findings}
    assert (found["document.why"], found["checklist.asked"]) == ("cannot tell", "deny")
    [line] = document_flow.list_documents(org.house, release)
    assert line.asked_by == ("the template quick",)
    [shown] = checklist_flow.show(org.house, release)
    assert (shown.name, shown.asked_for) == ("asked", ("production",))
    [leaf] = [leaf for leaf in org.leaves() if leaf.kind == "release.opened"]
    assert leaf.data["template"] == "quick"
    with org.house.database.read() as connection:
        assert releases.load(connection, release).facts.template == "quick"

    other = release_flow.open_release(org.house, "billing", org.claim("rita"), version="1.2.0").release.id
    rules = {finding.rule for finding in org.decide(other).findings}
    assert not rules & {"document.why", "checklist.asked"}
    assert document_flow.list_documents(org.house, other) == []


def test_a_template_that_the_policy_has_no_more_stops_its_releases(make_org: MakeOrg) -> None:
    org = make_org(**POLICY)
    release = opened(org, "quick")
    org.adopt(**{**POLICY, "release_templates": {"any": TEMPLATES["any"]}})
    [why] = [f.message for f in org.decide(release).findings if f.rule == "release.ready" and f.verdict.value == "deny"]
    assert why.startswith('it was opened from the release template "quick", which the policy does not have')


@pytest.mark.parametrize(
    ("template", "components", "type_", "error", "what"),
    [
        ("slow", (), "", NotFoundError, 'the policy has no release template "slow"'),
        ("any", (), "", UsageError, "the template any says no components"),
        ("quick", ("platform",), "", UsageError, "the template quick is of billing"),
        ("quick", (), "patch", UsageError, "the template quick opens minor releases, and none of type patch"),
    ],
)
def test_what_does_not_fit_a_template_is_refused(
    make_org: MakeOrg, template: str, components: Sequence[str], type_: str, error: type[Exception], what: str
) -> None:
    org = make_org(**POLICY)
    with pytest.raises(error) as caught:
        fill_in(org.house, template, components, type_)
    assert what in str(caught.value)
    assert fill_in(org.house, "quick", (), "") == FilledIn(("billing",), "minor")
