"""The pages of the readers: each has its parts, is listed, and names what is really read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tidegate.core.evidence_kind import KINDS
from tidegate.readers.registry import READERS

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "readers"
INDEX = (FOLDER / "index.md").read_text()
PAGES = sorted(page for page in FOLDER.glob("*.md") if page.name != "index.md")
PARTS = ["What counts", "What is refused", "When it was taken", "What it cannot tell"]
ROW = re.compile(r"^\| \[([\w-]+)\]\(([\w-]+)\.md\) \|.*\| `([\w-]+)` \| `([\w-]+)` \|$", re.MULTILINE)


def test_the_index_lists_the_pages_with_the_kinds_that_there_are() -> None:
    rows = ROW.findall(INDEX)
    assert sorted(name for name, _, _, _ in rows) == [page.stem for page in PAGES]
    for name, target, kind, root in rows:
        assert name == target
        assert kind in {reader.kind for reader in READERS}
        assert KINDS[kind].root == root


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_page_has_the_same_parts(page: Path) -> None:
    text = page.read_text()
    titles = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert [title for title in titles if title in PARTS] == PARTS
    (kind,) = re.findall(r"^Kind `([\w-]+)`", text, re.MULTILINE)
    assert (page.stem, kind) in {(name, kind) for name, _, kind, _ in ROW.findall(INDEX)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_field_that_a_page_names_is_one(page: Path) -> None:
    fields = {f"{kind.root}.{field}" for kind in KINDS.values() for field in kind.fields}
    named = set(re.findall(r"\b((?:findings|sbom)\.\w+)", page.read_text()))
    assert named <= fields
