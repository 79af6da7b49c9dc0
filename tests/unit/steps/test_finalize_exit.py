"""finalize and suite-finalize beside the main container of their pods: real processes, one of which is killed."""

import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest

from validationrun.base import conventions
from validationrun.steps import context, finalize_exit, main

FINALIZE = """
import pathlib, sys, time
from validationrun.steps import context, main
from validationrun.base import conventions
folder, code, seconds, step = sys.argv[1:]
conventions.OUTPUT_DIR = folder
context.TERMINATION_LOG = pathlib.Path(folder, "log")
def program(given, _):
    print("begun", flush=True)
    time.sleep(float(seconds))
    context.termination_message("Failed: RuleFailed:height")
    return int(code)
main.Context.from_environment = classmethod(lambda cls, step: None)
main.PROGRAMS[step] = program
# As the templates start them.
sys.exit(main.run([step, "--set=only="] if step == "suite-finalize" else [step]))
"""
MAIN = """
import pathlib, sys
from validationrun.steps import context, main
from validationrun.base import conventions
conventions.OUTPUT_DIR = sys.argv[1]
context.TERMINATION_LOG = pathlib.Path(sys.argv[1], "main-log")
sys.exit(main.run(["exit-as-finalize"]))
"""


def finalize(
    folder: pathlib.Path, *, code: int = 1, seconds: float = 0.2, step: str = "finalize"
) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", FINALIZE, str(folder), str(code), str(seconds), step]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def beside(folder: pathlib.Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", MAIN, str(folder)], stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> int:
    """Its exit code, and its pipes closed."""
    with process:
        return process.wait(60)


@pytest.mark.parametrize("step", ["finalize", "suite-finalize"])
@pytest.mark.parametrize("code", [0, 1, 70])
def test_the_main_container_ends_as_finalize_did(tmp_path: pathlib.Path, code: int, step: str) -> None:
    """It may have begun before finalize did."""
    waits = beside(tmp_path)
    assert ended(finalize(tmp_path, code=code, step=step)) == code
    assert ended(waits) == code
    assert (tmp_path / "main-log").read_text() == "Failed: RuleFailed:height"
    assert (tmp_path / conventions.OUTPUT_FINALIZE_EXIT_CODE).read_text() == str(code)


@pytest.mark.parametrize("step", ["finalize", "suite-finalize"])
def test_a_killed_finalize_leaves_the_file_out_without_which_argo_tries_again(
    tmp_path: pathlib.Path, step: str
) -> None:
    killed, waits = finalize(tmp_path, seconds=600, step=step), beside(tmp_path)
    assert killed.stdout is not None
    assert killed.stdout.readline() == "begun\n"
    assert waits.poll() is None
    killed.send_signal(signal.SIGKILL)
    assert ended(killed) == -signal.SIGKILL
    assert ended(waits) == 0
    assert not (tmp_path / conventions.OUTPUT_FINALIZE_EXIT_CODE).exists()
    assert "killed" in (tmp_path / "main-log").read_text()


def test_sigterm_ends_no_main_container_while_finalize_goes_on(tmp_path: pathlib.Path) -> None:
    runs, waits = finalize(tmp_path, seconds=3), beside(tmp_path)
    until_handled(waits.pid)
    waits.send_signal(signal.SIGTERM)
    assert waits.stderr is not None
    assert "waiting for finalize" in waits.stderr.readline()
    assert ended(runs) == ended(waits) == 1


def until_handled(pid: int) -> None:
    """Until the process has a handler for SIGTERM."""
    caught = re.compile(r"^SigCgt:\s*([0-9a-f]+)$", re.MULTILINE)
    while True:
        found = caught.search(pathlib.Path(f"/proc/{pid}/status").read_text())
        if found and int(found[1], 16) >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.05)


def test_a_finalize_that_never_begins_is_tried_again(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "TERMINATION_LOG", tmp_path / "log")
    slept: list[float] = []
    assert finalize_exit.exit_as_finalize(tmp_path, slept.append) == 0
    assert round(sum(slept)) == 120
    assert "did not begin" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("step", ["finalize", "suite-finalize"])
def test_a_template_of_an_older_compiler_runs_finalize_in_the_main_container(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """What it leaves for a main container stands beside the outputs, and nobody reads it."""
    monkeypatch.setattr(conventions, "OUTPUT_DIR", str(tmp_path / "missing"))
    monkeypatch.setattr(context, "TERMINATION_LOG", tmp_path / "log")
    monkeypatch.setattr(main.Context, "from_environment", lambda step: None)
    monkeypatch.setitem(main.PROGRAMS, step, lambda *_: 1)  # type: ignore[arg-type]
    assert main.run([step]) == 1
