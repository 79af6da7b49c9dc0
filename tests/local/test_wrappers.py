"""The wrappers of docs/workload.md: each compiles, and the suites of Python and Go run as they stand there."""

import shutil
import subprocess
import sys

import pytest

from emit_helpers import as_yaml, full_run
from local_kit import Spec, ran
from validationrun.compiling.pipeline import lint
from workload_page import WRAPPERS

PYTHON_SUITE = {
    "passes": "def test_it(): assert True",
    "fails": "def test_it(): assert 1 == 2",
    "crashes": "import a_module_that_is_missing",
    "is empty": "",
}
GO_SUITE = {
    "passes": "",
    "fails": 't.Error("1 is not 2")',
    "crashes": "var none map[string]int; none[t.Name()] = 1",
}
VERDICTS = {
    "passes": ("Succeeded", "RunSucceeded"),
    "fails": ("Failed", "WorkloadFailed"),
    "crashes": ("Error", "WorkloadInfraFailure"),
    "is empty": ("Error", "WorkloadInfraFailure"),
}


def test_every_wrapper_is_here():
    assert list(WRAPPERS) == ["A Python test suite", "A Go test suite", "k6", "Locust", "sei-load with a rate"]


@pytest.mark.parametrize("name", WRAPPERS)
def test_it_compiles_without_a_finding_of_its_load(name):
    run = full_run()
    run["spec"]["load"] = WRAPPERS[name]
    result = lint(as_yaml(run), "run.yaml")
    assert result.ok, result.diagnostics
    assert not [found for found in result.diagnostics if found.code.startswith("VR4")], result.diagnostics


def of_page(name, replaced):
    """The wrapper's load with this machine's programs in the places of the image's."""
    load = WRAPPERS[name]
    workload = {key: value for key, value in load["workload"].items() if key not in ("image", "command")}
    command = [replaced.get(word, word) for word in load["workload"]["command"]]
    return Spec(command, duration="20s", min_duration=load["minDuration"], workload=workload)


@pytest.mark.parametrize("how", PYTHON_SUITE)
def test_a_python_suite(tmp_path, how):
    suite = tmp_path / "suite"
    suite.mkdir()
    (suite / "test_it.py").write_text(PYTHON_SUITE[how])
    done = ran(of_page("A Python test suite", {"python3": sys.executable, "/suite": str(suite)}), tmp_path)
    assert done.verdict == VERDICTS[how], done.err
    assert list(done.folder.rglob("*junit.xml")), "the suite's own report is collected"


@pytest.mark.parametrize("how", GO_SUITE)
def test_a_go_suite(tmp_path, how):
    suite = tmp_path / "suite"
    suite.mkdir()
    (suite / "go.mod").write_text("module suite\n\ngo 1.21\n")
    text = f'package suite\n\nimport "testing"\n\nfunc TestIt(t *testing.T) {{ {GO_SUITE[how]} }}\n'
    (suite / "it_test.go").write_text(text)
    go = shutil.which("go")
    assert go is not None, "the wrapper of a Go suite needs Go"
    subprocess.run([go, "test", "-c", "-o", "suite.test"], cwd=suite, check=True)
    done = ran(of_page("A Go test suite", {"/suite/suite.test": str(suite / "suite.test")}), tmp_path)
    assert done.verdict == VERDICTS[how], done.err


def test_a_python_script_that_crashes_is_no_failed_assertion(tmp_path):
    """As VR422 advises: a code of its own for assertions."""
    for script, verdict in (
        ("raise SystemExit(99)", VERDICTS["fails"]),
        ("import nothing_of_that_name", VERDICTS["crashes"]),
    ):
        folder = tmp_path / verdict[0]
        folder.mkdir()
        spec = Spec([sys.executable, "-c", script], duration="20s", workload={"exitCodes": {"failed": [99]}})
        assert ran(spec, folder).verdict == verdict
