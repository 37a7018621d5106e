"""Reports that the real pytest and the real coverage.py wrote about a real, small project."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tidegate.readers.registry import read_beside, read_report

pytest.importorskip("coverage", reason="coverage.py is not installed")

CODE = """\
def sign(number):
    if number > 0:
        return "+"
    for _ in range(number, 0):
        return "-"
    return "0"


def never():
    return [n for n in (1, 2) if n]


class Empty:
    def here(self):  # pragma: no cover
        return 1
"""
GOOD = """\
import pytest
from code_under_test import sign

@pytest.mark.parametrize("n", [1, 2])
def test_positive(n):
    assert sign(n) == "+"

def test_negative():
    assert sign(-1) == "-"
"""
BAD = """\
import pytest

@pytest.fixture
def breaks_after():
    yield
    raise RuntimeError("\\x1b[31m ]]> <failure/> é")

@pytest.fixture
def breaks_before():
    raise RuntimeError("before")

def test_passes(): print("<testcase><failure/></testcase>")
def test_fails(): assert 1 == 2
def test_error_before(breaks_before): pass
def test_error_after(breaks_after): pass
def test_fails_and_error_after(breaks_after): assert 0
def test_skip(): pytest.skip("not here")
def test_skip_and_error_after(breaks_after): pytest.skip("not here")
@pytest.mark.xfail
def test_expected_to_fail(): assert 0
@pytest.mark.xfail(strict=True)
def test_unexpectedly_passes(): pass
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "code_under_test.py").write_text(CODE)
    (folder / "test_good.py").write_text(GOOD)
    (folder / "test_bad.py").write_text(BAD)
    (folder / "test_broken.py").write_text("import no_such_module\n")
    return folder


def run(project: Path, *arguments: str) -> int:
    """The tool's own exit code, in an environment where no tool of ours measures it."""
    ours = ("PYTEST_", "COV", "COVERAGE", "PYTHONPATH")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=project, env=environment, capture_output=True)
    return done.returncode


def junit(project: Path, *arguments: str, family: str = "xunit2") -> tuple[int, dict[str, object]]:
    report = project / "report.xml"
    options = ["-p", "no:cacheprovider", "-o", f"junit_family={family}", f"--junitxml={report}"]
    code = run(project, "pytest", *options, *arguments)
    reading = read_report(report.name, report.read_bytes())
    assert reading.kind == "junit"
    assert reading.taken_at is not None
    return code, {name: value for name, value in reading.values.items() if name != "duration_s"}


def test_a_good_run(project: Path) -> None:
    code, values = junit(project, "test_good.py")
    assert code == 0
    assert values == {"total": 3, "passed": 3, "failed": 0, "errors": 0, "skipped": 0}


@pytest.mark.parametrize("family", ["xunit1", "xunit2"])
def test_every_way_in_which_a_test_can_end(project: Path, family: str) -> None:
    code, values = junit(project, "test_bad.py", family=family)
    assert code == 1
    # Ten cases for nine tests: pytest writes one that fails and then breaks as two.
    assert values == {"total": 10, "passed": 1, "failed": 7, "errors": 4, "skipped": 2}


def test_a_file_that_cannot_be_imported_is_an_error(project: Path) -> None:
    code, values = junit(project, "test_broken.py", "test_good.py")
    assert code == 2
    assert values["failed"] == values["errors"] == 1


def test_a_run_that_selects_nothing_is_zero_tests(project: Path) -> None:
    code, values = junit(project, "test_good.py", "-k", "nothing")
    assert code == 5
    assert values == {"total": 0, "passed": 0, "failed": 0, "errors": 0, "skipped": 0}


@pytest.mark.parametrize("branches", [True, False])
def test_a_coverage_report(project: Path, branches: bool) -> None:
    options = ["--branch"] if branches else []
    data = project / "coverage.data"
    measured = ["run", f"--data-file={data}", "--include=code_under_test.py", *options]
    assert run(project, "coverage", *measured, "-m", "pytest", "-p", "no:cacheprovider", "test_good.py") == 0
    assert run(project, "coverage", "json", f"--data-file={data}", "-o", "coverage.json") == 0
    reading = read_report("coverage.json", (project / "coverage.json").read_bytes())
    expected = {"line": 7 / 9, "lines_total": 9, "lines_covered": 7}
    if branches:
        expected["branch"] = 0.75
    assert (reading.kind, dict(reading.values), reading.taken_at) == ("coverage", expected, None)


FORMS = {
    "xml": ("coverage.xml", ["-q", "-o"]),
    "lcov": ("coverage.lcov", ["-q", "-o"]),
    "json": ("c.json", ["-q", "-o"]),
}


@pytest.mark.parametrize("branches", [True, False])
def test_every_form_of_one_measurement_says_the_same(project: Path, branches: bool) -> None:
    data = project / "forms.data"
    measured = ["run", f"--data-file={data}", "--include=code_under_test.py", *(["--branch"] if branches else [])]
    assert run(project, "coverage", *measured, "-m", "pytest", "-p", "no:cacheprovider", "test_good.py") == 0
    found = {}
    for form, (name, options) in FORMS.items():
        assert run(project, "coverage", form, f"--data-file={data}", *options, name) == 0
        reading = read_report(name, (project / name).read_bytes())
        assert reading.kind == "coverage"
        found[form] = dict(reading.values)
        # Of the three forms, XML alone names an instant.
        assert (reading.taken_at is not None) == (form == "xml")
    assert found["xml"] == found["lcov"] == found["json"]
    assert ("branch" in found["xml"]) == branches


BENCHMARKS = """\
def test_sum(benchmark):
    benchmark(sum, range(100))
"""


def test_what_pytest_benchmark_writes_is_read_and_compared_with_itself(project: Path) -> None:
    pytest.importorskip("pytest_benchmark", reason="pytest-benchmark is not installed")
    (project / "test_speed.py").write_text(BENCHMARKS)
    quick = ["--benchmark-max-time=0.02", "--benchmark-min-rounds=3", "-p", "no:cacheprovider"]
    assert run(project, "pytest", "test_speed.py", *quick, "--benchmark-json=bench.json") == 0
    written = (project / "bench.json").read_bytes()
    assert read_report("bench.json", written).values == {"total": 1}
    beside = read_beside("bench.json", written, None, written)
    assert beside.values == {"total": 1, "slower": 0, "worst_ratio": 1.0, "missing": 0}
