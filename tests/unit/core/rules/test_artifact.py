from __future__ import annotations

from tests.support.facts import Case, asked, facts, item, question, release, rulebook, table
from tidegate.core.decision import Action
from tidegate.core.facts import Built
from tidegate.core.verdict import Verdict

RULE = "artifact"
IMAGE = "registry.example/billing"
POLICY = rulebook(components={"billing": {"artifacts": [{"image": IMAGE}, {"archive": "billing"}]}})
PUSHED, ARCHIVE = Built("image", IMAGE, "sha256:1", pushed=True), Built("archive", "billing", "sha256:2")


def answers(*built: Built, action: Action = Action.START) -> list[tuple[str, Verdict, str]]:
    """What the rule says: message, verdict, remedy."""
    decision = asked(policy=POLICY, known=facts(release(item(built=built))), about=question(action))
    return [(f.message, f.verdict, f.remedy) for f in decision.findings if f.rule == RULE]


def test_each_is_asked_for() -> None:
    assert answers() == [
        (f"the image {IMAGE} is not built", Verdict.DENY, "tidegate artifact build billing-1.1.0"),
        ("the archive billing is not built", Verdict.DENY, "tidegate artifact build billing-1.1.0"),
    ]


def test_built_and_pushed_is_enough() -> None:
    assert answers(PUSHED, ARCHIVE) == [
        (f"the image {IMAGE} is pushed as sha256:1", Verdict.ALLOW, ""),
        ("the archive billing is built as sha256:2", Verdict.ALLOW, ""),
    ]


def test_an_image_is_pushed_and_not_only_built() -> None:
    (first, _) = answers(Built("image", IMAGE, "sha256:1"), ARCHIVE)
    assert first == (
        f"the image {IMAGE} is built, and not pushed",
        Verdict.DENY,
        "tidegate artifact push billing-1.1.0",
    )


def test_what_is_called_alike_is_of_its_kind() -> None:
    (first, second) = answers(Built("archive", IMAGE, "sha256:1", pushed=True), Built("image", "billing", "sha256:2"))
    assert first[1] is second[1] is Verdict.DENY


@table(
    Case("no artifacts are declared", RULE, about=question()),
    Case("a rollback does not ask", RULE, about=question(Action.ROLLBACK)),
    Case("what goes on does not ask", RULE, about=question(Action.CONTINUE)),
)
def test_the_table(case: Case) -> None:
    case.hold()


def test_only_a_start_is_asked() -> None:
    assert not answers(action=Action.ROLLBACK)
    assert not answers(action=Action.CONTINUE)
