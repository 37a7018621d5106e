"""Long histories to measure on and to be robust against: made at random from a seed, so always the same commits.

The large one is a monorepo of twelve modules whose shape is that of a real one: topics that begin before a release and
are merged after it, squashes, reverts, titles in the bodies of merges, and titles that follow no convention. Global
releases are tagged ``v2.4.0-rc.1``, those of a module ``platform-identity-v6.2.0``.
"""

from __future__ import annotations

import hashlib
import random
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

from tests.support.gitrepo import isolated_environment

CACHE = Path(__file__).resolve().parents[1] / ".cache" / "bench"
"""Where histories are kept between runs; Git ignores it, and ``make clean`` removes it."""

EDITION = 1
"""To be raised when the same shape makes other commits, so that no kept history is taken for the new one."""

MODULES = (
    "platform-identity", "platform-audit", "platform-gateway", "billing-core", "billing-invoices", "billing-tax",
    "forecasting-models", "forecasting-reports", "customer-portal", "customer-sites", "integration-hub",
    "integration-mail",
)  # fmt: skip
FIRST_S = 1_500_000_000
BETWEEN_S = 900
_FURTHEST_BACK = 20
"""Commits of the main line over which a topic may have been open when it is merged."""
_TALK = 0.077
"""The share of commits whose titles follow no convention."""
_PEOPLE = tuple(
    f"{name} Example <{name.lower()}@example.org>" for name in ("Ada", "Ben", "Cem", "Dee", "Eli", "Fay", "Gus", "Hua")
)
_KINDS = ("feat", "fix", "fix", "chore", "docs", "refactor", "test", "perf", "build", "ci", "style")
_VERBS = (
    "add", "keep", "drop", "round", "split", "merge", "check", "cache", "retry", "show", "hide", "sort", "parse",
    "write", "close", "move",
)  # fmt: skip
_NOUNS = (
    "invoices", "totals", "sessions", "tokens", "rates", "forecasts", "sites", "pages", "tables", "queries",
    "mails", "webhooks", "limits", "reports", "accounts", "currencies", "addresses", "exports", "imports",
    "schedules", "permissions", "headers", "filters",
)  # fmt: skip
_WHEN = ("after a timeout", "for new customers", "without a lock", "in every zone", "on the second try", "once a day")


@dataclass(frozen=True, slots=True)
class Shape:
    """How long a history is; the same shape is always the same history."""

    commits: int = 50_000
    merges: int = 4_106
    releases: int = 497
    module_releases: int = 493
    seed: int = 4

    def __post_init__(self) -> None:
        if self.commits < 3 * self.merges + 1 or self.merges < max(1, self.releases + 2):
            raise ValueError("each merge needs a topic and a commit beside it, and each release a merge")

    @property
    def name(self) -> str:
        """What the history is kept under."""
        told = repr((EDITION, astuple(self))).encode()
        return f"history-{self.commits}-{hashlib.sha256(told).hexdigest()[:12]}"


TINY_SHAPE = Shape(commits=120, merges=20, releases=9, module_releases=13)


def kept(shape: Shape, under: Path = CACHE) -> Path:
    """The work tree of the history of that shape, made where it is not kept yet: under two minutes for the largest."""
    folder = under / shape.name
    if not folder.exists():
        under.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=under) as unfinished:
            made = make(shape, Path(unfinished) / "repository")
            made.rename(folder)
    return folder


def make(shape: Shape, folder: Path) -> Path:
    """Make the history in ``folder``, packed, with a commit graph, and its files checked out."""
    git(folder.parent, "init", "--quiet", "--template=", "--initial-branch=main", str(folder))
    with _Importer(folder) as importer:
        _Teller(shape, importer).tell()
    git(folder, "gc", "--quiet")
    git(folder, "reset", "--quiet", "--hard", "main")
    return folder


def without_blobs(folder: Path, to: Path) -> Path:
    """A clone of a history that has commits and trees, and no file's content."""
    serving = ["--upload-pack", "git -c uploadpack.allowFilter=true upload-pack"]
    git(folder.parent, "clone", "--quiet", "--no-checkout", "--filter=blob:none", *serving, folder.as_uri(), str(to))
    return to


def add_tags(folder: Path, names: Sequence[str], commit: str) -> None:
    """Tag a commit very often at once, in the file that Git packs refs into: a hundred thousand take a second."""
    git(folder, "pack-refs", "--all")
    packed = folder / ".git" / "packed-refs"
    entries = {_ref_of(entry): entry for entry in _entries(packed.read_text())}
    entries |= {f"refs/tags/{name}": f"{commit} refs/tags/{name}\n" for name in names}
    header = "# pack-refs with: peeled fully-peeled sorted \n"
    packed.write_text(header + "".join(entries[ref] for ref in sorted(entries)))


def _entries(packed: str) -> Iterator[str]:
    """The refs of a packed-refs file, each with the line that says what its tag leads to."""
    entry = ""
    for line in packed.splitlines(keepends=True):
        if entry and not line.startswith("^"):
            yield entry
            entry = ""
        entry += "" if line.startswith("#") else line
    if entry:
        yield entry


def _ref_of(entry: str) -> str:
    return entry.split("\n", 1)[0].partition(" ")[2]


def long_message(size: int, seed: int = 4) -> str:
    """A conventional message of about ``size`` bytes, in lines, with an issue and a trailer."""
    chance = random.Random(seed)  # noqa: S311 - the same text each time
    words = [" ".join(chance.choices(_NOUNS, k=9)) for _ in range(size // 60 + 1)]
    return f"feat: a long story\n\n{chr(10).join(words)[:size]}\n\nCloses: #12\n"


def git(where: Path, *words: str) -> str:
    """Run Git as a machine without any configuration would; what it printed, without the last line end."""
    command = ["git", "-c", "core.hooksPath=/dev/null", *words]
    done = subprocess.run(command, cwd=where, env=isolated_environment(), check=True, capture_output=True)
    return done.stdout.decode(errors="replace").removesuffix("\n")


class _Importer:
    """A running ``git fast-import``; a mark is the number of a commit in the order of their making."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            ["git", "fast-import", "--quiet", "--done", "--cat-blob-fd=1"],
            cwd=folder,
            env=isolated_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._says = cast(IO[bytes], self._process.stdin)
        self._hears = cast(IO[bytes], self._process.stdout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.say("done\n")
        self._process.communicate()
        if kind is None and self._process.returncode != 0:
            raise subprocess.CalledProcessError(self._process.returncode, "git fast-import")

    def say(self, text: str) -> None:
        self._says.write(text.encode())

    def name_of(self, mark: int) -> str:
        """The object name of a commit; waits for Git, so it is asked for few."""
        self.say(f"get-mark :{mark}\n")
        self._says.flush()
        return self._hears.readline().decode().strip()


@dataclass(frozen=True, slots=True)
class _Told:
    """A commit of the main line that a later one may revert."""

    mark: int
    title: str


class _Teller:
    """Tells a history: one block for each merge, in it the commits of a topic and those made beside it."""

    def __init__(self, shape: Shape, importer: _Importer) -> None:
        self.shape = shape
        self.importer = importer
        self.chance = random.Random(shape.seed)  # noqa: S311 - the same history each time
        self.marks = 0
        self.line: list[int] = []
        self.recent: list[_Told] = []

    def tell(self) -> None:
        """The whole of it."""
        self._commit("chore: begin", [f"modules/{module}/src/part0.txt" for module in MODULES])
        tags = self._tags_by_block()
        for block, size in enumerate(_shares(self.shape.commits - 1, self.shape.merges)):
            self._block(size)
            for tag in tags.get(block, ()):
                self._tag(tag)

    def _block(self, size: int) -> None:
        """A topic of one to four commits that began some while ago, what happened beside it, and its merge."""
        own = self.chance.randint(1, min(4, size - 2))
        module = self.chance.choice(MODULES)
        start = self.chance.choice(self.line[-_FURTHEST_BACK:])
        turns = [True] * own + [False] * (size - 1 - own)
        self.chance.shuffle(turns)
        tip, title = start, ""
        for of_topic in turns:
            if of_topic:
                title = self._title(module)
                tip = self._commit(self._with_body(title), self._files(module), branch="topic", start=tip)
            else:
                self._on_main()
        self._commit(self._merge_text(title), (), merge=tip)

    def _on_main(self) -> None:
        module = self.chance.choice(MODULES)
        if self.recent and self.chance.random() < 0.006:
            back = self.recent.pop(self.chance.randrange(len(self.recent)))
            name = self.importer.name_of(back.mark)
            self._commit(f'Revert "{back.title}"\n\nThis reverts commit {name}.\n', self._files(module))
            return
        title = self._title(module)
        mark = self._commit(self._with_body(title), self._files(module))
        self.recent = [*self.recent[-30:], _Told(mark, title)]

    def _title(self, module: str) -> str:
        chance = self.chance
        what = f"{chance.choice(_VERBS)} {chance.choice(_NOUNS)} of {chance.choice(_NOUNS)} {chance.choice(_WHEN)}"
        number = f" (#{self.marks + 1})" if chance.random() < 0.4 else ""
        if chance.random() < _TALK:
            return f"{what.capitalize()}{number}"
        scope = f"({module})" if chance.random() < 0.7 else ""
        bang = "!" if chance.random() < 0.004 else ""
        return f"{chance.choice(_KINDS)}{scope}{bang}: {what}{number}"

    def _with_body(self, title: str) -> str:
        chance = self.chance
        parts = [title]
        if chance.random() < 0.52:
            parts.append("\n".join(self._line() for _ in range(chance.randint(2, 7))))
        if chance.random() < 0.02:
            parts.append("\n".join(f"* {self._title(chance.choice(MODULES))}" for _ in range(chance.randint(2, 5))))
        if chance.random() < 0.003:
            parts.append(f"BREAKING CHANGE: {self._line()}")
        if chance.random() < 0.35:
            parts.append(f"Refs: #{chance.randint(1, 9999)}\nCo-authored-by: {chance.choice(_PEOPLE)}")
        return "\n\n".join(parts) + "\n"

    def _line(self) -> str:
        return " ".join(self.chance.choices(_NOUNS, k=8))

    def _merge_text(self, title: str) -> str:
        """As GitHub writes it: the title of the pull request stands in the body, where there is a body."""
        body = f"\n\n{title}\n" if self.chance.random() < 0.5 else "\n"
        return f"Merge pull request #{self.marks + 1} from example/topic-{self.marks}{body}"

    def _files(self, module: str) -> list[str]:
        inside = f"modules/{module}/src/part{self.chance.randrange(20)}.txt"
        where = self.chance.random()
        if where < 0.04:
            return [f"docs/page{self.chance.randrange(30)}.md"]
        other = [f"modules/{self.chance.choice(MODULES)}/src/part0.txt"] if where > 0.95 else []
        return [inside, *other]

    def _commit(
        self,
        message: str,
        files: Sequence[str],
        branch: str = "main",
        start: int | None = None,
        merge: int | None = None,
    ) -> int:
        """On the main line, or on a topic that stands at ``start``."""
        self.marks += 1
        who, when = self.chance.choice(_PEOPLE), FIRST_S + BETWEEN_S * self.marks
        content = f"{self.marks}\n"
        inline = "".join(f"M 100644 inline {file}\ndata {len(content)}\n{content}\n" for file in files)
        self.importer.say(
            f"commit refs/heads/{branch}\nmark :{self.marks}\nauthor {who} {when} +0000\ncommitter {who} {when} +0000\n"
            f"data {len(message.encode())}\n{message}\n"
            + (f"from :{start}\n" if start is not None else "")
            + (f"merge :{merge}\n" if merge is not None else "")
            + f"{inline}\n"
        )
        if branch == "main":
            self.line = [*self.line[-_FURTHEST_BACK:], self.marks]
        return self.marks

    def _tag(self, name: str) -> None:
        """Every second one with a tag object of its own."""
        if self.chance.random() < 0.5:
            self.importer.say(f"reset refs/tags/{name}\nfrom :{self.line[-1]}\n\n")
            return
        when = FIRST_S + BETWEEN_S * self.marks
        self.importer.say(f"tag {name}\nfrom :{self.line[-1]}\ntagger {_PEOPLE[0]} {when} +0000\n")
        self.importer.say(f"data {len(name) + 8}\nrelease {name}\n")

    def _tags_by_block(self) -> dict[int, list[str]]:
        """The tags by the block they follow; the last blocks are released by nobody."""
        last = self.shape.merges - 3
        found: dict[int, list[str]] = {}
        for number, version in enumerate(self._versions(self.shape.releases, 0.4)):
            found.setdefault(last * (number + 1) // self.shape.releases, []).append(f"v{version}")
        for module, count in zip(MODULES, _shares(self.shape.module_releases, len(MODULES)), strict=True):
            for number, version in enumerate(self._versions(count, 0.0)):
                found.setdefault(last * (number + 1) // count, []).append(f"{module}-v{version}")
        return found

    def _versions(self, count: int, share_with_prereleases: float) -> list[str]:
        """That many versions in their order, the last of them final."""
        found: list[str] = []
        numbers = [1, 0, 0]
        while len(found) < count:
            found += self._ways_to(".".join(map(str, numbers)), share_with_prereleases)
            part = self.chance.choices((0, 1, 2), weights=(1, 7, 12))[0]
            numbers[part:] = [numbers[part] + 1, *([0] * (2 - part))]
        return found[-count:] if count else []

    def _ways_to(self, version: str, share: float) -> Iterator[str]:
        """The pre-releases of a version, in the order in which they are made, and the version."""
        if self.chance.random() < share:
            for channel in ("alpha", "beta", "rc"):
                yield from (f"{version}-{channel}.{n}" for n in range(1, self.chance.randint(1, 3)))
        yield version


def _shares(total: int, parts: int) -> list[int]:
    """``total`` in so many nearly equal parts."""
    return [total * (number + 1) // parts - total * number // parts for number in range(parts)]
